"""Join all data sets in one table."""

from stanmix.logbook import recorded
from stanmix.overview import write_overview

with recorded(snakemake.log[0]):
    write_overview(snakemake.params.datasets, snakemake.input.choices, snakemake.output)
