"""Which observations replicated data sets stand for: all of them, or of very many a random sample."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stanmix.families.family import Points

if TYPE_CHECKING:
    from stanmix.data.observations import Observations

REPLICATES = 400  # replicated data sets of a fit, over all chains
OBSERVATIONS = 20_000  # the most that are replicated, and looked at by predictive checks


def sampled_rows(rows: Observations, most: int = OBSERVATIONS) -> np.ndarray:
    """The row of each observation that is looked at where not all can be.

    Parameters
    ----------
    rows : observations.Observations
    most : int
        Observations, by default as many as predictive checks look at.

    Returns
    -------
    numpy.ndarray of int
        Rows from 0 in increasing order, each as often as it counts; of more than `most` observations a random sample
        without replacement, the same for the same data. Groups of rows are whole: of as many groups as have `most`
        observations on average.
    """
    frequency = rows.frequency
    if rows.group is None:
        return np.repeat(np.arange(len(frequency)), _some(frequency, most))
    of_groups = frequency_of_groups(rows)
    few = _some(of_groups, max(1, int(most * of_groups.sum() // rows.n)))
    return np.repeat(np.arange(len(frequency)), few[rows.groups[1]])


def sampled_units(rows: Observations, by_group: bool, most: int) -> np.ndarray:
    """A row of each unit that is looked at: as `sampled_rows`, or the first row of each of at most so many groups."""
    if not by_group:
        return sampled_rows(rows, most)
    _, first = np.unique(rows.groups[1], return_index=True)
    return np.repeat(first, _some(frequency_of_groups(rows), most))


def sampled_points(rows: Observations, sampled: np.ndarray, step: float | None, by_group: bool) -> Points:
    """The rows that are looked at as `Points`.

    Parameters
    ----------
    rows : observations.Observations
    sampled : numpy.ndarray of int
        What `sampled_rows` returned.
    step : float or None
        The step to which values are rounded.
    by_group : bool
        Whether all rows of a group have one membership: the copies of a group that counts several times are units each.

    Returns
    -------
    Points
    """
    points = Points.of(rows, step)[sampled]
    if not by_group:
        return points
    copy = np.arange(len(sampled)) - np.searchsorted(sampled, sampled)
    group = np.column_stack([rows.groups[1][sampled], copy])
    _, first, unit = np.unique(group, axis=0, return_index=True, return_inverse=True)
    known = None if points.known is None else points.known[first]
    return replace(points, known=known, unit=unit.reshape(-1))


def frequency_of_groups(rows: Observations) -> np.ndarray:
    """How often each group was observed, in the order of `Observations.groups`."""
    names, place = rows.groups
    frequency = np.empty(len(names), np.int64)
    frequency[place] = rows.frequency
    return frequency


def _some(frequency, most):
    """How often each is taken: as often as it was observed, or of more than `most` a random sample."""
    total = int(frequency.sum())
    if total <= most:
        return frequency
    rng = np.random.default_rng(total)
    # A sample of so few among more than 10^9 is the same with and without replacement.
    if total < 10**9:
        return rng.multivariate_hypergeometric(frequency, most, method="marginals")
    return rng.multinomial(most, frequency / frequency.sum())
