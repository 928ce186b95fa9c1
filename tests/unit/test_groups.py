"""One membership for each group of rows: reading, what is distinct, densities against loops, LOO, EM and checks."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp
from textbook import model_of
from textbook import specified as made_up

from stanmix.assess import crossvalidation, memberships, refitting
from stanmix.base import columns
from stanmix.base.errors import UserError
from stanmix.data import noticing, observations, replication, simulation
from stanmix.expected import predictive
from stanmix.families.family import Points
from stanmix.families.registry import FAMILIES
from stanmix.fits import modes, starts
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data

RNG = np.random.default_rng(8)
DRAWS = {
    "theta": RNG.dirichlet([2, 3, 4], 6),
    "mu": np.sort(RNG.normal(0, 3, (6, 3)), axis=1),
    "sigma": RNG.uniform(0.5, 2, (6, 3)),
}


def rows_in(groups, y=None, **more):
    """Observations in groups with these names, one row each."""
    n = len(groups)
    y = np.random.default_rng(n).normal(0, 3, n) if y is None else np.asarray(y, float)
    more = {"frequency": np.ones(n, np.int64)} | more
    return observations.Observations(y=y, group=np.array(groups, object), **more)


SCATTERED = rows_in(["b", "a", "c", "a", "b", "d", "b", "e"])


def by_loops(rows, draws):
    """For each draw and group, in the order of appearance, the logs of weight times density of its components."""
    found = {}
    for name, y in zip(rows.group, rows.y, strict=True):
        for s, k in itertools.product(range(len(draws["theta"])), range(3)):
            place = found.setdefault(name, np.log(draws["theta"]).copy())
            place[s, k] += stats.norm.logpdf(y, draws["mu"][s, k], draws["sigma"][s, k])
    return np.stack(list(found.values()), axis=1)


def test_terms_are_products_over_the_rows_of_a_group_with_one_weight():
    units = SCATTERED.units(by_group=True)
    points = Points.of(units)
    _, first = np.unique(SCATTERED.groups[1], return_index=True)
    terms = mixture.log_terms("normal", points, DRAWS)[:, units.index[first]]
    np.testing.assert_allclose(terms, by_loops(SCATTERED, DRAWS), rtol=1e-13)
    likelihood = mixture.log_likelihood("normal", points, DRAWS)[:, units.index[first]]
    np.testing.assert_allclose(likelihood, logsumexp(by_loops(SCATTERED, DRAWS), axis=2), rtol=1e-13)


@pytest.mark.parametrize("chosen", [slice(1, 4), [3, 0, 0], np.array([True, False, True, False, True])])
def test_some_units_have_all_of_their_rows(chosen):
    every = Points.of(SCATTERED.units(by_group=True))
    shuffled = replace(every, y=every.y[::-1], unit=every.unit[::-1])
    expected = mixture.log_terms("normal", every, DRAWS)[:, chosen]
    for points in (every, shuffled):
        np.testing.assert_allclose(mixture.log_terms("normal", points[chosen], DRAWS), expected, rtol=1e-13)
    assert len(every) == 5
    assert len(every.y) == 8


def test_groups_of_one_row_say_what_rows_say():
    y = np.random.default_rng(2).normal(0, 3, 9)
    rows, alone = rows_in([f"g{i}" for i in range(9)], y), Points(np.sort(y), np.ones(9))
    points = Points.of(rows.units(by_group=True))
    for function in (mixture.log_terms, mixture.responsibilities):
        np.testing.assert_array_equal(function("normal", points, DRAWS), function("normal", alone, DRAWS))


def test_the_order_of_the_rows_and_the_names_of_the_groups_change_nothing():
    rng = np.random.default_rng(4)
    group, y = np.repeat(np.arange(12), rng.integers(1, 5, 12)), rng.normal(0, 1, 100).round(1)
    y = y[: len(group)]
    order, names = rng.permutation(len(group)), rng.permutation(12)
    one = rows_in([f"p{g}" for g in group], y).units(by_group=True)
    other = rows_in([f"q{names[g]}" for g in group[order]], y[order]).units(by_group=True)
    for field in ("y", "count", "unit"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))
    np.testing.assert_array_equal(one.index[order], other.index)
    np.testing.assert_array_equal(one.y[one.place], y)


def test_equal_groups_are_counted_once_and_as_often_as_they_weigh():
    rows = rows_in(["a", "b", "a", "b", "c"], [1.0, 2.0, 2.0, 1.0, 1.0], frequency=np.array([3, 1, 3, 1, 2]))
    units = rows.units(by_group=True)
    assert units.y.tolist() == [1.0, 1.0, 2.0]
    assert units.sizes.tolist() == [1, 2]
    assert units.count.tolist() == [2, 4]
    assert units.index.tolist() == [1, 1, 1, 1, 0]
    assert (rows.n, units.n) == (10, 6)


HEAD = "who,y,w,k\n"


def read(tmp_path, text, **more):
    path = tmp_path / "data.csv"
    path.write_text(HEAD + text)
    return observations.read_csv(path, ["y"], group="who", **more)


def test_rows_of_a_group_need_not_be_adjacent(tmp_path):
    rows = read(tmp_path, "a,1,2,1\nb,2,1,\na,3,2,1\n", weights="w", known="k")
    assert rows.group.tolist() == ["a", "b", "a"]
    assert rows.frequency.tolist() == [2, 1, 2]
    observations.write(rows, tmp_path / "o.csv")
    assert observations.read(tmp_path / "o.csv").group.tolist() == ["a", "b", "a"]


WRONG = {
    "empty": ("a,1,1,\n,2,1,\n", {}, "line 3, column 'who': the group is empty; name the group of the row"),
    "missing": ("a,1,1,\nNA,2,1,\n", {}, "line 3, column 'who': the group is missing ('NA')"),
    "known": (
        "a,1,1,1\nb,2,1,\na,3,1,2\n",
        {"known": "k"},
        "line 4, column 'k': '2' differs from '1' in line 2, which belongs to the group 'a' too; all rows of a group "
        "have one component",
    ),
    "weights": (
        "a,1,2,\nb,2,1,\na,3,1,\n",
        {"weights": "w"},
        "line 4, column 'w': 1 differs from 2 in line 2, which belongs to the group 'a' too; weights count whole "
        "groups",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_groups_is_said_with_its_line(tmp_path, case):
    text, more, sentence = WRONG[case]
    with pytest.raises(UserError) as error:
        read(tmp_path, text, **more)
    assert sentence in str(error.value)


def specified(rows, components=2, family="normal", **more):
    return specify("m", model_of(family, **more), components, noticing.notice(rows, ["y"]))


def test_the_program_gets_groups_one_after_the_other():
    rows = rows_in(["b", "a", "b"], [3.0, 1.0, 2.0])
    data = program_data(specified(rows), rows.units(by_group=True))
    assert (data["N"], data["G"], data["group_size"], data["y"]) == (3, 2, [1, 2], [1.0, 2.0, 3.0])
    assert data["count"] == [1, 1]
    data = program_data(specified(rows, membership="row"), rows.units())
    assert (data["N"], data["G"], data["group_size"], data["count"]) == (3, 0, [], [1, 1, 1])


def test_the_rule_on_ties_is_about_groups_of_nothing_but_equal_values():
    tied = rows_in(["a", "a", "b", "b", "c", "c"], [1.0, 2.0, 1.0, 2.0, 3.0, 5.0])
    priors = {"theta": "dirichlet(1)", "sigma": "cauchy(0, 5)"}
    assert specified(tied, priors=priors).membership == "group"
    with pytest.raises(UserError, match="a component can collapse onto equal values"):
        specified(tied, priors=priors, membership="row")
    constant = rows_in(["a", "a", "b", "b", "c", "c"], [1.0, 1.0, 2.0, 2.5, 3.0, 5.0])
    with pytest.raises(UserError, match="a component can collapse onto equal values"):
        specified(constant, priors=priors)


def test_single_trials_are_allowed_where_most_groups_have_enough_of_them():
    def rows(sizes):
        group = np.repeat([f"g{i}" for i in range(len(sizes))], sizes)
        y = np.random.default_rng(1).integers(0, 2, len(group))
        return rows_in(group, y, trials=np.ones(len(group)))

    assert specified(rows([3, 3, 2]), family="binomial").membership == "group"
    with pytest.raises(UserError, match="most groups have fewer than 3 trials in all; ask for fewer components"):
        specified(rows([3, 2, 2]), family="binomial")
    with pytest.raises(UserError, match="rows of a single trial tell nothing"):
        specified(rows([9, 9, 9]), family="beta_binomial")
    with pytest.raises(UserError, match="extra zeros of single rows"):
        specified(rows_in(["a", "a", "b"], [0, 1, 2]), family="zero_inflated_poisson")
    with pytest.raises(UserError, match="only 2 distinct groups"):
        specified(rows_in(["a", "a", "b"], [0, 1, 2]), components=3)


def mixed(groups=200, size=5, seed=3):
    """Two classes whose rows have one distribution, but whose groups do not: a symmetric mixture within each group."""
    recipe = {"family": "normal", "n": groups, "rows": size, "theta": [0.4, 0.6], "mu": [-0.5, 0.5], "sigma": 1.0}
    return simulation.simulate(recipe, seed)[0]


def test_simulated_groups_have_one_component_each():
    rows = mixed(10, 3)
    assert rows.group.tolist()[:4] == ["1", "1", "1", "2"]
    assert (rows.component.reshape(10, 3) == rows.component.reshape(10, 3)[:, :1]).all()


def test_em_finds_classes_of_groups_that_no_single_row_tells():
    rows = mixed()
    specification = specified(rows, share=["sigma"])
    units = rows.units(by_group=True)
    state = starts.expectation_maximisation(specification, units, 200)
    assert np.abs(state["mu"] - [-0.5, 0.5]).max() < 0.2
    assert np.abs(state["theta"] - [0.4, 0.6]).max() < 0.12
    total = mixture.log_likelihood("normal", Points.of(units), {name: v[None] for name, v in state.items()})[0]
    truth = {"theta": np.array([[0.4, 0.6]]), "mu": np.array([[-0.5, 0.5]]), "sigma": np.ones((1, 2))}
    assert total @ units.count >= mixture.log_likelihood("normal", Points.of(units), truth)[0] @ units.count


def test_starts_of_the_search_are_shares_of_groups():
    rows = mixed(30)
    units, rng = rows.units(by_group=True), np.random.default_rng(1)
    specification = specified(rows)
    for number in range(8):
        shares = modes.dispersed_shares(specification, Points.of(units), units.count, number, rng)
        assert shares.shape == (30, 2)
        np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_what_is_left_out_is_a_group_for_models_by_row_too():
    rows = rows_in(np.repeat(["a", "b", "c", "d"], 3))
    groups = rows.units(by_group=True)
    points = Points.of(groups)
    found = mixture.log_likelihood_of_groups("normal", points, DRAWS, by_row=True)
    single = logsumexp(
        np.log(DRAWS["theta"])[:, None] + stats.norm.logpdf(
            rows.y[None, :, None], DRAWS["mu"][:, None], DRAWS["sigma"][:, None]
        ), axis=2,
    )  # fmt: skip
    expected = single.reshape(6, 4, 3).sum(axis=2)
    np.testing.assert_allclose(found[:, groups.index[::3]], expected, rtol=1e-13)
    loo = crossvalidation.leave_one_out("normal", points, groups.count, DRAWS, 1.0, by_row=True)
    np.testing.assert_allclose(loo["log_likelihood"], expected.sum(axis=1), rtol=1e-13)
    assert (loo["n"], loo["elpd_i"].shape, loo["loo_pit"].shape) == (4, (4,), (2, 12))
    loo = crossvalidation.leave_one_out("normal", points, groups.count, DRAWS, 1.0)
    together = logsumexp(by_loops(rows, DRAWS), axis=2)
    np.testing.assert_allclose(loo["log_likelihood"], together.sum(axis=1), rtol=1e-13)
    np.testing.assert_allclose(loo["lppd_i"][groups.index[::3]], logsumexp(together, axis=0) - np.log(6), rtol=1e-13)
    parts = refitting.parts_of(rows, rows.units(), groups)
    assert sorted(np.concatenate(parts).tolist()) == list(range(12))
    for u, part in enumerate(parts):
        assert sorted(rows.units().y[part]) == groups.y[groups.unit == u].tolist()


def test_groups_that_are_looked_at_are_whole_and_copies_have_memberships_of_their_own():
    rows = rows_in(np.repeat([f"g{i}" for i in range(50)], 4), frequency=np.repeat(np.arange(1, 51), 4))
    sampled = replication.sampled_rows(rows, 100)
    _, times = np.unique(rows.groups[1][sampled], return_counts=True)
    assert len(sampled) == 100
    assert (times % 4 == 0).all()
    points = replication.sampled_points(rows, sampled, None, by_group=True)
    assert (len(points), len(points.y)) == (25, 100)
    assert (np.bincount(points.unit) == 4).all()
    np.testing.assert_array_equal(points.y, rows.y[sampled])
    members = mixture.sample_memberships("normal", points, DRAWS, np.random.default_rng(1))
    assert all((members[:, points.unit == u] == members[:, points.unit == u][:, :1]).all() for u in range(25))


def test_the_table_of_groups_has_a_line_for_each():
    rows = SCATTERED
    units = rows.units(by_group=True)
    found = {
        end: values[units.index] for end, values in memberships.probabilities("normal", Points.of(units), DRAWS).items()
    }
    frame = memberships.table(rows, made_up(components=3, membership="group"), found)
    table = memberships.of_groups(rows, frame)
    assert table["group"].tolist() == ["b", "a", "c", "d", "e"]
    assert table["rows"].tolist() == [3, 2, 1, 1, 1]
    assert table["y"][0] == pytest.approx(rows.y[[0, 4, 6]].mean())
    titles = [column["title"] for column in columns.membership(table)]
    assert titles[:3] == ["group", "rows", "mean y"]
    expected = by_loops(rows, DRAWS)
    expected = np.exp(expected - logsumexp(expected, axis=2, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(table.filter(regex=r"^probability_\d$").to_numpy(), expected, rtol=1e-12)


def p_value_of(intercept, seed):
    """The check of what rows of a group have in common, where groups differ by degrees with that sd."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(120), 5)
    y = intercept * rng.normal(size=120)[unit] + rng.normal(size=600)
    draws = {name: np.full((200, 1), value) for name, value in (("theta", 1.0), ("mu", 0.0))}
    draws["sigma"] = np.full((200, 1), math.hypot(1, intercept))
    points = Points(y, np.ones(600), unit=unit)
    return predictive.component_p_values("normal", points, draws, rng)["within_groups"]


