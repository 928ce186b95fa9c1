"""Memberships of new rows from the saved draws of a fit; nothing is sampled."""

import numpy as np
import pandas as pd

from stanmix.assess import memberships
from stanmix.base import columns, tables
from stanmix.base.files import read_json, write_csv
from stanmix.base.text import LARGEST_COUNT, plain
from stanmix.data import observations, replication
from stanmix.families.family import WHOLE, Points
from stanmix.fits import inference
from stanmix.model import mixture
from stanmix.model.specification import Specification

LISTED = 2000  # rows of the HTML table; the CSV has all


def faults(rows, names, model, family):
    """What a family cannot describe of new rows.

    Parameters
    ----------
    rows : observations.Observations
        As `observations.read_csv` returned them.
    names : list of str
        The columns in which the values stand.
    model : str
        The model's name.
    family : Family

    Returns
    -------
    list of str
        One sentence for each column, or none.
    """
    if family.kind == WHOLE:
        wrong = (rows.y < 0) | (rows.y != np.floor(rows.y)) | (rows.y > LARGEST_COUNT)
        needs = f"whole numbers from 0 to {LARGEST_COUNT}"
        return _faults_of_column(rows, rows.y, wrong, names[0], model, family.name, needs) if wrong.any() else []
    y, wrong = (values.reshape(len(rows.y), -1) for values in (rows.y, ~family.allowed(rows.y)))
    found = []
    for d, name in enumerate(names):
        if not wrong[:, d].any():
            continue  # a column that is taken as it is needs nothing that could be said
        found += _faults_of_column(rows, y[:, d], wrong[:, d], name, model, family.name, family.needs(d))
    return found


def _faults_of_column(rows, y, wrong, column, model, family, needs):
    first = int(np.flatnonzero(wrong)[0])
    more = f" (and {wrong.sum() - 1} more)" if wrong.sum() > 1 else ""
    value = plain(y[first])
    return [
        f"{rows.place(first)}, column '{column}': {value} is not possible{more}; the family {family} of "
        f"models.{model} needs {needs}."
    ]


def log_density(family, points, draws):
    """Log posterior predictive density, or probability, of each point: shape (m,)."""
    result = np.empty(len(points))
    for part in mixture.chunks(points, draws):
        result[part] = mixture.log_sum(mixture.log_likelihood(family, points[part], draws), axis=0)
    return result - np.log(len(draws["theta"]))


def predict(inputs, outputs, source):
    """Write the memberships of new rows under one fit.

    Parameters
    ----------
    inputs : mapping
        Paths: new (the CSV file), observations, membership, labels, draws and specification.
    outputs : mapping
        Paths: predicted and predicted_html.
    source : dict
        What to read from the CSV file, as keywords of `observations.read_csv`.
    """
    rows = observations.read_csv(inputs["new"], **source)
    specification, trust = Specification.read(inputs["specification"]), read_json(inputs["labels"])
    trusted, names = trust["trusted"], trust["names"]
    fitted = observations.read(inputs["observations"])
    by_group = specification.by_group
    units, training = (each.units(by_group) for each in (rows, fitted))
    points, known = (Points.of(each, specification.rounding) for each in (units, training))
    idata = inference.read_draws(inputs["draws"], ("posterior", "constant_data"))
    draws = inference.by_component(idata, specification)
    draws = mixture.affordable(draws, len(known.y), specification.sampling["chains"])  # as for the data

    family = specification.family
    found = {end: values[units.index] for end, values in memberships.probabilities(family, points, draws).items()}
    frame = memberships.table(rows, specification, found, names)
    frame.insert(0, "row", range(1, len(frame) + 1))
    clusters = np.empty(len(known), dtype=int)  # of units
    clusters[training.index] = pd.read_csv(inputs["membership"], usecols=["cluster"])["cluster"]
    sampled = training.index[replication.sampled_units(fitted, by_group, memberships.OBSERVATIONS)]
    of_unit = memberships.cluster_of_new(family, points, known, clusters, sampled, draws)
    frame["cluster"] = pd.Series(of_unit[units.index], dtype="Int64").mask(frame["component"].isna())
    frame["log_density"] = log_density(family, points, draws)[units.index]
    write_csv(outputs["predicted"], frame)
    note = f"Memberships of {len(frame)} new rows, from the same draws as those of the data."
    if by_group:
        note = (
            f"Memberships of {len(rows.groups[0])} new groups, of {len(frame)} rows, from the same draws as those of "
        )
        note += "the data. All rows of a group have one membership, and the log density is that of the group."
    if not trusted:
        note += " The names of the components cannot be trusted, so nothing that is said by them is shown."
    if len(frame) > LISTED:
        note += f" The first {LISTED} are shown; the CSV file has all."
    shown = memberships.with_interval_of_best(frame).head(LISTED)
    titles, shown = columns.membership(shown, trusted, names), memberships.as_read(shown, names).to_dict("records")
    tables.write_html(outputs["predicted_html"], f"New rows under {specification.model}", note, titles, shown)
