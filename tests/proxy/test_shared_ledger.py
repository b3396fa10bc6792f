"""Calls through a real proxy, told to a real PostgreSQL."""

from pathlib import Path

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.usage.postgres import Postgres, own_postgres, postgres, postgres_process

__all__ = ["own_postgres", "postgres", "postgres_process"]


@pytest.mark.parametrize("ledger", ["usage.sqlite", "memory"])
def test_calls_are_in_the_shared_ledger_when_the_sidecar_has_ended(
    make_settings: SettingsMaker, records: Records, postgres: Postgres, tmp_path: Path, ledger: str
) -> None:
    where = tmp_path / ledger if "." in ledger else ledger
    settings = make_settings(usage={"ledger": where, "shared": postgres.url()})
    with RunningSidecar(settings) as sidecar:
        assert post(sidecar.port, {**HELLO, "metadata": {"simulate": "usage=100,40,20,8,50"}}).status == 200
        assert post(sidecar.port, {**HELLO, "store": True}).status == 400
        served, refused = records.wait(count=2)
    found = postgres.ask(
        "SELECT id, state, input_tokens, cache_write_tokens FROM foundry_usage.call ORDER BY opened_at"
    )
    assert found == [(served["call.id"], "closed", 100, 50), (refused["call.id"], "closed", None, None)]
    assert postgres.ask("SELECT DISTINCT pod IS NOT NULL FROM foundry_usage.call") == [(True,)]


def test_calls_go_on_without_the_shared_ledger(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, own_postgres: Postgres, tmp_path: Path
) -> None:
    own_postgres.stop()
    settings = make_settings(usage={"ledger": tmp_path / "usage.sqlite", "shared": own_postgres.url()})
    with RunningSidecar(settings) as sidecar:
        assert post(sidecar.port).status == 200
        records.wait("usage_not_shipped")
        assert post(sidecar.port).status == 200
    assert records.of("usage_left_on_disk")[0]["rows"] == 2
    own_postgres.start()
    with RunningSidecar(settings):
        pass
    assert own_postgres.ask("SELECT count(*) FROM foundry_usage.call WHERE state = 'closed'") == [(2,)]
