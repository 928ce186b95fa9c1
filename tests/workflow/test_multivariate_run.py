"""Several columns from the configuration to the page: simulated eruptions like those of Old Faithful."""

import json
import re

import numpy as np
import pandas as pd
import pytest

CONFIG = """\
seed: 5
sampling: {chains: 2, warmup: 200, draws: 200}
datasets:
  geyser: {csv: data/geyser.csv, columns: [waiting, eruption], label: waits and eruptions (min)}
models:
  full: {family: multivariate_normal, order: waiting}
  plain: {family: multivariate_normal, correlation: diagonal, share: [sigma]}
analyses:
  - {dataset: geyser, models: [full, plain], components: 2}
"""
MEANS = np.array([[55.0, 2.0], [80.0, 4.3]])
SDS = np.array([[6.0, 0.3], [6.0, 0.4]])
CORRELATION = 0.75
SIZES = (70, 110)


@pytest.fixture(scope="module")
def run(new_run, toolchain_record):
    run = new_run("columns", CONFIG)
    rng = np.random.default_rng(9)
    groups = [
        rng.multivariate_normal(mean, np.outer(sd, sd) * [[1, CORRELATION], [CORRELATION, 1]], size)
        for mean, sd, size in zip(MEANS, SDS, SIZES, strict=True)
    ]
    table = pd.DataFrame(np.vstack(groups).round(6), columns=["waiting", "eruption"])
    table.to_csv(run / "data" / "geyser.csv", index=False)
    told = run.snakemake()
    assert told.returncode == 0, told.stdout
    return run


def test_estimates_are_near_the_truth(run):
    table = pd.read_csv(run / "results/fits/geyser/full/2/summary.csv")
    for name, truth in (("mu", MEANS), ("sigma", SDS)):
        for (k, d), value in np.ndenumerate(truth):
            column = ("waiting", "eruption")[d]
            row = table[(table["parameter"] == name) & (table["component"] == k + 1) & (table["column"] == column)]
            assert abs(float(row["mean"].iloc[0]) - value) < 4 * float(row["sd"].iloc[0])
    correlations = table[table["parameter"] == "correlation"]
    assert correlations[["component", "column", "column_2"]].to_numpy().tolist() == [
        [1, "eruption", "waiting"],
        [2, "eruption", "waiting"],
    ]
    assert (correlations["hdi_lower"] < CORRELATION).all()
    assert (correlations["hdi_upper"] > CORRELATION).all()
    assert (table["r_hat"] < 1.1).all()


def test_a_model_without_correlations_has_none_and_is_found_out(run):
    plain = run / "results/fits/geyser/plain/2"
    table = pd.read_csv(plain / "summary.csv")
    assert set(table["parameter"]) == {"theta", "mu", "sigma"}
    assert table[table["parameter"] == "sigma"]["component"].isna().all()
    status = {check["name"]: check["status"] for check in json.loads((plain / "checks.json").read_text())["checks"]}
    assert status["predictive_component_correlations"] == "fail"
    comparison = pd.read_csv(run / "results/compare/geyser/comparison.csv").set_index("model")
    assert comparison.loc["plain", "elpd_diff"] < -3 * comparison.loc["plain", "dse"]


def test_memberships_are_those_of_the_groups(run):
    table = pd.read_csv(run / "results/fits/geyser/full/2/membership.csv")
    assert {"y_waiting", "y_eruption"} <= set(table.columns)
    right = np.repeat([1, 2], SIZES)
    assert (table["component"] == right).mean() > 0.97
    np.testing.assert_allclose(table.filter(regex=r"^probability_\d+$").sum(axis=1), 1, atol=1e-9)


def test_the_page_says_what_the_tables_say(run):
    page = re.sub(r"</?(?:a|span)\b[^>]*>", "", (run / "results/reports/geyser.html").read_text())
    table = pd.read_csv(run / "results/fits/geyser/full/2/summary.csv")
    mean = float(table[(table["parameter"] == "mu") & (table["column"] == "waiting")]["mean"].iloc[0])
    assert "mu[1, waiting]" in page
    assert f"{mean:.2f}" in page
    for words in (
        "180 observations of waits and eruptions (min)",
        "<code>waiting</code> and <code>eruption</code>",
        "ordered by mu[waiting]",
        "correlation[2, eruption, waiting]",
        "correlation ~ lkj(2)",
        "LOO-PITs spread as unevenly",
        "correlation of eruption and waiting",
    ):
        assert words in page, words
    facts = json.loads((run / "results/fits/geyser/full/2/predictive.json").read_text())
    assert {row["name"] for row in facts["statistics"]} == {
        "mean of waiting", "mean of eruption", "sd of waiting", "sd of eruption",
        "correlation of eruption and waiting",
    }  # fmt: skip
    assert facts["p_values"]["statistics"] > 0.01
