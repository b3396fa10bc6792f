"""Streams put together: whole ones give the response they end with, broken ones what had come."""

import json
from typing import Any

import pytest

from addons.responses.put_together import response_of


def stream(*events: dict[str, Any] | bytes) -> bytes:
    return b"".join(
        event if isinstance(event, bytes) else b"event: x\ndata: " + json.dumps(event).encode() + b"\n\n"
        for event in events
    )


def event(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **members}


CREATED = event("created", response={"id": "resp_1", "status": "in_progress", "output": []})
MESSAGE = {"type": "message", "role": "assistant", "content": []}
CALL = {"type": "function_call", "name": "weather", "arguments": ""}
DONE = {"id": "resp_1", "status": "completed", "output": [{"type": "message"}]}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], {"output": []}, id="nothing"),
        pytest.param([CREATED, event("completed", response=DONE)], DONE, id="terminal"),
        pytest.param(
            [
                CREATED,
                event("output_item.added", output_index=0, item=MESSAGE),
                event("output_text.delta", output_index=0, content_index=0, delta="Hel"),
                event("output_text.delta", output_index=0, content_index=0, delta="lo"),
            ],
            {**CREATED["response"], "output": [{**MESSAGE, "content": [{"text": "Hello"}]}]},
            id="cut in a text",
        ),
        pytest.param(
            [
                event("output_item.added", output_index=1, item=CALL),
                event("function_call_arguments.delta", output_index=1, delta='{"a"'),
                event("function_call_arguments.delta", output_index=1, delta=": 1}"),
                event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="Hm"),
            ],
            {"output": [{"type": "reasoning", "summary": [{"text": "Hm"}]}, {**CALL, "arguments": '{"a": 1}'}]},
            id="items in their order",
        ),
        pytest.param(
            [
                event("output_text.delta", output_index=0, content_index=0, delta="Hel"),
                event("output_item.done", output_index=0, item={"type": "message", "content": "whole"}),
            ],
            {"output": [{"type": "message", "content": "whole"}]},
            id="a finished item takes the place of its deltas",
        ),
        pytest.param(
            [CREATED, {"type": "error", "error": {"code": "timeout"}}],
            {**CREATED["response"], "error": {"code": "timeout"}},
            id="error",
        ),
        pytest.param(
            [CREATED, {"type": "error", "code": "timeout"}],
            {**CREATED["response"], "output": [], "error": {"type": "error", "code": "timeout"}},
            id="an error that is the event",
        ),
        pytest.param([{"error": {"code": "x"}}], {"output": [], "error": {"code": "x"}}, id="an error of no type"),
        pytest.param([event("unheard_of", error={"code": "x"})], {"output": []}, id="another event's error"),
        pytest.param(
            [event("output_item.done", item={"type": "message"}), event("completed", response={**DONE, "output": []})],
            DONE,
            id="a terminal event without output",
        ),
        pytest.param(
            [event("output_item.done", item=MESSAGE), event("completed", response=DONE)],
            DONE,
            id="the terminal event's own output",
        ),
        pytest.param(
            [event("output_item.done", item=MESSAGE), event("in_progress", response=DONE)],
            {**DONE, "output": [MESSAGE]},
            id="an output that is not the last",
        ),
        pytest.param(
            [event("output_item.done", output_index=True, item=MESSAGE), event("output_item.done", item=CALL)],
            {"output": [CALL]},
            id="an index that is none is 0",
        ),
        pytest.param(
            [
                event("output_item.added", item={**CALL, "arguments": "{"}),
                event("function_call_arguments.delta", delta="}"),
            ],
            {"output": [{**CALL, "arguments": "{}"}]},
            id="a text that had begun",
        ),
        pytest.param(
            [b'data: {"type": "\xff"}\n\n', b"data: " + b"[" * 100_000 + b"\n\n", event("completed", response=DONE)],
            DONE,
            id="what no parser takes",
        ),
        pytest.param(
            [b"data: {not json\n\n", b": comment\n\n", b"data: [1]\n\n", event("output_text.delta", delta=7)],
            {"output": [{"type": "message", "content": [{"text": ""}]}]},
            id="odd",
        ),
    ],
)
def test_put_together(events: list[dict[str, Any] | bytes], expected: dict[str, Any]) -> None:
    whole = response_of(stream(*events))
    count = whole.pop("events")
    assert whole == expected
    assert count == len([each for each in events if not (isinstance(each, bytes) and each.startswith(b":"))])


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("output_text.delta", {"type": "message", "content": [{"text": "ab"}]}),
        ("refusal.delta", {"type": "message", "content": [{"refusal": "ab"}]}),
        ("reasoning_summary_text.delta", {"type": "reasoning", "summary": [{"text": "ab"}]}),
        ("reasoning_text.delta", {"type": "reasoning", "content": [{"text": "ab"}]}),
        ("function_call_arguments.delta", {"type": "function_call", "arguments": "ab"}),
        ("custom_tool_call_input.delta", {"type": "custom_tool_call", "input": "ab"}),
        ("mcp_call_arguments.delta", {"type": "mcp_call", "arguments": "ab"}),
    ],
)
def test_deltas_whose_item_never_came(kind: str, item: dict[str, Any]) -> None:
    """An index that is not there is 0."""
    first = event(kind, output_index=0, content_index=0, summary_index=0, delta="a")
    assert response_of(stream(first, event(kind, delta="b")))["output"] == [item]


@pytest.mark.parametrize("length", range(0, 400, 7))
def test_never_raises_wherever_it_was_cut(length: int) -> None:
    body = stream(CREATED, event("output_text.delta", output_index=0, delta="é"), event("completed", response=DONE))
    assert isinstance(response_of(body[:length])["output"], list)
