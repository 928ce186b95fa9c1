"""Posterior predictive checks: densities by direct sums, p-values uniform under the model and tiny away from it."""

import math

import numpy as np
import pytest
from scipy import stats
from textbook import UNIVARIATE, points_at

from stanmix.expected import continuous, predictive
from stanmix.model import mixture

TUTORIAL = np.random.default_rng(1).normal(np.repeat([9, 21, 35], [90, 50, 75]), 2)


def direct_sum(y, x, width):
    return [math.fsum(stats.norm.pdf(point, y, width)) / len(y) for point in x]


@pytest.mark.parametrize("width", [None, 0.3, 2.0])
@pytest.mark.parametrize(
    "y", [TUTORIAL, np.array([0.0, 1.0]), np.array([5.0, 5.0, 5.0, 9.0])], ids=["215", "2", "ties"]
)
def test_kernel_density_is_the_mean_of_gaussian_kernels(y, width):
    y = y - 50  # where values are negative there are no bounds
    x = np.linspace(y.min() - 1, y.max() + 1, 13)
    used = y.std(ddof=1) * len(y) ** (-1 / 5) if width is None else width
    np.testing.assert_allclose(continuous.kernel_density(y, x, width), direct_sum(y, x, used), rtol=1e-9)


@pytest.mark.parametrize(
    ("y", "low", "high"),
    [
        (np.random.default_rng(1).exponential(2, 150), 0, 60),
        (np.random.default_rng(2).beta(0.5, 0.5, 150), 0, 1),
        (np.append(np.random.default_rng(3).uniform(2, 99, 150), 100), 0, 100),
    ],
    ids=["positive", "shares", "percentages"],
)
def test_kernel_densities_stay_within_the_bounds_of_the_values(y, low, high):
    x = np.linspace(low, high, 4001)
    assert np.trapezoid(continuous.kernel_density(y, x), x) == pytest.approx(1, abs=1e-3)
    assert continuous.kernel_density(y, np.array([low - 1e-9, high + 1e-9]))[0] == 0
    assert continuous.kernel_density(np.full(9, 2.0), np.linspace(0, 4, 401)).max() > 10  # all values may be equal


def test_a_kernel_over_the_logs_is_a_density_of_the_values_without_bounds_at_1():
    y = np.exp(np.random.default_rng(4).exponential(1.0, 300))  # from 1, where logs are 0
    x = np.geomspace(1e-2, 1e4, 6001)
    density = continuous.kernel_density(y, x, log=True)
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-3)
    width = np.log(y).std(ddof=1) * 300**-0.2
    at_two = stats.norm.pdf(np.log(2.0), np.log(y), width).mean() / 2
    assert continuous.kernel_density(y, np.array([2.0]), log=True)[0] == pytest.approx(at_two, rel=1e-9)
    assert density[x < 1].max() > 0


def test_positive_data_of_two_orders_are_drawn_on_a_log_axis_unless_asked_otherwise():
    narrow, wide = np.array([1.0, 99.0]), np.array([1.0, 101.0])
    assert [continuous.is_log(y) for y in (narrow, wide, wide - 1)] == [False, True, False]
    assert continuous.is_log(narrow, "log")
    assert not continuous.is_log(wide, "linear")
    steps = np.diff(np.log(continuous.grid(wide, log=True)))
    np.testing.assert_allclose(steps, steps[0])


def test_the_grid_of_a_density_resolves_the_narrowest_component():
    # zeros beside a wide component: on 401 even steps over 40 the peak of 14 would be missed
    draws = {"theta": [[0.36, 0.64]], "mu": [[0.0, 6.0]], "sigma": [[0.01, 4.5]]}
    draws = {name: np.array(values) for name, values in draws.items()}
    x = continuous.resolving("normal", np.linspace(-3, 40, 401), draws, 1)
    height = mixture.densities("normal", points_at(x), draws).sum(axis=2).max()
    assert height == pytest.approx(0.36 / (0.01 * math.sqrt(2 * math.pi)), rel=0.02)
    assert x[0] == -3
    assert x[-1] == 40


