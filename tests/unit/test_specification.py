"""A model made concrete: default priors, modes, texts, the program's data, and improper posteriors refused."""

import math
import re

import numpy as np
import pytest
from scipy import stats
from textbook import UNIVARIATE, model_of, noticed_in, rows_of

from stanmix.base.errors import UserError
from stanmix.data.noticing import notice
from stanmix.data.observations import Observations
from stanmix.families.family import CONTINUOUS, SEEN
from stanmix.families.priors import Prior
from stanmix.model.resolution import is_shared, specify
from stanmix.model.specification import Weights
from stanmix.model.stan_data import program_data

# what the design's default priors scale with, all different
NOTICED = {
    "n": 50, "mean": 8.0, "median": 7.0, "sd": 3.0, "range": 16.0, "minimum": 0.5, "maximum": 20.0, "distinct": 45,
    "tied": 0, "most_tied": 1, "step": None, "log": {"median": 1.9, "sd": 0.6, "range": 2.4}, "zeros": 0,
    "not_whole": None, "negative": None, "not_positive": None, "uncountable": None,
    "trials": {"fewest": 10, "most": 30, "share": 0.4},
    "exposure": None, "known": None, "groups": None,
}  # fmt: skip
TIED = NOTICED | {"tied": 4, "most_tied": 2}
CONTINUOUS_FAMILIES = [name for name, family in UNIVARIATE.items() if family.kind == CONTINUOUS]


def model(share=(), fixed=None, family="normal", own=(), **priors):
    return model_of(family, share=list(share), own=list(own), fixed=fixed or {}, priors=priors)


def parameters(specification):
    return {entry.name: entry for entry in specification.parameters}


def test_default_priors_have_the_numbers_of_the_design():
    found = parameters(specify("m", model(), 4, NOTICED))
    assert found["mu"].is_default
    assert found["mu"].priors == (Prior("normal", (7.0, 8.0)),) * 4
    (sigma,) = {(p.distribution, *p.arguments, p.lower) for p in found["sigma"].priors}
    assert sigma == ("lognormal", pytest.approx(math.log(3 / 4)), 0.7, None)
    assert len(found["sigma"].priors) == 4
    found = parameters(specify("m", model(share=["sigma"]), 4, NOTICED))
    assert found["sigma"].priors == (Prior("normal", (0.0, 3.0), 0.0),)
    assert specify("m", model(), 4, NOTICED).weights == Weights("estimated", concentration=[1.0] * 4)


def test_default_priors_move_and_stretch_with_the_data():
    moved = NOTICED | {"median": 1007.0, "sd": 300.0, "range": 1600.0}
    found, before = (parameters(specify("m", model(), 3, noticed)) for noticed in (moved, NOTICED))
    assert found["mu"].priors[0].arguments == (1007.0, 800.0)
    shift = found["sigma"].priors[0].arguments[0] - before["sigma"].priors[0].arguments[0]
    assert shift == pytest.approx(math.log(100))


# For each family and parameter: the default prior of one that each component owns and of a shared one, with 4 of them.
ONE = math.pi / math.sqrt(6)  # sd of the logs of a Weibull distribution of shape 1
OWN_SCALE, OWN_SCALE_OF_LOGS = (("lognormal", math.log(s / 4), 0.7, None) for s in (3, 0.6))
DEFAULTS = {
    ("normal", "mu"): (("normal", 7, 8, None), None),
    ("normal", "sigma"): (OWN_SCALE, ("normal", 0, 3, 0)),
    ("student_t", "mu"): (("normal", 7, 8, None), None),
    ("student_t", "sigma"): (OWN_SCALE, ("normal", 0, 3, 0)),
    ("student_t", "nu"): (("gamma", 2, 0.1, 1), ("gamma", 2, 0.1, 1)),
    ("lognormal", "meanlog"): (("normal", 1.9, 1.2, None), None),
    ("lognormal", "sdlog"): (OWN_SCALE_OF_LOGS, ("normal", 0, 0.6, 0)),
    ("gamma", "mean"): (("lognormal", math.log(8), 1, None), None),
    ("gamma", "cv"): (OWN_SCALE_OF_LOGS, ("normal", 0, 0.6, 0)),
    ("weibull", "median"): (("lognormal", 1.9, 1, None), None),
    ("weibull", "shape"): (("lognormal", math.log(ONE / (0.6 / 4)), 0.7, None),) * 2,
    ("skew_normal", "mean"): (("normal", 7, 8, None), None),
    ("skew_normal", "sd"): (OWN_SCALE, ("normal", 0, 3, 0)),
    ("skew_normal", "slant"): (("normal", 0, 2.5, None), ("normal", 0, 2.5, None)),
}
RATE, DISPERSION = ("lognormal", math.log(8), 1.5, None), ("normal", 0, 1, 0)
SHARE, ZERO = ("logit_normal", math.log(0.4 / 0.6), 1.5, None), ("beta", 1, 1, None)
DEFAULTS |= {
    ("poisson", "rate"): (RATE, None),
    ("negative_binomial", "mean"): (RATE, None),
    ("negative_binomial", "dispersion"): (DISPERSION, DISPERSION),
    ("zero_inflated_poisson", "rate"): (RATE, None),
    ("zero_inflated_poisson", "zero"): (None, ZERO),
    ("zero_inflated_negative_binomial", "mean"): (RATE, None),
    ("zero_inflated_negative_binomial", "dispersion"): (DISPERSION, DISPERSION),
    ("zero_inflated_negative_binomial", "zero"): (None, ZERO),
    ("binomial", "p"): (SHARE, None),
    ("beta_binomial", "p"): (SHARE, None),
    ("beta_binomial", "dispersion"): (DISPERSION, DISPERSION),
}
POSITIVE = ("lognormal", "weibull", "gamma")
WITH_SHAPE = {"student_t": "nu", "skew_normal": "slant"}


def test_every_parameter_has_its_default_here():
    assert list(DEFAULTS) == [(name, parameter) for name, family in UNIVARIATE.items() for parameter in family.names]
    assert {(name, parameter) for (name, parameter), (_, shared) in DEFAULTS.items() if shared is None} == {
        (name, family.ordered) for name, family in UNIVARIATE.items()
    }


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
@pytest.mark.parametrize(("family", "name"), DEFAULTS)
def test_default_priors_of_every_family_have_their_numbers(family, name, shared):
    expected = DEFAULTS[family, name][shared]
    if expected is None:
        assert UNIVARIATE[family].parameter(name).sharing == ("never" if shared else "always")
        return
    own = [name] if UNIVARIATE[family].parameter(name).sharing == "unless own" and not shared else []
    asked = [name] if shared and name != "zero" else []
    entry = parameters(specify("m", model(asked, family=family, own=own), 4, NOTICED))[name]
    assert entry.is_default
    assert entry.mode == ("shared" if shared else "own")
    assert len(entry.priors) == (1 if shared else 4)
    for prior in entry.priors:
        found = (*prior.arguments, -1 if prior.lower is None else prior.lower)
        distribution, *numbers, lower = expected
        assert prior.distribution == distribution
        assert found == pytest.approx((*numbers, -1 if lower is None else lower))


