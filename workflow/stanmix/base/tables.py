"""Tables: CSV for machines, and the same numbers as styled HTML for the report and for people."""

from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from stanmix.base.files import write_text

if TYPE_CHECKING:
    from os import PathLike

    from markupsafe import Markup

TEMPLATES = Path(__file__).parents[1] / "templates"


@functools.cache
def environment() -> jinja2.Environment:
    """The Jinja2 environment of all pages: undefined names are errors, text is escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def number(value: object, digits: int = 4, decimals: int | None = None, error: float | None = None) -> str:
    """A value as readers want it: rounded, without exponent where it can be helped, a dash for nothing.

    Parameters
    ----------
    value : object
        A number, text, truth value or None.
    digits : int
        Significant digits of a float.
    decimals : int, optional
        Digits behind the point instead.
    error : float, optional
        How uncertain a float is: it gets as many digits as two digits of its error take, but not fewer.

    Returns
    -------
    str
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"  # noqa: RUF001 - an en dash is meant
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if decimals is not None:
        return f"{round(value, decimals) + 0.0:.{decimals}f}"  # no minus before a zero
    if float(value).is_integer() and abs(value) < 1e9:
        return f"{int(value)}"
    if math.isinf(value):
        return f"{value}"
    magnitude = math.floor(math.log10(abs(value)))
    if error and math.isfinite(error):
        digits = min(max(digits, magnitude - math.floor(math.log10(error)) + 2), 15)
    if not -5 < magnitude < 9:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(0, digits - 1 - magnitude)}f}"


def html_table(columns: list[dict], rows: list[dict], source: str | None = None) -> Markup:
    """A table as an HTML fragment.

    Parameters
    ----------
    columns : list of dict
        key, title and, if wanted, format (keywords of `number`), error (the key of what is its error), text (aligned
        left), long (may wrap), beneath (the key of a text to set under the value), help (shown when the pointer
        rests on the title), term (of the glossary, to which the title links where there is one) and ours (the values
        do not stand in the source).
    rows : list of dict
        Values under the keys of the columns; a value under the key status is "pass", "warn" or "fail". With a source
        also place: which row of it this is.
    source : str, optional
        The artifact in which the values stand under the same keys, as `report.evidence` writes it.

    Returns
    -------
    markupsafe.Markup
    """
    template = environment().get_template("table.html.j2")
    return template.module.table(columns, rows, number, source)


def write_html(path: str | PathLike, title: str, note: str, columns: list[dict], rows: list[dict]) -> None:
    """Write a table as a page of its own, the styled twin of a CSV file."""
    page = environment().get_template("table.html.j2")
    write_text(path, page.render(title=title, note=note, table_html=html_table(columns, rows)))
