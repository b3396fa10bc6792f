"""What the ledger says of usage, summed up.

A call that names several projects stands under all of them together, as one group ``ri.a + ri.b``. So every call is
in exactly one row, and the rows add up to the total.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

DIMENSIONS: Final[Mapping[str, str]] = {
    "project": "c.projects",
    "model": "c.model",
    "caller": "c.caller",
    "api": "c.api",
    "outcome": "c.outcome",
    "region": "c.region",
    "error": "c.error",
    "policy": "c.policy",
    "minute": "strftime('%Y-%m-%dT%H:%MZ', c.opened_at, 'unixepoch')",
    "hour": "strftime('%Y-%m-%dT%H:00Z', c.opened_at, 'unixepoch')",
    "day": "strftime('%Y-%m-%d', c.opened_at, 'unixepoch')",
    "month": "strftime('%Y-%m', c.opened_at, 'unixepoch')",
}
"""What may be grouped by, and the SQL that gives it; NULL where a call has none. Times are UTC."""

SHARED_DIMENSIONS: Final[Mapping[str, str]] = {
    **DIMENSIONS,
    "minute": """to_char(c.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"')""",
    "hour": """to_char(c.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:00"Z"')""",
    "day": "to_char(c.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
    "month": "to_char(c.opened_at AT TIME ZONE 'UTC', 'YYYY-MM')",
    "pod": "c.pod",
    "namespace": "c.namespace",
    "version": "c.version",
}
"""The same of the shared ledger, which is PostgreSQL's."""

MEASURES: Final[Mapping[str, str]] = {
    "calls": "count(*)",
    "served": "count(*) FILTER (WHERE c.outcome = 'served')",
    "refused": "count(*) FILTER (WHERE c.decision = 'refused')",
    "failed": "count(*) FILTER (WHERE c.decision = 'allowed' AND c.outcome <> 'served')",
    # left for the provider, and what it used is not known: under way, interrupted, failed, or cut off by a crash
    "unreported": "count(*) FILTER (WHERE c.state = 'open' OR c.usage_status <> 'reported')",
    "input_tokens": "CAST(coalesce(sum(c.input_tokens), 0) AS bigint)",
    "cached_tokens": "CAST(coalesce(sum(c.cached_tokens), 0) AS bigint)",
    "cache_write_tokens": "CAST(coalesce(sum(c.cache_write_tokens), 0) AS bigint)",
    "output_tokens": "CAST(coalesce(sum(c.output_tokens), 0) AS bigint)",
    "reasoning_tokens": "CAST(coalesce(sum(c.reasoning_tokens), 0) AS bigint)",
    "total_tokens": "CAST(coalesce(sum(c.total_tokens), 0) AS bigint)",
    "cost": "sum(c.cost)",  # NULL where no call had a price
}


class Dialect(NamedTuple):
    """How one kind of database is asked. ``since``: the condition, with its one parameter in seconds of Unix time."""

    table: str
    dimensions: Mapping[str, str]
    since: str


SQLITE: Final = Dialect("call", DIMENSIONS, "c.opened_at >= ?")
POSTGRES: Final = Dialect("foundry_usage.call", SHARED_DIMENSIONS, "c.opened_at >= to_timestamp(%s)")


class Connection(Protocol):
    """Of sqlite3 or psycopg."""

    def execute(self, query: Any, values: Any, /) -> Iterable[Sequence[Any]]: ...


def usage(
    connection: Connection, since: float, by: Sequence[str] = (), dialect: Dialect = SQLITE
) -> list[dict[str, Any]]:
    """One dictionary a group, its dimensions first and then ``MEASURES``; without ``by``, the total alone.

    Calls opened before ``since``, a Unix time in seconds, are left out; ``by`` are names of the dialect's dimensions.
    """
    columns = {name: dialect.dimensions[name] for name in by} | dict(MEASURES)
    selected = ", ".join(f"{expression} AS {name}_" for name, expression in columns.items())
    positions = ", ".join(str(number + 1) for number in range(len(by)))
    grouped = f" GROUP BY {positions} ORDER BY {positions}" if by else ""
    query = f"SELECT {selected} FROM {dialect.table} AS c WHERE {dialect.since}{grouped}"  # noqa: S608 - our own words
    return [dict(zip(columns, row, strict=True)) for row in connection.execute(query, (since,))]
