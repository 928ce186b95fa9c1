"""The figures of a data set."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stanmix.base.files import read_json
from stanmix.data import observations, replication
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, WHOLE
from stanmix.figures import counts, data, multivariate, style, weights
from stanmix.jobs.drawing import of_shares, on_log_axis

# What figures show of concentrations that no model uses: sparse, flat, concentrated, uneven.
CONCENTRATIONS = ((0.5, 0.5, 0.5), (1, 1, 1), (10, 10, 10), (2, 5, 10))
MOST_COLUMNS = 8  # that are drawn against each other


def figures_of_dataset(inputs: Mapping, label: str) -> dict[str, Figure]:
    """The figure of the data of one data set.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, density, facts.
    label : str
        What the values are, with their unit.

    Returns
    -------
    dict of Figure
        data.
    """
    density, facts = pd.read_csv(inputs["density"]), read_json(inputs["facts"])
    rows = observations.read(inputs["observations"])
    return {"data": DRAW[facts["kind"]](rows.y[replication.sampled_rows(rows)], density, facts, label)}


def figures_of_weights(used: list[dict]) -> dict[str, Figure]:
    """The figure of the prior of the weights of a data set's models beside others.

    Parameters
    ----------
    used : list of dict
        model and concentration of every prior on the weights that is in use.

    Returns
    -------
    dict of Figure
        weights.
    """
    return {"weights": weights.draw_dirichlet(CONCENTRATIONS, used)}


def _continuous(y, density, facts, label):
    named = {
        "kde": f"kernel density, default bandwidth {facts['bandwidth']:.3g}",
        "kde_narrow": f"kernel density, bandwidth {facts['narrow_bandwidth']:.3g}",
        "true": "true mixture density",
    }
    if facts["log"]:
        y, density = np.log10(y), on_log_axis(density)
    curves = [
        {"name": name, "x": density["x"].to_numpy(), "density": density[key].to_numpy(), "kind": key.replace("_", "-")}
        for key, name in named.items()
        if key in density
    ]
    true = [density[column].to_numpy() for column in density.columns if column.startswith("true_")]
    figure = data.draw_data(y, label=label, curves=curves, true_components=np.array(true) if true else None)
    return style.log_ticks(figure, label) if facts["log"] else figure


def _whole(y, density, facts, label):
    true = density["true"].to_numpy() if "true" in density else None
    label = of_shares(label, facts["per"])
    return counts.draw_count_data(density["x"].to_numpy(), density["observed"].to_numpy(), label=label, true_mass=true)


def _multivariate(y, density, facts, label):
    return multivariate.draw_pairs(y[:, :MOST_COLUMNS], facts["columns"][:MOST_COLUMNS])


DRAW = {CONTINUOUS: _continuous, WHOLE: _whole, MULTIVARIATE: _multivariate}
