"""Do the chains agree? The density of every parameter by chain, and whether the chains' ranks look alike."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from stanmix.figures.style import (
    BAND,
    MUTED,
    OBSERVED,
    TRUTH,
    chain_style,
    component_colour,
    index_of,
    new_figure,
    styled,
    symbol,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINTS = 100  # where a rank ECDF is looked at
_SIMULATIONS = 4000
_NAME_SIZE = 11.0
_MOST_DRAWS = 2000  # per chain in a density estimate: more change no pixel
_VERTICES = 8000  # of all lines in a figure, which keeps its SVG small (pixels inside the SVG were larger)


@styled
def draw_traces(parameters: list[dict], *, note: str | None = None) -> Figure:
    """Draw two panels per scalar parameter: its density by chain, and the rank ECDF of every chain minus the expected.

    Parameters
    ----------
    parameters : list of dict
        Each ``{"name": str, "component": int or None, "draws": array (chains, draws), "truth": float or None}``,
        components from 0. The ranks of a single chain are compared between its two halves. With the optional key
        ``"ess"`` (effective number of all draws) the ranks are those of draws thinned to about that many, because
        the band is made for independent draws; with ``"columns"`` their names are added to the parameter's, and
        ``"called"`` stands for the number of the component.
    note : str, optional
        A sentence for the legend.

    Returns
    -------
    matplotlib.figure.Figure
    """
    total = len(parameters)
    blocks = 1 if total <= 10 else 2
    rows = max(1, math.ceil(total / blocks))
    row = float(np.clip(22 / rows, 0.62, 1.25))
    width, top, bottom = 8.6 if blocks == 1 else 12.0, 0.42, 0.78
    height = top + rows * row + bottom
    figure = new_figure(width, height, layout=None)
    block = width / blocks
    names = [_name(parameter) for parameter in parameters]
    margin = max(0.62, 0.25 + max((text_width(name, _NAME_SIZE) for name in names), default=0))
    lines = 2 * sum(max(2, np.shape(parameter["draws"])[0]) for parameter in parameters)
    points = int(np.clip(_VERTICES / max(1, lines), 32, _POINTS))
    for place, parameter in enumerate(parameters):
        left = block * (place // rows)
        base = height - top - row * (place % rows + 1) + 0.26
        panel = row - (0.36 if row > 0.8 else 0.32)
        spots = ((left + margin, 0.5 * block - margin - 0.33), (left + 0.5 * block + 0.3, 0.5 * block - 0.5))
        density, ranks = (
            figure.add_axes((start / width, base / height, wide / width, panel / height)) for start, wide in spots
        )
        _draw_parameter(density, ranks, parameter, compact=row < 0.8, points=points)
        last = place % rows == rows - 1 or place == total - 1
        ranks.tick_params(labelbottom=last)
        if last:
            ranks.set_xlabel("fractional rank", fontsize=8.5, labelpad=2)
        if place % rows == 0:
            density.set_title("Density by chain")
            ranks.set_title("Rank ECDF minus uniform")
    _legend(figure, parameters, height, note)
    return figure


def _name(parameter):
    component = index_of(parameter["component"], parameter.get("called"))
    return symbol(parameter["name"], component, parameter.get("columns", ()))


def _legend(figure, parameters, height, extra):
    chains = max((np.shape(parameter["draws"])[0] for parameter in parameters), default=0)
    if chains == 1:
        handles = [Line2D([], [], label=f"{half} half", **chain_style(i)) for i, half in enumerate(("first", "second"))]
    else:
        handles = [Line2D([], [], label=f"chain {chain + 1}", **chain_style(chain)) for chain in range(chains)]
    thinned = any(parameter.get("ess") is not None for parameter in parameters)
    note = "95 % band, draws thinned by their ESS" if thinned else "95 % band for independent draws"
    handles.append(Patch(color=BAND, label=note))
    if any(parameter["truth"] is not None for parameter in parameters):
        handles.append(Line2D([], [], label="truth", **TRUTH))
    if extra is not None:
        figure.text(0.98, 0.06 / height, extra, ha="right", va="bottom", fontsize=8.5, color=MUTED)
    columns = min(len(handles), int(figure.get_figwidth() / 1.15))
    columns = math.ceil(len(handles) / math.ceil(len(handles) / columns))
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.2 / figure.get_figwidth(), 0.02 / height),
        ncols=columns,
        columnspacing=1.2,
        fontsize=8.5,
    )


def _draw_parameter(density, ranks, parameter, *, compact, points):
    draws = np.asarray(parameter["draws"], dtype=float)
    colour = OBSERVED if parameter["component"] is None else component_colour(parameter["component"])
    if draws.shape[0] == 1 and draws.shape[1] > 3:
        half = draws.shape[1] // 2
        draws = np.stack([draws[0, :half], draws[0, -half:]])
    for axes in (density, ranks):
        axes.tick_params(labelsize=7 if compact else 8, length=2, pad=2)
    density.set_yticks([])
    density.set_ylabel(
        _name(parameter),
        rotation=0,
        ha="right",
        va="center",
        color=colour,
        fontsize=_NAME_SIZE,
    )
    density.xaxis.set_major_locator(MaxNLocator(4 if compact else 5))
    if parameter["truth"] is not None:
        density.axvline(parameter["truth"], zorder=1.5, **TRUTH)
    note = {"ha": "center", "va": "center", "fontsize": 8, "color": MUTED}
    if not np.isfinite(draws).all():
        density.text(0.5, 0.5, "not all draws are finite", transform=density.transAxes, **note)
        ranks.text(0.5, 0.5, "no ranks", transform=ranks.transAxes, **note)
        return
    _densities(density, draws, colour, points)
    ranks.set_xlim(0, 1)
    ranks.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    if np.ptp(draws) == 0:
        value = draws.flat[0]
        density.set_xlim(value - max(0.5, abs(value) / 2), value + max(0.5, abs(value) / 2))
        density.text(0.25, 0.5, "constant", transform=density.transAxes, **note)
        ranks.set_yticks([])
        ranks.text(0.5, 0.5, "constant: all ranks are tied", transform=ranks.transAxes, **note)
        return
    _rank_lines(ranks, _thinned(draws, parameter.get("ess")), colour, points)
    ranks.yaxis.set_major_locator(MaxNLocator(3, symmetric=True))


def _densities(axes, draws, colour, points):
    from scipy.stats import gaussian_kde  # importing it takes longer than many a figure

    # A few draws far out, as heavy tails give, must not press the rest into a needle.
    low, high = np.quantile(draws, (0.001, 0.999))
    reach = 0.15 * (high - low)
    grid = np.linspace(max(draws.min(), low - reach), min(draws.max(), high + reach), int(1.3 * points))
    spikes = []
    for chain, values in enumerate(draws):
        style = chain_style(chain, colour)
        values = values[np.linspace(0, values.size - 1, min(values.size, _MOST_DRAWS)).round().astype(int)]
        # Below this spread the covariance of the estimate is no longer a positive number.
        if np.ptp(values) <= 1e-9 * max(1.0, np.abs(values).max()):
            spikes.append((values[0], style))
        else:
            axes.plot(grid, gaussian_kde(values)(grid), **style)
    for value, style in spikes:
        axes.axvline(value, gid="spike", **(style | {"linewidth": 1.8}))
    if not axes.lines or np.ptp(draws) == 0:
        axes.set_ylim(0, 1)
    axes.set_ylim(bottom=0)


def _thinned(draws, ess):
    """Every t-th draw, t the number of draws that are worth one independent draw."""
    if ess is None or not ess > 0:
        return draws
    return draws[:, :: int(np.clip(round(draws.size / ess), 1, max(1, draws.shape[1] // 10)))]


def _rank_lines(axes, draws, colour, points):
    from scipy.stats import rankdata

    chains, length = draws.shape
    # Ties (discrete or repeated draws) are broken evenly between the chains, by turns, not by the order of chains.
    turns = np.argsort(np.argsort((np.arange(draws.size) * 0.6180339887498949) % 1))
    ranks = rankdata(rankdata(draws, method="dense").astype(float).ravel() * draws.size + turns, method="ordinal")
    ranks = ranks.reshape(chains, length)
    band = rank_band(length, chains)
    some = np.linspace(0, band[0].size - 1, min(points + 1, band[0].size)).round().astype(int)
    at, lower, upper = (values[some] for values in band)
    axes.fill_between(at, lower, upper, color=BAND, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=0.7, zorder=1.4)
    cuts = at * draws.size
    for chain in range(chains):
        below = np.searchsorted(np.sort(ranks[chain]), cuts + 0.5, side="left") / length
        axes.plot(at, below - at, **(chain_style(chain, colour) | {"linewidth": 1.0}))


@functools.lru_cache(maxsize=32)
def rank_band(
    draws_per_chain: int, chains: int, probability: float = 0.95
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A band that holds the rank ECDF differences of all chains, at all ranks looked at, with a given probability.

    If the chains sample one distribution independently, the ranks of all draws are a random permutation, so the
    number of a chain's draws among the r lowest is hypergeometric. The band joins the quantiles of these numbers at
    one level, the level at which simulated permutations leave the band as seldom as asked (the construction of
    Säilynoja, Bürkner and Vehtari, 2022). Draws with autocorrelation leave it more often.

    Parameters
    ----------
    draws_per_chain : int
    chains : int
        At least 2: the ranks of one chain are always uniform.
    probability : float

    Returns
    -------
    at : array, shape (points,)
        Fractional ranks, from 0 to 1: at most 101 ranks, divided by the number of all draws.
    lower, upper : array, shape (points,)
        Smallest and largest expected difference between a chain's rank ECDF and the uniform one.

    Raises
    ------
    ValueError
        With fewer than 2 chains or no draws.
    """
    if chains < 2 or draws_per_chain < 1:
        raise ValueError("Ranks can be compared between 2 or more chains with at least one draw each.")
    total = draws_per_chain * chains
    cuts = np.unique(np.linspace(0, total, min(total, _POINTS) + 1).round().astype(int))
    lower_tail, upper_tail = _hypergeometric_tails(draws_per_chain, total, cuts)
    generator = np.random.default_rng(20260101)
    rarest = np.ones(_SIMULATIONS)
    left = np.full((chains, _SIMULATIONS), draws_per_chain)  # draws of every chain not ranked yet
    for cut, step in enumerate(np.diff(cuts), start=1):
        wanted = np.full(_SIMULATIONS, step)
        for chain in range(chains):
            others = left[chain + 1 :].sum(axis=0)
            taken = generator.hypergeometric(left[chain], others, wanted)
            wanted = wanted - taken
            left[chain] -= taken
            count = draws_per_chain - left[chain]
            rarest = np.minimum(rarest, np.minimum(lower_tail[cut, count], upper_tail[cut, count]))
    level = np.quantile(rarest, 1 - probability, method="lower")
    inside = (lower_tail >= level) & (upper_tail >= level)
    smallest = inside.argmax(axis=1)
    largest = draws_per_chain - inside[:, ::-1].argmax(axis=1)
    at = cuts / total
    band = (at, smallest / draws_per_chain - at, largest / draws_per_chain - at)
    for values in band:
        values.flags.writeable = False  # the same arrays are handed out again
    return band


def _hypergeometric_tails(draws_per_chain, total, cuts):
    """P(count <= c) and P(count >= c) of a chain's draws, each of shape (cuts, draws_per_chain + 1)."""
    from scipy.special import gammaln

    def log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            value = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
        return np.where((k >= 0) & (k <= n), value, -np.inf)

    count = np.arange(draws_per_chain + 1)
    cut = cuts[:, None]
    mass = np.exp(
        log_choose(draws_per_chain, count) + log_choose(total - draws_per_chain, cut - count) - log_choose(total, cut)
    )
    mass /= mass.sum(axis=1, keepdims=True)
    return np.minimum(mass.cumsum(axis=1), 1), np.minimum(mass[:, ::-1].cumsum(axis=1)[:, ::-1], 1)
