"""The configuration: read it, find everything wrong with it at once, write it out and fill in its defaults."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import yaml

from stanmix.base.errors import UserError
from stanmix.config import yaml_text
from stanmix.config.expansion import expand
from stanmix.config.meaning import against_meaning
from stanmix.config.schema import against_schema, clashing_names, schema, shown, with_defaults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike


def lines_of(path: str | PathLike) -> dict:
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
        When the file cannot be read as YAML, says a key twice (YAML would silently keep the last), holds code, or says
        what YAML reads as something else than it looks like, or more than it looks like.
    """
    root = yaml_text.compose(path)
    lines, wrong, visits = {}, [], itertools.count(1)

    def walk(node: yaml.Node, place: tuple, above: tuple[yaml.Node, ...] = ()) -> None:
        lines[place] = (str(path), node.start_mark.line + 1)
        if next(visits) > yaml_text.MOST:
            raise yaml_text.too_much(path, lines[place][1])
        misread = yaml_text.misread(node)
        if misread:
            wrong.append(f"{path}, line {lines[place][1]}: {dotted(place)} {misread}.")
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
                misread = yaml_text.misread(key)
                if misread:
                    wrong.append(f"{path}, line {key.start_mark.line + 1}: a key {misread}.")
                if below in lines:
                    wrong.append(
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
    if wrong:
        raise UserError(*dict.fromkeys(wrong))
    return lines


def lines_within(lines: dict, whole: dict, part: dict) -> dict:
    """Where each key of a part of a configuration stands.

    Parameters
    ----------
    lines : dict
        What `lines_of` returned of the whole.
    whole, part : dict
        The configuration and a mapping in it: the very object, not one that is equal.

    Returns
    -------
    dict
        As `lines_of`, with paths of keys that begin in the part; empty where it is no part of the whole.
    """

    def places(content: object, place: tuple) -> Iterator[tuple]:
        if content is part:
            yield place
        elif isinstance(content, dict):
            for key, value in content.items():
                yield from places(value, (*place, key))

    above = next(places(whole, ()), None)
    if above is None:
        return {}
    return {place[len(above) :]: line for place, line in lines.items() if place[: len(above)] == above}


def dotted(place: tuple) -> str:
    """A path of keys as readers write it: ``analyses[0].models``."""
    text = ""
    for key in place:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else str(key)
    return text or "the configuration"


def checked(config: dict, lines: dict | None = None, file: str = "config/config.yaml") -> dict:
    """Check a configuration, write out the data sets of templates and sample sheets, and fill in the defaults.

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
        The configuration with every data set and analysis written out and every default in place.

    Raises
    ------
    UserError
        With one sentence for each thing that is wrong.
    """

    def sentence(place: tuple, text: str) -> str:
        known = next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), None)
        return f"{file if known is None else '{}, line {}'.format(*known)}: {dotted(place)} {text}."

    if config and not isinstance(config, dict):
        raise UserError(f"{file}: the configuration is {shown(config)}; it must be a mapping of keys to values.")
    if not config:
        raise UserError(f"{file}: the configuration is empty; it needs datasets, models and analyses.")
    rules, lines = schema(), lines or {}
    problems = list(against_schema(config, rules))
    made = expand(config, rules, lines, broken={place[:2] for place, _ in problems})
    lines, config = made.lines, with_defaults(made.config, rules)
    problems += [*made.problems, *clashing_names(made.config)]
    problems += made.said_once(against_meaning(config, made.broken))
    if problems or made.sentences:
        problems.sort(key=lambda p: lines.get(p[0], lines.get(p[0][:-1], ("", 0))))
        raise UserError(*dict.fromkeys([*made.sentences, *(sentence(*problem) for problem in problems)]))
    return config
