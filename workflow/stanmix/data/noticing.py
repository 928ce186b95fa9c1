"""What anybody should know about a data set before a model is fitted to it: facts, and sentences for the report."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from stanmix.base.text import LARGEST_COUNT, plain

if TYPE_CHECKING:
    from stanmix.data.observations import Observations

SHOWN = 10  # rows named one by one; the rest are counted
SHOWN_VALUES = 3  # the same for values
FAR = 4  # standard errors beyond which a share is not chance
HEAPED = 50  # observations below which heaping is not looked for
SPAN = 20  # rounding steps from the least to the largest value below which it is not either
SAME = 1e-4  # of a column's sd: what may be left of it given others before it says nothing of its own
NEARLY = 0.015  # the same for what should be looked at; a correlation of .9999
PLANES = 1000  # through rows chosen by chance, on which others are looked for
ROWS_FOR_PLANES = 2000  # of more distinct rows so many are chosen by chance
ON_PLANE = 1e-6  # standard deviations from a plane within which a row lies on it
CROWD = 10  # observations below which far values are not looked for
FINE = 1e-3  # standard deviations: values in smaller steps are not called rounded
BESIDE = 10  # distinct values to either side that say how common a value should be
MOST_SPIKES = 3  # more of them are digits that were preferred
HIGHER = {"end": 2.5, "inside": 5.0}  # times as common as the values beside it from which a value is a spike
EDGED = 100  # observations below which sharp edges are not looked for
OUTERMOST = 0.025  # share of the observations whose density is compared with that of the others
STEEP = 0.6  # of the density elsewhere, at which an end is a sharp edge
MOST_COPIES = 1000  # of a group that are looked at for the median of the sizes
MOST_PARTS = 60  # parts of a whole of which values may be multiples


def notice(observations: Observations, names: list[str]) -> dict:
    """What is noticed about observations.

    Parameters
    ----------
    observations : Observations
        With y of shape (n,) or (n, D).
    names : list of str
        What the columns of y are called: one name, or D of them.

    Returns
    -------
    dict
        Ready for JSON, every row as often as it counts. Always understood (how the file was read, where that is other
        than plain CSV) and sentences. For one column: n, rows (as written), mean, sd (divisor n - 1),
        median, minimum, maximum, range, distinct (values), tied (observations that share their value with another),
        most_tied (observations at the commonest value), step (the rounding step, a power of ten, or None), log (median,
        sd and range of the logs; None unless all values are above 0), zeros, whole (whether all values are whole
        numbers), not_whole, negative, not_positive and uncountable (of values beyond what CmdStan can count; each None,
        or column, place and value of the first such row and the number of such rows), trials (None, or fewest, most,
        share of successes), exposure (None, or total and rate), dropped (rows left out) and
        sentences. For several: n, rows, distinct (rows), most_tied (observations at
        the commonest row), dropped, columns (by name, what is said of one column about its values alone), correlation
        (a list of D lists), relations (linear ones between columns: a list of dicts with columns, text and exact,
        whether they leave nothing to tell), aligned (distinct rows, more than chance puts there, that were found on a
        common line or plane; 0 for none) and sentences. Both have known (None, or largest) and groups (None where rows
        are in none, or number, as often as they count; distinct; fewest, median and most rows of one; ties: for each
        column how many observations in groups of nothing but equal values share these with another, as tied and
        most_tied; trials: None, or what most groups have at least and the most of a row, as typical and most).
    """
    if np.ndim(observations.y) == 1:
        facts, sentences = _one(observations, names[0])
    else:
        facts, sentences = _several(observations, names)
    facts["groups"] = _groups(observations, names)
    before = [_on_dialect(observations.understood), _on_weights(observations), _on_groups(facts["groups"])]
    after = [_on_dropped(observations.dropped, observations.counted)]
    facts["understood"] = list(observations.understood)
    return facts | {"sentences": [sentence for sentence in before + sentences + after if sentence]}


def _one(observations, name):
    column = _Column(name, observations.y, observations.frequency, observations)
    trials, exposure = _trials(observations), _exposure(observations)
    facts = {"n": column.n, "rows": len(observations.y)} | column.facts()
    facts |= {
        "known": _known(observations),
        "trials": trials,
        "exposure": exposure,
        "dropped": len(observations.dropped),
    }
    if trials:
        sentences = [column.on_sameness(facts)]
    elif exposure:
        sentences = [column.on_sameness(facts), _on_zeros(facts, observations)]
    else:
        sentences = [
            column.on_sameness(facts),
            column.on_ties(facts),
            column.on_parts(facts),
            column.on_spikes(facts),
            column.on_heaping(facts),
            column.on_edges(facts),
            column.on_outliers(facts),
            _on_zeros(facts, observations),
        ]
    return facts, sentences


def _several(observations, names):
    y = np.asarray(observations.y, float)
    units = replace(observations, known=None).units()
    count = units.count
    columns = [_Column(name, y[:, d], observations.frequency, observations) for d, name in enumerate(names)]
    facts = {name: column.facts() for name, column in zip(names, columns, strict=True)}
    correlation = _correlation(units, columns)
    sentences = [_on_tied_rows(count), _on_rounded_columns(facts)]
    for name, column in zip(names, columns, strict=True):
        own = facts[name]
        said = (
            column.on_sameness(own),
            column.on_parts(own),
            column.on_spikes(own),
            column.on_heaping(own),
            column.on_edges(own),
            column.on_outliers(own),
        )
        sentences += [f"Column '{name}': {sentence[0].lower()}{sentence[1:]}" for sentence in said if sentence]
    relations = _relations(units, columns)
    sentences += [_on_relation(relation) for relation in relations]
    tied = any(own["tied"] for own in facts.values())  # equal values are on common lines anyway
    aligned = 0 if relations or tied else _aligned(_scores(units, columns))
    sentences.append(_on_aligned(aligned, len(names)))
    whole = {"n": columns[0].n, "rows": len(y), "distinct": len(count), "most_tied": int(count.max())}
    return whole | {
        "known": _known(observations),
        "dropped": len(observations.dropped),
        "columns": facts,
        "correlation": correlation,
        "relations": relations,
        "aligned": aligned,
    }, sentences


class _Column:
    """One column as its distinct values, sorted, with the number of observations at each."""

    def __init__(self, name, y, frequency, observations=None):
        self.name = name
        self.y = np.asarray(y, float) + 0.0
        self.frequency = np.asarray(frequency)
        self.rows = observations  # where they are all of those that a file has
        self.values, index = np.unique(self.y, return_inverse=True)
        self.index = index.reshape(-1)
        self.counts = np.zeros(len(self.values), np.int64)
        np.add.at(self.counts, self.index, frequency)
        self.n = int(self.counts.sum())

    def facts(self) -> dict:
        """The part of what is noticed that is about the values alone."""
        values, counts = self.values, self.counts
        tied = int(counts[counts > 1].sum())
        mean, sd, median = _spread(values, counts)
        logs = None
        if values[0] > 0:
            _, sd_of_logs, median_of_logs = _spread(np.log(values), counts)
            across = math.log(values[-1]) - math.log(values[0])
            logs = {"median": median_of_logs, "sd": sd_of_logs, "range": across}
        return {
            "mean": mean,
            "sd": sd,
            "median": median,
            "minimum": float(values[0]),
            "maximum": float(values[-1]),
            "range": float(values[-1] - values[0]),
            "distinct": len(values),
            "tied": tied,
            "most_tied": int(counts.max()),
            "step": _rounding_step(values) if tied else None,
            "log": logs,
            "zeros": int(counts[values == 0].sum()),
            "whole": bool(np.all(values == np.floor(values))),
            "not_whole": self._first(self.y != np.floor(self.y)),
            "negative": self._first(self.y < 0),
            "not_positive": self._first(self.y <= 0),
            "uncountable": self._first(self.y > LARGEST_COUNT),
            "lowest": self._first(self.y == values[0]),
            "highest": self._first(self.y == values[-1]),
        }

    def _first(self, such):
        rows = np.flatnonzero(such)
        if not len(rows):
            return None
        first = rows[0]
        place = None if self.rows is None else self.rows.place(first)
        return {"column": self.name, "place": place, "value": float(self.y[first]), "number": len(rows)}

    def on_sameness(self, facts: dict) -> str | None:
        """A sentence on values that are all but constant."""
        most = facts["most_tied"]
        if len(self.values) > 1 and most >= 0.95 * self.n:
            commonest = plain(self.values[np.argmax(self.counts)])
            return f"{most} of the {self.n} observations are equal to {commonest}: there is hardly anything to divide."
        if facts["sd"] < 1e-8 * abs(facts["median"]):
            return (
                f"The values hardly differ: their sd is {facts['sd']:.3g} and their median {facts['median']:.10g}. "
                "Take a constant away from all of them, or they differ by little more than their last digits."
            )
        return None

    def on_ties(self, facts: dict) -> str | None:
        """A sentence on equal values and on rounding."""
        if facts["step"] is not None and facts["step"] >= FINE * facts["sd"]:
            how = "they are counts or rounded" if facts["whole"] and self.values[0] >= 0 else "they are rounded"
            return (
                f"The {self.n} values take only {len(self.values)} distinct ones, all multiples of {facts['step']:g}: "
                f"{how}. For a continuous family, a shared standard deviation is safe; one per component needs a prior "
                "that vanishes at 0."
            )
        if facts["tied"]:
            shares = ""
            if facts["minimum"] >= 0 and facts["maximum"] <= 100:
                shares = (
                    " If they are shares or percentages of known numbers, give these: successes as column, trials as "
                    "trials (family binomial or beta_binomial)."
                )
            return (
                f"{facts['tied']} of the {self.n} values are tied with another, though they are written finely: rows "
                "are repeated, or the values were computed from rounder ones (as quotients, percentages, in another "
                f"unit).{shares} For a continuous family, a standard deviation per component needs a prior that "
                "vanishes at 0, or a component may collapse onto equal values."
            )
        return None

    def on_heaping(self, facts: dict) -> str | None:
        """A sentence on one last digit, or on multiples of 2, 5 or 10 rounding steps, that is commoner than chance."""
        step, heap = facts["step"], self._spikes_and_heap(facts)[1]
        if heap is None:
            return None
        every, digit = heap
        steps = np.round(self.values / step).astype(np.int64)
        heap = int(self.counts[abs(steps) % every == digit].sum())
        what = f"are multiples of {every * step:g}" if digit == 0 else f"have {digit} as their last digit"
        return (
            f"{heap} of the {self.n} values ({_percent(heap, self.n)}) {what}, where {100 // every} % would be "
            "expected by chance: some digits were preferred, or the values were noted on another scale."
        )

    def _without(self, values):
        """The same column without some values."""
        keep = ~np.isin(self.y, values)
        return self if keep.all() else _Column(self.name, self.y[keep], self.frequency[keep])

    def _heap(self, step, across):
        """Every how many steps, and after how many, values are commoner than by chance; None where they are not."""
        if step is None or self.n < HEAPED or across / step < SPAN:
            return None
        steps = np.round(self.values / step).astype(np.int64)
        heaps = [(10, digit) for digit in range(10)]
        found = [(surplus, *heap) for heap in heaps if (surplus := self._surplus(steps, *heap))]
        best = max(found, default=None)
        for every in (5, 2):
            surplus = self._surplus(steps, every, 0)
            if surplus and (best is None or surplus > 1.2 * best[0]):
                best = (surplus, every, 0)
        return None if best is None else best[1:]

    def _spikes_and_heap(self, facts):
        """Spikes, and the heap of the other values: a spike at an end is no preferred digit, one inside may be."""
        spikes, ends, step = self._spikes(), (facts["minimum"], facts["maximum"]), facts["step"]
        heap = self._without([value for value in spikes if value in ends])._heap(step, facts["range"])
        if heap:
            every, digit = heap
            spikes = [value for value in spikes if value in ends or abs(round(value / step)) % every != digit]
        return spikes, heap

    def _spikes(self):
        """Values that are far commoner than those beside them, the lowest first (list of float)."""
        m = len(self.values)
        if m <= SPAN or self.n < HEAPED:
            return []
        found = []
        for place in np.argsort(-self.counts, kind="stable")[: MOST_SPIKES + 1]:
            beside = np.r_[self.counts[max(0, place - BESIDE) : place], self.counts[place + 1 : place + 1 + BESIDE]]
            nearest = self.counts[[other for other in (place - 1, place + 1) if 0 <= other < m]]
            expected = max(beside.mean(), nearest.max())
            times = HIGHER["end" if place in (0, m - 1) else "inside"]
            count = self.counts[place]
            if count >= max(5, 0.01 * self.n) and count > times * expected + FAR * math.sqrt(expected):
                found.append(float(self.values[place]))
        return sorted(found) if len(found) <= MOST_SPIKES else []

    def on_spikes(self, facts: dict) -> str | None:
        """Sentences on values at which many observations lie: zeros, the ends of a scale, limits of detection."""
        said, ends = [], (facts["minimum"], facts["maximum"])
        for value in self._spikes_and_heap(facts)[0]:
            if facts["whole"] and facts["minimum"] == 0 == value:
                continue  # what is said of zeros among counts says it
            count = int(self.counts[np.searchsorted(self.values, value)])
            what = f"{count} of the {self.n} values ({_percent(count, self.n)}) are exactly {plain(value)}"
            if value == 0:
                said.append(
                    f"{what}: a spike, which no continuous family has. Nothing, or less than can be detected, is a "
                    f"matter of its own: leave these rows out, report their share ({count} of {self.n}), and fit the "
                    "others."
                )
            elif value in ends:
                name, end = ("floor", "smallest") if value == ends[0] else ("cap", "largest")
                said.append(
                    f"{what}, the {end}: a {name}, such as the end of a scale or a limit of detection. A component "
                    "may collapse onto it, and what lies beyond is not known: leave these rows out, report their share "
                    f"({count} of {self.n}), and fit the others."
                )
            else:
                said.append(
                    f"{what}: a spike, such as a value that was filled in for others. A component may collapse onto "
                    "it: leave these rows out, or say why they are equal."
                )
        return " ".join(said) or None

    def on_edges(self, facts: dict) -> str | None:
        """A sentence on ends at which the values are as dense as elsewhere."""
        outermost = max(OUTERMOST, 10 / self.n)
        if self.n < EDGED or facts["range"] == 0:
            return None
        shares = np.arange(0, 1 + outermost / 2, outermost).clip(max=1)
        places = np.searchsorted(np.cumsum(self.counts), shares * self.n).clip(max=len(self.values) - 1)
        widths = np.diff(self.values[places])
        least = 5 * (facts["step"] or 0)
        dense = np.quantile(widths, 0.1)
        said = []
        for width, word, end in ((widths[0], "begin", facts["minimum"]), (widths[-1], "end", facts["maximum"])):
            if end == facts["minimum"] and 0 <= end < 0.25 * facts["median"]:
                continue  # positive values begin at 0
            if least < width and 0 < STEEP * width < dense:
                said.append(
                    f"The values {word} sharply at {end:.6g}: the outermost {_percent(outermost, 1)} lie within "
                    f"{width:.2g} of it, as close together as anywhere. No family has such an edge, and components "
                    "reach beyond it"
                    + (
                        f": take {end:.6g} away from all values, and use gamma or lognormal."
                        if word == "begin"
                        else ": if nothing larger could be recorded, what a component says of values there is wrong."
                    )
                )
        return " ".join(said) or None

    def on_parts(self, facts: dict) -> str | None:
        """A sentence on shares and percentages: values that are multiples of parts of a whole, or end at 1 or 100."""
        if self.n < CROWD or len(self.values) < 3 or facts["minimum"] < 0 or facts["whole"]:
            return None
        whole = next((whole for whole in (1.0, 100.0) if facts["maximum"] <= whole), None)
        finest = _last_digit(self.values)
        for unit in {whole or 1.0: None, 1.0: None}:
            for parts in range(3, MOST_PARTS):
                if parts * finest > FINE * unit:
                    break
                multiples = self.values * parts / unit
                near = np.abs(multiples - np.round(multiples)) <= 0.51 * parts * finest / unit + 1e-9
                if near.all() and unit * 10**6 % parts:  # what decimals can write is rounded, not a part
                    about = f"{unit:g}/{parts}"
                    return (
                        f"As far as they are written, all values are multiples of {about}: shares of {parts}, or means "
                        f"of {parts} whole numbers. Give the whole numbers instead: with trials: (family binomial or "
                        f"beta_binomial), or times {parts / unit:g} with rounding: 1."
                    )
        if whole and facts["maximum"] == whole and facts["range"] > whole / 2:
            return (
                f"The values lie between 0 and {whole:g} and reach {whole:g}: if they are shares or percentages, the "
                "components of the continuous families reach beyond. Where the numbers behind them are known, give "
                "these: successes as column, trials as trials (family binomial or beta_binomial)."
            )
        return None

    def _surplus(self, steps, every, digit):
        """How many more observations there are than by chance; 0 unless it is far more.

        The share counts against 1/every and, since a hump may stand there, against what the values one and two steps
        to either side let expect; the multiple that speaks loudest for the heap is not heard.
        """
        chosen = abs(steps) % every == digit
        share, expected = self.counts[chosen].sum() / self.n, 1 / every
        if share < 1.25 * expected or share - expected <= FAR * math.sqrt(expected * (1 - expected) / self.n):
            return 0
        inner = chosen & (steps > steps[0]) & (steps < steps[-1])
        if inner.sum() < 2:
            return 0
        here, place = self.counts[inner].astype(float), steps[inner]
        beside = self._at(steps, place - 1) + self._at(steps, place + 1)
        beyond = self._at(steps, place - 2) + self._at(steps, place + 2)
        others = np.arange(len(here)) != np.argmax(here - beside / 2)
        here, beside, beyond = (counts[others].sum() for counts in (here, beside, beyond))
        smooth = max(beside / 2, (4 * beside - beyond) / 6)  # a straight line and a cubic through the neighbours
        total = here + beside
        if here < 1.4 * smooth or here - total / 3 <= FAR * math.sqrt(total * 2 / 9):
            return 0
        return float((share - expected) * self.n)

    def _at(self, steps, wanted):
        place = np.searchsorted(steps, wanted).clip(max=len(steps) - 1)
        return np.where(steps[place] == wanted, self.counts[place], 0)

    def on_outliers(self, facts: dict) -> str | None:
        """A sentence on values far beyond all others."""
        if self.n < CROWD:
            return None
        begin, end = 0, len(self.values)
        for _ in range(3):  # what is far at one end hides what is far at the other
            end = begin + self._begin_of_tail(self.values[begin:], self.counts[begin:], facts["step"])
            begin = end - self._begin_of_tail(-self.values[:end][::-1], self.counts[:end][::-1], facts["step"])
        least, largest = self.values[begin], self.values[end - 1]
        places = [*range(begin), *range(end, len(self.values))]
        if not places:
            return None
        places.sort(key=lambda place: -max(least - self.values[place], self.values[place] - largest))
        named = ", ".join(self._name(place) for place in places[:SHOWN_VALUES])
        more = f" and {len(places) - SHOWN_VALUES} more" if len(places) > SHOWN_VALUES else ""
        lie = f"value {named} lies" if len(places) == 1 else f"values {named}{more} lie"
        return (
            f"The {lie} far from all others, which go from {plain(least)} to {plain(largest)}: look for a slip there; "
            "a far value can make a component of its own."
        )

    def _begin_of_tail(self, values, counts, step):
        """Where the outermost hundredth of the values, or the last of them, stands apart by a third of the rest."""
        tail = np.cumsum(counts[::-1])[::-1]
        gap, rest = np.diff(values, prepend=values[0]), np.append(0, values[:-1]) - values[0]
        apart = (tail <= max(1, self.n // 100)) & (gap > rest / 3) & (gap > 3 * (step or 0))
        apart[:2] = False  # a single value has no range to compare with
        return int(np.argmax(apart)) if apart.any() else len(values)

    def _name(self, place):
        value = plain(self.values[place])
        if self.rows is None or self.rows.lines is None:
            return value
        lines = self.rows.lines[self.index == place]
        shown = ", ".join(map(str, lines[:SHOWN_VALUES])) + (" and others" if len(lines) > SHOWN_VALUES else "")
        return f"{value} ({self.rows.counted}{'s' if len(lines) > 1 else ''} {shown})"


def _spread(values, counts):
    """Mean, sd and median of sorted distinct values, each as often as it counts.

    Everything is measured from a middle value and in a power of two, so neither offset nor scale costs digits.
    """
    n = int(counts.sum())
    low, high = values[np.searchsorted(np.cumsum(counts), [(n - 1) // 2, n // 2], side="right")].tolist()
    _, exponent = math.frexp(float(np.abs(values - low).max()))
    away = np.ldexp(values - low, -exponent)
    shift = math.fsum(counts * away) / n
    sd = math.sqrt(math.fsum(counts * (away - shift) ** 2) / (n - 1)) if n > 1 else 0.0
    return low + math.ldexp(shift, exponent), math.ldexp(sd, exponent), (low + high) / 2


def _rounding_step(values):
    """The largest power of ten that divides all values, or None when it is too fine to be called rounding."""
    if len(values) < 2:
        return None
    finest, largest = float(np.min(np.diff(values))), float(np.abs(values).max())
    if finest < 1e-300:
        return None
    for exponent in range(math.ceil(math.log10(finest)), math.floor(math.log10(finest)) - 2, -1):
        step = float(f"1e{exponent}")
        if largest / step > 1e12:
            return None  # the digits of double precision end before it
        multiples = values / step
        if np.all(np.abs(multiples - np.round(multiples)) <= 8 * np.finfo(float).eps * np.abs(multiples)):
            return step
    return None


def _last_digit(values):
    """The power of ten of the last digit that any value has, as far as double precision tells (float)."""
    for exponent in range(13):
        multiples = values * 10.0**exponent
        if np.all(np.abs(multiples - np.round(multiples)) <= 8 * np.finfo(float).eps * np.abs(multiples)):
            return 10.0**-exponent
    return 1e-12 * float(np.abs(values).max())


def _scores(units, columns):
    """The columns as scores of mean 0 and sd 1, shape (D, units)."""
    scores = []
    for y, column in zip(units.y.T, columns, strict=True):
        mean, sd, _ = _spread(column.values, column.counts)
        score = (y - mean) / (sd or 1.0)
        scores.append(score - (units.count * score).sum() / column.n)  # what the mean was rounded by
    return np.array(scores)


def _correlation(units, columns):
    scores = _scores(units, columns)
    product = (units.count * scores) @ scores.T
    lengths = np.sqrt(np.diag(product))
    correlation = (product / np.outer(lengths, lengths).clip(min=np.finfo(float).tiny)).clip(-1, 1)
    np.fill_diagonal(correlation, 1.0)
    return ((correlation + correlation.T) / 2).tolist()


def _relations(units, columns):
    """Linear relations between columns: what each one is given those before it that are not given by others."""
    if len(units.y) <= len(columns):
        return []  # so few rows always lie in a plane
    scores = _scores(units, columns) * np.sqrt(units.count)
    found, free = [], []
    for d, score in enumerate(scores):
        if not score.any():  # a column of equal values is nobody's business here
            continue
        before = scores[free].T
        weights = np.linalg.lstsq(before, score, rcond=None)[0] if free else np.empty(0)
        left = np.linalg.norm(score - before @ weights) / np.linalg.norm(score)
        if left < NEARLY:
            parts = {k: w for k, w in zip(free, weights, strict=True) if abs(w) > 10 * left + 1e-6}
            relation = {
                "columns": [columns[k].name for k in (*parts, d)],
                "text": _equation(columns, d, parts),
                "left": float(left),
                "exact": bool(left < SAME),
            }
            found.append(relation)
            if relation["exact"]:
                continue
        free.append(d)
    return found


def _aligned(scores):
    """The most distinct rows found on one hyperplane, 0 unless they are more than twice as many as columns."""
    rng = np.random.default_rng(0)
    rows = scores.T
    width = rows.shape[1]
    if len(rows) > ROWS_FOR_PLANES:
        rows = rows[np.sort(rng.choice(len(rows), ROWS_FOR_PLANES, replace=False))]
    if len(rows) <= 2 * width:
        return 0
    through = rows[np.array([rng.choice(len(rows), width, replace=False) for _ in range(PLANES)])]
    edges = through[:, 1:] - through[:, :1]
    normals = np.linalg.svd(edges)[2][:, -1]
    away = np.abs(normals @ rows.T - (normals * through[:, 0]).sum(axis=1)[:, None])
    most = int((away < ON_PLANE).sum(axis=1).max())
    return most if most > 2 * width else 0


def _on_aligned(aligned, width):
    if not aligned:
        return None
    where = "line" if width == 2 else "plane"
    return (
        f"{aligned} or more distinct rows lie exactly on one {where}: a component with correlations of its own can "
        f"become that {where}, which says nothing of the others. Look for a rule that made these rows."
    )


def _equation(columns, d, parts):
    """A column as a sum of others, as 'c' = 2 + 3 'a' - 1 'b'."""
    mean, sd, _ = _spread(columns[d].values, columns[d].counts)
    text = ""
    for k, weight in parts.items():
        mean_of_part, sd_of_part, _ = _spread(columns[k].values, columns[k].counts)
        slope = float(f"{weight * sd / sd_of_part:.6g}")
        mean -= slope * mean_of_part
        size = "" if abs(slope) == 1 else f"{abs(slope):g} "
        text += f" {'-' if slope < 0 else '+'} {size}'{columns[k].name}'"
    constant = f" {float(f'{mean:.6g}'):g}" if abs(mean) > 1e-6 * sd else ""
    return f"'{columns[d].name}' ={constant}{text}".replace("= + ", "= ").replace("= - ", "= -")


def _on_relation(relation):
    text, same = relation["text"], relation["exact"]
    if same:
        return f"Columns are related: {text}. One of them says nothing that the others do not say: leave it out."
    return (
        f"Columns are almost related: {text} but for {_percent(relation['left'], 1)} of its standard deviation. Leave "
        "one of them out, or take a difference in its place, unless that small rest is what matters."
    )


def _trials(observations):
    if observations.trials is None:
        return None
    trials, frequency = observations.trials, observations.frequency
    fewest = int(np.argmin(trials))
    return {
        "fewest": int(trials[fewest]),
        "most": int(trials.max()),
        "share": math.fsum(frequency * observations.y) / math.fsum(frequency * trials),
    }


def _exposure(observations):
    if observations.exposure is None:
        return None
    total = math.fsum(observations.frequency * observations.exposure)
    return {"total": total, "rate": math.fsum(observations.frequency * observations.y) / total}


def _known(observations):
    """How many observations have a known component, the largest number of one, and each one's; None where none has."""
    if observations.known is None or not observations.known.any():
        return None
    return {
        "number": int(observations.frequency[observations.known > 0].sum()),
        "largest": int(observations.known.max()),
        "each": np.bincount(observations.known, weights=observations.frequency)[1:].astype(int).tolist(),
    }


