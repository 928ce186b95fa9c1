"""Draw kernel densities of replicated data."""

from stanmix.drawing.fit import draw_bands
from stanmix.logbook import recorded

with recorded(snakemake.log[0]):
    draw_bands(snakemake.input, snakemake.output, label=snakemake.params.label)
