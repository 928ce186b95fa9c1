"""Several measurements per observation: pairs of them, contours of the mixture, and who belongs where."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from stanmix.figures.data import draw_histogram
from stanmix.figures.style import (
    MUTED,
    OBSERVED,
    TRUTH,
    component_colour,
    legend_below,
    new_figure,
    plain,
    shade,
    styled,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

_MOST_POINTS = 3000
_DENSE = 200  # points beyond which they become pixels inside the SVG
_MIXTURE = {0.5: 1.9, 0.8: 1.3, 0.95: 0.7}  # share of mass inside a contour, and how wide its line is
_COMPONENT = 0.9
_STEPS = [1, 2, 2.5, 5, 10]  # between ticks, times a power of ten
_DOUBT = 0.8  # a membership probability below it is marked
_GREY = shade(MUTED, 0.45)


@styled
def draw_pairs(y: np.ndarray, names: list[str], *, component: np.ndarray | None = None) -> Figure:
    """Draw every pair of measurements against each other, and each alone as a histogram.

    Parameters
    ----------
    y : array, shape (n, D)
        The observations, D from 2 to 8.
    names : list of str, length D
        What was measured, with its unit.
    component : array of int, shape (n,), optional
        From 0; it colours the points.

    Returns
    -------
    matplotlib.figure.Figure
        With at most 3,000 points, evenly spaced in the order of the rows; histograms hold all.
    """
    y = np.asarray(y, dtype=float)
    n, dimensions = y.shape
    shown = _chosen(n)
    colours = _GREY if component is None else _colours(np.asarray(component)[shown])
    size = float(np.clip(11 / dimensions, 1.45, 2.9))
    figure = new_figure(1 + size * dimensions, 1.1 + 0.86 * size * dimensions)
    grid = figure.add_gridspec(dimensions, dimensions)
    diagonal = [figure.add_subplot(grid[j, j]) for j in range(dimensions)]
    ranges = []
    for j, axes in enumerate(diagonal):
        data = draw_histogram(axes, y[:, j])
        edges = data.get_data().edges
        margin = 0.03 * (edges[-1] - edges[0])
        ranges.append((edges[0] - margin, edges[-1] + margin))
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    panels = {(j, j): axes for j, axes in enumerate(diagonal)}
    for i in range(1, dimensions):
        for j in range(i):
            panels[i, j] = axes = figure.add_subplot(grid[i, j])
            axes.scatter(y[shown, j], y[shown, i], c=colours, **_points(shown.size, min(1, size / 2)))
            axes.set_ylim(ranges[i])
            axes.yaxis.set_major_locator(MaxNLocator(nbins=3 if size < 2 else 4, steps=_STEPS))
            axes.tick_params(labelleft=j == 0)
            if j == 0:
                _name_axis(axes.yaxis, names[i], wrap=round(9 * size))
    for (i, j), axes in panels.items():
        axes.set_xlim(ranges[j])
        axes.xaxis.set_major_locator(MaxNLocator(nbins=3 if size < 2 else 4, steps=_STEPS))
        axes.tick_params(labelbottom=i == dimensions - 1, labelsize=8)
        if i == dimensions - 1:
            _name_axis(axes.xaxis, names[j], wrap=round(9 * size))
    # A title of the first panel would be wider than the panel and push the second away.
    title = f"The data: {n:,} observation{'' if n == 1 else 's'} of {dimensions} measurements"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    handles = [data]
    if component is None:
        handles.append(_dot(_GREY, "observation"))
    else:
        handles += [_dot(component_colour(k), f"component {k + 1}") for k in np.unique(component)]
    handles += _note(n)
    legend_below(figure, handles)
    return figure


@styled
def draw_contours(
    y: np.ndarray,
    names: list[str],
    pairs: list[dict],
    *,
    parts: list[str] | None = None,
    true_component: np.ndarray | None = None,
) -> Figure:
    """Draw regions of highest density of the mixture and of its components over the data, for pairs of measurements.

    Parameters
    ----------
    y : array, shape (n, D)
        The observations.
    names : list of str, length D
        What was measured, with its unit.
    pairs : list of dict
        Up to 6, each ``{"i", "j", "x", "y", "mixture", "components"}``: the measurements (from 0) across and up, a
        grid (g,) for each, the posterior median of the density of the mixture (g, g), up first, and the weighted
        densities of the components (K, g, g), or None where they cannot be told apart.
    parts : list of str, length K, optional
        What the components are called, by default ``"component 1"`` and so on.
    true_component : array of int, shape (n,), optional
        From 0, where the data are simulated; it colours the points.

    Returns
    -------
    matplotlib.figure.Figure
        With at most 3,000 points, evenly spaced in the order of the rows.
    """
    y = np.asarray(y, dtype=float)
    shown = _chosen(len(y))
    colours = _GREY if true_component is None else _colours(np.asarray(true_component)[shown], amount=0.45)
    columns = {1: 1, 2: 2, 4: 2}.get(len(pairs), 3)
    rows = math.ceil(len(pairs) / columns)
    width = {1: 6.4, 2: 4.8, 3: 3.7}[columns]
    figure = new_figure(width * columns, 1 + 0.84 * width * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    drawn = 0
    for place, pair in enumerate(pairs):
        axes, i, j = grid.flat[place], pair["i"], pair["j"]
        axes.scatter(y[shown, i], y[shown, j], c=colours, zorder=1.5, **_points(shown.size))
        components = [] if pair["components"] is None else pair["components"]
        drawn = max(drawn, len(components))
        for k, density in enumerate(components):
            _add_contours(axes, pair, density, {_COMPONENT: 1.8}, colors=component_colour(k), zorder=2.5)
        _add_contours(axes, pair, pair["mixture"], _MIXTURE, colors=OBSERVED, zorder=2.2)
        axes.set_xlim(pair["x"][0], pair["x"][-1])
        axes.set_ylim(pair["y"][0], pair["y"][-1])
        for axis, which in ((axes.xaxis, i), (axes.yaxis, j)):
            axis.set_major_locator(MaxNLocator(nbins=5, steps=_STEPS))
            _name_axis(axis, names[which], wrap=round(9 * width))
    for axes in grid.flat[len(pairs) :]:
        axes.set_axis_off()
    grid[0, 0].set_title("Density of the mixture")
    if true_component is None:
        handles = [_dot(_GREY, "observation")]
    else:
        handles = [
            _dot(shade(component_colour(k), 0.45), f"observation of true component {k + 1}")
            for k in np.unique(true_component)
        ]
    handles += [
        Line2D([], [], color=OBSERVED, linewidth=wide, label=f"{share:.0%} of the mixture".replace("%", " %"))
        for share, wide in _MIXTURE.items()
    ]
    for k in range(drawn):
        label = f"90 % of {f'component {k + 1}' if parts is None else parts[k]}"
        handles.append(Line2D([], [], color=component_colour(k), linewidth=1.8, label=label))
    legend_below(figure, handles + _note(len(y)))
    return figure


@styled
def draw_pair_memberships(
    y: np.ndarray,
    names: list[str],
    probabilities: np.ndarray,
    *,
    i: int = 0,
    j: int = 1,
    parts: list[str] | None = None,
    true_component: np.ndarray | None = None,
) -> Figure:
    """Draw the most probable component of every observation over two of its measurements, the doubtful ones larger.

    Parameters
    ----------
    y : array, shape (n, D)
        The observations.
    names : list of str, length D
        What was measured, with its unit.
    probabilities : array, shape (n, K)
        Posterior membership probabilities, rows summing to 1.
    i, j : int
        The measurements across and up, from 0.
    parts : list of str, length K, optional
        What the components are called, by default ``"component 1"`` and so on.
    true_component : array of int, shape (n,), optional
        From 0, where the data are simulated.

    Returns
    -------
    matplotlib.figure.Figure
        With at most 3,000 points, evenly spaced in the order of the rows; wrong ones are counted among all.
    """
    y, probabilities = np.asarray(y, dtype=float), np.asarray(probabilities, dtype=float)
    n, components = probabilities.shape
    shown = _chosen(n)
    best, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    # Doubtful points are few and matter most: larger, and on top of the sure ones.
    order = shown[np.argsort(-surest[shown], kind="stable")]
    doubt = np.clip((1 - surest[order]) / 0.5, 0, 1)
    in_doubt = surest[order] < _DOUBT
    figure = new_figure(7.6, 6.4)
    axes = figure.add_subplot()
    axes.scatter(
        y[order, i],
        y[order, j],
        s=_point_size(shown.size) + (26 if shown.size <= 1000 else 14) * doubt**0.5,
        c=_colours(best[order]),
        edgecolors=np.where(in_doubt, OBSERVED, "white"),
        linewidths=np.where(in_doubt, 0.9, 0.4) if shown.size <= 1000 else np.where(in_doubt, 0.5, 0.15),
        alpha=0.8 if shown.size <= 1000 else 1,
        rasterized=shown.size > _DENSE,
        zorder=3,
    )
    parts = [f"component {k + 1}" for k in range(components)] if parts is None else parts
    handles = [_dot(component_colour(k), parts[k]) for k in range(components)]
    if in_doubt.any():
        handles.append(_dot("white", f"less than {_DOUBT:.0%} sure".replace("%", " %"), 7.5, OBSERVED))
    if true_component is not None:
        wrong = np.asarray(true_component) != best
        if wrong.any():
            ringed = shown[wrong[shown]]
            many = ringed.size > 60
            ring = {"marker": "o", "facecolors": "none", "edgecolors": TRUTH["color"], "zorder": 4, "gid": "wrong"}
            ring |= {"s": 36, "linewidths": 0.7} if many else {"s": 95, "linewidths": 1.3}
            axes.scatter(y[ringed, i], y[ringed, j], rasterized=many, **ring)
            words = f"true component is another ({int(wrong.sum()):,} of {n:,})"
            handles.append(_dot("none", words, 9, TRUTH["color"]))
    for axis, which in ((axes.xaxis, i), (axes.yaxis, j)):
        axis.set_major_locator(MaxNLocator(nbins=7, steps=_STEPS))
        _name_axis(axis, names[which], wrap=60)
    axes.set_title("Which component does an observation belong to?")
    legend_below(figure, handles + _note(n))
    return figure


@styled
def draw_data_sets(
    sets: list[dict], names: list[str], title: str, *, parts: list[str] | None = None, zoom: bool = False
) -> Figure:
    """Draw two measurements of several data sets against each other, a panel for each, all on the same axes.

    Parameters
    ----------
    sets : list of dict
        Each ``{"title": str, "y": array (n, 2), "component": array of int (n,) or None}``; components from 0 colour the
        points.
    names : list of str, length 2
        What was measured, with its unit.
    title : str
    parts : list of str, length K, optional
        What the components are called, by default ``"component 1"`` and so on.
    zoom : bool
        Whether the axes leave out the outermost twentieth of all other sets' values on each side, but none of the
        first set's, because a few values may be very far away.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = min(3, len(sets))
    rows = math.ceil(len(sets) / columns)
    figure = new_figure(3.5 * columns, 0.9 + 3.0 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    everything = np.vstack([np.asarray(each["y"], dtype=float) for each in sets])
    first, others = np.asarray(sets[0]["y"], dtype=float), np.vstack([each["y"] for each in sets[1:]])
    low, high = everything.min(axis=0), everything.max(axis=0)
    if zoom:
        inner = np.quantile(others, (0.05, 0.95), axis=0)
        low, high = np.minimum(first.min(axis=0), inner[0]), np.maximum(first.max(axis=0), inner[1])
    margin = 0.04 * (high - low)
    coloured = set()
    for place, each in enumerate(sets):
        axes, y = grid.flat[place], np.asarray(each["y"], dtype=float)
        shown = _chosen(len(y))
        colours = OBSERVED if place == 0 else _GREY
        if each["component"] is not None:
            coloured |= set(np.unique(each["component"]).tolist())
            colours = _colours(np.asarray(each["component"])[shown])
        axes.scatter(y[shown, 0], y[shown, 1], c=colours, **_points(shown.size))
        axes.set_title(each["title"])
        if place % columns == 0:
            axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=_STEPS))
            _name_axis(axes.yaxis, names[1], wrap=32)
        axes.label_outer()
        # A panel above an empty cell has no other to name its axis.
        if place + columns >= len(sets):
            axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=_STEPS))
            axes.tick_params(labelbottom=True)
            _name_axis(axes.xaxis, names[0], wrap=32)
    for axes in grid.flat[len(sets) :]:
        axes.set_axis_off()
    grid[0, 0].set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    handles = [_dot(OBSERVED, "observation")]
    if coloured:
        called = {k: f"component {k + 1}" if parts is None else parts[k] for k in sorted(coloured)}
        handles += [_dot(component_colour(k), f"drawn from {name}") for k, name in called.items()]
    else:
        handles.append(_dot(_GREY, "replicated observation"))
    outside = int(((others < low - margin) | (others > high + margin)).any(axis=1).sum())
    if outside:
        handles.append(Line2D([], [], linestyle="none", label=f"{outside:,} of {len(others):,} points beyond the axes"))
    legend_below(figure, handles + _note(len(first)))
    return figure


