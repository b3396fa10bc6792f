"""How a stream of any API ends that broke off, wherever it stood: in one event that is an error."""

import json
from collections.abc import Callable

import pytest

from addons.bodies.answer_stream import AnswerStream
from addons.bodies.server_sent_event import split_events
from addons.chat_completions.stream import ChunkStream
from addons.responses.stream import EventStream

NAMED, UNNAMED = b"event: error\ndata: {", b"data: {"
WHOLE = b'data: {"text":"a"}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":1}}'


def chunks() -> AnswerStream:
    return ChunkStream(shows_usage=False)


each_api = pytest.mark.parametrize("made", [EventStream, chunks], ids=["responses", "chat completions"])
each_error = pytest.mark.parametrize(
    ("made", "begins"), [(EventStream, NAMED), (chunks, UNNAMED)], ids=["responses", "chat completions"]
)


@each_error
@pytest.mark.parametrize("fed", [b"", WHOLE, WHOLE + b": keep\n\n"], ids=["nothing", "an event", "a comment"])
@pytest.mark.parametrize("ended", [False, True], ids=["broken off", "ended"])
def test_between_events_the_error_is_an_event_of_its_own(
    made: Callable[[], AnswerStream], begins: bytes, fed: bytes, ended: bool
) -> None:
    stream = made()
    assert stream.feed(fed) + (stream.end() if ended else b"") == fed
    ending = stream.cut("c", "m")
    assert ending.startswith(begins)
    assert ending.endswith(b"}\n\n")
    (data,) = split_events(ending)
    assert json.loads(data)["error"]["code"] == "c"


@each_error
def test_half_an_event_that_waits_is_dropped(made: Callable[[], AnswerStream], begins: bytes) -> None:
    stream = made()
    assert stream.feed(WHOLE + WHOLE[:12]) == WHOLE
    assert stream.cut("c", "m").startswith(begins)


@each_api
@pytest.mark.parametrize("length", range(len(b"data: {"), len(WHOLE) - 2))
def test_half_an_event_that_passed_at_the_end_is_made_the_error(made: Callable[[], AnswerStream], length: int) -> None:
    stream = made()
    passed = stream.feed(WHOLE + WHOLE[:length]) + stream.end()
    assert passed == WHOLE + WHOLE[:length]
    _, *last = split_events(passed + stream.cut("c", "m"))
    assert json.loads(last[-1])["error"]["code"] == "c"


def test_a_chunk_that_nobody_asked_for_does_not_pass_at_the_end_either() -> None:
    stream = ChunkStream(shows_usage=False)
    assert (stream.feed(WHOLE + USAGE), stream.end()) == (WHOLE, b"")
    assert stream.facts.usage


@each_api
def test_a_byte_order_mark_passes_when_it_is_whole(made: Callable[[], AnswerStream]) -> None:
    stream = made()
    assert [stream.feed(b"\xef\xbb"), stream.feed(b"\xbf"), stream.feed(WHOLE)] == [b"", b"\xef\xbb\xbf", WHOLE]


@pytest.mark.parametrize("before", [b"", b"id: 1\n", b"id: 1\r"], ids=["alone", "a line", "a carriage return"])
def test_an_event_that_says_nothing_need_not_be_readable(before: bytes) -> None:
    stream, event = EventStream(), before + b"data: {not json\n\n"
    assert stream.feed(event) == event
    assert (stream.events, stream.unread) == (1, False)
