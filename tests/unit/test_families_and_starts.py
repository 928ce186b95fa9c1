"""The families' functions against formulas, EM against published optima, and starting values that are legal."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, stats
from textbook import UNIVARIATE, log_density, log_likelihood, model_of, noticed_in, points_at, rows_of

from stanmix.data import observations
from stanmix.data.noticing import notice
from stanmix.families.family import CONTINUOUS, pool
from stanmix.families.registry import FAMILIES, NORMAL
from stanmix.fits import fitting, starts
from stanmix.model.resolution import specify

RNG = np.random.default_rng(11)


CONTINUOUS_FAMILIES = {name: family for name, family in FAMILIES.items() if family.kind == CONTINUOUS}


def specification(y, components, share=(), fixed=None, family="normal", own=()):
    """A model with default priors, the scale under a lognormal one so that ties do no harm."""
    fixed, scale = fixed or {}, FAMILIES[family].in_slot("scale")
    priors = {} if scale in (None, *fixed) else {scale: "lognormal(0, 1)"}
    model = model_of(family, share=list(share), own=list(own), fixed=fixed, priors=priors)
    # as many components as distinct values are refused before; starts must be legal all the same
    return specify("m", model, components, noticed_in(y) | {"distinct": max(components + 1, len(set(y)))})


def em(given, y, steps=starts.EM_STEPS):
    return starts.expectation_maximisation(given, rows_of(y).units(), steps)


def starting_values(given, y, chains, seed):
    units = rows_of(y).units()
    return starts.starting_values(given, units, [starts.expectation_maximisation(given, units)] * chains, seed)


def read_column(path, column):
    return observations.read_csv(path, [column]).y


def log_likelihood_at(y, found):
    """Of normal components with estimated parameters, by plain loops."""
    return log_likelihood(y, "normal", *(found[name] for name in ("theta", "mu", "sigma")))


def three_gaussians():
    return np.random.default_rng(1).normal(np.repeat([9, 21, 35], [90, 50, 75]), 2)


def test_the_normal_density_and_score_by_hand():
    y, mu, sigma = np.array([-1.0, 0.5, 7.0]), np.array([0.0, 0.5, 2.0]), np.array([1.0, 0.25, 3.0])
    expected = [
        -0.5 * math.log(2 * math.pi) - math.log(s) - (v - m) ** 2 / (2 * s * s)
        for v, m, s in zip(y, mu, sigma, strict=True)
    ]
    np.testing.assert_allclose(NORMAL.logpdf(y, mu, sigma), expected, rtol=1e-13)
    quantiles = stats.norm.ppf([stats.norm.cdf(v, m, s) for v, m, s in zip(y, mu, sigma, strict=True)])
    np.testing.assert_allclose(NORMAL.score(y, mu, sigma), quantiles, rtol=1e-9, atol=1e-12)


# Parameters of each family: usual ones first, then those near the ends of what is possible.
POINTS = {
    "normal": [(3.0, 1.7), (-1000.0, 0.01)],
    "student_t": [(3.0, 1.7, 9.0), (0.0, 1.0, 1.01), (-2.0, 0.5, 500.0)],
    "lognormal": [(1.0, 0.5), (-3.0, 2.0)],
    "gamma": [(3.0, 0.4), (0.5, 2.0), (100.0, 0.05), (7.0, 1.0)],
    "weibull": [(3.0, 2.0), (40.0, 12.0), (0.5, 0.7), (7.0, 1.0)],
    "skew_normal": [(3.0, 1.7, 4.0), (0.0, 2.0, -1.5), (1.0, 1.0, 0.0), (-5.0, 0.3, 40.0)],
}
ALL = [(name, point) for name, points in POINTS.items() for point in points]
USUAL = [(name, points[0]) for name, points in POINTS.items()] + [
    ("gamma", (0.5, 1.2)),
    ("weibull", (0.5, 0.9)),
    ("skew_normal", (0.0, 2.0, -1.5)),
]
# Mean and variance by closed forms.
MOMENTS = {
    "normal": lambda mu, sigma: (mu, sigma**2),
    "student_t": lambda mu, sigma, nu: (mu, sigma**2 * nu / (nu - 2)),
    "lognormal": lambda m, s: (math.exp(m + s * s / 2), math.expm1(s * s) * math.exp(2 * m + s * s)),
    "gamma": lambda mean, cv: (mean, (cv * mean) ** 2),
    "weibull": lambda median, shape: (
        median * math.log(2) ** (-1 / shape) * math.gamma(1 + 1 / shape),
        (median * math.log(2) ** (-1 / shape)) ** 2 * (math.gamma(1 + 2 / shape) - math.gamma(1 + 1 / shape) ** 2),
    ),
    "skew_normal": lambda mean, sd, slant: (mean, sd**2),
}


def test_every_family_stands_here():
    assert set(POINTS) == set(MOMENTS) == set(CONTINUOUS_FAMILIES)
    assert len({family.number for family in CONTINUOUS_FAMILIES.values()}) == len(CONTINUOUS_FAMILIES)


@pytest.mark.parametrize(("name", "parameters"), ALL)
def test_log_densities_equal_the_textbook_far_into_the_tails(name, parameters):
    if FAMILIES[name].positive:
        y = np.exp(np.linspace(-20, 20, 41))
    else:
        steps = np.array([0.0, 0.3, 1.0, 2.5, 8.0, 40.0])
        y = parameters[0] + parameters[1] * np.concatenate([-steps[:0:-1], steps])
    expected = [log_density(value, name, *parameters) for value in y]
    np.testing.assert_allclose(FAMILIES[name].logpdf(y, *parameters), expected, rtol=1e-10, atol=1e-9)


def test_parameters_broadcast_against_values():
    for name, (point, *_) in POINTS.items():
        y, several = np.array([0.7, 2.0, 4.5]), [np.array([value, value * 1.1]) for value in point]
        found = FAMILIES[name].logpdf(y[:, None], *several)
        assert found.shape == FAMILIES[name].score(y[:, None], *several).shape == (3, 2)
        np.testing.assert_allclose(found[:, 1], FAMILIES[name].logpdf(y, *(value * 1.1 for value in point)))


@pytest.mark.parametrize(("name", "parameters"), USUAL)
def test_moments_are_those_of_the_density_and_of_the_generator(name, parameters):
    family = FAMILIES[name]
    # steps that tame both tails
    t = np.linspace(-40, 40, 80001)
    x, slope = (np.exp(t), np.exp(t)) if family.positive else (3 + np.sinh(t), np.cosh(t))
    density = np.exp(family.logpdf(x, *parameters)) * slope
    mean, variance = family.moments(*parameters)
    assert (mean, variance) == pytest.approx(MOMENTS[name](*parameters), rel=1e-12)
    assert np.trapezoid(density, t) == pytest.approx(1, abs=1e-9)
    assert np.trapezoid(x * density, t) == pytest.approx(mean, abs=1e-8)
    assert np.trapezoid((x - mean) ** 2 * density, t) == pytest.approx(variance, abs=1e-7)
    below = integrate.cumulative_simpson(density, x=t, initial=0)
    np.testing.assert_allclose(stats.norm.cdf(family.score(x[::500], *parameters)), below[::500], atol=1e-8)
    n = 40000
    drawn = family.generate(np.random.default_rng(2), *(np.full(n, value) for value in parameters))
    assert drawn.shape == (n,)
    assert drawn.mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / n))
    fourth = np.trapezoid((x - mean) ** 4 * density, t) / variance**2  # 3 for a normal family
    assert drawn.var() == pytest.approx(variance, rel=4 * math.sqrt((fourth - 1) / n))
    assert stats.kstest(drawn, lambda values: np.interp(values, x, below)).pvalue > 0.001
    # the score turns draws of a component into standard normal ones
    assert stats.kstest(family.score(drawn, *parameters), "norm").pvalue > 0.001


def test_a_component_without_a_variance_says_so():
    means, variances = FAMILIES["student_t"].moments(2.0, 1.0, np.array([1.5, 2.0, 2.5]))
    assert means.tolist() == [2.0, 2.0, 2.0]
    assert variances.tolist() == [math.inf, math.inf, pytest.approx(5)]


def test_the_generator_makes_one_value_for_each_element_and_the_seed_decides():
    for name, (point, *_) in POINTS.items():
        columns = np.array(point[0]) * np.ones((4, 3)), *point[1:]
        made = [FAMILIES[name].generate(np.random.default_rng(seed), *columns) for seed in (1, 1, 2)]
        assert made[0].shape == (4, 3)
        assert made[0].tolist() == made[1].tolist()
        assert len(np.unique(made)) == 24


Z = (-300.0, -38.0, -8.0, -1.0, 0.0, 0.5, 3.0, 20.0, 300.0)
# Log probabilities below and above a value by closed forms.
TAILS = {
    "normal": ((3.0, 2.0), [3 + 2 * z for z in Z], lambda y: (stats.norm.logcdf(y, 3, 2), stats.norm.logsf(y, 3, 2))),
    "lognormal": (
        (1.0, 0.5),
        [math.exp(1 + 0.5 * z) for z in Z],
        lambda y: (stats.norm.logcdf(math.log(y), 1, 0.5), stats.norm.logsf(math.log(y), 1, 0.5)),
    ),
    "gamma of shape 1": (
        (2.0, 1.0),
        [1e-290, 1e-100, 1e-8, 0.1, 1.4, 10.0, 200.0, 1400.0],
        lambda y: (math.log(-math.expm1(-y / 2)), -y / 2),
    ),
    "weibull of shape 2": (
        (3.0, 2.0),
        [1e-140, 1e-8, 0.1, 3.0, 10.0, 90.0],
        lambda y: (math.log(-math.expm1(-math.log(2) * (y / 3) ** 2)), -math.log(2) * (y / 3) ** 2),
    ),
    "student_t of two degrees": (
        (0.0, 1.0, 2.0),
        [sign * x for sign in (1, -1) for x in (0.1, 1.0, 30.0, 1e6, 1e100)],
        lambda y: tuple(-math.log((2 + y * y) * (1 - sign * y / math.sqrt(2 + y * y))) if sign * y < 0
                        else math.log((1 + sign * y / math.sqrt(2 + y * y)) / 2) for sign in (1, -1)),
    ),
    # the larger of two standard normal values; its mean is 1 / sqrt(pi)
    "skew_normal of slant 1": (
        (math.sqrt(1 / math.pi), math.sqrt(1 - 1 / math.pi), 1.0),
        [-26.0, -8.0, -3.0, 0.0, 1.0, 8.0, 36.0],
        lambda y: (2 * stats.norm.logcdf(y), stats.norm.logsf(y) + math.log1p(stats.norm.cdf(y))),
    ),
    "skew_normal of slant -1": (
        (-math.sqrt(1 / math.pi), math.sqrt(1 - 1 / math.pi), -1.0),
        [26.0, 8.0, 3.0, 0.0, -1.0, -8.0, -36.0],
        lambda y: (stats.norm.logcdf(y) + math.log1p(stats.norm.sf(y)), 2 * stats.norm.logsf(y)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TAILS)
def test_scores_are_normal_quantiles_far_into_both_tails(case):
    parameters, values, tails = TAILS[case]
    scores = FAMILIES[case.split()[0]].score(np.array(values), *parameters)
    for value, score in zip(values, scores, strict=True):
        lower, upper = tails(value)
        found, expected = (stats.norm.logcdf(score), lower) if lower < upper else (stats.norm.logsf(score), upper)
        assert found == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("name", "parameters"), ALL)
def test_scores_stay_finite_wherever_a_value_lies(name, parameters):
    family = FAMILIES[name]
    y = np.array([1e-300, 1e-30, 1e30, 1e150]) if family.positive else np.array([-1e150, -1e9, 1e9, 1e150])
    scores = family.score(y, *parameters)
    assert np.isfinite(scores).all()
    assert (np.diff(scores) >= 0).all()
    assert scores[0] < -1
    assert scores[-1] > 9
    if name != "student_t":
        assert scores[-1] > 37


def test_the_estimate_is_the_weighted_maximum_likelihood():
    y = RNG.normal(size=40)
    shares = RNG.dirichlet([1, 2, 1], size=40)
    found = NORMAL.estimate(points_at(y), shares, {})
    for k in range(3):

        def minus(p, k=k):
            return -sum(w * stats.norm.logpdf(v, p[0], math.exp(p[1])) for v, w in zip(y, shares[:, k], strict=True))

        best = optimize.minimize(minus, [0.1, 0.1], tol=1e-12).x
        assert found["mu"][k] == pytest.approx(best[0], abs=1e-5)
        assert found["sigma"][k] == pytest.approx(math.exp(best[1]), abs=1e-5)
    known = np.array([-1.0, 0.0, 2.0])
    found = NORMAL.estimate(points_at(y), shares, {"mu": known})
    for k in range(3):
        spread = math.fsum(w * (v - known[k]) ** 2 for v, w in zip(y, shares[:, k], strict=True)) / math.fsum(
            shares[:, k]
        )
        assert found["sigma"][k] == pytest.approx(math.sqrt(spread), rel=1e-12)
    assert found["mu"].tolist() == known.tolist()


# Where estimates are those of the logs: mean and variance of these (those of a Weibull variable are Gumbel's).
MOMENTS_OF_LOGS = {
    "lognormal": lambda meanlog, sdlog: (meanlog, sdlog**2),
    "weibull": lambda median, shape: stats.gumbel_l(math.log(median) - math.log(math.log(2)) / shape, 1 / shape).stats(
        "mv"
    ),
}


@pytest.mark.parametrize("name", CONTINUOUS_FAMILIES)
def test_estimates_have_the_moments_of_the_shares(name):
    family = FAMILIES[name]
    y, shares = np.random.default_rng(3).gamma(2, 2, size=60), RNG.dirichlet([1, 2, 1], size=60)
    found = family.estimate(points_at(y), shares, {})
    assert set(found) == set(family.names)
    on = np.log(y) if name in MOMENTS_OF_LOGS else y
    for k in range(3):
        mean = np.average(on, weights=shares[:, k])
        expected = mean, np.average((on - mean) ** 2, weights=shares[:, k])
        moments = MOMENTS_OF_LOGS.get(name, family.moments)(*(found[parameter][k] for parameter in family.names))
        assert moments == pytest.approx(expected, rel=1e-10)


KNOWN = {
    "mu": [2.0, 5.0, 9.0], "sigma": [1.0, 2.0, 3.0], "nu": [3.0, 4.0, 5.0], "meanlog": [0.5, 1.0, 2.0],
    "sdlog": [0.2, 0.3, 0.4], "mean": [2.0, 5.0, 9.0], "cv": [0.2, 0.3, 0.4], "sd": [1.0, 2.0, 3.0],
    "median": [2.0, 5.0, 9.0], "shape": [1.0, 2.0, 3.0],
    "slant": [-1.0, 0.0, 2.0],
}  # fmt: skip
EACH = [(name, parameter) for name, family in CONTINUOUS_FAMILIES.items() for parameter in family.names]


@pytest.mark.parametrize(("name", "parameter"), EACH)
def test_estimates_keep_what_is_known(name, parameter):
    family = FAMILIES[name]
    y, shares = RNG.gamma(4, 2, size=60) + 0.1, RNG.dirichlet([1, 2, 1], size=60)
    known = np.array(KNOWN[parameter])
    found = family.estimate(points_at(y), shares, {parameter: known})
    assert set(found) == set(family.names)
    assert found[parameter].tolist() == known.tolist()
    if parameter == family.ordered:  # the spread is that about what is known
        on, known = (
            (np.log(y), np.log(known)) if name == "weibull" else (np.log(y) if name == "lognormal" else y, known)
        )
        spread = [math.sqrt(np.average((on - known[k]) ** 2, weights=shares[:, k])) for k in range(3)]
        if name == "gamma":  # logs of gamma values spread wider than their cv, which outliers make too large
            logs = [math.sqrt(np.average(np.log(y / known[k]) ** 2, weights=shares[:, k])) for k in range(3)]
            spread = np.minimum(spread / known, logs)
        factor = math.sqrt(0.8) if name == "student_t" else 1
        if name == "weibull":  # about its median, of one of shape 1
            unit = stats.gumbel_l()
            factor = 1 / math.hypot(unit.mean() - unit.median(), unit.std())
        found = family.width(found[family.in_slot("scale")]) / family.width(1.0)
        np.testing.assert_allclose(found, factor * np.array(spread), rtol=1e-12)


def test_pooling():
    weights, values = np.array([0.5, 0.3, 0.2]), np.array([1.0, 2.0, 4.0])
    for name, family in UNIVARIATE.items():
        for parameter in family.parameters:
            positive = parameter.name in ("sigma", "sdlog", "cv", "sd", "rate", "dispersion", "median", "shape")
            positive |= parameter.name == "mean" and name != "skew_normal"
            expected = math.sqrt(0.5 * 1 + 0.3 * 4 + 0.2 * 16) if positive else 0.5 + 0.6 + 0.8
            assert pool(parameter, values, weights) == pytest.approx(expected), (name, parameter.name)


# Published optima that are no boundary: of each data set and model the numbers of components for which quantile starts
# lead there, and those for which EM ends in a local optimum.
OPTIMA = {
    ("faithful_waiting", "normal"): ([1, 2], [3]),
    ("faithful_waiting", "normal_shared_sd"): ([2], [3]),
    ("faithful_eruptions", "normal"): ([1, 2], [3]),
    ("faithful_eruptions", "normal_shared_sd"): ([2, 3], []),
    ("galaxy_corrected_26960", "normal"): ([1, 3], [2, 4]),
    ("galaxy_corrected_26960", "normal_shared_sd"): ([2, 3, 4, 5], [6]),
    ("galaxy_MASS_26690", "normal"): ([3], [2, 4]),
    ("acidity", "normal"): ([1, 2], []),
    ("acidity", "normal_shared_sd"): ([2], [3]),
    ("stamps_485", "normal"): ([1, 2, 3], []),
    ("stamps_485", "normal_shared_sd"): ([2], [3, 7]),
    ("seed_data_1", "normal"): ([3], []),
    ("seed_data_1", "normal_shared_sd"): ([3], []),
    ("death_notices_freq", "poisson"): ([1, 2, 3], []),
}


@pytest.fixture(scope="module")
def optima(cases):
    return pd.read_csv(cases / "maximum_likelihood.csv").set_index(["data", "model", "K"])


def rows_of_case(name, cases):
    if name == "seed_data_1":
        return rows_of(three_gaussians())
    weights = "freq" if name.endswith("_freq") else None
    return observations.read_csv(cases / "data" / f"{name}.csv", ["y"], weights=weights)


def test_every_published_optimum_that_is_no_boundary_stands_here(optima):
    here = {(*case, k) for case, numbers in OPTIMA.items() for k in (*numbers[0], *numbers[1])}
    assert here == set(optima[~optima["at_floor"]].index)


@pytest.mark.parametrize(("data", "model", "components", "reached"), [
    (*case, k, not where) for case, numbers in OPTIMA.items() for where in (0, 1) for k in numbers[where]
])  # fmt: skip
def test_em_reaches_the_known_maximum_of_the_likelihood(data, model, components, reached, cases, optima):
    row, rows = optima.loc[data, model, components], rows_of_case(data, cases)
    family = "poisson" if model == "poisson" else "normal"
    given = specification(rows.y, components, ["sigma"] if model == "normal_shared_sd" else [], family=family)
    given = replace(given, unit=FAMILIES[family].unit(notice(rows, ["y"])))
    units = rows.units()
    steps = 3000 if family == "poisson" else 600 if reached else 200  # rates move slowly on so flat a likelihood
    found = starts.expectation_maximisation(given, units, steps)
    parameters = [found[name] for name in ("theta", *FAMILIES[family].names)]
    likelihood = log_likelihood(units.y, family, *parameters, count=units.count)
    assert likelihood < row["loglik"] + 1e-3  # published to many digits, after many starts
    assert bool(likelihood > row["loglik"] - 1e-3) is reached
    if not reached or (model, components) == ("poisson", 3):  # whose components are not determined
        return
    location = "rate" if family == "poisson" else "mu"
    for name, column, tolerance in (("theta", "weights", 5e-3), (location, "means", 5e-3), ("sigma", "sds", 5e-3)):
        if name in found:
            values = np.array([float(value) for value in str(row[column]).split()])
            np.testing.assert_allclose(found[name], values, rtol=tolerance)


def test_the_issue_s_own_numbers_of_old_faithful(root):
    y = read_column(root / "data" / "old-faithful.csv", "waiting")
    found = em(specification(y, 2, ["sigma"]), y, steps=200)
    np.testing.assert_allclose(found["theta"], [0.3608, 0.6392], atol=6e-5)
    np.testing.assert_allclose(found["mu"], [54.61, 80.09], atol=6e-3)
    np.testing.assert_allclose(found["sigma"], [5.869, 5.869], atol=6e-4)
    assert log_likelihood_at(y, found) == pytest.approx(-1034.002, abs=6e-4)


MODELS = {
    "free": ([], {}),
    "shared": (["sigma"], {}),
    "known means": ([], {"mu": [10, 20, 35]}),
    "known means, shared": (["sigma"], {"mu": [10, 20, 35]}),
    "known sd": ([], {"sigma": 3}),
    "known sds": ([], {"sigma": [5, 4, 6]}),
    "known weights": (["sigma"], {"theta": [0.2, 0.3, 0.5]}),
    "known all but weights": ([], {"mu": [10, 20, 35], "sigma": 2}),
    "an impossible component": ([], {"theta": [0.4, 0, 0.6]}),
}


@pytest.mark.parametrize(("share", "fixed"), MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("data", ["apart", "overlapping"])
def test_em_never_lowers_the_likelihood_and_keeps_what_is_fixed(share, fixed, data):
    y = three_gaussians()[::3] if data == "apart" else np.random.default_rng(8).standard_t(4, size=60) * 5 + 20
    given = specification(y, 3, share, fixed)
    path = []
    for steps in range(25):
        found = em(given, y, steps)
        path.append(log_likelihood_at(y, found))
        assert found["theta"].sum() == pytest.approx(1, abs=1e-12)
        for name, value in fixed.items():
            assert found[name].tolist() == np.broadcast_to(value, 3).tolist()
        if share:
            assert len(set(found["sigma"])) == 1
        assert (np.diff(found["mu"]) >= 0).all()
    # a billionth of a point is added to every component in each step
    assert min(np.diff(path)) > -1e-5
    assert path[-1] > path[0] - 1e-9


@pytest.mark.parametrize("share", [[], ["sigma"]])
def test_with_known_means_em_finds_the_maximum_under_them(share):
    y, mu = three_gaussians(), [10, 20, 35]
    found = em(specification(y, 3, share, {"mu": mu}), y, steps=300)

    def minus(p):
        weights = np.exp(np.append(p[:2], 0))
        sigma = np.exp(np.broadcast_to(p[2:], 3))
        density = sum(w * stats.norm.pdf(y, m, s) for w, m, s in zip(weights / weights.sum(), mu, sigma, strict=True))
        return -np.log(density).sum()

    best = optimize.minimize(minus, [0.0, 0.0] + [1.0] * (1 if share else 3)).fun
    assert -log_likelihood_at(y, found) == pytest.approx(best, abs=1e-4)


def test_fixed_weights_stay_in_their_places_when_components_cross():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = np.concatenate([rng.normal(0, 1, 30), rng.normal(0.5, 20, 30)])
        given = specification(y, 3, [], {"theta": [0.1, 0.8, 0.1]})
        found = em(given, y, 60)
        assert found["theta"].tolist() == [0.1, 0.8, 0.1]
        assert (np.diff(found["mu"]) >= 0).all()


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize("components", [1, 2, 3])
def test_em_of_lognormal_components_is_em_of_normal_ones_on_the_logs(components, share):
    y = np.exp(three_gaussians() / 10)
    one = specification(y, components, ["sdlog"] if share else [], family="lognormal")
    other = specification(np.log(y), components, ["sigma"] if share else [])
    found, expected = (em(given, values) for given, values in ((one, y), (other, np.log(y))))
    assert set(found) == {"theta", "meanlog", "sdlog"}
    for left, right in (("theta", "theta"), ("meanlog", "mu"), ("sdlog", "sigma")):
        np.testing.assert_allclose(found[left], expected[right], rtol=1e-9)


# Parameters of simulated components that lie well apart, and what EM must find of them.
APART = {
    "student_t": {"mu": [0.0, 20.0], "sigma": [1.0, 2.0], "nu": [10.0, 10.0]},
    "gamma": {"mean": [1.0, 30.0], "cv": [0.3, 0.2]},
    "weibull": {"median": [1.0, 30.0], "shape": [3.0, 5.0]},
    "skew_normal": {"mean": [0.0, 20.0], "sd": [1.0, 2.0], "slant": [0.0, 0.0]},
}


@pytest.mark.parametrize("name", APART)
def test_em_finds_components_that_lie_apart(name):
    member = np.repeat([0, 1], [2400, 1600])
    y = FAMILIES[name].generate(
        np.random.default_rng(6), *(np.array(values)[member] for values in APART[name].values())
    )
    found = em(specification(y, 2, family=name), y)
    np.testing.assert_allclose(found["theta"], [0.6, 0.4], atol=0.01)
    location, scale, *shape = APART[name]
    np.testing.assert_allclose(found[location], APART[name][location], atol=0.2)
    np.testing.assert_allclose(found[scale], APART[name][scale], rtol=0.1)
    for parameter in shape:
        np.testing.assert_allclose(found[parameter], APART[name][parameter], rtol=1e-12)


def locations_of(start):
    """The locations in the sampler's unit, under the name that goes with their order."""
    assert not (start["ordered_free"] and start["unordered_free"])
    return np.array(start["ordered_free"] or start["unordered_free"])


