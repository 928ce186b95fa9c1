"""Evaluating Stan programs at given points, for the tests of densities and of their mutants."""

import contextlib
import io
import itertools
import json
import math
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.special import gammainc, log_ndtr, logit, logsumexp

from stanmix.stan.cmdstan import without_empty

SLOTS = ("location", "scale", "shape")
COLUMNS = ("y", "whole", "trials", "exposure")

ORIGIN, UNIT = 0.5, 2.5  # what the sampler works in; any would do
CODES = {
    "normal": 1, "student_t": 2, "cauchy": 3, "lognormal": 4, "gamma": 5, "inv_gamma": 6, "exponential": 7, "beta": 8,
    "logit_normal": 9, "uniform": 10,
}  # fmt: skip
FAMILIES = {
    "normal": 1, "student_t": 2, "lognormal": 3, "gamma": 4, "skew_normal": 5, "poisson": 6, "negative_binomial": 7,
    "binomial": 8, "beta_binomial": 9, "weibull": 10,
}  # fmt: skip
NAMES = {number: name for name, number in FAMILIES.items()}
POSITIVE = ("lognormal", "gamma", "weibull")
SHAPED = ("student_t", "skew_normal")
RATES, SHARES = ("poisson", "negative_binomial"), ("binomial", "beta_binomial")
COUNTS = RATES + SHARES
LINKS = {"gamma": 1, "weibull": 1} | dict.fromkeys(RATES, 1) | dict.fromkeys(SHARES, 2)


def log_prior(x, distribution, arguments):
    """Log density of a prior by the textbook formulas, less the log of what is left of it, the fourth argument."""
    a, b, c, left = arguments
    return -left + {
        "normal": lambda: -0.5 * ((x - a) / b) ** 2 - math.log(b * math.sqrt(2 * math.pi)),
        "student_t": lambda: (
            math.lgamma((a + 1) / 2) - math.lgamma(a / 2) - 0.5 * math.log(a * math.pi) - math.log(c)
            - (a + 1) / 2 * math.log1p(((x - b) / c) ** 2 / a)
        ),
        "cauchy": lambda: -math.log(math.pi * b * (1 + ((x - a) / b) ** 2)),
        "lognormal": lambda: -0.5 * ((math.log(x) - a) / b) ** 2 - math.log(x * b * math.sqrt(2 * math.pi)),
        "gamma": lambda: a * math.log(b) - math.lgamma(a) + (a - 1) * math.log(x) - b * x,
        "inv_gamma": lambda: a * math.log(b) - math.lgamma(a) - (a + 1) * math.log(x) - b / x,
        "exponential": lambda: math.log(a) - a * x,
        "beta": lambda: (
            math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + (a - 1) * math.log(x) + (b - 1) * math.log(1 - x)
        ),
        "logit_normal": lambda: (
            -0.5 * ((math.log(x / (1 - x)) - a) / b) ** 2 - math.log(b * math.sqrt(2 * math.pi) * x * (1 - x))
        ),
        "uniform": lambda: -math.log(b - a),
    }[distribution]()  # fmt: skip


def log_left(distribution, arguments, low, high):
    """The log of the probability of a distribution between two ends, by SciPy."""
    a, b, c = arguments
    whole = {
        "normal": lambda: stats.norm(a, b),
        "student_t": lambda: stats.t(a, b, c),
        "cauchy": lambda: stats.cauchy(a, b),
        "lognormal": lambda: stats.lognorm(b, scale=math.exp(a)),
        "gamma": lambda: stats.gamma(a, scale=1 / b),
        "inv_gamma": lambda: stats.invgamma(a, scale=b),
        "exponential": lambda: stats.expon(scale=1 / a),
        "beta": lambda: stats.beta(a, b),
        "logit_normal": lambda: stats.norm(a, b),
        "uniform": lambda: stats.uniform(a, b - a),
    }[distribution]()
    if distribution == "logit_normal":
        low, high = (logit(min(max(end, 0), 1)) for end in (low, high))
    return math.log(whole.cdf(high) - whole.cdf(low))


