"""Several columns: the family against SciPy, EM against an optimiser, and what is made of the draws."""

import copy
import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats
from textbook import specified

from stanmix.assess import assessment
from stanmix.assess.crossvalidation import leave_one_out
from stanmix.base.errors import UserError
from stanmix.config import configuration
from stanmix.data import noticing
from stanmix.data.observations import Observations
from stanmix.expected import multivariate
from stanmix.families import multivariate_normal
from stanmix.families.family import Points
from stanmix.families.priors import Prior
from stanmix.families.registry import FAMILIES
from stanmix.fits import inference, starts
from stanmix.model import mixture, prior
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data

NAME = "multivariate_normal"
FAMILY = FAMILIES[NAME]
MODEL = {
    "family": NAME,
    "membership": "group",
    "labels": "ordered",
    "share": [],
    "own": [],
    "fixed": {},
    "priors": {"theta": "dirichlet(1)"},
}
COLUMNS = ["length", "width", "height"]


def points_of(y):
    return Points(np.asarray(y, float), np.ones(len(y)))


def some_draws(seed=1, total=5, components=2, columns=3, full=True):
    rng = np.random.default_rng(seed)
    draws = {
        "theta": rng.dirichlet(np.full(components, 3.0), total),
        "mu": rng.normal(0, 2, (total, components, columns)),
        "sigma": rng.uniform(0.5, 2, (total, components, columns)),
    }
    if full:
        factors = multivariate_normal.lkj_factors(columns, 1.5, total * components, rng)
        draws["correlation"] = (factors @ np.swapaxes(factors, 1, 2)).reshape(total, components, columns, columns)
    return draws


def covariance(draws, s, k):
    sigma = draws["sigma"][s, k]
    correlation = draws["correlation"][s, k] if "correlation" in draws else np.eye(len(sigma))
    return np.outer(sigma, sigma) * correlation


