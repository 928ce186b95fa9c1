"""Relabelling against all permutations on small draws, and the probability of exchanged labels where it is known."""

import itertools
import math

import numpy as np
import pytest

from stanmix.labels import relabelling


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


def posterior(count, m, means, rng, spread=0.3):
    """Responsibilities of draws around given means, sd 1, all labels the same: (S, m, K), and the drawn means."""
    means = np.asarray(means, float)
    y = np.repeat(means, -(-m // len(means)))[:m] + rng.normal(size=m)
    mu = means + spread * rng.normal(size=(count, len(means)))
    density = np.exp(-((y[:, None] - mu[:, None, :]) ** 2) / 2)
    return density / density.sum(axis=2, keepdims=True), mu


def identity(count, components):
    return np.tile(np.arange(components), (count, 1))


def shuffled(count, components, rng):
    return np.argsort(rng.random((count, components)), axis=1)


def permuted(responsibilities, permutations):
    """By plain loops, so that the convention itself is tested."""
    result = np.empty_like(responsibilities)
    for s, permutation in enumerate(permutations):
        for k, source in enumerate(permutation):
            result[s, :, k] = responsibilities[s, :, source]
    return result


def divergence(responsibilities, reference):
    """Kullback-Leibler divergence of one draw from a reference, by its definition."""
    return sum(r * math.log(r / q) for r, q in zip(responsibilities.ravel(), reference.ravel(), strict=True) if r > 0)


def total_divergence(responsibilities, permutations):
    relabelled = permuted(responsibilities, permutations)
    mean = relabelled.mean(axis=0)
    return sum(divergence(draw, mean) for draw in relabelled)


def is_common(permutations):
    """Whether all draws have the same permutation."""
    return (permutations == permutations[0]).all()


def composed(first, then):
    """The one permutation that stands for two in turn, of each draw."""
    return np.take_along_axis(first, then, axis=1)


def test_apply_and_reference_follow_the_convention(rng):
    responsibilities = rng.dirichlet(np.ones(4), size=(7, 5))
    permutations = shuffled(7, 4, rng)
    expected = permuted(responsibilities, permutations)
    of_components = responsibilities.transpose(0, 2, 1)
    draws = relabelling.apply(permutations, {"mu": responsibilities[:, 0], "matrix": of_components})
    np.testing.assert_array_equal(draws["mu"], expected[:, 0])
    np.testing.assert_array_equal(draws["matrix"], expected.transpose(0, 2, 1))
    np.testing.assert_allclose(relabelling.reference(responsibilities, permutations), expected.mean(axis=0))


@pytest.mark.parametrize("seed", range(5))
def test_no_draw_alone_improves_on_stephens(seed):
    rng = np.random.default_rng(seed)
    responsibilities = rng.dirichlet(np.full(4, 0.3), size=(40, 6))
    permutations, reference = relabelling.stephens(responsibilities)
    np.testing.assert_allclose(reference, permuted(responsibilities, permutations).mean(axis=0))
    for draw, permutation in zip(responsibilities, permutations, strict=True):
        attained = divergence(draw[:, permutation], reference)
        best = min(divergence(draw[:, list(other)], reference) for other in itertools.permutations(range(4)))
        assert attained == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_stephens_finds_the_least_divergence_of_all_permutations_of_all_draws(seed):
    rng = np.random.default_rng(seed)
    responsibilities = permuted(posterior(5, 9, [0, 2, 4], rng, 0.4)[0], shuffled(5, 3, rng))
    permutations, _ = relabelling.stephens(responsibilities)
    every = itertools.product(itertools.permutations(range(3)), repeat=4)
    # One permutation common to all draws changes nothing, so the first draw may keep its labels.
    least = min(total_divergence(responsibilities, [(0, 1, 2), *others]) for others in every)
    assert total_divergence(responsibilities, permutations) == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize("components", [2, 3, 5, 8])
def test_stephens_undoes_a_random_permutation_of_every_draw(components, rng):
    responsibilities, _ = posterior(300, 20 * components, 4 * np.arange(components), rng)
    scrambling = shuffled(300, components, rng)
    assert not is_common(scrambling)
    permutations, _ = relabelling.stephens(permuted(responsibilities, scrambling))
    assert is_common(composed(scrambling, permutations))


def test_stephens_leaves_labels_alone_that_agree(rng):
    responsibilities, _ = posterior(50, 60, [0, 5, 10], rng)
    permutations, reference = relabelling.stephens(responsibilities)
    np.testing.assert_array_equal(permutations, identity(50, 3))
    np.testing.assert_allclose(reference, responsibilities.mean(axis=0))


def test_stephens_is_not_held_by_labels_exchanged_in_exactly_half_the_draws(rng):
    one = posterior(1, 40, [0, 4], rng)[0]
    responsibilities = np.concatenate([one, one[:, :, ::-1]] * 10)
    permutations, reference = relabelling.stephens(responsibilities)
    assert is_common(permuted(responsibilities, permutations).argmax(axis=2))
    assert total_divergence(responsibilities, permutations) == pytest.approx(0, abs=1e-9)
    assert reference.max() > 0.9


def test_a_draw_with_an_empty_component_does_not_hold_stephens_either():
    one = posterior(1, 40, [0, 4], np.random.default_rng(3))[0][:, :20]
    one = np.concatenate([one, one[:, :, ::-1]], axis=1)
    empty = np.tile([1.0, 0.0], (2, 40, 1))
    responsibilities = np.concatenate([empty, *[one, one[:, :, ::-1]] * 10])
    permutations, _ = relabelling.stephens(responsibilities)
    assert is_common(permuted(responsibilities, permutations)[2:].argmax(axis=2))


def test_stephens_keeps_labels_that_only_rounding_tells_apart(rng):
    two, _ = posterior(40, 30, [0, 5], rng)
    halves = np.concatenate([two[:, :, :1] / 2, two[:, :, :1] / 2, two[:, :, 1:]], axis=2)
    halves[:, :, :2] *= 1 + 1e-15 * rng.integers(-3, 4, size=(40, 30, 2))
    np.testing.assert_array_equal(relabelling.stephens(halves)[0], identity(40, 3))


def test_stephens_starts_from_the_labels_as_they_are(rng):
    responsibilities = permuted(posterior(40, 30, [0, 4], rng)[0], np.repeat([[0, 1], [1, 0]], [25, 15], axis=0))
    permutations, _ = relabelling.stephens(responsibilities)
    np.testing.assert_array_equal(permutations, np.repeat([[0, 1], [1, 0]], [25, 15], axis=0))


def test_stephens_ends_after_the_most_steps(rng):
    responsibilities = rng.dirichlet(np.ones(3), size=(60, 30))
    first, last = (relabelling.stephens(responsibilities, most)[0] for most in (1, 100))
    assert total_divergence(responsibilities, first) > total_divergence(responsibilities, last) + 1e-6
    assert total_divergence(responsibilities, first) < total_divergence(responsibilities, identity(60, 3))


def test_responsibilities_of_exactly_0_and_1_are_no_obstacle(rng):
    responsibilities = np.eye(3)[rng.integers(3, size=30)][None].repeat(20, axis=0)
    scrambling = shuffled(20, 3, rng)
    permutations, reference = relabelling.stephens(permuted(responsibilities, scrambling))
    assert is_common(composed(scrambling, permutations))
    assert set(np.unique(reference)) == {0.0, 1.0}


def test_relabelling_does_not_depend_on_the_labels(rng):
    responsibilities, _ = posterior(80, 50, [0, 1.5, 4], rng, 0.4)
    scrambled = permuted(responsibilities, shuffled(80, 3, rng))
    results = [permuted(draws, relabelling.stephens(draws)[0]) for draws in (responsibilities, scrambled)]
    # Only the names of the components may differ, so those are given by how much each owns.
    first, second = (result[:, :, np.argsort(result.mean(axis=(0, 1)))] for result in results)
    np.testing.assert_allclose(first, second)


def test_weights_stand_for_repeated_observations(rng):
    responsibilities = rng.dirichlet(np.ones(3), size=(30, 12))
    weights = rng.integers(1, 6, size=12)
    repeated = np.repeat(responsibilities, weights, axis=1)
    permutations, reference = relabelling.stephens(responsibilities, weights=weights)
    np.testing.assert_array_equal(permutations, relabelling.stephens(repeated)[0])
    assert (permutations != relabelling.stephens(responsibilities)[0]).any()
    assert relabelling._typical(responsibilities, weights) == relabelling._typical(repeated, None)
    np.testing.assert_allclose(
        relabelling.swap_probabilities(responsibilities, reference, weights),
        relabelling.swap_probabilities(repeated, np.repeat(reference, weights, axis=0)),
    )


def test_components_are_named_in_the_order_of_the_means(rng):
    responsibilities, mu = posterior(100, 40, [8, 0, 4], rng)
    scrambling = shuffled(100, 3, rng)
    responsibilities, mu = permuted(responsibilities, scrambling), np.take_along_axis(mu, scrambling, axis=1)
    permutations, _ = relabelling.stephens(responsibilities)
    named = relabelling.named_by(mu, permutations)
    assert (np.diff(relabelling.apply(named, {"mu": mu})["mu"].mean(axis=0)) > 3).all()
    # Still the same relabelling: the same change of names in all draws.
    assert is_common(np.take_along_axis(np.argsort(permutations, axis=1), named, axis=1))


def test_swap_probabilities_equal_the_formula(rng):
    allocations, reference = rng.integers(3, size=(6, 4)), rng.dirichlet(np.ones(3), size=4)
    result = relabelling.swap_probabilities(np.eye(3)[allocations], reference)
    for a, b in itertools.combinations(range(3), 2):
        tau = {a: b, b: a} | {3 - a - b: 3 - a - b}
        each = []
        for z in allocations:
            kept, exchanged = (math.prod(reference[i, f(k)] for i, k in enumerate(z)) for f in (lambda k: k, tau.get))
            each.append(exchanged / (kept + exchanged))
        assert result[a, b] == pytest.approx(np.mean(each))
    np.testing.assert_array_equal(result, result.T)
    np.testing.assert_array_equal(np.diag(result), 0)


@pytest.mark.parametrize("allocated", [False, True])
def test_components_well_apart_are_not_exchanged(allocated, rng):
    responsibilities, _ = posterior(200, 90, [0, 5, 10], rng)
    draws = np.eye(3)[responsibilities.argmax(axis=2)] if allocated else responsibilities
    assert relabelling.swap_probabilities(draws, responsibilities.mean(axis=0)).max() < 1e-6


@pytest.mark.parametrize("allocated", [False, True])
def test_two_components_that_coincide_are_exchanged_half_the_time(allocated):
    rng = np.random.default_rng(1)
    two, _ = posterior(400, 90, [0, 8], rng)
    share = rng.random((400, 1, 1))
    responsibilities = np.concatenate([two[:, :, :1] * share, two[:, :, :1] * (1 - share), two[:, :, 1:]], axis=2)
    noise = rng.gumbel(size=responsibilities.shape)
    draws = np.eye(3)[(np.log(responsibilities) + noise).argmax(axis=2)] if allocated else responsibilities
    result = relabelling.swap_probabilities(draws, responsibilities.mean(axis=0))
    assert result[0, 1] == pytest.approx(0.5, abs=0.06)
    # Constant and equal, they are exchanged exactly half the time; the third never is.
    halves = np.concatenate([two[:, :, :1] / 2, two[:, :, :1] / 2, two[:, :, 1:]], axis=2)
    assert relabelling.swap_probabilities(halves, halves.mean(axis=0))[0, 1] == pytest.approx(0.5)
    assert result[:2, 2].max() < 1e-6


@pytest.mark.parametrize("exchanged", [0, 1, 10, 60, 90])
def test_switched_labels_are_exchanged_in_their_share_of_draws(exchanged, rng):
    responsibilities, _ = posterior(200, 120, [0, 5, 10], rng)
    reference = responsibilities.mean(axis=0)
    responsibilities[:exchanged] = responsibilities[:exchanged][:, :, [0, 2, 1]]
    for known in (reference, responsibilities.mean(axis=0)):
        result = relabelling.swap_probabilities(responsibilities, known)
        assert result[1, 2] == pytest.approx(exchanged / 200, abs=1e-6)
        assert result[0, 1] < 1e-6


def test_against_a_sharp_reference_the_share_may_pass_a_half(rng):
    responsibilities, _ = posterior(50, 60, [0, 5], rng)
    result = relabelling.swap_probabilities(responsibilities[:, :, ::-1], responsibilities.mean(axis=0))
    assert result[0, 1] == pytest.approx(1)


def test_swap_probability_falls_steadily_as_components_move_apart():
    noise, jitter = np.random.default_rng(5).normal(size=(600, 2)), np.random.default_rng(6).normal(size=60)
    found = []
    for gap in np.arange(0, 3.01, 0.1):
        mu = np.array([0, gap]) + 0.5 * noise
        y = jitter + gap * (np.arange(60) % 2)
        density = np.exp(-((y[:, None] - mu[:, None, :]) ** 2) / 2)
        draws = density / density.sum(axis=2, keepdims=True)
        found.append(relabelling.swap_probabilities(draws, draws.mean(axis=0))[0, 1])
    assert found[0] == pytest.approx(0.5, abs=0.1)
    assert found[-1] < 1e-3
    assert (np.diff(found) < 0.02).all()
    assert (np.diff(found) > -0.1).all()


def test_one_observation_that_the_reference_excludes_decides_little():
    reference = np.concatenate([np.tile([[0.99, 0.01]], (20, 1)), [[1.0, 0.0]]])
    allocations = np.zeros((1, 21), dtype=int)
    allocations[0, -1] = 1
    assert relabelling.swap_probabilities(np.eye(2)[allocations], reference)[0, 1] < 1e-20


def test_chunks_change_nothing(monkeypatch, rng):
    responsibilities = permuted(posterior(40, 30, [0, 2, 4], rng)[0], shuffled(40, 3, rng))
    allocations = np.eye(3)[responsibilities.argmax(axis=2)]

    def everything():
        permutations, reference = relabelling.stephens(responsibilities)
        return permutations, reference, relabelling.swap_probabilities(allocations, reference)

    whole = everything()
    monkeypatch.setattr(relabelling, "CHUNK", 100)
    for one, other in zip(whole, everything(), strict=True):
        np.testing.assert_allclose(one, other)
