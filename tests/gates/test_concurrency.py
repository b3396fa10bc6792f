"""How many calls are under way at a time."""

import gc
from typing import Any

import pytest

from addons.call import Call
from addons.foundry.caller import SCOPE, Caller
from addons.gates.concurrency import LimitConcurrency, UnderWay
from addons.gates.limits_settings import LimitsSettings
from tests.gates.calls import call, refused_by, through


def gate(mode: str = "enforce", **caps: Any) -> tuple[LimitConcurrency, UnderWay]:
    under_way = UnderWay()
    settings = LimitsSettings.model_validate({"mode": mode, "concurrency": caps})
    return LimitConcurrency(settings, under_way), under_way


def from_(subject: str) -> Call:
    return call(caller=Caller(subject, frozenset({SCOPE})))


@pytest.mark.parametrize(
    ("caps", "callers", "scope"),
    [
        ({"per_caller": 2}, ["ada", "ada", "ada"], "CALLER"),
        ({"per_caller": 2}, ["ada", "bob", "ada", "bob", "cy"], None),
        ({"total": 2}, ["ada", "bob", "cy"], "SIDECAR"),
        ({"total": 3, "per_caller": 1}, ["ada", "bob", "ada"], "CALLER"),
        ({"total": 2, "per_caller": 2}, ["ada", "ada", "ada"], "SIDECAR"),
        ({}, ["ada"] * 50, None),
    ],
)
def test_the_last_call_is_one_too_many_or_not(caps: dict[str, Any], callers: list[str], scope: str | None) -> None:
    hold, under_way = gate(**caps)
    *before, last = map(from_, callers)
    for each in before:
        through(hold, each)
    if scope is None:
        through(hold, last)
        assert last.permits is None
    else:
        assert refused_by(hold, last).parameters["rateLimitScope"] == scope
        assert last.permits
        assert (last.permits.scope, last.permits.kind, last.permits.warned) == (scope, "CONCURRENCY", False)
    assert len(under_way.all) == len(callers) - (scope is not None)


def test_a_call_that_ends_makes_room_once() -> None:
    hold, under_way = gate(per_caller=2)
    first, second = through(hold, from_("ada")), through(hold, from_("ada"))
    refused = from_("ada")
    for _ in range(2):
        refused_by(hold, refused)
        under_way.leave(refused, {})  # took no place, so gives none back
    under_way.leave(first, {})
    under_way.leave(first, {})
    third = through(hold, from_("ada"))
    refused_by(hold, from_("ada"))
    for each in (second, third):
        under_way.leave(each, {})
    assert under_way.of("ada") == len(under_way.all) == 0


def test_a_call_whose_end_nobody_tells_of_makes_room() -> None:
    hold, under_way = gate(total=1)
    through(hold, from_("ada"))
    gc.collect()
    through(hold, from_("ada"))
    assert under_way.of("ada") <= 1


def test_calls_of_nobody_count_in_the_total_alone() -> None:
    """Those to Foundry's other paths, whose token nobody here verifies."""
    hold, under_way = gate(total=2, per_caller=1)
    first, _second = through(hold, call()), through(hold, call())
    assert refused_by(hold, call()).parameters["rateLimitScope"] == "SIDECAR"
    under_way.leave(first, {})
    through(hold, from_("ada"))


def test_callers_whose_calls_have_all_ended_are_forgotten() -> None:
    hold, under_way = gate()
    calls = [through(hold, from_(name)) for name in ("ada", "ada", "bob")]
    for each, left in zip(calls, ({"ada", "bob"}, {"bob"}, set()), strict=True):
        under_way.leave(each, {})
        assert under_way._by_caller.keys() == left


def test_warn_only_says_so() -> None:
    hold, under_way = gate("warn", total=1)
    calls = [through(hold, from_("ada")) for _ in range(3)]
    assert [each.permits.warned if each.permits else False for each in calls] == [False, True, True]
    assert len(under_way.all) == 3
