"""Draws from the prior alone, in the order that the model demands."""

import numpy as np

from stanmix.specification import prior_of

SWEEPS = 200  # of the Gibbs sampler that orders locations with different priors


def prior_draws(specification, count, rng):
    """Independent draws of all parameters from their prior.

    Parameters
    ----------
    specification : dict
        What `specification.specify` returned.
    count : int
    rng : numpy.random.Generator

    Returns
    -------
    dict of numpy.ndarray
        theta and every parameter, each (count, K); the ordered one increases along its rows.
    """
    components, weights = specification["components"], specification["weights"]
    shape = (count, components)
    draws = {
        "theta": np.broadcast_to(weights["value"], shape)
        if weights["mode"] == "fixed"
        else rng.dirichlet(weights["concentration"], size=count)
    }
    for entry in specification["parameters"]:
        if entry["mode"] == "fixed":
            draws[entry["name"]] = np.broadcast_to(np.array(entry["value"], float), shape)
            continue
        priors = [prior_of(entry, index) for index in range(len(entry["priors"]))]
        if entry["ordered"] and len(priors) > 1:
            values = _ordered(priors, count, rng)
        else:
            values = np.column_stack([prior.quantile(rng.random(count)) for prior in priors])
        draws[entry["name"]] = np.broadcast_to(values, shape)
    return draws


def _ordered(priors, count, rng):
    """Draws of independent variables given that they increase, shape (count, K).

    Sorting does it when the priors are the same (the density of a sorted sample is K! times that of the ordered one).
    Otherwise each is drawn in turn between its neighbours until the start is forgotten.
    """
    values = np.sort(np.column_stack([prior.quantile(rng.random(count)) for prior in priors]), axis=1)
    if len(set(priors)) == 1:
        return values
    for _ in range(SWEEPS):
        for k, prior in enumerate(priors):
            low = prior.probability(values[:, k - 1]) if k > 0 else 0.0
            high = prior.probability(values[:, k + 1]) if k + 1 < len(priors) else 1.0
            drawn = prior.quantile(low + (high - low) * rng.random(count))
            # Far in a tail probabilities are all 0 or 1, and a quantile may leave the interval: stay there then.
            inside = np.isfinite(drawn)
            inside &= drawn > (values[:, k - 1] if k > 0 else -np.inf)
            inside &= drawn < (values[:, k + 1] if k + 1 < len(priors) else np.inf)
            values[:, k] = np.where(inside, drawn, values[:, k])
    return values
