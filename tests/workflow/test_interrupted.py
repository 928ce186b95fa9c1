"""Runs that are killed in the middle, and runs that meet in one folder: what stays is whole, and the same bytes."""

import base64
import json
import os
import signal
import time

import psutil
import pytest
from runs import DESCRIBES, HALF, OVERVIEW, changed, edited, listed

# Put on the path of every process of a run: kills the whole run at a given moment of a job. That is either just before
# a file of that name is moved to its place, when all has been written beside it, or when CmdStan has begun to sample.
KILLER = """\
import os, signal, subprocess
moment = os.environ["KILLED_AT"]
replace, popen = os.replace, subprocess.Popen
def kill():
    os.killpg(os.getpgrp(), signal.SIGKILL)
def replace_unless_killed(source, target, **options):
    if os.path.basename(target) == moment:
        kill()
    return replace(source, target, **options)
class PopenAndKill(popen):
    def __init__(self, command, *arguments, **options):
        super().__init__(command, *arguments, **options)
        if moment == "sampling" and "method=sample" in command:
            kill()
os.replace, subprocess.Popen = replace_unless_killed, PopenAndKill
"""
OTHER = "Another run is at work in this folder"
PATIENCE = 120  # seconds until something that a run should do is given up


def wait_for(condition, process):
    """Wait until something is so while a run goes on."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, "the run ended before"
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def half_of(finished):
    """The files of a run of `HALF` and their hashes, which are those of the whole for that data set."""
    hashes = finished.hashes()
    return {
        name: found
        for name, found in hashes.items()
        if "/pair" not in name and "/calls" not in name and name not in (*DESCRIBES, *OVERVIEW)
    }


def assert_whole(run, finished):
    """A run of `HALF` is complete: same bytes, nothing left behind, a true manifest."""
    hashes = run.hashes()
    assert set(hashes) == {*half_of(finished), *DESCRIBES, *OVERVIEW}
    assert {name: hashes[name] for name in half_of(finished)} == half_of(finished)
    assert json.loads((run / "results/manifest.json").read_text())["artifacts"] == listed(hashes)
    assert not list((run / "results").rglob(".unfinished-*"))
    logs = {name.replace("/pair", "/readings") for name in finished.times() if name.startswith("results/logs/")}
    assert {name for name in run.times() if name.startswith("results/logs/")} <= logs


@pytest.fixture(scope="module")
def killed(new_run, toolchain_record, tmp_path_factory):
    """A run that was killed again and again, and then was let go on; what it said at last."""
    run = new_run("killed", HALF)
    scratch = tmp_path_factory.mktemp("scratch")
    (scratch / "sitecustomize.py").write_text(KILLER)
    said = scratch / "said.txt"
    litter = []
    with run.started(said, TMPDIR=str(scratch)) as process:
        wait_for((run / "results/data/readings/observations.csv").exists, process)
        os.killpg(process.pid, signal.SIGKILL)
    for moment in ("univariate", "sampling", "draws.nc", "loo.json", "membership.svg", "readings.html"):
        environment = {"PYTHONPATH": str(scratch), "KILLED_AT": moment, "TMPDIR": str(scratch)}
        with run.started(said, **environment) as process:
            assert process.wait(PATIENCE) == -signal.SIGKILL, f"not killed at {moment}:\n{said.read_text()}"
        litter += [path.name for path in (run / "results").rglob(".*")]
    told = run.snakemake()
    return run, told, litter


def test_a_killed_run_started_again_completes(killed):
    _, told, _ = killed
    assert told.returncode == 0, told.stdout
    assert "--unlock" not in told.stdout
    assert "--rerun-incomplete" not in told.stdout


def test_a_killed_run_gives_the_same_bytes_and_leaves_nothing_behind(killed, finished):
    run, _, litter = killed
    assert any(name.endswith("draws.nc") for name in litter), "no file was cut short, so this tests nothing"
    assert_whole(run, finished)


def test_after_a_killed_run_nothing_is_left_to_do(killed, outdated):
    assert outdated(killed[0]) == set()


def test_two_runs_that_start_at_once_do_no_harm(new_run, finished, tmp_path):
    run = new_run("twice", HALF)
    with run.started(tmp_path / "first.txt") as first, run.started(tmp_path / "second.txt") as second:
        codes = [first.wait(PATIENCE), second.wait(PATIENCE)]
    assert 0 in codes
    for name, code in zip(("first.txt", "second.txt"), codes, strict=True):
        said = (tmp_path / name).read_text()
        assert "Traceback" not in said
        assert code == 0 or OTHER in said or "other Snakemake process" in said, said
    assert_whole(run, finished)


def test_a_fit_ends_with_its_run_when_the_main_process_alone_is_killed(finished, new_run, tmp_path, forked):
    """The configuration is edited then, and what the killed run sampled must be nowhere in the next one's results."""
    run = new_run("orphan", changed(HALF, "warmup: 200, draws: 300", "warmup: 9000, draws: 100000"))
    with run.started(tmp_path / "said.txt") as main:
        wait_for(lambda: sampling(main), main)
        family = psutil.Process(main.pid).children(recursive=True)
        assert len([process for process in family if "method=sample" in process.cmdline()]) == 2
        main.kill()
        end = time.monotonic() + PATIENCE
        while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family):
            assert time.monotonic() < end, "a process outlived its run"
            time.sleep(0.01)
    run.configure(HALF)
    told = run.snakemake()
    assert told.returncode == 0, told.stdout
    assert_whole(run, finished)


