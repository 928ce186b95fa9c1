"""How much of the posterior a mode holds: its height and its width together, by Laplace's approximation.

All is done in coordinates without bounds: log ratios of the weights, the location as it is sampled, logs of scales and
of shapes above their ends, the logit of extra zeros, and for correlations the inverse hyperbolic tangents of partial
ones (Lewandowski, Kurowicka & Joe 2009), whose LKJ density is a product of beta densities. Constants that are the same
for all modes of a posterior are left out.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from stanmix.families.bounds import Bounds
from stanmix.families.family import Points
from stanmix.families.multivariate_normal import given_the_others
from stanmix.families.priors import CORRELATION
from stanmix.model import mixture
from stanmix.model.prior import log_prior

STEP = 0.02  # of numerical derivatives, in the smallest standard deviation of the posterior
ROUNDS = 60  # of Newton's method,
STILL = 1e-4  # which ends when the next step could gain less than so many nats
STEPS = np.array([1.0, 0.5, 0.25, 0.1, 0.03, 0.01])  # that are tried, in whole ones,
FARTHEST = 3.0  # none of them longer than so many standard deviations
FLATTEST = 1e-4  # curvature below which a direction is taken to be as flat as this
LARGEST_GAIN = 2.0  # nats by which a change of coordinates may move the maximum where not all observations are seen
DF = 5  # degrees of freedom of the distributions from which masses are sampled,
AT_ONCE = 200  # so many draws at a time
EDGE = 1e-6  # of a unit: how near to their end scales and shapes may start


@dataclass(frozen=True)
class _Block:
    """Some numbers of a state that move together: where they are in it, and how they are counted.

    Attributes
    ----------
    name : str
    column : int or None
        Of means and standard deviations of several columns.
    mode : {"own", "shared", "partly"}
    entry : dict
        Of the specification.
    bounds : bounds.Bounds or None
        Between which numbers they lie; None for correlations.
    """

    name: str
    column: int | None
    mode: str
    entry: dict
    bounds: Bounds | None


class LogPosterior:
    """The log posterior density of a model in coordinates without bounds, for many points at once.

    Parameters
    ----------
    specification : Specification
        What `specification.specify` returned.
    units : observations.Units
        The distinct observations with their counts.
    whole : bool
        Whether these are all observations, and not a sample of them: then maxima are looked for.
    log_weights : bool
        Whether the weights' prior is that of log weights, as `modes` climbs where a concentration is below 1. It
        changes the height alone.
    """

    def __init__(self, specification: dict, units, whole: bool = True, log_weights: bool = False):
        self.specification, self.whole, self.log_weights = specification, whole, log_weights
        self.family = specification.entry
        self.points, self.count = Points.of(units, specification.rounding), units.count
        self.components = specification.components
        weights = specification.weights
        self.concentration = None if self.components == 1 else weights.concentration
        columns = specification.columns
        self.blocks, self.fixed = [], {"theta": np.array(weights.value or [1.0])}
        for entry in specification.parameters:
            if entry.fixed:
                self.fixed[entry.name] = np.array(entry.value)
                continue
            column = columns.index(entry.column) if entry.column is not None else None
            related = self.family.parameter(entry.name).support == CORRELATION
            bounds = None if related else entry.bounds
            self.blocks.append(_Block(entry.name, column, entry.mode, entry, bounds))

    def coordinates(self, state: dict) -> np.ndarray:
        """Where a state is.

        Parameters
        ----------
        state : dict of numpy.ndarray
            theta and the parameters, each (K,) or longer. What is at an end is moved a little inside.

        Returns
        -------
        numpy.ndarray
            Shape (P,).
        """
        found = []
        if self.concentration is not None:
            theta = np.maximum(state["theta"], 0.5 / (1 + self.count.sum()))
            found.append(np.log(theta[:-1] / theta[-1]))
        for block in self.blocks:
            values = np.asarray(state[block.name], float)
            values = values[block.entry.free]
            values = values if block.column is None else values[:, block.column]
            if block.bounds is None:
                found += [np.arctanh(partial_correlations(matrix)) for matrix in values]
                continue
            least = EDGE * (np.max(np.abs(values)) + 1e-300)
            found.append(block.bounds.to_line(block.bounds.inside(values, EDGE, least)))
        return np.concatenate([np.empty(0), *found])

    def states(self, places: np.ndarray) -> tuple[dict, np.ndarray]:
        """What is at some places, and how much of the space of the program's parameters there is around each.

        Parameters
        ----------
        places : numpy.ndarray
            Shape (S, P).

        Returns
        -------
        draws : dict of numpy.ndarray
            theta and the parameters, each (S, K) or longer.
        log_jacobian : numpy.ndarray
            Of the step from the coordinates to the parameters that the program climbs in, shape (S,).
        """
        total, shape, at = len(places), (len(places), self.components), 0
        draws = {name: np.broadcast_to(value, (total, *value.shape)) for name, value in self.fixed.items()}
        jacobian = np.zeros(total)
        if self.concentration is not None:
            at = self.components - 1
            logs = np.hstack([places[:, :at], np.zeros((total, 1))])
            logs -= mixture.log_sum(logs, axis=1)[:, None]
            draws["theta"] = np.exp(logs)
            jacobian += logs.sum(axis=1)
        columns = {}
        for block in self.blocks:
            count = len(block.entry.free)
            if block.bounds is None:
                dimension = len(self.specification.columns)
                size = dimension * (dimension - 1) // 2
                raw = places[:, at : at + count * size].reshape(total, count, size)
                at += count * size
                matrices, change = _correlations(np.tanh(raw), dimension)
                draws["correlation"] = np.broadcast_to(matrices, (total, self.components, dimension, dimension))
                jacobian += change.sum(axis=1)
                continue
            raw = places[:, at : at + count]
            at += count
            # A location between ends is climbed on its line already.
            values = block.bounds.from_line(raw)
            if block.entry.slot != "location":
                jacobian += block.bounds.log_slope(values).sum(axis=1)
            if block.mode == "partly":
                every = np.empty(shape)
                every[:, block.entry.free] = values
                values = block.entry.with_fixed(every)
            values = np.broadcast_to(values, shape)
            if block.column is None:
                draws[block.name] = values
            else:
                columns.setdefault(block.name, []).append(values)
        return draws | {name: np.stack(values, axis=2) for name, values in columns.items()}, jacobian

    def height(self, draws: dict) -> np.ndarray:
        """The log density in the space in which the program climbs, up to a constant.

        Parameters
        ----------
        draws : dict of numpy.ndarray
            theta and the parameters, each (S, K) or longer.

        Returns
        -------
        numpy.ndarray
            Shape (S,); -inf where the model does not allow the state.
        """
        with np.errstate(all="ignore"):
            total = mixture.log_likelihood(self.family.name, self.points, draws) @ self.count
            for name, logs in log_prior(self.specification, {n: v[None] for n, v in draws.items()}).items():
                if name != "theta" or self.concentration is not None:
                    total += logs[0].reshape(len(total), -1).sum(axis=1)
            if self.log_weights and self.concentration is not None:
                total += np.log(draws["theta"]).sum(axis=1)
            for block in self.blocks:
                if block.bounds is None:
                    count = 1 if block.mode == "shared" else self.components
                    total += _log_slope_of_factors(draws["correlation"][:, :count]).sum(axis=1)
                elif block.entry.slot == "location":
                    total += block.bounds.log_slope(draws[block.name][:, block.entry.free]).sum(axis=1)
            total = np.where(self._allowed(draws), total, -np.inf)
        return np.where(np.isnan(total), -np.inf, total)

    def fingerprint(self, draws: dict) -> np.ndarray:
        """What tells one mode from another: the log density of the distinct observations at each of some states.

        Parameters
        ----------
        draws : dict of numpy.ndarray
            theta and the parameters, each (S, K) or longer.

        Returns
        -------
        numpy.ndarray
            Shape (S, m). Where priors or fixed values name the components a mode with other names is another mode: then
            the responsibilities of the components follow, and the shape is (S, m + m K).
        """
        density = mixture.log_likelihood(self.family.name, self.points, draws)
        if self.specification.labels != "given":
            return density
        shares = np.nan_to_num(mixture.responsibilities(self.family.name, self.points, draws))
        return np.hstack([density, shares[:, :, : self.components].reshape(len(density), -1)])

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """The log posterior density in the coordinates at places (S, P): shape (S,)."""
        draws, jacobian = self.states(places)
        total = self.height(draws) + jacobian
        if self.log_weights and self.concentration is not None:  # the density of log weights belongs to the height
            with np.errstate(divide="ignore"):
                total -= np.log(draws["theta"]).sum(axis=1)
        return np.where(np.isnan(total), -np.inf, total)

    def slope_of_change(self, place: np.ndarray, step: float) -> np.ndarray:
        """The gradient of the log Jacobian at a place (P,), by central differences."""
        moved = step * np.eye(len(place))
        return (self.states(place + moved)[1] - self.states(place - moved)[1]) / (2 * step)

    def _allowed(self, draws):
        """Whether each state keeps the limits that no prior says."""
        fine = np.ones(len(draws["theta"]), bool)
        limits = np.array(self.specification.thinnest or 0.0)
        if limits.any() and "correlation" in draws:
            thin = given_the_others(draws["sigma"], np.linalg.cholesky(draws["correlation"])) <= limits
            fine &= ~thin.any(axis=(1, 2))
        return fine


@dataclass(frozen=True)
class Peak:
    """A maximum of the density in the coordinates, and its curvature there.

    Attributes
    ----------
    place : numpy.ndarray
        Shape (P,).
    directions, sizes : numpy.ndarray
        Eigenvectors (P, P), one a column, and values (P,) of the negative Hessian, none of them flatter than can be.
    """

    place: np.ndarray
    directions: np.ndarray
    sizes: np.ndarray


def log_excess(posterior: LogPosterior, state: dict) -> tuple[float, np.ndarray, Peak]:
    """How much of the posterior is around a mode, relative to its height: the log of the volume that it fills.

    Parameters
    ----------
    posterior : LogPosterior
    state : dict of numpy.ndarray
        A mode, as the program climbs: theta and the parameters, each (K,) or longer.

    Returns
    -------
    excess : float
        To be added to the mode's height. From the maximum of the density in the coordinates, which is looked for from
        the mode, and the curvature there (Tierney & Kadane 1986).
    fingerprint : numpy.ndarray
        That of the maximum: the same for modes that share it.
    peak : Peak
        That maximum.
    """
    place = posterior.coordinates(state)
    base = posterior.height({name: np.asarray(value, float)[None] for name, value in state.items()})[0]
    value, size, vectors = posterior(place[None])[0], np.full(len(place), 100.0), np.eye(len(place))
    # Where nothing is free, as with one component less of two that are fixed, there is nothing to look for.
    for _ in range((ROUNDS if posterior.whole else 1) if len(place) else 0):
        step = STEP * np.maximum(1 / np.sqrt(size.max()), 1e-2)
        slope, curvature = _derivatives(posterior, place, value, np.full(len(place), step))
        if not posterior.whole:  # the mode is that of all observations; only the change of coordinates moves it
            slope = posterior.slope_of_change(place, step)
        values, vectors = np.linalg.eigh(-curvature)
        size = np.maximum(np.abs(values), FLATTEST)
        along = vectors.T @ slope
        gain = 0.5 * (along**2 / size).sum()
        if gain < STILL or not posterior.whole:
            value += min(gain, LARGEST_GAIN)
            break
        # Steps of Newton's method, none longer than some standard deviations; the best of several lengths is taken.
        lengths = STEPS * min(1.0, FARTHEST / np.sqrt(2 * gain))
        tried = place + lengths[:, None] * (vectors @ (along / size))
        found = posterior(tried)
        best = int(found.argmax())
        if not found[best] > value + STILL / 10:
            break
        place, value = tried[best], found[best]
    log_volume = 0.5 * (len(place) * np.log(2 * np.pi) - np.log(size).sum())
    draws, _ = posterior.states(place[None])
    return float(value + log_volume - base), posterior.fingerprint(draws)[0], Peak(place, vectors, size)


def sampled(posterior: LogPosterior, peaks: list, draws: int, rng) -> np.ndarray:
    """Importance weights of draws around some maxima, sorted to the nearest one.

    The draws come from an even mixture of t distributions with the places and curvatures of the maxima, so that what
    several of them reach counts once; each draw belongs to the one that most probably made it.

    Parameters
    ----------
    posterior : LogPosterior
        Of all observations.
    peaks : list of Peak
    draws : int
        From each.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        Logs of the weights, shape (peaks, peaks x draws), -inf where a draw belongs to another: the mean over the draws
        of what they are of is the mass around each.
    """
    size = len(peaks[0].place)
    made = []
    for peak in peaks:
        chi = np.sqrt(rng.chisquare(DF, (draws, 1)) / DF)
        made.append(peak.place + rng.standard_normal((draws, size)) / np.sqrt(peak.sizes) @ peak.directions.T / chi)
    made = np.concatenate(made)
    logs = np.stack(
        [
            0.5 * np.log(peak.sizes).sum()
            - 0.5 * (DF + size) * np.log1p((((made - peak.place) @ peak.directions) ** 2 @ peak.sizes) / DF)
            for peak in peaks
        ]
    )
    logs += gammaln((DF + size) / 2) - gammaln(DF / 2) - 0.5 * size * np.log(DF * np.pi)
    with np.errstate(all="ignore"):
        weights = np.concatenate([posterior(part) for part in np.array_split(made, max(1, len(made) // AT_ONCE))])
    weights = weights - mixture.log_sum(logs, axis=0) + np.log(len(peaks))
    return np.where(logs.argmax(axis=0) == np.arange(len(peaks))[:, None], weights, -np.inf)


def shares(log_weights: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The share of each mode in all that were found, and its standard error.

    Parameters
    ----------
    log_weights : numpy.ndarray
        What `sampled` returned, shape (M, S); or for masses without an error shape (M, 1).
    others : numpy.ndarray
        Logs of masses that are known otherwise, shape (O,).

    Returns
    -------
    shares, errors : numpy.ndarray
        Shape (M + O,).
    """
    count = log_weights.shape[1]
    top = max(log_weights.max(initial=-np.inf), others.max(initial=-np.inf))
    each = np.vstack([np.exp(log_weights - top), np.broadcast_to(np.exp(others - top)[:, None], (len(others), count))])
    total = each.sum(axis=0).mean()
    found = each.mean(axis=1) / total
    apart = each - found[:, None] * each.sum(axis=0)  # what a draw adds to the share
    return found, np.sqrt((apart**2).sum(axis=1)) / (count * total)


