"""Where the chains start: at the data's own quantiles, improved by EM, moved apart by about one standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stanmix.families.bounds import Bounds
from stanmix.families.family import MULTIVARIATE, SLOTS, Points
from stanmix.families.multivariate_normal import given_the_others, moved_inside, ordering_column
from stanmix.families.priors import ENDS, REAL, UNIT
from stanmix.labels import partitions
from stanmix.model import mixture

if TYPE_CHECKING:
    from stanmix.data.observations import Units
    from stanmix.families.family import Family
    from stanmix.model.specification import Specification

EM_STEPS = 30
SMALLEST_SCALE = 1 / 50  # of the unit of scales: a component must not start collapsed
SMALLEST_WEIGHT = 1e-9  # weights and scales must not start at the edge
SMALLEST_GAP = 1e-3  # of the unit of locations: ordered parameters must not start equal
STILL = 1e-12  # relative change of the log likelihood below which the last run of EM ends
FINISHING = 20  # times as many steps for the best of several runs of EM
WEAKENED = (0.02, 0.1)  # how far starting correlations are moved towards 0
AT_END = 0.05  # of a scale's end, or of the distance between its ends: chains start farther away
SLANT_STEP = 0.5  # how far a real parameter without a unit is moved


def expectation_maximisation(specification: Specification, units: Units, steps: int = EM_STEPS) -> dict:
    """Maximum-likelihood estimate of the parameters that are not fixed, from quantiles.

    Parameters
    ----------
    specification : Specification
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
    family, components = specification.entry, specification.components
    points = Points.of(units, specification.rounding)
    runs = [
        climb(specification, points, units.count, first_shares(family, points, shares), steps)
        for shares in family.first_shares(points.means, units.count, components)
    ]
    _, state, shares = max(runs, key=lambda run: run[0])
    if len(runs) > 1:  # short runs tell which is best, and that one is finished (Biernacki, Celeux & Govaert 2003)
        _, state, _ = climb(specification, points, units.count, shares, FINISHING * steps, STILL)
    return named(specification, points, state)


