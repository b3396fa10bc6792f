"""Real HTTP servers on loopback, in the test's own loop."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

type Reply = tuple[int, bytes | str] | tuple[int, bytes | str, dict[str, str]]
type Answer = Callable[[HTTPServerRequest], Awaitable[Reply]]


@dataclass
class Served:
    url: str
    requests: list[HTTPServerRequest] = field(default_factory=list)


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    (socket,) = bind_sockets(0, "127.0.0.1")
    served = Served(f"{'https' if tls else 'http'}://127.0.0.1:{socket.getsockname()[1]}")

    class Handler(RequestHandler):
        async def prepare(self) -> None:
            served.requests.append(self.request)
            status, body, *headers = await answer(self.request)
            self.set_status(status, "as told")
            for name, value in (headers[0] if headers else {}).items():
                self.set_header(name, value)
            await self.finish(body)

    server = HTTPServer(Application([(r".*", Handler)], log_function=lambda _: None), ssl_options=tls)
    server.add_sockets([socket])
    try:
        yield served
    finally:
        server.stop()
        await server.close_all_connections()


def always(*reply: int | bytes | str | dict[str, str]) -> Answer:
    async def answer(_: HTTPServerRequest) -> Reply:
        return reply  # type: ignore[return-value]  # the caller writes a Reply's parts

    return answer


NOBODY = "http://127.0.0.1:1"
"""Port 1 (tcpmux): nobody listens there."""
