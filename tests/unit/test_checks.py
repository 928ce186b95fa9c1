"""The named checks: their thresholds from both sides, what they leave out, and the verdict of a strict run."""

import json

import numpy as np
import pytest
from textbook import resolved, specified

from stanmix.assess import checks
from stanmix.base.errors import UserError
from stanmix.families.priors import Prior
from stanmix.families.registry import FAMILIES
from stanmix.fits import inference

SAMPLING = {"chains": 4, "draws": 1000, "max_treedepth": 10}


def row(title="mu[1]", sd=1.0, r_hat=1.0, ess_bulk=2000.0, ess_tail=2000.0):
    return {"title": title, "sd": sd, "r_hat": r_hat, "ess_bulk": ess_bulk, "ess_tail": ess_tail}


def found(rows=None, label_free=None, diverging=0, deep=0, energy=(0.9, 0.9), sampling=SAMPLING):
    shape = (4, 1000)
    statistics = {"diverging": np.zeros(shape, bool), "tree_depth": np.full(shape, 3)}
    statistics["diverging"].flat[:diverging] = True
    statistics["tree_depth"].flat[:deep] = 10
    made = checks.sampling_checks(
        [row()] if rows is None else rows,
        [row("log likelihood")] if label_free is None else label_free,
        statistics,
        sampling,
        np.array(energy),
    )
    return {check.name: check for check in made}


def test_a_good_fit_passes_every_check_and_needs_no_remedy():
    made = found()
    assert list(made) == [
        "rhat",
        "ess_bulk",
        "ess_tail",
        "label_free_rhat",
        "label_free_ess_bulk",
        "label_free_ess_tail",
        "divergences",
        "treedepth",
        "ebfmi",
    ]
    assert {check.status for check in made.values()} == {"pass"}
    assert {check.remedy for check in made.values()} == {""}


SIDES = [
    ("rhat", {"rows": [row(), row(r_hat=1.01)]}, "pass"),
    ("rhat", {"rows": [row(r_hat=1.0101), row()]}, "warn"),
    ("rhat", {"rows": [row(r_hat=1.05)]}, "warn"),
    ("rhat", {"rows": [row(r_hat=1.0501)]}, "fail"),
    ("label_free_rhat", {"label_free": [row(r_hat=1.02)]}, "warn"),
    ("ess_bulk", {"rows": [row(ess_bulk=400.0)]}, "pass"),
    ("ess_bulk", {"rows": [row(), row(ess_bulk=399.9)]}, "warn"),
    ("ess_bulk", {"rows": [row(ess_bulk=100.0)]}, "warn"),
    ("ess_bulk", {"rows": [row(ess_bulk=99.9)]}, "fail"),
    ("ess_tail", {"rows": [row(ess_tail=399.9)]}, "warn"),
    ("ess_tail", {"rows": [row(ess_tail=99.9)]}, "fail"),
    ("ess_tail", {"rows": [row(ess_tail=199.9)], "sampling": SAMPLING | {"chains": 2}}, "warn"),
    ("ess_tail", {"rows": [row(ess_tail=200.0)], "sampling": SAMPLING | {"chains": 2}}, "pass"),
    ("label_free_ess_bulk", {"label_free": [row(ess_bulk=99.0)]}, "fail"),
    ("label_free_ess_tail", {"label_free": [row(ess_tail=99.0)]}, "fail"),
    ("divergences", {"diverging": 0}, "pass"),
    ("divergences", {"diverging": 1}, "warn"),
    ("divergences", {"diverging": 4}, "warn"),
    ("divergences", {"diverging": 5}, "fail"),
    ("treedepth", {"deep": 1}, "warn"),
    ("treedepth", {"deep": 40}, "warn"),
    ("treedepth", {"deep": 41}, "fail"),
    ("treedepth", {"deep": 41, "sampling": SAMPLING | {"max_treedepth": 11}}, "pass"),
    ("ebfmi", {"energy": (0.9, 0.3)}, "pass"),
    ("ebfmi", {"energy": (0.299, 0.9)}, "warn"),
    ("ebfmi", {"energy": (0.9, 0.2)}, "warn"),
    ("ebfmi", {"energy": (0.199, 0.9)}, "fail"),
]


