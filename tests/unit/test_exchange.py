"""The file of a fit as other people's tools read it: by ArviZ's own functions, against SciPy and plain loops."""

import functools
import json
import math

import h5netcdf
import numpy as np
import pytest
from scipy import integrate, stats
from textbook import log_likelihood, model_of, notice, resolved, rows_of, specified

from stanmix.assess import crossvalidation, elpd
from stanmix.data import observations, replication
from stanmix.families.family import Points
from stanmix.families.multivariate_normal import lkj_factors
from stanmix.families.priors import Prior
from stanmix.fits import exchange, fitting, inference
from stanmix.fits.inference import az
from stanmix.model import mixture, prior
from stanmix.model.resolution import specify
from stanmix.model.specification import Weights

CHAINS, LENGTH = 4, 250
RNG = np.random.default_rng(4)
Y = np.concatenate([RNG.normal(0, 1, 30), RNG.normal(5, 1, 20)])
COUNTS = np.concatenate([np.zeros(8), RNG.poisson(2, 20), RNG.poisson(12, 12)])
EXPOSURE = RNG.uniform(0.5, 2, 40)
SUCCESSES = RNG.binomial(20, np.repeat([0.2, 0.7], 15))
SEVERAL = np.vstack([RNG.normal([0, 3], 1, (20, 2)), RNG.normal([5, 1], 1, (15, 2))])
KNOWN = np.where(np.arange(50) % 9 == 0, 1 + (np.arange(50) >= 30), 0)
WEIGHTS = {"theta": "dirichlet(1)"}


def modelled(rows, columns=("y",), rounding=None, **model):
    return specify("m", model_of(**model), 2, notice(rows, list(columns)), rounding)


# A data set with its model, and where its parameters lie.
CASES = {
    "continuous": (rows_of(Y), {"family": "normal"}, {"mu": [0, 5], "sigma": [1, 1]}),
    "shared": (rows_of(Y), {"family": "normal", "share": ["sigma"]}, {"mu": [0, 5], "sigma": [1]}),
    "fixed": (rows_of(Y), {"family": "normal", "fixed": {"mu": [0, 5]}}, {"mu": [0, 5], "sigma": [1, 1]}),
    "relabelled": (rows_of(Y), {"family": "normal", "labels": "relabelled"}, {"mu": [5, 0], "sigma": [1, 1.2]}),
    "rounded": (rows_of(np.round(Y)), {"family": "normal", "rounding": 1.0}, {"mu": [0, 5], "sigma": [1, 1]}),
    "known": (rows_of(Y, known=KNOWN), {"family": "normal"}, {"mu": [0, 5], "sigma": [1, 1]}),
    "exposure": (
        rows_of(COUNTS, exposure=EXPOSURE),
        {"family": "zero_inflated_poisson"},
        {"rate": [2, 10], "zero": [0.2]},
    ),
    "trials": (rows_of(SUCCESSES, trials=20), {"family": "binomial"}, {"p": [0.2, 0.7]}),
    "weights": (
        rows_of(np.arange(12), frequency=[9, 7, 5, 4, 3, 2, 1, 1, 3, 4, 2, 1]),
        {"family": "poisson"},
        {"rate": [1.2, 8]},
    ),
    "columns": (
        observations.Observations(SEVERAL, np.ones(35, np.int64)),
        {"family": "multivariate_normal", "columns": ["a", "b"]},
        {"mu": [[0, 3], [5, 1]], "sigma": [[1, 1], [1, 1]], "correlation": [0.1, -0.1]},
    ),
}


