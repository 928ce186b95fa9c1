"""The program of several columns: density and gradient against SciPy, prior and posterior against exact answers."""

import itertools
import shutil

import numpy as np
import programs
import pytest
from scipy import special, stats

EXACT = 1e-8  # of some hundreds of nats
CASES = {
    "own": {"components": 3, "columns": 3},
    "own ordered": {"components": 3, "columns": 3, "order": 2},
    "own diagonal": {"components": 2, "columns": 4, "matrices": 0},
    "own diagonal ordered": {"components": 2, "columns": 4, "matrices": 0, "order": 1},
    "shared": {"components": 3, "columns": 2, "sds": 1, "matrices": 1, "order": 1},
    "shared sds": {"components": 2, "columns": 3, "sds": 1},
    "shared correlations": {"components": 2, "columns": 3, "matrices": 1, "order": 3},
    "shared diagonal": {"components": 4, "columns": 2, "sds": 1, "matrices": 0},
    "one component": {"components": 1, "columns": 2},
    "fixed weights": {"components": 3, "columns": 2, "order": 2, "fixed": True},
}
FREE = {
    "own": 2 + 9 + 9 + 9, "own ordered": 29, "own diagonal": 1 + 8 + 8, "own diagonal ordered": 17,
    "shared": 2 + 6 + 2 + 1, "shared sds": 1 + 6 + 3 + 6, "shared correlations": 1 + 6 + 6 + 3,
    "shared diagonal": 3 + 8 + 2, "one component": 2 + 2 + 1, "fixed weights": 6 + 6 + 3,
}  # fmt: skip
ORIGIN, UNIT = np.array([0.5, -2.0, 3.0, 10.0]), np.array([1.0, 2.5, 0.3, 4.0])
NORMAL, LOGNORMAL, EXPONENTIAL = 1, 4, 7  # numbers of the distributions in the programs


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "kernel"])
def executable(compiled, root, request):
    return compiled(root / "stan", "multivariate", request.param)


def random_case(seed, components, columns, sds=None, matrices=None, order=0, fixed=False, observations=30):
    """Random data and a random point: the program's data, its starting values, and the point as SciPy wants it."""
    rng = np.random.default_rng(seed)
    sds, matrices = (components if value is None else value for value in (sds, matrices))
    origin, unit = ORIGIN[:columns], UNIT[:columns]
    theta = rng.dirichlet(np.full(components, 3.0))
    mu = origin + unit * rng.normal(0, 2, (components, columns))
    if order:
        mu[:, order - 1].sort()
    lower = unit * rng.choice([0.0, 0.05], columns)
    sigma = lower + unit * rng.uniform(0.2, 2, (sds, columns))
    factors = [
        np.linalg.cholesky(stats.random_correlation.rvs(eigenvalues(rng, columns), rng)) for _ in range(matrices)
    ]
    z = (mu - origin) / unit
    point = {
        "theta_free": [1.0] if fixed else theta.tolist(),
        "ordered_free": z[:, order - 1].tolist() if order else [],
        "mu_free": (np.delete(z, order - 1, axis=1) if order else z).tolist(),
        "sigma_free": ((sigma - lower) / unit).tolist(),
        "factor_free": [factor.tolist() for factor in factors],
    }
    data = {
        "N": observations,
        "D": columns,
        "K": components,
        "theta_count": 0 if fixed else components,
        "sigma_count": sds,
        "correlation_count": matrices,
        "order": order,
        "G": 0,
        "group_size": [],
        "count": rng.integers(1, 5, observations).tolist(),
        "known": rng.choice([0, 0, 0, components], observations).tolist(),
        "y": (origin[:, None] + unit[:, None] * rng.normal(0, 2, (columns, observations))).tolist(),
        "origin": origin.tolist(),
        "unit": unit.tolist(),
        "theta_fixed": theta.tolist() if fixed else [],
        "sigma_lower": lower.tolist(),
        "thinnest": [0.0] * columns,
        "theta_concentration": [] if fixed else rng.uniform(0.5, 4, components).tolist(),
        "mu_prior": [[NORMAL] * components] * columns,
        "mu_arguments": [[[rng.normal(), 3.0, 0.0, 0.0] for _ in range(components)] for _ in range(columns)],
        "sigma_prior": [[LOGNORMAL] * sds] * columns,
        "sigma_arguments": [[above(rng.normal(0, 0.3), 0.7, low) for _ in range(sds)] for low in lower],
        "correlation_shape": rng.uniform(1, 4, matrices).tolist(),
    }
    return data, point, {"theta": theta, "mu": mu, "sigma": sigma, "factors": factors}