def _on_zeros(facts, observations):
    """A sentence on more zeros than a Poisson distribution has."""
    zeros, n = facts["zeros"], facts["n"]
    if not zeros or not facts["whole"] or facts["minimum"] < 0:
        return None
    if facts["exposure"]:
        expected = math.fsum(observations.frequency * np.exp(-facts["exposure"]["rate"] * observations.exposure))
        same = "rate"
    else:
        expected, same = n * math.exp(-facts["mean"]), "mean"
    if zeros < 1.5 * expected or zeros - expected <= FAR * math.sqrt(max(expected * (1 - expected / n), 1)):
        return None
    about = f"{expected:.0f}" if expected >= 10 else f"{expected:.2g}"
    return (
        f"{zeros} of the {n} observations are 0 ({_percent(zeros, n)}), where a Poisson distribution of the "
        f"same {same} gives about {about} ({_percent(expected, n)}): one Poisson component cannot describe them."
    )


def _on_tied_rows(count):
    tied, n = int(count[count > 1].sum()), int(count.sum())
    if not tied:
        return None
    return (
        f"{tied} of the {n} rows are the same as another. For a continuous family, standard deviations per component "
        "need a prior that vanishes at 0, or a component may collapse onto equal rows."
    )


def _on_rounded_columns(facts):
    steps = [f"'{name}' to multiples of {own['step']:g}" for name, own in facts.items() if own["step"] is not None]
    return f"Columns are rounded: {', '.join(steps)}." if steps else None


