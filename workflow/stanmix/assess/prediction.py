"""Memberships of new rows from the saved draws of a fit; nothing is sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stanmix.assess import memberships
from stanmix.base.text import LARGEST_COUNT, plain
from stanmix.data import replication
from stanmix.data.observations import Observations
from stanmix.families.family import WHOLE, Points
from stanmix.fits import inference
from stanmix.model import mixture
from stanmix.model.specification import Specification

if TYPE_CHECKING:
    import arviz as az

    from stanmix.families.family import Family


def faults(rows: Observations, names: list[str], model: str, family: Family) -> list[str]:
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


def log_density(family: str, points: Points, draws: dict[str, np.ndarray]) -> np.ndarray:
    """Log posterior predictive density, or probability, of each point: shape (m,)."""
    result = np.empty(len(points))
    for part in mixture.chunks(points, draws):
        result[part] = mixture.log_sum(mixture.log_likelihood(family, points[part], draws), axis=0)
    return result - np.log(len(draws["theta"]))


def predict(
    rows: Observations,
    fitted: Observations,
    specification: Specification,
    idata: az.InferenceData,
    clusters: np.ndarray,
    names: list[str] | None = None,
) -> pd.DataFrame:
    """Memberships of new rows under one fit.

    Parameters
    ----------
    rows, fitted : observations.Observations
        The new rows, n of them, and those of the fit.
    specification : Specification
    idata : arviz.InferenceData
    clusters : numpy.ndarray of int
        Of each row of the fit, from 1.
    names : list of str, optional
        What the components are called.

    Returns
    -------
    pandas.DataFrame
        n rows: row (from 1), what `memberships.table` says, cluster and log_density (of the group where groups have
        memberships).
    """
    by_group = specification.by_group
    units, training = (each.units(by_group) for each in (rows, fitted))
    points, known = (Points.of(each, specification.rounding) for each in (units, training))
    draws = inference.by_component(idata, specification)
    draws = mixture.affordable(draws, len(known.y), specification.sampling["chains"])  # as for the data
    family = specification.family
    found = {end: values[units.index] for end, values in memberships.probabilities(family, points, draws).items()}
    frame = memberships.table(rows, specification, found, names)
    frame.insert(0, "row", range(1, len(frame) + 1))
    of_known = np.empty(len(known), dtype=int)  # of units
    of_known[training.index] = clusters
    sampled = training.index[replication.sampled_units(fitted, by_group, memberships.OBSERVATIONS)]
    of_unit = memberships.cluster_of_new(family, points, known, of_known, sampled, draws)
    frame["cluster"] = pd.Series(of_unit[units.index], dtype="Int64").mask(frame["component"].isna())
    frame["log_density"] = log_density(family, points, draws)[units.index]
    return frame
