"""Addon: the operator's own listener: alive, ready, metrics. It is read from and changes nothing."""

import asyncio
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import responses
from typing import Final, NamedTuple

import h11
import structlog

_log = structlog.get_logger("sidecar.admin")


class Page(NamedTuple):
    status: int
    content_type: str
    body: bytes


IDLE_SECONDS: Final = 10.0  # for a request and its page; the same again for the answer to be taken
QUEUE: Final = 128  # connections that may wait to be accepted
IN_A_ROW: Final = 32  # connections that are accepted before anything else has its turn
MOST_OPEN: Final = 64
"""Connections at a time, so that descriptors remain for calls: one more, and the oldest ends, which says nothing."""

THREADS: Final = 2
READ: Final = 4096  # bytes at a time; h11 bounds the whole head
TEXT: Final = "text/plain; charset=utf-8"
NOT_FOUND: Final = Page(404, TEXT, b"")
NOT_ALLOWED: Final = Page(405, TEXT, b"")
FAILED: Final = Page(500, TEXT, b"failed; the log says why\n")

type Route = Callable[[], Page]
"""Makes one page; called on one of the listener's own threads, so it may take its time."""


def alive() -> Page:
    return Page(200, TEXT, b"alive\n")


def readiness(missing: Callable[[], Sequence[str]]) -> Route:
    """503 while the sidecar should get no new calls, with the reasons, one a line."""

    def page() -> Page:
        why = missing()
        return Page(503, TEXT, "".join(f"{each}\n" for each in why).encode()) if why else Page(200, TEXT, b"ready\n")

    return page


def version(about: Callable[[], Mapping[str, str]]) -> Route:
    """Which program this is, and by which rules it judges now, as a JSON object."""
    return lambda: Page(200, "application/json", json.dumps(about()).encode() + b"\n")


class Admin:
    """Listens at host and port once the sidecar runs; ``routes`` by their exact path. A connection gets one answer."""

    name = "sidecar-admin"

    def __init__(self, address: tuple[str, int], routes: Mapping[str, Route]) -> None:
        self._address = address
        self._routes = routes
        # Of its own: names that can't be resolved, or large bodies, may take all of the event loop's threads.
        self._threads = ThreadPoolExecutor(THREADS, "admin")
        self._open: dict[asyncio.StreamWriter, None] = {}  # the oldest first
        self._starting: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None
        self.port = address[1]

    def running(self) -> None:
        host, port = self._address
        try:
            listener = socket.create_server((host, port), family=_family(host), backlog=QUEUE)
        except OSError as error:  # an error that is logged now stops the start
            _log.error("admin_not_listening", why=f"listen.admin: {host}:{port} can't be had: {error}")
            return
        self.port = listener.getsockname()[1]
        self._starting = asyncio.get_running_loop().create_task(self._serve(listener))
        _log.info("admin_listening", address=f"{host}:{self.port}")

    async def _serve(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_server(self._converse, sock=listener, backlog=IN_A_ROW)
        listener.listen(QUEUE)  # again: asyncio takes one number for both

    def done(self) -> None:
        if self._starting:
            self._starting.cancel()
        if self._server:
            self._server.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        if len(self._open) >= MOST_OPEN:
            oldest = next(iter(self._open))
            del self._open[oldest]
            oldest.transport.abort()
        self._open[writer] = None
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                page = await self._asked(connection, reader)
            if page is not None:
                writer.write(_answer(connection, page))
                async with asyncio.timeout(IDLE_SECONDS):
                    await writer.drain()
        except OSError:  # a timeout is one too
            writer.transport.abort()
        finally:
            self._open.pop(writer, None)
            writer.close()

    async def _asked(self, connection: h11.Connection, reader: asyncio.StreamReader) -> Page | None:
        """The page for the one request of a connection; None where none came."""
        try:
            while (event := connection.next_event()) is h11.NEED_DATA:
                connection.receive_data(await reader.read(READ))
        except h11.RemoteProtocolError as error:
            return Page(error.error_status_hint, TEXT, b"")
        if not isinstance(event, h11.Request):
            return None
        route = self._routes.get(event.target.decode("ascii").partition("?")[0])
        if route is None:
            return NOT_FOUND
        return await self._made(route) if event.method == b"GET" else NOT_ALLOWED

    async def _made(self, route: Route) -> Page:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, route)
        except Exception as error:  # noqa: BLE001 - whatever it was, the asker gets an answer
            _log.error("admin_failed", exc_info=error)
            return FAILED


def _answer(connection: h11.Connection, page: Page) -> bytes:
    headers = [("Content-Type", page.content_type), ("Content-Length", str(len(page.body))), ("Connection", "close")]
    if page is NOT_ALLOWED:
        headers.append(("Allow", "GET"))
    head = h11.Response(status_code=page.status, headers=headers, reason=responses[page.status])
    return b"".join(connection.send(event) or b"" for event in (head, h11.Data(data=page.body), h11.EndOfMessage()))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
