"""What does the prior expect? Mixtures drawn from the prior beside the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from stanmix.figures.counts import add_bars, add_caps, per
from stanmix.figures.data import draw_histogram
from stanmix.figures.style import (
    OBSERVED,
    REPLICATE,
    legend_below,
    new_figure,
    plain,
    shade,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DENSE = 5000  # vertices beyond which lines become pixels inside the SVG


@styled
def draw_prior_predictive(
    x: np.ndarray, curves: np.ndarray, observed: np.ndarray, *, label: str, discrete: bool = False, step: int = 1
) -> Figure:
    """Draw densities of mixtures drawn from the prior over the data.

    Parameters
    ----------
    x : array, shape (m,)
        Increasing; whole numbers, or the centres of groups of them, if `discrete`.
    curves : array, shape (R, m)
        Density, or probability of each whole number, of R mixtures drawn from the prior. Where a density is infinite
        its line leaves the axis.
    observed : array, shape (n,) or (m,)
        The observations, or the share of them at each `x` if `discrete`.
    label : str
        What was measured, with its unit.
    discrete : bool
    step : int
        How many whole numbers an `x` stands for, if `discrete`.

    Returns
    -------
    matplotlib.figure.Figure
        Its axis ends at three times the highest bar of the data or at the height that a tenth of the curves exceed,
        whichever is larger, so that a few narrow mixtures do not flatten all others.
    """
    x, observed = np.asarray(x, dtype=float), np.asarray(observed, dtype=float)
    curves = np.nan_to_num(np.atleast_2d(np.asarray(curves, dtype=float)), nan=0.0, posinf=np.inf)
    figure = new_figure(8.4, 4.4)
    axes = figure.add_subplot()
    # The ends of the bars come on top, because many curves hide the bars themselves.
    if discrete:
        data = add_bars(axes, x, observed, step=step, label="data")
        add_caps(axes, x, observed, step=step)
        tallest = observed.max()
    else:
        data = draw_histogram(axes, observed)
        heights, edges, _ = data.get_data()
        tallest = heights.max()
        axes.stairs(heights, edges, color=OBSERVED, linewidth=0.9, zorder=3)
        axes.set_xlim(min(x[0], edges[0]), max(x[-1], edges[-1]))
    infinite = np.isinf(curves)
    peaks = np.max(curves, axis=1, where=~infinite, initial=0.0)
    top = min(max(3 * tallest, np.quantile(peaks, 0.9)), 1.06 * max(tallest, peaks.max()))
    curves = np.minimum(curves, 4 * top)
    band = np.quantile(curves, (0.05, 0.95), axis=0)
    fill = axes.fill_between(
        x, *band, color=REPLICATE, alpha=0.22, linewidth=0, zorder=1.2, label="90 % of them at each value"
    )
    lines = LineCollection(
        [np.column_stack([x, curve]) for curve in curves],
        colors=REPLICATE,
        linewidths=0.8,
        alpha=float(np.clip(20 / len(curves), 0.12, 0.6)),
        rasterized=curves.size > _DENSE,
        zorder=1.5,
    )
    axes.add_collection(lines)
    axes.set_ylim(0, top)
    axes.set(xlabel=plain(label), ylabel="share" + per(step) if discrete else "density")
    axes.set_title("Mixtures drawn from the prior")
    higher = int(np.sum((peaks > top) | infinite.any(axis=1)))
    many = f"{len(curves):,} mixture{'' if len(curves) == 1 else 's'} drawn from the prior"
    many += f", {higher:,} higher than the axis" if higher else ""
    drawn = Line2D([], [], color=shade(REPLICATE, 0.15), linewidth=1.2, label=many)
    legend_below(figure, [data, drawn, fill])
    return figure
