"""Who made what: beside the artifacts of a job stand their hashes, and who reads an artifact holds it against them."""

from __future__ import annotations

import contextlib
import uuid
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from stanmix.base import files
from stanmix.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from os import PathLike

FOLDER = ".sha256"  # in every folder of artifacts; its files are what `sha256sum --check` reads
ASKED = "# asked for by "  # how the seal of a job begins that is still at work; sha256sum takes it for a comment


class OvertakenError(Exception):
    """The same files were asked for anew meanwhile, so what this job made must not be written."""


@contextlib.contextmanager
def sealed(outputs: list[str | PathLike]) -> Iterator[Callable[[], None]]:
    """Make files: nobody else's meanwhile, and their hashes beside them in the end.

    From the first line on, the seal of what was there before is gone, and a job that still makes the same files,
    because it outlived its run, writes none of them any more.

    Parameters
    ----------
    outputs : list of path-like
        What the job makes. Each folder of them gets one seal, named by the first of them there.

    Yields
    ------
    callable
        Raises `OvertakenError` when another job began to make the same files; asked before each file is moved to its
        place.
    """
    token = f"{ASKED}{uuid.uuid4()}\n"
    parts = defaultdict(list)
    for output in outputs:
        path = Path(output).absolute()  # cmdstanpy changes the folder of the process while it compiles
        parts[path.parent].append(path)
    seals = {folder / FOLDER / paths[0].name: paths for folder, paths in parts.items()}
    for seal, paths in seals.items():
        files.write_text(seal, token)
        for path in [*paths, seal]:
            files.sweep(path)

    unwritten = list(seals)

    def check() -> None:
        for seal in unwritten:
            if _text(seal) != token:
                raise OvertakenError(f"{seal.parent.parent} is made by another job now; this one writes nothing more.")

    with files.guarded(check):
        yield check
        for seal, paths in seals.items():
            lines = [f"{files.content_of(path)}  {path.name}\n" for path in paths]
            files.write_text(seal, "".join(lines))
            unwritten.remove(seal)


def verify(inputs: Iterable[str | PathLike]) -> None:
    """Hold files against the hashes that the jobs wrote which made them.

    Files beside which there is no seal that names them were made by nobody here, such as data and code, and pass.

    Parameters
    ----------
    inputs : iterable of path-like

    Raises
    ------
    UserError
        With a sentence for each file that is not what its maker wrote.
    """
    known, broken = {}, []
    for path in map(Path, inputs):
        if path.parent not in known:
            known[path.parent] = _hashes(path.parent / FOLDER)
        hashes = known[path.parent].get(path.name)
        if hashes and not (path.is_file() and files.content_of(path) in hashes):
            broken.append(
                f"{path}: the file is not what the job wrote that made it; it was edited or cut. Delete it and run "
                "again, then it is made anew."
            )
    if broken:
        raise UserError(*broken)


def _hashes(folder):
    """For the name of each file the hashes that its makers wrote: a set, because jobs may be cut in another way now."""
    found = defaultdict(set)
    for seal in folder.glob("[!.]*"):
        for line in _text(seal).splitlines():
            content, _, name = line.partition("  ")
            if name and not line.startswith("#"):
                found[name].add(content)
    return found


def _text(path):
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
