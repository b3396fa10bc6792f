"""A caller's socket, as mitmproxy has it: bytes go straight into it, encrypted by mitmproxy's own TLS layers."""

import asyncio
import contextlib
import select
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, Final

from mitmproxy.connection import Client
from mitmproxy.proxy import events
from mitmproxy.proxy.layers import ClientTLSLayer
from mitmproxy.proxy.server import ConnectionHandler
from OpenSSL import SSL

HIGH_WATER: Final = 64 * 1024
"""Bytes that wait for a caller's socket from which ``drain`` waits, until none are left."""

QUIET: Final = 5.0
"""Seconds without a byte after which an unread tunnel counts as idle: of what passes it nothing else is known."""

READ_AT_ONCE: Final = 65535
_HANG_UP: Final = getattr(select, "POLLRDHUP", 0)  # macOS has none, and tells of resets alone
_ABORT: Final = struct.pack("ii", 1, 0)


@dataclass
class TunnelOpened(events.Event):
    """A caller's CONNECT was granted."""


class SocketWire:
    """Writes to a caller's socket, through each TLS layer that lies between, the innermost first."""

    def __init__(self, handler: ConnectionHandler, client: Client) -> None:
        streams: Any = handler.transports[client]
        self._reader: asyncio.StreamReader = streams.reader
        self._writer: asyncio.StreamWriter = streams.writer
        self._transport = self._writer.transport
        self._transport.set_write_buffer_limits(high=HIGH_WATER, low=0)
        self._handler = handler
        self._watchdog = handler.timeout_watchdog
        self.tls: list[ClientTLSLayer] = []

    @property
    def socket(self) -> Any:
        """As asyncio shows it: for options alone."""
        return self._transport.get_extra_info("socket")

    @property
    def unsent(self) -> int:
        size: int = self._transport.get_write_buffer_size()
        return size

    @property
    def closed(self) -> bool:
        """From here, or lost; a caller that ended its sending side alone has not closed it."""
        return bool(self._transport.is_closing())

    def write(self, data: bytes) -> None:
        if self._transport.is_closing():  # asyncio would log each write
            return
        for tls in reversed(self.tls):
            try:
                data = _encrypted(tls, data)
            except SSL.Error:  # the peer broke it, by bytes that are no TLS
                self.abort()
                return
        self._watchdog.register_activity()  # mitmproxy counts only what passes its own layers
        self._writer.write(data)

    async def drain(self) -> None:
        await self._writer.drain()

    def end(self) -> None:
        self._say_goodbye()
        if self._transport.can_write_eof() and not self._transport.is_closing():
            with contextlib.suppress(OSError):  # the peer has reset it, which is not yet known here
                self._transport.write_eof()

    def close(self) -> None:
        self._say_goodbye()
        self._writer.close()

    def abort(self) -> None:
        own = self.socket
        if own is not None and own.fileno() != -1:  # what the kernel holds for a peer that does not read goes too
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
        self._transport.abort()

    async def forget(self) -> None:
        """mitmproxy is done with it."""
        self._writer.close()
        if self._reader.exception():  # so the connection is lost by now, and nothing is waited for
            try:
                await self._writer.wait_closed()
            except OSError as error:
                # asyncio keeps it with the connection; its frames, where a write failed, hold the call that wrote
                error.__traceback__ = None

    def go_on(self) -> None:
        """Wakes the layer after the connection has opened a tunnel."""
        asyncio.get_running_loop().call_soon(self._wake_layer)

    def _wake_layer(self) -> None:
        told = asyncio.get_running_loop().create_task(self._handler.server_event(TunnelOpened()))
        self._handler.wakeup_timer.add(told)  # which ends with the connection
        told.add_done_callback(self._handler.wakeup_timer.discard)

    def pause(self) -> None:
        self._transport.pause_reading()

    def resume(self) -> None:
        self._transport.resume_reading()

    def hung_up(self) -> bool:
        if self._transport.is_closing():
            return True
        poll = select.poll()
        poll.register(self.socket, _HANG_UP)
        return bool(poll.poll(0))

    def is_quiet(self) -> bool:
        return time.time() - self._watchdog.last_activity > QUIET

    def _say_goodbye(self) -> None:
        """TLS's close_notify, without which a caller can't tell the end from a cut (RFC 8446 §6.1)."""
        session: SSL.Connection | None = self.tls[-1].tls if self.tls else None  # none before its handshake
        if session is not None and not self._transport.is_closing():
            try:
                session.shutdown()
            except SSL.Error:
                return  # its handshake has not ended
            self.write(b"")


def _encrypted(tls: ClientTLSLayer, data: bytes) -> bytes:
    if data:
        try:
            tls.tls.sendall(data)
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return b""  # the peer has ended this connection
    pieces = []
    while True:
        try:
            pieces.append(tls.tls.bio_read(READ_AT_ONCE))
        except SSL.WantReadError:
            return b"".join(pieces)
