"""Rows of the local ledger's file that wait for the shared one."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addons.usage.ledger_writer import LedgerWriter
from addons.usage.rows_on_disk import RowsOnDisk
from tests.records import Records


@pytest.fixture
def ledger(tmp_path: Path, records: Records) -> Iterator[LedgerWriter]:
    ledger = LedgerWriter(tmp_path / "usage.sqlite", ship=True)
    ledger.start()
    yield ledger
    ledger.close()


def opened(ledger: LedgerWriter, name: str) -> None:
    asyncio.run(ledger.open({"id": name, "opened_at": 1.0, "state": "open"}))


def due(rows: RowsOnDisk) -> list[Any]:
    return [row["id"] for row in rows.due(0, 500)[0]]


def test_a_file_that_was_removed_is_not_made_anew(ledger: LedgerWriter) -> None:
    rows = RowsOnDisk(ledger.path)
    opened(ledger, "a")
    found, _ = rows.due(0, 500)
    ledger.close()
    ledger.path.unlink()
    with pytest.raises(sqlite3.OperationalError):
        rows.done(found)
    assert not ledger.path.exists()


def test_of_another_file_s_rows_none_is_taken_as_carried(ledger: LedgerWriter) -> None:
    """A new file, put in place while a batch was under way, numbers its rows from 1 again."""
    rows = RowsOnDisk(ledger.path)
    opened(ledger, "a")
    found, _ = rows.due(0, 500)
    ledger.path.unlink()
    opened(ledger, "b")
    rows.done(found)
    assert due(rows) == ["b"]


def test_without_a_shared_ledger_nothing_is_due(tmp_path: Path, records: Records) -> None:
    ledger = LedgerWriter(tmp_path / "usage.sqlite")
    ledger.start()
    ledger.write({"id": "a", "opened_at": time.time(), "state": "closed"})
    ledger.close()
    assert due(RowsOnDisk(ledger.path)) == []
