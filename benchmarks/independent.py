"""Modes of mixture posteriors without the search of stanmix: EM from many random starts, then SciPy's optimiser.

Densities are those of textbooks in NumPy, in coordinates without bounds: log ratios of weights, logs, logits.
"""

import itertools

import numpy as np
from scipy import optimize
from scipy.special import betaln, gammaln, log_ndtr

STARTS = 500  # of EM, a third of each kind
STEPS = 60  # of EM from each
AT_ONCE = 100_000  # numbers that are computed at once
POLISHED = 30  # different ends of EM from which it is climbed on
SAME = 0.05  # log density of any observation below which two modes are one
COLLAPSED = 1 / 250  # of the standard deviation of the data: so narrow a component sits on a value
VALLEY = 3.0  # nats below the lower of two modes: chains pass through a valley that is no deeper
DF, DRAWS = 5, 1500  # degrees of freedom of the distributions that tell masses, and draws from each
LEAST = 1e-3  # share of the posterior that matters
FLOOR = 1 / 50  # of the standard deviation of the data: EM's components are not narrower


def logsumexp(logs, axis, keepdims=False):
    """As SciPy's, which takes several times as long."""
    top = logs.max(axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    found = top + np.log(np.exp(logs - top).sum(axis=axis, keepdims=True))
    return found if keepdims else found.squeeze(axis)


def _normal(y, mu, sigma):
    return -0.5 * ((y - mu) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)


def _student_t(y, size, mu, sigma, nu):
    z = (y - mu) / sigma
    constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi) - np.log(sigma)
    return constant - (nu + 1) / 2 * np.log1p(z**2 / nu)


def _gamma(y, size, mean, cv):
    shape = cv**-2
    return (shape - 1) * np.log(y) - y * shape / mean + shape * np.log(shape / mean) - gammaln(shape)


def _skew_normal(y, size, mean, sd, slant):
    delta = slant / np.sqrt(1 + slant**2)
    omega = sd / np.sqrt(1 - 2 * delta**2 / np.pi)
    at = mean - omega * delta * np.sqrt(2 / np.pi)
    return np.log(2) + _normal(y, at, omega) + log_ndtr(slant * (y - at) / omega)


def _poisson(y, size, rate):
    return y * np.log(rate * size) - rate * size - gammaln(y + 1)


def _negative_binomial(y, size, mean, dispersion):
    phi, mean = dispersion**-2, mean * size
    counted = gammaln(y + phi) - gammaln(phi) - gammaln(y + 1)
    return counted + phi * np.log(phi / (phi + mean)) + y * np.log(mean / (phi + mean))


def _choices(y, size):
    return gammaln(size + 1) - gammaln(y + 1) - gammaln(size - y + 1)


def _binomial(y, size, p):
    return _choices(y, size) + y * np.log(p) + (size - y) * np.log1p(-p)


def _beta_binomial(y, size, p, dispersion):
    a, b = p * dispersion**-2, (1 - p) * dispersion**-2
    return _choices(y, size) + betaln(y + a, size - y + b) - betaln(a, b)


DENSITIES = {
    "normal": lambda y, size, mu, sigma: _normal(y, mu, sigma),
    "student_t": _student_t,
    "lognormal": lambda y, size, meanlog, sdlog: _normal(np.log(y), meanlog, sdlog) - np.log(y),
    "gamma": _gamma,
    "skew_normal": _skew_normal,
    "poisson": _poisson,
    "negative_binomial": _negative_binomial,
    "zero_inflated_poisson": _poisson,
    "binomial": _binomial,
    "beta_binomial": _beta_binomial,
}
LINKS = {"gamma": "log", "poisson": "log", "negative_binomial": "log", "zero_inflated_poisson": "log"}
LINKS |= {"binomial": "logit", "beta_binomial": "logit"}


