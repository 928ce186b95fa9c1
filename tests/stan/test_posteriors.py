"""Posteriors of the whole pipeline against quadrature, a Gibbs sampler of the tests' own, and published values."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import programs
import pytest
import yaml
from scipy import stats
from scipy.special import betaln

from stanmix.assess import checks, crossvalidation
from stanmix.assess.assessment import summary_rows
from stanmix.base.files import read_json, write_json
from stanmix.config import configuration, plan
from stanmix.config.schema import schema, with_defaults
from stanmix.data import noticing, observations, simulation
from stanmix.expected import predictive
from stanmix.families.family import Points
from stanmix.fits import fitting, inference
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.specification import Specification
from stanmix.model.stan_data import program_data

MEAN_WITHIN = 0.1  # posterior sds: five Monte Carlo errors of a mean of 4000 draws at half efficiency
SD_WITHIN = 0.08  # relative: five Monte Carlo errors of a standard deviation from as many
TUTORIAL = np.random.default_rng(1).normal(np.repeat([9, 21, 35], [90, 50, 75]), 2)


def rows_of(y, **others):
    """Observations of one column that were observed once each."""
    y = np.asarray(y, float)
    return observations.Observations(y, np.ones(len(y), np.int64), **others)


@pytest.fixture(scope="module")
def fit(compiled, root, toolchain_record, tmp_path_factory):
    """A function that fits a model as the workflow does and returns {title: row of the summary}, InferenceData, folder.

    It takes observations or an array, and the sampling and the data set's rounding if they are not the defaults.
    """
    executable = compiled(root / "stan")

    def run(rows, model, components, rounding=None, **sampling):
        rows = rows if isinstance(rows, observations.Observations) else rows_of(rows)
        folder = tmp_path_factory.mktemp("fit")
        paths = {"observations": folder / "observations.csv", "draws": folder / "draws.nc"}
        names = ("noticed", "specification", "data", "modes", "modes_table", "modes_density")
        paths |= {name: folder / f"{name}.json" for name in names}
        observations.write(rows, paths["observations"])
        write_json(paths["noticed"], noticing.notice(rows, ["y"]))
        write_json(folder / "toolchain.json", toolchain_record)
        dataset = {"csv": "d.csv", "column": "y"}
        dataset |= {key: key for key in ("trials", "exposure") if getattr(rows, key) is not None}
        text = {"datasets": {"d": dataset}, "models": {"m": model}, "sampling": sampling}
        checked = configuration.checked(
            text | {"analyses": [{"dataset": "d", "models": ["m"], "components": components}]}
        )
        assert plan.program(checked["models"]["m"]) == "univariate"
        inputs = paths | {"executable": executable, "toolchain": folder / "toolchain.json"}
        model, sampling = checked["models"]["m"], checked["sampling"]
        fitting.fit(inputs, paths, "m", model, components, rounding, sampling, seed=1, threads=2)
        idata = inference.read_draws(paths["draws"])
        return {row["title"]: row for row in summary_rows(idata, model["family"])}, idata, folder

    return run


def agree(rows, expected):
    """Compare posterior means and sds with reference values (mean, sd) by title."""
    for title, (mean, sd) in expected.items():
        assert abs(rows[title]["mean"] - mean) < MEAN_WITHIN * sd, title
        assert abs(rows[title]["sd"] / sd - 1) < SD_WITHIN, title


def weights_by_quadrature(y, mu, sigma, points=400):
    """Posterior mean and sd of three weights under a flat prior, means and sd known: midpoints over the triangle."""
    middle = (np.arange(points) + 0.5) / points
    a, b = np.meshgrid(middle, middle, indexing="ij")
    theta = np.stack([a, (1 - a) * b, (1 - a) * (1 - b)], axis=-1).reshape(-1, 3)
    densities = np.exp(-0.5 * ((y[:, None] - np.array(mu)) / sigma) ** 2)
    log_posterior = np.log(theta @ densities.T).sum(axis=1) + np.log(1 - a.ravel())  # Jacobian of the map above
    probability = np.exp(log_posterior - log_posterior.max())
    probability /= probability.sum()
    mean = probability @ theta
    return mean, np.sqrt(probability @ (theta - mean) ** 2)


KNOWN = {"family": "normal", "fixed": {"mu": [10, 20, 35], "sigma": 2}, "priors": {"theta": "dirichlet(1)"}}
UNKNOWN_MEANS = {
    "family": "normal",
    "share": ["sigma"],
    "priors": {"theta": "dirichlet(1)", "mu": "normal([10, 20, 35], 2)", "sigma": "cauchy(0, 5)"},
}


def test_quadrature_gives_the_published_weights_of_the_tutorial():
    mean, sd = weights_by_quadrature(TUTORIAL, [10, 20, 35], 2)
    np.testing.assert_allclose(mean, [0.41810, 0.23324, 0.34866], atol=2e-5)
    np.testing.assert_allclose(sd, [0.03338, 0.02864, 0.03221], atol=2e-5)


@pytest.mark.parametrize(
    "y",
    [
        TUTORIAL,
        np.random.default_rng(2).normal(np.repeat([12, 18, 30], [20, 35, 5]), 3.0),  # components that overlap
    ],
    ids=["tutorial", "overlapping"],
)
def test_known_components_agree_with_quadrature(fit, y):
    rows, *_ = fit(y, KNOWN, 3)
    mean, sd = weights_by_quadrature(y, [10, 20, 35], 2)
    agree(rows, {f"theta[{k + 1}]": (mean[k], sd[k]) for k in range(3)})


def test_unknown_means_agree_with_the_tutorials_gibbs_sampler(fit):
    rows, idata, _ = fit(TUTORIAL, UNKNOWN_MEANS, 3)
    agree(
        rows,
        {
            "theta[1]": (0.4175, 0.0333),
            "theta[2]": (0.2338, 0.0287),
            "theta[3]": (0.3487, 0.0322),
            "mu[1]": (8.8864, 0.1990),
            "mu[2]": (20.7449, 0.2664),
            "mu[3]": (34.9433, 0.2176),
            "sigma": (1.8914, 0.0930),
        },
    )
    half = idata.posterior.sizes["chain"] * idata.posterior.sizes["draw"] / 2
    assert min(min(row["ess_bulk"], row["ess_tail"]) for row in rows.values()) >= half
    assert not idata.sample_stats["diverging"].any()


def gibbs(y, centres, spread, sigma_prior, own, draws, seed):
    """Gibbs sampler with sampled memberships: mu ~ normal(centres, spread), theta flat, sigma by random-walk steps."""
    rng = np.random.default_rng(seed)
    centres = np.array(centres, float)
    components = len(centres)
    mu, sigma, theta = centres.copy(), np.full(components, 1.0), np.full(components, 1 / components)
    kept = np.empty((draws, 3 * components))

    def log_sigma_density(s, squares, sizes):  # of log sigma, summed over the components that share it
        return -sizes * np.log(s) - squares / (2 * s**2) + sigma_prior(s) + np.log(s)

    for draw in range(-1000, draws):
        log_p = np.log(theta) - np.log(sigma) - 0.5 * ((y[:, None] - mu) / sigma) ** 2
        z = np.argmax(log_p + rng.gumbel(size=log_p.shape), axis=1)
        sizes = np.bincount(z, minlength=components)
        theta = rng.dirichlet(1 + sizes)
        precision = sizes / sigma**2 + 1 / spread**2
        mean = (np.bincount(z, y, minlength=components) / sigma**2 + centres / spread**2) / precision
        while True:  # the ordered prior is the unordered one where it is in order
            mu = rng.normal(mean, 1 / np.sqrt(precision))
            if (np.diff(mu) > 0).all():
                break
        squares = np.bincount(z, (y - mu[z]) ** 2, minlength=components)
        groups = [[k] for k in range(components)] if own else [list(range(components))]
        for group in groups:
            for _ in range(3):
                proposal = sigma[group[0]] * np.exp(rng.normal(0, 2.4 / np.sqrt(2 * max(1, sizes[group].sum()))))
                old, new = (
                    log_sigma_density(s, squares[group].sum(), sizes[group].sum()) for s in (sigma[group[0]], proposal)
                )
                if np.log(rng.random()) < new - old:
                    sigma[group] = proposal
        if draw >= 0:
            kept[draw] = [*theta, *mu, *sigma]
    return kept


@pytest.mark.parametrize("own", [False, True], ids=["shared-sd", "own-sds"])
def test_overlapping_components_agree_with_a_gibbs_sampler(fit, own):
    y = np.random.default_rng(8).normal(np.repeat([0.0, 4.5], [60, 90]), np.repeat([1.0, 1.5], [60, 90]))
    prior = "lognormal(0.3, 0.5)" if own else "cauchy(0, 2)"
    model = {"family": "normal", "priors": {"mu": "normal([0, 5], 1)", "sigma": prior}}
    # Overlap costs efficiency on both sides; these numbers of draws keep the combined error below 0.02 sd.
    rows, *_ = fit(y, model if own else model | {"share": ["sigma"]}, 2, draws=4000)

    def sigma_prior(s):
        return -np.log(s) - 0.5 * ((np.log(s) - 0.3) / 0.5) ** 2 if own else -np.log1p((s / 2) ** 2)

    kept = gibbs(y, [0, 5], 1.0, sigma_prior, own, draws=40_000, seed=3)
    titles = ["theta[1]", "theta[2]", "mu[1]", "mu[2]", *(["sigma[1]", "sigma[2]"] if own else ["sigma"])]
    agree(rows, {title: (kept[:, i].mean(), kept[:, i].std()) for i, title in enumerate(titles)})


def test_old_faithful_lies_at_the_maximum_of_the_likelihood(fit, root):
    y = observations.read_csv(root / "data" / "old-faithful.csv", ["waiting"]).y
    rows, idata, _ = fit(y, {"family": "normal", "share": ["sigma"]}, 2)
    # With weak priors and 272 observations posterior means lie within a third of a posterior sd of the maximum.
    maximum = {"theta[1]": 0.3608, "theta[2]": 0.6392, "mu[1]": 54.61, "mu[2]": 80.09, "sigma": 5.869}
    for title, value in maximum.items():
        assert abs(rows[title]["mean"] - value) < rows[title]["sd"] / 3, title
    theta, mu = (idata.posterior[name].to_numpy().reshape(-1, 1, 2) for name in ("theta", "mu"))
    sigma = idata.posterior["sigma"].to_numpy().reshape(-1, 1, 1)
    terms = theta * np.exp(-0.5 * ((y[:, None] - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    log_likelihood = np.log(terms.sum(axis=2)).sum(axis=1)
    # The deviance from the maximum is about chi-squared with 4 degrees of freedom: of 4000 draws the best comes within
    # 0.06 of it, and none above.
    assert -1034.002 - 0.2 < log_likelihood.max() <= -1034.0017


def exact(rows, expected):
    """Compare with what is known to many digits: within five Monte Carlo standard errors, as the draws tell them."""
    for title, (mean, sd) in expected.items():
        row = rows[title]
        assert abs(row["mean"] - mean) < 5 * row["mcse_mean"], title
        # the error of a standard deviation of a normal variable, and as much again for heavy tails
        assert abs(row["sd"] / sd - 1) < 5 * np.sqrt(2 / row["ess_bulk"]), title
        assert min(row["ess_bulk"], row["ess_tail"]) > 400, title
        assert row["mcse_mean"] < 0.06 * sd, title


def moments(log_posterior, values):
    """Means and standard deviations of values under a posterior given on an even grid: {title: (mean, sd)}."""
    probability = np.exp(log_posterior - log_posterior.max())
    probability /= probability.sum()
    for axis in range(probability.ndim):  # nothing of the posterior lies beyond the grid
        assert np.moveaxis(probability, axis, 0)[[0, -1]].sum() < 1e-7
    found = {}
    for title, value in values.items():
        mean = (probability * value).sum()
        found[title] = (mean, np.sqrt((probability * (value - mean) ** 2).sum()))
    return found


def two_rates(y, count, shape, rate, points=260, weights=120):
    """Weight of the lower rate, and both rates, of two Poisson components: priors flat and gamma; by 3-D quadrature."""
    logs = np.linspace(np.log(0.02), np.log(9), points)  # even on the scale of the logs
    lam = np.exp(logs)
    pmf = stats.poisson(lam[:, None]).pmf(y)
    log_prior = stats.gamma(shape, scale=1 / rate).logpdf(lam) + logs
    low, high = np.triu_indices(points)  # the two are exchangeable but for the weight
    total, sums = 0.0, np.zeros((2, 3))
    shift = None
    for w in (np.arange(weights) + 0.5) / weights:
        log_p = np.log(w * pmf[low] + (1 - w) * pmf[high]) @ count + log_prior[low] + log_prior[high]
        shift = log_p.max() if shift is None else shift
        p = np.exp(log_p - shift) * np.where(low == high, 0.5, 1.0)
        total += p.sum()
        values = np.stack([np.full(len(low), w), lam[low], lam[high]])
        sums += [values @ p, values**2 @ p]
    mean, square = sums / total
    return mean, np.sqrt(square - mean**2)


DEATHS = {"family": "poisson", "priors": {"rate": "gamma(1, 0.5)", "theta": "dirichlet(1)"}}


def test_two_rates_of_death_notices_agree_with_quadrature_and_with_what_is_published(fit, cases):
    rows = observations.read_csv(cases / "data" / "death_notices_freq.csv", ["y"], weights="freq")
    mean, sd = two_rates(rows.y, rows.frequency, 1, 0.5)
    # coarser and finer the same, so that these are right to more digits than the published ones
    again, sd_again = two_rates(rows.y, rows.frequency, 1, 0.5, points=200, weights=90)
    np.testing.assert_allclose(again, mean, rtol=1e-3)
    np.testing.assert_allclose(sd_again, sd, rtol=3e-3)
    titles = ("theta[1]", "rate[1]", "rate[2]")
    published = dict(zip(titles, ((0.3768, 0.1662), (1.2419, 0.3213), (2.6931, 0.2513)), strict=True))
    for (there, spread), m, s in zip(published.values(), mean, sd, strict=True):
        assert abs(there - m) < 0.05 * s
        assert spread == pytest.approx(s, rel=0.05)
    found, idata, _ = fit(rows, DEATHS, 2, draws=4000, adapt_delta=0.99)
    exact(found, {title: (m, s) for title, m, s in zip(titles, mean, sd, strict=True)})
    assert not idata.sample_stats["diverging"].any()


def test_weights_are_rows_written_out_to_the_last_bit_and_their_order_means_nothing(fit, cases):
    weighted = observations.read_csv(cases / "data" / "death_notices_freq.csv", ["y"], weights="freq")
    written_out = observations.read_csv(cases / "data" / "death_notices_1096.csv", ["y"])
    shuffled = rows_of(np.random.default_rng(1).permutation(written_out.y))
    made = []
    for rows in (weighted, written_out, shuffled):
        _, idata, folder = fit(rows, DEATHS, 2, draws=100, warmup=100, chains=2)
        draws = b"".join(idata.posterior[name].to_numpy().tobytes() for name in ("theta", "rate"))
        made.append([(folder / "data.json").read_bytes(), draws])
    assert made[0] == made[1] == made[2]


def grid(*ranges, points=400):
    """Even grids of several parameters, each with an axis of its own."""
    axes = (np.linspace(low, high, points) for low, high in ranges)
    return np.meshgrid(*axes, indexing="ij")


def test_means_between_ends_agree_with_quadrature_where_the_ends_bind(fit):
    y = np.array([-1.3, -0.4, 0.2, 1.9, 2.2, 2.6, 3.4])
    low, high = grid((-1, 2), (-1, 2), points=1201)
    terms = stats.norm(low[..., None]).pdf(y) * 0.4 + stats.norm(high[..., None]).pdf(y) * 0.6
    likelihood = np.exp(np.log(terms).sum(axis=-1)) * (low <= high)  # the ends bind, so the grid ends where they are
    fixed = {"theta": [0.4, 0.6], "sigma": 1}
    for prior, density in (
        ("uniform(-1, 2)", 1.0),
        ("normal(1, 2) T[-1, 2]", stats.norm(1, 2).pdf(low) * stats.norm(1, 2).pdf(high)),
    ):
        weight = likelihood * density
        weight[[0, -1]] /= 2
        weight[:, [0, -1]] /= 2
        weight /= weight.sum()
        means = [(weight * value).sum() for value in (low, high)]
        sds = [np.sqrt((weight * (v - m) ** 2).sum()) for v, m in zip((low, high), means, strict=True)]
        found, idata, _ = fit(y, {"family": "normal", "fixed": fixed, "priors": {"mu": prior}}, 2, draws=2000)
        exact(found, {f"mu[{k + 1}]": (means[k], sds[k]) for k in range(2)})
        assert not idata.sample_stats["diverging"].any()


def test_components_named_by_their_priors_agree_with_quadrature_over_the_plane(fit):
    y = np.array([-1.0, 0.3, 0.9, 1.2, 2.4, 3.0, 1.9])
    first, second = grid((-6, 9), (-6, 9), points=601)
    terms = stats.norm(first[..., None]).pdf(y) * 0.5 + stats.norm(second[..., None]).pdf(y) * 0.5
    log_posterior = np.log(terms).sum(axis=-1) + stats.norm(2.5, 1.5).logpdf(first) + stats.norm(1, 1.5).logpdf(second)
    fixed = {"theta": [0.5, 0.5], "sigma": 1}
    model = {"family": "normal", "labels": "given", "fixed": fixed, "priors": {"mu": "normal([2.5, 1], 1.5)"}}
    found, *_ = fit(y, model, 2, draws=4000)
    exact(found, moments(log_posterior, {"mu[1]": first, "mu[2]": second}))


def test_both_ways_to_name_components_apart_have_the_share_that_their_priors_give_them(fit):
    y = np.array([-1.2, -0.3, 0.4, 3.6, 4.4, 5.1])
    first, second = grid((-6, 9), (-6, 9), points=601)
    terms = stats.norm(first[..., None]).pdf(y) * 0.5 + stats.norm(second[..., None]).pdf(y) * 0.5
    posterior = np.exp(np.log(terms).sum(axis=-1)) * stats.norm(2.3, 1.5).pdf(first) * stats.norm(1.7, 1.5).pdf(second)
    share = (posterior * (first > second)).sum() / posterior.sum()
    assert 0.7 < share < 0.8
    fixed = {"theta": [0.5, 0.5], "sigma": 1}
    model = {"family": "normal", "labels": "given", "fixed": fixed, "priors": {"mu": "normal([2.3, 1.7], 1.5)"}}
    _, idata, folder = fit(y, model, 2, draws=200)
    modes = read_json(folder / "modes.json")["modes"]
    assert len(modes) == 2
    likely = sum(mode["share"] for mode in modes if mode["state"]["mu"][0] > mode["state"]["mu"][1])
    assert likely == pytest.approx(share, abs=0.02)
    mu = idata.posterior["mu"].to_numpy()
    assert sorted((mu[..., 0] > mu[..., 1]).mean(axis=1)) == [
        0,
        1,
        1,
        1,
    ]  # as three quarters of the posterior


@pytest.mark.parametrize("place", [0, 1])
def test_a_location_beside_a_fixed_one_agrees_with_quadrature(fit, place):
    """Whether the fixed one stands first or last in the list: there is no order that cuts what the other may be."""
    y = np.random.default_rng(7).normal(np.repeat([10, 12.5], [30, 20]), np.repeat([1.5, 2.0], [30, 20]))
    known = [10, None] if place else [None, 10]
    sigma, theta = ([1.5, 2], [0.6, 0.4]) if place else ([2, 1.5], [0.4, 0.6])
    model = {
        "family": "normal",
        "fixed": {"mu": known, "sigma": sigma, "theta": theta},
        "priors": {"mu": "normal(12, 4)"},
    }
    rows, idata, _ = fit(y, model, 2)
    assert list(rows) == [f"mu[{place + 1}]"]
    assert (idata.posterior["mu"].to_numpy()[..., 1 - place] == 10).all()
    mu = np.linspace(-10, 35, 9001)
    likelihood = 0.6 * stats.norm(10, 1.5).pdf(y[:, None]) + 0.4 * stats.norm(mu, 2).pdf(y[:, None])
    log_posterior = np.log(likelihood).sum(axis=0) + stats.norm(12, 4).logpdf(mu)
    agree(rows, moments(log_posterior, {f"mu[{place + 1}]": mu}))


def test_a_prior_of_the_difference_agrees_with_quadrature(fit):
    """Over the plane of both means; the prior keeps the second well above the first, where the data alone do not."""
    y = np.random.default_rng(1).normal(np.repeat([10, 12], [12, 8]), 2)
    prior = {"first": "normal(10, 2)", "difference": "gamma(6, 1)"}
    model = {"family": "normal", "fixed": {"sigma": 2, "theta": [0.6, 0.4]}, "priors": {"mu": prior}}
    rows, idata, _ = fit(y, model, 2)
    first, second = grid((-2, 22), (-2, 42), points=700)
    log_posterior = stats.norm(10, 2).logpdf(first) + stats.gamma(6).logpdf(second - first)
    for value in y:
        log_posterior += np.log(0.6 * stats.norm(first, 2).pdf(value) + 0.4 * stats.norm(second, 2).pdf(value))
    expected = moments(log_posterior, {"mu[1]": first, "mu[2]": second, "difference": second - first})
    difference = expected.pop("difference")
    agree(rows, expected)
    found = np.diff(idata.posterior["mu"].to_numpy(), axis=2)
    assert abs(found.mean() - difference[0]) < MEAN_WITHIN * difference[1]
    # what the prior adds is no little thing here
    wide, *_ = fit(y, model | {"priors": {"mu": "normal(10, 10)"}}, 2)
    assert abs(wide["mu[2]"]["mean"] - rows["mu[2]"]["mean"]) > 2 * MEAN_WITHIN * expected["mu[2]"][1]


def test_a_scale_below_an_end_agrees_with_quadrature(fit):
    y = np.random.default_rng(4).normal(0, 2.0, 30)
    sigma = np.linspace(1e-3, 1.9, 20_001)
    log_posterior = stats.norm(0, sigma[:, None]).logpdf(y).sum(axis=1) + stats.gamma(2, scale=1).logpdf(sigma)
    weight = np.exp(log_posterior - log_posterior.max())
    weight[-1] /= 2
    weight /= weight.sum()
    mean = weight @ sigma
    model = {"family": "normal", "fixed": {"mu": [0]}, "priors": {"sigma": "gamma(2, 1) T[ , 1.9]"}}
    found, *_ = fit(y, model, 1, draws=2000)
    exact(found, {"sigma[1]": (mean, np.sqrt(weight @ (sigma - mean) ** 2))})


def test_a_negative_binomial_component_agrees_with_quadrature(fit, cases):
    rows = observations.read_csv(cases / "data" / "biochemists_art_915.csv", ["y"])
    y, count = np.unique(rows.y, return_counts=True)
    m, d = (np.exp(axis) for axis in grid((np.log(1.2), np.log(2.4)), (np.log(0.3), np.log(1.5)), points=150))
    phi = d**-2
    log_posterior = stats.lognorm(1.0, scale=2).logpdf(m) + stats.halfnorm().logpdf(d) + np.log(m * d)
    log_posterior += sum(n * stats.nbinom(phi, phi / (phi + m)).logpmf(v) for v, n in zip(y, count, strict=True))
    model = {"family": "negative_binomial", "priors": {"mean": "lognormal(0.6931471805599453, 1)"}}
    found, *_ = fit(rows, model, 1)
    exact(found, moments(log_posterior, {"mean[1]": m, "dispersion": d}))


def test_a_weibull_component_agrees_with_quadrature(fit):
    y = stats.weibull_min(1.6, scale=9).rvs(40, random_state=np.random.default_rng(12))
    m, k = (np.exp(axis) for axis in grid((np.log(2.2), np.log(22)), (np.log(0.6), np.log(4.5)), points=300))
    log_posterior = stats.lognorm(1.0, scale=8).logpdf(m) + stats.lognorm(0.5, scale=1.5).logpdf(k) + np.log(m * k)
    log_posterior += sum(stats.weibull_min(k, scale=m * np.log(2) ** (-1 / k)).logpdf(value) for value in y)
    priors = {"median": f"lognormal({np.log(8)}, 1)", "shape": f"lognormal({np.log(1.5)}, 0.5)"}
    found, *_ = fit(y, {"family": "weibull", "priors": priors}, 1)
    exact(found, moments(log_posterior, {"median[1]": m, "shape[1]": k}))


def test_a_zero_inflated_component_with_exposure_agrees_with_quadrature(fit):
    rng = np.random.default_rng(6)
    exposure = rng.choice([0.5, 1.0, 3.0], 60)
    y = np.where(rng.random(60) < 0.3, 0, rng.poisson(2 * exposure))
    rate, zero = grid((np.log(0.8), np.log(5)), (-6, 3), points=500)
    rate, zero = np.exp(rate), 1 / (1 + np.exp(-zero))
    log_posterior = stats.lognorm(1.0).logpdf(rate) + stats.beta(2, 3).logpdf(zero) + np.log(rate * zero * (1 - zero))
    for value, e in zip(y, exposure, strict=True):
        log_posterior += np.log(zero * (value == 0) + (1 - zero) * stats.poisson(rate * e).pmf(value))
    model = {"family": "zero_inflated_poisson", "priors": {"rate": "lognormal(0, 1)", "zero": "beta(2, 3)"}}
    found, *_ = fit(rows_of(y, exposure=exposure), model, 1)
    exact(found, moments(log_posterior, {"rate[1]": rate, "zero": zero}))


def test_two_shares_of_trials_agree_with_quadrature(fit):
    rng = np.random.default_rng(7)
    trials = rng.integers(6, 20, 60)
    y = rng.binomial(trials, np.where(np.arange(60) < 24, 0.15, 0.6))
    w, low, high = grid((-3, 2), (-3.2, -0.2), (-0.6, 1.6), points=120)
    w, low, high = (1 / (1 + np.exp(-axis)) for axis in (w, low, high))
    log_posterior = np.log(w * (1 - w)) + sum(stats.beta(2, 2).logpdf(p) + np.log(p * (1 - p)) for p in (low, high))
    pairs, times = np.unique(np.stack([y, trials]), axis=1, return_counts=True)
    for (value, n), count in zip(pairs.T, times, strict=True):
        log_posterior += count * np.log(
            w * low**value * (1 - low) ** (n - value) + (1 - w) * high**value * (1 - high) ** (n - value)
        )
    log_posterior[low >= high] = -np.inf
    model = {"family": "binomial", "priors": {"p": "beta(2, 2)"}}
    found, *_ = fit(rows_of(y, trials=trials.astype(float)), model, 2)
    exact(found, moments(log_posterior, {"theta[1]": w, "p[1]": low, "p[2]": high}))


def test_rat_tumours_agree_with_quadrature(fit, cases):
    rows = observations.read_csv(cases / "data" / "rat_tumors_71.csv", ["y"], trials="trials")
    p, d = grid((-2.7, -1.0), (np.log(0.05), np.log(0.8)), points=240)
    p, d = 1 / (1 + np.exp(-p)), np.exp(d)
    a, b = p / d**2, (1 - p) / d**2
    log_posterior = stats.beta(1, 4).logpdf(p) + stats.halfnorm().logpdf(d) + np.log(p * (1 - p) * d)
    pairs, times = np.unique(np.stack([rows.y, rows.trials]), axis=1, return_counts=True)
    for (value, n), count in zip(pairs.T, times, strict=True):
        log_posterior += count * (betaln(value + a, n - value + b) - betaln(a, b))
    found, *_ = fit(rows, {"family": "beta_binomial", "priors": {"p": "beta(1, 4)"}}, 1)
    exact(found, moments(log_posterior, {"p[1]": p, "dispersion": d}))


@pytest.mark.parametrize("step", [2.0, 6.0])
def test_a_widely_rounded_normal_component_agrees_with_quadrature(fit, step):
    y = step * np.round(np.random.default_rng(8).normal(1.3, 2.0, 80) / step)
    mu, sigma = grid((-3, 5), (np.log(0.02), np.log(9)), points=600)
    sigma = np.exp(sigma)
    log_posterior = stats.norm(0, 3).logpdf(mu) + stats.halfnorm(scale=2).logpdf(sigma) + np.log(sigma)
    values, counts = np.unique(y, return_counts=True)
    assert len(values) < 8
    for value, count in zip(values, counts, strict=True):
        upper, lower = (stats.norm.logcdf(value + side * step / 2, mu, sigma) for side in (1, -1))
        tail = stats.norm.sf(value - step / 2, mu, sigma) - stats.norm.sf(value + step / 2, mu, sigma)
        with np.errstate(divide="ignore"):
            below = upper + np.log(-np.expm1(np.minimum(lower - upper, -1e-300)))
            log_posterior += count * np.where(value > mu, np.log(tail), below)
    model = {"family": "normal", "priors": {"mu": "normal(0, 3)", "sigma": "normal(0, 2)"}}
    found, *_ = fit(y, model, 1, rounding=step)
    exact(found, moments(log_posterior, {"mu[1]": mu, "sigma[1]": sigma}))
    if step < 3:  # as exact values the sd would be too large by what rounding adds
        assert found["sigma[1]"]["mean"] ** 2 < y.var()


@pytest.mark.parametrize(("values", "expected"), [((1, 1, 1, 1, 2, 1, 1, 2, 3), None), ("wine", (0.838, 0.002))])
def test_the_default_prior_of_rounded_values_agrees_with_quadrature_and_is_cut_nowhere(fit, values, expected):
    # nine counts of a reader, and the scores of the UCI wines, whose sd is .886 with what rounding adds
    scores = np.repeat(np.arange(3.0, 10), (20, 163, 1457, 2198, 880, 175, 5))
    y = scores if values == "wine" else np.array(values, float)
    middle, sd, across = np.median(y), y.std(ddof=1), np.ptp(y)
    found, *_ = fit(y, {"family": "normal"}, 1, rounding=1.0)
    wide = 8 * sd / np.sqrt(len(y))
    mu, sigma = grid((y.mean() - wide, y.mean() + wide), (np.log(0.02), np.log(12)), points=700)
    if expected:
        mu, sigma = grid((y.mean() - wide, y.mean() + wide), (np.log(0.75), np.log(0.93)), points=300)
    sigma = np.exp(sigma)  # the grid is even in its log, in which the prior is normal
    log_posterior = stats.norm(middle, across / 2).logpdf(mu) + stats.norm(np.log(sd), 0.7).logpdf(np.log(sigma))
    for value, count in zip(*np.unique(y, return_counts=True), strict=True):
        below, above = (stats.norm.cdf(value + side / 2, mu, sigma) for side in (-1, 1))
        beyond = stats.norm.sf(value - 0.5, mu, sigma) - stats.norm.sf(value + 0.5, mu, sigma)
        with np.errstate(divide="ignore"):
            log_posterior += count * np.log(np.where(value > mu, beyond, above - below))
    exact(found, moments(log_posterior, {"mu[1]": mu, "sigma[1]": sigma}))
    if expected:
        assert found["sigma[1]"]["mean"] == pytest.approx(expected[0], abs=expected[1])


def test_where_transitions_diverge_smaller_steps_are_taken_once(fit):
    y = np.random.default_rng(5).normal([[0.0], [1.0]], 1.0, (2, 12)).ravel()
    model = {"family": "normal", "priors": {"mu": "normal(0, 3)", "sigma": "lognormal(-1, 1)"}}
    _, idata, folder = fit(y, model, 3, adapt_delta=0.3, draws=300, warmup=200)
    found = json.loads((folder / "specification.json").read_text())
    assert found["adapt_delta_raised"] is True
    assert found["sampling"]["adapt_delta"] == fitting.RAISED
    assert idata.sample_stats["diverging"].mean() < 0.02
    calm = {"family": "normal", "share": ["sigma"]}
    _, _, folder = fit(TUTORIAL, calm, 1, draws=300, warmup=300)
    found = json.loads((folder / "specification.json").read_text())
    assert (found["adapt_delta_raised"], found["sampling"]["adapt_delta"]) == (False, 0.8)


def test_memberships_do_not_depend_on_the_unit_and_the_origin_of_the_data(fit):
    y = np.random.default_rng(9).normal(np.repeat([0.0, 4.0], [30, 20]), 1.0)
    found = []
    for scale, origin in ((1, 0), (1e12, 0), (1e-12, 0), (1, 1e9)):
        values = scale * y + origin
        _, idata, folder = fit(values, {"family": "normal", "share": ["sigma"]}, 2)
        draws = inference.by_component(idata, Specification.read(folder / "specification.json"))
        found.append(mixture.membership("normal", Points(values, np.ones(50)), draws))
        assert (draws["mu"].mean(axis=0) - origin) / scale == pytest.approx([0, 4], abs=1)
    for other in found[1:]:
        # five standard errors of a mean of responsibilities, whose sd is at most a half and far less but in the middle
        assert np.abs(other - found[0]).max() < 0.03


def in_groups(y, sizes, **others):
    """Rows of groups of these sizes, which follow each other."""
    names = np.repeat([f"g{i}" for i in range(len(sizes))], sizes).astype(object)
    return rows_of(y, group=names, **others)


def by_trial(successes, trials):
    """Successes of trials as a row for each trial, in groups."""
    y = np.concatenate([np.repeat([1.0, 0.0], [one, n - one]) for one, n in zip(successes, trials, strict=True)])
    return in_groups(y, trials, trials=np.ones(len(y)))


@pytest.fixture(scope="module")
def rats(cases):
    """The rat tumours as successes of trials, and as a row for each of 1739 rats in 71 groups."""
    whole = observations.read_csv(cases / "data" / "rat_tumors_71.csv", ["y"], trials="trials")
    return whole, by_trial(whole.y.astype(int), whole.trials.astype(int))


@pytest.fixture(scope="module")
def counted():
    """Poisson counts with their exposure, and as a row for each unit of exposure, in groups."""
    rng = np.random.default_rng(15)
    sizes = rng.integers(1, 7, 60)
    y = rng.poisson(np.repeat(rng.choice([1.0, 5.0], 60), sizes)).astype(float)
    sums = np.bincount(np.repeat(np.arange(60), sizes), y)
    return rows_of(sums, exposure=sizes.astype(float)), in_groups(y, sizes)


@pytest.fixture(scope="module")
def single():
    """Values, and the same as groups of one row each, in another order and with the group's name as all that is new."""
    y = np.random.default_rng(16).normal(np.repeat([0.0, 3.0], 20), 1).round(1)
    return rows_of(y), in_groups(np.random.default_rng(1).permutation(y), np.ones(40, int))


