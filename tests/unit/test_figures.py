"""The figures: what is drawn where and in which colour, and that the same figure gives the same bytes."""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import _mathtext
from matplotlib.collections import PathCollection
from matplotlib.colors import same_color, to_hex
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import LoadFlags
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from stanmix.figures import comparison, data, diagram, membership, multivariate, predictive, style, traces, weights

WORKFLOW = Path(style.__file__).parents[2]
X = np.linspace(0, 45, 200)
MEANS, SIZES = np.array([9.0, 21.0, 35.0]), np.array([90, 50, 75])


@pytest.fixture(scope="module")
def three():
    """Three Gaussians: data, true component, weighted component densities on X, responsibilities at the data."""
    true = np.repeat([0, 1, 2], SIZES)
    y = np.random.default_rng(1).normal(MEANS[true], 2)

    def densities(at):
        return (SIZES / 215)[:, None] * np.exp(-0.5 * ((at - MEANS[:, None]) / 2) ** 2) / (2 * np.sqrt(2 * np.pi))

    at_data = densities(y)
    return {"y": y, "true": true, "components": densities(X), "membership": (at_data / at_data.sum(axis=0)).T}


def texts(figure):
    """All words of a figure that stand somewhere on the page."""
    found = [text for text in figure.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_visible()]
    return [text.get_text() for text in found if text.get_text()]


def legend_labels(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def truth_lines(axes):
    return [line for line in axes.lines if same_color(line.get_color(), style.TRUTH["color"])]


def shown_texts(figure):
    """The texts a reader sees: ticks beyond the ends of an axis have labels too, which are never drawn."""
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        found += [*axes.texts, axes.title, axes._left_title]
        if axes.get_legend():
            found += axes.get_legend().get_texts()
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high] if axes.axison else []
            found += [axis.label, *(label for tick in ticks for label in (tick.label1, tick.label2))]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def assert_no_overlap(figure):
    """No two texts of the figure touch, and none leaves the page."""
    figure.draw_without_rendering()
    found = [(text.get_text(), text.get_window_extent()) for text in shown_texts(figure)]
    assert found
    page = figure.bbox
    for words, box in found:
        assert min(box.x0, box.y0, page.x1 - box.x1, page.y1 - box.y1) >= -0.5, words
    for (words, box), (others, other) in itertools.combinations(found, 2):
        shared = min(box.x1, other.x1) - max(box.x0, other.x0), min(box.y1, other.y1) - max(box.y0, other.y0)
        assert min(shared) <= 0.5, (words, others)


# --- style ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_saving_twice_gives_the_same_bytes(tmp_path, three, suffix):
    for name in ("a", "b"):
        figure = data.draw_data(three["y"], label="y", curves=[])
        style.save(figure, tmp_path / f"{name}{suffix}")
    first = (tmp_path / f"a{suffix}").read_bytes()
    assert first == (tmp_path / f"b{suffix}").read_bytes()
    assert first.startswith(b"<?xml" if suffix == ".svg" else b"\x89PNG")
    assert [path.name for path in sorted(tmp_path.iterdir())] == [f"a{suffix}", f"b{suffix}"]


def test_another_process_gives_the_same_bytes_whatever_its_hash_seed(tmp_path):
    program = (
        "import sys; from stanmix.figures import weights, style;"
        "style.save(weights.draw_dirichlet(used=[{'model': 'm', 'concentration': [1, 2, 3, 4]}]), sys.argv[1])"
    )
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONPATH": str(WORKFLOW), "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run([sys.executable, "-c", program, str(tmp_path / f"{seed}.svg")], check=True, env=environment)
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()


def test_svg_stands_alone(tmp_path, three):
    style.save(data.draw_data(three["y"], label="y", curves=[]), tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<text" not in text
    assert "<dc:date>" not in text
    assert len(text) < 300_000


def test_other_formats_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"'\.pdf'"):
        style.save(style.new_figure(1, 1), tmp_path / "a.pdf")
    assert not list(tmp_path.iterdir())