class Posterior:
    """The posterior of a mixture under the priors of a specification.

    Parameters
    ----------
    specification : Specification
        What `specification.specify` returned; of several columns correlations are of two, or there are none.
    units : observations.Units
        The distinct observations with their counts.
    """

    def __init__(self, specification, units):
        self.specification, self.family = specification, specification.family
        self.components = specification.components
        self.y, self.count = units.y, units.count
        self.size = next((s for s in (units.trials, units.exposure) if s is not None), np.ones(len(units.y)))
        self.concentration = np.array(specification.weights.concentration)
        self.parts = []  # name, column, how many, transform and end of what moves together, with its priors
        for entry in specification.parameters:
            transform, end = "real", 0.0
            if entry.slot == "location":
                transform = LINKS.get(self.family, "real")
            elif entry.slot == "zero":
                transform = "logit"
            elif entry.slot in ("scale", "sigma") or entry.name == "nu":
                transform, end = "log", entry.priors[0].lower or 0.0
            elif entry.name == "correlation":
                transform = "tanh"
            count = 1 if entry.mode == "shared" else self.components
            self.parts.append((entry.name, entry.column, count, transform, end, entry.priors))
        self.unknowns = self.components - 1 + sum(part[2] for part in self.parts)

    def states(self, x):
        """Parameters at places (S, P): a dict of arrays (S, K) or (S, K, D), and the log prior there, shape (S,)."""
        k = self.components
        logits = np.hstack([x[:, : k - 1], np.zeros((len(x), 1))])
        log_theta = logits - logsumexp(logits, axis=1, keepdims=True)
        state, total, at = {"log_theta": log_theta}, log_theta @ self.concentration, k - 1
        for name, column, count, transform, end, priors in self.parts:
            u = x[:, at : at + count]
            at += count
            values, change = {
                "real": lambda u, end: (u, 0 * u),
                "log": lambda u, end: (end + np.exp(u), u),
                "logit": lambda u, end: (1 / (1 + np.exp(-u)), -np.logaddexp(0, u) - np.logaddexp(0, -u)),
                "tanh": lambda u, end: (np.tanh(u), -2 * np.log(np.cosh(u))),
            }[transform](u, end)
            total = total + sum(_log_prior(priors[i], values[:, i]) + change[:, i] for i in range(count))
            values = np.broadcast_to(values, (len(x), k))
            if column is None:
                state[name] = values
            else:
                state.setdefault(name, []).append(values)
        return {name: np.stack(v, axis=2) if isinstance(v, list) else v for name, v in state.items()}, total

    def log_components(self, state):
        """Log density of every distinct observation under every component, shape (S, m, K)."""
        if self.y.ndim == 2:
            z = (self.y[None, :, None, :] - state["mu"][:, None]) / state["sigma"][:, None]
            logs = -np.log(state["sigma"]).sum(axis=2)[:, None] - 0.5 * z.shape[3] * np.log(2 * np.pi)
            if "correlation" not in state:
                return logs - 0.5 * (z**2).sum(axis=3)
            rho = state["correlation"][:, None]
            square = (z[..., 0] ** 2 - 2 * rho * z[..., 0] * z[..., 1] + z[..., 1] ** 2) / (1 - rho**2)
            return logs - 0.5 * square - 0.5 * np.log1p(-(rho**2))
        names = [name for name, *_ in self.parts if name != "zero"]
        y, size = self.y[None, :, None], self.size[None, :, None]
        values = [state[name][:, None] for name in names]
        step = self.specification.rounding
        if step is None:
            return DENSITIES[self.family](y, size, *values)
        a, b = ((y + side * step / 2 - values[0]) / values[1] for side in (-1, 1))  # of a normal component
        a, b = np.where(a > 0, -b, a), np.where(a > 0, -a, b)
        return log_ndtr(b) + np.log(-np.expm1(log_ndtr(a) - log_ndtr(b)))

    def terms(self, state):
        """Log of weight times density of every part, shape (S, m, P)."""
        terms = self.log_components(state) + state["log_theta"][:, None]
        if "zero" in state:
            share = state["zero"][:, None, :1]
            extra = np.where(self.y[None, :, None] == 0, np.log(share), -np.inf)
            terms = np.concatenate([np.log1p(-share) + terms, extra], axis=2)
        return terms

    def observed(self, x):
        """Log density of the distinct observations at places (S, P), and the log prior: shapes (S, m) and (S,)."""
        with np.errstate(all="ignore"):
            state, prior = self.states(x)
            logs = logsumexp(self.terms(state), axis=2)
            limits = np.array(self.specification.thinnest or [0.0])
            if "correlation" in state and limits.any():
                thin = state["sigma"] * np.sqrt(1 - state["correlation"] ** 2)[..., None] <= limits
                prior = np.where(thin.any(axis=(1, 2)), -np.inf, prior)
        return logs, prior

    def __call__(self, x):
        """The log posterior density at places (S, P), shape (S,)."""
        logs, prior = self.observed(x)
        total = logs @ self.count + prior
        return np.where(np.isnan(total), -np.inf, total)

    def place(self, state):
        """Where states are, shape (..., P): theta and the parameters, each (..., K) or longer."""
        theta = np.maximum(state["theta"], 1e-6)
        found = [np.log(theta[..., :-1] / theta[..., -1:])]
        for name, column, count, transform, end, _ in self.parts:
            values = np.asarray(state[name], float)
            if name == "correlation":
                values = values[..., 0, 1]
            elif column is not None:
                values = values[..., self.specification.columns.index(column)]
            values = values[..., :count]
            if transform == "log":
                values = np.log(np.maximum(values - end, 1e-6 * np.abs(values) + 1e-300))
            elif transform == "logit":
                values = np.clip(values, 1e-6, 1 - 1e-6)
                values = np.log(values / (1 - values))
            elif transform == "tanh":
                values = np.arctanh(np.clip(values, -0.999, 0.999))
            found.append(values)
        return np.concatenate(found, axis=-1)

    def climbed(self, x):
        """The local maximum that L-BFGS reaches from a place."""
        step = 1e-5 * np.eye(self.unknowns)

        def slope(at):
            ends = self(np.concatenate([at + step, at - step]))
            slope = (ends[: len(at)] - ends[len(at) :]) / 2e-5
            return -np.where(np.isfinite(slope), slope, 0)

        def height(at):
            value = self(at[None])[0]
            return -value if np.isfinite(value) else 1e10

        before = np.inf
        for _ in range(5):
            end = optimize.minimize(height, x, jac=slope, method="BFGS", options={"maxiter": 300, "gtol": 1e-3})
            x = end.x
            if before - end.fun < 1e-3:
                break
            before = end.fun
        return x

    def relabelled(self, x, other):
        """The place of another state after the names of its components were changed to lie near a place."""
        states = [self.states(place[None])[0] for place in (x, other)]
        flat = []
        for state in states:
            values = [v[0].reshape(self.components, -1) for name, v in state.items() if name != "log_theta"]
            flat.append(np.hstack([np.exp(state["log_theta"][0])[:, None], *values]))
        spread = np.abs(np.vstack(flat)).max(axis=0) + 1e-300
        apart = (((flat[0][:, None] - flat[1][None]) / spread) ** 2).sum(axis=2)
        order = optimize.linear_sum_assignment(apart)[1]
        state = {name: values[0][order] for name, values in states[1].items()}
        state["theta"] = np.exp(state.pop("log_theta"))
        if "correlation" in state:
            state["correlation"] = state["correlation"][:, None, None] * np.ones((1, 2, 2))
        return self.place(state)

    def connected(self, x, other):
        """Whether chains pass easily from one mode to another: no valley on the straight way between them."""
        other = self.relabelled(x, other)
        way = self(x + np.linspace(0, 1, 15)[:, None] * (other - x))
        return way.min() > min(way[0], way[-1]) - VALLEY

    def hessian(self, x):
        """The eigenvalues and vectors of the curvature at a mode, the flat directions at least as wide as 10."""
        step, size = 1e-3, self.unknowns
        single = step * np.eye(size)
        plus, minus = self(x + single), self(x - single)
        base = self(x[None])[0]
        hessian = np.diag((plus - 2 * base + minus) / step**2)
        for i in range(size):
            for j in range(i):
                corners = self(x + np.array([single[i] + single[j], -single[i] - single[j]]))
                mixed = corners.sum() + 2 * base - plus[i] - plus[j] - minus[i] - minus[j]
                hessian[i, j] = hessian[j, i] = mixed / (2 * step**2)
        values, vectors = np.linalg.eigh(-np.nan_to_num(hessian))
        return np.maximum(values, 1e-2), vectors

    def masses(self, modes, rng):
        """Logs of what lies around some modes, by importance sampling from t distributions with their curvature."""
        size, proposals, drawn = self.unknowns, [], []
        for mode in modes:
            values, vectors = mode["hessian"]
            scale = vectors / np.sqrt(values)
            chi = np.sqrt(rng.chisquare(DF, (DRAWS, 1)) / DF)
            drawn.append(mode["x"] + (rng.standard_normal((DRAWS, size)) @ scale.T) / chi)
            proposals.append((mode["x"], vectors * np.sqrt(values), 0.5 * np.log(values).sum()))
        drawn = np.concatenate(drawn)
        logs = np.stack(
            [
                half - 0.5 * (DF + size) * np.log1p((((drawn - x) @ root) ** 2).sum(axis=1) / DF)
                for x, root, half in proposals
            ]
        )
        constant = gammaln((DF + size) / 2) - gammaln(DF / 2) - 0.5 * size * np.log(DF * np.pi)
        heights = np.concatenate([self(drawn[i : i + 100]) for i in range(0, len(drawn), 100)])
        weights = heights - constant - logsumexp(logs, axis=0)
        with np.errstate(divide="ignore"):
            mine = np.where(logs.argmax(axis=0) == np.arange(len(modes))[:, None], weights, -np.inf)
            return logsumexp(mine, axis=1)


