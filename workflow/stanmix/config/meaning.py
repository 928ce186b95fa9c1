"""What the schema of the configuration cannot say: names that exist, lengths that fit, sums, orders, priors."""

import itertools
import math
import re

from stanmix.base.text import LARGEST_COUNT, NUMBER, tidy
from stanmix.config.plan import counts, in_groups
from stanmix.config.schema import listed, shown
from stanmix.data.csvfile import MISSING
from stanmix.families.bounds import Bounds
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, WHOLE
from stanmix.families.priors import POSITIVE, REAL, UNIT, parse, parse_differences, parse_weights
from stanmix.families.registry import FAMILIES
from stanmix.families.transforms import SHIFTED, TRANSFORMS
from stanmix.model.resolution import is_partly_fixed, is_shared, told_apart

COLUMNS = ("column", "columns", "trials", "exposure", "weights", "known", "id", "group")  # keys that name columns

MOST_SIMULATED = 10_000_000  # observations of a simulation, as the schema says of n
MOST_COUNTED = 1e8  # mean of simulated counts


def against_meaning(config, broken):
    """Yield (place, text) for what the schema cannot say: names, lengths, sums, orders and priors.

    Entries in `broken` (first two keys of a place) are left out: the schema has found fault with them already.
    """
    sections = {}
    for section in ("datasets", "models", "analyses"):
        content = config.get(section) if (section,) not in broken else None
        entries = content.items() if isinstance(content, dict) else enumerate(content or [])
        sections[section] = {key: entry for key, entry in entries if (section, key) not in broken}
    for name, dataset in sections["datasets"].items():
        yield from _check_dataset(("datasets", name), dataset)
    asked = {name: set() for name in sections["models"]}
    for index, analysis in sections["analyses"].items():
        place = ("analyses", index)
        for key, named, known in (
            ("dataset", [analysis["dataset"]], config.get("datasets")),
            ("models", analysis["models"], config.get("models")),
        ):
            for name in named:
                if isinstance(known, dict) and name not in known:
                    yield (*place, key), f"names {shown(name)}, which does not exist; there are {listed(known)}"
        yield from _check_names((*place, "names"), analysis)
        for model in set(analysis["models"]) & set(asked):
            asked[model].update(counts(analysis["components"]))
    yield from _check_names_together(sections)
    yield from _check_pairs(sections)
    for name, model in sections["models"].items():
        place = ("models", name)
        yield from _check_model(place, model)
        for components in sorted(asked[name]) or [_own_count(model)]:
            yield from _check_numbers(place, model, components)


def _check_names(place, analysis):
    """Yield (place, text) for names of components that no fit can bear, or that read as something else."""
    names = analysis.get("names")
    if names is None:
        return
    numbers = counts(analysis["components"])
    if len(names) not in numbers:
        said = f"{len(names)} name{'s' if len(names) > 1 else ''}"
        yield place, f"has {said}, but the analysis asks for {' or '.join(map(str, numbers))} components"
    for name in names:
        if tidy(name) != name:
            yield place, f"has {shown(name)}, with blanks around it or letters in parts; write it without"
        elif name.lower() in MISSING:
            yield place, f"has {shown(name)}, which stands for a missing value in CSV files; choose another name"
        elif NUMBER.fullmatch(name):
            yield place, f"has {shown(name)}, which reads as the number of a component; choose another name"


def _check_names_together(sections):
    """Yield (place, text) for analyses of one data set that name their components differently."""
    lists, numbers = {}, {}
    for index, analysis in sections["analyses"].items():
        dataset, place = analysis["dataset"], ("analyses", index, "names")
        names = analysis.get("names", [])
        other = lists.setdefault((dataset, len(names)), names)
        if other != names:
            said = f"is {', '.join(names)}, but another analysis of {dataset} says {', '.join(other)}"
            yield place, f"{said}; say the same in both"
            continue
        if "known" not in sections["datasets"].get(dataset, {}):
            continue
        for number, name in enumerate(names, start=1):
            before = numbers.setdefault((dataset, name), number)
            if before != number:
                yield (
                    place,
                    f"calls component {number} '{name}', which is component {before} in another analysis of {dataset}; "
                    "a name in its column of known components must always mean the same",
                )


