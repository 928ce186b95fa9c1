"""The needed columns of a table: read in the dialect it is written in, every fault named by line and column."""

from __future__ import annotations

import codecs
import contextlib
import csv
import difflib
import gzip
import io
import itertools
import math
import os
import re
import stat
import zlib
from typing import TYPE_CHECKING

import numpy as np

from stanmix.base.errors import UserError
from stanmix.base.text import COUNTABLE, LARGEST, tidy
from stanmix.data import dialect, formats

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from os import PathLike
    from typing import TextIO

    from stanmix.data.dialect import Dialect

MISSING = {"na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none", "missing"}
MISSING |= {"", ".", "-", "--", "\u2013", "\u2014", "?", "*"}
SHOWN = 10  # faults named one by one; the rest are counted
SHOWN_LINES = 3  # the same for lines with one and the same fault
HINTED = 100  # letters of a name up to which others like it are looked for, which takes long
CHUNK = 8192  # rows that are looked at together
WHOLE = re.compile(r"[+-]?\d+")
LIMIT = re.compile(r"[<>\u2264\u2265]=?\s*[+-]?[\d.,]")  # of detection or of the scale
DATE = re.compile(r"\d{4}-[01]\d-[0-3]\d(?![\d.])")  # a spreadsheet may have made it of 3-4
AS_UTF8 = "save the file as CSV in UTF-8"


