"""A YAML file as nodes: within limits that any real configuration keeps, and nothing in it read as something else."""

import re
from pathlib import Path

import yaml

from stanmix.errors import UserError

MOST = 100_000  # things that a configuration may say, those that aliases repeat included
DEEPEST = 100  # lists and mappings inside each other
KNOWN_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "timestamp", "merge", "seq", "map")
}
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose(path):
    """The root node of a YAML file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    yaml.Node or None
        None for an empty file.

    Raises
    ------
    UserError
        When the file cannot be read as YAML, or is larger or deeper than a configuration can be.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: the configuration cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: the configuration is not text in UTF-8; save it as UTF-8.") from None
    _refuse_too_much(path, text)
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UserError(
            f"{path}, line {mark.line + 1}, column {mark.column + 1}: this is not YAML: {error.problem}; "
            "check the indentation, colons and quotes there."
        ) from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: this is not YAML: {error}.") from None


def _refuse_too_much(path, text):
    """Raise a `UserError` for a text whose nodes would take long to make, or more calls than Python allows."""
    depth = 0
    try:
        for number, event in enumerate(yaml.parse(text, Loader=FAST)):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                line = event.start_mark.line + 1
                raise UserError(
                    f"{path}, line {line}: more than {DEEPEST} lists and mappings stand inside each other here; "
                    "a configuration needs no more than five."
                )
            if number > MOST:
                raise too_much(path, event.start_mark.line + 1)
    except yaml.YAMLError:
        return  # composing the nodes says what is wrong


def too_much(path, line):
    """The `UserError` for a configuration that says more than any can."""
    return UserError(
        f"{path}, line {line}: the configuration says more than {MOST} things, what aliases (*) repeat "
        "counted each time; make it shorter."
    )


def misread(node):
    """What is wrong with how YAML reads a node.

    Parameters
    ----------
    node : yaml.Node

    Returns
    -------
    str or None
        The end of a sentence; None when it is read as people mean it.
    """
    if node.tag not in KNOWN_TAGS:
        return f"has the tag {_short(node.tag)}, which says nothing here; leave it away"
    if not isinstance(node, yaml.ScalarNode) or node.tag.endswith(":merge"):
        return None
    try:
        value = yaml.constructor.SafeConstructor().construct_object(node)
    except (ValueError, OverflowError, LookupError, yaml.YAMLError):
        kind = node.tag.rpartition(":")[2]
        return f"is {_short(node.value)!r}, which YAML takes for a value of the kind {kind} but cannot read; " + (
            "put it in quotes if text is meant"
        )
    digits = node.value.replace("_", "").lstrip("+-")
    if type(value) is int and re.fullmatch("0[0-7]+", digits):
        meant = digits.lstrip("0") or "0"
        return f"is {node.value}, which YAML reads as the octal number {value}; write {meant}, or put it in quotes"
    if type(value) in (int, float) and ":" in digits:
        return f"is {node.value}, which YAML reads as {value}, to the base of 60; write the number, or put it in quotes"
    return None


def _short(text):
    return text if len(text) <= 60 else text[:57] + "..."