def log_component(y, family, location, scale, shape):
    """Log density of a continuous observation (or an array) under a component by the textbook formulas."""
    z = (y - location) / scale
    if family == "normal":
        return -0.5 * z**2 - math.log(scale * math.sqrt(2 * math.pi))
    if family == "student_t":
        half = (shape + 1) / 2
        constant = math.lgamma(half) - math.lgamma(shape / 2) - 0.5 * math.log(shape * math.pi) - math.log(scale)
        return constant - half * np.log1p(z**2 / shape)
    if family == "lognormal":
        z = (np.log(y) - location) / scale
        return -0.5 * z**2 - np.log(y * scale * math.sqrt(2 * math.pi))
    if family == "gamma":
        a, rate = scale**-2, scale**-2 / location
        return a * math.log(rate) - math.lgamma(a) + (a - 1) * np.log(y) - rate * y
    if family == "weibull":
        power = scale * (np.log(y) - math.log(location))
        return math.log(math.log(2) * scale) - np.log(y) + power - math.log(2) * np.exp(power)
    xi, omega = _direct(location, scale, shape)
    z = (y - xi) / omega
    return math.log(2) - 0.5 * z**2 - math.log(omega * math.sqrt(2 * math.pi)) + log_ndtr(shape * z)


def _direct(mean, sd, slant):
    """Location and scale of a skew normal distribution given by its mean and standard deviation."""
    delta = slant / math.sqrt(1 + slant**2)
    omega = sd / math.sqrt(1 - 2 * delta**2 / math.pi)
    return mean - omega * delta * math.sqrt(2 / math.pi), omega


def log_interval(lower, upper, family, location, scale, shape):
    """Log probability of an interval by brute force: Gauss-Legendre quadrature of the textbook density, in panels that
    shrink geometrically towards both ends and wherever the density may be largest."""
    centres = [location]
    if family in POSITIVE:
        lower = max(lower, 0.0)
    if family == "lognormal":
        centres = [math.exp(location - scale**2)]
    elif family == "gamma":
        if lower == 0 and scale > 1:  # a density without bound
            return math.log(gammainc(scale**-2, scale**-2 * upper / location))
        centres.append(location * (1 - scale**2))
    elif family == "weibull":
        if lower == 0:  # a density without bound, if the shape is below 1
            return math.log(-math.expm1(-math.log(2) * (upper / location) ** scale))
        centres.append(location * max(1 - 1 / scale, 0) ** (1 / scale))
    elif family == "skew_normal":
        centres.append(_direct(location, scale, shape)[0])
    steps = (upper - lower) * 1.4 ** -np.arange(100.0)
    around = [lower, upper, *np.clip(centres, lower, upper)]
    edges = np.unique(np.clip([x + s * steps for x in around for s in (-1, 1)], lower, upper))
    nodes, weights = np.polynomial.legendre.leggauss(20)
    widths = np.diff(edges)[:, None] / 2
    y = edges[:-1, None] + widths * (1 + nodes)
    return float(logsumexp(log_component(y, family, location, scale, shape) + np.log(widths * weights)))


def log_count(y, family, location, scale, trials, exposure):
    """Log probability of a count under a component: products written out where others have gamma functions."""
    if family in RATES:
        rate = exposure * location
        if family == "poisson":
            return y * math.log(rate) - rate - math.lgamma(y + 1)
        phi = scale**-2
        constant = _log_rising(phi, y) - math.lgamma(y + 1)
        return constant + y * math.log(rate) - (y + phi) * math.log1p(rate / phi)
    value = math.lgamma(trials + 1) - math.lgamma(y + 1) - math.lgamma(trials - y + 1)
    value += y * math.log(location) + (trials - y) * math.log1p(-location)
    if family == "beta_binomial":
        kappa = scale**-2
        value += _log_rising(location * kappa, y) + _log_rising((1 - location) * kappa, trials - y)
        value -= _log_rising(kappa, trials)
    return value


def _log_rising(a, n):
    """log of a (a + 1) ... (a + n - 1) / a^n."""
    return math.fsum(np.log1p(np.arange(n) / a))


