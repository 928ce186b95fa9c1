"""The report of a data set: one self-contained page, made from artifacts, withheld when they contradict themselves."""

import base64
import re
from pathlib import Path

import docutils.core
import jinja2
import numpy as np
import pandas as pd
import yaml
from markupsafe import Markup

from stanmix.assess import checks, cutoff_words, memberships
from stanmix.base import columns, tables
from stanmix.base.files import read_json, write_text
from stanmix.config import plan
from stanmix.fits import mode_words
from stanmix.model.specification import Specification
from stanmix.report import invariants

LISTED = 10  # rows of a membership table on the page: the least certain, or the first new ones
FIGURES = (
    *("diagram", "prior", "traces", "membership_figure", "co_clustering", "density"),
    *("ecdf", "transform", "statistics", "replicates"),
    "bands",  # only of continuous data
    "modes_figure",  # only of several components
    "groups",  # only where groups of rows have one membership each
)


def write_report(dataset, inputs, fits, captions, programs, config, content, output):
    """Write the page of one data set.

    Parameters
    ----------
    dataset : str
        The data set's name.
    inputs : mapping
        Paths of what belongs to the data set: observations, noticed, facts, data_svg, weights_svg, comparison_json,
        comparison_svg, estimates_svg, numbers, numbers_svg, toolchain, compiled (a list: what each program was compiled
        from) and, for simulated data, truth.
    fits : dict
        For each fit's title a mapping of paths: specification, checks, labels, label_free, summary, centres,
        membership, memberships, cutoffs, loo, loo_pointwise, predictive, the figures of `FIGURES` and, with new rows,
        predicted.
    captions : mapping
        For each figure's or table's name the path of its caption.
    programs : list of path-like
        The Stan programs and their includes, in Stan throughout.
    config : dict
        The slice of the configuration that this report rests on.
    content : dict
        The sha256 of every CSV file that was read, by its path.
    output : path-like
        The page.

    Raises
    ------
    invariants.InvariantError
        When the artifacts contradict themselves.
    """
    noticed, comparison = read_json(inputs["noticed"]), read_json(inputs["comparison_json"])
    facts = read_json(inputs["facts"])
    asked = {title: fit for fit, title in plan.titles(plan.fits(config)).items()}
    if list(asked) != list(fits):
        raise invariants.InvariantError(f"{dataset}: the report does not hold the fits of the configuration.")
    data = inputs.get("observations")
    views = [_fit_view(title, paths, noticed, asked[title], config, data) for title, paths in fits.items()]
    for view in [view for view in views if view["modes"]["modes"]][:1]:
        view["modes"]["first"] = True  # the caption stands there
    if {view["title"] for view in views} != {row["model"] for row in comparison["models"]}:
        raise invariants.InvariantError(f"{dataset}: the comparison does not hold the models of the report.")
    page = tables.environment().get_template("report.html.j2")
    text = page.render(
        dataset=dataset,
        label=plan.label(config["datasets"][dataset]),
        noticed=noticed,
        facts=facts,
        truth=read_json(inputs["truth"]) if inputs.get("truth") else None,
        source=config["datasets"][dataset],
        known=_known(noticed["known"], plan.groups(config, dataset)),
        fits=views,
        status=_status(views, read_json(inputs["numbers"])),
        comparison=comparison,
        comparison_table=tables.html_table(comparison["columns"], comparison["models"]),
        figures={
            name: _image(inputs[f"{name}_svg"]) for name in ("data", "weights", "comparison", "estimates", "numbers")
        },
        numbers=[
            judged | {"table": tables.html_table(columns.NUMBERS, [_number_row(row) for row in judged["rows"]])}
            for judged in read_json(inputs["numbers"])
        ],
        captions={name: _caption(path, facts["kind"]) for name, path in captions.items()},
        toolchain=read_json(inputs["toolchain"]),
        versions=views[0]["versions"],
        kernel=any(read_json(path)["kernel"] for path in inputs["compiled"]),
        programs=[{"name": Path(path).name, "text": Path(path).read_text(encoding="utf-8")} for path in programs],
        content=content,
        config=yaml.safe_dump(config, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100),
        number=tables.number,
        p_text=checks.p_text,
        small=checks.small,
    )
    write_text(output, text)