def test_the_default_bandwidth_is_about_4_for_the_tutorial():
    assert continuous.bandwidth(TUTORIAL) == pytest.approx(3.9, abs=0.2)  # tutorial.md: 3.9 to 4.1
    assert continuous.bandwidth(TUTORIAL) == pytest.approx(stats.gaussian_kde(TUTORIAL).covariance[0, 0] ** 0.5)


def test_binned_kernel_densities_are_close_to_the_direct_sum():
    y = np.random.default_rng(2).normal(np.repeat([0, 6], [2000, 1000]), 1)
    assert len(y) > continuous.BINNED
    x = np.linspace(-4, 10, 40)
    width = continuous.bandwidth(y)
    exact = np.array(direct_sum(y, x, width))
    # moving points by at most half a bin moves a kernel by its second derivative times a twelfth of the bin squared
    step = np.ptp(y) / continuous.BINS
    bound = 3 * step * exact.max() / width / math.sqrt(len(y)) + step**2 / width**2
    assert np.abs(continuous.kernel_density(y, x) - exact).max() < bound
    assert np.trapezoid(
        continuous.kernel_density(y, np.linspace(-9, 15, 2001)), np.linspace(-9, 15, 2001)
    ) == pytest.approx(1, abs=1e-6)


def test_the_grid_covers_the_data_and_a_tenth_beyond():
    x = continuous.grid(np.array([3.0, 13.0, 5.0]), points=13)
    assert x.tolist() == [2.0 + i for i in range(13)]
    assert len(continuous.grid(np.array([3.0, 13.0]))) == 401


@pytest.mark.parametrize(("y", "lowest"), [([3.0, 13.0, 5.0], 2.0), ([0.5, 10.5], 0.05), ([1e-9, 1.0], 1e-10)])
def test_the_grid_of_positive_values_stays_above_0(y, lowest):
    x = continuous.grid(np.array(y), positive=True, points=13)
    assert x[0] == pytest.approx(lowest)
    assert x[-1] == pytest.approx(max(y) + 0.1 * (max(y) - min(y)))
    np.testing.assert_allclose(np.diff(x), (x[-1] - x[0]) / 12)


def test_bands_are_quantiles_at_each_point():
    curves = np.random.default_rng(3).permuted(np.arange(101.0)[:, None] * [1, 10, -1], axis=0)
    limits = predictive.band(curves)
    assert list(limits) == ["lower", "median", "upper"]
    np.testing.assert_allclose(limits["lower"], [5, 50, -95])
    np.testing.assert_allclose(limits["median"], [50, 500, -50])
    np.testing.assert_allclose(limits["upper"], [95, 950, -5])


def test_density_bands_hold_the_mixture_and_its_weighted_components():
    rng, x = np.random.default_rng(4), np.array([0.0, 2.0])
    draws = {
        "theta": rng.dirichlet([5, 5], 101),
        "mu": rng.normal([0, 3], 0.2, (101, 2)),
        "sigma": np.full((101, 2), 1.5),
    }
    found = predictive.part_bands(mixture.densities("normal", points_at(x), draws), ["1", "2"])
    assert list(found) == [
        f"{part}_{end}" for part in ("mixture", "component_1", "component_2") for end in ("lower", "median", "upper")
    ]
    each = np.array(
        [
            [t * stats.norm.pdf(x, m, 1.5) for t, m in zip(*pair, strict=True)]
            for pair in zip(draws["theta"], draws["mu"], strict=True)
        ]
    )
    curves = {"mixture": each[:, 0] + each[:, 1], "component_1": each[:, 0], "component_2": each[:, 1]}
    for part, values in curves.items():
        got = [found[f"{part}_{end}"] for end in ("lower", "median", "upper")]
        np.testing.assert_allclose(got, np.sort(values, axis=0)[[5, 50, 95]], rtol=1e-12)


@pytest.mark.parametrize("y", [[3.0, 1.0, 1.0, 2.0]])
def test_the_distribution_function_counts_what_is_at_most_x(y):
    assert predictive.ecdf(np.array(y), np.array([0.9, 1.0, 1.5, 2.0, 3.0, 4.0])).tolist() == [0, 0.5, 0.5, 0.75, 1, 1]


