"""What must hold in every report: a consistent set of tables passes, and each contradiction is named."""

import copy
import math
from dataclasses import replace

import pandas as pd
import pytest
from textbook import model_of, noticed_in, resolved, specified

from stanmix.assess import cutoffs
from stanmix.base.seeds import seed_for
from stanmix.config.plan import Fit
from stanmix.model.resolution import specify
from stanmix.model.specification import Weights
from stanmix.report.invariants import InvariantError, verify, verify_asked, verify_cutoffs


def entropy(probabilities):
    """The entropies of memberships in two components, added."""
    return sum(-p * math.log(p) - (1 - p) * math.log(1 - p) for p in probabilities)


def consistent():
    """A small fit of two components and five observations in four rows, whose tables agree."""
    parameters = ["theta", "theta", "mu", "mu", "sigma"]
    means = [0.4, 0.6, -1.0, 2.0, 1.1]
    summary = pd.DataFrame({"parameter": parameters, "component": [1, 2, 1, 2, None], "mean": means, "median": means})
    summary["hdi_lower"], summary["hdi_upper"] = summary["mean"] - 0.25, summary["mean"] + 0.25
    summary["truth"], summary["covered"] = [0.5, 0.5, -1.0, 2.5, 1.0], [True, True, True, False, True]
    membership = pd.DataFrame(
        {
            "obs_id": [1, 2, 3, 4],
            "probability_1": [0.9, 0.2, 0.55, 0.001],
            "probability_2": [0.1, 0.8, 0.45, 0.999],
            "component": [1, 2, 1, 2],
            "weight": [1, 2, 1, 1],
            "right": [True, True, False, True],
            "uncertainty": [0.1, 0.2, 0.45, 0.001],
            "cluster": [1, 1, 2, 2],
        }
    )
    for k in (1, 2):
        membership[[f"probability_{k}_lower", f"probability_{k}_upper"]] = [0.0, 1.0]
    return {
        "title": "fit",
        "specification": specified(parameters=(resolved("mu", ordered=True), resolved("sigma", "shared"))),
        "summary": summary,
        "membership": membership,
        "memberships": {
            "expected_misclassification": 0.1902,
            "entropy_r2": 1 - (entropy([0.9, 0.55, 0.001]) + 2 * entropy([0.2])) / 5 / math.log(2),
            "average": [[0.725, 0.275], [0.401 / 3, 2.599 / 3]],
            "clusters": [{"cluster": 1, "size": 3}, {"cluster": 2, "size": 2}],
        },
        "loo": {"n": 5, "elpd": -12.0, "right": 3},
        "loo_pointwise": pd.DataFrame({"elpd": [-1.0, -2.0, -3.0, -4.0], "weight": [1, 2, 1, 1]}),
        "noticed": {"n": 5, "groups": None},
    }


def test_a_consistent_set_passes():
    verify(**consistent())


def test_a_set_without_truth_passes():
    fit = consistent()
    fit["summary"] = fit["summary"].drop(columns=["truth", "covered"])
    fit["loo"]["right"] = None
    verify(**fit)


def test_unknown_truths_are_not_compared():
    fit = consistent()
    fit["summary"] = fit["summary"].astype({"covered": object})
    fit["summary"].loc[4, ["truth", "covered"]] = [None, None]
    verify(**fit)


def cell(table, row, column, value):
    def change(fit):
        fit[table].loc[row, column] = value

    return change


def entry(table, key, value):
    def change(fit):
        fit[table] = replace(fit[table], **{key: value}) if table == "specification" else fit[table] | {key: value}

    return change


def shorter(table):
    def change(fit):
        fit[table] = fit[table].iloc[:-1]

    return change


def swap_means(fit):
    for key in ("mean", "median", "hdi_lower", "hdi_upper", "truth", "covered"):
        values = fit["summary"][key].tolist()
        values[2], values[3] = values[3], values[2]
        fit["summary"][key] = values


def equal_means(fit):
    fit["summary"].loc[3, ["mean", "median", "hdi_lower", "hdi_upper"]] = [-1.0, -1.0, -1.2, -0.9]


def third_weight(fit):
    extra = fit["summary"].iloc[[0]].assign(mean=0.0, median=0.0, hdi_lower=0.0, hdi_upper=0.6)
    fit["summary"] = pd.concat([fit["summary"], extra], ignore_index=True)


def third_membership(fit):
    fit["membership"]["probability_3"] = 0.0


def zero_membership(fit):
    fit["membership"]["probability_zero"] = 0.0


