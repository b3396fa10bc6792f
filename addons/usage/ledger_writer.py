"""The usage ledger: one row a call, opened before the call leaves and closed when it has ended.

One thread writes, in batches: whatever has come while it wrote the last batch is the next, so the wait for a row is
about one commit, however many calls there are. Each turn the thread takes at Python's lock costs the calls more than
what it does in it, so a batch is one statement and is told of once, and closings, which nobody waits for, wake nothing.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog

from addons.usage.ledger_file import LedgerError, LedgerFile

MOST_WAITING: Final = 20_000  # rows; some 20 MB
NO_ROOM: Final = "the ledger is not open, or more rows wait to be written than may wait"
_BATCH: Final = 100  # rows a statement, which SQLite prepares once for each number of rows
_LINGER: Final = 0.02  # seconds a closing waits for the next opening, to be written with it
_OPEN_SECONDS: Final = 5.0  # a call waits no longer for its row

_log = structlog.get_logger("sidecar.ledger")


class _Entry(NamedTuple):
    """``row`` is None for a mere trial; ``opened`` is waited for, and None for a closing."""

    row: Mapping[str, Any] | None
    opened: asyncio.Future[None] | None
    queued_at: float


class LedgerWriter:
    """``start`` opens the file and the thread, ``close`` writes what waits and ends both. One event loop uses it.

    ``ship`` and ``run`` as of ``LedgerFile``.

    Attributes:
        lost: rows that were not written, or deleted before they were carried, since the start.
        replaced: how often the file was found removed or another, since the start; each time a new one was begun.
    """

    def __init__(
        self, path: Path, keep_days: int = 90, *, ship: bool = False, run: Mapping[str, str | None] | None = None
    ) -> None:
        self.path = path
        self.lost = 0
        self._file = LedgerFile(path, keep_days, ship=ship, run=run)
        self._waiting: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._closings: deque[_Entry] = deque()
        self._timed = False  # whether the closings are handed over soon
        self._oldest: float | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises LedgerError: the file can't be used."""
        self._file.try_out()
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

    @property
    def replaced(self) -> int:
        return self._file.replaced

    async def open(self, row: Mapping[str, Any] | None) -> None:
        """Writes a row, columns by name, and returns once it is committed.

        Without a row it tries whether one could be written.

        Raises:
            LedgerError: it was not written, or not in time.
        """
        if not self._room():
            raise LedgerError(NO_ROOM)
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        self._hand_over()
        self._waiting.put(_Entry(row, opened, time.monotonic()))
        late = loop.call_later(_OPEN_SECONDS, _too_late, opened)
        try:
            await opened
        finally:
            late.cancel()

    def write(self, row: Mapping[str, Any]) -> None:
        """Queues a row, or the closing of the open row with the same id. Returns at once and raises nothing."""
        if not self._room():
            self._lose(1, NO_ROOM)
            return
        self._closings.append(_Entry(row, None, time.monotonic()))
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

    # on the thread

    def _write_all(self) -> None:
        going = True
        while going:
            batch, going = self._next_batch()
            self._oldest = batch[0].queued_at if batch else None
            self._commit(batch)
            self._oldest = None
        self._file.close()

    def _commit(self, batch: Sequence[_Entry]) -> None:
        try:
            self._file.write([entry.row for entry in batch if entry.row is not None])
        except Exception as error:  # noqa: BLE001 - whatever it was, the next row may go better
            self._file.close()
            if len(batch) > 1 and not isinstance(error, sqlite3.OperationalError | LedgerError):
                for entry in batch:  # one row spoils the others: it alone shall fail
                    self._commit([entry])
                return
            _tell(batch, error)
            self._lose(sum(entry.opened is None for entry in batch), str(error))
        else:
            _tell(batch, None)
            if expired := self._file.purge():
                self.lost += expired
                _log.error("ledger_rows_expired", rows=expired, meaning="older than usage.keep_days, and never carried")

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


def _too_late(opened: asyncio.Future[None]) -> None:
    if not opened.done():
        opened.set_exception(LedgerError(f"the row was not written within {_OPEN_SECONDS:.0f} seconds"))


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
