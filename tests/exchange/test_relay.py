"""Answers on their way back: what is written to the caller, how it is framed, and how a call ends by its content."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from addons.call import Call, OtherPath, Outcome
from addons.exchange.answer_bytes import Framing
from addons.exchange.relay import MOST_KEPT, Relay, Watch
from addons.exchange.upstream.failure import FailureKind, UpstreamFailure
from tests.gates.calls import call
from tests.waiting import LONGEST

RESULT = b'{"id": "resp_1", "model": "gpt-5.2", "status": "completed"}'
JSON, EVENTS = (b"Content-Type", b"application/json"), (b"Content-Type", b"text/event-stream; charset=utf-8")
LENGTH = (b"content-length", b"%d" % len(RESULT))
CREATED = b'data: {"type": "response.created", "response": {"id": "resp_1"}}\n\n'
COMPLETED = b'data: {"type": "response.completed", "response": {"id": "resp_1", "status": "completed"}}\n\n'
FAILED = b'data: {"type": "response.failed", "response": {"id": "resp_1", "error": {"code": "server_error"}}}\n\n'
FOUNDRY = OtherPath("acme", "/api")
BROKE_OFF = UpstreamFailure(FailureKind.BROKEN, "it ended early")


class Stage:
    """A relay, and all that it wrote."""

    def __init__(self, each: Call, asked: tuple[str, str] = ("POST", "1.1"), **more: Any) -> None:
        self.call = each
        self.written: list[bytes] = []
        parts: dict[str, Any] = {"more_fields": said_framing, "quotes_credential": lambda text: text == b"secret"}
        self.relay = Relay(each, self.written.append, asked=asked, **{**parts, **more})

    def read(self, *payload: bytes) -> None:
        """One read of the provider's connection."""
        for each in payload:
            self.relay.data(each)
        self.relay.read_ended()

    @property
    def bytes(self) -> bytes:
        return b"".join(self.written)


def said_framing(framing: Framing) -> list[tuple[bytes, bytes]]:
    return [(b"Framing", framing.encode())]


def head(*lines: bytes, framing: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 OK", *(line for line in lines if line), b"Framing: " + framing, b"", b""))


def chunked(*payload: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in payload)


JSON_LINE, EVENTS_LINE, CHUNKED_LINE = (
    b"Content-Type: application/json",
    b"Content-Type: text/event-stream; charset=utf-8",
    b"Transfer-Encoding: chunked",
)
LENGTH_LINE = b"content-length: %d" % len(RESULT)


class Passes(NamedTuple):
    fields: tuple[tuple[bytes, bytes], ...]
    payload: tuple[bytes, ...]
    written: bytes
    framing_ended: bool = True
    asked: tuple[str, str] = ("POST", "1.1")
    other_path: OtherPath | None = None


WHOLE = head(JSON_LINE, LENGTH_LINE, framing=b"length") + RESULT
CLOSED = head(JSON_LINE, framing=b"close") + RESULT
IN_CHUNKS = head(JSON_LINE, CHUNKED_LINE, framing=b"chunked") + chunked(RESULT[:5], RESULT[5:]) + b"0\r\n\r\n"
STREAMED = head(EVENTS_LINE, CHUNKED_LINE, framing=b"chunked") + chunked(CREATED, COMPLETED) + b"0\r\n\r\n"
OLD, HEAD = ("POST", "1.0"), ("HEAD", "1.1")

PASSING = {
    "JSON with its length": Passes((JSON, LENGTH), (RESULT,), WHOLE),
    "JSON without": Passes((JSON,), (RESULT[:5], RESULT[5:]), IN_CHUNKS),
    "JSON without, to HTTP/1.0": Passes((JSON,), (RESULT[:5], RESULT[5:]), CLOSED, framing_ended=False, asked=OLD),
    "events": Passes((EVENTS,), (CREATED, COMPLETED), STREAMED),
    "events with a length, which may change": Passes((EVENTS, LENGTH), (CREATED, COMPLETED), STREAMED),
    "Foundry's own": Passes((LENGTH,), (RESULT,), head(LENGTH_LINE, framing=b"length") + RESULT, other_path=FOUNDRY),
    "Foundry's own, whose head alone was asked for": Passes(
        (LENGTH,), (), head(LENGTH_LINE, framing=b"none"), asked=HEAD, other_path=FOUNDRY
    ),
    "a body that nobody asked for": Passes(
        (LENGTH,), (RESULT,), head(LENGTH_LINE, framing=b"none"), asked=HEAD, other_path=FOUNDRY
    ),
    "a field that quotes a credential": Passes((JSON, LENGTH, (b"X-Key", b"secret")), (RESULT,), WHOLE),
    "a field that is named by one": Passes((JSON, LENGTH, (b"secret", b"x")), (RESULT,), WHOLE),
}


@pytest.mark.parametrize("case", PASSING)
def test_what_passes(case: str) -> None:
    fields, payload, written, framing_ended, asked, other_path = PASSING[case]
    stage = Stage(call(other_path=other_path), asked)
    began = time.monotonic()
    stage.relay.head(200, fields)
    assert stage.written == [], "the head leaves with what was read beside it"
    for each in payload:
        stage.read(each)
    stage.read()
    stage.relay.ended(None)
    assert stage.relay.finish()
    assert (stage.bytes, stage.relay.framing_ended) == (written, framing_ended)
    assert stage.relay.begun
    assert (stage.relay.failure, stage.relay.outcome, stage.call.status) == (None, Outcome.SERVED, 200)
    answer = stage.call.answer
    assert (answer.status, answer.streamed) == (200, EVENTS in fields)
    assert began <= (answer.first_byte_at or 0) <= stage.call.last_activity


def test_what_one_read_brings_leaves_in_one_write() -> None:
    stage = Stage(call())
    stage.relay.head(200, (JSON, LENGTH))
    stage.read(RESULT[:5], RESULT[5:])
    assert stage.written == [WHOLE]


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (400, (JSON,)),
        (500, (EVENTS,)),
        (200, ((b"Content-Type", b"text/html"),)),
        (200, ()),
        (200, (JSON, (b"Content-Encoding", b"gzip"))),
    ],
)
def test_what_does_not_pass_is_kept(status: int, fields: tuple[tuple[bytes, bytes], ...]) -> None:
    stage = Stage(call())
    assert not stage.relay.begun
    stage.relay.head(status, fields)
    stage.read(b"a page", b", or an error")
    assert (stage.bytes, bytes(stage.relay.kept)) == (b"", b"a page, or an error")
    assert not stage.relay.begun
    assert not stage.relay.finished
    assert (stage.call.answer.status, stage.call.status) == (status, None)
    assert stage.relay.fields == fields
    stage.relay.read_facts()
    assert stage.call.answer.facts is None


