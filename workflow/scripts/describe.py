"""Write what is known of the distribution of one data set."""

from stanmix.description import describe
from stanmix.running import job

with job(snakemake):
    describe(snakemake.input, snakemake.output, kind=snakemake.params.kind)
