"""Does the model make data like ours? Replicated data sets, their spread, their distribution function, the density."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from stanmix.figures.data import draw_histogram
from stanmix.figures.style import (
    BAND,
    MUTED,
    OBSERVED,
    REPLICATE,
    TRUTH,
    component_colour,
    legend_below,
    new_figure,
    plain,
    styled,
    visible,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DENSE = 5000  # vertices beyond which lines become pixels inside the SVG


@styled
def draw_replicates(x: np.ndarray, observed: np.ndarray, replicates: np.ndarray, *, label: str) -> Figure:
    """Draw the density estimate of the data over those of replicated data sets, as the tutorial does.

    Parameters
    ----------
    x : array, shape (m,)
    observed : array, shape (m,)
        Density estimate of the data.
    replicates : array, shape (R, m)
        Density estimates, by the same rule, of R replicated data sets.
    label : str
        What was measured, with its unit.

    Returns
    -------
    matplotlib.figure.Figure
    """
    replicates = np.atleast_2d(replicates)
    figure = new_figure(8.4, 4.2)
    axes = figure.add_subplot()
    lines = LineCollection(
        [np.column_stack([x, replicate]) for replicate in replicates],
        colors=REPLICATE,
        linewidths=0.8,
        alpha=float(np.clip(15 / len(replicates), 0.08, 0.5)),
        rasterized=replicates.size > _DENSE,
        zorder=1.5,
    )
    axes.add_collection(lines)
    axes.update_datalim([(np.min(x), 0), (np.max(x), replicates.max())])
    axes.autoscale_view()
    (data,) = axes.plot(x, observed, color=OBSERVED, linewidth=2.2, label="observed")
    axes.set_ylim(bottom=0)
    axes.set(xlabel=plain(label), ylabel="density estimate")
    axes.set_title("Replicated data sets")
    many = f"{len(replicates)} replicated data set{'s' if len(replicates) > 1 else ''}"
    legend_below(figure, [data, Line2D([], [], color=REPLICATE, linewidth=1.2, label=many)])
    return figure


@styled
def draw_bands(x: np.ndarray, keep: dict, anew: dict, *, label: str, peaks: list[dict]) -> Figure:
    """Draw how far density estimates of replicated data spread, with memberships kept and with memberships drawn anew.

    Parameters
    ----------
    x : array, shape (m,)
    keep, anew : dict
        Each ``{"lower", "median", "upper", "observed"}`` of arrays (m,): the 90 % band over replicates of the density
        estimate, and the estimate of the data. `keep`: every point keeps its membership; `anew`: it is drawn anew.
    label : str
        What was measured, with its unit.
    peaks : list of dict
        Each ``{"x", "sd_keep", "sd_anew"}``: the sd over replicates of the estimate at a peak.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(9.6, 4.2)
    both = figure.subplots(1, 2, sharex=True, sharey=True)
    panels = (("Same units: membership kept", keep, "sd_keep"), ("New units: membership drawn anew", anew, "sd_anew"))
    for axes, (title, band, _) in zip(both, panels, strict=True):
        fill = axes.fill_between(
            x, band["lower"], band["upper"], color=REPLICATE, alpha=0.35, linewidth=0, label="90 % of replicates"
        )
        (median,) = axes.plot(x, band["median"], color=REPLICATE, linewidth=1.3, label="median replicate")
        (data,) = axes.plot(x, band["observed"], color=OBSERVED, linewidth=1.7, label="observed")
        axes.set_title(title)
        axes.set_xlabel(plain(label))
    left = both[0]
    left.set_ylabel("density estimate")
    left.set_ylim(0, 1.22 * max(np.max(band[key]) for band in (keep, anew) for key in ("upper", "observed")))
    for axes, (_, band, key) in zip(both, panels, strict=True):
        _annotate_peaks(axes, x, band, [(peak["x"], peak[key]) for peak in peaks])
    legend_below(figure, [data, median, fill])
    return figure


def _annotate_peaks(axes, x, band, peaks):
    """Write the sd above every peak, higher where the curve beside it or its left neighbour is in the way."""
    low, high = axes.get_xlim()
    line = 0.055 * axes.get_ylim()[1]
    placed = []
    for position, sd in sorted(peaks):
        foot, height = (
            np.max(np.maximum(band["upper"], band["observed"]), where=np.abs(x - position) < reach, initial=0.0)
            for reach in (0.01 * (high - low), 0.075 * (high - low))
        )
        foot += 0.15 * line
        height += 0.6 * line
        while any(abs(position - at) < 0.17 * (high - low) and abs(height - up) < line for at, up in placed):
            height += 0.25 * line
        placed.append((position, height))
        written = f"{sd:.{max(0, 1 + math.ceil(-math.log10(sd)))}f}" if sd > 0 else "0"  # two significant digits
        written = written[1:] if written.startswith("0.") else written
        axes.text(position, height, f"sd {written}", ha="center", va="bottom", fontsize=8.5, color=OBSERVED)
        axes.plot([position] * 2, [foot, height], color=MUTED, linewidth=0.7)


