"""The search of modes against independent ones, on posteriors whose modes are known."""

import json

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import expit, logsumexp

from stanmix.base.files import read_json, write_json
from stanmix.config import configuration, plan
from stanmix.data import noticing
from stanmix.data.observations import Observations
from stanmix.data.observations import write as write_observations
from stanmix.fits import fitting, modes
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data

THREE = np.random.default_rng(1).normal(np.repeat([9, 21, 35], [90, 50, 75]), 2)


# A broad middle with a small group on either side: two components split off the left one, the right one, or the spread.
def sides(middle, left, right):
    parts = ((0, 1, middle), (-4.2, 0.3, left), (4, 0.3, right))
    return np.concatenate([stats.norm(m, s).ppf((np.arange(n) + 0.5) / n) for m, s, n in parts])


SIDES = sides(60, 13, 12)


class Search:
    """A model of a data set, ready to be searched."""

    def __init__(self, folder, executable, record, y, model, components, source=None, **columns):
        source = source or {"csv": "d.csv", "column": "y"}
        text = {"datasets": {"d": source}, "models": {"m": model}}
        checked = configuration.checked(
            text | {"analyses": [{"dataset": "d", "models": ["m"], "components": components}]}
        )
        y = np.asarray(y, dtype=float)
        columns = {name: np.asarray(values) for name, values in columns.items()}
        self.rows = Observations(y, np.ones(len(y), int), **columns)
        self.units = self.rows.units()
        noticed = noticing.notice(self.rows, source.get("columns", ["y"]))
        self.specification = specify("m", checked["models"]["m"], components, noticed)
        self.folder = folder
        self.inputs = {"executable": executable, "toolchain": folder / "toolchain.json", "data": folder / "data.json"}
        write_json(self.inputs["toolchain"], record)
        write_json(self.inputs["data"], program_data(self.specification, self.units))

    def begun(self, seed=1):
        return modes.Search(self.specification, self.units, self.inputs, seed, say=lambda text: None)

    def __call__(self, seed=1, chains=()):
        search = self.begun(seed)
        search.follow(list(chains))
        return search.found()


@pytest.fixture(scope="module")
def prepared(compiled, root, toolchain_record, tmp_path_factory):
    """A function that makes a `Search`."""
    executables = {}

    def prepare(y, model, components, **more):
        program = plan.FAMILIES[model["family"]].program
        if program not in executables:
            executables[program] = compiled(root / "stan", program)
        folder = tmp_path_factory.mktemp("search")
        return Search(folder, executables[program], toolchain_record, y, model, components, **more)

    return prepare


def arrays(mode):
    return {name: np.array(values) for name, values in mode["state"].items()}


def log_posterior(y, specification, theta, mu, sigma):
    """Of a normal mixture with standard deviations of its own under the default priors, by the textbook."""
    (at, spread), (middle, tau) = (entry.priors[0].arguments for entry in specification.parameters)
    terms = np.log(theta) - np.log(sigma) - 0.5 * ((y[:, None] - mu) / sigma) ** 2 - 0.5 * np.log(2 * np.pi)
    prior = -0.5 * (((mu - at) / spread) ** 2).sum()
    return logsumexp(terms, axis=1).sum() + prior - (np.log(sigma) + 0.5 * ((np.log(sigma) - middle) / tau) ** 2).sum()


def searched_by_scipy(y, specification, starts, seed):
    """Local maxima of that posterior of two components from random starts: log posterior, the highest first."""
    rng = np.random.default_rng(seed)

    def negative(x):
        theta = expit(x[0])
        return -log_posterior(y, specification, np.array([theta, 1 - theta]), x[1:3], np.exp(x[3:]))

    limits = [(-6, 6), *[(y.min(), y.max())] * 2, *[(-5, 3)] * 2]
    found = []
    for _ in range(starts):
        x = np.concatenate([rng.normal(size=1), rng.choice(y, 2), rng.normal(0, 1, 2)])
        end = optimize.minimize(negative, x, method="L-BFGS-B", bounds=limits)
        # from beside it again, so that no saddle is taken for a mode
        end = optimize.minimize(negative, end.x + rng.normal(0, 0.03, 5), method="L-BFGS-B", bounds=limits)
        if not any(abs(end.fun - other) < 0.01 for other in found):
            found.append(end.fun)
    return -np.sort(found)


