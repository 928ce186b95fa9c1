"""Numbers of a page with where they come from: each names its artifact and its place there, and is held against it.

A place is written as ``FILE#L3/mean`` for a table (its third line; the first says what the columns are called), and as
``FILE#key/0/key`` for JSON. It stands in ``data-from`` of the element whose text is the number or the sentence. A table
names its file once (``data-from``), a row its place in it (``data-row``) and a column its key (``data-key``).
"""

from __future__ import annotations

import csv
import functools
import html.parser
import io
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from stanmix.base import tables

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from typing import Any

SHOWN = re.compile(r"(-?)([\d,]*\d)(?:\.(\d+))?(?:e([+-]\d+))?(%?)")
LIMIT = re.compile(r"less than ([\d.]+)(%?)")
FROM = re.compile(r'data-from="([^"]*)"')
SLACK = 1e-6  # beyond half a unit of the last digit that is shown
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
PICTURE = re.compile(r"<svg\b.*?</svg>", re.DOTALL)


class EvidenceError(Exception):
    """A page says something that its artifacts do not."""


def address(path: str | PathLike, *place: str | int) -> str:
    """How the place of a number is written."""
    return f"{path}#{'/'.join(map(_escaped, place))}"


def _escaped(key):
    """A key without what parts an address."""
    return str(key).replace("~", "~0").replace("/", "~1").replace("#", "~2")


def _unescaped(key):
    return key.replace("~2", "#").replace("~1", "/").replace("~0", "~")


def told(text: str, path: str | PathLike, *place: str | int) -> Markup:
    """A text of the page that stands in an artifact, with its place there (markupsafe.Markup)."""
    return Markup('<span data-from="{}">{}</span>').format(address(path, *place), text)


def line(number: int) -> str:
    """The key of a line of a table by the number of its row, from 0."""
    return f"L{number + 2}"


class Artifact:
    """An artifact, and what a page says of it, each number with its place.

    Attributes
    ----------
    path : str
    """

    def __init__(self, path):
        self.path = str(path)

    @functools.cached_property
    def content(self) -> Any:
        return read(self.path)

    def value(self, *place: str | int) -> Any:
        """What stands at a place; cells of a table are text."""
        return found_at(self.content, place)

    def lines(self, **wanted: str) -> list[str]:
        """The keys of the lines of a table whose cells are those (list of str)."""
        return [key for key, row in self.content.items() if all(row.get(name) == text for name, text in wanted.items())]

    def number(self, *place: str | int, sd: float | None = None, percent: bool = False) -> Markup:
        """A number as a sentence has it.

        Parameters
        ----------
        place
            The keys of JSON, or the line and the column of a table.
        sd : float, optional
            Its posterior standard deviation: the number gets digits up to the first of it.
        percent : bool
            Whether it is a share to be told in percent.

        Returns
        -------
        markupsafe.Markup
        """
        return told(written(float(self.value(*place)), sd, percent), self.path, *place)

    def text(self, *place: str | int) -> Markup:
        """A text of the artifact, word for word."""
        return told(str(self.value(*place)), self.path, *place)


def footnote(parts: list[Markup]) -> str:
    """Where the numbers of some parts of a page stand, by file, to be read on paper.

    Parameters
    ----------
    parts : list of markupsafe.Markup

    Returns
    -------
    str
        Such as ``summary.csv: line 2, mean; line 2, hdi_lower``.
    """
    places = {}
    for part in parts:
        for where in FROM.findall(part):
            path, _, place = str(Markup(where).unescape()).rpartition("#")
            first, *rest = map(_unescaped, place.split("/"))
            row = f"line {first[1:]}" if path.endswith(".csv") else first
            places.setdefault(path, {}).setdefault(row, []).append(" ".join(rest))
    texts = []
    for path, rows in places.items():
        told = [
            " ".join(filter(None, [row, ", ".join(dict.fromkeys(filter(None, keys)))])) for row, keys in rows.items()
        ]
        texts.append(f"{path}: {'; '.join(told)}")
    return ". ".join(texts)


