"""Per-observation quantities of a mixture, computed after sampling from the draws of its parameters, in chunks.

Everywhere `draws` is a dict of arrays (S, K): theta and every parameter of the family, fixed and shared ones repeated.
"""

import numpy as np
from scipy.special import logsumexp

from stanmix.families import FAMILIES

CHUNK = 2_000_000  # elements of the largest array that is made at once: 16 MB


def log_terms(family, y, draws):
    """Log of weight times component density.

    Parameters
    ----------
    family : str
    y : numpy.ndarray
        Values, shape (n,).
    draws : dict of numpy.ndarray
        Each (S, K).

    Returns
    -------
    numpy.ndarray
        Shape (S, n, K).
    """
    entry = FAMILIES[family]
    parameters = (draws[name][:, None, :] for name in entry.names)
    with np.errstate(divide="ignore"):  # a fixed weight may be 0
        log_theta = np.log(draws["theta"])[:, None, :]
    return log_theta + entry.logpdf(y[None, :, None], *parameters)


def chunks(n, draws):
    """Slices of n observations such that draws x observations x components stays small."""
    size = max(1, CHUNK // draws["theta"].size)
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def log_likelihood(family, y, draws):
    """Log likelihood of each observation with its membership summed out.

    Parameters
    ----------
    family, y, draws
        As for `log_terms`.

    Returns
    -------
    numpy.ndarray
        Shape (S, n).
    """
    result = np.empty((len(draws["theta"]), len(y)))
    for part in chunks(len(y), draws):
        result[:, part] = logsumexp(log_terms(family, y[part], draws), axis=2)
    return result


def membership(family, y, draws):
    """Posterior probability that each observation belongs to each component.

    The responsibilities are averaged over the draws; no label is sampled (Rao-Blackwell).

    Parameters
    ----------
    family, y, draws
        As for `log_terms`.

    Returns
    -------
    numpy.ndarray
        Shape (n, K); rows add to 1.
    """
    result = np.empty((len(y), draws["theta"].shape[1]))
    for part in chunks(len(y), draws):
        terms = log_terms(family, y[part], draws)
        result[part] = np.exp(terms - logsumexp(terms, axis=2, keepdims=True)).mean(axis=0)
    return result / result.sum(axis=1, keepdims=True)


def densities(family, x, draws):
    """Density of the mixture and of each weighted component at given values, draw by draw.

    Parameters
    ----------
    family, draws
        As for `log_terms`.
    x : numpy.ndarray
        Values, shape (m,).

    Returns
    -------
    numpy.ndarray
        Weighted component densities, shape (S, m, K); their sum over the last axis is the mixture's density.
    """
    return np.exp(log_terms(family, x, draws))


def sample_memberships(family, y, draws, rng):
    """Draw a component for each observation and draw of the parameters, given the observation.

    Parameters
    ----------
    family, y, draws
        As for `log_terms`.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray of int
        Components from 0, shape (S, n).
    """
    result = np.empty((len(draws["theta"]), len(y)), dtype=int)
    for part in chunks(len(y), draws):
        terms = log_terms(family, y[part], draws)
        # Adding Gumbel noise and taking the largest draws from the categorical distribution.
        result[:, part] = np.argmax(terms + rng.gumbel(size=terms.shape), axis=2)
    return result


def draw_memberships(n, draws, rng):
    """Draw components for n new observations from the weights: shape (S, n), from 0."""
    edges = np.cumsum(draws["theta"], axis=1)[:, None, :-1]
    return (rng.random((len(draws["theta"]), n))[:, :, None] > edges).sum(axis=2)


def replicate(family, memberships, draws, rng):
    """Replicated data sets, one per draw of the parameters.

    Parameters
    ----------
    family, draws
        As for `log_terms`.
    memberships : numpy.ndarray of int
        Components from 0, shape (S, n).
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        Shape (S, n).
    """
    entry = FAMILIES[family]
    rows = np.arange(len(memberships))[:, None]
    return entry.generate(rng, *(draws[name][rows, memberships] for name in entry.names))


def thinned(draws, count):
    """At most `count` draws, evenly spaced, as a dict like `draws`."""
    total = len(draws["theta"])
    rows = np.linspace(0, total - 1, min(count, total)).round().astype(int)
    return {name: values[rows] for name, values in draws.items()}
