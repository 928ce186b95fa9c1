"""From tables to figures: read what earlier stages wrote, draw, save as SVG and PNG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from stanmix.base.columns import called
from stanmix.figures import style

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd


def on_log_axis(table: pd.DataFrame) -> pd.DataFrame:
    """A table of densities at `x` on a log axis: places are common logs, and densities those of them.

    Parameters
    ----------
    table : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        The areas under its curves stay what they are.
    """
    factor = table["x"] * np.log(10)
    scaled = {name: values if name in ("x", "log") else values * factor for name, values in table.items()}
    return table.assign(**scaled | {"x": np.log10(table["x"])})


def of_shares(label: str, per: int | None) -> str:
    """The label of an axis on which successes of trials that differ are shown as shares, else as it is."""
    if not per:
        return label
    return f"{label}, {'% of trials' if per == 100 else f'of {per:,} trials'}"


def part_names(parts: Iterable[str], names: list[str] | None) -> list[str]:
    """What figures call the parts of a mixture (list of str), by the names of components where they have any."""
    return [style.plain(called(part, names)) for part in parts]


def save(figures: Mapping[str, Figure], outputs: Mapping) -> None:
    """Save figures under the outputs name_svg and name_png of each name."""
    for name, figure in figures.items():
        for kind in ("svg", "png"):
            style.save(figure, outputs[f"{name}_{kind}"])
