"""Write every table of one fit."""

from stanmix.assessment import assess
from stanmix.logbook import recorded

with recorded(snakemake.log[0]) as say:
    assess(snakemake.input, snakemake.output, model=snakemake.params.model, seed=snakemake.params.seed, say=say)