def curves_of(rng, count, n=60, points=41):
    x = np.linspace(-2.5, 2.5, points)
    return np.array([[(sample <= point).mean() for point in x] for sample in rng.normal(size=(count, n))])


def test_the_band_holds_95_in_100_replicated_curves_whole():
    replicated = curves_of(np.random.default_rng(5), 400)
    limits, _ = predictive.ecdf_band(replicated[0], replicated)
    inside = ((replicated >= limits["lower"]) & (replicated <= limits["upper"])).all(axis=1)
    assert 0.95 <= inside.mean() < 0.97
    np.testing.assert_allclose(limits["median"], np.median(replicated, axis=0))


def test_the_data_leave_the_band_when_their_p_value_is_below_5_percent_and_that_often():
    rng, left = np.random.default_rng(6), []
    for _ in range(300):
        curves = curves_of(rng, 101, n=25, points=15)
        limits, p_value = predictive.ecdf_band(curves[0], curves[1:])
        left.append(bool(((curves[0] < limits["lower"]) | (curves[0] > limits["upper"])).any()))
        assert left[-1] is (p_value < 0.05)
    assert np.mean(left) == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 300))


def test_the_p_value_of_a_curve_is_exact_when_it_is_one_of_them():
    rng = np.random.default_rng(7)
    p_values = []
    for _ in range(400):
        curves = curves_of(rng, 40, n=25, points=15)
        p_values.append(predictive.ecdf_band(curves[0], curves[1:])[1])
    p_values = np.array(p_values)
    for level in (0.05, 0.25, 0.5, 0.75):
        share, at_most = (p_values <= level).mean(), math.floor(41 * level) / 41
        assert share == pytest.approx(min(level, at_most), abs=4 * math.sqrt(level * (1 - level) / 400))
    assert p_values.min() >= 1 / 40


@pytest.mark.parametrize("points", [41, 401])
def test_a_curve_far_out_is_the_least_likely_of_all(points):
    # With 401 points a tenth of all curves are outermost somewhere, which must not make the farthest one likely.
    replicated = curves_of(np.random.default_rng(8), 200, points=points)
    x = np.linspace(-2.5, 2.5, points)
    shifted = stats.norm.cdf(x, 1.5)
    assert predictive.ecdf_band(shifted, replicated)[1] == pytest.approx(1 / 201)
    wider = stats.norm.cdf(x, 0, 3)
    assert predictive.ecdf_band(wider, replicated)[1] == pytest.approx(1 / 201)
    limits, p_value = predictive.ecdf_band(stats.norm.cdf(x), replicated)
    assert p_value > 0.5
    assert (limits["lower"] <= stats.norm.cdf(x)).all()
    assert (limits["upper"] >= stats.norm.cdf(x)).all()


TRUE = {
    "theta": np.array([[0.4, 0.25, 0.35]]),
    "mu": np.array([[9.0, 21.0, 35.0]]),
    "sigma": np.array([[2.0, 2.0, 2.0]]),
}
CLOSE = {"theta": np.array([[0.5, 0.5]]), "mu": np.array([[0.0, 1.0]]), "sigma": np.array([[1.0, 2.0]])}


def simulated(draws, n, rng):
    k = rng.choice(draws["theta"].shape[1], size=n, p=draws["theta"][0])
    return rng.normal(draws["mu"][0, k], draws["sigma"][0, k])


@pytest.mark.parametrize("draws", [TRUE, CLOSE], ids=["apart", "overlapping"])
def test_component_p_values_are_uniform_under_the_true_parameters(draws):
    rng = np.random.default_rng(9)
    found = [
        predictive.component_p_values("normal", points_at(simulated(draws, 40, rng)), draws, rng) for _ in range(400)
    ]
    for name in ("component_means", "component_spreads", "component_shapes"):
        values = [p[name] for p in found]
        assert stats.kstest(values, "uniform").pvalue > 0.001, name


