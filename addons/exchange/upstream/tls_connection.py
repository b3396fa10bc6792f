"""A connection to a provider: its socket and TLS. It serves one exchange after another."""

import asyncio
import select
from collections.abc import Callable, Sequence
from typing import Final, Protocol, override

from addons.exchange.upstream.tls import TlsSession

_SLICE: Final = 256 * 1024
"""Payload that is encrypted at once. The rest of a large body waits until the socket has taken what was."""

_FAULT: Final = "a fault in the sidecar"

_MOST_OWN: Final = 256 * 1024
"""Bytes in a row that hold no payload. TLS's own messages, such as tickets and new keys, are small and seldom."""

_MOST_UNSENT: Final = 2 * _SLICE
"""Bytes that wait for a peer which does not read, among them TLS's answers to messages of its own."""


class User(Protocol):
    """The exchange that a connection is serving."""

    def received(self, data: bytes) -> None:
        """Payload; never empty."""

    def lost(self, detail: str, *, cleanly: bool) -> None:
        """No more will come. ``cleanly``: the peer said close_notify. ``detail`` quotes nothing of the peer's."""


class TlsConnection(asyncio.Protocol):
    """Made with the handshake done. ``gone`` is called when an idle one has ended, by itself or by its peer.

    While ``user`` is None nothing may come: a byte or an end aborts it.
    """

    def __init__(self, session: TlsSession, gone: Callable[["TlsConnection"], None]) -> None:
        self._session = session
        self._gone = gone
        self._transport: asyncio.Transport
        self._rest: list[memoryview] = []  # of what is to be sent, last piece first
        self._unencrypted = 0
        self._lost = False
        self._own_bytes = 0
        self.user: User | None = None
        self.idle_since = 0.0

    # -- for the pool and the exchange

    @property
    def closed(self) -> bool:
        return self._lost or self._session.ended or self._transport.is_closing()

    @property
    def unsent(self) -> int:
        """Bytes that the socket has not yet taken."""
        return self._unencrypted + self._transport.get_write_buffer_size()

    def silent(self) -> bool:
        """Whether it is open, and neither bytes nor an end wait to be read. The event loop may not have seen them."""
        if self.closed:
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket"), select.POLLIN)
        return not poll.poll(0)

    def write(self, pieces: Sequence[bytes | memoryview]) -> None:
        self._unencrypted = sum(map(len, pieces))
        self._rest.extend(map(memoryview, reversed(pieces)))
        self._write_on()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def close(self) -> None:
        """Ends an idle connection as TLS has it."""
        if not self._transport.is_closing():
            self._transport.write(self._session.close_notify())
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def end(self, detail: str) -> None:
        """Aborts, and tells whom it served."""
        if self._lost:
            return
        self._lost = True
        self.abort()
        user, self.user = self.user, None
        if user is None:
            self._gone(self)
        else:
            user.lost(detail, cleanly=self._session.ended)

    # -- told by asyncio

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(0)  # so that `resume_writing` says that the socket has taken all
        self.data_received(b"")  # what came with the end of the handshake

    @override
    def data_received(self, data: bytes) -> None:
        session = self._session
        payload = session.decrypt(data)
        if own := session.to_send():
            self._transport.write(own)
        self._own_bytes = len(data) - len(payload) if payload else self._own_bytes + len(data)
        if payload:
            if self.user is None:
                self.end("unasked")
                return
            self.user.received(payload)
        if session.ended or session.fault:
            self.end(session.fault or "closed")
        elif self._own_bytes > _MOST_OWN or (own and self._transport.get_write_buffer_size() > _MOST_UNSENT):
            self.end("TLS: messages without end")

    @override
    def eof_received(self) -> None:
        self.end("closed without close_notify")

    @override
    def pause_writing(self) -> None:
        pass  # the transport holds something back, which `_write_on` asks it for

    @override
    def resume_writing(self) -> None:
        try:
            self._write_on()
        except BaseException:  # of which the event loop tells its exception handler, and nobody else
            asyncio.get_running_loop().call_soon(self.end, _FAULT)  # asyncio's transport can't be aborted in here
            raise

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self.end("closed")
        else:  # the loop's exception handler has been told of what is no OSError
            self.end((exc.strerror if isinstance(exc, OSError) else None) or _FAULT)

    def _write_on(self) -> None:
        transport = self._transport  # which closes itself where the peer has gone
        while self._rest and not transport.get_write_buffer_size() and not transport.is_closing():
            transport.write(self._session.encrypt(self._next_slice()))

    def _next_slice(self) -> bytes | memoryview:
        """As much of what is to be sent as is encrypted at once: small pieces together, large ones in parts."""
        taken: list[memoryview] = []
        room = _SLICE
        while self._rest and room:
            piece = self._rest.pop()
            if len(piece) > room:
                self._rest.append(piece[room:])
                piece = piece[:room]
            taken.append(piece)
            room -= len(piece)
        self._unencrypted -= _SLICE - room
        return taken[0] if len(taken) == 1 else b"".join(taken)
