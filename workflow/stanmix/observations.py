"""The observations of a data set: read strictly from CSV, collapsed to distinct rows, written to the last bit."""

import codecs
import contextlib
import csv
import difflib
import io
import itertools
import math
import os
import re
import stat
import unicodedata
from dataclasses import dataclass

import numpy as np

from stanmix.errors import UserError
from stanmix.files import whole

MISSING = {"na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "none", "missing"}
MISSING |= {"", ".", "-", "--", "\u2013", "\u2014", "?", "*"}
LARGEST = 1e150  # the squares of larger values, and their sums, are beyond double precision
COUNTABLE = 2.0**53  # whole numbers are exact in double precision up to here
SHOWN = 10  # faults named one by one; the rest are counted
CHUNK = 8192  # rows that are looked at together
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
AS_UTF8 = "save the file as CSV in UTF-8"


@dataclass(frozen=True)
class Observations:
    """The rows of a data set.

    Attributes
    ----------
    y : numpy.ndarray
        The values, shape (n,), or (n, D) when an observation has several coordinates.
    frequency : numpy.ndarray of int64
        How often each row counts, at least 1, shape (n,).
    trials, exposure : numpy.ndarray or None
        The number of trials (whole) and the exposure (above 0) of each row, shape (n,).
    known : numpy.ndarray of int or None
        The component that each row comes from where the user knows it, from 1, and 0 elsewhere, shape (n,).
    ids : numpy.ndarray of str or None
        What the user calls each row, shape (n,), as Python strings (dtype object), no two equal.
    component : numpy.ndarray of int or None
        The true component of each row, from 1, shape (n,).
    lines : numpy.ndarray of int or None
        The line of the CSV file in which each row begins, shape (n,); None when there was no such file.
    dropped : tuple of (int, str)
        Line of each row that was left out, and why.
    """

    y: np.ndarray
    frequency: np.ndarray
    trials: np.ndarray | None = None
    exposure: np.ndarray | None = None
    known: np.ndarray | None = None
    ids: np.ndarray | None = None
    component: np.ndarray | None = None
    lines: np.ndarray | None = None
    dropped: tuple = ()

    @property
    def n(self):
        """The number of observations: every row as often as it counts."""
        return int(self.frequency.sum())

    def units(self):
        """The distinct rows.

        Returns
        -------
        Units
            Rows are equal when their y, trials, exposure and known are. They are sorted, by the first column of y, so
            the order of the rows makes no difference.
        """
        y = np.asarray(self.y, float)
        parts = [part for part in (y, self.trials, self.exposure, self.known) if part is not None]
        table = np.column_stack(parts) + 0.0  # makes 0 of -0, which would depend on the order of the rows
        order = np.lexsort(table.T[::-1])
        ordered = table[order]
        begins = np.ones(len(table), bool)
        begins[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        index = np.empty(len(table), np.intp)
        index[order] = np.cumsum(begins) - 1
        distinct = ordered[begins]
        width = 1 if y.ndim == 1 else y.shape[1]
        rest = iter(distinct.T[width:])
        return Units(
            y=distinct[:, 0].copy() if y.ndim == 1 else distinct[:, :width].copy(),
            count=np.bincount(index, weights=self.frequency, minlength=len(distinct)),
            trials=None if self.trials is None else next(rest).copy(),
            exposure=None if self.exposure is None else next(rest).copy(),
            known=None if self.known is None else next(rest).astype(int),
            index=index,
        )


@dataclass(frozen=True)
class Units:
    """The distinct rows of a data set, sorted, with how often each counts.

    Attributes
    ----------
    y : numpy.ndarray
        The values, shape (units,) or (units, D).
    count : numpy.ndarray of float
        How often each unit counts, shape (units,).
    trials, exposure, known : numpy.ndarray or None
        Shape (units,).
    index : numpy.ndarray of int
        Which unit each row is, from 0, shape (n,).
    """

    y: np.ndarray
    count: np.ndarray
    trials: np.ndarray | None
    exposure: np.ndarray | None
    known: np.ndarray | None
    index: np.ndarray

    @property
    def n(self):
        """The number of observations: every unit as often as it counts."""
        return int(self.count.sum())

    def expand(self, values):
        """From one value per unit, shape (..., units), to one per row, shape (..., n)."""
        return np.asarray(values)[..., self.index]


def read_csv(
    path, columns, *, trials=None, exposure=None, weights=None, known=None, id=None, missing="error", new=False
):
    """Read observations from a CSV file with a header.

    Parameters
    ----------
    path : path-like
        The file: comma-separated, UTF-8, a header in the first line.
    columns : list of str
        The columns of y: one gives y of shape (n,), D of them shape (n, D).
    trials : str, optional
        The column of the numbers of trials: whole, at least 1; y are then the successes, whole and from 0 to trials.
    exposure : str, optional
        The column of the exposures, above 0.
    weights : str, optional
        The column that says how many times a row was observed: whole, at least 0. Rows with 0 are left out.
    known : str, optional
        The column with the number of the component of each row, from 1, where it is known; missing elsewhere.
    id : str, optional
        The column of the rows' names: any text, no two rows the same.
    missing : {"error", "drop"}
        What becomes of a row in which one of these numbers is missing.
    new : bool
        Whether these are new rows for a fit that was made: then one is enough.

    Returns
    -------
    Observations
        In the order of the file, with at least 2 distinct rows unless new; what was left out stands in `dropped`.

    Raises
    ------
    UserError
        With one sentence for each thing that is wrong: file, line, column, value, what to do.
    """
    columns = [_tidy(name) for name in columns]
    roles = [("column" if len(columns) == 1 else "columns", name) for name in columns]
    single = [("trials", trials), ("exposure", exposure), ("weights", weights)]
    roles += [(role, _tidy(name)) for role, name in single if name is not None]
    wrong = _misused(path, roles)
    if wrong:
        raise UserError(*wrong)
    with opened(path, "predict" if new else "csv") as file:
        known, id = (None if name is None else _tidy(name) for name in (known, id))
        table = _Table(path, [name for _, name in roles], {"id": id, "known": known}, missing == "drop", new)
        table.read(csv.reader(file, strict=True))
    return _observations(table, columns, dict(roles[len(columns) :]))


def read_cells(path):
    """All cells of a CSV file as text, read as strictly as `read_csv` reads numbers.

    Parameters
    ----------
    path : path-like
        The file: comma-separated, UTF-8, a header in the first line.

    Returns
    -------
    header : list of str
        The names of the columns, in the order of the file.
    cells : dict
        For each column whose name is there and its own, the list of its cells.
    lines : list of int
        The line of the file in which each row begins.

    Raises
    ------
    UserError
        When it is no CSV file or its rows differ in length.
    """
    with opened(path, "csv") as file:
        try:
            header = [_tidy(name) for name in next(csv.reader(file, strict=True), [])]
        except csv.Error:
            header = []  # what is wrong is said below, with its line
    names = [name for name in header if name and header.count(name) == 1]
    with opened(path, "csv") as file:
        table = _Table(path, [], {name: name for name in names}, drop=True, new=False)
        table.read(csv.reader(file, strict=True))
    table.raise_faults()
    return header, table.texts, table.lines.tolist()


def _tidy(name):
    return unicodedata.normalize("NFC", name.strip())


def _misused(path, roles):
    found, seen = [], {}
    for role, name in roles:
        if name in seen:
            twice = f"twice in {role}" if seen[name] == role else f"as {seen[name]} and as {role}"
            found.append(f"{path}: '{name}' is named {twice}; each needs a column of its own.")
        seen.setdefault(name, role)
    if len(roles) > 1 and roles[0][0] == "columns":
        alone = [(role, name) for role, name in roles if role in ("trials", "exposure")]
        found += [f"{path}: {role} '{name}' goes with one column of values, not with several." for role, name in alone]
    return found


@contextlib.contextmanager
def opened(path, key):
    """The file that a key of the configuration names, opened as UTF-8 after all of it was seen to be that."""
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise UserError(f"{path}: this is not a file that can be read again; copy the data into one.")
        with open(path, "rb") as file:
            _check_encoding(path, file)
            file.seek(0)
            yield io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; check {key} in the configuration.") from None
    except IsADirectoryError:
        raise UserError(f"{path}: this is a folder, not a CSV file.") from None
    except OSError as error:
        raise UserError(f"{path}: the file cannot be read ({error.strerror}).") from None


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


class _Table:
    """The needed columns of a CSV file while it is read, and the faults that were found, each with its line."""

    def __init__(self, path, names, texts, drop, new):
        self.path, self.names, self.drop, self.new = path, names, drop, new
        self.of_texts = {role: name for role, name in texts.items() if name is not None}  # columns kept as they are
        self.numbers, self.lines, self.texts = [], [], {role: [] for role in self.of_texts}
        self.faults, self.dropped = [], []

    def read(self, reader):
        rows = self._rows(reader)
        _, header = next(rows, (1, None))
        self.raise_faults()
        if not header:
            what = "the file is empty or its first line is; it needs a header that names the columns"
            raise UserError(f"{self.path}: {what}.")
        header = [_tidy(name) for name in header]
        needed = [*self.names, *self.of_texts.values()]
        wrong = [_wrong_column(self.path, name, header) for name in needed if header.count(name) != 1]
        if wrong:
            raise UserError(*dict.fromkeys(wrong))
        self.width, self.places = len(header), [header.index(name) for name in self.names]
        rows = self._without_empty_lines(rows)
        for chunk in iter(lambda: list(itertools.islice(rows, CHUNK)), []):
            self._take(chunk, {role: header.index(name) for role, name in self.of_texts.items()})
        self.numbers = np.concatenate([np.empty((0, len(self.places))), *self.numbers])
        self.lines = np.concatenate([np.empty(0, int), *self.lines])

    def _rows(self, reader):
        """The rows, each with the line in which it begins; a fault in the quotes ends the file."""
        begins = 1
        try:
            for row in reader:
                yield begins, row
                begins = reader.line_num + 1
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
                    self.dropped += [(before, "the line is empty") for before in empty]
                else:
                    for before in empty:
                        self.fault(before, "the line is empty; remove it or fill it")
                empty.clear()
            yield line, row

    def _take(self, chunk, places_of_texts):
        lines, rows = zip(*chunk, strict=True)
        numbers = _quickly(rows, self.places, self.width)
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
            value = number_in(text)
            values.append(value)
            if math.isnan(value):
                (gaps if text.lower() in MISSING else wrong).append((name, text))
        if self.drop and gaps and not wrong:
            name, text = gaps[0]
            self.dropped.append((line, f"column '{name}': {_missing(text)}"))
            return None
        for name, text in wrong if self.drop else gaps + wrong:
            self.fault(line, _wrong_cell(text, self.new), name)
        return None if gaps or wrong else values

    def fault(self, line, what, column=None):
        where = "" if column is None else f", column '{column}'"
        self.faults.append((int(line), f"{self.path}, line {line}{where}: {what}."))

    def raise_faults(self):
        if self.faults:
            sentences = [sentence for _, sentence in sorted(self.faults, key=lambda fault: fault[0])]
            more = [f"{self.path}: and {len(sentences) - SHOWN} more such faults."] if len(sentences) > SHOWN else []
            raise UserError(*sentences[:SHOWN], *more)


def _quickly(rows, places, width):
    """The numbers of many rows, shape (rows, places), or None when one of them needs a careful look."""
    if set(map(len, rows)) != {width}:
        return None
    numbers = np.empty((len(rows), len(places)))
    for column, place in enumerate(places):
        texts = [row[place] for row in rows]
        together = "".join(texts)
        if "_" in together or not together.isascii():
            return None
        try:
            values = np.fromiter(map(float, texts), float, len(texts))
        except ValueError:
            return None
        if not np.all(np.abs(values) <= LARGEST):
            return None
        if any(map(_underflows, {texts[k] for k in np.flatnonzero(values == 0)})):
            return None
        numbers[:, column] = values
    return numbers + 0.0  # makes 0 of -0


def number_in(text):
    """The number a cell holds, or NaN."""
    if "_" in text or not text.isascii():  # Python would read 1_000 and other scripts' digits
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value + 0.0 if abs(value) <= LARGEST and not (value == 0 and _underflows(text)) else math.nan


def _underflows(text):
    """Whether the text of a cell that was read as 0 is another number."""
    return re.search("[1-9]", re.split("[eE]", text)[0]) is not None


def _wrong_column(path, column, names):
    if column in names:
        return f"{path}, line 1: the header names '{column}' {names.count(column)} times; rename all but one."
    close = difflib.get_close_matches(column, names, n=1)
    hint = f" (did you mean '{close[0]}'?)" if close else ""
    for mark, plural in SEPARATORS.items():
        apart = [part.strip(" \"'") for name in names for part in name.split(mark)]
        if column in apart or (len(names) == 1 and mark != " " and mark in names[0]):
            hint = f"; it seems to be separated by {plural}, so save it comma-separated"
            break
    shown = ", ".join(_quoted(name) for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{path}, line 1: there is no column '{column}'; the header has {shown}{more}{hint}."


def _wrong_length(row, width):
    cells = "there is 1 cell" if len(row) == 1 else f"there are {len(row)} cells"
    named = "names 1 column" if width == 1 else f"names {width} columns"
    comma = len(row) > width and all(re.fullmatch(r"[+-]?\d+", cell.strip()) for cell in row)
    hint = "; if a comma stands for a decimal point there, write a point" if comma else ""
    return f"{cells}, but the header {named}{hint}"


def _missing(text):
    return f"the value is missing ({text!r})" if text else "the cell is empty"


def _wrong_cell(text, new):
    if text.lower() in MISSING:
        return f"{_missing(text)}; fill it, or {'remove the row' if new else 'set missing: drop'}"
    shown = _quoted(text)
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text):
        return f"{shown} has a comma; write decimals with a point and thousands without a mark"
    if re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?|[+-]?\d{1,3}(\.\d{3})+,\d+", text):
        return f"{shown} has a decimal comma; write a decimal point"
    if text.lower().lstrip("+-") in ("inf", "infinity"):
        return f"{shown} is infinite; every row needs a finite number"
    if re.fullmatch(r"[+-]?\d+(_\d+)+", text):
        return f"{shown} has a separator of thousands; write the digits alone"
    try:
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if math.isnan(number):
        return f"{shown} is not a number"
    if number == 0:
        return f"{shown} is too close to 0 for double precision; use a larger unit of the scale"
    return f"{shown} is beyond what can be computed with ({LARGEST:g}); rescale the column"


def _quoted(text):
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _observations(table, columns, roles):
    """The Observations of a table that was read; faults of the numbers themselves are added to those of the cells."""
    values = table.numbers[:, : len(columns)]
    others = dict(zip(roles, table.numbers.T[len(columns) :], strict=True))
    frequency = others.get("weights", np.ones(len(values)))
    for role, numbers in others.items():
        _check_role(table, role, roles[role], numbers)
    if "trials" in others:
        _check_successes(table, columns[0], roles["trials"], values[:, 0], others["trials"])
    kept = frequency != 0
    if "id" in table.texts:
        _check_ids(table, kept)
    known = _known(table)[kept] if "known" in table.texts else None
    table.raise_faults()
    if len(kept) and not kept.any():
        what = "the weight is" if len(kept) == 1 else f"all {len(kept)} weights are"
        raise UserError(f"{table.path}, column '{roles['weights']}': {what} 0; no observation is left.")
    if frequency.sum() > COUNTABLE:
        what = f"the weights add up to {frequency.sum():g}; more than {COUNTABLE:g} observations cannot be counted"
        raise UserError(f"{table.path}, column '{roles['weights']}': {what}.")
    unseen = [(int(line), f"column '{roles['weights']}': the weight is 0") for line in table.lines[~kept]]
    observations = Observations(
        y=values[kept, 0] if len(columns) == 1 else values[kept],
        frequency=frequency[kept].astype(np.int64),
        trials=others["trials"][kept] if "trials" in others else None,
        exposure=others["exposure"][kept] if "exposure" in others else None,
        known=known,
        ids=np.array(table.texts["id"], object)[kept] if "id" in table.texts else None,
        lines=table.lines[kept],
        dropped=tuple(sorted(table.dropped + unseen)),
    )
    if not table.new:
        _check_distinct(table.path, observations, columns, roles)
    elif not len(observations.y):
        raise UserError(f"{table.path}: there are no rows below the header.")
    return observations


def _check_role(table, role, name, numbers):
    whole = numbers == np.floor(numbers)
    frequency = "a weight is a frequency, how many times the row was observed: a whole number, at least 0"
    wrong, rule = {
        "trials": (~whole | (numbers < 1), "trials are a whole number, at least 1"),
        "exposure": (numbers <= 0, "an exposure is above 0"),
        "weights": (~whole | (numbers < 0), frequency),
    }[role]
    for k in np.flatnonzero(wrong):
        table.fault(table.lines[k], f"{plain(numbers[k])} is not possible; {rule}", name)


def _check_successes(table, column, name, successes, trials):
    wrong = (successes != np.floor(successes)) | (successes < 0) | (successes > trials)
    for k in np.flatnonzero(wrong):
        of = f"{plain(successes[k])} of {plain(trials[k])} trials (column '{name}') is not possible"
        table.fault(table.lines[k], f"{of}; successes are a whole number from 0 to the trials", column)


def _known(table):
    """The components that are known, 0 where they are not; faults are added to those of the cells."""
    known = np.zeros(len(table.lines), int)
    for row, text in enumerate(table.texts["known"]):
        if text.lower() in MISSING:
            continue
        value = number_in(text)
        if value >= 1 and value == np.floor(value):
            known[row] = int(value)
        else:
            what = f"{_quoted(text)} is no component; give its number from 1, or leave the cell empty"
            table.fault(table.lines[row], what, table.of_texts["known"])
    return known


def _check_ids(table, kept):
    ids = list(itertools.compress(table.texts["id"], kept))
    if len(set(ids)) == len(ids) and "" not in ids:
        return
    first = {}
    for line, name in zip(table.lines[kept].tolist(), ids, strict=True):
        if not name:
            table.fault(line, "the id is empty; name the row", table.of_texts["id"])
        elif first.setdefault(name, line) != line:
            what = f"the id {_quoted(name)} stands in line {first[name]} already; give every row an id of its own"
            table.fault(line, what, table.of_texts["id"])


def _check_distinct(path, observations, columns, roles):
    rows, left_out = len(observations.y), len(observations.dropped)
    after = f" after {left_out} {'row was' if left_out == 1 else 'rows were'} left out" if left_out else ""
    beside = [roles[role] for role in ("trials", "exposure") if role in roles]
    names = ", ".join(f"'{name}'" for name in columns + beside)
    alone = len(columns) == 1 and not beside
    things = "values" if alone else "rows"
    where = f"{path}, column{'' if alone else 's'} {names}"
    if rows < 2:
        there = f"there is 1 {things[:-1]}" if rows else f"there are 0 {things}"
        raise UserError(f"{where}: {there}{after}; a mixture needs at least 2 distinct {things}.")
    parts = (observations.y, observations.trials, observations.exposure)
    table = np.column_stack([part for part in parts if part is not None])
    constant = (table == table[0]).all(axis=0)
    if constant.all():
        raise UserError(f"{where}: all {rows} {things} are equal{after}; a mixture needs at least 2 distinct {things}.")
    if len(columns) > 1 and constant.any():
        raise UserError(
            *[
                f"{path}, column '{name}': all {rows} values are equal{after}; leave the column out."
                for name, same in zip(columns, constant, strict=True)
                if same
            ]
        )


def plain(value):
    """A number as people write it: 3 for 3.0, all digits that count otherwise."""
    return str(int(value)) if value == math.floor(value) and abs(value) < 1e15 else repr(float(value))


def write(observations, path):
    """Write observations as CSV: obs_id (from 1), id, y (or y_1, y_2, ...), trials, exposure, known, weight and so on.

    Parameters
    ----------
    observations : Observations
        Columns it does not have are left out, and weight when all rows count once.
    path : path-like
        The file to write, whole or not at all.
    """
    y = np.asarray(observations.y, float)
    columns = {"obs_id": range(1, len(y) + 1)}
    if observations.ids is not None:
        columns["id"] = observations.ids.tolist()
    columns |= {"y": y.tolist()} if y.ndim == 1 else {f"y_{d + 1}": y[:, d].tolist() for d in range(y.shape[1])}
    for name in ("trials", "exposure"):
        if getattr(observations, name) is not None:
            columns[name] = np.asarray(getattr(observations, name), float).tolist()
    if observations.known is not None:
        columns["known"] = observations.known.tolist()
    if np.any(observations.frequency != 1):
        columns["weight"] = observations.frequency.tolist()
    if observations.component is not None:
        columns["true_component"] = observations.component.tolist()
    returns = "id" in columns and any("\r" in name for name in columns["id"])  # which csv leaves without quotes
    quoting = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    with whole(path) as beside, open(beside, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(columns)
        csv.writer(file, lineterminator="\n", quoting=quoting).writerows(zip(*columns.values(), strict=True))


def read(path):
    """Read what `write` wrote, to the last bit.

    Parameters
    ----------
    path : path-like
        An observations.csv.

    Returns
    -------
    Observations
        Without the lines of the user's file and without what was left out of it.
    """
    with open(path, encoding="utf-8", newline="") as file:
        rows = csv.reader(file, strict=True)
        cells = {name: [] for name in next(rows)}
        for chunk in iter(lambda: list(itertools.islice(rows, CHUNK)), []):
            for name, texts in zip(cells, zip(*chunk, strict=True), strict=True):
                cells[name].append(texts if name == "id" else np.fromiter(map(float, texts), float, len(texts)))
    ids = cells.pop("id", None)
    columns = {name: np.concatenate([np.empty(0), *parts]) for name, parts in cells.items()}
    several = [name for name in columns if name.startswith("y_")]
    component, n = columns.get("true_component"), len(columns["obs_id"])
    return Observations(
        y=np.column_stack([columns[name] for name in several]) if several else columns["y"],
        frequency=columns.get("weight", np.ones(n)).astype(np.int64),
        trials=columns.get("trials"),
        exposure=columns.get("exposure"),
        known=columns["known"].astype(int) if "known" in columns else None,
        ids=None if ids is None else np.array(list(itertools.chain(*ids)), object),
        component=None if component is None else component.astype(int),
    )
