"""New rows of a data set: from a key of the configuration to a table and the page, without sampling again."""

import html
import os
import re

import numpy as np
import pandas as pd
import pytest
from runs import DESCRIBES, changed, edited

from stanmix.assess import cutoffs

CONFIG = """\
seed: 7
sampling: {chains: 2, warmup: 200, draws: 300}
datasets:
  lengths:
    csv: data/lengths.csv
    column: length
    id: name
    predict: data/new.csv
  others:
    csv: data/lengths.csv
    column: length
models:
  normal: {family: normal, share: [sigma]}
analyses:
  - {dataset: lengths, models: [normal], components: [2, 3]}
  - {dataset: others, models: [normal], components: 2}
"""
NEW = ["new 1,12.5", "new 2,15", "new 3,40", "new 4,17.25"]
FITS = ("lengths/normal/2", "lengths/normal/3")
PREDICTED = {f"results/fits/{fit}/predicted.{kind}" for fit in FITS for kind in ("csv", "html")}
AFTER = {"report/lengths", "manifest", "crate"}


@pytest.fixture(scope="module")
def run(new_run, toolchain_record):
    """A finished run; the new rows begin with those of the data, in another order of columns and rows."""
    run = new_run("predicted", CONFIG)
    rng = np.random.default_rng(11)
    values = np.round(np.concatenate([rng.normal(10, 1, 30), rng.normal(16, 1.5, 40)]), 1)
    rows = [f"r{i},{value}" for i, value in enumerate(values, start=1)]
    (run / "data/lengths.csv").write_text("\n".join(["name,length", *rows]) + "\n")
    turned = [",".join(row.split(",")[::-1]) for row in [*rows[::-1], *NEW]]
    (run / "data/new.csv").write_text("\n".join(["length,name", *turned]) + "\n")
    told = run.snakemake()
    assert told.returncode == 0, told.stdout
    return run


def tables(run, fit):
    """Memberships of the data and of the new rows, as they are written."""
    return (pd.read_csv(run / f"results/fits/{fit}/{name}.csv", dtype=str) for name in ("membership", "predicted"))


@pytest.mark.parametrize("fit", FITS)
def test_the_rows_of_the_data_get_their_own_memberships(run, fit):
    fitted, found = tables(run, fit)
    assert len(found) == len(fitted) + len(NEW) == 74
    shared = [name for name in fitted if name not in ("obs_id", "weight")]
    assert list(found) == ["row", *shared, "log_density"]
    again = found.iloc[:70][::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        again[["id", "y", "component", "cluster"]], fitted[["id", "y", "component", "cluster"]]
    )
    numbers = [name for name in shared if name.startswith("probability")]
    # Beside other rows the last bit of a sum may be another.
    np.testing.assert_allclose(again[numbers].astype(float), fitted[numbers].astype(float), rtol=1e-13, atol=0)
    assert found["id"].tolist()[70:] == ["new 1", "new 2", "new 3", "new 4"]


@pytest.mark.parametrize("fit", FITS)
def test_cut_offs_are_the_rule_that_new_rows_follow(run, fit):
    _, found = tables(run, fit)
    cuts = pd.read_csv(run / f"results/fits/{fit}/cutoffs.csv", dtype={"component": str, "rather_than": str})
    if not cutoffs.turns(cuts).empty:
        assert found["component"].tolist() == cutoffs.by_rule(cuts, found["y"].astype(float)).tolist()
    assert len(cuts) or fit == FITS[1]


def test_alone_they_get_them_to_the_last_digit(run):
    alone = run.copy("alone")
    (alone / "data/new.csv").write_bytes((alone / "data/lengths.csv").read_bytes())
    told = alone.snakemake()
    assert told.returncode == 0, told.stdout
    for fit in FITS:
        fitted, found = tables(alone, fit)
        shared = [name for name in fitted if name not in ("obs_id", "weight")]
        pd.testing.assert_frame_equal(found[shared], fitted[shared])


