"""A model made concrete for one data set and number of components: every prior with its numbers, as data for Stan."""

from dataclasses import replace

import numpy as np

from stanmix.base.errors import UserError
from stanmix.base.text import LARGEST_COUNT, plain
from stanmix.data.noticing import notice
from stanmix.families.bounds import Bounds
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, SEEN, SLOTS, WHOLE
from stanmix.families.priors import CORRELATION, ENDS, PROGRAM_ARGUMENTS, REAL, Prior, parse, parse_weights
from stanmix.families.registry import FAMILIES, family_of
from stanmix.families.transforms import Transformed

MOST_UNKNOWNS = 3  # unknowns for each observation from which on nothing is sampled that is costly too
COSTLY = 400  # densities in a step of the sampler: of 20 components for 20 observations
CERTAIN = 0.995  # of a prior: what an order leaves, from which it is as good as not cut
IN_TURN = (np.arange(20_000) + 0.5) / 20_000  # probabilities at which priors are compared
NEAR_END = 0.01  # of the distance between ends: no typical location is taken to be nearer to one
THIN = 1e-3  # what cannot be seen, in standard deviations of a column with ties that are not from rounding


def specify(name, model, components, noticed, rounding=None, rows=None):
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
    dict
        Plain values: model, family, transform (what is done to the values of each column, as text, or None), kind,
        program, components, n, membership ("group" where all rows of a group have one, else "row"), labels ("ordered",
        "relabelled" or "given"), rounding, unit (the sampler's origin and scale), weights (mode "estimated" with
        concentration or "fixed" with value), parameters, each with name, slot, meaning, mode ("own", "shared",
        "fixed"), ordered, value (K numbers or None), is_default and priors (one dict per scalar), and notes (sentences
        about the model and these data). With several columns also columns (their names), order (the column that orders
        the components, or "none") and thinnest (for each column its least sd given the others, 0 for none); mean and
        standard deviation have a parameter for each, which then has the key column.

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
        _refuse_values(name, family, noticed, rows)
    groups = noticed["groups"] if model["membership"] == "group" else None
    _refuse_data(name, family, noticed)
    if transform is not None:
        noticed = _noticed_on_scale(family, noticed, rows)
    _refuse_few(name, family, model, components, noticed, rounding)
    if groups and family.zero:
        raise UserError(
            f"models.{name}: the family {family.name} has extra zeros of single rows, which a model with one "
            f"membership for each group cannot have; take {family.name.removeprefix('zero_inflated_')}, or say "
            "`membership: row`."
        )
    if noticed["known"] and noticed["known"]["largest"] > components:
        raise UserError(
            f"models.{name}: {components} components are asked for, but the data name a component "
            f"{noticed['known']['largest']} as known; ask for more, or correct the column."
        )
    fixed, weights = model["fixed"], {"mode": "estimated"}
    if "theta" in fixed:
        weights = {"mode": "fixed", "value": (np.array(fixed["theta"]) / sum(fixed["theta"])).tolist()}
    else:
        weights["concentration"] = parse_weights(model["priors"]["theta"], components)
    parameters = []
    order = model.get("order", "none") if family.kind == MULTIVARIATE else None
    given = components > 1 and (model["labels"] == "given" or (order == "none" and bool(told_apart(model))))
    relabelled = not given and not noticed["known"] and (model["labels"] == "relabelled" or order == "none")
    for parameter in family.parameters_of(model):
        for column, facts in family.targets(parameter, noticed):
            if rounding:
                facts = facts | {"step": None}  # the likelihood of intervals is bounded: no default needs to be cut
            entry = _resolved(name, family, parameter, model, components, facts)
            if column is not None:
                entry["column"] = column
            entry["ordered"] = parameter.name == family.ordered and column == order and not (relabelled or given)
            crowded = components >= noticed["distinct"] and family.kind != MULTIVARIATE
            own = not is_shared(parameter, model)
            if parameter.name == family.collapsing and (own or crowded) and not rounding:
                ties = facts
                if groups:
                    ties = facts | (groups["ties"][column] if column else next(iter(groups["ties"].values())))
                free = family.ordered not in fixed
                # Shared by components that may own a distinct value each it meets all values at once.
                meets = ties["most_tied"] - free if own else noticed["n"] - noticed["distinct"] * free
                can_round = transform is None or not any(scale.name for scale in family.scales)
                cut = parameter.default(facts, components, False)
                _refuse_collapse(name, family, entry, components, noticed["n"], ties, meets - 1, can_round, cut)
            parameters.append(entry)
    free = sum(len(entry["priors"]) * _numbers(family, entry, noticed) for entry in parameters)
    free += components - 1 if weights["mode"] == "estimated" else 0
    if groups and family.takes == "trials" and components > 1:
        _refuse_few_trials(name, family, components, free, groups)
    elif family.takes == "trials" and components > 1 and free > noticed["trials"]["most"]:
        raise UserError(
            f"models.{name}: {components} {family.name} components have {free} unknowns, but no row has more than "
            f"{noticed['trials']['most']} trials, and {noticed['trials']['most']} are what so many trials can tell; "
            "ask for fewer components, or add up trials that belong together."
        )
    _refuse_hopeless(name, components, free, noticed["n"])
    columns = _of_columns(model, components, parameters, noticed) if family.kind == MULTIVARIATE else {}
    return {
        "model": name,
        "family": family.name,
        "transform": transform,
        "kind": family.kind,
        "program": family.program,
        "components": components,
        "n": noticed["n"],
        "membership": "group" if groups else "row",
        "labels": "given" if given else "relabelled" if relabelled and components > 1 else "ordered",
        "rounding": rounding if family.kind == CONTINUOUS else None,
        "unit": _unit(family, noticed, parameters),
        "weights": weights,
        "parameters": parameters,
        **columns,
        "notes": _notes(free, components, noticed)
        + _notes_on_columns(columns)
        + _notes_on_order(parameters)
        + _notes_on_groups(noticed, groups),
    }


