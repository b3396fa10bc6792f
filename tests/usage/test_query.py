"""Sums over a small ledger."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from addons.usage.ledger_file import connect_to_read
from addons.usage.ledger_tables import projects
from addons.usage.ledger_writer import LedgerWriter
from addons.usage.query import DIMENSIONS, MEASURES, SHARED_DIMENSIONS, usage
from tests.records import Records

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0).timestamp()
A, B = "ri.a", "ri.b"
SERVED = {"state": "closed", "decision": "allowed", "outcome": "served", "usage_status": "reported"}
CALLS: tuple[tuple[dict[str, Any], list[str]], ...] = (
    (
        {
            **SERVED,
            "opened_at": NOON,
            "model": "m",
            "input_tokens": 10,
            "cache_write_tokens": 4,
            "total_tokens": 12,
            "cost": 0.5,
        },
        [A],
    ),
    ({**SERVED, "opened_at": NOON + 30, "model": "m", "input_tokens": 1, "total_tokens": 2, "cost": 0.25}, [B, A]),
    ({**SERVED, "opened_at": NOON + 60, "model": "n", "caller": "ann", "input_tokens": 5, "total_tokens": 5}, []),
    ({"opened_at": NOON + 70, "state": "open", "model": "m", "caller": "ann"}, [A, B]),
    ({"opened_at": NOON + 80, "state": "closed", "decision": "refused", "outcome": "refused", "error": "no"}, []),
    (
        {
            "opened_at": NOON + 90,
            "state": "closed",
            "decision": "allowed",
            "outcome": "truncated",
            "usage_status": "unknown",
        },
        [B],
    ),
)


@pytest.fixture
def connection(tmp_path: Path, records: Records) -> Iterator[sqlite3.Connection]:
    ledger = LedgerWriter(tmp_path / "usage.sqlite")
    ledger.start()
    for number, (row, attribution) in enumerate(CALLS):
        ledger.write({"id": str(number), **row, "projects": projects(attribution)})
    ledger.close()
    connection = connect_to_read(ledger.path)
    yield connection
    connection.close()


def test_the_total(connection: sqlite3.Connection) -> None:
    assert usage(connection, 0) == [
        {
            "calls": 6, "served": 3, "refused": 1, "failed": 1, "unreported": 2,
            "input_tokens": 16, "cached_tokens": 0, "cache_write_tokens": 4,
            "output_tokens": 0, "reasoning_tokens": 0, "total_tokens": 19,
            "cost": 0.75,
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("project", {None: 2, A: 1, "ri.a + ri.b": 2, B: 1}),
        ("model", {None: 2, "m": 3, "n": 1}),
        ("caller", {None: 4, "ann": 2}),
        ("error", {None: 5, "no": 1}),
        ("outcome", {None: 1, "served": 3, "refused": 1, "truncated": 1}),
        ("region", {None: 6}),
        ("hour", {datetime.fromtimestamp(NOON, UTC).strftime("%Y-%m-%dT12:00Z"): 6}),
        ("month", {datetime.fromtimestamp(NOON, UTC).strftime("%Y-%m"): 6}),
        ("day", {datetime.fromtimestamp(NOON, UTC).strftime("%Y-%m-%d"): 6}),
        ("minute", {datetime.fromtimestamp(NOON, UTC).strftime(f"%Y-%m-%dT12:0{m}Z"): n for m, n in ((0, 2), (1, 4))}),
    ],
)
def test_groups(connection: sqlite3.Connection, by: str, groups: dict[str | None, int]) -> None:
    assert {row[by]: row["calls"] for row in usage(connection, 0, [by])} == groups


def test_by_what_sums_can_be_asked_for() -> None:
    local = {"project", "model", "caller", "api", "outcome", "region", "error", "policy"}
    assert DIMENSIONS.keys() >= local
    assert SHARED_DIMENSIONS.keys() == {
        *DIMENSIONS, "minute", "hour", "day", "month", "pod", "namespace", "version"
    }  # fmt: skip


@pytest.mark.parametrize("by", [*((name,) for name in DIMENSIONS), ("project", "model"), tuple(DIMENSIONS)])
def test_rows_add_up_to_the_total(connection: sqlite3.Connection, by: tuple[str, ...]) -> None:
    rows = usage(connection, 0, by)
    (total,) = usage(connection, 0)
    for measure in MEASURES:
        assert sum(row[measure] or 0 for row in rows) == total[measure], measure


def test_the_past_is_left_out(connection: sqlite3.Connection) -> None:
    assert usage(connection, NOON + 75)[0]["calls"] == 2
    (nothing,) = usage(connection, NOON + 999)
    assert (nothing["calls"], nothing["total_tokens"], nothing["cost"]) == (0, 0, None)
    assert usage(connection, NOON + 999, ["model"]) == []
