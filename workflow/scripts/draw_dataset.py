"""Draw the figures of one data set."""

from stanmix.drawing.dataset import draw_dataset
from stanmix.running import job

with job(snakemake):
    draw_dataset(snakemake.input, snakemake.output, label=snakemake.params.label, used=snakemake.params.used)
