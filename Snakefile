# From a configuration and data to Bayesian mixture analyses: the table of contents.
from snakemake.utils import min_version

min_version("9.0")


include: "workflow/rules/package.smk"


configfile: "config/config.yaml"


include: "workflow/rules/config.smk"
include: "workflow/rules/programs.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/fits.smk"
include: "workflow/rules/comparison.smk"
include: "workflow/rules/overview.smk"
include: "workflow/rules/reports.smk"
include: "workflow/rules/crate.smk"


report: "workflow/report/overview.rst"


rule all:
    default_target: True
    input:
        artifacts(),
        "results/manifest.json",
        rules.crate.output,
        VERDICT,
    message:
        "Everything is made"
