"""The Stan program's density and gradient against references written independently, and mutants that must be found."""

import math

import numpy as np
import programs
import pytest

EXACT = 1e-9  # of some hundreds of nats: what double precision leaves after thousands of operations
SLOPE = 1e-6  # of a gradient
CASES = {
    "own-scales": {"components": 3, "observations": 40},
    "shared-scale": {"components": 3, "observations": 40, "shared": ("scale",)},
    "fixed-location": {"components": 3, "observations": 40, "fixed": ("location",)},
    "fixed-scale": {"components": 2, "observations": 25, "fixed": ("scale",)},
    "fixed-theta": {"components": 2, "observations": 25, "fixed": ("theta",)},
    "known": {"components": 3, "observations": 40, "fixed": ("location", "scale")},
    "one-component": {"components": 1, "observations": 20},
    "seven-components": {"components": 7, "observations": 30, "shared": ("scale",)},
    "no-order": {"components": 3, "observations": 20, "ordered": False},
    "scales-above": {"components": 3, "observations": 20, "scale_lower": 0.4},
    "student_t": {"components": 2, "observations": 30, "family": "student_t"},
    "student_t-shared-nu": {"components": 3, "observations": 30, "family": "student_t", "shared": ("shape",)},
    "student_t-fixed-nu": {"components": 2, "observations": 30, "family": "student_t", "fixed": ("shape",)},
    "lognormal": {"components": 2, "observations": 30, "family": "lognormal"},
    "gamma": {"components": 3, "observations": 30, "family": "gamma"},
    "gamma-fixed-mean": {"components": 2, "observations": 30, "family": "gamma", "fixed": ("location",)},
    "weibull": {"components": 3, "observations": 30, "family": "weibull"},
    "weibull-shared-shape": {"components": 2, "observations": 30, "family": "weibull", "shared": ("scale",)},
    "skew_normal": {"components": 2, "observations": 30, "family": "skew_normal"},
    "skew_normal-shared": {
        "components": 3, "observations": 30, "family": "skew_normal", "shared": ("scale", "shape"),
    },
    "rounded-normal": {"components": 2, "observations": 20, "half_step": 0.5},
    "rounded-student_t": {"components": 2, "observations": 20, "family": "student_t", "half_step": 0.5},
    "rounded-lognormal": {"components": 2, "observations": 20, "family": "lognormal", "half_step": 0.25},
    "rounded-gamma": {"components": 2, "observations": 20, "family": "gamma", "half_step": 0.25},
    "rounded-weibull": {"components": 2, "observations": 20, "family": "weibull", "half_step": 0.25},
    "rounded-skew_normal": {"components": 2, "observations": 20, "family": "skew_normal", "half_step": 0.5},
    "poisson": {"components": 3, "observations": 30, "family": "poisson"},
    "poisson-fixed-rate": {"components": 2, "observations": 30, "family": "poisson", "fixed": ("location",)},
    "poisson-zeros": {"components": 2, "observations": 30, "family": "poisson", "zeros": "free"},
    "poisson-fixed-zeros": {"components": 2, "observations": 30, "family": "poisson", "zeros": "fixed"},
    "poisson-zeros-alone": {"components": 1, "observations": 30, "family": "poisson", "zeros": "free"},
    "negative_binomial": {
        "components": 3, "observations": 30, "family": "negative_binomial", "shared": ("scale",),
    },
    "negative_binomial-own": {"components": 2, "observations": 30, "family": "negative_binomial", "scale_lower": 0.2},
    "negative_binomial-fixed": {
        "components": 2, "observations": 30, "family": "negative_binomial", "fixed": ("scale",),
    },
    "negative_binomial-zeros": {"components": 2, "observations": 30, "family": "negative_binomial", "zeros": "free"},
    "binomial": {"components": 3, "observations": 30, "family": "binomial"},
    "binomial-zeros": {"components": 2, "observations": 30, "family": "binomial", "zeros": "free"},
    "binomial-fixed-p": {"components": 2, "observations": 30, "family": "binomial", "fixed": ("location",)},
    "beta_binomial": {"components": 3, "observations": 30, "family": "beta_binomial", "shared": ("scale",)},
    "beta_binomial-own": {"components": 2, "observations": 30, "family": "beta_binomial"},
    "beta_binomial-zeros": {"components": 2, "observations": 30, "family": "beta_binomial", "zeros": "fixed"},
    "locations-between": {"components": 3, "observations": 30, "location": "uniform", "ends": {"location": (-9, 12)}},
    "locations-above": {"components": 3, "observations": 30, "ends": {"location": (-4.0, math.inf)}},
    "locations-below": {
        "components": 3, "observations": 30, "location": "student_t", "ends": {"location": (-math.inf, 7.0)},
    },
    "scales-between": {"components": 3, "observations": 30, "ends": {"scale": (0.2, 3.5)}},
    "shapes-between": {
        "components": 3, "observations": 30, "family": "skew_normal", "ends": {"shape": (-4, 3)}, "shape": "uniform",
    },
    "shapes-below": {
        "components": 2, "observations": 30, "family": "skew_normal", "ends": {"shape": (-math.inf, 2.0)},
    },
    "rates-below": {"components": 2, "observations": 30, "family": "poisson", "ends": {"location": (0.0, 30.0)}},
    "shares-between": {
        "components": 2, "observations": 30, "family": "binomial", "ends": {"location": (0.1, 0.7)}, "zeros": "free",
        "location": "beta",
    },
    "zeros-below": {
        "components": 2, "observations": 30, "family": "poisson", "zeros": "free", "ends": {"zero": (0.0, 0.4)},
    },
    "first-location-fixed": {
        "components": 3, "observations": 30, "partly": ("location",), "ends": {"location": (-9.0, math.inf)},
    },
    "first-scale-fixed": {"components": 3, "observations": 30, "partly": ("scale",)},
    "first-of-all-fixed": {
        "components": 3, "observations": 30, "family": "student_t", "partly": ("location", "scale", "shape"),
        "ordered": False,
    },
    "differences": {"components": 3, "observations": 30, "of_differences": True, "location": "normal"},
    "differences-of-rates": {
        "components": 3, "observations": 30, "family": "poisson", "of_differences": True, "location": "gamma",
    },
    "groups": {"components": 3, "observations": 60, "grouped": True},
    "groups-known": {"components": 3, "observations": 40, "fixed": ("location", "scale"), "grouped": True},
    "groups-rounded": {"components": 2, "observations": 30, "half_step": 0.5, "grouped": True},
    "groups-rounded-plain": {
        "components": 2, "observations": 20, "family": "student_t", "half_step": 0.5, "grouped": True,
    },
    "groups-student_t": {"components": 2, "observations": 30, "family": "student_t", "grouped": True},
    "groups-lognormal": {"components": 2, "observations": 30, "family": "lognormal", "grouped": True},
    "groups-gamma": {"components": 3, "observations": 30, "family": "gamma", "grouped": True},
    "groups-weibull": {"components": 2, "observations": 30, "family": "weibull", "grouped": True},
    "groups-skew_normal": {"components": 2, "observations": 30, "family": "skew_normal", "grouped": True},
    "groups-poisson": {"components": 3, "observations": 30, "family": "poisson", "grouped": True},
    "groups-negative_binomial": {
        "components": 2, "observations": 30, "family": "negative_binomial", "grouped": True,
    },
    "groups-binomial": {"components": 3, "observations": 30, "family": "binomial", "grouped": True},
    "groups-beta_binomial": {"components": 2, "observations": 30, "family": "beta_binomial", "grouped": True},
    "groups-one-component": {"components": 1, "observations": 20, "grouped": True},
}  # fmt: skip
FREE = {
    "own-scales": 8, "shared-scale": 6, "fixed-location": 5, "fixed-scale": 3, "fixed-theta": 4, "known": 2,
    "one-component": 2, "seven-components": 14, "no-order": 8, "scales-above": 8, "student_t": 7,
    "student_t-shared-nu": 9,
    "student_t-fixed-nu": 5, "lognormal": 5, "gamma": 8, "gamma-fixed-mean": 3, "skew_normal": 7,
    "weibull": 8, "weibull-shared-shape": 4, "rounded-weibull": 5, "groups-weibull": 5,
    "skew_normal-shared": 7, "rounded-normal": 5, "rounded-student_t": 7, "rounded-lognormal": 5, "rounded-gamma": 5,
    "rounded-skew_normal": 7, "poisson": 5, "poisson-fixed-rate": 1, "poisson-zeros": 4, "poisson-fixed-zeros": 3,
    "poisson-zeros-alone": 2, "negative_binomial": 6, "negative_binomial-own": 5, "negative_binomial-fixed": 3,
    "negative_binomial-zeros": 6, "binomial": 5, "binomial-zeros": 4, "binomial-fixed-p": 1, "beta_binomial": 6,
    "beta_binomial-own": 5, "beta_binomial-zeros": 5, "locations-between": 8, "locations-above": 8,
    "locations-below": 8, "scales-between": 8, "shapes-between": 11, "shapes-below": 7, "rates-below": 3,
    "shares-between": 4, "zeros-below": 4, "first-location-fixed": 7, "first-scale-fixed": 7, "first-of-all-fixed": 8,
    "differences": 8, "differences-of-rates": 5, "groups": 8, "groups-known": 2, "groups-rounded": 5,
    "groups-rounded-plain": 7, "groups-student_t": 7, "groups-lognormal": 5, "groups-gamma": 8,
    "groups-skew_normal": 7, "groups-poisson": 5, "groups-negative_binomial": 5, "groups-binomial": 5,
    "groups-beta_binomial": 5, "groups-one-component": 2,
}  # fmt: skip


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "kernel"])
def executable(compiled, root, request):
    return compiled(root / "stan", "univariate", request.param)