@pytest.mark.parametrize("digits", [None, 0], ids=["exact", "rounded"])
def test_shapes_of_components_are_judged_at_their_level_and_see_a_skew_and_a_division(digits):
    draws = {"theta": [[0.5, 0.5]], "mu": [[0.0, 60.0]], "sigma": [[6.0, 6.0]]}
    draws = {name: np.array(values) for name, values in draws.items()}

    def share_below(sample, limit=0.05, times=100):
        rng = np.random.default_rng(3)
        found = []
        for _ in range(times):
            y = np.concatenate([sample(rng), 60 + sample(rng)])
            points = points_at(y if digits is None else np.round(y, digits))
            found.append(predictive.component_p_values("normal", points, draws, rng)["component_shapes"])
        return np.sum(np.array(found) < limit)

    assert stats.binomtest(int(share_below(lambda rng: rng.normal(1, 7, 100))), 100, 0.05, "greater").pvalue > 0.001
    assert share_below(lambda rng: 3 * rng.gamma(4, size=100) - 12) > 80
    assert share_below(lambda rng: rng.normal(rng.choice([-6, 6], 100), 3)) > 80


def test_an_empty_component_costs_no_degree_of_freedom():
    draws = {"theta": np.array([[0.999, 0.001]]), "mu": np.array([[0.0, 500.0]]), "sigma": np.ones((1, 2))}
    y = np.array([0.5, 1.0, -0.2, 0.9])
    found = predictive.component_p_values("normal", points_at(y), draws, np.random.default_rng(1))
    # one component of four points with mean 0.55: its square times 4 is chi-squared with 1 degree of freedom
    assert found["component_means"] == pytest.approx(math.erfc(math.sqrt(4 * 0.55**2 / 2)), rel=1e-9)
    upper = math.exp(-2.10 / 2) * (1 + 2.10 / 2)  # chi-squared with 4 degrees of freedom above 2.10, the sum of squares
    assert found["component_spreads"] == pytest.approx(2 * min(upper, 1 - upper), rel=1e-9)


@pytest.mark.parametrize(
    ("changed", "small", "large"),
    [
        ({"mu": [[10.0, 20.0, 35.0]]}, "component_means", None),
        ({"sigma": [[3.0, 3.0, 3.0]]}, "component_spreads", "component_means"),
        ({"sigma": [[1.3, 1.3, 1.3]]}, "component_spreads", None),
        ({"sigma": [[1.87, 1.87, 1.87]], "mu": [[8.87, 20.76, 34.94]]}, None, "component_means"),
    ],
    ids=["means of the model known", "too wide", "too narrow", "maximum likelihood"],
)
def test_wrong_parameters_are_found_out(changed, small, large):
    draws = {name: np.repeat(changed.get(name, values), 50, axis=0) for name, values in TRUE.items()}
    found = predictive.component_p_values("normal", points_at(TUTORIAL), draws, np.random.default_rng(2))
    if small:
        assert found[small] < 1e-4
    if large:
        assert found[large] > 0.3


def test_peaks_compare_the_spreads_at_the_maxima():
    x = np.linspace(0, 10, 101)
    density = np.exp(-((x - 2) ** 2)) + 0.5 * np.exp(-((x - 7) ** 2))
    rng = np.random.default_rng(3)
    keep, anew = rng.normal(0, 1, (2000, 101)), rng.normal(0, 6, (2000, 101))
    found = continuous.peaks(x, density, keep, anew)
    assert [peak["x"] for peak in found] == pytest.approx([2.0, 7.0])
    for peak in found:
        assert peak["sd_keep"] == pytest.approx(1, rel=4 / math.sqrt(4000))
        assert peak["sd_anew"] == pytest.approx(6, rel=4 / math.sqrt(4000))
        assert peak["ratio"] == pytest.approx(peak["sd_anew"] / peak["sd_keep"])
    i = 20
    mean = math.fsum(keep[:, i]) / 2000
    assert found[0]["sd_keep"] == pytest.approx(math.sqrt(math.fsum((keep[:, i] - mean) ** 2) / 1999))
    assert continuous.peaks(x, x, keep, anew) == []


