"""What is found wrong with data and models before any job starts."""

import pytest

from stanmix import config, precheck
from stanmix.errors import UserError


def checked(folder, files, models):
    datasets = {}
    for name, text in files.items():
        datasets[name] = {"csv": str(folder / f"{name}.csv"), "column": "y"}
        if text is not None:
            (folder / f"{name}.csv").write_text(text)
    analyses = [{"dataset": name, "models": list(models), "components": 2} for name in files]
    return config.checked({"datasets": datasets, "models": models, "analyses": analyses})


def test_the_faults_of_all_files_and_models_are_found_at_once(tmp_path):
    files = {"good": "y\n1\n2\n3\n", "bad": "y\n1\nx\n", "absent": None, "tied": "y\n1\n1\n4\n"}
    models = {"safe": {"family": "normal"}, "risky": {"family": "normal", "priors": {"sigma": "normal(0, 1)"}}}
    with pytest.raises(UserError) as caught:
        precheck.check(checked(tmp_path, files, models))
    bad, absent, tied = caught.value.sentences
    assert "bad.csv, line 3, column 'y': 'x' is not a number" in bad
    assert "absent.csv: there is no such file" in absent
    assert tied.startswith("datasets.tied with models.risky: 2 of the 3 values are tied")


def test_good_files_and_models_pass(tmp_path):
    precheck.check(checked(tmp_path, {"good": "y\n1\n2\n3\n"}, {"own": {"family": "normal"}}))


def test_simulated_data_are_left_out():
    simulated = {"simulate": {"family": "normal", "n": 5, "theta": [1], "mu": [0], "sigma": 1}}
    analyses = [{"dataset": "d", "models": ["m"], "components": 1}]
    precheck.check(
        config.checked({"datasets": {"d": simulated}, "models": {"m": {"family": "normal"}}, "analyses": analyses})
    )
