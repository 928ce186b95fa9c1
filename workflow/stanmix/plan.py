"""What a checked configuration asks for: the fits, and for each job its slice and its names."""

import re
from dataclasses import dataclass

from stanmix.families import FAMILIES
from stanmix.family import CONTINUOUS, MULTIVARIATE, WHOLE
from stanmix.priors import parse_weights


@dataclass(frozen=True)
class Fit:
    """One fit that the configuration asks for: a data set, a model and a number of components."""

    dataset: str
    model: str
    components: int


def counts(components):
    """The numbers of components an analysis asks for, as a list."""
    return components if isinstance(components, list) else [components]


def fits(config):
    """What is to be fitted, in the order of the configuration, each once (list of Fit)."""
    return list(
        dict.fromkeys(
            Fit(analysis["dataset"], model, components)
            for analysis in config["analyses"]
            for model in analysis["models"]
            for components in counts(analysis["components"])
        )
    )


def titles(fits_of_dataset):
    """What to call each fit of a data set: its model, with the number of components where that is needed.

    Parameters
    ----------
    fits_of_dataset : list of Fit

    Returns
    -------
    dict
        For each Fit its title (str).
    """
    several = {f.model for f in fits_of_dataset if sum(g.model == f.model for g in fits_of_dataset) > 1}
    return {f: f"{f.model} (K = {f.components})" if f.model in several else f.model for f in fits_of_dataset}


def label(dataset):
    """What the values of a data set are, for axes: its label, or its columns, or y."""
    columns = dataset.get("columns") or [dataset.get("column", "y")]
    return dataset.get("label", " and ".join([", ".join(columns[:-1]), columns[-1]] if columns[1:] else columns))


def source(dataset):
    """What to read from the CSV file of a data set, as keywords of `observations.read_csv`."""
    keys = ("trials", "exposure", "weights", "known", "id", "missing", "header")
    columns = dataset.get("columns") or [dataset["column"]]
    return {"columns": columns, **{key: dataset[key] for key in keys if key in dataset}}


def source_of_new(dataset):
    """What to read from the CSV file with new rows of a data set, as keywords of `observations.read_csv`."""
    kept = ("columns", "trials", "exposure", "id", "header")
    return {key: value for key, value in source(dataset).items() if key in kept} | {"new": True}


def kind(config, dataset):
    """Of what kind the observations of a data set are: that of its models, whole numbers before continuous ones."""
    kinds = {family(config["models"][fit.model]).kind for fit in fits(config) if fit.dataset == dataset}
    return next(kind for kind in (MULTIVARIATE, WHOLE, CONTINUOUS) if kind in kinds)


def family(model):
    """The `Family` of a model of the configuration."""
    return FAMILIES[model["family"]]


def program(model):
    """The Stan program of a model of the configuration."""
    return family(model).program


def programs(config):
    """The Stan programs that a configuration needs (list of str)."""
    return list(dict.fromkeys(program(config["models"][fit.model]) for fit in fits(config)))


def concentrations(config, dataset):
    """The priors of the weights that the models of a data set use: list of dicts with model and concentration."""
    named = titles([fit for fit in fits(config) if fit.dataset == dataset])
    return [
        {"model": title, "concentration": parse_weights(config["models"][fit.model]["priors"]["theta"], fit.components)}
        for fit, title in named.items()
        if "theta" not in config["models"][fit.model]["fixed"]
    ]


def slice_of(config, dataset):
    """What of a configuration the results of one data set rest on, as a configuration of its own."""
    models = dict.fromkeys(fit.model for fit in fits(config) if fit.dataset == dataset)
    return {
        "seed": config["seed"],
        "sampling": config["sampling"],
        "datasets": {dataset: config["datasets"][dataset]},
        "models": {name: config["models"][name] for name in models},
        "analyses": [analysis for analysis in config["analyses"] if analysis["dataset"] == dataset],
    }


def alternatives(names):
    """A regular expression that matches each of the names and nothing else; none at all for no names."""
    return "|".join(map(re.escape, names)) or "(?!)"


def threads_of_fit(config, cores):
    """How many threads a fit asks for: one for each chain, or as many for each as leave no core idle.

    Parameters
    ----------
    config : dict
        The checked configuration.
    cores : int
        The cores that Snakemake may use.

    Returns
    -------
    int
        A multiple of the number of chains. Snakemake gives no job more threads than there are cores.
    """
    chains = config["sampling"]["chains"]
    return chains * max(1, cores // (chains * len(fits(config))))