# A component for each family, its values near 1 or, of counts, below 200 by far.
COMPONENT = {
    "normal": {"mu": 1.0, "sigma": 0.1},
    "student_t": {"mu": 1.0, "sigma": 0.1, "nu": 800.0},
    "lognormal": {"meanlog": 0.0, "sdlog": 0.1},
    "gamma": {"mean": 1.0, "cv": 0.1},
    "weibull": {"median": 1.0, "shape": 10.0},
    "skew_normal": {"mean": 1.0, "sd": 0.1, "slant": 2.0},
    "poisson": {"rate": 2.0},
    "negative_binomial": {"mean": 2.0, "dispersion": 0.3},
    "zero_inflated_poisson": {"rate": 2.0, "zero": 0.2},
    "zero_inflated_negative_binomial": {"mean": 2.0, "dispersion": 0.3, "zero": 0.2},
    "binomial": {"p": 0.01},
    "beta_binomial": {"p": 0.01, "dispersion": 0.02},
}
STEPS = {"exact": None, "rounded": 0.1}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("family", UNIVARIATE)
def test_p_values_within_components_are_numbers_whatever_the_family_and_the_outlier(family, step):
    rng, entry, values = np.random.default_rng(6), UNIVARIATE[family], COMPONENT[family]
    if entry.kind == "whole" and step is not None:
        return
    draws = {name: np.tile([value, value * 1.001], (40, 1)) for name, value in values.items()}
    draws["theta"] = np.full((40, 2), 0.5)
    y = entry.generate(rng, *(np.full(60, values[name]) for name in entry.of_component), size=200.0)
    if step is not None:
        y = step * np.round(y / step)
    fine = predictive.component_p_values(family, points_at(y, 200.0, step), draws, rng)
    assert min(fine.values()) > 0.01
    outlier = 1e6 if entry.kind == "continuous" else 200.0 if entry.takes == "trials" else 1e6
    far = predictive.component_p_values(family, points_at(np.append(y, outlier), 200.0, step), draws, rng)
    assert far["component_spreads"] < 1e-6
    assert far["component_means"] < 1e-3


@pytest.mark.parametrize("family", ["poisson", "zero_inflated_poisson", "beta_binomial", "rounded normal"])
def test_component_p_values_of_counts_and_rounded_values_are_uniform_under_the_true_parameters(family):
    rng, step = np.random.default_rng(15), None
    if family == "rounded normal":
        family, step = "normal", 1.0
        draws = {"mu": [[0.0, 2.5]], "sigma": [[0.8, 1.5]]}
    elif family == "beta_binomial":
        draws = {"p": [[0.2, 0.5]], "dispersion": [[0.2, 0.3]]}
    else:
        draws = {"rate": [[0.2, 0.8]], "zero": [[0.3, 0.3]]}  # an exposure of 8
    draws = {name: np.array(values) for name, values in (draws | {"theta": [[0.4, 0.6]]}).items()}
    found = []
    for _ in range(400):
        points = points_at(np.zeros(40), 8.0, step)
        members = mixture.draw_memberships(family, 40, draws, rng)
        y = mixture.replicate(family, points, members, draws, rng)[0]
        found.append(predictive.component_p_values(family, points_at(y, 8.0, step), draws, rng))
    for name in ("component_means", "component_spreads"):
        assert stats.kstest([p[name] for p in found], "uniform").pvalue > 0.001, name


def test_an_extra_zero_has_nothing_to_deviate_from():
    draws = {"theta": np.ones((60, 1)), "rate": np.full((60, 1), 9.0), "zero": np.full((60, 1), 0.5)}
    y = np.concatenate([np.zeros(200), stats.poisson(9).ppf((np.arange(80) + 0.5) / 80)])
    found = predictive.component_p_values("zero_inflated_poisson", points_at(y), draws, np.random.default_rng(1))
    alone = predictive.component_p_values("poisson", points_at(y[y > 0]), draws, np.random.default_rng(1))
    for name, p_value in found.items():
        assert p_value == pytest.approx(alone[name], abs=0.1)
        assert p_value > 0.2
    # as Poisson values so many zeros are impossible
    assert (
        predictive.component_p_values("poisson", points_at(y), draws, np.random.default_rng(1))["component_means"]
        < 1e-9
    )


