"""Each room has modules, and mutants meet tests that are there."""

import pytest

from tests.mutation import rooms
from tests.mutation.__main__ import equivalents
from tests.mutation.mutants import mutants

MODULES = list(rooms.modules((*rooms.PURE, *rooms.STATEFUL)))


def test_every_room_has_modules() -> None:
    assert {module.partition(".")[0] for module in MODULES} == {*rooms.PURE, *rooms.STATEFUL}


@pytest.mark.parametrize("of", rooms.ASKED)
def test_the_tests_that_are_asked_are_there(of: tuple[str, ...]) -> None:
    assert [each for each in rooms.ASKED[of] if not (rooms.TESTS / each).exists()] == []


def test_who_imports_a_module() -> None:
    found = {str(each.relative_to(rooms.ROOT)) for each in rooms.importers("embeddings.fields")}
    assert "addons/embeddings/api.py" in found
    assert "addons/embeddings/fields.py" not in found


def test_what_a_person_judged_is_a_mutant_still() -> None:
    judged = equivalents()
    assert all(judged.values()), "each with the reason"
    there = {
        f"{module}: {each.change}"
        for module in {label.partition(":")[0] for label in judged}
        for each in mutants(rooms.path(module).read_text())
    }
    assert judged.keys() - there == set()
