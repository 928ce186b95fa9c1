"""What can be told of CmdStan's work without CmdStan."""

import errno
import io
import os
from pathlib import Path

import pytest

from stanmix.base.errors import UserError
from stanmix.base.files import read_json
from stanmix.stan import cmdstan

RECORD = {"cmdstan": "2.99.0", "compiler": "g++ (Fake) 99.1"}
STARTS = "#!/bin/sh\nexit 0\n"
OF_CODE = (
    "kernels/univariate.hpp:3:2: error: #error of a compiler that cannot take the kernel",
    "kernels/pack.hpp:12: fatal error: emmintrin.h: No such file or directory",
    "univariate.cpp:(.text+0x1b): undefined reference to `continuous_kernel(double)'",
    "Undefined symbols for architecture arm64:",
    "Semantic error in 'univariate.stan', line 10, column 0:",
)
OF_MACHINE = (
    "cc1plus: fatal error: error writing to /tmp/ccAbc.s: No space left on device",
    "g++: fatal error: Killed signal terminated program cc1plus",
    "virtual memory exhausted: Cannot allocate memory",
    "univariate.hpp:7:1: error: unterminated comment\n/usr/bin/ld: final link failed: No space left on device",
)


class Compiler:
    """What cmdstanpy's CmdStanModel does, without CmdStan: notes where it works, and fails when it is told to."""

    def __init__(self, monkeypatch):
        self.words = {}  # by whether there is a kernel: what make says when it fails
        self.made, self.text = [], STARTS
        monkeypatch.setattr("cmdstanpy.CmdStanModel", self)
        monkeypatch.setattr(cmdstan, "use", lambda record: None)
        monkeypatch.setattr(cmdstan, "_named", lambda record: None)
        monkeypatch.setattr(cmdstan.toolchain, "circumstances", lambda installation: ["some"])

    def __call__(self, stan_file, stanc_options, user_header):
        assert os.environ["LC_ALL"] == "C"
        if user_header is None:
            assert not any("kernels" in place for place in stanc_options["include-paths"])
        kernel = user_header is not None
        self.made.append((kernel, Path(stan_file).parent))
        if kernel in self.words:
            raise ValueError(f"Failed to compile Stan model. Console:\n{self.words[kernel]}\n")
        self.exe_file = stan_file.with_suffix("")
        self.exe_file.write_text(self.text)
        self.exe_file.chmod(0o755)
        return self


@pytest.fixture
def compiler(monkeypatch):
    return Compiler(monkeypatch)


