"""Chat completions as a person reads them: messages, calls of tools with what they returned, refusals, usage."""

from typing import Any

import pytest

from addons.chat_completions.conversation import READER
from addons.inspecting.conversation_text import answer_lines, page, request_lines

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}
WRITTEN = {"id": "c2", "type": "custom", "custom": {"name": "note", "input": "snow"}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eHh4", "detail": "low"}}

REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}, "model: m\n\nuser:\n  Hi\n"),
    (
        {"messages": [{"role": "developer", "content": "Be\nkind"}, {"role": "user", "name": "ann", "content": []}]},
        "\ndeveloper:\n  Be\n  kind\n\nuser ann:\n  (nothing)\n",
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {}}}}},
                   {"type": "custom", "custom": {"name": "g"}}], "functions": [{"name": "h"}]},
        "tools: f(a) (function), g (custom), h (function)\n\nmessages:\n  (nothing)\n",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look"}, IMAGE]}]},
        "\nuser:\n  Look\n  [image_url: image/png, 3 bytes]\n",
    ),
    (
        {"messages": [{"role": "user", "content": [
            {"type": "input_audio", "input_audio": {"data": "eHh4", "format": "wav"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "eHh4"}},
            {"type": "file", "file": {"file_id": "f"}},
        ]}]},
        "\nuser:\n  [input_audio: base64, 3 bytes]\n  [file a.pdf: base64, 3 bytes]\n  [file: f]\n",
    ),
    (
        {"messages": [
            {"role": "assistant", "content": None, "tool_calls": [CALL, WRITTEN]},
            {"role": "tool", "tool_call_id": "c2", "content": "kept"},
            {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "snow"}]},
        ]},
        (
            '\nfunction_call weather [c1]:\n  {\n    "city": "Bern"\n  }\n\ntool_output [c1]:\n  snow\n'
            "\ncustom_call note [c2]:\n  snow\n\ntool_output [c2]:\n  kept\n"
        ),
    ),
    (
        {"messages": [{"role": "assistant", "content": "Wait", "function_call": {"name": "f", "arguments": "x"}},
                      {"role": "function", "name": "f", "content": "1"}]},
        "\nassistant:\n  Wait\n\nfunction_call f:\n  x\n\nfunction_output f:\n  1\n",
    ),
    ({"messages": [7, {"content": "x"}]}, "\nitem:\n  7\n\nmessage:\n  x\n"),
    ({"messages": 7}, "\nmessages:\n  7\n"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), REQUESTS)
def test_request(document: dict[str, Any], expected: str) -> None:
    assert page(request_lines(READER.request(document))) == expected


def choice(index: int, reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    return {"index": index, "finish_reason": reason, "message": {"role": "assistant", **message}}


ANSWERS: list[tuple[dict[str, Any], str]] = [
    (
        {
            "id": "c", "model": "m", "choices": [choice(0, content="Hello")],
            "usage": {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens": 2,
                      "completion_tokens_details": {"reasoning_tokens": 1}},
        },
        (
            "id: c\nmodel: m\nfinish reason: stop\nusage: input 3, cached 1, output 2, reasoning 1\n"
            "\nassistant:\n  Hello\n"
        ),
    ),
    (
        {"choices": [choice(0, content="a"), choice(1, "length", content="b")]},
        "finish reason (0): stop\nfinish reason (1): length\n\nassistant (0):\n  a\n\nassistant (1):\n  b\n",
    ),
    ({"choices": [choice(0, refusal="No.")]}, "finish reason: stop\n\nassistant:\n  refusal: No.\n"),
    (
        {"choices": [choice(0, "tool_calls", tool_calls=[WRITTEN])]},
        "finish reason: tool_calls\n\ncustom_call note [c2]:\n  snow\n",
    ),
    (
        {"choices": [choice(0, None, audio={"id": "a", "data": "eHh4", "transcript": "Hm"})]},
        "\nassistant:\n  Hm\n  [audio: base64, 3 bytes]\n",
    ),
    ({"error": {"code": "x", "message": "y"}}, '\nerror:\n  {code: "x", message: "y"}\n'),
]  # fmt: skip


@pytest.mark.parametrize(("completion", "expected"), ANSWERS)
def test_answer(completion: dict[str, Any], expected: str) -> None:
    assert page(answer_lines(READER.answer(completion))) == expected
