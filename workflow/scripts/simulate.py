"""Simulate a data set."""

from stanmix import observations, simulation
from stanmix.files import write_json
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    y, component, truth = simulation.simulate(snakemake.params.recipe, snakemake.params.seed)
    observations.write(y, snakemake.output.observations, snakemake.output.noticed, component)
    write_json(snakemake.output.truth, truth)
