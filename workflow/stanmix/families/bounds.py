"""Between which numbers parameters lie, and the numbers of the whole line by which they are sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


ANYWHERE, ABOVE, BETWEEN, BELOW = range(4)  # as functions/priors.stanfunctions counts them


@dataclass(frozen=True)
class Bounds:
    """The ends of one or more parameters.

    Numbers on the line are logs of the distance from a lower end, logits between two, minus logs of the distance from
    an upper one, or the parameters themselves; parameters increase with them.

    Attributes
    ----------
    low, high : numpy.ndarray
        Shape (n,), infinite where nothing bounds a parameter.
    """

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, ends: Sequence[tuple[float, float]]) -> Bounds:
        """From a list of pairs."""
        low, high = np.array(ends, float).reshape(-1, 2).T
        return cls(low, high)

    def __len__(self):
        return len(self.low)

    @property
    def kinds(self) -> np.ndarray:
        """How each is bounded: array of int, one of the constants of this module."""
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        return np.select([below & above, below, above], [BETWEEN, ABOVE, BELOW], ANYWHERE)

    @property
    def alike(self) -> bool:
        """Whether all have the same ends."""
        return bool((self.low == self.low[0]).all() and (self.high == self.high[0]).all())

    @property
    def in_turn(self) -> bool:
        """Whether each ends before the next one begins."""
        return bool((self.high[:-1] <= self.low[1:]).all())

    def table(self) -> tuple[list[int], list[list[float]]]:
        """What bounds each as a Stan program reads it: kinds, and pairs of ends, 0 for none (two lists)."""
        ends = np.column_stack([self.low, self.high])
        return self.kinds.tolist(), np.where(np.isfinite(ends), ends, 0.0).tolist()

    def to_line(self, values: np.ndarray) -> np.ndarray:
        """Numbers on the line for parameters inside, the last axis being that of the ends."""
        values = np.asarray(values, float)
        with np.errstate(invalid="ignore", divide="ignore"):  # of kinds that are not taken
            from_low, from_high = np.log(values - self.low), np.log(self.high - values)
            return np.select(
                [self.kinds == kind for kind in (ABOVE, BETWEEN, BELOW)],
                [from_low, from_low - from_high, -from_high],
                values,
            )

    def from_line(self, x: np.ndarray) -> np.ndarray:
        """Parameters for numbers on the line, the last axis being that of the ends."""
        x = np.asarray(x, float)
        with np.errstate(invalid="ignore", over="ignore"):
            return np.select(
                [self.kinds == kind for kind in (ABOVE, BETWEEN, BELOW)],
                [
                    self.low + np.exp(x),
                    self.low + (self.high - self.low) / (1 + np.exp(-x)),
                    self.high - np.exp(-x),
                ],
                x,
            )

    def log_slope(self, values: np.ndarray) -> np.ndarray:
        """Log derivative of parameters by their numbers on the line."""
        values = np.asarray(values, float)
        with np.errstate(invalid="ignore", divide="ignore"):
            from_low, from_high = np.log(values - self.low), np.log(self.high - values)
            return np.select(
                [self.kinds == kind for kind in (ABOVE, BETWEEN, BELOW)],
                [from_low, from_low + from_high - np.log(self.high - self.low), from_high],
                0.0,
            )

    def inside(self, values: np.ndarray, margin: float, least: float = 0.0) -> np.ndarray:
        """Parameters moved inside the ends, if they are near them or beyond.

        Parameters
        ----------
        values : array_like
        margin : float
            How far: in widths between two ends, or in the size of a single one,
        least : float
            but at least so far from a single one.
        """
        both = self.kinds == BETWEEN
        with np.errstate(invalid="ignore"):
            width = margin * np.where(both, self.high - self.low, 0.0)
        far = [np.where(np.isfinite(end), np.abs(end), 0.0) for end in (self.low, self.high)]
        below, above = (np.where(both, width, np.maximum(margin * size, least)) for size in far)
        return np.clip(np.asarray(values, float), self.low + below, self.high - above)
