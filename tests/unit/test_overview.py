"""Which fit stands for a data set, and the table of all data sets: true to its parts, whole and readable by all."""

import json
from html.parser import HTMLParser

import pandas as pd
import pytest
from textbook import resolved, specified

from stanmix.compare import choice, overview
from stanmix.families.registry import FAMILIES

PASS, WARN, FAIL = "pass", "warn", "fail"
HOSTILE = "</td><script>alert(1)</script>&amp;"


@pytest.fixture
def asked(tmp_path):
    """A function that asks which of some fits stands for their data set.

    Each fit is (model, components, status, elpd); `verdicts` are those of models with several numbers of components.
    """

    def ask(fits, verdicts=(), trusted=True, columns=(), fixed=False):
        paths, ranked, checks = {}, [], {}
        for model, components, status, _ in sorted(fits, key=lambda fit: -fit[-1]):
            title = f"{model} (K = {components})"
            folder = tmp_path / title
            folder.mkdir(exist_ok=True)
            # The components lie at 10, 20, ... and in a second column at 1, 2, ...; the weights are 1/10, 1/5, ...
            rows = [("theta", k, None, k / 10) for k in range(1, components + 1)]
            located = [(column, 10 / 10**i) for i, column in enumerate(columns or (None,))]
            parameters = []
            for column, step in located:
                values = [step * k for k in range(1, components + 1)]
                if fixed:
                    parameters.append(resolved("mu", "fixed", column=column, value=values))
                else:
                    parameters.append(resolved("mu", column=column))
                    rows += [("mu", k + 1, column, value) for k, value in enumerate(values)]
            rows.append(("sigma", None, None, 3.0))
            parameters.append(resolved("sigma", "shared"))
            summary = pd.DataFrame(rows, columns=["parameter", "component", "column", "mean"]).assign(sd=0.5)
            summary.astype({"component": "Int64"}).to_csv(folder / "summary.csv", index=False)
            specified(parameters=tuple(parameters)).write(folder / "specification.json")
            (folder / "labels.json").write_text(json.dumps({"trusted": trusted, "whole": True, "names": None}))
            files = {"summary": "summary.csv", "specification": "specification.json", "labels": "labels.json"}
            paths[title] = {"model": model, "components": components} | {k: folder / v for k, v in files.items()}
            found = [{"title": "Always", "status": PASS}, {"title": "Sometimes", "status": status}]
            checks[title] = {"status": status, "checks": found}
            ranked.append({"model": title, "status": status, "n": 77})
        judged = [{"model": model, "verdict": verdict} for model, verdict in dict(verdicts).items()]
        return choice.choose(paths, ranked, judged, checks)

    return ask


@pytest.mark.parametrize(
    ("fits", "verdicts", "title", "status"),
    [
        ([("a", 2, PASS, -5)], {}, "a (K = 2)", PASS),
        ([("a", 2, WARN, -5)], {}, "a (K = 2)", WARN),
        # the best of those that pass, not the best
        ([("a", 2, FAIL, -1), ("b", 2, PASS, -5), ("c", 2, PASS, -9)], {}, "b (K = 2)", PASS),
        # the verdict of a model, not its best number
        ([("a", 1, PASS, -9), ("a", 2, PASS, -5), ("a", 3, PASS, -4)], {"a": 2}, "a (K = 2)", PASS),
        # of several models' verdicts the one that predicts best
        (
            [("a", 1, PASS, -9), ("a", 2, PASS, -5), ("b", 1, PASS, -7), ("b", 2, WARN, -3)],
            {"a": 2, "b": 1},
            "a (K = 2)",
            PASS,
        ),
        # a model without a verdict leaves the choice to others
        ([("a", 1, PASS, -4), ("a", 2, FAIL, -1), ("b", 2, PASS, -9)], {"a": None}, "b (K = 2)", PASS),
    ],
)
def test_the_fit_that_stands_for_a_data_set(asked, fits, verdicts, title, status):
    line = asked(fits, verdicts)
    assert (line["title"], line["status"], line["n"]) == (title, status, 77)
    assert line["fits"] == len(fits)
    assert line["failing"] == sum(fit[2] == FAIL for fit in fits)
    assert line["tried"] == sorted(fit[1] for fit in fits if fit[0] == line["model"])
    assert f"{line['model']} (K = {line['components']})" == title
    assert [part["weight"]["mean"] for part in line["parts"]] == [k / 10 for k in range(1, line["components"] + 1)]


