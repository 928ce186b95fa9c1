"""Which observations replicated data sets stand for: all of them, or of very many a random sample."""

import numpy as np

REPLICATES = 400  # replicated data sets of a fit, over all chains
OBSERVATIONS = 20_000  # the most that are replicated, and looked at by predictive checks


def sampled_rows(rows, most=OBSERVATIONS):
    """The row of each observation that is looked at where not all can be.

    Parameters
    ----------
    rows : observations.Observations
    most : int
        Observations, by default as many as predictive checks look at.

    Returns
    -------
    numpy.ndarray of int
        Rows from 0 in increasing order, each as often as it counts; of more than `most` observations a random sample
        without replacement, the same for the same data.
    """
    frequency = rows.frequency
    if rows.n > most:
        rng = np.random.default_rng(rows.n)
        # A sample of so few among more than 10^9 is the same with and without replacement.
        few = rows.n < 10**9
        frequency = (
            rng.multivariate_hypergeometric(frequency, most, method="marginals")
            if few
            else rng.multinomial(most, frequency / frequency.sum())
        )
    return np.repeat(np.arange(len(frequency)), frequency)
