"""What the columns of each table are called, and how their numbers are written."""

SUMMARY = [
    {"key": "title", "title": "parameter", "text": True},
    {"key": "mean", "title": "mean"},
    {"key": "sd", "title": "sd", "format": {"digits": 3}},
    {"key": "mcse_mean", "title": "MCSE", "format": {"digits": 2}, "help": "Monte Carlo standard error of the mean"},
    {"key": "hdi_lower", "title": "95% HDI from", "help": "highest-density interval"},
    {"key": "hdi_upper", "title": "to"},
    {"key": "ess_bulk", "title": "bulk ESS", "format": {"decimals": 0}, "help": "effective sample size for the centre"},
    {"key": "ess_tail", "title": "tail ESS", "format": {"decimals": 0}, "help": "effective sample size for the tails"},
    {"key": "r_hat", "title": "R-hat", "format": {"decimals": 3}, "help": "near 1 when the chains agree"},
]
OF_SCALARS = ("column", "column_2")  # which columns of the data a parameter is about, where there are several
# How pandas reads tables with these, whose names may look like numbers or like what it takes for missing.
TEXT = {"dtype": dict.fromkeys(OF_SCALARS, str), "keep_default_na": False, "na_values": [""]}
VALUE = "y_"  # begins the names of such columns in tables, where other names might be the same
TRUTH = [
    {"key": "truth", "title": "truth"},
    {"key": "covered", "title": "covered", "help": "whether the interval holds the truth"},
]
CHECKS = [
    {"key": "status", "title": "status", "text": True},
    {"key": "title", "title": "check", "text": True},
    {"key": "sentence", "title": "what was found", "text": True, "long": True, "beneath": "remedy"},
    {"key": "threshold", "title": "passes at", "text": True},
]
LABELS = [
    {"key": "first", "title": "component"},
    {"key": "second", "title": "and"},
    {"key": "exchanged", "title": "exchanged", "format": {"decimals": 4}, "help": "probability that their names are"},
    {
        "key": "edge",
        "title": "at the edge",
        "format": {"decimals": 4},
        "help": "share of draws that the order holds apart",
    },
]
NUMBERS = [
    {"key": "components", "title": "K"},
    {"key": "elpd", "title": "elpd", "format": {"decimals": 1}, "help": "expected log predictive density by PSIS-LOO"},
    {"key": "elpd_diff", "title": "difference", "format": {"decimals": 1}, "help": "to the best number"},
    {"key": "dse", "title": "se of it", "format": {"decimals": 1}},
    {
        "key": "within",
        "title": "within two",
        "text": True,
        "help": "whether it is within two standard errors of the best",
    },
    {"key": "n_bad", "title": "bad Pareto k", "help": "observations for which LOO is uncertain, after exact fits"},
    {
        "key": "refitted",
        "title": "exact fits",
        "help": "distinct observations that were left out by a fit of their own",
    },
    {"key": "smallest", "title": "smallest", "help": "observations whose most probable component is the smallest one"},
    {
        "key": "agreement",
        "title": "agreement",
        "format": {"decimals": 2},
        "help": "adjusted Rand index with the row above",
    },
    {"key": "failed", "title": "fails", "text": True, "long": True},
]
COMPARISON = [
    {"key": "model", "title": "model", "text": True},
    {"key": "status", "title": "checks", "text": True},
    {"key": "elpd", "title": "elpd", "format": {"decimals": 1}, "help": "expected log predictive density by PSIS-LOO"},
    {"key": "se", "title": "se", "format": {"decimals": 1}},
    {"key": "elpd_diff", "title": "difference", "format": {"decimals": 1}, "help": "to the best model"},
    {"key": "dse", "title": "se of it", "format": {"decimals": 1}},
    {"key": "p_loo", "title": "p_loo", "format": {"decimals": 1}, "help": "effective number of parameters"},
    {"key": "n_bad", "title": "bad Pareto k", "help": "observations for which LOO is uncertain"},
]


def title_of(name, component, columns=()):
    """What a scalar is called: its parameter, and in brackets its component, if it has one, and its columns."""
    index = [*([] if component is None else [str(component)]), *columns]
    return f"{name}[{', '.join(index)}]" if index else name


def modes(parameters, with_remarks):
    """Columns of the table of modes: the weights and parameters of their components, and what is odd about these."""
    found = [
        {"key": "number", "title": "mode"},
        {
            "key": "gap",
            "title": "gap",
            "format": {"decimals": 1},
            "help": "log density minus that of the best",
        },
        {"key": "starts", "title": "starts", "help": "how many starts of the search led there"},
        {"key": "chains", "title": "chains", "text": True, "help": "whose draws lead there, and how many if not all"},
        *({"key": name, "title": name, "text": True} for name in ("theta", *parameters)),
    ]
    return [*found, {"key": "remarks", "title": "remarks", "text": True, "long": True}] if with_remarks else found


def comparison(with_truth):
    """Columns of the comparison of models, with the right memberships where the truth is known."""
    right = {"key": "right", "title": "memberships right", "help": "most probable component is the true one"}
    return [*COMPARISON, right] if with_truth else COMPARISON


def membership(frame):
    """Columns of a membership table (a DataFrame) for `tables.html_table`; weights only where they say something."""
    titles = {"obs_id": "row", "true_component": "true", "component": "most probable"}
    columns = []
    for key in frame.columns:
        if key == "weight" and (frame[key] == 1).all():
            continue
        probability = key.startswith("probability_") or key == "uncertainty"
        part = key.removeprefix("probability_")
        if key.startswith(VALUE):
            columns.append({"key": key, "title": key.removeprefix(VALUE)})
            continue
        title = "extra zero" if part == "zero" else titles.get(key, key.replace("probability_", "component "))
        columns.append({"key": key, "title": title, "format": {"decimals": 4} if probability else {}})
    return columns
