"""Can the names of the components be trusted? How likely two of them are exchanged, and whether the order binds."""

import numpy as np

from stanmix import mixture, relabelling
from stanmix.families import FAMILIES
from stanmix.family import to_link

DRAWS = 1000  # posterior draws that are looked at
UNITS = 500  # distinct observations that are looked at
EDGE = 0.1  # share of a component's own sd below which two neighbours count as equal


def responsibilities(family, points, draws):
    """Probability of each component for each observation, draw by draw, shape (S, m, K); extra zeros left out."""
    terms = mixture.densities(family, points, draws)
    total = terms.sum(axis=2, keepdims=True)
    return (terms / np.where(total > 0, total, 1))[:, :, : draws["theta"].shape[1]]


def looked_at(points, count, rng):
    """The observations that labels are judged by: all distinct ones, or a random sample; with how often each counts."""
    if len(points) <= UNITS:
        return points, count
    places = np.sort(rng.choice(len(points), UNITS, replace=False, p=count / count.sum()))
    return points[places], np.ones(UNITS)


def judge(specification, points, count, draws, rng):
    """How far the labels of the draws can be trusted.

    Parameters
    ----------
    specification : dict
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
    family, components = specification["family"], specification["components"]
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
    exchanged = relabelling.swap_probabilities(shares, reference, weights)
    pairs = []
    for first in range(components):
        for second in range(first + 1, components):
            pair = {"first": first + 1, "second": second + 1, "exchanged": float(exchanged[first, second])}
            pair["edge"] = _edge(specification, few, first, size) if second == first + 1 else None
            pairs.append(pair)
    return {"pairs": pairs, "largest": max(pair["exchanged"] for pair in pairs), "empty": empty}


def _edge(specification, draws, first, size):
    """Share of draws in which a component and the next are all but equal in the parameter that orders them."""
    entry = next((e for e in specification["parameters"] if e["ordered"]), None)
    if entry is None or entry["mode"] == "fixed":
        return None
    family = FAMILIES[specification["family"]]
    values = family.order_in(draws, specification)
    spread = family.spread(draws, size, specification)
    gaps = to_link(values[:, first + 1], family.link) - to_link(values[:, first], family.link)
    return float((gaps < EDGE * spread[:, first : first + 2].min(axis=1)).mean())
