"""A model made concrete: default priors, modes, texts, the program's data, and improper posteriors refused."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from stanmix.errors import UserError
from stanmix.specification import prior_of, prior_text, program_data, specify

# median m, sd s and range R of the design's default priors, all different
NOTICED = {"n": 50, "median": 7.0, "sd": 3.0, "range": 16.0, "tied": 0, "most_tied": 1}
TIED = NOTICED | {"tied": 4, "most_tied": 2}


def model(share=(), fixed=None, **priors):
    return {
        "family": "normal",
        "share": list(share),
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
    assert found["unit"] == {"centre": 7.0, "scale": 3.0}
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
}


@pytest.fixture(scope="module")
def data_block(root):
    text = (root / "stan" / "continuous.stan").read_text()
    block = text[text.index("\ndata {") : text.index("\nparameters {")]
    lines = [line.split("//")[0].strip() for line in block.splitlines()[2:]]
    declarations = [line for line in lines if line.endswith(";")]
    return {re.search(r"(\w+);$", line)[1]: line for line in declarations}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_data_are_those_that_the_program_declares(name, data_block):
    specification = specify(name, VARIANTS[name], 3, NOTICED)
    y = np.array([1.5, 2.5])
    data = program_data(specification, y)
    assert set(data) == set(data_block)
    values = {"N": 2, "K": 3} | {key: value for key, value in data.items() if key.endswith(("_is_fixed", "_is_shared"))}

    def size(text):
        """The value of an expression of the sizes in the block."""
        while "?" in text:
            test, rest = text.split("?", 1)
            if values[test.strip()]:
                return size(rest.split(":")[0])
            text = rest.split(":", 1)[1]
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
        "centre": 7.0,
        "scale": 3.0,
        "theta_is_fixed": 0,
        "theta_fixed": [],
        "theta_concentration": [1.0, 1.0],
        "mu_is_fixed": 0,
        "mu_fixed": [],
        "mu_prior": [2, 2],
        "mu_arguments": [[4.0, 1.0, 3.0], [4.0, 2.0, 3.0]],
        "sigma_is_fixed": 0,
        "sigma_is_shared": 1,
        "sigma_fixed": [],
        "sigma_prior": [3],
        "sigma_arguments": [[0.0, 5.0, 0.0]],
    }
    known = program_data(specify("m", VARIANTS["known"], 3, NOTICED), np.array([]))
    assert (known["N"], known["y"], known["mu_fixed"], known["sigma_fixed"]) == (0, [], [1, 2, 3], [2, 2, 2])
    assert (known["mu_is_fixed"], known["sigma_is_fixed"], known["sigma_is_shared"]) == (1, 1, 0)
    assert (known["mu_prior"], known["mu_arguments"], known["sigma_arguments"]) == ([], [], [])


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
