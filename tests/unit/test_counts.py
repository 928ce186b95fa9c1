"""Families of counts against textbook sums, extra zeros, and what the exposure and the trials do to them."""

import functools
import math
import time

import numpy as np
import pytest
from scipy import stats
from textbook import points_at

from stanmix.families import counted
from stanmix.families.family import WHOLE
from stanmix.families.registry import FAMILIES
from stanmix.model import mixture

COUNTS = {name: family for name, family in FAMILIES.items() if family.kind == WHOLE}


@functools.cache
def rising(start, step, most):
    """Logs of start (start + step) (start + 2 step) ... of 0 to `most` factors: exact however small the step is."""
    return np.append(0, np.cumsum(np.log(start + step * np.arange(most))))


def log_rising(start, step, times):
    return rising(start, step, 1000 * math.ceil(times / 1000))[times]


def log_poisson(y, rate, size):
    return y * math.log(rate * size) - rate * size - math.lgamma(y + 1)


def log_negative_binomial(y, mean, dispersion, size):
    """A Poisson variable whose rate is gamma with the coefficient of variation `dispersion`."""
    square, mean = dispersion**2, mean * size
    rising = log_rising(1, square, y)
    return rising + y * math.log(mean) - math.lgamma(y + 1) - (y + 1 / square) * math.log1p(square * mean)


def log_binomial(y, p, size):
    return math.log(math.comb(int(size), y)) + y * math.log(p) + (size - y) * math.log1p(-p)


def log_beta_binomial(y, p, dispersion, size):
    """Draws from an urn that begins with the share p and gets `dispersion`^2 more of each colour drawn."""
    square, size = dispersion**2, int(size)
    drawn = log_rising(p, square, y) + log_rising(1 - p, square, size - y)
    return math.log(math.comb(size, y)) + drawn - log_rising(1, square, size)


LOG = {
    "poisson": log_poisson,
    "negative_binomial": log_negative_binomial,
    "binomial": log_binomial,
    "beta_binomial": log_beta_binomial,
}
# Parameters and size: usual ones first, then those near the ends of what is possible.
POINTS = {
    "poisson": [((2.5,), 1.0), ((0.3,), 0.1), ((40.0,), 2.5), ((3000.0,), 1.0)],
    "negative_binomial": [
        ((2.5, 0.7), 1.0), ((0.3, 2.0), 0.5), ((40.0, 0.05), 2.5), ((8.0, 1e-4), 1.0), ((150.0, 1.2), 1.0),
    ],
    "binomial": [((0.3,), 12.0), ((0.001,), 40.0), ((0.97,), 7.0), ((0.5,), 1.0), ((0.2,), 900.0)],
    "beta_binomial": [
        ((0.3, 0.5), 12.0), ((0.02, 0.2), 40.0), ((0.9, 3.0), 7.0), ((0.4, 1e-4), 30.0), ((0.5, 0.8), 1.0),
        ((0.01, 0.02), 200.0), ((0.2, 0.3), 900.0),
    ],
}  # fmt: skip
ALL = [(name, *point) for name, points in POINTS.items() for point in points]


def grid(name, parameters, size):
    """All counts that matter, and more."""
    if FAMILIES[name].takes == "trials":
        return np.arange(size + 1)
    return np.arange(60.0 + 3 * parameters[0] * size * (1 + 12 * (parameters[1] if len(parameters) > 1 else 0)) // 1)


def reference(name, parameters, size):
    """Grid, log probabilities, and the probabilities below a count, with it and above it, summed from their ends."""
    y = grid(name, parameters, size)
    logs = np.array([LOG[name](int(value), *parameters, size) for value in y])
    mass = np.exp(logs)
    return y, logs, np.cumsum(mass), np.append(np.cumsum(mass[::-1])[::-1][1:], 0.0)


def test_every_family_of_counts_stands_here():
    assert set(POINTS) == {name for name in COUNTS if not COUNTS[name].zero}
    assert {name for name in COUNTS if COUNTS[name].zero} == {
        "zero_inflated_poisson",
        "zero_inflated_negative_binomial",
    }
    numbers = {name: family.number for name, family in COUNTS.items()}
    assert numbers == {
        "poisson": 6, "negative_binomial": 7, "zero_inflated_poisson": 6, "zero_inflated_negative_binomial": 7,
        "binomial": 8, "beta_binomial": 9,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "size"), ALL)
