"""The ledger against real SQLite files."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addons.usage import ledger_file
from addons.usage.ledger import Ledger
from addons.usage.ledger_file import LedgerError, check, connect_to_read
from tests.records import Records

DAY = 86_400


def row(name: str, **columns: Any) -> dict[str, Any]:
    return {"id": name, "opened_at": time.time(), "state": "open", **columns}


def read(path: Path, query: str) -> list[Any]:
    connection = connect_to_read(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "usage.sqlite"


@pytest.fixture
def ledger(path: Path, records: Records) -> Iterator[Ledger]:
    ledger = Ledger(path)
    ledger.start()
    yield ledger
    ledger.close()


def test_a_row_is_there_for_others_as_soon_as_open_returns(ledger: Ledger) -> None:
    asyncio.run(ledger.open(row("a", caller="ann", projects="ri.a + ri.b")))
    assert read(ledger.path, "SELECT id, state, caller, projects FROM call") == [("a", "open", "ann", "ri.a + ri.b")]


def test_many_at_once_all_get_their_rows(ledger: Ledger) -> None:
    async def many() -> None:
        await asyncio.gather(*(ledger.open(row(str(number))) for number in range(1200)))

    asyncio.run(many())
    assert read(ledger.path, "SELECT count(*) FROM call WHERE state = 'open'") == [(1200,)]


def test_a_closing_is_written_without_an_opening_after_it(ledger: Ledger) -> None:
    async def closed() -> None:
        await ledger.open(row("a"))
        ledger.write(row("a", state="closed"))
        async with asyncio.timeout(5):
            while read(ledger.path, "SELECT state FROM call") == [("open",)]:  # noqa: ASYNC110 - a thread writes it
                await asyncio.sleep(0.01)

    asyncio.run(closed())


def test_a_closing_is_written_with_the_next_opening(ledger: Ledger) -> None:
    async def opened() -> None:
        ledger.write(row("a", state="closed"))
        await ledger.open(row("b"))
        ledger.write(row("b", state="closed"))  # the loop ends before its time has come

    asyncio.run(opened())
    assert read(ledger.path, "SELECT id, state FROM call ORDER BY number") == [("a", "closed"), ("b", "open")]
    assert ledger.waiting == 1
    ledger.close()
    assert read(ledger.path, "SELECT state FROM call WHERE id = 'b'") == [("closed",)]


def test_closing_fills_the_row_once(ledger: Ledger) -> None:
    began = time.time() - 60
    asyncio.run(ledger.open(row("a", opened_at=began)))
    ledger.write(row("a", state="closed", input_tokens=3))
    ledger.write(row("a", state="closed", input_tokens=9))
    ledger.write(row("refused", state="closed", decision="refused"))
    ledger.close()
    assert read(ledger.path, f"SELECT id, opened_at = {began!r}, state, input_tokens FROM call ORDER BY number") == [
        ("a", 1, "closed", 3),
        ("refused", 0, "closed", None),
    ]
    assert (ledger.lag, ledger.waiting, ledger.lost) == (0.0, 0, 0)


@pytest.mark.parametrize("wrong", [{"caller": "\ud800"}, {"input_tokens": 2**70}, {"opened_at": None}])
def test_a_row_that_can_not_be_written_spoils_no_other(ledger: Ledger, wrong: dict[str, Any]) -> None:
    async def together() -> list[BaseException | None]:
        rows = [row("a"), row("b") | wrong, row("c")]
        return await asyncio.gather(*(ledger.open(each) for each in rows), return_exceptions=True)

    first, second, third = asyncio.run(together())
    assert isinstance(second, LedgerError)
    assert (first, third) == (None, None)
    assert read(ledger.path, "SELECT id FROM call ORDER BY 1") == [("a",), ("c",)]


def test_a_locked_file_fails_the_opening_and_the_next_goes_well(ledger: Ledger, records: Records) -> None:
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="locked"):
        asyncio.run(ledger.open(row("a")))
    ledger.write(row("lost"))
    records.wait("ledger_rows_lost")
    assert ledger.lost == 1
    other.execute("ROLLBACK")
    other.close()
    asyncio.run(ledger.open(row("b")))
    assert read(ledger.path, "SELECT id FROM call") == [("b",)]


def test_before_the_start_and_after_the_end_nothing_is_opened(path: Path, records: Records) -> None:
    ledger = Ledger(path)
    with pytest.raises(LedgerError, match="not open"):
        asyncio.run(ledger.open(row("a")))
    ledger.close()
    assert not path.exists()


def test_old_rows_go(path: Path, records: Records) -> None:
    for keep_days in (100, 2):  # the second run finds what the first has written
        ledger = Ledger(path, keep_days)
        ledger.start()
        for days in (0, 1, 3, 9):
            ledger.write(row(f"{keep_days}-{days}", opened_at=time.time() - days * DAY))
        ledger.close()
    assert read(path, "SELECT id FROM call ORDER BY number") == [("100-0",), ("100-1",), ("2-0",), ("2-1",)]


FIRST_TABLES = """
CREATE TABLE call (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, opened_at REAL NOT NULL, state TEXT NOT NULL, decision TEXT,
    error TEXT, caller TEXT, model TEXT, provider_model TEXT, region TEXT, status INTEGER, usage_status TEXT,
    input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER,
    total_tokens INTEGER, cost REAL, trace_id TEXT, duration_total REAL, duration_sidecar REAL, duration_provider REAL
) STRICT;
CREATE INDEX call_opened_at ON call (opened_at);
CREATE TABLE call_project (
    call INTEGER NOT NULL REFERENCES call ON DELETE CASCADE, project TEXT NOT NULL, PRIMARY KEY (call, project)
) STRICT, WITHOUT ROWID;
INSERT INTO call (id, opened_at, state) VALUES ('a', 1e10, 'closed'), ('b', 1e10, 'open');
INSERT INTO call_project VALUES (1, 'ri.b'), (1, 'ri.a');
PRAGMA user_version = 1;
"""


def test_a_ledger_of_the_first_version_is_brought_up_to_date(path: Path, records: Records) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(FIRST_TABLES)
    check(path)
    with pytest.raises(LedgerError, match="when it starts"):
        connect_to_read(path)
    for name in ("c", "d"):
        ledger = Ledger(path)
        ledger.start()
        asyncio.run(ledger.open(row(name)))
        ledger.close()
    rows = [("a", "ri.a + ri.b", "closed"), ("b", None, "open"), ("c", None, "open"), ("d", None, "open")]
    assert read(path, "SELECT id, projects, state FROM call ORDER BY number") == rows


def test_the_file_is_for_our_eyes_alone(ledger: Ledger) -> None:
    asyncio.run(ledger.open(row("a")))
    modes = {each.name: oct(each.stat().st_mode & 0o777) for each in ledger.path.parent.iterdir()}
    assert modes == {"usage.sqlite": "0o600", "usage.sqlite-wal": "0o600", "usage.sqlite-shm": "0o600"}


def foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (x)")
    connection.close()


def later(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {ledger_file.VERSION + 1}")
    connection.close()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (foreign, "tables of version 0"),
        (later, "move the file away"),
        (lambda path: path.write_text("not a database " * 99), "not a database"),
        (lambda path: path.mkdir(), "Name another file|no ledger"),
    ],
)
def test_what_is_no_ledger_is_left_alone(tmp_path: Path, make: Any, says: str) -> None:
    path = tmp_path / "usage.sqlite"
    make(path)
    for use in (ledger_file.connect, check):
        with pytest.raises(LedgerError, match=says) as caught:
            use(path)
        assert str(path) in str(caught.value)


def test_check_makes_nothing(path: Path) -> None:
    check(path)
    assert not path.parent.exists()
    with pytest.raises(LedgerError, match="no ledger at"):
        connect_to_read(path)
    path.parent.write_text("a file where a directory should be")
    with pytest.raises(LedgerError, match="can't be written"):
        check(path)