def sample(n=120, seed=3, rounding=None):
    """Two groups that overlap in every single column and lean in opposite directions."""
    rng = np.random.default_rng(seed)
    one = rng.multivariate_normal([0, 5, 100], [[1, 0.7, 3], [0.7, 1, 0], [3, 0, 25]], n // 2)
    two = rng.multivariate_normal([3, 4, 120], [[2, -0.8, 0], [-0.8, 0.6, 0], [0, 0, 60]], n - n // 2)
    y = np.vstack([one, two])
    return y if rounding is None else np.round(y / rounding) * rounding


def observed(y):
    return Observations(np.asarray(y, float), np.ones(len(y), np.int64))


def resolved(y, components=2, columns=COLUMNS, **model):
    names = columns[: np.shape(y)[1]]
    return specify("m", MODEL | model, components, noticing.notice(observed(y), names))


@pytest.mark.parametrize("full", [True, False])
def test_densities_are_those_of_scipy_near_and_far(full):
    draws = some_draws(full=full)
    y = np.vstack([np.random.default_rng(2).normal(0, 3, (20, 3)), [[1e4, 0, 0], [0, -1e5, 30]]])
    found = FAMILY.log_components(points_of(y), draws)
    for s, k in np.ndindex(5, 2):
        expected = stats.multivariate_normal(draws["mu"][s, k], covariance(draws, s, k)).logpdf(y)
        np.testing.assert_allclose(found[s, :, k], expected, rtol=1e-9, atol=1e-9)


def test_uncorrelated_columns_have_the_product_of_their_densities():
    draws, y = some_draws(full=False), np.random.default_rng(2).normal(0, 3, (20, 3))
    normal = FAMILIES["normal"]
    expected = sum(
        normal.log_components(points_of(y[:, d]), {name: draws[name][:, :, d] for name in ("mu", "sigma")})
        for d in range(3)
    )
    np.testing.assert_allclose(FAMILY.log_components(points_of(y), draws), expected, rtol=1e-12)


@pytest.mark.parametrize("function", ["log_likelihood", "membership"])
def test_the_order_of_columns_makes_no_difference(function):
    draws, y, turned = some_draws(), np.random.default_rng(2).normal(0, 3, (20, 3)), [2, 0, 1]
    other = multivariate.marginal(draws, turned)
    found, expected = (
        getattr(mixture, function)(NAME, points_of(rows), parameters)
        for rows, parameters in ((y[:, turned], other), (y, draws))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_memberships_add_to_one_and_chunks_change_nothing(monkeypatch):
    draws, points = some_draws(), points_of(np.random.default_rng(2).normal(0, 3, (20, 3)))
    found = mixture.membership(NAME, points, draws)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    monkeypatch.setattr(mixture, "CHUNK", 5 * 2 * 3 * 7)
    assert len(mixture.chunks(points, draws)) == 3
    np.testing.assert_allclose(mixture.membership(NAME, points, draws), found, rtol=1e-12)


def test_tails_are_those_of_each_column_alone():
    draws, y = some_draws(), np.random.default_rng(2).normal(0, 3, (20, 3))
    lower, upper = mixture.tails(NAME, points_of(y), draws)
    assert lower.shape == (5, 20, 3)
    np.testing.assert_array_equal(lower, upper)
    for s, d in np.ndindex(5, 3):
        expected = sum(
            draws["theta"][s, k] * stats.norm(draws["mu"][s, k, d], draws["sigma"][s, k, d]).cdf(y[:, d])
            for k in range(2)
        )
        np.testing.assert_allclose(lower[s, :, d], expected, rtol=1e-10)


def test_squared_scores_add_to_the_mahalanobis_distance():
    draws, y = some_draws(), np.random.default_rng(2).normal(0, 3, (20, 3))
    members = np.random.default_rng(3).integers(0, 2, (5, 20))
    scores = FAMILY.scores(points_of(y), draws, members, None)
    for s, n in np.ndindex(5, 20):
        residual = y[n] - draws["mu"][s, members[s, n]]
        expected = residual @ np.linalg.solve(covariance(draws, s, members[s, n]), residual)
        assert (scores[s, n] ** 2).sum() == pytest.approx(expected)


@pytest.mark.parametrize("full", [True, False])
def test_replicated_rows_have_the_moments_of_their_component(full):
    draws, n = some_draws(total=2, full=full), 40_000
    members = np.tile(np.arange(n) % 2, (2, 1))
    y = FAMILY.replicate(points_of(np.zeros((n, 3))), draws, members, np.random.default_rng(4))
    for s, k in np.ndindex(2, 2):
        rows, expected = y[s, k::2], covariance(draws, s, k)
        error = np.sqrt(np.diagonal(expected) / len(rows))
        assert (np.abs(rows.mean(axis=0) - draws["mu"][s, k]) < 5 * error).all()
        spread = np.outer(draws["sigma"][s, k], draws["sigma"][s, k])
        assert (np.abs(np.cov(rows.T) - expected) < 8 * spread / np.sqrt(len(rows))).all()


def test_p_values_within_components_know_a_right_model_from_a_wrong_one():
    from stanmix.expected.predictive import component_p_values

    draws = some_draws(total=1, seed=6)
    many = {name: np.repeat(values, 200, axis=0) for name, values in draws.items()}
    rng = np.random.default_rng(5)
    members = mixture.draw_memberships(NAME, 400, draws, rng)
    y = FAMILY.replicate(points_of(np.zeros((400, 3))), draws, members, rng)[0]
    right = component_p_values(NAME, points_of(y), many, rng)
    wide = component_p_values(NAME, points_of(y), many | {"sigma": 1.2 * many["sigma"]}, rng)
    flat = component_p_values(NAME, points_of(y), {k: v for k, v in many.items() if k != "correlation"}, rng)
    assert min(right.values()) > 0.02
    assert wide["component_spreads"] < 0.001
    assert flat["component_correlations"] < 0.001


def test_factors_of_lkj_have_the_marginals_of_lkj():
    factors = multivariate_normal.lkj_factors(4, 2.0, 20_000, np.random.default_rng(1))
    found = factors @ np.swapaxes(factors, 1, 2)
    np.testing.assert_allclose(np.diagonal(found, axis1=1, axis2=2), 1)
    expected = stats.beta(2 - 1 + 4 / 2, 2 - 1 + 4 / 2)
    for i, j in itertools.combinations(range(4), 2):
        assert stats.kstest((found[:, i, j] + 1) / 2, expected.cdf).pvalue > 1e-4


def test_sd_given_the_others_is_that_of_the_conditional_distribution():
    draws = some_draws()
    factors = multivariate_normal.factors_of(draws)
    found = multivariate_normal.given_the_others(draws["sigma"], factors)
    for s, k, d in np.ndindex(5, 2, 3):
        whole, rest = covariance(draws, s, k), [j for j in range(3) if j != d]
        explained = whole[d, rest] @ np.linalg.solve(whole[np.ix_(rest, rest)], whole[rest, d])
        assert found[s, k, d] ** 2 == pytest.approx(whole[d, d] - explained)


def log_likelihood(flat, y, components):
    """Of a mixture from its unconstrained parameters: log weights, means and Cholesky factors of precisions."""
    columns = y.shape[1]
    logits, flat = np.append(flat[: components - 1], 0.0), flat[components - 1 :]
    terms = []
    for piece in flat.reshape(components, -1):
        factor = np.zeros((columns, columns))
        factor[np.tril_indices(columns)] = piece[columns:]
        np.fill_diagonal(factor, np.exp(np.diagonal(factor)))
        z = (y - piece[:columns]) @ factor
        terms.append(np.log(np.diagonal(factor)).sum() - 0.5 * (z**2).sum(axis=1) - columns / 2 * np.log(2 * np.pi))
    return special.logsumexp(np.column_stack(terms) + special.log_softmax(logits), axis=1).sum()


def test_em_reaches_the_maximum_that_an_optimiser_finds(cases):
    y = pd.read_csv(cases / "data" / "faithful_bivariate.csv").to_numpy()
    z = (y - y.mean(axis=0)) / y.std(axis=0)
    begin = np.concatenate([[0.0], [-1, -1, 0.5, 0.0, 0.5], [1, 1, 0.5, 0.0, 0.5]])
    best = optimize.minimize(lambda flat: -log_likelihood(flat, z, 2), begin, method="BFGS", options={"gtol": 1e-4})
    expected = -best.fun - len(y) * np.log(y.std(axis=0)).sum()
    given = resolved(y)
    found = starts.expectation_maximisation(given, observed(y).units())
    at = {name: values[None] for name, values in found.items()}
    assert mixture.log_likelihood(NAME, points_of(y), at).sum() == pytest.approx(expected, abs=0.05)
    means = best.x[1:].reshape(2, -1)[:, :2] * y.std(axis=0) + y.mean(axis=0)
    np.testing.assert_allclose(found["mu"], means[np.argsort(means[:, 0])], atol=0.02 * y.std(axis=0).max())


def test_em_does_not_take_columns_for_something_else():
    y, turned = sample(), [2, 0, 1]
    first = starts.expectation_maximisation(resolved(y), observed(y).units())
    second = starts.expectation_maximisation(resolved(y[:, turned]), observed(y[:, turned]).units())
    order = np.argsort(first["mu"][:, 2])
    np.testing.assert_allclose(second["mu"], first["mu"][order][:, turned], rtol=1e-4)
    np.testing.assert_allclose(second["sigma"], first["sigma"][order][:, turned], rtol=1e-4)


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"share": ["sigma"]},
        {"share": ["correlation"]},
        {"share": ["sigma", "correlation"]},
        {"correlation": "diagonal"},
        {"correlation": "diagonal", "share": ["sigma"], "order": "height"},
        {"order": "width"},
        {"fixed": {"theta": [0.5, 0.5]}, "priors": {"theta": "dirichlet(1)", "correlation": "lkj([1, 3])"}},
    ],
    ids=str,
)
def test_starts_are_where_the_program_may_start(model):
    y = sample(rounding=0.1)
    given, units = resolved(y, **model), observed(sample(rounding=0.1)).units()
    data = program_data(given, units)
    assert np.shape(data["y"]) == (3, len(units.y))
    assert (data["sigma_count"], data["correlation_count"]) == (
        1 if "sigma" in model.get("share", ()) else 2,
        0 if "correlation" in model else 1 if "correlation" in model.get("share", ()) else 2,
    )
    for start in starts.starting_values(given, units, [starts.expectation_maximisation(given, units)] * 3, seed=1):
        assert np.isfinite(start["mu_free"]).all()
        sigma = np.array(data["sigma_lower"]) + np.array(data["unit"]) * start["sigma_free"]
        assert sigma.shape == (data["sigma_count"], 3)
        assert (np.array(start["sigma_free"]) > 0).all()
        assert len(start["factor_free"]) == data["correlation_count"]
        for k, factor in enumerate(np.array(start["factor_free"])):
            np.testing.assert_allclose((factor**2).sum(axis=1), 1, rtol=1e-10)
            thickness = multivariate_normal.given_the_others(sigma[k % len(sigma)], factor)
            assert (thickness > data["thinnest"]).all()
        assert len(start["ordered_free"]) == (2 if "order" in model else 0)
        assert (np.diff(start["ordered_free"]) > 0).all()
        assert np.shape(start["mu_free"]) == (2, 2 if "order" in model else 3)
    assert (max(data["thinnest"]) > 0) == (data["correlation_count"] == 2)


