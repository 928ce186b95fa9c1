"""Compile a Stan program."""

from pathlib import Path

from stanmix.base.files import read_json
from stanmix.jobs.running import job
from stanmix.stan import cmdstan

with job(snakemake) as say:
    cmdstan.compile_program(
        snakemake.wildcards.program,
        Path(snakemake.scriptdir).resolve().parents[1] / "stan",
        snakemake.params.kernel,
        read_json(snakemake.input.toolchain),
        snakemake.output.executable,
        snakemake.output.provenance,
        say,
    )
