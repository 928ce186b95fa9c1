"""The schema of the configuration: its defaults, and what it finds fault with."""

import difflib
import math
import re
import sys

import yaml

from stanmix.places import SCHEMA

TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of keys to values",
}


def schema():
    """The schema of the configuration as a dict."""
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


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


def against_schema(config, rules):
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
                hint = f" (did you mean '{close[0]}'?)" if close else ""
                yield (*place, key), f"is not a key that stanmix knows; allowed here are {', '.join(allowed)}{hint}"
        elif error.validator == "required":
            missing = next(key for key in limit if key not in value and f"'{key}'" in error.message)
            yield place, f"lacks the key '{missing}'; it must have {', '.join(limit)}"
        elif error.validator == "pattern":  # only names have one
            template = "; {name} in it makes a template" if place == ("datasets",) else ""
            yield (
                (*place, value),
                f"is no name for a folder; use letters, digits, points, dashes and underscores{template}",
            )
        else:
            yield place, f"is {shown(value)}; {_demand(error.validator, limit, value)}"
    for section in ("datasets", "models"):
        for name in config[section] if isinstance(config.get(section), dict) else ():
            if not isinstance(name, str):
                yield (section, str(name)), f"is read by YAML as {shown(name)}, not as a name; put it in quotes"
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


def shown(value):
    """A value as the user wrote it, shortened."""
    text = {True: "true", False: "false", None: "empty"}[value] if isinstance(value, bool | None) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def listed(names, most=10):
    """Names as the end of a sentence, the first of many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, list(names)[:most])) + more


def _not_finite(value, place=()):
    """Yield (place, text) for every number that is infinite or not a number."""
    if isinstance(value, float) and not math.isfinite(value):
        yield place, f"is {value}; it must be a finite number"
    elif isinstance(value, int) and abs(value) > sys.float_info.max:
        yield place, f"is {shown(value)}; it is beyond the range of double-precision numbers"
    elif isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _not_finite(below, (*place, key))