def above(meanlog, sdlog, low):
    """A lognormal prior cut at a number, as a row of the program's table."""
    return [meanlog, sdlog, 0.0, float(stats.lognorm(sdlog, scale=np.exp(meanlog)).logsf(low))]


def eigenvalues(rng, columns):
    values = rng.dirichlet(np.full(columns, 2.0)) * columns
    return values / values.sum() * columns


def log_likelihood(data, at):
    """Log likelihood by SciPy, with a loop over groups (or observations) and components."""
    components, total, rows = data["K"], 0.0, iter(np.transpose(data["y"]))
    for count, known, size in zip(data["count"], data["known"], programs.sizes_of(data), strict=True):
        y, terms = np.array(list(itertools.islice(rows, size))), []
        for k in range(components):
            sigma = at["sigma"][k % len(at["sigma"])]
            factor = at["factors"][k % len(at["factors"])] if at["factors"] else np.eye(len(sigma))
            covariance = np.outer(sigma, sigma) * (factor @ factor.T)
            logs = stats.multivariate_normal(at["mu"][k], covariance).logpdf(y)
            terms.append(np.log(at["theta"][k]) + np.sum(logs))
        total += count * (terms[known - 1] if known else special.logsumexp(terms))
    return total


def log_lkj(factor, shape):
    """Log density of an LKJ distribution seen from the Cholesky factor (Lewandowski, Kurowicka & Joe 2009, eq. 16)."""
    d = len(factor)
    constant = 0.0
    for k in range(1, d):
        a = shape + (d - k - 1) / 2
        constant += (2 * shape - 2 + d - k) * (d - k) * np.log(2) + (d - k) * special.betaln(a, a)
    rows = np.arange(2, d + 1)
    return ((d - rows + 2 * (shape - 1)) * np.log(np.diagonal(factor)[1:])).sum() - constant


def log_prior(data, at):
    total = 0.0
    if data["theta_count"]:
        total += stats.dirichlet(data["theta_concentration"]).logpdf(at["theta"])
    for d in range(data["D"]):
        for k, (location, scale, *_) in enumerate(data["mu_arguments"][d]):
            total += stats.norm(location, scale).logpdf(at["mu"][k, d])
        for k, (first, second, _, left) in enumerate(data["sigma_arguments"][d]):
            prior = stats.lognorm(second, scale=np.exp(first))
            if data["sigma_prior"][d][k] == EXPONENTIAL:
                prior = stats.expon(scale=1 / first)
            total += prior.logpdf(at["sigma"][k, d]) - left
    return total + sum(log_lkj(f, shape) for f, shape in zip(at["factors"], data["correlation_shape"], strict=True))


def without_data(data):
    """The same space with no observations and plain priors: its density holds the same Jacobians."""
    components, sds, columns = data["K"], data["sigma_count"], data["D"]
    return data | {
        "N": 0,
        "G": 0,
        "group_size": [],
        "count": [],
        "known": [],
        "y": [[] for _ in range(columns)],
        "theta_concentration": [1.0] * data["theta_count"],
        "mu_arguments": [[[0.0, 1.0, 0.0, 0.0]] * components] * columns,
        "sigma_prior": [[EXPONENTIAL] * sds] * columns,
        "sigma_arguments": [[[1.0, 0.0, 0.0, 0.0]] * sds] * columns,
        "correlation_shape": [1.0] * data["correlation_count"],
    }


def difference(executable, data, point, at):
    """Stan's log density minus the reference's, each relative to the case without data; 0 for a right program."""
    base = without_data(data)
    found = programs.evaluate(executable, data, point)[0] - programs.evaluate(executable, base, point)[0]
    return found - (log_likelihood(data, at) + log_prior(data, at) - log_prior(base, at))


@pytest.mark.parametrize("name", CASES)
def test_density_is_that_of_scipy(executable, name):
    for seed in (1, 2):
        assert difference(executable, *random_case(seed, **CASES[name])) == pytest.approx(0, abs=EXACT)


