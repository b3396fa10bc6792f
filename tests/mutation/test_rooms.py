"""Each module is asked of tests that are there, and only what a test noticed counts as noticed."""

import signal

import pytest

from tests.mutation import rooms
from tests.mutation.__main__ import NotRunError, equivalents, is_killed
from tests.mutation.mutants import mutants

MODULES = list(rooms.modules(tuple(rooms.ROOMS)))


def test_every_room_has_modules() -> None:
    assert {module.partition(".")[0] for module in MODULES} == set(rooms.ROOMS)


@pytest.mark.parametrize("module", MODULES)
def test_the_tests_nearest_to_a_module_are_there(module: str) -> None:
    assert [each for each in rooms.own(module) if not (rooms.TESTS / each).exists()] == []


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_the_tests_around_a_room_are_there(room: str) -> None:
    assert [each for each in rooms.ROOMS[room].wider if not (rooms.TESTS / each).exists()] == []


def test_the_table_of_nearest_tests_names_rooms_and_modules_alone() -> None:
    assert set(rooms.NEAREST) - set(rooms.ROOMS) - set(MODULES) == set()


@pytest.mark.parametrize(
    ("code", "killed"), [(0, False), (pytest.ExitCode.TESTS_FAILED, True), (-signal.SIGKILL, True)]
)
def test_a_mutant_is_killed_by_tests_that_fail_or_hang(code: int, killed: bool) -> None:
    assert is_killed(code) is killed


@pytest.mark.parametrize("code", [*set(pytest.ExitCode) - {0, 1}, -signal.SIGSEGV])
def test_tests_that_did_not_run_kill_nothing(code: int) -> None:
    with pytest.raises(NotRunError):
        is_killed(code)


def test_what_a_person_judged_is_a_mutant_still() -> None:
    judged = equivalents()
    there = {
        f"{module}: {each.change}"
        for module in {label.partition(":")[0] for label in judged}
        for each in mutants(rooms.path(module).read_text())
    }
    assert judged - there == set()
