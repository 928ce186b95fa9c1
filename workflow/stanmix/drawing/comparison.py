"""The figures of all fits of a data set side by side."""

import pandas as pd

from stanmix.columns import OF_SCALARS, TEXT
from stanmix.drawing import save
from stanmix.figures import comparison
from stanmix.files import read_json


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
    save(comparison.draw_comparison(rows), outputs, "comparison")
    table = pd.read_csv(inputs["estimates"], dtype=TEXT).astype({"component": "Int64"})
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
                "estimates": estimates,
                "truth": None if group["truth"].isna().all() else float(group["truth"].dropna().iloc[0]),
            }
        )
    save(comparison.draw_estimates(panels), outputs, "estimates")
