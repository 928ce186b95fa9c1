"""What a fit to one continuous column predicts: densities, distribution functions, kernel densities of replicates."""

import numpy as np
from scipy import stats

from stanmix import mixture, predictive
from stanmix.families import FAMILIES
from stanmix.family import Points

DRAWN = 50  # replicated data sets that the figure shows one by one
PRIOR_DRAWN = 60  # densities drawn from the prior
BINNED = 2000  # with more observations than this a kernel density is computed from bins
BINS = 1000


def grid(y, positive=False, points=401, beyond=0.1):
    """Even steps over the data and a share of their range beyond, not below 0 if positive, shape (points,)."""
    margin = beyond * np.ptp(y)
    lowest = max(y.min() - margin, y.min() / 10) if positive else y.min() - margin
    return np.linspace(lowest, y.max() + margin, points)


def bandwidth(y):
    """Standard deviation of SciPy's default Gaussian kernel (Scott 1992) for these data."""
    return float(np.std(y, ddof=1) * len(y) ** -0.2)


def kernel_density(y, x, width=None):
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

    Returns
    -------
    numpy.ndarray
        Shape (m,).
    """
    width = bandwidth(y) if width is None else width
    limits, weights = bounds(y), None
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
    return np.where(within, density, 0.0)


def bounds(y):
    """Ends beyond which values like these cannot lie, None for none: 0, and 1 for shares or 100 for percentages."""
    if y.min() < 0:
        return None, None
    return 0.0, 1.0 if y.max() <= 1 else 100.0 if y.max() == 100 else None


def peaks(x, density, keep, anew):
    """How much replicated kernel densities vary at the peaks of the mixture's density.

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
        for i in signal.find_peaks(density)[0]
    ]


def at(x):
    """Points at which the density of a continuous family is evaluated."""
    return Points(x, np.ones(len(x)))


def predict(specification, points, thinned, few, kept, anew, thin, prior):
    """Tables behind the predictive figures.

    Parameters
    ----------
    specification : dict
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

    Returns
    -------
    tables : dict
        density, memberships_by_value, replicates, ecdf and prior, each a dict of columns.
    facts : dict
        What the text says of them.
    p_values : dict
        ecdf, of the distribution function, and shape, of that of the standardised values or logs.
    """
    family, y = specification["family"], points.y
    entry = FAMILIES[family]
    x = grid(y, entry.positive)
    parts = mixture.parts(family, specification["components"])
    density = {"x": x} | predictive.part_bands(mixture.densities(family, at(x), thinned), parts)
    observed = kernel_density(y, x)
    keep_curves, anew_curves = (np.array([kernel_density(row, x) for row in rows]) for rows in (kept, anew[thin]))
    replicates = {"x": x, "observed": observed}
    replicates |= predictive.band_columns(keep_curves, "keep_") | predictive.band_columns(anew_curves, "anew_")
    drawn = keep_curves[np.linspace(0, len(keep_curves) - 1, DRAWN).round().astype(int)]
    replicates |= {f"replicate_{r}": values for r, values in enumerate(drawn, start=1)}
    at_places = predictive.places(y, anew)
    of_data = predictive.ecdf(y, at_places)
    limits, p_value = predictive.ecdf_band(of_data, np.array([predictive.ecdf(row, at_places) for row in anew]))
    logs = (Points(values, points.size, points.step).logs if entry.positive else values for values in (y, anew))
    wide = grid(y, entry.positive, beyond=0.6)
    curves = mixture.densities(family, at(wide), mixture.thinned(prior, PRIOR_DRAWN)).sum(axis=2)
    tables = {
        "density": density,
        "memberships_by_value": predictive.memberships_by_value(family, at(x), x, thinned),
        "replicates": replicates,
        "ecdf": {"x": at_places, "observed": of_data, **limits},
        "prior": {"x": wide} | {f"curve_{r}": curve for r, curve in enumerate(curves, start=1)},
    }
    facts = {
        "bandwidth": bandwidth(y),
        "replicates_keep": len(kept),
        "replicates_anew": len(anew_curves),
        "replicates_ecdf": len(anew),
        "peaks": peaks(x, density["mixture_median"], keep_curves, anew_curves),
    }
    return tables, facts, {"ecdf": p_value, "shape": predictive.shape_p_value([tuple(logs)])}
