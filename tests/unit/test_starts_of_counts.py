"""EM and starting values for counts, shares, extra zeros, weighted and rounded data, against optimisers and copies."""

import json
import math

import numpy as np
import pytest
from scipy import optimize
from textbook import UNIVARIATE, log_likelihood, model_of, rows_of

from stanmix.data import observations
from stanmix.data.noticing import notice
from stanmix.families.family import WHOLE
from stanmix.fits import starts
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data

COUNTS = [name for name, family in UNIVARIATE.items() if family.kind == WHOLE]


def specified(rows, components, family, rounding=None, distinct=None, **model):
    noticed = notice(rows, ["y"])
    return specify("m", model_of(family, **model), components, noticed | {"distinct": distinct or 10**6}, rounding)


def em(rows, components, family, steps=starts.EM_STEPS, **model):
    return starts.expectation_maximisation(specified(rows, components, family, **model), rows.units(), steps)


def minimum(minus, *points):
    """The least value of a function by a simplex from several points."""
    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-9, "fatol": 1e-11}
    return min(optimize.minimize(minus, point, method="Nelder-Mead", options=options).fun for point in points)


def weights_of(free):
    odds = np.exp(np.append(free, 0))
    return odds / odds.sum()


def test_two_rates_of_death_notices_are_the_maximum_of_the_likelihood(cases):
    rows = observations.read_csv(cases / "data" / "death_notices_freq.csv", ["y"], weights="freq")
    found = em(rows, 2, "poisson", steps=3000)
    units = rows.units()
    likelihood = log_likelihood(units.y, "poisson", found["theta"], found["rate"], count=units.count)

    def minus(p):
        return -log_likelihood(units.y, "poisson", weights_of(p[:1]), np.exp(p[1:]), count=units.count)

    assert likelihood == pytest.approx(-minimum(minus, [0, 0, 1], [-1, 0.1, 1.2]), abs=1e-4)
    assert likelihood == pytest.approx(-1989.94586, abs=1e-4)  # Hasselblad (1969) and many since
    np.testing.assert_allclose(found["theta"], [0.3599, 0.6401], atol=2e-3)  # EM is slow on so flat a likelihood
    np.testing.assert_allclose(found["rate"], [1.2561, 2.6634], atol=5e-3)


def test_rates_are_per_exposure():
    rng = np.random.default_rng(3)
    exposure = rng.choice([0.5, 1.0, 4.0], 400)
    rate = np.where(np.arange(400) < 150, 2.0, 9.0)
    rows = rows_of(rng.poisson(rate * exposure), exposure=exposure)
    found = em(rows, 2, "poisson", steps=500)

    def minus(p):
        return -log_likelihood(rows.y, "poisson", weights_of(p[:1]), np.exp(p[1:]), size=exposure)

    likelihood = log_likelihood(rows.y, "poisson", found["theta"], found["rate"], size=exposure)
    assert likelihood == pytest.approx(-minimum(minus, [-0.5, 0.7, 2.2]), abs=1e-4)
    np.testing.assert_allclose(found["rate"], [2, 9], rtol=0.1)
    # in other units of exposure the same
    again = em(rows_of(rows.y, exposure=exposure * 60), 2, "poisson", steps=500)
    np.testing.assert_allclose(again["rate"] * 60, found["rate"], rtol=1e-6)


def test_shares_of_trials_are_the_maximum_of_the_likelihood():
    rng = np.random.default_rng(4)
    trials = rng.integers(5, 30, 200)
    rows = rows_of(rng.binomial(trials, np.where(np.arange(200) < 80, 0.15, 0.6)), trials=trials)
    found = em(rows, 2, "binomial", steps=1000)

    def minus(p):
        return -log_likelihood(rows.y, "binomial", weights_of(p[:1]), 1 / (1 + np.exp(-p[1:])), size=trials)

    likelihood = log_likelihood(rows.y, "binomial", found["theta"], found["p"], size=trials)
    assert likelihood == pytest.approx(-minimum(minus, [-0.4, -1.7, 0.4]), abs=1e-5)
    np.testing.assert_allclose(found["p"], [0.15, 0.6], atol=0.03)


