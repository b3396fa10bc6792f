"""Addon: answers what mitmproxy asks when a caller connects, and stops what mitmproxy would do by itself.

``next_layer`` sets our layer on a connection. It first sets one that only closes, so that a fault leaves no other.
``server_connect`` lets mitmproxy itself connect only to the far end of a listed tunnel. So mitmproxy's own HTTP layer,
its replay of saved requests and its connections to servers can send nothing.
"""

import asyncio
import functools
import os
import socket
from collections.abc import Callable, Collection
from typing import Any, Final

import structlog
from mitmproxy import ctx
from mitmproxy.connection import Client
from mitmproxy.proxy import layer
from mitmproxy.proxy.mode_specs import RegularMode, ReverseMode
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.exchange.caller_connection import CallerConnection
from addons.exchange.connection_bounds import ConnectionBounds
from addons.exchange.ending import Ending
from addons.exchange.layer import CallerLayer, ClosingLayer, peer_of
from addons.exchange.socket_wire import SocketWire
from addons.exchange.upstream.keep_alive import keep_alive
from addons.exchange.upstream.pool import UpstreamPool
from addons.exchange.wire import Peer

NOT_ALLOWED: Final = "the sidecar does not dial this address"
NO_ROOM: Final = "too many connections"

QUEUE: Final = 1024
"""Callers that may wait to be accepted. asyncio has 100, beyond which a caller tries again in a second or more."""

_log = structlog.get_logger("sidecar.exchange")

type Connect = Callable[[SocketWire, Peer], CallerConnection]


def _stays_shut[Subject](hook: Callable[["Listener", Subject], None]) -> Callable[["Listener", Subject], None]:
    """A hook first forbids, and allows at its end; so one that raises has allowed nothing. The fault is logged."""

    @functools.wraps(hook)
    def guarded(listener: "Listener", subject: Subject) -> None:
        try:
            hook(listener, subject)
        except BaseException as error:  # noqa: BLE001 - whatever it was, other callers go on
            _log.error("fault", hook=hook.__name__, exc_info=error)

    return guarded


class Listener:
    """``connect`` makes the object for a new caller's connection. ``upstreams`` are closed at the end."""

    name = "sidecar-listener"

    def __init__(self, connect: Connect, bounds: ConnectionBounds, upstreams: Collection[UpstreamPool]) -> None:
        self._upstreams = upstreams
        self._connect = connect
        self._bounds = bounds
        self._open: dict[str, tuple[CallerConnection, SocketWire]] = {}  # by the client's id

    @property
    def callers(self) -> list[CallerConnection]:
        return [caller for caller, _ in self._open.values()]

    def close_after_call(self, client: str) -> None:
        """Closes a connection, by its client's id, once its call under way is over."""
        if known := self._open.get(client):
            known[0].close_idle()

    def running(self) -> None:
        for listening in _listening():
            with listening:
                listening.listen(QUEUE)  # again: the kernel takes the new length

    def done(self) -> asyncio.Task[None]:
        """mitmproxy waits for the task at its end; where it takes a script out, it calls no coroutine functions."""
        return asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        for caller in self.callers:
            caller.cut(Ending.SHUTDOWN)
        for upstream in self._upstreams:
            await upstream.close()

    @_stays_shut
    def client_connected(self, client: Client) -> None:
        client.error = NO_ROOM  # stands until all is made: mitmproxy then closes the connection
        peer = peer_of(client)
        wire = SocketWire(_handler(client), client)
        keep_alive(wire.socket)
        if self._bounds.enter(peer.address):
            try:
                self._open[client.id] = (self._connect(wire, peer), wire)
            except BaseException:
                self._bounds.leave(peer.address)
                raise
            client.error = None

    async def client_disconnected(self, client: Client) -> None:
        if known := self._open.pop(client.id, None):
            caller, wire = known
            self._bounds.leave(caller.peer.address)
            caller.closed()
            # mitmproxy leaves a socket open when its task is cancelled while it waits for mitmproxy's own lock
            # (docs/mitmproxy.md#connections-of-callers)
            await wire.forget()

    @_stays_shut
    def next_layer(self, next_layer: layer.NextLayer) -> None:
        context = next_layer.context
        next_layer.layer = closing = ClosingLayer(context)
        known = self._open.get(context.client.id)
        if known and isinstance(context.client.proxy_mode, ReverseMode | RegularMode):
            context.layers.remove(closing)
            next_layer.layer = CallerLayer(context, *known)

    @_stays_shut
    def server_connect(self, data: ServerConnectionHookData) -> None:
        server = data.server
        server.error = NOT_ALLOWED
        known = self._open.get(data.client.id)
        leads_to = known[0].leads_to if known else None
        plain = not server.tls and server.via is None and server.transport_protocol == "tcp"
        if plain and leads_to is not None and server.address == leads_to:
            server.error = None
        else:
            _log.error("dial_refused", address=str(server.address))


def _handler(client: Client) -> ConnectionHandler:
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    handler: ConnectionHandler = proxyserver.connections[client.id]
    return handler


def _listening() -> list[socket.socket]:
    """The listening sockets, each under a descriptor of its own that is to be closed."""
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    return [
        socket.socket(fileno=os.dup(own.fileno()))
        for instance in proxyserver.servers
        for server in instance._servers  # noqa: SLF001 - mitmproxy shows the addresses alone
        for own in server.sockets
    ]
