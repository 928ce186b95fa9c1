"""What the columns of each table are called, and how their numbers are written."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from stanmix.base.text import unshielded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

MEANING = {"key": "meaning", "title": "what it is", "text": True, "long": True, "ours": True}
SUMMARY = [
    {"key": "title", "title": "parameter", "text": True, "ours": True},
    {"key": "mean", "title": "mean", "error": "sd"},
    {"key": "sd", "title": "sd", "format": {"digits": 3}},
    {
        "key": "mcse_mean",
        "title": "MCSE",
        "format": {"digits": 2},
        "help": "Monte Carlo standard error of the mean",
        "term": "mcse",
    },
    {
        "key": "hdi_lower",
        "title": "95% HDI from",
        "error": "sd",
        "help": "highest-density interval",
        "term": "interval",
    },
    {"key": "hdi_upper", "title": "to", "error": "sd"},
    {
        "key": "ess_bulk",
        "title": "bulk ESS",
        "format": {"decimals": 0},
        "help": "effective sample size for the centre",
        "term": "ess",
    },
    {
        "key": "ess_tail",
        "title": "tail ESS",
        "format": {"decimals": 0},
        "help": "effective sample size for the tails",
        "term": "ess",
    },
    {
        "key": "r_hat",
        "title": "R-hat",
        "format": {"decimals": 3},
        "help": "near 1 when the chains agree",
        "term": "rhat",
    },
]
CALLED = "component_name"  # beside the number of a component, where it has a name
OF_SCALARS = ("column", "column_2")  # which columns of the data a parameter is about, where there are several
# How pandas reads tables with these, whose names may look like numbers or like what it takes for missing.
TEXT = {
    "converters": dict.fromkeys(OF_SCALARS, lambda text: unshielded(text) if text else math.nan),
    "keep_default_na": False,
    "na_values": [""],
}
# How it reads names of rows and groups, which may look like numbers or like nothing.
AS_WRITTEN = {"converters": dict.fromkeys(("id", "group"), unshielded), "keep_default_na": False, "na_values": [""]}
PART = re.compile(r"probability_(\d+|zero)")  # a column of memberships, its intervals left aside
INTERVAL = re.compile(PART.pattern + "_(lower|upper)")
VALUE = "y_"  # begins the names of such columns in tables, where other names might be the same
TRUTH = [
    {"key": "truth", "title": "truth", "error": "sd"},
    {"key": "covered", "title": "covered", "help": "whether the interval holds the truth"},
]
CHECKS = [
    {"key": "status", "title": "status", "text": True},
    {"key": "title", "title": "check", "text": True},
    {"key": "sentence", "title": "what was found", "text": True, "long": True, "beneath": "remedy"},
    {"key": "threshold", "title": "passes at", "text": True},
]
LABELS = [
    {"key": "first", "title": "component"},
    {"key": "second", "title": "and"},
    {
        "key": "exchanged",
        "title": "exchanged",
        "format": {"decimals": 4},
        "help": "probability that their names are",
        "term": "exchanged",
    },
    {
        "key": "edge",
        "title": "at the edge",
        "format": {"decimals": 4},
        "help": "share of draws that the order holds apart",
    },
]
CLUSTERS = [
    {"key": "cluster", "title": "cluster"},
    {"key": "size", "title": "observations"},
    {
        "key": "together",
        "title": "together",
        "format": {"decimals": 3},
        "help": "mean probability that two of its observations share a component",
    },
]
NUMBERS = [
    {"key": "components", "title": "K"},
    {
        "key": "elpd",
        "title": "elpd",
        "format": {"decimals": 1},
        "help": "expected log predictive density by PSIS-LOO",
        "term": "elpd",
    },
    {"key": "elpd_diff", "title": "difference", "format": {"decimals": 1}, "help": "to the best number"},
    {"key": "dse", "title": "se of it", "format": {"decimals": 1}},
    {
        "key": "within",
        "title": "within two",
        "text": True,
        "help": "whether it is within two standard errors of the best",
    },
    {
        "key": "n_bad",
        "title": "bad Pareto k",
        "help": "observations for which LOO is uncertain, after exact fits",
        "term": "pareto",
    },
    {
        "key": "refitted",
        "title": "exact fits",
        "help": "distinct observations that were left out by a fit of their own",
    },
    {"key": "smallest", "title": "smallest", "help": "observations whose most probable component is the smallest one"},
    {
        "key": "agreement",
        "title": "agreement",
        "format": {"decimals": 2},
        "help": "adjusted Rand index with the row above",
    },
    {"key": "failed", "title": "fails", "text": True, "long": True, "ours": True},
]
COMPARISON = [
    {"key": "model", "title": "model", "text": True},
    {"key": "status", "title": "checks", "text": True},
    {
        "key": "elpd",
        "title": "elpd",
        "format": {"decimals": 1},
        "help": "expected log predictive density by PSIS-LOO",
        "term": "elpd",
    },
    {"key": "se", "title": "se", "format": {"decimals": 1}},
    {"key": "elpd_diff", "title": "difference", "format": {"decimals": 1}, "help": "to the best model"},
    {"key": "dse", "title": "se of it", "format": {"decimals": 1}},
    {
        "key": "p_loo",
        "title": "p_loo",
        "format": {"decimals": 1},
        "help": "effective number of parameters",
        "term": "ploo",
    },
    {"key": "n_bad", "title": "bad Pareto k", "help": "observations for which LOO is uncertain", "term": "pareto"},
]

OVERVIEW = [
    {"key": "dataset", "title": "data set", "text": True},
    {"key": "status", "title": "verdict", "text": True, "help": "of the checks of the fit that is chosen"},
    {"key": "model", "title": "model", "text": True},
    {"key": "components", "title": "K", "help": "the number of components"},
    {
        "key": "tried",
        "title": "tried",
        "text": True,
        "help": "the numbers of components that the model was fitted with",
    },
    {"key": "weights", "title": "weights", "text": True, "help": "posterior means, by component"},
    {"key": "locations", "title": "locations", "text": True, "help": "posterior means, by component"},
    {"key": "n", "title": "n", "help": "the number of observations"},
    {"key": "fits", "title": "fits", "help": "how many pass their checks, of all"},
    {"key": "remark", "title": "checks", "text": True},
]


def called(part: str, names: list[str] | None = None) -> str:
    """What readers call a part of a mixture: its name or number, or "extra zeros".

    Parameters
    ----------
    part : str
        As `mixture.parts` has it.
    names : list of str or None
        What the components are called, if they have names.
    """
    if part == "zero":
        return "extra zeros"
    return f"component {part}" if names is None else names[int(part) - 1]


def word_for(component: int | str, names: list[str] | None = None) -> str:
    """What stands for a component, from 1, in brackets and beside the word component: its name, or its number (str)."""
    return str(component) if names is None else names[int(component) - 1]


def title_of(
    name: str, component: int | str | None, columns: Sequence[str] = (), names: list[str] | None = None
) -> str:
    """What a scalar is called: its parameter, and in brackets its component, if it has one, and its columns."""
    index = [*([] if component is None else [word_for(component, names)]), *columns]
    return f"{name}[{', '.join(index)}]" if index else name


def modes(parameters: Iterable[str], with_remarks: bool) -> list[dict]:
    """Columns of the table of modes: the weights and parameters of their components, and what is odd about these."""
    found = [
        {"key": "number", "title": "mode"},
        {
            "key": "gap",
            "title": "gap",
            "format": {"decimals": 1},
            "help": "log density minus that of the best",
        },
        {
            "key": "share",
            "title": "share",
            "text": True,
            "help": "of the posterior, by Laplace's approximation; a "
            "dash where the maximum is that of another mode, or too low",
        },
        {"key": "starts", "title": "starts", "help": "how many starts of the search led there"},
        {"key": "chains", "title": "chains", "text": True, "help": "whose draws lead there, and how many if not all"},
        *({"key": name, "title": name, "text": True} for name in ("theta", *parameters)),
    ]
    return [*found, {"key": "remarks", "title": "remarks", "text": True, "long": True}] if with_remarks else found


def comparison(with_truth: bool) -> list[dict]:
    """Columns of the comparison of models, with the right memberships where the truth is known."""
    right = {"key": "right", "title": "memberships right", "help": "most probable component is the true one"}
    return [*COMPARISON, right] if with_truth else COMPARISON


def clusters(names: Iterable[str] | None) -> list[dict]:
    """Columns of the table of clusters, with the names of the data's columns where there are several."""
    if names is None:
        return [*CLUSTERS, *({"key": key, "title": key} for key in ("mean", "minimum", "maximum"))]
    return [*CLUSTERS, *({"key": VALUE + name, "title": f"mean of {name}"} for name in names)]