def fitted(case, **others):
    """Rows, specification and draws of a case that scatter as those of a posterior do."""
    rows, model, centres = CASES[case]
    model = model | others
    specification = modelled(rows, model.pop("columns", ["y"]), model.pop("rounding", None), **model)
    rng = np.random.default_rng(1)
    variables = {"theta": rng.dirichlet([30, 20], (CHAINS, LENGTH))}
    for name, centre in centres.items():
        centre = np.array(centre, float)
        scatter = 0 if name in model.get("fixed", {}) else 0.05
        noise = rng.normal(0, scatter, (CHAINS, LENGTH, *centre.shape))
        variables[name] = centre * np.exp(noise) if name not in ("mu", "correlation") else centre + 3 * noise
        if name == "sigma":
            shape = (CHAINS, LENGTH, 2, *centre.shape[1:])
            variables[name] = np.array(np.broadcast_to(variables[name], shape))
        if name == "correlation":
            off = np.clip(variables[name], -0.9, 0.9)[..., None, None]
            variables[name] = np.eye(2) + off * (1 - np.eye(2))
    return rows, specification, variables


def written(path, rows, specification, variables, **attributes):
    """The file that a fit with these draws writes."""
    sampled = replication.sampled_rows(rows)
    kept = mixture.spaced(LENGTH, exchange.draws_kept(CHAINS, LENGTH, rows.y[sampled].size))
    rng = np.random.default_rng(2)
    replicates = fitting.replicates(specification, variables, rows, sampled, kept, rng)
    groups = exchange.groups(specification, variables, rows, sampled, kept, rng)
    statistics = {column: np.ones((CHAINS, LENGTH)) for column in inference.SAMPLE_STATS}
    inference.write_draws(path, specification, variables, statistics, rows, sampled, replicates, attributes, groups)
    return path


def read(path):
    """As anybody reads it."""
    idata = az.from_netcdf(path)
    idata.load()
    idata.close()
    return idata


@pytest.fixture(scope="module")
def file_of(tmp_path_factory):
    """A function that gives the file of a case; one for all tests."""
    folder = tmp_path_factory.mktemp("exchange")

    def make(case):
        path = folder / f"{case}.nc"
        return path if path.exists() else written(path, *fitted(case))

    return make


@pytest.fixture(scope="module")
def idata_of(file_of):
    """A function that reads the file of a case, once for all tests."""
    return functools.cache(lambda case: read(file_of(case)))


@pytest.mark.parametrize("case", CASES)
def test_arviz_leaves_out_what_we_leave_out(case, idata_of):
    rows, specification, _ = fitted(case)
    idata = idata_of(case)
    units, draws = rows.units(), inference.by_component(idata, specification)
    points = Points.of(units, specification.rounding)
    efficiency = inference.relative_efficiency(idata)
    loo = crossvalidation.leave_one_out(specification.family, points, units.count, draws, efficiency)
    ours, theirs = loo | elpd.totals(loo, units.count), az.loo(idata, pointwise=True)
    assert theirs.n_data_points == rows.n == ours["n"]
    # They smooth where the weights are all but even, too, and count the diagonal of correlations as parameters.
    assert float(theirs.elpd_loo) == pytest.approx(ours["elpd"], abs=2e-3)
    assert float(theirs.se) == pytest.approx(ours["se"], rel=2e-3)
    assert float(theirs.p_loo) == pytest.approx(ours["p_loo"], abs=2e-3)
    of_rows = np.repeat(loo["elpd_i"][units.index], rows.frequency)
    np.testing.assert_allclose(theirs.loo_i.values, of_rows, atol=2e-3)
    np.testing.assert_array_equal(theirs.loo_i["obs_id"], np.repeat(np.arange(len(rows.y)), rows.frequency) + 1)


