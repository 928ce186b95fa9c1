"""What is noticed: facts that weights, offsets and scales leave exact, and sentences that come when they should."""

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from stanmix.data.noticing import notice
from stanmix.data.observations import Observations, read_csv


def rows_of(y, frequency=None, **others):
    y = np.asarray(y, float)
    ones = np.ones(len(y), np.int64)
    return Observations(y=y, frequency=ones if frequency is None else np.asarray(frequency, np.int64), **others)


def noticed_of(y, frequency=None, **others):
    found = notice(rows_of(y, frequency, **others), ["y"])
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def said(found, words):
    return [sentence for sentence in found["sentences"] if words in sentence]


def test_the_facts_of_a_small_sample():
    noticed = noticed_of([4.0, 1.0, 2.5, 1.0, 9.0, 4.0, 4.0])
    values = [1.0, 1.0, 2.5, 4.0, 4.0, 4.0, 9.0]
    mean = sum(values) / 7
    assert noticed["mean"] == pytest.approx(mean, rel=1e-14)
    assert noticed["sd"] == pytest.approx((sum((v - mean) ** 2 for v in values) / 6) ** 0.5, rel=1e-14)
    logs = [math.log(v) for v in values]
    sd = math.sqrt(math.fsum((v - math.fsum(logs) / 7) ** 2 for v in logs) / 6)
    assert noticed["log"] == pytest.approx({"median": math.log(4), "sd": sd, "range": math.log(9)})
    assert {key: value for key, value in noticed.items() if key not in ("mean", "sd", "log", "sentences")} == {
        "n": 7,
        "rows": 7,
        "median": 4.0,
        "minimum": 1.0,
        "maximum": 9.0,
        "range": 8.0,
        "distinct": 4,
        "tied": 5,
        "most_tied": 3,
        "step": 0.1,
        "zeros": 0,
        "whole": False,
        "not_whole": {"column": "y", "place": None, "value": 2.5, "number": 1},
        "negative": None,
        "not_positive": None,
        "uncountable": None,
        "trials": None,
        "known": None,
        "exposure": None,
        "dropped": 0,
        "lowest": {"column": "y", "place": None, "value": 1.0, "number": 2},
        "highest": {"column": "y", "place": None, "value": 9.0, "number": 1},
        "groups": None,
        "understood": [],
    }
    assert noticed["sentences"] == [
        "The 7 values take only 4 distinct ones, all multiples of 0.1: they are rounded. For a continuous family, a "
        "shared standard deviation is safe; one per component needs a prior that vanishes at 0."
    ]


def test_the_facts_of_weighted_rows():
    noticed = noticed_of(
        [2, -1.5, 2, 0, -3],
        frequency=[3, 2, 1, 5, 1],
        lines=np.array([2, 4, 5, 7, 8]),
        dropped=((3, "a"), (6, "b")),
    )
    keys = (
        "n",
        "rows",
        "median",
        "distinct",
        "tied",
        "most_tied",
        "zeros",
        "whole",
        "not_whole",
        "negative",
        "not_positive",
        "dropped",
    )
    assert {key: noticed[key] for key in keys} == {
        "n": 12,
        "rows": 5,
        "median": 0.0,
        "distinct": 4,
        "tied": 11,
        "most_tied": 5,
        "zeros": 5,
        "whole": False,
        "not_whole": {"column": "y", "place": "line 4", "value": -1.5, "number": 1},
        "negative": {"column": "y", "place": "line 4", "value": -1.5, "number": 2},
        "not_positive": {"column": "y", "place": "line 4", "value": -1.5, "number": 3},
        "dropped": 2,
    }


STATISTICS = ("n", "mean", "sd", "median", "minimum", "maximum", "range", "distinct", "tied", "most_tied", "zeros")


