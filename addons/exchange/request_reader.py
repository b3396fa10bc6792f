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

_CODING: Final = b"transfer-encoding"
_CODINGS: Final = frozenset({b"", b"chunked"})


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
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._framing = 0  # bytes fed since the body last grew
        self._grew = False  # the body did, by what is being fed

    @property
    def body_is_coming(self) -> bool:
        return self._last is not None

    def feed(self, data: bytes) -> None:
        """Never raises: what is wrong is in ``failure``, and in the body of the request that it concerns."""
        if self.tunnelled is not None:
            self.tunnelled += data
        elif self.failure is None:
            self._feed(data)
            self._hold_to_bounds(len(data))

    def _feed(self, data: bytes) -> None:
        while data and self.tunnelled is None:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                if self._offered is None:  # CONNECT
                    self.tunnelled = data
                else:
                    self._decline(self._offered)
                continue
            except httptools.HttpParserError:
                self._fail(Refusal("bad_target", "The request is not well-formed HTTP."))
            return

    def _decline(self, request: Request) -> None:
        """Goes on in HTTP/1.1, though another protocol was offered: no offer is taken up (RFC 9110 §7.8).

        llhttp has left the body to the other protocol. A new one gets the head again, as far as it frames the body.
        """
        framing = (
            b"%b: %b\r\n" % field for field in request.fields if field[0].lower() in {b"content-length", _CODING}
        )
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
                self._fail(Refusal("bad_target", "What frames the body is too long."))

    def _fail(self, refusal: Refusal) -> None:
        """Nothing more is read, and whoever waits for a body is told why."""
        self.failure = self.failure or refusal
        if self._last is not None:
            self._last.body.fail(refusal)
            self._last = None

    # called by llhttp

    def on_message_begin(self) -> None:
        self.in_head = True
        self._url, self._fields, self.head_bytes = b"", [], 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # else it is a trailer, which is dropped (RFC 9110 §6.5.1)
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.in_head = False
        if self._offered is not None:
            self._begin_body(self._offered)
            self._offered = None
            return
        version = self._parser.get_http_version()
        request = Request(
            method=self._parser.get_method().decode("ascii"),
            target=self._url.decode("latin-1"),
            fields=tuple(self._fields),
            version=version,
            keep_alive=self._parser.should_keep_alive(),
            body=Body(self._bounds),
        )
        codings = b",".join(value for name, value in self._fields if name.lower() == _CODING)
        if version not in {"1.0", "1.1"} or codings.lower() not in _CODINGS or (codings and version == "1.0"):
            # Whoever reads the framing in another way than the next server lets a second request slip through.
            raise ValueError("this framing is not served")
        if len(self._fields) > MOST_FIELDS:
            self.failure = Refusal("headers_too_large")
            raise ValueError("too many header fields")
        if self._parser.should_upgrade() and request.method != "CONNECT":
            self._offered = request
        else:
            self._begin_body(request)

    def _begin_body(self, request: Request) -> None:
        self._framing = 0
        self._last = request
        self.requests.append(request)

    def on_body(self, data: bytes) -> None:
        self._grew = True
        assert self._last is not None
        self._last.body.receive(data)

    def on_message_complete(self) -> None:
        if self._last is not None:
            self._last.body.end()
            self._last = None
