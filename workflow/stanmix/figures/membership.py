"""Which component each observation most likely comes from, and how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from stanmix.figures.style import (
    BAND,
    MUTED,
    OBSERVED,
    TRUTH,
    component_colour,
    legend_below,
    new_figure,
    number,
    plain,
    styled,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

_MOST_POINTS = 5000
_ABOVE = 1.14  # top of the axis of probabilities where cut-offs are named above the curves


@styled
def draw_membership(
    y: np.ndarray,
    probabilities: np.ndarray,
    *,
    label: str,
    x: np.ndarray | None,
    curves: np.ndarray,
    true_component: np.ndarray | None = None,
    names: list[str] | None = None,
    cutoffs: Sequence[dict] = (),
) -> Figure:
    """Draw the membership probabilities against the value, and the most probable component of every observation.

    Parameters
    ----------
    y : array, shape (n,)
        The observations.
    probabilities : array, shape (n, K)
        Posterior membership probabilities, rows summing to 1.
    label : str
        What was measured, with its unit.
    x : array, shape (m,)
        None where the membership is no function of the value alone.
    curves : array, shape (K, m)
        The membership probability as a function of the value.
    true_component : array of int, shape (n,), optional
        From 0, where the data are simulated.
    names : list of str, length K, optional
        By default ``"component 1"`` and so on.
    cutoffs : sequence of dict
        Cut-offs with component (from 0), probability (None where the component becomes the most probable), value,
        lower and upper, places on the axis, and shown, the value to be written; those of which there is none in order.

    Returns
    -------
    matplotlib.figure.Figure
    """
    y, probabilities, curves = (np.asarray(values, dtype=float) for values in (y, probabilities, curves))
    n, components = probabilities.shape
    names = [f"component {k + 1}" for k in range(components)] if names is None else names
    wrong_total = 0
    if true_component is not None:
        true_component = np.asarray(true_component)
        wrong_total = int(np.sum(true_component != probabilities.argmax(axis=1)))
    shown = np.argsort(y, kind="stable")
    if n > _MOST_POINTS:
        shown = shown[np.linspace(0, n - 1, _MOST_POINTS).round().astype(int)]
    y, probabilities = y[shown], probabilities[shown]
    best, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    colours = np.array([component_colour(k) for k in range(components)])
    strips = [("most probable", best)]
    if true_component is not None:
        true = true_component[shown]
        strips.append(("true", true))

    figure = new_figure(8.4, 4.3 + 0.55 * len(strips))
    grid = figure.add_gridspec(1 + len(strips), 1, height_ratios=[6.5] + [1] * len(strips))
    top = figure.add_subplot(grid[0])
    handles = []
    for k in range(components):
        handles += top.plot(x, curves[k], color=colours[k], linewidth=1.6, label=names[k])
    dense = y.size > 200
    # Doubtful points are few and matter most: larger, and on top of the sure ones.
    doubt = np.clip((1 - surest) / 0.5, 0, 1)
    order = np.argsort(doubt, kind="stable")
    top.scatter(
        y[order],
        surest[order],
        s=12 + 26 * doubt[order] ** 0.5,
        c=colours[best[order]],
        alpha=0.75 if y.size <= 1000 else 1,
        edgecolors="white",
        linewidths=0.4,
        zorder=3,
        rasterized=dense,
    )
    if wrong_total:
        many = wrong_total > 60
        ring = {"marker": "o", "facecolors": "none", "edgecolors": TRUTH["color"], "zorder": 4, "gid": "wrong"}
        ring |= {"s": 26, "linewidths": 0.7} if many else {"s": 75, "linewidths": 1.2}
        wrong = true != best
        top.scatter(y[wrong], surest[wrong], rasterized=many, **ring)
        handles.append(
            Line2D([], [], linestyle="none", marker="o", markersize=8, markerfacecolor="none", color=TRUTH["color"])
        )
        handles[-1].set(label=f"true component is another ({wrong_total:,} of {n:,})", markeredgewidth=1.2)
    top.set(ylim=(-0.03, 1.06), ylabel="membership probability", yticks=np.linspace(0, 1, 6))
    top.set_title("Which component does a value belong to?")
    top.tick_params(labelbottom=False)
    if n > _MOST_POINTS:
        top.annotate(
            f"{_MOST_POINTS:,} of {n:,} points shown, evenly spaced in rank",
            (1, 1),
            xycoords="axes fraction",
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=MUTED,
        )

    # The golden ratio spreads neighbours apart and is the same in every run.
    jitter = (np.arange(y.size) * 0.6180339887498949) % 1
    for place, (name, component) in enumerate(strips, start=1):
        axes = figure.add_subplot(grid[place], sharex=top)
        axes.scatter(
            y,
            jitter,
            s=7 if y.size <= 1000 else 3,
            c=colours[component],
            linewidths=0,
            rasterized=dense,
            antialiased=y.size <= 1000,
        )
        axes.set(ylim=(-0.15, 1.15), yticks=[])
        axes.set_ylabel(name, rotation=0, ha="right", va="center", color=OBSERVED, fontsize=8.5)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.tick_params(labelbottom=place == len(strips))
    axes.set_xlabel(plain(label))
    inside = [cutoff for cutoff in cutoffs if x[0] <= cutoff["value"] <= x[-1]]
    handles += _draw_cutoffs(figure, inside, x, curves, colours)
    legend_below(figure, handles)
    return figure


def _draw_cutoffs(figure, cutoffs, x, curves, colours):
    """Draw cut-offs: lines through all axes where a component becomes the most probable, marks on its curve for others.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Its first axes hold the curves.
    cutoffs : list of dict
        As `draw_membership` takes them, in the order of their values.
    x, curves : array
        As there; of whole numbers a curve passes a level between two of them, and the mark stands where it has.
    colours : sequence of str
        Of the components.

    Returns
    -------
    list of matplotlib.artist.Artist
        What the legend explains.
    """
    top = figure.axes[0]
    low, high = top.get_xlim()
    lines = [cutoff for cutoff in cutoffs if cutoff["probability"] is None]
    handles = []
    for place, cutoff in enumerate(lines):
        for axes in figure.axes:
            axes.axvspan(cutoff["lower"], cutoff["upper"], color=BAND, zorder=0, linewidth=0)
            line = axes.axvline(cutoff["value"], color=MUTED, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
        handles = [line]
        top.set_ylim(top=_ABOVE)
        # Beside its line, on the side away from a neighbour that is close.
        crowded = place + 1 < len(lines) and lines[place + 1]["value"] - cutoff["value"] < 0.08 * (high - low)
        top.annotate(
            number(cutoff["shown"]),
            (cutoff["value"], _ABOVE),
            xytext=(-3 if crowded else 3, -2),
            textcoords="offset points",
            ha="right" if crowded else "left",
            va="top",
            fontsize=8,
            color=MUTED,
        )
    for cutoff in cutoffs:
        if cutoff["probability"] is not None:
            height = np.interp(cutoff["value"], x, curves[cutoff["component"]])
            colour = colours[cutoff["component"]]
            top.plot(cutoff["value"], height, marker="|", markersize=9, markeredgewidth=1.6, color=colour, zorder=2.5)
    for handle in handles:
        handle.set_label("cut-off with its 95% interval")
    return handles
