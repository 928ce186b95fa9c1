"""Whether chains are in the heaviest mode, and what the search for it costs, against EM with 500 starts.

    .venv/bin/python benchmarks/modes.py [--only NAME ...]

Fits public and simulated data sets whose modes are looked for by `independent.py`, too, and prints a Markdown table for
benchmarks/README.md. Public data sets that do not lie beside the checkout are left out. Costs are processor seconds, so
that other work on the machine does not matter much.
"""

import argparse
import contextlib
import logging
import os
import sys
import tempfile
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # waiting threads would count as work

import numpy as np
import pandas as pd

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "benchmarks")]

import independent  # noqa: E402

from stanmix.base.files import read_json, write_json  # noqa: E402
from stanmix.config import configuration, plan  # noqa: E402
from stanmix.data import noticing  # noqa: E402
from stanmix.data.observations import Observations  # noqa: E402
from stanmix.data.observations import write as write_observations  # noqa: E402
from stanmix.fits import fitting, modes  # noqa: E402
from stanmix.model.specification import Specification  # noqa: E402
from stanmix.stan import cmdstan, toolchain  # noqa: E402

CASES = ROOT.parent / "shared" / "cases"
SAMPLING = {"chains": 4, "warmup": 1000, "draws": 1000, "adapt_delta": 0.8, "max_treedepth": 10, "metric": "auto"}
PLACES = 6  # draws of each chain from which it is climbed independently
HALF = 0.5  # of a fit, which a search may cost
MOST_MISSED = 0.05  # share of the posterior in modes that no chain visits


def public():
    """Public data sets: name, path, columns (the last a count of rows where it is called so), model and components."""
    data, cases, people = ROOT / "data", CASES / "data", CASES / "people"
    normal, shared = {"family": "normal"}, {"family": "normal", "share": ["sigma"]}
    several = {"family": "multivariate_normal"}
    return [
        ("acidity", data / "acidity.csv", {"y": "acidity"}, normal, 2),
        ("acidity", data / "acidity.csv", {"y": "acidity"}, normal, 3),
        ("eruptions", data / "old-faithful.csv", {"y": "eruption"}, normal, 2),
        ("eruptions", data / "old-faithful.csv", {"y": "eruption"}, normal, 3),
        ("waiting", data / "old-faithful.csv", {"y": "waiting"}, normal, 2),
        ("waiting", data / "old-faithful.csv", {"y": "waiting"}, normal, 3),
        ("both", data / "old-faithful.csv", {"y": ["eruption", "waiting"]}, several, 2),
        ("both", data / "old-faithful.csv", {"y": ["eruption", "waiting"]}, several, 3),
        ("death notices", data / "death-notices.csv", {"y": "notices", "frequency": "days"}, {"family": "poisson"}, 2),
        ("fish", data / "fish.csv", {"y": "fish"}, {"family": "negative_binomial"}, 2),
        ("fish", data / "fish.csv", {"y": "fish"}, {"family": "zero_inflated_poisson"}, 3),
        ("rat tumours", data / "rat-tumours.csv", {"y": "tumours", "trials": "rats"}, {"family": "binomial"}, 2),
        ("rat tumours", data / "rat-tumours.csv", {"y": "tumours", "trials": "rats"}, {"family": "beta_binomial"}, 2),
        ("galaxies", cases / "galaxy_corrected_26960.csv", {"y": "y"}, normal, 3),
        ("galaxies", cases / "galaxy_corrected_26960.csv", {"y": "y"}, normal, 4),
        ("galaxies", cases / "galaxy_corrected_26960.csv", {"y": "y"}, shared, 5),
        ("stamps", cases / "stamps_485.csv", {"y": "y"}, normal, 3),
        ("snapper", cases / "snapper_bayesmix_fish_256.csv", {"y": "y"}, normal, 4),
        ("iris, petals", cases / "iris.csv", {"y": ["y3", "y4"]}, several, 3),
        ("accidents", cases / "accidents_freq.csv", {"y": "y", "frequency": "freq"}, {"family": "poisson"}, 3),
        ("articles", cases / "biochemists_art_915.csv", {"y": "y"}, {"family": "negative_binomial"}, 2),
        ("hawks' tails", people / "06-hawk-tail/data.csv", {"y": "Tail"}, normal, 3),
        ("fire losses", people / "04-danish-fire/data.csv", {"y": "loss"}, {"family": "lognormal"}, 3),
        ("variant reads", people / "19-sciclone-vaf/data.csv", {"y": "TUM1_VAR_READS", "trials": "TUM1_DEPTH"},
         {"family": "binomial"}, 3),
    ]  # fmt: skip


