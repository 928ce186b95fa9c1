"""The Stan program's density and gradient against references written independently, and mutants that must be found."""

import numpy as np
import programs
import pytest

EXACT = 1e-9  # of some hundreds of nats: what double precision leaves after thousands of operations
CASES = {
    "own-sds": {"components": 3, "observations": 40},
    "shared-sd": {"components": 3, "observations": 40, "shared": True},
    "fixed-mu": {"components": 3, "observations": 40, "fixed": ("mu",)},
    "fixed-sigma": {"components": 2, "observations": 25, "fixed": ("sigma",)},
    "fixed-theta": {"components": 2, "observations": 25, "fixed": ("theta",)},
    "known": {"components": 3, "observations": 40, "fixed": ("mu", "sigma")},
    "one-component": {"components": 1, "observations": 20},
    "seven-components": {"components": 7, "observations": 30, "shared": True},
}


@pytest.fixture(scope="module")
def executable(compiled, root):
    return compiled(root / "stan")


def check_density(executable):
    """The check that the program must pass and its mutants must not."""
    data, point = programs.random_case(np.random.default_rng(5), components=3, observations=40)
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=EXACT)


def check_order(executable):
    """Draws from the prior alone, the same for all components, are in the order of mu."""
    import cmdstanpy

    data, point = programs.random_case(np.random.default_rng(5), components=3, observations=0)
    fit = cmdstanpy.CmdStanModel(exe_file=str(executable)).sample(
        data=data, inits=point, chains=1, iter_warmup=200, iter_sampling=200, seed=1, show_progress=False
    )
    assert (np.diff(fit.stan_variable("mu"), axis=1) > 0).all()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_density_equals_the_reference_at_random_points(executable, name, seed):
    data, point = programs.random_case(np.random.default_rng(seed), **CASES[name])
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=EXACT)


@pytest.mark.parametrize("prior", [name for name in programs.CODES])
def test_every_prior_of_sigma_equals_its_textbook_formula(executable, prior):
    data, point = programs.random_case(np.random.default_rng(3), components=2, observations=5, sigma_prior=prior)
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=EXACT)


@pytest.mark.parametrize("prior", ["normal", "student_t", "cauchy"])
def test_every_prior_of_mu_equals_its_textbook_formula(executable, prior):
    data, point = programs.random_case(np.random.default_rng(4), components=2, observations=5, mu_prior=prior)
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=EXACT)


def test_density_far_in_the_tails_is_finite_and_right(executable):
    data, point = programs.random_case(np.random.default_rng(6), components=2, observations=3)
    data["y"] = [-4000.0, 0.0, 1e5]
    value = programs.difference(executable, data, point)
    assert value == pytest.approx(0, abs=1e-12 * 1e10 / 0.5**2)  # relative to the largest squared distance


def test_numbers_of_the_distributions_are_those_of_the_package():
    from stanmix.priors import DISTRIBUTIONS

    assert {name: entry.number for name, entry in DISTRIBUTIONS.items()} == programs.CODES


@pytest.mark.parametrize("name", CASES)
def test_gradient_equals_finite_differences(executable, name):
    data, point = programs.random_case(np.random.default_rng(7), **CASES[name])
    table = programs.gradients(executable, data, point)
    free = {"own-sds": 8, "shared-sd": 6, "fixed-mu": 5, "fixed-sigma": 3, "fixed-theta": 4, "known": 2}
    assert len(table) == free.get(name, len(table))
    # CmdStan prints six digits, and its differences of step 1e-6 lose about as many.
    np.testing.assert_allclose(table["model"], table["finite_diff"], rtol=1e-5, atol=1e-5)


def test_components_are_ordered_by_mu(executable):
    check_order(executable)


MUTANTS = {
    # the vectorised density inside log_mix mixes whole data sets instead of observations
    "vectorised log_mix": (
        "functions/mixture.stanfunctions",
        """  real total = 0;
  for (n in 1:num_elements(y)) {
    vector[K] terms = log_theta;
    for (k in 1:K) {
      terms[k] += normal_lpdf(y[n] | mu[k], sigma[k]);
    }
    total += log_sum_exp(terms);
  }
  return total;""",
        """  vector[K] terms;
  for (k in 1:K) {
    terms[k] = normal_lpdf(y | mu[k], sigma[k]);
  }
  return log_mix(exp(log_theta), terms);""",
        check_density,
    ),
    "weights left out": (
        "functions/mixture.stanfunctions",
        "vector[K] terms = log_theta;",
        "vector[K] terms = rep_vector(0, K);",
        check_density,
    ),
    "weights swapped": (
        "functions/mixture.stanfunctions",
        "vector[K] terms = log_theta;",
        "vector[K] terms = reverse(log_theta);",
        check_density,
    ),
    "no ordering": (
        "continuous.stan",
        "ordered[mu_is_fixed ? 0 : K] mu_free;",
        "vector[mu_is_fixed ? 0 : K] mu_free;",
        check_order,
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_killed(name, compiled, root, tmp_path):
    file, old, new, check = MUTANTS[name]
    broken = compiled(programs.mutant(root / "stan", tmp_path / "stan", file, old, new))
    with pytest.raises(AssertionError):
        check(broken)


def test_the_checks_that_kill_mutants_pass_the_program(executable):
    check_density(executable)
    check_order(executable)
