"""Exactly what depends on an edit is outdated, no more and no less: configuration, code, data, outputs."""

import csv
import os
import re

import pytest
from runs import CONFIG, DESCRIBES, OVERVIEW, changed, edited

from stanmix.config import schema

DATASETS = ("pair", "readings", "calls")
FITS = ("pair/wrong/2", "pair/free/2", "readings/free/2", "calls/counts/2")


def data(dataset, *, made=True):
    """The jobs of a data set before any fit; with made=False those after its observations."""
    load = {"pair": "simulate/pair"}.get(dataset, f"read/{dataset}")
    return {f"describe/{dataset}"} | ({load} if made else set())


def fits(*names):
    """The jobs of fits, by data set, model and number of components."""
    return {f"{rule}/{name}" for name in names for rule in ("fit_modes", "assess")} | drawn(*names)


def drawn(*names):
    """The jobs that draw figures of fits: counts have no densities of replicated data."""
    others = ("counts", "shares", "several")
    bands = {name: "" if name.split("/")[1] in others else "_bands" for name in names}
    return {f"draw_fit{bands[name]}_modes/{name}" for name in names}


LAST = {"manifest", "crate"}


def pages(*datasets):
    """The jobs that put the fits of data sets together, and what joins all data sets."""
    of_each = {f"{rule}/{name}" for name in datasets for rule in ("compare", "report")}
    return of_each | {"overview", *LAST}


ALL_PAIR = data("pair") | fits("pair/wrong/2", "pair/free/2") | pages("pair")
ALL_READINGS = data("readings") | fits("readings/free/2") | pages("readings")
ALL_CALLS = data("calls") | fits("calls/counts/2") | pages("calls")
ALL_FITS = fits(*FITS) | pages(*DATASETS)
FREE = fits("pair/free/2", "readings/free/2") | pages("pair", "readings")
WRONG = fits("pair/wrong/2") | pages("pair")
FREE_SHARES = "    share: [sigma]\n"
PAIR_IS = "family: normal, n: 70, theta: [0.6, 0.4], mu: [0, 8], sigma: 1"
FREE_IS = "    family: normal\n" + FREE_SHARES
COUNTS = fits("calls/counts/2") | pages("calls")
COUNTS_ARE = "    family: zero_inflated_poisson\n"
# The simulated data set with another model alone, of shares.
SHARES = [
    ("  counts:\n", "  shares: {family: binomial}\n  counts:\n"),
    ("models: [wrong, free]", "models: [shares]"),
]
ALL_SHARES = data("pair") | fits("pair/shares/2") | pages("pair")


def pair_of(family, parameters):
    """An edit of the simulation: another family with its own parameters."""
    return PAIR_IS, f"family: {family}, n: 70, theta: [0.6, 0.4], {parameters}", ALL_PAIR


def free_of(family, *lines):
    """An edit of the model `free`: another family with its own keys, which make both its fits outdated."""
    return FREE_IS, "".join(f"    {line}\n" for line in (f"family: {family}", *lines)), FREE


def counts_of(family, *lines):
    """An edit of the model `counts`: another family, or other keys of its own."""
    return COUNTS_ARE, "".join(f"    {line}\n" for line in (f"family: {family}", *lines)), COUNTS


def tries_of(*lines, family="binomial"):
    """An edit of the data set `calls` and its model `counts`: successes of trials."""
    model = "".join(f"    {line}\n" for line in (f"family: {family}", *lines))
    return [("exposure: hours", "trials: tries"), (COUNTS_ARE, model)], ALL_CALLS


def several_of(*lines):
    """An edit of the data set `readings`: two of its columns, with a model of its own."""
    model = "".join(f"    {line}\n" for line in ("family: multivariate_normal", *lines))
    changes = [
        ("column: reading\n", "columns: [reading, other]\n"),
        ("  counts:\n", f"  several:\n{model}  counts:\n"),
        ("readings, models: [free]", "readings, models: [several]"),
    ]
    return changes, {"compile/multivariate"} | data("readings") | fits("readings/several/2") | pages("readings")


