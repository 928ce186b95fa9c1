"""The data as they are: histogram, every value as a mark, density estimates, and the truth where it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stanmix.figures.style import (
    DATA,
    MUTED,
    OBSERVED,
    TRUTH,
    component_colour,
    legend_below,
    new_figure,
    plain,
    styled,
    visible,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import StepPatch

_CURVES = {
    "kde": {"color": MUTED, "linewidth": 1.5, "linestyle": (0, (1.2, 1.4))},
    "kde-narrow": {"color": OBSERVED, "linewidth": 1.7},
    "true": TRUTH,
}
_MOST_BINS = 120
_MOST_MARKS = 2000


@styled
def draw_data(y: np.ndarray, *, label: str, curves: list[dict], true_components: np.ndarray | None = None) -> Figure:
    """Draw the observations of one data set.

    Parameters
    ----------
    y : array, shape (n,)
        The observations, n at least 1, all finite.
    label : str
        What was measured, with its unit.
    curves : list of dict
        Each ``{"name": str, "x": array, "density": array, "kind": "kde" | "kde-narrow" | "true"}``.
    true_components : array, shape (K, len(x)), optional
        Weighted densities of the true components on the ``x`` of the true curve.

    Returns
    -------
    matplotlib.figure.Figure
    """
    y = np.asarray(y, dtype=float)
    figure = new_figure(8.4, 4.4)
    axes = figure.add_subplot()
    handles = [draw_histogram(axes, y)]
    truth = next((curve for curve in curves if curve["kind"] == "true"), None)
    if truth is not None and true_components is not None:
        for k, density in enumerate(true_components):
            colour = component_colour(k)
            axes.fill_between(truth["x"], density, color=colour, alpha=0.16, linewidth=0)
            handles += axes.plot(
                truth["x"], visible(density), color=colour, linewidth=1, label=f"true component {k + 1}"
            )
    # The truth is drawn last, and thin enough to see a curve that agrees with it.
    for curve in sorted(curves, key=lambda curve: list(_CURVES).index(curve["kind"])):
        handles += axes.plot(curve["x"], curve["density"], label=plain(curve["name"]), **_CURVES[curve["kind"]])
    handles.append(_rug(axes, y))
    axes.set_title(f"The data: {y.size:,} observation{'s' if y.size > 1 else ''}")
    axes.set_xlabel(plain(label))
    axes.set_ylabel("density")
    legend_below(figure, handles)
    return figure


def draw_histogram(axes: Axes, y: np.ndarray) -> StepPatch:
    """Add a histogram on the density scale, its bars together of area 1.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    y : array, shape (n,)

    Returns
    -------
    matplotlib.patches.StepPatch
    """
    edges = bin_edges(y)
    counts, _ = np.histogram(y, edges)
    heights = counts / (counts.sum() * np.diff(edges))
    return axes.stairs(heights, edges, fill=True, color=DATA, label="data", zorder=0.9)


def bin_edges(y: np.ndarray) -> np.ndarray:
    """Edges of histogram bins by the rule of Freedman and Diaconis (1981), within bounds.

    Whole numbers get bins that each hold the same number of whole numbers and end half-way between two of them:
    other bins would show gaps and towers that are not in the data.

    Parameters
    ----------
    y : array, shape (n,)

    Returns
    -------
    array, shape (bins + 1,)
    """
    y = np.asarray(y, dtype=float)
    low, high = y.min(), y.max()
    lower, upper = np.quantile(y, (0.25, 0.75))
    width = 2 * (upper - lower) * y.size ** (-1 / 3)
    if width <= 0:
        width = (high - low) / (1 + np.log2(y.size))  # half of the values are equal: Sturges' rule instead
    # The rule is made for one hump; with several the quartiles span them all, and it would smooth them away.
    fewest = min(np.ceil(1.7 * np.sqrt(y.size)), _MOST_BINS / 2)
    width = np.clip(width, (high - low) / _MOST_BINS, (high - low) / fewest)
    if np.all(y == np.round(y)) and abs(high) < 2**50 and abs(low) < 2**50:
        step = max(1, round(width), int(np.ceil((high - low + 1) / _MOST_BINS)))
        bins = int((high - low) // step) + 1
        return low - 0.5 + step * np.arange(bins + 1)
    if high == low:
        half = max(0.5, abs(high) * 1e-3)
        return np.array([low - half, high + half])
    return np.linspace(low, high, int(np.ceil((high - low) / width - 1e-9)) + 1)


def _rug(axes, y):
    """Add a mark per value below the axis of density zero; of many values only some, evenly spaced in rank."""
    shown = np.sort(y)
    if y.size > _MOST_MARKS:
        shown = shown[np.linspace(0, y.size - 1, _MOST_MARKS).round().astype(int)]
    top = axes.get_ylim()[1]
    axes.set_ylim(-0.055 * top, top)
    note = "each value" if shown.size == y.size else f"{shown.size:,} of {y.size:,} values"
    (rug,) = axes.plot(
        shown,
        np.full(shown.size, -0.028 * top),
        linestyle="none",
        marker="|",
        markersize=7,
        markeredgewidth=0.8,
        color=OBSERVED,
        alpha=0.55 if shown.size <= 300 else 0.25,
        rasterized=shown.size > 200,
        label=note,
    )
    return rug
