"""Rows that count several times: what is said of a table of frequencies is what is said of its rows written out."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from textbook import model_of, noticed_in, resolved, rows_of, specified

from stanmix.assess import crossvalidation, memberships, refitting
from stanmix.base.errors import UserError
from stanmix.data import noticing, observations
from stanmix.families.family import Points
from stanmix.fits import inference
from stanmix.labels import certainty
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.specification import Weights

RNG = np.random.default_rng(8)
Y, TIMES = np.array([0.0, 1, 2, 3, 4, 7, 9]), np.array([40, 30, 5, 2, 1, 1, 6])


@pytest.fixture
def alone(monkeypatch):
    """The single component's fit, of which nothing is sampled: its draws, and what it was asked for."""
    asked = {"draws": {"theta": np.ones((800, 1)), "rate": RNG.gamma(90, 1 / 70, (800, 1))}}

    def sampled(inputs, specification, data, starts, seed, say):
        asked.update(specification=specification, data=data)
        return asked["draws"]

    monkeypatch.setattr(refitting, "_sampled", sampled)
    return asked


def gain_of(rows, elpd_i, weights="dirichlet([2, 3])"):
    model = model_of("poisson", priors={"theta": weights})
    noticed = noticed_in(rows.y, frequency=rows.frequency)
    specification = replace(specify("m", model, 2, noticed), sampling={"chains": 2})
    units = rows.units()
    return refitting.gain_over_single(
        {"elpd_i": elpd_i}, specification, model, noticed, rows, units, units, {}, 1, lambda text: None
    )


def test_the_gain_over_one_component_is_that_of_all_observations(alone):
    rows = rows_of(Y, frequency=TIMES)
    elpd_i = -(np.linspace(1.0, 4.0, 7) ** 1.5)
    gain, error = gain_of(rows, elpd_i)
    points, one = Points.of(rows), np.ones(7)
    single = crossvalidation.leave_one_out("poisson", points, one, alone["draws"], 1.0)["elpd_i"]
    of_each = np.repeat(elpd_i - single, TIMES)
    assert gain == pytest.approx(of_each.sum(), rel=1e-9)
    assert error == pytest.approx(np.sqrt(len(of_each) * of_each.var()), rel=1e-9)
    assert alone["data"]["count"] == TIMES.tolist()


@pytest.mark.parametrize("weights", ["dirichlet([2, 3])", "beta(2, 5)", "dirichlet(0.1)"])
def test_a_single_component_has_all_the_weight_whatever_prior_several_have(alone, weights):
    gain_of(rows_of(Y, frequency=TIMES), np.zeros(7), weights)
    assert alone["specification"].components == 1
    assert alone["specification"].weights == Weights("estimated", concentration=[1.0])
    assert alone["data"]["theta_concentration"] == [1.0]


@pytest.mark.parametrize(("times", "empty"), [(1, [1.0, 0.0]), (600, [0.0, 0.0])])
def test_a_component_is_empty_when_it_has_less_than_one_of_all_observations(times, empty):
    specification = specified(parameters=(resolved("mu", ordered=True),))
    shape = (200, 2)
    draws = {"theta": np.broadcast_to([0.001, 0.999], shape), "mu": RNG.normal([0, 9], 0.1, shape)}
    draws["sigma"] = np.ones(shape)
    points = Points(np.array([0.0, 8, 9, 10]), np.ones(4))
    found = certainty.judge(specification, points, np.full(4, float(times)), draws, np.random.default_rng(1))
    assert found["empty"] == empty


def test_clusters_are_in_the_order_of_the_means_of_all_their_observations():
    # A wide cluster around a narrow one: the mean of its two values is above, that of its observations below.
    points, count = Points(np.array([0.0, 4.9, 5.1, 20.0]), np.ones(4)), np.array([9.0, 2, 2, 1])
    draws = {
        "theta": np.full((50, 2), 0.5),
        "mu": np.broadcast_to([5.0, 8.0], (50, 2)),
        "sigma": np.broadcast_to([0.2, 9.0], (50, 2)),
    }
    for times, expected in ((count, [1, 2, 2, 1]), (np.array([1.0, 2, 2, 1]), [2, 1, 1, 2])):
        sampled = np.repeat(np.arange(4), times.astype(int))
        _, clusters, _ = memberships.cluster("normal", points, times, draws, sampled)
        assert clusters.tolist() == expected


def test_intervals_hold_95_percent_and_are_the_shortest():
    quantiles = stats.expon.ppf((np.arange(8000) + 0.5) / 8000)
    found = inference.statistics_of(RNG.permutation(quantiles).reshape(4, 2000))
    assert found["hdi_lower"] == pytest.approx(0, abs=0.01)
    assert found["hdi_upper"] == pytest.approx(-np.log(0.05), abs=0.01)  # the equal-tailed one is (0.03, 3.69)


def test_fewer_draws_are_spread_over_all_of_them():
    draws = {"theta": np.arange(4000.0)[:, None]}  # chain after chain
    few = mixture.thinned(draws, 100)["theta"][:, 0]
    assert (few[0], few[-1], len(few)) == (0, 3999, 100)
    np.testing.assert_allclose(np.diff(few), 3999 / 99, atol=1)
    kept = mixture.affordable(draws, mixture.AFFORDABLE, 4)["theta"][:, 0].reshape(4, 100)
    for chain, places in enumerate(kept - 1000 * np.arange(4)[:, None]):
        assert (places[0], places[-1]) == (0, 999), chain
        np.testing.assert_allclose(np.diff(places), 999 / 99, atol=1)
    places = mixture.spaced(1000, 100)
    np.testing.assert_array_equal(places, kept[0])


@pytest.mark.parametrize(
    ("weights", "kind", "way"),
    [
        (
            ["0.25", "0.5", "0.25"],
            "shares (they add to 1)",
            "multiply each share by the number of all observations and",
        ),
        (
            ["33.3", "33.3", "33.4"],
            "percentages (they add to 100)",
            "by the number of all observations / 100 and round",
        ),
    ],
)
def test_shares_given_as_weights_are_told_with_the_way_to_make_counts(tmp_path, weights, kind, way):
    path = tmp_path / "d.csv"
    path.write_text("y,w\n" + "".join(f"{k},{weight}\n" for k, weight in enumerate(weights)))
    with pytest.raises(UserError) as caught:
        observations.read_csv(path, ["y"], weights="w")
    (told,) = caught.value.sentences
    begin = f"{path}, line 2, column 'w': {weights[0]} is no number of observations"
    assert told.startswith(f"{begin}: the weights are {kind}")
    assert way in told


def test_whole_percentages_cannot_be_told_from_counts_but_are_remarked(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("y,w\n1,25\n2,50\n3,25\n")
    rows = observations.read_csv(path, ["y"], weights="w")
    assert any("if they are percentages" in sentence for sentence in noticing.notice(rows, ["y"])["sentences"])