def _log_prior(prior, value):
    """Log density of a prior up to a constant."""
    a = prior.arguments
    return {
        "normal": lambda: -0.5 * ((value - a[0]) / a[1]) ** 2,
        "lognormal": lambda: -0.5 * ((np.log(value) - a[0]) / a[1]) ** 2 - np.log(value),
        "logit_normal": lambda: -0.5 * ((np.log(value / (1 - value)) - a[0]) / a[1]) ** 2 - np.log(value * (1 - value)),
        "gamma": lambda: (a[0] - 1) * np.log(value) - a[1] * value,
        "beta": lambda: (a[0] - 1) * np.log(value) + (a[1] - 1) * np.log1p(-value),
        "lkj": lambda: (a[0] - 1) * np.log1p(-(value**2)),
    }[prior.distribution]()


class EM:
    """EM for the likelihood alone, from random starts, with estimates by weighted moments."""

    def __init__(self, posterior):
        self.posterior = posterior
        family, y = posterior.family, posterior.y
        self.z = np.log(y) if family in ("lognormal", "gamma") else y / (posterior.size if y.ndim == 1 else 1.0)
        self.wide = self.z.reshape(len(y), -1)
        mean = np.average(self.wide, 0, posterior.count)
        self.sd = np.sqrt(np.average((self.wide - mean) ** 2, 0, posterior.count))

    def first(self, kind, rng):
        """Shares (m, K) of components: nearest of random observations, at random, or pieces of a direction."""
        m, k = len(self.wide), self.posterior.components
        standard = self.wide / self.sd
        if kind == 0:
            centres = standard[rng.choice(m, k, p=self.posterior.count / self.posterior.count.sum())]
            owner = ((standard[:, None] - centres) ** 2 / rng.uniform(0.2, 2, k)[:, None]).sum(axis=2).argmin(axis=1)
        elif kind == 1:
            return rng.dirichlet(np.full(k, 0.2), m)
        else:
            along = standard @ rng.normal(size=standard.shape[1])
            owner = np.searchsorted(np.sort(rng.choice(along, k - 1)), along)
        return 0.98 * (owner[:, None] == np.arange(k)) + 0.02 / k

    def state(self, shares):
        """Estimates of every component from its share: of shares (S, m, P) a dict of arrays (S, K) or longer."""
        posterior = self.posterior
        owned = (shares + 1e-9) * posterior.count[:, None]
        zero = {}
        if posterior.family.startswith("zero"):
            share = np.clip(owned[..., -1].sum(axis=1) / owned.sum(axis=(1, 2)), 0.01, 0.95)
            zero = {"zero": np.repeat(share[:, None], posterior.components, axis=1)}
            owned = owned[..., :-1]
        total = owned.sum(axis=1)
        theta = total / total.sum(axis=1, keepdims=True)
        shared = {name for name, _, count, *_ in posterior.parts if count < posterior.components}
        mean = np.einsum("smk,md->skd", owned, self.wide) / total[..., None]
        apart = self.wide[None, :, None] - mean[:, None]
        variance = np.einsum("smk,smkd->skd", owned, apart**2) / total[..., None]
        if shared & {"sigma", "sdlog", "cv", "sd"}:
            variance = np.broadcast_to((theta[..., None] * variance).sum(axis=1, keepdims=True), variance.shape)
        sd = np.sqrt(np.maximum(variance, (FLOOR * self.sd) ** 2))
        if posterior.y.ndim == 2:
            both = np.einsum("smk,smkd,smke->skde", owned, apart, apart) / total[..., None, None]
            rho = np.clip(both / (sd[..., None] * sd[..., None, :]), -0.98, 0.98)
            return {"theta": theta, "mu": mean, "sigma": sd, "correlation": rho}
        first, *rest = [name for name, *_ in posterior.parts if name != "zero"]
        if posterior.family in LINKS and posterior.family != "gamma":
            events, sizes = (np.einsum("smk,m->sk", owned, values) for values in (posterior.y, posterior.size))
            state = {"theta": theta, first: (events + 0.01) / (sizes + 0.02)} | zero
            return state | {name: np.full(theta.shape, 0.3) for name in rest}
        mean = np.exp(mean[..., 0]) if posterior.family == "gamma" else mean[..., 0]
        state = {"theta": theta, first: mean, rest[0]: sd[..., 0]}
        return state | {name: np.full(theta.shape, {"nu": 10.0, "slant": 0.0}[name]) for name in rest[1:]}

    def ends(self, numbers, rng):
        """Where EM is after some steps from several starts: places (S, P)."""
        shares = np.stack([self.first(number % 3, rng) for number in numbers])
        if self.posterior.family.startswith("zero"):
            zeros = np.where(self.posterior.y == 0, 0.5, 0.0)[:, None]
            shares = np.concatenate([shares * (1 - zeros), np.broadcast_to(zeros, (*shares.shape[:2], 1))], axis=2)
        for _ in range(STEPS):
            places = self.posterior.place(self.state(shares))
            with np.errstate(all="ignore"):
                terms = self.posterior.terms(self.posterior.states(places)[0])
                terms = np.where(np.isfinite(terms), terms, -1e300)
                shares = np.exp(terms - logsumexp(terms, axis=2, keepdims=True))
        return places


