"""Distributions of counts: their log probabilities, and for the beta-binomial one its tails, faster than SciPy's.

SciPy's own check every argument, take logs of factorials anew for every draw, and lose digits where large logs of gamma
functions cancel. All else is SciPy's.
"""

from __future__ import annotations

import functools

import numpy as np

STIRLING = 20.0  # above this Stirling's series is exact to 1e-15
TINY = float(np.finfo(float).tiny)  # what stands for what was rounded to 0
BELOW_ONE = float(np.nextafter(1, 0))  # and for a probability that was rounded to 1


def _scipy():
    from scipy import special, stats  # cost 0.7 s, which jobs that only read the table of parameters need not pay

    return special, stats


def log_rising(a: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Log of a (a + 1) ... (a + n - 1) / a^n, as the Stan function of that name: it vanishes as a grows.

    Built of it, negative binomial and beta-binomial probabilities come near Poisson and binomial ones as they should.

    Parameters
    ----------
    a : array_like
        Positive.
    n : array_like
        Whole numbers from 0.

    Returns
    -------
    numpy.ndarray
        Broadcast.
    """
    a, n = np.asarray(a, dtype=float), np.asarray(n, dtype=float)
    small = a <= STIRLING
    if small.all():
        return _log_gamma(a + n) - _log_gamma(a) - n * np.log(a)
    large = np.where(small, STIRLING + 1, a)
    found = np.asarray((large + n - 0.5) * np.log1p(n / large) - n + (_remainder(large + n) - _remainder(large)))
    if small.any():
        small, a, n = np.broadcast_arrays(small, a, n)
        found[small] = log_rising(a[small], n[small])
    return found


def _log_gamma(x):
    """Log of the gamma function: Stirling's series is several times as fast as SciPy's function, where it holds."""
    small = x <= STIRLING
    large = np.where(small, STIRLING + 1, x)
    found = np.asarray((large - 0.5) * np.log(large) - large + _remainder(large) + 0.5 * np.log(2 * np.pi))
    found[small] = _scipy()[0].gammaln(x[small])
    return found


def _remainder(x):
    """What Stirling's formula leaves of the log of the gamma function, for x above `STIRLING`."""
    q = 1 / (x * x)
    return (1 / 12 - q * (1 / 360 - q * (1 / 1260 - q / 1680))) / x


def _log_factorial(y):
    """Log of y!; infinite below 0, where counts have no probability."""
    return np.where(y < 0, np.inf, _scipy()[0].gammaln(np.maximum(y, 0) + 1.0))


def _log_choose(n, y):
    """Log of the number of ways to choose y of n; -inf where there is none."""
    return _log_factorial(n) - _log_factorial(y) - _log_factorial(n - y)


def _logs(p):
    """Logs of p and 1 - p, finite where rounding has made one of them 0."""
    return np.log(np.maximum(p, TINY)), np.log1p(-np.minimum(p, BELOW_ONE))


class Counts:
    """A distribution of counts that is SciPy's but for its log probabilities.

    Parameters
    ----------
    make : callable
        Makes SciPy's distribution, which takes longer than many log probabilities, and is done when it is needed.
    """

    def __init__(self, make):
        self._make = make

    @functools.cached_property
    def _frozen(self):
        return self._make()

    def mean(self) -> np.ndarray:
        return self._frozen.mean()

    def var(self) -> np.ndarray:
        return self._frozen.var()

    def rvs(self, size: tuple[int, ...], random_state: np.random.Generator) -> np.ndarray:
        return self._frozen.rvs(size=size, random_state=random_state)

    def below(self, y: np.ndarray) -> np.ndarray:
        """P(Y < y)."""
        return self._frozen.cdf(y - 1)

    def log_beside(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logs of P(Y < y) and of P(Y > y), each exact where it is small."""
        return self._frozen.logcdf(y - 1), self._frozen.logsf(y)


class Poisson(Counts):
    """Counts with the mean `mu`."""

    def __init__(self, mu):
        super().__init__(lambda: _scipy()[1].poisson(mu))
        self.mu = mu

    def logpmf(self, y: np.ndarray) -> np.ndarray:
        return y * _logs(self.mu)[0] - self.mu - _log_factorial(y)


class NegativeBinomial(Counts):
    """Counts with the mean `mu` and the variance mu + mu^2 / phi."""

    def __init__(self, mu, phi):
        super().__init__(lambda: _scipy()[1].nbinom(phi, phi / (phi + mu)))
        self.mu, self.phi = mu, phi

    def logpmf(self, y: np.ndarray) -> np.ndarray:
        counted = np.maximum(y, 0)
        return (
            log_rising(self.phi, counted)
            + counted * _logs(self.mu)[0]
            - (counted + self.phi) * np.log1p(self.mu / self.phi)
            - _log_factorial(y)
        )


class Binomial(Counts):
    """Successes of `trials` with the probability p each."""

    def __init__(self, trials, p):
        super().__init__(lambda: _scipy()[1].binom(trials, p))
        self.trials, self.p = trials, p

    def logpmf(self, y: np.ndarray) -> np.ndarray:
        success, failure = _logs(self.p)
        return _log_choose(self.trials, y) + y * success + (self.trials - y) * failure


class BetaBinomial(Counts):
    """Successes of `trials` whose probability has a beta distribution with the mean p and the sum kappa of its shapes.

    SciPy's tails are slow, and noise far up.
    """

    PIECE = 8192  # elements whose terms are added at once, which stay in cache
    LOOK = 8  # terms after which elements may leave
    NEGLIGIBLE = 1e-15  # share of a sum

    def __init__(self, trials, p, kappa):
        super().__init__(lambda: _scipy()[1].betabinom(trials, p * kappa, (1 - p) * kappa))
        self.trials, self.p, self.kappa = trials, p, kappa
        self.shapes = [np.maximum(share * kappa, TINY) for share in (p, 1 - p)]

    def logpmf(self, y: np.ndarray) -> np.ndarray:
        success, failure = _logs(self.p)
        counted = np.clip(y, 0, self.trials)
        left = self.trials - counted
        return (
            _log_choose(self.trials, y)
            + (counted * success + left * failure)
            + log_rising(self.shapes[0], counted)
            + log_rising(self.shapes[1], left)
            - log_rising(self.kappa, self.trials)
        )

    def below(self, y: np.ndarray) -> np.ndarray:
        return np.exp(self.log_beside(y)[0])

    def log_beside(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As of all counts: the smaller one is summed term by term away from y, the other one is what is left."""
        log_mass = self.logpmf(y)
        y, n, p, a, b = np.broadcast_arrays(y, self.trials, self.p, *self.shapes)
        low = y <= n * p
        successes = np.where(low, y, n - y)  # counted from the end to which the sum runs
        a, b = np.where(low, a, b), np.where(low, b, a)
        # The elements are taken in pieces of like length, and each leaves when no term that is left can matter.
        order = np.argsort(successes, axis=None, kind="stable")
        summed = np.empty(y.size)
        for start in range(0, y.size, self.PIECE):
            piece = order[start : start + self.PIECE]
            summed[piece] = self._beyond(*(values.reshape(-1)[piece] for values in (successes, n, a, b)))
        with np.errstate(divide="ignore"):
            smaller = log_mass + np.log(summed.reshape(y.shape))
            rest = np.log(np.maximum(1 - np.exp(smaller) - np.exp(log_mass), 0))
        return np.where(low, smaller, rest), np.where(low, rest, smaller)

    def _beyond(self, successes, n, a, b):
        """Probabilities below `successes` over that of `successes` itself: shape (m,) for arrays (m,)."""
        total = np.zeros(len(successes))
        place = np.flatnonzero(successes > 0)
        k, n, a, b = (values[place].astype(float) for values in (successes, n, a, b))
        term, summed = np.ones(len(place)), np.zeros(len(place))
        above, left, below = n - k + b, n - k + 1, k - 1 + a
        while len(place):
            for _ in range(int(min(self.LOOK, k.min()))):
                ratio = k * above
                ratio /= left * below
                term *= ratio
                summed += term
                k -= 1
                above += 1
                left += 1
                below -= 1
            # With a from 1 on terms fall ever faster; below 1 they may rise again at the very end.
            on = (k > 0) & ((term * k > self.NEGLIGIBLE * summed) | (a < 1))
            if not on.all():
                total[place[~on]] = summed[~on]
                kept = (place, k, above, left, below, a, term, summed)
                place, k, above, left, below, a, term, summed = (values[on] for values in kept)
        return total
