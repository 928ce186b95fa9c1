"""The families: for each its parameters, distribution, default priors and the estimates that EM and starts need."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stanmix.families import counted, multivariate_normal, transforms
from stanmix.families.family import (
    CONTINUOUS,
    LINKS,
    MULTIVARIATE,
    NODES,
    SEEN,
    WEIGHTS,
    WHOLE,
    Family,
    Parameter,
    rate,
    share,
    to_link,
)
from stanmix.families.priors import ABOVE_ONE, CORRELATION, POSITIVE, REAL, UNIT, Prior

if TYPE_CHECKING:
    from stanmix.families.transforms import Transformed

# Of an estimate: chains must not start on the plateau where it does not matter, nor where an outlier alone puts it.
SMALLEST_DISPERSION, LARGEST_DISPERSION = 0.05, 3.0
# Of the log of an exponential variable: its standard deviation, its median, and how far that lies above its mean.
LOG_EXPONENTIAL_SD = float(np.pi / np.sqrt(6))
LOG_LOG_TWO = float(np.log(np.log(2)))
LOG_MEDIAN_ABOVE_MEAN = float(np.euler_gamma + LOG_LOG_TWO)


def _moments(y, shares, mean=None):
    """Weighted mean and standard deviation of each component's share, the mean given if known."""
    size = shares.sum(axis=0)
    mean = shares.T @ y / size if mean is None else mean
    return mean, np.sqrt((shares * (y[:, None] - mean) ** 2).sum(axis=0) / size)


def _estimate_normal(points, shares, known):
    mu, sigma = _moments(points.y, shares, known.get("mu"))
    return {"mu": mu, "sigma": sigma} | known


def _estimate_student_t(points, shares, known):
    mu, sd = _moments(points.y, shares, known.get("mu"))
    nu = known.get("nu", np.full(len(sd), 10.0))
    return {"mu": mu, "sigma": sd * np.sqrt(1 - 2 / np.maximum(nu, 3)), "nu": nu} | known


def _estimate_lognormal(points, shares, known):
    meanlog, sdlog = _moments(points.logs, shares, known.get("meanlog"))
    return {"meanlog": meanlog, "sdlog": sdlog} | known


def _estimate_gamma(points, shares, known):
    mean, sd = _moments(points.y, shares, known.get("mean"))
    # Logs of gamma values spread wider than their cv: one above that is the work of a few outliers.
    _, spread = _moments(points.logs, shares, np.log(mean))
    return {"mean": mean, "cv": np.minimum(sd / mean, spread)} | known


def _estimate_weibull(points, shares, known):
    # Of a power of an exponential variable: mean and standard deviation of its log are known multiples of 1/shape.
    if "median" in known:
        _, spread = _moments(points.logs, shares, np.log(known["median"]))
        of_one = np.hypot(LOG_EXPONENTIAL_SD, LOG_MEDIAN_ABOVE_MEAN)
    else:
        mean, spread = _moments(points.logs, shares)
        of_one = LOG_EXPONENTIAL_SD
    shape = known.get("shape", of_one / np.maximum(spread, np.finfo(float).tiny))
    median = known["median"] if "median" in known else np.exp(mean + LOG_MEDIAN_ABOVE_MEAN / shape)
    return {"median": median, "shape": shape}


def _estimate_skew_normal(points, shares, known):
    mean, sd = _moments(points.y, shares, known.get("mean"))
    return {"mean": mean, "sd": sd, "slant": np.zeros(len(sd))} | known


def _ratio(points, shares, most=np.inf):
    """Events per size of each component, at least a tenth of an event away from the ends 0 and `most`."""
    least = 0.1 / (shares.sum(axis=1) @ points.size)
    return np.clip(shares.T @ points.y / (shares.T @ points.size), least, most - least)


def _estimate_poisson(points, shares, known):
    return {"rate": _ratio(points, shares)} | known


def _estimate_negative_binomial(points, shares, known):
    mean = known.get("mean", _ratio(points, shares))
    expected = points.size[:, None] * mean
    beyond = (shares * ((points.y[:, None] - expected) ** 2 - expected)).sum(axis=0)
    square = beyond / (shares * expected**2).sum(axis=0)
    return {"mean": mean, "dispersion": np.sqrt(np.clip(square, SMALLEST_DISPERSION**2, LARGEST_DISPERSION**2))} | known


