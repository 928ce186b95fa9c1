"""What the Stan programs are told: a specification and the distinct observations, by the names of their data blocks."""

import numpy as np

from stanmix.data.observations import Units
from stanmix.families.bounds import Bounds
from stanmix.families.family import MULTIVARIATE, SLOTS, WHOLE
from stanmix.families.priors import PROGRAM_ARGUMENTS, Prior
from stanmix.model.specification import Specification


def program_data(specification: Specification, units: Units) -> dict:
    """The data of the Stan program.

    Parameters
    ----------
    specification : Specification
    units : observations.Units
        The distinct observations or groups with their counts; none for the prior alone.

    Returns
    -------
    dict
        For CmdStan, under the names in the program's data block.
    """
    if specification.kind == MULTIVARIATE:
        return _of_several_columns(specification, units)
    family, components = specification.entry, specification.components
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
        "is_ordered": int(specification.sampled_in_order),
        "of_differences": int(specification.parameters[0].differences),
        "y": [] if is_whole else family.forward(units.y).tolist(),
        "half_step": (specification.rounding or 0.0) / 2,
        **(whole if is_whole else {key: [] for key in whole}),
        "origin": specification.unit["origin"],
        "location_unit": specification.unit["location"],
        "scale_unit": specification.unit["scale"],
        **_of_weights(specification),
    }
    for slot in SLOTS:
        parameter = specification.in_slot(slot)
        priors = () if parameter is None else parameter.priors
        data[f"{slot}_count"] = len(priors)
        fixed = None if parameter is None else parameter.value
        data[f"{slot}_fixed"] = [value or 0.0 for value in fixed or [None] * components]
        data[f"{slot}_place"] = [0] * components if parameter is None else parameter.places(components)
        bounds = Bounds.of([]) if parameter is None else parameter.bounds
        data[f"{slot}_bounds"], data[f"{slot}_ends"] = bounds.table()
        data[f"{slot}_prior"], data[f"{slot}_arguments"] = _of_priors(priors)
    del data["zero_place"]
    data["zero_fixed"] = data["zero_fixed"][:1] if data["has_zero"] and not data["zero_count"] else []
    return data


def _of_weights(specification: Specification) -> dict:
    weights = specification.weights
    return {
        "theta_count": 0 if weights.fixed else specification.components,
        "theta_fixed": weights.value if weights.fixed else [],
        "theta_concentration": [] if weights.fixed else weights.concentration,
    }


def _of_priors(priors: tuple[Prior, ...]) -> tuple[list, list]:
    """The number of each prior, and its arguments in a table that has its width also without rows."""
    arguments = np.reshape([prior.padded_arguments for prior in priors], (len(priors), PROGRAM_ARGUMENTS + 1))
    return [prior.number for prior in priors], arguments.tolist()


def _of_units(units: Units) -> dict:
    """What both programs are told of what has one membership."""
    sizes = [] if units.sizes is None else units.sizes.tolist()
    known = [0] * len(units.count) if units.known is None else units.known.tolist()
    return {"G": len(sizes), "group_size": sizes, "count": units.count.tolist(), "known": known}


def _of_several_columns(specification: Specification, units: Units) -> dict:
    columns, order = specification.columns, specification.order
    data = {
        "N": len(units.y),
        **_of_units(units),
        "D": len(columns),
        "K": specification.components,
        "sigma_count": specification.matrices("sigma"),
        "correlation_count": specification.matrices("correlation"),
        "order": 0 if order == "none" else columns.index(order) + 1,
        "y": np.reshape(specification.entry.forward(units.y), (-1, len(columns))).T.tolist(),
        "origin": specification.unit["origin"],
        "unit": specification.unit["scale"],
        "sigma_lower": specification.lower_ends,
        "thinnest": specification.thinnest,
        **_of_weights(specification),
        "correlation_shape": [
            prior.arguments[0] for parameter in specification.named("correlation") for prior in parameter.priors
        ],
    }
    for name in ("mu", "sigma"):
        tables = [_of_priors(parameter.priors) for parameter in specification.named(name)]
        data[f"{name}_prior"] = [numbers for numbers, _ in tables]
        data[f"{name}_arguments"] = [arguments for _, arguments in tables]
    return data
