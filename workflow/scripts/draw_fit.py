"""Draw the figures of one fit."""

from stanmix.drawing.fit import draw_fit
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    draw_fit(snakemake.input, snakemake.output, label=snakemake.params.label)
