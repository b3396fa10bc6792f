"""Rows on their way from the local ledger to the shared one."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from addons.usage import shipper
from addons.usage.ledger_writer import LedgerWriter
from addons.usage.memory_ledger import MemoryLedger
from addons.usage.rows_on_disk import Left, RowsOnDisk
from addons.usage.shared_ledger import SharedLedger, SharedLedgerError
from addons.usage.shipper import Shipper
from tests.records import Records
from tests.usage.postgres import Postgres, own_postgres, postgres, postgres_process
from tests.waiting import LONGEST, eventually

__all__ = ["own_postgres", "postgres", "postgres_process"]

READ = "SELECT id, state FROM foundry_usage.call ORDER BY id"


@pytest.fixture
def ledger(tmp_path: Path, records: Records) -> Iterator[LedgerWriter]:
    ledger = LedgerWriter(tmp_path / "usage.sqlite", ship=True, run={"pod": "pod-1", "namespace": "ns", "version": "1"})
    ledger.start()
    yield ledger
    ledger.close()


def write(ledger: LedgerWriter, name: str, **columns: Any) -> None:
    ledger.write({"id": name, "opened_at": time.time(), "state": "closed", **columns})


@contextmanager
def shipping(ledger: LedgerWriter, server: Postgres, role: str = "owner") -> Iterator[Shipper]:
    """Ends as the sidecar does: the ledger first, so that whatever was written before is carried."""
    each = Shipper(RowsOnDisk(ledger.path), SharedLedger(server.url(role), deadline=2.0), every=0.05)
    each.start()
    try:
        yield each
    finally:
        ledger.close()
        asyncio.run(each.stop())


def test_rows_are_carried_with_who_wrote_them(ledger: LedgerWriter, postgres: Postgres) -> None:
    with shipping(ledger, postgres) as each:
        for number in range(1200):  # more than two batches
            write(ledger, f"{number:04}")
        eventually(lambda: each.shipped == 1200)
    assert len(postgres.ask(READ)) == 1200
    assert postgres.ask("SELECT DISTINCT pod, namespace, version FROM foundry_usage.call") == [("pod-1", "ns", "1")]
    assert (each.waiting, each.lag, each.failing) == (0, 0.0, None)


def test_an_open_row_waits_for_its_end_and_is_carried_at_the_end_of_the_process(
    ledger: LedgerWriter, postgres: Postgres
) -> None:
    with shipping(ledger, postgres) as each:
        asyncio.run(ledger.open({"id": "a", "opened_at": time.time(), "state": "open"}))
        write(ledger, "b")
        eventually(lambda: each.shipped == 1)
        assert postgres.ask(READ) == [("b", "closed")]
    assert postgres.ask(READ) == [("a", "open"), ("b", "closed")]


def test_an_open_row_of_a_long_call_is_carried_twice(ledger: LedgerWriter, postgres: Postgres) -> None:
    row = {"id": "a", "opened_at": time.time() - 60}
    with shipping(ledger, postgres) as each:
        asyncio.run(ledger.open({**row, "state": "open"}))
        eventually(lambda: each.shipped == 1)
        assert postgres.ask(READ) == [("a", "open")]
        ledger.write({**row, "state": "closed"})
        eventually(lambda: each.shipped == 2)
    assert postgres.ask(READ) == [("a", "closed")]


def test_an_outage_loses_nothing(ledger: LedgerWriter, own_postgres: Postgres, records: Records) -> None:
    with shipping(ledger, own_postgres) as each:
        write(ledger, "a")
        eventually(lambda: each.shipped == 1)
        own_postgres.stop()
        write(ledger, "b")
        records.wait("usage_not_shipped")
        assert each.waiting == 1
        own_postgres.start()
        write(ledger, "c")
        records.wait("usage_shipped_again")
    assert own_postgres.ask(READ) == [("a", "closed"), ("b", "closed"), ("c", "closed")]


def test_what_is_left_at_the_end_is_told_and_carried_by_the_next_start(
    ledger: LedgerWriter, own_postgres: Postgres, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipper, "STOP_SECONDS", 0.5)
    own_postgres.stop()
    write(ledger, "a")
    with shipping(ledger, own_postgres):
        records.wait("usage_not_shipped")
    (left,) = records.of("usage_left_on_disk")
    assert left["rows"] == 1
    own_postgres.start()
    with shipping(ledger, own_postgres) as each:
        eventually(lambda: each.shipped == 1)
    assert own_postgres.ask(READ) == [("a", "closed")]


def test_what_came_after_the_last_look_is_told_too(
    ledger: LedgerWriter, own_postgres: Postgres, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database hangs in the midst of a batch, and it is still waited for when the end comes."""
    monkeypatch.setattr(shipper, "STOP_SECONDS", 0.5)
    each = Shipper(RowsOnDisk(ledger.path), SharedLedger(own_postgres.url()), every=0.05)
    each.start()
    write(ledger, "a")
    eventually(lambda: each.shipped == 1)
    own_postgres.freeze()
    write(ledger, "b")
    eventually(lambda: each.waiting == 1)
    write(ledger, "c")
    ledger.close()
    thread = each._thread
    asyncio.run(each.stop())
    (left,) = records.of("usage_left_on_disk")
    assert left["rows"] == 2
    own_postgres.thaw()
    assert thread
    thread.join(LONGEST)