@pytest.fixture(scope="module")
def components(compiled, root, tmp_path_factory):
    folder = programs.components_program(root / "stan", tmp_path_factory.mktemp("components") / "stan")
    return compiled(folder, "components", kernel=False)


def is_right(executable, seed, **case):
    """Fail unless Stan's density is the reference's at a random point, to 1e-9 of its size where that is large."""
    data, point = programs.random_case(np.random.default_rng(seed), **case)
    size = max(1.0, abs(programs.log_density(data, point)) / 1000)
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=EXACT * size)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_density_equals_the_reference_at_random_points(executable, name, seed):
    is_right(executable, seed, **CASES[name])


@pytest.mark.parametrize("family", programs.FAMILIES)
def test_prior_alone_equals_the_reference(executable, family):
    zeros = "free" if family in programs.COUNTS else None
    is_right(executable, 8, components=3, observations=0, family=family, zeros=zeros)


@pytest.mark.parametrize("family", programs.FAMILIES)
def test_frequencies_are_repetitions(executable, family):
    data, point = programs.random_case(np.random.default_rng(10), components=2, observations=12, family=family)
    counts, columns = data["count"], [key for key in ("known", "y", "whole", "trials", "exposure") if data[key]]
    longer = {key: np.repeat(data[key], counts).tolist() for key in columns}
    longer |= {"N": sum(counts), "count": [1] * sum(counts)}
    once, repeated = (programs.evaluate(executable, data | more, point)[0] for more in ({}, longer))
    assert once == pytest.approx(repeated, rel=1e-13)