# For every key of the configuration: what to change (or a list of such changes), and which jobs that makes outdated.
EDITS = {
    "seed": ("seed: 7", "seed: 8", data("pair") | ALL_FITS),
    "strict": ("strict: false", "strict: true", {"manifest", "crate", "verdict"}),
    "sampling.chains": ("chains: 2", "chains: 3", ALL_FITS),
    "sampling.warmup": ("warmup: 200", "warmup: 201", ALL_FITS),
    "sampling.draws": ("draws: 300", "draws: 301", ALL_FITS),
    "sampling.adapt_delta": ("adapt_delta: 0.8", "adapt_delta: 0.9", ALL_FITS),
    "sampling.max_treedepth": ("max_treedepth: 10", "max_treedepth: 11", ALL_FITS),
    "sampling.metric": ("metric: diag", "metric: dense", ALL_FITS),
    "sampling.kernel": ("kernel: true", "kernel: false", {"compile/univariate"} | ALL_FITS),
    "datasets.*.csv": ("csv: data/readings.csv", "csv: data/copied.csv", ALL_READINGS),
    "datasets.*.sheet": (
        "  readings:\n    csv:",
        '  "{name}":\n    sheet: data/sheet.csv\n    csv:',
        ALL_READINGS,  # the sheet names the rows too
    ),
    "datasets.*.column": ("column: reading", "column: again", ALL_READINGS),
    "datasets.*.columns": several_of(),
    "datasets.*.known": ("column: reading\n", "column: reading\n    known: group\n", ALL_READINGS),
    "datasets.*.trials": tries_of(),
    "datasets.*.exposure": ("exposure: hours", "exposure: shifts", ALL_CALLS),
    "datasets.*.weights": ("weights: times", "weights: again", ALL_CALLS),
    "datasets.*.id": ("id: who", "id: name", ALL_CALLS),
    "datasets.*.group": (
        "column: reading\n",
        "column: reading\n    group: other\n",
        ALL_READINGS | {"groups/readings/free/2"},
    ),
    "datasets.*.header": (
        "csv: data/readings.csv\n    column: reading\n",
        "csv: data/bare.csv\n    column: '2'\n    header: false\n",
        ALL_READINGS,
    ),
    "datasets.*.worksheet": (
        "csv: data/readings.csv\n",
        "csv: data/readings.xlsx\n    worksheet: table\n",
        ALL_READINGS,
    ),
    "datasets.*.predict_worksheet": (
        "column: reading\n",
        "column: reading\n    predict: data/readings.xlsx\n    predict_worksheet: table\n",
        {"predict/readings/free/2", "report/readings", "manifest", "crate"},
    ),
    "datasets.*.axis": (
        "column: reading\n",
        "column: reading\n    axis: log\n",
        {"describe/readings", "assess/readings/free/2"} | drawn("readings/free/2") | pages("readings"),
    ),
    "datasets.*.cutoffs": (
        "column: reading\n",
        "column: reading\n    cutoffs: [0.8]\n",
        {"assess/readings/free/2"} | drawn("readings/free/2") | pages("readings"),
    ),
    "datasets.*.missing": ("column: reading\n", "column: reading\n    missing: drop\n", ALL_READINGS),
    "datasets.*.rounding": (
        "column: reading\n",
        "column: reading\n    rounding: 0.000001\n",
        fits("readings/free/2") | pages("readings"),
    ),
    "datasets.*.predict": (
        "column: reading\n",
        "column: reading\n    predict: data/readings.csv\n",
        {"predict/readings/free/2", "report/readings", "manifest", "crate"},
    ),
    "datasets.*.label": (
        "label: reading (mm)",
        "label: reading (cm)",
        {"describe/readings"} | drawn("readings/free/2") | pages("readings"),
    ),
    "datasets.*.simulate.family": (PAIR_IS, PAIR_IS.replace("normal", "student_t") + ", nu: 5", ALL_PAIR),
    "datasets.*.simulate.sizes": ("n: 70, theta: [0.6, 0.4]", "sizes: [42, 28]", ALL_PAIR),
    "datasets.*.simulate.n": ("n: 70", "n: 71", ALL_PAIR),
    "datasets.*.simulate.rows": (
        "n: 70,",
        "n: 70, rows: 2,",
        ALL_PAIR | {"groups/pair/wrong/2", "groups/pair/free/2"},
    ),
    "datasets.*.simulate.theta": ("theta: [0.6, 0.4]", "theta: [0.5, 0.5]", ALL_PAIR),
    "datasets.*.simulate.mu": ("mu: [0, 8]", "mu: [0, 9]", ALL_PAIR),
    "datasets.*.simulate.sigma": ("mu: [0, 8], sigma: 1", "mu: [0, 8], sigma: 2", ALL_PAIR),
    "datasets.*.simulate.nu": pair_of("student_t", "mu: [0, 8], sigma: 1, nu: 4"),
    "datasets.*.simulate.meanlog": pair_of("lognormal", "meanlog: [0, 2], sdlog: 0.5"),
    "datasets.*.simulate.sdlog": pair_of("lognormal", "meanlog: [0, 2], sdlog: 0.6"),
    "datasets.*.simulate.mean": pair_of("gamma", "mean: [1, 8], cv: 0.5"),
    "datasets.*.simulate.cv": pair_of("gamma", "mean: [1, 8], cv: 0.6"),
    "datasets.*.simulate.median": pair_of("weibull", "median: [1, 8], shape: 2"),
    "datasets.*.simulate.shape": pair_of("weibull", "median: [1, 8], shape: 3"),
    "datasets.*.simulate.sd": pair_of("skew_normal", "mean: [0, 8], sd: 2, slant: 1"),
    "datasets.*.simulate.slant": pair_of("skew_normal", "mean: [0, 8], sd: 2, slant: [1, 4]"),
    "datasets.*.simulate.rate": pair_of("poisson", "rate: [1, 8]"),
    "datasets.*.simulate.dispersion": pair_of("negative_binomial", "mean: [1, 8], dispersion: 0.5"),
    "datasets.*.simulate.zero": pair_of("zero_inflated_poisson", "rate: [1, 8], zero: 0.2"),
    "datasets.*.simulate.p": ([pair_of("binomial", "p: [0.1, 0.6], trials: 12")[:2], *SHARES], ALL_SHARES),
    "datasets.*.simulate.trials": ([pair_of("binomial", "p: [0.1, 0.6], trials: 13")[:2], *SHARES], ALL_SHARES),
    "datasets.*.simulate.seed": ("mu: [0, 8],", "mu: [0, 8], seed: 3,", ALL_PAIR),
    "models.*.family": free_of("student_t", "share: [sigma]"),
    "models.*.transform.*": several_of("transform: {reading: log}"),
    "models.*.shift.*": several_of("transform: {reading: log}", "shift: {reading: 1}"),
    "models.*.share": (FREE_SHARES, "", FREE),
    "models.*.membership": (FREE_SHARES, FREE_SHARES + "    membership: row\n", FREE),
    "models.*.labels": (FREE_SHARES, FREE_SHARES + "    labels: relabelled\n", FREE),
    "models.*.correlation": several_of("correlation: diagonal"),
    "models.*.order": several_of("order: other"),
    "models.*.priors.correlation": several_of('priors: {correlation: "lkj(5)"}'),
    "models.*.own": free_of("student_t", "share: [sigma]", "own: [nu]"),
    "models.*.fixed.theta": (
        FREE_SHARES,
        FREE_SHARES + "    fixed: {theta: [0.6, 0.4]}\n",
        FREE,
    ),
    "models.*.fixed.mu": ("mu: [2, 10]", "mu: [2, 11]", WRONG),
    "models.*.fixed.sigma": ("10], sigma: 1", "10], sigma: 2", WRONG),
    "models.*.fixed.nu": free_of("student_t", "share: [sigma]", "fixed: {nu: 4}"),
    "models.*.fixed.meanlog": free_of("lognormal", "fixed: {meanlog: [2, 3]}"),
    "models.*.fixed.sdlog": free_of("lognormal", "fixed: {sdlog: 0.2}"),
    "models.*.fixed.mean": free_of("gamma", "fixed: {mean: [10, 20]}"),
    "models.*.fixed.cv": free_of("gamma", "fixed: {cv: 0.2}"),
    "models.*.fixed.median": free_of("weibull", "fixed: {median: [10, 20]}"),
    "models.*.fixed.shape": free_of("weibull", "fixed: {shape: 5}"),
    "models.*.fixed.sd": free_of("skew_normal", "fixed: {sd: [1, 2]}"),
    "models.*.fixed.slant": free_of("skew_normal", "fixed: {slant: 3}"),
    "models.*.fixed.rate": counts_of("zero_inflated_poisson", "fixed: {rate: [1, 12]}"),
    "models.*.fixed.zero": counts_of("zero_inflated_poisson", "fixed: {zero: 0.2}"),
    "models.*.fixed.dispersion": counts_of("negative_binomial", "fixed: {dispersion: 0.2}"),
    "models.*.fixed.p": tries_of("fixed: {p: [0.01, 0.1]}"),
    "models.*.priors.theta": (
        FREE_SHARES,
        FREE_SHARES + "    priors: {theta: dirichlet(2)}\n",
        FREE,
    ),
    "models.*.priors.mu.*": (
        FREE_SHARES,
        FREE_SHARES + '    priors: {mu: {first: "normal(2, 9)", difference: "gamma(2, 0.2)"}}\n',
        FREE,
    ),
    "models.*.priors.sigma": (FREE_SHARES, FREE_SHARES + '    priors: {sigma: "cauchy(0, 5)"}\n', FREE),
    "models.*.priors.nu": free_of("student_t", "share: [sigma]", 'priors: {nu: "gamma(2, 0.5)"}'),
    "models.*.priors.meanlog.*": free_of("lognormal", 'priors: {meanlog: "normal(2, 1)"}'),
    "models.*.priors.sdlog": free_of("lognormal", 'priors: {sdlog: "lognormal(-2, 1)"}'),
    "models.*.priors.mean.*": free_of("gamma", 'priors: {mean: "lognormal(2, 1)"}'),
    "models.*.priors.cv": free_of("gamma", 'priors: {cv: "lognormal(-2, 1)"}'),
    "models.*.priors.median.*": free_of("weibull", 'priors: {median: "lognormal(2, 1)"}'),
    "models.*.priors.shape": free_of("weibull", 'priors: {shape: "lognormal(2, 1)"}'),
    "models.*.priors.sd": free_of("skew_normal", 'priors: {sd: "lognormal(0, 1)"}'),
    "models.*.priors.slant": free_of("skew_normal", 'priors: {slant: "normal(0, 1)"}'),
    "models.*.priors.rate.*": counts_of("zero_inflated_poisson", 'priors: {rate: "lognormal(0, 1)"}'),
    "models.*.priors.zero": counts_of("zero_inflated_poisson", 'priors: {zero: "beta(2, 5)"}'),
    "models.*.priors.dispersion": counts_of("negative_binomial", 'priors: {dispersion: "exponential(1)"}'),
    "models.*.priors.p.*": tries_of('priors: {p: "beta(1, 9)"}', family="beta_binomial"),
    "analyses.*.dataset": ("dataset: readings", "dataset: pair", {"report/pair", "overview", *LAST}),
    "analyses.*.models": ("[wrong, free]", "[free]", pages("pair")),
    "analyses.*.components": (
        "models: [free], components: 2",
        "models: [free], components: [2, 3]",
        fits("readings/free/3") | pages("readings"),
    ),
    "analyses.*.names": (
        "models: [free], components: 2",
        "models: [free], components: 2, names: [low, high]",
        {"assess/readings/free/2"} | drawn("readings/free/2") | pages("readings"),
    ),
}
# Edits of code that change nothing yet count: jobs that use the file are run again.
COMMENTS = {".py": "# {}", ".j2": "{{# {} #}}", ".css": "/* {} */", ".rst": ".. {}"}
COMMENTS |= dict.fromkeys((".stan", ".stanfunctions", ".hpp"), "// {}")
ALL_COMPARED = {f"compare/{d}" for d in DATASETS} | {"overview"}
ALL_REPORTS = {f"report/{d}" for d in DATASETS} | LAST
ALL_READ = {"simulate/pair", "read/readings", "read/calls"}
ALL_DESCRIBED = {f"describe/{d}" for d in DATASETS}
ALL_DRAWN = drawn(*FITS) | ALL_REPORTS
ALL_FIGURES = ALL_DESCRIBED | ALL_COMPARED | ALL_DRAWN
ALL_ASSESSED = {f"assess/{fit}" for fit in FITS} | ALL_COMPARED | ALL_DRAWN
EVERYTHING = ALL_READ | ALL_DESCRIBED | ALL_FITS
COMPILED = {"compile/univariate"} | ALL_FITS
CODE = {
    "stan/functions/mixture.stanfunctions": COMPILED,
    "stan/functions/components.stanfunctions": COMPILED,
    "stan/univariate.stan": COMPILED,
    "stan/kernels/likelihood.stanfunctions": COMPILED,
    "stan/kernels/univariate.hpp": COMPILED,
    "stan/kernels/mixture.hpp": COMPILED,
    # pages show the specification, in place of which the kernel was compiled
    "stan/functions/likelihood.stanfunctions": ALL_REPORTS,
    # the densities of each number of components are drawn as those of fits
    "workflow/stanmix/figures/traces.py": ALL_COMPARED | ALL_DRAWN,
    "workflow/stanmix/figures/calibration.py": ALL_COMPARED | ALL_DRAWN,
    "workflow/stanmix/figures/modes.py": ALL_DRAWN,
    "workflow/stanmix/figures/weights.py": ALL_FIGURES,
    "workflow/stanmix/figures/style.py": ALL_FIGURES,
    "workflow/stanmix/expected/predictive.py": ALL_DESCRIBED | ALL_FITS,
    "workflow/stanmix/expected/whole.py": ALL_DESCRIBED | ALL_FITS,
    "workflow/stanmix/expected/continuous.py": ALL_DESCRIBED | ALL_FITS,
    "workflow/stanmix/fits/modes.py": ALL_FITS,
    "workflow/stanmix/assess/assessment.py": ALL_ASSESSED,
    "workflow/stanmix/model/prior.py": ALL_FITS,
    "workflow/stanmix/fits/exchange.py": ALL_FITS,
    "workflow/stanmix/fits/masses.py": ALL_FITS,
    "workflow/stanmix/assess/crossvalidation.py": ALL_ASSESSED,
    "workflow/stanmix/fits/fitting.py": ALL_FITS,
    "workflow/stanmix/fits/starts.py": ALL_FITS,
    "workflow/stanmix/compare/comparison.py": pages(*DATASETS),
    "workflow/stanmix/data/noticing.py": EVERYTHING,
    "workflow/stanmix/data/observations.py": EVERYTHING,
    "workflow/stanmix/families/priors.py": EVERYTHING - {"read/readings", "read/calls"},
    "workflow/stanmix/families/registry.py": EVERYTHING - {"read/readings", "read/calls"},
    "workflow/stanmix/families/family.py": EVERYTHING - {"read/readings", "read/calls"},
    "workflow/stanmix/config/schema.py": set(),  # it checks, before any job, and what it lets through is in the params
    "workflow/stanmix/stan/toolchain.py": {"toolchain"} | COMPILED,
    "workflow/stanmix/stan/cmdstan.py": COMPILED,
    "workflow/stanmix/report/invariants.py": ALL_REPORTS,
    "workflow/stanmix/compare/choice.py": pages(*DATASETS),
    "workflow/stanmix/compare/overview.py": {"overview", "manifest", "crate"},
    "workflow/stanmix/config/expansion.py": set(),  # what it writes out is in the params
    "workflow/stanmix/jobs/manifest.py": {"manifest", "crate"},
    "workflow/stanmix/templates/report.html.j2": ALL_REPORTS,
    "workflow/stanmix/templates/page.css": ALL_ASSESSED,
    "workflow/report/traces.rst": ALL_REPORTS,
    "workflow/scripts/report.py": ALL_REPORTS,
    "workflow/scripts/simulate.py": ALL_PAIR,
}


