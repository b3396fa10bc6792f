"""Usage out of the sidecar's log, as a collector keeps it."""

import json
from typing import Any

import pytest

from addons.commands.usage_records import collect
from addons.usage.query import usage

RECORD: dict[str, Any] = {
    "event": "call", "level": "info", "timestamp": "2026-11-27T10:00:30.5Z", "call.id": "a", "caller": "ann",
    "foundry.attribution": ["ri.b", "ri.a"], "foundry.model.rid": "ri.m", "policy.decision": "allowed",
    "call.outcome": "served", "usage.status": "reported", "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.cache_read.input_tokens": 4, "gen_ai.usage.cache_write.input_tokens": 3,
    "gen_ai.usage.output_tokens": 5, "gen_ai.usage.reasoning.output_tokens": 2, "duration.total": 40.0,
    "usage.cost": 0.25,
}  # fmt: skip


def line(**changed: Any) -> str:
    return json.dumps({name: value for name, value in (RECORD | changed).items() if value is not None})


def test_a_record_counts_as_a_row_of_the_ledger_would() -> None:
    found = collect([line()])
    assert (found.records, found.unread) == (1, 0)
    (row,) = usage(found.connection, 0, ("project", "caller", "model", "minute", "outcome"))
    expected = {
        "project": "ri.a + ri.b", "caller": "ann", "model": "ri.m", "minute": "2026-11-27T09:59Z", "outcome": "served",
        "calls": 1, "served": 1, "refused": 0, "failed": 0, "unreported": 0, "input_tokens": 10, "cached_tokens": 4,
        "cache_write_tokens": 3, "output_tokens": 5, "reasoning_tokens": 2, "total_tokens": 15, "cost": 0.25,
    }  # fmt: skip
    assert row == expected
    found.connection.close()


LINES: dict[str, tuple[list[str], int, int]] = {
    "twice": ([line(), line()], 1, 0),
    "what a collector put in front": ([f"2026-11-27 pod sidecar: {line()}"], 1, 0),
    "other events": (['{"event":"ready"}', "", "no JSON", '{"event":"alarm","call.id":"a"}'], 0, 0),
    "nobody proved who called": ([line(caller=None)], 0, 0),
    "a call for Foundry itself": ([line(**{"foundry.other_path": True})], 0, 0),
    "cut off": ([line()[:-20]], 0, 1),
    "without its time": ([line(timestamp=None)], 0, 1),
    "with another time": ([line(timestamp="yesterday")], 0, 1),
    "a list": (['["call.id"]'], 0, 1),
    "a number no table holds": ([line(**{"gen_ai.usage.input_tokens": 10**30})], 0, 1),
    "another type": ([line(**{"gen_ai.usage.input_tokens": {"a": 1}})], 0, 1),
    "without usage": ([line(**{"gen_ai.usage.input_tokens": None, "gen_ai.usage.output_tokens": None})], 1, 0),
    "nested without end": (['{"call.id":' + "[" * 100_000], 0, 1),
    "too long": (['{"call.id":"' + "a" * 2_000_000 + '"}'], 0, 1),
}


@pytest.mark.parametrize(("lines", "records", "unread"), LINES.values(), ids=LINES.keys())
def test_lines(lines: list[str], records: int, unread: int) -> None:
    found = collect(lines)
    assert (found.records, found.unread) == (records, unread)
    found.connection.close()
