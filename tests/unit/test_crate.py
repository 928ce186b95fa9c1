"""The RO-Crate of a run: whole, true to the manifest, and as RO-Crate 1.1 and its profiles for workflow runs ask."""

import json
from pathlib import Path

import pytest
import yaml

import stanmix
from stanmix.base import files
from stanmix.config import configuration, plan
from stanmix.jobs import crate

TWO = {
    "datasets": {
        "made": {"simulate": {"family": "normal", "sizes": [5, 5], "mu": [0, 9], "sigma": 1}},
        "read": {"csv": "data/read.csv", "column": "é y", "predict": "data/new.csv"},
    },
    "models": {"m": {"family": "normal"}},
    "analyses": [{"dataset": name, "models": ["m"], "components": [1, 2]} for name in ("made", "read")],
}
MADE = ("reports/made.html", "reports/read.html", "overview.html", "overview.csv", "fits/read/m/1/draws.nc")
MADE += ("data/read/observations.csv", "compare/read/numbers.json", "programs/toolchain.json")


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes the crate of a configuration and gives its entities by their identifiers."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Snakefile").write_text("rule all:\n")

    def written(config=TWO, made=MADE):
        checked = configuration.checked(config)
        packages = {name: f"{index}.0" for index, name in enumerate(("numpy", "snakemake", "arviz", "unnamed"))}
        manifest = {
            "stanmix": stanmix.__version__,
            "released": stanmix.__released__,
            "config": checked,
            "data": dict.fromkeys(plan.inputs(checked), "0" * 64),
            "code": {"commit": "abc123", "dirty": True},
            "toolchain": {"cmdstan": "2.27.0", "cmdstan_origin": "a wheel", "compiler": "g++ (Debian) 12.2.0"},
            "python": "3.11.2",
            "platform": "linux x86_64",
            "packages": packages,
            "artifacts": {f"results/{path}": f"hash of {path}" for path in made},
        }
        files.write_json("results/manifest.json", manifest)
        names = {
            "metadata": "ro-crate-metadata.json",
            "snakefile": "workflow/Snakefile",
            "config": "workflow/config.yaml",
        }
        outputs = {name: f"results/{path}" for name, path in names.items()}
        crate.write_crate("results/manifest.json", "Snakefile", outputs)
        said = files.read_json(outputs["metadata"])
        assert set(said) == {"@context", "@graph"}
        entities = {entity["@id"]: entity for entity in said["@graph"]}
        assert len(entities) == len(said["@graph"]), "an identifier stands for two entities"
        return entities

    return written


def references(value):
    """Every reference to another entity inside a value."""
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        for below in value.values():
            yield from references(below)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def of_type(entities, kind):
    types = {name: [e["@type"]] if isinstance(e["@type"], str) else e["@type"] for name, e in entities.items()}
    return {name: entities[name] for name, found in types.items() if kind in found}


