"""The configuration: read it, find everything wrong with it at once, and fill in its defaults."""

from pathlib import Path

import yaml

from stanmix.errors import UserError
from stanmix.meaning import against_meaning
from stanmix.schema import against_schema, schema, shown, with_defaults

CODE_KEYS = ("__use_yte__", "__definitions__", "__variables__")  # by these YTE makes YAML a program


def refuse_code(path, text):
    """Refuse a configuration that asks Snakemake to run Python which stands in it.

    Snakemake does so when it loads a file whose top level says `__use_yte__`, also by way of an anchor and `<<`. So
    the word must not stand in the file at all.

    Parameters
    ----------
    path : path-like
        The file, to name it.
    text : str
        What is in it.

    Raises
    ------
    UserError
        With the line of each such word.
    yaml.YAMLError
        When it is not YAML.
    """
    found = [
        f"{path}, line {event.start_mark.line + 1}: {event.value} would run Python code that stands in the "
        "configuration; write out what is meant."
        for event in yaml.parse(text)
        if isinstance(event, yaml.ScalarEvent) and event.value in CODE_KEYS
    ]
    if found:
        raise UserError(*found)


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
        When the file cannot be read as YAML, says a key twice (YAML would silently keep the last), or holds code.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        refuse_code(path, text)
        root = yaml.compose(text)
    except FileNotFoundError:
        raise UserError(
            f"{path}: there is no such file; write one (config/README.md explains every key), or name the folder of "
            "the run with snakemake --directory."
        ) from None
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
