"""What is written down of a body: what stops its call, what only warns, and how much of either is kept."""

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.notes import KEPT, EnoughError, Notes, Trail, path
from addons.bodies.verdict import Change, Finding

COST = Finding("service_tier", "COST", "costs more", row="service_tier.flex")
INVALID = Finding("input", "INVALID", "is no list")
WARNS = PolicySettings(rules={"COST": "warn"})


def test_what_is_refused_stops_the_call_and_what_warns_does_not() -> None:
    notes = Notes(WARNS)
    assert [notes.find(COST), notes.find(INVALID)] == [False, True]
    assert (notes.warned, notes.refused) == ([COST], [INVALID])


def test_what_is_malformed_is_refused_in_every_mode() -> None:
    assert Notes(PolicySettings(mode="warn")).find(INVALID)


def test_so_many_warnings_are_kept_and_further_ones_need_not_be_made() -> None:
    notes = Notes(WARNS)
    for left in reversed(range(KEPT)):
        assert not notes.enough_warnings("COST")
        notes.find(COST)
        assert len(notes.warned) == KEPT - left
    assert notes.enough_warnings("COST")
    assert not notes.enough_warnings("UNKNOWN"), "which stops the call"
    assert [notes.find(COST), notes.find(INVALID)] == [False, True]
    assert len(notes.warned) == KEPT


def test_so_many_changes_are_kept() -> None:
    notes = Notes(PolicySettings())
    for number in range(KEPT + 2):
        notes.change(Change(f"input[{number}]", "stripped", "UNKNOWN", "nothing is left in it"))
    assert [change.path for change in notes.changes] == [f"input[{number}]" for number in range(KEPT)]


@pytest.mark.parametrize("most", [1, 3])
def test_when_enough_is_refused_judging_ends(most: int) -> None:
    notes = Notes(WARNS, most)
    for _ in range(most - 1):
        assert notes.find(INVALID)
        assert not notes.find(COST)
    with pytest.raises(EnoughError):
        notes.find(INVALID)
    assert len(notes.refused) == most


@pytest.mark.parametrize(
    ("trail", "told"),
    [
        (None, ""),
        ((None, "input"), "input"),
        ((((None, "input"), 0), "content"), "input[0].content"),
        ((None, "caf\u00e9\n"), "caf??"),
        ((None, "x" * 65), "x" * 64),
    ],
    ids=["the body itself", "a member", "a member of an element", "what cannot be printed", "a long name"],
)
def test_path(trail: Trail, told: str) -> None:
    assert path(trail) == told
