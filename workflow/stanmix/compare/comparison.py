"""All fits of a data set side by side: LOO, checks, estimates, memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stanmix.assess import elpd
from stanmix.assess.checks import FEW, MODES, no_better
from stanmix.base import columns, tables
from stanmix.base.files import read_json, write_csv, write_json
from stanmix.compare import numbers
from stanmix.compare.choice import choose

if TYPE_CHECKING:
    from collections.abc import Mapping


def compare(fits: dict, outputs: Mapping) -> None:
    """Compare the fits of one data set.

    Parameters
    ----------
    fits : dict
        For each fit's title a mapping: its model and components, and the paths of loo, loo_pointwise, checks, labels,
        summary, membership and specification.
    outputs : mapping
        Paths: comparison (CSV), comparison_html, comparison_json (with the verdict sentence), numbers (JSON: what
        `numbers.judge` says of every model with several numbers of components), choice (JSON: what `choice.choose` says
        of the data set) and estimates (CSV, without components whose labels cannot be trusted, and without fits that
        miss some of their posterior).
    """
    loos, pointwise, checks = {}, {}, {}
    for title, paths in fits.items():
        pointwise[title] = pd.read_csv(paths["loo_pointwise"])
        loos[title], checks[title] = read_json(paths["loo"]), read_json(paths["checks"])
    rows = ranked(loos, pointwise)
    for row in rows:
        row |= {key: loos[row["model"]][key] for key in ("n_bad", "n", "right", "things")}
        row["status"] = checks[row["model"]]["status"]
        row["failed"] = [c["name"] for c in checks[row["model"]]["checks"] if c["status"] == "fail"]
    shown = columns.comparison(any(row["right"] is not None for row in rows))
    frame = pd.DataFrame(rows)
    write_csv(outputs["comparison"], frame[[column["key"] for column in shown]])
    sentence = _verdict(rows, loos, pointwise)
    tables.write_html(outputs["comparison_html"], "Comparison of the models", sentence, shown, rows)
    write_json(outputs["comparison_json"], {"sentence": sentence, "columns": shown, "models": rows})
    judged = _numbers(fits, loos, pointwise, checks)
    write_json(outputs["numbers"], judged)
    write_json(outputs["choice"], choose(fits, rows, judged, checks))
    summaries = [_estimates(title, paths) for title, paths in fits.items()]
    estimates = pd.concat(summaries, ignore_index=True)
    estimates["component"] = estimates["component"].astype("Int64")
    about = [key for key in columns.OF_SCALARS if key in estimates]
    kept = ["model", "parameter", "component", *([columns.CALLED] if columns.CALLED in estimates else []), *about]
    kept += ["mean", "hdi_lower", "hdi_upper", "truth"]
    write_csv(outputs["estimates"], estimates.reindex(columns=kept))


def _numbers(fits, loos, pointwise, checks):
    """What `numbers.judge` says of every model that was fitted with several numbers of components (list of dict)."""
    by_model = {}
    for title, fit in fits.items():
        by_model.setdefault(fit["model"], []).append((fit["components"], title))
    single = {model: [title for components, title in several if components == 1] for model, several in by_model.items()}
    return [
        numbers.judge(
            model,
            [
                {
                    "components": components,
                    "loo": loos[title],
                    "pointwise": pointwise[title],
                    "checks": checks[title],
                    "membership": pd.read_csv(fits[title]["membership"], usecols=["component", "weight"]),
                    "by_row": read_json(fits[title]["specification"])["membership"] == "row",
                }
                for components, title in sorted(several)
            ],
            [
                {"title": title, "loo": loos[title], "pointwise": pointwise[title], "checks": checks[title]}
                for other, titles in single.items()
                if other != model
                for title in titles
            ],
        )
        for model, several in by_model.items()
        if len(several) > 1
    ]


def _estimates(title, paths):
    """The estimates of one fit; what is said of single components only where their labels can be trusted.

    None where the draws are not those of the whole posterior.
    """
    summary = pd.read_csv(paths["summary"], **columns.TEXT).assign(model=title)
    trust = read_json(paths["labels"])
    if not trust["whole"]:
        return summary[:0]
    return summary if trust["trusted"] else summary[summary["component"].isna()]


def ranked(loos: dict, pointwise: dict) -> list[dict]:
    """The models by their expected log predictive density, with the differences to the best.

    Parameters
    ----------
    loos : dict
        For each model elpd, se and p_loo.
    pointwise : dict
        For each model a pandas.DataFrame with elpd and weight of every row, the same rows in all.

    Returns
    -------
    list of dict
        model, rank (from 0), elpd, se, elpd_diff (from the best, not positive), dse and p_loo, the best first; models
        that are equal keep their order.
    """
    names = sorted(loos, key=lambda name: -loos[name]["elpd"])
    best = pointwise[names[0]]
    rows = []
    for rank, name in enumerate(names):
        difference = (pointwise[name]["elpd"] - best["elpd"]).to_numpy()
        weight = best["weight"].to_numpy(float)
        rows.append(
            {
                "model": name,
                "rank": rank,
                **{key: loos[name][key] for key in ("elpd", "se", "p_loo")},
                "elpd_diff": float(difference @ weight),
                "dse": elpd.standard_error(difference, weight),
            }
        )
    return rows


def _verdict(rows, loos, pointwise):
    """What the comparison says, of the fits whose draws are those of their whole posterior, and which are not."""
    left_out = [row["model"] for row in rows if not set(MODES).isdisjoint(row["failed"])]
    if not left_out:
        return verdict(rows)
    said = (
        f"{_named(left_out, 'The')} {_is(left_out)} not compared, because the draws are not those of the whole "
        "posterior: chains miss modes that hold much of it, or each stays in its own."
    )
    kept = {row["model"]: row for row in rows if row["model"] not in left_out}
    if not kept:
        return said
    of_kept = ranked({title: loos[title] for title in kept}, {title: pointwise[title] for title in kept})
    return f"{verdict([kept[row['model']] | row for row in of_kept])} {said}"


def verdict(rows: list[dict]) -> str:
    """What the comparison says, in a sentence or two.

    Parameters
    ----------
    rows : list of dict
        model, n (of things), things (observations or groups), elpd_diff, dse and failed (names of failed checks), the
        best first.

    Returns
    -------
    str
    """
    if len(rows) == 1:
        fault = f" It fails {len(rows[0]['failed'])} of its checks." if rows[0]["failed"] else ""
        return f"There is one model, {rows[0]['model']}, and nothing to compare it with.{fault}"
    best = rows[0]
    close = [row["model"] for row in rows[1:] if not np.isnan(row["dse"]) and no_better(-row["elpd_diff"], row["dse"])]
    far = [row["model"] for row in rows[1:] if row["model"] not in close]
    text = f"By PSIS-LOO {_named([best['model']])} predicts new {best['things']} best"
    if close:
        text += f"; {_named(close)} cannot be told apart from it (within two standard errors, or less than 4 worse)"
    if far:
        text += f"; {_named(far)} {_is(far)} worse by more than two standard errors"
        if best["n"] < FEW:
            text += f", which with fewer than {FEW} {best['things']} are not to be relied on"
    failing = [row["model"] for row in rows if row["failed"]]
    if failing:
        text += (
            f". {_named(failing, 'The')} fail a check: do not use them, however well they predict"
            if len(failing) > 1
            else f". {_named(failing, 'The')} fails a check: do not use it, however well it predicts"
        )
    return text + ". LOO tells which model predicts better, not which one is true."


def _named(names, the="the"):
    """Models by their names, which may be any word, with what they are."""
    if len(names) == 1:
        return f"{the} model {names[0]}"
    return f"{the} models {' and '.join([', '.join(names[:-1]), names[-1]])}"


def _is(names):
    return "are" if len(names) > 1 else "is"
