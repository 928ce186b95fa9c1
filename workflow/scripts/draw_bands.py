"""Draw kernel densities of replicated data."""

from stanmix.drawing.fit import draw_bands
from stanmix.running import job

with job(snakemake):
    draw_bands(snakemake.input, snakemake.output, label=snakemake.params.label)
