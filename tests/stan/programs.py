"""Evaluating Stan programs at given points, for the tests of densities and of their mutants."""

import contextlib
import io
import math
import shutil

import numpy as np

CENTRE, SCALE = 3.0, 2.5  # of the sampler's unit; any would do
NEVER = {
    "centre": CENTRE,
    "scale": SCALE,
    "theta_is_fixed": 0,
    "mu_is_fixed": 0,
    "sigma_is_fixed": 0,
    "sigma_is_shared": 0,
}
CODES = {"normal": 1, "student_t": 2, "cauchy": 3, "lognormal": 4, "gamma": 5, "inv_gamma": 6, "exponential": 7}


def log_prior(x, distribution, arguments, positive):
    """Log density of a prior by the textbook formulas, cut at 0 on positive parameters."""
    a, b, c = (*arguments, math.nan, math.nan)[:3]
    if distribution == "normal":
        upper = 0.5 * math.erfc(-a / b / math.sqrt(2))
        value = -0.5 * ((x - a) / b) ** 2 - math.log(b * math.sqrt(2 * math.pi))
    elif distribution == "cauchy":
        upper = 0.5 + math.atan(a / b) / math.pi
        value = -math.log(math.pi * b * (1 + ((x - a) / b) ** 2))
    elif distribution == "student_t":
        upper = 0.5  # tested at location 0 where it is cut
        value = math.lgamma((a + 1) / 2) - math.lgamma(a / 2) - 0.5 * math.log(a * math.pi) - math.log(c)
        value -= (a + 1) / 2 * math.log1p(((x - b) / c) ** 2 / a)
    else:
        upper = 1
        value = {
            "lognormal": lambda: -0.5 * ((math.log(x) - a) / b) ** 2 - math.log(x * b * math.sqrt(2 * math.pi)),
            "gamma": lambda: a * math.log(b) - math.lgamma(a) + (a - 1) * math.log(x) - b * x,
            "inv_gamma": lambda: a * math.log(b) - math.lgamma(a) - (a + 1) * math.log(x) - b / x,
            "exponential": lambda: math.log(a) - a * x,
        }[distribution]()
    return value - (math.log(upper) if positive else 0)


def log_density(data, point):
    """Log posterior density up to Jacobians, written out with loops and no library: the reference."""
    components = data["K"]
    theta = data["theta_fixed"] if data["theta_is_fixed"] else point["theta_free"]
    mu = data["mu_fixed"] if data["mu_is_fixed"] else [CENTRE + SCALE * x for x in point["mu_free"]]
    sigma = data["sigma_fixed"] if data["sigma_is_fixed"] else [SCALE * x for x in point["sigma_free"]]
    sigma = list(sigma) * components if len(sigma) == 1 else sigma
    total = 0.0
    for y in data["y"]:
        terms = [
            math.log(theta[k]) - 0.5 * ((y - mu[k]) / sigma[k]) ** 2 - math.log(sigma[k] * math.sqrt(2 * math.pi))
            for k in range(components)
        ]
        largest = max(terms)
        total += largest + math.log(math.fsum(math.exp(term - largest) for term in terms))
    if not data["theta_is_fixed"]:
        alpha = data["theta_concentration"]
        total += math.lgamma(sum(alpha)) - sum(map(math.lgamma, alpha))
        total += sum((a - 1) * math.log(t) for a, t in zip(alpha, theta, strict=True))
    names = {code: name for name, code in CODES.items()}
    for parameter, values, positive in (("mu", mu, 0), ("sigma", sigma, 1)):
        if not data[f"{parameter}_is_fixed"]:
            count = len(data[f"{parameter}_prior"])
            for x, code, arguments in zip(
                values[:count], data[f"{parameter}_prior"], data[f"{parameter}_arguments"], strict=True
            ):
                total += log_prior(x, names[code], arguments, positive)
    return total


def without_data(data):
    """The same sampling space with no observations and plain priors: its density holds the same Jacobians."""
    plain = data | {"N": 0, "y": []}
    plain["theta_concentration"] = [1.0] * len(data["theta_concentration"])
    plain["mu_prior"], plain["mu_arguments"] = [1] * len(data["mu_prior"]), [[0.0, 1.0, 0.0]] * len(data["mu_prior"])
    count = len(data["sigma_prior"])
    plain["sigma_prior"], plain["sigma_arguments"] = [7] * count, [[1.0, 0.0, 0.0]] * count
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
    where = {name: np.ravel(values[0]).tolist() for name, values in fit.stan_variables().items() if name in point}
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
        return cmdstanpy.CmdStanModel(exe_file=str(executable)).diagnose(inits=point, data=data)


def random_case(rng, components, observations, fixed=(), shared=False, sigma_prior="cauchy", mu_prior="normal"):
    """Random data and a random point for the program of continuous observations."""
    arguments = {
        "normal": [0.0, 3.0, 0.0],
        "student_t": [3.0, 0.0, 2.5],
        "cauchy": [0.0, 5.0, 0.0],
        "lognormal": [0.3, 0.7, 0.0],
        "gamma": [2.0, 0.5, 0.0],
        "inv_gamma": [3.0, 4.0, 0.0],
        "exponential": [0.4, 0.0, 0.0],
    }
    theta = rng.dirichlet(np.full(components, 3.0)).tolist()
    mu = np.sort(rng.normal(0, 4, components)).tolist()
    sigma = rng.uniform(0.5, 3, 1 if shared else components).tolist()
    free = {name for name in ("theta", "mu", "sigma") if name not in fixed}
    count = len(sigma)
    data = NEVER | {f"{name}_is_fixed": int(name in fixed) for name in ("theta", "mu", "sigma")}
    data |= {
        "N": observations,
        "K": components,
        "y": rng.normal(0, 5, observations).tolist(),
        "sigma_is_shared": int(shared),
        "theta_fixed": theta if "theta" in fixed else [],
        "mu_fixed": mu if "mu" in fixed else [],
        "sigma_fixed": sigma if "sigma" in fixed else [],
        "theta_concentration": rng.uniform(0.5, 4, components).tolist() if "theta" in free else [],
        "mu_prior": [CODES[mu_prior]] * components if "mu" in free else [],
        "mu_arguments": [arguments[mu_prior]] * components if "mu" in free else [],
        "sigma_prior": [CODES[sigma_prior]] * count if "sigma" in free else [],
        "sigma_arguments": [arguments[sigma_prior]] * count if "sigma" in free else [],
    }
    point = {
        "theta_free": theta if "theta" in free else [1.0],
        "mu_free": [(x - CENTRE) / SCALE for x in mu] if "mu" in free else [],
        "sigma_free": [x / SCALE for x in sigma] if "sigma" in free else [],
    }
    return data, point


def mutant(folder, place, file, old, new):
    """A copy of the Stan programs in which one piece of text is replaced."""
    shutil.copytree(folder, place, dirs_exist_ok=True)
    text = (place / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} does not hold {old!r} just once; the mutant must be written anew"
    (place / file).write_text(text.replace(old, new), encoding="utf-8")
    return place
