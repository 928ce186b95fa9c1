"""How unlikely the data are under a fit: all predictive p-values, each of one kind of discrepancy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from stanmix.expected import continuous, multivariate, predictive, whole
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, WHOLE, Points
from stanmix.model import mixture

if TYPE_CHECKING:
    from stanmix.model.specification import Specification

FEW_DRAWS_FROM = 1000  # observations from which p-values within the components are averaged over fewer draws
DISTRIBUTION = {CONTINUOUS: continuous.distribution, WHOLE: whole.distribution, MULTIVARIATE: multivariate.distribution}


def judge(
    specification: Specification,
    points: Points,
    thinned: dict[str, np.ndarray],
    few: dict[str, np.ndarray],
    anew: np.ndarray,
    left_out: list[np.ndarray],
    rng: np.random.Generator,
    in_groups: np.ndarray | None = None,
) -> tuple[dict, dict, dict]:
    """All discrepancies of a fit.

    Parameters
    ----------
    specification : Specification
    points : Points
        The observations, m values of them.
    thinned, few : dict of numpy.ndarray
        Draws of the posterior, each (S, K), and fewer of them.
    anew : numpy.ndarray
        Replicated data sets of new observations, shape (R, m) or (R, m, D).
    left_out : list of numpy.ndarray
        For each column the LOO-PIT of every observation, shape (m,).
    rng : numpy.random.Generator
    in_groups : numpy.ndarray of int, optional
        The group of every value, from 0, where there are groups, shape (m,).

    Returns
    -------
    tables : dict
        ecdf and statistics (of the replicated data sets), each a dict of columns.
    facts : dict
        statistics (a list of dicts with name, observed, lower, upper and outside), extremes and, but for counts, ties:
        what `predictive.extremes` and `ties` say; of groups also within_groups, the mean product of two scores.
    p_values : dict
        By the names that `checks.predictive_checks` knows.
    """
    family, kind = specification.family, specification.kind
    p_values = predictive.component_p_values(family, points, few if len(points.y) > FEW_DRAWS_FROM else thinned, rng)
    tables, facts, within = {}, {}, p_values.pop("within_groups", None)
    tables["ecdf"], found = DISTRIBUTION[kind](specification, points, anew)
    p_values |= found
    tables["statistics"], facts["statistics"], p_values["statistics"] = _statistics(specification, points, anew)
    if in_groups is not None:
        p_values |= predictive.group_p_values(points.y, anew, in_groups, points.size)
    if within is not None:
        facts["within_groups"], p_values["within_groups"] = within["product"], within["p_value"]
    facts["extremes"] = predictive.extremes(family, points, few)
    p_values["extremes"] = facts["extremes"]["p_value"]
    if kind != WHOLE:
        facts["ties"] = ties(family, points.rows, few)
    p_values["loo_pit"] = predictive.even_p_value(left_out)
    return tables, facts, p_values


def ties(family: str, points: Points, draws: dict[str, np.ndarray]) -> dict:
    """How unlikely it is that so many observations are equal to one value.

    Around each value that occurs more than once lies the interval to half-way to its neighbours in the data: where
    values are rounded it is at least as wide as the step, so that what rounding makes equal is expected. The number in
    it is binomial, given the draw.

    Parameters
    ----------
    family : str
    points : Points
        The observations, n of them.
    draws : dict of numpy.ndarray
        As in `mixture`.

    Returns
    -------
    dict
        p_value (the smallest one times the number of distinct values, at most 1; 1 where no two are equal) and, of the
        value that it belongs to, value, count, expected (how many the model expects in its interval) and column (from
        0); None where no two are equal.
    """
    found = {"p_value": 1.0, "value": None, "count": None, "expected": None, "column": None}
    n, columns = len(points), points.y.reshape(len(points), -1)
    distinct = [np.unique(column, return_counts=True) for column in columns.T]
    tests = sum(len(values) for values, _ in distinct)
    for d, (values, counts) in enumerate(distinct):
        tied = np.flatnonzero(counts > 1)
        if not len(tied) or len(values) < 2:
            continue
        gaps = np.diff(values) / 2
        ends = np.concatenate([[values[0] - gaps[0]], values[:-1] + gaps, [values[-1] + gaps[-1]]])
        at = ends if points.y.ndim == 1 else np.where(np.arange(points.width) == d, ends[:, None], columns[0])
        below, _ = mixture.tails(family, Points(at, np.ones(len(at))), draws)
        below = below if points.y.ndim == 1 else below[:, :, d]
        inside = np.clip(np.diff(below, axis=1)[:, tied], 0, 1)
        p_values = np.minimum(tests * stats.binom.sf(counts[tied] - 1, n, inside).mean(axis=0), 1)
        least = int(np.argmin(p_values))
        if p_values[least] < found["p_value"]:
            expected = float(n * inside[:, least].mean())
            found = {"p_value": float(p_values[least]), "value": float(values[tied[least]])}
            found |= {"count": int(counts[tied[least]]), "expected": expected, "column": d}
    return found


def _statistics(specification, points, anew):
    """The test statistics of replicated data sets, those of the data with their band, and the p-value of these."""

    def statistics_of(y: np.ndarray) -> dict[str, np.ndarray]:
        if specification.kind == MULTIVARIATE:
            return multivariate.statistics_of(y, specification.columns)
        return predictive.statistics_of(y, specification.kind == WHOLE)

    observed, replicated = statistics_of(points.y), statistics_of(anew)
    values = np.array(list(observed.values()))
    sets = np.nan_to_num(np.column_stack(list(replicated.values())), nan=np.inf)  # undefined is as far out as can be
    limits, p_value = predictive.ecdf_band(values, sets)
    ends = zip(limits["lower"].tolist(), limits["upper"].tolist(), strict=True)
    rows = [
        {"name": name, "observed": value, "lower": lower, "upper": upper, "outside": not lower <= value <= upper}
        for (name, value), (lower, upper) in zip(zip(observed, values.tolist(), strict=True), ends, strict=True)
    ]
    return replicated, rows, p_value
