"""Whole numbers: how often each was observed, how often the model expects it, and where the two disagree."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from stanmix.figures.style import (
    DATA,
    OBSERVED,
    REPLICATE,
    TRUTH,
    component_colour,
    legend_below,
    new_figure,
    plain,
    shade,
    styled,
    visible,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_BARS = 120
_DENSE = 200  # bars beyond which they become pixels inside the SVG
_STEPS = [1, 2, 5, 10]  # between ticks, times a power of ten
_MARKED = 60  # bars up to which every one has a marker on each line


@styled
def draw_count_data(
    values: np.ndarray, counts: np.ndarray, *, label: str, true_mass: np.ndarray | None = None
) -> Figure:
    """Draw how often each whole number was observed.

    Parameters
    ----------
    values : array of int, shape (m,)
        Whole numbers, increasing, m at least 1. A number that is missing here shows as a gap, without truth.
    counts : array of int, shape (m,)
        How many observations have each value; 0 is allowed.
    label : str
        What was counted.
    true_mass : array, shape (m,), optional
        How many observations the true distribution expects at each value.

    Returns
    -------
    matplotlib.figure.Figure
        With bars for groups of equally many whole numbers where more than 120 places would be needed.
    """
    places, group, step = group_values(values)
    counts = np.asarray(counts)
    figure = new_figure(8.4, 4.4)
    axes = figure.add_subplot()
    handles = [add_bars(axes, places, np.bincount(group, weights=counts), step=step, label="data")]
    if true_mass is not None:
        handles.append(_add_truth(axes, places, np.bincount(group, weights=true_mass)))
    axes.set_ylim(bottom=0)
    axes.set(xlabel=plain(label), ylabel="observations" + per(step))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, steps=_STEPS))
    total = int(counts.sum())
    axes.set_title(f"The data: {total:,} observation{'' if total == 1 else 's'}")
    legend_below(figure, handles)
    return figure


@styled
def draw_bars(
    values: np.ndarray,
    observed: np.ndarray,
    mixture: dict,
    components: dict | None,
    *,
    label: str,
    names: list[str] | None = None,
    true_mass: np.ndarray | None = None,
    step: int = 1,
) -> Figure:
    """Draw how often the model expects each whole number over how often it was observed.

    Limits of a sum are not sums of limits: where whole numbers are grouped, the caller groups the draws, with
    `group_values`, before taking quantiles.

    Parameters
    ----------
    values : array, shape (m,)
        Whole numbers, or the centres of groups of them, increasing.
    observed : array, shape (m,)
        Observed frequencies.
    mixture : dict
        ``{"lower", "median", "upper"}`` of arrays (m,): the expected frequencies and their 90 % band.
    components : dict or None
        The same of arrays (P, m), weighted; None where the components cannot be told apart.
    label : str
        What was counted.
    names : list of str, length P, optional
        By default ``"component 1"`` and so on.
    true_mass : array, shape (m,), optional
        How many observations the true distribution expects at each value.
    step : int
        How many whole numbers a value stands for.

    Returns
    -------
    matplotlib.figure.Figure
    """
    values = np.asarray(values, dtype=float)
    few = values.size <= _MARKED
    figure = new_figure(8.4, 4.4)
    axes = figure.add_subplot()
    handles = [add_bars(axes, values, observed, step=step, label="data")]
    lower, median, upper = (np.asarray(mixture[key], dtype=float) for key in ("lower", "median", "upper"))
    if few:
        points = {"fmt": "o", "color": OBSERVED, "markersize": 4.2, "elinewidth": 1.3, "capsize": 0, "zorder": 3.5}
        error = np.maximum([median - lower, upper - median], 0)
        handles.append(axes.errorbar(values, median, yerr=error, label="mixture, 90 % band", **points))
    else:
        axes.fill_between(values, lower, upper, color=OBSERVED, alpha=0.16, linewidth=0, zorder=1.2)
        handles += axes.plot(values, median, color=OBSERVED, linewidth=1.2, label="mixture, 90 % band", zorder=3.5)
    amount = 0 if components is None else len(components["median"])
    names = [f"component {k + 1}" for k in range(amount)] if names is None else names
    for k in range(amount):
        limits = [np.asarray(components[key][k], dtype=float) for key in ("lower", "median", "upper")]
        handles.append(_add_component(axes, values, *limits, colour=component_colour(k), name=names[k]))
    if true_mass is not None:
        handles.append(_add_truth(axes, values, true_mass))
    axes.set_ylim(bottom=0)
    axes.set(xlabel=plain(label), ylabel="observations" + per(step))
    axes.set_title("Observed and expected frequencies")
    legend_below(figure, handles)
    return figure


@styled
def draw_rootogram(values: np.ndarray, observed: np.ndarray, limits: dict, *, label: str, step: int = 1) -> Figure:
    """Draw a hanging rootogram (Tukey, 1972; Kleiber and Zeileis, 2016): the bars of the data hang from the model.

    A bar ends at the square root of the expected minus that of the observed frequency, and the band around zero is
    where bars end whose frequency lies within that of replicated data.

    Parameters
    ----------
    values : array, shape (m,)
        Whole numbers, or the centres of groups of them, increasing.
    observed : array, shape (m,)
        Observed frequencies.
    limits : dict
        ``{"lower", "median", "upper"}`` of arrays (m,): the expected frequency is the median, the others bound the
        band of replicated frequencies.
    label : str
        What was counted.
    step : int
        How many whole numbers a value stands for.

    Returns
    -------
    matplotlib.figure.Figure
    """
    values, observed = np.asarray(values, dtype=float), np.asarray(observed, dtype=float)
    lower, median, upper = (np.asarray(limits[key], dtype=float) for key in ("lower", "median", "upper"))
    expected = np.sqrt(median)
    outside = (observed < lower) | (observed > upper)
    figure = new_figure(8.4, 4.4)
    axes = figure.add_subplot()
    colours = np.where(outside, OBSERVED, DATA)
    handles = [add_bars(axes, values, -np.sqrt(observed), bottom=expected, step=step, colour=colours, label="observed")]
    band = {"fill": True, "color": REPLICATE, "alpha": 0.4, "linewidth": 0, "zorder": 2}
    edges = _edges(values, step)
    replicated = axes.stairs(
        expected - np.sqrt(lower), edges, baseline=expected - np.sqrt(upper), label="band of replicated data", **band
    )
    axes.axhline(0, color=OBSERVED, linewidth=0.9, zorder=2.5)
    add_caps(axes, values, expected - np.sqrt(observed), step=step)
    top, end = expected.max(), min(0, (expected - np.sqrt(np.maximum(observed, upper))).min())
    margin = 0.05 * (top - end) or 1
    axes.set_ylim(end - margin, top + margin)
    marker = {"marker": "o", "markersize": 3.6} if values.size <= _MARKED else {}
    handles += axes.plot(
        values, expected, color=shade(REPLICATE, -0.35), linewidth=1.6, label="expected", zorder=3, **marker
    )
    handles.append(replicated)
    if outside.any():
        handles.append(Patch(color=OBSERVED, label="outside the band"))
    axes.set(xlabel=plain(label), ylabel="square root of frequency" + per(step))
    axes.set_title("Hanging rootogram")
    legend_below(figure, handles)
    return figure


def group_values(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Group whole numbers so that at most 120 places are needed from the first to the last.

    Every group has room for the same number of possible values, as multiples of what all differences share: bars of
    unequal groups would show gaps and towers that are not in the data.

    Parameters
    ----------
    values : array of int, shape (m,)
        Increasing.

    Returns
    -------
    centres : array, shape (g,)
        Of the groups that hold a value, increasing.
    group : array of int, shape (m,)
        To which of them each value belongs.
    step : int
        How many whole numbers a group spans; 1 if every value stands for itself.
    """
    values = np.asarray(values).astype(np.int64)
    unit = _unit(values)
    many = math.ceil(((values[-1] - values[0]) // unit + 1) / _MOST_BARS)
    if many == 1:
        return values.astype(float), np.arange(values.size), 1
    step = unit * many
    present, group = np.unique((values - values[0]) // step, return_inverse=True)
    return values[0] + present * float(step) + (step - unit) / 2, group, step


def add_bars(
    axes: Axes,
    values: np.ndarray,
    heights: np.ndarray,
    *,
    step: int = 1,
    bottom: float | np.ndarray = 0.0,
    colour: str | np.ndarray = DATA,
    label: str | None = None,
) -> Patch:
    """Add a bar per value, with a sensible axis below: apart for single whole numbers, touching for groups of them.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    values : array, shape (m,)
        Whole numbers, or the centres of groups of them, increasing.
    heights : array, shape (m,)
    step : int
        How many whole numbers a bar stands for.
    bottom : float or array, shape (m,)
    colour : str or array of str, shape (m,)
    label : str, optional

    Returns
    -------
    matplotlib.patches.Patch
        For the legend.
    """
    values, heights = np.asarray(values, dtype=float), np.asarray(heights, dtype=float)
    unit, width, half = _sizes(values, step)
    middle = (values[0] + values[-1]) / 2
    if values.size > _DENSE:
        points = 72 * 7.4 * width / (2 * half)
        stems = {"colors": colour, "linewidths": max(0.8, points), "rasterized": True, "zorder": 0.9}
        axes.vlines(values, bottom, bottom + heights, capstyle="butt", **stems)
    else:
        axes.bar(values, heights, width=width, bottom=bottom, color=colour, linewidth=0, zorder=0.9)
    axes.set_xlim(middle - half, middle + half)
    axes.grid(visible=False, axis="x")
    _add_ticks(axes, values, unit, step)
    return Patch(color=DATA, label=label)


def add_caps(axes: Axes, values: np.ndarray, heights: np.ndarray, *, step: int = 1) -> None:
    """Add a dark line across the end of every bar of `add_bars`, to show through what is drawn over the bars."""
    values = np.asarray(values, dtype=float)
    if values.size <= _DENSE:
        reach = _sizes(values, step)[1] / 2
        axes.hlines(heights, values - reach, values + reach, colors=OBSERVED, linewidths=1.1, zorder=2.6)


def per(step: int) -> str:
    """What to add to the name of an axis of frequencies where each bar stands for several whole numbers."""
    return f" per {step:,} whole numbers" if step > 1 else ""


def _sizes(values, step):
    """How far places are apart, how wide a bar is, and half the length of the axis."""
    span = values[-1] - values[0]
    unit = step if step > 1 else _unit(values)
    half = max(0.51 * span + 0.7 * unit, 2 * unit)
    # Of values far apart a wide bar would claim the whole numbers between them.
    width = step if step > 1 else 0.8 * min(unit, max(1.0, 0.02 * half))
    return unit, width, half


def _add_ticks(axes, values, unit, step):
    """Mark every place where there is room, else round whole numbers, written in full where that is legible."""
    largest = max(abs(values[0]), abs(values[-1]))
    wide = 0.085 * len(f"{largest:.0f}") + 0.12
    places = np.arange(values[0], values[-1] + unit / 2, unit) if step == 1 and np.ptp(values) <= 60 * unit else []
    if 0 < len(places) * wide <= 7:
        axes.set_xticks(places)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=int(np.clip(4 / wide, 3, 10)), integer=True, steps=_STEPS))
    if largest < 1e9:
        formatter = ScalarFormatter(useOffset=False)
        formatter.set_scientific(False)
        axes.xaxis.set_major_formatter(formatter)


def _add_component(axes, x, lower, median, upper, *, colour, name):
    """Add a line with its band; a lone point, such as extra zeros, has an interval instead."""
    line = visible(median) if np.max(median) > 0 else np.full(x.size, np.nan)
    shown = np.isfinite(line)
    beside = np.r_[False, shown[:-1]] | np.r_[shown[1:], False]
    alone = shown & ~beside
    axes.fill_between(x, lower, upper, where=shown, color=colour, alpha=0.22, linewidth=0, zorder=1.3)
    axes.vlines(x[alone], lower[alone], upper[alone], color=colour, alpha=0.45, linewidth=5, zorder=1.3)
    marker = {"marker": "o", "markersize": 4 if x.size <= _MARKED else 0, "markeredgewidth": 0}
    if alone.any():
        marker["markersize"] = 5.5
        marker["markevery"] = np.flatnonzero(shown if x.size <= _MARKED else alone).tolist()
    (drawn,) = axes.plot(x, line, color=colour, linewidth=1.8, label=plain(name), **marker)
    drawn.set_zorder(3.7 if alone.any() else 3)  # a lone marker would vanish under the interval of the mixture
    return drawn


def _add_truth(axes, x, mass):
    marker = {"marker": "D", "markersize": 3.6, "markeredgewidth": 0} if len(x) <= _MARKED else {}
    (line,) = axes.plot(x, mass, label="truth", zorder=4, **TRUTH, **marker)
    return line


def _unit(values):
    """The greatest whole number that divides all differences."""
    values = np.asarray(values).astype(np.int64)
    return int(np.gcd.reduce(np.diff(values))) if values.size > 1 else 1


def _edges(values, step):
    """Where the places of values meet, half-way between them."""
    half = (step if step > 1 else _unit(values)) / 2
    return np.r_[values[0] - half, (values[1:] + values[:-1]) / 2, values[-1] + half]
