"""The observations: simulated exactly, read strictly with every fault named, written to the last bit."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from stanmix import observations, simulation
from stanmix.errors import UserError
from stanmix.families import FAMILIES

TUTORIAL = {"family": "normal", "sizes": [90, 50, 75], "mu": [9, 21, 35], "sigma": 2, "seed": 1}


def test_the_simulation_is_the_one_that_the_reference_values_rest_on():
    y, component, truth = simulation.simulate(TUTORIAL, seed=99)
    expected = np.random.default_rng(1).normal(np.repeat([9, 21, 35], [90, 50, 75]), 2)
    assert y.tolist() == expected.tolist()
    assert component.tolist() == [1] * 90 + [2] * 50 + [3] * 75
    assert truth == {
        "family": "normal",
        "components": 3,
        "theta": [90 / 215, 50 / 215, 75 / 215],
        "mu": [9.0, 21.0, 35.0],
        "sigma": [2.0, 2.0, 2.0],
    }


def test_the_seed_of_the_run_counts_only_where_the_simulation_has_none():
    recipe = {key: value for key, value in TUTORIAL.items() if key != "seed"}
    with_one = simulation.simulate(recipe, seed=1)[0]
    assert with_one.tolist() == simulation.simulate(TUTORIAL, seed=2)[0].tolist()
    assert with_one.tolist() != simulation.simulate(recipe, seed=2)[0].tolist()


def test_an_empty_component_and_sds_of_their_own():
    y, component, truth = simulation.simulate(
        {"family": "normal", "sizes": [3, 0, 4000], "mu": [0, 5, 100], "sigma": [1e-9, 1, 3]}, seed=4
    )
    assert np.abs(y[:3]).max() < 1e-7
    assert set(component) == {1, 3}
    assert truth["theta"][1] == 0
    assert truth["sigma"] == [1e-9, 1.0, 3.0]
    assert y[3:].mean() == pytest.approx(100, abs=4 * 3 / np.sqrt(4000))
    assert y[3:].std() == pytest.approx(3, rel=4 / np.sqrt(2 * 4000))


def test_n_and_theta_draw_the_components():
    n, theta = 20000, np.array([0.2, 0.5, 0.3])
    y, component, truth = simulation.simulate(
        {"family": "normal", "n": n, "theta": theta.tolist(), "mu": [0, 100, 200], "sigma": 1}, seed=3
    )
    assert len(y) == n
    sizes = np.bincount(component, minlength=4)[1:]
    chi2 = ((sizes - n * theta) ** 2 / (n * theta)).sum()
    assert chi2 < 13.8  # 99.9% quantile of chi-squared with 2 degrees of freedom
    assert np.abs(y - 100 * (component - 1)).max() < 6
    assert truth["theta"] == pytest.approx(theta.tolist())


RECIPES = {
    "normal": {"mu": [-3, 4], "sigma": [1, 2]},
    "student_t": {"mu": [-3, 4], "sigma": 1, "nu": [2.5, 9]},
    "lognormal": {"meanlog": [-3, 1], "sdlog": [0.3, 0.5]},
    "gamma": {"mean": [0.5, 40], "cv": [1.5, 0.2]},
    "skew_normal": {"mean": [-3, 4], "sd": [1, 0.5], "slant": [4, -8]},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_simulated_with_the_parameters_of_each_component(family):
    recipe, sizes = RECIPES[family], [3000, 2000]
    y, component, truth = simulation.simulate({"family": family, "sizes": sizes, **recipe}, seed=8)
    assert truth["family"] == family
    assert truth == truth | {name: np.broadcast_to(np.array(v, float), 2).tolist() for name, v in recipe.items()}
    for k in (0, 1):
        scores = FAMILIES[family].score(y[component == k + 1], *(truth[name][k] for name in FAMILIES[family].names))
        assert stats.kstest(scores, "norm").pvalue > 0.01


def write(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


GOOD = {
    "plain": "y\n1\n2.5\n-3e-2\n",
    "no last line end": "y\n1\n2.5\n-3e-2",
    "BOM": b"\xef\xbb\xbfy\n1\n2.5\n-3e-2\n",
    "CRLF": "y\r\n1\r\n2.5\r\n-3e-2\r\n",
    "quoted": '"y"\n"1"\n"2.5"\n"-3e-2"\n',
    "spaces": " y \n 1\n2.5 \n\t-3e-2\n",
    "trailing lines": "y\n1\n2.5\n-3e-2\n\n\n\r\n",
    "several columns": 'id,y,note\n1,1,"a, b"\n2,2.5,\n3,-3e-2,"two\nlines"\n',
    "other duplicates": "x,y,x\n0,1,0\n0,2.5,0\n0,-3e-2,0\n",
    "plus": "y\n+1\n2.50\n-.03\n",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_good_files_are_read(text, tmp_path):
    assert observations.read_column(write(tmp_path / "d.csv", text), "y").tolist() == [1.0, 2.5, -0.03]


@pytest.mark.parametrize("name", ["Höhe (m²)", "身長", "two words", "a,b", "Ω"])
def test_headers_may_have_any_name(name, tmp_path):
    path = write(tmp_path / "d.csv", f'other,"{name}"\n5,1\n6,2\n')
    assert observations.read_column(path, name).tolist() == [1.0, 2.0]


def fault(path, column="y"):
    with pytest.raises(UserError) as caught:
        observations.read_column(path, column)
    return [sentence.replace(str(path), "FILE") for sentence in caught.value.sentences]


MISSING_FORMS = ["NA", "na", "N/A", "NaN", "nan", "null", "NULL", "None", "missing", ".", "-", "?"]
CELLS = {
    "empty": ("", "the cell is empty; every row needs a number"),
    "blank": ("  ", "the cell is empty; every row needs a number"),
    **{f"missing as {form}": (form, f"the value is missing ('{form}')") for form in MISSING_FORMS},
    "negative nan": ("-nan", "'-nan' is not a number"),
    "inf": ("inf", "'inf' is infinite; every row needs a finite number"),
    "infinity": ("-Infinity", "'-Infinity' is infinite; every row needs a finite number"),
    "overflow": ("1e999", "'1e999' is beyond what can be computed with (1e+150) or not written as a plain number"),
    "too large to square": (
        "-2e150",
        "'-2e150' is beyond what can be computed with (1e+150) or not written as a plain number",
    ),
    "underscore": ("1_000", "'1_000' is beyond what can be computed with (1e+150) or not written as a plain number"),
    "decimal comma": ('"3,5"', "'3,5' has a decimal comma; write a decimal point"),
    "negative decimal comma": ('"-3,5"', "'-3,5' has a decimal comma; write a decimal point"),
    "text": ("tall", "'tall' is not a number"),
    "unit": ("3 m", "'3 m' is not a number"),
    "hexadecimal": ("0x10", "'0x10' is not a number"),
    "formula": ("=1+1", "'=1+1' is not a number"),
    "two commas": ('"1,2,3"', "'1,2,3' is not a number"),
    "null byte": ("1\0", "'1\\x00' is not a number"),
}


@pytest.mark.parametrize(("cell", "words"), CELLS.values(), ids=CELLS)
def test_a_bad_cell_is_named_with_line_column_and_value(cell, words, tmp_path):
    path = write(tmp_path / "d.csv", f'id,y\n1,2\n2,"3"\n3,{cell}\n4,5\n')
    assert fault(path) == [f"FILE, line 4, column 'y': {words}."]


FILES = {
    "empty": (b"", "FILE: the file is empty or its first line is; it needs a header that names the columns."),
    "empty first line": ("\ny\n1\n2\n", "FILE: the file is empty or its first line is; it needs a header"),
    "only a BOM": (b"\xef\xbb\xbf", "FILE: the file is empty"),
    "header only": ("y\n", "FILE, column 'y': there are 0 values; a mixture needs at least 2 distinct values."),
    "one value": ("y\n3\n", "FILE, column 'y': there is 1 value; a mixture needs at least 2 distinct values."),
    "constant": ("y\n3\n3.0\n3e0\n", "FILE, column 'y': all 3 values are equal; a mixture needs at least 2 distinct"),
    "semicolons": (
        "x;y\n1;2\n",
        "FILE, line 1: there is no column 'y'; the header has 'x;y'; it seems to be separated",
    ),
    "tabs": ("x\ty\n1\t2\n", "so save it comma-separated"),
    "duplicate": ("y,x,y\n1,2,3\n", "FILE, line 1: the header names 'y' 2 times; rename all but one."),
    "other case": ("Y\n1\n2\n", "FILE, line 1: there is no column 'y'; the header has 'Y'."),
    "no header": ("1\n2\n3\n", "FILE, line 1: there is no column 'y'; the header has '1'."),
    "too many cells": ("x,y\n1,2\n1,2,3\n", "FILE, line 3: there are 3 cells, but the header names 2 columns."),
    "too few cells": ("x,y\n1\n2,3\n", "FILE, line 2: there are 1 cells, but the header names 2 columns."),
    "decimal comma unquoted": ("y\n1,5\n2,5\n", "FILE, line 2: there are 2 cells, but the header names 1 columns."),
    "empty line": ("y\n1\n\n2\n", "FILE, line 3: the line is empty; remove it or fill it."),
    "latin-1": (
        "y,Höhe\n1,2\n3,4\n".encode("latin-1"),
        "FILE: this is not text in UTF-8; save the file as CSV in UTF-8.",
    ),
    "UTF-16": ("y\n1\n2\n".encode("utf-16"), "FILE: this is not text in UTF-8"),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "FILE: this is not text in UTF-8"),
    "open quote": ('y\n1\n2\n"3\n4\n', "FILE, line 4: this is not a CSV file (unexpected end of data)"),
    "text after a quote": ('y\n1\n"2"3\n4\n', "FILE, line 3: this is not a CSV file (',' expected after '\"')"),
    "endless cell": ("y\n1\n" + "1" * 200000 + "\n2\n", "FILE, line 3: this is not a CSV file (field larger"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_a_bad_file_is_named_with_what_is_wrong(content, words, tmp_path):
    found = fault(write(tmp_path / "d.csv", content))
    assert words in found[0]
    assert found[0].endswith(".")


def test_a_missing_file_a_folder_and_an_unreadable_name(tmp_path):
    assert fault(tmp_path / "no.csv") == ["FILE: there is no such file; check csv in the configuration."]
    assert fault(tmp_path) == ["FILE: this is a folder, not a CSV file."]
    assert "cannot be read" in fault(tmp_path / ("x" * 300))[0]


def test_a_column_almost_named_is_suggested(tmp_path):
    path = write(tmp_path / "d.csv", "waiting,eruptions\n1,2\n3,4\n")
    assert fault(path, "waitng") == [
        "FILE, line 1: there is no column 'waitng'; the header has 'waiting', 'eruptions' (did you mean 'waiting'?)."
    ]
    assert "did you mean" not in fault(path, "xyz")[0]


@pytest.mark.parametrize(("bad", "shown", "more"), [(9, 9, None), (10, 10, None), (11, 10, 1), (250, 10, 240)])
def test_at_most_ten_bad_lines_are_named_and_the_rest_counted(bad, shown, more, tmp_path):
    path = write(tmp_path / "d.csv", "y\n1\n2\n" + "x\n" * bad)
    found = fault(path)
    expected = [f"FILE, line {line}, column 'y': 'x' is not a number." for line in range(4, 4 + shown)]
    assert found == expected + ([f"FILE: and {more} more such lines."] if more else [])


def test_all_faults_are_named_in_the_order_of_the_lines(tmp_path):
    path = write(tmp_path / "d.csv", "x,y\n1,2\n1,\n\n1\n1,inf\n1,3\n")
    assert [sentence.split(":")[0].split(",")[1] for sentence in fault(path)] == [f" line {n}" for n in (3, 4, 5, 6)]


def test_lines_are_counted_in_the_file_and_not_in_the_table(tmp_path):
    path = write(tmp_path / "d.csv", 'note,y\n"two\nlines",1\na,x\n')
    assert fault(path) == ["FILE, line 4, column 'y': 'x' is not a number."]


def test_the_facts_of_a_small_sample():
    noticed = observations.notice(np.array([4.0, 1.0, 2.5, 1.0, 9.0, 4.0, 4.0]))
    values = [1.0, 1.0, 2.5, 4.0, 4.0, 4.0, 9.0]
    mean = sum(values) / 7
    assert noticed["n"] == 7
    assert noticed["mean"] == pytest.approx(mean)
    assert noticed["sd"] == pytest.approx((sum((v - mean) ** 2 for v in values) / 6) ** 0.5)
    facts = {
        key: noticed[key] for key in ("median", "minimum", "maximum", "range", "distinct", "tied", "most_tied", "step")
    }
    assert facts == {
        "median": 4.0,
        "minimum": 1.0,
        "maximum": 9.0,
        "range": 8.0,
        "distinct": 4,
        "tied": 5,
        "most_tied": 3,
        "step": 0.1,
    }
    assert "7 values take only 4 distinct ones, all multiples of 0.1" in noticed["sentences"][0]
    logs = [math.log(v) for v in values]
    sd = math.sqrt(math.fsum((v - math.fsum(logs) / 7) ** 2 for v in logs) / 6)
    assert noticed["log"] == pytest.approx({"median": math.log(4), "sd": sd, "range": math.log(9)})


@pytest.mark.parametrize("smallest", [0.0, -1e-9, -5.0])
def test_there_are_no_logs_unless_all_values_are_above_0(smallest):
    assert observations.notice(np.array([smallest, 1.0, 2.0]))["log"] is None
    assert observations.notice(np.array([1e-300, 1.0, 2.0]))["log"]["range"] == pytest.approx(math.log(2e300))


@pytest.mark.parametrize(
    ("values", "step"),
    [
        ([43, 45, 45, 96], 1),
        ([40, 50, 50, 120], 10),
        ([-1000, 3000, 3000, 1e6], 1000),
        (np.round(np.arange(60, 131) / 1000, 3).tolist() * 2, 0.001),
        ([0.06, 0.061, 0.061, 0.1305, 0.0004], 0.0001),
        ([1e-9, 3e-9, 3e-9], 1e-9),
        ([123456.78, 123456.79, 123456.79, 123457.0], 0.01),
        ([0.1, 0.2, 0.3, 0.3, 0.7], 0.1),
    ],
)
def test_the_rounding_step_is_the_largest_power_of_ten_that_divides_all(values, step):
    noticed = observations.notice(np.array(values, float))
    assert noticed["step"] == pytest.approx(step, rel=1e-12)
    assert "they are rounded" in noticed["sentences"][0]


def test_the_real_data_are_seen_to_be_rounded(cases):
    y = observations.read_column(cases / "data" / "faithful_waiting.csv", "y")
    noticed = observations.notice(y)
    assert (noticed["n"], noticed["step"], noticed["minimum"], noticed["maximum"]) == (272, 1.0, 43.0, 96.0)
    assert noticed["mean"] == pytest.approx(70.897059, abs=1e-6)  # R: mean(faithful$waiting), sd(...)
    assert noticed["sd"] == pytest.approx(13.594974, abs=1e-6)
    stamps = observations.notice(observations.read_column(cases / "data" / "stamps_485.csv", "y"))
    assert (stamps["n"], stamps["step"]) == (485, 0.001)


def test_continuous_values_give_no_warning_and_chance_ties_are_not_rounding():
    y = np.random.default_rng(5).normal(size=500)
    noticed = observations.notice(y)
    assert (noticed["tied"], noticed["step"], noticed["sentences"]) == (0, None, [])
    noticed = observations.notice(np.append(y, y[:3]))
    assert (noticed["tied"], noticed["step"]) == (6, None)
    assert "6 of the 503 values are tied" in noticed["sentences"][0]


@pytest.mark.parametrize("component", [None, np.array([1, 2, 1, 3, 1, 2])])
def test_what_is_written_is_read_again_to_the_last_bit(component, tmp_path):
    y = np.array([0.1, 1 / 3, -1e-200, 123456789.123456789, 5e140, np.nextafter(2, 3)]) / 7
    observations.write(y, tmp_path / "new" / "y.csv", tmp_path / "n.json", component)
    again, found = observations.read(tmp_path / "new" / "y.csv")
    assert again.tobytes() == y.tobytes()
    assert (found is None) if component is None else (found.tolist() == component.tolist())
    lines = (tmp_path / "new" / "y.csv").read_bytes().split(b"\n")
    assert lines[0] == b"obs_id,y" + (b"" if component is None else b",true_component")
    assert [line.split(b",")[0] for line in lines[1:-1]] == [b"1", b"2", b"3", b"4", b"5", b"6"]
    assert lines[-1] == b""


def test_what_is_noticed_is_written_beside(tmp_path):
    observations.write(np.array([1.5, 2.25]), tmp_path / "y.csv", tmp_path / "n.json")
    noticed = json.loads((tmp_path / "n.json").read_text(encoding="utf-8"))
    assert (noticed["n"], noticed["mean"]) == (2, 1.875)
    assert observations.read(tmp_path / "y.csv")[0].tolist() == [1.5, 2.25]
