"""The Stan programs as files: what each includes, and the name of its content."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

INCLUDE = re.compile(r"^\s*#include\s+[\"<]?([^\s\">]+)[\">]?", re.MULTILINE)
OWN_HEADER = re.compile(r"^#include \"(.+)\"", re.MULTILINE)


def include_folders(folder: str | PathLike, kernel: bool) -> list[Path]:
    """Where includes are looked for, in this order (list of pathlib.Path): the kernel's own files come first."""
    return [Path(folder) / name for name in (["kernels"] if kernel else []) + ["functions"]]


def sources(program: str, folder: str | PathLike, kernel: bool = True) -> list[Path]:
    """A Stan program and everything it is made from.

    Parameters
    ----------
    program : str
        The program's name, without .stan.
    folder : path-like
        The folder of the programs; includes are in its folders `kernels` and `functions`.
    kernel : bool
        Whether the likelihood is the compiled kernel; otherwise it is written in Stan.

    Returns
    -------
    list of pathlib.Path
        The program first, then the files it includes, directly or not, each once, then the headers of its kernel, the
        one of the program's name first.

    Raises
    ------
    FileNotFoundError
        When an include is in none of the folders.
    """
    folder = Path(folder)
    found = [folder / f"{program}.stan"]
    for path in found:  # grows while it is read: includes of includes come too
        for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            places = [place / name for place in include_folders(folder, kernel)]
            included = next((place for place in places if place.exists()), None)
            if included is None:
                raise FileNotFoundError(f"{path} includes {name}, which is in none of {', '.join(map(str, places))}.")
            if included not in found:
                found.append(included)
    headers = [header_of(program, folder)] if kernel else []
    for path in headers:
        included = [path.parent / name for name in OWN_HEADER.findall(path.read_text(encoding="utf-8"))]
        headers.extend(path for path in included if path not in headers)
    return found + headers


def sources_of_all(names: Iterable[str], folder: str | PathLike) -> list[Path]:
    """The sources of several programs, in Stan throughout (list of pathlib.Path)."""
    return [path for name in names for path in sources(name, folder, kernel=False)]


def header_of(program: str, folder: str | PathLike) -> Path:
    """The header that defines what the kernels of a program declare (pathlib.Path)."""
    return Path(folder) / "kernels" / f"{program}.hpp"


def content_key(program: str, folder: str | PathLike, kernel: bool, *circumstances: str) -> str:
    """A name for a program's content and what it is compiled with.

    Parameters
    ----------
    program, folder, kernel
        As for `sources`.
    *circumstances : str
        Whatever else the executable depends on: CmdStan's version, the compiler, flags.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    digest = hashlib.sha256(repr(circumstances).encode())
    for path in sources(program, folder, kernel):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]
