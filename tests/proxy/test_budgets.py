"""Budgets behind a real proxy: refused for good, and counted again after a restart."""

from pathlib import Path

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records


def test_a_budget_outlives_the_process(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tmp_path: Path
) -> None:
    settings = make_settings(
        usage={"ledger": tmp_path / "usage.sqlite"},
        limits={"budgets": {"enrollment": {"month": {"tokens": 1000, "money": 5}}}},
        prices={MODEL: {"input": 1, "output": 10}},
    )
    body = {**HELLO, "max_output_tokens": 500, "metadata": {"simulate": "usage=500,0,200,0"}}
    for served in (1, 0):
        with RunningSidecar(settings) as sidecar:
            for _ in range(served):
                assert post(sidecar.port, body).status == 200
            records.wait(count=1)
            reply = post(sidecar.port, body)
            assert (reply.status, reply.code, reply.headers["x-should-retry"]) == (403, "budget_exceeded", "false")
    assert len(provider.calls) == 1
    refused = records.of("call")[-1]
    assert (refused["error.type"], refused["policy.rule"]) == ("budget_exceeded", "BUDGET")