def _estimate_binomial(points, shares, known):
    return {"p": _ratio(points, shares, most=1)} | known


def _estimate_beta_binomial(points, shares, known):
    p = known.get("p", _ratio(points, shares, most=1))
    trials = points.size[:, None]
    within = p * (1 - p)
    beyond = (shares * ((points.y[:, None] - trials * p) ** 2 - trials * within)).sum(axis=0)
    possible = (shares * trials * (trials - 1)).sum(axis=0) * within
    correlation = np.clip(beyond / np.where(possible > 0, possible, np.inf), 0, 0.9)
    dispersion = np.sqrt(np.maximum(correlation / (1 - correlation), SMALLEST_DISPERSION**2))
    return {"p": p, "dispersion": dispersion} | known


def _stats():
    from scipy import stats  # costs 0.7 s, which jobs that only read the table of parameters need not pay

    return stats


class _Normal:
    """The normal distribution by SciPy's special functions: its frozen one takes several times as long."""

    def __init__(self, mu, sigma):
        self.mu, self.sigma = mu, sigma

    def _standard(self, y):
        return (y - self.mu) / self.sigma

    def mean(self) -> np.ndarray:
        return self.mu

    def var(self) -> np.ndarray:
        return np.square(self.sigma)

    def rvs(self, size: tuple[int, ...], random_state: np.random.Generator) -> np.ndarray:
        return self.mu + self.sigma * random_state.standard_normal(size)

    def logpdf(self, y: np.ndarray) -> np.ndarray:
        return -0.5 * self._standard(y) ** 2 - (np.log(self.sigma) + 0.5 * np.log(2 * np.pi))

    def cdf(self, y: np.ndarray) -> np.ndarray:
        from scipy.special import ndtr

        return ndtr(self._standard(y))

    def logcdf(self, y: np.ndarray) -> np.ndarray:
        from scipy.special import log_ndtr

        return log_ndtr(self._standard(y))

    def logsf(self, y: np.ndarray) -> np.ndarray:
        from scipy.special import log_ndtr

        return log_ndtr(-self._standard(y))


class _Weibull:
    """The Weibull distribution by the log of its hazard: SciPy's overflows far out and loses the lower tail."""

    MOST = 700.0  # of that log: beyond, the hazard is larger than any double

    def __init__(self, median, shape):
        self.median, self.shape = median, shape

    def _log_hazard(self, y):
        with np.errstate(divide="ignore"):  # of 0 and below, where nothing lies
            power = self.shape * (np.log(np.maximum(y, 0)) - np.log(self.median))
        return np.minimum(power + LOG_LOG_TWO, self.MOST)

    def _moment(self, power):
        from scipy.special import gamma

        return np.exp(power * (np.log(self.median) - LOG_LOG_TWO / self.shape)) * gamma(1 + power / self.shape)

    def mean(self) -> np.ndarray:
        return self._moment(1)

    def var(self) -> np.ndarray:
        second = self._moment(2)
        with np.errstate(invalid="ignore"):
            return np.where(np.isfinite(second), second - self._moment(1) ** 2, np.inf)

    def rvs(self, size: tuple[int, ...], random_state: np.random.Generator) -> np.ndarray:
        return self.median * (random_state.standard_exponential(size) / np.log(2)) ** (1 / self.shape)

    def logpdf(self, y: np.ndarray) -> np.ndarray:
        logs = self._log_hazard(y)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(y > 0, logs + np.log(self.shape) - np.log(np.maximum(y, 0)) - np.exp(logs), -np.inf)

    def cdf(self, y: np.ndarray) -> np.ndarray:
        return -np.expm1(-np.exp(self._log_hazard(y)))

    def logcdf(self, y: np.ndarray) -> np.ndarray:
        logs = self._log_hazard(y)
        with np.errstate(divide="ignore"):
            return np.where(logs < -36, logs, np.log(-np.expm1(-np.exp(logs))))

    def logsf(self, y: np.ndarray) -> np.ndarray:
        return -np.exp(self._log_hazard(y))


