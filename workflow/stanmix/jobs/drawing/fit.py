"""The figures of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stanmix.assess import cutoffs, memberships
from stanmix.base.columns import OF_SCALARS, TEXT, VALUE, parts_of, probability
from stanmix.base.files import read_json
from stanmix.data import observations, replication
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, WHOLE
from stanmix.figures import (
    calibration,
    co_clustering,
    counts,
    diagram,
    membership,
    multivariate,
    predictive,
    prior,
    style,
    traces,
)
from stanmix.jobs.drawing import of_shares, on_log_axis, part_names
from stanmix.model.specification import Specification

STATISTICS = {
    "mean": "mean",
    "sd": "standard deviation",
    "iqr": "interquartile range",
    "minimum": "minimum",
    "maximum": "maximum",
    "zeros": "share of zeros",
}
MOST_SCALARS = 24  # whose chains are drawn: of more, those on which the chains agree least
MOST_STATISTICS = 24  # that are drawn: of more, those outside of their band first
MOST_COLUMNS = 8  # whose distribution functions are drawn


def figures_of_fit(inputs: Mapping, label: str) -> dict[str, Figure]:
    """The figures that every fit has.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, draws, specification, labels, summary, membership, cutoffs, co_clustering,
        memberships_by_value, density, replicates, ecdf, transform, statistics, prior, predictive and, for simulated
        data, dataset_density.
    label : str
        What the values are, with their unit.

    Returns
    -------
    dict of Figure
        diagram, traces, transform, statistics, co_clustering, membership, ecdf, replicates, density and prior.
    """
    specification = Specification.read(inputs["specification"])
    rows = observations.read(inputs["observations"])
    y = rows.y[replication.sampled_rows(rows)]
    summary, names = pd.read_csv(inputs["summary"], **TEXT), read_json(inputs["labels"])["names"]
    scalars, note = _scalars(inputs["draws"], summary, names)
    panels = [
        {"title": title, **{key: group[key].to_numpy() for key in ("u", "difference", "lower", "upper")}}
        for title, group in pd.read_csv(inputs["transform"]).groupby("panel", sort=False)
    ]
    replicated = pd.read_csv(inputs["statistics"])
    found = [
        {"title": STATISTICS.get(row["name"], row["name"]), "observed": row["observed"],
         **{key: row[key] for key in ("lower", "upper", "outside")},
         "replicated": replicated[row["name"]].to_numpy()}
        for row in read_json(inputs["predictive"])["statistics"]
    ]  # fmt: skip
    found.sort(key=lambda row: not row["outside"])
    return {
        "diagram": diagram.draw_diagram(specification.as_dict() | {"label": label}),
        "traces": traces.draw_traces(scalars, note=note),
        "transform": calibration.draw_pit(panels[: 2 * MOST_COLUMNS]),
        "statistics": calibration.draw_statistics(found[:MOST_STATISTICS]),
        "co_clustering": _co_clustering(inputs, rows, specification.by_group),
        **DRAW[specification.kind](inputs, specification, rows, y, label),
    }


def bands_of_fit(inputs: Mapping, label: str) -> dict[str, Figure]:
    """The figure of kernel densities of replicated data, memberships kept and drawn anew; for continuous data only.

    Parameters
    ----------
    inputs : mapping
        Paths: replicates and predictive.
    label : str
        What the values are, with their unit.

    Returns
    -------
    dict of Figure
        bands.
    """
    table, found = pd.read_csv(inputs["replicates"]), read_json(inputs["predictive"])
    peaks, log = found["peaks"], found["log"]
    if log:
        table = on_log_axis(table)
        peaks = [
            {key: np.log10(value) if key == "x" else value * peak["x"] * np.log(10) for key, value in peak.items()}
            for peak in peaks
        ]
    x, observed = table["x"].to_numpy(), table["observed"].to_numpy()
    keep, anew = ({"observed": observed, **band_of(table, prefix)} for prefix in ("keep_", "anew_"))
    figure = predictive.draw_bands(x, keep, anew, label=label, peaks=peaks)
    return {"bands": style.log_ticks(figure, label) if log else figure}


def _one_column(inputs, rows, label, log=False):
    """The figures that are the same for all families of one column."""
    table = pd.read_csv(inputs["ecdf"])
    if log:
        table, rows = table.assign(x=np.log10(table["x"])), replace(rows, y=np.log10(rows.y))
    figure = predictive.draw_ecdf(table["x"].to_numpy(), table["observed"].to_numpy(), band_of(table, ""), label=label)
    return {"membership": _membership(inputs, rows, label, log), "ecdf": figure}


def _membership(inputs, rows, label, log):
    by_value, members = pd.read_csv(inputs["memberships_by_value"]), pd.read_csv(inputs["membership"])
    parts = parts_of(members)
    true = members.get("true_component")
    return membership.draw_membership(
        rows.y,
        members[[probability(part) for part in parts]].to_numpy(),
        label=label,
        x=np.log10(by_value["x"].to_numpy()) if log else by_value["x"].to_numpy(),
        curves=by_value.filter(regex="^probability_").to_numpy().T,
        true_component=None if true is None else true.astype(str).map(parts.index).to_numpy(),
        names=part_names(parts, read_json(inputs["labels"])["names"]),
        cutoffs=_cutoffs(inputs["cutoffs"], parts, log),
    )


def _cutoffs(path, parts, log):
    """Cut-offs as `figures.membership.draw_membership` wants them: of the most probable component each once."""
    found = pd.read_csv(path, dtype={"component": str})
    found = pd.concat([cutoffs.turns(found), found[found["probability"].notna()]])
    return [
        {"component": parts.index(row["component"]), "shown": row["value"],
         "probability": None if pd.isna(row["probability"]) else row["probability"],
         **{key: np.log10(row[key]) if log else row[key] for key in ("value", "lower", "upper")}}
        for row in found.to_dict("records")
    ]  # fmt: skip


def _co_clustering(inputs, rows, by_group):
    found, members = memberships.read_co_clustering(inputs["co_clustering"]), pd.read_csv(inputs["membership"])
    looked_at = found["obs_id"].to_numpy() - 1
    parts, best, trust = parts_of(members), None, read_json(inputs["labels"])
    if trust["trusted"]:
        best = members["component"].astype(str).map(parts.index).to_numpy()[looked_at]
    return co_clustering.draw_co_clustering(
        found["similarity"].to_numpy(),
        found["cluster"].to_numpy(),
        rows.units(by_group).index[looked_at],  # in the order of the values, then of trials or exposures
        total=int(replication.frequency_of_groups(rows).sum()) if by_group else rows.n,
        component=best,
        names=part_names(parts, trust["names"]),
    )


def _curves(table):
    return table.filter(regex="^curve_").to_numpy().T


def parts_bands(table: pd.DataFrame, names: list[str] | None = None) -> tuple[list[str], dict[str, np.ndarray]]:
    """Names and bands (P, m) of the parts of a mixture in a table of `predictive.part_bands`."""
    parts = [c.removeprefix("component_").removesuffix("_median") for c in table if c.endswith("_median")]
    parts = [part for part in parts if part != "mixture"]
    bands = [band_of(table, f"component_{part}_") for part in parts]
    limits = {key: np.array([band[key] for band in bands]) for key in ("lower", "median", "upper")}
    return part_names(parts, names), limits


def _continuous(inputs, specification, rows, y, label):
    table, log = pd.read_csv(inputs["replicates"]), read_json(inputs["predictive"])["log"]
    density, true = pd.read_csv(inputs["density"]), pd.read_csv(inputs["dataset_density"])
    prior_table = pd.read_csv(inputs["prior"])
    true_density = np.interp(density["x"], true["x"], true["true"]) if "true" in true else None
    if log:
        true_density = None if true_density is None else true_density * density["x"] * np.log(10)
        table, density, prior_table = (on_log_axis(one) for one in (table, density, prior_table))
        y = np.log10(y)
    x, observed = table["x"].to_numpy(), table["observed"].to_numpy()
    replicates = table.filter(regex="^replicate_").to_numpy().T
    trust = read_json(inputs["labels"])
    names, bands = parts_bands(density, trust["names"])
    found = _one_column(inputs, rows, label, log) | {
        "replicates": predictive.draw_replicates(x, observed, replicates, label=label),
        "density": predictive.draw_density(
            y,
            density["x"].to_numpy(),
            band_of(density, "mixture_"),
            bands if trust["trusted"] else None,
            label=label,
            names=names,
            true_density=true_density,
        ),
        "prior": prior.draw_prior_predictive(prior_table["x"].to_numpy(), _curves(prior_table), y, label=label),
    }
    return {name: style.log_ticks(figure, label) for name, figure in found.items()} if log else found


def _whole(inputs, specification, rows, y, label):
    table, density = pd.read_csv(inputs["replicates"]), pd.read_csv(inputs["density"])
    prior_table = pd.read_csv(inputs["prior"])
    trust = read_json(inputs["labels"])
    names, bands = parts_bands(density, trust["names"])
    bands = bands if trust["trusted"] else None
    per = int(density["per"].iloc[0])
    if per:
        rows, label = replace(rows, y=rows.y * per / rows.trials), of_shares(label, per)
    observed, step = density["observed"].to_numpy(), int(density["step"].iloc[0])
    return _one_column(inputs, rows, label) | {
        "replicates": counts.draw_rootogram(
            table["x"].to_numpy(), table["observed"].to_numpy(), band_of(table, ""), label=label, step=step
        ),
        "density": counts.draw_bars(
            density["x"].to_numpy(), observed, band_of(density, "mixture_"), bands, label=label, names=names, step=step
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


def _multivariate(inputs, specification, rows, y, label):
    names, facts = specification.columns, read_json(inputs["predictive"])
    i, j = facts["pair"]
    pairs, trust = [], read_json(inputs["labels"])
    trusted = trust["trusted"]
    for (across, upwards), group in pd.read_csv(inputs["density"]).groupby(["i", "j"], sort=False):
        x = np.unique(group["x"])
        parts = group.filter(regex="^component_")
        pairs.append(
            {"i": across, "j": upwards, "x": x, "y": np.unique(group["y"]),
             "mixture": group["mixture"].to_numpy().reshape(-1, len(x)),
             "components": parts.to_numpy().T.reshape(parts.shape[1], -1, len(x)) if trusted else None}
        )  # fmt: skip
    ecdfs = [
        {
            "label": name,
            "x": group["x"].to_numpy(),
            "observed": group["observed"].to_numpy(),
            "band": band_of(group, ""),
        }
        for name, group in pd.read_csv(inputs["ecdf"], **TEXT).groupby("column", sort=False)
    ]
    members = pd.read_csv(inputs["membership"])
    parts = part_names(parts_of(members), trust["names"])
    members = members[[probability(part) for part in parts_of(members)]].to_numpy()
    data = {"title": "the data", "y": y[:, [i, j]], "component": None}
    replicated = _sets(pd.read_csv(inputs["replicates"]), names, i, j, "replicated data set")
    imagined = _sets(pd.read_csv(inputs["prior"]), names, i, j, "prior data set")
    pair = [names[i], names[j]]
    return {
        "membership": multivariate.draw_pair_memberships(rows.y, names, members, i=i, j=j, parts=parts),
        "ecdf": predictive.draw_ecdfs(ecdfs[:MOST_COLUMNS]),
        "replicates": multivariate.draw_data_sets([data, *replicated], pair, "Replicated data sets beside the data"),
        "density": multivariate.draw_contours(y, names, pairs, parts=parts),
        "prior": multivariate.draw_data_sets(
            [data, *imagined], pair, "Data sets drawn from the prior", parts=parts, zoom=True
        ),
    }


def _sets(table, names, i, j, title):
    """Two columns of data sets in one table, as `figures.multivariate.draw_data_sets` wants them."""
    return [
        {
            "title": f"{title} {number}",
            "y": group[[VALUE + names[i], VALUE + names[j]]].to_numpy(),
            "component": group["component"].to_numpy() - 1 if "component" in group else None,
        }
        for number, group in table.groupby("set")
    ]


DRAW = {CONTINUOUS: _continuous, WHOLE: _whole, MULTIVARIATE: _multivariate}


def band_of(table: pd.DataFrame, prefix: str) -> dict[str, np.ndarray]:
    return {key: table[prefix + key].to_numpy() for key in ("lower", "median", "upper")}


def _scalars(path, summary, called):
    """The draws of scalar parameters with their truth, as `figures.traces.draw_traces` wants them, and a note."""
    import xarray as xr

    posterior = xr.load_dataset(path, group="posterior", engine="h5netcdf")
    shown, note = summary, None
    if len(summary) > MOST_SCALARS:
        shown = summary.sort_values("r_hat", ascending=False, kind="stable").head(MOST_SCALARS).sort_index()
        note = f"{len(shown)} of {len(summary)} parameters: those with the largest R-hat"
    parameters = []
    for row in shown.to_dict("records"):
        component = None if pd.isna(row["component"]) else int(row["component"])
        names = [str(row[key]) for key in OF_SCALARS if not pd.isna(row.get(key))]
        draws = posterior[row["parameter"]]
        draws = draws if component is None else draws.sel(component=component)
        draws = draws.sel(dict(zip(("column", "column2"), names, strict=False)))
        truth = row.get("truth")
        parameters.append(
            {
                "name": row["parameter"],
                "component": None if component is None else component - 1,
                "called": None if called is None or component is None else called[component - 1],
                "columns": names,
                "draws": draws.transpose("chain", "draw").to_numpy(),
                "truth": None if truth is None or pd.isna(truth) else truth,
                "ess": None if pd.isna(row["ess_bulk"]) else row["ess_bulk"],
            }
        )
    return parameters, note