def simulated():
    """Simulated data sets: name, values (and trials), model and components."""

    def normals(seed, *parts):
        rng = np.random.default_rng(seed)
        return np.concatenate([rng.normal(mean, sd, n) for n, mean, sd in parts])

    def sides(middle, left, right):
        parts = ((0, 1, middle), (-4.2, 0.3, left), (4, 0.3, right))
        return np.concatenate([normal_quantiles(n) * sd + mean for mean, sd, n in parts])

    def normal_quantiles(n):
        from scipy.special import ndtri

        return ndtri((np.arange(n) + 0.5) / n)

    def cross(seed):
        rng = np.random.default_rng(seed)
        arms = [rng.multivariate_normal([0, 0], [[4, s * 3.8], [s * 3.8, 4]], 120) for s in (1, -1)]
        return np.vstack(arms)

    def columns(seed, *parts):
        rng = np.random.default_rng(seed)
        return np.vstack([rng.normal(mean, sd, (n, len(mean))) for n, mean, sd in parts])

    rng = np.random.default_rng(99)
    trials = rng.integers(5, 200, 300).astype(float)
    normal, shared = {"family": "normal"}, {"family": "normal", "share": ["sigma"]}
    several, plain = {"family": "multivariate_normal"}, {"family": "multivariate_normal", "correlation": "diagonal"}
    return [
        ("three, sizes 300, 30, 10", normals(1, (300, 0, 1), (30, 5, 1), (10, 9, 0.5)), normal, 3),
        ("narrow inside wide", normals(2, (150, 0, 5), (60, 1, 0.3)), normal, 2),
        ("narrow inside wide, and one beside", normals(3, (200, 0, 4), (40, -1, 0.2), (60, 12, 1)), normal, 3),
        ("three humps, one small", normals(4, (140, 132, 5), (160, 156, 5), (570, 222, 13)), normal, 3),
        ("small groups on both sides", sides(60, 13, 12), normal, 2),
        ("the same, more", sides(180, 60, 36), normal, 2),
        ("one, K = 3", normals(5, (200, 0, 1)), normal, 3),
        ("two, K = 4", normals(6, (150, 0, 1), (80, 5, 1)), normal, 4),
        ("five equal peaks", normals(7, *[(60, 5 * k, 1) for k in range(5)]), shared, 5),
        ("two pairs", normals(8, (100, 0, 1), (100, 3, 1), (100, 20, 1), (100, 23.5, 1)), normal, 4),
        ("outliers", normals(9, (300, 0, 1), (12, 0, 12)), normal, 2),
        ("six, uneven", normals(10, *[(n, m, s) for n, m, s in
         ((200, 0, 1), (80, 5, 0.5), (40, 8, 0.3), (120, 12, 1.5), (30, 18, 0.4), (60, 24, 2))]), normal, 6),
        ("heavy tails", np.random.default_rng(11).standard_t(3, 400) + np.repeat([0, 8], [280, 120]),
         {"family": "student_t"}, 2),
        ("skewed", np.exp(normals(12, (300, 0, 0.5), (60, 2.2, 0.2), (40, 3.2, 0.1))), {"family": "lognormal"}, 3),
        ("waiting times", np.concatenate([np.random.default_rng(13).gamma(2, 2, 250),
         np.random.default_rng(14).gamma(60, 0.5, 50)]), {"family": "gamma"}, 2),
        ("slanted", np.concatenate([np.random.default_rng(15).gamma(2, 2, 250), normals(16, (60, 14, 0.6))]),
         {"family": "skew_normal"}, 2),
        ("counts, three", np.random.default_rng(17).poisson(np.repeat([2, 9, 30], [200, 60, 20])).astype(float),
         {"family": "poisson"}, 3),
        ("counts, overdispersed", np.random.default_rng(18).negative_binomial(
         4, np.repeat([0.6, 0.1], [200, 80])).astype(float), {"family": "negative_binomial"}, 2),
        ("counts, zeros", np.concatenate([np.zeros(90), np.random.default_rng(19).poisson(
         np.repeat([4, 18], [120, 40]))]), {"family": "zero_inflated_poisson"}, 2),
        ("shares, unequal trials", (rng.binomial(trials.astype(int), np.repeat([0.05, 0.2, 0.6], [200, 60, 40]))
         .astype(float), trials), {"family": "binomial"}, 3),
        ("two columns, sizes 200, 20, 15", columns(20, (200, [0, 0], 1), (20, [4, 4], 0.4), (15, [-4, 4], 0.4)),
         several, 3),
        ("a cross", cross(21), several, 2),
        ("two columns, narrow inside wide", columns(22, (150, [0, 0], 3), (50, [1, 1], 0.3)), several, 2),
        ("four columns", columns(23, (80, [0, 0, 0, 0], 1), (60, [3, 0, 3, 0], 1), (30, [0, 3, 0, 3], 0.6)), plain, 3),
    ]  # fmt: skip


