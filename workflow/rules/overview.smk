# All data sets in one table.
# Needs: results/compare/{dataset}/choice.json. Makes: results/overview.html and results/overview.csv.


rule overview:
    input:
        choices=expand("results/compare/{dataset}/choice.json", dataset=ANALYSED),
    output:
        page="results/overview.html",
        table=report(
            "results/overview.csv",
            category="6 Overview",
            labels={"data set": "all", "what": "table"},
        ),
    log:
        "results/logs/overview.log",
    localrule: True
    conda:
        "../envs/stanmix.yaml"
    params:
        datasets=ANALYSED,
        code=package("overview"),
    message:
        "Joining all data sets"
    script:
        "../scripts/overview.py"
