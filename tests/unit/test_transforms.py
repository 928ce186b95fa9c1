"""Models of transformed values: densities of the values as they are, comparable by LOO, and what is refused."""

import itertools

import numpy as np
import pytest
from scipy import integrate, stats
from textbook import model_of, noticed_in, rows_of

from stanmix.assess import crossvalidation, prediction
from stanmix.base.errors import UserError
from stanmix.data.noticing import notice
from stanmix.data.observations import Observations
from stanmix.families.family import Points
from stanmix.families.registry import FAMILIES, family_of
from stanmix.families.transforms import Scale
from stanmix.fits.starts import expectation_maximisation
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data

RNG = np.random.default_rng(5)
Y = np.exp(np.r_[RNG.normal(0, 0.5, 60), RNG.normal(3, 0.4, 50)])
SCALES = [Scale("log"), Scale("log", 1.5), Scale("log10"), Scale("logit"), Scale("sqrt", 0.5), Scale("", 2.0)]
BASES = {
    "normal": {"mu": [-0.4, 0.9], "sigma": [0.5, 0.3]},
    "student_t": {"mu": [-0.4, 0.9], "sigma": [0.5, 0.3], "nu": [4.5, 9.0]},
    "skew_normal": {"mean": [-0.4, 0.9], "sd": [0.5, 0.3], "slant": [-3.0, 2.0]},
}


def draws_of(parameters):
    return {"theta": np.array([[0.3, 0.7]])} | {name: np.array([values]) for name, values in parameters.items()}


def points(y):
    return Points(np.asarray(y, float), np.ones(len(y)))


def specified(y, components=2, **model):
    rows = rows_of(y)
    return specify("m", model_of(**model), components, notice(rows, ["y"]), None, rows)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("scale", SCALES[:5], ids=Scale.text)
def test_a_density_is_that_of_the_values_and_integrates_to_its_distribution_function(base, scale):
    name, draws = f"{base} of {scale.text()}", draws_of(BASES[base])
    ends = scale.backward(np.array([-1.6, -0.7, 0.0, 0.4, 1.3]))

    def density(y):
        return np.exp(mixture.log_likelihood(name, points([y]), draws))[0, 0]

    tails = mixture.tails(name, points(ends), draws)[0][0]
    masses = []
    for low, high in itertools.pairwise(ends):
        split = [-scale.shift] if low < -scale.shift < high else None  # of sqrt: the density has a pole there
        masses.append(integrate.quad(density, low, high, points=split, epsabs=1e-12, limit=400)[0])
    assert masses == pytest.approx(np.diff(tails), abs=1e-8)
    lowest, highest = scale.ends
    whole = mixture.tails(name, points([lowest if np.isfinite(lowest) else -1e300, min(highest, 1e300)]), draws)[0][0]
    if scale.name != "sqrt":
        assert whole == pytest.approx([0, 1], abs=1e-5)  # the tails of log10 reach far
        outside = points([lowest - 0.1, highest + 0.1 if np.isfinite(highest) else lowest - 1])
        assert np.isneginf(mixture.log_likelihood(name, outside, draws)).all()
    # And it is the derivative of the distribution function, by differences.
    at, step = scale.backward(np.array([-0.9, 0.2, 1.1])), 1e-5
    above, below = (mixture.tails(name, points(at + sign * step), draws)[0][0] for sign in (1, -1))
    assert [density(y) for y in at] == pytest.approx((above - below) / (2 * step), rel=1e-5)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("scale", [Scale("sqrt"), Scale("logit"), Scale("log", -2.0)], ids=Scale.text)
def test_moments_are_those_of_generated_values(base, scale):
    if base == "student_t" and scale.name == "log":
        mean, variance = FAMILIES[f"{base} of {scale.text()}"].component_moments(draws_of(BASES[base]))
        assert np.isinf(mean).all()
        assert np.isinf(variance).all()
        return
    family, draws = FAMILIES[f"{base} of {scale.text()}"], draws_of(BASES[base])
    mean, variance = family.component_moments(draws)
    y = family.generate(
        np.random.default_rng(1), *(draws[name][0] for name in family.of_component), size=np.ones((400_000, 1))
    )
    assert y.shape == (400_000, 2)
    error = y.std(axis=0) / np.sqrt(len(y))
    assert (np.abs(y.mean(axis=0) - mean[0]) < 5 * error).all()
    if base != "student_t":
        assert y.var(axis=0) == pytest.approx(variance[0], rel=0.03)


def test_moments_of_logs_are_those_of_the_lognormal_distribution():
    draws = draws_of(BASES["normal"])
    mean, variance = FAMILIES["normal of log(y)"].component_moments(draws)
    exact = stats.lognorm(draws["sigma"][0], scale=np.exp(draws["mu"][0]))
    assert mean[0] == pytest.approx(exact.mean(), rel=1e-10)
    assert variance[0] == pytest.approx(exact.var(), rel=1e-9)


