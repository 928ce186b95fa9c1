"""The verdict on the number of components."""

import numpy as np
import pandas as pd
import pytest

from stanmix.compare import numbers
from stanmix.report import trust

N = 100
NAMES = {"R-hat": "rhat", "Divergent transitions": "divergences"}


def fit(components, elpd, failed=(), division=None, n_bad=0):
    """One fit: `elpd` is the pointwise values, `division` the most probable components."""
    checks = [{"name": NAMES.get(title, "predictive_ecdf"), "title": title, "status": "fail"} for title in failed]
    checks += [{"name": "rhat", "title": "other", "status": "warn"}]
    division = np.arange(len(elpd)) % components + 1 if division is None else division
    return {
        "components": components,
        "loo": {"elpd": float(np.sum(elpd)), "n_bad": n_bad, "refitted": 0},
        "pointwise": pd.DataFrame({"elpd": elpd, "weight": 1}),
        "checks": {"checks": checks},
        "membership": pd.DataFrame({"component": division, "weight": 1}),
        "by_row": False,
    }


def pointwise(difference, spread, seed=1):
    """Values whose differences to 0 add to `difference`, with a standard error of their sum of `spread`."""
    z = np.random.default_rng(seed).normal(size=N)
    z = (z - z.mean()) / z.std()
    return difference / N + z * spread / np.sqrt(N)


def test_the_smallest_within_two_standard_errors_that_passes():
    fits = [fit(1, pointwise(-30, 5)), fit(2, pointwise(-7, 4)), fit(3, np.zeros(N)), fit(4, pointwise(-1, 1))]
    judged = numbers.judge("m", fits)
    assert (judged["verdict"], judged["best"]) == (2, 3)
    assert [row["within"] for row in judged["rows"]] == [False, True, True, True]
    assert [row["elpd_diff"] for row in judged["rows"]] == pytest.approx([-30, -7, 0, -1])
    assert [row["dse"] for row in judged["rows"]] == pytest.approx([5, 4, 0, 1])
    assert "the verdict is 2 components" in judged["sentence"]
    assert "K = 3 (difference -7.0, standard error 4.0)" in judged["sentence"]
    assert "kinds that exist in nature" in judged["sentence"]


def test_two_standard_errors_are_the_limit():
    for difference, verdict in ((-7.99, 1), (-8.01, 2)):
        judged = numbers.judge("m", [fit(1, pointwise(difference, 4)), fit(2, np.zeros(N))])
        assert judged["verdict"] == verdict


def test_one_that_fails_a_check_is_passed_over():
    judged = numbers.judge("m", [fit(1, pointwise(-1, 4), failed=["R-hat"]), fit(2, np.zeros(N))])
    assert judged["verdict"] == 2
    assert judged["rows"][0]["failed"] == ["R-hat"]


def test_no_verdict_when_none_passes():
    judged = numbers.judge("m", [fit(1, pointwise(-50, 4)), fit(2, np.zeros(N), failed=["Shape"])])
    assert judged["verdict"] is None
    assert judged["sentence"].startswith("No verdict on the number of components with m: of 1 to 2, none")


def test_a_verdict_at_the_end_of_what_was_tried_says_so():
    judged = numbers.judge("m", [fit(1, pointwise(-50, 4)), fit(2, np.zeros(N))])
    assert "It is the largest that was tried: try more." in judged["sentence"]
    judged = numbers.judge("m", [fit(2, np.zeros(N)), fit(3, pointwise(-1, 4))])
    assert "try more" not in judged["sentence"]


