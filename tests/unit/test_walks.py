"""The files and functions that CONTRIBUTING names are there."""

import re

import pytest

ROOMED = re.compile(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|stanfunctions|hpp|smk|j2|yaml|html\.j2))(?:: ([a-z_]+))?`")
CELL = re.compile(r"`([a-z_]+\.py)`")


@pytest.fixture(scope="module")
def contributing(root):
    return (root / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_path_is_there_and_has_the_function(root, contributing):
    named = ROOMED.findall(contributing)
    assert len(named) > 15
    for path, function in named:
        places = [root / path, root / "workflow" / "stanmix" / path]
        there = [place for place in places if place.is_file()]
        assert there, path
        if function:
            assert f"def {function}(" in there[0].read_text(encoding="utf-8"), f"{path}: {function}"


def test_the_table_of_rooms_names_every_module(root, contributing):
    table = [line for line in contributing.splitlines() if re.match(r"\| `[a-z]+`", line)]
    package = root / "workflow" / "stanmix"
    for line in table:
        rooms = re.findall(r"`([a-z]+)`", line.split("|")[1])
        modules = {path.name for room in rooms for path in (package / room).glob("*.py")} - {"__init__.py"}
        named = set(CELL.findall(line.split("|")[2]))
        assert named <= modules, rooms
        if rooms != ["figures"]:
            assert named == modules, rooms
