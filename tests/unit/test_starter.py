"""What `stanmix init` sees in a CSV file, and that what it writes can be run as it stands."""

import csv
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator

from stanmix.app import cli, starter
from stanmix.base.errors import UserError
from stanmix.base.files import read_json
from stanmix.config import configuration
from stanmix.data import first_look
from stanmix.families.registry import FAMILIES
from stanmix.jobs import precheck

RNG = np.random.default_rng(17)
N = 300
NORMAL = np.concatenate([RNG.normal(-3, 1, N // 2), RNG.normal(4, 1, N // 2)])
SMALLER = NORMAL / 5
LOGNORMAL = np.exp(RNG.normal(1, 1, N))
POISSON = RNG.poisson(3, N)
OVERDISPERSED = np.concatenate([RNG.poisson(1, N // 2), RNG.poisson(14, N // 2)])
MINUTES = np.concatenate([RNG.normal(55, 6, N // 3), RNG.normal(80, 6, 2 * N // 3)]).round()
TRIALS = RNG.integers(5, 30, N)
SUCCESSES = RNG.binomial(TRIALS, np.where(np.arange(N) % 2, 0.2, 0.7))
ZERO_OR_LOGNORMAL = np.where(RNG.random(N) < 0.3, 0, LOGNORMAL)
IDS = [f"row {i}" for i in range(N)]


@pytest.fixture
def table(tmp_path, monkeypatch):
    """A function that writes a CSV file of columns into an empty folder, in which the test then is."""
    monkeypatch.chdir(tmp_path)

    def write(path="data.csv", **columns):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(columns)
            csv.writer(file).writerows(zip(*columns.values(), strict=True))
        return path

    return write


def init(path, *columns, folder=".", force=False, **others):
    """What `stanmix init` wrote, as read from its YAML, and what it said."""
    said = []
    starter.write(starter.Asked(path, list(columns), **others), folder, force, said.append)
    return yaml.safe_load((Path(folder) / starter.CONFIG).read_text(encoding="utf-8")), "\n".join(said)


def families(written):
    return [model["family"] for model in written["models"].values()]


def only(written):
    (dataset,) = written["datasets"].values()
    return dataset


@pytest.mark.parametrize(
    ("values", "kind", "chosen"),
    [
        (NORMAL, first_look.NUMBERS, ["normal"]),
        (NORMAL + 100, first_look.POSITIVE, ["normal"]),
        (LOGNORMAL, first_look.POSITIVE, ["lognormal", "gamma"]),
        (POISSON, first_look.COUNTS, ["poisson"]),
        (OVERDISPERSED, first_look.COUNTS, ["poisson", "negative_binomial"]),
        (MINUTES, first_look.WHOLE, ["normal"]),
        (RNG.integers(-40, 40, N), first_look.WHOLE, ["normal"]),
        (RNG.choice([3, 4, 5, 6, 7], N), first_look.WHOLE, ["normal"]),  # scores vary less than counts
        (RNG.beta(2, 3, N), first_look.SHARES, ["normal"]),
        (ZERO_OR_LOGNORMAL, first_look.ZEROS, ["normal"]),
    ],
)
def test_the_family_fits_what_the_column_holds(table, values, kind, chosen):
    path = table(y=values)
    assert first_look.look(path).column("y").kind == kind
    written, said = init(path)
    assert families(written) == chosen
    assert written["analyses"][0]["components"] == [1, 2, 3, 4, 5]
    assert all(f"Family: {family} " in said for family in chosen)


@pytest.mark.parametrize(
    ("values", "step"),
    [(MINUTES, 1), (SMALLER.round(1), 0.1), (NORMAL.round(3), None), (NORMAL, None), (SMALLER.round(1) / 1e6, 1e-7)],
)
def test_coarse_values_stand_for_intervals(table, values, step):
    written, said = init(table(y=values))
    assert only(written).get("rounding") == step
    assert step is None or f"multiples of {step:g}" in said


def test_it_says_what_each_column_holds(table):
    gaps = ["", *LOGNORMAL[1:]]
    faulty = ["1,5", *NORMAL[1:]]
    sorts = {"sex": ["m", "f"] * (N // 2), "yes": [0, 1] * (N // 2), "same": [7] * N}
    rows = range(1, N + 1)
    path = table(n=rows, y=NORMAL, k=OVERDISPERSED, who=IDS, gaps=gaps, faulty=faulty, **sorts, **{"": NORMAL})
    look = first_look.look(path)
    words = {column.name: column.words for column in look.columns}
    assert words["n"] == f"1, 2, ... {N}"
    assert words["y"] == f"numbers from {NORMAL.min()} to {NORMAL.max()}"
    zeros, mean, variance = (OVERDISPERSED == 0).sum(), OVERDISPERSED.mean(), OVERDISPERSED.var(ddof=1)
    assert (
        words["k"] == f"counts from 0 to {OVERDISPERSED.max()}, mean {mean:.3g}, variance {variance:.3g}, {zeros} zeros"
    )
    assert words["who"] == "text, every row has its own"
    assert words["sex"] == "text, 2 different"
    assert words["yes"] == "0 and 1 only"
    assert words["same"] == "always 7"
    assert words["gaps"].endswith(", 1 cell is missing")
    assert words["faulty"] == "numbers, but one cell is none, first '1,5' in line 2"
    assert look.remarks == ["No name in the header, so not usable: column 10."]
    assert look.candidates() == ["y", "k", "gaps", "faulty"]
    with pytest.raises(UserError, match="decimal comma"):
        init(path, "faulty")


def test_the_only_column_of_numbers_is_taken_and_of_several_it_asks(table):
    path = table("a b.csv", who=IDS, y=NORMAL, yes=[0, 1] * (N // 2))
    assert only(init(path)[0])["column"] == "y"
    path = table("two.csv", x=NORMAL, y=LOGNORMAL)
    with pytest.raises(UserError) as caught:
        init(path)
    assert "  stanmix init two.csv --column y" in caught.value.sentences
    assert "  stanmix init two.csv --column x --column y" in caught.value.sentences
    written, _ = init(path, "x", "y", force=True)
    assert only(written)["columns"] == ["x", "y"]
    assert families(written) == ["multivariate_normal"]


def test_two_values_show_no_groups_and_it_says_why(table):
    path = table(yes=[0, 1] * (N // 2), who=IDS)
    for columns in ((), ("yes",)):
        with pytest.raises(UserError, match="holds only 0 and 1, and one of two values per row shows no groups"):
            init(path, *columns)
    assert not os.path.exists(starter.CONFIG)


def test_text_is_refused_in_one_sentence(table):
    with pytest.raises(UserError) as caught:
        init(table(who=IDS, y=NORMAL), "who")
    assert str(caught.value) == (
        "data.csv, column 'who': it holds text, every row has its own; columns with numbers: y."
    )


def test_a_table_of_frequencies_is_seen(table):
    path = table(notices=range(7), days=[20, 50, 44, 30, 9, 3, 1])
    with pytest.raises(UserError) as caught:
        init(path)
    assert "  stanmix init data.csv --column notices --weights days" in caught.value.sentences
    written, said = init(path, weights="days")
    assert (only(written)["column"], only(written)["weights"]) == ("notices", "days")
    assert "The 157 observations stand in 7 rows" in said
    written, _ = init(path, "days", force=True)
    assert "weights" not in only(written)


def test_trials_exposure_and_names_are_taken_or_proposed(table):
    path = table(k=SUCCESSES, of=TRIALS, who=IDS)
    written, _ = init(path, "k", trials="of", id="who")
    assert families(written) == ["binomial", "beta_binomial"]
    assert (only(written)["trials"], only(written)["id"]) == ("of", "who")
    written, _ = init(path, "k", force=True)
    text = starter.CONFIG.read_text(encoding="utf-8")
    for role, name in (("trials", "of"), ("exposure", "of"), ("id", "who")):
        assert role not in only(written)
        assert f"    # {role}: {name}  # if this is " in text
    written, _ = init(path, "k", exposure="of", force=True)
    assert only(written)["exposure"] == "of"
    assert families(written)[0] == "poisson"


def test_counts_per_exposure_are_judged_by_their_rates(table):
    hours = RNG.choice([1, 20], N)
    path = table(k=RNG.poisson(2 * hours), hours=hours)
    assert families(init(path, "k")[0]) == ["poisson", "negative_binomial"]
    assert families(init(path, "k", exposure="hours", force=True)[0]) == ["poisson"]


def test_incomplete_rows_are_dropped_and_counted(table):
    written, said = init(table(y=["NA", *NORMAL[1:]]))
    assert only(written)["missing"] == "drop"
    assert "1 row of the file was left out: line 2" in said


def test_few_values_get_few_components(table):
    written, said = init(table(y=[3.5, 9.25, 1.5] * 20))
    assert written["analyses"][0]["components"] == [1, 2]
    assert "3 distinct values" in said
    written, _ = init(table(k=[0, 1, 2, 2, 1, 0] * 20, of=[2] * 120), "k", trials="of", force=True)
    numbers = {analysis["models"][0]: analysis["components"] for analysis in written["analyses"]}
    # two trials tell two numbers: one probability, or one and its dispersion
    assert numbers == {"binomial": [1], "beta-binomial": [1]} or numbers == {"binomial": [1]}


def test_an_existing_configuration_is_kept_unless_forced(table):
    path = table(y=NORMAL)
    os.makedirs("config")
    starter.CONFIG.write_text("mine\n")
    with pytest.raises(UserError, match="exists already and was left as it is; --force"):
        init(path)
    assert starter.CONFIG.read_text() == "mine\n"
    assert only(init(path, force=True)[0])["column"] == "y"


def test_the_file_is_named_as_seen_from_the_folder_of_the_run(table, tmp_path, monkeypatch):
    path = table("data/deep/d.csv", y=NORMAL)
    written, _ = init(path, folder="study")
    assert only(written)["csv"] == "../data/deep/d.csv"
    written, _ = init(str(tmp_path / path), folder="other")
    assert only(written)["csv"] == str(tmp_path / path)
    for folder in ("study", "other"):
        assert cli.main(["check", "--directory", folder]) == 0
    monkeypatch.chdir(tmp_path / "study")
    assert cli.main(["check"]) == 0


def test_headers_of_numbers_and_empty_tables_are_refused(table):
    with pytest.raises(UserError, match="line 1: the header holds numbers"):
        init(table(**{"1.5": NORMAL}))
    with pytest.raises(UserError, match="no rows below the header"):
        init(table(y=[]))
    with pytest.raises(UserError, match=r"nothing\.csv: there is no such file"):
        init("nothing.csv")


def test_the_schema_beside_the_configuration_is_the_one_that_is_checked(table):
    written, _ = init(table(y=NORMAL))
    first = starter.CONFIG.read_text(encoding="utf-8").splitlines(keepends=True)[0]
    assert first == "# yaml-language-server: $schema=.stanmix.schema.json\n"
    rules = read_json(starter.CONFIG.parent / ".stanmix.schema.json")
    assert Draft202012Validator(rules).is_valid(written)
    assert not Draft202012Validator(rules).is_valid(written | {"sed": 1})


def test_the_configurations_of_the_checkout_name_the_schema(root):
    for path in [root / "config" / "config.yaml", *(root / "config" / "examples").glob("*.yaml")]:
        mark, _, schema = path.read_text(encoding="utf-8").partition("\n")[0].partition("$schema=")
        assert mark == "# yaml-language-server: "
        assert (path.parent / schema).resolve() == (root / "workflow" / "schemas" / "config.schema.yaml").resolve()


NAMES = ["y", "2020", "on", "no: yes", "# a", "it's", 'say "so"', "a, b", "[x]", "{y}", "größe (mm)", "two\nlines", "~",
         "1e5", "- z", "%", "&a", "*b", "null", "a\u2028b", "weights", "\\n", "x" * 200, "a\tb"]  # fmt: skip
SHAPES = [NORMAL, LOGNORMAL, POISSON, OVERDISPERSED, MINUTES, ZERO_OR_LOGNORMAL, NORMAL.round(1), -LOGNORMAL * 1e6,
          LOGNORMAL * 1e-9, NORMAL.round(), SUCCESSES / TRIALS, np.r_[NORMAL[:5]], np.r_[0.1, 0.1, 0.3, 0.7],
          POISSON[:4]]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_whatever_a_column_is_called_what_is_written_can_be_run(table, name):
    rng = np.random.default_rng(sum(map(ord, name)))
    shape = SHAPES[rng.integers(len(SHAPES))]
    file = re.sub(r"[/{}<>\n\t]", "", name)[:60].strip() or "data"  # Snakemake cannot name all files
    path = table(f"{file}.csv", **{name: shape, "other\nname": [f"i {i}" for i in shape]})
    written, _ = init(path, name)
    assert only(written)["column"] == name.strip()
    assert only(written)["csv"] == path
    precheck.check(configuration.checked(written))


@pytest.mark.parametrize("number", range(len(SHAPES) * 2))
def test_whatever_a_column_holds_what_is_written_can_be_run(table, number):
    shape = SHAPES[number % len(SHAPES)]
    if number >= len(SHAPES):  # with gaps and a second column beside it
        values = [value if i % 7 else "" for i, value in enumerate(shape, start=2)]
        path = table(y=values, z=np.cos(np.arange(len(values))))
        written, _ = init(path, *(["y", "z"] if number % 2 else ["y"]))
    else:
        written, _ = init(table(y=shape))
    checked = configuration.checked(written)
    precheck.check(checked)
    assert all(1 <= k <= 5 for analysis in checked["analyses"] for k in analysis["components"])


def test_what_is_commented_out_can_be_taken_in(table):
    for values in (NORMAL, LOGNORMAL, OVERDISPERSED, MINUTES):
        init(table(y=values), force=True)
        text = starter.CONFIG.read_text(encoding="utf-8")
        proposed = [line for line in text.splitlines() if line.startswith("  # ") and ": {family: " in line]
        assert proposed
        more = "\n".join(line.replace("# ", "", 1) if line in proposed else line for line in text.splitlines())
        names = [line.split(":")[0].strip(" #") for line in proposed]
        written = yaml.safe_load(more)
        kinds = {name: FAMILIES[written["models"][name]["family"]].kind for name in names}
        dataset = next(iter(written["datasets"]))
        for name in names:
            written["analyses"] = [{"dataset": dataset, "models": [name], "components": 2}]
            rounding = written["datasets"][dataset].pop("rounding", None) if kinds[name] == "whole" else None
            precheck.check(configuration.checked(written))
            if rounding is not None:
                written["datasets"][dataset]["rounding"] = rounding


def test_every_data_set_at_hand_is_written_or_refused_with_a_sentence(root, cases, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    passed, sentences = 0, []
    for path in sorted([*(root / "data").glob("*.csv"), *(cases / "data").glob("*.csv")]):
        look = first_look.look(path)
        for name in (look.candidates() or [column.name for column in look.columns])[:2]:
            try:
                written, _ = init(str(path), name, force=True)
            except UserError as error:
                sentences += error.sentences
                continue
            precheck.check(configuration.checked(written))
            passed += 1
    assert passed > 40
    assert all(".csv, column '" in sentence or ".csv, line " in sentence for sentence in sentences)


def test_the_skewness_counts_rows_as_often_as_they_were_seen():
    from scipy import stats

    y, often = np.array([1.0, 2.0, 5.0, 9.0]), np.array([5, 3, 1, 1])
    assert math.isclose(starter._skewness(y, often), stats.skew(np.repeat(y, often)))