def test_extra_zeros_are_the_maximum_of_the_likelihood():
    rng = np.random.default_rng(5)
    y = np.where(rng.random(300) < 0.3, 0, rng.poisson(2.5, 300))
    rows = rows_of(y)
    found = em(rows, 1, "zero_inflated_poisson", steps=1000)
    likelihood = log_likelihood(rows.y, "poisson", [1.0], found["rate"], zero=found["zero"][0])

    def minus(p):
        return -log_likelihood(rows.y, "poisson", [1.0], np.exp(p[:1]), zero=1 / (1 + math.exp(-p[1])))

    assert likelihood == pytest.approx(-minimum(minus, [1, -1]), abs=1e-5)
    assert found["zero"][0] == pytest.approx(0.3, abs=0.08)


# Moments stand in for maximum likelihood: what single components of many observations must give back.
SINGLE = {
    "poisson": {"rate": 3.0},
    "negative_binomial": {"mean": 6.0, "dispersion": 0.8},
    "zero_inflated_poisson": {"rate": 3.0, "zero": 0.4},
    "zero_inflated_negative_binomial": {"mean": 6.0, "dispersion": 0.4, "zero": 0.4},
    "binomial": {"p": 0.3},
    "beta_binomial": {"p": 0.3, "dispersion": 0.5},
}


def simulated(name, n=6000, parameters=None, seed=6, trials=25.0):
    rng, family, parameters = np.random.default_rng(seed), UNIVARIATE[name], parameters or SINGLE[name]
    size = trials if family.takes == "trials" else 1.0
    y = family.generate(rng, *(np.broadcast_to(parameters[p], n) for p in family.of_component), size=np.full(n, size))
    if family.zero:
        y = np.where(rng.random(n) < parameters[family.zero], 0, y)
    return rows_of(y, trials=size if family.takes == "trials" else None)


@pytest.mark.parametrize("name", COUNTS)
def test_single_components_are_found(name):
    found = em(simulated(name), 1, name, steps=200)
    for parameter, value in SINGLE[name].items():
        # the moments of a zero-inflated negative binomial have a wide error
        assert found[parameter][0] == pytest.approx(value, rel=0.25 if "inflated_neg" in name else 0.06), parameter


@pytest.mark.parametrize("name", ["negative_binomial", "zero_inflated_negative_binomial", "beta_binomial"])
def test_without_overdispersion_the_estimate_stays_off_the_plateau(name):
    other = {"beta_binomial": "binomial"}.get(name, "poisson")
    found = em(simulated(other), 1, name)
    assert 0.05 <= found["dispersion"][0] < 0.2


@pytest.mark.parametrize("name", COUNTS)
def test_components_that_lie_apart_are_found(name):
    low, high = (0.1, 0.7) if UNIVARIATE[name].takes == "trials" else (2.0, 40.0)
    location = UNIVARIATE[name].ordered
    parameters = {location: np.repeat([low, high], [3600, 2400]), "dispersion": 0.2, "zero": 0.15}
    rows = simulated(name, parameters=parameters)
    found = em(rows, 2, name)
    np.testing.assert_allclose(found["theta"], [0.6, 0.4], atol=0.03)
    np.testing.assert_allclose(found[location], [low, high], rtol=0.1)
    for parameter in ("dispersion", "zero"):
        if parameter in found:
            assert len(set(found[parameter].tolist())) == 1
            assert found[parameter][0] == pytest.approx(parameters[parameter], abs=0.06)


EDGES = {
    "all zero but one": ([0] * 20 + [1], 30),
    "no zeros": ([5, 6, 7, 5, 6, 9, 12], 30),
    "all successes but one": ([30] * 10 + [29], 30),
    "huge": ([10**9, 10**9 + 5, 2 * 10**9, 2**31 - 1], 2**31 - 1),
    "two values": ([0, 3], 30),
    "far outlier": ([0, 1, 1, 2, 0, 1, 3, 2, 100_000], 200_000),
}


