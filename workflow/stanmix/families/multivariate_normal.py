"""The multivariate normal family: means, standard deviations and correlations of several columns together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stanmix.families.centres import distances, far_apart
from stanmix.families.family import Family
from stanmix.families.priors import CORRELATION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from stanmix.families.family import Parameter, Points

RESTARTS = 10  # of EM, each from centres of its own
LLOYD_STEPS = 10  # that improve the centres
NEAREST = 1e-6  # to perfect correlation that estimates may come: their Cholesky factors must exist


@dataclass(frozen=True)
class MultivariateNormal(Family):
    """A normal distribution of several columns.

    Draws are (S, K, D) for mu and sigma and (S, K, D, D) for correlation, which models with uncorrelated columns do not
    have.
    """

    @property
    def ordered(self) -> str:
        """The name of the parameter that can order the components, in one of the columns."""
        return "mu"

    @property
    def collapsing(self) -> str:
        """The name of the parameter that can collapse onto equal values."""
        return "sigma"

    def parameters_of(self, model: dict) -> tuple[Parameter, ...]:
        """The parameters that a model of the configuration has: no correlation if it is diagonal."""
        return self.parameters if model.get("correlation", "full") == "full" else self.parameters[:2]

    def targets(self, parameter: Parameter, noticed: dict) -> list[tuple[str | None, dict]]:
        """What of a parameter gets priors of its own: (column, what was noticed in it) for mean and sd of each."""
        if parameter.support == CORRELATION:
            return super().targets(parameter, noticed)
        return list(noticed["columns"].items())

    def unit(self, noticed: dict) -> dict:
        """Origin and units in which the sampler works: dict of lists with one number for each column."""
        columns = noticed["columns"].values()
        spreads = [column["sd"] or 1.0 for column in columns]
        return {"origin": [column["median"] for column in columns], "location": spreads, "scale": spreads}

    def order_in(self, state: dict[str, np.ndarray], specification: Any) -> np.ndarray:
        """The means (K,) in the column that orders the components, in the first where none does."""
        return state["mu"][..., ordering_column(specification) or 0]

    def spread(
        self, state: dict[str, np.ndarray], size: float | np.ndarray = 1.0, specification: Any = None
    ) -> np.ndarray:
        """The standard deviations in the column that orders the components."""
        return state["sigma"][..., ordering_column(specification) or 0]

    def component_moments(
        self, draws: dict[str, np.ndarray], size: float | np.ndarray = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of every column in the components of a dict of draws, each (S, K, D)."""
        return draws["mu"], draws["sigma"] ** 2

    def log_components(self, points: Points, draws: dict[str, np.ndarray]) -> np.ndarray:
        """Log density of every row under every component, shape (S, m, K)."""
        factors = factors_of(draws)
        result = np.empty((*draws["theta"].shape[:1], len(points), draws["theta"].shape[1]))
        for k in range(result.shape[2]):
            z = whitened(points.y[None], draws, factors, k)
            height = -np.log(draws["sigma"][:, k]).sum(axis=1) - points.width / 2 * np.log(2 * np.pi)
            if factors is not None:
                height = height - np.log(np.diagonal(factors[:, k], axis1=1, axis2=2)).sum(axis=1)
            result[:, :, k] = height[:, None] - 0.5 * (z**2).sum(axis=1)
        return result

    def component_tails(self, points: Points, draws: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Probability below every number in its column alone under every component: (S, m, K, D), twice the same."""
        from scipy.special import ndtr

        z = (points.y[None, :, None] - draws["mu"][:, None]) / draws["sigma"][:, None]
        below = ndtr(z)
        return below, below

    def scores(
        self, points: Points, draws: dict[str, np.ndarray], members: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Standard normal scores (S, m, D): of the first column, the second given it, and so on."""
        factors = factors_of(draws)
        result = np.empty((*members.shape, points.width))
        for k in range(draws["theta"].shape[1]):
            inside = members == k
            z = whitened(points.y[None], draws, factors, k)
            result[inside] = np.moveaxis(z, 1, 2)[inside]
        return result

    def replicate(
        self, points: Points, draws: dict[str, np.ndarray], members: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """Rows drawn from the component that each draw gives each point, shape (S, m, D)."""
        factors = factors_of(draws)
        z = rng.standard_normal((*members.shape, points.width))
        result = np.empty_like(z)
        for k in range(draws["theta"].shape[1]):
            inside = members == k
            related = z if factors is None else z @ np.swapaxes(factors[:, k], 1, 2)
            result[inside] = (draws["mu"][:, None, k] + draws["sigma"][:, None, k] * related)[inside]
        return result

    def marginal_logpdf(self, y: np.ndarray, draws: dict[str, np.ndarray]) -> np.ndarray:
        """Log density of values in their columns alone, shape (S, K, D)."""
        z = (y - draws["mu"]) / draws["sigma"]
        return -0.5 * z**2 - np.log(draws["sigma"]) - 0.5 * np.log(2 * np.pi)

    def first_shares(self, points: Points, count: np.ndarray, components: int) -> Iterator[np.ndarray]:
        """Shares (m, K) from which EM starts: of the nearest of K centres (k-means++, Arthur & Vassilvitskii 2007)."""
        z = (points.y - points.y.mean(axis=0)) / (points.y.std(axis=0) + 1e-300)
        for seed in range(RESTARTS if components > 1 else 1):
            rng = np.random.default_rng(seed)
            centres = _centres(z, count, components, rng)
            nearest = distances(z, centres).argmin(axis=1)
            yield 0.9 * (nearest[:, None] == np.arange(components)) + 0.1 / components

    def pooled(self, state: dict[str, np.ndarray], theta: np.ndarray, shared: set[str]) -> dict[str, np.ndarray]:
        """What components share, from an estimate for each: as a covariance where it is sds and correlations."""
        pooled = {}
        if {"sigma", "correlation"} <= shared:
            sds = state["sigma"][:, :, None] * state["sigma"][:, None, :]
            covariance = np.tensordot(theta, state["correlation"] * sds, 1)
            sigma = np.sqrt(np.diagonal(covariance))
            pooled = {"sigma": sigma, "correlation": covariance / np.outer(sigma, sigma)}
        elif "sigma" in shared:
            pooled["sigma"] = np.sqrt(theta @ state["sigma"] ** 2)
        elif "correlation" in shared:
            pooled["correlation"] = np.tensordot(theta, state["correlation"], 1)
        return {name: np.broadcast_to(value, state[name].shape) for name, value in pooled.items()}


def ordering_column(specification: Any) -> int | None:
    """The place from 0 of the column that orders the components, or None."""
    order = specification.order
    return None if order == "none" else specification.columns.index(order)


def factors_of(draws: dict[str, np.ndarray]) -> np.ndarray | None:
    """Cholesky factors of the correlations, shape (S, K, D, D); None when columns are uncorrelated."""
    return np.linalg.cholesky(draws["correlation"]) if "correlation" in draws else None


def whitened(y: np.ndarray, draws: dict[str, np.ndarray], factors: np.ndarray | None, k: int) -> np.ndarray:
    """Independent standard normal scores of rows under one component, by forward substitution.

    Parameters
    ----------
    y : numpy.ndarray
        Shape (1, m, D) or (S, m, D).
    draws : dict of numpy.ndarray
        mu and sigma, each (S, K, D).
    factors : numpy.ndarray or None
        What `factors_of` returned.
    k : int
        The component, from 0.

    Returns
    -------
    numpy.ndarray
        Shape (S, D, m); their squares add to the squared Mahalanobis distance.
    """
    mu, sigma = draws["mu"][:, k], draws["sigma"][:, k]
    z = np.empty((len(mu), y.shape[2], y.shape[1]))
    for d in range(y.shape[2]):
        z[:, d] = (y[:, :, d] - mu[:, None, d]) / sigma[:, None, d]
        if factors is not None:
            if d:
                z[:, d] -= np.matmul(factors[:, k, d, None, :d], z[:, :d])[:, 0]
            z[:, d] /= factors[:, k, d, d, None]
    return z


def lkj_factors(dimension: int, shape: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Cholesky factors of correlation matrices from the LKJ distribution by its onion (Lewandowski et al. 2009).

    Parameters
    ----------
    dimension : int
    shape : float
        eta; 1 is flat, larger ones favour weak correlations.
    count : int
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray
        Shape (count, D, D).
    """
    factors = np.zeros((count, dimension, dimension))
    factors[:, 0, 0] = 1
    for d in range(1, dimension):
        # The squared length of a row's part left of the diagonal; its direction is even.
        square = rng.beta(d / 2, shape + (dimension - 1 - d) / 2, size=count)
        direction = rng.standard_normal((count, d))
        direction /= np.sqrt((direction**2).sum(axis=1, keepdims=True))
        factors[:, d, :d] = np.sqrt(square)[:, None] * direction
        factors[:, d, d] = np.sqrt(1 - square)
    return factors


def given_the_others(sigma: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """The sd of every column given all others: shape (..., D) from sigma (..., D) and Cholesky factors (..., D, D)."""
    return sigma / np.sqrt((np.linalg.inv(factors) ** 2).sum(axis=-2))


def _centres(z, count, components, rng):
    """Centres (K, D): rows far from each other, then a few steps of k-means."""
    centres = far_apart(z, count, components, rng)
    for _ in range(LLOYD_STEPS):
        inside = (distances(z, centres).argmin(axis=1)[:, None] == np.arange(components)) * count[:, None]
        size = inside.sum(axis=0)[:, None]
        centres = np.where(size > 0, inside.T @ z / np.maximum(size, 1), centres)
    return centres


def estimate(points: Points, shares: np.ndarray, known: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weighted means, sds and correlations, with one more observation in each that has the spread of a K-th."""
    size = shares.sum(axis=0)[:, None]
    total = shares.sum(axis=1) / shares.sum()
    centre = total @ points.y
    spread = np.sqrt(total @ (points.y - centre) ** 2) / shares.shape[1]
    mu = shares.T @ points.y / size
    covariance = np.empty((*mu.shape, mu.shape[1]))
    for k in range(len(mu)):
        residual = points.y - mu[k]
        covariance[k] = ((shares[:, k, None] * residual).T @ residual + np.diag(spread**2)) / (size[k] + 1)
    sigma = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    correlation = covariance / (sigma[:, :, None] * sigma[:, None, :])
    return {"mu": mu, "sigma": sigma, "correlation": moved_inside(correlation, NEAREST)} | known


def moved_inside(correlation: np.ndarray, by: float) -> np.ndarray:
    """Correlations moved towards 0 by a share of themselves."""
    return (1 - by) * correlation + by * np.eye(correlation.shape[-1])


def telling_columns(draws: dict[str, np.ndarray]) -> list[int]:
    """Columns in the order of how far the components lie apart in them, for their spread (list of int)."""
    theta, mu, sigma = (draws[name].mean(axis=0) for name in ("theta", "mu", "sigma"))
    between = theta @ (mu - theta @ mu) ** 2
    within = theta @ sigma**2
    return np.argsort(-between / within, kind="stable").tolist()
