"""The mass of a mode: coordinates there and back, heights and Jacobians, and what integrals say."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import logsumexp
from test_modes import specified

from stanmix.config import configuration
from stanmix.data import noticing
from stanmix.data.observations import Observations
from stanmix.fits import masses
from stanmix.model.resolution import specify


def of_columns(model, components):
    rng = np.random.default_rng(2)
    rows = Observations(np.vstack([rng.normal(0, 1, (40, 3)), rng.normal(3, 1, (30, 3))]), np.ones(70, int))
    text = {"datasets": {"d": {"csv": "d.csv", "columns": ["a", "b", "c"]}}, "models": {"m": model}}
    checked = configuration.checked(text | {"analyses": [{"dataset": "d", "models": ["m"], "components": components}]})
    return specify("m", checked["models"]["m"], components, noticing.notice(rows, ["a", "b", "c"])), rows.units()


CASES = {
    "normal": lambda: specified(np.linspace(1, 9, 50), {"family": "normal"}, 3),
    "shared": lambda: specified(np.linspace(1, 9, 50), {"family": "normal", "share": ["sigma"]}, 2),
    "fixed": lambda: specified(np.linspace(1, 9, 50), {"family": "normal", "fixed": {"mu": [2, 7]}}, 2),
    "one location fixed": lambda: specified(np.linspace(1, 9, 50), {"family": "normal", "fixed": {"mu": [2, None]}}, 2),
    "differences": lambda: specified(
        np.linspace(1, 9, 50),
        {"family": "gamma", "priors": {"mean": {"first": "lognormal(0, 1)", "difference": "gamma(2, 1)"}}},
        3,
    ),
    "one of each fixed": lambda: specified(
        np.linspace(1, 9, 50),
        {"family": "student_t", "own": [], "fixed": {"mu": [None, 7, 3], "sigma": [1, None, None], "nu": [4, 5, None]}},
        3,
    ),
    "student_t": lambda: specified(np.linspace(1, 9, 50), {"family": "student_t"}, 2),
    "gamma": lambda: specified(np.linspace(1, 9, 50), {"family": "gamma"}, 2),
    "skew_normal": lambda: specified(np.linspace(1, 9, 50), {"family": "skew_normal"}, 2),
    "zip": lambda: specified(np.arange(30) % 7, {"family": "zero_inflated_poisson"}, 2),
    "columns": lambda: of_columns({"family": "multivariate_normal"}, 2),
    "shared columns": lambda: of_columns({"family": "multivariate_normal", "share": ["correlation"]}, 2),
}


@pytest.fixture(params=CASES)
def posterior(request):
    return masses.LogPosterior(*CASES[request.param]())


def test_coordinates_lead_there_and_back(posterior):
    rng = np.random.default_rng(1)
    size = len(posterior.coordinates(anywhere(posterior)))
    places = rng.normal(0, 0.5, (20, size))
    draws, _ = posterior.states(places)
    for i in range(20):
        state = {name: values[i] for name, values in draws.items()}
        np.testing.assert_allclose(posterior.coordinates(state), places[i], atol=1e-7)


def anywhere(posterior):
    specification, k = posterior.specification, posterior.components
    columns = specification.columns
    state = {"theta": np.full(k, 1 / k)}
    for entry in specification.parameters:
        shape = (k,) if columns is None else (k, len(columns))
        value = {"location": 1.0, "scale": 2.0, "shape": 3.0, "zero": 0.2}.get(entry.slot, 1.5)
        state[entry.name] = np.full(shape, value)
        if entry.name == "correlation":
            state["correlation"] = np.broadcast_to(np.eye(len(columns)), (k, len(columns), len(columns)))
    return state


def test_the_jacobian_is_that_of_numerical_derivatives(posterior):
    """Of the free numbers in which the program climbs: weights but the last, links of locations, Cholesky factors."""
    place = np.random.default_rng(4).normal(0, 0.4, len(posterior.coordinates(anywhere(posterior))))

    def free(x):
        draws, _ = posterior.states(x[None])
        numbers = [] if posterior.concentration is None else [draws["theta"][0, :-1]]
        for block in posterior.blocks:
            values = draws[block.name][0, block.entry.free]
            values = values if block.column is None else values[:, block.column]
            if block.bounds is None:
                lower = np.tril_indices(values.shape[1], -1)
                numbers += [np.linalg.cholesky(matrix)[lower] for matrix in values]
            elif block.entry.slot == "location" and block.column is None:
                links = {(0, np.inf): np.log, (0, 1): lambda p: np.log(p / (1 - p)), (-np.inf, np.inf): np.asarray}
                numbers.append(links[block.bounds.low[0], block.bounds.high[0]](values))
            else:
                numbers.append(values)
        return np.concatenate(numbers)

    step = 1e-5 * np.eye(len(place))
    matrix = np.array([(free(place + d) - free(place - d)) / 2e-5 for d in step])
    expected = np.linalg.slogdet(matrix)[1]
    assert posterior.states(place[None])[1][0] == pytest.approx(expected, abs=1e-5)


def test_a_single_normal_has_the_mass_of_an_integral():
    y = stats.norm(3, 2).ppf((np.arange(60) + 0.5) / 60)
    specification, units = specified(y, {"family": "normal", "share": ["sigma"]}, 1)
    posterior = masses.LogPosterior(specification, units)
    (at, spread), (_, scale) = (entry.priors[0].arguments for entry in specification.parameters)

    def log_density(mu, sigma):
        prior = stats.norm(at, spread).logpdf(mu) + stats.halfnorm(scale=scale).logpdf(sigma)
        return stats.norm(mu, sigma).logpdf(y).sum() + prior

    mode = {"theta": np.ones(1), "mu": np.array([3.0]), "sigma": np.array([1.95])}
    height = log_density(3.0, 1.95)
    total, _ = integrate.dblquad(lambda m, s: np.exp(log_density(m, s) - height), 1.2, 3.5, 1.5, 4.5)
    excess, density, _ = masses.log_excess(posterior, mode)
    assert excess == pytest.approx(np.log(total), abs=0.02)  # what Laplace's approximation leaves for 60 values
    assert density.sum() == pytest.approx(stats.norm(3, y.std()).logpdf(y).sum(), abs=0.1)


def test_an_empty_component_holds_what_its_wide_prior_says():
    """Two components of known sds, one of them far from all data: its height is low, and its prior wide."""
    y = stats.norm(0, 1).ppf((np.arange(40) + 0.5) / 40)
    model = {"family": "normal", "fixed": {"sigma": 1}, "labels": "relabelled", "priors": {"mu": "normal(30, 20)"}}
    specification, units = specified(y, model, 2)
    posterior = masses.LogPosterior(specification, units)
    empty = {"theta": np.array([1 - 1e-9, 1e-9]), "mu": np.array([0.0, 30.0]), "sigma": np.ones(2)}
    excess, _, _ = masses.log_excess(posterior, empty)
    base = posterior.height({name: value[None] for name, value in empty.items()})[0]
    # By Monte Carlo: the empty one from its prior where that is away from the data, the other near them.
    rng, count = np.random.default_rng(5), 40_000
    mu, far, weight = rng.normal(0, 0.3, count), rng.normal(30, 20, count), rng.beta(1, 20, count)
    draws = {"theta": np.stack([1 - weight, weight], 1), "mu": np.stack([mu, far], 1), "sigma": np.ones((count, 2))}
    logs = posterior.height(draws) - stats.norm(0, 0.3).logpdf(mu) - stats.norm(30, 20).logpdf(far)
    logs -= stats.beta(1, 20).logpdf(weight)
    away = np.abs(far) > 5  # all but a tenth
    assert base + excess == pytest.approx(logsumexp(logs[away]) - np.log(away.sum()), abs=0.2)


def test_shares_add_to_one_whatever_the_height():
    found, errors = masses.shares(np.array([[-1e5], [-1e5 + np.log(3)]]), np.array([-1e5 + np.log(4)]))
    np.testing.assert_allclose(found, [0.125, 0.375, 0.5])
    np.testing.assert_allclose(errors, 0)


def test_standard_errors_of_shares_are_those_of_repetitions():
    rng = np.random.default_rng(7)
    made = []
    for _ in range(400):
        logs = rng.normal(0, 0.7, (2, 50)) + np.log([[1], [3]])
        logs[rng.integers(2, size=50), np.arange(50)] = -np.inf  # each draw belongs to one
        made.append(masses.shares(logs, np.array([0.0])))
    found, errors = (np.array(values) for values in zip(*made, strict=True))
    np.testing.assert_allclose(errors.mean(axis=0), found.std(axis=0), rtol=0.15)


def test_masses_around_two_maxima_are_those_of_integrals():
    """Two components of known sds and weights: the sampled masses of both modes against a grid."""
    y = np.concatenate([stats.norm(m, s).ppf((np.arange(n) + 0.5) / n) for m, s, n in ((0, 1, 16), (2.5, 1, 8))])
    model = {"family": "normal", "fixed": {"sigma": 1, "theta": [0.7, 0.3]}}
    specification, units = specified(y, model, 2)
    posterior = masses.LogPosterior(specification, units)
    first, second = np.meshgrid(np.linspace(-4, 6, 401), np.linspace(-4, 6, 401), indexing="ij")
    grid = posterior(np.stack([first.ravel(), second.ravel()], axis=1)).reshape(401, 401)
    above = first > second
    exact = [logsumexp(grid[side]) + 2 * np.log(10 / 400) for side in (~above, above)]
    peaks = []
    for side in (~above, above):
        best = np.unravel_index(np.where(side, grid, -np.inf).argmax(), grid.shape)
        mu = np.array([first[best], second[best]])
        state = {"theta": np.array([0.7, 0.3]), "mu": mu, "sigma": np.ones(2)}
        peaks.append(masses.log_excess(posterior, state)[2])
    logs = masses.sampled(posterior, peaks, 4000, np.random.default_rng(1))
    assert logsumexp(logs) - np.log(8000) == pytest.approx(logsumexp(exact), abs=0.05)
    found, errors = masses.shares(logs, np.empty(0))
    expected = np.exp(np.array(exact) - logsumexp(exact))
    assert errors.max() < 0.02
    np.testing.assert_allclose(found, expected, atol=0.03 + 4 * errors.max())  # sides are not quite what is nearest
