"""Prior distributions: read as Stan writes them, handed to the programs as numbers, evaluated by SciPy."""

import ast
import functools
import math
from dataclasses import dataclass

import numpy as np

from stanmix.base.text import LARGEST, SMALLEST

REAL, POSITIVE, ABOVE_ONE, UNIT = "real", "positive", "above 1", "between 0 and 1"
CORRELATION = "correlation matrix"
ENDS = {REAL: None, POSITIVE: 0.0, ABOVE_ONE: 1.0, UNIT: 0.0}  # where the parameters of each support begin
LONGEST = 10_000  # letters of a prior; a list for 100 components has fewer
PROGRAM_ARGUMENTS = 3  # columns of the table of arguments that the Stan programs read


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
}
ALLOWED = {REAL: (REAL,), POSITIVE: (REAL, POSITIVE), ABOVE_ONE: (REAL, POSITIVE), UNIT: (UNIT,)}


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
        Where the distribution is cut: at the end of the parameter's support if that is inside its own, or above it.
    """

    distribution: str
    arguments: tuple
    lower: float | None = None

    @property
    def number(self):
        """The distribution's number in the Stan programs."""
        return DISTRIBUTIONS[self.distribution].number

    @property
    def padded_arguments(self):
        """The arguments as one row of the table that the Stan programs read (list of float)."""
        return list(self.arguments) + [0.0] * (PROGRAM_ARGUMENTS - len(self.arguments))

    @property
    def has_location(self):
        """Whether the argument before the last says where the bulk of the distribution is."""
        if self.distribution == "lkj":
            return False
        return "location" in DISTRIBUTIONS[self.distribution].arguments or self.distribution == "lognormal"

    @property
    def power_at_zero(self):
        """The power of the parameter by which the density vanishes at 0: infinite if faster than any or cut above."""
        if self.distribution in ("lognormal", "inv_gamma") or self.lower:
            return math.inf
        return self.arguments[0] - 1 if self.distribution == "gamma" else 0.0

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
        distribution = self.frozen
        cut = 0.0 if self.lower is None else distribution.logsf(self.lower)
        return distribution.logpdf(x) - cut

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
        distribution = self.frozen
        above = 1.0 if self.lower is None else distribution.sf(self.lower)
        return distribution.isf(above * (1 - probability))

    def probability(self, x):
        """The probability below x of the distribution as it is cut, with the shape of `x`."""
        distribution = self.frozen
        if self.lower is None:
            return distribution.cdf(x)
        return 1 - distribution.sf(x) / distribution.sf(self.lower)

    def as_dict(self):
        """The prior as plain values for a JSON file."""
        return {"distribution": self.distribution, "arguments": list(self.arguments), "lower": self.lower}


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

    def cdf(self, x):
        return self._normal.cdf(self._logit(x))


def parse(text, support, count):
    """Read a prior as Stan writes it, such as ``normal([10, 20, 35], 2)`` or ``lognormal(0, 1) T[0.5, ]``.

    Parameters
    ----------
    text : str
        Distribution and arguments; each argument is a number, or a list with one number per component. For a positive
        parameter it may be cut from below as in Stan.
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
    text, floor = _without_floor(text)
    name, arguments = _call(text)
    allowed = {key: d for key, d in DISTRIBUTIONS.items() if d.support in ALLOWED[support]}
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
    end = ENDS[support]
    lower = None if end is None or (end <= 0 and distribution.support != REAL) else end
    if floor is not None:
        _refuse_extreme(floor)
        if support != POSITIVE or floor <= 0:
            raise ValueError("only a positive parameter can be cut from below by T[number, ], at a number above 0")
        lower = floor
    return [Prior(name, tuple(row), lower) for row in zip(*columns, strict=True)]


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


def _without_floor(text):
    """Split ``lognormal(0, 1) T[0.5, ]`` into the distribution and the number where it is cut, or None."""
    call, closing, cut = text.rpartition(")")
    cut = cut.strip()
    if not closing or not cut:
        return text, None
    inside = cut[1:].strip()  # no regular expression, whose time would grow with a power of the blanks
    lower, comma, upper = inside[1:-1].partition(",")
    if cut[0] != "T" or inside[:1] != "[" or inside[-1:] != "]" or not comma or upper.strip():
        return text, None
    try:
        floor = float(lower)
    except ValueError:
        floor = math.nan
    if not math.isfinite(floor):
        raise ValueError(f"a prior is cut from below as in lognormal(0, 1) T[0.5, ], not at {lower.strip()!r}")
    return call + closing, floor


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
