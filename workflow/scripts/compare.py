"""Compare all fits of a data set."""

from stanmix.comparison import compare
from stanmix.running import job

with job(snakemake):
    kinds = ("loo", "loo_pointwise", "checks", "labels", "summary", "membership")
    paths = zip(*(snakemake.input[kind] for kind in kinds), strict=True)
    fits = {
        fit["title"]: fit | dict(zip(kinds, row, strict=True))
        for fit, row in zip(snakemake.params.fits, paths, strict=True)
    }
    compare(fits, snakemake.output)
