"""Making the Python environment, mostly with a pip and a venv that only pretend."""

import ast
import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import setup_environment as setup


@pytest.fixture
def folder(tmp_path):
    """Where the environment shall be."""
    return tmp_path / "checkout" / ".venv"


@pytest.fixture
def requirements(tmp_path):
    """A requirements file."""
    path = tmp_path / "requirements.txt"
    path.write_text("one==1 --hash=sha256:00\n")
    return path


@pytest.fixture
def calls(folder, monkeypatch):
    """Replace venv and pip: `calls` lists what ran, and `calls.fail` is raised by the next pip."""

    class Calls(list):
        fail = None

    calls = Calls()

    def run(command, quiet_about=None):
        if "venv" in command:
            calls.append("venv")
            (folder / "bin").mkdir(parents=True)
            (folder / "bin" / "python").symlink_to(sys.executable)
            (folder / "bin" / "pip").write_text(f"#!{folder}/bin/python\n")
            (folder / "pyvenv.cfg").touch()
        else:
            assert command[0] == str(folder / "bin" / "python")
            assert "--require-hashes" in command
            calls.append("pip" if quiet_about is None else "quiet pip")
            if calls.fail:
                raise calls.fail

    monkeypatch.setattr(setup, "run", run)
    return calls


def set_up(folder, requirements):
    setup.set_up(str(folder), str(requirements))


def test_an_old_python_can_read_the_script_to_say_that_it_is_too_old():
    ast.parse(Path(setup.__file__).read_text(encoding="utf-8"), feature_version=(3, 6))


def test_a_complete_environment_is_left_alone_without_a_word(folder, requirements, calls, capfd):
    set_up(folder, requirements)
    assert calls == ["venv", "pip"]
    assert "Making the Python environment" in capfd.readouterr().out
    set_up(folder, requirements)
    assert calls == ["venv", "pip"]
    assert capfd.readouterr() == ("", "")


def test_changed_requirements_update_it_in_place(folder, requirements, calls):
    set_up(folder, requirements)
    requirements.write_text("one==2 --hash=sha256:00\n")
    set_up(folder, requirements)
    set_up(folder, requirements)
    assert calls == ["venv", "pip", "quiet pip"]


def test_an_environment_made_by_hand_is_completed(folder, requirements, calls):
    set_up(folder, requirements)
    (folder / setup.STAMP).unlink()
    set_up(folder, requirements)
    assert calls == ["venv", "pip", "quiet pip"]


@pytest.mark.parametrize("first", [True, False])
def test_an_interrupted_install_is_begun_anew(folder, requirements, calls, first):
    if not first:
        set_up(folder, requirements)
        requirements.write_text("one==2 --hash=sha256:00\n")
    calls.fail = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        set_up(folder, requirements)
    (folder / "half").mkdir()
    (folder / "half" / "installed.py").touch()
    calls.fail = None
    calls.clear()
    set_up(folder, requirements)
    set_up(folder, requirements)
    assert calls == ["venv", "pip"]
    assert not (folder / "half").exists()


def test_an_update_that_fails_keeps_what_was_there_and_is_tried_again(folder, requirements, calls):
    set_up(folder, requirements)
    (folder / "kept").touch()
    requirements.write_text("one==2 --hash=sha256:00\n")
    calls.fail = setup.SetupError("no network")
    for _ in range(2):
        with pytest.raises(setup.SetupError):
            set_up(folder, requirements)
    assert calls == ["venv", "pip", "quiet pip", "quiet pip"]
    assert (folder / "kept").exists()


def test_an_environment_that_was_moved_is_made_anew(folder, requirements, calls):
    set_up(folder, requirements)
    script = folder / "bin" / "pip"
    script.write_text(script.read_text().replace("checkout", "elsewhere"))
    stamp = folder / setup.STAMP
    stamp.write_text(stamp.read_text().replace("checkout", "elsewhere"))
    set_up(folder, requirements)
    assert calls == ["venv", "pip", "venv", "pip"]


