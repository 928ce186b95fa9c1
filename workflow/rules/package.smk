# What all others need from Python: the package on the path, here and in the scripts, and a few short names.
# Needs: workflow/stanmix. Makes: nothing.
import base64
import gc
import os
import sys
from functools import cache
from pathlib import Path

# Snakemake's graph of thousands of jobs is millions of objects that stay; to look for garbage among them time and again
# takes a tenth of a dry run.
gc.set_threshold(100_000, 20, 20)

CODE = Path(str(workflow.current_basedir)).parent  # also where this workflow is a module of another one
STAN = CODE.parent / "stan"
sys.path.insert(0, str(CODE))
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [str(CODE), os.environ.get("PYTHONPATH")])))

from stanmix import config as configuration, files, plan, precheck, programs, toolchain
from stanmix.dependencies import code_of, digest
from stanmix.errors import UserError
from stanmix.seeds import seed_for


@cache
def package(script, *others):
    """A digest of the code that a script depends on, and of other files: a job's `params` hold it, so that an edit
    makes outdated what depends on it, where fifty files as inputs of every job would cost minutes.
    """
    return digest([*code_of(CODE / "scripts" / f"{script}.py"), *others])


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

# Where this is a module, the configuration is a part of another one, in whose files its lines are.
AS_MODULE = len(workflow.modifier_stack) > 1
SOURCE = "the configuration of the module" if AS_MODULE else "config/config.yaml"

# YAML keeps the last of two equal keys and says nothing; and what is wrong in it shall be named by line.
PLACES = {}
if workflow.is_main_process:
    for path in [*([] if AS_MODULE else ["config/config.yaml"]), *map(str, workflow.configfiles)]:
        if os.path.exists(path):
            PLACES |= sentences(configuration.lines_of, path)
    if AS_MODULE:
        PLACES = configuration.lines_within(PLACES, workflow.modifier_stack[0].globals["config"], config)