@pytest.mark.parametrize("name", CASES)
def test_gradient_is_that_of_finite_differences(executable, name):
    data, point, at = random_case(3, **CASES[name])
    table = programs.gradients(executable, data, point)
    assert len(table) == FREE[name]
    # CmdStan prints six digits, and its differences of step 1e-6 lose about as many.
    size = max(1.0, abs(log_likelihood(data, at)) / 100)
    np.testing.assert_allclose(table["model"], table["finite_diff"], rtol=2e-5, atol=2e-5 * size)


@pytest.mark.parametrize("name", CASES)
def test_rows_of_a_group_have_one_membership(executable, name):
    data, point, at = random_case(6, **CASES[name])
    sizes = [1, 4, 2, data["N"] - 7]
    data |= {"G": 4, "group_size": sizes, "count": [2, 1, 3, 1], "known": [0, data["K"], 0, 0]}
    assert difference(executable, data, point, at) == pytest.approx(0, abs=EXACT)
    size = max(1.0, abs(log_likelihood(data, at)) / 100)
    table = programs.gradients(executable, data, point)
    np.testing.assert_allclose(table["model"], table["finite_diff"], rtol=2e-5, atol=2e-5 * size)


def test_density_is_right_far_from_all_components(executable):
    data, point, at = random_case(4, components=2, columns=2, observations=3)
    data["y"] = [[-4000.0, 0.0, 1e5], [1e5, -3000.0, 2e5]]
    expected = log_likelihood(data, at)
    assert difference(executable, data, point, at) == pytest.approx(0, abs=1e-12 * abs(expected))


SUM = "total += count[u] * (known[u] > 0 ? of_unit[known[u]] : log_sum_exp(of_unit));"
CHANGES = {
    "no weights": ("of_unit = log_theta';", "of_unit = rep_row_vector(0, cols(terms));"),
    "one membership for all rows": (SUM, "total = log_sum_exp(log_theta' + count' * terms);"),
    "rows count once": (SUM, SUM.replace("count[u] * ", "")),
    "nothing is known": (SUM, "total += count[u] * log_sum_exp(of_unit);"),
    "no determinant": ("log_height -= sum(log(diagonal(correlation_factor)));", ""),
    "first correlation for all": ("factor[size(factor) == 1 ? 1 : k]", "factor[1]"),
}


@pytest.fixture(scope="module")
def mutants(compiled, root, tmp_path_factory):
    """All mutants in one program, to compile once: data with `mutant` = i choose the i-th, 0 leaves it as it is."""
    place = tmp_path_factory.mktemp("mutants") / "stan"
    shutil.copytree(root / "stan", place)
    functions, program = place / "functions/multivariate.stanfunctions", place / "multivariate.stan"
    marginal = place / "functions/marginal.stanfunctions"
    text, call = (
        marginal.read_text() + functions.read_text(),
        "target += multivariate_mixture_lpdf(y | count, known, group_size, log(theta), mu, sigma, factor_free);",
    )
    copies, calls = [text], [f"if (mutant == 0) {{ {call} }}"]
    for i, (old, new) in enumerate(CHANGES.values(), 1):
        assert text.count(old) == 1, f"the program does not hold {old!r} just once; the mutant must be written anew"
        only = text[: text.rindex("/**")].replace(old, new).replace("marginal(", f"marginal_{i}(")
        copies.append(only.replace("multivariate_mixture_lpdf", f"multivariate_mixture_{i}_lpdf"))
        calls.append(f"if (mutant == {i}) {{ {call.replace('mixture_', f'mixture_{i}_')} }}")
    functions.write_text("\n".join(copies))
    marginal.write_text("")
    whole = program.read_text()
    assert whole.count(call) == 1
    program.write_text(whole.replace(call, "\n".join(calls)).replace("data {", "data {\n  int mutant;", 1))
    return compiled(place, "multivariate", kernel=False)


def test_mutants_of_the_likelihood_are_found(mutants):
    data, point, at = random_case(5, **CASES["own ordered"])
    assert difference(mutants, data | {"mutant": 0}, point, at) == pytest.approx(0, abs=EXACT)
    for i, name in enumerate(CHANGES, 1):
        assert abs(difference(mutants, data | {"mutant": i}, point, at)) > 0.1, name


def sample(executable, data, point, draws=2000, chains=4):
    import cmdstanpy

    fit = cmdstanpy.CmdStanModel(exe_file=str(executable)).sample(
        data=data, inits=programs.without_empty(point), chains=chains, iter_warmup=1000, iter_sampling=draws, seed=1,
        adapt_delta=0.95, show_progress=False,
    )  # fmt: skip
    return {name: values.reshape(chains, draws, *values.shape[1:]) for name, values in fit.stan_variables().items()}


