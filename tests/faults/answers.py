"""The provider's misbehaviour, a row each: what it sends, and what becomes of the call."""

import gzip
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from addons.simulator.answer import response
from addons.simulator.directives import read
from addons.simulator.events import events
from tests.faults.raw_provider import Each, Pause, Script, Step

_ASKED: Final = {"model": "gpt-5.2", "input": "Hello"}
_HOW: Final = read("usage=10,0,10,0")
_RESPONSE: Final = response(_ASKED, _HOW)

EVENTS: Final = [
    event.replace("\N{EM DASH}".encode(), "\N{EM DASH}\N{GRINNING FACE}".encode()) for event in events(_RESPONSE, _HOW)
]
STREAM: Final = b"".join(EVENTS)
JSON: Final = json.dumps(_RESPONSE).encode()
DONE: Final = EVENTS[-1]


CLASSES: Final = {400: "BadRequestError", 404: "NotFoundError", 429: "RateLimitError"}
BROKEN_OFF: Final = {"python": "APIConnectionError", "node": "TypeError"}


class Outcome(NamedTuple):
    """What callers see and what is recorded. ``code``: None where the answer arrives as it should.

    ``status`` is that of the answer's head. ``end`` is the record's ``call.outcome``, ``usage`` its ``usage.status``.
    ``whole``: whether HTTP ended properly. ``charged``: whether the estimate stands where no usage was reported.
    ``errors``: what clients raise that is not the rule.
    """

    status: int
    code: str | None
    end: str = "served"
    usage: str | None = "reported"
    whole: bool = True
    charged: bool = False
    errors: Mapping[str, str | None] = MappingProxyType({})

    def error(self, client: str) -> str | None:
        """The class of the exception that ``python`` or ``node`` raises."""
        if client in self.errors:
            return self.errors[client]
        if self.status >= 400:
            return CLASSES.get(self.status, "InternalServerError")
        if self.code:
            return "APIError"
        return None if self.whole else BROKEN_OFF[client]


SERVED: Final = Outcome(200, None)
UNREACHABLE: Final = Outcome(503, "upstream_unreachable", "provider_error", "unknown")
FAILED: Final = Outcome(500, "upstream_error", "provider_error", "unknown", charged=True)
TIMEOUT: Final = Outcome(500, "timeout", "timed_out", "interrupted", charged=True)
UNCOUNTED: Final = Outcome(
    200, None, "provider_error", "unknown", charged=True, errors={"python": "JSONDecodeError", "node": "SyntaxError"}
)
NO_RESULT: Final = UNCOUNTED._replace(errors={"python": None, "node": None})
TOO_MUCH_FOR_NODE: Final = SERVED._replace(errors={"node": "APIConnectionError"})
FELL_SILENT: Final = Outcome(200, "timeout", "timed_out", "interrupted", charged=True)
JSON_CUT: Final = Outcome(200, None, "truncated", whole=False)  # its usage had come
BROKEN: Final = Outcome(200, "stream_truncated", "truncated", "interrupted", charged=True)


class Row(NamedTuple):
    """``where``: the provider it goes to; ``size``: characters of the prompt; ``api``: the name of the one asked."""

    script: Script
    outcome: Outcome
    stream: bool = True
    where: str = "scripted"
    size: int = 5
    api: str = "responses"


def head(
    *lines: bytes, status: bytes = b"200 OK", kind: bytes = b"text/event-stream", version: bytes = b"1.1"
) -> bytes:
    return b"\r\n".join([b"HTTP/" + version + b" " + status, b"Content-Type: " + kind, *lines, b"", b""])


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED: Final = head(b"Transfer-Encoding: chunked")
END: Final = b"0\r\n\r\n"
WHOLE: Final = chunk(STREAM) + END
SIZED: Final = head(b"Content-Length: %d" % len(JSON), kind=b"application/json")
ANSWER: Final = SIZED + JSON


