"""The figures of a fit."""

import numpy as np
import pandas as pd

from stanmix import observations
from stanmix.drawing import save
from stanmix.figures import diagram, membership, predictive, traces
from stanmix.files import read_json


def draw_fit(inputs, outputs, label):
    """Draw all figures of one fit.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, draws, specification, summary, membership, memberships_by_value, density, replicates,
        ecdf, predictive and, for simulated data, dataset_density.
    outputs : mapping
        Paths for each of diagram, traces, membership, replicates, bands, ecdf and density, with _svg and _png.
    label : str
        What the values are, with their unit.
    """
    specification = read_json(inputs["specification"])
    y, _ = observations.read(inputs["observations"])
    save(diagram.draw_diagram({**specification, "label": label}), outputs, "diagram")
    save(traces.draw_traces(_scalars(inputs["draws"], pd.read_csv(inputs["summary"]))), outputs, "traces")

    by_value, members = pd.read_csv(inputs["memberships_by_value"]), pd.read_csv(inputs["membership"])
    true_component = members.get("true_component")
    figure = membership.draw_membership(
        y,
        members.filter(regex="^probability_").to_numpy(),
        label=label,
        x=by_value["x"].to_numpy(),
        curves=by_value.filter(regex="^probability_").to_numpy().T,
        true_component=None if true_component is None else true_component.to_numpy() - 1,
    )
    save(figure, outputs, "membership")

    table = pd.read_csv(inputs["replicates"])
    x, observed = table["x"].to_numpy(), table["observed"].to_numpy()
    replicates = table.filter(regex="^replicate_").to_numpy().T
    save(predictive.draw_replicates(x, observed, replicates, label=label), outputs, "replicates")
    keep, anew = ({"observed": observed, **_band(table, prefix)} for prefix in ("keep_", "anew_"))
    peaks = read_json(inputs["predictive"])["peaks"]
    save(predictive.draw_bands(x, keep, anew, label=label, peaks=peaks), outputs, "bands")
    table = pd.read_csv(inputs["ecdf"])
    figure = predictive.draw_ecdf(table["x"].to_numpy(), table["observed"].to_numpy(), _band(table, ""), label=label)
    save(figure, outputs, "ecdf")

    table, true = pd.read_csv(inputs["density"]), pd.read_csv(inputs["dataset_density"])
    bands = [_band(table, f"component_{k + 1}_") for k in range(specification["components"])]
    figure = predictive.draw_density(
        y,
        table["x"].to_numpy(),
        _band(table, "mixture_"),
        {key: np.array([band[key] for band in bands]) for key in bands[0]},
        label=label,
        true_density=true["true"].to_numpy() if "true" in true else None,
    )
    save(figure, outputs, "density")


def _band(table, prefix):
    return {key: table[prefix + key].to_numpy() for key in ("lower", "median", "upper")}


def _scalars(path, summary):
    """The draws of every scalar parameter with its truth, as `figures.traces.draw_traces` wants them."""
    import xarray as xr

    posterior = xr.load_dataset(path, group="posterior", engine="h5netcdf")
    parameters = []
    for row in summary.to_dict("records"):
        component = None if pd.isna(row["component"]) else int(row["component"])
        draws = posterior[row["parameter"]]
        draws = draws if component is None else draws.sel(component=component)
        truth = row.get("truth")
        parameters.append(
            {
                "name": row["parameter"],
                "component": None if component is None else component - 1,
                "draws": draws.transpose("chain", "draw").to_numpy(),
                "truth": None if truth is None or pd.isna(truth) else truth,
                "ess": None if pd.isna(row["ess_bulk"]) else row["ess_bulk"],
            }
        )
    return parameters
