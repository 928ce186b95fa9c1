"""The manifest: a hash of every artifact, and what made them."""

from __future__ import annotations

import csv
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

import stanmix
from stanmix.base import seals
from stanmix.base.files import content_of, read_json, write_json

if TYPE_CHECKING:
    from os import PathLike


def write_manifest(
    artifacts: list[str],
    toolchain: str | PathLike,
    config: dict,
    content: dict,
    code: str | PathLike,
    output: str | PathLike,
) -> None:
    """Write the manifest of a run.

    Parameters
    ----------
    artifacts : list of str
        Paths of everything the run made, relative to its folder.
    toolchain : path-like
        The record of CmdStan and the compiler.
    config : dict
        The checked configuration.
    content : dict
        The sha256 of every CSV file that was read, by its path.
    code : path-like
        The folder of the workflow's code.
    output : path-like
        The manifest.

    Raises
    ------
    UserError
        When an artifact is not what the job wrote that made it.
    """
    seals.verify(artifacts)
    packages = {d.metadata["Name"].lower(): d.version for d in distributions()}
    write_json(
        output,
        {
            "stanmix": stanmix.__version__,
            "released": stanmix.__released__,
            "config": config,
            "data": content,
            "code": code_state(code),
            "toolchain": read_json(toolchain),
            "python": platform.python_version(),
            "platform": f"{sys.platform} {platform.machine()}",
            "packages": dict(sorted(packages.items())),
            "artifacts": {path: content_of(path) for path in sorted(artifacts)},
        },
    )


def ended(logs: str | PathLike) -> str:
    """When a run ended and how long its fits took, for the log: nothing that is hashed may say so.

    Parameters
    ----------
    logs : path-like
        The folder with what Snakemake measured of each job.

    Returns
    -------
    str
    """
    seconds = {"fit": 0.0, "assess": 0.0}
    for stage in seconds:
        for path in Path(logs).glob(f"{stage}/*/*/*.tsv"):
            with open(path, newline="") as file:
                seconds[stage] += sum(float(row["s"]) for row in csv.DictReader(file, delimiter="\t"))
    return (
        f"The run ended at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC; sampling took {seconds['fit']:.0f} s, assessing "
        f"{seconds['assess']:.0f} s."
    )


def code_state(folder: str | PathLike) -> dict:
    """The git commit of a folder and whether anything in it is uncommitted.

    Parameters
    ----------
    folder : path-like

    Returns
    -------
    dict
        commit (None when no file of the folder is known to git, though it may lie in somebody else's checkout as an
        installed package does, and when there is no commit yet) and dirty (None likewise).
    """

    def git(*arguments: str) -> str | None:
        # A clone may belong to someone else, as on a cluster. git then refuses to run what its settings name, which
        # guards nothing here: the code of the clone itself is running.
        command = ["git", "-c", "safe.directory=*", "-C", str(Path(folder)), *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return None  # no git, or no checkout: the manifest then says null

    commit = git("rev-parse", "HEAD") if git("ls-files", ".") else None
    return {"commit": commit, "dirty": None if commit is None else bool(git("status", "--porcelain"))}