def test_importing_the_figures_is_quick():
    program = (
        "import sys; from stanmix.figures import comparison, data, diagram, membership, predictive, traces, weights;"
        "print([m for m in ('pandas', 'arviz', 'scipy.stats', 'matplotlib.pyplot') if m in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(WORKFLOW), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], check=True, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_colours_differ_between_components_and_from_the_truth():
    colours = [style.component_colour(k) for k in range(24)]
    assert len(set(colours)) == 24
    assert style.TRUTH["color"].lower() not in colours
    assert style.component_colour(1000).startswith("#")


def test_chains_differ_but_keep_the_hue():
    styles = [style.chain_style(chain, "#0072B2") for chain in range(16)]
    assert len({(each["color"], str(each["linestyle"])) for each in styles}) == 16
    assert style.chain_style(1, "#0072B2")["color"] == "#0072b2"


@pytest.mark.parametrize(
    ("name", "component", "expected"),
    [
        ("mu", 0, r"$\mu_1$"),
        ("sigma", None, r"$\sigma$"),
        ("theta", 9, r"$\theta_{10}$"),
        ("mu", "k", r"$\mu_k$"),
        ("meanlog", 1, r"$\text{meanlog}_2$"),
        ("zero_prob", None, r"$\text{zero_prob}$"),
        ("p", 0, "$p_1$"),
    ],
)
def test_symbol(name, component, expected):
    assert style.symbol(name, component) == expected


def names_by_chance(number):
    """Names of letters that mean something to mathtext, of ASCII, and of what DejaVu Sans can draw beside it."""
    rng = np.random.default_rng(12)
    ascii_letters = list(map(chr, range(32, 127)))
    kinds = [list("\\\\\\${}$_^%&#~\"'`|<>[]() ab"), ascii_letters, [*ascii_letters, *"µäßΩжŠ\N{EURO SIGN}²\u00a0"]]
    return ["".join(rng.choice(kinds[k % 3], rng.integers(1, 14))) for k in range(number)]


NAMES = [
    "R&D",
    "50%",
    "x^2",
    "a_b_c",
    "cost $",
    "$a$",
    r"\$",
    r"back\slash",
    r"\mu",
    r"end\\",
    "{",
    "}{",
    "#1",
    "a\tb\nc",
    "~",
]
NAMES += [*map(chr, range(33, 127)), *names_by_chance(100)]


def letters_of(box):
    """The letters of a box of matplotlib's mathtext parser, in order."""
    inside = getattr(box, "children", None)
    return getattr(box, "c", "") if inside is None else "".join(map(letters_of, inside))


def test_any_name_is_drawn_letter_by_letter():
    parser, prop = _mathtext.Parser(), FontProperties(family="DejaVu Sans")
    fonts = _mathtext.DejaVuSansFonts(prop, LoadFlags.NO_HINTING)
    for name in NAMES:
        text = Text(text=style.plain(name))
        assert text._preprocess_math(text.get_text()) == (name, False)
        box = parser.parse(f"${style.upright(name)}$", fonts, 10.0, 72.0)
        assert letters_of(box) == " ".join(name.split())
        style.text_width(style.symbol(name, 0, [name, name]), 9.5)


@pytest.mark.parametrize(
    "name", [NAMES[0], "".join(map(chr, range(33, 80))), "".join(map(chr, range(80, 127))), *NAMES[5:9]]
)
def test_figures_with_any_names_of_columns_are_whole(name, tmp_path):
    y = np.random.default_rng(3).normal(size=(30, 2))
    draws = np.random.default_rng(4).normal(size=(2, 50))
    scalar = {"name": "mu", "component": 0, "draws": draws, "truth": None, "columns": [name]}
    wide = {"name": "correlation", "component": 1, "draws": draws, "truth": None, "columns": [name, "b"]}
    figures = {
        "pairs": multivariate.draw_pairs(y, [name, f"{name} {name}"]),
        "traces": traces.draw_traces([scalar, wide], note=None),
        "data": data.draw_data(y[:, 0], label=name, curves=[]),
    }
    for kind, figure in figures.items():
        style.save(figure, tmp_path / f"{kind}.svg")
        assert ElementTree.parse(tmp_path / f"{kind}.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("value", "written"),
    [(2.0, "2"), (20.82814, "20.83"), (-0.5, "−0.5"), (1234567.0, "1.235e6"), (0.00001, "1e−5")],  # noqa: RUF001
)
def test_number(value, written):
    assert style.number(value) == written


# --- data ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        [3.2],
        [7.0],
        [2.5] * 9,
        [1e18] * 3,
        [0.0, 1e-12],
        np.arange(43, 97.0),
        np.r_[np.zeros(90), 1e6],
        np.random.default_rng(2).standard_cauchy(500),
        np.random.default_rng(2).normal(size=100_000),
    ],
    ids=["one", "one-whole", "equal", "equal-huge", "close", "whole", "outlier", "cauchy", "many"],
)
def test_histogram_has_area_one_and_holds_all_data(y):
    y = np.asarray(y, dtype=float)
    axes = style.new_figure(2, 2).add_subplot()
    heights, edges, _ = data.draw_histogram(axes, y).get_data()
    assert np.sum(heights * np.diff(edges)) == pytest.approx(1)
    assert edges[0] <= y.min()
    assert edges[-1] >= y.max()
    assert len(heights) <= 121


