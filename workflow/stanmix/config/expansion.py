"""Many data sets in a few lines: templates over files, sample sheets, and analyses of many, all written out."""

from __future__ import annotations

import csv
import difflib
import glob
import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jsonschema import Draft202012Validator

from stanmix.base.errors import UserError
from stanmix.config.schema import NAME_RULE, against_schema, listed, shown
from stanmix.data import dialect
from stanmix.data.csvfile import SHOWN, opened

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

NAME = "{name}"  # stands in a template for the name of each data set that it makes
OF_SHEET = "dataset"  # the column of a sample sheet that holds the names
LIST = ";"  # separates the items of a list in a cell


@dataclass
class Expansion:
    """A configuration in which every data set and every analysis is written out, and where each comes from.

    Attributes
    ----------
    config : dict
        The configuration without templates. What cannot be written out is left as it was, and stands in `broken`.
    lines : dict
        Where each path of keys stands: (file, line).
    problems : list of (tuple, str)
        What is wrong with templates and with the analyses that name many: place and text.
    sentences : list of str
        What is wrong with sample sheets and names of files, as whole sentences.
    broken : set of tuple
        The first two keys of the places that are not to be looked at any further.
    templates : dict
        For each data set that a template made the template's key.
    analyses : list of int
        For each analysis that of the configuration as it was given.
    """

    config: dict
    lines: dict
    problems: list = field(default_factory=list)
    sentences: list = field(default_factory=list)
    broken: set = field(default_factory=set)
    templates: dict = field(default_factory=dict)
    analyses: list = field(default_factory=list)

    def fault(self, place: tuple, text: str) -> None:
        """Take down what is wrong with an entry, which is then left alone."""
        self.problems.append((place, text))
        self.broken.add(place[:2])

    def said_once(self, problems: Iterable[tuple[tuple, str]]) -> list[tuple[tuple, str]]:
        """What is wrong after all was written out, in the places of the given configuration, each thing said once.

        Parameters
        ----------
        problems : iterable of (tuple, str)
            Places in `config` and texts.

        Returns
        -------
        list of (tuple, str)
            A fault of a template stands for all data sets that have it, one of a sheet's rows for those beyond ten.
        """
        traced = [(*self._traced(place), text) for place, text in problems]
        traced.sort(key=lambda each: self.lines.get(each[0], ("", 0)))
        kept, times = [], Counter()
        for place, name, text in traced:
            section, template = place[0] if place else None, self.templates.get(name)
            of_any = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", NAME, text) if template else text
            if template is None or (section == "analyses" and of_any == text):
                kept.append((place, text, None))
                continue
            kind = (template, section, *place[2 if section == "datasets" else 1 :], of_any)
            times[kind] += 1
            in_rows = section == "datasets" and self.lines.get(place[:2]) != self.lines.get((section, template))
            if times[kind] <= (SHOWN if in_rows else 1):
                kept.append((place, text, kind))
        left = times - Counter(kind for *_, kind in kept)
        last = {kind: index for index, (*_, kind) in enumerate(kept)}
        for index, (place, text, kind) in enumerate(kept):
            if left[kind] and last[kind] == index:
                kept[index] = (place, f"{text} (and so for {left[kind]} more of {kind[0]})", kind)
        return list(dict.fromkeys((place, text) for place, text, _ in kept))

    def _traced(self, place):
        """A place of the written configuration in that which was given, and the name of the data set it is about."""
        section, *rest = place or (None,)
        if section == "analyses" and rest and rest[0] < len(self.analyses):
            return (section, self.analyses[rest[0]], *rest[1:]), self.config["analyses"][rest[0]].get("dataset")
        return place, rest[0] if section == "datasets" and rest else None


def expand(config: dict, rules: dict, lines: dict, broken: set[tuple]) -> Expansion:
    """Write out the data sets that templates and sample sheets make, and the analyses that name many.

    Parameters
    ----------
    config : dict
        As read from YAML; it is not changed.
    rules : dict
        The schema.
    lines : dict
        Where each path of keys stands in the configuration: (file, line).
    broken : set of tuple
        The first keys of places in which the schema has found fault; what stands there is left as it is.

    Returns
    -------
    Expansion
    """
    made = Expansion(dict(config), dict(lines), broken=set(broken))
    datasets = config.get("datasets")
    if ("datasets",) in broken or not isinstance(datasets, dict | str):
        return made
    if isinstance(datasets, str):
        datasets = {NAME: {"sheet": datasets}}
        made.lines |= {("datasets", NAME, *rest): at for rest, at in _below(lines, ("datasets",))}
    explicit = {key for key in datasets if NAME not in str(key)}
    made.config["datasets"] = {}
    for key, entry in datasets.items():
        if ("datasets", key) in broken:
            made.config["datasets"][key] = entry
        elif key in explicit:
            made.config["datasets"][key] = entry
            _look_at_explicit(made, key, entry)
        else:
            _write_out(made, key, entry, rules, explicit)
    if ("analyses",) not in broken and isinstance(config.get("analyses"), list):
        _write_out_analyses(made, config["analyses"])
    return made


