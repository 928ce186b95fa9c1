# All fits of a data set side by side.
# Needs: results/fits/{dataset}/. Makes: results/compare/{dataset}/.
COMPARE = "results/compare/{dataset}"


rule compare:
    input:
        loo=of_fits("loo.json"),
        loo_pointwise=of_fits("loo.csv"),
        checks=of_fits("checks.json"),
        summary=of_fits("summary.csv"),
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
        estimates=f"{COMPARE}/estimates.csv",
    log:
        "results/logs/compare/{dataset}.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        titles=lambda wildcards: list(plan.titles(fits_of(wildcards.dataset)).values()),
    message:
        "Comparing the models of {wildcards.dataset}"
    script:
        "../scripts/compare.py"


rule draw_comparison:
    input:
        comparison_json=f"{COMPARE}/comparison.json",
        estimates=f"{COMPARE}/estimates.csv",
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
    log:
        "results/logs/draw_comparison/{dataset}.log",
    conda:
        "../envs/stanmix.yaml"
    message:
        "Drawing the comparison for {wildcards.dataset}"
    script:
        "../scripts/draw_comparison.py"