def average(parts: Iterable[str], names: list[str] | None = None) -> list[dict]:
    """Columns of the table of average memberships: a row for each most probable component, a column for each."""
    first = {"key": "assigned", "title": "most probable", "text": True, "ours": True}
    written = {"format": {"decimals": 3}}
    return [first, *({"key": str(k), "title": called(part, names), **written} for k, part in enumerate(parts))]


def cutoff(level: float | None) -> str:
    """The key of cut-offs at a level of probability, or of those at which a component becomes the most probable."""
    return "most_probable" if level is None or math.isnan(level) else f"at_{level:g}"


def cutoffs(levels: Iterable[float]) -> list[dict]:
    """Columns of the table of cut-offs, with one for each level of probability."""
    return [
        {"key": "component", "title": "component", "text": True},
        {"key": "side", "title": "values", "text": True},
        {"key": "rather_than", "title": "rather than", "text": True},
        {"key": cutoff(None), "title": "most probable", "text": True, "help": "with the 95% interval over the draws"},
        *({"key": cutoff(level), "title": f"{100 * level:g}% or more", "text": True} for level in levels),
    ]


def probability(part: str, end: str = "mean") -> str:
    """The column that holds the probability of a part, or the lower or upper end of its interval."""
    return f"probability_{part}" if end == "mean" else f"probability_{part}_{end}"


