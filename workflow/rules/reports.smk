# The pages that people read, the manifest of everything made, and with `strict: true` the verdict.
# Needs: everything of a data set. Makes: results/reports/{dataset}.html, results/manifest.json, results/verdict.txt.
REPORTS = [f"results/reports/{dataset}.html" for dataset in ANALYSED]
VERDICT = ["results/verdict.txt"] if CONFIG["strict"] else []
FILES_OF_FIT = {
    "specification": "specification.json",
    "checks": "checks.json",
    "labels": "labels.json",
    "label_free": "label_free.csv",
    "summary": "summary.csv",
    "membership": "membership.csv",
    "memberships": "memberships.json",
    "loo": "loo.json",
    "loo_pointwise": "loo.csv",
    "predictive": "predictive.json",
    "diagram": "diagram.svg",
    "traces": "traces.svg",
    "membership_figure": "membership.svg",
    "co_clustering": "co_clustering.svg",
    "replicates": "replicates.svg",
    "transform": "transform.svg",
    "statistics": "statistics.svg",
    "prior": "prior.svg",
    "ecdf": "ecdf.svg",
    "density": "density.svg",
}
CAPTIONS = relative(path for path in sorted((BASE / "workflow" / "report").glob("*.rst")) if path.stem != "overview")


rule report:
    input:
        noticed="results/data/{dataset}/noticed.json",
        truth=truth_of,
        facts="results/data/{dataset}/density.json",
        data_svg="results/data/{dataset}/data.svg",
        weights_svg="results/data/{dataset}/weights.svg",
        comparison_json=f"{COMPARE}/comparison.json",
        comparison_svg=f"{COMPARE}/comparison.svg",
        estimates_svg=f"{COMPARE}/estimates.svg",
        numbers=f"{COMPARE}/numbers.json",
        numbers_svg=f"{COMPARE}/numbers.svg",
        toolchain="results/programs/toolchain.json",
        compiled=lambda wildcards: [f"results/programs/{name}/program.json" for name in names_of_programs(wildcards)],
        fits=lambda wildcards: [
            f"{folder(fit)}/{file}" for fit in fits_of(wildcards.dataset) for file in files_of(fit).values()
        ],
        captions=CAPTIONS,
        programs=programs_of,
        code=package("report"),
    output:
        page="results/reports/{dataset}.html",
    log:
        "results/logs/report/{dataset}.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        fits=lambda wildcards: {
            title: {name: f"{folder(fit)}/{file}" for name, file in files_of(fit).items()}
            for fit, title in plan.titles(fits_of(wildcards.dataset)).items()
        },
        config=lambda wildcards: plan.slice_of(CONFIG, wildcards.dataset),
    message:
        "Writing the report of {wildcards.dataset}"
    script:
        "../scripts/report.py"


rule manifest:
    input:
        artifacts=artifacts(),
        toolchain="results/programs/toolchain.json",
        code=package("manifest"),
    output:
        manifest="results/manifest.json",
    log:
        "results/logs/manifest.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        config=CONFIG,
    message:
        "Writing the manifest"
    script:
        "../scripts/manifest.py"


rule verdict:
    input:
        everything=[*REPORTS, "results/manifest.json", "results/ro-crate-metadata.json"],
        checks=[f"{folder(fit)}/checks.json" for fit in FITS],
        code=package("verdict"),
    output:
        verdict="results/verdict.txt",
    log:
        "results/logs/verdict.log",
    conda:
        "../envs/stanmix.yaml"
    params:
        fits=[f"{fit.dataset}, {fit.model}, K = {fit.components}" for fit in FITS],
    message:
        "Looking for failed checks"
    script:
        "../scripts/verdict.py"
