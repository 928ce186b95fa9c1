"""Prior distributions: read as Stan writes them, handed to the programs as numbers, evaluated by SciPy."""

import ast
import functools
import math
from dataclasses import dataclass

import numpy as np

from stanmix.base.text import LARGEST, SMALLEST

REAL, POSITIVE, ABOVE_ONE, UNIT = "real", "positive", "above 1", "between 0 and 1"
CORRELATION = "correlation matrix"
# Where the parameters of each support begin and end.
ENDS = {
    REAL: (-math.inf, math.inf),
    POSITIVE: (0.0, math.inf),
    ABOVE_ONE: (1.0, math.inf),
    UNIT: (0.0, 1.0),
    CORRELATION: (-1.0, 1.0),
}
LONGEST = 10_000  # letters of a prior; a list for 100 components has fewer
PROGRAM_ARGUMENTS = 3  # of a distribution, in the table of arguments that the Stan programs read
FAR = 2.33  # standard deviations above which 1% of a normal distribution lies
LEAST = 1e-12  # probability that a cut must leave of a distribution


@dataclass(frozen=True)
class Distribution:
    """One distribution a prior may have.

    Attributes
    ----------
    number : int
        Its number in stan/functions/priors.stanfunctions.
    arguments : tuple of str
        Names of its arguments in Stan's order.
    positive_arguments : tuple of str
        Those that must be greater than 0.
    support : {"real", "positive", "between 0 and 1"}
        A real distribution may stand on a positive parameter (it is cut at 0), not the other way round.
    """

    number: int
    arguments: tuple
    positive_arguments: tuple
    support: str


DISTRIBUTIONS = {
    "normal": Distribution(1, ("location", "scale"), ("scale",), REAL),
    "student_t": Distribution(2, ("df", "location", "scale"), ("df", "scale"), REAL),
    "cauchy": Distribution(3, ("location", "scale"), ("scale",), REAL),
    "lognormal": Distribution(4, ("meanlog", "sdlog"), ("sdlog",), POSITIVE),
    "gamma": Distribution(5, ("shape", "rate"), ("shape", "rate"), POSITIVE),
    "inv_gamma": Distribution(6, ("shape", "scale"), ("shape", "scale"), POSITIVE),
    "exponential": Distribution(7, ("rate",), ("rate",), POSITIVE),
    "beta": Distribution(8, ("a", "b"), ("a", "b"), UNIT),
    "logit_normal": Distribution(9, ("location", "scale"), ("scale",), UNIT),
    "uniform": Distribution(10, ("a", "b"), (), REAL),
}
ALLOWED = {REAL: (REAL,), POSITIVE: (REAL, POSITIVE), ABOVE_ONE: (REAL, POSITIVE), UNIT: (UNIT,)}
EVERYWHERE = ("uniform",)  # allowed on every support that it lies in


