"""The modes of a posterior in words, for checks, tables and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stanmix.base.columns import word_for

if TYPE_CHECKING:
    from collections.abc import Iterable

MARKS = {
    "empty": "component{s} {which} without observations",
    "collapsed": "component{s} {which} on one value, or as narrow as can be",
    "edge": "component{s} {which} held from passing the next by the order alone",
}


def listed(words: Iterable) -> str:
    """Words as a list in a sentence: a, b and c."""
    words = [str(word) for word in words]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def chains_in(mode: dict) -> str:
    """Which chains visit a mode: their numbers, and where it is not all of their draws how many these are."""
    return ", ".join(
        f"{chain}" if visits == mode["places"] else f"{chain} ({visits} of {mode['places']})"
        for chain, visits in enumerate(mode["visits"], start=1)
        if visits
    )


def remarks(mode: dict, names: list[str] | None = None) -> str:
    """What is odd about the components of a mode, by their names or numbers; empty for nothing."""
    found = [
        text.format(s="s" if len(mode[mark]) > 1 else "", which=listed(word_for(k, names) for k in mode[mark]))
        for mark, text in MARKS.items()
        if mode[mark]
    ]
    if mode["away"]:
        found.append("stands for all places far from the data that the prior of that component allows")
    return "; ".join(found)


def percentage(share: float) -> str:
    """A share of the posterior as readers see it: ``97%``, ``0.4%``, ``less than 0.1%``."""
    if share < 0.001:
        return "less than 0.1%"
    if share > 0.999:
        return "more than 99.9%" if share < 1 else "all"
    return f"{100 * share:.{0 if 0.01 <= share <= 0.99 else 1}f}%"


def held(mode: dict) -> str:
    """The share of a mode with its standard error where that can be seen: ``62% (±3%)``; a dash for none."""
    if not mode["share"]:
        return "-"
    error = f" (\N{PLUS-MINUS SIGN}{100 * mode['error']:.1g}%)" if mode["error"] >= 0.0005 else ""
    return percentage(mode["share"]) + error


def on_chains(found: dict) -> str:
    """Where the chains are, in a sentence."""
    modes = [mode for mode in found["modes"] if any(mode["visits"])]
    if not modes:
        return "No climb from a draw of a chain came to an end."
    chains = range(len(modes[0]["visits"]))
    if len(modes) == 1:
        those = "All chains sit" if len(chains) > 1 else "The chain sits"
        return f"{those} in mode {modes[0]['number']}."
    if all(max(mode["visits"][chain] for mode in modes) == modes[0]["places"] for chain in chains):
        groups = [(mode, [chain + 1 for chain in chains if mode["visits"][chain]]) for mode in modes]
        sits = [
            f"chain{'s' if len(those) > 1 else ''} {listed(those)} sit{'s' if len(those) == 1 else ''} in mode "
            f"{mode['number']}"
            for mode, those in groups
        ]
        return f"{listed(sits).capitalize()}."
    return f"The chains visit {len(modes)} modes."
