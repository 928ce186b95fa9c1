"""Which observations replicated data sets stand for: all of them, or of very many a random sample."""

import numpy as np

REPLICATES = 400  # replicated data sets of a fit, over all chains
OBSERVATIONS = 20_000  # the most that are replicated, and looked at by predictive checks


def sampled_rows(rows):
    """The row of each observation that predictive checks look at.

    Parameters
    ----------
    rows : observations.Observations

    Returns
    -------
    numpy.ndarray of int
        Rows from 0 in increasing order, each as often as it counts; of more than `OBSERVATIONS` observations a random
        sample without replacement, the same for the same data.
    """
    frequency = rows.frequency
    if rows.n > OBSERVATIONS:
        rng = np.random.default_rng(rows.n)
        # A sample of so few among more than 10^9 is the same with and without replacement.
        few = rows.n < 10**9
        frequency = (
            rng.multivariate_hypergeometric(frequency, OBSERVATIONS, method="marginals")
            if few
            else rng.multinomial(OBSERVATIONS, frequency / frequency.sum())
        )
    return np.repeat(np.arange(len(frequency)), frequency)
