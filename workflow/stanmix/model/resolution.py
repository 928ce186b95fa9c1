"""A model made concrete for one data set and number of components: every prior with its numbers."""

from dataclasses import replace

import numpy as np

from stanmix.base.text import plain
from stanmix.data.noticing import notice
from stanmix.data.observations import Observations
from stanmix.families.bounds import Bounds
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, SEEN, Family, Parameter
from stanmix.families.priors import CORRELATION, ENDS, REAL, parse, parse_differences, parse_weights
from stanmix.families.registry import family_of
from stanmix.families.transforms import Transformed
from stanmix.model import refusals
from stanmix.model.specification import Resolved, Specification, Weights

CERTAIN = 0.995  # of a prior: what an order leaves, from which it is as good as not cut
IN_TURN = (np.arange(20_000) + 0.5) / 20_000  # probabilities at which priors are compared
NEAR_END = 0.01  # of the distance between ends: no typical location is taken to be nearer to one
THIN = 1e-3  # what cannot be seen, in standard deviations of a column with ties that are not from rounding


def specify(
    name: str,
    model: dict,
    components: int,
    noticed: dict,
    rounding: float | None = None,
    rows: Observations | None = None,
) -> Specification:
    """Resolve a model of the configuration for a data set.

    Parameters
    ----------
    name : str
        The model's name.
    model : dict
        Its entry in the checked configuration.
    components : int
        The number of components, K.
    noticed : dict
        What `noticing.notice` says of the data: default priors scale with it.
    rounding : float, optional
        The step to which the values are rounded, where the likelihood shall be that of intervals.
    rows : observations.Observations, optional
        The data, of which more is noticed where the model transforms them.

    Returns
    -------
    Specification

    Raises
    ------
    UserError
        When the family does not fit the data, when the data cannot tell so many components apart, or when own scales
        meet tied values under a prior that does not vanish at 0, or too slowly: the posterior would be improper (Day
        1969).
    """
    family = family_of(model, list(noticed["columns"]) if "columns" in noticed else None)
    transform = None
    if isinstance(family, Transformed):
        transform = [scale.text() for scale in family.scales]
        refusals.of_values(name, family, noticed, rows)
    groups = noticed["groups"] if model["membership"] == "group" else None
    refusals.of_kind(name, family, noticed)
    if transform is not None:
        noticed = _noticed_on_scale(family, noticed, rows)
    informed = _is_informed(family, model)
    refusals.of_few(name, family, model, components, noticed, rounding, informed)
    refusals.of_zeros(name, family, groups)
    refusals.of_known(name, noticed, components)
    order = model.get("order", "none") if family.kind == MULTIVARIATE else None
    placed = model["labels"] == "given" or is_partly_fixed(model, family.ordered)
    given = components > 1 and (placed or (order == "none" and bool(told_apart(model))))
    relabelled = not given and not noticed["known"] and (model["labels"] == "relabelled" or order == "none")
    ordered = not (relabelled or given)
    parameters = []
    for parameter in family.parameters_of(model):
        for column, facts in family.targets(parameter, noticed):
            if rounding:
                facts = facts | {"step": None}  # the likelihood of intervals is bounded: no default needs to be cut
            names = ordered and parameter.name == family.ordered and column == order
            entry = _resolved(parameter, column, model, components, facts, names)
            if parameter.name == family.collapsing and not rounding:
                _refuse_collapse(name, family, entry, model, components, noticed, facts, groups)
            parameters.append(entry)
    weights = _weights(model, components)
    free = sum(len(entry.priors) * _numbers(family, entry, noticed) for entry in parameters)
    free += 0 if weights.fixed else components - 1
    if family.takes == "trials" and components > 1:
        refusals.of_few_trials(name, family, components, free, noticed, groups)
    refusals.of_hopeless(name, components, free, noticed["n"])
    columns = _of_columns(model, components, parameters, noticed) if family.kind == MULTIVARIATE else {}
    return Specification(
        model=name,
        family=family.name,
        transform=transform,
        kind=family.kind,
        program=family.program,
        components=components,
        n=noticed["n"],
        membership="group" if groups else "row",
        labels="given" if given else "relabelled" if relabelled and components > 1 else "ordered",
        rounding=rounding if family.kind == CONTINUOUS else None,
        unit=_unit(family, noticed, parameters),
        weights=weights,
        parameters=tuple(parameters),
        **columns,
        notes=_notes(free, components, noticed)
        + _notes_on_columns(columns)
        + _notes_on_order(parameters)
        + _notes_on_partly_fixed(parameters)
        + _notes_on_groups(noticed, groups),
    )


