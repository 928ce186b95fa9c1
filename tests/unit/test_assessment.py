"""The rows of a fit's tables: the truth only where it can be compared, and only quantities that exist."""

import numpy as np
import pandas as pd
import pytest

from stanmix import files, inference, mixture, observations
from stanmix.assessment import assess, label_free_rows, summary_rows
from stanmix.families import FAMILIES
from stanmix.specification import specify

NOTICED = {
    "n": 4, "mean": 8.0, "median": 7.0, "sd": 3.0, "range": 16.0, "minimum": 0.5, "tied": 0, "most_tied": 1,
    "log": {"median": 1.9, "sd": 0.6, "range": 2.4},
}  # fmt: skip
MODEL = {"share": [], "own": [], "fixed": {}, "priors": {"theta": "dirichlet(1)"}}
OUTPUTS = (
    "checks", "summary", "summary_html", "label_free", "membership", "membership_html", "loo", "loo_pointwise",
    "density", "memberships_by_value", "replicates", "ecdf", "predictive",
)  # fmt: skip
Y = np.array([1.0, 2.0, 3.0, 17.0])
VALUES = {
    "mu": [2, 9], "sigma": [1, 2], "nu": [4, 4], "meanlog": [0.5, 2], "sdlog": [0.3, 0.4], "mean": [2, 9],
    "cv": [0.3, 0.4], "sd": [1, 2], "slant": [1, -1], "theta": [0.4, 0.6],
}  # fmt: skip


def fitted(folder, family, **changes):
    """Draws around `VALUES` of a model with two components, all but what is shared by default with own values."""
    specification = specify("m", MODEL | {"family": family}, 2, NOTICED)
    rng = np.random.default_rng(1)
    values = VALUES | changes
    variables = {"theta": rng.dirichlet([40, 60], (2, 100))}
    variables |= {
        name: np.array(values[name], float) * np.exp(rng.normal(0, 0.01, (2, 100, 1)))
        for name in FAMILIES[family].names
    }
    statistics = {column: np.ones((2, 100)) for column in inference.SAMPLE_STATS}
    inference.write_draws(folder / "d.nc", specification, variables, statistics, Y, np.zeros((2, 3, 4)), {})
    idata = inference.read_draws(folder / "d.nc")
    return idata, inference.by_component(idata, specification)


def truth_of(family, **changes):
    names = ["theta", *FAMILIES[family].names]
    return {"family": family, "components": 2} | {name: VALUES[name] for name in names} | changes


@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_are_compared_with_those_of_their_own_family_alone(family, tmp_path):
    idata, _ = fitted(tmp_path, family)
    for other in FAMILIES:
        rows = {row["title"]: row for row in summary_rows(idata, family, truth_of(other))}
        names = [name for name in FAMILIES[family].names if name != "nu"]
        assert list(rows) == [f"{name}[{k}]" for name in ["theta", *names] for k in (1, 2)] + ["nu"] * (
            family == "student_t"
        )
        for row in rows.values():
            known = row["parameter"] == "theta" or other == family
            assert row["truth"] == (VALUES[row["parameter"]][(row["component"] or 1) - 1] if known else None)
            assert (row["covered"] is not None) is known


@pytest.mark.parametrize(("changes", "compared"), [({}, True), ({"nu": [4, 5]}, False)])
def test_a_shared_parameter_has_no_one_truth_where_the_components_differ(changes, compared, tmp_path):
    idata, _ = fitted(tmp_path, "student_t")
    *_, row = summary_rows(idata, "student_t", truth_of("student_t", **changes))
    assert (row["title"], row["truth"]) == ("nu", 4 if compared else None)


def test_nothing_is_compared_with_the_truth_of_another_number_of_components(tmp_path):
    idata, _ = fitted(tmp_path, "gamma")
    assert {row["truth"] for row in summary_rows(idata, "gamma", truth_of("gamma", components=3))} == {None}
    assert {row["truth"] for row in summary_rows(idata, "gamma")} == {None}


@pytest.mark.parametrize("family", FAMILIES)
def test_label_free_moments_are_those_of_the_mixture(family, tmp_path):
    _, draws = fitted(tmp_path, family)
    log_likelihood = mixture.log_likelihood(family, Y, draws)
    rows = label_free_rows(family, Y, draws, log_likelihood, {"chains": 2, "draws": 100})
    found = {row["title"]: row["mean"] for row in rows}
    assert len(found) == 8
    # by quadrature of the density
    t = np.linspace(-30, 30, 6001)
    x, slope = (np.exp(t), np.exp(t)) if FAMILIES[family].positive else (np.sinh(t), np.cosh(t))
    few = {name: values[::40] for name, values in draws.items()}
    density = mixture.densities(family, x, few).sum(axis=2) * slope
    means = np.trapezoid(density * x, t)
    sds = np.sqrt(np.trapezoid(density * (x - means[:, None]) ** 2, t))
    at = label_free_rows(family, Y, few, log_likelihood[::40], {"chains": 1, "draws": len(means)})
    found = {row["title"]: row["mean"] for row in at}
    assert found["mixture mean"] == pytest.approx(means.mean(), rel=1e-6)
    assert found["mixture sd"] == pytest.approx(sds.mean(), rel=1e-6)


def test_a_mixture_without_a_variance_has_no_row_for_its_sd(tmp_path):
    _, draws = fitted(tmp_path, "student_t", nu=[1.8, 1.8])
    log_likelihood = mixture.log_likelihood("student_t", Y, draws)
    rows = label_free_rows("student_t", Y, draws, log_likelihood, {"chains": 2, "draws": 100})
    titles = [row["title"] for row in rows]
    assert titles[:2] == ["log likelihood", "mixture mean"]
    assert "mixture sd" not in titles
    assert len(titles) == 7


@pytest.mark.parametrize(("true_components", "right"), [(2, 40), (1, None), (3, None)])
def test_memberships_are_compared_only_with_as_many_true_components(true_components, right, tmp_path):
    rng = np.random.default_rng(2)
    component = np.repeat([1, 2], [15, 25]) if true_components == 2 else 1 + np.arange(40) % true_components
    y = rng.normal([0.0, 20.0], 1.0, (40, 2))[np.arange(40), (np.arange(40) >= 15).astype(int)]
    paths = {"observations": tmp_path / "y.csv", "truth": tmp_path / "truth.json", "draws": tmp_path / "d.nc"}
    observations.write(y, paths["observations"], tmp_path / "noticed.json", component)
    specification = specify("m", MODEL | {"family": "normal"}, 2, observations.notice(y))
    specification["sampling"] = {"chains": 2, "draws": 100, "max_treedepth": 10}
    paths["specification"] = tmp_path / "s.json"
    files.write_json(paths["specification"], specification)
    files.write_json(paths["truth"], {"family": "other", "components": true_components, "theta": [0.5] * 3})
    shape = (2, 100, 1)
    variables = {"theta": rng.dirichlet([15, 25], shape[:2]), "mu": rng.normal([0, 20], 0.1, (2, 100, 2))}
    variables["sigma"] = np.exp(rng.normal(0, 0.1, (2, 100, 2)))
    statistics = {column: rng.random(shape[:2]) for column in inference.SAMPLE_STATS}
    inference.write_draws(paths["draws"], specification, variables, statistics, y, rng.normal(size=(2, 50, 40)), {})
    outputs = {name: tmp_path / "out" / name for name in OUTPUTS}
    assess(paths, outputs, seed=1)
    assert files.read_json(outputs["loo"])["right"] == right
    assert ("true_component" in pd.read_csv(outputs["membership"])) is (right is not None)
