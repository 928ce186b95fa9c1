"""Priors: what may be written, what is refused, and their densities against formulas from the textbooks."""

import itertools
import math
import re
import subprocess
import sys

import numpy as np
import pytest
from scipy import integrate

from stanmix.families.priors import DISTRIBUTIONS, Prior, parse, parse_weights


def student(x, df, location, scale):
    z = (x - location) / scale
    constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi) - math.log(scale)
    return constant - (df + 1) / 2 * math.log1p(z * z / df)


# Log densities as Stan's reference manual defines them.
FORMULAS = {
    "normal": lambda x, m, s: -0.5 * ((x - m) / s) ** 2 - math.log(s * math.sqrt(2 * math.pi)),
    "student_t": student,
    "cauchy": lambda x, m, s: -math.log(math.pi * s * (1 + ((x - m) / s) ** 2)),
    "lognormal": lambda x, m, s: -math.log(x * s * math.sqrt(2 * math.pi)) - (math.log(x) - m) ** 2 / (2 * s * s),
    "gamma": lambda x, a, b: a * math.log(b) - math.lgamma(a) + (a - 1) * math.log(x) - b * x,
    "inv_gamma": lambda x, a, b: a * math.log(b) - math.lgamma(a) - (a + 1) * math.log(x) - b / x,
    "exponential": lambda x, b: math.log(b) - b * x,
    "beta": lambda x, a, b: (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x)
    ),
    "logit_normal": lambda x, m, s: (
        -0.5 * ((math.log(x / (1 - x)) - m) / s) ** 2 - math.log(s * math.sqrt(2 * math.pi) * x * (1 - x))
    ),
}
CASES = {
    "normal": [(1.5, 2.0), (-3.0, 0.7)],
    "student_t": [(3.0, 1.0, 2.0), (1.5, -2.0, 0.5)],
    "cauchy": [(0.0, 5.0), (-2.0, 0.3)],
    "lognormal": [(0.3, 0.7), (-1.0, 1.5)],
    "gamma": [(2.5, 3.0), (0.8, 0.2)],
    "inv_gamma": [(3.0, 2.0), (1.2, 0.4)],
    "exponential": [(0.5,), (4.0,)],
    "beta": [(2.0, 3.5), (0.7, 1.0)],
    "logit_normal": [(-1.0, 1.5), (0.5, 0.4)],
}
BETWEEN = ("beta", "logit_normal")
ALL = [(name, arguments) for name, several in CASES.items() for arguments in several]
WHOLE_LINE = ("normal", "student_t", "cauchy")


def above_zero(name, arguments):
    """The probability above 0 of a distribution on the whole line, by closed form or by quadrature."""
    location, scale = arguments[-2:]
    if name == "normal":
        return 0.5 * math.erfc(-location / scale / math.sqrt(2))
    if name == "cauchy":
        return 0.5 + math.atan(location / scale) / math.pi
    return integrate.quad(lambda x: math.exp(student(x, *arguments)), 0, math.inf, epsabs=1e-12)[0]


@pytest.mark.parametrize(("name", "arguments"), ALL)
def test_log_densities_equal_the_textbook(name, arguments):
    x = np.array([0.01, 0.3, 0.5, 0.97]) if name in BETWEEN else np.array([0.01, 0.3, 1.0, 2.7, 40.0])
    expected = [FORMULAS[name](value, *arguments) for value in x]
    np.testing.assert_allclose(Prior(name, arguments).logpdf(x), expected, rtol=1e-10)