def test_weighted_statistics_are_those_of_the_rows_written_out():
    rng = np.random.default_rng(21)
    for trial in range(60):
        n = int(rng.integers(2, 40))
        y = [
            rng.normal(size=n),
            rng.normal(size=n) + 1e9,
            rng.exponential(size=n) * 1e12,
            rng.exponential(size=n) * 1e-12,
            rng.integers(0, 5, size=n).astype(float),
        ][trial % 5]
        y[0] = y[1] + 1  # never all equal
        frequency = rng.integers(1, 30, size=n)
        weighted, written = noticed_of(y, frequency), noticed_of(np.repeat(y, frequency))
        for key in STATISTICS:
            assert weighted[key] == pytest.approx(written[key], rel=1e-12, abs=0), key
        for key in ("step", "whole", "distinct"):
            assert weighted[key] == written[key]
        if weighted["log"]:
            assert weighted["log"] == pytest.approx(written["log"], rel=1e-12)
        out = np.repeat(y, frequency)
        assert weighted["mean"] == pytest.approx(math.fsum(out) / len(out), rel=1e-12, abs=1e-14)
        assert weighted["median"] == np.median(out)
        exact = [Fraction(v) for v in out.tolist()]
        mean = sum(exact) / len(exact)
        squares = sum((v - mean) ** 2 for v in exact) / (len(exact) - 1)
        assert weighted["sd"] == pytest.approx(math.sqrt(squares), rel=1e-12)


