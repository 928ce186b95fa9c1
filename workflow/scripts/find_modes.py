"""Search the modes of one fit's posterior."""

from stanmix.modes import find_modes
from stanmix.running import job

with job(snakemake) as say:
    find_modes(snakemake.input, snakemake.output, seed=snakemake.params.seed, say=say)
