"""A first configuration for somebody's CSV file: a family that fits, one to five components, every line explained."""

from __future__ import annotations

import functools
import json
import os
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from stanmix.base.errors import UserError
from stanmix.base.files import write_json, write_text
from stanmix.base.text import plain
from stanmix.config import configuration
from stanmix.config.schema import schema, with_defaults
from stanmix.data import first_look, observations
from stanmix.data.first_look import COUNTS, FAULTY, POSITIVE, SHARES, TEXT, TWO, WHOLE, ZEROS
from stanmix.data.noticing import notice
from stanmix.families.family import CONTINUOUS
from stanmix.families.registry import FAMILIES
from stanmix.jobs import precheck
from stanmix.model.resolution import specify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from os import PathLike

    from stanmix.data.first_look import Look

CONFIG = Path("config") / "config.yaml"
SCHEMA = Path("config") / ".stanmix.schema.json"
MOST = 5  # components
OVERDISPERSED = (
    1.5  # variance of counts, as a multiple of what a Poisson distribution has, from which it is worth a word
)
SKEWED = 1.0  # skewness from which positive values are taken for lognormal or gamma ones
COARSE = 1 / 30  # rounding step, in standard deviations, from which values stand for intervals
VERY_COARSE = 1 / 5  # the same, from which a skewness says little
# Families of positive values; where values are skewed the first two are tried.
ABOVE_ZERO = [name for name, family in FAMILIES.items() if family.positive]


@dataclass(frozen=True)
class Asked:
    """What the user says of a CSV file: the columns of the observations (a list, perhaps empty), and of other things.

    Attributes
    ----------
    csv : str
        The file, as typed.
    columns : list of str
    trials, exposure, weights, id : str or None
    worksheet : str or None
        The sheet of a workbook.
    """

    csv: str
    columns: list
    trials: str | None = None
    exposure: str | None = None
    weights: str | None = None
    id: str | None = None
    worksheet: str | None = None

    @property
    def others(self) -> dict:
        """The roles of single columns that were named, with these."""
        roles = {"trials": self.trials, "exposure": self.exposure, "weights": self.weights, "id": self.id}
        return {role: name for role, name in roles.items() if name is not None}

    def command(self, columns: Iterable[str], **others: str) -> str:
        """What to type for these columns, all else as asked."""
        words = ["stanmix", "init", self.csv, *(() if self.worksheet is None else ("--worksheet", self.worksheet))]
        words += [word for name in columns for word in ("--column", name)]
        words += [word for role, name in (self.others | others).items() for word in (f"--{role}", name)]
        return shlex.join(words)


@dataclass(frozen=True)
class Start:
    """A configuration to start from: its text, and what to tell the user (a list of sentences)."""

    text: str
    sentences: list


def write(asked: Asked, folder: str | PathLike, force: bool, say: Callable[[str], None]) -> None:
    """Look at a CSV file, say what it seems to hold, and write a configuration for it.

    Parameters
    ----------
    asked : Asked
    folder : path-like
        The folder of the analysis; the configuration goes into its `config/`.
    force : bool
        Whether a configuration that is there already may be replaced.
    say : callable
        Takes one line of text for the user.

    Raises
    ------
    UserError
        When the file cannot be used as it is, when it is not clear which column to take, or when a configuration
        exists already: what to do. Nothing is written then.
    """
    folder, target = Path(folder), Path(folder) / CONFIG
    if not Path(asked.csv).exists():
        raise UserError(f"{asked.csv}: there is no such file.")
    look = first_look.look(asked.csv, asked.worksheet)
    for line in described(look):
        say(line)
    asked = replace(asked, columns=chosen(look, asked))
    if target.exists() and not force:
        raise UserError(f"{target} exists already and was left as it is; --force writes a new one in its place.")
    path = asked.csv if os.path.isabs(asked.csv) else Path(os.path.relpath(asked.csv, folder)).as_posix()
    start = begin(look, asked, path)
    for sentence in start.sentences:
        say(sentence)
    write_json(folder / SCHEMA, schema())
    write_text(target, start.text)


