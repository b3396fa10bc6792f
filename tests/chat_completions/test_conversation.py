"""Chat completions as a person reads them: messages, calls of tools with what they returned, refusals, usage."""

from typing import Any

import pytest

from addons.chat_completions.conversation import READER
from addons.inspecting.conversation_text import answer_lines, page, request_lines

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}
WRITTEN = {"id": "c2", "type": "custom", "custom": {"name": "note", "input": "snow"}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eHh4", "detail": "low"}}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": "eHh4"}}


def user(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


def tool(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "tool", "tool_call_id": "c1", "content": content}]}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"model": "m", **user("Hi")}, "model: m\n\nuser:\n  Hi\n", id="a question"),
        pytest.param(
            {"messages": [
                {"role": "developer", "content": "Be\nkind"}, {"role": "user", "name": "ann", "content": []},
            ]},
            "\ndeveloper:\n  Be\n  kind\n\nuser ann:\n  (nothing)\n",
            id="several lines, and none",
        ),
        pytest.param(
            {"messages": [{"role": "system", "content": "x" * 1000}]},
            f"\nsystem:\n  {'x' * 400} …\n  [600 more characters, at the end of this page]\n",
            id="long instructions are shortened",
        ),
        pytest.param(
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {}}}}},
                       {"type": "custom", "custom": {"name": "g"}}], "functions": [{"name": "h"}]},
            "tools: f(a) (function), g (custom), h (function)\n\nmessages:\n  (nothing)\n",
            id="tools of every kind",
        ),
        pytest.param(
            user([{"type": "text", "text": "Look"}, IMAGE]),
            "\nuser:\n  Look\n  [image_url: image/png, 3 bytes]\n",
            id="an image",
        ),
        pytest.param(
            user([
                {"type": "input_audio", "input_audio": {"data": "eHh4", "format": "wav"}}, FILE,
                {"type": "file", "file": {"file_id": "f"}},
            ]),
            "\nuser:\n  [input_audio: base64, 3 bytes]\n  [file a.pdf: base64, 3 bytes]\n  [file: f]\n",
            id="audio and files",
        ),
        pytest.param(
            {"messages": [
                {"role": "assistant", "content": None, "tool_calls": [CALL, WRITTEN]},
                {"role": "tool", "tool_call_id": "c2", "content": "kept"},
                {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "snow"}]},
            ]},
            (
                '\nfunction_call weather [c1]:\n  {\n    "city": "Bern"\n  }\n\ntool_output [c1]:\n  snow\n'
                "\ncustom_call note [c2]:\n  snow\n\ntool_output [c2]:\n  kept\n"
            ),
            id="what a tool answered stands with its call",
        ),
        pytest.param(
            tool('{"a": 1}'), '\ntool_output [c1]:\n  {\n    "a": 1\n  }\n', id="a tool's JSON over several lines"
        ),
        pytest.param(tool([FILE]), "\ntool_output [c1]:\n  [file a.pdf: base64, 3 bytes]\n", id="a tool's file"),
        pytest.param(
            {"messages": [{"role": "assistant", "content": "Wait", "function_call": {"name": "f", "arguments": "x"}},
                          {"role": "function", "name": "f", "content": "1"}]},
            "\nassistant:\n  Wait\n\nfunction_call f:\n  x\n\nfunction_output f:\n  1\n",
            id="functions, as they were called before",
        ),
        pytest.param({"messages": [7, {"content": "x"}]}, "\nitem:\n  7\n\nmessage:\n  x\n", id="odd messages"),
        pytest.param({"messages": 7}, "\nmessages:\n  7\n", id="no messages"),
        pytest.param(user(7), "\nuser:\n  7\n", id="a number for a content"),
        pytest.param(
            user([{"type": ["text"], "text": 7}, {"type": "text"}]),
            '\nuser:\n  {type: ["text"], text: 7}\n  {type: "text"}\n',
            id="odd parts, as they came",
        ),
        pytest.param(
            {"messages": [{"role": "assistant", "tool_calls": [{"type": ["x"]}, {"id": "c1", "function": 7}, 7]}]},
            "\n['x']:\n  {}\n\nmessage:\n  (nothing)\n\nitem:\n  7\n",
            id="odd calls, as they came",
        ),
        pytest.param(
            {"tools": [{"type": ["x"]}, {"type": "function"}, 7], "messages": []},
            'tools: ["x"], function, ?\n',
            id="odd tools, as they came",
        ),
    ],
)  # fmt: skip
def test_request(document: dict[str, Any], expected: str) -> None:
    assert page(request_lines(READER.request(document))) == expected


def choice(index: int, reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    return {"index": index, "finish_reason": reason, "message": {"role": "assistant", **message}}


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        pytest.param(
            {
                "id": "c", "model": "m", "choices": [choice(0, content="Hello")],
                "usage": {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}, "completion_tokens": 2,
                          "completion_tokens_details": {"reasoning_tokens": 1}},
            },
            (
                "id: c\nmodel: m\nfinish reason: stop\nusage: input 3, cached 1, output 2, reasoning 1\n"
                "\nassistant:\n  Hello\n"
            ),
            id="a completion",
        ),
        pytest.param(
            {"choices": [choice(0, content="a"), choice(1, "length", content="b")]},
            "finish reason (0): stop\nfinish reason (1): length\n\nassistant (0):\n  a\n\nassistant (1):\n  b\n",
            id="several answers, by their numbers",
        ),
        pytest.param(
            {"choices": [choice(0, refusal="No.")]},
            "finish reason: stop\n\nassistant:\n  refusal: No.\n",
            id="a refusal",
        ),
        pytest.param(
            {"choices": [choice(0, "tool_calls", tool_calls=[WRITTEN])]},
            "finish reason: tool_calls\n\ncustom_call note [c2]:\n  snow\n",
            id="a tool's call",
        ),
        pytest.param(
            {"choices": [choice(0, None, audio={"id": "a", "data": "eHh4", "transcript": "Hm"})]},
            "\nassistant:\n  Hm\n  [audio: base64, 3 bytes]\n",
            id="speech",
        ),
        pytest.param(
            {"error": {"code": "x", "message": "y"}}, '\nerror:\n  {code: "x", message: "y"}\n', id="an error"
        ),
    ],
)  # fmt: skip
def test_answer(completion: dict[str, Any], expected: str) -> None:
    assert page(answer_lines(READER.answer(completion))) == expected


def test_a_stream_is_read_as_the_answer_that_it_tells_of() -> None:
    stream = b'data: {"id":"c","choices":[{"delta":{"role":"assistant","content":"Hi"}}]}\n\ndata: [DONE]\n\n'
    assert READER.put_together
    assert page(answer_lines(READER.answer(READER.put_together(stream)))) == "id: c\nevents: 1\n\nassistant:\n  Hi\n"
