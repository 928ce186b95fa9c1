"""Write the manifest of the run."""

from stanmix.config import plan
from stanmix.jobs.manifest import ended, write_manifest
from stanmix.jobs.running import job

with job(snakemake) as say:
    say(ended(f"{snakemake.output.manifest.rpartition('/')[0]}/logs"))
    write_manifest(
        plan.artifacts(snakemake.params.config, snakemake.params.outputs),
        snakemake.input.toolchain,
        snakemake.params.config,
        snakemake.params.content,
        snakemake.scriptdir,
        snakemake.output.manifest,
    )
