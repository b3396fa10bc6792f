"""What budgets count anew where their store has lost it: sums out of the ledger, local or shared."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from addons.foundry.budgets import MICRO
from addons.gates.budget_recovery import Used
from addons.usage.ledger_file import connect_to_read

if TYPE_CHECKING:
    from addons.usage.shared_ledger import SharedLedger

_SUMS: Final = """
SELECT model, caller, projects, sum(coalesce(charged_requests, 1)),
    sum(coalesce(charged_tokens, total_tokens, 0)), sum(coalesce(charged_cost, cost, 0))
FROM call WHERE opened_at >= ? AND model IS NOT NULL AND (state = 'open' OR decision = 'allowed')
GROUP BY model, caller, projects
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
        return [used(row) for row in connection.execute(_SUMS, (since,))]


def used(row: Sequence[Any]) -> Used:
    """One row of sums, as both ledgers give it."""
    model, caller, projects, requests, tokens, cost = row
    named = tuple(projects.split(" + ")) if projects else ()
    return Used(model, caller or "", named, requests, int(tokens), round(float(cost) * MICRO))
