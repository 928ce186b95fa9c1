"""How often each predictive check warns and fails: data of the model (its size) and data of others (its power).

    .venv/bin/python benchmarks/checks_power.py [--datasets 50] [--n 200] [--draws 200] [case ...]

Every data set is simulated anew and fitted by the compiled programs from an estimate by maximum likelihood (two short
chains; modes are not searched), then judged by the very functions of an assessment. What is printed is a table of
percentages: warnings or failures, and failures.
"""

import argparse
import contextlib
import io
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "workflow"))

from stanmix.assess import checks, crossvalidation
from stanmix.base.files import write_json
from stanmix.config import configuration
from stanmix.data import noticing
from stanmix.data.observations import Observations
from stanmix.expected import discrepancies, predictive
from stanmix.families.family import Points
from stanmix.families.registry import FAMILIES
from stanmix.fits import inference
from stanmix.fits.starts import expectation_maximisation, starting_values
from stanmix.model import mixture
from stanmix.model.resolution import specify
from stanmix.model.stan_data import program_data
from stanmix.stan import cmdstan, toolchain

CHAINS, WARMUP, REPLICATES = 2, 200, 300
TRIALS = 20
TRUE = {  # for each family parameters of one component, and of two that lie well apart
    "normal": ({"mu": [0], "sigma": [1]}, {"mu": [0, 6], "sigma": [1, 1.5]}),
    "student_t": ({"mu": [0], "sigma": [1], "nu": [4]}, {"mu": [0, 12], "sigma": [1, 1], "nu": [4, 4]}),
    "lognormal": ({"meanlog": [0], "sdlog": [0.6]}, {"meanlog": [0, 3], "sdlog": [0.5, 0.5]}),
    "gamma": ({"mean": [3], "cv": [0.6]}, {"mean": [1, 12], "cv": [0.4, 0.3]}),
    "skew_normal": ({"mean": [0], "sd": [1], "slant": [4]}, {"mean": [0, 7], "sd": [1, 1], "slant": [4, -2]}),
    "poisson": ({"rate": [4]}, {"rate": [2, 14]}),
    "negative_binomial": ({"mean": [5], "dispersion": [0.6]}, {"mean": [3, 50], "dispersion": [0.3, 0.3]}),
    "zero_inflated_poisson": ({"rate": [4], "zero": [0.2]}, {"rate": [2, 14], "zero": [0.2, 0.2]}),
    "zero_inflated_negative_binomial": (
        {"mean": [8], "dispersion": [0.4], "zero": [0.2]},
        {"mean": [5, 60], "dispersion": [0.3, 0.3], "zero": [0.2, 0.2]},
    ),
    "binomial": ({"p": [0.3]}, {"p": [0.15, 0.7]}),
    "beta_binomial": ({"p": [0.3], "dispersion": [0.4]}, {"p": [0.15, 0.8], "dispersion": [0.2, 0.2]}),
}


def of_family(family, components):
    """A function that draws data of a family, its components equally common, with the parameters in `TRUE`."""
    values = TRUE[family][components - 1]

    def draw(rng, n):
        entry, member = FAMILIES[family], rng.integers(0, components, n)
        size = float(TRIALS) if entry.takes == "trials" else 1.0
        y = entry.generate(rng, *(np.array(values[name])[member] for name in entry.of_component), size=size)
        return y if entry.zero is None else np.where(rng.random(n) < values[entry.zero][0], 0.0, y)

    return draw


def columns(rng, n, components):
    """Three correlated columns of one or two normal components."""
    factor = np.linalg.cholesky(np.array([[1, 0.6, 0], [0.6, 1, -0.3], [0, -0.3, 1]]))
    return rng.normal(size=(n, 3)) @ factor.T + 5 * rng.integers(0, components, (n, 1))


SIZES = [(f"{name}, {k}", name, k, of_family(name, k)) for name in TRUE for k in (1, 2)]
SIZES += [
    (f"multivariate_normal, {k}", "multivariate_normal", k, lambda rng, n, k=k: columns(rng, n, k)) for k in (1, 2)
]
POWERS = [
    ("skewed (gamma, shape 4) under normal", "normal", 1, lambda rng, n: rng.gamma(4, size=n)),
    ("skewed under student_t", "student_t", 1, lambda rng, n: rng.gamma(4, size=n)),
    ("skewed under two normal ones 8 sds apart", "normal", 2,
     lambda rng, n: rng.gamma(4, size=n) + 16 * rng.integers(0, 2, n)),
    ("heavy tails (t, 3) under normal", "normal", 1, lambda rng, n: rng.standard_t(3, n)),
    ("heavy tails (log t, 3) under lognormal", "lognormal", 1, lambda rng, n: np.exp(0.5 * rng.standard_t(3, n))),
    ("lognormal (sdlog 1) under gamma", "gamma", 1, lambda rng, n: rng.lognormal(0, 1, n)),
    ("two 3 sds apart under normal", "normal", 1, lambda rng, n: rng.normal(rng.choice([0, 3], n))),
    ("three under two normal ones", "normal", 2, lambda rng, n: rng.normal(rng.choice([0, 4, 8], n))),
    *((f"two under one: {name}", name, 1, of_family(name, 2)) for name in TRUE if name not in ("normal",)),
    ("two under one: multivariate_normal", "multivariate_normal", 1, lambda rng, n: columns(rng, n, 2)),
    ("a skewed column under multivariate_normal", "multivariate_normal", 1,
     lambda rng, n: np.column_stack([rng.normal(size=n), rng.gamma(4, size=n)])),
    ("a spike of a tenth at 1 sd under normal", "normal", 1,
     lambda rng, n: np.where(rng.random(n) < 0.1, 1.0, rng.normal(size=n))),
    ("a spike of a tenth under gamma", "gamma", 1,
     lambda rng, n: np.where(rng.random(n) < 0.1, 2.0, rng.gamma(4, size=n))),
    ("overdispersed under poisson", "poisson", 1, lambda rng, n: rng.negative_binomial(4, 0.5, n)),
    ("overdispersed under two poisson ones", "poisson", 2,
     lambda rng, n: rng.negative_binomial(4, np.where(rng.random(n) < 0.5, 0.5, 4 / 44))),
    ("overdispersed under binomial", "binomial", 1, of_family("beta_binomial", 1)),
    ("overdispersed under zero_inflated_poisson", "zero_inflated_poisson", 1,
     of_family("zero_inflated_negative_binomial", 1)),
    ("extra zeros, a tenth, under poisson", "poisson", 1,
     lambda rng, n: np.where(rng.random(n) < 0.1, 0, rng.poisson(4, n))),
]  # fmt: skip
NAMES = (
    "component_spreads",
    "component_shapes",
    "ecdf",
    "shape",
    "frequencies",
    "statistics",
    "extremes",
    "ties",
    "loo_pit",
)


