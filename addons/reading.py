"""Addon: holds mitmproxy's HTTP/1 reader to bounds, and to HTTP where it falls short of it.

mitmproxy waits for the end of a head, of a chunk's size line or of trailers for ever and keeps what comes
meanwhile, keeps what a caller sends while its call is under way, crashes on trailers, hangs up on a malformed body
without a word, and takes an interim answer for the answer. It gives addons no way to change this, so two parts of
its reader are replaced. Nothing here decides whether a call leaves: with another mitmproxy than was tried, both
stay untouched.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

import h11
import structlog
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import http, tls
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import Client, Connection
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import _http1
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestProtocolError,
    ResponseProtocolError,
)

from addons.as_tried import as_tried
from addons.checkpoint import response_of
from addons.foundry.refusals import Refusal

MOST: Final = 256 * 1024
"""Bytes. Over the route's own bounds, so that a head they refuse is read, refused and recorded as a call."""

TOO_LONG: Final = "Response head exceeds what is read of one"
TOO_LARGE: Final = "Request body exceeds what is read of one"
SWITCHED: Final = "Response switches protocols"

_INTERIM: Final = re.compile(rb"HTTP/1\.\d 1(\d\d)\b[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n")

_STOCK_HANDLE: Final = _http1.Http1Connection._handle_event  # noqa: SLF001 - what this module is for

EXPECTED: Final = (
    (_STOCK_HANDLE, "(self, event: mitmproxy.proxy.events.Event)"),
    (ChunkedReader.__call__, "(self, buf: h11._receivebuffer.ReceiveBuffer)"),
)
"""What the replaced parts must look like."""

_log = structlog.get_logger("sidecar.reading")


class WithoutTrailers(ChunkedReader):
    """Reads chunks and drops what trails them, as a recipient may (RFC 9112 §7.1.2)."""

    def __call__(self, buf: ReceiveBuffer) -> h11.Data | h11.EndOfMessage | None:
        read = super().__call__(buf)
        return h11.EndOfMessage() if isinstance(read, h11.EndOfMessage) else read


class Reading:
    """``head`` is the seconds a caller has for a head, from its first byte or from its connection's start.

    A connection kept between two calls has no such limit. ``body`` is the bytes of a request's body at most: mitmproxy
    counts them too, but not before the caller is known. ``hang_up`` closes a caller's connection.
    """

    name = "sidecar-reading"

    def __init__(self, hang_up: Callable[[Client], None], *, head: float, body: int) -> None:
        self._hang_up = hang_up
        self._head = head
        self._body = body
        self._came: WeakKeyDictionary[Connection, int] = WeakKeyDictionary()  # bytes of the body being read
        self._timers: WeakKeyDictionary[Connection, asyncio.TimerHandle] = WeakKeyDictionary()

    def load(self, _loader: Loader) -> None:
        if not as_tried(EXPECTED, "reading_left_alone"):
            return

        def handle_event(connection: _http1.Http1Connection, event: events.Event) -> layer.CommandGenerator[None]:
            if not isinstance(event, events.DataReceived):
                return _STOCK_HANDLE(connection, event)
            if isinstance(connection, _http1.Http1Client):
                return self._from_provider(connection, event)
            return self._from_caller(connection, event)

        _http1.Http1Connection._handle_event = handle_event  # type: ignore[method-assign, assignment]  # noqa: SLF001 - as above
        _http1.ChunkedReader = WithoutTrailers  # type: ignore[attr-defined]  # as above

    def done(self) -> None:
        _http1.Http1Connection._handle_event = _STOCK_HANDLE  # type: ignore[method-assign]  # noqa: SLF001 - as above
        _http1.ChunkedReader = ChunkedReader  # type: ignore[attr-defined]  # as above

    def client_connected(self, client: Client) -> None:
        self._begin(client)

    def tls_start_client(self, data: tls.TlsData) -> None:
        self._begin(data.context.client)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        self._end(flow.client_conn)

    def http_connect(self, flow: http.HTTPFlow) -> None:
        self._end(flow.client_conn)

    def client_disconnected(self, client: Client) -> None:
        self._end(client)

    def _begin(self, client: Client) -> None:
        if client not in self._timers:
            self._timers[client] = asyncio.get_running_loop().call_later(self._head, self._too_late, client)

    def _end(self, client: Connection) -> None:
        if timer := self._timers.pop(client, None):
            timer.cancel()

    def _too_late(self, client: Client) -> None:
        _log.warning("head_not_ended", seconds=self._head, peer=str(client.peername))
        self._hang_up(client)

    def _from_provider(
        self, connection: _http1.Http1Client, event: events.DataReceived
    ) -> layer.CommandGenerator[None]:
        if connection.state == connection.read_headers:
            connection.buf += event.data
            event = events.DataReceived(event.connection, b"")
            if _skip_interim(connection):
                yield from _given_up(connection, SWITCHED)
                return
        yield from _STOCK_HANDLE(connection, event)
        if connection.buf:
            yield from self._bound(connection)

    def _from_caller(
        self, connection: _http1.Http1Connection, event: events.DataReceived
    ) -> layer.CommandGenerator[None]:
        for command in _STOCK_HANDLE(connection, event):
            if self._too_large(connection, command):
                yield _malformed(connection, TOO_LARGE)
                break
            if told := _told(connection, command):
                yield told
        if connection.buf:
            yield from self._bound(connection)

    def _too_large(self, connection: _http1.Http1Connection, command: commands.Command) -> bool:
        if not isinstance(command, ReceiveHttp):
            return False
        if isinstance(command.event, RequestData):
            self._came[connection.conn] = self._came.get(connection.conn, 0) + len(command.event.data)
            return self._came[connection.conn] > self._body
        if isinstance(command.event, RequestEndOfMessage | RequestProtocolError):
            self._came.pop(connection.conn, None)
        return False

    def _bound(self, connection: _http1.Http1Connection) -> layer.CommandGenerator[None]:
        in_head = connection.state == connection.read_headers
        if in_head and isinstance(connection.conn, Client):
            self._begin(connection.conn)
        if connection.state == connection.done:
            connection.buf = ReceiveBuffer()  # the last was said; what comes now is heard no more
        elif len(connection.buf) <= MOST:
            return
        elif isinstance(connection, _http1.Http1Client):
            yield from _given_up(connection, TOO_LONG)
        elif in_head:
            yield from _too_long_a_head(connection)
        elif connection.state == connection.read_body:  # a chunk's size line or trailers
            yield _malformed(connection, "what frames the body is too long")
        else:
            _log.warning("calls_ahead_of_their_turn", bytes=len(connection.buf), peer=str(connection.conn.peername))
            connection.buf = ReceiveBuffer()
            yield commands.CloseConnection(connection.conn)


