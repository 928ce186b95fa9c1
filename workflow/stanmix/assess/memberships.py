"""Who belongs where: memberships with their intervals, and a partition that needs no names of components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stanmix.base import columns
from stanmix.base.files import whole
from stanmix.base.text import shielded
from stanmix.labels import partitions
from stanmix.model import mixture

if TYPE_CHECKING:
    from os import PathLike

    import xarray as xr

    from stanmix.data.observations import Observations
    from stanmix.families.family import Points
    from stanmix.model.specification import Specification

DRAWS = 1000  # of the posterior, behind intervals and co-clustering
INTERVAL = 0.9  # probability of the intervals
OBSERVATIONS = 2000  # the most whose co-clustering is computed
LISTED = 2000  # rows of an HTML table; the CSV has all
STEP = 1e-4  # to which co-clustering probabilities are rounded: the draws know them far less well


def probabilities(family: str, points: Points, draws: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Membership probabilities and their intervals.

    Parameters
    ----------
    family : str
    points : Points
        m of them.
    draws : dict of numpy.ndarray
        Each (S, K); intervals take at most `DRAWS` of them, evenly spaced.

    Returns
    -------
    dict of numpy.ndarray
        mean, lower and upper, each (m, P).
    """
    lower, upper = mixture.membership_interval(family, points, mixture.thinned(draws, DRAWS), INTERVAL)
    return {"mean": mixture.membership(family, points, draws), "lower": lower, "upper": upper}


def table(
    rows: Observations, specification: Specification, found: dict[str, np.ndarray], names: list[str] | None = None
) -> pd.DataFrame:
    """Memberships as a table, one line for each row of the data.

    Parameters
    ----------
    rows : observations.Observations
    specification : Specification
    found : dict of numpy.ndarray
        What `probabilities` returned, for every row: each (n, P).
    names : list of str, optional
        What the components are called.

    Returns
    -------
    pandas.DataFrame
        id, group, the values, trials, exposure and known where there are any; for each part its probability with lower
        and upper; component, the most probable part, with component_name where components have names, and uncertainty,
        the probability of all others. These are missing where no part has any density.
    """
    parts = np.array(mixture.parts(specification.family, specification.components))
    content = {name: of for name, of in (("id", rows.ids), ("group", rows.group)) if of is not None}
    if specification.columns is not None:
        content |= {columns.VALUE + name: rows.y[:, d] for d, name in enumerate(specification.columns)}
    else:
        content["y"] = rows.y
    content |= {name: getattr(rows, name) for name in ("trials", "exposure") if getattr(rows, name) is not None}
    if rows.known is not None:
        content["known"] = pd.Series(rows.known, dtype="Int64").mask(rows.known == 0)
    for p, part in enumerate(parts):
        for end, values in found.items():
            content[columns.probability(part, end)] = values[:, p]
    known = ~np.isnan(found["mean"]).any(axis=1)
    best = np.full(len(known), None, dtype=object)
    best[known] = parts[found["mean"][known].argmax(axis=1)]
    content["component"] = best
    if names is not None:
        content[columns.CALLED] = [None if part is None else shielded(columns.called(part, names)) for part in best]
    return pd.DataFrame(content | {"uncertainty": 1 - found["mean"].max(axis=1)})


def as_read(frame: pd.DataFrame, names: list[str] | None) -> pd.DataFrame:
    """A table of memberships for readers: components by their names, where they have any."""
    if names is None:
        return frame
    frame = frame.copy()
    for key in [key for key in ("component", "true_component") if key in frame]:
        frame[key] = [part if pd.isna(part) else columns.called(str(part), names) for part in frame[key]]
    return frame


def of_groups(rows: Observations, frame: pd.DataFrame) -> pd.DataFrame:
    """The memberships of groups, one line for each.

    Parameters
    ----------
    rows : observations.Observations
        In groups that have one membership each.
    frame : pandas.DataFrame
        What `table` says of their rows, and what was added to it.

    Returns
    -------
    pandas.DataFrame
        In the order in which the groups appear: group, rows (how many it has), the means of the values (per trial or
        exposure), and what is the same for all of its rows.
    """
    _, place = rows.groups
    _, first = np.unique(place, return_index=True)
    number = np.bincount(place)
    values = [name for name in frame if name == "y" or name.startswith(columns.VALUE)]
    size = next((frame[name] for name in ("trials", "exposure") if name in frame), pd.Series(1.0, frame.index))
    means = {name: np.bincount(place, frame[name]) / np.bincount(place, size) for name in values}
    same = frame.drop(columns=["obs_id", "row", "id", "trials", "exposure", "group", *values], errors="ignore")
    before = pd.DataFrame({"group": frame["group"].to_numpy()[first], "rows": number, **means})
    return pd.concat([before, same.iloc[first].reset_index(drop=True)], axis=1)


