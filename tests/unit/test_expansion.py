"""Many data sets in a few lines: the same as all of them written out, and a sentence for whatever is wrong."""

import glob

import pytest
import yaml

from stanmix.base.errors import UserError
from stanmix.config import configuration, plan, schema

REST = """
models:
  m: {family: normal}
analyses:
  - {dataset: DATASET, models: [m], components: [1, 2]}
"""


@pytest.fixture(autouse=True)
def schema_read_once(rules_read_once, monkeypatch):
    """Reading the schema takes longer than checking against it."""
    monkeypatch.setattr(configuration, "schema", lambda: rules_read_once)


@pytest.fixture(scope="module")
def rules_read_once():
    return schema.schema()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to run in, with three small files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("c", "a.1", "b"):
        (tmp_path / "data" / f"{name}.csv").write_text("y\n1\n2\n4\n")
    return tmp_path


def check(datasets, dataset='"{name}"', rest=REST):
    """Check a configuration with these lines below `datasets:`, the way the workflow does."""
    with open("config.yaml", "w", encoding="utf-8") as file:
        file.write(f"datasets:{datasets}{rest.replace('DATASET', dataset)}")
    with open("config.yaml", encoding="utf-8") as file:
        return configuration.checked(yaml.safe_load(file), configuration.lines_of("config.yaml"))


def sentences_of(*arguments, **options):
    with pytest.raises(UserError) as caught:
        check(*arguments, **options)
    return list(caught.value.sentences)


def same(made, datasets, names):
    """Whether a configuration is, to the order of its keys, that with the data sets written out."""
    lines = "".join(f"\n  {name}: {entry}" for name, entry in datasets.items())
    analyses = "".join(f"\n  - {{dataset: {name}, models: [m], components: [1, 2]}}" for name in names)
    explicit = check(lines, rest=REST[: REST.index("analyses:")] + "analyses:" + analyses)
    return yaml.safe_dump(made, sort_keys=False) == yaml.safe_dump(explicit, sort_keys=False)


def test_a_template_is_the_data_sets_written_out(folder, monkeypatch):
    explicit = {
        name: f"{{csv: data/{name}.csv, column: y, label: y of {name}, predict: new/{name}.csv}}"
        for name in ("a.1", "b", "c")
    }
    template = '\n  "{name}": {label: "y of {name}", csv: "data/*.csv", column: y, predict: "new/{name}.csv"}'
    for order in (sorted, lambda found: sorted(found, reverse=True)):  # a folder has no order
        monkeypatch.setattr(
            "stanmix.config.expansion.glob.glob", lambda pattern, order=order: order(glob.iglob(pattern))
        )
        assert same(check(template), explicit, ["a.1", "b", "c"])


def test_a_new_file_is_a_new_data_set_and_changes_no_other(folder):
    template = '\n  "x-{name}": {csv: "data/*.csv", column: y}'
    before = check(template, '"x-{name}"')
    (folder / "data" / "b2.csv").write_text("y\n1\n2\n4\n")
    after = check(template, '"x-{name}"')
    assert list(before["datasets"]) == ["x-a.1", "x-b", "x-c"]
    assert list(after["datasets"]) == ["x-a.1", "x-b", "x-b2", "x-c"]
    for name in before["datasets"]:
        slices = [plan.slice_of(config, name, plan.by_dataset(plan.fits(config))[name]) for config in (before, after)]
        assert slices[0] == slices[1]