def parts_of(frame: pd.DataFrame) -> list[str]:
    """The parts that a table of memberships has columns for (list of str)."""
    return [found[1] for name in frame.columns if (found := PART.fullmatch(name))]


def membership(frame: pd.DataFrame, trusted: bool = True, names: list[str] | None = None) -> list[dict]:
    """Columns of a membership table (a DataFrame) for `tables.html_table`; weights only where they say something.

    Of intervals only that of the most probable component, if it is there as from and to. Without trust in the names of
    components nothing that is said by them, but the clusters.
    """
    titles = {"obs_id": "row", "true_component": "true", "component": "most probable"}
    titles["log_density"] = "log density"
    mean = "mean " if "rows" in frame.columns else ""  # a line for each group
    titles["y"] = f"{mean}y"
    helps = {"log_density": "log posterior predictive density or probability"}
    helps["from"] = helps["to"] = "90% interval of the probability of the most probable component"
    columns = []
    for key in [key for key in frame.columns if key not in ("from", "to")]:
        part = PART.fullmatch(key)
        named = part is not None or key in ("component", "uncertainty", "true_component", "right")
        withheld = key == "cluster" if trusted else named
        withheld = withheld or key == CALLED  # which is shown in the place of the number
        if withheld or INTERVAL.fullmatch(key) or (key == "weight" and (frame[key] == 1).all()):
            continue
        shown = [key, "from", "to"] if key == "component" and "from" in frame else [key]
        for each in shown:
            if each.startswith(VALUE):
                columns.append({"key": each, "title": mean + each.removeprefix(VALUE)})
                continue
            title = titles.get(each, each)
            if part is not None:
                title = "extra zero" if part[1] == "zero" else called(part[1], names)
            written = {"decimals": 4} if part is not None or each in ("uncertainty", "from", "to") else {}
            column = {"key": each, "title": title, "format": written}
            columns.append(column | ({"help": helps[each]} if each in helps else {}))
    return columns
