"""ArviZ behind one door: InferenceData in files, and the statistics of draws."""

import json
import math
import warnings
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import xarray as xr

from stanmix.base.columns import title_of
from stanmix.base.files import whole
from stanmix.families.family import WHOLE
from stanmix.model import mixture

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # ArviZ announces its next major version at import
    import arviz as az

EVEN = 1.5  # times the smallest importance weight, up to which the largest needs no smoothing
INTERVAL = 0.95  # probability of the highest-density intervals in every table
FIXED = "fixed_components"  # the attribute of a variable that names those (from 1) for which it is not estimated
LIBRARY = "cmdstanpy"  # that the draws come from
OF_ROWS = ("trials", "exposure", "known")  # what the file says of every row beside its values
READ = ("posterior", "sample_stats", "constant_data", "posterior_predictive")  # by the workflow itself
SAMPLE_STATS = {  # CmdStan's names and ArviZ's
    "lp__": "lp",
    "accept_stat__": "acceptance_rate",
    "stepsize__": "step_size",
    "treedepth__": "tree_depth",
    "n_leapfrog__": "n_steps",
    "divergent__": "diverging",
    "energy__": "energy",
}


def write_draws(path, specification, variables, statistics, rows, sampled, replicates, attributes, groups=None):
    """Write one fit as ArviZ InferenceData, the same bytes every time.

    Parameters
    ----------
    path : path-like
        The netCDF file.
    specification : Specification
        What `specification.specify` returned.
    variables : dict of numpy.ndarray
        theta and the parameters, each (chains, draws, K), with an axis for each column that they are about; the weight
        of extra zeros has one element. Fixed ones go to the group constant_data, shared ones lose their axis of
        components.
    statistics : dict of numpy.ndarray
        CmdStan's columns of the sampler, each (chains, draws).
    rows : observations.Observations
    sampled : numpy.ndarray of int
        The rows that are replicated, from 0, shape (m,).
    replicates : numpy.ndarray
        Replicated data sets of new units from evenly spaced draws of each chain, shape (chains, r, m).
    attributes : dict
        Seed, configuration and versions; kept as JSON text.
    groups : dict of xarray.Dataset, optional
        What else is computed from the draws: `exchange.groups`.
    """
    modes = specification.modes
    posterior = estimated(specification, variables)
    constant = {}
    for name, values in variables.items():
        if modes[name] == "fixed":
            constant[name] = values[0, 0] if values.shape[2] == specification.components else values[0, 0, 0]
    stats = {name: statistics[column] for column, name in SAMPLE_STATS.items()}
    stats["diverging"] = stats["diverging"].astype(bool)
    stats["tree_depth"], stats["n_steps"] = stats["tree_depth"].astype(int), stats["n_steps"].astype(int)
    dims = {name: axes_of(values.ndim - 2, modes[name]) for name, values in posterior.items()}
    dims |= {name: axes_of(values.ndim, modes[name]) for name, values in constant.items()}
    dims = {name: axes for name, axes in dims.items() if axes}
    columns = specification.columns
    named = {} if columns is None else {"column": columns, "column2": columns}
    known = {name: getattr(rows, name) for name in OF_ROWS if getattr(rows, name) is not None}
    known |= {"weight": rows.frequency} if np.any(rows.frequency != 1) else {}
    known |= {} if rows.group is None else {"group": rows.groups[1] + 1}  # by their first appearance
    idata = az.from_dict(
        posterior=posterior,
        sample_stats=stats,
        constant_data={**constant, **known} or None,
        coords={
            "component": np.arange(1, specification.components + 1),
            "obs_id": np.arange(1, len(rows.y) + 1),
            **named,
        },
        dims={**dims, **{name: ["obs_id"] for name in known}},
    )
    # With every observation there, the three groups by observation have the same axes, as tools want to find them.
    complete = sampled if len(sampled) == rows.n else np.arange(len(rows.y))
    labels = mixture.spaced(statistics["lp__"].shape[1], replicates.shape[1])
    by_observation = {
        "observed_data": at_observations(rows.y[complete], specification, complete, len(rows.y)),
        "posterior_predictive": at_observations(replicates, specification, sampled, len(rows.y), labels),
    }
    for entry in specification.parameters:
        if entry.partly:
            numbers = [k for k, value in enumerate(entry.value, start=1) if value is not None]
            idata.posterior[entry.name].attrs[FIXED] = numbers
    of_y = {name: values.to_dataset(name="y") for name, values in by_observation.items()}
    idata.add_groups(of_y | (groups or {}))
    made_by = {"inference_library": LIBRARY, "inference_library_version": version(LIBRARY)}
    for group in idata.groups():
        idata[group].attrs.pop("created_at", None)
        idata[group].attrs |= made_by
    idata.attrs = {name: json.dumps(value, sort_keys=True) for name, value in attributes.items()} | made_by
    for group in idata.groups():
        for values in idata[group].data_vars.values():
            # Draws hardly shrink, and packing them would take longer than all the rest of the writing.
            values.encoding = {"zlib": True, "complevel": 1} if values.dtype.kind == "i" and values.ndim else {}
    with whole(path) as beside:
        idata.to_netcdf(str(beside), engine="h5netcdf", compress=False)


