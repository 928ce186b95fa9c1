"""Models side by side: how well each predicts, and what each says about the parameters."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from stanmix.figures.style import (
    MUTED,
    OBSERVED,
    TRUTH,
    component_colour,
    index_of,
    legend_below,
    new_figure,
    plain,
    shortened,
    styled,
    symbol,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST = 22  # letters of a column's name in a title
_FAILED = "#737D87"


@styled
def draw_comparison(rows: list[dict]) -> Figure:
    """Draw the expected log predictive density of every model, the best on top.

    Parameters
    ----------
    rows : list of dict
        Each ``{"model", "elpd", "se", "elpd_diff", "dse", "failed", "rank"}``: the expected log predictive density in
        nats with its standard error, its difference to the best model (in either sign) with the standard error of
        the difference, whether a check failed, and the place from 0 (best).

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = sorted(rows, key=lambda row: row["rank"])
    figure = new_figure(8.6, 1.3 + 0.42 * len(rows))
    panels = figure.subplots(1, 2 if len(rows) > 1 else 1, sharey=True, squeeze=False)[0]
    left, right = panels[0], panels[-1]
    for place, row in enumerate(rows):
        colour = _FAILED if row["failed"] else OBSERVED
        style = {"fmt": "o", "color": colour, "markersize": 5.5, "elinewidth": 1.7, "capsize": 0}
        style |= {"markerfacecolor": "white" if row["failed"] else colour, "markeredgewidth": 1.4}
        left.errorbar(row["elpd"], place, xerr=row["se"], **style)
        # The best model is the origin, it has no error of its own.
        if len(rows) > 1:
            right.errorbar(-abs(row["elpd_diff"]), place, xerr=row["dse"] if place else None, **style)
    labels = [plain(row["model"]) + ("\n(fails a check)" if row["failed"] else "") for row in rows]
    left.set_yticks(range(len(rows)), labels)
    left.set_ylim(len(rows) - 0.4, -0.6)
    for text, row in zip(left.get_yticklabels(), rows, strict=True):
        text.set_color(_FAILED if row["failed"] else OBSERVED)
    left.set_title("Expected log predictive density")
    left.set_xlabel("elpd (higher predicts better), ± 1 se")
    if len(rows) > 1:
        right.axvline(0, color=MUTED, linewidth=0.9, zorder=1)
        right.set_title("Difference to the best")
        right.set_xlabel("elpd difference, ± 1 se of the difference")
    for axes in panels:
        axes.tick_params(axis="y", length=0)
        axes.locator_params(axis="x", nbins=6)
        axes.margins(x=0.08)
    return figure


@styled
def draw_estimates(rows: list[dict]) -> Figure:
    """Draw the intervals of every parameter in every model, one panel per name of a parameter.

    Parameters
    ----------
    rows : list of dict
        Each ``{"parameter": str, "component": int or None, "estimates": [{"model", "mean", "lower", "upper"}, ...],
        "truth": float or None}``, components from 0, with "called" where they have a name. Parameters with other
        ``"columns"`` (a list of names of columns of the data, if there are several) have other panels.

    Returns
    -------
    matplotlib.figure.Figure
        One sentence, if there are no rows.
    """
    if not rows:
        figure = new_figure(5, 1)
        figure.text(0.5, 0.5, "no parameter can be compared", ha="center", va="center", color=MUTED)
        return figure
    names = list(dict.fromkeys(map(_panel, rows)))
    groups = {name: _scales([row for row in rows if _panel(row) == name]) for name in names}
    columns = min(3, len(names))
    bands = [names[start : start + columns] for start in range(0, len(names), columns)]
    heights = [max(sum(_height(scale) for scale in groups[name]) for name in band) for band in bands]
    longest = max((len(estimate["model"]) for row in rows for estimate in row["estimates"]), default=0)
    figure = new_figure(columns * (2.5 + 0.07 * longest), 0.35 * len(bands) + sum(heights) + 0.5)
    grid = figure.add_gridspec(len(bands), columns, height_ratios=heights)
    for place, name in enumerate(names):
        band, scales = place // columns, groups[name]
        ratios = [_height(scale) for scale in scales]
        # What a column does not need stays white at its end, so that rows have one height in all columns.
        rest = [heights[band] - sum(ratios)] if heights[band] - sum(ratios) > 0.05 else []
        inner = grid[band, place % columns].subgridspec(len(scales) + len(rest), 1, height_ratios=ratios + rest)
        for row, scale in enumerate(scales):
            axes = figure.add_subplot(inner[row])
            _forest(axes, scale)
            if row == 0:
                axes.set_title(_panel_title(*name))
    handles = [Line2D([], [], marker="o", color=OBSERVED, markersize=4.5, markerfacecolor="white", linewidth=2)]
    handles[0].set(label="mean and interval", markeredgewidth=1.3)
    if any(row["truth"] is not None for row in rows):
        handles.append(Line2D([], [], label="truth", **TRUTH))
    legend_below(figure, handles)
    return figure


def _scales(rows):
    """Rows that share a scale: all of them, or each alone where the components are far apart for their intervals."""
    ends = [(estimate["lower"], estimate["upper"]) for row in rows for estimate in row["estimates"]]
    if len(rows) == 1 or not ends:
        return [rows]
    span = max(upper for _, upper in ends) - min(lower for lower, _ in ends)
    widest = max(upper - lower for lower, upper in ends)
    return [rows] if widest > 0.12 * span else [[row] for row in rows]


def _height(rows):
    """Inches for rows on one scale, with its axis."""
    return 0.21 * sum(len(row["estimates"]) + 0.7 for row in rows) + 0.3


def _panel(row):
    return row["parameter"], tuple(row.get("columns", ()))


def _panel_title(name, columns):
    if columns:
        words = f"{name}: {' and '.join(shortened(column, _LONGEST) for column in columns)}"
        return plain("\n".join(textwrap.wrap(words, _LONGEST + 4)))
    math_name = symbol(name)
    return plain(name) if r"\text" in math_name else f"{name}  {math_name}"


def _forest(axes, rows):
    position, ticks, labels = 0.0, [], []
    for row in rows:
        colour = OBSERVED if row["component"] is None else component_colour(row["component"])
        first = position
        for estimate in row["estimates"]:
            axes.plot([estimate["lower"], estimate["upper"]], [position] * 2, color=colour, linewidth=2.1)
            mean = {"marker": "o", "markersize": 4.5, "markerfacecolor": "white", "markeredgewidth": 1.3}
            axes.plot(estimate["mean"], position, color=colour, **mean)
            ticks.append(position)
            labels.append(plain(estimate["model"]))
            position += 1
        axes.annotate(
            symbol(row["parameter"], index_of(row["component"], row.get("called"))),
            (1, (first + position - 1) / 2),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            color=colour,
            fontsize=11,
            va="center",
        )
        if row["truth"] is not None:
            axes.plot([row["truth"]] * 2, [first - 0.5, position - 0.5], zorder=1.5, **TRUTH)
        position += 0.7
    axes.set_yticks(ticks, labels)
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.grid(visible=False, axis="y")
    axes.locator_params(axis="x", nbins=5)
    axes.set_ylim(position - 0.9, -0.8)