def in_the_unit_of_the_data(start, given):
    """Starting values as the program's transformed parameters make them from the sampler's unit.

    The locations of gamma are left on the log scale, so that those of all positive families lie there, and scales are
    given as the width that they stand for.
    """
    unit, family = given.unit, FAMILIES[given.family]
    location = unit["origin"] + unit["location"] * locations_of(start)
    scale = unit["scale"] * np.array(start["scale_free"])
    return location, family.width(scale) if len(scale) else scale, np.array(start["shape_free"])


def legal(start, given):
    """The checks of every starting point; the sizes are those of the specification's modes."""
    names = ["theta_free", "ordered_free", "unordered_free", "scale_free", "shape_free", "zero_free"]
    assert sorted(start) == sorted(names)
    theta, components = np.array(start["theta_free"]), given.components
    assert theta.sum() == pytest.approx(1, abs=1e-12)
    assert (theta > 0).all()
    assert len(theta) == (components if not given.weights.fixed else 1)
    modes = {entry.slot: entry.mode for entry in given.parameters}
    for slot in ("location", "scale", "shape", "zero"):
        values = locations_of(start) if slot == "location" else np.array(start[f"{slot}_free"])
        assert len(values) == {"own": components, "shared": 1, "fixed": 0}[modes.get(slot, "fixed")]
        assert np.isfinite(values).all()
    assert bool(start["unordered_free"]) is (given.labels == "relabelled" and modes["location"] != "fixed")
    assert (np.diff(locations_of(start)) > 0.7 * starts.SMALLEST_GAP).all()
    assert (np.array(start["scale_free"]) > 0).all()
    if given.family == "student_t":
        assert (np.array(start["shape_free"]) > 1).all()
    assert all(type(value) is float for values in start.values() for value in values)


