"""``usage``: tokens and calls from the ledger."""

import csv
import gzip
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from addons.configuration import loading
from addons.configuration.errors import ConfigurationError
from addons.gates.limits_settings import LimitsSettings
from addons.usage.ledger_file import LedgerError, connect_to_read
from addons.usage.query import (
    DIMENSIONS,
    MEASURES,
    POSTGRES,
    SHARED_DIMENSIONS,
    SQLITE,
    Connection,
    Dialect,
    usage,
)
from addons.values.printable import printable

SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
NONE: Final[Mapping[str, str]] = {"project": "(the caller's own)"}
SHARED: Final = " + "

SAME: Final[Mapping[str, str]] = {"user": "caller", "users": "caller", "callers": "caller", "projects": "project"}
"""Other words for what may be grouped by: Foundry's limits speak of users."""

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that a spreadsheet would work out (OWASP, CSV injection); names are of callers' choice."""

SELDOM: Final = frozenset({"cost", "cache_write_tokens"})
"""Columns the table leaves out where nothing stands in them."""

type Form = Literal["table", "json", "csv"]


class UsageError(Exception):
    """The command was given something it does not take; the message says what it does."""


def period(text: str) -> float:
    """``90m``, ``24h``, ``7d`` or ``4w`` in seconds; raises UsageError."""
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", text)
    if not found:
        raise UsageError(f"{text!r} is no period; write for example 90m, 24h, 7d or 4w")
    return int(found[1]) * SECONDS[found[2]]


def dimensions(text: str, known: Mapping[str, str] = DIMENSIONS) -> tuple[str, ...]:
    """``project,model`` as a tuple; raises UsageError."""
    names = tuple(dict.fromkeys(SAME.get(name, name) for name in text.split(",")))
    if unknown := [name for name in names if name not in known]:
        further = " (pod, namespace and version of --shared alone)" if unknown[0] in SHARED_DIMENSIONS else ""
        raise UsageError(f"can't group by {unknown[0]!r}{further}; choose among {', '.join(known)}")
    return names


class ReportRequest(NamedTuple):
    """What is to be shown: of the last ``seconds``, by which dimensions, in which form, or as ``charts``."""

    seconds: float
    by: Sequence[str]
    form: Form = "table"
    charts: Path | None = None


def show(config: Path | None, asked: ReportRequest, *, shared: bool = False) -> int:
    """Prints what was used, or writes the charts; 1 when a ledger can't be read or a file not written.

    Raises:
        ConfigurationError: as ``loading.load``; or there is no such ledger.
    """
    settings = loading.load(config)
    try:
        if shared:
            from addons.commands.usage_shared import connected

            with connected(settings.usage.shared) as remote:
                return _show("the shared ledger", remote, asked, settings.limits, POSTGRES)
        path = settings.usage.path(settings.listen.certificates)
        if settings.usage.ledger == "memory":
            raise ConfigurationError("usage.ledger: it is memory, which no other process can read; add --shared")
        if path is None:
            raise ConfigurationError("usage.ledger: it is off, so nothing was written down")
        if settings.usage.ledger is None:
            everyone = "every configuration with the same listen.certificates writes there; usage.ledger names another"
            print(f"from {path}: {everyone}", file=sys.stderr)
        with closing(connect_to_read(path)) as connection:
            connection.execute("BEGIN")  # both queries see the same moment
            return _show(str(path), connection, asked, settings.limits)
    except LedgerError as error:
        print(error, file=sys.stderr)
        return 1


def migrate(config: Path | None) -> int:
    """Makes the shared ledger ready; 1 when it can't be. Raises ConfigurationError as ``show``."""
    from addons.commands.usage_shared import migrate as make_ready

    try:
        return make_ready(loading.load(config).usage.shared)
    except LedgerError as error:
        print(error, file=sys.stderr)
        return 1


def show_records(source: str, asked: ReportRequest) -> int:
    """The same of collected records: of a file, all files of a folder, or ``-`` for standard input."""
    from addons.commands.usage_records import collect

    try:
        found = collect(_lines(source))
    except OSError as error:
        print(f"{source}: can't be read: {error}", file=sys.stderr)
        return 1
    with closing(found.connection):
        code = _show(f"{found.records} records of {source}", found.connection, asked, LimitsSettings())
    if found.unread:
        print(f"{found.unread} lines look like records and can't be read; they are left out.", file=sys.stderr)
    return code


def _lines(source: str) -> Iterator[str]:
    if source == "-":
        yield from sys.stdin
        return
    place = Path(source)
    for file in sorted(each for each in place.rglob("*") if each.is_file()) if place.is_dir() else [place]:
        with gzip.open(file, "rt", errors="replace") if file.suffix == ".gz" else file.open(errors="replace") as lines:
            yield from lines


def _show(
    name: str, connection: Connection, asked: ReportRequest, limits: LimitsSettings, dialect: Dialect = SQLITE
) -> int:
    since, by = time.time() - asked.seconds, asked.by
    if asked.charts:
        return _write_charts(asked.charts, connection, since, limits, dialect)
    rows = usage(connection, since, by, dialect)
    (total,) = usage(connection, since, dialect=dialect)
    if asked.form == "json":
        began = datetime.fromtimestamp(since, UTC).isoformat(timespec="seconds")
        told = {"ledger": name, "since": began, "by": list(by), "rows": rows, "total": total}
        print(json.dumps(told, indent=2))
    elif asked.form == "csv":
        writer = csv.DictWriter(sys.stdout, [*by, *MEASURES])
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    else:
        print(f"from {name}\n")
        _table(by, rows, total)
    return 0


def _write_charts(file: Path, connection: Connection, since: float, limits: LimitsSettings, dialect: Dialect) -> int:
    from addons.commands.usage_page import page

    text = page(connection, since, time.time(), limits, dialect)
    try:
        with open(file, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as opened:
            os.fchmod(opened.fileno(), 0o600)  # it was there, and others might read it: it names callers
            opened.write(text)
    except OSError as error:
        print(f"{file}: can't be written: {error}", file=sys.stderr)
        return 1
    print(f"written to {file}")
    return 0


def _table(by: Sequence[str], rows: Sequence[Mapping[str, Any]], total: Mapping[str, Any]) -> None:
    measures = [name for name in MEASURES if name not in SELDOM or total[name]]
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
        print("\nunreported: calls that were sent, and for which the provider has reported no tokens (yet).")


def _name(value: str | None, dimension: str) -> str:
    if value is None:
        return NONE.get(dimension, "-")
    return printable(value)


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"
