# What runs without a word more is the workflow in workflow/Snakefile, where other workflows and catalogs look for it.
include: "workflow/Snakefile"


rule default:
    default_target: True
    input:
        rules.all.input,
    localrule: True
    message:
        "Everything is made"
