"""Rules that only warn: the call is served, and the record tells what would have been refused."""

import json
from typing import Any

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.records import Records

MCP = {"type": "mcp", "server_label": "x", "server_url": "https://x.example"}
SEARCH = {"type": "web_search"}
RISKY = {**HELLO, "tools": [MCP, SEARCH], "service_tier": "flex"}
TOOLS = ["tools[0] ZERO_DATA_RETENTION", "tools[1] GEORESTRICTION"]
ALL = [*TOOLS, "service_tier COST"]


@pytest.mark.parametrize(
    ("policy", "body", "warnings"),
    [
        ({"mode": "warn"}, RISKY, ALL),
        ({"mode": "warn"}, HELLO, None),
        ({"rules": {"tool.mcp": "warn", "tool.web_search": "warn", "service_tier.flex": "warn"}}, RISKY, ALL),
        ({"rules": {"ZERO_DATA_RETENTION": "warn", "GEORESTRICTION": "warn", "COST": "warn"}}, RISKY, ALL),
        (
            {"rules": {"ZERO_DATA_RETENTION": "warn", "tool.web_search": "warn"}},
            {**HELLO, "tools": [MCP, SEARCH]},
            TOOLS,
        ),
        ({"mode": "warn"}, {**HELLO, "store": True}, ["store ZERO_DATA_RETENTION"]),
        ({"mode": "warn"}, {**HELLO, "no_such_field": 1}, ["no_such_field UNKNOWN"]),
    ],
)
def test_served_and_recorded(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    policy: dict[str, Any],
    body: dict[str, Any],
    warnings: list[str] | None,
) -> None:
    with RunningSidecar(make_settings(policy=policy)) as sidecar:
        post(sidecar.port, body)
    (record,) = records.wait()
    assert record["policy.decision"] != "refused"
    assert sorted(record.get("policy.warnings", [])) == sorted(warnings or [])
    assert "policy.rule" not in record
    (call,) = provider.calls
    sent = json.loads(call.body)
    assert sent["store"] is False, "whatever only warns, nothing is stored"
    assert {name: sent.get(name) for name in body if name not in {"store", "model"}} == {
        name: value for name, value in body.items() if name not in {"store", "model"}
    }


@pytest.mark.parametrize(
    ("policy", "param", "warnings"),
    [
        ({"rules": {"tool.mcp": "warn"}}, "tools[1]", ["tools[0] ZERO_DATA_RETENTION"]),
        ({"mode": "warn", "rules": {"tool.mcp": "enforce"}}, "tools[0]", None),
        ({"mode": "warn", "rules": {"ZERO_DATA_RETENTION": "enforce"}}, "tools[0]", None),
        ({"mode": "warn", "rules": {"COST": "enforce"}}, "service_tier", None),
        ({"rules": {"ZERO_DATA_RETENTION": "warn", "tool.mcp": "enforce"}}, "tools[0]", None),
    ],
)
def test_one_rule_that_is_enforced_refuses(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    policy: dict[str, Any],
    param: str,
    warnings: list[str] | None,
) -> None:
    with RunningSidecar(make_settings(policy=policy)) as sidecar:
        reply = post(sidecar.port, RISKY)
    assert (reply.status, reply.json["error"]["param"]) == (400, param)
    assert provider.dialled == 0
    (record,) = records.wait()
    assert (record["policy.decision"], record["policy.param"]) == ("refused", param)
    assert warnings is None or record["policy.warnings"] == warnings


@pytest.mark.parametrize(
    "body",
    [b"[]", b'{"model": 1, "model": 2}', {**HELLO, "temperature": "hot"}, {"model": "gpt-5.2", "input": "x"}],
)
def test_what_is_malformed_is_refused_all_the_same(
    make_settings: SettingsMaker, provider: SimulatedProvider, body: Any
) -> None:
    with RunningSidecar(make_settings(policy={"mode": "warn"})) as sidecar:
        assert post(sidecar.port, body).status == 400
    assert provider.dialled == 0