@pytest.fixture(scope="module")
def run(finished):
    """A copy of a finished run; every test leaves it as it was."""
    copy = finished.copy("edited")
    content = (copy / "data" / "readings.csv").read_bytes()
    (copy / "data" / "copied.csv").write_bytes(content)
    (copy / "data" / "bare.csv").write_bytes(content.partition(b"\n")[2])
    (copy / "data" / "sheet.csv").write_text("dataset,id\nreadings,name\n")
    return copy


def write_workbook(path, csv_file):
    """A workbook with the cells of a CSV file in one of its sheets."""
    book = pytest.importorskip("openpyxl").Workbook()
    book.active.append(["another sheet"])
    with open(csv_file, newline="") as file:
        for row in csv.reader(file):
            (book["table"] if "table" in book else book.create_sheet("table")).append(row)
    book.save(path)


def leaves(rules, place=()):
    """The keys of a schema that hold a value, below others joined by points."""
    rules = rules if "items" not in rules or rules["items"].get("type") != "object" else rules["items"]
    known = rules.get("properties", {})
    if known:
        inside = (*place, "*") if rules.get("type") == "object" and place in (("analyses",),) else place
        return {leaf for key, below in known.items() for leaf in leaves(below, (*inside, key))}
    if isinstance(rules.get("additionalProperties"), dict):
        return leaves(rules["additionalProperties"], (*place, "*"))
    return {".".join(place)}


