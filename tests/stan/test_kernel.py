"""The kernels against the specification in Stan: values and gradients, one by one, to nearly the last digit."""

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import programs
import pytest
import test_densities
from scipy import stats
from scipy.special import logsumexp

from stanmix.stan import cmdstan

PROBE = """
functions {
#include components.stanfunctions
#include mixture.stanfunctions
#include likelihood.stanfunctions
vector slopes(int kernel, int is_whole, array[] int whole, vector y, vector count, array[] int known,
              array[] int group_size, real half_step, int family, array[] int trials, vector exposure,
              vector log_theta, vector zero, vector location, vector scale, vector shape);
}
data {
  int C;
  int N;
  int G;
  int K;
  int Z;
  array[C] int family;
  array[C] int is_whole;
  array[C] real half_step;
  array[C] vector[N] y;
  array[C, N] int whole;
  array[C] vector[G > 0 ? G : N] count;
  array[C, G > 0 ? G : N] int known;
  array[C, G] int group_size;
  array[C, N] int trials;
  array[C] vector[N] exposure;
  array[C] vector[K] log_theta;
  array[C] vector[Z] zero;
  array[C] vector[K] location;
  array[C] vector[K] scale;
  array[C] vector[K] shape;
}
generated quantities {
  array[C, 2] vector[1 + 4 * K + Z] found;
  for (c in 1:C) {
    for (kernel in 0:1) {
      found[c, 1 + kernel] = slopes(kernel, is_whole[c], whole[c], y[c], count[c], known[c], group_size[c],
                                    half_step[c], family[c], trials[c], exposure[c], log_theta[c], zero[c],
                                    location[c], scale[c], shape[c]);
    }
  }
}
"""


@pytest.fixture(scope="module")
def probe(compiled, root, tmp_path_factory):
    place = tmp_path_factory.mktemp("probe") / "stan"
    shutil.copytree(root / "stan", place)
    (place / "kernels/univariate.hpp").rename(place / "kernels/production.hpp")
    shutil.copy(Path(__file__).parent / "kernel_probe.hpp", place / "kernels/univariate.hpp")
    (place / "univariate.stan").write_text(PROBE)
    return compiled(place)


