"""A record in words."""

from typing import Any

import pytest
from mitmproxy.utils.emoji import emoji

from addons.call import Outcome
from addons.inspecting.summary import CHANGED_MARKER, MARKERS, comment, facts, line, marker, verdict

PROJECT = "ri.compass.main.folder.the-project"
SERVED: dict[str, Any] = {
    "policy.decision": "allowed",
    "call.outcome": "served",
    "http.response.status_code": 200,
    "foundry.model.rid": "ri.language-model-service..language-model.gpt-5-2",
    "gen_ai.request.model": "gpt-5.2",
    "foundry.attribution": [PROJECT, "ri.compass.main.folder.other"],
    "caller": "anna",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 30,
    "policy.changes": ["store added"],
    "duration.total": 1.234,
}
REFUSED: dict[str, Any] = {
    "policy.decision": "refused",
    "call.outcome": "refused",
    "http.response.status_code": 400,
    "policy.param": "tools[0]",
    "policy.rule": "COST",
    "policy.setting": "policy.rules.tool.mcp",
    "error.type": "refused_feature",
    "refusal.message": "It costs.",
    "refusal.instance_id": "an id",
    "duration.total": 0.001,
}
FAILED: dict[str, Any] = {
    **SERVED,
    "call.outcome": "provider_error",
    "http.response.status_code": 503,
    "error.type": "provider_unreachable",
    "refusal.instance_id": "an id",
    "refusal.detail": "connection refused",
    "policy.setting": "provider.regions.*.url",
}
LOST: dict[str, Any] = {
    "policy.decision": "refused",
    "call.outcome": "refused",
    "http.response.status_code": 404,
    "error.type": "not_found",
    "refusal.instance_id": "an id",
    "refusal.hint": "Set the base URL.",
    "http.request.method": "POST",
    "url.path": "/v1/responses",
}
LISTED: dict[str, Any] = {
    "policy.decision": "allowed",
    "call.outcome": "served",
    "gen_ai.operation.name": "list_models",
    "http.response.status_code": 200,
    "caller": "anna",
    "duration.total": 0.001,
}
OLD: dict[str, Any] = {
    "policy.decision": "failed",
    "refusal.name": "provider_failed",
    "gen_ai.request.model": "gpt-5.2",
}


def ended(outcome: Outcome, **more: object) -> dict[str, Any]:
    return {**SERVED, "call.outcome": str(outcome), "error.type": str(outcome), "policy.changes": [], **more}


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_marker_that_mitmproxy_knows(outcome: Outcome) -> None:
    assert marker(ended(outcome)) == MARKERS[outcome]
    assert MARKERS[outcome] in emoji


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (SERVED, MARKERS[Outcome.SERVED]),
        ({**SERVED, "policy.changes": ["store forced"]}, CHANGED_MARKER),
        ({**SERVED, "policy.changes": ["store added", "user stripped"]}, CHANGED_MARKER),
        ({**SERVED, "call.outcome": "truncated", "policy.changes": ["store forced"]}, MARKERS[Outcome.TRUNCATED]),
        (REFUSED, MARKERS[Outcome.REFUSED]),
        (OLD, ":boom:"),
    ],
)
def test_marker(record: dict[str, Any], expected: str) -> None:
    assert marker(record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (SERVED, "gpt-5.2 · the-project, other · 1,200 in + 30 out · 1.23 s · anna"),
        (REFUSED, "tools[0] COST · 1 ms"),
        (
            FAILED,
            "provider_error provider_unreachable gpt-5.2 · the-project, other · 1,200 in + 30 out · 1.23 s · anna",
        ),
        (ended(Outcome.TRUNCATED), "truncated gpt-5.2 · the-project, other · 1,200 in + 30 out · 1.23 s · anna"),
        (LOST, "not_found POST /v1/responses"),
        ({"policy.decision": "allowed", "call.outcome": "served", "gen_ai.usage.output_tokens": 1}, "1 out"),
        (
            {**SERVED, "usage.cost": 0.0000125, "gen_ai.usage.output_tokens": None},
            "gpt-5.2 · the-project, other · 1,200 in · cost 0.0000125 · 1.23 s · anna",
        ),
        (LISTED, "list of models · 1 ms · anna"),
        (
            ended(Outcome.PROVIDER_ERROR, **{"error.type": "provider_error", "provider.error.code": "server_error"}),
            "provider_error server_error gpt-5.2 · the-project, other · 1,200 in + 30 out · 1.23 s · anna",
        ),
        (OLD, "provider_failed gpt-5.2"),
    ],
)
def test_comment(record: dict[str, Any], expected: str) -> None:
    assert comment(record) == expected


