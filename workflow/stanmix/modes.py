"""The modes of a posterior: a search from dispersed starts, and in which of its modes each chain sits.

Two ends of climbs are one mode when they give every observation the same density. Relabelled copies do, and so do the
many places that a component without observations can take.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from stanmix import cmdstan, mixture, observations, replication, whole
from stanmix.continuous import at, grid
from stanmix.families import FAMILIES
from stanmix.family import CONTINUOUS, MULTIVARIATE, WHOLE, Points, to_link
from stanmix.files import read_json, write_csv, write_json
from stanmix.observations import Units
from stanmix.seeds import seed_for
from stanmix.specification import lower_ends
from stanmix.starts import (
    SMALLEST_GAP,
    climb,
    expectation_maximisation,
    first_shares,
    named,
    start_near,
)

# The search, and what is kept of it.
STARTS, FEWEST_STARTS = 40, 12
UNITS = 2000  # distinct observations that EM and comparisons of modes look at; beyond, a random sample
EFFORT = 40_000  # starts x distinct observations; with more of these there are fewer starts
STEPS = 4  # of EM from each; the optimiser goes on from there
SAME = 0.05  # difference of the log density of any observation below which two ends are one mode,
ALIKE, LEVEL = 0.3, 0.05  # or this one where their heights differ by less nats than that: the ridge between is flat
LISTED = 15.0  # nats below the best mode, up to which others are listed
SHOWN = 8  # modes that pictures and pages show
NUDGE = 0.5  # standard errors: a mode is climbed again from so far away,
PUSH = 1.0  # or so far if it is at the edge of the order, as two equal components are,
PUSHES = 4  # so often
HIGHER = 0.01  # nats by which the second climb must end higher to count

# Where the chains are.
PLACES = 8  # draws of each chain from which it is climbed
PERMUTATIONS = 9999  # of these draws among the chains, behind the p-value

POINTS = 201  # of a picture's curves
ON_EDGE = 2 * SMALLEST_GAP  # of the unit of locations: neighbours so near are held apart by the order alone
SMALLEST = 1 / 250  # of the unit of scales: a component so narrow has collapsed,
AT_FLOOR = 1.1  # or one within so many times the smallest scale that is allowed


def find_modes(inputs, outputs, seed, say=print):
    """Search the modes of one fit's posterior and write them.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, draws, specification, data, executable and toolchain.
    outputs : mapping
        Paths: modes (JSON: what `search` returned), modes_table (CSV: a row for each component of each mode) and
        modes_density (CSV: what pictures of the first modes show; empty for several columns).
    seed : int
        For the starts.
    say : callable
        Told what takes long.
    """
    rows = observations.read(inputs["observations"])
    units, specification = rows.units(), read_json(inputs["specification"])
    draws = chain_states(inputs["draws"], specification)
    found = search(specification, units, draws, inputs, seed, say)
    write_json(outputs["modes"], found)
    write_csv(outputs["modes_table"], table(found, specification))
    write_csv(
        outputs["modes_density"],
        pictures(found, specification, Points.of(rows, specification["rounding"])[replication.sampled_rows(rows)]),
    )


def chain_states(path, specification):
    """States of every chain at evenly spaced draws.

    Parameters
    ----------
    path : path-like
        The draws, as `inference.write_draws` wrote them.
    specification : dict

    Returns
    -------
    list of list of dict
        For each chain at most `PLACES` states: theta and the parameters, each (K,) or longer.
    """
    import xarray as xr

    posterior, constant = (_group(xr, path, group) for group in ("posterior", "constant_data"))
    length = posterior.sizes["draw"]
    kept = ((np.arange(min(PLACES, length)) + 0.5) * length / min(PLACES, length)).astype(int)
    components, chains = specification["components"], []
    for chain in range(posterior.sizes["chain"]):
        states = []
        for draw in kept:
            state = {}
            for name in dict.fromkeys(["theta", *(entry["name"] for entry in specification["parameters"])]):
                of_components = True
                if name in posterior:
                    array = posterior[name][{"chain": chain, "draw": draw}]
                    of_components = "component" in array.dims
                else:
                    array = constant[name]
                    of_components = "component" in array.dims
                values = array.to_numpy()
                values = values if of_components else values[None]
                state[name] = np.array(np.broadcast_to(values, (components, *values.shape[1:])))
            states.append(state)
        chains.append(states)
    return chains


def _group(xr, path, group):
    try:
        return xr.load_dataset(path, group=group, engine="h5netcdf")
    except OSError:  # nothing is constant
        return xr.Dataset()


def search(specification, units, chains, inputs, seed, say=print):
    """The modes of a posterior, and which of them the chains visit.

    Parameters
    ----------
    specification : dict
    units : observations.Units
        The distinct observations with their counts.
    chains : list of list of dict
        States of every chain, each a dict of arrays (K,) or longer.
    inputs : mapping
        Paths: data, executable and toolchain.
    seed : int
    say : callable
        Told what takes long.

    Returns
    -------
    dict
        starts: how many; lost: how many of them reached nothing finite; listed: nats up to which modes are listed;
        shown: how many of these are shown; log_weights: whether heights are those of the density of log weights (where
        a prior of the weights has no bound at 0); p_value: of the chains visiting the modes alike, None for a single
        chain; and modes, the best first. Each has number (from 1), log_posterior (up to a constant), gap (nats below
        the best), starts (how many led there), visits (for each chain how many of its draws lead there), places (how
        many draws of a chain were looked at), empty and collapsed (components, from 1), edge (components that the
        order holds apart from the next), and state (theta and the parameters).
    """
    rng = np.random.default_rng(seed_for(seed, "starts"))
    few = _sample(units, np.random.default_rng(seed_for(seed, "sample")))
    points, family = Points.of(few, specification["rounding"]), specification["family"]

    def density(state):
        return mixture.log_likelihood(family, points, {name: value[None] for name, value in state.items()})[0]

    ends = _ends(specification, few, density, rng)
    begun = [end["state"] for end in ends] + [state for states in chains for state in states]
    say(f"Climbing to the modes from {len(begun)} places.")
    with tempfile.TemporaryDirectory() as scratch:
        data, log_weights = _data(inputs["data"], Path(scratch) / "data.json")
        record = read_json(inputs["toolchain"])

        def climbed(states, steps):
            starts = [
                start_near(specification, units, state, rng, step) for state, step in zip(states, steps, strict=True)
            ]
            told = cmdstan.optimise(inputs["executable"], data, starts, seed_for(seed, "climb"), record)
            return [one and _reached(one, specification, points, density) for one in told]

        reached = climbed(begun, [0.0] * len(begun))
        groups = _grouped([one for one in reached if one])
        again = []  # the group, where to climb from, and how far beside that
        for group in groups:
            step = PUSH if _on_edge(group["state"], specification).any() else NUDGE
            again += [(group, _beside(group["state"], specification), step)] * PUSHES
        confirmed = climbed([state for _, state, _ in again], [step for _, _, step in again])
    # What a second climb leaves was a saddle, or a place that only the names of two components make an end.
    for (group, _, _), end in zip(again, confirmed, strict=True):
        if end and end["height"] > group["height"] + HIGHER:
            group |= end
    groups = _grouped(groups)

    def mode_of(one):
        return next(i for i, group in enumerate(groups) if any(member is one["state"] for member in group["members"]))

    led = [mode_of(one) if one else None for one in reached]
    counts = np.zeros(len(groups), int)
    for end, mode in zip(ends, led, strict=False):
        if mode is not None:
            counts[mode] += end["starts"]
    visited = iter(led[len(ends) :])
    visits = np.zeros((len(groups), len(chains)), int)
    for chain, states in enumerate(chains):
        for mode in (next(visited) for _ in states):
            if mode is not None:
                visits[mode, chain] += 1
    modes = [
        {
            "number": i + 1,
            "log_posterior": group["height"],
            "gap": group["height"] - groups[0]["height"],
            "starts": int(counts[i]),
            "visits": visits[i].tolist(),
            "places": len(chains[0]) if chains else 0,
            **_marks(group["state"], specification, points, units.n),
            "state": {name: value.tolist() for name, value in group["state"].items()},
        }
        for i, group in enumerate(groups)
        if group["height"] >= groups[0]["height"] - LISTED or visits[i].any()
    ]
    return {
        "starts": sum(end["starts"] for end in ends),
        "lost": sum(end["starts"] for end, one in zip(ends, reached, strict=False) if not one),
        "listed": LISTED,
        "shown": SHOWN,
        "log_weights": log_weights,
        "p_value": visited_alike(visits, np.random.default_rng(seed_for(seed, "permutations"))),
        "modes": modes,
    }


def _sample(units, rng):
    """The distinct observations, or of very many a random sample."""
    if len(units.y) <= UNITS:
        return units
    kept = np.sort(rng.choice(len(units.y), UNITS, replace=False, p=units.count / units.count.sum()))
    taken = {name: value[kept] for name, value in vars(units).items() if name != "index" and value is not None}
    return Units(**{**vars(units), **taken, "count": np.ones(UNITS), "index": np.arange(UNITS)})


def _data(path, changed):
    """The program's data for climbing: a prior of the weights without bound at 0 is seen from the logs of the weights.

    Where a concentration is below 1 the density grows without end as a weight goes to 0. That of the logs of the
    weights does not: it has every power of a weight one higher, as if the concentrations were.
    """
    data = read_json(path)
    if min(data["theta_concentration"], default=1) >= 1:
        return path, False
    write_json(changed, data | {"theta_concentration": [value + 1 for value in data["theta_concentration"]]})
    return changed, True


def _ends(specification, units, density, rng):
    """Different ends of EM, the most likely first: list of dict with state, density and starts, how many led there."""
    points = Points.of(units, specification["rounding"])
    first = expectation_maximisation(specification, units)
    states = [(units.count @ density(first), first)]
    amount = int(np.clip(EFFORT // len(points), FEWEST_STARTS, STARTS))
    for number in range(amount - 1):
        shares = dispersed_shares(specification, points, units.count, number, rng)
        total, state, _ = climb(specification, points, units.count, shares, STEPS)
        states.append((total, named(specification, points, state)))
    states.sort(key=lambda pair: -pair[0])
    ends = []
    for _, state in states:
        values = density(state)
        same = next((end for end in ends if np.abs(end["density"] - values).max() < SAME), None)
        if same is None:
            ends.append({"state": state, "density": values, "starts": 1})
        else:
            same["starts"] += 1
    return ends


def dispersed_shares(specification, points, count, number, rng):
    """Shares from which EM starts, of one of several kinds in turn.

    Parameters
    ----------
    specification : dict
    points : Points
        The distinct observations, m of them.
    count : numpy.ndarray
        How often each was observed, shape (m,).
    number : int
        The number of the start; it decides on the kind: the nearest of K centres far apart (k-means++), rings around
        one centre (as components that differ in spread want), the nearest of K - 1 centres with the middle of one group
        or a few neighbours as the last, or neighbours in one direction, as many as a flat Dirichlet distribution says.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        Shape (m, P).
    """
    family, components = FAMILIES[specification["family"]], specification["components"]
    z = _coordinates(family, points, count)
    kind = number % 4
    if kind == 0:
        group = _nearest(z, _far_apart(z, count, components, rng))
    elif kind == 1:
        centre = z[rng.choice(len(z), p=count / count.sum())] if number % 8 == 1 else np.average(z, 0, count)
        group = _cut(((z - centre) ** 2).sum(axis=1), count, rng.dirichlet(np.ones(components)))
    elif kind == 2:
        centres = _far_apart(z, count, components - 1, rng)
        group = _nearest(z, centres)
        chosen, part = rng.integers(components - 1), rng.beta(2, 2)
        inside, centre = np.flatnonzero(group == chosen), centres[chosen]
        if number % 8 == 2:
            inside, centre, part = np.arange(len(z)), z[rng.choice(len(z), p=count / count.sum())], rng.beta(1, 20)
        near = _cut(((z[inside] - centre) ** 2).sum(axis=1), count[inside], [part, 1 - part]) == 0
        group[inside[near]] = components - 1
    else:
        direction = rng.standard_normal(z.shape[1])
        group = _cut(z @ direction, count, rng.dirichlet(np.ones(components)))
    firmness = 1 - 0.1 * rng.random()
    shares = firmness * (group[:, None] == np.arange(components)) + (1 - firmness) / components
    return first_shares(family, points, shares)


def _coordinates(family, points, count):
    """Where the observations lie, in units of their spread, on the scale of the family's location: shape (m, D)."""
    y = points.y
    if family.kind == WHOLE:
        y = np.sqrt(y / points.size)
    elif family.positive:
        y = points.logs
    y = y.reshape(len(y), -1)
    centre = np.average(y, 0, count)
    return (y - centre) / np.sqrt(np.average((y - centre) ** 2, 0, count) + 1e-300)


