"""The page that people read: self-contained, in order, equal to the artifacts, withheld when these contradict."""

import html.parser
import json
import re

import numpy as np
import pandas as pd
import pytest
from runs import forged
from scipy import stats

from stanmix.assess.checks import p_text

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
HEADINGS = {
    "answer": "The answer",
    "found": "What was found",
    "memberships": "Who belongs where",
    "predictive": "Does the model fit?",
    "comparison": "Which model?",  # only of several
    "data": "The data",
    "models": "The models and their priors",
    "chains": "The chains",
    "checks": "Checks",
    "methods": "Methods and references",
    "glossary": "Glossary",
    "provenance": "Provenance",
}
FITS = {"pair": ("wrong", "free"), "readings": ("free",), "calls": ("counts",)}
SUMMARY = {  # the page's columns and the table's
    "mean": "mean",
    "sd": "sd",
    "MCSE": "mcse_mean",
    "95% HDI from": "hdi_lower",
    "to": "hdi_upper",
    "bulk ESS": "ess_bulk",
    "tail ESS": "ess_tail",
    "R-hat": "r_hat",
}


class Element:
    """A tag with its attributes, and what is inside: elements and texts."""

    def __init__(self, tag, attributes=()):
        self.tag, self.attributes, self.inside = tag, dict(attributes), []

    def all(self, tag):
        """Every element of that tag below this one, in order of the page."""
        found = []
        for child in self.inside:
            if isinstance(child, Element):
                found += [child] * (child.tag == tag) + child.all(tag)
        return found

    def one(self, tag, **attributes):
        (found,) = (e for e in self.all(tag) if all(e.attributes.get(k) == v for k, v in attributes.items()))
        return found

    @property
    def text(self):
        parts = (child if isinstance(child, str) else child.text for child in self.inside)
        return re.sub(r"\s+", " ", "".join(parts)).strip()


class Tree(html.parser.HTMLParser):
    """Reads a page into elements; a tag that is not closed, or closed and not open, is an error."""

    def __init__(self, text):
        super().__init__()
        self.open = [Element("page")]
        self.feed(text)
        self.close()
        assert [element.tag for element in self.open] == ["page"], "there are tags that are not closed"
        self.root = self.open[0]

    def handle_starttag(self, tag, attributes):
        element = Element(tag, attributes)
        self.open[-1].inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}> near {self.getpos()}"
        self.open.pop()

    def handle_data(self, data):
        self.open[-1].inside.append(data)


@pytest.fixture(scope="module", params=list(FITS))
def dataset(request):
    return request.param


@pytest.fixture(scope="module")
def page(finished, dataset):
    return Tree((finished / f"results/reports/{dataset}.html").read_text()).root


@pytest.fixture(scope="module")
def artifact(finished, dataset):
    """A function that reads a table of a fit of the data set."""

    def read(model, name):
        path = finished / f"results/fits/{dataset}/{model}/2/{name}"
        return json.loads(path.read_text()) if path.suffix == ".json" else pd.read_csv(path)

    return read


def rows_of(table):
    """The rows of a table as dicts of texts under the headers."""
    head, *rows = table.all("tr")
    keys = [cell.text for cell in head.all("th")]
    return [dict(zip(keys, (cell.text for cell in row.all("td")), strict=True)) for row in rows]


def of_models(section, dataset):
    """What a section says of each model: the recommended one first, the others in the order of the comparison."""
    parts = [part for part in section.all("div") if re.search(r"\bm\d", part.attributes.get("class", ""))]
    if len(FITS[dataset]) == 1:
        return {FITS[dataset][0]: parts[0]}
    return {part.one("h3").inside[0].strip(): part for part in parts}


def assert_rounded(shown, value):
    """A number as the page shows it is the artifact's number, rounded, to at least two digits."""
    digits = re.fullmatch(r"-?(\d+)(?:\.(\d+))?(e[+-]\d+)?", shown)
    assert digits, f"{shown!r} is no number"
    unit = 10.0 ** (int((digits[3] or "e0")[1:]) - len(digits[2] or ""))
    assert abs(float(shown) - value) <= unit / 2 * (1 + 1e-9)
    significant = (digits[1] + (digits[2] or "")).lstrip("0")
    assert len(significant) >= 2 or float(shown) == value


