"""The roles of docs/usage.md, made in a real PostgreSQL by the words that stand there: what each may, and no more."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from addons.__main__ import main
from addons.usage.ledger_writer import LedgerWriter
from addons.usage.query import SHARED_DIMENSIONS
from addons.usage.shared_ledger import SharedLedger, SharedLedgerError
from tests.records import Records
from tests.usage.postgres import Postgres, postgres, postgres_process
from tests.usage.test_shipper import shipping, write
from tests.waiting import eventually

__all__ = ["postgres", "postgres_process"]

PAGE: Final = (Path(__file__).parent.parent.parent / "docs" / "usage.md").read_text()
ROLES: Final = ("sidecar", "analyst")
NOVEMBER: Final = 1_794_000_000.0
PARTITION: Final = "foundry_usage.call_2026_11"
ROW: Final = json.dumps([{"id": "b", "opened_at": "2026-11-07T00:00:00Z", "state": "closed"}])

WRITE: Final = f"SELECT foundry_usage.usage_write('{ROW}')"
SUMS: Final = "SELECT * FROM foundry_usage.usage_sums('2026-01-01')"
READ: Final = "SELECT * FROM foundry_usage.call"
VERSION: Final = "SELECT foundry_usage.usage_version()"

MAY: Final = {"sidecar": (VERSION, WRITE, SUMS), "analyst": (VERSION, READ)}
NOBODY_MAY: Final = (
    f"SELECT * FROM {PARTITION}",
    "INSERT INTO foundry_usage.call (id, opened_at, state) VALUES ('c', now(), 'closed')",
    "UPDATE foundry_usage.call SET total_tokens = 0",
    "DELETE FROM foundry_usage.call",
    "TRUNCATE foundry_usage.call",
    f"DELETE FROM {PARTITION}",
    f"DROP TABLE {PARTITION}",
    "ALTER TABLE foundry_usage.call ADD COLUMN more text",
    "CREATE TABLE foundry_usage.more ()",
    "CREATE OR REPLACE FUNCTION foundry_usage.usage_version() RETURNS integer LANGUAGE sql AS 'SELECT 0'",
    "SELECT foundry_usage.usage_partition('2027-01-01')",
    "SELECT foundry_usage.usage_forget('2027-01-01')",
    "DROP SCHEMA foundry_usage CASCADE",
    "CREATE SCHEMA more",
    "CREATE ROLE more",
    "SET ROLE owner",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
)
REFUSED: Final = {
    "sidecar": (
        *NOBODY_MAY, READ, "SELECT count(*) FROM foundry_usage.call", "LOCK foundry_usage.call",
        "GRANT SELECT ON foundry_usage.call TO sidecar",
    ),
    "analyst": (*NOBODY_MAY, WRITE, SUMS, "LOCK foundry_usage.call IN EXCLUSIVE MODE"),
}  # fmt: skip


def documented() -> list[str]:
    """The statements of the page's section on roles."""
    (block,) = re.findall(r"```sql\n(.*?)```", PAGE.partition("\n## Roles\n")[2].partition("\n## ")[0], re.DOTALL)
    return [each.strip() for each in re.sub(r"--.*", "", block).split(";") if each.strip()]


@pytest.fixture
def server(postgres: Postgres) -> Iterator[Postgres]:
    """With the schema, a closed row of November, and the roles."""
    _forget_roles(postgres)

    async def make() -> None:
        shared = SharedLedger(postgres.url())
        await shared.write([{"id": "a", "opened_at": NOVEMBER, "state": "closed", "total_tokens": 5, "model": "ri.m"}])
        await shared.close()

    asyncio.run(make())
    for statement in documented():
        postgres.ask(statement)
    yield postgres
    postgres.ask("DROP SCHEMA foundry_usage CASCADE")
    _forget_roles(postgres)


def _forget_roles(server: Postgres) -> None:
    for role in ROLES:
        server.ask(f"DROP ROLE IF EXISTS {role}")


def run(server: Postgres, role: str, statement: str) -> None:
    with psycopg.connect(server.url(role), connect_timeout=5) as connection:
        connection.execute(statement.encode())
        connection.rollback()


def test_each_role_may_what_it_needs_and_no_more(server: Postgres) -> None:
    for role, statements in MAY.items():
        for statement in statements:
            run(server, role, statement)
    allowed = []
    for role, statements in REFUSED.items():
        for statement in statements:
            try:
                run(server, role, statement)
            except InsufficientPrivilege:
                continue
            allowed.append((role, statement))
    assert allowed == []
    assert server.ask("SELECT id, total_tokens FROM foundry_usage.call") == [("a", 5)]


def test_a_sidecar_s_role_carries_rows_and_asks_for_sums(server: Postgres, tmp_path: Path, records: Records) -> None:
    async def sums() -> list[tuple[object, ...]]:
        shared = SharedLedger(server.url("sidecar"))
        try:
            with pytest.raises(SharedLedgerError, match="usage_write"):
                await SharedLedger(server.url("analyst")).write([])
            with pytest.raises(SharedLedgerError, match="usage_sums"):
                await SharedLedger(server.url("analyst")).sums(0)
            return await shared.sums(0)
        finally:
            await shared.close()

    ledger = LedgerWriter(tmp_path / "usage.sqlite", ship=True, run={"pod": "pod-1"})
    ledger.start()
    with shipping(ledger, server, "sidecar") as each:
        write(ledger, "now", total_tokens=7, model="ri.m", decision="allowed")
        write(ledger, "a", total_tokens=0, opened_at=NOVEMBER)  # closed before: it stays as it is
        write(ledger, "next year", opened_at=time.time() + 400 * 86_400)  # a partition that is not there yet
        eventually(lambda: each.shipped == 3)
    ledger.close()
    assert server.ask("SELECT id, total_tokens FROM foundry_usage.call ORDER BY id") == [
        ("a", 5), ("next year", None), ("now", 7),
    ]  # fmt: skip
    assert [row[0] for row in asyncio.run(sums())] == ["ri.m"]


def test_an_analyst_reads_who_used_what(
    server: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str], records: Records
) -> None:
    config = tmp_path / "sidecar.yaml"

    def configure(role: str) -> None:
        document = {
            "listen": {"certificates": str(tmp_path)},
            "provider": {"regions": {"global": {"api_key": {"env": "OPENAI_API_KEY"}}}},
            "caller": {"verifier": "development"},
            "usage": {"shared": server.url(role)},
        }
        config.write_text(json.dumps(document))

    asked = ["usage", "--config", str(config), "--shared", "--since", "520w"]
    configure("analyst")
    for dimension in SHARED_DIMENSIONS:
        assert main([*asked, "--by", dimension, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["total"]["total_tokens"] == 5
    assert main([*asked, "--html", str(tmp_path / "usage.html")]) == 0
    capsys.readouterr()
    configure("sidecar")
    assert main(asked) == 1
    assert "GRANT USAGE ON SCHEMA foundry_usage, and SELECT ON foundry_usage.call" in capsys.readouterr().err
