"""Memberships of new rows under one fit."""

from stanmix.assess.prediction import predict
from stanmix.jobs.running import job

with job(snakemake):
    predict(snakemake.input, snakemake.output, source=snakemake.params.source)
