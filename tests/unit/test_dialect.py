"""Tables as people have them: whatever separates their cells, decimal commas, R's row names, no header, gzip."""

import csv
import gzip
import io

import numpy as np
import pandas as pd
import pytest

from stanmix.base.errors import UserError
from stanmix.data.noticing import notice
from stanmix.data.observations import read_csv

NAMES = ("semicolons", "tabs", "bars", "spaces")
VALUES = [1.5, -0.25, 1e-3, 1234.5, 20.0, 7.75]


def file(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def told(path, columns, **others):
    with pytest.raises(UserError) as caught:
        read_csv(path, columns, **others)
    return [sentence.replace(str(path), "FILE") for sentence in caught.value.sentences]


def written(separator, decimal, quoting=csv.QUOTE_MINIMAL):
    """The values as pandas writes them, with a column of text beside."""
    frame = pd.DataFrame({"name, or so": [f"n;{k}\t|" for k in range(6)], "y y": VALUES, "z": np.arange(6) + 0.5})
    out = io.StringIO()
    frame.to_csv(out, sep=separator, decimal=decimal, index=False, quoting=quoting)
    return out.getvalue()


SEPARATORS = {",": "", **{mark: f"separated by {name}" for mark, name in zip(";\t| ", NAMES, strict=True)}}


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC, csv.QUOTE_ALL])
def test_tables_are_read_whatever_separates_their_cells(separator, decimal, quoting, tmp_path):
    path = file(tmp_path / "d.csv", written(separator, decimal, quoting))
    if separator == decimal:  # between commas, 1,5 in quotes may be anything
        assert "has a decimal comma; write a decimal point" in told(path, ["y y"])[0]
        return
    rows = read_csv(path, ["y y", "z"], id="name, or so")
    assert rows.y.tolist() == [[value, k + 0.5] for k, value in enumerate(VALUES)]
    assert rows.ids.tolist() == [f"n;{k}\t|" for k in range(6)]
    assert rows.lines.tolist() == [2, 3, 4, 5, 6, 7]
    words = [words for words in (SEPARATORS[separator], "decimal comma" if decimal == "," else "") if words]
    assert rows.understood == tuple(words)
    noticed = notice(rows, ["y y", "z"])
    assert noticed["understood"] == words
    sentence = f"The file was read as: {', '.join(words)}."
    assert (sentence in noticed["sentences"]) is bool(words)


def test_a_decimal_comma_is_seen_wherever_in_the_file_it_stands(tmp_path):
    many = "".join(f"{k};x\n" for k in range(60000))
    rows = read_csv(file(tmp_path / "d.csv", f"y;w\n{many}0,5;x\n"), ["y"])
    assert rows.y[-1] == 0.5
    assert rows.understood == ("separated by semicolons", "decimal comma")
    # in another column it says nothing of this one
    assert read_csv(file(tmp_path / "d.csv", "y;w\n1.5;0,5\n2.5;1,5\n"), ["y"]).y.tolist() == [1.5, 2.5]


def test_commas_that_may_be_of_thousands_are_refused(tmp_path):
    assert told(file(tmp_path / "d.csv", "y;w\n1,234;1\n2;2\n"), ["y"]) == [
        "FILE, line 2, column 'y': '1,234' has a comma; write decimals with a point and thousands without a mark."
    ]
    # beside one that can only be a decimal comma they are too
    assert read_csv(file(tmp_path / "d.csv", "y;w\n1,234;1\n2,5;2\n"), ["y"]).y.tolist() == [1.234, 2.5]
    found = told(file(tmp_path / "d.csv", "y;w\n1,5;1\n2.5;2\n1.234,5;3\n1,2,3;4\n"), ["y"])
    assert found[:2] == [
        f"FILE, line {line}, column 'y': '{cell}' has a point, where other numbers of the file have a decimal comma; "
        "write all alike."
        for line, cell in ((3, "2.5"), (4, "1.234,5"))
    ]
    assert "line 5, column 'y': '1,2,3'" in found[2]


def test_known_components_and_weights_beside_decimal_commas(tmp_path):
    path = file(tmp_path / "d.csv", "y;w;k\n1,5;2;1\n2,5;3,0;\n3,25;1;2\n")
    rows = read_csv(path, ["y"], weights="w", known="k")
    assert (rows.y.tolist(), rows.frequency.tolist(), rows.known.tolist()) == ([1.5, 2.5, 3.25], [2, 3, 1], [1, 0, 2])


