"""Which component is which in every draw: relabelling, and how sure the labels are.

Everywhere a permutation says where a component comes from: ``relabelled[s, :, k] = draws[s, :, permutations[s, k]]``.
Draws are responsibilities (S, m, K), whose rows may add to less than 1 where a part that keeps its name (extra zeros)
is left out. Weights (m,) say how often each observation counts.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import expit

CHUNK = 2_000_000  # elements of the largest temporary array: 16 MB
TIE = 1e-10  # relative difference below which two sums of logs are equal
SMALLEST = np.finfo(float).tiny
# No single observation speaks louder than log(1e6) for or against an exchange: a reference is the mean of some
# thousand draws and does not know smaller probabilities.
FLOOR = 1e-6


def stephens(
    responsibilities: np.ndarray, most: int = 100, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Relabel the draws such that their responsibilities agree, by Kullback-Leibler divergence (Stephens 2000).

    Alternates between the mean of the relabelled responsibilities and, draw by draw, the permutation closest to that
    mean, until no permutation changes. Each step lowers the divergence, so it ends, but it may end in a local optimum:
    labels that are exchanged in exactly half the draws are a fixed point. So it starts twice, from the labels as they
    are and from those closest to one typical draw, and the second result stands only if its divergence is lower.

    Parameters
    ----------
    responsibilities : numpy.ndarray
        Shape (S, m, K).
    most : int
        Steps after which it ends at the latest; a few are usual.
    weights : numpy.ndarray, optional
        Shape (m,).

    Returns
    -------
    permutations : numpy.ndarray of int
        Shape (S, K). Draws that fit as well with two permutations keep the one they had.
    reference : numpy.ndarray
        The mean of the relabelled responsibilities, shape (m, K).

    Notes
    -----
    Stephens, M. (2000), Dealing with label switching in mixture models, J. R. Stat. Soc. B 62, 795-809.
    """
    count, _, components = responsibilities.shape
    identity = np.tile(np.arange(components), (count, 1))
    as_they_are = _descend(responsibilities, identity, most, weights)
    # Half of the typical draw and half of no opinion, so that no observation it is sure of decides alone.
    soft = (responsibilities[_typical(responsibilities, weights)] + 1 / components) / 2
    matched = _match(_agreement(responsibilities, np.log(soft), weights), identity)
    alternative = _descend(responsibilities, matched, most, weights)
    better = alternative[2] > as_they_are[2] + TIE * abs(as_they_are[2])
    return (alternative if better else as_they_are)[:2]


def named_by(values: np.ndarray, permutations: np.ndarray) -> np.ndarray:
    """Permutations that also put the relabelled components in the order of a parameter's mean.

    Parameters
    ----------
    values : numpy.ndarray
        Draws of the parameter before relabelling, shape (S, K).
    permutations : numpy.ndarray of int
        Shape (S, K).

    Returns
    -------
    numpy.ndarray of int
        Shape (S, K): with them the means over the draws increase. A reference that belonged to the old permutations is
        to be made again, by `reference`.
    """
    means = np.take_along_axis(values, permutations, axis=1).mean(axis=0)
    return permutations[:, np.argsort(means, kind="stable")]


def reference(responsibilities: np.ndarray, permutations: np.ndarray) -> np.ndarray:
    """Mean of the relabelled responsibilities.

    Parameters
    ----------
    responsibilities : numpy.ndarray
        Shape (S, m, K).
    permutations : numpy.ndarray of int
        Shape (S, K).

    Returns
    -------
    numpy.ndarray
        Shape (m, K).
    """
    count, m, components = responsibilities.shape
    total = np.zeros((m, components))
    for part in _slices(count, m):
        rows = np.arange(count)[part]
        for k in range(components):
            total[:, k] += responsibilities[rows, :, permutations[part, k]].sum(axis=0)
    return total / count


