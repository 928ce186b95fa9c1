"""What a checked configuration asks for: the fits, and for each job its slice and its names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from stanmix.base.text import tidy
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, WHOLE
from stanmix.families.priors import parse_weights
from stanmix.families.registry import FAMILIES, family_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    from stanmix.families.family import Family


@dataclass(frozen=True)
class Fit:
    """One fit that the configuration asks for: a data set, a model and a number of components."""

    dataset: str
    model: str
    components: int


def counts(components: int | list[int]) -> list[int]:
    """The numbers of components an analysis asks for, as a list."""
    return components if isinstance(components, list) else [components]


def fits(config: dict) -> list[Fit]:
    """What is to be fitted, in the order of the configuration, each once (list of Fit)."""
    return list(
        dict.fromkeys(
            Fit(analysis["dataset"], model, components)
            for analysis in config["analyses"]
            for model in analysis["models"]
            for components in counts(analysis["components"])
        )
    )


def by_dataset(fits: list[Fit]) -> dict[str, list[Fit]]:
    """The fits of each data set, in their order (dict of lists of Fit)."""
    found = {}
    for fit in fits:
        found.setdefault(fit.dataset, []).append(fit)
    return found


def titles(fits_of_dataset: list[Fit]) -> dict[Fit, str]:
    """What to call each fit of a data set: its model, with the number of components where that is needed.

    Parameters
    ----------
    fits_of_dataset : list of Fit

    Returns
    -------
    dict
        For each Fit its title (str).
    """
    models = [f.model for f in fits_of_dataset]
    several = {model for model in models if models.count(model) > 1}
    return {f: f"{f.model} (K = {f.components})" if f.model in several else f.model for f in fits_of_dataset}


def label(dataset: dict) -> str:
    """What the values of a data set are, for axes: its label, or its columns, or y."""
    columns = dataset.get("columns") or [dataset.get("column", "y")]
    return dataset.get("label", " and ".join([", ".join(columns[:-1]), columns[-1]] if columns[1:] else columns))


def names(config: dict, dataset: str, components: int) -> list[str] | None:
    """What the components of a data set's fits with so many of them are called (list of str), or None."""
    named = (analysis.get("names") for analysis in config["analyses"] if analysis["dataset"] == dataset)
    return next((list(found) for found in named if found is not None and len(found) == components), None)


def groups(config: dict, dataset: str) -> dict[str, int]:
    """The number of the component that each name stands for in a data set's analyses: dict of int by str."""
    named = (analysis.get("names", ()) for analysis in config["analyses"] if analysis["dataset"] == dataset)
    return {tidy(name): number for each in named for number, name in enumerate(each, start=1)}


def source(dataset: dict, groups: dict | None = None) -> dict:
    """What to read from the CSV file of a data set, as keywords of `observations.read_csv`.

    Parameters
    ----------
    dataset : dict
        Its entry in the checked configuration.
    groups : dict, optional
        What `groups` says of it, where its known components may be named.
    """
    keys = ("trials", "exposure", "weights", "known", "id", "group", "missing", "header", "worksheet")
    columns = dataset.get("columns") or [dataset["column"]]
    named = {"groups": groups} if groups and "known" in dataset else {}
    return {"columns": columns, **{key: dataset[key] for key in keys if key in dataset}, **named}


def source_of_new(dataset: dict) -> dict:
    """What to read from the CSV file with new rows of a data set, as keywords of `observations.read_csv`."""
    kept = ("columns", "trials", "exposure", "id", "group", "header")
    sheet = {"worksheet": dataset["predict_worksheet"]} if "predict_worksheet" in dataset else {}
    return {key: value for key, value in source(dataset).items() if key in kept} | sheet | {"new": True}


def in_groups(dataset: dict) -> bool:
    """Whether the rows of a data set of the configuration are in groups."""
    return "group" in dataset or "rows" in dataset.get("simulate", {})


def has_groups(config: dict, fit: Fit) -> bool:
    """Whether each group of rows has one membership in a fit."""
    return in_groups(config["datasets"][fit.dataset]) and config["models"][fit.model]["membership"] == "group"


def inputs(config: dict) -> list[str]:
    """The files that the data sets of a configuration's analyses name, each once (list of str)."""
    used = dict.fromkeys(fit.dataset for fit in fits(config))
    named = (config["datasets"][name].get(key) for name in used for key in ("csv", "predict"))
    return list(dict.fromkeys(path for path in named if path is not None))


def kind(config: dict, fits_of_dataset: list[Fit]) -> str:
    """Of what kind the observations of a data set are: that of its models, whole numbers before continuous ones."""
    kinds = {family(config["models"][fit.model]).kind for fit in fits_of_dataset}
    return next(kind for kind in (MULTIVARIATE, WHOLE, CONTINUOUS) if kind in kinds)


def family(model: dict, dataset: dict | None = None) -> Family:
    """The `Family` of a model of the configuration, for a data set where the columns of that matter."""
    return family_of(model, dataset.get("columns")) if dataset is not None else FAMILIES[model["family"]]


def program(model: dict) -> str:
    """The Stan program of a model of the configuration."""
    return family(model).program


def programs(config: dict) -> list[str]:
    """The Stan programs that a configuration needs (list of str)."""
    return list(dict.fromkeys(program(config["models"][fit.model]) for fit in fits(config)))


def concentrations(config: dict, fits_of_dataset: list[Fit]) -> list[dict]:
    """The priors of the weights that the models of a data set use: list of dicts with model and concentration."""
    return [
        {"model": title, "concentration": parse_weights(config["models"][fit.model]["priors"]["theta"], fit.components)}
        for fit, title in titles(fits_of_dataset).items()
        if "theta" not in config["models"][fit.model]["fixed"]
    ]


