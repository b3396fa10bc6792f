"""The shared ledger against a real PostgreSQL."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from addons.usage.shared_ledger import SharedLedger, SharedLedgerError
from addons.usage.shared_schema import COLUMNS
from addons.values.secret import Secret
from tests.usage.address import Address
from tests.usage.postgres import Postgres, own_postgres, postgres, postgres_process, serving
from tests.waiting import LONGEST

__all__ = ["own_postgres", "postgres", "postgres_process"]

NOVEMBER = 1_794_000_000.0
READ = "SELECT id, state, total_tokens FROM foundry_usage.call ORDER BY id"


def row(name: str, **columns: Any) -> dict[str, Any]:
    return {"id": name, "opened_at": NOVEMBER, "state": "closed", **columns}


def run(url: str | Secret, work: Callable[[SharedLedger], Awaitable[None]], deadline: float = 20.0) -> None:
    async def main() -> None:
        shared = SharedLedger(url, deadline)
        try:
            await work(shared)
        finally:
            await shared.close()

    asyncio.run(main())


async def fails(shared: SharedLedger, *rows: dict[str, Any]) -> str:
    with pytest.raises(SharedLedgerError) as caught:
        await shared.write(rows or [row("never")])
    return str(caught.value)


def test_rows_come_once_however_often_they_are_written(postgres: Postgres) -> None:
    async def work(shared: SharedLedger) -> None:
        await shared.write([row("a", state="open"), row("b", state="open")])
        await shared.write([row("a", total_tokens=5), row("c", total_tokens=7)])
        await shared.write([row("a", total_tokens=9), row("b", state="open")])
        await shared.write([])

    run(postgres.url(), work)
    assert postgres.ask(READ) == [("a", "closed", 5), ("b", "open", None), ("c", "closed", 7)]


def test_every_column_arrives(postgres: Postgres) -> None:
    numbers = {"bigint": 2**60, "integer": 200, "double precision": 0.25}
    full = {name: numbers.get(kind, f"{name} 'x' \u20ac \\") for name, kind in COLUMNS.items()} | {
        "opened_at": NOVEMBER
    }

    async def work(shared: SharedLedger) -> None:
        await shared.write([full])

    run(postgres.url(), work)
    columns = ", ".join(name for name in COLUMNS if name != "opened_at")
    (found,) = postgres.ask(f"SELECT {columns}, extract(epoch FROM opened_at)::float8 FROM foundry_usage.call")
    assert dict(zip((*(name for name in COLUMNS if name != "opened_at"), "opened_at"), found, strict=True)) == full


def test_months_have_partitions_of_their_own_and_can_be_dropped(postgres: Postgres) -> None:
    async def work(shared: SharedLedger) -> None:
        await shared.write([row(str(month), opened_at=NOVEMBER + month * 31 * 86_400) for month in range(4)])

    run(postgres.url(), work)
    tables = "SELECT relname FROM pg_class WHERE relname LIKE 'call_20%%' AND relkind = 'r' ORDER BY 1"
    months = ("2026_11", "2026_12", "2027_01", "2027_02")
    assert [name for (name,) in postgres.ask(tables)] == [f"call_{each}" for each in months]
    assert postgres.ask("SELECT foundry_usage.usage_forget('2027-01-01')") == [(2,)]
    assert len(postgres.ask(READ)) == 2


def test_many_sidecars_at_once_make_one_schema(postgres: Postgres) -> None:
    async def main() -> None:
        ledgers = [SharedLedger(postgres.url()) for _ in range(8)]
        await asyncio.gather(*(each.write([row(str(n)), row("same")]) for n, each in enumerate(ledgers)))
        for each in ledgers:
            await each.close()

    asyncio.run(main())
    assert [name for name, *_ in postgres.ask(READ)] == [*map(str, range(8)), "same"]


def test_a_sidecar_s_own_role_writes_and_reads_nothing(postgres: Postgres) -> None:
    postgres.ask("DROP ROLE IF EXISTS sidecar")
    postgres.ask("CREATE ROLE sidecar LOGIN")

    async def work(shared: SharedLedger) -> None:
        assert "InsufficientPrivilege" in await fails(shared)
        run_as_owner = SharedLedger(postgres.url())
        await run_as_owner.prepare()
        await run_as_owner.close()
        assert "InsufficientPrivilege" in await fails(shared)
        postgres.ask("GRANT USAGE ON SCHEMA foundry_usage TO sidecar")
        postgres.ask("GRANT EXECUTE ON FUNCTION foundry_usage.usage_write TO sidecar")
        await shared.write([row("a", state="open")])
        await shared.write([row("a")])

    run(postgres.url("sidecar"), work)
    assert postgres.ask(READ) == [("a", "closed", None)]
    assert postgres.ask("SELECT has_table_privilege('sidecar', 'foundry_usage.call', 'SELECT')") == [(False,)]
    postgres.ask("DROP SCHEMA foundry_usage CASCADE")
    postgres.ask("DROP ROLE sidecar")


def test_a_newer_schema_takes_an_older_sidecar_s_rows(postgres: Postgres) -> None:
    async def work(shared: SharedLedger) -> None:
        await shared.write([row("a")])
        postgres.ask(
            "CREATE OR REPLACE FUNCTION foundry_usage.usage_version() RETURNS integer LANGUAGE sql AS 'SELECT 99'"
        )
        await shared.close()
        await shared.write([row("b")])

    run(postgres.url(), work)
    assert postgres.ask("SELECT foundry_usage.usage_version()") == [(99,)]
    assert len(postgres.ask(READ)) == 2


def test_an_older_schema_is_brought_up_to_date_by_whoever_may(postgres: Postgres) -> None:
    """Of rows that are there nothing is lost; a sidecar that may not says so, and its rows wait."""
    postgres.ask("DROP ROLE IF EXISTS sidecar")
    postgres.ask("CREATE ROLE sidecar LOGIN")

    async def work(owner: SharedLedger) -> None:
        await owner.write([row("a", state="open"), row("b", total_tokens=3)])
        for column in ("api", "charged_requests", "charged_tokens", "charged_cost"):
            postgres.ask(f"ALTER TABLE foundry_usage.call DROP COLUMN {column}")
        postgres.ask(
            "CREATE OR REPLACE FUNCTION foundry_usage.usage_version() RETURNS integer LANGUAGE sql AS 'SELECT 1'"
        )
        postgres.ask("GRANT USAGE ON SCHEMA foundry_usage TO sidecar")
        postgres.ask("GRANT EXECUTE ON FUNCTION foundry_usage.usage_write TO sidecar")
        sidecar = SharedLedger(postgres.url("sidecar"))
        assert "InsufficientPrivilege" in await fails(sidecar)
        await owner.close()
        await owner.write([row("a", api="responses", charged_tokens=5)])
        await sidecar.write([row("c", api="embeddings")])
        await sidecar.close()

    run(postgres.url(), work)
    assert postgres.ask("SELECT id, api, total_tokens, charged_tokens FROM foundry_usage.call ORDER BY id") == [
        ("a", "responses", None, 5), ("b", None, 3, None), ("c", "embeddings", None, None),
    ]  # fmt: skip
    postgres.ask("DROP SCHEMA foundry_usage CASCADE")
    postgres.ask("DROP ROLE sidecar")


@pytest.mark.parametrize("wrong", [{"caller": "\0"}, {"input_tokens": 2**70}, {"status": 2**40}, {"opened_at": 1e14}])
def test_rows_that_it_will_never_take_are_told_apart(postgres: Postgres, wrong: dict[str, Any]) -> None:
    async def work(shared: SharedLedger) -> None:
        with pytest.raises((SharedLedgerError, ValueError)) as caught:
            await shared.write([row("a"), row("b") | wrong])
        assert getattr(caught.value, "rows_at_fault", True)
        await shared.write([row("c")])

    run(postgres.url(), work)
    assert [name for name, *_ in postgres.ask(READ)] == ["c"]


def test_a_server_that_is_gone_frozen_or_started_again(own_postgres: Postgres) -> None:
    async def work(shared: SharedLedger) -> None:
        await shared.write([row("a")])
        own_postgres.stop()
        assert "OperationalError" in await fails(shared)
        own_postgres.start()
        await shared.write([row("b")])
        own_postgres.freeze()
        assert await fails(shared) == "no answer within 2 s"
        own_postgres.thaw()
        await shared.write([row("c")])

    run(own_postgres.url(), work, deadline=2.0)
    # the one that nobody answered for may have been written: it may be written again, too
    assert {name for name, *_ in own_postgres.ask(READ)} - {"never"} == {"a", "b", "c"}


def test_a_server_that_only_reads_is_left_for_the_one_that_took_over(own_postgres: Postgres) -> None:
    with serving() as new, Address(own_postgres.port) as address:

        async def work(shared: SharedLedger) -> None:
            await shared.write([row("a")])
            address.point_to(new.port)
            own_postgres.ask("ALTER SYSTEM SET default_transaction_read_only = on")
            own_postgres.ask("SELECT pg_reload_conf()")
            deadline = time.monotonic() + LONGEST
            while new.ask("SELECT to_regclass('foundry_usage.call')") == [(None,)]:
                assert time.monotonic() < deadline
                try:
                    await shared.write([row("b")])
                except SharedLedgerError as error:
                    assert "ReadOnlySqlTransaction" in str(error)  # noqa: PT017 - it may or may not come
            await shared.write([row("b")])

        run(own_postgres.url(port=address.port), work)
        assert ("b",) in [each[:1] for each in new.ask(READ)]


def test_libpq_s_own_variables_are_not_read(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "PGSERVICE": "nowhere", "PGOPTIONS": "-c search_path=x", "PGSSLMODE": "require", "PGTZ": "Mars/Olympus",
        "PGDATESTYLE": "nonsense", "PGGEQO": "nonsense", "PGPASSFILE": "/none", "PGHOSTADDR": "127.0.0.2",
        "PGTARGETSESSIONATTRS": "standby", "PGREQUIREAUTH": "gss", "PGCHANNELBINDING": "require",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    async def work(shared: SharedLedger) -> None:
        await shared.write([row("a")])

    run(postgres.url(), work)
    assert not os.environ.keys() & given.keys()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://owner@127.0.0.1:PORT/missing", "no such database or role"),
        ("postgresql://missing@127.0.0.1:PORT/postgres", "no such database or role"),
        ("postgresql://owner@127.0.0.1:1/postgres", "nobody listens"),
        ("postgresql://owner@nowhere.invalid/u?sslmode=verify-full", "can't be resolved"),
        ("postgresql://owner@localhost:PORT/postgres?sslmode=verify-full", "speaks no TLS"),
    ],
)
def test_a_wrong_url_is_told_by_what_is_wrong(postgres: Postgres, url: str, says: str) -> None:
    async def work(shared: SharedLedger) -> None:
        told = await fails(shared)
        assert says in told
        assert "missing" not in told

    run(url.replace("PORT", str(postgres.port)), work)


def test_no_password_is_in_an_error(postgres: Postgres, tmp_path: Path) -> None:
    secret = tmp_path / "url"

    async def work(shared: SharedLedger) -> None:
        secret.write_text("nonsense://hunter2@x")
        assert "hunter2" not in await fails(shared)
        secret.write_text(f"postgresql://nobody:hunter2@127.0.0.1:{postgres.port}/postgres")
        assert "hunter2" not in await fails(shared)
        secret.write_text(postgres.url())
        await shared.write([row("a")])

    run(Secret(file=secret), work)
