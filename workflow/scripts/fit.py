"""Sample one model for one data set."""

from stanmix.fitting import fit
from stanmix.logbook import recorded

with recorded(snakemake.log[0]) as say:
    fit(
        snakemake.input,
        snakemake.output,
        name=snakemake.wildcards.model,
        model=snakemake.params.model,
        components=int(snakemake.wildcards.components),
        rounding=snakemake.params.rounding,
        sampling=snakemake.params.sampling,
        seed=snakemake.params.seed,
        threads=snakemake.threads,
        say=say,
    )
