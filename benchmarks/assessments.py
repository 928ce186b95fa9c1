"""What one assessment costs: every table of a fit to 1408 rows, for the families whose probabilities cost most.

    .venv/bin/python benchmarks/assessments.py [--rows 1408] [--draws 1000] [family ...]

Two components, four chains. Nothing is sampled: draws are scattered around an estimate by maximum likelihood, and no
observation is left out by a fit of its own. Trials and exposures differ from row to row, so that few rows are equal.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "workflow"))

from stanmix.assess import refitting
from stanmix.base import files
from stanmix.config import configuration
from stanmix.data import noticing, observations
from stanmix.data.observations import Observations
from stanmix.families.registry import FAMILIES
from stanmix.fits import fitting, inference
from stanmix.fits.starts import expectation_maximisation
from stanmix.jobs import assessing
from stanmix.model import mixture
from stanmix.model.resolution import specify

CHAINS, REPLICATES, SCATTER = 4, 100, 0.02
VALUES = {  # of two components
    "normal": {"mu": [10, 20], "sigma": [2, 2]},
    "skew_normal": {"mean": [10, 20], "sd": [2, 2], "slant": [3, 3]},
    "negative_binomial": {"mean": [0.5, 5], "dispersion": [0.4, 0.4]},
    "zero_inflated_negative_binomial": {"mean": [0.5, 5], "dispersion": [0.4, 0.4], "zero": [0.2, 0.2]},
    "binomial": {"p": [0.1, 0.4]},
    "beta_binomial": {"p": [0.1, 0.4], "dispersion": [0.3, 0.3]},
}


class Folder(dict):
    """A path in one folder for everything that is asked for."""

    def __init__(self, place):
        super().__init__()
        self.place = place

    def __missing__(self, name):
        return self.place / name


def simulated(family, rows, rng):
    """Observations of two components of a family, with trials from 100 to 1500 or exposures around 20."""
    entry, component = FAMILIES[family], rng.integers(0, 2, rows)
    trials = rng.integers(100, 1500, rows).astype(float) if entry.takes == "trials" else None
    exposure = rng.gamma(4, 5, rows) if entry.takes == "exposure" else None
    size = trials if trials is not None else exposure if exposure is not None else 1.0
    values = (np.array(VALUES[family][name])[component] for name in entry.of_component)
    y = entry.generate(rng, *values, size=size)
    if entry.zero is not None:
        y = np.where(rng.random(rows) < VALUES[family]["zero"][0], 0.0, y)
    return Observations(y, np.ones(rows, dtype=int), trials=trials, exposure=exposure)


def seconds(family, rows, draws):
    """Processor seconds of an assessment."""
    rng = np.random.default_rng(1)
    data = simulated(family, rows, rng)
    source = {"csv": "d.csv", "column": "y"} | ({} if data.trials is None else {"trials": "t"})
    asked = {"datasets": {"d": source}, "models": {"m": {"family": family}}}
    model = configuration.checked(asked | {"analyses": [{"dataset": "d", "models": ["m"], "components": 2}]})["models"][
        "m"
    ]
    noticed = noticing.notice(data, ["y"])
    specification = specify("m", model, 2, noticed)
    variables, shape = {}, (CHAINS, draws, 2)
    for name, values in expectation_maximisation(specification, data.units()).items():
        moved = rng.normal(0, SCATTER, shape)
        positive = (values > 0).all()
        variables[name] = (
            np.minimum(values * np.exp(moved), 0.99)
            if name == "p"
            else (values * np.exp(moved) if positive else values + moved)
        )
    variables["theta"] /= variables["theta"].sum(axis=2, keepdims=True)
    shared = [entry.name for entry in specification.parameters if entry.mode == "shared"]
    variables |= {name: np.repeat(variables[name][:, :, :1], 2, axis=2) for name in shared}
    statistics = {column: rng.random(shape[:2]) for column in inference.SAMPLE_STATS}
    sampling = {"chains": CHAINS, "draws": draws, "max_treedepth": 10}
    specification = replace(specification, sampling=sampling, seeds={"replicates": 1}, adapt_delta_raised=False)
    every = np.arange(rows)
    anew = fitting.replicates(specification, variables, data, every, mixture.spaced(draws, REPLICATES), rng)
    variables |= {name: variables[name][:, :, :1] for name in shared}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        paths = {name: folder / name for name in ("observations", "draws", "specification", "noticed")}
        observations.write(data, paths["observations"])
        specification.write(paths["specification"])
        files.write_json(paths["noticed"], noticed)
        inference.write_draws(paths["draws"], specification, variables, statistics, data, every, anew, {})
        outputs = Folder(folder / "out")
        begin = time.process_time()
        assessing.assess_fit(paths, outputs, model, seed=1)
        return time.process_time() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", choices=[[], *VALUES], help="all without")
    parser.add_argument("--rows", type=int, default=1408)
    parser.add_argument("--draws", type=int, default=1000, help="of each of four chains")
    options = parser.parse_args()
    refitting.MOST = 0  # nothing is fitted again
    refitting.gain_over_single = lambda *arguments: (10.0, 1.0)
    print(
        f"| family, {options.rows} rows, {CHAINS} x {options.draws} draws | processor seconds |", "|---|---|", sep="\n"
    )
    for family in options.families or VALUES:
        print(f"| {family} | {seconds(family, options.rows, options.draws):.1f} |", flush=True)


if __name__ == "__main__":
    main()