def log_term(case, location, scale, shape):
    """Log density or probability of one observation under one component.

    `case` is a dict with family (a name), and y, trials and exposure of a count, or y or lower and upper of a value.
    """
    family = case["family"]
    if family in COUNTS:
        return log_count(case["y"], family, location, scale, case["trials"], case["exposure"])
    if "lower" in case:
        return log_interval(case["lower"], case["upper"], family, location, scale, shape)
    return float(log_component(case["y"], family, location, scale, shape))


def observations_of(data):
    """The observations of a program's data as cases of `log_term`."""
    family, half = NAMES[data["family"]], data["half_step"]
    if data["is_whole"]:
        keys = ("whole", "trials", "exposure")
        return [
            {"family": family, "y": y, "trials": trials, "exposure": exposure}
            for y, trials, exposure in zip(*(data[key] for key in keys), strict=True)
        ]
    if half:
        return [{"family": family, "lower": y - half, "upper": y + half} for y in data["y"]]
    return [{"family": family, "y": y} for y in data["y"]]


def parameters_at(data, point):
    """Weights, weight of extra zeros, and locations, scales and shapes of all components at a point."""
    components = data["K"]
    theta = point["theta_free"] if data["theta_count"] else data["theta_fixed"]
    zero = (point["zero_free"] or data["zero_fixed"] or [0.0])[0]
    line = [ORIGIN + UNIT * x for x in point["ordered_free"] + point["unordered_free"]]
    location = [between(*one) for one in zip(line, data["location_bounds"], data["location_ends"], strict=True)]
    free = {"location": location, "scale": [UNIT * x for x in point["scale_free"]], "shape": point["shape_free"]}
    placed = []
    for slot in SLOTS:
        each = zip(data[f"{slot}_place"], data[f"{slot}_fixed"], strict=True)
        placed.append([free[slot][place - 1] if place else value for place, value in each])
    assert len(theta) == components
    return theta, zero, *placed


def between(x, kind, ends):
    """A parameter between its ends from a number on the line."""
    low, high = ends
    if kind == 2:
        return low + (high - low) / (1 + math.exp(-x))
    return (x, low + math.exp(min(x, 700)), None, high - math.exp(min(-x, 700)))[kind]


def on_line(value, kind, ends):
    """The number on the line of a parameter between its ends."""
    low, high = ends
    if kind == 2:
        return math.log((value - low) / (high - value))
    return value if kind == 0 else math.log(value - low) if kind == 1 else -math.log(high - value)


def log_density(data, point):
    """Log posterior density up to Jacobians, written out with loops: the reference."""
    theta, zero, *parameters = parameters_at(data, point)
    total, cases = 0.0, iter(observations_of(data))
    for count, known, size in zip(data["count"], data["known"], sizes_of(data), strict=True):
        rows = list(itertools.islice(cases, size))
        terms = [
            math.log(t) + sum(log_term(case, *p) for case in rows) for t, *p in zip(theta, *parameters, strict=True)
        ]
        value = math.log1p(-zero) + float(logsumexp(terms[known - 1 : known] if known else terms))
        if zero and not known and rows[0]["y"] == 0:
            value = float(np.logaddexp(math.log(zero), value))
        total += count * value
    if data["theta_count"]:
        alpha = data["theta_concentration"]
        total += math.lgamma(sum(alpha)) - sum(map(math.lgamma, alpha))
        total += sum((a - 1) * math.log(t) for a, t in zip(alpha, theta, strict=True))
    names = {code: name for name, code in CODES.items()}
    for slot, values in zip((*SLOTS, "zero"), (*parameters, [zero]), strict=True):
        places = data.get(f"{slot}_place", [1])
        free = [values[places.index(i + 1)] for i in range(data[f"{slot}_count"])]
        if slot == "location" and data["of_differences"]:
            free = [free[0], *(b - a for a, b in itertools.pairwise(free))]
        for x, code, arguments in zip(free, data[f"{slot}_prior"], data[f"{slot}_arguments"], strict=True):
            total += log_prior(x, names[code], arguments)
    return total


def sizes_of(data):
    """How many rows each unit has: every group, or one where there are none."""
    return data["group_size"] or [1] * data["N"]