SCALE_PRIORS = [name for name in programs.CODES if name not in ("beta", "logit_normal", "uniform")]


@pytest.mark.parametrize("prior", SCALE_PRIORS)
@pytest.mark.parametrize("lower", [0.0, 0.45], ids=["positive", "above"])
def test_every_prior_of_a_scale_equals_its_textbook_formula(executable, prior, lower):
    is_right(executable, 3, components=2, observations=5, scale=prior, scale_lower=lower)


@pytest.mark.parametrize(
    ("family", "prior"),
    [
        *(("normal", prior) for prior in ("normal", "student_t", "cauchy")),
        *(("poisson", prior) for prior in SCALE_PRIORS),
        *(("binomial", prior) for prior in ("beta", "logit_normal")),
    ],
)
def test_every_prior_of_a_location_equals_its_textbook_formula(executable, family, prior):
    is_right(executable, 4, components=2, observations=5, family=family, location=prior)


@pytest.mark.parametrize("prior", ["beta", "logit_normal"])
def test_every_prior_of_extra_zeros_equals_its_textbook_formula(executable, prior):
    is_right(executable, 4, components=2, observations=5, family="poisson", zeros="free", zero=prior)


def test_density_far_in_the_tails_is_finite_and_right(executable):
    data, point = programs.random_case(np.random.default_rng(6), components=2, observations=3)
    data["y"] = [-4000.0, 0.0, 1e5]
    value = programs.difference(executable, data, point)
    assert value == pytest.approx(0, abs=1e-12 * 1e10 / 0.5**2)  # relative to the largest squared distance


