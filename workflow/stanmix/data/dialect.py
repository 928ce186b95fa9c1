"""How a table of text is written: what stands between its cells, its decimal mark, its header, names of its rows."""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stanmix.base.text import tidy
from stanmix.data.formats import Converted, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
HEAD = 1 << 20  # letters of a file that are looked at
LOOKED_AT = 20  # rows of them
DECIMAL = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    Attributes
    ----------
    separator : str
        What stands between cells: a key of `SEPARATORS`.
    decimal : {".", ","}
        What begins the decimals.
    header : bool
        Whether a line names the columns; they are called 1, 2, ... otherwise.
    row_names : bool
        Whether each row begins with a name that the header has no column for, as R writes tables.
    announced : bool
        Whether the first line says what separates cells (``sep=;``), as spreadsheets write and read it.
    origin : Origin or None
        The table of another program of which the text was made.
    """

    separator: str = ","
    decimal: str = "."
    header: bool = True
    row_names: bool = False
    announced: bool = False
    origin: Origin | None = None

    @property
    def counted(self) -> str:
        """What a place in the file is counted by: its lines, or the rows that another program shows."""
        return "line" if self.origin is None else "row"

    @property
    def before(self) -> int:
        """How many lines stand before the one that is counted as the first."""
        return 0 if self.origin is None else self.origin.before

    def reader(self, file: TextIO) -> Iterator[list[str]]:
        """A `csv.reader` of a file in this dialect."""
        return csv.reader(file, strict=True, delimiter=self.separator, skipinitialspace=self.separator == " ")

    def pointed(self, text: str) -> str:
        """The text of a number with a point before its decimals; text with a point becomes no number."""
        if self.decimal == ".":
            return text
        return text.replace(",", ".") if DECIMAL.fullmatch(text) else text.replace(".", ",")

    def words(self) -> list[str]:
        """What is other than in a plain CSV file (list of str)."""
        return [
            *(() if self.origin is None else self.origin.words),
            *([f"separated by {SEPARATORS[self.separator]}"] if self.separator != "," else []),
            *(["decimal comma"] if self.decimal == "," else []),
            *([] if self.header else ["columns by their position, without a header"]),
            *(["names of rows before the first column of the header"] if self.row_names else []),
        ]


def of_file(file: TextIO, names: dict[str, bool], header: bool) -> Dialect:
    """The dialect in which a file is written, as far as it has the needed columns.

    Parameters
    ----------
    file : text file
        At its beginning, where it is put back.
    names : dict
        For each needed column whether it holds numbers.
    header : bool
        Whether the file names its columns.

    Returns
    -------
    Dialect
        A plain one where none fits better.
    """
    if isinstance(file, Converted):
        return Dialect(header=header, origin=file.origin)
    head = file.read(HEAD)
    file.seek(0)
    first, _, rest = head.partition("\n")
    announced = re.fullmatch(r"[\"']?sep=(.)[\"']?\r?", first)
    if announced and announced[1] in SEPARATORS:
        separators, head = [announced[1]], rest
    else:
        separators, announced = list(SEPARATORS), None
    looked_at = {separator: _rows(head, separator) for separator in separators}
    choose = _by_names if header else _by_widths
    separator = choose(looked_at, names)
    rows = looked_at[separator]
    width = len(rows[0]) if rows else 0
    below = [row for row in rows[1:] if row]
    # All longer by one; cells that end in a separator are longer too, but by nothing.
    longer = header and all(len(row) == width + 1 for row in below) and any(row[-1].strip() for row in below)
    # Tables of R; where commas separate, a decimal comma looks the same unless the names are in quotes.
    quoted = separator != "," or head.partition("\n")[2].startswith('"')
    found = Dialect(separator, ".", header, longer and quoted and width > 0, announced is not None)
    if separator == ",":
        return found
    is_decimal = _has_decimal_commas(found.reader(file), found, names)
    file.seek(0)
    return Dialect(separator, "," if is_decimal else ".", header, found.row_names, found.announced)


def columns_of(row: list[str], dialect: Dialect) -> list[str]:
    """The names of the columns, from the first row of a table."""
    if not dialect.header:
        return [str(place) for place in range(1, len(row) + 1)]
    return [*([""] if dialect.row_names else []), *map(tidy, row)]


def _rows(head, separator):
    """The first rows of a text as a separator divides them."""
    whole = head if len(head) < HEAD else head.rpartition("\n")[0]
    reader = csv.reader(io.StringIO(whole, newline=""), delimiter=separator, skipinitialspace=separator == " ")
    try:
        return list(itertools.islice(reader, LOOKED_AT))
    except csv.Error:
        return []


def _by_names(looked_at, names):
    """The separator under which the header has most of the needed columns; of equal ones the first."""

    def fitting(separator: str) -> int:
        rows = looked_at[separator]
        header = set(map(tidy, rows[0])) if rows else set()
        widths = {len(row) - len(rows[0]) for row in rows[1:] if row}
        if separator == " " and not widths <= {0} and not widths <= {1}:
            return 0  # words of a name
        return len(header & set(names))

    best = max(looked_at, key=fitting)
    if fitting(best) or len(looked_at) == 1:
        return best
    # No needed column is there: that is said of the header as its writer sees it.
    return max((s for s in looked_at if s != " "), key=lambda s: len(looked_at[s][0]) if looked_at[s] else 0)


def _by_widths(looked_at, names):
    """The separator that divides all rows into as many cells; semicolons first, between which commas are decimals."""
    for separator in (";", "\t", "|", ",", " "):
        widths = {len(row) for row in looked_at.get(separator, ()) if row}
        if len(widths) == 1 and widths != {1}:
            return separator
    return next(iter(looked_at))


def _has_decimal_commas(reader, dialect, names):
    """Whether a comma begins decimals in any number of the needed columns: one that cannot be of thousands."""
    try:
        if dialect.announced:
            next(reader, None)
        first = next(reader, [])
        columns = columns_of(first, dialect)
        places = [columns.index(name) for name, is_number in names.items() if is_number and name in columns]
        for row in reader if dialect.header else itertools.chain([first], reader):
            for place in places:
                text = row[place].strip() if place < len(row) else ""
                if "," in text and DECIMAL.fullmatch(text) and not THOUSANDS.fullmatch(text):
                    return True
    except csv.Error:
        return False  # reading it strictly says what is wrong
    return False