SAMPLES = {
    "three Gaussians": three_gaussians()[::5],
    "three values": np.array([1.0, 1.0, 2.0, 5.0]),
    "two values": np.array([0.0, 1.0]),
    "huge": 1e12 + np.arange(12.0) ** 2,
    "tiny": 1e-12 * np.arange(1, 9.0) ** 3,
    "far outlier": np.append(np.linspace(0, 1, 20), 1e6),
}


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("components", range(1, 9))
@pytest.mark.parametrize("share", [False, True], ids=["own", "shared"])
@pytest.mark.parametrize("name", CONTINUOUS_FAMILIES)
def test_starting_values_are_legal_whatever_the_data(name, share, components, sample):
    family, y = FAMILIES[name], SAMPLES[sample]
    y = y + 1 if family.positive and y.min() <= 0 else y
    every = [parameter.name for parameter in family.parameters if parameter.sharing != "never"]
    own = [parameter.name for parameter in family.parameters if parameter.sharing == "unless own"]
    given = specification(y, components, every if share else [], family=name, own=[] if share else own)
    assert {entry.mode for entry in given.parameters[1:]} == {"shared" if share else "own"}
    values = np.log(y) if family.positive else y
    for start in starting_values(given, y, 2, seed=5):
        legal(start, given)
        location, scale, _ = in_the_unit_of_the_data(start, given)
        assert min(start["theta_free"]) > 0.05 / components / 100  # no component starts without weight
        # not collapsed, and within sight of the data
        assert scale.min() > np.std(values) / 500
        assert scale.max() < 20 * np.std(values)
        assert location.min() > values.min() - 3 * np.std(values)
        assert location.max() < values.max() + 3 * np.std(values)