def test_numbers_of_the_distributions_are_those_of_the_package():
    from stanmix.families.priors import DISTRIBUTIONS

    assert {name: entry.number for name, entry in DISTRIBUTIONS.items()} == programs.CODES


@pytest.mark.parametrize("half_step", [0.0, 0.5], ids=["exact", "rounded"])
@pytest.mark.parametrize("family", ["student_t", *programs.POSITIVE, "skew_normal"])
def test_every_family_is_right_far_from_its_components(executable, family, half_step):
    data, point = programs.random_case(
        np.random.default_rng(9), components=2, observations=6, family=family, half_step=half_step
    )
    far = [1e-6, 1e-2, 1.0, 30.0, 200.0, 1000.0]
    data["y"] = far if family in programs.POSITIVE else [-1000.0, -40.0, 0.0, 3.0, 40.0, 1000.0]
    reference = programs.log_density(data, point)
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=1e-9 * abs(reference))


@pytest.mark.parametrize("zeros", [None, "free"], ids=["plain", "zeros"])
@pytest.mark.parametrize("family", programs.RATES)
def test_counts_are_right_far_from_their_components(executable, family, zeros):
    data, point = programs.random_case(
        np.random.default_rng(9), components=2, observations=6, family=family, zeros=zeros
    )
    data["whole"], data["exposure"] = [0, 0, 1, 10_000, 3, 200_000], [1e6, 1e-6, 1e-6, 1.0, 1e6, 2.0]
    reference = programs.log_density(data, point)
    assert programs.difference(executable, data, point) == pytest.approx(0, abs=1e-10 * abs(reference))


def test_numbers_of_the_families_are_those_of_the_package():
    from stanmix.families.registry import FAMILIES

    univariate = {name: entry.number for name, entry in FAMILIES.items() if entry.program == "univariate"}
    plain = {name: number for name, number in univariate.items() if not name.startswith("zero_inflated_")}
    assert plain == programs.FAMILIES
    assert all(programs.FAMILIES[name.removeprefix("zero_inflated_")] == i for name, i in univariate.items())


@pytest.mark.parametrize("name", CASES)
def test_gradient_equals_finite_differences(executable, name):
    data, point = programs.random_case(np.random.default_rng(7), **CASES[name])
    table = programs.gradients(executable, data, point)
    assert len(table) == FREE[name]
    # CmdStan prints six digits, and its differences of step 1e-6 lose about as many.
    size = max(1.0, abs(programs.log_density(data, point)) / 1000)
    np.testing.assert_allclose(table["model"], table["finite_diff"], rtol=1e-5, atol=1e-5 * size)


