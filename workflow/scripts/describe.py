"""Write what is known of the distribution of one data set, and draw it."""

from stanmix.jobs.description import describe
from stanmix.jobs.drawing import save
from stanmix.jobs.drawing.dataset import figures_of_dataset
from stanmix.jobs.running import job

with job(snakemake):
    describe(snakemake.input, snakemake.output, kind=snakemake.params.kind, axis=snakemake.params.axis)
    made = {**dict(snakemake.input.items()), **dict(snakemake.output.items())}
    save(figures_of_dataset(made, snakemake.params.label), snakemake.output)
