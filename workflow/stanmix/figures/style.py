"""One look for all figures: colours with one meaning each, fonts, the size of a page, and how a figure is saved."""

from __future__ import annotations

import functools
import io
import re
import textwrap
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.textpath import TextToPath

from stanmix.base.files import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike
    from typing import Any

    from matplotlib.artist import Artist
    from matplotlib.legend import Legend

# Colours with a meaning, used for nothing else.
OBSERVED = "#17202A"  # curves made from the data
DATA = "#CFD5DB"  # histograms of the data
MUTED = "#5F6B76"  # notes, reference lines
REPLICATE = "#6F8FB8"  # data replicated from the posterior
BAND = "#DDE2E7"  # regions where lines are expected
TRUTH = {"color": "#C2006B", "linestyle": (0, (4, 1.6)), "linewidth": 1.5}  # only simulated data have it

# Okabe and Ito's colours that stay apart for colour-blind readers, in an order that keeps neighbours far apart;
# their pink is left out because the truth is pink, and purple, brown and olive are added for the later components.
_COMPONENTS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#5E3C99", "#56B4E9", "#8C510A", "#7F8C1F")

DOTS_PER_INCH = 144
_DOTS_WITHIN_SVG = 100  # of what becomes pixels inside an SVG file, which is shown at about its size
_PATH = re.compile(r'(<path\b[^>]*?\bd=")([^"]*)"')
_PLACE = re.compile(r'(\b[xy]=")(-?\d+\.\d{3,})"')
_TRANSFORM = re.compile(r"(?<=translate\()-?[\d.]+ -?[\d.]+(?=\))")
_LONG = re.compile(r"-?\d+\.\d{3,}")
_DECIMAL = re.compile(r"-?\d+\.\d+")
_MANY = 1000  # letters of a path with so many places that a tenth of a point is enough for each
_BLANK = re.compile(r"\s+")
_LONGEST = 14  # letters of a column's name in an index

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "mathtext.fontset": "dejavusans",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 7,
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#E8EBEE",
    "grid.linewidth": 0.7,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 2.2,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "stanmix",
    "path.simplify": True,
}

_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu"),
    *("xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
)


def styled(draw: Callable) -> Callable:
    """Let a function that draws run under the settings of this module, whatever the caller has set."""

    @functools.wraps(draw)
    def under_the_style(*arguments: Any, **keywords: Any) -> Any:
        with matplotlib.rc_context(RC):
            return draw(*arguments, **keywords)

    return under_the_style


class RoundedLayout(ConstrainedLayoutEngine):
    """The constrained layout without its last bits, which differ between runs and would make other bytes.

    It is made once, when a figure is saved for the first time: it takes longer than the drawing.
    """

    _is_made = False

    def execute(self, figure: Figure) -> None:
        if self._is_made:
            return
        super().execute(figure)
        self._is_made = True
        for axes in figure.axes:
            in_layout = axes.get_in_layout()
            axes.set_position(np.round(axes.get_position(original=True).bounds, 9))
            axes.set_in_layout(in_layout)  # setting a position takes it out