@dataclass(frozen=True)
class Prior:
    """The prior of one scalar parameter.

    Attributes
    ----------
    distribution : str
        A key of `DISTRIBUTIONS`, or lkj for a correlation matrix.
    arguments : tuple of float
        In Stan's order.
    lower : float or None
        Where the distribution is cut from below: at the end of the parameter's support if that is inside its own, or
        above it.
    upper : float or None
        Where it is cut from above.
    """

    distribution: str
    arguments: tuple
    lower: float | None = None
    upper: float | None = None

    @property
    def number(self):
        """The distribution's number in the Stan programs."""
        return DISTRIBUTIONS[self.distribution].number

    @property
    def padded_arguments(self):
        """The arguments, and the log of what a cut leaves, as one row of the table that the Stan programs read."""
        return [*self.arguments, *[0.0] * (PROGRAM_ARGUMENTS - len(self.arguments)), self.log_left]

    @property
    def ends(self):
        """Between which two numbers the distribution lies, as it is cut; infinite where nothing bounds it."""
        low, high = self.arguments if self.distribution == "uniform" else ENDS[self._support]
        if self.lower is not None:
            low = max(low, self.lower)
        return low, high if self.upper is None else min(high, self.upper)

    @property
    def _support(self):
        return CORRELATION if self.distribution == "lkj" else DISTRIBUTIONS[self.distribution].support

    @functools.cached_property
    def log_left(self):
        """The log of the probability of the distribution that is left where it is cut; 0 if it is not cut."""
        if self.lower is None and self.upper is None:
            return 0.0
        if self.upper is None:
            return float(self.frozen.logsf(self.lower))
        if self.lower is None:
            return float(self.frozen.logcdf(self.upper))
        below, above = self._tails
        return math.log(above - below) if above > below else -math.inf

    @functools.cached_property
    def _tails(self):
        """Probabilities at both cuts, of the lighter tail: below the cuts if most lies above them, else minus above."""
        low, high = (end if end is not None else side * math.inf for end, side in ((self.lower, -1), (self.upper, 1)))
        if self._from_below:
            return self.frozen.cdf(low), self.frozen.cdf(high)
        return -self.frozen.sf(low), -self.frozen.sf(high)

    @functools.cached_property
    def _from_below(self):
        return self.upper is not None and bool(self.frozen.cdf(self.upper) < 0.5)

    @property
    def has_location(self):
        """Whether the argument before the last says where the bulk of the distribution is."""
        if self.distribution == "lkj":
            return False
        return "location" in DISTRIBUTIONS[self.distribution].arguments or self.distribution == "lognormal"

    @property
    def centre(self):
        """About where the bulk of the distribution is, as far as its arguments say so; None otherwise."""
        if self.distribution == "uniform":
            return sum(self.arguments) / 2
        return self.arguments[-2] if self.has_location else None

    @property
    def power_at_zero(self):
        """The power of the parameter by which the density vanishes at 0: infinite if faster than any or cut above."""
        if self.distribution in ("lognormal", "inv_gamma") or self.ends[0] > 0:
            return math.inf
        return self.arguments[0] - 1 if self.distribution == "gamma" else 0.0

    @property
    def power_at_infinity(self):
        """The power of the inverse of a positive parameter by which the density of that vanishes at 0, as there."""
        if self.ends[1] < math.inf:
            return math.inf
        first = self.arguments[0]
        return {"student_t": first - 1, "cauchy": 0.0, "inv_gamma": first - 1}.get(self.distribution, math.inf)

    @property
    def frozen(self):
        """The distribution as a frozen SciPy one, not cut."""
        return _frozen(self.distribution, self.arguments)

    def logpdf(self, x):
        """Normalised log density.

        Parameters
        ----------
        x : array_like
            Values of the parameter, inside its support.

        Returns
        -------
        numpy.ndarray
            The log density at each of them.
        """
        return self.frozen.logpdf(x) - self.log_left

    def quantile(self, probability):
        """The value below which that probability lies, of the distribution as it is cut.

        Parameters
        ----------
        probability : array_like
            From 0 to 1.

        Returns
        -------
        numpy.ndarray
        """
        if self.lower is None and self.upper is None:
            return self.frozen.isf(1 - np.asarray(probability))
        below, above = self._tails
        if self._from_below:
            found = self.frozen.ppf(below + (above - below) * np.asarray(probability))
        else:
            found = self.frozen.isf(-above + (above - below) * (1 - np.asarray(probability)))
        return np.clip(found, *self.ends)

    def probability(self, x):
        """The probability below x of the distribution as it is cut, with the shape of `x`."""
        if self.lower is None and self.upper is None:
            return self.frozen.cdf(x)
        below, above = self._tails
        here = self.frozen.cdf(x) if self._from_below else -self.frozen.sf(x)
        return np.clip((here - below) / (above - below), 0, 1)

    def as_dict(self) -> dict:
        """The prior as plain values for a JSON file."""
        said = {"distribution": self.distribution, "arguments": list(self.arguments)}
        return said | {"lower": self.lower, "upper": self.upper}

    @classmethod
    def of(cls, said: dict) -> "Prior":
        """From what `as_dict` gave."""
        return cls(**{**said, "arguments": tuple(said["arguments"])})