@pytest.mark.parametrize(("size", "overflowed"), [(MOST_KEPT, False), (MOST_KEPT + 1, True)])
def test_no_more_is_kept_than_its_bound(size: int, overflowed: bool) -> None:
    async def play() -> None:
        stage = Stage(call())
        stage.relay.head(500, (JSON,))
        changed = asyncio.ensure_future(stage.relay.change())
        await asyncio.sleep(0)
        for start in range(0, size, 64 * 1024):
            stage.read(b"x" * min(64 * 1024, size - start))
        await asyncio.sleep(0)
        assert (stage.relay.overflowed, changed.done()) == (overflowed, overflowed)
        assert len(stage.relay.kept) == MOST_KEPT
        stage.relay.nudge()
        stage.relay.nudge()
        await changed

    asyncio.run(play())


CHANGED: dict[str, Callable[[Relay], object]] = {
    "over": lambda relay: relay.ended(None),
    "broken off": lambda relay: relay.ended(BROKE_OFF),
    "nudged": Relay.nudge,
    "a fault": lambda relay: relay.head(200, None),  # type: ignore[arg-type]  # a fault put in
}


@pytest.mark.parametrize("case", CHANGED)
def test_the_exchange_is_told_of_each_change(case: str) -> None:
    async def play() -> None:
        relay = Stage(call()).relay
        waiting = asyncio.ensure_future(relay.change())
        await asyncio.sleep(0)
        assert not waiting.done()
        CHANGED[case](relay)
        await asyncio.wait_for(waiting, LONGEST)
        if case != "nudged":
            await asyncio.wait_for(relay.change(), LONGEST)  # nothing more will come

    asyncio.run(play())


def test_an_overflow_that_came_before_is_not_waited_for() -> None:
    async def play() -> None:
        stage = Stage(call())
        stage.relay.head(500, ())
        stage.read(b"x" * (MOST_KEPT + 1))
        await asyncio.wait_for(stage.relay.change(), 5)

    asyncio.run(play())