@pytest.mark.parametrize(("share", "fixed"), MODELS.values(), ids=MODELS)
def test_starting_values_leave_out_what_is_fixed(share, fixed):
    y = three_gaussians()
    given = specification(y, 3, share, fixed)
    modes = {entry.name: entry.mode for entry in given.parameters}
    assert modes == {name: "fixed" if name in fixed else "shared" if name in share else "own" for name in modes}
    for start in starting_values(given, y, 3, seed=1):
        legal(start, given)


@pytest.mark.parametrize(("name", "parameter"), EACH)
def test_starting_values_of_every_family_leave_out_what_is_fixed(name, parameter):
    y = three_gaussians()
    given = specification(y, 3, fixed={parameter: KNOWN[parameter]}, family=name)
    slot = ("location", "scale", "shape")[FAMILIES[name].names.index(parameter)]
    for start in starting_values(given, y, 3, seed=1):
        found = locations_of(start).tolist() if slot == "location" else start[f"{slot}_free"]
        assert found == []
        legal(start, given)


SIZES, CENTRES = np.array([90, 50, 75]), np.array([8.87, 20.75, 34.94])  # the maximum of the normal likelihood


def test_chains_start_apart_by_about_a_standard_error_and_seeds_decide():
    y = three_gaussians()
    given = specification(y, 3)
    many = starting_values(given, y, 400, seed=3)
    assert many == starting_values(given, y, 400, seed=3)
    assert many[:2] == starting_values(given, y, 2, seed=3)
    assert many[0] != starting_values(given, y, 1, seed=4)[0]
    assert len({tuple(locations_of(start)) for start in many}) == 400
    mu, sigma, _ = map(np.array, zip(*(in_the_unit_of_the_data(start, given) for start in many), strict=True))
    theta = np.array([start["theta_free"] for start in many])
    np.testing.assert_allclose(mu.mean(axis=0), CENTRES, atol=0.15)
    np.testing.assert_allclose(mu.std(axis=0), 1.9 / np.sqrt(SIZES), rtol=0.25)
    np.testing.assert_allclose(np.log(sigma).std(axis=0), 1 / np.sqrt(2 * SIZES), rtol=0.25)
    np.testing.assert_allclose(theta.std(axis=0), np.sqrt(SIZES * (215 - SIZES) / 215**3), rtol=0.35)


