"""Memberships with intervals, and what needs no names, against enumeration, plain loops and all partitions."""

import copy
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from textbook import specified

from stanmix.assess import memberships
from stanmix.base import columns
from stanmix.data.observations import Observations
from stanmix.families.family import Points
from stanmix.figures import co_clustering
from stanmix.labels import partitions
from stanmix.model import mixture
from stanmix.report.invariants import InvariantError, verify

Y = np.array([-1.0, 0.3, 2.2, 5.0])
DRAWS = {
    "theta": np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]]),
    "mu": np.array([[-1.0, 1.0, 4.0], [-2.0, 0.5, 3.0], [0.0, 0.1, 6.0]]),
    "sigma": np.array([[1.0, 0.5, 2.0], [0.7, 0.7, 0.7], [1.5, 3.0, 0.2]]),
}
SPECIFICATION = specified(components=3)


def points_at(y, size=1.0, step=None, known=None):
    y = np.asarray(y, float)
    return Points(y, np.broadcast_to(np.asarray(size, float), len(y)), step, known)


def rows_of(y, frequency=None, **others):
    frequency = np.ones(len(y), np.int64) if frequency is None else np.asarray(frequency)
    return Observations(np.asarray(y, float), frequency, **others)


def density(value, mu, sigma):
    return math.exp(-((value - mu) ** 2) / (2 * sigma**2)) / math.sqrt(2 * math.pi * sigma**2)


def responsibility(value, draw):
    """Of one value under one draw, by hand (list)."""
    parts = zip(*(DRAWS[name][draw] for name in ("theta", "mu", "sigma")), strict=True)
    terms = [theta * density(value, mu, sigma) for theta, mu, sigma in parts]
    return [term / math.fsum(terms) for term in terms]


def labellings(draw, y=Y):
    """Every labelling of the observations with its posterior probability under one draw."""
    weights = {}
    for labels in itertools.product(range(3), repeat=len(y)):
        terms = (
            DRAWS["theta"][draw, k] * density(value, DRAWS["mu"][draw, k], DRAWS["sigma"][draw, k])
            for value, k in zip(y, labels, strict=True)
        )
        weights[labels] = math.prod(terms)
    total = math.fsum(weights.values())
    return {labels: weight / total for labels, weight in weights.items()}


def test_probabilities_equal_the_enumeration_of_all_labellings():
    expected = np.zeros((4, 3))
    for draw in range(3):
        for labels, weight in labellings(draw).items():
            for n, k in enumerate(labels):
                expected[n, k] += weight / 3
    found = memberships.probabilities("normal", points_at(Y), DRAWS)
    np.testing.assert_allclose(found["mean"], expected, rtol=1e-12)


def quantile(values, probability):
    """The interpolated quantile of a list."""
    ordered = sorted(values)
    place = probability * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@pytest.mark.parametrize("chunk", [mixture.CHUNK, 9, 20])
def test_intervals_are_quantiles_over_the_draws(chunk, monkeypatch):
    monkeypatch.setattr(mixture, "CHUNK", chunk)
    lower, upper = mixture.membership_interval("normal", points_at(Y), DRAWS, 0.8)
    for n, value in enumerate(Y):
        shares = [responsibility(value, draw) for draw in range(3)]
        for k in range(3):
            of_component = [share[k] for share in shares]
            assert lower[n, k] == pytest.approx(quantile(of_component, 0.1), rel=1e-10)
            assert upper[n, k] == pytest.approx(quantile(of_component, 0.9), rel=1e-10)


def test_intervals_take_few_draws_and_means_all(monkeypatch):
    monkeypatch.setattr(memberships, "DRAWS", 2)
    found = memberships.probabilities("normal", points_at(Y), DRAWS)
    first, last = np.array(responsibility(Y[1], 0)), np.array(responsibility(Y[1], 2))
    np.testing.assert_allclose(found["lower"][1], np.minimum(first, last) + 0.05 * abs(last - first), rtol=1e-10)
    assert found["mean"][1] == pytest.approx(np.mean([responsibility(Y[1], draw) for draw in range(3)], axis=0))


def test_the_mean_of_a_skewed_posterior_may_lie_outside_its_interval():
    # In one of fifty draws the first component has the value for itself.
    draws = {"theta": np.array([[1e-9, 1 - 1e-9]] * 49 + [[1 - 1e-9, 1e-9]]), "mu": np.zeros((50, 2))}
    draws["sigma"] = np.ones((50, 2))
    found = memberships.probabilities("normal", points_at([0.0]), draws)
    assert found["mean"][0, 0] == pytest.approx(0.02)
    assert found["upper"][0, 0] < 1e-6
    assert 0.95 * found["lower"][0, 1] <= found["mean"][0, 1] <= 0.95 * found["upper"][0, 1] + 0.05


