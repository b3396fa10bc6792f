"""The shared ledger behind a real pgbouncer in transaction mode."""

import asyncio
import time
from typing import Any

import pytest

from addons.commands.usage_shared import connected
from addons.usage.query import POSTGRES, usage
from addons.usage.shared_ledger import SharedLedger, SharedLedgerError
from tests.fleet.pooler import pooling
from tests.usage.postgres import Postgres, own_postgres, postgres, postgres_process
from tests.waiting import LONGEST

__all__ = ["own_postgres", "postgres", "postgres_process"]
pytestmark = pytest.mark.fleet

SIDECARS = 40


def row(name: str, **columns: Any) -> dict[str, Any]:
    return {"id": name, "opened_at": time.time(), "state": "closed", **columns}


def test_many_sidecars_share_few_connections(postgres: Postgres) -> None:
    async def main(port: int) -> None:
        ledgers = [SharedLedger(postgres.url(port=port)) for _ in range(SIDECARS)]
        for turn in range(3):
            await asyncio.gather(
                *(each.write([row(f"{number}-{turn}")]) for number, each in enumerate(ledgers)), return_exceptions=False
            )
        for each in ledgers:
            await each.close()

    with pooling(postgres.port, pool=2) as pooler:
        asyncio.run(main(pooler.port))
        used = [each for each in pooler.show("SERVERS") if each["database"] == "postgres"]
    assert 1 <= len(used) <= 2
    assert postgres.ask("SELECT count(*) FROM foundry_usage.call") == [(3 * SIDECARS,)]


def test_usage_is_read_through_it(postgres: Postgres) -> None:
    async def main(url: str) -> None:
        ledger = SharedLedger(url)
        await ledger.write([row("a", total_tokens=5), row("b", total_tokens=7)])
        assert await ledger.sums(0) == []
        await ledger.close()

    with pooling(postgres.port) as pooler:
        asyncio.run(main(postgres.url(port=pooler.port)))
        with connected(postgres.url(port=pooler.port)) as connection:
            (total,) = usage(connection, 0, dialect=POSTGRES)
    assert (total["calls"], total["total_tokens"]) == (2, 12)


def test_the_server_behind_it_is_started_again(own_postgres: Postgres) -> None:
    async def main(url: str) -> None:
        ledger = SharedLedger(url, deadline=2.0)
        await ledger.write([row("a")])
        own_postgres.stop()
        with pytest.raises(SharedLedgerError):
            await ledger.write([row("b")])
        own_postgres.start()
        deadline = time.monotonic() + LONGEST
        while True:
            try:
                await ledger.write([row("c")])
                break
            except SharedLedgerError:
                assert time.monotonic() < deadline
        await ledger.close()

    with pooling(own_postgres.port) as pooler:
        asyncio.run(main(own_postgres.url(port=pooler.port)))
    assert ("c",) in own_postgres.ask("SELECT id FROM foundry_usage.call")
