# All fits of a data set side by side.
# Needs: results/fits/{dataset}/. Makes: results/compare/{dataset}/.
COMPARE = "results/compare/{dataset}"


rule compare:
    input:
        loo=of_fits("loo.json"),
        loo_pointwise=of_fits("loo.csv"),
        checks=of_fits("checks.json"),
        labels=of_fits("labels.json"),
        summary=of_fits("summary.csv"),
        membership=of_fits("membership.csv"),
        specification=of_fits("specification.json"),
        code=package("compare"),
    output:
        comparison=f"{COMPARE}/comparison.csv",
        comparison_html=report(
            f"{COMPARE}/comparison.html",
            category="5 Comparison",
            labels={"data set": "{dataset}", "what": "table"},
            caption="../report/comparison_table.rst",
        ),
        comparison_json=f"{COMPARE}/comparison.json",
        numbers=f"{COMPARE}/numbers.json",
        choice=f"{COMPARE}/choice.json",
        estimates=f"{COMPARE}/estimates.csv",
    log:
        "results/logs/compare/{dataset}.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        fits=lambda wildcards: [
            {"title": title, "model": fit.model, "components": fit.components}
            for fit, title in plan.titles(fits_of(wildcards.dataset)).items()
        ],
    message:
        "Comparing the models of {wildcards.dataset}"
    script:
        "../scripts/compare.py"


rule draw_comparison:
    input:
        comparison_json=f"{COMPARE}/comparison.json",
        numbers=f"{COMPARE}/numbers.json",
        estimates=f"{COMPARE}/estimates.csv",
        dataset_density="results/data/{dataset}/density.csv",
        observations="results/data/{dataset}/observations.csv",
        densities=of_fits("density.csv"),
        code=package("draw_comparison"),
    output:
        comparison_svg=report(
            f"{COMPARE}/comparison.svg",
            category="5 Comparison",
            labels={"data set": "{dataset}", "what": "LOO"},
            caption="../report/comparison.rst",
        ),
        comparison_png=f"{COMPARE}/comparison.png",
        estimates_svg=report(
            f"{COMPARE}/estimates.svg",
            category="5 Comparison",
            labels={"data set": "{dataset}", "what": "estimates of all models"},
            caption="../report/estimates.rst",
        ),
        estimates_png=f"{COMPARE}/estimates.png",
        numbers_svg=report(
            f"{COMPARE}/numbers.svg",
            category="5 Comparison",
            labels={"data set": "{dataset}", "what": "number of components"},
            caption="../report/numbers.rst",
        ),
        numbers_png=f"{COMPARE}/numbers.png",
    log:
        "results/logs/draw_comparison/{dataset}.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        kind=kind_of,
        label=label_of,
        fits=lambda wildcards: [
            {"model": fit.model, "components": fit.components} for fit in fits_of(wildcards.dataset)
        ],
    message:
        "Drawing the comparison for {wildcards.dataset}"
    script:
        "../scripts/draw_comparison.py"