@pytest.mark.parametrize(("high", "n"), [(8, 100), (54, 272), (5000, 400)])
def test_bins_of_whole_numbers_hold_equally_many_of_them(high, n):
    y = np.random.default_rng(3).integers(0, high, n).astype(float)
    edges = data.bin_edges(y)
    assert np.allclose(edges % 1, 0.5)
    assert len(set(np.diff(edges))) == 1
    assert edges[-1] > y.max()
    if high == 8:
        assert np.diff(edges)[0] == 1


def test_bins_do_not_smooth_three_humps_away(three):
    heights, edges = np.histogram(three["y"], data.bin_edges(three["y"]))
    centres = (edges[1:] + edges[:-1]) / 2
    valley = heights[np.abs(centres - 15.3).argmin()]
    assert valley < 0.1 * heights.max()
    assert np.diff(edges)[0] < 2  # the standard deviation of a hump


def test_rug_shows_every_value_or_says_how_many(three):
    figure = data.draw_data(three["y"], label="y", curves=[])
    assert figure.axes[0].lines[-1].get_xdata().size == 215
    assert "each value" in legend_labels(figure)
    y = np.random.default_rng(4).normal(size=50_000)
    figure = data.draw_data(y, label="y", curves=[])
    shown = figure.axes[0].lines[-1].get_xdata()
    assert shown.size == 2000
    assert (shown[0], shown[-1]) == (y.min(), y.max())
    assert "2,000 of 50,000 values" in legend_labels(figure)


def test_truth_is_drawn_in_its_style_and_only_when_given(three):
    smooth = {"name": "estimate", "x": X, "density": three["components"].sum(axis=0), "kind": "kde"}
    truth = smooth | {"name": "true density", "kind": "true"}
    without = data.draw_data(three["y"], label="y", curves=[smooth])
    assert not truth_lines(without.axes[0])
    figure = data.draw_data(three["y"], label="y", curves=[truth, smooth], true_components=three["components"])
    (line,) = truth_lines(figure.axes[0])
    np.testing.assert_array_equal(line.get_ydata(), truth["density"])
    for k in range(3):
        (component,) = [line for line in figure.axes[0].lines if line.get_label() == f"true component {k + 1}"]
        assert component.get_color() == style.component_colour(k)


def test_dollars_in_a_label_are_not_a_formula(three):
    figure = data.draw_data(three["y"], label="price ($) of 1 $ \\frac", curves=[])
    figure.draw_without_rendering()
    assert figure.axes[0].xaxis.label.get_text().startswith(r"price (\$)")


# --- weights -------------------------------------------------------------------------------------------------------


def framed(figure):
    """Titles of the panels that are marked as in use."""
    return [
        axes.get_title("left").replace("\n", " ")
        for axes in figure.axes
        if any(patch.get_gid() == "in-use" for patch in axes.patches)
    ]


def test_the_prior_in_use_is_framed_and_only_that():
    assert framed(weights.draw_dirichlet()) == []
    used = [{"model": name, "concentration": [1, 1, 1]} for name in ("known", "unknown-means", "known")]
    figure = weights.draw_dirichlet(used=used)
    assert framed(figure) == ["Dirichlet(1, 1, 1)"]
    assert "used by: known, unknown-means" in texts(figure)
    assert len(figure.axes) == 4 + 4 + 1


@pytest.mark.parametrize(
    ("concentration", "title", "panels"),
    [
        ([3, 3, 0.7], "Dirichlet(3, 3, 0.7)", 11),
        ([2, 2], "Beta(2, 2)", 5),  # of two components no triangles
        ([10, 10], "Beta(10, 10)", 4),
        ([1] * 5, "Dirichlet(1), K = 5", 10),
        ([1, 2, 3, 4], "Dirichlet(1, 2, 3, 4)", 10),
        ([1], None, 4),
    ],
)
def test_every_prior_in_use_has_a_panel(concentration, title, panels):
    figure = weights.draw_dirichlet(used=[{"model": "m", "concentration": concentration}])
    assert framed(figure) == ([title] if title else [])
    assert len(figure.axes) == panels
    assert_no_overlap(figure)