def described(look: Look) -> list[str]:
    """What a first look shows, as lines of text.

    Parameters
    ----------
    look : Look

    Returns
    -------
    list of str
    """
    rows, count = look.rows, len(look.columns)
    read_as = f" ({', '.join(look.read_as)})" if look.read_as else ""
    lines = [f"{look.path}{read_as}: {rows} row{'s' * (rows != 1)}, {count} column{'s' * (count != 1)}"]
    width = min(30, max((len(column.name) for column in look.columns), default=0))
    lines += [f"  {_shown(column.name):<{width}}  {column.words}" for column in look.columns]
    return lines + look.remarks


def chosen(look: Look, asked: Asked) -> list[str]:
    """The columns that hold the observations: those that were asked for, or the only one that can.

    Parameters
    ----------
    look : Look
    asked : Asked

    Returns
    -------
    list of str

    Raises
    ------
    UserError
        When none or several could be meant: what to type.
    """
    if asked.columns:
        for name in asked.columns:
            column = look.column(name)
            if column is not None and column.kind == TWO and not asked.trials and not asked.weights:
                raise UserError(_on_two(look, column))
            if column is not None and column.kind == TEXT:
                could = ", ".join(look.candidates()) or "none"
                raise UserError(
                    f"{look.path}, column '{name}': it holds {column.words}; columns with numbers: {could}."
                )
        return asked.columns
    candidates = look.candidates(without=asked.others.values())
    frequencies = look.frequencies()
    if frequencies and not asked.weights:
        value, often = frequencies
        raise UserError(
            f"This looks like a table of frequencies: '{often}' says how often each '{value}' was seen. Type",
            f"  {asked.command([value], weights=often)}",
            f"or, if '{often}' holds the observations,",
            f"  {asked.command([often])}",
        )
    if frequencies and frequencies[1] == asked.weights:
        return [frequencies[0]]
    if len(candidates) == 1:
        return candidates
    if candidates:
        raise UserError(
            "Which column holds the observations? Type one of",
            *(f"  {asked.command([name])}" for name in candidates),
            "or several of them for groups in several columns at once, as in",
            f"  {asked.command(candidates[:2])}",
        )
    two = [column for column in look.columns if column.kind == TWO]
    why = [_on_two(look, two[0])] if two else []
    raise UserError(f"{look.path}: no column holds numbers in which there could be groups.", *why)


def _on_two(look, column):
    """A sentence on why a column with two values is not analysed."""
    values = " and ".join(map(plain, np.unique(column.values[~np.isnan(column.values)])))
    return (
        f"{look.path}, column '{column.name}': it holds only {values}, and one of two values per row shows no groups: "
        "a mixture of two shares is again one share. If rows belong together, add them up: a column with the number of "
        "those that are so, and one with the number of all for --trials."
    )


def begin(look: Look, asked: Asked, path: str) -> Start:
    """A configuration for a CSV file whose columns are chosen.

    Parameters
    ----------
    look : Look
    asked : Asked
        With columns.
    path : str
        The CSV file as the configuration shall name it.

    Returns
    -------
    Start
        Its text passes all checks that come before a run.

    Raises
    ------
    UserError
        When the columns cannot be used, or no family can.
    """
    needed = [*asked.columns, asked.trials, asked.exposure, asked.weights]
    gaps = [column for column in look.columns if column.name in needed and column.missing and column.kind != FAULTY]
    missing = {"missing": "drop"} if gaps else {}
    rows = observations.read_csv(asked.csv, asked.columns, **asked.others, **missing, worksheet=asked.worksheet)
    facts = notice(rows, asked.columns)
    ideas = _ideas(rows, facts)
    step = _step(facts) if FAMILIES[ideas.families[0]].kind == CONTINUOUS else None
    rounding = step if ideas.rounded else None
    kept, refused = _possible(ideas.families, facts, rounding)
    if not kept:
        raise UserError(*dict.fromkeys(f"{asked.csv}: {sentence}" for sentence in refused))
    text = _text(look, asked, path, facts, ideas, kept, step, rounding, missing)
    _check(text, asked.csv)
    families = [f"Family: {family} ({FAMILIES[family].about}), {_range(numbers)}." for family, numbers in kept.items()]
    return Start(text, [*facts["sentences"], *ideas.sentences, *families, *dict.fromkeys(refused)])


