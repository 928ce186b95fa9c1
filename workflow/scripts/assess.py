"""Write every table of one fit."""

from stanmix.assessment import assess
from stanmix.running import job

with job(snakemake) as say:
    assess(snakemake.input, snakemake.output, model=snakemake.params.model, seed=snakemake.params.seed, say=say)
