"""Describe the run as an RO-Crate."""

from stanmix.crate import write_crate
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    write_crate(snakemake.input.manifest, snakemake.params.snakefile, snakemake.params.inputs, snakemake.output)
