"""Data sets under every family, from the configuration to the comparison and the page."""

import json

import numpy as np
import pandas as pd
import pytest

from stanmix.families.family import MULTIVARIATE
from stanmix.families.registry import FAMILIES

POSITIVE = ("normal", "student_t", "lognormal", "gamma", "weibull", "skew_normal")
COUNTS = ("poisson", "negative_binomial", "zero_inflated_poisson", "zero_inflated_negative_binomial")
SHARES = ("binomial", "beta_binomial")
MODELS = "".join(f"  {name}: {{family: {name}}}\n" for name in (*POSITIVE, *COUNTS, *SHARES))
CONFIG = f"""\
seed: 11
sampling: {{chains: 2, warmup: 200, draws: 200}}
datasets:
  sizes: {{simulate: {{family: lognormal, sizes: [50, 40], meanlog: [0, 2], sdlog: 0.3}}}}
  calls: {{simulate: {{family: zero_inflated_poisson, n: 90, theta: [0.6, 0.4], rate: [3, 20], zero: 0.2}}}}
  votes: {{simulate: {{family: binomial, sizes: [30, 20], p: [0.1, 0.6], trials: 20}}}}
models:
{MODELS}analyses:
  - {{dataset: sizes, models: [{", ".join(POSITIVE)}], components: 2}}
  - {{dataset: calls, models: [{", ".join(COUNTS)}], components: 2}}
  - {{dataset: calls, models: [zero_inflated_poisson], components: 1}}
  - {{dataset: votes, models: [{", ".join(SHARES)}], components: 2}}
"""
DATASETS = dict.fromkeys(POSITIVE, "sizes") | dict.fromkeys(COUNTS, "calls") | dict.fromkeys(SHARES, "votes")
SIMULATED = {"sizes": ("lognormal", [5 / 9, 4 / 9]), "calls": ("zero_inflated_poisson", [0.6, 0.4])}
SIMULATED["votes"] = ("binomial", [0.6, 0.4])


@pytest.fixture(scope="module")
def run(new_run, toolchain_record):
    run = new_run("families", CONFIG)
    # figures of counts are drawn in other tests
    targets = [f"results/compare/{name}/numbers.json" for name in ("calls", "votes")]
    told = run.snakemake(*targets, "results/reports/sizes.html")
    assert told.returncode == 0, told.stdout
    return run


def test_every_family_of_one_column_has_a_data_set_here():
    assert set(DATASETS) == {name for name, family in FAMILIES.items() if family.kind != MULTIVARIATE}


@pytest.mark.parametrize("name", DATASETS)
def test_a_fit_has_the_parameters_of_its_family(run, name):
    dataset, family = DATASETS[name], FAMILIES[name]
    fit = run / f"results/fits/{dataset}/{name}/2"
    summary = pd.read_csv(fit / "summary.csv")
    assert list(summary["parameter"].unique()) == ["theta", *family.names]
    weights = summary[summary["parameter"] == "theta"]["mean"]
    data = json.loads((fit / "data.json").read_text())
    assert summary[summary["parameter"] == family.ordered]["mean"].is_monotonic_increasing
    assert data["family"] == family.number
    # the truth goes with parameters of its own family, and weights are the same in all
    true_family, theta = SIMULATED[dataset]
    known = set(summary[summary["truth"].notna()]["parameter"])
    assert known == {"theta"} | (set(family.names) if name == true_family else set())
    assert list(weights) == pytest.approx(theta, abs=0.15)


def test_families_are_compared_on_the_scale_of_the_data(run):
    table = pd.read_csv(run / "results/compare/sizes/comparison.csv").set_index("model")
    assert set(table.index) == set(POSITIVE)
    # without the Jacobian of the logs lognormal would be off by the sum of the logs, about 80
    assert table.loc["lognormal", "elpd"] == pytest.approx(table.loc["gamma", "elpd"], abs=15)
    page = (run / "results/reports/sizes.html").read_text()
    for name in POSITIVE:
        assert name in page
    assert "gamma(2, 0.1), above 1" in page


def test_families_of_counts_that_can_describe_them_predict_alike(run):
    table = pd.read_csv(run / "results/compare/calls/comparison.csv").set_index("model")
    elpd = table["elpd"]
    # the negative binomial family holds the Poisson one, and a fifth of extra zeros cannot do without them
    best = elpd["zero_inflated_poisson (K = 2)"]
    assert elpd["zero_inflated_negative_binomial"] == pytest.approx(best, abs=6)
    assert elpd["poisson"] < best - 5
    assert elpd["zero_inflated_poisson (K = 1)"] < best - 50
    shares = pd.read_csv(run / "results/compare/votes/comparison.csv").set_index("model")["elpd"]
    assert shares["binomial"] == pytest.approx(shares["beta_binomial"], abs=6)


def test_the_number_of_components_is_judged_for_the_model_with_several(run):
    (judged,) = json.loads((run / "results/compare/calls/numbers.json").read_text())
    assert judged["model"] == "zero_inflated_poisson"
    assert [row["components"] for row in judged["rows"]] == [1, 2]
    assert [row["within"] for row in judged["rows"]] == [False, True]
    for row in judged["rows"]:
        loo = json.loads((run / f"results/fits/calls/zero_inflated_poisson/{row['components']}/loo.json").read_text())
        assert (row["elpd"], row["n_bad"], row["refitted"]) == (loo["elpd"], loo["n_bad"], loo["refitted"])
    assert json.loads((run / "results/compare/votes/numbers.json").read_text()) == []


def test_memberships_and_truth_of_extra_zeros(run):
    table = pd.read_csv(run / "results/fits/calls/zero_inflated_poisson/2/membership.csv")
    means = table.filter(regex="^probability_[^_]+$")
    assert list(means) == ["probability_1", "probability_2", "probability_zero"]
    assert table.loc[table["y"] > 0, "probability_zero"].max() == 0
    np.testing.assert_allclose(means.sum(axis=1), 1, rtol=1e-9)
    assert set(table["true_component"].astype(str)) == {"1", "2", "zero"}
    assert (table["right"] == (table["component"].astype(str) == table["true_component"].astype(str))).all()
    assert table["right"].mean() > 0.8
