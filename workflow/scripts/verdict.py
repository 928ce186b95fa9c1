"""End the run in an error when a check failed and the configuration is strict."""

from stanmix.assess import checks
from stanmix.jobs.running import job

with job(snakemake):
    checks.require(dict(zip(snakemake.params.fits, snakemake.input.checks, strict=True)), snakemake.output.verdict)