BROKEN = {
    "weights": (cell("summary", 0, "mean", 0.4001), "the posterior mean weights add to 1.000100 instead of 1"),
    "number of weights": (third_weight, "there are 3 weights for 2 components"),
    "median above": (cell("summary", 4, "median", 1.36), "the interval of sigma does not contain the median"),
    "median below": (cell("summary", 2, "median", -1.26), "the interval of mu does not contain the median"),
    "interval not a number": (cell("summary", 4, "median", float("nan")), "the interval of sigma does not contain"),
    "membership row": (cell("membership", 2, "probability_2", 0.4501), "adds to 1 only within 0.0001"),
    "membership not a number": (cell("membership", 2, "probability_2", float("nan")), "adds to 1 only within nan"),
    "membership columns": (third_membership, "the membership table has other components"),
    "membership of zeros": (zero_membership, "the membership table has other components"),
    "no membership of zeros": (entry("specification", "family", "zero_inflated_poisson"), "has other components"),
    "most probable": (cell("membership", 2, "component", 2), "a most probable component is not"),
    "order": (swap_means, "the components are not in the order of mu"),
    "equal means": (equal_means, "the components are not in the order of mu"),
    "fitted": (entry("specification", "n", 6), "the counts differ: 6 observations were fitted, 5 read, 5 have"),
    "read": (entry("noticed", "n", 4), "5 observations were fitted, 4 read"),
    "LOO values": (shorter("loo_pointwise"), "4 a LOO value"),
    "weights of memberships": (cell("membership", 1, "weight", 1), "5 read, 4 have memberships and 5 a LOO value"),
    "entropy": (entry("memberships", "entropy_r2", 0.5), "the entropy is another"),
    "average": (
        entry("memberships", "average", [[0.725, 0.275], [0.14, 0.86]]),
        "the average memberships of component 2 are not those of the table",
    ),
    "LOO total": (entry("loo", "elpd", -12.001), "the pointwise LOO values do not add to their total"),
    "LOO count": (entry("loo", "n", 4), "the counts differ"),
    "LOO not a number": (entry("loo", "elpd", float("nan")), "the pointwise LOO values do not add"),
    "right": (entry("loo", "right", 4), "the number of right memberships"),
    "covered": (cell("summary", 3, "covered", True), "covered contradicts an interval"),
    "not covered": (cell("summary", 0, "covered", False), "covered contradicts an interval"),
}


@pytest.mark.parametrize(("change", "words"), BROKEN.values(), ids=BROKEN)
def test_each_contradiction_is_named(change, words):
    fit = copy.deepcopy(consistent())
    change(fit)
    with pytest.raises(InvariantError) as caught:
        verify(**fit)
    assert words in str(caught.value)
    assert all(line.startswith("fit: ") for line in str(caught.value).splitlines())
    # A missing LOO value changes their sum too, no component is the most probable beside NaN, and the weights are
    # also behind the expected misclassification and the sizes of clusters.
    more = {"LOO values": 2, "membership not a number": 2, "weights of memberships": 3}
    expected = next((count for name, count in more.items() if change is BROKEN[name][0]), 1)
    assert len(str(caught.value).splitlines()) == expected


def test_extra_zeros_are_a_part_of_their_own():
    fit = consistent()
    fit["specification"] = replace(fit["specification"], family="zero_inflated_poisson")
    fit["membership"]["component"] = fit["membership"]["component"].astype(object)
    fit["membership"].insert(3, "probability_zero", [0.0, 0.0, 0.0, 0.0])
    fit["membership"][["probability_zero_lower", "probability_zero_upper"]] = [0.0, 1.0]
    verify(**fit)
    fit["membership"].loc[3, ["probability_2", "probability_zero", "component"]] = [0.0, 0.999, "zero"]
    verify(**fit)
    fit["membership"].loc[3, "component"] = 2
    with pytest.raises(InvariantError, match="a most probable component is not"):
        verify(**fit)


def test_several_contradictions_are_named_at_once():
    fit = consistent()
    for name in ("weights", "most probable", "right"):
        BROKEN[name][0](fit)
    with pytest.raises(InvariantError) as caught:
        verify(**fit)
    assert len(str(caught.value).splitlines()) == 3


def test_fixed_weights_and_fixed_means_are_in_no_summary():
    fit = consistent()
    mu, sigma = fit["specification"].parameters
    fit["specification"] = specified(
        weights=Weights("fixed", value=[0.4, 0.6]), parameters=(replace(mu, mode="fixed"), sigma)
    )
    fit["summary"] = fit["summary"].iloc[[4]]
    verify(**fit)