def test_triangle_colours_by_the_density():
    figure = weights.draw_dirichlet()
    flat, peaked = (figure.axes[place].images[0].get_array() for place in (1, 2))
    assert np.ptp(flat) < 1e-9
    assert flat[100, 180] == pytest.approx(0, abs=1e-9)
    # The density of Dirichlet(10, 10, 10) at its centre, over the flat one: 29! / (2 * 9!^3 * 3^27).
    assert peaked[104, 180] == pytest.approx(np.log2(12.13), abs=0.02)
    assert np.isfinite(figure.axes[0].images[0].get_array()).all()


def test_marginals_are_beta_and_in_component_colours():
    from scipy.stats import beta

    figure = weights.draw_dirichlet(used=[{"model": "m", "concentration": [1, 2, 3, 4]}])
    (axes,) = [axes for axes in figure.axes if axes.get_title("left") == "Dirichlet(1, 2, 3, 4)"]
    for k, line in enumerate(axes.lines):
        assert line.get_color() == style.component_colour(k)
        np.testing.assert_allclose(line.get_ydata(), beta(k + 1, 9 - k).pdf(line.get_xdata()), rtol=1e-9)
    assert len(axes.lines) == 4


# --- diagram -------------------------------------------------------------------------------------------------------


def prior(distribution, *arguments, lower=None):
    return {"distribution": distribution, "arguments": [float(value) for value in arguments], "lower": lower}


def own(name, priors, ordered=False):
    return {"name": name, "mode": "own", "ordered": ordered, "value": None, "priors": priors}


def shared(name, *priors):
    return {"name": name, "mode": "shared", "ordered": False, "value": None, "priors": list(priors)}


def fixed(name, value):
    return {"name": name, "mode": "fixed", "ordered": False, "value": value, "priors": []}


def specification(components, parameters, **changes):
    weights_of_all = {"mode": "estimated", "concentration": [1.0] * components}
    base = {"family": "normal", "components": components, "n": 215, "label": "y", "weights": weights_of_all}
    return base | {"parameters": parameters} | changes


MEANS_PRIOR = [prior("normal", mean, 2) for mean in (10, 20, 35)]
EIGHT = {
    "family": "student_t",
    "label": "the concentration of something long in micrograms per litre, on the log scale",
    "n": 1_000_000,
    "weights": {"mode": "estimated", "concentration": [0.5 + k for k in range(8)]},
}
SPECIFICATIONS = {
    "tutorial": specification(3, [own("mu", MEANS_PRIOR, True), shared("sigma", prior("cauchy", 0, 5, lower=0.0))]),
    "known": specification(3, [fixed("mu", [10.0, 20.0, 35.0]), fixed("sigma", [2.0, 2.0, 2.0])]),
    "one": specification(1, [own("mu", [prior("normal", 20.8281, 12.8812)], True), fixed("sigma", [2.0])]),
    "two": specification(
        2,
        [
            own("mu", [prior("normal", 54, 5), prior("student_t", 3, 80, 5)]),
            own("meanlog", [prior("normal", 1, 2)] * 2),
        ],
        weights={"mode": "fixed", "value": [0.36, 0.64]},
    ),
    "partly": specification(
        3,
        [
            {
                "name": "mu",
                "mode": "partly",
                "ordered": False,
                "value": [10.0, None, 35.0],
                "priors": [prior("normal", 20, 2)],
            },
            own("sigma", [prior("lognormal", 1, 0.7)] * 3),
        ],
    ),
    "eight": specification(
        8,
        [
            shared("nu", prior("gamma", 2, 0.1, lower=0.0)),
            own("mu", [prior("normal", -12345.678 * k + 0.123, 1234.5678 + k) for k in range(8)], True),
            own("sigma", [prior("lognormal", 1.5193 * k, 0.7, lower=0.0) for k in range(8)]),
        ],
        **EIGHT,
    ),
}


@pytest.mark.parametrize("name", SPECIFICATIONS)
def test_diagram_is_legible(name):
    assert_no_overlap(diagram.draw_diagram(SPECIFICATIONS[name]))


def test_diagram_of_the_tutorial_says_the_model():
    words = texts(diagram.draw_diagram(SPECIFICATIONS["tutorial"]))
    for expected in ("normal([10, 20, 35], 2)", "half-Cauchy(0, 5)", "dirichlet(1)", r"$\mu_k$", r"$\sigma$", r"$z_n$"):
        assert expected in words, expected
    assert "k = 1 … 3" in words
    assert "n = 1 … 215" in words
    (summed,) = [text for text in words if text.startswith("summed out")]
    assert r"\theta_k \, \text{normal}(y_n \mid \mu_k,\ \sigma)" in summed
    assert r"\sum_{k=1}^{3}" in summed
    assert any(r"\mu_1 < \mu_2 < \mu_3" in text for text in words)
    assert not any(r"\sigma_" in text for text in words)


