# The fits: draws from the posterior, the tables that assess them, and their figures.
# Needs: results/data/{dataset}/, results/programs/. Makes: results/fits/{dataset}/{model}/{components}/.
SEVERAL = r"[2-9]|[1-9]\d+"  # numbers of components: a single one has one mode


rule fit:
    input:
        observations=f"{DATA}/observations.csv",
        noticed=f"{DATA}/noticed.json",
        toolchain="results/programs/toolchain.json",
        executable=executable_of,
    output:
        **below(FIT, SAMPLED),
    log:
        "results/logs/fit/{dataset}/{model}/{components}.log",
    benchmark:
        "results/logs/fit/{dataset}/{model}/{components}.tsv"
    wildcard_constraints:
        components="1",
    retries: 1
    group:
        "{dataset}"
    conda:
        "../envs/stanmix.yaml"
    threads: THREADS_OF_FIT
    resources:
        **needs("fit"),
    params:
        model=lambda wildcards: CONFIG["models"][wildcards.model],
        rounding=lambda wildcards: DATASETS[wildcards.dataset].get("rounding"),
        sampling=CONFIG["sampling"],
        seed=seed_of("fit"),
        code=package("fit"),
    message:
        "Sampling {wildcards.model} with {wildcards.components} components for {wildcards.dataset}"
    script:
        "../scripts/fit.py"


use rule fit as fit_modes with:
    output:
        **below(FIT, SAMPLED | MODES),
    wildcard_constraints:
        components=SEVERAL,


rule assess:
    input:
        **below(FIT, SAMPLED),
        observations=f"{DATA}/observations.csv",
        noticed=f"{DATA}/noticed.json",
        truth=truth_of,
        modes=of_several("modes"),
        toolchain="results/programs/toolchain.json",
        executable=executable_of,
    output:
        **below(FIT, ASSESSED),
        summary_html=shown(f"{FIT}/summary.html", "2 Fits", "estimates", "summary", OF_FIT),
        membership_html=shown(f"{FIT}/membership.html", "3 Memberships", "table", "membership_table", OF_FIT),
        cutoffs_html=shown(f"{FIT}/cutoffs.html", "3 Memberships", "cut-offs", "cutoffs", OF_FIT),
    log:
        "results/logs/assess/{dataset}/{model}/{components}.log",
    benchmark:
        "results/logs/assess/{dataset}/{model}/{components}.tsv"
    retries: 1
    group:
        "{dataset}"
    conda:
        "../envs/stanmix.yaml"
    resources:
        **needs("assess"),
    params:
        model=lambda wildcards: CONFIG["models"][wildcards.model],
        simulated=is_simulated,
        seed=seed_of("assess"),
        axis=axis_of,
        levels=levels_of,
        names=lambda wildcards: plan.names(CONFIG, wildcards.dataset, int(wildcards.components)),
        code=package("assess"),
    message:
        "Assessing {wildcards.model} with {wildcards.components} components for {wildcards.dataset}"
    script:
        "../scripts/assess.py"


rule draw_fit:
    input:
        **below(FIT, DRAWN),
        observations=f"{DATA}/observations.csv",
        dataset_density=f"{DATA}/density.csv",
        modes=of_several("modes"),
        modes_density=of_several("modes_density"),
    output:
        **figures(FIT, FIGURES_OF_FIT, OF_FIT),
    log:
        "results/logs/draw_fit/{dataset}/{model}/{components}.log",
    wildcard_constraints:
        model=plan.alternatives(OTHER_MODELS),
        components="1",
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
        code=package("draw_fit"),
    message:
        "Drawing {wildcards.model} with {wildcards.components} components for {wildcards.dataset}"
    script:
        "../scripts/draw_fit.py"


use rule draw_fit as draw_fit_modes with:
    output:
        **figures(FIT, [*FIGURES_OF_FIT, "modes"], OF_FIT),
    wildcard_constraints:
        model=plan.alternatives(OTHER_MODELS),
        components=SEVERAL,


use rule draw_fit as draw_fit_bands with:
    output:
        **figures(FIT, [*FIGURES_OF_FIT, "bands"], OF_FIT),
    wildcard_constraints:
        model=plan.alternatives(CONTINUOUS_MODELS),
        components="1",


use rule draw_fit as draw_fit_bands_modes with:
    output:
        **figures(FIT, [*FIGURES_OF_FIT, "bands", "modes"], OF_FIT),
    wildcard_constraints:
        model=plan.alternatives(CONTINUOUS_MODELS),
        components=SEVERAL,


rule groups:
    input:
        observations=f"{DATA}/observations.csv",
        specification=f"{FIT}/specification.json",
        labels=f"{FIT}/labels.json",
        membership=f"{FIT}/membership.csv",
    output:
        **figures(FIT, ["groups"], OF_FIT),
        table=f"{FIT}/membership_of_groups.csv",
    log:
        "results/logs/groups/{dataset}/{model}/{components}.log",
    wildcard_constraints:
        dataset=plan.alternatives(IN_GROUPS),
    group:
        "{dataset}"
    conda:
        "../envs/stanmix.yaml"
    resources:
        **needs("small"),
    params:
        label=label_of,
        code=package("groups"),
    message:
        "Memberships of the groups of {wildcards.dataset} under {wildcards.model}"
    script:
        "../scripts/groups.py"


rule predict:
    input:
        new=given("predict"),
        observations=f"{DATA}/observations.csv",
        membership=f"{FIT}/membership.csv",
        labels=f"{FIT}/labels.json",
        draws=f"{FIT}/draws.nc",
        specification=f"{FIT}/specification.json",
    output:
        predicted=f"{FIT}/predicted.csv",
        predicted_html=shown(f"{FIT}/predicted.html", "3 Memberships", "new rows", "predicted", OF_FIT),
    log:
        "results/logs/predict/{dataset}/{model}/{components}.log",
    wildcard_constraints:
        dataset=plan.alternatives(PREDICTED),
    group:
        "{dataset}"
    conda:
        "../envs/stanmix.yaml"
    resources:
        **needs("small", "predict"),
    params:
        source=lambda wildcards: plan.source_of_new(DATASETS[wildcards.dataset]),
        content=content_of("predict"),
        code=package("predict"),
    message:
        "Memberships of {input.new} under {wildcards.model} with {wildcards.components} components"
    script:
        "../scripts/predict.py"
