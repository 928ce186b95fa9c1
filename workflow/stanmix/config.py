"""The configuration: read it, find everything wrong with it at once, and fill in its defaults."""

import itertools

import yaml

from stanmix import yaml_text
from stanmix.errors import UserError
from stanmix.meaning import against_meaning
from stanmix.schema import against_schema, schema, shown, with_defaults


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
        When the file cannot be read as YAML, says a key twice (YAML would silently keep the last), or says what YAML
        reads as something else than it looks like, or more than it looks like.
    """
    root = yaml_text.compose(path)
    lines, wrong, visits = {}, [], itertools.count(1)

    def walk(node, place, above=()):
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
        raise UserError(f"{file}: the configuration is {shown(config)}; it must be a mapping of keys to values.")
    if not config:
        raise UserError(f"{file}: the configuration is empty; it needs datasets, models and analyses.")
    rules = schema()
    problems = list(against_schema(config, rules))
    config = with_defaults(config, rules)
    problems += against_meaning(config, broken={place[:2] for place, _ in problems})
    if problems:
        problems.sort(key=lambda p: lines.get(p[0], lines.get(p[0][:-1], ("", 0))))
        raise UserError(*dict.fromkeys(sentence(*problem) for problem in problems))
    return config
