"""The observations of a data set: read strictly from CSV, collapsed to distinct rows, written to the last bit."""

from __future__ import annotations

import csv
import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from stanmix.base.errors import UserError
from stanmix.base.files import whole
from stanmix.base.text import COUNTABLE, LARGEST_COUNT, NUMBER, SMALLEST, hidden, plain, shielded, tidy, unshielded
from stanmix.data import csvfile

if TYPE_CHECKING:
    from os import PathLike

MOST_COMPONENTS = 100  # as the schema says of components
SHOWN_GROUPS = 5  # names of groups that a sentence lists
NEARLY_WHOLE = 0.02  # how far from 1 or 100 rounded shares may add up


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
    group : numpy.ndarray of str or None
        The name of the group of each row, shape (n,), as Python strings (dtype object). Its rows need not be adjacent;
        their frequency is how often the whole group was observed, and what is known of one is known of all.
    component : numpy.ndarray of int or None
        The true component of each row, from 1, shape (n,).
    lines : numpy.ndarray of int or None
        The line of the file in which each row begins, or the row of a sheet or data frame (`counted`), shape (n,); None
        when there was no such file.
    counted : {"line", "row"}
        What `lines` counts.
    dropped : tuple of (int, str)
        Line of each row that was left out, and why.
    understood : tuple of str
        How the file was read, where that is other than plain CSV.
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
    understood: tuple = ()
    group: np.ndarray | None = None
    counted: str = "line"

    unit = None  # of each row as it stands: `units` puts rows of a group together

    @property
    def n(self) -> int:
        """The number of observations: every row as often as it counts."""
        return int(self.frequency.sum())

    def place(self, row: int) -> str | None:
        """Where a row stands in the file, as sentences say it ("line 7"); None when there was no file."""
        return None if self.lines is None else f"{self.counted} {self.lines[row]}"

    @cached_property
    def groups(self) -> tuple[np.ndarray, np.ndarray]:
        """The names of the groups in the order in which they appear, and the place of each row's group among them."""
        names, first, place = np.unique(self.group.astype(str), return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty(len(order), int)
        rank[order] = np.arange(len(order))
        return names[order].astype(object), rank[place]

    def units(self, by_group: bool = False) -> Units:
        """What is distinct among what has one membership.

        Parameters
        ----------
        by_group : bool
            Whether all rows of a group have one membership.

        Returns
        -------
        Units
            Rows are equal when their y, trials, exposure and known are. They are sorted, by the first column of y, so
            the order of the rows makes no difference. Groups are equal when their rows are.
        """
        table = self._table()
        if by_group:
            return self._grouped(table)
        y = np.asarray(self.y, float)
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
            place=index,
        )

    def _table(self):
        """What rows are told apart by, shape (n, columns)."""
        parts = [
            part for part in (np.asarray(self.y, float), self.trials, self.exposure, self.known) if part is not None
        ]
        return np.column_stack(parts) + 0.0  # makes 0 of -0, which would depend on the order of the rows

    def _grouped(self, table):
        """The distinct groups: of the rows of equal ones those of the first, in the order of the table."""
        _, place = self.groups
        order = np.lexsort((*table.T[::-1], place))
        begins = np.flatnonzero(np.diff(place[order], prepend=-1))
        rows = np.split(order, begins[1:])
        content = [tuple(table[each].ravel().tolist()) for each in rows]
        found = sorted(dict.fromkeys(content))
        number = {each: u for u, each in enumerate(found)}
        of_group = np.array([number[each] for each in content])
        first = {u: each for each, u in zip(reversed(rows), reversed(of_group.tolist()), strict=True)}
        chosen = [first[u] for u in range(len(found))]
        kept = np.concatenate(chosen)
        count = np.bincount(of_group, weights=self.frequency[[each[0] for each in rows]], minlength=len(found))
        one = np.array([each[0] for each in chosen])
        starts = np.cumsum([0, *map(len, chosen)])
        row_place = np.empty(len(order), int)
        row_place[np.concatenate(rows)] = np.concatenate(
            [starts[u] + np.arange(len(each)) for u, each in zip(of_group, rows, strict=True)]
        )
        return Units(
            y=np.asarray(self.y, float)[kept] + 0.0,
            count=count,
            trials=None if self.trials is None else self.trials[kept],
            exposure=None if self.exposure is None else self.exposure[kept],
            known=None if self.known is None else self.known[one],
            index=of_group[place],
            place=row_place,
            unit=np.repeat(np.arange(len(found)), [len(each) for each in chosen]),
        )


