"""Rounded values: the probability of an interval against integrals of the density, in the centre and far out."""

import itertools
import math
import time

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import logsumexp
from textbook import UNIVARIATE, log_density, points_at

from stanmix.families.family import CONTINUOUS, Points
from stanmix.families.registry import FAMILIES
from stanmix.model import mixture

# Parameters, the centre and the spread of each family: usual ones first, then those near the ends of what is possible.
COMPONENTS = {
    "normal": [((3.0, 1.7), 3.0, 1.7)],
    "student_t": [((3.0, 1.7, 9.0), 3.0, 1.7), ((0.0, 1.0, 1.5), 0.0, 1.0), ((0.0, 1.0, 300.0), 0.0, 1.0)],
    "lognormal": [((1.0, 0.5), math.e, 1.4), ((0.0, 1.5), 1.0, 1.5)],
    "gamma": [((3.0, 0.4), 3.0, 1.2), ((3.0, 1.4), 3.0, 4.2), ((100.0, 0.05), 100.0, 5.0), ((50.0, 0.02), 50.0, 1.0)],
    "weibull": [((3.0, 2.0), 3.0, 1.7), ((3.0, 0.8), 3.0, 5.5), ((100.0, 3.0), 100.0, 35.0)],
    "skew_normal": [
        ((3.0, 1.7, 4.0), 3.0, 1.7), ((0.0, 2.0, -1.5), 0.0, 2.0), ((1.0, 1.0, 0.0), 1.0, 1.0),
        ((-5.0, 0.3, 40.0), -5.0, 0.3),
    ],
}  # fmt: skip
ALL = [(name, *component) for name, components in COMPONENTS.items() for component in components]
AWAY = np.array([-30, -20, -10, -6, -4, -2, -1, 0, 1, 2, 4, 6, 10, 20, 30])  # spreads from the centre


def log_integral(name, parameters, low, high):
    """Log of the integral of the textbook density, however small it is."""
    if not FAMILIES[name].positive:
        places = np.linspace(low, high, 201)[1:-1]
        most = max(log_density(x, name, *parameters) for x in places)

        def density(x):
            return math.exp(log_density(x, name, *parameters) - most)

        return most + math.log(integrate.quad(density, low, high, limit=400, epsabs=0, epsrel=1e-11)[0])
    # on the scale of the logs, on which both families fall off on both sides
    low, high = math.log(low) if low > 0 else math.log(high) - 60, math.log(high)

    def log_of(t):
        return log_density(math.exp(t), name, *parameters) + t

    most = max(log_of(t) for t in np.linspace(low, high, 401)[1:])
    found = integrate.quad(lambda t: math.exp(log_of(t) - most), low, high, limit=400, epsabs=0, epsrel=1e-11)[0]
    return most + math.log(found)


def test_every_continuous_family_stands_here():
    assert set(COMPONENTS) == {name for name, family in UNIVARIATE.items() if family.kind == CONTINUOUS}


@pytest.mark.parametrize("share", [0.01, 0.5, 3.0])
@pytest.mark.parametrize(("name", "parameters", "centre", "spread"), ALL)
def test_probabilities_of_intervals_are_integrals_of_the_density_far_into_both_tails(
    name, parameters, centre, spread, share
):
    step = share * spread
    y = np.unique(np.round((centre + AWAY * spread) / step) * step)
    y = y[y >= step] if FAMILIES[name].positive else y
    found = FAMILIES[name].logpdf(y, *parameters, step=step)
    assert np.isfinite(found).all()
    assert len(y) > 3
    expected = [log_integral(name, parameters, value - step / 2, value + step / 2) for value in y]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("name", "parameters", "centre", "spread"), ALL)
def test_probabilities_of_all_intervals_add_to_1(name, parameters, centre, spread):
    for step in (spread / 5, spread, 7 * spread):
        if name == "student_t":  # whose tails go on
            y = step * np.arange(-4000, 4001) + round(centre / step) * step
            rest = stats.t(parameters[2], *parameters[:2]).sf(y[-1] + step / 2)
            rest += stats.t(parameters[2], *parameters[:2]).cdf(y[0] - step / 2)
        else:
            far = 40 + 60 * (name == "lognormal") * parameters[1] ** 3
            y = np.arange(round((centre - far * spread) / step), round((centre + far * spread) / step) + 1) * step
            y, rest = y[y >= 0] if FAMILIES[name].positive else y, 0.0
        found = np.exp(FAMILIES[name].logpdf(y, *parameters, step=step))
        assert math.fsum(found) + rest == pytest.approx(1, abs=2e-4 if parameters == (0.0, 1.5) else 1e-9)


@pytest.mark.parametrize(("name", "parameters", "centre", "spread"), ALL)
def test_fine_rounding_gives_the_density_times_the_step_and_coarse_rounding_everything(
    name, parameters, centre, spread
):
    step = 1e-4 * spread
    y = centre + spread * np.array([-0.5, 0.0, 1.0])
    density = FAMILIES[name].logpdf(y, *parameters)
    np.testing.assert_allclose(FAMILIES[name].logpdf(y, *parameters, step=step) - math.log(step), density, atol=1e-6)
    wide = 1e7 * spread
    found = FAMILIES[name].logpdf(np.array([0.0, 3 * wide]), *parameters, step=wide)
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert -np.inf < found[1] < -15