@pytest.mark.parametrize(("name", "given", "status"), SIDES)
def test_each_threshold_from_both_sides(name, given, status):
    made = found(**given)
    assert made[name].status == status
    assert (made[name].remedy == "") is (status == "pass")
    assert {check.status for other, check in made.items() if other != name} == {"pass"}
    json.dumps(made[name].value, allow_nan=False)


def test_the_worst_parameter_is_named_with_its_number():
    made = found([row("theta[1]", r_hat=1.02), row("mu[2]", r_hat=1.2, ess_bulk=50.0), row("sigma", ess_tail=321.0)])
    assert "1.2000 (mu[2])" in made["rhat"].sentence
    assert "50 of 4000 draws (mu[2])" in made["ess_bulk"].sentence
    assert "321 of 4000 draws (sigma)" in made["ess_tail"].sentence
    assert (made["rhat"].value, made["ess_bulk"].value, made["ess_tail"].value) == (1.2, 50.0, 321.0)
    assert made["ess_bulk"].threshold == "at least 400"


def test_counts_stand_in_the_sentences():
    made = found(diverging=7, deep=3)
    assert made["divergences"].sentence == "7 of 4000 transitions diverged."
    assert made["treedepth"].sentence == "3 of 4000 trajectories reached the maximal tree depth of 10."
    assert (made["divergences"].value, made["treedepth"].value) == (7, 3)


def test_what_is_constant_is_skipped():
    constant = row("theta[1]", sd=0.0, r_hat=None, ess_bulk=None, ess_tail=None)
    assert found([constant, row(r_hat=1.03)])["rhat"].value == 1.03
    assert not {"rhat", "ess_bulk", "ess_tail"} & set(found([constant]))
    assert "label_free_rhat" in found([constant])


def test_what_cannot_be_computed_fails_and_is_not_skipped():
    made = found([row(), row("mu[2]", r_hat=None), row("mu[3]", ess_tail=None)])
    assert made["rhat"].status == "fail"
    assert "mu[2], mu[3]" in made["rhat"].sentence
    assert made["rhat"].remedy


@pytest.mark.parametrize("chains", [1, 2])
def test_the_statistics_of_few_chains_are_checked_too(chains):
    rng = np.random.default_rng(3)
    good = {"title": "mu[1]", **inference.statistics_of(rng.normal(size=(chains, 1000)))}
    drifting = {"title": "mu[2]", **inference.statistics_of(rng.normal(size=(chains, 1001)) + np.linspace(0, 3, 1001))}
    sampling = SAMPLING | {"chains": chains}
    assert {found([good], sampling=sampling)[name].status for name in ("rhat", "ess_bulk", "ess_tail")} == {"pass"}
    made = found([good, drifting], sampling=sampling)
    assert made["rhat"].status == "fail"
    assert "mu[2]" in made["rhat"].sentence


ABOUT = specified(parameters=(resolved("mu", slot="location"),))
PREDICTIVE = [
    "component_means",
    "component_spreads",
    "component_shapes",
    "ecdf",
    "shape",
    "frequencies",
    "statistics",
    "loo_pit",
]


@pytest.mark.parametrize("name", PREDICTIVE)
@pytest.mark.parametrize(
    ("value", "status"), [(0.05, "pass"), (0.0499, "warn"), (0.01, "warn"), (0.0099, "fail"), (1.0, "pass")]
)
def test_predictive_p_values(name, value, status):
    (check,) = checks.predictive_checks({name: value}, ABOUT)
    assert (check.name, check.status, check.value) == (f"predictive_{name}", status, value)
    assert f"probability {value:.3g}." in check.sentence
    assert bool(check.remedy) is (status != "pass")