def without_data(data):
    """The same sampling space with no observations and plain priors: its density holds the same Jacobians."""
    plain = data | {"N": 0, "G": 0} | {key: [] for key in ("count", "known", "group_size", *COLUMNS)}
    plain["theta_concentration"] = [1.0] * len(data["theta_concentration"])
    for slot in (*SLOTS, "zero"):
        count = data[f"{slot}_count"]
        plain[f"{slot}_prior"], plain[f"{slot}_arguments"] = [CODES["normal"]] * count, [[0.0, 1.0, 0.0, 0.0]] * count
    return plain


def sample_once(executable, data, point, step=1e-14):
    """One leapfrog step of that length from a point (a dict, or 0 for the middle of the unconstrained space).

    Returns
    -------
    dict
        What the executable wrote, by its names: numbers at full precision.
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "data.json").write_text(json.dumps(data), encoding="utf-8")
        (folder / "init.json").write_text(json.dumps(without_empty(point or {})), encoding="utf-8")
        method = f"sample num_samples=1 num_warmup=0 adapt engaged=0 algorithm=hmc engine=static int_time={step}"
        init = folder / "init.json" if point else 0
        command = [executable, *method.split(), f"stepsize={step}", "data", f"file={folder / 'data.json'}"]
        command += [f"init={init}", "random", "seed=1", "output", f"file={folder / 'out.csv'}", "sig_figs=18"]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        lines = [x for x in (folder / "out.csv").read_text(encoding="utf-8").splitlines() if x and x[0] != "#"]
    return dict(zip(lines[0].split(","), map(float, lines[1].split(",")), strict=True))


def evaluate(executable, data, point):
    """Stan's log density (with Jacobians) at a point.

    Returns
    -------
    lp : float
    where : dict
        The point as Stan wrote it.
    """
    found = sample_once(executable, data, point)
    where = {name: [x for key, x in found.items() if key.startswith(f"{name}.")] for name in point}
    return found["lp__"], where


def difference(executable, data, point):
    """Stan's log density minus the reference's, each relative to the case without data; 0 for a right program."""
    lp, where = evaluate(executable, data, point)
    base, _ = evaluate(executable, without_data(data), point)
    return (lp - base) - (log_density(data, where) - log_density(without_data(data), where))


def gradients(executable, data, point):
    """Stan's gradient and its finite differences on the unconstrained scale: a DataFrame with one row each."""
    import cmdstanpy

    with contextlib.redirect_stdout(io.StringIO()):
        return cmdstanpy.CmdStanModel(exe_file=str(executable)).diagnose(
            inits=without_empty(point), data=data, require_gradients_ok=False
        )