def _groups(observations, names):
    if observations.group is None:
        return None
    _, place = observations.groups
    frequency = np.zeros(place.max() + 1, np.int64)
    frequency[place] = observations.frequency
    sizes = np.bincount(place)
    every = np.repeat(sizes, np.minimum(frequency, MOST_COPIES))
    y = np.asarray(observations.y, float).reshape(len(place), -1) + 0.0
    order = np.argsort(place, kind="stable")
    begins = np.flatnonzero(np.diff(place[order], prepend=-1))
    lowest, highest = (end.reduceat(y[order], begins, axis=0) for end in (np.minimum, np.maximum))
    ties = {}
    for d, name in enumerate(names):
        same = lowest[:, d] == highest[:, d]
        _, at = np.unique(lowest[same, d], return_inverse=True)
        equal = np.bincount(at.reshape(-1), weights=(sizes * frequency)[same]).astype(int)
        ties[name] = {"tied": int(equal[equal > 1].sum()), "most_tied": int(equal.max(initial=1))}
    trials = None
    if observations.trials is not None:
        of_groups = np.bincount(place, weights=observations.trials)
        down = np.argsort(-of_groups, kind="stable")
        middle = np.searchsorted(np.cumsum(frequency[down]), frequency.sum() // 2 + 1)
        trials = {"typical": int(of_groups[down][middle]), "most": int(observations.trials.max())}
    return {
        "number": int(frequency.sum()),
        "distinct": len(observations.units(by_group=True).count),
        "fewest": int(sizes.min()),
        "median": float(np.median(every)),
        "most": int(sizes.max()),
        "ties": ties,
        "trials": trials,
    }


def _on_groups(groups):
    """A sentence on the groups of rows."""
    if not groups:
        return None
    rows = f"{groups['fewest']} to {groups['most']} rows, {groups['median']:g} in the middle"
    if groups["fewest"] == groups["most"]:
        rows = f"{groups['most']} row{'s' if groups['most'] > 1 else ''} each"
    sentence = f"The rows are in {groups['number']} groups of {rows}."
    if groups["most"] == 1:
        sentence += " A group of one row is a row: say `group:` only where rows belong together."
    return sentence


def _on_dialect(understood):
    return f"The file was read as: {', '.join(understood)}." if understood else None


def _on_weights(observations):
    if np.all(observations.frequency == 1):
        return None
    rows = len(observations.y)
    said = f"The {observations.n} observations stand in {rows} rows; each row counts as often as it was observed."
    if observations.n == 100:
        said += (
            " The weights add to 100: if they are percentages, there are not 100 observations; give the numbers of "
            "observations instead."
        )
    return said


def _on_dropped(dropped, counted):
    if not dropped:
        return None
    were = "1 row of the file was" if len(dropped) == 1 else f"{len(dropped)} rows of the file were"
    shown = ", ".join(f"{counted} {line} ({why})" for line, why in dropped[:SHOWN])
    more = f" and {len(dropped) - SHOWN} more" if len(dropped) > SHOWN else ""
    return f"{were} left out: {shown}{more}."


def _percent(part, whole):
    return f"{100 * part / whole:.3g} %"