def test_diagram_of_known_components_shows_their_values_in_squares():
    words = texts(diagram.draw_diagram(SPECIFICATIONS["known"]))
    assert "fixed at\n[10, 20, 35]" in words
    assert "fixed at\n2" in words
    assert not any(" < " in text for text in words)


def test_diagram_says_which_components_a_parameter_is_fixed_for():
    words = texts(diagram.draw_diagram(SPECIFICATIONS["partly"]))
    assert any("k = 1, 3: fixed at [10, 35]" in text and "k = 2: normal(20, 2)" in text for text in words)
    assert not any("order names" in text for text in words)


def test_diagram_of_one_component_has_nothing_to_mix():
    words = texts(diagram.draw_diagram(SPECIFICATIONS["one"]))
    assert "normal(20.83, 12.88)" in words
    assert not any("theta" in text or "z_n" in text or " < " in text or "k = 1" in text for text in words)


def test_diagram_of_two_and_eight():
    words = texts(diagram.draw_diagram(SPECIFICATIONS["two"]))
    assert "k = 1: normal(54, 5)\nk = 2: student_t(3, 80, 5)" in words
    assert "fixed at\n[0.36, 0.64]" in words
    assert r"$\text{meanlog}_k$" in words
    words = texts(diagram.draw_diagram(SPECIFICATIONS["eight"]))
    assert any(r"\mu_1 < \mu_2 < \ldots < \mu_8" in text for text in words)
    assert any(r"\text{student_t}(\nu,\ \mu_k,\ \sigma_k)" in text for text in words)


def test_diagram_takes_a_label_with_a_dollar():
    figure = diagram.draw_diagram(SPECIFICATIONS["tutorial"] | {"label": "price ($)"})
    assert_no_overlap(figure)
    assert "observed\nprice (\\$)" in texts(figure)


@pytest.mark.parametrize(
    ("priors", "lines"),
    [
        ([prior("normal", 0, 5, lower=0.0)], ["half-normal(0, 5)"]),
        ([prior("student_t", 3, 0, 2.5, lower=0.0)], ["half-Student-t(3, 0, 2.5)"]),
        ([prior("normal", 1, 5, lower=0.0)], ["normal(1, 5), above 0"]),
        ([prior("cauchy", 0, 5)], ["cauchy(0, 5)"]),
        ([prior("lognormal", 0, 5, lower=0.0)], ["lognormal(0, 5)"]),
        ([prior("normal", 1, 2), prior("normal", 1, 3)], ["normal(1, [2, 3])"]),
        ([prior("normal", 1, 2), prior("normal", 1, 2)], ["normal(1, 2)"]),
        ([prior("gamma", 2, 0.1, lower=1.0)], ["gamma(2, 0.1), above 1"]),
        ([prior("normal", 0, 5, lower=1.0)], ["normal(0, 5), above 1"]),
        ([prior("exponential", 0.5, lower=0.0)], ["exponential(0.5)"]),
    ],
)
def test_prior_lines(priors, lines):
    assert diagram.prior_lines(priors) == lines


# --- traces --------------------------------------------------------------------------------------------------------


def outside(draws, band):
    """Whether any chain's rank ECDF leaves the band, counted directly from the ranks."""
    at, lower, upper = band
    chains, length = draws.shape
    ranks = draws.ravel().argsort().argsort().reshape(chains, length) + 1
    below = (ranks[:, None, :] <= np.round(at * draws.size)[None, :, None]).mean(axis=2) - at
    return np.any((below < lower - 1e-12) | (below > upper + 1e-12))


@pytest.mark.parametrize(("length", "chains", "probability"), [(100, 4, 0.95), (250, 2, 0.5)])
def test_rank_band_holds_all_chains_as_often_as_it_says(length, chains, probability):
    generator = np.random.default_rng(5)
    band = traces.rank_band(length, chains, probability)
    repetitions = 1500
    held = 1 - np.mean([outside(generator.random((chains, length)), band) for _ in range(repetitions)])
    # Errors of this simulation and of the one behind the band (4000), and the steps of whole counts: up only.
    error = 4 * np.sqrt(probability * (1 - probability) * (1 / repetitions + 1 / 4000))
    assert probability - error < held < probability + error + 0.01


def test_rank_band_sees_a_chain_that_is_off():
    draws = np.random.default_rng(16).normal(size=(4, 500))
    assert not outside(draws, traces.rank_band(500, 4))
    draws[2] += 0.5
    assert outside(draws, traces.rank_band(500, 4))


