"""The kinds of component: for each family its parameters, densities, generator, default priors and estimates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stanmix.priors import ABOVE_ONE, POSITIVE, REAL, Prior

LOG_SMALLEST = float(np.log(np.nextafter(0, 1)))  # of the smallest positive double


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family.

    Attributes
    ----------
    name : str
        The field's own name, in the configuration and every table.
    support : {"real", "positive", "above 1"}
    meaning : str
        A few words for readers.
    default : callable
        ``default(noticed, components, shared)`` gives the default `Prior` from what was noticed in the data.
    sharing : {"never", "on request", "unless own"}
        Whether it is one value for all components: never, when `share:` names it, or unless `own:` names it.
    """

    name: str
    support: str
    meaning: str
    default: Callable
    sharing: str = "on request"


@dataclass(frozen=True)
class Family:
    """One kind of component.

    Attributes
    ----------
    name : str
    number : int
        Its number in the Stan program.
    program : str
        The Stan program, a file of that name in stan/.
    parameters : tuple of Parameter
        The location, which orders the components, the scale, and the shape if there is one: the order in which all
        functions below take them.
    distribution : callable
        ``distribution(*parameters)`` gives a frozen SciPy distribution, broadcasting.
    estimate : callable
        ``estimate(y, shares, known)`` gives estimates of components that own `shares` (n, K) of the observations by
        maximum likelihood or moments, those in the dict `known` given: a dict of arrays (K,).
    positive : bool
        Whether the observations must be greater than 0. The sampler then works in the unit of their logs.
    """

    name: str
    number: int
    program: str
    parameters: tuple
    distribution: Callable
    estimate: Callable
    positive: bool = False

    def parameter(self, name):
        """The parameter of that name."""
        return next(p for p in self.parameters if p.name == name)

    @property
    def names(self):
        """The names of the parameters, in order (list of str)."""
        return [p.name for p in self.parameters]

    @property
    def ordered(self):
        """The name of the parameter that orders the components."""
        return self.parameters[0].name

    @property
    def scale(self):
        """The name of the parameter that can collapse onto equal values."""
        return self.parameters[1].name

    def logpdf(self, y, *parameters):
        """Log density on the scale of the data, broadcasting."""
        return self.distribution(*parameters).logpdf(y)

    def moments(self, *parameters):
        """Mean and variance of a component; infinite where they do not exist."""
        distribution = self.distribution(*parameters)
        return distribution.mean(), distribution.var()

    def score(self, y, *parameters):
        """The standard normal quantile of y's probability under its component, exact in both tails.

        Where SciPy has no logs of tails smaller than any double it stays at 38, so that it is always finite.
        """
        from scipy.special import ndtri_exp

        distribution = self.distribution(*parameters)
        tails = distribution.logcdf(y), distribution.logsf(y)
        lower, upper = (np.where(np.isneginf(tail), LOG_SMALLEST, tail) for tail in tails)
        return np.where(lower < upper, ndtri_exp(lower), -ndtri_exp(upper))

    def generate(self, rng, *parameters):
        """One value for each element of the broadcast parameters."""
        shape = np.broadcast_shapes(*(np.shape(p) for p in parameters))
        return np.asarray(self.distribution(*parameters).rvs(size=shape, random_state=rng))

    def unit(self, noticed):
        """Origin and units in which the sampler works: dict of origin, location and scale."""
        if not self.positive:
            return {"origin": noticed["median"], "location": noticed["sd"], "scale": noticed["sd"]}
        log = noticed["log"]
        return {"origin": log["median"], "location": log["sd"], "scale": log["sd"]}


def pool(parameter, values, weights):
    """One value for all components from one each: positive ones by their mean square, others by their mean.

    Parameters
    ----------
    parameter : Parameter
    values, weights : numpy.ndarray
        Shape (K,); the weights add to 1.

    Returns
    -------
    float
    """
    return np.sqrt(weights @ values**2) if parameter.support == POSITIVE else weights @ values


def _moments(y, shares, mean=None):
    """Weighted mean and standard deviation of each component's share, the mean given if known."""
    size = shares.sum(axis=0)
    mean = shares.T @ y / size if mean is None else mean
    return mean, np.sqrt((shares * (y[:, None] - mean) ** 2).sum(axis=0) / size)


def _estimate_normal(y, shares, known):
    mu, sigma = _moments(y, shares, known.get("mu"))
    return {"mu": mu, "sigma": sigma} | known


def _estimate_student_t(y, shares, known):
    mu, sd = _moments(y, shares, known.get("mu"))
    nu = known.get("nu", np.full(len(sd), 10.0))
    return {"mu": mu, "sigma": sd * np.sqrt(1 - 2 / np.maximum(nu, 3)), "nu": nu} | known


