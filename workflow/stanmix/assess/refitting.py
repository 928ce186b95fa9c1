"""Fits beside the fit: without an observation that importance sampling cannot leave out, and with one component."""

import tempfile
from pathlib import Path

import numpy as np

from stanmix.assess import crossvalidation, elpd
from stanmix.base.files import read_json, write_json
from stanmix.base.seeds import seed_for
from stanmix.families.family import Points
from stanmix.fits import inference
from stanmix.fits.starts import expectation_maximisation, starting_values
from stanmix.model import mixture
from stanmix.model.specification import program_data, specify
from stanmix.stan import cmdstan

MOST = 10  # distinct observations for which the model is fitted again; with more the family is to blame, not a few rows


def repair(loo, specification, points, inputs, seed, say=print):
    """Replace what importance sampling said of a few observations by what exact fits without them say.

    Parameters
    ----------
    loo : dict
        What `crossvalidation.leave_one_out` returned.
    specification : dict
        The fit's specification, with its starting values.
    points : Points
        The distinct observations, in the order of the program's data.
    inputs : mapping
        Paths: executable, toolchain and data (the program's data as JSON).
    seed : int
    say : callable
        Told what takes long.

    Returns
    -------
    dict
        elpd_i, loo_pit and pareto_k with the repaired values (no Pareto k for these), and refitted: how many these
        are, 0 when nothing had to be repaired or too much.
    """
    places = np.flatnonzero(loo["pareto_k"] > loo["good_k"])
    repaired = {key: loo[key].copy() for key in ("elpd_i", "loo_pit", "pareto_k")}
    if not 0 < len(places) <= MOST:
        return repaired | {"refitted": 0}
    say(f"Fitting again without each of {len(places)} observations whose Pareto k is too large.")
    data, starts = read_json(inputs["data"]), specification["starting_values"]
    for place in places.tolist():
        count = list(data["count"])
        count[place] -= 1
        without = data | {"count": count}
        draws = _sampled(inputs, specification, without, starts, seed_for(seed, "without", place), say)
        point = points[[place]]
        values = mixture.log_likelihood(specification["family"], point, draws)
        repaired["elpd_i"][place] = mixture.log_sum(values[:, 0], axis=0) - np.log(len(values))
        tails = np.stack(mixture.tails(specification["family"], point, draws))
        repaired["loo_pit"][:, place] = np.clip(tails.mean(axis=1)[:, 0], 0, 1)
        repaired["pareto_k"][place] = np.nan
    return repaired | {"refitted": len(places)}


def gain_over_single(loo, specification, model, noticed, units, inputs, seed, say=print):
    """How much better the fit predicts than the same model with a single component.

    Parameters
    ----------
    loo : dict
        What `repair` returned.
    specification : dict
        The fit's specification.
    model : dict
        Its entry in the checked configuration.
    noticed : dict
        What `noticing.notice` says of the data.
    units : observations.Units
    inputs : mapping
        Paths: executable and toolchain.
    seed : int
    say : callable
        Told what takes long.

    Returns
    -------
    difference, standard_error : float
        Of the expected log predictive densities.
    """
    say("Fitting a single component, because the observations fall into one cluster.")
    sampling, seed = specification["sampling"], seed_for(seed, "single")
    model = model | {"priors": model["priors"] | {"theta": "dirichlet(1)"}}  # its weight is 1, whatever weights were
    alone = specify(specification["model"], model, 1, noticed, specification["rounding"]) | {"sampling": sampling}
    starts = starting_values(alone, units, [expectation_maximisation(alone, units)] * sampling["chains"], seed)
    draws = _sampled(inputs, alone, program_data(alone, units), starts, seed, say)
    points = Points.of(units, specification["rounding"])
    draws = mixture.affordable(draws, len(points), sampling["chains"])
    other = crossvalidation.leave_one_out(alone["family"], points, units.count, draws, 1.0)
    gains = loo["elpd_i"] - other["elpd_i"]
    return float(gains @ units.count), elpd.standard_error(gains, units.count)


def _sampled(inputs, specification, data, starts, seed, say):
    """All draws of a program for other data than the fit's."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "data.json"
        write_json(path, data)
        record, sampling = read_json(inputs["toolchain"]), specification["sampling"]
        slots, _ = cmdstan.sample(inputs["executable"], path, starts, sampling, seed, record, say=say)
    return inference.flat(slots, specification)
