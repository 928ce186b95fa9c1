"""What a fit to several columns predicts: densities of pairs of columns, replicated rows, statistics of columns."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from stanmix.base.columns import VALUE
from stanmix.base.seeds import seed_for
from stanmix.expected import predictive
from stanmix.families.family import Points
from stanmix.families.multivariate_normal import telling_columns
from stanmix.families.registry import FAMILIES
from stanmix.model import mixture

if TYPE_CHECKING:
    from stanmix.model.specification import Specification

MOST_PAIRS = 6  # pairs of columns whose density is drawn
MOST_COLUMNS = 4  # all pairs of these many columns are at most MOST_PAIRS
GRID = 61  # places across and up where a density is computed
BEYOND = 0.15  # of the range of the data that a picture shows on either side
SHOWN = 2  # replicated data sets that are drawn
PRIOR_SHOWN = 5  # data sets from the prior that are drawn
MOST_ROWS = 3000  # of a data set that is drawn


def marginal(draws: dict[str, np.ndarray], columns: list[int]) -> dict[str, np.ndarray]:
    """The draws of a mixture's distribution of some of its columns alone."""
    found = {"theta": draws["theta"]} | {name: draws[name][:, :, columns] for name in ("mu", "sigma")}
    if "correlation" in draws:
        found["correlation"] = draws["correlation"][:, :, columns][:, :, :, columns]
    return found


def pair_density(
    family: str, y: np.ndarray, pair: tuple[int, ...], draws: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The density of two columns on a grid, as columns of a table.

    Parameters
    ----------
    family : str
    y : numpy.ndarray
        The observations, shape (m, D).
    pair : tuple of int
        The columns across and up, from 0.
    draws : dict of numpy.ndarray
        As in `mixture`.

    Returns
    -------
    dict of numpy.ndarray
        i, j, x, y and the posterior medians mixture, component_1 and so on (weighted), x running fastest.
    """
    steps = []
    for d in pair:
        margin = BEYOND * np.ptp(y[:, d])
        steps.append(np.linspace(y[:, d].min() - margin, y[:, d].max() + margin, GRID))
    up, across = (values.ravel() for values in np.meshgrid(steps[1], steps[0], indexing="ij"))
    at = Points(np.column_stack([across, up]), np.ones(len(up)))
    weighted = mixture.densities(FAMILIES[family].marginal(pair), at, marginal(draws, list(pair)))
    table = {"i": np.full(len(up), pair[0]), "j": np.full(len(up), pair[1]), "x": across, "y": up}
    table["mixture"] = np.median(weighted.sum(axis=2), axis=0)
    medians = np.median(weighted, axis=0)
    return table | {f"component_{k + 1}": medians[:, k] for k in range(medians.shape[1])}


def distribution(specification: Specification, points: Points, anew: np.ndarray) -> tuple[dict[str, np.ndarray], dict]:
    """As `continuous.distribution`, with one band for the distribution functions of all columns; x is of a column."""
    y, columns = points.y, specification.columns
    grids = [predictive.places(y[:, d], anew[:, :, d]) for d in range(len(columns))]

    def curve(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([predictive.ecdf(rows[:, d], x) for d, x in enumerate(grids)])

    observed = curve(y)
    limits, p_value = predictive.ecdf_band(observed, np.array([curve(rows) for rows in anew]))
    both = [specification.entry.forward(values) for values in (y, anew)]
    shape = predictive.shape_p_value([tuple(values[..., d] for values in both) for d in range(len(columns))])
    table = {"column": np.repeat(columns, [len(x) for x in grids]), "x": np.concatenate(grids), "observed": observed}
    return table | limits, {"ecdf": p_value, "shape": shape}


def statistics_of(y: np.ndarray, columns: list[str]) -> dict[str, np.ndarray]:
    """Test statistics of data sets: mean and sd of each column, and the correlation of each pair.

    Parameters
    ----------
    y : numpy.ndarray
        Shape (..., m, D).
    columns : list of str

    Returns
    -------
    dict of numpy.ndarray
        Each (...).
    """
    mean, sd = y.mean(axis=-2), y.std(axis=-2, ddof=1)
    found = {f"mean of {name}": mean[..., d] for d, name in enumerate(columns)}
    found |= {f"sd of {name}": sd[..., d] for d, name in enumerate(columns)}
    scores = (y - mean[..., None, :]) / sd[..., None, :]
    for i, j in itertools.combinations(range(len(columns)), 2):
        product = (scores[..., i] * scores[..., j]).sum(axis=-1) / (y.shape[-2] - 1)
        found[f"correlation of {columns[j]} and {columns[i]}"] = product
    return found


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
    As those of `continuous.predict`, with draws of several columns and data sets (R, m, D).

    Returns
    -------
    tables : dict
        density (of pairs of columns), memberships_by_value (empty: no single value tells them), replicates and prior
        (data sets), each a dict of columns.
    facts : dict
        What the text and the figures need to know of them.
    """
    family, y, columns = specification.family, points.y, specification.columns
    telling = telling_columns(thinned)
    chosen = sorted(telling[:MOST_COLUMNS])
    pairs = list(itertools.combinations(chosen, 2))[:MOST_PAIRS]
    density = [pair_density(family, y, pair, few) for pair in pairs]
    rows = np.linspace(0, len(y) - 1, min(len(y), MOST_ROWS)).round().astype(int)
    sets = anew[np.linspace(0, len(anew) - 1, SHOWN).round().astype(int)][:, rows]
    of_prior = mixture.thinned(prior, PRIOR_SHOWN)
    rng = np.random.default_rng(seed_for(specification.seeds["replicates"], "prior"))
    members = mixture.draw_memberships(family, len(rows), of_prior, rng)
    imagined = mixture.replicate(family, points.rows[rows], members, of_prior, rng)
    parts = mixture.parts(family, specification.components)
    tables = {
        "density": {name: np.concatenate([table[name] for table in density]) for name in density[0]},
        "memberships_by_value": {name: [] for name in ["x", *(f"probability_{part}" for part in parts)]},
        "replicates": _stacked(sets, columns),
        "prior": _stacked(imagined, columns) | {"component": members.ravel() + 1},
    }
    facts = {
        "columns": columns,
        "pair": sorted(telling[:2]),
        "pairs": len(pairs),
        "all_pairs": len(columns) * (len(columns) - 1) // 2,
        "replicates_ecdf": len(anew),
    }
    return tables, facts


def _stacked(sets, columns):
    """Data sets (R, m, D) below each other: columns of a table, the first says which set."""
    table = {"set": np.repeat(np.arange(1, len(sets) + 1), sets.shape[1])}
    return table | {VALUE + name: sets[:, :, d].ravel() for d, name in enumerate(columns)}