@styled
def draw_ecdf(x: np.ndarray, observed: np.ndarray, band: dict, *, label: str) -> Figure:
    """Draw the distribution function of the data with the band of the model, and again as the difference to its median.

    Parameters
    ----------
    x : array, shape (m,)
    observed : array, shape (m,)
        Empirical distribution function of the data at `x`.
    band : dict
        ``{"lower", "upper", "median"}`` of arrays (m,): the simultaneous band of the model.
    label : str
        What was measured, with its unit.

    Returns
    -------
    matplotlib.figure.Figure
    """
    return draw_ecdfs([{"label": label, "x": x, "observed": observed, "band": band}])


@styled
def draw_ecdfs(rows: list[dict]) -> Figure:
    """Draw what `draw_ecdf` draws for several columns of the data, a row of panels for each.

    Parameters
    ----------
    rows : list of dict
        Each ``{"label", "x", "observed", "band"}`` as the arguments of `draw_ecdf`; the bands hold all together.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(9.6, 4.2 if len(rows) == 1 else 0.8 + 2.7 * len(rows))
    grid = figure.subplots(len(rows), 2, squeeze=False)
    handles, all_outside = [], []
    for (whole, difference), row in zip(grid, rows, strict=True):
        x, observed = row["x"], np.asarray(row["observed"], dtype=float)
        lower, upper, median = (np.asarray(row["band"][key], dtype=float) for key in ("lower", "upper", "median"))
        for axes, base in ((whole, 0.0), (difference, median)):
            fill = axes.fill_between(x, lower - base, upper - base, color=BAND, linewidth=0, label="simultaneous band")
            (middle,) = axes.plot(x, median - base, color=MUTED, linewidth=1, label="median of the model")
            (data,) = axes.plot(x, observed - base, color=OBSERVED, linewidth=1.7, label="observed")
            axes.set_xlabel(plain(row["label"]))
        whole.set(ylim=(-0.02, 1.02), ylabel="cumulative probability")
        difference.set_ylabel("observed minus median")
        handles = handles or [data, middle, fill]
        outside = (observed < lower) | (observed > upper)
        if outside.any():
            # A single point outside must show too, hence a marker as wide as the line.
            marks = {"marker": "o", "markersize": 4, "markeredgewidth": 0, "linewidth": 4, "color": OBSERVED}
            excess = np.where(outside, observed - median, np.nan)
            all_outside += difference.plot(x, excess, label="outside the band", rasterized=outside.sum() > 300, **marks)
    grid[0, 0].set_title("Distribution function")
    grid[0, 1].set_title("The same, as a difference")
    legend_below(figure, handles + all_outside[:1])
    return figure


@styled
def draw_density(
    y: np.ndarray,
    x: np.ndarray,
    mixture: dict,
    components: dict | None,
    *,
    label: str,
    names: list[str] | None = None,
    true_density: np.ndarray | None = None,
) -> Figure:
    """Draw the posterior density of the mixture and its components over the histogram of the data.

    Parameters
    ----------
    y : array, shape (n,)
        The observations.
    x : array, shape (m,)
    mixture : dict
        ``{"median", "lower", "upper"}`` of arrays (m,): the density of the mixture and its 90 % band.
    components : dict or None
        The same of arrays (K, m), weighted; None where the components cannot be told apart.
    label : str
        What was measured, with its unit.
    names : list of str, length K, optional
        By default ``"component 1"`` and so on.
    true_density : array, shape (m,), optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = new_figure(8.4, 4.4)
    axes = figure.add_subplot()
    handles = [draw_histogram(axes, np.asarray(y, dtype=float))]
    (line,) = axes.plot(x, mixture["median"], color=OBSERVED, linewidth=1.2, label="mixture, 90 % band", zorder=3)
    axes.fill_between(x, mixture["lower"], mixture["upper"], color=OBSERVED, alpha=0.13, linewidth=0, zorder=1.2)
    handles.append(line)
    for k in range(0 if components is None else len(components["median"])):
        colour = component_colour(k)
        axes.fill_between(x, components["lower"][k], components["upper"][k], color=colour, alpha=0.3, linewidth=0)
        name = f"component {k + 1}" if names is None else names[k]
        handles += axes.plot(x, visible(components["median"][k]), color=colour, linewidth=2.4, label=name)
    if true_density is not None:
        handles += axes.plot(x, true_density, label="truth", zorder=4, **TRUTH)
    axes.set_ylim(bottom=0)
    axes.set(xlabel=plain(label), ylabel="density")
    axes.set_title("Posterior density of the mixture")
    legend_below(figure, handles)
    return figure