@pytest.mark.parametrize(
    "pattern",
    [
        "data/*.csv",
        "./data//*.csv",
        "{absolute}/data/*.csv",
        "sites/*/y.csv",
        "sites/s-*/y.csv",
        "s*tes/y.txt",
        "*.one",
    ],
)
def test_the_star_may_stand_anywhere_in_a_path(folder, pattern):
    for path in ("sites/s-b/y.csv", "sites/s-c/y.csv", "sites/s-a.1/y.csv", "sites/y.txt", "b.one"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("y\n1\n2\n4\n")
    (folder / "data" / ".hidden.csv").write_text("")
    (folder / "data" / "folder.csv").mkdir()
    pattern = pattern.replace("{absolute}", str(folder))
    made = check(f'\n  "{{name}}": {{csv: "{pattern}", column: y}}')["datasets"]
    wanted = {"sites/*/y.csv": ["s-a.1", "s-b", "s-c"], "s*tes/y.txt": ["i"], "*.one": ["b"]}
    assert list(made) == wanted.get(pattern, ["a.1", "b", "c"])
    for name, entry in made.items():
        assert entry["csv"] == pattern.replace("*", name)
        assert (folder / entry["csv"]).is_file()


def test_brackets_in_a_path_are_no_pattern(folder):
    (folder / "d[12]").mkdir()
    (folder / "d1").mkdir()
    for path in ("d[12]/right.csv", "d1/wrong.csv"):
        (folder / path).write_text("y\n1\n2\n4\n")
    assert list(check('\n  "{name}": {csv: "d[12]/*.csv", column: y}')["datasets"]) == ["right"]


@pytest.mark.parametrize("ending", ["csv", "TSV"])
def test_a_sample_sheet_is_the_data_sets_written_out(folder, ending):
    rows = [
        ["dataset", "label", "csv", "column", "columns", "rounding", "missing", "cutoffs"],
        ["north", "length (mm), wet", "data/b.csv", "y", "", "0.5", "drop", "0.9; 0.99"],
        ["south", "", "data/c.csv", "", "y; z", "", "", ""],
        ["east", "12", "data/b.csv", "y", "", "1", "", "0.5"],
    ]
    mark = "," if ending == "csv" else "\t"
    text = "\n".join(mark.join(f'"{cell}"' if "," in cell else cell for cell in row) for row in rows)
    (folder / f"sheet.{ending}").write_text("\ufeff" + text + "\n\n", encoding="utf-8")
    models = "  n: {family: multivariate_normal}"
    rest = REST.replace("analyses:", f"{models}\nanalyses:")
    made = check(f" sheet.{ending}", "[north, e*]", rest)
    explicit = check(
        """
  north: {csv: data/b.csv, column: y, rounding: 0.5, missing: drop, cutoffs: [0.9, 0.99], label: "length (mm), wet"}
  south: {csv: data/c.csv, columns: [y, z]}
  east: {csv: data/b.csv, column: y, rounding: 1, cutoffs: [0.5], label: "12"}""",
        "[north, east]",
        rest,
    )
    assert yaml.safe_dump(made, sort_keys=False) == yaml.safe_dump(explicit, sort_keys=False)


def test_names_that_a_star_makes_are_held_against_each_other(folder):
    for name in ("B", "Workflow"):
        (folder / "data" / f"{name}.csv").write_text("y\n1\n2\n")
    told = sentences_of('\n  "{name}": {csv: "data/*.csv", column: y}')
    assert sum("in nothing but capital letters" in sentence for sentence in told) == 1
    assert sum("would give its page the name of Snakemake's report" in sentence for sentence in told) == 1
    assert all(sentence.startswith("config.yaml, line 2: ") for sentence in told)


def test_a_sheet_may_be_separated_by_semicolons(folder):
    (folder / "sheet.csv").write_text("dataset;csv;column\nx;data/b.csv;y\n")
    assert check(" sheet.csv", "x")["datasets"]["x"]["csv"] == "data/b.csv"


def test_a_sheet_in_a_template_shares_what_is_not_in_its_cells(folder):
    (folder / "sheet.csv").write_text("dataset,label,missing\nb,of b,drop\nc,,\n")
    made = check(
        '\n  "x-{name}":\n    {sheet: sheet.csv, csv: "data/{name}.csv", column: y, label: "y of {name}"}', "x-b"
    )
    defaults = {"axis": "auto", "cutoffs": [0.5, 0.9, 0.95, 0.99]}
    assert made["datasets"] == {
        "x-b": {"csv": "data/b.csv", "column": "y", "missing": "drop", "label": "of b"} | defaults,
        "x-c": {"csv": "data/c.csv", "column": "y", "missing": "error", "label": "y of c"} | defaults,
    }


def test_a_sheet_repeats_a_simulation(folder):
    (folder / "sheet.csv").write_text("dataset\nr1\nr2\n")
    recipe = "{family: normal, n: 50, theta: [0.5, 0.5], mu: [0, 4], sigma: 1}"
    made = check(f'\n  "{{name}}": {{sheet: sheet.csv, simulate: {recipe}}}')
    assert {name: entry["simulate"]["mu"] for name, entry in made["datasets"].items()} == {"r1": [0, 4], "r2": [0, 4]}


@pytest.mark.parametrize(
    ("dataset", "wanted"),
    [
        ('"{name}"', ["a.1", "b", "c"]),
        ('"z-{name}"', ["z-a.1", "z-b", "z-c"]),
        ("other", ["other"]),
        ('"*b"', ["b", "z-b"]),
        ('"z*1"', ["z-a.1"]),
        ('"*"', ["a.1", "b", "c", "other", "z-a.1", "z-b", "z-c"]),
        ('[c, "z-{name}", "*b"]', ["c", "z-a.1", "z-b", "z-c", "b"]),
    ],
)
def test_an_analysis_names_one_or_many(folder, dataset, wanted):
    datasets = """
  "{name}": {csv: "data/*.csv", column: y}
  other: {csv: data/b.csv, column: y}
  "z-{name}": {csv: "data/*.csv", column: y}"""
    config = check(datasets, dataset)
    assert [analysis["dataset"] for analysis in config["analyses"]] == wanted
    assert len(plan.fits(config)) == 2 * len(wanted)


GLOB = '\n  "{name}":\n    csv: "data/*.csv"\n    column: y'
# What stands below datasets, and every sentence.
MISTAKES = {
    "no file matches": (
        GLOB.replace("data/", "dta/"),
        [
            "config.yaml, line 3: datasets.{name}.csv is 'dta/*.csv', which matches no file; check the "
            "folder and the ending."
        ],
    ),
    "two stars": (
        GLOB.replace("data", "*"),
        [
            "config.yaml, line 3: datasets.{name}.csv is '*/*.csv'; it must have one *, and "
            "what it matches is {name} in the key."
        ],
    ),
    "no star": (
        GLOB.replace("*", "b"),
        [
            "config.yaml, line 3: datasets.{name}.csv is 'data/b.csv'; it must have one *, and "
            "what it matches is {name} in the key."
        ],
    ),
    "neither a csv nor a sheet": (
        '\n  "{name}": {column: y}',
        ["config.yaml, line 2: datasets.{name} makes many data sets, so it must have csv with a *, or sheet."],
    ),
    "a star without a template": (
        GLOB + '\n  d:\n    column: y\n    csv: "data/*.csv"',
        [
            "config.yaml, line 7: datasets.d.csv is 'data/*.csv'; a * makes many data sets where "
            "the key has {name}, as in `d-{name}`."
        ],
    ),
    "a sheet without a template": (
        GLOB + "\n  d: {sheet: s.csv}",
        ["config.yaml, line 5: datasets.d.sheet makes many data sets; write {name} into the key, as in `d-{name}`."],
    ),
    "another word in braces": (
        GLOB + "\n  '{site}': {csv: b.csv, column: y}",
        [
            "config.yaml, line 5: datasets.{site} is no name for a folder; use up to 100 letters, digits, points, "
            "dashes and underscores, a letter or digit first and no point last; {name} in it makes a template."
        ],
    ),
    "a name twice": (
        "\n  b: {csv: data/c.csv, column: y}" + GLOB,
        ["data/b.csv: the data set 'b' is there already in config.yaml, line 2; give one of them another name."],
    ),
    "a fault of a template is said once": (
        GLOB[: GLOB.index("\n    column")],
        [
            "config.yaml, line 2: datasets.a.1 must have either column or columns: what of data/a.1.csv holds the "
            "observations (and so for 2 more of {name}).",
        ],
    ),
    "a fault of all pairs is said once": (
        GLOB.replace("column: y", "columns: [y, z]"),
        [
            "config.yaml, line 8: analyses[0].models names 'm' of the family normal, which needs the key 'column' in "
            "datasets.a.1 (and so for 2 more of {name}).",
        ],
    ),
    "an unknown key": (
        GLOB.replace("column", "colum"),
        [
            "config.yaml, line 4: datasets.{name}.colum is not a key that stanmix knows; allowed here are csv, sheet, "
            "worksheet, column, columns, trials, exposure, weights, known, id, group, header, missing, rounding, axis, "
            "cutoffs, predict, predict_worksheet, label, simulate (did you mean 'column'?)."
        ],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_is_wrong_with_a_template_is_said_with_its_line(folder, mistake):
    datasets, sentences = MISTAKES[mistake]
    assert sentences_of(datasets) == sentences


def test_names_of_files_must_be_names_of_folders(folder):
    for name in ["d e", *(f"f{i} " for i in range(11))]:
        (folder / "data" / f"{name}.csv").write_text("y\n1\n2\n")
    first, *others, last = sentences_of(GLOB)
    assert first == (
        "data/d e.csv: 'd e' is no name for a folder; use up to 100 letters, digits, points, dashes and underscores, a "
        "letter or digit first and no point last."
    )
    assert len(others) == 9
    assert last == "data/*.csv: and 2 more such names."


@pytest.mark.parametrize("dataset", ['"q*"', "q", '["{name}", q]'])
def test_an_analysis_of_what_is_not_there_is_named(folder, dataset):
    (sentence,) = sentences_of(GLOB, dataset)
    assert sentence.startswith("config.yaml, line 8: analyses[0].dataset ")
    assert sentence.endswith("there are a.1, b, c.")
    assert "'q" in sentence


# The lines of a sample sheet, and every sentence.
SHEETS = {
    "a column that is no key": (
        "dataset,csv,colum\na,data/b.csv,y\n",
        [
            "s.csv, line 1: the column 'colum' is no key of a data set; a sample sheet may have dataset, csv, "
            "worksheet, column, columns, trials, exposure, weights, known, id, group, header, missing, rounding, axis, "
            "cutoffs, predict, predict_worksheet, label (did you mean 'column'?)."
        ],
    ),
    "a column twice": ("dataset,csv,csv\na,b,c\n", ["s.csv, line 1: the header names 'csv' 2 times; keep one."]),
    "no names": (
        "csv,column\ndata/b.csv,y\n",
        ["s.csv, line 1: there is no column 'dataset', which holds the names of the data sets."],
    ),
    "empty": ("", ["s.csv: the file is empty or its first line is; it needs a header with the column dataset."]),
    "no rows": ("dataset,csv\n", ["s.csv: there are no rows below the header, so there is no data set."]),
    "rows of other lengths": (
        'dataset,csv,column,label\na,data/b.csv,y,"two\nlines"\nb,data/c.csv,y\nc\n',
        [
            "s.csv, line 4: the row has 3 cells, but the header names 4; give every row all cells, if need be "
            "empty ones.",
            "s.csv, line 5: the row has 1 cell, but the header names 4; give every row all cells, if need be "
            "empty ones.",
        ],
    ),
    "names twice or none": (
        "dataset,csv,column\na,data/b.csv,y\n,data/b.csv,y\na,data/c.csv,y\n",
        [
            "s.csv, line 3, column 'dataset': the cell is empty; name the data set.",
            "s.csv, line 4, column 'dataset': 'a' stands in line 2 already; give every data set a name of its own.",
        ],
    ),
    "a name that is none": (
        "dataset,csv,column\na,data/b.csv,y\n../b,data/b.csv,y\n",
        [
            "s.csv, line 3, column 'dataset': '../b' is no name for a folder; use up to 100 letters, digits, points, "
            "dashes and underscores, a letter or digit first and no point last."
        ],
    ),
    "values that do not fit": (
        "dataset,csv,column,rounding,missing\na,data/b.csv,y,half,\nb,data/b.csv,y,-1,\nc,data/b.csv,y,,dropp\n",
        [
            "s.csv, line 2: datasets.a.rounding is 'half'; it must be a number.",
            "s.csv, line 3: datasets.b.rounding is -1; it must be greater than 0.",
            "s.csv, line 4: datasets.c.missing is 'dropp'; allowed are error, drop.",
        ],
    ),
    "what a row lacks": (
        "dataset,csv,column\na,data/b.csv,y\nb,,y\nc,data/c.csv,\n",
        [
            "s.csv, line 3: datasets.b must have either csv (and column) or simulate.",
            "s.csv, line 4: datasets.c must have either column or columns: what of data/c.csv holds the observations.",
        ],
    ),
    "broken quotes": (
        'dataset,csv\na,"b"c\n',
        ["s.csv, line 2: this is not a CSV file (',' expected after '\"'); check the quotes there."],
    ),
}


@pytest.mark.parametrize("mistake", SHEETS)
def test_what_is_wrong_with_a_sheet_is_said_with_its_line(folder, mistake):
    text, sentences = SHEETS[mistake]
    (folder / "s.csv").write_text(text, encoding="utf-8")
    assert sentences_of(" s.csv") == sentences


def test_a_fault_in_every_row_is_said_for_ten_of_them(folder):
    (folder / "s.csv").write_text("dataset,csv,column,missing\n" + "".join(f"d{i},b.csv,y,no\n" for i in range(25)))
    found = sentences_of(" s.csv")
    assert len(found) == 10
    assert found[0] == "s.csv, line 2: datasets.d0.missing is 'no'; allowed are error, drop."
    assert found[-1] == (
        "s.csv, line 11: datasets.d9.missing is 'no'; allowed are error, drop (and so for 15 more of {name})."
    )


def test_a_sheet_that_is_not_there_is_named(folder):
    assert sentences_of(" s.csv") == ["s.csv: there is no such file; check datasets in the configuration."]


@pytest.mark.parametrize("value", [" 5", " []", ' ""'])
def test_datasets_that_are_neither_a_mapping_nor_a_path_are_named(folder, value):
    (sentence,) = sentences_of(value)
    assert sentence.startswith(f"config.yaml, line 1: datasets is {value.strip().replace(chr(34), chr(39))}; it must")


def test_a_thousand_data_sets_are_written_out_at_once(folder):
    for i in range(1000):
        (folder / "data" / f"n{i}.csv").write_text("")
    config = check('\n  "{name}": {csv: "data/n*.csv", column: y}')
    assert len(config["datasets"]) == len(config["analyses"]) == 1000
