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
    assert stream.end() == b""


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
    assert stream.events == 1


@each_api
def test_a_byte_order_mark_is_no_part_of_the_event_behind_it(made: Callable[[], AnswerStream]) -> None:
    stream = made()
    assert stream.feed(b"\xef\xbb\xbf" + WHOLE) == b"\xef\xbb\xbf" + WHOLE
    assert stream.events == 1


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("place", range(4))
def test_an_event_that_is_left_out_leaves_all_others(place: int, line_end: bytes) -> None:
    events = [WHOLE.replace(b"a", b"%d" % number).replace(b"\n", line_end) for number in range(3)]
    shown = b"".join(events)
    events.insert(place, USAGE + line_end * 2)
    stream = ChunkStream(shows_usage=False)
    assert stream.feed(b"".join(events)) == shown
    assert stream.facts.usage


HELD = 12


@pytest.mark.parametrize(
    ("fed", "passed"),
    [
        ((b'data: {"a":1',), (b"",)),  # as much as is held
        ((b'data: {"a":12',), (b'data: {"a":12',)),
        ((b'data: {"a":"b', b"\xe2", b"\x82", b"\xac"), (b'data: {"a":"b', b"", b"", b"\xe2\x82\xac")),
        ((b'data: {"a":"b', b"c\xf0\x9f\x98"), (b'data: {"a":"b', b"c")),
        ((b'data: {"a":"b', b"\xc3"), (b'data: {"a":"b', b"")),
    ],
)
def test_of_a_large_event_no_half_character_passes(fed: tuple[bytes, ...], passed: tuple[bytes, ...]) -> None:
    assert len(fed[0]) in {HELD, HELD + 1}
    stream = EventStream(HELD)
    assert tuple(map(stream.feed, fed)) == passed


def test_of_a_large_event_that_can_not_be_read_it_is_told() -> None:
    stream = EventStream(HELD)
    stream.feed(b"data: {no JSON at all")
    assert not stream.unread
    stream.feed(b"\n\n" + WHOLE[:-1])
    assert stream.unread
    stream.feed(b"\n")
    assert stream.unread


@pytest.mark.parametrize("before", [b"", b"id: 1\n", b"id: 1\r"], ids=["alone", "a line", "a carriage return"])
def test_an_event_that_says_nothing_need_not_be_readable(before: bytes) -> None:
    stream, event = EventStream(), before + b"data: {not json\n\n"
    assert stream.feed(event) == event
    assert (stream.events, stream.unread) == (1, False)


def test_half_a_character_behind_a_large_event_that_ends_is_read_too() -> None:
    stream = EventStream(HELD)
    assert [stream.feed(b'data: {"a":1}\xe2'), stream.end()] == [b'data: {"a":1}', b"\xe2"]
    assert stream.unread
