# The fits: draws from the posterior, the tables that assess them, and their figures.
# Needs: results/data/{dataset}/, results/programs/. Makes: results/fits/{dataset}/{model}/{components}/.
FIT = "results/fits/{dataset}/{model}/{components}"
SEVERAL = r"[2-9]|[1-9]\d+"  # numbers of components: a single one has one mode
FIT_LABELS = {"data set": "{dataset}", "model": "{model}", "components": "{components}"}


rule fit:
    input:
        observations="results/data/{dataset}/observations.csv",
        noticed="results/data/{dataset}/noticed.json",
        toolchain="results/programs/toolchain.json",
        executable=executable_of,
        code=package("fit"),
    output:
        draws=f"{FIT}/draws.nc",
        specification=f"{FIT}/specification.json",
        data=f"{FIT}/data.json",
    log:
        "results/logs/fit/{dataset}/{model}/{components}.log",
    conda:
        "../envs/stanmix.yaml"
    threads: THREADS_OF_FIT
    params:
        model=lambda wildcards: CONFIG["models"][wildcards.model],
        rounding=lambda wildcards: DATASETS[wildcards.dataset].get("rounding"),
        sampling=CONFIG["sampling"],
        seed=seed_of("fit"),
    message:
        "Sampling {wildcards.model} with {wildcards.components} components for {wildcards.dataset}"
    script:
        "../scripts/fit.py"


rule find_modes:
    input:
        observations="results/data/{dataset}/observations.csv",
        draws=f"{FIT}/draws.nc",
        specification=f"{FIT}/specification.json",
        data=f"{FIT}/data.json",
        toolchain="results/programs/toolchain.json",
        executable=executable_of,
        code=package("find_modes"),
    output:
        modes=f"{FIT}/modes.json",
        modes_table=f"{FIT}/modes.csv",
        modes_density=f"{FIT}/modes_density.csv",
    log:
        "results/logs/find_modes/{dataset}/{model}/{components}.log",
    wildcard_constraints:
        components=SEVERAL,
    conda:
        "../envs/stanmix.yaml"
    params:
        seed=seed_of("find_modes"),
    message:
        "Searching the modes of {wildcards.model} with {wildcards.components} components for {wildcards.dataset}"
    script:
        "../scripts/find_modes.py"


rule assess:
    input:
        observations="results/data/{dataset}/observations.csv",
        noticed="results/data/{dataset}/noticed.json",
        truth=truth_of,
        draws=f"{FIT}/draws.nc",
        modes=modes_of,
        specification=f"{FIT}/specification.json",
        data=f"{FIT}/data.json",
        toolchain="results/programs/toolchain.json",
        executable=executable_of,
        code=package("assess"),
    output:
        checks=f"{FIT}/checks.json",
        labels=f"{FIT}/labels.json",
        summary=f"{FIT}/summary.csv",
        summary_html=report(
            f"{FIT}/summary.html",
            category="2 Fits",
            labels={**FIT_LABELS, "what": "estimates"},
            caption="../report/summary.rst",
        ),
        label_free=f"{FIT}/label_free.csv",
        membership=f"{FIT}/membership.csv",
        membership_html=report(
            f"{FIT}/membership.html",
            category="3 Memberships",
            labels={**FIT_LABELS, "what": "table"},
            caption="../report/membership_table.rst",
        ),
        memberships=f"{FIT}/memberships.json",
        co_clustering=f"{FIT}/co_clustering.nc",
        loo=f"{FIT}/loo.json",
        loo_pointwise=f"{FIT}/loo.csv",
        density=f"{FIT}/density.csv",
        memberships_by_value=f"{FIT}/memberships_by_value.csv",
        replicates=f"{FIT}/replicates.csv",
        ecdf=f"{FIT}/ecdf.csv",
        transform=f"{FIT}/transform.csv",
        statistics=f"{FIT}/statistics.csv",
        prior=f"{FIT}/prior.csv",
        predictive=f"{FIT}/predictive.json",
    log:
        "results/logs/assess/{dataset}/{model}/{components}.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        model=lambda wildcards: CONFIG["models"][wildcards.model],
        seed=seed_of("assess"),
        axis=axis_of,
    message:
        "Assessing {wildcards.model} with {wildcards.components} components for {wildcards.dataset}"
    script:
        "../scripts/assess.py"


