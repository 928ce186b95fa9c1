"""Where along the values one component becomes more probable than another, and where its probability passes a level."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import optimize

from stanmix.assess import memberships
from stanmix.base.seeds import seed_for
from stanmix.expected import continuous
from stanmix.families.family import MULTIVARIATE, WHOLE
from stanmix.families.registry import FAMILIES
from stanmix.model import mixture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stanmix.families.family import Points
    from stanmix.model.specification import Specification

INTERVAL = 0.95  # probability of the intervals over the draws
POINTS = 401  # places over which passings are looked for, beside those inside each component
SLACK = 1e-9  # of what is searched: values that are no farther apart are the same
BEYOND = 0.5  # ranges of the data that are searched to both of their sides
COLUMNS = (
    *("flank", "component", "rather_than", "side", "probability", "value", "lower", "upper"),
    *("draws", "beyond_data"),
)
SIDES = {False: {True: "above", False: "below"}, True: {True: "from", False: "up to"}}  # by whether whole, rising


def none() -> pd.DataFrame:
    """The table of cut-offs where there are none, or where they are withheld."""
    return pd.DataFrame(columns=COLUMNS)


def find(
    specification: Specification, points: Points, draws: dict[str, np.ndarray], levels: Sequence[float]
) -> tuple[pd.DataFrame, dict]:
    """Cut-offs of a fit to one column.

    A cut-off is where a curve of membership probability, averaged over the draws, passes a level or that of the most
    probable other part. It so says of every value what the table of memberships says of a row that has it. Its interval
    is that of the passings of the same kind of single draws, of each draw the nearest one.

    Parameters
    ----------
    specification : Specification
    points : Points
        The distinct observations.
    draws : dict of numpy.ndarray
        Each (S, K); intervals take at most `memberships.DRAWS` of them.
    levels : sequence of float
        Probabilities from 1/2 to less than 1.

    Returns
    -------
    table : pandas.DataFrame
        A line for each: flank (cut-offs of one component on one side), component, rather_than (which part is the most
        probable beyond), side on which the component is (above or below, from or up to a whole number), probability
        (that it has at least; missing: it is the most probable), value, lower, upper, draws (share of those that have
        such a passing) and beyond_data. Of whole numbers value is the last one for which it holds.
    facts : dict
        why_not (None, "one", "groups", "columns" or "sizes"); if there may be cut-offs also whole, data and searched
        (their ends), most_probable (the part at the smallest value) and nowhere (of parts that are nowhere the most
        probable component, most, the largest probability, at, where it is, and draws, the share in which they are
        somewhere).
    """
    family, parts = specification.family, mixture.parts(specification.family, specification.components)
    whole = FAMILIES[family].kind == WHOLE
    why_not = {
        "one": len(parts) == 1,
        "groups": points.unit is not None,
        "columns": FAMILIES[family].kind == MULTIVARIATE,
        "sizes": np.ptp(points.size) > 0,
    }
    if any(why_not.values()):
        return none(), {"why_not": next(reason for reason, holds in why_not.items() if holds)}

    def at(values: np.ndarray | list[float]) -> Points:
        size = np.full(len(values), points.size[0])
        return replace(points, y=np.asarray(values, dtype=float), size=size, known=None)

    few = mixture.thinned(draws, memberships.DRAWS)
    x = _searched(specification, points, few)
    mean = mixture.membership(family, at(x), draws)
    terms = np.concatenate([mixture.log_terms(family, at(x[part]), few) for part in mixture.chunks(at(x), few)], axis=1)
    over_best, over_rest = _log_odds(terms)

    rows = []
    for k, part in enumerate(parts):
        for level in (None, *levels):
            lead = over_best[:, :, k] if level is None else over_rest[:, :, k] - np.log(level / (1 - level))

            def lead_of_mean(value: float, k: int = k, level: float | None = level) -> float:
                return _lead(mixture.membership(family, at([value]), draws), k, level)[0]

            for rising in (True, False):
                of_draws = _interpolated(x, lead, rising, whole)
                for i in _passings(_lead(mean, k, level)[None, :], rising)[1]:
                    value = _refined(lead_of_mean, x[i], x[i + 1], rising, whole)
                    row = {"component": part, "side": SIDES[whole][rising], "probability": level, "value": value}
                    row |= _over_draws(value, *of_draws, len(few["theta"]), whole)
                    if level is None:
                        beyond = value + (0 if not whole else -1 if rising else 1)
                        others = mixture.membership(family, at([beyond]), draws)[0]
                        others[k] = -1
                        row["rather_than"] = parts[others.argmax()]
                    row["beyond_data"] = not points.y.min() <= value <= points.y.max()
                    rows.append(row | {"rising": rising})
    _put_into_flanks(rows, SLACK * (x[-1] - x[0]))
    rows.sort(key=lambda row: (row["flank"], row["probability"] or 0))
    ever = (over_best >= 0).any(axis=1).mean(axis=0)
    facts = {
        "why_not": None,
        "whole": whole,
        "data": [float(points.y.min()), float(points.y.max())],
        "searched": [float(x[0]), float(x[-1])],
        "most_probable": parts[mixture.membership(family, at([points.y.min()]), draws)[0].argmax()],
        "nowhere": [
            {
                "component": part,
                "most": float(np.nanmax(mean[:, k])),
                "at": float(x[np.nanargmax(mean[:, k])]),
                "draws": float(ever[k]),
            }
            for k, part in enumerate(parts)
            if not (_lead(mean, k, None) >= 0).any()
        ],
    }
    return pd.DataFrame(rows, columns=COLUMNS) if rows else none(), facts


def turns(table: pd.DataFrame) -> pd.DataFrame:
    """The cut-offs at which the most probable part is another, each once, from the lowest value to the highest."""
    return table[table["probability"].isna() & table["side"].isin(["above", "from"])].sort_values("value")


def by_rule(table: pd.DataFrame, values: np.ndarray | pd.Series) -> np.ndarray:
    """The most probable part of values by the cut-offs of a table that has at least one of `turns`: array of str."""
    found = turns(table)
    parts = np.array([found["rather_than"].iloc[0], *found["component"]])
    return parts[np.searchsorted(found["value"], values, side="right")]


def _searched(specification, points, draws):
    """Increasing values over the data and beyond, close enough that no component lies between two of them."""
    family, y = specification.entry, points.y
    if family.kind == WHOLE:
        low, high, reach = y.min(), y.max(), BEYOND * np.ptp(y)
        low, high = max(low - reach, 0), high + reach
        high = min(high, points.size[0]) if points.of_trials else high
        steps = [np.linspace(low, high, POINTS), low - 1 + np.geomspace(1, high - low + 1, POINTS)]
        return np.unique(np.rint(np.concatenate(steps)))
    even = continuous.grid(y, family.positive, POINTS, BEYOND, log=family.positive and continuous.is_log(y))
    return continuous.resolving(family.name, even, draws, seed_for(specification.seeds["replicates"], "cut-offs"))


def _log_odds(terms):
    """Log odds of each part (..., P) against the most probable other one, and against all others together."""
    found = []
    for together in (np.max, mixture.log_sum):
        with np.errstate(invalid="ignore"):  # where no part has any density there are no odds
            odds = [terms[..., k] - together(np.delete(terms, k, axis=-1), axis=-1) for k in range(terms.shape[-1])]
        found.append(np.stack(odds, axis=-1))
    return found


def _lead(probabilities, k, level):
    """How far the probability of a part (m, P) is above a level, or without one above that of the best other part."""
    rival = np.delete(probabilities, k, axis=1).max(axis=1) if level is None else level
    return probabilities[:, k] - rival


def _passings(lead, rising):
    """The draw and the step in which leads (S, m) rise to zero or above, or fall below it: two arrays of int."""
    holds = lead >= 0
    turn = holds[:, 1:] & ~holds[:, :-1] if rising else holds[:, :-1] & ~holds[:, 1:]
    return np.nonzero(turn & ~np.isnan(lead[:, 1:]) & ~np.isnan(lead[:, :-1]))


def _interpolated(x, lead, rising, whole):
    """The draw and the value of all passings of leads (S, m) that are log odds, all but straight in a step."""
    draw, step = _passings(lead, rising)
    first, last, begin, end = lead[draw, step], lead[draw, step + 1], x[step], x[step + 1]
    with np.errstate(invalid="ignore"):
        share = np.where(np.isfinite(first) & np.isfinite(last), first / (first - last), 0.5)
    value = begin + share * (end - begin)
    if whole:
        value = np.clip(np.ceil(value), begin + 1, end) if rising else np.clip(np.floor(value), begin, end - 1)
    return draw, value


def _refined(lead, begin, end, rising, whole):
    """Where between two values a lead passes zero; of whole numbers the last one for which it holds."""
    if not whole:
        return float(optimize.brentq(lead, begin, end))
    while end - begin > 1:
        middle = np.floor((begin + end) / 2)
        if (lead(middle) >= 0) == rising:
            end = middle
        else:
            begin = middle
    return float(end if rising else begin)


def _over_draws(value, draw, passings, total, whole):
    """The interval of the passings, of each draw that nearest to a value, and the share of draws that have one."""
    order = np.lexsort((np.abs(passings - value), draw))
    _, first = np.unique(draw[order], return_index=True)
    nearest = passings[order][first]
    if not len(nearest):
        return {"lower": None, "upper": None, "draws": 0.0}
    ends = (1 - INTERVAL) / 2, (1 + INTERVAL) / 2
    lower, upper = np.quantile(nearest, ends, method="inverted_cdf" if whole else "linear").tolist()
    return {"lower": lower, "upper": upper, "draws": len(nearest) / total}


def _put_into_flanks(rows, slack):
    """Number the flanks (in place): what a component has on one side, the farther inside the higher its probability."""
    flanks = []
    for row in sorted(rows, key=lambda row: (row["probability"] or 0, row["value"] * (1 if row["rising"] else -1))):
        inward = 1 if row["rising"] else -1
        outside = [
            flank
            for flank in flanks
            if all(flank[0][key] == row[key] for key in ("component", "rising"))
            and (row["value"] - flank[-1]["value"]) * inward >= -slack
        ]
        nearest = max(outside, key=lambda flank: flank[-1]["value"] * inward, default=None)
        if nearest is None or nearest[-1]["probability"] == row["probability"]:
            flanks.append([row])
        else:
            nearest.append(row)
    parts = list(dict.fromkeys(row["component"] for row in rows))
    flanks.sort(key=lambda flank: (parts.index(flank[0]["component"]), flank[0]["value"]))
    for number, flank in enumerate(flanks, start=1):
        for row in flank:
            row["flank"] = number
