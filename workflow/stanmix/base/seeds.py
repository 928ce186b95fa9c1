"""One seed for every job, derived from the run's."""

from __future__ import annotations

import hashlib


def seed_for(seed: int, *job: str | int) -> int:
    """The seed of one job: 31 bits from the run's seed and the job's name.

    Parameters
    ----------
    seed : int
        The seed of the run.
    *job : str or int
        What names the job, such as "fit", the data set, the model and the number of components.

    Returns
    -------
    int
        From 1 to 2**31 - 1, as CmdStan takes it.
    """
    digest = hashlib.sha256("/".join(map(str, (seed, *job))).encode()).digest()
    return int.from_bytes(digest[:8], "big") % (2**31 - 1) + 1
