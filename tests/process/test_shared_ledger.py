"""Rows on their way to the shared ledger, of a sidecar that is killed, and of one that ends while a database hangs."""

import signal
from pathlib import Path
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import HELLO, post
from tests.usage.postgres import Postgres, own_postgres
from tests.waiting import eventually

__all__ = ["own_postgres"]

READ = "SELECT state, count(*) FROM foundry_usage.call GROUP BY 1"


@pytest.fixture
def config(make_document: DocumentMaker, tmp_path: Path, own_postgres: Postgres) -> Path:
    """The URL has a password, which the server does not ask for."""
    url = tmp_path / "url"
    url.write_text(own_postgres.url().replace("owner@", "owner:hunter2@"))
    usage: dict[str, Any] = {"ledger": str(tmp_path / "usage.sqlite"), "shared": {"file": str(url)}}
    return written(tmp_path, make_document(usage=usage))


def test_a_killed_sidecar_s_rows_are_carried_by_the_next(
    config: Path, provider: SimulatedProvider, own_postgres: Postgres
) -> None:
    own_postgres.stop()
    with SidecarProcess(config) as sidecar:
        for _ in range(3):
            assert post(sidecar.port, HELLO).status == 200
        told = sidecar.records.wait("usage_not_shipped")
        sidecar.records.wait("call", count=3)
        sidecar.signal(signal.SIGKILL)
        sidecar.exit_code()
    assert "hunter2" not in str(told)
    own_postgres.start()
    with SidecarProcess(config):
        eventually(lambda: own_postgres.ask("SELECT to_regclass('foundry_usage.call')") != [(None,)])
        eventually(lambda: sum(count for _, count in own_postgres.ask(READ)) == 3)


def test_a_database_that_hangs_does_not_keep_the_end_waiting(
    config: Path, provider: SimulatedProvider, own_postgres: Postgres
) -> None:
    with SidecarProcess(config) as sidecar:
        assert post(sidecar.port, HELLO).status == 200
        eventually(lambda: own_postgres.ask("SELECT to_regclass('foundry_usage.call')") != [(None,)])
        eventually(lambda: own_postgres.ask(READ) == [("closed", 1)])
        own_postgres.freeze()
        for _ in range(2):
            assert post(sidecar.port, HELLO).status == 200
        sidecar.records.wait("call", count=3)
        sidecar.signal()
        (left,) = sidecar.records.wait("usage_left_on_disk")
        assert sidecar.exit_code() == 0
    assert left["rows"] == 2
    own_postgres.thaw()
    with SidecarProcess(config):
        eventually(lambda: own_postgres.ask(READ) == [("closed", 3)])
