"""A model made concrete for one data set and number of components: every prior with its numbers, as data for Stan."""

import numpy as np

from stanmix.errors import UserError
from stanmix.families import FAMILIES
from stanmix.priors import PROGRAM_ARGUMENTS, Prior, parse, parse_weights


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
        When own standard deviations meet tied values under a prior that does not vanish at 0, or too slowly: the
        posterior would be improper (Day 1969).
    """
    family = FAMILIES[model["family"]]
    fixed, weights = model["fixed"], {"mode": "estimated"}
    if "theta" in fixed:
        weights = {"mode": "fixed", "value": (np.array(fixed["theta"]) / sum(fixed["theta"])).tolist()}
    else:
        weights["concentration"] = parse_weights(model["priors"]["theta"], components)
    parameters = []
    for parameter in family.parameters:
        own = parameter.name not in model["share"]
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
            if parameter.name == "sigma" and own and components > 1 and noticed["tied"]:
                _refuse_collapse(name, priors, noticed, mean_is_free=family.ordered not in fixed)
            entry["priors"] = [prior.as_dict() for prior in priors]
        parameters.append(entry)
    return {
        "model": name,
        "family": family.name,
        "program": family.program,
        "components": components,
        "n": noticed["n"],
        "unit": {"centre": noticed["median"], "scale": noticed["sd"]},
        "weights": weights,
        "parameters": parameters,
    }


def _refuse_collapse(name, priors, noticed, mean_is_free):
    # On m equal values the likelihood grows as sigma^-m; a free mean that has to meet them costs one power of sigma.
    needed = noticed["most_tied"] - 1 - mean_is_free
    if not all(prior.power_at_zero > needed for prior in priors):
        raise UserError(
            f"models.{name}: {noticed['tied']} of the {noticed['n']} values are tied with another, and with a standard "
            f"deviation per component under a {priors[0].distribution} prior a component can collapse onto equal "
            "values, so that the posterior is improper; share sigma, or give it a lognormal or inv_gamma prior."
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
        Such as ``normal([10, 20, 35], 2)`` or ``half-cauchy(0, 5)``.
    """
    distribution = entry["priors"][0]["distribution"]
    lower = entry["priors"][0]["lower"]
    columns = zip(*(prior["arguments"] for prior in entry["priors"]), strict=True)
    texts = []
    for column in columns:
        numbers = [f"{value:.6g}" for value in column]
        texts.append(numbers[0] if len(set(numbers)) == 1 else f"[{', '.join(numbers)}]")
    cut = "" if lower is None else "half-" if all(p["arguments"][-2] == 0 for p in entry["priors"]) else "positive "
    return f"{cut}{distribution}({', '.join(texts)})"


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
    weights = specification["weights"]
    estimated = weights["mode"] == "estimated"
    data = {
        "N": len(y),
        "K": specification["components"],
        "y": np.asarray(y).tolist(),
        **specification["unit"],
        "theta_is_fixed": int(not estimated),
        "theta_fixed": [] if estimated else weights["value"],
        "theta_concentration": weights["concentration"] if estimated else [],
    }
    for entry in specification["parameters"]:
        name = entry["name"]
        priors = [prior_of(entry, index) for index in range(len(entry["priors"]))]
        data[f"{name}_is_fixed"] = int(entry["mode"] == "fixed")
        data[f"{name}_fixed"] = entry["value"] or []
        data[f"{name}_prior"] = [prior.number for prior in priors]
        data[f"{name}_arguments"] = np.reshape(
            [prior.padded_arguments for prior in priors], (len(priors), PROGRAM_ARGUMENTS)
        ).tolist()
        if FAMILIES[specification["family"]].parameter(name).shareable:
            data[f"{name}_is_shared"] = int(entry["mode"] == "shared")
    return data
