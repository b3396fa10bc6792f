"""Reads that take all that has come, where mitmproxy takes 64 KB and goes through its layers again for the next 64."""

import asyncio
from typing import Any, Final

from mitmproxy import ctx
from mitmproxy.connection import Client, Connection

MOST: Final = 1024 * 1024
"""Bytes. asyncio stops receiving long before, so it is what the socket had, some 256 KB at most."""


def take_all(client: Client, connection: Connection) -> None:
    """To be called when a connection has opened, before mitmproxy reads of it."""
    proxyserver: Any = ctx.master.addons.get("proxyserver")
    reader = proxyserver.connections[client.id].transports[connection].reader
    if isinstance(reader, asyncio.StreamReader):

        async def read(_most: int) -> bytes:
            return await asyncio.StreamReader.read(reader, MOST)

        reader.read = read  # type: ignore[method-assign, assignment]  # of this connection alone
