"""Writing files whole or not at all, and naming their content by a hash."""

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import threading
from pathlib import Path

UNFINISHED = ".unfinished-"  # how the names begin of files that are being written


@contextlib.contextmanager
def whole(path):
    """Write a file beside its place and move it there once it is complete.

    Parameters
    ----------
    path : path-like
        Where the file shall be. Its folder is made if need be.

    Yields
    ------
    pathlib.Path
        Where to write. It keeps the suffix of `path`, because writers choose formats by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{UNFINISHED}{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path, text):
    """Write text in UTF-8 with unix line ends, whole or not at all."""
    with whole(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_json(path, content):
    """Write JSON that is stable: two-space indent, keys as given, a final newline, no NaN.

    Raises
    ------
    ValueError
        If `content` holds NaN or an infinity, which JSON has no words for.
    """
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path, frame):
    """Write a pandas.DataFrame as CSV with fifteen significant digits and unix line ends, whole or not at all."""
    with whole(path) as beside:
        frame.to_csv(beside, index=False, float_format="%.15g", lineterminator="\n")


def read_json(path):
    """Read a JSON file in UTF-8."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256(path):
    """The sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_of(path):
    """The sha256 of a file that the user gave, computed once in a process while the file stays as it is.

    The bytes decide and not their date: unzip, ``rsync -a`` and ``cp -p`` bring dates of their own.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    str or None
        In hexadecimal; None when the file cannot be read, of which whoever needs its content says more.
    """
    try:
        state = os.stat(path)
        return _content(os.fspath(path), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    except OSError:
        return None


@functools.cache
def _content(path, *state):
    """The sha256 of a file in a state, which the key of the cache holds."""
    return sha256(path)


def sweep(folder):
    """Remove what killed processes left unfinished below a folder in which nobody writes now."""
    for left in Path(folder).rglob(f"{UNFINISHED}*"):
        left.unlink()


def hold(path, first):
    """Hold a lock, together with others, until this process ends, however it ends.

    Parameters
    ----------
    path : path-like
        The lock file.
    first : callable
        Called when no other living process holds the lock; who comes meanwhile waits until it is done.

    Returns
    -------
    bool
        Whether no other held it.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)  # left open on purpose; children do not inherit it
    alone = True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        alone = False
    if alone:
        first()
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return alone