def test_the_metadata_describe_a_root_with_all_it_must_have(write):
    entities = write()
    descriptor, root = entities["ro-crate-metadata.json"], entities["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert {"@id": "https://w3id.org/ro/crate/1.1"} in descriptor["conformsTo"]
    assert root["@type"] == "Dataset"
    assert {"name", "description", "datePublished", "license", "mainEntity", "hasPart"} <= set(root)
    assert {e["@id"] for e in root["conformsTo"]} == {
        "https://w3id.org/ro/wfrun/process/0.5",
        "https://w3id.org/ro/wfrun/workflow/0.5",
        "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
    }
    assert root["datePublished"] == stanmix.__released__


def test_every_reference_is_described_or_points_outside(write):
    entities = write()
    for name, entity in entities.items():
        for other in references({key: value for key, value in entity.items() if key != "@id"}):
            assert other in entities or other.startswith("https://"), (name, other)


def test_files_and_folders_are_parts_and_lie_in_the_crate(write, tmp_path):
    entities = write()
    parts = {each["@id"] for each in entities["./"]["hasPart"]}
    data = set(of_type(entities, "File")) | set(of_type(entities, "Dataset")) - {"./"}
    assert parts == data
    for path in parts:
        assert not path.startswith(("/", "..", "#"))
        assert path in {*MADE, "manifest.json", "workflow/Snakefile", "workflow/config.yaml"} or any(
            made.startswith(path) and path.endswith("/") for made in MADE
        ), path
    for path in ("manifest.json", "workflow/Snakefile", "workflow/config.yaml"):
        assert (tmp_path / "results" / path).is_file()
    for path in MADE[:4]:
        assert entities[path]["sha256"] == f"hash of {path}"
        assert "/" in entities[path]["encodingFormat"]


def test_the_run_joins_workflow_inputs_and_results(write):
    entities = write()
    (run,) = of_type(entities, "CreateAction").values()
    (workflow,) = of_type(entities, "ComputationalWorkflow").values()
    assert set(workflow["@type"]) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    assert run["instrument"] == entities["./"]["mainEntity"] == {"@id": workflow["@id"]}
    assert entities["./"]["mentions"] == {"@id": run["@id"]}
    assert workflow["version"] == f"{stanmix.__version__} (commit abc123 with uncommitted changes)"
    given = [entities[each["@id"]] for each in run["object"]]
    assert [each["name"] for each in given[1:]] == ["data/new.csv", "data/read.csv"]
    assert all(each["sha256"] == "0" * 64 for each in given[1:])
    made = {each["@id"] for each in run["result"]}
    assert {"reports/made.html", "reports/read.html", "overview.csv", "manifest.json", "fits/"} <= made
    for side, members in (("input", given), ("output", [entities[name] for name in made])):
        parameters = {each["@id"] for each in workflow[side]}
        assert {entities[name]["@type"] for name in parameters} == {"FormalParameter"}
        assert {each["exampleOfWork"]["@id"] for each in members} == parameters, "a parameter without a value, or so"


def test_the_software_has_its_versions(write):
    programs = of_type(write(), "SoftwareApplication").values()
    assert {program["name"]: program["softwareVersion"] for program in programs} == {
        "CmdStan": "2.27.0",
        "g++ (Debian) 12.2.0": "12.2.0",
        "Python": "3.11.2",
        "numpy": "0.0",
        "arviz": "2.0",
    }


def test_the_configuration_in_the_crate_asks_for_the_same(write, tmp_path):
    write()
    said = yaml.safe_load((tmp_path / "results/workflow/config.yaml").read_text(encoding="utf-8"))
    assert configuration.checked(said) == said == configuration.checked(TWO)
    assert (tmp_path / "results/workflow/Snakefile").read_text() == "rule all:\n"


def test_the_same_run_is_described_by_the_same_bytes(write, tmp_path):
    path = Path(tmp_path, "results/ro-crate-metadata.json")
    write()
    first = path.read_bytes()
    write()
    assert path.read_bytes() == first


def test_a_run_without_files_has_none_as_inputs(write):
    entities = write({**TWO, "analyses": TWO["analyses"][:1]}, made=("reports/made.html",))
    assert "#csv" not in entities
    assert [each["@id"] for each in entities["#run"]["object"]] == ["workflow/config.yaml"]
    assert {each["@id"] for each in entities["#run"]["result"]} == {"reports/made.html", "manifest.json"}


def test_many_data_sets_are_described_by_folders_and_pages(write):
    names = [f"d{i}" for i in range(300)]
    config = {
        "datasets": {name: {"csv": f"{name}.csv", "column": "y"} for name in names},
        "models": TWO["models"],
        "analyses": [{"dataset": "*", "models": ["m"], "components": 1}],
    }
    made = [f"fits/{name}/m/1/{i}.json" for name in names for i in range(5)] + [
        f"reports/{name}.html" for name in names
    ]
    entities = write(config, made=made)
    assert len(json.dumps(entities)) < 1000 * len(names)
    assert entities["./"]["name"] == "Bayesian mixture analyses of d0, d1, d2 and 297 more"
