"""Streams in every spelling and every split: what the tap remembers of them."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from addons.responses.answer import AnswerFacts, Usage
from addons.responses.server_sent_events import TERMINAL, EventTap

RESPONSE = {
    "id": "resp_1",
    "model": "gpt-5.2-2025-12-11",
    "status": "completed",
    "store": False,
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "Grüße \U0001f600"}]}],
    "usage": {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 15,
    },
    "error": None,
}
USAGE = Usage(10, 4, 5, 2, 15)


def event(kind: str, name: bool = True, **members: Any) -> bytes:
    data = json.dumps({"type": kind, **members}, ensure_ascii=False)
    return (f"event: {kind}\n" if name else "").encode() + f"data: {data}\n\n".encode()


CREATED = event(
    "response.created", response={"id": "resp_1", "model": "gpt-5.2", "status": "in_progress", "error": None}
)
DELTA = event("response.output_text.delta", delta="no error, response.completed: \U0001f600", sequence_number=1)
COMPLETED = event("response.completed", response=RESPONSE)
STREAM = CREATED + b": keep-alive\n\n" + DELTA + COMPLETED


def watch(chunks: Iterable[bytes], max_event_bytes: int = 8 * 1024 * 1024) -> EventTap:
    tap = EventTap(max_event_bytes)
    for chunk in chunks:
        tap.feed(chunk)
    return tap


def remembered(tap: EventTap) -> tuple[object, ...]:
    return tap.terminal, tap.facts, tap.response_id, tap.model, tap.events, tap.overflowed


WHOLE = (
    "response.completed",
    AnswerFacts("resp_1", "gpt-5.2-2025-12-11", "completed", USAGE, store=False),
    "resp_1",
    "gpt-5.2",
    3,
    0,
)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 100_000])
def test_every_line_end_in_chunks_of_every_size(line_end: bytes, size: int) -> None:
    stream = STREAM.replace(b"\n", line_end)
    assert remembered(watch(stream[i : i + size] for i in range(0, len(stream), size))) == WHOLE


def test_a_split_at_every_byte() -> None:
    stream = STREAM.replace(b"\n", b"\r\n")
    for at in range(len(stream)):
        assert remembered(watch([stream[:at], b"", stream[at:]])) == WHOLE, at


@pytest.mark.parametrize(
    ("stream", "terminal", "events"),
    [
        (b"", None, 0),
        (b": ping\n\n: ping\n\n", None, 0),
        (CREATED + DELTA, None, 2),
        (COMPLETED[:-1], None, 0),  # the blank line never came: no client saw the event
        (event("response.failed", response={}), "response.failed", 1),
        (event("response.incomplete", response={}), "response.incomplete", 1),
        (event("error", code="x"), "error", 1),
        # no event line, as some gateways write it
        (event("response.completed", name=False, response=RESPONSE), "response.completed", 1),
        (b'data: {"error":{"code":"x"}}\n\n', "error", 1),
        (COMPLETED + b"data: [DONE]\n\n", "response.completed", 2),
        # several data lines, no space after the colon, other fields between
        (b'id: 1\nevent:response.failed\ndata:{"type":\nretry: 3\ndata: "response.failed"}\n\n', "response.failed", 1),
        # the type inside the data wins over the line, which wins over nothing
        (b'event: message\ndata: {"type":"response.failed"}\n\n', "response.failed", 1),
        (b'event: response.failed\ndata: {"response":{}}\n\n', "response.failed", 1),
        (b"event: response.failed\ndata: not json\n\n", "response.failed", 1),
        # an answer that talks of events is not one
        (event("response.output_text.done", text='{"type":"error"} event: error'), None, 1),
        (event("response.output_item.done", item={"type": "error", "error": {"code": "x"}}), None, 1),
        (b"event: response.output_text.delta\ndata: error\n\n", None, 1),
        # the first end counts, but a response tells more than an error beside it
        (COMPLETED + event("error", code="late"), "response.completed", 2),
        (event("error", code="first") + event("response.failed", response={}), "response.failed", 2),
        # a response of another shape is still an end
        (b'data: {"type":"response.completed","response":"?"}\n\n', "response.completed", 1),
        (b'data: {"type":"response.completed","response":null}\n\n', "response.completed", 1),
        (b"data: " + b"[" * 100_000 + b"error\n\n", None, 1),
    ],
)  # fmt: skip
def test_ends(stream: bytes, terminal: str | None, events: int) -> None:
    tap = watch([stream])
    assert (tap.terminal, tap.events) == (terminal, events)


def test_facts_of_errors() -> None:
    flat, nested = event("error", code="rate_limit_exceeded"), event("error", error={"code": "rate_limit_exceeded"})
    failed = event("response.failed", response={"status": "failed", "error": {"code": "server_error"}})
    for stream in (flat, nested):
        assert watch([stream]).facts == AnswerFacts(error_code="rate_limit_exceeded")
        assert watch([CREATED, stream]).facts == AnswerFacts("resp_1", "gpt-5.2", error_code="rate_limit_exceeded")
    assert watch([failed]).facts == AnswerFacts(status="failed", error_code="server_error")


@pytest.mark.parametrize("size", [1, 50, 100_000])
@pytest.mark.parametrize("name", [True, False])
def test_an_event_too_large_to_keep_still_ends_the_stream(size: int, name: bool) -> None:
    stream = CREATED + event("response.completed", name, response={**RESPONSE, "output": "x" * 5000}) + DELTA
    tap = EventTap(max_event_bytes=1000)
    for start in range(0, len(stream), size):
        tap.feed(stream[start : start + size])
        assert len(tap._buffer) <= 1000 + size + 4
    assert remembered(tap) == ("response.completed", AnswerFacts("resp_1", "gpt-5.2"), "resp_1", "gpt-5.2", 3, 1)


def test_the_cap_is_the_size_of_the_event_itself() -> None:
    size = len(COMPLETED) - len(b"\n\n")
    assert remembered(watch([COMPLETED], size))[:2] == WHOLE[:2]
    assert remembered(watch([COMPLETED], size - 1))[:2] == ("response.completed", AnswerFacts())


_lines = st.sampled_from(
    [
        *(f"event: {kind}".encode() for kind in sorted(TERMINAL)),
        *(b'data: {"type":"%s"}' % kind.encode() for kind in sorted(TERMINAL)),
        b"event: response.output_text.delta", b'data: {"type":"x"}', b'data:{"delta":"error"}', b": note", b"id: 7",
        b"", b"", b"", b"",
    ]
)  # fmt: skip
_streams = st.lists(st.tuples(_lines, st.sampled_from([b"\n", b"\r\n", b"\r"]))).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@given(_streams, st.lists(st.integers(1, 40)))
def test_agrees_with_the_sdk_on_any_stream_in_any_split(stream: bytes, sizes: list[int]) -> None:
    chunks = []
    rest = stream
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    tap = watch([*chunks, rest])

    seen = [sse for sse in SSEDecoder().iter_bytes(iter([stream])) if sse.data]
    kinds = [_kind(sse.data) or sse.event for sse in seen]
    ends = [kind for kind in kinds if kind in TERMINAL]
    assert tap.events == len(seen)
    assert tap.terminal == next((kind for kind in ends if kind != "error"), ends[0] if ends else None)


def _kind(data: str) -> str | None:
    try:
        return json.loads(data).get("type")  # type: ignore[no-any-return]  # the streams above hold only text there
    except ValueError:
        return None


@given(st.lists(st.binary(max_size=30) | _streams), st.integers(1, 40))
@example([b"data\xff: \xff error\n\n", b"event: error\xff\ndata\n\n"], 10)
def test_never_raises(chunks: list[bytes], max_event_bytes: int) -> None:
    whole = watch([b"".join(chunks)], max_event_bytes)
    assert whole.events <= b"".join(chunks).count(b"\n") + b"".join(chunks).count(b"\r")
    assert watch(chunks, max_event_bytes).terminal in TERMINAL | {None}


@pytest.mark.parametrize(
    ("fed", "unfinished"),
    [
        (b"", 0),
        (b"data: 1", 7),
        (b"data: 1\n", 8),
        (b"data: 1\n\n", 0),
        (b"data: 1\r\n\r\n", 0),
        (b"data: " + b"x" * 200, 0),  # too large to keep
        (b"data: " + b"x" * 200 + b"\n\nda", 2),
    ],
)
def test_how_much_of_an_event_is_still_to_come(fed: bytes, unfinished: int) -> None:
    whole, piecemeal = EventTap(max_event_bytes=100), EventTap(max_event_bytes=100)
    whole.feed(fed)
    for number in range(len(fed)):
        piecemeal.feed(fed[number : number + 1])
    assert whole.unfinished == piecemeal.unfinished == unfinished
