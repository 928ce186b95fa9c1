"""Write what is known of the distribution of one data set, and draw it."""

from stanmix.jobs.description import describe
from stanmix.jobs.drawing.dataset import draw_dataset
from stanmix.jobs.running import job

with job(snakemake):
    describe(snakemake.input, snakemake.output, kind=snakemake.params.kind, axis=snakemake.params.axis)
    made = {**dict(snakemake.input.items()), **dict(snakemake.output.items())}
    draw_dataset(made, snakemake.output, label=snakemake.params.label)
