"""Tables of other programs, as the text of a CSV file: workbooks, Parquet, Feather, data frames of R, SPSS."""

from __future__ import annotations

import csv
import datetime
import importlib
import io
import math
import numbers
import warnings
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stanmix.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection
    from os import PathLike

SAVED = "save the data as CSV in UTF-8"
SHOWN = 20  # sheets of a workbook that a sentence names
# By their first bytes. The package that reads each is imported where such a file is met: stanmix needs none of them.
PARQUET, FEATHER, WORKBOOK, R, SPSS = "a Parquet file", "a Feather file", "a workbook", "a data frame of R", "SPSS"
MAGIC = {
    b"PAR1": PARQUET,
    b"ARROW1": FEATHER,
    b"FEA1": FEATHER,
    b"$FL2": SPSS,
    b"$FL3": SPSS,
    b"X\n\0\0\0": R,
}
PACKAGE = {PARQUET: "pyarrow", FEATHER: "pyarrow", WORKBOOK: "openpyxl", R: "pyreadr", SPSS: "pyreadstat"}
# What is said of files that nothing here reads.
REFUSED = {
    b"\xd0\xcf\x11\xe0": f"an old workbook (.xls), or one with a password; save it as .xlsx without one, or {SAVED}",
    b"RDX": f"a workspace of R with objects of any kind; write the table by saveRDS() into a .rds file, or {SAVED}",
}
ZIPPED = {
    "xl/workbook.bin": f"a binary workbook (.xlsb); save it as .xlsx, or {SAVED}",
    "content.xml": f"an OpenDocument table (.ods); save it as .xlsx, or {SAVED}",
}


@dataclass(frozen=True)
class Origin:
    """Where the text of a table comes from.

    Attributes
    ----------
    words : tuple of str
        What was read, and how.
    before : int
        How many lines of the text stand before the row that its program calls the first.
    """

    words: tuple
    before: int


class Converted(io.StringIO):
    """The text of a CSV file that was made of another table, and its `Origin`."""

    def __init__(self, text, origin):
        super().__init__(text)
        self.origin = origin


def kind_of(path: str | PathLike, first: bytes) -> str | None:
    """What a file is, by its first bytes, where it is a table of another program.

    Parameters
    ----------
    path : path-like
        Its name tells a data frame of R, which may be compressed in several ways.
    first : bytes
        The first 8 of the file, after gzip.

    Returns
    -------
    str or None
        A key of `PACKAGE`; None for anything else.

    Raises
    ------
    UserError
        When it is a file of a kind that is known and cannot be read: what to do.
    """
    for begins, words in REFUSED.items():
        if first.startswith(begins):
            raise UserError(f"{path}: this is {words}.")
    if first.startswith(b"PK\x03\x04"):
        return _kind_of_zip(path)
    if str(path).lower().endswith(".rds"):
        return R
    return next((kind for begins, kind in MAGIC.items() if first.startswith(begins)), None)


def _kind_of_zip(path):
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        raise UserError(
            f"{path}: this is a workbook or another zip archive, damaged or compressed once more."
        ) from None
    if "xl/workbook.xml" in names:
        return WORKBOOK
    for name, words in ZIPPED.items():
        if name in names:
            raise UserError(f"{path}: this is {words}.")
    raise UserError(f"{path}: this is a zip archive; unpack it and name the file with the data.")


def converted(path: str | PathLike, kind: str, worksheet: str | None, labelled: Collection[str]) -> Converted:
    """A table of another program as the text that a CSV file with the same content has.

    Numbers have the digits that give them back, whole ones no point; dates are as in 2026-03-01; truth values are TRUE
    and FALSE; what is missing is empty.

    Parameters
    ----------
    path : path-like
    kind : str
        What `kind_of` returned.
    worksheet : str or None
        The name of the sheet of a workbook; not needed where a single one holds anything.
    labelled : collection of str
        The columns of an SPSS file that are text: they get the labels of their values, others the codes.

    Returns
    -------
    Converted
        A line for each row and one for the names of the columns.

    Raises
    ------
    UserError
        When it cannot be read, or the package that reads it is not installed.
    """
    if kind == WORKBOOK:
        rows, origin = _sheet(path, worksheet)
    else:
        refuse_worksheet(path, worksheet)
        frame, words = _frame(path, kind, labelled)
        rows, origin = _rows(frame), Origin(words, before=1)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        cells = [_text(value) for value in row]
        if kind == WORKBOOK and not any(cells):
            text.write("\n")  # as an empty row of a sheet is saved as CSV
        else:
            writer.writerow(cells)
    return Converted(text.getvalue(), origin)


def refuse_worksheet(path: str | PathLike, worksheet: str | None) -> None:
    """Raise a `UserError` where a sheet is named of what has none."""
    if worksheet is not None:
        raise UserError(
            f"{path}: this is no workbook, so it has no worksheet {worksheet!r}; remove the name of the worksheet."
        )


def _package(path, kind):
    """The module that reads files of a kind."""
    name = PACKAGE[kind]
    try:
        return importlib.import_module(name)
    except ImportError:
        what = "a file of SPSS" if kind == SPSS else kind
        raise UserError(
            f"{path}: this is {what}, and the Python package that reads it is not installed; install it "
            f"(pip install {name}), or {SAVED}."
        ) from None


