# What all others need from Python: the package on the path, here and in the scripts, and a few short names.
# Needs: workflow/stanmix. Makes: nothing.
import base64
import os
import sys
from pathlib import Path

BASE = Path(workflow.basedir)
CODE = str(BASE / "workflow")
if os.path.isdir(f"{CODE}/stanmix"):  # a checkout; where stanmix is installed, it is on the path, here and in jobs
    sys.path.insert(0, CODE)
    os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [CODE, os.environ.get("PYTHONPATH")])))

from stanmix import config as configuration, files, plan, precheck, programs, toolchain
from stanmix.dependencies import code_of
from stanmix.errors import UserError
from stanmix.seeds import seed_for


def package(script):
    """The files of the package that a script depends on, which whoever runs it declares as inputs."""
    return relative(code_of(BASE / "workflow" / "scripts" / f"{script}.py"))


def relative(paths):
    """Paths of the code as seen from the folder of the run, so that moving a checkout makes nothing outdated."""
    return [os.path.relpath(path) for path in paths]


def sentences(function, *arguments):
    """Call a function of the package; what the user can mend becomes an error without a traceback."""
    try:
        return function(*arguments)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def clear_after_kill():
    """Remove what a killed run left: Snakemake's locks, and what its jobs had begun but not finished."""
    files.sweep("results")
    for lock in Path(".snakemake/locks").glob("*.lock"):
        lock.unlink()
    begun = Path(".snakemake/incomplete")
    for marker in [path for path in begun.rglob("*") if path.is_file()]:
        # Snakemake names a marker by its output's path in base64, long ones cut into folders that begin with @.
        name = "".join(part.removeprefix("@") for part in marker.relative_to(begun).parts)
        Path(base64.urlsafe_b64decode(name).decode()).unlink(missing_ok=True)
        marker.unlink()


# Every run holds this lock, dry ones too, and it goes with its process: the first knows that no other is alive here.
if workflow.is_main_process and not files.hold(".snakemake/stanmix.lock", first=clear_after_kill):
    logger.warning(
        "Another run is at work in this folder; if this one finds it locked or incomplete, wait for the other."
    )

# YAML keeps the last of two equal keys and says nothing; and what is wrong in it shall be named by line.
PLACES = {}
if workflow.is_main_process:
    for path in ["config/config.yaml", *map(str, workflow.configfiles)]:
        if os.path.exists(path):
            PLACES |= sentences(configuration.lines_of, path)
