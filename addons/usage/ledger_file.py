"""The ledger's SQLite file: how it is opened, written, read and looked after."""

import functools
import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import structlog

from addons.usage.ledger_tables import COLUMNS, UPGRADES, VERSION

_LOCK_SECONDS: Final = 2.0  # how long another process's write is waited for
_PURGE_EVERY: Final = 3600.0  # seconds
_PURGE_ROWS: Final = 5_000  # a transaction, so that calls are not kept waiting
_DAY: Final = 86_400.0

_ADDED: Final = ("run", "due")
_INSERT: Final = f"INSERT INTO call ({', '.join((*COLUMNS, *_ADDED))}) VALUES "  # noqa: S608 - our own words
_ROW: Final = f"({', '.join('?' * (len(COLUMNS) + len(_ADDED)))})"
_CLOSE: Final = (
    " ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*COLUMNS, "due") if name not in {"id", "opened_at"})
    + " WHERE call.state = 'open'"
)
_PURGE: Final = "DELETE FROM call WHERE number IN (SELECT number FROM call WHERE opened_at < ? LIMIT ?) RETURNING due"
_TRIAL: Final = f"PRAGMA user_version = {VERSION}"  # writes, and changes nothing

_log = structlog.get_logger("sidecar.ledger")


class LedgerError(Exception):
    """The ledger can't be used; the message names the file and what to do."""


class LedgerFile:
    """Writes rows. But for ``try_out`` all of it belongs to one thread.

    ``ship``: rows are marked as due for the shared ledger. ``run`` describes the process, by columns of table ``run``.
    """

    def __init__(
        self, path: Path, keep_days: int, *, ship: bool = False, run: Mapping[str, str | None] | None = None
    ) -> None:
        self.replaced = 0
        self._path = path
        self._keep = keep_days * _DAY
        self._run = {"began_at": time.time(), **(run or {})}
        self._added: tuple[int | None, ...] = None, 1 if ship else None
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._purged_at = float("-inf")

    def try_out(self) -> None:
        """Raises LedgerError: the file can't be used."""
        connect(self._path).close()  # a connection belongs to the thread that makes it
        self._identity = _identity(self._path)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Commits rows, columns by name; without any, tries whether it could.

        Raises:
            LedgerError, sqlite3.Error: it could not.
        """
        connection = self._connected()
        if not rows:
            connection.execute(_TRIAL)
            return
        values: list[Any] = []
        for row in rows:
            values += map(row.get, COLUMNS)
            values += self._added
        connection.execute(_statement(len(rows)), values)

    def purge(self) -> int:
        """Deletes some of what is too old, now and then; how many of these rows were never carried, and should be."""
        if time.monotonic() - self._purged_at < _PURGE_EVERY:
            return 0
        try:
            deleted = self._connected().execute(_PURGE, (time.time() - self._keep, _PURGE_ROWS)).fetchall()
            if len(deleted) < _PURGE_ROWS:
                self._purged_at = time.monotonic()
            return sum(due is not None for (due,) in deleted) if self._added[1] else 0
        except (sqlite3.Error, LedgerError) as error:
            self._purged_at = time.monotonic()
            _log.error("ledger_not_purged", why=str(error))
            return 0

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> sqlite3.Connection:
        """A file that was removed can still be written, and nobody would ever read it: a new one is begun."""
        there = _identity(self._path)
        if self._connection is not None and there == self._identity:
            return self._connection
        self.close()
        connection = connect(self._path)
        if there != self._identity:  # looked at before: a new file may get the old one's number
            self.replaced += 1
            _log.error(
                "ledger_replaced",
                path=str(self._path),
                meaning="its file was removed or replaced under the sidecar; what it held is gone, a new one is begun",
            )
        self._connection, self._identity = connection, _identity(self._path)
        columns, marks = ", ".join(self._run), ", ".join("?" * len(self._run))
        begun = connection.execute(f"INSERT INTO run ({columns}) VALUES ({marks})", tuple(self._run.values()))  # noqa: S608 - our own words
        self._added = begun.lastrowid, self._added[1]
        return connection


@functools.cache
def _statement(rows: int) -> str:
    return _INSERT + ", ".join([_ROW] * rows) + _CLOSE


def connect(path: Path) -> sqlite3.Connection:
    """Opens the ledger for writing, makes it when it is missing, and brings older tables up to date.

    Write-ahead log, ``synchronous=NORMAL``: what is committed is with the operating system, so it outlives the
    process, however that ends. The last moments before a power failure may be lost; the file stays whole.

    Raises:
        LedgerError: it can't be opened, or holds tables of a newer version.
    """
    try:
        _look(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would make it readable for all
        with _opened(path) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            with connection:  # commits
                if upgrade := UPGRADES.get(_version(connection, path)):
                    for statement in upgrade.split(";\n"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {VERSION}")
            return connection
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(_unusable(path, error)) from error


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Opens an existing ledger, while a sidecar may be writing it. Changes nothing in it.

    Raises:
        LedgerError: there is none, it can't be read, or no sidecar of this version has written it yet.
    """
    if not _look(path):
        raise LedgerError(f"there is no ledger at {path}: no sidecar has written one there yet (usage.ledger)")
    connection, version = _to_read(path)
    if version != VERSION:
        connection.close()
        raise LedgerError(
            f"the ledger {path} is not yet written by a sidecar of this version, which makes it ready when it starts"
            " with it (usage.ledger)"
        )
    return connection


def check(path: Path) -> None:
    """Looks at a ledger without making one.

    Raises:
        LedgerError: it is there and not ours, or there is no place to make it.
    """
    if _look(path):
        _to_read(path)[0].close()
        return
    place = next(parent for parent in path.absolute().parents if parent.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise LedgerError(_unusable(path, f"{place} can't be written"))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a third of the time, for every batch
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _look(path: Path) -> bool:
    """Whether there is a file. Raises LedgerError: what is there is none, and might keep us waiting for ever."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise LedgerError(_unusable(path, error)) from error
    if not stat.S_ISREG(mode):
        raise LedgerError(_unusable(path, "it is no file"))
    return True


def _to_read(path: Path) -> tuple[sqlite3.Connection, int]:
    """A connection, and the version of the tables."""
    try:
        with _opened(path) as connection:
            connection.execute("PRAGMA query_only = ON")
            return connection, _version(connection, path)
    except sqlite3.Error as error:
        raise LedgerError(_unusable(path, error)) from error


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that is closed when the block fails."""
    connection = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)
    try:
        yield connection
    except BaseException:
        connection.close()
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise LedgerError(
            f"the ledger {path} was written by a newer sidecar: its tables are of version {version}, and this sidecar"
            f" writes version {VERSION}. Name another file for usage.ledger, and keep this one: the newer sidecar reads"
            " it again, and carries what waits in it"
        )
    empty = not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if version <= 0 and not (version == 0 and empty):
        raise LedgerError(
            f"the ledger {path} has tables of version {version}, which no sidecar wrote: move the file away, and a new"
            " one is made (usage.ledger)"
        )
    return version


def _unusable(path: Path, why: object) -> str:
    return f"the ledger {path} can't be used: {why}. Name another file, or write usage.ledger: off"
