# What is made of a data set and of a fit, and what it is in Snakemake's own report; the names stand in the package.
# Needs: CONFIG. Makes: the tables from which rules take their outputs and pages their inputs.
from stanmix.jobs.artifacts import ASSESSED, COMPARE, DATA, DRAWN, FIGURES, FIGURES_OF_FIT, FIT, MODES, ON_PAGE, SAMPLED
from stanmix.jobs.artifacts import below

OF_DATASET = {"data set": "{dataset}"}
OF_FIT = OF_DATASET | {"model": "{model}", "components": "{components}"}


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
    groups = ["groups"] if plan.has_groups(CONFIG, fit) else []
    return [*FIGURES_OF_FIT, *bands, *(["modes"] if fit.components > 1 else []), *groups]


def on_page(fit):
    """What the page shows of a fit: names and files in its folder."""
    tables = {name: ASSESSED[name] for name in ON_PAGE} | {"specification": SAMPLED["specification"]}
    tables |= {"predicted": "predicted.csv"} if fit.dataset in PREDICTED else {}
    tables |= {"modes": MODES["modes"]} if fit.components > 1 else {}
    tables |= {"membership_of_groups": "membership_of_groups.csv"} if plan.has_groups(CONFIG, fit) else {}
    return tables | {name if name not in tables else f"{name}_figure": f"{name}.svg" for name in figures_of(fit)}


REPORTS = [f"results/reports/{dataset}.html" for dataset in ANALYSED]
VERDICT = ["results/verdict.txt"] if CONFIG["strict"] else []


@cache
def code_of_report(*names):
    """A digest of what pages are made with and show: code, captions and Stan programs."""
    captions = [path for path in (CODE / "report").glob("*.rst") if path.stem != "overview"]
    return package("report", *captions, *programs.sources_of_all(names, STAN))
