"""Tables of other programs come out as the CSV file with the same content; what cannot be read is named."""

import datetime
import gzip
import importlib
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from stanmix.app import starter
from stanmix.base.errors import UserError
from stanmix.config import configuration
from stanmix.data import formats
from stanmix.data.noticing import notice
from stanmix.data.observations import read_csv
from stanmix.jobs import precheck

# What people have in a table: all digits, whole numbers, gaps, single precision, dates, truth values, text.
FRAME = pd.DataFrame(
    {
        "y": [1.5, -0.25, 0.1, 1234.5, 1e-3, 7.0],
        "n": [3, 4, 5, 3, 9, 2],
        "gap": [1.0, None, 3.0, 4.0, None, 6.0],
        "who": ["a", "b", "c, d", 'e "f"', "ü;\tx", "7"],
        "day": pd.to_datetime(
            ["2026-03-01", "2026-03-02", None, "2026-03-04", "2026-03-05", "2026-03-06 10:30"], format="mixed"
        ),
        "yes": [True, False, True, True, False, False],
        "kind": pd.Categorical(["x", None, "y", "x", "y", "y"]),
    }
)


def told(path, columns=("y",), **others):
    with pytest.raises(UserError) as caught:
        read_csv(path, list(columns), **others)
    return [sentence.replace(str(path), "FILE") for sentence in caught.value.sentences]


