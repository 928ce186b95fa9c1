"""Write the report of one data set."""

from pathlib import Path

from stanmix.logbook import recorded
from stanmix.report import write_report

with recorded(snakemake.log[0]):
    write_report(
        snakemake.wildcards.dataset,
        snakemake.input,
        fits=snakemake.params.fits,
        captions={Path(path).stem: path for path in snakemake.input.captions},
        programs=snakemake.input.programs,
        config=snakemake.params.config,
        output=snakemake.output.page,
    )