def test_priors_are_those_of_each_column():
    y = sample(rounding=0.1)
    noticed = noticing.notice(observed(y), COLUMNS)
    given = resolved(y, 2, order="width")
    by_name = {(entry.name, entry.column): entry for entry in given.parameters}
    for name, facts in noticed["columns"].items():
        mu, sigma = by_name["mu", name].priors[0], by_name["sigma", name].priors[1]
        assert mu.arguments == (facts["median"], facts["range"] / 2)
        assert sigma.arguments == pytest.approx((np.log(facts["sd"] / 2), 0.7))
        assert sigma.lower == pytest.approx(0.1 / np.sqrt(12))
    assert [entry.column for entry in given.parameters if entry.ordered] == ["width"]
    assert by_name["correlation", None].priors == (Prior("lkj", (2.0,)),) * 2
    shared = resolved(y, 2, share=["sigma"])
    half = next(entry for entry in shared.parameters if entry.name == "sigma").priors
    assert half == (Prior("normal", (0.0, noticed["columns"]["length"]["sd"]), 0.0),)


def test_priors_that_let_a_component_collapse_onto_equal_values_of_a_column_are_refused():
    y = sample()
    y[:3, 1] = 2.5
    for text, fine in (
        ("exponential(1)", False),
        ("gamma(2, 1)", False),
        ("gamma(3, 1)", True),
        ("lognormal(0, 1)", True),
    ):
        model = {"priors": {"theta": "dirichlet(1)", "sigma": text}}
        if fine:
            resolved(y, **model)
        else:
            with pytest.raises(UserError, match="3 of the 120 values of the column 'width' are tied"):
                resolved(y, **model)
    resolved(y, share=["sigma"], priors={"theta": "dirichlet(1)", "sigma": "exponential(1)"})