def as_workbook(path, **sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def rows_of(frame):
    plain = [[None if pd.isna(value) else value for value in row] for row in frame.itertuples(index=False)]
    return [list(frame.columns), *plain]


def write(kind, path):
    """The frame in a file of a kind, by the package that reads it."""
    package = pytest.importorskip(formats.PACKAGE[kind])
    if kind == formats.WORKBOOK:
        as_workbook(path, data=rows_of(FRAME))
    elif kind == formats.PARQUET:
        FRAME.to_parquet(path)
    elif kind == formats.FEATHER:
        FRAME.to_feather(path)
    elif kind == formats.R:
        package.write_rds(path, FRAME)
    else:
        package.write_sav(FRAME.assign(kind=FRAME["kind"].astype(object), yes=FRAME["yes"].astype(float)), path)
    return path


@pytest.mark.parametrize("kind", formats.PACKAGE)
def test_a_table_of_another_program_is_read_as_the_csv_file_with_the_same_content(kind, tmp_path):
    text = FRAME.assign(yes=np.where(FRAME["yes"], "TRUE", "FALSE"))
    text.to_csv(tmp_path / "d.csv", index=False)
    expected = read_csv(tmp_path / "d.csv", ["y", "n"], id="who", group=None)
    path = write(kind, tmp_path / ("d.rds" if kind == formats.R else "d"))  # R's are told by their name
    rows = read_csv(path, ["y", "n"], id="who")
    np.testing.assert_array_equal(rows.y, expected.y)
    assert rows.ids.tolist() == expected.ids.tolist() == FRAME["who"].tolist()
    before = 0 if kind == formats.WORKBOOK else 1
    assert rows.lines.tolist() == [line - before for line in expected.lines]
    (words,) = rows.understood[:1]
    said = {formats.WORKBOOK: "sheet 'data' of a workbook", formats.SPSS: "a data set of SPSS"}
    assert words == said.get(kind, kind)
    assert f"The file was read as: {words}." in notice(rows, ["y", "n"])["sentences"]
    places = [f"{line - before}" for line in (3, 6)]
    assert told(path, ["gap"]) == [
        f"FILE, row {places[0]}, column 'gap': the cell is empty; fill it, or set missing: drop (also in row "
        f"{places[1]})."
    ]
    kept = read_csv(path, ["gap"], missing="drop")
    assert kept.y.tolist() == [1, 3, 4, 6]
    assert f"row {places[0]} (column 'gap': the cell is empty)" in notice(kept, ["gap"])["sentences"][-1]
    time = " 00:00:00" if kind == formats.R else ""  # which pyreadr writes as text
    assert told(path, ["day"], missing="drop")[0] == (
        f"FILE, row {2 - before}, column 'day': '2026-03-01{time}' is a date; a number was expected."
    )
    if kind != formats.SPSS:  # which has no truth values
        assert told(path, ["yes"])[0].endswith("column 'yes': 'TRUE' is not a number (also in rows 4, 5).".replace(
            "4, 5", f"{4 - before} and {5 - before}"))  # fmt: skip
    assert f"row {3 - before}, column 'kind': the group is empty" in told(path, ["y"], group="kind")[0]
    # what is nowhere named with the columns that there are
    where = "FILE, row 1" if kind == formats.WORKBOOK else "FILE"
    names = "'rownames', " if kind == formats.R else ""
    assert told(path, ["gaps"])[0].startswith(
        f"{where}: there is no column 'gaps'; the header has {names}'y', 'n', 'gap'"
    )
    assert told(path, ["y"], worksheet="data" if kind != formats.WORKBOOK else "other")[0].startswith(
        "FILE: this is no workbook, so it has no worksheet 'data'"
        if kind != formats.WORKBOOK
        else "FILE: there is no worksheet 'other'; the workbook has 'data'."
    )
    if before:
        assert told(path, ["1"], header=False) == ["FILE: the columns of this file have names; remove `header: false`."]


def test_cells_have_the_text_that_a_csv_file_has():
    for value, text in [
        (None, ""), (2.0, "2"), (-0.0, "0"), (0.1, "0.1"), (np.float32(0.1), "0.1"), (1e300, "1e+300"),
        (True, "TRUE"), (np.bool_(False), "FALSE"), (np.int64(7), "7"), ("two\r\nlines", "two lines"),
        (datetime.datetime(2026, 3, 1), "2026-03-01"), (datetime.date(2026, 3, 1), "2026-03-01"),
        (datetime.datetime(2026, 3, 1, 10, 30), "2026-03-01 10:30:00"), (float("inf"), "inf"), ("#N/A", "#N/A"),
    ]:  # fmt: skip
        assert formats._text(value) == text


def test_the_sheet_of_a_workbook(tmp_path):
    rows, other = [["y", "w"], [1.5, 2], [2.5, 1], [3.5, 1]], [["y"], [7], [8]]
    path = as_workbook(tmp_path / "d.xlsx", first=rows, second=other, empty=[])
    assert told(path) == [
        "FILE: the workbook has several sheets, 'first', 'second'; name the one with the data by `worksheet:` (in a "
        "command by --worksheet), or keep it alone in its workbook."
    ]
    assert read_csv(path, ["y"], worksheet="second").y.tolist() == [7, 8]
    assert read_csv(path, ["y"], worksheet="first", weights="w").frequency.tolist() == [2, 1, 1]
    assert told(path, worksheet="third") == [
        "FILE: there is no worksheet 'third'; the workbook has 'first', 'second', 'empty'."
    ]
    assert "the file is empty or its first row is" in told(path, worksheet="empty")[0]
    assert read_csv(as_workbook(tmp_path / "o.xlsx", first=rows, empty=[]), ["y"]).y.tolist() == [1.5, 2.5, 3.5]
    # sheets begin anywhere, end in formatted cells without anything, and have rows without anything between
    gaps = as_workbook(
        tmp_path / "g.xlsx", a=[["y", "w", None], [1, 1, None], [], [3, 1, None], ["x", 2, None], [], []]
    )
    assert told(gaps) == [
        "FILE, row 3: the row is empty; remove it or fill it.",
        "FILE, row 5, column 'y': 'x' is not a number.",
    ]
    assert read_csv(as_workbook(tmp_path / "h.xlsx", a=[[1, 2], [3, 4]]), ["2"], header=False).y.tolist() == [2, 4]


def test_a_formula_without_its_value_is_no_missing_cell(tmp_path):
    path = as_workbook(tmp_path / "d.xlsx", a=[["y", "z"], [1, 2], [2, None], ["=A2+A3", 4]])
    assert told(path, missing="drop") == [
        "FILE, row 4, cell A4: the workbook holds a formula there and not its value; open it in a spreadsheet program "
        "and save it, or save the data as CSV in UTF-8."
    ]


def test_labelled_values_of_spss_are_codes_or_labels(tmp_path):
    pyreadstat = pytest.importorskip("pyreadstat")
    frame = pd.DataFrame({"y": [1.0, 2.0, 4.0, 7.0], "sex": [1.0, 2.0, 2.0, 9.0], "dx": [1.0, 2.0, None, 2.0]})
    labels = {"sex": {1.0: "male", 2.0: "female"}, "dx": {1.0: "well", 2.0: "ill"}}
    path = tmp_path / "d.sav"
    pyreadstat.write_sav(frame, path, variable_value_labels=labels)
    assert read_csv(path, ["sex"]).y.tolist() == [1, 2, 2, 9]
    rows = read_csv(path, ["y"], group="sex")
    assert rows.group.tolist() == ["male", "female", "female", "9"]
    assert rows.understood == ("a data set of SPSS", "codes of labelled values", "labels of the values of sex")
    assert read_csv(path, ["y"], known="dx").known.tolist() == [1, 2, 0, 2]
    assert read_csv(path, ["y"], known="dx", groups={"ill": 1, "well": 2}).known.tolist() == [2, 1, 0, 1]


@pytest.mark.parametrize("kind", formats.PACKAGE)
def test_where_a_package_is_missing_it_is_named(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib, "import_module", lambda name: __import__("no_such_module"))
    path = tmp_path / "d.RDS"
    first = {kind: begins for begins, kind in formats.MAGIC.items()}.get(kind)
    if kind == formats.WORKBOOK:
        path = tmp_path / "d.xlsx"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("xl/workbook.xml", "")
    else:
        path.write_bytes(gzip.compress(first) if kind == formats.R else first)
        path = path if kind == formats.R else path.rename(tmp_path / "d.csv")
    what = "a file of SPSS" if kind == formats.SPSS else kind
    assert told(path) == [
        f"FILE: this is {what}, and the Python package that reads it is not installed; install it (pip install "
        f"{formats.PACKAGE[kind]}), or save the data as CSV in UTF-8."
    ]


def test_what_a_package_gives_is_read_whatever_it_looks_like(tmp_path, monkeypatch):
    class Pyreadr:
        __name__ = "pyreadr"
        frame = pd.DataFrame(
            {"y": np.float32([0.1, 2.5]), "z": ["a", None]}, index=pd.Index(["r1", "r2"], name="rownames")
        )

        def read_r(self, path):
            if self.frame is None:
                raise ValueError("an environment")
            return {None: self.frame}

    fake = Pyreadr()
    monkeypatch.setattr(importlib, "import_module", lambda name: fake)
    path = tmp_path / "d.rds"
    path.write_bytes(b"X\n\0\0\0\3")
    rows = read_csv(path, ["y"], id="rownames")
    assert (rows.y.tolist(), rows.ids.tolist(), rows.lines.tolist()) == ([0.1, 2.5], ["r1", "r2"], [1, 2])
    assert rows.understood == ("a data frame of R",)
    fake.frame = None
    assert told(path) == ["FILE: pyreadr cannot read this file (an environment); save the data as CSV in UTF-8."]
    fake.read_r = lambda path: {}
    assert told(path)[0].startswith("FILE: this file of R holds no data frame; write one by saveRDS()")


def zipped(*names):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "this is an old workbook (.xls), or one with a password; save it as .xlsx",
        ),
        (zipped("xl/workbook.bin"), "this is a binary workbook (.xlsb); save it as .xlsx"),
        (zipped("mimetype", "content.xml"), "this is an OpenDocument table (.ods); save it as .xlsx"),
        (zipped("data.csv"), "this is a zip archive; unpack it and name the file with the data."),
        (b"PK\x03\x04 and no more", "this is a workbook or another zip archive, damaged or compressed once more."),
        (gzip.compress(zipped("xl/workbook.xml")), "this is a workbook or another zip archive, damaged or compressed"),
        (
            gzip.compress(b"RDX3\nX\n\0"),
            "this is a workspace of R with objects of any kind; write the table by saveRDS()",
        ),
        (b"\x7fELF\0\0", "this is not a text file; export the data as CSV in UTF-8."),
        (gzip.compress(b"\x7fELF\0\0"), "this is not a text file; export the data as CSV in UTF-8."),
    ],
    ids=["xls", "xlsb", "ods", "zip", "damaged", "gzip of zip", "gzip of R", "program", "gzip of a program"],
)
def test_other_files_that_are_no_text_are_named(content, words, tmp_path):
    path = tmp_path / "d.xlsx"
    path.write_bytes(content)
    assert told(path)[0].startswith(f"FILE: {words}")


