# What is made of a data set and of a fit: the names of the files, and what they are in Snakemake's own report.
# Needs: CONFIG. Makes: the tables from which rules take their outputs and pages their inputs.
DATA = "results/data/{dataset}"
FIT = "results/fits/{dataset}/{model}/{components}"
COMPARE = "results/compare/{dataset}"
OF_DATASET = {"data set": "{dataset}"}
OF_FIT = OF_DATASET | {"model": "{model}", "components": "{components}"}

# Figures are SVG and PNG. For each its section in Snakemake's report and what it shows; captions bear the same name.
FIGURES = {
    "data": ("1 Data", "data"),
    "weights": ("1 Data", "prior of the weights"),
    "diagram": ("2 Fits", "diagram of the model"),
    "prior": ("2 Fits", "prior predictive distribution"),
    "traces": ("2 Fits", "chains"),
    "modes": ("2 Fits", "modes of the posterior"),
    "membership": ("3 Memberships", "figure"),
    "co_clustering": ("3 Memberships", "who belongs together"),
    "density": ("4 Predictive checks", "posterior density"),
    "ecdf": ("4 Predictive checks", "distribution function"),
    "transform": ("4 Predictive checks", "probability integral transform"),
    "statistics": ("4 Predictive checks", "test statistics"),
    "replicates": ("4 Predictive checks", "replicated data sets"),
    "bands": ("4 Predictive checks", "memberships kept and drawn anew"),
    "comparison": ("5 Comparison", "LOO"),
    "estimates": ("5 Comparison", "estimates of all models"),
    "numbers": ("5 Comparison", "number of components"),
}
FIGURES_OF_FIT = (
    *("diagram", "prior", "traces", "membership", "co_clustering"),
    *("density", "ecdf", "transform", "statistics", "replicates"),
)
SAMPLED = {"draws": "draws.nc", "specification": "specification.json", "data": "data.json"}
ASSESSED = {
    "checks": "checks.json",
    "labels": "labels.json",
    "summary": "summary.csv",
    "centres": "centres.csv",
    "label_free": "label_free.csv",
    "membership": "membership.csv",
    "memberships": "memberships.json",
    "co_clustering": "co_clustering.nc",
    "loo": "loo.json",
    "loo_pointwise": "loo.csv",
    "density": "density.csv",
    "memberships_by_value": "memberships_by_value.csv",
    "replicates": "replicates.csv",
    "ecdf": "ecdf.csv",
    "transform": "transform.csv",
    "statistics": "statistics.csv",
    "prior": "prior.csv",
    "predictive": "predictive.json",
}
ON_PAGE = (
    *("checks", "labels", "label_free", "summary", "centres", "membership", "memberships"),
    *("loo", "loo_pointwise", "predictive"),
)
DRAWN = {
    name: (SAMPLED | ASSESSED)[name]
    for name in (
        *("draws", "specification", "labels", "summary", "membership", "co_clustering", "memberships_by_value"),
        *("density", "replicates", "ecdf", "transform", "statistics", "prior", "predictive"),
    )
}
MODES = {"modes": "modes.json", "modes_table": "modes.csv", "modes_density": "modes_density.csv"}


def below(folder, files):
    """The paths of a table of files in a folder, by their names."""
    return {name: f"{folder}/{file}" for name, file in files.items()}


def shown(path, section, what, caption, labels):
    """An output that Snakemake's own report shows."""
    return report(path, category=section, labels={**labels, "what": what}, caption=f"../report/{caption}.rst")


def figures(folder, names, labels):
    """The outputs of figures: name_svg, which Snakemake's report shows, and name_png."""
    made = {}
    for name in names:
        made[f"{name}_svg"] = shown(f"{folder}/{name}.svg", *FIGURES[name], name, labels)
        made[f"{name}_png"] = f"{folder}/{name}.png"
    return made


def figures_of(fit):
    """The names of the figures of a fit."""
    bands = ["bands"] if fit.model in CONTINUOUS_MODELS else []
    return [*FIGURES_OF_FIT, *bands, *(["modes"] if fit.components > 1 else [])]


def on_page(fit):
    """What the page shows of a fit: names and files in its folder."""
    tables = {name: ASSESSED[name] for name in ON_PAGE} | {"specification": SAMPLED["specification"]}
    tables |= {"predicted": "predicted.csv"} if fit.dataset in PREDICTED else {}
    tables |= {"modes": MODES["modes"]} if fit.components > 1 else {}
    return tables | {name if name not in tables else f"{name}_figure": f"{name}.svg" for name in figures_of(fit)}


REPORTS = [f"results/reports/{dataset}.html" for dataset in ANALYSED]
VERDICT = ["results/verdict.txt"] if CONFIG["strict"] else []


@cache
def code_of_report(*names):
    """A digest of what pages are made with and show: code, captions and Stan programs."""
    captions = [path for path in (CODE / "report").glob("*.rst") if path.stem != "overview"]
    return package("report", *captions, *programs.sources_of_all(names, STAN))
