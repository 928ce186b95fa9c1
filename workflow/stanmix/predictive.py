"""Posterior predictive checks: what replicated data look like beside the data, and how unlikely the data are."""

import numpy as np
from scipy import stats

from stanmix import mixture
from stanmix.families import FAMILIES

BAND = (0.05, 0.5, 0.95)  # lower, median and upper quantile of every pointwise band
SIMULTANEOUS = 0.95  # share of the distribution functions that lie wholly inside the ECDF band
UNIFORM = 1000  # simulated uniform samples behind the band of the probability integral transform
STEPS = 100  # of the grid on which it is drawn


def band(curves):
    """Pointwise band of curves (R, m): dict of lower, median and upper, each (m,)."""
    return dict(zip(("lower", "median", "upper"), np.quantile(curves, BAND, axis=0), strict=True))


def band_columns(curves, prefix=""):
    """A pointwise band as columns of a table, their names beginning with `prefix`."""
    return {prefix + key: values for key, values in band(curves).items()}


def part_bands(weighted, parts):
    """Bands of the mixture and of its parts as columns of a table.

    Parameters
    ----------
    weighted : numpy.ndarray
        Draws of a quantity of every part that add to the mixture's, shape (S, m, P).
    parts : list of str
        What the parts are called.

    Returns
    -------
    dict
        mixture_lower, mixture_median, mixture_upper and the same for component_1 and so on, each (m,).
    """
    columns = band_columns(weighted.sum(axis=2), "mixture_")
    for k, part in enumerate(parts):
        columns |= band_columns(weighted[:, :, k], f"component_{part}_")
    return columns


def memberships_by_value(family, points, x, draws):
    """Membership probabilities at given values as a table: x and probability_1 and so on."""
    probabilities = mixture.membership(family, points, draws)
    names = mixture.parts(family, draws["theta"].shape[1])
    return {"x": x} | {f"probability_{name}": column for name, column in zip(names, probabilities.T, strict=True)}


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


def statistics_of(y, discrete):
    """Test statistics of data sets: each over the observations of one.

    Parameters
    ----------
    y : numpy.ndarray
        Shape (..., m).
    discrete : bool
        Whether the share of zeros is among them.

    Returns
    -------
    dict of numpy.ndarray
        mean, sd, iqr, minimum, maximum and, for whole numbers, zeros; each (...).
    """
    lower, upper = np.quantile(y, (0.25, 0.75), axis=-1)
    found = {
        "mean": y.mean(axis=-1),
        "sd": y.std(axis=-1, ddof=1),
        "iqr": upper - lower,
        "minimum": y.min(axis=-1),
        "maximum": y.max(axis=-1),
    }
    return found | ({"zeros": (y == 0).mean(axis=-1)} if discrete else {})


def p_value_of(observed, replicated):
    """Two-sided posterior predictive p-value of one statistic; ties count half."""
    above = (replicated > observed).mean() + 0.5 * (replicated == observed).mean()
    return float(min(1.0, 2 * min(above, 1 - above)))


def transform_table(ends, rng):
    """The probability integral transform against the uniform distribution, with a simultaneous band.

    Parameters
    ----------
    ends : numpy.ndarray
        Probability below each observation and with it, shape (2, m): where they differ a point between them is drawn.
    rng : numpy.random.Generator

    Returns
    -------
    table : dict of numpy.ndarray
        u, difference (the distribution function of the transform minus u) and the band's lower and upper, each (m,).
    p_value : float
        Share of uniform samples of the same size that lie as far out, or farther.
    """
    lower, upper = ends
    transform = lower + (upper - lower) * rng.random(lower.shape)
    u = np.linspace(0, 1, STEPS + 1)[1:-1]
    n = len(transform)
    uniform = rng.multinomial(n, np.full(STEPS, 1 / STEPS), size=UNIFORM).cumsum(axis=1)[:, :-1] / n
    limits, p_value = ecdf_band(ecdf(transform, u), uniform)
    table = {"u": u, "difference": ecdf(transform, u) - u}
    return table | {key: limits[key] - u for key in ("lower", "upper")}, p_value


def component_p_values(family, points, draws, rng):
    """Posterior predictive p-values of discrepancies within the components (Gelman, Meng & Stern 1996).

    Each observation is given a component by its posterior probability and turned into the standard normal quantile of
    its probability under that component; several columns give one for each, given those before it. Under the model the
    squared component means of these scores, times the sizes, add to a chi-squared variable with one degree of freedom
    for each occupied component and column, and their squares to one with n for each column; replicated data need not
    be simulated.

    Parameters
    ----------
    family : str
    points : Points
        The observations, n of them.
    draws : dict of numpy.ndarray
        As in `mixture`.
    rng : numpy.random.Generator

    Returns
    -------
    dict
        component_means (one-sided), component_spreads (two-sided) and, with several columns, component_correlations
        (one-sided).
    """
    entry, components = FAMILIES[family], draws["theta"].shape[1]
    members = mixture.sample_memberships(family, points, draws, rng)
    scores = entry.scores(points, draws, np.minimum(members, components - 1), rng)
    width = scores.shape[2]
    distance, occupied, squares, n = (np.zeros(len(members)) for _ in range(4))
    for k in range(components):  # an extra zero has nothing to deviate from
        inside = members == k
        size = inside.sum(axis=1)
        distance += ((scores * inside[:, :, None]).sum(axis=1) ** 2).sum(axis=1) / np.maximum(size, 1)
        squares += (scores**2 * inside[:, :, None]).sum(axis=(1, 2))
        occupied, n = occupied + (size > 0), n + size
    wider = stats.chi2.sf(squares, width * np.maximum(n, 1)).mean()
    found = {
        "component_means": float(stats.chi2.sf(distance, width * np.maximum(occupied, 1)).mean()),
        "component_spreads": float(2 * min(wider, 1 - wider)),
    }
    return found | ({} if width == 1 else {"component_correlations": _correlations(scores, members, components)})


def _correlations(scores, members, components):
    """P-value of the products of scores of different columns, whose sums are nearly normal in all but few rows."""
    pairs = np.triu_indices(scores.shape[2], 1)
    distance, freedom = np.zeros(len(members)), np.zeros(len(members))
    for k in range(components):
        inside = scores * (members == k)[:, :, None]
        size = (members == k).sum(axis=1)
        products = np.matmul(np.swapaxes(inside, 1, 2), inside)[:, *pairs]
        distance += (products**2).sum(axis=1) / np.maximum(size, 1)
        freedom += (size > 0) * len(pairs[0])
    return float(stats.chi2.sf(distance, np.maximum(freedom, 1)).mean())