def _below(lines, place):
    """The lines of a place and of all below it, each as (what follows the place, line)."""
    return [(p[len(place) :], at) for p, at in lines.items() if p[: len(place)] == place]


def _look_at_explicit(made, key, entry):
    """Take down what only a template can have."""
    place = ("datasets", key)
    if "sheet" in entry:
        made.fault((*place, "sheet"), f"makes many data sets; write {NAME} into the key, as in `{key}-{NAME}`")
    elif "*" in entry.get("csv", "") and not os.path.exists(entry["csv"]):
        made.fault(
            (*place, "csv"),
            f"is {shown(entry['csv'])}; a * makes many data sets where the key has {NAME}, as in `{key}-{NAME}`",
        )


def _write_out(made, key, entry, rules, explicit):
    """Put the data sets that a template makes into the configuration."""
    place, shared = ("datasets", key), {k: value for k, value in entry.items() if k != "sheet"}
    below = _below(made.lines, place)
    if "sheet" in entry:
        try:
            found = read_sheet(entry["sheet"], rules["properties"]["datasets"]["additionalProperties"]["properties"])
        except UserError as error:
            made.sentences += error.sentences
            found = []
        rows = [(name, (entry["sheet"], line), cells) for name, line, cells in found]
    else:
        found = _matches(made, place, entry)
        rows = [(name, None, {"csv": entry["csv"].replace("*", name)}) for name in found]
    legal, wrong, entries = Draft202012Validator(rules["$defs"]["name"]), [], {}
    for name, at, cells in rows:
        title = key.replace(NAME, name)
        where = f"{at[0]}, line {at[1]}, column '{OF_SHEET}'" if at else cells["csv"]
        if not legal.is_valid(title):
            wrong.append(f"{where}: {shown(title)} {NAME_RULE}")
        elif title in made.config["datasets"] or title in explicit:
            other = made.lines.get(("datasets", title))
            known = " in {}, line {}".format(*other) if other else ""
            wrong.append(f"{where}: the data set '{title}' is there already{known}; give one of them another name")
        else:
            entries[title] = _named(shared | cells, name)
            made.templates[title] = key
            made.lines |= {("datasets", title, *rest): line for rest, line in below}
            if at is not None:
                made.lines |= {("datasets", title): at} | {("datasets", title, cell): at for cell in cells}
    if "sheet" in entry and entries:  # a template was checked against the schema before, the cells of a sheet were not
        part = {"properties": {"datasets": rules["properties"]["datasets"]}, "$defs": rules["$defs"]}
        for problem in made.said_once(against_schema({"datasets": entries}, part)):
            made.fault(*problem)
    made.sentences += [f"{text}." for text in wrong[:SHOWN]]
    if len(wrong) > SHOWN:
        made.sentences.append(f"{entry.get('sheet', entry.get('csv'))}: and {len(wrong) - SHOWN} more such names.")
    made.config["datasets"] |= entries
    if not entries:  # the analyses that name it are not at fault
        made.broken.add(place)
        made.config["datasets"][key] = entry


def _named(value, name):
    """A value of a template for one of its data sets."""
    if isinstance(value, str):
        return value.replace(NAME, name)
    if isinstance(value, dict):
        return {key: _named(below, name) for key, below in value.items()}
    return [_named(item, name) for item in value] if isinstance(value, list) else value


def _matches(made, place, entry):
    """What the star of a template matched, sorted (list of str); none after a fault was taken down."""
    pattern = entry.get("csv")
    if pattern is None:
        made.fault(place, "makes many data sets, so it must have csv with a *, or sheet")
        return []
    if pattern.count("*") != 1:
        made.fault(
            (*place, "csv"), f"is {shown(pattern)}; it must have one *, and what it matches is {NAME} in the key"
        )
        return []
    before, after = pattern.split("*")
    depth = len([part for part in before.split("/") if part]) - (not before.endswith("/") and before != "")
    start, end = len(before.split("/")[-1]), len(after.split("/")[0])
    found = []
    for path in glob.glob(f"{glob.escape(before)}*{glob.escape(after)}"):
        part = [part for part in path.split("/") if part][depth]
        if os.path.isfile(path) and len(part) > start + end:
            found.append(part[start : len(part) - end])
    if not found:
        made.fault((*place, "csv"), f"is {shown(pattern)}, which matches no file; check the folder and the ending")
    return sorted(found)