def agrees(values, expected, errors=4.5):
    """Whether the mean of draws (chains, draws) is an expected number, to so many Monte Carlo errors."""
    from stanmix.fits.inference import statistics_of

    found = statistics_of(np.asarray(values, float))
    assert found["r_hat"] < 1.02
    return abs(found["mean"] - expected) < errors * found["mcse_mean"]


def test_prior_alone_is_in_order_and_has_the_correlations_of_lkj(executable):
    data, point, _ = random_case(6, components=3, columns=3, order=2)
    data |= without_data(data) | {"correlation_shape": [2.0] * 3}
    found = sample(executable, data, point)
    assert (np.diff(found["mu"][:, :, :, 1], axis=2) > 0).all()
    assert (np.diff(found["mu"][:, :, :, 0], axis=2) < 0).any()
    lowest = -1.5 / np.sqrt(np.pi)  # expected smallest of three standard normal variables
    assert agrees(found["mu"][:, :, 0, 1], lowest)
    assert agrees(found["mu"][:, :, 2, 1], -lowest)
    assert agrees(found["mu"][:, :, 1, 0], 0)
    for i, j in ((1, 0), (2, 0), (2, 1)):
        # each correlation is 2 b - 1 with b ~ beta(eta - 1 + D/2, the same)
        assert agrees(found["correlation"][:, :, 0, i, j], 0)
        assert agrees(found["correlation"][:, :, 1, i, j] ** 2, 1 / 6)


def test_components_stay_thicker_than_the_limits(executable):
    data, point, _ = random_case(7, components=2, columns=3)
    data |= without_data(data) | {"thinnest": [0.5, 0.0, 0.4], "sigma_lower": [0.0] * 3, "unit": [1.0] * 3}
    point["sigma_free"] = [[2.0] * 3] * 2
    point["factor_free"] = [np.eye(3).tolist()] * 2
    found = sample(executable, data, point, draws=500)
    sds = found["sigma"][:, :, :, :, None] * found["sigma"][:, :, :, None, :]
    precision = np.linalg.inv(found["correlation"] * sds)
    thickness = 1 / np.sqrt(np.diagonal(precision, axis1=-2, axis2=-1))
    assert thickness[..., 0].min() > 0.5
    assert thickness[..., 2].min() > 0.4
    assert thickness[..., 1].min() < 0.2
    assert thickness[..., 0].min() < 0.55  # the limit is where it is said to be


ROWS = np.array([[0.1, 0.3], [0.6, 0.4], [0.9, 1.3], [2.4, 1.9], [3.1, 3.3], [2.0, 3.0]])
CENTRE, WIDTH, MEANLOG, SDLOG, SHAPE, CONCENTRATION = 1.5, 1.5, -0.3, 0.4, 2.0, 2.0


def covariances(log1, log2, r):
    """Covariance matrices of two columns from the logs of their sds and their correlation, shape (..., 2, 2)."""
    s1, s2 = np.exp(log1), np.exp(log2)
    return np.stack([np.stack([s1 * s1, r * s1 * s2], -1), np.stack([r * s1 * s2, s2 * s2], -1)], -2)


def marginal(rows):
    """Evidence of rows that belong to one component, and the posterior mean of its mu, by quadrature over the rest.

    mu is integrated out exactly; the logs of both standard deviations and the correlation are on a grid.
    """
    z, weight = np.polynomial.hermite_e.hermegauss(24)
    logs, weight = MEANLOG + SDLOG * z, weight / weight.sum()
    rho, rho_weight = special.roots_jacobi(24, SHAPE - 1, SHAPE - 1)
    grid = [axis.ravel() for axis in np.meshgrid(logs, logs, rho)]
    weights = np.prod([axis.ravel() for axis in np.meshgrid(weight, weight, rho_weight / rho_weight.sum())], axis=0)
    precision = np.linalg.inv(covariances(*grid))
    posterior = len(rows) * precision + np.eye(2) / WIDTH**2
    at = np.linalg.solve(posterior, (precision @ rows.sum(axis=0) + CENTRE / WIDTH**2)[..., None])[..., 0]
    residual = rows[None] - at[:, None]
    log = -0.5 * np.einsum("gni,gij,gnj->g", residual, precision, residual)
    log += len(rows) * (0.5 * np.log(np.linalg.det(precision)) - np.log(2 * np.pi))
    log -= 0.5 * ((at - CENTRE) ** 2).sum(axis=1) / WIDTH**2
    log -= np.log(WIDTH**2) + 0.5 * np.log(np.linalg.det(posterior))
    parts = weights * np.exp(log)
    return parts.sum(), parts @ at / parts.sum()


