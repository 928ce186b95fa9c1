"""What a model cannot be for these data: one sentence each (a `UserError`), before anything is sampled."""

import numpy as np

from stanmix.base.errors import UserError
from stanmix.base.text import LARGEST_COUNT, plain
from stanmix.data.observations import Observations
from stanmix.families.family import MULTIVARIATE, WHOLE, Family
from stanmix.families.priors import Prior
from stanmix.model.specification import Resolved

MOST_UNKNOWNS = 3  # unknowns for each observation from which on nothing is sampled that is costly too
COSTLY = 400  # densities in a step of the sampler: of 20 components for 20 observations


def of_values(name: str, family: Family, noticed: dict, rows: Observations) -> None:
    """Raise a `UserError` when values have no place on the scale of a transformed family."""
    allowed = family.allowed(rows.y).reshape(len(rows.y), -1)
    several = list(noticed.get("columns", {}).values())
    for column, facts in enumerate(several or [noticed]):
        wrong = np.flatnonzero(~allowed[:, column])
        if not len(wrong):
            continue
        scale = family.scales[column]
        too_low = facts["minimum"] <= -scale.shift
        fault = facts["lowest" if too_low else "highest"]
        where = f"{fault['place']}, column '{fault['column']}', has" if fault["place"] else "there is"
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        if scale.name == "logit":
            ways = (
                "where the numbers behind shares are known, give these as column and trials (family binomial or "
                "beta_binomial); leave out what is exactly 0 or 1 and report its share; divide percentages by 100"
            )
        else:
            ways = (
                f"say `shift:` with more than {plain(-facts['minimum'] + 0.0)}, as half of the smallest step between "
                "values, or leave these rows out and report their share"
            )
        raise UserError(
            f"models.{name}: {family.name} needs {family.needs(column)}, but {where} {plain(fault['value'])}{more}; "
            f"{ways}."
        )


def of_kind(name: str, family: Family, noticed: dict) -> None:
    """Raise a `UserError` when the observations are not of the kind that the family describes."""

    def refuse(needs, fault, advice):
        where = f"{fault['place']}, column '{fault['column']}', has" if fault["place"] else "there is"
        more = f" (and {fault['number'] - 1} more)" if fault["number"] > 1 else ""
        raise UserError(
            f"models.{name}: the family {family.name} needs {needs}, but {where} {plain(fault['value'])}{more}; "
            f"{advice}."
        )

    for column, facts in noticed.get("columns", {}).items():
        if facts["distinct"] == 1:
            raise UserError(
                f"models.{name}: all values of the column '{column}' are {facts['median']:g}, which tells no "
                "components apart and has no standard deviation; leave it out of columns."
            )
    if family.positive and noticed["negative"]:
        refuse("values above 0", noticed["negative"], "use a family of the whole line, such as normal")
    if family.positive and noticed["not_positive"]:
        refuse(
            "values above 0",
            noticed["not_positive"],
            f"a share of exact zeros is a point of its own beside the positive values: report that share "
            f"({noticed['zeros']} of {noticed['n']}) and fit the values above 0 alone, or, if zeros stand for what is "
            "too small to be seen, leave them out and say so",
        )
    if family.kind == WHOLE:
        if noticed["uncountable"]:
            needs = f"counts up to {LARGEST_COUNT}, beyond which CmdStan cannot count"
            refuse(needs, noticed["uncountable"], "count in larger units")
        for fault, needs in ((noticed["negative"], "counts from 0"), (noticed["not_whole"], "whole numbers")):
            if fault:
                refuse(needs, fault, "use a continuous family, such as normal")


def of_few(
    name: str, family: Family, model: dict, components: int, noticed: dict, rounding: float | None, informed: bool
) -> None:
    """Raise a `UserError` when so few distinct observations leave every component a point, or all in one plane."""
    distinct = noticed["distinct"]
    informing = [name for name in (family.ordered, family.collapsing) if name is not None]
    way = "" if family.kind == MULTIVARIATE else f", or say the prior of {' and '.join(informing)} yourself"
    if noticed["groups"] and model["membership"] == "group":
        number = noticed["groups"]["distinct"]
        if components > number:
            raise UserError(
                f"models.{name}: {components} components are asked for, but the data have only {number} distinct "
                f"group{'s' if number > 1 else ''}, each with one membership; ask for fewer, or say `membership: row`."
            )
    elif family.kind != MULTIVARIATE and informed:
        return
    elif components > distinct:
        raise UserError(
            f"models.{name}: {components} components are asked for, but the data have only {distinct} "
            f"distinct values; ask for fewer{way}."
        )
    if family.kind == WHOLE or rounding:
        return
    things = "rows" if family.kind == MULTIVARIATE else "values"
    if 1 < components == distinct and not _all_fixed(model, family.collapsing):
        raise UserError(
            f"models.{name}: {components} components are asked for, and the data have only {distinct} distinct "
            f"{things}: each could be a component without any spread; ask for fewer."
        )
    if family.kind != MULTIVARIATE or model.get("correlation", "full") == "diagonal":
        return
    if distinct <= len(noticed["columns"]):
        raise UserError(
            f"models.{name}: the data have only {distinct} distinct rows of {len(noticed['columns'])} columns, which "
            "always lie in one plane and tell nothing of correlations; say `correlation: diagonal`, or leave columns "
            "out."
        )
    relations = [relation["text"] for relation in noticed["relations"] if relation["exact"]]
    if relations:
        raise UserError(
            f"models.{name}: columns are related, {'; '.join(relations)}, so that their correlations have no density; "
            "leave out one column of each relation, or say `correlation: diagonal`."
        )


