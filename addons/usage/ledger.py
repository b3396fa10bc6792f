"""The usage ledger: one row a call, opened before the call leaves and closed when it has ended.

One thread writes, in batches: whatever has come while it wrote the last batch is the next, so the wait for a row is
about one commit, however many calls there are. Each turn the thread takes at Python's lock costs the calls more than
what it does in it, so a batch is one statement and is told of once, and closings, which nobody waits for, wake nothing.
"""

import asyncio
import functools
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from addons.usage.ledger_file import LedgerError, connect

COLUMNS: Final = (
    "id", "opened_at", "state", "decision", "error", "caller", "projects", "model", "provider_model", "region",
    "status", "usage_status", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "total_tokens",
    "cost", "trace_id", "duration_total", "duration_sidecar", "duration_provider",
)  # fmt: skip
"""Of table ``call``, as ``ledger_file`` describes them."""

MOST_WAITING: Final = 20_000  # rows; some 20 MB
NO_ROOM: Final = "the ledger is not open, or more rows wait to be written than may wait"
_BATCH: Final = 100  # rows a statement, which SQLite prepares once for each number of rows
_LINGER: Final = 0.02  # seconds a closing waits for the next opening, to be written with it
_OPEN_SECONDS: Final = 5.0  # a call waits no longer for its row
_PURGE_EVERY: Final = 3600.0  # seconds
_PURGE_ROWS: Final = 5_000  # a transaction, so that calls are not kept waiting
_DAY: Final = 86_400.0

_INSERT: Final = f"INSERT INTO call ({', '.join(COLUMNS)}) VALUES "  # noqa: S608 - our own words
_ROW: Final = f"({', '.join('?' * len(COLUMNS))})"
_CLOSE: Final = (
    " ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in {"id", "opened_at"})
    + " WHERE call.state = 'open'"
)
_PURGE: Final = "DELETE FROM call WHERE number IN (SELECT number FROM call WHERE opened_at < ? LIMIT ?)"

_log = structlog.get_logger("sidecar.ledger")


@dataclass(frozen=True, slots=True)
class _Entry:
    row: Mapping[str, Any]
    opened: asyncio.Future[None] | None = None  # waited for; none for a closing
    queued_at: float = field(default_factory=time.monotonic)


class Ledger:
    """``start`` opens the file and the thread, ``close`` writes what waits and ends both. One event loop uses it."""

    def __init__(self, path: Path, keep_days: int = 90) -> None:
        self.path = path
        self.lost = 0  # rows that were not written, since the start
        self._keep = keep_days * _DAY
        self._waiting: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._closings: deque[_Entry] = deque()
        self._timed = False  # whether the closings are handed over soon
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
            self._hand_over()
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
        return self._waiting.qsize() + len(self._closings)

    async def open(self, row: Mapping[str, Any]) -> None:
        """Writes a row, columns by name, and returns once it is committed.

        Raises:
            LedgerError: it was not written, or not in time.
        """
        if not self._room():
            raise LedgerError(NO_ROOM)
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hand_over()
        self._waiting.put(_Entry(row, opened))
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                await opened
        except TimeoutError:
            raise LedgerError(f"the row was not written within {_OPEN_SECONDS:.0f} seconds") from None

    def write(self, row: Mapping[str, Any]) -> None:
        """Has a row written, or the open row of the same id closed. Waits for nothing and raises nothing."""
        if not self._room():
            self._lose(1, NO_ROOM)
            return
        self._closings.append(_Entry(row))
        if self._timed:
            return
        try:
            asyncio.get_running_loop().call_later(_LINGER, self._in_time)
        except RuntimeError:  # no event loop
            self._hand_over()
        else:
            self._timed = True

    def _in_time(self) -> None:
        self._timed = False
        self._hand_over()

    def _room(self) -> bool:
        return self._thread is not None and self.waiting < MOST_WAITING

    def _hand_over(self) -> None:
        """Gives the thread the closings, after whatever it was given before: none overtakes its opening."""
        while self._closings:
            self._waiting.put(self._closings.popleft())

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
            self._lose(sum(entry.opened is None for entry in batch), str(error))
        else:
            _tell(batch, None)
            self._purge(self._connection)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _next_batch(self) -> tuple[list[_Entry], bool]:
        """What waits, and whether there may be more."""
        batch: list[_Entry] = []
        entry = self._waiting.get()
        while entry is not None:
            batch.append(entry)
            if len(batch) == _BATCH or self._waiting.empty():
                return batch, True
            entry = self._waiting.get_nowait()  # this thread alone takes from it
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
    if batch:
        connection.execute(_statement(len(batch)), [entry.row.get(name) for entry in batch for name in COLUMNS])


@functools.cache
def _statement(rows: int) -> str:
    return _INSERT + ", ".join([_ROW] * rows) + _CLOSE


def _tell(batch: Sequence[_Entry], error: Exception | None) -> None:
    """On the writer's thread. All who wait do so in one event loop, which is woken once."""
    if waiting := [entry.opened for entry in batch if entry.opened]:
        with suppress(RuntimeError):  # the event loop that waited has ended
            waiting[0].get_loop().call_soon_threadsafe(_settle, waiting, error)


def _settle(waiting: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
    for opened in waiting:
        if opened.done():  # no longer waited for
            continue
        if error:
            opened.set_exception(LedgerError(str(error)))
        else:
            opened.set_result(None)
