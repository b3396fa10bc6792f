"""A record in words."""

from typing import Any

import pytest

from addons.inspecting.summary import CHANGED_MARKER, MARKERS, comment, line, lines, marker

PROJECT = "ri.compass.main.folder.the-project"
SERVED: dict[str, Any] = {
    "policy.decision": "served",
    "http.response.status_code": 200,
    "foundry.model.rid": "ri.language-model-service..language-model.gpt-5-2",
    "gen_ai.request.model": "gpt-5.2",
    "foundry.attribution": [PROJECT, "ri.compass.main.folder.other"],
    "caller": "anna",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 30,
    "policy.changes": ["store added"],
    "answer.ended": "whole",
    "duration.total": 1.234,
}
REFUSED: dict[str, Any] = {
    "policy.decision": "refused",
    "http.response.status_code": 400,
    "policy.param": "tools[0]",
    "policy.rule": "COST",
    "policy.setting": "policy.rules.tool.mcp",
    "refusal.name": "refused_feature",
    "refusal.message": "It costs.",
    "duration.total": 0.001,
}
FAILED: dict[str, Any] = {
    **SERVED,
    "policy.decision": "failed",
    "http.response.status_code": 503,
    "refusal.name": "provider_unreachable",
    "refusal.detail": "connection refused",
    "policy.setting": "provider.regions.*.url",
}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (SERVED, MARKERS["served"]),
        ({**SERVED, "policy.changes": ["store forced"]}, CHANGED_MARKER),
        ({**SERVED, "policy.changes": ["store added", "user stripped"]}, CHANGED_MARKER),
        (REFUSED, MARKERS["refused"]),
        (FAILED, MARKERS["failed"]),
    ],
)
def test_marker(record: dict[str, Any], expected: str) -> None:
    assert marker(record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (SERVED, "gpt-5.2 · the-project, other · 1,200 in + 30 out · 1.23 s"),
        (REFUSED, "tools[0] COST · 0.00 s"),
        (FAILED, "provider_unreachable gpt-5.2 · the-project, other · 1,200 in + 30 out · 1.23 s"),
        ({"policy.decision": "refused", "refusal.name": "not_found"}, "not_found"),
        ({"policy.decision": "served", "gen_ai.usage.output_tokens": 1}, "? in + 1 out"),
    ],
)
def test_comment(record: dict[str, Any], expected: str) -> None:
    assert comment(record) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            SERVED,
            "served  200 · gpt-5.2 · anna · the-project, other · 1,200 in + 30 out · 1.23 s · changed store added",
        ),
        ({**SERVED, "answer.ended": "truncated", "policy.changes": []},
         "served  200 · gpt-5.2 · anna · the-project, other · 1,200 in + 30 out · 1.23 s · stream truncated"),
        (REFUSED, "refused 400 · tools[0] · COST · It costs. · setting: policy.rules.tool.mcp"),
        (FAILED, "failed  503 · provider_unreachable · setting: provider.regions.*.url · connection refused"),
        ({"policy.decision": "refused"}, "refused "),
    ],
)  # fmt: skip
def test_line(record: dict[str, Any], expected: str) -> None:
    assert line(record) == expected


def test_lines() -> None:
    assert list(lines(REFUSED)) == [
        "REFUSED 400",
        "  why      It costs.",
        "  where    tools[0]",
        "  rule     COST",
        "  setting  policy.rules.tool.mcp",
        "  time     0.00 s",
    ]