def test_rank_band_is_the_same_every_time_and_needs_two_chains():
    first = traces.rank_band(50, 3)
    traces.rank_band.cache_clear()
    for one, other in zip(first, traces.rank_band(50, 3), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="2 or more chains"):
        traces.rank_band(50, 1)


def parameter(name, component, draws, truth=None):
    return {"name": name, "component": component, "draws": draws, "truth": truth}


def test_traces_show_each_chain_and_the_truth_only_when_given():
    draws = np.random.default_rng(7).normal(size=(4, 200))
    figure = traces.draw_traces([parameter("mu", 1, draws, 0.5), parameter("sigma", None, draws)])
    with_truth, ranks, without, _ = figure.axes
    (line,) = truth_lines(with_truth)
    assert list(line.get_xdata()) == [0.5, 0.5]
    assert not truth_lines(without)
    assert len(without.lines) == 4
    assert len(ranks.lines) == 4 + 1
    expected = [to_hex(style.chain_style(chain, style.component_colour(1))["color"]) for chain in range(4)]
    assert [to_hex(line.get_color()) for line in ranks.lines[1:]] == expected
    assert [with_truth.get_ylabel(), without.get_ylabel()] == [r"$\mu_2$", r"$\sigma$"]
    assert "truth" in legend_labels(figure)


def test_rank_lines_are_the_ranks():
    draws = np.array([np.arange(40.0), np.arange(40.0) + 40])
    _, ranks = traces.draw_traces([parameter("mu", 0, draws)]).axes
    low, high = ranks.lines[1:]
    assert low.get_ydata().max() == pytest.approx(0.5)
    assert high.get_ydata().min() == pytest.approx(-0.5)
    assert low.get_ydata()[[0, -1]] == pytest.approx([0, 0])


def test_tied_draws_do_not_set_chains_apart():
    draws = np.random.default_rng(8).integers(0, 2, (4, 400)).astype(float)
    _, ranks = traces.draw_traces([parameter("mu", 0, draws)]).axes
    assert max(np.abs(line.get_ydata()).max() for line in ranks.lines[1:]) < 0.1


def test_effective_draws_thin_the_ranks():
    slow = np.repeat(np.random.default_rng(9).normal(size=(4, 50)), 20, axis=1)
    _, as_they_are = traces.draw_traces([parameter("mu", 0, slow)]).axes
    _, thinned = traces.draw_traces([parameter("mu", 0, slow) | {"ess": 200.0}]).axes
    width = [np.ptp(axes.collections[0].get_paths()[0].vertices[:, 1]) for axes in (as_they_are, thinned)]
    assert width[1] > 3 * width[0]


def test_long_names_and_far_draws_leave_a_legible_density():
    draws = np.random.default_rng(13).normal(size=(4, 1000))
    draws[0, 0] = 1e4
    figure = traces.draw_traces([parameter("probability_of_zero", 10, draws), parameter("mu", 0, draws)])
    assert_no_overlap(figure)
    assert np.ptp(figure.axes[0].get_xlim()) < 15


@pytest.mark.parametrize("chains", [1, 2, 8])
def test_constant_draws_are_called_constant(chains):
    figure = traces.draw_traces([parameter("theta", 0, np.ones((chains, 30)))])
    assert "constant" in texts(figure)
    assert any(line.get_gid() == "spike" for line in figure.axes[0].lines)
    figure.draw_without_rendering()


def test_one_stuck_chain_and_draws_that_are_not_finite():
    draws = np.random.default_rng(9).normal(size=(3, 50))
    draws[1] = 0.25
    density, _ = traces.draw_traces([parameter("mu", 0, draws)]).axes
    assert [line.get_gid() for line in density.lines].count("spike") == 1
    assert len(density.lines) == 3
    draws[0, 0] = np.nan
    assert "not all draws are finite" in texts(traces.draw_traces([parameter("mu", 0, draws)]))


def test_halves_of_a_single_chain_are_compared():
    figure = traces.draw_traces([parameter("mu", 0, np.random.default_rng(10).normal(size=(1, 60)))])
    assert legend_labels(figure)[:2] == ["first half", "second half"]
    assert len(figure.axes[1].lines) == 3


def test_sixty_parameters_fit_on_a_page():
    draws = np.random.default_rng(11).normal(size=(2, 40))
    figure = traces.draw_traces([parameter("mu", k, draws) for k in range(60)])
    assert len(figure.axes) == 120
    assert figure.get_figheight() <= 24
    boxes = [axes.get_position() for axes in figure.axes]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


