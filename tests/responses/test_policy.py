"""What may leave, what may not, at every door and depth (docs/contract.md#fields)."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.rows import deciding
from addons.bodies.splice import MAX_DEPTH
from addons.bodies.verdict import ABSENT, Finding, Json, Verdict
from addons.foundry.models import Model
from addons.foundry.refusals import KINDS
from tests.responses.judging import judge

PLAIN = Model(rid="ri.language-model-service..language-model.gpt-4-1", provider_model="gpt-4.1", daily_cache=False)
REASONING = PLAIN.model_copy(update={"reasoning": True})
DATA_URL = "data:image/png;base64,iVBORw0KGgo="

type Body = dict[str, Json]


def verdict(body: Body, model: Model = PLAIN, **settings: Any) -> Verdict:
    before = copy.deepcopy(body)
    decided = judge(body, model, PolicySettings(**settings))
    assert body == before, "the body itself is never modified"
    return decided


def first(body: Body, **settings: Any) -> tuple[str, str, str]:
    refused = verdict(body, **settings).refused
    assert refused, "nothing was refused"
    finding = refused[0]
    assert finding.refusal in KINDS
    return finding.path, finding.rule, finding.refusal


def forwarded(body: Body, model: Model = PLAIN, **settings: Any) -> Body:
    decided = verdict(body, model, **settings)
    assert decided.refused == ()
    merged = {**body, **decided.members}
    return {key: value for key, value in merged.items() if value is not ABSENT}


def message(*parts: Json, **members: Json) -> Body:
    return {"input": [{"type": "message", "role": "user", "content": list(parts), **members}]}


FUNCTION = {"type": "function", "name": "add", "parameters": {"file_id": {"$ref": "https://x.example"}}, "strict": True}
CUSTOM = {"type": "custom", "name": "sql", "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"}}
SEALED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}


# -- what may leave


@pytest.mark.parametrize(
    "body",
    [
        {"input": "hi"},
        {"input": "https://example.com is only text", "instructions": "be kind", "temperature": 1, "top_p": 0.5},
        {"input": [{"role": "user", "content": "hi"}]},
        {"input": [{"type": None, "role": "assistant", "content": "hi", "phase": "final_answer"}]},
        message({"type": "input_text", "text": "hi", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}),
        message({"type": "input_image", "image_url": DATA_URL, "detail": "auto", "file_id": None}),
        message({"type": "input_image", "image_url": "DATA:image/png;base64,AA=="}),
        message({"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}),
        message({"type": "input_file", "filename": "a.pdf", "file_data": "JVBERi0xLjcK" * 20}),
        message(
            {
                "type": "output_text",
                "text": "see there",
                "annotations": [
                    {"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 0, "end_index": 3}
                ],
                "logprobs": [{"token": "a", "bytes": [97], "logprob": -0.1, "top_logprobs": []}],
            },
            {"type": "refusal", "refusal": "no"},
            role="assistant",
            id="msg_1",
            status="completed",
        ),
        {"input": [SEALED, {"type": "compaction", "encrypted_content": "gAAA"}, {"type": "compaction_trigger"}]},
        {
            "input": [
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "caller": {"type": "direct"}}
            ]
        },
        {"input": [{"type": "function_call_output", "call_id": "c", "output": "https://x.example/file-1"}]},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]}]},
        {"input": [{"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x", "status": "completed"}]},
        {
            "input": [
                {
                    "type": "custom_tool_call_output",
                    "call_id": "c",
                    "output": [{"type": "input_image", "image_url": DATA_URL}],
                }
            ]
        },
        {
            "input": [
                {
                    "type": "local_shell_call",
                    "call_id": "c",
                    "status": "completed",
                    "action": {"type": "exec", "command": ["ls"], "env": {"file_id": "https://x"}, "user": None},
                },
                {"type": "local_shell_call_output", "call_id": "c", "output": "a"},
                {
                    "type": "shell_call",
                    "call_id": "c",
                    "action": {"commands": ["ls"]},
                    "environment": {"type": "local"},
                },
                {
                    "type": "shell_call_output",
                    "call_id": "c",
                    "output": [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
                },
                {
                    "type": "apply_patch_call",
                    "call_id": "c",
                    "status": "completed",
                    "operation": {"type": "create_file", "path": "a", "diff": "+a"},
                },
                {"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": "no"},
            ]
        },
        {
            "input": [
                {"type": "configuration_update", "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}}
            ]
        },
        {
            "input": [
                {"type": "additional_tools", "role": "developer", "tools": [FUNCTION]},
                {"type": "tool_search_call", "execution": "client", "call_id": "c", "arguments": {"q": "https://x"}},
                {"type": "tool_search_output", "execution": "client", "call_id": "c", "tools": [CUSTOM]},
            ]
        },
        {
            "tools": [
                FUNCTION,
                CUSTOM,
                {"type": "apply_patch", "allowed_callers": ["direct"]},
                {"type": "local_shell"},
                {"type": "shell", "environment": {"type": "local", "skills": [{"name": "a", "path": "/a"}]}},
                {"type": "tool_search", "execution": "client", "parameters": {}},
                {"type": "namespace", "name": "n", "description": "d", "tools": [FUNCTION, CUSTOM]},
            ]
        },
        *({"tool_choice": choice} for choice in ("none", "auto", "required")),
        *({"tool_choice": {"type": kind, "name": "f"}} for kind in ("function", "custom")),
        *({"tool_choice": {"type": kind}} for kind in ("apply_patch", "shell", "tool_search")),
        {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}},
        {"text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {"file_id": "x"}}}},
        {
            "text": {"format": {"type": "json_object"}},
            "truncation": "auto",
            "stream_options": {"include_obfuscation": False},
        },
        {
            "reasoning": {
                "effort": "high",
                "summary": "auto",
                "generate_summary": None,
                "context": "auto",
                "mode": "standard",
            }
        },
        {
            "context_management": [{"type": "compaction", "compact_threshold": 1000}],
            "image": {"context_compression": "auto"},
        },
        {"prompt_cache_options": {"mode": "explicit", "ttl": "30m", "prewarm": True}, "prompt_cache_key": "k"},
        {"prompt_cache_retention": "in_memory", "service_tier": "auto", "background": False},
        {
            "service_tier": "default",
            "parallel_tool_calls": True,
            "max_tool_calls": 3,
            "top_logprobs": 2,
            "stream": True,
        },
        {"include": ["reasoning.encrypted_content", "message.output_text.logprobs", "message.input_image.image_url"]},
        {"metadata": {f"{n:0>64}": "v" * 512 for n in range(16)}, "max_output_tokens": 64},
        {  # llama-index writes every field it knows
            "previous_response_id": None,
            "conversation": None,
            "prompt": None,
            "background": None,
            "tools": None,
            "tool_choice": None,
            "service_tier": None,
            "include": None,
            "metadata": None,
            "max_output_tokens": None,
        },
    ],
)
def test_may_leave_as_it_came(body: Body) -> None:
    body = {"model": "m", "store": False, **body}
    decided = verdict(body)
    assert decided == Verdict((), (), (), {})


# -- fields


@pytest.mark.parametrize(
    ("body", "path", "rule"),
    [
        ({"store": True}, "store", "ZERO_DATA_RETENTION"),
        ({"background": True}, "background", "ZERO_DATA_RETENTION"),
        ({"background_options": {}}, "background_options", "ZERO_DATA_RETENTION"),
        ({"conversation": "conv_1"}, "conversation", "ZERO_DATA_RETENTION"),
        ({"conversation": {"id": "conv_1"}}, "conversation", "ZERO_DATA_RETENTION"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "ZERO_DATA_RETENTION"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt", "ZERO_DATA_RETENTION"),
        ({"prompt_cache_retention": "24h"}, "prompt_cache_retention", "ZERO_DATA_RETENTION"),
        ({"prompt_cache_options": {"ttl": "12h"}}, "prompt_cache_options.ttl", "ZERO_DATA_RETENTION"),
        (
            {"prompt_cache_options": {"comparison_response_id": "resp_1"}},
            "prompt_cache_options.comparison_response_id",
            "ZERO_DATA_RETENTION",
        ),
        (
            message({"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}),
            "input[0].content[0].prompt_cache_breakpoint.ttl",
            "ZERO_DATA_RETENTION",
        ),
        ({"moderation": {"model": "omni"}}, "moderation", "FEATURE_DISABLED"),
        *(
            ({"service_tier": tier}, "service_tier", "COST")
            for tier in ("flex", "scale", "priority", "fast", "ultrafast")
        ),
        ({"service_tier": "gold"}, "service_tier", "UNKNOWN"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode", "COST"),
        ({"reasoning": {"mode": "ultra"}}, "reasoning.mode", "UNKNOWN"),
        ({"prompt_cache_retention": "forever"}, "prompt_cache_retention", "UNKNOWN"),
        ({"context_management": [{"type": "archive"}]}, "context_management[0]", "UNKNOWN"),
        ({"text": {"format": {"type": "xml"}}}, "text.format", "UNKNOWN"),
        ({"include": ["file_search_call.results"]}, "include[0]", "ZERO_DATA_RETENTION"),
        ({"include": ["code_interpreter_call.outputs"]}, "include[0]", "ZERO_DATA_RETENTION"),
        ({"include": ["web_search_call.action.sources"]}, "include[0]", "GEORESTRICTION"),
        ({"include": ["web_search_call.results"]}, "include[0]", "GEORESTRICTION"),
        ({"include": ["computer_call_output.output.image_url"]}, "include[0]", "FEATURE_DISABLED"),
        ({"include": ["reasoning.encrypted_content", "everything"]}, "include[1]", "UNKNOWN"),
    ],
)
def test_field_is_refused(body: Body, path: str, rule: str) -> None:
    assert first(body) == (path, rule, "refused_feature")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"frobnicate": 1}, "frobnicate"),
        ({"frobnicate": None}, "frobnicate"),
        ({"max_tokens": 1}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"store ": False}, "store "),
        ({"reasoning": {"budget": 1}}, "reasoning.budget"),
        ({"text": {"format": {"type": "text", "file_id": "x"}}}, "text.format.file_id"),
        ({"stream_options": {"include_usage": True}}, "stream_options.include_usage"),
        ({"prompt_cache_options": {"keep": 1}}, "prompt_cache_options.keep"),
        ({"context_management": [{"type": "compaction", "id": 1}]}, "context_management[0].id"),
        (message({"type": "input_text", "text": "x", "file_id": "f"}), "input[0].content[0].file_id"),
        (message({"type": "input_image", "file_url": DATA_URL}), "input[0].content[0].file_url"),
        (message(previous_response_id="resp_1"), "input[0].previous_response_id"),
        ({"input": [{**SEALED, "container_id": "c"}]}, "input[0].container_id"),
        ({"tools": [{**FUNCTION, "server_url": "https://x"}]}, "tools[0].server_url"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].function"),
        (
            {"input": [{"type": "configuration_update", "reasoning": {"mode": "pro"}}]},
            "input[0].reasoning.mode",
        ),
        ({"tool_choice": {"type": "function", "name": "f", "server_url": "https://x"}}, "tool_choice.server_url"),
        (
            {"tools": [{"type": "shell", "environment": {"type": "local", "skills": [{"skill_id": "s"}]}}]},
            "tools[0].environment.skills[0].skill_id",
        ),
    ],
)
def test_unknown_member_is_refused(body: Body, path: str) -> None:
    assert first(body) == (path, "UNKNOWN", "unknown_field")
    assert verdict(body).refused[0].message.startswith(f"Request contained an unrecognized field: {path}")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"store": "true"}, "store"),
        ({"store": 0}, "store"),
        ({"background": "no"}, "background"),
        ({"background": 0}, "background"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"instructions": [{"role": "user", "content": "x"}]}, "instructions"),
        ({"input": {"role": "user", "content": "x"}}, "input"),
        ({"input": 7}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [None]}, "input[0]"),
        ({"input": [{"type": 7, "role": "user", "content": "x"}]}, "input[0].type"),
        ({"input": [{"type": ["message"], "role": "user", "content": "x"}]}, "input[0].type"),
        (message("text"), "input[0].content[0]"),
        (message({"text": "x"}), "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": {"type": "input_text"}}]}, "input[0].content"),
        (message({"type": "input_image", "image_url": {"url": DATA_URL}}), "input[0].content[0].image_url"),
        # what stands without its content, and has no id to be looked up by
        ({"input": [{}]}, "input[0].type"),
        ({"input": [{"content": "x"}]}, "input[0].type"),
        ({"input": [{"role": None, "content": "x"}]}, "input[0].type"),
        ({"input": [{"role": "assistant", "content": None}]}, "input[0]"),
        ({"input": [{"type": "message", "role": "assistant", "id": None}]}, "input[0]"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f"}]}, "input[0]"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": None}]}, "input[0]"),
        ({"input": [{"type": "reasoning", "summary": [], "encrypted_content": " "}]}, "input[0]"),
        ({"input": [{**SEALED, "encrypted_content": {"id": "x"}}]}, "input[0].encrypted_content"),
        ({"tools": {}}, "tools"),
        ({"tools": ["web_search"]}, "tools[0]"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tool_choice": ["auto"]}, "tool_choice"),
        ({"tool_choice": {}}, "tool_choice.type"),
        ({"include": "reasoning.encrypted_content"}, "include"),
        ({"include": [None]}, "include[0]"),
        ({"reasoning": "high"}, "reasoning"),
        ({"service_tier": ["auto"]}, "service_tier"),
        ({"max_output_tokens": "10"}, "max_output_tokens"),
        ({"max_output_tokens": True}, "max_output_tokens"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
        ({"temperature": False}, "temperature"),
        ({"metadata": {"k": 1}}, "metadata"),
        ({"metadata": {"k": {"file_id": "x"}}}, "metadata"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"metadata": {"k" * 65: ""}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        # spelt with a capital: one reader's known field is another's unknown one
        ({"Store": True}, "Store"),
        ({"STREAM": True}, "STREAM"),
        ({"\u017ftore": True}, "?tore"),
        (message({"type": "input_image", "File_ID": "file-1"}), "input[0].content[0].File_ID"),
    ],
)
@pytest.mark.parametrize("mode", ["enforce", "warn"])
def test_malformed_is_always_refused(body: Body, path: str, mode: str) -> None:
    assert first(body, mode=mode) == (path, "INVALID", "invalid_json")


# -- tools, by every door


def _through_tools(tool: Json) -> tuple[Body, str]:
    return {"tools": [FUNCTION, tool]}, "tools[1]"


def _through_namespace(tool: Json) -> tuple[Body, str]:
    return {"tools": [{"type": "namespace", "name": "n", "tools": [tool]}]}, "tools[0].tools[0]"


def _through_nested_namespace(tool: Json) -> tuple[Body, str]:
    inner = {"type": "namespace", "name": "n", "tools": [tool]}
    return {"tools": [{"type": "namespace", "name": "n", "tools": [inner]}]}, "tools[0].tools[0].tools[0]"


def _through_additional_tools(tool: Json) -> tuple[Body, str]:
    return {"input": [{"type": "additional_tools", "role": "developer", "tools": [tool]}]}, "input[0].tools[0]"


def _through_tool_search_output(tool: Json) -> tuple[Body, str]:
    item = {"type": "tool_search_output", "execution": "client", "tools": [tool]}
    return {"input": [{"role": "user", "content": "x"}, item]}, "input[1].tools[0]"


def _through_tool_choice(tool: Json) -> tuple[Body, str]:
    return {"tool_choice": tool}, "tool_choice"


def _through_allowed_tools(tool: Json) -> tuple[Body, str]:
    return {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [tool]}}, "tool_choice.tools[0]"


DEFINING = [
    _through_tools,
    _through_namespace,
    _through_nested_namespace,
    _through_additional_tools,
    _through_tool_search_output,
]
DOORS = [*DEFINING, _through_tool_choice, _through_allowed_tools]

type Door = Callable[[Json], tuple[Body, str]]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("tool", "rule"),
    [
        ({"type": "file_search", "vector_store_ids": ["vs_1"]}, "ZERO_DATA_RETENTION"),
        ({"type": "code_interpreter", "container": "cntr_1"}, "ZERO_DATA_RETENTION"),
        ({"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f"]}}, "ZERO_DATA_RETENTION"),
        ({"type": "mcp", "server_label": "x", "server_url": "https://x"}, "ZERO_DATA_RETENTION"),
        ({"type": "mcp", "server_label": "x", "connector_id": "connector_gmail"}, "ZERO_DATA_RETENTION"),
        ({"type": "mcp", "server_label": "x", "tunnel_id": "t"}, "ZERO_DATA_RETENTION"),
        ({"type": "programmatic_tool_calling"}, "ZERO_DATA_RETENTION"),
        ({"type": "web_search"}, "GEORESTRICTION"),
        ({"type": "web_search_2025_08_26"}, "GEORESTRICTION"),
        ({"type": "web_search_preview"}, "GEORESTRICTION"),
        ({"type": "web_search_preview_2025_03_11"}, "GEORESTRICTION"),
        ({"type": "image_generation"}, "FEATURE_DISABLED"),
        ({"type": "computer"}, "FEATURE_DISABLED"),
        ({"type": "computer_use"}, "FEATURE_DISABLED"),
        ({"type": "computer_use_preview"}, "FEATURE_DISABLED"),
        ({"type": "time_machine"}, "UNKNOWN"),
        ({"type": "Function"}, "UNKNOWN"),
    ],
)
def test_tool_is_refused_at_every_door(door: Door, tool: Json, rule: str) -> None:
    body, path = door(tool)
    assert first(body) == (path, rule, "refused_feature")


CONTAINER = {"type": "container_auto", "skills": [{"type": "skill_reference", "skill_id": "s"}]}


@pytest.mark.parametrize("door", DEFINING)
@pytest.mark.parametrize(
    ("tool", "below", "rule"),
    [
        ({"type": "shell"}, ".environment", "ZERO_DATA_RETENTION"),
        ({"type": "shell", "environment": None}, ".environment", "ZERO_DATA_RETENTION"),
        ({"type": "shell", "environment": CONTAINER}, ".environment", "ZERO_DATA_RETENTION"),
        (
            {"type": "shell", "environment": {"type": "container_reference", "container_id": "c"}},
            ".environment",
            "ZERO_DATA_RETENTION",
        ),
        ({"type": "shell", "environment": {"type": "cloud"}}, ".environment", "UNKNOWN"),
        ({"type": "tool_search"}, ".execution", "FEATURE_DISABLED"),
        ({"type": "tool_search", "execution": "server"}, ".execution", "FEATURE_DISABLED"),
        ({"type": "tool_search", "execution": "elsewhere"}, ".execution", "UNKNOWN"),
        ({**FUNCTION, "allowed_callers": ["direct", "programmatic"]}, ".allowed_callers[1]", "ZERO_DATA_RETENTION"),
        ({**CUSTOM, "allowed_callers": ["programmatic"]}, ".allowed_callers[0]", "ZERO_DATA_RETENTION"),
        ({**CUSTOM, "format": {"type": "remote"}}, ".format", "UNKNOWN"),
    ],
)
def test_member_of_a_tool_is_refused_at_every_door(door: Door, tool: Json, below: str, rule: str) -> None:
    body, path = door(tool)
    assert first(body) == (path + below, rule, "refused_feature")


@pytest.mark.parametrize("door", [_through_tools, _through_additional_tools])
def test_configured_tools_are_still_looked_into(door: Door) -> None:
    mask = {"file_id": "file-1", "image_url": "https://x"}
    body, path = door({"type": "image_generation", "input_image_mask": mask})
    refused = verdict(body, image_generation="allow").refused
    assert [(finding.path, finding.rule) for finding in refused] == [
        (f"{path}.input_image_mask.file_id", "ZERO_DATA_RETENTION"),
        (f"{path}.input_image_mask.image_url", "GEORESTRICTION"),
    ]


@pytest.mark.parametrize(
    ("body", "settings"),
    [
        (
            {"tools": [{"type": "image_generation", "input_image_mask": {"image_url": DATA_URL}}]},
            {"image_generation": "allow"},
        ),
        ({"tools": [{"type": "computer"}], "tool_choice": {"type": "computer_use"}}, {"computer": "allow"}),
        ({"tools": [{"type": "tool_search"}]}, {"server_tool_search": "allow"}),
        ({"tools": [{"type": "web_search"}], "include": ["web_search_call.results"]}, {"web_search": "allow"}),
        (
            {"input": [{"type": "image_generation_call", "id": "ig", "result": "iVBORw0"}]},
            {"image_generation": "allow"},
        ),
        (
            {
                "input": [
                    {"type": "computer_call", "id": "c", "call_id": "c", "action": {"type": "click", "x": 1, "y": 2}},
                    {
                        "type": "computer_call_output",
                        "call_id": "c",
                        "output": {"type": "computer_screenshot", "image_url": DATA_URL},
                        "acknowledged_safety_checks": [{"id": "s"}],
                    },
                ]
            },
            {"computer": "allow"},
        ),
        (
            {
                "input": [
                    {
                        "type": "web_search_call",
                        "id": "ws",
                        "status": "completed",
                        "action": {"type": "search", "query": "q", "sources": [{"type": "url", "url": "https://x"}]},
                    },
                    {"type": "web_search_call", "id": "ws", "action": {"type": "open_page", "url": "https://x"}},
                ]
            },
            {"web_search": "cache_only"},
        ),
        (message({"type": "input_image", "image_url": "https://x"}), {"remote_urls": "allow"}),
        (message({"type": "input_file", "file_url": "http://x"}), {"remote_urls": "allow"}),
        ({"service_tier": "flex"}, {"service_tiers": ["flex"]}),
        ({"reasoning": {"mode": "pro"}}, {"reasoning_pro": "allow"}),
    ],
)
def test_refused_unless_configured(body: Body, settings: dict[str, Any]) -> None:
    body = {"store": False, **body}
    assert verdict(body).refused
    assert verdict(body, **settings) == Verdict((), (), (), {})


def test_only_the_listed_tier_is_allowed() -> None:
    assert first({"service_tier": "priority"}, service_tiers=["flex"]) == ("service_tier", "COST", "refused_feature")


# -- web search, where it is not simply refused


@pytest.mark.parametrize("door", DEFINING)
@pytest.mark.parametrize("kind", ["web_search", "web_search_2025_08_26"])
@pytest.mark.parametrize("asked", [{}, {"external_web_access": True}, {"external_web_access": None}])
def test_cache_only_takes_web_access_away_at_every_door(door: Door, kind: str, asked: Body) -> None:
    body, path = door({"type": kind, **asked})
    expected, _ = door({"type": kind, "external_web_access": False})
    assert forwarded({"store": False, **body}, web_search="cache_only") == {"store": False, **expected}
    changes = verdict({"store": False, **body}, web_search="cache_only").changes
    assert [(change.path, change.action) for change in changes] == [(f"{path}.external_web_access", "forced")]


@pytest.mark.parametrize("door", [_through_tool_choice, _through_allowed_tools])
def test_cache_only_leaves_alone_what_only_names_the_tool(door: Door) -> None:
    body, _ = door({"type": "web_search"})
    assert forwarded({"store": False, **body}, web_search="cache_only") == {"store": False, **body}


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"tools": [{"type": "web_search"}]}, {}),
        ({"tools": [FUNCTION, {"type": "web_search"}, CUSTOM]}, {"tools": [FUNCTION, CUSTOM]}),
        ({"tool_choice": {"type": "web_search"}}, {}),
        (
            {"tool_choice": {"type": "allowed_tools", "tools": [{"type": "web_search"}, {"type": "apply_patch"}]}},
            {"tool_choice": {"type": "allowed_tools", "tools": [{"type": "apply_patch"}]}},
        ),
        (
            {"include": ["web_search_call.results", "message.output_text.logprobs"]},
            {"include": ["message.output_text.logprobs"]},
        ),
        (
            {"input": [{"type": "additional_tools", "tools": [{"type": "web_search"}, FUNCTION]}]},
            {"input": [{"type": "additional_tools", "tools": [FUNCTION]}]},
        ),
        ({"input": [{"type": "web_search_call", "id": "w"}, SEALED]}, {"input": [SEALED]}),
    ],
)
def test_strip_takes_web_search_out_at_every_door(body: Body, left: Body) -> None:
    body = {"store": False, **body}
    assert forwarded(body, web_search="strip") == {"store": False, **left}
    assert {change.action for change in verdict(body, web_search="strip").changes} == {"stripped"}


@pytest.mark.parametrize("mode", ["strip", "cache_only", "allow"])
def test_the_preview_is_refused_whatever_is_configured(mode: str) -> None:
    assert first({"tools": [{"type": "web_search_preview"}]}, web_search=mode)[0] == "tools[0]"


def test_a_codex_turn_passes_with_web_search_stripped() -> None:
    body: Body = {
        "model": "gpt-5.2-codex",
        "instructions": "You are a coding agent.",
        "input": [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "sandbox"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "gAAA"},
            {"type": "custom_tool_call", "status": "completed", "call_id": "c", "name": "apply_patch", "input": "x"},
            {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"},
            {"type": "local_shell_call", "call_id": "d", "status": "completed",
             "action": {"type": "exec", "command": ["ls"], "timeout_ms": None, "env": None}},
            {"type": "function_call_output", "call_id": "d",
             "output": [{"type": "input_image", "image_url": DATA_URL}]},
        ],
        "tools": [FUNCTION, CUSTOM, {"type": "web_search", "external_web_access": False}],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "0199",
        "text": {"verbosity": "low"},
        "client_metadata": {"x-codex-installation-id": "1"},
    }  # fmt: skip
    assert first(body)[:2] == ("tools[2]", "GEORESTRICTION")
    decided = verdict(body, REASONING, web_search="strip")
    assert decided.refused == ()
    assert decided.members == {"tools": [FUNCTION, CUSTOM], "client_metadata": ABSENT}


# -- files, URLs and items, in every hiding place


PLACES: list[Callable[[Json], tuple[Body, str]]] = [
    lambda part: ({"input": [{"role": "user", "content": [part]}]}, "input[0].content[0]"),
    lambda part: ({"input": [{"type": "message", "role": "system", "content": [part]}]}, "input[0].content[0]"),
    lambda part: (
        {"input": [{"type": "function_call_output", "call_id": "c", "output": [part]}]},
        "input[0].output[0]",
    ),
    lambda part: (
        {"input": [{"type": "custom_tool_call_output", "call_id": "c", "output": [part]}]},
        "input[0].output[0]",
    ),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("part", "below", "rule"),
    [
        ({"type": "input_image", "file_id": "file-1"}, ".file_id", "ZERO_DATA_RETENTION"),
        ({"type": "input_image", "file_id": ""}, ".file_id", "ZERO_DATA_RETENTION"),
        ({"type": "input_image", "file_id": ["file-1"]}, ".file_id", "ZERO_DATA_RETENTION"),
        ({"type": "input_file", "file_id": "file-1"}, ".file_id", "ZERO_DATA_RETENTION"),
        ({"type": "input_image", "image_url": "https://x.example/a.png"}, ".image_url", "GEORESTRICTION"),
        ({"type": "input_image", "image_url": "HTTP://x.example/a.png"}, ".image_url", "GEORESTRICTION"),
        ({"type": "input_file", "file_url": "https://x.example/a.pdf"}, ".file_url", "GEORESTRICTION"),
        ({"type": "input_file", "file_data": "https://x.example/a.pdf"}, ".file_data", "GEORESTRICTION"),
        ({"type": "input_image", "image_url": " https://x.example"}, ".image_url", "UNKNOWN"),
        ({"type": "input_image", "image_url": "\thttps://x.example"}, ".image_url", "UNKNOWN"),
        ({"type": "input_image", "image_url": "//x.example/a.png"}, ".image_url", "UNKNOWN"),
        ({"type": "input_image", "image_url": "file-1"}, ".image_url", "UNKNOWN"),
        ({"type": "input_image", "image_url": ""}, ".image_url", "UNKNOWN"),
        ({"type": "input_file", "file_url": "file:///etc/passwd"}, ".file_url", "UNKNOWN"),
        ({"type": "input_file", "file_url": "gs://bucket/a"}, ".file_url", "UNKNOWN"),
        ({"type": "input_file", "file_data": "sandbox:/mnt/a"}, ".file_data", "UNKNOWN"),
        ({"type": "input_file", "file_data": " https://x.example"}, ".file_data", "UNKNOWN"),
        ({"type": "input_audio", "input_audio": {}}, "", "UNKNOWN"),
        ({"type": "image_url", "image_url": {"url": "https://x"}}, "", "UNKNOWN"),
    ],
)
def test_part_is_refused_in_every_place(place: Door, part: Json, below: str, rule: str) -> None:
    body, path = place(part)
    settings = {"remote_urls": "allow"} if rule == "UNKNOWN" else {}
    assert first(body, **settings) == (path + below, rule, "refused_feature")


@pytest.mark.parametrize("kind", ["file_citation", "container_file_citation", "file_path", "future_citation"])
def test_a_citation_of_a_stored_file_is_refused(kind: str) -> None:
    part = {"type": "output_text", "text": "x", "annotations": [{"type": kind, "file_id": "file-1", "index": 0}]}
    assert first(message(part))[0] == "input[0].content[0].annotations[0]"


def test_a_made_image_must_be_in_the_body() -> None:
    body: Body = {"input": [{"type": "image_generation_call", "id": "ig", "result": "https://x.example/a.png"}]}
    assert first(body, image_generation="allow")[0] == "input[0].result"


@pytest.mark.parametrize("below", ["file_id", "image_url"])
def test_a_screenshot_must_be_in_the_body(below: str) -> None:
    output = {"type": "computer_screenshot", below: "https://x"}
    body: Body = {"input": [{"type": "computer_call_output", "call_id": "c", "output": output}]}
    assert first(body, computer="allow")[0] == f"input[0].output.{below}"


@pytest.mark.parametrize(
    ("item", "below", "rule"),
    [
        ({"type": "item_reference", "id": "msg_1"}, "", "ZERO_DATA_RETENTION"),
        ({"type": None, "id": "msg_1"}, "", "ZERO_DATA_RETENTION"),
        ({"id": "msg_1"}, "", "ZERO_DATA_RETENTION"),
        ({"id": "msg_1", "role": None, "content": "x"}, "", "ZERO_DATA_RETENTION"),
        # an id without the content: the provider would look it up
        ({"type": "message", "role": "user", "id": "msg_1"}, "", "ZERO_DATA_RETENTION"),
        ({"role": "user", "id": "msg_1", "content": None}, "", "ZERO_DATA_RETENTION"),
        ({"type": "reasoning", "id": "rs_1", "summary": []}, "", "ZERO_DATA_RETENTION"),
        ({"type": "reasoning", "id": "rs_1", "encrypted_content": None}, "", "ZERO_DATA_RETENTION"),
        ({"type": "reasoning", "id": "rs_1", "encrypted_content": ""}, "", "ZERO_DATA_RETENTION"),
        ({"type": "reasoning", "id": "rs_1", "encrypted_content": " \n"}, "", "ZERO_DATA_RETENTION"),
        ({"type": "compaction", "id": "cmp_1", "encrypted_content": ""}, "", "ZERO_DATA_RETENTION"),
        ({"type": "compaction", "id": "cmp_1"}, "", "ZERO_DATA_RETENTION"),
        ({"type": "function_call", "id": "fc_1"}, "", "ZERO_DATA_RETENTION"),
        ({"type": "function_call_output", "id": "fc_1"}, "", "ZERO_DATA_RETENTION"),
        ({"type": "image_generation_call", "id": "ig_1"}, "", "FEATURE_DISABLED"),
        # history of refused tools
        ({"type": "file_search_call", "id": "x", "queries": []}, "", "ZERO_DATA_RETENTION"),
        ({"type": "code_interpreter_call", "id": "x", "container_id": "c"}, "", "ZERO_DATA_RETENTION"),
        ({"type": "mcp_list_tools", "id": "x", "tools": []}, "", "ZERO_DATA_RETENTION"),
        ({"type": "mcp_approval_request", "id": "x"}, "", "ZERO_DATA_RETENTION"),
        ({"type": "mcp_approval_response", "approve": True}, "", "ZERO_DATA_RETENTION"),
        ({"type": "mcp_call", "id": "x"}, "", "ZERO_DATA_RETENTION"),
        ({"type": "program", "id": "x", "code": ""}, "", "ZERO_DATA_RETENTION"),
        ({"type": "program_output", "id": "x"}, "", "ZERO_DATA_RETENTION"),
        ({"type": "web_search_call", "id": "x"}, "", "GEORESTRICTION"),
        ({"type": "computer_call", "id": "x"}, "", "FEATURE_DISABLED"),
        ({"type": "computer_call_output", "output": {}}, "", "FEATURE_DISABLED"),
        (
            {"type": "shell_call", "action": {}, "environment": {"type": "container_reference", "container_id": "c"}},
            ".environment",
            "ZERO_DATA_RETENTION",
        ),
        (
            {"type": "function_call", "arguments": "", "caller": {"type": "program", "caller_id": "p"}},
            ".caller",
            "ZERO_DATA_RETENTION",
        ),
        ({"type": "tool_search_call", "arguments": {}, "execution": "server"}, ".execution", "FEATURE_DISABLED"),
        ({"type": "tool_search_call", "arguments": {}}, ".execution", "FEATURE_DISABLED"),
        ({"type": "tool_search_output", "tools": []}, ".execution", "FEATURE_DISABLED"),
        ({"type": "future_item"}, "", "UNKNOWN"),
        ({"type": "configuration_update", "text": {"format": {"type": "xml"}}}, ".text.format", "UNKNOWN"),
        ({"type": "reasoning", "encrypted_content": "g", "summary": [{"type": "file"}]}, ".summary[0]", "UNKNOWN"),
    ],
)
def test_item_is_refused(item: Json, below: str, rule: str) -> None:
    assert first({"input": [{"role": "user", "content": "x"}, item]}) == (f"input[1]{below}", rule, "refused_feature")


@pytest.mark.parametrize(
    "item",
    [
        {"type": "message", "role": "user", "content": ""},
        {"type": "message", "role": "assistant", "content": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": " ", "annotations": []}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""},
        {"type": "function_call_output", "call_id": "c", "output": ""},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": ""}]},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": " "},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "\n"},
        {"type": "shell_call_output", "call_id": "c", "output": []},
        {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": []},
    ],
    ids=str,
)
def test_an_item_that_says_nothing_leaves_without_its_id(item: dict[str, Json]) -> None:
    """A tool may return nothing; but with an id the provider might look such an item up."""
    assert verdict({"store": False, "input": [item]}) == Verdict((), (), (), {})
    decided = verdict({"store": False, "input": [SEALED, {**item, "id": "x_1"}]})
    assert decided.refused == ()
    assert decided.members == {"input": [SEALED, item]}
    assert [(change.path, change.action, change.rule) for change in decided.changes] == [
        ("input[1].id", "stripped", "ZERO_DATA_RETENTION")
    ]


@pytest.mark.parametrize("mode", ["enforce", "warn"])
def test_what_lacks_its_content_is_told_what_it_lacks(mode: str) -> None:
    (finding,) = verdict({"input": [{"role": "assistant", "content": None}]}, mode=mode).refused
    assert finding.message == "input[0] must have content."


def test_access_programs_are_taken_out_and_noted() -> None:
    """Some versions of Codex send them unasked."""
    decided = verdict({"store": False, "access_programs": {"cyber": "standard"}})
    assert decided.members == {"access_programs": ABSENT}
    assert [(change.path, change.action) for change in decided.changes] == [("access_programs", "stripped")]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://x.example/a.png", 'a URL that begins with "https:"'),
        ("HTTP://x.example/a.png", 'a URL that begins with "HTTP:"'),
        ("gs://bucket/a", 'a URL that begins with "gs:"'),
        ("//x.example/a.png", "a URL without a scheme"),
        ("my-secret-prompt-text:x", "a URL of unknown scheme"),
    ],
)
def test_a_refused_url_is_told_as_it_was_written(url: str, said: str) -> None:
    (finding,) = verdict(message({"type": "input_image", "image_url": url})).refused
    assert said in finding.message
    assert "secret" not in finding.message


def test_a_conversation_kept_elsewhere_is_told_the_word_that_helps() -> None:
    for body in ({"previous_response_id": "resp_1"}, {"conversation": "conv_1"}):
        assert "store: false" in verdict(body).refused[0].message
    assert "store: false" in verdict({"input": [{"type": "item_reference", "id": "m"}]}).refused[0].message


def test_advice_on_the_preview_works() -> None:
    (finding,) = verdict({"tools": [{"type": "web_search_preview"}]}).refused
    assert "use the tool web_search" in finding.message


def test_an_item_without_a_type_is_a_message_or_a_reference() -> None:
    refused = verdict({"input": [{"id": "msg_1"}, {"role": "user", "id": "msg_1"}]}).refused
    assert [finding.row for finding in refused] == ["item.item_reference", "item.message"]


@pytest.mark.parametrize(
    ("item", "settings"),
    [
        ({"type": "image_generation_call", "id": "ig_1"}, {"image_generation": "allow"}),
        ({"type": "image_generation_call", "id": "ig_1", "result": None}, {"image_generation": "allow"}),
        ({"type": "computer_call", "id": "cu_1"}, {"computer": "allow"}),
        ({"type": "web_search_call", "id": "ws_1"}, {"web_search": "allow"}),
    ],
)
def test_an_id_alone_is_refused_where_the_tool_is_allowed(item: Json, settings: dict[str, Any]) -> None:
    assert first({"input": [item]}, **settings) == ("input[0]", "ZERO_DATA_RETENTION", "refused_feature")


# -- nesting


def test_as_deep_as_a_body_may_be() -> None:
    """``splice.read`` lets no deeper one pass."""
    tool: Json = FUNCTION
    for _ in range(29):
        tool = {"type": "namespace", "name": "n", "tools": [tool]}
    assert verdict({"tools": [tool]}).refused == ()
    value: Json = "x"
    for level in range(MAX_DEPTH - 1):
        value = [value] if level % 2 else {"a": value}
    assert first({"metadata": value})[0] == "metadata"
    assert first({"frobnicate": value})[0] == "frobnicate"


# -- modes


def paths(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.path for finding in findings]


OFFENDING: Body = {
    "store": True,
    "service_tier": "flex",
    "user": "jane",
    "frobnicate": 1,
    "tools": [{"type": "mcp", "server_url": "https://x"}],
    **message({"type": "input_image", "file_id": "file-1"}),
}


def test_warn_only_records() -> None:
    decided = verdict(OFFENDING, mode="warn")
    assert decided.refused == ()
    assert paths(decided.warned) == ["store", "service_tier", "frobnicate", "tools[0]", "input[0].content[0].file_id"]
    assert decided.members == {"store": False, "user": ABSENT}


@pytest.mark.parametrize(
    ("rules", "warned"),
    [
        ({}, []),
        ({"COST": "warn"}, ["service_tier"]),
        ({"UNKNOWN": "warn"}, ["frobnicate"]),
        ({"tool.mcp": "warn"}, ["tools[0]"]),
        (
            {"part.input_image.file_id": "warn", "service_tier.flex": "warn"},
            ["service_tier", "input[0].content[0].file_id"],
        ),
        ({"ZERO_DATA_RETENTION": "warn", "tool.mcp": "enforce"}, ["store", "input[0].content[0].file_id"]),
        ({"ZERO_DATA_RETENTION": "warn", "store": "enforce"}, ["tools[0]", "input[0].content[0].file_id"]),
    ],
)
def test_a_row_goes_before_its_rule_and_a_rule_before_the_mode(rules: dict[str, str], warned: list[str]) -> None:
    everything = paths(verdict(OFFENDING, mode="warn").warned)
    decided = verdict(OFFENDING, rules=rules)
    assert paths(decided.warned) == warned
    assert paths(decided.refused) == [path for path in everything if path not in warned]
    inverse = {name: "enforce" if mode == "warn" else "warn" for name, mode in rules.items()}
    assert paths(verdict(OFFENDING, mode="warn", rules=inverse).refused) == warned


@pytest.mark.parametrize(
    "body",
    [
        {"include": ["no.such"]},
        {"tools": [{"type": "no_such"}]},
        {"tools": [{"type": "mcp", "server_url": "https://x.invalid"}]},
        {"input": [{"type": "no_such"}]},
        {"input": [{"role": "user", "content": [{"type": "no_such"}]}]},
        {"service_tier": "no_such"},
    ],
    ids=str,
)
def test_what_is_warned_of_leaves_as_it_came(body: Body) -> None:
    decided = verdict(body, mode="warn")
    assert decided.warned
    assert not decided.refused
    assert not set(body) & set(decided.members)


def test_a_warned_tool_is_still_looked_into() -> None:
    body: Body = {"tools": [{"type": "image_generation", "input_image_mask": {"file_id": "file-1"}}]}
    decided = verdict(body, rules={"tool.image_generation": "warn"})
    assert paths(decided.warned) == ["tools[0]"]
    assert paths(decided.refused) == ["tools[0].input_image_mask.file_id"]


# -- what is said


def test_a_message_says_where_what_why_and_what_to_do() -> None:
    finding = verdict({"tools": [FUNCTION, {"type": "web_search"}]}).refused[0]
    assert finding.row == "tool.web_search"
    for said in ("tools[1]", '"web_search"', "GEORESTRICTION", "open web", "Codex", "policy.web_search"):
        assert said in finding.message


@pytest.mark.parametrize(
    ("body", "setting"),
    [
        ({"store": True}, "policy.store_true"),
        ({"tools": [{"type": "web_search"}]}, "policy.web_search"),
        ({"tools": [{"type": "computer_use_preview"}]}, "policy.computer"),
        (message({"type": "input_image", "image_url": "https://x.example/a.png"}), "policy.remote_urls"),
        ({"service_tier": "flex"}, "policy.service_tiers"),
        ({"background": True}, "policy.rules.background"),
        ({"tools": [{"type": "mcp"}]}, "policy.rules.tool.mcp"),
        ({"input": [{"type": "item_reference", "id": "1"}]}, "policy.rules.item.item_reference"),
        ({"future_field": 1}, "policy.rules.UNKNOWN"),
        ({"tools": [{"type": "future"}]}, "policy.rules.UNKNOWN"),
        ({"temperature": "hot"}, None),
    ],
)
def test_the_setting_that_decides_is_told(body: Body, setting: str | None) -> None:
    (finding,) = verdict(body).refused
    assert deciding(finding.rule, finding.row, finding.setting) == setting
    if setting and setting.startswith("policy.rules."):
        assert not verdict(body, rules={setting.removeprefix("policy.rules."): "warn"}).refused
    elif setting:
        assert setting.removeprefix("policy.") in PolicySettings.model_fields
        assert setting in finding.message


def test_names_the_caller_wrote_are_made_safe() -> None:
    name = "päßwörd\n\x00" + "x" * 100
    for body in ({name: 1}, {"tools": [{"type": name}]}, {"input": [{"type": name}]}):
        finding = verdict(body).refused[0]
        shown = "p??w?rd??" + "x" * 55
        assert shown in finding.message
        assert shown + "x" not in finding.message
        assert finding.message.isprintable()
        assert finding.message.isascii()
        assert finding.path.isascii()


def test_a_hostile_body_makes_a_short_verdict() -> None:
    body: Body = {"input": [{"id": "msg_1"}] * 10_000, "store": True}
    assert len(verdict(body).refused) == 1000
    assert len(verdict(body, mode="warn").warned) == 100
    tools: Body = {"tools": [{"type": "web_search"}] * 10_000}
    assert len(verdict(tools, web_search="strip").changes) == 100
    assert "tools" not in forwarded(tools, web_search="strip")
    # what is refused is not hidden behind what only warns
    body["tools"] = [{"type": "mcp"}]
    assert paths(verdict(body, mode="warn", rules={"tool.mcp": "enforce"}).refused) == ["tools[0]"]