def test_three_gaussians_have_one_mode_whatever_the_seed(prepared):
    search = prepared(THREE, {"family": "normal"}, 3)
    first, second = search(1), search(2)
    assert len(first["modes"]) == len(second["modes"]) == 1
    (mode,) = first["modes"]
    assert mode["log_posterior"] == pytest.approx(second["modes"][0]["log_posterior"], abs=1e-3)
    np.testing.assert_allclose(mode["state"]["mu"], [9, 21, 35], atol=0.5)
    assert (mode["empty"], mode["collapsed"], mode["edge"], mode["gap"]) == ([], [], [], 0)
    assert mode["starts"] >= 30  # every start is this mode up to relabelling, or a poor place far below it
    assert first["starts"] == modes.STARTS
    assert first["lost"] == 0


def test_all_modes_that_an_independent_search_finds_are_found(prepared):
    search = prepared(SIDES, {"family": "normal"}, 2)
    expected = searched_by_scipy(SIDES, search.specification, starts=30, seed=4)
    gaps = expected - expected[0]
    near = gaps[gaps > -modes.LISTED]
    assert len(near) >= 2  # otherwise nothing is tested
    for seed in (1, 2):
        found = search(seed)["modes"]
        np.testing.assert_allclose([mode["gap"] for mode in found], near, atol=0.02)
        assert [mode["number"] for mode in found] == list(range(1, len(near) + 1))
        assert all(mode["starts"] > 0 for mode in found)


def test_gaps_are_differences_of_the_log_posterior(prepared):
    search = prepared(SIDES, {"family": "normal"}, 2)
    found = search()["modes"]
    heights = [log_posterior(SIDES, search.specification, **arrays(mode)) for mode in found]
    np.testing.assert_allclose([mode["gap"] for mode in found], np.array(heights) - heights[0], atol=1e-6)
    # And they are modes: no small step in any direction leads higher.
    rng = np.random.default_rng(0)
    for mode, height in zip(found, heights, strict=True):
        for _ in range(100):
            state = arrays(mode)
            theta = state["theta"] * np.exp(rng.normal(0, 0.02, 2))
            beside = {"theta": theta / theta.sum(), "mu": state["mu"] + rng.normal(0, 0.02, 2)}
            beside["sigma"] = state["sigma"] * np.exp(rng.normal(0, 0.02, 2))
            assert log_posterior(SIDES, search.specification, **beside) < height + 1e-6


@pytest.mark.parametrize("labels", ["ordered", "relabelled"])
def test_relabelled_copies_count_once(prepared, labels):
    search = prepared(SIDES, {"family": "normal", "labels": labels}, 2)
    alone = search()["modes"]
    state = arrays(alone[0])
    copies = [{name: values[::-1] for name, values in state.items()}, state]
    chains = [[copies[labels == "ordered"]] * 2, [state] * 2]  # an ordered program knows one of the copies only
    found = search(chains=chains)
    assert [round(mode["gap"], 2) for mode in found["modes"]] == [round(mode["gap"], 2) for mode in alone]
    assert found["modes"][0]["visits"] == [2, 2]
    assert found["p_value"] == 1
    assert np.all(np.diff(found["modes"][0]["state"]["mu"]) > 0)


def test_chains_are_found_where_they_are(prepared):
    search = prepared(SIDES, {"family": "normal"}, 2)
    first, second = (arrays(mode) for mode in search()["modes"][:2])
    rng = np.random.default_rng(5)

    def near(state):
        return {name: values * np.exp(rng.normal(0, 0.03, 2)) for name, values in state.items() if name != "theta"} | {
            "theta": state["theta"]
        }

    stuck = search(chains=[[near(state) for _ in range(8)] for state in (first, second, first)])
    assert [mode["visits"] for mode in stuck["modes"][:2]] == [[8, 0, 8], [0, 8, 0]]
    assert stuck["p_value"] < 0.001
    mixing = search(chains=[[near(state) for state in (first, second) * 4] for _ in range(3)])
    assert [mode["visits"] for mode in mixing["modes"][:2]] == [[4, 4, 4], [4, 4, 4]]
    assert mixing["p_value"] > 0.5


def test_the_same_seed_gives_the_same_bytes(prepared):
    search = prepared(SIDES, {"family": "normal"}, 2)
    texts = [json.dumps(search(seed)) for seed in (3, 3)]
    assert texts[0] == texts[1]