CALLED = "gpt-5.2 · anna · the-project, other · 1,200 in + 30 out · 1.23 s"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (SERVED, f"served  200 · {CALLED} · changed store added"),
        (ended(Outcome.TRUNCATED), f"truncated 200 · {CALLED}"),
        (ended(Outcome.CALLER_STALLED), f"caller_stalled 200 · {CALLED}"),
        (
            ended(Outcome.PROVIDER_ERROR, **{"provider.error.code": "server_error"}),
            f"provider_error 200 · {CALLED} · provider: server_error",
        ),
        (REFUSED, "refused 400 · tools[0] · COST · It costs. · setting: policy.rules.tool.mcp"),
        (
            FAILED,
            "provider_error 503 · provider_unreachable · setting: provider.regions.*.url · connection refused",
        ),
        (LOST, "refused 404 · POST /v1/responses · Set the base URL."),
        ({"policy.decision": "refused", "call.outcome": "caller_gone", "error.type": "caller_gone"}, "caller_gone "),
        ({**SERVED, "caller": "a\x1b[31m\u202eb\n"}, f"served  200 · {CALLED} · changed store added".replace(
            "anna", "a?[31m?b?")),
    ],
)  # fmt: skip
def test_line(record: dict[str, Any], expected: str) -> None:
    assert line(record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (SERVED, ["SERVED 200 · gpt-5.2 · the-project, other · 1,200 in + 30 out · 1.23 s"]),
        (
            {"policy.decision": "allowed", "call.outcome": "truncated", "error.type": "truncated"},
            ["TRUNCATED", "  why      The provider's answer broke off before its end."],
        ),
        (
            REFUSED,
            [
                "REFUSED 400 · 1 ms",
                "  why      It costs.",
                "  where    tools[0]",
                "  rule     COST",
                "  setting  policy.rules.tool.mcp",
            ],
        ),
        (
            {**SERVED, "usage.cost": 1234.5},
            ["SERVED 200 · gpt-5.2 · the-project, other · 1,200 in + 30 out · cost 1,234.50 · 1.23 s"],
        ),
        (
            ended(Outcome.PROVIDER_ERROR, **{"provider.error.code": "server_error"}),
            [
                "PROVIDER_ERROR 200 · gpt-5.2 · the-project, other · 1,200 in + 30 out · 1.23 s",
                "  why      The provider's answer says that it failed.",
                "  provider server_error",
            ],
        ),
        (
            {**LOST, "refusal.message": "Set the base URL."},
            ["REFUSED 404 · POST /v1/responses", "  why      Set the base URL."],
        ),
        (
            LOST,
            ["REFUSED 404 · POST /v1/responses", "  why      not_found", "  hint     Set the base URL."],
        ),
    ],
)
def test_verdict(record: dict[str, Any], expected: list[str]) -> None:
    assert list(verdict(record)) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            {
                **SERVED,
                "foundry.attribution": [PROJECT],
                "gen_ai.usage.cache_read.input_tokens": 1000,
                "gen_ai.usage.cache_write.input_tokens": 0,
                "gen_ai.usage.reasoning.output_tokens": 8,
                "gen_ai.response.time_to_first_chunk": 0.25,
                "duration.provider": 1.25,
                "usage.cost": 0.0125,
                "call.by_hand": ["held", "edited"],
                "alarms": ["fault"],
            },
            [
                "  model    ri.language-model-service..language-model.gpt-5-2 ->",
                "           gpt-5.2",
                "  caller   anna",
                "  projects ri.compass.main.folder.the-project",
                "  tokens   1,200 in + 30 out, 1,000 cached, 8 for reasoning",
                "  cost     0.0125",
                "  speed    250 ms to the first event, then 30 tokens/s",
                "  by hand  held, edited",
                "  alarm    fault",
            ],
        ),
        (REFUSED, []),
        (
            {"policy.candidate": ["refused ZERO_DATA_RETENTION"], "foundry.model.shutdown": "2026-12-11"},
            ["  ends on  2026-12-11", "  trial    refused ZERO_DATA_RETENTION"],
        ),
    ],
)
def test_facts(record: dict[str, Any], expected: list[str]) -> None:
    assert list(facts(record)) == expected