def _estimate_lognormal(y, shares, known):
    meanlog, sdlog = _moments(np.log(y), shares, known.get("meanlog"))
    return {"meanlog": meanlog, "sdlog": sdlog} | known


def _estimate_gamma(y, shares, known):
    mean, sd = _moments(y, shares, known.get("mean"))
    # Logs of gamma values spread wider than their cv: one above that is the work of a few outliers.
    spread = np.sqrt((shares * np.log(y[:, None] / mean) ** 2).sum(axis=0) / shares.sum(axis=0))
    return {"mean": mean, "cv": np.minimum(sd / mean, spread)} | known


def _estimate_skew_normal(y, shares, known):
    mean, sd = _moments(y, shares, known.get("mean"))
    return {"mean": mean, "sd": sd, "slant": np.zeros(len(sd))} | known


def _stats():
    from scipy import stats  # costs 0.7 s, which jobs that only read the table of parameters need not pay

    return stats


def _skew_normal(mean, sd, slant):
    delta = slant / np.sqrt(1 + np.square(slant))
    omega = sd / np.sqrt(1 - 2 * delta**2 / np.pi)
    return _stats().skewnorm(slant, mean - omega * delta * np.sqrt(2 / np.pi), omega)


def _location(noticed, components, shared):
    return Prior("normal", (noticed["median"], noticed["range"] / 2))


def _location_of_logs(noticed, components, shared):
    return Prior("normal", (noticed["log"]["median"], noticed["log"]["range"] / 2))


def _scale(noticed, components, shared):
    return _scale_of(noticed["sd"], components, shared)


def _scale_of_logs(noticed, components, shared):
    return _scale_of(noticed["log"]["sd"], components, shared)


def _scale_of(sd, components, shared):
    # One for each component must vanish at 0, where it could collapse onto equal values (Day 1969).
    return (
        Prior("normal", (0.0, sd), lower=0.0) if shared else Prior("lognormal", (float(np.log(sd / components)), 0.7))
    )


NORMAL = Family(
    name="normal",
    number=1,
    program="continuous",
    parameters=(
        Parameter("mu", REAL, "mean", _location, sharing="never"),
        Parameter("sigma", POSITIVE, "standard deviation", _scale),
    ),
    distribution=lambda mu, sigma: _stats().norm(mu, sigma),
    estimate=_estimate_normal,
)
STUDENT_T = Family(
    name="student_t",
    number=2,
    program="continuous",
    parameters=(
        Parameter("mu", REAL, "location", _location, sharing="never"),
        Parameter("sigma", POSITIVE, "scale, smaller than the standard deviation", _scale),
        Parameter(
            "nu",
            ABOVE_ONE,
            "degrees of freedom",
            lambda noticed, components, shared: Prior("gamma", (2.0, 0.1), lower=1.0),  # Juarez & Steel (2010)
            sharing="unless own",
        ),
    ),
    distribution=lambda mu, sigma, nu: _stats().t(nu, mu, sigma),
    estimate=_estimate_student_t,
)
LOGNORMAL = Family(
    name="lognormal",
    number=3,
    program="continuous",
    parameters=(
        Parameter("meanlog", REAL, "mean of the logs", _location_of_logs, sharing="never"),
        Parameter("sdlog", POSITIVE, "standard deviation of the logs", _scale_of_logs),
    ),
    distribution=lambda meanlog, sdlog: _stats().lognorm(sdlog, scale=np.exp(meanlog)),
    estimate=_estimate_lognormal,
    positive=True,
)
GAMMA = Family(
    name="gamma",
    number=4,
    program="continuous",
    parameters=(
        Parameter(
            "mean",
            POSITIVE,
            "mean",
            lambda noticed, components, shared: Prior("lognormal", (float(np.log(noticed["mean"])), 1.0)),
            sharing="never",
        ),
        Parameter("cv", POSITIVE, "coefficient of variation", _scale_of_logs),
    ),
    distribution=lambda mean, cv: _stats().gamma(1 / np.square(cv), scale=mean * np.square(cv)),
    estimate=_estimate_gamma,
    positive=True,
)
SKEW_NORMAL = Family(
    name="skew_normal",
    number=5,
    program="continuous",
    parameters=(
        Parameter("mean", REAL, "mean", _location, sharing="never"),
        Parameter("sd", POSITIVE, "standard deviation", _scale),
        Parameter("slant", REAL, "slant", lambda noticed, components, shared: Prior("normal", (0.0, 2.5))),
    ),
    distribution=_skew_normal,
    estimate=_estimate_skew_normal,
)

FAMILIES = {family.name: family for family in (NORMAL, STUDENT_T, LOGNORMAL, GAMMA, SKEW_NORMAL)}
