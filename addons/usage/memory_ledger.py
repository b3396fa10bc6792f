"""The ledger in the memory of the process, for a pod without a disk: rows wait in it for the shared ledger alone.

Whatever ends the process ends the rows that were not carried by then. There is a most of rows, so that a database that
is away for long takes no more memory. Where it is reached no row is opened. A call whose row is open keeps its place
until it has ended, so that its end is never lost.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog

from addons.usage.ledger_file import LedgerError
from addons.usage.rows_on_disk import Left, Row

FULL: Final = "as many rows as usage.memory_rows allows wait in memory for usage.shared"

_log = structlog.get_logger("sidecar.ledger")


class MemoryLedger:
    """What ``LedgerWriter`` is to calls, and ``RowsOnDisk`` to the shipper, whose thread reads.

    ``run`` describes the process, by columns of the shared ledger.

    Attributes:
        lost: rows of which none was kept, since the start.
    """

    lag = 0.0
    waiting = 0
    replaced = 0

    def __init__(self, most: int, run: Mapping[str, str | None]) -> None:
        self.lost = 0
        self._most = most
        self._run = run
        self._rows: dict[str, Row] = {}  # what is due
        self._under_way: set[str] = set()  # carried as open: a place is kept for their ends
        self._lock = threading.Lock()
        self._told = False

    def start(self) -> None:
        """There is nothing to open."""

    def close(self) -> None:
        """There is nothing that waits to be written."""

    async def open(self, row: Mapping[str, Any] | None) -> None:
        """Keeps a row, columns by name. Without a row it tries whether one could be kept.

        Raises:
            LedgerError: it could not.
        """
        if not self._kept(row):
            raise LedgerError(FULL)

    def write(self, row: Mapping[str, Any]) -> None:
        """Keeps a row, or the closing of the open row with the same id. Raises nothing."""
        if self._kept(row):
            return
        self.lost += 1
        if not self._told:
            self._told = True  # until there is room again; the metric counts the others
            _log.error("ledger_rows_lost", rows=self.lost, why=FULL, meaning="these calls and more are in no ledger")

    def _kept(self, row: Mapping[str, Any] | None) -> bool:
        with self._lock:
            name = row["id"] if row else None
            room = len(self._rows) + len(self._under_way) < self._most
            if room:
                self._told = False
            elif not (name in self._rows or name in self._under_way):
                return False
            if row:
                self._under_way.discard(row["id"])
                self._rows[row["id"]] = {**row, **self._run}
            return True

    # on the shipper's thread

    def due(self, patience: float, most: int) -> tuple[list[Row], Left]:
        """As ``RowsOnDisk`` has it; it never fails."""
        before = time.time() - patience
        with self._lock:
            rows, left = list(self._rows.values()), self._left()
        return [row for row in rows if row["state"] != "open" or row["opened_at"] < before][:most], left

    def done(self, rows: Sequence[Row]) -> Left:
        with self._lock:
            for row in rows:
                if self._rows.get(row["id"]) is not row:  # closed meanwhile
                    continue
                del self._rows[row["id"]]
                if row["state"] == "open":
                    self._under_way.add(row["id"])
            return self._left()

    def left(self) -> Left:
        with self._lock:
            return self._left()

    def tell_left(self, rows: int, why: str | None) -> None:
        _log.error(
            "usage_lost_at_the_end", rows=rows, why=why, meaning="they were in memory alone (usage.ledger: memory)"
        )

    def _left(self) -> Left:
        return Left(len(self._rows), min((row["opened_at"] for row in self._rows.values()), default=None))
