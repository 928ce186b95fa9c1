"""Evaluating Stan programs at given points, for the tests of densities and of their mutants."""

import contextlib
import io
import math
import shutil

import numpy as np
from scipy.special import log_ndtr

SLOTS = ("location", "scale", "shape")

ORIGIN, UNIT = 0.5, 2.5  # what the sampler works in; any would do
CODES = {"normal": 1, "student_t": 2, "cauchy": 3, "lognormal": 4, "gamma": 5, "inv_gamma": 6, "exponential": 7}


FAMILIES = {"normal": 1, "student_t": 2, "lognormal": 3, "gamma": 4, "skew_normal": 5}


def log_prior(x, distribution, arguments, lower):
    """Log density of a prior by the textbook formulas, cut where the parameter ends (0, 1 or nowhere)."""
    a, b, c = (*arguments, math.nan, math.nan)[:3]
    if distribution == "normal":
        inside = 0.5 * math.erfc(((lower or 0) - a) / b / math.sqrt(2))
        value = -0.5 * ((x - a) / b) ** 2 - math.log(b * math.sqrt(2 * math.pi))
    elif distribution == "cauchy":
        inside = 0.5 - math.atan(((lower or 0) - a) / b) / math.pi
        value = -math.log(math.pi * b * (1 + ((x - a) / b) ** 2))
    elif distribution == "student_t":
        inside = 0.5  # tested at location 0 where it is cut
        value = math.lgamma((a + 1) / 2) - math.lgamma(a / 2) - 0.5 * math.log(a * math.pi) - math.log(c)
        value -= (a + 1) / 2 * math.log1p(((x - b) / c) ** 2 / a)
    else:
        inside = 1
        value = {
            "lognormal": lambda: -0.5 * ((math.log(x) - a) / b) ** 2 - math.log(x * b * math.sqrt(2 * math.pi)),
            "gamma": lambda: a * math.log(b) - math.lgamma(a) + (a - 1) * math.log(x) - b * x,
            "inv_gamma": lambda: a * math.log(b) - math.lgamma(a) - (a + 1) * math.log(x) - b / x,
            "exponential": lambda: math.log(a) - a * x,
        }[distribution]()
        if lower == 1:  # only gamma(2, b) is cut inside its support here
            assert (distribution, a) == ("gamma", 2)
            inside = (1 + b) * math.exp(-b)
    return value - (0 if lower is None else math.log(inside))


def log_component(y, family, location, scale, shape):
    """Log density of an observation under a component by the textbook formulas."""
    z = (y - location) / scale
    if family == "normal":
        return -0.5 * z**2 - math.log(scale * math.sqrt(2 * math.pi))
    if family == "student_t":
        half = (shape + 1) / 2
        constant = math.lgamma(half) - math.lgamma(shape / 2) - 0.5 * math.log(shape * math.pi) - math.log(scale)
        return constant - half * math.log1p(z**2 / shape)
    if family == "lognormal":
        z = (math.log(y) - location) / scale
        return -0.5 * z**2 - math.log(y * scale * math.sqrt(2 * math.pi))
    if family == "gamma":
        a, rate = scale**-2, scale**-2 / location
        return a * math.log(rate) - math.lgamma(a) + (a - 1) * math.log(y) - rate * y
    delta = shape / math.sqrt(1 + shape**2)  # skew normal by its mean and sd
    omega = scale / math.sqrt(1 - 2 * delta**2 / math.pi)
    z = (y - location) / omega + delta * math.sqrt(2 / math.pi)
    below = float(log_ndtr(shape * z))
    return math.log(2) - 0.5 * z**2 - math.log(omega * math.sqrt(2 * math.pi)) + below


def parameters_at(data, point):
    """Weights, locations, scales and shapes of all components at a point of the sampler's space."""
    components = data["K"]
    theta = point["theta_free"] if data["theta_count"] else data["theta_fixed"]
    location = [ORIGIN + UNIT * x for x in point["location_free"]] or data["location_fixed"]
    if data["location_is_positive"] and data["location_count"]:
        location = [math.exp(x) for x in location]
    scale = [UNIT * x for x in point["scale_free"]] or data["scale_fixed"]
    shape = point["shape_free"] or data["shape_fixed"]
    return theta, location, *(list(x) * components if len(x) == 1 else x for x in (scale, shape))


def log_density(data, point):
    """Log posterior density up to Jacobians, written out with loops: the reference."""
    family = {number: name for name, number in FAMILIES.items()}[data["family"]]
    theta, *parameters = parameters_at(data, point)
    total = 0.0
    for y in data["y"]:
        terms = [math.log(t) + log_component(y, family, *p) for t, *p in zip(theta, *parameters, strict=True)]
        largest = max(terms)
        total += largest + math.log(math.fsum(math.exp(term - largest) for term in terms))
    if data["theta_count"]:
        alpha = data["theta_concentration"]
        total += math.lgamma(sum(alpha)) - sum(map(math.lgamma, alpha))
        total += sum((a - 1) * math.log(t) for a, t in zip(alpha, theta, strict=True))
    names = {code: name for name, code in CODES.items()}
    ends = (0 if data["location_is_positive"] else None, 0, 1 if data["shape_is_bounded"] else None)
    for slot, values, lower in zip(SLOTS, parameters, ends, strict=True):
        count = data[f"{slot}_count"]
        for x, code, arguments in zip(values[:count], data[f"{slot}_prior"], data[f"{slot}_arguments"], strict=True):
            total += log_prior(x, names[code], arguments, lower)
    return total


