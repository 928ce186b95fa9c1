"""The modes of a posterior: a search from dispersed starts, and in which of its modes each chain sits.

Two ends of climbs are one mode when they give every observation the same density. Relabelled copies do, and so do the
many places that a component without observations can take. Those far from the data are no mode to which one could
climb, and stand beside the modes as one (`away`).
"""

import itertools
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from stanmix.base.files import read_json, write_json
from stanmix.base.seeds import seed_for
from stanmix.data.observations import Units
from stanmix.expected import whole
from stanmix.expected.continuous import at, grid
from stanmix.families.centres import distances, far_apart
from stanmix.families.family import CONTINUOUS, MULTIVARIATE, WHOLE, Points
from stanmix.families.registry import FAMILIES
from stanmix.fits import away
from stanmix.fits.masses import LogPosterior, log_excess, sampled, shares
from stanmix.fits.starts import (
    SMALLEST_GAP,
    climb,
    expectation_maximisation,
    first_shares,
    named,
    start_near,
)
from stanmix.model import mixture
from stanmix.stan import cmdstan

# The search, and what is kept of it.
STARTS, FEWEST_STARTS = 40, 12
UNITS = 2000  # distinct observations that EM and comparisons of modes look at; beyond, a random sample
EFFORT = 40_000  # starts x distinct observations; with more of these there are fewer starts
STEPS = 4  # of EM from each; the optimiser goes on from there
SAME = 0.05  # difference of the log density of any observation below which two ends are one mode,
ALIKE, LEVEL = 0.3, 0.05  # or this one where their heights differ by less nats than that: the ridge between is flat
ALL_NAMES = 4  # components up to which all ways to name them are looked at where they are given
NAMED = 6  # of which so many are climbed from
LISTED = 15.0  # nats below the best mode, up to which others are listed
HEAVY = 30.0  # nats below the best mode, up to which modes are weighed,
WEIGHED = 12  # so many at most,
SEEN_SHARE = 1e-3  # and listed if they hold so much of the posterior
AWAY_STARTS = 12  # of EM for the model with one component less, which tells what room there is for one away
MENDED = 0.002  # share from which a mode's mass is sampled where several hold something,
DRAWS, FEWEST_DRAWS = 400, 50  # with so many draws from each
EVALUATIONS = 6_000_000  # densities of components; where more were needed there are fewer draws
SHOWN = 8  # modes that pictures and pages show
NUDGE = 0.5  # standard errors: a mode is climbed again from so far away,
PUSH = 1.0  # or so far if it is at the edge of the order, as two equal components are,
PUSHES = 4  # so often
HIGHER = 0.01  # nats by which the second climb must end higher to count

# Where the chains are.
FEW_PLACES = 4  # draws of each chain from which it is climbed where all of them lead to one mode,
PLACES = 8  # or so many where they do not,
MORE_PLACES = 12  # or so many where those seem to miss some of the posterior
MISSED = 0.02  # share of the posterior in modes that no chain visits, above which it is sampled once more
PERMUTATIONS = 9999  # of these draws among the chains, behind the p-value,
AT_ONCE = 500_000  # draws dealt out at once

POINTS = 201  # of a picture's curves
ON_EDGE = 2 * SMALLEST_GAP  # of the unit of locations: neighbours so near are held apart by the order alone
SMALLEST = 1 / 250  # of the unit of scales: a component so narrow has collapsed,
AT_FLOOR = 1.1  # or one within so many times the smallest scale that is allowed


def chain_states(variables: dict, components: int, places: int = PLACES) -> list:
    """States of every chain at evenly spaced draws.

    Parameters
    ----------
    variables : dict of numpy.ndarray
        theta and the parameters, each (chains, draws, K) or longer; shared ones (chains, draws, 1).
    components : int
    places : int

    Returns
    -------
    list of list of dict
        For each chain at most so many states: theta and the parameters, each (K,) or longer.
    """
    chains, length = variables["theta"].shape[:2]
    places = min(places, length)
    kept = ((np.arange(places) + 0.5) * length / places).astype(int)

    def at(chain, draw):
        values = {name: value[chain, draw] for name, value in variables.items()}
        return {name: np.array(np.broadcast_to(v, (components, *v.shape[1:]))) for name, v in values.items()}

    return [[at(chain, draw) for draw in kept] for chain in range(chains)]


