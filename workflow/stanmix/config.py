"""The configuration: read it, find everything wrong with it at once, fill in defaults, and list what it asks for."""

import difflib
import hashlib
import itertools
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from stanmix.errors import UserError
from stanmix.families import FAMILIES
from stanmix.priors import parse, parse_weights

SCHEMA = Path(__file__).parent.parent / "schemas" / "config.schema.yaml"

TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of keys to values",
}


@dataclass(frozen=True)
class Fit:
    """One fit that the configuration asks for: a data set, a model and a number of components."""

    dataset: str
    model: str
    components: int


def schema():
    """The schema of the configuration as a dict."""
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def lines_of(path):
    """Where each key of a YAML file stands.

    Parameters
    ----------
    path : path-like
        A YAML file.

    Returns
    -------
    dict
        For each path of keys (a tuple) the file and the line number, from 1: (path, line).

    Raises
    ------
    UserError
        When the file cannot be read as YAML, or says a key twice (YAML would silently keep the last).
    """
    try:
        root = yaml.compose(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: the configuration cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: the configuration is not text in UTF-8; save it as UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UserError(
            f"{path}, line {mark.line + 1}, column {mark.column + 1}: this is not YAML: {error.problem}; "
            "check the indentation, colons and quotes there."
        ) from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: this is not YAML: {error}.") from None
    lines, twice = {}, []

    def walk(node, place, above=()):
        lines[place] = (str(path), node.start_mark.line + 1)
        if any(node is other for other in above):
            raise UserError(f"{path}, line {lines[place][1]}: {dotted(place)} holds itself; write out what is meant.")
        above = (*above, node)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise UserError(
                        f"{path}, line {key.start_mark.line + 1}: a key must be text, not a list or mapping."
                    )
                below = (*place, key.value)
                if below in lines:
                    twice.append(
                        f"{path}, line {key.start_mark.line + 1}: {dotted(below)} is said twice, first in line "
                        f"{lines[below][1]}; keep one of the two."
                    )
                walk(value, below, above)
                lines[below] = (str(path), key.start_mark.line + 1)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                walk(value, (*place, index), above)

    if root is None:
        raise UserError(f"{path}: the configuration is empty; it needs datasets, models and analyses.")
    if not isinstance(root, yaml.MappingNode):
        raise UserError(f"{path}: the configuration must be a mapping of keys to values.")
    walk(root, ())
    if twice:
        raise UserError(*twice)
    return lines


def dotted(place):
    """A path of keys as readers write it: ``analyses[0].models``."""
    text = ""
    for key in place:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text or "the configuration"


def checked(config, lines=None, file="config/config.yaml"):
    """Check a configuration and fill in its defaults.

    Parameters
    ----------
    config : dict
        As read from YAML; it is not changed.
    lines : dict, optional
        What `lines_of` returned, to name files and lines.
    file : str
        The file to name for what has no line.

    Returns
    -------
    dict
        The configuration with every default in place.

    Raises
    ------
    UserError
        With one sentence for each thing that is wrong.
    """
    lines = lines or {}

    def sentence(place, text):
        known = next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), None)
        return f"{file if known is None else '{}, line {}'.format(*known)}: {dotted(place)} {text}."

    if config and not isinstance(config, dict):
        raise UserError(f"{file}: the configuration is {_shown(config)}; it must be a mapping of keys to values.")
    if not config:
        raise UserError(f"{file}: the configuration is empty; it needs datasets, models and analyses.")
    rules = schema()
    problems = list(_against_schema(config, rules))
    config = with_defaults(config, rules)
    problems += _against_meaning(config, broken={place[:2] for place, _ in problems})
    if problems:
        problems.sort(key=lambda p: lines.get(p[0], lines.get(p[0][:-1], ("", 0))))
        raise UserError(*dict.fromkeys(sentence(*problem) for problem in problems))
    return config


def with_defaults(value, rules):
    """Fill in the defaults of a schema below a value, without changing the value given."""
    if isinstance(value, dict):
        known = rules.get("properties", {})
        others = rules.get("additionalProperties") or {}
        # Known keys in the schema's order, not the user's: a mere reordering changes no job.
        filled = {key: value.get(key, below.get("default")) for key, below in known.items()}
        filled = {key: v for key, v in filled.items() if key in value or v is not None} | value
        return {key: with_defaults(v, known.get(key, others)) for key, v in filled.items()}
    if isinstance(value, list):
        return [with_defaults(item, rules.get("items", {})) for item in value]
    return value