def _weights(model: dict, components: int) -> Weights:
    fixed = model["fixed"].get("theta")
    if fixed is None:
        return Weights("estimated", concentration=parse_weights(model["priors"]["theta"], components))
    return Weights("fixed", value=(np.array(fixed) / sum(fixed)).tolist())


def _resolved(
    parameter: Parameter, column: str | None, model: dict, components: int, noticed: dict, ordered: bool
) -> Resolved:
    """A parameter with its priors, `noticed` being about its column where there are several."""
    own = not is_shared(parameter, model)
    about = (parameter.name, parameter.slot, parameter.meaning)
    partly = is_partly_fixed(model, parameter.name)
    if parameter.name in model["fixed"] and not partly:
        value = np.broadcast_to(np.array(model["fixed"][parameter.name], float), components).tolist()
        return Resolved(*about, "fixed", ordered, value, False, (), column)
    count, text = components if own else 1, model["priors"].get(parameter.name)
    mode, value = "own" if own else "shared", None
    if partly:
        mode, value = "partly", [v if v is None else float(v) for v in model["fixed"][parameter.name]]
        count = value.count(None)
    if text is None:
        priors = [parameter.default(noticed, components, not own)] * count
    elif isinstance(text, dict):
        priors = parse_differences(text, parameter.support, count)
    else:
        priors = parse(text, parameter.support, count)
    return Resolved(*about, mode, ordered, value, text is None, tuple(priors), column, isinstance(text, dict))


def _refuse_collapse(name, family, entry, model, components, noticed, facts, groups):
    """Raise a `UserError` when scales may meet equal values; groups are equal when all of their values are."""
    own = not is_shared(family.parameter(entry.name), model)
    crowded = components >= noticed["distinct"] and family.kind != MULTIVARIATE
    if not (own or crowded):
        return
    ties = facts
    if groups:
        ties = facts | (groups["ties"][entry.column] if entry.column else next(iter(groups["ties"].values())))
    free = family.ordered not in model["fixed"]
    # Shared by components that may own a distinct value each it meets all values at once.
    meets = ties["most_tied"] - free if own else noticed["n"] - noticed["distinct"] * free
    can_round = not isinstance(family, Transformed) or not any(scale.name for scale in family.scales)
    cut = family.parameter(entry.name).default(facts, components, False)
    refusals.of_collapse(name, family, entry, components, noticed["n"], ties, meets - 1, can_round, cut)


def _numbers(family: Family, entry: Resolved, noticed: dict) -> int:
    """How many unknown numbers each prior of a parameter is about."""
    if family.parameter(entry.name).support != CORRELATION:
        return 1
    return len(noticed["columns"]) * (len(noticed["columns"]) - 1) // 2


def _of_columns(model, components, parameters, noticed):
    """What a specification says of several columns."""
    columns = noticed["columns"]
    # With correlations of its own a component could become a sheet through rows on one line, of rounding or a rule.
    own = components > 1 and any(e.name == "correlation" and e.own for e in parameters)
    thinnest = [
        0.0
        if not own or not (facts["tied"] or noticed["aligned"])
        else float(SEEN * facts["step"] if facts["step"] else THIN * facts["sd"])
        for facts in columns.values()
    ]
    return {"columns": list(columns), "order": model.get("order", "none"), "thinnest": thinnest}


def _notes(free, components, noticed):
    """What a reader should know about the model and these data together (list of str)."""
    crowded = [
        f"The {components} components are not fewer than the {noticed['distinct']} distinct values, so that each value "
        "could be a component of its own: what is said of components is what their priors say."
    ]
    if noticed["n"] > free:
        return crowded if components >= noticed["distinct"] > 1 else []
    return [
        *(crowded if components >= noticed["distinct"] > 1 else []),
        f"The model has {free} unknowns for {noticed['n']} observations: what it says rests on the priors as much as "
        "on the data.",
    ]


def _notes_on_columns(columns):
    """What a reader should know about limits that no prior says."""
    limits = [
        f"{limit:.3g} ({name})"
        for name, limit in zip(columns.get("columns", ()), columns.get("thinnest", ()), strict=True)
        if limit
    ]
    if not limits:
        return []
    return [
        "Many rows lie exactly on common lines, as rounding puts them, and a component with correlations of its own "
        "could collapse onto one of these. The standard deviation of a column given the other columns is therefore "
        f"kept above {', '.join(limits)}: nothing thinner can be told from rounding."
    ]


