"""What a fit to one continuous column predicts: densities, distribution functions, kernel densities of replicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from stanmix.base.seeds import seed_for
from stanmix.expected import predictive
from stanmix.families.family import Points
from stanmix.families.registry import FAMILIES
from stanmix.model import mixture

if TYPE_CHECKING:
    from stanmix.model.specification import Specification

DRAWN = 50  # replicated data sets that the figure shows one by one
PRIOR_DRAWN = 60  # densities drawn from the prior
BINNED = 2000  # with more observations than this a kernel density is computed from bins
BINS = 1000
WIDE = 100  # times the smallest value: positive data that reach farther are drawn on a log axis
PROMINENT = 0.05  # of the tallest peak: how far others must stand out of the density to be spoken of
RESOLVED = 41  # places inside each component where densities are evaluated


def is_log(y: np.ndarray, axis: str = "auto") -> bool:
    """Whether values are drawn on a log axis: as asked, else where positive ones span two orders of magnitude."""
    return y.min() > 0 and (axis == "log" or (axis == "auto" and y.max() > WIDE * y.min()))


def grid(
    y: np.ndarray, positive: bool = False, points: int = 401, beyond: float = 0.1, log: bool = False
) -> np.ndarray:
    """Even steps over the data and a share of their range beyond, not below 0 if positive, shape (points,).

    On a log axis the steps are even in the logs.
    """
    if log:
        return np.exp(grid(np.log(y), False, points, beyond))
    margin = beyond * np.ptp(y)
    lowest = max(y.min() - margin, y.min() / 10) if positive else y.min() - margin
    return np.linspace(lowest, y.max() + margin, points)


def bandwidth(y: np.ndarray) -> float:
    """Standard deviation of SciPy's default Gaussian kernel (Scott 1992) for these data."""
    return float(np.std(y, ddof=1) * len(y) ** -0.2)


def resolving(family: str, x: np.ndarray, draws: dict[str, np.ndarray], seed: int) -> np.ndarray:
    """A grid and places inside each component of draws, so that none is too narrow for it; between the grid's ends."""
    rng, entry = np.random.default_rng(seed), FAMILIES[family]
    values = entry.generate(rng, *(draws[name][:, None, :] for name in entry.of_component), size=np.ones((1, 20, 1)))
    at_places = np.quantile(values, (np.arange(RESOLVED) + 0.5) / RESOLVED, axis=(0, 1))
    found = np.unique(np.concatenate([x, at_places.ravel()]))
    return found[(found >= x[0]) & (found <= x[-1]) & entry.inside(found)]


def kernel_density(y: np.ndarray, x: np.ndarray, width: float | None = None, log: bool = False) -> np.ndarray:
    """Gaussian kernel density.

    Parameters
    ----------
    y : numpy.ndarray
        Data, shape (n,). More than `BINNED` of them are put into `BINS` bins first. Of those that are never negative,
        or shares, nothing lies beyond the bounds.
    x : numpy.ndarray
        Where to evaluate, shape (m,).
    width : float, optional
        Standard deviation of the kernel; the default is `bandwidth`.
    log : bool
        Whether the kernel is laid over the logs; the density is that of the values.

    Returns
    -------
    numpy.ndarray
        Shape (m,).
    """
    limits, weights, unit = bounds(y), None, 1.0
    if log:
        y, x, limits, unit = np.log(y), np.log(x), (None, None), x
    width = bandwidth(y) if width is None else width
    if len(y) > BINNED:
        weights, edges = np.histogram(y, BINS)
        y = (edges[:-1] + edges[1:]) / 2
    if np.ptp(y) == 0:
        smooth = stats.norm(y[0], max(width, np.diff(x).min())).pdf  # all values are equal: as narrow as is seen
    else:
        smooth = stats.gaussian_kde(y, bw_method=1.0, weights=weights)
        smooth.set_bandwidth(width / np.sqrt(smooth.covariance[0, 0]))
    density = smooth(x)
    for end in limits:  # what a kernel puts beyond is folded back (Silverman 1986)
        if end is not None:
            density = density + smooth(2 * end - x)
    lower, upper = limits
    within = (x >= (-np.inf if lower is None else lower)) & (x <= (np.inf if upper is None else upper))
    return np.where(within, density, 0.0) / unit


def bounds(y: np.ndarray) -> tuple[float | None, float | None]:
    """Ends beyond which values like these cannot lie, None for none: 0, and 1 for shares or 100 for percentages."""
    if y.min() < 0:
        return None, None
    return 0.0, 1.0 if y.max() <= 1 else 100.0 if y.max() == 100 else None