class Search:
    """The modes of one posterior: looked for from dispersed starts before sampling, and from the chains afterwards.

    Parameters
    ----------
    specification : Specification
    units : observations.Units
        The distinct observations with their counts.
    inputs : mapping
        Paths: data, executable and toolchain.
    seed : int
        For the starts and for climbing.
    say : callable
        Told what takes long.
    """

    def __init__(self, specification: dict, units: Units, inputs: dict, seed: int, say=print):
        self.specification, self.units, self.inputs, self.seed, self.say = specification, units, inputs, seed, say
        self.rng = np.random.default_rng(seed_for(seed, "starts"))
        few = _sample(units, np.random.default_rng(seed_for(seed, "sample")))
        self.points = Points.of(few, specification.rounding)
        # A prior of the weights without bound at 0 is climbed from the logs of the weights.
        self.log_weights = min(specification.weights.concentration or [1]) < 1
        self.posterior = LogPosterior(specification, few, few is units, self.log_weights)
        self.groups, self.chains, self.of_chains, self.away = [], [], [], None
        self.mended = None, None  # heights of modes, and what was sampled of their masses
        self.ends = _ends(specification, few, self.rng)
        if specification.labels == "given":
            self.ends = [end for each in self.ends for end in self._with_names(each)]
        say(f"Climbing to the modes from {len(self.ends)} places.")
        self.of_ends = self._climbed([end["state"] for end in self.ends])
        self._take([one for one in self.of_ends if one])
        if self.posterior.whole and self.groups:
            self._look_away()

    def follow(self, chains: list) -> None:
        """Climb from where chains have been; those of an earlier call are forgotten, the modes they led to are not.

        Parameters
        ----------
        chains : list of list of dict
            What `chain_states` returned.
        """
        self.chains = chains
        begun = [state for states in chains for state in states]
        self.say(f"Climbing to the modes from {len(begun)} draws of the chains.")
        not_climbed = self._any_away(begun) if self.away else np.zeros(len(begun), bool)
        ends = iter(self._climbed([state for state, there in zip(begun, not_climbed, strict=True) if not there]))
        self.of_chains = [self.away if there else next(ends) for there in not_climbed]
        self._take([one for one in self.of_chains if one and one is not self.away])

    def starts(self, chains: int) -> list:
        """From which mode each chain shall start: as many from each as its share of the posterior says.

        Parameters
        ----------
        chains : int

        Returns
        -------
        list of dict
            The state for each chain, the modes with the largest shares first.
        """
        open_to_chains = [group for group in self.groups if not self._marks(group)["collapsed"]] or self.groups
        share = np.array([group["share"] for group in open_to_chains])
        if not share.sum() > 0:
            share[0] = 1.0
        order = np.argsort(-share, kind="stable")
        owed = share[order] / share.sum() * chains
        amount = np.floor(owed).astype(int)
        amount[np.argsort(amount - owed, kind="stable")[: chains - amount.sum()]] += 1
        return [open_to_chains[group]["state"] for group in np.repeat(order, amount)]

    def misses(self, variables: dict) -> bool:
        """Whether chains miss more than a little of the posterior and new ones would start there.

        A mode that holds less than one chain's part is told, but no reason to sample once more.

        Parameters
        ----------
        variables : dict of numpy.ndarray
            What they drew: theta and the parameters, each (chains, draws, K) or longer.

        Returns
        -------
        bool
        """
        self.follow(chain_states(variables, self.specification.components, FEW_PLACES))
        missed = self.missed()
        if missed <= MISSED and self._visits().any(axis=1).sum() == 1:
            return False
        places = PLACES if missed <= MISSED else MORE_PLACES
        self.follow(chain_states(variables, self.specification.components, places))
        if self.missed() <= MISSED:
            return False
        visited = [group for group, of_chains in zip(self.groups, self._visits(), strict=True) if of_chains.any()]
        anew = self.starts(len(self.chains))
        return any(all(state is not group["state"] for group in visited) for state in anew)

    def missed(self) -> float:
        """The share of the posterior in modes that no chain visits and in which one could be started."""
        visits = self._visits()
        return sum(
            group["share"]
            for group, of_chains in zip(self.groups, visits, strict=True)
            if not of_chains.any() and not self._marks(group)["collapsed"]
        )

    def found(self) -> dict:
        """All that is known of the modes.

        Returns
        -------
        dict
            starts: how many; lost: how many of them reached nothing finite; listed: nats up to which modes are listed;
            shown: how many of these are shown; log_weights: whether heights are those of the density of log weights
            (where a prior of the weights has no bound at 0); p_value: of the chains visiting the modes alike, None for
            a single chain; and modes, the highest first. Each has number (from 1), log_posterior (up to a constant),
            gap (nats below the highest), share (of the posterior, of all modes found), error (its standard error, 0
            where Laplace's approximation alone tells it), starts (how many led there), visits (for each chain how many
            of its draws lead there), places (how many draws of a chain were looked at), empty and collapsed
            (components, from 1), edge (components that the order holds apart from the next), away (whether it stands
            for all places of a component that is far from the data), and state (theta and the parameters).
        """
        counts = np.zeros(len(self.groups), int)
        for end, one in zip(self.ends, self.of_ends, strict=True):
            if one:
                counts[self._mode_of(one)] += end["starts"]
        visits = self._visits()
        highest = self.groups[0]["height"] if self.groups else 0.0
        kept = [
            i
            for i, group in enumerate(self.groups)
            if group["height"] >= highest - LISTED or group["share"] >= SEEN_SHARE or visits[i].any()
        ]
        modes = [
            {
                "number": number,
                "log_posterior": group["height"],
                "gap": group["height"] - highest,
                "share": group["share"],
                "error": group["error"],
                "starts": int(counts[i]),
                "visits": visits[i].tolist(),
                "places": len(self.chains[0]) if self.chains else 0,
                **self._marks(group),
                "away": self._is_away(group),
                "state": {name: value.tolist() for name, value in group["state"].items()},
            }
            for number, (i, group) in enumerate(((i, self.groups[i]) for i in kept), start=1)
        ]
        return {
            "starts": sum(end["starts"] for end in self.ends),
            "lost": sum(end["starts"] for end, one in zip(self.ends, self.of_ends, strict=True) if not one),
            "listed": LISTED,
            "shown": SHOWN,
            "log_weights": self.log_weights,
            "p_value": visited_alike(visits, np.random.default_rng(seed_for(self.seed, "permutations"))),
            "modes": modes,
        }

    def _density(self, state):
        """What tells the mode of a state from others: `masses.LogPosterior.fingerprint`."""
        return self.posterior.fingerprint({name: value[None] for name, value in state.items()})[0]

    def _with_names(self, end):
        """An end of EM with its components named in the most probable ways, those far below the best left out.

        The data do not name components, so EM ends with any names. Of few components all ways are looked at, of more
        the given one and all exchanges of two, from the best of which it goes on.
        """
        components, best = self.specification.components, np.arange(self.specification.components)
        fixed = self.specification.fixed

        def named_by(orders):
            state = end["state"].items()
            named = [
                self.specification.with_fixed({n: v if n in fixed else v[list(order)] for n, v in state})
                for order in orders
            ]
            stacked = {name: np.stack([one[name] for one in named]) for name, _ in state}
            return named, self.posterior.height(stacked)

        if components <= ALL_NAMES:
            named, heights = named_by(itertools.permutations(best))
        else:
            for _ in range(components):
                orders = [best, *(_exchanged(best, *pair) for pair in itertools.combinations(best, 2))]
                named, heights = named_by(orders)
                if heights.argmax() == 0:
                    break
                best = orders[heights.argmax()]
        kept = [i for i in np.argsort(-heights, kind="stable")[:NAMED] if heights[i] > heights.max() - LISTED]
        starts = [end["starts"]] + [0] * (len(kept) - 1)
        states = [named[i] for i in kept] or [end["state"]]
        return [
            {"state": state, "density": self._density(state), "starts": count}
            for state, count in zip(states, starts or [end["starts"]], strict=True)
        ]

    def _marks(self, group):
        return _marks(group["state"], self.specification, self.points, self.units.n)

    def _mode_of(self, one):
        return next(i for i, group in enumerate(self.groups) if any(m is one["state"] for m in group["members"]))

    def _visits(self):
        """How many of the draws of each chain lead to each mode, shape (modes, chains)."""
        visits = np.zeros((len(self.groups), len(self.chains)), int)
        ends = iter(self.of_chains)
        for chain, states in enumerate(self.chains):
            for one in (next(ends) for _ in states):
                if one:
                    visits[self._mode_of(one), chain] += 1
        return visits

    def _is_away(self, group):
        return self.away is not None and bool(group.get("away", False) and _same(group, self.away))

    def _any_away(self, states):
        """Whether a component of each state is away from all data, shape (states,)."""
        if not states:
            return np.zeros(0, bool)
        draws = {name: np.stack([state[name] for state in states]) for name in states[0]}
        return away.owning_nothing(self.specification.family, self.points, self.posterior.count, draws).any(axis=1)

    def _look_away(self):
        """Put the part of the posterior in which a component is away beside the modes, if it may hold anything."""
        rng, found = np.random.default_rng(seed_for(self.seed, "away")), []
        for component in away.left_out(self.specification):
            fewer, units = away.without(self.specification, self.units, component)
            state = _ends(fewer, units, rng, AWAY_STARTS)[0]["state"]
            one = away.weighed(self.specification, self.units, component, state, rng)
            found += [one] if one else []
        if not found:
            return
        heaviest = max(found, key=lambda one: one.log_mass)
        state = named(self.specification, self.points, heaviest.state)
        height = self.posterior.height({name: value[None] for name, value in state.items()})[0]
        scale = self._scale()
        log_mass = scale + mixture.log_sum(np.array([one.log_mass for one in found]), axis=0)
        if not np.isfinite(height) or log_mass < max(group["mass"] for group in self.groups if "mass" in group) - HEAVY:
            return
        self.away = {"height": float(scale + height), "state": state, "density": self._density(state), "away": True}
        self.away["mass"] = float(log_mass)
        self.groups = _grouped([*self.groups, self.away])
        self._weigh()

    def _climbed(self, states, steps=None):
        """Where climbs from beside some states end; None where that is nothing finite."""
        if not states:
            return []
        starts = [
            start_near(self.specification, self.units, state, self.rng, step)
            for state, step in zip(states, steps or [0.0] * len(states), strict=True)
        ]
        with tempfile.TemporaryDirectory() as scratch:
            data = _data(self.inputs["data"], Path(scratch) / "data.json") if self.log_weights else self.inputs["data"]
            record = read_json(self.inputs["toolchain"])
            told = cmdstan.optimise(self.inputs["executable"], data, starts, seed_for(self.seed, "climb"), record)
        ends = [one and _reached(one, self.specification, self.points, self._density) for one in told]
        if self.posterior.whole:
            finite = [end for end in ends if end]
            for end, there in zip(finite, self._any_away([end["state"] for end in finite]), strict=True):
                end["away"] = bool(there)
        return ends

    def _take(self, ends):
        """Sort ends of climbs into the modes that are known, and what is left into new ones."""
        new = []
        for end in ends:
            group = next((group for group in self.groups if _same(group, end)), None)
            if group is None:
                new.append(end)
            else:
                group["members"].append(end["state"])
        self.groups = _grouped(self.groups + self._confirmed(_grouped(new)))
        self._weigh()

    def _confirmed(self, groups):
        """New modes climbed once more: what a second climb leaves was a saddle, or only the names made it an end."""
        again = []  # the group, where to climb from, and how far beside that
        for group in groups:
            step = PUSH if _on_edge(group["state"], self.specification).any() else NUDGE
            again += [(group, _beside(group["state"], self.specification), step)] * PUSHES
        ends = self._climbed([state for _, state, _ in again], [step for _, _, step in again])
        for (group, _, _), end in zip(again, ends, strict=True):
            if end and end["height"] > group["height"] + HIGHER:
                group |= end
        return groups

    def _weigh(self):
        """Give every mode its share of the posterior: nothing to one whose maximum is another's."""
        weighed, known = [], []  # by their maxima, and otherwise
        for group in self.groups:
            group |= {"share": 0.0, "error": 0.0}
            if self._is_away(group):
                group["mass"] = self.away["mass"]
                known.append(group)
                continue
            if len(weighed) >= WEIGHED or group["height"] < self.groups[0]["height"] - HEAVY:
                continue
            if "peak" not in group:  # it stays, whatever other modes are found later
                excess, maximum, peak = log_excess(self.posterior, group["state"])
                group |= {"mass": group["height"] + excess, "maximum": maximum, "peak": peak}
            if not any(np.abs(group["maximum"] - other["maximum"]).max() < ALIKE for other in weighed):
                weighed.append(group)
        self._share(weighed, known, np.array([group["mass"] for group in weighed])[:, None])
        # Where several hold something, Laplace's approximation is mended by draws, which have a standard error, too.
        matter = [group for group in weighed if group["share"] > MENDED]
        size = len(matter) * len(self.points) * self.specification.components
        draws = min(DRAWS, EVALUATIONS // max(1, size))
        if self.posterior.whole and len(matter) + len(known) > 1 and matter and draws >= FEWEST_DRAWS:
            heights = [group["height"] for group in matter]
            if self.mended[0] != heights:
                rng = np.random.default_rng(seed_for(self.seed, "masses"))
                self.mended = heights, sampled(self.posterior, [group["peak"] for group in matter], draws, rng)
            rest = [group for group in weighed if group["share"] <= MENDED]
            self._share(matter, [*rest, *known], self.mended[1] + self._scale())

    def _scale(self):
        """The height that the program gives a mode, less that of `masses.LogPosterior`: the same for all."""
        best = self.groups[0]
        return best["height"] - self.posterior.height({name: value[None] for name, value in best["state"].items()})[0]

    @staticmethod
    def _share(groups, others, log_weights):
        """Share the posterior out among modes whose weights are given and others whose masses are."""
        found, errors = shares(log_weights, np.array([group["mass"] for group in others]))
        for group, share, error in zip([*groups, *others], found, errors, strict=True):
            group |= {"share": float(share), "error": float(error)}


def _exchanged(order, first, second):
    order = order.copy()
    order[[first, second]] = order[[second, first]]
    return order


def _sample(units, rng):
    """The distinct observations, or of very many a random sample."""
    number = len(units.count)
    if number <= UNITS:
        return units
    return units.chosen(np.sort(rng.choice(number, UNITS, replace=False, p=units.count / units.count.sum())))


def _data(path, changed):
    """The program's data for climbing where a concentration of the weights is below 1.

    The density of the weights grows without end as a weight goes to 0. That of the logs of the weights does not: it has
    every power of a weight one higher, as if the concentrations were.
    """
    data = read_json(path)
    write_json(changed, data | {"theta_concentration": [value + 1 for value in data["theta_concentration"]]})
    return changed


def _ends(specification, units, rng, most=STARTS):
    """Different ends of EM, the most likely first: list of dict with state, density and starts, how many led there."""
    points = Points.of(units, specification.rounding)

    def density(state):
        draws = {name: value[None] for name, value in state.items()}
        return mixture.log_likelihood(specification.family, points, draws)[0]

    first = expectation_maximisation(specification, units)
    states = [(units.count @ density(first), first)]
    amount = min(most, int(np.clip(EFFORT // len(points.y), FEWEST_STARTS, STARTS)))
    amount = amount if specification.components > 1 else 1
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
    specification : Specification
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
    family, components = specification.entry, specification.components
    z = _coordinates(family, points, count)
    kind = number % 4
    if kind == 0:
        group = distances(z, far_apart(z, count, components, rng)).argmin(axis=1)
    elif kind == 1:
        centre = z[rng.choice(len(z), p=count / count.sum())] if number % 8 == 1 else np.average(z, 0, count)
        group = _cut(((z - centre) ** 2).sum(axis=1), count, rng.dirichlet(np.ones(components)))
    elif kind == 2:
        centres = far_apart(z, count, components - 1, rng)
        group = distances(z, centres).argmin(axis=1)
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
    """Where the units lie, in units of their spread, on the scale of the family's location: shape (m, D).

    Groups lie where their rows do on average, and how far these spread is a coordinate too.
    """
    y = np.sqrt(points.y / points.size) if family.kind == WHOLE else family.on_scale(points)
    y = y.reshape(len(y), -1)
    if points.unit is not None:
        number = points.by_unit(np.ones((len(y), 1)), axis=0)
        mean = points.by_unit(y, axis=0) / number
        squares = points.by_unit((y - points.spread(mean, axis=0)) ** 2, axis=0)
        y = np.hstack([mean, np.sqrt(squares / number)])
    centre = np.average(y, 0, count)
    return (y - centre) / np.sqrt(np.average((y - centre) ** 2, 0, count) + 1e-300)


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
    state = {name: specification.expanded(slots[slot][None])[0] for name, slot in specification.slots.items()}
    if specification.ordered is None and away.alike(specification):
        state = named(specification, points, state)
    with np.errstate(all="ignore"):
        values = density(state)
    return {"height": height, "state": state, "density": values} if np.isfinite(values).all() else None


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
    if first.get("away", False) != second.get("away", False):
        return False
    apart = np.abs(first["density"] - second["density"]).max()
    return apart < SAME or (apart < ALIKE and abs(first["height"] - second["height"]) < LEVEL)


def _marks(state, specification, points, n):
    """What is odd about the components of a mode: those empty, collapsed, or held apart by the order; from 1."""
    family = specification.entry
    theta = state["theta"] * (1 - (state[family.zero][0] if family.zero else 0))
    collapsed = np.zeros(len(theta), bool)
    entry = next(iter(specification.named(family.collapsing)), None)
    if entry is not None and (entry.own or entry.partly):
        draws = {name: value[None] for name, value in state.items()}
        owner = mixture.responsibilities(family.name, points, draws)[0] > 0.5
        owned = points.spread(owner, axis=0).sum(axis=0)[: len(theta)]
        if family.kind == MULTIVARIATE:
            narrowest = specification.lower_ends
        else:
            ends, narrowest = entry.bounds, np.zeros(len(theta))
            narrowest[entry.free] = family.narrowest(ends.low, ends.high)
        floor = np.maximum(SMALLEST * family.width(np.array(specification.unit["scale"])), narrowest)
        scale = family.width(state[family.collapsing]).reshape(len(theta), -1)
        floor = floor if family.kind == MULTIVARIATE else floor[:, None]
        collapsed = (scale < AT_FLOOR * floor).any(axis=1) | ((owned > 0) & (owned <= points.width))
        collapsed &= np.isin(np.arange(len(theta)), entry.free)
    marks = {"empty": theta * n < 1, "collapsed": collapsed & (theta * n >= 1)}
    marks["edge"] = _on_edge(state, specification)
    return {name: (np.flatnonzero(which) + 1).tolist() for name, which in marks.items()}


def _on_edge(state, specification):
    """Which components only the order holds apart from the next: the place where one would pass the other."""
    family = specification.entry
    edge = np.zeros(len(state["theta"]), bool)
    entry = specification.ordered
    if entry is not None and not entry.fixed and specification.sampled_in_order:
        located = entry.bounds.to_line(family.order_in(state, specification))
        edge[:-1] = np.diff(located) < ON_EDGE * np.max(specification.unit["location"])
    return edge


def _beside(state, specification):
    """The same state, or where two components are at the edge of the order the one in which they have passed it."""
    order = np.arange(len(state["theta"]))
    for k in np.flatnonzero(_on_edge(state, specification)):
        order[[k, k + 1]] = order[[k + 1, k]]
    fixed = specification.fixed
    return specification.with_fixed({name: v if name in fixed else v[order] for name, v in state.items()})


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
    amount = visits.sum()
    mode = np.repeat(np.arange(len(visits)), visits.sum(axis=1))
    chain = np.concatenate([np.repeat(np.arange(visits.shape[1]), row) for row in visits])
    expected = (np.outer(visits.sum(axis=1), visits.sum(axis=0)) / amount).reshape(-1)

    def distance(tables):
        return ((tables - expected) ** 2 / expected).sum(axis=1)

    observed, farther, left = distance(visits.reshape(1, -1))[0], 0, PERMUTATIONS
    while left:  # in pieces that stay small
        now = min(left, max(1, AT_ONCE // amount))
        dealt = rng.permuted(np.broadcast_to(chain, (now, amount)), axis=1)
        place = visits.size * np.arange(now)[:, None] + mode * visits.shape[1] + dealt
        tables = np.bincount(place.reshape(-1), minlength=now * visits.size).reshape(now, -1)
        farther += int((distance(tables) >= observed - 1e-9).sum())
        left -= now
    return (1 + farther) / (1 + PERMUTATIONS)


def table(found, specification):
    """A row for each component of each mode: mode, gap, share, starts, component and its parameters (DataFrame)."""
    columns = specification.columns
    rows = []
    for mode in found["modes"]:
        for k in range(specification.components):
            row = {"mode": mode["number"], "gap": mode["gap"], "share": mode["share"], "starts": mode["starts"]}
            row["component"] = k + 1
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
    specification : Specification
    points : Points
        All observations.

    Returns
    -------
    pandas.DataFrame
        mode, x, step (whole numbers in a bar, 0 for a curve), per (of so many trials, 0 for none), observed (their
        frequency, for bars), mixture and component_1, component_zero and so on (weighted). Without rows for several
        columns.
    """
    family = specification.family
    parts = mixture.parts(family, specification.components)
    names = [f"component_{part}" for part in parts]
    frames = [pd.DataFrame(columns=["mode", "x", "step", "per", "observed", "mixture", *names])]
    for mode in found["modes"][:SHOWN] if specification.kind != MULTIVARIATE else []:
        state = {name: np.array(values)[None] for name, values in mode["state"].items()}
        if specification.kind == CONTINUOUS:
            x, step, per, observed = grid(points.y, FAMILIES[family].positive, POINTS), 0, None, np.nan
            x = x[FAMILIES[family].inside(x)]
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
