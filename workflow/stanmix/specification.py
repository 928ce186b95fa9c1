"""A model made concrete for one data set and number of components: every prior with its numbers, as data for Stan."""

import numpy as np

from stanmix.errors import UserError
from stanmix.families import FAMILIES
from stanmix.family import CONTINUOUS, SLOTS, WHOLE, ends_of
from stanmix.priors import PROGRAM_ARGUMENTS, Prior, parse, parse_weights


def specify(name, model, components, noticed, rounding=None):
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

    Returns
    -------
    dict
        Plain values: model, family, kind, program, components, n, rounding, unit (the sampler's origin and scale),
        weights (mode "estimated" with concentration or "fixed" with value), parameters, each with name, slot, meaning,
        mode ("own", "shared", "fixed"), ordered, value (K numbers or None), is_default and priors (one dict per
        scalar), and notes (sentences about the model and these data).

    Raises
    ------
    UserError
        When the family does not fit the data, when the data cannot tell so many components apart, or when own scales
        meet tied values under a prior that does not vanish at 0, or too slowly: the posterior would be improper (Day
        1969).
    """
    family = FAMILIES[model["family"]]
    _refuse_data(name, family, noticed)
    if components > noticed["distinct"]:
        raise UserError(
            f"models.{name}: {components} components are asked for, but the data have only {noticed['distinct']} "
            "distinct values; ask for fewer."
        )
    fixed, weights = model["fixed"], {"mode": "estimated"}
    if "theta" in fixed:
        weights = {"mode": "fixed", "value": (np.array(fixed["theta"]) / sum(fixed["theta"])).tolist()}
    else:
        weights["concentration"] = parse_weights(model["priors"]["theta"], components)
    parameters = []
    for parameter in family.parameters:
        own = not is_shared(parameter, model)
        entry = {
            "name": parameter.name,
            "slot": parameter.slot,
            "meaning": parameter.meaning,
            "mode": "fixed" if parameter.name in fixed else "own" if own else "shared",
            "ordered": parameter.name == family.ordered,
            "value": None,
            "is_default": False,
            "priors": [],
        }
        if entry["mode"] == "fixed":
            entry["value"] = np.broadcast_to(np.array(fixed[parameter.name], float), components).tolist()
        else:
            count = components if own else 1
            entry["is_default"] = parameter.name not in model["priors"]
            if entry["is_default"]:
                priors = [parameter.default(noticed, components, not own)] * count
            else:
                priors = parse(model["priors"][parameter.name], parameter.support, count)
            if parameter.name == family.collapsing and own and components > 1 and noticed["tied"] and not rounding:
                _refuse_collapse(name, parameter, priors, noticed, mean_is_free=family.ordered not in fixed)
            entry["priors"] = [prior.as_dict() for prior in priors]
        parameters.append(entry)
    free = sum(len(entry["priors"]) for entry in parameters)
    free += components - 1 if weights["mode"] == "estimated" else 0
    if family.takes == "trials" and components > 1 and free > noticed["trials"]["most"]:
        raise UserError(
            f"models.{name}: {components} {family.name} components have {free} unknowns, but no row has more than "
            f"{noticed['trials']['most']} trials, and {noticed['trials']['most']} are what so many trials can tell; "
            "ask for fewer components, or add up trials that belong together."
        )
    return {
        "model": name,
        "family": family.name,
        "kind": family.kind,
        "program": family.program,
        "components": components,
        "n": noticed["n"],
        "rounding": rounding if family.kind == CONTINUOUS else None,
        "unit": family.unit(noticed),
        "weights": weights,
        "parameters": parameters,
        "notes": _notes(free, noticed),
    }


def is_shared(parameter, model):
    """Whether a model of the configuration gives a parameter one value for all components."""
    return (
        parameter.sharing == "always"
        or parameter.name in model["share"]
        or (parameter.sharing == "unless own" and parameter.name not in model["own"])
    )


def _refuse_data(name, family, noticed):
    """Raise a `UserError` when the observations are not of the kind that the family describes."""

    def refuse(needs, fault, advice):
        where = f"line {fault['line']} has" if fault["line"] else "there is"
        more = f" (and {fault['number'] - 1} more)" if fault["number"] > 1 else ""
        raise UserError(
            f"models.{name}: the family {family.name} needs {needs}, but {where} {fault['value']:g}{more}; {advice}."
        )

    if family.positive and noticed["minimum"] <= 0:
        fault = noticed["negative"] or {"line": None, "value": noticed["minimum"], "number": 1}
        refuse("values above 0", fault, "use a family of the whole line, such as normal")
    if family.kind == WHOLE:
        for fault, needs in ((noticed["negative"], "counts from 0"), (noticed["not_whole"], "whole numbers")):
            if fault:
                refuse(needs, fault, "use a continuous family, such as normal")


def _refuse_collapse(name, parameter, priors, noticed, mean_is_free):
    # On m equal values the likelihood grows as sigma^-m; a free mean that has to meet them costs one power of sigma.
    needed = noticed["most_tied"] - 1 - mean_is_free
    if not all(prior.power_at_zero > needed for prior in priors):
        step = f"{noticed['step']:g}" if noticed["step"] else "the step to which values are rounded"
        raise UserError(
            f"models.{name}: {noticed['tied']} of the {noticed['n']} values are tied with another, and with a "
            f"{parameter.name} per component under a {priors[0].distribution} prior a component can collapse onto "
            f"equal values, so that the posterior is improper; share {parameter.name}, give it a prior that vanishes "
            f"at 0 (lognormal or inv_gamma, best cut at {step} by T[{step}, ]), or say `rounding: {step}` in the data "
            "set, which makes the likelihood that of intervals."
        )


def _notes(free, noticed):
    """What a reader should know about the model and these data together (list of str)."""
    if noticed["n"] > free:
        return []
    return [
        f"The model has {free} unknowns for {noticed['n']} observations: what it says rests on the priors as much as "
        "on the data."
    ]


def prior_of(entry, index=0):
    """The `Prior` of one scalar of a specification's parameter."""
    prior = entry["priors"][index]
    return Prior(prior["distribution"], tuple(prior["arguments"]), prior["lower"])


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
    lower = entry["priors"][0]["lower"]
    columns = zip(*(prior["arguments"] for prior in entry["priors"]), strict=True)
    texts = []
    for column in columns:
        numbers = [f"{value:.6g}" for value in column]
        texts.append(numbers[0] if len(set(numbers)) == 1 else f"[{', '.join(numbers)}]")
    text = f"{distribution}({', '.join(texts)})"
    if lower is None:
        return text
    if lower > 0:
        return f"{text}, above {lower:g}"
    return ("half-" if all(p["arguments"][-2] == 0 for p in entry["priors"]) else "positive ") + text


def program_data(specification, units):
    """The data of the Stan program.

    Parameters
    ----------
    specification : dict
        What `specify` returned.
    units : observations.Units
        The distinct observations with their counts; none for the prior alone.

    Returns
    -------
    dict
        For CmdStan, under the names in the program's data block.
    """
    family, components = FAMILIES[specification["family"]], specification["components"]
    weights, unit = specification["weights"], specification["unit"]
    estimated = weights["mode"] == "estimated"
    is_whole, n = family.kind == WHOLE, len(units.y)
    shape_end = next((ends_of(p) for p in family.parameters if p.slot == "shape"), None)
    whole = {
        "whole": units.y.astype(int).tolist(),
        "trials": [0] * n if units.trials is None else units.trials.astype(int).tolist(),
        "exposure": [1.0] * n if units.exposure is None else units.exposure.tolist(),
    }
    data = {
        "N": n,
        "K": components,
        "family": family.number,
        "is_whole": int(is_whole),
        "has_zero": int(family.zero is not None),
        "location_link": family.link,
        "shape_is_bounded": int(shape_end is not None),
        "shape_lower": shape_end or 0.0,
        "scale_lower": 0.0,
        "count": units.count.tolist(),
        "y": [] if is_whole else units.y.tolist(),
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
        data[f"{slot}_fixed"] = [] if priors else entry["value"] or [0.0] * components
        data[f"{slot}_prior"] = [prior.number for prior in priors]
        data[f"{slot}_arguments"] = np.reshape(
            [prior.padded_arguments for prior in priors], (len(priors), PROGRAM_ARGUMENTS)
        ).tolist()
        if slot == "scale" and priors:
            data["scale_lower"] = priors[0].lower or 0.0
    data["zero_fixed"] = data["zero_fixed"][:1] if data["has_zero"] and not data["zero_count"] else []
    return data