def read_sheet(path: str | PathLike, keys: dict) -> list[tuple[str, int, dict]]:
    """Read a sample sheet: a table with a data set in each row.

    Parameters
    ----------
    path : path-like
        A CSV file in UTF-8, or one separated by tabs whose name ends in .tsv or .tab. Its header names the column
        dataset and keys of a data set.
    keys : dict
        The schema of each key of a data set.

    Returns
    -------
    list of (str, int, dict)
        Of each row the name, the line in which it begins and the values of its cells that are not empty.

    Raises
    ------
    UserError
        With one sentence for each thing that is wrong: line, column, value.
    """
    allowed = [key for key, below in keys.items() if below.get("type") != "object" and key != "sheet"]
    with opened(path, "datasets") as file:
        reader = dialect.of_file(file, {OF_SHEET: False}, True).reader(file)
        table, begins = [], 1
        try:
            for row in reader:
                table.append((begins, [unicodedata.normalize("NFC", cell.strip()) for cell in row]))
                begins = reader.line_num + 1
        except csv.Error as error:
            raise UserError(
                f"{path}, line {begins}: this is not a CSV file ({error}); check the quotes there."
            ) from None
    if not table or not any(table[0][1]):
        raise UserError(
            f"{path}: the file is empty or its first line is; it needs a header with the column {OF_SHEET}."
        )
    header, faults = table[0][1], []
    for name, times in Counter(header).items():
        if name != OF_SHEET and name not in allowed:
            close = difflib.get_close_matches(name, [OF_SHEET, *allowed], n=1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            faults.append(
                f"{path}, line 1: the column {shown(name)} is no key of a data set; a sample sheet may have "
                f"{', '.join([OF_SHEET, *allowed])}{hint}."
            )
        elif times > 1:
            faults.append(f"{path}, line 1: the header names '{name}' {times} times; keep one.")
    if OF_SHEET not in header:
        faults.append(f"{path}, line 1: there is no column '{OF_SHEET}', which holds the names of the data sets.")
    if faults:
        raise UserError(*faults)
    rows, first = [], {}
    for line, cells in table[1:]:
        if not any(cells):
            continue
        if len(cells) != len(header):
            number = f"{len(cells)} cell{'s' if len(cells) > 1 else ''}, but the header names {len(header)}"
            faults.append(
                f"{path}, line {line}: the row has {number}; give every row all cells, if need be empty ones."
            )
            continue
        row = dict(zip(header, cells, strict=True))
        name = row.pop(OF_SHEET)
        if not name:
            faults.append(f"{path}, line {line}, column '{OF_SHEET}': the cell is empty; name the data set.")
        elif first.setdefault(name, line) != line:
            faults.append(
                f"{path}, line {line}, column '{OF_SHEET}': {shown(name)} stands in line {first[name]} already; give "
                "every data set a name of its own."
            )
        rows.append((name, line, {key: _value(text, keys[key]) for key, text in row.items() if text}))
    if not rows and not faults:
        faults.append(f"{path}: there are no rows below the header, so there is no data set.")
    if faults:
        more = [f"{path}: and {len(faults) - SHOWN} more such faults."] if len(faults) > SHOWN else []
        raise UserError(*faults[:SHOWN], *more)
    return rows


def _value(text, rules):
    """What a cell of a sample sheet says for a key; text that is no number stays text, which the schema then names."""
    kinds = rules.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "array" in kinds and (LIST in text or "string" not in kinds):
        return [_value(part.strip(), rules.get("items", {})) for part in text.split(LIST)]
    if "boolean" in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if {"number", "integer"} & set(kinds):
        if re.fullmatch(r"[+-]?\d+", text):
            return int(text)
        if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
            return float(text)
    return text


def _write_out_analyses(made, analyses):
    """Put one analysis for each data set in the place of each that names several."""
    names, of_template = list(made.config["datasets"]), {}
    for name, key in made.templates.items():
        of_template.setdefault(key, []).append(name)
    written, broken = [], {place for place in made.broken if place[:1] != ("analyses",)}
    for index, analysis in enumerate(analyses):
        if ("analyses", index) in made.broken:
            broken.add(("analyses", len(written)))
            written.append(analysis)
            made.analyses.append(index)
            continue
        wanted = analysis["dataset"]
        chosen = []
        for name in wanted if isinstance(wanted, list) else [wanted]:
            if name in of_template:
                chosen += of_template[name]
            elif "*" in name:
                pattern = re.compile(".*".join(map(re.escape, name.split("*"))))
                matched = [other for other in names if pattern.fullmatch(other)]
                if not matched and not any(("datasets", other) in made.broken for other in names):
                    text = f"is {shown(name)}, which matches no data set; there are {listed(names)}"
                    made.problems.append((("analyses", index, "dataset"), text))
                chosen += matched
            else:
                chosen.append(name)
        for name in dict.fromkeys(chosen):
            written.append(analysis | {"dataset": name})
            made.analyses.append(index)
    made.config["analyses"], made.broken = written, broken
