"""Cut-offs against textbook formulas, single draws solved one by one, and the memberships that they stand for."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from textbook import UNIVARIATE, log_density, points_at, specified

from stanmix.assess import cutoff_words, cutoffs
from stanmix.base import columns
from stanmix.families.family import WHOLE
from stanmix.families.registry import FAMILIES
from stanmix.model import mixture

LEVELS = [0.5, 0.9, 0.95, 0.99]
Y = np.array([-1.0, 0.5, 2.0, 7.0, 10.0])


def found(draws, y=Y, family="normal", levels=LEVELS, size=1.0, components=None):
    """The cut-offs of draws (a dict of lists, a row for each draw), and what is said of them."""
    draws = {name: np.atleast_2d(np.asarray(values, float)) for name, values in draws.items()}
    components = components or draws["theta"].shape[1]
    specification = specified(family=family, components=components, seeds={"replicates": 1})
    points = replace(points_at(y, size), of_trials=FAMILIES[family].takes == "trials")
    return cutoffs.find(specification, points, draws, levels)


def only(table, component, side, level=None):
    """The one cut-off of that kind."""
    same = table["probability"].isna() if level is None else table["probability"] == level
    (row,) = table[same & (table["component"] == component) & (table["side"] == side)].to_dict("records")
    return row


def roots(theta, mu, sigma, level=0.5):
    """Where the second of two normal components has a probability, from the quadratic equation of the log odds."""
    a = (sigma[0] ** -2 - sigma[1] ** -2) / 2
    b = mu[1] / sigma[1] ** 2 - mu[0] / sigma[0] ** 2
    c = (mu[0] / sigma[0]) ** 2 / 2 - (mu[1] / sigma[1]) ** 2 / 2
    c += math.log(theta[1] * sigma[0] / (theta[0] * sigma[1])) - math.log(level / (1 - level))
    return sorted(root.real for root in np.roots([a, b, c]) if root.imag == 0)


def test_equal_sds_and_weights_are_cut_in_the_middle_and_levels_follow_the_logistic_curve():
    table, facts = found({"theta": [[0.5, 0.5]], "mu": [[1, 5]], "sigma": [[1.5, 1.5]]})
    assert only(table, "2", "above")["value"] == pytest.approx(3, abs=1e-9)
    assert only(table, "1", "below")["value"] == pytest.approx(3, abs=1e-9)
    for level in LEVELS:
        away = 1.5**2 * math.log(level / (1 - level)) / 4
        assert only(table, "2", "above", level)["value"] == pytest.approx(3 + away, abs=1e-9)
        assert only(table, "1", "below", level)["value"] == pytest.approx(3 - away, abs=1e-9)
    assert len(table) == 2 * (1 + len(LEVELS))
    assert (table["draws"] == 1).all()
    assert facts["nowhere"] == []


def test_a_wide_component_is_more_probable_on_both_sides_at_the_roots_of_the_quadratic():
    theta, mu, sigma = [0.6, 0.4], [2, 4], [0.7, 3]
    table, _ = found({"theta": [theta], "mu": [mu], "sigma": [sigma]})
    low, high = roots(theta, mu, sigma)
    for left, right, value in (("2", "1", low), ("1", "2", high)):
        assert only(table, left, "below")["value"] == pytest.approx(value, abs=1e-9)
        assert only(table, right, "above")["value"] == pytest.approx(value, abs=1e-9)
    for level in LEVELS:
        low, high = roots(theta, mu, sigma, level)
        assert only(table, "2", "below", level)["value"] == pytest.approx(low, abs=1e-9)
        assert only(table, "2", "above", level)["value"] == pytest.approx(high, abs=1e-9)
        inner = roots(theta, mu, sigma, 1 - level)  # where the first has it: nowhere from some level on
        there = table[(table["component"] == "1") & (table["probability"] == level)]["value"]
        np.testing.assert_allclose(sorted(there), inner, atol=1e-9)
    assert table.groupby("flank")["side"].nunique().eq(1).all()
    assert table["flank"].nunique() == 4


def test_a_component_that_is_nowhere_the_most_probable_has_no_cut_off_and_a_sentence():
    theta, mu, sigma = [0.95, 0.05], [2, 2.2], [2, 1.9]
    assert roots(theta, mu, sigma) == []
    table, facts = found({"theta": [theta], "mu": [mu], "sigma": [sigma]}, levels=[])
    assert table.empty
    (nowhere,) = facts["nowhere"]
    assert nowhere["component"] == "2"
    assert nowhere["draws"] == 0
    first, second = cutoff_words.sentences(table, facts)
    assert first.startswith(
        "Between -1 and 10, where the observations lie, component 1 is everywhere the most probable"
    )
    assert second.startswith("Component 2 is nowhere the most probable")


def random_draws(rng, count=400):
    return {
        "theta": rng.dirichlet([50, 30], count),
        "mu": rng.normal([0, 6], 0.3, (count, 2)),
        "sigma": np.exp(rng.normal([0, 0.7], 0.1, (count, 2))),
    }


@pytest.mark.parametrize("level", [None, 0.9, 0.99])
def test_intervals_are_quantiles_of_the_roots_of_single_draws(level):
    draws = random_draws(np.random.default_rng(4))
    table, _ = found(draws)
    row = only(table, "2", "above", level)
    of_draws = [roots(*(draws[name][s] for name in ("theta", "mu", "sigma")), level or 0.5)[-1] for s in range(400)]
    np.testing.assert_allclose([row["lower"], row["upper"]], np.quantile(of_draws, [0.025, 0.975]), atol=2e-3)

    def mean(x):  # the averaged membership, by hand
        odds = [
            math.exp(log_density(x, "normal", m[1], s[1]) - log_density(x, "normal", m[0], s[0])) * t[1] / t[0]
            for t, m, s in zip(draws["theta"], draws["mu"], draws["sigma"], strict=True)
        ]
        return math.fsum(o / (1 + o) for o in odds) / 400 - (level or 0.5)

    assert row["value"] == pytest.approx(optimize.brentq(mean, 1, 8), abs=1e-9)


def test_of_a_cut_off_that_only_some_draws_have_the_share_is_told():
    apart, hidden = ([0.5, 0.5], [0, 6], [1, 1]), ([0.98, 0.02], [0, 0.1], [2, 1.9])
    draws = {name: [apart[i]] * 3 + [hidden[i]] for i, name in enumerate(("theta", "mu", "sigma"))}
    table, facts = found(draws)
    row = only(table, "2", "above")
    assert row["draws"] == 0.75
    assert (row["lower"], row["upper"]) == pytest.approx((3, 3), abs=1e-6)
    assert any("is there in 75% of the draws" in sentence for sentence in cutoff_words.sentences(table, facts))


def test_cut_offs_beyond_the_data_are_marked_and_no_part_of_the_rule():
    draws = {"theta": [[0.5, 0.5]], "mu": [[0, 5]], "sigma": [[1, 1]]}
    table, facts = found(draws, y=np.linspace(-2, 2.6, 9))
    assert not only(table, "2", "above")["beyond_data"]
    assert only(table, "2", "above", 0.99)["beyond_data"]
    assert cutoff_words.table_rows(table, LEVELS)[1]["at_0.99"].endswith(", beyond the data")
    assert cutoff_words.sentences(table, facts)[0].startswith("Values below 2.500 (95% interval 2.500 to 2.500)")
    table, facts = found(draws, y=np.linspace(-2, 2.4, 9))
    assert only(table, "2", "above")["beyond_data"]
    first, second = cutoff_words.sentences(table, facts)
    assert "everywhere the most probable" in first
    assert second.startswith("Beyond the observations, which lie between -2 and 2.4, component 2 would be")
    assert "above 2.500 (2.500 to 2.500)" in second
    assert [row["component"] for row in cutoff_words.table_rows(table, LEVELS)] == ["1"]  # its 90% is within the data


LOCATION = {"lognormal": [0.2, 1.6, 2.2], "binomial": [0.1, 0.4, 0.8], "beta_binomial": [0.1, 0.4, 0.8]}
OTHERS = {"sigma": 0.8, "nu": 5, "sdlog": 0.3, "cv": 0.3, "sd": 0.9, "shape": 4, "slant": 1.5, "dispersion": 0.2}


@pytest.mark.parametrize("family", UNIVARIATE)
def test_the_rule_is_what_the_memberships_say_of_every_value(family):
    rng, entry, size = np.random.default_rng(7), FAMILIES[family], 30.0 if FAMILIES[family].takes == "trials" else 1.0
    draws = {"theta": rng.dirichlet([20, 30, 25], 200)}
    location = np.array(LOCATION.get(family, [1.2, 5.0, 9.0]))
    draws[entry.ordered] = location * np.exp(rng.normal(0, 0.03, (200, 3)))
    for name in entry.of_component[1:]:
        draws[name] = OTHERS[name] * np.exp(rng.normal(0, 0.1, (200, 3))) * np.array([1, 1.2, 1.5])
    if entry.zero:
        draws[entry.zero] = np.repeat(rng.beta(20, 40, (200, 1)), 3, axis=1)
    y = np.unique(mixture.replicate(
        family, points_at(np.zeros(50), size), mixture.draw_memberships(family, 50, draws, rng), draws, rng
    )[:4])  # fmt: skip
    table, facts = found(draws, y, family, size=size)
    low, high = facts["searched"]
    values = np.arange(low, high + 1) if entry.kind == WHOLE else rng.uniform(low, high, 3000)
    probabilities = mixture.membership(family, points_at(values, size), draws)
    parts = mixture.parts(family, 3)
    for k, part in enumerate(parts):
        others = np.delete(probabilities, k, axis=1).max(axis=1)
        for level in (None, *LEVELS):
            holds = probabilities[:, k] >= (others if level is None else level)
            np.testing.assert_array_equal(_by_rule(table, part, level, values, holds), holds, err_msg=f"{part} {level}")
    assert table["value"].between(low, high).all()
    whole = entry.kind == WHOLE
    assert set(table["side"]) == ({"from", "up to"} if whole else {"above", "below"})
    assert not whole or (table[["value", "lower", "upper"]].dropna() % 1 == 0).all(axis=None)


def _by_rule(table, part, level, values, holds):
    """Whether values have a probability by the cut-offs alone, but for what holds at the lowest value."""
    same = table["probability"].isna() if level is None else table["probability"] == level
    rows = table[same & (table["component"] == part)]
    result = np.full(len(values), bool(holds[values.argmin()]) if rows.empty else False)
    ends = sorted((row["value"], row["side"] in ("above", "from")) for row in rows.to_dict("records"))
    if ends and not ends[0][1]:
        ends = [(-np.inf, True), *ends]
    for (value, rising), (end, _) in itertools.pairwise([*ends, (np.inf, False)]):
        if rising:
            result |= (values >= value) & (values <= end)
    return result


def test_of_counts_the_first_whole_number_for_which_it_holds():
    theta, rate = [0.7, 0.3], [2.0, 11.0]
    table, _ = found({"theta": [theta], "rate": [rate]}, y=np.array([0.0, 3, 12]), family="poisson")
    for level in (None, *LEVELS):
        odds = math.log((level or 0.5) / (1 - (level or 0.5)))
        # The log odds of the second component are a straight line in the count.
        exact = (rate[1] - rate[0] + math.log(theta[0] / theta[1]) + odds) / math.log(rate[1] / rate[0])
        assert only(table, "2", "from", level)["value"] == math.ceil(exact)
        exact -= 2 * odds / math.log(rate[1] / rate[0])
        assert only(table, "1", "up to", level)["value"] == math.floor(exact)


def test_large_counts_are_cut_exactly_though_not_all_are_looked_at():
    y = np.array([3.0, 40.0, 90_000.0, 110_000.0])
    theta, rate = [0.7, 0.3], [20.0, 100_000.0]
    table, _ = found({"theta": [theta], "rate": [rate]}, y=y, family="poisson", levels=[])
    exact = (rate[1] - rate[0] + math.log(theta[0] / theta[1])) / math.log(rate[1] / rate[0])
    assert only(table, "2", "from")["value"] == math.ceil(exact)


@pytest.mark.parametrize("share", [0.05, 0.6])
def test_extra_zeros_are_a_part_of_their_own(share):
    draws = {"theta": [[1.0]], "rate": [[3.0]], "zero": [[share]]}
    table, facts = found(draws, y=np.array([0.0, 2, 5]), family="zero_inflated_poisson", levels=[])
    if share > (1 - share) * math.exp(-3):
        assert only(table, "zero", "up to")["value"] == 0
        assert only(table, "1", "from")["value"] == 1
        (sentence,) = cutoff_words.sentences(table, facts)
        assert "belong to the extra zeros and those from there on to component 1" in sentence


def test_where_there_can_be_none_the_reason_is_given():
    pair = {"theta": [[0.5, 0.5]], "rate": [[1, 9]]}
    table, facts = found(pair, y=np.array([1.0, 5]), family="poisson", size=[1.0, 2.0])
    assert table.empty
    assert "differ in their trials or exposure" in cutoff_words.sentences(table, facts)[0]
    table, facts = found({"theta": [[1.0]], "mu": [[0]], "sigma": [[1]]})
    assert table.empty
    assert cutoff_words.sentences(table, facts) == ["There is one component, so there is no cut-off."]
    table, facts = found(pair | {"mu": []}, y=np.zeros((3, 2)), family="multivariate_normal")
    assert table.empty
    assert "several columns" in cutoff_words.sentences(table, facts)[0]


def test_the_rule_in_words_and_the_table_for_readers():
    draws = {"theta": [[0.3, 0.4, 0.3]], "mu": [[0, 4, 8]], "sigma": [[1, 1, 1]]}
    table, facts = found(draws, y=np.linspace(-2, 10, 30), levels=[0.9])
    (sentence,) = cutoff_words.sentences(table, facts)
    first, second = (2 + math.log(0.3 / 0.4) / 4, 6 - math.log(0.3 / 0.4) / 4)
    assert sentence == (
        f"Values below {first:.4g} (95% interval {first:.4g} to {first:.4g}) most probably belong to component 1, "
        f"those from there to below {second:.4g} ({second:.4g} to {second:.4g}) to component 2 and those from there on "
        "to component 3."
    )
    (called,) = cutoff_words.sentences(table, facts, ["low", "middle", "high"])
    assert "most probably belong to low, those from there" in called
    assert called.endswith("to middle and those from there on to high.")
    (row, *_) = cutoff_words.table_rows(table, [0.9], ["low", "middle", "high"])
    assert (row["component"], row["rather_than"]) == ("low", "middle")
    rows = cutoff_words.table_rows(table, [0.9])
    assert [(row["component"], row["side"], row["rather_than"]) for row in rows] == [
        ("1", "below", "2"), ("2", "above", "1"), ("2", "below", "3"), ("3", "above", "2"),
    ]  # fmt: skip
    assert [column["key"] for column in columns.cutoffs([0.9])] == list(rows[0])


def test_a_dip_inside_a_component_splits_its_side_in_two():
    # The narrow first component is nowhere the most probable but takes the second below 90% around 5.
    draws = {"theta": [[0.07, 0.93]], "mu": [[5, 5]], "sigma": [[0.3, 2]]}
    table, facts = found(draws, y=np.linspace(0, 10, 40), levels=[0.9])
    assert [row["component"] for row in facts["nowhere"]] == ["1"]
    low, high = roots([0.07, 0.93], [5, 5], [0.3, 2], 0.9)
    assert only(table, "2", "below", 0.9)["value"] == pytest.approx(low, abs=1e-9)
    assert only(table, "2", "above", 0.9)["value"] == pytest.approx(high, abs=1e-9)
    assert table["rather_than"].isna().all()
    assert [row["most_probable"] for row in cutoff_words.table_rows(table, [0.9])] == ["none", "none"]


def test_nothing_depends_on_the_order_of_the_levels_or_on_chance():
    draws = random_draws(np.random.default_rng(9))
    first, _ = found(draws, levels=[0.99, 0.9])
    again, _ = found(draws, levels=[0.9, 0.99])
    pd.testing.assert_frame_equal(first, again)


def test_withheld_cut_offs_keep_the_columns_of_their_table():
    assert list(cutoffs.none()) == list(cutoffs.COLUMNS)
    assert cutoff_words.table_rows(cutoffs.none(), LEVELS) == []
