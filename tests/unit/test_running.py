"""Jobs: they end with their run and with what they started, read what is sealed, and are overtaken by a new run's."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stanmix.base import files
from stanmix.jobs import running

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(running.__file__).parents[2])}
PATIENCE = 60  # seconds until something that should happen is given up
JOB = """
import json, os, subprocess, sys, time, types
from stanmix.base import files
from stanmix.jobs.running import job
class Named(list):
    get = staticmethod(lambda key, default: {"content": json.loads(os.environ.get("CONTENT", "{}"))}.get(key, default))
snakemake = types.SimpleNamespace(log=["log"], input=Named(sys.argv[2:]), output=Named(["out/a.txt"]), params=Named())
with job(snakemake) as say:
    exec(sys.argv[1])
"""
SLEEPY = """
child = subprocess.Popen(["sleep", "300"])
files.write_text("child.txt", str(child.pid))
child.wait()
files.write_text("out/a.txt", "made although the run is gone")
"""
# As Snakemake does: a process that says that it is the run, a shell in between, and the job.
RUN = """
import subprocess, sys
from stanmix.jobs import running
running.announce()
subprocess.run(["bash", "-c", '"$@"; true', "bash", sys.executable, "-c", *sys.argv[1:]])
"""


def start(folder, *command, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", *command],
        cwd=folder,
        env=ENVIRONMENT | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process):
    """The exit code of a process and all it said."""
    said = process.communicate()[0]
    return process.returncode, said


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def gone(*pids):
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


def test_a_job_seals_what_it_makes_and_checks_what_it_reads(tmp_path):
    first = start(tmp_path, JOB, "files.write_text('out/a.txt', 'made')")
    assert ended(first) == (0, "")
    (tmp_path / "out/a.txt").write_text("mabe")
    told = start(tmp_path, JOB.replace("out/a.txt", "out/b.txt"), "files.write_text('out/b.txt', '')", "out/a.txt")
    code, said = ended(told)
    assert code == 1
    assert said.startswith("out/a.txt: the file is not what the job wrote that made it")
    assert not (tmp_path / "out/b.txt").exists()


def test_a_job_reads_the_data_that_the_run_saw(tmp_path):
    (tmp_path / "data.csv").write_text("y\n1\n")
    content = json.dumps({"data.csv": files.content_of(tmp_path / "data.csv")})
    command = (JOB, "files.write_text('out/a.txt', '')", "data.csv")
    assert ended(start(tmp_path, *command, CONTENT=content)) == (0, "")
    (tmp_path / "data.csv").write_text("y\n2\n")
    told = ended(start(tmp_path, *command, CONTENT=content))
    assert told == (1, "data.csv was written anew after this run began; run again.\n")


def test_a_job_and_what_it_started_end_when_the_main_process_alone_is_killed(tmp_path):
    run = start(tmp_path, RUN, JOB, SLEEPY)
    wait_for((tmp_path / "child.txt").exists)
    family = [process.pid for process in psutil.Process(run.pid).children(recursive=True)]
    assert len(family) >= 2
    assert int((tmp_path / "child.txt").read_text()) in family
    run.kill()
    wait_for(lambda: gone(*family))  # the run is not waited for: it is a zombie all the while
    run.communicate()
    assert (tmp_path / "log").read_text() == "The run that started this job has ended, so the job ends too.\n"
    assert not (tmp_path / "out/a.txt").exists()


def test_a_job_that_starts_after_the_end_of_its_run_does_nothing(tmp_path):
    announce = "import os; from stanmix.jobs import running; running.announce(); print(os.environ[running.RUN])"
    announced = ended(start(tmp_path, announce))[1].strip()
    work = "files.write_text('out/a.txt', '')"
    assert ended(start(tmp_path, JOB, work, **{running.RUN: announced})) == (143, "")
    assert list(tmp_path.iterdir()) == []
    # the number of a process of another machine says nothing here
    elsewhere = json.dumps(json.loads(announced) | {"place": ["another machine", ""]})
    assert ended(start(tmp_path, JOB, work, **{running.RUN: elsewhere})) == (0, "")


def test_a_job_ends_when_another_makes_the_same(tmp_path):
    first = start(tmp_path, JOB, SLEEPY)
    wait_for((tmp_path / "child.txt").exists)
    assert ended(start(tmp_path, JOB, "files.write_text('out/a.txt', 'second')")) == (0, "")
    assert ended(first)[0] == 143
    assert gone(int((tmp_path / "child.txt").read_text()))
    assert (tmp_path / "out/a.txt").read_text() == "second"
    assert (tmp_path / "log").read_text() == ""  # the first one's gave way


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_job_with_what_it_started(tmp_path, number):
    job = start(tmp_path, JOB, SLEEPY)
    wait_for((tmp_path / "child.txt").exists)
    job.send_signal(number)
    assert ended(job)[0] != 0
    wait_for(lambda: gone(int((tmp_path / "child.txt").read_text())))
    assert not (tmp_path / "out/a.txt").exists()


def test_an_error_ends_what_a_job_started(tmp_path):
    job = start(tmp_path, JOB, SLEEPY.replace("child.wait()", "raise KeyError('k')"))
    assert "KeyError: 'k'" in job.communicate()[0]
    wait_for(lambda: gone(int((tmp_path / "child.txt").read_text())))
