"""The configuration: every mistake named in a sentence with its place, all at once; defaults, fits, titles, seeds."""

import copy
import hashlib
import json
import re
import string

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator

from stanmix.base.errors import UserError
from stanmix.base.seeds import seed_for
from stanmix.config import configuration, plan, schema
from stanmix.config.plan import Fit
from stanmix.families.family import MULTIVARIATE
from stanmix.families.registry import FAMILIES

BASE = """\
seed: 7
sampling:
  chains: 2
datasets:
  made:
    simulate:
      family: normal
      sizes: [30, 40, 30]
      mu: [0, 5, 9]
      sigma: 1
  drawn:
    simulate:
      family: normal
      n: 50
      theta: [0.25, 0.75]
      mu: [0, 4]
      sigma: [1, 2]
  real:
    csv: data.csv
    column: weight
models:
  known:
    family: normal
    fixed:
      mu: [0, 5, 9]
      sigma: 1.5
  free:
    family: normal
    share: [sigma]
    priors:
      theta: dirichlet([1, 2, 3])
      mu: normal([-1, 5, 9], 2)
      sigma: cauchy(0, 5)
  open: {family: normal}
analyses:
  - dataset: made
    models: [known, free]
    components: 3
  - dataset: real
    models: [open]
    components: [1, 2]
"""


@pytest.fixture(autouse=True)
def schema_read_once(rules_read_once, monkeypatch):
    """Reading the schema takes longer than checking against it."""
    monkeypatch.setattr(configuration, "schema", lambda: rules_read_once)


@pytest.fixture(scope="module")
def rules_read_once():
    return schema.schema()


