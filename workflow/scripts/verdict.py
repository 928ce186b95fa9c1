"""End the run in an error when a check failed and the configuration is strict."""

from stanmix import checks
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    checks.require(dict(zip(snakemake.params.fits, snakemake.input.checks, strict=True)), snakemake.output.verdict)