ENDS: dict[str, tuple[tuple[bytes, bytes], bytes, Outcome, dict[str, Any]]] = {
    "a result": (JSON, RESULT, Outcome.SERVED, {"response_id": "resp_1", "status": "completed"}),
    "an error": (JSON, b'{"error": {"code": "oops"}}', Outcome.PROVIDER_ERROR, {"error_code": "oops"}),
    "a result that failed": (
        JSON,
        b'{"id": "resp_1", "error": {"code": "oops"}}',
        Outcome.PROVIDER_ERROR,
        {"response_id": "resp_1", "error_code": "oops"},
    ),
    "no result": (JSON, b'{"status": "ok"}', Outcome.PROVIDER_ERROR, {"status": "ok"}),
    "half a result": (JSON, RESULT[:-1], Outcome.PROVIDER_ERROR, {"response_id": "resp_1", "unread": True}),
    "no JSON": (JSON, b"ok", Outcome.PROVIDER_ERROR, {"unread": True}),
    "a stream": (EVENTS, CREATED + COMPLETED, Outcome.SERVED, {"status": "completed"}),
    "a stream that failed": (EVENTS, CREATED + FAILED, Outcome.PROVIDER_ERROR, {"error_code": "server_error"}),
}


@pytest.mark.parametrize("case", ENDS)
def test_how_a_complete_answer_ends(case: str) -> None:
    field, payload, outcome, facts = ENDS[case]
    stage = Stage(call())
    stage.relay.head(200, (field,))
    stage.read(payload)
    assert stage.relay.finished == (field == EVENTS)
    stage.relay.ended(None)
    assert stage.relay.finish()
    assert stage.relay.outcome == outcome
    stage.relay.read_facts()
    found = stage.call.answer.facts
    assert {name: getattr(found, name) for name in facts} == facts


def test_a_stream_without_its_last_event_gets_one_error_and_its_end() -> None:
    stage = Stage(call())
    stage.relay.head(200, (EVENTS,))
    stage.read(CREATED + b"data: half")
    stage.relay.ended(None)
    assert not stage.relay.finish()
    assert stage.relay.break_off("upstream_truncated", "It broke off.")
    event = stage.relay.error_event
    assert b'"upstream_truncated"' in event
    assert b"It broke off." in event
    assert stage.bytes.count(event) == 1
    assert stage.bytes.endswith(b"\r\n0\r\n\r\n")
    assert stage.relay.framing_ended


def test_a_document_that_broke_off_stays_as_it_is() -> None:
    stage = Stage(call())
    stage.relay.head(200, (JSON, LENGTH))
    stage.relay.data(RESULT[:5])
    assert not stage.relay.break_off("upstream_truncated", "It broke off.")
    assert stage.bytes == WHOLE[: 5 - len(RESULT)]
    assert stage.relay.error_event == b""


FAULTS: dict[str, Callable[[Stage], object]] = {
    "in the head": lambda stage: stage.relay.head(200, None),  # type: ignore[arg-type]  # a fault put in
    "in what is added to the head": lambda stage: stage.relay.head(200, (JSON,)),
    "in the payload": lambda stage: stage.read(None),  # type: ignore[arg-type]  # a fault put in
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_ends_the_answer_and_the_first_is_told(case: str) -> None:
    stage = Stage(call(), more_fields=lambda _: 1 / 0)
    FAULTS[case](stage)
    relay = stage.relay
    first = relay.failure
    assert isinstance(first, Exception)
    assert relay.over
    relay.data(b"more")
    relay.read_ended()
    relay.ended(BROKE_OFF)
    assert relay.failure is first
    assert stage.bytes == b""


def test_a_write_that_fails_is_a_fault() -> None:
    failing = Relay(
        call(),
        lambda _: 1 / 0,  # type: ignore[arg-type]  # a fault put in
        asked=("POST", "1.1"),
        more_fields=said_framing,
        quotes_credential=lambda _: False,
    )
    failing.head(200, (JSON,))
    failing.read_ended()
    assert isinstance(failing.failure, ZeroDivisionError)
    assert failing.over


@pytest.mark.parametrize("status", [200, 500])
def test_who_looks_on_sees_the_head_and_each_piece_as_it_came(status: int) -> None:
    seen: list[bytes] = []
    stage = Stage(call(), watch=Watch(lambda: seen.append(b"head"), seen.append))
    stage.relay.head(status, (EVENTS,))
    stage.read(CREATED[:9], CREATED[9:])
    assert seen == [b"head", CREATED[:9], CREATED[9:]]