@pytest.mark.parametrize(
    ("case", "names"), [("continuous", ("mu", "sigma")), ("exposure", ("rate",)), ("trials", ("p",))]
)
def test_log_likelihoods_are_those_of_the_textbook(case, names, idata_of):
    rows, specification, variables = fitted(case)
    idata = idata_of(case)
    found = idata.log_likelihood["y"]
    size = rows.exposure if rows.trials is None else rows.trials
    for chain, draw in ((0, 0), (3, 249), (2, 17)):
        at = {name: values[chain, draw] for name, values in variables.items()}
        zero = float(at["zero"][0]) if "zero" in at else 0.0
        of_component = (at["theta"], *(at[name] for name in names))
        for row in range(0, len(rows.y), 7):
            one = 1.0 if size is None else size[row]
            expected = log_likelihood([rows.y[row]], specification.family, *of_component, zero=zero, size=one)
            assert float(found[chain, draw, row]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_groups_by_observation_have_the_same_axes(case, idata_of):
    rows, specification, _ = fitted(case)
    idata = idata_of(case)
    place = "observation" if case == "weights" else "obs_id"
    columns = ("column",) if case == "columns" else ()
    assert idata.observed_data["y"].dims == (place, *columns)
    assert idata.log_likelihood["y"].dims == ("chain", "draw", place)
    for group, shape in (("posterior_predictive", (CHAINS, LENGTH)), ("prior_predictive", (1, 400))):
        assert idata[group]["y"].dims == ("chain", "draw", place, *columns)
        assert idata[group]["y"].shape == (*shape, rows.n, *(2 for _ in columns))
        np.testing.assert_array_equal(idata[group]["obs_id"], idata.observed_data["obs_id"])
    np.testing.assert_array_equal(idata.observed_data["y"], np.repeat(rows.y, rows.frequency, axis=0))
    whole = specification.kind == "whole"
    assert {idata[group]["y"].dtype.kind for group in ("observed_data", "posterior_predictive")} == {
        "i" if whole else "f"
    }
    given = {name for name in ("trials", "exposure", "known") if getattr(rows, name) is not None}
    given |= {"weight"} if case == "weights" else set()
    given |= {"mu"} if case == "fixed" else set()
    assert set(idata.constant_data if "constant_data" in idata.groups() else ()) == given
    for name in given - {"mu"}:
        assert idata.constant_data[name].dims == ("obs_id",)
        values = rows.frequency if name == "weight" else getattr(rows, name)
        np.testing.assert_array_equal(idata.constant_data[name], values)


@pytest.mark.parametrize("case", CASES)
def test_the_prior_is_laid_out_like_the_posterior(case, idata_of):
    idata = idata_of(case)
    assert set(idata.prior) == set(idata.posterior) == set(idata.log_prior)
    for name in idata.posterior:
        assert idata.prior[name].dims == idata.posterior[name].dims
        assert idata.prior[name].shape == (1, 400, *idata.posterior[name].shape[2:])
        assert idata.log_prior[name].dims == idata.posterior[name].dims[: idata.log_prior[name].ndim]
    np.testing.assert_array_equal(idata.log_prior["draw"], idata.posterior["draw"])


def test_log_priors_are_scipys(tmp_path):
    priors = {"theta": "dirichlet([2, 3])", "mu": "student_t(4, [1, 6], 2)", "sigma": "lognormal(0, 0.5) T[0.4, ]"}
    idata = read(written(tmp_path / "own.nc", *fitted("continuous", priors=priors)))
    posterior, found = idata.posterior, idata.log_prior
    expected = [stats.dirichlet([2, 3]).logpdf(theta) for theta in posterior["theta"].values[0]]
    np.testing.assert_allclose(found["theta"][0], expected, rtol=1e-9)
    expected = stats.t(4, [1, 6], 2).logpdf(posterior["mu"])
    np.testing.assert_allclose(found["mu"], expected, rtol=1e-12)
    lognormal = stats.lognorm(0.5)
    expected = lognormal.logpdf(posterior["sigma"]) - lognormal.logsf(0.4)
    np.testing.assert_allclose(found["sigma"], expected, rtol=1e-12)


def test_log_priors_of_shared_parameters_are_counted_once(tmp_path):
    idata = read(
        written(tmp_path / "shared.nc", *fitted("shared", priors={"theta": "dirichlet(1)", "sigma": "cauchy(0, 5)"}))
    )
    assert idata.log_prior["sigma"].dims == ("chain", "draw")
    expected = stats.halfcauchy(scale=5).logpdf(idata.posterior["sigma"])
    np.testing.assert_allclose(idata.log_prior["sigma"], expected, rtol=1e-12)


def test_log_priors_of_counts_and_zeros_are_scipys(tmp_path):
    priors = {"theta": "dirichlet(1)", "rate": "gamma([2, 3], 0.5)", "zero": "beta(2, 5)"}
    idata = read(written(tmp_path / "counts.nc", *fitted("exposure", priors=priors)))
    np.testing.assert_allclose(idata.log_prior["zero"], stats.beta(2, 5).logpdf(idata.posterior["zero"]), rtol=1e-12)
    expected = stats.gamma([2, 3], scale=2).logpdf(idata.posterior["rate"])
    np.testing.assert_allclose(idata.log_prior["rate"], expected, rtol=1e-12)
    np.testing.assert_allclose(idata.log_prior["theta"], 0, atol=1e-12)


def test_log_priors_of_columns_are_those_of_each(tmp_path):
    priors = {"theta": "dirichlet(1)", "mu": "normal(0, 9)", "correlation": "lkj(3)"}
    rows, specification, variables = fitted("columns", priors=priors)
    idata = read(written(tmp_path / "columns.nc", rows, specification, variables))
    assert idata.log_prior["mu"].dims == ("chain", "draw", "component", "column")
    np.testing.assert_allclose(idata.log_prior["mu"], stats.norm(0, 9).logpdf(idata.posterior["mu"]), rtol=1e-12)
    for column in ("a", "b"):
        entry = next(e for e in specification.parameters if e.name == "sigma" and e.column == column)
        meanlog, sdlog = entry.priors[0].arguments
        lognormal = stats.lognorm(sdlog, scale=math.exp(meanlog))
        expected = lognormal.logpdf(idata.posterior["sigma"].sel(column=column))
        np.testing.assert_allclose(idata.log_prior["sigma"].sel(column=column), expected, rtol=1e-9)
    # of two columns the correlation is a beta variable between -1 and 1
    r = idata.posterior["correlation"].values[..., 0, 1]
    expected = stats.beta(3, 3, loc=-1, scale=2).logpdf(r)
    np.testing.assert_allclose(idata.log_prior["correlation"], expected, rtol=1e-9)


def test_the_density_of_correlations_is_normalised():
    def density(dimension, shape, matrices):
        given = resolved("correlation", priors=(Prior("lkj", (shape,)),))
        specification = specified(weights=Weights("fixed"), parameters=(given,))
        return np.exp(prior.log_prior(specification, {"correlation": matrices})["correlation"])

    for shape in (0.5, 1.0, 4.0):
        total, _ = integrate.quad(lambda r, eta=shape: density(2, eta, np.array([[[[[1, r], [r, 1]]]]])).item(), -1, 1)
        assert total == pytest.approx(1, rel=1e-6)
    # the volumes of correlation matrices of 3 and 4 columns (Joe 2006)
    for dimension, volume in ((3, math.pi**2 / 2), (4, 32 * math.pi**2 / 27)):
        flat = density(dimension, 1.0, np.eye(dimension)[None, None, None]).item()
        assert 1 / flat == pytest.approx(volume, rel=1e-9)
        # and from draws of the flat one: the mean of another density over its own is 1
        factors = lkj_factors(dimension, 1.0, 20_000, np.random.default_rng(1))
        matrices = (factors @ np.swapaxes(factors, 1, 2))[None, :, None]
        ratio = density(dimension, 2.5, matrices).ravel() / flat
        assert abs(ratio.mean() - 1) < 4.5 * ratio.std() / math.sqrt(len(ratio))


def test_draws_of_the_prior_follow_it(tmp_path):
    priors = {"theta": "dirichlet(1)", "mu": "normal([0, 50], 2)", "sigma": "lognormal(1, 0.3)"}
    idata = read(written(tmp_path / "prior.nc", *fitted("continuous", priors=priors)))
    draws = idata.prior.isel(chain=0)
    for k, middle in enumerate((0, 50)):
        assert stats.kstest(draws["mu"][:, k], stats.norm(middle, 2).cdf).pvalue > 1e-3
    assert stats.kstest(draws["sigma"][:, 1], stats.lognorm(0.3, scale=math.e).cdf).pvalue > 1e-3
    # and the data follow the draws: a value above 25 is of the second component
    above = (idata.prior_predictive["y"][0] > 25).mean("obs_id")
    error = np.sqrt((draws["theta"][:, 1] * draws["theta"][:, 0]).mean() / 50)
    assert abs(float((above - draws["theta"][:, 1]).mean())) < 4.5 * float(error) / math.sqrt(400)
    assert float(np.corrcoef(above, draws["theta"][:, 1])[0, 1]) > 0.9


@pytest.mark.parametrize("case", CASES)
def test_memberships_are_those_of_the_tables(case, idata_of):
    rows, specification, _ = fitted(case)
    group = idata_of(case).memberships
    points = Points.of(rows, specification.rounding)
    shares = mixture.membership(specification.family, points, inference.by_component(idata_of(case), specification))
    assert group["probability"].dims == ("obs_id", "component")
    np.testing.assert_allclose(group["probability"], shares[:, :2], rtol=1e-9, atol=1e-12)
    total = group["probability"].sum("component")
    if case == "exposure":
        np.testing.assert_allclose(group["zero"], shares[:, 2], rtol=1e-9, atol=1e-12)
        total = total + group["zero"]
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    assert "labels.json" in group.attrs["comment"]


@pytest.mark.parametrize("case", ["shared", "exposure", "weights", "columns"])
def test_power_scaling_takes_prior_and_likelihood(case, idata_of):
    idata = idata_of(case)
    for component in ("prior", "likelihood"):
        names = [name for name in idata.posterior if name != "correlation"]  # whose diagonal does not vary
        found = az.psens(idata, component=component, var_names=names)
        assert set(found) == set(names)
        assert np.isfinite(found["theta"]).all()
        assert float(found["theta"].max()) > 0


def test_a_strong_prior_is_seen_where_a_weak_one_is_not(tmp_path):
    strong, weak = (
        az.psens(
            read(written(tmp_path / f"{sd}.nc", *fitted("continuous", priors={"mu": f"normal(0, {sd})"} | WEIGHTS)))
        )
        for sd in (0.3, 300)
    )
    assert float(strong["mu"][1]) > 10 * float(weak["mu"][1])


def test_the_transform_of_arviz_is_ours(idata_of):
    rows, specification, _ = fitted("continuous")
    idata = idata_of("continuous")
    units = rows.units()
    draws = inference.by_component(idata, specification)
    loo = crossvalidation.leave_one_out("normal", Points.of(units), units.count, draws, 1.0)
    theirs = az.loo_pit(idata, y="y")
    # theirs counts replicated values below the observed one
    np.testing.assert_allclose(theirs, loo["loo_pit"][0][units.index], atol=4.5 * math.sqrt(0.25 / 1000) + 0.005)
    for case in ("exposure", "weights", "trials"):
        theirs = np.asarray(az.loo_pit(idata_of(case), y="y"))
        assert theirs.shape == (fitted(case)[0].n,)
        assert ((theirs >= 0) & (theirs <= 1 + 1e-9)).all()


@pytest.mark.filterwarnings("ignore:Passing a dict or None as alias_mapping")  # ArviZ lags behind
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_arviz_draws_and_compares(idata_of):
    import matplotlib.pyplot as plt

    one, other = idata_of("continuous"), idata_of("shared")
    az.plot_loo_pit(one, y="y")
    az.plot_loo_pit(idata_of("exposure"), y="y", ecdf=True)
    az.plot_ppc(one, group="prior", num_pp_samples=20, random_seed=1)
    plt.close("all")
    table = az.compare({"one": one, "other": other})
    assert set(table.index) == {"one", "other"}
    assert table.loc["one", "elpd_loo"] == pytest.approx(float(az.loo(one).elpd_loo))


def test_a_column_of_several_has_a_transform(idata_of):
    idata = idata_of("columns").stack(sample=("chain", "draw"), groups=["posterior_predictive"])
    log_weights, _ = az.psislw(-idata.log_likelihood["y"].stack(__sample__=("chain", "draw")))
    found = az.loo_pit(
        y=idata.observed_data["y"].sel(column="a").values,
        y_hat=idata.posterior_predictive["y"].sel(column="a").values,
        log_weights=log_weights.values,
    )
    assert found.shape == (35,)


def test_files_say_what_made_them(idata_of):
    idata = idata_of("continuous")
    for attributes in (idata.attrs, *(idata[group].attrs for group in idata.groups())):
        assert attributes["inference_library"] == "cmdstanpy"
        assert attributes["inference_library_version"].count(".") >= 1
        assert "created_at" not in attributes


def test_the_same_draws_give_the_same_bytes(file_of, tmp_path):
    again = written(tmp_path / "again.nc", *fitted("exposure"))
    assert again.read_bytes() == file_of("exposure").read_bytes()


def test_of_many_observations_fewer_draws_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "VALUES", 20_000)
    idata = read(written(tmp_path / "d.nc", *fitted("continuous")))  # 50 observations: 400 draws of 1000
    for group in ("log_likelihood", "posterior_predictive"):
        assert idata[group]["y"].shape == (CHAINS, 100, 50)
        assert idata[group]["draw"].values.tolist() == np.linspace(0, 249, 100).round().astype(int).tolist()
    assert idata.log_likelihood.attrs["comment"] == "Of 100 of the 250 draws of each chain."
    kept = idata.sel(draw=idata.log_likelihood["draw"], groups=["posterior", "sample_stats", "log_prior"])
    assert np.isfinite(az.psens(kept, component="likelihood", var_names=["mu"])).all()
    assert np.asarray(az.loo_pit(idata, y="y")).shape == (50,)
    rows, _, variables = fitted("continuous")
    few = {name: values[:, idata.log_likelihood["draw"]].reshape(400, -1) for name, values in variables.items()}
    expected = mixture.log_likelihood("normal", Points.of(rows), few)
    np.testing.assert_allclose(idata.log_likelihood["y"].values.reshape(400, -1), expected, rtol=1e-12)


