"""Which observations belong together, whatever the components are called: a heat map of co-clustering."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.patches import Patch

from stanmix.figures.style import MUTED, OBSERVED, component_colour, legend_below, new_figure, shade, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHARED = LinearSegmentedColormap.from_list("shared", ["white", shade(MUTED, 0.45), OBSERVED])
_CLUSTERS = (MUTED, shade(MUTED, 0.6))  # neighbours by turns
_NAMED = 0.03  # share of the side from which on a cluster has its number beside it
_SEEN = 600  # rows and columns that a picture can show each for itself


@styled
def draw_co_clustering(
    similarity: np.ndarray,
    cluster: np.ndarray,
    place: np.ndarray,
    *,
    total: int,
    component: np.ndarray | None = None,
    names: list[str] | None = None,
) -> Figure:
    """Draw the probabilities that two observations share a component, sorted by cluster and then by value.

    Parameters
    ----------
    similarity : array, shape (m, m)
        Posterior probabilities.
    cluster : array of int, shape (m,)
        The cluster of each observation in a partition.
    place : array, shape (m,)
        What observations are sorted by within their cluster: their values, or their places in the order of values.
    total : int
        How many observations there are, of which these may be a sample.
    component : array of int, shape (m,), optional
        The most probable component of each, from 0; left out where names of components mean nothing.
    names : list of str, optional
        Of the components.

    Returns
    -------
    matplotlib.figure.Figure
    """
    similarity, cluster, m = np.asarray(similarity), np.asarray(cluster), len(cluster)
    order = np.lexsort((place, cluster))
    similarity, cluster = similarity[np.ix_(order, order)], cluster[order]
    # An observation with itself says nothing, and a black line would.
    if m > 1:
        beside = np.pad(np.diagonal(similarity, 1), 1)
        np.fill_diagonal(similarity, np.maximum(beside[:-1], beside[1:]))
    begins = [0, *(np.flatnonzero(np.diff(cluster)) + 1), m]

    figure = new_figure(7.2, 6.9)
    figure.get_layout_engine().set(h_pad=0.03, w_pad=0.05)
    strips = 1 if component is None else 2
    grid = figure.add_gridspec(
        strips, 3, width_ratios=[0.035, 1, 0.035], height_ratios=[1] if strips == 1 else [0.035, 1]
    )
    axes = figure.add_subplot(grid[-1, 1])
    # A pixel for each pair, scaled by whoever shows it, unless there are more of them than can be seen.
    way = "none" if len(similarity) <= _SEEN else "antialiased"
    image = axes.imshow(similarity, cmap=_SHARED, vmin=0, vmax=1, aspect="auto", interpolation=way)
    axes.grid(visible=False)
    axes.set(xticks=[], yticks=[], xlabel=f"{m:,} observations" if m == total else f"{m:,} of {total:,} observations")
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(MUTED)

    left = figure.add_subplot(grid[-1, 0], sharey=axes)
    shades = np.array([to_rgb(_CLUSTERS[number % 2]) for number in cluster])
    _strip(left, shades[:, None])
    left.set_ylabel("cluster", color=OBSERVED, labelpad=14)
    for begin, end in itertools.pairwise(begins):
        if end - begin >= _NAMED * m:
            left.annotate(
                f"{cluster[begin]}",
                (0, (begin + end - 1) / 2),
                xycoords=("axes fraction", "data"),
                xytext=(-3, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=8.5,
            )
    title = axes
    if component is not None:
        component = np.asarray(component)[order]
        top = title = figure.add_subplot(grid[0, 1], sharex=axes)
        _strip(top, np.array([to_rgb(component_colour(k)) for k in component])[None])
        present = np.unique(component)
        legend_below(figure, [Patch(color=component_colour(k), label=names[k]) for k in present])
        top.annotate(
            "most probable component",
            (1, 1),
            xycoords="axes fraction",
            xytext=(0, 4),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=MUTED,
        )
    title.set_title("Which observations belong together?")
    bar = figure.colorbar(image, cax=figure.add_subplot(grid[-1, 2]))
    bar.set_label("probability that two share a component")
    bar.outline.set_visible(False)
    return figure


def _strip(axes, colours):
    """A bar of one colour for each observation."""
    axes.imshow(colours, aspect="auto", interpolation="nearest")
    axes.grid(visible=False)
    axes.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
