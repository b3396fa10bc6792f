"""What holds of each API alike, through a real proxy: the form of refusals, estimates, ranges of numbers."""

import json
from typing import Any, Final

import pytest

from addons.apis.table import APIS
from addons.bodies.api import Api
from addons.foundry.paths import BASE
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.proxy.client import post, request_bytes, send
from tests.proxy.running import RunningSidecar
from tests.proxy.test_embeddings import ADA
from tests.records import Records

each = pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)

GOOD: Final[dict[str, dict[str, Any]]] = {
    "responses": {"model": MODEL, "input": "Hi"},
    "chat_completions": {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]},
    "embeddings": {"model": ADA, "input": "Hi"},
}


@pytest.mark.parametrize(
    ("error_format", "foundrys", "openais"),
    [("hybrid", True, True), ("foundry", True, False), ("openai", False, True)],
)
def test_refusals_and_the_providers_errors_have_the_form_that_is_configured(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    error_format: str,
    foundrys: bool,
    openais: bool,
) -> None:
    with RunningSidecar(make_settings(foundry={"error_format": error_format})) as sidecar:
        for api in APIS:
            provider.script("status=422")
            target = f"{BASE}{api.path}"
            replies = [
                post(sidecar.port, GOOD[api.name] | {"a_field_of_next_year": 1}, target=target),
                post(sidecar.port, GOOD[api.name], target=target),
            ]
            assert [reply.status for reply in replies] == [400, 400]
            for reply in replies:
                assert ("errorName" in reply.json, "error" in reply.json) == (foundrys, openais)
        reply = send(sidecar.port, request_bytes(b"", method="GET", target=f"{BASE}/models", without=["Authorization"]))
        assert ("errorName" in reply.json, "error" in reply.json) == (foundrys, openais)
    assert [call.target for call in provider.calls] == [f"/v1{api.path}" for api in APIS]
    assert [record["openai.api.type"] for record in records.wait(count=2 * len(APIS) + 1)[:-1]] == [
        api.name for api in APIS for _ in range(2)
    ]


@pytest.mark.parametrize(
    ("name", "more", "output"),
    [
        ("responses", {"max_output_tokens": 500}, 500),
        ("chat_completions", {"max_completion_tokens": 500}, 500),
        ("chat_completions", {"max_tokens": 500, "n": 3}, 1_500),
        ("chat_completions", {"max_completion_tokens": 500, "n": 128}, 64_000),
        ("embeddings", {"dimensions": 256}, 0),
    ],
)
def test_the_estimate_is_the_input_and_the_cap_for_each_answer(
    make_settings: SettingsMaker, records: Records, name: str, more: dict[str, Any], output: int
) -> None:
    (api,) = (api for api in APIS if api.name == name)
    body = json.dumps({**GOOD[name], **more}).encode()
    settings = make_settings(limits={"user": {"default": {"tokens_per_minute": 1_000_000}}})
    with RunningSidecar(settings) as sidecar:
        assert post(sidecar.port, body, target=f"{BASE}{api.path}").status == 200
    assert records.wait()[-1]["rate_limit.estimated_tokens"] == -(-len(body) // 4) + output


@each
def test_a_number_beyond_its_range_does_not_leave(
    sidecar: RunningSidecar, provider: SimulatedProvider, api: Api
) -> None:
    beyond = [0, -1, 1.5, 10**400, True, "1"]
    names = [
        name
        for name in ("n", "max_tokens", "max_completion_tokens", "max_output_tokens", "dimensions")
        if name in api.request.rows
    ]
    assert names
    for name in names:
        for value in beyond:
            reply = post(sidecar.port, GOOD[api.name] | {name: value}, target=f"{BASE}{api.path}")
            assert (reply.status, reply.json["error"]["param"]) == (400, name)
    assert provider.dialled == 0
