"""A first look at somebody's table: what each column seems to hold, in plain words."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stanmix.base.errors import UserError
from stanmix.base.text import plain
from stanmix.data import csvfile
from stanmix.data.noticing import notice
from stanmix.data.observations import Observations

if TYPE_CHECKING:
    from collections.abc import Collection
    from os import PathLike

# What a column can be. Those that could be analysed stand first.
NUMBERS, POSITIVE, ZEROS, SHARES = "numbers", "positive numbers", "positive numbers and zeros", "numbers from 0 to 1"
WHOLE, COUNTS = "whole numbers", "counts"
FAULTY, TEXT, PLACES, TWO, CONSTANT, EMPTY = "faulty", "text", "row numbers", "two values", "constant", "empty"
CANDIDATES = (NUMBERS, POSITIVE, ZEROS, SHARES, WHOLE, COUNTS, FAULTY)
MOSTLY = 0.5  # share of numbers from which the other cells of a column are faults and not text
# Whole numbers are taken for counts only where some are small: 43 to 96 minutes are measurements without decimals. A
# mixture of counts has at least the variance of a Poisson distribution, which leaves room for chance.
SMALL, TYPICAL, LEAST_DISPERSION = 10, 100, 0.7
SHORT = 50  # rows up to which 0, 1, 2, ... beside whole numbers are taken for values with their frequencies


@dataclass(frozen=True)
class Column:
    """A column of a CSV file.

    Attributes
    ----------
    name : str
    kind : str
        One of the constants of this module.
    words : str
        What it seems to hold, the end of a sentence.
    values : numpy.ndarray or None
        Its numbers, NaN where a cell is missing, shape (rows,); None unless all others are numbers.
    missing : int
        The number of missing cells.
    is_id : bool
        Whether every row has a text of its own there.
    """

    name: str
    kind: str
    words: str
    values: np.ndarray | None = None
    missing: int = 0
    is_id: bool = False


@dataclass(frozen=True)
class Look:
    """What a first look at a CSV file shows.

    Attributes
    ----------
    path : str
        The file.
    rows : int
        The number of rows below the header.
    columns : list of Column
        Those that can be named.
    remarks : list of str
        Sentences on columns that cannot be named, and on columns that seem to belong together.
    read_as : tuple of str
        How the file was read, where that is other than plain CSV.
    """

    path: str
    rows: int
    columns: list = field(default_factory=list)
    remarks: list = field(default_factory=list)
    read_as: tuple = ()

    def column(self, name: str) -> Column | None:
        """The Column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def candidates(self, without: Collection[str] = ()) -> list[str]:
        """The names of the columns that could hold the observations."""
        return [c.name for c in self.columns if c.kind in CANDIDATES and c.name not in without]

    def frequencies(self) -> tuple[str, str] | None:
        """The names of value and frequency when the numbers of the file are a table of frequencies, or None."""
        numeric = [c for c in self.columns if c.values is not None and (c.kind != PLACES or self.rows <= SHORT)]
        if len(numeric) != 2 or self.rows < 3:
            return None
        for value, often in (numeric, numeric[::-1]):
            complete = not (value.missing or often.missing)
            if complete and _are_whole(often.values) and (often.values >= 0).all() and often.values.sum() > self.rows:
                steps = np.diff(value.values)
                if (steps > 0).all() or (steps < 0).all():
                    return value.name, often.name
        return None

    def trials(self, name: str) -> list[str]:
        """The names of columns that could be the trials behind the successes of a column of counts."""
        successes = self.column(name)
        if successes is None or successes.values is None or not _are_whole(successes.values):
            return []
        return [
            c.name
            for c in self.columns
            if c is not successes and c.kind in (COUNTS, WHOLE) and _are_whole(c.values) and _covers(c, successes)
        ]

    def exposures(self, name: str) -> list[str]:
        """The names of columns that could be the exposure of a column of counts."""
        return [
            c.name
            for c in self.columns
            if c.name != name and c.values is not None and c.kind != PLACES and not (c.values <= 0).any()
        ]


def look(path: str | PathLike, worksheet: str | None = None) -> Look:
    """Look at a table.

    Parameters
    ----------
    path : path-like
    worksheet : str, optional
        The sheet of a workbook.

    Returns
    -------
    Look

    Raises
    ------
    UserError
        When the file cannot be read as a CSV file with a header.
    """
    header, cells, lines, written = csvfile.read_cells(path, worksheet)
    if not lines:
        raise UserError(f"{path}: there are no rows below the header.")
    if cells and all(not math.isnan(csvfile.number(written.pointed(name))) for name in header if name):
        raise UserError(
            f"{path}, {written.counted} 1: the header holds numbers; write a {written.counted} above them that names "
            "the columns."
        )
    columns = [_column(name, texts, lines, written) for name, texts in cells.items()]
    remarks = []
    nameless = [str(place) for place, name in enumerate(header, start=1) if not name]
    if nameless:
        remarks.append(f"No name in the header, so not usable: column {', '.join(nameless)}.")
    twice = list(dict.fromkeys(name for name in header if name and header.count(name) > 1))
    if twice:
        remarks.append(f"More than once in the header, so not usable: {', '.join(twice)}.")
    return Look(str(path), len(lines), columns, remarks, tuple(written.words()))


