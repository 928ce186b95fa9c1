"""What is computed per observation after sampling, against enumeration, plain loops and known frequencies."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats
from textbook import points_at

from stanmix.model import mixture

Y = np.array([-1.0, 0.3, 2.2, 5.0])
DRAWS = {
    "theta": np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]]),
    "mu": np.array([[-1.0, 1.0, 4.0], [-2.0, 0.5, 3.0], [0.0, 0.1, 6.0]]),
    "sigma": np.array([[1.0, 0.5, 2.0], [0.7, 0.7, 0.7], [1.5, 3.0, 0.2]]),
}


def density(value, mu, sigma):
    return math.exp(-((value - mu) ** 2) / (2 * sigma**2)) / math.sqrt(2 * math.pi * sigma**2)


def joint(labels, draw):
    """The density of all observations and their labels, which is what the membership is summed out of."""
    return math.prod(
        DRAWS["theta"][draw, k] * density(value, DRAWS["mu"][draw, k], DRAWS["sigma"][draw, k])
        for value, k in zip(Y, labels, strict=True)
    )


def test_membership_equals_the_enumeration_of_all_labellings():
    expected = np.zeros((4, 3))
    for draw in range(3):
        every = {labels: joint(labels, draw) for labels in itertools.product(range(3), repeat=4)}
        total = math.fsum(every.values())
        for labels, weight in every.items():
            for n, k in enumerate(labels):
                expected[n, k] += weight / total / 3
    np.testing.assert_allclose(mixture.membership("normal", points_at(Y), DRAWS), expected, rtol=1e-12)


def test_log_likelihood_sums_the_enumeration_and_is_marginal():
    found = mixture.log_likelihood("normal", points_at(Y), DRAWS)
    assert found.shape == (3, 4)
    for draw in range(3):
        total = math.fsum(joint(labels, draw) for labels in itertools.product(range(3), repeat=4))
        assert found[draw].sum() == pytest.approx(math.log(total), rel=1e-12)
        for n, value in enumerate(Y):
            parts = [
                DRAWS["theta"][draw, k] * density(value, DRAWS["mu"][draw, k], DRAWS["sigma"][draw, k])
                for k in range(3)
            ]
            assert found[draw, n] == pytest.approx(math.log(math.fsum(parts)), rel=1e-12)


def test_a_million_sds_away_nothing_is_lost():
    draws = {"theta": np.array([[0.5, 0.5]]), "mu": np.array([[0.0, 1.0]]), "sigma": np.array([[1.0, 1.0]])}
    y = np.array([-1e6, 1e6])
    expected = [-0.5 * 1e12 - 0.5 * math.log(2 * math.pi) + math.log(0.5), -0.5 * (1e6 - 1) ** 2 - 1.612]
    np.testing.assert_allclose(mixture.log_likelihood("normal", points_at(y), draws)[0], expected, rtol=1e-12)
    assert mixture.membership("normal", points_at(y), draws).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert mixture.sample_memberships("normal", points_at(y), draws, np.random.default_rng(1)).tolist() == [[0, 1]]


def test_a_weight_of_0_is_no_component():
    draws = {"theta": np.array([[0.0, 1.0]] * 50), "mu": np.array([[0.0, 1.0]] * 50), "sigma": np.ones((50, 2))}
    y = np.linspace(-3, 3, 7)
    assert mixture.membership("normal", points_at(y), draws).tolist() == [[0.0, 1.0]] * 7
    np.testing.assert_allclose(
        mixture.log_likelihood("normal", points_at(y), draws)[0], stats.norm.logpdf(y, 1), rtol=1e-12
    )
    assert mixture.densities("normal", points_at(y), draws)[:, :, 0].max() == 0
    rng = np.random.default_rng(1)
    assert mixture.sample_memberships("normal", points_at(y), draws, rng).min() == 1
    assert mixture.draw_memberships("normal", 1000, draws, rng).min() == 1
    last = {"theta": np.array([[1.0, 0.0]] * 50)}
    assert mixture.draw_memberships("normal", 1000, last, rng).max() == 0


@pytest.mark.parametrize("chunk", [1, 9, 10, 27, 40])
def test_chunks_change_nothing(chunk, monkeypatch):
    functions = (mixture.log_likelihood, mixture.membership, lambda *given: mixture.tails(*given)[0])
    y = np.linspace(-4, 8, 23)
    whole = [function("normal", points_at(y), DRAWS) for function in functions]
    assert len(mixture.chunks(points_at(y), DRAWS)) == 1
    monkeypatch.setattr(mixture, "CHUNK", chunk)
    parts = mixture.chunks(points_at(y), DRAWS)
    assert len(parts) > 1
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(23))
    # draws x components x observations stays within the limit, unless one observation is already more
    assert max(part.stop - part.start for part in parts) * 9 <= max(chunk, 9)
    for function, expected in zip(functions, whole, strict=True):
        np.testing.assert_array_equal(function("normal", points_at(y), DRAWS), expected)
    far = mixture.sample_memberships(
        "normal", points_at(np.repeat([-50.0, 50.0], 12)), DRAWS | {"sigma": np.ones((3, 3))}, np.random.default_rng(1)
    )
    assert far.tolist() == [[0] * 12 + [2] * 12] * 3


def one(theta, mu, sigma, times):
    return {
        name: np.repeat([values], times, axis=0) for name, values in (("theta", theta), ("mu", mu), ("sigma", sigma))
    }


THETA, MU, SIGMA = [0.15, 0.25, 0.6], [0.0, 1.0, 3.0], [1.0, 2.0, 0.5]


def test_sampled_memberships_have_the_frequencies_of_the_responsibilities():
    draws, y = one(THETA, MU, SIGMA, 20000), np.array([-0.5, 1.2, 2.4])
    found = mixture.sample_memberships("normal", points_at(y), draws, np.random.default_rng(3))
    assert found.shape == (20000, 3)
    for n, value in enumerate(y):
        weights = np.array([t * density(value, m, s) for t, m, s in zip(THETA, MU, SIGMA, strict=True)])
        counts = np.bincount(found[:, n], minlength=3)
        assert stats.chisquare(counts, 20000 * weights / weights.sum()).pvalue > 0.001
    # independent between observations
    table = [[np.sum((found[:, 0] == i) & (found[:, 1] == j)) for j in range(2)] for i in range(2)]
    assert stats.chi2_contingency(table).pvalue > 0.001


def test_new_memberships_have_the_frequencies_of_the_weights():
    found = mixture.draw_memberships("normal", 50, one(THETA, MU, SIGMA, 400), np.random.default_rng(4))
    assert found.shape == (400, 50)
    assert stats.chisquare(np.bincount(found.ravel(), minlength=3), 20000 * np.array(THETA)).pvalue > 0.001
    # each draw of the parameters has weights of its own
    own = mixture.draw_memberships("normal", 4000, {"theta": DRAWS["theta"]}, np.random.default_rng(5))
    for row, theta in zip(own, DRAWS["theta"], strict=True):
        assert stats.chisquare(np.bincount(row, minlength=3), 4000 * theta).pvalue > 0.001
    assert (
        mixture.draw_memberships("normal", 7, {"theta": np.ones((2, 1))}, np.random.default_rng(1)).tolist()
        == [[0] * 7] * 2
    )


def test_replicated_data_come_from_their_components_and_draws():
    memberships = np.tile(np.repeat([0, 1, 2], 3000), (3, 1))
    found = mixture.replicate("normal", points_at(np.zeros(9000)), memberships, DRAWS, np.random.default_rng(6))
    for draw in range(3):
        for k in range(3):
            values = found[draw, memberships[draw] == k]
            scores = (values - DRAWS["mu"][draw, k]) / DRAWS["sigma"][draw, k]
            assert stats.kstest(scores, "norm").pvalue > 0.001
    again = mixture.replicate("normal", points_at(np.zeros(9000)), memberships, DRAWS, np.random.default_rng(6))
    assert again.tobytes() == found.tobytes()


def test_replicates_of_new_units_follow_the_mixture():
    draws, rng = one(THETA, MU, SIGMA, 100), np.random.default_rng(7)
    members = mixture.draw_memberships("normal", 200, draws, rng)
    y = mixture.replicate("normal", points_at(np.zeros(200)), members, draws, rng).ravel()

    def cdf(x):
        return sum(t * stats.norm.cdf(x, m, s) for t, m, s in zip(THETA, MU, SIGMA, strict=True))

    assert stats.kstest(y, cdf).pvalue > 0.001


def test_densities_integrate_to_the_weights():
    for draw in range(3):
        for k in range(3):

            def curve(x, draw=draw, k=k):
                return mixture.densities("normal", points_at(np.array([x])), DRAWS)[draw, 0, k]

            mu, sigma = DRAWS["mu"][draw, k], DRAWS["sigma"][draw, k]
            total = integrate.quad(curve, mu - 9 * sigma, mu + 9 * sigma)[0]
            assert total == pytest.approx(DRAWS["theta"][draw, k], rel=1e-9)


def test_thinned_draws_are_evenly_spaced_and_stay_together():
    draws = {"theta": np.arange(1000.0)[:, None], "mu": -np.arange(1000.0)[:, None]}
    kept = mixture.thinned(draws, 10)
    assert kept["theta"][:, 0].tolist() == [0, 111, 222, 333, 444, 555, 666, 777, 888, 999]
    assert (kept["mu"] == -kept["theta"]).all()
    assert len(mixture.thinned(draws, 5000)["theta"]) == 1000