def estimated(specification, variables):
    """Draws of what is not fixed, shared parameters without their axis of components.

    Parameters
    ----------
    specification : Specification
    variables : dict of numpy.ndarray
        theta and the parameters, each (chains, draws, K) or longer.

    Returns
    -------
    dict of numpy.ndarray
    """
    modes = specification.modes
    return {
        name: values[:, :, 0] if modes[name] == "shared" else values
        for name, values in variables.items()
        if modes[name] != "fixed"
    }


def at_observations(values, specification, sampled, n, draws=None):
    """Values of observations with named axes.

    Parameters
    ----------
    values : numpy.ndarray
        Shape (m,) or (m, D), before which may stand axes of chains and draws.
    specification : Specification
    sampled : numpy.ndarray of int
        The row of each observation, from 0, shape (m,).
    n : int
        How many rows there are.
    draws : numpy.ndarray of int, optional
        Which draws of each chain they are from.

    Returns
    -------
    xarray.DataArray
        Its axis is obs_id where each row is one observation; else observation, with the row of each as obs_id. Whole
        numbers are stored as such: tools then know that they are discrete.
    """
    place = "obs_id" if np.array_equal(sampled, np.arange(n)) else "observation"
    before = () if draws is None else ("chain", "draw")
    coords = {"obs_id": (place, sampled + 1)}
    if draws is not None:
        coords |= {"chain": np.arange(len(values)), "draw": draws}
    if values.ndim > len(before) + 1:
        coords["column"] = specification.columns
    if specification.kind == WHOLE and np.array_equal(values, np.floor(values)):
        values = values.astype(np.int64)
    return xr.DataArray(values, dims=(*before, place, "column")[: values.ndim], coords=coords)


def axes_of(axes, mode):
    """The names (list of str) of so many axes of a parameter; there is one of components unless its mode is shared."""
    begin = 1 if mode == "shared" else 0
    return ["component", "column", "column2"][begin : begin + axes]


def read_draws(path, groups=READ):
    """Read what `write_draws` wrote, into memory.

    Parameters
    ----------
    path : path-like
    groups : tuple of str
        Those that are wanted; what the file does not have is left out.

    Returns
    -------
    arviz.InferenceData
    """
    import h5netcdf

    with h5netcdf.File(path, "r") as file:
        there = [group for group in groups if group in file.groups]
    return az.InferenceData(**{group: xr.load_dataset(path, group=group, engine="h5netcdf") for group in there})


def by_component(idata, specification):
    """All draws of theta and the parameters with one column per component.

    Parameters
    ----------
    idata : arviz.InferenceData
    specification : Specification

    Returns
    -------
    dict of numpy.ndarray
        Each (S, K), with several columns (S, K, D) or (S, K, D, D); S = chains x draws, chain after chain; fixed and
        shared values repeated.
    """
    components = specification.components
    total = idata.posterior.sizes["chain"] * idata.posterior.sizes["draw"]
    draws = {}
    for name in specification.names:
        if name in idata.posterior:
            array = idata.posterior[name].transpose("chain", "draw", ...)
            values = array.to_numpy().reshape(total, *array.shape[2:])
            values = values if "component" in array.dims else values[:, None]
        else:
            values = idata.constant_data[name].to_numpy()
        draws[name] = np.array(np.broadcast_to(values, (total, components, *values.shape[2:])))
    return draws


@dataclass(frozen=True)
class Scalar:
    """The draws of one number of a posterior.

    Attributes
    ----------
    name : str
        Of the parameter it belongs to.
    component : int or None
        From 1; None for what all components share.
    columns : tuple of str
        The columns that it is about: none, one, or two for a correlation.
    draws : numpy.ndarray
        Shape (chains, draws).
    """

    name: str
    component: int | None
    columns: tuple
    draws: np.ndarray

    @property
    def title(self):
        """Such as ``theta[1]``, ``mu[1, waiting]`` or ``correlation[1, waiting, eruptions]``."""
        return title_of(self.name, self.component, self.columns)


def flat(slots, specification):
    """All draws that `cmdstan.sample` returned, under the names of the parameters, as `by_component` gives them."""
    every = {name: slots[slot].reshape(-1, *slots[slot].shape[2:]) for name, slot in specification.slots.items()}
    return {name: specification.expanded(values) for name, values in every.items()}


