"""The observations of a data set: read strictly from CSV, collapsed to distinct rows, written to the last bit."""

import csv
import itertools
import math
from dataclasses import dataclass

import numpy as np

from stanmix.base.errors import UserError
from stanmix.base.files import whole
from stanmix.base.text import COUNTABLE, LARGEST_COUNT, NUMBER, SMALLEST, hidden, plain, shielded, tidy, unshielded
from stanmix.data import csvfile

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
    component : numpy.ndarray of int or None
        The true component of each row, from 1, shape (n,).
    lines : numpy.ndarray of int or None
        The line of the CSV file in which each row begins, shape (n,); None when there was no such file.
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
    path,
    columns,
    *,
    trials=None,
    exposure=None,
    weights=None,
    known=None,
    groups=None,
    id=None,
    missing="error",
    header=True,
    new=False,
):
    """Read observations from a CSV file, in whatever dialect people write it (`dialect.Dialect`).

    Parameters
    ----------
    path : path-like
        The file: text in UTF-8, perhaps compressed by gzip.
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
    missing : {"error", "drop"}
        What becomes of a row in which one of these numbers is missing.
    header : bool
        Whether the first line names the columns; otherwise they are called 1, 2, ... by their position.
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
    wrong = _misused(path, roles)
    if wrong:
        raise UserError(*wrong)
    with csvfile.opened(path, "predict" if new else "csv") as file:
        known, id = (None if name is None else tidy(name) for name in (known, id))
        table = csvfile.Table(path, [name for _, name in roles], {"id": id, "known": known}, missing == "drop", new)
        table.read(file, header)
    return _observations(table, columns, dict(roles[len(columns) :]), groups or {})


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
    known = _known(table, groups)[kept] if "known" in table.texts else None
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
        understood=tuple(table.dialect.words()),
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
            what = (
                f"the id {csvfile.quoted(name)} stands in line {first[name]} already; give every row an id of its own"
            )
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


def write(observations, path):
    """Write observations as CSV: obs_id (from 1), id, y (or y_1, y_2, ...), trials, exposure, known, weight and so on.

    Ids that a spreadsheet would compute stand behind an apostrophe.

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
        columns["id"] = list(map(shielded, observations.ids))
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
        for chunk in iter(lambda: list(itertools.islice(rows, csvfile.CHUNK)), []):
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
        ids=None if ids is None else np.array(list(map(unshielded, itertools.chain(*ids))), object),
        component=None if component is None else component.astype(int),
    )
