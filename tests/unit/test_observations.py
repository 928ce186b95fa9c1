"""The observations: simulated exactly, read strictly with every fault named, collapsed, written to the last bit."""

import csv
import dataclasses
import os

import numpy as np
import pytest
from scipy import stats

from stanmix.base.errors import UserError
from stanmix.base.text import plain
from stanmix.data import csvfile, observations, simulation
from stanmix.data.observations import Observations, read_csv
from stanmix.families.registry import FAMILIES

TUTORIAL = {"family": "normal", "sizes": [90, 50, 75], "mu": [9, 21, 35], "sigma": 2, "seed": 1}


def test_the_simulation_is_the_one_that_the_reference_values_rest_on():
    rows, truth = simulation.simulate(TUTORIAL, seed=99)
    expected = np.random.default_rng(1).normal(np.repeat([9, 21, 35], [90, 50, 75]), 2)
    assert rows.y.tolist() == expected.tolist()
    assert rows.component.tolist() == [1] * 90 + [2] * 50 + [3] * 75
    assert (rows.n, rows.frequency.tolist()) == (215, [1] * 215)
    assert truth == {
        "family": "normal",
        "components": 3,
        "theta": [90 / 215, 50 / 215, 75 / 215],
        "mu": [9.0, 21.0, 35.0],
        "sigma": [2.0, 2.0, 2.0],
    }


def test_the_seed_of_the_run_counts_only_where_the_simulation_has_none():
    recipe = {key: value for key, value in TUTORIAL.items() if key != "seed"}
    with_one = simulation.simulate(recipe, seed=1)[0].y
    assert with_one.tolist() == simulation.simulate(TUTORIAL, seed=2)[0].y.tolist()
    assert with_one.tolist() != simulation.simulate(recipe, seed=2)[0].y.tolist()


def test_an_empty_component_and_sds_of_their_own():
    rows, truth = simulation.simulate(
        {"family": "normal", "sizes": [3, 0, 4000], "mu": [0, 5, 100], "sigma": [1e-9, 1, 3]}, seed=4
    )
    y, component = rows.y, rows.component
    assert np.abs(y[:3]).max() < 1e-7
    assert set(component) == {1, 3}
    assert truth["theta"][1] == 0
    assert truth["sigma"] == [1e-9, 1.0, 3.0]
    assert y[3:].mean() == pytest.approx(100, abs=4 * 3 / np.sqrt(4000))
    assert y[3:].std() == pytest.approx(3, rel=4 / np.sqrt(2 * 4000))


def test_n_and_theta_draw_the_components():
    n, theta = 20000, np.array([0.2, 0.5, 0.3])
    rows, truth = simulation.simulate(
        {"family": "normal", "n": n, "theta": theta.tolist(), "mu": [0, 100, 200], "sigma": 1}, seed=3
    )
    y, component = rows.y, rows.component
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


@pytest.mark.parametrize("family", RECIPES)
def test_continuous_families_are_simulated_with_the_parameters_of_each_component(family):
    recipe, sizes = RECIPES[family], [3000, 2000]
    rows, truth = simulation.simulate({"family": family, "sizes": sizes, **recipe}, seed=8)
    y, component = rows.y, rows.component
    assert truth["family"] == family
    assert truth == truth | {name: np.broadcast_to(np.array(v, float), 2).tolist() for name, v in recipe.items()}
    for k in (0, 1):
        scores = FAMILIES[family].score(y[component == k + 1], *(truth[name][k] for name in FAMILIES[family].names))
        assert stats.kstest(scores, "norm").pvalue > 0.01