def both(probe, tmp_path, cases, **environment):
    """What specification and kernel say of cases of one size: two arrays with a row for each case."""
    sizes = {"C": len(cases), "N": len(cases[0]["y"]), "G": len(cases[0]["group_size"])}
    sizes |= {"K": len(cases[0]["location"]), "Z": len(cases[0]["zero"])}
    data = sizes | {key: [case[key] for case in cases] for key in cases[0]}
    (tmp_path / "data.json").write_text(json.dumps(data).replace("-Infinity", '"-Inf"'))
    command = [probe, "sample", "num_samples=1", "num_warmup=0", "algorithm=fixed_param", "data"]
    command += [f"file={tmp_path / 'data.json'}", "output", f"file={tmp_path / 'out.csv'}", "sig_figs=18"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    names, values = [x for x in (tmp_path / "out.csv").read_text().splitlines() if x and x[0] != "#"][:2]
    found = dict(zip(names.split(","), map(float, values.split(",")), strict=True))
    rows = 1 + 4 * sizes["K"] + sizes["Z"]
    where = [[[f"found.{c + 1}.{i}.{j + 1}" for j in range(rows)] for c in range(len(cases))] for i in (1, 2)]
    return tuple(np.vectorize(found.get)(where))


def case_of(component):
    """One observation under one component, as the probe wants it."""
    location, scale, shape = component["at"]
    is_count = component["family"] in programs.COUNTS
    lower, upper = component.get("lower", component.get("y")), component.get("upper", 0.0)
    half = (upper - lower) / 2 if "upper" in component else 0.0
    return {
        "family": programs.FAMILIES[component["family"]], "is_whole": int(is_count), "half_step": half,
        "y": [0.0 if is_count else lower + half], "whole": [component["y"] if is_count else 0],
        "count": [1.0], "known": [0], "group_size": [], "trials": [component.get("trials", 0)],
        "exposure": [component.get("exposure", 1.0)], "log_theta": [0.0], "zero": [], "location": [location],
        "scale": [scale], "shape": [shape],
    }  # fmt: skip


def points(family):
    """Exact values up to hundreds of sds from the middle of a component, at extreme parameters."""
    shapes = {"student_t": (1.01, 5.0, 39.0, 41.0, 1e4), "skew_normal": (-30.0, -1.0, 0.0, 0.5, 8.0)}.get(
        family, (0.0,)
    )
    cases = []
    for shape in shapes:
        for scale in (0.01, 0.2, 1.3, 5.0):
            for z in (-300, -38, -34, -3, -1, -0.1, 0, 0.7, 3, 34, 38, 300):
                y, location = 2 + scale * z, 2.0
                if family in programs.POSITIVE:
                    y = np.exp(np.clip(0.7 + scale * z, -300, 300)) if family == "lognormal" else 2 * np.exp(0.1 * z)
                cases.append({"family": family, "y": float(y), "at": (location, scale, shape)})
    return cases


def agree(cases, specified, computed):
    """Fail unless each number is the specification's to 1e-10 of its size, or of 1 where it is smaller.

    Derivatives by a dispersion follow from those by its inverse square, of which the specification loses some digits to
    the logs of gamma functions: so much is allowed that cancels there.
    """
    lost = {"gamma": 4e-15, "negative_binomial": 1e-17, "beta_binomial": 4e-16}
    components = len(cases[0]["scale"])
    tolerance = 1e-10 * np.maximum(np.abs(specified), 1)
    for row, case in zip(tolerance, cases, strict=True):
        of_scale = slice(1 + 2 * components, 1 + 3 * components)
        row[of_scale] += 2 * lost.get(programs.NAMES[case["family"]], 0) * np.maximum(case["scale"], 1e-9) ** -3.0
    wrong = ~(np.abs(computed - specified) <= tolerance)
    assert not wrong.any(), [(cases[row], specified[row], computed[row]) for row in np.where(wrong)[0][:3]]


@pytest.mark.parametrize("family", programs.FAMILIES)
def test_one_component_at_every_extreme(probe, tmp_path, family):
    is_count = family in programs.COUNTS
    cases = test_densities.counts(family) if is_count else points(family)
    if family in ("normal", "lognormal"):
        cases = cases + test_densities.intervals(family)
    cases = [case_of(case) for case in cases]
    agree(cases, *both(probe, tmp_path, cases))


def mixture(family, seed, n=45, components=3, zeros=None, half_step=0.0, known=True, grouped=False):
    """A mixture at a random point with counts, in a size that fills no whole number of registers."""
    rng = np.random.default_rng(seed)
    data, point = programs.random_case(rng, components, n, family, half_step=half_step, zeros=zeros, grouped=grouped)
    theta, zero, location, scale, shape = programs.parameters_at(data, point)
    return {
        "family": data["family"], "is_whole": data["is_whole"], "half_step": half_step, "y": data["y"] or [0.0] * n,
        "whole": data["whole"] or [0] * n,
        "count": [float(x) for x in data["count"]], "known": data["known"] if known else [0] * n,
        "group_size": data["group_size"],
        "trials": data["trials"] or [0] * n, "exposure": data["exposure"] or [1.0] * n,
        "log_theta": np.log(theta).tolist(), "zero": [zero] if zeros else [], "location": list(location),
        "scale": list(scale), "shape": list(shape),
    }  # fmt: skip


MIXTURES = [
    *((family, {}) for family in programs.FAMILIES),
    *((family, {"zeros": "free"}) for family in programs.COUNTS),
    ("normal", {"half_step": 0.5}),
    ("lognormal", {"half_step": 0.25}),
]


@pytest.mark.parametrize(("family", "more"), MIXTURES, ids=lambda x: x if isinstance(x, str) else "-".join(x))
def test_mixtures_at_random_points(probe, tmp_path, family, more):
    for n in (1, 8, 45):
        cases = [mixture(family, seed, n, **more) for seed in range(6)]
        agree(cases, *both(probe, tmp_path, cases))


GROUPED = [
    *((family, {"grouped": True}) for family in programs.FAMILIES),
    ("normal", {"half_step": 0.5, "grouped": True}),
    ("lognormal", {"half_step": 0.25, "grouped": True}),
]


@pytest.mark.parametrize(("family", "more"), GROUPED, ids=lambda x: x if isinstance(x, str) else "-".join(x))
def test_groups_at_random_points(probe, tmp_path, family, more):
    for seed, n in itertools.product(range(4), (6, 45, 700)):
        case = mixture(family, seed, n, **more)
        agree([case], *both(probe, tmp_path, [case]))


@pytest.mark.parametrize("sizes", [[1] * 40, [700], [1, 300, 2, 257, 1], [5] * 4000], ids=str)
def test_groups_of_any_size(probe, tmp_path, sizes):
    """One row each, more than a block, and so many that there are several chunks, which threads share."""
    case = mixture("normal", 2, sum(sizes), known=False) | {"group_size": sizes}
    case |= {"count": [float(1 + g % 3) for g in range(len(sizes))], "known": [0] * len(sizes)}
    specified, computed = both(probe, tmp_path, [case])
    agree([case], specified, computed)
    for more in ({"STANMIX_THREADS": "3"}, {"STANMIX_LANES": "2"}, {"STANMIX_LANES": "4"}):
        again = both(probe, tmp_path, [case], **more)[1]
        np.testing.assert_allclose(again, computed, rtol=0 if "STANMIX_THREADS" in more else 1e-12)


@pytest.mark.parametrize("lanes", ["2", "4", "8"])
def test_every_width_of_registers_gives_the_same(probe, tmp_path, lanes):
    """Each processor takes the widest that it has; what is wider than this one's is passed over."""
    for family, more in MIXTURES:
        cases = [mixture(family, seed, 21, **more) for seed in range(2)]
        agree(cases, *both(probe, tmp_path, cases, STANMIX_LANES=lanes))


def test_components_that_have_no_share(probe, tmp_path):
    """A weight of 0 has a log of -infinity and a share of nothing; far away all terms but one vanish."""
    case = mixture("normal", 1, known=False)
    case["log_theta"] = [-np.inf, np.log(0.4), np.log(0.6)]
    without = case | {"log_theta": [-1e300, *case["log_theta"][1:]]}
    cases = [case, without, case | {"y": [1e4 * y for y in case["y"]]}]
    specified, computed = both(probe, tmp_path, cases)
    assert np.isfinite(computed).all()
    np.testing.assert_array_equal(computed[0], computed[1])
    agree(cases[1:], specified[1:], computed[1:])
    assert computed[0, 0] == pytest.approx(specified[0, 0], rel=1e-13)
    assert computed[0, 1] == 0


def test_counts_that_are_few_and_huge(probe, tmp_path):
    for family in ("negative_binomial", "beta_binomial"):
        cases = []
        for seed in range(4):
            case = mixture(family, seed, n=3)
            case["trials"] = [50_000, 60_000, 70_000] if family == "beta_binomial" else [0, 0, 0]
            case["whole"] = [40_000, 7, 65_000]
            cases.append(case)
        agree(cases, *both(probe, tmp_path, cases))


def test_threads_change_no_digit(probe, tmp_path):
    case = mixture("normal", 3, n=50_000)
    found = [both(probe, tmp_path, [case], STANMIX_THREADS=str(number))[1] for number in (1, 2, 3)]
    assert (found[0] == found[1]).all()
    assert (found[0] == found[2]).all()
    agree([case], both(probe, tmp_path, [case])[0], found[0])


@pytest.mark.parametrize("kernel", [False, True], ids=["plain", "kernel"])
def test_a_step_into_nowhere_is_rejected(compiled, root, kernel):
    """A start at which a scale underflows to 0 is refused by the specification, and so it is by the kernel."""
    data, point = programs.random_case(np.random.default_rng(1), components=2, observations=5)
    data["scale_unit"], point["scale_free"] = 1e-200, [1e-200, 1.0]
    with pytest.raises(RuntimeError, match="Rejecting initial value"):
        programs.evaluate(compiled(root / "stan", kernel=kernel), data, point)


def test_a_family_without_a_kernel_is_computed_by_the_plain_program(compiled, root, tmp_path):
    """Nothing but its density is written for the logistic distribution, and the program has it, kernels or not."""
    place, reject = tmp_path / "stan", '  } else if (family != 5) {\n    reject("component_lpdf'
    shutil.copytree(root / "stan", place)
    functions = place / "functions/components.stanfunctions"
    number = 1 + max(programs.FAMILIES.values())
    own = f"  }} else if (family == {number}) {{\n    return logistic_lpdf(y | location, scale);\n"
    assert functions.read_text().count(reject) == 1
    functions.write_text(functions.read_text().replace(reject, own + reject))
    executable = compiled(place, kernel=True)
    for grouped in (False, True):
        data, point = programs.random_case(np.random.default_rng(3), 3, 40, grouped=grouped)
        theta, _, location, scale, _ = programs.parameters_at(data, point)
        places = np.cumsum([0, *programs.sizes_of(data)])
        found, expected = [], []
        for family, distribution in ((number, stats.logistic), (1, stats.norm)):
            found.append(programs.evaluate(executable, data | {"family": family}, point)[0])
            terms = np.log(theta) + np.array(
                [
                    distribution.logpdf(np.array(data["y"][a:b])[:, None], location, scale).sum(axis=0)
                    for a, b in itertools.pairwise(places)
                ]
            )
            values = [
                row[known - 1] if known else logsumexp(row) for row, known in zip(terms, data["known"], strict=True)
            ]
            expected.append(np.dot(data["count"], values))
        assert found[0] - found[1] == pytest.approx(expected[0] - expected[1], rel=1e-9)


def test_where_the_kernel_does_not_compile_the_plain_program_takes_its_place(
    compiled, root, toolchain_record, tmp_path, capsys
):
    place, said = tmp_path / "stan", []
    shutil.copytree(root / "stan", place)
    (place / "kernels/univariate.hpp").write_text("#error of a compiler that cannot take the kernel\n")
    executable, provenance = tmp_path / "univariate", tmp_path / "program.json"
    cmdstan.compile_program("univariate", place, True, toolchain_record, executable, provenance, said.append)
    assert any("The kernel of univariate.stan cannot be compiled" in sentence for sentence in said)
    assert "cannot take the kernel" in capsys.readouterr().out  # for the log
    made = json.loads(provenance.read_text())
    assert made["kernel"] is False
    assert not any(name.startswith("kernels/") for name in made["sources"])
    assert executable.read_bytes() == compiled(root / "stan", kernel=False).read_bytes()
