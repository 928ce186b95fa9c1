# What all others need from Python: the package on the path, here and in the scripts, and a few short names.
# Needs: workflow/stanmix. Makes: nothing.
import os
import sys
from pathlib import Path

BASE = Path(workflow.basedir)
sys.path.insert(0, str(BASE / "workflow"))
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [str(BASE / "workflow"), os.environ.get("PYTHONPATH")])))

from stanmix import config as configuration, files, plan, precheck, programs, running, toolchain
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
    sentences(files.hold, ".snakemake/stanmix.lock")


# YAML keeps the last of two equal keys and says nothing; and what is wrong in it shall be named by line.
PLACES = {}
if workflow.is_main_process:
    for path in ["config/config.yaml", *map(str, workflow.configfiles)]:
        if os.path.exists(path) or not workflow.configfiles:
            PLACES |= sentences(configuration.lines_of, path)
