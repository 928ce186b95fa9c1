"""Numbers on the page against the artifacts that they name: rounded is right, anything else withholds the page."""

import json

import pytest

from stanmix.report import evidence
from stanmix.report.evidence import Artifact, EvidenceError, says, verify, written


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "t.csv").write_text('parameter,mean,sd\nmu,54.6147,0.7\n"a/b#~",0.36084,0.029\n')
    (tmp_path / "t.json").write_text(json.dumps({"n": 272, "a": [{"x/y": 0.015905}], "said": "So it  is.", "no": None}))
    return tmp_path


@pytest.mark.parametrize(
    ("shown", "value", "right"),
    [
        ("54.6", 54.6147, True),
        ("54.7", 54.6147, False),
        ("54.61", "54.6147", True),  # a cell of a table is text
        ("55", 54.6147, True),
        ("54", 54.6147, False),
        ("1.6%", 0.015905, True),
        ("1.5%", 0.015905, False),
        ("1.6", 0.015905, False),
        ("1,234", 1234.4, True),
        ("-0.5", -0.45, True),
        ("-0.5", 0.45, False),
        ("1.2e-05", 1.23e-5, True),
        ("1.2e-05", 1.26e-5, False),
        ("less than 0.001", 0.0002, True),
        ("less than 0.001", 0.002, False),
        ("less than 0.001%", 2e-7, True),
        ("less than 0.001%", 2e-5, False),
        ("yes", True, True),
        ("no", "True", False),
        ("\N{EN DASH}", None, True),
        ("\N{EN DASH}", "", True),
        ("0", "", False),
        ("So it is.", "So it  is.", True),
        ("So it is", "So it  is.", False),
        ("2", "two", False),
    ],
)
def test_what_a_page_may_say_of_a_value(shown, value, right):
    assert says(shown, value) is right


@pytest.mark.parametrize(
    ("value", "sd", "percent", "text"),
    [
        (54.6147, 0.7, False, "54.6"),
        (54.6147, 0.07, False, "54.61"),
        (1234.5, 30.0, False, "1,234"),
        (0.36084, 0.029, True, "36%"),
        (0.015905, None, True, "1.6%"),
        (2.4e-7, None, True, "less than 0.001%"),
        (0.5, None, False, "0.500"),
        (-0.001, 0.2, False, "0.0"),
    ],
)
def test_a_sentence_has_digits_up_to_the_first_of_the_standard_deviation(value, sd, percent, text):
    assert written(value, sd, percent) == text


def test_a_page_whose_numbers_are_those_of_its_artifacts_passes(folder):
    table, facts = Artifact(folder / "t.csv"), Artifact(folder / "t.json")
    (key,) = table.lines(parameter="mu")
    assert key == "L2"
    page = (
        f"<p>{table.number(key, 'mean', sd=0.7)} {facts.number('a', 0, 'x/y', percent=True)} {facts.text('said')}</p>"
    )
    page += f'<table data-from="{evidence.address(folder / "t.csv")}"><tr><th>a</th><th data-key="mean">b</th></tr>'
    page += '<tr data-row="L3"><td>ours 7</td><td>0.361</td></tr></table>'
    assert verify(page) == 4


def test_a_footnote_names_files_and_places(folder):
    table, facts = Artifact("t.csv"), Artifact("t.json")
    table.content, facts.content = evidence.read(folder / "t.csv"), evidence.read(folder / "t.json")
    parts = [table.number("L2", "mean"), table.number("L2", "sd"), facts.number("a", 0, "x/y"), facts.text("said")]
    assert evidence.footnote(parts) == "t.csv: line 2 mean, sd. t.json: a 0 x/y; said"


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ('<b data-from="{}/t.csv#L2/mean">54.7</b>', "The page shows '54.7', but .*L2/mean is '54.6147'"),
        ('<b data-from="{}/t.csv#L9/mean">54.6</b>', "from .*, where nothing stands"),
        ('<b data-from="{}/t.json#a/1/x~1y">1</b>', "where nothing stands"),
        ('<b data-from="{}/t.json#said">So it was.</b>', "The page shows 'So it was.'"),
        (
            '<table data-from="{}/t.csv#"><tr><th data-key="mean">m</th></tr><tr data-row="L2"><td>1</td></tr></table>',
            "The page shows '1'",
        ),
        ("<p><b>x</p>", "</p> closes <b>"),
    ],
)
def test_a_page_that_says_something_else_is_withheld(folder, page, sentence):
    with pytest.raises(EvidenceError, match=sentence):
        verify(page.format(folder))
