"""The Stan programs as files: what each includes, and the name of its content."""

import hashlib
import re
from pathlib import Path

INCLUDE = re.compile(r"^\s*#include\s+[\"<]?([^\s\">]+)[\">]?", re.MULTILINE)


def sources(program, folder):
    """A Stan program and everything it includes.

    Parameters
    ----------
    program : str
        The program's name, without .stan.
    folder : path-like
        The folder of the programs; includes are relative to it.

    Returns
    -------
    list of pathlib.Path
        The program first, then the files it includes, directly or not, each once.
    """
    folder = Path(folder)
    found = [folder / f"{program}.stan"]
    for path in found:  # grows while it is read: includes of includes come too
        for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if folder / name not in found:
                found.append(folder / name)
    return found


def content_key(program, folder, *circumstances):
    """A name for a program's content and what it is compiled with.

    Parameters
    ----------
    program, folder
        As for `sources`.
    *circumstances : str
        Whatever else the executable depends on: CmdStan's version, the compiler, flags.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    digest = hashlib.sha256(repr(circumstances).encode())
    for path in sources(program, folder):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]