def slice_of(config: dict, dataset: str, fits_of_dataset: list[Fit]) -> dict:
    """What of a configuration the results of one data set rest on, as a configuration of its own."""
    models = dict.fromkeys(fit.model for fit in fits_of_dataset)
    return {
        "seed": config["seed"],
        "sampling": config["sampling"],
        "datasets": {dataset: config["datasets"][dataset]},
        "models": {name: config["models"][name] for name in models},
        "analyses": [analysis for analysis in config["analyses"] if analysis["dataset"] == dataset],
    }


def alternatives(names: Iterable[str]) -> str:
    """A regular expression that matches each of the names and nothing else; none at all for no names.

    Names that begin alike share their beginning, so that a match takes no longer for a thousand names than for ten.
    """
    names = sorted(set(names))
    return _branches(names, 0) if names else "(?!)"


def _branches(names, start):
    """The same for sorted names, from a position on at which they have been equal so far."""
    branches = ["" for name in names if len(name) == start]
    longer = [name for name in names if len(name) > start]
    for _, group in groupby(longer, key=lambda name: name[start]):
        alike = list(group)
        first, last = alike[0], alike[-1]  # sorted: what these two share, all share
        end = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
        branches.append(re.escape(first[start:end]) + _branches(alike, end))
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


MOST_THREADS = 16  # that a fit asks for by itself: more than this many nodes do not have, and few chains gain from


def threads_of_fit(chains: int, fits: int, cores: int) -> int:
    """How many threads a fit asks for: one for each chain, or as many for each as leave no core of this machine idle.

    Parameters
    ----------
    chains : int
    fits : int
        How many fits the configuration asks for.
    cores : int
        The cores of the one machine on which all runs; 0 where jobs are sent to others.

    Returns
    -------
    int
        At most `MOST_THREADS`. Snakemake gives no job more than there are cores; draws do not depend on it.
    """
    return min(MOST_THREADS, chains * max(1, cores // (chains * fits)))


def megabytes(path: str | PathLike | None) -> float:
    """The size of a data set's CSV file in 10^6 bytes; 0 where there is none yet, or the data are simulated."""
    return os.path.getsize(path) / 1e6 if path and os.path.isfile(path) else 0


# What jobs take at most, measured as in benchmarks/README.md and rounded up: base, and for each megabyte of the CSV.
NEEDED = {"small": (1000, 20, 10, 1), "fit": (1500, 60, 120, 60), "assess": (1500, 60, 60, 30)}


def resources(job: str, path: str | PathLike | None, attempt: int) -> dict:
    """What a scheduler shall give a job.

    Parameters
    ----------
    job : str
        A key of `NEEDED`.
    path : path-like or None
        The CSV file of the data set.
    attempt : int
        From 1; a job that failed gets as much more.

    Returns
    -------
    dict
        mem_mb and runtime (minutes).
    """
    memory, memory_each, minutes, minutes_each = NEEDED[job]
    size = megabytes(path)
    return {
        "mem_mb": attempt * round(memory + memory_each * size),
        "runtime": attempt * round(minutes + minutes_each * size),
    }


def artifacts(config: dict, outputs: dict) -> list[str]:
    """Everything that the rules make for a configuration.

    Parameters
    ----------
    config : dict
        The checked configuration.
    outputs : dict
        For the name of each rule its outputs, with wildcards dataset, model, components and program in braces.

    Returns
    -------
    list of str
        The paths, those of a data set together.
    """
    return [path for jobs in _jobs(config, outputs) for job in jobs for path in job]


def lost(config: dict, outputs: dict) -> list[str]:
    """What the rules have made for a configuration and is gone: no job of a finished run would ask for it.

    Parameters
    ----------
    config, outputs
        As for `artifacts`.

    Returns
    -------
    list of str
        The paths that are missing while the last one of their data set, its page, is there, or others of their job are.
    """
    gone = []
    for *jobs, last in _jobs(config, outputs):
        finished = os.path.exists(last[0])
        for job in (*jobs, last):
            missing = [path for path in job if not os.path.exists(path)]
            if missing and (finished or len(missing) < len(job)):
                gone += missing
    return gone


def _jobs(config, outputs):
    """For each data set the outputs of its jobs, the page last, and then those of the jobs that serve all data sets."""
    for dataset, of_dataset in by_dataset(fits(config)).items():
        load = "simulate" if "simulate" in config["datasets"][dataset] else "read"
        made = [[path.format(dataset=dataset) for path in outputs[job]] for job in (load, "describe", "compare")]
        for fit in of_dataset:
            jobs = ["assess", *rules_of(config["models"][fit.model], fit.components)]
            jobs += ["predict"] if "predict" in config["datasets"][dataset] else []
            jobs += ["groups"] if has_groups(config, fit) else []
            made += [[path.format(**vars(fit)) for path in outputs[job]] for job in jobs]
        yield [*made, [path.format(dataset=dataset) for path in outputs["report"]]]
    compiled = [[path.format(program=name) for path in outputs["compile"]] for name in programs(config)]
    yield [outputs["toolchain"], *compiled, outputs["overview"]]


def rules_of(model: dict, components: int) -> tuple[str, str]:
    """The rules that sample and that draw a fit: modes are searched of several components, bands are of densities."""
    modes = "_modes" if components > 1 else ""
    bands = "_bands" if family(model).kind == CONTINUOUS else ""
    return f"fit{modes}", f"draw_fit{bands}{modes}"