@pytest.mark.parametrize(
    ("share", "own", "shared"),
    [([], [], True), ([], ["nu"], False), (["nu"], [], True)],
    ids=["unsaid", "own", "share"],
)
def test_degrees_of_freedom_are_shared_unless_own(share, own, shared):
    given = model(share, family="student_t", own=own)
    entry = parameters(specify("m", given, 3, NOTICED))["nu"]
    assert entry.mode == ("shared" if shared else "own")
    assert len(entry.priors) == (1 if shared else 3)
    found = {p.name: is_shared(p, given) for p in UNIVARIATE["student_t"].parameters}
    assert found == {"mu": False, "sigma": False, "nu": shared}


@pytest.mark.parametrize("name", UNIVARIATE)
def test_only_some_parameters_are_shared_without_being_asked(name):
    entries = specify("m", model(family=name), 3, NOTICED).parameters
    expected = {"nu", "dispersion", "zero"} & set(UNIVARIATE[name].names)
    assert {entry.name for entry in entries if entry.mode == "shared"} == expected
    assert [entry.name for entry in entries if entry.ordered] == [UNIVARIATE[name].ordered]


def test_a_parameter_that_is_fixed_for_some_components():
    noticed, y = noticed_in([1.0, 2.0, 4.0, 7.0, 9.0]), rows_of([1.0, 2.0, 4.0, 7.0, 9.0])
    given = model_of("normal", fixed={"mu": [10, None, 3]}, priors={"mu": "normal(2, 5)"})
    found = specify("m", given, 3, noticed)
    mu, sigma = found.parameters
    assert (mu.mode, mu.value, mu.ordered, len(mu.priors)) == ("partly", [10, None, 3], False, 1)
    assert found.labels == "given"  # a list whose numbers need not increase names the components
    assert found.notes[-1] == (
        "mu is fixed at 10 for component 1, 3 for component 3, and estimated for component 2. The components have the "
        "places of that list, whatever the order of their locations: an estimated one may lie anywhere."
    )
    data = program_data(found, y.units())
    assert (data["location_count"], data["location_place"], data["is_ordered"]) == (1, [0, 1, 0], 0)
    assert data["location_fixed"] == [10, 0, 3]
    assert (data["scale_place"], data["scale_count"], sigma.mode) == ([1, 2, 3], 3, "own")
    # of scales alone the locations keep their order, and each estimated one has a default or its own prior
    found = specify("m", model_of("normal", fixed={"sigma": [None, 2, None]}), 3, noticed)
    mu, sigma = found.parameters
    assert (mu.ordered, sigma.mode, sigma.is_default, len(sigma.priors)) == (True, "partly", True, 2)
    data = program_data(found, y.units())
    assert (data["scale_place"], data["scale_fixed"], data["is_ordered"]) == ([1, 0, 2], [0, 2, 0], 1)
    assert sigma.told_fixed == {"name": "sigma[2]", "value": [2]}
    # a parameter that is shared unless own is own then
    nu = specify("m", model_of("student_t", fixed={"nu": [4, None]}), 2, noticed).parameters[2]
    assert (nu.mode, nu.value, len(nu.priors)) == ("partly", [4, None], 1)
    # ties meet the scales that are left open
    tied = noticed_in([1.0, 1.0, 1.0, 4.0, 7.0, 9.0])
    wide = {"priors": {"sigma": "normal(0, 1)"}}
    with pytest.raises(UserError, match="can collapse onto equal values"):
        specify("m", model_of("normal", fixed={"sigma": [None, 2]}, **wide), 2, tied)


def test_priors_of_differences_between_locations():
    noticed, y = noticed_in([1.0, 2.0, 4.0, 7.0, 9.0]), rows_of([1.0, 2.0, 4.0, 7.0, 9.0])
    prior = {"first": "normal(10, 5)", "difference": "normal([1, 4], 2)"}
    found = specify("m", model_of("normal", priors={"mu": prior}), 3, noticed)
    mu = found.parameters[0]
    assert (mu.ordered, mu.is_default, len(mu.priors)) == (True, False, 3)
    assert mu.text == ("normal(10, 5) for the lowest, positive normal([1, 4], 2) for each difference to the next")
    data = program_data(found, y.units())
    assert (data["of_differences"], data["is_ordered"], data["location_bounds"]) == (1, 1, [0, 0, 0])
    left = [0, stats.norm(1, 2).logsf(0), stats.norm(4, 2).logsf(0)]
    np.testing.assert_allclose([row[3] for row in data["location_arguments"]], left)
    assert not any("overlap" in note for note in found.notes)
    one = specify("m", model_of("normal", priors={"mu": prior | {"difference": "gamma(2, 1)"}}), 1, noticed)
    assert one.parameters[0].text == "normal(10, 5) for the lowest"
    # a positive first location is sampled by its log, and so are those above
    rates = specify(
        "m", model_of("poisson", priors={"rate": {"first": "gamma(2, 1)", "difference": "gamma(2, 1)"}}), 2, noticed
    )
    assert program_data(rates, y.units())["location_bounds"] == [1, 1]


def test_components_may_outnumber_the_values_where_priors_are_given():
    for y, components in (([1.0, 2.0, 4.0], 3), ([1.0, 2.0, 4.0], 5), ([1.0, 1.0, 2.0, 4.0], 5)):
        noticed = noticed_in(y)
        given = model_of("normal", priors={"mu": "normal(2, 3)", "sigma": "lognormal(0, 1)"})
        notes = specify("m", given, components, noticed).notes
        assert any("each value could be a component of its own" in note for note in notes)
        for priors in ({"mu": "normal(2, 3)"}, {"sigma": "lognormal(0, 1)"}, {}):
            with pytest.raises(UserError, match="ask for fewer"):
                specify("m", model_of("normal", priors=priors), components, noticed)
    assert specify("m", model_of("poisson", priors={"rate": "gamma(2, 1)"}), 4, noticed_in([0, 1, 3])).notes
    # one sigma for all that may own a value each meets all values at once: sigma^-4 sigma^3, and more with more ties
    shared = model_of("normal", share=["sigma"], priors={"mu": "normal(2, 3)", "sigma": "normal(0, 1)"})
    specify("m", shared, 5, noticed_in([1.0, 2.0, 4.0]))
    with pytest.raises(UserError, match=r"a sigma for all components under a normal prior .* improper; give it"):
        specify("m", shared, 5, noticed_in([1.0, 1.0, 2.0, 4.0]))


