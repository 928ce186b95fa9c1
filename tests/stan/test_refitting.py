"""Exact fits where importance sampling fails, against a posterior known in closed form."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from stanmix.assess import crossvalidation, elpd, refitting
from stanmix.base.files import write_json
from stanmix.data import noticing
from stanmix.data.observations import Observations
from stanmix.families.family import Points
from stanmix.fits import inference
from stanmix.fits.starts import expectation_maximisation, starting_values
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data
from stanmix.stan.cmdstan import sample

MODEL = {
    "family": "poisson", "share": [], "own": [], "membership": "group", "labels": "ordered", "fixed": {},
    "priors": {"theta": "dirichlet(1)", "rate": "gamma(1, 0.5)"},
}  # fmt: skip
SAMPLING = {"chains": 2, "warmup": 300, "draws": 1000, "adapt_delta": 0.8, "max_treedepth": 10, "metric": "diag"}
OUTLIER = 14.0
Y = np.array([0.0] * 9 + [1.0] * 4 + [2.0] * 2 + [OUTLIER])


@pytest.fixture(scope="module")
def fitted(compiled, root, toolchain_record, tmp_path_factory):
    folder = tmp_path_factory.mktemp("refitting")
    rows = Observations(Y, np.ones(len(Y), np.int64))
    units = rows.units()
    specification = specify("counts", MODEL, 1, noticing.notice(rows, ["y"]))
    near = [expectation_maximisation(specification, units)] * 2
    starts = starting_values(specification, units, near, seed=1)
    specification = replace(specification, sampling=SAMPLING, starting_values=starts)
    inputs = {"executable": compiled(root / "stan", "univariate"), "data": folder / "data.json"}
    inputs["toolchain"] = folder / "toolchain.json"
    write_json(inputs["data"], program_data(specification, units))
    write_json(inputs["toolchain"], toolchain_record)
    slots, _ = sample(
        inputs["executable"], inputs["data"], specification.starting_values, SAMPLING, 1, toolchain_record
    )
    points, draws = Points.of(units), inference.flat(slots, specification)
    loo = crossvalidation.leave_one_out("poisson", points, units.count, draws, efficiency=1.0)
    return loo, specification, points, units, inputs


def exact(y):
    """Log predictive probability of a count given all others: negative binomial, the rate being gamma."""
    shape, rate = 1 + Y.sum() - y, 0.5 + len(Y) - 1
    return stats.nbinom(shape, rate / (rate + 1))


def test_importance_sampling_fails_for_the_outlier_alone(fitted):
    loo, _, points, *_ = fitted
    assert (loo["pareto_k"] > loo["good_k"]).tolist() == (points.y == OUTLIER).tolist()


def test_an_exact_fit_takes_its_place(fitted):
    loo, specification, points, units, inputs = fitted
    said = []
    repaired = refitting.repair(loo, specification, points, None, inputs, seed=3, say=said.append)
    assert repaired["refitted"] == 1
    assert len(said) >= 1
    others = points.y != OUTLIER
    assert np.array_equal(repaired["elpd_i"][others], loo["elpd_i"][others])
    # The Monte Carlo error of log mean p is the sd of p over its mean, over the root of the effective draws.
    draws = np.random.default_rng(5).gamma(1 + Y.sum() - OUTLIER, 1 / (0.5 + len(Y) - 1), 100_000)
    p = stats.poisson(draws).pmf(OUTLIER)
    error = p.std() / p.mean() / np.sqrt(600)
    assert repaired["elpd_i"][~others][0] == pytest.approx(exact(OUTLIER).logpmf(OUTLIER), abs=4 * error)
    assert repaired["loo_pit"][:, ~others].ravel() == pytest.approx([1, 1], abs=1e-3)
    totals = elpd.totals(loo | repaired, units.count)
    assert totals["n_bad"] == 0
    assert totals["elpd"] == pytest.approx(units.count @ repaired["elpd_i"], rel=1e-12)


def test_good_values_stay_as_good_as_exact_ones(fitted):
    loo, _, points, *_ = fitted
    # Weights and values vary like the rate: their relative sd is its sd, over the root of the effective draws.
    error = np.sqrt(1 + Y.sum()) / (0.5 + len(Y)) / np.sqrt(600)
    for y, value in zip(points.y, loo["elpd_i"], strict=True):
        if y != OUTLIER:
            assert value == pytest.approx(exact(y).logpmf(y), abs=4 * error)


def test_with_very_many_bad_values_nothing_is_repaired(fitted):
    loo, specification, points, _, inputs = fitted
    many = {key: np.repeat(loo[key], 12, axis=-1) for key in ("elpd_i", "pareto_k", "loo_pit")}
    many["pareto_k"] = np.full(len(many["pareto_k"]), 2.0)
    repaired = refitting.repair(loo | many, specification, points, None, inputs, seed=3)
    assert repaired["refitted"] == 0
    assert np.array_equal(repaired["elpd_i"], many["elpd_i"])


def test_log_likelihood_of_the_sum_is_that_of_the_observations(fitted):
    loo = fitted[0]
    assert loo["log_likelihood"].mean() == pytest.approx(
        sum(stats.poisson(Y.mean()).logpmf(Y)), abs=3
    )  # near its maximum
    assert mixture.parts("poisson", 1) == ["1"]
