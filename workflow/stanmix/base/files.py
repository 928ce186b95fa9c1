"""Writing files whole or not at all, and naming their content by a hash."""

from __future__ import annotations

import contextlib
import errno
import functools
import glob
import hashlib
import json
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from stanmix.base.errors import UserError
from stanmix.base.text import shielded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from os import PathLike
    from typing import Any

    import pandas as pd

UNFINISHED = ".unfinished-"  # how the names begin of files that are being written
_guards = []  # asked before a file is moved to its place


@contextlib.contextmanager
def whole(path: str | PathLike) -> Iterator[Path]:
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
        for check in _guards:
            check()
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def guarded(check: Callable[[], None]) -> Iterator[None]:
    """Call a function before any file is moved to its place; what it raises keeps the file away."""
    _guards.append(check)
    try:
        yield
    finally:
        _guards.remove(check)


def write_text(path: str | PathLike, text: str) -> None:
    """Write text in UTF-8 with unix line ends, whole or not at all."""
    with whole(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | PathLike, content: Any) -> None:
    """Write JSON that is stable: two-space indent, keys as given, a final newline, no NaN.

    Raises
    ------
    ValueError
        If `content` holds NaN or an infinity, which JSON has no words for.
    """
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: str | PathLike, frame: pd.DataFrame) -> None:
    """Write a pandas.DataFrame as CSV, whole or not at all.

    With fifteen significant digits, unix line ends, and texts `shielded` from being computed by spreadsheets.
    """
    texts = [key for key, dtype in frame.dtypes.items() if dtype.kind not in "biufc"]
    if texts:
        shield = {key: [shielded(value) if isinstance(value, str) else value for value in frame[key]] for key in texts}
        frame = frame.assign(**shield)
    with whole(path) as beside:
        frame.to_csv(beside, index=False, float_format="%.15g", lineterminator="\n")


def read_json(path: str | PathLike) -> Any:
    """Read a JSON file in UTF-8."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256(path: str | PathLike) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_of(path: str | PathLike) -> str:
    """The sha256 of a file that the user gave, computed once in a process while the file stays as it is.

    The bytes decide and not their date: unzip, ``rsync -a`` and ``cp -p`` bring dates of their own.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    str
        In hexadecimal.

    Raises
    ------
    OSError
        When the file cannot be read, or is no regular one.
    """
    state = os.stat(path)
    if not stat.S_ISREG(state.st_mode):  # a pipe or a device may never end
        raise OSError(errno.EINVAL, "this is not a regular file", os.fspath(path))
    return _content(os.path.abspath(path), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)


@functools.cache
def _content(path, *state):
    """The sha256 of a file in a state, which the key of the cache holds."""
    return sha256(path)


def contents(paths: Iterable[str | PathLike | None]) -> dict[str | PathLike, str]:
    """For each path that is not None and is a file by now its `content_of` (dict)."""
    return {path: content_of(path) for path in paths if path is not None and os.path.isfile(path)}


def sweep(path: str | PathLike) -> None:
    """Remove what killed processes left unfinished of a file that nobody writes now."""
    path = Path(path)
    for left in path.parent.glob(f"{UNFINISHED}*-*-{glob.escape(path.name)}"):
        left.unlink(missing_ok=True)


def require_writable(folders: Iterable[str | PathLike]) -> None:
    """Make sure that folders can be made and written, without writing.

    Parameters
    ----------
    folders : iterable of path-like

    Raises
    ------
    UserError
        With a sentence for each place that is no folder or cannot be written.
    """
    found = []
    for folder in map(Path, folders):
        there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
        if not there.is_dir():
            found.append(f"{there}: here must be a folder for what is made, but something else is there; move it away.")
        elif not os.access(there, os.W_OK | os.X_OK):
            found.append(
                f"{there.absolute()}: this folder cannot be written; change its permissions, or run in another folder "
                "with snakemake --directory."
            )
    if found:
        raise UserError(*dict.fromkeys(found))
