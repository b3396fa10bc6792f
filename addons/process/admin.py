"""Addon: the operator's own listener: alive, ready, metrics. It is read from and changes nothing."""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from http.client import responses
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

if TYPE_CHECKING:
    from tornado.httpserver import HTTPServer
    from tornado.httputil import HTTPServerRequest

_log = structlog.get_logger("sidecar.admin")


class Page(NamedTuple):
    status: int
    content_type: str
    body: bytes


SERVER: Final = "tornado.httpserver"
"""Imported beside the first calls: it reads the system's certificates on the way."""

MOST_BODY: Final = 1024  # bytes; a GET has none
IDLE_SECONDS: Final = 10.0
TEXT: Final = "text/plain; charset=utf-8"
NOT_FOUND: Final = Page(404, TEXT, b"")
NOT_ALLOWED: Final = Page(405, TEXT, b"")
FAILED: Final = Page(500, TEXT, b"failed; the log says why\n")

type Route = Callable[[], Page]
"""Makes one page; called on a thread of its own, so it may take its time."""


def alive() -> Page:
    return Page(200, TEXT, b"alive\n")


def readiness(missing: Callable[[], Sequence[str]]) -> Route:
    """503 while the sidecar should get no new calls, with the reasons, one a line."""

    def page() -> Page:
        why = missing()
        return Page(503, TEXT, "".join(f"{each}\n" for each in why).encode()) if why else Page(200, TEXT, b"ready\n")

    return page


class Admin:
    """Listens at host and port once the sidecar runs; ``routes`` by their exact path."""

    name = "sidecar-admin"

    def __init__(self, address: tuple[str, int], routes: Mapping[str, Route]) -> None:
        self._address = address
        self._routes = routes
        self._starting: asyncio.Task[None] | None = None
        self._server: HTTPServer | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self.port = address[1]

    def running(self) -> None:
        host, port = self._address
        try:
            listener = socket.create_server((host, port), family=_family(host), backlog=128)
        except OSError as error:  # an error that is logged now stops the start
            _log.error("admin_not_listening", why=f"listen.admin: {host}:{port} can't be had: {error}")
            return
        self.port = listener.getsockname()[1]
        self._starting = asyncio.get_running_loop().create_task(self._serve(listener))
        _log.info("admin_listening", address=f"{host}:{self.port}")

    async def _serve(self, listener: socket.socket) -> None:
        try:
            await asyncio.to_thread(import_module, SERVER)
        except BaseException as error:
            listener.close()
            if isinstance(error, Exception):  # nobody waits for this task
                _log.error("admin_not_listening", exc_info=error)
            raise
        from tornado.httpserver import HTTPServer  # noqa: PLC0415 - only where there is such a listener

        self._server = HTTPServer(self._take, max_body_size=MOST_BODY, idle_connection_timeout=IDLE_SECONDS)
        listener.setblocking(False)
        self._server.add_socket(listener)

    def done(self) -> None:
        if self._starting:
            self._starting.cancel()
        if self._server:
            self._server.stop()

    def _take(self, request: "HTTPServerRequest") -> None:
        task = asyncio.get_running_loop().create_task(self._answer(request))
        self._answers.add(task)  # the loop itself holds tasks but weakly
        task.add_done_callback(self._answers.discard)

    async def _answer(self, request: "HTTPServerRequest") -> None:
        from tornado.httputil import HTTPHeaders, ResponseStartLine  # noqa: PLC0415 - as above
        from tornado.iostream import StreamClosedError  # noqa: PLC0415 - the same

        route = self._routes.get(request.path)
        if route is None:
            page = NOT_FOUND
        elif request.method != "GET":
            page = NOT_ALLOWED
        else:
            page = await _made(route)
        headers = HTTPHeaders(
            {"Content-Type": page.content_type, "Content-Length": str(len(page.body)), "Connection": "close"}
        )
        if page is NOT_ALLOWED:
            headers["Allow"] = "GET"
        connection = request.connection
        assert connection
        try:
            await connection.write_headers(
                ResponseStartLine("HTTP/1.1", page.status, responses[page.status]), headers, page.body
            )
        except StreamClosedError:
            return
        connection.finish()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def _made(route: Route) -> Page:
    try:
        return await asyncio.to_thread(route)
    except Exception as error:  # noqa: BLE001 - whatever it was, the asker gets an answer
        _log.error("admin_failed", exc_info=error)
        return FAILED
