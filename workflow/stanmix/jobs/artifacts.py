"""What is made of a data set and of a fit: the names of the files, which rules and notebooks take from here."""

DATA = "results/data/{dataset}"
FIT = "results/fits/{dataset}/{model}/{components}"
COMPARE = "results/compare/{dataset}"

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
    "groups": ("3 Memberships", "rows of each group"),
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
    "cutoffs": "cutoffs.csv",
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
    *("checks", "labels", "label_free", "summary", "centres", "membership", "memberships", "cutoffs"),
    *("loo", "loo_pointwise", "predictive"),
)
DRAWN = {
    name: (SAMPLED | ASSESSED)[name]
    for name in (
        *("draws", "specification", "labels", "summary", "membership", "cutoffs", "co_clustering"),
        "memberships_by_value",
        *("density", "replicates", "ecdf", "transform", "statistics", "prior", "predictive"),
    )
}
MODES = {"modes": "modes.json", "modes_table": "modes.csv", "modes_density": "modes_density.csv"}


def below(folder: str, files: dict[str, str]) -> dict[str, str]:
    """The paths of a table of files in a folder, by their names."""
    return {name: f"{folder}/{file}" for name, file in files.items()}
