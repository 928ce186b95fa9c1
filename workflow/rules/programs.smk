# The tools and programs that sample: CmdStan is found or installed, each Stan program compiled.
# Needs: stan/. Makes: results/programs/toolchain.json and results/programs/{program}/.


rule toolchain:
    input:
        code=package("toolchain"),
    output:
        toolchain="results/programs/toolchain.json",
    params:
        wanted=os.environ.get("CMDSTAN", ""),
    log:
        "results/logs/toolchain.log",
    conda:
        "../envs/stanmix.yaml"
    script:
        "../scripts/toolchain.py"


rule compile:
    input:
        sources=lambda wildcards: programs.sources(wildcards.program, BASE / "stan"),
        toolchain="results/programs/toolchain.json",
        code=package("compile"),
    output:
        executable="results/programs/{program}/{program}",
        provenance="results/programs/{program}/program.json",
    log:
        "results/logs/compile/{program}.log",
    conda:
        "../envs/stanmix.yaml"
    script:
        "../scripts/compile.py"
