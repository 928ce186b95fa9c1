"""All predictive p-values of a fit together, and equal values among continuous ones."""

import numpy as np
import pytest
from scipy import stats
from textbook import points_at

from stanmix.expected import discrepancies
from stanmix.families.family import Points


def around(mu, sigma, total=50):
    """Draws of one normal component that are all the same."""
    return {"theta": np.ones((total, 1)), "mu": np.full((total, 1), mu), "sigma": np.full((total, 1), sigma)}


def test_a_spike_has_the_binomial_probability_of_the_interval_to_its_neighbours():
    y = np.array([-1.0, 0.0, 0.5, 0.5, 0.5, 0.7, 2.0])
    found = discrepancies.ties("normal", points_at(y), around(0.0, 1.0))
    inside = stats.norm.cdf(0.6) - stats.norm.cdf(0.25)
    assert found["p_value"] == pytest.approx(5 * stats.binom.sf(2, 7, inside))
    assert (found["value"], found["count"], found["column"]) == (0.5, 3, 0)
    assert found["expected"] == pytest.approx(7 * inside)


def test_without_equal_values_nothing_is_found():
    found = discrepancies.ties("normal", points_at(np.array([1.0, 2.0, 4.0])), around(2.0, 1.0))
    assert found == {"p_value": 1.0, "value": None, "count": None, "expected": None, "column": None}


@pytest.mark.parametrize("digits", [0, 1])
def test_rounding_is_no_spike_more_often_than_said_and_a_tenth_at_one_value_is(digits):
    rng, times = np.random.default_rng(digits), 200
    y = np.round(rng.normal(0, 1.5, (times, 200)), digits)
    p_values = [discrepancies.ties("normal", points_at(row), around(0.0, 1.5, 1))["p_value"] for row in y]
    for limit in (0.05, 0.01):
        assert stats.binomtest(int(np.sum(np.array(p_values) < limit)), times, limit, "greater").pvalue > 0.001
    spiked = np.where(rng.random((times, 200)) < 0.1, 1.53, rng.normal(0, 1.5, (times, 200)))
    found = [discrepancies.ties("normal", points_at(row), around(0.0, 1.5, 1))["p_value"] for row in spiked]
    assert np.mean(np.array(found) < 1e-4) > 0.9


def test_of_several_columns_it_is_the_one_with_the_spike():
    rng = np.random.default_rng(1)
    y = rng.normal(size=(100, 2))
    y[:12, 1] = 0.25
    draws = {"theta": np.ones((3, 1)), "mu": np.zeros((3, 1, 2)), "sigma": np.ones((3, 1, 2))}
    draws["correlation"] = np.broadcast_to(np.eye(2), (3, 1, 2, 2))
    found = discrepancies.ties("multivariate_normal", Points(y, np.ones(100)), draws)
    assert (found["value"], found["count"], found["column"]) == (0.25, 12, 1)
    assert found["p_value"] < 1e-6