def sampling(main):
    """Whether both chains of a run are sampled now."""
    commands = []
    for process in psutil.Process(main.pid).children(recursive=True):
        try:
            commands.append(process.cmdline())
        except psutil.NoSuchProcess:
            continue
    return sum("method=sample" in command for command in commands) == 2


def test_an_artifact_that_was_edited_goes_into_no_page(finished):
    run = finished.copy("tampered")
    made = {name: (run / name).read_bytes() for name in ("results/reports/pair.html", "results/manifest.json")}
    fit = run / "results/fits/pair/free/2"
    table = (fit / "summary.csv").read_text()
    (fit / "summary.csv").write_text(table.replace("mu,1,", "mu,1,1", 1))
    draws = run / "results/fits/readings/free/2/draws.nc"
    with open(draws, "r+b") as file:
        file.truncate(draws.stat().st_size // 2)
    told = run.snakemake()
    assert told.returncode != 0
    for name in ("pair/free/2/summary.csv", "readings/free/2/draws.nc"):
        assert f"results/fits/{name}: the file is not what the job wrote that made it" in told.stdout
    assert "Traceback" not in told.stdout
    for name, content in made.items():  # Snakemake takes away the page of a job that failed
        assert not (run / name).exists() or (run / name).read_bytes() == content
    (fit / "summary.csv").unlink()
    draws.unlink()
    told = run.snakemake()
    assert told.returncode == 0, told.stdout
    assert run.hashes() == finished.hashes()


def test_what_other_workflows_left_in_the_folder_stays(finished, forked):
    """Locks and marks of unfinished outputs are Snakemake's own; one that leads out of the folder leads nowhere."""
    run = finished.copy("shared")
    victims = [run.folder.parent / "victim.txt", run / "results" / "of another workflow.txt", run / "notes.txt"]
    for victim in victims:
        victim.write_text("kept")
    locks, marks = run / ".snakemake" / "locks", run / ".snakemake" / "incomplete"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text("notes.txt\nresults/of another workflow.txt\n")
    names = ["../victim.txt", "results/of another workflow.txt", "notes.txt"]
    for name in names:
        (marks / base64.urlsafe_b64encode(name.encode()).decode()).write_text('{"external_jobid": null}')
    before = sorted(path for path in (run / ".snakemake").rglob("*.lock")), sorted(marks.iterdir())
    for arguments in (["--dry-run"], ["--dry-run", "--workflow-profile", "none"], []):
        code, said = forked(run, *arguments)
        assert code == 0, said
    with edited(run / "config" / "config.yaml", lambda text: text + "# the same\n"):
        assert forked(run, "--summary")[0] == 0
    assert (sorted((run / ".snakemake").rglob("*.lock")), sorted(marks.iterdir())) == before
    assert [victim.read_text() for victim in victims] == ["kept"] * 3
    victims[0].unlink()