def _row(*steps: Step, outcome: Outcome = SERVED, stream: bool = True) -> Row:
    return Row(Script(steps), outcome, stream)


def _json(*steps: Step, outcome: Outcome = SERVED) -> Row:
    return _row(*steps, outcome=outcome, stream=False)


def _early(*steps: Step, outcome: Outcome = SERVED) -> Row:
    return Row(Script(steps, early=True), outcome, stream=False, size=3_000_000)


def _at(where: str, outcome: Outcome = UNREACHABLE) -> Row:
    return Row(Script(()), outcome, where=where)


BIG: Final = b"x" * 5_000_000
BIG_DELTA: Final = (
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"%s","content_index":0,'
    b'"item_id":"m","output_index":0,"sequence_number":9,"logprobs":[]}\n\n'
) % BIG
BIG_END: Final = DONE.replace(b'"user":null', b'"user":"%s"' % BIG)

TRICKLE: Final[tuple[Step, ...]] = (Pause(0.1), b"X: a\r\n") * 600

ROWS: Final[Mapping[str, Row]] = {
    "plain": _json(ANSWER, "keep"),
    "plain-stream": _row(CHUNKED + WHOLE, "keep"),
    # -- no way to it
    "refused": _at("refused"),
    "reset-when-dialled": _at("resets"),
    "no-tls": _at("no-tls"),
    "certificate-of-another": _at("other-name"),
    "certificate-expired": _at("expired"),
    "certificate-of-an-unknown": _at("unknown"),
    # -- cut at each phase
    "cut-before-anything": _row(outcome=FAILED),
    "reset-before-anything": _row("reset", outcome=FAILED),
    "cut-in-status-line": _row(b"HTTP/1.1 2", outcome=FAILED),
    "cut-in-headers": _row(CHUNKED[:-10], outcome=FAILED),
    "cut-after-headers": _row(CHUNKED, outcome=BROKEN),
    "cut-in-chunk-size": _row(CHUNKED + chunk(EVENTS[0]) + b"1", outcome=BROKEN),
    "cut-in-chunk": _row(CHUNKED + chunk(STREAM)[:900], outcome=BROKEN),
    "cut-in-event": _row(CHUNKED + chunk(STREAM[:900]), outcome=BROKEN),
    "reset-in-event": _row(CHUNKED + chunk(STREAM[:900]), Pause(0.05), "reset", outcome=BROKEN),
    "ended-in-event": _row(CHUNKED + chunk(STREAM[:900]) + END, outcome=BROKEN),
    "cut-in-last-event": _row(CHUNKED + chunk(STREAM[:-20]), outcome=BROKEN),
    "cut-before-last-chunk": _row(CHUNKED + chunk(STREAM)),
    "cut-in-json": _json(SIZED + JSON[:-50], outcome=JSON_CUT),
    "cut-in-chunked-json": _json(
        head(b"Transfer-Encoding: chunked", kind=b"application/json") + chunk(JSON[:-50]), outcome=JSON_CUT
    ),
    # -- silence
    "silent-before-headers": _row(Pause(60), outcome=TIMEOUT),
    "silent-in-headers": _row(CHUNKED[:-10], Pause(60), outcome=TIMEOUT),
    "headers-without-end": _row(b"HTTP/1.1 200 OK\r\n", b"X: a\r\n" * 5000, "endless", outcome=FAILED),
    "headers-that-trickle": _row(b"HTTP/1.1 200 OK\r\n", *TRICKLE, outcome=TIMEOUT),
    "silent-in-stream": _row(CHUNKED + chunk(STREAM[:900]), Pause(60), outcome=FELL_SILENT),
    "silent-in-json": _json(SIZED + JSON[:-50], Pause(60), outcome=JSON_CUT._replace(end="timed_out")),
    # -- no HTTP, or odd HTTP
    "garbage": _row(b"\x00\x01\x02garbage\r\n\r\n", outcome=FAILED),
    "smtp": _row(b"220 mail.example ESMTP\r\n", Pause(60), outcome=FAILED),
    "http2": _row(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", Pause(60), outcome=FAILED),
    "no-reason": _json(ANSWER.replace(b" OK", b"", 1), "keep"),
    "bare-line-feeds": _json(SIZED.replace(b"\r\n", b"\n") + JSON, "keep", outcome=FAILED),
    "folded-header": _json(SIZED.replace(b"\r\n", b"\r\nX: a\r\n b\r\n", 1) + JSON, "keep", outcome=FAILED),
    "space-before-colon": _json(SIZED.replace(b"\r\n", b"\r\nX : a\r\n", 1) + JSON, outcome=FAILED),
    "status-0": _row(CHUNKED.replace(b"200 OK", b"0 No"), outcome=FAILED),
    "status-600": _row(head(b"Content-Length: 0", status=b"600 Far"), outcome=FAILED),
    "status-word": _row(CHUNKED.replace(b"200", b"abc"), outcome=FAILED),
    "http-1.0": _json(head(kind=b"application/json", version=b"1.0") + JSON),
    "http-1.0-stream": _row(head(version=b"1.0") + STREAM),
    "http-2.0": _json(ANSWER.replace(b"HTTP/1.1", b"HTTP/2.0"), outcome=FAILED),
    "close": _json(SIZED[:-2] + b"Connection: close\r\n\r\n" + JSON),
    # -- heads
    "gigantic-header": _row(head(b"X-Big: " + b"a" * 5_000_000, b"Transfer-Encoding: chunked") + WHOLE, outcome=FAILED),
    "big-header": _row(
        head(b"X-Big: " + b"a" * 100_000, b"Transfer-Encoding: chunked") + WHOLE, outcome=TOO_MUCH_FOR_NODE
    ),
    "10000-headers": _json(SIZED.replace(b"\r\n", b"\r\n" + b"X: a\r\n" * 10_000, 1) + JSON, outcome=FAILED),
    "redirect": _row(
        head(b"Location: https://elsewhere.example/v1/responses", b"Content-Length: 0", status=b"307 There"),
        outcome=FAILED,
    ),
    "continue": _json(b"HTTP/1.1 100 Continue\r\n\r\n", ANSWER, "keep"),
    "continue-at-once": _json(b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER, "keep"),
    "early-hints": _row(
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n",
        CHUNKED + WHOLE,
        "keep",
    ),
    "switching-protocols": _row(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"\x81\x05hello",
        Pause(1),
        outcome=FAILED,
    ),
    "204": _row(b"HTTP/1.1 204 No Content\r\n\r\n", "keep", outcome=FAILED),
    "205": _row(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", "keep", outcome=FAILED),
    "304": _row(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', "keep", outcome=FAILED),
    "page": _row(head(b"Content-Length: 13", kind=b"text/html") + b"<html></html>", "keep", outcome=FAILED),
    "no-type": _row(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "keep", outcome=FAILED),
    # -- framing
    "until-close": _json(head(kind=b"application/json") + JSON),
    "stream-until-close": _row(head() + STREAM),
    "stream-until-close-cut": _row(head() + STREAM[:900], outcome=BROKEN),
    "length-too-long": _json(
        head(b"Content-Length: %d" % (len(JSON) + 9), kind=b"application/json") + JSON,
        outcome=JSON_CUT,
    ),
    "length-too-short": _json(
        head(b"Content-Length: %d" % (len(JSON) - 9), kind=b"application/json") + JSON,
        outcome=UNCOUNTED._replace(usage="reported", charged=False),
    ),
    "two-lengths": _json(
        head(b"Content-Length: %d" % len(JSON), b"Content-Length: 5", kind=b"application/json") + JSON,
        outcome=FAILED,
    ),
    "length-and-chunks": _json(
        head(b"Content-Length: 5", b"Transfer-Encoding: chunked", kind=b"application/json") + chunk(JSON) + END,
        outcome=FAILED,
    ),
    "negative-length": _json(head(b"Content-Length: -5", kind=b"application/json") + JSON, outcome=FAILED),
    "unknown-coding": _row(head(b"Transfer-Encoding: gzip, chunked") + WHOLE, outcome=FAILED),
    "bad-chunk-size": _row(CHUNKED + chunk(STREAM[:900]) + b"zz\r\n", outcome=BROKEN),
    "chunk-longer-than-said": _row(CHUNKED + b"5\r\n" + STREAM, outcome=BROKEN),
    "chunk-extension": _row(CHUNKED + chunk(STREAM).replace(b"\r\n", b";a=b\r\n", 1) + END, "keep"),
    "chunk-extension-without-end": _row(
        CHUNKED + chunk(STREAM[:900]) + b"5;", b"a" * 60_000, "endless", outcome=BROKEN
    ),
    "trailers": _row(CHUNKED + chunk(STREAM) + b"0\r\nX-T: 1\r\nSet-Cookie: a=b\r\n\r\n", "keep"),
    "trailers-without-end": _row(CHUNKED + chunk(STREAM) + b"0\r\n", b"X: a\r\n" * 5000, "endless"),
    "trailing-data": _row(CHUNKED + chunk(STREAM + b"event: later\ndata: {}\n\n") + END, "keep"),
    "gzip": _json(
        head(b"Content-Encoding: gzip", b"Content-Length: %d" % len(gzip.compress(JSON)), kind=b"application/json")
        + gzip.compress(JSON),
        "keep",
        outcome=FAILED,
    ),
    "gzip-stream": _row(
        head(b"Content-Encoding: gzip", b"Transfer-Encoding: chunked") + chunk(gzip.compress(STREAM)) + END,
        "keep",
        outcome=FAILED,
    ),
    # -- split in the worst places
    "byte-by-byte": _row(CHUNKED, Each(chunk(STREAM.replace(b"\n", b"\r\n")) + END), "keep"),
    "chunks-of-a-byte": _row(
        CHUNKED, Each(b"".join(chunk(STREAM[i : i + 1]) for i in range(len(STREAM))) + END, 4096), "keep"
    ),
    "head-byte-by-byte": _json(Each(SIZED), JSON, "keep"),
    # -- sizes
    "event-of-5-mb": _row(CHUNKED, chunk(b"".join(EVENTS[:-1])), chunk(BIG_DELTA), chunk(DONE) + END, "keep"),
    "last-event-of-5-mb": _row(CHUNKED, chunk(b"".join(EVENTS[:-1])), Each(chunk(BIG_END) + END, 65_536), "keep"),
    # -- content
    "no-result": _json(
        head(b"Content-Length: 22", kind=b"application/json") + b'{"detail":"Not Found"}', "keep", outcome=NO_RESULT
    ),
    "an-empty-object": _json(head(b"Content-Length: 2", kind=b"application/json") + b"{}", "keep", outcome=NO_RESULT),
    "no-json": _json(head(b"Content-Length: 9", kind=b"application/json") + b"not json!", "keep", outcome=UNCOUNTED),
    "empty-json": _json(
        head(b"Content-Length: 0", kind=b"application/json"),
        "keep",
        outcome=UNCOUNTED._replace(errors={"python": "JSONDecodeError", "node": "TypeError"}),
    ),
    "invalid-utf-8": _row(
        CHUNKED + chunk(b": \xff\xfe\x00\n\n" + STREAM) + END,
        "keep",
        outcome=SERVED._replace(errors={"python": "UnicodeDecodeError"}),
    ),
    # -- before the request has been read
    "answer-before-the-body": _early(ANSWER, Pause(0.3)),
    "refusal-before-the-body": _early(
        head(b"Content-Length: 2", b"Connection: close", status=b"429 Slow", kind=b"application/json") + b"{}",
        Pause(0.5),
        outcome=Outcome(429, "rate_limit_exceeded", "provider_error", "unknown"),
    ),
}
"""By name, which a call gives in X-Client-Request-Id."""
