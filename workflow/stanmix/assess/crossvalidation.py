"""Leaving one unit out: how well the others predict it, computed block by block without a second fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stanmix.fits import inference
from stanmix.model import mixture

if TYPE_CHECKING:
    from stanmix.families.family import Points

BLOCK = 1_000_000  # draws x observations that are in memory at once: 8 MB for each of a few arrays
TAIL_DRAWS = 400  # draws over which probabilities below a value are averaged: figures and tests see no more


def leave_one_out(
    family: str,
    points: Points,
    count: np.ndarray,
    draws: dict[str, np.ndarray],
    efficiency: float,
    by_row: bool = False,
) -> dict:
    """PSIS-LOO (Vehtari, Gelman & Gabry 2017), and the probability integral transform with and without each value.

    Parameters
    ----------
    family : str
    points : Points
        The distinct units that are left out, m of them: observations, or groups of rows.
    count : numpy.ndarray
        How often each was observed, shape (m,).
    draws : dict of numpy.ndarray
        Each (S, K).
    efficiency : float
        Effective over actual draws.
    by_row : bool
        Whether the rows of a group have memberships of their own; they are left out together all the same.

    Returns
    -------
    dict
        n and good_k (the threshold of Pareto k for this number of draws); arrays elpd_i, lppd_i (with the observation
        itself) and pareto_k, each (m,); pit and loo_pit, each (2, rows) or (2, rows, D): the probability below each
        value and with it, all rows of a unit left out; log_likelihood, the sum over the units for each draw, (S,).
    """
    m, total = len(points), len(draws["theta"])
    elpd, lppd, pareto_k = np.empty(m), np.empty(m), np.empty(m)
    pit, loo_pit, log_likelihood = [], [], np.zeros(total)
    some = np.linspace(0, total - 1, min(total, TAIL_DRAWS)).round().astype(int)
    few = {name: values[some] for name, values in draws.items()}
    rows = -(-len(points.y) // m)  # of a unit
    size = max(1, BLOCK // (total * points.width * rows))
    for start in range(0, m, size):
        part = slice(start, min(start + size, m))
        values = mixture.log_likelihood_of_groups(family, points[part], draws, by_row)
        log_weights, pareto_k[part] = inference.leave_one_out_weights(values, efficiency)
        elpd[part] = mixture.log_sum(log_weights + values, axis=0)
        lppd[part] = mixture.log_sum(values, axis=0) - np.log(total)
        log_likelihood += values @ count[part]
        below, with_it = mixture.tails(family, points[part], few)
        tails = [below] if with_it is below else [below, with_it]
        weights = np.exp(log_weights[some])
        weights = points[part].spread(weights / weights.sum(axis=0))
        pit.append(_both([tail.mean(axis=0) for tail in tails]))
        loo_pit.append(_both([np.einsum("sm...,sm->m...", tail, weights) for tail in tails]))
    return {
        "n": int(count.sum()),
        "good_k": min(1 - 1 / np.log10(total), 0.7),
        "lppd_i": lppd,
        "elpd_i": elpd,
        "pareto_k": pareto_k,
        "pit": np.clip(np.concatenate(pit, axis=1), 0, 1),
        "loo_pit": np.clip(np.concatenate(loo_pit, axis=1), 0, 1),
        "log_likelihood": log_likelihood,
    }


def _both(ends):
    """The probabilities below and with each value in one array; one list of them serves for both."""
    return np.stack([ends[0], ends[-1]])