@pytest.mark.parametrize(
    ("value", "status"), [(0.01, "pass"), (0.0099, "warn"), (0.00011, "warn"), (0.000099, "fail"), (0.0, "fail")]
)
def test_one_value_that_went_astray_warns_of_the_ends_and_a_family_that_does_not_reach_them_fails(value, status):
    (check,) = checks.predictive_checks({"extremes": value}, ABOUT, {"extremes": {"below": 1.0, "above": 1.0}})
    assert (check.status, check.threshold) == (status, "p at least 0.01")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.23456, "0.23"), (0.0496, "0.0496"), (0.049999, "0.049999"), (0.05, "0.05"), (0.0099, "0.0099"),
     (0.00999, "0.00999"), (0.01, "0.01"), (0.00099, "less than 0.001"), (0.0, "less than 0.001"), (1.0, "1")],
)  # fmt: skip
def test_a_p_value_is_written_on_its_side_of_every_limit_and_never_as_0(value, text):
    assert checks.p_text(value) == text


def test_remedies_are_those_of_what_is_fixed_and_extremes_say_how_many_are_expected():
    def remedy(name, mode="own", kind="continuous"):
        entries = (resolved("mu", mode, slot="location"), resolved("sigma", mode, slot="scale"))
        about = specified(kind=kind, parameters=entries)
        return checks.predictive_checks({name: 0.001}, about)[0].remedy

    assert "correct the fixed values" in remedy("component_means", "fixed")
    assert "fixed" not in remedy("component_means")
    assert "estimate what is fixed" in remedy("component_spreads", "fixed")
    assert "negative_binomial" in remedy("component_spreads", kind="whole")
    assert "negative_binomial" not in remedy("component_spreads")
    (found,) = checks.predictive_checks({"extremes": 1e-30}, ABOUT, {"extremes": {"below": 74.2, "above": 0.31}})
    assert found.status == "fail"
    assert (
        "probability less than 0.001. It expects 74 below the smallest value, and 0.31 above the largest"
        in found.sentence
    )


@pytest.mark.parametrize(("bad", "status"), [(0, "pass"), (1, "warn"), (10, "warn"), (11, "fail")])
@pytest.mark.parametrize(("refitted", "end"), [(0, "."), (3, ", after exact fits without each of 3 more.")])
def test_pareto_k(bad, status, refitted, end):
    check = checks.loo_check(bad, refitted, 0.7, 200)
    assert (check.status, check.value) == (status, bad)
    assert check.sentence == f"{bad} of 200 observations have a Pareto k above 0.70{end}"


TRUST = {
    "pairs": [
        {"first": 1, "second": 2, "exchanged": 0.01, "edge": 0.0},
        {"first": 1, "second": 3, "exchanged": 0.0, "edge": None},
        {"first": 2, "second": 3, "exchanged": 0.04, "edge": 0.2},
    ],
    "empty": [0.0, 0.03, 0.01],
}


def cut(values, lower, rounding=None, step=1.0, **entry):
    sigma = resolved("sigma", **{"slot": "scale", "priors": (Prior("lognormal", (0.0, 1.0), lower),)} | entry)
    kind, columns = ("multivariate", ["a", "b"]) if values.ndim == 3 else ("continuous", None)
    family = "multivariate_normal" if values.ndim == 3 else "normal"
    about = specified(
        family=family, kind=kind, components=values.shape[1], rounding=rounding, columns=columns, parameters=(sigma,)
    )
    return checks.cut_check(about, {"sigma": values}, step)


@pytest.mark.parametrize(("at", "status"), [(50, "pass"), (51, "warn"), (100, "warn"), (101, "fail")])
def test_a_scale_that_leans_on_the_cut_of_its_prior(at, status):
    values = np.full((1000, 2), 2.0)
    values[:at, 1] = 1.0999
    (found,) = cut(values, 1.0)
    assert (found.status, found.value) == (status, at / 1000)
    assert f"With probability {at / 1000:.2f} sigma of component 2 lies within 10% of 1, where" in found.sentence
    assert found.remedy == "" if status == "pass" else "say rounding: 1 in the data set" in found.remedy
    assert cut(values, None) == cut(values, 0.0) == []
    (fixed,) = cut(values, 1.0, mode="partly", value=[None, 1.0])  # the second is where it was put
    assert (fixed.status, fixed.value) == ("pass", 0.0)


