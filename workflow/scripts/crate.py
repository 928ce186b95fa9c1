"""Describe the run as an RO-Crate."""

from pathlib import Path

from stanmix.jobs.crate import write_crate
from stanmix.jobs.running import job

with job(snakemake):
    snakefile = Path(snakemake.scriptdir).parent / "Snakefile"
    write_crate(snakemake.input.manifest, snakefile, snakemake.output)