def test_two_that_carry_the_same_ledger_write_each_row_once(ledger: LedgerWriter, postgres: Postgres) -> None:
    with shipping(ledger, postgres) as one, shipping(ledger, postgres) as other:
        for number in range(300):
            write(ledger, str(number))
        eventually(lambda: one.shipped + other.shipped >= 300)
    assert len(postgres.ask(READ)) == 300


def test_a_row_that_is_never_taken_keeps_no_other_back(
    ledger: LedgerWriter, postgres: Postgres, records: Records
) -> None:
    with shipping(ledger, postgres) as each:
        write(ledger, "a")
        write(ledger, "b", caller="\0")
        write(ledger, "c")
        eventually(lambda: each.shipped == 2)
    assert postgres.ask(READ) == [("a", "closed"), ("c", "closed")]
    (told,) = records.of("usage_row_not_taken")
    assert told["call.id"] == "b"
    assert each.not_taken == 1


class WrittenMeanwhile:
    """Rows of which the last comes while the shipper looks, just before it is told to stop."""

    def __init__(self) -> None:
        self.carried: list[str] = []
        self.looks = 0
        self.looking, self.go_on = threading.Event(), threading.Event()

    def due(self, patience: float, most: int) -> tuple[list[dict[str, Any]], tuple[int, float | None]]:
        self.looks += 1
        if self.looks == 1:
            self.looking.set()
            assert self.go_on.wait(LONGEST)
            return [], (0, None)
        return [{"id": "last"}][len(self.carried) :], self.left()

    def done(self, rows: Sequence[Mapping[str, Any]]) -> tuple[int, float | None]:
        self.carried += [row["id"] for row in rows]
        return self.left()

    def left(self) -> tuple[int, float | None]:
        return 1 - len(self.carried), None

    def tell_left(self, rows: int, why: str | None) -> None:
        raise AssertionError(f"{rows} left: {why}")


class Taking:
    """A shared ledger that takes all."""

    async def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        pass

    async def close(self) -> None:
        pass


def test_a_row_that_came_during_the_last_look_is_carried_too() -> None:
    """Of a ledger in memory it would be lost."""
    rows = WrittenMeanwhile()
    each = Shipper(rows, Taking())  # type: ignore[arg-type]  # the two functions that are called

    async def stop() -> None:
        assert await asyncio.to_thread(rows.looking.wait, LONGEST)
        stopping = asyncio.create_task(each.stop())
        await asyncio.sleep(0)  # so that it has been told
        rows.go_on.set()
        await stopping

    each.start()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "shipper")
    assert thread.daemon, "so that a database that hangs keeps no process alive"
    asyncio.run(stop())
    assert not thread.is_alive()
    assert (rows.carried, rows.looks) == (["last"], 2)


class Kept(MemoryLedger):
    """Rows that wait in memory; ``looks``: how often somebody asked for those that are due."""

    def __init__(self, *names: str) -> None:
        super().__init__(len(names), {})
        self.looks = 0
        for name in names:
            self.write({"id": name, "opened_at": time.time(), "state": "closed"})

    def due(self, patience: float, most: int) -> tuple[list[dict[str, Any]], Left]:
        self.looks += 1
        return super().due(patience, most)


@contextmanager
def carrying(rows: Kept, shared: Taking) -> Iterator[Shipper]:
    each = Shipper(rows, shared, every=LONGEST)  # type: ignore[arg-type]  # of the shared one two functions are called
    each.start()
    try:
        yield each
    finally:
        asyncio.run(each.stop())


def test_behind_a_full_batch_there_is_no_pause_and_behind_the_last_there_is() -> None:
    rows = Kept(*map(str, range(2 * shipper.BATCH)))
    with carrying(rows, Taking()) as each:
        eventually(lambda: each.shipped == 2 * shipper.BATCH)
        eventually(lambda: rows.looks == 3)
        time.sleep(0.1)  # in which one that paused for nothing would have looked often
        assert rows.looks == 3


class Spoilt(Taking):
    """Takes rows one by one, since one would spoil the others; and is gone for some time when asked for the second."""

    def __init__(self) -> None:
        self.gone = True
        self.taken: list[str] = []

    async def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if len(rows) > 1:
            raise SharedLedgerError("one of them", rows_at_fault=True)
        if rows[0]["id"] == "b" and self.gone:
            self.gone = False
            raise SharedLedgerError("gone")
        self.taken.append(rows[0]["id"])


def test_an_outage_while_rows_are_tried_one_by_one_loses_none(records: Records) -> None:
    rows, shared = Kept("a", "b", "c"), Spoilt()
    with carrying(rows, shared) as each:
        records.wait("usage_not_shipped")
        eventually(lambda: each.shipped == 3)
    assert (shared.taken, each.not_taken, rows.left().rows) == (["a", "b", "c"], 0, 0)
    assert records.of("usage_not_shipped")[0]["why"] == "gone"