@pytest.mark.parametrize(("name", "arguments"), [case for case in ALL if case[0] in WHOLE_LINE])
def test_a_cut_density_is_divided_by_what_is_left(name, arguments):
    x = np.array([0.01, 0.3, 1.0, 2.7])
    expected = [FORMULAS[name](value, *arguments) - math.log(above_zero(name, arguments)) for value in x]
    np.testing.assert_allclose(Prior(name, arguments, lower=0.0).logpdf(x), expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "arguments", "support"),
    [
        (*case, support)
        for case in ALL
        for support in ("real", "positive", "above 1", "between 0 and 1")
        if (case[0] in BETWEEN) == (support == "between 0 and 1") and (support != "real" or case[0] in WHOLE_LINE)
    ],
)
def test_every_prior_integrates_to_1_over_the_support_of_its_parameter(name, arguments, support):
    text = f"{name}({', '.join(map(str, arguments))})"
    (prior,) = parse(text, support, 1)
    # x = sinh(t) tames both tails; u = e^t does for positive parameters
    if support == "real":
        total = integrate.quad(lambda t: math.exp(prior.logpdf(math.sinh(t))) * math.cosh(t), -40, 40, limit=500)[0]
    elif support == "between 0 and 1":
        assert prior.lower is None

        def on_the_logit_scale(t):
            x = 1 / (1 + math.exp(-t))
            return math.exp(prior.logpdf(x)) * x * (1 - x)

        total = integrate.quad(on_the_logit_scale, -30, 30, limit=500)[0]
    else:
        end = 1 if support == "above 1" else 0
        assert prior.lower == (end if end or name in WHOLE_LINE else None)
        total = integrate.quad(lambda t: math.exp(prior.logpdf(end + math.exp(t)) + t), -60, 40, limit=500)[0]
    assert total == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments", "power"),
    [
        ("lognormal", (0.0, 3.0), math.inf),
        ("inv_gamma", (0.5, 0.1), math.inf),
        ("gamma", (2.5, 1.0), 1.5),
        ("gamma", (1.0, 1.0), 0),
        ("gamma", (0.5, 1.0), -0.5),
        ("exponential", (1.0,), 0),
        ("normal", (5.0, 1.0), 0),
        ("cauchy", (0.0, 5.0), 0),
        ("student_t", (3.0, 1.0, 1.0), 0),
    ],
)
def test_how_fast_priors_vanish_at_zero(name, arguments, power):
    prior = Prior(name, arguments, lower=0.0 if name in WHOLE_LINE else None)
    assert prior.power_at_zero == power
    # the slope of the log density in log sigma
    steps = np.diff(prior.logpdf(np.exp([-320.0, -321.0, -322.0])))
    assert -steps[0] > 30 if power == math.inf else -steps[0] == pytest.approx(power, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "support", "count", "expected"),
    [
        ("normal(0, 2)", "real", 1, [("normal", (0, 2), None)]),
        (" normal( -1.5 , 2e-3 ) ", "real", 2, [("normal", (-1.5, 0.002), None)] * 2),
        ("normal([10, 20, 35], 2)", "real", 3, [("normal", (m, 2), None) for m in (10, 20, 35)]),
        ("normal([1, 2], [3, 4])", "real", 2, [("normal", (1, 3), None), ("normal", (2, 4), None)]),
        ("cauchy(0, 5)", "positive", 1, [("cauchy", (0, 5), 0.0)]),
        ("student_t(3, 0, [1, 2])", "positive", 2, [("student_t", (3, 0, 1), 0.0), ("student_t", (3, 0, 2), 0.0)]),
        ("lognormal(-1, 0.7)", "positive", 1, [("lognormal", (-1, 0.7), None)]),
        ("gamma(2, +3)", "positive", 1, [("gamma", (2, 3), None)]),
        ("inv_gamma(2, 3)", "positive", 1, [("inv_gamma", (2, 3), None)]),
        ("exponential([1])", "positive", 1, [("exponential", (1,), None)]),
        ("gamma(2, 0.1)", "above 1", 1, [("gamma", (2, 0.1), 1.0)]),
        ("lognormal(2, [1, 2])", "above 1", 2, [("lognormal", (2, 1), 1.0), ("lognormal", (2, 2), 1.0)]),
        ("normal(10, 5)", "above 1", 1, [("normal", (10, 5), 1.0)]),
        ("beta(1, [2, 3])", "between 0 and 1", 2, [("beta", (1, 2), None), ("beta", (1, 3), None)]),
        ("logit_normal(-1, 1.5)", "between 0 and 1", 1, [("logit_normal", (-1, 1.5), None)]),
        ("lognormal(0, 1) T[0.5, ]", "positive", 2, [("lognormal", (0, 1), 0.5)] * 2),
        ("  lognormal(0, 1)T[ 1e-3 ,] ", "positive", 1, [("lognormal", (0, 1), 0.001)]),
        ("normal(0, [1, 2]) T[2,]", "positive", 2, [("normal", (0, 1), 2.0), ("normal", (0, 2), 2.0)]),
        ("normal(0, 1) T[-2, ]", "real", 1, [("normal", (0, 1), -2.0)]),
        ("normal(0, 1) T[0, ]", "positive", 1, [("normal", (0, 1), 0.0)]),
        ("gamma(2, 1) T[2, ]", "above 1", 1, [("gamma", (2, 1), 2.0)]),
        ("beta(2, 1) T[0.2, ]", "between 0 and 1", 1, [("beta", (2, 1), 0.2)]),
        ("uniform([0, 5], 10)", "real", 2, [("uniform", (0, 10), None), ("uniform", (5, 10), None)]),
    ],
)
def test_every_form_is_read(text, support, count, expected):
    found = [(p.distribution, p.arguments, p.lower) for p in parse(text, support, count)]
    assert found == expected
    assert all(p.upper is None for p in parse(text, support, count))
    assert all(isinstance(value, float) for _, arguments, _ in found for value in arguments)


