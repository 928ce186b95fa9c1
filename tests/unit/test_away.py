"""Components far from the data: which are, what a model with one less is, and how much of a posterior that holds."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logsumexp
from test_masses import of_columns
from test_modes import specified

from stanmix.families.family import Points
from stanmix.fits import away, masses
from stanmix.model import mixture

Y = np.concatenate([stats.norm(m, 1).ppf((np.arange(20) + 0.5) / 20) for m in (0, 4)])


def test_a_component_is_away_when_it_owns_less_than_an_observation_at_equal_weights():
    _, units = specified(Y, {"family": "normal"}, 2)
    draws = {
        "theta": np.array([[0.999, 0.001]] * 3),
        "mu": np.array([[2.0, 30.0], [2.0, 2.0], [2.0, 7.0]]),
        "sigma": np.array([[2.2, 1.0]] * 3),
    }
    found = away.owning_nothing("normal", Points.of(units), units.count, draws)
    # A small weight alone is not away, nor is one beside the outermost value.
    np.testing.assert_array_equal(found, [[False, True], [False, False], [False, False]])
    known = Points(units.y, np.ones(40), known=np.r_[np.zeros(39, int), 2])
    assert not away.owning_nothing("normal", known, units.count, draws)[:, 1].any()


def test_one_component_less():
    specification, units = specified(Y, {"family": "normal", "priors": {"mu": "normal([0, 4, 9], 1)"}}, 3)
    assert away.left_out(specification) == [0, 1, 2]
    fewer, same = away.without(specification, units, 1)
    assert fewer.components == 2
    assert [prior.arguments[0] for prior in fewer.parameters[0].priors] == [0, 9]
    assert len(fewer.weights.concentration) == len(fewer.parameters[1].priors) == 2
    assert same.known is None
    specification, _ = specified(Y, {"family": "normal", "share": ["sigma"]}, 2)
    assert away.left_out(specification) == [0]
    fewer, _ = away.without(specification, units, 0)
    assert len(fewer.parameters[1].priors) == 1
    assert away.left_out(specified(Y, {"family": "normal", "fixed": {"theta": [0.5, 0.5]}}, 2)[0]) == []


def test_one_component_less_where_some_locations_are_fixed():
    model = {"family": "normal", "fixed": {"mu": [0, None, 9]}, "priors": {"mu": "normal(4, 1)"}}
    specification, units = specified(Y, model, 3)
    assert away.left_out(specification) == [0, 1, 2]
    for component, mode, value, priors in ((1, "fixed", [0, 9], 0), (0, "partly", [None, 9], 1)):
        entry = away.without(specification, units, component)[0].parameters[0]
        assert (entry.mode, entry.value, len(entry.priors)) == (mode, value, priors)
    one = {"family": "normal", "fixed": {"mu": [None, 9]}}
    entry = away.without(specified(Y, one, 2)[0], units, 1)[0].parameters[0]
    assert (entry.mode, entry.value, len(entry.priors)) == ("own", None, 1)
    # what is fixed among the data is never away, what is fixed far from them is
    state = {"theta": np.array([0.5, 0.5]), "mu": np.array([0.0, 4.0]), "sigma": np.ones(2)}
    for place in (2, 900):
        specification, units = specified(Y, {"family": "normal", "fixed": {"mu": [None, 4, place], "sigma": 1}}, 3)
        found = away.weighed(specification, units, 2, state, np.random.default_rng(1))
        assert (found is None) == (place == 2)
    assert found.state["mu"].tolist() == [0, 4, 900]


@pytest.mark.parametrize("scale", [20, 300])
def test_its_mass_is_that_of_an_integral(scale):
    """Two components of a known common sd: all three unknowns are integrated on a grid where the second is away."""
    model = {"family": "normal", "fixed": {"sigma": 2}, "priors": {"mu": f"normal(0, {scale})"}}
    specification, units = specified(Y, model, 2)
    single = {"theta": np.ones(1), "mu": np.array([2.0]), "sigma": np.array([2.0])}
    one = away.weighed(specification, units, 1, single, np.random.default_rng(1))
    # The first component near the data, the second everywhere, and the weight of the second, dense at 0.
    theta = ((np.arange(400) + 0.5) / 400) ** 3
    step = np.log(3 * ((np.arange(400) + 0.5) / 400) ** 2 / 400)
    near = np.linspace(-3, 7, 81)
    far = np.concatenate(
        [np.linspace(-5 * scale, -10, 120), np.linspace(-10, 14, 161), np.linspace(14, 5 * scale, 120)]
    )
    widths = np.log(np.gradient(far))
    logs, is_away = [], []
    for mu in near:
        first, second = stats.norm(mu, 2).logpdf(Y), stats.norm(far[:, None], 2).logpdf(Y)
        weights = np.log([1 - theta, theta])[..., None, None]
        terms = np.logaddexp(weights[0] + first, weights[1] + second).sum(axis=2)
        prior = stats.norm(0, scale).logpdf(mu) + stats.norm(0, scale).logpdf(far) + widths
        logs.append(terms + prior + step[:, None])
        is_away.append(np.broadcast_to(expit(second - first).sum(axis=1) < 1, (400, len(far))))
    logs, is_away = np.stack(logs), np.stack(is_away)
    exact = logsumexp(logs[is_away]) + np.log(near[1] - near[0])
    assert one.log_mass == pytest.approx(exact, abs=0.12)  # 500 draws say how probable it is to be away


def test_of_several_columns_and_of_extra_zeros():
    for specification, units in (
        of_columns({"family": "multivariate_normal", "priors": {"mu": "normal(0, 500)"}}, 2),
        specified(np.arange(40) % 9, {"family": "zero_inflated_poisson", "priors": {"rate": "lognormal(1, 5)"}}, 2),
    ):
        family = specification.family
        points = Points.of(units)
        if family == "multivariate_normal":
            state = {"theta": np.ones(1), "mu": units.y.mean(axis=0)[None], "sigma": units.y.std(axis=0)[None]}
            state["correlation"] = np.corrcoef(units.y.T)[None]
        else:
            state = {"theta": np.ones(1), "rate": np.array([4.0]), "zero": np.array([0.1])}
        one = away.weighed(specification, units, 1, state, np.random.default_rng(2))
        assert np.isfinite(one.log_mass)
        draws = {name: value[None] for name, value in one.state.items()}
        assert away.owning_nothing(family, points, units.count, draws)[0].tolist() == [False, True]
        there = mixture.log_likelihood(family, points, draws)[0]
        np.testing.assert_allclose(there, one.density, atol=0.5)  # nearly at the maximum of the model with one less


def test_rows_that_are_known_to_come_from_it_keep_a_component_here():
    specification, units = specified(
        Y, {"family": "normal", "priors": {"mu": "normal(0, 500)"}}, 2, known=np.r_[np.zeros(39, int), 1]
    )
    state = {"theta": np.ones(1), "mu": np.array([2.0]), "sigma": np.array([2.2])}
    assert away.weighed(specification, units, 0, state, np.random.default_rng(3)) is None


def test_where_nothing_is_free_without_it_the_density_is_that_of_the_other_component():
    model = {"family": "normal", "fixed": {"mu": [0, 4], "sigma": 2}}
    specification, units = specified(Y, model, 2)
    fewer, units = away.without(specification, units, 1)
    state = {"theta": np.ones(1), "mu": np.array([0.0]), "sigma": np.array([2.0])}
    excess, density, _ = masses.log_excess(masses.LogPosterior(fewer, units), state)
    assert excess == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(density, stats.norm(0, 2).logpdf(units.y))
    assert away.weighed(specification, units, 1, state, np.random.default_rng(1)) is None  # it stands amid the data
