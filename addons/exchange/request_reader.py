"""Reads HTTP/1.1 requests out of one caller's bytes.

llhttp (through httptools) reads the bytes; it is strict, and refuses two framings of one body, folded lines, bare line
feeds and control characters by itself. What it leaves to its user is done here: how long a head may be, how a request
line is spelled, which versions and transfer codings are served, and that each request is handed out alone (RFC 9112).

llhttp is never fed beyond the end of a request, so that each begins with what is fed next.
"""

import re
from collections import deque
from typing import Final

import httptools
import structlog

from addons.exchange.chunk_sizes import ChunkSizes
from addons.exchange.ending import FAULT
from addons.exchange.reading_bounds import MOST_EMPTY, MOST_FIELDS, MOST_FRAMING, MOST_HEAD, MOST_WAITING, USUAL_HEAD
from addons.exchange.request import Body, BodyBounds, Request
from addons.foundry.refusals import Refusal
from addons.gates.body_bytes import Share

_CODING: Final = b"transfer-encoding"
_CODINGS: Final = frozenset({b"", b"chunked"})
_LENGTH: Final = b"content-length"

_REQUEST_LINE: Final = re.compile(rb"(?:\r\n)*[A-Z-]+ [^ #]+ HTTP/\d\.\d\r\n")
"""RFC 9112 §3, and the empty lines that may stand before it (§2.2). llhttp takes several spaces, fragments, RTSP and
ICE."""

_END: Final = b"\r\n\r\n"
"""How a head ends, and a body in chunks."""


_log = structlog.get_logger("sidecar.exchange")


class NotServedError(ValueError):
    """llhttp takes it, and it is refused here."""


