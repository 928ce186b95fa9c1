"""Simulate a data set."""

from stanmix.base.files import write_json
from stanmix.data import noticing, observations, simulation
from stanmix.jobs.running import job

with job(snakemake):
    rows, truth = simulation.simulate(snakemake.params.recipe, snakemake.params.seed)
    observations.write(rows, snakemake.output.observations)
    write_json(snakemake.output.noticed, noticing.notice(rows, ["y"]))
    write_json(snakemake.output.truth, truth)