def _check_pairs(sections):
    """Yield (place, text) for models that do not fit the data sets of their analyses."""
    kinds = {}
    for index, analysis in sections["analyses"].items():
        place, dataset = ("analyses", index, "models"), sections["datasets"].get(analysis["dataset"])
        if dataset is None:
            continue
        simulate = dataset.get("simulate")
        given = {"trials": "trials" in (simulate or dataset), "exposure": "exposure" in dataset}
        for name in analysis["models"]:
            if name not in sections["models"]:
                continue
            family = FAMILIES[sections["models"][name]["family"]]
            of = f"names '{name}' of the family {family.name}, which"
            if (family.kind == MULTIVARIATE) != ("columns" in dataset):
                wanted = "columns" if family.kind == MULTIVARIATE else "column"
                yield place, f"{of} needs the key '{wanted}' in datasets.{analysis['dataset']}"
            order = sections["models"][name].get("order", "none")
            if family.kind == MULTIVARIATE and order not in ("none", *dataset.get("columns", [order])):
                yield (
                    place,
                    f"{of} is ordered by '{order}', which is none of the columns of "
                    f"datasets.{analysis['dataset']}: {', '.join(dataset['columns'])}",
                )
            if family.takes == "trials" and not given["trials"]:
                yield place, f"{of} needs the key 'trials' in datasets.{analysis['dataset']}"
            for key, is_given in given.items():
                if is_given and family.takes != key:
                    yield place, f"{of} cannot use the {key} of datasets.{analysis['dataset']}"
            if in_groups(dataset) and family.zero and sections["models"][name]["membership"] == "group":
                yield (
                    place,
                    f"{of} has extra zeros of single rows, which a model with one membership for each group of "
                    f"datasets.{analysis['dataset']} cannot have; say `membership: row` in the model",
                )
            if "known" in dataset and sections["models"][name]["labels"] == "relabelled":
                yield place, f"names '{name}', which is relabelled, but known components have their names already"
            step = dataset.get("rounding")
            model = sections["models"][name]
            if isinstance(model.get("transform"), str) and step is not None:
                hint = ", or use the family lognormal, which goes with it" if model["transform"] == "log" else ""
                yield (
                    place,
                    f"{of} is of transformed values, and intervals of rounded ones have no one width there; remove "
                    f"`rounding:` from datasets.{analysis['dataset']}{hint}",
                )
            for key in ("transform", "shift"):
                for column in model[key] if family.kind == MULTIVARIATE and isinstance(model.get(key), dict) else ():
                    if column not in dataset.get("columns", ()):
                        yield (
                            place,
                            f"{of} has {key} for '{column}', which is none of several columns of "
                            f"datasets.{analysis['dataset']}",
                        )
            if step is not None and family.kind != CONTINUOUS and (family.kind != WHOLE or step != 1):
                yield place, f"{of} knows no rounding; remove it from datasets.{analysis['dataset']}"
            if dataset["axis"] == "log" and family.kind != CONTINUOUS:
                yield place, f"{of} is drawn on no log axis; remove `axis: log` from datasets.{analysis['dataset']}"
            first = kinds.setdefault(analysis["dataset"], (family.kind, name))
            if {first[0], family.kind} == {CONTINUOUS, WHOLE} and step != 1:
                yield (
                    place,
                    f"compares '{first[1]}' and '{name}', one a density and one a probability, which LOO cannot "
                    f"compare; say `rounding: 1` in datasets.{analysis['dataset']}, or analyse the data twice",
                )


