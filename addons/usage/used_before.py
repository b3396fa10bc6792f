"""What budgets count anew where their store has lost it: sums out of the ledger, local or shared."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from addons.foundry.budgets import MICRO
from addons.gates.budget_recovery import Used
from addons.usage.ledger_file import connect_to_read
from addons.usage.query import SQLITE, Connection, Dialect

if TYPE_CHECKING:
    from addons.usage.shared_ledger import SharedLedger

_SUMS: Final = """
SELECT c.model, c.caller, c.projects, sum(coalesce(c.charged_requests, 1)),
    sum(coalesce(c.charged_tokens, c.total_tokens, 0)), sum(coalesce(c.charged_cost, c.cost, 0))
FROM {table} AS c WHERE {since} AND c.model IS NOT NULL AND (c.state = 'open' OR c.decision = 'allowed')
GROUP BY c.model, c.caller, c.projects
"""


async def from_ledger(path: Path, since: float) -> Sequence[Used]:
    """Of calls whose use is not known it counts what they were charged. Raises LedgerError."""
    return await asyncio.to_thread(_read, path, since)


async def from_shared(shared: "SharedLedger", since: float) -> Sequence[Used]:
    """The same of all sidecars. Raises SharedLedgerError. Seldom asked, so that no connection is kept for it."""
    try:
        return [used(row) for row in await shared.sums(since)]
    finally:
        await shared.close()


def _read(path: Path, since: float) -> list[Used]:
    with closing(connect_to_read(path)) as connection:
        return used_since(connection, since)


def used_since(connection: Connection, since: float, dialect: Dialect = SQLITE) -> list[Used]:
    """What budgets hold of the calls that were opened from ``since`` on, a Unix time in seconds."""
    query = _SUMS.format(table=dialect.table, since=dialect.since)
    return [used(row) for row in connection.execute(query, (since,))]


def used(row: Sequence[Any]) -> Used:
    """One row of sums, as both ledgers give it."""
    model, caller, projects, requests, tokens, cost = row
    named = tuple(projects.split(" + ")) if projects else ()
    return Used(model, caller or "", named, requests, int(tokens), round(float(cost) * MICRO))
