"""Everything about data and models that can be found wrong before any job starts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stanmix.base.errors import UserError
from stanmix.base.files import content_of, write_json
from stanmix.base.text import plain
from stanmix.config import plan
from stanmix.data import noticing, observations
from stanmix.jobs.dependencies import code_of
from stanmix.model.resolution import specify

if TYPE_CHECKING:
    from os import PathLike

KEPT = ".snakemake/stanmix/checks.json"  # below the folder of the run: what was found, for the next call
OFF = 0.05  # of a step: how far a rounded value may lie from its place, for steps that have no end in decimals


def check(config: dict, kept: str | PathLike | None = None) -> None:
    """Read the CSV files that a configuration names and make every model concrete for them.

    Parameters
    ----------
    config : dict
        A checked configuration.
    kept : path-like, optional
        A JSON file in which what was found in each data set is kept by the content of its files, by what the
        configuration says of it and by the code that looks, so that a data set is read again only when one of these
        has changed.

    Raises
    ------
    UserError
        With the sentences of all data sets and models. Simulated data do not exist yet and are left out.
    """
    names = list(dict.fromkeys(fit.dataset for fit in plan.fits(config)))
    fits = {name: [] for name in names}
    for fit in plan.fits(config):
        fits[fit.dataset].append(fit)
    before = {} if kept is None else _before(kept)
    code = None if kept is None else _code()
    found, keep = [], {}
    for name in names:
        key = None if kept is None else _key(config, name, fits[name], code)
        faults = before[key] if key in before else _faults(config, name, fits[name])
        found += faults
        if key is not None:
            keep[key] = faults
    if keep != before:
        write_json(kept, keep)
    if found:
        raise UserError(*dict.fromkeys(found))


def _before(kept):
    """What an earlier call found in data sets, by key; nothing when the file is not there or is no longer whole."""
    try:
        return json.loads(Path(kept).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _code():
    """What the code that looks is: a hash of this module and of all that it imports."""
    files = sorted({Path(__file__), *code_of(__file__)})
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _key(config, name, fits, code):
    """A hash of all that decides what is found in a data set; None when one of its files cannot be read."""
    dataset = config["datasets"][name]
    models = {fit.model: config["models"][fit.model] for fit in fits}
    try:
        contents = [content_of(dataset[key]) for key in ("csv", "predict") if key in dataset]
    except OSError:
        return None
    asked = [[fit.model, fit.components] for fit in fits]
    decides = [name, dataset, plan.groups(config, name), models, asked, contents, code]
    return hashlib.sha256(json.dumps(decides).encode()).hexdigest()


def _faults(config, name, fits):
    """What is wrong with one data set, its new rows, and its models (list of str)."""
    dataset, found = config["datasets"][name], []
    if "csv" in dataset:
        try:
            source = plan.source(dataset, plan.groups(config, name))
            rows = observations.read_csv(dataset["csv"], **source)
            noticed = noticing.notice(rows, source["columns"])
            found += [*_faults_of_rounding(rows, dataset["csv"], dataset), *_faults_of_axis(noticed, dataset)]
        except UserError as error:
            return [*error.sentences, *_faults_of_new(dataset, config["models"], fits)]
        for fit in fits:
            try:
                specify(fit.model, config["models"][fit.model], fit.components, noticed, dataset.get("rounding"), rows)
            except UserError as error:
                found += [f"datasets.{name} ({dataset['csv']}) with {sentence}" for sentence in error.sentences]
    return [*found, *_faults_of_new(dataset, config["models"], fits)]


def _faults_of_new(dataset, models, fits):
    """What is wrong with the new rows of a data set, for any of its models (list of str)."""
    if "predict" not in dataset:
        return []
    source = plan.source_of_new(dataset)
    try:
        rows = observations.read_csv(dataset["predict"], **source)
    except UserError as error:
        return list(error.sentences)
    if faults := _faults_of_rounding(rows, dataset["predict"], dataset):
        return faults
    from stanmix.assess import prediction  # it brings ArviZ, which takes longer than everything here

    return [
        f"{dataset['predict']}, {fault}"
        for model in dict.fromkeys(fit.model for fit in fits)
        for fault in prediction.faults(rows, source["columns"], model, plan.family(models[model], dataset))
    ]


def _faults_of_rounding(rows, path, dataset):
    """A sentence on the first value that rounding to the step of a data set would not leave (list of str)."""
    step = dataset.get("rounding")
    if step is None or np.ndim(rows.y) > 1:
        return []
    # Multiples of the step, or whole steps away from the commonest remainder: middles of intervals may lie anywhere.
    steps = rows.y / step
    remainders = np.round((steps - np.floor(steps)) / OFF).astype(int) % round(1 / OFF)
    commonest = steps[np.argmax(np.bincount(remainders)[remainders])]
    multiple, shifted = (_off(away) for away in (steps, steps - commonest))
    wrong = shifted if shifted.sum() < min(multiple.sum(), len(steps) / 2) else multiple
    if not wrong.any():
        return []
    row = int(np.argmax(wrong))
    more = f" (and {np.count_nonzero(wrong) - 1} more)" if np.count_nonzero(wrong) > 1 else ""
    beside = "" if wrong is multiple else f", nor whole steps away from others, such as {plain(commonest * step)}"
    return [
        f"{path}, {rows.place(row)}, column '{dataset['column']}': {plain(rows.y[row])} is no multiple of "
        f"{plain(step)}{beside}{more}; `rounding:` is the step to which all values are rounded, so correct the step or "
        "the value, or leave the key away."
    ]


def _faults_of_axis(noticed, dataset):
    """A sentence on the first value that has no place on the log axis of a data set (list of str)."""
    fault = noticed.get("not_positive")
    if dataset["axis"] != "log" or not fault:
        return []
    return [
        f"{dataset['csv']}, {fault['place']}, column '{fault['column']}': {plain(fault['value'])} has no place on "
        "a log axis; say `axis: linear`, or leave the key away."
    ]


def _off(steps):
    """Which numbers of steps are not whole; all that are not to the last digit where all round to the same."""
    places = np.round(steps)
    return np.abs(steps - places) > (OFF if np.ptp(places) else 0)
