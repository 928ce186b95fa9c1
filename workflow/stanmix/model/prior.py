"""Draws from the prior alone, in the order that the model demands."""

import numpy as np
from scipy.special import betaln, gammaln, xlogy

from stanmix.families.multivariate_normal import given_the_others, lkj_factors

ROUNDS = 300  # in which components that are too thin are drawn anew
SWEEPS = 200  # of the Gibbs sampler that orders locations with different priors


def prior_draws(specification, count, rng):
    """Independent draws of all parameters from their prior.

    Parameters
    ----------
    specification : Specification
        What `specification.specify` returned.
    count : int
    rng : numpy.random.Generator

    Returns
    -------
    dict of numpy.ndarray
        theta and every parameter, each (count, K), with several columns (count, K, D) and correlations
        (count, K, D, D); the ordered one increases from component to component.
    """
    draws = _draws(specification, count, rng)
    limits = np.array(specification.thinnest or 0.0)
    if limits.any():
        _thicken(draws, specification, limits, rng)
    return draws


def log_prior(specification, variables):
    """Log densities of the prior at draws, each parameter on its own scale.

    Those of ordered locations are as if there were no order, and those of correlations as if none were too thin: either
    only adds a constant.

    Parameters
    ----------
    specification : Specification
        What `specification.specify` returned.
    variables : dict of numpy.ndarray
        theta and the parameters, each (chains, draws, K) or longer.

    Returns
    -------
    dict of numpy.ndarray
        Of everything that is not fixed: theta (chains, draws), correlations (chains, draws, K) and others like their
        values, 0 for components whose value is fixed; without the axis of components where these share a parameter.
        Where priors are of differences each location has that of its distance from the one before.
    """
    found, columns = {}, {}
    if not specification.weights.fixed:
        found["theta"] = _log_dirichlet(variables["theta"], np.array(specification.weights.concentration))
    for entry in specification.parameters:
        name, values = entry.name, variables[entry.name]
        if entry.fixed:
            continue
        if name == "correlation":
            shapes = np.array([prior.arguments[0] for prior in entry.priors])
            logs = _log_lkj(values[:, :, : len(shapes)], shapes)
        else:
            values = values[..., len(columns.get(name, []))] if entry.column is not None else values
            if entry.differences:
                values = np.concatenate([values[:, :, :1], np.diff(values, axis=2)], axis=2)
            of_each = {k: prior.logpdf(values[:, :, k]) for k, prior in zip(entry.free, entry.priors, strict=True)}
            count = len(entry.value) if entry.partly else len(entry.priors)
            fixed = np.zeros(values.shape[:2])
            logs = np.stack([of_each.get(k, fixed) for k in range(count)], axis=2)
        logs = logs[:, :, 0] if entry.shared else logs
        if entry.column is not None:
            columns.setdefault(name, []).append(logs)
        else:
            found[name] = logs
    return found | {name: np.stack(logs, axis=-1) for name, logs in columns.items()}


def _log_dirichlet(theta, concentration):
    """Log density of the Dirichlet distribution at weights (..., K)."""
    constant = gammaln(concentration.sum()) - gammaln(concentration).sum()
    return constant + xlogy(concentration - 1, theta).sum(axis=-1)


def _log_lkj(correlation, shape):
    """Log density of the LKJ distribution at matrices (..., D, D), shapes eta (...) (Lewandowski et al. 2009)."""
    dimension = correlation.shape[-1]
    k = np.arange(1, dimension)
    half = shape[..., None] + (dimension - k - 1) / 2
    powers = 2 * (shape[..., None] - 1) + dimension - k
    constant = ((dimension - k) * (powers * np.log(2) + betaln(half, half))).sum(axis=-1)
    return (shape - 1) * np.linalg.slogdet(correlation)[1] - constant


def _thicken(draws, specification, limits, rng):
    """Draw standard deviations and correlations anew where a component is thinner than the limits.

    What is still too thin in the end stays: a prior that puts nearly all components there is drawn as it is.
    """
    count = len(draws["theta"])
    for _ in range(ROUNDS):
        factors = np.linalg.cholesky(draws["correlation"])
        thin = (given_the_others(draws["sigma"], factors) <= limits).any(axis=2)
        if specification.matrices("sigma") == 1:
            thin[:] = thin.any(axis=1, keepdims=True)  # components that share them are drawn together
        if not thin.any():
            return
        others = _draws(specification, count, rng)
        for name in ("sigma", "correlation"):
            draws[name][thin] = others[name][thin]


def _draws(specification, count, rng):
    """Draws as from `prior_draws`, whatever the least standard deviations given other columns."""
    components, weights = specification.components, specification.weights
    shape = (count, components)
    draws = {
        "theta": np.broadcast_to(weights.value, shape)
        if weights.fixed
        else rng.dirichlet(weights.concentration, size=count)
    }
    columns = {}
    for entry in specification.parameters:
        if entry.name == "correlation":
            draws["correlation"] = _correlations(entry, specification, count, rng)
        elif entry.column is not None:
            columns.setdefault(entry.name, []).append(scalars(entry, components, count, rng))
        else:
            draws[entry.name] = scalars(entry, components, count, rng)
    return draws | {name: np.stack(values, axis=2) for name, values in columns.items()}


def scalars(entry, components, count, rng):
    """Draws of one number for each component from the prior of a specification's parameter, shape (count, K)."""
    if entry.fixed:
        return np.broadcast_to(np.array(entry.value, float), (count, components))
    if entry.differences:
        values = np.cumsum(np.column_stack([prior.quantile(rng.random(count)) for prior in entry.priors]), axis=1)
    elif entry.ordered and len(entry.priors) > 1:
        values = _ordered(entry.priors, count, rng)
    else:
        values = np.column_stack([prior.quantile(rng.random(count)) for prior in entry.priors])
    if entry.partly:
        every = np.empty((count, components))
        every[:, entry.free] = values
        return entry.with_fixed(every)
    return np.broadcast_to(values, (count, components))


def _correlations(entry, specification, count, rng):
    """Draws of the correlation matrix of each component, shape (count, K, D, D)."""
    dimension = len(specification.columns)
    factors = [lkj_factors(dimension, prior.arguments[0], count, rng) for prior in entry.priors]
    found = np.stack([factor @ np.swapaxes(factor, 1, 2) for factor in factors], axis=1)
    return np.array(np.broadcast_to(found, (count, specification.components, dimension, dimension)))


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
