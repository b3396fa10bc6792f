"""Budgets behind a real proxy: refused for good, and counted again after a restart."""

from pathlib import Path

import httpx2
import openai
import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.proxy.client import HELLO, TOKEN, post
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.usage.postgres import Postgres, postgres, postgres_process
from tests.usage.server import Store

__all__ = ["postgres", "postgres_process"]


@pytest.mark.parametrize(("played", "status"), [("usage=500,0,200,0", 200), ("status=500", 500)])
def test_a_budget_outlives_the_process(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    tmp_path: Path,
    played: str,
    status: int,
) -> None:
    """Also what a call was charged of which the provider told nothing."""
    settings = make_settings(
        usage={"ledger": tmp_path / "usage.sqlite"},
        limits={"budgets": {"enrollment": {"month": {"tokens": 1000, "money": 5}}}},
        prices={MODEL: {"input": 1, "output": 10}},
    )
    body = {**HELLO, "max_output_tokens": 700, "metadata": {"simulate": played}}
    for served in (1, 0):
        with RunningSidecar(settings) as sidecar:
            for _ in range(served):
                assert post(sidecar.port, body).status == status
            records.wait(count=1)
            reply = post(sidecar.port, body)
            assert (reply.status, reply.code, reply.headers["x-should-retry"]) == (403, "budget_exceeded", "false")
    assert len(provider.calls) == 1
    refused = records.of("call")[-1]
    assert (refused["error.type"], refused["policy.rule"]) == ("budget_exceeded", "BUDGET")


def test_an_sdk_does_not_try_again(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, tmp_path: Path
) -> None:
    """openai-python as it comes, which tries a 429 twice more."""
    budgets = {"user": {"default": {"day": {"requests": 0}}}}
    settings = make_settings(usage={"ledger": tmp_path / "usage.sqlite"}, limits={"budgets": budgets})
    with RunningSidecar(settings) as sidecar:
        base = f"http://127.0.0.1:{sidecar.port}/api/v2/llm/proxy/openai/v1"
        client = openai.OpenAI(api_key=TOKEN, base_url=base, http_client=httpx2.Client(trust_env=False))
        with client, pytest.raises(openai.PermissionDeniedError) as caught:
            client.responses.create(model=MODEL, input="Hi")
        records.wait(count=1)
    told = caught.value.response.json()
    assert told["errorName"] == "LanguageModelService:BudgetExceeded"
    assert told["parameters"]["resetsAt"].endswith("T00:00:00+00:00")
    assert len(records.of("call")) == 1
    assert not provider.calls


def test_a_budget_outlives_the_loss_of_the_store(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    tmp_path: Path,
    store: Store,
    postgres: Postgres,
) -> None:
    """What Valkey forgot is counted again from PostgreSQL, where another sidecar's calls are too."""
    body = {**HELLO, "max_output_tokens": 100, "metadata": {"simulate": "usage=300,0,200,0"}}
    budgets = {"enrollment": {"month": {"tokens": 1000}}}
    for name in ("one", "other"):
        settings = make_settings(
            usage={"ledger": tmp_path / name, "shared": postgres.url()},
            limits={"storage": store.url, "budgets": budgets},
        )
        with RunningSidecar(settings) as sidecar:
            assert post(sidecar.port, body).status == 200
            records.wait(count=1)
            records.clear()
    assert store.say("FLUSHALL") == "+OK"
    with RunningSidecar(settings) as sidecar:
        reply = post(sidecar.port, body)
        assert (reply.status, reply.code) == (403, "budget_exceeded")
        assert store.say("FLUSHALL") == "+OK"  # under a sidecar that runs
        assert post(sidecar.port, body).status == 403
    assert len(provider.calls) == 2
    assert len(records.of("budgets_rebuilt")) == 2