def test_of_too_many_observations_no_log_likelihood_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "VALUES", 19_999)
    rows, specification, variables = fitted("continuous")
    idata = read(written(tmp_path / "d.nc", rows, specification, variables))
    assert "log_likelihood" not in idata.groups()
    assert idata.posterior_predictive["y"].shape == (CHAINS, 100, 50)
    assert idata.prior_predictive["y"].shape == (1, 399, 50)
    assert idata.prior.sizes["draw"] == 400
    assert idata.memberships["probability"].shape == (50, 2)


def test_every_column_counts_as_values_of_replicates_and_none_of_log_likelihoods(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange, "VALUES", 35_000)  # of 35 rows in 2 columns: 500 data sets, or 1000 log likelihoods
    idata = read(written(tmp_path / "d.nc", *fitted("columns")))
    assert idata.posterior_predictive["y"].shape == (CHAINS, 125, 35, 2)
    assert idata.log_likelihood["y"].shape == (CHAINS, 125, 35)
    assert idata.prior_predictive["y"].shape == (1, 400, 35, 2)


@pytest.mark.parametrize("case", ["continuous", "weights", "columns"])
def test_of_a_sample_the_file_holds_all_rows_and_says_which_are_replicated(case, tmp_path, monkeypatch):
    rows, specification, variables = fitted(case)
    most = 20
    monkeypatch.setattr(replication.sampled_rows, "__defaults__", (most,))
    idata = read(written(tmp_path / "d.nc", rows, specification, variables))
    assert "log_likelihood" not in idata.groups()
    np.testing.assert_array_equal(idata.observed_data["y"], rows.y)
    assert idata.observed_data["y"].dims[0] == "obs_id"
    assert idata.posterior_predictive["y"].dims[2] == "observation"
    np.testing.assert_array_equal(idata.posterior_predictive["obs_id"], replication.sampled_rows(rows) + 1)
    assert idata.prior_predictive.sizes["observation"] == most


