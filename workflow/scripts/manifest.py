"""Write the manifest of the run."""

from stanmix.manifest import write_manifest
from stanmix.running import job

with job(snakemake):
    write_manifest(
        snakemake.input.artifacts,
        snakemake.input.toolchain,
        snakemake.params.config,
        snakemake.params.content,
        snakemake.scriptdir,
        snakemake.output.manifest,
    )
