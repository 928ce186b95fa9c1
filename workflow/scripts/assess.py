"""Write every table of one fit."""

from stanmix.jobs.assessing import assess_fit
from stanmix.jobs.running import job

with job(snakemake) as say:
    asked = {key: snakemake.params[key] for key in ("model", "seed", "axis", "levels", "names")}
    assess_fit(snakemake.input, snakemake.output, **asked, say=say)
