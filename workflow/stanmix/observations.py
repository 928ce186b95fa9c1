"""The observations of a data set: read from a CSV column, and what is noticed about them."""

import csv
import difflib
import math
from pathlib import Path

import numpy as np

from stanmix.errors import UserError
from stanmix.files import whole, write_json

MISSING = {"", "na", "n/a", "nan", "null", "none", "missing", ".", "-", "?"}
LARGEST = 1e150  # the squares of larger values, and their sums, are beyond double precision
SHOWN = 10  # bad cells named one by one; the rest are counted


def read_column(path, column):
    """Read one column of numbers from a CSV file with a header.

    Parameters
    ----------
    path : path-like
        The file: comma-separated, UTF-8, a header in the first line.
    column : str
        The column's name in the header.

    Returns
    -------
    numpy.ndarray
        The values in the order of the file, shape (n,), n >= 2, not all equal.

    Raises
    ------
    UserError
        With one sentence for each thing that is wrong: file, line, column, value, what to do.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            return _read_rows(csv.reader(file, strict=True), path, column)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; check csv in the configuration.") from None
    except IsADirectoryError:
        raise UserError(f"{path}: this is a folder, not a CSV file.") from None
    except OSError as error:
        raise UserError(f"{path}: the file cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: this is not text in UTF-8; save the file as CSV in UTF-8.") from None


def _lines(rows, path):
    """The rows of a CSV reader; a fault in its quotes becomes a sentence with the line where the row begins."""
    while True:
        begins = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            fault = f"this is not a CSV file ({error}); check the quotes there, or save it as comma-separated text"
            raise UserError(f"{path}, line {begins}: {fault}.") from None
        if row is None:
            return
        yield row


def _read_rows(rows, path, column):
    lines = _lines(rows, path)
    header = next(lines, None)
    if not header:
        raise UserError(f"{path}: the file is empty or its first line is; it needs a header that names the columns.")
    names = [name.strip() for name in header]
    if names.count(column) != 1:
        raise UserError(_wrong_column(path, column, names))
    place, values, problems, blank = names.index(column), [], [], []
    for row in lines:
        if not row:
            blank.append(rows.line_num)
            continue
        problems += [f"{path}, line {line}: the line is empty; remove it or fill it." for line in blank]
        blank.clear()  # empty lines at the very end are no harm
        where = f"{path}, line {rows.line_num}"
        if len(row) != len(names):
            problems.append(f"{where}: there are {len(row)} cells, but the header names {len(names)} columns.")
            continue
        text = row[place].strip()
        try:
            value = float(text.replace("_", "x"))  # Python would read 1_000 as a number
        except ValueError:
            value = math.nan
        if abs(value) <= LARGEST:  # neither infinite nor NaN
            values.append(value)
        else:
            problems.append(f"{where}, column '{column}': {_wrong_cell(text)}.")
    if problems:
        more = [f"{path}: and {len(problems) - SHOWN} more such lines."] if len(problems) > SHOWN else []
        raise UserError(*problems[:SHOWN], *more)
    if len(set(values)) < 2:
        what = (
            f"all {len(values)} values are equal"
            if len(values) > 1
            else f"there {'is 1 value' if values else 'are 0 values'}"
        )
        raise UserError(f"{path}, column '{column}': {what}; a mixture needs at least 2 distinct values.")
    return np.array(values)


def _wrong_column(path, column, names):
    if names.count(column) > 1:
        return f"{path}, line 1: the header names '{column}' {names.count(column)} times; rename all but one."
    close = difflib.get_close_matches(column, names, n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        hint = "; it seems to be separated by something else than commas, so save it comma-separated"
    return f"{path}, line 1: there is no column '{column}'; the header has {', '.join(map(repr, names))}{hint}."


def _wrong_cell(text):
    if text.lower() in MISSING:
        return f"the value is missing ({text!r})" if text else "the cell is empty; every row needs a number"
    whole_part, comma, decimals = text.partition(",")
    if comma and whole_part.lstrip("+-").isdigit() and decimals.isdigit():
        return f"{text!r} has a decimal comma; write a decimal point"
    if text.lower().lstrip("+-") in ("inf", "infinity"):
        return f"{text!r} is infinite; every row needs a finite number"
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        return f"{text!r} is not a number"
    return f"{text!r} is beyond what can be computed with ({LARGEST:g}) or not written as a plain number"


def notice(y):
    """What anybody should know about the values before a model is fitted.

    Parameters
    ----------
    y : numpy.ndarray
        The observations, shape (n,).

    Returns
    -------
    dict
        n, mean, sd (divisor n - 1), median, minimum, maximum, range, distinct, tied (observations that share their
        value with another), most_tied (observations at the commonest value), step (the rounding step, or
        None), log (median, sd and range of the logs, or None), and `sentences` for the report.
    """
    values, copies = np.unique(y, return_counts=True)
    tied = int(copies[copies > 1].sum())
    step = _rounding_step(values) if tied else None
    sentences = []
    if step is not None:
        sentences.append(
            f"The {len(y)} values take only {len(values)} distinct ones, all multiples of {step:g}: they are rounded. "
            "A shared standard deviation is safe; one per component needs a prior that vanishes at 0."
        )
    elif tied:
        sentences.append(
            f"{tied} of the {len(y)} values are tied with another. A standard deviation per component needs a prior "
            "that vanishes at 0, or a component may collapse onto equal values."
        )
    return {
        "n": len(y),
        "mean": float(np.mean(y)),
        "sd": float(np.std(y, ddof=1)),
        "median": float(np.median(y)),
        "minimum": float(values[0]),
        "maximum": float(values[-1]),
        "range": float(values[-1] - values[0]),
        "distinct": len(values),
        "tied": tied,
        "most_tied": int(copies.max()),
        "step": step,
        "log": _spread_of_logs(y),
        "sentences": sentences,
    }


def _spread_of_logs(y):
    """Median, sd and range of the logs of the values; None when some are not positive."""
    if np.min(y) <= 0:
        return None
    logs = np.log(y)
    return {"median": float(np.median(logs)), "sd": float(np.std(logs, ddof=1)), "range": float(np.ptp(logs))}


def _rounding_step(values):
    """The largest power of ten that divides all values, or None when it is too fine to be called rounding."""
    finest = np.min(np.diff(values))
    for exponent in range(math.ceil(math.log10(finest)), math.floor(math.log10(finest)) - 2, -1):
        step = float(f"1e{exponent}")
        multiples = values / step
        if np.all(np.abs(multiples - np.round(multiples)) < 1e-6 * np.maximum(1, np.abs(multiples) * 1e-6)):
            return step
    return None


def write(y, observations, noticed, component=None):
    """Write the observations and what was noticed about them.

    Parameters
    ----------
    y : numpy.ndarray
        The observations, shape (n,).
    observations, noticed : path-like
        The CSV (obs_id from 1, y, and true_component if known) and the JSON to write.
    component : numpy.ndarray of int, optional
        The true component of each observation, from 1.
    """
    with whole(observations) as beside:
        columns = [range(1, len(y) + 1), map(repr, y.tolist())] + ([] if component is None else [component.tolist()])
        with open(beside, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["obs_id", "y", "true_component"][: len(columns)])
            writer.writerows(zip(*columns, strict=True))
    write_json(noticed, notice(y))


def read(path):
    """Read what `write` wrote.

    Parameters
    ----------
    path : path-like
        An observations.csv.

    Returns
    -------
    y : numpy.ndarray
        The observations, shape (n,).
    component : numpy.ndarray of int or None
        The true component of each, from 1, when the file has it.
    """
    table = np.loadtxt(Path(path), delimiter=",", skiprows=1, ndmin=2)
    return table[:, 1], table[:, 2].astype(int) if table.shape[1] > 2 else None