def test_the_page_fetches_nothing(page):
    for tag in ("link", "iframe", "object", "embed", "base"):
        assert page.all(tag) == []
    (script,) = page.all("script")
    assert script.attributes == {}
    assert not re.search(r"fetch|XMLHttp|import|https?:|eval|innerHTML", script.text)
    assert page.all("img") == []
    for picture in figures(page):
        assert picture.attributes["role"] == "img"
        assert picture.attributes["aria-label"]
    for tag in ("use", "image"):
        for drawn in page.all(tag):
            assert drawn.attributes["href"].startswith(("#", "data:image/png;base64,"))
    for style in page.all("style"):
        assert not re.search(r"url\(|@import", style.text)


def figures(page):
    """The pictures of a page, without what they share."""
    return [picture for picture in page.all("svg") if picture.attributes.get("class") != "shared"]


def test_what_pictures_refer_to_is_there_once(page):
    shared = page.one("svg", **{"class": "shared"})
    drawn = [each.attributes for tag in ("path", "clippath") for each in shared.all(tag)]
    names = [attributes["id"] for attributes in drawn if "id" in attributes]
    assert len(names) == len(set(names)) > 0
    for picture in figures(page):
        assert not re.findall(r"id", " ".join(picture.attributes))
        assert {use.attributes["href"][1:] for use in picture.all("use")} <= set(names)


def test_links_lead_to_places_on_the_page(page):
    def places(element):
        found = [element.attributes["id"]] if "id" in element.attributes else []
        return found + [p for child in element.inside if isinstance(child, Element) for p in places(child)]

    assert len(places(page)) == len(set(places(page)))
    places_named = {link.attributes["href"][1:] for link in page.all("a") if link.attributes["href"][0] == "#"}
    assert places_named <= set(places(page))


def test_links_lead_to_files_of_the_run(page, finished):
    files = [link.attributes["href"] for link in page.all("a") if link.attributes["href"][0] not in "#h"]
    assert {path.rpartition(".")[2] for path in files} == {"csv", "json", "log", "md", "svg", "png"}
    assert [path for path in files if not (finished / "results/reports" / path).is_file()] == []


def test_the_sections_stand_in_the_order_in_which_a_reader_asks(page, dataset):
    wanted = {name: heading for name, heading in HEADINGS.items() if name != "comparison" or len(FITS[dataset]) > 1}
    assert [section.attributes["id"] for section in page.all("section")] == list(wanted)
    assert [heading.text for heading in page.all("h2")] == list(wanted.values())
    assert [link.text for link in page.one("nav").all("a")] == list(wanted.values())


def test_every_figure_of_every_fit_is_there(page, dataset):
    # data and weights; twelve for each fit, one less of counts; comparison and estimates of several fits
    several = len(FITS[dataset]) > 1
    assert len(figures(page)) == 2 + (11 if dataset == "calls" else 12) * len(FITS[dataset]) + 2 * several
    assert len({picture.attributes["aria-label"] for picture in figures(page)}) == len(figures(page))


def test_the_verdict_is_that_of_the_checks(page, dataset, artifact, finished):
    answer = page.one("section", id="answer")
    verdicts = {model: artifact(model, "checks.json") for model in FITS[dataset]}
    choice = json.loads((finished / f"results/compare/{dataset}/choice.json").read_text())
    box = answer.one("div", **{"class": f"verdict {choice['status']}"})
    shown = dict(zip((link.text for link in box.all("strong")), (badge.text for badge in box.all("span")
                     if "badge" in badge.attributes.get("class", "")), strict=True))  # fmt: skip
    assert shown == {model: found["status"] for model, found in verdicts.items()}
    assert next(iter(shown)) == choice["title"]
    for found in verdicts.values():
        for check in found["checks"]:
            assert (check["title"] in box.text) >= (check["status"] == found["status"] != "pass")
        named = [em.text for em in box.all("em")]
    wanted = [c["title"] for f in verdicts.values() for c in f["checks"] if c["status"] == f["status"] != "pass"]
    assert sorted(named) == sorted(wanted)


def test_the_tables_of_checks_hold_every_check_and_those_that_pass_are_folded(page, dataset, artifact):
    for model in FITS[dataset]:
        part = page.one("div", id=f"checks-{model}")
        folded = part.one("details")
        checks = artifact(model, "checks.json")["checks"]
        passed = [check for check in checks if check["status"] == "pass"]
        assert folded.one("summary").text == f"{len(passed)} checks pass"
        tables = {True: folded.all("table"), False: [table for table in part.all("table")][: -len(folded.all("table"))]}
        for passes, found in tables.items():
            wanted = [check for check in checks if (check["status"] == "pass") is passes]
            rows = [row for table in found for row in rows_of(table)]
            assert [(row["status"], row["check"]) for row in rows] == [(c["status"], c["title"]) for c in wanted]
            for row, check in zip(rows, wanted, strict=True):
                assert row["what was found"].startswith(check["sentence"])
                assert row["what was found"].endswith(check["remedy"])


