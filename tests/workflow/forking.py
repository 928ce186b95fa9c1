"""Snakemake's command line, many times in forks of one process: importing it takes longer than what it then does.

Each line of input is a JSON list: a folder to be in, a file for all output, and the arguments. Answers each with the
exit code.
"""

import json
import os
import sys

import docutils.core  # noqa: F401 - these are what a dry run imports
import jinja2  # noqa: F401
import jsonschema  # noqa: F401
import pandas  # noqa: F401
import PIL.Image  # noqa: F401
import pygments  # noqa: F401
import requests  # noqa: F401
import scipy.stats  # noqa: F401
import yaml  # noqa: F401
from snakemake import cli


def run(folder, said, arguments):
    """Run Snakemake in this process and end the process."""
    file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(folder)
    code = 1
    try:
        cli.main(arguments)
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        os._exit(code)


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(*json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
