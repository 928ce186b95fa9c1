"""Observations far from each other, from which clusters are begun."""

import numpy as np


def distances(z: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distances of observations (m, D) from centres (K, D), shape (m, K)."""
    return ((z[:, None, :] - centres[None]) ** 2).sum(axis=2)


def far_apart(z: np.ndarray, count: np.ndarray, amount: int, rng: np.random.Generator) -> np.ndarray:
    """Observations that lie far from each other (k-means++, Arthur & Vassilvitskii 2007).

    Parameters
    ----------
    z : numpy.ndarray
        Distinct observations, shape (m, D).
    count : numpy.ndarray
        How often each was observed, shape (m,).
    amount : int
        How many are wanted; where there are not so many distinct ones some are taken twice.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        Shape (amount, D).
    """
    centres = z[rng.choice(len(z), 1, p=count / count.sum())]
    while len(centres) < amount:
        weight = count * distances(z, centres).min(axis=1)
        weight = weight if weight.sum() > 0 else count
        centres = np.vstack([centres, z[rng.choice(len(z), p=weight / weight.sum())]])
    return centres