class Clock:
    """Processor seconds of this process and of what it ran, in a search and in all."""

    def __init__(self):
        self.searching = 0.0

    @staticmethod
    def now():
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    def timing(self, method):
        def timed(*arguments, **more):
            begun = self.now()
            try:
                return method(*arguments, **more)
            finally:
                self.searching += self.now() - begun

        return timed


def cases():
    """Every data set as name, observations, names of columns, source, model and components."""
    for name, path, roles, model, components in public():
        if not path.is_file():
            print(f"{name}: {path} is not there.", file=sys.stderr)
            continue
        roles = dict(roles)
        y, table = roles.pop("y"), pd.read_csv(path)
        table = table.dropna(subset=np.atleast_1d(y))
        frequency = table[roles.pop("frequency")] if "frequency" in roles else np.ones(len(table))
        more = {role: table[column].to_numpy(float) for role, column in roles.items()}
        rows = Observations(table[y].to_numpy(float), np.asarray(frequency, int), **more)
        yield name, rows, list(np.atleast_1d(y)), roles, model, components
    for name, y, model, components in simulated():
        y, trials = y if isinstance(y, tuple) else (y, None)
        names = ["y"] if y.ndim == 1 else [f"y{d + 1}" for d in range(y.shape[1])]
        rows = Observations(y, np.ones(len(y), int), trials=trials)
        yield name, rows, names, {} if trials is None else {"trials": "trials"}, model, components