def changed_all(text, changes):
    """A text with one change, or with each of a list of them."""
    for old, new in changes[0] if isinstance(changes[0], list) else [changes]:
        text = changed(text, old, new)
    return text


def test_every_key_of_the_configuration_is_edited_here():
    assert leaves(schema.schema()) == set(EDITS)


@pytest.mark.parametrize("key", EDITS)
def test_outdated_after_an_edit_of_the_configuration(run, outdated, key):
    if "worksheet" in key:
        write_workbook(run / "data" / "readings.xlsx", run / "data" / "readings.csv")
    *changes, expected = EDITS[key]
    with edited(run / "config" / "config.yaml", lambda text: changed_all(text, changes)):
        assert outdated(run) == expected


def test_no_key_is_without_effect():
    assert [key for key, (*_, expected) in EDITS.items() if not expected - {"manifest", "crate"}] == []


@pytest.mark.parametrize("file", CODE)
def test_outdated_after_an_edit_of_the_code(run, outdated, file):
    comment = COMMENTS[os.path.splitext(file)[1]].format("edited")
    with edited(run.code / file, lambda text: text + comment + "\n"):
        assert outdated(run) == CODE[file]


def test_outdated_after_an_edit_of_the_data(run, outdated):
    with edited(run / "data" / "readings.csv", lambda text: changed(text, "r7,", "r7,1")):
        assert outdated(run) == ALL_READINGS


