"""A model made concrete for one data set and number of components: every prior with its numbers, as data for Stan."""

from itertools import zip_longest

import numpy as np

from stanmix.errors import UserError
from stanmix.families import FAMILIES
from stanmix.priors import ENDS, PROGRAM_ARGUMENTS, Prior, parse, parse_weights

SLOTS = ("location", "scale", "shape")  # what the Stan program calls the parameters of a family
NO_PARAMETER = {"priors": [], "value": None}  # a slot that the family does not use


def specify(name, model, components, noticed):
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
        What `observations.notice` says of the data: default priors scale with it.

    Returns
    -------
    dict
        Plain values: model, family, program, components, n, unit (the sampler's origin and scale), weights (mode
        "estimated" with concentration or "fixed" with value) and parameters, each with name, meaning, mode ("own",
        "shared", "fixed"), ordered, value (K numbers or None), is_default and priors (one dict per scalar).

    Raises
    ------
    UserError
        When the family needs positive values and there are others, or when own scales meet tied values under a prior
        that does not vanish at 0, or too slowly: the posterior would be improper (Day 1969).
    """
    family = FAMILIES[model["family"]]
    if family.positive and noticed["minimum"] <= 0:
        raise UserError(
            f"models.{name}: the family {family.name} needs values above 0, but the smallest is "
            f"{noticed['minimum']:g}; use a family of the whole line, such as normal."
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
            if parameter.name == family.scale and own and components > 1 and noticed["tied"]:
                _refuse_collapse(name, parameter, priors, noticed, mean_is_free=family.ordered not in fixed)
            entry["priors"] = [prior.as_dict() for prior in priors]
        parameters.append(entry)
    return {
        "model": name,
        "family": family.name,
        "program": family.program,
        "components": components,
        "n": noticed["n"],
        "unit": family.unit(noticed),
        "weights": weights,
        "parameters": parameters,
    }


def is_shared(parameter, model):
    """Whether a model of the configuration gives a parameter one value for all components."""
    return parameter.name in model["share"] or (
        parameter.sharing == "unless own" and parameter.name not in model["own"]
    )


def _refuse_collapse(name, parameter, priors, noticed, mean_is_free):
    # On m equal values the likelihood grows as sigma^-m; a free mean that has to meet them costs one power of sigma.
    needed = noticed["most_tied"] - 1 - mean_is_free
    if not all(prior.power_at_zero > needed for prior in priors):
        raise UserError(
            f"models.{name}: {noticed['tied']} of the {noticed['n']} values are tied with another, and with a "
            f"{parameter.name} per component under a {priors[0].distribution} prior a component can collapse onto "
            f"equal values, so that the posterior is improper; share {parameter.name}, or give it a lognormal or "
            "inv_gamma prior."
        )


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


def program_data(specification, y):
    """The data of the Stan program.

    Parameters
    ----------
    specification : dict
        What `specify` returned.
    y : numpy.ndarray
        The observations, shape (n,); empty for the prior alone.

    Returns
    -------
    dict
        For CmdStan, under the names in the program's data block.
    """
    family, components = FAMILIES[specification["family"]], specification["components"]
    weights, unit = specification["weights"], specification["unit"]
    estimated = weights["mode"] == "estimated"
    ends = [ENDS[parameter.support] for parameter in family.parameters]
    data = {
        "N": len(y),
        "K": components,
        "y": np.asarray(y).tolist(),
        "family": family.number,
        "location_is_positive": int(ends[0] == 0),
        "shape_is_bounded": int(len(ends) > 2 and ends[2] is not None),
        "shape_lower": (ends[2] or 0.0) if len(ends) > 2 else 0.0,
        "origin": unit["origin"],
        "location_unit": unit["location"],
        "scale_unit": unit["scale"],
        "theta_count": components if estimated else 0,
        "theta_fixed": [] if estimated else weights["value"],
        "theta_concentration": weights["concentration"] if estimated else [],
    }
    for slot, entry in zip_longest(SLOTS, specification["parameters"], fillvalue=NO_PARAMETER):
        priors = [prior_of(entry, index) for index in range(len(entry["priors"]))]
        data[f"{slot}_count"] = len(priors)
        data[f"{slot}_fixed"] = [] if priors else entry["value"] or [0.0] * components
        data[f"{slot}_prior"] = [prior.number for prior in priors]
        data[f"{slot}_arguments"] = np.reshape(
            [prior.padded_arguments for prior in priors], (len(priors), PROGRAM_ARGUMENTS)
        ).tolist()
    return data