def scalars(idata):
    """The numbers that are estimated, in the order of the file, correlations once (list of Scalar)."""
    result = []
    for name, values in idata.posterior.data_vars.items():
        array = values.transpose("chain", "draw", ...)
        draws = array.to_numpy()
        for place in np.ndindex(draws.shape[2:]):
            where = dict(zip(array.dims[2:], place, strict=True))
            if "column2" in where and where["column"] <= where["column2"]:
                continue  # the diagonal, or the same correlation again
            columns = tuple(str(array[axis].values[at]) for axis, at in where.items() if axis != "component")
            component = where["component"] + 1 if "component" in where else None
            if component in np.atleast_1d(array.attrs.get(FIXED, [])):
                continue
            result.append(Scalar(name, component, columns, draws[(..., *place)]))
    return result


def statistics_of(draws):
    """Location, spread, interval and convergence of one scalar.

    Parameters
    ----------
    draws : numpy.ndarray
        Shape (chains, draws).

    Returns
    -------
    dict
        mean, sd, mcse_mean, median, hdi_lower, hdi_upper (95%), ess_bulk, ess_tail and r_hat (Vehtari et al. 2021).
        The last three and mcse_mean are None for draws that are all equal.
    """
    lower, upper = az.hdi(draws.ravel(), hdi_prob=INTERVAL)
    constant = bool(np.all(draws == draws.flat[0]))

    def number(function, **options):
        value = float("nan") if constant else float(function(draws, **options))
        return value if math.isfinite(value) else None

    return {
        "mean": float(draws.mean()),
        "sd": 0.0 if constant else float(draws.std(ddof=1)),
        "mcse_mean": number(az.mcse, method="mean"),
        "median": float(np.median(draws)),
        "hdi_lower": float(lower),
        "hdi_upper": float(upper),
        "ess_bulk": number(az.ess, method="bulk"),
        "ess_tail": number(az.ess, method="tail"),
        "r_hat": number(lambda all_draws: az.rhat(_halves(all_draws), method="rank")),
    }


def _halves(draws):
    """A single chain as two, because R-hat compares chains and must not be left out; several as they are."""
    chains, length = draws.shape
    return draws if chains > 1 else draws[:, : length // 2 * 2].reshape(2, -1)


def energy_fraction(idata):
    """E-BFMI of each chain (Betancourt 2016), shape (chains,)."""
    return az.bfmi(idata)


def relative_efficiency(idata):
    """Effective over actual draws, averaged over the scalar parameters, as PSIS wants it; 1 for a single chain."""
    if idata.posterior.sizes["chain"] == 1:
        return 1.0
    effective = [float(az.ess(scalar.draws, method="mean")) for scalar in scalars(idata)]
    return float(np.mean(effective)) / (idata.posterior.sizes["chain"] * idata.posterior.sizes["draw"])


def leave_one_out_weights(log_likelihood, efficiency):
    """Pareto-smoothed importance weights that leave one observation out (Vehtari, Gelman & Gabry 2017).

    Where no weight is more than `EVEN` times another there is no tail to smooth, and the weights are taken as they are:
    with many observations none says much about the parameters, and smoothing takes longer than all the rest.

    Parameters
    ----------
    log_likelihood : numpy.ndarray
        Of each observation with its membership summed out, shape (S, m).
    efficiency : float
        What `relative_efficiency` says.

    Returns
    -------
    log_weights : numpy.ndarray
        Logs of weights that add to 1 over the draws, shape (S, m).
    pareto_k : numpy.ndarray
        Shape (m,); not a number where nothing was smoothed.
    """
    pareto_k = np.full(log_likelihood.shape[1], np.nan)
    log_weights = -log_likelihood - mixture.log_sum(-log_likelihood, axis=0)
    smoothed = np.ptp(log_likelihood, axis=0) > np.log(EVEN)
    if smoothed.any():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # large Pareto k: said by the check that counts them
            found, k = az.psislw(-log_likelihood.T[smoothed], efficiency)
        log_weights[:, smoothed], pareto_k[smoothed] = np.asarray(found).T, np.atleast_1d(np.asarray(k))
    return log_weights, pareto_k


def narrow_bandwidth(y):
    """A kernel bandwidth that does not take the distance between components for the width of one.

    Parameters
    ----------
    y : numpy.ndarray
        Data, shape (n,).

    Returns
    -------
    float
        ArviZ's own choice: the mean of Silverman's and the improved Sheather-Jones rule (Botev et al. 2010).
    """
    return float(az.kde(y, bw="experimental", bw_return=True)[2])