def test_groups_that_differ_by_degrees_fail_and_independent_rows_are_alarmed_as_rarely_as_said():
    values = np.array([p_value_of(0.0, seed)["p_value"] for seed in range(100)])
    assert (values < 0.05).mean() < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 100)
    assert stats.kstest(values, "uniform").pvalue > 1e-3
    found = [p_value_of(0.7, seed) for seed in range(5)]
    assert max(one["p_value"] for one in found) == 0
    share = 0.49 / 1.49
    assert np.mean([one["product"] for one in found]) == pytest.approx(share, abs=0.08)


def test_extremes_of_groups_by_enumeration():
    points = Points(np.array([-2.0, 0.5, 1.0, 4.0, 0.2]), np.ones(5), unit=np.array([0, 1, 0, 1, 2]))
    found = predictive.extremes("normal", points, DRAWS)
    above = []
    for s in range(6):
        shares = stats.norm.cdf(4.0, DRAWS["mu"][s], DRAWS["sigma"][s])
        above.append(np.prod([DRAWS["theta"][s] @ shares**n for n in (2, 2, 1)]))
    below = []
    for s in range(6):
        shares = stats.norm.sf(-2.0, DRAWS["mu"][s], DRAWS["sigma"][s])
        below.append(np.prod([DRAWS["theta"][s] @ shares**n for n in (2, 2, 1)]))
    tails = [np.mean(above), 1 - np.mean(above), np.mean(below), 1 - np.mean(below)]
    assert found["p_value"] == pytest.approx(min(1, 4 * min(tails)), rel=1e-12)
    marginal = (DRAWS["theta"] * stats.norm.sf(4.0, DRAWS["mu"], DRAWS["sigma"])).sum(axis=1).mean()
    assert found["above"] == pytest.approx(5 * marginal, rel=1e-12)