class _SkewNormal:
    """SciPy's skew normal distribution, but for tails: its own are slow, and noise in the light one."""

    SMALL = -12.0  # log probability below which the difference of the closed form loses too many digits

    def __init__(self, slant, xi, omega):
        self.slant, self.xi, self.omega = slant, xi, omega
        frozen = _stats().skewnorm(slant, xi, omega)
        self.mean, self.var, self.rvs, self.logpdf = frozen.mean, frozen.var, frozen.rvs, frozen.logpdf

    def _standard(self, y, sign):
        return np.broadcast_arrays(sign * (np.asarray(y) - self.xi) / self.omega, sign * np.asarray(self.slant))

    def cdf(self, y: np.ndarray) -> np.ndarray:
        from scipy.special import ndtr, owens_t

        z, slant = self._standard(y, 1)
        return np.clip(ndtr(z) - 2 * owens_t(z, slant), 0, 1)

    def logcdf(self, y: np.ndarray) -> np.ndarray:
        return _log_skew_normal_cdf(*self._standard(y, 1), self.SMALL)

    def logsf(self, y: np.ndarray) -> np.ndarray:
        return _log_skew_normal_cdf(*self._standard(y, -1), self.SMALL)  # its mirror image


def _log_skew_normal_cdf(z, slant, small):
    from scipy.special import erfcx, log_ndtr, ndtr, owens_t

    with np.errstate(divide="ignore", invalid="ignore"):
        # Of the normal probability below z a share of 1 - 2 T / Phi; half of it is 2 T when both are too small.
        share = 1 - 2 * owens_t(z, slant) / ndtr(z)
        found = np.asarray(log_ndtr(z) + np.where(ndtr(z) > 0, np.log(np.maximum(share, 0)), np.log(2.0)))
    light = (slant > 0) & ~(found > small)
    if light.any():
        z, slant = z[light][..., None], slant[light][..., None]
        # The density is log-concave: 40 times the distance over which it falls at z holds all that counts.
        steepness = slant * np.sqrt(2 / np.pi) / erfcx(-slant * z / np.sqrt(2)) - z
        x = z - 40 / steepness * NODES
        logs = np.log(2) - 0.5 * x**2 - 0.5 * np.log(2 * np.pi) + log_ndtr(slant * x)
        most = logs.max(axis=-1, keepdims=True)
        found[light] = (most + np.log(np.exp(logs - most) @ WEIGHTS[:, None] * 40 / steepness))[..., 0]
    return np.minimum(found, 0)


def _skew_normal(mean, sd, slant, size):
    delta = slant / np.sqrt(1 + np.square(slant))
    omega = sd / np.sqrt(1 - 2 * delta**2 / np.pi)
    return _SkewNormal(slant, mean - omega * delta * np.sqrt(2 / np.pi), omega)


def _location(noticed, components, shared):
    return Prior("normal", (noticed["median"], noticed["range"] / 2))


def _location_of_logs(noticed, components, shared):
    return Prior("normal", (noticed["log"]["median"], noticed["log"]["range"] / 2))


def _scale(noticed, components, shared):
    return _scale_of(noticed["sd"], noticed["step"], components, shared)


def _scale_of_logs(noticed, components, shared):
    step = noticed["step"] and noticed["step"] / noticed["maximum"]
    return _scale_of(noticed["log"]["sd"], step, components, shared)


def _scale_of(sd, step, components, shared):
    # One for each component must vanish at 0, where it could collapse onto equal values (Day 1969). Where values are
    # rounded and taken as exact that is not enough: many equal ones outweigh it, and nothing narrower can be seen.
    if shared:
        return Prior("normal", (0.0, sd), lower=0.0)
    return Prior("lognormal", (float(np.log(sd / components)), 0.7), lower=step and float(SEEN * step))


def _shape(noticed, components, shared):
    # In the middle of the prior components are as wide as those of other families, and what cuts their scales from
    # below cuts the shape from above. That is about 1 to 2 for lifetimes, whose logs have an sd near 1; but sizes may
    # lie so close together that a shape of 40 must not be far out.
    width = _scale_of_logs(noticed, components, shared=False)
    middle = float(np.log(LOG_EXPONENTIAL_SD)) - width.arguments[0]
    upper = LOG_EXPONENTIAL_SD / width.lower if width.lower and not shared else None
    return Prior("lognormal", (middle, width.arguments[1]), upper=upper)


def _rate(noticed, components, shared):
    return Prior("lognormal", (float(np.log(rate(noticed))), 1.5))


def _share(noticed, components, shared):
    return Prior("logit_normal", (float(to_link(share(noticed), LINKS[UNIT])), 1.5))


def _dispersion(noticed, components, shared):
    return Prior("normal", (0.0, 1.0), lower=0.0)  # away from the plateau without overdispersion (Simpson et al. 2017)


