"""Compare all fits of a data set."""

from stanmix.comparison import compare
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    kinds = ("loo", "loo_pointwise", "checks", "summary")
    paths = zip(*(snakemake.input[kind] for kind in kinds), strict=True)
    fits = {
        title: dict(zip(kinds, row, strict=True)) for title, row in zip(snakemake.params.titles, paths, strict=True)
    }
    compare(fits, snakemake.output)