def test_data_that_an_older_file_took_the_place_of(run, outdated):
    def change(text):
        return changed(text, "r7,", "r7,1")

    with edited(run / "data" / "readings.csv", change):
        os.utime(run / "data" / "readings.csv", (1, 1))
        assert outdated(run) == ALL_READINGS


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("seed: 7", "# The same with other words and spaces.\nseed:   7", set()),
        ("max_treedepth: 10", "max_treedepth: 10 ", set()),
        (", adapt_delta: 0.8", "", set()),  # the default, no longer said
        ("{chains: 2, warmup: 200,", "{warmup: 200, chains: 2,", set()),
        (
            "  readings:\n    csv: data/readings.csv",
            '  "{name}ings":\n    csv: "data/*ings.csv"',
            set(),
        ),  # the same by a template
        ("models:\n", "models:\n  unused: {family: normal}\n", {"manifest", "crate"}),
    ],
    ids=["comment", "space", "default", "order", "template", "unused model"],
)
def test_edits_of_the_configuration_that_change_no_fit(run, outdated, old, new, expected):
    with edited(run / "config" / "config.yaml", lambda text: changed(text, old, new)):
        assert outdated(run) == expected


def test_a_new_file_of_a_template_is_the_only_data_set_that_is_made(run, outdated):
    new = run / "data" / "siblings.csv"
    edits = [("  readings:\n    csv: data/readings.csv", '  "{name}ings":\n    csv: "data/*ings.csv"')]
    edits += [("{dataset: readings", '{dataset: "{name}ings"')]
    with edited(run / "config" / "config.yaml", lambda text: changed_all(text, [edits])):
        assert outdated(run) == set()
        new.write_bytes((run / "data" / "readings.csv").read_bytes())
        try:
            assert outdated(run) == data("siblings") | fits("siblings/free/2") | pages("siblings")
        finally:
            new.unlink()


