"""Find CmdStan or install it, and say which it is."""

from stanmix import toolchain
from stanmix.files import write_json
from stanmix.logbook import recorded

with recorded(snakemake.log[0]) as say:
    write_json(snakemake.output.toolchain, toolchain.describe(toolchain.ensure(say)))