@pytest.mark.parametrize(
    ("fits", "verdicts", "remark"),
    [
        ([("a", 2, FAIL, -5)], {}, "The one fit fails: Sometimes."),
        ([("a", 2, FAIL, -5), ("b", 2, FAIL, -4)], {}, "No fit can be chosen; the best, b (K = 2), fails: Sometimes."),
        (
            [("a", 1, PASS, -9), ("a", 2, PASS, -5)],
            {"a": None},
            "No number of components can be chosen; a (K = 2) predicts best.",
        ),
    ],
)
def test_where_no_fit_can_be_chosen_nothing_is_said_but_why(asked, fits, verdicts, remark):
    line = asked(fits, verdicts)
    assert (line["status"], line["remark"]) == (FAIL, remark)
    assert [line[key] for key in ("model", "family", "components", "tried", "location")] == [None] * 5
    assert line["parts"] == []


@pytest.mark.parametrize(
    ("fits", "verdicts", "remark"),
    [
        ([("a", 2, PASS, -5)], {}, "Passes all 2 checks."),
        ([("a", 2, WARN, -5)], {}, "Warnings: Sometimes."),
        (
            [("a", 1, PASS, -9), ("a", 2, PASS, -5)],
            {"a": 2},
            "Passes all 2 checks. The largest number tried: try more.",
        ),
    ],
)
def test_what_is_remarked(asked, fits, verdicts, remark):
    assert asked(fits, verdicts)["remark"] == remark


def test_without_trust_in_names_nothing_is_said_of_components(asked):
    line = asked([("a", 2, PASS, -5)], trusted=False)
    assert line["parts"] == []
    assert (line["model"], line["components"], line["status"]) == ("a", 2, PASS)
    assert line["remark"].endswith("cannot be trusted, so nothing is said of them.")


@pytest.mark.parametrize("fixed", [False, True])
def test_locations_by_component_and_column(asked, fixed):
    line = asked([("a", 2, PASS, -5)], columns=("x", "1"), fixed=fixed)
    assert [[(p["column"], p["mean"]) for p in part["locations"]] for part in line["parts"]] == [
        [("x", 10), ("1", 1)],
        [("x", 20), ("1", 2)],
    ]
    assert {p["sd"] for part in line["parts"] for p in part["locations"]} == {None if fixed else 0.5}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_first_parameter_of_every_family_is_the_one_that_says_where_components_lie(family):
    assert family.names[0] == family.ordered


