"""Draw the figures of one fit."""

from stanmix.drawing import draw_fit
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    draw_fit(snakemake.input, snakemake.output)
