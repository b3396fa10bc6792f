"""The layer that mitmproxy gets in place of its own HTTP layer.

mitmproxy listens, accepts, and speaks TLS to callers; its HTTP layer, which forwards when an addon fails, never runs.
Bytes go from the socket through mitmproxy's layers into a ``CallerConnection``; answers go from there straight into
the caller's socket, encrypted by the same TLS layers, since a detour through mitmproxy's events costs more than all
else of a streamed event (docs/speed.md).
"""

from typing import Final

import structlog
from mitmproxy.connection import Client, Server
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import ClientTLSLayer, TCPLayer
from mitmproxy.proxy.mode_specs import RegularMode

from addons.exchange.caller_connection import CallerConnection
from addons.exchange.client_certificates import client_identity
from addons.exchange.ending import Ending
from addons.exchange.socket_wire import SocketWire, TunnelOpened
from addons.exchange.wire import Peer

TLS_HANDSHAKE: Final = 0x16
"""The first byte of a TLS connection (RFC 8446 §5.1); no method of HTTP begins with it."""

MOST_HELLO: Final = 64 * 1024
"""Bytes of a ClientHello, which mitmproxy keeps until it is whole."""

_log = structlog.get_logger("sidecar.exchange")


class CallerLayer(layer.Layer):
    """Handles a connection: plain HTTP, or TLS with another such layer inside, or a tunnel that is not read."""

    def __init__(self, context: Context, caller: CallerConnection, wire: SocketWire, *, outside: int = 0) -> None:
        """``outside``: how many TLS layers there are outside the tunnel that this layer is in."""
        super().__init__(context)
        self._caller = caller
        self._wire = wire
        self._outside = outside
        self._begun = False
        self._hello = 0  # bytes of a TLS handshake that has not ended
        self._child: layer.Layer | None = None

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        try:
            yield from self._handled(event)
        except GeneratorExit:  # mitmproxy has let go of it
            raise
        except BaseException as error:  # noqa: BLE001 - mitmproxy would log it and leave the caller hanging
            _log.error("fault", exc_info=error)
            self._caller.cut(Ending.FAULT)
            yield commands.CloseConnection(self.context.client)

    def _handled(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.DataReceived) and event.connection is self.context.client:
            yield from self._received(event.data)
        elif isinstance(event, TunnelOpened) and self._child is None:
            yield from self._tunnel()
        elif isinstance(event, TunnelOpened) and isinstance(self._child, TCPLayer):
            return  # gone into already
        elif self._child is not None:
            yield from self._child.handle_event(event)
            if _closes(event, self.context.client):
                self._caller.closed()
                if self._wire.closed:  # on both sides, of which mitmproxy knows one: it would wait for the far end
                    yield commands.CloseConnection(self.context.client)
        elif _closes(event, self.context.client):
            self._caller.closed()
            yield commands.CloseConnection(self.context.client)

    def _received(self, data: bytes) -> layer.CommandGenerator[None]:
        if not self._begun:
            self._begun = True
            yield from self._begin(data[0])
        if self._child is None:
            self._caller.received(data)
            yield from self._tunnel()
            return
        if isinstance(self._child, ClientTLSLayer) and not self.context.client.timestamp_tls_setup:
            if self._wire.closed:  # these bytes had come before it was aborted below
                return
            self._hello += len(data)
            if self._hello > MOST_HELLO:
                _log.warning("handshake_too_long", bytes=self._hello, peer=self._caller.peer.address)
                self._caller.abort()
                return
        yield from self._child.handle_event(events.DataReceived(self.context.client, data))

    @property
    def _within_tls(self) -> bool:
        return len(self._wire.tls) > self._outside

    def _begin(self, first: int) -> layer.CommandGenerator[None]:
        if first == TLS_HANDSHAKE and not self._within_tls:  # TLS within TLS is no HTTP
            tls = ClientTLSLayer(self.context)
            tls.child_layer = CallerLayer(self.context, self._caller, self._wire, outside=self._outside)
            self._wire.tls.append(tls)
            yield from self._become(tls)
        else:
            self._caller.begin(peer_of(self.context.client, encrypted=self._within_tls))

    def _tunnel(self) -> layer.CommandGenerator[None]:
        """Continues inside the tunnel that the caller's CONNECT has opened, if there is one."""
        tunnel = self._caller.tunnel
        if tunnel is None:
            return
        behind = self._caller.tunnelled
        self._caller.tunnel = None
        if tunnel.address is None:  # to Foundry: what comes is read as from any other caller
            self.context.server = Server(address=(tunnel.host, tunnel.port))  # which the certificate is made out to
            inside = CallerLayer(self.context, self._caller, self._wire, outside=len(self._wire.tls))
            yield from self._become(inside)
        else:
            self._caller.leave(tunnel.address)
            self.context.server = Server(address=tunnel.address)
            yield from self._become(TCPLayer(self.context, ignore=True))
        if behind:
            assert self._child
            yield from self._child.handle_event(events.DataReceived(self.context.client, behind))

    def _become(self, child: layer.Layer) -> layer.CommandGenerator[None]:
        self._child = child
        yield from child.handle_event(events.Start())


class ClosingLayer(layer.Layer):
    """Closes a connection that the listener does not know."""

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:  # noqa: ARG002 - mitmproxy's signature
        yield commands.CloseConnection(self.context.client)


def _closes(event: events.Event, client: Client) -> bool:
    return isinstance(event, events.ConnectionClosed) and event.connection is client


def peer_of(client: Client, *, encrypted: bool = False) -> Peer:
    """Who is at the other end of a caller's connection. ``encrypted``: TLS has begun, so that it says more."""
    return Peer(
        address=str((client.peername or ("?",))[0]),
        listener="proxy" if isinstance(client.proxy_mode, RegularMode) else "reverse",
        encrypted=encrypted,
        server_name=client.sni if encrypted else None,
        client_identity=client_identity(client) if encrypted else None,
    )
