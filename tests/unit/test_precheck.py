"""What is found wrong with data and models before any job starts."""

import pytest

from stanmix import config, precheck
from stanmix.errors import UserError


def checked(folder, files, models, **others):
    datasets = {}
    for name, text in files.items():
        datasets[name] = {"csv": str(folder / f"{name}.csv"), "column": "y"} | others
        if text is not None:
            (folder / f"{name}.csv").write_text(text)
    analyses = [{"dataset": name, "models": list(models), "components": 2} for name in files]
    return config.checked({"datasets": datasets, "models": models, "analyses": analyses})


def test_the_faults_of_all_files_and_models_are_found_at_once(tmp_path):
    files = {"good": "y\n1\n2\n3\n", "bad": "y\n1\nx\n", "absent": None, "tied": "y\n1\n1\n4\n"}
    models = {"safe": {"family": "normal"}, "risky": {"family": "normal", "priors": {"sigma": "normal(0, 1)"}}}
    with pytest.raises(UserError) as caught:
        precheck.check(checked(tmp_path, files, models))
    bad, absent, *of_models = caught.value.sentences
    assert "bad.csv, line 3, column 'y': 'x' is not a number" in bad
    assert "absent.csv: there is no such file" in absent
    (tied,) = of_models
    assert tied.startswith(f"datasets.tied ({tmp_path / 'tied.csv'}) with models.risky: 2 of the 3 values are tied")


def test_every_key_of_a_data_set_is_read_before_any_job_starts(tmp_path):
    text = "y,n,e,w,name\n1,4,2,1,a\n3,4,2,2,b\nNA,4,1,1,c\n2,5,1,0,d\n0,4,1,1,e\n"
    poisson = {"family": "poisson"}
    keys = {"exposure": "e", "weights": "w", "id": "name", "missing": "drop"}
    precheck.check(checked(tmp_path, {"d": text}, {"m": poisson}, **keys))
    with pytest.raises(UserError, match=r"d\.csv, line 4, column 'y': the value is missing"):
        precheck.check(checked(tmp_path, {"d": text}, {"m": poisson}, **keys | {"missing": "error"}))
    with pytest.raises(UserError, match=r"d\.csv, line 5, column 'w': 0\.5 is not possible; a weight is a frequency"):
        precheck.check(checked(tmp_path, {"d": text.replace("5,1,0", "5,1,0.5")}, {"m": poisson}, **keys))
    with pytest.raises(UserError, match=r"d\.csv, line 3, column 'e': 0 is not possible; an exposure is above 0"):
        precheck.check(checked(tmp_path, {"d": text.replace("3,4,2", "3,4,0")}, {"m": poisson}, **keys))
    binomial = {"family": "binomial", "fixed": {"theta": [0.5, 0.5]}}
    keys = {"trials": "n", "missing": "drop"}
    precheck.check(checked(tmp_path, {"d": text}, {"m": binomial}, **keys))
    with pytest.raises(UserError, match=r"d\.csv, line 3, column 'y': 9 of 4 trials"):
        precheck.check(checked(tmp_path, {"d": text.replace("3,4,2", "9,4,2")}, {"m": binomial}, **keys))


def test_a_step_of_rounding_is_looked_at(tmp_path):
    tied, risky = {"d": "y\n1\n1\n4\n"}, {"m": {"family": "normal", "priors": {"sigma": "normal(0, 1)"}}}
    precheck.check(checked(tmp_path, tied, risky, rounding=1))
    with pytest.raises(UserError, match="say `rounding: 1` in the data set"):
        precheck.check(checked(tmp_path, tied, risky))


def test_good_files_and_models_pass(tmp_path):
    precheck.check(checked(tmp_path, {"good": "y\n1\n2\n3\n"}, {"own": {"family": "normal"}}))


def test_simulated_data_are_left_out():
    simulated = {"simulate": {"family": "normal", "n": 5, "theta": [1], "mu": [0], "sigma": 1}}
    analyses = [{"dataset": "d", "models": ["m"], "components": 1}]
    precheck.check(
        config.checked({"datasets": {"d": simulated}, "models": {"m": {"family": "normal"}}, "analyses": analyses})
    )
