"""What a mutant changes in functions that are there, and what must be imported anew."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.mutation import in_place
from tests.mutation.mutants import Mutant, mutants

SOURCE = """
LIMIT = 6
TABLE = {"a": 1, "b": 2}
PICK = [lambda value: value == 8, lambda value: value == 2]

def plain(value, most=7):
    return value < LIMIT

def outer(value):
    def inner(other):
        return other + value
    return inner(1)

class Thing:
    size = 5

    @property
    def large(self):
        return self.size > 4

made = (lambda: (lambda value: value - 1))()
sums = [value + 1 for value in range(3)]
total = sum(value * 2 for value in range(3))
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mutated_in_place.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutated_in_place", file)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def mutant(change: str) -> Mutant:
    (found,) = (each for each in mutants(SOURCE) if each.change == change)
    return found


@pytest.mark.parametrize(
    ("change", "asked", "before", "after"),
    [
        ("Lt -> Gt: value < LIMIT", lambda module: module.plain(2), True, False),
        ("Add -> Sub: other + value", lambda module: module.outer(2), 3, -1),
        ("Gt -> Lt: self.size > 4", lambda module: module.Thing().large, True, False),
        ("Eq -> NotEq: value == 2", lambda module: [pick(2) for pick in module.PICK], [False, True], [False, False]),
        ("Sub -> Add: value - 1", lambda module: module.made(1), 0, 2),
    ],
)
def test_a_function_that_is_there_runs_the_mutant(
    file: Path, module: ModuleType, change: str, asked: Any, before: object, after: object
) -> None:
    found = in_place.change(file, mutant(change))
    assert found
    assert asked(module) == before
    in_place.put(found.codes, in_place.functions())
    assert asked(module) == after


@pytest.mark.parametrize(
    "change",
    [
        "6 -> 7: LIMIT = 6", "without row 0 ('a'): {'a': 1, 'b': 2}", "7 -> 8: value, most=7", "5 -> 6: size = 5",
        "Add -> Sub: value + 1", "Mult -> FloorDiv: value * 2",
        "without element 0: [lambda value: value == 8, lambda value: value == 2]",
    ],
)  # fmt: skip
def test_what_the_import_runs_is_imported_anew(file: Path, change: str) -> None:
    assert in_place.change(file, mutant(change)) is None


def test_so_is_what_takes_another_variable_from_around_it(file: Path) -> None:
    """A function that is there has its variables from around it, and takes no others."""
    assert in_place.change(file, mutant("returns None: return other + value")) is None


@pytest.mark.parametrize(
    ("change", "inner"),
    [("Lt -> Gt: value < LIMIT", {"plain"}), ("Add -> Sub: other + value", {"outer.<locals>.inner"})],
)
def test_the_innermost_that_changes_is_known(file: Path, change: str, inner: set[str]) -> None:
    found = in_place.change(file, mutant(change))
    assert found
    assert {each.name for each in found.inner} == inner
