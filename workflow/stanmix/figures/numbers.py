"""How many components? What each number predicts, and what it makes of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stanmix.figures.counts import add_bars
from stanmix.figures.data import draw_histogram
from stanmix.figures.style import MUTED, OBSERVED, component_colour, new_figure, plain, styled, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FAILED = "#737D87"
_ACROSS = 4


@styled
def draw_numbers(models: list[dict], pictures: list[dict], *, label: str) -> Figure:
    """Draw how much worse each number of components predicts than the best, and the density that each gives.

    Parameters
    ----------
    models : list of dict
        Each ``{"model": str, "verdict": int or None, "rows": [{"components", "elpd_diff", "dse", "failed"}, ...]}``.
    pictures : list of dict
        Each ``{"title": str, "x": (m,), "mixture": {"lower", "median", "upper"} of (m,), "components": (P, m) or None,
        "data": (n,), "bars": None or {"observed": (m,), "step": int}}``; no pictures for several columns.
    label : str
        What was measured, with its unit.

    Returns
    -------
    matplotlib.figure.Figure
        One sentence, if no model has several numbers of components.
    """
    if not models:
        figure = new_figure(5, 1)
        figure.text(0.5, 0.5, "one number of components was tried", ha="center", va="center", color=MUTED)
        return figure
    across = min(_ACROSS, max(len(pictures), 2))
    deep = -(-len(pictures) // across)
    figure = new_figure(max(2.6 * across, 6.5), 2.5 * len(models) + 2.1 * deep)
    grid = figure.add_gridspec(len(models) + deep, across, height_ratios=[2.5] * len(models) + [2.1] * deep)
    for place, judged in enumerate(models):
        _differences(figure.add_subplot(grid[place, :]), judged)
    for place, picture in enumerate(pictures):
        axes = figure.add_subplot(grid[len(models) + place // across, place % across])
        _picture(axes, picture)
        axes.set_xlabel(plain(label), fontsize=8)
    return figure


def _differences(axes, judged):
    for row in judged["rows"]:
        colour = _FAILED if row["failed"] else OBSERVED
        face = "white" if row["failed"] else colour
        axes.errorbar(
            row["components"],
            row["elpd_diff"],
            yerr=2 * row["dse"] or None,
            fmt="o",
            color=colour,
            markerfacecolor=face,
            markersize=6.5 if row["components"] == judged["verdict"] else 5,
            elinewidth=1.5,
        )
        if row["components"] == judged["verdict"]:
            axes.annotate(
                "verdict",
                (row["components"], row["elpd_diff"]),
                xytext=(8, -12),
                textcoords="offset points",
                fontsize=8.5,
                fontweight="bold",
                color=OBSERVED,
            )
    axes.axhline(0, color=MUTED, linewidth=0.9, zorder=1)
    axes.set_xticks([row["components"] for row in judged["rows"]])
    axes.margins(x=0.08)
    axes.set_title(plain(judged["model"]))
    axes.set(xlabel="number of components", ylabel="elpd, difference\nto the best, ± 2 se")


def _picture(axes, picture):
    x, mixture = np.asarray(picture["x"], float), picture["mixture"]
    if picture["bars"] is None:
        draw_histogram(axes, np.asarray(picture["data"], float))
        axes.fill_between(x, mixture["lower"], mixture["upper"], color=OBSERVED, alpha=0.2, linewidth=0, zorder=1.2)
    else:
        add_bars(axes, x, picture["bars"]["observed"], step=picture["bars"]["step"])
        axes.vlines(x, mixture["lower"], mixture["upper"], color=OBSERVED, linewidth=1, zorder=3)
    axes.plot(x, mixture["median"], color=OBSERVED, linewidth=1, zorder=3)
    for k, component in enumerate([] if picture["components"] is None else picture["components"]):
        axes.plot(x, visible(component), color=component_colour(k), linewidth=1.6)
    axes.set_ylim(bottom=0)
    axes.set_title(plain(picture["title"]), fontsize=9)
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.locator_params(axis="x", nbins=5)