def test_components_are_named_in_order_also_where_the_program_has_none(prepared, monkeypatch):
    search = prepared(SIDES, {"family": "normal", "labels": "relabelled"}, 2)
    state = arrays(search()["modes"][0])
    copy = {name: values[::-1] for name, values in state.items()}
    ends = modes._ends

    def copied(specification, *more):
        return [{"state": copy, "starts": 1}] if specification.components == 2 else ends(specification, *more)

    monkeypatch.setattr(modes, "_ends", copied)
    (mode,) = search()["modes"]
    for name, values in state.items():
        np.testing.assert_allclose(mode["state"][name], values, rtol=1e-3, err_msg=name)


def test_components_that_differ_in_spread_alone_are_one_mode(prepared):
    y = np.concatenate([stats.norm(m, s).ppf((np.arange(n) + 0.5) / n) for m, s, n in ((0, 1, 150), (0.3, 6, 80))])
    # In the order of the means a chain may be where the two have the other names, at the edge of the order.
    wrong = {"theta": np.array([0.34, 0.66]), "mu": np.array([0.1, 0.11]), "sigma": np.array([5.5, 1])}
    found = prepared(y, {"family": "normal"}, 2)(chains=[[wrong]])["modes"]
    assert [mode["visits"] for mode in found] == [[1]]
    np.testing.assert_allclose(found[0]["state"]["sigma"], [1, 6], rtol=0.15)
    assert found[0]["edge"] == []


def test_a_prior_without_bound_at_empty_components_is_seen_from_log_weights(prepared):
    search = prepared(SIDES, {"family": "normal", "priors": {"theta": "dirichlet(0.5)"}}, 2)
    found = search()
    assert found["log_weights"]
    assert len(found["modes"]) > 1
    heights = []
    for mode in found["modes"]:
        state = arrays(mode)
        # The Dirichlet density of weights, 0.5 - 1 times their logs, and once more these logs.
        heights.append(log_posterior(SIDES, search.specification, **state) + 0.5 * np.log(state["theta"]).sum())
    np.testing.assert_allclose([mode["gap"] for mode in found["modes"]], np.array(heights) - heights[0], atol=1e-6)
    assert not prepared(SIDES, {"family": "normal"}, 2)()["log_weights"]


def test_fixed_and_shared_parameters_stay_so(prepared):
    known = {"family": "normal", "fixed": {"mu": [10, 20, 35], "sigma": 2}, "priors": {"theta": "dirichlet(1)"}}
    (mode,) = prepared(THREE, known, 3)()["modes"]
    assert mode["state"]["mu"] == [10, 20, 35]
    assert mode["state"]["sigma"] == [2, 2, 2]
    # With these known, the weights at the mode solve theta = mean responsibility.
    theta = np.array(mode["state"]["theta"])
    terms = theta * stats.norm([10, 20, 35], 2).pdf(THREE[:, None])
    np.testing.assert_allclose(theta, (terms / terms.sum(axis=1, keepdims=True)).mean(axis=0), atol=1e-4)
    (mode,) = prepared(THREE, {"family": "normal", "share": ["sigma"]}, 3)()["modes"]
    assert len(set(mode["state"]["sigma"])) == 1


def test_known_components_count_in_the_height_of_a_mode(prepared):
    rng = np.random.default_rng(9)
    y = rng.normal(np.repeat([0.0, 1.5], [40, 60]), 1)
    known = np.repeat([1, 0, 2, 0], [15, 25, 20, 40])  # without this the components could not be told apart
    source = {"csv": "d.csv", "column": "y", "known": "k"}
    model = {"family": "normal", "priors": {"theta": "dirichlet(1)"}}
    search = prepared(y, model, 2, source=source, known=known)
    state = arrays(search()["modes"][0])
    (at, spread), (middle, tau) = (entry.priors[0].arguments for entry in search.specification.parameters)

    def height(x):
        theta, mu, sigma = expit(x[0]), x[1:3], np.exp(x[3:])
        terms = np.log([theta, 1 - theta]) + stats.norm(mu, sigma).logpdf(y[:, None])
        terms[known == 1, 1] = terms[known == 2, 0] = -np.inf
        return logsumexp(terms, axis=1).sum() + (
            stats.norm(at, spread).logpdf(mu).sum() + stats.lognorm(tau, scale=np.exp(middle)).logpdf(sigma).sum()
        )

    start = np.array([0.0, 0, 1.5, 0, 0])
    best = optimize.minimize(lambda x: -height(x), start, method="BFGS").x
    np.testing.assert_allclose(state["theta"], [expit(best[0]), expit(-best[0])], atol=2e-4)
    np.testing.assert_allclose(state["mu"], best[1:3], atol=2e-3)
    np.testing.assert_allclose(state["sigma"], np.exp(best[3:]), atol=2e-3)


