"""Draw the comparison of all fits of a data set."""

from stanmix.drawing.comparison import draw_comparison
from stanmix.running import job

with job(snakemake):
    draw_comparison(snakemake.input, snakemake.output, **snakemake.params)
