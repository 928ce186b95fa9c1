"""Write the report of one data set."""

from pathlib import Path

from stanmix.report import write_report
from stanmix.running import job

with job(snakemake):
    write_report(
        snakemake.wildcards.dataset,
        snakemake.input,
        fits=snakemake.params.fits,
        captions={Path(path).stem: path for path in snakemake.input.captions},
        programs=snakemake.input.programs,
        config=snakemake.params.config,
        content=snakemake.params.content,
        output=snakemake.output.page,
    )
