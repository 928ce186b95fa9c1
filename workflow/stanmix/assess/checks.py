"""Named checks of a fit: a value, a threshold, pass, warn or fail, and what to do."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from stanmix.base.columns import word_for
from stanmix.base.errors import UserError
from stanmix.base.files import read_json, write_text
from stanmix.base.text import LARGEST, SMALLEST
from stanmix.families.family import LINKS, to_link
from stanmix.families.multivariate_normal import given_the_others
from stanmix.families.priors import UNIT
from stanmix.fits import mode_words
from stanmix.model.prior import scalars

PASS, WARN, FAIL = "pass", "warn", "fail"
MISSED_MODES = {WARN: 0.01, FAIL: 0.05}  # shares of the posterior in modes that no chain visits
VISITED_ALIKE = {WARN: 0.01, FAIL: 0.001}  # probabilities below which chains do not visit the modes alike
CUT_REACH = 1.1  # times where a prior is cut: a parameter below that is at the cut
LIKELY = {WARN: 0.05, FAIL: 0.01}  # p-values below which data are unlikely under the model,
LIKELY_ENDS = {WARN: 0.01, FAIL: 1e-4}  # or their ends, where one value that went astray decides
SPIKE = 0.05  # share of the observations, beyond what a model expects of one value, that makes it another kind of data
WIDE = 10  # times the range of the data that 90% of the prior of a location may cover
PRIOR_DRAWS = 2000  # of locations whose priors are of differences, to see where they lie
AT_CUT = {WARN: 0.05, FAIL: 0.1}  # probabilities of being there above which a posterior leans on its cut
WITHIN = 2  # standard errors of a difference in prediction that tell nothing
TELLING = 4  # the smallest difference in prediction that tells anything (Sivula, Magnusson & Vehtari 2020)
FEW = 100  # observations below which standard errors of differences are not to be relied on
SAMPLING = ("rhat", "ess_bulk", "ess_tail", "divergences", "treedepth", "ebfmi")
SAMPLING += tuple(f"label_free_{name}" for name in SAMPLING[:3])  # the checks without which no draws can be used
MODES = ("modes_of_chains", "modes")  # the checks without which draws are not those of the posterior
LABELS = ("labels", "label_order", "groups")  # the checks without which nothing is said of single components


@dataclass(frozen=True)
class Check:
    """One check of one fit.

    Attributes
    ----------
    name : str
        The check's name, stable across versions.
    title : str
        What is checked, for readers.
    value : float or int or None
        The number that was judged.
    threshold : str
        What would pass.
    status : {"pass", "warn", "fail"}
    sentence : str
        What was found.
    remedy : str
        What to do when it does not pass; empty when it does.
    """

    name: str
    title: str
    value: float | int | None
    threshold: str
    status: str
    sentence: str
    remedy: str


def _judged(name, title, value, threshold, status, sentence, remedy):
    return Check(name, title, value, threshold, status, sentence, "" if status == PASS else remedy)


def small(probability):
    """A probability as far as draws tell it."""
    return "less than 0.001" if probability < 0.001 else f"{probability:.2g}"


def _number(expected):
    """An expected number of observations: two digits, or to the next whole number."""
    return f"{expected:.0f}" if expected >= 10 else f"{expected:.2g}"


def _above(value, warn, fail):
    return FAIL if value > fail else WARN if value > warn else PASS


def sampling_checks(rows, label_free, statistics, sampling, energy_fraction, raised=False):
    """Did the chains converge and explore?

    Parameters
    ----------
    rows, label_free : list of dict
        `inference.statistics_of` each parameter, and each quantity that does not depend on labels; with `title`.
    statistics : mapping
        diverging and tree_depth, each (chains, draws).
    sampling : dict
        chains, draws and max_treedepth of the configuration.
    energy_fraction : numpy.ndarray
        E-BFMI of each chain.
    raised : bool
        Whether adapt_delta was raised because transitions had diverged.

    Returns
    -------
    list of Check
    """
    checks = []
    for prefix, what, group in (("", "parameter", rows), ("label_free_", "label-free quantity", label_free)):
        group = [row for row in group if row["sd"] > 0]  # what is constant by construction has nothing to converge
        if not group:
            continue
        unknown = [row["title"] for row in group if None in (row["r_hat"], row["ess_bulk"], row["ess_tail"])]
        if unknown:
            sentence = f"R-hat or ESS cannot be computed for {', '.join(unknown)}: a chain does not move."
            remedy = "A chain is stuck: look at the traces; reconsider the priors, or raise sampling.warmup."
            checks.append(
                _judged(f"{prefix}rhat", f"R-hat of every {what}", None, "at most 1.01", FAIL, sentence, remedy)
            )
            continue
        worst = max(group, key=lambda row: row["r_hat"])
        checks.append(
            _judged(
                f"{prefix}rhat",
                f"R-hat of every {what}",
                worst["r_hat"],
                "at most 1.01",
                _above(worst["r_hat"], 1.01, 1.05),
                f"The largest R-hat of a {what} is {worst['r_hat']:.4f} ({worst['title']}).",
                "The chains disagree: look at the traces; draw longer, or reconsider the model if they sit in "
                "different modes.",
            )
        )
        least = 100 * sampling["chains"]
        for size, region in (("bulk", "centre of the posterior is"), ("tail", "tails of the posterior are")):
            worst = min(group, key=lambda row: row[f"ess_{size}"])
            value = worst[f"ess_{size}"]
            checks.append(
                _judged(
                    f"{prefix}ess_{size}",
                    f"{size.capitalize()} ESS of every {what}",
                    value,
                    f"at least {least}",
                    FAIL if value < least / 4 else WARN if value < least else PASS,
                    f"The smallest {size} effective sample size of a {what} is {math.floor(value)} of "
                    f"{sampling['chains'] * sampling['draws']} draws ({worst['title']}).",
                    f"The {region} known too roughly: raise sampling.draws.",
                )
            )
    total = statistics["diverging"].size
    diverging = int(statistics["diverging"].sum())
    checks.append(
        _judged(
            "divergences",
            "Divergent transitions",
            diverging,
            "0",
            PASS if diverging == 0 else WARN if diverging <= total / 1000 else FAIL,
            f"{diverging} of {total} transitions diverged"
            + (f", with adapt_delta raised to {sampling['adapt_delta']:g} by itself." if raised else "."),
            "Part of the posterior may not have been reached: raise sampling.adapt_delta towards 0.99; if they stay, "
            "the priors or the number of components do not suit the data.",
        )
    )
    deepest = int((statistics["tree_depth"] >= sampling["max_treedepth"]).sum())
    checks.append(
        _judged(
            "treedepth",
            "Trajectories cut short",
            deepest,
            "0",
            PASS if deepest == 0 else WARN if deepest <= total / 100 else FAIL,
            f"{deepest} of {total} trajectories reached the maximal tree depth of {sampling['max_treedepth']}.",
            "The sampler moves slowly: raise sampling.max_treedepth, or rescale the data if they are huge or tiny.",
        )
    )
    lowest = float(np.min(energy_fraction))
    checks.append(
        _judged(
            "ebfmi",
            "E-BFMI of every chain",
            lowest,
            "at least 0.3",
            FAIL if lowest < 0.2 else WARN if lowest < 0.3 else PASS,
            f"The smallest energy fraction of missing information is {lowest:.2f}.",
            "The tails are hard to reach: raise sampling.warmup, or use priors with lighter tails.",
        )
    )
    return checks


def cut_check(specification, draws, step, names=None):
    """Does a posterior lean on a number at which a prior is cut: where components are narrow, or tails heavy?

    Parameters
    ----------
    specification : Specification
    draws : dict of numpy.ndarray
        Each (S, K) or, with several columns, (S, K, D).
    step : float or None
        The step to which the values are rounded, where one was noticed.
    names : list of str, optional
        What the components are called.

    Returns
    -------
    list of Check
        None where no prior is cut inside the support of its parameter.
    """
    family, found = specification.entry, []
    for entry in specification.parameters:
        if not entry.priors or entry.slot not in ("scale", "sigma", "shape"):
            continue
        prior, is_shape = entry.priors[0], entry.slot == "shape"
        end = prior.lower if is_shape else family.narrowest(*prior.ends)
        if not end or end < 0:  # what is cut at 0, or at no end of its own, leans on nothing that anybody chose
            continue
        values, of = draws[entry.name] if is_shape else family.width(draws[entry.name]), ""
        if entry.column is not None:
            values, of = values[:, :, specification.columns.index(entry.column)], f" of {entry.column}"
        shares = (values < CUT_REACH * end).mean(axis=0)
        if entry.partly:
            shares[[k for k in range(len(shares)) if k not in entry.free]] = 0
        shown = float(end if is_shape else family.width(end))
        found.append(_leaning(shares, f"{entry.name}{of}", shown, not entry.shared, names, is_shape))
    if np.any(specification.thinnest or 0):
        beside = given_the_others(draws["sigma"], np.linalg.cholesky(draws["correlation"]))
        for d, limit in enumerate(specification.thinnest):
            name = f"the standard deviation of {specification.columns[d]} given the other columns"
            shares = (beside[:, :, d] < CUT_REACH * limit).mean(axis=0)
            found.append(_leaning(shares, name, limit, True, names, False))
    if not found:
        return []
    share, name, end, is_shape = max(found)
    if is_shape:
        remedy = (
            "The tails would be heavier still if they could be, so that little is a component and much is its tails: "
            "ask for one component more, or look at the values far out."
        )
    elif specification.kind == "multivariate":
        remedy = (
            "It would be smaller if the data could say so, but they are rounded: share sigma, ask for fewer "
            "components, or leave out a column of few values."
        )
    elif specification.rounding is None and not specification.transform:
        way = (
            f"say rounding: {step:g} in the data set, which makes the likelihood that of intervals and needs no cut"
            if step
            else f"no step is seen to which all are rounded, so share {name.split()[0]}, or ask for fewer components"
        )
        remedy = (
            "Values that are rounded or equal pull it there, and the estimate says more about the cut than about "
            f"the data: {way}."
        )
    else:
        remedy = "The estimate says more about the cut than about the data: cut the prior farther out, or not at all."
    return [
        _judged(
            "cut",
            "Parameters at the cut of their prior",
            share,
            f"at most {AT_CUT[WARN]:g}",
            _above(share, AT_CUT[WARN], AT_CUT[FAIL]),
            f"With probability {share:.2f} {name} lies within {100 * (CUT_REACH - 1):.0f}% of {end:.3g}, where its "
            "prior is cut.",
            remedy,
        )
    ]


def _leaning(shares, name, end, is_own, names, is_shape):
    """How probably a parameter is at its cut, of the component where that is most probable, and what it is called."""
    component = int(np.argmax(shares))
    of = f" of component {word_for(component + 1, names)}" if is_own and len(shares) > 1 else ""
    return float(shares[component]), f"{name}{of}", float(end), is_shape


def _middle_of_prior(entry, index):
    """Between which two numbers the middle 90% of the prior of a location are."""
    if entry.differences:
        at = scalars(entry, len(entry.priors), PRIOR_DRAWS, np.random.default_rng(0))[:, index]
        return np.quantile(at, [0.05, 0.95])
    return entry.priors[index].quantile(np.array([0.05, 0.95]))


def width_check(specification, noticed):
    """Is a prior of a location many times wider than the data?

    Parameters
    ----------
    specification : Specification
    noticed : dict
        What `noticing.notice` said of the data.

    Returns
    -------
    list of Check
        None for a single component, for default priors, and for shares, which lie between 0 and 1 anyway.
    """
    family, found = specification.entry, []
    for entry in specification.parameters:
        if specification.components == 1 or not entry.locates or entry.is_default:
            continue
        if entry.fixed or family.link == LINKS[UNIT]:
            continue
        facts = noticed["columns"][entry.column] if entry.column is not None else noticed
        column = list(noticed["columns"]).index(entry.column) if entry.column is not None else 0
        across = family.across(facts, column)
        of = f" of {entry.column}" if entry.column is not None else ""
        for index in range(len(entry.priors) if across else 0):
            with np.errstate(over="ignore"):
                ends = _middle_of_prior(entry, index)
            low, high = to_link(ends if family.link == 0 else np.clip(ends, SMALLEST, LARGEST), family.link)
            found.append((float((high - low) / across), f"{entry.name}{of}"))
    if not found:
        return []
    widest, name = max(found)
    logs = "" if family.link == 0 and not family.positive else ", by their logs"
    if specification.transform:
        logs = " on the scale of the model"
    return [
        _judged(
            "prior_width",
            "Width of the priors of locations",
            widest,
            f"at most {WIDE} times the data",
            WARN if widest > WIDE else PASS,
            f"The middle 90% of the prior of {name} cover {widest:.3g} times the range of the data{logs}.",
            "Far from the data a component without observations has much room there: it may hold a good part of the "
            "posterior, where chains seldom come, and the wider the prior, the more is said against every component. "
            "Leave the prior out, because the default is as wide as the data, or say one that is not much wider.",
        )
    ]


def p_text(value):
    """A p-value as readers see it: never 0, and never on the other side of a limit than it is.

    Parameters
    ----------
    value : float

    Returns
    -------
    str
        Such as ``0.23``, ``0.0496`` or ``less than 0.001``.
    """
    if value < 0.001:
        return "less than 0.001"
    digits = 2
    while any((float(f"{value:.{digits}g}") < limit) != (value < limit) for limit in LIKELY.values()):
        digits += 1
    return f"{value:.{digits}g}"


def predictive_checks(p_values, specification, facts=None):
    """Could the fitted model have produced these data?

    Parameters
    ----------
    p_values : dict
        Posterior predictive p-values under the names component_means, component_spreads, component_shapes,
        component_correlations, ecdf, shape, frequencies, statistics, extremes, loo_pit, group_means, group_sds and
        within_groups, those that there are.
    specification : Specification
        What of it is fixed tells the remedies.
    facts : dict, optional
        What is said of them: extremes (what `predictive.extremes` returned), and within_groups (the mean product of the
        scores of two rows of a group).

    Returns
    -------
    list of Check
    """
    fixed = [entry.name for entry in specification.parameters if entry.fixed or entry.partly]
    located = [entry.name for entry in specification.parameters if entry.locates]
    shape = "The shape of the mixture does not fit: reconsider the number of components or the family."
    if specification.kind == "continuous" and specification.rounding is None and not specification.transform:
        shape += " Where many values are equal because they are rounded, say rounding: in the data set."
    words = {
        "component_means": (
            "Means of the components",
            "data whose component means lie as far from the model's as here, or farther",
            "The model's means are not where the data are: estimate them, or correct the fixed values."
            if set(located) & set(fixed)
            else "The components do not lie where the data are, though their means are estimated: reconsider the "
            "priors, the number of components or the family.",
        ),
        "component_spreads": (
            "Spread within the components",
            "data whose spread within the components differs from the model's as much as here, or more",
            "The components are wider or narrower than the data: "
            + (
                "estimate what is fixed of their spread."
                if set(fixed) - set(located)
                else "reconsider the family (for overdispersed counts negative_binomial, beta_binomial)."
                if specification.kind == "whole"
                else "let their spread differ between them, or reconsider the family."
            ),
        ),
        "component_shapes": (
            "Shapes of the components",
            "data whose distribution within the components differs from the family as much as here, or more,",
            "The components are more skewed, more peaked or more divided than the family: reconsider the family or the "
            "number of components.",
        ),
        "component_correlations": (
            "Correlations within the components",
            "data whose columns go together within the components as differently from the model as here, or more",
            "Columns go together otherwise than the model says: let them be correlated (correlation: full), let each "
            "component have correlations of its own, or reconsider the number of components.",
        ),
        "ecdf": (
            "Distribution function of the data",
            "data whose distribution function lies as far out as here, or farther",
            shape,
        ),
        "shape": (
            "Shape of the distribution",
            "data whose distribution function lies as far out as here, or farther, each data set standardised by its "
            "own mean and standard deviation,",
            shape,
        ),
        "frequencies": (
            "Frequencies of the values",
            "data whose frequencies lie as far from what is expected as here, or farther (chi-squared),",
            "Some values are commoner or rarer than the mixture says: reconsider the number of components or the "
            "family (extra zeros: zero_inflated; overdispersion: negative_binomial, beta_binomial).",
        ),
        "statistics": (
            "Statistics of the data",
            "data whose statistics lie as far out together as here, or farther",
            "The figure of test statistics shows which lie outside of their band: reconsider the number of components "
            "or the family.",
        ),
        "extremes": (
            "Smallest and largest value",
            "data whose smallest or largest value lies as far out as here, or farther",
            "The tails do not fit: look at the outermost values, and reconsider the family or the number of "
            "components. Where values below or above a limit were not recorded, components reach beyond it.",
        ),
        "loo_pit": (
            "Observations as the others predict them",
            "observations that their predictions from all others fit as badly as here, or worse (LOO-PIT),",
            "The predictions are too wide, too narrow or to one side: reconsider the family or the number of "
            "components.",
        ),
    }
    alike = (
        "Rows of one group are alike beyond their class, which can make classes of what is none (Bauer & Curran 2003): "
        "groups may differ by degrees. Do not take the classes for kinds; reconsider the family or the number of "
        "components."
    )
    words |= {
        "group_means": (
            "Means of the groups",
            "data whose group means are spread as differently from the model's as here, or more,",
            "Whole groups lie higher or lower than their components say. "
            + (
                "Rows of a group seem to have one membership: leave `membership: row` away and compare."
                if not specification.by_group
                else "Reconsider the number of components; groups of one component may differ by degrees."
            ),
        ),
        "group_sds": (
            "Spread within the groups",
            "data whose standard deviations within groups differ from the model's as much as here, or more,",
            "Rows of a group vary more or less than their components say. "
            + (
                "Rows of a group seem to have one membership: leave `membership: row` away and compare."
                if not specification.by_group
                else "Rows of a group may come from several components: compare with `membership: row`."
            ),
        ),
        "within_groups": (
            "What rows of a group have in common",
            "data whose rows go together within groups as much as here beyond their component, or more,",
            alike,
        ),
    }
    facts = facts or {}
    checks = []
    for name, value in p_values.items():
        title, event, remedy = words[name]
        likely = LIKELY_ENDS if name == "extremes" else LIKELY
        sentence = f"Under the model, {event} have probability {p_text(value)}."
        if name == "extremes" and facts is not None:
            extremes = facts["extremes"]
            sentence += (
                f" It expects {_number(extremes['below'])} below the smallest value, and "
                f"{_number(extremes['above'])} above the largest."
            )
        elif name == "within_groups" and "within_groups" in facts:
            sentence += (
                f" Of two rows of a group the scores within their component correlate by {facts['within_groups']:.2f} "
                "(0 when nothing is left)."
            )
        checks.append(
            _judged(
                f"predictive_{name}",
                title,
                value,
                f"p at least {likely[WARN]:g}",
                FAIL if value < likely[FAIL] else WARN if value < likely[WARN] else PASS,
                sentence,
                remedy,
            )
        )
    return checks


def tie_check(ties, n, specification):
    """Are more observations equal to one value than the fitted model expects?

    Parameters
    ----------
    ties : dict
        What `discrepancies.ties` returned.
    n : int
        Observations that were looked at.
    specification : Specification
        It names the columns where there are several, and says whether values are rounded in the model.

    Returns
    -------
    Check
    """
    columns, rounded = specification.columns, specification.rounding is not None
    unlikely = {status: ties["p_value"] < limit for status, limit in LIKELY_ENDS.items()}
    status = WARN if unlikely[WARN] else PASS
    sentence = "No two values are equal."
    if ties["value"] is not None:
        of = "" if columns is None else f" of {columns[ties['column']]}"
        status = FAIL if unlikely[FAIL] and ties["count"] - ties["expected"] > SPIKE * n else status
        sentence = (
            f"{ties['count']} of {n} values{of} are {ties['value']:.6g}, where the model expects "
            f"{_number(ties['expected'])}: so many at any one value have probability {p_text(ties['p_value'])}."
        )
    return _judged(
        "ties",
        "Equal values",
        ties["p_value"],
        f"p at least {LIKELY_ENDS[WARN]:g}",
        status,
        sentence,
        "Where such values are a kind of their own (zeros, a cap, a limit of detection), describe the others alone"
        + (
            "; else reconsider the family."
            if rounded
            else "; where digits were preferred, say rounding: with their step."
        ),
    )


def no_better(difference, error):
    """Whether a difference in prediction, the better minus the worse, is too small to tell anything.

    Parameters
    ----------
    difference, error : float
        The difference of expected log predictive densities, not negative, and its standard error.

    Returns
    -------
    bool
    """
    return difference < TELLING or difference <= WITHIN * error


def label_checks(labels, can_relabel=True, names=None):
    """Do the names of the components mean something, and is there a component for each of them?

    Parameters
    ----------
    labels : dict
        What `certainty.judge` returned.
    can_relabel : bool
        Whether the model may say `labels: relabelled`.
    names : list of str, optional
        What the components are called.

    Returns
    -------
    list of Check
        None for a single component.
    """
    if not labels["pairs"]:
        return []
    way = (
        "say labels: relabelled in the model"
        if can_relabel
        else "give the components priors that lie farther apart, or one prior for all and labels: relabelled"
    )

    def both(pair):
        return f"{word_for(pair['first'], names)} and {word_for(pair['second'], names)}"

    worst_pair = max(labels["pairs"], key=lambda pair: pair["exchanged"])
    value = worst_pair["exchanged"]
    emptiest = int(np.argmax(labels["empty"]))
    edges = [pair for pair in labels["pairs"] if pair["edge"] is not None]
    found = []
    if edges:
        closest = max(edges, key=lambda pair: pair["edge"])
        share = "less than 0.1" if closest["edge"] < 0.001 else f"{100 * closest['edge']:.1f}"
        found.append(
            _judged(
                LABELS[1],
                "Order of the components",
                closest["edge"],
                "at most 0.02",
                _above(closest["edge"], 0.02, 0.05),
                f"Components {both(closest)} are nearly equal, and told apart by the order alone, in {share}% of the "
                "draws.",
                f"There the order cuts the posterior off, and estimates of single components are pushed apart: {way}.",
            )
        )
    return [
        *found,
        _judged(
            LABELS[0],
            "Names of the components",
            value,
            "at most 0.05",
            _above(value, 0.05, 0.15),
            f"Components {both(worst_pair)} are exchanged with probability {small(value)}.",
            f"What is said of a single component may be about another one in some draws: {way}, order by another "
            "parameter, or ask for fewer components (two may be the same).",
        ),
        _judged(
            "empty",
            "Empty components",
            labels["empty"][emptiest],
            "at most 0.05",
            _above(labels["empty"][emptiest], 0.05, 0.5),
            f"Component {word_for(emptiest + 1, names)} owns less than one observation in "
            f"{100 * labels['empty'][emptiest]:.0f}% of the draws.",
            "The data do not need so many components: ask for fewer, or give theta a larger concentration.",
        ),
    ]


def group_check(parts, clusters, gain):
    """Do the observations fall into as many groups as there are components?

    Parameters
    ----------
    parts : list of str
        What `mixture.parts` says: the components, and "zero" where there are extra zeros.
    clusters : int
        Clusters of the partition with the least expected loss.
    gain : tuple of float or None
        By how much the model predicts better than with a single component, with the standard error, where this was
        asked.

    Returns
    -------
    Check
    """
    sentence = f"Without names of components the observations fall into {clusters} cluster{'s' if clusters > 1 else ''}"
    needed = f"the {len(parts)} components" + (" (extra zeros are one)" if "zero" in parts else "")
    status = PASS if clusters >= len(parts) else WARN
    if status == PASS:
        sentence += f" for {needed}."
    elif clusters > 1:
        sentence += f", fewer than {needed}."
    else:
        sentence += ": the data do not say of any observation which component it belongs to."
    remedy = (
        "Some components share the observations that they describe, so the most probable one of an observation means "
        "little there; ask for fewer components if each should be a group."
    )
    if gain is not None and no_better(*gain):
        status = FAIL
        sentence += (
            f" And a single component predicts as well, as far as can be told (difference {0.0 - gain[0]:.1f}, "
            f"standard error {gain[1]:.1f})."
        )
        remedy = (
            "Ask for one component; or say what tells several apart: a column of known components, or a prior for each."
        )
    elif gain is not None:
        sentence += f" But a single component predicts worse by {gain[0]:.1f} (standard error {gain[1]:.1f})."
    return _judged(
        LABELS[2], "Groups among the observations", clusters, f"{len(parts)} clusters", status, sentence, remedy
    )


def mode_checks(found):
    """Do the chains see the same modes, and did they miss one?

    Parameters
    ----------
    found : dict
        What `modes.search` returned.

    Returns
    -------
    list of Check
    """
    modes, p_value = found["modes"], found["p_value"]
    visited = [mode for mode in modes if any(mode["visits"])]
    alike = 1.0 if p_value is None else p_value
    where = mode_words.on_chains(found)
    if len(visited) > 1 and p_value is not None:
        where += f" If they visited them alike, they would differ as much as here with probability {small(alike)}."
    missed = [mode for mode in modes if not any(mode["visits"]) and mode["share"] > 0]
    share = sum(mode["share"] for mode in missed)
    said = f"{len(modes)} mode{'s' if len(modes) > 1 else ''} found"
    if not missed:
        said += ", and no chain misses one."
    else:
        those = f"mode {missed[0]['number']}" if len(missed) == 1 else f"{len(missed)} of them"
        about = "" if share < 0.001 or share > 0.999 else "about "  # a limit is no estimate
        said += f"; {those}, which no chain visits, hold{'s' if len(missed) == 1 else ''} {about}"
        said += f"{mode_words.percentage(share)} of the posterior."
        largest = max(missed, key=lambda mode: mode["share"])
        if share > MISSED_MODES[WARN] and len(missed) > 1:
            said += f" The largest is mode {largest['number']}."
        if share > MISSED_MODES[WARN] and largest["away"]:
            said += " There a component without observations lies far from the data, anywhere in its prior."
    if found["again"]:
        said += " Sampling was begun once more, in the modes that were known then."
    return [
        _judged(
            MODES[0],
            "Modes that the chains visit",
            p_value,
            f"p at least {VISITED_ALIKE[WARN]:g}",
            FAIL if alike < VISITED_ALIKE[FAIL] else WARN if alike < VISITED_ALIKE[WARN] else PASS,
            where,
            "What the chains say together depends on how many of them happened to start near which mode: compare the "
            "pictures of the modes, and use priors that tell them apart, fewer components, or labels: relabelled where "
            "only the order keeps them apart.",
        ),
        _judged(
            MODES[1],
            "Modes that no chain visits",
            share,
            f"at most {100 * MISSED_MODES[WARN]:g}% of the posterior",
            _above(share, MISSED_MODES[WARN], MISSED_MODES[FAIL]),
            said,
            "The posterior holds more than the chains saw: compare the pictures of the modes. Say priors of locations "
            "that are about as wide as the data, and no wider, and such that tell "
            "them apart; where a component has collapsed onto equal values, say `rounding:` or share its scale; or "
            "ask for fewer components, because those that the data do not need have many places to be.",
        ),
    ]


def loo_check(n_bad, refitted, good_k, n, things="observations"):
    """Can PSIS-LOO be trusted for every observation?

    Parameters
    ----------
    n_bad : int
        Observations whose Pareto k is above the threshold and which no exact fit replaces.
    refitted : int
        Distinct observations that such a fit replaces.
    good_k : float
        The threshold for this number of draws.
    n : int
        How many are left out, one by one.
    things : {"observations", "groups"}
        What is left out.

    Returns
    -------
    Check
    """
    return _judged(
        "pareto_k",
        f"Pareto k of every {things[:-1]}",
        n_bad,
        f"0 {things}",
        PASS if n_bad == 0 else WARN if n_bad <= 0.05 * n else FAIL,
        f"{n_bad} of {n} {things} have a Pareto k above {good_k:.2f}"
        + (f", after exact fits without each of {refitted} more." if refitted else "."),
        f"The comparison by LOO is uncertain there: look at these {things}, they may be outliers.",
    )


def worst(statuses):
    """The worst of several statuses; "pass" for none."""
    return max(statuses, key=(PASS, WARN, FAIL).index, default=PASS)


def as_json(checks):
    """Checks as plain values with the verdict on top."""
    return {"status": worst(check.status for check in checks), "checks": [asdict(check) for check in checks]}


def require(paths, output):
    """Demand that no check failed.

    Parameters
    ----------
    paths : dict
        For what each fit is called the path of its checks.json.
    output : path-like
        A text file that says that all is well.

    Raises
    ------
    UserError
        With one sentence for each failed check.
    """
    failed = [
        f"{title}: {check['title']}: {check['sentence']} {check['remedy']}"
        for title, path in paths.items()
        for check in read_json(path)["checks"]
        if check["status"] == FAIL
    ]
    if failed:
        raise UserError(*failed, "The configuration is strict: the reports are written, but the run ends in an error.")
    write_text(output, f"No check failed; fits looked at: {len(paths)}.\n")