def test_a_value_that_no_component_can_have_has_no_memberships():
    # Rounded values so far away that both ends of their interval have the same probability in double precision.
    points = points_at([0.0, 1e12], step=1e-6)
    found = memberships.probabilities("normal", points, DRAWS)
    assert np.isnan(found["mean"]).tolist() == [[False] * 3, [True] * 3]
    frame = memberships.with_interval_of_best(memberships.table(rows_of(points.y), SPECIFICATION, found))
    assert frame["component"].isna().tolist() == [False, True]
    assert frame[["uncertainty", "from", "to"]].isna().all(axis=1).tolist() == [False, True]


def test_the_table_carries_what_the_rows_have():
    rows = rows_of(Y, ids=np.array(["a", "b", "c", "d"], object), known=np.array([0, 2, 0, 3]))
    found = memberships.probabilities("normal", points_at(Y), DRAWS)
    frame = memberships.table(rows, SPECIFICATION, found)
    probabilities = [f"probability_{k}{end}" for k in (1, 2, 3) for end in ("", "_lower", "_upper")]
    assert list(frame) == ["id", "y", "known", *probabilities, "component", "uncertainty"]
    assert frame["known"].isna().tolist() == [True, False, True, False]
    best = found["mean"].argmax(axis=1)
    assert frame["component"].tolist() == [str(k + 1) for k in best]
    assert columns.parts_of(frame) == ["1", "2", "3"]
    for end, title in (("lower", "from"), ("upper", "to")):
        expected = [found[end][n, k] for n, k in enumerate(best)]
        assert memberships.with_interval_of_best(frame)[title].tolist() == expected
        assert memberships.with_interval_of_best(frame.astype({"component": int}))[title].tolist() == expected


def test_extra_zeros_are_a_part_with_an_interval():
    draws = {"theta": np.array([[0.4, 0.6]] * 3), "rate": np.array([[1.0, 5.0]] * 3), "zero": np.full((3, 1), 0.5)}
    specification = specified(family="zero_inflated_poisson")
    found = memberships.probabilities("zero_inflated_poisson", points_at([0, 4]), draws)
    frame = memberships.with_interval_of_best(memberships.table(rows_of([0, 4]), specification, found))
    assert columns.parts_of(frame) == ["1", "2", "zero"]
    assert frame["component"].tolist() == ["zero", "2"]
    terms = [0.5 * 0.4 * math.exp(-1), 0.5 * 0.6 * math.exp(-5), 0.5]
    assert frame["from"][0] == pytest.approx(terms[2] / sum(terms), rel=1e-12)


def test_what_the_columns_of_a_table_show():
    found = memberships.probabilities("normal", points_at(Y), DRAWS)
    frame = memberships.with_interval_of_best(memberships.table(rows_of(Y), SPECIFICATION, found))
    frame = frame.assign(cluster=1, right=True, log_density=-1.0)
    shown = [column["key"] for column in columns.membership(frame)]
    of_parts = ["probability_1", "probability_2", "probability_3"]
    assert shown == ["y", *of_parts, "component", "from", "to", "uncertainty", "right", "log_density"]
    # nothing that is said by names that mean nothing
    assert [column["key"] for column in columns.membership(frame, trusted=False)] == ["y", "cluster", "log_density"]


def enumerated_similarity(y=Y):
    expected = np.zeros((len(y), len(y)))
    for draw in range(3):
        for labels, weight in labellings(draw, y).items():
            expected += np.equal.outer(labels, labels) * weight / 3
    return expected


def every_partition(n):
    """All partitions of n things, as labels."""
    for labels in itertools.product(range(n), repeat=n):
        if all(label <= max(labels[:i], default=-1) + 1 for i, label in enumerate(labels)):
            yield np.array(labels)


def test_co_clustering_and_partition_equal_enumeration():
    similarity, clusters, loss = memberships.cluster("normal", points_at(Y), np.ones(4), DRAWS, np.arange(4))
    np.testing.assert_allclose(similarity, enumerated_similarity(), atol=0.5001 * memberships.STEP)
    losses = {tuple(p): partitions.vi_loss_bound(p, similarity) for p in every_partition(4)}
    assert len(losses) == 15
    best = min(losses, key=losses.get)
    assert loss == pytest.approx(losses[best], abs=1e-12)
    assert (np.equal.outer(clusters, clusters) == np.equal.outer(best, best)).all()