def test_degrees_of_freedom_that_lean_on_the_least_there_can_be():
    entry = resolved("nu", slot="shape", mode="shared", priors=(Prior("gamma", (2.0, 0.1), 1.0),))
    nu = np.full((100, 2), 1.05)
    nu[20:] = 3.0
    (found,) = checks.cut_check(specified(family="student_t", components=2, parameters=(entry,)), {"nu": nu}, 1.0)
    assert (found.status, found.value) == ("fail", 0.2)
    assert "With probability 0.20 nu lies within 10% of 1, where its prior is cut." in found.sentence
    assert "one component more" in found.remedy
    slant = resolved("slant", slot="shape", priors=(Prior("normal", (0.0, 2.5)),))
    about = specified(family="skew_normal", components=2, parameters=(slant,))
    assert checks.cut_check(about, {"slant": nu}, 1.0) == []


def test_a_component_that_leans_on_being_no_thinner_than_rounding():
    """Two columns of correlation .8 and sd 1: each has the sd .6 given the other."""
    correlation = np.broadcast_to([[1, 0.8], [0.8, 1]], (10, 2, 2, 2)).copy()
    correlation[:, 0] = np.eye(2)
    draws = {"sigma": np.ones((10, 2, 2)), "correlation": correlation}
    about = {"family": "multivariate_normal", "kind": "multivariate", "components": 2, "columns": ["a", "b"]}
    for limit, share in ((0.599, 1.0), (0.5, 0.0)):
        (found,) = checks.cut_check(specified(**about, thinnest=[0.0, limit], parameters=()), draws, 1.0)
        assert (found.value, found.status) == (share, "fail" if share else "pass")
        of = "the standard deviation of b given the other columns of component 2"
        assert not share or of in found.sentence


def test_a_shape_that_is_large_where_components_are_narrow_leans_on_the_cut_above_it():
    def found_in(values, upper=20.0):
        shape = resolved("shape", slot="scale", priors=(Prior("lognormal", (1.0, 0.7), None, upper),))
        return checks.cut_check(specified(family="weibull", parameters=(shape,)), {"shape": values}, 1.0)

    shape = np.tile([3.0, 19.0], (10, 1))
    (found,) = found_in(shape)
    assert (found.status, found.value) == ("fail", 1.0)
    assert "shape of component 2 lies within 10% of 20, where" in found.sentence
    (found,) = found_in(shape - 2)
    assert (found.status, found.value) == ("pass", 0.0)
    assert found_in(shape, upper=None) == []


def test_the_remedy_of_a_cut_is_one_that_the_data_set_can_take():
    low = np.ones((10, 1))
    without = cut(low, 1.0, step=None)[0].remedy
    assert "rounding:" not in without
    assert "no step is seen to which all are rounded, so share sigma" in without
    assert "cut the prior farther out" in cut(low, 1.0, rounding=1.0)[0].remedy
    (found,) = cut(np.stack([low, 5 * low], axis=2), 1.0, slot="sigma", column="a")
    assert "sigma of a lies" in found.sentence
    assert "rounding:" not in found.remedy
    assert cut(np.stack([low, 5 * low], axis=2), 1.0, slot="sigma", column="b")[0].status == "pass"


@pytest.mark.parametrize(
    ("exchanged", "empty", "statuses"),
    [
        (0.05, 0.05, ("pass", "pass")),
        (0.051, 0.051, ("warn", "warn")),
        (0.15, 0.5, ("warn", "warn")),
        (0.151, 0.501, ("fail", "fail")),
    ],
)
def test_names_of_components_and_empty_ones(exchanged, empty, statuses):
    pairs = [TRUST["pairs"][0], TRUST["pairs"][1] | {"exchanged": exchanged}, TRUST["pairs"][2]]
    _, names, emptiness = checks.label_checks({"pairs": pairs, "empty": [0.0, empty, 0.01]})
    assert (names.status, emptiness.status) == statuses
    assert names.sentence == f"Components 1 and 3 are exchanged with probability {exchanged:.2g}."
    assert emptiness.sentence == f"Component 2 owns less than one observation in {100 * empty:.0f}% of the draws."
    assert (names.value, emptiness.value) == (exchanged, empty)
    assert checks.label_checks({"pairs": [], "empty": [0.0]}) == []


