"""The words of the page that not everybody knows, each explained once; tables and sentences link to them."""

TERMS = {
    "interval": (
        "95% interval",
        "The shortest interval that holds the quantity with a probability of 95%, given the data and the model (the "
        "highest-density interval, HDI). It says nothing of a wrong model. Bands in pictures hold 90% at each value; "
        "those that are called simultaneous hold a whole curve in 95 of 100 data sets; memberships have 90% intervals.",
    ),
    "posterior": (
        "posterior",
        "What is known of the unknown quantities when the data have been seen, as a probability distribution. Draws "
        "are samples of it.",
    ),
    "component": (
        "component",
        "One of the distributions that the model adds up to describe the data. A component need not be a kind that "
        "exists: two may stand together for one kind whose distribution has another shape.",
    ),
    "membership": (
        "membership",
        "The probability that an observation comes from a component, averaged over the draws. Its most probable "
        "component is the one with the largest membership.",
    ),
    "cluster": (
        "cluster",
        "Observations that belong together in most draws, whatever their component is called: the division with the "
        "least expected variation of information. Its numbers are not those of components.",
    ),
    "entropy": (
        "entropy R\N{SUPERSCRIPT TWO}",
        "How certain memberships are on the whole: 1 when every one is certain, 0 when all components are equally "
        "probable for every observation.",
    ),
    "rand": (
        "adjusted Rand index",
        "How far two divisions of the same observations agree: 1 when they are the same, 0 as chance would have it.",
    ),
    "exchanged": (
        "exchanged",
        "The probability that two components have swapped their names in a draw, so that what is said of one is about "
        "the other.",
    ),
    "mcse": (
        "MCSE",
        "Monte Carlo standard error: how far the mean would move if the same model were sampled again. It falls with "
        "more draws, and is no uncertainty of the quantity.",
    ),
    "ess": (
        "effective sample size (ESS)",
        "How many independent draws would say as much as those of the chains, of the centre (bulk) or of the outer "
        "parts (tail) of the posterior. At least 100 for each chain are asked for.",
    ),
    "rhat": (
        "R-hat",
        "Compares the spread between chains with that within them; near 1 when all chains tell the same. At most 1.01 "
        "is asked for.",
    ),
    "divergence": (
        "divergent transition",
        "A step of the sampler that went wrong in a part of the posterior that it cannot follow; that part may then be "
        "missing from the draws.",
    ),
    "mode": (
        "mode",
        "A place where the posterior is highest among its neighbours: one way to explain the data. Chains in different "
        "modes tell of different explanations.",
    ),
    "nat": ("nat", "The unit of differences of log densities: 1 nat is a factor of 2.7, 5 nats are one of 150."),
    "elpd": (
        "elpd",
        "Expected log predictive density: how well a model predicts observations that it has not seen, added over all; "
        "higher is better. Differences below 4, or within two standard errors, tell nothing.",
    ),
    "loo": (
        "PSIS-LOO",
        "Leave-one-out cross-validation without fitting again: each observation is predicted from all others by "
        "weighting the draws (Pareto-smoothed importance sampling).",
    ),
    "pareto": (
        "Pareto k",
        "Says of each observation whether weighting the draws can stand for leaving it out; above about 0.7 it cannot, "
        "and the model is then fitted again without the observation, or the comparison is uncertain there.",
    ),
    "ploo": ("p_loo", "About how many parameters the data determine, as the comparison counts them."),
    "pvalue": (
        "posterior predictive p-value",
        "How often data that the fitted model makes lie as far out as the real ones. Small ones speak against the "
        "model; one near 0.5 says little where the model was fitted to that very feature.",
    ),
    "loopit": (
        "LOO-PIT",
        "The probability that the model, fitted to all other observations, gives to values below an observation. If "
        "the model is right these spread evenly from 0 to 1.",
    ),
}