@pytest.mark.parametrize("chunk", [3, 40, 100])
def test_chunks_change_no_co_clustering(chunk, monkeypatch):
    y, sampled = np.linspace(-4, 8, 23), np.arange(0, 23, 2)
    whole = memberships.cluster("normal", points_at(y), np.ones(23), DRAWS, sampled)
    monkeypatch.setattr(mixture, "CHUNK", chunk)
    parts = memberships.cluster("normal", points_at(y), np.ones(23), DRAWS, sampled)
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a, b)


def test_copies_are_observations_of_their_own_and_share_their_cluster():
    points = points_at([0.2, 0.5, 5.0])
    sampled = np.array([0, 0, 1, 2, 2, 2])
    similarity, clusters, _ = memberships.cluster("normal", points, np.array([2.0, 1.0, 3.0]), DRAWS, sampled)
    expected = enumerated_similarity(points.y[sampled])
    np.testing.assert_allclose(similarity, expected, atol=0.5001 * memberships.STEP)
    assert similarity[0, 1] < 1  # equal values need not share a component
    assert clusters.shape == (3,)


def test_equal_observations_share_the_cluster_of_most_of_them(monkeypatch):
    found = np.array([3, 1, 1, 2, 2, 2, 3])  # of the search, for copies of three observations
    monkeypatch.setattr(partitions, "best_partition", lambda *_: (found, 0.0))
    points, sampled = points_at([-9.0, 0.0, 9.0]), np.array([0, 0, 0, 1, 1, 1, 2])
    clusters = memberships.cluster("normal", points, np.array([3.0, 3.0, 1.0]), DRAWS, sampled)[1]
    assert clusters.tolist() == [1, 2, 3]


def test_the_nearest_cluster_is_so_on_average_and_by_all_copies():
    # One draw, in which the value 0 is as likely from each component and the others are nearly certain.
    draws = {"theta": np.full((1, 2), 0.5), "mu": np.array([[-1.0, 1.0]]), "sigma": np.ones((1, 2))}
    points, clusters = points_at([-3.0, -2.0, 0.0, 1.0]), np.array([1, 1, 1, 2])

    def shares(count):
        return memberships.shares_of("normal", points, clusters, np.array(count), draws)

    def first(value):
        return 1 / (1 + math.exp(2 * value))

    names, found = shares([5, 2, 1, 1])
    assert names.tolist() == [1, 2]
    expected = (5 * first(-3) + 2 * first(-2) + first(0)) / 8
    np.testing.assert_allclose(found, [[[expected, first(1)], [1 - expected, 1 - first(1)]]], rtol=1e-12)
    # seven that are elsewhere do not outweigh the one that is near
    assert memberships.nearest("normal", points_at([0.8, -0.8]), draws, names, found).tolist() == [2, 1]


def test_clusters_are_named_in_the_order_of_their_means():
    draws = {"theta": np.full((5, 2), 0.5), "mu": np.array([[0.0, 100.0]] * 5), "sigma": np.ones((5, 2))}
    for y, expected in (([99.0, 0.0, 101.0, 100.0], [2, 1, 2, 2]), ([1.0, 0.0, 99.0], [1, 1, 2])):
        _, clusters, loss = memberships.cluster("normal", points_at(y), np.ones(len(y)), draws, np.arange(len(y)))
        assert clusters.tolist() == expected
        assert loss == pytest.approx(0, abs=1e-6)
    # counts by their rates: 30 in 100 hours are fewer than 20 in one
    draws = {"theta": np.full((5, 2), 0.5), "rate": np.array([[0.3, 20.0]] * 5)}
    points = points_at([20.0, 30.0], size=[1.0, 100.0])
    assert memberships.cluster("poisson", points, np.ones(2), draws, np.arange(2))[1].tolist() == [2, 1]


def test_what_was_not_looked_at_joins_those_it_shares_a_component_with():
    y, sampled = np.array([-3.0, -1.0, 0.3, 0.31, 2.2, 4.0, 5.0]), np.array([1, 1, 2, 4, 6])
    _, clusters, _ = memberships.cluster("normal", points_at(y), np.ones(7), DRAWS, sampled)
    for unit in (0, 3, 5):
        together = {}
        for name in set(clusters[sampled]):
            members = [i for i in sampled if clusters[i] == name]
            shares = [
                sum(a * b for a, b in zip(responsibility(y[unit], draw), responsibility(y[i], draw), strict=True))
                for draw in range(3)
                for i in members
            ]
            together[name] = math.fsum(shares) / len(shares)
        assert clusters[unit] == max(together, key=together.get)