def test_a_touch_makes_nothing_outdated(run, outdated):
    # Not the scripts: Snakemake looks at their time alone.
    code = [run.code / file for file in CODE if "/scripts/" not in file]
    touched = [run / "config" / "config.yaml", run / "data" / "readings.csv", *code]
    touched += [run.code / "Snakefile", run.code / "workflow" / "schemas" / "config.schema.yaml"]
    times = {path: path.stat() for path in touched}
    for path in touched:
        os.utime(path)
    try:
        assert outdated(run) == set()
    finally:
        for path, before in times.items():
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("manifest.json", LAST),
        ("overview.csv", {"overview", *LAST}),
        ("reports/pair.html", {"report/pair", *LAST}),
        (
            "data/readings/data.png",
            {"describe/readings"} | drawn("readings/free/2") | pages("readings") - {"compare/readings", "overview"},
        ),
        ("fits/pair/free/2/label_free.csv", {"assess/pair/free/2"} | drawn("pair/free/2") | pages("pair")),
        ("fits/readings/free/2/bands.png", drawn("readings/free/2") | {"report/readings", *LAST}),
        ("fits/pair/wrong/2/draws.nc", WRONG),
        ("programs/univariate/program.json", COMPILED),
    ],
)
def test_outdated_after_the_loss_of_an_output(run, outdated, output, expected):
    path = run / "results" / output
    aside = path.with_name("aside")
    path.rename(aside)
    try:
        assert outdated(run) == expected
    finally:
        aside.rename(path)


