"""Write the manifest of the run."""

from stanmix import plan
from stanmix.logbook import recorded
from stanmix.manifest import write_manifest

with recorded(snakemake.log[0]):
    write_manifest(
        plan.artifacts(snakemake.params.config, snakemake.params.outputs),
        snakemake.input.toolchain,
        snakemake.params.config,
        snakemake.scriptdir,
        snakemake.output.manifest,
    )