@dataclass(frozen=True)
class Ideas:
    """Families that may fit (list of str), others to think of, sentences that say why, and whether to use the step."""

    families: list
    others: list
    sentences: list
    rounded: bool = False


def _ideas(rows, facts):
    """Which families may fit observations, the best first."""
    if "columns" in facts:
        return Ideas(["multivariate_normal"], [], ["Several columns: groups in all of them at once."])
    if facts["trials"]:
        share = facts["trials"]["share"]
        return Ideas(["binomial", "beta_binomial"], [], [f"Successes of trials, {100 * share:.3g} % in all."])
    kind = first_look.kind_of(facts)
    if facts["exposure"] or kind == COUNTS:
        return _of_counts(rows, facts)
    step = _step(facts)
    rounded = step is not None and step > COARSE * facts["sd"]
    others = ["student_t", "skew_normal"]
    if kind == ZEROS:
        said = (
            f"{facts['zeros']} of the {facts['n']} values are 0 and the others positive. The families for positive "
            f"values ({', '.join(ABOVE_ZERO)}) have no zeros, and normal, which is taken here, describes them badly. "
            "If a zero means that there was nothing, put the rows above 0 into a file of their own and type "
            "`stanmix init` for that: the share of zeros needs no model. If it means that a value was too small to be "
            "measured, give it half of the smallest one that can be, and say so when you report."
        )
        return Ideas(["normal"], others, [said], rounded)
    skewness = _skewness(rows.y, rows.frequency)
    positive = kind in (POSITIVE, SHARES, WHOLE) and facts["minimum"] > 0
    fine = step is None or step < VERY_COARSE * facts["sd"]
    if positive and fine and skewness > SKEWED and abs(_skewness(np.log(rows.y), rows.frequency)) < skewness:
        said = f"Positive values, skewed to the right (skewness {skewness:.2g})."
        return Ideas(ABOVE_ZERO[:2], ["normal", *others, *ABOVE_ZERO[2:]], [said], rounded)
    said = []
    if kind == SHARES:
        said.append(
            "Values from 0 to 1. If they are shares of trials, a column with the successes and one with the trials "
            "(--trials) say more; otherwise take their logits where values lie close to 0 or 1."
        )
    if kind == WHOLE and facts["minimum"] >= 0:
        why = "none is small" if facts["sd"] ** 2 >= first_look.LEAST_DISPERSION * facts["mean"] else (
            "they vary less than counts do"
        )  # fmt: skip
        said.append(f"Whole numbers, taken for measurements without decimals and not for counts, because {why}.")
        others += ["poisson", "negative_binomial"]
    if positive:
        others += ABOVE_ZERO
    return Ideas(["normal"], others, said, rounded)


def _of_counts(rows, facts):
    """Families for counts: the negative binomial where they vary more than Poisson ones."""
    exposure = np.ones(len(rows.y)) if rows.exposure is None else rows.exposure
    expected = exposure * (np.dot(rows.frequency, rows.y) / np.dot(rows.frequency, exposure))
    dispersion = np.dot(rows.frequency, (rows.y - expected) ** 2 / expected) / max(facts["n"] - 1, 1)
    over = dispersion > OVERDISPERSED
    vary = f"they vary {dispersion:.2g} times as much as Poisson counts of one rate"
    zeros = ["zero_inflated_poisson", "zero_inflated_negative_binomial"] if facts["zeros"] else []
    if over:
        said = f"Counts, and {vary}: several groups, or groups that vary within; both are tried."
        return Ideas(["poisson", "negative_binomial"], zeros, [said])
    return Ideas(["poisson"], ["negative_binomial", *zeros], [f"Counts; {vary}."])


