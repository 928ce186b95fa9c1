"""Is the model calibrated? Distribution functions of probability integral transforms, and statistics of the data."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from stanmix.figures.style import (
    BAND,
    MUTED,
    OBSERVED,
    REPLICATE,
    legend_below,
    new_figure,
    number,
    plain,
    shade,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_BINS = 30
_ROUNDING = 1e-9  # the band has no width at 0 and 1
_STEPS = [1, 2, 2.5, 5, 10]  # between ticks, times a power of ten
_FAR = 10  # interquartile ranges beyond the quartiles after which a value would squeeze all others into one bar


@styled
def draw_pit(panels: list[dict]) -> Figure:
    """Draw how far the distribution of probability integral transforms is from uniform, one panel for each kind.

    Parameters
    ----------
    panels : list of dict
        Each ``{"title": str, "u", "difference", "lower", "upper"}`` with arrays (m,): a grid from 0 to 1, the
        empirical distribution function of the transforms minus `u`, and the simultaneous band of that difference.

    Returns
    -------
    matplotlib.figure.Figure
        One sentence, if there are no panels.
    """
    if not panels:
        return _sentence("no probability integral transform can be shown")
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(4.8 * columns + (0.6 if columns == 1 else 0), 0.6 + 3 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    all_outside = []
    for place, panel in enumerate(panels):
        axes = grid.flat[place]
        u, difference, lower, upper = (
            np.asarray(panel[key], dtype=float) for key in ("u", "difference", "lower", "upper")
        )
        fill = axes.fill_between(u, lower, upper, color=BAND, linewidth=0, label="simultaneous band")
        axes.axhline(0, color=MUTED, linewidth=1)
        (line,) = axes.plot(u, difference, color=OBSERVED, linewidth=1.7, label="observed")
        outside = (difference < lower - _ROUNDING) | (difference > upper + _ROUNDING)
        if outside.any():
            # A single point outside must show too, hence a marker as wide as the line.
            marks = {"marker": "o", "markersize": 4, "markeredgewidth": 0, "linewidth": 4, "color": OBSERVED}
            excess = np.where(outside, difference, np.nan)
            all_outside += axes.plot(
                u, excess, label="outside the band", gid="outside", rasterized=outside.sum() > 300, **marks
            )
        axes.set_title(plain(panel["title"]))
        axes.set_xlabel("probability")
        axes.label_outer()
        # A panel above an empty cell has no other to name its axis.
        if place + columns >= len(panels):
            axes.set_xlabel("probability")
            axes.tick_params(labelbottom=True)
        if place % columns == 0:
            axes.set_ylabel("ECDF minus uniform")
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    grid[0, 0].set_xlim(-0.02, 1.02)
    grid[0, 0].locator_params(axis="y", nbins=7)
    legend_below(figure, [line, fill, *all_outside[:1]])
    return figure


@styled
def draw_statistics(rows: list[dict]) -> Figure:
    """Draw statistics of the data against the same of replicated data sets.

    Parameters
    ----------
    rows : list of dict
        Each ``{"title": str, "observed": float, "replicated": array (R,), "lower": float, "upper": float,
        "outside": bool}``: the simultaneous band of all statistics, and whether it is left. Replicated values that
        are not finite are counted, not drawn.

    Returns
    -------
    matplotlib.figure.Figure
        One sentence, if there are no rows.
    """
    if not rows:
        return _sentence("no statistic can be shown")
    columns = min(3, len(rows))
    lines = math.ceil(len(rows) / columns)
    figure = new_figure(max(5.4, 3.1 * columns), 0.6 + 2.35 * lines)
    grid = figure.subplots(lines, columns, squeeze=False)
    for place, row in enumerate(rows):
        axes = grid.flat[place]
        line = _add_statistic(axes, float(row["observed"]), np.asarray(row["replicated"], dtype=float), row)
        axes.set_title(plain("\n".join(textwrap.wrap(row["title"], 24))), pad=19)
        if place % columns == 0:
            axes.set_ylabel("replicated data sets")
    for axes in grid.flat[len(rows) :]:
        axes.set_axis_off()
    sizes = {np.size(row["replicated"]) for row in rows}
    many = f"{sizes.pop():,} replicated data sets" if len(sizes) == 1 else "replicated data sets"
    legend_below(figure, [line, Patch(color=_replicated, label=many), Patch(color=BAND, label="simultaneous band")])
    return figure


_replicated = shade(REPLICATE, 0.25)


def _add_statistic(axes, observed, replicated, band):
    """Add the histogram of one statistic, its band, the observed value, and a line of numbers above."""
    values = replicated[np.isfinite(replicated)]
    notes = []
    if values.size < replicated.size:
        notes.append(f"{replicated.size - values.size:,} not finite")
    near = values[_is_near(values)]
    if near.size < values.size:
        notes.append(f"{values.size - near.size:,} too far to show")
    seen = np.r_[near, observed if np.isfinite(observed) else []]
    axes.axvspan(band["lower"], band["upper"], color=BAND, linewidth=0, zorder=0.5)
    if near.size:
        edges = _statistic_edges(near, seen)
        axes.stairs(np.histogram(near, edges)[0], edges, fill=True, color=_replicated, linewidth=0.8)
        seen = np.r_[seen, edges]
    line = axes.axvline(observed, color=OBSERVED, linewidth=2.4, label="observed", zorder=3)
    if seen.size:
        low, high = seen.min(), seen.max()
        # Equal values are one bar, and a bar is seen as one only beside empty space.
        margin = (2 if near.size and edges.size == 2 and low == edges[0] and high == edges[1] else 0.05) * (high - low)
        axes.set_xlim(low - (margin or 1), high + (margin or 1))
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=_STEPS))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, steps=_STEPS))
    axes.set_xlabel(", ".join(notes), fontsize=8, color=MUTED)
    numbers = [
        f"observed {number(observed) if np.isfinite(observed) else 'not finite'}",
        "outside" if band["outside"] else "inside",
    ]
    above = {"xycoords": "axes fraction", "xytext": (0, 6), "textcoords": "offset points"}
    # Columns are as wide as each other if the layout does not know of this line.
    axes.annotate(", ".join(numbers), (0, 1), fontsize=8.5, **above).set_in_layout(False)
    return line


def _is_near(values):
    if not values.size:
        return np.zeros(0, dtype=bool)
    lower, upper = np.quantile(values, (0.25, 0.75))
    reach = _FAR * (upper - lower)
    if reach == 0:
        return np.ones(values.size, dtype=bool)
    return (values >= lower - reach) & (values <= upper + reach)


def _statistic_edges(values, seen):
    """Edges of histogram bins, which hold equally many of the possible values where those are evenly spaced.

    Parameters
    ----------
    values : array, shape (R,)
        Finite.
    seen : array, shape (s,)
        What else the axis has to show, which tells how wide a bar of equal values may be.

    Returns
    -------
    array, shape (bins + 1,)
    """
    low, high = values.min(), values.max()
    span = high - low
    largest = np.abs(seen).max()
    if span <= 1e-14 * largest:
        room = np.ptp(seen)
        half = room / 40 if room > 1e-14 * largest else (0.02 * largest or 0.5)
        return np.array([low - half, high + half])
    # Rounded, as the same number comes out of sums in different orders.
    places = np.unique(np.round((values - low) / span, 9))
    gap = np.diff(places).min()
    steps = np.diff(places) / gap
    if gap > 1e-4 and np.allclose(steps, np.round(steps), atol=0.02, rtol=0):
        amount = round(1 / gap) + 1
        together = math.ceil(amount / _MOST_BINS)
        width = span / (amount - 1)
        return low + width * (together * np.arange(math.ceil(amount / together) + 1) - 0.5)
    lower, upper = np.quantile(values, (0.25, 0.75))
    rule = 2 * (upper - lower) * values.size ** (-1 / 3)  # Freedman and Diaconis (1981)
    bins = math.ceil(span / rule) if rule > 0 else _MOST_BINS
    return np.linspace(low, high, min(max(bins, 8), _MOST_BINS) + 1)


def _sentence(words):
    figure = new_figure(6, 0.6)
    figure.text(0.5, 0.5, words, ha="center", va="center", color=MUTED)
    return figure
