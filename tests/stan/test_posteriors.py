"""Posteriors of the whole pipeline against quadrature, a Gibbs sampler of the tests' own, and published values."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import yaml

from stanmix import config, fitting, inference, observations
from stanmix.assessment import summary_rows
from stanmix.files import write_json

MEAN_WITHIN = 0.1  # posterior sds: five Monte Carlo errors of a mean of 4000 draws at half efficiency
SD_WITHIN = 0.08  # relative: five Monte Carlo errors of a standard deviation from as many
TUTORIAL = np.random.default_rng(1).normal(np.repeat([9, 21, 35], [90, 50, 75]), 2)


@pytest.fixture(scope="module")
def fit(compiled, root, toolchain_record, tmp_path_factory):
    """A function that fits a model as the workflow does and returns {title: (mean, sd)} and the InferenceData."""
    executable = compiled(root / "stan")

    def run(y, model, components, draws=1000):
        folder = tmp_path_factory.mktemp("fit")
        paths = {"observations": folder / "observations.csv", "draws": folder / "draws.nc"}
        paths |= {name: folder / f"{name}.json" for name in ("noticed", "specification", "data")}
        observations.write(y, paths["observations"], paths["noticed"])
        write_json(folder / "toolchain.json", toolchain_record)
        text = {"datasets": {"d": {"csv": "d.csv", "column": "y"}}, "models": {"m": model}}
        text["sampling"] = {"draws": draws}
        checked = config.checked(text | {"analyses": [{"dataset": "d", "models": ["m"], "components": components}]})
        inputs = paths | {"executable": executable, "toolchain": folder / "toolchain.json"}
        fitting.fit(inputs, paths, "m", checked["models"]["m"], components, checked["sampling"], seed=1, threads=2)
        idata = inference.read_draws(paths["draws"])
        return {row["title"]: row for row in summary_rows(idata, model["family"])}, idata

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
    rows, _ = fit(y, KNOWN, 3)
    mean, sd = weights_by_quadrature(y, [10, 20, 35], 2)
    agree(rows, {f"theta[{k + 1}]": (mean[k], sd[k]) for k in range(3)})


def test_unknown_means_agree_with_the_tutorials_gibbs_sampler(fit):
    rows, idata = fit(TUTORIAL, UNKNOWN_MEANS, 3)
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
    rows, _ = fit(y, model if own else model | {"share": ["sigma"]}, 2, draws=4000)

    def sigma_prior(s):
        return -np.log(s) - 0.5 * ((np.log(s) - 0.3) / 0.5) ** 2 if own else -np.log1p((s / 2) ** 2)

    kept = gibbs(y, [0, 5], 1.0, sigma_prior, own, draws=40_000, seed=3)
    titles = ["theta[1]", "theta[2]", "mu[1]", "mu[2]", *(["sigma[1]", "sigma[2]"] if own else ["sigma"])]
    agree(rows, {title: (kept[:, i].mean(), kept[:, i].std()) for i, title in enumerate(titles)})


def test_old_faithful_lies_at_the_maximum_of_the_likelihood(fit, root):
    y = observations.read_column(root / "data" / "old-faithful.csv", "waiting")
    rows, idata = fit(y, {"family": "normal", "share": ["sigma"]}, 2)
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


def test_posteriordb_reference_through_the_ordinary_configuration(cases, root, tmp_path):
    (tmp_path / "config").mkdir()
    data = cases / "posteriordb" / "low_dim_gauss_mix.csv"
    text = """
        datasets: {mix: {csv: CSV, column: y}}
        models:
          reference:
            family: normal
            priors: {theta: "beta(5, 5)", mu: "normal(0, 2)", sigma: "normal(0, 2)"}
        analyses: [{dataset: mix, models: [reference], components: 2}]
        """
    (tmp_path / "config" / "config.yaml").write_text(textwrap.dedent(text).replace("CSV", json.dumps(str(data))))
    assert yaml.safe_load((tmp_path / "config" / "config.yaml").read_text())["datasets"]["mix"]["csv"] == str(data)
    summary = "results/fits/mix/reference/2/summary.csv"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile")]
    subprocess.run([*command, "--directory", str(tmp_path), "--cores", "2", summary], check=True, capture_output=True)
    found = pd.read_csv(tmp_path / summary)
    rows = {f"{p}[{k}]": {"mean": m, "sd": s} for p, k, m, s in found[["parameter", "component", "mean", "sd"]].values}
    table = pd.read_csv(cases / "posteriordb" / "reference_summary.csv")
    expected = {row.parameter.replace("theta", "theta[1]"): (row.mean, row.sd) for row in table.itertuples(name="Row")}
    assert set(expected) == {"theta[1]", "mu[1]", "mu[2]", "sigma[1]", "sigma[2]"}
    agree(rows, expected)