@pytest.mark.parametrize(
    ("text", "support", "count", "words"),
    [
        ("lognormal(0, 1)", "real", 1, "'lognormal' is not a prior for a parameter that is real; allowed are normal("),
        ("laplace(0, 1)", "positive", 1, "exponential(rate)"),
        (
            "laplace(0, 1)",
            "above 1",
            1,
            "'laplace' is not a prior for a parameter that is above 1; allowed are normal(",
        ),
        ("Normal(0, 1)", "real", 1, "'Normal' is not a prior"),
        ("normal(0)", "real", 1, "normal takes 2 arguments (location, scale), not 1"),
        ("normal()", "real", 1, "not 0"),
        ("student_t(0, 1)", "real", 1, "student_t takes 3 arguments (df, location, scale), not 2"),
        ("normal([1, 2], 1)", "real", 3, "the location of normal has 2 values, but there are 3 to set"),
        ("normal(1, [1, 2])", "real", 1, "the scale of normal has 2 values, but there is 1 to set"),
        ("normal([], 1)", "real", 2, "has 0 values"),
        ("normal(0, 0)", "real", 1, "the scale of normal must be greater than 0, not 0"),
        ("normal(0, [1, -2])", "real", 2, "the scale of normal must be greater than 0, not -2"),
        ("student_t(0, 0, 1)", "real", 1, "the df of student_t must be greater than 0"),
        ("lognormal(0, -1)", "positive", 1, "the sdlog of lognormal must be greater than 0"),
        (
            "lognormal(0, 1000)",
            "positive",
            1,
            "lognormal(0, 1000) puts more than 1% of its values beyond 1e+150, which cannot",
        ),
        ("gamma(0, 1)", "positive", 1, "the shape of gamma must be greater than 0"),
        ("gamma(1, 0)", "positive", 1, "the rate of gamma must be greater than 0"),
        ("inv_gamma(1, -1)", "positive", 1, "the scale of inv_gamma must be greater than 0"),
        ("exponential(-1)", "positive", 1, "the rate of exponential must be greater than 0"),
        ("normal(1e999, 1)", "real", 1, "must be finite"),
        ("normal(0, 1)", "between 0 and 1", 1, "allowed are beta(a, b), logit_normal(location, scale)"),
        ("beta(1, 1)", "positive", 1, "'beta' is not a prior for a parameter that is positive"),
        ("beta(1, 0)", "between 0 and 1", 1, "the b of beta must be greater than 0, not 0"),
        ("logit_normal(0, 0)", "between 0 and 1", 1, "the scale of logit_normal must be greater than 0"),
        ("beta(2, 1) T[ , 1.2]", "between 0 and 1", 1, "cannot be cut from above at 1.2"),
        ("normal(0, 1) T[-1, ]", "positive", 1, "positive cannot be cut from below at -1"),
        ("normal(0, 1) T[x, ]", "positive", 1, "a prior is cut as in lognormal(0, 1) T[0.5, ], T[ , 3] or T[0.5, 3]"),
        ("normal(0, 1) T[nan, ]", "positive", 1, "not at 'nan'"),
        ("normal(0, 1) T[ , 1e999]", "positive", 1, "not at '1e999'"),
        ("normal(0, 1) T[2, 1]", "positive", 1, "T[2, 1] leaves nothing"),
        ("normal(0, 1) T[1, 1]", "real", 1, "leaves nothing"),
        ("normal(0, 1) T[ , ]", "positive", 1, "a prior is written as in Stan"),
        ("normal(0, 1) T[1e9, ]", "real", 1, "normal(0, 1) has next to nothing above 1e+09: a share of 0 of it"),
        ("lognormal(0, [1, 0.1]) T[ , 0.1]", "positive", 2, "lognormal(0, 0.1) has next to nothing below 0.1"),
        ("normal(-100, 1)", "positive", 1, "has next to nothing above 0"),
        ("uniform(0, 1) T[1, 2]", "real", 1, "has next to nothing between 1 and 2"),
        ("uniform(3, 1)", "real", 1, "uniform(3, 1) has no width"),
        ("uniform([0, 2], 2)", "real", 2, "uniform(2, 2) has no width"),
        ("uniform(-1, 1)", "positive", 1, "does not lie where the parameter can be: it is positive"),
        ("uniform(0, 1.5)", "between 0 and 1", 1, "it is between 0 and 1"),
        ("uniform(0, 5)", "above 1", 1, "it is above 1"),
        ("uniform(0)", "real", 1, "uniform takes 2 arguments (a, b), not 1"),
        ("normal(0, 1) T[1]", "positive", 1, "a prior is written as in Stan"),
        ("normal(0, [1, 1e999])", "real", 2, "must be finite"),
    ],
)
def test_each_error_says_what_is_allowed(text, support, count, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        parse(text, support, count)


HOSTILE = {
    "import": "__import__('os').system('true')",
    "import as argument": "normal(__import__('os').getpid(), 1)",
    "attribute": "os.normal(0, 1)",
    "lambda": "(lambda: 0)(0, 1)",
    "comprehension": "normal([x for x in (1, 2)], 1)",
    "keyword": "normal(location=0, scale=1)",
    "star": "normal(*[0, 1])",
    "dictionary": "normal({1: 2}, 1)",
    "unhashable": "normal({[1]: 2}, 1)",
    "text": "normal('0', 1)",
    "bytes": "normal(b'0', 1)",
    "truth": "normal(True, 1)",
    "text in a list": "normal(['1', '2'], 1)",
    "nothing": "normal(None, 1)",
    "complex": "normal(1j, 1)",
    "tuple": "normal((0, 1), 1)",
    "list in a list": "normal([[1, 2]], 1)",
    "arithmetic": "normal(10 ** 9 ** 9, 1)",
    "sum": "normal(1 + 1, 1)",
    "name": "normal(nan, 1)",
    "two statements": "normal(0, 1); normal(0, 1)",
    "assignment": "x = normal(0, 1)",
    "walrus": "(x := 1)",
    "sampling statement": "mu ~ normal(0, 1)",
    "deep": "normal(" + "(" * 5000 + "0" + ")" * 5000 + ", 1)",
    "deep lists": "normal(" + "[" * 150 + "]" * 150 + ", 1)",
    "deep minus": "normal(" + "-" * 20000 + "1, 1)",
    "huge integer": f"normal({'9' * 400}, 1)",
    "huger integer": f"normal({'9' * 10000}, 1)",
    "null": "normal(0,\0 1)",
    "surrogate": "normal(0, 1)\ud800",
    "empty": "",
    "space": "  ",
    "number": "3",
    "open": "normal(0, 1",
    "half Stan": "normal(0, 1)[0, ]",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("read", [lambda text: parse(text, "real", 2), lambda text: parse_weights(text, 2)])
def test_hostile_text_is_a_value_error_and_nothing_is_run(text, read):
    with pytest.raises(ValueError, match=r"written as in Stan|must be finite|at most 10000 letters"):
        read(text)


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("dirichlet(1)", 3, [1, 1, 1]),
        ("dirichlet(0.5)", 1, [0.5]),
        ("dirichlet([2, 5, 10])", 3, [2, 5, 10]),
        ("beta(5, 6)", 2, [5, 6]),
    ],
)
def test_priors_of_the_weights_are_read(text, count, expected):
    assert parse_weights(text, count) == expected