def width(prior, noticed, family="normal", components=2, **entry):
    name, slot = FAMILIES[family].parameters[0].name, FAMILIES[family].parameters[0].slot
    entry = {"slot": slot, "is_default": False, "priors": (Prior(prior[0], tuple(prior[1])),)} | entry
    about = specified(family=family, components=components, parameters=(resolved(name, **entry),))
    return checks.width_check(about, noticed)


@pytest.mark.parametrize(("scale", "status"), [(30.3, "pass"), (30.5, "warn"), (1e6, "warn")])
def test_a_prior_many_times_wider_than_the_data(scale, status):
    (found,) = width(("normal", [500, scale]), {"range": 10})
    assert (found.name, found.status) == ("prior_width", status)
    assert found.value == pytest.approx(2 * 1.6449 * scale / 10, rel=1e-4)
    assert f"The middle 90% of the prior of mu cover {found.value:.3g} times the range of the data." == found.sentence
    (found,) = width(("normal", [500, scale]), {"columns": {"a": {"range": 10}}}, "multivariate_normal", column="a")
    assert "prior of mu of a cover" in found.sentence
    assert found.status == status


def test_widths_of_positive_values_and_counts_are_those_of_logs_and_shares_have_none():
    wide = {"log": {"range": 2.0}, "minimum": 0, "maximum": 9, "range": 9}
    (gamma,) = width(("lognormal", [0, 7]), wide, "gamma")
    assert (gamma.status, gamma.value) == ("warn", pytest.approx(2 * 1.6449 * 7 / 2, rel=1e-4))
    assert gamma.sentence.endswith("range of the data, by their logs.")
    (counts,) = width(("lognormal", [0, 6]), wide, "poisson")
    assert (counts.status, counts.value) == ("pass", pytest.approx(2 * 1.6449 * 6 / np.log(10), rel=1e-4))
    (endless,) = width(("lognormal", [0, 1e5]), wide, "poisson")
    assert np.isfinite(endless.value)
    assert endless.status == "warn"
    prior = ("beta", [1e-3, 1e-3])
    assert width(prior, wide, "binomial") == []
    assert width(("normal", [0, 1e9]), wide, components=1) == width(("normal", [0, 1e9]), wide, is_default=True) == []
    assert width(("normal", [0, 1e9]), {"range": 0}) == width(("normal", [0, 1e9]), wide, mode="fixed") == []


@pytest.mark.parametrize(("edge", "status"), [(0.02, "pass"), (0.021, "warn"), (0.05, "warn"), (0.051, "fail")])
def test_an_order_that_binds(edge, status):
    pairs = [TRUST["pairs"][0], TRUST["pairs"][1], TRUST["pairs"][2] | {"edge": edge}]
    order, *_ = checks.label_checks({"pairs": pairs, "empty": TRUST["empty"]})
    assert (order.name, order.status, order.value) == ("label_order", status, edge)
    assert order.sentence == (
        f"Components 2 and 3 are nearly equal, and told apart by the order alone, in {100 * edge:.1f}% of the draws."
    )


@pytest.mark.parametrize(
    ("parts", "clusters", "gain", "status", "said"),
    [
        (["1", "2"], 2, None, "pass", "fall into 2 clusters for the 2 components."),
        (["1", "2"], 3, None, "pass", "fall into 3 clusters for the 2 components."),
        (
            ["1", "2", "zero"],
            2,
            None,
            "warn",
            "2 clusters, fewer than the 3 components (extra zeros are one).",
        ),
        (["1", "2"], 1, None, "warn", "into 1 cluster: the data do not say of any observation"),
        (["1", "2"], 1, (6.1, 3.0), "warn", "But a single component predicts worse by 6.1 (standard error 3.0)."),
        (["1", "2"], 1, (6.0, 3.0), "fail", "as well, as far as can be told (difference -6.0, standard error 3.0)."),
        (["1", "2"], 1, (3.9, 0.1), "fail", "And a single component predicts as well"),
        (["1", "2"], 1, (-1.0, 0.1), "fail", "And a single component predicts as well"),
    ],
)
def test_groups_among_the_observations(parts, clusters, gain, status, said):
    check = checks.group_check(parts, clusters, gain)
    assert (check.name, check.status, check.value) == ("groups", status, clusters)
    assert said in check.sentence
    assert bool(check.remedy) is (status != "pass")


