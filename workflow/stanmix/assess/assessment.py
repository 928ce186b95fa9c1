"""What one fit says: summary, checks, memberships, LOO, and the tables behind the predictive figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stanmix.assess import checks, crossvalidation, cutoff_words, cutoffs, elpd, memberships, refitting
from stanmix.base import columns
from stanmix.base.text import shielded
from stanmix.data import replication
from stanmix.data.observations import Observations
from stanmix.expected import continuous, discrepancies, multivariate, predictive, whole
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, WHOLE, Points
from stanmix.families.registry import FAMILIES
from stanmix.fits import inference
from stanmix.labels import certainty, partitions
from stanmix.model import mixture
from stanmix.model.prior import prior_draws
from stanmix.model.resolution import told_apart
from stanmix.model.specification import Specification

if TYPE_CHECKING:
    import arviz as az

CURVE_DRAWS = 1000  # draws behind bands of densities and predictive p-values
PLACES = (0.05, 0.25, 0.5, 0.75, 0.95)  # in the order of the values, where densities are looked at
REPLICATES = 200  # replicated data sets behind the bands of kernel densities
PREDICT = {CONTINUOUS: continuous.predict, WHOLE: whole.predict, MULTIVARIATE: multivariate.predict}


@dataclass(frozen=True)
class Fit:
    """A fit as it was sampled: what is assessed.

    Attributes
    ----------
    rows : observations.Observations
    specification : Specification
    idata : arviz.InferenceData
    model : dict
        Its entry in the checked configuration.
    noticed : dict
        What `noticing.notice` said of the data.
    names : list of str or None
        What the components are called.
    modes : dict or None
        What `modes.Search.found` said; None for a single component.
    truth : dict or None
        The true parameters of simulated data.
    """

    rows: Observations
    specification: Specification
    idata: Any
    model: dict
    noticed: dict
    names: list[str] | None = None
    modes: dict | None = None
    truth: dict | None = None


@dataclass(frozen=True)
class Assessment:
    """What a fit says.

    Attributes
    ----------
    summary, label_free : list of dict
        What `summary_rows` and `label_free_rows` returned.
    centres : pandas.DataFrame
        Where the components lie among the values of the data; no rows where their locations say so themselves.
    checks : list of checks.Check
    labels : dict
        What `certainty.judge` says, the names, and whether components are to be trusted.
    loo : dict
        What LOO says in numbers, and how many most probable components are right where the truth is known.
    pointwise : pandas.DataFrame
        What LOO says of every row, or of every group where rows are in groups.
    memberships : pandas.DataFrame
        A line for every row.
    facts : dict
        What is said of memberships, clusters and cut-offs.
    similarity : numpy.ndarray
        Co-clustering of the rows `sampled`, shape (r, r).
    sampled : numpy.ndarray of int
        From 0, shape (r,).
    cutoffs : pandas.DataFrame
        One row for each component that gives way, without names.
    predictive : dict
        What is said of the predictive tables.
    tables : dict
        The tables behind predictive figures.
    """

    summary: list[dict]
    label_free: list[dict]
    centres: pd.DataFrame
    checks: list[checks.Check]
    labels: dict
    loo: dict
    pointwise: pd.DataFrame
    memberships: pd.DataFrame
    facts: dict
    similarity: np.ndarray
    sampled: np.ndarray
    cutoffs: pd.DataFrame
    predictive: dict
    tables: dict[str, pd.DataFrame]


def assess(
    fit: Fit,
    inputs: Mapping,
    seed: int,
    axis: str = "auto",
    levels: Sequence[float] = (),
    say: Callable[[str], None] = print,
) -> Assessment:
    """What a fit says.

    Parameters
    ----------
    fit : Fit
    inputs : mapping
        Paths behind exact refits: data (the program's data as JSON), executable and toolchain.
    seed : int
        For what is drawn here: memberships given the data, replicated data that keep them, and the prior.
    axis : {"auto", "log", "linear"}
        On what axis the values are drawn.
    levels : sequence of float
        Probabilities of a component at which there are cut-offs.
    say : callable
        Told what takes long.

    Returns
    -------
    Assessment
    """
    rows, specification, idata, noticed, names = fit.rows, fit.specification, fit.idata, fit.noticed, fit.names
    by_group = specification.by_group
    units = rows.units(by_group)
    left_out = units if rows.group is None or by_group else rows.units(by_group=True)
    parts = None if left_out is units else refitting.parts_of(rows, units, left_out)
    every = inference.by_component(idata, specification)
    family, sampling = specification.family, specification.sampling
    points, without = (Points.of(each, specification.rounding) for each in (units, left_out))
    draws = mixture.affordable(every, len(points.y), sampling["chains"])

    efficiency = inference.relative_efficiency(idata)
    loo = crossvalidation.leave_one_out(family, without, left_out.count, draws, efficiency, parts is not None)
    loo |= refitting.repair(loo, specification, without, parts, inputs, seed, say)
    loo |= elpd.totals(loo, left_out.count) | {"things": "observations" if rows.group is None else "groups"}
    trust = certainty.judge(specification, points, units.count, draws, np.random.default_rng(seed)) | {"names": names}
    summary = summary_rows(idata, family, fit.truth, names)
    log_likelihood = {"log likelihood": loo["log_likelihood"]}
    if len(draws["theta"]) < len(every["theta"]):  # what is said of the chains is said of all their draws
        few = units.index[replication.sampled_units(rows, by_group, memberships.OBSERVATIONS)]
        title = f"log likelihood of {len(few)} {'groups' if by_group else 'observations'}"
        log_likelihood = {title: mixture.log_likelihood(family, points[few], every).sum(axis=1)}
    label_free = label_free_rows(family, points.rows, every, log_likelihood, sampling["chains"], specification.columns)
    sampled = replication.sampled_rows(rows)
    looked_at = replication.sampled_points(rows, sampled, specification.rounding, by_group)
    place = left_out.place[sampled]
    tables, facts, p_values = _predictive(specification, rows, sampled, looked_at, loo, place, idata, draws, seed, axis)
    belonging = _memberships(fit, units, points, draws)

    energy, raised = inference.energy_fraction(idata), specification.adapt_delta_raised
    found = checks.sampling_checks(summary, label_free, _statistics(idata), sampling, energy, raised)
    found += checks.cut_check(specification, every, noticed.get("step"), names)
    found += checks.width_check(specification, noticed)
    found += checks.predictive_checks(p_values, specification, facts)
    if "ties" in facts:
        found.append(checks.tie_check(facts["ties"], len(sampled), specification))
    found += checks.label_checks(trust, not told_apart(fit.model) and not noticed["known"], names)
    if specification.components > 1:
        clusters, gain = len(belonging["facts"]["clusters"]), None
        if clusters == 1 and not told_apart(fit.model) and not noticed["known"]:
            gain = refitting.gain_over_single(
                loo, specification, fit.model, noticed, rows, units, left_out, inputs, seed, say
            )
        found.append(checks.group_check(mixture.parts(family, specification.components), clusters, gain))
    found += checks.mode_checks(fit.modes) if fit.modes else []
    found.append(checks.loo_check(loo["n_bad"], loo["refitted"], loo["good_k"], loo["n"], loo["things"]))
    failed = {check.name for check in found if check.status == checks.FAIL}
    trust["whole"] = failed.isdisjoint(checks.MODES)  # whether the draws are those of the whole posterior
    trust["trusted"] = trust["whole"] and failed.isdisjoint(checks.LABELS)
    if trust["trusted"]:
        table, said = cutoffs.find(specification, points, draws, levels)
        said = cutoff_words.sentences(table, said, names)
    else:
        table, said = cutoffs.none(), [cutoff_words.WITHHELD]
    return Assessment(
        summary=summary,
        label_free=label_free,
        centres=_centres(specification, every, sampling["chains"], names),
        checks=found,
        labels=trust,
        loo={key: value for key, value in loo.items() if np.ndim(value) == 0} | {"right": belonging["right"]},
        pointwise=_pointwise(rows, left_out, loo),
        memberships=belonging["table"],
        facts=belonging["facts"] | {"cutoffs": said},
        similarity=belonging["similarity"],
        sampled=belonging["sampled"],
        cutoffs=table,
        predictive=facts | {"looked_at": len(looked_at.y), "p_values": p_values},
        tables=tables,
    )


def _pointwise(rows, left_out, loo):
    """What LOO says of every row, or of every group where rows are in groups."""
    if rows.group is None:
        content, first = {"obs_id": range(1, len(rows.y) + 1), "weight": rows.frequency}, slice(None)
    else:
        names, place = rows.groups
        _, first = np.unique(place, return_index=True)
        content = {"group": names, "rows": np.bincount(place), "weight": rows.frequency[first]}
    at = left_out.index[first]
    return pd.DataFrame(content | {"elpd": loo["elpd_i"][at], "pareto_k": loo["pareto_k"][at]})


def _statistics(idata):
    return {key: idata.sample_stats[key].to_numpy() for key in ("diverging", "tree_depth")}


def summary_rows(
    idata: az.InferenceData, family: str, truth: dict | None = None, names: list[str] | None = None
) -> list[dict]:
    """One row for each scalar parameter.

    Parameters
    ----------
    idata : arviz.InferenceData
    family : str
        The family of the fit.
    truth : dict, optional
        The true parameters. Weights are compared when the number of components is the fit's, parameters when the family
        is, too.
    names : list of str, optional
        What the components are called.

    Returns
    -------
    list of dict
        title, parameter, component (from 1, None for shared), column and column_2 where it is about these,
        `inference.statistics_of`, truth and covered.
    """
    components = idata.posterior.sizes.get("component", 1)
    comparable = truth is not None and truth["components"] == components
    rows = []
    for scalar in inference.scalars(idata):
        name, component = scalar.name, scalar.component
        title = columns.title_of(name, component, scalar.columns, names)
        row = {"title": title, "parameter": name, "component": component}
        row |= dict(zip(columns.OF_SCALARS, scalar.columns, strict=False))
        row |= inference.statistics_of(scalar.draws)
        values = truth[name] if comparable and (name == "theta" or truth["family"] == family) else None
        if values is not None and component is None:
            values = values[:1] if len(set(values)) == 1 else None  # a shared parameter has no one truth if it differs
        row["truth"] = None if values is None else values[(component or 1) - 1]
        row["covered"] = None if values is None else bool(row["hdi_lower"] <= row["truth"] <= row["hdi_upper"])
        rows.append(row)
    return rows


def label_free_rows(
    family: str,
    points: Points,
    draws: dict[str, np.ndarray],
    log_likelihood: dict[str, np.ndarray],
    chains: int,
    names: list[str] | None = None,
) -> list[dict]:
    """Statistics of quantities that do not change when components change their labels.

    Parameters
    ----------
    family : str
    points : Points
        The distinct observations.
    draws : dict of numpy.ndarray
        Each (S, K), chain after chain.
    log_likelihood : dict of numpy.ndarray
        By its title the log likelihood for each draw, shape (S,).
    chains : int
    names : list of str, optional
        What the columns are called where there are several.

    Returns
    -------
    list of dict
        title and `inference.statistics_of` for the log likelihood, the mixture's mean and sd (of a typical trial number
        or exposure; of each column), and its density at the 5, 25, 50, 75 and 95% quantiles of the distinct values, or
        at the rows at these places in the order of the rows.
    """
    entry = FAMILIES[family]
    typical = float(np.quantile(points.size, 0.5, method="inverted_cdf"))
    means, variances = entry.component_moments(draws, size=typical)
    weights = np.exp(mixture.log_weights(family, draws))[:, : means.shape[1]]
    beyond = 1 - weights.sum(axis=1)  # of extra zeros, which add nothing to the mean
    quantities = dict(log_likelihood)
    for d, name in enumerate(names or [None]):
        mean_of, variance_of = (values if names is None else values[:, :, d] for values in (means, variances))
        mean = (weights * mean_of).sum(axis=1)
        centred = (weights * (variance_of + (mean_of - mean[:, None]) ** 2)).sum(axis=1)
        of = "" if name is None else f" of {name}"
        quantities |= {f"mixture mean{of}": mean, f"mixture sd{of}": np.sqrt(centred + beyond * mean**2)}
    if names is None:
        values = np.unique(np.quantile(points.y, PLACES, method="inverted_cdf"))
    else:
        values = points.y[np.unique((np.array(PLACES) * (len(points) - 1)).round().astype(int))]
    at = Points(values, np.full(len(values), typical), points.step)
    what = "probability" if entry.kind == WHOLE or points.step is not None else "density"
    for value, density in zip(values, mixture.densities(family, at, draws).sum(axis=2).T, strict=True):
        where = f"{value:.4g}" if names is None else f"({', '.join(f'{number:.4g}' for number in value)})"
        quantities[f"{what} at {where}"] = density
    return [
        {"title": title, **inference.statistics_of(values.reshape(chains, -1))}
        for title, values in quantities.items()
        if np.isfinite(values).all()  # a heavy-tailed component has no variance, then the mixture has none
    ]


def _centres(specification, draws, chains, names):
    """Where the components lie among the values of the data; no rows where their locations say so themselves."""
    centres, rows = specification.entry.centres(draws), []
    if centres is not None:
        for place in np.ndindex(centres.shape[1:]):
            row = {"component": place[0] + 1}
            row |= {} if names is None else {columns.CALLED: shielded(names[place[0]])}
            row |= {} if len(place) == 1 else {"column": specification.columns[place[1]]}
            rows.append(row | inference.statistics_of(centres[(slice(None), *place)].reshape(chains, -1)))
    return pd.DataFrame(rows, columns=None if rows else ["component", "mean"])


def _memberships(fit, units, points, draws):
    """Who belongs where: the table, how many are right if that is known, co-clustering, and what is said of it all."""
    rows, specification, truth = fit.rows, fit.specification, fit.truth
    family, by_group = specification.family, specification.by_group
    of_units = memberships.probabilities(family, points, draws)
    found = {end: values[units.index] for end, values in of_units.items()}
    frame = memberships.table(rows, specification, found, fit.names)
    frame.insert(0, "obs_id", range(1, len(frame) + 1))
    frame.insert(list(frame).index(columns.probability(columns.parts_of(frame)[0])), "weight", rows.frequency)
    sampled = replication.sampled_units(rows, by_group, memberships.OBSERVATIONS)
    similarity, clusters, loss = memberships.cluster(family, points, units.count, draws, units.index[sampled])
    frame["cluster"] = clusters = clusters[units.index]
    # A component has a true counterpart only when there are as many of them, and extra zeros in both or in neither.
    parts, right = mixture.parts(family, specification.components), None
    if truth is not None and parts == mixture.parts(truth["family"], truth["components"]):
        frame["true_component"] = np.array(columns.parts_of(frame))[rows.component - 1]
        frame["right"] = frame["component"] == frame["true_component"]
        right = int(frame["right"].sum())
    facts = {
        "expected_misclassification": partitions.expected_misclassification(of_units["mean"], units.count),
        "entropy_r2": partitions.entropy_r2(of_units["mean"], units.count),
        "average": partitions.average_membership(of_units["mean"], units.count),
        "interval": memberships.INTERVAL,
        "loss": loss,
        "agreement": partitions.adjusted_rand(clusters, frame["component"], rows.frequency),
        "looked_at": len(sampled),
        "clusters": memberships.describe(rows, specification.columns, clusters, similarity, sampled),
    }
    return {"table": frame, "right": right, "similarity": similarity, "sampled": sampled, "facts": facts}


def _predictive(specification, rows, sampled, points, loo, place, idata, draws, seed, axis):
    """The tables behind the predictive figures, what is said of them, and the p-values that are checks."""
    family, rng = specification.family, np.random.default_rng(seed)
    thinned, few = mixture.thinned(draws, CURVE_DRAWS), mixture.thinned(draws, REPLICATES)
    kept = mixture.replicate(family, points, mixture.sample_memberships(family, points, few, rng), few, rng)
    anew = idata.posterior_predictive["y"].to_numpy()
    anew = anew.reshape(-1, *anew.shape[2:])
    anew = anew[mixture.spaced(len(anew), replication.REPLICATES)]
    thin = np.linspace(0, len(anew) - 1, min(REPLICATES, len(anew))).round().astype(int)
    prior = prior_draws(specification, CURVE_DRAWS, rng)
    made, facts = PREDICT[specification.kind](specification, points, thinned, few, kept, anew, thin, prior, axis)
    panels, left_out = [], []
    for title, ends in _transforms(loo, specification.columns):
        transform = predictive.drawn_between(ends[:, place], rng)
        panels.append(pd.DataFrame({"panel": title, **predictive.transform_table(transform, rng)}))
        left_out += [transform] if title.startswith("LOO") else []
    in_groups = None
    if rows.group is not None:
        in_groups = replication.sampled_points(rows, sampled, specification.rounding, by_group=True).unit
    judged, more, p_values = discrepancies.judge(specification, points, thinned, few, anew, left_out, rng, in_groups)
    tables = {name: pd.DataFrame(content) for name, content in (made | judged).items()}
    return tables | {"transform": pd.concat(panels)}, facts | more, p_values


def _transforms(loo, names):
    """The probabilities below each observation and with it, (2, m), by the titles of their panels."""
    both = (("PIT", loo["pit"]), ("LOO-PIT", loo["loo_pit"]))
    if names is None:
        return both
    return [(f"{title} of {name}", ends[:, :, d]) for d, name in enumerate(names) for title, ends in both]