def _told(connection: _http1.Http1Connection, command: commands.Command) -> commands.Command | None:
    """The command; where mitmproxy gives up a malformed body, one that has the caller told before it closes."""
    if not isinstance(connection, _http1.Http1Server) or connection.state != connection.read_body:
        return command
    if isinstance(command, ReceiveHttp) and isinstance(command.event, RequestProtocolError):
        return _malformed(connection, command.event.message)
    closes = isinstance(command, commands.CloseConnection) and connection.response is None
    return None if closes else command


def _malformed(connection: _http1.Http1Connection, why: str) -> ReceiveHttp:
    """An error of the answer and not of the request: so it reaches the caller, and the connection closes behind it."""
    assert connection.stream_id is not None
    connection.state = connection.done
    return ReceiveHttp(ResponseProtocolError(connection.stream_id, why, ErrorCode.GENERIC_CLIENT_ERROR))


def _too_long_a_head(connection: _http1.Http1Connection) -> layer.CommandGenerator[None]:
    """There is no call yet to be recorded. Reading goes on, into nothing: closed at once, the answer could be lost."""
    refusal = Refusal("headers_too_large" if b"\n" in bytes(connection.buf) else "target_too_long")
    _log.warning("head_refused", refusal=refusal.name, bytes=len(connection.buf), peer=str(connection.conn.peername))
    response = response_of(refusal, "hybrid")  # has no body in any format
    response.headers["Connection"] = "close"
    connection.state, connection.buf = connection.done, ReceiveBuffer()
    yield commands.SendData(connection.conn, http1.assemble_response(response))
    yield commands.CloseTcpConnection(connection.conn, half_close=True)


def _skip_interim(connection: _http1.Http1Client) -> bool:
    """Takes out the interim answers before the real one (RFC 9110 §15.2); True where one switches protocols."""
    while interim := _INTERIM.match(bytes(connection.buf)):
        if interim[1] == b"01":
            return True
        connection.buf.maybe_extract_at_most(interim.end())
    return False


def _given_up(connection: _http1.Http1Client, why: str) -> layer.CommandGenerator[None]:
    connection.state, connection.buf = connection.done, ReceiveBuffer()
    yield commands.CloseConnection(connection.conn)
    if connection.stream_id is not None:
        yield ReceiveHttp(ResponseProtocolError(connection.stream_id, why, ErrorCode.GENERIC_SERVER_ERROR))
