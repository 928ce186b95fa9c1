"""How numbers, tables, sentences and pages are written, also when the texts in them are hostile."""

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import jinja2
import numpy as np
import pandas as pd
import pytest
from textbook import noticed_in, resolved, specified

from stanmix.base import columns, files, tables
from stanmix.compare import comparison
from stanmix.families.priors import Prior
from stanmix.model.specification import Weights
from stanmix.report import invariants
from stanmix.report.glossary import TERMS
from stanmix.report.invariants import InvariantError
from stanmix.report.page import write_report

DASH = "\u2013"  # an en dash stands for nothing
HOSTILE = "<script>alert('1')</script> & \"q\""


@pytest.mark.parametrize(
    ("value", "options", "text"),
    [
        (0, {}, "0"),
        (0.0, {}, "0"),
        (-0.0, {}, "0"),
        (215, {}, "215"),
        (123456789, {}, "123456789"),
        (9.0, {}, "9"),
        (0.41810, {}, "0.4181"),
        (0.0333812, {}, "0.03338"),
        (-1.8914, {}, "-1.891"),
        (34.9433, {}, "34.94"),
        (-1034.0017, {}, "-1034"),
        (123456.7, {}, "123457"),
        (0.00012345, {}, "0.0001234"),
        (1e-9, {}, "1.000e-09"),
        (-2.5e-9, {}, "-2.500e-09"),
        (1e12, {}, "1.000e+12"),
        (10**12, {}, "1.000e+12"),
        (1.23456789e12, {}, "1.235e+12"),
        (0.0123456, {"digits": 2}, "0.012"),
        (0.0123456, {"digits": 3}, "0.0123"),
        (3.14159, {"decimals": 2}, "3.14"),
        (1871.6, {"decimals": 0}, "1872"),
        (5, {"decimals": 1}, "5.0"),
        (21.0024, {"error": 0.00675}, "21.0024"),
        (21.0024, {"error": 0.0999}, "21.002"),
        (21.0024, {"error": 12.0}, "21.00"),
        (21.0024, {"error": 0.0}, "21.00"),
        (21.0024, {"error": None}, "21.00"),
        (21.0024, {"error": math.nan}, "21.00"),
        (1e9 + 0.3, {"error": 1.0}, "1.0000000003e+09"),
        (0.5, {"error": 1e-30}, "0.500000000000000"),
        (None, {}, DASH),
        (None, {"decimals": 2}, DASH),
        (float("nan"), {}, DASH),
        (np.float64("nan"), {"decimals": 1}, DASH),
        (math.inf, {}, "inf"),
        (-math.inf, {}, "-inf"),
        (True, {}, "yes"),
        (np.False_, {}, "no"),
        (np.int64(7), {}, "7"),
        (np.float64(0.5), {}, "0.5000"),
        ("text", {"decimals": 3}, "text"),
    ],
)
def test_numbers_as_readers_want_them(value, options, text):
    assert tables.number(value, **options) == text


def test_a_shown_number_is_the_number_to_its_digits():
    rng = np.random.default_rng(1)
    for value in rng.choice([-1, 1], 500) * 10 ** rng.uniform(-12, 14, 500):
        assert float(tables.number(float(value))) == pytest.approx(value, rel=5.1e-4)
        assert float(tables.number(float(value), digits=7)) == pytest.approx(value, rel=5.1e-7)


def test_csv_files_are_the_same_bytes_every_time(tmp_path):
    frame = pd.DataFrame(
        {
            "x": [1 / 3, 1e-20, 123456789012.3],
            "k": pd.array([1, None, 3], "Int64"),
            "ok": [True, False, True],
            "t": ["a,b", "é", 'q"'],
        }
    )
    for name in ("a", "b"):
        files.write_csv(tmp_path / name / "t.csv", frame)
    first = (tmp_path / "a" / "t.csv").read_bytes()
    assert first == (tmp_path / "b" / "t.csv").read_bytes()
    assert first.decode() == ('x,k,ok,t\n0.333333333333333,1,True,"a,b"\n1e-20,,False,é\n123456789012.3,3,True,"q"""\n')


