"""What pages call parameters, and what they cite."""

import re

import pytest

from stanmix.model.specification import Resolved
from stanmix.report import references, words

EVERY = [each for each in vars(references).values() if isinstance(each, references.Reference)]


def test_every_reference_has_a_key_of_its_own_and_a_doi_of_the_right_form():
    assert len({each.key for each in EVERY}) == len(EVERY) == 11
    for each in EVERY:
        assert each.doi == "" or re.fullmatch(r"10\.\d{4,5}/\S+", each.doi), each
        assert each.cited.endswith(str(each.year))
        assert each.bibtex().count("{") == each.bibtex().count("}")
    assert [each.key for each in EVERY if not each.doi] == ["hoffman2014"]  # that journal gives none


def test_a_reference_as_a_line():
    assert references.RELABELLING.listed() == (
        "Stephens M (2000). Dealing with label switching in mixture models. Journal of the Royal Statistical Society: "
        "Series B 62(4): 795\N{EN DASH}809."
    )
    assert references.STAN.listed().startswith("Carpenter B, Gelman A, Hoffman MD, et al. (2017).")


@pytest.mark.parametrize(
    ("label", "parts"),
    [
        ("waiting time (minutes)", ("waiting time", "minutes")),
        ("y", ("y", "")),
        ("log(acidity + 50)", ("log(acidity + 50)", "")),
        ("log(dose) [mg]", ("log(dose)", "mg")),
    ],
)
def test_a_label_has_a_name_and_perhaps_a_unit(label, parts):
    assert words.split(label) == parts


def parameter(name, slot, meaning, column=None):
    return Resolved(name, slot, meaning, "own", False, None, True, (), column)


MU, SIGMA = parameter("mu", "location", "mean"), parameter("sigma", "scale", "standard deviation")
RATE = parameter("rate", "location", "events per exposure, or per observation")
SHARE = parameter("p", "location", "probability of success")
OVER = parameter("dispersion", "scale", "1/sqrt(phi), 0 for Poisson")
WIDTH = parameter("mu", "mu", "mean", "width")


@pytest.mark.parametrize(
    ("entry", "more", "named"),
    [
        (MU, {}, ("mean waiting time", "minutes")),
        (MU, {"short": True}, ("mean", "minutes")),
        (SIGMA, {}, ("standard deviation of waiting time", "minutes")),
        (MU, {"scales": {"": "log(y)"}}, ("mean log(y)", "")),
        (RATE, {}, ("mean", "waiting time")),
        (RATE, {"exposure": "hours"}, ("rate", "per unit of hours")),
        (SHARE, {}, ("probability of success", "")),
        (OVER, {}, ("dispersion", "")),
        (WIDTH, {"short": True}, ("mean width", "")),
    ],
)
def test_parameters_are_called_by_what_was_measured(entry, more, named):
    assert words.quantity(entry, "waiting time (minutes)", **more) == named


@pytest.mark.parametrize(
    ("row", "called", "title"),
    [
        ({"parameter": "theta", "component": 1}, "component 1", "share of component 1 among the observations"),
        ({"parameter": "mu", "component": 2}, "component 2", "mean length of component 2 (m)"),
        ({"parameter": "sigma", "component": None}, "", "standard deviation of length within each component (m)"),
        (
            {"parameter": "correlation", "component": 1, "column": "a", "column_2": "b"},
            "component 1",
            "correlation of a and b within component 1",
        ),
    ],
)
def test_rows_of_estimates_say_what_they_are(row, called, title):
    assert words.title(row, [MU, SIGMA], "length (m)", called) == title
