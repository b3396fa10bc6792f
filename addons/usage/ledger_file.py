"""The ledger's SQLite file: its tables, and how it is opened."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

VERSION: Final = 2
"""In ``PRAGMA user_version``; raised whenever the tables change."""

_LOCK_SECONDS: Final = 2.0  # how long another process's write is waited for

_TABLES: Final = """
CREATE TABLE call (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    opened_at REAL NOT NULL,         -- Unix time in seconds
    state TEXT NOT NULL,             -- open: it left, and what it used is not known (yet); closed
    decision TEXT,                   -- served, refused, failed
    error TEXT,                      -- error.type of the record
    caller TEXT,
    projects TEXT,                   -- the RIDs of `attribution`, sorted, with ' + ' between them; NULL: none
    model TEXT,                      -- Foundry's RID
    provider_model TEXT,
    region TEXT,
    status INTEGER,                  -- what the caller got
    usage_status TEXT,               -- reported, interrupted, unknown
    input_tokens INTEGER,
    cached_tokens INTEGER,           -- part of input_tokens
    output_tokens INTEGER,
    reasoning_tokens INTEGER,        -- part of output_tokens
    total_tokens INTEGER,
    cost REAL,                       -- by the price table of that day; NULL where there is no price
    trace_id TEXT,
    duration_total REAL,             -- seconds, as the next two
    duration_sidecar REAL,
    duration_provider REAL
) STRICT;
CREATE INDEX call_opened_at ON call (opened_at)
"""

_UPGRADES: Final = {
    0: _TABLES,
    1: """
ALTER TABLE call ADD COLUMN projects TEXT;
UPDATE call SET projects = (
    SELECT group_concat(project, ' + ') FROM (SELECT project FROM call_project WHERE call = number ORDER BY project)
);
DROP TABLE call_project
""",
}
"""What makes the newest tables of those of an older version; 0 is an empty file."""


class LedgerError(Exception):
    """The ledger can't be used; the message names the file and what to do."""


def projects(attribution: Iterable[str]) -> str | None:
    """The column ``projects``: one text for each set of RIDs, none of which holds a space."""
    return " + ".join(sorted(attribution)) or None


def connect(path: Path) -> sqlite3.Connection:
    """Opens the ledger for writing, makes it when it is missing, and brings older tables up to date.

    Write-ahead log, ``synchronous=NORMAL``: what is committed is with the operating system, so it outlives the
    process, however that ends. The last moments before a power failure may be lost; the file stays whole.

    Raises:
        LedgerError: it can't be opened, or holds tables of a newer version.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would make it readable for all
        with _opened(path) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN IMMEDIATE")
            with connection:  # commits
                if upgrade := _UPGRADES.get(_version(connection, path)):
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
    if not path.is_file():
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
    if path.exists():
        _to_read(path)[0].close()
        return
    place = next(parent for parent in path.absolute().parents if parent.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise LedgerError(_unusable(path, f"{place} can't be written"))


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
    empty = not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not 0 < version <= VERSION and not (version == 0 and empty):
        raise LedgerError(
            f"the ledger {path} has tables of version {version}, and this sidecar writes version {VERSION}:"
            " move the file away, and a new one is made (usage.ledger)"
        )
    return version


def _unusable(path: Path, why: object) -> str:
    return f"the ledger {path} can't be used: {why}. Name another file, or write usage.ledger: off"