class Modes:
    """The known modes of a posterior."""

    def __init__(self, posterior, seed=1):
        rng, em = np.random.default_rng(seed), EM(posterior)
        self.posterior, self.modes, self.sd = posterior, [], em.sd
        size = max(1, AT_ONCE // posterior.y.size // posterior.components)
        ends = np.concatenate([em.ends(range(i, min(i + size, STARTS)), rng) for i in range(0, STARTS, size)])
        heights = np.concatenate([posterior(ends[i : i + size]) for i in range(0, STARTS, size)])
        chosen = []
        for i in np.argsort(-heights):
            if np.isfinite(heights[i]) and not any(abs(heights[i] - heights[j]) < 0.02 for j in chosen):
                chosen.append(i)
        for i in chosen[:POLISHED]:
            self.add(ends[i])

    def add(self, place):
        """The number of the mode to which a place leads, which is a new one if need be."""
        x = self.posterior.climbed(place)
        logs, prior = self.posterior.observed(x[None])
        for number, mode in enumerate(self.modes):
            if np.abs(mode["logs"] - logs[0]).max() < SAME:
                return number
        height = float(logs[0] @ self.posterior.count + prior[0])
        values, vectors = self.posterior.hessian(x)
        mass = height + 0.5 * (len(x) * np.log(2 * np.pi) - np.log(values).sum())
        mode = {"x": x, "logs": logs[0], "height": height, "mass": mass, "hessian": (values, vectors)}
        self.modes.append(mode | {"collapsed": self._collapsed(x)})
        return len(self.modes) - 1

    def shares(self):
        """How much of the posterior the modes hold that are no valley apart, without those with a collapsed component.

        Returns
        -------
        region : numpy.ndarray of int
            Which region each mode belongs to, shape (modes,).
        shares : numpy.ndarray
            What each region holds, shape (regions,).
        """
        masses = np.array([-np.inf if mode["collapsed"] else mode["mass"] for mode in self.modes])
        shares = np.exp(masses - logsumexp(masses, axis=0))  # by Laplace's approximation, which tells what matters
        matter = np.flatnonzero(shares > LEAST)
        masses = self.posterior.masses([self.modes[i] for i in matter], np.random.default_rng(2))
        shares = np.zeros(len(shares))
        shares[matter] = np.exp(masses - logsumexp(masses, axis=0))
        region = np.arange(len(self.modes))
        for i, j in itertools.combinations(matter, 2):
            if region[i] != region[j] and self.posterior.connected(self.modes[i]["x"], self.modes[j]["x"]):
                region[region == region[j]] = region[i]
        return region, np.bincount(region, weights=shares, minlength=len(region))

    def _collapsed(self, x):
        """Whether a component sits on as few values as its numbers, or is as narrow as a value."""
        state = self.posterior.states(x[None])[0]
        scale = next((state[name][0] for name in ("sigma", "sdlog", "sd", "cv") if name in state), None)
        if scale is None or len(np.unique(scale.reshape(len(scale), -1)[:, 0])) == 1:
            return False
        with np.errstate(all="ignore"):
            terms = self.posterior.terms(state)[0]
        owns = np.array([(terms.argmax(axis=1) == k).sum() for k in range(len(scale))])
        narrow = (scale.reshape(len(scale), -1) / self.sd < COLLAPSED).any(axis=1)
        return bool((narrow & (owns > 0) | (owns > 0) & (owns <= len(self.sd))).any())
