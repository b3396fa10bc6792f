"""What was used before, out of the local ledger and out of the shared one."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from addons.foundry.budgets import MICRO
from addons.gates.budget_recovery import Used
from addons.usage.ledger_writer import LedgerWriter
from addons.usage.shared_ledger import SharedLedger
from addons.usage.used_before import from_ledger, from_shared
from tests.records import Records
from tests.usage.postgres import Postgres, postgres, postgres_process
from tests.waiting import eventually

__all__ = ["postgres", "postgres_process"]

NOW = time.time()
CLOSED = {"state": "closed", "decision": "allowed", "model": "ri.m", "caller": "ann"}
ROWS: tuple[dict[str, Any], ...] = (
    {**CLOSED, "opened_at": NOW, "total_tokens": 10, "cost": 0.25},
    {**CLOSED, "opened_at": NOW, "total_tokens": 5, "cost": 0.25},
    {**CLOSED, "opened_at": NOW, "total_tokens": 7, "projects": "ri.a + ri.b"},
    {**CLOSED, "opened_at": NOW, "state": "open", "decision": None, "caller": "bob"},
    {**CLOSED, "opened_at": NOW, "caller": "eve", "charged_requests": 1, "charged_tokens": 900, "charged_cost": 0.5},
    {**CLOSED, "opened_at": NOW, "caller": "eve", "charged_requests": 0, "charged_tokens": 0, "charged_cost": 0.0},
    {**CLOSED, "opened_at": NOW, "decision": "refused"},
    {**CLOSED, "opened_at": NOW, "model": None},
    {**CLOSED, "opened_at": NOW - 1000, "total_tokens": 999},
)
EXPECTED = {
    Used("ri.m", "ann", (), 2, 15, MICRO // 2),
    Used("ri.m", "ann", ("ri.a", "ri.b"), 1, 7, 0),
    Used("ri.m", "bob", (), 1, 0, 0),
    Used("ri.m", "eve", (), 1, 900, MICRO // 2),
}

CONNECTED = """
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


def test_the_local_ledger(tmp_path: Path, records: Records) -> None:
    ledger = LedgerWriter(tmp_path / "usage.sqlite")
    ledger.start()
    for number, row in enumerate(ROWS):
        ledger.write({"id": str(number), **row})
    ledger.close()
    assert set(asyncio.run(from_ledger(ledger.path, NOW - 500))) == EXPECTED


@pytest.mark.parametrize("role", ["owner", "sidecar"])
def test_the_shared_ledger(postgres: Postgres, role: str) -> None:
    async def main() -> set[Used]:
        writer = SharedLedger(postgres.url())
        await writer.write([{"id": str(number), **row} for number, row in enumerate(ROWS)])
        await writer.close()
        postgres.ask("DROP ROLE IF EXISTS sidecar")
        postgres.ask("CREATE ROLE sidecar LOGIN")
        postgres.ask("GRANT USAGE ON SCHEMA foundry_usage TO sidecar")
        postgres.ask("GRANT EXECUTE ON FUNCTION foundry_usage.usage_sums TO sidecar")
        return set(await from_shared(SharedLedger(postgres.url(role)), NOW - 500))

    assert asyncio.run(main()) == EXPECTED
    eventually(lambda: postgres.ask(CONNECTED) == [(0,)])  # many sidecars do not keep a connection each for nothing
    postgres.ask("DROP SCHEMA foundry_usage CASCADE")
    postgres.ask("DROP ROLE sidecar")