@pytest.mark.parametrize("components", [1, 2, 4])
@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("name", COUNTS)
def test_starting_values_are_legal_whatever_the_counts(name, edge, components):
    y, trials = EDGES[edge]
    takes = UNIVARIATE[name].takes
    rows = rows_of(y, trials=trials if takes == "trials" else None, exposure=0.5 if takes == "exposure" else None)
    own = [parameter.name for parameter in UNIVARIATE[name].parameters if parameter.sharing == "unless own"]
    for model in ({}, {"own": own}):
        given = specified(rows, components, name, **model)
        found = starts.starting_values(
            given, rows.units(), [starts.expectation_maximisation(given, rows.units())] * 2, seed=5
        )
        assert len(found) == 2
        for start in found:
            values = np.concatenate([np.ravel(value) for value in start.values()])
            assert np.isfinite(values).all()
            theta, location = np.array(start["theta_free"]), np.array(start["ordered_free"])
            assert theta.sum() == pytest.approx(1, abs=1e-12)
            assert theta.min() > 0
            assert len(location) == components
            assert (np.diff(location) > 0).all()
            dispersions = {"own": components, "shared": 1}[next(
                (e.mode for e in given.parameters if e.name == "dispersion"), "own")]  # fmt: skip
            assert len(start["scale_free"]) == (dispersions if own else 0)
            assert all(0.005 < value < 10 for value in start["scale_free"])  # under a prior of standard deviation 1
            assert all(0 < value < 1 for value in start["zero_free"])
            assert len(start["zero_free"]) == (1 if UNIVARIATE[name].zero else 0)
            location = given.unit["origin"] + location
            if takes == "trials":  # far from where a probability is 0 or 1 to the computer
                assert np.abs(location).max() < 25
            else:  # rates within sight of the data, one event in all of them to the largest count
                assert location.min() > -math.log(10 * rows.n) - 1
                assert location.max() < math.log(2 * max(y)) + 1.1


def copies(rows):
    """The same observations with every row written out."""
    repeated = np.repeat(np.arange(len(rows.y)), rows.frequency)
    sizes = {key: getattr(rows, key)[repeated] for key in ("trials", "exposure") if getattr(rows, key) is not None}
    return rows_of(rows.y[repeated], **sizes)


WEIGHTED = {
    "normal": (rows_of([2.5, -1.0, 3.5, 7.0, 2.5], frequency=[3, 1, 4, 2, 2]), "normal", None),
    "rounded": (rows_of([2.5, -1.0, 3.5, 7.0, 2.5], frequency=[3, 1, 4, 2, 2]), "student_t", 0.5),
    "gamma": (rows_of([2.5, 1.0, 3.5, 7.0], frequency=[3, 1, 4, 2]), "gamma", None),
    "counts": (
        rows_of([0, 3, 1, 0, 9], frequency=[9, 1, 4, 2, 3], exposure=[1, 1, 2, 3, 1]),
        "zero_inflated_poisson",
        None,
    ),
    "shares": (rows_of([0, 3, 1, 0, 9], frequency=[9, 1, 4, 2, 3], trials=[9, 9, 12, 9, 9]), "beta_binomial", None),
}


@pytest.mark.parametrize("case", WEIGHTED)
def test_weights_are_rows_written_out_and_the_order_of_rows_means_nothing(case):
    rows, family, rounding = WEIGHTED[case]
    out = copies(rows)
    assert len(out.y) == rows.n
    shuffled = np.random.default_rng(7).permutation(len(out.y))
    sizes = {key: getattr(out, key)[shuffled] for key in ("trials", "exposure") if getattr(out, key) is not None}
    made = []
    for each in (rows, out, rows_of(out.y[shuffled], **sizes)):
        given = specify("m", model_of(family), 2, notice(each, ["y"]), rounding)
        units = each.units()
        made.append(
            json.dumps(
                [
                    given.as_dict(),
                    program_data(given, units),
                    starts.starting_values(given, units, [starts.expectation_maximisation(given, units)] * 3, seed=8),
                ]
            )
        )
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("family", ["normal", "lognormal", "gamma", "student_t", "skew_normal"])
def test_em_of_rounded_values_is_close_to_em_of_exact_ones(family):
    y = np.exp(np.random.default_rng(9).normal([1.0, 2.5], 0.2, (150, 2)).ravel())
    exact, rounded = rows_of(y), rows_of(np.round(y, 1))
    one, other = em(exact, 2, family), em(rounded, 2, family, rounding=0.1)
    for name in ("theta", UNIVARIATE[family].ordered, UNIVARIATE[family].in_slot("scale")):
        np.testing.assert_allclose(one[name], other[name], rtol=0.05)


def test_a_scale_starts_above_where_its_prior_is_cut():
    rows = rows_of(np.round(np.random.default_rng(10).normal(0, 0.02, 200), 1))
    given = specified(rows, 2, "normal", priors={"sigma": "lognormal(0, 1) T[0.7, ]"})
    for start in starts.starting_values(
        given, rows.units(), [starts.expectation_maximisation(given, rows.units())] * 20, seed=1
    ):
        assert (np.array(start["scale_free"]) * given.unit["scale"] > 0.7).all()
