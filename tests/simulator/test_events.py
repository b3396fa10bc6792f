import json
from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from addons.simulator.answer import response
from addons.simulator.directives import read
from addons.simulator.events import events

READER: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}}]
CUSTOM = [{"type": "custom", "name": "patch"}]


def streamed(line: str, **request: Any) -> list[dict[str, Any]]:
    """The events of a stream, each read strictly by openai-python's types."""
    directives = read(line)
    found = []
    for raw in events(response({"model": "gpt-5.2", "input": "Hi", **request}, directives), directives):
        name, data, *rest = raw.decode().split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert (name, rest) == (f"event: {event['type']}", ["", ""])
        assert READER.validate_python(event, strict=True).type == event["type"]
        found.append(event)
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


BEGIN = ["created", "in_progress"]
MESSAGE = [
    "output_item.added",
    "content_part.added",
    "output_text.delta",
    "output_text.done",
    "content_part.done",
    "output_item.done",
]
REASONING = [
    "output_item.added",
    "reasoning_summary_part.added",
    *["reasoning_summary_text.delta"] * 6,
    "reasoning_summary_text.done",
    "reasoning_summary_part.done",
    "output_item.done",
]
FUNCTION_CALL = [
    "output_item.added",
    "function_call_arguments.delta",
    "function_call_arguments.done",
    "output_item.done",
]
CUSTOM_CALL = ["output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done"]


@pytest.mark.parametrize(
    ("line", "tools", "kinds"),
    [
        ("events=1", [], [*BEGIN, *MESSAGE, "completed"]),
        ("events=1 reasoning", [], [*BEGIN, *REASONING, *MESSAGE, "completed"]),
        ("tool_call", TOOLS, [*BEGIN, *FUNCTION_CALL, "completed"]),
        ("tool_call", CUSTOM, [*BEGIN, *CUSTOM_CALL, "completed"]),
        ("events=1 incomplete", [], [*BEGIN, *MESSAGE, "incomplete"]),
        ("events=1 failed", [], [*BEGIN, *MESSAGE, "failed"]),
        ("events=1 error_event", [], [*BEGIN, *MESSAGE, "error"]),
    ],
)
def test_order(line: str, tools: list[Any], kinds: list[str]) -> None:
    assert [event["type"].removeprefix("response.") for event in streamed(line, tools=tools)] == kinds


def test_deltas_add_up_to_what_is_done() -> None:
    found = streamed("events=4")
    deltas = [event["delta"] for event in found if event["type"] == "response.output_text.delta"]
    (done,) = (event["text"] for event in found if event["type"] == "response.output_text.done")
    assert (len(deltas), "".join(deltas)) == (4, done)
    assert done == found[-1]["response"]["output"][0]["content"][0]["text"]


def test_nothing_is_told_before_its_time() -> None:
    found = streamed("reasoning")
    for event in found[:2]:
        assert (event["response"]["output"], event["response"]["usage"]) == ([], None)
    added = [event["item"] for event in found if event["type"] == "response.output_item.added"]
    assert [item.get("summary", item.get("content")) for item in added] == [[], []]


def test_obfuscation_can_be_left_out() -> None:
    answer = response({"model": "gpt-5.2", "input": "Hi"}, read(""))
    assert any(b'"obfuscation"' in event for event in events(answer, read("")))
    assert not any(b'"obfuscation"' in event for event in events(answer, read(""), obfuscated=False))
