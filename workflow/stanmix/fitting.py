"""One fit from observations to draws."""

from importlib.metadata import version

import numpy as np

from stanmix import cmdstan, inference, labels, mixture, observations, replication
from stanmix.family import Points
from stanmix.files import read_json, write_json
from stanmix.seeds import seed_for
from stanmix.specification import program_data, specify
from stanmix.starts import expectation_maximisation, overlap, starting_values

APART = 0.05  # expected share of misplaced observations up to which a posterior is taken to be nearly normal
LEARNT = 10  # warm-up iterations for each unknown from which its correlations with the others can be learnt
RAISED = 0.98  # adapt_delta of a second run where any transition of the first one diverged
PACKAGES = ("arviz", "cmdstanpy", "numpy", "scipy")


def fit(inputs, outputs, name, model, components, rounding, sampling, seed, threads=1, say=print):
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
    rounding : float or None
        The step to which the values are rounded, where the likelihood shall be that of intervals.
    sampling : dict
        chains, warmup, draws, adapt_delta, max_treedepth, metric.
    seed : int
        This fit's seed; starting values, chains and replicates derive theirs from it.
    threads : int
        How many chains run at once, and what is left for each.
    say : callable
        Told about progress.
    """
    record = read_json(inputs["toolchain"])
    rows = observations.read(inputs["observations"])
    units = rows.units()
    specification = specify(name, model, components, read_json(inputs["noticed"]), rounding)
    seeds = {job: seed_for(seed, job) for job in ("starts", "chains", "labels", "replicates")}
    estimate = expectation_maximisation(specification, units)
    starts = starting_values(specification, units, estimate, sampling["chains"], seeds["starts"])
    metric = metric_of(sampling, overlap(specification, units, estimate), starts)
    used = sampling | {"metric": metric}
    write_json(outputs["data"], program_data(specification, units))
    slots, statistics = cmdstan.sample(
        inputs["executable"], outputs["data"], starts, used, seeds["chains"], record, threads, say
    )
    raised = bool(statistics["divergent__"].any()) and used["adapt_delta"] < RAISED
    if raised:  # part of the posterior may be missing, which smaller steps reach
        say(f"Transitions diverged: sampling once more with adapt_delta {RAISED:g}.")
        used |= {"adapt_delta": RAISED}
        slots, statistics = cmdstan.sample(
            inputs["executable"], outputs["data"], starts, used, seeds["chains"], record, threads, say
        )
    names = {"theta": "theta"} | {entry["slot"]: entry["name"] for entry in specification["parameters"]}
    variables = {name: slots[slot] for slot, name in names.items()}
    if specification["labels"] == "relabelled":
        points = Points.of(units, specification["rounding"])
        rng = np.random.default_rng(seeds["labels"])
        variables = labels.relabelled(specification, points, units.count, variables, rng)
    sampled = replication.sampled_rows(rows)
    replicates = _replicates(specification, variables, rows, sampled, np.random.default_rng(seeds["replicates"]))
    versions = {package: version(package) for package in PACKAGES}
    attributes = {
        "seed": seed,
        "config": {"model": {name: model}, "components": components, "sampling": sampling},
        "versions": {**record, **versions},
    }
    inference.write_draws(outputs["draws"], specification, variables, statistics, rows, sampled, replicates, attributes)
    made_with = {
        "sampling": used,
        "adapt_delta_raised": raised,
        "seeds": seeds,
        "starting_values": starts,
        "versions": versions,
    }
    write_json(outputs["specification"], {**specification, **made_with})


def metric_of(sampling, overlap, starts):
    """The metric of NUTS: as asked, or dense where a posterior is nearly normal and warm-up is long enough to learn it.

    Parameters of overlapping components have curved posteriors or several modes, where one covariance misleads chains.

    Parameters
    ----------
    sampling : dict
        metric ("auto", "diag" or "dense") and warmup.
    overlap : float
        What `starts.overlap` says of the estimate.
    starts : list of dict
        Starting values of every chain: as many numbers as there are unknowns.

    Returns
    -------
    str
        "diag" or "dense".
    """
    if sampling["metric"] != "auto":
        return sampling["metric"]
    unknowns = sum(np.size(values) for values in starts[0].values())
    return "dense" if overlap <= APART and LEARNT * unknowns <= sampling["warmup"] else "diag"


def _replicates(specification, variables, rows, sampled, rng):
    """Replicated data sets of new units from evenly spaced draws of each chain, shape (chains, r, m)."""
    family = specification["family"]
    points = Points.of(rows, specification["rounding"])[sampled]
    chains = variables["theta"].shape[0]
    replicates = []
    for chain in range(chains):
        draws = {key: v[chain] for key, v in variables.items()}
        kept = mixture.thinned(draws, max(1, replication.REPLICATES // chains))
        members = mixture.draw_memberships(family, len(points), kept, rng)
        replicates.append(mixture.replicate(family, points, members, kept, rng))
    return np.stack(replicates)
