"""A data set before any model: kernel densities or frequencies, and for simulated data the truth beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import signal

from stanmix.base.errors import UserError
from stanmix.base.files import read_json, write_csv, write_json
from stanmix.data import observations, replication
from stanmix.expected import continuous, whole
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, WHOLE, Points
from stanmix.families.registry import FAMILIES
from stanmix.fits import inference
from stanmix.model import mixture

if TYPE_CHECKING:
    from collections.abc import Mapping


def describe(inputs: Mapping, outputs: Mapping, kind: str, axis: str = "auto") -> None:
    """Write what is known of the distribution of one data set.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, noticed and, for simulated data, truth.
    outputs : mapping
        Paths: density (CSV) and facts (JSON). Of a continuous data set the density has x, kde, kde_narrow and, for
        simulated data, true and true_1 ...; the facts have the bandwidths and the valleys where kernel density and
        truth differ. Of whole numbers it has x, observed and, for simulated data, the expected true. Of several columns
        the facts have their names, and the density is empty: pairs of them are drawn as points.
    kind : {"continuous", "whole", "multivariate"}
    axis : {"auto", "log", "linear"}
        On what axis the values are drawn.
    """
    rows = observations.read(inputs["observations"])
    points = Points.of(rows)[replication.sampled_rows(rows)]
    truth = read_json(inputs["truth"]) if inputs.get("truth") else None
    if truth is not None and FAMILIES[truth["family"]].kind != kind:
        truth = None  # a distribution of whole numbers has no density, and the other way round
    table, facts = DESCRIBE[kind](points, truth, axis)
    if kind == MULTIVARIATE:
        facts["columns"] = list(read_json(inputs["noticed"])["columns"])
    write_csv(outputs["density"], pd.DataFrame(table))
    write_json(outputs["facts"], {"kind": kind, "looked_at": len(points), **facts})


def _true_draws(truth):
    """The true parameters as one draw."""
    count = truth["components"]
    return {name: np.array([np.resize(values, count)]) for name, values in truth.items() if isinstance(values, list)}


def _continuous(points, truth, axis):
    y = points.y
    if axis == "log" and y.min() <= 0:
        raise UserError(f"axis: log needs values above 0, but the smallest is {y.min():g}; say axis: linear.")
    log = continuous.is_log(y, axis)
    x = continuous.grid(y, truth is not None and FAMILIES[truth["family"]].positive, log=log)
    scaled = np.log(y) if log else y
    widths = {"kde": continuous.bandwidth(scaled), "kde_narrow": inference.narrow_bandwidth(scaled)}
    table = {"x": x} | {name: continuous.kernel_density(y, x, width, log) for name, width in widths.items()}
    valleys = []
    if truth:
        weighted = mixture.densities(truth["family"], continuous.at(x), _true_draws(truth))[0]
        table["true"] = weighted.sum(axis=1)
        table |= {f"true_{k + 1}": weighted[:, k] for k in range(weighted.shape[1])}
        valleys = [
            {"x": float(x[i]), "true": float(table["true"][i]), "kde": float(table["kde"][i]),
             "ratio": float(table["kde"][i] / table["true"][i])}
            for i in signal.find_peaks(-table["true"])[0]
        ]  # fmt: skip
    return table, {
        "log": bool(log),
        "bandwidth": widths["kde"],
        "narrow_bandwidth": widths["kde_narrow"],
        "valleys": valleys,
    }


def _whole(points, truth, axis):
    seen, per = whole.shown(points.y, points)
    values, counts = np.unique(seen, return_counts=True)
    table = {"x": values, "observed": counts}
    if truth:
        values = np.arange(values[0], values[-1] + 1)
        table = {"x": values, "observed": whole.frequencies(seen, values, 1)}
        table["true"] = whole.expected(truth["family"], values, 1, points.size, _true_draws(truth), per)[0]
        table["true"] = table["true"].sum(axis=1)
    return table, {"per": per}


def _multivariate(points, truth, axis):
    return {"x": []}, {}


DESCRIBE = {CONTINUOUS: _continuous, WHOLE: _whole, MULTIVARIATE: _multivariate}