def test_only_what_depends_on_new_rows_is_outdated_by_them(run, outdated):
    assert outdated(run) == set()
    with edited(run / "data/new.csv", lambda text: text + "11.5,new 5\n"):
        assert outdated(run) == {f"predict/{fit}" for fit in FITS} | AFTER
        os.utime(run / "data/new.csv", (1, 1))  # also when the file is older than the one before
        assert outdated(run) == {f"predict/{fit}" for fit in FITS} | AFTER


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("predict: data/new.csv", "predict: data/copied.csv", {f"predict/{fit}" for fit in FITS} | AFTER),
        ("    predict: data/new.csv\n", "", AFTER),
        (
            "  others:\n",
            "  others:\n    predict: data/new.csv\n",
            {"predict/others/normal/2", "report/others", "manifest", "crate"},
        ),
    ],
    ids=["another file", "no more", "a second data set"],
)
def test_outdated_after_an_edit_of_the_key(run, outdated, old, new, expected):
    (run / "data/copied.csv").write_bytes((run / "data/new.csv").read_bytes())
    with edited(run / "config/config.yaml", lambda text: changed(text, old, new)):
        assert outdated(run) == expected


def test_what_depends_on_new_rows_is_made_and_nothing_else(run):
    copy = run.copy("more-rows")
    before, times = copy.hashes(), copy.times()
    with open(copy / "data/new.csv", "a") as file:
        file.write("11.5,new 5\n")
    told = copy.snakemake()
    assert told.returncode == 0, told.stdout
    after = copy.times()
    written = {name for name in after if after[name] != times.get(name) and not name.startswith("results/logs/")}
    assert written == PREDICTED | {"results/reports/lengths.html", "results/reports/lengths.methods.md", *DESCRIBES}
    changed_now = {name for name, value in copy.hashes().items() if value != before[name]}
    same = ("results/workflow/", "results/reports/lengths.methods.md")
    assert changed_now == {name for name in written if not name.startswith(same)}
    # and back to the same bytes
    (copy / "data/new.csv").write_bytes((run / "data/new.csv").read_bytes())
    assert copy.snakemake().returncode == 0
    assert copy.hashes() == before


def shown(page):
    """The text of a page; links and numbers that name their place stand in their sentence."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"</?(?:a|span)\b[^>]*>", "", page))).split())


def test_the_page_shows_new_rows(run):
    page = (run / "results/reports/lengths.html").read_text()
    text = shown(page)
    for fit in FITS:
        assert (
            "What the same draws say of the 74 new rows in data/new.csv , the first 10 (all numbers are in "
            "predicted.csv):" in text
        )
        assert f'href="../fits/{fit}/predicted.csv"' in page
    assert "predicted.csv" not in (run / "results/reports/others.html").read_text()
    _, found = tables(run, FITS[0])
    first = found.iloc[0]
    cells = [first["row"], first["id"], f"{float(first['y']):.2f}", f"{float(first['probability_1']):.4f}"]
    assert "".join(f"<td>{cell}</td>\n" for cell in cells) in page


def test_the_page_says_who_belongs_together(run):
    page = (run / "results/reports/others.html").read_text()
    text = shown(page)
    fitted = pd.read_csv(run / "results/fits/others/normal/2/membership.csv")
    share = 100 * fitted["uncertainty"].mean()
    assert f"expected to be the wrong one for {share:.2g}% of the observations" in text
    assert "agrees best with the draws has 2 clusters; it agrees with the most probable components" in text
    assert 'aria-label="Which observations belong together under normal"' in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "length,name\n3,a\n,b\n",
            "data/new.csv, line 3, column 'length': the cell is empty; fill it, or remove the row",
        ),
        ("length\n3\n", "data/new.csv, line 1: there is no column 'name'"),
    ],
    ids=["a missing cell", "no id"],
)
def test_wrong_new_rows_are_told_before_any_job(run, text, said):
    before = run.times()
    with edited(run / "data/new.csv", lambda _: text):
        told = run.snakemake()
    assert told.returncode != 0
    assert said in told.stdout
    assert "Traceback" not in told.stdout
    assert "Job stats" not in told.stdout
    assert run.times() == before


def test_what_is_lost_is_predicted_again_with_the_same_bytes(run):
    before = run.hashes("results/fits")
    lost = [name for name in before if "/predicted." in name]
    assert len(lost) == 4  # a table and its page for each of two fits
    for name in lost:
        (run / name).unlink()
    told = run.snakemake(cores=1)
    assert told.returncode == 0, told.stdout
    assert run.hashes("results/fits") == before
