"""The command `stanmix`: a first configuration for a CSV file, its check, the run, its pages, and two runs compared."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from stanmix import __version__
from stanmix.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = Path("config") / "config.yaml"
REPORTS = Path("results") / "reports"
OVERVIEW = Path("results") / "overview.html"
SEVERAL = 5  # pages up to which all are opened at once
# With these Snakemake tells or tidies something and makes nothing, so CmdStan is not needed.
ONLY_TOLD = ("dryrun", "touch", "dag", "rulegraph", "filegraph", "d3dag", "summary", "detailed_summary", "list_rules",
             "list_target_rules", "list_changes", "lint", "report", "unlock", "cleanup_metadata", "delete_all_output",
             "delete_temp_output", "archive", "containerize", "generate_unit_tests")  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Do what a command line asks for.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process if not given.

    Returns
    -------
    int
        0 when all went well; 1 when the user has something to mend or the run failed; 2 when the command line is wrong
        (argparse then ends the process); 130 when interrupted.
    """
    asked, others = _parser().parse_known_args(arguments)
    if others and asked.do is not _run:
        _parser().error(f"unrecognized arguments: {' '.join(others)}")
    try:
        return asked.do(asked, others) if asked.do is _run else asked.do(asked)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


def _parser():
    parser = argparse.ArgumentParser(
        prog="stanmix",
        description="Bayesian finite-mixture analyses from a CSV file to a report that checks itself.",
        epilog="Begin with `stanmix init data.csv`, then `stanmix run` and `stanmix open`.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"stanmix {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, do: Callable, text: str, more: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(
            name, help=text, description=text[0].upper() + text[1:] + "." + more, allow_abbrev=False
        )
        added.set_defaults(do=do)
        return added

    begin = command("init", _init, "look at a table and write config/config.yaml for it")
    begin.add_argument("csv", help="the file, with a header line: CSV, .xlsx, .parquet, .feather, .rds or .sav")
    several = "the column of the observations; several times for groups in several columns at once"
    begin.add_argument("--column", action="append", default=[], metavar="NAME", dest="columns", help=several)
    begin.add_argument(
        "--trials", metavar="NAME", help="the column with the trials, where the observations are successes"
    )
    begin.add_argument("--exposure", metavar="NAME", help="the column with the exposure, where they are counts")
    begin.add_argument("--weights", metavar="NAME", help="the column that says how often each row was observed")
    begin.add_argument("--id", metavar="NAME", help="the column with names of the rows")
    begin.add_argument("--worksheet", metavar="NAME", help="the sheet of a workbook with several")
    begin.add_argument("--force", action="store_true", help="replace a configuration that exists already")
    check = command("check", _check, "say everything that is wrong with the configuration and its data; nothing is run")
    check.add_argument("--configfile", nargs="+", default=[], metavar="FILE", help="as for run: files that say more")
    check.add_argument("--config", nargs="*", default=[], metavar="KEY=VALUE", help="as for run: values that say more")
    command(
        "run", _run, "do what the configuration asks for, on all cores unless told otherwise",
        " Everything that Snakemake takes may follow: --cores 2, --dry-run, names of files to make; "
        "`snakemake --help` lists it.",
    )  # fmt: skip
    show = command("open", _open, "show the reports in the browser, or say where they are")
    show.add_argument("datasets", nargs="*", metavar="DATASET", help="the names of data sets; all if none is given")
    differ = command(
        "diff", _diff, "say which numbers of two runs moved by more than their Monte Carlo error",
        " Returns 1 when a number, a check or the fit to begin with is another.",
    )  # fmt: skip
    differ.add_argument("first", metavar="FOLDER", help="the folder of an analysis that was run")
    differ.add_argument("second", metavar="FOLDER", help="that of another one")
    for each in (begin, check, show):
        each.add_argument("--directory", "-d", default=".", metavar="FOLDER", help="the folder of the analysis")
    return parser


def _init(asked):
    from stanmix.app import starter

    roles = ("trials", "exposure", "weights", "id", "worksheet")
    about = starter.Asked(asked.csv, asked.columns, **{role: getattr(asked, role) for role in roles})
    starter.write(about, asked.directory, asked.force, say=print)
    print(f"Written: {Path(asked.directory) / CONFIG}. Look into it, then type `stanmix run`.")
    return 0


def _check(asked):
    from snakemake.cli import parse_config

    from stanmix.config import plan

    config = _configuration(asked.directory, asked.configfile, parse_config(asked.config))
    fits = plan.fits(config)
    names = list(dict.fromkeys(fit.dataset for fit in fits))
    print(f"Nothing is wrong. {_many(len(fits), 'fit')} of {_many(len(names), 'data set')}: {', '.join(names)}.")
    return 0


def _run(asked, arguments):
    from snakemake import cli

    from stanmix.base.places import PROFILE, SNAKEFILE
    from stanmix.stan import toolchain

    parser, told = cli.parse_args(["--snakefile", str(SNAKEFILE), "--workflow-profile", str(PROFILE), *arguments])
    folder = Path(told.directory or ".")
    _configuration(folder, told.configfile or [], cli.parse_config(told.config), told.replace_workflow_config)
    makes = not any(getattr(told, name) for name in ONLY_TOLD)
    if makes:
        toolchain.ensure()
    if not cli.args_to_api(told, parser):
        return 1
    pages = _first_pages(folder)
    if makes and pages:
        several = len(pages) > 1
        print(f"The report{'s' * several}:", *pages, f"`stanmix open` shows {'them' if several else 'it'}.", sep="\n  ")
    return 0


def _open(asked):
    folder = Path(asked.directory)
    pages = _pages(folder)
    if asked.datasets:
        wanted = [folder / REPORTS / f"{name}.html" for name in asked.datasets]
        missing = [page for page in wanted if page not in pages]
        if missing:
            there = ", ".join(page.stem for page in pages) or "none"
            raise UserError(*(f"{page}: there is no such report; there are: {there}." for page in missing))
    else:
        wanted = _first_pages(folder)
        if not wanted:
            raise UserError(f"{folder / REPORTS}: there is no report yet; `stanmix run` makes them.")
    if len(wanted) > SEVERAL:
        print(f"There are {len(wanted)} reports; name those to open, as in `stanmix open {wanted[0].stem}`:")
    for page in wanted:
        opened = len(wanted) <= SEVERAL and webbrowser.open(page.absolute().as_uri())
        print(page.absolute() if not opened else f"Opened {page}")
    return 0


def _diff(asked):
    from stanmix.compare import difference

    said, same = difference.sentences(asked.first, asked.second)
    print(*said, sep="\n")
    return 0 if same else 1


def _pages(folder):
    """The reports of data sets in a folder of an analysis."""
    return sorted((folder / REPORTS).glob("*.html"))


def _first_pages(folder):
    """What to show of a folder of an analysis: the page that joins several reports, or the reports."""
    pages, overview = _pages(folder), folder / OVERVIEW
    return [overview] if len(pages) > 1 and overview.exists() else pages


def _configuration(folder, files, settings, replace=False):
    """The checked configuration of a folder as Snakemake will see it, its data checked too.

    Parameters
    ----------
    folder : path-like
    files : list of path-like
        Configurations that say more, or other things, than that of the folder.
    settings : dict
        Values that do the same.
    replace : bool
        Whether these take the place of the folder's configuration.

    Returns
    -------
    dict

    Raises
    ------
    UserError
        With everything that is wrong.
    """
    from snakemake.common.configfile import load_configfile
    from snakemake.utils import update_config

    from stanmix.config import configuration
    from stanmix.jobs import precheck
    from stanmix.stan import toolchain

    if not Path(folder).is_dir():
        raise UserError(f"{folder}: there is no such folder.")
    files = [Path(file).absolute() for file in files]
    with contextlib.chdir(folder):
        if not CONFIG.exists() and not files:
            where = Path(folder) / CONFIG
            raise UserError(f"{where}: there is no such file; `stanmix init data.csv` writes one for a CSV file.")
        asked, places = {}, {}
        for file in [*([CONFIG] if CONFIG.exists() else []), *files]:
            places |= configuration.lines_of(file)
            if not (replace and file == CONFIG):
                update_config(asked, load_configfile(file))
        update_config(asked, settings)
        checked = configuration.checked(asked, places)
        toolchain.find()  # a CMDSTAN that cannot be used
        precheck.check(checked, precheck.KEPT)
    return checked


def _many(number, thing):
    return f"{number} {thing}{'' if number == 1 else 's'}"


if os.name == "nt":
    sys.exit("stanmix runs on Linux and macOS; on Windows use it in the Windows Subsystem for Linux.")
if __name__ == "__main__":
    sys.exit(main())