def _sheet(path, worksheet):
    """The rows of a sheet of a workbook, each a list of values, and its Origin."""
    openpyxl = _package(path, WORKBOOK)
    try:
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of parts that hold no cells
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            rows = {}
            for sheet in book.worksheets:
                if worksheet is None or sheet.title == worksheet:
                    rows[sheet.title] = _cells(sheet)
            names = [sheet.title for sheet in book.worksheets]
            filled = [name for name, found in rows.items() if found]
            name = worksheet if worksheet is not None else filled[0] if len(filled) == 1 else None
            if any(value is None for row in rows.get(name, ()) for value in row):
                _refuse_formulas(path, openpyxl.load_workbook(file, read_only=True)[name], rows[name])
    except UserError:
        raise
    except Exception as error:  # whatever the parser stumbles over
        raise UserError(f"{path}: this workbook is damaged ({type(error).__name__}: {error}); {SAVED}.") from error
    if worksheet is not None and worksheet not in names:
        raise UserError(f"{path}: there is no worksheet {worksheet!r}; the workbook has {_listed(names)}.")
    if name is None and filled:
        raise UserError(
            f"{path}: the workbook has several sheets, {_listed(filled)}; name the one with the data by `worksheet:` "
            "(in a command by --worksheet), or keep it alone in its workbook."
        )
    return rows.get(name, []), Origin((f"sheet {name!r} of a workbook",), before=0)


def _listed(names):
    return ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")


def _cells(sheet):
    """The values of a sheet without the empty rows and columns after the last ones."""
    sheet.reset_dimensions()  # what some programs write of them is wrong
    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    width = max((place for row in rows for place, value in enumerate(row, start=1) if _text(value)), default=0)
    last = max((place for place, row in enumerate(rows, start=1) if any(map(_text, row))), default=0)
    return [row[:width] + [None] * (width - len(row)) for row in rows[:last]]


def _refuse_formulas(path, sheet, rows):
    """Raise a `UserError` for a formula without the value that it had: programs that do not compute leave it out."""
    sheet.reset_dimensions()
    for number, (row, cells) in enumerate(zip(rows, sheet.iter_rows(), strict=False), start=1):
        for value, cell in zip(row, cells, strict=False):
            if value is None and cell.data_type == "f":
                raise UserError(
                    f"{path}, row {number}, cell {cell.coordinate}: the workbook holds a formula there and not its "
                    f"value; open it in a spreadsheet program and save it, or {SAVED}."
                )


def _frame(path, kind, labelled):
    """The data frame of a file, and what was read."""
    package = _package(path, kind)
    import pandas as pd  # which takes long, and CSV files do without

    try:
        if kind == PARQUET:
            return pd.read_parquet(path, engine="pyarrow"), (kind,)
        if kind == FEATHER:
            return pd.read_feather(path), (kind,)
        if kind == R:
            found = package.read_r(str(path))
            frame = found.get(None)
        else:
            frame, about = package.read_sav(str(path), apply_value_formats=False)
    except Exception as error:  # each package has errors of its own
        raise UserError(f"{path}: {package.__name__} cannot read this file ({error}); {SAVED}.") from error
    if kind == SPSS:
        return _with_labels(frame, about.variable_value_labels, labelled)
    if frame is None:
        raise UserError(f"{path}: this file of R holds no data frame; write one by saveRDS(), or {SAVED}.")
    return frame, (kind,)


def _with_labels(frame, labels, labelled):
    """The frame of an SPSS file, with labels for the codes of columns of text, and what was read."""
    of_text = [column for column in labels if column in labelled]
    for column in of_text:
        frame[column] = [labels[column].get(value, value) for value in frame[column]]
    codes = ["codes of labelled values"] if len(of_text) < len(labels) else []
    words = [f"labels of the values of {', '.join(of_text)}"] if of_text else []
    return frame, ("a data set of SPSS", *codes, *words)


def _rows(frame):
    """The names of the columns of a frame and then its rows; names of rows make a column."""
    columns = []
    if type(frame.index).__name__ != "RangeIndex":  # numbers that pandas gives by itself
        index = frame.index.to_frame(index=False)
        names = ["" if name is None else name for name in frame.index.names]
        columns = [(name, index.iloc[:, place]) for place, name in enumerate(names)]
    columns = [*columns, *((name, frame.iloc[:, place]) for place, name in enumerate(frame.columns))]
    yield [name for name, _ in columns]
    yield from zip(*(_values(series) for _, series in columns), strict=True)


def _values(series):
    """The values of a column, each with the digits of its type, None where one is missing."""
    values = list(series) if series.dtype.kind == "M" else list(series.to_numpy())
    return [None if gap else value for value, gap in zip(values, series.isna(), strict=True)]


def _text(value):
    """The text of a cell."""
    if value is None:
        return ""
    if isinstance(value, str):
        return " ".join(value.splitlines()) if "\n" in value or "\r" in value else value
    if isinstance(value, bool | np.bool_):
        return "TRUE" if value else "FALSE"
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return str(int(value)) if abs(value) < 1e15 and value == math.floor(value) else str(value)
    if isinstance(value, datetime.datetime):  # pandas' too
        return value.date().isoformat() if value.time() == datetime.time() else str(value)
    return str(value)
