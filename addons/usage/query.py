"""What the ledger says of usage, summed up.

A call that names several projects stands under all of them together, as one group ``ri.a + ri.b``. So every call is
in exactly one row, and the rows add up to the total.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

DIMENSIONS: Final[Mapping[str, str]] = {
    "project": "c.projects",
    "model": "c.model",
    "caller": "c.caller",
    "region": "c.region",
    "error": "c.error",
    "minute": "strftime('%Y-%m-%dT%H:%MZ', c.opened_at, 'unixepoch')",
    "hour": "strftime('%Y-%m-%dT%H:00Z', c.opened_at, 'unixepoch')",
    "day": "strftime('%Y-%m-%d', c.opened_at, 'unixepoch')",
}
"""What may be grouped by, and the SQL that gives it; NULL where a call has none. Times are UTC."""

MEASURES: Final[Mapping[str, str]] = {
    "calls": "count(*)",
    "served": "count(*) FILTER (WHERE c.decision = 'served')",
    "refused": "count(*) FILTER (WHERE c.decision = 'refused')",
    "failed": "count(*) FILTER (WHERE c.decision = 'failed')",
    # left for the provider, and what it used is not known: under way, interrupted, failed, or cut off by a crash
    "unreported": "count(*) FILTER (WHERE c.state = 'open' OR c.usage_status <> 'reported')",
    "input_tokens": "coalesce(sum(c.input_tokens), 0)",
    "cached_tokens": "coalesce(sum(c.cached_tokens), 0)",
    "output_tokens": "coalesce(sum(c.output_tokens), 0)",
    "reasoning_tokens": "coalesce(sum(c.reasoning_tokens), 0)",
    "total_tokens": "coalesce(sum(c.total_tokens), 0)",
    "cost": "sum(c.cost)",  # NULL where no call had a price
}


def usage(connection: sqlite3.Connection, since: float, by: Sequence[str] = ()) -> list[dict[str, Any]]:
    """One dictionary a group, its dimensions first and then ``MEASURES``; without ``by``, the total alone.

    Calls opened before ``since``, a Unix time in seconds, are left out; ``by`` are names of ``DIMENSIONS``.
    """
    columns = {name: DIMENSIONS[name] for name in by} | dict(MEASURES)
    selected = ", ".join(f"{expression} AS {name}_" for name, expression in columns.items())
    positions = ", ".join(str(number + 1) for number in range(len(by)))
    grouped = f" GROUP BY {positions} ORDER BY {positions}" if by else ""
    query = f"SELECT {selected} FROM call AS c WHERE c.opened_at >= ?{grouped}"  # noqa: S608 - our own words
    return [dict(zip(columns, row, strict=True)) for row in connection.execute(query, (since,))]
