"""Trust in labels: components apart, the same component twice, labels that draws exchange, an order that cuts off."""

import numpy as np
import pytest
from textbook import resolved, specified

from stanmix.families.family import Points
from stanmix.labels import certainty

DRAWS = 600


def specification(components, order="ordered"):
    parameters = (resolved("mu", ordered=order == "ordered"), resolved("sigma"))
    return specified(components=components, labels=order, parameters=parameters)


def points_of(y):
    return Points(np.sort(y), np.ones(len(y)))


def around(rng, centres, spread):
    """Draws of a parameter around its centres, shape (DRAWS, K)."""
    return np.asarray(centres, float) + rng.normal(size=(DRAWS, len(centres))) * spread


def judged(y, draws, order="ordered"):
    points = points_of(y)
    return certainty.judge(
        specification(draws["theta"].shape[1], order), points, np.ones(len(points)), draws, np.random.default_rng(1)
    )


@pytest.fixture
def apart():
    rng = np.random.default_rng(2)
    y = np.concatenate([rng.normal(0, 1, 80), rng.normal(6, 1, 60)])
    draws = {
        "theta": rng.dirichlet([80, 60], DRAWS), "mu": around(rng, [0, 6], 0.12),
        "sigma": np.abs(around(rng, [1, 1], 0.08)),
    }  # fmt: skip
    return y, draws


@pytest.mark.parametrize("order", ["ordered", "relabelled"])
def test_components_apart_are_never_exchanged(apart, order):
    found = judged(*apart, order)
    assert found["largest"] < 1e-6
    assert found["empty"] == [0, 0]
    assert found["pairs"][0]["edge"] == (0 if order == "ordered" else None)


def test_draws_that_exchange_their_labels_are_seen(apart):
    y, draws = apart
    exchanged = np.random.default_rng(3).random(DRAWS) < 0.3
    draws = {name: np.where(exchanged[:, None], values[:, ::-1], values) for name, values in draws.items()}
    assert judged(y, draws)["largest"] == pytest.approx(exchanged.mean(), abs=0.01)


def test_relabelling_undoes_any_exchange_up_to_one_naming(apart):
    y, draws = apart
    rng = np.random.default_rng(4)
    exchanged = rng.random(DRAWS) < 0.5
    mixed = {name: np.where(exchanged[:, None], values[:, ::-1], values) for name, values in draws.items()}
    variables = {name: values.reshape(2, DRAWS // 2, 2) for name, values in mixed.items()}
    points = points_of(y)
    again = certainty.relabelled(specification(2, "relabelled"), points, np.ones(len(points)), variables, rng)
    for name, values in draws.items():
        assert np.array_equal(again[name].reshape(DRAWS, 2), values)


def test_shared_parameters_pass_relabelling_as_they_are(apart):
    y, draws = apart
    variables = {name: values.reshape(2, -1, 2) for name, values in draws.items()}
    variables["sigma"] = variables["sigma"][:, :, :1]
    points, rng = points_of(y), np.random.default_rng(5)
    again = certainty.relabelled(specification(2, "relabelled"), points, np.ones(len(points)), variables, rng)
    assert np.array_equal(again["sigma"], variables["sigma"])


@pytest.mark.parametrize("order", ["ordered", "relabelled"])
def test_one_component_twice_is_seen_whatever_names_them(order):
    rng = np.random.default_rng(6)
    y = rng.normal(0, 1, 120)
    mu = around(rng, [0, 0], 0.4)
    draws = {"theta": rng.dirichlet([3, 3], DRAWS), "mu": mu, "sigma": np.abs(around(rng, [1, 1], 0.15))}
    if order == "ordered":
        rank = np.argsort(mu, axis=1)
        draws = {name: np.take_along_axis(values, rank, axis=1) for name, values in draws.items()}
    else:
        variables = {name: values[None] for name, values in draws.items()}
        points = points_of(y)
        count = np.ones(len(points))
        found = certainty.relabelled(specification(2, order), points, count, variables, rng)
        draws = {name: values[0] for name, values in found.items()}
    assert judged(y, draws, order)["largest"] > 0.15


def test_an_order_that_cuts_off_shows_at_its_edge():
    rng = np.random.default_rng(7)
    y = np.concatenate([rng.normal(0, 1, 80), rng.normal(0, 5, 80)])
    low, high = rng.normal(0, 0.15, 4 * DRAWS), rng.normal(0.1, 0.5, 4 * DRAWS)
    kept = np.flatnonzero(low < high)[:DRAWS]  # the order keeps these draws and no others
    draws = {
        "theta": rng.dirichlet([80, 80], DRAWS), "mu": np.column_stack([low[kept], high[kept]]),
        "sigma": np.abs(around(rng, [1, 5], [0.1, 0.4])),
    }  # fmt: skip
    found = judged(y, draws)
    gaps = draws["mu"][:, 1] - draws["mu"][:, 0]
    assert found["pairs"][0]["edge"] == (gaps < 0.1 * draws["sigma"].min(axis=1)).mean() > 0.05
    assert found["largest"] < 0.01


def test_a_component_without_observations_is_empty(apart):
    y, draws = apart
    draws["theta"] = np.column_stack([np.full(DRAWS, 1 - 1e-3), np.full(DRAWS, 1e-3)])
    assert judged(y, draws)["empty"] == [0, 1]


def test_one_component_needs_no_name():
    draws = {"theta": np.ones((DRAWS, 1)), "mu": np.zeros((DRAWS, 1)), "sigma": np.ones((DRAWS, 1))}
    assert judged(np.array([0.0, 1.0]), draws) == {"pairs": [], "largest": 0.0, "empty": [0.0]}


def test_of_very_many_observations_a_sample_is_looked_at():
    points, count = points_of(np.random.default_rng(8).normal(size=3000)), np.ones(3000)
    some, weights = certainty.looked_at(points, count, np.random.default_rng(9))
    assert len(some) == len(weights) == certainty.UNITS
    assert (np.diff(some.y) > 0).all()
