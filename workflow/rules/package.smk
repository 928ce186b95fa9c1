# What all others need from Python: the package on the path, here and in the scripts, and a few short names.
# Needs: workflow/stanmix. Makes: nothing.
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
if (CODE / "stanmix").is_dir():  # a checkout; where stanmix is installed, it is on the path, here and in jobs
    sys.path.insert(0, str(CODE))
    os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [str(CODE), os.environ.get("PYTHONPATH")])))

from stanmix.base import files, locks
from stanmix.config import configuration, plan
from stanmix.jobs import precheck, running
from stanmix.stan import programs, toolchain
from stanmix.jobs.dependencies import code_of, digest
from stanmix.base.errors import UserError
from stanmix.base.seeds import seed_for


@cache
def package(script, *others):
    """A digest of the code that a script depends on, and of other files: a job's `params` hold it, so that an edit
    makes outdated what depends on it, where fifty files as inputs of every job would cost minutes.
    """
    return digest([*code_of(CODE / "scripts" / f"{script}.py"), *others])


def sentences(function, *arguments):
    """Call a function of the package; what the user can mend ends Snakemake with its sentences and nothing around."""
    try:
        return function(*arguments)
    except UserError as error:
        logger.error(str(error))
        raise SystemExit(1) from None


if not workflow.subprocess_exec:  # which Snakemake starts for jobs of its own, and which belongs to the same run
    running.announce()
if workflow.is_main_process:
    sentences(files.require_writable, ["results", ".snakemake"])


# Snakemake's own lock outlives a kill; this one goes with its process. A dry run needs none.
onstart:
    sentences(locks.hold, ".snakemake/stanmix.lock")


# Where this is a module, the configuration is a part of another one, in whose files its lines are.
AS_MODULE = len(workflow.modifier_stack) > 1
SOURCE = "the configuration of the module" if AS_MODULE else "config/config.yaml"

# YAML keeps the last of two equal keys and says nothing; and what is wrong in it shall be named by line.
PLACES = {}
if workflow.is_main_process:
    for path in [*([] if AS_MODULE else ["config/config.yaml"]), *map(str, workflow.configfiles)]:
        if os.path.exists(path) or not workflow.configfiles:
            PLACES |= sentences(configuration.lines_of, path)
    if AS_MODULE:
        PLACES = configuration.lines_within(PLACES, workflow.modifier_stack[0].globals["config"], config)
