"""Search the modes of one fit of several components, and write every table of it."""

from stanmix.assessment import assess
from stanmix.logbook import recorded
from stanmix.modes import find_modes

with recorded(snakemake.log[0]) as say:
    given = {**dict(snakemake.input.items()), "modes": snakemake.output.get("modes")}
    if given["modes"]:
        find_modes(given, snakemake.output, seed=snakemake.params.seed_of_modes, say=say)
    assess(given, snakemake.output, model=snakemake.params.model, seed=snakemake.params.seed, say=say)