@dataclass(frozen=True)
class Units:
    """The distinct rows, or groups of rows, of a data set, sorted, with how often each counts.

    Attributes
    ----------
    y : numpy.ndarray
        The values, shape (rows,) or (rows, D): one row for each unit, or those of one group after the other.
    count : numpy.ndarray of float
        How often each unit counts, shape (units,).
    trials, exposure : numpy.ndarray or None
        Shape (rows,).
    known : numpy.ndarray of int or None
        Shape (units,).
    index : numpy.ndarray of int
        Which unit each row of the data set belongs to, from 0, shape (n,).
    unit : numpy.ndarray of int or None
        The unit of each value, from 0, increasing, shape (rows,); None where each row is one.
    place : numpy.ndarray of int
        Which of the values each row of the data set is, from 0, shape (n,).
    """

    y: np.ndarray
    count: np.ndarray
    trials: np.ndarray | None
    exposure: np.ndarray | None
    known: np.ndarray | None
    index: np.ndarray
    place: np.ndarray
    unit: np.ndarray | None = None

    @property
    def n(self) -> int:
        """How many units were observed: every one as often as it counts."""
        return int(self.count.sum())

    @property
    def sizes(self) -> np.ndarray:
        """How many rows each group has, shape (units,); None where each row is a unit."""
        return None if self.unit is None else np.bincount(self.unit, minlength=len(self.count))

    def chosen(self, kept: np.ndarray) -> Units:
        """Some of the units, each once (Units); places of units in increasing order are given."""
        of_rows = np.array(kept) if self.unit is None else np.flatnonzero(np.isin(self.unit, kept))
        taken = {
            name: None if values is None else values[of_rows]
            for name, values in (("y", self.y), ("trials", self.trials), ("exposure", self.exposure))
        }
        return Units(
            **taken,
            count=np.ones(len(kept)),
            known=None if self.known is None else self.known[kept],
            index=np.arange(len(kept)),
            place=np.arange(len(of_rows)),
            unit=None if self.unit is None else np.searchsorted(kept, self.unit[of_rows]),
        )

    def expand(self, values: np.ndarray) -> np.ndarray:
        """From one value per unit, shape (..., units), to one per row, shape (..., n)."""
        return np.asarray(values)[..., self.index]