def _check_model(place, model):
    """Yield (place, text) for what is wrong with one model whatever the number of components."""
    family = FAMILIES[model["family"]]
    known = f"is no parameter of the family {family.name}; it has {', '.join(family.names)}"
    for section in ("fixed", "priors"):
        for key in model[section]:
            if key not in ("theta", *family.names):
                yield (*place, section, key), known
    for section in ("share", "own"):
        for key in model[section]:
            if key not in family.names:
                yield (*place, section), f"names '{key}', which {known}"
            elif key in model["fixed"]:
                yield (*place, section), f"names '{key}', which is fixed; a fixed parameter is not estimated"
    for key in ("correlation", "order"):
        if key in model and family.kind != MULTIVARIATE:
            yield (*place, key), f"goes with the family multivariate_normal, not with {family.name}"
    if family.kind == MULTIVARIATE:
        for key in set(model["fixed"]) & set(family.names):
            yield (*place, "fixed", key), f"cannot be fixed in the family {family.name}; only theta can"
        if model.get("correlation") == "diagonal":
            for section in ("share", "priors"):
                if "correlation" in model[section]:
                    yield (
                        (*place, section),
                        "names 'correlation', which a model with `correlation: diagonal` does not have",
                    )
    yield from _check_scale(place, model, family)
    for key in set(model["share"]) & set(model["own"]):
        yield (*place, "own"), f"names '{key}', which share names too; a parameter is either shared or own"
    for key, value in model["fixed"].items():
        if isinstance(value, list) and set(value) == {None}:
            yield (*place, "fixed", key), "is null for every component, so nothing is fixed; leave it out"
    for key in model["priors"]:
        # theta has a default prior in every model, which a fixed theta makes void
        given = (key, model["priors"][key]) != ("theta", "dirichlet(1)")
        if key in model["fixed"] and given and not is_partly_fixed(model, key):
            yield (*place, "priors", key), "is the prior of a parameter that is fixed; remove one of the two"
    yield from _check_labels(place, model)
    for key, value in model["fixed"].items():
        if family.kind != MULTIVARIATE or key == "theta":
            yield from _check_values((*place, "fixed", key), family, key, value, model["labels"] != "given")
    whole = {key for key in model["fixed"] if not is_partly_fixed(model, key)}
    if {"theta", *family.names} <= whole:
        yield (*place, "fixed"), "fixes every parameter, so there is nothing to estimate; leave one out"


def _check_scale(place, model, family):
    """Yield (place, text) for a transformation or a shift that is none, or that the family or the other cannot have."""
    transform, shift = model.get("transform"), model.get("shift")
    if transform is not None and (family.kind == WHOLE or family.positive):
        what = "of counts" if family.kind == WHOLE else "of positive values, whose logs or shape it describes already"
        yield (*place, "transform"), f"goes with families of the whole line, not with {family.name}, a family {what}"
        return
    if isinstance(transform, str) and transform not in TRANSFORMS:
        yield (*place, "transform"), f"is {shown(transform)}; allowed are {', '.join(TRANSFORMS)}"
        return
    for key, value in (("transform", transform), ("shift", shift)):
        if isinstance(value, dict) and family.kind != MULTIVARIATE:
            yield (*place, key), f"is a mapping of columns, but {family.name} describes one column; give one value"
            return
    if shift is None or family.positive:
        return
    if isinstance(transform, dict):
        takes = [column for column, name in transform.items() if name in SHIFTED]
        fits = set(shift) <= set(takes) if isinstance(shift, dict) else takes
    else:
        fits = transform in SHIFTED
    if not fits:
        positive = ", ".join(name for name, family in FAMILIES.items() if family.positive)
        yield (
            (*place, "shift"),
            f"goes with the transforms {', '.join(SHIFTED)} and with the families of positive values ({positive}); "
            "elsewhere it changes nothing but names",
        )


def _check_labels(place, model):
    """Yield (place, text) for a way of naming components that does not go with what is said of each."""
    labels, told = model["labels"], told_apart(model)
    if labels == "ordered":
        return
    if model.get("order", "none") != "none":
        yield (*place, "labels"), f"is '{labels}', but the model has an order; remove one of the two"
    if labels == "given" and not told:
        yield (
            (*place, "labels"),
            "is 'given', but no prior and no fixed value differs between components; give one a list, or use "
            "'relabelled'",
        )
    for key in told if labels == "relabelled" else ():
        yield (
            (*place, "labels"),
            f"is 'relabelled', but {key} has a number for each component, which tells them apart already; give one "
            "number, or use 'given', by which priors and fixed values name the components, or 'ordered'",
        )


