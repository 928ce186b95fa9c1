"""What is found wrong with data and models before any job starts, and that it is looked for only once."""

import os
import re

import pytest
import yaml

from stanmix.base.errors import UserError
from stanmix.config import configuration
from stanmix.data import observations
from stanmix.jobs import precheck


def checked(folder, files, models, **others):
    datasets = {}
    for name, text in files.items():
        datasets[name] = {"csv": str(folder / f"{name}.csv"), "column": "y"} | others
        if text is not None:
            (folder / f"{name}.csv").write_text(text)
    analyses = [{"dataset": name, "models": list(models), "components": 2} for name in files]
    return configuration.checked({"datasets": datasets, "models": models, "analyses": analyses})


def test_the_faults_of_all_files_and_models_are_found_at_once(tmp_path):
    files = {"good": "y\n1\n2\n3\n", "bad": "y\n1\nx\n", "absent": None, "tied": "y\n1\n1\n4\n9\n"}
    models = {"safe": {"family": "normal"}, "risky": {"family": "normal", "priors": {"sigma": "normal(0, 1)"}}}
    with pytest.raises(UserError) as caught:
        precheck.check(checked(tmp_path, files, models))
    bad, absent, *of_models = caught.value.sentences
    assert "bad.csv, line 3, column 'y': 'x' is not a number" in bad
    assert "absent.csv: there is no such file" in absent
    (tied,) = of_models
    assert tied.startswith(f"datasets.tied ({tmp_path / 'tied.csv'}) with models.risky: 2 of the 4 values are tied")


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
    tied, risky = {"d": "y\n1\n1\n4\n9\n"}, {"m": {"family": "normal", "priors": {"sigma": "normal(0, 1)"}}}
    precheck.check(checked(tmp_path, tied, risky, rounding=1))
    with pytest.raises(UserError, match="say `rounding: 1` in the data set"):
        precheck.check(checked(tmp_path, tied, risky))


def test_good_files_and_models_pass(tmp_path):
    precheck.check(checked(tmp_path, {"good": "y\n1\n2\n3\n"}, {"own": {"family": "normal"}}))


def test_simulated_data_are_left_out():
    simulated = {"simulate": {"family": "normal", "n": 5, "theta": [1], "mu": [0], "sigma": 1}}
    analyses = [{"dataset": "d", "models": ["m"], "components": 1}]
    precheck.check(
        configuration.checked(
            {"datasets": {"d": simulated}, "models": {"m": {"family": "normal"}}, "analyses": analyses}
        )
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


NORMAL = {"m": {"family": "normal"}}


def rounded(folder, values, step, **others):
    """What is said of values in a column with a step of rounding: nothing, or one sentence."""
    text = "y\n" + "".join(f"{value}\n" for value in values)
    try:
        precheck.check(checked(folder, {"d": text}, NORMAL, rounding=step, **others))
    except UserError as error:
        (sentence,) = error.sentences
        return sentence.replace(str(folder), "DIR")
    return None


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([0.1 * k for k in range(-300, 300, 7)], 0.1),  # not what decimals of 0.1 read as
        ([f"{k / 10:.1f}" for k in range(-300, 300, 7)], 0.1),
        ([5, 10, 0, -15, 1000000005], 5),
        (["2.5", "7.5", "-12.5", "102.5"], 5),  # middles of intervals
        ([0.5, 1.5, 9.5, -3.5], 1),
        (["1.2", "3.2", "5.2", "-0.8"], 2),  # bins that begin somewhere
        (["0.333", "0.667", "1", "2.333"], 0.33333333),
        (["152.40", "154.94", "157.48", "165.10", "180.34"], 2.54),  # inches in cm
        ([1e-9, 3e-9, 8e-9], 1e-9),
        ([1e15, 1e15 + 2, 1e15 + 8], 2),
    ],
)
def test_values_on_the_grid_of_their_rounding_pass(values, step, tmp_path):
    assert rounded(tmp_path, values, step) is None


