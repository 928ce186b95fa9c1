"""How fast the likelihood is, and how many effective draws a second come of it, beside peers.

    .venv/bin/python benchmarks/speed.py                          # the short set: stanmix alone, three minutes
    .venv/bin/python benchmarks/speed.py --peers PYTHON --long    # peers too, up to 10^6 observations

PYTHON is that of an environment with benchmarks/requirements-peers.txt. Prints Markdown tables for
benchmarks/README.md; with --figure FILE it draws the cost against the number of observations and of components.
Compare within one run only.
"""

import argparse
import contextlib
import functools
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "workflow"))
VARIANTS = {
    "stanmix": (True, {}),
    "stanmix, two lanes": (True, {"STANMIX_LANES": "2"}),
    "stanmix, plain program": (False, {}),
}
SAMPLED = {  # with the kernel or without, and the metric
    "stanmix": (True, "auto"),
    "stanmix, diagonal metric": (True, "diag"),
    "stanmix, plain program": (False, "auto"),
}
PEERS = ("nutpie", "pymc", "numpyro")
SAMPLING = {"chains": 4, "warmup": 1000, "draws": 1000, "adapt_delta": 0.8, "max_treedepth": 10}
SEED = 20260101


def tutorial(n):
    """About n values of the tutorial's three groups, exactly 215 or a multiple where n is one."""
    rng = np.random.default_rng(SEED)
    sizes = np.round(np.array([90, 50, 75]) * n / 215).astype(int)
    return np.concatenate([rng.normal(mu, 2, size) for mu, size in zip((9, 21, 35), sizes, strict=True)])


def even(n, components):
    """n values of that many groups side by side, and where the groups are."""
    rng = np.random.default_rng(SEED)
    locations = 10.0 * np.arange(components)
    return rng.normal(locations[rng.integers(components, size=n)], 2), locations