def test_log_probabilities_equal_the_textbook_far_into_the_tails(name, parameters, size):
    y, expected, _, _ = reference(name, parameters, size)
    found = FAMILIES[name].logpdf(y, *parameters, size=size)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=2e-6 if 1e-4 in parameters else 1e-9)
    assert expected.min() < (-0.5 if size == 1 and FAMILIES[name].takes == "trials" else -5)


@pytest.mark.parametrize(("name", "parameters", "size"), ALL)
def test_tails_and_moments_are_sums_of_the_probabilities(name, parameters, size):
    family = FAMILIES[name]
    y, logs, with_it, _ = reference(name, parameters, size)
    assert with_it[-1] == pytest.approx(1, abs=1e-9)  # the grid holds everything
    lower, upper = family.tails(y, *parameters, size=size)
    rtol = 1e-6 if 1e-4 in parameters else 1e-8
    np.testing.assert_allclose(upper, with_it, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(lower, np.append(0, with_it[:-1]), rtol=rtol, atol=1e-12)
    mean, variance = family.moments(*parameters, size=size)
    mass = np.exp(logs)
    assert mean == pytest.approx(mass @ y, rel=1e-7)
    assert variance == pytest.approx(mass @ (y - mass @ y) ** 2, rel=1e-5)
    if name == "negative_binomial":  # what the dispersion means: m + (dispersion m)^2
        m = parameters[0] * size
        assert (mean, variance) == pytest.approx((m, m + (parameters[1] * m) ** 2))


@pytest.mark.parametrize(("name", "parameters", "size"), ALL)
def test_scores_are_exact_in_both_tails(name, parameters, size):
    family, rng = FAMILIES[name], np.random.default_rng(1)
    y, logs, with_it, above = reference(name, parameters, size)
    if FAMILIES[name].takes != "trials":
        y = y[: 2 * len(y) // 3]  # the sum of the upper tail ends with the grid
    found = family.score(y, *parameters, size=size, rng=rng)
    assert np.isfinite(found).all()
    before = np.append(0, with_it[:-1])
    slack, farthest = 1e-6, 37.5
    # a point of the step of the distribution function, so that a score lies between the quantiles of its ends
    for value, score in zip(y.astype(int), found, strict=True):
        if above[value] + math.exp(logs[value]) < 0.5:  # the upper tail, in which 1 - cdf would be nothing but error
            low, high = stats.norm.isf(above[value] + math.exp(logs[value])), stats.norm.isf(above[value])
        else:
            low, high = stats.norm.ppf(before[value]), stats.norm.ppf(with_it[value])
        assert score >= (-np.inf if low < -farthest else min(low, farthest)) - slack, value
        assert score <= (np.inf if high > farthest else max(high, -farthest)) + slack, value


@pytest.mark.parametrize(("name", "parameters", "size"), ALL)
def test_the_generator_and_the_score_are_those_of_the_distribution(name, parameters, size):
    family, n = FAMILIES[name], 20_000
    y = family.generate(np.random.default_rng(3), *(np.full(n, value) for value in parameters), size=size)
    assert y.shape == (n,)
    assert y.dtype == float
    assert (y == np.floor(y)).all()
    _, logs, _, _ = reference(name, parameters, size)
    expected = n * np.exp(logs)
    observed = np.bincount(y.astype(int), minlength=len(expected))[: len(expected)]
    assert observed.sum() >= n - 5
    # neighbours are put together until a group holds enough for the chi-squared distribution
    group = np.minimum((np.cumsum(expected) / max(expected.sum() / 60, 8)).astype(int), 59)
    observed, expected = np.bincount(group, observed), np.bincount(group, expected)
    keep = expected > 4
    if keep.sum() > 1:
        ratio = observed[keep].sum() / expected[keep].sum()
        assert stats.chisquare(observed[keep], ratio * expected[keep]).pvalue > 0.001
    score = family.score(y[:4000], *parameters, size=size, rng=np.random.default_rng(4))
    assert stats.kstest(score, "norm").pvalue > 0.001


@pytest.mark.parametrize("name", ["negative_binomial", "beta_binomial"])
def test_without_dispersion_they_are_poisson_and_binomial(name):
    other = {"negative_binomial": "poisson", "beta_binomial": "binomial"}[name]
    y = np.arange(21.0)
    for dispersion, near in ((1e-2, 0.05), (1e-3, 5e-4), (1e-4, 5e-6)):
        found = FAMILIES[name].logpdf(y, 0.4, dispersion, size=20)
        np.testing.assert_allclose(found, FAMILIES[other].logpdf(y, 0.4, size=20), atol=near)


def test_parameters_and_sizes_broadcast_against_counts():
    for name, ((parameters, size), *_) in POINTS.items():
        y, several = np.array([0.0, 1.0, 4.0]), [np.array([value, value * 1.1]) for value in parameters]
        sizes = np.array([size, size + 1, size + 3])
        found = FAMILIES[name].logpdf(y[:, None], *several, size=sizes[:, None])
        assert found.shape == (3, 2)
        for i in range(3):
            expected = LOG[name](int(y[i]), *(value * 1.1 for value in parameters), sizes[i])
            assert found[i, 1] == pytest.approx(expected, rel=1e-10)
        lower, upper = FAMILIES[name].tails(y[:, None], *several, size=sizes[:, None])
        np.testing.assert_allclose(upper - lower, np.exp(found), rtol=1e-8)
        assert FAMILIES[name].score(y[:, None], *several, size=sizes[:, None], rng=np.random.default_rng(1)).shape == (
            3,
            2,
        )


def test_the_probabilities_of_many_counts_of_many_trials_are_computed_in_time():
    # A cell of draws x observations must cost nanoseconds, not the microseconds of a loop in Python.
    rng = np.random.default_rng(1)
    p, dispersion = rng.beta(2, 8, (2000, 1, 2)), np.full((2000, 1, 2), 0.3)
    y = np.arange(60.0)[None, :, None]
    begin = time.process_time()
    lower, upper = FAMILIES["beta_binomial"].tails(y, p, dispersion, size=60.0)
    assert time.process_time() - begin < 2.5  # of 240000 cells; SciPy's own takes ten times as long
    mass = np.exp(FAMILIES["beta_binomial"].logpdf(y, p, dispersion, size=60.0))
    np.testing.assert_allclose(upper - lower, mass, rtol=1e-7, atol=1e-13)


ZERO = {
    "zero_inflated_poisson": {"rate": np.array([[0.5, 3.0]])},
    "zero_inflated_negative_binomial": {"mean": np.array([[0.5, 3.0]]), "dispersion": np.array([[0.6, 0.6]])},
}


@pytest.mark.parametrize("name", ZERO)
def test_extra_zeros_own_a_share_of_the_zeros_and_nothing_else(name):
    theta, weight = np.array([[0.3, 0.7]]), 0.2
    draws = ZERO[name] | {"theta": theta, "zero": np.full((1, 2), weight)}
    y = np.array([0.0, 1.0, 0.0, 7.0])
    size = np.array([1.0, 1.0, 2.5, 1.0])
    found = mixture.membership(name, points_at(y, size), draws)
    assert mixture.parts(name, 2) == ["1", "2", "zero"]
    assert found.shape == (4, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-14)
    assert (found[y > 0, 2] == 0).all()  # exactly
    plain = name.removeprefix("zero_inflated_")
    parameters = [values[0] for values in ZERO[name].values()]
    for n, (value, one) in enumerate(zip(y.astype(int), size, strict=True)):
        each = [t * math.exp(LOG[plain](value, *p, one)) for t, *p in zip(theta[0], *parameters, strict=True)]
        zero = weight if value == 0 else 0.0
        total = zero + (1 - weight) * math.fsum(each)
        assert found[n, 2] == pytest.approx(zero / total, rel=1e-12)
        for k in range(2):
            assert found[n, k] == pytest.approx((1 - weight) * each[k] / total, rel=1e-12)
        log_likelihood = mixture.log_likelihood(name, points_at([value], one), draws)
        assert log_likelihood[0, 0] == pytest.approx(math.log(total), rel=1e-12)
    # the distribution function jumps by the extra zeros at 0
    lower, upper = mixture.tails(name, points_at([0.0, 1.0, 200.0]), draws)
    np.testing.assert_allclose(lower[0, 0], 0, atol=1e-15)
    np.testing.assert_allclose(upper[0, 0], lower[0, 1], rtol=1e-14)
    zero_mass = weight + (1 - weight) * math.fsum(
        t * math.exp(LOG[plain](0, *p, 1.0)) for t, *p in zip(theta[0], *parameters, strict=True)
    )
    assert upper[0, 0] == pytest.approx(zero_mass, rel=1e-12)
    assert upper[0, 2] == pytest.approx(1, abs=1e-9)


def test_a_weight_of_extra_zeros_of_almost_0_or_1_gives_numbers():
    y = points_at([0.0, 3.0])
    for weight in (1e-300, 1 - 1e-16):
        draws = {"theta": np.ones((1, 1)), "rate": np.full((1, 1), 2.0), "zero": np.full((1, 1), weight)}
        found = mixture.membership("zero_inflated_poisson", y, draws)
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-14)
        assert found[1].tolist() == [1, 0]


def test_parts_are_drawn_with_their_weights_and_extra_zeros_are_zeros():
    times, weight, theta = 4000, 0.25, [0.4, 0.6]
    draws = {"theta": np.tile(theta, (times, 1)), "rate": np.tile([5.0, 50.0], (times, 1))}
    draws["zero"] = np.full((times, 2), weight)
    rng = np.random.default_rng(5)
    members = mixture.draw_memberships("zero_inflated_poisson", 5, draws, rng)
    expected = np.array([0.75 * 0.4, 0.75 * 0.6, 0.25]) * members.size
    assert stats.chisquare(np.bincount(members.ravel(), minlength=3), expected).pvalue > 0.001
    y = mixture.replicate("zero_inflated_poisson", points_at(np.ones(5), [1, 1, 1, 2, 2]), members, draws, rng)
    assert (y[members == 2] == 0).all()
    for k, rate in enumerate((5.0, 50.0)):
        for size, columns in ((1, slice(0, 3)), (2, slice(3, 5))):  # the exposure of the observation
            values = y[:, columns][members[:, columns] == k]
            assert values.mean() == pytest.approx(rate * size, abs=4 * math.sqrt(rate * size / len(values)))
    # given that the observations are positive, none is an extra zero
    assert mixture.sample_memberships("zero_inflated_poisson", points_at(np.full(5, 20.0)), draws, rng).max() == 1
    shares = mixture.sample_memberships("zero_inflated_poisson", points_at(np.zeros(5)), draws, rng)
    zeros = 0.25 / (0.25 + 0.75 * (0.4 * math.exp(-5) + 0.6 * math.exp(-50)))
    share = (shares == 2).mean()
    assert share == pytest.approx(zeros, abs=4 * math.sqrt(zeros * (1 - zeros) / shares.size))


@pytest.mark.parametrize(("name", "size"), [("poisson", 1.0), ("binomial", 9.0), ("zero_inflated_poisson", 2.0)])
def test_probabilities_of_a_mixture_of_counts_add_to_1(name, size):
    rng = np.random.default_rng(6)
    draws = {"theta": rng.dirichlet([2, 3, 4], 5), "zero": np.full((5, 3), 0.1)}
    draws |= {"rate": rng.uniform(0.5, 9, (5, 3)), "p": rng.random((5, 3))}
    y = np.arange(size + 1) if name == "binomial" else np.arange(120.0)
    mass = mixture.densities(name, points_at(y, size), draws)
    assert mass.shape == (5, len(y), 4 if FAMILIES[name].zero else 3)
    np.testing.assert_allclose(mass.sum(axis=(1, 2)), 1, rtol=1e-12)
    _, upper = mixture.tails(name, points_at(y, size), draws)
    np.testing.assert_allclose(np.cumsum(mass.sum(axis=2), axis=1), upper, rtol=1e-10)


@pytest.mark.parametrize("a", [1e-8, 0.3, 19.9, 20.1, 4e5])
def test_logs_of_rising_factorials_are_sums_of_logs(a):
    n = np.array([0, 1, 2, 19, 20, 21, 700])
    expected = [np.log1p(np.arange(times) / a).sum() for times in n]
    np.testing.assert_allclose(counted.log_rising(a, n), expected, rtol=1e-12, atol=1e-11)
    several = counted.log_rising(np.array([[a], [7.0], [50.0]]), n)  # small and large ones beside each other
    np.testing.assert_allclose(several[0], expected, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("name", ["binomial", "beta_binomial", "poisson", "negative_binomial"])
def test_counts_that_cannot_be_have_no_probability(name):
    parameters, size = POINTS[name][0]
    impossible = [-1.0, -3.0] + ([size + 1, size + 4] if FAMILIES[name].takes == "trials" else [])
    assert (FAMILIES[name].logpdf(np.array(impossible), *parameters, size=size) == -np.inf).all()
    lower, upper = FAMILIES[name].tails(np.array(impossible), *parameters, size=size)
    np.testing.assert_array_equal(lower, [0, 0, 1, 1][: len(impossible)])
    np.testing.assert_array_equal(upper, lower)


def test_a_share_that_was_rounded_to_its_end_gives_numbers():
    for p in (0.0, 1.0):
        for name in ("binomial", "beta_binomial"):
            found = FAMILIES[name].logpdf(np.array([0.0, 3.0, 7.0]), p, *([0.3] if name != "binomial" else []), size=7)
            assert np.isfinite(found).all()
            assert found[0 if p == 0 else 2] == pytest.approx(0, abs=1e-12)
