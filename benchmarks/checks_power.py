"""How often each predictive check warns and fails: data of the model (its size) and data of others (its power).

    .venv/bin/python benchmarks/checks_power.py [--datasets 100] [--replicates 200] [--n 200] [case ...]

One normal and one Poisson component, whose posteriors and leave-one-out predictions are known in closed form, so that
nothing has to be sampled. What is printed is a table of percentages: warnings or failures (p < 0.05), and failures
(p < 0.01).
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent.parent / "workflow"))

from stanmix.expected import predictive
from stanmix.families.family import Points

NORMAL = {
    "normal": lambda rng, n: rng.normal(size=n),
    "skewed (gamma, shape 4)": lambda rng, n: rng.gamma(4, size=n),
    "two components 3 sds apart": lambda rng, n: rng.normal(rng.choice([0, 3], n)),
    "a spike of a tenth at 1 sd": lambda rng, n: np.where(rng.random(n) < 0.1, 1.0, rng.normal(size=n)),
    "heavy tails (t, 3)": lambda rng, n: rng.standard_t(3, n),
}
POISSON = {
    "Poisson, rate 4": lambda rng, n: rng.poisson(4, n).astype(float),
    "overdispersed (variance twice the mean)": lambda rng, n: rng.negative_binomial(4, 0.5, n).astype(float),
    "extra zeros, a tenth": lambda rng, n: np.where(rng.random(n) < 0.1, 0.0, rng.poisson(4, n)),
}
CHECKS = ("component_spreads", "ecdf", "shape", "frequencies", "statistics", "extremes", "loo_pit")


def of_normal(y, rng, replicates):
    """P-values of one normal component under its usual posterior."""
    n, mean, variance = len(y), y.mean(), y.var(ddof=1)
    sigma = np.sqrt((n - 1) * variance / rng.chisquare(n - 1, replicates))
    mu = rng.normal(mean, sigma / np.sqrt(n))
    anew = rng.normal(mu[:, None], sigma[:, None], (replicates, n))
    centre = (y.sum() - y) / (n - 1)
    scale = np.sqrt(((y**2).sum() - y**2 - (n - 1) * centre**2) / (n - 2) * n / (n - 1))
    draws = {"theta": np.ones((replicates, 1)), "mu": mu[:, None], "sigma": sigma[:, None]}
    found = common("normal", y, anew, draws, stats.t(n - 2).cdf((y - centre) / scale), rng)
    return found | {"shape": predictive.shape_p_value([(y, anew)])}


def of_poisson(y, rng, replicates):
    """P-values of one Poisson component under a flat prior of its rate."""
    n, total = len(y), y.sum()
    rate = rng.gamma(total + 1, 1 / n, replicates)
    anew = rng.poisson(rate[:, None], (replicates, n)).astype(float)
    draws = {"theta": np.ones((replicates, 1)), "rate": rate[:, None]}
    others = stats.nbinom(total - y + 1, (n - 1) / n)
    ends = np.stack([others.cdf(y - 1), others.cdf(y)])
    found = common("poisson", y, anew, draws, predictive.drawn_between(ends, rng), rng)
    values = np.arange(max(y.max(), anew.max()) + 1)
    counted = [np.bincount(row.astype(int), minlength=len(values)) for row in (y, *anew)]
    return found | {"frequencies": predictive.frequencies_p_value(counted[0], np.array(counted[1:]))}


def common(family, y, anew, draws, left_out, rng):
    """P-values that both kinds have."""
    whole, points = family == "poisson", Points(y, np.ones(len(y)))
    x = predictive.places(y, anew, whole=whole)
    of_sets = [predictive.statistics_of(values, whole) for values in (y, anew)]
    observed, replicated = (np.stack(list(found.values()), axis=-1) for found in of_sets)
    return {
        "component_spreads": predictive.component_p_values(family, points, draws, rng)["component_spreads"],
        "ecdf": predictive.ecdf_band(predictive.ecdf(y, x), np.array([predictive.ecdf(row, x) for row in anew]))[1],
        "statistics": predictive.ecdf_band(observed, replicated)[1],
        "extremes": predictive.extremes(family, points, draws)["p_value"],
        "loo_pit": predictive.even_p_value([left_out]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help="beginnings of the cases' names; all without")
    parser.add_argument("--datasets", type=int, default=100)
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--n", type=int, default=200)
    options = parser.parse_args()
    print("| data, n = " + str(options.n), *CHECKS, "any fails", sep=" | ", end=" |\n")
    print("|---" * (len(CHECKS) + 2) + "|")
    for judge, cases in ((of_normal, NORMAL), (of_poisson, POISSON)):
        for name, draw in cases.items():
            if options.cases and not any(name.startswith(case) for case in options.cases):
                continue
            rng = np.random.default_rng(1)
            rows = [judge(draw(rng, options.n), rng, options.replicates) for _ in range(options.datasets)]
            cells = []
            for check in CHECKS:
                values = np.array([row.get(check, np.nan) for row in rows])
                warned, failed = (100 * (values < limit).mean() for limit in (0.05, 0.01))
                cells.append("" if np.isnan(values).all() else f"{warned:.0f}, {failed:.0f}")
            failing = 100 * np.mean([min(row.values()) < 0.01 for row in rows])
            print(f"| {name}", *cells, f"{failing:.0f}", sep=" | ", end=" |\n", flush=True)


if __name__ == "__main__":
    main()