def peaks(x: np.ndarray, density: np.ndarray, keep: np.ndarray, anew: np.ndarray) -> list[dict]:
    """How much replicated kernel densities vary at the peaks of the mixture's density that stand out of it.

    Parameters
    ----------
    x, density : numpy.ndarray
        The grid and the mixture's density on it, shape (m,).
    keep, anew : numpy.ndarray
        Kernel densities of replicated data sets that keep the memberships, and that draw them anew: (R, m).

    Returns
    -------
    list of dict
        x, sd_keep, sd_anew and ratio = sd_anew / sd_keep for each peak.
    """
    from scipy import signal  # takes 0.3 s, which the search of modes need not pay

    return [
        {
            "x": float(x[i]),
            "sd_keep": float(keep[:, i].std(ddof=1)),
            "sd_anew": float(anew[:, i].std(ddof=1)),
            "ratio": float(anew[:, i].std(ddof=1) / keep[:, i].std(ddof=1)),
        }
        for i in signal.find_peaks(density, prominence=PROMINENT * density.max())[0]
    ]


def at(x: np.ndarray) -> Points:
    """Points at which the density of a continuous family is evaluated."""
    return Points(x, np.ones(len(x)))


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
    """Tables behind the predictive figures.

    Parameters
    ----------
    specification : Specification
    points : Points
        The observations, m of them.
    thinned, few : dict of numpy.ndarray
        Draws of the posterior, each (S, K); `few` are those behind `kept`.
    kept, anew : numpy.ndarray
        Replicated data sets that keep the memberships, and that draw them anew, each (R, m).
    thin : numpy.ndarray of int
        Those of `anew` behind kernel densities.
    prior : dict of numpy.ndarray
        Draws of the prior, each (S, K).
    axis : {"auto", "log", "linear"}
        On what axis the values are drawn.

    Returns
    -------
    tables : dict
        density, memberships_by_value, replicates and prior, each a dict of columns.
    facts : dict
        What the text says of them.
    """
    family, y = specification.family, points.y
    entry = FAMILIES[family]
    log = entry.positive and is_log(y, axis)
    x = resolving(family, grid(y, entry.positive, log=log), few, seed_for(specification.seeds["replicates"], "grid"))
    parts = mixture.parts(family, specification.components)
    density = {"x": x, "log": int(log)} | predictive.part_bands(mixture.densities(family, at(x), thinned), parts)
    alone = x if points.unit is None else x[:0]  # the membership of a group is no function of one value
    even = grid(y, entry.positive, log=log)
    observed = kernel_density(y, even, log=log)
    keep_curves, anew_curves = (
        np.array([kernel_density(row, even, log=log) for row in rows]) for rows in (kept, anew[thin])
    )
    replicates = {"x": even, "log": int(log), "observed": observed}
    replicates |= predictive.band_columns(keep_curves, "keep_") | predictive.band_columns(anew_curves, "anew_")
    drawn = keep_curves[np.linspace(0, len(keep_curves) - 1, DRAWN).round().astype(int)]
    replicates |= {f"replicate_{r}": values for r, values in enumerate(drawn, start=1)}
    wide = grid(y, entry.positive, beyond=0.6, log=log)
    wide = wide[entry.inside(wide)]
    curves = mixture.densities(family, at(wide), mixture.thinned(prior, PRIOR_DRAWN)).sum(axis=2)
    tables = {
        "density": density,
        "memberships_by_value": predictive.memberships_by_value(family, at(alone), alone, thinned),
        "replicates": replicates,
        "prior": {"x": wide, "log": int(log)} | {f"curve_{r}": curve for r, curve in enumerate(curves, start=1)},
    }
    facts = {
        "bandwidth": bandwidth(np.log(y) if log else y),
        "log": bool(log),
        "replicates_keep": len(kept),
        "replicates_anew": len(anew_curves),
        "replicates_ecdf": len(anew),
        "peaks": peaks(even, np.interp(even, x, density["mixture_median"]), keep_curves, anew_curves),
    }
    return tables, facts


def distribution(specification: Specification, points: Points, anew: np.ndarray) -> tuple[dict[str, np.ndarray], dict]:
    """The distribution function of the data among those of replicated data sets.

    Parameters
    ----------
    specification : Specification
    points : Points
        The observations, m of them.
    anew : numpy.ndarray
        Replicated data sets of new observations, shape (R, m).

    Returns
    -------
    table : dict of numpy.ndarray
        x, observed, lower, median and upper.
    p_values : dict
        ecdf, of the distribution function, and shape, of that of values standardised on the scale of the model.
    """
    x = predictive.places(points.y, anew)
    observed = predictive.ecdf(points.y, x)
    limits, p_value = predictive.ecdf_band(observed, np.array([predictive.ecdf(row, x) for row in anew]))
    family = specification.entry
    both = tuple(family.on_scale(Points(values, points.size, points.step)) for values in (points.y, anew))
    return {"x": x, "observed": observed, **limits}, {"ecdf": p_value, "shape": predictive.shape_p_value([both])}
