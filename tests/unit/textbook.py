"""Densities by textbook formulas in plain loops, and short ways to make what the package computes with."""

import functools
import math

import numpy as np
from scipy.special import log_ndtr

from stanmix.config.schema import schema, with_defaults
from stanmix.data.noticing import notice
from stanmix.data.observations import Observations
from stanmix.families.family import MULTIVARIATE, Points
from stanmix.families.registry import FAMILIES
from stanmix.model.specification import Resolved, Specification, Weights

# The families of one column; that of several has tests of its own.
UNIVARIATE = {name: family for name, family in FAMILIES.items() if family.kind != MULTIVARIATE}


def rows_of(y, frequency=None, trials=None, exposure=None, **others):
    """Observations of one column from lists or arrays."""
    y = np.asarray(y, float)
    frequency = np.ones(len(y), np.int64) if frequency is None else np.asarray(frequency, np.int64)
    sizes = {"trials": trials, "exposure": exposure}
    given = {key: np.broadcast_to(size, y.shape).astype(float) for key, size in sizes.items() if size is not None}
    return Observations(y, frequency, **given, **others)


def noticed_in(y, **others):
    """What is noticed about values."""
    return notice(rows_of(y, **others), ["y"])


@functools.cache
def rules_of_models():
    return schema()["properties"]["models"]["additionalProperties"]


def model_of(family, **entries):
    """A model of the checked configuration: what is not given has its default."""
    return with_defaults({"family": family} | entries, rules_of_models())


def resolved(name, mode="own", **others):
    """A parameter of a specification that is made up."""
    said = {"slot": name, "meaning": name, "ordered": False, "value": None, "is_default": True, "priors": ()}
    return Resolved(**said | {"name": name, "mode": mode} | others)


def specified(**others):
    """A specification that is made up: two normal components of five observations, unless it is said otherwise."""
    said = {
        "model": "m", "family": "normal", "transform": None, "kind": "continuous", "program": "univariate",
        "components": 2, "n": 5, "membership": "row", "labels": "ordered", "rounding": None,
        "unit": {"origin": 0.0, "location": 1.0, "scale": 1.0}, "parameters": (), "notes": [],
    }  # fmt: skip
    return Specification(**said | {"weights": Weights("estimated", concentration=[1.0, 1.0])} | others)


def points_at(y, size=1.0, step=None):
    """Points at which densities are evaluated."""
    y = np.asarray(y, float)
    return Points(y, np.broadcast_to(np.asarray(size, float), y.shape), step)


def log_beta(a, b):
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def log_choose(n, k):
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def log_normal(z):
    return -0.5 * z**2 - 0.5 * math.log(2 * math.pi)


def log_student_t(y, mu, sigma, nu):
    half = (nu + 1) / 2
    constant = math.lgamma(half) - math.lgamma(nu / 2) - 0.5 * math.log(nu * math.pi) - math.log(sigma)
    return constant - half * math.log1p(((y - mu) / sigma) ** 2 / nu)


def log_skew_normal(y, mean, sd, slant):
    delta = slant / math.sqrt(1 + slant**2)
    omega = sd / math.sqrt(1 - 2 * delta**2 / math.pi)
    z = (y - mean) / omega + delta * math.sqrt(2 / math.pi)
    return math.log(2) + log_normal(z) - math.log(omega) + float(log_ndtr(slant * z))


def log_negative_binomial(y, mean, dispersion):
    phi = dispersion**-2
    constant = math.lgamma(y + phi) - math.lgamma(phi) - math.lgamma(y + 1)
    return constant - phi * math.log1p(mean / phi) + y * (math.log(mean) - math.log(phi + mean))


def log_beta_binomial(y, trials, p, dispersion):
    a, b = p * dispersion**-2, (1 - p) * dispersion**-2
    return log_choose(trials, y) + log_beta(y + a, trials - y + b) - log_beta(a, b)


# Log density or log probability of a value under a component of each family, the last argument its size.
LOG = {
    "normal": lambda y, mu, sigma, size: log_normal((y - mu) / sigma) - math.log(sigma),
    "student_t": lambda y, mu, sigma, nu, size: log_student_t(y, mu, sigma, nu),
    "lognormal": lambda y, m, s, size: log_normal((math.log(y) - m) / s) - math.log(y * s),
    "gamma": lambda y, mean, cv, size: (
        (cv**-2 - 1) * math.log(y) - y / (mean * cv**2) - math.lgamma(cv**-2) - cv**-2 * math.log(mean * cv**2)
    ),
    "weibull": lambda y, median, shape, size: (
        math.log(math.log(2) * shape / median)
        + (shape - 1) * math.log(y / median)
        - math.log(2) * (y / median) ** shape
    ),
    "skew_normal": lambda y, mean, sd, slant, size: log_skew_normal(y, mean, sd, slant),
    "poisson": lambda y, rate, size: y * math.log(rate * size) - rate * size - math.lgamma(y + 1),
    "negative_binomial": lambda y, mean, dispersion, size: log_negative_binomial(y, mean * size, dispersion),
    "binomial": lambda y, p, size: log_choose(size, y) + y * math.log(p) + (size - y) * math.log1p(-p),
    "beta_binomial": lambda y, p, dispersion, size: log_beta_binomial(y, size, p, dispersion),
}
LOG |= {f"zero_inflated_{name}": LOG[name] for name in ("poisson", "negative_binomial")}  # of the components


def log_density(y, family, *parameters, size=1.0):
    """Log density or log probability of a value under one component."""
    return LOG[family](y, *parameters, size)


def log_likelihood(y, family, theta, *parameters, zero=0.0, size=1.0, count=1.0):
    """Of all values under a mixture, each as often as it counts; by plain loops and math.fsum."""
    total = []
    sizes, counts = (np.broadcast_to(each, len(y)) for each in (size, count))
    for value, one, times in zip(y, sizes, counts, strict=True):
        of_component = zip(theta, *parameters, strict=True)
        terms = [t * math.exp(log_density(value, family, *p, size=one)) for t, *p in of_component]
        total.append(times * math.log((1 - zero) * math.fsum(terms) + zero * (value == 0)))
    return math.fsum(total)
