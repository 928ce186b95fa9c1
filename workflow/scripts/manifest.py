"""Write the manifest of the run."""

from stanmix.logbook import recorded
from stanmix.manifest import write_manifest

with recorded(snakemake.log[0]):
    write_manifest(
        snakemake.input.artifacts,
        snakemake.input.toolchain,
        snakemake.params.config,
        snakemake.scriptdir,
        snakemake.output.manifest,
    )
