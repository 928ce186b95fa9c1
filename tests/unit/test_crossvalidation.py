"""Leaving one observation out against ArviZ on the rows written out, and comparisons against its own."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import logsumexp
from textbook import points_at, rows_of

from stanmix.assess import crossvalidation, elpd
from stanmix.compare import comparison
from stanmix.fits import inference
from stanmix.fits.inference import az
from stanmix.model import mixture

CHAINS, LENGTH = 4, 250
Y = np.array([-1.2, 0.0, 0.0, 0.3, 0.9, 2.0, 2.0, 2.0, 3.1, 3.3, 4.8, 14.0])  # the last is an outlier
COUNTS = np.array([0, 0, 1, 1, 1, 2, 2, 3, 4, 6, 6, 19])
EXPOSURE = np.array([1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3.0])


def posterior(family, seed=1, centres=(0.5, 3.0)):
    """Draws that scatter as those of a posterior do."""
    rng = np.random.default_rng(seed)
    total = CHAINS * LENGTH
    draws = {"theta": rng.dirichlet([6, 5], total)}
    if family == "normal":
        draws["mu"] = rng.normal(centres, 0.5, (total, 2))
        draws["sigma"] = np.exp(rng.normal(0.3, 0.3, (total, 2)))
    else:
        draws["rate"] = np.exp(rng.normal(np.log(centres), 0.3, (total, 2)))
        draws["zero"] = np.repeat(rng.beta(2, 8, (total, 1)), 2, axis=1)
    return draws


CASES = {
    "normal": ("normal", rows_of(Y), None),
    "rounded": ("normal", rows_of(Y), 0.1),
    "counts": ("zero_inflated_poisson", rows_of(COUNTS, exposure=EXPOSURE), None),
    "weighted": ("normal", rows_of([2.0, -1.2, 3.1, 2.0], frequency=[5, 1, 3, 2]), None),
    "weighted counts": (
        "zero_inflated_poisson",
        rows_of([0, 3, 1, 0], frequency=[9, 1, 4, 2], exposure=[1, 1, 2, 3]),
        None,
    ),
}


def log_likelihood_of_rows(family, rows, draws, step):
    """Of every observation written out, as ArviZ wants it: (chains, draws, n)."""
    size = np.ones(len(rows.y)) if rows.exposure is None else rows.exposure
    values = mixture.log_likelihood(family, points_at(rows.y, size, step), draws)
    return np.repeat(values, rows.frequency, axis=1).reshape(CHAINS, LENGTH, -1)


def arviz_of(family, rows, draws, step, efficiency):
    values = log_likelihood_of_rows(family, rows, draws, step)
    idata = az.from_dict(posterior={"theta": draws["theta"].reshape(CHAINS, LENGTH, 2)}, log_likelihood={"y": values})
    return az.loo(idata, pointwise=True, reff=efficiency)


def ours_of(family, rows, draws, step, efficiency):
    units = rows.units()
    size = np.ones(len(units.y)) if units.exposure is None else units.exposure
    points = points_at(units.y, size, step)
    loo = crossvalidation.leave_one_out(family, points, units.count, draws, efficiency)
    return loo | elpd.totals(loo, units.count), units


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
@pytest.mark.parametrize("efficiency", [1.0, 0.6])
@pytest.mark.parametrize("case", CASES)
def test_leaving_one_out_equals_arviz_on_the_rows_written_out(case, efficiency):
    family, rows, step = CASES[case]
    draws = posterior(family)
    expected = arviz_of(family, rows, draws, step, efficiency)
    found, units = ours_of(family, rows, draws, step, efficiency)
    assert found["n"] == rows.n == expected.n_data_points
    assert found["elpd"] == pytest.approx(float(expected.elpd_loo), rel=1e-12)
    assert found["se"] == pytest.approx(float(expected.se), rel=1e-12)
    assert found["p_loo"] == pytest.approx(float(expected.p_loo), rel=1e-9)
    assert found["good_k"] == pytest.approx(min(1 - 1 / math.log10(1000), 0.7)) == pytest.approx(expected.good_k)
    written_out = np.repeat(units.index, rows.frequency)
    np.testing.assert_allclose(found["elpd_i"][written_out], expected.loo_i.values, rtol=1e-11)
    np.testing.assert_allclose(found["pareto_k"][written_out], expected.pareto_k.values, rtol=1e-8, atol=1e-10)
    assert found["n_bad"] == int((expected.pareto_k.values > expected.good_k).sum())
    total = log_likelihood_of_rows(family, rows, draws, step).sum(axis=2).ravel()
    np.testing.assert_allclose(found["log_likelihood"], total, rtol=1e-12)


def test_an_outlier_is_among_the_bad_ones():
    found, units = ours_of("normal", rows_of(Y), posterior("normal"), None, 1.0)
    assert found["n_bad"] == (found["pareto_k"] > found["good_k"]).sum() > 0
    assert found["pareto_k"].argmax() == units.y.argmax()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("block", [1, 2000, 3000, 10**6])
def test_blocks_of_any_size_give_the_same(case, block, monkeypatch):
    family, rows, step = CASES[case]
    draws = posterior(family)
    expected, _ = ours_of(family, rows, draws, step, 0.8)
    monkeypatch.setattr(crossvalidation, "BLOCK", block)
    monkeypatch.setattr(mixture, "CHUNK", block)
    found, _ = ours_of(family, rows, draws, step, 0.8)
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-12, err_msg=key)


@pytest.mark.parametrize("case", CASES)
def test_the_transform_without_an_observation_is_the_weighted_mean_of_its_probabilities(case, monkeypatch):
    monkeypatch.setattr(crossvalidation, "TAIL_DRAWS", 10**6)
    family, rows, step = CASES[case]
    draws = posterior(family)
    found, units = ours_of(family, rows, draws, step, 1.0)
    size = np.ones(len(units.y)) if units.exposure is None else units.exposure
    for n, (value, one) in enumerate(zip(units.y, size, strict=True)):
        log_likelihood = mixture.log_likelihood(family, points_at([value], one, step), draws)[:, 0]
        log_weights, _ = az.psislw(-log_likelihood, 1.0)
        weights = np.exp(np.asarray(log_weights))
        assert weights.sum() == pytest.approx(1)
        if family == "normal":
            half = (step or 0) / 2
            ends = (stats.norm.cdf(value + side * half, draws["mu"], draws["sigma"]) for side in (-1, 1))
            below, with_it = ((draws["theta"] * end).sum(axis=1) for end in ends)
        else:
            zero, keep = draws["zero"][:, 0], 1 - draws["zero"][:, 0]
            ends = (stats.poisson.cdf(value - less, draws["rate"] * one) for less in (1, 0))
            below, with_it = (keep * (draws["theta"] * end).sum(axis=1) for end in ends)
            below, with_it = below + zero * (value > 0), with_it + zero
        for place, probability in enumerate((below, with_it)):
            assert found["pit"][place, n] == pytest.approx(probability.mean(), rel=1e-10)
            assert found["loo_pit"][place, n] == pytest.approx(weights @ probability, rel=1e-10)


def test_exactly_leaving_out_is_what_importance_sampling_estimates():
    # A normal mean of known sd: the posterior without an observation is known, and with it the density of that.
    y = np.random.default_rng(3).normal(2, 1, 25)
    draws = np.random.default_rng(4).normal(y.mean(), 1 / math.sqrt(25), (40_000, 1))
    points = {"mu": draws, "sigma": np.ones_like(draws), "theta": np.ones_like(draws)}
    found = crossvalidation.leave_one_out("normal", points_at(y), np.ones(25), points, 1.0)
    others = (y.sum() - y) / 24
    exact = stats.norm.logpdf(y, others, math.sqrt(1 + 1 / 24))
    np.testing.assert_allclose(found["elpd_i"], exact, atol=0.01)
    np.testing.assert_allclose(found["loo_pit"][0], stats.norm.cdf(y, others, math.sqrt(1 + 1 / 24)), atol=0.005)
    assert elpd.totals(found, np.ones(25))["p_loo"] == pytest.approx(1, abs=0.5)


def test_as_many_draws_as_can_be_afforded_evenly_from_every_chain(monkeypatch):
    draws = {"theta": np.arange(4000.0)[:, None], "mu": -np.arange(4000.0)[:, None]}
    assert mixture.affordable(draws, 200, 4)["theta"].tolist() == draws["theta"].tolist()
    monkeypatch.setattr(mixture, "AFFORDABLE", 2_000_000)
    kept = mixture.affordable(draws, 1000, 4)
    assert kept["theta"].shape == (2000, 1)
    assert (kept["mu"] == -kept["theta"]).all()
    chains = kept["theta"][:, 0].reshape(4, -1)
    for chain in range(4):
        assert (chains[chain] >= 1000 * chain).all()
        assert (chains[chain] < 1000 * (chain + 1)).all()
        assert set(np.diff(chains[chain])) <= {1.0, 2.0, 3.0}
    # never too few to say anything
    assert len(mixture.affordable(draws, 10**9, 4)["theta"]) == mixture.FEWEST_DRAWS
    assert len(mixture.affordable({"theta": np.ones((200, 1))}, 10**9, 4)["theta"]) == 200


def test_the_standard_error_of_a_sum_counts_every_observation():
    values, count = np.array([1.0, 4.0, -2.0]), np.array([3.0, 1.0, 2.0])
    written_out = [1, 1, 1, 4, -2, -2]
    mean = sum(written_out) / 6
    expected = math.sqrt(6 * sum((value - mean) ** 2 for value in written_out) / 6)
    assert elpd.standard_error(values, count) == pytest.approx(expected, rel=1e-14)
    assert elpd.standard_error(np.array([5.0]), np.array([7.0])) == 0


@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto", "ignore:The inplace keyword")
@pytest.mark.parametrize("case", CASES)
def test_ranks_and_differences_equal_those_of_arviz(case):
    family, rows, step = CASES[case]
    models = {"a": posterior(family, 2), "b": posterior(family, 3, (0.8, 2.0)), "c": posterior(family, 4, (0.2, 5.0))}
    loos, pointwise, theirs = {}, {}, {}
    for name, draws in models.items():
        loo, units = ours_of(family, rows, draws, step, 1.0)
        loos[name] = loo
        pointwise[name] = pd.DataFrame({"elpd": loo["elpd_i"][units.index], "weight": rows.frequency})
        theirs[name] = arviz_of(family, rows, draws, step, 1.0)
    expected = az.compare(theirs, ic="loo")
    found = comparison.ranked(loos, pointwise)
    assert [row["model"] for row in found] == list(expected.index)
    assert [row["rank"] for row in found] == expected["rank"].tolist() == [0, 1, 2]
    for row in found:
        other = expected.loc[row["model"]]
        assert row["elpd"] == pytest.approx(other["elpd_loo"], rel=1e-12)
        assert row["elpd_diff"] == pytest.approx(-other["elpd_diff"], rel=1e-10, abs=1e-12)
        assert row["dse"] == pytest.approx(other["dse"], rel=1e-10, abs=1e-12)
        assert row["se"] == pytest.approx(other["se"], rel=1e-10)
        assert row["p_loo"] == pytest.approx(other["p_loo"], rel=1e-8)


def test_equal_models_keep_their_order():
    loos = {name: {"elpd": -3.0, "se": 1.0, "p_loo": 0.5} for name in ("z", "a", "m")}
    table = pd.DataFrame({"elpd": [-1.0, -2.0], "weight": [1, 1]})
    assert [row["model"] for row in comparison.ranked(loos, dict.fromkeys(loos, table))] == ["z", "a", "m"]


def test_even_weights_are_taken_as_they_are_and_come_near_the_smoothed_ones():
    rng = np.random.default_rng(8)
    spread = np.array([1e-3, 0.01, 0.05, 1.0])
    log_likelihood = -1 + spread * rng.normal(size=(2000, 4))
    log_weights, pareto_k = inference.leave_one_out_weights(log_likelihood, 1.0)
    assert np.isnan(pareto_k).tolist() == [True, True, True, False]
    np.testing.assert_allclose(np.exp(log_weights).sum(axis=0), 1)
    smoothed, k = az.psislw(-log_likelihood.T, 1.0)
    assert pareto_k[3] == np.asarray(k)[3]
    np.testing.assert_array_equal(log_weights[:, 3], np.asarray(smoothed)[3])
    # The log density without an observation differs far less than by what it differs from that with it.
    ours, theirs = (logsumexp(weights + log_likelihood, axis=0) for weights in (log_weights, np.asarray(smoothed).T))
    assert (abs(ours - theirs) < 0.05 * spread**2 + 1e-12)[:3].all()
