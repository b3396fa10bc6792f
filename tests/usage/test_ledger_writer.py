"""The ledger against real SQLite files."""

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from addons.usage import ledger_file, ledger_writer
from addons.usage.ledger_file import LedgerError, check, connect_to_read
from addons.usage.ledger_tables import VERSION, projects
from addons.usage.ledger_writer import LedgerWriter
from tests.records import Records
from tests.waiting import LONGEST, eventually

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
def ledger(path: Path, records: Records) -> Iterator[LedgerWriter]:
    ledger = LedgerWriter(path)
    ledger.start()
    yield ledger
    ledger.close()


def test_a_row_is_there_for_others_as_soon_as_open_returns(ledger: LedgerWriter) -> None:
    asyncio.run(ledger.open(row("a", caller="ann", projects="ri.a + ri.b")))
    assert read(ledger.path, "SELECT id, state, caller, projects FROM call") == [("a", "open", "ann", "ri.a + ri.b")]


def test_many_at_once_all_get_their_rows(ledger: LedgerWriter) -> None:
    async def many() -> None:
        await asyncio.gather(*(ledger.open(row(str(number))) for number in range(1200)))

    asyncio.run(many())
    assert read(ledger.path, "SELECT count(*) FROM call WHERE state = 'open'") == [(1200,)]


def test_a_closing_is_written_without_an_opening_after_it(ledger: LedgerWriter) -> None:
    async def closed() -> None:
        await ledger.open(row("a"))
        ledger.write(row("a", state="closed"))
        async with asyncio.timeout(LONGEST):
            while read(ledger.path, "SELECT state FROM call") == [("open",)]:  # noqa: ASYNC110 - a thread writes it
                await asyncio.sleep(0.01)

    asyncio.run(closed())