def test_statistics_of_data_sets_by_hand():
    y = np.array([[3.0, 0.0, 0.0, 7.0, 5.0], [1.0, 1.0, 1.0, 1.0, 2.0]])
    found = predictive.statistics_of(y, discrete=True)
    assert list(found) == ["mean", "sd", "iqr", "minimum", "maximum", "zeros"]
    assert found["mean"].tolist() == [3.0, 1.2]
    np.testing.assert_allclose(found["sd"], [math.sqrt((0 + 9 + 9 + 16 + 4) / 4), math.sqrt(0.8 / 4)], rtol=1e-14)
    assert found["iqr"].tolist() == [5.0, 0.0]  # of 0, 0, 3, 5, 7 the second and fourth
    assert found["minimum"].tolist() == [0.0, 1.0]
    assert found["maximum"].tolist() == [7.0, 2.0]
    assert found["zeros"].tolist() == [0.4, 0.0]
    assert "zeros" not in predictive.statistics_of(y, discrete=False)
    assert predictive.statistics_of(y[0], discrete=True)["sd"] == found["sd"][0]


def test_places_lie_where_the_data_are_and_where_only_the_model_is():
    rng = np.random.default_rng(30)
    y = 1 + rng.pareto(1.5, 2000)  # even steps over its range would have three places below the median
    x = predictive.places(y, rng.normal(2, 3, (50, 2000)))
    assert 0.4 < (x < np.median(y)).sum() / predictive.PLACES < 1.1
    assert (x < y.min()).sum() > 50
    assert len(x) <= 2 * predictive.PLACES
    # between rounded values, where rounding cannot be seen; whole numbers are places themselves
    assert predictive.places(np.array([1.0, 1.0, 2.0, 4.0]), np.ones((2, 4))).tolist() == [1.5, 3.0]
    assert predictive.places(np.array([1.0, 1.0, 2.0, 4.0]), np.ones((2, 4)), whole=True).tolist() == [1.0, 2.0, 4.0]


def fitted_normal(y, rng, replicates=200):
    """Replicated data sets of a normal distribution under its usual posterior, and exact LOO-PITs."""
    n, mean, variance = len(y), y.mean(), y.var(ddof=1)
    sigma = np.sqrt((n - 1) * variance / rng.chisquare(n - 1, replicates))
    anew = rng.normal(rng.normal(mean, sigma / np.sqrt(n))[:, None], sigma[:, None], (replicates, n))
    centre = (y.sum() - y) / (n - 1)
    scale = np.sqrt(((y**2).sum() - y**2 - (n - 1) * centre**2) / (n - 2) * n / (n - 1))
    return anew, stats.t(n - 2).cdf((y - centre) / scale)


def test_the_shape_of_estimated_normal_data_is_judged_at_its_level_and_sees_a_skew():
    rng, times = np.random.default_rng(31), 100
    right = [predictive.shape_p_value([(y, fitted_normal(y, rng)[0])]) for y in rng.normal(5, 3, (times, 60))]
    assert np.mean(np.array(right) < 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)
    assert np.mean(right) == pytest.approx(0.5, abs=4 * 0.29 / math.sqrt(times))  # not only small ones are rare
    skewed = [predictive.shape_p_value([(y, fitted_normal(y, rng)[0])]) for y in rng.gamma(3, size=(25, 200))]
    assert np.mean(np.array(skewed) < 0.05) > 0.8


def test_loo_pits_are_judged_at_most_as_strictly_as_said():
    rng, times = np.random.default_rng(32), 300
    right = np.array([predictive.even_p_value([fitted_normal(y, rng, 2)[1]]) for y in rng.normal(size=(times, 60))])
    even = np.array([predictive.even_p_value(list(rng.random((2, 60)))) for _ in range(times)])
    for level in (0.01, 0.05):
        assert (right < level).mean() <= level
        assert (even < level).mean() <= level + 3.5 * math.sqrt(level / times)
    # of 2000 values none below 0.03: the smallest alone says so
    assert predictive.even_p_value([rng.uniform(0.03, 1, 2000)]) < 1e-6
    # values that are equal because they are rounded stand at their mean place
    assert predictive.even_p_value([np.repeat((np.arange(50) + 0.5) / 50, 6)]) == 0.5