# --- membership ----------------------------------------------------------------------------------------------------


def test_membership_rings_what_is_wrong_in_truth(three):
    true = three["true"].copy()
    best = three["membership"].argmax(axis=1)
    true[[0, 100]] = [2, 0]
    curves = three["components"] / three["components"].sum(axis=0)
    figure = membership.draw_membership(
        three["y"], three["membership"], label="y", x=X, curves=curves, true_component=true
    )
    top = figure.axes[0]
    assert len(figure.axes) == 3
    assert [line.get_color() for line in top.lines] == [style.component_colour(k) for k in range(3)]
    (rings,) = [points for points in top.collections if points.get_gid() == "wrong"]
    wrong = np.sum(best != true)
    assert wrong >= 2
    assert set(three["y"][best != true]) == set(rings.get_offsets()[:, 0])
    assert f"true component is another ({wrong} of 215)" in legend_labels(figure)
    strip = {
        float(x): to_hex(colour)
        for x, colour in zip(
            figure.axes[2].collections[0].get_offsets()[:, 0],
            figure.axes[2].collections[0].get_facecolors(),
            strict=True,
        )
    }
    assert strip[three["y"][0]] == style.component_colour(2).lower()


def test_membership_without_truth_has_one_strip(three):
    figure = membership.draw_membership(
        three["y"], three["membership"], label="y", x=X, curves=three["components"] / three["components"].sum(axis=0)
    )
    assert len(figure.axes) == 2
    assert not any("true" in text for text in texts(figure))


def test_cut_offs_are_lines_through_all_axes_over_their_intervals_and_marks_on_curves(three):
    curves = three["components"] / three["components"].sum(axis=0)
    cut = {"component": 1, "probability": None, "value": 15.0, "lower": 14.5, "upper": 15.5, "shown": 15.0}
    mark = cut | {"probability": 0.9, "value": 16.0}
    beyond = cut | {"value": 1e4, "shown": 1e4}
    figure = membership.draw_membership(
        three["y"], three["membership"], label="y", x=X, curves=curves, cutoffs=[cut, mark, beyond]
    )
    for axes in figure.axes:
        assert next(line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1) == 15
        (span,) = axes.patches
        assert (span.get_x(), span.get_width()) == (14.5, 1.0)
    (point,) = [line for line in figure.axes[0].lines if line.get_marker() == "|"]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (16, pytest.approx(np.interp(16, X, curves[1])))
    assert point.get_color() == style.component_colour(1)
    assert "15" in texts(figure)
    assert "cut-off with its 95% interval" in legend_labels(figure)
    assert figure.axes[0].get_xlim()[1] < 1e3


def test_many_points_are_thinned_and_the_figure_says_so():
    y = np.random.default_rng(12).normal(size=20_000)
    figure = membership.draw_membership(y, np.ones((20_000, 1)), label="y", x=X, curves=np.ones((1, X.size)))
    points = [artist for artist in figure.axes[0].collections if isinstance(artist, PathCollection)]
    assert len(points[0].get_offsets()) == 5000
    assert "5,000 of 20,000 points shown, evenly spaced in rank" in texts(figure)


# --- predictive ----------------------------------------------------------------------------------------------------


def band(centre, width=0.2):
    return {"lower": centre * (1 - width), "median": centre, "upper": centre * (1 + width)}


def test_replicates_are_counted_and_lie_under_the_data(three):
    observed = three["components"].sum(axis=0)
    figure = predictive.draw_replicates(X, observed, np.outer(np.linspace(0.9, 1.1, 50), observed), label="y")
    axes = figure.axes[0]
    assert len(axes.collections[0].get_segments()) == 50
    assert axes.lines[0].get_zorder() > axes.collections[0].get_zorder()
    assert legend_labels(figure) == ["observed", "50 replicated data sets"]
    assert axes.get_ylim()[1] >= 1.1 * observed.max()


def test_bands_name_the_spread_at_the_peaks_and_share_axes(three):
    observed = three["components"].sum(axis=0)
    keep, anew = (band(observed, width) | {"observed": observed} for width in (0.05, 0.2))
    peaks = [{"x": mean, "sd_keep": 0.00062, "sd_anew": 0.0040} for mean in MEANS]
    figure = predictive.draw_bands(X, keep, anew, label="y", peaks=peaks)
    left, right = figure.axes
    assert left.get_ylim() == right.get_ylim()
    assert [text.get_text() for text in left.texts] == ["sd .00062"] * 3
    assert [text.get_text() for text in right.texts] == ["sd .0040"] * 3
    assert_no_overlap(figure)