def test_extra_zeros(prepared):
    rng = np.random.default_rng(6)
    y = np.concatenate([np.zeros(60), rng.poisson(3, 120), rng.poisson(14, 80)])
    found = prepared(y, {"family": "zero_inflated_poisson"}, 2)()["modes"]
    np.testing.assert_allclose(found[0]["state"]["rate"], [3, 14], rtol=0.2)
    assert 0.15 < found[0]["state"]["zero"][0] < 0.3
    assert len(found) == len(prepared(y, {"family": "zero_inflated_poisson"}, 2)(2)["modes"])


def test_binomial_counts(prepared):
    rng = np.random.default_rng(7)
    trials = rng.integers(8, 20, 150)
    p = np.repeat([0.1, 0.6], [90, 60])
    source = {"csv": "d.csv", "column": "y", "trials": "n"}
    search = prepared(rng.binomial(trials, p), {"family": "binomial"}, 2, source=source, trials=trials.astype(float))
    (mode,) = search()["modes"]
    np.testing.assert_allclose(mode["state"]["p"], [0.1, 0.6], atol=0.06)
    # The program's density is that of the logits: its gradient there vanishes at the mode.
    arguments = search.specification.parameters[0].priors[0].arguments
    y = search.rows.y

    def height(logits, theta):
        terms = np.log(theta) + stats.binom(trials[:, None], expit(logits)).logpmf(y[:, None])
        return logsumexp(terms, axis=1).sum() + stats.norm(*arguments).logpdf(logits).sum()

    state = arrays(mode)
    logits = np.log(state["p"] / (1 - state["p"]))
    for k in range(2):
        step = 0.01 * np.eye(2)[k]
        slope = (height(logits + step, state["theta"]) - height(logits - step, state["theta"])) / 0.02
        assert abs(slope) < 0.02


def test_several_columns(prepared):
    rng = np.random.default_rng(8)
    y = np.vstack([rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 80), rng.normal([6, 5], 1, (60, 2))])
    source = {"csv": "d.csv", "columns": ["a", "b"]}
    for order in ("none", "a"):
        search = prepared(y, {"family": "multivariate_normal", "order": order}, 2, source=source)
        found = search()["modes"]
        np.testing.assert_allclose(found[0]["state"]["mu"], [[0, 0], [6, 5]], atol=0.4)
        assert found[0]["state"]["correlation"][0][0][1] == pytest.approx(0.7, abs=0.15)
        assert all(mode["gap"] < -5 for mode in found[1:])


def test_the_share_of_a_mode_is_that_of_the_posterior_around_it(prepared):
    search = prepared(SIDES, {"family": "normal"}, 2)
    found = search()["modes"]
    assert sum(mode["share"] for mode in found) == pytest.approx(1, abs=1e-3)
    # By importance sampling: t distributions of 5 degrees of freedom, half as wide again as standard errors.
    rng, n, count = np.random.default_rng(3), len(SIDES), 20_000
    masses = []
    for mode in found:
        state = arrays(mode)
        theta, owned = state["theta"], n * state["theta"]
        centre = np.concatenate([[np.log(theta[0] / theta[1])], state["mu"], np.log(state["sigma"])])
        errors = np.concatenate(
            [[1 / np.sqrt(n * theta.prod())], state["sigma"] / np.sqrt(owned), 1 / np.sqrt(2 * owned)]
        )
        proposal = stats.multivariate_t(centre, np.diag((1.5 * errors) ** 2), df=5)
        drawn = proposal.rvs(count, random_state=rng)
        logs = -proposal.logpdf(drawn)
        for i, x in enumerate(drawn):
            share = expit(x[0])
            logs[i] += log_posterior(SIDES, search.specification, np.array([share, 1 - share]), x[1:3], np.exp(x[3:]))
            logs[i] += np.log(share * (1 - share)) + x[3:].sum()
        masses.append(logsumexp(logs))
        weights = np.exp(logs - logs.max())
        assert weights.sum() ** 2 / (weights**2).sum() > 400  # a standard error of at most 0.05
    expected = np.exp(masses - logsumexp(masses))
    np.testing.assert_allclose(np.log([mode["share"] for mode in found]), np.log(expected), atol=0.3)


