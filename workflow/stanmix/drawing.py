"""From tables to figures: read what earlier stages wrote, draw, save as SVG and PNG."""

import numpy as np
import pandas as pd

from stanmix import observations
from stanmix.figures import comparison, data, diagram, membership, predictive, style, traces, weights
from stanmix.files import read_json

# What figures show of concentrations that no model uses: sparse, flat, concentrated, uneven.
CONCENTRATIONS = ((0.5, 0.5, 0.5), (1, 1, 1), (10, 10, 10), (2, 5, 10))


def draw_dataset(inputs, outputs, used):
    """Draw the data of one data set, and the prior of the weights of its models.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, noticed, density, facts.
    outputs : mapping
        Paths: data_svg, data_png, weights_svg, weights_png.
    used : list of dict
        model and concentration of every prior on the weights that is in use.
    """
    y, _ = observations.read(inputs["observations"])
    density, facts = pd.read_csv(inputs["density"]), read_json(inputs["facts"])
    x = density["x"].to_numpy()
    named = {
        "kde": f"kernel density, default bandwidth {facts['bandwidth']:.3g}",
        "kde_narrow": f"kernel density, bandwidth {facts['narrow_bandwidth']:.3g}",
        "true": "true mixture density",
    }
    curves = [
        {"name": name, "x": x, "density": density[key].to_numpy(), "kind": key.replace("_", "-")}
        for key, name in named.items()
        if key in density
    ]
    true = [density[column].to_numpy() for column in density.columns if column.startswith("true_")]
    label = read_json(inputs["noticed"])["label"]
    figure = data.draw_data(y, label=label, curves=curves, true_components=np.array(true) if true else None)
    _save(figure, outputs, "data")
    _save(weights.draw_dirichlet(CONCENTRATIONS, used), outputs, "weights")


def draw_fit(inputs, outputs):
    """Draw all figures of one fit.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, draws, specification, summary, membership, memberships_by_value, density, replicates,
        ecdf, predictive and, for simulated data, dataset_density.
    outputs : mapping
        Paths for each of diagram, traces, membership, replicates, bands, ecdf and density, with _svg and _png.
    """
    specification = read_json(inputs["specification"])
    label = specification["label"]
    y, true_component = observations.read(inputs["observations"])
    _save(diagram.draw_diagram(specification), outputs, "diagram")
    _save(traces.draw_traces(_scalars(inputs["draws"], pd.read_csv(inputs["summary"]))), outputs, "traces")

    by_value = pd.read_csv(inputs["memberships_by_value"])
    probabilities = pd.read_csv(inputs["membership"]).filter(regex="^probability_").to_numpy()
    if true_component is not None and true_component.max() > specification["components"]:
        true_component = None
    figure = membership.draw_membership(
        y,
        probabilities,
        label=label,
        x=by_value["x"].to_numpy(),
        curves=by_value.filter(regex="^probability_").to_numpy().T,
        true_component=None if true_component is None else true_component - 1,
    )
    _save(figure, outputs, "membership")

    table = pd.read_csv(inputs["replicates"])
    x, observed = table["x"].to_numpy(), table["observed"].to_numpy()
    replicates = table.filter(regex="^replicate_").to_numpy().T
    _save(predictive.draw_replicates(x, observed, replicates, label=label), outputs, "replicates")
    keep, anew = ({"observed": observed, **_band(table, prefix)} for prefix in ("keep_", "anew_"))
    peaks = read_json(inputs["predictive"])["peaks"]
    _save(predictive.draw_bands(x, keep, anew, label=label, peaks=peaks), outputs, "bands")
    table = pd.read_csv(inputs["ecdf"])
    figure = predictive.draw_ecdf(table["x"].to_numpy(), table["observed"].to_numpy(), _band(table, ""), label=label)
    _save(figure, outputs, "ecdf")

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
    _save(figure, outputs, "density")


def draw_comparison(inputs, outputs):
    """Draw the comparison of all fits of a data set.

    Parameters
    ----------
    inputs : mapping
        Paths: comparison_json and estimates.
    outputs : mapping
        Paths: comparison_svg, comparison_png, estimates_svg, estimates_png.
    """
    rows = [{**row, "failed": bool(row["failed"])} for row in read_json(inputs["comparison_json"])["models"]]
    _save(comparison.draw_comparison(rows), outputs, "comparison")
    table = pd.read_csv(inputs["estimates"]).astype({"component": "Int64"})
    panels = []
    for (name, component), group in table.groupby(["parameter", "component"], sort=False, dropna=False):
        estimates = [
            {"model": row["model"], "mean": row["mean"], "lower": row["hdi_lower"], "upper": row["hdi_upper"]}
            for row in group.to_dict("records")
        ]
        panels.append(
            {
                "parameter": name,
                "component": None if pd.isna(component) else int(component) - 1,
                "estimates": estimates,
                "truth": None if group["truth"].isna().all() else float(group["truth"].dropna().iloc[0]),
            }
        )
    _save(comparison.draw_estimates(panels), outputs, "estimates")


def _save(figure, outputs, name):
    for kind in ("svg", "png"):
        style.save(figure, outputs[f"{name}_{kind}"])


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
