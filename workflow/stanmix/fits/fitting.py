"""One fit from observations to draws."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from stanmix.base.files import read_json, write_csv, write_json
from stanmix.base.seeds import seed_for
from stanmix.data import observations, replication
from stanmix.families.family import Points
from stanmix.fits import exchange, inference, modes
from stanmix.fits.starts import expectation_maximisation, overlap, starting_values
from stanmix.labels import certainty
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data
from stanmix.stan import cmdstan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stanmix.data.observations import Observations
    from stanmix.model.specification import Specification

APART = 0.05  # expected share of misplaced observations up to which a posterior is taken to be nearly normal
LEARNT = 10  # warm-up iterations for each unknown from which its correlations with the others can be learnt
RAISED = 0.98  # adapt_delta of a second run where any transition of the first one diverged
PACKAGES = ("arviz", "cmdstanpy", "numpy", "scipy")


def fit(
    inputs: Mapping,
    outputs: Mapping,
    name: str,
    model: dict,
    components: int,
    rounding: float | None,
    sampling: dict,
    seed: int,
    threads: int = 1,
    say: Callable[[str], None] = print,
) -> None:
    """Sample one model for one data set and write draws, specification, the program's data and the modes.

    The modes are searched first, and the chains start in those that hold the posterior. Where sampling leads to others,
    or chains leave one that matters, it is sampled once more from what is known then.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, noticed, executable, toolchain.
    outputs : mapping
        Paths: draws (netCDF), specification (JSON, with starting values and seeds), data (JSON for CmdStan); and of
        several components modes (JSON: what `modes.Search.found` says), modes_table (CSV: a row for each component of
        each mode) and modes_density (CSV: what pictures of the first modes show; empty for several columns).
    name : str
        The model's name.
    model : dict
        Its entry in the checked configuration.
    components : int
    rounding : float or None
        The step to which the values are rounded, where the likelihood shall be that of intervals.
    sampling : dict
        chains, warmup, draws, adapt_delta, max_treedepth, metric.
    seed : int
        This fit's seed; starting values, chains and replicates derive theirs from it.
    threads : int
        How many chains run at once, and what is left for each.
    say : callable
        Told about progress.
    """
    record = read_json(inputs["toolchain"])
    rows = observations.read(inputs["observations"])
    specification = specify(name, model, components, read_json(inputs["noticed"]), rounding, rows)
    units, sampled = rows.units(specification.by_group), replication.sampled_rows(rows)
    jobs = ("starts", "chains", "labels", "replicates", "prior", "modes", "once more")
    seeds = {job: seed_for(seed, job) for job in jobs}
    write_json(outputs["data"], program_data(specification, units))
    where = {name: inputs[name] for name in ("executable", "toolchain")} | {"data": outputs["data"]}
    if components > 1:
        search = modes.Search(specification, units, where, seeds["modes"], say)
        states = search.starts(sampling["chains"])
    else:  # a single component has one mode
        states = [expectation_maximisation(specification, units)] * sampling["chains"]

    def sampled_from(states: list[dict], seeds: Sequence[int]) -> tuple[dict, dict, dict, list[dict]]:
        starts = starting_values(specification, units, states, seeds[0])
        most = max(overlap(specification, units, state) for state in {id(state): state for state in states}.values())
        used = sampling | {"metric": metric_of(sampling, most, starts)}
        given = (inputs["executable"], outputs["data"], starts)
        slots, statistics = cmdstan.sample(*given, used, seeds[1], record, threads, say)
        if statistics["divergent__"].any() and used["adapt_delta"] < RAISED:
            # Part of the posterior may be missing, which smaller steps reach.
            say(f"Transitions diverged: sampling once more with adapt_delta {RAISED:g}.")
            used |= {"adapt_delta": RAISED}
            slots, statistics = cmdstan.sample(*given, used, seeds[1], record, threads, say)
        return {name: slots[slot] for name, slot in specification.slots.items()}, statistics, used, starts

    variables, statistics, used, starts = sampled_from(states, (seeds["starts"], seeds["chains"]))
    if components > 1:
        again = search.misses(variables)
        if again:
            say("Sampling once more: the chains do not visit all modes that hold the posterior.")
            once_more = [seed_for(seeds["once more"], job) for job in ("starts", "chains")]
            variables, statistics, used, starts = sampled_from(search.starts(sampling["chains"]), once_more)
            search.misses(variables)
        found = search.found() | {"again": again}
        write_json(outputs["modes"], found)
        write_csv(outputs["modes_table"], modes.table(found, specification))
        points = Points.of(rows, specification.rounding)[sampled]
        write_csv(outputs["modes_density"], modes.pictures(found, specification, points))
    if specification.labels == "relabelled":
        points = Points.of(units, specification.rounding)
        rng = np.random.default_rng(seeds["labels"])
        variables = certainty.relabelled(specification, points, units.count, variables, rng)
    chains, length = variables["theta"].shape[:2]
    kept = mixture.spaced(length, exchange.draws_kept(chains, length, rows.y[sampled].size))
    rng = np.random.default_rng(seeds["replicates"])
    replicated = replicates(specification, variables, rows, sampled, kept, rng)
    rng = np.random.default_rng(seeds["prior"])
    groups = exchange.groups(specification, variables, rows, sampled, kept, rng)
    versions = {package: version(package) for package in PACKAGES}
    attributes = {
        "seed": seed,
        "config": {"model": {name: model}, "components": components, "sampling": sampling},
        "versions": {**record, **versions},
        "left_out": {name: why for name, why in exchange.LEFT_OUT.items() if name not in groups},
    }
    inference.write_draws(
        outputs["draws"], specification, variables, statistics, rows, sampled, replicated, attributes, groups
    )
    made = replace(
        specification,
        sampling=used,
        adapt_delta_raised=used["adapt_delta"] > sampling["adapt_delta"],
        seeds=seeds,
        starting_values=starts,
        versions=versions,
    )
    made.write(outputs["specification"])


def metric_of(sampling: dict, overlap: float, starts: list[dict]) -> str:
    """The metric of NUTS: as asked, or dense where a posterior is nearly normal and warm-up is long enough to learn it.

    Parameters of overlapping components have curved posteriors or several modes, where one covariance misleads chains.

    Parameters
    ----------
    sampling : dict
        metric ("auto", "diag" or "dense") and warmup.
    overlap : float
        What `starts.overlap` says of the estimate.
    starts : list of dict
        Starting values of every chain: as many numbers as there are unknowns.

    Returns
    -------
    str
        "diag" or "dense".
    """
    if sampling["metric"] != "auto":
        return sampling["metric"]
    unknowns = sum(np.size(values) for values in starts[0].values())
    return "dense" if overlap <= APART and LEARNT * unknowns <= sampling["warmup"] else "diag"


def replicates(
    specification: Specification,
    variables: dict[str, np.ndarray],
    rows: Observations,
    sampled: np.ndarray,
    kept: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Replicated data sets of new units from the kept draws of each chain, shape (chains, r, m)."""
    family, by_group = specification.family, specification.by_group
    points = replication.sampled_points(rows, sampled, specification.rounding, by_group)
    replicates = []
    for chain in range(len(variables["theta"])):
        draws = {name: values[chain, kept] for name, values in variables.items()}
        members = points.spread(mixture.draw_memberships(family, len(points), draws, rng))
        replicates.append(mixture.replicate(family, points, members, draws, rng))
    return np.stack(replicates)
