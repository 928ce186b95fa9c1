"""A YAML file as nodes: within limits that any real configuration keeps, and nothing in it read as something else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from stanmix.base.errors import UserError

if TYPE_CHECKING:
    from os import PathLike

MOST = 100_000  # things that a configuration may say, those that aliases repeat included
DEEPEST = 100  # lists and mappings inside each other
KNOWN_TAGS = {
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "timestamp", "merge", "seq", "map")
}
CODE_KEYS = ("__use_yte__", "__definitions__", "__variables__")  # by these YTE makes YAML a program
FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose(path: str | PathLike) -> yaml.Node | None:
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
        When the file cannot be read as YAML, is larger or deeper than a configuration can be, or asks Snakemake to run
        Python that stands in it: Snakemake does when the top level of a file it loads says `__use_yte__`, also by way
        of an anchor and `<<`, so that the word must not stand in it at all.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(
            f"{path}: there is no such file; write one (config/README.md explains every key), or name the folder of "
            "the run with snakemake --directory."
        ) from None
    except OSError as error:
        raise UserError(f"{path}: the configuration cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: the configuration is not text in UTF-8; save it as UTF-8.") from None
    _look_through(path, text)
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


def _look_through(path, text):
    """Raise a `UserError` for a text that holds code, or whose nodes take long or more calls than Python allows."""
    depth, code = 0, []
    try:
        for number, event in enumerate(yaml.parse(text, Loader=FAST)):
            line = event.start_mark.line + 1
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise UserError(
                    f"{path}, line {line}: more than {DEEPEST} lists and mappings stand inside each other here; "
                    "a configuration needs no more than five."
                )
            if number > MOST:
                raise too_much(path, line)
            if isinstance(event, yaml.ScalarEvent) and event.value in CODE_KEYS:
                code.append(
                    f"{path}, line {line}: {event.value} would run Python code that stands in the configuration; write "
                    "out what is meant."
                )
    except yaml.YAMLError:
        pass  # composing the nodes says what is wrong, if code does not
    if code:
        raise UserError(*code)


def too_much(path: str | PathLike, line: int) -> UserError:
    """The `UserError` for a configuration that says more than any can."""
    return UserError(
        f"{path}, line {line}: the configuration says more than {MOST} things, what aliases (*) repeat "
        "counted each time; make it shorter."
    )


def misread(node: yaml.Node) -> str | None:
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
