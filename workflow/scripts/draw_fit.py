"""Draw the figures of one fit."""

from stanmix.drawing.fit import draw_fit
from stanmix.running import job

with job(snakemake):
    draw_fit(snakemake.input, snakemake.output, label=snakemake.params.label)