def _step(facts):
    """The rounding step of one column of values, or None."""
    return 1.0 if facts.get("whole") else facts.get("step")


def _skewness(y, frequency):
    """The skewness of values that count as often as `frequency` says."""
    away = y - np.average(y, weights=frequency)
    return float(np.average(away**3, weights=frequency) / np.average(away**2, weights=frequency) ** 1.5)


def _possible(families, facts, rounding):
    """For each family the numbers of components that the data allow, and why not the first that they do not."""
    kept, refused = {}, {}
    for family in families:
        model = _completed(family)
        for components in range(1, MOST + 1):
            try:
                specify(_name(family), model, components, facts, rounding)
            except UserError as error:
                refused.setdefault(family, error.sentences)
            else:
                kept.setdefault(family, []).append(components)
    return kept, [sentence for sentences in refused.values() for sentence in sentences]


@functools.cache
def _completed(family):
    """A model of that family with the defaults of the schema."""
    return with_defaults({"family": family}, schema()["properties"]["models"]["additionalProperties"])


def _check(text, csv):
    """Check a configuration before it is written, its file looked for where it lies seen from here."""
    asked = yaml.safe_load(text)
    (dataset,) = asked["datasets"].values()
    dataset["csv"] = csv
    precheck.check(configuration.checked(asked))


def _name(family):
    return family.replace("_", "-")


def _range(numbers):
    if len(numbers) == 1:
        return f"{numbers[0]} component{'s' * (numbers[0] > 1)}"
    return f"{numbers[0]} to {numbers[-1]} components"


