"""One caller's connection: its requests one after the other, their answers, and its timeouts.

Bytes come in by ``received``. Each request has its own exchange; they run one after the other (RFC 9112 §9.3.2).
Requests that a caller sends before the first is answered wait. Reading stops when too much waits.
"""

import asyncio
from functools import partial
from typing import Final, Protocol

import structlog

from addons.exchange.connection_timer import ConnectionTimeouts, ConnectionTimer
from addons.exchange.ending import FAULT, Ending
from addons.exchange.pace import Pace
from addons.exchange.request import BodyBounds, Request
from addons.exchange.request_reader import RequestReader
from addons.exchange.wire import OpenedTunnel, Peer, Served, Wire
from addons.foundry.refusals import Refusal

MOST_TURNS: Final = 32  # requests of one caller that are begun in a row; then other connections have their turn
LINGER: Final = 2.0
"""Seconds at the end: in which a head that is coming may come, and a caller may read the last answer while what it
still sends is dropped. Closed at once, the kernel's reset for its bytes would take the answer with it."""

_log = structlog.get_logger("sidecar.caller")


class Server(Protocol):
    """What serves the requests of all connections."""

    @property
    def bounds(self) -> BodyBounds: ...

    @property
    def timeouts(self) -> ConnectionTimeouts: ...

    def serve(self, caller: "CallerConnection", request: Request) -> Served:
        """The exchange of one request, not yet begun."""

    def refuse(self, refusal: Refusal) -> bytes:
        """The answer, as bytes, to input that is no readable request. It gets no exchange."""