class Cells(HTMLParser):
    """The table of a page: for each row its cells as text, and every tag."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data


@pytest.fixture
def joined(tmp_path):
    """A function that writes the overview of some lines: its page as `Cells` and its table."""

    def write(lines):
        paths = []
        for name, line in lines.items():
            paths.append(tmp_path / f"{name}.json")
            paths[-1].write_text(json.dumps(line))
        outputs = {"page": tmp_path / "overview.html", "table": tmp_path / "overview.csv"}
        overview.write_overview(list(lines), paths, outputs)
        table = pd.read_csv(outputs["table"], keep_default_na=False, na_values=[""])
        return Cells(outputs["page"].read_text(encoding="utf-8")), table, outputs

    return write


@pytest.fixture
def lines(asked):
    """A line of each kind."""
    return {
        "three": asked([("a", 2, PASS, -9), ("a", 3, PASS, -5)], {"a": 3}),
        "none": asked([("a", 2, FAIL, -5), ("b", 2, FAIL, -6)]),
        "flat": asked([("a", 1, WARN, -5)]),
        "both": asked([("a", 2, PASS, -5)], columns=("x", "y"), fixed=True),
        "secret": asked([("a", 2, PASS, -5)], trusted=False),
    }


def test_the_table_has_a_row_for_each_data_set_and_only_numbers_that_may_be_said(joined, lines):
    _, table, _ = joined(lines)
    assert list(table["dataset"]) == list(lines)
    assert list(table["status"]) == [PASS, FAIL, WARN, PASS, PASS]
    assert list(table["page"]) == [f"reports/{name}.html" for name in lines]
    numbers = list(table.columns[list(table.columns).index("location") + 1 :])
    weights = [f"weight[{k}]" for k in (1, 2, 3)]
    locations = ["location[1]", "location[1, x]", "location[1, y]", "location[2]", "location[2, x]", "location[2, y]"]
    assert numbers == [*weights, *locations, "location[3]"]
    said = table.set_index("dataset")[numbers]
    assert said.loc["three"].dropna().to_dict() == {
        **{f"weight[{k}]": k / 10 for k in (1, 2, 3)},
        **{f"location[{k}]": 10 * k for k in (1, 2, 3)},
    }
    assert said.loc["both"].dropna().to_dict() == {
        **{"weight[1]": 0.1, "weight[2]": 0.2},
        **{"location[1, x]": 10, "location[1, y]": 1, "location[2, x]": 20, "location[2, y]": 2},
    }
    assert said.loc[["none", "secret"]].isna().all(axis=None)
    assert table.set_index("dataset").loc["none", ["model", "components", "location"]].isna().all()
    assert list(table["tried"].fillna("")) == ["2, 3", "", "1", "2", "2"]


def test_the_page_says_the_same_and_works_without_script(joined, lines):
    page, _, _ = joined(lines)
    head, *rows = page.rows
    cells = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
    assert list(cells) == list(lines)
    assert [cells[name]["verdict"] for name in lines] == [PASS, FAIL, WARN, PASS, PASS]
    assert (cells["three"]["weights"], cells["three"]["locations"]) == ("0.100, 0.200, 0.300", "mu: 10, 20, 30")
    assert cells["both"]["locations"] == "mu of x, y: 10, 1; 20, 2"
    for name in ("none", "secret"):
        assert cells[name]["weights"] == cells[name]["locations"] == chr(0x2013)
    assert cells["none"]["fits"] == "0 of 2"
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == ["overview.csv", *(f"reports/{name}.html" for name in lines)]


def test_the_page_is_self_contained_and_says_its_structure(joined, lines):
    page, _, outputs = joined(lines)
    text = outputs["page"].read_text(encoding="utf-8")
    assert "http:" not in text
    assert "https:" not in text
    assert not any({"src", "onclick", "onload"} & set(attributes) for _, attributes in page.tags)
    scopes = [attributes.get("scope") for tag, attributes in page.tags if tag == "th"]
    assert scopes == ["col"] * len(page.rows[0]) + ["row"] * len(lines)
    assert {"caption", "main", "h1", "html"} <= {tag for tag, _ in page.tags}
    assert ("html", {"lang": "en"}) in page.tags


def test_hostile_texts_are_shown_and_do_nothing(joined, lines):
    line = lines["three"] | {"remark": HOSTILE, "model": HOSTILE}
    page, table, _ = joined({"only": line})
    assert [tag for tag, _ in page.tags].count("script") == 1  # that of the page itself
    assert page.rows[1][2] == page.rows[1][-1] == HOSTILE
    assert table["remark"][0] == HOSTILE


def test_the_same_bytes_every_time(joined, lines):
    *_, outputs = joined(lines)
    first = {name: path.read_bytes() for name, path in outputs.items()}
    joined(lines)
    assert {name: path.read_bytes() for name, path in outputs.items()} == first


def test_where_nothing_can_be_said_of_any_data_set_there_is_a_table_all_the_same(joined, lines):
    page, table, _ = joined({"none": lines["none"]})
    assert len(page.rows) == 2
    assert list(table["status"]) == [FAIL]