@functools.lru_cache(maxsize=1024)
def _frozen(name, a):
    """A frozen SciPy distribution, made once for each name and its arguments: making it takes longer than most uses."""
    from scipy import stats

    return {
        "normal": lambda: stats.norm(*a),
        "student_t": lambda: stats.t(a[0], a[1], a[2]),
        "cauchy": lambda: stats.cauchy(*a),
        "lognormal": lambda: stats.lognorm(a[1], scale=math.exp(a[0])),
        "gamma": lambda: stats.gamma(a[0], scale=1 / a[1]),
        "inv_gamma": lambda: stats.invgamma(a[0], scale=a[1]),
        "exponential": lambda: stats.expon(scale=1 / a[0]),
        "beta": lambda: stats.beta(*a),
        "logit_normal": lambda: _LogitNormal(*a),
        "uniform": lambda: stats.uniform(a[0], a[1] - a[0]),
    }[name]()


class _LogitNormal:
    """A variable whose logit is normal, as far as a frozen SciPy distribution is needed here."""

    def __init__(self, location, scale):
        from scipy import special, stats

        self._logit, self._expit, self._normal = special.logit, special.expit, stats.norm(location, scale)

    def logpdf(self, x):
        return self._normal.logpdf(self._logit(x)) - np.log(x) - np.log1p(-np.asarray(x))

    def isf(self, probability):
        return self._expit(self._normal.isf(probability))

    def ppf(self, probability):
        return self._expit(self._normal.ppf(probability))

    def cdf(self, x):
        return self._normal.cdf(self._logit(np.clip(x, 0, 1)))

    def sf(self, x):
        return self._normal.sf(self._logit(np.clip(x, 0, 1)))

    def logcdf(self, x):
        return self._normal.logcdf(self._logit(x))

    def logsf(self, x):
        return self._normal.logsf(self._logit(x))


def parse(text, support, count):
    """Read a prior as Stan writes it, such as ``normal([10, 20, 35], 2)`` or ``lognormal(0, 1) T[0.5, 3]``.

    Parameters
    ----------
    text : str
        Distribution and arguments; each argument is a number, or a list with one number per component. It may be cut
        from below, from above or from both sides, as in Stan.
    support : {"real", "positive", "above 1", "between 0 and 1", "correlation matrix"}
        Where the parameter lives.
    count : int
        How many scalar parameters, or correlation matrices, get this prior.

    Returns
    -------
    list of Prior
        One per scalar parameter.

    Raises
    ------
    ValueError
        With a phrase that says what is wrong and what is allowed.
    """
    if support == CORRELATION:
        return _parse_lkj(text, count)
    text, cut = _without_cut(text)
    name, arguments = _call(text)
    allowed = {key: d for key, d in DISTRIBUTIONS.items() if d.support in ALLOWED[support] or key in EVERYWHERE}
    if name not in allowed:
        forms = ", ".join(f"{key}({', '.join(d.arguments)})" for key, d in allowed.items())
        raise ValueError(f"'{name}' is not a prior for a parameter that is {support}; allowed are {forms}")
    distribution = allowed[name]
    if len(arguments) != len(distribution.arguments):
        raise ValueError(
            f"{name} takes {len(distribution.arguments)} arguments ({', '.join(distribution.arguments)}), "
            f"not {len(arguments)}"
        )
    columns = [
        _per_component(f"the {argument} of {name}", value, count)
        for argument, value in zip(distribution.arguments, arguments, strict=True)
    ]
    for argument, column in zip(distribution.arguments, columns, strict=True):
        if argument in distribution.positive_arguments and min(column) <= 0:
            raise ValueError(f"the {argument} of {name} must be greater than 0, not {min(column):g}")
    begin, end = ENDS[support]
    if name == "lognormal" and cut[1] is None:
        _refuse_endless(*columns)
    if name == "uniform":
        _check_uniform(*columns, support)
    inside = name != "uniform" and distribution.support == REAL  # what the support of the parameter cuts
    lower = begin if (inside and begin > -math.inf) or (begin > 0 and name != "uniform") else None
    upper = None
    for number, side in zip(cut, ("below", "above"), strict=True):
        if number is None:
            continue
        _refuse_extreme(number)
        if not begin <= number <= end:
            raise ValueError(f"a parameter that is {support} cannot be cut from {side} at {number:g}")
    if cut[0] is not None and cut[0] > begin:
        lower = cut[0]
    if cut[1] is not None and cut[1] < end:
        upper = cut[1]
    if lower is not None and upper is not None and lower >= upper:
        raise ValueError(f"T[{lower:g}, {upper:g}] leaves nothing; the first number must be less than the second")
    priors = [Prior(name, tuple(row), lower, upper) for row in zip(*columns, strict=True)]
    # What the support alone takes away is little unless most lies below it; asking costs the import of SciPy.
    doubtful = cut != (None, None) or (
        inside and any(prior.has_location and prior.arguments[-2] < 0 for prior in priors)
    )
    for prior in priors if doubtful else ():
        if prior.log_left < math.log(LEAST):
            numbers = ", ".join(f"{value:g}" for value in prior.arguments)
            raise ValueError(
                f"{name}({numbers}) has next to nothing {_where(lower, upper)}: a share of "
                f"{math.exp(prior.log_left):.1g} of it; cut it where it is, or move it"
            )
    return priors


