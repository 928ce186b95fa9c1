# The run described for other tools, as a Workflow Run RO-Crate.
# Needs: results/manifest.json. Makes: results/ro-crate-metadata.json and results/workflow/.


rule crate:
    input:
        manifest="results/manifest.json",
    output:
        metadata="results/ro-crate-metadata.json",
        snakefile="results/workflow/Snakefile",
        config="results/workflow/config.yaml",
    log:
        "results/logs/crate.log",
    localrule: True
    conda:
        "../envs/stanmix.yaml"
    params:
        code=package("crate", CODE / "Snakefile"),
    message:
        "Describing the run as an RO-Crate"
    script:
        "../scripts/crate.py"
