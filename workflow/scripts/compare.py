"""Compare all fits of a data set, and draw the comparison."""

from stanmix.compare.comparison import compare
from stanmix.jobs.drawing import save
from stanmix.jobs.drawing.comparison import figures_of_comparison
from stanmix.jobs.drawing.dataset import figures_of_weights
from stanmix.jobs.running import job

with job(snakemake):
    kinds = ("loo", "loo_pointwise", "checks", "labels", "summary", "membership", "specification")
    paths = zip(*(snakemake.input[kind] for kind in kinds), strict=True)
    fits = {
        fit["title"]: fit | dict(zip(kinds, row, strict=True))
        for fit, row in zip(snakemake.params.fits, paths, strict=True)
    }
    compare(fits, snakemake.output)
    made = {**dict(snakemake.input.items()), **dict(snakemake.output.items())}
    about = {name: snakemake.params[name] for name in ("fits", "kind", "label")}
    save(figures_of_comparison(made, **about), snakemake.output)
    save(figures_of_weights(snakemake.params.weights), snakemake.output)
