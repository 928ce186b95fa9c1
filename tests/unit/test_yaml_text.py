"""A configuration that YAML reads as something else than it looks like, or that says more than anybody can."""

import subprocess
import sys

import pytest
import yaml

from stanmix.base.errors import UserError
from stanmix.config import configuration, yaml_text

REST = """\
models: {m: {family: normal}}
analyses: [{dataset: d, models: [m], components: 2}]
"""
DATA = "datasets: {d: {csv: d.csv, column: y}}\n"


def read(path):
    lines = configuration.lines_of(path)  # first, as in a run: what YAML cannot read gets a sentence here
    return configuration.checked(yaml.safe_load(path.read_text(encoding="utf-8")), lines)


def told(text, folder):
    path = folder / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read(path)
    return [sentence.replace(str(path), "FILE") for sentence in caught.value.sentences]


@pytest.mark.parametrize(
    ("written", "read", "better"),
    [("010", "the octal number 8", "write 10"), ("-0777", "the octal number -511", "write 777"),
     ("00", "the octal number 0", "write 0"), ("1:30", "90, to the base of 60", "write the number"),
     ("2:0:0.5", "7200.5, to the base of 60", "write the number")],
)  # fmt: skip
def test_numbers_that_yaml_reads_as_others(written, read, better, tmp_path):
    (sentence,) = told(f"seed: {written}\n{DATA}{REST}", tmp_path)
    assert sentence.startswith(f"FILE, line 1: seed is {written}, which YAML reads as {read}; {better}")
    # in quotes it is text, wherever text is meant
    quoted = DATA.replace("column: y", f"column: '{written}'") + REST
    (tmp_path / "q.yaml").write_text(quoted)
    found = configuration.checked(yaml.safe_load(quoted), configuration.lines_of(tmp_path / "q.yaml"))
    assert found["datasets"]["d"]["column"] == written


def test_numbers_with_marks_of_thousands_are_what_they_look_like(tmp_path):
    text = f"seed: 1_000\nsampling: {{draws: +2_500}}\n{DATA}{REST}"
    (tmp_path / "c.yaml").write_text(text)
    found = configuration.checked(yaml.safe_load(text), configuration.lines_of(tmp_path / "c.yaml"))
    assert (found["seed"], found["sampling"]["draws"]) == (1000, 2500)


@pytest.mark.parametrize(
    ("written", "words"),
    [("yes", ["is true; it must be text (YAML reads yes, no"]), ("OFF", ["is false; it must be text (YAML reads yes"]),
     ("2024-03-01", ["is 2024-03-01; it must be text (put it in quotes)"]), ("17", ["is 17; it must be text (put it"]),
     ("2024-13-01", ["is '2024-13-01', which YAML takes for a value of the kind timestamp but cannot read", "quotes"])],
)  # fmt: skip
@pytest.mark.parametrize("key", ["column", "label", "id"])
def test_texts_that_yaml_reads_as_something_else(written, words, key, tmp_path):
    text = DATA.replace("column: y", f"column: y, {key}: {written}" if key != "column" else f"column: {written}") + REST
    (sentence,) = told(text, tmp_path)
    assert f"datasets.d.{key} " in sentence
    for each in words:
        assert each in sentence


@pytest.mark.parametrize("tag", ["!mine", "!!python/object/apply:os.system", "!!binary", "!!set", "!<tag:x,2000:y>"])
def test_tags_that_say_nothing(tag, tmp_path):
    (tmp_path / "c.yaml").write_text(f"seed: 1\ndatasets: {tag} {{}}\n")
    with pytest.raises(UserError, match=r"line 2: datasets has the tag .*, which says nothing here; leave it away"):
        configuration.lines_of(tmp_path / "c.yaml")


# Each in a process of its own: what takes time that grows faster than the text does not come to its end.
ENDLESS = {
    "aliases of aliases": (
        "a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)),
        "line 1: the configuration says more than 100000 things",
    ),
    "a million aliases": ("a: &a 1\nb: [" + "*a," * 1_000_000 + "]\n", "line 2: the configuration says more"),
    "lists in lists": ("a: " + "[" * 5000 + "]" * 5000, "line 1: more than 100 lists and mappings stand inside"),
    "mappings in mappings": (
        "\n".join(" " * i + "a:" for i in range(3000)), "line 101: more than 100 lists and mappings stand inside"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ENDLESS)
def test_endless_configurations_end_in_a_sentence(kind, root, tmp_path):
    text, words = ENDLESS[kind]
    (tmp_path / "c.yaml").write_text(text)
    code = (
        "import sys; from stanmix.config.configuration import lines_of; from stanmix.base.errors import UserError\n"
        "try:\n    lines_of(sys.argv[1])\nexcept UserError as error:\n    print(error)\n"
    )
    end = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "c.yaml"],
        env={"PYTHONPATH": str(root / "workflow")}, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert end.stderr == ""
    assert words in end.stdout


def test_what_real_configurations_need_is_within_the_limits(tmp_path):
    names = "\n".join(f"  d{i}: {{csv: d.csv, column: y}}" for i in range(500))
    (tmp_path / "c.yaml").write_text(f"datasets:\n{names}\nx: &x {{a: [1, {{b: 2}}]}}\ny: {{<<: *x}}\n")
    assert len(configuration.lines_of(tmp_path / "c.yaml")) > 1500
    assert yaml_text.compose(tmp_path / "c.yaml").tag == "tag:yaml.org,2002:map"
