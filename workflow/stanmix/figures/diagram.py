"""The model as a picture: priors with their numbers, parameters, memberships, observations, and what repeats over what.

The page is measured in inches: every text is measured first, and columns get the width their texts need.
"""

import re
import textwrap

import numpy as np
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from stanmix.figures.style import (
    MUTED,
    OBSERVED,
    bare_symbol,
    new_figure,
    number,
    plain,
    styled,
    symbol,
    text_width,
    upright,
)

_RADIUS = 0.27
_LINE = 0.175  # height of a line of small text
_SMALL, _NORMAL = 9.0, 11.0
_MOST_LINES, _WIDE = 12, 44  # lines above a node and letters in them, where each column has its own
_MATRICES = {"correlation": "R"}  # names that would be too long in a formula
_HALF = {"cauchy": ("half-Cauchy", 0), "normal": ("half-normal", 0), "student_t": ("half-Student-t", 1)}
_OBSERVED_FILL, _PLATE_FILL = "#D3D9DF", "#F8F9FA"


@styled
def draw_diagram(specification):
    """Draw a mixture model in plate notation, with the numbers of this model.

    Parameters
    ----------
    specification : Specification
        ``{"family": str, "components": K, "n": int, "label": str, "weights": {...}, "parameters": [...]}``.
        Weights are ``{"mode": "estimated", "concentration": [K floats]}`` or ``{"mode": "fixed", "value": [...]}``.
        A parameter is ``{"name", "mode": "own" | "shared" | "fixed" | "partly", "ordered": bool, "value": list or
        None, "priors": [{"distribution", "arguments", "lower", "upper"}, ...]}`` with one prior per component, one if
        shared, or where a parameter is partly fixed one for each component whose value is None. With several columns
        there are ``"columns"``, a list of names, and parameters for each, with the key
        ``"column"``; with transformed values ``"transform"``, for each column what is done to it, as in ``"log(y)"``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    components = specification["components"]
    columns = [_parameter_column(parameter, components) for parameter in _vectors(specification["parameters"])]
    # What repeats over components stands together, so that one plate holds it.
    columns = [column for column in columns if column["indexed"]] + [c for c in columns if not c["indexed"]]
    weights = None if components == 1 else _weights_column(specification["weights"])
    equations = _equations(specification)

    label = textwrap.wrap(specification["label"], 30, max_lines=2, placeholder=" …")
    y_lines = ["observed", *(plain(line) for line in label)]
    if "columns" in specification:
        y_lines[0] = f"observed, a vector of {len(specification['columns'])}"
    plate_label = f"n = 1 … {specification['n']:,}" if specification["n"] > 1 else "n = 1"
    right = _place(columns, weights, y_lines)
    if components == 1:
        y_at = float(np.mean([column["x"] for column in columns]))
    else:
        y_at = max(float(np.mean([column["x"] for column in columns])), weights["x"] + 1.0 + _width(y_lines) / 2)
    right = max(right, y_at + _width(y_lines) / 2 + _width([plate_label]) + 0.45)
    left = min(0.3, y_at - _width(y_lines) / 2 - 0.15)
    equations_width = max(_width([text], _NORMAL) for text in equations)
    width = max(6.0, right - left + 0.6, equations_width + 0.7)
    shift = (width - (right - left)) / 2 - left  # the graph stands in the middle of wide equations

    text_height = _LINE * max(len(column["lines"]) for column in [*columns, *([weights] if weights else [])])
    equations_top = 0.3 + 0.33 * len(equations)
    y_plate = equations_top + 0.15
    y_height = 1.05 + _LINE * len(y_lines)
    y_row = y_plate + y_height - 0.2 - _RADIUS
    k_plate = y_plate + y_height + 0.45
    node_row = k_plate + 0.15 + _RADIUS
    prior_row = node_row + _RADIUS + 0.75
    height = prior_row + text_height + 0.6

    figure = new_figure(width, height, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    many = "one component" if components == 1 else f"{components} components"
    axes.text(0.3, height - 0.3, f"The model: {plain(specification['family'])}, {many}", weight="bold", va="center")
    axes.texts[-1].set_fontsize(12)

    _plate(axes, left + shift, y_plate, right - left, y_height)
    axes.text(right + shift - 0.1, y_plate + 0.09, plate_label, ha="right", va="bottom", fontsize=_SMALL, color=MUTED)
    inside = [column for column in columns if column["indexed"]]
    if components > 1 and inside:
        start = min(column["x"] - column["width"] / 2 for column in inside) + 0.08 + shift
        end = max(column["x"] + column["width"] / 2 for column in inside) - 0.08 + shift
        top = node_row + _RADIUS + 0.36
        _plate(axes, start, k_plate, end - start, top - k_plate)
        text = f"k = 1 … {components}"
        axes.text(start + 0.08, top - 0.06, text, ha="left", va="top", fontsize=_SMALL, color=MUTED)

    for column in [*([weights] if weights else []), *columns]:
        _node(axes, column["x"] + shift, node_row, column, prior_row)
    y_spot = (y_at + shift, y_row)
    for column in columns:
        _arrow(axes, (column["x"] + shift, node_row), y_spot, column["square"])
    if weights:
        z_spot = (weights["x"] + shift, y_row)
        _arrow(axes, (weights["x"] + shift, node_row), z_spot, weights["square"])
        _arrow(axes, z_spot, y_spot, False)
        axes.add_patch(Circle(z_spot, _RADIUS, facecolor="white", edgecolor=OBSERVED, linewidth=1.2, linestyle="--"))
        axes.text(*z_spot, symbol("z", "n"), ha="center", va="center", fontsize=13)
        _below(axes, z_spot, ["membership,", "summed out"])
    axes.add_patch(Circle(y_spot, _RADIUS, facecolor=_OBSERVED_FILL, edgecolor=OBSERVED, linewidth=1.2))
    axes.text(*y_spot, symbol("y", "n"), ha="center", va="center", fontsize=13)
    _below(axes, y_spot, y_lines)
    for place, text in enumerate(equations):
        # The sum in the last line is taller than the others.
        drop = 0.17 + 0.33 * place + (0.08 if "sum" in text else 0)
        axes.text(0.35, equations_top - drop, text, va="center", fontsize=_NORMAL)
    return figure


def _vectors(parameters):
    """Parameters, those of single columns put together as vectors with the lines of all columns."""
    vectors = {}
    for parameter in parameters:
        if "column" not in parameter:
            vectors[parameter["name"]] = parameter
            continue
        vector = vectors.setdefault(parameter["name"], {**parameter, "lines": [], "left_out": 0})
        lines = prior_lines(parameter["priors"], f"{parameter['column']}: ", _WIDE)
        if vector["left_out"] or len(vector["lines"]) + len(lines) > _MOST_LINES:
            vector["left_out"] += 1
        else:
            vector["lines"] += lines
    for vector in vectors.values():
        if vector.get("left_out"):
            vector["lines"].append(f"and {vector['left_out']} more columns")
    return list(vectors.values())


def _place(columns, weights, y_lines):
    """Give every column its width and centre, from left to right, and return where the last one ends."""
    edge = 0.3
    for place, column in enumerate([*([weights] if weights else []), *columns]):
        # The first column of the plate has the plate's label on its left shoulder.
        least = 1.15 if column is weights else 1.9 if place == bool(weights) and column["indexed"] else 1.0
        column["width"] = max(least, _width(column["lines"]) + 0.4)
        column["x"] = edge + column["width"] / 2
        edge += column["width"]
    return edge


def _parameter_column(parameter, components):
    """What stands above a parameter, how it is written, and whether it repeats over components."""
    fixed = parameter["mode"] == "fixed"
    indexed = _is_indexed(parameter)
    lines = parameter.get("lines")
    if lines is None:
        lines = ["fixed at", *_wrapped(_vector(parameter["value"]))] if fixed else _lines_of(parameter)
    index = None if not indexed else "k" if components > 1 else 0
    name = _MATRICES.get(parameter["name"], parameter["name"])
    return {"lines": lines, "square": fixed, "indexed": indexed, "symbol": symbol(name, index)}


def _lines_of(parameter):
    """The priors of a parameter, beside what it is fixed at for some of the components."""
    if parameter.get("differences") and len(parameter["priors"]) > 1:
        first, others = parameter["priors"][:1], parameter["priors"][1:]
        return [*prior_lines(first, "lowest: "), *prior_lines(others, "differences: ")]
    if parameter["mode"] != "partly":
        return prior_lines(parameter["priors"])
    numbers = {known: [k for k, value in enumerate(parameter["value"], start=1) if (value is not None) == known]
               for known in (True, False)}  # fmt: skip
    values = _vector([value for value in parameter["value"] if value is not None])
    fixed = f"k = {', '.join(map(str, numbers[True]))}: fixed at {values}"
    return [*_wrapped(fixed), *prior_lines(parameter["priors"], numbers=numbers[False])]


def _weights_column(weights):
    fixed = weights["mode"] == "fixed"
    lines = ["fixed at", *_wrapped(_vector(weights["value"]))] if fixed else _wrapped(_dirichlet(weights))
    return {"lines": lines, "square": fixed, "indexed": False, "symbol": symbol("theta")}


def _dirichlet(weights):
    return f"dirichlet({_vector(weights['concentration'])})"


def _is_indexed(parameter):
    """Whether components have values of their own: one known value for all is written without an index."""
    if parameter["mode"] == "fixed":
        return len(set(np.atleast_1d(parameter["value"]).tolist())) > 1
    return parameter["mode"] in ("own", "partly")


def _vector(values):
    """Equal numbers as one number, others in brackets."""
    values = np.atleast_1d(values).tolist()
    return number(values[0]) if len(set(values)) == 1 else "[" + ", ".join(number(value) for value in values) + "]"


def prior_lines(priors, before="", width=30, numbers=None):
    """Write the priors of one parameter, those of all components at once where they differ in numbers only.

    Parameters
    ----------
    priors : list of dict
        One per component, or one for all.
    before : str
        What the first line begins with.
    width : int
        Letters in a line.
    numbers : list of int, optional
        The component that each prior is of, to be named, where not all have one.

    Returns
    -------
    list of str
        Lines short enough to stand above a node.
    """
    groups = {}
    for component, prior in enumerate(priors):
        kind = (prior["distribution"], prior.get("lower"), prior.get("upper"), len(prior["arguments"]))
        groups.setdefault(kind, []).append(component)
    lines = []
    for (distribution, lower, upper, _), members in groups.items():
        arguments = [
            _vector([priors[k]["arguments"][place] for k in members])
            for place in range(len(priors[members[0]]["arguments"]))
        ]
        name, bound = distribution, ""
        if lower is not None:
            half, location = _HALF.get(distribution, (None, None))
            if half and lower == 0 and arguments[location] == "0":
                name = half
            elif half or lower > 0:  # 0 is where the other distributions end by themselves
                bound = f", above {number(lower)}"
        if upper is not None:
            bound += f"{' and' if bound else ','} below {number(upper)}"
        text = f"{name}({', '.join(arguments)}){bound}"
        if len(groups) > 1 or numbers:
            text = f"k = {', '.join(str(numbers[k] if numbers else k + 1) for k in members)}: {text}"
        lines += _wrapped(("" if lines else before) + text, width)
    return lines


def _wrapped(text, width=30):
    return [plain(line) for line in textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)]


def _equations(specification):
    """The model in formulas: likelihood, weights, what orders the components, and the sum that is computed."""
    components = specification["components"]
    index = "k" if components > 1 else 0
    arguments = _arguments(specification, index)
    family, transform = upright(specification["family"].partition(" of ")[0]), specification.get("transform")
    value, begin, factor = "y_n", [], ""
    if transform:
        texts = [text.replace("y", "y_n").replace("log10", r"log_{10}") for text in transform]
        texts = [re.sub(r"log(it)?|sqrt", lambda found: rf"\mathrm{{{found[0]}}}", text) for text in texts]
        of_each = "each column on its own scale" if len(texts) > 1 else rf"$x_n \;=\; {texts[0]}$"
        value, begin, factor = "x_n", [of_each], r"\left|\,dx_n / dy_n\right| "
    if components == 1:
        return [
            *begin,
            rf"${value} \;\sim\; {family}({arguments})$",
            r"one component: its weight is 1, nothing is mixed",
        ]
    lines = [*begin, rf"${value} \mid z_n = k \;\;\sim\;\; {family}({arguments})$"]
    weights = specification["weights"]
    if weights["mode"] == "fixed":
        lines.append(rf"$\theta \;=\;$ {_vector(weights['value'])}")
    else:
        lines.append(rf"$\theta \;\sim\;$ {_dirichlet(weights)}$,\quad z_n \;\sim\;$ categorical($\theta$)")
    for parameter in specification["parameters"]:
        if parameter["ordered"] and parameter["mode"] != "fixed":
            names = [parameter["column"]] if "column" in parameter else []
            shown = range(components) if components <= 4 else (0, 1, None, components - 1)
            terms = [r"\ldots" if k is None else bare_symbol(parameter["name"], k, names) for k in shown]
            lines.append(f"${' < '.join(terms)}$   (the order names the components)")
    lines.append(
        rf"summed out:   $\log\, p(y_n) \;=\; \log {factor}\sum_{{k=1}}^{{{components}}} \theta_k \,"
        rf" {family}({value} \mid {arguments})$"
    )
    return lines


def _arguments(specification, index):
    """What stands in the brackets behind the family: its parameters, or the mean and the covariance of a vector."""
    symbols = {
        parameter["name"]: bare_symbol(
            _MATRICES.get(parameter["name"], parameter["name"]), index if _is_indexed(parameter) else None
        )
        for parameter in specification["parameters"]
    }
    if "columns" not in specification:
        return r",\ ".join(symbols.values())
    spread = rf"\mathrm{{diag}}({symbols['sigma']})"
    if "correlation" not in symbols:
        return rf"{symbols['mu']},\ {spread}^2"
    return rf"{symbols['mu']},\ {spread}\,{symbols['correlation']}\,{spread}"


def _width(lines, size=_SMALL):
    """Inches that lines of text need."""
    return max(text_width(line, size) for line in lines)


def _plate(axes, x, y, width, height):
    style = "round,pad=0,rounding_size=0.08"
    axes.add_patch(
        FancyBboxPatch((x, y), width, height, boxstyle=style, facecolor=_PLATE_FILL, edgecolor=MUTED, zorder=0.5)
    )


def _node(axes, x, y, column, prior_row):
    """Draw a parameter with what is known of it beforehand above it."""
    axes.text(
        x, prior_row, "\n".join(column["lines"]), ha="center", va="bottom", fontsize=_SMALL, linespacing=1.25, zorder=4
    )
    if column["square"]:
        axes.plot([x, x], [prior_row - 0.06, y + _RADIUS * 0.9], color=MUTED, linewidth=1, linestyle=":")
        side = 1.8 * _RADIUS
        box = "square,pad=0"
        axes.add_patch(
            FancyBboxPatch((x - side / 2, y - side / 2), side, side, boxstyle=box, facecolor="white", lw=1.2)
        )
    else:
        _arrow(axes, (x, prior_row - 0.06 + _RADIUS), (x, y), False)
        axes.add_patch(Circle((x, y), _RADIUS, facecolor="white", edgecolor=OBSERVED, linewidth=1.2))
    # Greek letters keep one size; a name that is a word shrinks into its node.
    size = min(13.0, 13.0 * 1.75 * _RADIUS / text_width(column["symbol"], 13.0))
    axes.text(x, y, column["symbol"], ha="center", va="center", fontsize=size)


def _arrow(axes, start, end, from_square):
    """Draw an arrow between two nodes, from rim to rim."""
    start, end = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    along = (end - start) / np.hypot(*(end - start))
    leave = _RADIUS * 0.9 / np.abs(along).max() if from_square else _RADIUS
    axes.add_patch(
        FancyArrowPatch(
            start + along * leave,
            end - along * (_RADIUS + 0.02),
            arrowstyle="-|>",
            mutation_scale=11,
            shrinkA=0,
            shrinkB=0,
            color=OBSERVED,
            linewidth=1.1,
            zorder=2,
        )
    )


def _below(axes, spot, lines):
    axes.text(
        spot[0],
        spot[1] - _RADIUS - 0.07,
        "\n".join(lines),
        ha="center",
        va="top",
        fontsize=_SMALL,
        color=MUTED,
        linespacing=1.25,
    )
