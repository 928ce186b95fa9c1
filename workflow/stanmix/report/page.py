"""The report of a data set: one self-contained page, made from artifacts, withheld when they contradict themselves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import docutils.core
import jinja2
import yaml
from markupsafe import Markup

import stanmix
from stanmix.assess import checks
from stanmix.base import columns, tables
from stanmix.base.files import read_json, write_text
from stanmix.config import plan
from stanmix.report import evidence, invariants, trust
from stanmix.report.evidence import Artifact
from stanmix.report.fit_view import fit_view, placed
from stanmix.report.glossary import TERMS
from stanmix.report.methods import Methods
from stanmix.report.pictures import Pictures

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike


def write_report(
    dataset: str,
    inputs: Mapping,
    fits: dict,
    captions: Mapping,
    programs: list[str | PathLike],
    config: dict,
    content: dict,
    output: str | PathLike,
    methods_file: str | PathLike,
) -> None:
    """Write the page of one data set.

    Parameters
    ----------
    dataset : str
        The data set's name.
    inputs : mapping
        Paths of what belongs to the data set: observations, noticed, facts, data_svg, weights_svg, comparison_json,
        choice, comparison_svg, estimates_svg, numbers, numbers_svg, toolchain, compiled (a list: what each program was
        compiled from) and, for simulated data, truth.
    fits : dict
        For each fit's title a mapping of paths: specification, checks, labels, label_free, summary, centres,
        membership, memberships, cutoffs, loo, loo_pointwise, predictive, the figures of
        `fit_view.FIGURES` and, with new rows, predicted.
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
    methods_file : path-like
        The methods, ready to paste, in Markdown.

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
    if set(fits) != {row["model"] for row in comparison["models"]}:
        raise invariants.InvariantError(f"{dataset}: the comparison does not hold the models of the report.")
    choice, judged = Artifact(inputs["choice"]), Artifact(inputs["numbers"])
    first = choice.value("title")
    ranked = [row["model"] for row in comparison["models"]]
    order = sorted(fits, key=lambda title: (title != first, ranked.index(title)))
    views = [fit_view(title, fits[title], noticed, asked[title], config, data) for title in order]
    label, toolchain = plan.label(config["datasets"][dataset]), read_json(inputs["toolchain"])
    methods = Methods(views, comparison, noticed, label, toolchain)
    about = {
        "kind": facts["kind"],
        "simulated": bool(inputs.get("truth")),
        "two": max(fit.components for fit in asked.values()) <= 2,
    }
    pictures = Pictures()
    page = tables.environment().get_template("report.html.j2")
    text = page.render(
        dataset=dataset,
        label=label,
        noticed=noticed,
        facts=facts,
        truth=read_json(inputs["truth"]) if inputs.get("truth") else None,
        source=config["datasets"][dataset],
        known=_known(noticed["known"], plan.groups(config, dataset)),
        fits=views,
        status=choice.value("status"),
        about_numbers=trust.of_numbers(judged, views),
        would_change=trust.would_change(choice.content, comparison["models"], judged.content, views[0]["advice"]),
        chosen=bool(choice.value("model")),
        comparison=comparison,
        comparison_table=tables.html_table(
            comparison["columns"], placed(comparison["models"]), evidence.address(inputs["comparison_json"], "models")
        ),
        inputs=inputs,
        numbers=[_number_view(judged, place) for place in range(len(judged.content))],
        captions={name: _caption(path, about) for name, path in captions.items()},
        toolchain=toolchain,
        versions=views[0]["versions"],
        kernel=any(read_json(path)["kernel"] for path in inputs["compiled"]),
        programs=[{"name": Path(path).name, "text": Path(path).read_text(encoding="utf-8")} for path in programs],
        content=content,
        config=yaml.safe_dump(config, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100),
        number=tables.number,
        said=_sayer(),
        p_text=checks.p_text,
        small=checks.small,
        stanmix=stanmix.__version__,
        manifest=Path(output).parents[1] / "manifest.json",
        times=Path(output).parents[1] / "logs" / "manifest.log",
        methods=methods,
        glossary=TERMS,
        methods_file=methods_file,
        picture=pictures.inline,
        pictures=pictures,
        link=lambda path: quote(Path(os.path.relpath(path, Path(output).parent)).as_posix()),
    )
    evidence.verify(text)
    write_text(methods_file, methods.markdown(dataset))
    write_text(output, text)


def _number_view(judged, place):
    """What is said of the numbers of components of one model, with a table."""
    rows = [_number_row(row) for row in placed(judged.value(place, "rows"))]
    source = evidence.address(judged.path, place, "rows")
    return {
        "sentence": judged.text(place, "sentence"),
        "table": tables.html_table(columns.NUMBERS, rows, source),
    }


def _sayer():
    """A function for templates that shows what stands at a place of an artifact, with the place: numbers as
    `tables.number` writes them, shares in percent if asked for, texts word for word.
    """
    artifacts = {}

    def said(path: str | PathLike, *place: str | int, percent: bool = False, **written: float) -> Markup:
        artifact = artifacts.setdefault(str(path), Artifact(path))
        value = artifact.value(*place)
        if isinstance(value, str):
            return artifact.text(*place)
        if percent:
            return artifact.number(*place, percent=True)
        return evidence.told(tables.number(value, **written), artifact.path, *place)

    return said


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


def _number_row(row):
    return row | {"failed": ", ".join(row["failed"]) or "none", "within": "yes" if row["within"] else "no"}


def _caption(path, about):
    """A caption in reStructuredText as an HTML fragment, filled in as Snakemake does for its own report."""
    text = jinja2.Template(Path(path).read_text(encoding="utf-8")).render(snakemake={"params": about})
    parts = docutils.core.publish_parts(text, writer="html5", settings_overrides={"report_level": 2, "halt_level": 2})
    return Markup(parts["body"])