class RequestReader:
    """Feed it what a caller sends; ``requests`` are those whose head is complete, the oldest first.

    Attributes:
        requests: heads that are complete; the body of the last may still be coming.
        failure: why nothing more can be read from this connection.
        in_head: whether a head has begun and is not complete.
        head_bytes: how much of it has come.
        tunnelled: after CONNECT, the bytes that came behind its head; None before.
    """

    def __init__(self, bounds: BodyBounds) -> None:
        self._bounds = bounds
        self.requests: deque[Request] = deque()
        self.failure: Refusal | None = None
        self.in_head = False
        self.head_bytes = 0
        self.tunnelled: bytes | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._last: Request | None = None  # whose body is coming
        self._offered: Request | None = None  # one with an offer of another protocol, while its head is read again
        self._behind = b""  # as many requests as may wait
        self._head = bytearray()
        self._share = Share(bounds.waiting)
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._left = 0  # of a body of known length
        self._chunks: ChunkSizes | None = None  # of a body in chunks
        self._recent = b""  # the last bytes that were fed, where an end may lie across two pieces
        self._framing = 0  # bytes fed since the body last grew
        self._grew = False  # the body did, by what is being fed

    @property
    def body_is_coming(self) -> bool:
        return self._last is not None

    def feed(self, data: bytes) -> None:
        """Never raises: what is wrong is in ``failure``, and in the body of the request that it concerns."""
        if self.tunnelled is not None:
            self.tunnelled += data
        else:
            self._feed(self._behind + data)
            self._hold_to_room()

    def take(self) -> Request:
        """The oldest request, whose turn has come."""
        request = self.requests.popleft()
        if self._behind and len(self.requests) < MOST_WAITING // 2:
            self.feed(b"")
        return request

    def drop(self) -> None:
        """Nobody asks for requests any more: those that wait, and half a head, are forgotten."""
        self._forget_rest()
        while self.requests:
            self.requests.popleft().body.drop()

    def _feed(self, data: bytes) -> None:
        start, self._behind = 0, b""
        while start < len(data) and self.failure is None:
            if len(self.requests) >= MOST_WAITING and self._last is None:
                self._behind = data[start:]
                return
            end = self._next_end(data, start)
            piece, start = data[start:end], end
            if self._last is None:
                self._head += piece
            self._left = max(self._left - len(piece), 0)
            self._recent = (self._recent + piece[-len(_END) :])[1 - len(_END) :]
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                if self._offered is None:  # CONNECT
                    self.tunnelled = data[start:]
                    return
                self._decline(self._offered)
            except httptools.HttpParserError as error:
                self._give_up(error)
            self._hold_to_bounds(len(piece))

    def _give_up(self, error: httptools.HttpParserError) -> None:
        """llhttp was fed what is no HTTP, or something that it called raised: by intent, or as a fault of ours."""
        fault = error.__context__ if isinstance(error, httptools.HttpParserCallbackError) else None
        if fault is None or isinstance(fault, NotServedError):
            self._fail(Refusal("bad_target", "The request is not well-formed HTTP."))
        else:
            _log.error("fault", exc_info=fault)
            self._fail(Refusal("fault", FAULT), fault)

    def _next_end(self, data: bytes, start: int) -> int:
        """The first place behind ``start`` where a head or a body may end, or where the data does."""
        if self._left:
            return min(start + self._left, len(data))
        place = self._chunks.pass_over(data, start) if self._chunks else start
        before = (self._recent + data[max(start, place + 1 - len(_END)) : place])[1 - len(_END) :]
        across = (before + data[place : place + len(_END) - 1]).find(_END)
        if across >= 0:
            return place + across + len(_END) - len(before)
        found = data.find(_END, place)
        return len(data) if found < 0 else found + len(_END)

    def _decline(self, request: Request) -> None:
        """Goes on in HTTP/1.1, though another protocol was offered: no offer is taken up (RFC 9110 §7.8).

        llhttp has left the body to the other protocol. A new one gets the head again, as far as it frames the body.
        """
        framing = (b"%b: %b\r\n" % field for field in request.fields if field[0].lower() in {_LENGTH, _CODING})
        head = b"POST / HTTP/%b\r\n%b\r\n" % (request.version.encode(), b"".join(framing))
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(head)

    def _hold_to_bounds(self, fed: int) -> None:
        if self.failure is not None:
            return
        if self.in_head:
            self.head_bytes += fed
            if self.head_bytes > MOST_HEAD:
                self._fail(Refusal("target_too_long" if len(self._url) > MOST_HEAD // 2 else "headers_too_large"))
        elif self._last is not None:
            self._framing = 0 if self._grew else self._framing + fed
            self._grew = False
            if self._framing > MOST_FRAMING:
                self._fail(Refusal("bad_target", "The chunk headers or trailers of the body are too long."))
        elif len(self._head) > MOST_EMPTY:
            self._fail(Refusal("bad_target", "There are too many empty lines before the request."))

    def _hold_to_room(self) -> None:
        """Long heads, and what waits behind requests, are held to what all callers' may take together."""
        head = max(0, self.head_bytes - USUAL_HEAD) if self.in_head else 0
        if not self._share.hold(head + len(self._behind)):
            self._fail(Refusal("bodies_full", "Too much waits here that is no call yet."))

    def _forget_rest(self) -> None:
        self._head.clear()
        self._fields, self._url, self._behind = [], b"", b""
        self._share.hold(0)

    def _fail(self, refusal: Refusal, fault: BaseException | None = None) -> None:
        """Nothing more is read, and whoever waits for a body is told why."""
        self.failure = self.failure or refusal
        self._forget_rest()
        if self._last is not None:
            self._last.body.fail(fault or refusal)
            self._last = None

    # called by llhttp

    def on_message_begin(self) -> None:
        self.in_head = True
        self._url, self._fields, self.head_bytes = b"", [], 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_head:  # it is a trailer, which is dropped (RFC 9110 §6.5.1)
            return
        if len(self._fields) == MOST_FIELDS:
            self.failure = Refusal("headers_too_large")
            raise NotServedError("too many header fields")
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        if self._offered is not None:
            self._begin_body(self._offered)
            self._offered = None
            return
        if not _REQUEST_LINE.match(self._head):
            raise NotServedError("this is not an HTTP request line")
        version = self._parser.get_http_version()
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            target=self._url.decode("latin-1"),
            fields=tuple(self._fields),
            version=version,
            keep_alive=self._parser.should_keep_alive(),
            body=Body(self._bounds),
        )
        self._head.clear()
        codings = b",".join(value for name, value in request.fields if name.lower() == _CODING)
        if version not in {"1.0", "1.1"} or codings.lower() not in _CODINGS or (codings and version == "1.0"):
            # Whoever reads the framing in another way than the next server lets a second request slip through.
            raise NotServedError("this framing is not served")
        if self._parser.should_upgrade() and request.method != "CONNECT":
            self._offered = request
        else:
            self._begin_body(request)

    def _begin_body(self, request: Request) -> None:
        self._framing = 0
        self._left = sum(
            int(value) for name, value in request.fields if name.lower() == _LENGTH
        )  # there is one at most
        self._chunks = ChunkSizes() if any(name.lower() == _CODING for name, _ in request.fields) else None
        self._last = request
        self.requests.append(request)

    def on_body(self, data: bytes) -> None:
        self._grew = True
        assert self._last is not None
        self._last.body.receive(data)

    def on_message_complete(self) -> None:
        self._chunks = None
        if self._last is not None:
            self._last.body.end()
            self._last = None