def test_the_tutorial_s_printed_table_is_refused():
    # Its weights were two runs with different labels pasted together: they add to 0.932885 (tutorial.md, E2).
    fit = consistent()
    weights = [0.932885 - 0.238 - 0.3474, 0.238, 0.3474]
    fit["summary"] = pd.DataFrame(
        {
            "parameter": "theta",
            "component": [1, 2, 3],
            "mean": weights,
            "median": weights,
            "hdi_lower": [w - 0.06 for w in weights],
            "hdi_upper": [w + 0.06 for w in weights],
        }
    )
    fit["specification"] = specified(components=3)
    fit["membership"][["probability_3", "probability_3_lower", "probability_3_upper"]] = [0.0, 0.0, 1.0]
    with pytest.raises(InvariantError, match=r"^fit: the posterior mean weights add to 0\.932885 instead of 1\.$"):
        verify(**fit)


ASKED = Fit("data", "free", 2)
NOTICED = noticed_in([1.0, 2.5, 3.0, 7.25, 8.0, 9.5])


def asked_config():
    return {
        "seed": 7,
        "sampling": {"chains": 2, "draws": 300, "metric": "auto", "adapt_delta": 0.8},
        "datasets": {"data": {"csv": "data.csv", "column": "y"}},
        "models": {"free": model_of("normal", share=["sigma"]), "other": model_of("student_t")},
    }


def sampled():
    """What a fit of that configuration writes."""
    specification = specify("free", asked_config()["models"]["free"], 2, NOTICED)
    seeds = {"chains": seed_for(seed_for(7, "fit", "data", "free", 2), "chains")}
    used = {"chains": 2, "draws": 300, "metric": "dense", "adapt_delta": 0.8}
    return replace(specification, sampling=used, adapt_delta_raised=False, seeds=seeds)


def test_a_fit_that_was_asked_for_passes():
    verify_asked("fit", sampled(), ASKED, asked_config(), NOTICED)
    used = sampled().sampling | {"adapt_delta": 0.98}
    raised = replace(sampled(), adapt_delta_raised=True, sampling=used)
    verify_asked("fit", raised, ASKED, asked_config(), NOTICED)


def within(*keys, value):
    def change(config):
        *above, last = keys
        for key in above:
            config = config[key]
        config[last] = value

    return change


PRIORS = {"theta": "dirichlet(1)", "mu": "normal(100, 1)"}
OTHERWISE = {
    "prior": (within("models", "free", "priors", value=PRIORS), ASKED, "parameters"),
    "prior of weights": (within("models", "free", "priors", "theta", value="dirichlet(2)"), ASKED, "weights"),
    "own sds": (within("models", "free", "share", value=[]), ASKED, "parameters"),
    "labels": (within("models", "free", "labels", value="relabelled"), ASKED, "labels"),
    "rounding": (within("datasets", "data", "rounding", value=0.25), ASKED, "rounding"),
    "seed": (within("seed", value=8), ASKED, "seeds"),
    "draws": (within("sampling", "draws", value=301), ASKED, "sampling.draws"),
    "metric": (within("sampling", "metric", value="diag"), ASKED, "sampling.metric"),
    "adapt_delta": (within("sampling", "adapt_delta", value=0.9), ASKED, "sampling.adapt_delta"),
    "model": (within("seed", value=7), Fit("data", "other", 2), "model, family"),
    "components": (within("seed", value=7), Fit("data", "free", 3), "components"),
}


@pytest.mark.parametrize(("change", "asked", "words"), OTHERWISE.values(), ids=OTHERWISE)
def test_a_fit_of_another_configuration_is_refused(change, asked, words):
    config = asked_config()
    change(config)
    with pytest.raises(InvariantError, match="fit: what was sampled is not what the configuration asks for") as caught:
        verify_asked("fit", sampled(), asked, config, NOTICED)
    assert words in str(caught.value)


def test_a_fit_of_other_data_is_refused():
    with pytest.raises(InvariantError, match="differs in n, "):
        verify_asked("fit", sampled(), ASKED, asked_config(), noticed_in([1.0, 2.5, 3.0, 7.25, 8.0]))


def cut_at(value):
    """A table of cut-offs with one, above which a value belongs to the second component."""
    line = {"component": "2", "rather_than": "1", "side": "above", "value": value}
    return pd.DataFrame([line], columns=cutoffs.COLUMNS)


def test_cut_offs_agree_with_the_memberships_of_every_observation():
    membership = consistent()["membership"].assign(y=[1.0, 4.0, 2.0, 7.0])
    verify_cutoffs("fit", cut_at(3.0), membership)
    with pytest.raises(InvariantError, match="put observation 3 into component 2, its memberships into 1"):
        verify_cutoffs("fit", cut_at(1.5), membership)
    # what is known of an observation goes beyond its value, and without cut-offs there is nothing to contradict
    verify_cutoffs("fit", cut_at(1.5), membership.assign(known=[None, None, 1, None]))
    verify_cutoffs("fit", cutoffs.none(), membership)
