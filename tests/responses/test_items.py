"""Input items: one member that says something is enough, and without any an item is none."""

from typing import Any, Final

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.verdict import Json
from addons.foundry.models import Model
from tests.responses.judging import judge

MODEL = Model(rid="ri.a..b.c", provider_model="m", daily_cache=False)
SEARCH: Final = {"type": "search", "query": "weather"}
CLICK: Final = {"type": "click", "button": "left", "x": 1, "y": 2}
CHOICES: Final[dict[str, dict[str, Any]]] = {
    "web_search_call": {"web_search": "allow"},
    "image_generation_call": {"image_generation": "allow"},
    "computer_call": {"computer": "allow"},
}
ENOUGH: Final[dict[str, dict[str, Json]]] = {
    "message": {"content": "x"},
    "function_call": {"arguments": "{}"},
    "function_call_output": {"output": "x"},
    "custom_tool_call": {"input": "x"},
    "custom_tool_call_output": {"output": "x"},
    "local_shell_call": {"action": {"type": "exec", "command": ["ls"]}},
    "local_shell_call_output": {"output": "x"},
    "shell_call": {"action": {"commands": ["ls"]}},
    "shell_call_output": {"output": [{"stdout": "x"}]},
    "apply_patch_call": {"operation": {"type": "delete_file", "path": "a"}},
    "apply_patch_call_output": {"status": "completed"},
    "reasoning": {"encrypted_content": "gAAA"},
    "compaction": {"encrypted_content": "gAAA"},
    "configuration_update": {"reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}},
    "web_search_call": {"action": SEARCH, "status": "completed"},
    "image_generation_call": {"result": "eHh4", "error": {"code": "c"}, "status": "failed"},
    "computer_call": {"action": CLICK, "actions": [CLICK], "status": "completed"},
}


def refused(kind: str, members: dict[str, Json]) -> list[tuple[str, str]]:
    settings = PolicySettings(**CHOICES.get(kind, {}))
    found = judge({"store": False, "input": [{"type": kind, **members}]}, MODEL, settings).refused
    return [(finding.rule, finding.message) for finding in found]


@pytest.mark.parametrize(("kind", "member"), [(kind, member) for kind, members in ENOUGH.items() for member in members])
def test_each_member_that_says_something_is_enough(kind: str, member: str) -> None:
    for more in ({}, {"id": "x_1"}):
        assert refused(kind, {member: ENOUGH[kind][member], **more}) == []


@pytest.mark.parametrize("kind", ENOUGH)
def test_without_any_it_is_told_what_is_missing(kind: str) -> None:
    assert refused(kind, {}) == [("INVALID", f"input[0] must have {' or '.join(ENOUGH[kind])}.")]


@pytest.mark.parametrize("kind", ENOUGH)
def test_by_its_id_alone_it_would_be_looked_up(kind: str) -> None:
    assert [rule for rule, _ in refused(kind, {"id": "x_1"})] == ["ZERO_DATA_RETENTION"]


@pytest.mark.parametrize(("kind", "rule"), [
    ("web_search_call", "GEORESTRICTION"), ("image_generation_call", "FEATURE_DISABLED"),
    ("computer_call", "FEATURE_DISABLED"), ("computer_call_output", "FEATURE_DISABLED"),
    ("file_search_call", "ZERO_DATA_RETENTION"), ("code_interpreter_call", "ZERO_DATA_RETENTION"),
    ("mcp_call", "ZERO_DATA_RETENTION"), ("program", "ZERO_DATA_RETENTION"),
])  # fmt: skip
def test_the_history_of_a_tool_is_refused_as_the_tool_is(kind: str, rule: str) -> None:
    (finding,) = judge(
        {"store": False, "input": [{"type": kind, "status": "completed"}]}, MODEL, PolicySettings()
    ).refused
    assert finding.rule == rule


@pytest.mark.parametrize(
    "item",
    [{"type": "tool_search_call", "arguments": {}}, {"type": "tool_search_output", "tools": []}],
    ids=["a search", "what it found"],
)
@pytest.mark.parametrize(
    ("members", "settings", "rules"),
    [
        pytest.param({}, {}, ["FEATURE_DISABLED"], id="the server is assumed"),
        pytest.param({"execution": "server"}, {}, ["FEATURE_DISABLED"], id="the server"),
        pytest.param({"execution": "client"}, {}, [], id="the client"),
        pytest.param({}, {"server_tool_search": "allow"}, [], id="the server, where it may"),
    ],
)
def test_who_searched_decides(
    item: dict[str, Json], members: dict[str, Json], settings: dict[str, Any], rules: list[str]
) -> None:
    found = judge({"store": False, "input": [{**item, **members}]}, MODEL, PolicySettings(**settings)).refused
    assert [finding.rule for finding in found] == rules
