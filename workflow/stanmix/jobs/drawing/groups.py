"""The groups of a fit with one membership for each: their table, and the picture of their rows."""

import pandas as pd

from stanmix.assess import memberships
from stanmix.base import columns
from stanmix.base.files import read_json, write_csv
from stanmix.data import observations
from stanmix.figures import groups
from stanmix.jobs.drawing import part_names, save

MOST_COLUMNS = 4  # that are drawn, where there are several


def draw(inputs, outputs, label):
    """Write the table of the groups and draw the rows of each.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, specification, labels and membership.
    outputs : mapping
        Paths: table, groups_svg and groups_png.
    label : str
        What the values are, with their unit.
    """
    rows, specification = observations.read(inputs["observations"]), read_json(inputs["specification"])
    frame = pd.read_csv(inputs["membership"], dtype={"component": str}, **columns.AS_WRITTEN)
    table = memberships.of_groups(rows, frame)
    write_csv(outputs["table"], table)
    parts = columns.parts_of(frame)
    trust = read_json(inputs["labels"])
    if trust["trusted"]:
        kinds, names = table["component"].map(parts.index).to_numpy(), part_names(parts, trust["names"])
    else:  # a partition needs no names
        kinds = table["cluster"].to_numpy() - 1
        names = [f"cluster {number + 1}" for number in range(kinds.max() + 1)]
    size = rows.trials if rows.trials is not None else rows.exposure
    y = rows.y if rows.y.ndim > 1 else (rows.y if size is None else rows.y / size)[:, None]
    labels = specification.get("columns", [label if size is None else f"{label}, per unit"])
    figure = groups.draw_groups(
        y[:, :MOST_COLUMNS], rows.groups[1], kinds, table["uncertainty"].to_numpy(), labels=labels, names=names
    )
    save({"groups": figure}, outputs)