def test_a_damaged_workbook_is_called_that(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "d.xlsx"
    path.write_bytes(zipped("xl/workbook.xml"))
    assert told(path)[0].startswith("FILE: this workbook is damaged (")


def test_a_workbook_from_the_command_to_the_checks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    y = np.round(np.random.default_rng(1).normal(10, 2, 40), 3).tolist()
    as_workbook(
        tmp_path / "d.xlsx", notes=[["of 2026"]], lengths=[["y", "who"], *([v, f"r{k}"] for k, v in enumerate(y))]
    )
    with pytest.raises(UserError, match="several sheets, 'notes', 'lengths'"):
        starter.write(starter.Asked("d.xlsx", []), ".", False, print)
    said = []
    starter.write(starter.Asked("d.xlsx", [], worksheet="lengths"), ".", False, said.append)
    assert said[0] == "d.xlsx (sheet 'lengths' of a workbook): 40 rows, 2 columns"
    text = (tmp_path / "config" / "config.yaml").read_text()
    assert "    csv: d.xlsx\n    worksheet: lengths\n    column: y\n" in text.replace("  # other columns", "\n#")
    assert "--worksheet lengths" in text
    # a name of a sheet and a sheet itself that changed are seen before any job
    config = {
        "datasets": {"d": {"csv": "d.xlsx", "column": "y", "worksheet": "length", "predict": "d.xlsx",
                           "predict_worksheet": "notes"}},
        "models": {"m": {"family": "normal"}},
        "analyses": [{"dataset": "d", "models": ["m"], "components": 2}],
    }  # fmt: skip
    with pytest.raises(UserError) as caught:
        precheck.check(configuration.checked(config), "kept.json")
    assert caught.value.sentences == (
        "d.xlsx: there is no worksheet 'length'; the workbook has 'notes', 'lengths'.",
        "d.xlsx, row 1: there is no column 'y'; the header has 'of 2026'.",
    )
    assert len(json.loads((tmp_path / "kept.json").read_text())) == 1