def test_agreement_with_the_division_before_and_the_smallest_component():
    halves = np.repeat([1, 2], N // 2)
    same = np.where(np.arange(N) == 99, 3, halves)
    judged = numbers.judge("m", [fit(2, np.zeros(N), division=halves), fit(3, np.zeros(N), division=same)])
    first, second = judged["rows"]
    assert first["agreement"] is None
    assert 0.9 < second["agreement"] < 1
    assert (first["smallest"], second["smallest"]) == (50, 1)
    empty = numbers.judge("m", [fit(2, np.zeros(N)), fit(3, np.zeros(N), division=halves)])
    assert empty["rows"][1]["smallest"] == 0


def test_extra_zeros_are_no_component():
    division = np.where(np.arange(N) < 30, "zero", "1")
    judged = numbers.judge("m", [fit(1, np.zeros(N), division=division), fit(2, pointwise(-1, 4))])
    assert judged["rows"][0]["smallest"] == 70


def test_weights_count():
    fits = [fit(1, np.array([-1.0, 0.0])), fit(2, np.zeros(2))]
    for each in fits:
        each["pointwise"]["weight"] = each["membership"]["weight"] = [3, 1]
    fits[0]["loo"]["elpd"] = -3.0
    assert numbers.judge("m", fits)["rows"][0]["elpd_diff"] == -3


def test_what_was_not_sampled_well_is_no_yardstick():
    bad = fit(3, pointwise(50, 4), failed=["Divergent transitions"])
    judged = numbers.judge("m", [fit(1, pointwise(-50, 4)), fit(2, np.zeros(N)), bad])
    assert (judged["verdict"], judged["best"]) == (2, 2)
    shape = fit(3, pointwise(50, 4), failed=["Shape"])
    assert numbers.judge("m", [fit(1, pointwise(-50, 4)), fit(2, np.zeros(N)), shape])["best"] == 3


def test_differences_below_4_tell_nothing():
    judged = numbers.judge("m", [fit(1, pointwise(-3.9, 0.1)), fit(2, np.zeros(N))])
    assert judged["verdict"] == 1
    assert numbers.judge("m", [fit(1, pointwise(-4.1, 0.1)), fit(2, np.zeros(N))])["verdict"] == 2


def test_a_single_component_of_another_model_that_predicts_better_is_said_first():
    fits = [fit(1, pointwise(-50, 4)), fit(2, np.zeros(N))]
    one = fit(1, pointwise(7.7, 4.0)) | {"title": "lognormal (K = 1)"}
    sentence = numbers.judge("m", fits, [one])["sentence"]
    assert sentence.startswith(
        "A single component predicts better than this mixture: lognormal (K = 1) by 7.7 (standard error 4.0)."
    )
    worse = fit(1, pointwise(-1, 4.0)) | {"title": "lognormal"}
    assert numbers.judge("m", fits, [worse])["sentence"].startswith("With m the verdict is 2")


def test_the_verdict_says_what_it_could_have_seen_and_when_it_is_not_to_be_relied_on():
    sentence = numbers.judge("m", [fit(1, np.zeros(N)), fit(2, pointwise(-1, 4))])["sentence"]
    assert "the number that predicts best, and the smallest that was tried" in sentence
    assert f"those that lie {numbers.smallest_separation(N):.1f} standard deviations apart" in sentence
    assert "not to be relied on" not in sentence
    few = [fit(1, np.zeros(99)), fit(2, np.zeros(99))]
    assert "With fewer than 100 observations" in numbers.judge("m", few)["sentence"]


@pytest.mark.parametrize(("n", "rows"), [(200, 1), (1000, 1), (200, 4)])
def test_the_smallest_separation_is_that_of_simulated_data(n, rows):
    """Against the best normal and the true mixture, whose gain falls short of telling in about half of data sets."""
    rng, separation = np.random.default_rng(3), numbers.smallest_separation(n, rows)
    told = 0
    for _ in range(400):
        y = rng.normal(rng.choice([-1, 1], (n, 1)) * separation / 2, size=(n, rows))
        one = (-0.5 * np.log(y.var()) - 0.5 * (y - y.mean()) ** 2 / y.var()).sum(axis=1)
        sides = (np.exp(-0.5 * (y - side * separation / 2) ** 2).prod(axis=1) for side in (-1, 1))
        gain = np.log(sum(sides) / 2) - one
        # estimates gain half a unit of log likelihood for each unknown, and lose as much again where they predict
        told += gain.sum() + 1 - 1.5 > max(4, 2 * np.sqrt(n) * gain.std())
    assert 0.35 < told / 400 < 0.65
    assert numbers.smallest_separation(10 * n, rows) < separation


def test_groups_are_called_so_and_tell_more_than_as_many_observations():
    fits = [fit(1, np.zeros(50)), fit(2, pointwise(-1, 4)[:50])]
    for each in fits:
        each["membership"] = pd.concat([each["membership"]] * 3)
    sentence = numbers.judge("m", fits)["sentence"]
    assert "predicting new groups" in sentence
    apart = numbers.smallest_separation(50, 3)
    assert f"50 groups of 3 rows on average tell apart, half of the time, those that lie {apart:.1f} stand" in sentence
    assert "With fewer than 100 groups" in sentence
    assert apart < numbers.smallest_separation(50) / np.sqrt(3)
    sentence = numbers.judge("m", [each | {"by_row": True} for each in fits])["sentence"]
    assert "predicting new groups" in sentence
    assert (
        f"150 observations tell apart, half of the time, those that lie {numbers.smallest_separation(150):.1f}"
        in sentence
    )


@pytest.mark.parametrize(("model", "several", "asked"), [(None, True, False), (None, False, True), ("m", False, True)])
def test_other_numbers_are_asked_for_where_they_were_not_tried(model, several, asked):
    """Without a choice several numbers may have been tried, and none was good."""
    judged = [numbers.judge("m", [fit(1, np.zeros(N)), fit(2, pointwise(-1, 4))])] if several else []
    first = {"model": "m (K = 1)", "failed": ["shape"], "elpd_diff": 0.0, "dse": 0.0, "n": N, "things": "groups"}
    said = trust.would_change({"title": "m (K = 1)", "model": model}, [first], judged, ["Look at the groups."])
    assert ("Another number of components" in " ".join(said)) is asked
    assert "Look at the groups." in said
