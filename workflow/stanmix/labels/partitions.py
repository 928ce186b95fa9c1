"""Which observations belong together, whatever the components are called: co-clustering and partitions.

Partitions are arrays (m,) of labels; only who shares a label matters. Similarities are posterior probabilities (m, m)
that two observations share a component, 1 on the diagonal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

CHUNK = 4_000_000  # elements of the largest temporary array beside those of shape (m, m): 32 MB
STARTS = 8  # candidates that are improved, the best ones: with fewer the search ends in local optima more often
GAIN = 1e-9  # what an improvement must bring to be more than rounding


def co_clustering(draws: np.ndarray | Iterable[np.ndarray]) -> np.ndarray:
    """Posterior probability that two observations share a component.

    Given the parameters two observations are allocated independently, so that of one draw is the product of their
    responsibilities summed over the components; no label is sampled (Rao-Blackwell).

    Parameters
    ----------
    draws : numpy.ndarray or iterable of numpy.ndarray
        Responsibilities (S, m, K): all draws, or some at a time. Those of extra zeros belong to it as one more
        component.

    Returns
    -------
    numpy.ndarray
        Shape (m, m), symmetric, 1 on the diagonal.
    """
    total, count = 0.0, 0
    for block in [draws] if isinstance(draws, np.ndarray) else draws:
        step = max(1, CHUNK // block[0].size)
        for start in range(0, len(block), step):
            part = block[start : start + step]
            # One long row per observation: a single symmetric product for all draws of the part.
            rows = part.transpose(1, 0, 2).reshape(part.shape[1], -1).astype(float, copy=False)
            total += rows @ rows.T
        count += len(block)
    total /= count
    np.fill_diagonal(total, 1)
    return total


def vi_loss_bound(partition: np.ndarray, similarity: np.ndarray) -> float:
    """Lower bound of the expected variation of information between a partition and the true one.

    Parameters
    ----------
    partition : numpy.ndarray
        Shape (m,).
    similarity : numpy.ndarray
        Shape (m, m).

    Returns
    -------
    float
        In bits; exact when the posterior is one partition.

    Notes
    -----
    Wade, S. & Ghahramani, Z. (2018), Bayesian cluster analysis: point estimation and credible balls, Bayesian Anal. 13,
    559-626. By Jensen's inequality the bound needs no draws, only the similarities.
    """
    sizes, own = _own(partition, similarity)
    return np.mean(np.log2(sizes) + np.log2(similarity.sum(axis=1)) - 2 * np.log2(own))


def best_partition(
    similarity: np.ndarray, candidates: Iterable[np.ndarray] = (), most: int = 20
) -> tuple[np.ndarray, float]:
    """The partition with the least `vi_loss_bound` that a search finds.

    Candidates are the cuts of the trees of average and of complete linkage of 1 - similarity, and those given. The best
    few are improved by moving one observation at a time to where the loss is least, another cluster or one of its own,
    until no move helps.

    Parameters
    ----------
    similarity : numpy.ndarray
        Shape (m, m).
    candidates : iterable of numpy.ndarray
        More partitions to try, each (m,).
    most : int
        Clusters up to which the trees are cut. Moves may make more.

    Returns
    -------
    partition : numpy.ndarray of int
        Shape (m,), from 1, numbered by size, clusters of one size by first appearance.
    loss : float
    """
    partitions = {}
    for candidate in [*_cuts(similarity, most), *candidates]:
        labels = numbered(candidate)
        partitions[labels.tobytes()] = labels
    tried = sorted(partitions.values(), key=lambda labels: vi_loss_bound(labels, similarity))
    improved = [_improve(labels - 1, similarity) + 1 for labels in tried[:STARTS]]
    losses = [vi_loss_bound(labels, similarity) for labels in improved]
    best = int(np.argmin(losses))
    return improved[best], losses[best]


def numbered(partition: np.ndarray) -> np.ndarray:
    """The same partition with labels from 1, by size, clusters of one size by first appearance: int array (m,)."""
    _, first, inverse, sizes = np.unique(partition, return_index=True, return_inverse=True, return_counts=True)
    numbers = np.empty(len(sizes), dtype=int)
    numbers[np.lexsort((first, -sizes))] = np.arange(1, len(sizes) + 1)
    return numbers[inverse]


def adjusted_rand(a: ArrayLike, b: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Agreement of two partitions: 1 when they are the same, 0 as expected by chance.

    Parameters
    ----------
    a, b : array_like
        Labels of any kind, shape (m,).
    weights : array_like, optional
        How many units each observation stands for, shape (m,); those of one observation share its labels.

    Returns
    -------
    float
        1 also when both are one cluster, or all clusters of one, where chance leaves no choice.

    Notes
    -----
    Hubert, L. & Arabie, P. (1985), Comparing partitions, J. Classif. 2, 193-218.
    """
    (_, rows), (_, columns) = np.unique(a, return_inverse=True), np.unique(b, return_inverse=True)
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1 if weights is None else weights)
    both, in_a, in_b, pairs = (
        (sizes * (sizes - 1) / 2).sum() for sizes in (table, table.sum(axis=1), table.sum(axis=0), table.sum())
    )
    # Multiplied by all pairs: without a division the two sides are exactly equal where they should be.
    chance, largest = in_a * in_b, pairs * (in_a + in_b) / 2
    return float((pairs * both - chance) / (largest - chance)) if largest != chance else 1.0