def _text(look, asked, path, facts, ideas, kept, step, rounding, missing):
    """The text of a configuration."""
    dataset = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(path).stem).strip("._-") or "data"
    together = {}
    for family, numbers in kept.items():
        together.setdefault(tuple(numbers), []).append(_name(family))
    lines = [
        f"# yaml-language-server: $schema={SCHEMA.name}",
        f"# Written by `{_one_line(asked.command(asked.columns))}`. Change it as you like; then",
        "# `stanmix check` says what is wrong, `stanmix run` does it, and `stanmix open` shows the report.",
        "# An editor that knows YAML schemas (the first line is for it) explains every key and completes it.",
        "",
        "# The same seed gives the same results. Another one shows how little they depend on it.",
        "seed: 20260101",
        "",
        "# How long the sampler runs: 4 chains of 1000 draws each, after as many to warm up, do for most data.",
        "# sampling: {chains: 4, warmup: 1000, draws: 1000}",
        "",
        "datasets:",
        f"  {_scalar(dataset)}:  # a name of your choice; the page is results/reports/{dataset}.html",
        "    # The file, as seen from the folder in which `stanmix run` is typed, that above config/.",
        f"    csv: {_scalar(path)}",
        *([] if asked.worksheet is None else [f"    worksheet: {_scalar(asked.worksheet)}"]),
        *_of_columns(look, asked),
        *_of_roles(look, asked, facts, ideas),
        *_of_missing(facts, missing),
        *_of_rounding(step, rounding, facts),
        "",
        "# What the groups look like. Priors are weak and scale with the data unless `priors:` says otherwise.",
        "models:",
        *_of_models(list(kept), ideas, facts, rounding),
        "",
        "# What is fitted to what. The page compares the numbers of components and says which one the data support.",
        "# Fewer numbers take less time.",
        "analyses:",
        *(
            f"  - {{dataset: {_scalar(dataset)}, models: [{', '.join(models)}], components: {list(numbers)}}}"
            for numbers, models in together.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _of_columns(look, asked):
    """Lines on the columns of the observations and their label."""
    others = [name for name in look.candidates(without=asked.others.values()) if name not in asked.columns]
    beside = f"  # other columns with numbers: {', '.join(map(_shown, others[:MOST]))}" if others else ""
    beside += " ..." if len(others) > MOST else ""
    if len(asked.columns) > 1:
        return [f"    columns: [{', '.join(_scalar(name) for name in asked.columns)}]{beside}"]
    (name,) = asked.columns
    return [
        f"    column: {_scalar(name)}{beside}",
        f"    label: {_scalar(name)}  # what the values are, with their unit; it labels the axes",
    ]


def _of_roles(look, asked, facts, ideas):
    """Lines on the columns that say more about each row: those that were asked for, and those that could be."""
    lines, said = [], {
        "trials": "the number of trials behind each count",
        "exposure": "what each count was observed on; rates are per unit of it",
        "weights": "how often each row was observed",
        "id": "names of the rows, shown in the table of memberships",
    }  # fmt: skip
    for role, name in asked.others.items():
        lines.append(f"    {role}: {_scalar(name)}  # {said[role]}")
    taken = [*asked.columns, *asked.others.values()]
    possible = {}
    if len(asked.columns) == 1 and "poisson" in ideas.families and not asked.exposure:
        possible["exposure"] = [n for n in look.exposures(asked.columns[0]) if n not in taken]
        possible["trials"] = [n for n in look.trials(asked.columns[0]) if n not in taken]
    if not asked.weights and (found := look.frequencies()) and [found[0]] == asked.columns:
        possible["weights"] = [found[1]]
    if not asked.id:
        possible["id"] = [column.name for column in look.columns if column.is_id and column.name not in taken]
    need = {"trials": "; then the family is binomial"}
    for role, names in possible.items():
        if names:
            lines.append(f"    # {role}: {_one_line(_scalar(names[0]))}  # if this is {said[role]}{need.get(role, '')}")
    return lines


def _of_missing(facts, missing):
    if not missing:
        return []
    gone = (
        "1 row has a missing cell and is"
        if facts["dropped"] == 1
        else f"{facts['dropped']} rows are incomplete and are"
    )
    return [f"    missing: drop  # {gone} left out; the report names them"]


def _of_rounding(step, rounding, facts):
    if step is None:
        return []
    said = f"all values are multiples of {step:g}"
    if rounding is not None:
        return [
            f"    rounding: {_number(rounding)}  # {said}, each stands for an interval; without this line for itself"
        ]
    return [f"    # rounding: {_number(step)}  # {said}; if they were rounded, this says it, but changes little"]


def _of_models(families, ideas, facts, rounding):
    """Lines on the families that are used and on those that could be."""
    lines = []
    for family in families:
        about = FAMILIES[family].about
        lines.append(f"  # {about[0].upper()}{about[1:]}.")
        lines.append(f"  {_name(family)}: {{family: {family}}}")
    if families[0] == "normal":
        lines.append("  # One standard deviation for all groups: fewer unknowns, and safer with few values.")
        lines.append("  # normal-shared: {family: normal, share: [sigma]}")
    if families[0] == "multivariate_normal":
        lines.append("  # Groups without correlations within; and groups named by their order in one column.")
        lines.append("  # diagonal: {family: multivariate_normal, correlation: diagonal}")
        lines.append(
            f"  # ordered: {{family: multivariate_normal, order: {_one_line(_scalar(next(iter(facts['columns']))))}}}"
        )
    others = [family for family in ideas.others if family not in families and _possible([family], facts, rounding)[0]]
    if others:
        lines.append("  # To try another, take away its # and name it under analyses:")
        lines += [f"  # {_name(family)}: {{family: {family}}}  # {FAMILIES[family].about}" for family in others]
    return lines


def _number(step):
    """A number as YAML 1.1 and 1.2 both read it: with a point before an exponent."""
    text = plain(step)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{int(exponent):+d}" if e else text


def _scalar(text):
    """Text as a YAML scalar on one line, in a list too, in quotes where it needs them."""
    if re.fullmatch(r"[A-Za-z_][\w./()% -]*", text, re.ASCII) and text == text.strip() and yaml.safe_load(text) == text:
        return text
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf")).rstrip("\n")


def _shown(name):
    """A name on one line, shortened."""
    name = _one_line(name)
    return name if len(name) <= 30 else name[:27] + "..."


def _one_line(text):
    """Text that cannot end a comment: what is no printable character is written as an escape."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