def _far_apart(z, count, amount, rng):
    """Observations far from each other (k-means++, Arthur & Vassilvitskii 2007), shape (amount, D)."""
    centres = z[rng.choice(len(z), 1, p=count / count.sum())]
    while len(centres) < amount:
        weight = count * ((z[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1)
        weight = weight if weight.sum() > 0 else count
        centres = np.vstack([centres, z[rng.choice(len(z), p=weight / weight.sum())]])
    return centres


def _nearest(z, centres):
    return ((z[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)


def _cut(values, count, sizes):
    """Cut observations in the order of some values into groups of given sizes, which add to 1: shape (m,), from 0."""
    order = np.argsort(values, kind="stable")
    middle = (np.cumsum(count[order]) - count[order] / 2) / count.sum()
    group = np.empty(len(values), int)
    group[order] = np.minimum(np.searchsorted(np.cumsum(sizes), middle), len(sizes) - 1)
    return group


def _reached(one, specification, points, density):
    """Where a climb ended: height, state and the log density of the observations; None where that is not finite."""
    height, slots = one
    state = {}
    for entry in [{"name": "theta", "slot": "theta"}, *specification["parameters"]]:
        values = slots[entry["slot"]]
        state[entry["name"]] = np.array(np.broadcast_to(values, (specification["components"], *values.shape[1:])))
    if not any(entry["ordered"] for entry in specification["parameters"]) and _alike(specification):
        state = named(specification, points, state)
    with np.errstate(all="ignore"):
        values = density(state)
    return {"height": height, "state": state, "density": values} if np.isfinite(values).all() else None


def _alike(specification):
    """Whether the components may change their names: nothing that is said of one before the data tells them apart."""
    told = [specification["weights"].get("concentration") or specification["weights"]["value"]]
    told += [entry["priors"] or entry["value"] for entry in specification["parameters"]]
    return all(each == values[0] for values in told for each in values)


def _grouped(ends):
    """Ends that are one mode together, the highest first: each like its highest end, with the states of its members."""
    groups = []
    for end in sorted(ends, key=lambda end: -end["height"]):
        members = end.get("members", [end["state"]])
        group = next((group for group in groups if _same(group, end)), None)
        if group is None:
            groups.append({**end, "members": list(members)})
        else:
            group["members"] += members
    return groups


def _same(first, second):
    apart = np.abs(first["density"] - second["density"]).max()
    return apart < SAME or (apart < ALIKE and abs(first["height"] - second["height"]) < LEVEL)


def _marks(state, specification, points, n):
    """What is odd about the components of a mode: those empty, collapsed, or held apart by the order; from 1."""
    family = FAMILIES[specification["family"]]
    theta = state["theta"] * (1 - (state[family.zero][0] if family.zero else 0))
    collapsed = np.zeros(len(theta), bool)
    entry = next((entry for entry in specification["parameters"] if entry["name"] == family.collapsing), None)
    if entry is not None and entry["mode"] == "own":
        terms = mixture.densities(family.name, points, {name: value[None] for name, value in state.items()})[0]
        owned = (terms > 0.5 * terms.sum(axis=1, keepdims=True)).sum(axis=0)[: len(theta)]
        lowest = lower_ends(specification) if family.kind == MULTIVARIATE else entry["priors"][0]["lower"] or 0.0
        floor = np.maximum(SMALLEST * np.array(specification["unit"]["scale"]), lowest)
        scale = state[family.collapsing].reshape(len(theta), -1)
        collapsed = (scale < AT_FLOOR * floor).any(axis=1) | ((owned > 0) & (owned <= points.width))
    marks = {"empty": theta * n < 1, "collapsed": collapsed & (theta * n >= 1)}
    marks["edge"] = _on_edge(state, specification)
    return {name: (np.flatnonzero(which) + 1).tolist() for name, which in marks.items()}


def _on_edge(state, specification):
    """Which components only the order holds apart from the next: the place where one would pass the other."""
    family = FAMILIES[specification["family"]]
    edge = np.zeros(len(state["theta"]), bool)
    entry = next((entry for entry in specification["parameters"] if entry["ordered"]), None)
    if entry is not None and entry["mode"] != "fixed":
        located = to_link(family.order_in(state, specification), 0 if family.kind == MULTIVARIATE else family.link)
        edge[:-1] = np.diff(located) < ON_EDGE * np.max(specification["unit"]["location"])
    return edge


def _beside(state, specification):
    """The same state, or where two components are at the edge of the order the one in which they have passed it."""
    order = np.arange(len(state["theta"]))
    for k in np.flatnonzero(_on_edge(state, specification)):
        order[[k, k + 1]] = order[[k + 1, k]]
    fixed = {entry["name"] for entry in specification["parameters"] if entry["mode"] == "fixed"}
    fixed |= {"theta"} if specification["weights"]["mode"] == "fixed" else set()
    return {name: values if name in fixed else values[order] for name, values in state.items()}


def visited_alike(visits, rng):
    """How probable it is that chains that visit the modes alike differ as much as these, by permuting their draws.

    Parameters
    ----------
    visits : numpy.ndarray of int
        How many draws of each chain lead to each mode, shape (modes, chains).
    rng : numpy.random.Generator

    Returns
    -------
    float or None
        None for a single chain.
    """
    visits = visits[visits.any(axis=1)]
    if visits.shape[1] < 2:
        return None
    if len(visits) < 2:
        return 1.0
    mode = np.repeat(np.arange(len(visits)), visits.sum(axis=1))
    chain = np.concatenate([np.repeat(np.arange(visits.shape[1]), row) for row in visits])
    expected = np.outer(visits.sum(axis=1), visits.sum(axis=0)) / len(mode)

    def distance(table):
        return ((table - expected) ** 2 / expected).sum()

    observed, farther = distance(visits), 0
    for _ in range(PERMUTATIONS):
        place = mode * visits.shape[1] + rng.permutation(chain)
        farther += distance(np.bincount(place, minlength=visits.size).reshape(visits.shape)) >= observed - 1e-9
    return (1 + farther) / (1 + PERMUTATIONS)


def table(found, specification):
    """A row for each component of each mode: mode, gap, starts, component and its parameters (DataFrame)."""
    columns = specification.get("columns")
    rows = []
    for mode in found["modes"]:
        for k in range(specification["components"]):
            row = {"mode": mode["number"], "gap": mode["gap"], "starts": mode["starts"], "component": k + 1}
            for name, values in mode["state"].items():
                value = np.array(values[k])
                for place in np.ndindex(value.shape):
                    if len(place) == 2 and place[0] <= place[1]:
                        continue  # the diagonal of correlations, or the same correlation again
                    row["_".join([name, *(columns[d] for d in place)])] = float(value[place])
            rows.append(row)
    return pd.DataFrame(rows)


def pictures(found, specification, points):
    """What the pictures of the first modes show: density or expected frequency of the mixture and of its parts.

    Parameters
    ----------
    found : dict
        What `search` returned.
    specification : dict
    points : Points
        All observations.

    Returns
    -------
    pandas.DataFrame
        mode, x, step (whole numbers in a bar, 0 for a curve), per (of so many trials, 0 for none), observed (their
        frequency, for bars), mixture and component_1, component_zero and so on (weighted). Without rows for several
        columns.
    """
    family = specification["family"]
    parts = mixture.parts(family, specification["components"])
    names = [f"component_{part}" for part in parts]
    frames = [pd.DataFrame(columns=["mode", "x", "step", "per", "observed", "mixture", *names])]
    for mode in found["modes"][:SHOWN] if specification["kind"] != MULTIVARIATE else []:
        state = {name: np.array(values)[None] for name, values in mode["state"].items()}
        if specification["kind"] == CONTINUOUS:
            x, step, per, observed = grid(points.y, FAMILIES[family].positive, POINTS), 0, None, np.nan
            heights = mixture.densities(family, at(x), state)[0]
        else:
            seen, per = whole.shown(points.y, points)
            first, step = whole.bins(seen)
            x, observed = first + (step - 1) / 2, whole.frequencies(seen, first, step)
            heights = whole.expected(family, first, step, points.size, state, per)[0]
        frame = pd.DataFrame({"mode": mode["number"], "x": x, "step": step, "per": per or 0, "observed": observed})
        frame["mixture"] = heights.sum(axis=1)
        frame[names] = heights
        frames.append(frame)
    return pd.concat(frames[1:] or frames)
