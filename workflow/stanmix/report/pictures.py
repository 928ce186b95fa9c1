"""Figures inside the page: SVG as part of it, what several of them draw with kept once, and no name used twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from os import PathLike

_NOT_SHOWN = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
_KEPT = re.compile(r"<defs>(.*?)</defs>", re.DOTALL)
_NAMED = re.compile(r'<(\w+)[^>]*?\bid="([^"]+)"(?:[^>]*/>|.*?</\1>)', re.DOTALL)
_WHOLE = re.compile(r'<svg\b(?:[^>]*?\bviewBox="([^"]*)")?[^>]*?(?:/>|>(.*)</svg>)', re.DOTALL)
_ID = re.compile(r' id="[^"]*"')
_BETWEEN = re.compile(r">\s+<")
_ELSEWHERE = re.compile(r"""(?:href|src)\s*=\s*["'](?!#|data:image/png;base64,)|url\((?!#)|@import|<script""")


class Pictures:
    """The figures of one page. What they share (letters, markers, areas to cut at) is drawn from `shared`."""

    def __init__(self):
        self._shared = {}

    def inline(self, path: str | PathLike, alt: str) -> Markup:
        """A figure as an element of the page.

        Parameters
        ----------
        path : path-like
            An SVG file.
        alt : str
            What it shows, for those who cannot see it.

        Returns
        -------
        markupsafe.Markup

        Raises
        ------
        ValueError
            When the file refers to anything outside of itself, or two figures mean different things by one name.
        """
        text = _NOT_SHOWN.sub("", Path(path).read_text(encoding="utf-8"))
        if _ELSEWHERE.search(text):
            raise ValueError(f"{path} refers to something outside of it.")
        for kept in _KEPT.findall(text):
            for found in _NAMED.finditer(kept):
                name, drawn = found[2], _compact(found[0])
                if self._shared.setdefault(name, drawn) != drawn:
                    raise ValueError(f"{path}: {name} is another shape than in an earlier figure.")
        size, inside = _WHOLE.search(_ID.sub("", _KEPT.sub("", text))).groups()
        return Markup('<svg{} role="img" aria-label="{}">{}</svg>').format(
            Markup(' viewBox="{}"').format(size) if size else "", alt, Markup(_compact(inside or ""))
        )

    @property
    def shared(self) -> Markup:
        """What the figures share, to stand before the first of them (markupsafe.Markup)."""
        drawn = "".join(self._shared[name] for name in sorted(self._shared))
        return Markup(f'<svg class="shared" aria-hidden="true"><defs>{drawn}</defs></svg>')


def _compact(text):
    """SVG without what only its source shows: line ends within paths, blanks between elements, old names of links."""
    return _BETWEEN.sub("><", text.replace("xlink:href", "href")).replace("\n", " ").strip()
