"""Fits without one observation, where importance sampling cannot stand in for them."""

import tempfile
from pathlib import Path

import numpy as np
from scipy.special import logsumexp

from stanmix import cmdstan, inference, mixture
from stanmix.files import read_json, write_json
from stanmix.seeds import seed_for

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
    data, record = read_json(inputs["data"]), read_json(inputs["toolchain"])
    for place in places.tolist():
        count = list(data["count"])
        count[place] -= 1
        with tempfile.TemporaryDirectory() as scratch:
            without = Path(scratch) / "data.json"
            write_json(without, data | {"count": count})
            slots, _ = cmdstan.sample(
                inputs["executable"],
                without,
                specification["starting_values"],
                specification["sampling"],
                seed_for(seed, "without", place),
                record,
                say=say,
            )
        draws = inference.flat(slots, specification)
        point = points[[place]]
        values = mixture.log_likelihood(specification["family"], point, draws)
        repaired["elpd_i"][place] = logsumexp(values) - np.log(len(values))
        tails = np.stack(mixture.tails(specification["family"], point, draws))
        repaired["loo_pit"][:, place] = np.clip(tails.mean(axis=1)[:, 0], 0, 1)
        repaired["pareto_k"][place] = np.nan
    return repaired | {"refitted": len(places)}
