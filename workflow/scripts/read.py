"""Read a data set from a CSV file."""

from stanmix.base.files import write_json
from stanmix.data import noticing, observations
from stanmix.jobs.running import job

with job(snakemake):
    rows = observations.read_csv(snakemake.input.csv, **snakemake.params.source)
    observations.write(rows, snakemake.output.observations)
    write_json(snakemake.output.noticed, noticing.notice(rows, snakemake.params.source["columns"]))