def read_csv(
    path: str | PathLike,
    columns: list[str],
    *,
    trials: str | None = None,
    exposure: str | None = None,
    weights: str | None = None,
    known: str | None = None,
    groups: dict | None = None,
    id: str | None = None,
    group: str | None = None,
    missing: str = "error",
    header: bool = True,
    worksheet: str | None = None,
    new: bool = False,
) -> Observations:
    """Read observations from a table: a CSV file in any dialect (`dialect.Dialect`), or what `formats` knows.

    Parameters
    ----------
    path : path-like
        The file: text in UTF-8, perhaps compressed by gzip; a workbook, Parquet, Feather, .rds or .sav.
    columns : list of str
        The columns of y: one gives y of shape (n,), D of them shape (n, D).
    trials : str, optional
        The column of the numbers of trials: whole, at least 1; y are then the successes, whole and from 0 to trials.
    exposure : str, optional
        The column of the exposures, above 0.
    weights : str, optional
        The column that says how many times a row was observed: whole, at least 0. Rows with 0 are left out.
    known : str, optional
        The column with the number of the component of each row, from 1, where it is known, or its name; missing
        elsewhere.
    groups : dict, optional
        The number of the component that each name in the column `known` stands for.
    id : str, optional
        The column of the rows' names: any text, no two rows the same.
    group : str, optional
        The column that names the group of each row: any text, never missing. Weights and what is known are the same for
        all rows of a group.
    missing : {"error", "drop"}
        What becomes of a row in which one of these numbers is missing.
    header : bool
        Whether the first line names the columns; otherwise they are called 1, 2, ... by their position.
    worksheet : str, optional
        The sheet of a workbook; not needed where a single one holds anything.
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
    columns = [tidy(name) for name in columns]
    roles = [("column" if len(columns) == 1 else "columns", name) for name in columns]
    single = [("trials", trials), ("exposure", exposure), ("weights", weights)]
    roles += [(role, tidy(name)) for role, name in single if name is not None]
    texts = {"known": known, "group": group, "id": id}
    texts = {role: None if name is None else tidy(name) for role, name in texts.items()}
    wrong = _misused(path, roles, texts)
    if wrong:
        raise UserError(*wrong)
    labelled = {name for role, name in texts.items() if role != "known" or groups}
    with csvfile.opened(path, "predict" if new else "csv", worksheet, labelled) as file:
        table = csvfile.Table(path, [name for _, name in roles], texts, missing == "drop", new)
        table.read(file, header)
    return _observations(table, columns, dict(roles[len(columns) :]), groups or {})


def _misused(path, roles, texts):
    """What is wrong with columns that are named twice: names of rows alone may be any numbers."""
    found, seen = [], {}
    named = [(role, name) for role, name in texts.items() if name is not None]
    for role, name in [*roles, *named]:
        if name in seen and (role != "id" or seen[name] in texts):
            twice = f"twice in {role}" if seen[name] == role else f"as {seen[name]} and as {role}"
            found.append(f"{path}: '{name}' is named {twice}; each needs a column of its own.")
        seen.setdefault(name, role)
    if len(roles) > 1 and roles[0][0] == "columns":
        alone = [(role, name) for role, name in roles if role in ("trials", "exposure")]
        found += [f"{path}: {role} '{name}' goes with one column of values, not with several." for role, name in alone]
    return found


def _observations(table, columns, roles, groups):
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
    known = _known(table, groups) if "known" in table.texts else None
    if "group" in table.texts:
        _check_groups(table, {"weights": frequency} if "weights" in others else {}, known, roles)
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
        known=None if known is None else known[kept],
        ids=np.array(table.texts["id"], object)[kept] if "id" in table.texts else None,
        group=np.array(table.texts["group"], object)[kept] if "group" in table.texts else None,
        lines=table.lines[kept],
        dropped=tuple(sorted(table.dropped + unseen)),
        understood=tuple(table.dialect.words()),
        counted=table.dialect.counted,
    )
    if not table.new:
        _check_distinct(table.path, observations, columns, roles)
    elif not len(observations.y):
        raise UserError(f"{table.path}: there are no rows below the header.")
    return observations


def _check_role(table, role, name, numbers):
    whole = numbers == np.floor(numbers)
    if role == "weights" and not whole.all() and (shares := _shares(numbers)):
        table.fault(table.lines[np.argmin(whole)], shares, name)
        return
    frequency = "a weight is a frequency, how many times the row was observed: a whole number, at least 0"
    wrong, rule = {
        "trials": (
            ~whole | (numbers < 1) | (numbers > LARGEST_COUNT),
            f"trials are a whole number from 1 to {LARGEST_COUNT}, beyond which CmdStan cannot count",
        ),
        "exposure": (numbers < SMALLEST, f"an exposure is above 0 (at least {SMALLEST:g})"),
        "weights": (~whole | (numbers < 0), frequency),
    }[role]
    for k in np.flatnonzero(wrong):
        table.fault(table.lines[k], f"{plain(numbers[k])} is not possible; {rule}", name)


def _shares(weights):
    """Why weights are shares or percentages and no frequencies, as a fault; None where they are not."""
    total = math.fsum(weights)
    unit = next((unit for unit in (1, 100) if abs(total - unit) <= NEARLY_WHOLE * unit), None)
    if unit is None or weights.min() < 0:
        return None
    kind, share = ("shares", "share") if unit == 1 else ("percentages", "percentage")
    first = float(weights[np.argmax(weights != np.floor(weights))])
    return (
        f"{plain(first)} is no number of observations: the weights are {kind} (they add to {total:.4g}), which do not "
        f"say how many observations there are; multiply each {share} by the number of all observations"
        f"{' / 100' if unit == 100 else ''} and round, as {plain(first)} of 200 is {round(first * 200 / unit)}"
    )


def _check_successes(table, column, name, successes, trials):
    wrong = (successes != np.floor(successes)) | (successes < 0) | (successes > trials)
    for k in np.flatnonzero(wrong):
        of = f"{plain(successes[k])} of {plain(trials[k])} trials (column '{name}') is not possible"
        table.fault(table.lines[k], f"{of}; successes are a whole number from 0 to the trials", column)


def _known(table, groups):
    """The components that are known, 0 where they are not; faults are added to those of the cells."""
    known = np.zeros(len(table.lines), int)
    words = {}
    for row, text in enumerate(map(tidy, table.texts["known"])):
        if text in groups:
            known[row] = groups[text]
            continue
        if text.lower() in csvfile.MISSING:
            continue
        value = csvfile.number(table.dialect.pointed(text))
        if 1 <= value <= MOST_COMPONENTS and value == np.floor(value):
            known[row] = int(value)
        elif not NUMBER.fullmatch(table.dialect.pointed(text)) and not groups:
            words.setdefault(text, []).append(table.lines[row])
        else:
            named = f"its name in the analysis ({', '.join(groups)})" if groups else ""
            ways = " or ".join(filter(None, [named, f"its number from 1 to {MOST_COMPONENTS}"]))
            what = f"{csvfile.quoted(text)} is no component; give {ways}, or leave the cell empty"
            table.fault(table.lines[row], what, table.of_texts["known"])
    if words:  # one sentence for all of them
        shown = ", ".join(list(words)[:SHOWN_GROUPS]) + (", ..." if len(words) > SHOWN_GROUPS else "")
        what = (
            f"{csvfile.quoted(next(iter(words)))} names a group, and which component that is has to be said: add "
            f"`names: [{shown}]` to the analysis, in the order of the components (lowest first), or give the number of "
            "the component"
        )
        for line in sorted(itertools.chain(*words.values())):
            table.fault(line, what, table.of_texts["known"])
    return known


def _check_ids(table, kept):
    counted = table.dialect.counted
    ids = list(itertools.compress(table.texts["id"], kept))
    if len(set(ids)) == len(ids) and "" not in ids and not hidden("".join(ids)):
        return
    first = {}
    for line, name in zip(table.lines[kept].tolist(), ids, strict=True):
        if not name:
            table.fault(line, "the id is empty; name the row", table.of_texts["id"])
        elif unseen := hidden(name):
            what = f"the id {csvfile.quoted(name)} holds the character {unseen}, which cannot be seen; remove it"
            table.fault(line, what, table.of_texts["id"])
        elif first.setdefault(name, line) != line:
            what = f"the id {csvfile.quoted(name)} stands in {counted} {first[name]} already"
            what += "; give every row an id of its own"
            table.fault(line, what, table.of_texts["id"])


def _check_groups(table, weights, known, roles):
    """Add faults of names of groups, and of what should be the same for all rows of a group, to those of the cells."""
    first = {}
    told = [(role, roles[role], values) for role, values in weights.items()]
    told += [] if known is None else [("known", table.of_texts["known"], known)]
    of_known = table.texts.get("known")
    for row, (line, name) in enumerate(zip(table.lines.tolist(), table.texts["group"], strict=True)):
        if name.lower() in csvfile.MISSING:
            gap = f"is missing ({name!r})" if name else "is empty"
            table.fault(line, f"the group {gap}; name the group of the row", table.of_texts["group"])
            continue
        if unseen := hidden(name):
            what = f"the group {csvfile.quoted(name)} holds the character {unseen}, which cannot be seen; remove it"
            table.fault(line, what, table.of_texts["group"])
        begin = first.setdefault(name, row)
        for role, column, values in told:
            if values[row] != values[begin]:
                here, there = (
                    csvfile.quoted(of_known[k]) if role == "known" else plain(values[k]) for k in (row, begin)
                )
                rule = "all rows of a group have one component" if role == "known" else "weights count whole groups"
                place = f"{table.dialect.counted} {table.lines[begin]}"
                what = (
                    f"{here} differs from {there} in {place}, which belongs to the group "
                    f"{csvfile.quoted(name)} too; {rule}, so say the same for all of them"
                )
                table.fault(line, what, column)


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


def write(observations: Observations, path: str | PathLike) -> None:
    """Write observations as CSV: obs_id (from 1), id, group, y (or y_1, y_2, ...), trials, exposure, known and so on.

    Names that a spreadsheet would compute stand behind an apostrophe.

    Parameters
    ----------
    observations : Observations
        Columns it does not have are left out, and weight when all rows count once.
    path : path-like
        The file to write, whole or not at all.
    """
    y = np.asarray(observations.y, float)
    columns = {"obs_id": range(1, len(y) + 1)}
    for name, texts in (("id", observations.ids), ("group", observations.group)):
        if texts is not None:
            columns[name] = list(map(shielded, texts))
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
    texts = itertools.chain(columns.get("id", ()), columns.get("group", ()))
    returns = any("\r" in name for name in texts)  # which csv leaves without quotes
    quoting = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    with whole(path) as beside, open(beside, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(columns)
        csv.writer(file, lineterminator="\n", quoting=quoting).writerows(zip(*columns.values(), strict=True))


def read(path: str | PathLike) -> Observations:
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
        for chunk in iter(lambda: list(itertools.islice(rows, csvfile.CHUNK)), []):
            for name, texts in zip(cells, zip(*chunk, strict=True), strict=True):
                is_text = name in ("id", "group")
                cells[name].append(texts if is_text else np.fromiter(map(float, texts), float, len(texts)))
    ids, group = cells.pop("id", None), cells.pop("group", None)
    columns = {name: np.concatenate([np.empty(0), *parts]) for name, parts in cells.items()}
    several = [name for name in columns if name.startswith("y_")]
    component, n = columns.get("true_component"), len(columns["obs_id"])
    return Observations(
        y=np.column_stack([columns[name] for name in several]) if several else columns["y"],
        frequency=columns.get("weight", np.ones(n)).astype(np.int64),
        trials=columns.get("trials"),
        exposure=columns.get("exposure"),
        known=columns["known"].astype(int) if "known" in columns else None,
        ids=None if ids is None else np.array(list(map(unshielded, itertools.chain(*ids))), object),
        group=None if group is None else np.array(list(map(unshielded, itertools.chain(*group))), object),
        component=None if component is None else component.astype(int),
    )
