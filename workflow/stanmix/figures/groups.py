"""The rows of every group, coloured by the component of the group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D

from stanmix.figures.style import MUTED, component_colour, legend_below, new_figure, plain, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_GROUPS = 150


@styled
def draw_groups(
    y: np.ndarray, group: np.ndarray, kinds: np.ndarray, uncertainty: np.ndarray, *, labels: list[str], names: list[str]
) -> Figure:
    """Draw a line of dots for each group, groups of one component beside each other in the order of their means.

    Parameters
    ----------
    y : array, shape (n, D)
        The values of the rows, a panel for each column.
    group : array of int, shape (n,)
        The group of each row, from 0.
    kinds : array of int, shape (groups,)
        The component (or cluster) of each group, from 0.
    uncertainty : array, shape (groups,)
        The probability that it is another one.
    labels : list of str, length D or more
        What each column is, with its unit.
    names : list of str
        Of the components or clusters.

    Returns
    -------
    matplotlib.figure.Figure
    """
    y, group, kinds = np.asarray(y, float), np.asarray(group), np.asarray(kinds)
    number = len(kinds)
    means = np.bincount(group, y[:, 0]) / np.bincount(group)
    order = np.lexsort((means, kinds))
    shown = order if number <= _MOST_GROUPS else order[np.linspace(0, number - 1, _MOST_GROUPS).round().astype(int)]
    height = np.full(number, -1)
    height[shown] = np.arange(len(shown))
    inside = height[group] >= 0
    figure = new_figure(8.4, 2.2 + 0.028 * max(60, len(shown)))
    panels = figure.subplots(1, y.shape[1], sharey=True, squeeze=False)[0]
    colours = np.array([component_colour(k) for k in range(len(names))])
    for d, axes in enumerate(panels):
        for g in shown:
            ends = y[group == g, d]
            if len(ends) > 1:
                axes.plot([ends.min(), ends.max()], [height[g]] * 2, color=colours[kinds[g]], linewidth=0.7, alpha=0.5)
        axes.scatter(
            y[inside, d],
            height[group[inside]],
            s=9,
            c=colours[kinds[group[inside]]],
            linewidths=0,
            rasterized=inside.sum() > 400,
        )
        doubtful = [g for g in shown if uncertainty[g] > 0.1]
        axes.scatter(
            [means[g] if d == 0 else y[group == g, d].mean() for g in doubtful],
            height[doubtful],
            s=34,
            facecolors="none",
            edgecolors=MUTED,
            linewidths=0.9,
            gid="doubtful",
        )
        axes.set(yticks=[], ylim=(-1, len(shown)))
        axes.set_xlabel(plain(labels[d]))
        axes.grid(visible=False, axis="y")
    few = f"{len(shown):,} of {number:,} groups, evenly spaced" if len(shown) < number else f"{number:,} groups"
    panels[0].set_ylabel(few)
    panels[0].set_title("The rows of each group")
    handles = [
        Line2D([], [], marker="o", markersize=5, color=colours[k], linewidth=0.9, label=name)
        for k, name in enumerate(names)
    ]
    if doubtful:
        ring = {"marker": "o", "markersize": 7, "markerfacecolor": "none", "color": MUTED, "linestyle": "none"}
        handles.append(Line2D([], [], label="mean of a group that may belong elsewhere (by more than 0.1)", **ring))
    legend_below(figure, handles)
    return figure
