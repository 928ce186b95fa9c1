"""Where the chains start: at the data's own quantiles, improved by EM, moved apart by about one standard error."""

import numpy as np
from scipy.special import logsumexp

from stanmix.families import FAMILIES
from stanmix.family import SLOTS, Points, ends_of, pool, to_link

EM_STEPS = 30
SMALLEST_SCALE = 1 / 50  # of the unit of scales: a component must not start collapsed
SMALLEST_GAP = 1e-3  # of the unit of locations: ordered parameters must not start equal
SLANT_STEP = 0.5  # how far a real parameter without a unit is moved


def expectation_maximisation(specification, units, steps=EM_STEPS):
    """Maximum-likelihood estimate of the parameters that are not fixed, from quantiles.

    Parameters
    ----------
    specification : dict
        What `specification.specify` returned.
    units : observations.Units
        The distinct observations with their counts.
    steps : int
        EM steps (Dempster, Laird & Rubin 1977).

    Returns
    -------
    dict
        theta and every parameter of the family as an array (K,); those fixed at their values, the ordered one
        increasing.
    """
    family, components = FAMILIES[specification["family"]], specification["components"]
    points = Points.of(units, specification["rounding"])
    shares = _quantile_shares(points, units.count, components)
    if family.zero is not None:
        zeros = np.where(points.y == 0, 0.5, 0.0)[:, None]
        shares = np.hstack([shares * (1 - zeros), zeros])
    for _ in range(steps):
        state = _maximise(specification, family, points, units.count, shares)
        terms = _log_terms(family, points, state)
        shares = np.exp(terms - logsumexp(terms, axis=1, keepdims=True))
    state = _maximise(specification, family, points, units.count, shares)
    order = np.argsort(state[family.ordered], kind="stable")
    fixed = {entry["name"] for entry in specification["parameters"] if entry["mode"] == "fixed"}
    fixed |= {"theta"} if specification["weights"]["mode"] == "fixed" else set()
    return {name: values if name in fixed else values[order] for name, values in state.items()}


def _quantile_shares(points, count, components):
    """Shares (m, K) of components that own equally many observations, from the lowest to the highest."""
    order = np.argsort(points.y / points.size, kind="stable")
    middle = np.cumsum(count[order]) - count[order] / 2
    shares = np.zeros((len(points), components))
    shares[order, np.minimum((middle / count.sum() * components).astype(int), components - 1)] = 1
    return 0.9 * shares + 0.1 / components  # no component starts empty


def _log_terms(family, points, state):
    """Log of weight times density of every part under one state, shape (m, P)."""
    parameters = (state[name] for name in family.of_component)
    terms = family.logpdf(points.y[:, None], *parameters, size=points.size[:, None], step=points.step)
    with np.errstate(divide="ignore"):  # a fixed weight may be 0
        terms = terms + np.log(state["theta"])
        if family.zero is None:
            return terms
        zero = state[family.zero][0]
        extra = np.where(points.y == 0, np.log(zero), -np.inf)
        return np.hstack([terms + np.log1p(-zero), extra[:, None]])


def _maximise(specification, family, points, count, shares):
    """The M step: estimates from the shares, pooled where shared, replaced where fixed."""
    shares = (shares + 1e-9) * count[:, None]  # a component that lost all its points keeps finite values
    components = specification["components"]
    theta = shares[:, :components].sum(axis=0) / shares[:, :components].sum()
    known = {
        entry["name"]: np.array(entry["value"]) for entry in specification["parameters"] if entry["mode"] == "fixed"
    }
    state = family.estimate(points, shares[:, :components], known)
    if family.collapsing and family.collapsing not in known:
        smallest = SMALLEST_SCALE * specification["unit"]["scale"]
        state[family.collapsing] = np.maximum(state[family.collapsing], smallest)
    if family.zero is not None and family.zero not in known:
        state[family.zero] = np.full(components, np.clip(shares[:, -1].sum() / shares.sum(), 1e-3, 1 - 1e-3))
    for entry in specification["parameters"]:
        name = entry["name"]
        if entry["mode"] == "shared" and name != family.zero:
            state[name] = np.full(components, pool(family.parameter(name), state[name], theta))
    weights = specification["weights"]
    return {**state, **known, "theta": theta if weights["mode"] == "estimated" else np.array(weights["value"])}


def starting_values(specification, units, chains, seed):
    """Starting values of every chain under the names of the Stan program's parameters.

    Parameters
    ----------
    specification : dict
        What `specification.specify` returned.
    units : observations.Units
        The distinct observations with their counts.
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
    estimate = expectation_maximisation(specification, units)
    theta = 0.95 * estimate["theta"] + 0.05 / components
    size = np.maximum(1, units.n * theta)  # a component without points is moved no farther than one with one
    entries = {entry["slot"]: entry for entry in specification["parameters"]}
    typical = float(np.quantile(Points.of(units).size, 0.5, method="inverted_cdf"))  # a whole number of trials
    starts = []
    for _ in range(chains):
        weights = theta * np.exp(rng.normal(0, np.sqrt((1 - theta) / size)))
        estimated = specification["weights"]["mode"] == "estimated"
        start = {"theta_free": (weights / weights.sum()).tolist() if estimated else [1.0]}
        moved = _moved(family, specification, estimate, rng.normal(size=(4, components)) / np.sqrt(size), typical)
        for slot in SLOTS:
            mode = entries[slot]["mode"] if slot in entries else "fixed"
            count = {"own": components, "shared": 1, "fixed": 0}[mode]
            start[f"{slot}_free"] = moved[slot][:count].tolist() if count else []
        starts.append(start)
    return starts


def _moved(family, specification, estimate, steps, size):
    """The estimate moved by steps of about one standard error, in the sampler's unit: a dict of arrays (K,)."""
    unit = specification["unit"]
    location = to_link(estimate[family.ordered], family.link)
    location = _apart(np.sort(location + steps[0] * _spread(family, estimate, size)), SMALLEST_GAP * unit["location"])
    moved = {"location": (location - unit["origin"]) / unit["location"]}
    for parameter in family.parameters[1:]:
        end, values, step = ends_of(parameter), estimate[parameter.name], steps[SLOTS.index(parameter.slot)]
        if parameter.slot == "scale":
            lowest = next(e["priors"][0]["lower"] or 0 if e["priors"] else 0 for e in specification["parameters"]
                          if e["slot"] == "scale")  # fmt: skip
            moved["scale"] = np.maximum(values * np.exp(step / np.sqrt(2)), 1.05 * lowest) / unit["scale"]
        elif parameter.slot == "zero":
            odds = values / (1 - values) * np.exp(np.tanh(step))
            moved["zero"] = odds / (1 + odds)
        elif end is None:
            moved["shape"] = values + SLANT_STEP * np.tanh(step)
        else:
            moved["shape"] = end + (values - end) * np.exp(np.tanh(step))
    return moved


def _spread(family, estimate, size):
    """How far single observations scatter around the ordered parameter as it is sampled: an array (K,)."""
    if family.collapsing:
        return estimate[family.collapsing]
    mean, variance = family.moments(*(estimate[name] for name in family.of_component), size=size)
    # The derivative of the log or the logit; a rate or share is the mean over the size.
    slope = 1 / mean if family.link == 1 else size / (mean * (size - mean))
    return np.sqrt(variance) * slope


def _apart(values, gap):
    """Push increasing values apart until neighbours differ by at least `gap`."""
    steps = np.arange(len(values)) * gap
    return np.maximum.accumulate(values - steps) + steps