def test_a_dry_run_says_the_same_as_the_summary(run):
    old, new, expected = EDITS["models.*.priors.theta"]
    with edited(run / "config" / "config.yaml", lambda text: changed(text, old, new)):
        told = run.snakemake("--dry-run", "--quiet", "rules")
    assert told.returncode == 0
    counted = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", told.stdout, re.MULTILINE)}
    del counted["default"], counted["total"]
    rules = [job.split("/")[0] for job in expected]
    assert counted == {rule: rules.count(rule) for rule in rules}


def test_what_is_lost_is_remade_alone_and_with_the_same_bytes(finished):
    run = finished.copy("remade")
    before, times = run.hashes(), run.times()
    (run / "results/compare/readings/comparison.json").unlink()
    told = run.snakemake()
    assert told.returncode == 0, told.stdout
    assert run.hashes() == before
    after = run.times()
    written = {name for name in after if after[name] != times.get(name) and not name.startswith("results/logs/")}
    compared = {f"comparison.{kind}" for kind in ("csv", "html", "json", "svg", "png")}
    compared |= {f"estimates.{kind}" for kind in ("csv", "svg", "png")}
    compared |= {f"numbers.{kind}" for kind in ("json", "svg", "png")} | {f"weights.{kind}" for kind in ("svg", "png")}
    compared |= {"choice.json"}
    expected = {f"results/compare/readings/{name}" for name in compared}
    expected |= {f"results/reports/readings.{kind}" for kind in ("html", "methods.md")}
    assert written == expected | {*OVERVIEW, *DESCRIBES}


def test_the_configuration_of_these_tests_is_the_one_that_ran(finished):
    assert (finished / "config" / "config.yaml").read_text() == CONFIG
