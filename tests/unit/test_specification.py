"""A model made concrete: default priors, modes, texts, the program's data, and improper posteriors refused."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from stanmix.errors import UserError
from stanmix.families import FAMILIES
from stanmix.specification import is_shared, prior_of, prior_text, program_data, specify

# what the design's default priors scale with, all different
NOTICED = {
    "n": 50, "mean": 8.0, "median": 7.0, "sd": 3.0, "range": 16.0, "minimum": 0.5, "tied": 0, "most_tied": 1,
    "log": {"median": 1.9, "sd": 0.6, "range": 2.4},
}  # fmt: skip
TIED = NOTICED | {"tied": 4, "most_tied": 2}


def model(share=(), fixed=None, family="normal", own=(), **priors):
    return {
        "family": family,
        "share": list(share),
        "own": list(own),
        "fixed": fixed or {},
        "priors": {"theta": "dirichlet(1)"} | priors,
    }


def parameters(specification):
    return {entry["name"]: entry for entry in specification["parameters"]}


def test_default_priors_have_the_numbers_of_the_design():
    found = parameters(specify("m", model(), 4, NOTICED))
    assert found["mu"]["is_default"]
    assert found["mu"]["priors"] == [{"distribution": "normal", "arguments": [7.0, 8.0], "lower": None}] * 4
    (sigma,) = {(p["distribution"], *p["arguments"], p["lower"]) for p in found["sigma"]["priors"]}
    assert sigma == ("lognormal", pytest.approx(math.log(3 / 4)), 0.7, None)
    assert len(found["sigma"]["priors"]) == 4
    found = parameters(specify("m", model(share=["sigma"]), 4, NOTICED))
    assert found["sigma"]["priors"] == [{"distribution": "normal", "arguments": [0.0, 3.0], "lower": 0.0}]
    assert specify("m", model(), 4, NOTICED)["weights"] == {"mode": "estimated", "concentration": [1.0] * 4}


def test_default_priors_move_and_stretch_with_the_data():
    moved = NOTICED | {"median": 1007.0, "sd": 300.0, "range": 1600.0}
    found, before = (parameters(specify("m", model(), 3, noticed)) for noticed in (moved, NOTICED))
    assert found["mu"]["priors"][0]["arguments"] == [1007.0, 800.0]
    shift = found["sigma"]["priors"][0]["arguments"][0] - before["sigma"]["priors"][0]["arguments"][0]
    assert shift == pytest.approx(math.log(100))


# For each family and parameter: the default prior of one that each component owns and of a shared one, with 4 of them.
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
    ("skew_normal", "mean"): (("normal", 7, 8, None), None),
    ("skew_normal", "sd"): (OWN_SCALE, ("normal", 0, 3, 0)),
    ("skew_normal", "slant"): (("normal", 0, 2.5, None), ("normal", 0, 2.5, None)),
}
WITH_SHAPE = {"student_t": "nu", "skew_normal": "slant"}


def test_every_parameter_has_its_default_here():
    assert list(DEFAULTS) == [(name, parameter) for name, family in FAMILIES.items() for parameter in family.names]
    assert {(name, parameter) for (name, parameter), (_, shared) in DEFAULTS.items() if shared is None} == {
        (name, family.ordered) for name, family in FAMILIES.items()
    }


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
@pytest.mark.parametrize(("family", "name"), DEFAULTS)
def test_default_priors_of_every_family_have_their_numbers(family, name, shared):
    expected = DEFAULTS[family, name][shared]
    if expected is None:
        assert FAMILIES[family].parameter(name).sharing == "never"
        return
    own = [name] if name == "nu" and not shared else []
    entry = parameters(specify("m", model([name] if shared else [], family=family, own=own), 4, NOTICED))[name]
    assert entry["is_default"]
    assert entry["mode"] == ("shared" if shared else "own")
    assert len(entry["priors"]) == (1 if shared else 4)
    for prior in entry["priors"]:
        found = (*prior["arguments"], -1 if prior["lower"] is None else prior["lower"])
        distribution, *numbers, lower = expected
        assert prior["distribution"] == distribution
        assert found == pytest.approx((*numbers, -1 if lower is None else lower))


@pytest.mark.parametrize(
    ("share", "own", "shared"),
    [([], [], True), ([], ["nu"], False), (["nu"], [], True)],
    ids=["unsaid", "own", "share"],
)
def test_degrees_of_freedom_are_shared_unless_own(share, own, shared):
    given = model(share, family="student_t", own=own)
    entry = parameters(specify("m", given, 3, NOTICED))["nu"]
    assert entry["mode"] == ("shared" if shared else "own")
    assert len(entry["priors"]) == (1 if shared else 3)
    found = {p.name: is_shared(p, given) for p in FAMILIES["student_t"].parameters}
    assert found == {"mu": False, "sigma": False, "nu": shared}


@pytest.mark.parametrize("name", FAMILIES)
def test_only_nu_is_shared_without_being_asked(name):
    entries = specify("m", model(family=name), 3, NOTICED)["parameters"]
    assert {entry["name"] for entry in entries if entry["mode"] == "shared"} == {"nu"} & set(FAMILIES[name].names)
    assert [entry["name"] for entry in entries if entry["ordered"]] == [FAMILIES[name].ordered]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("smallest", [-2.5, 0.0])
def test_families_of_positive_values_are_refused_on_others(name, smallest):
    noticed = NOTICED | {"minimum": smallest, "log": None}
    if name not in ("lognormal", "gamma"):
        assert specify("mine", model(family=name), 3, noticed)["family"] == name
        return
    with pytest.raises(UserError) as caught:
        specify("mine", model(family=name), 3, noticed)
    assert caught.value.sentences == (
        f"models.mine: the family {name} needs values above 0, but the smallest is {smallest:g}; use a family of the "
        "whole line, such as normal.",
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_the_sampler_works_in_the_unit_of_the_data_or_of_their_logs(name):
    logs = name in ("lognormal", "gamma")
    expected = (
        {"origin": 1.9, "location": 0.6, "scale": 0.6} if logs else {"origin": 7.0, "location": 3.0, "scale": 3.0}
    )
    assert specify("m", model(family=name), 3, NOTICED)["unit"] == expected


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
    assert {name: entry["mode"] for name, entry in found.items()} == modes
    assert {name: entry["ordered"] for name, entry in found.items()} == {"mu": True, "sigma": False}
    for name, entry in found.items():
        assert len(entry["priors"]) == {"own": 3, "shared": 1, "fixed": 0}[entry["mode"]]
        assert entry["value"] == (np.broadcast_to(np.array(fixed[name], float), 3).tolist() if name in fixed else None)
        assert entry["is_default"] is (entry["mode"] != "fixed")


def test_given_priors_and_fixed_weights():
    given = model(fixed={"theta": [0.25, 0.75]}, mu="normal([1, 2], 3)", sigma="gamma(2, [3, 4])")
    found = specify("m", given, 2, NOTICED)
    assert found["weights"] == {"mode": "fixed", "value": [0.25, 0.75]}
    entries = parameters(found)
    assert [p["arguments"] for p in entries["mu"]["priors"]] == [[1, 3], [2, 3]]
    assert [p["arguments"] for p in entries["sigma"]["priors"]] == [[2, 3], [2, 4]]
    assert not entries["mu"]["is_default"]
    assert (found["model"], found["components"], found["n"]) == ("m", 2, 50)
    assert found["unit"] == {"origin": 7.0, "location": 3.0, "scale": 3.0}
    nearly = specify("m", model(fixed={"theta": [0.3333333, 0.3333333, 0.3333333]}), 3, NOTICED)
    assert math.fsum(nearly["weights"]["value"]) == pytest.approx(1, abs=1e-15)


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
    assert prior_text(entry) == text


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
    assert {prior["lower"] for prior in entry["priors"]} == {lower}
    assert prior_of(entry).lower == lower
    assert prior_text(entry) == text


def test_a_prior_is_found_again_from_its_plain_values():
    entry = parameters(specify("m", model(sigma="normal([1, 2, 3], 5)"), 3, NOTICED))["sigma"]
    prior = prior_of(entry, 1)
    assert (prior.distribution, prior.arguments, prior.lower) == ("normal", (2.0, 5.0), 0.0)
    assert prior.logpdf(2.0) == pytest.approx(
        -math.log(5 * math.sqrt(2 * math.pi)) - math.log(0.5 * math.erfc(-0.4 / math.sqrt(2)))
    )


VARIANTS = {
    "own": model(),
    "shared": model(["sigma"]),
    "known": model((), {"mu": [1, 2, 3], "sigma": 2}),
    "weights fixed": model((), {"theta": [0.2, 0.3, 0.5]}, sigma="exponential(2)"),
    **{name: model(family=name) for name in FAMILIES if name != "normal"},
    "t of own degrees": model(family="student_t", own=["nu"]),
    "t of known degrees": model(["sigma"], {"nu": 4}, family="student_t"),
    "known gammas": model((), {"mean": [1, 2, 3], "cv": [0.1, 0.2, 0.3]}, family="gamma"),
    "one slant": model(["sd", "slant"], family="skew_normal"),
}


@pytest.fixture(scope="module")
def data_block(root):
    text = (root / "stan" / "continuous.stan").read_text()
    block = text[text.index("\ndata {") : text.index("\ntransformed data {")]
    lines = [line.split("//")[0].strip() for line in block.splitlines()[2:]]
    declarations = [line for line in lines if line.endswith(";")]
    return {re.search(r"(\w+);$", line)[1]: line for line in declarations}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_data_are_those_that_the_program_declares(name, data_block):
    specification = specify(name, VARIANTS[name], 3, NOTICED)
    y = np.array([1.5, 2.5])
    data = program_data(specification, y)
    assert set(data) == set(data_block)
    values = {"N": 2, "K": 3} | {key: value for key, value in data.items() if key.endswith("_count")}

    def size(text):
        """The value of a size in the block: a number, a name, or a choice that a count makes."""
        choice = re.fullmatch(r"(\w+) == 0 \? (.+) : (.+)", text.strip())
        if choice:
            return size(choice[2] if values[choice[1]] == 0 else choice[3])
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
    data = program_data(
        specify("m", model(["sigma"], mu="student_t(4, [1, 2], 3)", sigma="cauchy(0, 5)"), 2, NOTICED), np.array([3.0])
    )
    assert data == {
        "N": 1,
        "K": 2,
        "y": [3.0],
        "family": 1,
        "location_is_positive": 0,
        "shape_is_bounded": 0,
        "shape_lower": 0.0,
        "origin": 7.0,
        "location_unit": 3.0,
        "scale_unit": 3.0,
        "theta_count": 2,
        "theta_fixed": [],
        "theta_concentration": [1.0, 1.0],
        "location_count": 2,
        "location_fixed": [],
        "location_prior": [2, 2],
        "location_arguments": [[4.0, 1.0, 3.0], [4.0, 2.0, 3.0]],
        "scale_count": 1,
        "scale_fixed": [],
        "scale_prior": [3],
        "scale_arguments": [[0.0, 5.0, 0.0]],
        "shape_count": 0,
        "shape_fixed": [0.0, 0.0],
        "shape_prior": [],
        "shape_arguments": [],
    }
    known = program_data(specify("m", VARIANTS["known"], 3, NOTICED), np.array([]))
    assert (known["N"], known["y"], known["location_fixed"], known["scale_fixed"]) == (0, [], [1, 2, 3], [2, 2, 2])
    assert (known["theta_count"], known["location_count"], known["scale_count"]) == (3, 0, 0)
    assert (known["location_prior"], known["location_arguments"], known["scale_arguments"]) == ([], [], [])
    weights = program_data(specify("m", VARIANTS["weights fixed"], 3, NOTICED), np.array([]))
    assert (weights["theta_count"], weights["theta_concentration"]) == (0, [])
    assert weights["theta_fixed"] == pytest.approx([0.2, 0.3, 0.5])


# The family's number, whether locations are positive, whether shapes have an end and which, and how many shapes.
SLOTS_OF = {
    "normal": (1, 0, 0, 0.0, 0),
    "student_t": (2, 0, 1, 1.0, 1),
    "lognormal": (3, 0, 0, 0.0, 0),
    "gamma": (4, 1, 0, 0.0, 0),
    "skew_normal": (5, 0, 0, 0.0, 3),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_data_tell_the_program_the_family_and_its_supports(name):
    data = program_data(specify("m", model(family=name), 3, NOTICED), np.array([1.0]))
    keys = ("family", "location_is_positive", "shape_is_bounded", "shape_lower", "shape_count")
    assert tuple(data[key] for key in keys) == SLOTS_OF[name]
    assert (data["location_count"], data["scale_count"]) == (3, 3)
    assert data["shape_fixed"] == ([] if name in WITH_SHAPE else [0.0] * 3)
    unit = (1.9, 0.6, 0.6) if data["family"] in (3, 4) else (7.0, 3.0, 3.0)
    assert (data["origin"], data["location_unit"], data["scale_unit"]) == unit


@pytest.mark.parametrize(("family", "fixed"), [("student_t", {"nu": 4}), ("skew_normal", {"slant": [-1, 0, 2]})])
def test_a_fixed_shape_goes_to_the_program_as_one_value_for_each_component(family, fixed):
    data = program_data(specify("m", model(fixed=fixed, family=family), 3, NOTICED), np.array([1.0]))
    assert data["shape_fixed"] == np.broadcast_to(np.array(*fixed.values(), float), 3).tolist()
    assert (data["shape_count"], data["shape_prior"], data["shape_arguments"]) == (0, [], [])


@pytest.mark.parametrize("name", FAMILIES)
def test_own_scales_of_every_family_on_tied_values_are_refused(name):
    scale = FAMILIES[name].names[1]
    with pytest.raises(
        UserError, match=f"with a {scale} per component under a normal prior .* improper; share {scale},"
    ):
        specify("mine", model(family=name, **{scale: "normal(0, 5)"}), 3, TIED)
    for way_out in (model([scale], family=name, **{scale: "normal(0, 5)"}), model(family=name)):
        assert specify("mine", way_out, 3, TIED)["components"] == 3


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
    assert "share sigma, or give it a lognormal or inv_gamma prior" in sentence


@pytest.mark.parametrize(
    ("given", "components", "noticed"),
    [
        (model(["sigma"], sigma="cauchy(0, 5)"), 3, TIED),
        (model(sigma="lognormal(0, 1)"), 3, TIED | {"most_tied": 20}),
        (model(sigma="inv_gamma(1, 1)"), 3, TIED | {"most_tied": 20}),
        (model(), 3, TIED | {"most_tied": 20}),
        (model(fixed={"sigma": 1}), 3, TIED),
        (model(sigma="cauchy(0, 5)"), 1, TIED),
        (model(sigma="cauchy(0, 5)"), 3, NOTICED),
    ],
    ids=["shared", "lognormal", "inv_gamma", "default", "fixed", "one component", "no ties"],
)
def test_each_way_out_is_accepted(given, components, noticed):
    assert specify("m", given, components, noticed)["components"] == components


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
