"""A copy of the workflow, and runs of it that several tests share."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from runs import CONFIG, ENVIRONMENT, Run, outdated_in, unused

CODE = ("Snakefile", "profiles", "stan", "workflow", ".gitignore")


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A function that makes something in a folder of that name, once for all processes of the session: the folder."""
    base = tmp_path_factory.getbasetemp()
    base = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    base.mkdir(exist_ok=True)

    def once(name, make):
        folder, done = base / name, base / f"{name}.done"
        with open(base / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                make(folder)
                done.touch()
        return folder

    return once


@pytest.fixture(scope="session")
def code(root, shared, tmp_path_factory):
    """A copy of the workflow that may be edited; a git checkout of its own where git is at hand."""

    def commit(folder):
        folder.mkdir()
        for name in CODE:
            if (root / name).is_dir():
                shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(root / name, folder / name)
        if shutil.which("git"):
            identity = ["-c", "user.name=A tester", "-c", "user.email=tester@localhost", "-c", "commit.gpgsign=false"]
            for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "Code tested"]):
                subprocess.run(["git", "-C", folder, *command], check=True, capture_output=True)

    return shutil.copytree(shared("code", commit), tmp_path_factory.mktemp("stanmix") / "code", symlinks=True)


def calls(rng):
    """Counts of two kinds of callers in some hours, a fifth of them extra zeros; one is missing, one was never seen."""
    lines = ["who,name,count,hours,shifts,tries,times,again"]
    for i in range(1, 61):
        hours = rng.integers(1, 9) / 2
        count = 0 if i % 5 == 0 else rng.poisson(hours * (1 if i % 3 else 12))
        lines.append(f'"caller {i}, <b>",n{i},{count},{hours},{rng.integers(1, 4)},200,{rng.integers(1, 4)},1')
    lines[7] = '"caller 7, <b>",n7,NA,1.5,1,200,2,1'
    lines[9] = '"caller 9, <b>",n9,3,1.5,1,200,0,1'
    return "\n".join(lines) + "\n"


def prepared(folder, code, config):
    """A folder to run in: its configuration and its CSV files."""
    for below in ("config", "data"):
        (folder / below).mkdir(parents=True)
    rng = np.random.default_rng(5)
    values = np.concatenate([rng.normal(10, 1, 25), rng.normal(20, 1, 20)])
    other = rng.normal(values / 2, 1)
    rows = [
        f"r{i},{value:.6f},{value + 1:.6f},{beside:.3f},{'' if i % 9 else 1 + int(value > 15)}\n"
        for i, (value, beside) in enumerate(zip(values, other, strict=True), start=1)
    ]
    (folder / "data" / "readings.csv").write_text("name,reading,again,other,group\n" + "".join(rows))
    (folder / "data" / "calls.csv").write_text(calls(rng))
    run = Run(folder, code)
    run.configure(config)
    return run


@pytest.fixture(scope="session")
def new_run(code):
    """A function that makes a folder to run in: its configuration and its CSV files."""
    return lambda name, config=CONFIG: prepared(unused(code.parent / name), code, config)


@pytest.fixture(scope="session")
def finished(code, shared, toolchain_record):
    """A run of `CONFIG` that has ended; tests that change anything copy it."""

    def run(folder):
        told = prepared(folder, code, CONFIG).snakemake()
        assert told.returncode == 0, told.stdout

    return Run(shared("finished", run), code)


@pytest.fixture(scope="session")
def forked(tmp_path_factory):
    """A function that lets Snakemake loose on a run in a fork of one process: its exit code and all it said."""
    said = tmp_path_factory.mktemp("forked") / "said.txt"
    command = [sys.executable, str(Path(__file__).with_name("forking.py"))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=ENVIRONMENT, **pipes) as server:

        def ask(run, *arguments):
            request = [str(run.folder.parent), str(said), [*run.options(), *arguments]]
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            return int(server.stdout.readline()), said.read_text()

        yield ask


@pytest.fixture(scope="session")
def outdated(forked):
    """A function that names the jobs that a run would do now."""

    def ask(run):
        code, said = forked(run, "--summary")
        assert code == 0, said
        return outdated_in(said)

    return ask
