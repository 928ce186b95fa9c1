# The data sets: simulated, or read from a CSV file; what is noticed about them, their density and figures.
# Needs: data/*.csv. Makes: results/data/{dataset}/.


rule simulate:
    input:
        code=package("simulate"),
    output:
        observations="results/data/{dataset}/observations.csv",
        noticed="results/data/{dataset}/noticed.json",
        truth="results/data/{dataset}/truth.json",
    log:
        "results/logs/simulate/{dataset}.log",
    wildcard_constraints:
        dataset=plan.alternatives(SIMULATED),
    conda:
        "../envs/stanmix.yaml"
    params:
        recipe=lambda wildcards: DATASETS[wildcards.dataset]["simulate"],
        seed=lambda wildcards: (
            None if "seed" in DATASETS[wildcards.dataset]["simulate"] else seed_of("simulate")(wildcards)
        ),
    message:
        "Simulating {wildcards.dataset}"
    script:
        "../scripts/simulate.py"


rule read:
    input:
        csv=lambda wildcards: DATASETS[wildcards.dataset]["csv"],
        code=package("read"),
    output:
        observations="results/data/{dataset}/observations.csv",
        noticed="results/data/{dataset}/noticed.json",
    log:
        "results/logs/read/{dataset}.log",
    wildcard_constraints:
        dataset=plan.alternatives(name for name in ANALYSED if name not in SIMULATED),
    conda:
        "../envs/stanmix.yaml"
    params:
        source=lambda wildcards: plan.source(DATASETS[wildcards.dataset]),
    message:
        "Reading {wildcards.dataset} from {input.csv}"
    script:
        "../scripts/read.py"


rule describe:
    input:
        observations="results/data/{dataset}/observations.csv",
        noticed="results/data/{dataset}/noticed.json",
        truth=truth_of,
        code=package("describe"),
    output:
        density="results/data/{dataset}/density.csv",
        facts="results/data/{dataset}/density.json",
    log:
        "results/logs/describe/{dataset}.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        kind=kind_of,
        axis=axis_of,
    message:
        "Describing {wildcards.dataset}"
    script:
        "../scripts/describe.py"


rule draw_dataset:
    input:
        observations="results/data/{dataset}/observations.csv",
        density="results/data/{dataset}/density.csv",
        facts="results/data/{dataset}/density.json",
        code=package("draw_dataset"),
    output:
        data_svg=report(
            "results/data/{dataset}/data.svg",
            category="1 Data",
            labels={"data set": "{dataset}", "what": "data"},
            caption="../report/data.rst",
        ),
        data_png="results/data/{dataset}/data.png",
        weights_svg=report(
            "results/data/{dataset}/weights.svg",
            category="1 Data",
            labels={"data set": "{dataset}", "what": "prior of the weights"},
            caption="../report/weights.rst",
        ),
        weights_png="results/data/{dataset}/weights.png",
    log:
        "results/logs/draw_dataset/{dataset}.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        kind=kind_of,
        label=label_of,
        used=lambda wildcards: plan.concentrations(CONFIG, wildcards.dataset),
    message:
        "Drawing the data of {wildcards.dataset}"
    script:
        "../scripts/draw_dataset.py"