def test_a_column_that_says_nothing_is_refused():
    y = sample()
    y[:, 2] = 7
    with pytest.raises(UserError, match="all values of the column 'height' are 7"):
        resolved(y)


def test_draws_of_the_prior_are_in_order_and_thick_enough():
    given = resolved(
        sample(rounding=1.0), order="width", priors={"theta": "dirichlet(1)", "sigma": "lognormal(-0.5, 1)"}
    )
    assert min(given.thinnest) > 0.28
    draws = prior.prior_draws(given, 500, np.random.default_rng(1))
    assert {name: values.shape for name, values in draws.items()} == {
        "theta": (500, 2), "mu": (500, 2, 3), "sigma": (500, 2, 3), "correlation": (500, 2, 3, 3),
    }  # fmt: skip
    assert (np.diff(draws["mu"][:, :, 1], axis=1) > 0).all()
    assert 0.4 < (np.diff(draws["mu"][:, :, 0], axis=1) > 0).mean() < 0.6
    factors = multivariate_normal.factors_of(draws)
    assert multivariate_normal.given_the_others(draws["sigma"], factors).min() > 0.28


def written(tmp_path, given, draws, y, chains=2):
    modes = {entry.name: entry.mode for entry in given.parameters}
    for name in ("sigma", "correlation"):
        if modes.get(name) == "shared":
            draws[name] = np.broadcast_to(draws[name][:, :1], draws[name].shape)
    variables = {name: values.reshape(chains, -1, *values.shape[1:]) for name, values in draws.items()}
    shape = variables["theta"].shape[:2]
    statistics = {column: np.random.default_rng(1).random(shape) for column in inference.SAMPLE_STATS}
    rows = observed(y)
    replicates = np.zeros((chains, 3, *np.shape(y)))
    path = tmp_path / "draws.nc"
    inference.write_draws(path, given, variables, statistics, rows, np.arange(len(y)), replicates, {})
    return inference.read_draws(path)