def test_the_answer_says_shares_and_means_of_the_summary(page, dataset, artifact):
    for model, part in of_models(page.one("section", id="answer"), dataset).items():
        said = {span.attributes["data-from"]: span.text for span in part.all("span") if "data-from" in span.attributes}
        summary = artifact(model, "summary.csv")
        place = f"results/fits/{dataset}/{model}/2/summary.csv"
        for line, row in enumerate(summary.to_dict("records"), start=2):
            shown = said[f"{place}#L{line}/mean"]
            percent = row["parameter"] in ("theta", "zero")
            factor = 100 if percent else 1
            assert abs(float(shown.rstrip("%").replace(",", "")) - row["mean"] * factor) < factor * row["sd"]
            assert shown.endswith("%") is percent
            assert {f"{place}#L{line}/hdi_lower", f"{place}#L{line}/hdi_upper"} <= set(said)
        assert "Two components: component 1 holds" in part.text


def test_the_tables_of_estimates_hold_the_numbers_of_the_summaries(page, dataset, artifact):
    parts = of_models(page.one("section", id="found"), dataset)
    assert set(parts) == set(FITS[dataset])
    for model, part in parts.items():
        rows = rows_of(part.one("table"))
        summary = artifact(model, "summary.csv")
        assert len(rows) == len(summary) > 0
        for row, (_, values) in zip(rows, summary.iterrows(), strict=True):
            component = values["component"]
            title = values["parameter"] + ("" if pd.isna(component) else f"[{component:.0f}]")
            assert row["parameter"] == title
            for shown, key in SUMMARY.items():
                assert_rounded(row[shown], values[key])
            if dataset == "pair":
                assert_rounded(row["truth"], values["truth"])
                assert row["covered"] == ("yes" if values["covered"] else "no")
            else:
                assert "truth" not in row


def test_the_memberships_are_counted_from_the_table(page, dataset, artifact):
    for model, part in of_models(page.one("section", id="memberships"), dataset).items():
        table = artifact(model, "membership.csv")
        parts = {"1": "component 1", "2": "component 2"} | ({"zero": "the extra zeros"} if dataset == "calls" else {})
        sizes = {of: int(table.loc[table["component"].astype(str) == k, "weight"].sum()) for k, of in parts.items()}
        listed = [f"{size} belong{'s' if size == 1 else ''} to {of}" for of, size in sizes.items()]
        n = table["weight"].sum()
        assert (
            f"Of the {n} observations, by their most probable component, {', '.join(listed[:-1])} and {listed[-1]}."
            in part.text
        )
        uncertain = int(table.loc[table["uncertainty"] > 0.1, "weight"].sum())
        assert f" {uncertain} of them {'is' if uncertain == 1 else 'are'} uncertain by more than 0.1." in part.text
        if dataset == "pair":
            right = int((table["component"] == table["true_component"]).sum())
            assert f"{right} of the {len(table)} observations are assigned to their true component" in part.text
        least = table.sort_values("uncertainty", ascending=False, kind="stable").head(10)
        rows = rows_of(part.all("table")[-1])
        assert [row["row"] for row in rows] == [str(i) for i in least["obs_id"]]
        for row, (_, values) in zip(rows, least.iterrows(), strict=True):
            assert float(row["component 1"]) == pytest.approx(values["probability_1"], abs=5.1e-5)


def test_entropy_and_average_memberships_follow_from_the_table(page, dataset, artifact):
    for model, part in of_models(page.one("section", id="memberships"), dataset).items():
        table = artifact(model, "membership.csv")
        shares = table.filter(regex=r"^probability_(\d+|zero)$").to_numpy()
        entropy = stats.entropy(shares, base=shares.shape[1], axis=1)
        shown = re.search(r"Entropy R² is ([\d.]+) ", part.text)
        assert float(shown[1]) == pytest.approx(1 - np.average(entropy, weights=table["weight"]), abs=5.1e-4)
        rows = rows_of(part.all("table")[0])
        assert [row["most probable"].split()[-1] for row in rows] == ["1", "2"] + ["zeros"] * (dataset == "calls")
        own = table["component"].astype(str) == "2"
        mean = np.average(table["probability_2"][own], weights=table["weight"][own])
        assert float(rows[1]["component 2"]) == pytest.approx(mean, abs=5.1e-4)