def random_case(
    rng, components, observations, family="normal", fixed=(), shared=(), zeros=None, half_step=0.0, scale_lower=0.0,
    ordered=True, ends=None, partly=(), of_differences=False, grouped=False, **priors,
):  # fmt: skip
    """Random data and a random point for the program.

    `fixed` and `shared` name slots (theta, location, scale, shape), `zeros` is None, "free" or "fixed"; `priors` the
    distribution of a slot or of zero; `ends` where the free values of a slot lie, infinite for anywhere; `partly` names
    slots in which the first component is fixed. Every seventh unit, an observation or (`grouped`) a group, has a known
    component.
    """
    arguments = {
        "normal": [0.0, 3.0, 0.0],
        "student_t": [3.0, 0.0, 2.5],
        "cauchy": [0.0, 5.0, 0.0],
        "lognormal": [0.3, 0.7, 0.0],
        "gamma": [2.0, 0.5, 0.0],
        "inv_gamma": [3.0, 4.0, 0.0],
        "exponential": [0.4, 0.0, 0.0],
        "beta": [2.0, 3.5, 0.0],
        "logit_normal": [0.3, 1.2, 0.0],
    }
    ends = ends or {}
    link, bounded = LINKS.get(family, 0), family == "student_t"
    locations = (rng.normal(0, 4, components), rng.lognormal(1, 0.7, components), rng.uniform(0.05, 0.95, components))
    values = {
        "theta": rng.dirichlet(np.full(components, 3.0)).tolist(),
        "location": np.sort(locations[link]).tolist(),
        "scale": rng.uniform(0.5, 3, 1 if "scale" in shared else components).tolist(),
        "shape": (rng.uniform(0, 5, 1 if "shape" in shared else components) + bounded).tolist(),
    }
    if family not in SHAPED:
        values["shape"], fixed = [0.0] * components, (*fixed, "shape")
    if family in ("poisson", "binomial"):
        values["scale"], fixed = [0.0] * components, (*fixed, "scale")
    data = {
        "N": observations, "G": 0, "group_size": [], "K": components, "family": FAMILIES[family],
        "is_whole": int(family in COUNTS),
        "has_zero": int(zeros is not None), "half_step": half_step, "origin": ORIGIN,
        "of_differences": int(of_differences), "location_unit": UNIT,
        "scale_unit": UNIT, "count": rng.integers(1, 5, observations).tolist(),
        "is_ordered": int(ordered), "known": [n % components + 1 if n % 7 == 3 else 0 for n in range(observations)],
        **{key: [] for key in COLUMNS},
    }  # fmt: skip
    if grouped:
        edges = np.sort(rng.choice(np.arange(1, observations), observations // 3, replace=False))
        sizes = np.diff([0, *edges, observations])
        data |= {"G": len(sizes), "group_size": sizes.tolist()}
        data |= {key: data[key][: len(sizes)] for key in ("count", "known")}
    if family in COUNTS:
        trials = rng.integers(1, 40, observations)
        trials[1::10] = [1, 10_000, *trials[21::10]][: len(trials[1::10])]
        y = rng.binomial(trials, rng.uniform(0, 1, observations))
        if family in RATES:
            trials, y = 0 * trials, rng.poisson(rng.gamma(0.5, 8, observations))
            y[:3] = [0, 0, 500][: len(y)]
        exposure = rng.lognormal(0, 1, observations) if family in RATES else np.ones(observations)
        data |= {"whole": y.tolist(), "trials": trials.tolist(), "exposure": exposure.tolist()}
    else:
        y = rng.normal(0, 5, observations)
        if family in POSITIVE:
            y = rng.lognormal(1, 1, observations)
            y[:2] = [half_step or 0.3, 0.8 * half_step or 0.2][: len(y)]  # intervals from 0 and from below
        data["y"] = y.tolist()
    default = {"location": ("normal", "lognormal", "logit_normal")[link], "scale": "cauchy", "zero": "beta"}
    default["shape"] = "gamma" if bounded else "normal"
    values["zero"] = [rng.uniform(0.1, 0.6)]
    where = {
        "location": ((-math.inf, math.inf), (0.0, math.inf), (0.0, 1.0))[link],
        "scale": (scale_lower, math.inf),
        "shape": (1.0, math.inf) if bounded else (-math.inf, math.inf),
        "zero": (0.0, 1.0),
    } | ends
    for slot, (low, high) in ends.items():  # values inside, at places that increase as they did
        ranks = np.argsort(np.argsort(values[slot]))
        inside = (low if math.isfinite(low) else high - 5, high if math.isfinite(high) else low + 5)
        values[slot] = np.interp((ranks + 1) / (len(ranks) + 1), [0, 1], inside).tolist()
    free = {}
    for slot, value in values.items():
        count = int(zeros == "free") if slot == "zero" else 0 if slot in fixed else len(value)
        first = int(slot in partly)
        each = value * (components if len(value) == 1 else 1)
        free[slot] = value[first:] if count else []
        data[f"{slot}_count"] = count = len(free[slot])
        data[f"{slot}_fixed"] = ([] if zeros is None or count else value) if slot == "zero" else each
        if slot == "theta":
            data[f"{slot}_fixed"] = [] if count else value
            continue
        if slot != "zero":
            places = [count] * components if len(value) == 1 else [max(0, k + 1 - first) for k in range(components)]
            data[f"{slot}_place"] = places if count else [0] * components
        low, high = where[slot]
        kind = 2 if math.isfinite(low) and math.isfinite(high) else int(math.isfinite(low)) or 3 * math.isfinite(high)
        data[f"{slot}_bounds"] = [kind] * count
        data[f"{slot}_ends"] = [[end if math.isfinite(end) else 0.0 for end in (low, high)]] * count
        prior = priors.get(slot, default[slot])
        numbers = [low, high, 0.0] if prior == "uniform" else arguments[prior]
        data[f"{slot}_prior"] = [CODES[prior]] * count
        data[f"{slot}_arguments"] = [[*numbers, log_left(prior, numbers, low, high)]] * count
    data["theta_concentration"] = rng.uniform(0.5, 4, data["theta_count"]).tolist()
    line = [on_line(*one) for one in zip(free["location"], data["location_bounds"], data["location_ends"], strict=True)]
    line = [(x - ORIGIN) / UNIT for x in line]
    point = {
        "theta_free": values["theta"] if data["theta_count"] else [1.0],
        "ordered_free": line if ordered else [],
        "unordered_free": [] if ordered else line[::-1],
        "scale_free": [x / UNIT for x in free["scale"]],
        "shape_free": free["shape"],
        "zero_free": free["zero"],
    }
    return data, point


COMPONENTS = """
functions {
#include components.stanfunctions
}
data {
  int<lower=1> M;
  array[M] int family;
  array[M] int is_whole;
  array[M] int y;
  array[M] int trials;
  vector[M] exposure;
  vector[M] low;
  vector[M] high;
  matrix[M, 3] at;
  matrix[M, 3] unit;
}
parameters {
  matrix[M, 3] x;
}
transformed parameters {
  vector[M] value;
  for (m in 1:M) {
    real location = at[m, 1] + unit[m, 1] * x[m, 1];
    real scale = at[m, 2] + unit[m, 2] * x[m, 2];
    real shape = at[m, 3] + unit[m, 3] * x[m, 3];
    if (is_whole[m]) {
      value[m] = count_component_lpmf(y[m] | family[m], trials[m], exposure[m], location, scale);
    } else if (high[m] > low[m]) {
      value[m] = component_interval(low[m], high[m], family[m], location, scale, shape);
    } else {
      value[m] = component_lpdf(low[m] | family[m], location, scale, shape);
    }
  }
}
model {
  target += sum(value);
}
"""  # a program that evaluates many components at once, each with parameters of its own


def components_program(folder, place):
    """A folder with the program `COMPONENTS`, named components.stan."""
    shutil.copytree(folder, place, dirs_exist_ok=True)
    (place / "components.stan").write_text(COMPONENTS, encoding="utf-8")
    return place


def component_values(executable, cases):
    """Log densities of many cases in one program, Stan's and the reference's: two arrays.

    Parameters
    ----------
    executable : path-like
        Of the program `COMPONENTS`.
    cases : list of dict
        Each as for `log_term`, and with "at": location, scale and shape.
    """
    found = sample_once(executable, _components_data(cases, np.zeros((len(cases), 3))), 0)
    expected = [log_term(case, *case["at"]) for case in cases]
    return np.array([found[f"value.{m + 1}"] for m in range(len(cases))]), np.array(expected)


def component_slopes(executable, cases):
    """Gradients of many cases in one program, Stan's and the reference's: two arrays, a row for each case.

    Each derivative is in a unit in which a parameter has something to say, and at most 1 in size. Stan's is read from
    leapfrog steps: the first moves from x = 0 to step * momentum + step^2 / 2 * gradient.
    """
    units = np.array([_units(case) for case in cases])
    expected = np.array([_slopes(case, unit) for case, unit in zip(cases, units, strict=True)])
    larger = np.maximum(1, np.abs(expected))
    data, steps = _components_data(cases, units / larger), (1e-5, 1e-9)
    moved = []
    for step in steps:
        found = sample_once(executable, data, 0, step)
        moved.append(np.array([[found[f"x.{m + 1}.{j + 1}"] for j in range(3)] for m in range(len(cases))]) / step)
    assert moved[0].any(), "the step was rejected"
    return 2 * (moved[0] - moved[1]) / (steps[0] - steps[1]), expected / larger


def _components_data(cases, units):
    """The data of the program `COMPONENTS`."""
    return {
        "M": len(cases),
        "family": [FAMILIES[case["family"]] for case in cases],
        "is_whole": [int(case["family"] in COUNTS) for case in cases],
        "y": [case["y"] if case["family"] in COUNTS else 0 for case in cases],
        "trials": [case.get("trials", 0) for case in cases],
        "exposure": [case.get("exposure", 1.0) for case in cases],
        "low": [case.get("lower", case.get("y")) for case in cases],
        "high": [case.get("upper", case.get("y")) for case in cases],
        "at": [case["at"] for case in cases],
        "unit": units.tolist(),
    }


def _units(case):
    """How far location, scale and shape must move to matter: the sd of a component, or its distance to an end."""
    location, scale, shape = case["at"]
    family = case["family"]
    of_location = {"gamma": location * min(1.0, scale), "weibull": location * min(1.0, 1 / scale)} | dict.fromkeys(
        RATES, location
    )
    of_location |= dict.fromkeys(SHARES, location * (1 - location))
    if family == "skew_normal":  # in the tails small changes matter
        shape = max(1.0, abs(shape)) / (1 + abs(case["lower"] - location) / scale)
    return of_location.get(family, scale), scale, shape


def _slopes(case, units):
    """The derivatives of the reference in units, by central differences of eighth order."""
    family = case["family"]
    used = (True, family not in ("poisson", "binomial"), family in SHAPED)
    slopes = [0.0, 0.0, 0.0]
    for j in np.flatnonzero(used):
        for k, weight in ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280)):
            for side in (-1, 1):
                at = list(case["at"])
                at[j] += side * k * 0.01 * units[j]
                slopes[j] += side * weight * log_term(case, *at) / 0.01
    return slopes