def test_what_is_given_names_components_without_an_order():
    given = model_of("normal", labels="given", priors={"mu": "normal([5, 1], 2)"})
    found = specify("m", given, 2, NOTICED)
    assert found.labels == "given"
    assert not any(entry.ordered for entry in found.parameters)
    data = program_data(found, rows_of([1.0, 2.0]).units())
    assert data["is_ordered"] == 0
    alone = given | {"priors": {"theta": "dirichlet(1)", "mu": "normal(5, 2)"}}
    assert specify("m", alone, 1, NOTICED).labels == "ordered"


def test_ends_that_differ_keep_the_order_by_themselves():
    found = specify("m", model_of("normal", priors={"mu": "uniform([0, 10], [10, 20])"}), 2, NOTICED)
    data = program_data(found, rows_of([1.0, 2.0]).units())
    assert (data["is_ordered"], data["location_bounds"], data["location_ends"]) == (0, [2, 2], [[0, 10], [10, 20]])
    assert found.unit["origin"] == 0
    found = specify("m", model_of("normal", priors={"mu": "uniform(0, 20)"}), 2, NOTICED)
    data = program_data(found, rows_of([1.0, 2.0]).units())
    assert (data["is_ordered"], data["location_ends"]) == (1, [[0, 20]] * 2)
    # the data's own location and spread, seen from the line
    assert 20 / (1 + math.exp(-found.unit["origin"])) == pytest.approx(NOTICED["median"])
    assert parameters(found)["mu"].text == "uniform(0, 20)"
    for text, words in {
        "gamma(2, 1) T[0.5, 3]": "gamma(2, 1), between 0.5 and 3",
        "normal(0, 1) T[ , 3]": "half-normal(0, 1), below 3",
        "lognormal(0, 1) T[ , 3]": "lognormal(0, 1), below 3",
    }.items():
        entry = parameters(specify("m", model_of("normal", priors={"sigma": text}), 2, NOTICED))["sigma"]
        assert entry.text == words


def first(value, line=7, number=1):
    return {"column": "y", "place": None if line is None else f"line {line}", "value": value, "number": number}


FAULTS = {
    "below 0": ({"negative": first(-2.5)}, "line 7, column 'y', has -2.5"),
    "several": ({"negative": first(-2.5, number=3)}, "line 7, column 'y', has -2.5 (and 2 more)"),
    "simulated": ({"negative": first(-2.5, line=None)}, "there is -2.5"),
    "to all digits": ({"negative": first(-2.0000000001)}, "line 7, column 'y', has -2.0000000001"),
}


@pytest.mark.parametrize("name", UNIVARIATE)
@pytest.mark.parametrize(("changes", "words"), FAULTS.values(), ids=FAULTS)
def test_families_of_positive_values_and_of_counts_are_refused_on_others(name, changes, words):
    noticed = NOTICED | {"log": None, "not_positive": changes["negative"]} | changes
    positive, counts = name in POSITIVE, UNIVARIATE[name].kind != CONTINUOUS
    if not positive and not counts:
        assert specify("mine", model(family=name), 3, noticed).family == name
        return
    with pytest.raises(UserError) as caught:
        specify("mine", model(family=name), 3, noticed)
    needs, advice = (
        ("counts from 0", "a continuous family") if counts else ("values above 0", "a family of the whole line")
    )
    assert caught.value.sentences == (
        f"models.mine: the family {name} needs {needs}, but {words}; use {advice}, such as normal.",
    )


@pytest.mark.parametrize("name", UNIVARIATE)
def test_zeros_are_told_from_values_below_zero(name):
    noticed = NOTICED | {"log": None, "not_positive": first(0.0, line=3, number=17), "zeros": 17}
    if name not in POSITIVE:
        assert specify("mine", model(family=name), 3, noticed).family == name
        return
    with pytest.raises(UserError) as caught:
        specify("mine", model(family=name), 3, noticed)
    (told,) = caught.value.sentences
    assert told.startswith(
        f"models.mine: the family {name} needs values above 0, but line 3, column 'y', has 0 (and 16 more); a share of "
        "exact zeros is a point of its own beside the positive values: report that share (17 of 50) and fit the values "
        "above 0 alone"
    )
    assert "normal" not in told.removeprefix(f"models.mine: the family {name}")


@pytest.mark.parametrize("name", UNIVARIATE)
def test_counts_beyond_what_cmdstan_reads_are_refused(name):
    noticed = NOTICED | {"uncountable": first(4294967300.0, line=35)}
    if UNIVARIATE[name].kind == CONTINUOUS:
        assert specify("mine", model(family=name), 3, noticed).family == name
        return
    with pytest.raises(UserError) as caught:
        specify("mine", model(family=name), 3, noticed)
    assert caught.value.sentences == (
        f"models.mine: the family {name} needs counts up to 2147483647, beyond which CmdStan cannot count, but line "
        "35, column 'y', has 4294967300; count in larger units.",
    )


@pytest.mark.parametrize("name", UNIVARIATE)
def test_families_of_counts_are_refused_on_fractions(name):
    noticed = NOTICED | {"not_whole": first(3.0000000001, line=12, number=2)}
    if UNIVARIATE[name].kind == CONTINUOUS:
        assert specify("mine", model(family=name), 3, noticed).family == name
        return
    with pytest.raises(UserError) as caught:
        specify("mine", model(family=name), 3, noticed)
    assert caught.value.sentences == (
        f"models.mine: the family {name} needs whole numbers, but line 12, column 'y', has 3.0000000001 (and 1 "
        "more); use a continuous family, such as normal.",
    )


@pytest.mark.parametrize("name", UNIVARIATE)
def test_as_many_components_as_distinct_values_are_refused(name):
    few = NOTICED | {"distinct": 4}
    informing = UNIVARIATE[name].names[: 2 if UNIVARIATE[name].kind == CONTINUOUS else 1]
    assert specify("mine", model(family=name), 3, few).components == 3
    assert specify("mine", model(family=name), 1, NOTICED | {"distinct": 1}).components == 1
    with pytest.raises(UserError) as caught:
        specify("mine", model(family=name), 5, few)
    assert caught.value.sentences == (
        "models.mine: 5 components are asked for, but the data have only 4 distinct values; ask for fewer, or "
        f"say the prior of {' and '.join(informing)} yourself.",
    )
    if UNIVARIATE[name].kind != CONTINUOUS:
        assert specify("mine", model(family=name), 4, few).components == 4
        return
    # rounded to intervals, or with a scale that is known, no component can become a point
    assert specify("mine", model(family=name), 4, few, rounding=0.5).components == 4
    scale = UNIVARIATE[name].collapsing
    assert specify("mine", model(family=name, fixed={scale: 0.5}), 4, few).components == 4
    for share in ((), (scale,)):
        with pytest.raises(UserError) as caught:
            specify("mine", model(share, family=name), 4, few)
        assert caught.value.sentences == (
            "models.mine: 4 components are asked for, and the data have only 4 distinct values: each could be a "
            "component without any spread; ask for fewer.",
        )


