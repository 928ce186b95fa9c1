"""Simulated observations, with their truth."""

import math

import numpy as np

from stanmix.families import FAMILIES


def simulate(recipe, seed):
    """Simulate a data set from a mixture.

    Parameters
    ----------
    recipe : dict
        The `simulate` entry of a data set: family, sizes (or n and theta), and the parameters.
    seed : int
        For `numpy.random.default_rng`; the recipe's own seed takes its place.

    Returns
    -------
    y : numpy.ndarray
        The observations, shape (n,); with `sizes` the components come one after the other.
    component : numpy.ndarray of int
        The true component of each, from 1, shape (n,).
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
    y = family.generate(rng, *(values[component] for values in parameters.values()))
    truth = {"family": family.name, "components": components, "theta": theta.tolist()}
    truth |= {name: values.tolist() for name, values in parameters.items()}
    return y, component + 1, truth
