"""Join all data sets in one table."""

from stanmix.compare.overview import write_overview
from stanmix.jobs.running import job

with job(snakemake):
    write_overview(snakemake.params.datasets, snakemake.input.choices, snakemake.output)
