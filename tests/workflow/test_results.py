"""What a run makes: every file that is promised and no other, the same bytes each time."""

import html.parser
import json
import re
import shutil
import subprocess
import warnings
from importlib.metadata import version

import jinja2
import numpy as np
import pandas as pd
import pytest
from runs import DESCRIBES, OVERVIEW, listed

from stanmix.fits import exchange
from stanmix.jobs import manifest

FIGURES_OF_FIT = (
    *("diagram", "prior", "traces", "membership", "replicates", "ecdf", "density", "transform", "statistics"),
    *("co_clustering", "modes"),
    "bands",  # not of counts
)
DATASETS = ("pair", "readings", "calls")
FITS = ("pair/wrong/2", "pair/free/2", "readings/free/2", "calls/counts/2")


def promised():
    """Every file under results, the logs left out."""
    files = {"programs/toolchain.json"}
    files |= {"programs/univariate/univariate", "programs/univariate/program.json", "data/pair/truth.json"}
    for dataset in DATASETS:
        files |= {f"reports/{dataset}.html", f"reports/{dataset}.methods.md"}
        files |= {f"data/{dataset}/{name}" for name in ("observations.csv", "noticed.json", "density.csv")}
        files |= {f"data/{dataset}/{name}" for name in ("density.json", "data.svg", "data.png")}
        files |= {f"compare/{dataset}/comparison.{kind}" for kind in ("csv", "html", "json", "svg", "png")}
        files |= {f"compare/{dataset}/estimates.{kind}" for kind in ("csv", "svg", "png")}
        files |= {f"compare/{dataset}/numbers.{kind}" for kind in ("json", "svg", "png")}
        files.add(f"compare/{dataset}/choice.json")
        files |= {f"compare/{dataset}/weights.{kind}" for kind in ("svg", "png")}
    for fit in FITS:
        figures = [name for name in FIGURES_OF_FIT if name != "bands" or "counts" not in fit]
        files |= {f"fits/{fit}/{name}.{kind}" for name in figures for kind in ("svg", "png")}
        facts = ("specification", "data", "checks", "labels", "memberships", "modes", "loo", "predictive")
        files |= {f"fits/{fit}/{name}.json" for name in facts}
        files |= {f"fits/{fit}/{name}.html" for name in ("summary", "membership", "cutoffs")}
        tables = ["summary", "label_free", "membership", "loo", "density", "memberships_by_value", "replicates", "ecdf"]
        tables += ["transform", "statistics", "prior", "modes", "modes_density", "cutoffs", "centres"]
        files |= {f"fits/{fit}/{name}.csv" for name in tables}
        files |= {f"fits/{fit}/{name}.nc" for name in ("draws", "co_clustering")}
    return {f"results/{name}" for name in files} | {*DESCRIBES, *OVERVIEW}


def test_a_run_makes_what_is_promised_and_nothing_else(finished):
    assert set(finished.hashes()) == promised()


def test_no_file_is_empty(finished):
    assert [name for name in finished.hashes() if (finished / name).stat().st_size == 0] == []


def test_nothing_else_appears_in_the_folder_of_the_run(finished):
    assert {path.name for path in finished.folder.iterdir()} == {".snakemake", "config", "data", "results"}


def test_a_second_run_has_nothing_to_do_and_says_so(finished):
    before = finished.times()
    told = finished.snakemake()
    assert told.returncode == 0
    assert "Nothing to be done" in told.stdout
    assert finished.times() == before