def test_chains_start_in_the_modes_by_their_shares_and_what_they_miss_is_known(prepared):
    search = prepared(SIDES, {"family": "normal"}, 2).begun()
    first, second = search.groups[:2]
    for shares, expected in (((0.7, 0.3), [3, 1]), ((0.96, 0.04), [4, 0]), ((0.2, 0.8), [1, 3]), ((0.5, 0.5), [2, 2])):
        for group in search.groups:
            group["share"] = 0.0
        first["share"], second["share"] = shares
        begun = search.starts(4)
        assert [sum(state is group["state"] for state in begun) for group in (first, second)] == expected
        search._weigh()
    still = {name: np.array([[values] * 40] * 3) for name, values in second["state"].items()}
    assert search.misses(still) is (first["share"] > modes.MISSED)
    assert search.missed() == pytest.approx(1 - second["share"], abs=1e-6)
    # What is missed but too little for one chain of three is told and no reason to begin again.
    there = {name: np.array([[values] * 40] * 3) for name, values in first["state"].items()}
    assert not search.misses(there)
    assert search.missed() == pytest.approx(1 - first["share"], abs=1e-6)
    kept = [group["state"] for group in search.groups if group["share"] > 0]
    # Chains that stay for a while in each mode after the other: evenly spaced draws are then of all of them.
    moving = {name: np.array([[state[name] for state in kept for _ in range(20)]] * 3) for name in still}
    assert not search.misses(moving)
    assert search.missed() == 0


def test_a_fit_that_misses_a_mode_is_sampled_once_more(prepared, monkeypatch):
    """Chains are made to begin where the right group is told apart, while another mode holds everything."""
    prepared_search = prepared(sides(180, 60, 36), {"family": "normal"}, 2)
    folder, inputs = prepared_search.folder, prepared_search.inputs
    write_observations(prepared_search.rows, folder / "observations.csv")
    write_json(folder / "noticed.json", noticing.notice(prepared_search.rows, ["y"]))
    model = configuration.checked(
        {
            "datasets": {"d": {"csv": "d.csv", "column": "y"}},
            "models": {"m": {"family": "normal"}},
            "analyses": [{"dataset": "d", "models": ["m"], "components": 2}],
        }
    )["models"]["m"]
    sampling = {"chains": 2, "warmup": 200, "draws": 200, "adapt_delta": 0.8, "max_treedepth": 10, "metric": "diag"}
    heaviest = modes.Search.starts
    asked = []

    def right_first(self, chains):
        asked.append(chains)
        right = max(self.groups, key=lambda group: group["state"]["mu"][1])
        return [right["state"]] * chains if len(asked) == 1 else heaviest(self, chains)

    def fitted():
        names = ("draws", "specification", "modes", "modes_table", "modes_density")
        outputs = {name: folder / name for name in names} | {"data": inputs["data"]}
        where = {**inputs, "observations": folder / "observations.csv", "noticed": folder / "noticed.json"}
        fitting.fit(where, outputs, "m", model, 2, None, sampling, seed=5, say=lambda text: None)
        return read_json(outputs["modes"]), outputs

    found, outputs = fitted()
    assert not found["again"]
    assert sum(mode["share"] for mode in found["modes"] if any(mode["visits"])) > 1 - modes.MISSED
    before = [outputs[name].read_bytes() for name in ("modes", "modes_table", "modes_density")]
    lines = outputs["modes_table"].read_text().splitlines()
    assert lines[0] == "mode,gap,share,starts,component,theta,mu,sigma"
    assert len(lines) == 1 + 2 * len(found["modes"])
    fitted()
    assert before == [outputs[name].read_bytes() for name in ("modes", "modes_table", "modes_density")]
    monkeypatch.setattr(modes.Search, "starts", right_first)
    found, _ = fitted()
    assert found["again"]
    assert len(asked) == 3  # at first, to see where new ones would start, and for these
    assert sum(mode["share"] for mode in found["modes"] if any(mode["visits"])) > 1 - modes.MISSED
