"""Whether this machine can build: make, and a C++ compiler that knows C++14."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from stanmix.base.errors import UserError
from stanmix.base.files import write_text
from stanmix.stan.building import environment

ADVICE = (
    "Install a C++ compiler and make: on Debian and Ubuntu `sudo apt install g++ make`, "
    "with conda `conda install -c conda-forge cxx-compiler make`, on macOS `xcode-select --install`."
)

ROOM = (
    "Make room in the folder for temporary files (TMPDIR, or else the system's), or set TMPDIR to another one, "
    "and see that there is enough memory."
)

# What a compiler or a linker says of code, and what it says of the machine it runs on.
OF_CODE = re.compile(
    r":\d+:(?:\d+:)? (?:fatal )?error: |undefined reference to |^Undefined symbols |^(?:Syntax|Semantic) error in ",
    re.MULTILINE,
)
OF_MACHINE = re.compile(
    r"No space left on device|Disk quota exceeded|[Cc]annot allocate memory|out of memory|\bKilled\b|[Kk]illed signal"
    r"|terminated by signal|Input/output error|Read-only file system|Too many open files"
)
OF_MAKE = re.compile(r"^\S*make\S*: \*\*\* ")
NATIVE = re.compile(r"-m(?:arch|cpu|tune)=native\b")

# Refused by compilers that only half know C++14 (loops in constexpr came to g++ with 5 and to clang with 3.4).
CXX14_PROGRAM = """#include <memory>
template <class T> constexpr T zero = T(0);
constexpr int total(int n) { int sum = zero<int>; for (int i = 1; i <= n; ++i) sum += i; return sum; }
static_assert(total(3) == 6, "constexpr");
int main() { auto twice = [](auto x) { return x + x; }; return *std::make_unique<int>(twice(total(2)) - 6); }
"""


def default() -> str:
    """The compiler that CmdStan's makefiles take where nothing else is asked for."""
    return "clang++" if platform.system() == "Darwin" else "g++"


def has_make() -> bool:
    """Whether there is a make."""
    return shutil.which("make") is not None


def version(command: list[str]) -> str:
    """Try a C++ compiler on a small program, and return what it says about its version.

    Parameters
    ----------
    command : list of str
        How it is called, as in ``["g++"]`` or ``["ccache", "g++"]``.

    Returns
    -------
    str
        The first line of its ``--version``, in the C locale so that it is the same for everybody.

    Raises
    ------
    UserError
        If there is no make, or the compiler is missing, or too old or too incomplete for C++14, or cannot work because
        there is no room.
    """
    if not has_make():
        raise UserError("There is no `make` on the PATH, and CmdStan builds every program with it.", ADVICE)
    name = " ".join(command)
    try:
        with tempfile.TemporaryDirectory() as folder:
            write_text(Path(folder, "try.cpp"), CXX14_PROGRAM)
            try:
                told = _run([*command, "--version"], folder)
                made = _run([*command, "-std=c++1y", "try.cpp", "-o", "try"], folder)
            except OSError as error:
                why = f"The C++ compiler `{name}` is not there or cannot be started ({error.strerror})."
                raise UserError(why, ADVICE) from None
    except OSError as error:
        raise UserError(f"The C++ compiler `{name}` cannot be tried: {error.strerror}. {ROOM}") from None
    line = next(iter(told.stdout.splitlines()), "no version")
    trouble = complaint(made.stderr, OF_MACHINE)
    if made.returncode and trouble:
        raise UserError(f"The C++ compiler `{name}` ({line}) cannot work here: {trouble}. {ROOM}")
    if told.returncode or made.returncode:
        words = made.stderr.splitlines() or ["no words"]
        error = next((line for line in words if "error" in line), words[0])
        raise UserError(
            f"The C++ compiler `{name}` ({line}) is too old or incomplete: "
            f"it does not compile a small C++14 program ({error.strip()}).",
            ADVICE,
        )
    return line


def complaint(words: str, kind: re.Pattern[str]) -> str | None:
    """The first line of what a compiler says that matches `OF_CODE` or `OF_MACHINE`; None if there is none."""
    return next((line.strip().rstrip(".") for line in words.splitlines() if kind.search(line)), None)


def processor(command: list[str], flags: str) -> str:
    """What native code is compiled for: the same on processors of one kind, and on no other.

    Parameters
    ----------
    command : list of str
        How the compiler is called.
    flags : str
        What it is called with.

    Returns
    -------
    str
        What the compiler defines for this processor; empty where `flags` ask for no native code.
    """
    native = NATIVE.findall(flags)
    return _run([*command, *native, "-dM", "-E", "-x", "c++", os.devnull], None).stdout if native else ""


def _run(command, folder):
    return subprocess.run(command, cwd=folder, env=environment(LC_ALL="C"), capture_output=True, text=True)
