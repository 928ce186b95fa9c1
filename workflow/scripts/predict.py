"""Memberships of new rows under one fit."""

from stanmix.jobs.predicting import predict_rows
from stanmix.jobs.running import job

with job(snakemake):
    predict_rows(snakemake.input, snakemake.output, source=snakemake.params.source)