def _resolved(name, family, parameter, model, components, noticed):
    """A parameter of a specification, `noticed` being about its column where there are several."""
    fixed, own = model["fixed"], not is_shared(parameter, model)
    entry = {
        "name": parameter.name,
        "slot": parameter.slot,
        "meaning": parameter.meaning,
        "mode": "fixed" if parameter.name in fixed else "own" if own else "shared",
        "ordered": False,
        "value": None,
        "is_default": False,
        "priors": [],
    }
    if entry["mode"] == "fixed":
        entry["value"] = np.broadcast_to(np.array(fixed[parameter.name], float), components).tolist()
        return entry
    count = components if own else 1
    entry["is_default"] = parameter.name not in model["priors"]
    if entry["is_default"]:
        priors = [parameter.default(noticed, components, not own)] * count
    else:
        priors = parse(model["priors"][parameter.name], parameter.support, count)
    entry["priors"] = [prior.as_dict() for prior in priors]
    return entry


def _numbers(family, entry, noticed):
    """How many unknown numbers each prior of a parameter is about."""
    if family.parameter(entry["name"]).support != CORRELATION:
        return 1
    return len(noticed["columns"]) * (len(noticed["columns"]) - 1) // 2


def _of_columns(model, components, parameters, noticed):
    """What a specification says of several columns."""
    columns = noticed["columns"]
    # With correlations of its own a component could become a sheet through rows on one line, of rounding or a rule.
    own = components > 1 and any(e["name"] == "correlation" and e["mode"] == "own" for e in parameters)
    thinnest = [
        0.0
        if not own or not (facts["tied"] or noticed["aligned"])
        else float(SEEN * facts["step"] if facts["step"] else THIN * facts["sd"])
        for facts in columns.values()
    ]
    return {"columns": list(columns), "order": model.get("order", "none"), "thinnest": thinnest}


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
        priors = [prior_of(entry, index) for index in range(len(entry["priors"]))]
        if not entry["ordered"] or len(set(priors)) < 2:
            continue  # under one prior for all an order takes nothing away but the names
        at = (np.random.default_rng(0).permuted(np.tile(IN_TURN, (len(priors), 1)), axis=1)).T
        values = np.column_stack([prior.quantile(at[:, k]) for k, prior in enumerate(priors)])
        kept = float((np.diff(values, axis=1) > 0).all(axis=1).mean())
        if kept < CERTAIN:
            notes.append(
                f"The priors of {entry['name']} overlap, and the components are kept in order: the prior is what is "
                f"written, cut to the order, which holds {100 * kept:.0f}% of it."
            )
    return notes