def _column(name, texts, lines, written):
    """What one column holds."""
    present = [text for text in texts if text.lower() not in csvfile.MISSING]
    missing = len(texts) - len(present)
    gaps = f", {missing} {'cell is' if missing == 1 else 'cells are'} missing" if missing else ""
    if not present:
        return Column(name, EMPTY, "empty", missing=missing)
    values = np.array([csvfile.number(written.pointed(text)) for text in texts])
    wrong = [(line, text) for line, text, value in zip(lines, texts, values, strict=True)
             if math.isnan(value) and text.lower() not in csvfile.MISSING]  # fmt: skip
    if wrong:
        return _with_text(name, present, wrong, gaps, missing, written.counted)
    numbers = values[~np.isnan(values)]
    kind, words = _numeric(name, numbers)
    ordered = not missing and kind in (WHOLE, COUNTS) and (np.diff(values) == 1).all() and values[0] in (0, 1)
    if ordered and len(values) > 2:
        return Column(name, PLACES, f"{plain(values[0])}, {plain(values[1])}, ... {plain(values[-1])}", values, 0, True)
    return Column(name, kind, words + gaps, values, missing)


def _with_text(name, present, wrong, gaps, missing, counted):
    """What a column holds in which some cells are no numbers."""
    if 1 - len(wrong) / len(present) >= MOSTLY:
        line, text = wrong[0]
        cells = "one cell is none" if len(wrong) == 1 else f"{len(wrong)} cells are none"
        return Column(
            name, FAULTY, f"numbers, but {cells}, first {text[:40]!r} in {counted} {line}{gaps}", missing=missing
        )
    distinct = len(set(present))
    own = distinct == len(present) and not missing
    different = "every row has its own" if own else f"{distinct} different"
    return Column(name, TEXT, f"text, {different}{gaps}", missing=missing, is_id=own)


def _numeric(name, numbers):
    """The kind of a column of numbers, and the words for it."""
    distinct = np.unique(numbers)
    least, largest = plain(distinct[0]), plain(distinct[-1])
    if len(distinct) == 1:
        return CONSTANT, f"always {least}"
    if len(distinct) == 2:
        return TWO, f"{least} and {largest} only"
    facts = notice(Observations(numbers, np.ones(len(numbers), np.int64)), [name])
    kind = kind_of(facts)
    span = f"from {least} to {largest}"
    different = f", {len(distinct)} different" if len(distinct) < len(numbers) else ""
    if kind == COUNTS:
        words = f"counts {span}, mean {facts['mean']:.3g}, variance {facts['sd'] ** 2:.3g}"
        return kind, words + (f", {facts['zeros']} zeros" if facts["zeros"] else "")
    if kind == WHOLE:
        return kind, f"whole numbers {span}{different}"
    rounded = f", rounded to {facts['step']:g}" if facts["step"] is not None else ""
    zeros = f", {facts['zeros']} zeros among them" if kind == ZEROS else ""
    return kind, f"{'numbers' if kind in (NUMBERS, SHARES) else 'positive numbers'} {span}{different}{rounded}{zeros}"


def kind_of(facts: dict) -> str:
    """What the numbers of a column seem to be.

    Parameters
    ----------
    facts : dict
        What `noticing.notice` says of the column.

    Returns
    -------
    str
        NUMBERS, POSITIVE, ZEROS (positive ones and zeros), SHARES, WHOLE or COUNTS.
    """
    if facts["whole"] and facts["minimum"] >= 0:
        small = facts["minimum"] < SMALL and facts["median"] < TYPICAL
        return COUNTS if small and facts["sd"] ** 2 >= LEAST_DISPERSION * facts["mean"] else WHOLE
    if facts["whole"]:
        return WHOLE
    if facts["minimum"] >= 0 and facts["maximum"] <= 1:
        return SHARES
    if facts["minimum"] > 0:
        return POSITIVE
    return ZEROS if facts["minimum"] == 0 else NUMBERS


def _are_whole(values):
    return values is not None and bool(np.all(np.isnan(values) | (values == np.floor(values))))


def _covers(trials, successes):
    """Whether a column is at least 1 and nowhere less than another."""
    pairs = [(t, s) for t, s in zip(trials.values, successes.values, strict=True) if not math.isnan(t + s)]
    fits = all(t >= 1 and 0 <= s <= t for t, s in pairs)
    return bool(pairs) and fits and any(s < t for t, s in pairs) and any(a != b for a, b in itertools.pairwise(pairs))
