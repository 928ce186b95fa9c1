"""What the file of a fit holds beside the draws for other people's tools: the groups that ArviZ looks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from stanmix.data import replication
from stanmix.data.observations import COUNTABLE
from stanmix.families.family import WHOLE, Points
from stanmix.families.registry import FAMILIES
from stanmix.fits import inference
from stanmix.model import mixture
from stanmix.model.prior import log_prior, prior_draws

if TYPE_CHECKING:
    from stanmix.data.observations import Observations
    from stanmix.model.specification import Specification

VALUES = 2_000_000  # the most of a group by observation: 16 MB; beyond, fewer draws are kept
PRIOR_DRAWS = 400
FAR = 10  # standard deviations that counts drawn from the prior may lie above their mean
LEFT_OUT = {  # why a file may have no such group
    "log_likelihood": f"Even few draws of every observation's would be more than {VALUES} values.",
    "prior_predictive": "No draw of the prior gives data that double precision can hold.",
}
NAMES = "Whether the components can be told apart, so that their names mean anything, is said in labels.json."


def draws_kept(chains: int, length: int, values: int) -> int:
    """How many draws of each chain have replicated data and log likelihoods.

    Parameters
    ----------
    chains, length : int
        How many chains there are, and draws in each.
    values : int
        How many numbers a replicated data set has.

    Returns
    -------
    int
        As many as `VALUES` allows, but enough for `replication.REPLICATES` data sets of all chains together.
    """
    return min(length, max(VALUES // (chains * values), replication.REPLICATES // chains, 1))


def groups(
    specification: Specification,
    variables: dict[str, np.ndarray],
    rows: Observations,
    sampled: np.ndarray,
    kept: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, xr.Dataset]:
    """The groups of an InferenceData that are computed from its draws, and those of the prior.

    Parameters
    ----------
    specification : Specification
        What `specification.specify` returned.
    variables : dict of numpy.ndarray
        theta and the parameters, each (chains, draws, K) or longer.
    rows : observations.Observations
    sampled : numpy.ndarray of int
        The row of each observation that is looked at, from 0, shape (m,).
    kept : numpy.ndarray of int
        The draws of each chain, from 0, that have replicated data: log likelihoods are of the same draws.
    rng : numpy.random.Generator
        For the prior.

    Returns
    -------
    dict of xarray.Dataset
        log_prior, memberships, prior, prior_predictive (of as many of its draws as `VALUES` allows, without those whose
        data double precision cannot hold) and, where all observations are looked at and draws x observations are at
        most `VALUES`, log_likelihood, of each group where rows are in groups. `LEFT_OUT` says why some are not there.
    """
    family, by_group = specification.family, specification.by_group
    units = rows.units(by_group)
    points = Points.of(units, specification.rounding)
    chains, length = variables["theta"].shape[:2]
    found = {"log_prior": _with_chains(log_prior(specification, variables), specification)}
    if len(sampled) == rows.n and chains * len(kept) * rows.n <= VALUES:
        few = {name: values[:, kept].reshape(-1, *values.shape[2:]) for name, values in variables.items()}
        if rows.group is None:
            values = units.expand(mixture.log_likelihood(family, points, few))[:, sampled]
            values = values.reshape(chains, len(kept), -1)
            content = inference.at_observations(values, specification, sampled, len(rows.y), kept)
        else:
            content = _log_likelihood_of_groups(specification, rows, few, chains, kept)
        found["log_likelihood"] = content.to_dataset(name="y")
        if len(kept) < length:
            found["log_likelihood"].attrs["comment"] = f"Of {len(kept)} of the {length} draws of each chain."
    every = {name: values.reshape(-1, *values.shape[2:]) for name, values in variables.items()}
    every = mixture.affordable(every, len(points.y), chains)
    found["memberships"] = _memberships(specification, units.expand(mixture.membership(family, points, every).T))
    drawn = prior_draws(specification, PRIOR_DRAWS, rng)
    found["prior"] = _with_chains(
        inference.estimated(specification, {name: values[None] for name, values in drawn.items()}), specification
    )
    points = replication.sampled_points(rows, sampled, specification.rounding, by_group)
    first = max(1, VALUES // rows.y[sampled].size)
    imagined, places = _imagined(family, points, {name: values[:first] for name, values in drawn.items()}, rng)
    if len(places):
        content = inference.at_observations(imagined[None], specification, sampled, len(rows.y), places)
        found["prior_predictive"] = content.to_dataset(name="y")
    return found


def _log_likelihood_of_groups(specification, rows, draws, chains, kept):
    """Log likelihoods of all groups, each as often as it counts, with named axes (xarray.DataArray)."""
    groups = rows.units(by_group=True)
    points, by_row = Points.of(groups, specification.rounding), not specification.by_group
    values = mixture.log_likelihood_of_groups(specification.family, points, draws, by_row)
    names, place = rows.groups
    _, first = np.unique(place, return_index=True)
    each = np.repeat(np.arange(len(names)), replication.frequency_of_groups(rows))
    values = values[:, groups.index[first[each]]].reshape(chains, len(kept), -1)
    coords = {"chain": np.arange(chains), "draw": kept, "group": names[each].astype(str)}
    return xr.DataArray(values, dims=("chain", "draw", "group"), coords=coords)


def _imagined(family, points, drawn, rng):
    """Data sets (r, m) from draws of the prior, and which draws these are: those whose data doubles can hold."""
    entry, places = FAMILIES[family], np.arange(len(drawn["theta"]))
    if entry.kind == WHOLE:
        with np.errstate(all="ignore"):
            mean, variance = entry.component_moments(drawn, size=points.size.max())
            possible = (mean + FAR * np.sqrt(variance) < COUNTABLE).all(axis=1)  # never where it is not a number
        places = places[possible]
        drawn = {name: values[possible] for name, values in drawn.items()}
    members = points.spread(mixture.draw_memberships(family, len(points), drawn, rng))
    with np.errstate(over="ignore", invalid="ignore"):
        imagined = mixture.replicate(family, points, members, drawn, rng)
    finite = np.isfinite(imagined).all(axis=tuple(range(1, imagined.ndim)))
    return imagined[finite], places[finite]


def _with_chains(values, specification):
    """Values of theta and the parameters, each (chains, draws) or longer, as a group with named axes."""
    modes = specification.modes
    coords = {"component": np.arange(1, specification.components + 1)}
    if specification.columns is not None:
        coords |= {"column": specification.columns, "column2": specification.columns}
    content = {
        name: (("chain", "draw", *inference.axes_of(array.ndim - 2, modes[name])), array)
        for name, array in values.items()
    }
    chains, draws = next(iter(values.values())).shape[:2]
    used = {axis for axes, _ in content.values() for axis in axes}
    coords = {axis: labels for axis, labels in coords.items() if axis in used}
    return xr.Dataset(content, coords={"chain": np.arange(chains), "draw": np.arange(draws), **coords})


def _memberships(specification, shares):
    """Membership probabilities (P, n) as a group: those of the components, and of an extra zero where there are any."""
    components = specification.components
    content = {"probability": (("obs_id", "component"), shares[:components].T)}
    if len(shares) > components:
        content["zero"] = ("obs_id", shares[components])
    coords = {"obs_id": np.arange(1, shares.shape[1] + 1), "component": np.arange(1, components + 1)}
    return xr.Dataset(content, coords=coords, attrs={"comment": NAMES})
