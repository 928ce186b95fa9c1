"""What one fit says: summary, checks, memberships, LOO, and the tables behind the predictive figures."""

import numpy as np
import pandas as pd

from stanmix import checks, columns, inference, mixture, observations, predictive, tables
from stanmix.families import FAMILIES
from stanmix.files import read_json, write_csv, write_json

CURVE_DRAWS = 1000  # draws behind bands of densities and predictive p-values
REPLICATES = 200  # replicated data sets behind the bands of kernel densities
LISTED = 2000  # rows of an HTML table; the CSV has all


def assess(inputs, outputs, seed):
    """Write every table of one fit.

    Parameters
    ----------
    inputs : mapping
        Paths: observations, draws, specification and, for simulated data, truth.
    outputs : mapping
        Paths: checks, summary, summary_html, label_free, membership, membership_html, loo, loo_pointwise, density,
        memberships_by_value, replicates, ecdf, predictive.
    seed : int
        For what is drawn here: memberships given the data, and replicated data that keep them.
    """
    y, true_component = observations.read(inputs["observations"])
    specification = read_json(inputs["specification"])
    truth = read_json(inputs["truth"]) if inputs.get("truth") else None
    idata = inference.read_draws(inputs["draws"])
    draws = inference.by_component(idata, specification)
    rng = np.random.default_rng(seed)
    family, name = specification["family"], specification["model"]

    log_likelihood = mixture.log_likelihood(family, y, draws)
    rows = summary_rows(idata, family, truth)
    label_free = label_free_rows(family, y, draws, log_likelihood, specification["sampling"])
    thinned = mixture.thinned(draws, CURVE_DRAWS)
    p_values = predictive.component_p_values(family, y, thinned, rng)
    p_values["ecdf"] = _write_predictive(outputs, family, y, idata, draws, thinned, rng)
    loo = inference.leave_one_out(idata, log_likelihood)

    found = checks.sampling_checks(
        rows, label_free, _statistics(idata), specification["sampling"], inference.energy_fraction(idata)
    )
    found += checks.predictive_checks(p_values)
    found.append(checks.loo_check(loo["n_bad"], loo["good_k"], len(y)))
    write_json(outputs["checks"], checks.as_json(found))

    _write_summary(outputs, name, rows, label_free, truth)
    probabilities = mixture.membership(family, y, draws)
    # A component has a true counterpart only when there are as many of them.
    comparable = truth is not None and truth["components"] == specification["components"]
    right = _write_membership(outputs, name, y, probabilities, true_component if comparable else None)
    write_json(outputs["loo"], {k: v for k, v in loo.items() if np.ndim(v) == 0} | {"n": len(y), "right": right})
    write_csv(
        outputs["loo_pointwise"],
        pd.DataFrame({"obs_id": range(1, len(y) + 1), "elpd": loo["elpd_i"], "pareto_k": loo["pareto_k"]}),
    )


def _statistics(idata):
    return {key: idata.sample_stats[key].to_numpy() for key in ("diverging", "tree_depth")}


def summary_rows(idata, family, truth=None):
    """One row for each scalar parameter.

    Parameters
    ----------
    idata : arviz.InferenceData
    family : str
        The family of the fit.
    truth : dict, optional
        The true parameters. Weights are compared when the number of components is the fit's, parameters when the family
        is, too.

    Returns
    -------
    list of dict
        title, parameter, component (from 1, None for shared), `inference.statistics_of`, truth and covered.
    """
    components = idata.posterior.sizes.get("component", 1)
    comparable = truth is not None and truth["components"] == components
    rows = []
    for name, component, draws in inference.scalars(idata):
        row = {
            "title": name if component is None else f"{name}[{component}]",
            "parameter": name,
            "component": component,
        }
        row |= inference.statistics_of(draws)
        values = truth[name] if comparable and (name == "theta" or truth["family"] == family) else None
        if values is not None and component is None:
            values = values[:1] if len(set(values)) == 1 else None  # a shared parameter has no one truth if it differs
        row["truth"] = None if values is None else values[(component or 1) - 1]
        row["covered"] = None if values is None else bool(row["hdi_lower"] <= row["truth"] <= row["hdi_upper"])
        rows.append(row)
    return rows


def label_free_rows(family, y, draws, log_likelihood, sampling):
    """Statistics of quantities that do not change when components change their labels.

    Parameters
    ----------
    family : str
    y : numpy.ndarray
        Shape (n,).
    draws : dict of numpy.ndarray
        Each (S, K), chain after chain.
    log_likelihood : numpy.ndarray
        Shape (S, n).
    sampling : dict
        chains and draws.

    Returns
    -------
    list of dict
        title and `inference.statistics_of` for the log likelihood, the mixture's mean and sd, and its density at the
        5, 25, 50, 75 and 95% quantiles of the data.
    """
    entry = FAMILIES[family]
    means, variances = entry.moments(*(draws[name] for name in entry.names))
    mean = (draws["theta"] * means).sum(axis=1)
    variance = (draws["theta"] * (variances + (means - mean[:, None]) ** 2)).sum(axis=1)
    quantities = {"log likelihood": log_likelihood.sum(axis=1), "mixture mean": mean, "mixture sd": np.sqrt(variance)}
    points = np.quantile(y, (0.05, 0.25, 0.5, 0.75, 0.95))
    for point, density in zip(points, mixture.densities(family, points, draws).sum(axis=2).T, strict=True):
        quantities[f"density at {point:.4g}"] = density
    shape = (sampling["chains"], sampling["draws"])
    return [
        {"title": title, **inference.statistics_of(values.reshape(shape))}
        for title, values in quantities.items()
        if np.isfinite(values).all()  # a heavy-tailed component has no variance, then the mixture has none
    ]


