"""Draw the figures of one fit."""

from stanmix.jobs.drawing.fit import draw_bands, draw_fit
from stanmix.jobs.drawing.modes import draw_modes
from stanmix.jobs.running import job

DRAWN = {"diagram_svg": draw_fit, "bands_svg": draw_bands, "modes_svg": draw_modes}

with job(snakemake):
    for output, draw in DRAWN.items():
        if snakemake.output.get(output):
            draw(snakemake.input, snakemake.output, label=snakemake.params.label)