@styled
def new_figure(width: float, height: float, layout: str | None = "constrained") -> Figure:
    """Make an empty figure that knows nothing of pyplot.

    Parameters
    ----------
    width, height : float
        Inches.
    layout : {"constrained", None}
        None for figures that place their axes themselves.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Figure(figsize=(width, height), layout=RoundedLayout(w_pad=0.08, h_pad=0.08) if layout else None)
    FigureCanvasAgg(figure)
    return figure


def log_ticks(figure: Figure, label: str) -> Figure:
    """Name the places of the axes that have that label, which are common logs, by the values.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    label : str

    Returns
    -------
    matplotlib.figure.Figure
        The same.
    """
    for axes in figure.axes:
        if axes.get_xlabel() != plain(label):
            continue
        low, high = axes.get_xlim()
        decades = np.arange(np.floor(low), np.ceil(high) + 1)
        steps = (1,) if high - low > 4 else (1, 3) if high - low > 1.5 else (1, 2, 5)
        places = [decade + np.log10(step) for decade in decades for step in steps]
        places = [place for place in places if low <= place <= high]
        axes.set_xticks(places, [f"{10**place:.3g}" for place in places])
        if "density" in axes.get_ylabel():
            axes.set_ylabel(f"{axes.get_ylabel()} per factor of 10")
    return figure


def save(figure: Figure, path: str | PathLike) -> None:
    """Save a figure so that the same figure gives the same bytes, whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : path-like
        Ends in ``.svg`` or ``.png``.

    Raises
    ------
    ValueError
        If the suffix is another one.
    """
    with whole(path) as beside, matplotlib.rc_context(RC):
        if beside.suffix == ".svg":
            drawn = io.StringIO()
            figure.savefig(drawn, format="svg", dpi=_DOTS_WITHIN_SVG, metadata={"Date": None, "Creator": None})
            beside.write_text(_shortened_svg(drawn.getvalue()), encoding="utf-8")
        elif beside.suffix == ".png":
            figure.savefig(beside, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
        else:
            raise ValueError(f"Figures are saved as .svg or .png, not as {beside.suffix!r}.")


def _shortened_svg(text):
    """SVG with places to a hundredth of a point, and without what paths can go without: half of what it was."""
    text = _PATH.sub(lambda found: f'{found[1]}{_shortened_path(found[2])}"', text)
    text = _PLACE.sub(lambda found: f'{found[1]}{_rounded(found[2], 2)}"', text)
    return _TRANSFORM.sub(lambda found: _LONG.sub(lambda number: _rounded(number[0], 2), found[0]), text)


def _shortened_path(drawn):
    drawn = _BLANK.sub(" ", drawn).strip()
    if "Q" not in drawn and "C" not in drawn:
        drawn = drawn.replace(" L ", " ")  # what follows a place without a letter is a line
    digits = 1 if len(drawn) > _MANY else 2
    return (_LONG if digits == 2 else _DECIMAL).sub(lambda number: _rounded(number[0], digits), drawn)


def _rounded(number, digits):
    return f"{round(float(number), digits) + 0.0:.{digits}f}".rstrip("0").rstrip(".")  # no minus before a zero


def component_colour(component: int) -> str:
    """The colour of a component, the same in every figure.

    Parameters
    ----------
    component : int
        From 0. After 8 components the colours come again darker, then lighter, then from the start.

    Returns
    -------
    str
        Hexadecimal.
    """
    colour = _COMPONENTS[component % len(_COMPONENTS)]
    turn = component // len(_COMPONENTS) % 3
    return shade(colour, (0.0, -0.45, 0.5)[turn])


def shade(colour: str, amount: float) -> str:
    """Mix a colour with black (amount from -1 to 0) or white (0 to 1)."""
    towards = 1.0 if amount > 0 else 0.0
    return to_hex([channel + abs(amount) * (towards - channel) for channel in to_rgb(colour)])


def chain_style(chain: int, colour: str = MUTED) -> dict:
    """How the line of a chain is drawn: its lightness first, then its dashes, never a hue of its own.

    Parameters
    ----------
    chain : int
        From 0.
    colour : str
        The colour of the component, or grey.

    Returns
    -------
    dict
        Keywords of ``Axes.plot``.
    """
    lightness = (-0.5, 0.0, 0.35, 0.62)[chain % 4]
    dashes = ("-", (0, (5, 1.4)), (0, (1.2, 1.2)), (0, (5, 1.2, 1.2, 1.2)))[chain // 4 % 4]
    return {"color": shade(colour, lightness), "linestyle": dashes, "linewidth": 1.15}


def index_of(component: int, called: str | None = None) -> int | str:
    """What `symbol` shall write for a component, from 0: its name as mathtext where it has one."""
    return component if called is None else upright(shortened(called, _LONGEST))


def symbol(name: str, component: int | str | None = None, columns: Sequence[str] = ()) -> str:
    r"""The mathematical name of a parameter as mathtext, components numbered from 1.

    Parameters
    ----------
    name : str
        Greek letters are spelt out, as in ``"mu"``; other words stand upright.
    component : int or str, optional
        From 0; a string, such as ``"k"``, is used as it is.
    columns : sequence of str
        Columns of the data that it is about; long names are shortened.

    Returns
    -------
    str
        For example ``"$\\mu_{1}$"``.
    """
    return f"${bare_symbol(name, component, columns)}$"


def bare_symbol(name: str, component: int | str | None = None, columns: Sequence[str] = ()) -> str:
    """As `symbol`, without the dollars, for use inside a longer formula."""
    name = "rho" if name == "correlation" else name
    if name in _GREEK:
        base = rf"\{name}"
    elif len(name) == 1 and name.isalpha():
        base = name
    else:
        base = upright(name)
    if component is None and not columns:
        return base
    indices = [] if component is None else [component if isinstance(component, str) else str(component + 1)]
    longest = _LONGEST if len(columns) < 2 else _LONGEST // 2
    indices += [upright(shortened(name, longest)) for name in columns]
    index = r",\ ".join(indices)
    return f"{base}_{{{index}}}" if len(index) > 1 else f"{base}_{index}"


def shortened(name: str, longest: int) -> str:
    """A name of at most so many letters, with an ellipsis where some were left out."""
    return name if len(name) <= longest else f"{name[: longest - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"


def upright(words: str) -> str:
    r"""Words as mathtext that shows them upright, letter by letter: ``\text{}`` with escapes, blanks as one space."""
    escaped = re.sub(r"[\\{}$]", r"\\\g<0>", " ".join(words.split()))
    return rf"\text{{{escaped}}}"


def visible(density: np.ndarray) -> np.ndarray:
    """A density without its stretches near zero, whose lines would only hide the axis and each other.

    Parameters
    ----------
    density : array, shape (m,)

    Returns
    -------
    array, shape (m,)
        With NaN below a 500th of the highest value.
    """
    density = np.asarray(density, dtype=float)
    return np.where(density > density.max() / 500, density, np.nan)


def plain(words: str) -> str:
    """Escape words of the user so that a dollar in them does not start a formula."""
    return words.replace("$", r"\$")


def number(value: float) -> str:
    """A number in up to 4 significant digits, with a true minus sign."""
    mantissa, mark, exponent = f"{value:.4g}".partition("e")
    return (mantissa + mark + (str(int(exponent)) if mark else "")).replace("-", "\N{MINUS SIGN}")


@functools.cache
def text_width(text: str, size: float) -> float:
    """Inches that one line of text, formulas in it included, takes at a size in points."""
    is_formula = text.count("$") > text.count(r"\$")
    font = FontProperties(family=RC["font.family"], size=size)
    shown = text if is_formula else text.replace(r"\$", "$")
    return TextToPath().get_text_width_height_descent(shown, font, ismath=is_formula)[0] / 72


def legend_below(figure: Figure, handles: list[Artist], labels: list[str] | None = None) -> Legend:
    """Put one legend under all axes, where it hides no data, in as many columns as fit.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        With the constrained layout.
    handles : list of matplotlib.artist.Artist
    labels : list of str, optional
        By default what the artists are labelled with.
    """
    labels = [handle.get_label() for handle in handles] if labels is None else labels
    labels = ["\n".join(textwrap.wrap(label, 60)) for label in labels]
    widest = max((len(line) for label in labels for line in label.split("\n")), default=1)
    columns = int(figure.get_figwidth() / (0.072 * widest + 0.55))
    columns = max(1, min(columns, len(labels)))
    return figure.legend(handles, labels, loc="outside lower left", ncols=columns, columnspacing=1.6)
