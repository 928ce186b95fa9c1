"""Where the search of modes starts, when chains visit them alike, and what is said of modes."""

from math import comb

import numpy as np
import pytest

from stanmix.assess import checks
from stanmix.config import configuration
from stanmix.data import noticing
from stanmix.data.observations import Observations
from stanmix.families.family import Points
from stanmix.figures import modes as figures
from stanmix.fits import mode_words, modes
from stanmix.model.resolution import specify


def specified(y, model, components, **columns):
    rows = Observations(np.asarray(y, float), np.ones(len(y), int), **columns)
    text = {"datasets": {"d": {"csv": "d.csv", "column": "y"}}, "models": {"m": model}}
    checked = configuration.checked(text | {"analyses": [{"dataset": "d", "models": ["m"], "components": components}]})
    return specify("m", checked["models"]["m"], components, noticing.notice(rows, ["y"])), rows.units()


@pytest.mark.parametrize("family", ["normal", "gamma", "zero_inflated_poisson"])
@pytest.mark.parametrize("number", range(8))
def test_every_kind_of_start_shares_each_observation_out(family, number):
    y = np.random.default_rng(1).poisson(np.repeat([2, 9, 30], 40)) + (family == "gamma")
    specification, units = specified(y, {"family": family}, 3)
    points = Points.of(units)
    shares = modes.dispersed_shares(specification, points, units.count, number, np.random.default_rng(number))
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares >= 0).all()
    if family == "zero_inflated_poisson":
        assert (shares[points.y > 0, 3] == 0).all()
        assert (shares[points.y == 0, 3] == 0.5).all()


def test_rings_hold_both_sides_of_a_centre():
    specification, units = specified(np.linspace(-5, 5, 101), {"family": "normal"}, 2)
    found = []
    for seed in range(20):
        shares = modes.dispersed_shares(specification, Points.of(units), units.count, 5, np.random.default_rng(seed))
        group = shares.argmax(axis=1)
        if 0 < group.sum() < 80:  # the far ones are on both sides
            found.append(group[0] == group[-1] == 1 and group[50] == 0)
    assert len(found) > 5
    assert all(found)


def test_chains_that_sit_apart_have_the_exact_p_value():
    rng = np.random.default_rng(2)
    visits = np.array([[8, 0], [0, 8]])
    assert modes.visited_alike(visits, rng) == pytest.approx((1 + 9999 * 2 / comb(16, 8)) / 10000, abs=5e-4)
    few = np.array([[3, 0], [0, 3]])  # 2 of the 20 ways to deal six draws out are as far apart
    assert modes.visited_alike(few, rng) == pytest.approx(0.1, abs=0.015)


def test_chains_that_mix_are_alike_and_false_alarms_are_as_rare_as_they_say():
    rng = np.random.default_rng(3)
    assert modes.visited_alike(np.array([[4, 4, 4], [4, 4, 4]]), rng) == 1
    assert modes.visited_alike(np.array([[8, 8]]), rng) == 1
    assert modes.visited_alike(np.array([[8], [1]]), rng) is None
    values = []
    for _ in range(60):
        first = rng.binomial(8, 0.6, size=4)
        values.append(modes.visited_alike(np.array([first, 8 - first]), rng))
    assert min(values) > 0.001
    assert np.mean(np.array(values) < 0.2) < 0.2 + 3 * np.sqrt(0.2 * 0.8 / 60)


def mode(number, gap, visits, share=0.0, **marks):
    empty = {"empty": [], "collapsed": [], "edge": [], "away": False}
    held = {"share": share, "error": 0.0}
    return {"number": number, "gap": gap, "visits": visits, "places": 8, "starts": 5, **held, **empty, **marks}


def found(*listed, p_value=1.0, again=False):
    return {"modes": list(listed), "p_value": p_value, "listed": 15.0, "starts": 40, "shown": 8, "again": again}


ALL = [8, 8, 8, 8]
NONE = [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("listed", "status", "says"),
    [
        ([mode(1, 0, ALL, 1.0)], "pass", "1 mode found, and no chain misses one."),
        ([mode(1, 0, ALL, 1.0), mode(2, -20, NONE)], "pass", "2 modes found, and no chain misses one."),
        ([mode(1, 0, ALL, 0.99), mode(2, -1, NONE, 0.01)], "pass", "mode 2, which no chain visits, holds about 1% of"),
        (
            [mode(1, 0, ALL, 0.9996), mode(2, -9, NONE, 0.0004)],
            "pass",
            "visits, holds less than 0.1% of the posterior.",
        ),
        ([mode(1, 0, ALL, 0.98), mode(2, -9, NONE, 0.02)], "warn", "holds about 2% of the posterior"),
        ([mode(1, 0, ALL, 0.95), mode(2, -9, NONE, 0.05)], "warn", "holds about 5% of the posterior"),
        ([mode(1, 0, ALL, 0.94), mode(2, -9, NONE, 0.06)], "fail", "holds about 6% of the posterior"),
        # the lower one may hold more
        ([mode(1, 0, NONE, 0.004), mode(2, -3, ALL, 0.996)], "pass", "mode 1, which no chain visits, holds about 0.4%"),
        (
            [mode(1, 0, ALL, 0.9), mode(2, -1, NONE, 0.03), mode(3, -2, NONE, 0.07)],
            "fail",
            "2 of them, which no chain visits, hold about 10% of the posterior. The largest is mode 3.",
        ),
    ],
)
def test_modes_that_no_chain_visits(listed, status, says):
    chains, missed = checks.mode_checks(found(*listed))
    assert (missed.name, missed.status) == ("modes", status)
    assert says in missed.sentence
    assert bool(missed.remedy) is (status != "pass")
    assert chains.status == "pass"
    assert "once more" not in missed.sentence
    assert "Sampling was begun once more" in checks.mode_checks(found(*listed, again=True))[1].sentence


