"""Writing files whole or not at all, and naming their content by a hash."""

import contextlib
import fcntl
import hashlib
import json
import os
import threading
from pathlib import Path

from stanmix.text import shielded

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
    """Write a pandas.DataFrame as CSV, whole or not at all.

    With fifteen significant digits, unix line ends, and texts `shielded` from being computed by spreadsheets.
    """
    texts = [key for key, dtype in frame.dtypes.items() if dtype.kind not in "biufc"]
    if texts:
        shield = {key: [shielded(value) if isinstance(value, str) else value for value in frame[key]] for key in texts}
        frame = frame.assign(**shield)
    with whole(path) as beside:
        frame.to_csv(beside, index=False, float_format="%.15g", lineterminator="\n")


def read_json(path):
    """Read a JSON file in UTF-8."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256(path):
    """The sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
