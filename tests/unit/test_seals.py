"""Hashes beside artifacts: who reads an edited or cut one is told, and a job that was overtaken writes nothing more."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stanmix.base import files, seals
from stanmix.base.errors import UserError

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(files.__file__).parents[2])}
NEW = """
import sys
from stanmix.base import files, seals
with seals.sealed(sys.argv[1:]):
    files.write_text(sys.argv[1], "new")
"""


def make(folder, **texts):
    """Make files of these texts in a folder as a job does."""
    paths = {folder / name.replace("_", "."): text for name, text in texts.items()}
    with seals.sealed(list(paths)):
        for path, text in paths.items():
            files.write_text(path, text)
    return list(paths)


def test_what_a_job_wrote_passes_and_data_and_code_do(tmp_path):
    made = make(tmp_path / "fit", draws_nc="draws", data_json="{}")
    data = tmp_path / "fit" / "data.csv"
    data.write_text("y")
    seals.verify([*map(str, made), data, tmp_path / "not made yet.csv"])
    lines = (tmp_path / "fit" / ".sha256" / "draws.nc").read_text()
    assert lines == "".join(
        f"{hashlib.sha256(text).hexdigest()}  {name}\n" for name, text in (("draws.nc", b"draws"), ("data.json", b"{}"))
    )


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="there is no sha256sum")
def test_seals_are_what_sha256sum_reads(tmp_path):
    make(tmp_path, a_csv="a", b_csv="b")
    check = ["sha256sum", "--check", "--strict", ".sha256/a.csv"]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "b.csv").write_text("c")
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 1


def test_what_was_edited_cut_or_lost_is_named_each_once(tmp_path):
    edited, cut, lost, right = make(tmp_path, summary_csv="mean\n1.25\n", draws_nc="0123456789", a_json="{}", b_json="")
    edited.write_text("mean\n1.26\n")
    with open(cut, "r+") as file:
        file.truncate(5)
    lost.unlink()
    with pytest.raises(UserError) as caught:
        seals.verify([edited, cut, lost, right])
    assert [sentence.split(": ")[0] for sentence in caught.value.sentences] == [str(edited), str(cut), str(lost)]
    assert all("Delete it and run again" in sentence for sentence in caught.value.sentences)
    edited.write_text("mean\n1.25\n")
    seals.verify([edited, right])


def test_jobs_that_write_into_one_folder_have_a_seal_each(tmp_path):
    first = make(tmp_path, a_csv="a", b_csv="b")
    second = make(tmp_path, c_csv="c")
    seals.verify(first + second)
    again = make(tmp_path, a_csv="other", b_csv="b")
    seals.verify(again + second)


def test_a_file_of_a_job_that_is_cut_in_another_way_now(tmp_path):
    make(tmp_path, a_csv="a", b_csv="old")
    make(tmp_path, c_csv="c", b_csv="new")
    seals.verify([tmp_path / "b.csv"])
    (tmp_path / "b.csv").write_text("neither")
    with pytest.raises(UserError):
        seals.verify([tmp_path / "b.csv"])


def test_a_job_that_was_overtaken_writes_nothing_more(tmp_path):
    path, begun = tmp_path / "a.csv", []

    def overtaken():
        with seals.sealed([path, tmp_path / "other" / "b.csv"]) as check:
            files.write_text(path, "old")
            check()
            with files.whole(path) as beside:
                begun.append(beside)
                beside.write_text("half")
                subprocess.run([sys.executable, "-c", NEW, path], env=ENVIRONMENT, check=True)
                # what the old one had begun is gone; even if it goes on writing, nothing comes of it
                assert not beside.exists()
                beside.write_text("old again")

    with pytest.raises(seals.OvertakenError, match="another job"):
        overtaken()
    assert not begun[0].exists()
    seals.verify([path])
    assert path.read_text() == "new"


def test_a_failed_job_vouches_for_nothing(tmp_path):
    def fail():
        with seals.sealed([tmp_path / "a.csv", tmp_path / "b.csv"]):
            files.write_text(tmp_path / "a.csv", "second")
            raise ValueError("in the middle")

    make(tmp_path, a_csv="first")
    with pytest.raises(ValueError, match="in the middle"):
        fail()
    (line,) = (tmp_path / ".sha256" / "a.csv").read_text().splitlines()
    assert line.startswith("# asked for by ")
    with pytest.raises(FileNotFoundError), seals.sealed([tmp_path / "never.csv"]):
        pass


def test_the_same_files_have_the_same_seals(tmp_path):
    for name in ("one", "two"):
        make(tmp_path / name, a_csv="a", b_csv="b")
    assert (tmp_path / "one/.sha256/a.csv").read_bytes() == (tmp_path / "two/.sha256/a.csv").read_bytes()


def test_a_job_is_not_overtaken_where_a_library_changes_the_folder_of_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with seals.sealed(["table.csv"]) as check:
        monkeypatch.chdir(tmp_path / "elsewhere")
        check()
        monkeypatch.chdir(tmp_path)
        files.write_text("table.csv", "a\n")
    seals.verify(["table.csv"])
    assert (tmp_path / ".sha256" / "table.csv").read_text().endswith("  table.csv\n")