def expected_misclassification(probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Expected share of observations that their most probable component is wrong for.

    Parameters
    ----------
    probabilities : numpy.ndarray
        Of membership, shape (m, K).
    weights : numpy.ndarray, optional
        How often each observation counts, shape (m,).

    Returns
    -------
    float
    """
    return float(np.average(1 - probabilities.max(axis=1), weights=weights))


def entropy_r2(probabilities: np.ndarray, weights: np.ndarray | None = None) -> float | None:
    """How certain memberships are, from 0 (they are all even) to 1 (they are all sure); Ramaswamy et al. (1993).

    Parameters
    ----------
    probabilities : numpy.ndarray
        Of membership, shape (m, K).
    weights : numpy.ndarray, optional
        How often each observation counts, shape (m,).

    Returns
    -------
    float or None
        None for a single component, which leaves nothing to be uncertain about.
    """
    if probabilities.shape[1] == 1:
        return None
    logs = np.log(np.where(probabilities > 0, probabilities, 1))
    entropy = -(probabilities * logs).sum(axis=1)
    return float(1 - np.average(entropy, weights=weights) / np.log(probabilities.shape[1]))


def average_membership(probabilities: np.ndarray, weights: np.ndarray) -> list[list[float] | None]:
    """The mean probability of each component among the observations whose most probable one is the same.

    Parameters
    ----------
    probabilities : numpy.ndarray
        Of membership, shape (m, K).
    weights : numpy.ndarray
        How often each observation counts, shape (m,).

    Returns
    -------
    list of list of float or None
        For each component a row of K means; None where it is the most probable of no observation.
    """
    best, found = probabilities.argmax(axis=1), []
    for component in range(probabilities.shape[1]):
        own = best == component
        row = np.average(probabilities[own], axis=0, weights=weights[own]).tolist() if weights[own].sum() else None
        found.append(row)
    return found


def _own(partition, similarity):
    """Of each observation, the size of its cluster and its similarity with all of that: two arrays (m,)."""
    _, labels = np.unique(partition, return_inverse=True)
    one_hot = np.eye(labels.max() + 1)[labels]
    return one_hot.sum(axis=0)[labels], np.take_along_axis(similarity @ one_hot, labels[:, None], axis=1)[:, 0]


def _cuts(similarity, most):
    """Partitions by cutting two trees at 1 to `most` clusters."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    m = len(similarity)
    if m == 1:
        return [np.ones(1, dtype=int)]
    distances = np.maximum(1 - squareform(similarity, checks=False), 0)
    trees = [linkage(distances, method) for method in ("average", "complete")]
    return [fcluster(tree, count, "maxclust") for tree in trees for count in range(1, min(most, m) + 1)]


def _improve(labels, similarity):
    """Move one observation at a time to where the loss is least, until none would be better off elsewhere.

    Labels go from 0 here; they are left as `numbered` gives them, less 1.
    """
    while True:
        labels = numbered(labels) - 1
        _, own = _own(labels, similarity)
        restless = _restless(labels, similarity, own)
        if not len(restless):
            return labels
        for i in restless:
            left, near = labels[i], similarity[i]
            # The state without observation i; one label is always free, for a cluster of its own.
            labels[i] = labels.max() + 1
            own[labels == left] -= near[labels == left]
            costs = _joining(near[None], labels, own[None], np.array([i]))[0]
            to = int(np.argmin(costs))
            to = to if costs[to] < costs[left] - GAIN else left
            members = labels == to
            own[members] += near[members]
            labels[i] = to
            own[i] = near[labels == to].sum()


def _restless(labels, similarity, own):
    """The observations that would be better off in another cluster, or one of their own, if only they moved."""
    found, step = [], max(1, CHUNK // len(labels))
    for start in range(0, len(labels), step):
        rows = np.arange(start, min(start + step, len(labels)))
        near = similarity[rows]
        costs = _joining(near, labels, own - near * (labels == labels[rows, None]), rows)
        found.append(rows[costs.min(axis=1) < costs[np.arange(len(rows)), labels[rows]] - GAIN])
    return np.concatenate(found)


def _sums(values, labels):
    """Sums of rows of values (r, m) over each cluster, and nothing for a new one: shape (r, clusters + 1)."""
    return values @ np.eye(labels.max() + 2)[labels]


def _joining(near, labels, own, rows):
    """What joining each cluster, or a new one, adds to m times the bound, in bits.

    Parameters
    ----------
    near : numpy.ndarray
        Similarities of the observations that join with all others, shape (r, m).
    labels : numpy.ndarray of int
        Shape (m,).
    own : numpy.ndarray
        Similarity of each observation with all of its cluster without the one that joins, shape (r, m).
    rows : numpy.ndarray of int
        Which observations join, shape (r,): each counts nowhere itself.

    Returns
    -------
    numpy.ndarray
        Shape (r, clusters + 1).
    """
    itself = (np.arange(len(rows)), rows)
    with np.errstate(divide="ignore"):  # of itself nothing may be left
        others = np.log1p(near / own)
    others[itself] = 0
    near = near.copy()
    near[itself] = 0
    sizes = np.bincount(labels, minlength=labels.max() + 2) - (np.arange(labels.max() + 2) == labels[rows, None])
    grown = (sizes + 1) * np.log(sizes + 1) - sizes * np.log(np.maximum(sizes, 1))
    own_term = np.log1p(_sums(near, labels))
    return (grown - 2 * _sums(others, labels) - 2 * own_term) / np.log(2)