def test_frequencies_are_compared_where_enough_are_expected():
    rng = np.random.default_rng(33)
    p_values = []
    for _ in range(300):
        counts = rng.multinomial(80, stats.poisson(2).pmf(np.arange(15)) / stats.poisson(2).cdf(14), size=100)
        p_values.append(predictive.frequencies_p_value(counts[0], counts[1:]))
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 300))
    spike = counts[0].copy()
    spike[1], spike[3] = 0, spike[3] + spike[1]
    assert predictive.frequencies_p_value(spike, counts[1:]) == pytest.approx(1 / 100)
    assert predictive.frequencies_p_value(np.array([3]), np.full((9, 1), 3)) == 1


def test_extremes_are_those_of_the_distribution_function():
    draws = {"theta": np.ones((3, 1)), "mu": np.zeros((3, 1)), "sigma": np.ones((3, 1))}
    y = np.array([-1.0, 0.5, 2.0, 4.5])
    found = predictive.extremes("normal", points_at(y), draws)
    assert found["above"] == pytest.approx(4 * stats.norm.sf(4.5), rel=1e-6)
    assert found["below"] == pytest.approx(4 * stats.norm.cdf(-1))
    assert found["p_value"] == pytest.approx(4 * (1 - stats.norm.cdf(4.5) ** 4), rel=1e-6)
    # 74 of 2492 expected below the smallest value
    y = np.full(2492, stats.norm.ppf(74 / 2492))
    y[1:] += np.random.default_rng(1).exponential(1, 2491)
    found = predictive.extremes("normal", points_at(y), draws)
    assert found["below"] == pytest.approx(74)
    assert found["p_value"] < 1e-30
    rates = {"theta": np.ones((1, 1)), "rate": np.ones((1, 1))}
    counts = predictive.extremes("poisson", points_at(np.zeros(9), 2.0), rates)
    assert counts["p_value"] == pytest.approx(min(1, 4 * math.exp(-2 * 9)))
    assert counts["above"] == pytest.approx(9 * (1 - math.exp(-2)))


def test_extremes_are_far_out_at_most_as_often_as_said():
    rng, times = np.random.default_rng(34), 400
    draws = {"theta": np.ones((1, 1)), "rate": np.full((1, 1), 3.0)}
    found = [predictive.extremes("poisson", points_at(y), draws)["p_value"] for y in rng.poisson(3, (times, 30)) + 0.0]
    assert np.mean(np.array(found) < 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)


def test_the_transform_of_even_samples_leaves_its_band_5_times_in_100():
    rng, times = np.random.default_rng(16), 150
    tables = [predictive.transform_table(rng.random(50), rng) for _ in range(times)]
    left = [((table["difference"] < table["lower"]) | (table["difference"] > table["upper"])).any() for table in tables]
    assert abs(np.mean(left) - 0.05) < 4 * math.sqrt(0.05 * 0.95 / times)


@pytest.mark.parametrize("name", ["shifted", "too narrow", "too wide"])
def test_the_transform_finds_a_wrong_model(name):
    y = np.random.default_rng(17).normal(size=300)
    lower = stats.norm(*{"shifted": (0.4, 1), "too narrow": (0, 0.7), "too wide": (0, 1.4)}[name]).cdf(y)
    table = predictive.transform_table(lower, np.random.default_rng(1))
    assert predictive.even_p_value([lower]) < 0.005
    # by hand: the share of the transform up to u, less u
    for u, difference in zip(table["u"], table["difference"], strict=True):
        assert difference == pytest.approx(sum(value <= u for value in lower) / 300 - u, abs=1e-12)
    np.testing.assert_allclose(table["u"], np.arange(1, 100) / 100)
    # a model that lies too high gives small probabilities, which rise too early; a narrow one too many at both ends
    early, late = table["difference"][10], table["difference"][89]
    assert {"shifted": early > 0.03, "too narrow": early > 0.03 and late < -0.03, "too wide": early < -0.03}[name]


def test_a_transform_between_two_ends_is_drawn_from_between_them():
    rng = np.random.default_rng(18)
    y = rng.poisson(0.7, 4000)  # of few values, so that without drawing the transform would have few steps
    ends = np.stack([stats.poisson(0.7).cdf(y - 1), stats.poisson(0.7).cdf(y)])
    assert predictive.even_p_value([predictive.drawn_between(ends, rng)]) > 0.01
    assert predictive.drawn_between(np.stack([ends[1], ends[1]]), rng).tolist() == ends[1].tolist()