def parse_differences(entry, support, count):
    """Read the prior of ordered locations that says where the first is, and how far others are from the one before.

    Parameters
    ----------
    entry : dict
        first and difference, each a prior as `parse` reads it; a list in difference has a number for each of them.
    support : {"real", "positive"}
        Where the locations live.
    count : int
        How many locations there are.

    Returns
    -------
    list of Prior
        That of the first location, and those of the differences, which are cut at 0 where their distribution is not.

    Raises
    ------
    ValueError
        With a phrase that says what is wrong and what is allowed.
    """
    if set(entry) != {"first", "difference"}:
        raise ValueError("a mapping has first (the prior of the lowest location) and difference (to the next), no more")
    found = []
    for key, of, number in (("first", support, 1), ("difference", POSITIVE, count - 1)):
        try:
            priors = parse(entry[key], of, number) if number else []
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
        for prior in priors:
            if prior.distribution == "uniform" or prior.upper is not None or prior.lower not in (None, 0.0):
                raise ValueError(
                    f"{key} has ends ({entry[key]}), which goes with priors of single locations; take a distribution "
                    "without a cut, such as lognormal or gamma"
                )
        found += priors
    return found


def _refuse_endless(meanlog, sdlog):
    """Raise a ValueError for a lognormal distribution of which much lies beyond what can be computed with."""
    for mean, sd in zip(meanlog, sdlog, strict=True):
        if mean + FAR * sd > math.log(LARGEST):
            raise ValueError(
                f"lognormal({mean:g}, {sd:g}) puts more than 1% of its values beyond {LARGEST:g}, which cannot be "
                "computed with; sdlog is a factor on the scale of logs: 1 means up to 7 times as large or small, 2 up "
                "to 50 times"
            )


def _check_uniform(least, most, support):
    """Raise a ValueError for a uniform distribution without width, or beyond the support of its parameter."""
    for a, b in zip(least, most, strict=True):
        if not a < b:
            raise ValueError(f"uniform({a:g}, {b:g}) has no width; a must be less than b")
        if not ENDS[support][0] <= a or not b <= ENDS[support][1]:
            raise ValueError(f"uniform({a:g}, {b:g}) does not lie where the parameter can be: it is {support}")


def _where(lower, upper):
    """Where a cut leaves a distribution, in words."""
    if upper is None:
        return f"above {lower:g}"
    return f"below {upper:g}" if lower is None else f"between {lower:g} and {upper:g}"


