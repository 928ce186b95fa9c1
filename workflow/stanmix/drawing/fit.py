"""The figures of a fit."""

import numpy as np
import pandas as pd

from stanmix import observations, replication
from stanmix.drawing import save
from stanmix.family import CONTINUOUS, WHOLE
from stanmix.figures import calibration, counts, diagram, membership, predictive, prior, traces
from stanmix.files import read_json

STATISTICS = {
    "mean": "mean",
    "sd": "standard deviation",
    "iqr": "interquartile range",
    "minimum": "minimum",
    "maximum": "maximum",
    "zeros": "share of zeros",
}


def draw_fit(inputs, outputs, label):
    """Draw the figures that every fit has.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, draws, specification, summary, membership, memberships_by_value, density, replicates,
        ecdf, transform, statistics, prior, predictive and, for simulated data, dataset_density.
    outputs : mapping
        Paths for each of diagram, traces, membership, replicates, ecdf, density, transform, statistics and prior, with
        _svg and _png.
    label : str
        What the values are, with their unit.
    """
    specification = read_json(inputs["specification"])
    rows = observations.read(inputs["observations"])
    y = rows.y[replication.sampled_rows(rows)]
    save(diagram.draw_diagram({**specification, "label": label}), outputs, "diagram")
    save(traces.draw_traces(_scalars(inputs["draws"], pd.read_csv(inputs["summary"]))), outputs, "traces")
    save(_membership(inputs, specification, rows, label), outputs, "membership")

    table = pd.read_csv(inputs["ecdf"])
    figure = predictive.draw_ecdf(table["x"].to_numpy(), table["observed"].to_numpy(), _band(table, ""), label=label)
    save(figure, outputs, "ecdf")
    panels = [
        {"title": title, **{key: group[key].to_numpy() for key in ("u", "difference", "lower", "upper")}}
        for title, group in pd.read_csv(inputs["transform"]).groupby("panel", sort=False)
    ]
    save(calibration.draw_pit(panels), outputs, "transform")
    replicated = pd.read_csv(inputs["statistics"])
    found = [
        {"title": STATISTICS[row["name"]], "observed": row["observed"], "p_value": row["p_value"],
         "replicated": replicated[row["name"]].to_numpy()}
        for row in read_json(inputs["predictive"])["statistics"]
    ]  # fmt: skip
    save(calibration.draw_statistics(found), outputs, "statistics")
    for name, figure in DRAW[specification["kind"]](inputs, specification, y, label).items():
        save(figure, outputs, name)


def draw_bands(inputs, outputs, label):
    """Draw kernel densities of replicated data with memberships kept and drawn anew; for continuous data only.

    Parameters
    ----------
    inputs : mapping
        Paths: replicates and predictive.
    outputs : mapping
        Paths: bands_svg and bands_png.
    label : str
        What the values are, with their unit.
    """
    table = pd.read_csv(inputs["replicates"])
    x, observed = table["x"].to_numpy(), table["observed"].to_numpy()
    keep, anew = ({"observed": observed, **_band(table, prefix)} for prefix in ("keep_", "anew_"))
    peaks = read_json(inputs["predictive"])["peaks"]
    save(predictive.draw_bands(x, keep, anew, label=label, peaks=peaks), outputs, "bands")


def _membership(inputs, specification, rows, label):
    by_value, members = pd.read_csv(inputs["memberships_by_value"]), pd.read_csv(inputs["membership"])
    parts = [column.removeprefix("probability_") for column in members if column.startswith("probability_")]
    true = members.get("true_component")
    return membership.draw_membership(
        rows.y,
        members.filter(regex="^probability_").to_numpy(),
        label=label,
        x=by_value["x"].to_numpy(),
        curves=by_value.filter(regex="^probability_").to_numpy().T,
        true_component=None if true is None else true.astype(str).map(parts.index).to_numpy(),
        names=_part_names(parts),
    )


def _part_names(parts):
    return ["extra zeros" if part == "zero" else f"component {part}" for part in parts]


def _curves(table):
    return table.filter(regex="^curve_").to_numpy().T


def _parts_bands(table):
    """Names and bands (P, m) of the parts of a mixture in a table of `predictive.part_bands`."""
    parts = [c.removeprefix("component_").removesuffix("_median") for c in table if c.endswith("_median")]
    parts = [part for part in parts if part != "mixture"]
    bands = [_band(table, f"component_{part}_") for part in parts]
    return _part_names(parts), {key: np.array([band[key] for band in bands]) for key in ("lower", "median", "upper")}


def _continuous(inputs, specification, y, label):
    table = pd.read_csv(inputs["replicates"])
    x, observed = table["x"].to_numpy(), table["observed"].to_numpy()
    replicates = table.filter(regex="^replicate_").to_numpy().T
    density, true = pd.read_csv(inputs["density"]), pd.read_csv(inputs["dataset_density"])
    prior_table = pd.read_csv(inputs["prior"])
    return {
        "replicates": predictive.draw_replicates(x, observed, replicates, label=label),
        "density": predictive.draw_density(
            y,
            density["x"].to_numpy(),
            _band(density, "mixture_"),
            _parts_bands(density)[1],
            label=label,
            true_density=true["true"].to_numpy() if "true" in true else None,
        ),
        "prior": prior.draw_prior_predictive(prior_table["x"].to_numpy(), _curves(prior_table), y, label=label),
    }


def _whole(inputs, specification, y, label):
    table, density = pd.read_csv(inputs["replicates"]), pd.read_csv(inputs["density"])
    prior_table = pd.read_csv(inputs["prior"])
    names, bands = _parts_bands(density)
    observed, step = density["observed"].to_numpy(), int(density["step"].iloc[0])
    return {
        "replicates": counts.draw_rootogram(
            table["x"].to_numpy(), table["observed"].to_numpy(), _band(table, ""), label=label, step=step
        ),
        "density": counts.draw_bars(
            density["x"].to_numpy(), observed, _band(density, "mixture_"), bands, label=label, names=names, step=step
        ),
        "prior": prior.draw_prior_predictive(
            prior_table["x"].to_numpy(),
            _curves(prior_table),
            prior_table["observed"].to_numpy(),
            label=label,
            discrete=True,
            step=int(prior_table["step"].iloc[0]),
        ),
    }


DRAW = {CONTINUOUS: _continuous, WHOLE: _whole}


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
