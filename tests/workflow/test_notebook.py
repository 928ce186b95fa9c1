"""The Python interface: what it gives is what the workflow gives, and what it says of a user's mistakes."""

import doctest
import tempfile

import pandas as pd
import pytest
import yaml

import stanmix
from stanmix.app import notebook


@pytest.fixture(scope="module")
def settings(finished):
    return yaml.safe_load((finished / "config/config.yaml").read_text())


@pytest.fixture(scope="module")
def fitted(finished, settings, toolchain_record):
    """The readings of the finished run, fitted in Python with the same settings."""
    frame = pd.read_csv(finished / "data/readings.csv")
    about = {"seed": settings["seed"], "sampling": settings["sampling"], "label": "reading (mm)", "share": ["sigma"]}
    return stanmix.fit(frame, "reading", components=2, name="readings", model="free", **about)


def test_the_example_of_the_docstring_runs(toolchain_record):
    found = doctest.testmod(notebook)
    assert found.attempted > 5
    assert found.failed == 0


def test_every_byte_is_that_of_the_workflow(fitted, finished):
    made = finished / "results/fits/readings/free/2"
    files = sorted(path.name for path in made.iterdir() if path.is_file() and path.suffix not in (".svg", ".png"))
    assert {"draws.nc", "checks.json", "membership.csv", "modes.json"} <= set(files)
    ours = fitted.folder / "results/fits/readings/free/2"
    assert [name for name in files if (ours / name).read_bytes() != (made / name).read_bytes()] == []


def test_a_fit_shows_what_it_has(fitted):
    assert fitted.idata.posterior["theta"].shape == (2, 300, 2)
    assert set(fitted.summary["parameter"]) == {"theta", "mu", "sigma"}
    assert len(fitted.memberships) == 45
    assert 10 < fitted.cutoffs["value"].median() < 20
    assert fitted.status in {"pass", "warn", "fail"}
    assert fitted.status in set(fitted.checks["status"])
    assert {"density", "membership", "traces", "bands", "modes"} <= set(fitted.figures)
    assert fitted.plot_density().axes
    with pytest.raises(stanmix.UserError, match="no figure 'densty' of this fit; there are diagram"):
        fitted.plot("densty")


def test_new_rows_are_the_workflow_s_memberships(fitted):
    frame = pd.DataFrame({"reading": fitted.memberships["y"][:5]})
    found = fitted.predict(frame)
    pd.testing.assert_series_equal(found["probability_1"], fitted.memberships["probability_1"][:5])


def test_fits_are_compared_as_the_workflow_compares(fitted, finished, settings):
    frame = pd.read_csv(finished / "data/readings.csv")
    about = {"seed": settings["seed"], "sampling": settings["sampling"], "share": ["sigma"]}
    single = stanmix.fit(frame, "reading", components=1, name="readings", model="free", **about)
    found = single.compare(fitted)
    assert list(found.table["model"]) == ["free (K = 2)", "free (K = 1)"]
    assert found.table["elpd_diff"][0] == 0
    assert found.table["elpd"][0] == pytest.approx(fitted.loo["elpd"])
    assert found.sentence.startswith("By PSIS-LOO the model free (K = 2) predicts new observations best")
    assert [judged["model"] for judged in found.numbers] == ["free"]
    assert set(found.figures) == {"comparison", "estimates", "numbers"}
    with pytest.raises(stanmix.UserError, match="Two of these fits have the same data set, model and number"):
        fitted.compare(fitted)


def test_fits_of_other_observations_are_not_compared(fitted, finished, settings):
    frame = pd.read_csv(finished / "data/readings.csv")
    about = {"seed": settings["seed"], "sampling": settings["sampling"]}
    other = stanmix.fit(frame, "again", components=1, names=["all"], **about)
    assert set(other.summary["component_name"].dropna()) == {"all"}
    with pytest.raises(stanmix.UserError, match="not of the same observations"):
        fitted.compare(other)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colum": "y"}, "there is no option 'colum'; did you mean 'column'?"),
        ({"column": "z"}, "column 'z'"),
        ({"column": "y", "family": "norml"}, "family is 'norml'"),
        (
            {"column": "y", "family": "poisson"},
            "the family poisson needs whole numbers, but line 2, column 'y', has 0.5",
        ),
    ],
)
def test_a_mistake_is_a_sentence_and_leaves_nothing(options, said, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    frame = pd.DataFrame({"y": [0.5, 1.5, 2.5, 9.0, 10.5]})
    with pytest.raises(stanmix.UserError) as raised:
        stanmix.fit(frame, components=2, **options)
    assert said in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(stanmix.UserError, match=r"files that stanmix\.fit did not write"):
        stanmix.fit(pd.DataFrame({"y": [1.0, 2.0, 3.0]}), "y", components=1, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_package_names_what_it_offers():
    assert {"fit", "Fit", "Comparison", "UserError"} <= set(dir(stanmix))
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        stanmix.fitt  # noqa: B018