class CallerConnection:
    """One caller's connection, from its first byte to its last."""

    def __init__(self, wire: Wire, peer: Peer, server: Server) -> None:
        self.peer = peer
        self.open = True
        self.draining = False  # after the exchange under way nothing more is served
        self.current: Served | None = None
        self.tunnel: OpenedTunnel | None = None  # a tunnel that was granted, and not yet gone into
        self.in_tunnel = False  # a CONNECT was granted; a second one inside it is not
        self.leads_to: tuple[str, int] | None = None  # the far end of an unread tunnel, once it is one
        self._wire = wire
        self._server = server
        self._reader = RequestReader(server.bounds)
        gone = partial(self.cut, Ending.CALLER_GONE)
        self._pace = Pace(wire, server.timeouts.write, self._take_turns, self._takes_nothing, gone)
        self._drops = False  # the last answer was written: bytes that still come are dropped
        self._unread: Request | None = None  # answered before its body has come
        self._turning = False
        self._timer = ConnectionTimer()
        self._timer.start(server.timeouts.head, self._head_is_late)

    def begin(self, peer: Peer) -> None:
        """HTTP begins, perhaps inside TLS or a tunnel. The timer for the head goes on."""
        self.peer = peer
        if self._reader.tunnelled is not None:
            self._reader = RequestReader(self._server.bounds)

    def received(self, data: bytes) -> None:
        if self._drops or not self.open:
            return
        reader = self._reader
        reader.feed(data)
        self._take_turns()
        if reader.requests or (self.current is not None and not reader.body_is_coming):
            self._pace.came_ahead(len(data))

    @property
    def tunnelled(self) -> bytes | None:
        """After CONNECT, the bytes that came behind its head."""
        return self._reader.tunnelled

    def open_tunnel(self, tunnel: OpenedTunnel) -> None:
        """The bytes after the CONNECT request belong to the tunnel."""
        self.current = None
        self.tunnel = tunnel
        self.in_tunnel = True
        self._pace.read_on()
        self._timer.start(self._server.timeouts.head, self._head_is_late)
        self._wire.go_on()

    def leave(self, leads_to: tuple[str, int]) -> None:
        """All bytes from now on belong to a tunnel that is not read."""
        self._timer.stop()
        self.leads_to = leads_to

    def closed(self) -> None:
        """The caller hung up, or its connection broke."""
        self._gone(Ending.CALLER_GONE)

    def cut(self, ending: Ending) -> None:
        """Closes now; the exchange under way ends for this reason."""
        self.abort()
        self._gone(ending)

    def _gone(self, ending: Ending) -> None:
        if not self.open:
            return
        self.open = False
        self._timer.stop()
        self._pace.read_on()
        self._reader.drop()
        if self.current is not None:
            self.current.end(ending)

    def _take_turns(self) -> None:
        """Serves the requests that have come, in a loop: an exchange may end before ``start`` returns."""
        if not self._turning:
            self._turning = True
            self._take_some()

    def _take_some(self) -> None:
        try:
            for _ in range(MOST_TURNS):
                if (request := self._next()) is None:
                    self._turning = False
                    return
                self._timer.stop()
                self.current = served = self._server.serve(self, request)
                served.start()
        except BaseException as error:  # noqa: BLE001 - whatever it was, it ends this connection alone
            _log.error("fault", exc_info=error)
            try:
                self.write(self._server.refuse(Refusal("fault", FAULT)))
            finally:
                self.say_no_more()
            return
        asyncio.get_running_loop().call_soon(self._take_some)

    def _next(self) -> Request | None:
        """The request whose turn has come."""
        if self.current is not None or self._drops or not self.open or not self._body_is_read() or self._pace.waits():
            return None
        if not self._reader.requests:
            self._wait_for_head()
            return None
        request = self._reader.take()
        if not self._reader.requests:
            self._pace.read_on()
        return request

    def _body_is_read(self) -> bool:
        """Whether the body of a request that was answered early has come to its end."""
        if self._unread is None:
            return True
        if self._unread.body.ended:
            self._unread = None
            self._timer.stop()
            return True
        if self._reader.failure is not None:
            self.abort()
        return False

    def _wait_for_head(self) -> None:
        if (refusal := self._reader.failure) is not None:
            _log.warning("head_refused", refusal=refusal.name, bytes=self._reader.head_bytes, peer=self.peer.address)
            self.write(self._server.refuse(refusal))
            self.say_no_more()
        elif self._reader.in_head:
            self._timer.start(self._server.timeouts.head, self._head_is_late)
        elif self.draining:
            self.close()

    @property
    def unsent(self) -> int:
        return self._wire.unsent

    def write(self, data: bytes) -> None:
        """Does nothing where the connection is gone."""
        if self.open:
            self._wire.write(data)

    async def drain(self) -> None:
        """Returns once the socket has taken everything; raises OSError where the connection is lost."""
        await self._wire.drain()

    def exchange_ended(self, request: Request, *, keep: bool) -> None:
        """The answer is written. ``keep``: its framing ended, so that another may follow."""
        self.current = None
        if not self.open:
            return
        if not keep or self.draining or self._reader.failure is not None:
            if request.body.ended and self._reader.failure is None:
                self.close()
            else:
                self.say_no_more()
            return
        if not request.body.ended:
            request.body.drop()
            self._unread = request
            self._timer.start(self._server.timeouts.body, self.close)
        self._take_turns()

    def say_no_more(self) -> None:
        """Ends the connection after the last answer, while the caller still sends: what it sends is dropped."""
        self._drops = True
        self._timer.stop()
        self._wire.end()
        self._timer.start(LINGER, self.abort)

    def close(self) -> None:
        """Closes once the socket has taken all that was written."""
        self._drops = True
        self._timer.stop()
        self._wire.close()
        self._timer.start(LINGER, self.abort)

    def close_idle(self) -> None:
        """For a drain: closes the connection, unless a call or tunnel is under way or a head arrives now."""
        told, self.draining = self.draining, True
        in_tunnel = self.leads_to is not None and not self._wire.is_quiet()
        if in_tunnel or self.current is not None or not self.open or self._drops or (told and self._reader.in_head):
            return
        if self._reader.in_head:
            self._timer.stop()
            self._timer.start(LINGER, self._head_is_late)
        elif self._unread is None:
            self.close()
        else:
            self.say_no_more()

    def abort(self) -> None:
        """Closes now; what is unsent is not sent."""
        self._timer.stop()
        self._drops = True
        if self.open:
            self._wire.abort()

    def _head_is_late(self) -> None:
        _log.warning("head_not_ended", seconds=self._server.timeouts.head, peer=self.peer.address)
        self.close()

    def _takes_nothing(self) -> None:
        _log.warning("answers_not_taken", seconds=self._server.timeouts.write, peer=self.peer.address)
        self.abort()
