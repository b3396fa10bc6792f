"""Rows on their way to the shared ledger, of a sidecar that is killed or ends while the database hangs."""

import signal
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.process.conftest import DocumentMaker, written
from tests.process.sidecar import SidecarProcess
from tests.proxy.client import HELLO, post
from tests.usage.postgres import Postgres, own_postgres
from tests.waiting import eventually

__all__ = ["own_postgres"]

VOLUMES = [None, *(each for each in ("/dev/shm",) if Path(each).is_dir())]
"""Where files of a pod without a disk lie: an emptyDir, and one in memory."""

READ = "SELECT state, count(*) FROM foundry_usage.call GROUP BY 1"


type ConfigMaker = Callable[[str], Path]


@pytest.fixture
def make_config(make_document: DocumentMaker, tmp_path: Path, own_postgres: Postgres) -> ConfigMaker:
    """The URL has a password, which the server does not ask for."""
    url = tmp_path / "url"
    url.write_text(own_postgres.url().replace("owner@", "owner:hunter2@"))

    def make(ledger: str) -> Path:
        usage: dict[str, Any] = {"ledger": ledger, "shared": {"file": str(url)}}
        return written(tmp_path, make_document(usage=usage))

    return make


@pytest.fixture
def config(make_config: ConfigMaker, tmp_path: Path) -> Path:
    return make_config(str(tmp_path / "usage.sqlite"))


@pytest.mark.parametrize("volume", VOLUMES)
def test_a_killed_sidecar_s_rows_are_carried_by_the_next(
    make_config: ConfigMaker, provider: SimulatedProvider, own_postgres: Postgres, volume: str | None
) -> None:
    with TemporaryDirectory(dir=volume) as name:
        killed_and_started_again(make_config(f"{name}/usage.sqlite"), own_postgres)


def killed_and_started_again(config: Path, own_postgres: Postgres) -> None:
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


def test_of_a_ledger_in_memory_a_killed_sidecar_loses_what_was_not_carried_and_no_more(
    make_config: ConfigMaker, provider: SimulatedProvider, own_postgres: Postgres
) -> None:
    config = make_config("memory")
    with SidecarProcess(config) as sidecar:
        assert post(sidecar.port, HELLO).status == 200
        eventually(lambda: own_postgres.ask("SELECT to_regclass('foundry_usage.call')") != [(None,)])
        eventually(lambda: own_postgres.ask(READ) == [("closed", 1)])
        own_postgres.stop()
        assert post(sidecar.port, HELLO).status == 200
        sidecar.records.wait("usage_not_shipped")
        sidecar.signal(signal.SIGKILL)
        sidecar.exit_code()
    assert [each for each in config.parent.rglob("*") if ".sqlite" in each.name or each.name == "memory"] == []
    own_postgres.start()
    with SidecarProcess(config) as sidecar:
        assert post(sidecar.port, HELLO).status == 200
        sidecar.signal()
        assert sidecar.exit_code() == 0
    assert own_postgres.ask(READ) == [("closed", 2)]


def test_what_a_ledger_in_memory_could_not_carry_at_the_end_is_told(
    make_config: ConfigMaker, provider: SimulatedProvider, own_postgres: Postgres
) -> None:
    own_postgres.stop()
    with SidecarProcess(make_config("memory")) as sidecar:
        for _ in range(2):
            assert post(sidecar.port, HELLO).status == 200
        sidecar.records.wait("call", count=2)
        sidecar.signal()
        (left,) = sidecar.records.wait("usage_lost_at_the_end")
        assert sidecar.exit_code() == 0
    assert (left["rows"], left["level"]) == (2, "error")
    assert "hunter2" not in str(left)