def contour_levels(density: np.ndarray, x: np.ndarray, y: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Heights at which the contours of a density enclose given shares of its mass (Hyndman, 1996).

    Parameters
    ----------
    density : array, shape (len(y), len(x))
        Not negative; what is not finite counts as zero. Its mass on the grid is taken for the whole.
    x, y : array
        The grid, increasing, not necessarily evenly spaced.
    shares : sequence of float
        Between 0 and 1.

    Returns
    -------
    array, shape (len(shares),)
        NaN where the density is zero everywhere.
    """
    density = np.where(np.isfinite(density), density, 0.0)
    mass = (density * np.outer(np.gradient(y), np.gradient(x))).ravel()
    total = mass.sum()
    if not total > 0:
        return np.full(len(shares), np.nan)
    order = np.argsort(-density.ravel(), kind="stable")
    # A cell lies half inside the contour through its centre.
    inside = (np.cumsum(mass[order]) - mass[order] / 2) / total
    return np.interp(shares, inside, density.ravel()[order])


def _add_contours(axes, pair, density, shares, **line):
    """Add the contours that enclose shares of the mass, `shares` maps each to the width of its line."""
    density = np.where(np.isfinite(density), density, 0.0)
    levels = dict(zip(contour_levels(density, pair["x"], pair["y"], list(shares)), shares.values(), strict=True))
    # A flat density has one level for all shares, and none can be drawn at its highest or lowest value.
    levels = {level: levels[level] for level in sorted(levels) if density.min() < level < density.max()}
    if levels:
        line["linewidths"] = list(levels.values())
        axes.contour(pair["x"], pair["y"], density, levels=list(levels), **line)


def _chosen(n):
    return np.linspace(0, n - 1, min(n, _MOST_POINTS)).round().astype(int)


def _note(n):
    if n <= _MOST_POINTS:
        return []
    return [Line2D([], [], linestyle="none", label=f"{_MOST_POINTS:,} of {n:,} points shown")]


def _points(shown, scale=1.0):
    """How many points are drawn; of many the pixels compress better, and are as clear, without transparency."""
    style = {"s": 0.6 * scale * _point_size(shown), "linewidths": 0, "rasterized": shown > _DENSE}
    return style | {"alpha": 0.7 if shown <= _DENSE else 1}


def _point_size(shown):
    return 20 if shown <= 200 else 12 if shown <= 1000 else 6


def _colours(component, amount=0.0):
    of_each = {k: shade(component_colour(int(k)), amount) for k in np.unique(component)}
    return [of_each[k] for k in component]


def _dot(colour, words, size=5.5, edge=None):
    edge = {"markeredgecolor": edge, "markeredgewidth": 1.2} if edge else {"markeredgewidth": 0}
    return Line2D([], [], linestyle="none", marker="o", markersize=size, markerfacecolor=colour, label=words, **edge)


def _name_axis(axis, name, wrap):
    """Write the name of an axis, and beside it what its numbers are to be multiplied by or raised by, if anything.

    Matplotlib would write that at the end of the axis, where small panels have no room for it.
    """
    formatter = axis.get_major_formatter()
    formatter.format_ticks(axis.get_majorticklocs())
    offset = formatter.get_offset()
    axis.get_offset_text().set_visible(False)
    if offset and offset[0] not in "+\N{MINUS SIGN}-":
        offset = "\N{MULTIPLICATION SIGN}" + offset
    lines = textwrap.wrap(name, wrap, max_lines=3, placeholder=" \N{HORIZONTAL ELLIPSIS}") or [name]
    if offset:
        apart = " " if len(lines[-1]) + len(offset) + 3 <= wrap else "\n"
        lines[-1] += f"{apart}({offset})"
    axis.set_label_text(plain("\n".join(lines)))
