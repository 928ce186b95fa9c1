"""Runs that are killed in the middle, and runs that meet in one folder: what stays is whole, and the same bytes."""

import contextlib
import fcntl
import json
import os
import signal
import time

import pytest
from runs import DESCRIBES, HALF, OVERVIEW

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
    artifacts = {name: found for name, found in hashes.items() if name not in DESCRIBES}
    assert set(hashes) == {*half_of(finished), *DESCRIBES, *OVERVIEW}
    assert {name: found for name, found in artifacts.items() if name not in OVERVIEW} == half_of(finished)
    assert json.loads((run / "results/manifest.json").read_text())["artifacts"] == artifacts
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


def test_a_run_beside_one_that_began_in_another_s_company(new_run, finished, tmp_path):
    """The folder is held first by a third process that ends early, as a dry run does; then by the first run alone."""
    run = new_run("company", HALF)
    (run / ".snakemake").mkdir()
    with contextlib.ExitStack() as stack:
        with open(run / ".snakemake" / "stanmix.lock", "w") as company:
            fcntl.flock(company, fcntl.LOCK_SH)
            first = stack.enter_context(run.started(tmp_path / "first.txt"))
            wait_for((run / "results/data/readings/observations.csv").exists, first)
        wait_for((run / "results/logs/fit/readings/free/2.log").exists, first)
        second = run.snakemake()
        assert first.poll() is None, "the first run ended too early for this test"
        assert second.returncode != 0
        assert OTHER in second.stdout
        assert "Traceback" not in second.stdout
        assert first.wait(PATIENCE) == 0, (tmp_path / "first.txt").read_text()
    assert_whole(run, finished)