class Judge:
    """Fits data sets and says how each check ends.

    Parameters
    ----------
    folder : pathlib.Path
        For programs and data.
    draws : int
        Of each chain.
    """

    def __init__(self, folder, draws):
        self.folder, self.record = folder, toolchain.describe(toolchain.ensure())
        self.sampling = {"chains": CHAINS, "warmup": WARMUP, "draws": draws, "adapt_delta": 0.8, "max_treedepth": 10}
        self.sampling |= {"metric": "diag"}
        self.executables = {}

    def executable(self, program):
        if program not in self.executables:
            made = self.folder / program
            source = Path(__file__).parent.parent / "stan"
            cmdstan.compile_program(program, source, True, self.record, made, made.with_suffix(".json"))
            self.executables[program] = made
        return self.executables[program]

    def statuses(self, family, components, y, seed):
        """The status of each check of one data set, by its name."""
        y, entry, rng = np.asarray(y, dtype=float), FAMILIES[family], np.random.default_rng(seed)
        trials = np.full(len(y), float(TRIALS)) if entry.takes == "trials" else None
        rows = Observations(y, np.ones(len(y), dtype=int), trials=trials)
        names = [f"y{d + 1}" for d in range(y.shape[1])] if y.ndim > 1 else ["y"]
        noticed = noticing.notice(rows, names)
        specification = specify("m", model_of(family, names), components, noticed)
        units = rows.units()
        points = Points.of(units)
        write_json(self.folder / "data.json", program_data(specification, units))
        states = [expectation_maximisation(specification, units)] * CHAINS
        given = (
            self.executable(entry.program),
            self.folder / "data.json",
            starting_values(specification, units, states, seed),
        )
        with contextlib.redirect_stdout(io.StringIO()):  # what CmdStan says of every chain
            slots, _ = cmdstan.sample(*given, self.sampling, seed, self.record, say=lambda line: None)
        draws = inference.flat(slots, specification)
        loo = crossvalidation.leave_one_out(family, points, units.count, draws, 0.7)
        few = mixture.thinned(draws, REPLICATES)
        every = points[units.index]
        members = mixture.draw_memberships(family, len(every), few, rng)
        anew = mixture.replicate(family, every, members, few, rng)
        ends = loo["loo_pit"][:, units.index]
        ends = [ends] if y.ndim == 1 else list(np.moveaxis(ends, 2, 0))
        left_out = [predictive.drawn_between(each, rng) for each in ends]
        _, facts, p_values = discrepancies.judge(
            specification, every, few, mixture.thinned(draws, 200), anew, left_out, rng
        )
        found = checks.predictive_checks(p_values, specification, facts)
        found += [checks.tie_check(facts["ties"], len(y), specification)] if "ties" in facts else []
        return {check.name.removeprefix("predictive_"): check.status for check in found}


def model_of(family, names):
    """A model of that family as the configuration fills it in."""
    takes = {"trials": "t"} if FAMILIES[family].takes == "trials" else {}
    source = {"csv": "d.csv"} | ({"column": "y"} if len(names) == 1 else {"columns": names}) | takes
    asked = {"datasets": {"d": source}, "models": {"m": {"family": family}}}
    asked |= {"analyses": [{"dataset": "d", "models": ["m"], "components": 2}]}
    return configuration.checked(asked)["models"]["m"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help="parts of the cases' names; all without")
    parser.add_argument("--datasets", type=int, default=50)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--draws", type=int, default=200, help="of each of two chains")
    options = parser.parse_args()
    print(
        f"| {options.datasets} data sets each, n = {options.n}", *NAMES, "any warns", "any fails", sep=" | ", end=" |\n"
    )
    print("|---" * (len(NAMES) + 3) + "|")
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(Path(folder), options.draws)
        for name, family, components, draw in SIZES + POWERS:
            if options.cases and not any(case in name for case in options.cases):
                continue
            rng = np.random.default_rng(1)
            rows = [judge.statuses(family, components, draw(rng, options.n), 1 + i) for i in range(options.datasets)]
            cells = [cell([row[check] for row in rows if check in row]) for check in NAMES]
            worst = [checks.worst(row.values()) for row in rows]
            print(f"| {name}", *cells, *cell(worst).split(", "), sep=" | ", end=" |\n", flush=True)


def cell(statuses):
    """In percent, how many warn or fail, and how many fail; nothing of none."""
    if not statuses:
        return ""
    warned, failed = (100 * np.mean([status in bad for status in statuses]) for bad in (("warn", "fail"), ("fail",)))
    return f"{warned:.0f}, {failed:.0f}"


if __name__ == "__main__":
    main()
