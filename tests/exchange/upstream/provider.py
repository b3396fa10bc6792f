"""A provider of one's own choosing in the test's event loop, and a receiver that keeps what it was told."""

import asyncio
import contextlib
import os
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from addons.exchange.upstream.answer_receiver import AnswerReceiver
from addons.exchange.upstream.destination import Destination, EgressProxy, Trust
from addons.exchange.upstream.failure import UpstreamFailure

type Step = bytes | Literal["keep", "close", "cut", "reset", "garble", "wait"]
"""``keep``: wait for the next request. ``close``: as TLS has it. ``cut``: FIN alone. ``garble``: a TLS record that
nobody can decrypt. ``wait``: for `Provider.go`.
"""

_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: (\d+)")


class Listening:
    """Whoever the tests connect to. ``open``: connections that are."""

    def __init__(self) -> None:
        self.dialled = 0
        self.open = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def converse(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """On one connection, of that number; whatever it raises for a connection that is gone ends it."""
        raise NotImplementedError

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.dialled += 1
        self.open += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self.converse(self.dialled, reader, writer)
        finally:
            self._tasks.discard(task)
            self.open -= 1
            writer.transport.abort()

    async def end(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Provider(Listening):
    """Plays the script that a request's target names; ``body``: whether it reads the request's body first.

    ``requests``: the connection's number and the target, in the order they came.
    """

    def __init__(self, scripts: Mapping[str, Sequence[Step]], *, body: bool = True) -> None:
        super().__init__()
        self.scripts = scripts
        self.requests: list[tuple[int, str]] = []
        self.go = asyncio.Event()
        self.body = body
        self.greeting = b""  # said before anything was asked

    async def converse(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = writer.get_extra_info("socket")
        writer.write(self.greeting)
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if self.body and (length := _LENGTH.search(head)):
                await reader.readexactly(int(length[1]))
            target = head.split(b" ")[1].decode()
            self.requests.append((number, target))
            for step in self.scripts[target]:
                match step:
                    case bytes():
                        writer.write(step)
                        await asyncio.sleep(0.001)  # so that the next step is a read of its own
                    case "wait":
                        await self.go.wait()
                    case "close":
                        writer.close()
                        await writer.wait_closed()
                        return
                    case "cut":
                        own.shutdown(socket.SHUT_WR)
                        await reader.read()
                        return
                    case "garble":
                        os.write(own.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
                    case "reset":
                        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        return


@asynccontextmanager
async def serving[L: Listening](listening: L, context: ssl.SSLContext | None) -> AsyncIterator[L]:
    """Nothing of it is left behind: no task, no connection that it had not come to yet."""
    server = await asyncio.start_server(listening.accept, "127.0.0.1", 0, ssl=context, limit=2**24)
    listening.port = server.sockets[0].getsockname()[1]
    try:
        yield listening
    finally:
        server.close()
        await listening.end()
        server.abort_clients()
        await server.wait_closed()


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what is waited for is the code under test, which has no event for a test
        await asyncio.sleep(0.001)


def destination(
    port: int, trusted: Path, *, group: str = "global", name: str = "localhost", proxy: EgressProxy | None = None
) -> Destination:
    return Destination(group, ("127.0.0.1", port), name, Trust.load(trusted), proxy)


def request(target: str, body: bytes = b"") -> list[bytes]:
    return [b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (target.encode(), len(body)), body]


@dataclass
class Told(AnswerReceiver):
    """Everything in its order, and at once wrong where the order is."""

    status: int | None = None
    headers: Sequence[tuple[bytes, bytes]] = ()
    payload: bytes = b""
    failure: UpstreamFailure | None = None
    order: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def head(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        assert self.status is None
        self.status, self.headers = status, headers
        self._note("head")

    def data(self, payload: bytes) -> None:
        assert self.status is not None
        assert payload
        assert self.order[-1] != "data", "all that came in one read is told at once"
        self.payload += payload
        self._note("data")

    def read_ended(self) -> None:
        assert self.order[-1] in {"head", "data", "read"}
        self._note("read")

    def ended(self, failure: UpstreamFailure | None) -> None:
        assert not self.order or self.order[-1] == "read"
        self.failure = failure
        self._note("ended")
        self.over.set()

    def _note(self, what: str) -> None:
        assert not self.over.is_set(), f"{what} after the end"
        self.order.append(what)
