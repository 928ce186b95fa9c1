"""Fits beside the fit: without an observation that importance sampling cannot leave out, and with one component."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stanmix.assess import crossvalidation, elpd
from stanmix.base.files import read_json, write_json
from stanmix.base.seeds import seed_for
from stanmix.families.family import Points
from stanmix.fits import inference
from stanmix.fits.starts import expectation_maximisation, starting_values
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data
from stanmix.stan import cmdstan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stanmix.data.observations import Observations, Units
    from stanmix.model.specification import Specification

MOST = 10  # distinct observations or groups without which it is fitted; with more the family is to blame, not a few


def repair(
    loo: dict,
    specification: Specification,
    points: Points,
    parts: list[np.ndarray] | None,
    inputs: Mapping,
    seed: int,
    say: Callable[[str], None] = print,
) -> dict:
    """Replace what importance sampling said of a few units by what exact fits without them say.

    Parameters
    ----------
    loo : dict
        What `crossvalidation.leave_one_out` returned.
    specification : Specification
        The fit's specification, with its starting values.
    points : Points
        The distinct units that are left out, m of them.
    parts : list of numpy.ndarray of int, or None
        For each of them the places in the program's data of what it consists of; None where these are the same.
    inputs : mapping
        Paths: executable, toolchain and data (the program's data as JSON).
    seed : int
    say : callable
        Told what takes long.

    Returns
    -------
    dict
        elpd_i, loo_pit and pareto_k with the repaired values (no Pareto k for these), and refitted: how many these
        are, 0 when nothing had to be repaired or too much.
    """
    return _repaired(loo, specification, points, parts, read_json(inputs["data"]), inputs, seed, say)


def _repaired(loo, specification, points, parts, data, inputs, seed, say):
    """What `repair` returns, for the program's data as they are given."""
    places = np.flatnonzero(loo["pareto_k"] > loo["good_k"])
    repaired = {key: loo[key].copy() for key in ("elpd_i", "loo_pit", "pareto_k")}
    if not 0 < len(places) <= MOST:
        return repaired | {"refitted": 0}
    things = "observations" if points.unit is None else "groups"
    say(f"Fitting again without each of {len(places)} {things} whose Pareto k is too large.")
    starts = specification.starting_values
    for place in places.tolist():
        count = np.array(data["count"])
        np.subtract.at(count, place if parts is None else parts[place], 1)
        without = data | {"count": count.tolist()}
        draws = _sampled(inputs, specification, without, starts, seed_for(seed, "without", place), say)
        point = points[[place]]
        values = mixture.log_likelihood_of_groups(specification.family, point, draws, parts is not None)
        repaired["elpd_i"][place] = mixture.log_sum(values[:, 0], axis=0) - np.log(len(values))
        tails = np.stack(mixture.tails(specification.family, point, draws))
        rows = [place] if points.unit is None else points.unit == place
        repaired["loo_pit"][:, rows] = np.clip(tails.mean(axis=1), 0, 1)
        repaired["pareto_k"][place] = np.nan
    return repaired | {"refitted": len(places)}


def parts_of(rows: Observations, units: Units, left_out: Units) -> list[np.ndarray]:
    """What each unit that is left out consists of in the program's data, where that has a membership for each row.

    Parameters
    ----------
    rows : observations.Observations
        In groups.
    units : observations.Units
        What has one membership: the distinct rows.
    left_out : observations.Units
        The distinct groups.

    Returns
    -------
    list of numpy.ndarray of int
        For each group the distinct row of each of its rows.
    """
    _, group = rows.groups
    order = np.argsort(group, kind="stable")
    of_group = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    _, first = np.unique(left_out.index, return_index=True)
    return [units.index[of_group[g]] for g in group[first]]


def gain_over_single(
    loo: dict,
    specification: Specification,
    model: dict,
    noticed: dict,
    rows: Observations,
    units: Units,
    left_out: Units,
    inputs: Mapping,
    seed: int,
    say: Callable[[str], None] = print,
) -> tuple[float, float]:
    """How much better the fit predicts than the same model with a single component.

    Parameters
    ----------
    loo : dict
        What `repair` returned.
    specification : Specification
        The fit's specification.
    model : dict
        Its entry in the checked configuration.
    noticed : dict
        What `noticing.notice` says of the data.
    rows : observations.Observations
    units : observations.Units
        What has one membership in the fit.
    left_out : observations.Units
        What is left out: groups where there are any.
    inputs : mapping
        Paths: executable and toolchain.
    seed : int
    say : callable
        Told what takes long.

    Returns
    -------
    difference, standard_error : float
        Of the expected log predictive densities.
    """
    say("Fitting a single component, because the observations fall into one cluster.")
    sampling, seed = specification.sampling, seed_for(seed, "single")
    model = model | {"priors": model["priors"] | {"theta": "dirichlet(1)"}}  # its weight is 1, whatever weights were
    alone = specify(specification.model, model, 1, noticed, specification.rounding, rows)
    starts = starting_values(alone, units, [expectation_maximisation(alone, units)] * sampling["chains"], seed)
    alone = replace(alone, sampling=sampling, starting_values=starts)
    data = program_data(alone, units)
    draws = _sampled(inputs, alone, data, starts, seed, say)
    points = Points.of(left_out, specification.rounding)
    draws = mixture.affordable(draws, len(points.y), sampling["chains"])
    by_row = points.unit is not None and not specification.by_group
    other = crossvalidation.leave_one_out(alone.family, points, left_out.count, draws, 1.0, by_row)
    parts = parts_of(rows, units, left_out) if by_row else None
    other |= _repaired(other, alone, points, parts, data, inputs, seed, say)  # as the fit itself was, and that of one
    gains = loo["elpd_i"] - other["elpd_i"]
    return float(gains @ left_out.count), elpd.standard_error(gains, left_out.count)


def _sampled(inputs, specification, data, starts, seed, say):
    """All draws of a program for other data than the fit's."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "data.json"
        write_json(path, data)
        record, sampling = read_json(inputs["toolchain"]), specification.sampling
        slots, _ = cmdstan.sample(inputs["executable"], path, starts, sampling, seed, record, say=say)
    return inference.flat(slots, specification)