def _check_dataset(place, dataset):
    """Yield (place, text) for what is wrong with one data set, the content of its file left aside."""
    simulate = dataset.get("simulate")
    if (simulate is None) == ("csv" not in dataset):
        yield place, "must have either csv (and column) or simulate"
        return
    for key in ("csv", "predict"):
        marks = [mark for mark in "{}<>\n\r\t" if mark in dataset.get(key, "")]
        if marks:
            yield (
                (*place, key),
                f"is {shown(dataset[key])}; Snakemake reads {' and '.join(map(repr, marks))} in the name of a file as "
                "something else, so rename the file",
            )
    if "predict_worksheet" in dataset and "predict" not in dataset:
        yield (*place, "predict_worksheet"), "goes with predict, which is not there"
    if simulate is None:
        if ("column" in dataset) == ("columns" in dataset):
            yield place, f"must have either column or columns: what of {dataset['csv']} holds the observations"
        return
    for key in (*COLUMNS, "header", "worksheet", "predict"):
        if key in dataset:
            yield (*place, key), "goes with csv, not with simulate"
    if dataset["missing"] != "error":
        yield (*place, "missing"), "goes with csv, not with simulate"
    family = FAMILIES[simulate["family"]]
    if "rounding" in dataset and family.kind == CONTINUOUS:
        yield (*place, "rounding"), "is about values that were rounded; those of a simulation are not"
    place = (*place, "simulate")
    others = {"family", "sizes", "n", "rows", "theta", "seed"} | ({"trials"} if family.takes == "trials" else set())
    for key in [key for key in simulate if key not in (*others, *family.names)]:
        yield (*place, key), f"is no parameter of the family {family.name}; it has {', '.join(family.names)}"
    needed = [*family.names, *(["trials"] if family.takes == "trials" else [])]
    missing = [name for name in needed if name not in simulate]
    if missing:
        yield place, f"lacks {' and '.join(missing)}, which the family {family.name} needs"
        return
    components = len(simulate[family.ordered])
    if ("sizes" in simulate) == ("n" in simulate):
        yield place, "must have either sizes, or n and theta"
    elif "n" in simulate and "theta" not in simulate:
        yield place, "has n but lacks theta, the weights"
    elif "sizes" in simulate and "theta" in simulate:
        yield (*place, "theta"), "goes with n; with sizes the weights follow from them"
    elif "sizes" in simulate and sum(simulate["sizes"]) < 2:
        yield (*place, "sizes"), f"is {simulate['sizes']}; the sizes must add to at least 2"
    elif sum(simulate.get("sizes", ())) > MOST_SIMULATED:
        yield (*place, "sizes"), f"adds to {sum(simulate['sizes'])}; it must add to at most {MOST_SIMULATED}"
    if "rows" in simulate:
        groups = simulate.get("n", sum(simulate.get("sizes", ())))
        if groups * simulate["rows"] > MOST_SIMULATED:
            yield (
                (*place, "rows"),
                f"is {simulate['rows']}, and with {groups} groups there would be {groups * simulate['rows']} rows; "
                f"there may be at most {MOST_SIMULATED}",
            )
        if family.zero:
            yield (*place, "rows"), f"makes groups, which the family {family.name} with extra zeros of rows cannot have"
    for key in ("sizes", "theta", *family.of_component[1:]):
        value = simulate.get(key)
        if isinstance(value, list) and len(value) != components:
            yield (*place, key), f"has {len(value)} values, but {family.ordered} has {components}"
    for key in ("theta", family.ordered):
        if key in simulate:
            yield from _check_values((*place, key), family, key, simulate[key])
    if family.takes == "exposure" and max(simulate[family.ordered]) > MOST_COUNTED:
        yield (
            (*place, family.ordered),
            f"is {simulate[family.ordered]}; counts of more than {MOST_COUNTED:g} on average come too near "
            f"{LARGEST_COUNT}, beyond which CmdStan cannot count",
        )