@pytest.mark.parametrize(
    ("text", "count", "words"),
    [
        ("dirichlet([1, 2])", 3, "the concentration of dirichlet has 2 values, but there are 3 to set"),
        ("dirichlet(0)", 3, "the concentration must be greater than 0, not 0"),
        ("dirichlet([1, -1])", 2, "the concentration must be greater than 0, not -1"),
        ("beta(0, 1)", 2, "the concentration must be greater than 0"),
        ("beta(1, 1)", 3, "beta(a, b) is a prior for the weights of 2 components, not of 3"),
        ("beta([1, 1], 1)", 2, "the weights take dirichlet(concentration), or beta(a, b)"),
        ("beta(1)", 2, "the weights take"),
        ("dirichlet(1, 1)", 2, "the weights take"),
        ("normal(0, 1)", 2, "the weights take"),
    ],
)
def test_each_error_of_the_weights_says_what_is_allowed(text, count, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_weights(text, count)


@pytest.mark.parametrize(
    ("text", "support", "ends"),
    [
        ("normal(1, 2) T[-1, 4]", "real", (-1, 4)),
        ("normal(1, 2) T[ , 0.5]", "real", (-math.inf, 0.5)),
        ("student_t(3, 0, 1) T[ , -2]", "real", (-math.inf, -2)),
        ("normal(0, 1) T[7, 8]", "real", (7, 8)),
        ("normal(0, 1) T[-8, -7]", "real", (-8, -7)),
        ("cauchy(0, 5) T[ , 3]", "positive", (0, 3)),
        ("lognormal(0, 1) T[0.5, 2]", "positive", (0.5, 2)),
        ("gamma(2, 1) T[0, 3]", "positive", (0, 3)),
        ("inv_gamma(3, 2) T[ , 1]", "positive", (0, 1)),
        ("exponential(2) T[1, 1.5]", "positive", (1, 1.5)),
        ("gamma(2, 0.1) T[ , 30]", "above 1", (1, 30)),
        ("beta(2, 3) T[0.1, 0.4]", "between 0 and 1", (0.1, 0.4)),
        ("logit_normal(0, 1) T[ , 0.3]", "between 0 and 1", (0, 0.3)),
        ("uniform(-2, 5)", "real", (-2, 5)),
        ("uniform(2, 5)", "above 1", (2, 5)),
        ("uniform(0, 9) T[3, ]", "positive", (3, 9)),
        ("uniform(0, 1)", "between 0 and 1", (0, 1)),
    ],
)
def test_priors_between_ends_hold_all_of_their_probability_there(text, support, ends):
    (prior,) = parse(text, support, 1)
    assert prior.ends == ends
    low, high = (np.clip(end, -60, 60) for end in ends)

    def density(x):
        return float(np.exp(prior.logpdf(x)))

    assert integrate.quad(density, low, high, limit=400)[0] == pytest.approx(1, abs=1e-4)
    p = np.array([0.01, 0.3, 0.5, 0.9])
    x = prior.quantile(p)
    assert (x > ends[0]).all()
    assert (x < ends[1]).all()
    np.testing.assert_allclose(prior.probability(x), p, rtol=1e-6)
    for (left, right), mass in zip(itertools.pairwise(x), np.diff(p), strict=True):
        assert integrate.quad(density, left, right)[0] == pytest.approx(mass, rel=1e-6)


def test_the_numbers_are_those_of_the_stan_function(root):
    text = (root / "stan" / "functions" / "priors.stanfunctions").read_text()
    body = text[text.index("real prior_lpdf") : text.index("real priors_lpdf")]
    for name, distribution in DISTRIBUTIONS.items():
        begins = f"distribution == {distribution.number})" if distribution.number < 10 else "with the number"
        branch = body.split(begins)[1].split("else if")[0]
        assert f"return {'normal' if name == 'logit_normal' else name}_lpdf(" in branch
        assert f"arguments[{len(distribution.arguments)}]" in branch
        assert f"arguments[{len(distribution.arguments) + 1}]" not in branch
        assert " - left;" in branch
    assert "real left = arguments[4];" in body


# Distributions as they are cut, and by how much of each quantile and probability must come back.
CUT = [
    *((name, arguments, None) for name, arguments in ALL),
    *((name, arguments, 0.0) for name, arguments in ALL if name in WHOLE_LINE),
    ("lognormal", (0.0, 1.0), 0.5),
    ("gamma", (2.0, 0.1), 1.0),
    ("inv_gamma", (3.0, 2.0), 0.25),
    ("exponential", (0.5,), 3.0),
    ("normal", (0.0, 1.0), 6.0),  # far in the tail
]


@pytest.mark.parametrize(("name", "arguments", "lower"), CUT)
def test_quantiles_and_probabilities_are_integrals_of_the_density(name, arguments, lower):
    prior = Prior(name, arguments, lower)
    p = np.array([0.001, 0.05, 0.3, 0.5, 0.8, 0.99])
    x = prior.quantile(p)
    assert (np.diff(x) > 0).all()
    np.testing.assert_allclose(prior.probability(x), p, rtol=1e-6, atol=1e-9)
    for (low, high), mass in zip(itertools.pairwise(x), np.diff(p), strict=True):
        found = integrate.quad(lambda value: math.exp(prior.logpdf(value)), low, high)[0]
        assert found == pytest.approx(mass, rel=1e-6)
    if lower is not None:
        assert x.min() > lower
        assert prior.probability(lower) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "arguments", "power"),
    [
        ("student_t", (3.0, 1.0, 1.0), 2),
        ("cauchy", (0.0, 5.0), 0),
        ("inv_gamma", (2.5, 1.0), 1.5),
        ("lognormal", (0.0, 3.0), math.inf),
        ("gamma", (2.5, 1.0), math.inf),
        ("normal", (5.0, 1.0), math.inf),
    ],
)
def test_how_fast_the_inverse_of_a_parameter_vanishes_at_zero(name, arguments, power):
    prior = Prior(name, arguments, lower=0.0 if name in WHOLE_LINE else None)
    assert prior.power_at_infinity == power
    assert Prior(name, arguments, lower=prior.lower, upper=9.0).power_at_infinity == math.inf
    logs = np.array([40.0, 41.0])  # the density of the inverse is that of the parameter times its square
    (slope,) = -np.diff(prior.logpdf(np.exp(logs)) + 2 * logs)
    assert slope == pytest.approx(power, abs=1e-9) if np.isfinite(power) else slope > 3


