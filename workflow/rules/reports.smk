# The pages that people read, the manifest of everything made, and with `strict: true` the verdict.
# Needs: everything of a data set. Makes: results/reports/{dataset}.html and its methods, results/manifest.json, results/verdict.txt.


rule report:
    input:
        observations=f"{DATA}/observations.csv",
        noticed=f"{DATA}/noticed.json",
        truth=truth_of,
        facts=f"{DATA}/density.json",
        data_svg=f"{DATA}/data.svg",
        weights_svg=f"{COMPARE}/weights.svg",
        comparison_json=f"{COMPARE}/comparison.json",
        choice=f"{COMPARE}/choice.json",
        comparison_svg=f"{COMPARE}/comparison.svg",
        estimates_svg=f"{COMPARE}/estimates.svg",
        numbers=f"{COMPARE}/numbers.json",
        numbers_svg=f"{COMPARE}/numbers.svg",
        toolchain="results/programs/toolchain.json",
        compiled=lambda wildcards: [f"results/programs/{name}/program.json" for name in programs_of(wildcards)],
        fits=lambda wildcards: [
            f"{folder(fit)}/{file}" for fit in FITS_OF[wildcards.dataset] for file in on_page(fit).values()
        ],
    output:
        page="results/reports/{dataset}.html",
        methods="results/reports/{dataset}.methods.md",
    log:
        "results/logs/report/{dataset}.log",
    group:
        "{dataset}"
    conda:
        "../envs/stanmix.yaml"
    resources:
        **needs("small"),
    params:
        fits=lambda wildcards: {
            title: list(on_page(fit)) for fit, title in plan.titles(FITS_OF[wildcards.dataset]).items()
        },
        programs=programs_of,
        config=lambda wildcards: plan.slice_of(CONFIG, wildcards.dataset, FITS_OF[wildcards.dataset]),
        content=content_of("csv", "predict"),
        code=lambda wildcards: code_of_report(*programs_of(wildcards)),
    message:
        "Writing the report of {wildcards.dataset}"
    script:
        "../scripts/report.py"


rule manifest:
    input:
        pages=REPORTS,
        overview=["results/overview.html", "results/overview.csv"],
        toolchain="results/programs/toolchain.json",
    output:
        manifest="results/manifest.json",
    log:
        "results/logs/manifest.log",
    localrule: True
    conda:
        "../envs/stanmix.yaml"
    params:
        config=CONFIG,
        content=lambda wildcards: files.contents(plan.inputs(CONFIG)),
        outputs=lambda wildcards: OUTPUTS,
        code=package("manifest"),
    message:
        "Writing the manifest"
    script:
        "../scripts/manifest.py"


OUTPUTS = {
    name: [str(path) for path in getattr(rules, name).output]
    for name in (
        *("toolchain", "simulate", "read", "describe", "fit", "fit_modes", "assess", "draw_fit"),
        *("draw_fit_modes", "draw_fit_bands", "draw_fit_bands_modes", "groups", "predict", "compare"),
        *("report", "overview"),
    )
}
# An executable holds the place of CmdStan, which differs between users: its provenance stands for it.
OUTPUTS["compile"] = [str(rules.compile.output.provenance)]


rule verdict:
    input:
        everything=[*REPORTS, "results/manifest.json", "results/ro-crate-metadata.json"],
        checks=[f"{folder(fit)}/checks.json" for fit in FITS],
    output:
        verdict="results/verdict.txt",
    log:
        "results/logs/verdict.log",
    localrule: True
    conda:
        "../envs/stanmix.yaml"
    params:
        fits=[f"{fit.dataset}, {fit.model}, K = {fit.components}" for fit in FITS],
        code=package("verdict"),
    message:
        "Looking for failed checks"
    script:
        "../scripts/verdict.py"
