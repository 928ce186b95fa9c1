"""Everything about data and models that can be found wrong before any job starts."""

import numpy as np

from stanmix import noticing, observations, plan, prediction
from stanmix.errors import UserError
from stanmix.specification import specify
from stanmix.text import plain

OFF = 0.05  # of a step: how far a rounded value may lie from its place, for steps that have no end in decimals


def check(config):
    """Read the CSV files that a configuration names and make every model concrete for them.

    Parameters
    ----------
    config : dict
        A checked configuration.

    Raises
    ------
    UserError
        With the sentences of all data sets and models. Simulated data do not exist yet and are left out.
    """
    found, noticed = [], {}
    for name in dict.fromkeys(fit.dataset for fit in plan.fits(config)):
        dataset = config["datasets"][name]
        if "csv" in dataset:
            try:
                rows = observations.read_csv(dataset["csv"], **plan.source(dataset))
                noticed[name] = noticing.notice(rows, plan.source(dataset)["columns"])
                found += _faults_of_rounding(rows, dataset["csv"], dataset)
            except UserError as error:
                found += error.sentences
        found += _faults_of_new(config, name)
    for fit in plan.fits(config):
        if fit.dataset in noticed:
            rounding = config["datasets"][fit.dataset].get("rounding")
            try:
                specify(fit.model, config["models"][fit.model], fit.components, noticed[fit.dataset], rounding)
            except UserError as error:
                csv = config["datasets"][fit.dataset]["csv"]
                found += [f"datasets.{fit.dataset} ({csv}) with {sentence}" for sentence in error.sentences]
    if found:
        raise UserError(*dict.fromkeys(found))


def _faults_of_new(config, name):
    """What is wrong with the new rows of a data set, for any of its models (list of str)."""
    dataset = config["datasets"][name]
    if "predict" not in dataset:
        return []
    source = plan.source_of_new(dataset)
    try:
        rows = observations.read_csv(dataset["predict"], **source)
    except UserError as error:
        return list(error.sentences)
    if faults := _faults_of_rounding(rows, dataset["predict"], dataset):
        return faults
    families = {fit.model: plan.family(config["models"][fit.model]) for fit in plan.fits(config) if fit.dataset == name}
    return [
        f"{dataset['predict']}, {fault}"
        for model, family in families.items()
        for fault in prediction.faults(rows, source["columns"][0], model, family)
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
        f"{path}, line {rows.lines[row]}, column '{dataset['column']}': {plain(rows.y[row])} is no multiple of "
        f"{plain(step)}{beside}{more}; `rounding:` is the step to which all values are rounded, so correct the step or "
        "the value, or leave the key away."
    ]


def _off(steps):
    """Which numbers of steps are not whole; all that are not to the last digit where all round to the same."""
    places = np.round(steps)
    return np.abs(steps - places) > (OFF if np.ptp(places) else 0)