def _against_schema(config, rules):
    """Yield (place, text) for everything the schema does not allow."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    # JSON takes 2.0 for a whole number, but neither CmdStan nor the name of a folder does.
    whole = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    for error in extend(Draft202012Validator, type_checker=whole)(rules).iter_errors(config):
        place, value, limit = tuple(error.absolute_path), error.instance, error.validator_value
        if error.validator == "additionalProperties":
            allowed = list(error.schema.get("properties", {}))
            for key in sorted(set(map(str, value)) - set(allowed)):
                close = difflib.get_close_matches(key, allowed, n=1)
                hint = f"; did you mean '{close[0]}'?" if close else ""
                yield (*place, key), f"is not a key that stanmix knows; allowed here are {', '.join(allowed)}{hint}"
        elif error.validator == "required":
            missing = next(key for key in limit if key not in value and f"'{key}'" in error.message)
            yield place, f"lacks the key '{missing}'; it must have {', '.join(limit)}"
        elif error.validator == "pattern":  # only names have one
            yield (*place, value), "is no name for a folder; use letters, digits, points, dashes and underscores"
        else:
            yield place, f"is {_shown(value)}; {_demand(error.validator, limit, value)}"
    for section in ("datasets", "models"):
        for name in config[section] if isinstance(config.get(section), dict) else ():
            if not isinstance(name, str):
                yield (section, str(name)), f"is read by YAML as {_shown(name)}, not as a name; put it in quotes"
    yield from _not_finite(config)


def _demand(validator, limit, value):
    """What a schema's rule asks for, as the end of a sentence."""
    if validator == "type":
        allowed = " or ".join(TYPES[t] for t in ([limit] if isinstance(limit, str) else limit))
        written = re.fullmatch(r"([+-]?(?:\d+\.?\d*|\.\d+))[eE]([+-]?\d+)", value) if isinstance(value, str) else None
        if not written or not {"number", "integer"} & set([limit] if isinstance(limit, str) else limit):
            return f"it must be {allowed}"
        mantissa, exponent = written[1] if "." in written[1] else f"{written[1]}.0", int(written[2])
        number = float(value)
        better = f"{number:.0f}" if number.is_integer() and number < 1e9 else f"{mantissa}e{exponent:+d}"
        return f"it must be {allowed} (YAML reads {value} as text; write {better})"
    return {
        "enum": lambda: f"allowed are {', '.join(map(str, limit))}",
        "minimum": lambda: f"it must be at least {limit}",
        "maximum": lambda: f"it must be at most {limit}",
        "exclusiveMinimum": lambda: f"it must be greater than {limit}",
        "exclusiveMaximum": lambda: f"it must be less than {limit}",
        "minItems": lambda: f"it must have at least {limit} item{'s' if limit > 1 else ''}",
        "minProperties": lambda: "it must have at least one entry",
        "minLength": lambda: "it must not be empty",
        "uniqueItems": lambda: "no item may stand in it twice",
    }[validator]()


