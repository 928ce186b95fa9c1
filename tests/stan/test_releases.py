"""Later releases of CmdStan: their Stan compilers take every program, their headers give the same numbers.

The parts come from the Python package index, where it can be reached. Every test of this folder runs with another
CmdStan when CMDSTAN names it.
"""

import json
import platform
import subprocess

import numpy as np
import programs
import pytest
import releases
import test_densities
import test_multivariate_program

from stanmix.stan import building

pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="the wheels' parts are for Linux x86-64"
)
EXACT = 1e-10  # of the size of a number
STEPS = (0.1, 0.05)  # times the scale of a gradient: in two leapfrog steps it is seen nearly to the last digit


@pytest.mark.parametrize("kernel", [False, True], ids=["plain", "kernel"])
@pytest.mark.parametrize("release", releases.WHEELS)
def test_every_program_passes_the_compilers_of_later_releases_without_a_word(root, tmp_path, release, kernel):
    place = programs.components_program(root / "stan", tmp_path / "stan")
    names = sorted(path.stem for path in place.glob("*.stan"))
    assert {"univariate", "multivariate", "components"} <= set(names)
    for name in names:
        if name == "components" and kernel:
            continue  # it has no kernel of its own
        assert releases.translated(release, name, place, kernel, tmp_path / f"{name}.hpp") == ""


@pytest.mark.parametrize("release", releases.WHEELS)
def test_a_name_that_is_reserved_is_noticed(root, tmp_path, release):
    place = programs.mutant(
        root / "stan", tmp_path / "stan", "univariate.stan", "real origin;", "real upper; real origin;"
    )
    with pytest.raises(AssertionError, match="reserved"):
        releases.translated(release, "univariate", place, False, tmp_path / "univariate.hpp")


@pytest.fixture(scope="module")
def driver(root):
    return releases.driver(root / "stan")


def told(driver, program, data, points, folder):
    """What the driver says of points: where they lie in the sampler's space, log densities, gradients."""
    (folder / "data.json").write_text(json.dumps(data))
    files = [folder / f"start-{i}.json" for i in range(len(points))]
    for file, point in zip(files, points, strict=True):
        file.write_text(json.dumps(programs.without_empty(point)))
    done = subprocess.run([driver, program, folder / "data.json", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [np.array(line.split(), float) for line in done.stdout.splitlines()]
    return rows[::3], [row[0] for row in rows[1::3]], rows[2::3]


def written(found, point):
    """A point as an executable wrote it, in the shape that it was given in; arrays are written by columns."""
    names = {name: [x for key, x in found.items() if key.startswith(f"{name}.")] for name in point}
    return {
        name: np.reshape(names[name], np.shape(value), order="F").tolist() if np.size(value) else value
        for name, value in point.items()
    }


def agree_at(driver, executable, program, data, point, folder):
    """Fail unless driver and executable agree on the log density at a point; how far their gradients differ.

    The executable's gradient is seen in where leapfrog steps of two lengths, with the same momenta, lead. The
    difference is relative to the largest derivative, or to 1.
    """
    found = programs.sample_once(executable, data, point)
    start = written(found, point)
    (at,), (value,), (gradient,) = told(driver, program, data, [start], folder)
    assert value == pytest.approx(found["lp__"], rel=EXACT, abs=EXACT)
    steps = [step / max(1.0, np.abs(gradient).max()) ** 0.5 / len(at) ** 0.5 for step in STEPS]
    ends = [written(programs.sample_once(executable, data, start, step), point) for step in steps]
    places = told(driver, program, data, ends, folder)[0]
    slopes = [(end - at) / step for end, step in zip(places, steps, strict=True)]
    assert all(slope.any() for slope in slopes), "a step was rejected"
    seen = 2 * (slopes[0] - slopes[1]) / (steps[0] - steps[1])
    return np.abs(seen - gradient).max() / max(1.0, np.abs(gradient).max())


UNIVARIATE = ("own-scales", "student_t", "lognormal", "gamma", "skew_normal", "rounded-normal", "rounded-gamma",
              "poisson-zeros", "negative_binomial", "binomial", "beta_binomial", "known", "no-order")  # fmt: skip


@pytest.fixture(scope="module")
def same_space(toolchain_record):
    """Skips where the tests' own CmdStan has another space for simplexes than the headers of 2.35."""
    if tuple(map(int, toolchain_record["cmdstan"].split(".")[:2])) > (2, 35):
        pytest.skip("later releases than 2.35 sample simplexes in another space than these headers")


@pytest.mark.parametrize("name", UNIVARIATE)
def test_log_density_and_gradient_of_one_column_are_those_of_the_executable(
    driver, compiled, root, tmp_path, same_space, name
):
    executable = compiled(root / "stan")
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        data, point = programs.random_case(rng, **test_densities.CASES[name])
        assert agree_at(driver, executable, "univariate", data, point, tmp_path) < EXACT


@pytest.mark.parametrize("name", test_multivariate_program.CASES)
def test_log_density_and_gradient_of_several_columns_are_those_of_the_executable(
    driver, compiled, root, tmp_path, same_space, name
):
    executable = compiled(root / "stan", "multivariate")
    for seed in (1, 2):
        data, point, _ = test_multivariate_program.random_case(seed, **test_multivariate_program.CASES[name])
        assert agree_at(driver, executable, "multivariate", data, point, tmp_path) < EXACT


def test_starting_values_with_empty_arrays_are_refused_by_later_releases(driver, tmp_path, monkeypatch):
    """Why they are left out: should this fail, they need not be any more."""
    data, point, _ = test_multivariate_program.random_case(1, **test_multivariate_program.CASES["own diagonal"])
    told(driver, "multivariate", data, [point], tmp_path)
    monkeypatch.setattr(programs, "without_empty", lambda values: values)
    with pytest.raises(AssertionError, match="mismatch in number dim"):
        told(driver, "multivariate", data, [point], tmp_path)


def test_data_without_observations_are_taken_by_later_releases(driver, tmp_path):
    data, point = programs.random_case(np.random.default_rng(1), components=3, observations=5, zeros="free",
                                       family="poisson")  # fmt: skip
    told(driver, "univariate", programs.without_data(data), [point], tmp_path)
    data, point, _ = test_multivariate_program.random_case(1, components=2, columns=3)
    told(driver, "multivariate", test_multivariate_program.without_data(data), [point], tmp_path)


def test_the_installer_takes_the_release_that_is_so_tested(root):
    assert building.RELEASE in releases.WHEELS
    assert f"cmdstan={building.RELEASE}\n" in (root / "workflow/envs/stanmix.yaml").read_text()