@contextlib.contextmanager
def opened(
    path: str | PathLike, key: str, worksheet: str | None = None, labelled: Collection[str] = ()
) -> Iterator[TextIO]:
    """The file opened as UTF-8, after all of it was seen to be that; or the text of a table of another program.

    Parameters
    ----------
    path : path-like
    key : str
        The key of the configuration that names it.
    worksheet, labelled
        As for `formats.converted`.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise UserError(f"{path}: this is not a file that can be read again; copy the data into one.")
        with open(path, "rb") as raw, gzip.open(raw) if _is_gzip(raw) else raw as file:
            kind = formats.kind_of(path, file.read(8))
            file.seek(0)
            if kind is not None:
                yield formats.converted(path, kind, worksheet, labelled)
                return
            formats.refuse_worksheet(path, worksheet)
            _check_encoding(path, file)
            file.seek(0)
            yield io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; check {key} in the configuration.") from None
    except IsADirectoryError:
        raise UserError(f"{path}: this is a folder, not a CSV file.") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UserError(f"{path}: the file was compressed by gzip and is damaged or not whole.") from None
    except OSError as error:
        raise UserError(f"{path}: the file cannot be read ({error.strerror}).") from None


def _is_gzip(file):
    begins = file.read(2)
    file.seek(0)
    return begins == b"\x1f\x8b"


def _check_encoding(path, file):
    decoder, lines, wrong, head = codecs.getincrementaldecoder("utf-8")(), 1, None, True
    while True:
        block = file.read(1 << 20)
        if head and _seems_utf16(block):
            raise UserError(f"{path}: this is text in UTF-16; {AS_UTF8}.")
        if b"\0" in block:
            raise UserError(f"{path}: this is not a text file; export the data as CSV in UTF-8.")
        if wrong is None:
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                wrong = lines + error.object.count(b"\n", 0, error.start)
        if not block:
            break
        lines, head = lines + block.count(b"\n"), False
    if wrong is not None:
        raise UserError(f"{path}, line {wrong}: this is not text in UTF-8; {AS_UTF8}.")


def _seems_utf16(head):
    even, odd = head[0::2], head[1::2]
    every_other = any(a.count(0) == 0 and 2 * b.count(0) > len(b) for a, b in ((even, odd), (odd, even)) if b)
    return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or every_other


class Table:
    """The needed columns of a CSV file while it is read, and the faults that were found, each with its line."""

    def __init__(self, path, names, texts, drop, new):
        self.path, self.names, self.drop, self.new, self.dialect = path, names, drop, new, dialect.Dialect()
        self.of_texts = {role: name for role, name in texts.items() if name is not None}  # columns kept as they are
        self.numbers, self.lines, self.texts = [], [], {role: [] for role in self.of_texts}
        self.faults, self.dropped = {}, []

    def read(self, file: TextIO, header: bool = True) -> None:
        """Read the whole file, in whatever dialect it is written."""
        of_text = self.of_texts.values()
        needed = {**dict.fromkeys(of_text, False), **dict.fromkeys(self.names, True)}
        self.dialect = dialect.of_file(file, needed, header)
        if not header and self.dialect.before:
            raise UserError(f"{self.path}: the columns of this file have names; remove `header: false`.")
        rows = self._rows(self.dialect.reader(file))
        if self.dialect.announced:
            next(rows, None)
        first = next(rows, (1, None))
        self.raise_faults()
        if not first[1]:
            what = f"the file is empty or its first {self.dialect.counted} is; it needs a header that names the columns"
            raise UserError(f"{self.path}: {what}.")
        columns = dialect.columns_of(first[1], self.dialect)
        wrong = [self._wrong_column(name, columns) for name in (*self.names, *of_text) if columns.count(name) != 1]
        if wrong:
            raise UserError(*dict.fromkeys(wrong))
        self.width, self.places = len(columns), [columns.index(name) for name in self.names]
        rows = self._without_empty_lines(rows if header else itertools.chain([first], rows))
        for chunk in iter(lambda: list(itertools.islice(rows, CHUNK)), []):
            self._take(chunk, {role: columns.index(name) for role, name in self.of_texts.items()})
        self.numbers = np.concatenate([np.empty((0, len(self.places))), *self.numbers])
        self.lines = np.concatenate([np.empty(0, int), *self.lines])

    def _wrong_column(self, column, names):
        where = str(self.path) if self.dialect.before else f"{self.path}, {self.dialect.counted} 1"
        where = f"{self.path}, line 2" if self.dialect.announced else where
        if not self.dialect.header:
            return f"{where}: there is no column '{column}'; without a header they are called '1' to '{len(names)}'."
        if column in names:
            return f"{where}: the header names '{column}' {names.count(column)} times; rename all but one."
        likely = [name for name in names if len(name) <= HINTED]
        close = difflib.get_close_matches(column, likely, n=1) if len(column) <= HINTED else []
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        shown = ", ".join(quoted(name) for name in names[:SHOWN])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"{where}: there is no column '{column}'; the header has {shown}{more}{hint}."

    def _rows(self, reader):
        """The rows, each with the line in which it begins; a fault in the quotes ends the file."""
        begins = 1 - self.dialect.before
        try:
            for row in reader:
                yield begins, row
                begins = reader.line_num + 1 - self.dialect.before
        except csv.Error as error:
            fault = f"this is not a CSV file ({error}); check the quotes there, or save it as comma-separated text"
            self.fault(begins, fault)

    def _without_empty_lines(self, rows):
        empty = []  # at the very end they are no harm
        for line, row in rows:
            if not row or (len(row) == 1 and row[0] and not row[0].strip()):
                empty.append(line)
                continue
            if empty:
                if self.drop:
                    self.dropped += [(before, f"the {self.dialect.counted} is empty") for before in empty]
                else:
                    for before in empty:
                        self.fault(before, f"the {self.dialect.counted} is empty; remove it or fill it")
                empty.clear()
            yield line, row

    def _take(self, chunk, places_of_texts):
        lines, rows = zip(*chunk, strict=True)
        numbers = _quickly(rows, self.places, self.width, self.dialect.decimal)
        if numbers is None:
            numbers = [self._carefully(line, row) for line, row in chunk]
            kept = [k for k, values in enumerate(numbers) if values is not None]
            lines, rows, numbers = [lines[k] for k in kept], [rows[k] for k in kept], [numbers[k] for k in kept]
            numbers = np.array(numbers, float).reshape(len(kept), len(self.places))
        self.numbers.append(numbers)
        self.lines.append(np.array(lines, int))
        for role, place in places_of_texts.items():
            self.texts[role] += [row[place].strip() for row in rows]

    def _carefully(self, line, row):
        """The numbers of a row, or None after what is wrong was written down."""
        if len(row) != self.width:
            self.fault(line, _wrong_length(row, self.width))
            return None
        values, wrong, gaps = [], [], []
        for name, place in zip(self.names, self.places, strict=True):
            text = row[place].strip()
            value = number(self.dialect.pointed(text))
            values.append(value)
            if math.isnan(value):
                (gaps if text.lower() in MISSING else wrong).append((name, text))
        if self.drop and gaps and not wrong:
            name, text = gaps[0]
            self.dropped.append((line, f"column '{name}': {_missing(text)}"))
            return None
        for name, text in wrong if self.drop else gaps + wrong:
            self.fault(line, _wrong_cell(text, self.new, self.dialect.decimal), name)
        return None if gaps or wrong else values

    def fault(self, line: int, what: str, column: str | None = None) -> None:
        """Write down what is wrong in a line; the same in several lines becomes one sentence."""
        self.faults.setdefault((column, what), []).append(int(line))

    def raise_faults(self) -> None:
        """Raise a `UserError` when anything was wrong."""
        if not self.faults:
            return
        found = sorted((sorted(lines), column or "", what) for (column, what), lines in self.faults.items())
        sentences = []
        for (first, *others), column, what in found[:SHOWN]:
            where = f", column '{column}'" if column else ""
            place = f"{self.path}, {self.dialect.counted} {first}"
            sentences.append(f"{place}{where}: {what}{_also(others, self.dialect.counted)}.")
        rest = sum(len(lines) for lines, _, _ in found[SHOWN:])
        more = [f"{self.path}: and {rest} more such faults."] if rest else []
        raise UserError(*sentences, *more)


def read_cells(path: str | PathLike, worksheet: str | None = None) -> tuple[list[str], dict, list[int], Dialect]:
    """All cells of a table as text, read as strictly as `Table` reads numbers.

    Parameters
    ----------
    path : path-like
    worksheet : str, optional
        As for `formats.converted`.

    Returns
    -------
    header : list of str
        The names of the columns, in the order of the file.
    cells : dict
        For each column whose name is there and its own, the list of its cells.
    lines : list of int
        The line of the file in which each row begins.
    written : dialect.Dialect
        How the file is written; its `pointed` gives a number's text to `number`.

    Raises
    ------
    UserError
        When it is no CSV file or its rows differ in length.
    """
    with opened(path, "csv", worksheet) as file:
        rows = dialect.of_file(file, {}, True).reader(file)
        try:
            header = [tidy(name) for name in next(rows, [])]
        except csv.Error:
            header = []  # what is wrong is said below, with its line
        own = [name for name in header if name and header.count(name) == 1]
        file.seek(0)
        written = dialect.of_file(file, dict.fromkeys(own, True), True)
        table = Table(path, [], {name: name for name in own}, drop=True, new=False)
        file.seek(0)
        table.read(file)
    table.raise_faults()
    return header, table.texts, table.lines.tolist(), written


def _also(lines, counted):
    """Where else the same is wrong, in brackets; nothing for nowhere."""
    if not lines:
        return ""
    shown = list(map(str, lines[:SHOWN_LINES]))
    more = [f"{len(lines) - SHOWN_LINES} more"] if len(lines) > SHOWN_LINES else []
    *before, last = shown + more
    return (
        f" (also in {counted}{'s' if len(lines) > 1 else ''} {' and '.join(filter(None, [', '.join(before), last]))})"
    )


def _quickly(rows, places, width, decimal):
    """The numbers of many rows, shape (rows, places), or None when one of them needs a careful look."""
    if set(map(len, rows)) != {width}:
        return None
    numbers = np.empty((len(rows), len(places)))
    for column, place in enumerate(places):
        texts = [row[place] for row in rows]
        together = "".join(texts)
        if "_" in together or not together.isascii():
            return None
        if decimal == ",":
            if "." in together:
                return None
            texts = [text.replace(",", ".") for text in texts]
        try:
            values = np.fromiter(map(float, texts), float, len(texts))
        except ValueError:
            return None
        if not np.all(np.abs(values) < COUNTABLE):  # beyond, digits may be lost
            return None
        if any(map(_underflows, {texts[k] for k in np.flatnonzero(values == 0)})):
            return None
        numbers[:, column] = values
    return numbers + 0.0  # makes 0 of -0


def number(text: str) -> float:
    """The number a cell holds, or NaN where there is none that can be computed with."""
    if "_" in text or not text.isascii():  # Python would read 1_000 and other scripts' digits
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return math.nan
    if not abs(value) <= LARGEST or (value == 0 and _underflows(text)) or _loses_digits(text, value):
        return math.nan
    return value + 0.0


def _loses_digits(text, value):
    """Whether a cell holds a whole number that double precision does not keep."""
    return abs(value) >= COUNTABLE and WHOLE.fullmatch(text) is not None and int(text) != value


def _underflows(text):
    """Whether the text of a cell that was read as 0 is another number."""
    return re.search("[1-9]", re.split("[eE]", text)[0]) is not None


def _wrong_length(row, width):
    cells = "there is 1 cell" if len(row) == 1 else f"there are {len(row)} cells"
    named = "names 1 column" if width == 1 else f"names {width} columns"
    comma = len(row) > width and all(re.fullmatch(r"[+-]?\d+", cell.strip()) for cell in row)
    hint = "; if a comma stands for a decimal point there, write a point" if comma else ""
    return f"{cells}, but the header {named}{hint}"


def _missing(text):
    return f"the value is missing ({text!r})" if text else "the cell is empty"


def _wrong_cell(text, new, decimal):
    if text.lower() in MISSING:
        return f"{_missing(text)}; fill it, or {'remove the row' if new else 'set missing: drop'}"
    shown = quoted(text)
    if LIMIT.match(text):
        return (
            f"{shown} is a limit, beyond which the value is not known; such values cannot be fitted yet, so leave the "
            "rows out and say so, or fit what lies within the limits alone"
        )
    if decimal == "," and "." in text:
        return f"{shown} has a point, where other numbers of the file have a decimal comma; write all alike"
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text):
        return f"{shown} has a comma; write decimals with a point and thousands without a mark"
    if re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?|[+-]?\d{1,3}(\.\d{3})+,\d+", text):
        return f"{shown} has a decimal comma; write a decimal point"
    if DATE.match(text):
        return f"{shown} is a date; a number was expected"
    if text.lower().lstrip("+-") in ("inf", "infinity"):
        return f"{shown} is infinite; every row needs a finite number"
    if re.fullmatch(r"[+-]?\d+(_\d+)+", text):
        return f"{shown} has a separator of thousands; write the digits alone"
    text = text.replace(",", ".") if decimal == "," else text
    try:
        value = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if math.isnan(value):
        return f"{shown} is not a number"
    if value == 0:
        return f"{shown} is too close to 0 for double precision; use a larger unit of the scale"
    if abs(value) <= LARGEST:
        return f"{shown} has more digits than double precision keeps; take a constant away from all, or round them"
    return f"{shown} is beyond what can be computed with ({LARGEST:g}); rescale the column"


def quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
