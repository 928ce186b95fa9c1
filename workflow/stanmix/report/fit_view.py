"""Everything the page says of one fit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stanmix.assess import checks, cutoff_words, memberships
from stanmix.base import columns, tables
from stanmix.base.files import read_json
from stanmix.config import plan
from stanmix.fits import mode_words
from stanmix.model.specification import Specification
from stanmix.report import evidence, invariants, trust, words
from stanmix.report.answers import ANSWERS, Found
from stanmix.report.evidence import Artifact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from stanmix.config.plan import Fit
    from stanmix.data.observations import Observations

LISTED = 10  # rows of a membership table on the page: the least certain, or the first new ones
EVIDENCE = (
    *("specification", "summary", "centres", "label_free", "labels", "membership", "memberships", "cutoffs", "checks"),
    "loo",
)  # of a fit, for its answer
FIGURES = (
    *("diagram", "prior", "traces", "membership_figure", "co_clustering", "density"),
    *("ecdf", "transform", "statistics", "replicates"),
    "bands",  # only of continuous data
    "modes_figure",  # only of several components
    "groups",  # only where groups of rows have one membership each
)


def fit_view(title: str, paths: Mapping, noticed: dict, asked: Fit, config: dict, data: str | PathLike) -> dict:
    """Everything the page says of one fit, its artifacts checked against each other first.

    Parameters
    ----------
    title : str
    paths : mapping
        Of its artifacts and figures, as `page.write_report` has them.
    noticed : dict
        What was noticed about the data.
    asked : plan.Fit
        What the configuration asks for.
    config : dict
        The slice of the configuration that the report rests on.
    data : path-like
        The observations.

    Returns
    -------
    dict
        What the template shows.
    """
    specification, loo = Specification.read(paths["specification"]), read_json(paths["loo"])
    found, labels = read_json(paths["checks"]), read_json(paths["labels"])
    names = labels["names"]
    summary = pd.read_csv(paths["summary"], **columns.TEXT).astype({"component": "Int64"})
    membership, said = pd.read_csv(paths["membership"], **columns.AS_WRITTEN), read_json(paths["memberships"])
    pointwise = pd.read_csv(paths["loo_pointwise"])
    invariants.verify_asked(title, specification, asked, config, noticed, data)
    invariants.verify(title, specification, summary, membership, said, loo, pointwise, noticed)
    cuts = pd.read_csv(paths["cutoffs"], dtype={"component": str, "rather_than": str})
    invariants.verify_cutoffs(title, cuts, membership)
    source = config["datasets"][asked.dataset]
    answered = Found(
        {name: Artifact(paths[name]) for name in EVIDENCE},
        plan.label(source),
        source.get("exposure", ""),
        {name: column["sd"] for name, column in noticed.get("columns", {}).items()},
    )
    rows = _estimates(summary, answered, names)
    known = "truth" in summary
    of_units = membership
    if "membership_of_groups" in paths:
        of_units = pd.read_csv(paths["membership_of_groups"], dtype={"component": str}, **columns.AS_WRITTEN)
    least = of_units.sort_values("uncertainty", ascending=False, kind="stable").head(LISTED)
    estimated = [
        {
            "name": _of_column(entry) + _of_components(entry),
            "meaning": entry.meaning,
            "text": entry.text,
            "is_default": entry.is_default,
        }
        for entry in specification.parameters
        if not entry.fixed
    ]
    failed = [check for check in found["checks"] if check["status"] == "fail"]
    if not labels["trusted"]:  # then nothing is said of single components
        rows = [row for row in rows if pd.isna(row["component"])]
    kind = ANSWERS[specification.kind]
    return {
        "title": title,
        "sentences": (sentences := kind.sentences(answered)),
        "footnote": evidence.footnote(sentences),
        "picture": kind.picture(answered),
        "trust": trust.of_fit(answered),
        "advice": trust.advice(answered),
        "paths": paths,
        "modes_table": str(paths.get("modes", "")).replace("modes.json", "modes.csv"),
        "anchor": re.sub(r"[^A-Za-z0-9._-]+", "-", title),
        "specification": specification,
        "ordered_by": ", ".join(_of_column(entry) for entry in specification.parameters if entry.ordered),
        "priors": estimated,
        "fixed": [
            {"meaning": entry.meaning, **entry.told_fixed}
            for entry in specification.parameters
            if entry.value is not None
        ],
        "checks": found,
        "labels": labels,
        "labels_table": tables.html_table(columns.LABELS, [_pair(pair, names) for pair in labels["pairs"]]),
        "components": [columns.called(str(k + 1), names) for k in range(specification.components)] if names else [],
        "label_free_table": tables.html_table(
            columns.SUMMARY, _lines(pd.read_csv(paths["label_free"])), evidence.address(paths["label_free"])
        ),
        "modes": _modes_view(read_json(paths["modes"]), specification, names) if "modes" in paths else {"modes": []},
        "failed": failed,
        "missed": [check["sentence"] for check in failed if check["name"] in checks.MODES],
        "warned": [check for check in found["checks"] if check["status"] == "warn"],
        "passed": sum(check["status"] == checks.PASS for check in found["checks"]),
        "passed_table": _checks_table(found, paths["checks"], checks.PASS),
        "checks_table": _checks_table(found, paths["checks"], checks.WARN, checks.FAIL),
        "estimates_table": _estimates_table(rows, known, paths["summary"]),
        "family": specification.family.partition(" of ")[0],
        "scales": ", ".join(specification.transform or []),
        "centres_table": _centres_table(paths["centres"], names) if labels["trusted"] else "",
        "covered": int(summary["covered"].sum()) if known else None,
        "compared": int(summary["truth"].notna().sum()) if known else None,
        "membership_table": _membership_table(
            least, labels, paths["membership_of_groups" if "membership_of_groups" in paths else "membership"]
        ),
        "memberships": said,
        "cutoffs_table": _cutoffs_table(cuts, config["datasets"][asked.dataset]["cutoffs"], names),
        "clusters_table": tables.html_table(
            columns.clusters(specification.columns),
            placed(said["clusters"]),
            evidence.address(paths["memberships"], "clusters"),
        ),
        "average_table": _average_table(paths["memberships"], said["average"], columns.parts_of(membership), names),
        "predicted": _predicted(paths["predicted"], labels) if "predicted" in paths else None,
        "sizes": _sizes(of_units, names),
        "number": int(of_units["weight"].sum()),
        "things": "observations" if of_units is membership else "groups",
        "shares": _shares(membership, of_units, names),
        "uncertain": int(of_units.loc[of_units["uncertainty"] > 0.1, "weight"].sum()),
        "loo": loo,
        "predictive": (predictive := read_json(paths["predictive"])),
        "statistics": list(enumerate(predictive["statistics"])),
        "versions": specification.versions,
        "figures": {name: paths[name] for name in FIGURES if name in paths},
    }


def _lines(frame):
    """The rows of a table with their lines in it."""
    return [
        row | {"place": evidence.line(number)} for number, row in enumerate(frame.astype(object).to_dict("records"))
    ]


def _estimates(summary, found, names):
    """The rows of the estimates, with what they are in words, without what is constant by construction."""
    rows = []
    for row in _lines(summary):
        row = {key: None if pd.isna(value) else value for key, value in row.items()}
        if row["parameter"] == "theta" and found.components == 1:
            continue
        called = "" if row["component"] is None else found.called(int(row["component"]) - 1)
        meaning = words.title(
            row, found.specification.parameters, found.label, called, found.scales, found.exposure, found.by_group
        )
        rows.append(row | {"meaning": meaning, "title": _parameter_title(row, names)})
    return rows


def _estimates_table(rows, known, path):
    titles = [columns.MEANING, *columns.SUMMARY, *(columns.TRUTH if known else [])]
    return tables.html_table(titles, rows, evidence.address(path)) if rows else ""


def _checks_table(found, path, *statuses):
    """The checks of these statuses; empty where there are none."""
    rows = [row for row in placed(found["checks"]) if row["status"] in statuses]
    return tables.html_table(columns.CHECKS, rows, evidence.address(path, "checks")) if rows else ""


def _centres_table(path, names):
    """Where the components lie among the values of the data; empty where their locations say so themselves."""
    centres = pd.read_csv(path, **columns.TEXT)
    rows = [
        {
            **row,
            "title": columns.title_of("centre", row["component"], [row["column"]] if "column" in row else [], names),
        }
        for row in _lines(centres)
    ]
    return tables.html_table(columns.SUMMARY, rows, evidence.address(path)) if rows else ""


def _modes_view(found, specification, called):
    """What the page says of the modes: all that was found, where the chains are, and a table of the first modes."""
    if not found["modes"]:
        return found
    names = [name for name in found["modes"][0]["state"] if name != "theta"]
    modes = specification.modes
    names = [
        name for name in names if modes[name] in ("own", "partly") and np.ndim(found["modes"][0]["state"][name]) == 1
    ]
    rows = []
    for mode in found["modes"][: found["shown"]]:
        row = {"number": mode["number"], "gap": mode["gap"], "starts": mode["starts"]}
        row["share"] = mode_words.held(mode)
        row["chains"] = mode_words.chains_in(mode) or "none"
        row |= {name: ", ".join(map(tables.number, mode["state"][name])) for name in ["theta", *names]}
        rows.append(row | {"remarks": mode_words.remarks(mode, called)})
    table = columns.modes(names, any(row["remarks"] for row in rows))
    return {**found, "table": tables.html_table(table, rows), "chains": mode_words.on_chains(found)}


def placed(rows: Observations) -> list:
    """Rows of a list of JSON with their places in it."""
    return [row | {"place": place} for place, row in enumerate(rows)]


def _pair(pair, names):
    return pair | {key: columns.word_for(pair[key], names) for key in ("first", "second")}


def _membership_table(frame, labels, path):
    """Rows of a table of memberships, whose index says which of the file they are."""
    rows = memberships.as_read(memberships.with_interval_of_best(frame), labels["names"]).to_dict("records")
    kept = {"obs_id", "y", "weight", "uncertainty", *map(columns.probability, columns.parts_of(frame))}
    titles = [
        title | {"ours": title["key"] not in kept}
        for title in columns.membership(memberships.with_interval_of_best(frame), labels["trusted"], labels["names"])
    ]
    rows = [row | {"place": evidence.line(number)} for number, row in zip(frame.index, rows, strict=True)]
    return tables.html_table(titles, rows, evidence.address(path))


def _cutoffs_table(table, levels, names):
    """The cut-offs, one line for each side of a component; nothing where there are none."""
    rows = cutoff_words.table_rows(table, levels, names)
    return tables.html_table(columns.cutoffs(levels), rows) if rows else ""


def _average_table(path, average, parts, names):
    """The average memberships by most probable component; empty for a single one."""
    if len(parts) == 1:
        return ""
    rows = [
        {"place": place, "assigned": columns.called(part, names), **{str(k): value for k, value in enumerate(row)}}
        for place, (part, row) in enumerate(zip(parts, average, strict=True))
        if row is not None
    ]
    return tables.html_table(columns.average(parts, names), rows, evidence.address(path, "average"))


def _predicted(path, labels):
    """The first new rows and how many there are."""
    frame = pd.read_csv(path, dtype={"component": str}, **columns.AS_WRITTEN)
    first = frame.head(LISTED)
    return {"n": len(frame), "shown": len(first), "path": path, "table": _membership_table(first, labels, path)}


def _sizes(membership, names):
    """How many observations have each part as their most probable one: name and size (list of tuple)."""
    parts = columns.parts_of(membership)
    sizes = membership.groupby(membership["component"].astype(str))["weight"].sum()
    called = {part: "the extra zeros" if part == "zero" else columns.called(part, names) for part in parts}
    return [(name, int(sizes.get(part, 0))) for part, name in called.items()]


def _shares(membership, of_units, names):
    """How much of the groups, and how much of their rows, belongs to each component (str)."""
    texts = []
    for part in columns.parts_of(membership):
        groups, rows = (
            100 * np.average(frame[columns.probability(part)], weights=frame["weight"])
            for frame in (of_units, membership)
        )
        texts.append(f"{columns.called(part, names)} has {groups:.1f}% of the groups and {rows:.1f}% of the rows")
    return "; ".join(texts)


def _of_components(entry):
    """For which components a parameter is estimated that is fixed for others, behind its name; nothing elsewhere."""
    return f"[{', '.join(str(k + 1) for k in entry.free)}]" if entry.partly else ""


def _of_column(entry):
    """The name of a specification's parameter, and of the column that it is about where there are several."""
    return columns.title_of(entry.name, None, [entry.column] if entry.column else [])


def _parameter_title(row, names):
    about = [row[key] for key in columns.OF_SCALARS if not pd.isna(row.get(key))]
    return columns.title_of(row["parameter"], None if pd.isna(row["component"]) else row["component"], about, names)