@pytest.mark.parametrize(
    ("p_value", "status"), [(0.01, "pass"), (0.0099, "warn"), (0.001, "warn"), (0.00099, "fail"), (None, "pass")]
)
def test_chains_in_different_modes(p_value, status):
    listed = [mode(1, 0, [8, 0, 8, 8]), mode(2, -1, [0, 8, 0, 0])]
    check = checks.mode_checks(found(*listed, p_value=p_value))[0]
    assert (check.name, check.status, check.value) == ("modes_of_chains", status, p_value)
    assert check.sentence.startswith("Chains 1, 3 and 4 sit in mode 1 and chain 2 sits in mode 2.")


def test_words():
    assert [mode_words.percentage(share) for share in (1e-9, 0.0042, 0.0151, 0.5, 0.9949, 0.9995, 1)] == [
        "less than 0.1%", "0.4%", "2%", "50%", "99.5%", "more than 99.9%", "all",
    ]  # fmt: skip
    assert mode_words.held(mode(1, 0, ALL, 0.62, error=0.031)) == "62% (\N{PLUS-MINUS SIGN}3%)"
    assert mode_words.held(mode(1, 0, ALL, 0.62, error=0.0004)) == mode_words.percentage(0.62)
    assert mode_words.held(mode(1, 0, ALL)) == "-"
    assert mode_words.listed([1]) == "1"
    assert mode_words.listed([1, 2]) == "1 and 2"
    assert mode_words.chains_in(mode(1, 0, [8, 0, 3, 8])) == "1, 3 (3 of 8), 4"
    assert mode_words.on_chains(found(mode(1, 0, ALL))) == "All chains sit in mode 1."
    assert mode_words.on_chains(found(mode(1, 0, [8]))) == "The chain sits in mode 1."
    assert mode_words.on_chains(found(mode(1, 0, [4, 4]), mode(2, -1, [4, 4]))) == "The chains visit 2 modes."
    assert mode_words.on_chains(found()) == "No climb from a draw of a chain came to an end."
    assert mode_words.remarks(mode(1, 0, ALL)) == ""
    assert "components 1 and 3 without observations" in mode_words.remarks(mode(1, 0, ALL, empty=[1, 3]))
    assert "all places far from the data" in mode_words.remarks(mode(1, 0, ALL, empty=[2], away=True))


def picture(number, gap, **content):
    return {
        "number": number,
        "gap": gap,
        "share": "" if number == 1 else "3%",
        "chains": "chain 2" if number == 2 else "",
        **content,
    }


def test_each_mode_has_a_picture_with_its_title_and_its_chains():
    x = np.linspace(-4, 4, 50)
    curve = np.exp(-(x**2))
    content = {
        "x": x,
        "step": 0,
        "observed": np.full(50, np.nan),
        "mixture": curve,
        "parts": np.array([curve, curve]) / 2,
    }
    figure = figures.draw_modes(
        [picture(k + 1, -3.4 * k, **content) for k in range(6)], label="y", y=np.random.default_rng(4).normal(size=90)
    )
    assert [axes.get_title("left") for axes in figure.axes][:2] == [
        "mode 1: best",
        "mode 2: \N{MINUS SIGN}3.4 nats, 3%",
    ]
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == ["chain 2"]
    assert len(figure.axes) == 6
    figure.draw_without_rendering()


def test_an_ellipse_holds_nine_tenths_of_a_component_of_two_columns():
    rng = np.random.default_rng(5)
    y = rng.multivariate_normal([1, 2], [[4, 2.4], [2.4, 4]], 20_000)
    content = {"theta": np.ones(1), "mu": np.array([[1, 2]]), "sigma": np.array([[2, 2]]), "rho": np.array([0.6])}
    figure = figures.draw_modes([picture(1, 0, **content)], label="a", y=y, names=["a", "b"])
    (ellipse,) = figure.axes[0].patches
    inside = ellipse.get_patch_transform().inverted().transform(y)
    assert (np.hypot(*inside.T) < 1).mean() == pytest.approx(0.9, abs=0.01)


def test_a_part_at_one_bar_is_seen():
    x = np.arange(40)
    zeros = np.where(x == 0, 20.0, 0.0)
    content = {"x": x, "step": 1, "observed": zeros + 5, "mixture": zeros + 5, "parts": np.array([x * 0 + 5.0, zeros])}
    figure = figures.draw_modes([picture(1, 0, **content)], label="y", names=["component 1", "extra zeros"])
    lines = figure.axes[0].lines
    assert [line.get_marker() for line in lines] == ["None", "o", "None"]
    assert [text.get_text() for text in figure.legends[0].texts][-1] == "extra zeros"