def _notes_on_order(parameters):
    """What a reader should know about priors of single components that their order cuts (list of str)."""
    notes = []
    for entry in parameters:
        priors = entry.priors
        if not entry.ordered or len(set(priors)) < 2 or entry.differences:
            continue  # under one prior for all an order takes nothing away but the names
        at = (np.random.default_rng(0).permuted(np.tile(IN_TURN, (len(priors), 1)), axis=1)).T
        values = np.column_stack([prior.quantile(at[:, k]) for k, prior in enumerate(priors)])
        kept = float((np.diff(values, axis=1) > 0).all(axis=1).mean())
        if kept < CERTAIN:
            notes.append(
                f"The priors of {entry.name} overlap, and the components are kept in order: the prior is what is "
                f"written, cut to the order, which holds {100 * kept:.0f}% of it."
            )
    return notes


def _notes_on_partly_fixed(parameters):
    """Which components a parameter is fixed for, and what that says of their names (list of str)."""
    notes = []
    for entry in parameters:
        if not entry.partly:
            continue
        known = [f"{plain(v)} for component {k}" for k, v in enumerate(entry.value, start=1) if v is not None]
        numbers = ", ".join(str(k + 1) for k in entry.free)
        said = f"{entry.name} is fixed at {', '.join(known)}, and estimated for component {numbers}."
        if entry.locates:
            said += (
                " The components have the places of that list, whatever the order of their locations: an estimated one "
                "may lie anywhere."
            )
        notes.append(said)
    return notes


def _notes_on_groups(noticed, groups):
    """What has one membership, where rows are in groups (list of str)."""
    if not noticed["groups"]:
        return []
    if groups is None:
        return [
            "Every row has a membership of its own, whatever its group is. A group is still what is left out at once "
            "in comparisons, so that this model can be compared with those that have one membership for each group."
        ]
    return [
        "All rows of a group come from the same component: a group has one membership, and the weights theta are "
        "shares of groups, not of rows. Given the component the rows of a group are taken to be independent, which the "
        "check of what rows of a group have in common looks at."
    ]


def is_partly_fixed(model, name):
    """Whether a model of the configuration fixes a parameter for some of the components and leaves the others open."""
    value = model["fixed"].get(name)
    return isinstance(value, list) and None in value


def is_shared(parameter, model):
    """Whether a model of the configuration gives a parameter one value for all components."""
    return not is_partly_fixed(model, parameter.name) and (
        parameter.sharing == "always"
        or parameter.name in model["share"]
        or (parameter.sharing == "unless own" and parameter.name not in model["own"])
    )


def told_apart(model):
    """The keys of a model of the configuration that have a number for each component (list of str)."""
    keys = [key for key, value in model["fixed"].items() if isinstance(value, list)]
    texts = {key: text for key, text in model["priors"].items() if isinstance(text, str)}
    return keys + [key for key, text in texts.items() if "[" in text.rpartition(")")[0]]


def _is_informed(family, model):
    """Whether the model says what is believed of locations, and of scales that could collapse, not a default."""
    names = [name for name in (family.ordered, family.collapsing) if name is not None]
    return all(
        name in model["priors"] or (name in model["fixed"] and not is_partly_fixed(model, name)) for name in names
    )


def _noticed_on_scale(family, noticed, rows):
    """What is noticed about values on the scale of a transformed family; their steps are those of the raw ones there.

    A step of the raw values is of no one size there: the smallest that it has among the values counts, as it does for
    logs.
    """
    names = list(noticed.get("columns", ["y"]))
    found = notice(replace(rows, y=family.forward(rows.y)), names)
    raw = list(noticed["columns"].values()) if "columns" in noticed else [noticed]
    for scale, before, facts in zip(family.scales, raw, found["columns"].values() if "columns" in found else [found],
                                    strict=True):  # fmt: skip
        at = np.array([before["minimum"], before["maximum"], 0.5 if scale.name == "logit" else before["maximum"]])
        slope = np.exp(scale.log_jacobian(at).min())
        facts["step"] = before["step"] and before["step"] * float(slope)
    return found


def _unit(family, noticed, parameters):
    """What the sampler works in: dict of origin, location and scale.

    Locations between ends that the family does not have are sampled on another line, and the data's own location and
    spread are sought there.
    """
    unit, entry = family.unit(noticed), parameters[0]
    support = family.parameters[0].support
    if family.kind == MULTIVARIATE or not entry.priors:
        return unit
    ends = entry.bounds
    if (ends.low == ENDS[support][0]).all() and (ends.high == ENDS[support][1]).all():
        return unit
    if not ends.alike:
        return unit | {"origin": 0.0, "location": 1.0}
    ends, usual = (Bounds(b.low[:1], b.high[:1]) for b in (ends, Bounds.of([ENDS[support]])))
    typical = ends.inside(usual.from_line([unit["origin"]]), NEAR_END, NEAR_END * unit["location"])
    spread = 1.0 if support != REAL else float(np.clip(unit["location"] / np.exp(ends.log_slope(typical)[0]), 1e-6, 1))
    return unit | {"origin": float(ends.to_line(typical)[0]), "location": spread}
