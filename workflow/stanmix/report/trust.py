"""How far a fit can be trusted, in a line each, and what would change its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from stanmix.assess import checks
from stanmix.report import words

if TYPE_CHECKING:
    from stanmix.report.answers import Found


def of_fit(found: Found) -> Markup:
    """What the checks of a fit say together, in a line.

    Parameters
    ----------
    found : answers.Found

    Returns
    -------
    markupsafe.Markup
    """
    every = found["checks"].content["checks"]
    judged = {status: [number for number, check in enumerate(every) if check["status"] == status]
              for status in (checks.FAIL, checks.WARN)}  # fmt: skip
    for status, word in ((checks.FAIL, "fails"), (checks.WARN, "warns in")):
        if judged[status]:
            titles = [Markup("<em>{}</em>").format(found["checks"].text("checks", n, "title")) for n in judged[status]]
            what = Markup("; ").join(titles) + "."
            if len(titles) == 1:
                what = titles[0] + ". " + found["checks"].text("checks", judged[status][0], "sentence")
            return Markup("{} {} of {} checks: {}").format(word, len(titles), len(every), what)
    return Markup("passes all {} checks.").format(len(every))


def advice(found: Found) -> list[Markup]:
    """What the checks advise that a fit fails, and then those that warn, each once (list of markupsafe.Markup)."""
    every, said = found["checks"].content["checks"], {}
    for status in (checks.FAIL, checks.WARN):
        for n, check in enumerate(every):
            if check["status"] == status and check["remedy"]:
                said.setdefault(check["remedy"], found["checks"].text("checks", n, "remedy"))
    return list(said.values())


def of_numbers(judged: list[dict], views: list[dict]) -> list[Markup]:
    """What is known of the number of components, a line for each model of several (list of markupsafe.Markup)."""
    said = []
    for place, each in enumerate(judged.content):
        tried = words.listed([str(row["components"]) for row in each["rows"]])
        if each["verdict"] is None:
            said.append(
                Markup("No number of components can be recommended for the model {}; {} were tried.").format(
                    each["model"], tried
                )
            )
        else:
            why = "predicts best" if each["verdict"] == each["best"] else "is the smallest that predicts as well as any"
            said.append(
                Markup("Of {} components with the model {}, {} {} and fails no check.").format(
                    tried, each["model"], judged.text(place, "verdict"), why
                )
            )
    if not said:
        tried = sorted({view["specification"].components for view in views})
        said.append(
            Markup("Only {} component{} {} tried, so that nothing is known of other numbers.").format(
                words.listed([str(number) for number in tried]),
                "s" if tried != [1] else "",
                "were" if tried != [1] else "was",
            )
        )
    return said


def would_change(choice: dict, ranked: list[dict], judged: list[dict], warned: list[str]) -> list[Markup]:
    """What would change the answer (list of markupsafe.Markup).

    Parameters
    ----------
    choice : dict
        What `choice.choose` says of the data set.
    ranked : list of dict
        The fits as compared, the best first.
    judged : list of dict
        What `numbers.judge` says of every model with several numbers of components.
    warned : list of str
        What the failed checks and the warnings of the fit that is shown first advise.
    """
    first = next(row for row in ranked if row["model"] == choice["title"])
    rivals = [
        row["model"] for row in ranked
        if row is not first and not row["failed"]
        and checks.no_better(abs(row["elpd_diff"] - first["elpd_diff"]), max(row["dse"], first["dse"]))
    ]  # fmt: skip
    said = []
    if rivals:
        said.append(
            Markup("Another model: {} predict{} as well as far as can be told; look whether {} the same.").format(
                words.listed(rivals), "" if len(rivals) > 1 else "s", "they say" if len(rivals) > 1 else "it says"
            )
        )
    verdict = next((each for each in judged if each["model"] == choice["model"]), None)
    if verdict and verdict["verdict"] == verdict["rows"][-1]["components"]:
        said.append(Markup("More components: the number shown is the largest that was tried."))
    if verdict is None and (choice["model"] or not judged):  # without a choice several were tried, and none is good
        said.append(Markup("Another number of components: say several, such as <code>components: [1, 2, 3]</code>."))
    if len({row["model"] for row in ranked}) == 1:
        said.append(Markup("Another family, or other priors: there is one model, and nothing to compare it with."))
    said += [Markup("{}").format(advice) for advice in warned]
    if first["n"] < checks.FEW:
        said.append(
            Markup("More data: with fewer than {} {} the comparison of models is not to be relied on.").format(
                checks.FEW, first["things"]
            )
        )
    return said
