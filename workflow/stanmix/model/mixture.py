"""Quantities of the units of a mixture, computed after sampling from the draws of its parameters, in chunks.

A unit has one membership: it is an observation, or all rows of a group (`Points` knows which). Everywhere `draws` is a
dict of arrays (S, K): theta and every parameter of the family, fixed and shared ones repeated. With several columns
means and standard deviations are (S, K, D) and correlations (S, K, D, D). The parts of a mixture are its K components
and, in families that have extra zeros, those as the last part: P of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stanmix.families.registry import FAMILIES

if TYPE_CHECKING:
    from stanmix.families.family import Points

CHUNK = 60_000  # numbers in an array at once: a few of them stay in a processor's cache
AFFORDABLE = 400_000_000  # draws x distinct observations that are looked at; beyond, fewer draws are
FEWEST_DRAWS = 400


def log_weights(family: str, draws: dict[str, np.ndarray]) -> np.ndarray:
    """Logs of the weights of all parts, shape (S, P)."""
    zero = FAMILIES[family].zero
    with np.errstate(divide="ignore"):  # a fixed weight may be 0
        log_theta = np.log(draws["theta"])
        if zero is None:
            return log_theta
        share = draws[zero][:, :1]
        return np.hstack([np.log1p(-share) + log_theta, np.log(share)])


def log_terms(family: str, points: Points, draws: dict[str, np.ndarray]) -> np.ndarray:
    """Log of weight times density of every part.

    Parameters
    ----------
    family : str
    points : Points
        Where, m units.
    draws : dict of numpy.ndarray
        Each (S, K).

    Returns
    -------
    numpy.ndarray
        Shape (S, m, P); of a group the densities of all its rows are multiplied, with one weight.
    """
    entry = FAMILIES[family]
    terms = points.by_unit(entry.log_components(points.rows, draws))
    if entry.zero is not None:
        extra = np.where(points.y == 0, 0.0, -np.inf)
        terms = np.concatenate([terms, np.broadcast_to(extra[:, None], (*terms.shape[:2], 1))], axis=2)
    terms = log_weights(family, draws)[:, None, :] + terms
    if points.known is None:
        return terms
    other = (points.known[:, None] > 0) & (points.known[:, None] != np.arange(1, terms.shape[2] + 1))
    return np.where(other, -np.inf, terms)


def parts(family: str, components: int) -> list[str]:
    """What the parts are called (list of str): the numbers of the components, and "zero" for extra zeros."""
    return [str(k + 1) for k in range(components)] + (["zero"] if FAMILIES[family].zero else [])


def chunks(points: Points, draws: dict[str, np.ndarray]) -> list[slice]:
    """Slices of the units such that draws x rows x components x columns stays small."""
    n = len(points)
    rows = -(-len(points.y) // n) if n else 1  # of a unit
    size = max(1, CHUNK // (draws["theta"].size * points.width * rows))
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def log_likelihood(family: str, points: Points, draws: dict[str, np.ndarray]) -> np.ndarray:
    """Log likelihood of each observation with its membership summed out.

    Parameters
    ----------
    family, points, draws
        As for `log_terms`.

    Returns
    -------
    numpy.ndarray
        Shape (S, m).
    """
    result = np.empty((len(draws["theta"]), len(points)))
    for part in chunks(points, draws):
        result[:, part] = log_sum(log_terms(family, points[part], draws), axis=2)
    return result


def log_likelihood_of_groups(family: str, points: Points, draws: dict[str, np.ndarray], by_row: bool) -> np.ndarray:
    """The same for groups of rows, which may have memberships of their own: then it is the sum over a group's rows."""
    if not by_row:
        return log_likelihood(family, points, draws)
    return points.by_unit(log_likelihood(family, points.rows, draws))


def log_sum(logs: np.ndarray, axis: int) -> np.ndarray:
    """The log of the sum of what the logs are of, along one axis; -inf where all are."""
    scaled, top = _scaled(logs, axis)
    with np.errstate(divide="ignore"):
        return top + np.log(scaled.sum(axis=axis))


def _scaled(logs, axis):
    """What the logs are of, over the largest along one axis (as it is where that is 0), and the log of that."""
    top = logs.max(axis=axis)
    top = np.where(np.isfinite(top), top, 0)
    return np.exp(logs - np.expand_dims(top, axis)), top


def responsibilities(family: str, points: Points, draws: dict[str, np.ndarray]) -> np.ndarray:
    """Probability of each part for each observation, draw by draw.

    Parameters
    ----------
    family, points, draws
        As for `log_terms`.

    Returns
    -------
    numpy.ndarray
        Shape (S, m, P); NaN where no part has any density in double precision.
    """
    terms, _ = _scaled(log_terms(family, points, draws), axis=2)
    with np.errstate(invalid="ignore"):
        return terms / terms.sum(axis=2)[:, :, None]


def membership(family: str, points: Points, draws: dict[str, np.ndarray]) -> np.ndarray:
    """Posterior probability that each observation belongs to each part.

    The responsibilities are averaged over the draws; no label is sampled (Rao-Blackwell).

    Parameters
    ----------
    family, points, draws
        As for `log_terms`.

    Returns
    -------
    numpy.ndarray
        Shape (m, P); rows add to 1.
    """
    result = np.empty((len(points), log_weights(family, draws).shape[1]))
    for part in chunks(points, draws):
        result[part] = responsibilities(family, points[part], draws).mean(axis=0)
    return result / result.sum(axis=1, keepdims=True)


