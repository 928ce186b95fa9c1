"""What a fit to whole numbers predicts: expected frequencies and those of replicated data, never a kernel density."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stanmix.expected import predictive
from stanmix.families.family import Points
from stanmix.families.registry import FAMILIES
from stanmix.model import mixture

if TYPE_CHECKING:
    from stanmix.model.specification import Specification

ROUNDED = 1e-9  # what division takes away
SHARES = 100  # successes of trials that differ are looked at per so many trials, or ten times as many, and so on
MOST_BARS = 100  # places for bars; more whole numbers than this are put together in equal groups
MOST_TRIALS = 5000  # up to which every possible number of successes is looked at
MOST_SIZES = 200  # different trials or exposures over which expected frequencies are averaged
PRIOR_DRAWN = 60  # distributions drawn from the prior


def bins(y: np.ndarray, beyond: float = 0.0) -> tuple[np.ndarray, int]:
    """Equal groups of whole numbers that hold all observations.

    Parameters
    ----------
    y : numpy.ndarray
        Whole numbers, any shape.
    beyond : float
        What share of their range shall be added above.

    Returns
    -------
    first : numpy.ndarray
        The lowest whole number of each group, increasing, shape (m,); from 0 where that is not far away.
    step : int
        How many whole numbers a group holds.
    """
    low, high = int(y.min()), int(y.max())
    high += int(np.ceil(beyond * (high - low)))
    low = 0 if low <= high - low else low
    step = -(-(high - low + 1) // MOST_BARS)
    return np.arange(low, high + 1, step), step


def shown(y: np.ndarray, points: Points) -> tuple[np.ndarray, int | None]:
    """What figures show of numbers observed at points: successes of trials that differ as shares, else themselves.

    Parameters
    ----------
    y : numpy.ndarray
        Whole numbers, shape (..., n).
    points : Points
        The observations, n of them, with their trials or exposure.

    Returns
    -------
    values : numpy.ndarray
        Like y: the numbers, or how many of `per` trials they are, rounded down.
    per : int or None
        100 for percentages, 1000 and so on where all shares are small; None for the numbers themselves.
    """
    per = per_trials(points)
    return (y if per is None else np.floor(y * per / points.size + ROUNDED)), per


def per_trials(points: Points) -> int | None:
    """Of how many trials successes are shown, None where numbers are shown as they are (int or None)."""
    if not points.of_trials or np.ptp(points.size) == 0:
        return None
    largest = (points.y / points.size).max()
    return SHARES * 10 ** int(max(0, np.floor(-np.log10(max(largest, 1e-6)))))


def frequencies(y: np.ndarray, first: np.ndarray, step: int) -> np.ndarray:
    """How many of the whole numbers lie in each group, shape (..., m) for y of shape (..., n)."""
    place = ((np.asarray(y) - first[0]) // step).astype(int)
    m = len(first)
    inside = (place >= 0) & (place < m)  # replicated values may lie outside
    flat = place.reshape(-1, place.shape[-1])
    counted = [np.bincount(row[keep], minlength=m) for row, keep in zip(flat, inside.reshape(flat.shape), strict=True)]
    return np.array(counted).reshape(*place.shape[:-1], m)


def expected(
    family: str, first: np.ndarray, step: int, size: np.ndarray, draws: dict[str, np.ndarray], per: int | None = None
) -> np.ndarray:
    """How many of the observations each part expects in each group.

    Parameters
    ----------
    family : str
    first, step
        What `bins` returned.
    size : numpy.ndarray
        Trials or exposure of every observation, shape (n,).
    per : int, optional
        Groups are of successes of so many trials, as `shown` has them.
    draws : dict of numpy.ndarray
        Each (S, K).

    Returns
    -------
    numpy.ndarray
        Shape (S, m, P).
    """
    sizes, times = np.unique(size, return_counts=True)
    if len(sizes) > MOST_SIZES:
        sizes = np.quantile(size, (np.arange(MOST_SIZES) + 0.5) / MOST_SIZES, method="inverted_cdf")
        times = np.full(MOST_SIZES, len(size) / MOST_SIZES)
    total = 0.0
    of_trials = per is not None or (FAMILIES[family].takes == "trials" and sizes.max(initial=0) <= MOST_TRIALS)
    for value, number in zip(sizes, times, strict=True):
        if of_trials:  # probabilities of all that can be are added, which is faster than two tails
            every = np.arange(value + 1)
            masses = mixture.densities(family, Points(every, np.full(len(every), value)), draws)
            values = every if per is None else np.floor(every * per / value + ROUNDED)
            group = (values - first[0]) // step
            held = (group >= 0) & (group < len(first))
            sums = np.zeros((len(masses), len(first), masses.shape[2]))
            starts = np.flatnonzero(np.diff(group[held], prepend=-1))
            sums[:, group[held][starts].astype(int)] = np.add.reduceat(masses[:, held], starts, axis=1)
            total = total + number * sums
            continue
        ends = np.append(first, first[-1] + step)
        below, _ = mixture.part_tails(family, Points(ends, np.full(len(ends), value)), draws)
        total = total + number * np.diff(below, axis=1)
    return total


def predict(
    specification: Specification,
    points: Points,
    thinned: dict[str, np.ndarray],
    few: dict[str, np.ndarray],
    kept: np.ndarray,
    anew: np.ndarray,
    thin: np.ndarray,
    prior: dict[str, np.ndarray],
    axis: str = "auto",
) -> tuple[dict, dict]:
    """Tables behind the predictive figures; parameters and results are those of `continuous.predict`."""
    family, y = specification.family, points.y
    parts = mixture.parts(family, specification.components)
    (seen, per), (seen_anew, _) = shown(y, points), shown(anew, points)
    first, step = bins(seen)
    centre = first + (step - 1) / 2
    observed = frequencies(seen, first, step)
    density = {"x": centre, "step": step, "per": per or 0, "observed": observed}
    density |= predictive.part_bands(expected(family, first, step, points.size, few, per), parts)
    replicates = {"x": centre, "step": step, "observed": observed}
    replicates |= predictive.band_columns(frequencies(seen_anew, first, step))
    wide, wide_step = bins(seen, beyond=0.6)
    masses = expected(family, wide, wide_step, points.size, mixture.thinned(prior, PRIOR_DRAWN), per)
    masses = masses.sum(axis=2) / len(y)
    # Where trials or exposure differ, or rows are in groups, the membership is no function of the count alone.
    same = np.ptp(points.size) == 0 and points.unit is None
    by_value = first if same else first[:0]
    tables = {
        "density": density,
        "memberships_by_value": predictive.memberships_by_value(
            family, Points(by_value, np.full(len(by_value), points.size[0])), by_value, thinned
        ),
        "replicates": replicates,
        "prior": {
            "x": wide + (wide_step - 1) / 2,
            "step": wide_step,
            "observed": frequencies(seen, wide, wide_step) / len(y),
        }
        | {f"curve_{r}": mass for r, mass in enumerate(masses, start=1)},
    }
    facts = {
        "step": step,
        "per": per,
        "outside": int(((observed < replicates["lower"]) | (observed > replicates["upper"])).sum()),
        "places": len(first),
        "replicates_anew": len(anew),
        "replicates_ecdf": len(anew),
        "same_size": bool(same),
    }
    return tables, facts


def distribution(specification: Specification, points: Points, anew: np.ndarray) -> tuple[dict[str, np.ndarray], dict]:
    """As `continuous.distribution`; of p-values, ecdf and frequencies."""
    (seen, _), (seen_anew, _) = shown(points.y, points), shown(anew, points)
    x = predictive.places(seen, seen_anew, whole=True)
    observed = predictive.ecdf(seen, x)
    limits, p_value = predictive.ecdf_band(observed, np.array([predictive.ecdf(row, x) for row in seen_anew]))
    every = np.unique(np.concatenate([seen, seen_anew.ravel()]))
    each = [np.bincount(np.searchsorted(every, row), minlength=len(every)) for row in (seen, *seen_anew)]
    p_values = {"ecdf": p_value, "frequencies": predictive.frequencies_p_value(each[0], np.array(each[1:]))}
    return {"x": x, "observed": observed, **limits}, p_values
