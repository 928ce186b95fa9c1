"""What must hold in every report, whatever the data: a report that breaks one of these is not written."""

import numpy as np

from stanmix import mixture

TOLERANCE = 1e-6


class InvariantError(Exception):
    """The artifacts contradict themselves; the report would print something impossible."""


def verify(title, specification, summary, membership, loo, loo_pointwise, noticed):
    """Check the tables of one fit against each other.

    Parameters
    ----------
    title : str
        What to call the fit.
    specification, loo, noticed : dict
        The fit's specification and LOO, and what was noticed about the data.
    summary, membership, loo_pointwise : pandas.DataFrame
        As written by `assessment.assess`.

    Raises
    ------
    InvariantError
        With one sentence for each invariant that does not hold.
    """
    components, n = specification["components"], specification["n"]
    probabilities = membership.filter(regex="^probability_").to_numpy()
    broken = []

    def hold(condition, sentence):
        if not condition:
            broken.append(f"{title}: {sentence}")

    weights = summary[summary["parameter"] == "theta"]
    if specification["weights"]["mode"] == "estimated":
        total = weights["mean"].sum()
        hold(len(weights) == components, f"there are {len(weights)} weights for {components} components.")
        hold(abs(total - 1) < TOLERANCE, f"the posterior mean weights add to {total:.6f} instead of 1.")
    outside = summary[~((summary["hdi_lower"] <= summary["median"]) & (summary["median"] <= summary["hdi_upper"]))]
    hold(outside.empty, f"the interval of {', '.join(outside['parameter'])} does not contain the median.")
    rows = np.abs(probabilities.sum(axis=1) - 1).max()
    parts = [name.removeprefix("probability_") for name in membership if name.startswith("probability_")]
    hold(parts == mixture.parts(specification["family"], components), "the membership table has other components.")
    hold(rows < TOLERANCE, f"a row of the membership table adds to 1 only within {rows:.2g}.")
    best = np.array(parts)[probabilities.argmax(axis=1)]
    hold((best == membership["component"].astype(str)).all(), "a most probable component is not.")
    for entry in specification["parameters"]:
        if entry["ordered"] and entry["mode"] != "fixed":
            chosen = summary["parameter"] == entry["name"]
            if "column" in entry:
                chosen &= summary["column"] == entry["column"]
            means = summary.loc[chosen, "mean"].to_numpy()
            hold((np.diff(means) > 0).all(), f"the components are not in the order of {entry['name']}.")
    hold(
        n == noticed["n"] == membership["weight"].sum() == loo_pointwise["weight"].sum() == loo["n"],
        f"the counts differ: {n} observations were fitted, {noticed['n']} read, {membership['weight'].sum()} have "
        f"memberships and {loo_pointwise['weight'].sum()} a LOO value.",
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
