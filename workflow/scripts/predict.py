"""Memberships of new rows under one fit."""

from stanmix.logbook import recorded
from stanmix.prediction import predict

with recorded(snakemake.log[0]):
    predict(snakemake.input, snakemake.output, source=snakemake.params.source)
