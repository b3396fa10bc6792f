"""Which calls have a row, what stands in it, and what is told where it can't be written."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.call import Answer, Call, OtherPath
from addons.foundry.caller import Caller
from addons.foundry.prices import DatedPrices
from addons.foundry.refusals import Refusal
from addons.usage.ledger_rows import LedgerRows
from addons.usage.ledger_writer import LedgerWriter
from tests.gates.calls import GPT, SOMEONE, call
from tests.records import Records

RECORD = {
    "policy.decision": "allowed", "call.outcome": "served", "usage.status": "reported",
    "http.response.status_code": 200, "duration.total": 3.0, "duration.sidecar": 1.0, "duration.provider": 2.0,
    "policy.hash": "4f2a",
}  # fmt: skip
PRICED = GPT.model_copy(update={"prices": (DatedPrices(input=1, cache_write=1, output=1),)})


@pytest.fixture
def path(tmp_path: Path, records: Records) -> Path:
    return tmp_path / "usage.sqlite"


def played(path: Path, play: Callable[[LedgerRows], Any], on_failure: Any = "refuse") -> list[dict[str, Any]]:
    """What stands in the ledger afterwards."""

    async def main() -> None:
        rows = LedgerRows(LedgerWriter(path), on_failure)
        rows.start()
        try:
            await play(rows)
        finally:
            await rows.stop()

    asyncio.run(main())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM call ORDER BY number")]


def answered(usage: Usage | None = None, **filled: Any) -> Call:
    facts = AnswerFacts(usage=usage) if usage else None
    return call(caller=SOMEONE, model=PRICED, released_at=1.0, answer=Answer(status=200, facts=facts), **filled)


def test_a_row_closes_with_what_the_call_used(path: Path) -> None:
    each = answered(Usage(10, 4, 5, 2, 15, cache_write_tokens=3), region="eu", attribution=("ri.b", "ri.a"))

    async def play(rows: LedgerRows) -> None:
        await rows.open(each)
        rows.close(each, RECORD)

    (row,) = played(path, play)
    expected = {
        "id": each.id, "state": "closed", "decision": "allowed", "outcome": "served", "caller": "someone",
        "projects": "ri.a + ri.b", "region": "eu", "usage_status": "reported", "status": 200, "input_tokens": 10,
        "cached_tokens": 4, "cache_write_tokens": 3, "output_tokens": 5, "reasoning_tokens": 2, "total_tokens": 15,
        "cost": 15 / 1e6, "duration_total": 3.0, "duration_sidecar": 1.0, "duration_provider": 2.0, "run": 1,
        "due": None, "error": None, "policy": "4f2a", "api": "responses", "model": GPT.rid,
        "provider_model": GPT.provider_model, "trace_id": each.trace.trace_id,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


WITHOUT: dict[str, Call] = {
    "nobody proved who called": call(model=GPT, refusal=Refusal("unauthorized")),
    "a call for Foundry itself": call(caller=SOMEONE, other_path=OtherPath("acme", "/api")),
}


@pytest.mark.parametrize("each", WITHOUT.values(), ids=WITHOUT.keys())
def test_calls_without_a_row(path: Path, each: Call) -> None:
    async def play(rows: LedgerRows) -> None:
        rows.close(each, {})

    assert played(path, play) == []


def test_a_refused_call_has_a_closed_row(path: Path) -> None:
    async def play(rows: LedgerRows) -> None:
        rows.close(
            call(caller=SOMEONE, refusal=Refusal("missing_scope"), api=None),
            {"policy.decision": "refused", "call.outcome": "refused", "error.type": "missing_scope"},
        )

    (row,) = played(path, play)
    assert (row["state"], row["decision"], row["outcome"]) == ("closed", "refused", "refused")
    assert (row["error"], row["api"], row["model"], row["cost"]) == ("missing_scope", None, None, None)


def test_a_name_of_any_length_has_a_bounded_row(path: Path) -> None:
    async def play(rows: LedgerRows) -> None:
        rows.close(call(caller=Caller("x" * 1_000_000, frozenset())), {})

    (row,) = played(path, play)
    assert row["caller"] == "x" * 256


@pytest.mark.parametrize("on_failure", ["refuse", "allow"])
def test_a_file_that_can_not_be_written(path: Path, on_failure: str) -> None:
    each = answered()
    missing: list[str | None] = []

    async def play(rows: LedgerRows) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            missing.append(await rows.missing())
            if on_failure == "refuse":
                with pytest.raises(Refusal) as caught:
                    await rows.open(each)
                refusal = caught.value
                assert refusal.name == "ledger_unavailable"
                assert "database is locked" in str(refusal.detail)
            else:
                await rows.open(each)
        missing.append(await rows.missing())

    assert played(path, play, on_failure) == []
    assert each.alarms == ["ledger_unavailable"]
    first, second = missing
    assert second is None
    assert ("database is locked" in (first or "")) == (on_failure == "refuse")


def test_a_file_that_was_removed_is_told_of_by_the_next_call_alone(path: Path) -> None:
    calls = [answered() for _ in range(4)]

    async def play(rows: LedgerRows) -> None:
        await rows.open(calls[0])
        path.unlink()  # noqa: ASYNC240 - a test's own
        for each in calls[1:]:
            await rows.open(each)
        rows.close(calls[0], RECORD)  # whose row is gone: it gets another

    assert {row["id"] for row in played(path, play)} == {each.id for each in calls}
    assert [each.alarms for each in calls] == [[], ["ledger_replaced"], [], []]


def test_nothing_is_kept_of_calls_that_ended(path: Path) -> None:
    each = answered()

    async def play(rows: LedgerRows) -> None:
        await rows.open(each)
        assert rows._opened
        rows.close(each, RECORD)
        assert not rows._opened

    played(path, play)
