"""The figures of all fits of a data set side by side."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from stanmix.base.columns import CALLED, OF_SCALARS, TEXT
from stanmix.base.files import read_json
from stanmix.base.text import unshielded
from stanmix.data import observations, replication
from stanmix.families.family import MULTIVARIATE
from stanmix.figures import comparison, numbers
from stanmix.jobs.drawing import of_shares
from stanmix.jobs.drawing.fit import band_of, parts_bands

MOST_PANELS = 30  # of estimates that are drawn: of more parameters the first


def figures_of_comparison(inputs: Mapping, fits: list[dict], kind: str, label: str) -> dict[str, Figure]:
    """The figures that compare all fits of a data set.

    Parameters
    ----------
    inputs : mapping
        Paths: comparison_json, numbers, estimates, observations, and densities, one for each fit.
    fits : list of dict
        model and components of each fit.
    kind : {"continuous", "whole", "multivariate"}
    label : str
        What the values are, with their unit.

    Returns
    -------
    dict of Figure
        comparison, estimates and numbers.
    """
    models = [{**row, "failed": bool(row["failed"])} for row in read_json(inputs["comparison_json"])["models"]]
    table = pd.read_csv(inputs["estimates"], **TEXT).astype({"component": "Int64"})
    about = [key for key in OF_SCALARS if key in table]
    panels = []
    for (name, component, *names), group in table.groupby(["parameter", "component", *about], sort=False, dropna=False):
        estimates = [
            {"model": row["model"], "mean": row["mean"], "lower": row["hdi_lower"], "upper": row["hdi_upper"]}
            for row in group.to_dict("records")
        ]
        panels.append(
            {
                "parameter": name,
                "columns": [key for key in names if not pd.isna(key)],
                "component": None if pd.isna(component) else int(component) - 1,
                "called": _name_of(group),
                "estimates": estimates,
                "truth": None if group["truth"].isna().all() else float(group["truth"].dropna().iloc[0]),
            }
        )
    kinds = list(dict.fromkeys((panel["parameter"], *panel["columns"]) for panel in panels))[:MOST_PANELS]
    panels = [panel for panel in panels if (panel["parameter"], *panel["columns"]) in kinds]
    judged = read_json(inputs["numbers"])
    several = {model["model"] for model in judged}
    pictures, shown = [], label
    if kind != MULTIVARIATE:  # a small picture of several columns would show too little
        rows = observations.read(inputs["observations"])
        y = rows.y[replication.sampled_rows(rows)]
        for fit, path in zip(fits, inputs["densities"], strict=True):
            if fit["model"] in several:
                density = pd.read_csv(path)
                pictures.append(_picture(f"{fit['model']}, K = {fit['components']}", density, y))
                shown = of_shares(label, int(density["per"].iloc[0]) if "per" in density else 0)
    return {
        "comparison": comparison.draw_comparison(models),
        "estimates": comparison.draw_estimates(panels),
        "numbers": numbers.draw_numbers(judged, pictures, label=shown),
    }


def _name_of(group):
    """What all models call a component; None where it has no name, or not the same in all."""
    names = set(group[CALLED]) if CALLED in group else set()
    name = names.pop() if len(names) == 1 else None
    return None if pd.isna(name) else unshielded(name)


def _picture(title, table, y):
    """What `figures.numbers.draw_numbers` wants to know of one fit."""
    bars = None
    if "observed" in table:
        bars = {"observed": table["observed"].to_numpy(), "step": int(table["step"].iloc[0])}
    return {
        "title": title,
        "x": table["x"].to_numpy(),
        "mixture": band_of(table, "mixture_"),
        "components": parts_bands(table)[1]["median"],
        "data": y,
        "bars": bars,
    }
