"""The documents that are made from the code, or speak of it, are what the code says today."""

import datetime

import yaml

import stanmix
from stanmix.config import configuration, reference
from stanmix.families.priors import DISTRIBUTIONS


def test_the_configs_readme_is_made_from_the_schema(root):
    written = (root / "config" / "README.md").read_text(encoding="utf-8")
    assert written == reference.markdown(), "run `make reference`"


def test_the_configs_readme_names_every_prior():
    text = reference.markdown()
    for name, entry in DISTRIBUTIONS.items():
        assert f"`{name}({', '.join(entry.arguments)})`" in text


def test_the_example_of_many_data_sets_can_be_used(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("north", "south"):
        (tmp_path / "data" / f"{name}.csv").write_text("length\n1\n2\n")
    example = reference.markdown().split("```")[1].removeprefix("yaml")
    made = configuration.checked(yaml.safe_load(example))
    assert [entry["label"] for entry in made["datasets"].values()] == ["length in north (mm)", "length in south (mm)"]
    assert [analysis["dataset"] for analysis in made["analyses"]] == ["north", "south"]


def test_one_version_and_one_date_stand_everywhere(root):
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["version"] == stanmix.__version__
    assert cited["date-released"] == datetime.date.fromisoformat(stanmix.__released__)
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    first = next(line for line in changes.splitlines() if line.startswith("## "))
    assert first == f"## {stanmix.__version__} ({stanmix.__released__})"


def test_the_catalog_finds_what_it_asks_for(root):
    said = yaml.safe_load((root / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))
    assert said["usage"]["software-stack-deployment"] == {"conda": True}
    assert said["usage"]["report"] is True
    assert (root / "config" / "README.md").is_file()
