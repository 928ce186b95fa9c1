"""Write what is known of the distribution of one data set."""

from stanmix.description import describe
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    describe(snakemake.input, snakemake.output, kind=snakemake.params.kind, axis=snakemake.params.axis)
