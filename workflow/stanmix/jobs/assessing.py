"""The job that assesses a fit: reads it, has it assessed and writes what it says."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from stanmix.assess import checks, cutoff_words, memberships
from stanmix.assess.assessment import Assessment, Fit, assess
from stanmix.base import columns, tables
from stanmix.base.files import read_json, write_csv, write_json
from stanmix.base.text import shielded
from stanmix.data import observations
from stanmix.fits import inference
from stanmix.model.specification import Specification


def assess_fit(
    inputs: Mapping,
    outputs: Mapping,
    model: dict,
    seed: int,
    axis: str = "auto",
    levels: Sequence[float] = (),
    names: list[str] | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Write every table of one fit.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, noticed, draws, specification, data, executable, toolchain, for several components modes
        and, for simulated data, truth.
    outputs : mapping
        Paths: checks, labels, summary, summary_html, centres, label_free, membership, membership_html, memberships,
        cutoffs, cutoffs_html, co_clustering, loo, loo_pointwise, density, memberships_by_value, replicates, ecdf,
        transform, statistics, prior, predictive.
    model : dict
        Its entry in the checked configuration.
    seed, axis, levels, say
        As for `assessment.assess`.
    names : list of str, optional
        What the components are called; `labels` carries it to all that speak of them.
    """
    fit = Fit(
        rows=observations.read(inputs["observations"]),
        specification=Specification.read(inputs["specification"]),
        idata=inference.read_draws(inputs["draws"]),
        model=model,
        noticed=read_json(inputs["noticed"]),
        names=names,
        modes=read_json(inputs["modes"]) if inputs.get("modes") else None,
        truth=read_json(inputs["truth"]) if inputs.get("truth") else None,
    )
    said = assess(fit, inputs, seed, axis, levels, say)
    write_json(outputs["labels"], said.labels)
    write_json(outputs["checks"], checks.as_json(said.checks))
    write_json(outputs["loo"], said.loo)
    write_csv(outputs["loo_pointwise"], said.pointwise)
    write_csv(outputs["centres"], said.centres)
    write_json(outputs["predictive"], said.predictive)
    for name, table in said.tables.items():
        write_csv(outputs[name], table)
    _write_summary(outputs, fit, said)
    _write_memberships(outputs, fit, said)
    _write_cutoffs(outputs, fit, said, levels)


def _write_summary(outputs: Mapping, fit: Fit, said: Assessment) -> None:
    rows, names = said.summary, fit.names
    known = [row for row in rows if row["truth"] is not None]
    shown = columns.SUMMARY + (columns.TRUTH if known else [])
    keys = ["parameter", "component", *(key for key in columns.OF_SCALARS if any(key in row for row in rows))]
    keys += [*(column["key"] for column in columns.SUMMARY[1:]), "median"]
    frame = pd.DataFrame(
        [{key: row.get(key) for key in keys + (["truth", "covered"] if known else [])} for row in rows]
    )
    frame["component"] = frame["component"].astype("Int64")
    if names is not None:
        of_each = [None if row["component"] is None else shielded(names[row["component"] - 1]) for row in rows]
        frame.insert(list(frame).index("component") + 1, columns.CALLED, of_each)
    write_csv(outputs["summary"], frame)
    write_csv(outputs["label_free"], pd.DataFrame(said.label_free))
    note = "Posterior mean, standard deviation and 95% highest-density interval of every parameter."
    if known:
        note += f" The interval holds the truth for {sum(row['covered'] for row in known)} of {len(known)} parameters."
    tables.write_html(outputs["summary_html"], f"Estimates of {fit.specification.model}", note, shown, rows)


def _write_memberships(outputs: Mapping, fit: Fit, said: Assessment) -> None:
    frame, trusted, names = said.memberships, said.labels["trusted"], fit.names
    write_csv(outputs["membership"], frame)
    of_sampled = frame["cluster"].to_numpy()[said.sampled]
    memberships.write_co_clustering(outputs["co_clustering"], said.similarity, said.sampled + 1, of_sampled)
    write_json(outputs["memberships"], said.facts)
    if trusted:
        note = "The posterior probability of each component for every observation, the least certain first. "
        note += "All rows of a group have the same. " if fit.specification.by_group else ""
        note += "The 90% interval is that of the most probable component."
        frame = memberships.with_interval_of_best(frame).sort_values("uncertainty", ascending=False, kind="stable")
    else:
        note = "The components of these draws cannot be trusted, so no memberships are shown, but the cluster of each "
        note += "observation in a partition that needs no names."
    if trusted and said.loo["right"] is not None:
        note += f" {said.loo['right']} of {len(frame)} most probable components are the true ones."
    if len(frame) > memberships.LISTED:
        note += f" The first {memberships.LISTED} of {len(frame)} rows are shown; the CSV file has all."
    shown = memberships.as_read(frame.head(memberships.LISTED), names).to_dict("records")
    titles = columns.membership(frame, trusted, names)
    tables.write_html(outputs["membership_html"], f"Memberships under {fit.specification.model}", note, titles, shown)


def _write_cutoffs(outputs: Mapping, fit: Fit, said: Assessment, levels: Sequence[float]) -> None:
    table, names = said.cutoffs, fit.names
    shown = columns.cutoffs(levels), cutoff_words.table_rows(table, levels, names)
    if names is not None:
        of_each = [shielded(columns.called(part, names)) for part in table["component"]]
        table = table.copy()
        table.insert(list(table).index("component") + 1, columns.CALLED, of_each)
    write_csv(outputs["cutoffs"], table)
    title = f"Cut-offs under {fit.specification.model}"
    tables.write_html(outputs["cutoffs_html"], title, " ".join(said.facts["cutoffs"]), *shown)
