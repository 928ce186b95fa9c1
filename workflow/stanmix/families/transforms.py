"""Models of transformed values: what is done to a value, how it is undone, and what it does to a density.

A transformed family is a family like others, of the values as they are: its density has the Jacobian in it, so that
models of one data set on different scales are compared on the same measure.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from stanmix.base.text import LARGEST, plain
from stanmix.families.family import Family

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stanmix.families.family import Points

TRANSFORMS = ("log", "log10", "logit", "sqrt")
SHIFTED = ("log", "log10", "sqrt")  # those that take a shift
NAME = re.compile(r"(\w+) of (.+)")
TEXT = re.compile(r"(?:(\w+)\()?y(?: ([+-]) ([0-9.e+-]+))?\)?")
TEN = np.log(10.0)
NEAREST = 2.0**-53  # to 0 and 1 that a share may come: a double tells it from both
NODES = np.linspace(-10, 10, 201)  # in the inverse hyperbolic sine of standard deviations: thin steps in the middle


@dataclass(frozen=True)
class Scale:
    """What is done to the values of one column.

    Attributes
    ----------
    name : {"log", "log10", "logit", "sqrt", ""}
        Empty where values are only shifted, or left as they are.
    shift : float
        What is added to them before.
    """

    name: str = ""
    shift: float = 0.0

    def text(self, y: str = "y") -> str:
        """Such as ``log(y + 1)``."""
        sign = "-" if self.shift < 0 else "+"
        shifted = f"{y} {sign} {plain(abs(self.shift))}" if self.shift else y
        return f"{self.name}({shifted})" if self.name else shifted

    @property
    def ends(self) -> tuple[float, float]:
        """Between which values data must lie, both left out (tuple of float)."""
        if not self.name:
            return -np.inf, np.inf
        return -self.shift, 1.0 if self.name == "logit" else np.inf

    def forward(self, y: np.ndarray) -> np.ndarray:
        """Values on the scale of the model; infinite beyond where these can lie."""
        y = np.asarray(y, float) + self.shift
        with np.errstate(divide="ignore"):
            if self.name in ("log", "log10"):
                logs = np.log(np.maximum(y, 0))
                return logs / TEN if self.name == "log10" else logs
            if self.name == "logit":
                return np.log(np.maximum(y, 0)) - np.log(np.maximum(1 - y, 0))
        return np.sign(y) * np.sqrt(np.abs(y)) if self.name == "sqrt" else y

    def backward(self, x: np.ndarray) -> np.ndarray:
        """Values of the data from values on the scale of the model; far out they stay finite."""
        x = np.asarray(x, float)
        if self.name in ("log", "log10"):
            most = np.log(LARGEST)
            y = np.exp(np.clip(x * TEN if self.name == "log10" else x, -most, most))
        elif self.name == "logit":
            with np.errstate(over="ignore"):
                y = np.clip(1 / (1 + np.exp(-x)), NEAREST, 1 - NEAREST)
        else:
            y = x * np.abs(x) if self.name == "sqrt" else x
        return y - self.shift

    def log_jacobian(self, y: np.ndarray) -> np.ndarray:
        """Log of how many units of the model's scale a small unit at each value takes, -inf where it has no place."""
        y = np.asarray(y, float) + self.shift
        if not self.name:
            return np.zeros(y.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.name == "logit":
                found, inside = -np.log(y) - np.log1p(-y), (y > 0) & (y < 1)
            elif self.name == "sqrt":  # a component that reaches below 0 goes on as -x^2
                found, inside = -np.log(2) - 0.5 * np.log(np.abs(y)), y != 0
            else:
                found, inside = -np.log(y) - (np.log(TEN) if self.name == "log10" else 0.0), y > 0
        return np.where(inside, found, -np.inf)


@dataclass(frozen=True)
class Transformed:
    """A family of values that a family describes after they were transformed. What is not said here is said by that.

    Attributes
    ----------
    base : Family
        That of the transformed values.
    scales : tuple of Scale
        One for each column.
    """

    base: Family
    scales: tuple

    def __getattr__(self, name):
        if name.startswith("__") or name == "base":
            raise AttributeError(name)
        return getattr(self.base, name)

    @property
    def name(self) -> str:
        """Such as ``normal of log(y + 1)``; the columns of several follow each other."""
        return f"{self.base.name} of {', '.join(scale.text() for scale in self.scales)}"

    @property
    def positive(self) -> bool:
        """Whether no value can lie below 0."""
        return len(self.scales) == 1 and self._ends(0)[0] >= 0 and self.scales[0].name != "sqrt"

    def _ends(self, column):
        scale = self.scales[column]
        return (-scale.shift, np.inf) if self.base.positive else scale.ends

    def _each(self, method, values):
        """What a method of the scales makes of values of one column, or of several along the last axis."""
        if len(self.scales) == 1:
            return getattr(self.scales[0], method)(values)
        return np.stack([getattr(scale, method)(values[..., d]) for d, scale in enumerate(self.scales)], axis=-1)

    def forward(self, y: np.ndarray) -> np.ndarray:
        """Values on the scale of the model."""
        return self._each("forward", y)

    def backward(self, x: np.ndarray) -> np.ndarray:
        """Values of the data from values on the scale of the model."""
        return self._each("backward", x)

    def allowed(self, y: np.ndarray) -> np.ndarray:
        """Which values the family can describe, like y."""
        if len(self.scales) == 1:
            return (y > self._ends(0)[0]) & (y < self._ends(0)[1])
        return np.stack([(y[..., d] > self._ends(d)[0]) & (y[..., d] < self._ends(d)[1])
                         for d in range(len(self.scales))], axis=-1)  # fmt: skip

    def needs(self, column: int = 0) -> str:
        """What values must be, in words."""
        lower, upper = self._ends(column)
        return (
            f"values above {plain(lower)}" if upper == np.inf else f"values between {plain(lower)} and {plain(upper)}"
        )

    def inside(self, y: np.ndarray) -> np.ndarray:
        """At which values the density is a number above 0, like y."""
        if self.base.positive:
            return self.base.inside(self.forward(y))
        return np.isfinite(self._each("log_jacobian", y))

    def marginal(self, columns: Sequence[int]) -> str:
        """The name of the family of some of the columns."""
        return Transformed(self.base, tuple(self.scales[d] for d in columns)).name

    def _inner(self, points):
        return replace(points, y=self.forward(points.y))

    def on_scale(self, points: Points) -> np.ndarray:
        """Values on the scale on which components have their shape."""
        return self.base.on_scale(self._inner(points))

    def estimate(self, points: Points, shares: np.ndarray, known: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """As that of the base, from the transformed values."""
        return self.base.estimate(self._inner(points), shares, known)

    def first_shares(self, points: Points, count: np.ndarray, components: int) -> Iterator[np.ndarray]:
        """As that of the base, from the transformed values."""
        yield from self.base.first_shares(self._inner(points), count, components)

    def log_components(self, points: Points, draws: dict[str, np.ndarray]) -> np.ndarray:
        """Log density of every value as it is under every component, shape (S, m, K)."""
        jacobian = self._each("log_jacobian", points.y)
        jacobian = jacobian if jacobian.ndim == 1 else jacobian.sum(axis=1)
        inside = np.isfinite(jacobian)
        if not inside.all():  # any other value takes the place of those without a density
            middle = self.backward(np.zeros(points.y.shape))
            points = replace(points, y=np.where(inside.reshape(-1, *[1] * (points.y.ndim - 1)), points.y, middle))
        return self.base.log_components(self._inner(points), draws) + jacobian[None, :, None]

    def component_tails(self, points: Points, draws: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """As that of the base: a transformation that rises leaves probabilities as they are."""
        return self.base.component_tails(self._inner(points), draws)

    def scores(
        self, points: Points, draws: dict[str, np.ndarray], members: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """As that of the base, of the transformed values."""
        return self.base.scores(self._inner(points), draws, members, rng)

    def replicate(
        self, points: Points, draws: dict[str, np.ndarray], members: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Values of the data drawn for every point from the component that each draw gives it."""
        return self.backward(self.base.replicate(self._inner(points), draws, members, rng))

    def generate(self, rng: np.random.Generator, *parameters: np.ndarray, size: float | np.ndarray = 1.0) -> np.ndarray:
        """One value of the data for each element of the broadcast parameters."""
        return self.backward(self.base.generate(rng, *parameters, size=size))

    def across(self, noticed: dict, column: int = 0) -> float:
        """How far the values of which this was noticed lie apart on the scale of the location (float)."""
        ends = self.scales[column].forward(np.array([noticed["minimum"], noticed["maximum"]]))
        return float(np.diff(np.log(ends) if self.base.positive else ends)[0])

    def centres(self, draws: dict[str, np.ndarray]) -> np.ndarray:
        """The value of the data at the location of each component, (S, K) or (S, K, D)."""
        centres = self.base.centres(draws)
        return self.backward(draws[self.ordered] if centres is None else centres)

    def component_moments(
        self, draws: dict[str, np.ndarray], size: float | np.ndarray = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the components among the values of the data; infinite where they do not exist.

        The trapezoidal rule in the inverse hyperbolic sine of standard deviations, which is exact to many digits for
        smooth densities, heavy tails included.
        """
        if not any(scale.name for scale in self.scales):
            mean, variance = self.base.component_moments(draws, size)
            return mean - self.scales[0].shift, variance
        centre, spread = draws[self.ordered], draws[self.collapsing]
        mean = square = 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            for node in NODES:
                x = centre + spread * np.sinh(node)
                weight = np.exp(self.base.marginal_logpdf(x, draws)) * spread * np.cosh(node) * (NODES[1] - NODES[0])
                y = self.backward(x)
                mean, square = mean + weight * y, square + weight * y**2
            mean, variance = np.asarray(mean), np.maximum(square - np.asarray(mean) ** 2, 0)
        if "nu" in draws and self.scales[0].name != "logit":
            least = 4 if self.scales[0].name == "sqrt" else np.inf  # no power of a Student t has all moments
            variance = np.where(draws["nu"] > least, variance, np.inf)
            mean = np.where(draws["nu"] > least / 2, mean, np.inf)
        return mean, variance


def scales_of(model: dict, columns: list[str] | None = None) -> tuple[Scale, ...] | None:
    """The scales of a model of the configuration, one for each column; None where its values are taken as they are.

    Parameters
    ----------
    model : dict
        Its entry in the checked configuration.
    columns : list of str, optional
        The names of the columns of the data where there are several.

    Returns
    -------
    tuple of Scale or None
    """
    if "transform" not in model and "shift" not in model:
        return None

    def each(key: str, default: str | float) -> list:
        given = model.get(key, default)
        return [given.get(name, default) if isinstance(given, dict) else given for name in columns or [None]]

    names, shifts = each("transform", ""), each("shift", 0.0)
    # A shift for all columns is for those that take one.
    shifts = [shift if name in SHIFTED or columns is None else 0.0 for name, shift in zip(names, shifts, strict=True)]
    return tuple(Scale(name, float(shift)) for name, shift in zip(names, shifts, strict=True))


@functools.cache
def transformed(base: Family, scales: tuple[Scale, ...]) -> Transformed:
    """A transformed family, the same object for the same scales."""
    return Transformed(base, scales)


def read_name(name: str) -> tuple[str, tuple[Scale, ...]] | None:
    """The name of the base and the scales that the name of a transformed family says; None for other names."""
    found = NAME.fullmatch(name)
    parts = [TEXT.fullmatch(part) for part in found[2].split(", ")] if found else [None]
    if None in parts:
        return None
    shifts = [float(part[3]) * (-1 if part[2] == "-" else 1) if part[3] else 0.0 for part in parts]
    return found[1], tuple(Scale(part[1] or "", shift) for part, shift in zip(parts, shifts, strict=True))
