"""Draws from the prior alone: order statistics by known formulas, rejection sampling, cuts, fixed values."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from textbook import model_of, noticed_in

from stanmix.model.prior import log_prior, prior_draws
from stanmix.model.resolution import specify

Y = np.random.default_rng(1).normal([0, 6], 1, (40, 2)).ravel()
COUNTS = np.random.default_rng(2).poisson([2, 9], (40, 2)).ravel()
SURELY = 0.001  # of a true hypothesis


def draws_of(model, components, count=4000, y=Y, seed=3, **others):
    specification = specify("m", model, components, noticed_in(y, **others))
    return prior_draws(specification, count, np.random.default_rng(seed))


# A prior of the ordered parameter of each family, and its distribution by SciPy.
ORDERED = {
    "normal": ({"mu": "normal(3, 2)"}, "normal", "mu", stats.norm(3, 2), {}),
    "student_t": ({"mu": "student_t(3, 1, 2)"}, "student_t", "mu", stats.t(3, 1, 2), {}),
    "gamma": ({"mean": "gamma(2, 0.5)"}, "gamma", "mean", stats.gamma(2, scale=2), {}),
    "cut": ({"mean": "normal(1, 2)"}, "gamma", "mean", stats.truncnorm(-0.5, math.inf, 1, 2), {}),
    "poisson": ({"rate": "lognormal(1, 0.5)"}, "poisson", "rate", stats.lognorm(0.5, scale=math.e), {}),
    "binomial": ({"p": "beta(2, 3)"}, "binomial", "p", stats.beta(2, 3), {"trials": 40}),
}


@pytest.mark.parametrize("components", [1, 2, 4])
@pytest.mark.parametrize("case", ORDERED)
def test_locations_with_one_prior_are_its_order_statistics(case, components):
    priors, family, name, distribution, others = ORDERED[case]
    y = np.abs(Y) + 0.1 if family == "gamma" else Y if family in ("normal", "student_t") else COUNTS
    found = draws_of(model_of(family, priors=priors), components, y=y, **others)[name]
    assert found.shape == (4000, components)
    assert (np.diff(found, axis=1) > 0).all()
    for k in range(components):  # the k-th of K uniform values is a beta(k, K + 1 - k) variable
        uniform = distribution.cdf(found[:, k])
        assert stats.kstest(uniform, stats.beta(k + 1, components - k).cdf).pvalue > SURELY
    # and jointly: the ratio of neighbours is that of uniform order statistics, beta(k, 1) and independent
    uniform = distribution.cdf(found)
    for k in range(components - 1):
        ratio = uniform[:, k] / uniform[:, k + 1]
        assert stats.kstest(ratio, stats.beta(k + 1, 1).cdf).pvalue > SURELY
        assert abs(stats.spearmanr(ratio, uniform[:, k + 1]).statistic) < 4 / math.sqrt(4000)


def test_what_is_fixed_for_one_component_stays_and_the_others_are_drawn_in_no_order():
    model = model_of("normal", fixed={"mu": [3, None, 1], "sigma": [None, 2, None]},
                     priors={"mu": "normal(2, 5)", "sigma": "lognormal([0, 1], [0.5, 0.2])"})  # fmt: skip
    found = draws_of(model, 3)
    assert (found["mu"][:, [0, 2]] == [3, 1]).all()
    assert (found["sigma"][:, 1] == 2).all()
    assert stats.kstest(found["mu"][:, 1], stats.norm(2, 5).cdf).pvalue > SURELY
    for k, (meanlog, sdlog) in {0: (0, 0.5), 2: (1, 0.2)}.items():
        assert stats.kstest(found["sigma"][:, k], stats.lognorm(sdlog, scale=np.exp(meanlog)).cdf).pvalue > SURELY
    specification = specify("m", model, 3, noticed_in(Y))
    logs = log_prior(specification, {name: values[None] for name, values in found.items()})
    np.testing.assert_allclose(logs["mu"][0, :, 1], stats.norm(2, 5).logpdf(found["mu"][:, 1]))
    np.testing.assert_allclose(logs["sigma"][0, :, 2], stats.lognorm(0.2, scale=np.e).logpdf(found["sigma"][:, 2]))
    assert not logs["mu"][0, :, [0, 2]].any()
    assert not logs["sigma"][0, :, 1].any()


@pytest.mark.parametrize(
    ("family", "name", "prior", "first", "difference"),
    [
        ("normal", "mu", {"first": "normal(10, 5)", "difference": "gamma(2, 0.5)"}, stats.norm(10, 5),
         stats.gamma(2, scale=2)),
        ("normal", "mu", {"first": "normal(10, 5)", "difference": "normal(1, 2)"}, stats.norm(10, 5),
         stats.truncnorm(-0.5, np.inf, 1, 2)),
        ("poisson", "rate", {"first": "lognormal(0, 1)", "difference": "exponential(0.2)"}, stats.lognorm(1),
         stats.expon(scale=5)),
    ],
)  # fmt: skip
def test_differences_between_locations_have_the_prior_that_they_are_given(family, name, prior, first, difference):
    model = model_of(family, priors={name: prior})
    found = draws_of(model, 3, y=COUNTS)[name]
    parts = np.diff(found, axis=1, prepend=0)
    for k, distribution in enumerate((first, difference, difference)):
        assert stats.kstest(parts[:, k], distribution.cdf).pvalue > SURELY
    assert abs(stats.spearmanr(parts).statistic[np.triu_indices(3, 1)]).max() < 4 / math.sqrt(4000)
    specification = specify("m", model, 3, noticed_in(COUNTS))
    logs = log_prior(
        specification, {"theta": np.full((1, 4000, 3), 1 / 3), name: found[None], "sigma": np.ones((1, 4000, 3))}
    )
    expected = [d.logpdf(parts[:, k]) for k, d in enumerate((first, difference, difference))]
    np.testing.assert_allclose(logs[name][0], np.transpose(expected), rtol=1e-9)


DIFFERENT = {
    "apart": ("normal([0, 5, 10], [1, 2, 1])", [stats.norm(0, 1), stats.norm(5, 2), stats.norm(10, 1)]),
    "overlapping": ("normal([0, 0.5, 1], 1)", [stats.norm(m, 1) for m in (0, 0.5, 1)]),
    "the wider first": (
        "normal([0, 0.1, 0.2], [3, 1, 0.3])",
        [stats.norm(0, 3), stats.norm(0.1), stats.norm(0.2, 0.3)],
    ),
    "heavy tails": ("cauchy([0, 1, 2], 1)", [stats.cauchy(m, 1) for m in (0, 1, 2)]),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_locations_with_different_priors_equal_rejection_sampling(case):
    text, distributions = DIFFERENT[case]
    found = draws_of(model_of("normal", priors={"mu": text}), 3, count=3000)["mu"]
    assert (np.diff(found, axis=1) > 0).all()
    rng = np.random.default_rng(5)
    free = np.column_stack([distribution.rvs(size=80_000, random_state=rng) for distribution in distributions])
    expected = free[(np.diff(free, axis=1) > 0).all(axis=1)]
    assert len(expected) > 5000
    for k in range(3):
        assert stats.ks_2samp(found[:, k], expected[:, k]).pvalue > SURELY
    for j, k in itertools.combinations(range(3), 2):  # jointly: the gaps
        assert stats.ks_2samp(found[:, k] - found[:, j], expected[:, k] - expected[:, j]).pvalue > SURELY


def test_draws_of_different_priors_are_independent_of_each_other():
    found = draws_of(model_of("normal", priors={"mu": "normal([0, 1], 1)"}), 2)["mu"]
    bound = 4 / math.sqrt(4000)
    assert abs(stats.spearmanr(found[1:, 0], found[:-1, 0]).statistic) < bound
    assert abs(stats.spearmanr(found[1:, 1], found[:-1, 1]).statistic) < bound


def test_priors_far_apart_in_the_wrong_order_still_give_ordered_numbers():
    # a posterior of such a prior is a configuration mistake, yet nothing must be infinite or out of order
    found = draws_of(model_of("normal", priors={"mu": "normal([0, 0.0001, 0.0002], [1000, 0.001, 1000])"}), 3, 500)[
        "mu"
    ]
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=1) > 0).all()


CUT = {
    "at 0": ({"sigma": "normal(0, 2)"}, stats.halfnorm(scale=2), 0),
    "above 0": ({"sigma": "lognormal(0, 1) T[0.5, ]"}, stats.lognorm(1), 0.5),
    "far above": ({"sigma": "exponential(2) T[3, ]"}, stats.expon(scale=0.5), 3),
    "Cauchy": ({"sigma": "cauchy(0, 1) T[2, ]"}, stats.cauchy(), 2),
}


@pytest.mark.parametrize("case", CUT)
def test_cut_priors_are_respected(case):
    priors, distribution, lower = CUT[case]
    found = draws_of(model_of("normal", priors=priors), 2)["sigma"]
    assert found.min() > lower
    for column in found.T:
        inside = 1 - distribution.sf(column) / distribution.sf(lower)
        assert stats.kstest(inside, "uniform").pvalue > SURELY
    assert abs(stats.spearmanr(found).statistic) < 4 / math.sqrt(4000)


def test_degrees_of_freedom_lie_above_1_and_are_shared():
    found = draws_of(model_of("student_t"), 3)["nu"]
    assert (found == found[:, :1]).all()
    assert found.min() > 1
    gamma = stats.gamma(2, scale=10)
    assert stats.kstest(1 - gamma.sf(found[:, 0]) / gamma.sf(1), "uniform").pvalue > SURELY


def test_weights_are_drawn_from_their_dirichlet_distribution():
    found = draws_of(model_of("normal", priors={"theta": "dirichlet([2, 5, 1])"}), 3)["theta"]
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
    for k, a in enumerate((2, 5, 1)):
        assert stats.kstest(found[:, k], stats.beta(a, 8 - a).cdf).pvalue > SURELY


def test_what_is_fixed_stays_and_what_is_shared_is_the_same():
    model = model_of("skew_normal", share=["sd"], fixed={"mean": [1, 2, 4], "theta": [0.2, 0.3, 0.5]})
    found = draws_of(model, 3)
    assert (found["mean"] == [1, 2, 4]).all()
    np.testing.assert_allclose(found["theta"], np.tile([0.2, 0.3, 0.5], (4000, 1)), rtol=1e-15)
    assert (found["sd"] == found["sd"][:, :1]).all()
    assert (found["slant"][:, 0] != found["slant"][:, 1]).all()
    assert {values.shape for values in found.values()} == {(4000, 3)}


def test_extra_zeros_have_one_weight_for_all_components():
    found = draws_of(model_of("zero_inflated_negative_binomial", priors={"zero": "beta(2, 6)"}), 2, y=COUNTS)
    assert set(found) == {"theta", "mean", "dispersion", "zero"}
    assert (found["zero"][:, 0] == found["zero"][:, 1]).all()
    assert stats.kstest(found["zero"][:, 0], stats.beta(2, 6).cdf).pvalue > SURELY
    assert stats.kstest(found["dispersion"][:, 0], stats.halfnorm().cdf).pvalue > SURELY


def test_the_seed_decides():
    one, same, other = (draws_of(model_of("normal"), 2, 50, seed=seed)["mu"].tolist() for seed in (1, 1, 2))
    assert one == same
    assert one != other