def of_collapse(
    name: str,
    family: Family,
    entry: Resolved,
    components: int,
    n: int,
    noticed: dict,
    needed: int,
    can_round: bool,
    cut: Prior,
) -> None:
    """Refuse a prior of scales under which a component can collapse onto equal values."""
    # On m equal values the likelihood grows as sigma^-m; a free mean that has to meet them costs one power of sigma.
    # Values that are equal in one of several columns do the same, whatever the others are. So the prior's power at 0
    # must be more than `needed`: where the scale is large for what is narrow, that of its inverse.
    if components == 1 or not noticed["tied"]:
        return
    priors = entry.priors
    upwards = family.shape_of_one is not None
    if not all((prior.power_at_infinity if upwards else prior.power_at_zero) > needed for prior in priors):
        where = "" if entry.column is None else f" of the column '{entry.column}'"
        vanishing, interval = "give it a prior that vanishes at 0 (lognormal or inv_gamma", "say `rounding:`"
        if upwards:
            vanishing = "give it a prior that has next to nothing far above (lognormal or gamma"
        if noticed["step"]:
            ends = f" , {cut.upper:.3g}" if upwards else f"{cut.lower:.3g}, "
            vanishing += f", best cut by T[{ends}]"
            interval = f"say `rounding: {noticed['step']:g}`"
        vanishing += ")"
        interval += " in the data set, which makes the likelihood that of intervals"
        own, can_round = entry.own, can_round and not where
        ways = [*([f"share {entry.name}"] if own else []), vanishing, *([interval] if can_round else [])]
        raise UserError(
            f"models.{name}: {noticed['tied']} of the {n} values{where} are tied with another, and with a "
            f"{entry.name} {'per component' if own else 'for all components'} under a {priors[0].distribution} "
            "prior a component can collapse onto equal values, so that the posterior is improper; "
            f"{', '.join(ways[:-1])}, or {ways[-1]}."
        )


def of_zeros(name: str, family: Family, groups: dict | None) -> None:
    """Refuse extra zeros of rows where a membership is that of a group."""
    if groups and family.zero:
        raise UserError(
            f"models.{name}: the family {family.name} has extra zeros of single rows, which a model with one "
            f"membership for each group cannot have; take {family.name.removeprefix('zero_inflated_')}, or say "
            "`membership: row`."
        )


def of_known(name: str, noticed: dict, components: int) -> None:
    """Refuse fewer components than the data name."""
    if noticed["known"] and noticed["known"]["largest"] > components:
        raise UserError(
            f"models.{name}: {components} components are asked for, but the data name a component "
            f"{noticed['known']['largest']} as known; ask for more, or correct the column."
        )


def of_few_trials(name: str, family: Family, components: int, free: int, noticed: dict, groups: dict | None) -> None:
    """Refuse components of successes that cannot be told apart.

    K of them are where most groups (or some row) have as many trials as there are unknowns; beyond those of one trial
    nothing is seen of overdispersion.
    """
    most = noticed["trials"]["most"]
    if groups is None:
        if free > most:
            raise UserError(
                f"models.{name}: {components} {family.name} components have {free} unknowns, but no row has more than "
                f"{most} trials, and {most} are what so many trials can tell; ask for fewer components, or add up "
                "trials that belong together."
            )
        return
    if groups["trials"]["typical"] < free:
        raise UserError(
            f"models.{name}: {components} {family.name} components have {free} unknowns, but most groups have fewer "
            f"than {free} trials in all; ask for fewer components."
        )
    if family.collapsing is None and family.in_slot("scale") and groups["trials"]["most"] < 2:
        raise UserError(
            f"models.{name}: {components} {family.name} components have a dispersion, of which rows of a single trial "
            "tell nothing; use the family binomial."
        )


def of_hopeless(name: str, components: int, free: int, n: int) -> None:
    """Refuse a posterior that is its prior, and costly.

    The weights count as K, so that one own mean and sd for each of n components is three unknowns an observation.
    Where observations are few such a model costs little, and a note says what it rests on.
    """
    if free + 1 >= MOST_UNKNOWNS * n and components * n >= COSTLY:
        raise UserError(
            f"models.{name}: {components} components have {free} unknowns for {n} observations. Such a posterior is "
            f"its prior, and costly: every step of the sampler computes {components * n} densities, and {free} loosely "
            "tied unknowns take up to a thousand steps an iteration, hours in all; ask for fewer components, or share "
            "or fix parameters."
        )


def _all_fixed(model, name):
    """Whether a model of the configuration fixes a parameter for every component."""
    value = model["fixed"].get(name)
    return value is not None and not (isinstance(value, list) and None in value)
