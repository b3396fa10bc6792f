"""Back to an older sidecar, whose ledgers a newer one has brought up to date; and forth again."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from addons.usage.ledger_tables import VERSION
from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import ROOT, SidecarProcess
from tests.proxy.client import HELLO, post
from tests.usage.postgres import Postgres, own_postgres
from tests.waiting import LONGEST

__all__ = ["own_postgres"]

NEWER = """
from addons.usage import ledger_tables, shared_schema
ledger_tables.UPGRADES[ledger_tables.VERSION] = 'ALTER TABLE call ADD COLUMN later TEXT'
ledger_tables.VERSION += 1
known, now = (f"AS 'SELECT {shared_schema.VERSION + more}'" for more in (0, 1))
assert known in shared_schema.MIGRATION
shared_schema.MIGRATION = (
    shared_schema.MIGRATION.replace(known, now) + 'ALTER TABLE foundry_usage.call ADD COLUMN IF NOT EXISTS later text;'
)
shared_schema.VERSION += 1
"""
"""What makes a sidecar of today a newer one, with a column more in both ledgers."""

READ = "SELECT id FROM foundry_usage.call WHERE state = 'closed'"

type ConfigMaker = Callable[[str], Path]


@pytest.fixture
def make_config(make_document: DocumentMaker, tmp_path: Path, own_postgres: Postgres) -> ConfigMaker:
    def make(name: str) -> Path:
        usage: dict[str, Any] = {"ledger": str(tmp_path / name), "shared": own_postgres.url()}
        return written(tmp_path, make_document(usage=usage))

    return make


def one_call(config: Path, before: str = "") -> str:
    """The id of a call through a sidecar that is then ended."""
    with SidecarProcess(config, before=before) as sidecar:
        assert post(sidecar.port, HELLO).status == 200
        (record,) = sidecar.records.wait("call")
        sidecar.signal()
        assert sidecar.exit_code() == 0
    return str(record["call.id"])


def said_by(command: str, config: Path) -> str:
    """What a command says that refuses the configuration."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "addons", command, "--config", str(config)],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HOME": str(config.parent)},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def held(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT * FROM call ORDER BY number").fetchall()


def test_back_and_forth_again_loses_no_row(
    make_config: ConfigMaker, provider: SimulatedProvider, own_postgres: Postgres, tmp_path: Path
) -> None:
    made = {one_call(make_config("first")), one_call(make_config("first"), NEWER)}
    assert own_postgres.ask("SELECT count(later), count(*) FROM foundry_usage.call") == [(0, 2)]
    own_postgres.stop()
    made.add(one_call(make_config("first"), NEWER))  # it stays on the disk
    own_postgres.start()

    # back
    before = held(tmp_path / "first")
    for command in ("check", "start", "usage"):
        said = said_by(command, make_config("first"))
        assert f"{tmp_path / 'first'} was written by a newer sidecar" in said
        assert f"version {VERSION + 1}" in said
        assert "Name another file for usage.ledger, and keep this one" in said
    assert held(tmp_path / "first") == before
    assert len(own_postgres.ask(READ)) == 2
    made.add(one_call(make_config("second")))  # into a shared ledger that is newer as well
    assert len(own_postgres.ask(READ)) == 3

    # forth again, with either file
    made |= {one_call(make_config("second"), NEWER), one_call(make_config("first"), NEWER)}
    found = [name for (name,) in own_postgres.ask(READ)]
    assert (sorted(found), len(found)) == (sorted(made), 6)


def test_an_older_sidecar_s_rows_that_wait_are_carried_by_the_newer(
    make_config: ConfigMaker, provider: SimulatedProvider, own_postgres: Postgres, tmp_path: Path
) -> None:
    """The way up: both ledgers are older, and a row waits on the disk."""
    made = {one_call(make_config("first"))}
    own_postgres.stop()
    made.add(one_call(make_config("first")))
    own_postgres.start()
    made.add(one_call(make_config("first"), NEWER))
    assert {name for (name,) in own_postgres.ask(READ)} == made
    assert own_postgres.ask("SELECT count(later) FROM foundry_usage.call") == [(0,)]
