"""The usage ledger: one row a call, opened before the call leaves and closed when it has ended.

One thread writes, in batches: whatever has come while it wrote the last batch is the next, so the wait for a row is
about one commit, however many calls there are.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from addons.stores.ledger_file import LedgerError, connect

COLUMNS: Final = (
    "id", "opened_at", "state", "decision", "error", "caller", "model", "provider_model", "region", "status",
    "usage_status", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "total_tokens", "cost",
    "trace_id", "duration_total", "duration_sidecar", "duration_provider",
)  # fmt: skip
"""Of table ``call``, as ``ledger_file`` describes them."""

MOST_WAITING: Final = 20_000  # rows; some 20 MB
NO_ROOM: Final = "the ledger is not open, or more rows wait to be written than may wait"
_BATCH: Final = 500  # rows a transaction
_LINGER: Final = 0.02  # seconds
_OPEN_SECONDS: Final = 5.0  # a call waits no longer for its row
_PURGE_EVERY: Final = 3600.0  # seconds
_PURGE_ROWS: Final = 5_000  # a transaction, so that calls are not kept waiting
_DAY: Final = 86_400.0

_WRITE: Final = (
    f"INSERT INTO call ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{name}' for name in COLUMNS)})"  # noqa: S608 - our own words
    " ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in {"id", "opened_at"})
    + " WHERE call.state = 'open'"
)
_NUMBER: Final = " RETURNING number"
_ATTRIBUTE: Final = "INSERT OR IGNORE INTO call_project (call, project) VALUES (?, ?)"
_PURGE: Final = "DELETE FROM call WHERE number IN (SELECT number FROM call WHERE opened_at < ? LIMIT ?)"

_log = structlog.get_logger("sidecar.ledger")


@dataclass(frozen=True, slots=True)
class _Entry:
    row: Mapping[str, Any]
    projects: Sequence[str]
    written: Callable[[Exception | None], None] | None = None  # called on the writer's thread
    queued_at: float = field(default_factory=time.monotonic)


class Ledger:
    """``start`` opens the file and the thread, ``close`` writes what waits and ends both."""

    def __init__(self, path: Path, keep_days: int = 90) -> None:
        self.path = path
        self.lost = 0  # rows that were not written, since the start
        self._keep = keep_days * _DAY
        self._waiting: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._oldest: float | None = None
        self._purged_at = float("-inf")
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None  # the thread's own

    def start(self) -> None:
        """Raises LedgerError: the file can't be used."""
        connect(self.path).close()  # a connection belongs to the thread that makes it
        self._thread = threading.Thread(target=self._write_all, name="ledger", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Returns when everything is written, at the latest after some seconds; may be called twice."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(_OPEN_SECONDS)
            self._thread = None

    @property
    def lag(self) -> float:
        """Seconds the oldest row in the batch under way has waited; 0 when all is written."""
        oldest = self._oldest
        return 0.0 if oldest is None else time.monotonic() - oldest

    @property
    def waiting(self) -> int:
        return self._waiting.qsize()

    async def open(self, row: Mapping[str, Any], projects: Sequence[str] = ()) -> None:
        """Writes a row, columns by name, and returns once it is committed.

        Raises:
            LedgerError: it was not written, or not in time.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle(error: Exception | None) -> None:
            if done.done():
                return
            if error:
                done.set_exception(error)
            else:
                done.set_result(None)

        def written(error: Exception | None) -> None:
            loop.call_soon_threadsafe(settle, error)

        if not self._put(_Entry(row, projects, written)):
            raise LedgerError(NO_ROOM)
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                await done
        except TimeoutError:
            raise LedgerError(f"the row was not written within {_OPEN_SECONDS:.0f} seconds") from None
        except Exception as error:  # what the writer met
            raise LedgerError(str(error)) from error

    def write(self, row: Mapping[str, Any], projects: Sequence[str] = ()) -> None:
        """Has a row written, or the open row of the same id closed. Waits for nothing and raises nothing."""
        if not self._put(_Entry(row, projects)):
            self._lose(1, NO_ROOM)

    def _put(self, entry: _Entry) -> bool:
        if self._thread is None or self._waiting.qsize() >= MOST_WAITING:
            return False
        self._waiting.put(entry)
        return True

    def _write_all(self) -> None:
        going = True
        while going:
            batch, going = self._next_batch()
            self._oldest = batch[0].queued_at if batch else None
            self._commit(batch)
            self._oldest = None
        self._disconnect()

    def _commit(self, batch: Sequence[_Entry]) -> None:
        try:
            self._connection = self._connection or connect(self.path)
            _write(self._connection, batch)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next row may go better
            self._disconnect()
            if len(batch) > 1 and not isinstance(error, sqlite3.OperationalError | LedgerError):
                for entry in batch:  # one row spoils the others: it alone shall fail
                    self._commit([entry])
                return
            _tell(batch, error)
            self._lose(sum(entry.written is None for entry in batch), str(error))
        else:
            _tell(batch, None)
            self._purge(self._connection)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _next_batch(self) -> tuple[list[_Entry], bool]:
        """What waits, and whether there may be more. Closings, which nobody waits for, wait a moment for company."""
        batch: list[_Entry] = []
        entry = self._waiting.get()
        until = time.monotonic() + _LINGER
        while entry is not None:
            batch.append(entry)
            if entry.written:
                until = 0.0
            if len(batch) == _BATCH:
                return batch, True
            try:
                left = until - time.monotonic()
                entry = self._waiting.get(timeout=left) if left > 0 else self._waiting.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _lose(self, rows: int, why: str) -> None:
        if rows:
            self.lost += rows
            _log.error("ledger_rows_lost", rows=rows, why=why, meaning="served calls stay open there")

    def _purge(self, connection: sqlite3.Connection) -> None:
        if time.monotonic() - self._purged_at < _PURGE_EVERY:
            return
        try:
            if connection.execute(_PURGE, (time.time() - self._keep, _PURGE_ROWS)).rowcount < _PURGE_ROWS:
                self._purged_at = time.monotonic()
        except sqlite3.Error as error:
            self._purged_at = time.monotonic()
            _log.error("ledger_not_purged", why=str(error))


def _write(connection: sqlite3.Connection, batch: Sequence[_Entry]) -> None:
    """One transaction. A closing never overtakes its opening: both come through one queue."""
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for entry in batch:
            row = dict.fromkeys(COLUMNS) | dict(entry.row)
            if not entry.projects:
                connection.execute(_WRITE, row)
            elif written := connection.execute(_WRITE + _NUMBER, row).fetchone():
                connection.executemany(_ATTRIBUTE, [(written[0], project) for project in entry.projects])


def _tell(batch: Sequence[_Entry], error: Exception | None) -> None:
    for entry in batch:
        if entry.written:
            with suppress(RuntimeError):  # the event loop that waited has ended
                entry.written(error)