@pytest.mark.parametrize(
    ("offset", "scale"), [(0, 1), (1e9, 1), (1e9, 1e-6), (0, 1e12), (0, 1e-12), (-1e15, 1), (0, 1e149)]
)
def test_frequencies_up_to_a_thousand_million_offsets_and_scales_cost_no_digits(offset, scale):
    rng = np.random.default_rng(22)
    y = rng.normal(size=50) * scale + offset
    frequency = rng.integers(1, 10**9, size=50)
    noticed = noticed_of(y, frequency)
    exact, n = [Fraction(v) for v in y.tolist()], int(frequency.sum())
    mean = sum(v * int(f) for v, f in zip(exact, frequency, strict=True)) / n
    variance = sum((v - mean) ** 2 * int(f) for v, f in zip(exact, frequency, strict=True)) / (n - 1)
    assert noticed["n"] == n
    assert noticed["mean"] == pytest.approx(float(mean), rel=1e-12)
    unit = Fraction(scale)  # squares of large scales are beyond double precision
    assert noticed["sd"] / scale == pytest.approx(math.sqrt(variance / unit**2), rel=1e-12)
    order = np.argsort(y)
    ranks = np.cumsum(frequency[order])
    middle = [y[order][np.argmax(ranks > rank)] for rank in ((n - 1) // 2, n // 2)]
    assert noticed["median"] == sum(middle) / 2


def test_the_median_of_even_and_odd_weights():
    assert noticed_of([1, 2, 4], [1, 1, 2])["median"] == 3
    assert noticed_of([1, 2, 4], [1, 1, 1])["median"] == 2
    assert noticed_of([1, 2, 4], [2, 1, 1])["median"] == 1.5
    assert noticed_of([4, 1], [10**9, 10**9])["median"] == 2.5
    assert noticed_of([4, 1], [10**9 + 1, 10**9])["median"] == 4


@pytest.mark.parametrize("smallest", [0.0, -1e-9, -5.0])
def test_there_are_no_logs_unless_all_values_are_above_0(smallest):
    assert noticed_of([smallest, 1.0, 2.0])["log"] is None
    assert noticed_of([1e-300, 1.0, 2.0])["log"]["range"] == pytest.approx(math.log(2e300))


def test_simulated_data_may_be_constant_or_a_single_value():
    assert noticed_of([3.0, 3.0])["sd"] == 0
    noticed = noticed_of([3.0])
    assert (noticed["sd"], noticed["step"], noticed["n"]) == (0, None, 1)


def test_counts_that_are_not_whole_or_negative_are_pointed_at():
    noticed = noticed_of([3, 0, 7.5, 2.25, -0.0], lines=np.arange(10, 15))
    assert noticed["not_whole"] == {"column": "y", "place": "line 12", "value": 7.5, "number": 2}
    assert noticed["not_positive"] == {"column": "y", "place": "line 11", "value": 0, "number": 2}
    assert noticed["negative"] is None
    assert (noticed["whole"], noticed["zeros"]) == (False, 2)
    noticed = noticed_of([3, -4, -5])
    assert (noticed["whole"], noticed["not_whole"]) == (True, None)
    assert noticed["negative"] == {"column": "y", "place": None, "value": -4.0, "number": 2}


def test_counts_beyond_what_cmdstan_reads_are_pointed_at():
    assert noticed_of([2147483647, 0, 3])["uncountable"] is None
    noticed = noticed_of([5, 2147483648, 0, 4294967300], lines=np.arange(2, 6))
    assert noticed["uncountable"] == {"column": "y", "place": "line 3", "value": 2147483648, "number": 2}


def test_trials_and_exposure():
    noticed = noticed_of([1, 3], [2, 1], trials=np.array([4.0, 3.0]), lines=np.array([2, 9]))
    assert noticed["trials"] == {"fewest": 3, "most": 4, "share": 5 / 11}
    assert noticed["exposure"] is None
    noticed = noticed_of([1, 3], [2, 1], trials=np.array([4.0, 4.0]))
    noticed = noticed_of([1, 3], [2, 1], exposure=np.array([0.5, 4.0]))
    assert noticed["exposure"] == {"total": 5.0, "rate": 1.0}
    assert noticed["trials"] is None


STEPS = [
    ([43, 45, 45, 96], 1),
    ([40, 50, 50, 120], 10),
    ([-1000, 3000, 3000, 1e6], 1000),
    (np.round(np.arange(60, 131) / 1000, 3).tolist() * 2, 0.001),
    ([0.06, 0.061, 0.061, 0.1305, 0.0004], 0.0001),
    ([1e-9, 3e-9, 3e-9], 1e-9),
    ([123456.78, 123456.79, 123456.79, 123457.0], 0.01),
    ([1e9 + 0.25, 1e9 + 0.5, 1e9 + 0.5, 1e9], 0.01),
    ([0.1, 0.2, 0.3, 0.3, 0.7], 0.1),
    ([3e12, 5e12, 5e12], 1e12),
]


@pytest.mark.parametrize(("values", "step"), STEPS)
def test_the_rounding_step_is_the_largest_power_of_ten_that_divides_all(values, step):
    noticed = noticed_of(values)
    assert noticed["step"] == pytest.approx(step, rel=1e-12)
    assert said(noticed, f"all multiples of {step:g}")
    assert len(said(noticed, "they are counts or rounded")) == (min(values) >= 0 and noticed["whole"])
    assert noticed_of(sorted(set(values)), [2] * len(set(values)))["step"] == noticed["step"]
    assert noticed_of(sorted(set(values)))["step"] is None


def test_a_small_value_is_no_multiple_of_a_large_step():
    assert noticed_of([1e-9, 1, 1, 2])["step"] is None
    assert noticed_of([0, 1, 1, 2])["step"] == 1


@pytest.mark.parametrize("offset", [0, 1e6, 1e9, 1e15])
def test_chance_ties_are_not_rounding(offset):
    y = np.random.default_rng(5).normal(size=500) + offset
    if offset < 1e9:
        noticed = noticed_of(y)
        assert (noticed["tied"], noticed["step"], noticed["sentences"]) == (0, None, [])
    noticed = noticed_of(np.append(y, y[:3]))
    if offset < 1e15:
        assert noticed["step"] is None
        assert said(noticed, f"{noticed['tied']} of the 503 values are tied")
    else:
        assert noticed["step"] is None or noticed["step"] >= 0.1  # such values are rounded by double precision


@pytest.mark.parametrize("y", [[5e-324, 1e-323, 1e-323], [0, 1e-310, 1e-310, 1], [-1e150, 1e150, 1e150, 1e-150]])
def test_extreme_values_are_no_harm(y):
    noticed = noticed_of(y)
    assert noticed["step"] is None
    assert noticed["maximum"] == max(y)


def test_ties_are_not_spoken_of_where_trials_or_exposure_say_that_values_are_counts():
    y = np.repeat([1.0, 2.0, 3.0], 30)
    assert said(noticed_of(y), "For a continuous family")
    for role in ("trials", "exposure"):
        assert noticed_of(y, **{role: np.linspace(3, 9, 90).round()})["sentences"] == []


def test_the_real_data_are_seen_to_be_rounded(cases):
    noticed = notice(read_csv(cases / "data" / "faithful_waiting.csv", ["y"]), ["y"])
    assert (noticed["n"], noticed["step"], noticed["minimum"], noticed["maximum"]) == (272, 1.0, 43.0, 96.0)
    assert noticed["mean"] == pytest.approx(70.897059, abs=1e-6)  # R: mean(faithful$waiting), sd(...)
    assert noticed["sd"] == pytest.approx(13.594974, abs=1e-6)
    assert [sentence[:15] for sentence in noticed["sentences"]] == ["The 272 values "]
    stamps = notice(read_csv(cases / "data" / "stamps_485.csv", ["y"]), ["y"])
    assert (stamps["n"], stamps["step"]) == (485, 0.001)


def test_a_table_of_frequencies_is_noticed_as_its_rows(cases):
    folder = cases / "data"
    table = notice(read_csv(folder / "death_notices_freq.csv", ["y"], weights="freq"), ["y"])
    rows = notice(read_csv(folder / "death_notices_1096.csv", ["y"]), ["y"])
    assert (table["rows"], rows["rows"], table["n"]) == (10, 1096, 1096)
    assert {key: table[key] for key in STATISTICS} == {key: rows[key] for key in STATISTICS}
    weighted = "The 1096 observations stand in 10 rows; each row counts as often as it was observed."
    assert table["sentences"] == [weighted, *rows["sentences"]]


HEAPS = {
    "tens": (10, 0, "are multiples of {:g}, where 10 %"),
    "fives": (5, 0, "are multiples of {:g}, where 20 %"),
    "twos": (2, 0, "are multiples of {:g}, where 50 %"),
    "sevens": (10, 7, "have 7 as their last digit, where 10 %"),
}


@pytest.mark.parametrize("scale", [1, 0.01, 1e6])
@pytest.mark.parametrize(("every", "digit", "words"), HEAPS.values(), ids=HEAPS)
def test_heaping_is_noticed(every, digit, words, scale):
    rng = np.random.default_rng(8)
    y = rng.normal(130, 20, size=400)
    y = np.where(rng.random(400) < 0.5, np.round((y - digit) / every) * every + digit, np.round(y))
    number, words = int((y % every == digit).sum()), words.format(every * scale)
    (sentence,) = said(noticed_of(y * scale), "expected by chance")
    assert sentence.startswith(f"{number} of the 400 values ({number / 4:.3g} %) {words} would be expected by chance")


def test_heaping_of_all_values_and_of_weights():
    y = np.arange(100, 200, 5.0)
    assert said(noticed_of(y, np.full(20, 7)), "140 of the 140 values (100 %) are multiples of 5")


NO_HEAPS = {
    "normal": lambda rng, n: np.round(rng.normal(130, 20, n)),
    "exponential": lambda rng, n: np.floor(rng.exponential(30, n)),
    "counts": lambda rng, n: rng.poisson(rng.choice([2, 10, 30], n)),
    "overdispersed": lambda rng, n: rng.negative_binomial(1, 0.05, n),
    "hump on a ten": lambda rng, n: np.round(rng.normal(rng.choice([10, 20, 45], n), 1.5)),
    "grid of threes": lambda rng, n: 3 * rng.poisson(20, n),
    "about 0": lambda rng, n: np.round(rng.normal(0, 1, n), 1),
}


@pytest.mark.parametrize("n", [60, 1000, 300_000])
@pytest.mark.parametrize("draw", NO_HEAPS.values(), ids=NO_HEAPS)
def test_smooth_distributions_are_not_heaped(draw, n):
    rng = np.random.default_rng(9)
    for _ in range(10 if n < 10_000 else 1):
        assert not said(noticed_of(draw(rng, n)), "expected by chance")


def test_heaping_needs_50_values_and_20_steps():
    y = np.repeat(np.arange(0, 50, 10.0), 10)
    y[:3] = [1, 2, 3]
    assert said(noticed_of(y), "multiples of 10")
    assert not said(noticed_of(y[1:]), "multiples of 10, where")
    y = np.append(np.arange(20), np.repeat([5, 10, 15], 30))
    assert not said(noticed_of(y), "multiples of 5")
    assert said(noticed_of(np.append(y, 20)), "multiples of 5")


def test_all_but_constant_values_are_noticed():
    rng = np.random.default_rng(3)
    y = rng.normal(size=100) + 1e9
    assert said(noticed_of(y), "The values hardly differ: their sd is")
    assert not said(noticed_of(y * 100 - 99e9), "hardly differ")
    assert not said(noticed_of(rng.normal(size=100) * 1e-12), "hardly differ")
    y = np.append(rng.normal(size=5), np.full(95, 2.5))
    assert said(noticed_of(y), "95 of the 100 observations are equal to 2.5: there is hardly anything to divide.")
    assert not said(noticed_of(y[:-1]), "are equal to")
    assert said(noticed_of([1, 2], [5, 95], trials=np.array([3.0, 3.0])), "95 of the 100 observations are equal to 2")


def test_outliers_are_named_with_their_lines():
    y = np.append(np.linspace(0, 1, 398), [1.5, -0.75])
    y[7] = 40.0
    (sentence,) = said(noticed_of(y, lines=np.arange(2, 402)), "far from all others")
    assert sentence == (
        "The values 40 (line 9), -0.75 (line 401), 1.5 (line 400) lie far from all others, which go from 0 to 1: look "
        "for a slip there; a far value can make a component of its own."
    )
    (sentence,) = said(noticed_of(y), "far from all others")
    assert sentence.startswith("The values 40, -0.75, 1.5 lie far")
    y[:4] = [41, 42, 43, 43]
    (sentence,) = said(noticed_of(np.append(y, np.linspace(0, 1, 100)), lines=np.arange(2, 502)), "far from all others")
    assert sentence.startswith("The values 43 (lines 4, 5), 42 (line 3), 41 (line 2) and 2 more lie far")


def test_one_outlier_is_said_in_the_singular():
    (sentence,) = said(noticed_of([*np.linspace(0, 1, 30), 1e6], lines=np.arange(5, 36)), "far from all others")
    assert sentence.startswith("The value 1000000 (line 35) lies far from all others, which go from 0 to 1:")


@pytest.mark.parametrize(
    "y",
    [
        np.linspace(0, 1, 400),
        np.append(np.linspace(0, 1, 100), np.linspace(100, 101, 100)),  # two humps
        np.append(np.linspace(0, 1, 98), [100.0, 101.0]),  # more than a hundredth
        np.append(np.linspace(0, 1, 100), 1.3),  # a gap of less than a third
        [0] * 500 + [1] * 60 + [3],  # counts have gaps
        [0] * 110 + [5],  # one value has no range
        [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 40],  # too few to say
    ],
    ids=["even", "two humps", "two", "small gap", "counts", "constant", "nine"],
)
def test_humps_and_ends_are_not_outliers(y):
    assert not said(noticed_of(y), "far from all others")


def test_weights_count_for_outliers():
    y = np.append(np.linspace(0, 1, 100), 5.0)
    assert said(noticed_of(y, np.ones(101)), "far from all others")
    assert not said(noticed_of(y, np.append(np.ones(100), 3)), "far from all others")


def test_more_zeros_than_a_poisson_has_are_noticed_in_real_data(cases):
    noticed = notice(read_csv(cases / "data" / "fish_zip_250.csv", ["y"]), ["y"])
    assert noticed["zeros"] == 142
    assert said(
        noticed, "142 of the 250 observations are 0 (56.8 %), where a Poisson distribution of the same mean gives"
    )
    assert said(noticed, f"about {250 * math.exp(-noticed['mean']):.2g} (")


def test_more_zeros_than_a_poisson_has_are_noticed():
    rng = np.random.default_rng(4)
    for mean in (0.05, 1, 4):
        assert not said(noticed_of(rng.poisson(mean, 5000)), "Poisson")
    extra = np.append(rng.poisson(2.0, 500), np.zeros(300))
    assert said(noticed_of(extra), "Poisson")
    poisson = stats.poisson.pmf(np.arange(15), 2.0) * 10**6
    for zeros, many in ((1.3, False), (4, True)):  # of a million some are too many by chance, yet not by far
        frequency = np.round(np.append(poisson[0] * zeros, poisson[1:])).astype(int) + 1
        assert bool(said(noticed_of(np.arange(15), frequency), "Poisson")) == many
    assert not said(noticed_of([0] * 4 + [1] * 6 + [4] * 3), "Poisson")  # 4 where 2 are expected
    for other in (extra + 0.5, extra - 1, extra * 1.1 + 1e-3):
        assert not said(noticed_of(other), "Poisson")  # not counts


def test_zeros_are_judged_by_the_exposure():
    rng = np.random.default_rng(4)
    exposure = np.repeat([0.01, 10.0], 500)
    y = rng.poisson(exposure)
    assert said(noticed_of(y), "a Poisson distribution of the same mean gives")
    assert not said(noticed_of(y, exposure=exposure), "Poisson")
    y[500:800] = 0
    assert said(noticed_of(y, exposure=exposure), "a Poisson distribution of the same rate gives")


def test_rows_left_out_are_told():
    dropped = tuple((line, "column 'y': the cell is empty") for line in range(3, 15))
    (sentence,) = noticed_of([1.0, 2.5], dropped=dropped[:1])["sentences"]
    assert sentence == "1 row of the file was left out: line 3 (column 'y': the cell is empty)."
    noticed = noticed_of([1.0, 2.5], dropped=dropped)
    assert noticed["dropped"] == 12
    (sentence,) = noticed["sentences"]
    assert sentence.startswith("12 rows of the file were left out: line 3 (column 'y': the cell is empty), line 4 (")
    assert sentence.endswith("line 12 (column 'y': the cell is empty) and 2 more.")
    assert not noticed_of([1.0, 2.5])["sentences"]


def test_weights_are_told():
    (sentence,) = said(noticed_of([1.0, 2.5], [1, 2]), "stand in")
    assert sentence == "The 3 observations stand in 2 rows; each row counts as often as it was observed."


def two_columns(n=500, **others):
    rng = np.random.default_rng(31)
    first = rng.normal(size=n)
    return rows_of(np.column_stack([first, first + rng.normal(size=n) + 1e9]), **others)


def test_several_columns():
    rng = np.random.default_rng(30)
    frequency = rng.integers(1, 4, size=500)
    rows = two_columns(frequency=frequency, dropped=((3, "x"),))
    rows.y[1] = rows.y[0]
    noticed = notice(rows, ["a", "b"])
    json.dumps(noticed, allow_nan=False)
    keys = ["n", "rows", "distinct", "most_tied", "known", "dropped", "columns", "correlation", "relations"]
    keys += ["aligned", "groups", "understood", "sentences"]
    assert list(noticed) == keys
    assert (noticed["n"], noticed["rows"], noticed["distinct"]) == (frequency.sum(), 500, 499)
    assert noticed["most_tied"] == max(frequency[0] + frequency[1], 3)
    assert noticed["dropped"] == 1
    out = np.repeat(rows.y, frequency, axis=0)
    for column, name in enumerate("ab"):
        alone = notice(rows_of(rows.y[:, column], frequency), [name])
        for key in ("n", "rows", "dropped", "known", "groups", "trials", "exposure", "understood", "sentences"):
            alone.pop(key)
        assert noticed["columns"][name] == alone
    expected = np.corrcoef((out - np.array([0, 1e9])).T)
    assert np.abs(np.array(noticed["correlation"]) - expected).max() < 1e-12
    assert np.diag(noticed["correlation"]).tolist() == [1, 1]


@pytest.mark.parametrize("scale", [1e-12, 1e12, 1e145])
def test_the_correlation_has_no_scale(scale):
    rows = two_columns()
    scaled = rows_of((rows.y - np.array([0, 1e9])) * scale)
    assert np.allclose(notice(scaled, ["a", "b"])["correlation"], notice(rows, ["a", "b"])["correlation"], atol=1e-7)


def test_the_correlation_is_exact_where_the_mean_is_not():
    rng = np.random.default_rng(35)
    small = rng.integers(-4, 5, size=(7, 2)).astype(float)
    found = notice(rows_of(small + 1e15), ["a", "b"])["correlation"]
    assert found[0][1] == pytest.approx(np.corrcoef(small.T)[0, 1], rel=1e-12)


def test_the_correlation_of_simulated_constants_is_a_number():
    y = np.column_stack([np.arange(5.0), np.full(5, 0.1)])
    assert notice(rows_of(y), ["a", "b"])["correlation"] == [[1, 0], [0, 1]]


def test_sentences_on_several_columns_name_them():
    assert notice(two_columns(), ["a", "b"])["sentences"] == [
        "Column 'b': the values hardly differ: their sd is 1.45 and their median 1000000000. Take a constant away from "
        "all of them, or they differ by little more than their last digits."
    ]
    rng = np.random.default_rng(32)
    y = np.column_stack([rng.normal(size=200).round(1), rng.normal(size=200) * 10])
    y[17, 1] = 1e4
    y[1] = y[0]
    noticed = notice(rows_of(y, lines=np.arange(2, 202)), ["a", "b"])
    assert noticed["sentences"][:2] == [
        "2 of the 200 rows are the same as another. For a continuous family, standard deviations per component need a "
        "prior that vanishes at 0, or a component may collapse onto equal rows.",
        "Columns are rounded: 'a' to multiples of 0.1.",
    ]
    assert noticed["sentences"][2].startswith("Column 'b': the value 10000 (line 19) lies far from all others")
    assert len(noticed["sentences"]) == 3


def related(columns, names, frequency=None):
    found = notice(rows_of(np.column_stack(columns), frequency), names)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def test_columns_that_say_the_same_are_named():
    rng = np.random.default_rng(33)
    first = rng.normal(size=100)
    noticed = related([first, rng.normal(size=100), -3 * first + 5], ["a", "b", "c"])
    assert noticed["sentences"] == [
        "Columns are related: 'c' = 5 - 3 'a'. One of them says nothing that the others do not say: leave it out."
    ]
    (relation,) = noticed["relations"]
    assert (relation["columns"], relation["exact"]) == (["a", "c"], True)
    assert relation["left"] < 1e-12


@pytest.mark.parametrize("frequency", [None, np.arange(1, 61)])
def test_sums_differences_and_duplicates_are_relations(frequency):
    rng = np.random.default_rng(35)
    a, b, c = rng.normal(1e3, 1, 60), rng.gamma(2, 50, 60), rng.normal(size=60)
    found = related([a, b, a + b, c, b, c - 2 * a], ["a", "b", "s", "c", "b2", "d"], frequency)["relations"]
    assert [relation["text"] for relation in found] == ["'s' = 'a' + 'b'", "'b2' = 'b'", "'d' = -2 'a' + 'c'"]
    assert all(relation["exact"] for relation in found)
    shares = rng.dirichlet([2, 3, 4], 60)  # shares of a whole add to 1
    (whole,) = related(list(shares.T), ["x", "y", "z"], frequency)["relations"]
    assert whole["text"] == "'z' = 1 - 'x' - 'y'"


@pytest.mark.parametrize(("rest", "exact"), [(3e-3, False), (3e-4, False), (3e-5, True), (0, True)])
def test_columns_that_nearly_say_the_same_are_warned_of(rest, exact):
    rng = np.random.default_rng(36)
    first, other = rng.normal(size=(2, 400))
    noticed = related([first, first + rest * other], ["a", "b"])
    (relation,) = noticed["relations"]
    # what is left of the second given the first, as a share of its sd, within its Monte Carlo error
    assert relation["left"] == pytest.approx(rest, rel=4 / math.sqrt(2 * 400), abs=1e-12)
    assert relation["exact"] is exact
    words = "are related: 'b' = " if exact else "are almost related: 'b' = "
    assert len(said(noticed, words)) == 1
    assert related([first, first + 0.03 * other], ["a", "b"])["relations"] == []


def test_as_few_rows_as_columns_are_no_relation():
    assert related([[1.0, 2, 4], [2.0, 7, 1], [5.0, 5, 6]], ["a", "b", "c"])["relations"] == []


def test_the_order_of_the_rows_changes_no_fact():
    rng = np.random.default_rng(34)
    y, frequency = rng.poisson(3, size=300).astype(float), rng.integers(1, 9, size=300)
    turned = rng.permutation(300)
    assert noticed_of(y, frequency) == noticed_of(y[turned], frequency[turned])
    y, turned = rng.normal(size=(300, 2)), rng.permutation(300)
    ours, theirs = notice(rows_of(y), ["a", "b"]), notice(rows_of(y[turned]), ["a", "b"])
    for found in (ours, theirs):
        for own in found["columns"].values():
            for first in (own["not_whole"], own["negative"], own["not_positive"]):
                first.pop("value")  # it is that of the first row
    assert ours == theirs


def test_zeros_caps_and_floors_are_called_so_and_not_preferred_digits(cases):
    rng = np.random.default_rng(34)
    y = np.append(np.round(rng.gamma(1.94, 3.21, 255), 2) + 0.01, np.zeros(145))
    (sentence,) = said(noticed_of(y), "a spike")
    assert sentence.startswith("145 of the 400 values (36.2 %) are exactly 0: a spike")
    assert "report their share (145 of 400)" in sentence
    assert not said(noticed_of(y), "digits were preferred")
    (sentence,) = said(notice(read_csv(cases / "data" / "qpcr.csv", ["xval"]), ["xval"]), "exactly")
    assert "25 of the 208 values (12 %) are exactly 45, the largest: a cap" in sentence
    y = rng.normal(5, 1, 300)
    assert said(noticed_of(np.maximum(y, 4.0)), "are exactly 4, the smallest: a floor")
    (sentence,) = said(noticed_of(np.append(np.round(y, 2), np.full(30, 5.55))), "a spike, such as a value that was")
    assert "are exactly 5.55" in sentence
    assert not said(noticed_of(np.append(np.round(y, 2), np.full(3, 5.55))), "spike")


def test_ends_that_are_sharp_are_mentioned():
    rng = np.random.default_rng(4)
    (sentence,) = said(noticed_of(1 + rng.pareto(1.5, 2000)), "sharply")
    assert sentence.startswith("The values begin sharply at 1.0")
    assert "away from all values" in sentence
    (sentence,) = said(noticed_of(10 - rng.exponential(size=500)), "sharply")
    assert "end sharply at 9.99" in sentence


SMOOTH = {
    "normal": lambda rng: rng.normal(size=200),
    "lognormal": lambda rng: rng.lognormal(size=200),
    "exponential": lambda rng: rng.exponential(size=200),
    "gamma": lambda rng: rng.gamma(2, size=200),
    "heavy": lambda rng: rng.standard_t(3, size=200),
    "rounded": lambda rng: np.round(rng.normal(50, 10, 300)),
    "two": lambda rng: rng.normal(rng.choice([0, 6], 200)),
}


@pytest.mark.parametrize("draw", SMOOTH.values(), ids=SMOOTH)
def test_smooth_distributions_have_neither_spikes_nor_sharp_ends(draw):
    rng = np.random.default_rng(12)
    found = [noticed_of(draw(rng)) for _ in range(100)]
    assert sum(bool(said(noticed, "exactly") or said(noticed, "shares")) for noticed in found) == 0
    assert sum(bool(said(noticed, "sharply")) for noticed in found) <= 2


def test_shares_and_means_of_few_are_told_by_their_digits():
    rng = np.random.default_rng(6)
    thirds = np.round(rng.integers(60, 270, 59) / 3, 4)
    assert said(noticed_of(thirds), "all values are multiples of 1/3: shares of 3, or means of 3 whole numbers")
    assert not said(noticed_of(np.round(rng.uniform(20, 90, 59), 4)), "multiples of 1/")
    assert not said(noticed_of(np.round(rng.uniform(20, 90, 59), 1)), "multiples of 1/")
    percent = np.append(rng.integers(1, 500, 80) / rng.integers(500, 900, 80) * 100, 100.0)
    assert said(noticed_of(percent), "and reach 100: if they are shares or percentages")
    assert not said(noticed_of(percent - 1), "and reach 100")


def test_ties_of_finely_written_values_are_not_called_rounding():
    y = np.round(np.random.default_rng(2).normal(0.5, 1, 300), 9)
    (sentence,) = said(noticed_of(np.append(y, y[:40])), "written finely")
    assert sentence.startswith("80 of the 340 values are tied with another, though they are written finely")
    assert not said(noticed_of(np.append(y, y[:40])), "they are rounded")


def planes(rng, width, sizes):
    """Rows of components that each lie in a plane of their own, in `width` columns."""
    parts = []
    for k, size in enumerate(sizes):
        free = rng.normal(size=(size, width - 1))
        parts.append(np.column_stack([free, free @ rng.normal(size=width - 1) + 5 * k]))
    return list(np.concatenate(parts).T)


@pytest.mark.parametrize("width", [2, 3, 4])
def test_components_that_are_planes_are_noticed_though_all_rows_are_not_one(width):
    rng = np.random.default_rng(40 + width)
    names = list("abcd"[:width])
    noticed = related(planes(rng, width, [40, 30]), names)
    assert noticed["relations"] == []
    assert noticed["aligned"] == 40
    assert len(said(noticed, f"40 or more distinct rows lie exactly on one {'line' if width == 2 else 'plane'}")) == 1
    # a component with width is none
    noticed = related(list(rng.normal(size=(width, 3000))), names)
    assert noticed["aligned"] == 0
    assert said(noticed, "lie exactly on one") == []
