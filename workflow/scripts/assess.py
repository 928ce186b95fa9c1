"""Write every table of one fit."""

from stanmix.assess.assessment import assess
from stanmix.jobs.running import job

with job(snakemake) as say:
    asked = {key: snakemake.params[key] for key in ("model", "seed", "axis", "levels", "names")}
    assess(snakemake.input, snakemake.output, **asked, say=say)
