"""Carries rows of the local ledger to the shared one.

A row waits in the local ledger until the shared one has it. On the disk it waits through an outage of hours, a killed
process and its next start. It may be carried twice, which changes nothing. A thread of its own with an event loop of
its own does it, so that calls wait for none of this.
"""

import asyncio
import random
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

import structlog

from addons.usage.ledger_file import LedgerError
from addons.usage.rows_on_disk import Left, Row
from addons.usage.shared_ledger import SharedLedger, SharedLedgerError

BATCH: Final = 500  # rows
EVERY: Final = 2.0  # seconds between two looks where nothing is left over
PATIENCE: Final = 5.0  # seconds an open row waits for its end, to be carried once
LONGEST_BACK_OFF: Final = 60.0  # seconds
STOP_SECONDS: Final = 5.0  # for what is left at the end

_log = structlog.get_logger("sidecar.shipper")


class Waiting(Protocol):
    """Rows that wait for the shared ledger, as ``RowsOnDisk`` has them."""

    def due(self, patience: float, most: int) -> tuple[list[Row], Left]: ...

    def done(self, rows: Sequence[Row]) -> Left: ...

    def left(self) -> Left: ...

    def tell_left(self, rows: int, why: str | None) -> None: ...


class Shipper:
    """``shared`` is used by the thread alone. ``every``: seconds between two looks.

    Attributes:
        shipped: rows carried since the start, those twice that were first carried open.
        not_taken: rows that the shared ledger will never take, since the start; each was told.
        waiting: rows that are to be carried, as of the last look.
        lag: seconds the oldest of them has waited.
        failing: why the last attempt failed; None when it did not.
    """

    def __init__(self, rows: Waiting, shared: SharedLedger, every: float = EVERY) -> None:
        self.shipped = 0
        self.not_taken = 0
        self.waiting = 0
        self.failing: str | None = None
        self._oldest: float | None = None
        self._rows = rows
        self._shared = shared
        self._every = every
        self._end = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ship_all()), name="shipper", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Carries what is left, for some seconds at most; the rest stays where it is, and is told."""
        if self._thread is None:
            return
        self._end.set()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._woken.set)
        await asyncio.to_thread(self._thread.join, STOP_SECONDS + 1)
        self._thread = None
        await asyncio.to_thread(self._count)
        if self.waiting:
            self._rows.tell_left(self.waiting, self.failing)

    @property
    def lag(self) -> float:
        return 0.0 if self._oldest is None else max(0.0, time.time() - self._oldest)

    def _count(self) -> None:
        """Looks again at the end: the last attempt may have begun before the last rows came."""
        with suppress(sqlite3.Error, LedgerError):
            self.waiting, self._oldest = self._rows.left()

    # on the thread

    async def _ship_all(self) -> None:
        self._loop = asyncio.get_running_loop()
        shared, pause, until = self._shared, 0.0, float("inf")
        while time.monotonic() < until:
            last = self._end.is_set()  # asked before the look, since rows may come while one is under way
            if last and until == float("inf"):
                until = time.monotonic() + STOP_SECONDS
            try:
                async with asyncio.timeout(None if until == float("inf") else max(0.0, until - time.monotonic())):
                    carried = await self._ship_some(shared)
            except (SharedLedgerError, LedgerError, sqlite3.Error, TimeoutError) as error:
                self._tell(str(error) or type(error).__name__)
                pause = min(LONGEST_BACK_OFF, 2 * pause or 1.0) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
                if self._end.is_set():
                    pause = min(pause, 0.5)
            except Exception as error:  # noqa: BLE001 - whatever it was, the rows stay and are tried again
                self._tell(type(error).__name__)
                pause = LONGEST_BACK_OFF
            else:
                self._tell(None)
                pause = 0.0 if carried == BATCH else self._every
                if last and carried < BATCH:
                    break
            await self._sleep(pause)
        await shared.close()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def _ship_some(self, shared: SharedLedger) -> int:
        """How many rows it took from the local ledger."""
        due, (self.waiting, self._oldest) = self._rows.due(0.0 if self._end.is_set() else PATIENCE, BATCH)
        try:
            await self._carry(shared, due)
        except SharedLedgerError as error:
            if not error.rows_at_fault:
                raise
            for row in due:  # one spoils the others: it alone shall stay behind
                await self._carry_alone(shared, row)
        return len(due)

    async def _carry(self, shared: SharedLedger, due: Sequence[Row]) -> None:
        if due:
            await shared.write(due)
            self.waiting, self._oldest = self._rows.done(due)
            self.shipped += len(due)

    async def _carry_alone(self, shared: SharedLedger, row: Row) -> None:
        try:
            await self._carry(shared, [row])
        except SharedLedgerError as error:
            if not error.rows_at_fault:
                raise
            _log.error("usage_row_not_taken", why=str(error), **{"call.id": row["id"]})
            self.not_taken += 1
            self.waiting, self._oldest = self._rows.done([row])

    def _tell(self, why: str | None) -> None:
        if why == self.failing:
            return
        if why is None:
            _log.info("usage_shipped_again", rows=self.shipped)
        else:
            _log.warning(
                "usage_not_shipped",
                why=why,
                rows=self.waiting,
                meaning="rows stay in the local ledger and are carried to usage.shared when it can be had",
            )
        self.failing = why
