"""Write and draw the memberships of the groups of one fit."""

from stanmix.base.files import write_csv
from stanmix.jobs.drawing import save
from stanmix.jobs.drawing.groups import groups_of_fit, table_of_groups
from stanmix.jobs.running import job

with job(snakemake):
    write_csv(snakemake.output.table, table_of_groups(snakemake.input))
    save(groups_of_fit(snakemake.input, snakemake.params.label), snakemake.output)