def test_evidence_by_quadrature_is_that_of_a_fine_grid():
    logs = np.linspace(MEANLOG - 6 * SDLOG, MEANLOG + 6 * SDLOG, 81)
    rho = np.linspace(-1, 1, 401)[1:-1]
    grid = np.meshgrid(logs, logs, rho)
    prior = stats.norm(MEANLOG, SDLOG).pdf(grid[0]) * stats.norm(MEANLOG, SDLOG).pdf(grid[1])
    prior *= stats.beta(SHAPE, SHAPE).pdf((grid[2] + 1) / 2) / 2  # of LKJ in two columns
    # a single row has the variance of its component and of the prior of mu
    covariance = covariances(*grid) + WIDTH**2 * np.eye(2)
    residual = ROWS[0] - CENTRE
    squares = np.einsum("i,...ij,j->...", residual, np.linalg.inv(covariance), residual)
    height = np.exp(-0.5 * squares) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
    expected = (prior * height).sum() * (logs[1] - logs[0]) ** 2 * (rho[1] - rho[0])
    assert marginal(ROWS[:1])[0] == pytest.approx(expected, rel=1e-4)


def test_posterior_is_that_of_all_partitions(executable):
    n = len(ROWS)
    pieces = {}
    for inside in itertools.product((False, True), repeat=n):
        pieces[inside] = marginal(ROWS[list(inside)])
    together, mean, total = np.zeros((n, n)), np.zeros(2), 0.0
    for inside, (evidence, centre) in pieces.items():
        other = pieces[tuple(not x for x in inside)]
        sizes = np.array([sum(inside), n - sum(inside)])
        weight = evidence * other[0] * np.exp(special.gammaln(sizes + CONCENTRATION).sum())
        share = (sizes + CONCENTRATION) / (n + 2 * CONCENTRATION)
        same = np.equal.outer(inside, inside)
        together, total = together + weight * same, total + weight
        mean = mean + weight * (share[0] * centre + share[1] * other[1])
    together, mean = together / total, mean / total

    data, point, _ = random_case(8, components=2, columns=2, order=1)
    data |= {
        "N": n,
        "count": [1.0] * n,
        "known": [0] * n,
        "y": ROWS.T.tolist(),
        "origin": [1.5, 1.5],
        "unit": [1.0, 1.0],
        "sigma_lower": [0.0, 0.0],
        "theta_concentration": [CONCENTRATION] * 2,
        "mu_arguments": [[[CENTRE, WIDTH, 0.0, 0.0]] * 2] * 2,
        "sigma_arguments": [[[MEANLOG, SDLOG, 0.0, 0.0]] * 2] * 2,
        "correlation_shape": [SHAPE] * 2,
    }
    point |= {"theta_free": [0.5, 0.5], "ordered_free": [-1.0, 1.0], "sigma_free": [[0.7, 0.7]] * 2}
    found = sample(executable, data, point, draws=4000)
    mixture_mean = np.einsum("cdk,cdkj->cdj", found["theta"], found["mu"])
    for j in range(2):
        assert agrees(mixture_mean[:, :, j], mean[j])
    sds = found["sigma"][..., :, None] * found["sigma"][..., None, :]
    covariance = found["correlation"] * sds
    residual = ROWS - found["mu"][:, :, :, None]
    squares = np.einsum("cdkni,cdkij,cdknj->cdkn", residual, np.linalg.inv(covariance), residual)
    terms = np.log(found["theta"])[..., None] - 0.5 * (squares + np.log(np.linalg.det(covariance))[..., None])
    shares = np.exp(terms - special.logsumexp(terms, axis=2, keepdims=True))
    for i, j in itertools.combinations(range(n), 2):
        assert agrees((shares[..., i] * shares[..., j]).sum(axis=2), together[i, j]), (i, j)
    assert together[0, 1] > 0.75 > 0.25 > together[0, 4]  # the case tells something
