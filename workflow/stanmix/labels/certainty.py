"""Can the names of the components be trusted? How likely two of them are exchanged, and whether the order binds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stanmix.families.family import to_link
from stanmix.labels import relabelling
from stanmix.model import mixture

if TYPE_CHECKING:
    from stanmix.families.family import Points
    from stanmix.model.specification import Specification

DRAWS = 1000  # posterior draws that are looked at
UNITS = 500  # distinct observations that are looked at
NEAR = 0.25  # of their median: log odds that count as lying between two labellings
OF_HALF_NORMAL = 0.1339  # share of the absolute value of a normal variable below a quarter of its median
EDGE = 0.1  # share of a component's own sd below which two neighbours count as equal


def responsibilities(family: str, points: Points, draws: dict[str, np.ndarray]) -> np.ndarray:
    """Probability of each component for each observation, draw by draw, shape (S, m, K); extra zeros left out."""
    return np.nan_to_num(mixture.responsibilities(family, points, draws))[:, :, : draws["theta"].shape[1]]


def looked_at(points: Points, count: np.ndarray, rng: np.random.Generator) -> tuple[Points, np.ndarray]:
    """The observations that labels are judged by: all distinct ones, or a random sample; with how often each counts."""
    if len(points) <= UNITS:
        return points, count
    places = np.sort(rng.choice(len(points), UNITS, replace=False, p=count / count.sum()))
    return points[places], np.ones(UNITS)


def relabelled(
    specification: Specification,
    points: Points,
    count: np.ndarray,
    variables: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """The draws of a model without order, relabelled until their memberships agree (Stephens 2000).

    Parameters
    ----------
    specification : Specification
    points : Points
        The distinct observations.
    count : numpy.ndarray
        How often each was observed, shape (m,).
    variables : dict of numpy.ndarray
        theta and the parameters, each (chains, draws, K) or longer.
    rng : numpy.random.Generator

    Returns
    -------
    dict of numpy.ndarray
        The same draws, the components of each permuted; they are named by the mean of the family's first parameter.
    """
    components, family = specification.components, specification.entry
    shape = variables["theta"].shape[:2]
    draws = {name: values.reshape(-1, *values.shape[2:]) for name, values in variables.items()}
    full = {name: np.broadcast_to(v, (len(v), components, *v.shape[2:])) for name, v in draws.items()}
    points, weights = looked_at(points, count, rng)
    permutations, _ = relabelling.stephens(responsibilities(family.name, points, full), weights=weights)
    permutations = relabelling.named_by(family.order_in(full, specification), permutations)
    permuted = relabelling.apply(permutations, {n: v for n, v in draws.items() if v.shape[1] == components})
    return {name: permuted.get(name, values).reshape(*shape, *values.shape[1:]) for name, values in draws.items()}


def judge(
    specification: Specification,
    points: Points,
    count: np.ndarray,
    draws: dict[str, np.ndarray],
    rng: np.random.Generator,
) -> dict:
    """How far the labels of the draws can be trusted.

    Parameters
    ----------
    specification : Specification
    points : Points
        The distinct observations.
    count : numpy.ndarray
        How often each was observed, shape (m,).
    draws : dict of numpy.ndarray
        Each (S, K) or longer.
    rng : numpy.random.Generator

    Returns
    -------
    dict
        pairs: for every pair of components first and second (from 1), exchanged (the posterior probability that their
        names are exchanged, by Stephens' relabelling) and, for neighbours in the order, edge (share of draws in which
        they are closer than a tenth of their own sd in the ordered parameter); largest: the largest probability of an
        exchange; empty: for each component the share of draws in which it has less than one observation.
    """
    family, components = specification.family, specification.components
    few = mixture.thinned(draws, DRAWS)
    empty = ((few["theta"] * count.sum()) < 1).mean(axis=0).tolist()
    if components == 1:
        return {"pairs": [], "largest": 0.0, "empty": empty}
    size = float(np.quantile(points.size, 0.5, method="inverted_cdf"))
    points, weights = looked_at(points, count, rng)
    shares = responsibilities(family, points, few)
    permutations, _ = relabelling.stephens(shares, weights=weights)
    # The names that most draws have are the reference's; the others are exchanged.
    usual = np.array([np.bincount(column, minlength=components).argmax() for column in permutations.T])
    if len(set(usual.tolist())) == components:
        permutations = permutations[:, np.argsort(usual)]
    reference = relabelling.reference(shares, permutations)
    if specification.labels == "relabelled":
        exchanged = _between(shares, reference, weights)
    else:
        exchanged = relabelling.swap_probabilities(shares, reference, weights)
    pairs = []
    for first in range(components):
        for second in range(first + 1, components):
            pair = {"first": first + 1, "second": second + 1, "exchanged": float(exchanged[first, second])}
            pair["edge"] = _edge(specification, few, first, size) if second == first + 1 else None
            pairs.append(pair)
    return {"pairs": pairs, "largest": max(pair["exchanged"] for pair in pairs), "empty": empty}


def _between(shares, reference, weights):
    """How far pairs of relabelled components run into each other: 0 apart, 1/2 when they are the same, shape (K, K).

    Relabelling gives every draw the labels that suit it, so none looks exchanged afterwards. But where two components
    are the same the draws lie evenly between the two labellings, close to half of a normal distribution of the log odds
    between them, while draws of different components leave a gap around odds of one.
    """
    components = reference.shape[1]
    log_reference = np.log(np.maximum(reference, relabelling.FLOOR))
    result = np.zeros((components, components))
    for k in range(components):
        for other in range(k + 1, components):
            support = weights * (log_reference[:, k] - log_reference[:, other])
            odds = np.abs((shares[:, :, k] - shares[:, :, other]) @ support)
            near = (odds < NEAR * np.median(odds)).mean()
            result[k, other] = result[other, k] = min(0.5, 0.5 * near / OF_HALF_NORMAL)
    return result


def _edge(specification, draws, first, size):
    """Share of draws in which a component and the next are all but equal in the parameter that orders them."""
    entry = specification.ordered
    if entry is None or entry.fixed:
        return None
    family = specification.entry
    values = family.order_in(draws, specification)
    spread = family.spread(draws, size, specification)
    gaps = to_link(values[:, first + 1], family.link) - to_link(values[:, first], family.link)
    return float((gaps < EDGE * spread[:, first : first + 2].min(axis=1)).mean())