def _derivatives(function, place, value, step):
    """Gradient (P,) and Hessian (P, P) by central differences."""
    size = len(place)
    single = step[:, None] * np.eye(size)
    first, second = np.triu_indices(size, 1)
    both = single[first] + single[second]
    found = function(np.concatenate([place + single, place - single, place + both, place - both]))
    forward, backward = found[:size], found[size : 2 * size]
    plus, minus = found[2 * size : 2 * size + len(first)], found[2 * size + len(first) :]
    slope = (forward - backward) / (2 * step)
    curvature = np.diag((forward - 2 * value + backward) / step**2)
    mixed = plus + minus + 2 * value - forward[first] - forward[second] - backward[first] - backward[second]
    curvature[first, second] = curvature[second, first] = mixed / (2 * step[first] * step[second])
    finite = np.isfinite(curvature)
    return np.where(np.isfinite(slope), slope, 0), np.where(finite & finite.T, curvature, -np.eye(size))


def partial_correlations(matrix: np.ndarray) -> np.ndarray:
    """The partial correlations of a correlation matrix (D, D), each given the columns before both: D (D - 1) / 2."""
    factor = np.linalg.cholesky(matrix)
    found = []
    for i in range(1, len(matrix)):
        left = 1.0
        for j in range(i):
            found.append(factor[i, j] / np.sqrt(left))
            left -= factor[i, j] ** 2
    return np.clip(found, -1 + EDGE, 1 - EDGE)