rule draw_fit:
    input:
        observations="results/data/{dataset}/observations.csv",
        dataset_density="results/data/{dataset}/density.csv",
        draws=f"{FIT}/draws.nc",
        specification=f"{FIT}/specification.json",
        labels=f"{FIT}/labels.json",
        summary=f"{FIT}/summary.csv",
        membership=f"{FIT}/membership.csv",
        co_clustering=f"{FIT}/co_clustering.nc",
        memberships_by_value=f"{FIT}/memberships_by_value.csv",
        density=f"{FIT}/density.csv",
        replicates=f"{FIT}/replicates.csv",
        ecdf=f"{FIT}/ecdf.csv",
        transform=f"{FIT}/transform.csv",
        statistics=f"{FIT}/statistics.csv",
        prior=f"{FIT}/prior.csv",
        predictive=f"{FIT}/predictive.json",
        code=package("draw_fit"),
    output:
        diagram_svg=report(
            f"{FIT}/diagram.svg",
            category="2 Fits",
            labels={**FIT_LABELS, "what": "diagram of the model"},
            caption="../report/diagram.rst",
        ),
        diagram_png=f"{FIT}/diagram.png",
        traces_svg=report(
            f"{FIT}/traces.svg",
            category="2 Fits",
            labels={**FIT_LABELS, "what": "chains"},
            caption="../report/traces.rst",
        ),
        traces_png=f"{FIT}/traces.png",
        membership_svg=report(
            f"{FIT}/membership.svg",
            category="3 Memberships",
            labels={**FIT_LABELS, "what": "figure"},
            caption="../report/membership.rst",
        ),
        membership_png=f"{FIT}/membership.png",
        co_clustering_svg=report(
            f"{FIT}/co_clustering.svg",
            category="3 Memberships",
            labels={**FIT_LABELS, "what": "who belongs together"},
            caption="../report/co_clustering.rst",
        ),
        co_clustering_png=f"{FIT}/co_clustering.png",
        replicates_svg=report(
            f"{FIT}/replicates.svg",
            category="4 Predictive checks",
            labels={**FIT_LABELS, "what": "replicated data sets"},
            caption="../report/replicates.rst",
        ),
        replicates_png=f"{FIT}/replicates.png",
        ecdf_svg=report(
            f"{FIT}/ecdf.svg",
            category="4 Predictive checks",
            labels={**FIT_LABELS, "what": "distribution function"},
            caption="../report/ecdf.rst",
        ),
        ecdf_png=f"{FIT}/ecdf.png",
        density_svg=report(
            f"{FIT}/density.svg",
            category="4 Predictive checks",
            labels={**FIT_LABELS, "what": "posterior density"},
            caption="../report/density.rst",
        ),
        density_png=f"{FIT}/density.png",
        transform_svg=report(
            f"{FIT}/transform.svg",
            category="4 Predictive checks",
            labels={**FIT_LABELS, "what": "probability integral transform"},
            caption="../report/transform.rst",
        ),
        transform_png=f"{FIT}/transform.png",
        statistics_svg=report(
            f"{FIT}/statistics.svg",
            category="4 Predictive checks",
            labels={**FIT_LABELS, "what": "test statistics"},
            caption="../report/statistics.rst",
        ),
        statistics_png=f"{FIT}/statistics.png",
        prior_svg=report(
            f"{FIT}/prior.svg",
            category="2 Fits",
            labels={**FIT_LABELS, "what": "prior predictive distribution"},
            caption="../report/prior.rst",
        ),
        prior_png=f"{FIT}/prior.png",
    log:
        "results/logs/draw_fit/{dataset}/{model}/{components}.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        kind=kind_of,
        label=label_of,
    message:
        "Drawing {wildcards.model} with {wildcards.components} components for {wildcards.dataset}"
    script:
        "../scripts/draw_fit.py"


rule draw_modes:
    input:
        observations="results/data/{dataset}/observations.csv",
        specification=f"{FIT}/specification.json",
        modes=f"{FIT}/modes.json",
        modes_density=f"{FIT}/modes_density.csv",
        code=package("draw_modes"),
    output:
        modes_svg=report(
            f"{FIT}/modes.svg",
            category="2 Fits",
            labels={**FIT_LABELS, "what": "modes of the posterior"},
            caption="../report/modes.rst",
        ),
        modes_png=f"{FIT}/modes.png",
    log:
        "results/logs/draw_modes/{dataset}/{model}/{components}.log",
    wildcard_constraints:
        components=SEVERAL,
    conda:
        "../envs/stanmix.yaml"
    params:
        kind=kind_of,
        label=label_of,
    message:
        "Drawing the modes of {wildcards.model} with {wildcards.components} components for {wildcards.dataset}"
    script:
        "../scripts/draw_modes.py"


rule draw_bands:
    input:
        replicates=f"{FIT}/replicates.csv",
        predictive=f"{FIT}/predictive.json",
        code=package("draw_bands"),
    output:
        bands_svg=report(
            f"{FIT}/bands.svg",
            category="4 Predictive checks",
            labels={**FIT_LABELS, "what": "memberships kept and drawn anew"},
            caption="../report/bands.rst",
        ),
        bands_png=f"{FIT}/bands.png",
    log:
        "results/logs/draw_bands/{dataset}/{model}/{components}.log",
    wildcard_constraints:
        model=plan.alternatives(CONTINUOUS_MODELS),
    conda:
        "../envs/stanmix.yaml"
    params:
        label=label_of,
    message:
        "Drawing replicated densities of {wildcards.model} with {wildcards.components} components for {wildcards.dataset}"
    script:
        "../scripts/draw_bands.py"


rule predict:
    input:
        new=lambda wildcards: DATASETS[wildcards.dataset]["predict"],
        observations="results/data/{dataset}/observations.csv",
        membership=f"{FIT}/membership.csv",
        labels=f"{FIT}/labels.json",
        draws=f"{FIT}/draws.nc",
        specification=f"{FIT}/specification.json",
        code=package("predict"),
    output:
        predicted=f"{FIT}/predicted.csv",
        predicted_html=report(
            f"{FIT}/predicted.html",
            category="3 Memberships",
            labels={**FIT_LABELS, "what": "new rows"},
            caption="../report/predicted.rst",
        ),
    log:
        "results/logs/predict/{dataset}/{model}/{components}.log",
    wildcard_constraints:
        dataset=plan.alternatives(PREDICTED),
    conda:
        "../envs/stanmix.yaml"
    params:
        source=lambda wildcards: plan.source_of_new(DATASETS[wildcards.dataset]),
    message:
        "Memberships of {input.new} under {wildcards.model} with {wildcards.components} components"
    script:
        "../scripts/predict.py"
