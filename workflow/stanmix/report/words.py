"""What readers call a parameter: in words, with the name of what was measured and its unit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stanmix.model.specification import Resolved

LABEL = re.compile(r"(.+?)\s+[(\[]([^()\[\]]+)[)\]]\s*")
COUNTED = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve")
# By what a family says of a parameter in the unit of the data: its words, alone and with what was measured.
MEASURED = {
    "mean": ("mean", "mean {what}"),
    "location": ("centre", "centre of {what}"),
    "standard deviation": ("standard deviation", "standard deviation of {what}"),
    "scale, smaller than the standard deviation": ("scale", "scale of {what}"),
}
RATES = ("events per exposure, or per observation", "mean per exposure, or per observation")


def split(label: str) -> tuple[str, str]:
    """The name of what was measured and its unit, from a label such as ``waiting time (minutes)`` (two str)."""
    found = LABEL.fullmatch(label)
    return (found[1], found[2]) if found else (label, "")


def counted(number: int) -> str:
    """A number as the first word of a sentence."""
    return COUNTED[number] if number < len(COUNTED) else f"{number:,}"


def listed(parts: Sequence[str], between: str = ", ") -> str:
    """Texts as a list in a sentence: a, b and c."""
    *first, last = parts
    return between.join(first) + " and " + last if first else last


def quantity(
    entry: Resolved, label: str, scales: dict[str, str] | None = None, exposure: str = "", short: bool = False
) -> str:
    """What a parameter of a component is, in words.

    Parameters
    ----------
    entry : dict
        Of the specification: meaning and, of several columns, column.
    label : str
        What the values are, with their unit.
    scales : dict of str or None
        What the model sees in the place of the values: by their column, or under "" for one column.
    exposure : str
        The column with the exposure, if there is one.
    short : bool
        Whether what was measured has been named already, where it is one thing.

    Returns
    -------
    name, unit : str
        Such as ``mean waiting time`` and ``minutes``, or ``mean`` and ``calls``; the unit is empty where there is none.
    """
    what, unit = split(label) if not entry.column else (entry.column, "")
    if scales and scales.get(entry.column or "", what) != what:
        what, unit = scales[entry.column or ""], ""
    meaning = entry.meaning
    if meaning in MEASURED:
        brief, full = MEASURED[meaning]
        return brief if short and not entry.column else full.format(what=what), unit
    if meaning in RATES:
        return ("rate", f"per unit of {exposure}") if exposure else ("mean", what)
    words = meaning.partition(",")[0]
    words = words if words[0].isalpha() else entry.name  # whose meaning is a formula
    return f"{words} of {entry.column}" if entry.column else words, ""


def title(
    row: dict,
    entries: Sequence[Resolved],
    label: str,
    called: str,
    scales: dict[str, str] | None = None,
    exposure: str = "",
    by_group: bool = False,
) -> str:
    """What a row of the estimates is about, for people.

    Parameters
    ----------
    row : dict
        parameter, component (None for a shared one), and column and column_2 where it is about these.
    entries : list of dict
        The parameters of the specification.
    label, scales, exposure
        As for `quantity`.
    called : str
        What the component is called; empty for a shared parameter.
    by_group : bool
        Whether groups of rows have one membership each.

    Returns
    -------
    str
        Such as ``mean waiting time of component 1 (minutes)``.
    """
    of = f" of {called}" if called else ""
    if row["parameter"] == "theta":
        return f"share{of} among the {'groups' if by_group else 'observations'}"
    if row.get("column_2"):
        return f"correlation of {row['column']} and {row['column_2']} within {called or 'each component'}"
    entry = next(
        entry for entry in entries
        if entry.name == row["parameter"] and entry.column in (None, row.get("column"))
    )  # fmt: skip
    if entry.slot == "zero":
        return "share of extra zeros"
    words, unit = quantity(entry, label, scales, exposure)
    within = of if called else " within each component"
    return f"{words}{within}{f' ({unit})' if unit else ''}"
