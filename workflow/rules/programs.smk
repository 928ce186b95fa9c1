# The tools and programs that sample: CmdStan is found or installed, each Stan program compiled.
# Needs: stan/. Makes: results/programs/toolchain.json and results/programs/{program}/.


rule toolchain:
    input:
        code=package("toolchain"),
    output:
        toolchain="results/programs/toolchain.json",
    log:
        "results/logs/toolchain.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        wanted=os.environ.get("CMDSTAN", ""),
    message:
        "Finding CmdStan, or installing it"
    script:
        "../scripts/toolchain.py"


rule compile:
    input:
        sources=lambda wildcards: relative(programs.sources(wildcards.program, BASE / "stan", KERNEL)),
        toolchain="results/programs/toolchain.json",
        code=package("compile"),
    output:
        executable="results/programs/{program}/{program}",
        provenance="results/programs/{program}/program.json",
    log:
        "results/logs/compile/{program}.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        kernel=KERNEL,
    message:
        "Compiling {wildcards.program}.stan"
    script:
        "../scripts/compile.py"