def mutant(folder, place, file, old, new):
    """A copy of the Stan programs in which one piece of text is replaced."""
    shutil.copytree(folder, place, dirs_exist_ok=True)
    (place / file).write_text(replaced(folder, file, old, new), encoding="utf-8")
    return place


def replaced(folder, file, old, new):
    """The text of a file with one piece replaced."""
    text = (Path(folder) / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} does not hold {old!r} just once; the mutant must be written anew"
    return text.replace(old, new)


def mutants(folder, place, changes):
    """Many mutants in one program, to compile once: data with `mutant` = i choose the i-th; 0 leaves it as it is.

    Parameters
    ----------
    folder, place : path-like
        Where the programs are, and where the copy shall be.
    changes : list of (file, old, new)
        Pieces of functions/mixture.stanfunctions or of the model block of univariate.stan to replace.
    """
    shutil.copytree(folder, place, dirs_exist_ok=True)
    mixture, likelihood, program = (
        "functions/mixture.stanfunctions",
        "functions/likelihood.stanfunctions",
        "univariate.stan",
    )
    specification, call = ((Path(folder) / file).read_text(encoding="utf-8") for file in (mixture, likelihood))
    head, block = (Path(folder) / program).read_text(encoding="utf-8").split("\nmodel {")
    specifications, calls, blocks = [specification], [call], [block]
    for i, (file, old, new) in enumerate(changes, 1):
        text = replaced(folder, file, old, new)
        if file == mixture:
            specifications.append(re.sub(r"\b((?:count_)?mixture)_lp", rf"\1_{i}_lp", text))
            numbered = re.sub(r"\b((?:count_)?mixture)_lp", rf"\1_{i}_lp", call)
            calls.append(numbered.replace("log_likelihood(", f"log_likelihood_{i}("))
            blocks.append(block.replace("log_likelihood(", f"log_likelihood_{i}("))
        else:
            blocks.append(text.split("\nmodel {")[1])
    chosen = "\n".join(f"if (mutant == {i}) {{{block}" for i, block in enumerate(blocks))
    head = head.replace("\ndata {", "\ndata {\n  int mutant;")
    (place / mixture).write_text("\n".join(specifications), encoding="utf-8")
    (place / likelihood).write_text("\n".join(calls), encoding="utf-8")
    (place / program).write_text(f"{head}\nmodel {{\n{chosen}\n}}\n", encoding="utf-8")
    return place