def _parse_lkj(text, count):
    name, arguments = _call(text)
    if name != "lkj" or len(arguments) != 1:
        raise ValueError("correlations take lkj(shape): 1 is flat, larger shapes favour weak correlations")
    shapes = _per_component("the shape of lkj", arguments[0], count)
    if min(shapes) <= 0:
        raise ValueError(f"the shape of lkj must be greater than 0, not {min(shapes):g}")
    return [Prior("lkj", (shape,)) for shape in shapes]


def parse_weights(text, count):
    """Read the prior of the weights: ``dirichlet(1)``, ``dirichlet([2, 5, 10])``, or ``beta(5, 5)`` for two.

    Parameters
    ----------
    text : str
        The prior as Stan writes it.
    count : int
        The number of components.

    Returns
    -------
    list of float
        The concentration of each component.

    Raises
    ------
    ValueError
        With a phrase that says what is wrong and what is allowed.
    """
    name, arguments = _call(text)
    if name == "beta" and len(arguments) == 2 and all(isinstance(a, float) for a in arguments):
        if count != 2:
            raise ValueError(f"beta(a, b) is a prior for the weights of 2 components, not of {count}; use dirichlet")
        concentration = arguments
    elif name == "dirichlet" and len(arguments) == 1:
        concentration = _per_component("the concentration of dirichlet", arguments[0], count)
    else:
        raise ValueError("the weights take dirichlet(concentration), or beta(a, b) when there are 2 components")
    if min(concentration) <= 0:
        raise ValueError(f"the concentration must be greater than 0, not {min(concentration):g}")
    return concentration


def _without_cut(text):
    """Split ``lognormal(0, 1) T[0.5, 3]`` into the distribution and the two numbers where it is cut, None for none."""
    call, closing, cut = text.rpartition(")")
    cut = cut.strip()
    if not closing or not cut:
        return text, (None, None)
    inside = cut[1:].strip()  # no regular expression, whose time would grow with a power of the blanks
    lower, comma, upper = (part.strip() for part in inside[1:-1].partition(","))
    if cut[0] != "T" or inside[:1] != "[" or inside[-1:] != "]" or not comma or not lower + upper:
        return text, (None, None)
    return call + closing, tuple(_cut_at(number) if number else None for number in (lower, upper))


def _cut_at(text):
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"a prior is cut as in lognormal(0, 1) T[0.5, ], T[ , 3] or T[0.5, 3], at numbers, not at {text!r}"
        )
    return number


def _call(text):
    """Split ``name(a, [b, c])`` into the name and its arguments: floats and lists of floats."""
    if len(text) > LONGEST:
        raise ValueError(f"a prior has at most {LONGEST} letters")
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.keywords:
            raise ValueError
        arguments = [ast.literal_eval(argument) for argument in call.args]
        flat = [v for a in arguments for v in (a if isinstance(a, list) else [a])]
        if not all(type(v) in (int, float) for v in flat):
            raise ValueError
        values = [[float(v) for v in a] if isinstance(a, list) else float(a) for a in arguments]
    except (SyntaxError, TypeError, ValueError, OverflowError, RecursionError, MemoryError):
        raise ValueError("a prior is written as in Stan, such as normal(0, 2) or normal([10, 20, 35], 2)") from None
    numbers = [v for value in values for v in (value if isinstance(value, list) else [value])]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("the arguments of a prior must be finite numbers")
    for number in numbers:
        _refuse_extreme(number)
    return call.func.id, values


def _refuse_extreme(number):
    if abs(number) > LARGEST or 0 < abs(number) < SMALLEST:
        raise ValueError(
            f"{number:g} cannot be computed with; numbers are 0 or from {SMALLEST:g} to {LARGEST:g} in size"
        )


def _per_component(what, value, count):
    """Repeat a scalar for every parameter; check the length of a list."""
    values = value if isinstance(value, list) else [value] * count
    if len(values) != count:
        raise ValueError(f"{what} has {len(values)} values, but there {'is' if count == 1 else 'are'} {count} to set")
    return values
