"""Whether this machine can build: make, and a C++ compiler that knows C++14."""

import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from stanmix.building import environment
from stanmix.errors import UserError
from stanmix.files import write_text

ADVICE = (
    "Install a C++ compiler and make: on Debian and Ubuntu `sudo apt install g++ make`, "
    "with conda `conda install -c conda-forge cxx-compiler make`, on macOS `xcode-select --install`."
)

# Refused by compilers that only half know C++14 (loops in constexpr came to g++ with 5 and to clang with 3.4).
CXX14_PROGRAM = """#include <memory>
template <class T> constexpr T zero = T(0);
constexpr int total(int n) { int sum = zero<int>; for (int i = 1; i <= n; ++i) sum += i; return sum; }
static_assert(total(3) == 6, "constexpr");
int main() { auto twice = [](auto x) { return x + x; }; return *std::make_unique<int>(twice(total(2)) - 6); }
"""


def default():
    """The compiler that CmdStan's makefiles take where nothing else is asked for."""
    return "clang++" if platform.system() == "Darwin" else "g++"


def has_make():
    """Whether there is a make."""
    return shutil.which("make") is not None


def version(command):
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
        If there is no make, or the compiler is missing, or too old or too incomplete for C++14.
    """
    if not has_make():
        raise UserError("There is no `make` on the PATH, and CmdStan builds every program with it.", ADVICE)
    name = " ".join(command)
    with tempfile.TemporaryDirectory() as folder:
        write_text(Path(folder, "try.cpp"), CXX14_PROGRAM)
        try:
            told = _run([*command, "--version"], folder)
            made = _run([*command, "-std=c++1y", "try.cpp", "-o", "try"], folder)
        except OSError:
            raise UserError(f"The C++ compiler `{name}` is not there or cannot be started.", ADVICE) from None
    line = next(iter(told.stdout.splitlines()), "no version")
    if told.returncode or made.returncode:
        words = made.stderr.splitlines() or ["no words"]
        error = next((line for line in words if "error" in line), words[0])
        raise UserError(
            f"The C++ compiler `{name}` ({line}) is too old or incomplete: "
            f"it does not compile a small C++14 program ({error.strip()}).",
            ADVICE,
        )
    return line


def _run(command, folder):
    return subprocess.run(command, cwd=folder, env=environment(LC_ALL="C"), capture_output=True, text=True)
