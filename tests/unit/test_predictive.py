"""Posterior predictive checks: densities by direct sums, p-values uniform under the model and tiny away from it."""

import math

import numpy as np
import pytest
from scipy import stats

from stanmix import predictive
from stanmix.families import FAMILIES

TUTORIAL = np.random.default_rng(1).normal(np.repeat([9, 21, 35], [90, 50, 75]), 2)


def direct_sum(y, x, width):
    return [math.fsum(stats.norm.pdf(point, y, width)) / len(y) for point in x]


@pytest.mark.parametrize("width", [None, 0.3, 2.0])
@pytest.mark.parametrize(
    "y", [TUTORIAL, np.array([0.0, 1.0]), np.array([5.0, 5.0, 5.0, 9.0])], ids=["215", "2", "ties"]
)
def test_kernel_density_is_the_mean_of_gaussian_kernels(y, width):
    x = np.linspace(y.min() - 1, y.max() + 1, 13)
    used = y.std(ddof=1) * len(y) ** (-1 / 5) if width is None else width
    np.testing.assert_allclose(predictive.kernel_density(y, x, width), direct_sum(y, x, used), rtol=1e-9)


def test_the_default_bandwidth_is_about_4_for_the_tutorial():
    assert predictive.bandwidth(TUTORIAL) == pytest.approx(3.9, abs=0.2)  # tutorial.md: 3.9 to 4.1
    assert predictive.bandwidth(TUTORIAL) == pytest.approx(stats.gaussian_kde(TUTORIAL).covariance[0, 0] ** 0.5)


def test_binned_kernel_densities_are_close_to_the_direct_sum():
    y = np.random.default_rng(2).normal(np.repeat([0, 6], [2000, 1000]), 1)
    assert len(y) > predictive.BINNED
    x = np.linspace(-4, 10, 40)
    width = predictive.bandwidth(y)
    exact = np.array(direct_sum(y, x, width))
    # moving points by at most half a bin moves a kernel by its second derivative times a twelfth of the bin squared
    step = np.ptp(y) / predictive.BINS
    bound = 3 * step * exact.max() / width / math.sqrt(len(y)) + step**2 / width**2
    assert np.abs(predictive.kernel_density(y, x) - exact).max() < bound
    assert np.trapezoid(
        predictive.kernel_density(y, np.linspace(-9, 15, 2001)), np.linspace(-9, 15, 2001)
    ) == pytest.approx(1, abs=1e-6)


def test_the_grid_covers_the_data_and_a_tenth_beyond():
    x = predictive.grid(np.array([3.0, 13.0, 5.0]), points=13)
    assert x.tolist() == [2.0 + i for i in range(13)]
    assert len(predictive.grid(np.array([3.0, 13.0]))) == 401


@pytest.mark.parametrize(("y", "lowest"), [([3.0, 13.0, 5.0], 2.0), ([0.5, 10.5], 0.05), ([1e-9, 1.0], 1e-10)])
def test_the_grid_of_positive_values_stays_above_0(y, lowest):
    x = predictive.grid(np.array(y), positive=True, points=13)
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
    whole, parts = predictive.density_bands("normal", x, draws)
    each = np.array(
        [
            [t * stats.norm.pdf(x, m, 1.5) for t, m in zip(*pair, strict=True)]
            for pair in zip(draws["theta"], draws["mu"], strict=True)
        ]
    )
    for got, curves in ((whole, each[:, 0] + each[:, 1]), (parts[0], each[:, 0]), (parts[1], each[:, 1])):
        ordered = np.sort(curves, axis=0)
        np.testing.assert_allclose([got["lower"], got["median"], got["upper"]], ordered[[5, 50, 95]], rtol=1e-12)


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
    found = [predictive.component_p_values("normal", simulated(draws, 40, rng), draws, rng) for _ in range(400)]
    for name in ("component_means", "component_spreads"):
        values = [p[name] for p in found]
        assert stats.kstest(values, "uniform").pvalue > 0.001, name


def test_an_empty_component_costs_no_degree_of_freedom():
    draws = {"theta": np.array([[0.999, 0.001]]), "mu": np.array([[0.0, 500.0]]), "sigma": np.ones((1, 2))}
    y = np.array([0.5, 1.0, -0.2, 0.9])
    found = predictive.component_p_values("normal", y, draws, np.random.default_rng(1))
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
    found = predictive.component_p_values("normal", TUTORIAL, draws, np.random.default_rng(2))
    if small:
        assert found[small] < 1e-4
    if large:
        assert found[large] > 0.3


def test_peaks_compare_the_spreads_at_the_maxima():
    x = np.linspace(0, 10, 101)
    density = np.exp(-((x - 2) ** 2)) + 0.5 * np.exp(-((x - 7) ** 2))
    rng = np.random.default_rng(3)
    keep, anew = rng.normal(0, 1, (2000, 101)), rng.normal(0, 6, (2000, 101))
    found = predictive.peaks(x, density, keep, anew)
    assert [peak["x"] for peak in found] == pytest.approx([2.0, 7.0])
    for peak in found:
        assert peak["sd_keep"] == pytest.approx(1, rel=4 / math.sqrt(4000))
        assert peak["sd_anew"] == pytest.approx(6, rel=4 / math.sqrt(4000))
        assert peak["ratio"] == pytest.approx(peak["sd_anew"] / peak["sd_keep"])
    i = 20
    mean = math.fsum(keep[:, i]) / 2000
    assert found[0]["sd_keep"] == pytest.approx(math.sqrt(math.fsum((keep[:, i] - mean) ** 2) / 1999))
    assert predictive.peaks(x, x, keep, anew) == []


# A component near 1 for each family, and how far away no value of it lies.
NEAR_1 = {
    "normal": {"mu": 1.0, "sigma": 0.1},
    "student_t": {"mu": 1.0, "sigma": 0.1, "nu": 800.0},
    "lognormal": {"meanlog": 0.0, "sdlog": 0.1},
    "gamma": {"mean": 1.0, "cv": 0.1},
    "skew_normal": {"mean": 1.0, "sd": 0.1, "slant": 2.0},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_p_values_within_components_are_numbers_whatever_the_family_and_the_outlier(family):
    rng = np.random.default_rng(6)
    draws = {name: np.tile([value, value * 1.001], (40, 1)) for name, value in NEAR_1[family].items()}
    draws["theta"] = np.full((40, 2), 0.5)
    y = FAMILIES[family].generate(rng, *(np.full(60, value) for value in NEAR_1[family].values()))
    fine = predictive.component_p_values(family, y, draws, rng)
    assert min(fine.values()) > 0.01
    far = predictive.component_p_values(family, np.append(y, 1e6), draws, rng)
    assert far["component_spreads"] < 1e-6
    assert far["component_means"] < 1e-3