@pytest.fixture
def compiled(compiler, root, tmp_path, monkeypatch):
    """A function that compiles the program of one column: what is said, and the executable."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def build(kernel=True):
        said, executable = [], tmp_path / "made" / "univariate"
        cmdstan.compile_program(
            "univariate", root / "stan", kernel, RECORD, executable, tmp_path / "p.json", said.append
        )
        return said, executable

    return build


@pytest.mark.parametrize("words", OF_CODE)
def test_a_kernel_that_the_compiler_complains_of_is_given_up(compiled, compiler, tmp_path, words, capsys):
    compiler.words[True] = words
    said, executable = compiled()
    assert [kernel for kernel, _ in compiler.made] == [True, False]
    assert words in said[1]
    assert words in capsys.readouterr().out  # for the log
    assert read_json(tmp_path / "p.json")["kernel"] is False
    assert executable.read_text() == STARTS


@pytest.mark.parametrize("words", [*OF_MACHINE, "make: *** something else"])
def test_a_kernel_is_not_given_up_for_what_is_not_its_fault(compiled, compiler, words):
    compiler.words[True] = words
    with pytest.raises(UserError) as raised:
        compiled()
    assert [kernel for kernel, _ in compiler.made] == [True]
    assert words.splitlines()[-1] in str(raised.value)
    assert ("TMPDIR" in str(raised.value)) is (words in OF_MACHINE)


def test_a_plain_program_that_the_compiler_complains_of_is_a_sentence(compiled, compiler):
    compiler.words = dict.fromkeys((True, False), OF_CODE[0])
    with pytest.raises(UserError, match=r"univariate\.stan cannot be compiled with CmdStan 2\.99\.0: .*#error"):
        compiled()


@pytest.mark.parametrize("damage", ["cut", "changed", "not executable"])
def test_a_kept_executable_that_is_damaged_is_compiled_again_with_a_sentence(compiled, compiler, tmp_path, damage):
    compiled()
    assert compiled()[0] == []
    assert len(compiler.made) == 1
    (kept,) = (tmp_path / "cache").rglob("univariate")
    if damage == "not executable":
        kept.chmod(0o644)
    else:
        kept.write_text({"cut": STARTS[:-3], "changed": STARTS + "# more\n"}[damage])
    said, executable = compiled()
    assert f"{kept} does not start or is not what was compiled" in said[0]
    assert len(compiler.made) == 2
    assert executable.read_text() == STARTS
    assert compiled()[0] == []


def test_other_circumstances_are_another_executable(compiled, compiler, monkeypatch):
    compiled()
    monkeypatch.setattr(cmdstan.toolchain, "circumstances", lambda installation: ["others"])
    assert "Compiling univariate.stan" in compiled()[0][0]
    monkeypatch.setattr(cmdstan.toolchain, "circumstances", lambda installation: ["some"])
    assert compiled()[0] == []
    assert len(compiler.made) == 2


def test_an_executable_that_does_not_start_is_not_kept(compiled, compiler, tmp_path):
    compiler.text = "#!/bin/sh\necho 'libtbb.so.2: not found' >&2\nexit 127\n"
    with pytest.raises(UserError, match=r"does not start: libtbb\.so\.2: not found \(return code 127\)"):
        compiled()
    assert not list((tmp_path / "cache").rglob("univariate"))


def test_a_cache_with_a_space_in_its_name_is_no_place_for_make(compiled, compiler, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "my cache"))
    compiled()
    ((_, workshop),) = compiler.made
    assert " " not in str(workshop)
    assert not workshop.exists()
    assert list((tmp_path / "my cache").rglob("univariate"))


def test_without_any_place_for_make_there_is_a_sentence(compiled, tmp_path, monkeypatch):
    (tmp_path / "a place").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "my cache"))
    monkeypatch.setattr(cmdstan.tempfile, "tempdir", str(tmp_path / "a place"))
    with pytest.raises(UserError, match="because of a space"):
        compiled()


def test_a_full_disk_while_compiling_is_a_sentence(compiled, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cmdstan.shutil, "copyfile", full)
    with pytest.raises(UserError, match="No space left on device"):
        compiled()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no file that is always full")
def test_no_room_for_draws_is_said_instead_of_what_follows_from_it():
    def die_of_it():
        with cmdstan._scratch() as folder:
            Path(folder, "room").symlink_to("/dev/full")
            raise ValueError("Error in reading csv file")

    with pytest.raises(UserError, match=r"no room for draws.*TMPDIR"):
        die_of_it()


def test_another_fault_of_a_chain_stays_what_it_is():
    with pytest.raises(ValueError, match="reading csv"), cmdstan._scratch():
        raise ValueError("Error in reading csv file")


def test_starting_values_without_numbers_are_left_out():
    values = {"theta_free": [1.0], "ordered_free": [], "mu_free": [[], []], "sigma_free": [[0.5]], "factor_free": []}
    assert cmdstan.without_empty(values) == {"theta_free": [1.0], "sigma_free": [[0.5]]}


def test_progress_counts_the_iterations_of_all_chains_and_says_so_now_and_then(monkeypatch):
    clock, said, onward = [100.0], [], io.StringIO()
    monkeypatch.setattr(cmdstan.time, "monotonic", lambda: clock[0])
    stream = cmdstan.Progress({"chains": 2, "warmup": 500, "draws": 500}, said.append, onward)
    lines = [
        (105, "Chain [1] Iteration: 100 / 1000 [ 10%]  (Warmup)"),
        (111, "Chain [2] Iteration:   1 / 1000 [  0%]  (Warmup)"),
        (112, "Chain [1] Iteration: 200 / 1000 [ 20%]  (Warmup)"),
        (130, "Chain [2] Gradient evaluation took 2e-05 seconds"),
        (130.5, "Chain [2] "),
        (130.6, ""),
        (131, "Chain [1] Iteration: 1000 / 1000 [100%]  (Sampling)"),
    ]
    for clock[0], line in lines:
        print(line, file=stream)
    assert said == ["Sampling: 101 of 2000 iterations.", "Sampling: 1001 of 2000 iterations."]
    assert onward.getvalue().splitlines() == [line for _, line in lines if line and not line.endswith("[2] ")]
