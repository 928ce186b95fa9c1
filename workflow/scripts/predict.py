"""Memberships of new rows under one fit."""

from stanmix.prediction import predict
from stanmix.running import job

with job(snakemake):
    predict(snakemake.input, snakemake.output, source=snakemake.params.source)