def _known(known, groups):
    """How many rows of each component are known, in words; empty where none is."""
    if not known:
        return ""
    named = {}
    for name, number in groups.items():
        named.setdefault(number, []).append(name)
    said = []
    for number, rows in enumerate(known["each"], start=1):
        if rows:
            names = " or ".join(named.get(number, []))
            said.append(f"{f'{names} is component {number}' if names else f'component {number}'} ({rows})")
    return ", ".join(said)


def _status(views, judged):
    """How far the fits that the page recommends can be trusted: of each model that with its verdict's number."""
    chosen = {verdict["model"]: verdict["verdict"] for verdict in judged}
    found = []
    for view in views:
        model = view["specification"].model
        if model not in chosen or view["specification"].components == chosen[model]:
            found.append(view["checks"]["status"])
    return checks.worst(found + ["fail" for verdict in chosen.values() if verdict is None])


def _fit_view(title, paths, noticed, asked, config, data):
    """Everything the page says of one fit, its artifacts checked against each other first."""
    specification, loo = Specification.read(paths["specification"]), read_json(paths["loo"])
    found, trust = read_json(paths["checks"]), read_json(paths["labels"])
    names = trust["names"]
    summary = pd.read_csv(paths["summary"], **columns.TEXT).astype({"component": "Int64"})
    membership, said = pd.read_csv(paths["membership"], **columns.AS_WRITTEN), read_json(paths["memberships"])
    pointwise = pd.read_csv(paths["loo_pointwise"])
    invariants.verify_asked(title, specification, asked, config, noticed, data)
    invariants.verify(title, specification, summary, membership, said, loo, pointwise, noticed)
    cuts = pd.read_csv(paths["cutoffs"], dtype={"component": str, "rather_than": str})
    invariants.verify_cutoffs(title, cuts, membership)
    rows = [{**row, "title": _parameter_title(row, names)} for row in summary.astype(object).to_dict("records")]
    known = "truth" in summary
    of_units = membership
    if "membership_of_groups" in paths:
        of_units = pd.read_csv(paths["membership_of_groups"], dtype={"component": str}, **columns.AS_WRITTEN)
    least = of_units.sort_values("uncertainty", ascending=False, kind="stable").head(LISTED)
    estimated = [
        {
            "name": _of_column(entry),
            "meaning": entry.meaning,
            "text": entry.text,
            "is_default": entry.is_default,
        }
        for entry in specification.parameters
        if not entry.fixed
    ]
    failed = [check for check in found["checks"] if check["status"] == "fail"]
    if not trust["trusted"]:  # then nothing is said of single components
        rows = [row for row in rows if pd.isna(row["component"])]
    return {
        "title": title,
        "anchor": re.sub(r"[^A-Za-z0-9._-]+", "-", title),
        "specification": specification,
        "ordered_by": ", ".join(_of_column(entry) for entry in specification.parameters if entry.ordered),
        "priors": estimated,
        "checks": found,
        "labels": trust,
        "labels_table": tables.html_table(columns.LABELS, [_pair(pair, names) for pair in trust["pairs"]]),
        "components": [columns.called(str(k + 1), names) for k in range(specification.components)] if names else [],
        "label_free_table": tables.html_table(
            columns.SUMMARY, pd.read_csv(paths["label_free"]).astype(object).to_dict("records")
        ),
        "modes": _modes_view(read_json(paths["modes"]), specification, names) if "modes" in paths else {"modes": []},
        "failed": failed,
        "missed": [check["sentence"] for check in failed if check["name"] in checks.MODES],
        "withheld": [check["sentence"] for check in failed if check["name"] in checks.LABELS],
        "warned": [check for check in found["checks"] if check["status"] == "warn"],
        "checks_table": tables.html_table(columns.CHECKS, found["checks"]),
        "estimates_table": tables.html_table(columns.SUMMARY + (columns.TRUTH if known else []), rows) if rows else "",
        "family": specification.family.partition(" of ")[0],
        "scales": ", ".join(specification.transform or []),
        "centres_table": _centres_table(paths["centres"], names) if trust["trusted"] else "",
        "weights_total": summary.loc[summary["parameter"] == "theta", "mean"].sum(),
        "covered": int(summary["covered"].sum()) if known else None,
        "compared": int(summary["truth"].notna().sum()) if known else None,
        "membership_table": _membership_table(least, trust),
        "memberships": said,
        "cutoffs_table": _cutoffs_table(cuts, config["datasets"][asked.dataset]["cutoffs"], names),
        "clusters_table": tables.html_table(columns.clusters(specification.columns), said["clusters"]),
        "predicted": _predicted(paths["predicted"], trust) if "predicted" in paths else None,
        "sizes": _sizes(membership, names),
        "shares": _shares(membership, of_units, names),
        "uncertain": int(membership.loc[membership["uncertainty"] > 0.1, "weight"].sum()),
        "loo": loo,
        "predictive": read_json(paths["predictive"]),
        "versions": specification.versions,
        "figures": {name: _image(paths[name]) for name in FIGURES if name in paths},
    }