@pytest.mark.parametrize("name", [name for name, family in CONTINUOUS_FAMILIES.items() if family.positive])
def test_chains_of_positive_families_start_apart_by_about_a_standard_error_of_the_log(name):
    y = three_gaussians()
    given = specification(y, 3, family=name)
    many = (in_the_unit_of_the_data(start, given) for start in starting_values(given, y, 400, seed=3))
    location, scale, _ = map(np.array, zip(*many, strict=True))
    np.testing.assert_allclose(location.mean(axis=0), np.log(CENTRES), atol=0.05)
    np.testing.assert_allclose(location.std(axis=0), 1.9 / CENTRES / np.sqrt(SIZES), rtol=0.25)
    np.testing.assert_allclose(np.log(scale).std(axis=0), 1 / np.sqrt(2 * SIZES), rtol=0.25)


@pytest.mark.parametrize("own", [[], ["nu"]])
def test_degrees_of_freedom_start_around_10_and_above_1(own):
    y = three_gaussians()
    many = starting_values(specification(y, 3, family="student_t", own=own), y, 200, seed=3)
    nu = np.array([start["shape_free"] for start in many])
    assert nu.shape == (200, 3 if own else 1)
    assert nu.min() > 1 + 9 / math.e
    assert nu.max() < 1 + 9 * math.e
    assert np.median(nu) == pytest.approx(10, abs=2)
    assert nu.std() > 0.5


