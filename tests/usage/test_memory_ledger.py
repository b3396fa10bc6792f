"""Rows that wait in memory for the shared ledger."""

import asyncio
import time
from typing import Any

import pytest

from addons.usage.ledger_file import LedgerError
from addons.usage.memory_ledger import MemoryLedger
from tests.records import Records

MOST = 3


@pytest.fixture
def ledger(records: Records) -> MemoryLedger:
    return MemoryLedger(MOST, {"pod": "pod-1", "namespace": None, "version": "1"})


def row(name: str, state: str = "closed", **columns: Any) -> dict[str, Any]:
    return {"id": name, "opened_at": time.time(), "state": state, **columns}


def opened(ledger: MemoryLedger, *names: str) -> None:
    for name in names:
        asyncio.run(ledger.open(row(name, "open")))


def due(ledger: MemoryLedger, patience: float = 0, most: int = 500) -> list[tuple[str, str]]:
    return [(each["id"], each["state"]) for each in ledger.due(patience, most)[0]]


def carry(ledger: MemoryLedger) -> None:
    ledger.done(ledger.due(0, 500)[0])


def test_rows_are_due_in_their_order_until_they_are_carried(ledger: MemoryLedger) -> None:
    opened(ledger, "a", "b")
    ledger.write(row("c"))
    ledger.write(row("a"))
    assert due(ledger) == [("a", "closed"), ("b", "open"), ("c", "closed")]
    assert due(ledger, most=2) == [("a", "closed"), ("b", "open")]
    assert due(ledger, patience=60) == [("a", "closed"), ("c", "closed")]
    assert ledger.left().rows == 3
    carry(ledger)
    assert (due(ledger), ledger.left()) == ([], (0, None))


def test_a_row_says_who_wrote_it(ledger: MemoryLedger) -> None:
    opened(ledger, "a")
    (found,), _ = ledger.due(0, 1)
    assert (found["pod"], found["version"]) == ("pod-1", "1")


def test_a_row_that_closed_while_it_was_carried_open_is_due_again(ledger: MemoryLedger) -> None:
    opened(ledger, "a")
    found, _ = ledger.due(0, 500)
    ledger.write(row("a"))
    assert ledger.done(found).rows == 1
    assert due(ledger) == [("a", "closed")]


@pytest.mark.parametrize("carried", [False, True], ids=["all wait", "all are carried as open"])
def test_where_it_is_full_no_row_is_opened_and_each_end_has_its_place(
    ledger: MemoryLedger, records: Records, carried: bool
) -> None:
    opened(ledger, "a", "b", "c")
    if carried:
        carry(ledger)
    for each in (row("d", "open"), None):
        with pytest.raises(LedgerError, match=r"usage\.memory_rows"):
            asyncio.run(ledger.open(each))
    for name in ("d", "e"):
        ledger.write(row(name))
    for name in ("a", "b", "c"):
        ledger.write(row(name))
    assert due(ledger) == [("a", "closed"), ("b", "closed"), ("c", "closed")]
    assert ledger.lost == 2
    assert len(records.of("ledger_rows_lost")) == 1
    carry(ledger)
    opened(ledger, "f")
    asyncio.run(ledger.open(None))
    assert due(ledger) == [("f", "open")]


def test_each_time_it_is_full_is_told_once(ledger: MemoryLedger, records: Records) -> None:
    for _ in range(2):
        for name in "abcde":
            ledger.write(row(name))
        carry(ledger)
    assert (ledger.lost, len(records.of("ledger_rows_lost"))) == (4, 2)


def test_what_is_lost_at_the_end_is_told(ledger: MemoryLedger, records: Records) -> None:
    ledger.tell_left(2, "gone")
    (told,) = records.of("usage_lost_at_the_end")
    assert (told["rows"], told["why"], told["level"]) == (2, "gone", "error")


def test_a_row_that_is_closed_twice_is_one(ledger: MemoryLedger) -> None:
    ledger.write(row("a"))
    ledger.write(row("a", total_tokens=1))
    assert due(ledger) == [("a", "closed")]
