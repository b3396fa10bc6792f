"""Rows in the local ledger's file that the shared ledger does not have yet."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog

from addons.usage.ledger_file import connect_to_read
from addons.usage.ledger_tables import COLUMNS

type Row = dict[str, Any]

_NAMES: Final = ("number", *COLUMNS, "pod", "namespace", "version")
_DUE: Final = (
    f"SELECT c.number, {', '.join(f'c.{name}' for name in COLUMNS)}, r.pod, r.namespace, r.version"  # noqa: S608 - our own words
    " FROM call AS c LEFT JOIN run AS r ON r.run = c.run"
    " WHERE c.due IS NOT NULL AND (c.state <> 'open' OR c.opened_at < ?) ORDER BY c.number LIMIT ?"
)
_DONE: Final = "UPDATE call SET due = NULL WHERE number = ? AND id = ? AND state = ?"
_LEFT: Final = "SELECT count(*), min(opened_at) FROM call WHERE due IS NOT NULL"

_log = structlog.get_logger("sidecar.shipper")


class Left(NamedTuple):
    """``oldest``: when the oldest of the rows was opened, in Unix time."""

    rows: int
    oldest: float | None


class RowsOnDisk:
    """Each method raises LedgerError, sqlite3.Error: the file can't be used now."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def due(self, patience: float, most: int) -> tuple[list[Row], Left]:
        """The next rows, and what is left with them; of open rows those that are older than ``patience`` seconds."""
        with closing(connect_to_read(self._path)) as connection:
            left = Left(*connection.execute(_LEFT).fetchone())
            found = connection.execute(_DUE, (time.time() - patience, most))
            return [dict(zip(_NAMES, row, strict=True)) for row in found], left

    def done(self, rows: Sequence[Row]) -> Left:
        """Rows that the shared ledger has; what is left now."""
        own = f"{self._path.absolute().as_uri()}?mode=rw"  # where it was removed, no empty one is made
        with closing(sqlite3.connect(own, timeout=2.0, uri=True)) as connection:
            with connection:  # one transaction
                connection.executemany(_DONE, [(row["number"], row["id"], row["state"]) for row in rows])
            return Left(*connection.execute(_LEFT).fetchone())

    def left(self) -> Left:
        with closing(connect_to_read(self._path)) as connection:
            return Left(*connection.execute(_LEFT).fetchone())

    def tell_left(self, rows: int, why: str | None) -> None:
        """At the end."""
        _log.warning(
            "usage_left_on_disk",
            rows=rows,
            why=why,
            path=str(self._path),
            meaning="the next sidecar that starts with this ledger carries them to usage.shared",
        )
