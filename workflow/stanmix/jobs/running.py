"""A job of the workflow from its first line to its last: it ends with its run, and reads and writes what is sealed."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from stanmix.base import files, seals
from stanmix.base.errors import UserError
from stanmix.jobs.logbook import recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUN = "STANMIX_RUN"  # the environment's variable that tells jobs which process they belong to
EVERY = 0.5  # seconds between looks at whether the run is still there
GRACE = 20  # seconds for a job to end by itself once it must


def announce() -> None:
    """Tell the jobs that this process starts that they are to end with it."""
    os.environ[RUN] = json.dumps({"place": _place(), "pid": os.getpid()})


@contextlib.contextmanager
def job(snakemake: Any) -> Iterator[Callable[[str], None]]:
    """Do the work of a job: what it says goes to its log, what it reads is checked, what it writes is sealed.

    A job ends when its run does, even if only the run's main process was killed, and when the same job was begun anew
    by a later run; the processes that it started end with it.

    Parameters
    ----------
    snakemake : object
        What Snakemake gives a script: log, input, output, and params, where ``content`` may give paths of data with
        the sha256 that they had when the run began.

    Yields
    ------
    callable
        ``say(text)`` prints a line to the user and into the log.

    Raises
    ------
    SystemExit
        As `logbook.recorded` does; also when an input is not what its maker wrote.
    """
    run = json.loads(os.environ.get(RUN, "{}"))
    if _is_over(run):  # while this process was starting; what it would make is another run's to make
        sys.exit(128 + signal.SIGTERM)
    with recorded(snakemake.log[0]) as say, seals.sealed(snakemake.output) as check, _ended_with(run, check):
        seals.verify(snakemake.input)
        for path, content in snakemake.params.get("content", {}).items():
            if files.content_of(path) != content:
                raise UserError(f"{path} was written anew after this run began; run again.")
        yield say


@contextlib.contextmanager
def _ended_with(run, check):
    """End this process and those that it started, when its run ends or `check` raises; those also after any error."""
    done = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    watch = threading.Thread(target=_watch, args=[run, check, done], daemon=True)
    watch.start()
    try:
        yield
    except BaseException:
        _end_children()
        raise
    finally:
        done.set()
        watch.join()
        signal.signal(signal.SIGTERM, before)


def _place():
    """Where the numbers of processes mean the same: this machine, and on Linux this container."""
    numbers = Path("/proc/self/ns/pid")
    return [platform.node(), os.readlink(numbers) if numbers.is_symlink() else ""]


def _is_over(run):
    """Whether the process to which this job belongs has ended; False where that cannot be seen from here."""
    if run.get("place") != _place():
        return False
    try:
        return psutil.Process(run["pid"]).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _watch(run, check, done):
    reason = None
    while reason is None:
        if _is_over(run):
            reason = "The run that started this job has ended, so the job ends too."
        else:
            try:
                check()
            except seals.OvertakenError as error:
                reason = str(error)
        if reason is None and done.wait(EVERY):
            return
    print(reason, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(round(GRACE / EVERY)):
        _end_children()  # again and again: one chain's end is the next one's beginning
        if done.wait(EVERY):
            return
    os._exit(128 + signal.SIGTERM)


def _end_children():
    """Kill every process that this one started, directly or not."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