@pytest.mark.parametrize(("n", "components"), [(75, 75), (20, 20), (40, 41)])
def test_as_many_components_as_observations_are_refused_with_their_cost(n, components):
    noticed = NOTICED | {"n": n, "distinct": n + 2}
    with pytest.raises(UserError) as caught:
        specify("mine", model(), components, noticed)
    assert caught.value.sentences[0].startswith(
        f"models.mine: {components} components have {3 * components - 1} unknowns for {n} observations. Such a "
        f"posterior is its prior, and costly: every step of the sampler computes {components * n} densities"
    )
    few = NOTICED | {"n": 5, "distinct": 7}  # which cost little, and are warned of
    assert len(specify("mine", model(), 5, few).notes) == 1
    # with one sd for all there are two unknowns for each observation, which is warned of
    assert len(specify("mine", model(["sigma"]), components, noticed).notes) == 1
    assert specify("mine", model(), components // 2, noticed).components == components // 2


@pytest.mark.parametrize(
    ("given", "components", "most", "free"),
    [
        (model(family="binomial"), 1, 1, None),  # one probability
        (model(family="binomial"), 2, 1, 3),  # Bernoulli trials say one thing: two shares and a weight are three
        (model(family="binomial"), 2, 2, 3),
        (model(family="binomial"), 2, 3, None),
        (model(family="binomial"), 3, 4, 5),
        (model(family="binomial"), 3, 5, None),
        (model(family="beta_binomial"), 2, 3, 4),
        (model(family="beta_binomial"), 2, 4, None),
        (model(family="beta_binomial", own=["dispersion"]), 2, 4, 5),
        (model(family="binomial", fixed={"p": [0.2, 0.6]}), 2, 1, None),  # one weight
        (model(family="binomial", fixed={"theta": [0.3, 0.7]}), 2, 1, 2),
        (model(family="binomial", fixed={"theta": [0.3, 0.7]}), 2, 2, None),
    ],
)
def test_trials_must_be_able_to_tell_the_components_apart(given, components, most, free):
    noticed = NOTICED | {"trials": {"fewest": 1, "most": most, "share": 0.4}}
    if free is None:
        assert specify("mine", given, components, noticed).components == components
        return
    with pytest.raises(UserError) as caught:
        specify("mine", given, components, noticed)
    (sentence,) = caught.value.sentences
    of = f"models.mine: {components} {given['family']} components have {free} unknowns, but no row has more than {most}"
    assert sentence.startswith(of)
    assert sentence.endswith("ask for fewer components, or add up trials that belong together.")


def test_a_binomial_mixture_is_determined_by_as_many_probabilities_as_trials():
    # The reason for the refusal: the distribution of the counts has as many free numbers as trials. With 2 components
    # of 2 trials different parameters give the same distribution, with 3 trials the moments give them back.
    def distribution(weight, low, high, trials):
        y = np.arange(trials + 1)
        return weight * stats.binom.pmf(y, trials, low) + (1 - weight) * stats.binom.pmf(y, trials, high)

    # weights and shares of equal first and second moments: 0.5 of 0.2 and 0.6, or 0.8 of 0.3 and 0.8
    one, other = (0.5, 0.2, 0.6), (0.8, 0.3, 0.8)
    np.testing.assert_allclose(distribution(*one, 2), distribution(*other, 2), rtol=1e-12)
    assert np.abs(distribution(*one, 3) - distribution(*other, 3)).max() > 0.01


@pytest.mark.parametrize(
    ("given", "components", "free"),
    [
        (model(), 3, 8),
        (model(["sigma"]), 3, 6),
        (model(fixed={"mu": [1, 2], "theta": [0.5, 0.5]}), 2, 2),
        (model(family="student_t"), 2, 6),
        (model(family="zero_inflated_negative_binomial"), 2, 5),
        (model(family="poisson"), 1, 1),
    ],
)
def test_a_note_says_when_there_are_as_many_unknowns_as_observations(given, components, free):
    few = specify("m", given, components, NOTICED | {"n": free}).notes
    assert few == [
        f"The model has {free} unknowns for {free} observations: what it says rests on the priors as much as on the "
        "data."
    ]
    assert specify("m", given, components, NOTICED | {"n": free + 1}).notes == []


COUNTS = ("poisson", "negative_binomial", "zero_inflated_poisson", "zero_inflated_negative_binomial")
UNITS = dict.fromkeys(COUNTS, (math.log(8), 1.0, 1.0)) | dict.fromkeys(("lognormal", "gamma"), (1.9, 0.6, 0.6))
UNITS["weibull"] = (1.9, 0.6, ONE / 0.6)
UNITS |= dict.fromkeys(("binomial", "beta_binomial"), (math.log(0.4 / 0.6), 1.0, 1.0))


@pytest.mark.parametrize("name", UNIVARIATE)
def test_the_sampler_works_in_the_unit_of_the_data_or_of_their_logs(name):
    found = specify("m", model(family=name), 3, NOTICED).unit
    assert list(found) == ["origin", "location", "scale"]
    assert tuple(found.values()) == pytest.approx(UNITS.get(name, (7.0, 3.0, 3.0)))


@pytest.mark.parametrize(
    ("changes", "family", "prior"),
    [
        ({"exposure": {"total": 20.0, "rate": 2.5}}, "poisson", ("lognormal", math.log(2.5))),
        ({"exposure": {"total": 20.0, "rate": 0.0}}, "poisson", ("lognormal", math.log(0.5 / 20))),
        ({"mean": 0.0}, "poisson", ("lognormal", math.log(0.5 / 50))),
        ({"trials": {"most": 4, "share": 0.0}}, "binomial", ("logit_normal", math.log(1 / 399))),
        ({"trials": {"most": 4, "share": 1.0}}, "binomial", ("logit_normal", -math.log(1 / 399))),
    ],
)
def test_default_priors_of_rates_and_shares_stay_inside_their_ends(changes, family, prior):
    (found,) = parameters(specify("m", model(family=family), 1, NOTICED | changes))[UNIVARIATE[family].ordered].priors
    assert (found.distribution, found.arguments[0]) == (prior[0], pytest.approx(prior[1]))


def test_default_priors_of_own_scales_are_cut_where_rounding_hides_more_and_not_with_intervals():
    tied = TIED | {"step": 0.1}
    for given, cut in (
        (model(), SEEN * 0.1),  # the sd of what rounding takes away
        (model(["sigma"]), 0.0),
        (model(family="student_t"), SEEN * 0.1),
        (model(family="skew_normal"), SEEN * 0.1),
        (model(family="lognormal"), SEEN * 0.1 / 20),  # of logs: of the largest value
        (model(family="gamma"), SEEN * 0.1 / 20),
        (model(family="negative_binomial", own=["dispersion"]), 0.0),
    ):
        entry = next(entry for entry in specify("m", given, 3, tied).parameters if entry.slot == "scale")
        assert [prior.lower for prior in entry.priors] == pytest.approx([cut] * len(entry.priors))
    own = specify("m", model(), 3, tied)
    assert parameters(own)["sigma"].text == "lognormal(0, 0.7), above 0.0288675"
    for family in ("normal", "student_t", "skew_normal", "lognormal", "gamma"):  # nothing where values are intervals
        found = specify("m", model(family=family), 3, tied, 0.1).parameters
        assert {prior.lower for entry in found if entry.slot == "scale" for prior in entry.priors} == {None}
    # the cut goes to the program with the data, in the unit of the data
    assert program_data(own, rows_of([1.0, 1.0, 2.0]).units())["scale_ends"] == [[pytest.approx(SEEN * 0.1), 0]] * 3
    assert program_data(specify("m", model(), 3, TIED), rows_of([1.0]).units())["scale_ends"] == [[0, 0]] * 3
    given = model(sigma="lognormal(0, 1) T[0.25, ]")
    assert program_data(specify("m", given, 3, TIED), rows_of([1.0]).units())["scale_ends"] == [[0.25, 0]] * 3


@pytest.mark.parametrize(
    ("share", "fixed", "modes"),
    [
        ((), {}, {"mu": "own", "sigma": "own"}),
        (("sigma",), {}, {"mu": "own", "sigma": "shared"}),
        ((), {"sigma": 2}, {"mu": "own", "sigma": "fixed"}),
        (("sigma",), {"mu": [1, 2, 3]}, {"mu": "fixed", "sigma": "shared"}),
    ],
)
def test_modes_values_and_numbers_of_priors(share, fixed, modes):
    found = parameters(specify("m", model(share, fixed), 3, NOTICED))
    assert {name: entry.mode for name, entry in found.items()} == modes
    assert {name: entry.ordered for name, entry in found.items()} == {"mu": True, "sigma": False}
    for name, entry in found.items():
        assert len(entry.priors) == {"own": 3, "shared": 1, "fixed": 0}[entry.mode]
        assert entry.value == (np.broadcast_to(np.array(fixed[name], float), 3).tolist() if name in fixed else None)
        assert entry.is_default is (entry.mode != "fixed")


def test_given_priors_and_fixed_weights():
    given = model(fixed={"theta": [0.25, 0.75]}, mu="normal([1, 2], 3)", sigma="gamma(2, [3, 4])")
    found = specify("m", given, 2, NOTICED)
    assert found.weights == Weights("fixed", value=[0.25, 0.75])
    entries = parameters(found)
    assert [p.arguments for p in entries["mu"].priors] == [(1, 3), (2, 3)]
    assert [p.arguments for p in entries["sigma"].priors] == [(2, 3), (2, 4)]
    assert not entries["mu"].is_default
    assert (found.model, found.components, found.n) == ("m", 2, 50)
    assert found.unit == {"origin": 7.0, "location": 3.0, "scale": 3.0}
    nearly = specify("m", model(fixed={"theta": [0.3333333, 0.3333333, 0.3333333]}), 3, NOTICED)
    assert math.fsum(nearly.weights.value) == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(
    ("share", "priors", "text"),
    [
        ((), {"mu": "normal([10, 20, 35], 2)"}, "normal([10, 20, 35], 2)"),
        ((), {"mu": "student_t(3, 0, 2.5)"}, "student_t(3, 0, 2.5)"),
        (("sigma",), {"sigma": "cauchy(0, 5)"}, "half-cauchy(0, 5)"),
        (("sigma",), {"sigma": "normal(1, 5)"}, "positive normal(1, 5)"),
        (("sigma",), {"sigma": "student_t(3, 0, 5)"}, "half-student_t(3, 0, 5)"),
        ((), {"sigma": "normal([0, 1, 2], 5)"}, "positive normal([0, 1, 2], 5)"),
        ((), {"sigma": "lognormal(0.12345678, [1, 2, 3])"}, "lognormal(0.123457, [1, 2, 3])"),
        (("sigma",), {"sigma": "exponential(0.5)"}, "exponential(0.5)"),
    ],
)
def test_priors_as_readers_write_them(share, priors, text):
    entry = parameters(specify("m", model(share, **priors), 3, NOTICED))[next(iter(priors))]
    assert entry.text == text


@pytest.mark.parametrize(
    ("family", "prior", "text", "lower"),
    [
        ("student_t", {"nu": "gamma(2, 0.1)"}, "gamma(2, 0.1), above 1", 1.0),
        ("student_t", {"nu": "normal(10, 5)"}, "normal(10, 5), above 1", 1.0),
        ("student_t", {"nu": "exponential(0.1)"}, "exponential(0.1), above 1", 1.0),
        ("gamma", {"mean": "normal(10, [1, 2, 3])"}, "positive normal(10, [1, 2, 3])", 0.0),
        ("gamma", {"mean": "lognormal([1, 2, 3], 1)"}, "lognormal([1, 2, 3], 1)", None),
        ("skew_normal", {"slant": "cauchy(0, 2)"}, "cauchy(0, 2)", None),
        ("skew_normal", {"mean": "normal(1, 2)"}, "normal(1, 2)", None),
    ],
)
def test_priors_of_other_families_end_where_their_parameters_do(family, prior, text, lower):
    (name,) = prior
    entry = parameters(specify("m", model(family=family, **prior), 3, NOTICED))[name]
    assert {prior.lower for prior in entry.priors} == {lower}
    assert entry.priors[0].lower == lower
    assert entry.text == text


def test_a_prior_is_found_again_from_its_plain_values():
    entry = parameters(specify("m", model(sigma="normal([1, 2, 3], 5)"), 3, NOTICED))["sigma"]
    prior = entry.priors[1]
    assert (prior.distribution, prior.arguments, prior.lower) == ("normal", (2.0, 5.0), 0.0)
    assert prior.logpdf(2.0) == pytest.approx(
        -math.log(5 * math.sqrt(2 * math.pi)) - math.log(0.5 * math.erfc(-0.4 / math.sqrt(2)))
    )


VARIANTS = {
    "own": model(),
    "shared": model(["sigma"]),
    "known": model((), {"mu": [1, 2, 3], "sigma": 2}),
    "weights fixed": model((), {"theta": [0.2, 0.3, 0.5]}, sigma="exponential(2)"),
    **{name: model(family=name) for name in UNIVARIATE if name != "normal"},
    "own dispersions": model(family="negative_binomial", own=["dispersion"]),
    "known rates": model((), {"rate": [1, 2, 3]}, family="zero_inflated_poisson"),
    "known zeros": model((), {"zero": 0.25}, family="zero_inflated_poisson"),
    "known shares": model((), {"p": [0.1, 0.2, 0.3], "dispersion": 0.1}, family="beta_binomial"),
    "t of own degrees": model(family="student_t", own=["nu"]),
    "t of known degrees": model(["sigma"], {"nu": 4}, family="student_t"),
    "known gammas": model((), {"mean": [1, 2, 3], "cv": [0.1, 0.2, 0.3]}, family="gamma"),
    "one slant": model(["sd", "slant"], family="skew_normal"),
}


@pytest.fixture(scope="module")
def data_block(root):
    text = (root / "stan" / "univariate.stan").read_text()
    block = text[text.index("\ndata {") : text.index("\ntransformed data {")]
    lines = [line.split("//")[0].strip() for line in block.splitlines()[2:]]
    declarations = [line for line in lines if line.endswith(";")]
    return {re.search(r"(\w+);$", line)[1]: line for line in declarations}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_data_are_those_that_the_program_declares(name, data_block):
    specification = specify(name, VARIANTS[name], 3, NOTICED)
    takes = UNIVARIATE[specification.family].takes
    rows = rows_of([1, 1, 2], trials=4 if takes == "trials" else None, exposure=0.5 if takes == "exposure" else None)
    data = program_data(specification, rows.units())
    assert set(data) == set(data_block)
    values = {key: data[key] for key in ("N", "G", "K", "is_whole", "has_zero")}
    values |= {key: value for key, value in data.items() if key.endswith("_count")}
    assert (values["N"], values["K"]) == (2, 3)

    def size(text):
        """The value of a size in the block: a number, a name, or a choice that conditions make."""
        condition, found, choice = text.strip().partition(" ? ")
        if found:
            yes, no = choice.split(" : ")
            condition = re.sub(
                r"\b(\w+)\b(?=( ==| >| &&|$))", lambda name: str(values.get(name[1], name[1])), condition
            )
            return size(yes if eval(condition.replace("&&", "and")) else no)
        return values[text.strip()] if text.strip() in values else int(text)

    for key, line in data_block.items():
        declared = re.search(r"(?:vector(?:<[^>]*>)?|array)\[([^\]]*)\]", line)
        if declared is None:
            assert type(data[key]) is (int if line.startswith("int") else float), key
            continue
        sizes = [size(part) for part in declared[1].split(",")]
        assert len(data[key]) == sizes[0], key
        assert all(len(row) == sizes[1] for row in data[key] if len(sizes) > 1), key


def test_the_data_have_the_values():
    given = model(["sigma"], mu="student_t(4, [1, 2], 3)", sigma="cauchy(0, 5)")
    data = program_data(specify("m", given, 2, NOTICED), rows_of([3.0, 1.5, 3.0], frequency=[2, 1, 4]).units())
    assert data == {
        "N": 2,
        "G": 0,
        "group_size": [],
        "K": 2,
        "y": [1.5, 3.0],
        "count": [1.0, 6.0],
        "half_step": 0.0,
        "whole": [],
        "trials": [],
        "exposure": [],
        "family": 1,
        "is_whole": 0,
        "is_ordered": 1,
        "known": [0, 0],
        "has_zero": 0,
        "of_differences": 0,
        "origin": 7.0,
        "location_unit": 3.0,
        "scale_unit": 3.0,
        "theta_count": 2,
        "theta_fixed": [],
        "theta_concentration": [1.0, 1.0],
        "location_count": 2,
        "location_fixed": [0.0, 0.0],
        "location_place": [1, 2],
        "location_bounds": [0, 0],
        "location_ends": [[0.0, 0.0], [0.0, 0.0]],
        "location_prior": [2, 2],
        "location_arguments": [[4.0, 1.0, 3.0, 0.0], [4.0, 2.0, 3.0, 0.0]],
        "scale_count": 1,
        "scale_fixed": [0.0, 0.0],
        "scale_place": [1, 1],
        "scale_bounds": [1],
        "scale_ends": [[0.0, 0.0]],
        "scale_prior": [3],
        "scale_arguments": [[0.0, 5.0, 0.0, pytest.approx(math.log(0.5))]],
        "shape_count": 0,
        "shape_place": [0, 0],
        "shape_bounds": [],
        "shape_ends": [],
        "shape_fixed": [0.0, 0.0],
        "shape_prior": [],
        "shape_arguments": [],
        "zero_count": 0,
        "zero_fixed": [],
        "zero_bounds": [],
        "zero_ends": [],
        "zero_prior": [],
        "zero_arguments": [],
    }
    units = rows_of([1.0, 2.0]).units()
    known = program_data(specify("m", VARIANTS["known"], 3, NOTICED), units)
    assert (known["location_fixed"], known["scale_fixed"]) == ([1, 2, 3], [2, 2, 2])
    assert (known["theta_count"], known["location_count"], known["scale_count"]) == (3, 0, 0)
    assert (known["location_prior"], known["location_arguments"], known["scale_arguments"]) == ([], [], [])
    weights = program_data(specify("m", VARIANTS["weights fixed"], 3, NOTICED), units)
    assert (weights["theta_count"], weights["theta_concentration"]) == (0, [])
    assert weights["theta_fixed"] == pytest.approx([0.2, 0.3, 0.5])


def test_the_data_of_counts_have_their_trials_exposures_and_extra_zeros():
    rows = rows_of([3, 0, 3, 3], frequency=[2, 1, 4, 1], trials=[8, 8, 8, 9])
    data = program_data(specify("m", model(family="beta_binomial"), 2, NOTICED), rows.units())
    assert (data["N"], data["whole"], data["trials"], data["count"]) == (3, [0, 3, 3], [8, 8, 9], [1, 6, 1])
    assert (data["y"], data["exposure"], data["is_whole"], data["has_zero"]) == ([], [1.0] * 3, 1, 0)
    assert all(type(value) is int for key in ("whole", "trials") for value in data[key])
    given = model(family="zero_inflated_poisson", zero="beta(2, 3)")
    data = program_data(specify("m", given, 2, NOTICED), rows_of([3, 0], exposure=[0.5, 2]).units())
    assert (data["whole"], data["trials"], data["exposure"], data["y"]) == ([0, 3], [0, 0], [2.0, 0.5], [])
    assert (data["has_zero"], data["zero_count"], data["zero_fixed"]) == (1, 1, [])
    assert (data["zero_prior"], data["zero_arguments"]) == ([8], [[2.0, 3.0, 0.0, 0.0]])
    given = model(family="zero_inflated_poisson", fixed={"zero": 0.25})
    data = program_data(specify("m", given, 2, NOTICED), rows_of([3, 0]).units())
    assert (data["has_zero"], data["zero_count"], data["zero_fixed"]) == (1, 0, [0.25])


def test_half_a_step_goes_to_the_program_only_for_continuous_families():
    units = rows_of([1.0, 2.0], trials=4).units()
    for name in UNIVARIATE:
        given = specify("m", model(family=name), 2, NOTICED, rounding=1.0)
        continuous = UNIVARIATE[name].kind == CONTINUOUS
        assert given.rounding == (1.0 if continuous else None)
        assert program_data(given, units)["half_step"] == (0.5 if continuous else 0.0)


# The family's number, how locations and shapes are bounded, how many scales, shapes and zeros.
SLOTS_OF = {
    "normal": (1, [0] * 3, [], 3, 0, 0),
    "student_t": (2, [0] * 3, [1], 3, 1, 0),
    "lognormal": (3, [0] * 3, [], 3, 0, 0),
    "weibull": (10, [1] * 3, [], 3, 0, 0),
    "gamma": (4, [1] * 3, [], 3, 0, 0),
    "skew_normal": (5, [0] * 3, [0] * 3, 3, 3, 0),
    "poisson": (6, [1] * 3, [], 0, 0, 0),
    "negative_binomial": (7, [1] * 3, [], 1, 0, 0),
    "zero_inflated_poisson": (6, [1] * 3, [], 0, 0, 1),
    "zero_inflated_negative_binomial": (7, [1] * 3, [], 1, 0, 1),
    "binomial": (8, [2] * 3, [], 0, 0, 0),
    "beta_binomial": (9, [2] * 3, [], 1, 0, 0),
}


@pytest.mark.parametrize("name", UNIVARIATE)
def test_the_data_tell_the_program_the_family_and_its_supports(name):
    given = specify("m", model(family=name), 3, NOTICED)
    data = program_data(given, rows_of([1.0], trials=4).units())
    keys = ("family", "location_bounds", "shape_bounds", "scale_count", "shape_count", "zero_count")
    assert tuple(data[key] for key in keys) == SLOTS_OF[name]
    assert data["location_count"] == 3
    assert data["shape_fixed"] == [0.0] * 3
    assert data["shape_ends"] == ([[1.0, 0.0]] if name == "student_t" else [[0.0, 0.0]] * data["shape_count"])
    assert data["has_zero"] == data["zero_count"]
    assert data["is_whole"] == (data["family"] in (6, 7, 8, 9))
    unit = given.unit
    assert (data["origin"], data["location_unit"], data["scale_unit"]) == tuple(unit.values())


@pytest.mark.parametrize(("family", "fixed"), [("student_t", {"nu": 4}), ("skew_normal", {"slant": [-1, 0, 2]})])
def test_a_fixed_shape_goes_to_the_program_as_one_value_for_each_component(family, fixed):
    data = program_data(specify("m", model(fixed=fixed, family=family), 3, NOTICED), rows_of([1.0]).units())
    assert data["shape_fixed"] == np.broadcast_to(np.array(*fixed.values(), float), 3).tolist()
    assert (data["shape_count"], data["shape_prior"], data["shape_arguments"]) == (0, [], [])


@pytest.mark.parametrize("name", CONTINUOUS_FAMILIES)
def test_own_scales_of_every_family_on_tied_values_are_refused(name):
    scale = UNIVARIATE[name].names[1]
    with pytest.raises(
        UserError, match=f"with a {scale} per component under a cauchy prior .* improper; share {scale},"
    ):
        specify("mine", model(family=name, **{scale: "cauchy(0, 5)"}), 3, TIED)
    for way_out in (model([scale], family=name, **{scale: "cauchy(0, 5)"}), model(family=name)):
        assert specify("mine", way_out, 3, TIED).components == 3


@pytest.mark.parametrize(
    "prior",
    [
        "cauchy(0, 5)",
        "normal(3, 1)",
        "exponential(1)",
        "gamma(1, 1)",
        "student_t(3, 0, [1, 2, 3])",
        "gamma([3, 1, 3], 1)",
    ],
)
def test_own_sds_on_tied_values_under_a_prior_that_does_not_vanish_are_refused(prior):
    with pytest.raises(UserError) as caught:
        specify("mine", model(sigma=prior), 3, TIED)
    (sentence,) = caught.value.sentences
    assert sentence.startswith("models.mine: 4 of the 50 values are tied with another")
    assert prior.split("(")[0] in sentence
    assert "share sigma, give it a prior that vanishes at 0 (lognormal or inv_gamma), or say `rounding:`" in sentence


def test_ties_of_rounded_values_name_the_step():
    with pytest.raises(UserError) as caught:
        specify("mine", model(sigma="normal(0, 5)"), 3, TIED | {"step": 0.01})
    assert "best cut by T[0.00289, ]), or say `rounding: 0.01` in the data set" in caught.value.sentences[0]


def test_a_shape_that_is_large_where_components_are_narrow_collapses_upwards():
    rounded = TIED | {"step": 0.01}
    for prior in ("cauchy(0, 5)", "inv_gamma(1, 1)"):
        with pytest.raises(UserError) as caught:
            specify("mine", model(family="weibull", shape=prior), 3, rounded)
        said = caught.value.sentences[0]
        assert "give it a prior that has next to nothing far above (lognormal or gamma, best cut by T[ , " in said
    # what cuts the shapes from above is what cuts the sds of logs from below
    default = specify("mine", model(family="weibull"), 3, rounded).parameters[1].priors[0]
    of_logs = specify("mine", model(family="lognormal"), 3, rounded).parameters[1].priors[0]
    assert (default.distribution, default.lower) == ("lognormal", None)
    assert default.upper == pytest.approx(stats.gumbel_l().std() / of_logs.lower)
    assert np.exp(default.arguments[0]) == pytest.approx(stats.gumbel_l().std() / np.exp(of_logs.arguments[0]))
    assert f"T[ , {default.upper:.3g}]" in said
    for prior in ("normal(0, 5)", "gamma(1, 1)", "inv_gamma(9, 1)", "cauchy(0, 5) T[ , 30]"):
        assert specify("mine", model(family="weibull", shape=prior), 3, rounded).components == 3


@pytest.mark.parametrize("name", ["negative_binomial", "zero_inflated_negative_binomial", "beta_binomial"])
def test_ties_of_counts_let_no_component_collapse(name):
    given = model(family=name, own=["dispersion"], dispersion="normal(0, 5)")
    assert specify("mine", given, 3, TIED | {"most_tied": 20}).components == 3


@pytest.mark.parametrize(
    ("given", "components", "noticed", "rounding"),
    [
        (model(["sigma"], sigma="cauchy(0, 5)"), 3, TIED, None),
        (model(sigma="lognormal(0, 1)"), 3, TIED | {"most_tied": 20}, None),
        (model(sigma="inv_gamma(1, 1)"), 3, TIED | {"most_tied": 20}, None),
        (model(), 3, TIED | {"most_tied": 20}, None),
        (model(fixed={"sigma": 1}), 3, TIED, None),
        (model(sigma="cauchy(0, 5)"), 1, TIED, None),
        (model(sigma="cauchy(0, 5)"), 3, NOTICED, None),
        (model(sigma="cauchy(0, 5)"), 3, TIED | {"most_tied": 20}, 0.5),
        (model(sigma="exponential(1)"), 3, TIED | {"most_tied": 20}, 0.5),
        (model(sigma="normal(0, 5) T[0.1, ]"), 3, TIED | {"most_tied": 20}, None),
        (model(sigma="exponential(1) T[0.1, ]"), 3, TIED | {"most_tied": 20}, None),
    ],
    ids=["shared", "lognormal", "inv_gamma", "default", "fixed", "one component", "no ties", "rounded half-cauchy",
         "rounded exponential", "cut normal", "cut exponential"],
)  # fmt: skip
def test_each_way_out_is_accepted(given, components, noticed, rounding):
    assert specify("m", given, components, noticed, rounding).components == components


@pytest.mark.parametrize(
    ("shape", "most", "fixed", "proper"),
    [
        (1.1, 2, {}, True),
        (1.1, 3, {}, False),
        (2.1, 3, {}, True),
        (2.1, 4, {}, False),
        (1.1, 2, {"mu": [1, 2]}, False),
        (2.1, 2, {"mu": [1, 2]}, True),
    ],
)
def test_a_gamma_prior_must_vanish_faster_than_the_likelihood_grows(shape, most, fixed, proper):
    # The marginal likelihood of `most` values at 0 by quadrature down to a smaller and smaller sigma: a proper
    # posterior's converges. The mean is integrated out under a flat prior or sits on the values.
    def tail(smallest):
        t = np.linspace(smallest, 0, 20001)  # log sigma
        log_prior = stats.gamma(shape).logpdf(np.exp(t)) + t
        log_likelihood = most * stats.norm.logpdf(0, 0, np.exp(t))
        if not fixed:  # the mean of `most` values has the sd sigma / sqrt(most)
            log_likelihood -= stats.norm.logpdf(0, 0, np.exp(t) / math.sqrt(most))
        return np.trapezoid(np.exp(log_prior + log_likelihood), t)

    assert bool(tail(-300) < 1.01 * tail(-150)) is proper
    given = model(fixed=fixed, sigma=f"gamma({shape}, 1)")
    noticed = TIED | {"most_tied": most}
    if proper:
        assert specify("m", given, 2, noticed)
    else:
        with pytest.raises(UserError, match="improper"):
            specify("m", given, 2, noticed)


def columns_of(*columns):
    """What is noticed of columns that are called a, b and so on."""
    y = np.column_stack(columns)
    rows = Observations(y=y, frequency=np.ones(len(y), np.int64), lines=np.arange(2, len(y) + 2))
    return notice(rows, list("abcdef"[: y.shape[1]]))


@pytest.mark.parametrize("components", [1, 2, 3])
def test_columns_that_say_the_same_are_refused_where_they_are_correlated(components):
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=(2, 60))
    noticed = columns_of(a, b, 2 * a - b + 1, a)
    with pytest.raises(UserError) as caught:
        specify("mine", model_of("multivariate_normal"), components, noticed)
    assert caught.value.sentences == (
        "models.mine: columns are related, 'c' = 1 + 2 'a' - 'b'; 'd' = 'a', so that their correlations have no "
        "density; leave out one column of each relation, or say `correlation: diagonal`.",
    )
    diagonal = specify("mine", model_of("multivariate_normal", correlation="diagonal"), components, noticed)
    assert diagonal.columns == ["a", "b", "c", "d"]
    nearly = columns_of(a, a + 1e-3 * b)
    assert specify("mine", model_of("multivariate_normal"), components, nearly).columns == ["a", "b"]


