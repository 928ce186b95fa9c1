"""Search the modes of one fit's posterior."""

from stanmix.logbook import recorded
from stanmix.modes import find_modes

with recorded(snakemake.log[0]) as say:
    find_modes(snakemake.input, snakemake.output, seed=snakemake.params.seed, say=say)
