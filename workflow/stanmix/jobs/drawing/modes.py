"""The figure of the modes of a fit's posterior."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from stanmix.base.files import read_json
from stanmix.data import observations, replication
from stanmix.families.family import MULTIVARIATE
from stanmix.families.multivariate_normal import telling_columns
from stanmix.figures import modes as figures
from stanmix.figures.style import new_figure
from stanmix.fits import mode_words
from stanmix.jobs.drawing import of_shares, part_names
from stanmix.model.specification import Specification


def modes_of_fit(inputs: Mapping, label: str) -> dict[str, Figure]:
    """The figure with a small picture of each of the first modes.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, specification, labels, modes and modes_density.
    label : str
        What the values are, with their unit.

    Returns
    -------
    dict of Figure
        modes.
    """
    found, specification = read_json(inputs["modes"]), Specification.read(inputs["specification"])
    called = read_json(inputs["labels"])["names"]
    rows = observations.read(inputs["observations"])
    y = rows.y[replication.sampled_rows(rows)]
    shown = [
        {"number": mode["number"], "gap": mode["gap"], "share": _share(mode), "chains": _chains(mode)}
        for mode in found["modes"][: found["shown"]]
    ]
    if not shown:
        figure = new_figure(4, 1)
    elif specification.kind == MULTIVARIATE:
        figure = _several_columns(shown, found, specification, y, called)
    else:
        figure = _one_column(shown, pd.read_csv(inputs["modes_density"]), y, label, called)
    return {"modes": figure}


def _one_column(shown, table, y, label, called):
    label = of_shares(label, int(table["per"].iloc[0]))
    parts = [name for name in table if name.startswith("component_")]
    for mode in shown:
        rows = table[table["mode"] == mode["number"]]
        mode |= {name: rows[name].to_numpy() for name in ("x", "observed", "mixture")}
        mode |= {"step": int(rows["step"].iloc[0]), "parts": rows[parts].to_numpy().T}
    names = part_names([name.removeprefix("component_") for name in parts], called)
    return figures.draw_modes(shown, label=label, y=y, names=names)


def _several_columns(shown, found, specification, y, called):
    states = [{name: np.array(v) for name, v in mode["state"].items()} for mode in found["modes"]]
    pair = sorted(telling_columns({name: states[0][name][None] for name in ("theta", "mu", "sigma")})[:2])
    for mode, state in zip(shown, states, strict=False):
        mode |= {"theta": state["theta"], "mu": state["mu"][:, pair], "sigma": state["sigma"][:, pair]}
        related = state.get("correlation")
        mode["rho"] = np.zeros(len(state["theta"])) if related is None else related[:, pair[0], pair[1]]
    family, names = specification.entry, [specification.columns[d] for d in pair]
    if specification.transform:  # ellipses are drawn where components are normal
        y, names = family.forward(y), [family.scales[d].text(name) for d, name in zip(pair, names, strict=True)]
    parts = part_names(map(str, range(1, specification.components + 1)), called)
    return figures.draw_modes(shown, label=names[0], y=y[:, pair], names=names, called=parts)


def _share(mode):
    """How much of the posterior is there, as written into a title."""
    return mode_words.percentage(mode["share"]) if mode["share"] else ""


def _chains(mode):
    """Which chains are there, as written into a picture; empty for none."""
    wholly = [str(chain) for chain, visits in enumerate(mode["visits"], start=1) if visits == mode["places"]]
    partly = [str(chain) for chain, visits in enumerate(mode["visits"], start=1) if 0 < visits < mode["places"]]
    if len(wholly) == len(mode["visits"]) > 1:
        return "all chains"
    lines = [f"chain{'s' if len(wholly) > 1 else ''} {', '.join(wholly)}"] if wholly else []
    if len(partly) == len(mode["visits"]) > 1:
        return "all chains, partly"
    lines += [f"partly chain{'s' if len(partly) > 1 else ''} {', '.join(partly)}"] if partly else []
    return "\n".join("\n".join(textwrap.wrap(line, 22)) for line in lines)