@pytest.fixture(scope="module")
def draws_of(finished):
    """A function that reads the draws of a fit as ArviZ does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # ArviZ announces its next major version at import
        import arviz

    def read(fit):
        idata = arviz.from_netcdf(finished / f"results/fits/{fit}/draws.nc")
        idata.load()
        idata.close()
        return idata

    return read


def test_draws_have_the_groups_and_named_dimensions(draws_of):
    idata = draws_of("pair/free/2")
    assert set(idata.groups()) == {
        *("posterior", "sample_stats", "observed_data", "posterior_predictive", "log_likelihood", "log_prior"),
        *("prior", "prior_predictive", "memberships"),
    }
    assert idata.posterior["theta"].dims == ("chain", "draw", "component")
    assert idata.posterior["theta"].shape == (2, 300, 2)
    assert idata.posterior["sigma"].dims == ("chain", "draw")
    assert idata.posterior["component"].values.tolist() == [1, 2]
    assert idata.observed_data["y"].dims == ("obs_id",)
    assert idata.observed_data["obs_id"].values.tolist() == list(range(1, 71))
    assert idata.posterior_predictive["y"].dims == ("chain", "draw", "obs_id")
    assert idata.sample_stats["diverging"].shape == (2, 300)


def test_draws_hold_the_observations(draws_of, finished):
    table = pd.read_csv(finished / "results/data/readings/observations.csv")
    np.testing.assert_array_equal(draws_of("readings/free/2").observed_data["y"], table["y"])
    given = pd.read_csv(finished / "data/readings.csv")
    np.testing.assert_array_equal(table["y"], given["reading"])


def test_what_is_fixed_is_no_parameter(draws_of):
    idata = draws_of("pair/wrong/2")
    assert set(idata.posterior.data_vars) == {"theta"}
    assert idata.constant_data["mu"].values.tolist() == [2, 10]


def test_draws_of_counts_hold_weights_exposures_and_the_row_of_each_replicate(draws_of, finished):
    idata = draws_of("calls/counts/2")
    given = pd.read_csv(finished / "data/calls.csv")
    kept = given[given["count"].notna() & (given["times"] > 0)]
    assert len(kept) == 58
    assert idata.observed_data["y"].values.tolist() == np.repeat(kept["count"], kept["times"]).tolist()
    assert idata.constant_data["weight"].values.tolist() == kept["times"].tolist()
    assert idata.constant_data["exposure"].values.tolist() == kept["hours"].tolist()
    assert set(idata.posterior.data_vars) == {"theta", "rate", "zero"}
    assert idata.posterior["zero"].dims == ("chain", "draw")
    replicates = idata.posterior_predictive["y"]
    assert replicates.sizes["observation"] == kept["times"].sum()
    assert replicates["obs_id"].values.tolist() == np.repeat(np.arange(1, 59), kept["times"]).tolist()
    assert replicates.dtype == np.int64


def test_draws_say_seed_config_and_versions(draws_of):
    attributes = draws_of("pair/free/2").attrs
    assert attributes.pop("inference_library") == "cmdstanpy"
    assert attributes.pop("inference_library_version") == version("cmdstanpy")
    attributes = {key: json.loads(value) for key, value in attributes.items()}
    assert attributes["left_out"] == {}
    assert attributes["seed"] > 0
    assert attributes["seed"] != json.loads(draws_of("pair/wrong/2").attrs["seed"])
    assert attributes["config"]["sampling"]["draws"] == 300
    assert attributes["config"]["model"]["free"]["share"] == ["sigma"]
    assert attributes["versions"]["arviz"] == version("arviz")
    assert {"cmdstan", "compiler", "cmdstanpy", "numpy"} <= set(attributes["versions"])


# Log densities of the ways in which Stan's unconstrained numbers give the parameters of two components.
TO_UNCONSTRAINED = {
    "theta": lambda theta: np.log(theta).sum(axis=-1),
    "mu": lambda mu: np.log(np.diff(mu)[..., 0]),
    "sigma": np.log,
    "rate": lambda rate: np.log(np.diff(np.log(rate))[..., 0]) + np.log(rate).sum(axis=-1),
    "zero": lambda zero: np.log(zero) + np.log1p(-zero),
}


@pytest.mark.parametrize("fit", FITS)
def test_log_prior_and_log_likelihood_add_to_what_stan_sampled(draws_of, fit):
    idata = draws_of(fit)
    total = idata.log_likelihood["y"].sum(idata.log_likelihood["y"].dims[2]).values
    for name, values in idata.posterior.items():
        logs = idata.log_prior[name]
        total = total + logs.sum([axis for axis in logs.dims if axis not in ("chain", "draw")]).values
        total = total + TO_UNCONSTRAINED[name](values.values)
    difference = idata.sample_stats["lp"].values - total  # the change of unit is a constant
    assert np.ptp(idata.sample_stats["lp"].values) > 1
    np.testing.assert_allclose(difference, difference[0, 0], atol=1e-6)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.filterwarnings("ignore:Estimated shape parameter of Pareto")
def test_arviz_says_of_the_draws_what_the_tables_say(finished, draws_of, fit):
    import arviz as az

    idata, folder = draws_of(fit), finished / f"results/fits/{fit}"
    ours, theirs = json.loads((folder / "loo.json").read_text()), az.loo(idata, pointwise=True)
    assert theirs.n_data_points == ours["n"]
    rows = pd.read_csv(folder / "loo.csv")
    # exact fits stand in for what importance sampling cannot say
    sampled = rows["pareto_k"].notna() | (ours["refitted"] == 0)
    by_row = theirs.loo_i.to_series().groupby(theirs.loo_i["obs_id"].values).mean().to_numpy()
    np.testing.assert_allclose(by_row[sampled], rows["elpd"][sampled], atol=0.01)
    if ours["refitted"] == 0:
        assert float(theirs.elpd_loo) == pytest.approx(ours["elpd"], abs=0.02)
        assert float(theirs.se) == pytest.approx(ours["se"], rel=0.01)
    table = pd.read_csv(folder / "membership.csv")
    for k in (1, 2):
        found = idata.memberships["probability"].sel(component=k)
        np.testing.assert_allclose(found, table[f"probability_{k}"], atol=1e-9)
    names = list(idata.posterior.data_vars)
    for component in ("prior", "likelihood"):
        found = az.psens(idata, component=component, var_names=names)
        assert np.isfinite(found.to_array() if len(names) > 1 else found).all()
    assert np.asarray(az.loo_pit(idata, y="y")).shape == (ours["n"],)


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # ArviZ lags behind pandas
def test_arviz_compares_the_fits_of_a_data_set_as_we_do(finished, draws_of):
    import arviz as az

    theirs = az.compare({model: draws_of(f"pair/{model}/2") for model in ("wrong", "free")}, method="pseudo-BMA")
    ours = pd.read_csv(finished / "results/compare/pair/comparison.csv").set_index("model")
    for model in ("wrong", "free"):
        assert theirs.loc[model, "elpd_loo"] == pytest.approx(ours.loc[model, "elpd"], abs=0.05)
    assert theirs.index[0] == ours["elpd"].idxmax() == "free"


@pytest.mark.parametrize("fit", FITS)
def test_files_that_hold_draws_by_observations_are_bounded(finished, draws_of, fit):
    idata = draws_of(fit)
    place = "observation" if fit.startswith("calls") else "obs_id"  # rows that count several times stand as often
    n = idata.posterior_predictive.sizes[place]
    by_observation = {
        group: values.size
        for group in idata.groups()
        for values in idata[group].data_vars.values()
        if place in values.dims and "draw" in values.dims
    }
    assert by_observation == {"posterior_predictive": 600 * n, "log_likelihood": 600 * n, "prior_predictive": 400 * n}
    assert max(by_observation.values()) <= exchange.VALUES
    sizes = {path.name: pd.read_csv(path).size for path in (finished / f"results/fits/{fit}").glob("*.csv")}
    assert sizes
    assert [name for name, size in sizes.items() if size >= 600 * n] == []


class Remote(html.parser.HTMLParser):
    """Collects what a browser would fetch from elsewhere."""

    def __init__(self):
        super().__init__()
        self.fetched = []

    def handle_starttag(self, tag, attributes):
        for key, value in attributes:
            fetches = key in ("src", "srcset", "data", "poster", "xlink:href") or (key == "href" and tag != "a")
            if fetches and re.match(r"\s*(https?:)?//", value or ""):
                self.fetched.append((tag, value))


def test_snakemakes_own_report_holds_captions_and_loads_nothing(finished):
    run = finished.copy("reported")
    told = run.snakemake("--report", "page.html")
    assert told.returncode == 0, told.stdout
    page = (run / "page.html").read_text()
    parser = Remote()
    parser.feed(page)
    assert parser.fetched == []
    assert not re.search(r"@import|url\(\s*['\"]?https?:", page)
    categories = json.loads(re.search(r"var categories = (\{.*?\});?\n", page)[1])
    assert sorted(categories) == [
        "1 Data",
        "2 Fits",
        "3 Memberships",
        "4 Predictive checks",
        "5 Comparison",
        "6 Overview",
    ]
    shown = {name for category in categories.values() for names in category.values() for name in names}
    assert {name for name in shown if name.endswith(".svg")} == {n for n in finished.hashes() if n.endswith(".svg")}
    # One distinctive run of words of every caption that the rules name, of both kinds of data where they differ.
    words = " ".join(re.sub(r"\\n|\s+", " ", page).split())
    of_others = {"predicted", "groups"}  # new rows have a run of their own, and here no rows are in groups
    captions = [path for path in sorted((run.code / "workflow" / "report").glob("*.rst")) if path.stem not in of_others]
    for path in captions:
        for kind in ("continuous", "whole"):
            text = jinja2.Template(path.read_text()).render(snakemake={"params": {"kind": kind}})
            start = " ".join(re.sub(r"[*`]", "", text).split()[:4])
            assert start in words, f"{path.name} is in no caption of {kind} data"


def test_lint_is_clean(finished):
    told = finished.snakemake("--lint")
    assert told.returncode == 0, told.stdout


def test_the_manifest_lists_every_artifact_with_its_hash(finished):
    said = json.loads((finished / "results/manifest.json").read_text())
    hashes = finished.hashes()
    assert said["artifacts"] == listed(hashes)


def test_the_log_of_the_manifest_says_when_and_how_long(finished):
    said = (finished / "results/logs/manifest.log").read_text()
    found = re.search(r"ended at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; sampling took (\d+) s, assessing (\d+) s\.", said)
    assert int(found[1]) > 0
    assert int(found[2]) > 0


def test_the_manifest_says_config_and_versions(finished, toolchain_record):
    said = json.loads((finished / "results/manifest.json").read_text())
    assert said["config"]["datasets"]["readings"]["csv"] == "data/readings.csv"
    assert said["config"]["models"]["free"]["priors"] == {"theta": "dirichlet(1)"}
    assert {"cmdstan", "compiler"} <= set(said["toolchain"])
    assert said["toolchain"] == toolchain_record
    for package in ("snakemake", "arviz", "numpy", "scipy", "matplotlib", "cmdstanpy"):
        assert said["packages"][package] == version(package)


def test_beside_every_artifact_stands_its_hash(finished):
    sealed = {}
    for seal in finished.folder.glob("results/**/.sha256/*"):
        for line in seal.read_text().splitlines():
            content, name = line.split("  ")
            sealed[(seal.parents[1] / name).relative_to(finished.folder).as_posix()] = content
    assert sealed == finished.hashes()


def test_manifest_and_pages_name_the_data_by_their_content(finished):
    said = json.loads((finished / "results/manifest.json").read_text())
    assert said["data"] == finished.hashes("data")
    for path, content in said["data"].items():
        page = (finished / "results/reports" / path.rpartition("/")[2]).with_suffix(".html").read_text()
        assert f"<code>{path}</code>, sha256 <code>{content}</code>" in page
    assert "sha256" not in (finished / "results/reports/pair.html").read_text()  # simulated


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_the_manifest_says_commit_and_whether_it_is_dirty(finished):
    said = json.loads((finished / "results/manifest.json").read_text())
    head = subprocess.run(["git", "-C", finished.code, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert said["code"] == {"commit": head.stdout.strip(), "dirty": False}
    extra = finished.code / "workflow" / "extra.py"
    extra.write_text("")
    try:
        assert manifest.code_state(finished.code / "workflow" / "scripts")["dirty"] is True
    finally:
        extra.unlink()


def test_two_folders_and_other_numbers_of_cores_give_the_same_bytes(finished, new_run):
    twin = new_run("twin-in-a-folder-with-a-longer-name")
    told = twin.snakemake("--workflow-profile", "none", cores=1)
    assert told.returncode == 0, told.stdout
    first, second = finished.hashes(), twin.hashes()
    assert set(first) == set(second)
    assert [name for name in first if first[name] != second[name]] == []
    assert str(twin.folder).encode() not in b"".join(
        (twin / name).read_bytes() for name in second if not name.endswith("/univariate")
    )
