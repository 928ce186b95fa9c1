# Checks the configuration and the data it names before any job starts, and lists what is to be made.
# Needs: config/config.yaml, the CSV files. Makes: CONFIG, FITS and the functions that give a job its slice of them.
CONFIG = sentences(configuration.checked, dict(config), PLACES)
DATASETS = CONFIG["datasets"]
KERNEL = CONFIG["sampling"]["kernel"]
# A core for each chain; cores that would be left when all fits run at once are spread over the chains.
THREADS_OF_FIT = plan.threads_of_fit(CONFIG, workflow.cores or 1)
FITS = plan.fits(CONFIG)
ANALYSED = list(dict.fromkeys(fit.dataset for fit in FITS))
CONTINUOUS_MODELS = [name for name in CONFIG["models"] if plan.family(CONFIG["models"][name]).kind == "continuous"]
PREDICTED = [name for name in ANALYSED if "predict" in DATASETS[name]]
SIMULATED = [name for name in ANALYSED if "simulate" in DATASETS[name]]

if workflow.is_main_process:
    sentences(toolchain.find)  # a CMDSTAN that cannot be used
    sentences(precheck.check, CONFIG)


wildcard_constraints:
    dataset=plan.alternatives(ANALYSED),
    model=plan.alternatives(CONFIG["models"]),
    components=r"\d+",
    program=plan.alternatives(plan.programs(CONFIG)),


def label_of(wildcards):
    return plan.label(DATASETS[wildcards.dataset])


def axis_of(wildcards):
    return DATASETS[wildcards.dataset]["axis"]


def kind_of(wildcards):
    return plan.kind(CONFIG, wildcards.dataset)


def seed_of(*job):
    """The seed of a job of a rule, from the run's seed, the rule's name and the values of the wildcards."""
    return lambda wildcards: seed_for(CONFIG["seed"], *job, *wildcards)


def executable_of(wildcards):
    """The compiled Stan program of a model."""
    return "results/programs/{0}/{0}".format(plan.program(CONFIG["models"][wildcards.model]))


def truth_of(wildcards):
    """The truth of a simulated data set; nothing for a real one."""
    return f"results/data/{wildcards.dataset}/truth.json" if wildcards.dataset in SIMULATED else []


def modes_of(wildcards):
    """The modes of a fit; nothing for a single component, which has one."""
    return "results/fits/{dataset}/{model}/{components}/modes.json" if int(wildcards.components) > 1 else []


def fits_of(dataset):
    return [fit for fit in FITS if fit.dataset == dataset]


def folder(fit):
    return f"results/fits/{fit.dataset}/{fit.model}/{fit.components}"


def files_of(fit):
    """What the page shows of a fit: names and files in its folder."""
    files = FILES_OF_FIT | ({"bands": "bands.svg"} if fit.model in CONTINUOUS_MODELS else {})
    files |= {"predicted": "predicted.csv"} if fit.dataset in PREDICTED else {}
    return files | ({"modes": "modes.json", "modes_figure": "modes.svg"} if fit.components > 1 else {})


def of_fits(name):
    """The file of that name of every fit of the data set, in the order of the configuration."""
    return lambda wildcards: [f"{folder(fit)}/{name}" for fit in fits_of(wildcards.dataset)]


def names_of_programs(wildcards):
    """The names of the Stan programs of a data set's models."""
    return list(dict.fromkeys(plan.program(CONFIG["models"][fit.model]) for fit in fits_of(wildcards.dataset)))


def programs_of(wildcards):
    """The Stan programs of a data set's models, with their includes, in Stan throughout."""
    names = names_of_programs(wildcards)
    return relative(path for name in names for path in programs.sources(name, BASE / "stan", kernel=False))


def artifacts():
    """Everything that the rules make for this configuration, the manifest and the verdict left aside."""
    made = [*rules.toolchain.output, *expand(map(str, rules.compile.output), program=plan.programs(CONFIG))]
    for dataset in ANALYSED:
        load = rules.simulate if dataset in SIMULATED else rules.read
        for each in (load, rules.describe, rules.draw_dataset, rules.compare, rules.draw_comparison, rules.report):
            made += expand(map(str, each.output), dataset=dataset)
    for fit in FITS:
        bands = [rules.draw_bands] if fit.model in CONTINUOUS_MODELS else []
        new = [rules.predict] if fit.dataset in PREDICTED else []
        searched = [rules.find_modes, rules.draw_modes] if fit.components > 1 else []
        for each in (rules.fit, *searched, rules.assess, rules.draw_fit, *bands, *new):
            made += expand(map(str, each.output), **vars(fit))
    return made
