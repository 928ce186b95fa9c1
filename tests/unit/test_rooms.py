"""The rooms of the package: who may import from whom."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "workflow" / "stanmix"
# From left to right; rooms of one set know nothing of each other.
ORDER = [
    {"base"},
    {"families"},
    {"data", "stan", "figures"},
    {"model"},
    {"config", "expected"},
    {"labels"},
    {"fits"},
    {"assess"},
    {"compare", "report"},
    {"jobs"},
    {"app"},
]
PLACE = {room: place for place, rooms in enumerate(ORDER) for room in rooms}


def imports(source):
    """The rooms that a module imports from, also inside its functions, with the line of each."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            assert node.level == 0, f"line {node.lineno}: relative"
        found += [(name.split(".")[1], node.lineno) for name in names if name.startswith("stanmix.")]
    return [(room, line) for room, line in found if not room.startswith("__")]


def wrong_way(room, source):
    """Imports from a room to the right of this one, or beside it."""
    return [
        (other, line) for other, line in imports(source) if other != room and not PLACE.get(other, 99) < PLACE[room]
    ]


def test_every_module_stands_in_a_room():
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py"}
    assert {path.parent.name for path in PACKAGE.glob("*/*.py")} == set(PLACE)


@pytest.mark.parametrize("room", sorted(PLACE))
def test_a_room_imports_only_from_rooms_to_its_left(room):
    modules = sorted((PACKAGE / room).rglob("*.py"))
    wrong = {str(path.relative_to(PACKAGE)): wrong_way(room, path.read_text(encoding="utf-8")) for path in modules}
    assert {name: arrows for name, arrows in wrong.items() if arrows} == {}


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("fits", "def f():\n    from stanmix.assess import checks\n"),
        ("data", "import stanmix.stan.cmdstan\n"),
        ("base", "from stanmix.corridor.things import thing\n"),
    ],
)
def test_an_arrow_to_the_right_is_seen(room, source):
    assert len(wrong_way(room, source)) == 1


def untyped(source):
    """Public functions of a module of which a parameter or what they return has no type: their names."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            given = node.args
            parameters = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            named = [one for one in parameters if one is not None and one.arg not in ("self", "cls")]
            if node.returns is None or any(one.annotation is None for one in named):
                found.append(node.name)
    return found


def test_public_functions_say_their_types():
    modules = sorted(PACKAGE.rglob("*.py"))
    found = {str(path.relative_to(PACKAGE)): untyped(path.read_text(encoding="utf-8")) for path in modules}
    assert {name: functions for name, functions in found.items() if functions} == {}


def test_a_function_without_a_type_is_seen():
    assert untyped("def f(a: int, *b): ...\ndef g(self) -> int: ...\ndef h(): ...\ndef _i(a): ...\n") == ["f", "h"]
