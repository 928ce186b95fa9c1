"""One data set under every family, from the configuration to the page."""

import json

import pandas as pd
import pytest

from stanmix.families import FAMILIES

MODELS = "".join(f"  {name}: {{family: {name}}}\n" for name in FAMILIES)
CONFIG = f"""\
seed: 11
sampling: {{chains: 2, warmup: 200, draws: 200}}
datasets:
  sizes: {{simulate: {{family: lognormal, sizes: [50, 40], meanlog: [0, 2], sdlog: 0.3}}}}
models:
{MODELS}analyses:
  - {{dataset: sizes, models: [{", ".join(FAMILIES)}], components: 2}}
"""


@pytest.fixture(scope="module")
def run(new_run, toolchain_record):
    run = new_run("families", CONFIG)
    told = run.snakemake()
    assert told.returncode == 0, told.stdout
    return run


@pytest.mark.parametrize("name", FAMILIES)
def test_a_fit_has_the_parameters_of_its_family(run, name):
    fit = run / f"results/fits/sizes/{name}/2"
    summary = pd.read_csv(fit / "summary.csv")
    assert list(summary["parameter"].unique()) == ["theta", *FAMILIES[name].names]
    ordered = summary[summary["parameter"] == FAMILIES[name].ordered]["mean"]
    assert ordered.is_monotonic_increasing
    # the truth goes with parameters of its own family, and weights are the same in all
    known = set(summary[summary["truth"].notna()]["parameter"])
    assert known == ({"theta", "meanlog", "sdlog"} if name == "lognormal" else {"theta"})
    assert json.loads((fit / "data.json").read_text())["family"] == FAMILIES[name].number
    weights = summary[summary["parameter"] == "theta"]["mean"]
    assert list(weights) == pytest.approx([5 / 9, 4 / 9], abs=0.15)


def test_families_are_compared_on_the_scale_of_the_data(run):
    table = pd.read_csv(run / "results/compare/sizes/comparison.csv").set_index("model")
    assert set(table.index) == set(FAMILIES)
    # without the Jacobian of the logs lognormal would be off by the sum of the logs, about 80
    assert table.loc["lognormal", "elpd"] == pytest.approx(table.loc["gamma", "elpd"], abs=15)
    page = (run / "results/reports/sizes.html").read_text()
    for name in FAMILIES:
        assert name in page
    assert "gamma(2, 0.1), above 1" in page
