"""Two runs beside each other: which numbers moved by more than their Monte Carlo error, and which verdicts changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stanmix.base import columns
from stanmix.base.errors import UserError

if TYPE_CHECKING:
    from os import PathLike

FALSE_ALARM = 0.01  # probability that any number of two runs that differ by chance alone is named
ESTIMATES = {"summary.csv": ("parameter", "component", *columns.OF_SCALARS), "label_free.csv": ("title",)}


def differences(first: str | PathLike, second: str | PathLike) -> tuple[pd.DataFrame, list[str], int]:
    """What two runs say differently.

    Parameters
    ----------
    first, second : path-like
        The folders of two analyses, each with its results.

    Returns
    -------
    moved : pandas.DataFrame
        A row for each number that moved: where (its fit and table), what, first, second and errors (the difference in
        Monte Carlo errors of it), the largest first.
    changed : list of str
        A sentence for each check, chosen fit and count that is another.
    compared : int
        How many numbers stand in both.

    Raises
    ------
    UserError
        When a folder holds no fits, or the two have none in common.
    """
    results = [Path(folder) / "results" for folder in (first, second)]
    fits = [_fits(folder) for folder in results]
    both = sorted(fits[0] & fits[1])
    if not both:
        raise UserError(f"{first} and {second} have no fit in common: no data set, model and number of components.")
    changed = [
        f"{name} is only in {folder}."
        for folder, mine, other in ((first, *fits), (second, *fits[::-1]))
        for name in sorted(mine - other)
    ]
    tables = []
    for fit in both:
        folders = [folder / "fits" / fit for folder in results]
        tables += [_estimates(fit, name, *(folder / name for folder in folders)) for name in ESTIMATES]
        changed += _checks(fit, *folders) + _assigned(fit, *folders)
    for dataset in sorted({fit.split("/")[0] for fit in both}):
        changed += _choice(dataset, *(folder / "compare" / dataset / "choice.json" for folder in results))
    every = pd.concat(tables, ignore_index=True)
    return every[every["errors"] > limit(len(every))].sort_values("errors", ascending=False), changed, len(every)


def limit(number: int) -> float:
    """How many Monte Carlo errors none of so many numbers moves by chance, but with probability `FALSE_ALARM`."""
    from scipy import stats

    return float(stats.norm.isf((1 - (1 - FALSE_ALARM) ** (1 / max(number, 1))) / 2))


def _fits(results):
    """The fits of a run: data set, model and number of components, as their folder has them (set of str)."""
    found = {path.parent.relative_to(results / "fits").as_posix() for path in results.glob("fits/*/*/*/summary.csv")}
    if not found:
        raise UserError(f"{results / 'fits'}: there are no fits; `stanmix run` makes them.")
    return found


def _estimates(fit, name, first, second):
    """Numbers that stand in both tables: where, what, first, second and errors."""
    keys = ESTIMATES[name]
    read = [pd.read_csv(path, **columns.TEXT) for path in (first, second)]
    keys = [key for key in keys if all(key in table for table in read)]
    table = read[0].merge(read[1], on=keys, suffixes=("_1", "_2"))
    error = np.hypot(table["mcse_mean_1"].fillna(0), table["mcse_mean_2"].fillna(0))
    apart = (table["mean_1"] - table["mean_2"]).abs()
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(apart == 0, 0.0, apart / error)
    what = [_called(row) for row in table[keys].to_dict("records")]
    where = f"{fit}/{name}"
    return pd.DataFrame(
        {"where": where, "what": what, "first": table["mean_1"], "second": table["mean_2"], "errors": errors}
    )


def _called(row):
    if "title" in row:
        return row["title"]
    component = None if pd.isna(row["component"]) else int(row["component"])
    about = [row[key] for key in columns.OF_SCALARS if not pd.isna(row.get(key, np.nan))]
    return columns.title_of(row["parameter"], component, about)


def _read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _checks(fit, first, second):
    """Checks that judge otherwise."""
    before, after = (
        {check["name"]: check for check in _read(folder / "checks.json")["checks"]} for folder in (first, second)
    )
    return [
        f"{fit}: the check {check['title']!r} was {check['status']} and is {after[name]['status']}."
        for name, check in before.items()
        if name in after and after[name]["status"] != check["status"]
    ]


def _assigned(fit, first, second):
    """How many observations have another most probable component."""
    before, after = (
        pd.read_csv(folder / "membership.csv", usecols=["component"], dtype=str)["component"]
        for folder in (first, second)
    )
    if len(before) != len(after):
        return [f"{fit}: there were {len(before)} observations and are {len(after)}."]
    other = int((before.fillna("") != after.fillna("")).sum())
    return [f"{fit}: {other} of {len(before)} rows have another most probable component."] if other else []


def _choice(dataset, first, second):
    """Whether another fit stands for a data set."""
    before, after = _read(first)["title"], _read(second)["title"]
    return [f"{dataset}: the page began with {before} and begins with {after}."] if before != after else []


def sentences(first: str | PathLike, second: str | PathLike) -> tuple[list[str], bool]:
    """What `stanmix diff` says.

    Returns
    -------
    list of str
        One for each number and verdict that is another, and at the end how many numbers were compared.
    bool
        Whether nothing is another.
    """
    moved, changed, compared = differences(first, second)
    said = [
        f"{row['where']}: the mean of {row['what']} was {row['first']:.6g} and is {row['second']:.6g}, "
        f"{'another constant' if np.isinf(row['errors']) else '{:.1f} Monte Carlo errors apart'.format(row['errors'])}."
        for row in moved.to_dict("records")
    ]
    end = (
        f"{len(moved)} of {compared} numbers moved by more than their Monte Carlo error (beyond {limit(compared):.1f} "
        f"of it, which chance alone does with any of them in {100 * FALSE_ALARM:g}% of pairs of runs)."
    )
    return [*said, *changed, end], not (len(moved) or changed)
