"""Write the densities of one data set."""

from stanmix.description import describe
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    describe(snakemake.input, snakemake.output, family=snakemake.params.family)
