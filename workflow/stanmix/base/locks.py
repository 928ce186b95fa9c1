"""Locks between processes; the system frees them when a process ends, however it ends."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path

from stanmix.base.errors import UserError


@contextlib.contextmanager
def locked(path: str | PathLike, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock for a while, waiting for it where another process holds it.

    Parameters
    ----------
    path : path-like
        The lock file; its folder must be there.
    waiting : callable
        Called once where there is something to wait for.

    Raises
    ------
    OSError
        When the file cannot be written.
    """
    with open(path, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def hold(path: str | PathLike) -> None:
    """Hold a lock until this process ends, however it ends.

    Parameters
    ----------
    path : path-like
        The lock file; it says which process holds it.

    Raises
    ------
    UserError
        When another living process holds it, or when it cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)  # left open on purpose; children do not inherit it
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = path.read_text(encoding="utf-8").strip()
        os.close(descriptor)
        raise UserError(
            f"Another run is at work in this folder (process {holder or 'unknown'}); wait for its end, or end it."
        ) from None
    except OSError as error:
        raise UserError(f"{path}: this file must be written and locked, but cannot be ({error.strerror}).") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