def test_close_peaks_keep_their_texts_apart(three):
    observed = three["components"].sum(axis=0)
    same = band(observed) | {"observed": observed}
    peaks = [{"x": x, "sd_keep": 0.0123, "sd_anew": 1.5} for x in np.linspace(5, 38, 8)]
    figure = predictive.draw_bands(X, same, same, label="y", peaks=peaks)
    figure.draw_without_rendering()
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_ecdf_is_drawn_again_as_a_difference(three):
    observed = np.mean(three["y"][:, None] <= X, axis=0)
    model = np.clip(observed, 0.02, 0.98)
    limits = {"lower": model - 0.05, "median": model, "upper": model + 0.05}
    figure = predictive.draw_ecdf(X, observed, limits, label="y")
    assert "outside the band" not in legend_labels(figure)
    np.testing.assert_allclose(figure.axes[1].lines[1].get_ydata(), observed - model)
    low = {key: value - 0.1 for key, value in limits.items()}
    figure = predictive.draw_ecdf(X, observed, low, label="y")
    assert "outside the band" in legend_labels(figure)
    excess = figure.axes[1].lines[-1].get_ydata()
    np.testing.assert_array_equal(np.isfinite(excess), observed > low["upper"])


def test_density_shows_components_and_truth_only_when_given(three):
    mixture = band(three["components"].sum(axis=0))
    figure = predictive.draw_density(three["y"], X, mixture, None, label="y")
    assert legend_labels(figure) == ["data", "mixture, 90 % band"]
    assert any(isinstance(patch, StepPatch) for patch in figure.axes[0].patches)
    figure = predictive.draw_density(
        three["y"], X, mixture, band(three["components"]), label="y", true_density=mixture["median"]
    )
    assert legend_labels(figure)[2:] == ["component 1", "component 2", "component 3", "truth"]
    assert len(truth_lines(figure.axes[0])) == 1
    colours = {line.get_label(): line.get_color() for line in figure.axes[0].lines}
    assert [colours[f"component {k + 1}"] for k in range(3)] == [style.component_colour(k) for k in range(3)]


# --- comparison ----------------------------------------------------------------------------------------------------


def compared(model, rank, elpd, failed=False):
    return {
        "model": model,
        "elpd": elpd,
        "se": 10.0,
        "elpd_diff": -600 - elpd,
        "dse": 2.0,
        "failed": failed,
        "rank": rank,
    }


def test_comparison_reads_from_the_best_down_and_marks_failures():
    figure = comparison.draw_comparison([compared("worse", 1, -620, failed=True), compared("best", 0, -600)])
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["best", "worse\n(fails a check)"]
    low, high = left.get_ylim()
    assert low > high
    assert [float(container.lines[0].get_xdata()[0]) for container in right.containers] == [0, -20]
    assert [container.has_xerr for container in right.containers] == [False, True]


def test_one_model_has_no_difference():
    assert len(comparison.draw_comparison([compared("only", 0, -600)]).axes) == 1


def estimated(name, component, centre, truth=None, half=0.4):
    estimates = [{"model": model, "mean": centre, "lower": centre - half, "upper": centre + half} for model in "ab"]
    return {"parameter": name, "component": component, "estimates": estimates, "truth": truth}


def test_estimates_have_a_panel_per_name_and_rows_per_model():
    rows = [estimated("theta", k, 0.3 + 0.2 * k) for k in range(3)] + [estimated("sigma", None, 2.0, truth=2.1)]
    figure = comparison.draw_estimates(rows)
    thetas, sigma = figure.axes
    assert [text.get_text() for text in thetas.get_yticklabels()] == ["a", "b"] * 3
    assert [text.get_text() for text in thetas.texts] == [r"$\theta_1$", r"$\theta_2$", r"$\theta_3$"]
    assert [text.get_color() for text in thetas.texts] == [style.component_colour(k) for k in range(3)]
    assert not truth_lines(thetas)
    (line,) = truth_lines(sigma)
    assert list(line.get_xdata()) == [2.1, 2.1]


def test_nothing_to_compare_is_said():
    assert texts(comparison.draw_estimates([])) == ["no parameter can be compared"]


def test_components_far_apart_get_their_own_scales():
    figure = comparison.draw_estimates([estimated("mu", k, mean) for k, mean in enumerate(MEANS)])
    assert len(figure.axes) == 3
    assert all(np.ptp(axes.get_xlim()) < 1.5 for axes in figure.axes)
    assert_no_overlap(figure)