def test_new_rows_take_the_cluster_of_an_equal_observation_or_of_the_nearest():
    y, sampled = np.array([-3.0, -1.0, 0.3, 2.2, 4.0, 5.0]), np.array([1, 2, 3, 5])
    known = points_at(y)
    _, clusters, _ = memberships.cluster("normal", known, np.ones(6), DRAWS, sampled)
    assert len(set(clusters)) > 1
    swapped = 1 + (clusters == clusters[0])  # equal observations count, not what is likely
    arguments = ("normal", points_at([*y, 1e3]), known)
    assert memberships.cluster_of_new(*arguments, clusters, sampled, DRAWS)[:6].tolist() == clusters.tolist()
    assert memberships.cluster_of_new(*arguments, swapped, sampled, DRAWS)[:6].tolist() == swapped.tolist()
    found = memberships.cluster_of_new("normal", points_at([5.1, 1e3]), known, clusters, sampled, DRAWS)
    assert found[0] == clusters[5]
    # what is known of an observation is not known of a new one that is equal
    said = points_at([5.0, 5.0], known=np.array([0, 1]))
    arguments = ("normal", points_at([5.0]), said, np.array([1, 2]), np.array([0, 1]), DRAWS)
    assert memberships.cluster_of_new(*arguments).tolist() == [1]


def test_clusters_are_described_by_plain_averages():
    rows = rows_of([1.0, 2.0, 8.0], [3, 1, 2])
    similarity = np.array([[1, 0.9, 0.2], [0.9, 1, 0.3], [0.2, 0.3, 1]])
    described = memberships.describe(rows, None, np.array([1, 1, 2]), similarity, np.array([0, 1, 2]))
    assert described[0] == {
        "cluster": 1, "size": 4, "together": pytest.approx(0.9), "mean": 1.25, "minimum": 1, "maximum": 2
    }  # fmt: skip
    assert described[1]["together"] is None
    assert described[1]["size"] == 2
    rows = rows_of([[1.0, 4.0], [2.0, 6.0], [8.0, 0.0]])
    described = memberships.describe(rows, ["a", "b"], np.array([1, 1, 2]), similarity, np.array([0, 1, 2]))
    assert [(entry["y_a"], entry["y_b"]) for entry in described] == [(1.5, 5), (8, 0)]


def test_co_clustering_is_written_the_same_way_every_time_and_read_back(tmp_path):
    similarity = np.round(np.random.default_rng(1).random((40, 40)), 4)
    written = []
    for name in ("a.nc", "b.nc"):
        memberships.write_co_clustering(tmp_path / name, similarity, np.arange(1, 41), np.repeat([1, 2], 20))
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]
    found = memberships.read_co_clustering(tmp_path / "a.nc")
    np.testing.assert_allclose(found["similarity"], similarity, atol=1e-7)
    assert found["obs_id"].values.tolist() == list(range(1, 41))
    assert found["cluster"].values.tolist() == [1] * 20 + [2] * 20


@pytest.mark.parametrize("with_components", [True, False])
def test_the_heat_map_is_sorted_by_cluster_and_value(with_components):
    similarity = np.array([[1, 0.1, 0.9, 0.2], [0.1, 1, 0.3, 0.8], [0.9, 0.3, 1, 0.4], [0.2, 0.8, 0.4, 1]])
    figure = co_clustering.draw_co_clustering(
        similarity,
        [1, 2, 1, 2],
        [5.0, 4.0, 1.0, 3.0],
        total=1234,
        component=np.array([0, 1, 0, 2]) if with_components else None,
        names=["component 1", "component 2", "component 3"],
    )
    figure.draw_without_rendering()
    by_label = {axes.get_xlabel(): axes for axes in figure.axes}
    drawn = by_label["4 of 1,234 observations"].images[0].get_array()
    order = [2, 0, 3, 1]
    expected = similarity[np.ix_(order, order)].copy()
    expected[np.arange(4), np.arange(4)] = [0.9, 0.9, 0.8, 0.8]  # of a neighbour: itself says nothing
    np.testing.assert_array_equal(drawn, expected)
    for axes in figure.axes:  # the last bits of a layout differ between runs
        bounds = axes.get_position().extents
        np.testing.assert_array_equal(bounds[:2], np.round(bounds[:2], 9))
    names = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert names == {"1", "2"} | ({"most probable component"} if with_components else set())
    legends = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert legends == (["component 1", "component 2", "component 3"] if with_components else [])