R_TABLES = {
    "write.table": '"a" "b c" "y"\n"1" 5 "u v" 1.5\n"2" 6 "w" 2.5\n',
    "write.table without quotes": "a b y\nr1 5 u 1.5\nr2 6 w 2.5\n",
    "write.table aligned": "a    b   y\nr1   5 u 1.5\nr200 6 w 2.5\n",
    "tabs": "a\tb\ty\n1\t5\tu\t1.5\n2\t6\tw\t2.5\n",
    "write.table with commas": '"a","b","y"\n"1",5,"u",1.5\n"2",6,"w",2.5\n',
}


@pytest.mark.parametrize("kind", R_TABLES)
def test_names_of_rows_as_r_writes_them(kind, tmp_path):
    rows = read_csv(file(tmp_path / "d.csv", R_TABLES[kind]), ["a", "y"])
    assert rows.y.tolist() == [[5, 1.5], [6, 2.5]]
    assert rows.understood[-1] == "names of rows before the first column of the header"


def test_the_empty_name_that_write_csv_gives_row_names_is_a_column(tmp_path):
    rows = read_csv(file(tmp_path / "d.csv", '"","y"\n"1",1.5\n"2",2.5\n'), ["y"])
    assert (rows.y.tolist(), rows.understood) == ([1.5, 2.5], ())
    rows = read_csv(file(tmp_path / "d.csv", '"";"y"\n"1";1,5\n"2";2,5\n'), ["y"])
    assert rows.y.tolist() == [1.5, 2.5]


@pytest.mark.parametrize("text", ['"a","y"\n"1","2",""\n"3","4",""\n', "a;y\n1;2;\n3;4;\n", "a,y\n1,2,3\n3,4,5\n"])
def test_rows_longer_than_the_header_for_another_reason_are_faults(text, tmp_path):
    assert "line 2: there are 3 cells, but the header names 2 columns" in told(file(tmp_path / "d.csv", text), ["y"])[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [("5,1.5\n6,2.5\n", []), ("5;1,5\n6;2,5\n", ["separated by semicolons", "decimal comma"]),
     ("5\t1.5\n6\t2.5\n", ["separated by tabs"]), ("5   1.5\n6 2.5\n", ["separated by spaces"])],
)  # fmt: skip
def test_files_without_a_header_name_columns_by_position(text, words, tmp_path):
    path = file(tmp_path / "d.csv", text)
    rows = read_csv(path, ["1", "2"], header=False)
    assert rows.y.tolist() == [[5, 1.5], [6, 2.5]]
    assert rows.lines.tolist() == [1, 2]
    assert rows.understood == (*words, "columns by their position, without a header")
    (fault,) = told(path, ["3"], header=False)
    assert fault == "FILE, line 1: there is no column '3'; without a header they are called '1' to '2'."
    assert read_csv(file(path, "1.5\n2.5\n"), ["1"], header=False).y.tolist() == [1.5, 2.5]


def test_a_first_line_that_says_what_separates(tmp_path):
    path = file(tmp_path / "d.csv", "sep=;\r\nx;y\r\n1;2,5\r\n2;x\r\n")
    assert told(path, ["y"]) == ["FILE, line 4, column 'y': 'x' is not a number."]
    assert told(path, ["q"]) == ["FILE, line 2: there is no column 'q'; the header has 'x', 'y'."]
    rows = read_csv(file(path, "sep=;\r\nx;y\r\n1;2,5\r\n2;3,5\r\n"), ["y"])
    assert (rows.y.tolist(), rows.lines.tolist()) == ([2.5, 3.5], [3, 4])


def test_files_compressed_by_gzip(tmp_path):
    text = "\ufeffx;y\n1;2,5\n2;3,5\n"
    for name in ("d.csv.gz", "d.csv"):  # by what is in it, whatever its name
        rows = read_csv(file(tmp_path / name, gzip.compress(text.encode())), ["x", "y"])
        assert rows.y.tolist() == [[1, 2.5], [2, 3.5]]
    cut = file(tmp_path / "cut.csv.gz", gzip.compress(written(",", ".").encode() * 50)[:-20])
    assert told(cut, ["y y"]) == ["FILE: the file was compressed by gzip and is damaged or not whole."]
    assert (
        "this is not text in UTF-8"
        in told(file(tmp_path / "l.gz", gzip.compress("y\nä\n".encode("latin-1"))), ["y"])[0]
    )


def test_the_case_with_semicolons(cases):
    path = cases / "people" / "29-semicolons" / "data.csv"
    columns = ["KinshipR", "MutualismR", "HawkR"]
    rows = read_csv(path, columns)
    expected = pd.read_csv(path, sep=";")[columns].to_numpy()
    assert rows.y.tolist() == expected.tolist()
    assert rows.understood == ("separated by semicolons",)
