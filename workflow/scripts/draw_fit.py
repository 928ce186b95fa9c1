"""Draw the figures of one fit."""

from stanmix.jobs.drawing import save
from stanmix.jobs.drawing.fit import bands_of_fit, figures_of_fit
from stanmix.jobs.drawing.modes import modes_of_fit
from stanmix.jobs.running import job

DRAWN = {"diagram_svg": figures_of_fit, "bands_svg": bands_of_fit, "modes_svg": modes_of_fit}

with job(snakemake):
    for output, figures in DRAWN.items():
        if snakemake.output.get(output):
            save(figures(snakemake.input, snakemake.params.label), snakemake.output)
