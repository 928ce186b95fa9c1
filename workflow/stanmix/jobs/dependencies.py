"""Which files of the package a script depends on, read from its imports: Snakemake does not see them."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from stanmix.base.files import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

PACKAGE = Path(__file__).parents[1]
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(stanmix[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+(stanmix[^\n#]*))",
    re.MULTILINE,
)
TYPES = re.compile(r"^if TYPE_CHECKING:\n(?:(?:[ \t]+.*)?\n)+", re.MULTILINE)
TEMPLATE_NAME = re.compile(r"[\"']([\w.-]+\.(?:j2|css|js))[\"']")


def code_of(script: str | PathLike) -> list[Path]:
    """Every file of the package that a script imports, directly or not, with the templates these name.

    Parameters
    ----------
    script : path-like
        A Python file outside the package.

    Returns
    -------
    list of pathlib.Path
        Modules and templates, sorted. Imports inside functions count; the script itself is left out, because
        Snakemake sees it.
    """
    found, waiting = set(), set(_imports(Path(script)))
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting |= _imports(module) | _templates(module)
    return sorted(found)


def digest(paths: Iterable[str | PathLike]) -> str:
    """A name for the content of files of the workflow: their places in it and their bytes.

    Parameters
    ----------
    paths : iterable of path-like
        Files below the folder of the workflow's code, the one that holds ``workflow/``.

    Returns
    -------
    str
        32 hexadecimal digits, the same wherever the code is and whenever it was written.
    """
    total = hashlib.sha256()
    for path in sorted(map(Path, paths)):
        total.update(path.relative_to(PACKAGE.parents[1]).as_posix().encode() + b"\0" + sha256(path).encode() + b"\0")
    return total.hexdigest()[:32]


@cache
def _imports(path: Path) -> set[Path]:
    """The package's files that one Python file imports, wherever in it; what only types name is not imported.

    Lines are looked at and not the syntax, because every call of Snakemake waits for this.
    """
    if path.suffix != ".py":
        return set()
    names = set()
    for start, taken, whole in IMPORT.findall(TYPES.sub("", path.read_text(encoding="utf-8"))):
        names |= {part.split()[0] for part in whole.split(",")} if whole else {start}
        for part in re.sub(r"#.*", "", taken).strip("() \n").split(","):
            names |= {f"{start}.{part.split()[0]}"} if part.split() else set()
    return {file for name in names if name.split(".")[0] == PACKAGE.name for file in _files(name)}


def _files(name):
    """The files that importing a name runs: its module and the folders above it."""
    parts = name.split(".")[1:]
    folders = [PACKAGE.joinpath(*parts[:end], "__init__.py") for end in range(len(parts) + 1)]
    return {path for path in [*folders, PACKAGE.joinpath(*parts).with_suffix(".py")] if path.is_file()}


def _templates(path):
    """The templates whose names stand in a module or template."""
    names = TEMPLATE_NAME.findall(path.read_text(encoding="utf-8"))
    return {PACKAGE / "templates" / name for name in names if (PACKAGE / "templates" / name).is_file()}