def test_an_environment_whose_python_is_gone_is_made_anew(folder, requirements, calls):
    set_up(folder, requirements)
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to("/no/such/python")
    set_up(folder, requirements)
    assert calls == ["venv", "pip", "venv", "pip"]


def test_a_folder_with_other_things_is_not_emptied(folder, requirements, calls):
    folder.mkdir(parents=True)
    (folder / "thesis.tex").touch()
    with pytest.raises(setup.SetupError, match="is not empty"):
        set_up(folder, requirements)
    assert (folder / "thesis.tex").exists()
    assert calls == []


def test_an_old_python_is_refused_and_a_newer_one_is_pointed_out(folder, requirements, calls, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 8, 10, "final", 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(setup.SetupError, match=r"needs Python 3\.11 or newer, and .* is 3\.8\. Install one"):
        set_up(folder, requirements)
    (tmp_path / "python3.12").touch(mode=0o755)
    with pytest.raises(setup.SetupError, match=r"make PYTHON=python3\.12"):
        set_up(folder, requirements)
    assert calls == []
    assert not folder.exists()


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_names_the_package(folder, requirements, calls, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(setup.SetupError, match="apt install python3-venv"):
        set_up(folder, requirements)
    assert calls == []


def test_a_second_run_waits_for_the_first_and_has_nothing_left_to_do(folder, requirements, calls, monkeypatch):
    set_up(folder, requirements)
    stamp = (folder / setup.STAMP).read_text()
    (folder / setup.STAMP).unlink()
    calls.clear()
    said = []
    monkeypatch.setattr(setup, "say", said.append)
    with open(folder / setup.LOCK, "w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second = threading.Thread(target=set_up, args=(folder, requirements))
        second.start()
        deadline = time.monotonic() + 10
        while not said and time.monotonic() < deadline:
            time.sleep(0.01)
        assert said == [f"Another run is setting up {folder}; waiting for it."]
        (folder / setup.STAMP).write_text(stamp)
    second.join(10)
    assert not second.is_alive()
    assert calls == []


def test_the_lock_outlives_the_emptying_of_the_folder(folder, requirements, calls):
    set_up(folder, requirements)
    lock = os.stat(folder / setup.LOCK).st_ino
    (folder / setup.STAMP).unlink()
    (folder / setup.UNFINISHED).touch()
    set_up(folder, requirements)
    assert calls == ["venv", "pip", "venv", "pip"]
    assert os.stat(folder / setup.LOCK).st_ino == lock


def test_what_is_already_there_is_not_listed(capfd):
    setup.run(["printf", "Requirement already satisfied: one\nCollecting two\n"], "Requirement already satisfied")
    assert capfd.readouterr().out == "Collecting two\n"


@pytest.mark.parametrize("quiet_about", [None, "Requirement"])
def test_a_command_that_fails_is_named(quiet_about):
    with pytest.raises(setup.SetupError, match="`false` failed"):
        setup.run(["false"], quiet_about)


def test_the_real_thing_makes_an_environment_once(folder, tmp_path, monkeypatch):
    nothing = tmp_path / "requirements.txt"
    nothing.write_text("# no packages, so no network\n")
    monkeypatch.setattr(setup, "REQUIREMENTS", str(nothing))
    assert setup.main([str(folder)]) == 0
    made = os.stat(folder / "pyvenv.cfg").st_mtime_ns
    assert subprocess.run([folder / "bin" / "python", "-m", "pip", "--version"], capture_output=True).returncode == 0
    begin = time.monotonic()
    assert setup.main([str(folder)]) == 0
    assert time.monotonic() - begin < 0.1
    assert os.stat(folder / "pyvenv.cfg").st_mtime_ns == made


def test_an_interrupt_is_no_traceback(folder, requirements, calls, monkeypatch, capfd):
    monkeypatch.setattr(setup, "REQUIREMENTS", str(requirements))
    calls.fail = KeyboardInterrupt()
    assert setup.main([str(folder)]) == 130
    assert "begins anew" in capfd.readouterr().err


def test_a_wrong_call_says_the_right_one(capfd):
    assert setup.main([]) == 2
    assert "Usage:" in capfd.readouterr().err
