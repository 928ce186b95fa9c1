"""The rows of a fit's tables: the truth only where it can be compared, and only quantities that exist."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from textbook import UNIVARIATE, model_of, noticed_in, points_at, rows_of

from stanmix.assess import checks, cutoff_words, cutoffs
from stanmix.assess.assessment import label_free_rows, summary_rows
from stanmix.base import files
from stanmix.data import observations
from stanmix.families.family import WHOLE
from stanmix.families.registry import FAMILIES
from stanmix.fits import inference
from stanmix.jobs.assessing import assess_fit
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data

OUTPUTS = (
    "checks", "labels", "summary", "summary_html", "centres", "label_free", "membership", "membership_html",
    "memberships", "cutoffs", "cutoffs_html", "co_clustering", "loo", "loo_pointwise", "density",
    "memberships_by_value", "replicates", "ecdf", "transform", "statistics", "prior", "predictive",
)  # fmt: skip
Y = np.array([1.0, 2.0, 3.0, 17.0])
TRIALS = 20.0
VALUES = {
    "mu": [2, 9], "sigma": [1, 2], "nu": [4, 4], "meanlog": [0.5, 2], "sdlog": [0.3, 0.4], "mean": [2, 9],
    "cv": [0.3, 0.4], "sd": [1, 2], "slant": [1, -1], "theta": [0.4, 0.6], "rate": [2, 9], "p": [0.2, 0.6],
    "dispersion": [0.5, 0.5], "median": [2, 9], "shape": [1.5, 2], "zero": [0.3, 0.3],
}  # fmt: skip


def fitted(folder, family, **changes):
    """Draws around `VALUES` of a model with two components, all but what is shared by default with own values."""
    rows = rows_of(Y, trials=TRIALS if FAMILIES[family].takes == "trials" else None)
    specification = specify("m", model_of(family), 2, noticed_in(Y, trials=rows.trials))
    rng = np.random.default_rng(1)
    values = VALUES | changes
    variables = {"theta": rng.dirichlet([40, 60], (2, 100))}
    variables |= {
        name: np.array(values[name], float) * np.exp(rng.normal(0, 0.01, (2, 100, 1)))
        for name in FAMILIES[family].names
    }
    variables |= {name: variables[name][:, :, :1] for name in variables if name == "zero"}
    statistics = {column: np.ones((2, 100)) for column in inference.SAMPLE_STATS}
    replicates = np.zeros((2, 3, 4))
    inference.write_draws(folder / "d.nc", specification, variables, statistics, rows, np.arange(4), replicates, {})
    idata = inference.read_draws(folder / "d.nc")
    return idata, inference.by_component(idata, specification)


def truth_of(family, **changes):
    names = ["theta", *FAMILIES[family].names]
    return {"family": family, "components": 2} | {name: VALUES[name] for name in names} | changes


@pytest.mark.parametrize("family", UNIVARIATE)
def test_parameters_are_compared_with_those_of_their_own_family_alone(family, tmp_path):
    idata, _ = fitted(tmp_path, family)
    for other in UNIVARIATE:
        rows = {row["title"]: row for row in summary_rows(idata, family, truth_of(other))}
        shared = [name for name in FAMILIES[family].names if name in ("nu", "dispersion", "zero")]
        own = [name for name in ["theta", *FAMILIES[family].names] if name not in shared]
        assert list(rows) == [f"{name}[{k}]" for name in own for k in (1, 2)] + shared
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


@pytest.mark.parametrize("family", UNIVARIATE)
def test_label_free_moments_are_those_of_the_mixture(family, tmp_path):
    _, draws = fitted(tmp_path, family)
    entry, points = FAMILIES[family], points_at(Y, TRIALS)
    rows = label_free_rows(family, points, draws, {"log likelihood": np.arange(200.0)}, chains=2)
    values = [1.0, 2.0, 3.0, 17.0]  # the quantiles; one of them twice
    what = "probability" if entry.kind == WHOLE else "density"
    titles = ["log likelihood", "mixture mean", "mixture sd", *(f"{what} at {value:g}" for value in values)]
    assert [row["title"] for row in rows] == titles
    assert rows[0]["mean"] == pytest.approx(99.5)
    few = {name: values[::40] for name, values in draws.items()}
    found = {row["title"]: row["mean"] for row in label_free_rows(family, points, few, {}, chains=1)}
    # by quadrature of the density, or by summation
    if entry.kind == WHOLE:
        x = np.arange(TRIALS + 1 if entry.takes == "trials" else 5000.0)
        mass = mixture.densities(family, points_at(x, TRIALS), few).sum(axis=2)

        def total(values):
            return values.sum(axis=1)
    else:
        t = np.linspace(-30, 30, 6001)
        x, slope = (np.exp(t), np.exp(t)) if entry.positive else (np.sinh(t), np.cosh(t))
        mass = mixture.densities(family, points_at(x), few).sum(axis=2) * slope

        def total(values):
            return np.trapezoid(values, t)

    means = total(mass * x)
    sds = np.sqrt(total(mass * (x - means[:, None]) ** 2))
    assert found["mixture mean"] == pytest.approx(means.mean(), rel=1e-6)
    assert found["mixture sd"] == pytest.approx(sds.mean(), rel=1e-6)
    at = mixture.densities(family, points_at([3.0], TRIALS), few).sum(axis=2)
    assert found[f"{what} at 3"] == pytest.approx(at.mean(), rel=1e-12)


def test_label_free_quantities_of_rounded_values_are_probabilities(tmp_path):
    _, draws = fitted(tmp_path, "normal")
    rows = label_free_rows("normal", points_at(Y, step=1.0), draws, {}, chains=2)
    assert [row["title"] for row in rows][2:] == [f"probability at {value}" for value in (1, 2, 3, 17)]


def test_a_mixture_without_a_variance_has_no_row_for_its_sd(tmp_path):
    _, draws = fitted(tmp_path, "student_t", nu=[1.8, 1.8])
    titles = [row["title"] for row in label_free_rows("student_t", points_at(Y), draws, {}, chains=2)]
    assert titles[0] == "mixture mean"
    assert "mixture sd" not in titles
    assert len(titles) == 5


def assessed(tmp_path, true_components):
    """The paths of all that `assess` wrote of 40 values and 200 draws, two chains of them."""
    tmp_path.mkdir(exist_ok=True)
    rng = np.random.default_rng(2)
    component = np.repeat([1, 2], [15, 25]) if true_components == 2 else 1 + np.arange(40) % true_components
    y = rng.normal([0.0, 20.0], 1.0, (40, 2))[np.arange(40), (np.arange(40) >= 15).astype(int)]
    paths = {"observations": tmp_path / "y.csv", "truth": tmp_path / "truth.json", "draws": tmp_path / "d.nc"}
    rows = rows_of(y, component=component)
    observations.write(rows, paths["observations"])
    specification = specify("m", model_of("normal"), 2, noticed_in(y))
    sampling = {"chains": 2, "draws": 100, "max_treedepth": 10}
    specification = replace(specification, sampling=sampling, seeds={"replicates": 1}, adapt_delta_raised=False)
    paths |= {"specification": tmp_path / "s.json", "noticed": tmp_path / "n.json", "data": tmp_path / "p.json"}
    files.write_json(paths["data"], program_data(specification, rows.units()))
    files.write_json(paths["noticed"], noticed_in(y))
    specification.write(paths["specification"])
    files.write_json(paths["truth"], {"family": "student_t", "components": true_components, "theta": [0.5] * 3})
    shape = (2, 100, 1)
    variables = {"theta": rng.dirichlet([15, 25], shape[:2]), "mu": rng.normal([0, 20], 0.1, (2, 100, 2))}
    variables["sigma"] = np.exp(rng.normal(0, 0.1, (2, 100, 2)))
    statistics = {column: rng.random(shape[:2]) for column in inference.SAMPLE_STATS}
    replicates = rng.normal(size=(2, 50, 40))
    inference.write_draws(paths["draws"], specification, variables, statistics, rows, np.arange(40), replicates, {})
    outputs = {name: tmp_path / "out" / name for name in OUTPUTS}
    assess_fit(paths, outputs, model_of("normal"), seed=1, levels=[0.9])
    return outputs


@pytest.mark.parametrize(("true_components", "right"), [(2, 40), (1, None), (3, None)])
def test_memberships_are_compared_only_with_as_many_true_components(true_components, right, tmp_path):
    outputs = assessed(tmp_path, true_components)
    assert files.read_json(outputs["loo"])["right"] == right
    assert ("true_component" in pd.read_csv(outputs["membership"])) is (right is not None)


def test_chains_are_judged_by_all_draws_where_memberships_take_fewer(tmp_path, monkeypatch):
    all_draws = assessed(tmp_path / "all", 2)
    monkeypatch.setattr(mixture, "AFFORDABLE", 1)
    monkeypatch.setattr(mixture, "FEWEST_DRAWS", 160)
    fewer = assessed(tmp_path / "fewer", 2)
    with_all, with_fewer = (pd.read_csv(outputs["label_free"]).set_index("title") for outputs in (all_draws, fewer))
    # 40 values are all looked at, so that the log likelihood is the same under its other name; the two draws beside the
    # median are equally far from it, and the last bit decides which comes first when R-hat ranks the distances
    assert with_fewer.index[0] == "log likelihood of 40 observations"
    pd.testing.assert_frame_equal(with_fewer.reset_index(drop=True), with_all.reset_index(drop=True), rtol=1e-3)
    elpds = [files.read_json(outputs["loo"])["elpd"] for outputs in (all_draws, fewer)]
    assert elpds[0] != elpds[1]
    assert elpds[0] == pytest.approx(elpds[1], abs=0.5)


def test_cut_offs_are_written_in_the_middle_of_two_equal_components_and_in_words(tmp_path):
    outputs = assessed(tmp_path, 2)
    table = pd.read_csv(outputs["cutoffs"])
    (row,) = cutoffs.turns(table).to_dict("records")
    assert 7 < row["lower"] < row["value"] < row["upper"] < 13
    assert set(table["probability"].dropna()) == {0.9}
    (sentence,) = files.read_json(outputs["memberships"])["cutoffs"]
    assert float(sentence.removeprefix("Values below ").partition(" ")[0]) == pytest.approx(row["value"], abs=0.051)
    assert sentence in outputs["cutoffs_html"].read_text()


def test_cut_offs_are_withheld_where_components_cannot_be_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "label_checks", lambda *_, **__: [checks.Check("labels", "", 1.0, "", "fail", "", "")])
    outputs = assessed(tmp_path, 2)
    assert pd.read_csv(outputs["cutoffs"]).empty
    assert files.read_json(outputs["memberships"])["cutoffs"] == [cutoff_words.WITHHELD]
    assert cutoff_words.WITHHELD in outputs["cutoffs_html"].read_text()
