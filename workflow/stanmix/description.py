"""The density of a data set before any model: kernel densities, and for simulated data the truth beside them."""

import numpy as np
import pandas as pd
from scipy import signal

from stanmix import inference, mixture, observations, predictive
from stanmix.families import FAMILIES
from stanmix.files import read_json, write_csv, write_json


def describe(inputs, outputs, family=None):
    """Write the densities of one data set.

    Parameters
    ----------
    inputs : mapping
        Paths: observations and, for simulated data, truth.
    outputs : mapping
        Paths: density (CSV with x, kde, kde_narrow and, for simulated data, true and true_1 ...) and facts (JSON with
        the bandwidths and the valleys where kernel density and truth differ).
    family : str, optional
        The family of the simulation.
    """
    y, _ = observations.read(inputs["observations"])
    x = predictive.grid(y, family is not None and FAMILIES[family].positive)
    widths = {"kde": predictive.bandwidth(y), "kde_narrow": inference.narrow_bandwidth(y)}
    table = {"x": x} | {name: predictive.kernel_density(y, x, width) for name, width in widths.items()}
    valleys = []
    if inputs.get("truth"):
        truth = read_json(inputs["truth"])
        draws = {name: np.array([values]) for name, values in truth.items() if isinstance(values, list)}
        weighted = mixture.densities(family, x, draws)[0]
        table["true"] = weighted.sum(axis=1)
        table |= {f"true_{k + 1}": weighted[:, k] for k in range(weighted.shape[1])}
        valleys = [
            {"x": float(x[i]), "true": float(table["true"][i]), "kde": float(table["kde"][i]),
             "ratio": float(table["kde"][i] / table["true"][i])}
            for i in signal.find_peaks(-table["true"])[0]
        ]  # fmt: skip
    write_csv(outputs["density"], pd.DataFrame(table))
    write_json(
        outputs["facts"], {"bandwidth": widths["kde"], "narrow_bandwidth": widths["kde_narrow"], "valleys": valleys}
    )