@pytest.mark.parametrize("share", [[], ["sigma"], ["correlation"], ["sigma", "correlation"]], ids=str)
def test_draws_come_back_as_they_were_and_scalars_have_titles(tmp_path, share):
    y, draws = sample(20), some_draws(total=40)
    given = resolved(y, share=share)
    idata = written(tmp_path, given, draws, y)
    for name, values in inference.by_component(idata, given).items():
        np.testing.assert_array_equal(values, draws[name])
    assert idata.posterior["mu"].dims == ("chain", "draw", "component", "column")
    assert idata.posterior["correlation"].dims[-2:] == ("column", "column2")
    assert idata.posterior_predictive["y"].dims[-1] == "column"
    assert list(idata.posterior_predictive["column"].values) == COLUMNS
    found = {scalar.title: scalar.draws for scalar in inference.scalars(idata)}
    one = "" if "correlation" in share else "2, "
    expected = draws["correlation"][:, 1, 2, 0].reshape(2, -1)
    np.testing.assert_array_equal(found[f"correlation[{one}height, length]"], expected)
    np.testing.assert_array_equal(found["mu[1, width]"], draws["mu"][:, 0, 1].reshape(2, -1))
    sets = [1 if name in share else 2 for name in ("sigma", "correlation")]
    assert len(found) == 2 + 6 + 3 * sets[0] + 3 * sets[1]
    summary = assessment.summary_rows(idata, NAME)
    assert [row["title"] for row in summary] == list(found)
    assert (summary[-1]["column"], summary[-1]["column_2"]) == ("height", "width")
    assert all(row["r_hat"] is not None for row in summary)
    assert np.isfinite(inference.relative_efficiency(idata))


def test_label_free_quantities_are_those_of_the_mixture_and_forget_labels():
    draws, y = some_draws(total=40), sample(30)
    points = points_of(y)
    other = {name: values[:, ::-1] for name, values in draws.items()}
    ll = {"log likelihood": mixture.log_likelihood(NAME, points, draws).sum(axis=1)}
    found, again = (assessment.label_free_rows(NAME, points, each, ll, 2, COLUMNS) for each in (draws, other))
    assert [row["title"] for row in found] == [row["title"] for row in again]
    for row, same in zip(found, again, strict=True):
        assert row["mean"] == pytest.approx(same["mean"])
    by_title = {row["title"]: row["mean"] for row in found}
    mean = (draws["theta"][:, :, None] * draws["mu"]).sum(axis=1)
    square = (draws["theta"][:, :, None] * (draws["mu"] ** 2 + draws["sigma"] ** 2)).sum(axis=1)
    for d, name in enumerate(COLUMNS):
        assert by_title[f"mixture mean of {name}"] == pytest.approx(mean[:, d].mean())
        assert by_title[f"mixture sd of {name}"] == pytest.approx(np.sqrt(square - mean**2)[:, d].mean())
    assert sum(title.startswith("density at (") for title in by_title) == 5


def test_leaving_one_out_gives_a_transform_for_each_column():
    draws, y = some_draws(total=60), sample(12)
    found = leave_one_out(NAME, points_of(y), np.ones(12), draws, 1.0)
    assert found["pit"].shape == found["loo_pit"].shape == (2, 12, 3)
    np.testing.assert_allclose(found["pit"][0], mixture.tails(NAME, points_of(y), draws)[0].mean(axis=0))
    assert np.isfinite(found["elpd_i"]).all()


def test_density_of_a_pair_is_that_of_the_two_columns_alone():
    draws, y = some_draws(total=1), sample(30)
    table = multivariate.pair_density(NAME, y, (0, 2), draws)
    at = np.column_stack([table["x"], table["y"]])
    for k in range(2):
        pair = covariance(draws, 0, k)[np.ix_([0, 2], [0, 2])]
        expected = draws["theta"][0, k] * stats.multivariate_normal(draws["mu"][0, k, [0, 2]], pair).pdf(at)
        np.testing.assert_allclose(table[f"component_{k + 1}"], expected, rtol=1e-9, atol=1e-300)
    np.testing.assert_allclose(table["mixture"], table["component_1"] + table["component_2"])
    grid = table["x"].reshape(multivariate.GRID, -1)
    assert (np.diff(grid, axis=1) > 0).all()
    assert (np.diff(grid, axis=0) == 0).all()