@pytest.mark.parametrize("name", ["normal", "cauchy", "exponential", "gamma", "lognormal"])
def test_a_prior_that_is_cut_above_0_vanishes_there(name):
    assert Prior(name, CASES[name][0], lower=0.01).power_at_zero == math.inf


def test_priors_go_to_stan_as_rows_of_arguments_and_what_is_left():
    (prior,) = parse("exponential(2)", "positive", 1)
    assert prior.padded_arguments == [2, 0, 0, 0]
    (prior,) = parse("exponential(2) T[ , 1]", "positive", 1)
    assert prior.padded_arguments == [2, 0, 0, pytest.approx(math.log1p(-math.exp(-2)))]
    assert Prior(**prior.as_dict() | {"arguments": tuple(prior.as_dict()["arguments"])}) == prior


def test_the_time_to_read_a_prior_does_not_grow_with_a_power_of_its_blanks(root):
    texts = [
        f"normal(0, 1) T[{' ' * 40000}",
        f"lognormal(0, 1){' ' * 40000}T{' ' * 40000}[{' ' * 9000}2{' ' * 40000}, ]",
    ]
    code = (
        "import sys; from stanmix.families.priors import parse\n"
        "for text in sys.stdin.read().split('|'):\n"
        "    try:\n        print(parse(text, 'positive', 1)[0].lower)\n"
        "    except ValueError as error:\n        print(error)\n"
    )
    end = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(root / "workflow")}, input="|".join(texts),
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    assert end.stdout.splitlines() == ["a prior has at most 10000 letters", "2.0"]
