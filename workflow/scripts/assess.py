"""Write every table of one fit."""

from stanmix.assessment import assess
from stanmix.logbook import recorded

with recorded(snakemake.log[0]) as say:
    asked = {key: snakemake.params[key] for key in ("model", "seed", "axis")}
    assess(snakemake.input, snakemake.output, **asked, say=say)
