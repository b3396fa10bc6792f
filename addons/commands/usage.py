"""``usage``: tokens and calls from the ledger."""

import csv
import json
import re
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from addons.configuration import loading
from addons.configuration.errors import ConfigurationError
from addons.gates.limits_settings import LimitsSettings
from addons.usage.ledger_file import LedgerError, connect_to_read
from addons.usage.query import DIMENSIONS, MEASURES, usage

SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
NONE: Final[Mapping[str, str]] = {"project": "(the caller's own)"}
SHARED: Final = " + "

type Form = Literal["table", "json", "csv"]


class UsageError(Exception):
    """The command was given something it does not take; the message says what it does."""


def period(text: str) -> float:
    """``90m``, ``24h``, ``7d`` or ``4w`` in seconds; raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", text)
    if not found:
        raise UsageError(f"{text!r} is no period; write for example 90m, 24h, 7d or 4w")
    return int(found[1]) * SECONDS[found[2]]


def dimensions(text: str) -> tuple[str, ...]:
    """``project,model`` as a tuple; raises UsageError."""
    names = tuple(dict.fromkeys("caller" if name == "user" else name for name in text.split(",")))
    if unknown := [name for name in names if name not in DIMENSIONS]:
        raise UsageError(f"can't group by {unknown[0]!r}; choose among {', '.join(DIMENSIONS)}")
    return names


def show(config: Path | None, seconds: float, by: Sequence[str], form: Form, charts: Path | None = None) -> int:
    """Prints what was used in the last ``seconds``, or writes ``charts``; 1 when a file can't be read or written.

    Raises:
        ConfigurationError: as ``loading.load``; or the ledger is off.
    """
    settings = loading.load(config)
    path = settings.usage.path(settings.listen.certificates)
    if path is None:
        raise ConfigurationError("usage.ledger: it is off, so nothing was written down")
    since = time.time() - seconds
    if settings.usage.ledger is None:
        shared = "every configuration with the same listen.certificates writes there; usage.ledger names another"
        print(f"from {path}: {shared}", file=sys.stderr)
    try:
        with closing(connect_to_read(path)) as connection:
            if charts:
                return _write_charts(charts, connection, since, settings.limits)
            connection.execute("BEGIN")  # both queries see the same moment
            rows = usage(connection, since, by)
            (total,) = usage(connection, since)
    except LedgerError as error:
        print(error, file=sys.stderr)
        return 1
    if form == "json":
        began = datetime.fromtimestamp(since, UTC).isoformat(timespec="seconds")
        print(json.dumps({"since": began, "by": list(by), "rows": rows, "total": total}, indent=2))
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, [*by, *MEASURES])
        writer.writeheader()
        writer.writerows(rows)
    else:
        _table(by, rows, total)
    return 0


def _write_charts(file: Path, connection: sqlite3.Connection, since: float, limits: LimitsSettings) -> int:
    from addons.commands.usage_page import page

    try:
        file.write_text(page(connection, since, time.time(), limits), "utf-8")
    except OSError as error:
        print(f"{file}: can't be written: {error}", file=sys.stderr)
        return 1
    print(f"written to {file}")
    return 0


def _table(by: Sequence[str], rows: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> None:
    measures = [name for name in MEASURES if name != "cost" or total["cost"] is not None]
    cells = [[_name(row[name], name) for name in by] + [_number(row[name]) for name in measures] for row in rows]
    headings = [*by, *(name.removesuffix("_tokens") for name in measures)]
    last = ["total", *[""] * (len(by) - 1), *(_number(total[name]) for name in measures)]
    lines = [headings, *cells, last]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        words = [
            cell.ljust(width) if column < len(by) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(words).rstrip())
    if any(SHARED in (row.get("project") or "") for row in rows):
        print("\nA row with several projects holds the calls that named them all; no call is counted twice.")
    if total["unreported"]:
        print("\nunreported: calls that left, and of whose tokens the provider has not told (yet).")


def _name(value: str | None, dimension: str) -> str:
    if value is None:
        return NONE.get(dimension, "-")
    return "".join(letter if letter.isprintable() else "?" for letter in value)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"