@pytest.mark.parametrize(
    ("values", "step", "words"),
    [
        (["10", "12.3456", "15"], 5, "line 3, column 'y': 12.3456 is no multiple of 5; `rounding:` is the step"),
        (["1.25", "3", "1.75", "8", "9"], 0.5, "line 2, column 'y': 1.25 is no multiple of 0.5 (and 1 more); "),
        (["0.5", "1.5", "7.3", "2.5"], 1, "line 4, column 'y': 7.3 is no multiple of 1, nor whole steps away from "
         "others, such as 0.5; "),
        (["4.1234", "9.4321", "23.9876", "43.5555"], 5, "line 2, column 'y': 4.1234 is no multiple of 5"),
        ([3, 6, 8, 9], 3, "line 4, column 'y': 8 is no multiple of 3"),
        ([1, 2, 3], 1e20, "is no multiple of 1e+20"),
        (["3", "3.0000000001", "9", "3.1"], 1, "line 5, column 'y': 3.1 is no multiple of 1; "),
    ],
)  # fmt: skip
def test_the_first_value_off_the_grid_of_its_rounding_is_named(values, step, words, tmp_path):
    assert words in rounded(tmp_path, values, step)
    assert rounded(tmp_path, values, step).startswith("DIR/d.csv, line ")


def test_new_rows_are_held_against_the_rounding_too(tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("y\n5\n11\n")
    assert "DIR/new.csv, line 3, column 'y': 11 is no multiple of 5" in rounded(
        tmp_path, [5, 10, 20], 5, predict=str(new)
    )


def test_counts_beyond_what_cmdstan_reads_are_refused_before_any_job(tmp_path):
    poisson = {"p": {"family": "poisson"}}
    files = {"d": "y\n3\n4294967300\n7\n"}
    with pytest.raises(UserError) as caught:
        precheck.check(checked(tmp_path, files, poisson))
    (told,) = caught.value.sentences
    assert "(" + str(tmp_path / "d.csv") + ") with models.p: the family poisson needs counts up to 2147483647" in told
    assert "line 3, column 'y', has 4294967300" in told
    precheck.check(checked(tmp_path, files, NORMAL))
    new = tmp_path / "new.csv"
    new.write_text("y\n3\n2147483648\n")
    with pytest.raises(UserError, match="line 3, column 'y': 2147483648 is not possible; the family poisson of"):
        precheck.check(checked(tmp_path, {"d": "y\n3\n4\n7\n"}, poisson, predict=str(new)))


def test_the_cases_of_two_points_and_of_zeros_beside_a_gamma_are_refused(cases, monkeypatch):
    for case, words in {
        "21-two-points-500": "the data have only 2 distinct rows",
        "34-zero-inflated-gamma": "report that share (145 of 400) and fit the values above 0 alone",
    }.items():
        monkeypatch.chdir(cases / "people" / case)
        with pytest.raises(UserError, match=re.escape(words)):
            precheck.check(configuration.checked(yaml.safe_load((cases / "people" / case / "config.yaml").read_text())))


def test_values_that_have_no_place_on_a_log_axis_are_named(tmp_path):
    files = {"d": "y\n3\n-0.5\n0\n"}
    with pytest.raises(UserError) as caught:
        precheck.check(checked(tmp_path, files, NORMAL, axis="log"))
    (told,) = caught.value.sentences
    assert told.endswith("d.csv, line 3, column 'y': -0.5 has no place on a log axis; say `axis: linear`, or leave the "
                         "key away.")  # fmt: skip
    precheck.check(checked(tmp_path, files, NORMAL, axis="linear"))
    precheck.check(checked(tmp_path, {"d": "y\n3\n0.5\n1000\n"}, NORMAL, axis="log"))
    with pytest.raises(UserError, match=r"is drawn on no log axis; remove `axis: log` from datasets\.d"):
        checked(tmp_path, {"d": "y\n3\n1\n7\n"}, {"p": {"family": "poisson"}}, axis="log")
