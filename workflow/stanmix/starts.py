"""Where the chains start: at the data's own quantiles, improved by EM, moved apart by about one standard error."""

from itertools import zip_longest

import numpy as np
from scipy.special import logsumexp

from stanmix.families import FAMILIES, pool
from stanmix.priors import ENDS
from stanmix.specification import SLOTS

EM_STEPS = 30
SMALLEST_SCALE = 1 / 50  # of the unit of scales: a component must not start collapsed
SMALLEST_GAP = 1e-3  # of the unit of locations: ordered parameters must not start equal
SLANT_STEP = 0.5  # how far a real parameter without a unit is moved


def expectation_maximisation(specification, y, steps=EM_STEPS):
    """Maximum-likelihood estimate of the parameters that are not fixed, from quantiles.

    Parameters
    ----------
    specification : dict
        What `specification.specify` returned.
    y : numpy.ndarray
        The observations, shape (n,).
    steps : int
        EM steps (Dempster, Laird & Rubin 1977).

    Returns
    -------
    dict
        theta and every parameter of the family as an array (K,); those fixed at their values, the ordered one
        increasing.
    """
    family, components = FAMILIES[specification["family"]], specification["components"]
    shares = np.zeros((len(y), components))
    rank = np.argsort(np.argsort(y, kind="stable"), kind="stable")
    shares[np.arange(len(y)), rank * components // len(y)] = 1
    shares = 0.9 * shares + 0.1 / components  # no component starts empty
    for _ in range(steps):
        state = _maximise(specification, family, y, shares)
        with np.errstate(divide="ignore"):  # a fixed weight may be 0
            log_theta = np.log(state["theta"])
        log_terms = log_theta + family.logpdf(y[:, None], *(state[name] for name in family.names))
        shares = np.exp(log_terms - logsumexp(log_terms, axis=1, keepdims=True))
    state = _maximise(specification, family, y, shares)
    order = np.argsort(state[family.ordered], kind="stable")
    fixed = {entry["name"] for entry in specification["parameters"] if entry["mode"] == "fixed"}
    fixed |= {"theta"} if specification["weights"]["mode"] == "fixed" else set()
    return {name: values if name in fixed else values[order] for name, values in state.items()}


def _maximise(specification, family, y, shares):
    """The M step: estimates from the shares, pooled where shared, replaced where fixed."""
    shares = shares + 1e-9  # a component that lost all its points keeps finite values
    theta = shares.mean(axis=0) / shares.mean(axis=0).sum()
    known = {
        entry["name"]: np.array(entry["value"]) for entry in specification["parameters"] if entry["mode"] == "fixed"
    }
    state = family.estimate(y, shares, known)
    if family.scale not in known:
        state[family.scale] = np.maximum(state[family.scale], SMALLEST_SCALE * specification["unit"]["scale"])
    for entry in specification["parameters"]:
        name = entry["name"]
        if entry["mode"] == "shared":
            state[name] = np.full(len(theta), pool(family.parameter(name), state[name], theta))
    weights = specification["weights"]
    return {"theta": theta if weights["mode"] == "estimated" else np.array(weights["value"]), **state}


def starting_values(specification, y, chains, seed):
    """Starting values of every chain under the names of the Stan program's parameters.

    Parameters
    ----------
    specification : dict
        What `specification.specify` returned.
    y : numpy.ndarray
        The observations, shape (n,).
    chains : int
        How many chains.
    seed : int
        For `numpy.random.default_rng`.

    Returns
    -------
    list of dict
        One per chain: theta_free, and each parameter with the suffix _free in the sampler's unit; empty where it is
        fixed.
    """
    family, components = FAMILIES[specification["family"]], specification["components"]
    rng = np.random.default_rng(seed)
    estimate = expectation_maximisation(specification, y)
    theta = 0.95 * estimate["theta"] + 0.05 / components
    size = np.maximum(1, len(y) * theta)  # a component without points is moved no farther than one with one
    unit = specification["unit"]
    starts = []
    for _ in range(chains):
        weights = theta * np.exp(rng.normal(0, np.sqrt((1 - theta) / size)))
        estimated = specification["weights"]["mode"] == "estimated"
        start = {"theta_free": (weights / weights.sum()).tolist() if estimated else [1.0]}
        moved = _moved(family, unit, estimate, rng.normal(size=(3, components)) / np.sqrt(size))
        for slot, entry in zip_longest(SLOTS, specification["parameters"]):
            count = 0 if entry is None else {"own": components, "shared": 1, "fixed": 0}[entry["mode"]]
            start[f"{slot}_free"] = moved[slot][:count].tolist() if count else []
        starts.append(start)
    return starts


def _moved(family, unit, estimate, steps):
    """The estimate moved by steps of about one standard error, in the sampler's unit: a dict of arrays (K,)."""
    scale = estimate[family.scale]
    location = estimate[family.ordered]
    if ENDS[family.parameters[0].support] == 0:
        location = np.log(location)  # which is how it is sampled; a coefficient of variation is its scale
    location = _apart(np.sort(location + steps[0] * scale), SMALLEST_GAP * unit["location"])
    moved = {
        "location": (location - unit["origin"]) / unit["location"],
        "scale": scale * np.exp(steps[1] / np.sqrt(2)) / unit["scale"],
    }
    for parameter in family.parameters[2:]:
        end, values = ENDS[parameter.support], estimate[parameter.name]
        if end is None:
            moved["shape"] = values + SLANT_STEP * np.tanh(steps[2])
        else:
            moved["shape"] = end + (values - end) * np.exp(np.tanh(steps[2]))
    return moved


def _apart(values, gap):
    """Push increasing values apart until neighbours differ by at least `gap`."""
    steps = np.arange(len(values)) * gap
    return np.maximum.accumulate(values - steps) + steps