def test_a_closing_is_written_with_the_next_opening(ledger: LedgerWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addons.usage.ledger_writer._LINGER", LONGEST)  # no time of its own comes

    async def opened() -> None:
        ledger.write(row("a", state="closed"))
        await ledger.open(row("b"))
        ledger.write(row("b", state="closed"))

    asyncio.run(opened())
    assert read(ledger.path, "SELECT id, state FROM call ORDER BY number") == [("a", "closed"), ("b", "open")]
    assert ledger.waiting == 1
    ledger.close()
    assert read(ledger.path, "SELECT state FROM call WHERE id = 'b'") == [("closed",)]


def test_closing_fills_the_row_once(ledger: LedgerWriter) -> None:
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
def test_a_row_that_can_not_be_written_spoils_no_other(ledger: LedgerWriter, wrong: dict[str, Any]) -> None:
    async def together() -> list[BaseException | None]:
        rows = [row("a"), row("b") | wrong, row("c")]
        return await asyncio.gather(*(ledger.open(each) for each in rows), return_exceptions=True)

    first, second, third = asyncio.run(together())
    assert isinstance(second, LedgerError)
    assert (first, third) == (None, None)
    assert read(ledger.path, "SELECT id FROM call ORDER BY 1") == [("a",), ("c",)]


def test_a_locked_file_fails_the_opening_and_the_next_goes_well(ledger: LedgerWriter, records: Records) -> None:
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
    ledger = LedgerWriter(path)
    with pytest.raises(LedgerError, match="not open"):
        asyncio.run(ledger.open(row("a")))
    ledger.close()
    assert not path.exists()


@pytest.fixture
def held_up(ledger: LedgerWriter, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The writer waits in the midst of its first batch, which holds the row ``first``."""
    begun, go_on, write = threading.Event(), threading.Event(), ledger._file.write

    def slow(rows: Sequence[Mapping[str, Any]]) -> None:
        begun.set()
        assert go_on.wait(LONGEST)
        write(rows)

    monkeypatch.setattr(ledger._file, "write", slow)
    ledger.write(row("first"))
    assert begun.wait(LONGEST)
    yield go_on
    go_on.set()


def test_rows_beyond_those_that_may_wait_are_lost_and_told(
    ledger: LedgerWriter, held_up: threading.Event, monkeypatch: pytest.MonkeyPatch, records: Records
) -> None:
    monkeypatch.setattr(ledger_writer, "MOST_WAITING", 2)
    for name in ("second", "third", "lost"):
        ledger.write(row(name))
    with pytest.raises(LedgerError, match="more rows wait"):
        asyncio.run(ledger.open(row("no room")))
    assert [each["rows"] for each in records.of("ledger_rows_lost")] == [1]
    assert (ledger.lost, ledger.waiting) == (1, 2)
    assert ledger.lag > 0
    held_up.set()
    ledger.close()
    assert read(ledger.path, "SELECT id FROM call ORDER BY 1") == [("first",), ("second",), ("third",)]


def test_of_openings_in_one_batch_one_that_nobody_waits_for_holds_up_no_other(
    ledger: LedgerWriter, held_up: threading.Event
) -> None:
    async def main() -> None:
        gone, stays = (asyncio.create_task(ledger.open(row(name))) for name in ("gone", "stays"))
        await asyncio.sleep(0)
        gone.cancel()
        held_up.set()
        async with asyncio.timeout(LONGEST):
            await stays
        assert gone.cancelled()

    asyncio.run(main())


def test_an_end_with_nothing_to_write_is_none_to_complain_of(
    path: Path, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    ledger = LedgerWriter(path)
    ledger.start()
    ledger.close()
    assert raised == []


def test_old_rows_go(path: Path, records: Records) -> None:
    for keep_days in (100, 2):  # the second run finds what the first has written
        ledger = LedgerWriter(path, keep_days)
        ledger.start()
        for days in (0, 1, 3, 9):
            ledger.write(row(f"{keep_days}-{days}", opened_at=time.time() - days * DAY))
        ledger.close()
    assert read(path, "SELECT id FROM call ORDER BY number") == [("100-0",), ("100-1",), ("2-0",), ("2-1",)]


@pytest.mark.parametrize(("ship", "lost"), [(True, 1), (False, 0)])
def test_old_rows_that_were_never_carried_are_told(path: Path, records: Records, ship: bool, lost: int) -> None:
    for keep_days in (100, 2):
        ledger = LedgerWriter(path, keep_days, ship=ship)
        ledger.start()
        for days in (1, 3):
            ledger.write(row(f"{keep_days}-{days}", opened_at=time.time() - days * DAY))
            ledger.write(row(f"{keep_days}-{days}", opened_at=time.time() - days * DAY, state="closed"))
        if keep_days == 100:
            ledger.close()
            with contextlib.closing(sqlite3.connect(path)) as connection, connection:
                connection.execute("UPDATE call SET due = NULL WHERE id = '100-1'")
    eventually(lambda: ("100-3",) not in read(path, "SELECT id FROM call"))
    ledger.close()
    assert ledger.lost >= lost
    assert bool(records.of("ledger_rows_expired")) == bool(lost)


def test_a_file_that_was_removed_is_begun_anew_and_told_of(ledger: LedgerWriter, records: Records) -> None:
    asyncio.run(ledger.open(row("a")))
    for file in ledger.path.parent.iterdir():
        file.unlink()
    asyncio.run(ledger.open(row("b")))
    asyncio.run(ledger.open(row("c")))
    assert read(ledger.path, "SELECT id FROM call ORDER BY 1") == [("b",), ("c",)]
    assert ledger.replaced == 1
    (told,) = records.of("ledger_replaced")
    assert (told["level"], told["path"]) == ("error", str(ledger.path))


def test_a_file_that_was_put_in_its_place_is_used_and_told_of(
    ledger: LedgerWriter, records: Records, tmp_path: Path
) -> None:
    asyncio.run(ledger.open(row("a")))
    other = LedgerWriter(tmp_path / "other.sqlite")
    other.start()
    other.close()
    other.path.replace(ledger.path)
    asyncio.run(ledger.open(row("b")))
    assert ("b",) in read(ledger.path, "SELECT id FROM call")
    assert (ledger.replaced, len(records.of("ledger_replaced"))) == (1, 1)


def test_a_trial_writes_no_row(ledger: LedgerWriter) -> None:
    asyncio.run(ledger.open(None))
    assert read(ledger.path, "SELECT count(*) FROM call") == [(0,)]


def test_a_trial_finds_a_file_that_can_not_be_written(ledger: LedgerWriter) -> None:
    other = sqlite3.connect(ledger.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="locked"):
        asyncio.run(ledger.open(None))
    other.close()
    asyncio.run(ledger.open(None))
    assert ledger.lost == 0


def test_a_row_says_who_wrote_it(path: Path, records: Records) -> None:
    for _ in range(2):
        ledger = LedgerWriter(path)
        ledger.start()
        asyncio.run(ledger.open(row(str(_))))
        ledger.close()
    assert read(path, "SELECT id, run FROM call ORDER BY 1") == [("0", 1), ("1", 2)]
    assert read(path, "SELECT count(*) FROM run WHERE began_at > 1e9") == [(2,)]


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
INSERT INTO call (id, opened_at, state, decision) VALUES ('a', 1e10, 'closed', 'failed'), ('b', 1e10, 'open', NULL);
INSERT INTO call_project VALUES (1, 'ri.b'), (1, 'ri.a');
PRAGMA user_version = 1;
"""

SECOND_TABLES = """
CREATE TABLE call (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, opened_at REAL NOT NULL, state TEXT NOT NULL, decision TEXT,
    error TEXT, caller TEXT, projects TEXT, model TEXT, provider_model TEXT, region TEXT, status INTEGER,
    usage_status TEXT, input_tokens INTEGER, cached_tokens INTEGER, output_tokens INTEGER, reasoning_tokens INTEGER,
    total_tokens INTEGER, cost REAL, trace_id TEXT, duration_total REAL, duration_sidecar REAL, duration_provider REAL
) STRICT;
CREATE INDEX call_opened_at ON call (opened_at);
INSERT INTO call (id, opened_at, state, projects, decision) VALUES
    ('a', 1e10, 'closed', 'ri.a + ri.b', 'failed'), ('b', 1e10, 'open', NULL, NULL),
    ('s', 1e10, 'closed', NULL, 'served'), ('r', 1e10, 'closed', NULL, 'refused');
PRAGMA user_version = 2;
"""


THIRD_TABLES = """
CREATE TABLE call (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, opened_at REAL NOT NULL, state TEXT NOT NULL, decision TEXT,
    outcome TEXT, error TEXT, caller TEXT, projects TEXT, model TEXT, provider_model TEXT, region TEXT, status INTEGER,
    usage_status TEXT, input_tokens INTEGER, cached_tokens INTEGER, cache_write_tokens INTEGER, output_tokens INTEGER,
    reasoning_tokens INTEGER, total_tokens INTEGER, cost REAL, trace_id TEXT, duration_total REAL,
    duration_sidecar REAL, duration_provider REAL, policy TEXT, run INTEGER, due INTEGER
) STRICT;
CREATE INDEX call_opened_at ON call (opened_at);
CREATE INDEX call_due ON call (number) WHERE due IS NOT NULL;
CREATE TABLE run (run INTEGER PRIMARY KEY, began_at REAL NOT NULL, pod TEXT, namespace TEXT, version TEXT) STRICT;
INSERT INTO call (id, opened_at, state, projects, decision, outcome) VALUES
    ('a', 1e10, 'closed', 'ri.a + ri.b', 'allowed', 'provider_error'), ('b', 1e10, 'open', NULL, NULL, NULL);
PRAGMA user_version = 3;
"""


@pytest.mark.parametrize(
    ("tables", "more"),
    [
        (FIRST_TABLES, []),
        (SECOND_TABLES, [("s", None, "closed", "allowed", "served"), ("r", None, "closed", "refused", "refused")]),
        (THIRD_TABLES, []),
    ],
    ids=["first", "second", "third"],
)
def test_a_ledger_of_an_older_version_is_brought_up_to_date(
    path: Path, records: Records, tables: str, more: list[Any]
) -> None:
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(tables)
    check(path)
    with pytest.raises(LedgerError, match="when it starts"):
        connect_to_read(path)
    for name in ("c", "d"):
        ledger = LedgerWriter(path)
        ledger.start()
        asyncio.run(ledger.open(row(name, cache_write_tokens=1)))
        ledger.close()
    assert read(path, "SELECT id, projects, state, decision, outcome FROM call ORDER BY number") == [
        ("a", "ri.a + ri.b", "closed", "allowed", "provider_error"),
        ("b", None, "open", None, None),
        *more,
        ("c", None, "open", None, None),
        ("d", None, "open", None, None),
    ]


def structure(path: Path) -> dict[str, list[tuple[str, str]]]:
    tables = read(path, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
    found = {name: sorted(read(path, f"SELECT name, type FROM pragma_table_info('{name}')")) for (name,) in tables}
    return found | {"indexes": read(path, "SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' ORDER BY 1")}


def test_tables_brought_up_to_date_are_those_made_new(tmp_path: Path) -> None:
    made = []
    for name, tables in (("new", ""), ("first", FIRST_TABLES), ("second", SECOND_TABLES), ("third", THIRD_TABLES)):
        with contextlib.closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.executescript(tables)
        ledger_file.connect(tmp_path / name).close()
        made.append(structure(tmp_path / name))
    assert all(each == made[0] for each in made)


@pytest.mark.parametrize(
    ("rids", "expected"),
    [
        ((), None),
        (("ri.b", "ri.a"), "ri.a + ri.b"),
        ([f"ri.{n:02}{'x' * 250}" for n in range(32)], 8),
    ],
)
def test_projects_are_one_bounded_text(rids: Sequence[str], expected: str | int | None) -> None:
    text = projects(rids)
    if isinstance(expected, int):
        assert text
        assert text.split(" + ") == [*rids[: expected - 1], "…"]
    else:
        assert text == expected


def test_the_file_is_for_our_eyes_alone(ledger: LedgerWriter) -> None:
    asyncio.run(ledger.open(row("a")))
    modes = {each.name: oct(each.stat().st_mode & 0o777) for each in ledger.path.parent.iterdir()}
    assert modes == {"usage.sqlite": "0o600", "usage.sqlite-wal": "0o600", "usage.sqlite-shm": "0o600"}


def foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE other (x)")
    connection.close()


def later(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (foreign, "version 0.*move the file away"),
        (later, "by a newer sidecar.*Name another file"),
        (lambda path: path.write_text("not a database " * 99), "not a database"),
        (lambda path: path.mkdir(), "it is no file.*Name another file"),
        (os.mkfifo, "it is no file"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("/dev/zero"), "it is no file"),
    ],
    ids=["another's tables", "a later version", "no database", "a folder", "a FIFO", "a loop of links", "a device"],
)
def test_what_is_no_ledger_is_left_alone(tmp_path: Path, make: Any, says: str) -> None:
    path = tmp_path / "usage.sqlite"
    make(path)
    for use in (ledger_file.connect, check, connect_to_read):
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