def check(text, folder):
    """Check a configuration given as text, the way the workflow does."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return configuration.checked(yaml.safe_load(text), configuration.lines_of(path))


def sentences_of(text, folder):
    with pytest.raises(UserError) as caught:
        check(text, folder)
    assert str(caught.value) == "\n".join(caught.value.sentences)
    return [sentence.replace(f"{folder}/", "") for sentence in caught.value.sentences]


def line_of(text, marker):
    assert text.count(marker) == 1, marker
    return text[: text.index(marker)].count("\n") + 1


def test_the_base_of_these_tests_is_valid(tmp_path):
    config = check(BASE, tmp_path)
    assert config["datasets"]["drawn"]["simulate"]["theta"] == [0.25, 0.75]


def test_names_are_borne_by_the_fits_with_as_many_components(tmp_path):
    config = check(BASE + "    names: [low, high]\n", tmp_path)
    assert [plan.names(config, "real", components) for components in (1, 2, 3)] == [None, ["low", "high"], None]
    assert plan.names(config, "made", 2) is None
    assert plan.groups(config, "real") == {"low": 1, "high": 2}
    known = config["datasets"]["real"] | {"known": "kind"}
    assert plan.source(known, plan.groups(config, "real"))["groups"] == {"low": 1, "high": 2}
    assert "groups" not in plan.source(config["datasets"]["real"], plan.groups(config, "real"))


def test_analyses_of_one_data_set_name_components_alike(tmp_path):
    other = "  - {dataset: real, models: [open], components: 2, names: [high, low]}\n"
    (told,) = sentences_of(BASE + "    names: [low, high]\n" + other, tmp_path)
    assert told.endswith(
        "analyses[2].names is high, low, but another analysis of real says low, high; say the same in both."
    )
    more = "  - {dataset: real, models: [open], components: 3, names: [low, middle, high]}\n"
    check(BASE + "    names: [low, high]\n" + more, tmp_path)
    known = BASE.replace("column: weight", "column: weight\n    known: kind")
    (told,) = sentences_of(known + "    names: [low, high]\n" + more, tmp_path)
    assert "calls component 3 'high', which is component 2 in another analysis of real" in told


@pytest.mark.parametrize(
    ("model", "place", "words"),
    [
        ("family: normal, transform: ln", "transform", "is 'ln'; allowed are log, log10, logit, sqrt"),
        ("family: lognormal, transform: log", "transform", "goes with families of the whole line, not with lognormal"),
        ("family: normal, transform: {weight: log}", "transform", "is a mapping of columns, but normal describes one"),
        ("family: normal, shift: 1", "shift", "goes with the transforms log, log10, sqrt and with the families"),
        ("family: normal, transform: logit, shift: 1", "shift", "goes with the transforms log, log10, sqrt"),
        ("family: normal, transform: log, shift: {weight: 1}", "shift", "is a mapping of columns"),
    ],
)
def test_transforms_and_shifts_that_are_none_are_told(model, place, words, tmp_path):
    (told,) = sentences_of(BASE.replace("open: {family: normal}", f"open: {{{model}}}"), tmp_path)
    assert f"models.open.{place} {words}" in told


def test_rounding_goes_with_a_shift_and_not_with_a_transform(tmp_path):
    rounded = BASE.replace("column: weight", "column: weight\n    rounding: 1")
    (told,) = sentences_of(
        rounded.replace("open: {family: normal}", "open: {family: normal, transform: log}"), tmp_path
    )
    assert "remove `rounding:` from datasets.real, or use the family lognormal, which goes with it" in told
    check(rounded.replace("open: {family: normal}", "open: {family: lognormal, shift: 1}"), tmp_path)


def test_a_transform_of_columns_names_those_of_the_data(tmp_path):
    several = BASE.replace("column: weight", "columns: [weight, length]").replace("{family: normal}", "{MODEL}")
    model = "family: multivariate_normal, transform: {weight: log, lenght: sqrt}, shift: {weight: 1}"
    (told,) = sentences_of(several.replace("MODEL", model), tmp_path)
    assert "has transform for 'lenght', which is none of several columns of datasets.real" in told
    check(several.replace("MODEL", model.replace("lenght", "length")), tmp_path)


# What is replaced, by what, the key that must be named, the marker of its line, and words of the sentence.
MISTAKES = {
    "unknown key at the top": ("seed: 7", "sed: 7", "sed", "sed: 7", ["not a key", "strict", "did you mean 'seed'?"]),
    "unknown key below": ("chains: 2", "chain: 2", "sampling.chain", "chain: 2", ["did you mean 'chains'?"]),
    "unknown key of a fixed": (
        "sigma: 1.5",
        "sigmas: 1.5",
        "models.known.fixed.sigmas",
        "sigmas: 1.5",
        ["allowed here are theta, mu, sigma, nu, meanlog", "did you mean 'sigma'?"],
    ),
    "no such thing as this key": ("chains: 2", "xyzzy: 2", "sampling.xyzzy", "xyzzy", ["not a key"]),
    "text for a whole number": (
        "chains: 2",
        "chains: two",
        "sampling.chains",
        "two",
        ["is 'two'", "must be a whole number"],
    ),
    "fraction for a whole number": (
        "chains: 2",
        "chains: 2.5",
        "sampling.chains",
        "2.5",
        ["is 2.5", "must be a whole number"],
    ),
    "float for a whole number": (
        "chains: 2",
        "chains: 2.0",
        "sampling.chains",
        "2.0",
        ["is 2.0", "must be a whole number"],
    ),
    "float for a number of components": (
        "components: 3",
        "components: 3.0",
        "analyses[0].components",
        "3.0",
        ["is 3.0", "whole number"],
    ),
    "float for a size": (
        "[30, 40, 30]",
        "[30, 40.0, 30]",
        "datasets.made.simulate.sizes[1]",
        "40.0",
        ["is 40.0", "whole number"],
    ),
    "truth for a whole number": (
        "chains: 2",
        "chains: true",
        "sampling.chains",
        "true",
        ["is true", "must be a whole number"],
    ),
    "number for a truth": ("seed: 7", "strict: 1", "strict", "strict", ["is 1", "must be true or false"]),
    "nothing for a number": ("seed: 7", "seed:", "seed", "seed:", ["is empty", "must be a whole number"]),
    "list for a mapping": (
        "open: {family: normal}",
        "open: [normal]",
        "models.open",
        "open: [",
        ["is ['normal']", "a mapping"],
    ),
    "number for a list of models": (
        "models: [open]",
        "models: open",
        "analyses[1].models",
        "models: open",
        ["must be a list"],
    ),
    "exponent without point": (
        "sigma: 1.5",
        "sigma: 1e-3",
        "models.known.fixed.sigma",
        "1e-3",
        ["'1e-3'", "a number", "reads 1e-3 as text", "1.0e-3"],
    ),
    "exponent without sign": (
        "sigma: 1.5",
        "sigma: 1.5e3",
        "models.known.fixed.sigma",
        "1.5e3",
        ["reads 1.5e3 as text", "write 1500)"],
    ),
    "large with exponent": (
        "sigma: 1.5",
        "sigma: 2.5e12",
        "models.known.fixed.sigma",
        "2.5e12",
        ["reads 2.5e12 as text", "write 2.5e+12)"],
    ),
    "exponent for a whole number": (
        "chains: 2",
        "draws: 1e3",
        "sampling.draws",
        "1e3",
        ["reads 1e3 as text", "write 1000"],
    ),
    "not a number": (
        "[-1, 5, 9]",
        "[nan, 5, 9]",
        "models.free.priors.mu",
        "nan",
        ["'normal([nan, 5, 9], 2)'", "as in Stan"],
    ),
    "nan in fixed": (
        "mu: [0, 5, 9]\n      sigma: 1.5",
        "mu: [0, .nan, 9]\n      sigma: 1.5",
        "models.known.fixed.mu[1]",
        ".nan",
        ["is nan", "must be a finite number"],
    ),
    "infinite sd": (
        "sigma: 1.5",
        "sigma: .inf",
        "models.known.fixed.sigma",
        ".inf",
        ["is inf", "must be a finite number"],
    ),
    "negative seed": ("seed: 7", "seed: -1", "seed", "seed: -1", ["is -1", "at least 0"]),
    "seed too large": ("seed: 7", "seed: 2147483648", "seed", "seed:", ["2147483648", "at most 2147483647"]),
    "no chains": ("chains: 2", "chains: 0", "sampling.chains", "chains: 0", ["is 0", "at least 1"]),
    "acceptance of 1": (
        "chains: 2",
        "adapt_delta: 1",
        "sampling.adapt_delta",
        "adapt_delta",
        ["is 1", "must be less than 1"],
    ),
    "acceptance of 0": (
        "chains: 2",
        "adapt_delta: 0",
        "sampling.adapt_delta",
        "adapt_delta",
        ["is 0", "must be greater than 0"],
    ),
    "negative size": (
        "[30, 40, 30]",
        "[30, -4, 30]",
        "datasets.made.simulate.sizes[1]",
        "-4",
        ["is -4", "must be at least 0"],
    ),
    "all sizes 0": (
        "[30, 40, 30]",
        "[0, 0, 0]",
        "datasets.made.simulate.sizes",
        "[0, 0, 0]",
        ["[0, 0, 0]", "at least 2"],
    ),
    "one observation": (
        "[30, 40, 30]",
        "[0, 1, 0]",
        "datasets.made.simulate.sizes",
        "[0, 1, 0]",
        ["[0, 1, 0]", "at least 2"],
    ),
    "n of 1": ("n: 50", "n: 1", "datasets.drawn.simulate.n", "n: 1", ["is 1", "at least 2"]),
    "sd of 0": (
        "sigma: 1\n",
        "sigma: 0\n",
        "datasets.made.simulate.sigma",
        "sigma: 0",
        ["is 0", "must be greater than 0"],
    ),
    "negative sd": (
        "sigma: 1.5",
        "sigma: -1.5",
        "models.known.fixed.sigma",
        "-1.5",
        ["is -1.5", "must be greater than 0"],
    ),
    "negative sd in a list": (
        "[1, 2]\n  real",
        "[1, -2]\n  real",
        "datasets.drawn.simulate.sigma[1]",
        "-2",
        ["is -2", "greater than 0"],
    ),
    "empty list": (
        "mu: [0, 4]",
        "mu: []",
        "datasets.drawn.simulate.mu",
        "mu: []",
        ["is []", "must have at least 1 item"],
    ),
    "empty text": ("csv: data.csv", "csv: ''", "datasets.real.csv", "csv:", ["is ''", "must not be empty"]),
    "models twice": ("[known, free]", "[free, free]", "analyses[0].models", "[free, free]", ["no item may stand"]),
    "no such family": (
        "open: {family: normal}",
        "open: {family: gauss}",
        "models.open.family",
        "gauss",
        ["is 'gauss'", "allowed are normal, student_t, lognormal, gamma, "],
    ),
    "sharing the means": (
        "share: [sigma]",
        "share: [mu]",
        "models.free.share[0]",
        "share: [mu]",
        ["is 'mu'", "allowed are sigma"],
    ),
    "no family": (
        "open: {family: normal}",
        "open: {share: [sigma]}",
        "models.open",
        "open:",
        ["lacks the key 'family'"],
    ),
    "name with a slash": ("  real:\n", "  re/al:\n", "datasets.re/al", "re/al", None),
    "number of components 0": (
        "components: 3",
        "components: 0",
        "analyses[0].components",
        "components: 0",
        ["at least 1"],
    ),
    "no such data set": (
        "dataset: real",
        "dataset: rael",
        "analyses[1].dataset",
        "rael",
        ["'rael'", "does not exist", "made, drawn, real"],
    ),
    "no such model": (
        "[open]",
        "[opne]",
        "analyses[1].models",
        "[opne]",
        ["'opne'", "does not exist", "known, free, open"],
    ),
    "fixed values too few": (
        "mu: [0, 5, 9]\n      sigma: 1.5",
        "mu: [0, 5]\n      sigma: 1.5",
        "models.known.fixed.mu",
        "mu: [0, 5]",
        ["2 values", "3 components"],
    ),
    "fixed sds too many": (
        "sigma: 1.5",
        "sigma: [1, 2, 1, 2]",
        "models.known.fixed.sigma",
        "[1, 2, 1, 2]",
        ["4 values", "3 components"],
    ),
    "prior too short": (
        "[-1, 5, 9]",
        "[-1, 5]",
        "models.free.priors.mu",
        "[-1, 5]",
        ["'normal([-1, 5], 2)'", "location of normal has 2 values", "3"],
    ),
    "concentration too long": (
        "[1, 2, 3]",
        "[1, 2, 3, 4]",
        "models.free.priors.theta",
        "3, 4]",
        ["'dirichlet([1, 2, 3, 4])'", "4 values", "3"],
    ),
    "list for a shared sd": (
        "cauchy(0, 5)",
        "cauchy(0, [5, 5, 5])",
        "models.free.priors.sigma",
        "5, 5",
        ["3 values", "there is 1 to set"],
    ),
    "beta for three": (
        "dirichlet([1, 2, 3])",
        "beta(1, 2)",
        "models.free.priors.theta",
        "beta(1, 2)",
        ["'beta(1, 2)'", "2 components, not of 3"],
    ),
    "weights of the simulation": (
        "[0.25, 0.75]",
        "[0.25, 0.65]",
        "datasets.drawn.simulate.theta",
        "0.65",
        ["[0.25, 0.65]", "adds to 0.9;", "must add to 1"],
    ),
    "weights of the model": (
        "      sigma: 1.5",
        "      theta: [0.3, 0.3, 0.3]",
        "models.known.fixed.theta",
        "theta: [0.3",
        ["adds to 0.9;", "must add to 1"],
    ),
    "weight above 1": (
        "[0.25, 0.75]",
        "[-0.25, 1.0]",
        "datasets.drawn.simulate.theta[0]",
        "-0.25",
        ["is -0.25", "at least 0"],
    ),
    "means that fall": (
        "mu: [0, 5, 9]\n      sigma: 1.5",
        "mu: [0, 9, 5]\n      sigma: 1.5",
        "models.known.fixed.mu",
        "[0, 9, 5]",
        ["[0, 9, 5]", "must increase"],
    ),
    "equal means": (
        "mu: [0, 4]",
        "mu: [4, 4]",
        "datasets.drawn.simulate.mu",
        "[4, 4]",
        ["[4, 4]", "must increase"],
    ),
    "prior locations that fall": (
        "[-1, 5, 9]",
        "[5, -1, 9]",
        "models.free.priors.mu",
        "[5, -1, 9]",
        ["must not decrease", "mu"],
    ),
    "not a prior": (
        "cauchy(0, 5)",
        "about five",
        "models.free.priors.sigma",
        "about five",
        ["'about five'", "as in Stan"],
    ),
    "no such distribution": (
        "cauchy(0, 5)",
        "laplace(0, 5)",
        "models.free.priors.sigma",
        "laplace",
        ["'laplace' is not a prior", "lognormal(meanlog, sdlog)"],
    ),
    "negative scale": (
        "cauchy(0, 5)",
        "cauchy(0, -5)",
        "models.free.priors.sigma",
        "-5",
        ["scale of cauchy must be greater than 0, not -5"],
    ),
    "nothing fixed": (
        "fixed:\n      mu: [0, 5, 9]",
        "fixed:\n      mu: [null, null, null]",
        "models.known.fixed.mu",
        "mu: [null",
        ["null for every component", "leave it out"],
    ),
    "nothing relabelled where one is fixed": (
        "      mu: [0, 5, 9]\n      sigma: 1.5",
        "      mu: [0, null, 9]\n    labels: relabelled",
        "models.known.labels",
        "labels:",
        ["mu has a number for each component"],
    ),
    "a prior for more than is open": (
        "      sigma: 1.5",
        "      sigma: [1, null, null]\n    priors: {sigma: 'lognormal([1, 2, 3], 1)'}",
        "models.known.priors.sigma",
        "priors: {sigma",
        ["3", "2"],
    ),
    "a positive parameter fixed below 0 beside an open one": (
        "      mu: [0, 5, 9]\n      sigma: 1.5",
        "      sigma: [-1, null, 2]",
        "models.known.fixed.sigma[0]",
        "sigma: [-1",
        ["greater than 0"],
    ),
    "a difference without a first": (
        "      mu: normal([-1, 5, 9], 2)",
        "      mu: {difference: 'gamma(2, 1)'}",
        "models.free.priors.mu",
        "mu: {",
        ["first", "difference", "no more"],
    ),
    "a difference with an end": (
        "      mu: normal([-1, 5, 9], 2)",
        "      mu: {first: 'normal(0, 5)', difference: 'gamma(2, 1) T[1, ]'}",
        "models.free.priors.mu",
        "mu: {",
        ["difference has ends (gamma(2, 1) T[1, ])", "lognormal or gamma"],
    ),
    "differences that are too many": (
        "      mu: normal([-1, 5, 9], 2)",
        "      mu: {first: 'normal(0, 5)', difference: 'gamma([2, 3, 4], 1)'}",
        "models.free.priors.mu",
        "mu: {",
        ["difference: ", "3", "2"],
    ),
    "differences of what has no order": (
        "      theta: dirichlet([1, 2, 3])\n      mu: normal([-1, 5, 9], 2)\n      sigma: cauchy(0, 5)",
        "      mu: {first: 'normal(0, 5)', difference: 'gamma(2, 1)'}\n    labels: relabelled",
        "models.free.priors.mu",
        "mu: {",
        ["components in order"],
    ),
    "differences of scales": (
        "      sigma: cauchy(0, 5)",
        "      sigma: {first: 'cauchy(0, 5)', difference: 'gamma(2, 1)'}",
        "models.free.priors.sigma",
        "sigma: {",
        ["text"],
    ),
    "differences of shares": (
        "  open: {family: normal}",
        "  open: {family: normal}\n  shares: {family: binomial, priors: {p: {first: 'beta(1, 1)', difference: "
        "'beta(1, 1)'}}}",
        "models.shares.priors.p",
        "  shares:",
        ["between 0 and 1"],
    ),
    "differences of several columns": (
        "  open: {family: normal}",
        "  open: {family: normal}\n  several: {family: multivariate_normal, priors: {mu: {first: 'normal(1, 1)', "
        "difference: 'gamma(2, 1)'}}}",
        "models.several.priors.mu",
        "  several:",
        ["one column"],
    ),
    "prior of what is fixed": (
        "      sigma: 1.5",
        "      sigma: 1.5\n    priors: {mu: 'normal(0, 1)'}",
        "models.known.priors.mu",
        "priors: {mu",
        ["fixed"],
    ),
    "shared and fixed": (
        "      sigma: 1.5",
        "      sigma: 1.5\n    share: [sigma]",
        "models.known.share",
        "share: [sigma]\n  free",
        ["'sigma'", "fixed"],
    ),
    "all fixed": (
        "      sigma: 1.5",
        "      sigma: 1.5\n      theta: [0.5, 0.25, 0.25]",
        "models.known.fixed",
        "fixed:",
        ["nothing to estimate"],
    ),
    "one component of known mean and sd": (
        "open: {family: normal}",
        "open: {family: normal, fixed: {sigma: 1, mu: [3]}}",
        "models.open.fixed",
        "open: {",
        None,
    ),
    "neither file nor simulation": (
        "csv: data.csv\n    column: weight",
        "label: weight",
        "datasets.real",
        "real:",
        ["either csv", "simulate"],
    ),
    "file without column": (
        "    column: weight\n",
        "",
        "datasets.real",
        "real:",
        ["must have either column or columns: what of data.csv holds the observations"],
    ),
    "column for a simulation": (
        "  drawn:\n",
        "  drawn:\n    column: y\n",
        "datasets.drawn.column",
        "column: y\n",
        ["goes with csv"],
    ),
    "sizes and n": (
        "      n: 50",
        "      n: 50\n      sizes: [1, 2]",
        "datasets.drawn.simulate",
        None,
        ["either sizes, or n"],
    ),
    "n without theta": ("      theta: [0.25, 0.75]\n", "", "datasets.drawn.simulate", None, ["lacks theta"]),
    "theta with sizes": (
        "sizes: [30, 40, 30]",
        "sizes: [30, 40, 30]\n      theta: [0.5, 0.25, 0.25]",
        "datasets.made.simulate.theta",
        "theta: [0.5,",
        ["goes with n"],
    ),
    "sizes too few": (
        "[30, 40, 30]",
        "[30, 40]",
        "datasets.made.simulate.sizes",
        "[30, 40]",
        ["2 values", "mu has 3"],
    ),
    "sds too many": (
        "sigma: [1, 2]",
        "sigma: [1, 2, 3]",
        "datasets.drawn.simulate.sigma",
        "sigma: [1, 2, 3]",
        ["3 values", "mu has 2"],
    ),
    **{
        f"names, {what}": (
            "    components: [1, 2]\n",
            f"    components: [1, 2]\n    names: {names}\n",
            "analyses[1].names",
            "names: [",
            words,
        )
        for what, names, words in (
            ("too many", "[a, b, c]", ["3 names", "asks for 1 or 2 components"]),
            ("a number", "['1', b]", ["'1'", "reads as the number of a component"]),
            ("missing", "[none, b]", ["stands for a missing value"]),
            ("blanks", "[' a', b]", ["blanks around it"]),
            ("twice", "[a, a]", ["twice"]),
        )
    },
    "a number as a name": ("  open: ", "  2020: {family: normal}\n  open: ", "models.2020", "2020", ["quotes"]),
    "a truth as a name": ("  real:\n", "  yes: {csv: a, column: b}\n  real:\n", "datasets.True", None, ["quotes"]),
}
LOOSE = {
    # a second sentence rightly follows from these
    "name with a slash": ["is no name for a folder"],
    "one component of known mean and sd": ["nothing to estimate"],
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place_its_value_and_what_is_allowed(mistake, tmp_path):
    old, new, place, marker, words = MISTAKES[mistake]
    assert BASE.count(old) == 1
    text = BASE.replace(old, new)
    found = sentences_of(text, tmp_path)
    if mistake in LOOSE:
        found, words = found[:1], LOOSE[mistake]
    assert len(found) == 1, found
    number = rf"{line_of(text, marker)}" if marker else r"\d+"
    start = re.match(rf"config\.yaml, line {number}: {re.escape(place)} ", found[0])
    assert start, found[0]
    for word in words:
        assert word in found[0][start.end() :]
    assert found[0].endswith(".")
    assert "\n" not in found[0]


PARAMETERS = {
    "normal": {"mu": "[0, 4]", "sigma": "[1, 2]"},
    "student_t": {"mu": "[0, 4]", "sigma": "[1, 2]", "nu": "5"},
    "lognormal": {"meanlog": "[0, 4]", "sdlog": "[1, 2]"},
    "gamma": {"mean": "[1, 4]", "cv": "[0.5, 1]"},
    "weibull": {"median": "[1, 4]", "shape": "[0.5, 1]"},
    "skew_normal": {"mean": "[0, 4]", "sd": "[1, 2]", "slant": "[-3, 3]"},
    "poisson": {"rate": "[1, 4]"},
    "negative_binomial": {"mean": "[1, 4]", "dispersion": "[0.5, 1]"},
    "zero_inflated_poisson": {"rate": "[1, 4]", "zero": "0.2"},
    "zero_inflated_negative_binomial": {"mean": "[1, 4]", "dispersion": "[0.5, 1]", "zero": "0.2"},
    "binomial": {"p": "[0.1, 0.4]"},
    "beta_binomial": {"p": "[0.1, 0.4]", "dispersion": "[0.5, 1]"},
}
WITH_TRIALS = ("binomial", "beta_binomial")
SEVERAL = [name for name, family in FAMILIES.items() if family.kind == MULTIVARIATE]  # which have tests of their own
EVERY = list(dict.fromkeys(name for names in PARAMETERS.values() for name in names))
PRIORS = dict.fromkeys(("mu", "meanlog", "slant"), "normal(0, 1)") | dict.fromkeys(
    ("sigma", "sdlog", "cv", "median", "shape", "sd", "nu", "mean", "rate", "dispersion"), "normal(3, 1)"
)
PRIORS |= dict.fromkeys(("p", "zero"), "beta(2, 3)")
STRANGE = [(family, key) for family, names in PARAMETERS.items() for key in EVERY if key not in names]


def simulated(family, **changes):
    """The base with its data set `drawn` from another family; a parameter changed to None is left out."""
    values = {"family": family, "n": "50", "theta": "[0.25, 0.75]"} | PARAMETERS[family]
    values |= ({"trials": "9"} if family in WITH_TRIALS else {}) | changes
    old = BASE[BASE.index("    simulate:\n      family: normal\n      n: 50") : BASE.index("  real:\n")]
    lines = [f"      {key}: {value}\n" for key, value in values.items() if value is not None]
    return BASE.replace(old, "    simulate:\n" + "".join(lines))


def modelled(family, **entries):
    """The base with its model `open` of another family, and with trials where the family needs them."""
    trials = "column: weight\n    trials: number" if family in WITH_TRIALS else "column: weight"
    lines = "".join(f"    {key}: {value}\n" for key, value in entries.items())
    text = BASE.replace("  open: {family: normal}\n", f"  open:\n    family: {family}\n{lines}")
    return text.replace("column: weight", trials)


def test_the_parameters_here_are_those_of_the_families_and_of_the_schema():
    assert {name: list(values) for name, values in PARAMETERS.items()} == {
        name: family.names for name, family in FAMILIES.items() if name not in SEVERAL
    }
    rules = schema.schema()["properties"]
    model = rules["models"]["additionalProperties"]["properties"]
    simulate = rules["datasets"]["additionalProperties"]["properties"]["simulate"]["properties"]
    assert model["family"]["enum"] == list(FAMILIES)
    assert simulate["family"]["enum"] == list(PARAMETERS)
    for known, others in ((model["fixed"], []), (model["priors"], ["correlation"])):
        assert sorted(known["properties"]) == sorted(["theta", *EVERY, *others])
    assert set(simulate) == {"family", "sizes", "n", "rows", "theta", "seed", "trials", *EVERY}
    every = [parameter for family in FAMILIES.values() for parameter in family.parameters]
    assert set(model["share"]["items"]["enum"]) == {
        parameter.name for parameter in every if parameter.sharing not in ("never", "always")
    }
    own = dict.fromkeys(parameter.name for parameter in every if parameter.sharing == "unless own")
    assert model["own"]["items"]["enum"] == list(own)


@pytest.mark.parametrize("family", PARAMETERS)
def test_every_family_can_be_simulated_and_modelled(family, tmp_path):
    simulate = check(simulated(family), tmp_path)["datasets"]["drawn"]["simulate"]
    assert simulate["family"] == family
    assert {key: str(simulate[key]) for key in PARAMETERS[family]} == PARAMETERS[family]
    for key, value in PARAMETERS[family].items():
        text = modelled(family, fixed=f"{{{key}: {value}}}").replace("components: [1, 2]", "components: 2")
        assert list(check(text, tmp_path)["models"]["open"]["fixed"]) == [key]
        text = modelled(family, priors=f"{{{key}: '{PRIORS[key]}'}}")
        assert check(text, tmp_path)["models"]["open"]["priors"][key] == PRIORS[key]


@pytest.mark.parametrize(("family", "key"), STRANGE)
def test_parameters_of_other_families_are_refused_and_the_family_s_own_are_named(family, key, tmp_path):
    value = next(values[key] for values in PARAMETERS.values() if key in values)
    own = f"is no parameter of the family {family}; it has {', '.join(PARAMETERS[family])}."
    told = {
        "datasets.drawn.simulate": (simulated(family, **{key: value}), f"{key} {own}", f".{key}"),
        "models.open.priors": (modelled(family, priors=f"{{{key}: '{PRIORS[key]}'}}"), own, f".{key}"),
        "models.open.fixed": (
            modelled(family, fixed=f"{{{key}: {value}}}").replace("components: [1, 2]", "components: 2"),
            own,
            f".{key}",
        ),
    }
    if key in {
        p.name for each in FAMILIES.values() for p in each.parameters if p.sharing in ("on request", "unless own")
    }:
        told["models.open.share"] = (modelled(family, share=f"[{key}]"), f"names '{key}', which {own}", "")
    if key in ("nu", "dispersion"):
        told["models.open.own"] = (modelled(family, own=f"[{key}]"), f"names '{key}', which {own}", "")
    for place, (text, words, last) in told.items():
        (sentence,) = sentences_of(text, tmp_path)
        assert f": {place}{last} " in sentence
        assert sentence.endswith(words)


@pytest.mark.parametrize(
    ("family", "missing", "words"),
    [
        *((family, [key], key) for family, values in PARAMETERS.items() for key in values),
        ("normal", ["mu", "sigma"], "mu and sigma"),
        ("skew_normal", ["sd", "slant"], "sd and slant"),
        ("skew_normal", ["mean", "sd", "slant"], "mean and sd and slant"),
    ],
)
def test_a_simulation_needs_every_parameter_of_its_family(family, missing, words, tmp_path):
    (sentence,) = sentences_of(simulated(family, **dict.fromkeys(missing)), tmp_path)
    assert sentence.endswith(f": datasets.drawn.simulate lacks {words}, which the family {family} needs.")


LOCATIONS = [(family, next(iter(values))) for family, values in PARAMETERS.items()]
SCALES = [(name, parameter.name) for name, family in FAMILIES.items() for parameter in family.parameters
          if parameter.slot == "scale"]  # fmt: skip


@pytest.mark.parametrize(("family", "key"), LOCATIONS)
@pytest.mark.parametrize("value", ["[0.4, 0.1]", "[0.4, 0.4]"])
def test_ordered_values_must_increase(family, key, value, tmp_path):
    for text in (simulated(family, **{key: value}), modelled(family, fixed=f"{{{key}: {value}}}")):
        (sentence,) = sentences_of(text.replace("components: [1, 2]", "components: 2"), tmp_path)
        assert f"{key} is {value}; the values must increase, because their order names the components" in sentence


@pytest.mark.parametrize("family", PARAMETERS)
@pytest.mark.parametrize("lowest", ["-1", "0"])
def test_means_of_gammas_and_of_counts_rates_and_shares_must_be_greater_than_0(family, lowest, tmp_path):
    key = next(iter(PARAMETERS[family]))
    value = f"[{lowest}, 0.4]"
    for text in (simulated(family, **{key: value}), modelled(family, fixed=f"{{{key}: {value}}}")):
        text = text.replace("components: [1, 2]", "components: 2")
        if key in ("rate", "p", "median"):
            (sentence,) = sentences_of(text, tmp_path)
            assert sentence.endswith(f"{key}[0] is {lowest}; it must be greater than 0.")
        elif family == "gamma" or "negative_binomial" in family:
            (sentence,) = sentences_of(text, tmp_path)
            assert sentence.endswith(f"mean is {value}; the values must be greater than 0.")
        else:
            check(text, tmp_path)


@pytest.mark.parametrize(("family", "key", "end"), [*((*each, 0) for each in SCALES), ("student_t", "nu", 1)])
@pytest.mark.parametrize("below", [0, 2])
def test_scales_and_degrees_of_freedom_must_lie_above_their_end(family, key, end, below, tmp_path):
    value = end - below
    for number, last in ((f"{value}", ""), (f"[{value}, 5]", "[0]")):
        for text in (simulated(family, **{key: number}), modelled(family, fixed=f"{{{key}: {number}}}")):
            (sentence,) = sentences_of(text.replace("components: [1, 2]", "components: 2"), tmp_path)
            assert sentence.endswith(f".{key}{last} is {value}; it must be greater than {end}.")


@pytest.mark.parametrize(
    ("family", "key", "prior", "words"),
    [
        ("gamma", "mean", "lognormal([2, 1], 1)", "must not decrease, because the components are ordered by mean"),
        ("lognormal", "meanlog", "normal([2, 1], 1)", "the locations must not decrease"),
        ("skew_normal", "mean", "normal([2, 1], 1)", "the locations must not decrease"),
        ("student_t", "mu", "student_t(3, [2, 1], 1)", "the locations must not decrease"),
        ("skew_normal", "mean", "lognormal(0, 1)", "'lognormal' is not a prior for a parameter that is real"),
        ("skew_normal", "slant", "gamma(2, 1)", "'gamma' is not a prior for a parameter that is real"),
        ("lognormal", "meanlog", "gamma(2, 1)", "'gamma' is not a prior for a parameter that is real"),
        ("student_t", "nu", "gamma(2, [0.1, 0.2])", "the rate of gamma has 2 values, but there is 1 to set"),
        ("poisson", "rate", "lognormal([2, 1], 1)", "must not decrease, because the components are ordered by rate"),
        ("poisson", "rate", "beta(1, 1)", "'beta' is not a prior for a parameter that is positive"),
        ("binomial", "p", "logit_normal([2, 1], 1)", "must not decrease, because the components are ordered by p"),
        ("binomial", "p", "normal(0, 1)", "for a parameter that is between 0 and 1; allowed are beta(a, b)"),
        ("zero_inflated_poisson", "zero", "beta([1, 2], 1)", "the a of beta has 2 values, but there is 1 to set"),
        ("beta_binomial", "dispersion", "gamma([1, 2], 1)", "has 2 values, but there is 1 to set"),
        ("negative_binomial", "dispersion", "normal(0, 1) T[-1, ]", "cannot be cut from below at -1"),
    ],
)  # fmt: skip
def test_priors_of_other_families_are_checked(family, key, prior, words, tmp_path):
    text = modelled(family, priors=f"{{{key}: '{prior}'}}").replace("components: [1, 2]", "components: 2")
    (sentence,) = sentences_of(text, tmp_path)
    assert f"models.open.priors.{key} is '{prior}'" in sentence
    assert words in sentence


def test_a_list_for_degrees_of_freedom_goes_with_own(tmp_path):
    text = modelled("student_t", own="[nu]", priors="{nu: 'gamma(2, [0.1, 0.2])'}")
    assert check(text.replace("components: [1, 2]", "components: 2"), tmp_path)["models"]["open"]["own"] == ["nu"]


@pytest.mark.parametrize(
    ("entries", "place", "words"),
    [
        ({"own": "[sigma]"}, "models.open.own[0]", "is 'sigma'; allowed are nu, dispersion"),
        ({"own": "[nu, nu]"}, "models.open.own", "no item may stand in it twice"),
        ({"own": "[nu]", "share": "[nu]"}, "models.open.own", "names 'nu', which share names too"),
        ({"own": "[nu]", "fixed": "{nu: 5}"}, "models.open.own", "names 'nu', which is fixed"),
        ({"share": "[nu]", "fixed": "{nu: 5}"}, "models.open.share", "names 'nu', which is fixed"),
    ],
)
def test_own_is_for_what_is_shared_by_default(entries, place, words, tmp_path):
    (sentence,) = sentences_of(modelled("student_t", **entries), tmp_path)
    assert f": {place} " in sentence
    assert words in sentence


def paired(family, other=None, **keys):
    """The base whose data set `real` has these keys too and goes with a model of this family, or of two."""
    models = f"  first: {{family: {family}}}\n" + (f"  second: {{family: {other}}}\n" if other else "")
    text = BASE.replace("  open: {family: normal}\n", models).replace("models: [open]", "models: [first]")
    text = text.replace("models: [first]", "models: [first, second]" if other else "models: [first]")
    lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    return text.replace("    column: weight\n", lines if "columns" in keys else f"    column: weight\n{lines}")


NAMES = "analyses[1].models names 'first' of the family"
PAIRS = {
    "trials": (paired("binomial"), f"{NAMES} binomial, which needs the key 'trials' in datasets.real."),
    "trials of beta": (
        paired("beta_binomial"),
        f"{NAMES} beta_binomial, which needs the key 'trials' in datasets.real.",
    ),
    "trials for Poisson": (
        paired("poisson", trials="n"),
        f"{NAMES} poisson, which cannot use the trials of datasets.real.",
    ),
    "trials for normal": (
        paired("normal", trials="n"),
        f"{NAMES} normal, which cannot use the trials of datasets.real.",
    ),
    "exposure": (paired("gamma", exposure="e"), f"{NAMES} gamma, which cannot use the exposure of datasets.real."),
    "columns": (paired("normal", columns="[a, b]"), f"{NAMES} normal, which needs the key 'column' in datasets.real."),
    "rounded counts": (
        paired("poisson", rounding="0.5"),
        f"{NAMES} poisson, which knows no rounding; remove it from datasets.real.",
    ),
    "a density beside a probability": (
        paired("poisson", "normal"),
        "analyses[1].models compares 'first' and 'second', one a density and one a probability, which LOO cannot "
        "compare; say `rounding: 1` in datasets.real, or analyse the data twice.",
    ),
    "a probability beside a density": (
        paired("normal", "negative_binomial"),
        "analyses[1].models compares 'first' and 'second', one a density and one a probability, which LOO cannot "
        "compare; say `rounding: 1` in datasets.real, or analyse the data twice.",
    ),
}


@pytest.mark.parametrize(("text", "words"), PAIRS.values(), ids=PAIRS)
def test_models_must_fit_the_data_sets_of_their_analyses(text, words, tmp_path):
    (sentence,) = sentences_of(text, tmp_path)
    assert sentence.endswith(words)
    assert sentence == f"config.yaml, line {line_of(text, 'models: [first')}: {words}"


@pytest.mark.parametrize(
    ("family", "other", "keys"),
    [
        ("binomial", "beta_binomial", {"trials": "n"}),
        ("poisson", "zero_inflated_negative_binomial", {"exposure": "e"}),
        ("poisson", None, {}),
        ("normal", "gamma", {"rounding": "0.01"}),
        ("poisson", "normal", {"rounding": "1"}),
        ("poisson", "normal", {"rounding": "1.0"}),
        ("normal", None, {"weights": "w", "id": "name", "missing": "drop"}),
    ],
)
def test_models_that_fit_their_data_sets_pass(family, other, keys, tmp_path):
    assert check(paired(family, other, **keys), tmp_path)["datasets"]["real"]["csv"] == "data.csv"


def test_a_density_and_a_probability_in_two_analyses_of_one_data_set_are_compared_too(tmp_path):
    text = paired("poisson", "normal").replace("models: [first, second]", "models: [first]")
    (sentence,) = sentences_of(text + "  - {dataset: real, models: [second], components: 1}\n", tmp_path)
    assert "analyses[2].models compares 'first' and 'second', one a density and one a probability" in sentence


@pytest.mark.parametrize("key", ["column", "columns", "trials", "exposure", "weights", "id"])
def test_columns_of_a_file_are_not_those_of_a_simulation(key, tmp_path):
    value = "[a, b]" if key == "columns" else "a"
    (sentence,) = sentences_of(BASE.replace("  drawn:\n", f"  drawn:\n    {key}: {value}\n"), tmp_path)
    assert sentence.endswith(f": datasets.drawn.{key} goes with csv, not with simulate.")


def test_nothing_is_missing_in_a_simulation(tmp_path):
    (sentence,) = sentences_of(BASE.replace("  drawn:\n", "  drawn:\n    missing: drop\n"), tmp_path)
    assert sentence.endswith(": datasets.drawn.missing goes with csv, not with simulate.")


def test_a_file_has_one_column_or_several(tmp_path):
    words = ": datasets.real must have either column or columns: what of data.csv holds the observations."
    for lines in ("    column: a\n    columns: [a, b]\n", ""):
        first, *_ = sentences_of(BASE.replace("    column: weight\n", lines), tmp_path)
        assert first.endswith(words)


@pytest.mark.parametrize("family", WITH_TRIALS)
def test_a_simulation_of_successes_needs_its_trials(family, tmp_path):
    (sentence,) = sentences_of(simulated(family, trials=None), tmp_path)
    assert sentence.endswith(f": datasets.drawn.simulate lacks trials, which the family {family} needs.")


@pytest.mark.parametrize("family", [name for name in PARAMETERS if name not in WITH_TRIALS])
def test_a_simulation_of_other_families_has_no_trials(family, tmp_path):
    (sentence,) = sentences_of(simulated(family, trials="5"), tmp_path)
    own = f"is no parameter of the family {family}; it has {', '.join(PARAMETERS[family])}."
    assert sentence.endswith(f": datasets.drawn.simulate.trials {own}")


@pytest.mark.parametrize(("place", "value"), [("simulate", "[0.2, 0.3]"), ("fixed", "[0.2, 0.3]")])
def test_there_is_one_weight_of_extra_zeros(place, value, tmp_path):
    family = "zero_inflated_poisson"
    text = simulated(family, zero=value) if place == "simulate" else modelled(family, fixed=f"{{zero: {value}}}")
    (sentence,) = sentences_of(text, tmp_path)
    assert sentence.endswith("zero is [0.2, 0.3]; it must be a number.")


def test_what_is_read_from_a_file_is_what_the_configuration_names():
    dataset = {"csv": "a.csv", "column": "y", "label": "l", "rounding": 0.1, "missing": "error"}
    assert plan.source(dataset) == {"columns": ["y"], "missing": "error"}
    every = {"trials": "n", "exposure": "e", "weights": "w", "id": "i", "missing": "drop"}
    assert plan.source({"csv": "a.csv", "columns": ["a", "b"], **every}) == {"columns": ["a", "b"], **every}


@pytest.mark.parametrize(
    ("families", "kind"),
    [(["normal", "gamma"], "continuous"), (["poisson"], "whole"), (["normal", "poisson"], "whole")],
)
def test_data_are_counts_when_one_of_their_models_says_so(families, kind):
    models = {family: {"family": family} for family in families}
    analyses = [{"dataset": "d", "models": list(models), "components": 2}]
    config = {"models": models | {"other": {"family": "poisson"}}, "analyses": analyses}
    config["analyses"].append({"dataset": "e", "models": ["other"], "components": 2})
    assert plan.kind(config, plan.by_dataset(plan.fits(config))["d"]) == kind


def test_mistakes_on_one_line_come_in_the_order_of_their_keys(tmp_path):
    flow = "{family: normal, sdlog: 1, slant: 2, meanlog: [1], cv: 1, nu: 4, sizes: [5], mu: [1], sigma: 1}"
    text = BASE.replace("  real:\n", f"  flow: {{simulate: {flow}}}\n  real:\n")
    found = [re.search(r"simulate\.(\w+) is no", sentence)[1] for sentence in sentences_of(text, tmp_path)]
    assert found == ["nu", "meanlog", "sdlog", "cv", "slant"]  # as the schema has them, whatever the user's order


@pytest.mark.parametrize("missing", ["datasets", "models", "analyses"])
def test_a_missing_section_is_named_once_and_nothing_follows_from_it(missing, tmp_path):
    config = yaml.safe_load(BASE)
    del config[missing]
    (sentence,) = sentences_of(yaml.safe_dump(config), tmp_path)
    assert f"lacks the key '{missing}'" in sentence
    assert "datasets, models, analyses" in sentence


def test_all_mistakes_appear_at_once_in_the_order_of_the_file(tmp_path):
    text = (
        BASE.replace("seed: 7", "seed: -7")
        .replace("[30, 40, 30]", "[30, 40]")
        .replace("cauchy(0, 5)", "cauchy(5)")
        .replace("[open]", "[opne]")
        .replace("sigma: 1.5", "sigma: -1.5")
    )
    found = sentences_of(text, tmp_path)
    lines = [int(re.match(r"config\.yaml, line (\d+):", sentence)[1]) for sentence in found]
    assert lines == [line_of(text, m) for m in ("-7", "[30, 40]", "-1.5", "cauchy(5)", "[opne]")]


def test_a_mistake_in_one_part_does_not_hide_or_make_mistakes_elsewhere(tmp_path):
    # The data set and the model exist though they are broken, so that the analysis naming them is right.
    text = BASE.replace("csv: data.csv", "csv: 3").replace("  open: {family: normal}", "  open: {family: 3}")
    found = sentences_of(text, tmp_path)
    assert len(found) == 2
    assert "datasets.real.csv is 3; it must be text" in found[0]
    assert "models.open.family is 3; allowed are normal" in found[1]


def test_a_model_that_no_analysis_uses_is_checked_too(tmp_path):
    text = BASE.replace("  open:", "  unused: {family: normal, priors: {mu: 'normal(0)'}}\n  open:")
    (sentence,) = sentences_of(text, tmp_path)
    assert "models.unused.priors.mu is 'normal(0)': normal takes 2 arguments (location, scale), not 1" in sentence


def test_a_model_must_fit_every_number_of_components_asked_for(tmp_path):
    found = sentences_of(BASE.replace("components: 3", "components: [2, 3, 4]"), tmp_path)
    for place in ("models.known.fixed.mu", "models.free.priors.mu", "models.free.priors.theta"):
        assert [place in sentence for sentence in found].count(True) == 2


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("seed: 1\nmodels: [a, b\n", 3, "this is not YAML"),
        ("seed: 1\n\tmodels: 2\n", 2, "this is not YAML"),
        ("seed: 1\nmodels: a: b\n", 2, "this is not YAML"),
        ("seed: 1\nlabel: 'open\n", 3, "this is not YAML"),
        ("a: *nowhere\n", 1, "undefined alias"),
        ("a: 1\n---\nb: 2\n", 2, "this is not YAML"),
        ("seed: 1\nmodels:\n  a: 1\n  b: 2\n  a: 3\n", 5, "models.a is said twice, first in line 3"),
        ("? [a, b]\n: 1\n", 1, "key"),
        ("a: &x [*x]\n", 1, "itself"),
    ],
    ids=["list", "tab", "colon", "quote", "alias", "documents", "twice", "list as key", "circle"],
)
def test_text_that_is_not_yaml_is_named_with_its_line(text, line, words, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        configuration.lines_of(path)
    (sentence,) = caught.value.sentences
    assert sentence.startswith(f"{path}, line {line}")
    assert words in sentence


def test_every_duplicate_key_is_named(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("seed: 1\na: {b: 1, b: 2}\nseed: 2\n")
    with pytest.raises(UserError) as caught:
        configuration.lines_of(path)
    assert [s.split(": ")[1].split(" is")[0] for s in caught.value.sentences] == ["a.b", "seed"]


@pytest.mark.parametrize(
    ("content", "words"), [(b"seed: \xff\n", "UTF-8"), (b"seed: \x01\n", "not YAML")], ids=["latin", "control"]
)
def test_bytes_that_are_no_text_are_refused(content, words, tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        configuration.lines_of(path)


@pytest.mark.parametrize("content", [None, {}, [], ""])
def test_an_empty_configuration_is_said_to_be_empty(content):
    with pytest.raises(UserError, match=r"config/config\.yaml: the configuration is empty; it needs datasets"):
        configuration.checked(content)


@pytest.mark.parametrize(("content", "shown"), [([1, 2], r"\[1, 2\]"), ("text", "'text'"), (3, "3")])
def test_a_root_that_is_no_mapping_is_said_to_be_none(content, shown):
    with pytest.raises(UserError, match=rf"^mine\.yaml: the configuration is {shown}; it must be a mapping"):
        configuration.checked(content, file="mine.yaml")


def test_lines_are_those_of_the_keys(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("# first\na:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n")
    lines = configuration.lines_of(path)
    numbers = {configuration.dotted(place): line for place, (_, line) in lines.items() if place}
    assert numbers == {"a": 2, "a.b": 3, "a.c": 4, "a.c[0]": 5, "a.c[1]": 6, "a.c[1].d": 6}


def test_defaults_are_filled_in_and_the_input_is_not_changed():
    given = yaml.safe_load(BASE)
    before = copy.deepcopy(given)
    config = configuration.checked(given)
    assert given == before
    assert config["strict"] is False
    assert config["seed"] == 7
    assert config["sampling"] == {
        "chains": 2,
        "warmup": 1000,
        "draws": 1000,
        "adapt_delta": 0.8,
        "max_treedepth": 10,
        "metric": "auto",
        "kernel": True,
    }
    assert config["models"]["open"] == {
        "family": "normal",
        "share": [],
        "membership": "group",
        "labels": "ordered",
        "own": [],
        "fixed": {},
        "priors": {"theta": "dirichlet(1)"},
    }
    assert "label" not in config["datasets"]["real"]
    del given["seed"], given["sampling"]
    assert configuration.checked(given)["seed"] == 20260101
    assert configuration.checked(given)["sampling"]["chains"] == 4


def test_checking_a_checked_configuration_changes_nothing():
    once = configuration.checked(yaml.safe_load(BASE))
    assert configuration.checked(once) == once


def test_the_order_in_which_keys_are_written_changes_nothing():
    def turned(value):
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    given = yaml.safe_load(BASE)
    reordered = turned(given)
    for name in ("datasets", "models"):  # names are the user's, and their order is the order of the report
        reordered[name] = {key: reordered[name][key] for key in given[name]}
    assert list(reordered) != list(given)
    assert json.dumps(configuration.checked(reordered)) == json.dumps(configuration.checked(given))


def test_a_fixed_theta_makes_its_default_prior_void_but_not_another(tmp_path):
    text = BASE.replace("      mu: [0, 5, 9]\n      sigma: 1.5", "      theta: [0.5, 0.25, 0.25]")
    assert check(text, tmp_path)["models"]["known"]["fixed"] == {"theta": [0.5, 0.25, 0.25]}
    text = text.replace("  free:", "    priors: {theta: dirichlet(2)}\n  free:")
    (sentence,) = sentences_of(text, tmp_path)
    assert "models.known.priors.theta is the prior of a parameter that is fixed" in sentence


def test_one_component_with_nothing_left_to_estimate_is_one_mistake(tmp_path):
    fixed = "{theta: [1], mu: [3], sigma: 1}"
    text = BASE.replace("open: {family: normal}", f"open: {{family: normal, fixed: {fixed}}}")
    (sentence,) = sentences_of(text.replace("components: [1, 2]", "components: 1"), tmp_path)
    assert "models.open.fixed fixes every parameter, so there is nothing to estimate" in sentence


def test_the_shipped_configuration_is_valid_and_is_the_tutorial(root):
    path = root / "config" / "config.yaml"
    config = configuration.checked(yaml.safe_load(path.read_text()), configuration.lines_of(path))
    asked = [(f.dataset, f.model, f.components) for f in plan.fits(config)]
    assert asked == [
        *(("three-gaussians", model, 3) for model in ("known", "unknown-means", "own-sds")),
        ("old-faithful", "shared-sd", 2),
    ]
    assert config["datasets"]["three-gaussians"]["simulate"]["sizes"] == [90, 50, 75]
    assert config["models"]["known"]["fixed"] == {"mu": [10, 20, 35], "sigma": 2}


def walk(rules, place=()):
    """Every schema below a schema, with its place."""
    yield place, rules
    for key, below in rules.get("properties", {}).items():
        yield from walk(below, (*place, key))
    for key in ("items", "additionalProperties"):
        if isinstance(rules.get(key), dict):
            yield from walk(rules[key], (*place, key))


def test_the_schema_is_valid_closed_and_described():
    rules = schema.schema()
    Draft202012Validator.check_schema(rules)
    seen = 0
    for place, below in walk(rules):
        if "properties" in below or below.get("type") == "object":
            assert "additionalProperties" in below, place
            assert below["additionalProperties"] is False or isinstance(below["additionalProperties"], dict), place
        for key, one in below.get("properties", {}).items():
            seen += 1
            assert one["description"].endswith("."), (*place, key)
            if "default" in one:
                assert one["default"] is not None, (*place, key)  # editors would offer `key: null`
                assert Draft202012Validator(one).is_valid(one["default"]), (*place, key)
    assert seen > 30


def test_seed_for_is_part_of_a_hash():
    # sha256 of "7/fit/made/free/3", its first 16 hexadecimal digits modulo 2**31 - 1, plus 1
    digits = hashlib.sha256(b"7/fit/made/free/3").hexdigest()[:16]
    assert seed_for(7, "fit", "made", "free", 3) == int(digits, 16) % 2147483647 + 1
    # the same from the shell: printf 20260101/simulate/a | sha256sum
    assert seed_for(20260101, "simulate", "a") == 0x20B726B4E9330050 % 2147483647 + 1


def test_seeds_are_legal_and_differ_between_jobs():
    jobs = [(seed, rule, k) for seed in range(20) for rule in ("fit", "assess") for k in range(50)]
    seeds = [seed_for(*job) for job in jobs]
    assert len(set(seeds)) == len(jobs)
    assert min(seeds) >= 1
    assert max(seeds) <= 2**31 - 1
    assert max(seeds) > 2**30  # they use the whole range
    assert seed_for(1, "a", "bc") != seed_for(1, "ab", "c")


def test_fits_are_each_listed_once_in_order():
    config = yaml.safe_load(BASE)
    config["analyses"] = [
        {"dataset": "real", "models": ["open", "free"], "components": [3, 2]},
        {"dataset": "made", "models": ["open"], "components": 1},
        {"dataset": "real", "models": ["open"], "components": [2, 4]},
    ]
    expected = [
        ("real", "open", 3),
        ("real", "open", 2),
        ("real", "free", 3),
        ("real", "free", 2),
        ("made", "open", 1),
        ("real", "open", 4),
    ]
    assert plan.fits(config) == [Fit(*each) for each in expected]
    assert plan.programs(config) == ["univariate"]


def test_titles_have_the_number_of_components_only_where_it_is_needed():
    fits = [Fit("d", "a", 2), Fit("d", "b", 2), Fit("d", "b", 3)]
    assert list(plan.titles(fits).items()) == [(fits[0], "a"), (fits[1], "b (K = 2)"), (fits[2], "b (K = 3)")]


def test_lines_of_a_part_begin_in_it():
    whole = {"other": {"a": 1}, "deep": {"mixtures": {"seed": 1, "models": {"a": {}}}}}
    lines = {("other",): ("f", 1), ("deep",): ("f", 2), ("deep", "mixtures"): ("f", 3)}
    lines |= {("deep", "mixtures", "seed"): ("f", 4), ("deep", "mixtures", "models", "a"): ("f", 6)}
    part = whole["deep"]["mixtures"]
    found = configuration.lines_within(lines, whole, part)
    assert found == {(): ("f", 3), ("seed",): ("f", 4), ("models", "a"): ("f", 6)}
    assert configuration.lines_within(lines, whole, dict(part)) == {}


def of_made(config):
    """The fits of the simulated data set."""
    return plan.by_dataset(plan.fits(config))["made"]


def test_concentrations_are_those_of_the_models_with_unknown_weights():
    config = yaml.safe_load(BASE)
    config["models"]["known"]["fixed"] = {"theta": [0.5, 0.25, 0.25]}
    config["analyses"][0]["models"].append("open")
    config = configuration.checked(config)
    assert plan.concentrations(config, of_made(config)) == [
        {"model": "free", "concentration": [1.0, 2.0, 3.0]},
        {"model": "open", "concentration": [1.0, 1.0, 1.0]},
    ]


def test_a_slice_is_a_configuration_that_gives_the_same_fits():
    config = configuration.checked(yaml.safe_load(BASE))
    part = plan.slice_of(config, "made", of_made(config))
    assert set(part["models"]) == {"known", "free"}
    assert set(part["datasets"]) == {"made"}
    assert plan.fits(configuration.checked(part)) == [f for f in plan.fits(config) if f.dataset == "made"]
    for key in ("seed", "sampling"):
        assert part[key] == config[key]


@pytest.mark.parametrize(
    ("dataset", "label"), [({"label": "l", "column": "c"}, "l"), ({"column": "c"}, "c"), ({"simulate": {}}, "y")]
)
def test_the_label_of_the_axes(dataset, label):
    assert plan.label(dataset) == label


def test_alternatives_match_the_names_and_nothing_else():
    names = ["a.b", "a", "x-1"]
    pattern = re.compile(plan.alternatives(names))
    assert [n for n in [*names, "aXb", "x", "", "a.b.c"] if pattern.fullmatch(n)] == names
    assert not any(re.fullmatch(plan.alternatives([]), text) for text in ("", "a"))


JUNK = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2.0,
    3.7,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "x",
    "1e-3",
    "normal",
    [],
    {},
    [[]],
    [0],
    [1, 2, 3],
    [0.5, 0.5],
    ["sigma"],
    {"a": 1},
    {1: 2},
    {None: {}},
    "normal(0, 1)",
    "dirichlet([1, 2])",
    "a" * 500,
    "\0",
    "é",
    [None],
    ["known", "known"],
    {"family": "normal"},
    "made",
    "known",
    "beta(2, 2)",
    "normal([9, 1, 2], 1)",
]


def corrupted(config, rng):
    """A configuration with one to three random changes somewhere in it."""
    config = copy.deepcopy(config)
    for _ in range(rng.integers(1, 4)):
        place = config
        while True:
            if not isinstance(place, dict | list) or not place:
                break
            key = list(place)[rng.integers(len(place))] if isinstance(place, dict) else rng.integers(len(place))
            if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.8:
                place = place[key]
                continue
            junk = copy.deepcopy(JUNK[rng.integers(len(JUNK))])
            act = rng.integers(4)
            if act == 0:
                del place[key]
            elif act == 1 and isinstance(place, dict):
                name = JUNK[rng.integers(len(JUNK))]
                place[name if isinstance(name, str | int | float | None) else "new"] = junk
            elif act == 2 and isinstance(place, dict):
                others = ["sigma", "mu", "theta", "n", "sizes", "csv", "column", "share", "own", "fixed", "nu", "cv"]
                place[others[rng.integers(len(others))]] = junk
            else:
                place[key] = junk
            break
    return config


def tried(function, argument):
    """What a function returns, and the sentences of the one error that it may raise."""
    try:
        return function(argument), ()
    except UserError as error:
        return None, error.sentences


def test_whatever_is_changed_in_the_default_configuration_gives_sentences_or_a_usable_configuration(root):
    default = yaml.safe_load((root / "config" / "config.yaml").read_text())
    rng = np.random.default_rng(20260101)
    refused, accepted = 0, 0
    for _ in range(500):
        config = corrupted(default, rng)
        config, sentences = tried(configuration.checked, config)
        if sentences:
            refused += 1
            assert all(len(s) < 2000 and s.endswith(".") for s in sentences)
            assert len(set(sentences)) == len(sentences)
            continue
        accepted += 1
        for dataset, fits in plan.by_dataset(plan.fits(config)).items():
            assert {type(fit.components) for fit in fits} == {int}
            assert config["datasets"][dataset]
            assert plan.concentrations(config, fits) is not None
            assert configuration.checked(plan.slice_of(config, dataset, fits))
        assert all(re.fullmatch(plan.alternatives(config["models"]), name) for name in config["models"])
        assert {type(config["sampling"][key]) for key in ("chains", "warmup", "draws")} == {int}
    assert refused > 200
    assert accepted > 20


def test_whatever_is_changed_in_the_text_gives_lines_or_a_sentence(root, tmp_path):
    text = (root / "config" / "config.yaml").read_text()
    rng = np.random.default_rng(3)
    path = tmp_path / "config.yaml"
    alphabet = string.printable + "é\0&*!?|>%@`[]{}:,- "
    refused = 0
    for _ in range(150):
        letters = list(text)
        for _ in range(rng.integers(1, 5)):
            letters[rng.integers(len(letters))] = alphabet[rng.integers(len(alphabet))]
        path.write_text("".join(letters), encoding="utf-8")
        lines, sentences = tried(configuration.lines_of, path)
        refused += bool(sentences)
        assert all(sentence.startswith(str(path)) for sentence in sentences)
        if lines is not None:
            assert all(1 <= line <= len(text) for _, line in lines.values())
    assert refused > 20


@pytest.mark.parametrize(
    ("chains", "fits", "cores", "threads"),
    [
        (2, 2, 1, 2), (2, 2, 5, 2), (2, 2, 7, 2), (2, 2, 8, 4), (2, 2, 13, 6),
        (4, 1, 0, 4),  # jobs are sent elsewhere
        (4, 1, 400, 16), (4, 100, 400, 4), (40, 1, 400, 16),
    ],
)  # fmt: skip
def test_a_fit_asks_for_a_thread_a_chain_and_for_cores_that_all_fits_together_leave_idle(chains, fits, cores, threads):
    assert plan.threads_of_fit(chains, fits, cores) == threads


def test_a_thousand_names_are_matched_as_fast_as_ten():
    names = [f"station-{number:04}" for number in range(1000)]
    pattern = re.compile(plan.alternatives(names))
    assert all(map(pattern.fullmatch, names))
    assert not any(map(pattern.fullmatch, ["station-1000", "station-", "station-00011", "station-001"]))
    assert len(pattern.pattern) < 10000  # each beginning stands there once


def test_a_job_is_given_more_for_large_data_and_after_it_failed(tmp_path):
    path = tmp_path / "large.csv"
    with open(path, "wb") as file:
        file.truncate(100_000_000)
    small, large = plan.resources("fit", None, 1), plan.resources("fit", path, 1)
    assert small == plan.resources("fit", tmp_path / "made-later.csv", 1)
    assert large["mem_mb"] > 3 * small["mem_mb"]
    assert large["runtime"] > small["runtime"]
    assert plan.resources("fit", path, 2) == {name: 2 * value for name, value in large.items()}


def test_artifacts_are_the_outputs_of_the_rules_that_the_configuration_needs():
    config = configuration.checked(yaml.safe_load(BASE))
    of_fit = ("fit", "fit_modes", "assess", "draw_fit_bands", "draw_fit_bands_modes", "predict")
    outputs = {rule: [f"m/{rule}/{{dataset}}/{{model}}/{{components}}"] for rule in of_fit}
    outputs |= {rule: [f"m/{rule}/{{dataset}}"] for rule in ("read", "simulate", "describe", "compare", "report")}
    outputs |= {"overview": ["m/overview"], "toolchain": ["m/toolchain"], "compile": ["m/compile/{program}"]}
    made = plan.artifacts(config, outputs)
    assert len(set(made)) == len(made)
    assert {"m/overview", "m/toolchain", "m/compile/univariate", "m/simulate/made", "m/read/real"} <= set(made)
    assert not {"m/read/made", "m/simulate/real"} & set(made)
    for fit in plan.fits(config):
        place = f"{fit.dataset}/{fit.model}/{fit.components}"
        modes = "_modes" if fit.components > 1 else ""
        jobs = {path.split("/")[1] for path in made if path.endswith(place)}
        assert jobs == {f"fit{modes}", "assess", f"draw_fit_bands{modes}"}


# What is replaced, by what, the key that is named, and words of the sentence.
EXTREMES = {
    "a step": (
        "column: weight",
        "column: weight\n    rounding: 1.0e+300",
        "datasets.real.rounding",
        "beyond what can be",
    ),
    "a fixed sd": ("sigma: 1.5", "sigma: 1.0e-320", "models.known.fixed.sigma", "too close to 0 to be computed with"),
    "a fixed mean": (
        "fixed:\n      mu: [0, 5, 9]",
        "fixed:\n      mu: [0, 5, 1.0e+151]",
        "models.known.fixed.mu[2]",
        "beyond",
    ),
    "many digits": ("sigma: 1\n", "sigma: 9007199254740993\n", "datasets.made.simulate.sigma", "lose digits"),
    "4000 digits": ("sigma: 1\n", f"sigma: {'7' * 4000}\n", "datasets.made.simulate.sigma", "a number beyond 1e+150"),
    "a prior scale": (
        "cauchy(0, 5)",
        "cauchy(0, 3e-310)",
        "models.free.priors.sigma",
        "3e-310 cannot be computed with",
    ),
    "a prior location": ("[-1, 5, 9]", "[-1, 5, 9e200]", "models.free.priors.mu", "9e+200 cannot be computed with"),
    "a prior's cut": ("cauchy(0, 5)", "cauchy(0, 5) T[1e-200, ]", "models.free.priors.sigma", "1e-200 cannot"),
    "draws": ("chains: 2", "draws: 4294967300", "sampling.draws", "at most 1000000"),
    "warm-up": ("chains: 2", "warmup: 2147483648", "sampling.warmup", "at most 1000000"),
    "sizes": ("[30, 40, 30]", "[30, 4294967300, 30]", "datasets.made.simulate.sizes[1]", "at most 10000000"),
    "all sizes": ("[30, 40, 30]", "[9000000, 40, 9000000]", "datasets.made.simulate.sizes", "adds to 18000040"),
    "n": ("n: 50", "n: 3000000000", "datasets.drawn.simulate.n", "at most 10000000"),
    "a seed": (
        "sizes: [30, 40, 30]",
        "sizes: [30, 40, 30]\n      seed: 4294967303",
        "datasets.made.simulate.seed",
        "at most 2147483647",
    ),
    "simulated counts": (
        "family: normal\n      sizes: [30, 40, 30]\n      mu: [0, 5, 9]\n      sigma: 1",
        "family: poisson\n      sizes: [30, 40]\n      rate: [5, 4.0e+9]",
        "datasets.made.simulate.rate",
        "beyond which CmdStan cannot count",
    ),
    "simulated trials": (
        "family: normal\n      sizes: [30, 40, 30]\n      mu: [0, 5, 9]\n      sigma: 1",
        "family: binomial\n      sizes: [30, 40]\n      p: [0.1, 0.2]\n      trials: 2147483648",
        "datasets.made.simulate.trials",
        "at most 2147483647",
    ),
    "a step of a simulation": (
        "  drawn:",
        "  drawn:\n    rounding: 2",
        "datasets.drawn.rounding",
        "those of a simulation are not",
    ),
    "known components of a simulation": ("  drawn:", "  drawn:\n    known: k", "datasets.drawn.known", "goes with csv"),
    "too many columns": (
        "column: weight",
        f"columns: [{', '.join(map(chr, range(97, 118)))}]",
        "datasets.real.columns",
        "at most 20",
    ),
}


@pytest.mark.parametrize("kind", EXTREMES)
def test_numbers_that_nothing_can_be_done_with(kind, tmp_path):
    old, new, key, words = EXTREMES[kind]
    assert BASE.count(old) == 1, old
    told = sentences_of(BASE.replace(old, new), tmp_path)
    (sentence,) = [each for each in told if f": {key} " in each]
    assert words in sentence


NAMES = {
    "a" * 100: None,
    "a.b-c_1": None,
    "7": None,
    "a" * 101: "is no name for a folder",
    "a\n": "is no name for a folder",
    "a.": "is no name for a folder",
    ".": "is no name for a folder",
    "-a": "is no name for a folder",
    "": "is no name for a folder",
    "ä": "is no name for a folder",
    "REAL": "differs from 'real' in nothing but capital letters",
    "Workflow": "would give its page the name of Snakemake's report",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_folders(name, tmp_path):
    entry = f"  {json.dumps(name, ensure_ascii=False)}: {{csv: d.csv, column: y}}\n"
    text = BASE.replace("models:\n  known:", f"{entry}models:\n  known:", 1)
    if NAMES[name] is None:
        assert name in check(text, tmp_path)["datasets"]
        return
    (sentence,) = sentences_of(text, tmp_path)
    assert NAMES[name] in sentence


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("csv", "a{b}.csv", "reads '{' and '}' in the name of a file"),
        ("csv", "<x>.csv", "reads '<' and '>' in"),
        ("predict", "new\tones.csv", "in the name of a file as something else"),
        ("predict", "{", "'{'"),
        ("column", "a\u202eb", "U+202E, which cannot be seen"),
        ("label", "a\u0007b", "U+0007, which cannot be seen"),
        ("id", "\u2066x", "U+2066"),
        ("weights", "\u009f", "U+009F"),
        ("label", "l" * 301, "at most 300 letters"),
    ],
)
def test_texts_that_cannot_be_shown_or_found(key, value, words, tmp_path):
    entry = {"csv": "d.csv", "column": "y"} | {key: value}
    text = BASE.replace("  real:\n    csv: data.csv\n    column: weight", f"  real: {json.dumps(entry)}")
    (sentence,) = sentences_of(text, tmp_path)
    assert f"datasets.real.{key} " in sentence
    assert words in sentence


def test_texts_of_all_scripts_are_names_of_columns(tmp_path):
    for column in (
        "R&D",
        "a\nb",
        "\u05d0\u05d1\u200f",
        "\u0645\u064f\u062d",
        "x_{1}<y>",
        "\U0001f41f \u200d",
        "%$#^\\",
    ):
        text = BASE.replace("column: weight", f"column: {json.dumps(column, ensure_ascii=False)}")
        assert check(text, tmp_path)["datasets"]["real"]["column"] == column


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("__use_yte__: true\nseed: 1\n", 1, "__use_yte__"),
        ("seed: 1\n'__use_\\u0079te__': true\n".replace("'", '"'), 2, "__use_yte__"),
        ("seed: 1\n? !!str __use_yte__\n: true\n", 2, "__use_yte__"),
        ("models:\n  m: &a\n    __use_yte__: true\n<<: [*a]\n", 3, "__use_yte__"),
        ("seed: 1\n\n__definitions__: []\n", 3, "__definitions__"),
        ("datasets: {__variables__: {a: 1}}\n", 1, "__variables__"),
    ],
    ids=["plain", "escaped", "tagged", "merged", "definitions", "variables"],
)
def test_code_in_a_configuration_is_refused_by_line(text, line, word, tmp_path):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(UserError, match=rf"c\.yaml, line {line}: {word} would run Python code"):
        configuration.lines_of(tmp_path / "c.yaml")


def test_a_configuration_without_its_file_says_where_it_is_explained(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml: there is no such file; write one \(config/README\.md"):
        configuration.lines_of(tmp_path / "none.yaml")