WIDE = {
    "poisson": {"rate": "lognormal(0, 30)"},
    "negative_binomial": {"mean": "lognormal(0, 30)", "dispersion": "cauchy(0, 1000)"},
    "beta_binomial": {"p": "logit_normal(0, 100)", "dispersion": "lognormal(0, 30)"},
    "lognormal": {"meanlog": "normal(0, 500)", "sdlog": "cauchy(0, 1000)"},
}


@pytest.mark.parametrize("family", WIDE)
def test_draws_of_the_prior_whose_data_no_double_holds_have_none(family):
    trials = 20 if family == "beta_binomial" else None
    y = Y - Y.min() + 1 if family == "lognormal" else SUCCESSES
    rows = rows_of(y, trials=trials)
    specification = modelled(rows, family=family, priors=WIDE[family] | WEIGHTS)
    rng = np.random.default_rng(1)
    values = prior.prior_draws(specification, 2, rng)
    variables = {name: np.broadcast_to(1.5 if name in ("dispersion", "sdlog") else 0.5, (1, 2, 2)) for name in values}
    sampled = np.arange(len(y))
    found = exchange.groups(specification, variables, rows, sampled, np.arange(2), rng)
    imagined, drawn = found["prior_predictive"]["y"], found["prior"]
    assert 0 < imagined.sizes["draw"] < drawn.sizes["draw"] == 400
    assert np.isfinite(imagined).all()
    left_out = drawn.drop_sel(draw=imagined["draw"])
    if family == "poisson":  # those with a rate that no whole number of a double reaches
        assert float(left_out["rate"].max("component").min()) > 0.9 * 2**53
        assert float(drawn.sel(draw=imagined["draw"])["rate"].max()) < 2**53


