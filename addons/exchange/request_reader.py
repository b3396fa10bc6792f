"""Reads HTTP/1.1 requests out of one caller's bytes.

llhttp (through httptools) reads the bytes; it is strict, and refuses two framings of one body, folded lines, bare line
feeds and control characters by itself. What it leaves to its user is done here: how long a head may be, which versions
and transfer codings are served, and that each request is handed out alone (RFC 9112).
"""

from collections import deque
from typing import Final

import httptools

from addons.exchange.request import Body, BodyBounds, Request
from addons.foundry.refusals import Refusal

MOST_HEAD: Final = 256 * 1024
"""Bytes of a head. Over the route gate's own bounds, so that a head it refuses is read, refused and recorded."""

MOST_FIELDS: Final = 1_000
"""Header fields of a head."""

MOST_FRAMING: Final = 64 * 1024
"""Bytes in a row that frame a body and hold nothing of it: chunk sizes, their extensions, trailers."""

_CODINGS: Final = frozenset({b"", b"chunked"})


class RequestReader:
    """Feed it what a caller sends; ``requests`` are those whose head is complete, the oldest first.

    Attributes:
        requests: heads that are complete; the body of the last may still be coming.
        failure: why nothing more can be read from this connection.
        in_head: whether a head has begun and is not complete.
        tunnelled: after CONNECT, the bytes that came behind its head; None before.
    """

    def __init__(self, bounds: BodyBounds) -> None:
        self._bounds = bounds
        self.requests: deque[Request] = deque()
        self.failure: Refusal | None = None
        self.in_head = False
        self.tunnelled: bytes | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._last: Request | None = None  # whose body is coming
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._head = 0  # bytes fed while a head is not complete
        self._framing = 0  # bytes fed since the body last grew

    @property
    def body_is_coming(self) -> bool:
        return self._last is not None

    def feed(self, data: bytes) -> None:
        """Never raises: what is wrong is in ``failure``, and in the body of the request that it concerns."""
        while self.failure is None and self.tunnelled is None:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                rest = bytes(memoryview(data)[upgrade.args[0] :])
                if self.requests and self.requests[-1].method == "CONNECT":
                    self.tunnelled = rest
                    return
                # A caller that offers another protocol goes on in this one: no offer is taken up.
                self._parser = httptools.HttpRequestParser(self)
                data = rest
                if data:
                    continue
            except httptools.HttpParserError:
                self._fail(Refusal("bad_target", "The request is not well-formed HTTP."))
            break
        self._hold_to_bounds(len(data))

    def fail(self, refusal: Refusal) -> None:
        """Nothing more is read, and whoever waits for a body is told why."""
        self._fail(refusal)

    def _hold_to_bounds(self, fed: int) -> None:
        if self.failure is not None:
            return
        if self.in_head:
            self._head += fed
            if self._head > MOST_HEAD:
                self._fail(Refusal("headers_too_large" if self._fields else "target_too_long"))
        elif self._last is not None:
            self._framing += fed
            if self._framing > MOST_FRAMING:
                self._fail(Refusal("bad_target", "What frames the body is too long."))

    def _fail(self, refusal: Refusal) -> None:
        self.failure = refusal
        if self._last is not None:
            self._last.body.fail(refusal)
            self._last = None

    # called by llhttp

    def on_message_begin(self) -> None:
        self.in_head = True
        self._url, self._fields, self._head = b"", [], 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # else it is a trailer, which is dropped (RFC 9110 §6.5.1)
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        version = self._parser.get_http_version()
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            target=self._url.decode("latin-1"),
            fields=tuple(self._fields),
            version=version,
            keep_alive=self._parser.should_keep_alive(),
            body=Body(self._bounds),
        )
        codings = b",".join(value for name, value in self._fields if name.lower() == b"transfer-encoding")
        if version not in {"1.0", "1.1"} or codings.lower() not in _CODINGS or (codings and version == "1.0"):
            # Whoever reads the framing in another way than the next server lets a second request slip through.
            raise ValueError("this framing is not served")
        if len(self._fields) > MOST_FIELDS:
            self.failure = Refusal("headers_too_large")
            raise ValueError("too many header fields")
        self._framing = 0
        self._last = request
        self.requests.append(request)

    def on_body(self, data: bytes) -> None:
        self._framing = -len(data)
        assert self._last is not None
        self._last.body.receive(data)

    def on_message_complete(self) -> None:
        if self._last is not None:
            self._last.body.end()
            self._last = None
