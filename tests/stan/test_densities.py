"""The Stan program's density and gradient against references written independently, and mutants that must be found."""

import numpy as np
import programs
import pytest

EXACT = 1e-9  # of some hundreds of nats: what double precision leaves after thousands of operations
CASES = {
    "own-scales": {"components": 3, "observations": 40},
    "shared-scale": {"components": 3, "observations": 40, "shared": ("scale",)},
    "fixed-location": {"components": 3, "observations": 40, "fixed": ("location",)},
    "fixed-scale": {"components": 2, "observations": 25, "fixed": ("scale",)},
    "fixed-theta": {"components": 2, "observations": 25, "fixed": ("theta",)},
    "known": {"components": 3, "observations": 40, "fixed": ("location", "scale")},
    "one-component": {"components": 1, "observations": 20},
    "seven-components": {"components": 7, "observations": 30, "shared": ("scale",)},
    "student_t": {"components": 2, "observations": 30, "family": "student_t"},
    "student_t-shared-nu": {"components": 3, "observations": 30, "family": "student_t", "shared": ("shape",)},
    "student_t-fixed-nu": {"components": 2, "observations": 30, "family": "student_t", "fixed": ("shape",)},
    "lognormal": {"components": 2, "observations": 30, "family": "lognormal"},
    "gamma": {"components": 3, "observations": 30, "family": "gamma"},
    "gamma-fixed-mean": {"components": 2, "observations": 30, "family": "gamma", "fixed": ("location",)},
    "skew_normal": {"components": 2, "observations": 30, "family": "skew_normal"},
    "skew_normal-shared": {
        "components": 3, "observations": 30, "family": "skew_normal", "shared": ("scale", "shape"),
    },
}  # fmt: skip
FREE = {
    "own-scales": 8, "shared-scale": 6, "fixed-location": 5, "fixed-scale": 3, "fixed-theta": 4, "known": 2,
    "one-component": 2, "seven-components": 14, "student_t": 7, "student_t-shared-nu": 9, "student_t-fixed-nu": 5,
    "lognormal": 5, "gamma": 8, "gamma-fixed-mean": 3, "skew_normal": 7, "skew_normal-shared": 7,
}  # fmt: skip


@pytest.fixture(scope="module")
def executable(compiled, root):
    return compiled(root / "stan")


def check_density(executable):
    """The check that the program must pass and its mutants must not."""
    data, point = programs.random_case(np.random.default_rng(5), components=3, observations=40)
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=EXACT)


def check_order(executable):
    """Draws from the prior alone, the same for all components, are in the order of the location."""
    import cmdstanpy

    data, point = programs.random_case(np.random.default_rng(5), components=3, observations=0)
    fit = cmdstanpy.CmdStanModel(exe_file=str(executable)).sample(
        data=data, inits=point, chains=1, iter_warmup=200, iter_sampling=200, seed=1, show_progress=False
    )
    assert (np.diff(fit.stan_variable("location"), axis=1) > 0).all()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_density_equals_the_reference_at_random_points(executable, name, seed):
    data, point = programs.random_case(np.random.default_rng(seed), **CASES[name])
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=EXACT)


@pytest.mark.parametrize("prior", [name for name in programs.CODES])
def test_every_prior_of_a_scale_equals_its_textbook_formula(executable, prior):
    data, point = programs.random_case(np.random.default_rng(3), components=2, observations=5, scale=prior)
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=EXACT)


@pytest.mark.parametrize("prior", ["normal", "student_t", "cauchy"])
def test_every_prior_of_a_location_equals_its_textbook_formula(executable, prior):
    data, point = programs.random_case(np.random.default_rng(4), components=2, observations=5, location=prior)
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=EXACT)


def test_density_far_in_the_tails_is_finite_and_right(executable):
    data, point = programs.random_case(np.random.default_rng(6), components=2, observations=3)
    data["y"] = [-4000.0, 0.0, 1e5]
    value = programs.difference(executable, data, point)
    assert value == pytest.approx(0, abs=1e-12 * 1e10 / 0.5**2)  # relative to the largest squared distance


def test_numbers_of_the_distributions_are_those_of_the_package():
    from stanmix.priors import DISTRIBUTIONS

    assert {name: entry.number for name, entry in DISTRIBUTIONS.items()} == programs.CODES


@pytest.mark.parametrize("family", ["student_t", "lognormal", "gamma", "skew_normal"])
def test_every_family_is_right_far_from_its_components(executable, family):
    data, point = programs.random_case(np.random.default_rng(9), components=2, observations=6, family=family)
    far = [1e-6, 1e-2, 1.0, 30.0, 200.0, 1000.0]
    data["y"] = far if family in ("lognormal", "gamma") else [-1000.0, -40.0, 0.0, 3.0, 40.0, 1000.0]
    reference = programs.log_density(data, point)
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=1e-9 * abs(reference))


def test_numbers_of_the_families_are_those_of_the_package():
    from stanmix.families import FAMILIES

    assert {name: entry.number for name, entry in FAMILIES.items()} == programs.FAMILIES


@pytest.mark.parametrize("name", CASES)
def test_gradient_equals_finite_differences(executable, name):
    data, point = programs.random_case(np.random.default_rng(7), **CASES[name])
    table = programs.gradients(executable, data, point)
    assert len(table) == FREE[name]
    # CmdStan prints six digits, and its differences of step 1e-6 lose about as many.
    np.testing.assert_allclose(table["model"], table["finite_diff"], rtol=1e-5, atol=1e-5)


def test_components_are_ordered_by_location(executable):
    check_order(executable)


MUTANTS = {
    # the vectorised density inside log_mix mixes whole data sets instead of observations
    "vectorised log_mix": (
        "functions/mixture.stanfunctions",
        """  real total = 0;
  for (n in 1:num_elements(y)) {
    vector[K] terms = log_theta;
    for (k in 1:K) {
      terms[k] += component_lpdf(y[n] | family, location[k], scale[k], shape[k]);
    }
    total += log_sum_exp(terms);
  }
  return total;""",
        """  vector[K] terms;
  for (k in 1:K) {
    terms[k] = normal_lpdf(y | location[k], scale[k]);
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
        "ordered[location_count] location_free;",
        "vector[location_count] location_free;",
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