def of_program(rows, model, components):
    """What the program is given of rows, each group with one membership where there are groups."""
    model = with_defaults(model, schema()["properties"]["models"]["additionalProperties"])
    specification = specify("m", model, components, noticing.notice(rows, ["y"]))
    assert (specification.by_group) is (rows.group is not None)
    return program_data(specification, rows.units(by_group=rows.group is not None))


@pytest.mark.parametrize(
    ("rows", "model"),
    [
        ("rats", {"family": "binomial"}),
        ("counted", {"family": "poisson"}),
        ("single", {"family": "normal", "share": ["sigma"]}),
    ],
)
@pytest.mark.parametrize("kernel", [False, True], ids=["plain", "kernel"])
def test_rows_in_groups_have_the_density_of_what_they_add_up_to_but_for_a_constant(
    compiled, root, request, rows, model, kernel
):
    """Single trials by group are a binomial, Poisson rows one on their exposure, and groups of one row are rows."""
    executable, rng = compiled(root / "stan", kernel=kernel), np.random.default_rng(17)
    both = [of_program(each, model, 2) for each in request.getfixturevalue(rows)]
    apart = []
    for _ in range(8):
        point = {"theta_free": rng.dirichlet([2, 2]).tolist(), "ordered_free": np.sort(rng.normal(size=2)).tolist()}
        point |= {"scale_free": rng.uniform(0.5, 2, both[0]["scale_count"]).tolist()}
        values = [programs.evaluate(executable, data, point)[0] for data in both]
        apart.append(values[1] - values[0])
    np.testing.assert_allclose(apart, apart[0], rtol=0, atol=1e-8)
    assert (rows == "single") is (abs(apart[0]) < 1e-8)