def intervals(family):
    """Intervals from 1e-6 to 50 sds wide, up to 100 sds from the middle of a component, at extreme parameters."""
    cases = []

    def add(lower, upper, location, scale, shape=0.0):
        cases.append({"family": family, "lower": lower, "upper": upper, "at": (location, scale, shape)})

    widths = (1e-6, 1e-3, 0.1, 1.0, 5.0, 50.0)
    shapes = {"student_t": (1.2, 5.0, 50.0), "skew_normal": (-8.0, -1.0, 0.0, 0.5, 8.0, 30.0)}.get(family, (0.0,))
    if family in ("normal", "student_t", "skew_normal"):
        for shape in shapes:
            for z in (-100, -35, -30, -8, -3, -1, -0.2, 0, 0.7, 3, 8, 30, 100):
                for width in widths:
                    add(2 + 1.5 * (z - width / 2), 2 + 1.5 * (z + width / 2), 2.0, 1.5, shape)
        if family == "skew_normal":  # where the formulas change, at a probability of 1e-4
            for width in np.geomspace(1e-4, 4e-4, 9):
                add(1.5, 1.5 + width, 2.0, 1.5, 2.0)
    elif family == "lognormal":
        for scale in (0.05, 0.5, 1.5):
            for z in (-30, -3, -0.5, 0, 1, 5, 30):
                for ratio in (1e-6, 1e-2, 0.5, 1.99):
                    y = math.exp(1 + scale * z)
                    add(y * (1 - ratio / 2), y * (1 + ratio / 2), 1.0, scale)
            for y in (1e-3, 1.0, 10.0):
                add(0.0, y, 1.0, scale)
                add(-0.5 * y, y, 1.0, scale)
                add(1e-17, y, 1.0, scale)
    elif family == "weibull":
        for scale in (0.3, 0.8, 1.0, 2.0, 10.0, 40.0):
            for z in (-30, -3, -0.5, 0, 1, 2.5, 4, 6):
                for ratio in (1e-6, 1e-2, 0.5, 1.99):
                    y = 4 * math.exp(z / scale)
                    add(y * (1 - ratio / 2), y * (1 + min(ratio / 2, 2 / scale)), 4.0, scale)
            for y in (1e-3, 1.0, 4.0, 10.0) if scale < 10 else (3.0, 4.0, 4.3):
                add(0.0, y, 4.0, scale)
                add(-0.5 * y, y, 4.0, scale)
                if scale > 0.5:  # the quadrature of the test does not go nearer to a pole
                    add(1e-17, y, 4.0, scale)
    else:
        for scale in (0.01, 0.07, 0.2236, 0.4, 1.0, 1.2, 5.0):
            for z in (-30, -10, -3, -1, 0, 1, 3, 30):
                y = 4 * (1 + scale * z) if scale * z > -0.95 else 4 * 10 ** (0.2 * z - 0.3)
                for width in widths[:5]:
                    half = min(2 * scale * width, 0.95 * y)
                    add(y - half, y + half, 4.0, scale)
            for y in (0.01, 0.5, 2.0, 3.99, 8.0, 100.0):
                if scale > 0.01 or y > 3:
                    add(0.0, y, 4.0, scale)
                    add(-0.5 * y, y, 4.0, scale)
        for scale in (1.0, 1.2):
            add(1e-17, 1.0, 4.0, scale)
    return cases