def test_a_positive_value_that_was_rounded_to_0_stands_for_what_lies_below_half_a_step():
    assert FAMILIES["lognormal"].logpdf(np.zeros(1), 1.0, 0.5, step=2.0)[0] == pytest.approx(
        stats.norm.logcdf(math.log(1.0), 1, 0.5)
    )
    assert FAMILIES["gamma"].logpdf(np.zeros(1), 3.0, 1.0, step=2.0)[0] == pytest.approx(math.log(-math.expm1(-1 / 3)))
    # on the scale of the logs it stands at a quarter of a step
    assert Points(np.array([0.0, 4.0]), np.ones(2), 2.0).logs.tolist() == [math.log(0.5), math.log(4)]


@pytest.mark.parametrize(("name", "parameters", "centre", "spread"), ALL)
def test_tails_of_rounded_values_are_those_of_their_ends(name, parameters, centre, spread):
    step = 0.5 * spread
    y = centre + spread * np.array([-1.0, 0.0, 0.5, 2.0])
    y = y[y > step / 2] if FAMILIES[name].positive else y
    lower, upper = FAMILIES[name].tails(y, *parameters, step=step)
    np.testing.assert_allclose(upper - lower, np.exp(FAMILIES[name].logpdf(y, *parameters, step=step)), atol=1e-12)
    at, same = FAMILIES[name].tails(y + step / 2, *parameters)
    np.testing.assert_allclose(at, upper, rtol=1e-14)
    assert at is same


@pytest.mark.parametrize(("name", "parameters", "centre", "spread"), ALL)
def test_scores_of_rounded_values_are_standard_normal_under_the_family(name, parameters, centre, spread):
    family, n, step = FAMILIES[name], 4000, 0.8 * spread
    rng = np.random.default_rng(9)
    y = step * np.round(family.generate(rng, *(np.full(n, value) for value in parameters)) / step)
    scores = family.score(y, *parameters, step=step, rng=rng)
    assert stats.kstest(scores, "norm").pvalue > 0.001
    # a score lies between those of the ends of the value
    low, high = (family.score(np.maximum(y + side * step / 2, 1e-300) if family.positive else y + side * step / 2,
                              *parameters) for side in (-1, 1))  # fmt: skip
    assert (scores >= low - 1e-7).all()
    assert (scores <= high + 1e-7).all()


@pytest.mark.parametrize("slant", [-30.0, -1.5, 0.0, 0.7, 8.0])
def test_tails_of_skew_normal_components_are_exact_and_computed_in_time(slant):
    # by quadrature of the density, which is log-concave, in both tails
    mean, sd, family = 0.0, 1.0, FAMILIES["skew_normal"]
    distribution = family.distribution(mean, sd, slant, 1.0)
    for y in (-9.0, -3.0, -1.2, -0.3, 0.4, 2.0, 8.0):
        steps = np.array([0, 0.02, 0.2, 2, 20])  # away from y, each with an integral of its own
        if y < 1:
            ends = itertools.pairwise(y - steps)
            below = logsumexp([log_integral("skew_normal", (mean, sd, slant), low, high) for high, low in ends])
            assert distribution.logcdf(y) == pytest.approx(below, rel=1e-8, abs=1e-8)
            assert distribution.cdf(y) == pytest.approx(math.exp(below), abs=1e-13)
        if y > -1:
            ends = itertools.pairwise(y + steps)
            above = logsumexp([log_integral("skew_normal", (mean, sd, slant), low, high) for low, high in ends])
            assert distribution.logsf(y) == pytest.approx(above, rel=1e-8, abs=1e-8)
    # SciPy's own take half a millisecond in the light tail, so that PIT values would take minutes
    rng = np.random.default_rng(1)
    draws = {
        "mean": rng.normal([-10, 0, 10], 0.1, (1000, 3)),
        "sd": np.ones((1000, 3)),
        "theta": np.full((1000, 3), 1 / 3),
    }
    begin = time.process_time()
    lower, upper = mixture.tails(
        "skew_normal", points_at(np.linspace(-12, 12, 80)), draws | {"slant": np.full((1000, 3), slant)}
    )
    assert time.process_time() - begin < 3  # of 240000 cells
    assert (lower == upper).all()
    assert (np.diff(lower, axis=1) >= -1e-15).all()


def test_memberships_and_replicates_of_rounded_values():
    draws = {"theta": np.array([[0.3, 0.7]] * 3000), "mu": np.array([[0.0, 3.0]] * 3000), "sigma": np.ones((3000, 2))}
    points = points_at([-1.0, 1.5, 4.0], step=2.5)
    found = mixture.membership("normal", points, draws)
    for row, value in zip(found, points.y, strict=True):
        each = [
            t * (stats.norm.cdf(value + 1.25, m) - stats.norm.cdf(value - 1.25, m)) for t, m in ((0.3, 0), (0.7, 3))
        ]
        np.testing.assert_allclose(row, np.array(each) / sum(each), rtol=1e-12)
    # replicated values lie where rounding puts them
    rng = np.random.default_rng(2)
    members = mixture.draw_memberships("normal", 3, draws, rng)
    y = mixture.replicate("normal", points, members, draws, rng)
    np.testing.assert_allclose((y + 1.0) / 2.5, np.round((y + 1.0) / 2.5), atol=1e-12)
    values, counts = np.unique(np.round((y + 1.0) / 2.5), return_counts=True)
    expected = [
        0.3 * np.diff(stats.norm.cdf(2.5 * k - 1 + np.array([-1.25, 1.25])))[0]
        + 0.7 * np.diff(stats.norm.cdf(2.5 * k - 1 + np.array([-1.25, 1.25]), 3))[0]
        for k in values
    ]
    keep = np.array(expected) * y.size > 8
    ratio = counts[keep].sum() / np.array(expected)[keep].sum()
    assert stats.chisquare(counts[keep], ratio * np.array(expected)[keep]).pvalue > 0.001
