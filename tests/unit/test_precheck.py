"""What is found wrong with data and models before any job starts, and that it is looked for only once."""

import os

import pytest

from stanmix import config, observations, precheck
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


@pytest.fixture
def read(monkeypatch):
    """The names of the files that were read, as a list that grows."""
    names, reading = [], observations.read_csv

    def noting(path, *arguments, **options):
        names.append(os.path.basename(path))
        return reading(path, *arguments, **options)

    monkeypatch.setattr(observations, "read_csv", noting)
    return names


def faults(configuration, kept):
    """What is found in a configuration, with what was kept of an earlier call."""
    try:
        precheck.check(configuration, kept)
    except UserError as error:
        return list(error.sentences)
    return []


FILES = {"good": "y\n1\n2\n3\n", "bad": "y\n1\nx\n"}
MODELS = {"m": {"family": "normal"}}


def test_what_was_found_is_kept_and_no_file_is_read_again(tmp_path, read):
    kept = tmp_path / "kept" / "checks.json"
    asked = checked(tmp_path, FILES, MODELS, predict=str(tmp_path / "good.csv"))
    without = faults(asked, None)
    assert len(without) == 1
    assert "bad.csv, line 3" in without[0]
    assert read == ["good.csv", "good.csv", "bad.csv", "good.csv"]
    assert not kept.exists()
    assert faults(asked, kept) == without
    read.clear()
    assert faults(asked, kept) == without
    assert read == []


def test_the_content_decides_what_is_looked_at_again(tmp_path, read):
    kept, asked = tmp_path / "checks.json", checked(tmp_path, FILES, MODELS)
    faults(asked, kept)
    path = tmp_path / "good.csv"
    os.utime(path, ns=(1, 1))  # another date, the same content
    read.clear()
    faults(asked, kept)
    assert read == []
    for text in ("y\n1\n2\n?\n", FILES["good"]):  # as long, and as old, as what it replaces
        other = tmp_path / "other.csv"
        other.write_text(text)
        os.utime(other, ns=(1, 1))
        os.replace(other, path)
        read.clear()
        assert any("good.csv, line 4" in sentence for sentence in faults(asked, kept)) == ("?" in text)
        assert read == ["good.csv"]


@pytest.mark.parametrize(
    ("models", "others", "again"),
    [
        ({"m": {"family": "poisson"}}, {}, ["good.csv", "bad.csv"]),
        ({"m": {"family": "normal", "priors": {"mu": "normal(0, 9)"}}}, {}, ["good.csv", "bad.csv"]),
        (MODELS, {"missing": "drop"}, ["good.csv", "bad.csv"]),
        (MODELS | {"unused": {"family": "gamma"}}, {}, ["good.csv", "bad.csv"]),  # the analyses name all of these
    ],
)
def test_what_is_asked_of_a_data_set_decides_too(tmp_path, read, models, others, again):
    kept = tmp_path / "checks.json"
    faults(checked(tmp_path, FILES, MODELS), kept)
    read.clear()
    asked = checked(tmp_path, FILES, models, **others)
    assert faults(asked, kept) == faults(asked, None)
    assert read == again * 2


def test_a_new_data_set_is_the_only_one_that_is_read(tmp_path, read):
    kept = tmp_path / "checks.json"
    faults(checked(tmp_path, FILES, MODELS), kept)
    read.clear()
    faults(checked(tmp_path, FILES | {"new": "y\n5\n6\n8\n"}, MODELS), kept)
    assert read == ["new.csv"]


def test_other_code_looks_anew(tmp_path, read, monkeypatch):
    kept, asked = tmp_path / "checks.json", checked(tmp_path, FILES, MODELS)
    faults(asked, kept)
    read.clear()
    changed = tmp_path / "module.py"
    changed.write_text("")
    monkeypatch.setattr(precheck, "code_of", lambda script: [changed])
    faults(asked, kept)
    assert read == ["good.csv", "bad.csv"]


def test_a_file_that_cannot_be_read_is_looked_for_in_every_call(tmp_path):
    kept, asked = tmp_path / "checks.json", checked(tmp_path, {"late": None}, MODELS)
    (sentence,) = faults(asked, kept)
    assert "there is no such file" in sentence
    (tmp_path / "late.csv").mkdir()
    (sentence,) = faults(asked, kept)
    assert "this is a folder" in sentence
    (tmp_path / "late.csv").rmdir()
    (tmp_path / "late.csv").write_text(FILES["good"])
    assert faults(asked, kept) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": '])
def test_what_was_kept_and_is_broken_is_made_anew(tmp_path, text):
    kept, asked = tmp_path / "checks.json", checked(tmp_path, FILES, MODELS)
    whole = faults(asked, kept), kept.read_text()
    kept.write_text(text)
    assert (faults(asked, kept), kept.read_text()) == whole
