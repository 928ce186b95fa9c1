"""The families' functions against formulas, EM against published optima, and starting values that are legal."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from stanmix import observations, starts
from stanmix.families import FAMILIES, NORMAL
from stanmix.specification import specify

RNG = np.random.default_rng(11)


def specification(y, components, share=(), fixed=None):
    """A model with default priors, sigma under a lognormal one so that ties do no harm."""
    fixed = fixed or {}
    priors = {"theta": "dirichlet(1)"} | ({} if "sigma" in fixed else {"sigma": "lognormal(0, 1)"})
    model = {"family": "normal", "share": list(share), "fixed": fixed, "priors": priors}
    return specify("m", model, components, observations.notice(y))


def log_likelihood(y, theta, mu, sigma):
    """By plain loops and math.fsum."""
    total = []
    for value in y:
        terms = [
            t * math.exp(-0.5 * ((value - m) / s) ** 2) / (s * math.sqrt(2 * math.pi))
            for t, m, s in zip(theta, mu, sigma, strict=True)
        ]
        total.append(math.log(math.fsum(terms)))
    return math.fsum(total)


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


@pytest.mark.parametrize("name", FAMILIES)
def test_moments_are_those_of_the_density_and_of_the_generator(name):
    family = FAMILIES[name]
    parameters = {"normal": (3.0, 1.7)}[name]
    x = np.linspace(-30, 40, 70001)
    density = np.exp(family.logpdf(x, *parameters))
    mean, variance = family.moments(*parameters)
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-9)
    assert np.trapezoid(x * density, x) == pytest.approx(mean, abs=1e-8)
    assert np.trapezoid((x - mean) ** 2 * density, x) == pytest.approx(variance, abs=1e-7)
    n = 40000
    drawn = family.generate(np.random.default_rng(2), *(np.full(n, value) for value in parameters))
    assert drawn.mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / n))
    assert drawn.var() == pytest.approx(variance, rel=4 * math.sqrt(2 / n))
    # the score turns draws of a component into standard normal ones
    assert stats.kstest(family.score(drawn, *parameters), "norm").pvalue > 0.001


def test_the_estimate_is_the_weighted_maximum_likelihood():
    y = RNG.normal(size=40)
    shares = RNG.dirichlet([1, 2, 1], size=40)
    found = NORMAL.estimate(y, shares, {})
    for k in range(3):

        def minus(p, k=k):
            return -sum(w * stats.norm.logpdf(v, p[0], math.exp(p[1])) for v, w in zip(y, shares[:, k], strict=True))

        best = optimize.minimize(minus, [0.1, 0.1], tol=1e-12).x
        assert found["mu"][k] == pytest.approx(best[0], abs=1e-5)
        assert found["sigma"][k] == pytest.approx(math.exp(best[1]), abs=1e-5)
    known = np.array([-1.0, 0.0, 2.0])
    found = NORMAL.estimate(y, shares, {"mu": known})
    for k in range(3):
        spread = math.fsum(w * (v - known[k]) ** 2 for v, w in zip(y, shares[:, k], strict=True)) / math.fsum(
            shares[:, k]
        )
        assert found["sigma"][k] == pytest.approx(math.sqrt(spread), rel=1e-12)
    assert found["mu"].tolist() == known.tolist()


def test_pooling():
    weights, values = np.array([0.5, 0.3, 0.2]), np.array([1.0, 2.0, 4.0])
    assert NORMAL.pool("sigma", values, weights) == pytest.approx(math.sqrt(0.5 * 1 + 0.3 * 4 + 0.2 * 16))
    assert NORMAL.pool("mu", values, weights) == pytest.approx(0.5 + 0.6 + 0.8)


# Published optima that are no boundary and that quantile starts lead to; elsewhere EM ends in a local optimum.
REACHED = [
    ("faithful_waiting", "normal", 1),
    ("faithful_waiting", "normal", 2),
    ("faithful_waiting", "normal_shared_sd", 2),
    ("acidity", "normal", 2),
    ("acidity", "normal_shared_sd", 2),
    ("seed_data_1", "normal", 3),
    ("seed_data_1", "normal_shared_sd", 3),
]


@pytest.mark.parametrize(("data", "model", "components"), REACHED)
def test_em_reaches_the_known_maximum_of_the_likelihood(data, model, components, cases):
    table = pd.read_csv(cases / "maximum_likelihood.csv").set_index(["data", "model", "K"])
    row = table.loc[data, model, components]
    assert not row["at_floor"]
    y = three_gaussians() if data == "seed_data_1" else observations.read_column(cases / "data" / f"{data}.csv", "y")
    share = ["sigma"] if model == "normal_shared_sd" else []
    found = starts.expectation_maximisation(specification(y, components, share), y, steps=400)
    assert log_likelihood(y, *found.values()) == pytest.approx(row["loglik"], abs=1e-3)
    for name, column, tolerance in (("theta", "weights", 1e-3), ("mu", "means", 1e-2), ("sigma", "sds", 1e-2)):
        values = [float(value) for value in str(row[column]).split()]
        np.testing.assert_allclose(found[name], values, atol=tolerance)


def test_the_issue_s_own_numbers_of_old_faithful(root):
    y = observations.read_column(root / "data" / "old-faithful.csv", "waiting")
    found = starts.expectation_maximisation(specification(y, 2, ["sigma"]), y, steps=200)
    np.testing.assert_allclose(found["theta"], [0.3608, 0.6392], atol=6e-5)
    np.testing.assert_allclose(found["mu"], [54.61, 80.09], atol=6e-3)
    np.testing.assert_allclose(found["sigma"], [5.869, 5.869], atol=6e-4)
    assert log_likelihood(y, *found.values()) == pytest.approx(-1034.002, abs=6e-4)


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
        found = starts.expectation_maximisation(given, y, steps)
        path.append(log_likelihood(y, found["theta"], found["mu"], found["sigma"]))
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
    found = starts.expectation_maximisation(specification(y, 3, share, {"mu": mu}), y, steps=300)

    def minus(p):
        weights = np.exp(np.append(p[:2], 0))
        sigma = np.exp(np.broadcast_to(p[2:], 3))
        density = sum(w * stats.norm.pdf(y, m, s) for w, m, s in zip(weights / weights.sum(), mu, sigma, strict=True))
        return -np.log(density).sum()

    best = optimize.minimize(minus, [0.0, 0.0] + [1.0] * (1 if share else 3)).fun
    assert -log_likelihood(y, *(found[name] for name in ("theta", "mu", "sigma"))) == pytest.approx(best, abs=1e-4)


def test_fixed_weights_stay_in_their_places_when_components_cross():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = np.concatenate([rng.normal(0, 1, 30), rng.normal(0.5, 20, 30)])
        given = specification(y, 3, [], {"theta": [0.1, 0.8, 0.1]})
        found = starts.expectation_maximisation(given, y, 60)
        assert found["theta"].tolist() == [0.1, 0.8, 0.1]
        assert (np.diff(found["mu"]) >= 0).all()


def in_the_unit_of_the_data(start, given):
    """Starting values of mu and sigma as the program's transformed parameters make them from the sampler's unit."""
    centre, scale = given["unit"]["centre"], given["unit"]["scale"]
    return centre + scale * np.array(start["mu_free"]), scale * np.array(start["sigma_free"])


def legal(start, components, modes):
    theta = np.array(start["theta_free"])
    assert theta.sum() == pytest.approx(1, abs=1e-12)
    assert (theta > 0).all()
    assert len(theta) == (components if modes["theta"] == "own" else 1)
    for name in ("mu", "sigma"):
        values = np.array(start[f"{name}_free"])
        assert len(values) == {"own": components, "shared": 1, "fixed": 0}[modes[name]]
        assert np.isfinite(values).all()
    assert (np.diff(start["mu_free"]) > 0.7 * starts.SMALLEST_GAP).all()
    assert (np.array(start["sigma_free"]) > 0).all()
    assert all(type(value) is float for values in start.values() for value in values)


SAMPLES = {
    "three Gaussians": three_gaussians()[::5],
    "three values": np.array([1.0, 1.0, 2.0, 5.0]),
    "two values": np.array([0.0, 1.0]),
    "huge": 1e12 + np.arange(12.0) ** 2,
    "tiny": 1e-12 * np.arange(1, 9.0) ** 3,
    "far outlier": np.append(np.linspace(0, 1, 20), 1e6),
}


@pytest.mark.parametrize("y", SAMPLES.values(), ids=SAMPLES)
@pytest.mark.parametrize("components", range(1, 9))
@pytest.mark.parametrize("share", [[], ["sigma"]])
def test_starting_values_are_legal_whatever_the_data(y, components, share):
    given = specification(y, components, share)
    modes = {"theta": "own", "mu": "own", "sigma": "shared" if share else "own"}
    for start in starts.starting_values(given, y, 2, seed=5):
        assert list(start) == ["theta_free", "mu_free", "sigma_free"]
        legal(start, components, modes)
        mu, sigma = in_the_unit_of_the_data(start, given)
        assert min(start["theta_free"]) > 0.05 / components / 100  # no component starts without weight
        # not collapsed, and within sight of the data
        assert sigma.min() > np.std(y) / 500
        assert sigma.max() < 20 * np.std(y)
        assert mu.min() > y.min() - 3 * np.std(y)
        assert mu.max() < y.max() + 3 * np.std(y)


@pytest.mark.parametrize(("share", "fixed"), MODELS.values(), ids=MODELS)
def test_starting_values_leave_out_what_is_fixed(share, fixed):
    y = three_gaussians()
    modes = {
        name: "fixed" if name in fixed else "shared" if name in share else "own" for name in ("theta", "mu", "sigma")
    }
    for start in starts.starting_values(specification(y, 3, share, fixed), y, 3, seed=1):
        legal(start, 3, modes)


def test_chains_start_apart_by_about_a_standard_error_and_seeds_decide():
    y = three_gaussians()
    given = specification(y, 3)
    many = starts.starting_values(given, y, 400, seed=3)
    assert many == starts.starting_values(given, y, 400, seed=3)
    assert many[:2] == starts.starting_values(given, y, 2, seed=3)
    assert many[0] != starts.starting_values(given, y, 1, seed=4)[0]
    assert len({tuple(start["mu_free"]) for start in many}) == 400
    mu, sigma = map(np.array, zip(*(in_the_unit_of_the_data(start, given) for start in many), strict=True))
    theta = np.array([start["theta_free"] for start in many])
    sizes = np.array([90, 50, 75])
    np.testing.assert_allclose(mu.mean(axis=0), [8.87, 20.75, 34.94], atol=0.15)  # the maximum of the likelihood
    np.testing.assert_allclose(mu.std(axis=0), 1.9 / np.sqrt(sizes), rtol=0.25)
    np.testing.assert_allclose(np.log(sigma).std(axis=0), 1 / np.sqrt(2 * sizes), rtol=0.25)
    np.testing.assert_allclose(theta.std(axis=0), np.sqrt(sizes * (215 - sizes) / 215**3), rtol=0.35)


def test_nearly_equal_means_are_pushed_apart_in_every_chain():
    y = np.random.default_rng(4).normal(size=200)
    for start in starts.starting_values(specification(y, 6, ["sigma"]), y, 20, seed=2):
        assert (np.diff(start["mu_free"]) > 0.99 * starts.SMALLEST_GAP).all()
    equal = starts._apart(np.array([1.0, 1.0, 1.0, 1.05, 3.0]), 0.1)
    np.testing.assert_allclose(equal, [1.0, 1.1, 1.2, 1.3, 3.0])