def test_where_the_prior_gives_no_data_there_is_no_such_group():
    rows = rows_of(SUCCESSES)
    specification = modelled(rows, family="poisson", priors=WEIGHTS | {"rate": "lognormal(200, 1)"})
    variables = {"theta": np.full((1, 2, 2), 0.5), "rate": np.full((1, 2, 2), 3.0)}
    found = exchange.groups(specification, variables, rows, np.arange(30), np.arange(2), np.random.default_rng(1))
    assert "prior_predictive" not in found
    assert "prior_predictive" in exchange.LEFT_OUT
    assert found["prior"].sizes["draw"] == 400


def test_only_what_is_wanted_is_read(file_of):
    path = file_of("continuous")
    assert "log_likelihood" not in inference.read_draws(path).groups()
    assert inference.read_draws(path, ("posterior", "constant_data")).groups() == ["posterior"]
    with h5netcdf.File(path, "r") as file:
        assert "log_likelihood" in file.groups


def test_attributes_are_text_of_json(tmp_path):
    path = written(tmp_path / "d.nc", *fitted("fixed"), seed=3, left_out={"log_likelihood": "why"})
    attributes = read(path).attrs
    assert json.loads(attributes["left_out"]) == {"log_likelihood": "why"}
    assert json.loads(attributes["seed"]) == 3
