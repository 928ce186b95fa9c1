"""Tables of whole numbers: groups, frequencies and expected ones, by counting and by direct enumeration."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats
from textbook import points_at, specified

from stanmix.expected import whole
from stanmix.families.family import Points
from stanmix.model import mixture


@pytest.mark.parametrize(
    ("y", "beyond", "first", "step"),
    [
        ([0, 3, 5], 0.0, range(6), 1),
        ([2, 3, 5], 0.0, range(6), 1),  # from 0, which is not far away
        ([10, 12, 13], 0.0, range(10, 14), 1),  # from the lowest, as 0 is farther than the data are wide
        ([0, 3, 5], 0.6, range(9), 1),  # three more above
        ([0, 99], 0.0, range(100), 1),
        ([0, 100], 0.0, range(0, 101, 2), 2),
        ([0, 999], 0.0, range(0, 1000, 10), 10),
        ([0, 1000], 0.0, range(0, 1001, 11), 11),
        ([5_000_000, 5_000_001], 0.0, range(5_000_000, 5_000_002), 1),
        ([0, 10**12], 0.0, None, 10**10 + 1),
        ([7, 7], 0.6, [7], 1),
    ],
)
def test_groups_are_equal_hold_all_and_are_at_most_100(y, beyond, first, step):
    found, width = whole.bins(np.array(y, float), beyond)
    assert width == step
    assert len(found) <= whole.MOST_BARS
    assert found[0] <= min(y)
    assert found[-1] + width > max(y) + beyond * (max(y) - min(y)) - 1
    assert set(np.diff(found)) <= {width}
    if first is not None:
        assert found.tolist() == list(first)


@pytest.mark.parametrize("step", [1, 3])
def test_frequencies_are_counted(step):
    rng = np.random.default_rng(1)
    y = rng.poisson(6, (5, 200)).astype(float)
    first = np.arange(2, 15, step)
    found = whole.frequencies(y, first, step)
    assert found.shape == (5, len(first))
    for row, values in zip(found, y, strict=True):
        counted = Counter(values.astype(int).tolist())
        assert row.tolist() == [sum(counted[value + i] for i in range(step)) for value in first.tolist()]
    assert (whole.frequencies(y[0], first, step) == found[0]).all()
    # none outside is put into an end
    assert whole.frequencies(np.array([-5.0, 100.0]), first, step).sum() == 0
    everything, width = whole.bins(y)
    assert (whole.frequencies(y, everything, width).sum(axis=1) == 200).all()


DRAWS = {
    "theta": np.array([[0.3, 0.7], [0.5, 0.5]]),
    "rate": np.array([[1.0, 6.0], [2.0, 4.0]]),
    "zero": np.array([[0.25, 0.25], [0.1, 0.1]]),
    "p": np.array([[0.1, 0.6], [0.3, 0.4]]),
}


@pytest.mark.parametrize("step", [1, 4])
def test_expected_frequencies_of_a_mixture_of_exposures_are_enumerated(step):
    size = np.array([0.5, 0.5, 2.0, 3.0, 0.5])
    first = np.arange(0, 24, step)
    found = whole.expected("zero_inflated_poisson", first, step, size, DRAWS)
    assert found.shape == (2, len(first), 3)
    for s in range(2):
        for m, low in enumerate(first.tolist()):
            inside = range(low, low + step)
            for k in range(2):
                masses = [stats.poisson(DRAWS["rate"][s, k] * one).pmf(value) for one in size for value in inside]
                weight = (1 - DRAWS["zero"][s, 0]) * DRAWS["theta"][s, k]
                assert found[s, m, k] == pytest.approx(weight * math.fsum(masses), rel=1e-9, abs=1e-12)
            assert found[s, m, 2] == pytest.approx(5 * DRAWS["zero"][s, 0] if low == 0 else 0, abs=1e-12)
    # over all places every observation is expected once
    everything = whole.expected("zero_inflated_poisson", np.arange(200), 1, size, DRAWS)
    np.testing.assert_allclose(everything.sum(axis=(1, 2)), 5, rtol=1e-12)


def test_expected_frequencies_of_shares_stop_at_the_trials():
    size = np.array([4.0, 4.0, 9.0])
    found = whole.expected("binomial", np.arange(12), 1, size, DRAWS)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 3, rtol=1e-12)
    assert found[:, 10:].max() == pytest.approx(0, abs=1e-15)
    expected = 2 * stats.binom(4, 0.6).pmf(4) + stats.binom(9, 0.6).pmf(4)
    assert found[0, 4, 1] == pytest.approx(0.7 * expected, rel=1e-10)
    # an order of the observations makes no difference
    again = whole.expected("binomial", np.arange(12), 1, size[::-1], DRAWS)
    np.testing.assert_array_equal(found, again)


def test_expected_frequencies_of_very_many_exposures_are_averaged_over_some():
    size = np.random.default_rng(2).gamma(3, 1, 2000)
    assert len(np.unique(size)) > whole.MOST_SIZES
    found = whole.expected("poisson", np.arange(12), 1, size, DRAWS).sum(axis=2)
    each = mixture.densities("poisson", points_at(np.tile(np.arange(12.0), 2000), np.repeat(size, 12)), DRAWS)
    exact = each.sum(axis=2).reshape(2, 2000, 12).sum(axis=1)
    np.testing.assert_allclose(found, exact, rtol=0.01)


def predicted(size, y, family="zero_inflated_poisson"):
    rng = np.random.default_rng(3)
    draws = {name: np.repeat(values, 50, axis=0) for name, values in DRAWS.items()}
    points = points_at(y, size)
    members = mixture.draw_memberships(family, len(y), draws, rng)
    anew = mixture.replicate(family, points, members, draws, rng)
    specification = specified(family=family, kind="whole")
    tables, facts = whole.predict(specification, points, draws, draws, anew, anew, np.arange(100), draws)
    tables["ecdf"], p_values = whole.distribution(specification, points, anew)
    return tables, facts, p_values, anew


@pytest.mark.parametrize("same", [True, False])
def test_the_tables_of_a_fit_to_counts(same):
    rng = np.random.default_rng(4)
    size = np.full(80, 2.0) if same else rng.choice([1.0, 2.0], 80)
    y = np.where(rng.random(80) < 0.2, 0, rng.poisson(size * rng.choice([1.5, 5.0], 80))).astype(float)
    tables, facts, p_values, anew = predicted(size, y)
    density = tables["density"]
    assert density["observed"].sum() == 80
    assert [name for name in density if name.endswith("_median")] == [
        *("mixture_median", "component_1_median", "component_2_median", "component_zero_median")
    ]
    assert (density["mixture_lower"] <= density["mixture_median"]).all()
    assert density["component_zero_median"][1:].max() == 0
    replicates = tables["replicates"]
    for place, value in enumerate(density["x"]):
        counted = np.sort((anew == value).sum(axis=1))
        assert replicates["median"][place] == pytest.approx(np.median(counted))
    outside = (replicates["observed"] < replicates["lower"]) | (replicates["observed"] > replicates["upper"])
    assert facts["outside"] == outside.sum()
    assert facts["same_size"] is same
    # where exposures differ the membership is no function of the count alone
    assert len(tables["memberships_by_value"]["x"]) == (len(density["x"]) if same else 0)
    ecdf = tables["ecdf"]
    assert ecdf["observed"][-1] == 1
    assert ecdf["observed"].tolist() == pytest.approx([(y <= x).mean() for x in ecdf["x"]])
    assert list(p_values) == ["ecdf", "frequencies"]
    assert 0.01 < min(p_values.values()) <= max(p_values.values()) <= 1
    prior = tables["prior"]
    assert prior["observed"].sum() == pytest.approx(1)
    curves = [name for name in prior if name.startswith("curve_")]
    assert len(curves) == whole.PRIOR_DRAWN
    assert max(prior[name].sum() for name in curves) <= 1 + 1e-9


def test_counts_of_another_distribution_leave_the_band():
    *_, p_values, _ = predicted(np.full(80, 2.0), np.random.default_rng(5).poisson(30, 80).astype(float))
    assert max(p_values.values()) < 0.02


def test_successes_of_trials_that_differ_are_shown_as_shares():
    size = np.array([4.0, 10.0, 10.0, 3.0])
    points = Points(np.array([1.0, 3.0, 10.0, 1.0]), size, of_trials=True)
    seen, per = whole.shown(points.y, points)
    assert (seen.tolist(), per) == ([25, 30, 100, 33], 100)
    small = Points(np.array([1.0, 3.0]), np.array([400.0, 1000.0]), of_trials=True)
    assert whole.shown(small.y, small)[1] == 10_000
    for other in (Points(points.y, size), Points(points.y, np.full(4, 10.0), of_trials=True)):
        assert whole.shown(other.y, other)[1] is None
        assert whole.shown(other.y, other)[0].tolist() == points.y.tolist()


@pytest.mark.parametrize("family", ["binomial", "beta_binomial"])
def test_expected_shares_are_enumerated(family):
    draws = DRAWS | {"dispersion": np.full((2, 2), 0.3)}
    size = np.array([4.0, 10.0, 10.0, 3.0])
    first = np.arange(0, 101, 5)
    found = whole.expected(family, first, 5, size, draws, per=100)
    assert found.sum(axis=(1, 2)) == pytest.approx([4, 4])
    for place, low in enumerate(first.tolist()):
        masses = 0.0
        for n in (4, 10, 10, 3):
            p = DRAWS["p"][0, 0]
            one = stats.binom(n, p) if family == "binomial" else stats.betabinom(n, p / 0.09, (1 - p) / 0.09)
            masses += sum(one.pmf(k) for k in range(n + 1) if low <= math.floor(100 * k / n + 1e-9) < low + 5)
        assert found[0, place, 0] == pytest.approx(DRAWS["theta"][0, 0] * masses, rel=1e-9, abs=1e-12)