def written(value: float, sd: float | None = None, percent: bool = False) -> str:
    """A number as a sentence has it: up to the first digit of its standard deviation, or three digits."""
    factor = 100 if percent else 1
    value, sd = value * factor, None if not sd or not math.isfinite(sd) else sd * factor
    decimals = None if sd is None else max(0, -math.floor(math.log10(sd)))
    if percent and 0 < value < 0.001:
        return "less than 0.001%"
    if decimals is None or decimals > 8:
        text = tables.number(value, digits=2 if percent else 3)
    else:
        text = f"{round(value, decimals) + 0.0:,.{decimals}f}"
    return text + "%" * percent


def read(path: str | PathLike) -> dict[str, dict[str, str]]:
    """What is in an artifact: JSON as it is, a table as its lines (dict of dict of str)."""
    text = Path(path).read_text(encoding="utf-8")
    if Path(path).suffix == ".csv":
        return {line(number): row for number, row in enumerate(csv.DictReader(io.StringIO(text, newline="")))}
    return json.loads(text)


def found_at(content: Any, place: Sequence[str | int]) -> Any:
    """What stands at a place of what `read` has read."""
    for key in place:
        content = content[int(key) if isinstance(content, list) else key]
    return content


def verify(page: str) -> int:
    """Hold every number and every sentence of a page that names its place against the artifact.

    Parameters
    ----------
    page : str
        HTML.

    Returns
    -------
    int
        How many there are.

    Raises
    ------
    EvidenceError
        With the first of them that says something else.
    """
    reader = _Reader()
    reader.feed(PICTURE.sub("", page))
    artifacts = {}
    for where, shown in reader.said:
        path, _, place = where.rpartition("#")
        if path not in artifacts:
            artifacts[path] = read(path)
        try:
            value = found_at(artifacts[path], map(_unescaped, place.split("/")))
        except (KeyError, IndexError, ValueError, TypeError):
            raise EvidenceError(f"The page shows {shown!r} from {where}, where nothing stands.") from None
        if not says(shown, value):
            raise EvidenceError(f"The page shows {shown!r}, but {where} is {value!r}.")
    return len(reader.said)


def says(shown: str, value: Any) -> bool:
    """Whether a text of a page is what stands in an artifact: the same text, or the number rounded as it is shown, or
    below the limit that is told in its place.
    """
    limit, number = LIMIT.fullmatch(shown), SHOWN.fullmatch(shown)
    if limit is not None:
        return isinstance(value, float) and value * (100 if limit[2] else 1) < float(limit[1])
    if isinstance(value, bool) or value in ("True", "False"):
        return shown == ("yes" if str(value) == "True" else "no")
    if number is not None:
        try:
            value = float(value)
        except (TypeError, ValueError):
            return False
        sign, whole, part, power, percent = number.groups()
        unit = 10.0 ** (int(power or 0) - len(part or ""))
        said = float(f"{sign}{whole.replace(',', '')}.{part or 0}e{power or 0}")
        return abs(said - value * (100 if percent else 1)) <= unit * (0.5 + SLACK)
    if value is None or value == "":
        return shown == "\N{EN DASH}"
    if isinstance(value, float | int):
        return shown == tables.number(value)  # infinite, or none
    return " ".join(str(value).split()) == shown


class _Reader(html.parser.HTMLParser):
    """Collects what stands in elements that name where it comes from, and in cells of such tables."""

    def __init__(self):
        super().__init__()
        self.said, self._open, self._head, self._cell = [], [], [], 0
        self._table = self._row = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        attributes, where = dict(attributes), None
        if tag == "table":
            self._table, self._head = attributes.get("data-from"), []
        elif tag == "tr":
            self._row, self._cell = attributes.get("data-row"), 0
        elif tag == "th":
            self._head.append(attributes.get("data-key"))
        elif tag == "td":
            if self._table and self._row and self._head[self._cell]:
                between = "" if self._table.endswith("#") else "/"
                where = f"{self._table}{between}{_escaped(self._row)}/{_escaped(self._head[self._cell])}"
            self._cell += 1
        if tag != "table" and "data-from" in attributes:
            where = attributes["data-from"]
        self._open.append((tag, where, []))

    def handle_endtag(self, tag: str) -> None:
        name, where, texts = self._open.pop()
        if name != tag:
            raise EvidenceError(f"</{tag}> closes <{name}> on the page.")
        if where is not None:
            self.said.append((where, " ".join("".join(texts).split())))
        if self._open:
            self._open[-1][2].extend(texts)
        if tag == "table":
            self._table = None

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][2].append(data)