def file(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def fault(path, columns=("y",), **others):
    with pytest.raises(UserError) as caught:
        read_csv(path, list(columns), **others)
    return [sentence.replace(str(path), "FILE") for sentence in caught.value.sentences]


GOOD = {
    "plain": "y\n1\n2.5\n-3e-2\n",
    "no last line end": "y\n1\n2.5\n-3e-2",
    "BOM": b"\xef\xbb\xbfy\n1\n2.5\n-3e-2\n",
    "CRLF": "y\r\n1\r\n2.5\r\n-3e-2\r\n",
    "CR": "y\r1\r2.5\r-3e-2\r",
    "mixed line ends": "y\r\n1\n2.5\r-3e-2\r\n",
    "quoted": '"y"\n"1"\n"2.5"\n"-3e-2"\n',
    "spaces": " y \n 1\n2.5 \n\t-3e-2\n",
    "other spaces": "\u00a0y\n\u00a01\n2.5\u2003\n-3e-2\n",
    "trailing lines": "y\n1\n2.5\n-3e-2\n\n\n\r\n",
    "trailing blanks": "x,y\n0,1\n0,2.5\n0,-3e-2\n  \n\n",
    "several columns": 'id,y,note\n1,1,"a, b"\n2,2.5,\n3,-3e-2,"two\nlines"\n',
    "other duplicates": "x,y,x\n0,1,0\n0,2.5,0\n0,-3e-2,0\n",
    "plus": "y\n+1\n2.50\n-.03\n",
    "large and small letters": "y\n1E0\n25e-1\n-3.E-2\n",
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_good_files_are_read(text, tmp_path):
    found = read_csv(file(tmp_path / "d.csv", text), ["y"])
    assert found.y.tolist() == [1.0, 2.5, -0.03]
    assert found.lines.tolist() == [2, 3, 4]
    assert found.frequency.tolist() == [1, 1, 1]
    assert found.frequency.dtype == np.int64
    assert (found.trials, found.exposure, found.ids, found.component, found.dropped) == (None, None, None, None, ())


@pytest.mark.parametrize("name", ["Höhe (m²)", "身長", "two words", "a,b", "Ω", " padded "])
def test_headers_may_have_any_name(name, tmp_path):
    path = file(tmp_path / "d.csv", f'other,"{name}"\n5,1\n6,2\n')
    assert read_csv(path, [name]).y.tolist() == [1.0, 2.0]


def test_one_name_in_two_unicode_forms_is_one_name(tmp_path):
    path = file(tmp_path / "d.csv", "Ho\u0308he\n1\n2\n")
    assert read_csv(path, ["H\u00f6he"]).y.tolist() == [1.0, 2.0]


def test_columns_come_in_the_order_asked_for(tmp_path):
    path = file(tmp_path / "d.csv", "w,name,c,a,e,b\n2,x,1,2,3,4\n3,'y',5,6,7,8.5\n")
    found = read_csv(path, ["a", "b", "c"], weights="w", id="name")
    assert found.y.tolist() == [[2, 4, 1], [6, 8.5, 5]]
    assert found.frequency.tolist() == [2, 3]
    assert found.ids.tolist() == ["x", "'y'"]
    assert found.n == 5
    assert isinstance(found.n, int)


def test_trials_and_exposure_are_read_beside_one_column(tmp_path):
    path = file(tmp_path / "d.csv", "n,y,e\n4,0,0.5\n4.0,4,1e-3\n")
    found = read_csv(path, ["y"], trials="n", exposure="e")
    assert (found.y.tolist(), found.trials.tolist(), found.exposure.tolist()) == ([0, 4], [4, 4], [0.5, 0.001])


def test_a_zero_has_no_sign(tmp_path):
    found = read_csv(file(tmp_path / "d.csv", "y\n-0\n-0.0e5\n1\n"), ["y"])
    assert np.signbit(found.y).tolist() == [False, False, False]
    found = read_csv(file(tmp_path / "d.csv", "y\n-0\n-0.0e5\n1\nNA\n"), ["y"], missing="drop")
    assert np.signbit(found.y).tolist() == [False, False, False]


FILL = "fill it, or set missing: drop"
MISSING_FORMS = ["NA", "na", "N/A", "n.a.", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "missing"]
MISSING_FORMS += [".", "-", "--", "\u2013", "\u2014", "?", "*"]
CELLS = {
    "empty": ("", f"the cell is empty; {FILL}"),
    "blank": ("  ", f"the cell is empty; {FILL}"),
    "quoted and empty": ('""', f"the cell is empty; {FILL}"),
    **{f"missing as {form}": (form, f"the value is missing ('{form}'); {FILL}") for form in MISSING_FORMS},
    "negative nan": ("-nan", "'-nan' is not a number"),
    "inf": ("inf", "'inf' is infinite; every row needs a finite number"),
    "infinity": ("-Infinity", "'-Infinity' is infinite; every row needs a finite number"),
    "overflow": ("1e400", "'1e400' is beyond what can be computed with (1e+150); rescale the column"),
    "too large to square": ("-2e150", "'-2e150' is beyond what can be computed with (1e+150); rescale the column"),
    "underflow": ("-1e-400", "'-1e-400' is too close to 0 for double precision; use a larger unit of the scale"),
    "underscore": ("1_000", "'1_000' has a separator of thousands; write the digits alone"),
    "underscores in text": ("a_b", "'a_b' is not a number"),
    "decimal comma": ('"3,5"', "'3,5' has a decimal comma; write a decimal point"),
    "negative decimal comma": ('"-3,5"', "'-3,5' has a decimal comma; write a decimal point"),
    "German thousands": ('"1.234,5"', "'1.234,5' has a decimal comma; write a decimal point"),
    "thousands": ('"1,000"', "'1,000' has a comma; write decimals with a point and thousands without a mark"),
    "millions": (
        '"1,000,000.5"',
        "'1,000,000.5' has a comma; write decimals with a point and thousands without a mark",
    ),
    "space in the number": ("1 000", "'1 000' is not a number"),
    "text": ("tall", "'tall' is not a number"),
    "true": ("True", "'True' is not a number"),
    "unit": ("3 m", "'3 m' is not a number"),
    "percent": ("3%", "'3%' is not a number"),
    "hexadecimal": ("0x10", "'0x10' is not a number"),
    "complex": ("1j", "'1j' is not a number"),
    "FORTRAN": ("1d3", "'1d3' is not a number"),
    "formula": ("=1+1", "'=1+1' is not a number"),
    "comment": ("3#three", "'3#three' is not a number"),
    "other digits": ("\u0663", "'\u0663' is not a number"),
    "minus sign": ("\u22123", "'\u22123' is not a number"),
    "two commas": ('"1,2,3"', "'1,2,3' is not a number"),
    "long text": ("x" * 100, f"'{'x' * 57}...' is not a number"),
}


@pytest.mark.parametrize(("cell", "words"), CELLS.values(), ids=CELLS)
def test_a_bad_cell_is_named_with_line_column_and_value(cell, words, tmp_path):
    path = file(tmp_path / "d.csv", f'id,y\n1,2\n2,"3"\n3,{cell}\n4,5\n')
    assert fault(path) == [f"FILE, line 4, column 'y': {words}."]


@pytest.mark.parametrize(("cell", "words"), CELLS.values(), ids=CELLS)
def test_rows_with_missing_cells_are_dropped_if_asked_for_but_never_other_faults(cell, words, tmp_path):
    path = file(tmp_path / "d.csv", f'id,y\n1,2\n2,"3"\n3,{cell}\n4,5\n')
    if FILL not in words:
        assert fault(path, missing="drop") == [f"FILE, line 4, column 'y': {words}."]
        return
    found = read_csv(path, ["y"], missing="drop", id="id")
    assert found.dropped == ((4, f"column 'y': {words.removesuffix('; ' + FILL)}"),)
    assert (found.y.tolist(), found.lines.tolist(), found.ids.tolist()) == ([2, 3, 5], [2, 3, 5], ["1", "2", "4"])


def test_a_missing_cell_in_any_needed_column_drops_the_row_and_in_others_does_not(tmp_path):
    text = "a,b,w,id,z\n1,2,1,p,\nNA,3,1,q,0\n4,,1,r,0\n5,6,?,s,0\n,,,,\n7,8,2,t,NA\n"
    found = read_csv(file(tmp_path / "d.csv", text), ["a", "b"], weights="w", id="id", missing="drop")
    assert found.y.tolist() == [[1, 2], [7, 8]]
    assert (found.lines.tolist(), found.frequency.tolist(), found.ids.tolist()) == ([2, 7], [1, 2], ["p", "t"])
    assert found.dropped == (
        (3, "column 'a': the value is missing ('NA')"),
        (4, "column 'b': the cell is empty"),
        (5, "column 'w': the value is missing ('?')"),
        (6, "column 'a': the cell is empty"),
    )
    text = text.replace("NA,3", "NA,three")
    assert fault(file(tmp_path / "d.csv", text), ["a", "b"], weights="w", id="id", missing="drop") == [
        "FILE, line 3, column 'b': 'three' is not a number."
    ]


def test_all_bad_cells_of_a_line_are_named(tmp_path):
    path = file(tmp_path / "d.csv", "a,b,e\n1,2,3\n,x,inf\n")
    assert [sentence.split(":")[0] for sentence in fault(path, ["a", "b"])] == [
        "FILE, line 3, column 'a'",
        "FILE, line 3, column 'b'",
    ]


FILES = {
    "empty": (b"", "FILE: the file is empty or its first line is; it needs a header that names the columns."),
    "empty first line": ("\ny\n1\n2\n", "FILE: the file is empty or its first line is; it needs a header"),
    "only a BOM": (b"\xef\xbb\xbf", "FILE: the file is empty"),
    "header only": ("y\n", "FILE, column 'y': there are 0 values; a mixture needs at least 2 distinct values."),
    "one value": ("y\n3\n", "FILE, column 'y': there is 1 value; a mixture needs at least 2 distinct values."),
    "constant": ("y\n3\n3.0\n3e0\n", "FILE, column 'y': all 3 values are equal; a mixture needs at least 2 distinct"),
    "zeros": ("y\n0\n-0\n", "FILE, column 'y': all 2 values are equal; a mixture needs at least 2 distinct"),
    "semicolons": ("x;z\n1;2\n", "FILE, line 1: there is no column 'y'; the header has 'x', 'z'."),
    "tabs": ("x\tz\n1\t2\n", "FILE, line 1: there is no column 'y'; the header has 'x', 'z'."),
    "bars": ("x|z\n1|2\n", "FILE, line 1: there is no column 'y'; the header has 'x', 'z'."),
    "words": ("x y\n1\n2\n", "FILE, line 1: there is no column 'y'; the header has 'x y'."),
    "a limit": ("y\n1\n<10\n", "FILE, line 3, column 'y': '<10' is a limit, beyond which the value is not known;"),
    "another limit": ("y\n1\n>= 64\n", "FILE, line 3, column 'y': '>= 64' is a limit, beyond which"),
    "a limit in signs": ("y\n1\n\u2264.5\n", "column 'y': '\u2264.5' is a limit, beyond which"),
    "duplicate": ("y,x,y\n1,2,3\n", "FILE, line 1: the header names 'y' 2 times; rename all but one."),
    "other case": ("Y\n1\n2\n", "FILE, line 1: there is no column 'y'; the header has 'Y'."),
    "no header": ("1\n2\n3\n", "FILE, line 1: there is no column 'y'; the header has '1'."),
    "many columns": (",".join(map(str, range(99))), "'0', '1', '2', '3', '4', '5', '6', '7', '8', '9' and 89 more."),
    "comment first": ("# mine\ny\n1\n2\n", "FILE, line 1: there is no column 'y'; the header has '# mine'."),
    "comment later": ("x,y\n1,2\n# 3,4,5\n", "FILE, line 3: there are 3 cells, but the header names 2 columns."),
    "too many cells": ("x,y\n1,2\n1,b,3\n", "FILE, line 3: there are 3 cells, but the header names 2 columns."),
    "too many everywhere": (
        "x,y\n1,2,c\n2,3,d\n",
        "FILE, line 2: there are 3 cells, but the header names 2 columns (also in line 3).",
    ),
    "too few cells": ("x,y\n1\n2,3\n", "FILE, line 2: there is 1 cell, but the header names 2 columns."),
    "empty quoted cell": ('x,y\n1,2\n""\n2,3\n', "FILE, line 3: there is 1 cell, but the header names 2 columns."),
    "decimal comma unquoted": (
        "y\n1,5\n2,5\n",
        "FILE, line 2: there are 2 cells, but the header names 1 column; if a comma stands for a decimal point there, ",
    ),
    "empty line": ("y\n1\n\n2\n", "FILE, line 3: the line is empty; remove it or fill it."),
    "line of spaces": ("x,y\n1,2\n  \n2,3\n", "FILE, line 3: the line is empty; remove it or fill it."),
    "latin-1": (
        "y,x\n1,2\n3,Höhe\n".encode("latin-1"),
        "FILE, line 3: this is not text in UTF-8; save the file as CSV",
    ),
    "cut character": ("y,x\n1,2\n3,ö".encode()[:-1], "FILE, line 3: this is not text in UTF-8; save the file as CSV"),
    "UTF-16": ("y\n1\n2\n".encode("utf-16"), "FILE: this is text in UTF-16; save the file as CSV in UTF-8."),
    "UTF-16 from behind": ("Höhe\n1\n2\n".encode("utf-16-be"), "FILE: this is text in UTF-16; save the file as CSV"),
    "UTF-16 without mark": ("y\n1\n2\n".encode("utf-16-le"), "FILE: this is text in UTF-16; save the file as CSV"),
    "picture": (
        b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe",
        "FILE: this is not a text file; export the data as CSV in UTF-8.",
    ),
    "null byte": ("y\n1\0\n2\n", "FILE: this is not a text file; export the data as CSV in UTF-8."),
    "late null byte": ("y\n" + "1\n2\n" * 500_000 + "\0", "FILE: this is not a text file"),
    "open quote": ('y\n1\n2\n"3\n4\n', "FILE, line 4: this is not a CSV file (unexpected end of data)"),
    "open quote in the header": ('"y\n1\n2\n', "FILE, line 1: this is not a CSV file (unexpected end of data)"),
    "text after a quote": ('y\n1\n"2"3\n4\n', "FILE, line 3: this is not a CSV file (',' expected after '\"')"),
    "endless cell": ("y\n1\n" + "1" * 200000 + "\n2\n", "FILE, line 3: this is not a CSV file (field larger"),
}


@pytest.mark.parametrize(("content", "words"), FILES.values(), ids=FILES)
def test_a_bad_file_is_named_with_what_is_wrong(content, words, tmp_path):
    found = fault(file(tmp_path / "d.csv", content))
    assert words in found[0]
    assert found[0].endswith(".")


def test_the_line_of_a_wrong_byte_is_counted_through_the_whole_file(tmp_path):
    path = file(tmp_path / "d.csv", b"y\n" + b"123456\n" * 400_000 + b"\xe4\n")
    assert fault(path) == ["FILE, line 400002: this is not text in UTF-8; save the file as CSV in UTF-8."]


def test_characters_of_several_bytes_may_stand_anywhere(tmp_path):
    for shift in range(4):  # so that one of them is cut in two by every block
        text = f"y,x\n1,{'z' * shift}\n" + "2,ö€😀\n" * 200_000
        assert read_csv(file(tmp_path / "d.csv", text), ["y"]).n == 200_001


def test_a_missing_file_a_folder_a_pipe_and_an_unreadable_name(tmp_path):
    assert fault(tmp_path / "no.csv") == ["FILE: there is no such file; check csv in the configuration."]
    assert fault(tmp_path) == ["FILE: this is a folder, not a CSV file."]
    assert "cannot be read" in fault(tmp_path / ("x" * 300))[0]
    os.mkfifo(tmp_path / "pipe")
    assert fault(tmp_path / "pipe") == ["FILE: this is not a file that can be read again; copy the data into one."]


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def forbid(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(csvfile.os, "stat", forbid)  # root may read all files
    assert fault(tmp_path / "d.csv") == ["FILE: the file cannot be read (Permission denied)."]


def test_a_column_almost_named_is_suggested(tmp_path):
    path = file(tmp_path / "d.csv", "waiting,eruptions\n1,2\n3,4\n")
    assert fault(path, ["waitng"]) == [
        "FILE, line 1: there is no column 'waitng'; the header has 'waiting', 'eruptions' (did you mean 'waiting'?)."
    ]
    assert "did you mean" not in fault(path, ["xyz"])[0]


def test_all_absent_and_duplicate_columns_are_named(tmp_path):
    path = file(tmp_path / "d.csv", "a,a,b\n1,2,3\n")
    found = fault(path, ["a"], trials="q", weights="b", id="r")
    assert [sentence.split(";")[0] for sentence in found] == [
        "FILE, line 1: the header names 'a' 2 times",
        "FILE, line 1: there is no column 'q'",
        "FILE, line 1: there is no column 'r'",
    ]


@pytest.mark.parametrize(
    ("columns", "others", "words"),
    [
        (["a", "b", "a"], {}, "'a' is named twice in columns"),
        (["a"], {"trials": "a"}, "'a' is named as column and as trials"),
        (["a"], {"exposure": " a"}, "'a' is named as column and as exposure"),
        (["a", "b"], {"weights": "b"}, "'b' is named as columns and as weights"),
        (["a"], {"trials": "b", "weights": "b"}, "'b' is named as trials and as weights"),
        (["a"], {"trials": "b", "exposure": "b"}, "'b' is named as trials and as exposure"),
        (["a"], {"group": "a "}, "'a' is named as column and as group"),
        (["a", "b"], {"known": "b"}, "'b' is named as columns and as known"),
        (["a"], {"weights": "b", "group": "b"}, "'b' is named as weights and as group"),
        (["a"], {"known": "b", "group": "b"}, "'b' is named as known and as group"),
        (["a"], {"group": "b", "id": "b"}, "'b' is named as group and as id"),
        (["a"], {"known": "b", "id": "b"}, "'b' is named as known and as id"),
    ],
)
def test_a_column_serves_one_purpose(columns, others, words, tmp_path):
    path = file(tmp_path / "d.csv", "a,b\n1,2\n3,4\n")
    assert fault(path, columns, **others) == [f"FILE: {words}; each needs a column of its own."]


def test_an_id_may_be_a_column_of_numbers_too(tmp_path):
    found = read_csv(file(tmp_path / "d.csv", "a\n1\n2.50\n"), ["a"], id="a")
    assert found.ids.tolist() == ["1", "2.50"]


@pytest.mark.parametrize("role", ["trials", "exposure"])
def test_trials_and_exposure_need_one_column(role, tmp_path):
    path = file(tmp_path / "d.csv", "a,b,c\n1,2,3\n3,4,5\n")
    assert fault(path, ["a", "b"], **{role: "c"}) == [
        f"FILE: {role} 'c' goes with one column of values, not with several."
    ]


@pytest.mark.parametrize("cell", ["0", "-1", "2.5", "0.999"])
def test_trials_are_whole_and_at_least_1(cell, tmp_path):
    path = file(tmp_path / "d.csv", f"y,n\n0,1\n0,{cell}\n1,1\n")
    assert fault(path, trials="n")[0] == (
        f"FILE, line 3, column 'n': {cell} is not possible; trials are a whole number from 1 to "
        "2147483647, beyond which CmdStan cannot count."
    )


@pytest.mark.parametrize(("successes", "trials"), [("4", "3"), ("-1", "3"), ("1.5", "3"), ("1", "0")])
def test_successes_are_whole_and_no_more_than_the_trials(successes, trials, tmp_path):
    path = file(tmp_path / "d.csv", f"y,n\n0,1\n3,3\n{successes},{trials}\n")
    assert fault(path, trials="n")[-1] == (
        f"FILE, line 4, column 'y': {successes} of {trials} trials (column 'n') is not possible; successes are a whole "
        "number from 0 to the trials."
    )


@pytest.mark.parametrize("cell", ["0", "-2.5", "-0"])
def test_an_exposure_is_above_0(cell, tmp_path):
    path = file(tmp_path / "d.csv", f"y,e\n0,1\n3,{cell}\n")
    assert fault(path, exposure="e") == [
        f"FILE, line 3, column 'e': {cell.replace('-0', '0')} is not possible; an exposure is above 0 (at least "
        "1e-150)."
    ]


@pytest.mark.parametrize("cell", ["-1", "0.5"])
def test_weights_are_frequencies(cell, tmp_path):
    path = file(tmp_path / "d.csv", f"y,w\n0,1\n3,{cell}\n")
    assert fault(path, weights="w") == [
        f"FILE, line 3, column 'w': {cell} is not possible; a weight is a frequency, how many times the row was "
        "observed: a whole number, at least 0."
    ]


def test_rows_with_weight_0_are_left_out_and_counted(tmp_path):
    path = file(tmp_path / "d.csv", "y,w,id\n1,2,a\n5,0,a\n3,1000000000,b\n,1,\n5,0,\n")
    found = read_csv(path, ["y"], weights="w", id="id", missing="drop")
    assert (found.y.tolist(), found.frequency.tolist(), found.lines.tolist()) == ([1, 3], [2, 10**9], [2, 4])
    assert found.ids.tolist() == ["a", "b"]
    zero = "column 'w': the weight is 0"
    assert found.dropped == ((3, zero), (5, "column 'y': the cell is empty"), (6, zero))
    assert all(type(line) is int for line, _ in found.dropped)


def test_all_weights_0_and_weights_beyond_counting(tmp_path):
    path = file(tmp_path / "d.csv", "y,w\n1,0\n2,0\n")
    assert fault(path, weights="w") == ["FILE, column 'w': all 2 weights are 0; no observation is left."]
    path = file(tmp_path / "d.csv", "y,w\n1,1e100\n2,1\n")
    assert "the weights add up to 1e+100; more than 9.0072e+15" in fault(path, weights="w")[0]


def test_ids_are_text_and_occur_once(tmp_path):
    path = file(tmp_path / "d.csv", 'y,id\n1, 007 \n2,"a, ""b"""\n3,NA\n4,"x\ny"\n')
    assert read_csv(path, ["y"], id="id").ids.tolist() == ["007", 'a, "b"', "NA", "x\ny"]
    path = file(tmp_path / "d.csv", "y,id\n1,a\n2, a\n3,\n4,b\n5,a\n")
    for missing in ("error", "drop"):
        assert fault(path, id="id", missing=missing) == [
            "FILE, line 3, column 'id': the id 'a' stands in line 2 already; give every row an id of its own (also in "
            "line 6).",
            "FILE, line 4, column 'id': the id is empty; name the row.",
        ]


def test_distinct_rows_are_needed(tmp_path):
    path = file(tmp_path / "d.csv", "y,n,e,w\n1,2,3,1\n1,2,3,9\n")
    assert fault(path, trials="n") == [
        "FILE, columns 'y', 'n': all 2 rows are equal; a mixture needs at least 2 distinct rows."
    ]
    assert "columns 'y', 'n', 'e': all 2 rows are equal" in fault(path, trials="n", exposure="e")[0]
    assert "column 'y': all 2 values are equal" in fault(path, weights="w")[0]
    assert "columns 'y', 'n': all 2 rows are equal" in fault(path, ["y", "n"])[0]
    path = file(tmp_path / "d.csv", "y,n\n1,2\n1,3\n")
    assert read_csv(path, ["y"], trials="n").n == 2
    assert read_csv(path, ["y"], exposure="n").n == 2
    path = file(tmp_path / "d.csv", "y,w\n1,2\n2,0\n1,3\n")
    assert fault(path, weights="w") == [
        "FILE, column 'y': all 2 values are equal after 1 row was left out; a mixture needs at least 2 distinct values."
    ]
    path = file(tmp_path / "d.csv", "y\nNA\nNA\n")
    assert "there are 0 values after 2 rows were left out" in fault(path, missing="drop")[0]


def test_a_constant_column_among_several_is_named(tmp_path):
    path = file(tmp_path / "d.csv", "a,b,c\n1,2,7\n1,3,7\n1,4,7\n")
    assert fault(path, ["a", "b", "c"]) == [
        "FILE, column 'a': all 3 values are equal; leave the column out.",
        "FILE, column 'c': all 3 values are equal; leave the column out.",
    ]


@pytest.mark.parametrize(("bad", "shown", "more"), [(9, 9, None), (10, 10, None), (11, 10, 1), (25000, 10, 24990)])
def test_at_most_ten_faults_are_named_and_the_rest_counted(bad, shown, more, tmp_path):
    path = file(tmp_path / "d.csv", "y\n1\n2\n" + "".join(f"x{k}\n" for k in range(bad)))
    found = fault(path)
    expected = [f"FILE, line {4 + k}, column 'y': 'x{k}' is not a number." for k in range(shown)]
    assert found == expected + ([f"FILE: and {more} more such faults."] if more else [])


@pytest.mark.parametrize(
    ("bad", "also"),
    [(1, ""), (2, " (also in line 5)"), (3, " (also in lines 5 and 6)"), (4, " (also in lines 5, 6 and 7)"),
     (5, " (also in lines 5, 6, 7 and 1 more)"), (25000, " (also in lines 5, 6, 7 and 24996 more)")],
)  # fmt: skip
def test_equal_faults_are_one_sentence_with_a_count(bad, also, tmp_path):
    path = file(tmp_path / "d.csv", "x,y\n1,1\n2,2\n" + "3,\n" * bad + "four,5\n")
    assert fault(path, ["x", "y"]) == [
        f"FILE, line 4, column 'y': the cell is empty; fill it, or set missing: drop{also}.",
        f"FILE, line {4 + bad}, column 'x': 'four' is not a number.",
    ]


def test_counts_beyond_what_cmdstan_reads_are_refused(tmp_path):
    text = "y,n,k\n1,2,1\n2,{},{}\n"
    for trials in ("2147483648", "4294967300", "1e12"):
        (told,) = fault(file(tmp_path / "d.csv", text.format(trials, "")), trials="n")
        assert told == (
            f"FILE, line 3, column 'n': {int(float(trials))} is not possible; trials are a whole number from 1 to "
            "2147483647, beyond which CmdStan cannot count."
        )
    assert read_csv(file(tmp_path / "d.csv", text.format("2147483647", "")), ["y"], trials="n").trials[1] == 2**31 - 1
    for known in ("1e30", "101", "4294967297", "1e200"):
        (told,) = fault(file(tmp_path / "d.csv", text.format("2", known)), known="k")
        assert told == (
            f"FILE, line 3, column 'k': '{known}' is no component; give its number from 1 to 100, or leave the cell "
            "empty."
        )
    assert read_csv(file(tmp_path / "d.csv", text.format("2", "100")), ["y"], known="k").known.tolist() == [1, 100]
    (told,) = fault(file(tmp_path / "d.csv", "y,e\n1,2\n2,1e-200\n"), exposure="e")
    assert "line 3, column 'e': 1e-200 is not possible" in told


def test_weights_that_add_up_to_more_than_can_be_counted(tmp_path):
    path = file(tmp_path / "d.csv", "y,w\n1,5000000000\n2,9007199254740991\n")
    assert "the weights add up to 9.0072e+15" in fault(path, weights="w")[0]
    assert read_csv(file(path, "y,w\n1,5000000000\n2,3\n"), ["y"], weights="w").n == 5000000003


@pytest.mark.parametrize(
    "cell", ["9007199254740993", "-36028797018963969", "1700000000123456789", "0009007199254740993"]
)
def test_whole_numbers_that_would_lose_digits_are_refused(cell, tmp_path):
    path = file(tmp_path / "d.csv", f"x,y\n0,1\n0,{cell}\n0,3\n")
    assert fault(path) == [
        f"FILE, line 3, column 'y': '{cell}' has more digits than double precision keeps; take a constant away from "
        "all, or round them."
    ]
    for kept in ("9007199254740992", "36028797018963968", "1e20", "123456789012345678e0", "0.1234567890123456789"):
        assert read_csv(file(path, f"y\n{kept}\n1\n"), ["y"]).y[0] == float(kept)


@pytest.mark.parametrize("letter", ["\u202e", "\u0007", "\u2067", "\u009d"])
def test_ids_that_cannot_be_read_are_refused(letter, tmp_path):
    path = file(tmp_path / "d.csv", f"y,i\n1,a\n2,b{letter}c\n")
    (told,) = fault(path, id="i")
    assert told.startswith("FILE, line 3, column 'i': the id 'b")
    assert told.endswith(f"holds the character U+{ord(letter):04X}, which cannot be seen; remove it.")
    assert read_csv(file(path, "y,i\n1,\u05d0\u200f\n2,\U0001f41f\n"), ["y"], id="i").ids[1] == "\U0001f41f"


def test_all_faults_are_named_in_the_order_of_the_lines(tmp_path):
    path = file(tmp_path / "d.csv", 'x,y,n,i\n1,2,1,a\n1,,1,b\n\n1\n1,inf,1,c\n1,3,0.5,d\n1,1,1,a\n1,"0"1\n')
    found = fault(path, trials="n", id="i")
    assert [sentence.split(":")[0].split(",")[1] for sentence in found] == [
        f" line {line}" for line in (2, 3, 4, 5, 6, 7, 7, 8, 9)
    ]


def test_lines_are_counted_in_the_file_and_not_in_the_table(tmp_path):
    path = file(tmp_path / "d.csv", 'note,y\n"two\nlines",1\na,x\n"three\n\nlines",y\n')
    assert fault(path) == [
        "FILE, line 4, column 'y': 'x' is not a number.",
        "FILE, line 5, column 'y': 'y' is not a number.",
    ]
    path = file(tmp_path / "d.csv", 'note,y\n"two\nlines",1\n\na,2\n"x\ny",3\n\n')
    found = read_csv(path, ["y"], missing="drop")
    assert found.lines.tolist() == [2, 5, 6]
    assert found.dropped == ((4, "the line is empty"),)


def outcome(path, **others):
    try:
        found = read_csv(path, **others)
    except UserError as error:
        return error.sentences
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in dataclasses.astuple(found)]


def slowly(path, monkeypatch, **others):
    with monkeypatch.context() as patch:
        patch.setattr(csvfile, "_quickly", lambda *_: None)
        return outcome(path, **others)


@pytest.mark.parametrize("missing", ["error", "drop"])
def test_the_quick_and_the_careful_way_agree(missing, tmp_path, monkeypatch):
    contents = [*GOOD.values(), *(content for content, _ in FILES.values())]
    contents += [f"x,y\n1,2\n2,{cell}\n4,5\n" for cell, _ in CELLS.values()]
    for content in contents:
        path = file(tmp_path / "d.csv", content)
        for columns in (["y"], ["x", "y"]):
            quick = outcome(path, columns=columns, missing=missing)
            assert quick == slowly(path, monkeypatch, columns=columns, missing=missing)


def test_the_quick_and_the_careful_way_agree_on_files_made_by_chance(tmp_path, monkeypatch):
    rng = np.random.default_rng(11)
    cells = ["1", "2", "3", "-4.25", " 5", "6 ", "+7", "1e3", '"8"', '"9"', "0", "-0.0", "1e-320", ".5", "5.", "00012"]
    odd = [
        "",
        "NA",
        "1_0",
        "1e400",
        "0x1",
        "True",
        '"1,5"',
        "\u00a07",
        "\u0661",
        "1e-400",
        "inf",
        '" "',
        "#1",
        "1 1",
        "\x1f2",
    ]
    odd += ["\x0c1", '"1\n"', '"\r\n2"']
    accepted = 0
    monkeypatch.setattr(csvfile, "CHUNK", 3)
    for _ in range(600):
        rows = []
        for _ in range(rng.integers(2, 9)):
            row = [str(rng.choice(odd if rng.random() < 0.04 else cells)) for _ in range(3)]
            if rng.random() < 0.02:
                row = row[: rng.integers(0, 3)] + ["1"] * rng.integers(0, 4)
            rows.append(",".join(row))
        ends = rng.choice(["\n", "\r\n", "\r"], size=len(rows))
        text = "a,b,c\n" + "".join(row + end for row, end in zip(rows, ends, strict=True))
        path = file(tmp_path / "d.csv", text)
        how = {"columns": ["a", "c"], "missing": str(rng.choice(["error", "drop"]))}
        quick = outcome(path, **how)
        assert quick == slowly(path, monkeypatch, **how), text
        accepted += isinstance(quick, list)
        if isinstance(quick, list):  # and a third way, which knows nothing of either
            table = list(csv.reader(text.splitlines(keepends=True)))[1:]
            dropped = [field.name for field in dataclasses.fields(Observations)].index("dropped")
            left_out = {line for line, _ in quick[dropped]}
            plain = len(table) == len(rows) and not left_out
            assert not plain or quick[0] == [[float(row[k].strip()) for k in (0, 2)] for row in table]
    assert 200 < accepted < 500  # neither all nor none


def test_common_files_take_the_quick_way(tmp_path, monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr(csvfile.Table, "_carefully", never)
    rows = "".join(f'name{k},"{k}", {k / 7!r} ,-0,{k % 5}.0\n' for k in range(20000))
    found = read_csv(file(tmp_path / "d.csv", "id,a,b,c,w\n" + rows + "\n"), ["a", "b"], id="id", weights="w")
    kept = [k for k in range(20000) if k % 5]
    assert found.y.tolist() == [[k, k / 7] for k in kept]
    assert found.ids.tolist() == [f"name{k}" for k in kept]
    assert found.lines.tolist() == [k + 2 for k in kept]
    assert len(found.dropped) == 4000


def rows_of(y, **others):
    y = np.asarray(y)
    return Observations(y=y, frequency=others.pop("frequency", np.ones(len(y), np.int64)), **others)


def samples():
    """Observations of all shapes, with ties."""
    rng = np.random.default_rng(6)
    n = 300
    for width in (None, 1, 3):
        for trials, exposure in ((False, False), (True, False), (False, True), (True, True)):
            yield Observations(
                y=rng.integers(-1, 2, size=n if width is None else (n, width)) * 1e-3 + 1e9,
                frequency=rng.integers(1, 5, size=n),
                trials=rng.integers(1, 3, size=n).astype(float) if trials else None,
                exposure=rng.choice([0.1, 0.3], size=n) if exposure else None,
            )


def parts(some):
    return [part for part in (some.y, some.trials, some.exposure) if part is not None]


@pytest.mark.parametrize("sample", list(samples()))
def test_units_are_the_distinct_rows_in_order_with_their_counts(sample):
    units = sample.units()
    counts = {}
    for row, times in zip(np.column_stack(parts(sample)).tolist(), sample.frequency.tolist(), strict=True):
        counts[tuple(row)] = counts.get(tuple(row), 0) + times
    assert [tuple(row) for row in np.column_stack(parts(units)).tolist()] == sorted(counts)
    assert units.count.tolist() == [counts[row] for row in sorted(counts)]
    assert units.count.dtype == np.float64
    assert units.n == sample.n == sample.frequency.sum()
    assert (units.trials is None, units.exposure is None) == (sample.trials is None, sample.exposure is None)
    assert units.y.ndim == sample.y.ndim
    for part, whole in zip(parts(units), parts(sample), strict=True):
        assert part[units.index].tolist() == whole.tolist()
    if units.y.ndim == 1:
        assert units.expand(np.stack([units.y, -units.y])).tolist() == [sample.y.tolist(), (-sample.y).tolist()]


@pytest.mark.parametrize("sample", list(samples()))
def test_units_do_not_know_the_order_of_the_rows_nor_weights_from_copies(sample):
    units = sample.units()
    rng = np.random.default_rng(2)
    for chosen in (
        rng.permutation(len(sample.y)),
        rng.permutation(np.repeat(np.arange(len(sample.y)), sample.frequency)),
    ):
        copies = len(chosen) > len(sample.y)
        other = Observations(
            y=sample.y[chosen],
            frequency=np.ones(len(chosen), np.int64) if copies else sample.frequency[chosen],
            trials=None if sample.trials is None else sample.trials[chosen],
            exposure=None if sample.exposure is None else sample.exposure[chosen],
        )
        again = other.units()
        for ours, theirs in zip([*parts(units), units.count], [*parts(again), again.count], strict=True):
            assert ours.tobytes() == theirs.tobytes()
        assert again.index.tolist() == units.index[chosen].tolist()


def test_units_of_zeros_with_either_sign_are_one():
    for y in ([0.0, -0.0, 1.0], [-0.0, 0.0, 1.0]):
        units = rows_of(np.array(y)).units()
        assert units.count.tolist() == [2, 1]
        assert np.signbit(units.y).tolist() == [False, False]


def test_large_frequencies_are_counted_exactly():
    units = rows_of(np.array([2.0, 1.0, 2.0]), frequency=np.array([10**9, 3, 10**9 + 1])).units()
    assert units.count.tolist() == [3, 2 * 10**9 + 1]
    assert units.n == 2 * 10**9 + 4


BITS = np.array([0.1, 1 / 3, -1e-200, 123456789.123456789, 5e140, np.nextafter(2, 3)]) / 7
NAMES = ["007", "1e5", "a,b", 'say "x"', " two\nlines ", "\rreturn"]
WRITTEN = {
    "y": (rows_of(BITS), "obs_id,y"),
    "whole numbers": (rows_of(np.arange(6)), "obs_id,y"),
    "columns": (rows_of(np.stack([BITS, -BITS], axis=1)), "obs_id,y_1,y_2"),
    "eleven columns": (rows_of(np.outer(BITS, np.arange(11))), "obs_id," + ",".join(f"y_{d}" for d in range(1, 12))),
    "one column of several": (rows_of(BITS[:, None]), "obs_id,y_1"),
    "truth": (rows_of(BITS, component=np.array([1, 2, 1, 3, 1, 2])), "obs_id,y,true_component"),
    "weights of 1": (rows_of(BITS, lines=np.arange(2, 8), dropped=((9, "x"),)), "obs_id,y"),
    "all": (
        rows_of(
            BITS,
            frequency=np.array([1, 2, 10**9, 2**52, 1, 1]),
            trials=np.arange(1.0, 7),
            exposure=np.abs(BITS),
            ids=np.array(NAMES),
            component=np.array([1, 2, 1, 3, 1, 2]),
        ),
        "obs_id,id,y,trials,exposure,weight,true_component",
    ),
    "names without returns": (rows_of(BITS[:5], ids=np.array(NAMES[:5], object)), "obs_id,id,y"),
}


@pytest.mark.parametrize(("sample", "header"), WRITTEN.values(), ids=WRITTEN)
def test_what_is_written_is_read_again_to_the_last_bit(sample, header, tmp_path):
    observations.write(sample, tmp_path / "new" / "y.csv")
    again = observations.read(tmp_path / "new" / "y.csv")
    for name in ("y", "frequency", "trials", "exposure", "ids", "component"):
        ours, theirs = getattr(sample, name), getattr(again, name)
        assert (theirs is None) == (ours is None), name
        assert ours is None or (ours.shape == theirs.shape and ours.tolist() == theirs.tolist()), name
    assert again.y.tobytes() == sample.y.astype(float).tobytes()
    assert (again.y.dtype, again.frequency.dtype) == (np.float64, np.int64)
    assert (again.lines, again.dropped) == (None, ())
    lines = (tmp_path / "new" / "y.csv").read_bytes().split(b"\n")
    assert lines[0].decode() == header
    assert lines[-1] == b""
    if sample.ids is None:
        assert [line.split(b",")[0] for line in lines[1:-1]] == [b"1", b"2", b"3", b"4", b"5", b"6"]


def test_a_file_read_written_and_read_is_the_same(tmp_path):
    rng = np.random.default_rng(12)
    rows = "".join(
        f"{k % 7},{10 + k % 3},{value!r},{k % 4},{'é' * (k % 3)} {k}\n"
        for k, value in enumerate(rng.exponential(size=9000).tolist())
    )
    path = file(tmp_path / "d.csv", "y,n,e,w,who\n" + rows)
    found = read_csv(path, ["y"], trials="n", exposure="e", weights="w", id="who")
    observations.write(found, tmp_path / "o.csv")
    again = observations.read(tmp_path / "o.csv")
    for name in ("y", "frequency", "trials", "exposure", "ids"):
        assert getattr(again, name).tolist() == getattr(found, name).tolist()


def test_numbers_are_said_as_people_write_them():
    assert [plain(v) for v in (3.0, -2.0, 0.1, 1e15, 1234567.5, 1e-9)] == [
        "3",
        "-2",
        "0.1",
        "1000000000000000.0",
        "1234567.5",
        "1e-09",
    ]


def test_ids_that_spreadsheets_would_compute_come_back_from_our_file(tmp_path):
    ids = ["=1+1", "-7", "@x", "'a", "+", "b", '=HYPERLINK("x";"y")', "=a\rb"]
    text = "y,i\n" + "".join('{},"{}"\n'.format(k, name.replace('"', '""')) for k, name in enumerate(ids))
    rows = read_csv(file(tmp_path / "d.csv", text), ["y"], id="i")
    assert rows.ids.tolist() == ids
    observations.write(rows, tmp_path / "o.csv")
    with open(tmp_path / "o.csv", newline="", encoding="utf-8") as written:
        cells = [row["id"] for row in csv.DictReader(written)]
    assert cells == ["'=1+1", "-7", "'@x", "''a", "'+", "b", '\'=HYPERLINK("x";"y")', "'=a\rb"]
    assert observations.read(tmp_path / "o.csv").ids.tolist() == ids
