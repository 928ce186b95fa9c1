"""What a family of components is: its parameters, and on one pattern for all its density, tails and generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from stanmix.families.priors import POSITIVE, REAL, UNIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any


# Where to evaluate a function that may be steep at 0 to integrate it from 0 to 1 (Gauss and Legendre), and the weights.
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)
NODES, WEIGHTS = ((NODES + 1) / 2) ** 4, WEIGHTS * 2 * ((NODES + 1) / 2) ** 3
SEEN = 1 / np.sqrt(12)  # sd of what rounding takes away, in steps: nothing narrower can be seen
MOST_COUNTED = 2.0**53  # the largest expected count that is drawn: beyond, doubles do not count in ones
LOG_SMALLEST = float(np.log(np.nextafter(0, 1)))  # of the smallest positive double
LINKS = {REAL: 0, POSITIVE: 1, UNIT: 2}  # how an ordered parameter is sampled: as it is, its log, its logit
SLOTS = ("location", "scale", "shape", "zero")  # what the Stan program calls the parameters of a family

CONTINUOUS, WHOLE, MULTIVARIATE = "continuous", "whole", "multivariate"


@dataclass(frozen=True)
class Points:
    """Where densities are evaluated: observed values, or a grid.

    A unit is what has one membership: a value, or all values of a group. `len` counts units, an index chooses units.

    Attributes
    ----------
    y : numpy.ndarray
        Values, shape (m,), or (m, D) for several columns.
    size : numpy.ndarray
        The trials or the exposure behind each value, shape (m,); 1 for families that have neither.
    step : float or None
        When values are rounded to multiples of a step, each stands for the interval of half a step to both sides, and
        its probability takes the place of its density.
    of_trials : bool
        Whether the sizes are trials.
    known : numpy.ndarray of int or None
        The component of each unit from 1 where it is known, 0 elsewhere, shape (units,).
    unit : numpy.ndarray of int or None
        The unit of each value, from 0, every number being there, shape (m,); None where each value is one.
    """

    y: np.ndarray
    size: np.ndarray
    step: float | None = None
    known: np.ndarray | None = None
    of_trials: bool = False
    unit: np.ndarray | None = None

    @classmethod
    def of(cls, rows: Any, step: float | None = None) -> Points:
        """From `observations.Observations` or `Units`."""
        size = rows.exposure if rows.trials is None else rows.trials
        size = np.ones(len(rows.y)) if size is None else size
        return cls(rows.y, size, step, rows.known, rows.trials is not None, rows.unit)

    @property
    def logs(self) -> np.ndarray:
        """Logs of positive values; a value that was rounded to 0 stands for a quarter of a step."""
        return np.log(self.y if self.step is None else np.maximum(self.y, self.step / 4))

    @property
    def width(self) -> int:
        """How many numbers a value consists of."""
        return 1 if self.y.ndim == 1 else self.y.shape[1]

    def __len__(self):
        return len(self.y) if self.unit is None else len(self._places[1])

    def __getitem__(self, units):
        known = None if self.known is None else self.known[units]
        if self.unit is None:
            return Points(self.y[units], self.size[units], self.step, known, self.of_trials)
        order, begins = self._places
        chosen = np.arange(len(begins))[units]
        lengths = np.diff(begins, append=len(order))[chosen]
        ends = np.cumsum(lengths)
        rows = order[np.repeat(begins[chosen] - (ends - lengths), lengths) + np.arange(lengths.sum())]
        unit = np.repeat(np.arange(len(chosen)), lengths)
        return Points(self.y[rows], self.size[rows], self.step, known, self.of_trials, unit)

    @cached_property
    def _places(self):
        """The values in the order of their units, and where in it each unit begins."""
        order = np.argsort(self.unit, kind="stable")
        return order, np.flatnonzero(np.diff(self.unit[order], prepend=-1))

    @property
    def rows(self) -> Points:
        """The same values, each a unit of its own."""
        if self.unit is None:
            return self
        known = None if self.known is None else self.known[self.unit]
        return Points(self.y, self.size, self.step, known, self.of_trials)

    @property
    def means(self) -> Points:
        """One value for each unit, the mean of its values over that of their sizes."""
        if self.unit is None:
            return self
        number = self.by_unit(np.ones(len(self.y)), axis=0)
        y = self.by_unit(self.y, axis=0) / number.reshape(-1, *(1,) * (self.y.ndim - 1))
        return Points(y, self.by_unit(self.size, axis=0) / number, self.step, self.known, self.of_trials)

    def by_unit(self, values: np.ndarray, axis: int = 1) -> np.ndarray:
        """Sums over the values of each unit, along one axis."""
        if self.unit is None:
            return values
        order, begins = self._places
        return np.add.reduceat(np.take(values, order, axis=axis), begins, axis=axis)

    def spread(self, values: np.ndarray, axis: int = -1) -> np.ndarray:
        """What is said of units, once for each of their values, along one axis."""
        return values if self.unit is None else np.take(values, self.unit, axis=axis)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a family.

    Attributes
    ----------
    name : str
        The field's own name, in the configuration and every table.
    slot : {"location", "scale", "shape", "zero"}
        Its place in the Stan program of one column, its name in that of several. The location orders the components;
        zero is the weight of extra zeros.
    support : {"real", "positive", "above 1", "between 0 and 1", "correlation matrix"}
    meaning : str
        A few words for readers.
    default : callable
        ``default(noticed, components, shared)`` gives the default `Prior` from what was noticed in the data.
    sharing : {"never", "on request", "unless own", "always"}
        Whether it is one value for all components: never, when `share:` names it, unless `own:` names it, always.
    """

    name: str
    slot: str
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
    kind : {"continuous", "whole", "multivariate"}
        Whether it describes a continuous column, whole numbers, or several columns.
    parameters : tuple of Parameter
        The location first, then those of the other slots: the order in which all functions below take them. The weight
        of extra zeros belongs to the mixture, not to a component, and is left out there.
    distribution : callable or None
        ``distribution(*parameters, size)`` gives a frozen SciPy distribution, broadcasting. Where there is none the
        methods that use it are others.
    estimate : callable
        ``estimate(points, shares, known)`` gives estimates of components that own `shares` (m, K) of the observations
        by maximum likelihood or moments, those in the dict `known` given: a dict of arrays (K,).
    positive : bool
        Whether the observations must be greater than 0. The sampler then works in the unit of their logs.
    takes : {None, "trials", "exposure"}
        What the size of an observation is; trials must be given, exposure may be.
    centre : callable or None
        Turns the location into a value of the data, where it is none.
    about : str
        A few words that help to choose it.
    shape_of_one : float or None
        Where the scale is the larger the narrower a component is: that of a component whose values have the standard
        deviation 1 on the scale on which the location is sampled. None where the scale itself grows with them.
    """

    name: str
    number: int
    program: str
    kind: str
    parameters: tuple
    distribution: Callable
    estimate: Callable
    positive: bool = False
    takes: str | None = None
    centre: Callable | None = None
    about: str = ""
    shape_of_one: float | None = None

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name."""
        return next(p for p in self.parameters if p.name == name)

    def in_slot(self, slot: str) -> str | None:
        """The name of the parameter in a slot of the Stan program, or None."""
        return next((p.name for p in self.parameters if p.slot == slot), None)

    @property
    def names(self) -> list[str]:
        """The names of all parameters, in order (list of str)."""
        return [p.name for p in self.parameters]

    @property
    def of_component(self) -> list[str]:
        """The names of those that a component has, in order (list of str)."""
        return [p.name for p in self.parameters if p.slot != "zero"]

    @property
    def zero(self) -> str | None:
        """The name of the weight of extra zeros, or None."""
        return self.in_slot("zero")

    @property
    def ordered(self) -> str | None:
        """The name of the parameter that orders the components."""
        return self.in_slot("location")

    @property
    def link(self) -> int:
        """How the ordered parameter is sampled: 0 as it is, 1 its log, 2 its logit."""
        return LINKS[self.parameters[0].support]

    @property
    def collapsing(self) -> str | None:
        """The name of the parameter that can collapse onto equal values, or None."""
        return self.in_slot("scale") if self.kind == CONTINUOUS else None

    def width(self, scale: float | np.ndarray) -> float | np.ndarray:
        """How far values of a component scatter, by its scale; and the scale by that: they are found in one way."""
        return scale if self.shape_of_one is None else self.shape_of_one / scale

    def narrowest(self, low: float, high: float) -> float:
        """The smallest width of components whose scale lies between two ends."""
        return low if self.shape_of_one is None else self.width(high)

    def parameters_of(self, model: dict) -> tuple[Parameter, ...]:
        """The parameters that a model of the configuration has."""
        return self.parameters

    def forward(self, y: np.ndarray) -> np.ndarray:
        """Values on the scale of the model, here as they are; `transforms.Transformed` is a family of others."""
        return y

    def allowed(self, y: np.ndarray) -> np.ndarray:
        """Which values the family can describe, like y; that counts are whole is looked at elsewhere."""
        return y > 0 if self.positive else np.ones(np.shape(y), bool)

    def needs(self, column: int = 0) -> str:
        """What values must be, in words, where some are not allowed."""
        return "values above 0"

    def inside(self, y: np.ndarray) -> np.ndarray:
        """At which values the density is a number above 0, like y."""
        return self.allowed(y)

    def marginal(self, columns: Sequence[int]) -> str:
        """The name of the family of some of several columns."""
        return self.name

    def on_scale(self, points: Points) -> np.ndarray:
        """Values on the scale on which components have their shape: logs of positive ones."""
        return points.logs if self.positive else points.y

    def across(self, noticed: dict, column: int = 0) -> float:
        """How far the values of which this was noticed lie apart on the scale of the location (float)."""
        if self.kind == WHOLE:
            return float(np.log((noticed["maximum"] + 1) / (noticed["minimum"] + 1)))
        return noticed["log"]["range"] if self.positive else noticed["range"]

    def centres(self, draws: dict[str, np.ndarray]) -> np.ndarray | None:
        """The value of the data at the location of each component, like that; None where the location is one itself."""
        return None if self.centre is None else self.centre(draws[self.ordered])

    def marginal_logpdf(self, y: np.ndarray, draws: dict[str, np.ndarray]) -> np.ndarray:
        """Log density of values under components, each in its column alone: arrays like the location of draws."""
        return self.logpdf(y, *(draws[name] for name in self.of_component))

    def targets(self, parameter: Parameter, noticed: dict) -> list[tuple[str | None, dict]]:
        """What of a parameter gets priors of its own: its column, if there are several, and what was noticed there."""
        return [(None, noticed)]

    def first_shares(self, points: Points, count: np.ndarray, components: int) -> Iterator[np.ndarray]:
        """Shares (m, K) of components from which EM starts: each owns equally many, from the lowest to the highest."""
        order = np.argsort(points.y / points.size, kind="stable")
        middle = np.cumsum(count[order]) - count[order] / 2
        shares = np.zeros((len(points), components))
        shares[order, np.minimum((middle / count.sum() * components).astype(int), components - 1)] = 1
        yield 0.9 * shares + 0.1 / components  # no component starts empty

    def pooled(self, state: dict[str, np.ndarray], theta: np.ndarray, shared: set[str]) -> dict[str, np.ndarray]:
        """One value for all components of what they share, from an estimate for each: a dict of arrays (K,)."""
        return {name: np.full(len(theta), pool(self.parameter(name), state[name], theta)) for name in shared}

    def order_in(self, state: dict[str, np.ndarray], specification: Any) -> np.ndarray:
        """What the components of a state are named by, from the lowest to the highest: an array (K,)."""
        return state[self.ordered]

    def spread(
        self, state: dict[str, np.ndarray], size: float | np.ndarray = 1.0, specification: Any = None
    ) -> np.ndarray:
        """How far single observations scatter around the ordered parameter as it is sampled, like the parameter."""
        if self.collapsing:
            return self.width(state[self.collapsing])
        mean, variance = self.component_moments(state, size=size)
        # The derivative of the log or the logit; a rate or share is the mean over the size.
        slope = 1 / mean if self.link == 1 else size / (mean * (size - mean))
        return np.sqrt(variance) * slope

    def edges(self, y: np.ndarray, step: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The ends of what a continuous value stands for: equal for a point."""
        return (y, y) if step is None else (y - step / 2, y + step / 2)

    def logpdf(
        self, y: np.ndarray, *parameters: np.ndarray, size: float | np.ndarray = 1.0, step: float | None = None
    ) -> np.ndarray:
        """Log density, or log probability of a whole number or of a rounded value, broadcasting."""
        distribution = self.distribution(*parameters, size)
        if self.kind == WHOLE:
            return distribution.logpmf(y)
        if step is None:
            return distribution.logpdf(y)
        below, above = self.edges(y, step)
        with np.errstate(invalid="ignore", divide="ignore"):  # the side that is not taken may be inf - inf
            from_below = _log_difference(distribution.logcdf(above), distribution.logcdf(below))
            from_above = _log_difference(distribution.logsf(below), distribution.logsf(above))
            found = np.where(distribution.logsf(below) > distribution.logcdf(above), from_below, from_above)
        lost = ~np.isfinite(found)  # where SciPy's tails are smaller than any double
        if lost.any():
            each = np.broadcast_arrays(below, above, *parameters, size)
            found[lost] = self._log_interval(*(values[lost] for values in each))
        return found

    def _log_interval(self, below, above, *parameters):
        """Log probability of intervals far out in a tail, by integrating the density."""
        *parameters, size = (values[:, None] for values in parameters)
        distribution = self.distribution(*parameters, size)
        below, above = (np.maximum(end, 0.0) if self.positive else end for end in (below[:, None], above[:, None]))
        ends = (distribution.logpdf(end) for end in (below + 1e-9 * (above - below), above))
        x = np.where(np.less(*ends), above - (above - below) * NODES, below + (above - below) * NODES)
        logs = distribution.logpdf(x)
        most = logs.max(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            return (most + np.log(np.exp(logs - most) @ WEIGHTS[:, None] * (above - below)))[:, 0]

    def moments(self, *parameters: np.ndarray, size: float | np.ndarray = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of a component; infinite where they do not exist."""
        distribution = self.distribution(*parameters, size)
        return distribution.mean(), distribution.var()

    def component_moments(
        self, draws: dict[str, np.ndarray], size: float | np.ndarray = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the components of a dict of draws, each (S, K)."""
        return self.moments(*(draws[name] for name in self.of_component), size=size)

    def tails(
        self, y: np.ndarray, *parameters: np.ndarray, size: float | np.ndarray = 1.0, step: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probability below what a value stands for, and with it: P(Y < y) and P(Y <= y) for whole numbers."""
        distribution = self.distribution(*parameters, size)
        if self.kind == WHOLE:
            lower = distribution.below(y)
            return lower, np.minimum(lower + np.exp(distribution.logpmf(y)), 1)
        below, above = self.edges(y, step)
        lower = distribution.cdf(below)
        return lower, lower if above is below else distribution.cdf(above)

    def score(
        self,
        y: np.ndarray,
        *parameters: np.ndarray,
        size: float | np.ndarray = 1.0,
        step: float | None = None,
        rng: np.random.Generator | None = None,
    ) -> np.ndarray:
        """The standard normal quantile of y's probability under its component, exact in both tails.

        For whole numbers and rounded values a point drawn evenly from the step of the distribution function (Dunn &
        Smyth 1996), for which `rng` is needed. Where SciPy has no logs of tails smaller than any double it stays at 38,
        so that it is always finite.
        """
        from scipy.special import ndtri_exp

        distribution = self.distribution(*parameters, size)
        if self.kind != WHOLE and step is None:
            lower, upper = distribution.logcdf(y), distribution.logsf(y)
        else:
            if self.kind == WHOLE:
                beside = distribution.log_beside(y)
            else:
                below, above = self.edges(y, step)
                beside = distribution.logcdf(below), distribution.logsf(above)
            mass = self.logpdf(y, *parameters, size=size, step=step)
            u = rng.random(np.shape(mass))
            with np.errstate(divide="ignore"):  # what lies below 0 has no probability
                lower, upper = (
                    np.logaddexp(tail, np.log(part) + mass) for tail, part in zip(beside, (u, 1 - u), strict=True)
                )
        lower, upper = (np.where(np.isneginf(tail), LOG_SMALLEST, tail) for tail in (lower, upper))
        return np.where(lower < upper, ndtri_exp(lower), -ndtri_exp(upper))

    def generate(self, rng: np.random.Generator, *parameters: np.ndarray, size: float | np.ndarray = 1.0) -> np.ndarray:
        """One value for each element of the broadcast parameters."""
        if self.kind == WHOLE and self.link == 1:  # a wide prior may ask for more than a count can be
            parameters = (np.minimum(parameters[0], MOST_COUNTED / np.asarray(size)), *parameters[1:])
        shape = np.broadcast_shapes(np.shape(size), *(np.shape(p) for p in parameters))
        return np.asarray(self.distribution(*parameters, size).rvs(size=shape, random_state=rng), dtype=float)

    def log_components(self, points: Points, draws: dict[str, np.ndarray]) -> np.ndarray:
        """Log density of every point under every component, for draws in a dict of arrays (S, K): shape (S, m, K)."""
        found = self.logpdf(points.y, *self._spread(draws), size=points.size, step=points.step)
        return np.moveaxis(found, 0, 2)

    def component_tails(self, points: Points, draws: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Probability below what every point stands for, and with it, under every component: two arrays (S, m, K)."""
        below, with_it = self.tails(points.y, *self._spread(draws), size=points.size, step=points.step)
        lower = np.moveaxis(below, 0, 2)
        return lower, lower if with_it is below else np.moveaxis(with_it, 0, 2)

    def _spread(self, draws):
        """The parameters as (K, S, 1): components come first in memory, so that loops over them are the outer ones."""
        return (draws[name].T[:, :, None] for name in self.of_component)

    def scores(
        self, points: Points, draws: dict[str, np.ndarray], members: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Standard normal scores of every point under the component that each draw gives it.

        Parameters
        ----------
        points : Points
            m of them.
        draws : dict of numpy.ndarray
            Each (S, K).
        members : numpy.ndarray of int
            Components from 0, shape (S, m).
        rng : numpy.random.Generator

        Returns
        -------
        numpy.ndarray
            Shape (S, m, D), D scores for each point: one for a single column.
        """
        parameters = self._of_members(draws, members)
        scores = self.score(points.y[None, :], *parameters, size=points.size[None, :], step=points.step, rng=rng)
        return scores[:, :, None]

    def replicate(
        self, points: Points, draws: dict[str, np.ndarray], members: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Values drawn for every point from the component that each draw gives it, as `scores`; shape (S, m)."""
        y = self.generate(rng, *self._of_members(draws, members), size=points.size)
        if points.step is not None:
            origin = points.y[0]
            y = origin + points.step * np.round((y - origin) / points.step)
        return y

    def _of_members(self, draws, members):
        rows = np.arange(len(members))[:, None]
        return (draws[name][rows, members] for name in self.of_component)

    def unit(self, noticed: dict) -> dict:
        """Origin and units in which the sampler works: dict of origin, location and scale."""
        if self.kind == WHOLE:
            typical = share(noticed) if self.takes == "trials" else rate(noticed)
            return {"origin": float(to_link(typical, self.link)), "location": 1.0, "scale": 1.0}
        if not self.positive:
            return {"origin": noticed["median"], "location": noticed["sd"], "scale": noticed["sd"]}
        log = noticed["log"]
        return {"origin": log["median"], "location": log["sd"], "scale": self.width(log["sd"])}


def rate(noticed: dict) -> float:
    """Events per exposure in the data, or the mean without one; half an event when there is none."""
    exposure = noticed["exposure"] or {"rate": noticed["mean"], "total": noticed["n"]}
    return max(exposure["rate"], 0.5 / exposure["total"])


def share(noticed: dict) -> float:
    """Successes per trial in the data, at least half a success away from 0 and 1."""
    least = 0.5 / (noticed["n"] * noticed["trials"]["most"])
    return min(max(noticed["trials"]["share"], least), 1 - least)


def to_link(values: np.ndarray, link: int) -> np.ndarray:
    """Values of an ordered parameter on the scale on which it is sampled."""
    values = np.asarray(values)
    return (lambda x: x, np.log, lambda x: np.log(x / (1 - x)))[link](values)


def pool(parameter: Parameter, values: np.ndarray, weights: np.ndarray) -> float:
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


def _log_difference(larger, smaller):
    """log(exp(larger) - exp(smaller)), -inf when they are equal."""
    return larger + np.log(-np.expm1(np.minimum(smaller - larger, 0)))
