"""Draw the modes of one fit's posterior."""

from stanmix.drawing.modes import draw_modes
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    draw_modes(snakemake.input, snakemake.output, label=snakemake.params.label)
