"""Streams in every spelling and every split: what passes, what is read of them, and how they end."""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.responses.stream import TERMINAL, EventStream
from tests.responses.json_documents import cut_up
from tests.responses.second_reader import EventTap

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
USAGE = Usage(input_tokens=10, cached_tokens=4, output_tokens=5, reasoning_tokens=2, total_tokens=15)
FACTS = AnswerFacts("resp_1", "gpt-5.2-2025-12-11", "completed", USAGE, store=False)


def event(kind: str, name: bool = True, **members: Any) -> bytes:
    data = json.dumps({"type": kind, **members}, ensure_ascii=False, separators=(",", ":"))
    return (f"event: {kind}\n" if name else "").encode() + f"data: {data}\n\n".encode()


CREATED = event(
    "response.created", response={"id": "resp_1", "model": "gpt-5.2", "status": "in_progress", "error": None}
)
DELTA = event("response.output_text.delta", delta="no error, response.completed: \U0001f600", sequence_number=1)
COMPLETED = event("response.completed", response=RESPONSE)
STREAM = CREATED + b": keep-alive\n\n" + DELTA + COMPLETED


def passed(stream: EventStream, fed: bytes, sizes: Sequence[int] = ()) -> list[bytes]:
    return [stream.feed(piece) for piece in cut_up(fed, sizes)]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("held", [1, 40, 10_000], ids=["all in pieces", "large ones in pieces", "all held"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "byte order mark"])
def test_every_line_end_in_every_split(line_end: bytes, held: int, mark: bytes) -> None:
    fed = mark + STREAM.replace(b"\n", line_end)
    for sizes in ([1], [2], [3], [7], [64], *([at, len(fed)] for at in range(1, len(fed), 3))):
        stream = EventStream(held)
        assert b"".join([*passed(stream, fed, sizes), stream.end()]) == fed
        assert (stream.terminal, stream.facts, stream.events) == ("response.completed", FACTS, 3), sizes
        assert not stream.unread
        assert not stream.failed


