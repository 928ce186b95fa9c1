"""How many components? What the fits of one model with several numbers of components say together."""

from stanmix import elpd, partitions
from stanmix.checks import WITHIN


def judge(model, fits):
    """Judge the numbers of components of one model.

    Parameters
    ----------
    model : str
    fits : list of dict
        One for each number of components, increasing: components, loo (dict), pointwise (DataFrame with elpd and
        weight), checks (dict), membership (DataFrame with component and weight).

    Returns
    -------
    dict
        model, verdict (a number of components or None), best (the one that predicts best), sentence, and rows: for each
        number components, elpd, elpd_diff and dse (to the best), n_bad, refitted, failed (titles of failed checks),
        within (whether it is within two standard errors of the best), smallest (observations of the smallest component
        by most probable component) and agreement (adjusted Rand index with the division by the next smaller number).
    """
    best = max(fits, key=lambda fit: fit["loo"]["elpd"])
    rows, before = [], None
    for fit in fits:
        weight = fit["pointwise"]["weight"].to_numpy(float)
        difference = (fit["pointwise"]["elpd"] - best["pointwise"]["elpd"]).to_numpy()
        total, error = float(difference @ weight), elpd.standard_error(difference, weight)
        division = fit["membership"]["component"].astype(str).to_numpy()
        sizes = fit["membership"].groupby(division)["weight"].sum()
        rows.append(
            {
                "components": fit["components"],
                "elpd": fit["loo"]["elpd"],
                "elpd_diff": total,
                "dse": error,
                "n_bad": fit["loo"]["n_bad"],
                "refitted": fit["loo"]["refitted"],
                "failed": [check["title"] for check in fit["checks"]["checks"] if check["status"] == "fail"],
                "within": total + WITHIN * error >= 0,
                "smallest": int(min(sizes.get(str(k + 1), 0) for k in range(fit["components"]))),
                "agreement": None if before is None else partitions.adjusted_rand(before, division, weight),
            }
        )
        before = division
    verdict = next((row["components"] for row in rows if row["within"] and not row["failed"]), None)
    return {
        "model": model,
        "verdict": verdict,
        "best": best["components"],
        "rows": rows,
        "sentence": _sentence(model, verdict, best["components"], rows),
    }


def _sentence(model, verdict, best, rows):
    numbers = f"{rows[0]['components']} to {rows[-1]['components']}"
    caution = (
        "This is about predicting new observations; it does not count the kinds that exist in nature, and a family "
        "that does not fit is mended by more components than there are kinds."
    )
    if verdict is None:
        return (
            f"No verdict on the number of components with {model}: of {numbers}, none that predicts within two "
            f"standard errors of the best (K = {best}) passes all its checks. {caution}"
        )
    chosen = next(row for row in rows if row["components"] == verdict)
    if verdict == best:
        why = (
            "the number that predicts best, and no smaller one that passes its checks comes within two standard errors"
        )
    else:
        why = (
            f"the smallest that passes its checks and predicts within two standard errors of the best, K = {best} "
            f"(difference {chosen['elpd_diff']:.1f}, standard error {chosen['dse']:.1f})"
        )
    edge = ""
    if verdict == rows[-1]["components"]:
        edge = " It is the largest that was tried: try more."
    return f"With {model} the verdict is {verdict} component{'s' if verdict > 1 else ''}: {why}.{edge} {caution}"
