"""One fit from observations to draws."""

from importlib.metadata import version

import numpy as np

from stanmix import cmdstan, inference, mixture, observations
from stanmix.families import FAMILIES
from stanmix.files import read_json, write_json
from stanmix.seeds import seed_for
from stanmix.specification import SLOTS, program_data, specify
from stanmix.starts import starting_values

REPLICATES = 400  # replicated data sets in draws.nc, over all chains
PACKAGES = ("arviz", "cmdstanpy", "numpy", "scipy")


def fit(inputs, outputs, name, model, components, sampling, seed, threads=1, say=print):
    """Sample one model for one data set and write draws, specification and the program's data.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, noticed, executable, toolchain.
    outputs : mapping
        Paths: draws (netCDF), specification (JSON, with starting values and seeds), data (JSON for CmdStan).
    name : str
        The model's name.
    model : dict
        Its entry in the checked configuration.
    components : int
    sampling : dict
        chains, warmup, draws, adapt_delta, max_treedepth.
    seed : int
        This fit's seed; starting values, chains and replicates derive theirs from it.
    threads : int
        How many chains run at once.
    say : callable
        Told about progress.
    """
    record = read_json(inputs["toolchain"])
    y, _ = observations.read(inputs["observations"])
    specification = specify(name, model, components, read_json(inputs["noticed"]))
    seeds = {job: seed_for(seed, job) for job in ("starts", "chains", "replicates")}
    starts = starting_values(specification, y, sampling["chains"], seeds["starts"])
    write_json(outputs["data"], program_data(specification, y))
    slots, statistics = cmdstan.sample(
        inputs["executable"], outputs["data"], starts, sampling, seeds["chains"], record, threads, say
    )
    names = {"theta": "theta"} | dict(zip(SLOTS, FAMILIES[specification["family"]].names, strict=False))
    variables = {name: slots[slot] for slot, name in names.items()}
    replicates = _replicates(specification, variables, len(y), np.random.default_rng(seeds["replicates"]))
    versions = {package: version(package) for package in PACKAGES}
    attributes = {
        "seed": seed,
        "config": {"model": {name: model}, "components": components, "sampling": sampling},
        "versions": {**record, **versions},
    }
    inference.write_draws(outputs["draws"], specification, variables, statistics, y, replicates, attributes)
    made_with = {"sampling": sampling, "seeds": seeds, "starting_values": starts, "versions": versions}
    write_json(outputs["specification"], {**specification, **made_with})


def _replicates(specification, variables, n, rng):
    """Replicated data sets of new units from evenly spaced draws of each chain, shape (chains, r, n)."""
    chains = variables["theta"].shape[0]
    replicates = []
    for chain in range(chains):
        kept = mixture.thinned({key: v[chain] for key, v in variables.items()}, max(1, REPLICATES // chains))
        members = mixture.draw_memberships(n, kept, rng)
        replicates.append(mixture.replicate(specification["family"], members, kept, rng))
    return np.stack(replicates)