def _shown(value):
    """A value as the user wrote it, shortened."""
    text = {True: "true", False: "false", None: "empty"}[value] if isinstance(value, bool | None) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _not_finite(value, place=()):
    """Yield (place, text) for every number that is infinite or not a number."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place, f"is {value}; it must be a finite number"
    elif isinstance(value, int) and abs(value) > sys.float_info.max:
        yield place, f"is {_shown(value)}; it is beyond the range of double-precision numbers"
    elif isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _not_finite(below, (*place, key))


def _against_meaning(config, broken):
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
                    yield (
                        (*place, key),
                        f"names {_shown(name)}, which does not exist; there are {', '.join(map(str, known))}",
                    )
        for model in set(analysis["models"]) & set(asked):
            asked[model].update(counts(analysis["components"]))
    for name, model in sections["models"].items():
        place = ("models", name)
        yield from _check_model(place, model)
        for components in sorted(asked[name]) or [_own_count(model)]:
            yield from _check_numbers(place, model, components)


def _check_model(place, model):
    """Yield (place, text) for what is wrong with one model whatever the number of components."""
    for key in model["share"]:
        if key in model["fixed"]:
            yield (*place, "share"), f"names '{key}', which is fixed; a fixed parameter is not estimated"
    for key in model["priors"]:
        # theta has a default prior in every model, which a fixed theta makes void
        if key in model["fixed"] and (key, model["priors"][key]) != ("theta", "dirichlet(1)"):
            yield (*place, "priors", key), "is the prior of a parameter that is fixed; remove one of the two"
    for key in ("theta", "mu"):
        if key in model["fixed"]:
            yield from _check_values((*place, "fixed", key), key, model["fixed"][key])
    if {"theta", *FAMILIES[model["family"]].names} <= set(model["fixed"]):
        yield (*place, "fixed"), "fixes every parameter, so there is nothing to estimate; leave one out"


def _check_dataset(place, dataset):
    """Yield (place, text) for what is wrong with one data set, the content of its file left aside."""
    simulate = dataset.get("simulate")
    if (simulate is None) == ("csv" not in dataset):
        yield place, "must have either csv (and column) or simulate"
        return
    if simulate is None:
        if "column" not in dataset:
            yield place, f"lacks the key 'column': name the column of {dataset['csv']} that holds the observations"
        return
    if "column" in dataset:
        yield (*place, "column"), "goes with csv, not with simulate"
    place = (*place, "simulate")
    components = len(simulate["mu"])
    if ("sizes" in simulate) == ("n" in simulate):
        yield place, "must have either sizes, or n and theta"
    elif "n" in simulate and "theta" not in simulate:
        yield place, "has n but lacks theta, the weights"
    elif "sizes" in simulate and "theta" in simulate:
        yield (*place, "theta"), "goes with n; with sizes the weights follow from them"
    elif "sizes" in simulate and sum(simulate["sizes"]) < 2:
        yield (*place, "sizes"), f"is {simulate['sizes']}; the sizes must add to at least 2"
    for key in ("sizes", "theta", "sigma"):
        value = simulate.get(key)
        if isinstance(value, list) and len(value) != components:
            yield (*place, key), f"has {len(value)} values, but mu has {components}"
    for key in ("theta", "mu"):
        if key in simulate:
            yield from _check_values((*place, key), key, simulate[key])


def _check_values(place, name, value):
    """Yield (place, text) when weights do not add to 1 or when ordered values do not increase."""
    if name == "theta" and abs(math.fsum(value) - 1) > 1e-6:
        yield place, f"is {value}, which adds to {math.fsum(value):.6g}; weights must add to 1"
    if name == "mu" and any(b <= a for a, b in itertools.pairwise(value)):
        yield place, f"is {value}; the means must increase, because their order names the components"


def _check_numbers(place, model, components):
    """Yield (place, text) for fixed values and priors that do not fit the number of components."""
    family = FAMILIES[model["family"]]
    for key, value in model["fixed"].items():
        if isinstance(value, list) and len(value) != components:
            yield (*place, "fixed", key), f"has {len(value)} values, but an analysis asks for {components} components"
    if components == 1 and "theta" not in model["fixed"] and set(family.names) <= set(model["fixed"]):
        yield (*place, "fixed"), "fixes all that is unknown about one component, so there is nothing to estimate"
    for key, text in model["priors"].items():
        try:
            if key == "theta":
                parse_weights(text, components)
                continue
            parameter = family.parameter(key)
            priors = parse(text, parameter.support, 1 if key in model["share"] else components)
        except ValueError as error:
            yield (*place, "priors", key), f"is {_shown(text)}: {error}"
            continue
        centres = [p.arguments[-2] for p in priors]  # location stands before scale in every distribution on the line
        if key == family.ordered and any(b < a for a, b in itertools.pairwise(centres)):
            yield (
                (*place, "priors", key),
                f"is {_shown(text)}; the locations must not decrease, because the components are ordered by {key}",
            )


def _own_count(model):
    """A number of components that a model no analysis uses could have: the length of its lists, or 2."""
    lists = [v for v in model["fixed"].values() if isinstance(v, list)]
    lists += [found[1].split(",") for text in model["priors"].values() if (found := re.search(r"\[([^][]*)\]", text))]
    return len(lists[0]) if lists else 2


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


def label(dataset):
    """What the values of a data set are, for axes: its label, or its column, or y."""
    return dataset.get("label", dataset.get("column", "y"))


def program(model):
    """The Stan program of a model of the configuration."""
    return FAMILIES[model["family"]].program


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


def seed_for(seed, *job):
    """The seed of one job: 31 bits from the run's seed and the job's name.

    Parameters
    ----------
    seed : int
        The seed of the run.
    *job : str or int
        What names the job, such as "fit", the data set, the model and the number of components.

    Returns
    -------
    int
        From 1 to 2**31 - 1, as CmdStan takes it.
    """
    digest = hashlib.sha256("/".join(map(str, (seed, *job))).encode()).digest()
    return int.from_bytes(digest[:8], "big") % (2**31 - 1) + 1
