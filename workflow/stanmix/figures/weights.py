"""The Dirichlet prior of the weights: what some concentrations mean, and which of them this run uses."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle

from stanmix.figures.style import MUTED, OBSERVED, component_colour, new_figure, number, plain, styled, symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

PANELS = ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0), (10.0, 10.0, 10.0), (2.0, 5.0, 10.0))

_HEIGHT = math.sqrt(3) / 2
_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, _HEIGHT]])
_RAMP = LinearSegmentedColormap.from_list("slate", ["#FAFBFC", "#C3D0DB", "#7E97AB", "#3D566B", "#16222D"])
# Colours count doublings from the flat density, so that a density without bound needs no bound of its own.
_DOUBLINGS = np.arange(-5.5, 5.6, 1.0)
_MOST_COLUMNS = 6
_FRAME = {"edgecolor": OBSERVED, "linewidth": 2.0}


@styled
def draw_dirichlet(panels: Sequence[Sequence[float]] = PANELS, used: Sequence[dict] = ()) -> Figure:
    """Draw Dirichlet densities: three components on a triangle, two as a Beta curve, more by their marginals.

    Parameters
    ----------
    panels : sequence of sequences of 3 floats
        Concentrations to show in any case.
    used : list of dict
        Each ``{"model": str, "concentration": sequence of K floats}``. Their panels are framed and name the models;
        a concentration without a panel gets one (K = 1 has nothing to show). Where none has more than two components
        there are no triangles.

    Returns
    -------
    matplotlib.figure.Figure
    """
    users = {}
    for entry in used:
        concentration = tuple(float(value) for value in entry["concentration"])
        models = users.setdefault(concentration, [])
        if entry["model"] not in models:
            models.append(entry["model"])
    triangles = list(dict.fromkeys(tuple(float(value) for value in panel) for panel in panels))
    triangles += [
        concentration for concentration in users if len(concentration) == 3 and concentration not in triangles
    ]
    # Two triangles may share their first two concentrations; both keep a curve below, so columns stay in line.
    curves = [triangle[:2] for triangle in triangles]
    curves += [concentration for concentration in users if len(concentration) == 2 and concentration not in curves]
    curves += sorted((concentration for concentration in users if len(concentration) > 3), key=len)
    if users and max(map(len, users)) <= 2:
        triangles, curves = [], list(dict.fromkeys(curves))

    # Panels beyond the triangles stand to the right of the second row, or, where that is too narrow, below it.
    more = len(curves) - len(triangles)
    beside = len(curves) <= _MOST_COLUMNS
    columns = len(curves) if beside else max(len(triangles), min(_MOST_COLUMNS, more))
    first = 1 if triangles else 0
    rows = first + 1 if beside else first + 1 + math.ceil(more / columns)
    most_users = max((len(_user_lines(models)) for models in users.values()), default=0)
    row_height = 2.15 + 0.13 * most_users
    figure = new_figure(2.15 * columns + 0.9, row_height * rows + 0.2)
    grid = figure.add_gridspec(rows, columns)

    above = []
    for column, concentration in enumerate(triangles):
        axes = figure.add_subplot(grid[0, column])
        image = _triangle(axes, concentration)
        _finish(axes, _title("Dirichlet", concentration), users.get(concentration))
        above.append(axes)
    if above:
        bar = figure.colorbar(image, ax=above, location="right", shrink=0.72, aspect=14, pad=0.01)
        bar.set_ticks([-4, -2, 0, 2, 4], labels=["1/16", "1/4", "1", "4", "16"])
        bar.ax.tick_params(labelsize=7.5, length=2)
        bar.ax.minorticks_off()
        bar.set_label("density over flat", fontsize=8.5)

    framed = set()
    for place, concentration in enumerate(curves):
        below = not beside and place >= len(triangles)
        row, column = divmod(place - len(triangles), columns) if below else (-1, place)
        axes = figure.add_subplot(grid[first + 1 + row, column])
        models = users.get(concentration) if concentration not in framed else None
        framed.add(concentration)
        if len(concentration) == 2:
            _beta(axes, *concentration)
            axes.set_xlabel(symbol("theta", 0), labelpad=1)
            _finish(axes, _title("Beta", concentration), models)
        else:
            _marginals(axes, concentration)
            axes.set_xlabel(rf"each {symbol('theta', 'k')}", labelpad=1)
            _finish(axes, _title("Dirichlet", concentration), models)
        if column == 0:
            axes.set_ylabel("density")
    return figure


def _title(distribution, concentration):
    if len(concentration) > 3 and len(set(concentration)) == 1:
        return f"{distribution}({number(concentration[0])}), K = {len(concentration)}"
    values = ", ".join(number(value) for value in concentration)
    return "\n".join(textwrap.wrap(f"{distribution}({values})", 25))


def _user_lines(models):
    return textwrap.wrap("used by: " + ", ".join(models), 29, max_lines=4, placeholder=" …", break_on_hyphens=False)


def _finish(axes, title, models):
    """Set the title; for a prior that is in use add its models and a frame around the panel."""
    axes.set_title(title, fontsize=8.5, pad=6 + (9.2 * len(_user_lines(models)) if models else 0))
    if not models:
        return
    lines = plain("\n".join(_user_lines(models)))
    axes.annotate(
        lines, (0, 1), xytext=(0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=7.5, va="bottom"
    )
    frame = Rectangle((0, 0), 1, 1, transform=axes.transAxes, facecolor="none", clip_on=False, zorder=5, **_FRAME)
    frame.set_gid("in-use")
    axes.add_patch(frame)


def _log_density_over_flat(concentration, theta):
    """Log of the Dirichlet density over the flat one, at `theta` of shape (..., K)."""
    concentration = np.asarray(concentration)
    constant = math.lgamma(concentration.sum()) - sum(math.lgamma(value) for value in concentration)
    constant -= math.lgamma(concentration.size)
    return constant + ((concentration - 1) * np.log(theta)).sum(axis=-1)


def _triangle(axes, concentration):
    """Colour the triangle whose corners are the weights (1, 0, 0), (0, 1, 0) and (0, 0, 1)."""
    across = (np.arange(360) + 0.5) / 360
    up = (np.arange(312) + 0.5) / 312 * _HEIGHT
    x, y = np.meshgrid(across, up)
    third = y / _HEIGHT
    second = x - third / 2
    theta = np.stack([1 - second - third, second, third], axis=-1)
    # Half a pixel keeps the edges finite; what lies outside is cut off below.
    theta = np.maximum(theta, 0.5 / 360)
    doublings = np.clip(_log_density_over_flat(concentration, theta) / math.log(2), _DOUBLINGS[0], _DOUBLINGS[-1])
    image = axes.imshow(
        np.clip(doublings, _DOUBLINGS[0] + 0.01, _DOUBLINGS[-1] - 0.01),
        origin="lower",
        extent=(0, 1, 0, _HEIGHT),
        cmap=_RAMP,
        norm=BoundaryNorm(_DOUBLINGS, _RAMP.N),
        interpolation="nearest",
    )
    image.set_clip_path(Polygon(_CORNERS, transform=axes.transData))
    axes.add_patch(Polygon(_CORNERS, fill=False, edgecolor=MUTED, linewidth=0.9))
    for k, ((x, y), (dx, dy)) in enumerate(zip(_CORNERS, ((-0.02, -0.02), (0.02, -0.02), (0, 0.02)), strict=True)):
        axes.text(
            x + dx,
            y + dy,
            symbol("theta", k),
            color=component_colour(k),
            fontsize=11,
            ha=("right", "left", "center")[k],
            va=("top", "top", "bottom")[k],
        )
    axes.set(xlim=(-0.24, 1.24), ylim=(-0.2, _HEIGHT + 0.2), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    return image


def _beta_density(a, b):
    """The density of Beta(a, b) between 0 and 1, without the ends, where it may have no bound."""
    inner = np.linspace(0, 1, 402)[1:-1]
    log_density = (a - 1) * np.log(inner) + (b - 1) * np.log1p(-inner)
    return inner, np.exp(log_density + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b))


def _beta(axes, a, b):
    """Draw the prior of the first of two weights; where it has no bound it leaves through the top."""
    inner, density = _beta_density(a, b)
    axes.plot(inner, density, color=OBSERVED, linewidth=1.7)
    axes.fill_between(inner, density, color=OBSERVED, alpha=0.08, linewidth=0)
    highest = np.quantile(density, 0.9) if min(a, b) < 1 else density.max()
    _unit_axis(axes, max(2.0, 1.15 * highest))


def _marginals(axes, concentration):
    """Draw the prior of every weight, Beta(a_k, a_0 - a_k); equal ones share a line in alternating dashes."""
    total = sum(concentration)
    peaks = []
    for value in dict.fromkeys(concentration):
        inner, density = _beta_density(value, total - value)
        peaks.append(density.max() if value >= 1 else np.quantile(density, 0.97))
        members = [k for k, other in enumerate(concentration) if other == value]
        dash = 2 + 12 / len(members)
        for place, k in enumerate(members):
            dashes = (-dash * place, (dash, dash * (len(members) - 1))) if len(members) > 1 else "-"
            line = {"color": component_colour(k), "linewidth": 1.8, "linestyle": dashes, "dash_capstyle": "butt"}
            axes.plot(inner, density, label=symbol("theta", k), **line)
    # One weight that is nearly nothing would press all others flat.
    _unit_axis(axes, 1.15 * min(max(peaks), 2.5 * float(np.median(peaks))))
    if len(concentration) <= 12:
        names = [symbol("theta", k) for k in range(len(concentration))]
        handles = [Line2D([], [], color=component_colour(k), linewidth=1.8) for k in range(len(concentration))]
        axes.legend(
            handles, names, loc="upper right", ncols=2, fontsize=8, handlelength=1, columnspacing=0.8, labelspacing=0.25
        )


def _unit_axis(axes, top):
    axes.set(xlim=(0, 1), ylim=(0, top), xticks=[0, 0.5, 1])
    axes.set_xticklabels(["0", ".5", "1"])
    axes.locator_params(axis="y", nbins=5)
