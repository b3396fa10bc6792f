"""Addon: the sockets behind mitmproxy's connections.

mitmproxy's hooks hand out no sockets, so they are taken from its proxy server's own table. Nothing here decides
whether a call leaves.
"""

import asyncio
import os
import socket
import traceback
from collections.abc import Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader
from mitmproxy.connection import Client, Connection, ConnectionState
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.as_tried import as_tried
from addons.exchange.upstream.keep_alive import keep_alive

_STOCK_OPEN: Final = ConnectionHandler.open_connection
EXPECTED: Final = ((_STOCK_OPEN, "(self, command: mitmproxy.proxy.commands.OpenConnection)"),)


QUEUE: Final = 1024
"""Callers that may wait to be accepted. asyncio has 100, beyond which a caller tries again in a second or more."""


class Connections:
    name = "sidecar-connections"

    def __init__(self) -> None:
        self._clients: WeakKeyDictionary[asyncio.WriteTransport, Client] = WeakKeyDictionary()

    def load(self, _loader: Loader) -> None:
        if as_tried(EXPECTED, "connections_left_alone"):
            ConnectionHandler.open_connection = _open  # type: ignore[method-assign, assignment]  # as it says

    def done(self) -> None:
        ConnectionHandler.open_connection = _STOCK_OPEN  # type: ignore[method-assign]  # as above

    def running(self) -> None:
        for listener in _listeners():
            listener.listen(QUEUE)  # again: the kernel takes the new length

    def client_connected(self, client: Client) -> None:
        transport = _transport(client, client)
        keep_alive(transport.get_extra_info("socket"))
        self._clients[transport] = client

    def server_connected(self, data: ServerConnectionHookData) -> None:
        keep_alive(_transport(data.client, data.server).get_extra_info("socket"))

    def client_disconnected(self, client: Client) -> None:
        _close_forgotten(client, client)

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        _close_forgotten(data.client, data.server)

    def hang_up(self, client: Client) -> None:
        """Closes a caller's connection without a word, as one must while it is still speaking."""
        for known, transport in self.callers():
            if known is client:
                transport.close()

    def callers(self) -> Iterator[tuple[Client, asyncio.WriteTransport]]:
        """Callers' connections that are open, or still have something to send."""
        for transport, client in tuple(self._clients.items()):
            if transport.get_extra_info("socket").fileno() != -1:
                yield client, transport


def _listeners() -> Iterator[socket.socket]:
    """The listening sockets, each under a descriptor of its own that closes again."""
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    for instance in proxyserver.servers:
        for server in instance._servers:  # noqa: SLF001 - mitmproxy shows the addresses alone
            for own in server.sockets:
                with socket.socket(fileno=os.dup(own.fileno())) as same:
                    yield same


async def _open(handler: ConnectionHandler, command: commands.OpenConnection) -> None:
    """mitmproxy takes it that a connection once opened is still there; of one that was reset it would tell nobody."""
    try:
        await _STOCK_OPEN(handler, command)
    except AssertionError as error:
        if command.connection.peername is not None:
            raise
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if writer := frame.f_locals.get("writer"):  # nobody else knows of it
                writer.close()
        why = command.connection.error = "connection reset"
        command.connection.state = ConnectionState.CLOSED
        handler.transports.pop(command.connection, None)
        await handler.server_event(events.OpenConnectionCompleted(command, why))


def _close_forgotten(client: Client, connection: Connection) -> None:
    """mitmproxy leaves a socket open when its task is cancelled while it waits for mitmproxy's own lock.

    So it is with a peer that talks on while its connection is being closed.
    """
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    handler = proxyserver.connections.get(client.id)
    if handler and (forgotten := handler.transports.get(connection)) and forgotten.writer:
        forgotten.writer.close()


def _transport(client: Client, connection: Connection) -> asyncio.WriteTransport:
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    transport: asyncio.WriteTransport = proxyserver.connections[client.id].transports[connection].writer.transport
    return transport
