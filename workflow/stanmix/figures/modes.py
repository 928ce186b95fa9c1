"""The modes of a posterior: a small picture of each mixture, how far it lies below the best, and who went there."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator

from stanmix.figures.counts import add_bars
from stanmix.figures.data import draw_histogram
from stanmix.figures.style import (
    MUTED,
    OBSERVED,
    component_colour,
    legend_below,
    new_figure,
    plain,
    shade,
    styled,
    visible,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 4
_MOST_POINTS = 1000
_TALLEST = 2  # times the tallest bar: how high a mixture is drawn
_INSIDE = math.sqrt(-2 * math.log(1 - 0.9))  # standard deviations around 90 % of a normal distribution of two columns
_GREY = shade(MUTED, 0.45)


@styled
def draw_modes(
    modes: list[dict],
    *,
    label: str,
    y: np.ndarray | None = None,
    names: list[str] | None = None,
    called: list[str] | None = None,
) -> Figure:
    """Draw a small picture of each mode.

    Parameters
    ----------
    modes : list of dict
        Each ``{"number", "gap", "share", "chains"}``, gap in nats (0 for the best, negative for others), the words that
        say how much of the posterior is there and which chains are, or empty texts; and what its mixture looks like:
        either ``{"x", "step", "observed", "mixture", "parts"}``, arrays (m,) and (P, m), where step 0 stands for a
        density and others for bars of so many whole numbers, or ``{"theta", "mu", "sigma", "rho"}``, arrays (K,),
        (K, 2), (K, 2) and (K,).
    label : str
        What was measured, with its unit; for two columns the name of the first.
    y : array, shape (n,) or (n, 2), optional
        The observations, where they are no bars.
    names : list of str, optional
        What the parts are called.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = min(_COLUMNS, len(modes))
    rows = math.ceil(len(modes) / columns)
    figure = new_figure(1.2 + 2.35 * max(columns, 2), 0.9 + 2.3 * rows)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for place, mode in enumerate(modes):
        axes = grid.flat[place]
        draw = _ellipses if "mu" in mode else _curves
        drawn = draw(axes, mode, y)
        axes.set_title(_title(mode), fontsize=8.5, pad=4)
        if mode["chains"]:
            axes.text(
                *(0.98, 0.97, mode["chains"]),
                transform=axes.transAxes, ha="right", va="top", fontsize=7.5, color=OBSERVED,
                bbox={"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": OBSERVED, "linewidth": 0.9},
                zorder=6,
            )  # fmt: skip
        axes.tick_params(labelsize=7.5)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    for place, axes in enumerate(grid.flat):
        if place >= len(modes):
            axes.remove()
        elif place + columns >= len(modes):
            axes.tick_params(labelbottom=True)
            axes.set_xlabel(plain(label), fontsize=8.5)
    bars = "x" in modes[0] and modes[0]["step"] > 0
    for row in grid[:, 0]:
        row.set_ylabel("observations" if bars else "density" if "x" in modes[0] else plain(names[1]), fontsize=8.5)
    if "x" in modes[0]:
        highest = np.max(modes[0]["observed"]) if bars else np.max(drawn.get_data().values)
        top = min(max(np.max(mode["mixture"]) for mode in modes), _TALLEST * highest)  # a spike may leave the picture
        grid[0, 0].set_ylim(0, 1.25 * max(highest, top))
    parts = len(modes[0]["theta"] if "mu" in modes[0] else modes[0]["parts"])
    titles = [f"component {k + 1}" for k in range(parts)] if called is None else called
    if "x" in modes[0] and names:
        titles = names
    handles = [drawn]
    if "x" in modes[0]:
        handles.append(Line2D([], [], color=OBSERVED, linewidth=1, label="mixture"))
    handles += [Line2D([], [], color=component_colour(k), linewidth=1.8, label=titles[k]) for k in range(parts)]
    legend_below(figure, handles)
    return figure


def _title(mode):
    gap = "best" if mode["gap"] == 0 else f"\N{MINUS SIGN}{-mode['gap']:.1f} nats"
    return f"mode {mode['number']}: {gap}" + (f", {mode['share']}" if mode["share"] else "")


def _curves(axes, mode, y):
    """A mixture of one column and its weighted parts over the data."""
    if mode["step"] > 0:
        data = add_bars(axes, mode["x"], mode["observed"], step=mode["step"], label="data")
    else:
        data = draw_histogram(axes, np.asarray(y, dtype=float))
    for k, part in enumerate(mode["parts"]):
        seen = visible(part)  # of bars: a part at a single one has no line
        marker = {"marker": "o", "markersize": 2.4} if mode["step"] > 0 and np.isfinite(seen).sum() <= 30 else {}
        axes.plot(mode["x"], seen, color=component_colour(k), linewidth=1.6, zorder=2.5, **marker)
    axes.plot(mode["x"], mode["mixture"], color=OBSERVED, linewidth=1, zorder=3)
    return data


def _ellipses(axes, mode, y):
    """The components in two columns, each as the ellipse that holds 90 % of it, over the data."""
    shown = np.linspace(0, len(y) - 1, min(len(y), _MOST_POINTS)).round().astype(int)
    axes.scatter(y[shown, 0], y[shown, 1], s=5, c=_GREY, linewidths=0, rasterized=len(shown) > 200, zorder=1.5)
    axes.margins(x=0.06, y=0.16)  # for ellipses, and for the names of chains
    for k, weight in enumerate(mode["theta"]):
        sds, rho = mode["sigma"][k], mode["rho"][k]
        covariance = np.array([[sds[0] ** 2, rho * sds[0] * sds[1]], [rho * sds[0] * sds[1], sds[1] ** 2]])
        values, vectors = np.linalg.eigh(covariance)
        width, height = 2 * _INSIDE * np.sqrt(np.maximum(values, 0))
        axes.add_patch(
            Ellipse(
                mode["mu"][k], width, height, angle=np.degrees(np.arctan2(vectors[1, 0], vectors[0, 0])),
                fill=False, edgecolor=component_colour(k), linewidth=0.7 + 2 * weight, zorder=2.5,
            )
        )  # fmt: skip
    return Line2D(
        [], [], linestyle="none", marker="o", markersize=4, color=_GREY, markeredgewidth=0, label="observation"
    )