def test_degrees_of_freedom_near_their_end_stay_above_it_however_far_they_are_moved():
    given = specification(three_gaussians(), 3, family="student_t", own=["nu"])
    estimate = {"mu": np.arange(3.0), "sigma": np.ones(3), "nu": np.array([1.001, 1.5, 30.0])}
    steps = np.array([[0.0] * 3, [0.0] * 3, [-9.0, -9.0, -9.0], [0.0] * 3])
    found = starts._moved(FAMILIES["student_t"], given, estimate, steps, 1.0)["shape"]
    np.testing.assert_allclose(found - 1, np.array([0.001, 0.5, 29.0]) / math.e, rtol=1e-6)


def test_slants_start_near_0_but_not_at_0_where_the_information_is_singular():
    y = three_gaussians()
    many = starting_values(specification(y, 3, family="skew_normal"), y, 200, seed=3)
    slant = np.array([start["shape_free"] for start in many])
    assert (slant != 0).all()
    assert np.abs(slant).max() < starts.SLANT_STEP
    assert (slant > 0).any(axis=0).all()
    assert (slant < 0).any(axis=0).all()


def test_nearly_equal_means_are_pushed_apart_in_every_chain():
    y = np.random.default_rng(4).normal(size=200)
    for start in starting_values(specification(y, 6, ["sigma"]), y, 20, seed=2):
        assert (np.diff(locations_of(start)) > 0.99 * starts.SMALLEST_GAP).all()
    equal = starts._apart(np.array([1.0, 1.0, 1.0, 1.05, 3.0]), 0.1)
    np.testing.assert_allclose(equal, [1.0, 1.1, 1.2, 1.3, 3.0])


