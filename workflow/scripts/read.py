"""Read a data set from a column of a CSV file."""

from stanmix import observations
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    y = observations.read_column(snakemake.input.csv, snakemake.params.column)
    observations.write(y, snakemake.output.observations, snakemake.output.noticed)
