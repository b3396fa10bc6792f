"""A stand-in for Foundry itself: a TLS server that records what reached it and answers by a table."""

import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import SSLContext, SSLError
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from addons.simulator.certificates import Authority
from tests.waiting import LONGEST

FOUNDRY: Final = "acme.palantirfoundry.invalid"  # no resolver knows it
MINTED: Final = "token-that-foundry-mints"
COOKIE: Final = "session-that-foundry-opens"


class Seen(NamedTuple):
    """One request, as it came; ``connection`` numbers the connections from 1."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    connection: int

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


class Answer(NamedTuple):
    """``pieces`` are sent in chunks, each after the first only once the server is released; None: ``body`` at once."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b"{}"
    pieces: Sequence[bytes] | None = None
    broken: bool = False  # the line is cut where the answer should end


def ontologies() -> bytes:
    return json.dumps(
        {"data": [{"rid": "ri.ontology.main.ontology.a", "apiName": "a", "displayName": "A", "description": ""}]}
    ).encode()


ANSWERS: Final[Mapping[str, Answer]] = {
    "/api/v2/ontologies": Answer(headers={"Content-Type": "application/json"}, body=ontologies()),
    "/multipass/api/oauth2/token": Answer(
        headers={"Content-Type": "application/json", "Set-Cookie": f"session={COOKIE}"},
        body=json.dumps({"access_token": MINTED, "token_type": "bearer", "expires_in": 3600}).encode(),
    ),
    "/stream": Answer(headers={"Content-Type": "text/event-stream"}, pieces=[b"data: 1\n\n", b"data: 2\n\n"]),
    "/waits": Answer(headers={"Content-Type": "application/json"}, pieces=[b"", b"{}"]),
    "/file": Answer(headers={"Content-Type": "application/octet-stream"}, body=bytes(range(256)) * 300),
    "/coded": Answer(headers={"Content-Encoding": "gzip"}, body=b"\x1f\x8bnot gzip"),
    "/moved": Answer(307, {"Location": "https://elsewhere.example.invalid/x"}),
    "/hints": Answer(headers={"Keep-Alive": "timeout=5", "Proxy-Authenticate": "Basic", "Alt-Svc": "h3", "X-Own": "1"}),
    "/nothing": Answer(204, body=b""),
    "/unchanged": Answer(304, {"ETag": '"1"'}, b""),
    "/wrong": Answer(500, body=b"Foundry's own fault"),
    "/unauthorized": Answer(401, {"WWW-Authenticate": "Bearer"}, b'{"errorCode": "UNAUTHORIZED"}'),
    "/switch": Answer(101, {"Upgrade": "raw", "Connection": "Upgrade"}, b""),
    "/broken": Answer(pieces=[b"half"], broken=True),
    "/cut": Answer(body=b"", broken=True),
}

UNKNOWN: Final = Answer(
    404,
    {"Content-Type": "application/json"},
    b'{"errorCode":"NOT_FOUND","errorName":"DatasetNotFound","errorInstanceId":"1","parameters":{"datasetRid":"ri.foundry.main.dataset.1"}}',
)


class FoundryServer(ThreadingHTTPServer):
    """Listens between enter and exit. ``names`` are what its certificate is good for."""

    daemon_threads = True

    def __init__(self, directory: Path, names: Sequence[str] = (FOUNDRY,)) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._context: SSLContext = Authority(directory).server_context(names)
        self.calls: list[Seen] = []
        self.dialled = 0
        self.released = threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.005,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.released.set()
        self.shutdown()
        self._thread.join(LONGEST)
        self.server_close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.dialled += 1
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(LONGEST)
        try:
            encrypted = self._context.wrap_socket(request, server_side=True)
        except (SSLError, OSError):
            return
        with encrypted:
            super().finish_request(encrypted, (client_address, self.dialled))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no fault here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FoundryServer

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        seen = Seen(self.command, self.path, tuple(self.headers.items()), body, self.client_address[1])
        self.server.calls.append(seen)
        path = self.path.partition("?")[0]
        answer = ANSWERS.get(path, UNKNOWN)
        if answer.broken and answer.pieces is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.pieces is None:
            if answer.status not in {101, 204, 304}:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, piece in enumerate(answer.pieces):
            if number:
                self.server.released.wait(LONGEST)
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if answer.broken:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")