NORMAL = Family(
    name="normal",
    number=1,
    program="univariate",
    kind=CONTINUOUS,
    parameters=(
        Parameter("mu", "location", REAL, "mean", _location, sharing="never"),
        Parameter("sigma", "scale", POSITIVE, "standard deviation", _scale),
    ),
    distribution=lambda mu, sigma, size: _Normal(mu, sigma),
    estimate=_estimate_normal,
    about="symmetric groups; each has a mean and a standard deviation",
)
STUDENT_T = Family(
    name="student_t",
    number=2,
    program="univariate",
    kind=CONTINUOUS,
    parameters=(
        Parameter("mu", "location", REAL, "location", _location, sharing="never"),
        Parameter("sigma", "scale", POSITIVE, "scale, smaller than the standard deviation", _scale),
        Parameter(
            "nu",
            "shape",
            ABOVE_ONE,
            "degrees of freedom",
            lambda noticed, components, shared: Prior("gamma", (2.0, 0.1), lower=1.0),  # Juarez & Steel (2010)
            sharing="unless own",
        ),
    ),
    distribution=lambda mu, sigma, nu, size: _stats().t(nu, mu, sigma),
    estimate=_estimate_student_t,
    about="as normal, with heavier tails: for groups with some far values",
)
LOGNORMAL = Family(
    name="lognormal",
    number=3,
    program="univariate",
    kind=CONTINUOUS,
    parameters=(
        Parameter("meanlog", "location", REAL, "mean of the logs", _location_of_logs, sharing="never"),
        Parameter("sdlog", "scale", POSITIVE, "standard deviation of the logs", _scale_of_logs),
    ),
    distribution=lambda meanlog, sdlog, size: _stats().lognorm(sdlog, scale=np.exp(meanlog)),
    estimate=_estimate_lognormal,
    positive=True,
    centre=np.exp,
    about="positive values whose logarithms are normal: groups that are skewed to the right",
)
WEIBULL = Family(
    name="weibull",
    number=10,
    program="univariate",
    kind=CONTINUOUS,
    parameters=(
        Parameter(
            "median",
            "location",
            POSITIVE,
            "median",
            lambda noticed, components, shared: Prior("lognormal", (noticed["log"]["median"], 1.0)),
            sharing="never",
        ),
        Parameter("shape", "scale", POSITIVE, "shape", _shape),
    ),
    distribution=lambda median, shape, size: _Weibull(median, shape),
    estimate=_estimate_weibull,
    positive=True,
    about="times until something happens, at a risk that rises (shape above 1) or falls: skewed to the left if narrow",
    shape_of_one=LOG_EXPONENTIAL_SD,
)
GAMMA = Family(
    name="gamma",
    number=4,
    program="univariate",
    kind=CONTINUOUS,
    parameters=(
        Parameter(
            "mean",
            "location",
            POSITIVE,
            "mean",
            lambda noticed, components, shared: Prior("lognormal", (float(np.log(noticed["mean"])), 1.0)),
            sharing="never",
        ),
        Parameter("cv", "scale", POSITIVE, "coefficient of variation", _scale_of_logs),
    ),
    distribution=lambda mean, cv, size: _stats().gamma(1 / np.square(cv), scale=mean * np.square(cv)),
    estimate=_estimate_gamma,
    positive=True,
    about="positive values with a lighter tail than lognormal",
)
SKEW_NORMAL = Family(
    name="skew_normal",
    number=5,
    program="univariate",
    kind=CONTINUOUS,
    parameters=(
        Parameter("mean", "location", REAL, "mean", _location, sharing="never"),
        Parameter("sd", "scale", POSITIVE, "standard deviation", _scale),
        Parameter("slant", "shape", REAL, "slant", lambda noticed, components, shared: Prior("normal", (0.0, 2.5))),
    ),
    distribution=_skew_normal,
    estimate=_estimate_skew_normal,
    about="as normal, with groups that lean to one side",
)

ZERO = Parameter(
    "zero",
    "zero",
    UNIT,
    "weight of extra zeros",
    lambda noticed, components, shared: Prior("beta", (1.0, 1.0)),
    sharing="always",
)
RATE = Parameter("rate", "location", POSITIVE, "events per exposure, or per observation", _rate, sharing="never")
COUNT_MEAN = Parameter("mean", "location", POSITIVE, "mean per exposure, or per observation", _rate, sharing="never")
PROBABILITY = Parameter("p", "location", UNIT, "probability of success", _share, sharing="never")
OVER_POISSON = Parameter("dispersion", "scale", POSITIVE, "1/sqrt(phi), 0 for Poisson", _dispersion, "unless own")
OVER_BINOMIAL = Parameter("dispersion", "scale", POSITIVE, "1/sqrt(kappa), 0 for binomial", _dispersion, "unless own")


