# Checks the configuration and the data it names before any job starts, and lists what is to be made.
# Needs: config/config.yaml, the CSV files. Makes: CONFIG, FITS and the functions that give a job its slice of them.
CONFIG = sentences(configuration.checked, dict(config), PLACES, SOURCE)
DATASETS = CONFIG["datasets"]
KERNEL = CONFIG["sampling"]["kernel"]
FITS = plan.fits(CONFIG)
FITS_OF = plan.by_dataset(FITS)
ANALYSED = list(FITS_OF)
# The cores of this machine are known where all jobs run on it; nodes are named where they are sent to others.
HERE = 0 if workflow.resource_settings.nodes else workflow.resource_settings.cores
THREADS_OF_FIT = plan.threads_of_fit(CONFIG["sampling"]["chains"], len(FITS), HERE or 0)
CONTINUOUS_MODELS = [name for name in CONFIG["models"] if plan.family(CONFIG["models"][name]).kind == "continuous"]
OTHER_MODELS = [name for name in CONFIG["models"] if name not in CONTINUOUS_MODELS]
PREDICTED = [name for name in ANALYSED if "predict" in DATASETS[name]]
IN_GROUPS = [name for name in ANALYSED if plan.in_groups(DATASETS[name])]
SIMULATED = [name for name in ANALYSED if "simulate" in DATASETS[name]]

if workflow.is_main_process:
    sentences(toolchain.find)  # a CMDSTAN that cannot be used
    if not AS_MODULE:
        sentences(precheck.check, CONFIG, precheck.KEPT)


wildcard_constraints:
    dataset="[^/]+",
    model="[^/]+",
    components=r"\d+",
    program=plan.alternatives(plan.programs(CONFIG)),


@cache
def check_given():
    """Where this is a module: check the files that no rule makes, once all rules of all modules are known.

    What a rule makes may not be there yet, or be of an earlier run; then the job that reads it checks it.
    """
    analysed = [name for name in ANALYSED if not any(map(made_by_a_rule, files_given(name)))]
    analyses = [analysis for analysis in CONFIG["analyses"] if analysis["dataset"] in analysed]
    sentences(precheck.check, CONFIG | {"analyses": analyses})


def files_given(dataset):
    """The CSV files that a data set names."""
    return [DATASETS[dataset][key] for key in ("csv", "predict") if key in DATASETS[dataset]]


def made_by_a_rule(path):
    return any(rule.is_producer(path) for rule in workflow.rules)


def given(key):
    """The CSV file that the data set names by a key: a path of the user's, which no prefix of a module changes."""

    def file(wildcards):
        if AS_MODULE and workflow.is_main_process:
            check_given()
        return local(DATASETS[wildcards.dataset][key])

    return file


def needs(job, key="csv"):
    """The resources of a job, by the size of the CSV file that the data set names by a key."""

    def resource(name):
        return lambda wildcards, attempt: plan.resources(job, DATASETS[wildcards.dataset].get(key), attempt)[name]

    return {name: resource(name) for name in ("mem_mb", "runtime")}


@cache
def kind_of_dataset(dataset):
    return plan.kind(CONFIG, FITS_OF[dataset])


def label_of(wildcards):
    return plan.label(DATASETS[wildcards.dataset])


def content_of(*keys):
    """What is in the CSV files of a data set, by their paths: Snakemake looks at dates, and an older file may be new."""
    return lambda wildcards: files.contents(DATASETS[wildcards.dataset].get(key) for key in keys)


def axis_of(wildcards):
    return DATASETS[wildcards.dataset]["axis"]


def levels_of(wildcards):
    return DATASETS[wildcards.dataset]["cutoffs"]


def kind_of(wildcards):
    return kind_of_dataset(wildcards.dataset)


def seed_of(*job):
    """The seed of a job of a rule, from the run's seed, the rule's name and the values of the wildcards."""
    return lambda wildcards: seed_for(CONFIG["seed"], *job, *wildcards)


def executable_of(wildcards):
    """The compiled Stan program of a model."""
    return "results/programs/{0}/{0}".format(plan.program(CONFIG["models"][wildcards.model]))


def is_simulated(wildcards):
    """What captions say of the truth."""
    return wildcards.dataset in SIMULATED


def truth_of(wildcards):
    """The truth of a simulated data set; nothing for a real one."""
    return f"results/data/{wildcards.dataset}/truth.json" if "simulate" in DATASETS[wildcards.dataset] else []


def folder(fit):
    return f"results/fits/{fit.dataset}/{fit.model}/{fit.components}"


def of_several(name):
    """A file of the modes of a fit; nothing for a single component, which has one."""
    return lambda wildcards: f"{FIT}/{MODES[name]}".format(**wildcards) if wildcards.components != "1" else []


def of_fits(name):
    """The file of that name of every fit of the data set, in the order of the configuration."""
    return lambda wildcards: [f"{folder(fit)}/{name}" for fit in FITS_OF[wildcards.dataset]]


def programs_of(wildcards):
    """The names of the Stan programs of a data set's models."""
    return list(dict.fromkeys(plan.program(CONFIG["models"][fit.model]) for fit in FITS_OF[wildcards.dataset]))
