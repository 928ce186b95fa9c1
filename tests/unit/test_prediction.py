"""New rows: read strictly before any job, and given memberships and densities by the saved draws."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from stanmix.assess import memberships, prediction
from stanmix.base import files
from stanmix.base.errors import UserError
from stanmix.config import configuration, plan
from stanmix.data import observations
from stanmix.data.noticing import notice
from stanmix.data.observations import Observations
from stanmix.families.family import Points
from stanmix.families.registry import FAMILIES
from stanmix.fits import inference
from stanmix.jobs import precheck
from stanmix.jobs.predicting import predict_rows
from stanmix.model import mixture
from stanmix.model.resolution import specify

MODEL = {"family": "normal", "share": [], "own": [], "fixed": {}, "membership": "group", "labels": "ordered"}
MODEL |= {"priors": {"theta": "dirichlet(1)"}}
KEYS = {"columns": ["y"], "new": True}


def data_set(**keys):
    """A checked configuration with one data set."""
    dataset = {"csv": "fitted.csv", "column": "y"} | keys
    analyses = [{"dataset": "d", "models": ["m"], "components": 2}]
    return {"datasets": {"d": dataset}, "models": {"m": {"family": "normal"}}, "analyses": analyses}


@pytest.fixture
def fit(tmp_path):
    """The files of a fit to 40 rows, with the paths of new rows and of what is predicted."""
    rng = np.random.default_rng(3)
    y = np.round(np.concatenate([rng.normal(0, 1, 15), rng.normal(3, 1, 25)]), 1)  # some are equal
    rows = Observations(y, np.ones(40, np.int64))
    paths = {
        name: tmp_path / name for name in ("observations", "new", "draws", "specification", "membership", "labels")
    }
    observations.write(rows, paths["observations"])
    specification = specify("m", MODEL | {"share": ["sigma"]}, 2, notice(rows, ["y"]))
    specification = replace(specification, sampling={"chains": 2, "draws": 100, "max_treedepth": 10})
    specification.write(paths["specification"])
    files.write_json(paths["labels"], {"trusted": True, "whole": True, "names": None})
    variables = {"theta": rng.dirichlet([15, 25], (2, 100)), "mu": rng.normal([0, 3], 0.3, (2, 100, 2))}
    variables["sigma"] = np.repeat(np.exp(rng.normal(0, 0.1, (2, 100, 1))), 2, axis=2)
    statistics = {column: rng.random((2, 100)) for column in inference.SAMPLE_STATS}
    replicates = rng.normal(size=(2, 5, 40))
    inference.write_draws(paths["draws"], specification, variables, statistics, rows, np.arange(40), replicates, {})
    # what the assessment of the data says
    units = rows.units()
    points = Points.of(units)
    draws = inference.by_component(inference.read_draws(paths["draws"]), specification)
    found = {end: v[units.index] for end, v in memberships.probabilities("normal", points, draws).items()}
    _, clusters, _ = memberships.cluster("normal", points, units.count, draws, units.index)
    table = memberships.table(rows, specification, found).assign(cluster=clusters[units.index])
    files.write_csv(paths["membership"], table)
    outputs = {"predicted": tmp_path / "predicted.csv", "predicted_html": tmp_path / "predicted.html"}
    return {"rows": rows, "draws": draws, "paths": paths, "outputs": outputs}


def predicted(fit, text, **source):
    fit["paths"]["new"].write_text(text)
    predict_rows(fit["paths"], fit["outputs"], source=KEYS | source)
    return pd.read_csv(fit["outputs"]["predicted"], dtype=str)


def test_the_rows_of_the_data_get_their_own_memberships_to_the_last_digit(fit):
    found = predicted(fit, "y\n" + "".join(f"{value!r}\n" for value in fit["rows"].y.tolist()))
    fitted = pd.read_csv(fit["paths"]["membership"], dtype=str)
    assert list(found) == ["row", *list(fitted), "log_density"]
    assert found["row"].tolist() == [str(i) for i in range(1, 41)]
    assert found["cluster"].nunique() == 2
    pd.testing.assert_frame_equal(found[list(fitted)], fitted)


def test_the_same_rows_give_the_same_bytes(fit):
    text = "name,y\n" + "".join(f"n{i},{value}\n" for i, value in enumerate([3.3, -1, 0.2, 1e5]))
    predicted(fit, text, id="name")
    first = {name: path.read_bytes() for name, path in fit["outputs"].items()}
    predicted(fit, text, id="name")
    assert {name: path.read_bytes() for name, path in fit["outputs"].items()} == first


def test_densities_and_memberships_of_new_rows_equal_plain_loops(fit):
    found = predicted(fit, "y\n1.45\n-2\n30\n").astype(float)
    draws = fit["draws"]
    for row, y in enumerate([1.45, -2.0, 30.0]):
        densities, shares = [], []
        for theta, mu, sigma in zip(draws["theta"], draws["mu"], draws["sigma"], strict=True):
            logs = [math.log(t) + stats.norm.logpdf(y, m, s) for t, m, s in zip(theta, mu, sigma, strict=True)]
            densities.append(math.fsum(map(math.exp, logs)))
            shares.append(math.exp(logs[0]) / densities[-1] if densities[-1] else 0)
        if y < 30:
            assert found["log_density"][row] == pytest.approx(math.log(math.fsum(densities) / 200), rel=1e-10)
            assert found["probability_1"][row] == pytest.approx(math.fsum(shares) / 200, rel=1e-9)
            assert found["probability_1_lower"][row] == pytest.approx(np.quantile(shares, 0.05), rel=1e-9)
            assert found["probability_2_upper"][row] == pytest.approx(1 - np.quantile(shares, 0.05), rel=1e-9)
    assert found["log_density"][2] < -100
    assert found["component"].tolist() == [2, 1, 2]


def test_chunks_change_no_density(fit, monkeypatch):
    points = Points(np.linspace(-3, 6, 11), np.ones(11))
    whole = prediction.log_density("normal", points, fit["draws"])
    monkeypatch.setattr(mixture, "CHUNK", 1000)
    assert len(mixture.chunks(points, fit["draws"])) > 2
    np.testing.assert_allclose(prediction.log_density("normal", points, fit["draws"]), whole, rtol=1e-14)


def test_as_many_draws_are_looked_at_as_for_the_data(fit, monkeypatch):
    units = fit["rows"].units()
    monkeypatch.setattr(mixture, "FEWEST_DRAWS", 10)
    monkeypatch.setattr(mixture, "AFFORDABLE", 20 * len(units.y))
    few = mixture.affordable(fit["draws"], len(units.y), chains=2)
    assert len(few["theta"]) == 20
    found = predicted(fit, "y\n1.5\n").astype(float)
    expected = mixture.membership("normal", Points(np.array([1.5]), np.ones(1)), few)
    assert found["probability_1"][0] == pytest.approx(expected[0, 0], rel=1e-12)


def test_one_row_is_enough_and_its_id_is_carried(fit):
    found = predicted(fit, 'other,name,y\nx,"a, <b>",0.4\n', id="name")
    assert found["id"].tolist() == ["a, <b>"]
    assert "a, &lt;b&gt;" in fit["outputs"]["predicted_html"].read_text()


def test_nothing_is_shown_by_names_that_cannot_be_trusted(fit):
    predicted(fit, "y\n1\n")
    trusted = fit["outputs"]["predicted_html"].read_text()
    files.write_json(fit["paths"]["labels"], {"trusted": False, "whole": True, "names": None})
    predicted(fit, "y\n1\n")
    page = fit["outputs"]["predicted_html"].read_text()
    for title in ("component 1", "most probable", "uncertainty"):
        assert f">{title}</th>" in trusted
        assert f">{title}</th>" not in page
    assert ">cluster</th>" in page
    assert "names of the components cannot be trusted" in page


BAD = {
    "a missing cell": ("y\n1\nNA\n", "line 3, column 'y': the value is missing ('NA'); fill it, or remove the row."),
    "no number": ("y\n1\nx\n", "line 3, column 'y': 'x' is not a number."),
    "no column": ("z\n1\n", "line 1: there is no column 'y'; the header has 'z'."),
    "no row": ("y\n", "there are no rows below the header."),
    "no file": (None, "there is no such file; check predict in the configuration."),
}


@pytest.mark.parametrize(("text", "sentence"), BAD.values(), ids=BAD)
def test_a_wrong_file_is_told_before_any_job_starts(text, sentence, tmp_path):
    (tmp_path / "fitted.csv").write_text("y\n1\nNA\n2\n3\n")
    keys = {"csv": str(tmp_path / "fitted.csv"), "missing": "drop", "predict": str(tmp_path / "new.csv")}
    if text is not None:
        (tmp_path / "new.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        precheck.check(configuration.checked(data_set(**keys)))
    (said,) = caught.value.sentences
    assert said.startswith(str(tmp_path / "new.csv"))
    assert said.endswith(sentence)


def test_a_good_file_passes_and_its_other_columns_are_not_looked_at(tmp_path):
    (tmp_path / "fitted.csv").write_text("y,w\n1,2\n2,1\n3,1\n")
    (tmp_path / "new.csv").write_text("z,y\nNA,5\n")
    keys = {"csv": str(tmp_path / "fitted.csv"), "weights": "w", "predict": str(tmp_path / "new.csv")}
    precheck.check(configuration.checked(data_set(**keys)))


def new_rows(y):
    return Observations(np.array(y, float), np.ones(len(y), np.int64), lines=np.arange(2, 2 + len(y)))


@pytest.mark.parametrize(
    ("family", "y", "said"),
    [
        ("normal", [-1, 0.5], []),
        ("gamma", [0.1, 3], []),
        (
            "gamma",
            [1, 0, -2],
            ["line 3, column 'y': 0 is not possible (and 1 more); the family gamma of models.m needs"],
        ),
        ("poisson", [0, 4], []),
        ("poisson", [0, 4, -1], ["line 4, column 'y': -1 is not possible; the family poisson of models.m needs whole"]),
        ("binomial", [0.5], ["line 2, column 'y': 0.5 is not possible; the family binomial of models.m needs whole"]),
        ("multivariate_normal", [[1, 2], [-3, 0]], []),
    ],
)
def test_what_a_family_cannot_describe_is_a_fault(family, y, said):
    found = prediction.faults(new_rows(y), "y", "m", FAMILIES[family])
    assert len(found) == len(said)
    assert all(sentence.startswith(start) for sentence, start in zip(found, said, strict=True))


def test_the_faults_for_all_models_are_told(tmp_path):
    (tmp_path / "fitted.csv").write_text("y\n1\n2\n3\n")
    (tmp_path / "new.csv").write_text("y\n5\n-5\n")
    content = data_set(csv=str(tmp_path / "fitted.csv"), predict=str(tmp_path / "new.csv"))
    content["models"] |= {"g": {"family": "gamma"}, "l": {"family": "lognormal"}}
    content["analyses"][0]["models"] = ["g", "m", "l"]
    with pytest.raises(UserError) as caught:
        precheck.check(configuration.checked(content))
    assert [sentence.split("the family ")[1].split(" ")[0] for sentence in caught.value.sentences] == [
        "gamma", "lognormal"
    ]  # fmt: skip
    assert all("new.csv, line 3, column 'y'" in sentence for sentence in caught.value.sentences)


def test_new_rows_go_with_a_file():
    simulated = {"simulate": {"family": "normal", "n": 5, "theta": [1], "mu": [0], "sigma": 1}, "predict": "new.csv"}
    content = data_set()
    content["datasets"]["d"] = simulated
    with pytest.raises(UserError, match=r"datasets\.d\.predict goes with csv, not with simulate"):
        configuration.checked(content)


def test_what_is_read_of_new_rows():
    dataset = {"column": "y", "trials": "n", "weights": "w", "id": "name", "known": "k", "missing": "drop"}
    assert plan.source_of_new(dataset) == {"columns": ["y"], "trials": "n", "id": "name", "new": True}
    dataset = {"columns": ["a", "b"], "exposure": "e"}
    assert plan.source_of_new(dataset) == {"columns": ["a", "b"], "exposure": "e", "new": True}