def swap_probabilities(draws: np.ndarray, reference: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Posterior probability that the labels of two components are exchanged, for every pair.

    In each draw, how probable the exchanged labels are against the labels as they are, were the observations allocated
    independently with the probabilities of the reference; then the mean over the draws. It is near 0 for components
    well apart, 1/2 for two that are the same, and the share of exchanged draws where the labels have switched.

    Parameters
    ----------
    draws : numpy.ndarray
        Responsibilities (S, m, K). Of allocations they are the expectation: the log odds are expected ones and the
        result has no noise of their own.
    reference : numpy.ndarray
        Probabilities of the components, shape (m, K).
    weights : numpy.ndarray, optional
        Shape (m,).

    Returns
    -------
    numpy.ndarray
        Shape (K, K), symmetric, 0 on the diagonal.

    Notes
    -----
    The probabilities of permutations in Sperrin, M., Jaki, T. & Wit, E. (2010), Probabilistic relabelling strategies
    for the label switching problem in Bayesian mixture models, Stat. Comput. 20, 357-366; here of the two permutations
    that differ in one pair. The reference is taken as given, and relabelled draws agree with their own mean better than
    they deserve: after Stephens' algorithm it is near 0 even for components that are the same. So compare draws with
    labels of one kind (by an ordering) with the reference of another (of `stephens`, named by the same parameter).
    """
    agreement = _agreement(draws, np.log(np.maximum(reference, FLOOR)), weights)
    kept = np.diagonal(agreement, axis1=1, axis2=2)
    exchanged = agreement + agreement.transpose(0, 2, 1)
    result = expit(exchanged - kept[:, :, None] - kept[:, None, :]).mean(axis=0)
    np.fill_diagonal(result, 0)
    return result


def apply(permutations: np.ndarray, draws: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Draws with their components permuted.

    Parameters
    ----------
    permutations : numpy.ndarray of int
        Shape (S, K).
    draws : dict of numpy.ndarray
        Each (S, K, ...).

    Returns
    -------
    dict of numpy.ndarray
        The same shapes: ``result[name][s, k] = draws[name][s, permutations[s, k]]``.
    """
    rows = np.arange(len(permutations))[:, None]
    return {name: values[rows, permutations] for name, values in draws.items()}


def _descend(responsibilities, permutations, most, weights):
    """Stephens' algorithm from given permutations: permutations, reference, and their agreement."""
    mean = reference(responsibilities, permutations)
    for _ in range(most):
        agreement = _agreement(responsibilities, np.log(np.maximum(mean, SMALLEST)), weights)
        changed = _match(agreement, permutations)
        if np.array_equal(changed, permutations):
            break
        permutations = changed
        mean = reference(responsibilities, permutations)
    agreement = _agreement(responsibilities, np.log(np.maximum(mean, SMALLEST)), weights)
    return permutations, mean, _attained(agreement, permutations).sum()


def _match(agreement, permutations):
    """The best permutation of each draw; the one it has when no other is better by more than rounding."""
    best = _assign(agreement)
    attained, possible = _attained(agreement, permutations), _attained(agreement, best)
    better = possible > attained + TIE * np.abs(attained)
    return np.where(better[:, None], best, permutations)


def _assign(agreement):
    return np.array([linear_sum_assignment(each.T, maximize=True)[1] for each in agreement])


def _attained(agreement, permutations):
    """What each draw's permutation attains, shape (S,)."""
    rows = np.arange(len(permutations))[:, None]
    return agreement[rows, permutations, np.arange(permutations.shape[1])].sum(axis=1)


def _agreement(draws, gains, weights):
    """What it brings to call component j of a draw k: sum over the observations of r[s, i, j] gains[i, k].

    Every criterion here is a sum of these over the components, which is why one assignment problem per draw solves it.

    Parameters
    ----------
    draws : numpy.ndarray
        Responsibilities (S, m, K).
    gains : numpy.ndarray
        Shape (m, K).
    weights : numpy.ndarray or None
        Shape (m,).

    Returns
    -------
    numpy.ndarray
        Shape (S, K, K): draw, j, k.
    """
    if weights is not None:
        gains = gains * np.asarray(weights)[:, None]
    return draws.transpose(0, 2, 1) @ gains


def _typical(responsibilities, weights):
    """The draw whose entropy is the median: neither of an empty component nor of the sharpest separation."""
    entropies = np.empty(len(responsibilities))
    for part in _slices(len(responsibilities), responsibilities[0].size):
        values = responsibilities[part]
        of_each = -(values * np.log(np.maximum(values, SMALLEST))).sum(axis=2)
        entropies[part] = of_each.sum(axis=1) if weights is None else of_each @ weights
    return np.argsort(entropies, kind="stable")[len(entropies) // 2]


def _slices(count, size):
    """Slices of `count` draws such that draws times `size` stays small."""
    step = max(1, CHUNK // size)
    return [slice(start, start + step) for start in range(0, count, step)]