def named(specification: Specification, points: Points, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A state with the components in their order; what is fixed keeps its places.

    All does where some observations are known or some locations are fixed, which have their components then.
    """
    if points.known is not None or any(entry.partly and entry.locates for entry in specification.parameters):
        return state
    family = specification.entry
    order = np.argsort(family.order_in(state, specification), kind="stable")
    fixed = specification.fixed
    return specification.with_fixed({name: v if name in fixed else v[order] for name, v in state.items()})


def first_shares(family: Family, points: Points, shares: np.ndarray) -> np.ndarray:
    """Shares of all parts from those of the components: extra zeros own half of the zeros; what is known is so."""
    if family.zero is not None:
        zeros = np.where(points.y == 0, 0.5, 0.0)[:, None]
        shares = np.hstack([shares * (1 - zeros), zeros])
    if points.known is None:
        return shares
    return np.where(points.known[:, None] > 0, points.known[:, None] == np.arange(1, shares.shape[1] + 1), shares)


def climb(
    specification: Specification,
    points: Points,
    count: np.ndarray,
    shares: np.ndarray,
    steps: int,
    still: float | None = None,
) -> tuple[float, dict[str, np.ndarray], np.ndarray]:
    """EM from given shares.

    Parameters
    ----------
    specification : Specification
    points : Points
        The distinct units, m of them.
    count : numpy.ndarray
        How often each was observed, shape (m,).
    shares : numpy.ndarray
        How much of each unit every part owns at first, shape (m, P).
    steps : int
        EM steps.
    still : float, optional
        It ends earlier when the log likelihood changes by less than this share of itself.

    Returns
    -------
    total : float
        The log likelihood before the last step.
    state : dict of numpy.ndarray
        theta and the parameters after it, each (K,) or longer.
    shares : numpy.ndarray
        The last shares, shape (m, P).
    """
    family = specification.entry
    total = -np.inf
    for _ in range(steps):
        state = _maximise(specification, family, points, count, shares)
        terms = mixture.log_terms(family.name, points, {name: value[None] for name, value in state.items()})[0]
        logs = mixture.log_sum(terms, axis=1)
        shares = np.exp(terms - logs[:, None])
        before, total = total, count @ logs
        if still and total - before < still * abs(total):
            break
    return total, _maximise(specification, family, points, count, shares), shares


def _maximise(specification, family, points, count, shares):
    """The M step: estimates from the shares, pooled where shared, replaced where fixed."""
    shares = (shares + 1e-9) * count[:, None]  # a component that lost all its points keeps finite values
    components = specification.components
    theta = shares[:, :components].sum(axis=0) / shares[:, :components].sum()
    known = {entry.name: np.array(entry.value) for entry in specification.parameters if entry.fixed}
    state = family.estimate(points.rows, points.spread(shares[:, :components], axis=0), known)
    state = {entry.name: state[entry.name] for entry in specification.parameters if entry.name in state}
    if family.collapsing and family.collapsing not in known:
        smallest = SMALLEST_SCALE * family.width(np.array(specification.unit["scale"]))
        state[family.collapsing] = family.width(np.maximum(family.width(state[family.collapsing]), smallest))
    if family.zero is not None and family.zero not in known:
        state[family.zero] = np.full(components, np.clip(shares[:, -1].sum() / shares.sum(), 1e-3, 1 - 1e-3))
    shared = {entry.name for entry in specification.parameters if entry.shared} - {family.zero}
    state |= family.pooled(state, theta, shared)
    weights = specification.weights
    theta = np.array(weights.value) if weights.fixed else theta
    return specification.with_fixed({**state, **known, "theta": theta})


def starting_values(
    specification: Specification, units: Units, states: list[dict[str, np.ndarray]], seed: int
) -> list[dict]:
    """Starting values of every chain under the names of the Stan program's parameters.

    Parameters
    ----------
    specification : Specification
        What `specification.specify` returned.
    units : observations.Units
        The distinct observations with their counts.
    states : list of dict of numpy.ndarray
        For each chain what it starts near: theta and the parameters, each (K,) or longer.
    seed : int
        For `numpy.random.default_rng`.

    Returns
    -------
    list of dict
        One per chain: theta_free, and each parameter with the suffix _free in the sampler's unit; empty where it is
        fixed.
    """
    rng = np.random.default_rng(seed)
    mixed = [state | {"theta": 0.95 * state["theta"] + 0.05 / specification.components} for state in states]
    return [start_near(specification, units, state, rng) for state in mixed]


def overlap(specification: Specification, units: Units, state: dict[str, np.ndarray]) -> float:
    """Expected share of observations that a state's most probable part is wrong for (float)."""
    draws = {name: values[None] for name, values in state.items()}
    shares = mixture.responsibilities(specification.family, Points.of(units, specification.rounding), draws)
    return partitions.expected_misclassification(shares[0], units.count)


def start_near(
    specification: Specification,
    units: Units,
    state: dict[str, np.ndarray],
    rng: np.random.Generator,
    step: float = 1.0,
) -> dict:
    """Starting values near a state.

    Parameters
    ----------
    specification : Specification
    units : observations.Units
        The distinct observations with their counts.
    state : dict of numpy.ndarray
        theta and the parameters, each (K,) or longer, the ordered one increasing.
    rng : numpy.random.Generator
    step : float
        How far from it: in standard errors as large as the observations of each component make them. With 0 it is the
        state itself, as far as the program's limits allow.

    Returns
    -------
    dict
        As one of `starting_values`.
    """
    family, theta = specification.entry, state["theta"]
    size = np.maximum(1, units.n * theta)  # a component without points is moved no farther than one with one
    weights = np.maximum(theta, SMALLEST_WEIGHT)
    weights = weights * np.exp(step * rng.normal(0, np.sqrt(np.maximum(1 - theta, 0) / size)))
    estimated = not specification.weights.fixed
    start = {"theta_free": (weights / weights.sum()).tolist() if estimated else [1.0]}
    if family.kind == MULTIVARIATE:
        return start | _several_columns(specification, state, size, rng, step)
    typical = float(np.quantile(Points.of(units).size, 0.5, method="inverted_cdf"))  # a whole number of trials
    return start | _one_column(family, specification, state, size, typical, rng, step)


def _one_column(family, specification, estimate, size, typical, rng, step):
    """Starting values of the location, scale, shape and weight of extra zeros of one chain."""
    components = specification.components
    steps = step * rng.normal(size=(4, components)) / np.sqrt(size)
    moved = _moved(family, specification, estimate, steps, typical)
    start = {f"{slot}_free": moved[slot].tolist() if slot in moved else [] for slot in SLOTS}
    location, ordered = start.pop("location_free"), specification.sampled_in_order
    return start | {"ordered_free": location if ordered else [], "unordered_free": [] if ordered else location}


def _several_columns(specification, estimate, size, rng, step):
    """Starting values of means, standard deviations and Cholesky factors of correlations of one chain."""
    unit, lowest = np.array(specification.unit["scale"]), np.array(specification.lower_ends)
    shape = estimate["mu"].shape
    mu = estimate["mu"] + step * rng.normal(size=shape) * estimate["sigma"] / np.sqrt(size)[:, None]
    mu = (mu - specification.unit["origin"]) / unit
    order = ordering_column(specification)
    sigma = estimate["sigma"] * np.exp(step * rng.normal(size=shape) / np.sqrt(2 * size)[:, None])
    sigma = np.maximum(sigma[: specification.matrices("sigma")], 1.05 * lowest)
    start = {
        "ordered_free": [] if order is None else _apart(np.sort(mu[:, order]), SMALLEST_GAP).tolist(),
        "mu_free": (mu if order is None else np.delete(mu, order, axis=1)).tolist(),
        "sigma_free": ((sigma - lowest) / unit).tolist(),
        "factor_free": [],
    }
    for k in range(specification.matrices("correlation")):
        # Towards 0, because near a perfect correlation the sampler starts slowly, and as far as the limits demand.
        for share in (step * rng.uniform(*WEAKENED), 0.5, 1.0):
            factor = np.linalg.cholesky(moved_inside(estimate["correlation"][k], share))
            if (given_the_others(sigma[min(k, len(sigma) - 1)], factor) > specification.thinnest).all():
                break
        start["factor_free"].append(factor.tolist())
    return start


def _moved(family, specification, estimate, steps, size):
    """The estimate moved by steps of about one standard error, in the sampler's unit: arrays of what is free."""
    unit, located = specification.unit, specification.in_slot("location")
    usual = Bounds.of([ENDS[family.parameters[0].support]])
    step = steps[0] * family.spread(estimate, size) if steps[0].any() else steps[0]
    # of few events little is known
    location = usual.to_line(estimate[family.ordered]) + (step if family.link == 0 else np.clip(step, -1, 1))
    moved = {}
    if located.priors:
        ends, location = located.bounds, location[located.free]
        least = AT_END * np.min(family.spread(estimate, size)) if family.link == 0 else 0.0
        location = ends.to_line(ends.inside(usual.from_line(location), AT_END, least))
        if specification.sampled_in_order:
            location = _apart(np.sort(location), SMALLEST_GAP * unit["location"])
        moved["location"] = (location - unit["origin"]) / unit["location"]
    for parameter in family.parameters[1:]:
        entry = specification.in_slot(parameter.slot)
        values, step = estimate[parameter.name], steps[SLOTS.index(parameter.slot)]
        if not entry.priors:
            continue
        ends = entry.bounds
        values, step = values[entry.free], step[entry.free]
        if parameter.slot == "scale":
            values = ends.inside(values * np.exp(step / np.sqrt(2)), AT_END)
            moved["scale"] = np.maximum(values / unit["scale"], SMALLEST_WEIGHT)
            continue
        values = ends.inside(values, SMALLEST_WEIGHT if parameter.support == UNIT else SMALLEST_GAP)
        step = SLANT_STEP * np.tanh(step) if parameter.support == REAL else np.tanh(step)
        moved[parameter.slot] = ends.from_line(ends.to_line(values) + step)
    return moved


def _apart(values, gap):
    """Push increasing values apart until neighbours differ by at least `gap`."""
    steps = np.arange(len(values)) * gap
    return np.maximum.accumulate(values - steps) + steps
