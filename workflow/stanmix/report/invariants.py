"""What must hold in every report, whatever the data: a report that breaks one of these is not written."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from stanmix.assess import cutoffs
from stanmix.base import columns
from stanmix.base.seeds import seed_for
from stanmix.data import observations
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.specification import MADE

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from stanmix.config.plan import Fit
    from stanmix.model.specification import Specification

TOLERANCE = 1e-6
SLACK = 0.05  # the intervals may look at fewer draws than the means


class InvariantError(Exception):
    """The artifacts contradict themselves; the report would print something impossible."""


def verify(
    title: str,
    specification: dict,
    summary: pd.DataFrame,
    membership: pd.DataFrame,
    memberships: dict,
    loo: dict,
    loo_pointwise: pd.DataFrame,
    noticed: dict,
) -> None:
    """Check the tables of one fit against each other.

    Parameters
    ----------
    title : str
        What to call the fit.
    specification, memberships, loo, noticed : dict
        The fit's specification, what is said of its memberships, its LOO, and what was noticed about the data.
    summary, membership, loo_pointwise : pandas.DataFrame
        As written by `assessment.assess`.

    Raises
    ------
    InvariantError
        With one sentence for each invariant that does not hold.
    """
    components, n = specification.components, specification.n
    parts = columns.parts_of(membership)
    probabilities = membership[[columns.probability(part) for part in parts]].to_numpy()
    broken = []

    def hold(condition: bool, sentence: str) -> None:
        if not condition:
            broken.append(f"{title}: {sentence}")

    weights = summary[summary["parameter"] == "theta"]
    if not specification.weights.fixed:
        total = weights["mean"].sum()
        hold(len(weights) == components, f"there are {len(weights)} weights for {components} components.")
        hold(abs(total - 1) < TOLERANCE, f"the posterior mean weights add to {total:.6f} instead of 1.")
    outside = summary[~((summary["hdi_lower"] <= summary["median"]) & (summary["median"] <= summary["hdi_upper"]))]
    hold(outside.empty, f"the interval of {', '.join(outside['parameter'])} does not contain the median.")
    rows = np.abs(probabilities.sum(axis=1) - 1).max()
    hold(parts == mixture.parts(specification.family, components), "the membership table has other components.")
    hold(rows < TOLERANCE, f"a row of the membership table adds to 1 only within {rows:.2g}.")
    best = np.array(parts)[probabilities.argmax(axis=1)]
    hold((best == membership["component"].astype(str)).all(), "a most probable component is not.")
    if rows < TOLERANCE and parts == mixture.parts(specification.family, components):
        _hold_intervals(hold, membership, parts, probabilities)
    each = membership if not specification.by_group else membership.drop_duplicates("group")
    from_table = np.average(each["uncertainty"], weights=each["weight"])
    agree = abs(from_table - memberships["expected_misclassification"]) < TOLERANCE
    hold(agree, "the expected misclassification is not that of the table.")
    if agree and rows < TOLERANCE and len(parts) == len(memberships["average"]):
        _hold_averages(hold, each, parts, memberships)
    sizes = membership.groupby("cluster")["weight"].sum()
    said = {entry["cluster"]: entry["size"] for entry in memberships["clusters"]}
    hold(sizes.to_dict() == said, "the clusters have other sizes than in the table.")
    hold(list(said) == list(range(1, len(said) + 1)), "the clusters are not numbered from 1.")
    for entry in specification.parameters:
        if entry.ordered and not entry.fixed:
            chosen = summary["parameter"] == entry.name
            if entry.column is not None:
                chosen &= summary["column"] == entry.column
            means = summary.loc[chosen, "mean"].to_numpy()
            hold((np.diff(means) > 0).all(), f"the components are not in the order of {entry.name}.")
    left_out = noticed["groups"]["number"] if noticed["groups"] else n  # one by one
    hold(
        n == noticed["n"] == membership["weight"].sum() and left_out == loo_pointwise["weight"].sum() == loo["n"],
        f"the counts differ: {n} observations were fitted, {noticed['n']} read, {membership['weight'].sum()} have "
        f"memberships and {loo_pointwise['weight'].sum()} a LOO value"
        + (f", of {left_out} groups." if noticed["groups"] else "."),
    )
    total = loo_pointwise["elpd"] @ loo_pointwise["weight"]
    hold(abs(total - loo["elpd"]) < 1e-6 * abs(total), "the pointwise LOO values do not add to their total.")
    if loo["right"] is not None:
        hold(loo["right"] == membership["right"].sum(), "the number of right memberships is not that of the table.")
    if "truth" in summary:
        inside = (summary["hdi_lower"] <= summary["truth"]) & (summary["truth"] <= summary["hdi_upper"])
        hold((inside == summary["covered"])[summary["truth"].notna()].all(), "covered contradicts an interval.")
    if broken:
        raise InvariantError("\n".join(broken))


def verify_cutoffs(title: str, table: pd.DataFrame, membership: pd.DataFrame) -> None:
    """Check that the cut-offs say of every observation what its memberships say.

    Parameters
    ----------
    title : str
        What to call the fit.
    table, membership : pandas.DataFrame
        As written by `assessment.assess`.

    Raises
    ------
    InvariantError
        With the first observation that lies on the wrong side of a cut-off.
    """
    if cutoffs.turns(table).empty:
        return
    probabilities = membership[[columns.probability(part) for part in columns.parts_of(membership)]].to_numpy()
    lead = np.diff(np.sort(probabilities, axis=1)[:, -2:])[:, 0]
    by_rule = cutoffs.by_rule(table, membership["y"])
    wrong = (by_rule != membership["component"].astype(str)) & (lead > TOLERANCE)
    wrong &= membership["known"].isna() if "known" in membership else True
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise InvariantError(
            f"{title}: the cut-offs put observation {first + 1} into component {by_rule[first]}, its memberships into "
            f"{membership['component'][first]}."
        )


def verify_asked(
    title: str,
    specification: Specification,
    asked: Fit,
    config: dict,
    noticed: dict,
    data: str | PathLike | None = None,
) -> None:
    """Check that a fit is the one that the configuration asks for now.

    Parameters
    ----------
    title : str
        What to call the fit.
    specification : Specification
        The fit's specification, as it was sampled.
    asked : plan.Fit
        The data set, model and number of components that the configuration asks for.
    config : dict
        The checked configuration, or the slice of it that the data set rests on.
    noticed : dict
        What was noticed about the data.
    data : path-like, optional
        The observations, of which more is noticed where the model transforms them.

    Raises
    ------
    InvariantError
        With the names of what differs.
    """
    rounding = config["datasets"][asked.dataset].get("rounding")
    model = config["models"][asked.model]
    rows = observations.read(data) if "transform" in model or "shift" in model else None
    wanted = specify(asked.model, model, asked.components, noticed, rounding, rows)
    sampled = specification.sampling
    chosen = {"metric"} if config["sampling"]["metric"] == "auto" else set()  # what the fit itself decides
    chosen |= {"adapt_delta"} if specification.adapt_delta_raised else set()
    sampling = {key: value for key, value in config["sampling"].items() if key not in chosen}
    seed = seed_for(config["seed"], "fit", asked.dataset, asked.model, str(asked.components))
    resolved = [field.name for field in fields(wanted) if field.name not in MADE]  # before anything was sampled
    differs = [key for key in resolved if getattr(specification, key) != getattr(wanted, key)]
    differs += [f"sampling.{key}" for key, value in sampling.items() if sampled.get(key) != value]
    differs += ["seeds"] if specification.seeds["chains"] != seed_for(seed, "chains") else []
    if differs:
        raise InvariantError(
            f"{title}: what was sampled is not what the configuration asks for; the specification differs in "
            f"{', '.join(differs)}."
        )


def _hold_averages(hold, table, parts, said):
    """What is said of how certain memberships are follows from the table."""
    probabilities = table[[columns.probability(part) for part in parts]].to_numpy()
    if len(parts) > 1:
        logs = np.log(np.where(probabilities > 0, probabilities, 1))
        entropy = np.average(-(probabilities * logs).sum(axis=1), weights=table["weight"])
        hold(abs(1 - entropy / np.log(len(parts)) - said["entropy_r2"]) < TOLERANCE, "the entropy is another.")
    best = probabilities.argmax(axis=1)
    for place, (part, row) in enumerate(zip(parts, said["average"], strict=True)):
        own = best == place
        same = row is None if not own.any() else row is not None and np.allclose(
            np.average(probabilities[own], axis=0, weights=table["weight"][own]), row, atol=TOLERANCE
        )  # fmt: skip
        hold(same, f"the average memberships of component {part} are not those of the table.")


def _hold_intervals(hold, membership, parts, probabilities):
    ends = [columns.probability(part, end) for end in ("lower", "upper") for part in parts]
    if not set(ends) <= set(membership):
        hold(False, "a membership has no interval.")
        return
    lower, upper = np.hsplit(membership[ends].to_numpy(), 2)
    hold(
        ((lower >= -TOLERANCE) & (lower <= upper + TOLERANCE) & (upper <= 1 + TOLERANCE)).all(),
        "the interval of a membership has no order, or leaves 0 and 1.",
    )
    # No more than a twentieth of the draws lies beyond each end. So the mean may lie outside, but not far.
    near = (probabilities >= 0.95 * lower - SLACK) & (probabilities <= 0.95 * upper + 0.05 + SLACK)
    hold(near.all(), "a membership is farther from its interval than a mean can be.")
    if 0.05 * len(parts) < 1:  # then there is a draw above all lower ends, and one below all upper ends
        around = (lower.sum(axis=1) <= 1 + TOLERANCE) & (upper.sum(axis=1) >= 1 - TOLERANCE)
        hold(around.all(), "no memberships within their intervals add to 1.")
    uncertain = (membership["uncertainty"] + probabilities.max(axis=1) - 1).abs() < TOLERANCE
    hold(uncertain.all(), "an uncertainty is not that of the most probable component.")
