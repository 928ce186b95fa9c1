"""Join all data sets in one table."""

from stanmix.overview import write_overview
from stanmix.running import job

with job(snakemake):
    write_overview(snakemake.params.datasets, snakemake.input.choices, snakemake.output)
