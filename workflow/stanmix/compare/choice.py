"""Which fit of a data set stands for it beside other data sets, and what may be said of its components there."""

import pandas as pd

from stanmix.base import columns
from stanmix.base.files import read_json
from stanmix.model.specification import Specification


def choose(fits, ranked, judged, checks):
    """The line of a data set in the overview.

    For each model with several numbers of components its verdict is taken, of any other its fit if that passes its
    checks; among these the one that predicts best.

    Parameters
    ----------
    fits : dict
        For each fit's title a mapping: its model and components, and the paths of labels, summary and specification.
    ranked : list of dict
        The fits as compared, the best first: model (their title), status, failed and n.
    judged : list of dict
        What `numbers.judge` says of every model with several numbers of components.
    checks : dict
        For each fit's title its checks.

    Returns
    -------
    dict
        status ("fail" when no fit is chosen); n; fits and failing (how many there are, and how many fail a check);
        title (of the chosen fit, or else of the best one); model, family, components and tried (the numbers of
        components of that model), all None when no fit is chosen; remark (what the checks say); location (the
        parameter); parts: for each component its number, weight and locations (a list with column, mean and sd); and
        names (what they are called, or None).
        There are no parts when no fit is chosen or the names of its components cannot be trusted.
    """
    verdicts = {each["model"]: each["verdict"] for each in judged}
    status = {row["model"]: row["status"] for row in ranked}
    passing = [
        row["model"]
        for row in ranked
        if row["status"] != "fail"
        and verdicts.get(fits[row["model"]]["model"], fits[row["model"]]["components"])
        == fits[row["model"]]["components"]
    ]
    title = passing[0] if passing else ranked[0]["model"]
    line = {
        "status": status[title] if passing else "fail",
        "n": ranked[0]["n"],
        "fits": len(ranked),
        "failing": sum(row["status"] == "fail" for row in ranked),
        "title": title,
        **dict.fromkeys(("model", "family", "components", "tried")),
        "remark": "",
        "location": None,
        "parts": [],
        "names": None,
    }
    if not passing:
        return line | {"remark": _of_failures(title, ranked, checks)}
    fit, specification = fits[title], Specification.read(fits[title]["specification"])
    tried = sorted(other["components"] for other in fits.values() if other["model"] == fit["model"])
    line |= {"model": fit["model"], "family": specification.family, "components": fit["components"], "tried": tried}
    trust = read_json(fit["labels"])
    trusted = trust["trusted"]
    line["remark"] = _of_warnings(checks[title], fit["components"], tried, trusted)
    if not trusted:
        return line
    summary = pd.read_csv(fit["summary"], **columns.TEXT)
    location = specification.parameters[0].name  # the first parameter of a family says where components lie
    located = [entry for entry in specification.parameters if entry.name == location]
    parts = [_part(component, specification.weights, located, summary) for component in range(fit["components"])]
    return line | {"location": location, "parts": parts, "names": trust["names"]}


def _of_failures(title, ranked, checks):
    """Why no fit stands for the data set."""
    failed = [check["title"] for check in checks[title]["checks"] if check["status"] == "fail"]
    if not failed:
        return f"No number of components can be chosen; {title} predicts best."
    who = "The one fit" if len(ranked) == 1 else f"No fit can be chosen; the best, {title},"
    return f"{who} fails: {'; '.join(failed)}."


def _of_warnings(checks, components, tried, trusted):
    """What the checks of the chosen fit say, and what its place among the numbers tried does."""
    warned = [check["title"] for check in checks["checks"] if check["status"] == "warn"]
    said = f"Warnings: {'; '.join(warned)}." if warned else f"Passes all {len(checks['checks'])} checks."
    if len(tried) > 1 and components == tried[-1]:
        said += " The largest number tried: try more."
    return said if trusted else f"{said} The names of its components cannot be trusted, so nothing is said of them."


def _part(component, weights, located, summary):
    """The weight and the locations of a component (counted from 0): means of the posterior, or what is fixed."""
    of_component = summary[summary["component"] == component + 1]

    def estimate(name, column=None):
        chosen = of_component["parameter"] == name
        if column is not None:
            chosen &= of_component["column"] == column
        (row,) = of_component[chosen].to_dict("records")
        return {"mean": row["mean"], "sd": row["sd"]}

    def value(entry, name, column=None):
        if entry.value is not None and entry.value[component] is not None:
            return {"mean": float(entry.value[component]), "sd": None}
        return estimate(name, column)

    return {
        "component": component + 1,
        "weight": value(weights, "theta"),
        "locations": [{"column": entry.column, **value(entry, entry.name, entry.column)} for entry in located],
    }
