"""Rows whose component is known: read, carried on, and their density that of their own component alone."""

import numpy as np
import pytest
from scipy import stats

from stanmix.base.errors import UserError
from stanmix.data import noticing, observations
from stanmix.data.observations import Observations
from stanmix.families.family import Points
from stanmix.fits import starts
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data

MODEL = {
    "family": "normal", "share": [], "own": [], "membership": "group", "labels": "ordered",
    "fixed": {}, "priors": {"theta": "dirichlet(1)"},
}  # fmt: skip


@pytest.fixture
def csv(tmp_path):
    def write(text):
        path = tmp_path / "data.csv"
        path.write_text(text)
        return path

    return write


def sample():
    rng = np.random.default_rng(3)
    y = np.concatenate([rng.normal(0, 1, 40), rng.normal(2, 1, 30)])
    known = np.zeros(70, int)
    known[[0, 1, 2]], known[[40, 41]] = 1, 2
    return Observations(y, np.ones(70, np.int64), known=known)


def test_known_components_are_read_and_empty_cells_are_unknown(csv):
    path = csv("y,kind\n1.5,2\n2.5,\n3.5,NA\n1.5,1\n")
    rows = observations.read_csv(path, ["y"], known="kind")
    assert rows.known.tolist() == [2, 0, 0, 1]


def test_what_is_no_component_is_told_with_its_line(csv):
    path = csv("y,kind\n1.5,2\n2.5,two\n3.5,0\n4.5,1.5\n")
    with pytest.raises(UserError) as caught:
        observations.read_csv(path, ["y"], known="kind")
    assert [sentence.split(": ")[0] for sentence in caught.value.sentences] == [
        f"{path}, line {line}, column 'kind'" for line in (3, 4, 5)
    ]


def test_known_components_survive_the_file_between_the_jobs(tmp_path):
    rows = sample()
    observations.write(rows, tmp_path / "observations.csv")
    again = observations.read(tmp_path / "observations.csv")
    assert np.array_equal(again.known, rows.known)
    assert np.array_equal(again.y, rows.y)


def test_equal_values_with_different_knowledge_are_different_units():
    rows = Observations(np.array([1.0, 1.0, 1.0, 2.0]), np.ones(4, np.int64), known=np.array([1, 0, 1, 0]))
    units = rows.units()
    assert list(zip(units.y.tolist(), units.known.tolist(), units.count.tolist(), strict=True)) == [
        (1.0, 0, 1.0), (1.0, 1, 2.0), (2.0, 0, 1.0),
    ]  # fmt: skip


def test_the_density_of_a_known_row_is_that_of_its_component():
    draws = {"theta": np.array([[0.3, 0.7]]), "mu": np.array([[0.0, 2.0]]), "sigma": np.array([[1.0, 0.5]])}
    points = Points(np.array([0.4, 0.4, 0.4]), np.ones(3), known=np.array([0, 1, 2]))
    first, second = 0.3 * stats.norm.pdf(0.4, 0, 1), 0.7 * stats.norm.pdf(0.4, 2, 0.5)
    values = np.exp(mixture.log_likelihood("normal", points, draws))[0]
    assert values == pytest.approx([first + second, first, second], rel=1e-12)
    assert mixture.membership("normal", points, draws)[1:].tolist() == [[1, 0], [0, 1]]


def test_a_known_zero_is_no_extra_zero():
    draws = {"theta": np.array([[1.0]]), "rate": np.array([[2.0]]), "zero": np.array([[0.4]])}
    points = Points(np.zeros(2), np.ones(2), known=np.array([0, 1]))
    shares = mixture.membership("zero_inflated_poisson", points, draws)
    assert shares[1].tolist() == [1, 0]
    assert shares[0, 1] == pytest.approx(0.4 / (0.4 + 0.6 * np.exp(-2)), rel=1e-12)


def test_the_program_gets_what_is_known():
    rows = sample()
    units = rows.units()
    specification = specify("m", MODEL, 2, noticing.notice(rows, ["y"]))
    data = program_data(specification, units)
    assert data["known"] == units.known.tolist()
    assert sorted(data["known"])[-5:] == [1, 1, 1, 2, 2]


def test_more_known_components_than_are_asked_for():
    with pytest.raises(UserError, match="name a component 2 as known"):
        specify("m", MODEL, 1, noticing.notice(sample(), ["y"]))


def test_the_starts_keep_the_names_of_known_components():
    rng = np.random.default_rng(4)
    y = np.concatenate([rng.normal(0, 1, 60), rng.normal(0, 6, 60)])
    known = np.zeros(120, int)
    known[:30], known[60:90] = 1, 2  # equal means: only the knowledge tells the components apart
    rows = Observations(y, np.ones(120, np.int64), known=known)
    specification = specify("m", MODEL, 2, noticing.notice(rows, ["y"]))
    state = starts.expectation_maximisation(specification, rows.units(), steps=100)
    assert state["sigma"][0] < 2 < 4 < state["sigma"][1]


def test_names_of_groups_are_components_beside_numbers(csv):
    path = csv("y,kind\n1.5,positive\n2.5,\n3.5,NA\n1.5, negative \n4,2\n")
    rows = observations.read_csv(path, ["y"], known="kind", groups={"negative": 1, "positive": 2})
    assert rows.known.tolist() == [2, 0, 0, 1, 2]
    assert noticing.notice(rows, ["y"])["known"] == {"number": 3, "largest": 2, "each": [1, 2]}


def test_a_group_that_no_component_is_called_is_told(csv):
    path = csv("y,kind\n1.5,positve\n2.5,negative\n3.5,7.5\n")
    with pytest.raises(UserError) as caught:
        observations.read_csv(path, ["y"], known="kind", groups={"negative": 1, "positive": 2})
    ways = "give its name in the analysis (negative, positive) or its number from 1 to 100, or leave the cell empty."
    assert list(caught.value.sentences) == [
        f"{path}, line {line}, column 'kind': '{text}' is no component; {ways}"
        for line, text in ((2, "positve"), (4, "7.5"))
    ]


def test_groups_without_names_in_the_analysis_are_told_how_to_get_them_in_one_sentence(csv):
    path = csv("y,kind\n1.5,positive\n2.5,negative\n3.5,\n4.5,positive\n")
    with pytest.raises(UserError) as caught:
        observations.read_csv(path, ["y"], known="kind")
    assert list(caught.value.sentences) == [
        f"{path}, line 2, column 'kind': 'positive' names a group, and which component that is has to be said: add "
        "`names: [positive, negative]` to the analysis, in the order of the components (lowest first), or give the "
        "number of the component (also in lines 3 and 5)."
    ]