@pytest.mark.parametrize(("rows", "family", "name"), [("rats", "binomial", "p"), ("counted", "poisson", "rate")])
def test_rows_in_groups_have_the_posterior_of_what_they_add_up_to(fit, request, rows, family, name):
    (first, *_), (other, *_) = (fit(each, {"family": family}, 2) for each in request.getfixturevalue(rows))
    for title in ("theta[1]", f"{name}[1]", f"{name}[2]"):
        error = np.hypot(first[title]["mcse_mean"], other[title]["mcse_mean"])
        assert abs(first[title]["mean"] - other[title]["mean"]) < 5 * error, title
        assert first[title]["mcse_mean"] < 0.06 * first[title]["sd"], title


def test_two_classes_whose_groups_differ_where_their_rows_do_not_are_found(fit):
    recipe = {"family": "normal", "n": 200, "rows": 5, "theta": [0.4, 0.6], "mu": [-0.5, 0.5], "sigma": 1.0, "seed": 3}
    rows, _ = simulation.simulate(recipe, 0)
    found, idata, folder = fit(rows, {"family": "normal", "share": ["sigma"]}, 2, draws=500)
    for title, value in (("theta[1]", 0.4), ("mu[1]", -0.5), ("mu[2]", 0.5), ("sigma", 1.0)):
        assert abs(found[title]["mean"] - value) < 3.5 * found[title]["sd"], title
        assert found[title]["sd"] < 0.08
    # as a mixture of rows the same numbers say next to nothing: one normal distribution is as good
    draws = inference.by_component(idata, Specification.read(folder / "specification.json"))
    units = rows.units(by_group=True)
    one, elpd = (
        {"theta": np.ones((1, 1)), "mu": np.full((1, 1), rows.y.mean()), "sigma": np.full((1, 1), rows.y.std())},
        {},
    )
    for by_row in (False, True):
        loo = crossvalidation.leave_one_out("normal", Points.of(units), units.count, draws, 1.0, by_row=by_row)
        elpd[by_row] = loo["elpd_i"] @ units.count
    alone = mixture.log_likelihood_of_groups("normal", Points.of(units), one, by_row=True)[0] @ units.count
    assert elpd[False] > alone + 20
    assert elpd[True] < alone + 5


