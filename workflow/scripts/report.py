"""Write the report of one data set."""

from pathlib import Path

from stanmix.jobs.running import job
from stanmix.report.page import write_report
from stanmix.stan import programs

with job(snakemake):
    code = Path(snakemake.scriptdir).resolve().parents[1]
    paths = iter(snakemake.input.fits)
    write_report(
        snakemake.wildcards.dataset,
        snakemake.input,
        fits={title: {name: next(paths) for name in names} for title, names in snakemake.params.fits.items()},
        captions={path.stem: path for path in (code / "workflow" / "report").glob("*.rst") if path.stem != "overview"},
        programs=programs.sources_of_all(snakemake.params.programs, code / "stan"),
        config=snakemake.params.config,
        content=snakemake.params.content,
        output=snakemake.output.page,
        methods_file=snakemake.output.methods,
    )