def test_means_and_spreads_of_groups_are_compared_with_those_of_new_groups():
    rng = np.random.default_rng(6)
    unit = np.repeat(np.arange(80), 4)
    anew, size = rng.normal(size=(300, 320)), np.ones(320)
    fine = predictive.group_p_values(rng.normal(size=320), anew, unit, size)
    assert min(fine.values()) > 0.01
    apart = predictive.group_p_values(rng.normal(size=80)[unit] + rng.normal(size=320), anew, unit, size)
    assert apart["group_means"] < 0.01
    wide = predictive.group_p_values(rng.normal(size=320) * np.repeat([0.3, 1.6], 160), anew, unit, size)
    assert wide["group_sds"] < 0.01


@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_counts_by_group_are_what_their_sums_say(family):
    """Poisson rows by group are a Poisson count on their exposure, and single trials a binomial, but for a constant."""
    rng = np.random.default_rng(9)
    unit = np.repeat(np.arange(20), rng.integers(1, 7, 20))
    ones = np.ones(len(unit))
    y = rng.poisson(3, len(unit)) if family == "poisson" else rng.integers(0, 2, len(unit))
    draws = {"theta": DRAWS["theta"], "rate" if family == "poisson" else "p": np.sort(rng.uniform(0.1, 0.9, (6, 3)))}
    rows = Points(y.astype(float), ones, unit=unit, of_trials=family == "binomial")
    total = Points(np.bincount(unit, y).astype(float), np.bincount(unit).astype(float), of_trials=family == "binomial")
    apart = mixture.log_likelihood(family, rows, draws) - mixture.log_likelihood(family, total, draws)
    np.testing.assert_allclose(apart - apart[0], 0, atol=1e-11)
    np.testing.assert_allclose(
        mixture.membership(family, rows, draws), mixture.membership(family, total, draws), rtol=1e-10
    )
    assert FAMILIES[family].takes
