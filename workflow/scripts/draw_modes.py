"""Draw the modes of one fit's posterior."""

from stanmix.drawing.modes import draw_modes
from stanmix.running import job

with job(snakemake):
    draw_modes(snakemake.input, snakemake.output, label=snakemake.params.label)