def test_groups_that_differ_by_degrees_fail_the_check_of_what_their_rows_share(fit):
    rng = np.random.default_rng(18)
    unit = np.repeat(np.arange(100), 5)
    rows = in_groups(0.7 * rng.normal(size=100)[unit] + rng.normal(size=500), np.full(100, 5))
    _, idata, folder = fit(rows, {"family": "normal"}, 1, draws=200)
    draws = inference.by_component(idata, Specification.read(folder / "specification.json"))
    points = Points.of(rows.units(by_group=True))
    assert predictive.component_p_values("normal", points, draws, rng)["within_groups"]["p_value"] < 0.01


@pytest.fixture(scope="module")
def posteriordb(cases, root, tmp_path_factory):
    """The folder with the fits of both of posteriordb's two Gaussians, and of two of the same mean, by both labels."""
    folder = tmp_path_factory.mktemp("posteriordb")
    rng = np.random.default_rng(11)
    same_mean = np.concatenate([rng.normal(0, sd, 150) for sd in (1, 5)])
    same_mean -= np.repeat([same_mean[:150].mean(), same_mean[150:].mean()], 150)
    pd.DataFrame({"y": same_mean}).to_csv(folder / "same_mean.csv", index=False)
    mix, twin = (str(cases / "posteriordb" / f"low_dim_gauss_mix{end}.csv") for end in ("", "_collapse"))
    priors = {"theta": "beta(5, 5)", "mu": "normal(0, 2)", "sigma": "normal(0, 2)"}
    models = {labels: {"family": "normal", "labels": labels} for labels in ("ordered", "relabelled")}
    models |= {f"reference-{labels}": model | {"priors": priors} for labels, model in models.items()}
    models["single"] = {"family": "normal", "priors": {key: priors[key] for key in ("mu", "sigma")}}
    text = {
        "datasets": {
            name: {"csv": path, "column": "y"}
            for name, path in (("mix", mix), ("twin", twin), ("same-mean", str(folder / "same_mean.csv")))
        },
        "models": models,
        "analyses": [
            {"dataset": "mix", "models": ["reference-ordered", "reference-relabelled"], "components": 2},
            {"dataset": "twin", "models": ["reference-ordered", "reference-relabelled"], "components": 2},
            {"dataset": "twin", "models": ["single"], "components": 1},
            {"dataset": "same-mean", "models": ["ordered", "relabelled"], "components": 2},
        ],
    }
    (folder / "config").mkdir()
    (folder / "config" / "config.yaml").write_text(yaml.safe_dump(text))
    wanted = [
        f"results/fits/{analysis['dataset']}/{model}/{analysis['components']}/checks.json"
        for analysis in text["analyses"]
        for model in analysis["models"]
    ]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile")]
    subprocess.run([*command, "--directory", str(folder), "--cores", "2", *wanted], check=True, capture_output=True)
    return folder / "results" / "fits"