def without_data(data):
    """The same sampling space with no observations and plain priors: its density holds the same Jacobians."""
    plain = data | {"N": 0, "y": []}
    plain["theta_concentration"] = [1.0] * len(data["theta_concentration"])
    positive = {"location": data["location_is_positive"], "scale": 1, "shape": 0}
    for slot in SLOTS:
        count = data[f"{slot}_count"]
        code, arguments = ("exponential", [1.0, 0.0, 0.0]) if positive[slot] else ("normal", [0.0, 1.0, 0.0])
        plain[f"{slot}_prior"], plain[f"{slot}_arguments"] = [CODES[code]] * count, [arguments] * count
    return plain


def evaluate(executable, data, point):
    """Stan's log density (with Jacobians) at a point: one sampler step of no length, at full precision.

    Returns
    -------
    lp : float
    where : dict
        The point as Stan wrote it.
    """
    import cmdstanpy

    fit = cmdstanpy.CmdStanModel(exe_file=str(executable)).sample(
        data=data, inits=point, chains=1, iter_warmup=0, iter_sampling=1, adapt_engaged=False, step_size=1e-14,
        max_treedepth=1, seed=1, sig_figs=18, show_progress=False,
    )  # fmt: skip
    found = fit.stan_variables()
    where = {name: np.ravel(found[name][0]).tolist() if name in found else [] for name in point}
    return float(fit.method_variables()["lp__"][0, 0]), where


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
            inits=point, data=data, require_gradients_ok=False
        )


def random_case(rng, components, observations, family="normal", fixed=(), shared=(), **priors):
    """Random data and a random point for the program of continuous observations.

    `fixed` and `shared` name slots (theta, location, scale, shape); `priors` the distribution of a slot.
    """
    arguments = {
        "normal": [0.0, 3.0, 0.0],
        "student_t": [3.0, 0.0, 2.5],
        "cauchy": [0.0, 5.0, 0.0],
        "lognormal": [0.3, 0.7, 0.0],
        "gamma": [2.0, 0.5, 0.0],
        "inv_gamma": [3.0, 4.0, 0.0],
        "exponential": [0.4, 0.0, 0.0],
    }
    positive, bounded = family == "gamma", family == "student_t"
    values = {
        "theta": rng.dirichlet(np.full(components, 3.0)).tolist(),
        "location": np.sort(rng.lognormal(1, 0.7, components) if positive else rng.normal(0, 4, components)).tolist(),
        "scale": rng.uniform(0.5, 3, 1 if "scale" in shared else components).tolist(),
        "shape": (rng.uniform(0, 5, 1 if "shape" in shared else components) + bounded).tolist(),
    }
    if family not in ("student_t", "skew_normal"):
        values["shape"], fixed = [0.0] * components, (*fixed, "shape")
    y = rng.lognormal(1, 1, observations) if family in ("gamma", "lognormal") else rng.normal(0, 5, observations)
    data = {
        "N": observations, "K": components, "y": y.tolist(), "family": FAMILIES[family],
        "location_is_positive": int(positive), "shape_is_bounded": int(bounded), "shape_lower": float(bounded),
        "origin": ORIGIN, "location_unit": UNIT, "scale_unit": UNIT,
    }  # fmt: skip
    default = {"location": "lognormal" if positive else "normal", "scale": "cauchy"}
    default["shape"] = "gamma" if bounded else "normal"
    for slot, value in values.items():
        count = 0 if slot in fixed else len(value)
        data[f"{slot}_count"] = count
        data[f"{slot}_fixed"] = [] if count else (value * components if len(value) == 1 else value)
        if slot != "theta":
            prior = priors.get(slot, default[slot])
            data[f"{slot}_prior"] = [CODES[prior]] * count
            data[f"{slot}_arguments"] = [arguments[prior]] * count
    data["theta_concentration"] = rng.uniform(0.5, 4, data["theta_count"]).tolist()
    location = np.log(values["location"]) if positive else np.array(values["location"])
    point = {
        "theta_free": values["theta"] if data["theta_count"] else [1.0],
        "location_free": ((location - ORIGIN) / UNIT).tolist() if data["location_count"] else [],
        "scale_free": [x / UNIT for x in values["scale"]] if data["scale_count"] else [],
        "shape_free": values["shape"] if data["shape_count"] else [],
    }
    return data, point


def mutant(folder, place, file, old, new):
    """A copy of the Stan programs in which one piece of text is replaced."""
    shutil.copytree(folder, place, dirs_exist_ok=True)
    text = (place / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} does not hold {old!r} just once; the mutant must be written anew"
    (place / file).write_text(text.replace(old, new), encoding="utf-8")
    return place