def _write_summary(outputs, name, rows, label_free, truth):
    known = [row for row in rows if row["truth"] is not None]
    shown = columns.SUMMARY + (columns.TRUTH if known else [])
    keys = ["parameter", "component", *(column["key"] for column in columns.SUMMARY[1:]), "median"]
    frame = pd.DataFrame([{key: row[key] for key in keys + (["truth", "covered"] if known else [])} for row in rows])
    frame["component"] = frame["component"].astype("Int64")
    write_csv(outputs["summary"], frame)
    write_csv(outputs["label_free"], pd.DataFrame(label_free))
    note = "Posterior mean, standard deviation and 95% highest-density interval of every parameter."
    if known:
        note += f" The interval holds the truth for {sum(row['covered'] for row in known)} of {len(known)} parameters."
    tables.write_html(outputs["summary_html"], f"Estimates of {name}", note, shown, rows)


def _write_membership(outputs, name, y, probabilities, true_component):
    """Write the memberships; return how many are right, or None when there is no truth to compare with."""
    best = probabilities.argmax(axis=1) + 1
    frame = pd.DataFrame({"obs_id": range(1, len(y) + 1), "y": y})
    names = [f"probability_{k + 1}" for k in range(probabilities.shape[1])]
    frame[names] = probabilities
    frame["component"] = best
    frame["uncertainty"] = 1 - probabilities.max(axis=1)
    right = None
    note = "The posterior probability of each component for every observation, the least certain first."
    if true_component is not None:
        frame["true_component"], frame["right"] = true_component, best == true_component
        right = int(frame["right"].sum())
        note += f" {right} of {len(y)} most probable components are the true ones."
    write_csv(outputs["membership"], frame)
    if len(frame) > LISTED:
        note += f" The first {LISTED} of {len(frame)} rows are shown; the CSV file has all."
    shown = frame.sort_values("uncertainty", ascending=False, kind="stable").head(LISTED)
    tables.write_html(
        outputs["membership_html"],
        f"Memberships under {name}",
        note,
        columns.membership(frame.columns),
        shown.to_dict("records"),
    )
    return right


def _write_predictive(outputs, family, y, idata, draws, thinned, rng):
    """Write the tables behind the predictive figures; return the p-value of the distribution function."""
    x = predictive.grid(y, FAMILIES[family].positive)
    mixture_band, component_bands = predictive.density_bands(family, x, thinned)
    density = {f"mixture_{key}": values for key, values in mixture_band.items()}
    for k, limits in enumerate(component_bands, start=1):
        density |= {f"component_{k}_{key}": values for key, values in limits.items()}
    write_csv(outputs["density"], pd.DataFrame({"x": x, **density}))

    by_value = mixture.membership(family, x, thinned)
    names = [f"probability_{k + 1}" for k in range(by_value.shape[1])]
    write_csv(outputs["memberships_by_value"], pd.DataFrame({"x": x, **dict(zip(names, by_value.T, strict=True))}))

    few = mixture.thinned(draws, REPLICATES)
    kept = mixture.replicate(family, mixture.sample_memberships(family, y, few, rng), few, rng)
    anew = idata.posterior_predictive["y"].to_numpy().reshape(-1, len(y))
    observed = predictive.kernel_density(y, x)
    keep_curves = np.array([predictive.kernel_density(row, x) for row in kept])
    thin = np.linspace(0, len(anew) - 1, min(REPLICATES, len(anew))).round().astype(int)
    anew_curves = np.array([predictive.kernel_density(row, x) for row in anew[thin]])
    curves = {"observed": observed}
    curves |= {f"keep_{key}": values for key, values in predictive.band(keep_curves).items()}
    curves |= {f"anew_{key}": values for key, values in predictive.band(anew_curves).items()}
    drawn = keep_curves[np.linspace(0, len(keep_curves) - 1, predictive.DRAWN).round().astype(int)]
    curves |= {f"replicate_{r}": values for r, values in enumerate(drawn, start=1)}
    write_csv(outputs["replicates"], pd.DataFrame({"x": x, **curves}))

    limits, p_value = predictive.ecdf_band(predictive.ecdf(y, x), np.array([predictive.ecdf(row, x) for row in anew]))
    write_csv(outputs["ecdf"], pd.DataFrame({"x": x, "observed": predictive.ecdf(y, x), **limits}))
    write_json(
        outputs["predictive"],
        {
            "bandwidth": predictive.bandwidth(y),
            "replicates_keep": len(kept),
            "replicates_anew": len(thin),
            "replicates_ecdf": len(anew),
            "peaks": predictive.peaks(x, mixture_band["median"], keep_curves, anew_curves),
        },
    )
    return p_value
