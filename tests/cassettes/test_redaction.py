"""What of a call stays in a cassette without content."""

import json
import re
from typing import Any

import pytest

from addons.cassettes.redaction import SHORT, Redaction

REDACTION = Redaction("salt")
MARK = re.compile(r"\[REDACTED LENGTH=\d+ HASH=[0-9a-f]+\]")
LONG = "The quick brown fox jumps over the lazy dog."


def mark(text: str) -> str:
    return REDACTION.mark(text)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (
            {"model": "gpt-5.2", "stream": True, "temperature": 0.5},
            {"model": "gpt-5.2", "stream": True, "temperature": 0.5},
        ),
        ({"input": "Hello"}, {"input": mark("Hello")}),
        ({"input": ""}, {"input": ""}),
        ({"user": None, "instructions": LONG}, {"user": None, "instructions": mark(LONG)}),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": LONG}]}]},
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": mark(LONG)}]}]},
        ),
        ({"include": ["reasoning.encrypted_content"]}, {"include": ["reasoning.encrypted_content"]}),
        ({"type": "two words"}, {"type": mark("two words")}),
        ({"metadata": {"patient": 7}}, {"metadata": {"redacted": mark('{"patient":7}')}}),
        ({"metadata": {}}, {"metadata": {}}),
        ({"action": {"env": {"TOKEN": "x"}}}, {"action": {"env": {"redacted": mark('{"TOKEN":"x"}')}}}),
        ({"odd": {"A Name": 1}}, {"odd": {"redacted": mark('{"A Name":1}')}}),
        (
            {"tools": [{"type": "function", "name": "weather", "description": LONG, "parameters": {"type": "object"}}]},
            {
                "tools": [
                    {
                        "type": "function",
                        "name": "weather",
                        "description": mark(LONG),
                        "parameters": {"redacted": mark('{"type":"object"}')},
                    }
                ]
            },
        ),
        ({"text": "yes", "logprobs": [{"token": "yes", "bytes": [121]}]}, {"text": mark("yes"), "logprobs": []}),
        ({"error": {"code": "too_long", "message": LONG}}, {"error": {"code": "too_long", "message": mark(LONG)}}),
        (
            {
                "messages": [
                    {"role": "user", "name": "anna", "content": "Hi"},
                    {"role": "tool", "tool_call_id": "call_1"},
                ]
            },
            {
                "messages": [
                    {"role": "user", "name": mark("anna"), "content": mark("Hi")},
                    {"role": "tool", "tool_call_id": "call_1"},
                ]
            },
        ),
        (
            {
                "choices": [
                    {"finish_reason": "stop", "logprobs": {"content": [{"token": "H", "bytes": [72]}], "refusal": None}}
                ]
            },
            {"choices": [{"finish_reason": "stop", "logprobs": {"content": [], "refusal": None}}]},
        ),
        ({"input": [101, 7592]}, {"input": mark("[101,7592]")}),
        ({"input": [[101], [102, 103]]}, {"input": [mark("[101]"), mark("[102,103]")]}),
        ({"input": ["a", "b"]}, {"input": [mark("a"), mark("b")]}),
        ({"data": [{"embedding": [0.25, -0.5]}]}, {"data": [{"embedding": [0, 0]}]}),
        ({"data": [{"embedding": "AACAPgAAAL8="}]}, {"data": [{"embedding": "AAAAAAAAAAA="}]}),
    ],
)  # fmt: skip
def test_a_document(given: Any, kept: Any) -> None:
    assert REDACTION.document(given) == kept
    assert REDACTION.document(kept) == kept, "twice is once, so that a replayed answer can be handed back"
    assert json.loads(REDACTION.json_text(json.dumps(given).encode())) == kept


def test_marks() -> None:
    assert MARK.fullmatch(mark("x"))
    assert mark("x") == mark("x") != mark("y")
    assert mark(LONG) != Redaction("other").mark(LONG)
    assert "LENGTH=44" in mark(LONG)
    assert len(mark("a" * SHORT)) - len(mark("a" * (SHORT - 1))) == 12, "a short text has a short hash"


@pytest.mark.parametrize("text", [b"<html>secret</html>", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_not_json_is_all_content(text: bytes) -> None:
    assert MARK.fullmatch(REDACTION.json_text(text).decode())


def event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def data(piece: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(piece.split(b"data: ")[1])
    return found


def test_the_deltas_of_a_text_say_what_its_end_says() -> None:
    delta = "response.output_text.delta"
    given = [event(delta, delta=part, item_id="a", obfuscation="xx") for part in ("The quick ", "brown ", "fox.")]
    given.insert(1, event(delta, delta="other", item_id="b"))
    given.append(event("response.output_text.done", text="The quick brown fox.", item_id="a"))
    kept = list(REDACTION.events(given))
    assert [piece.partition(b"\n")[0] for piece in kept] == [piece.partition(b"\n")[0] for piece in given]
    said = [data(piece) for piece in kept]
    assert said[4]["text"] == mark("The quick brown fox.")
    assert [each["delta"] for each in said[:4]] == [said[4]["text"], mark("other"), "", ""]
    assert "obfuscation" not in said[0]


def chunk(index: int = 0, **delta: Any) -> bytes:
    choices = [{"index": index, "delta": delta, "finish_reason": None}]
    return f"data: {json.dumps({'choices': choices, 'obfuscation': 'xx'})}\n\n".encode()


def call(index: int, **function: str) -> dict[str, Any]:
    return {"index": index, "id": f"call_{index}", "type": "function", "function": function}


def test_the_pieces_of_a_completion_say_what_it_says_as_a_whole() -> None:
    given = [
        chunk(role="assistant", content="", refusal=None), chunk(content="The "), chunk(1, content="Not"),
        chunk(content="fox."), chunk(1, refusal="No."),
        chunk(tool_calls=[call(0, name="f", arguments='{"a"'), call(1, name="g", arguments="x")]),
        chunk(tool_calls=[call(0, arguments=": 1}")]),
    ]  # fmt: skip
    kept = list(REDACTION.events([*given, b"data: [DONE]\n\n"]))
    assert kept.pop() == b"data: [DONE]\n\n"
    said = [data(piece)["choices"][0]["delta"] for piece in kept]
    assert said[:5] == [
        {"role": "assistant", "content": mark("The fox."), "refusal": None}, {"content": ""}, {"content": mark("Not")},
        {"content": ""}, {"refusal": mark("No.")},
    ]  # fmt: skip
    assert said[5]["tool_calls"] == [
        call(0, name="f", arguments=mark('{"a": 1}')),
        call(1, name="g", arguments=mark("x")),
    ]
    assert said[6]["tool_calls"] == [call(0, arguments="")]
    assert "obfuscation" not in data(kept[0])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (b": a secret comment\n\n", b":\n\n"),
        (b"data: [DONE]\n\n", b"data: [DONE]\n\n"),
        (b"event: x\r\ndata: plain text\r\n\r\n", b"data: " + mark("plain text").encode() + b"\n\n"),
        (b"data: [1, 2]\n\n", b"data: " + mark("[1, 2]").encode() + b"\n\n"),
        (b"event: a secret\ndata: {}\n\n", b"event: \ndata: {}\n\n"),
    ],
)
def test_odd_events(given: bytes, kept: bytes) -> None:
    assert list(REDACTION.events([given])) == [kept]


def test_a_broken_event() -> None:
    assert REDACTION.broken_event(b'data: {"delta": "secr') == b": " + mark('data: {"delta": "secr').encode()
