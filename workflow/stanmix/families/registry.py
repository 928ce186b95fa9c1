"""The families: for each its parameters, distribution, default priors and the estimates that EM and starts need."""

from dataclasses import replace

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

# Of an estimate: chains must not start on the plateau where it does not matter, nor where an outlier alone puts it.
SMALLEST_DISPERSION, LARGEST_DISPERSION = 0.05, 3.0


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

    def mean(self):
        return self.mu

    def var(self):
        return np.square(self.sigma)

    def rvs(self, size, random_state):
        return self.mu + self.sigma * random_state.standard_normal(size)

    def logpdf(self, y):
        return -0.5 * self._standard(y) ** 2 - (np.log(self.sigma) + 0.5 * np.log(2 * np.pi))

    def cdf(self, y):
        from scipy.special import ndtr

        return ndtr(self._standard(y))

    def logcdf(self, y):
        from scipy.special import log_ndtr

        return log_ndtr(self._standard(y))

    def logsf(self, y):
        from scipy.special import log_ndtr

        return log_ndtr(-self._standard(y))


class _SkewNormal:
    """SciPy's skew normal distribution, but for tails: its own are slow, and noise in the light one."""

    SMALL = -12.0  # log probability below which the difference of the closed form loses too many digits

    def __init__(self, slant, xi, omega):
        self.slant, self.xi, self.omega = slant, xi, omega
        frozen = _stats().skewnorm(slant, xi, omega)
        self.mean, self.var, self.rvs, self.logpdf = frozen.mean, frozen.var, frozen.rvs, frozen.logpdf

    def _standard(self, y, sign):
        return np.broadcast_arrays(sign * (np.asarray(y) - self.xi) / self.omega, sign * np.asarray(self.slant))

    def cdf(self, y):
        from scipy.special import ndtr, owens_t

        z, slant = self._standard(y, 1)
        return np.clip(ndtr(z) - 2 * owens_t(z, slant), 0, 1)

    def logcdf(self, y):
        return _log_skew_normal_cdf(*self._standard(y, 1), self.SMALL)

    def logsf(self, y):
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
)


def _zero_inflated(family):
    """The same family with extra zeros beside its components."""
    return replace(family, name=f"zero_inflated_{family.name}", parameters=(*family.parameters, ZERO))


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
        SKEW_NORMAL,
        POISSON,
        NEGATIVE_BINOMIAL,
        _zero_inflated(POISSON),
        _zero_inflated(NEGATIVE_BINOMIAL),
        BINOMIAL,
        BETA_BINOMIAL,
        MULTIVARIATE_NORMAL,
    )
)


def family_of(model, columns=None):
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