def fitted(rows, names, roles, model, components, executables, folder):
    """Fit a data set; return its specification, units, draws, modes and the seconds in the search and in the rest."""
    source = {"csv": "d.csv"} | ({"column": names[0]} if len(names) == 1 else {"columns": names}) | roles
    text = {"datasets": {"d": source}, "models": {"m": model}}
    model = configuration.checked(text | {"analyses": [{"dataset": "d", "models": ["m"], "components": components}]})[
        "models"
    ]["m"]
    record = toolchain.describe(toolchain.ensure())
    program = plan.FAMILIES[model["family"]].program
    if program not in executables:
        made = Path(executables["folder"]) / program
        cmdstan.compile_program(program, ROOT / "stan", True, record, made, made.with_suffix(".json"))
        executables[program] = made
    write_json(folder / "toolchain.json", record)
    write_json(folder / "noticed.json", noticing.notice(rows, names))
    write_observations(rows, folder / "observations.csv")
    inputs = {"observations": folder / "observations.csv", "noticed": folder / "noticed.json"}
    inputs |= {"executable": executables[program], "toolchain": folder / "toolchain.json"}
    outputs = {key: folder / f"{key}.json" for key in ("specification", "data", "modes")}
    outputs |= {key: folder / f"{key}.csv" for key in ("modes_table", "modes_density")} | {"draws": folder / "draws.nc"}
    clock, kept = Clock(), {}
    search = type(
        "Timed", (modes.Search,), {
            method: clock.timing(getattr(modes.Search, method)) for method in ("__init__", "starts", "misses", "found")
        },
    )  # fmt: skip
    fitting_search, modes.Search = modes.Search, search
    groups = fitting.exchange.groups

    def keeping(specification, variables, *more):
        kept["variables"] = variables
        return groups(specification, variables, *more)

    fitting.exchange.groups = keeping
    try:
        begun = clock.now()
        with contextlib.redirect_stdout(sys.stderr):
            fitting.fit(inputs, outputs, "m", model, components, None, SAMPLING, seed=1, say=lambda text: None)
        total = clock.now() - begun
    finally:
        modes.Search, fitting.exchange.groups = fitting_search, groups
    specification, found = Specification.read(outputs["specification"]), read_json(outputs["modes"])
    return specification, kept["variables"], found, clock.searching, total - clock.searching


def compared(specification, units, variables, found):
    """What independent modes say of a fit."""
    posterior = independent.Posterior(specification, units)
    known = independent.Modes(posterior)
    by_em = len(known.modes)
    ours = {known.add(posterior.place({k: np.array(v) for k, v in mode["state"].items()})) for mode in found["modes"]}
    states = modes.chain_states(variables, specification.components, PLACES)
    visits = [[known.add(posterior.place(state)) for state in chain] for chain in states]
    region, shares = known.shares()
    heaviest = int(shares.argmax())
    visited = [[region[mode] for mode in chain] for chain in visits]
    return {
        "em": by_em,
        "heaviest found": heaviest in {region[mode] for mode in ours},
        "share": shares[heaviest],
        "em found it": heaviest in region[:by_em],
        "in it": [sum(each == heaviest for each in chain) for chain in visited],
        "missed": 1 - float(shares[np.unique(np.concatenate(visited))].sum()),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", help="the data sets with these names alone")
    only = parser.parse_args().only
    logging.getLogger("cmdstanpy").setLevel("ERROR")
    print("| data | family | n | K | modes: stanmix, EM | share of the heaviest region | draws of each chain in it, "
          "of 6 | missed | search, s | rest of the fit, s | ratio |")  # fmt: skip
    print("|" + "---|" * 11, flush=True)
    good = []
    with tempfile.TemporaryDirectory() as scratch:
        executables = {"folder": scratch}
        for number, (name, rows, names, roles, model, components) in enumerate(cases()):
            if only and name not in only:
                continue
            folder = Path(scratch) / str(number)
            folder.mkdir()
            specification, variables, found, search, rest = fitted(
                rows, names, roles, model, components, executables, folder
            )
            said = compared(specification, rows.units(), variables, found)
            right = said["heaviest found"] and any(said["in it"]) and said["missed"] <= MOST_MISSED
            good.append((right, search <= HALF * rest))
            print(
                f"| {name} | {specification.family} | {rows.n} | {components} | {len(found['modes'])}, {said['em']} "
                f"| {100 * said['share']:.0f}%{'' if said['em found it'] else ' (not by EM)'} | "
                f"{', '.join(map(str, said['in it']))} | {100 * said['missed']:.1f}% | {search:.1f} | {rest:.1f} | "
                f"{search / rest:.2f}{'' if right else ' WRONG'}{' again' if found['again'] else ''} |",
                flush=True,
            )
    right, cheap = np.array(good).T
    print(f"\nChains are in the heaviest mode for {right.sum()} of {len(good)} data sets; the search costs at most "
          f"half a fit for {cheap.sum()}.")  # fmt: skip


if __name__ == "__main__":
    main()
