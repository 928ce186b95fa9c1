"""Draw the figures of one data set."""

from stanmix.drawing.dataset import draw_dataset
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    draw_dataset(snakemake.input, snakemake.output, label=snakemake.params.label, used=snakemake.params.used)