def is_shared(parameter, model):
    """Whether a model of the configuration gives a parameter one value for all components."""
    return (
        parameter.sharing == "always"
        or parameter.name in model["share"]
        or (parameter.sharing == "unless own" and parameter.name not in model["own"])
    )


def told_apart(model):
    """The keys of a model of the configuration that have a number for each component (list of str)."""
    keys = [key for key, value in model["fixed"].items() if isinstance(value, list)]
    return keys + [key for key, text in model["priors"].items() if "[" in text.rpartition(")")[0]]


def _is_informed(family, model):
    """Whether the model says what is believed of locations, and of scales that could collapse, not a default."""
    names = [name for name in (family.ordered, family.collapsing) if name is not None]
    return all(name in model["fixed"] or name in model["priors"] for name in names)


def _refuse_values(name, family, noticed, rows):
    """Raise a `UserError` when values have no place on the scale of a transformed family."""
    allowed = family.allowed(rows.y).reshape(len(rows.y), -1)
    several = list(noticed.get("columns", {}).values())
    for column, facts in enumerate(several or [noticed]):
        wrong = np.flatnonzero(~allowed[:, column])
        if not len(wrong):
            continue
        scale = family.scales[column]
        too_low = facts["minimum"] <= -scale.shift
        fault = facts["lowest" if too_low else "highest"]
        where = f"{fault['place']}, column '{fault['column']}', has" if fault["place"] else "there is"
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        if scale.name == "logit":
            ways = (
                "where the numbers behind shares are known, give these as column and trials (family binomial or "
                "beta_binomial); leave out what is exactly 0 or 1 and report its share; divide percentages by 100"
            )
        else:
            ways = (
                f"say `shift:` with more than {plain(-facts['minimum'] + 0.0)}, as half of the smallest step between "
                "values, or leave these rows out and report their share"
            )
        raise UserError(
            f"models.{name}: {family.name} needs {family.needs(column)}, but {where} {plain(fault['value'])}{more}; "
            f"{ways}."
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


def _refuse_data(name, family, noticed):
    """Raise a `UserError` when the observations are not of the kind that the family describes."""

    def refuse(needs, fault, advice):
        where = f"{fault['place']}, column '{fault['column']}', has" if fault["place"] else "there is"
        more = f" (and {fault['number'] - 1} more)" if fault["number"] > 1 else ""
        raise UserError(
            f"models.{name}: the family {family.name} needs {needs}, but {where} {plain(fault['value'])}{more}; "
            f"{advice}."
        )

    for column, facts in noticed.get("columns", {}).items():
        if facts["distinct"] == 1:
            raise UserError(
                f"models.{name}: all values of the column '{column}' are {facts['median']:g}, which tells no "
                "components apart and has no standard deviation; leave it out of columns."
            )
    if family.positive and noticed["negative"]:
        refuse("values above 0", noticed["negative"], "use a family of the whole line, such as normal")
    if family.positive and noticed["not_positive"]:
        refuse(
            "values above 0",
            noticed["not_positive"],
            f"a share of exact zeros is a point of its own beside the positive values: report that share "
            f"({noticed['zeros']} of {noticed['n']}) and fit the values above 0 alone, or, if zeros stand for what is "
            "too small to be seen, leave them out and say so",
        )
    if family.kind == WHOLE:
        if noticed["uncountable"]:
            needs = f"counts up to {LARGEST_COUNT}, beyond which CmdStan cannot count"
            refuse(needs, noticed["uncountable"], "count in larger units")
        for fault, needs in ((noticed["negative"], "counts from 0"), (noticed["not_whole"], "whole numbers")):
            if fault:
                refuse(needs, fault, "use a continuous family, such as normal")


def _refuse_few(name, family, model, components, noticed, rounding):
    """Raise a `UserError` when so few distinct observations leave every component a point, or all in one plane."""
    distinct = noticed["distinct"]
    informing = [name for name in (family.ordered, family.collapsing) if name is not None]
    way = "" if family.kind == MULTIVARIATE else f", or say the prior of {' and '.join(informing)} yourself"
    if noticed["groups"] and model["membership"] == "group":
        number = noticed["groups"]["distinct"]
        if components > number:
            raise UserError(
                f"models.{name}: {components} components are asked for, but the data have only {number} distinct "
                f"group{'s' if number > 1 else ''}, each with one membership; ask for fewer, or say `membership: row`."
            )
    elif family.kind != MULTIVARIATE and _is_informed(family, model):
        return
    elif components > distinct:
        raise UserError(
            f"models.{name}: {components} components are asked for, but the data have only {distinct} "
            f"distinct values; ask for fewer{way}."
        )
    if family.kind == WHOLE or rounding:
        return
    things = "rows" if family.kind == MULTIVARIATE else "values"
    if 1 < components == distinct and family.collapsing not in model["fixed"]:
        raise UserError(
            f"models.{name}: {components} components are asked for, and the data have only {distinct} distinct "
            f"{things}: each could be a component without any spread; ask for fewer."
        )
    if family.kind != MULTIVARIATE or model.get("correlation", "full") == "diagonal":
        return
    if distinct <= len(noticed["columns"]):
        raise UserError(
            f"models.{name}: the data have only {distinct} distinct rows of {len(noticed['columns'])} columns, which "
            "always lie in one plane and tell nothing of correlations; say `correlation: diagonal`, or leave columns "
            "out."
        )
    relations = [relation["text"] for relation in noticed["relations"] if relation["exact"]]
    if relations:
        raise UserError(
            f"models.{name}: columns are related, {'; '.join(relations)}, so that their correlations have no density; "
            "leave out one column of each relation, or say `correlation: diagonal`."
        )


def _refuse_collapse(name, family, entry, components, n, noticed, needed, can_round, cut):
    # On m equal values the likelihood grows as sigma^-m; a free mean that has to meet them costs one power of sigma.
    # Values that are equal in one of several columns do the same, whatever the others are. So the prior's power at 0
    # must be more than `needed`: where the scale is large for what is narrow, that of its inverse.
    if components == 1 or not noticed["tied"]:
        return
    priors = [prior_of(entry, index) for index in range(len(entry["priors"]))]
    upwards = family.shape_of_one is not None
    if not all((prior.power_at_infinity if upwards else prior.power_at_zero) > needed for prior in priors):
        where = f" of the column '{entry['column']}'" if "column" in entry else ""
        vanishing, interval = "give it a prior that vanishes at 0 (lognormal or inv_gamma", "say `rounding:`"
        if upwards:
            vanishing = "give it a prior that has next to nothing far above (lognormal or gamma"
        if noticed["step"]:
            ends = f" , {cut.upper:.3g}" if upwards else f"{cut.lower:.3g}, "
            vanishing += f", best cut by T[{ends}]"
            interval = f"say `rounding: {noticed['step']:g}`"
        vanishing += ")"
        interval += " in the data set, which makes the likelihood that of intervals"
        own, can_round = entry["mode"] == "own", can_round and not where
        ways = [*([f"share {entry['name']}"] if own else []), vanishing, *([interval] if can_round else [])]
        raise UserError(
            f"models.{name}: {noticed['tied']} of the {n} values{where} are tied with another, and with a "
            f"{entry['name']} {'per component' if own else 'for all components'} under a {priors[0].distribution} "
            "prior a component can collapse onto equal values, so that the posterior is improper; "
            f"{', '.join(ways[:-1])}, or {ways[-1]}."
        )


def _refuse_few_trials(name, family, components, free, groups):
    # K components of successes are told apart where most groups have as many trials as there are unknowns; beyond
    # those of one trial nothing is seen of overdispersion.
    needs = None
    if groups["trials"]["typical"] < free:
        needs = f"{free} unknowns, but most groups have fewer than {free} trials in all"
    elif family.collapsing is None and family.in_slot("scale") and groups["trials"]["most"] < 2:
        needs = "a dispersion, of which rows of a single trial tell nothing"
    if needs:
        raise UserError(
            f"models.{name}: {components} {family.name} components have {needs}; "
            + ("ask for fewer components." if "unknowns" in needs else "use the family binomial.")
        )


def _refuse_hopeless(name, components, free, n):
    # The weights count as K, so that one own mean and sd for each of n components is three unknowns an observation.
    # Where observations are few such a model costs little, and a note says what it rests on.
    if free + 1 >= MOST_UNKNOWNS * n and components * n >= COSTLY:
        raise UserError(
            f"models.{name}: {components} components have {free} unknowns for {n} observations. Such a posterior is "
            f"its prior, and costly: every step of the sampler computes {components * n} densities, and {free} loosely "
            "tied unknowns take up to a thousand steps an iteration, hours in all; ask for fewer components, or share "
            "or fix parameters."
        )


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


def prior_of(entry, index=0):
    """The `Prior` of one scalar of a specification's parameter."""
    prior = entry["priors"][index]
    return Prior(prior["distribution"], tuple(prior["arguments"]), prior["lower"], prior["upper"])


def bounds_of(entry):
    """Between which numbers the free values of a specification's parameter lie (`bounds.Bounds`)."""
    return Bounds.of([prior_of(entry, index).ends for index in range(len(entry["priors"]))])


def sampled_in_order(specification):
    """Whether the program keeps the locations of the components in order: not where their ends do it already."""
    entry = next((e for e in specification["parameters"] if e["ordered"]), None)
    return entry is not None and (not entry["priors"] or bounds_of(entry).alike)


def _unit(family, noticed, parameters):
    """What the sampler works in: dict of origin, location and scale.

    Locations between ends that the family does not have are sampled on another line, and the data's own location and
    spread are sought there.
    """
    unit, entry = family.unit(noticed), parameters[0]
    support = family.parameters[0].support
    if family.kind == MULTIVARIATE or not entry["priors"]:
        return unit
    ends = bounds_of(entry)
    if all(prior_of(entry, index).ends == ENDS[support] for index in range(len(ends))):
        return unit
    if not ends.alike:
        return unit | {"origin": 0.0, "location": 1.0}
    ends, usual = (Bounds(b.low[:1], b.high[:1]) for b in (ends, Bounds.of([ENDS[support]])))
    typical = ends.inside(usual.from_line([unit["origin"]]), NEAR_END, NEAR_END * unit["location"])
    spread = 1.0 if support != REAL else float(np.clip(unit["location"] / np.exp(ends.log_slope(typical)[0]), 1e-6, 1))
    return unit | {"origin": float(ends.to_line(typical)[0]), "location": spread}


def prior_text(entry):
    """The prior of a specification's parameter as readers write it, with its numbers.

    Parameters
    ----------
    entry : dict
        One of a specification's parameters that is not fixed.

    Returns
    -------
    str
        Such as ``normal([10, 20, 35], 2)``, ``half-cauchy(0, 5)`` or ``gamma(2, 0.1), above 1``.
    """
    distribution = entry["priors"][0]["distribution"]
    lower, upper = entry["priors"][0]["lower"], entry["priors"][0]["upper"]
    columns = zip(*(prior["arguments"] for prior in entry["priors"]), strict=True)
    texts = []
    for column in columns:
        numbers = [f"{value:.6g}" for value in column]
        texts.append(numbers[0] if len(set(numbers)) == 1 else f"[{', '.join(numbers)}]")
    text = f"{distribution}({', '.join(texts)})"
    if lower == 0:
        text = ("half-" if all(p["arguments"][-2] == 0 for p in entry["priors"]) else "positive ") + text
        lower = None
    if lower is not None and upper is not None:
        return f"{text}, between {lower:g} and {upper:g}"
    if upper is not None:
        return f"{text}, below {upper:g}"
    return text if lower is None else f"{text}, above {lower:g}"


def program_data(specification, units):
    """The data of the Stan program.

    Parameters
    ----------
    specification : dict
        What `specify` returned.
    units : observations.Units
        The distinct observations or groups with their counts; none for the prior alone.

    Returns
    -------
    dict
        For CmdStan, under the names in the program's data block.
    """
    if specification["kind"] == MULTIVARIATE:
        return _program_data_of_columns(specification, units)
    family, components = FAMILIES[specification["family"]], specification["components"]
    weights, unit = specification["weights"], specification["unit"]
    estimated = weights["mode"] == "estimated"
    is_whole, n = family.kind == WHOLE, len(units.y)
    whole = {
        "whole": units.y.astype(int).tolist(),
        "trials": [0] * n if units.trials is None else units.trials.astype(int).tolist(),
        "exposure": [1.0] * n if units.exposure is None else units.exposure.tolist(),
    }
    data = {
        "N": n,
        **_of_units(units),
        "K": components,
        "family": family.number,
        "is_whole": int(is_whole),
        "has_zero": int(family.zero is not None),
        "is_ordered": int(sampled_in_order(specification)),
        "y": [] if is_whole else family.forward(units.y).tolist(),
        "half_step": (specification["rounding"] or 0.0) / 2,
        **(whole if is_whole else {key: [] for key in whole}),
        "origin": unit["origin"],
        "location_unit": unit["location"],
        "scale_unit": unit["scale"],
        "theta_count": components if estimated else 0,
        "theta_fixed": [] if estimated else weights["value"],
        "theta_concentration": weights["concentration"] if estimated else [],
    }
    entries = {entry["slot"]: entry for entry in specification["parameters"]}
    for slot in SLOTS:
        entry = entries.get(slot, {"priors": [], "value": None})
        priors = [prior_of(entry, index) for index in range(len(entry["priors"]))]
        data[f"{slot}_count"] = len(priors)
        data[f"{slot}_fixed"] = entry["value"] or [0.0] * components
        data[f"{slot}_place"] = places_of(entry, components)
        data[f"{slot}_bounds"], data[f"{slot}_ends"] = bounds_of(entry).table()
        data[f"{slot}_prior"] = [prior.number for prior in priors]
        data[f"{slot}_arguments"] = np.reshape(
            [prior.padded_arguments for prior in priors], (len(priors), PROGRAM_ARGUMENTS + 1)
        ).tolist()
    del data["zero_place"]
    data["zero_fixed"] = data["zero_fixed"][:1] if data["has_zero"] and not data["zero_count"] else []
    return data


def places_of(entry, components):
    """Which free value of a specification's parameter each component has, from 1; 0 for none (list of int)."""
    count = len(entry["priors"])
    return list(range(1, components + 1)) if count == components else [count] * components


def _of_units(units):
    """What both programs are told of what has one membership."""
    sizes = [] if units.sizes is None else units.sizes.tolist()
    known = [0] * len(units.count) if units.known is None else units.known.tolist()
    return {"G": len(sizes), "group_size": sizes, "count": units.count.tolist(), "known": known}


def lower_ends(specification):
    """Where the standard deviations of each column begin (list of float)."""
    entries = [entry for entry in specification["parameters"] if entry["name"] == "sigma"]
    return [entry["priors"][0]["lower"] or 0.0 for entry in entries]


def matrices(specification):
    """How many sets of standard deviations and of correlations there are: dict of sigma and correlation."""
    return {
        name: next((len(entry["priors"]) for entry in specification["parameters"] if entry["name"] == name), 0)
        for name in ("sigma", "correlation")
    }


def _program_data_of_columns(specification, units):
    components, weights = specification["components"], specification["weights"]
    columns, order = specification["columns"], specification["order"]
    estimated, counts = weights["mode"] == "estimated", matrices(specification)
    data = {
        "N": len(units.y),
        **_of_units(units),
        "D": len(columns),
        "K": components,
        "theta_count": components if estimated else 0,
        "sigma_count": counts["sigma"],
        "correlation_count": counts["correlation"],
        "order": 0 if order == "none" else columns.index(order) + 1,
        "y": np.reshape(FAMILIES[specification["family"]].forward(units.y), (-1, len(columns))).T.tolist(),
        "origin": specification["unit"]["origin"],
        "unit": specification["unit"]["scale"],
        "theta_fixed": [] if estimated else weights["value"],
        "sigma_lower": lower_ends(specification),
        "thinnest": specification["thinnest"],
        "theta_concentration": weights["concentration"] if estimated else [],
        "correlation_shape": [],
    }
    for name in ("mu", "sigma"):
        entries = [entry for entry in specification["parameters"] if entry["name"] == name]
        priors = [[prior_of(entry, index) for index in range(len(entry["priors"]))] for entry in entries]
        data[f"{name}_prior"] = [[prior.number for prior in row] for row in priors]
        data[f"{name}_arguments"] = [[prior.padded_arguments for prior in row] for row in priors]
    for entry in specification["parameters"]:
        if entry["name"] == "correlation":
            data["correlation_shape"] = [prior["arguments"][0] for prior in entry["priors"]]
    return data