def _centres_table(path, names):
    """Where the components lie among the values of the data; empty where their locations say so themselves."""
    centres = pd.read_csv(path, **columns.TEXT)
    rows = [
        {
            **row,
            "title": columns.title_of("centre", row["component"], [row["column"]] if "column" in row else [], names),
        }
        for row in centres.astype(object).to_dict("records")
    ]
    return tables.html_table(columns.SUMMARY, rows) if rows else ""


def _modes_view(found, specification, called):
    """What the page says of the modes: all that was found, where the chains are, and a table of the first modes."""
    if not found["modes"]:
        return found
    state = found["modes"][0]["state"]
    names = [n for n in state if n != "theta" and specification.modes[n] == "own" and np.ndim(state[n]) == 1]
    rows = []
    for mode in found["modes"][: found["shown"]]:
        row = {"number": mode["number"], "gap": mode["gap"], "starts": mode["starts"]}
        row["share"] = mode_words.held(mode)
        row["chains"] = mode_words.chains_in(mode) or "none"
        row |= {name: ", ".join(map(tables.number, mode["state"][name])) for name in ["theta", *names]}
        rows.append(row | {"remarks": mode_words.remarks(mode, called)})
    table = columns.modes(names, any(row["remarks"] for row in rows))
    return {**found, "first": False, "table": tables.html_table(table, rows), "chains": mode_words.on_chains(found)}


def _number_row(row):
    return row | {"failed": ", ".join(row["failed"]) or "none", "within": "yes" if row["within"] else "no"}


def _pair(pair, names):
    return pair | {key: columns.word_for(pair[key], names) for key in ("first", "second")}


def _membership_table(frame, trust):
    frame = memberships.with_interval_of_best(frame)
    titles = columns.membership(frame, trust["trusted"], trust["names"])
    return tables.html_table(titles, memberships.as_read(frame, trust["names"]).to_dict("records"))


def _cutoffs_table(table, levels, names):
    """The cut-offs, one line for each side of a component; nothing where there are none."""
    rows = cutoff_words.table_rows(table, levels, names)
    return tables.html_table(columns.cutoffs(levels), rows) if rows else ""


def _predicted(path, trust):
    """The first new rows and how many there are."""
    frame = pd.read_csv(path, dtype={"component": str}, **columns.AS_WRITTEN)
    first = frame.head(LISTED)
    return {"n": len(frame), "shown": len(first), "path": path, "table": _membership_table(first, trust)}


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


def _of_column(entry):
    """The name of a specification's parameter, and of the column that it is about where there are several."""
    return columns.title_of(entry.name, None, [entry.column] if entry.column is not None else [])


def _parameter_title(row, names):
    about = [row[key] for key in columns.OF_SCALARS if not pd.isna(row.get(key))]
    return columns.title_of(row["parameter"], None if pd.isna(row["component"]) else row["component"], about, names)


def _image(path):
    """An SVG file as an address that carries the picture itself."""
    return Markup("data:image/svg+xml;base64,") + base64.b64encode(Path(path).read_bytes()).decode()


def _caption(path, kind):
    """A caption in reStructuredText as an HTML fragment, filled in as Snakemake does for its own report."""
    text = jinja2.Template(Path(path).read_text(encoding="utf-8")).render(snakemake={"params": {"kind": kind}})
    parts = docutils.core.publish_parts(text, writer="html5", settings_overrides={"report_level": 2, "halt_level": 2})
    return Markup(parts["body"])