def test_statistics_of_columns_are_those_of_numpy():
    y = np.stack([sample(40, seed) for seed in (1, 2)])
    found = multivariate.statistics_of(y, COLUMNS)
    for r in range(2):
        assert found["mean of width"][r] == pytest.approx(y[r, :, 1].mean())
        assert found["sd of height"][r] == pytest.approx(y[r, :, 2].std(ddof=1))
        assert found["correlation of height and length"][r] == pytest.approx(np.corrcoef(y[r].T)[2, 0])
    assert len(found) == 9


def test_distribution_functions_have_one_band_for_all_columns():
    rng = np.random.default_rng(1)
    anew, y = rng.normal(size=(200, 60, 3)), rng.normal(size=(60, 3))
    specification = specified(columns=COLUMNS, family="multivariate_normal", kind="multivariate")
    table, p_values = multivariate.distribution(specification, Points(y, np.ones(60)), anew)
    assert p_values["ecdf"] > 0.02
    assert [name for name, _ in itertools.groupby(table["column"])] == COLUMNS
    y[:, 2] += 0.8
    table, p_values = multivariate.distribution(specification, Points(y, np.ones(60)), anew)
    assert p_values["ecdf"] < 0.02
    outside = (table["observed"] < table["lower"]) | (table["observed"] > table["upper"])
    assert set(table["column"][outside]) == {"height"}


def test_the_columns_that_tell_are_those_in_which_components_lie_apart():
    draws = some_draws(total=3)
    draws["mu"][:] = 0
    draws["mu"][:, 1] = [1.0, 9.0, -4.0]
    draws["sigma"][:] = 1
    assert multivariate_normal.telling_columns(draws) == [1, 2, 0]


CONFIG = {
    "datasets": {"d": {"csv": "d.csv", "columns": ["a", "b"]}, "one": {"csv": "d.csv", "column": "a"}},
    "models": {"m": {"family": NAME}},
    "analyses": [{"dataset": "d", "models": ["m"], "components": 2}],
}


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"order": "c"}, "is ordered by 'c', which is none of the columns of datasets.d: a, b"),
        ({"fixed": {"mu": [1, 2]}}, "cannot be fixed in the family multivariate_normal; only theta can"),
        ({"priors": {"correlation": "normal(0, 1)"}}, "correlations take lkj"),
        ({"priors": {"correlation": "lkj(0)"}}, "the shape of lkj must be greater than 0"),
        ({"correlation": "diagonal", "share": ["correlation"]}, "does not have"),
        ({"correlation": "diagonal", "priors": {"correlation": "lkj(1)"}}, "does not have"),
        ({"correlation": "some"}, "allowed are full, diagonal"),
        ({"order": "a", "priors": {"mu": "normal([2, 1], 1)"}}, "the locations must not decrease"),
        ({"family": "normal", "order": "a"}, "goes with the family multivariate_normal, not with normal"),
        ({"family": "normal"}, "needs the key 'column' in datasets.d"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_model_of_several_columns_is_said(model, said):
    wrong = copy.deepcopy(CONFIG)
    wrong["models"]["m"] |= model
    with pytest.raises(UserError, match=said):
        configuration.checked(wrong)


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"order": "b", "share": ["sigma", "correlation"]},
        {"correlation": "diagonal", "order": "none"},
        {"fixed": {"theta": [0.4, 0.6]}},
        {"priors": {"mu": "normal([2, 1], 1)", "sigma": "lognormal(0, 1)", "correlation": "lkj([1, 4])"}},
    ],
    ids=str,
)
def test_what_a_model_of_several_columns_may_say(model):
    right = copy.deepcopy(CONFIG)
    right["models"]["m"] |= model
    configuration.checked(right)


def test_a_family_of_several_columns_needs_them():
    wrong = copy.deepcopy(CONFIG)
    wrong["analyses"][0]["dataset"] = "one"
    with pytest.raises(UserError, match=r"needs the key 'columns' in datasets\.one"):
        configuration.checked(wrong)