def test_the_cut_offs_are_those_of_their_table(page, dataset, artifact):
    for model, part in of_models(page.one("section", id="memberships"), dataset).items():
        said, table = artifact(model, "memberships.json")["cutoffs"], artifact(model, "cutoffs.csv")
        assert all(sentence in part.text for sentence in said)
        if dataset == "calls":
            assert table.empty
            assert "differ in their trials or exposure" in said[0]
            continue
        assert said[0].startswith("Values below ")
        rows = rows_of(part.all("table")[1])
        assert [(row["component"], row["values"], row["rather than"]) for row in rows] == [
            ("1", "below", "2"), ("2", "above", "1"),
        ]  # fmt: skip
        for column, level in (("most probable", None), ("50% or more", 0.5), ("99% or more", 0.99)):
            same = table["probability"].isna() if level is None else table["probability"] == level
            for row, value in zip(rows, table[same]["value"], strict=True):
                assert_rounded(row[column].partition(" ")[0], value)


def test_the_comparison_holds_the_numbers_of_its_table(page, dataset, finished):
    if len(FITS[dataset]) == 1:
        assert "nothing to compare it with" in page.one("section", id="answer").text
        return
    section = page.one("section", id="comparison")
    found = json.loads((finished / f"results/compare/{dataset}/comparison.json").read_text())
    assert found["sentence"] in section.text
    rows = rows_of(section.one("table"))
    assert [row["model"] for row in rows] == [row["model"] for row in found["models"]]
    for row, values in zip(rows, found["models"], strict=True):
        assert float(row["elpd"]) == pytest.approx(values["elpd"], abs=0.051)
        assert row["checks"] == values["status"]


def test_the_page_says_where_its_data_come_from(page, dataset, finished):
    text = page.one("section", id="data").text
    noticed = json.loads((finished / f"results/data/{dataset}/noticed.json").read_text())
    assert rows_of(page.one("section", id="data").one("table"))[0]["n"] == str(noticed["n"])
    origin = {
        "pair": "simulated",
        "readings": "the column reading of data/readings.csv.",
        "calls": "the column count of data/calls.csv, exposure in hours, weights in times.",
    }
    assert origin[dataset] in text


@pytest.fixture(scope="module")
def calls(finished):
    """The page of the counts, and the rows of their CSV file that are complete and were seen."""
    given = pd.read_csv(finished / "data/calls.csv")
    page = Tree((finished / "results/reports/calls.html").read_text()).root
    return page, given[given["count"].notna() & (given["times"] > 0)]


def test_the_numbers_of_weighted_counts_come_from_their_file(calls):
    page, kept = calls
    section = page.one("section", id="data")
    (row,) = rows_of(section.one("table"))
    values = np.repeat(kept["count"], kept["times"])
    assert row["n"] == str(len(values))
    for shown, value in (("mean", values.mean()), ("sd", values.std(ddof=1)), ("median", values.median())):
        assert_rounded(row[shown], value)
    assert [float(row[key]) for key in ("minimum", "maximum", "distinct values")] == [
        values.min(),
        values.max(),
        values.nunique(),
    ]
    assert "line 8 (column 'count': the value is missing ('NA'))" in section.text
    assert "line 10 (column 'times': the weight is 0)" in section.text
    assert f"The {len(values)} observations stand in {len(kept)} rows" in section.text
    exposure = (kept["hours"] * kept["times"]).sum()
    text = re.search(r"The exposure adds to ([\d.]+): ([\d.]+) per unit of it", section.text)
    assert_rounded(text[1], exposure)
    assert_rounded(text[2], values.sum() / exposure)


def test_the_names_of_rows_stand_in_the_table_of_memberships_and_do_nothing(calls, finished):
    page, kept = calls
    table = pd.read_csv(finished / "results/fits/calls/counts/2/membership.csv")
    for column, given in (("id", "who"), ("y", "count"), ("exposure", "hours"), ("weight", "times")):
        assert table[column].tolist() == kept[given].tolist()
    assert table.loc[table["y"] > 0, "probability_zero"].max() == 0
    assert table.loc[table["y"] == 0, "probability_zero"].min() > 0
    shown = rows_of(page.one("section", id="memberships").all("table")[-1])
    least = table.sort_values("uncertainty", ascending=False, kind="stable").head(10)
    assert [row["id"] for row in shown] == least["id"].tolist()
    assert [row["weight"] for row in shown] == [str(weight) for weight in least["weight"]]
    for row, value in zip(shown, least["probability_zero"], strict=True):
        assert float(row["extra zero"]) == pytest.approx(value, abs=5.1e-5)


