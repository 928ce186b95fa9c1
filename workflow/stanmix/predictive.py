"""Posterior predictive checks: what replicated data look like beside the data, and how unlikely the data are."""

import numpy as np
from scipy import signal, stats

from stanmix import mixture
from stanmix.families import FAMILIES

BAND = (0.05, 0.5, 0.95)  # lower, median and upper quantile of every pointwise band
SIMULTANEOUS = 0.95  # share of the distribution functions that lie wholly inside the ECDF band
DRAWN = 50  # replicated data sets that the figure shows one by one
BINNED = 2000  # with more observations than this a kernel density is computed from bins
BINS = 1000


def grid(y, positive=False, points=401):
    """Even steps over the data and a tenth of their range beyond, not below 0 if positive, shape (points,)."""
    margin = 0.1 * np.ptp(y)
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
        Data, shape (n,). More than `BINNED` of them are put into `BINS` bins first.
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
    weights = None
    if len(y) > BINNED:
        weights, edges = np.histogram(y, BINS)
        y = (edges[:-1] + edges[1:]) / 2
    kernel = stats.gaussian_kde(y, bw_method=1.0, weights=weights)
    kernel.set_bandwidth(width / np.sqrt(kernel.covariance[0, 0]))
    return kernel(x)


def band(curves):
    """Pointwise band of curves (R, m): dict of lower, median and upper, each (m,)."""
    return dict(zip(("lower", "median", "upper"), np.quantile(curves, BAND, axis=0), strict=True))


def density_bands(family, x, draws):
    """Posterior bands of the density of the mixture and of each weighted component.

    Parameters
    ----------
    family : str
    x : numpy.ndarray
        Shape (m,).
    draws : dict of numpy.ndarray
        Each (S, K).

    Returns
    -------
    mixture_band : dict
        lower, median, upper, each (m,).
    component_bands : list of dict
        The same for each component.
    """
    weighted = mixture.densities(family, x, draws)
    return band(weighted.sum(axis=2)), [band(weighted[:, :, k]) for k in range(weighted.shape[2])]


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
    return [
        {
            "x": float(x[i]),
            "sd_keep": float(keep[:, i].std(ddof=1)),
            "sd_anew": float(anew[:, i].std(ddof=1)),
            "ratio": float(anew[:, i].std(ddof=1) / keep[:, i].std(ddof=1)),
        }
        for i in signal.find_peaks(density)[0]
    ]


def ecdf(y, x):
    """Empirical distribution function of y at x, shape (m,)."""
    return np.searchsorted(np.sort(y), x, side="right") / len(y)


def ecdf_band(observed, replicated):
    """Simultaneous band of replicated distribution functions, and where the data's lies among them.

    At every x a curve has a depth: how many curves lie at or beyond it on its emptier side, itself included. Curves are
    compared by their least depth, those that share it by how many x they have it at, then by the next depth, and so on
    (extreme rank lengths, Myllymaki et al. 2017): the least depth alone ties so many curves that nothing would ever be
    unlikely. The band is the hull of all curves without the outermost 5%, so that the
    data's leaves it when its p-value is below 0.05.

    Parameters
    ----------
    observed : numpy.ndarray
        The data's distribution function on a grid, shape (m,).
    replicated : numpy.ndarray
        Those of the replicated data sets, shape (R, m).

    Returns
    -------
    limits : dict
        lower, median, upper, each (m,).
    p_value : float
        Share of all R + 1 curves that lie as far out as the data's or farther: exact under exchangeability.
    """
    curves = np.vstack([observed, replicated])
    order = _from_outside(curves)
    inner = curves[order >= np.quantile(order, 1 - SIMULTANEOUS, method="lower")]
    limits = {"lower": inner.min(axis=0), "median": np.median(replicated, axis=0), "upper": inner.max(axis=0)}
    return limits, float((order <= order[0]).mean())


def _from_outside(curves):
    """The place of every curve in the order from the outermost (0) to the deepest, shape (R,)."""
    at_most = stats.rankdata(curves, method="max", axis=0)
    at_least = len(curves) + 1 - stats.rankdata(curves, method="min", axis=0)
    depths = np.sort(np.minimum(at_most, at_least), axis=1)
    return np.unique(depths, axis=0, return_inverse=True)[1].ravel()


def component_p_values(family, y, draws, rng):
    """Posterior predictive p-values of two discrepancies within the components (Gelman, Meng & Stern 1996).

    Each observation is given a component by its posterior probability and turned into the standard normal quantile of
    its probability under that component. Under the model the squared component means of these scores, times the sizes,
    add to a chi-squared variable with one degree of freedom for each occupied component, and their squares to one with
    n; replicated data need not be simulated.

    Parameters
    ----------
    family : str
    y : numpy.ndarray
        Shape (n,).
    draws : dict of numpy.ndarray
        Each (S, K).
    rng : numpy.random.Generator

    Returns
    -------
    dict
        component_means (one-sided) and component_spreads (two-sided).
    """
    entry = FAMILIES[family]
    members = mixture.sample_memberships(family, y, draws, rng)
    rows = np.arange(len(members))[:, None]
    scores = entry.score(y[None, :], *(draws[name][rows, members] for name in entry.names))
    distance, occupied = np.zeros(len(members)), np.zeros(len(members))
    for k in range(draws["theta"].shape[1]):
        inside = members == k
        size = inside.sum(axis=1)
        distance += (scores * inside).sum(axis=1) ** 2 / np.maximum(size, 1)
        occupied += size > 0
    wider = stats.chi2.sf((scores**2).sum(axis=1), len(y)).mean()
    return {
        "component_means": float(stats.chi2.sf(distance, occupied).mean()),
        "component_spreads": float(2 * min(wider, 1 - wider)),
    }