def _check_values(place, family, name, value, in_order=True):
    """Yield (place, text) when weights do not add to 1 or when ordered values do not increase or are not positive."""
    if name == "theta" and abs(math.fsum(value) - 1) > 1e-6:
        yield place, f"is {value}, which adds to {math.fsum(value):.6g}; weights must add to 1"
    if name == family.ordered:
        in_order = in_order and None not in value  # else components have the places in the list
        if in_order and any(b <= a for a, b in itertools.pairwise(value)):
            yield place, f"is {value}; the values must increase, because their order names the components"
        if family.parameter(name).support == POSITIVE and any(v is not None and v <= 0 for v in value):
            yield place, f"is {value}; the values must be greater than 0"


def _check_numbers(place, model, components):
    """Yield (place, text) for fixed values and priors that do not fit the number of components."""
    family = FAMILIES[model["family"]]
    for key, value in model["fixed"].items():
        if isinstance(value, list) and len(value) != components:
            yield (*place, "fixed", key), f"has {len(value)} values, but an analysis asks for {components} components"
    whole = {key for key in model["fixed"] if not is_partly_fixed(model, key)}
    if components == 1 and "theta" not in model["fixed"] and set(family.names) <= whole:
        yield (*place, "fixed"), "fixes all that is unknown about one component, so there is nothing to estimate"
    for key, text in model["priors"].items():
        if key not in ("theta", *family.names):
            continue
        try:
            if key == "theta":
                parse_weights(text, components)
                continue
            parameter = family.parameter(key)
            count = 1 if is_shared(parameter, model) else components
            if isinstance(text, dict):
                problem = _against_differences(model, family, key)
                if problem:
                    yield (*place, "priors", key), problem
                else:
                    parse_differences(text, parameter.support, count)
                continue
            if is_partly_fixed(model, key):
                count = model["fixed"][key].count(None)  # one for each component that is estimated
            priors = parse(text, parameter.support, count)
        except ValueError as error:
            yield (*place, "priors", key), f"is {shown(text)}: {error}"
            continue
        if family.kind == MULTIVARIATE and any(_is_bounded(prior, parameter.support) for prior in priors):
            yield (
                (*place, "priors", key),
                f"is {shown(text)}; uniform priors and cuts go with one column of values, not with several, where only "
                "sigma can be cut, from below",
            )
            continue
        centres = [p.centre for p in priors if p.centre is not None]
        is_ordered = (
            key == family.ordered
            and model["labels"] == "ordered"
            and not is_partly_fixed(model, key)
            and (family.kind != MULTIVARIATE or model.get("order", "none") != "none")
        )
        if is_ordered and any(b < a for a, b in itertools.pairwise(centres)):
            yield (
                (*place, "priors", key),
                f"is {shown(text)}; the locations must not decrease, because the components are ordered by {key}",
            )
            continue
        ends = Bounds.of([prior.ends for prior in priors])
        if is_ordered and not ends.alike and not ends.in_turn:
            yield (
                (*place, "priors", key),
                f"is {shown(text)}; where components are ordered by {key} their priors must all have the same ends, or "
                "each end before the next begins",
            )


def _against_differences(model, family, key):
    """Why the prior of a parameter cannot be of differences; None where it can."""
    if key != family.ordered or family.kind == MULTIVARIATE:
        which = f"of the first parameter of a family of one column, {family.ordered}" if (
            family.kind != MULTIVARIATE) else "of one column of values"  # fmt: skip
        return f"is a mapping of first and difference, which goes with locations {which}; write one prior"
    if family.parameter(key).support == UNIT:
        return "is a mapping of first and difference, but what lies between 0 and 1 leaves no room for any difference"
    if model["labels"] != "ordered" or is_partly_fixed(model, key):
        return "is a mapping of first and difference, which are of components in order; remove labels and fixed values"
    return None


def _is_bounded(prior, support):
    """Whether a prior of several columns has ends that their program does not know: only scales are cut, from below."""
    return prior.distribution == "uniform" or prior.upper is not None or (support == REAL and prior.lower is not None)


def _own_count(model):
    """A number of components that a model no analysis uses could have: the length of its lists, or 2."""
    lists = [v for v in model["fixed"].values() if isinstance(v, list)]
    texts = [text for text in model["priors"].values() if isinstance(text, str)]
    lists += [found[1].split(",") for text in texts if (found := re.search(r"\[([^][]*)\]", text))]
    return len(lists[0]) if lists else 2
