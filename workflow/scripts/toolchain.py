"""Find CmdStan or install it, and say which it is."""

from stanmix import toolchain
from stanmix.files import write_json
from stanmix.running import job

with job(snakemake) as say:
    write_json(snakemake.output.toolchain, toolchain.describe(toolchain.ensure(say)))