def test_remedies_of_labels_are_what_the_configuration_takes():
    pairs = [pair | {"exchanged": 0.3, "edge": 0.3} for pair in TRUST["pairs"]]
    for check in checks.label_checks({"pairs": pairs, "empty": [0.0] * 3})[:2]:
        assert "say labels: relabelled in the model" in check.remedy
    for check in checks.label_checks({"pairs": pairs, "empty": [0.0] * 3}, can_relabel=False)[:2]:
        assert "one prior for all and labels: relabelled" in check.remedy


def test_without_an_order_none_is_checked():
    pairs = [pair | {"edge": None} for pair in TRUST["pairs"]]
    assert [check.name for check in checks.label_checks({"pairs": pairs, "empty": TRUST["empty"]})] == [
        "labels", "empty",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [([], "pass"), (["pass"], "pass"), (["pass", "warn", "pass"], "warn"), (["warn", "fail", "pass"], "fail")],
)
def test_the_worst_status_is_the_verdict(statuses, worst):
    assert checks.worst(statuses) == worst
    made = [checks.Check(str(i), "t", 1.5, "x", status, "s", "r") for i, status in enumerate(statuses)]
    content = checks.as_json(made)
    assert content["status"] == worst
    assert [check["name"] for check in content["checks"]] == [str(i) for i in range(len(statuses))]
    if made:
        assert content["checks"][0] == {
            "name": "0",
            "title": "t",
            "value": 1.5,
            "threshold": "x",
            "status": statuses[0],
            "sentence": "s",
            "remedy": "r",
        }


def write_checks(path, *statuses):
    made = [
        checks.Check(f"c{i}", f"title {i}", i, "x", status, f"Found {i}.", f"Do {i}.")
        for i, status in enumerate(statuses)
    ]
    path.write_text(json.dumps(checks.as_json(made)))
    return path


def test_a_strict_run_ends_well_with_warnings_and_badly_with_failures(tmp_path):
    warned, failed = (
        write_checks(tmp_path / "w.json", "pass", "warn"),
        write_checks(tmp_path / "f.json", "fail", "pass", "fail"),
    )
    output = tmp_path / "verdict.txt"
    checks.require({"one": warned, "two": warned}, output)
    assert output.read_text() == "No check failed; fits looked at: 2.\n"
    output.unlink()
    with pytest.raises(UserError) as caught:
        checks.require({"one": warned, "two": failed}, output)
    assert caught.value.sentences[:2] == ("two: title 0: Found 0. Do 0.", "two: title 2: Found 2. Do 2.")
    assert len(caught.value.sentences) == 3
    assert "strict" in caught.value.sentences[2]
    assert not output.exists()


@pytest.mark.parametrize(
    ("p_value", "count", "status"),
    [(0.01, 30, "pass"), (0.0099, 30, "warn"), (0.00011, 30, "warn"), (0.000099, 12, "fail"), (0.000099, 10, "warn")],
)
def test_equal_values_fail_where_they_are_unlikely_and_many(p_value, count, status):
    ties = {"p_value": p_value, "value": 1.5, "count": count, "expected": 1.0, "column": 0}
    check = checks.tie_check(ties, 200, specified())
    assert (check.name, check.status) == ("ties", status)
    assert f"{count} of 200 values are 1.5, where the model expects 1" in check.sentence
    several = checks.tie_check(ties, 200, specified(columns=["width"]))
    assert " of width are 1.5" in several.sentence
    for rounding, remedied in ((None, True), (0.5, False)):  # what is said already is no remedy
        remedy = checks.tie_check(ties, 200, specified(rounding=rounding)).remedy
        assert ("say rounding" in remedy) is (remedied and status != "pass")


def test_without_equal_values_the_check_passes():
    ties = {"p_value": 1.0, "value": None, "count": None, "expected": None, "column": None}
    check = checks.tie_check(ties, 200, specified())
    assert (check.status, check.sentence, check.remedy) == ("pass", "No two values are equal.", "")