@pytest.mark.parametrize("labels", ["ordered", "relabelled"])
def test_posteriordb_reference_through_the_ordinary_configuration(posteriordb, cases, labels):
    found = pd.read_csv(posteriordb / "mix" / f"reference-{labels}" / "2" / "summary.csv")
    rows = {f"{p}[{k}]": {"mean": m, "sd": s} for p, k, m, s in found[["parameter", "component", "mean", "sd"]].values}
    table = pd.read_csv(cases / "posteriordb" / "reference_summary.csv")
    expected = {row.parameter.replace("theta", "theta[1]"): (row.mean, row.sd) for row in table.itertuples(name="Row")}
    assert set(expected) == {"theta[1]", "mu[1]", "mu[2]", "sigma[1]", "sigma[2]"}
    agree(rows, expected)


WITHHELD = {
    "mix/reference-ordered": [],
    "mix/reference-relabelled": [],
    "twin/reference-ordered": ["groups"],
    "twin/reference-relabelled": ["groups"],
    "same-mean/ordered": ["label_order"],
    "same-mean/relabelled": [],  # the standard deviations tell the components apart
}


@pytest.mark.parametrize("fit", WITHHELD)
def test_nothing_is_said_of_components_that_cannot_be_told_apart(posteriordb, fit):
    folder = posteriordb / fit / "2"
    failed = [c["name"] for c in read_json(folder / "checks.json")["checks"] if c["status"] == "fail"]
    assert [name for name in failed if name in checks.LABELS] == WITHHELD[fit]
    assert read_json(folder / "labels.json")["trusted"] is not bool(WITHHELD[fit])
    assert ("most probable" in (folder / "membership.html").read_text()) is not bool(WITHHELD[fit])


@pytest.mark.parametrize("model", ["reference-ordered", "reference-relabelled"])
def test_what_a_single_component_predicts_is_what_its_own_fit_says(posteriordb, model):
    one, two = (read_json(posteriordb / "twin" / fit / "loo.json") for fit in ("single/1", f"{model}/2"))
    checked = read_json(posteriordb / "twin" / model / "2" / "checks.json")["checks"]
    sentence = next(check["sentence"] for check in checked if check["name"] == "groups")
    difference = float(sentence.partition("(difference ")[2].partition(",")[0])
    # 4000 draws of a posterior of two parameters: the error of their elpd is some hundredths, and one decimal is said
    assert difference == pytest.approx(one["elpd"] - two["elpd"], abs=0.15)
