"""Find CmdStan or install it, and say which it is."""

from stanmix.base.files import write_json
from stanmix.jobs.running import job
from stanmix.stan import toolchain

with job(snakemake) as say:
    write_json(snakemake.output.toolchain, toolchain.describe(toolchain.ensure(say)))
