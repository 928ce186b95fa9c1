"""Posterior predictive checks: what replicated data look like beside the data, and how unlikely the data are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import stats
from scipy.special import ndtr

from stanmix.families.family import WHOLE, Points
from stanmix.families.registry import FAMILIES
from stanmix.model import mixture

BAND = (0.05, 0.5, 0.95)  # lower, median and upper quantile of every pointwise band
SIMULTANEOUS = 0.95  # share of the distribution functions that lie wholly inside the ECDF band
UNIFORM = 1000  # simulated uniform samples behind the band of the probability integral transform
STEPS = 100  # of the grid on which it is drawn
PLACES = 150  # where distribution functions are compared inside the data, and half as many beyond each end
EXPECTED = 5  # observations that a group of whole numbers expects at least where frequencies are compared
SHAPES, SIMULATED = 50, 400  # draws over which shapes of components are averaged, samples they are held against
BEYOND = 5  # steps by which rounded samples may lie beyond what was observed
FEWEST_VALUES = 8  # distinct ones of a component whose shape can be seen
SMALLEST = 1e-15  # p-value below which no more is said


def band(curves: np.ndarray) -> dict[str, np.ndarray]:
    """Pointwise band of curves (R, m): dict of lower, median and upper, each (m,)."""
    return dict(zip(("lower", "median", "upper"), np.quantile(curves, BAND, axis=0), strict=True))


def band_columns(curves: np.ndarray, prefix: str = "") -> dict[str, np.ndarray]:
    """A pointwise band as columns of a table, their names beginning with `prefix`."""
    return {prefix + key: values for key, values in band(curves).items()}


def part_bands(weighted: np.ndarray, parts: list[str]) -> dict[str, np.ndarray]:
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


def memberships_by_value(
    family: str, points: Points, x: np.ndarray, draws: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Membership probabilities at given values as a table: x and probability_1 and so on."""
    probabilities = mixture.membership(family, points, draws)
    names = mixture.parts(family, draws["theta"].shape[1])
    return {"x": x} | {f"probability_{name}": column for name, column in zip(names, probabilities.T, strict=True)}


