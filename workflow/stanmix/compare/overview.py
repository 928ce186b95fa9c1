"""The overview: all data sets in one table, as a page of its own and as CSV."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from stanmix.base import columns, tables
from stanmix.base.files import read_json, write_csv, write_text
from stanmix.base.text import shielded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike


def write_overview(datasets: list[str], choices: list[str | PathLike], outputs: Mapping) -> None:
    """Join the lines of all data sets.

    Parameters
    ----------
    datasets : list of str
        The data sets' names.
    choices : list of path-like
        For each data set what `choice.choose` says of it.
    outputs : mapping
        Paths: table (CSV) and page (HTML).
    """
    lines = [
        {"dataset": name, "page": f"reports/{name}.html", **read_json(path)}
        for name, path in zip(datasets, choices, strict=True)
    ]
    write_csv(outputs["table"], _table(lines))
    counts = Counter(line["status"] for line in lines)
    page = tables.environment().get_template("overview.html.j2")
    text = page.render(
        lines=[_view(line) for line in lines],
        counts=[(status, counts[status]) for status in ("pass", "warn", "fail") if counts[status]],
        titles=columns.OVERVIEW,
        table=Path(outputs["table"]).name,
    )
    write_text(outputs["page"], text)


def _table(lines):
    """The lines as a DataFrame: a row for each data set, a column for each weight and location (NaN where none is)."""
    rows = []
    for line in lines:
        row = {key: line[key] for key in ("dataset", "status", "model", "family", "components")}
        row |= {"tried": _range(line["tried"] or []), **{key: line[key] for key in ("n", "fits", "failing", "remark")}}
        called = {"names": shielded("; ".join(line["names"] or []))} if any(each["names"] for each in lines) else {}
        rows.append(row | {"page": line["page"], **called, "location": line["location"]})
    frame = pd.DataFrame(rows).astype({"components": "Int64"})
    parts = [{columns.title_of(*key): mean for key, mean in _values(line)} for line in lines]
    # First the weights, then the locations, each by component: what is about several columns keeps their order.
    keys = dict.fromkeys(key for line in lines for key, _ in _values(line))
    ordered = sorted(keys, key=lambda key: (key[0] != "weight", key[1]))
    return frame.join(pd.DataFrame(parts, columns=[columns.title_of(*key) for key in ordered], dtype=float))


def _values(line):
    """The weight and the locations of each component: ((name, component, columns of the data), mean)."""
    for part in line["parts"]:
        yield ("weight", part["component"], ()), part["weight"]["mean"]
        for place in part["locations"]:
            about = () if place["column"] is None else (place["column"],)
            yield ("location", part["component"], about), place["mean"]


def _range(numbers):
    """Numbers of components in words: 2, or 1 to 3, or 1, 3, 5."""
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers))


def _view(line):
    """A line as the page shows it: for each cell its text and, where it is sorted by another value, that."""
    weights = [tables.number(part["weight"]["mean"], digits=3, error=part["weight"]["sd"]) for part in line["parts"]]
    locations = [
        [(place["column"], tables.number(place["mean"], digits=3, error=place["sd"])) for place in part["locations"]]
        for part in line["parts"]
    ]
    weights = [f"{name} {text}" for name, text in zip(line["names"] or [""] * len(weights), weights, strict=True)]
    several = any(len(places) > 1 for places in locations)
    shown = [", ".join(text for _, text in places) for places in locations]
    return line | {
        "order": {"pass": 0, "warn": 1, "fail": 2}[line["status"]],
        "tried": _range(line["tried"] or []),
        "weights": ", ".join(text.strip() for text in weights),
        "locations": "; ".join(shown) if several else ", ".join(shown),
        "about": line["location"] and _about(line),
        "first": {
            "weights": line["parts"][0]["weight"]["mean"] if line["parts"] else None,
            "locations": line["parts"][0]["locations"][0]["mean"] if line["parts"] else None,
        },
        "fits": f"{line['fits'] - line['failing']} of {line['fits']}",
    }


def _about(line):
    """What the locations are: the parameter, and the columns it is about where there are several."""
    about = [place["column"] for place in line["parts"][0]["locations"] if place["column"] is not None]
    return f"{line['location']} of {', '.join(about)}" if about else line["location"]
