"""Co-clustering and partitions against plain loops, definitions and all partitions of a few observations."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from stanmix.labels import partitions


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


def set_partitions(m):
    """All partitions of m observations, as labels from 0 in the order of first appearance."""
    if m == 1:
        yield (0,)
        return
    for labels in set_partitions(m - 1):
        for label in range(max(labels) + 2):
            yield (*labels, label)


def similarity_of(seed, noise=0.45, m=7, count=40):
    """Co-clustering of allocations around one random partition, a share of the observations at random in each draw."""
    rng = np.random.default_rng(seed)
    allocations = np.where(rng.random((count, m)) < noise, rng.integers(4, size=(count, m)), rng.integers(3, size=m))
    return together(allocations)


def vi_bound(partition, similarity):
    """Term by term as Wade & Ghahramani (2018) write it."""
    m, total = len(partition), 0.0
    for i in range(m):
        same = [j for j in range(m) if partition[j] == partition[i]]
        total += math.log2(len(same)) + math.log2(sum(similarity[i]))
        total -= 2 * math.log2(sum(similarity[i, j] for j in same))
    return total / m


def variation_of_information(a, b):
    """From entropies and mutual information, in bits."""
    m = len(a)

    def entropy(labels):
        return -sum(labels.count(k) / m * math.log2(labels.count(k) / m) for k in set(labels))

    return 2 * entropy(list(zip(a, b, strict=True))) - entropy(list(a)) - entropy(list(b))


def together(allocations):
    """The share of draws in which two observations are in one cluster."""
    return (allocations[:, :, None] == allocations[:, None, :]).mean(axis=0)


def test_co_clustering_equals_a_double_loop(rng):
    responsibilities = rng.dirichlet(np.ones(3), size=(5, 6))
    expected = np.eye(6)
    for i, j in itertools.permutations(range(6), 2):
        expected[i, j] = np.mean([sum(draw[i, k] * draw[j, k] for k in range(3)) for draw in responsibilities])
    np.testing.assert_allclose(partitions.co_clustering(responsibilities), expected)


def test_co_clustering_of_certain_memberships_is_the_share_of_draws_together(rng):
    allocations = rng.integers(3, size=(50, 6))
    np.testing.assert_allclose(partitions.co_clustering(np.eye(3)[allocations]), together(allocations))


def test_co_clustering_does_not_depend_on_labels(rng):
    responsibilities = rng.dirichlet(np.ones(4), size=(30, 8))
    switched = np.stack([draw[:, rng.permutation(4)] for draw in responsibilities])
    np.testing.assert_allclose(partitions.co_clustering(switched), partitions.co_clustering(responsibilities))


def test_co_clustering_takes_the_draws_some_at_a_time(monkeypatch, rng):
    responsibilities = rng.dirichlet(np.ones(3), size=(25, 6))
    whole = partitions.co_clustering(responsibilities)
    # Blocks of different length must count by their draws, not each the same.
    np.testing.assert_allclose(partitions.co_clustering(np.split(responsibilities, [3, 20])), whole)
    np.testing.assert_allclose(partitions.co_clustering(each for each in np.split(responsibilities, [1])), whole)
    monkeypatch.setattr(partitions, "CHUNK", 60)
    np.testing.assert_allclose(partitions.co_clustering(responsibilities), whole)


def test_the_loss_equals_its_definition():
    similarity = similarity_of(3)
    for partition in set_partitions(7):
        expected = vi_bound(partition, similarity)
        assert partitions.vi_loss_bound(np.array(partition), similarity) == pytest.approx(expected, abs=1e-12)


def test_the_loss_of_a_certain_posterior_is_the_distance_from_its_partition():
    true = (0, 0, 1, 1, 1, 2)
    similarity = together(np.array([true]))
    for partition in set_partitions(6):
        expected = variation_of_information(partition, true)
        assert partitions.vi_loss_bound(np.array(partition), similarity) == pytest.approx(expected, abs=1e-12)


def test_the_bound_lies_below_the_mean_over_the_draws(rng):
    draws = [tuple(draw) for draw in rng.integers(3, size=(20, 6))]
    similarity = together(np.array(draws))
    partition = (0, 1, 1, 0, 2, 2)
    expected = np.mean([variation_of_information(partition, z) for z in draws])
    assert 0 < partitions.vi_loss_bound(np.array(partition), similarity) < expected


@pytest.mark.parametrize("noise", [0.3, 0.6, 0.75, 0.9])
@pytest.mark.parametrize("seed", [1, 2, 53, 58, 118, 125])
def test_the_best_partition_is_the_best_of_all(noise, seed):
    similarity = similarity_of(seed, noise)
    least = min(vi_bound(partition, similarity) for partition in set_partitions(7))
    found, attained = partitions.best_partition(similarity)
    assert attained == pytest.approx(least, abs=1e-12)
    assert vi_bound(found, similarity) == pytest.approx(least, abs=1e-12)


def test_moves_improve_a_poor_candidate(monkeypatch):
    monkeypatch.setattr(partitions, "_cuts", lambda similarity, most: [])
    true = np.repeat([2, 0, 1], [3, 6, 5])
    similarity = 0.9 * together(true[None]) + 0.1 * np.eye(14)
    poor = true.copy()
    poor[[0, 7, 12]] = 1, 2, 2
    for candidate in (poor, np.arange(14)):
        found, _ = partitions.best_partition(similarity, [candidate])
        np.testing.assert_array_equal(found, true + 1)


@pytest.mark.parametrize("noise", [0.5, 0.7, 0.8])
def test_no_single_move_improves_the_best_partition(noise):
    similarity = similarity_of(4, noise, m=40)
    found, attained = partitions.best_partition(similarity)
    for i, label in itertools.product(range(40), range(1, found.max() + 2)):
        moved = found.copy()
        moved[i] = label
        assert partitions.vi_loss_bound(moved, similarity) > attained - 1e-9


def test_what_joining_adds_is_the_difference_of_losses():
    similarity = similarity_of(6, 0.7)
    labels = np.array([0, 0, 1, 3, 1, 0, 2])
    for i, left in ((3, labels), (4, np.array([0, 0, 1, 2, 3, 0, 2]))):  # as if each were alone
        own = np.array([[similarity[j, left == label].sum() for j, label in enumerate(left)]])
        costs = partitions._joining(similarity[[i]], left, own, np.array([i]))[0]
        alone = vi_bound(left, similarity)
        assert len(costs) == 5
        for label in range(5):
            joined = np.where(np.arange(7) == i, label, left)
            assert costs[label] == pytest.approx(7 * (vi_bound(joined, similarity) - alone), abs=1e-12)


def test_the_restless_are_those_whom_a_move_would_better(monkeypatch):
    similarity = similarity_of(6, 0.7, m=30)
    labels, _ = partitions.best_partition(similarity)
    labels = np.where(np.arange(30) < 5, np.random.default_rng(1).integers(0, 3, 30), labels - 1)
    own = np.array([similarity[i, labels == label].sum() for i, label in enumerate(labels)])
    before = partitions.vi_loss_bound(labels, similarity)

    def best_move(i):
        moved = (np.where(np.arange(30) == i, to, labels) for to in range(labels.max() + 2))
        return min(partitions.vi_loss_bound(each, similarity) for each in moved)

    better = [i for i in range(30) if best_move(i) < before - 1e-9]
    assert 0 < len(better) < 30
    for chunk in (partitions.CHUNK, 70):  # all at once, or two at a time
        monkeypatch.setattr(partitions, "CHUNK", chunk)
        assert partitions._restless(labels, similarity, own).tolist() == better


def test_a_given_candidate_is_used(monkeypatch):
    monkeypatch.setattr(partitions, "_improve", lambda labels, similarity: labels)
    monkeypatch.setattr(partitions, "_cuts", lambda similarity, most: [np.zeros(4, dtype=int)])
    similarity = together(np.array([[0, 1, 1, 2]]))
    candidates = (np.array(labels) for labels in ([0, 0, 1, 1], [5, 3, 3, 4]))
    found, loss = partitions.best_partition(similarity, candidates)
    np.testing.assert_array_equal(found, [2, 1, 1, 3])
    assert loss == pytest.approx(0, abs=1e-12)


def test_the_trees_are_cut_at_every_number_of_clusters():
    points = np.cumsum(np.arange(1, 7))
    similarity = 1 - np.abs(points[:, None] - points) / 30
    cuts = partitions._cuts(similarity, 4)
    assert [len(np.unique(cut)) for cut in cuts] == [1, 2, 3, 4, 1, 2, 3, 4]


def test_one_or_two_observations_have_a_best_partition():
    found, attained = partitions.best_partition(np.ones((1, 1)))
    assert (list(found), attained) == ([1], 0)
    apart, _ = partitions.best_partition(np.array([[1, 0.1], [0.1, 1]]))
    together, _ = partitions.best_partition(np.array([[1, 0.9], [0.9, 1]]))
    assert (list(apart), list(together)) == ([1, 2], [1, 1])


def test_labels_are_numbered_by_size_then_by_first_appearance():
    assert list(partitions.numbered(np.array([7, 3, 3, 9, 9, 0]))) == [3, 1, 1, 2, 2, 4]
    assert list(partitions.numbered(np.array(["b", "a", "a"]))) == [2, 1, 1]


def test_adjusted_rand_equals_counting_pairs(rng):
    for _ in range(20):
        a, b = rng.integers(3, size=12), rng.integers(4, size=12)
        pairs = list(itertools.combinations(range(12), 2))
        in_a = sum(a[i] == a[j] for i, j in pairs)
        in_b = sum(b[i] == b[j] for i, j in pairs)
        both = sum(a[i] == a[j] and b[i] == b[j] for i, j in pairs)
        chance = in_a * in_b / len(pairs)
        expected = (both - chance) / ((in_a + in_b) / 2 - chance)
        assert partitions.adjusted_rand(a, b) == pytest.approx(expected)


def test_adjusted_rand_of_random_labels_is_zero_on_average(rng):
    a = np.repeat([0, 1, 2], [10, 20, 30])
    values = [partitions.adjusted_rand(a, rng.permutation(a)) for _ in range(2000)]
    assert np.mean(values) == pytest.approx(0, abs=4 * np.std(values) / math.sqrt(2000))


def test_adjusted_rand_is_one_for_the_same_partition_under_other_names():
    a = np.array(["x", "y", "y", "z", "x"])
    assert partitions.adjusted_rand(a, [2, 0, 0, 1, 2]) == pytest.approx(1)
    assert partitions.adjusted_rand(np.zeros(5), np.ones(5)) == 1
    assert partitions.adjusted_rand(np.arange(5), np.arange(5)[::-1]) == 1
    assert partitions.adjusted_rand(np.zeros(5), np.arange(5)) == 0


def test_adjusted_rand_weights_stand_for_repeated_observations(rng):
    a, b, weights = rng.integers(3, size=9), rng.integers(3, size=9), rng.integers(1, 5, size=9)
    repeated = partitions.adjusted_rand(np.repeat(a, weights), np.repeat(b, weights))
    assert partitions.adjusted_rand(a, b, weights) == pytest.approx(repeated)
    assert repeated != pytest.approx(partitions.adjusted_rand(a, b))


def test_entropy_is_1_for_sure_and_0_for_even_memberships_and_that_of_scipy_between():
    assert partitions.entropy_r2(np.eye(3)) == 1
    assert partitions.entropy_r2(np.full((4, 3), 1 / 3)) == pytest.approx(0)
    assert partitions.entropy_r2(np.ones((4, 1))) is None
    probabilities, weights = np.random.default_rng(1).dirichlet([1, 1, 1], 20), np.arange(1, 21)
    expected = 1 - stats.entropy(np.repeat(probabilities, weights, axis=0), base=3, axis=1).mean()
    assert partitions.entropy_r2(probabilities, weights) == pytest.approx(expected)


def test_average_memberships_are_means_of_those_that_are_assigned():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.2, 0.8, 0.0]])
    found = partitions.average_membership(probabilities, np.array([3, 1, 1]))
    np.testing.assert_allclose(found[0], [3.3 / 4, 0.7 / 4, 0])
    np.testing.assert_allclose(found[1], [0.2, 0.8, 0])
    assert found[2] is None


def test_expected_misclassification():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.3, 0.3, 0.4]])
    assert partitions.expected_misclassification(probabilities) == pytest.approx(0.35)
    assert partitions.expected_misclassification(probabilities, np.array([3, 1])) == pytest.approx((0.3 + 0.6) / 4)
