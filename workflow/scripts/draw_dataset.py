"""Draw the figures of one data set."""

from stanmix.drawing import draw_dataset
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    draw_dataset(snakemake.input, snakemake.output, used=snakemake.params.used)