def membership_interval(family: str, points: Points, draws: dict[str, np.ndarray], probability: float) -> np.ndarray:
    """Central interval of the membership probabilities over the draws: how far the parameters leave them open.

    Parameters
    ----------
    family, points, draws
        As for `log_terms`.
    probability : float
        Of the interval.

    Returns
    -------
    lower, upper : numpy.ndarray
        Each (m, P). The mean of a skewed posterior may lie outside.
    """
    ends = np.empty((2, len(points), log_weights(family, draws).shape[1]))
    for part in chunks(points, draws):
        # Draws last: quantiles of long rows that lie together are found several times as fast.
        values = np.ascontiguousarray(responsibilities(family, points[part], draws).transpose(1, 2, 0))
        ends[:, part] = np.quantile(values, [(1 - probability) / 2, (1 + probability) / 2], axis=2)
    return ends


def densities(family: str, points: Points, draws: dict[str, np.ndarray]) -> np.ndarray:
    """Density of the mixture and of each weighted part at given values, draw by draw.

    Parameters
    ----------
    family, points, draws
        As for `log_terms`.

    Returns
    -------
    numpy.ndarray
        Weighted densities, shape (S, m, P); their sum over the last axis is the mixture's density.
    """
    return np.concatenate([np.exp(log_terms(family, points[part], draws)) for part in chunks(points, draws)], axis=1)


def part_tails(family: str, points: Points, draws: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Weighted probability of every part below what each value stands for, and with it.

    Parameters
    ----------
    family, points, draws
        As for `log_terms`; m values, whatever group they belong to.

    Returns
    -------
    lower, upper : numpy.ndarray
        Each (S, m, P), or (S, m, P, D) for the D columns one by one; equal for exact continuous values, P(Y < y) and
        P(Y <= y) for whole numbers.
    """
    entry = FAMILIES[family]
    ends = entry.component_tails(points.rows, draws)
    if entry.zero is not None:
        shape = (*ends[0].shape[:2], 1)
        extra = (points.y > 0, points.y >= 0)
        ends = (
            np.concatenate([end, np.broadcast_to(at[:, None], shape)], axis=2)
            for end, at in zip(ends, extra, strict=True)
        )
    weights = np.exp(log_weights(family, draws))[:, None, :]
    weights = weights.reshape(weights.shape + (1,) * (points.y.ndim - 1))
    below, with_it = ends
    lower = weights * below
    return lower, lower if with_it is below else weights * with_it


def tails(family: str, points: Points, draws: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Probability of the mixture below what each value stands for, and with it: two arrays (S, m) or (S, m, D)."""
    found = []
    for part in chunks(points, draws):
        below, with_it = part_tails(family, points[part], draws)
        lower = below.sum(axis=2)
        found.append((lower, lower if with_it is below else with_it.sum(axis=2)))
    lower = np.concatenate([ends[0] for ends in found], axis=1)
    if all(ends[1] is ends[0] for ends in found):
        return lower, lower
    return lower, np.concatenate([ends[1] for ends in found], axis=1)


def sample_memberships(
    family: str, points: Points, draws: dict[str, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Draw a part for each unit and draw of the parameters, given the unit.

    Parameters
    ----------
    family, points, draws
        As for `log_terms`.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of int
        Parts from 0, shape (S, m), for each of m values that of its unit.
    """
    result = np.empty((len(draws["theta"]), len(points)), dtype=int)
    for part in chunks(points, draws):
        terms = log_terms(family, points[part], draws)
        # Adding Gumbel noise and taking the largest draws from the categorical distribution.
        result[:, part] = np.argmax(terms + rng.gumbel(size=terms.shape), axis=2)
    return points.spread(result)


def draw_memberships(family: str, n: int, draws: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Draw parts for n new units from the weights: shape (S, n), from 0."""
    edges = np.cumsum(np.exp(log_weights(family, draws)), axis=1)[:, None, :-1]
    return (rng.random((len(draws["theta"]), n))[:, :, None] > edges).sum(axis=2)


def replicate(
    family: str, points: Points, memberships: np.ndarray, draws: dict[str, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Replicated data sets, one per draw of the parameters.

    Parameters
    ----------
    family, draws
        As for `log_terms`.
    points : Points
        The observations; their values matter only for how they are rounded.
    memberships : numpy.ndarray of int
        Parts from 0 of every value, shape (S, m).
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        Shape (S, m), or (S, m, D); rounded as the observations are, 0 for extra zeros.
    """
    entry, components = FAMILIES[family], draws["theta"].shape[1]
    y = entry.replicate(points.rows, draws, np.minimum(memberships, components - 1), rng)
    return y if entry.zero is None else np.where(memberships < components, y, 0.0)


def spaced(length: int, count: int) -> np.ndarray:
    """The places of at most `count` evenly spaced draws of a chain, from 0 (numpy.ndarray of int)."""
    return np.linspace(0, length - 1, min(count, length)).round().astype(int)


def thinned(draws: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """At most `count` draws, evenly spaced, as a dict like `draws`."""
    rows = spaced(len(draws["theta"]), count)
    return {name: values[rows] for name, values in draws.items()}


def affordable(draws: dict[str, np.ndarray], units: int, chains: int) -> dict[str, np.ndarray]:
    """As many draws as a data set of that many distinct observations allows, evenly spaced in every chain.

    Parameters
    ----------
    draws : dict of numpy.ndarray
        Each (S, K), chain after chain.
    units : int
        Distinct observations.
    chains : int

    Returns
    -------
    dict of numpy.ndarray
        Each (S', K), chain after chain; all draws where they can be afforded.
    """
    length = len(draws["theta"]) // chains
    kept = min(length, max(AFFORDABLE // units, FEWEST_DRAWS) // chains)
    rows = (np.arange(chains)[:, None] * length + spaced(length, kept)).ravel()
    return {name: values[rows] for name, values in draws.items()}
