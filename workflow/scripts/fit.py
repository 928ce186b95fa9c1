"""Sample one model for one data set."""

from stanmix.fits.fitting import fit
from stanmix.jobs.running import job

with job(snakemake) as say:
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
