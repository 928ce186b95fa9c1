"""Sums of expected log predictive densities, and what their differences are worth."""

from __future__ import annotations

import numpy as np


def totals(loo: dict, count: np.ndarray) -> dict:
    """The sums over all observations.

    Parameters
    ----------
    loo : dict
        What `crossvalidation.leave_one_out` returned, with what `refitting.repair` has changed and its list refitted.
    count : numpy.ndarray
        How often each distinct observation was observed, shape (m,).

    Returns
    -------
    dict
        elpd, se, p_loo and n_bad (observations above the threshold that no exact fit replaces).
    """
    elpd = float(count @ loo["elpd_i"])
    return {
        "elpd": elpd,
        "se": standard_error(loo["elpd_i"], count),
        "p_loo": float(count @ loo["lppd_i"]) - elpd,
        "n_bad": int(count[loo["pareto_k"] > loo["good_k"]].sum()),  # an exact fit has no Pareto k
    }


def standard_error(values: np.ndarray, count: np.ndarray) -> float:
    """Standard error of the sum of pointwise values, each observed `count` times (float)."""
    n = count.sum()
    mean = values @ count / n
    return float(np.sqrt(n * ((values - mean) ** 2 @ count / n)))