def test_overlap_is_the_expected_share_of_wrong_components():
    y = np.repeat([0.0, 2.0, 10.0], [2, 1, 1])
    state = {"theta": np.array([0.5, 0.5]), "mu": np.array([0.0, 2.0]), "sigma": np.array([1.0, 1.0])}
    # log odds of the first component are 2 - 2 y
    wrong = 1 / (1 + np.exp(np.abs(2 - 2 * y)))
    given = specification(y, 2)
    assert starts.overlap(given, rows_of(y).units(), state) == pytest.approx(wrong.mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("asked", "overlap", "warmup", "metric"),
    [
        ("auto", 0.05, 70, "dense"),
        ("auto", 0.051, 70, "diag"),
        ("auto", 0.05, 69, "diag"),
        ("auto", np.nan, 70, "diag"),
        ("diag", 0.0, 1000, "diag"),
        ("dense", 0.5, 1, "dense"),
    ],
)
def test_a_dense_metric_where_components_are_apart_and_warm_up_is_long(asked, overlap, warmup, metric):
    start = {"theta_free": [0.3, 0.7], "ordered_free": [1.0, 2.0], "unordered_free": [], "scale_free": [1.0, 1.0, 2.0]}
    assert fitting.metric_of({"metric": asked, "warmup": warmup}, overlap, [start]) == metric