def _whole(size):
    """Trials as integers, which SciPy's generators want."""
    return np.asarray(size).astype(int)


POISSON = Family(
    name="poisson",
    number=6,
    program="univariate",
    kind=WHOLE,
    parameters=(RATE,),
    distribution=lambda rate, size: counted.Poisson(rate * size),
    estimate=_estimate_poisson,
    takes="exposure",
    about="counts; each group has a rate",
)
NEGATIVE_BINOMIAL = Family(
    name="negative_binomial",
    number=7,
    program="univariate",
    kind=WHOLE,
    parameters=(COUNT_MEAN, OVER_POISSON),
    distribution=lambda mean, dispersion, size: counted.NegativeBinomial(mean * size, 1 / np.square(dispersion)),
    estimate=_estimate_negative_binomial,
    takes="exposure",
    about="counts that vary more than Poisson ones within a group",
)
BINOMIAL = Family(
    name="binomial",
    number=8,
    program="univariate",
    kind=WHOLE,
    parameters=(PROBABILITY,),
    distribution=lambda p, size: counted.Binomial(_whole(size), p),
    estimate=_estimate_binomial,
    takes="trials",
    about="successes of trials; each group has a probability",
)
BETA_BINOMIAL = Family(
    name="beta_binomial",
    number=9,
    program="univariate",
    kind=WHOLE,
    parameters=(PROBABILITY, OVER_BINOMIAL),
    distribution=lambda p, dispersion, size: counted.BetaBinomial(_whole(size), p, 1 / np.square(dispersion)),
    estimate=_estimate_beta_binomial,
    takes="trials",
    about="successes of trials whose probability varies within a group",
)

# The location and the scale have priors for each column, which they are given one after the other.
MULTIVARIATE_NORMAL = multivariate_normal.MultivariateNormal(
    name="multivariate_normal",
    number=1,
    program="multivariate",
    kind=MULTIVARIATE,
    parameters=(
        Parameter("mu", "mu", REAL, "mean", _location, sharing="never"),
        Parameter("sigma", "sigma", POSITIVE, "standard deviation", _scale),
        Parameter(
            "correlation",
            "correlation",
            CORRELATION,
            "correlations",
            lambda noticed, components, shared: Prior("lkj", (2.0,)),
        ),
    ),
    distribution=None,
    estimate=multivariate_normal.estimate,
    about="groups in several columns at once, with correlations within",
)


def _zero_inflated(family, about):
    """The same family with extra zeros beside its components."""
    name = f"zero_inflated_{family.name}"
    return replace(family, name=name, parameters=(*family.parameters, ZERO), about=about)


class _Families(dict):
    """Families by their names; that of a transformed one, such as ``normal of log(y)``, says how it is made."""

    def __missing__(self, name):
        found = transforms.read_name(name)
        if found is None:
            raise KeyError(name)
        base, scales = found
        return transforms.transformed(self[base], scales)


FAMILIES = _Families(
    (family.name, family)
    for family in (
        NORMAL,
        STUDENT_T,
        LOGNORMAL,
        GAMMA,
        WEIBULL,
        SKEW_NORMAL,
        POISSON,
        NEGATIVE_BINOMIAL,
        _zero_inflated(POISSON, "Poisson counts, and zeros beyond those"),
        _zero_inflated(NEGATIVE_BINOMIAL, "negative binomial counts, and zeros beyond those"),
        BINOMIAL,
        BETA_BINOMIAL,
        MULTIVARIATE_NORMAL,
    )
)


def family_of(model: dict, columns: list[str] | None = None) -> Family | Transformed:
    """The family of a model of the configuration, transformed where the model says so.

    Parameters
    ----------
    model : dict
        Its entry in the checked configuration.
    columns : list of str, optional
        The names of the columns of the data where there are several.

    Returns
    -------
    Family or transforms.Transformed
    """
    family, scales = FAMILIES[model["family"]], transforms.scales_of(model, columns)
    return family if scales is None else transforms.transformed(family, scales)
