"""Usage out of collected records: for those who only ship logs.

Reads the sidecar's log, one JSON object a line, whatever else stands between. A record that comes twice counts once.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from addons.journal import conventions as otel
from addons.usage.ledger_tables import CALL, COLUMNS, projects

FIELDS: Final[Mapping[str, str]] = {
    "id": "call.id",
    "decision": "policy.decision",
    "outcome": "call.outcome",
    "error": otel.ERROR_TYPE,
    "api": otel.API_TYPE,
    "caller": "caller",
    "model": "foundry.model.rid",
    "provider_model": otel.REQUEST_MODEL,
    "region": "region",
    "status": otel.STATUS_CODE,
    "usage_status": "usage.status",
    "input_tokens": otel.INPUT_TOKENS,
    "cached_tokens": otel.CACHE_READ_TOKENS,
    "cache_write_tokens": otel.CACHE_WRITE_TOKENS,
    "output_tokens": otel.OUTPUT_TOKENS,
    "reasoning_tokens": otel.REASONING_TOKENS,
    "cost": "usage.cost",
    "trace_id": "trace_id",
    "duration_total": "duration.total",
    "duration_sidecar": "duration.sidecar",
    "policy": "policy.hash",
}
"""The ledger's columns, and the names of the record."""

_LONGEST: Final = 1_000_000  # characters of a line
_INSERT: Final = f"INSERT OR IGNORE INTO call ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - our own words


class Collected(NamedTuple):
    """``connection`` holds a ledger in memory. ``unread``: lines that look like a record and are none."""

    connection: sqlite3.Connection
    records: int
    unread: int


def collect(lines: Iterable[str]) -> Collected:
    """Sums nothing yet: the ledger's own queries do. Raises what reading the lines raises."""
    connection = sqlite3.connect(":memory:")
    try:
        return _collect(lines, connection)
    except BaseException:
        connection.close()
        raise


def _collect(lines: Iterable[str], connection: sqlite3.Connection) -> Collected:
    connection.execute(CALL)
    records = unread = 0
    for line in lines:
        if '"call.id"' not in line:
            continue
        row = _row(line)
        try:
            if row is None:
                unread += 1
            elif row["id"]:
                records += connection.execute(_INSERT, [row.get(name) for name in COLUMNS]).rowcount
        except (sqlite3.Error, OverflowError):
            unread += 1
    return Collected(connection, records, unread)


def _row(line: str) -> dict[str, Any] | None:
    """None of what can't be read; without an id where it is no call of a proven caller for a model."""
    start = line.find("{")  # a collector may write something in front
    if start < 0 or len(line) > _LONGEST:
        return None
    try:
        record = json.loads(line[start:])
        if not isinstance(record, dict):
            return None
        if record.get("event") != "call" or "caller" not in record or record.get("foundry.other_path"):
            return {"id": None}
        row = {column: record.get(name) for column, name in FIELDS.items()}
        ended = datetime.fromisoformat(record["timestamp"]).timestamp()
        row["opened_at"] = ended - float(record.get("duration.total", 0))
        row["projects"] = projects(record.get("foundry.attribution") or ())
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    known = [count for name in ("input_tokens", "output_tokens") if isinstance(count := row[name], int)]
    return row | {"state": "closed", "total_tokens": sum(known) if known else None}