def counts(family):
    """Counts at and far above the components, with parameters at their extremes."""
    cases = []
    scales = {"poisson": (1.0,), "binomial": (1.0,)}.get(family, (1e-3, 0.01, 0.05, 0.2235, 0.2237, 1.0, 5.0))
    for scale in scales:
        if family in programs.RATES:
            for y in (0, 1, 7, 5000):
                for rate in (1e-6, 0.3, 8.0, 120.0, 1e6):
                    for exposure in (1.0, 0.01, 250.0):
                        at = (rate, scale, 0.0)
                        cases.append({"family": family, "y": y, "trials": 0, "exposure": exposure, "at": at})
        else:
            for trials in (1, 2, 20, 10_000):
                for y in sorted({0, 1, trials // 2, trials - 1, trials}):
                    for p in (1e-6, 0.001, 0.3, 0.9, 1 - 1e-6):
                        at = (p, scale, 0.0)
                        cases.append({"family": family, "y": y, "trials": trials, "exposure": 1.0, "at": at})
    return cases


@pytest.mark.parametrize("family", programs.FAMILIES)
def test_components_and_their_gradients_are_right_at_every_extreme(components, family):
    cases = counts(family) if family in programs.COUNTS else intervals(family)
    agree(cases, *programs.component_values(components, cases))
    slopes, expected = programs.component_slopes(components, cases)
    wrong = [
        f"{case}: {a} {b}" for case, a, b in zip(cases, slopes, expected, strict=True) if not max(abs(a - b)) < SLOPE
    ]
    assert not wrong, wrong[:5]


def agree(cases, values, expected):
    """Fail, with the first of them, if values are not the expected ones to 1e-9 of their size."""
    triples = zip(cases, values, expected, strict=True)
    wrong = [f"{case}: {a} {b}" for case, a, b in triples if not abs(a - b) <= EXACT * max(1.0, abs(b))]
    assert not wrong, wrong[:5]


@pytest.mark.parametrize("family", [name for name in programs.FAMILIES if name not in programs.COUNTS])
def test_intervals_where_only_the_first_steps_of_a_chain_go_are_right(components, family):
    cases = []
    for scale in (1e-8, 0.5, 1e3):
        for location in (1e-8, 1.0, 40.0) if family != "gamma" else (1e-12, 1e-3, 40.0, 1e15):
            for half in (1e-6, 0.5):
                at = (location, scale, 1.01 if family == "student_t" else 100.0)
                cases.append({"family": family, "lower": 3 - half, "upper": 3 + half, "at": at})
    if family == "gamma":
        cases = [case for case in cases if case["at"][1] > 1e-8]  # its first argument would be 1e16
    if family == "weibull":  # beyond, the hazard is larger than any double
        cases = [case for case in cases if case["at"][1] * math.log(case["upper"] / case["at"][0]) < 700]
    agree(cases, *programs.component_values(components, cases))


def check_density(executable, **data):
    """The check that the program must pass and its mutants must not."""
    case, point = programs.random_case(np.random.default_rng(5), components=3, observations=40)
    assert programs.difference(executable, case | data, point) == pytest.approx(0, abs=EXACT)


def check_rounded(executable, **data):
    """The same for rounded values."""
    case, point = programs.random_case(np.random.default_rng(5), components=3, observations=40, half_step=0.5)
    assert programs.difference(executable, case | data, point) == pytest.approx(0, abs=EXACT)


def check_groups(executable, **data):
    """The same where rows of a group have one membership, for values and for counts."""
    for family in ("normal", "poisson"):
        rng = np.random.default_rng(5)
        case, point = programs.random_case(rng, components=3, observations=40, family=family, grouped=True)
        assert programs.difference(executable, case | data, point) == pytest.approx(0, abs=EXACT)


def check_counts(executable, **data):
    """The same for counts with exposures and extra zeros."""
    rng = np.random.default_rng(5)
    case, point = programs.random_case(rng, components=2, observations=30, family="poisson", zeros="free")
    assert programs.difference(executable, case | data, point) == pytest.approx(0, abs=EXACT)


def check_links(executable, **data):
    """The Jacobian of a link, which the other checks lose: moving all locations changes no other Jacobian."""
    cases = [(family, (-math.inf, math.inf)) for family in ("normal", "poisson", "binomial")]
    cases += [("normal", ends) for ends in ((-9.0, 12.0), (-math.inf, 7.0), (-4.0, math.inf))]
    for family, (low, high) in cases:
        ends = {} if math.isinf(low) and math.isinf(high) else {"location": (low, high)}
        case, point = programs.random_case(
            np.random.default_rng(5), components=3, observations=0, family=family, ends=ends
        )
        stan, reference = [], []
        for shift in (0.0, 0.3):
            moved = point | {"ordered_free": [x + shift for x in point["ordered_free"]]}
            lp, where = programs.evaluate(executable, case | data, moved)
            location = programs.parameters_at(case, where)[2]
            low, high = {"poisson": (0.0, math.inf), "binomial": (0.0, 1.0)}.get(family, (low, high))
            stan.append(lp)
            reference.append(programs.log_density(case, where) + sum(log_slope(x, low, high) for x in location))
        assert stan[1] - stan[0] == pytest.approx(reference[1] - reference[0], abs=EXACT)


def log_slope(x, low, high):
    """The log derivative of a location by the number that is sampled in its place, up to a constant."""
    return (math.log(x - low) if math.isfinite(low) else 0) + (math.log(high - x) if math.isfinite(high) else 0)


def check_order(executable, **data):
    """Draws from the prior alone, the same for all components, are in the order of the location."""
    import cmdstanpy

    for family in ("normal", "poisson", "binomial"):
        case, point = programs.random_case(np.random.default_rng(5), components=3, observations=0, family=family)
        fit = cmdstanpy.CmdStanModel(exe_file=str(executable)).sample(
            data=case | data,
            inits=programs.without_empty(point),
            chains=1,
            iter_warmup=200,
            iter_sampling=200,
            seed=1,
            show_progress=False,
        )
        assert (np.diff(fit.stan_variable("location"), axis=1) > 0).all()


CHECKS = (check_density, check_rounded, check_groups, check_counts, check_links, check_order)


@pytest.mark.parametrize("check", CHECKS)
def test_the_checks_that_kill_mutants_pass_the_program(executable, check):
    check(executable)


MIXTURE, PROGRAM = "functions/mixture.stanfunctions", "univariate.stan"
ROWS = "    for (row in 1:(size(group_size) > 0 ? group_size[u] : 1)) {\n"
LOOP = f"""    vector[K] terms = log_theta;
{ROWS}      n += 1;
      for (k in 1:K) {{
        if (half_step > 0) {{"""
COUNT_LOOP = """    vector[K] terms = log_theta;
    real log_probability;"""
FLAT, SWAPPED = "rep_vector(0, K)", "reverse(log_theta)"
MUTANTS = {
    # the vectorised density inside log_mix mixes whole data sets instead of observations
    "vectorised log_mix": (
        MIXTURE,
        "  for (u in 1:num_elements(count)) {\n" + LOOP,
        """  if (half_step == 0) {
    vector[K] terms = rep_vector(0, K);
    for (k in 1:K) {
      for (i in 1:num_elements(y)) {
        terms[k] += count[i] * normal_lpdf(y[i] | location[k], scale[k]);
      }
    }
    return log_mix(exp(log_theta), terms);
  }
  for (u in 1:num_elements(count)) {\n"""
        + LOOP,
        check_density,
    ),
    "weights left out": (MIXTURE, LOOP, LOOP.replace("log_theta", FLAT), check_density),
    "weights swapped": (MIXTURE, LOOP, LOOP.replace("log_theta", SWAPPED), check_density),
    "weights of counts left out": (MIXTURE, COUNT_LOOP, COUNT_LOOP.replace("log_theta", FLAT), check_counts),
    "weights of counts swapped": (MIXTURE, COUNT_LOOP, COUNT_LOOP.replace("log_theta", SWAPPED), check_counts),
    "log weight once for every row": (
        MIXTURE,
        LOOP,
        LOOP.replace("log_theta", FLAT).replace("n += 1;", "n += 1;\n      terms += log_theta;"),
        check_groups,
    ),
    "a membership for every row of a group": (
        MIXTURE,
        LOOP,
        LOOP.replace(
            "      n += 1;",
            "      if (row > 1) {\n        total += count[u] * (known[u] > 0 ? terms[known[u]] : log_sum_exp(terms));\n"
            "        terms = log_theta;\n      }\n      n += 1;",
        ),
        check_groups,
    ),
    "frequency left out": (MIXTURE, "count[u] * (known[u] > 0 ?", "(known[u] > 0 ?", check_density),
    "frequency of counts left out": (MIXTURE, "count[u] * log_probability", "log_probability", check_counts),
    "known components left out": (MIXTURE, "* (known[u] > 0 ?", "* (known[u] > K ?", check_density),
    "known components of counts left out": (MIXTURE, "= known[u] > 0 ?", "= known[u] > K ?", check_counts),
    "known zeros taken for extra ones": (MIXTURE, "y[n] == 0 && known[u] == 0", "y[n] == 0", check_counts),
    "rounding left out": (MIXTURE, "if (half_step > 0) {", "if (half_step < 0) {", check_rounded),
    "rounding to one side": (MIXTURE, "(y[n] - half_step, ", "(y[n], ", check_rounded),
    "extra zeros to every count": (MIXTURE, "if (y[n] == 0 && known", "if (y[n] >= 0 && known", check_counts),
    "weight of the others left out": (MIXTURE, "log_probability += log1m(zero[1]);", "", check_counts),
    "exposure left out": (MIXTURE, "exposure[n], location[k]", "1, location[k]", check_counts),
    "Jacobian left out": (PROGRAM, " + log_slope(sampled, location_bounds)", "", check_links),
}


@pytest.fixture(scope="module")
def mutants(compiled, root, tmp_path_factory):
    place = tmp_path_factory.mktemp("mutants") / "stan"
    return compiled(programs.mutants(root / "stan", place, [m[:3] for m in MUTANTS.values()]), kernel=False)


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_killed(name, mutants):
    number = 1 + list(MUTANTS).index(name)
    with pytest.raises(AssertionError):
        MUTANTS[name][3](mutants, mutant=number)


@pytest.mark.parametrize("check", [check_density, check_rounded, check_counts, check_links])
def test_mutants_live_in_a_program_that_is_right_without_them(mutants, check):
    check(mutants, mutant=0)


def test_mutant_without_ordering_is_killed(compiled, root, tmp_path):
    old, new = "ordered[is_ordered ? location_count : 0] ordered_free", "vector[location_count] ordered_free"
    broken = compiled(programs.mutant(root / "stan", tmp_path / "stan", PROGRAM, old, new), "univariate")
    with pytest.raises(AssertionError):
        check_order(broken)
