"""Draw the comparison of all fits of a data set."""

from stanmix.drawing.comparison import draw_comparison
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    draw_comparison(snakemake.input, snakemake.output, **snakemake.params)
