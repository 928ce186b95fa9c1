"""Write and draw the memberships of the groups of one fit."""

from stanmix.jobs.drawing import groups
from stanmix.jobs.running import job

with job(snakemake):
    groups.draw(snakemake.input, snakemake.output, label=snakemake.params.label)
