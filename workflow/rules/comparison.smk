# All fits of a data set side by side.
# Needs: results/fits/{dataset}/. Makes: results/compare/{dataset}/.


rule compare:
    input:
        observations=f"{DATA}/observations.csv",
        loo=of_fits("loo.json"),
        loo_pointwise=of_fits("loo.csv"),
        checks=of_fits("checks.json"),
        labels=of_fits("labels.json"),
        summary=of_fits("summary.csv"),
        membership=of_fits("membership.csv"),
        densities=of_fits("density.csv"),
        specification=of_fits("specification.json"),
    output:
        **figures(COMPARE, ["comparison", "estimates", "numbers", "weights"], OF_DATASET),
        comparison=f"{COMPARE}/comparison.csv",
        comparison_html=shown(f"{COMPARE}/comparison.html", "5 Comparison", "table", "comparison_table", OF_DATASET),
        comparison_json=f"{COMPARE}/comparison.json",
        numbers=f"{COMPARE}/numbers.json",
        choice=f"{COMPARE}/choice.json",
        estimates=f"{COMPARE}/estimates.csv",
    log:
        "results/logs/compare/{dataset}.log",
    group:
        "{dataset}"
    conda:
        "../envs/stanmix.yaml"
    resources:
        **needs("small"),
    params:
        kind=kind_of,
        simulated=is_simulated,
        two=lambda wildcards: max(fit.components for fit in FITS_OF[wildcards.dataset]) <= 2,
        label=label_of,
        fits=lambda wildcards: [
            {"title": title, "model": fit.model, "components": fit.components}
            for fit, title in plan.titles(FITS_OF[wildcards.dataset]).items()
        ],
        weights=lambda wildcards: plan.concentrations(CONFIG, FITS_OF[wildcards.dataset]),
        code=package("compare"),
    message:
        "Comparing the models of {wildcards.dataset}"
    script:
        "../scripts/compare.py"
