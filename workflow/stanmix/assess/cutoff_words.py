"""Cut-offs as readers want them: a rule in words, and a table with a line for each side of a component."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from stanmix.assess import cutoffs
from stanmix.base.columns import called, cutoff, word_for
from stanmix.base.tables import number
from stanmix.base.text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

NEARLY_ALL = 0.995  # of the draws: where fewer have a cut-off it is said how many
WITHHELD = "The components of these draws cannot be trusted, so there are no cut-offs between them."
WHY_NOT = {
    "one": "There is one component, so there is no cut-off.",
    "groups": "All rows of a group have one membership, which no single value decides, so there are no cut-offs.",
    "columns": "With several columns a boundary between components is no single value, so there are no cut-offs.",
    "sizes": (
        "The observations differ in their trials or exposure, and the same number then says different things: there is "
        "no cut-off that holds for all of them. The table of memberships has the probabilities of each row."
    ),
}


def named(part: str, names: list[str] | None) -> str:
    """What a part of a mixture is called in a sentence."""
    return "the extra zeros" if part == "zero" else called(part, names)


def sentences(table: pd.DataFrame, facts: dict, names: list[str] | None = None) -> list[str]:
    """The rule that the cut-offs make, and what limits it.

    Parameters
    ----------
    table : pandas.DataFrame
    facts : dict
        What `cutoffs.find` returned.
    names : list of str, optional
        What the components are called.

    Returns
    -------
    list of str
    """
    if facts["why_not"] is not None:
        return [WHY_NOT[facts["why_not"]]]
    low, high = map(plain, facts["data"])
    turns = cutoffs.turns(table).to_dict("records")
    inside = [turn for turn in turns if not turn["beyond_data"]]
    if inside:
        said = [_rule(inside, names)]
    else:
        best = named(facts["most_probable"], names)
        said = [
            f"Between {low} and {high}, where the observations lie, {best} is everywhere the most probable, so there "
            "is no cut-off."
        ]
    for turn in inside:
        if turn["draws"] < NEARLY_ALL:
            said.append(
                f"The cut-off at {_written(turn, 'value')} is there in {100 * turn['draws']:.0f}% of the draws, and "
                "its interval is over these."
            )
    for turn in turns:
        if turn["beyond_data"]:
            below = turn["value"] < facts["data"][0]
            side, part = ("below", turn["rather_than"]) if below else ("above", turn["component"])
            said.append(
                f"Beyond the observations, which lie between {low} and {high}, {named(part, names)} would be the most "
                f"probable {side} {_with_interval(turn)}; none of them bears that out."
            )
    for part in facts["nowhere"]:
        said.append(
            f"{_begun(named(part['component'], names))} is nowhere the most probable, so there is no cut-off to it: "
            f"its probability is at most {100 * part['most']:.0f}%, at {number(part['at'], digits=3)}"
            + (f"; in {100 * part['draws']:.0f}% of the draws it is somewhere." if part["draws"] >= 0.005 else ".")
        )
    return said


def _rule(turns, names):
    """Which values belong to which part, from the lowest to the highest."""
    pieces = [
        f"values below {_with_interval(turns[0], '95% interval ')} most probably belong to "
        f"{named(turns[0]['rather_than'], names)}"
    ]
    for turn in turns[1:]:
        pieces.append(f"those from there to below {_with_interval(turn)} to {named(turn['rather_than'], names)}")
    pieces.append(f"those from there on to {named(turns[-1]['component'], names)}")
    text = ", ".join(pieces[:-1]) + f" and {pieces[-1]}."
    return _begun(text)


def _begun(text):
    """A text as the beginning of a sentence."""
    return text[0].upper() + text[1:]


def table_rows(table: pd.DataFrame, levels: Sequence[float], names: list[str] | None = None) -> list[dict]:
    """The cut-offs as rows of the table that `columns.cutoffs` describes (list of dict).

    There is one for each flank of which something lies within the data.
    """
    rows = []
    for _, flank in table.groupby("flank").filter(lambda flank: not flank["beyond_data"].all()).groupby("flank"):
        lines = flank.to_dict("records")
        part, side, other = (lines[0][key] for key in ("component", "side", "rather_than"))
        row = {"component": _word(part, names), "side": side, "rather_than": _word(other, names)}
        row |= dict.fromkeys(map(cutoff, (None, *levels)), "none")
        rows.append(row | {cutoff(line["probability"]): _cell(line) for line in lines})
    return rows


def _word(part, names):
    """What a part is called in a table; a part may be missing."""
    return None if pd.isna(part) else "extra zeros" if part == "zero" else word_for(part, names)


def _cell(line):
    notes = ["beyond the data"] if line["beyond_data"] else []
    notes += [f"in {100 * line['draws']:.0f}% of the draws"] if line["draws"] < NEARLY_ALL else []
    return ", ".join([_with_interval(line), *notes])


def _with_interval(line, before=""):
    """The value and its interval, in two digits of its width; the value alone where no draw has such a cut-off."""
    if pd.isna(line["lower"]):
        return _written(line, "value")
    return f"{_written(line, 'value')} ({before}{_written(line, 'lower')} to {_written(line, 'upper')})"


def _written(line, key):
    width = line["upper"] - line["lower"]
    return number(line[key], digits=2, error=width) if width > 0 else number(line[key])
