"""Chunks put together: the completion they tell of, as far as they came."""

import json
from typing import Any

import pytest

from addons.chat_completions.put_together import completion_of


def stream(*chunks: dict[str, Any] | bytes) -> bytes:
    return b"".join(
        chunk if isinstance(chunk, bytes) else b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks
    )


def piece(index: int = 0, reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "c", "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": reason}]}


def call(index: int, **members: Any) -> dict[str, Any]:
    return piece(tool_calls=[{"index": index, **members}])


USAGE = {"id": "c", "choices": [], "usage": {"total_tokens": 5}}
STOP = piece(reason="stop")
END = b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([], {"choices": []}, id="nothing"),
        pytest.param(
            [piece(role="assistant", content=""), piece(content="Hel"), piece(content="lo"), STOP, USAGE],
            {
                "id": "c", "model": "m", "usage": {"total_tokens": 5},
                "choices": [
                    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}
                ],
            },
            id="a text",
        ),
        pytest.param(
            [piece(1, content="b"), piece(0, refusal="N"), piece(1, content="c"), piece(0, refusal="o")],
            {
                "id": "c", "model": "m",
                "choices": [
                    {"index": 0, "message": {"refusal": "No"}}, {"index": 1, "message": {"content": "bc"}},
                ],
            },
            id="two choices, one of them a refusal",
        ),
        pytest.param(
            [
                call(1, id="c2", type="custom", custom={"name": "g", "input": "a"}),
                call(0, id="c1", type="function", function={"name": "f", "arguments": ""}),
                call(0, function={"arguments": '{"a"'}),
                call(0, id="c1", function={"arguments": ": 1}"}),
                call(1, custom={"input": "b"}),
            ],
            {
                "id": "c", "model": "m",
                "choices": [{"index": 0, "message": {"tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                    {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "ab"}},
                ]}}],
            },
            id="calls of tools, by their index",
        ),
        pytest.param(
            [piece(role="assistant", content="a"), piece(role="assistant", content="b"),
             call(0, id="c1", type="function"), call(0, id="c1", type="function")],
            {
                "id": "c", "model": "m",
                "choices": [{"index": 0, "message": {
                    "role": "assistant", "content": "ab", "tool_calls": [{"id": "c1", "type": "function"}],
                }}],
            },
            id="a role, a type and an id that come again with each chunk",
        ),
        pytest.param(
            [piece(function_call={"name": "f", "arguments": "{"}), piece(function_call={"arguments": "}"})],
            {
                "id": "c", "model": "m",
                "choices": [{"index": 0, "message": {"function_call": {"name": "f", "arguments": "{}"}}}],
            },
            id="a function's call",
        ),
        pytest.param(
            [piece(content="x"), {"error": {"code": "timeout"}}],
            {
                "id": "c", "model": "m", "error": {"code": "timeout"},
                "choices": [{"index": 0, "message": {"content": "x"}}],
            },
            id="an error in place of its end",
        ),
        pytest.param(
            [
                b"data: {not json\n\n", b"data: [1]\n\n", {"choices": 7}, {"choices": [7]}, {"choices": [{"delta": 7}]},
                {"choices": [{"index": "x", "delta": {"content": 7, "tool_calls": [7, {}], "function_call": 7}}]},
            ],
            {"choices": [{"index": 0, "message": {}}]},
            id="odd",
        ),
    ],
)  # fmt: skip
def test_put_together(chunks: list[dict[str, Any] | bytes], expected: dict[str, Any]) -> None:
    whole = completion_of(stream(*chunks, END))
    assert whole.pop("events") == len(chunks)
    assert whole == expected


@pytest.mark.parametrize("length", range(0, 300, 7))
def test_never_raises_wherever_it_was_cut(length: int) -> None:
    body = stream(piece(content="é"), call(0, id="c", function={"name": "f"}), USAGE)
    assert isinstance(completion_of(body[:length])["choices"], list)
