"""Simulated observations, with their truth."""

from __future__ import annotations

import math

import numpy as np

from stanmix.data.observations import Observations
from stanmix.families.registry import FAMILIES


def simulate(recipe: dict, seed: int) -> tuple[Observations, dict]:
    """Simulate a data set from a mixture.

    Parameters
    ----------
    recipe : dict
        The `simulate` entry of a data set: family, sizes (or n and theta), and the parameters.
    seed : int
        For `numpy.random.default_rng`; the recipe's own seed takes its place.

    Returns
    -------
    observations : observations.Observations
        With the true component of each, from 1; K + 1 for extra zeros. With `sizes` the components come one after the
        other. With `rows` each of `sizes` or `n` is a group of so many rows, which are called by numbers from 1.
    truth : dict
        Family, number of components, weights `theta` and each parameter as a list with one value per component.
    """
    family = FAMILIES[recipe["family"]]
    components = len(recipe[family.ordered])
    rng = np.random.default_rng(recipe.get("seed", seed))
    parameters = {name: np.broadcast_to(np.array(recipe[name], float), components) for name in family.names}
    if "sizes" in recipe:
        component = np.repeat(np.arange(components), recipe["sizes"])
        theta = np.array(recipe["sizes"]) / sum(recipe["sizes"])
    else:
        theta = np.array(recipe["theta"], float) / math.fsum(recipe["theta"])
        component = rng.choice(components, size=recipe["n"], p=theta)
    group = None
    if "rows" in recipe:
        group = np.repeat(np.arange(1, len(component) + 1), recipe["rows"]).astype(str).astype(object)
        component = np.repeat(component, recipe["rows"])
    size = np.full(len(component), float(recipe.get("trials", 1)))
    y = family.generate(rng, *(parameters[name][component] for name in family.of_component), size=size)
    if family.zero is not None:
        extra = rng.random(len(y)) < recipe[family.zero]
        y, component = np.where(extra, 0.0, y), np.where(extra, components, component)
    truth = {"family": family.name, "components": components, "theta": theta.tolist()}
    truth |= {name: values.tolist() for name, values in parameters.items()}
    ones = np.ones(len(y), dtype=np.int64)
    trials = size if family.takes == "trials" else None
    return Observations(y, ones, trials=trials, component=component + 1, group=group), truth
