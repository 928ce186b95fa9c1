# The data sets: simulated, or read from a CSV file; what is noticed about them, their density and figures.
# Needs: data/*.csv. Makes: results/data/{dataset}/.


rule simulate:
    output:
        observations=f"{DATA}/observations.csv",
        noticed=f"{DATA}/noticed.json",
        truth=f"{DATA}/truth.json",
    log:
        "results/logs/simulate/{dataset}.log",
    wildcard_constraints:
        dataset=plan.alternatives(SIMULATED),
    group:
        "{dataset}"
    conda:
        "../envs/stanmix.yaml"
    resources:
        **needs("small"),
    params:
        recipe=lambda wildcards: DATASETS[wildcards.dataset]["simulate"],
        seed=lambda wildcards: (
            None if "seed" in DATASETS[wildcards.dataset]["simulate"] else seed_of("simulate")(wildcards)
        ),
        code=package("simulate"),
    message:
        "Simulating {wildcards.dataset}"
    script:
        "../scripts/simulate.py"


rule read:
    input:
        csv=given("csv"),
    output:
        observations=f"{DATA}/observations.csv",
        noticed=f"{DATA}/noticed.json",
    log:
        "results/logs/read/{dataset}.log",
    wildcard_constraints:
        dataset=plan.alternatives(name for name in ANALYSED if name not in SIMULATED),
    group:
        "{dataset}"
    conda:
        "../envs/stanmix.yaml"
    resources:
        **needs("small"),
    params:
        source=lambda wildcards: plan.source(DATASETS[wildcards.dataset], plan.groups(CONFIG, wildcards.dataset)),
        content=content_of("csv"),
        code=package("read"),
    message:
        "Reading {wildcards.dataset} from {input.csv}"
    script:
        "../scripts/read.py"


rule describe:
    input:
        observations=f"{DATA}/observations.csv",
        noticed=f"{DATA}/noticed.json",
        truth=truth_of,
    output:
        **figures(DATA, ["data"], OF_DATASET),
        density=f"{DATA}/density.csv",
        facts=f"{DATA}/density.json",
    log:
        "results/logs/describe/{dataset}.log",
    group:
        "{dataset}"
    conda:
        "../envs/stanmix.yaml"
    resources:
        **needs("small"),
    params:
        kind=kind_of,
        simulated=is_simulated,
        label=label_of,
        axis=axis_of,
        code=package("describe"),
    message:
        "Describing and drawing the data of {wildcards.dataset}"
    script:
        "../scripts/describe.py"