def test_a_heat_map_of_one_observation_is_drawn():
    figure = co_clustering.draw_co_clustering(np.ones((1, 1)), [1], [0.0], total=1)
    figure.draw_without_rendering()
    assert {axes.get_xlabel() for axes in figure.axes} >= {"1 observations"}


def consistent():
    """A small fit of two components whose tables agree."""
    summary = pd.DataFrame({"parameter": ["theta", "theta"], "component": [1, 2], "mean": [0.4, 0.6]})
    summary = summary.assign(median=summary["mean"], hdi_lower=0.1, hdi_upper=0.9)
    first = np.array([0.9, 0.2, 0.02])
    lower, upper = np.array([0.8, 0.1, 0.0]), np.array([0.95, 0.4, 0.001])
    shares = np.column_stack([first, 1 - first])
    membership = pd.DataFrame(
        {
            "obs_id": [1, 2, 3],
            "weight": [1, 2, 1],
            "probability_1": first,
            "probability_1_lower": lower,
            "probability_1_upper": upper,
            "probability_2": 1 - first,
            "probability_2_lower": 1 - upper,
            "probability_2_upper": 1 - lower,
            "component": [1, 2, 2],
            "uncertainty": [0.1, 0.2, 0.02],
            "cluster": [1, 2, 2],
        }
    )
    return {
        "title": "fit",
        "specification": specified(n=4),
        "summary": summary,
        "membership": membership,
        "memberships": {
            "expected_misclassification": (0.1 + 0.4 + 0.02) / 4,
            "entropy_r2": partitions.entropy_r2(shares, np.array([1, 2, 1])),
            "average": partitions.average_membership(shares, np.array([1, 2, 1])),
            "clusters": [{"cluster": 1, "size": 1}, {"cluster": 2, "size": 3}],
        },
        "loo": {"n": 4, "elpd": -8.0, "right": None},
        "loo_pointwise": pd.DataFrame({"elpd": [-1.0, -2.0, -3.0], "weight": [1, 2, 1]}),
        "noticed": {"n": 4, "groups": None},
    }


def test_consistent_memberships_pass_also_with_a_mean_outside_its_interval():
    fit = consistent()
    assert (fit["membership"]["probability_1"] > fit["membership"]["probability_1_upper"]).tolist() == [0, 0, 1]
    verify(**fit)


def moved(row, first, other, value):
    """A change of the probabilities of a row, with an end of the other component's interval that would notice."""

    def change(fit):
        fit["membership"].loc[row, other] = value
        fit["membership"].loc[row, ["probability_1", "probability_2"]] = [first, 1 - first]
        fit["membership"].loc[row, "uncertainty"] = min(first, 1 - first)

    return change


def too_high(fit):
    fit["membership"].loc[0, ["probability_1_lower", "probability_2_lower"]] = [0.93, 0.08]


BROKEN = {
    "no interval": (lambda fit: fit["membership"].pop("probability_2_upper"), "has no interval"),
    "no order": ((0, "probability_1_lower", 0.96), "the interval of a membership has no order"),
    "below 0": ((2, "probability_1_lower", -1e-5), "has no order, or leaves 0 and 1"),
    "above 1": ((2, "probability_2_upper", 1 + 1e-5), "has no order, or leaves 0 and 1"),
    "not a number": ((1, "probability_1_upper", np.nan), "has no order, or leaves 0 and 1"),
    "far above": (moved(2, 0.12, "probability_2_lower", 0), "farther from its interval than a mean can be"),
    "far below": (moved(0, 0.7, "probability_2_upper", 1), "farther from its interval than a mean can be"),
    "cannot add up": ((0, "probability_2_upper", 0.04), "no memberships within their intervals add to 1"),
    "add up to more": (too_high, "no memberships within their intervals add to 1"),
    "uncertainty": ((1, "uncertainty", 0.21), "an uncertainty is not that of the most probable component"),
    "misclassification": (
        lambda fit: fit["memberships"].update(expected_misclassification=0.1301),
        "the expected misclassification is not that of the table",
    ),
    "cluster": ((0, "cluster", 2), "the clusters have other sizes than in the table"),
    "cluster sizes": (
        lambda fit: fit["memberships"]["clusters"][1].update(size=2),
        "the clusters have other sizes than in the table",
    ),
}


@pytest.mark.parametrize(("change", "words"), BROKEN.values(), ids=BROKEN)
def test_each_contradiction_of_memberships_is_named(change, words):
    fit = copy.deepcopy(consistent())
    if callable(change):
        change(fit)
    else:
        fit["membership"].loc[change[0], change[1]] = change[2]
    with pytest.raises(InvariantError, match=words):
        verify(**fit)
