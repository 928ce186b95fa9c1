"""Components that own nothing and lie away from the data, anywhere in their prior: how much of the posterior that is.

Where a component is away the likelihood is that of the others with their weights scaled down, so that the mass factors:
the marginal likelihood of a model with one component less, the prior probability that a component lies away, and the
expected power of the weight that is left. That is no mode to which one could climb: with a prior many times wider than
the data the density there is low and the room is large.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import betaln

from stanmix.families.family import Points
from stanmix.families.registry import FAMILIES
from stanmix.fits.masses import LogPosterior, log_excess
from stanmix.model import mixture
from stanmix.model.prior import prior_draws
from stanmix.model.specification import Weights

OWNED = 1.0  # observations of which a component that is away owns less, were all weights equal
DRAWS = 500  # of the prior, behind the probability of being away


@dataclass(frozen=True)
class Away:
    """The part of a posterior in which one component is away.

    Attributes
    ----------
    state : dict of numpy.ndarray
        One place there: theta and the parameters, each (K,) or longer.
    log_mass : float
        On the scale of `masses.LogPosterior`.
    density : numpy.ndarray
        Log density of the distinct observations there, shape (m,).
    """

    state: dict
    log_mass: float
    density: np.ndarray


def owning_nothing(family, points, count, draws):
    """Which components are away.

    Parameters
    ----------
    family : str
    points : Points
        All distinct observations, m of them.
    count : numpy.ndarray
        How often each was observed, shape (m,).
    draws : dict of numpy.ndarray
        theta and the parameters, each (S, K) or longer.

    Returns
    -------
    numpy.ndarray of bool
        Shape (S, K).
    """
    components = draws["theta"].shape[1]
    with np.errstate(all="ignore"):
        logs = points.by_unit(FAMILIES[family].log_components(points.rows, draws))
        terms = mixture.log_terms(family, points, draws)
        found = np.empty(draws["theta"].shape, bool)
        for k in range(components):
            others = mixture.log_sum(np.delete(terms, k, axis=2), axis=2)
            found[:, k] = _owned(logs[:, :, k], others - np.log1p(-draws["theta"][:, k])[:, None]) @ count < OWNED
        if points.known is not None:
            found[:, np.unique(points.known[points.known > 0]) - 1] = False
    return found


def _owned(own, others):
    """The share of a component in each observation, were its weight that of all others."""
    with np.errstate(over="ignore"):
        share = 1 / (1 + np.exp(others - own))
    return np.where(np.isnan(share), 0.0, share)  # far from all


def alike(specification):
    """Whether the components may change their names: nothing that is said of one before the data tells them apart."""
    told = [specification.weights.concentration or specification.weights.value]
    told += [entry.value or entry.priors for entry in specification.parameters]
    return all(each == values[0] for values in told for each in values)


def left_out(specification):
    """The components that may be away (from 0): one of those that are alike stands for all."""
    if specification.weights.fixed:
        return []
    if specification.parameters[0].differences:  # without another one the next would lie elsewhere
        return [specification.components - 1]
    return [0] if alike(specification) else list(range(specification.components))


def without(specification, units, component):
    """The specification and the distinct observations of the same model with one component (from 0) less."""

    def kept(values):
        return values[:component] + values[component + 1 :] if len(values) == specification.components else values

    parameters = []
    for entry in specification.parameters:
        mode, value, priors = entry.mode, entry.value and kept(entry.value), kept(entry.priors)
        if entry.partly:
            priors = tuple(p for k, p in zip(entry.free, entry.priors, strict=True) if k != component)
            mode = "fixed" if not priors else "own" if len(priors) == len(value) else mode
            value = None if mode == "own" else value
        parameters.append(replace(entry, mode=mode, priors=priors, value=value))
    known = units.known if units.known is None else units.known - (units.known > component)
    fewer = replace(
        specification,
        components=specification.components - 1,
        weights=replace(specification.weights, concentration=kept(specification.weights.concentration)),
        parameters=tuple(parameters),
    )
    return fewer, replace(units, known=known)


def weighed(specification, units, component, state, rng):
    """The part of a posterior in which a component is away.

    Parameters
    ----------
    specification : Specification
        With weights that are estimated.
    units : observations.Units
        All distinct observations.
    component : int
        From 0.
    state : dict of numpy.ndarray
        Of the model without it, from which the maximum is looked for: theta and the parameters, each (K - 1,) or
        longer.
    rng : numpy.random.Generator
        For draws from the prior.

    Returns
    -------
    Away or None
        None where the prior holds no such place, or rows are known to come from the component.
    """
    if units.known is not None and (units.known == component + 1).any():
        return None
    posterior = LogPosterior(*without(specification, units, component))
    family, points = specification.entry, Points.of(units, specification.rounding)
    excess, density, _ = log_excess(posterior, state)
    density = density[: len(units.count)]
    log_mass = posterior.height({name: np.asarray(value, float)[None] for name, value in state.items()})[0] + excess
    alone = _alone(specification, component, state, rng)
    with np.errstate(all="ignore"):
        own = points.by_unit(family.log_components(points.rows, alone))[:, :, 0]
    away = np.flatnonzero(_owned(own, density) @ units.count < OWNED)
    if not len(away):
        return None
    concentration = np.array(specification.weights.concentration)
    of_it, of_others = concentration[component], concentration.sum() - concentration[component]
    n = units.n
    if family.zero is not None:  # what extra zeros own does not mind the weights of the components
        draws = {name: np.asarray(value)[None] for name, value in state.items()}
        n -= mixture.responsibilities(family.name, posterior.points, draws)[0][:, -1] @ units.count
    log_mass += np.log(len(away) / DRAWS) + betaln(of_it, of_others + n) - betaln(of_it, of_others)
    located = alone[family.ordered].reshape(DRAWS, -1)[away, 0]
    middle = away[np.argsort(located, kind="stable")[len(away) // 2]]
    whole = {
        name: np.insert(np.asarray(state[name], float), component, values[middle, 0], axis=0)
        for name, values in alone.items()
    }
    share = min(0.5, of_it) / (1 + units.n)  # less than an observation
    whole["theta"] = np.insert(state["theta"] * (1 - share), component, share)
    return Away(whole, float(log_mass), density)


def _alone(specification, component, state, rng):
    """Draws of one component from its prior, (DRAWS, 1) or longer; what is shared is that of the others."""
    parameters = []
    for entry in specification.parameters:
        mode, value = entry.mode, entry.value and entry.value[component : component + 1]
        priors = entry.priors
        if entry.own or entry.partly:
            priors = tuple(p for k, p in zip(entry.free, priors, strict=True) if k == component)
            mode, value = ("own", None) if priors else ("fixed", value)
        parameters.append(replace(entry, ordered=False, differences=False, mode=mode, priors=priors, value=value))
    one = replace(specification, components=1, parameters=tuple(parameters), weights=Weights("fixed", value=[1.0]))
    draws = prior_draws(one, DRAWS, rng)
    for entry in specification.parameters:
        if entry.differences:
            draws[entry.name] = draws[entry.name] + np.asarray(state[entry.name], float)[-1]
        if entry.shared:
            value = np.asarray(state[entry.name], float)[:1]
            draws[entry.name] = np.broadcast_to(value, (DRAWS, *value.shape))
    return draws