def test_the_estimates_of_counts_are_per_exposure_and_sane(finished):
    summary = pd.read_csv(finished / "results/fits/calls/counts/2/summary.csv").set_index(["parameter", "component"])
    assert summary.loc[("rate", 1), "mean"] == pytest.approx(1, abs=0.5)
    assert summary.loc[("rate", 2), "mean"] == pytest.approx(12, abs=3)
    zero = summary.loc["zero"].iloc[0]
    assert zero["hdi_lower"] < 0.2 < zero["hdi_upper"]


def test_the_probability_integral_transform_and_the_statistics_are_those_of_the_tables(page, dataset, artifact):
    for model, part in of_models(page.one("section", id="predictive"), dataset).items():
        found = artifact(model, "predictive.json")
        assert f"have a p-value of {p_text(found['p_values']['loo_pit'])}." in part.text
        replicated = artifact(model, "statistics.csv")
        assert [row["name"] for row in found["statistics"]] == list(replicated)
        assert ("zeros" in replicated) is (dataset == "calls")
        far = [row["name"] for row in found["statistics"] if row["outside"]]
        for row in found["statistics"]:
            assert row["outside"] is not (row["lower"] <= row["observed"] <= row["upper"])
            assert replicated[row["name"]].min() <= row["upper"]
        assert bool(far) is (found["p_values"]["statistics"] < 0.05)
        shown = re.search(r"Outside of the band: (.*?\))\.", part.text)
        assert (shown is not None) == bool(far)
        assert all(f"{name} " in shown[1] for name in far)


def test_the_page_shows_config_programs_and_versions(page, dataset, finished):
    section = page.one("section", id="provenance")
    toolchain = json.loads((finished / "results/programs/toolchain.json").read_text())
    assert f"CmdStan {toolchain['cmdstan']}" in section.text
    assert toolchain["compiler"] in section.text
    assert f"{dataset}:" in section.text
    assert section.all("summary")[0].text == "univariate.stan"
    assert "log_sum_exp" in section.text


def test_methods_cite_what_was_used_and_nothing_else(page, dataset, finished):
    section, text = page.one("section", id="methods"), (finished / f"results/reports/{dataset}.methods.md").read_text()
    assert section.one("blockquote").text in text.replace("\n", " ")
    dois = {link.attributes["href"].removeprefix("https://doi.org/") for link in section.all("a")} - {
        f"{dataset}.methods.md"
    }
    assert {doi for doi in re.findall(r"doi = \{(.*)\}", text)} == dois
    assert ("10.1007/s11222-016-9696-4" in dois) is (len(FITS[dataset]) > 1)  # PSIS-LOO, where models are compared
    assert "10.1111/1467-9868.00265" not in dois  # nothing was relabelled
    assert {"10.18637/jss.v076.i01", "10.1214/20-BA1221", "10.21105/joss.01143"} <= dois


def first_row(path, column, value):
    """Put a value into the first row of a table."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[0, column] = value
    table.to_csv(path, index=False)


@pytest.mark.parametrize(
    ("file", "column", "value", "sentence"),
    [
        ("summary.csv", "mean", "0.5", "free: the posterior mean weights add to"),
        ("summary.csv", "median", "0.99", "free: the interval of theta does not contain the median."),
        ("membership.csv", "probability_1", "0.9", "free: a row of the membership table adds to 1 only within"),
    ],
)
def test_a_page_is_withheld_when_its_artifacts_contradict_themselves(finished, file, column, value, sentence):
    run = finished.copy("tampered")
    path = run / f"results/fits/pair/free/2/{file}"
    with forged(path):
        first_row(path, column, value)
    told = run.snakemake("--allowed-rules", "report", "--", "results/reports/pair.html")
    assert told.returncode != 0
    assert "InvariantError" in told.stdout
    assert sentence in told.stdout
    assert "Traceback" not in told.stdout
    assert not (run / "results/reports/pair.html").exists()
    assert sentence in (run / "results/logs/report/pair.log").read_text()