def test_so_few_distinct_rows_that_they_tell_nothing_are_refused():
    two = columns_of([1.0] * 250 + [4.0] * 250, [2.0] * 250 + [3.0] * 250)
    for share in ([], ["sigma"]):
        with pytest.raises(UserError, match="2 components are asked for, and the data have only 2 distinct rows: each"):
            specify("mine", model_of("multivariate_normal", share=share), 2, two)
        with pytest.raises(UserError, match="only 2 distinct rows: each"):
            specify("mine", model_of("multivariate_normal", share=share, correlation="diagonal"), 2, two)
    with pytest.raises(UserError, match="only 2 distinct rows of 2 columns, which always lie in one plane"):
        specify("mine", model_of("multivariate_normal"), 1, two)
    three = columns_of([1.0, 4.0, 2.0, 5.0], [2.0, 3.0, 7.0, 7.0], [0.0, 1.0, 4.0, 2.0])
    assert specify("mine", model_of("multivariate_normal"), 1, three).components == 1


@pytest.mark.parametrize(
    ("text", "kept"), [("normal([0, 1], 1)", 76), ("normal([0, 10], 1)", None), ("normal(0, 1)", None)]
)
def test_a_note_says_how_much_of_its_prior_an_order_leaves(text, kept):
    notes = specify("m", model(mu=text), 2, NOTICED).notes
    said = [note for note in notes if "cut to the order" in note]
    if kept is None:
        assert not said
    else:  # two normal variables of sd 1 whose means are 1 apart
        assert said == [
            "The priors of mu overlap, and the components are kept in order: the prior is what is written, cut to the "
            f"order, which holds {kept}% of it."
        ]
