import json
from typing import Any

import pytest
from openai.types.responses import Response

from addons.simulator.answer import GREETING, pieces, response
from addons.simulator.directives import read

FUNCTION = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CUSTOM = {"type": "custom", "name": "patch"}
WEATHER = {"type": "function", "name": "weather"}
USER = {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}


def answered(request: dict[str, Any], line: str = "") -> Response:
    """The response as openai-python's types read it, nothing coerced; fields they do not know are an error."""
    raw = response({"model": "gpt-5.2", "input": "Hi"} | request, read(line))
    found = Response.model_validate(raw, strict=True)
    assert not found.model_extra or set(found.model_extra) == {"store"}
    return found


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("Hi", "You wrote 2 characters"),
        ([USER], "You wrote 8 characters"),
        ([USER, {"type": "message", "role": "assistant", "content": "four"}], "You wrote 8 characters"),
        ([USER, OUTPUT], "The tool returned 5 characters"),
        ([OUTPUT, USER], "You wrote 8 characters"),
        ([], "You wrote 0 characters"),
    ],
)
def test_text(given: Any, text: str) -> None:
    assert answered({"input": given}).output_text == f"{GREETING} {text} \u2014 thank you."


@pytest.mark.parametrize(
    ("request_", "field", "value"),
    [
        ({}, "store", True),
        ({"store": False}, "store", False),
        ({"store": None}, "store", True),
        ({"metadata": {"a": "b"}}, "metadata", {"a": "b"}),
        ({"temperature": 0.5}, "temperature", 0.5),
        ({"service_tier": "auto"}, "service_tier", "default"),
        ({"prompt_cache_retention": "in_memory"}, "prompt_cache_retention", "in_memory"),
        ({"truncation": "auto"}, "truncation", "auto"),
        ({"reasoning": {"effort": "low"}}, "reasoning.effort", "low"),
        ({"text": {"verbosity": "low"}}, "text.verbosity", "low"),
        ({"text": {"verbosity": "low"}}, "text.format.type", "text"),
        ({"tools": [FUNCTION]}, "tools.0.strict", True),
        ({"model": "gpt-5.2-2025-12-11"}, "model", "gpt-5.2-2025-12-11"),
    ],
)
def test_echo(request_: dict[str, Any], field: str, value: Any) -> None:
    found: Any = answered(request_).to_dict()
    for step in field.split("."):
        found = found[int(step) if step.isdigit() else step]
    assert found == value


@pytest.mark.parametrize(
    ("request_", "line", "kinds"),
    [
        ({}, "", ["message"]),
        ({"tools": [FUNCTION]}, "", ["message"]),
        ({"tools": [FUNCTION], "tool_choice": "required"}, "", ["function_call"]),
        ({"tools": [FUNCTION]}, "tool_call", ["function_call"]),
        ({"tools": [CUSTOM, FUNCTION]}, "tool_call", ["custom_tool_call"]),
        ({"tools": [CUSTOM, FUNCTION], "tool_choice": WEATHER}, "", ["function_call"]),
        (
            {
                "tools": [CUSTOM, FUNCTION],
                "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [WEATHER]},
            },
            "",
            ["function_call"],
        ),
        (
            {"tools": [CUSTOM, FUNCTION], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [WEATHER]}},
            "",
            ["message"],
        ),
        ({"tools": [FUNCTION], "tool_choice": "required", "input": [USER, OUTPUT]}, "", ["message"]),
        ({"tools": [FUNCTION], "tool_choice": "required", "input": [USER, OUTPUT, USER]}, "", ["function_call"]),
        ({"reasoning": {"effort": "low"}}, "", ["reasoning", "message"]),
        ({"tools": [FUNCTION]}, "reasoning tool_call", ["reasoning", "function_call"]),
    ],
)
def test_output_items(request_: dict[str, Any], line: str, kinds: list[str]) -> None:
    assert [item.type for item in answered(request_, line).output] == kinds


def test_arguments_fit_the_tool() -> None:
    (call,) = answered({"tools": [FUNCTION]}, "tool_call").output
    assert call.type == "function_call"
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "simulated"})


def test_a_tool_in_a_namespace_is_called_with_it() -> None:
    tools = [{"type": "namespace", "name": "forecast", "description": "", "tools": [FUNCTION]}]
    (call,) = answered({"tools": tools}, "tool_call").output
    assert call.type == "function_call"
    assert (call.name, call.namespace) == ("weather", "forecast")


def test_no_tool_to_call_is_told() -> None:
    with pytest.raises(ValueError, match="brings no such function"):
        answered({}, "tool_call")


@pytest.mark.parametrize(
    ("request_", "line", "summaries", "encrypted"),
    [
        ({"reasoning": {"effort": "low"}}, "", 0, False),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, "", 1, False),
        ({"include": ["reasoning.encrypted_content"]}, "reasoning", 1, True),
    ],
)
def test_reasoning(request_: dict[str, Any], line: str, summaries: int, encrypted: bool) -> None:
    found = answered(request_, line)
    item = found.output[0]
    assert item.type == "reasoning"
    assert (len(item.summary), item.encrypted_content is not None) == (summaries, encrypted)
    assert found.usage is not None
    assert found.usage.output_tokens_details.reasoning_tokens > 0


def test_usage_as_directed() -> None:
    usage = answered({}, "usage=100,40,20,8").usage
    assert usage is not None
    assert (usage.input_tokens, usage.input_tokens_details.cached_tokens) == (100, 40)
    assert (usage.output_tokens, usage.output_tokens_details.reasoning_tokens, usage.total_tokens) == (20, 8, 120)


def test_structured_output() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"format": {"type": "json_schema", "name": "x", "schema": schema}}
    assert json.loads(answered({"text": wanted}).output_text) == {"n": 1}
    assert json.loads(answered({"text": wanted}, "events=40").output_text) == {"n": 1}
    assert json.loads(answered({"text": {"format": {"type": "json_object"}}}).output_text) == {"greeting": GREETING}


@pytest.mark.parametrize(
    ("line", "status", "reason", "code", "item"),
    [
        ("", "completed", None, None, "completed"),
        ("incomplete", "incomplete", "max_output_tokens", None, "incomplete"),
        ("failed", "failed", None, "server_error", "incomplete"),
    ],
)
def test_status(line: str, status: str, reason: str | None, code: str | None, item: str) -> None:
    found = answered({}, line)
    assert found.status == status
    assert (found.incomplete_details and found.incomplete_details.reason) == reason
    assert (found.error and found.error.code) == code
    assert (found.completed_at is None, found.usage is None) == (status != "completed", status == "failed")
    (message,) = found.output
    assert message.type == "message"
    assert message.status == item


@pytest.mark.parametrize(
    ("directive", "member", "claimed"),
    [
        ("echo_store", "store", True),
        ("echo_background", "background", True),
        ("echo_tier=priority", "service_tier", "priority"),
    ],
)
def test_an_answer_can_claim_what_was_not_asked(directive: str, member: str, claimed: object) -> None:
    assert answered({"store": False}, directive).to_dict()[member] == claimed


@pytest.mark.parametrize("line", ["events=1", "events=5", "events=500"])
@pytest.mark.parametrize("format_", ["text", "json_object"])
def test_as_many_deltas_as_asked(line: str, format_: str) -> None:
    directives = read(line)
    found = answered({"text": {"format": {"type": format_}}}, line).output_text
    deltas = pieces(found, directives.events)
    assert (len(deltas), "".join(deltas)) == (directives.events, found)