class Stanmix:
    """The compiled program of one column, with and without its kernel."""

    def __init__(self, folder):
        from stanmix.stan import cmdstan, toolchain

        self.folder, self.record = Path(folder), toolchain.describe(toolchain.ensure())
        cmdstan.use(self.record)  # imports what the contests shall not wait for
        logging.getLogger("cmdstanpy").setLevel("ERROR")
        for kernel in (True, False):
            with contextlib.redirect_stdout(sys.stderr):
                cmdstan.compile_program(
                    "univariate", ROOT / "stan", kernel, self.record, self.executable(kernel), self.folder / "made.json"
                )
        import cmdstanpy

        loops = shutil.copy(ROOT / "benchmarks" / "nested.stan", self.folder)
        with contextlib.redirect_stdout(sys.stderr):
            self.loops = cmdstanpy.CmdStanModel(stan_file=loops).exe_file

    def executable(self, kernel):
        return self.folder / f"univariate-{kernel}"

    def task(self, y, locations, together=1):
        """The specification, the observations (so many of them in a group), and the program's data in a file."""
        from stanmix.data import observations
        from stanmix.data.noticing import notice
        from stanmix.model.resolution import specify
        from stanmix.model.stan_data import program_data

        model = {
            "family": "normal", "share": ["sigma"], "own": [], "membership": "group", "labels": "ordered", "fixed": {},
            "priors": {
                "theta": "dirichlet(1)", "mu": f"normal({list(map(float, locations))}, 2)", "sigma": "cauchy(0, 5)",
            },
        }  # fmt: skip
        group = None if together == 1 else (np.arange(len(y)) // together).astype(str).astype(object)
        rows = observations.Observations(np.asarray(y), np.ones(len(y), int), group=group)
        units = rows.units(by_group=together > 1)
        specification = specify("speed", model, len(locations), notice(rows, ["y"]), None)
        path = self.folder / "data.json"
        path.write_text(json.dumps(program_data(specification, units)))
        return specification, units, path

    def gradient(self, variant, y, locations, together=1):
        """Seconds of one log density with its gradient."""
        kernel, environment = VARIANTS[variant]
        specification, units, data = self.task(y, locations, together)
        from stanmix.fits.starts import expectation_maximisation, starting_values

        start = starting_values(specification, units, [expectation_maximisation(specification, units)], SEED)[0]
        work = len(y) * len(locations) * (1 if kernel else 20)
        return self._leapfrog(self.executable(kernel), data, start, work, environment)

    def gradient_of_loops(self, y, locations, together):
        """The same of the program that a user would write, where so many rows in turn are a group."""
        data = {"K": len(locations), "G": len(y) // together, "M": together, "locations": list(map(float, locations))}
        (self.folder / "nested.json").write_text(json.dumps(data | {"y": y.reshape(-1, together).tolist()}))
        start = {"theta": [1 / len(locations)] * len(locations), "mu": data["locations"], "sigma": 2.0}
        work = 20 * len(y) * len(locations)
        return self._leapfrog(self.loops, self.folder / "nested.json", start, work, {})

    def _leapfrog(self, executable, data, start, work, environment):
        """Seconds of a gradient: leapfrog steps of CmdStan, by its own clock; the best of three rounds."""
        (self.folder / "start.json").write_text(json.dumps(start))
        steps = int(np.clip(3e7 / work, 5, 1000))
        method = (
            f"sample num_samples=20 num_warmup=0 adapt engaged=0 algorithm=hmc engine=static int_time={steps * 1e-6}"
        )
        command = [executable, *method.split(), "stepsize=1e-6", "data", f"file={data}"]
        command += [f"init={self.folder / 'start.json'}", "random", "seed=1", "output", f"file={self.folder / 'x.csv'}"]
        times = []
        for _ in range(3):
            said = subprocess.run(
                list(map(str, command)), check=True, capture_output=True, text=True, env=environment
            ).stdout
            times.append(float(re.search(r"([\d.e-]+) seconds \(Sampling\)", said)[1]) / (20 * steps))
        return min(times)

    def sample(self, variant, y, locations):
        """Seconds of sampling with warm-up, starting values included, and the draws by name."""
        from stanmix.fits.fitting import metric_of
        from stanmix.fits.starts import expectation_maximisation, overlap, starting_values
        from stanmix.stan import cmdstan

        kernel, metric = SAMPLED[variant]
        specification, units, data = self.task(y, locations)
        start = time.perf_counter()
        estimate = expectation_maximisation(specification, units)
        starts = starting_values(specification, units, [estimate] * SAMPLING["chains"], SEED)
        sampling = {**SAMPLING, "metric": metric}
        sampling["metric"] = metric_of(sampling, overlap(specification, units, estimate), starts)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            draws, _ = cmdstan.sample(self.executable(kernel), data, starts, sampling, SEED, self.record, threads=2)
        return time.perf_counter() - start, {
            "theta": draws["theta"], "mu": draws["location"], "sigma": draws["scale"][:, :, :1]
        }  # fmt: skip


def ask(python, task, folder):
    """Let a peer do a task in its own environment; return what it prints."""
    path = Path(folder) / "task.json"
    path.write_text(json.dumps(task))
    done = subprocess.run([python, ROOT / "benchmarks" / "peers.py", path], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout.splitlines()[-1])


def effective(draws):
    """The smallest bulk ESS of all parameters (float)."""
    import arviz as az

    columns = np.concatenate([values.reshape(*values.shape[:2], -1) for values in draws.values()], axis=2)
    return min(float(az.ess(columns[:, :, j])) for j in range(columns.shape[2]))


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def gradients(ours, python, peers, sizes, folder):
    """Nanoseconds per observation, component and gradient: {(contestant, n, K): float}."""
    found = {}
    for n, components in sizes:
        y, locations = even(n, components)
        for variant in VARIANTS:
            found[variant, n, components] = ours.gradient(variant, y, locations)
        for peer in peers:
            task = {"peer": peer, "task": "gradient", "y": y.tolist(), "locations": locations.tolist()}
            found[peer, n, components] = ask(python, task, folder)
        print(f"gradients: n = {n}, K = {components} done", file=sys.stderr)
    return {(name, n, k): seconds * 1e9 / (n * k) for (name, n, k), seconds in found.items()}


def of_groups(ours, python, peers, groups, size, components, folder):
    """Rows of the table of gradients where rows have memberships of their own, and where groups of them have one."""
    locations = 10.0 * np.arange(components)
    rng = np.random.default_rng(SEED)
    y = rng.normal(np.repeat(locations[rng.integers(components, size=groups)], size), 2)
    contestants = {variant: functools.partial(ours.gradient, variant, y, locations) for variant in VARIANTS}
    contestants["loops in Stan"] = functools.partial(ours.gradient_of_loops, y, locations)
    for peer in peers:
        task = {"peer": peer, "task": "gradient", "y": y.tolist(), "locations": locations.tolist()}
        contestants[peer] = lambda together, task=task: ask(python, task | {"together": together}, folder)
    found = {name: [seconds(together) for together in (1, size)] for name, seconds in contestants.items()}
    least = found["stanmix"][1]
    return [
        [
            name,
            *(f"{1e6 * each:.0f}" for each in seconds),
            f"{seconds[1] / seconds[0]:.2f}",
            f"{seconds[1] / least:.1f}",
        ]
        for name, seconds in found.items()
    ]


def sampling(ours, python, peers, sizes, folder):
    """Rows of the table of effective draws a second."""
    rows = []
    for n in sizes:
        y, locations = tutorial(n), [10.0, 20.0, 35.0]
        labels = ("pymc-labels",) if n < 1000 else ()  # it would take hours
        speed = {}
        for name in (*SAMPLED, *peers, *(labels if "pymc" in peers else ())):
            if name in SAMPLED:
                seconds, draws = ours.sample(name, y, locations)
            else:
                seconds, draws = of_peer(python, name, y, locations, folder)
            speed[name] = effective(draws) / seconds
            rows.append([name, len(y), f"{seconds:.2f}", f"{effective(draws):.0f}", f"{speed[name]:.1f}"])
            print(f"sampling: {rows[-1]}", file=sys.stderr)
        for row in rows[-len(speed) :]:
            row.append(f"{speed['stanmix'] / speed[row[0]]:.1f}")
    return rows


def of_peer(python, peer, y, locations, folder):
    out = Path(folder) / "draws.npz"
    task = {"peer": peer, "task": "sample", "y": y.tolist(), "locations": locations, "out": str(out), "seed": 1}
    seconds = ask(python, {**task, **SAMPLING}, folder)
    with np.load(out) as found:
        return seconds, dict(found)


def draw(found, path):
    """Cost against the number of observations at K = 3, and against the number of components at n = 10,750."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for name in dict.fromkeys(name for name, _, _ in found):
        for axes, keep, at in ((panels[0], lambda n, k: k == 3, 1), (panels[1], lambda n, k: n == 10_750, 2)):
            keys = sorted(key for key in found if key[0] == name and keep(*key[1:]))
            axes.loglog([key[at] for key in keys], [found[key] for key in keys], marker="o", ms=3, label=name)
    panels[0].set(xlabel="observations, K = 3", ylabel="ns per observation, component\nand gradient")
    panels[1].set(xlabel="components, n = 10,750")
    panels[1].set_xticks([2, 3, 5, 10, 20], ["2", "3", "5", "10", "20"], minor=False)
    panels[1].minorticks_off()
    figure.legend(*panels[0].get_legend_handles_labels(), frameon=False, fontsize=8, loc="outside right upper")
    figure.savefig(path, metadata={"Date": None} if Path(path).suffix == ".svg" else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", help="Python of an environment with the peers")
    parser.add_argument("--long", action="store_true", help="the whole grid; without it 215 and 10,750 observations")
    parser.add_argument("--groups", action="store_true", help="only the gradients of groups of rows")
    parser.add_argument("--figure", metavar="FILE", help="where to draw the cost of a gradient")
    parser.add_argument("--only", nargs="+", choices=PEERS, default=PEERS, help="some of the peers")
    options = parser.parse_args()
    peers = options.only if options.peers else ()
    sizes = [(215, 3), (10_750, 3)]
    if options.long:
        sizes = [(n, 3) for n in (100, 215, 1000, 10_750, 100_000, 1_000_000)] + [(10_750, k) for k in (2, 5, 10, 20)]
    with tempfile.TemporaryDirectory() as folder:
        ours = Stanmix(folder)
        print("Microseconds of a gradient, 10,000 rows and K = 3:\n")
        head = ["", "a membership for each row", "for each of 2,000 groups of five", "ratio", "stanmix is faster by"]
        print(table(head, of_groups(ours, options.peers, peers, 2000, 5, 3, folder)))
        if options.groups:
            return
        found = gradients(ours, options.peers, peers, sizes, folder)
        names = list(dict.fromkeys(name for name, _, _ in found))
        print("Nanoseconds per observation, component and gradient:\n")
        print(table(["n", "K", *names], [[n, k, *(f"{found[name, n, k]:.1f}" for name in names)] for n, k in sizes]))
        print("Four chains on two cores, 1000 warm-up iterations and 1000 draws each, compilation not counted:\n")
        head = ["", "n", "seconds", "least effective draws", "effective draws a second", "stanmix is faster by"]
        print(table(head, sampling(ours, options.peers, peers, [215, 10_750], folder)))
    if options.figure:
        draw(found, options.figure)


if __name__ == "__main__":
    main()
