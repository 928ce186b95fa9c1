"""The command `stanmix`: what it says and returns, and that the wheel has all that a run needs."""

import os
import subprocess
import sys
import webbrowser
import zipfile

import pytest

from stanmix import __version__
from stanmix.app import cli
from stanmix.families.registry import FAMILIES

CONFIG = """\
datasets:
  d: {csv: d.csv, column: y}
models:
  m: {family: normal}
analyses:
  - {dataset: d, models: [m], components: [1, 2]}
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A folder with a configuration and its data, in which the test then is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text(CONFIG)
    (tmp_path / "d.csv").write_text("y,z\n" + "".join(f"{i * 1.37 % 5},{i}\n" for i in range(40)))
    return tmp_path


def pages(study, *names):
    (study / "results" / "reports").mkdir(parents=True, exist_ok=True)
    for name in names:
        (study / "results" / "reports" / f"{name}.html").write_text("")


def test_check_says_what_would_be_made(study, capsys):
    assert cli.main(["check"]) == 0
    assert capsys.readouterr().out == "Nothing is wrong. 2 fits of 1 data set: d.\n"
    # nothing but what checks keep for the next call
    assert set(os.listdir(study)) <= {".snakemake", "config", "d.csv"}


def test_check_says_everything_at_once_with_its_line(study, capsys):
    (study / "config" / "config.yaml").write_text(CONFIG.replace("normal", "norml").replace("[1, 2]", "0"))
    assert cli.main(["check"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:2] for line in said] == [
        ["config/config.yaml, line 4", f"models.m.family is 'norml'; allowed are {', '.join(FAMILIES)}."],
        ["config/config.yaml, line 6", "analyses[0].components is 0; it must be at least 1."],
    ]  # fmt: skip


def test_check_hears_what_snakemake_would_hear(study, capsys):
    (study / "more.yaml").write_text("datasets: {d: {column: z}}\nseed: 3\n")
    assert cli.main(["check", "--configfile", "more.yaml"]) == 0
    (study / "more.yaml").write_text("datasets: {d: {column: x}}\n")
    assert cli.main(["check", "--configfile", "more.yaml"]) == 1
    assert "d.csv, line 1: there is no column 'x'" in capsys.readouterr().err
    assert cli.main(["check", "--config", "seed=-1"]) == 1
    assert "seed is -1; it must be at least 0" in capsys.readouterr().err


def test_without_a_configuration_it_says_how_to_begin(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check"]) == 1
    assert "config/config.yaml: there is no such file; `stanmix init data.csv` writes one" in capsys.readouterr().err
    assert cli.main(["check", "--directory", "nowhere"]) == 1
    assert "nowhere: there is no such folder" in capsys.readouterr().err


def test_a_run_with_faults_begins_nothing_and_has_no_frame(study, capsys):
    (study / "config" / "config.yaml").write_text(CONFIG.replace("column: y", "column: q"))
    assert cli.main(["run", "--directory", str(study), "--cores", "1"]) == 1
    said = capsys.readouterr().err
    assert "d.csv, line 1: there is no column 'q'; the header has 'y', 'z'." in said
    assert "WorkflowError" not in said
    assert not (study / "results").exists()


def test_options_that_nobody_knows_are_refused(study, capsys):
    for arguments in (["check", "--cores", "2"], ["open", "--force"], ["init"], [], ["runs"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 2
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", "--no-such-option"])
    assert caught.value.code == 2
    assert "--no-such-option" in capsys.readouterr().err


def test_open_shows_the_pages(study, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(webbrowser, "open", lambda address: shown.append(address) or True)
    assert cli.main(["open"]) == 1
    assert "there is no report yet; `stanmix run` makes them" in capsys.readouterr().err
    pages(study, "a", "b c")
    assert cli.main(["open"]) == 0
    reports = study / "results" / "reports"
    assert shown == [(reports / "a.html").as_uri(), (reports / "b c.html").as_uri()]
    shown.clear()
    assert cli.main(["open", "a", "--directory", str(study)]) == 0
    assert shown == [(reports / "a.html").as_uri()]
    assert cli.main(["open", "x"]) == 1
    assert "there is no such report; there are: a, b c." in capsys.readouterr().err


def test_open_does_not_flood_the_browser_and_needs_none(study, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(webbrowser, "open", lambda address: shown.append(address))  # None, as where there is no browser
    pages(study, "a")
    assert cli.main(["open"]) == 0
    assert capsys.readouterr().out == f"{study / 'results' / 'reports' / 'a.html'}\n"
    shown.clear()
    pages(study, *(f"p{i}" for i in range(6)))
    assert cli.main(["open"]) == 0
    assert not shown
    assert "There are 7 reports; name those to open, as in `stanmix open a`:" in capsys.readouterr().out
    (study / "results" / "overview.html").write_text("")
    assert cli.main(["open"]) == 0
    assert shown == [(study / "results" / "overview.html").as_uri()]


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """The wheel of this checkout, by way of the source distribution, built without a network."""
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    place = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling import build; build.{}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build.format("build_sdist"), place], cwd=root, check=True)
    (archive,) = place.glob("*.tar.gz")
    subprocess.run([sys.executable, "-m", "tarfile", "-e", archive, place], check=True)
    source = archive.with_name(archive.name.removesuffix(".tar.gz"))
    subprocess.run([sys.executable, "-c", build.format("build_wheel"), place], cwd=source, check=True)
    (path,) = place.glob("*.whl")
    assert path.name.startswith(f"stanmix-{__version__}-")
    return path


def files_below(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")
            if path.is_file() and path.suffix != ".pyc"}  # fmt: skip


def test_the_wheel_has_every_file_of_the_workflow(root, wheel):
    expected = {"stanmix/_share/Snakefile": root / "Snakefile"}
    for name, path in files_below(root / "workflow").items():
        if name != "setup_environment.py":  # which makes the environment of a checkout
            expected[name if name.startswith("stanmix/") else f"stanmix/_share/workflow/{name}"] = path
    for folder in ("stan", "profiles"):
        expected |= {f"stanmix/_share/{folder}/{name}": path for name, path in files_below(root / folder).items()}
    with zipfile.ZipFile(wheel) as archive:
        found = {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}
    assert sorted(found) == sorted(expected)
    assert all(found[name] == path.read_bytes() for name, path in expected.items())


def test_the_installed_command_runs_in_any_folder(wheel, study, tmp_path_factory):
    place = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    command = [sys.executable, "-c", "from stanmix.app.cli import main; raise SystemExit(main())", "run", "--dry-run"]
    told = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(place)}, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    said = told.stdout + told.stderr
    assert f"{place}/stanmix/_share/profiles/default" in said
    assert "Sampling m with 2 components for d" in said
    assert "The report" not in said
