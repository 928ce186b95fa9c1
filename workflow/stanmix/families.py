"""The kinds of component: for each family its parameters, densities, generator, default priors and estimates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stanmix.priors import POSITIVE, REAL, Prior


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family.

    Attributes
    ----------
    name : str
        The field's own name, in the configuration, the Stan program and every table.
    support : {"real", "positive"}
    meaning : str
        A few words for readers.
    shareable : bool
        Whether `share:` may make it one value for all components.
    default : callable
        ``default(noticed, components, shared)`` gives the default `Prior` from what was noticed in the data.
    """

    name: str
    support: str
    meaning: str
    shareable: bool
    default: Callable


@dataclass(frozen=True)
class Family:
    """One kind of component.

    Attributes
    ----------
    name : str
    program : str
        The Stan program, a file of that name in stan/.
    parameters : tuple of Parameter
        In the order in which all functions below take them.
    ordered : str
        The parameter by which components are named: increasing from the first to the last.
    logpdf : callable
        ``logpdf(y, *parameters)``, broadcasting.
    moments : callable
        ``moments(*parameters)``: mean and variance of a component.
    score : callable
        ``score(y, *parameters)``: the standard normal quantile of y's probability under its component.
    generate : callable
        ``generate(rng, *parameters)``, one value for each element of the broadcast parameters.
    estimate : callable
        ``estimate(y, shares, known)`` gives the maximum-likelihood parameters of components that own `shares` (n, K)
        of the observations, those in the dict `known` given: a dict of arrays (K,).
    pool : callable
        ``pool(name, values, weights)``: one value for all components from one each.
    """

    name: str
    program: str
    parameters: tuple
    ordered: str
    logpdf: Callable
    moments: Callable
    score: Callable
    generate: Callable
    estimate: Callable
    pool: Callable

    def parameter(self, name):
        """The parameter of that name."""
        return next(p for p in self.parameters if p.name == name)

    @property
    def names(self):
        """The names of the parameters, in order (list of str)."""
        return [p.name for p in self.parameters]


def _normal_logpdf(y, mu, sigma):
    from scipy import stats  # costs 0.7 s, which jobs that only read the table of parameters need not pay

    return stats.norm.logpdf(y, mu, sigma)


def _normal_estimate(y, shares, known):
    size = shares.sum(axis=0)
    mu = known.get("mu", shares.T @ y / size)
    variance = (shares * (y[:, None] - mu) ** 2).sum(axis=0) / size
    return {"mu": mu, "sigma": np.sqrt(variance)} | known


def _normal_pool(name, values, weights):
    # A shared variance is the weighted mean of the variances; a shared mean the weighted mean.
    return np.sqrt(weights @ values**2) if name == "sigma" else weights @ values


NORMAL = Family(
    name="normal",
    program="continuous",
    parameters=(
        Parameter(
            "mu",
            REAL,
            "mean",
            shareable=False,
            default=lambda noticed, components, shared: Prior("normal", (noticed["median"], noticed["range"] / 2)),
        ),
        Parameter(
            "sigma",
            POSITIVE,
            "standard deviation",
            shareable=True,
            default=lambda noticed, components, shared: (
                Prior("normal", (0.0, noticed["sd"]), lower=0.0)
                if shared
                else Prior("lognormal", (float(np.log(noticed["sd"] / components)), 0.7))
            ),
        ),
    ),
    ordered="mu",
    logpdf=_normal_logpdf,
    moments=lambda mu, sigma: (mu, sigma**2),
    score=lambda y, mu, sigma: (y - mu) / sigma,
    generate=lambda rng, mu, sigma: rng.normal(mu, sigma),
    estimate=_normal_estimate,
    pool=_normal_pool,
)

FAMILIES = {family.name: family for family in (NORMAL,)}