@pytest.mark.parametrize(
    ("fed", "terminal", "events"),
    [
        (b"", None, 0),
        (b": ping\n\n: ping\n\n", None, 0),
        (CREATED + DELTA, None, 2),
        (COMPLETED[:-1], "response.completed", 1),
        (COMPLETED[:-2], "response.completed", 1),
        (event("response.failed", response={}), "response.failed", 1),
        (event("response.incomplete", response={}), "response.incomplete", 1),
        (event("error", code="x"), "error", 1),
        # no event line, as some gateways write it
        (event("response.completed", name=False, response=RESPONSE), "response.completed", 1),
        (b'data: {"error":{"code":"x"}}\n\n', "error", 1),
        (COMPLETED + b"data: [DONE]\n\n", "response.completed", 2),
        # several data lines, no space after the colon, other fields between, the name last, fields without colon
        (b'id: 1\nevent:response.failed\ndata:{"type":\nretry: 3\ndata: "response.failed"}\n\n', "response.failed", 1),
        (b"data: {}\nevent: response.failed\n\n", "response.failed", 1),
        (b"data\n\n", None, 1),
        (b"event: response.failed\ndata\n\n", "response.failed", 1),
        (b"event: response.failed\nevent\ndata: 1\n\n", None, 1),
        (b"event: response.failed\n\n", None, 0),  # without data it is no event
        (b"data-of: an error\n: data: error\n\n", None, 0),
        # the type inside the data wins over the line, which wins over nothing
        (b'event: message\ndata: {"type":"response.failed"}\n\n', "response.failed", 1),
        (b'event: response.failed\ndata: {"response":{}}\n\n', "response.failed", 1),
        (b"event: response.failed\ndata: not json\n\n", "response.failed", 1),
        (b"event: error\ndata: not json\n\n", "error", 1),
        (b'event: error\ndata: {"code":"x"}\n\n', "error", 1),
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
        # a byte order mark is one at the beginning alone
        (DELTA + b'\xef\xbb\xbfdata: {"error":{"code":"x"}}\n\n', None, 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sizes", [[], [1], [5, 1]])
@pytest.mark.parametrize("held", [1, 1000_000])
def test_ends(fed: bytes, terminal: str | None, events: int, sizes: list[int], held: int) -> None:
    stream = EventStream(held)
    assert b"".join([*passed(stream, fed, sizes), stream.end()]) == fed
    assert (stream.terminal, stream.events, stream.finished) == (terminal, events, terminal is not None)
    assert stream.failed == (terminal in {"error", "response.failed"})


def test_facts_of_errors_and_of_streams_without_an_end() -> None:
    for fed, facts in (
        (event("error", code="too_much"), AnswerFacts(error_code="too_much", failed=True)),
        (
            CREATED + event("error", error={"code": "too_much"}),
            AnswerFacts("resp_1", "gpt-5.2", error_code="too_much", failed=True),
        ),
        (event("response.failed", response={"error": {"code": "x"}}), AnswerFacts(error_code="x", failed=True)),
        (CREATED + DELTA, AnswerFacts("resp_1", "gpt-5.2", "in_progress")),
        (event("response.created", response={"store": True}) + event("error", code="x"),
         AnswerFacts(store=True, error_code="x", failed=True)),
        (event("response.created", response={"background": False, "service_tier": "flex"})
         + event("response.completed", response={"id": "resp_1"}),
         AnswerFacts("resp_1", background=False, service_tier="flex")),
        (b"", AnswerFacts()),
    ):  # fmt: skip
        stream = EventStream()
        stream.feed(fed)
        assert stream.facts == facts


@pytest.mark.parametrize(
    ("response", "failed"),
    [
        ({"status": "completed"}, False),
        ({"status": "completed", "error": None}, False),
        ({"status": "failed"}, True),
        ({"status": "completed", "error": {"code": "x"}}, True),
    ],
    ids=str,
)
def test_a_last_event_that_says_it_failed(response: object, failed: bool) -> None:
    stream = EventStream()
    stream.feed(event("response.completed", response=response))
    assert (stream.finished, stream.failed) == (True, failed)


@pytest.mark.parametrize(
    ("pieces", "out"),
    [
        pytest.param([b": 1\n", b": 2\n", DELTA], [b": 1\n", b": 2\n", DELTA], id="the keep-alive of WHATWG"),
        pytest.param([DELTA + b": 1\r", b"\n: 2\r\n"], [DELTA + b": 1\r", b"\n: 2\r\n"], id="behind an event"),
        pytest.param([b": ha", b"lf\n: h"], [b"", b": half\n"], id="whole lines alone"),
        pytest.param([b"\n", b":\n\n", b":\n"], [b"\n", b":\n\n", b":\n"], id="and blank ones"),
        pytest.param([b"id: 7\n", b": 1\n", b"\n"], [b"", b"", b"id: 7\n: 1\n\n"], id="inside an event they wait"),
        pytest.param([b"\xef\xbb", b"\xbf: 1\n"], [b"", b"\xef\xbb\xbf: 1\n"], id="behind a byte order mark"),
        pytest.param([DELTA[:9], DELTA[9:] + b": 1\nda"], [b"", DELTA + b": 1\n"], id="behind a split event"),
    ],
)
def test_comments_pass_at_once(pieces: list[bytes], out: list[bytes]) -> None:
    stream = EventStream()
    assert [stream.feed(piece) for piece in pieces] == out


def test_an_event_waits_until_it_is_whole() -> None:
    stream = EventStream()
    assert [stream.feed(piece) for piece in (DELTA[:-1], b"", DELTA[-1:] + DELTA[:5])] == [b"", b"", DELTA]
    assert stream.end() == DELTA[:5]


@pytest.mark.parametrize("size", [1000, 65_536])
def test_an_event_of_any_size_is_read_with_bounded_memory(size: int) -> None:
    large = event("response.completed", response={"output": "x" * 3_000_000, **RESPONSE, "tools": [{}] * 100_000})
    stream = EventStream()
    fed, out, most = CREATED + large + DELTA, b"", 0
    for piece in cut_up(fed, [size]):
        out += stream.feed(piece)
        kept = stream._open.data._kept if stream._open else b""
        most = max(most, len(stream._held) + len(kept))
    assert out == fed
    assert (stream.terminal, stream.facts, stream.events) == ("response.completed", FACTS, 3)
    assert not stream.unread
    assert most <= 1024 * 1024 + size


def test_a_count_that_is_none_is_told() -> None:
    stream = EventStream()
    stream.feed(event("response.completed", response={"id": "a", "usage": {"input_tokens": -1, "output_tokens": 2}}))
    assert (stream.facts.response_id, stream.facts.usage, stream.unread) == ("a", None, True)


# A second reader, made another way, is of the same opinion.

_KINDS = [*sorted(TERMINAL), "response.created", "response.output_text.delta", "response.code_interpreter_call.done"]
_ENDS = [b"\n", b"\n", b"\r\n", b"\r"]


def a_line(random: Random) -> bytes:
    kind = random.choice(_KINDS)
    identity = random.choice(["resp_1", "resp_2", 3, None])
    response: dict[str, Any] = {
        "id": identity,
        "status": random.choice(["completed", "error"]),
        "usage": random.choice([None, {}, 7]),
    }
    data = random.choice(
        [{"type": kind}, {"type": kind, "response": response}, {"error": {"code": "x"}}, {"x": "error"}]
    )
    return random.choice([
        b"event: " + kind.encode(), b"event:" + kind.encode(), b"data: " + json.dumps(data).encode(),
        b"data:" + json.dumps(data, indent=random.choice([None, 1])).encode(), b"data: half {", b"data", b"event",
        b": note", b":", b"id: 7", b"retry", b"", b"", b"",
    ])  # fmt: skip


def a_stream(random: Random) -> bytes:
    end = random.choice(_ENDS)
    mixed = random.random() < 0.3
    pieces: list[bytes] = []
    for _ in range(random.randrange(25)):
        if random.random() < 0.4:
            pieces.append(random.choice([STREAM, CREATED, DELTA, COMPLETED]).replace(b"\n", end))
        else:
            pieces += [a_line(random), random.choice(_ENDS) if mixed else end]
    return b"".join(pieces)


def agrees(seed: int) -> None:
    random = Random(seed)
    fed = a_stream(random)
    sizes = [random.choice([1, 2, 5, 30, 300, 5000]) for _ in range(random.randrange(4))]
    tap, stream = EventTap(), EventStream(random.choice([1, 50, 1024 * 1024, 1024 * 1024]))
    tap.feed(fed)
    out = b"".join(passed(stream, fed, sizes))
    assert fed.startswith(out)
    assert (stream.terminal, stream.events) == (tap.terminal, tap.events), seed
    if tap.facts:
        assert stream.facts == tap.facts, seed
    else:
        assert (stream.facts.response_id, stream.facts.model) == (tap.response_id, tap.model), seed
    assert out + stream.end() == fed


@pytest.mark.parametrize("streams", [600, pytest.param(60_000, marks=[pytest.mark.long, pytest.mark.timeout(1200)])])
def test_reads_what_a_second_reader_reads_of_random_streams_in_random_splits(streams: int) -> None:
    first = Random().randrange(2**32)  # named by the assertion that fails
    for seed in range(first, first + streams):
        agrees(seed)


@given(
    st.lists(st.binary(max_size=30) | st.integers(0, 1000).map(lambda seed: a_stream(Random(seed)))), st.integers(1, 40)
)
@example([b"data\xff: \xff error\n\n", b"event: error\xff\ndata\n\n"], 10)
def test_never_raises_and_passes_everything(pieces: list[bytes], held: int) -> None:
    stream = EventStream(held)
    out = [stream.feed(piece) for piece in pieces]
    assert b"".join([*out, stream.end()]) == b"".join(pieces)
    assert stream.end() == b""
