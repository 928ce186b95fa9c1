"""Two runs beside each other: chance is called chance, and what moved is named."""

import json

import numpy as np
import pandas as pd
import pytest

from stanmix.app import cli
from stanmix.base.errors import UserError
from stanmix.compare import difference


def run(folder, rng, shift=0.0, status="pass", best=(1, 2, 2), title="m", fit="d/m/2"):
    """A run of one fit: twenty means with their Monte Carlo error, one of them shifted by so many of it."""
    place = folder / "results" / "fits" / fit
    place.mkdir(parents=True)
    mcse = np.linspace(0.01, 0.2, 10)
    means = np.arange(10) + mcse * rng.standard_normal(10)
    means[3] += shift * mcse[3]
    summary = pd.DataFrame({"parameter": "mu", "component": range(1, 11), "mean": means, "mcse_mean": mcse})
    summary.loc[9, ["mean", "mcse_mean"]] = [1.0, 0.0]  # constant by construction
    summary.to_csv(place / "summary.csv", index=False)
    free = pd.DataFrame({"title": [f"quantity {i}" for i in range(10)], "mean": means, "mcse_mean": mcse})
    free.loc[3, "mean"] -= shift * mcse[3]
    free.to_csv(place / "label_free.csv", index=False)
    pd.DataFrame({"component": best}).to_csv(place / "membership.csv", index=False)
    checks = [{"name": "rhat", "title": "R-hat", "status": status}]
    (place / "checks.json").write_text(json.dumps({"checks": checks}))
    chosen = folder / "results" / "compare" / fit.split("/")[0]
    chosen.mkdir(parents=True)
    (chosen / "choice.json").write_text(json.dumps({"title": title}))
    return folder


def test_chance_is_named_in_about_a_hundredth_of_pairs(tmp_path):
    rng = np.random.default_rng(1)
    folders = [run(tmp_path / str(i), rng) for i in range(60)]
    pairs = [(a, b) for a, b in zip(folders[::2], folders[1::2], strict=True)]
    assert sum(len(difference.differences(*pair)[0]) > 0 for pair in pairs) <= 2
    assert difference.differences(*pairs[0])[1:] == ([], 20)


def test_what_moved_is_named_with_its_size(tmp_path, capsys):
    rng = np.random.default_rng(2)
    first, second = run(tmp_path / "a", rng), run(tmp_path / "b", rng, shift=30)
    moved, changed, _ = difference.differences(first, second)
    (row,) = moved.to_dict("records")
    assert (row["where"], row["what"]) == ("d/m/2/summary.csv", "mu[4]")
    assert row["errors"] == pytest.approx(30 / np.sqrt(2), abs=4)
    assert changed == []
    assert cli.main(["diff", str(first), str(second)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("d/m/2/summary.csv: the mean of mu[4] was ")
    assert said[-1].startswith("1 of 20 numbers moved by more than their Monte Carlo error (beyond 3.")


def test_the_same_run_is_the_same(tmp_path, capsys):
    folder = run(tmp_path / "a", np.random.default_rng(3))
    assert cli.main(["diff", str(folder), str(folder)]) == 0
    assert capsys.readouterr().out.startswith("0 of 20 numbers moved")


def test_another_constant_moved_however_little(tmp_path):
    folders = [run(tmp_path / name, np.random.default_rng(4)) for name in "ab"]
    table = folders[1] / "results/fits/d/m/2/summary.csv"
    table.write_text(table.read_text().replace("10,1.0,0.0", "10,1.001,0.0"))
    said, same = difference.sentences(*folders)
    assert "mu[10] was 1 and is 1.001, another constant." in said[0]
    assert not same


def test_verdicts_memberships_and_choices_that_changed_are_named(tmp_path):
    rng = np.random.default_rng(5)
    first = run(tmp_path / "a", rng)
    second = run(tmp_path / "b", rng, status="warn", best=(1, 2, 1), title="other")
    assert difference.differences(first, second)[1] == [
        "d/m/2: the check 'R-hat' was pass and is warn.",
        "d/m/2: 1 of 3 rows have another most probable component.",
        "d: the page began with m and begins with other.",
    ]


def test_fits_of_one_run_alone_are_named_and_none_in_common_is_an_error(tmp_path):
    rng = np.random.default_rng(6)
    first, second = run(tmp_path / "a", rng), run(tmp_path / "b", rng)
    run(second, rng, fit="e/m/2")
    assert difference.differences(first, second)[1] == [f"e/m/2 is only in {second}."]
    with pytest.raises(UserError, match="have no fit in common"):
        difference.differences(first, run(tmp_path / "c", rng, fit="e/m/2"))
    with pytest.raises(UserError, match="there are no fits; `stanmix run` makes them"):
        difference.differences(first, tmp_path)