def _correlations(partial, dimension):
    """Correlation matrices (..., D, D) from partial correlations, and the log Jacobian from tanh^-1 of them to factors.

    The program climbs in the Cholesky factors: what is below the diagonal of a row is the partial correlation times the
    square root of what the columns before have left of the row.
    """
    factors = np.zeros((*partial.shape[:-1], dimension, dimension))
    factors[..., 0, 0] = 1
    change = np.log1p(-(partial**2)).sum(axis=-1)  # of tanh
    at = 0
    for i in range(1, dimension):
        left = np.ones(partial.shape[:-1])
        for j in range(i):
            change = change + 0.5 * np.log(left)
            factors[..., i, j] = partial[..., at] * np.sqrt(left)
            left = left - factors[..., i, j] ** 2
            at += 1
        factors[..., i, i] = np.sqrt(left)
    return factors @ np.swapaxes(factors, -1, -2), change


def _log_slope_of_factors(matrices):
    """Log Jacobian from Cholesky factors to correlation matrices (..., D, D): the program's density is the factors'."""
    diagonal = np.diagonal(np.linalg.cholesky(matrices), axis1=-2, axis2=-1)
    powers = np.arange(diagonal.shape[-1])[::-1]
    return (powers * np.log(diagonal)).sum(axis=-1)
