"""A model with its numbers, as it travels from job to job: a specification, its weights and its parameters."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from os import PathLike
from typing import Any, Self

import numpy as np

from stanmix.base.files import read_json, write_json
from stanmix.families.bounds import Bounds
from stanmix.families.family import Family
from stanmix.families.priors import Prior
from stanmix.families.registry import FAMILIES

LOCATIONS = ("location", "mu")  # slots of one column and of several
MADE = ("sampling", "adapt_delta_raised", "seeds", "starting_values", "versions")  # what is known once it was sampled


@dataclass(frozen=True)
class Weights:
    """The weights of the components.

    Attributes
    ----------
    mode : str
        "estimated" or "fixed".
    value : list of float or None
        What they are fixed at, K numbers that add to 1.
    concentration : list of float or None
        Of their Dirichlet prior, K numbers, where they are estimated.
    """

    mode: str
    value: list[float] | None = None
    concentration: list[float] | None = None

    @property
    def fixed(self) -> bool:
        return self.mode == "fixed"


@dataclass(frozen=True)
class Resolved:
    """A parameter of a family, resolved for a model and data.

    Attributes
    ----------
    name, slot, meaning : str
        As the family has them; the slot is the name in the Stan program.
    mode : str
        "own" (a number for each component), "shared", "fixed" or "partly": fixed for some components, own for others.
    ordered : bool
        Whether it names the components by its order.
    value : list of float or None
        What it is fixed at, K numbers; None among them where it is estimated for a component.
    is_default : bool
        Whether the prior is stanmix's own choice.
    priors : tuple of Prior
        One for each number that is sampled; none where it is fixed.
    column : str or None
        What it is about, where there are several columns and a parameter for each.
    differences : bool
        Whether priors after the first are of the distance from the location before.
    """

    name: str
    slot: str
    meaning: str
    mode: str
    ordered: bool
    value: list[float | None] | None
    is_default: bool
    priors: tuple[Prior, ...]
    column: str | None = None
    differences: bool = False

    @property
    def fixed(self) -> bool:
        return self.mode == "fixed"

    @property
    def own(self) -> bool:
        """Whether each component has a number of its own that is sampled."""
        return self.mode == "own"

    @property
    def shared(self) -> bool:
        return self.mode == "shared"

    @property
    def partly(self) -> bool:
        """Whether it is fixed for some components and estimated for others."""
        return self.mode == "partly"

    @property
    def free(self) -> list[int]:
        """Of which component, from 0, each number is that is sampled; [0] for one that all share."""
        if self.partly:
            return [k for k, value in enumerate(self.value) if value is None]
        return list(range(len(self.priors)))

    def with_fixed(self, values: np.ndarray) -> np.ndarray:
        """Numbers of components, shape (..., K), with what is fixed for some of them in its place."""
        if not self.partly:
            return values
        known = np.array([value is not None for value in self.value])
        return np.where(known, np.array(self.value, float), values)

    @property
    def told_fixed(self) -> dict[str, Any]:
        """What it is fixed at, for readers: its name, with components if these are some, and the numbers."""
        if not self.partly:
            return {"name": self.name, "value": self.value}
        known = {str(k): value for k, value in enumerate(self.value, start=1) if value is not None}
        return {"name": f"{self.name}[{', '.join(known)}]", "value": list(known.values())}

    @property
    def locates(self) -> bool:
        """Whether it says where components lie."""
        return self.slot in LOCATIONS

    @property
    def bounds(self) -> Bounds:
        """Between which numbers the sampled values lie."""
        if self.differences:  # wherever the first is, the others lie above
            return Bounds.of([self.priors[0].ends] * len(self.priors))
        return Bounds.of([prior.ends for prior in self.priors])

    def places(self, components: int) -> list[int]:
        """Which sampled number each component has, from 1; 0 for none."""
        if self.partly:
            return [self.free.index(k) + 1 if k in self.free else 0 for k in range(components)]
        count = len(self.priors)
        return list(range(1, components + 1)) if count == components else [count] * components

    @property
    def text(self) -> str:
        """The prior as readers write it, as in ``normal([10, 20], 2)`` or ``gamma(2, 1), above 1``."""
        if self.differences:
            first, others = (replace(self, priors=p, differences=False) for p in (self.priors[:1], self.priors[1:]))
            more = f", {others.text} for each difference to the next" if others.priors else ""
            return f"{first.text} for the lowest{more}"
        first = self.priors[0]
        lower, upper = first.lower, first.upper
        texts = []
        for column in zip(*(prior.arguments for prior in self.priors), strict=True):
            numbers = [f"{value:.6g}" for value in column]
            texts.append(numbers[0] if len(set(numbers)) == 1 else f"[{', '.join(numbers)}]")
        text = f"{first.distribution}({', '.join(texts)})"
        if lower == 0:
            text = ("half-" if all(prior.arguments[-2] == 0 for prior in self.priors) else "positive ") + text
            lower = None
        if lower is not None and upper is not None:
            return f"{text}, between {lower:g} and {upper:g}"
        if upper is not None:
            return f"{text}, below {upper:g}"
        return text if lower is None else f"{text}, above {lower:g}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; without a column where it is about the one that there is."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        found["priors"] = [prior.as_dict() for prior in self.priors]
        seldom = ("column", "differences")
        return {key: value for key, value in found.items() if key not in seldom or value}

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """From what `as_dict` gave."""
        return cls(**{**found, "priors": tuple(Prior.of(prior) for prior in found["priors"])})


@dataclass(frozen=True)
class Specification:
    """A model of the configuration resolved for a data set and a number of components.

    Attributes
    ----------
    model : str
        Its name in the configuration.
    family : str
        A name of `registry.FAMILIES`.
    transform : list of str or None
        What is done to the values of each column.
    kind, program : str
        Of the family: "continuous", "whole" or "multivariate", and its Stan program.
    components : int
        K.
    n : int
        Observations.
    membership : str
        "group" where all rows of a group have one, else "row".
    labels : str
        What names the components: "ordered", "relabelled" or "given".
    rounding : float or None
        The step of rounded values, where the likelihood is that of intervals.
    unit : dict
        The sampler's origin, and its units of location and scale.
    weights : Weights
    parameters : tuple of Resolved
    columns : list of str or None
        Their names, where there are several.
    order : str or None
        The column that orders the components, or "none"; None for a single column.
    thinnest : list of float or None
        For each of several columns its least sd given the others, 0 for none.
    notes : list of str
        Sentences about the model and these data.
    sampling, seeds, starting_values, versions, adapt_delta_raised
        How it was sampled; None before.
    """

    model: str
    family: str
    transform: list[str] | None
    kind: str
    program: str
    components: int
    n: int
    membership: str
    labels: str
    rounding: float | None
    unit: dict[str, Any]
    weights: Weights
    parameters: tuple[Resolved, ...]
    columns: list[str] | None = None
    order: str | None = None
    thinnest: list[float] | None = None
    notes: list[str] | None = None
    sampling: dict[str, Any] | None = None
    adapt_delta_raised: bool | None = None
    seeds: dict[str, int] | None = None
    starting_values: list[dict[str, Any]] | None = None
    versions: dict[str, str] | None = None

    @property
    def entry(self) -> Family:
        """The family itself."""
        return FAMILIES[self.family]

    @property
    def by_group(self) -> bool:
        """Whether all rows of a group have one membership."""
        return self.membership == "group"

    @cached_property
    def names(self) -> list[str]:
        """theta and the parameters, each once."""
        return list(dict.fromkeys(["theta", *(parameter.name for parameter in self.parameters)]))

    @cached_property
    def slots(self) -> dict[str, str]:
        """What the Stan program calls theta and each parameter."""
        return {"theta": "theta"} | {parameter.name: parameter.slot for parameter in self.parameters}

    @cached_property
    def modes(self) -> dict[str, str]:
        """Whether theta and each parameter are one for each component, shared or fixed."""
        return {"theta": self.weights.mode} | {parameter.name: parameter.mode for parameter in self.parameters}

    @property
    def fixed(self) -> set[str]:
        """Of theta and the parameters those that are fixed."""
        return {name for name, mode in self.modes.items() if mode == "fixed"}

    @property
    def ordered(self) -> Resolved | None:
        """The parameter whose order names the components."""
        return next((parameter for parameter in self.parameters if parameter.ordered), None)

    def named(self, name: str) -> list[Resolved]:
        """What has that name: a parameter, of several columns one for each, or nothing."""
        return [parameter for parameter in self.parameters if parameter.name == name]

    def in_slot(self, slot: str) -> Resolved | None:
        """What has that place in the Stan program of a single column."""
        return next((parameter for parameter in self.parameters if parameter.slot == slot), None)

    def matrices(self, name: str) -> int:
        """How many sets of standard deviations (sigma) or of correlations several columns have."""
        return next((len(parameter.priors) for parameter in self.named(name)), 0)

    @property
    def lower_ends(self) -> list[float]:
        """Where the standard deviations of each of several columns begin."""
        return [parameter.priors[0].lower or 0.0 for parameter in self.named("sigma")]

    @property
    def sampled_in_order(self) -> bool:
        """Whether the program keeps the locations of components in order: not where their ends do it already."""
        return self.ordered is not None and (self.ordered.fixed or self.ordered.bounds.alike)

    def with_fixed(self, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """theta and the parameters, each (..., K) or longer, with what is fixed for single components in its place."""
        partly = {parameter.name: parameter for parameter in self.parameters if parameter.partly}
        return {name: partly[name].with_fixed(v) if name in partly else v for name, v in state.items()}

    def expanded(self, values: np.ndarray) -> np.ndarray:
        """Draws (S, 1, ...) or (S, K, ...) of one parameter as (S, K, ...)."""
        return np.array(np.broadcast_to(values, (len(values), self.components, *values.shape[2:])))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; without what is only said of several columns, or of what was sampled."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        found["weights"] = {key: value for key, value in asdict(self.weights).items() if value is not None}
        found["parameters"] = [parameter.as_dict() for parameter in self.parameters]
        always = ("transform", "rounding")
        return {key: value for key, value in found.items() if value is not None or key in always}

    def write(self, path: str | PathLike) -> None:
        """Write it as JSON."""
        write_json(path, self.as_dict())

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """From what `as_dict` gave."""
        parameters = tuple(Resolved.of(each) for each in found["parameters"])
        return cls(**{**found, "weights": Weights(**found["weights"]), "parameters": parameters})

    @classmethod
    def read(cls, path: str | PathLike) -> Self:
        """What `write` wrote."""
        return cls.of(read_json(path))