class Page(HTMLParser):
    """What a browser would find in a page: tags with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def harmless(page):
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert scripts in ([], [{}])  # at most our own, which is written on the page
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href"):
            address = attributes.get(name, "").removeprefix("https://doi.org/10.")
            assert ":" not in address, (tag, attributes)  # a place on the page, a file beside it, or a reference


def test_hostile_texts_are_shown_and_do_nothing(tmp_path):
    shown = [{"key": "a", "title": HOSTILE, "help": HOSTILE, "text": True}, {"key": "b", "title": "b", "beneath": "c"}]
    rows = [{"a": HOSTILE, "b": 0.12345, "c": HOSTILE}, {"a": "fine", "b": None, "c": ""}]
    tables.write_html(tmp_path / "t.html", HOSTILE, HOSTILE, shown, rows)
    text = (tmp_path / "t.html").read_text(encoding="utf-8")
    page = Page(text)
    harmless(page)
    assert page.text.count(HOSTILE) == 6  # title twice, note, column, cell and remedy; the help is an attribute
    assert ("th", {"class": "text", "title": HOSTILE}) in page.tags
    assert "0.1235" in page.text or "0.1234" in page.text
    assert DASH in page.text


def test_a_table_has_a_cell_for_each_value_and_badges_for_statuses():
    rows = [
        {"status": s, "title": f"check {s}", "sentence": "found", "threshold": "0", "remedy": r}
        for s, r in (("pass", ""), ("fail", "mend it"))
    ]
    page = Page(str(tables.html_table(columns.CHECKS, rows)))
    names = [tag for tag, _ in page.tags]
    assert (names.count("th"), names.count("td"), names.count("tr")) == (4, 8, 3)
    assert [a["class"] for tag, a in page.tags if tag == "span"] == ["badge pass", "badge fail", "remedy"]
    with pytest.raises(jinja2.UndefinedError):
        tables.html_table([{"key": "b", "title": "not in the rows"}], [{"a": 1}])


def test_terms_of_columns_are_explained():
    listed = [columns.SUMMARY, columns.LABELS, columns.NUMBERS, columns.COMPARISON]
    terms = {column["term"] for titles in listed for column in titles if "term" in column}
    assert len(terms) >= 7
    assert terms <= set(TERMS)


def test_columns_of_memberships_and_comparisons():
    keys = ["obs_id", "id", "y", "trials", "weight", "probability_1", "probability_zero", "component", "uncertainty"]
    frame = pd.DataFrame({key: [1, 2] for key in [*keys, "true_component"]})
    titles = ["row", "id", "y", "trials", "weight", "component 1", "extra zero", "most probable", "uncertainty", "true"]
    found = columns.membership(frame)
    assert [c["key"] for c in found] == list(frame)
    assert [c["title"] for c in found] == titles
    probability = {"decimals": 4}
    assert [c["format"] for c in found] == [{}, {}, {}, {}, {}, probability, probability, {}, probability, {}]
    # weights that are all 1 say nothing
    assert "weight" not in [c["key"] for c in columns.membership(frame.assign(weight=1))]
    assert [c["key"] for c in columns.comparison(True)][:-1] == [c["key"] for c in columns.comparison(False)]
    assert columns.comparison(True)[-1]["key"] == "right"


def models(*rows):
    keys = ("model", "elpd_diff", "dse", "failed")
    return [{"n": 100, "things": "observations", **dict(zip(keys, row, strict=True))} for row in rows]


BEST = "By PSIS-LOO the model a predicts new observations best; "
END = ". LOO tells which model predicts better, not which one is true."
VERDICTS = {
    "one": (models(("a", 0.0, 0.0, [])), "There is one model, a, and nothing to compare it with."),
    "one failing": (
        models(("a", 0.0, 0.0, ["rhat"])),
        "There is one model, a, and nothing to compare it with. It fails 1 of its checks.",
    ),
    "two close": (
        models(("a", 0.0, 0.0, []), ("b", -2.0, 1.0, [])),
        BEST + "the model b cannot be told apart from it (within two standard errors, or less than 4 worse)" + END,
    ),
    "two apart": (
        models(("a", 0.0, 0.0, []), ("b", -4.01, 1.0, [])),
        BEST + "the model b is worse by more than two standard errors" + END,
    ),
    "three close": (
        models(("a", 0.0, 0.0, []), ("b", -1.0, 1.0, []), ("c", -1.5, 1.0, [])),
        BEST + "the models b and c cannot be told apart from it (within two standard "
        "errors, or less than 4 worse)" + END,
    ),
    "three mixed, one failing": (
        models(("a", 0.0, 0.0, []), ("b", -1.0, 1.0, []), ("c", -30.0, 5.0, ["predictive_component_means"])),
        BEST + "the model b cannot be told apart from it (within two standard errors, or "
        "less than 4 worse); the model c is worse by more than two standard errors. The model c fails a check: do not "
        "use it, however well it predicts" + END,
    ),
    "four, two failing": (
        models(("a", 0.0, 0.0, ["x"]), ("b", -9.0, 1.0, []), ("c", -9.0, 1.0, []), ("d", -9.0, 1.0, ["x"])),
        BEST + "the models b, c and d are worse by more than two standard errors. "
        "The models a and d fail a check: do not use them, however well they predict" + END,
    ),
}


def test_fits_whose_draws_are_not_those_of_their_posterior_are_not_compared():
    rows = models(("a", 0.0, 0.0, ["modes"]), ("b", -9.0, 1.0, []), ("c", -30.0, 2.0, []))
    loos = {row["model"]: {"elpd": row["elpd_diff"], "se": 1.0, "p_loo": 1.0} for row in rows}
    pointwise = {name: pd.DataFrame({"elpd": np.full(100, loos[name]["elpd"] / 100), "weight": 1}) for name in loos}
    said = comparison._verdict(rows, loos, pointwise)
    assert said.startswith("By PSIS-LOO the model b predicts new observations best; the model c is worse")
    assert "The model a is not compared, because the draws are not those of the whole posterior" in said
    only = {"a": loos["a"]}
    said = comparison._verdict(rows[:1], only, {"a": pointwise["a"]})
    assert said.startswith("The model a is not compared")
    assert comparison._verdict(rows[1:], loos, pointwise) == comparison.verdict(rows[1:])


def test_few_observations_take_the_standard_error_away():
    rows = models(("a", 0.0, 0.0, []), ("b", -9.0, 1.0, []))
    said = comparison.verdict([row | {"n": 99} for row in rows])
    assert "worse by more than two standard errors, which with fewer than 100 observations are not to be relied" in said


@pytest.mark.parametrize(("rows", "sentence"), VERDICTS.values(), ids=VERDICTS)
def test_the_verdict_of_a_comparison(rows, sentence):
    assert comparison.verdict(rows) == sentence


LATER = (".png", ".csv", ".json", ".log")  # of links to files that the fixture leaves out

CHECK = {
    "name": "rhat",
    "title": "R-hat",
    "value": 1.2,
    "threshold": "1.01",
    "status": "fail",
    "sentence": "It is 1.2.",
    "remedy": "Draw.",
}


@pytest.fixture
def artifacts(tmp_path, root, monkeypatch):
    """The smallest set of artifacts of which a report can be made, and the arguments that name them."""
    # The specifications are made up to be seen on the page; that they are those asked for is tested below.
    monkeypatch.setattr(invariants, "verify_asked", lambda *arguments: None)

    def put(name, content):
        path = tmp_path / (f"{name}.csv" if isinstance(content, pd.DataFrame) else name)
        path.parent.mkdir(exist_ok=True)
        text = content.to_csv(index=False) if isinstance(content, pd.DataFrame) else content
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        return str(path)

    def fit(model, status):
        summary = pd.DataFrame(
            {"parameter": ["theta", "theta", "sigma"], "component": [1, 2, None], "mean": [0.3, 0.7, 1.5]}
        ).astype({"component": "Int64"})
        for key, shift in (("median", 0), ("hdi_lower", -0.1), ("hdi_upper", 0.1)):
            summary[key] = summary["mean"] + shift
        for key in ("sd", "mcse_mean", "ess_bulk", "ess_tail", "r_hat"):
            summary[key] = 1.0
        half = Prior("normal", (0.0, 3.25), 0.0)
        sigma = resolved("sigma", "shared", slot="scale", meaning="standard deviation", priors=(half,))
        mu = resolved("mu", "fixed", slot="location", meaning="mean", ordered=True, is_default=False, value=[0, 4])
        contents = {
            "specification": specified(
                model=model,
                rounding=0.125,
                notes=[HOSTILE],
                program="p",
                weights=Weights("estimated", concentration=[1.0, 2.0]),
                parameters=(mu, sigma),
                sampling={"chains": 4, "warmup": 10, "draws": 20, "metric": "diag"},
                seeds={"chains": 987654321},
                versions={"numpy": "9.9"},
            ).as_dict(),
            "checks": {"status": status, "checks": [CHECK | {"status": status}]},
            "labels": {
                "pairs": [{"first": 1, "second": 2, "exchanged": 0.0421, "edge": 0.03}],
                "largest": 0.0421,
                "empty": [0.0, 0.0],
                "trusted": True,
                "whole": True,
                "names": None,
            },
            "label_free": summary.assign(title=["log likelihood", "mixture mean", HOSTILE]),
            "summary": summary,
            "centres": pd.DataFrame(columns=["component", "mean"]),
            "membership": pd.DataFrame(
                {
                    "obs_id": [1, 2, 3],
                    "id": [HOSTILE, "b", "c"],
                    "y": [0.0, 4.0, 2.0],
                    "weight": [1, 1, 3],
                    "probability_1": [0.9, 0.0, 0.6],
                    "probability_2": [0.1, 1.0, 0.4],
                    "component": [1, 2, 1],
                    "uncertainty": [0.1, 0.0, 0.4],
                    "cluster": [1, 1, 2],
                }
            ).assign(**{f"probability_{k}_{end}": at for k in (1, 2) for end, at in (("lower", 0.0), ("upper", 1.0))}),
            "memberships": {
                "expected_misclassification": 0.26,
                "entropy_r2": 1 - (0.325082973391448 + 0 + 3 * 0.673011667009257) / 5 / 0.693147180559945,
                "average": [[0.675, 0.325], [0.0, 1.0]],
                "interval": 0.9,
                "looked_at": 3,
                "agreement": 0.875,
                "cutoffs": ["A rule in words.", HOSTILE],
                "clusters": [
                    {"cluster": k, "size": n, "together": 0.75, "mean": 2.0, "minimum": 0.0, "maximum": 4.0}
                    for k, n in ((1, 2), (2, 3))
                ],
            },
            "cutoffs": pd.DataFrame(
                {
                    "flank": 1,
                    "component": 2,
                    "rather_than": ["1", None],
                    "side": "above",
                    "probability": [None, 0.9],
                    "value": [3.1, 3.5],
                    "lower": [2.8, 3.2],
                    "upper": [3.2, 3.9],
                    "draws": [1.0, 0.875],
                    "beyond_data": False,
                }
            ),
            "loo": {"elpd": -5.0, "n": 5, "right": None, "things": "observations"},
            "loo_pointwise": pd.DataFrame({"elpd": [-1.0, -1.0, -1.0], "weight": [1, 1, 3]}),
            "predictive": {
                "looked_at": 4,
                "peaks": [{"x": 1.0, "sd_keep": 0.1, "sd_anew": 0.6, "ratio": 6.0}],
                "p_values": {"loo_pit": 0.482},
                "statistics": [
                    {"name": "mean", "observed": 2.0, "lower": 1.0, "upper": 3.0, "outside": False},
                    {"name": "maximum", "observed": 765.4, "lower": 1.0, "upper": 3.0, "outside": True},
                ],
            },
        }
        figures = ("diagram", "prior", "traces", "membership_figure", "density", "ecdf", "transform", "statistics")
        figures += ("replicates", "bands", "co_clustering")
        return {
            name: put(f"{model}/{name}", content)
            for name, content in (contents | dict.fromkeys(figures, "<svg/>")).items()
        }

    rows = [
        {
            "model": title,
            "status": status,
            "elpd": -3.0,
            "se": 1.0,
            "elpd_diff": 0.0,
            "dse": 0.0,
            "p_loo": 1.0,
            "n_bad": 0,
            "n": 5,
            "things": "observations",
            "failed": ["rhat"] if status == "fail" else [],
        }
        for title, status in (("first", "pass"), ("second", "fail"))
    ]
    inputs = {
        "noticed": put("noticed", noticed_in([0, 4, 2], frequency=[1, 1, 3]) | {"sentences": [HOSTILE]}),
        "facts": put("facts", {"kind": "continuous", "bandwidth": 1.0, "narrow_bandwidth": 0.5, "valleys": []}),
        "comparison_json": put(
            "comparison", {"sentence": "A sentence.", "columns": columns.comparison(False), "models": rows}
        ),
        "numbers": put("numbers", []),
        "choice": put("choice", {"title": "first", "model": "first", "status": "pass"}),
        "toolchain": put("toolchain", {"cmdstan": "2.27.0", "cmdstan_origin": "here", "compiler": HOSTILE}),
        "compiled": [put("program", {"kernel": True})],
    }
    inputs |= {
        f"{name}_svg": put(f"{name}.svg", "<svg/>")
        for name in ("data", "weights", "comparison", "estimates", "numbers")
    }
    return {
        "dataset": "some-data",
        "inputs": inputs,
        "fits": {"first": fit("first", "pass"), "second": fit("second", "fail")},
        "captions": {path.stem: path for path in (root / "workflow" / "report").glob("*.rst")},
        "programs": [put("p.stan", f"// {HOSTILE}\n")],
        "config": {
            "datasets": {"some-data": {"csv": HOSTILE, "column": HOSTILE, "label": HOSTILE, "cutoffs": [0.9]}},
            "analyses": [{"dataset": "some-data", "models": ["first", "second"], "components": 2}],
        },
        "content": {HOSTILE: "0123abcd"},
        "output": str(tmp_path / "page.html"),
        "methods_file": str(tmp_path / "page.methods.md"),
    }


def test_the_page_is_self_contained_whole_and_harmless(artifacts, tmp_path):
    write_report(**artifacts)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    page = Page(text)
    harmless(page)
    assert page.text.count(HOSTILE) >= 10
    assert "<span" not in page.text  # an element that was taken for text
    assert f"Read from {HOSTILE}, sha256 0123abcd." in page.text
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for tag, attributes in page.tags:
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids
        elif tag == "a" and Path(attributes["href"]).suffix not in LATER and ":" not in attributes["href"]:
            assert (tmp_path / unquote(attributes["href"])).exists(), attributes
    order = ["answer", "found", "memberships", "predictive", "comparison", "data", "models", "chains", "checks"]
    order += ["methods", "glossary", "provenance"]
    assert [i for i in ids if i in order] == order
    for number in (
        "987654321",
        "half-normal(0, 3.25)",
        "dirichlet(1, 2)",
        "mu = 0, 4",
        "2.27.0",
        "numpy 9.9",
        "rounded to 0.1250",
        "LOO-PITs spread as unevenly as here, or more so, have a p-value of 0.48.",
        "Outside of the band: maximum 765.4 (1 to 3).",
        "the two that are most easily exchanged are so with probability 0.042",
        "a random sample of 4 of the 5 observations",
        "expected to be the wrong one for 26% of the observations",
        "has 2 clusters; it agrees with the most probable components by an adjusted Rand index of 0.875",
        "The picture shows a random sample of 3 of the 5 observations",
        "A rule in words.",
        "90% or more",
        "3.10 (2.80 to 3.20)",
        "3.50 (3.20 to 3.90), in 88% of the draws",
    ):
        assert number in page.text, number
    assert "4 belong to component 1 and 1 belongs to component 2" in page.text
    assert "3 of them are uncertain" in page.text
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org|doi\.org/10\.)", text)


@pytest.mark.parametrize("kernel", [True, False])
def test_the_page_says_when_a_kernel_took_the_place_of_what_it_shows(artifacts, tmp_path, kernel):
    Path(artifacts["inputs"]["compiled"][0]).write_text(json.dumps({"kernel": kernel}))
    write_report(**artifacts)
    text = Page((tmp_path / "page.html").read_text(encoding="utf-8")).text
    assert ("computed by a compiled kernel" in text) is kernel


def test_where_the_names_of_components_cannot_be_trusted_nothing_is_said_of_them(artifacts, tmp_path):
    path = artifacts["fits"]["second"]["labels"]
    trust = json.loads(Path(path).read_text())
    write_report(**artifacts)
    before = Page((tmp_path / "page.html").read_text(encoding="utf-8")).text
    Path(path).write_text(json.dumps(trust | {"trusted": False}))
    write_report(**artifacts)
    text = Page((tmp_path / "page.html").read_text(encoding="utf-8")).text
    assert "nothing is said of single components here" in text
    assert before.count("theta[1]") == 2
    assert text.count("theta[1]") == 1  # of the other fit
    assert "mixture mean" not in before
    assert "mixture mean" in text
    assert text.count("sigma") == before.count("sigma")  # which all components share
    # the clusters take the place of the memberships
    assert before.count("The least certain observations, with") == 2
    assert text.count("The least certain observations, with") == 1
    assert "0.750" not in before  # how surely the observations of a cluster belong together
    assert text.count("0.750") == 2


def test_where_chains_miss_modes_these_and_their_shares_stand_for_estimates(artifacts, tmp_path):
    write_report(**artifacts)
    before = Page((tmp_path / "page.html").read_text(encoding="utf-8")).text
    fit = artifacts["fits"]["second"]
    trust, found = (json.loads(Path(fit[name]).read_text()) for name in ("labels", "checks"))
    Path(fit["labels"]).write_text(json.dumps(trust | {"trusted": False, "whole": False}))
    said = "2 modes found; mode 2, which no chain visits, holds about 21% of the posterior."
    failed = CHECK | {"name": "modes", "status": "fail", "sentence": said}
    Path(fit["checks"]).write_text(json.dumps({"status": "fail", "checks": [*found["checks"], failed]}))
    marks = {"empty": [], "collapsed": [], "edge": [], "away": False, "starts": 20, "places": 4, "error": 0.005}
    state = {"theta": [0.25, 0.75], "mu": [1.0, 2.0], "sigma": [1.0, 1.0]}
    modes = [
        {"number": 1, "gap": 0.0, "share": 0.79, "visits": [4, 4], "state": state, **marks},
        {"number": 2, "gap": -7.2, "share": 0.21, "visits": [0, 0], "state": state, **marks, "away": True},
    ]
    of_search = {"starts": 40, "lost": 0, "listed": 15.0, "shown": 8, "log_weights": False, "p_value": 1.0}
    fit["modes"], fit["modes_figure"] = Path(fit["checks"]).with_name("modes.json"), fit["traces"]
    fit["modes"].write_text(json.dumps(of_search | {"modes": modes, "again": False}))
    write_report(**artifacts)
    text = Page((tmp_path / "page.html").read_text(encoding="utf-8")).text
    assert f"No estimates are given: {said}" in text
    assert text.count("79% (\N{PLUS-MINUS SIGN}0.5%)") == text.count("21% (\N{PLUS-MINUS SIGN}0.5%)") == 2
    assert (before.count("theta[1]"), text.count("theta[1]")) == (2, 1)  # of the other fit
    assert text.count("The least certain observations, with") == 1
    assert "No memberships are given" in text
    assert "These figures show what the draws say" in text


def test_components_are_called_by_their_names(artifacts, tmp_path):
    for fit in artifacts["fits"].values():
        trust = json.loads(Path(fit["labels"]).read_text())
        Path(fit["labels"]).write_text(json.dumps(trust | {"names": ["negative", "<positive>"]}))
    write_report(**artifacts)
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8")).text
    assert "theta[negative]" in page
    assert "theta[<positive>]" in page
    assert "theta[1]" not in page
    assert "called negative (component 1) and <positive> (component 2)" in page
    assert "4 belong to negative and 1 belongs to <positive>" in page


NUMBER = {"elpd": -3.0, "elpd_diff": -1.25, "dse": 0.5, "n_bad": 0, "refitted": 2, "failed": [HOSTILE], "within": False,
          "smallest": 1, "agreement": 0.75}  # fmt: skip


def test_the_verdict_on_the_number_of_components_stands_in_the_first_screen_and_in_full_below(artifacts, tmp_path):
    judged = {"model": "first", "verdict": 2, "best": 2, "sentence": f"The verdict is two. {HOSTILE}"}
    rows = [{"components": 1, **NUMBER, "agreement": None}, {"components": 2, **NUMBER, "failed": [], "within": True}]
    Path(artifacts["inputs"]["numbers"]).write_text(json.dumps([judged | {"rows": rows}]))
    write_report(**artifacts)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    harmless(Page(text))
    first = Page(text.split('<section id="found">')[0]).text
    assert "Of 1 and 2 components with the model first, 2 predicts best and fails no check." in first
    section = Page(text.split('<section id="numbers">')[1].split("</section>")[0]).text
    for number in ("-3.0", "-1.2", "0.5", "0.75", HOSTILE, judged["sentence"]):
        assert number in section, number


def test_a_failed_check_stands_in_the_first_screen(artifacts, tmp_path):
    write_report(**artifacts)
    first = (tmp_path / "page.html").read_text(encoding="utf-8").split('<section id="found">')[0]
    words = " ".join(Page(first).text.split())
    assert 'class="verdict pass"' in first  # of the model to begin with
    assert "fail second fails 1 of 1 checks: R-hat. It is 1.2." in words
    assert "pass first passes all 1 checks." in words
    assert "No answer yet: the draws cannot be relied on. It is 1.2." in words


def test_the_page_is_the_same_bytes_every_time(artifacts, tmp_path):
    write_report(**artifacts)
    first = (tmp_path / "page.html").read_bytes()
    write_report(**artifacts)
    assert (tmp_path / "page.html").read_bytes() == first


def test_a_contradiction_between_artifacts_withholds_the_page(artifacts, tmp_path):
    path = artifacts["fits"]["second"]["summary"]
    table = pd.read_csv(path)
    table.loc[0, "mean"] = 0.31
    table.to_csv(path, index=False)
    with pytest.raises(InvariantError, match=r"second: the posterior mean weights add to 1\.010000"):
        write_report(**artifacts)
    assert not (tmp_path / "page.html").exists()


def test_a_comparison_of_other_models_withholds_the_page(artifacts, tmp_path):
    del artifacts["fits"]["second"]
    artifacts["config"]["analyses"][0]["models"] = ["first"]
    with pytest.raises(InvariantError, match="some-data: the comparison does not hold the models of the report"):
        write_report(**artifacts)
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("models", [["first"], ["second", "first"], ["first", "second", "third"]])
def test_other_fits_than_the_configuration_asks_for_withhold_the_page(artifacts, tmp_path, models):
    artifacts["config"]["analyses"][0]["models"] = models
    with pytest.raises(InvariantError, match="some-data: the report does not hold the fits of the configuration"):
        write_report(**artifacts)
    assert not (tmp_path / "page.html").exists()


def test_a_fit_that_was_not_asked_for_withholds_the_page(artifacts, tmp_path, monkeypatch):
    def refuse(title, specification, asked, config, noticed, data):
        assert (asked.model, asked.components) == (title, 2)
        assert specification.components == 2
        if title == "second":
            raise InvariantError("second: other priors")

    monkeypatch.setattr(invariants, "verify_asked", refuse)
    with pytest.raises(InvariantError, match="second: other priors"):
        write_report(**artifacts)
    assert not (tmp_path / "page.html").exists()
