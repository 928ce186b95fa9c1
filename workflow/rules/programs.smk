# The tools and programs that sample: CmdStan is found or installed, each Stan program compiled.
# Needs: stan/. Makes: results/programs/toolchain.json and results/programs/{program}/.


rule toolchain:
    output:
        toolchain="results/programs/toolchain.json",
    log:
        "results/logs/toolchain.log",
    localrule: True  # compute nodes may have no network
    conda:
        "../envs/stanmix.yaml"
    params:
        wanted=os.environ.get("CMDSTAN", ""),
        code=package("toolchain"),
    message:
        "Finding CmdStan, or installing it"
    script:
        "../scripts/toolchain.py"


rule compile:
    input:
        toolchain="results/programs/toolchain.json",
    output:
        executable="results/programs/{program}/{program}",
        provenance="results/programs/{program}/program.json",
    log:
        "results/logs/compile/{program}.log",
    conda:
        "../envs/stanmix.yaml"
    resources:
        mem_mb=3000,
        runtime=20,
    params:
        kernel=KERNEL,
        code=lambda wildcards: package("compile", *programs.sources(wildcards.program, STAN, KERNEL)),
    message:
        "Compiling {wildcards.program}.stan"
    script:
        "../scripts/compile.py"
