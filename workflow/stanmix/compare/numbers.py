"""How many components? What the fits of one model with several numbers of components say together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stanmix.assess import elpd
from stanmix.assess.checks import FEW, MODES, SAMPLING, no_better
from stanmix.labels import partitions

if TYPE_CHECKING:
    from collections.abc import Sequence

STEPS = 60  # halvings of the interval in which a separation is looked for


def smallest_separation(n: int, rows: float = 1.0) -> float:
    """How far apart two components must lie for data of that size to tell them from one, in half of such data sets.

    Two equally common normal components with a standard deviation of 1 are better predicted by themselves than by one
    normal distribution of the same mean and variance; the expected gain, less what three more unknowns cost, has to be
    one that `checks.no_better` does not call none. Of groups also that says something that their rows go together.

    Parameters
    ----------
    n : int
        Observations, or groups with one membership each.
    rows : float
        Of each group.

    Returns
    -------
    float
        In standard deviations of a component.
    """

    def told(separation: float) -> bool:
        wide = np.sqrt(1 + separation**2 / 4)
        # The mean of a group's rows, in its own standard deviations, and apart from it the rows' sum of squares.
        apart = separation * np.sqrt(rows)
        x = np.linspace(-apart / 2 - 9, apart / 2 + 9, 2001)
        two = sum(np.exp(-0.5 * (x - side * apart / 2) ** 2) for side in (-1, 1)) / np.sqrt(8 * np.pi)
        gain = np.log(two) + 0.5 * (x / wide) ** 2 + np.log(np.sqrt(2 * np.pi)) + rows * np.log(wide)
        within = -0.5 * (1 - wide**-2)  # of each unit of the sum of squares, which has rows - 1 degrees of freedom
        weights = two * (x[1] - x[0])
        mean = gain @ weights
        spread = np.sqrt((gain - mean) ** 2 @ weights + 2 * (rows - 1) * within**2)
        return not no_better(n * (mean + (rows - 1) * within) - 1.5, np.sqrt(n) * spread)

    low, high = 0.0, 20.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if told(middle) else (middle, high)
    return high


def judge(model: str, fits: list[dict], singles: Sequence[dict] = ()) -> dict:
    """Judge the numbers of components of one model.

    Parameters
    ----------
    model : str
    fits : list of dict
        One for each number of components, increasing: components, loo (dict), pointwise (DataFrame with elpd and
        weight), checks (dict), membership (DataFrame with component and weight), by_row (whether rows have memberships
        of their own, whatever is left out at once).
    singles : sequence of dict
        Fits of other models with a single component: title, loo, pointwise and checks as above.

    Returns
    -------
    dict
        model, verdict (a number of components or None), best (the one that predicts best), sentence, and rows: for each
        number components, elpd, elpd_diff and dse (to the best), n_bad, refitted, failed (titles of failed checks),
        within (whether it is within two standard errors of the best), smallest (observations of the smallest component
        by most probable component) and agreement (adjusted Rand index with the division by the next smaller number).
    """
    # What was not sampled well is no yardstick, however well it seems to predict.
    best = max([fit for fit in fits if _sampled(fit)] or fits, key=lambda fit: fit["loo"]["elpd"])
    n = int(best["pointwise"]["weight"].sum())
    each = float(best["membership"]["weight"].sum()) / n
    rows, before = [], None
    for fit in fits:
        weight = fit["pointwise"]["weight"].to_numpy(float)
        difference = (fit["pointwise"]["elpd"] - best["pointwise"]["elpd"]).to_numpy()
        total, error = float(difference @ weight), elpd.standard_error(difference, weight)
        division = fit["membership"]["component"].astype(str).to_numpy()
        of_rows = fit["membership"]["weight"].to_numpy(float)
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
                "within": no_better(-total, error),
                "smallest": int(min(sizes.get(str(k + 1), 0) for k in range(fit["components"]))),
                "agreement": None if before is None else partitions.adjusted_rand(before, division, of_rows),
            }
        )
        before = division
    verdict = next((row["components"] for row in rows if row["within"] and not row["failed"]), None)
    return {
        "model": model,
        "verdict": verdict,
        "best": best["components"],
        "rows": rows,
        "sentence": _on_singles(fits, verdict or best["components"], singles)
        + _sentence(model, verdict, best["components"], rows, n, each, best["by_row"]),
    }


def _sampled(fit):
    return not any(
        check["name"] in (*SAMPLING, *MODES) and check["status"] == "fail" for check in fit["checks"]["checks"]
    )


def _on_singles(fits, chosen, singles):
    """A single component of another model that predicts better than the mixture, which a reader should know first."""
    fit = next(fit for fit in fits if fit["components"] == chosen)
    better = [one for one in singles if _sampled(one) and one["loo"]["elpd"] > fit["loo"]["elpd"]]
    if chosen == 1 or not better:
        return ""
    one = max(better, key=lambda one: one["loo"]["elpd"])
    gains = (one["pointwise"]["elpd"] - fit["pointwise"]["elpd"]).to_numpy()
    weight = fit["pointwise"]["weight"].to_numpy(float)
    return (
        f"A single component predicts better than this mixture: {one['title']} by {gains @ weight:.1f} (standard error "
        f"{elpd.standard_error(gains, weight):.1f}). Several components may stand for one distribution of another "
        "shape. "
    )


def _sentence(model, verdict, best, rows, n, each, by_row):
    """What is said of the numbers of components; `each` is how many rows are left out at once, on average."""
    numbers = f"{rows[0]['components']} to {rows[-1]['components']}"
    things = "groups" if each > 1 else "observations"
    if things == "groups" and not by_row:
        seen, apart = f"{n:,} groups of {each:.3g} rows on average", smallest_separation(n, each)
    else:
        seen, apart = f"{n * each:,.0f} observations", smallest_separation(n * each)
    caution = (
        f"This is about predicting new {things}; it does not count the kinds that exist in nature, and a family "
        "that does not fit is mended by more components than there are kinds. Of two equally common normal components, "
        f"{seen} tell apart, half of the time, those that lie {apart:.1f} standard deviations apart."
    )
    if n < FEW:
        caution += f" With fewer than {FEW} {things} standard errors of differences are not to be relied on."
    if verdict is None:
        return (
            f"No verdict on the number of components with {model}: of {numbers}, none that predicts as well as the "
            f"best (K = {best}) as far as can be told is without a failed check. {caution}"
        )
    chosen = next(row for row in rows if row["components"] == verdict)
    trusted = " of those whose sampling can be trusted" if any(row["elpd_diff"] > 0 for row in rows) else ""
    if verdict == best == rows[0]["components"]:
        why = f"the number that predicts best{trusted}, and the smallest that was tried"
    elif verdict == best:
        why = (
            f"the number that predicts best{trusted}, and no smaller one that fails none of its checks predicts as "
            "well as far as can be told (within two standard errors, or 4)"
        )
    else:
        why = (
            f"the smallest that fails none of its checks and predicts as well, as far as can be told, as the best"
            f"{trusted}, K = {best} (difference {chosen['elpd_diff']:.1f}, standard error {chosen['dse']:.1f})"
        )
    edge = ""
    if verdict == rows[-1]["components"]:
        edge = " It is the largest that was tried: try more."
    return f"With {model} the verdict is {verdict} component{'s' if verdict > 1 else ''}: {why}.{edge} {caution}"
