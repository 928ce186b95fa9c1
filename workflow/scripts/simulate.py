"""Simulate a data set."""

from stanmix import noticing, observations, simulation
from stanmix.files import write_json
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    rows, truth = simulation.simulate(snakemake.params.recipe, snakemake.params.seed)
    observations.write(rows, snakemake.output.observations)
    write_json(snakemake.output.noticed, noticing.notice(rows, ["y"]))
    write_json(snakemake.output.truth, truth)