@pytest.mark.parametrize("scale", SCALES, ids=Scale.text)
def test_what_is_done_to_values_is_undone(scale):
    x = np.linspace(-3, 3, 31)
    y = scale.backward(x)
    assert scale.forward(y) == pytest.approx(x, abs=1e-12)
    name = f"normal of {scale.text()}"
    assert FAMILIES[name].name == name
    assert FAMILIES[name].scales == (scale,)
    assert FAMILIES[name] is FAMILIES[name]


def test_other_names_are_no_family():
    with pytest.raises(KeyError):
        FAMILIES["normal of nothing"]
    assert "normal of log(y)" not in set(FAMILIES)


def test_the_normal_of_logs_is_the_lognormal_family_to_the_digit():
    own = {"priors": {"theta": "dirichlet(1)"}}
    log = specified(Y, family="normal", transform="log", **own)
    lognormal = specified(Y, family="lognormal", **own)
    # the default priors, the unit of the sampler and the start are the same, and the program's data the logs
    for one, other in zip(log.parameters, lognormal.parameters, strict=True):
        assert one.priors[0].arguments == pytest.approx(other.priors[0].arguments, rel=1e-13)
    assert list(log.unit.values()) == pytest.approx(list(lognormal.unit.values()), rel=1e-13)
    units = rows_of(Y).units()
    assert program_data(log, units)["y"] == np.log(units.y).tolist()
    assert program_data(lognormal, units)["y"] == units.y.tolist()
    ends = [list(expectation_maximisation(each, units).values()) for each in (log, lognormal)]
    assert np.array(ends[0]) == pytest.approx(np.array(ends[1]), rel=1e-10)
    # with the same draws densities, memberships, LOO and its PIT are the same
    rng = np.random.default_rng(2)
    draws = {
        "theta": rng.dirichlet([60, 50], 800),
        "mu": rng.normal([0, 3], 0.06, (800, 2)),
        "sigma": rng.gamma(90, 0.005, (800, 2)),
    }
    same = {"theta": draws["theta"], "meanlog": draws["mu"], "sdlog": draws["sigma"]}
    at = Points(units.y, np.ones(len(units.y)))
    found = [
        crossvalidation.leave_one_out(name, at, units.count, values, 1.0)
        for name, values in ((log.family, draws), ("lognormal", same))
    ]
    for key in ("elpd_i", "lppd_i", "pareto_k", "pit", "loo_pit", "log_likelihood"):
        assert found[0][key] == pytest.approx(found[1][key], rel=1e-9, abs=1e-10), key
    assert FAMILIES[log.family].centres(draws) == pytest.approx(FAMILIES["lognormal"].centres(same))
    members = [[0, 1] * (len(at) // 2)] * 800
    replicated = [
        FAMILIES[name].replicate(at, values, np.array(members), np.random.default_rng(3))
        for name, values in ((log.family, draws), ("lognormal", same))
    ]
    assert replicated[0] == pytest.approx(replicated[1], rel=1e-12)


def test_common_logs_differ_from_natural_ones_by_their_unit_alone():
    draws = draws_of(BASES["normal"])
    ten = {name: values / np.log(10) if name in ("mu", "sigma") else values for name, values in draws.items()}
    values = [
        mixture.log_likelihood(f"normal of {name}(y)", points(Y), each)
        for name, each in (("log", draws), ("log10", ten))
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_a_shift_of_a_positive_family_moves_it_and_goes_with_rounding():
    y = np.round(Y) - 1
    rows = rows_of(y)
    model = model_of("lognormal", shift=1.5, share=["sdlog"])
    specification = specify("m", model, 2, noticed_in(y), 1.0, rows)
    units = rows.units()
    assert program_data(specification, units)["y"] == pytest.approx(units.y + 1.5)
    draws = draws_of({"meanlog": [0.0, 3.0], "sdlog": [0.5, 0.5]})
    at = Points(units.y, np.ones(len(units.y)), 1.0)
    weights, ends = np.array([0.3, 0.7]), (units.y[:, None] + 1.5 - 0.5, units.y[:, None] + 1.5 + 0.5)
    lower, upper = (stats.lognorm([0.5, 0.5], scale=np.exp([0.0, 3.0])).cdf(end) @ weights for end in ends)
    assert np.exp(mixture.log_likelihood(specification.family, at, draws))[0] == pytest.approx(upper - lower, rel=1e-6)
    assert specification.entry.centres(draws)[0] == pytest.approx(np.exp([0.0, 3.0]) - 1.5)


def test_several_columns_have_scales_of_their_own():
    rng = np.random.default_rng(4)
    x = rng.multivariate_normal([0.2, 1.0], [[0.3, 0.1], [0.1, 0.5]], 80)
    y = np.column_stack([np.exp(x[:, 0]) - 0.5, x[:, 1]])
    rows = Observations(y, np.ones(80, np.int64))
    model = model_of("multivariate_normal", transform={"a": "log"}, shift=0.5)
    specification = specify("m", model, 1, notice(rows, ["a", "b"]), None, rows)
    assert specification.transform == ["log(y + 0.5)", "y"]
    assert (
        pytest.approx(np.column_stack([np.log(rows.units().y[:, 0] + 0.5), rows.units().y[:, 1]]))
        == np.array(program_data(specification, rows.units())["y"]).T
    )
    draws = {"theta": np.ones((1, 1)), "mu": np.array([[[0.2, 1.0]]]), "sigma": np.array([[[0.5, 0.7]]]),
             "correlation": np.array([[[[1, 0.3], [0.3, 1]]]])}  # fmt: skip
    exact = stats.multivariate_normal([0.2, 1.0], [[0.25, 0.105], [0.105, 0.49]])
    found = mixture.log_likelihood(specification.family, Points(y, np.ones(80)), draws)[0]
    assert found == pytest.approx(exact.logpdf(x) - np.log(y[:, 0] + 0.5), rel=1e-10)
    family = specification.entry
    assert family.centres(draws)[0, 0] == pytest.approx([np.exp(0.2) - 0.5, 1.0])
    mean, variance = family.component_moments(draws)
    assert mean[0, 0] == pytest.approx([np.exp(0.2 + 0.125) - 0.5, 1.0], rel=1e-9)
    assert variance[0, 0, 1] == pytest.approx(0.49, rel=1e-9)
    assert FAMILIES[family.marginal([1, 0])].scales == (Scale(), Scale("log", 0.5))


@pytest.mark.parametrize(
    ("y", "model", "words"),
    [
        ([3, 0, -2, 0], {"transform": "log"}, "normal of log(y) needs values above 0, but line 4, column 'y', has -2"),
        ([3, 0, -2, 0], {"transform": "log"}, "has -2 (and 2 more); say `shift:` with more than 2"),
        ([3, 0, 2], {"transform": "log10", "shift": -1}, "needs values above 1, but line 3, column 'y', has 0"),
        ([3, -1, 2], {"transform": "sqrt"}, "above 0, but line 3, column 'y', has -1; say `shift:` with more than 1"),
        ([0.3, 0.5, 1], {"transform": "logit"}, "between 0 and 1, but line 4, column 'y', has 1; where the numbers"),
        ([0.3, 0, 0.9], {"transform": "logit"}, "needs values between 0 and 1, but line 3, column 'y', has 0;"),
        ([3, -1, 2], {"family": "gamma", "shift": 1}, "gamma of y + 1 needs values above -1, but line 3"),
    ],
)  # fmt: skip
def test_values_without_a_place_on_the_scale_are_told_with_their_line(y, model, words):
    rows = rows_of(y, lines=np.arange(2, 2 + len(y)))
    with pytest.raises(UserError) as caught:
        specify("m", model_of(**({"family": "normal"} | model)), 1, notice(rows, ["y"]), None, rows)
    assert words in str(caught.value)


def test_new_rows_without_a_place_are_told():
    rows = rows_of([1.0, -3.0], lines=np.array([2, 3]))
    family = family_of(model_of("normal", transform="log", shift=2))
    (told,) = prediction.faults(rows, ["x"], "m", family)
    assert (
        told
        == "line 3, column 'x': -3 is not possible; the family normal of log(y + 2) of models.m needs values above -2."
    )


def test_new_rows_of_several_columns_are_looked_at_by_column():
    model = model_of("multivariate_normal", transform={"a": "log"})
    rows = Observations(np.array([[1.0, -3.0], [0.0, 2.0]]), np.ones(2, np.int64), lines=np.array([2, 3]))
    (told,) = prediction.faults(rows, ["a", "b"], "m", family_of(model, ["a", "b"]))
    assert told.startswith("line 3, column 'a': 0 is not possible")


def test_own_scales_of_tied_values_are_cut_where_their_step_says_on_the_new_scale():
    y = np.round(Y * 2) / 2 + 0.5
    log, lognormal = (
        specified(y, family=family, **more) for family, more in (("normal", {"transform": "log"}), ("lognormal", {}))
    )
    ends = [each.parameters[1].priors[0].lower for each in (log, lognormal)]
    assert ends[0] == pytest.approx(ends[1])
    assert ends[0] > 0
