"""Figures for counts, calibration, several measurements and priors: what is drawn, where, and the same bytes again."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import same_color, to_hex
from matplotlib.contour import ContourSet
from matplotlib.patches import Rectangle, StepPatch
from scipy import stats

from stanmix.figures import calibration, counts, multivariate, prior, style

WORKFLOW = Path(style.__file__).parents[2]
VALUES = np.arange(12)
OBSERVED = np.array([40, 22, 30, 18, 9, 6, 3, 2, 2, 1, 0, 1])
NAMES = ["bill length (mm)", "price ($)", "wing", "x"]
HOSTILE = "price ($) of 1 $ \\frac {x"


def legend_labels(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def bars(axes):
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def line_named(axes, label):
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return line


def clouds(axes):
    return [artist for artist in axes.collections if isinstance(artist, PathCollection)]


def contour_sets(axes):
    return [artist for artist in axes.collections if isinstance(artist, ContourSet)]


def limits(median, width=0.2):
    median = np.asarray(median, dtype=float)
    return {"lower": median * (1 - width), "median": median, "upper": median * (1 + width)}


def shown_texts(figure):
    """The texts a reader sees: ticks beyond the ends of an axis have labels too, which are never drawn."""
    found = [*figure.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    for axes in figure.axes:
        if not axes.axison:
            continue
        found += [*axes.texts, axes.title, axes._left_title]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            found += [axis.label, axis.get_offset_text(), *(tick.label1 for tick in ticks)]
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


@pytest.fixture(scope="module")
def clusters():
    """Two Gaussian clusters in four dimensions: data, component, membership probabilities."""
    component = np.repeat([0, 1], [70, 50])
    means = np.array([[0, 0, 0, 0], [1.5, 1, 2, 1]])
    y = means[component] + np.random.default_rng(1).normal(size=(120, 4))
    log_density = -0.5 * ((y[:, None] - means) ** 2).sum(axis=2)
    membership = np.exp(log_density - log_density.max(axis=1, keepdims=True)) * [70, 50]
    return {"y": y, "component": component, "membership": membership / membership.sum(axis=1, keepdims=True)}


def normal_pair(i=0, j=1, size=101, reach=6.0, weights=(1.0,)):
    """A pair whose components are normal, correlated, and equal but for their weights."""
    x, y = np.linspace(-reach, reach, size), np.linspace(-1.3 * reach, 1.3 * reach, size + 20)
    density = stats.multivariate_normal([0.3, -0.2], [[1, 0.6], [0.6, 2]]).pdf(np.dstack(np.meshgrid(x, y)))
    return {"i": i, "j": j, "x": x, "y": y, "mixture": density, "components": np.multiply.outer(weights, density)}


def every_figure(clusters):
    """One of every kind of figure, with hostile labels."""
    u = np.linspace(0, 1, 21)
    edge = 0.1 * np.sqrt(u * (1 - u))
    replicated = np.random.default_rng(5).normal(size=60)
    pit = {"title": HOSTILE, "u": u, "difference": 2 * edge - 0.05, "lower": -edge, "upper": edge}
    band = {"lower": 0.2, "upper": 0.8, "outside": False}
    row = {"title": HOSTILE, "observed": 0.5, "replicated": replicated, **band}
    y, names = clusters["y"], [HOSTILE] * 4
    x = np.linspace(-3, 3, 40)
    curves = stats.norm(np.linspace(-1, 1, 9)[:, None]).pdf(x)
    both = OBSERVED * np.array([[0.6], [0.4]])
    wrong = {"true_component": 1 - clusters["component"]}
    return {
        "count data": counts.draw_count_data(VALUES, OBSERVED, label=HOSTILE, true_mass=OBSERVED + 0.5),
        "bars": counts.draw_bars(VALUES, OBSERVED, limits(OBSERVED), limits(both), names=[HOSTILE, "b"], label=HOSTILE),
        "rootogram": counts.draw_rootogram(VALUES, OBSERVED, limits(OBSERVED + 2.0), label=HOSTILE),
        "pit": calibration.draw_pit([pit] * 3),
        "statistics": calibration.draw_statistics([row] * 4),
        "pairs": multivariate.draw_pairs(y, names, component=clusters["component"]),
        "contours": multivariate.draw_contours(y, names, [normal_pair()] * 4),
        "memberships": multivariate.draw_pair_memberships(y, names, clusters["membership"], **wrong),
        "prior": prior.draw_prior_predictive(x, curves, y[:, 0], label=HOSTILE),
    }


# --- all kinds -----------------------------------------------------------------------------------------------------


def test_the_same_figure_twice_gives_the_same_bytes(tmp_path, clusters):
    for turn in ("a", "b"):
        for name, figure in every_figure(clusters).items():
            style.save(figure, tmp_path / f"{name}-{turn}.svg")
    names = sorted({path.stem[:-2] for path in tmp_path.iterdir()})
    assert len(names) == 9
    for name in names:
        first = (tmp_path / f"{name}-a.svg").read_bytes()
        assert first == (tmp_path / f"{name}-b.svg").read_bytes(), name
        assert len(first) < 300_000, name
        assert b"<text" not in first
        assert b"<dc:date>" not in first


def test_words_of_the_user_are_no_formulas_and_touch_nothing(clusters):
    for name, figure in every_figure(clusters).items():
        assert_no_overlap(figure)
        found = "\n".join(text.get_text() for text in shown_texts(figure))
        assert r"\$" in found, name
        assert found.count("$") == found.count(r"\$"), name


def test_importing_is_quick():
    program = (
        "import sys; from stanmix.figures import calibration, counts, multivariate, prior;"
        "print([m for m in ('pandas', 'arviz', 'scipy.stats', 'matplotlib.pyplot') if m in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(WORKFLOW), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], check=True, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


# --- counts --------------------------------------------------------------------------------------------------------


def test_bars_are_the_counts():
    figure = counts.draw_count_data(VALUES, OBSERVED, label="visits")
    (axes,) = figure.axes
    assert [bar.get_height() for bar in bars(axes)] == list(OBSERVED)
    np.testing.assert_allclose([bar.get_x() + bar.get_width() / 2 for bar in bars(axes)], VALUES)
    assert all(bar.get_width() < 1 for bar in bars(axes))
    assert axes.get_title("left") == "The data: 134 observations"
    assert legend_labels(figure) == ["data"]
    assert not axes.lines


def test_truth_is_drawn_in_its_style():
    mass = OBSERVED + 0.25
    figure = counts.draw_count_data(VALUES, OBSERVED, label="visits", true_mass=mass)
    (line,) = figure.axes[0].lines
    assert same_color(line.get_color(), style.TRUTH["color"])
    np.testing.assert_allclose(line.get_ydata(), mass)
    assert legend_labels(figure) == ["data", "truth"]


def test_one_and_two_values():
    one = counts.draw_count_data([7], [1], label="y")
    assert one.axes[0].get_title("left") == "The data: 1 observation"
    two = counts.draw_count_data([0, 1], [30, 70], label="y")
    two.draw_without_rendering()
    assert [text.get_text() for text in two.axes[0].get_xticklabels()] == ["0", "1"]
    assert [bar.get_height() for bar in bars(two.axes[0])] == [30, 70]


def test_values_far_apart_have_thin_bars_and_ticks_that_are_values():
    figure = counts.draw_count_data([0, 300, 1000], [3, 4, 5], label="y")
    figure.draw_without_rendering()
    assert max(bar.get_width() for bar in bars(figure.axes[0])) < 20
    assert_no_overlap(figure)
    ticks = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert ticks == [str(place) for place in range(0, 1001, 100)]


@pytest.mark.parametrize(("high", "step"), [(119, 1), (120, 2), (4321, 37)])
def test_groups_hold_equally_many_values_and_lose_none(high, step):
    values = np.arange(high + 1)
    number = np.random.default_rng(2).integers(0, 9, values.size)
    figure = counts.draw_count_data(values, number, label="y", true_mass=number + 0.5)
    (axes,) = figure.axes
    drawn = bars(axes)
    assert len(drawn) <= 120
    assert sum(bar.get_height() for bar in drawn) == number.sum()
    assert np.sum(axes.lines[0].get_ydata()) == pytest.approx(number.sum() + 0.5 * values.size)
    if step > 1:
        assert {bar.get_width() for bar in drawn} == {step}
        assert drawn[0].get_x() == pytest.approx(-0.5)
        assert drawn[1].get_height() == number[step : 2 * step].sum()
        assert axes.get_ylabel() == f"observations per {step} whole numbers"
    else:
        assert axes.get_ylabel() == "observations"


def test_groups_respect_rounding_to_tens():
    centres, group, step = counts.group_values(np.arange(0, 2400, 10))
    assert step == 20
    assert centres[:2].tolist() == [5, 25]
    assert set(np.bincount(group)) == {2}
    centres, group, step = counts.group_values([0, 3, 10_000])
    assert (len(centres), group.tolist()) == (2, [0, 0, 1])
    assert abs(centres[1] - 10_000) <= step / 2


@pytest.mark.parametrize(
    "values", [[10**12, 10**12 + 1, 10**12 + 3], [-5, 0, 5], [0, 10**9], [999_983, 999_990, 10**6]]
)
def test_odd_whole_numbers_leave_a_legible_axis(values):
    figure = counts.draw_count_data(values, np.arange(1, len(values) + 1), label="y")
    assert_no_overlap(figure)
    assert [bar.get_height() for bar in bars(figure.axes[0])] == list(range(1, len(values) + 1))


def test_expected_frequencies_are_points_with_intervals_and_lines_in_their_colours():
    both = OBSERVED * np.array([[0.75], [0.25]]) + 1
    extra = np.where(VALUES == 0, 12.0, 0.0)
    parts = limits(np.vstack([both, extra]))
    mixture = {"lower": OBSERVED - 0.5, "median": OBSERVED + 1.0, "upper": OBSERVED + 3.0}
    names = ["component 1", "component 2", "extra zeros"]
    figure = counts.draw_bars(VALUES, OBSERVED, mixture, parts, names=names, label="visits", true_mass=OBSERVED)
    (axes,) = figure.axes
    assert [bar.get_height() for bar in bars(axes)] == list(OBSERVED)
    (points,) = axes.containers[1:]
    np.testing.assert_allclose(points.lines[0].get_ydata(), OBSERVED + 1)
    ends = np.array([segment[:, 1] for segment in points.lines[2][0].get_segments()])
    np.testing.assert_allclose(ends, np.column_stack([OBSERVED - 0.5, OBSERVED + 3.0]))
    assert legend_labels(figure) == ["data", "mixture, 90 % band", *names, "truth"]
    for k, name in enumerate(names):
        line = line_named(axes, name)
        assert line.get_color() == style.component_colour(k)
        shown = np.isfinite(line.get_ydata())
        np.testing.assert_allclose(line.get_ydata()[shown], parts["median"][k][shown])
        assert shown.sum() == (1 if name == "extra zeros" else 12)
    lone = [
        segment for lines in axes.collections if isinstance(lines, LineCollection) for segment in lines.get_segments()
    ]
    assert any(np.allclose(segment, [[0, 9.6], [0, 14.4]]) for segment in lone)


def test_components_that_cannot_be_told_apart_are_left_out():
    figure = counts.draw_bars(VALUES, OBSERVED, limits(OBSERVED), None, label="visits")
    assert legend_labels(figure) == ["data", "mixture, 90 % band"]
    figure = counts.draw_bars(VALUES, OBSERVED, limits(OBSERVED), limits([OBSERVED]), label="visits")
    assert legend_labels(figure)[2:] == ["component 1"]


def test_many_values_make_lines_and_a_small_file(tmp_path):
    values = np.arange(1500)
    mass = 4000 * stats.poisson(700).pmf(values)
    figure = counts.draw_bars(values, mass.round(), limits(mass), limits([mass]), label="y")
    style.save(figure, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 250_000
    assert len(line_named(figure.axes[0], "mixture, 90 % band").get_ydata()) == 1500
    stems = [lines for lines in figure.axes[0].collections if isinstance(lines, LineCollection)]
    assert len(stems[0].get_segments()) == 1500
    assert stems[0].get_rasterized()


def test_bars_hang_from_the_expected_and_are_dark_only_outside_the_band():
    expected = np.array([36.0, 36, 16, 16, 9, 4, 4, 1, 1, 1, 1, 0.25])
    band = {"lower": np.floor(expected * 0.7), "median": expected, "upper": np.ceil(expected * 1.3)}
    figure = counts.draw_rootogram(VALUES, OBSERVED, band, label="visits")
    (axes,) = figure.axes
    boxes = [bar.get_bbox() for bar in bars(axes)]
    np.testing.assert_allclose([max(box.y0, box.y1) for box in boxes], np.sqrt(expected))
    np.testing.assert_allclose([min(box.y0, box.y1) for box in boxes], np.sqrt(expected) - np.sqrt(OBSERVED))
    outside = (band["lower"] > OBSERVED) | (band["upper"] < OBSERVED)
    assert (band["lower"] > OBSERVED).any()
    assert (band["upper"] < OBSERVED).any()
    assert (band["upper"] == OBSERVED).any()
    dark = [same_color(bar.get_facecolor(), style.OBSERVED) for bar in bars(axes)]
    assert dark == outside.tolist()
    assert "outside the band" in legend_labels(figure)
    assert axes.get_ylabel() == "square root of frequency"
    (region,) = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    top, edges, base = region.get_data()
    np.testing.assert_allclose(top, np.sqrt(expected) - np.sqrt(band["lower"]))
    np.testing.assert_allclose(base, np.sqrt(expected) - np.sqrt(band["upper"]))
    np.testing.assert_allclose(edges, np.arange(13) - 0.5)
    np.testing.assert_allclose(line_named(axes, "expected").get_ydata(), np.sqrt(expected))


def test_a_rootogram_inside_its_band_marks_nothing_and_cuts_nothing():
    figure = counts.draw_rootogram(VALUES, OBSERVED, limits(OBSERVED, 1.0), label="visits")
    assert "outside the band" not in legend_labels(figure)
    low, high = figure.axes[0].get_ylim()
    assert high > np.sqrt(40)
    assert low < (np.sqrt(OBSERVED) - np.sqrt(2 * OBSERVED)).min()
    empty = counts.draw_rootogram([0, 1], [0, 0], limits([0.0, 0.0]), label="visits")
    assert "outside the band" not in legend_labels(empty)


# --- calibration ---------------------------------------------------------------------------------------------------


def pit(title, excess=0.0):
    """A panel whose difference is inside its band but at the middle, where it is `excess` above."""
    u = np.linspace(0, 1, 41)
    edge = 0.1 * np.sqrt(u * (1 - u))
    difference = 0.5 * edge
    if excess:
        difference[20] = edge[20] + excess
    return {"title": title, "u": u, "difference": difference, "lower": -edge, "upper": edge}


def outside_marks(axes):
    return [line for line in axes.lines if line.get_gid() == "outside"]


def test_pit_is_marked_where_it_leaves_the_band_and_only_there():
    figure = calibration.draw_pit([pit("PIT"), pit("LOO-PIT", 0.02), pit("LOO-PIT of $")])
    panels = figure.axes[:3]
    assert [axes.get_title("left") for axes in panels] == ["PIT", "LOO-PIT", r"LOO-PIT of \$"]
    assert [len(outside_marks(axes)) for axes in panels] == [0, 1, 0]
    marked = outside_marks(panels[1])[0].get_ydata()
    assert np.flatnonzero(np.isfinite(marked)).tolist() == [20]
    assert marked[20] == pytest.approx(0.07)
    np.testing.assert_array_equal(line_named(panels[0], "observed").get_ydata(), pit("PIT")["difference"])
    assert same_color(panels[0].collections[0].get_facecolor(), style.BAND)
    assert legend_labels(figure) == ["observed", "simultaneous band", "outside the band"]
    assert_no_overlap(figure)


def test_pit_within_its_bands_marks_nothing_not_even_at_the_ends():
    panel = pit("PIT")
    panel["difference"] = panel["difference"] + 2e-16 * ((panel["u"] == 1).astype(float) - (panel["u"] == 0))
    figure = calibration.draw_pit([panel])
    assert legend_labels(figure) == ["observed", "simultaneous band"]
    low = calibration.draw_pit([panel | {"difference": -panel["difference"] - 0.05}])
    assert np.isfinite(outside_marks(low.axes[0])[0].get_ydata()).sum() > 5


@pytest.mark.parametrize("draw", [calibration.draw_pit, calibration.draw_statistics])
def test_nothing_to_show_is_said(draw):
    (text,) = draw([]).texts
    assert text.get_text().endswith("can be shown")


def statistic(observed, replicated, outside=False, title="mean"):
    values = np.asarray(replicated)
    lower, upper = np.nanmin(values, initial=0.0), np.nanmin(values, initial=1.0)
    band = {"lower": lower, "upper": upper, "outside": outside}
    return {"title": title, "observed": observed, "replicated": values, **band}


def histogram(axes):
    (patch,) = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
    return patch.get_data()


DRAWS = np.random.default_rng(6).normal(size=400)
REPLICATED = {
    "normal": (0.3, DRAWS),
    "huge": (1.2e12, 1e12 + 1e11 * DRAWS),
    "tiny": (1e-12, 1e-12 + 2e-13 * DRAWS),
    "offset": (1e12 + 1, 1e12 + DRAWS),
    "whole": (3, np.random.default_rng(7).poisson(4, 400)),
    "shares": (0.2, np.random.default_rng(7).binomial(215, 0.2, 400) / 215),
    "equal": (3.0, np.full(400, 3.0)),
    "equal-zero": (0.0, np.zeros(400)),
    "equal-elsewhere": (5.0, np.full(400, 3.0)),
    "equal-huge": (1e12, np.full(400, 1e12)),
    "equal-tiny": (2e-12, np.full(400, 1e-12)),
    "one": (1.0, [1.5]),
    "two-values": (1, np.repeat([0, 1], 200)),
}


@pytest.mark.parametrize("name", REPLICATED)
def test_all_replicates_and_the_observed_value_are_in_view(name):
    observed, replicated = REPLICATED[name]
    figure = calibration.draw_statistics([statistic(observed, replicated)] * 3)
    axes = figure.axes[0]
    heights, edges, _ = histogram(axes)
    assert heights.sum() == len(replicated)
    assert len(heights) <= 31
    low, high = axes.get_xlim()
    assert low < edges[0] < edges[-1] < high
    assert low < observed < high
    (line,) = axes.lines
    assert list(line.get_xdata()) == [observed, observed]
    assert line.get_linewidth() > 2
    assert_no_overlap(figure)


def test_bars_of_evenly_spaced_values_hold_equally_many_of_them():
    values = np.random.default_rng(8).integers(0, 101, 5000) / 215
    heights, edges, _ = histogram(calibration.draw_statistics([statistic(0.2, values)]).axes[0])
    np.testing.assert_allclose(np.diff(edges) * 215, 4)
    np.testing.assert_allclose((edges * 215) % 1, 0.5)
    expected = np.histogram(np.round(values * 215), np.arange(-0.5, 105, 4))[0]
    np.testing.assert_array_equal(heights, expected)


def test_few_far_replicates_do_not_hide_the_others_and_are_counted():
    values = np.r_[DRAWS, 1e6, -1e7]
    axes = calibration.draw_statistics([statistic(0.3, values)]).axes[0]
    assert np.ptp(axes.get_xlim()) < 30
    assert histogram(axes)[0].sum() == 400
    assert axes.get_xlabel() == "2 too far to show"


def test_what_is_not_finite_is_counted():
    broken = statistic(np.nan, np.full(9, np.nan), True)
    figure = calibration.draw_statistics([statistic(0.3, np.r_[DRAWS, np.nan, np.inf]), broken])
    assert figure.axes[0].get_xlabel() == "2 not finite"
    assert figure.axes[1].get_xlabel() == "9 not finite"
    assert figure.axes[1].texts[0].get_text() == "observed not finite, outside"
    figure.draw_without_rendering()


@pytest.mark.parametrize(("outside", "written"), [(True, "outside"), (False, "inside")])
def test_a_statistic_says_whether_it_lies_in_its_band(outside, written):
    axes = calibration.draw_statistics([statistic(20.828, 20 + DRAWS, outside)]).axes[0]
    assert axes.texts[0].get_text() == f"observed 20.83, {written}"


# --- several measurements ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimensions", [2, 3, 8])
def test_pairs_fill_the_lower_triangle(dimensions):
    y = np.random.default_rng(9).normal(size=(50, dimensions)) * 10.0 ** np.arange(dimensions)
    figure = multivariate.draw_pairs(y, [f"measurement {d}" for d in range(dimensions)])
    diagonal, pairs = figure.axes[:dimensions], figure.axes[dimensions:]
    assert len(pairs) == dimensions * (dimensions - 1) // 2
    for d, axes in enumerate(diagonal):
        heights, edges, _ = histogram(axes)
        assert np.sum(heights * np.diff(edges)) == pytest.approx(1)
        assert edges[0] == pytest.approx(y[:, d].min())
    places = [(i, j) for i in range(1, dimensions) for j in range(i)]
    for (i, j), axes in zip(places, pairs, strict=True):
        (points,) = clouds(axes)
        np.testing.assert_array_equal(points.get_offsets(), y[:, [j, i]])
        assert axes.get_xlim() == diagonal[j].get_xlim()
    assert_no_overlap(figure)


def test_pairs_are_coloured_by_component(clusters):
    figure = multivariate.draw_pairs(clusters["y"], NAMES, component=clusters["component"])
    (points,) = clouds(figure.axes[4])
    colours = [to_hex(colour) for colour in points.get_facecolors()]
    assert colours == [style.component_colour(k).lower() for k in clusters["component"]]
    assert legend_labels(figure) == ["data", "component 1", "component 2"]


def test_many_points_are_thinned_and_the_figure_says_so(tmp_path):
    y = np.random.default_rng(10).normal(size=(10_000, 3))
    figure = multivariate.draw_pairs(y, NAMES[:3])
    (points,) = clouds(figure.axes[3])
    assert len(points.get_offsets()) == 3000
    assert points.get_rasterized()
    assert "3,000 of 10,000 points shown" in legend_labels(figure)
    assert figure.axes[0].get_xlim()[0] < y[:, 0].min()
    style.save(figure, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 500_000


@pytest.mark.parametrize("column", [np.full(30, 7.0), np.full(30, 1e18), np.arange(30) * 1e-12, 1e12 + np.arange(30)])
def test_odd_scales_can_be_paired_and_their_offsets_stand_beside_the_names(column):
    y = np.column_stack([column, np.arange(30.0), column])
    figure = multivariate.draw_pairs(y, ["odd", "plain", "again"])
    assert_no_overlap(figure)
    low, high = figure.axes[0].get_xlim()
    assert low < column.min() <= column.max() < high
    last = figure.axes[2].get_xlabel()
    offset = figure.axes[2].xaxis.get_major_formatter().get_offset()
    assert last == ("again" if not offset else f"again ({offset if offset[0] == '+' else '×' + offset})")  # noqa: RUF001


@pytest.mark.parametrize(("reach", "size"), [(6.0, 31), (6.0, 61), (6.0, 150), (60.0, 401)])
def test_contours_enclose_the_stated_mass_of_a_known_normal(reach, size):
    pair = normal_pair(reach=reach, size=size)
    shares = np.array([0.5, 0.8, 0.9, 0.95])
    levels = multivariate.contour_levels(pair["mixture"], pair["x"], pair["y"], shares)
    peak = stats.multivariate_normal([0, 0], [[1, 0.6], [0.6, 2]]).pdf([0, 0])
    # The density falls to exp(-r² / 2) of its peak where the chi-squared distribution of r² leaves 1 - share outside.
    np.testing.assert_allclose(1 - levels / peak, shares, atol=0.02)


def test_levels_of_an_uneven_grid_and_of_no_density():
    x = np.sinh(np.linspace(-2.5, 2.5, 121))
    density = stats.norm.pdf(x)[:, None] * stats.norm.pdf(x)
    levels = multivariate.contour_levels(density, x, x, [0.5, 0.95])
    np.testing.assert_allclose(1 - levels * 2 * np.pi, [0.5, 0.95], atol=0.02)
    assert np.isnan(multivariate.contour_levels(np.zeros((121, 121)), x, x, [0.5])).all()


def test_drawn_contours_hold_the_stated_share_of_points_and_have_their_colours(clusters):
    pair = normal_pair(weights=(0.7, 0.3))
    figure = multivariate.draw_contours(clusters["y"], NAMES, [pair])
    (axes,) = figure.axes
    *components, mixture = contour_sets(axes)
    assert [to_hex(each.get_edgecolor()[0]) for each in components] == [
        style.component_colour(k).lower() for k in range(2)
    ]
    assert all(same_color(colour, style.OBSERVED) for colour in mixture.get_edgecolor())
    sample = np.random.default_rng(11).multivariate_normal([0.3, -0.2], [[1, 0.6], [0.6, 2]], 20_000)

    def inside(contours):
        return [path.contains_points(sample).mean() for path in contours.get_paths()]

    np.testing.assert_allclose(inside(mixture), [0.95, 0.8, 0.5], atol=0.02)
    for each in components:
        np.testing.assert_allclose(inside(each), [0.9], atol=0.02)
    assert legend_labels(figure)[1:] == [
        "50 % of the mixture",
        "80 % of the mixture",
        "95 % of the mixture",
        "90 % of component 1",
        "90 % of component 2",
    ]


def test_contours_have_the_axes_of_their_pair_and_the_colours_of_the_truth(clusters):
    pairs = [normal_pair(i, j) | {"components": None} for i, j in itertools.combinations(range(4), 2)]
    figure = multivariate.draw_contours(clusters["y"], NAMES, pairs, true_component=clusters["component"])
    assert len(figure.axes) == 6
    for axes, pair in zip(figure.axes, pairs, strict=True):
        assert axes.get_xlabel() == style.plain(NAMES[pair["i"]])
        assert axes.get_ylabel() == style.plain(NAMES[pair["j"]])
        (points,) = clouds(axes)
        np.testing.assert_array_equal(points.get_offsets(), clusters["y"][:, [pair["i"], pair["j"]]])
        assert len(contour_sets(axes)) == 1
    hues = {to_hex(colour) for colour in clouds(figure.axes[0])[0].get_facecolors()}
    assert hues == {style.shade(style.component_colour(k), 0.45) for k in range(2)}
    assert_no_overlap(figure)


@pytest.mark.parametrize("density", [np.zeros((9, 9)), np.ones((9, 9)), np.full((9, 9), np.nan), np.eye(9) * 1e-300])
def test_a_density_without_contours_is_no_error(density):
    grid = np.linspace(-1, 1, 9)
    pair = {"i": 0, "j": 1, "x": grid, "y": grid, "mixture": density, "components": density[None]}
    figure = multivariate.draw_contours(np.zeros((3, 2)), NAMES[:2], [pair])
    figure.draw_without_rendering()
    assert len(clouds(figure.axes[0])) == 1


def test_memberships_colour_the_doubt_and_ring_what_is_wrong(clusters):
    y, probabilities = clusters["y"], clusters["membership"]
    best, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    true = best.copy()
    true[[3, 80]] = 1 - true[[3, 80]]
    figure = multivariate.draw_pair_memberships(y, NAMES, probabilities, i=2, j=1, true_component=true)
    (axes,) = figure.axes
    (points,) = [cloud for cloud in clouds(axes) if cloud.get_gid() != "wrong"]
    (rings,) = [cloud for cloud in clouds(axes) if cloud.get_gid() == "wrong"]
    np.testing.assert_array_equal(rings.get_offsets(), y[[3, 80]][:, [2, 1]])
    assert "true component is another (2 of 120)" in legend_labels(figure)
    drawn = {tuple(place): place_number for place_number, place in enumerate(np.asarray(points.get_offsets()))}
    order = [drawn[tuple(place)] for place in y[:, [2, 1]]]
    colours = np.array([to_hex(colour) for colour in points.get_facecolors()])[order]
    assert colours.tolist() == [style.component_colour(k).lower() for k in best]
    sizes = points.get_sizes()[order]
    assert sizes[surest.argmin()] == sizes.max() > 1.5 * sizes[surest.argmax()]
    dark = np.array([same_color(edge, (*style.to_rgb(style.OBSERVED), edge[3])) for edge in points.get_edgecolors()])
    np.testing.assert_array_equal(dark[order], surest < 0.8)
    assert dark.any()
    assert "less than 80 % sure" in legend_labels(figure)


def test_memberships_without_doubt_or_truth_say_neither():
    y = np.random.default_rng(12).normal(size=(4000, 2))
    figure = multivariate.draw_pair_memberships(y, NAMES[:2], np.ones((4000, 1)))
    assert legend_labels(figure) == ["component 1", "3,000 of 4,000 points shown"]
    (points,) = clouds(figure.axes[0])
    assert len(points.get_offsets()) == 3000


# --- prior ---------------------------------------------------------------------------------------------------------

X = np.linspace(-10, 10, 201)


def test_prior_draws_its_curves_their_band_and_the_data():
    curves = stats.norm(np.linspace(-4, 4, 41)[:, None], 1.5).pdf(X)
    y = np.random.default_rng(13).normal(size=300)
    figure = prior.draw_prior_predictive(X, curves, y, label="y ($)")
    (axes,) = figure.axes
    band, lines = axes.collections
    assert len(lines.get_segments()) == 41
    np.testing.assert_allclose(lines.get_segments()[7][:, 1], curves[7])
    middle = np.abs(X - 1).argmin()
    at = band.get_paths()[0].vertices
    found = np.sort(at[np.isclose(at[:, 0], X[middle]), 1])
    np.testing.assert_allclose(found, np.quantile(curves[:, middle], (0.05, 0.95)))
    heights, edges, _ = axes.patches[0].get_data()
    assert np.sum(heights * np.diff(edges)) == pytest.approx(1)
    assert legend_labels(figure) == ["data", "41 mixtures drawn from the prior", "90 % of them at each value"]
    assert axes.get_ylim()[0] == 0
    assert axes.get_ylim()[1] > max(heights.max(), curves.max())


def test_a_few_narrow_mixtures_do_not_rule_the_axis():
    curves = stats.norm(0, np.r_[np.full(95, 3.0), np.full(5, 1e-3)][:, None]).pdf(X)
    y = np.random.default_rng(14).normal(size=300)
    figure = prior.draw_prior_predictive(X, curves, y, label="y")
    tallest = figure.axes[0].patches[0].get_data().values.max()
    assert figure.axes[0].get_ylim()[1] == pytest.approx(3 * tallest)
    assert "100 mixtures drawn from the prior, 5 higher than the axis" in legend_labels(figure)
    many = stats.norm(0, np.r_[np.full(50, 3.0), np.full(50, 0.05)][:, None]).pdf(X)
    high = prior.draw_prior_predictive(X, many, y, label="y").axes[0].get_ylim()[1]
    assert high == pytest.approx(np.quantile(many.max(axis=1), 0.9))


def test_infinite_densities_leave_the_axis_and_break_nothing():
    curves = np.ones((20, 201)) / 20
    curves[:3, 100] = np.inf
    curves[4, 0] = np.nan
    figure = prior.draw_prior_predictive(X, curves, np.random.default_rng(15).normal(size=50), label="y")
    figure.draw_without_rendering()
    assert np.isfinite(figure.axes[0].get_ylim()).all()
    assert "20 mixtures drawn from the prior, 3 higher than the axis" in legend_labels(figure)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_scale_of_the_prior_is_of_no_matter(scale):
    curves = stats.norm(0, [[1.0], [2.0]]).pdf(X) / scale
    y = scale * np.random.default_rng(16).normal(size=100)
    figure = prior.draw_prior_predictive(scale * X, curves, y, label="y")
    assert_no_overlap(figure)
    heights = figure.axes[0].patches[0].get_data().values
    assert heights.max() < figure.axes[0].get_ylim()[1] < 4 * heights.max()


def test_prior_of_whole_numbers_has_bars_of_shares():
    masses = stats.poisson(np.linspace(1, 6, 30)[:, None]).pmf(VALUES)
    shares = OBSERVED / OBSERVED.sum()
    figure = prior.draw_prior_predictive(VALUES, masses, shares, label="visits", discrete=True)
    (axes,) = figure.axes
    np.testing.assert_allclose([bar.get_height() for bar in bars(axes)], shares)
    assert axes.get_ylabel() == "share"
    (lines,) = [
        lines for lines in axes.collections if isinstance(lines, LineCollection) and len(lines.get_segments()) == 30
    ]
    np.testing.assert_allclose(lines.get_segments()[0][:, 1], masses[0])


def test_many_curves_make_a_small_file(tmp_path):
    curves = stats.norm(np.linspace(-4, 4, 500)[:, None], 1.5).pdf(X)
    figure = prior.draw_prior_predictive(X, curves, np.arange(-3, 3, 0.1), label="y")
    style.save(figure, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 500_000
    assert any(lines.get_rasterized() for lines in figure.axes[0].collections)