def with_interval_of_best(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of memberships with the interval of the most probable component: from and to."""
    parts, best = columns.parts_of(frame), frame["component"].astype(str)
    for end, title in (("lower", "from"), ("upper", "to")):
        values = frame[[columns.probability(part, end) for part in parts]].to_numpy()
        place = best.map({part: p for p, part in enumerate(parts)})
        chosen = np.where(place.isna(), np.nan, values[np.arange(len(frame)), place.fillna(0).astype(int)])
        frame = frame.assign(**{title: chosen})
    return frame


def cluster(
    family: str, points: Points, count: np.ndarray, draws: dict[str, np.ndarray], sampled: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Co-clustering of the observations, and the partition with the least expected variation of information.

    Parameters
    ----------
    family : str
    points : Points
        The distinct observations, m of them.
    count : numpy.ndarray
        How often each was observed, shape (m,).
    draws : dict of numpy.ndarray
        Each (S, K); at most `DRAWS` of them are used, evenly spaced.
    sampled : numpy.ndarray of int
        The distinct observation of each observation that is looked at, shape (r,).

    Returns
    -------
    similarity : numpy.ndarray
        Probabilities that two of those share a component, in steps of `STEP`, shape (r, r).
    clusters : numpy.ndarray of int
        Of every distinct observation, from 1 in the order of their means (of the first column, or of the rates), shape
        (m,). Those that were not looked at belong to the cluster with whose members they share a component most often.
    loss : float
        Lower bound of the expected variation of information, in bits.
    """
    few = mixture.thinned(draws, DRAWS)
    seen, place, times = np.unique(sampled, return_inverse=True, return_counts=True)
    rows = -(-len(points.y) // len(points))  # of a unit
    size = max(1, mixture.CHUNK // (len(sampled) * few["theta"].shape[1] * points.width * rows))
    blocks = (
        mixture.responsibilities(family, points[seen], {name: v[start : start + size] for name, v in few.items()})
        for start in range(0, len(few["theta"]), size)
    )
    # Steps also keep the last bits of a matrix product, which differ between machines, out of the search.
    similarity = np.round(partitions.co_clustering(block[:, place] for block in blocks) / STEP) * STEP
    of_best = mixture.membership(family, points[seen], few).argmax(axis=1)[place]
    partition, _ = partitions.best_partition(similarity, [of_best])
    # Equal observations belong together, so each takes the cluster of most of its copies.
    votes = np.zeros((len(seen), partition.max()))
    np.add.at(votes, (place, partition - 1), 1)
    clusters = np.zeros(len(points), dtype=int)
    clusters[seen] = votes.argmax(axis=1) + 1
    rest = np.flatnonzero(clusters == 0)
    shares = shares_of(family, points[seen], clusters[seen], times, few)
    if len(rest):
        clusters[rest] = nearest(family, points[rest], few, *shares)
    clusters = _in_order(clusters, points, count)
    return similarity, clusters, float(partitions.vi_loss_bound(clusters[sampled], similarity))


def shares_of(
    family: str, points: Points, clusters: np.ndarray, count: np.ndarray, draws: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """What the clusters consist of, draw by draw.

    Parameters
    ----------
    family : str
    points : Points
        The observations that were put into clusters, m of them.
    clusters : numpy.ndarray of int
        Shape (m,).
    count : numpy.ndarray
        How often each counts, shape (m,).
    draws : dict of numpy.ndarray
        Each (S, K).

    Returns
    -------
    names : numpy.ndarray of int
        The clusters there are, shape (C,).
    shares : numpy.ndarray
        Of each part among their observations, shape (S, P, C).
    """
    names, place = np.unique(clusters, return_inverse=True)
    weights = np.zeros((len(points), len(names)))
    weights[np.arange(len(points)), place] = count
    weights /= weights.sum(axis=0)
    shares = 0.0
    for part in mixture.chunks(points, draws):
        shares = shares + mixture.responsibilities(family, points[part], draws).transpose(0, 2, 1) @ weights[part]
    return names, shares


def nearest(
    family: str, points: Points, draws: dict[str, np.ndarray], names: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """The cluster with whose observations each point most often shares a component.

    Parameters
    ----------
    family, points, draws
        As for `mixture.log_terms`.
    names, shares
        What `shares_of` returned for these draws.

    Returns
    -------
    numpy.ndarray of int
        Shape (m,).
    """
    total = len(draws["theta"])
    result = np.empty(len(points), dtype=int)
    for part in mixture.chunks(points, draws):
        values = mixture.responsibilities(family, points[part], draws).transpose(1, 0, 2)
        together = values.reshape(len(values), -1) @ shares.reshape(-1, len(names)) / total
        result[part] = names[np.round(together / STEP).argmax(axis=1)]
    return result


def cluster_of_new(
    family: str, points: Points, known: Points, clusters: np.ndarray, sampled: np.ndarray, draws: dict[str, np.ndarray]
) -> np.ndarray:
    """The cluster of new points: that of an observation equal to it, else as `nearest`.

    Parameters
    ----------
    family : str
    points : Points
        The new ones, m of them.
    known : Points
        The distinct observations.
    clusters : numpy.ndarray of int
        Theirs.
    sampled : numpy.ndarray of int
        As `cluster` had it.
    draws : dict of numpy.ndarray
        Each (S, K).

    Returns
    -------
    numpy.ndarray of int
        Shape (m,).
    """
    few = mixture.thinned(draws, DRAWS)
    seen, times = np.unique(sampled, return_counts=True)
    found = nearest(family, points, few, *shares_of(family, known[seen], clusters[seen], times, few))
    if known.known is not None:  # what is known of an observation says nothing of an equal new one
        known, clusters = known[known.known == 0], clusters[known.known == 0]
    same = dict(zip(_keys(known), clusters.tolist(), strict=True))
    return np.array([same.get(key, other) for key, other in zip(_keys(points), found.tolist(), strict=True)])


def _keys(points):
    """What units are told apart by; the rows of a group are in the order of `observations.Units`."""
    cells = np.column_stack([points.y, points.size])
    if points.unit is None:
        return map(tuple, cells.tolist())
    begins = np.flatnonzero(np.diff(points.unit, prepend=-1))
    return (tuple(each.ravel().tolist()) for each in np.split(cells, begins[1:]))


def describe(
    rows: Observations, names: list[str] | None, clusters: np.ndarray, similarity: np.ndarray, sampled: np.ndarray
) -> list[dict]:
    """What is said of each cluster.

    Parameters
    ----------
    rows : observations.Observations
    names : list of str or None
        What the columns are called where there are several.
    clusters : numpy.ndarray of int
        Of every row, shape (n,).
    similarity : numpy.ndarray
        What `cluster` returned, shape (r, r).
    sampled : numpy.ndarray of int
        The rows it is about, shape (r,).

    Returns
    -------
    list of dict
        cluster, size, together (the mean probability that two of its observations share a component, None for a single
        one), and mean, minimum and maximum of the values, or the mean of each column.
    """
    described = []
    for name in np.unique(clusters):
        inside, looked_at = clusters == name, clusters[sampled] == name
        y, weight, pairs = rows.y[inside], rows.frequency[inside], looked_at.sum() * (looked_at.sum() - 1)
        within = similarity[np.ix_(looked_at, looked_at)].sum() - looked_at.sum()
        entry = {"cluster": int(name), "size": int(weight.sum())}
        entry["together"] = float(within / pairs) if pairs else None
        if names is None:
            entry["mean"] = float(np.average(y, weights=weight))
            entry |= {"minimum": float(y.min()), "maximum": float(y.max())}
        else:
            means = np.average(y, axis=0, weights=weight)
            entry |= {columns.VALUE + column: float(mean) for column, mean in zip(names, means, strict=True)}
        described.append(entry)
    return described


def write_co_clustering(path: str | PathLike, similarity: np.ndarray, obs_id: np.ndarray, clusters: np.ndarray) -> None:
    """Write co-clustering probabilities as netCDF, packed, the same bytes every time.

    Parameters
    ----------
    path : path-like
    similarity : numpy.ndarray
        Shape (r, r).
    obs_id : numpy.ndarray of int
        The observation of each row, from 1, shape (r,).
    clusters : numpy.ndarray of int
        Shape (r,).
    """
    import xarray as xr

    packed = np.round(similarity / STEP).astype(np.uint16)  # readers of netCDF undo it by the factor
    content = xr.Dataset(
        {"similarity": (("observation", "other"), packed, {"scale_factor": STEP})},
        coords={"obs_id": ("observation", obs_id), "cluster": ("observation", clusters)},
        attrs={"title": "Posterior probability that two observations share a component"},
    )
    with whole(path) as beside:
        content.to_netcdf(str(beside), engine="h5netcdf", encoding={"similarity": {"zlib": True, "complevel": 4}})


def read_co_clustering(path: str | PathLike) -> xr.Dataset:
    """Read what `write_co_clustering` wrote (xarray.Dataset)."""
    import xarray as xr

    return xr.load_dataset(path, engine="h5netcdf")


def _in_order(labels, points, count):
    """Labels from 1 in the order of the means of the (first) value per size, equal ones by first appearance."""
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    points = points.means
    values = (points.y if points.y.ndim == 1 else points.y[:, 0]) / points.size
    means = np.bincount(place, weights=count * values) / np.bincount(place, weights=count)
    numbers = np.empty(len(means), dtype=int)
    numbers[np.lexsort((first, means))] = np.arange(1, len(means) + 1)
    return numbers[place]
