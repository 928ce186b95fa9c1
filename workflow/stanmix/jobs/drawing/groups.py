"""The groups of a fit with one membership for each: their table, and the picture of their rows."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from stanmix.assess import memberships
from stanmix.base import columns
from stanmix.base.files import read_json
from stanmix.data import observations
from stanmix.figures import groups
from stanmix.jobs.drawing import part_names
from stanmix.model.specification import Specification

MOST_COLUMNS = 4  # that are drawn, where there are several


def table_of_groups(inputs: Mapping) -> pd.DataFrame:
    """What `memberships.of_groups` says, from the paths observations and membership."""
    frame = pd.read_csv(inputs["membership"], dtype={"component": str}, **columns.AS_WRITTEN)
    return memberships.of_groups(observations.read(inputs["observations"]), frame)


def groups_of_fit(inputs: Mapping, label: str) -> dict[str, Figure]:
    """The figure of the rows of each group.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, specification, labels and membership.
    label : str
        What the values are, with their unit.

    Returns
    -------
    dict of Figure
        groups.
    """
    rows, specification = observations.read(inputs["observations"]), Specification.read(inputs["specification"])
    table, trust = table_of_groups(inputs), read_json(inputs["labels"])
    parts = columns.parts_of(table)
    if trust["trusted"]:
        kinds, names = table["component"].map(parts.index).to_numpy(), part_names(parts, trust["names"])
    else:  # a partition needs no names
        kinds = table["cluster"].to_numpy() - 1
        names = [f"cluster {number + 1}" for number in range(kinds.max() + 1)]
    size = rows.trials if rows.trials is not None else rows.exposure
    y = rows.y if rows.y.ndim > 1 else (rows.y if size is None else rows.y / size)[:, None]
    labels = specification.columns or [label if size is None else f"{label}, per unit"]
    figure = groups.draw_groups(
        y[:, :MOST_COLUMNS], rows.groups[1], kinds, table["uncertainty"].to_numpy(), labels=labels, names=names
    )
    return {"groups": figure}