def ecdf(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Empirical distribution function of y at x, shape (m,)."""
    return np.searchsorted(np.sort(y), x, side="right") / len(y)


def places(y: np.ndarray, replicated: np.ndarray, whole: bool = False) -> np.ndarray:
    """Where the distribution function of the data is compared: at the data's own quantiles, and beyond their ends.

    Between the data's values a place lies half-way between two neighbours, so that rounding does no harm; below the
    smallest and above the largest there are quantiles of replicated values that lie there. Even steps would see little
    of skewed data.

    Parameters
    ----------
    y : numpy.ndarray
        The data, shape (m,).
    replicated : numpy.ndarray
        Replicated data sets, shape (R, m).
    whole : bool
        Whether they are whole numbers, which are places themselves.

    Returns
    -------
    numpy.ndarray
        Increasing.
    """
    values, counts = np.unique(y, return_counts=True)
    between = values if whole else (values[:-1] + values[1:]) / 2
    if len(between) > PLACES:
        wanted = (np.arange(PLACES) + 0.5) / PLACES * len(y)
        between = between[
            np.unique(np.searchsorted(np.cumsum(counts)[: len(between)], wanted).clip(max=len(between) - 1))
        ]
    found = [between]
    for beyond in (replicated[replicated < values[0]], replicated[replicated > values[-1]]):
        steps = (np.arange(PLACES // 2) + 0.5) / (PLACES // 2)
        found.append(np.quantile(beyond, steps, method="inverted_cdf") if len(beyond) else [])
    return np.unique(np.concatenate(found))


def standardised(y: np.ndarray) -> np.ndarray:
    """Data sets (..., m) in standard deviations from their means; constant ones are 0."""
    sd = y.std(axis=-1, keepdims=True)
    return (y - y.mean(axis=-1, keepdims=True)) / np.where(sd > 0, sd, 1)


def shape_p_value(data: list[tuple[np.ndarray, ...]]) -> float:
    """How unlikely the shape of the distribution is, whatever its mean and standard deviation.

    A model that estimates both follows the data in them, and replicated data vary with what is not known of them; that
    hides a wrong shape. So the data and each replicated data set are standardised by their own mean and standard
    deviation before their distribution functions are compared (as Lilliefors 1967 does for one normal distribution).

    Parameters
    ----------
    data : list of tuple of numpy.ndarray
        For each column the data (m,) and the replicated data sets (R, m).

    Returns
    -------
    float
        As `ecdf_band`, over all columns together.
    """
    observed, replicated = [], []
    for y, anew in data:
        y, anew = standardised(y), standardised(anew)
        x = places(y, anew)
        observed.append(ecdf(y, x))
        replicated.append(np.array([ecdf(row, x) for row in anew]))
    return ecdf_band(np.concatenate(observed), np.hstack(replicated))[1]


def frequencies_p_value(observed: np.ndarray, replicated: np.ndarray) -> float:
    """How unlikely the frequencies of whole numbers are: chi-squared over groups that expect enough.

    Parameters
    ----------
    observed : numpy.ndarray
        Of places in increasing order, shape (m,).
    replicated : numpy.ndarray
        Of replicated data sets, shape (R, m).

    Returns
    -------
    float
        Share of all R + 1 data sets whose distance from their mean is as large or larger: no distribution of the
        distance is assumed, and it is exact under exchangeability.
    """
    counts = np.vstack([observed, replicated]).astype(float)
    expected = counts.mean(axis=0)
    groups = np.minimum(np.floor(np.cumsum(expected) / EXPECTED), max(expected.sum() // EXPECTED - 1, 0)).astype(int)
    _, starts = np.unique(groups, return_index=True)
    counts, expected = (np.add.reduceat(values, starts, axis=-1) for values in (counts, expected))
    distance = ((counts - expected) ** 2 / np.where(expected > 0, expected, 1)).sum(axis=1)
    return float((distance >= distance[0] * (1 - 1e-12)).mean())


def extremes(family: str, points: Points, draws: dict[str, np.ndarray]) -> dict:
    """How unlikely the smallest and the largest value are, by the model's distribution function.

    Parameters
    ----------
    family : str
    points : Points
        The observations, n of them.
    draws : dict of numpy.ndarray
        As in `mixture`.

    Returns
    -------
    dict
        p_value (four times the smallest of four tail probabilities, at most 1), below and above (how many of n values
        are expected below the smallest and above the largest; of several columns in that where it is least likely).
    """
    none, beyond = (_beyond_ends if points.unit is None else _beyond_ends_of_groups)(family, points, draws)
    # That no value of n lies below the smallest (above the largest), and that at least one lies as far out.
    none_below, none_above = (np.exp(none[side][0]).mean(axis=0) for side in ("below", "above"))
    some_below, some_above = (1 - np.exp(none[side][1]).mean(axis=0) for side in ("below", "above"))
    smallest = np.minimum.reduce([none_below, some_below, none_above, some_above])
    column = int(np.argmin(smallest))
    found = {"p_value": float(min(1.0, 4 * smallest.size * smallest.min()))}
    return found | {side: float(np.atleast_1d(beyond[side].mean(axis=0))[column]) for side in ("below", "above")}


def _beyond_ends(family, points, draws):
    """Logs of the probabilities that no value lies beyond the ends, or there, and how many are expected beyond.

    Returns
    -------
    none : dict
        For below and above two arrays, each (S,) or (S, D).
    beyond : dict
        For below and above an array of the same shape.
    """
    sizes, times = np.unique(points.size, return_counts=True)
    tails = {}
    for side, end in (("below", points.y.min(axis=0)), ("above", points.y.max(axis=0))):
        at = Points(np.repeat(np.atleast_1d(end)[None], len(sizes), axis=0) if points.y.ndim > 1 else
                    np.full(len(sizes), end), sizes, points.step)  # fmt: skip
        tails[side] = [np.clip(tail, 0, 1) for tail in mixture.tails(family, at, draws)]
    per_size = times[None, :] if points.y.ndim == 1 else times[None, :, None]
    (below, to_lowest), (to_highest, with_highest) = tails["below"], tails["above"]
    with np.errstate(divide="ignore"):
        none = {
            "below": [(per_size * np.log1p(-tail)).sum(axis=1) for tail in (below, to_lowest)],
            "above": [(per_size * np.log(tail)).sum(axis=1) for tail in (with_highest, to_highest)],
        }
    above = 1 - with_highest
    return none, {"below": (per_size * below).sum(axis=1), "above": (per_size * above).sum(axis=1)}


def _beyond_ends_of_groups(family, points, draws):
    """The same where all rows of a group come from one component."""
    entry, log_weights = FAMILIES[family], mixture.log_weights(family, draws)
    log_weights = log_weights.reshape(len(log_weights), 1, -1, *(1,) * (points.y.ndim - 1))
    none, beyond = {"below": [0.0, 0.0], "above": [0.0, 0.0]}, {"below": 0.0, "above": 0.0}
    for side, end in (("below", points.y.min(axis=0)), ("above", points.y.max(axis=0))):
        at = replace(points, y=np.broadcast_to(end, points.y.shape))
        for part in mixture.chunks(at, draws):
            some = at[part]
            lower, upper = (np.clip(tail, 0, 1) for tail in entry.component_tails(some.rows, draws))
            inside = (1 - lower, 1 - upper) if side == "below" else (upper, lower)
            beyond[side] = beyond[side] + (np.exp(log_weights) * (1 - inside[0])).sum(axis=(1, 2))
            for which, shares in enumerate(inside):
                with np.errstate(divide="ignore"):
                    logs = log_weights + some.by_unit(np.log(shares))
                none[side][which] = none[side][which] + mixture.log_sum(logs, axis=2).sum(axis=1)
    return none, beyond


def group_p_values(y: np.ndarray, anew: np.ndarray, unit: np.ndarray, size: np.ndarray) -> dict:
    """How unlikely the means of the groups are, and how far their rows spread.

    Parameters
    ----------
    y : numpy.ndarray
        The data, shape (m,) or (m, D).
    anew : numpy.ndarray
        Replicated data sets of new groups as large, shape (R, m) or (R, m, D).
    unit : numpy.ndarray of int
        The group of each row, from 0, shape (m,).
    size : numpy.ndarray
        Trials or exposure of each row, shape (m,).

    Returns
    -------
    dict
        group_means and, where groups have several rows, group_sds: as `ecdf_band`, over all columns together.
    """
    points = Points(y, size, unit=unit)
    number = points.by_unit(np.ones(len(y)), axis=0)
    several = number > 1
    found = {"group_means": [], "group_sds": []}
    for d in range(points.width):
        data, sets = (y, anew) if y.ndim == 1 else (y[:, d], anew[:, :, d])
        rates = np.vstack([data[None], sets]) / size
        means = points.by_unit(rates * size) / points.by_unit(size, axis=0)
        found["group_means"].append(means)
        if several.any():
            squares = points.by_unit((rates - points.spread(means)) ** 2)
            found["group_sds"].append(np.sqrt(squares[:, several] / (number[several] - 1)))
    p_values = {}
    for name, columns in found.items():
        curves = []
        for values in columns:
            at = places(values[0], values[1:])
            curves.append(np.array([ecdf(row, at) for row in values]))
        if curves:
            together = np.hstack(curves)
            p_values[name] = ecdf_band(together[0], together[1:])[1]
    return p_values


def within_groups(scores: np.ndarray, points: Points, rng: np.random.Generator) -> dict | None:
    """What rows of one group have in common beyond their component: the mean product of their scores.

    Parameters
    ----------
    scores : numpy.ndarray
        Standard normal scores of every row under the component of its group, draw by draw, shape (S, m, D).
    points : Points
        The rows, in groups.
    rng : numpy.random.Generator
        For the scores of replicated data, which are independent whatever the parameters are.

    Returns
    -------
    dict or None
        p_value, the share of draws in which the mean product of replicated scores is as large as that of the data or
        larger; and product, the mean product of the data. None where no group has two rows.
    """
    number = points.by_unit(np.ones(scores.shape[1]), axis=0)
    pairs = scores.shape[2] * (number * (number - 1)).sum()
    if not pairs:
        return None

    def products(of: np.ndarray) -> np.ndarray:
        return ((points.by_unit(of) ** 2).sum(axis=(1, 2)) - (of**2).sum(axis=(1, 2))) / pairs

    of_data, of_replicates = products(scores), products(rng.standard_normal(scores.shape))
    return {"p_value": float((of_replicates >= of_data).mean()), "product": float(of_data.mean())}


def even_p_value(transforms: list[np.ndarray]) -> float:
    """How unlikely transforms are that should be spread evenly but depend on each other, as LOO-PITs do.

    Each value in order has its own p-value, two-sided, by the beta distribution of its place among n even ones (of
    equal values, their mean place); those below one half are combined by the heavy tail of the Cauchy distribution,
    under which dependence matters little (Liu & Xie 2020; for LOO-PIT Tesso & Vehtari 2026).

    Parameters
    ----------
    transforms : list of numpy.ndarray
        For each column, shape (n,).

    Returns
    -------
    float
    """
    terms = []
    for transform in transforms:
        n, place = len(transform), stats.rankdata(transform, method="average")
        p_values = 2 * np.minimum(*(tail(transform, place, n + 1 - place) for tail in (stats.beta.cdf, stats.beta.sf)))
        p_values = p_values.clip(SMALLEST, 1)
        terms.append(np.where(p_values < 0.5, 1 / np.tan(np.pi * p_values), 0.0))
    return float(stats.cauchy.sf(np.concatenate(terms).mean()))


def ecdf_band(observed: np.ndarray, replicated: np.ndarray) -> tuple[dict, float]:
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


def statistics_of(y: np.ndarray, discrete: bool) -> dict[str, np.ndarray]:
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


def drawn_between(ends: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Points between the probabilities below each observation and with it (2, m), drawn evenly; shape (m,)."""
    lower, upper = ends
    return lower + (upper - lower) * rng.random(lower.shape)


def transform_table(transform: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The probability integral transform against the uniform distribution, with a simultaneous band.

    Parameters
    ----------
    transform : numpy.ndarray
        The probability up to each observation, shape (m,).
    rng : numpy.random.Generator

    Returns
    -------
    dict of numpy.ndarray
        u, difference (the distribution function of the transform minus u) and the band's lower and upper, each (m,).
        The band is that of independent values.
    """
    u = np.linspace(0, 1, STEPS + 1)[1:-1]
    n = len(transform)
    uniform = rng.multinomial(n, np.full(STEPS, 1 / STEPS), size=UNIFORM).cumsum(axis=1)[:, :-1] / n
    limits, _ = ecdf_band(ecdf(transform, u), uniform)
    table = {"u": u, "difference": ecdf(transform, u) - u}
    return table | {key: limits[key] - u for key in ("lower", "upper")}


def component_p_values(family: str, points: Points, draws: dict[str, np.ndarray], rng: np.random.Generator) -> dict:
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
        component_means (one-sided), component_spreads (two-sided), of several continuous components component_shapes,
        with several columns component_correlations (one-sided), and with groups of rows what `within_groups` says (a
        dict or None).
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
    if components > 1 and entry.kind != WHOLE:
        found["component_shapes"] = _shapes(scores, members, components, rng)
    found |= {} if width == 1 else {"component_correlations": _correlations(scores, members, components)}
    return found | ({} if points.unit is None else {"within_groups": within_groups(scores, points, rng)})


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


def _shapes(scores, members, components, rng):
    """P-value of the shapes of the components: whether the scores within each are those of a normal sample.

    The scores of a component are standardised by their own mean and standard deviation, so that what is estimated of
    these hides nothing, and held against the normal distribution (as Anderson & Darling 1952 weigh differences, equal
    ones at their mean place); the sums over the components are compared with those of simulated normal samples that are
    as large and as coarse.
    """
    chosen = mixture.spaced(len(members), SHAPES)
    each = -(-SIMULATED // len(chosen))
    observed, simulated = np.zeros(len(chosen)), np.zeros((len(chosen), each))
    for place, s in enumerate(chosen):
        for k in range(components):
            for values in scores[s, members[s] == k].T:
                if len(np.unique(values)) < FEWEST_VALUES:
                    continue
                observed[place] += _unlike_normal(values)
                simulated[place] += _unlike_normal(_as_coarse(rng.standard_normal((each, len(values))), values))
    as_far = (simulated.ravel() >= observed[:, None] * (1 - 1e-9)).sum(axis=1)
    return float(((1 + as_far) / (1 + simulated.size)).mean())


def _as_coarse(samples, values):
    """Samples moved to the nearest of the values, where these are so few that they must be rounded."""
    grid = np.unique(values)
    if len(grid) > len(values) / 2:
        return samples
    beyond = np.arange(1, BEYOND + 1)
    grid = np.concatenate(
        [grid[0] - beyond[::-1] * (grid[1] - grid[0]), grid, grid[-1] + beyond * (grid[-1] - grid[-2])]
    )
    return grid[np.searchsorted((grid[1:] + grid[:-1]) / 2, samples)]


def _unlike_normal(samples):
    """How far samples' (..., n) distribution functions lie from normal ones of their own mean and sd: shape (...)."""
    place = (stats.rankdata(samples, axis=-1) - 0.5) / samples.shape[-1]
    return ((ndtr(standardised(samples)) - place) ** 2 / (place * (1 - place))).sum(axis=-1)
