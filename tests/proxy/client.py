"""A plain HTTP/1.1 caller that can say odd things."""

import io
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

from tests.conftest import MODEL, PATH

TOKEN = "a-caller's-token".replace("'", "-")
HELLO: Mapping[str, Any] = {"model": MODEL, "input": "Hello, world"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # lower-case names
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """OpenAI's error code; None where there is no error object."""
        error = self.json.get("error") if self.body else None
        return error["code"] if error else None


def request_bytes(
    body: Mapping[str, Any] | bytes = HELLO,
    *,
    method: str = "POST",
    target: str = PATH,
    host: str = "localhost",
    headers: Sequence[tuple[str, str]] = (),
    without: Sequence[str] = (),
) -> bytes:
    """One request; ``headers`` are added to, or stand instead of, those a well-behaved caller sends."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    usual = [
        ("Host", host),
        ("Authorization", f"Bearer {TOKEN}"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(payload))),
    ]
    replaced = {name.lower() for name, _ in headers} | {name.lower() for name in without}
    lines = [f"{name}: {value}" for name, value in [*(u for u in usual if u[0].lower() not in replaced), *headers]]
    return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode("latin-1") + payload


def send(port: int, request: bytes, timeout: float = 30) -> Reply:
    """Sends the bytes on a new connection and reads one answer to its end."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(request)
        return read_reply(connection)


class _NotAhead(io.RawIOBase):
    """A connection of which nothing is read that the answer after this one begins with."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def makefile(self, _mode: str) -> io.RawIOBase:
        return self

    def read(self, size: int = -1) -> bytes:
        found = b""
        while size < 0 or len(found) < size:
            piece = self._connection.recv(65536 if size < 0 else size - len(found))
            if not piece:
                break
            found += piece
        return found

    def readline(self, limit: int | None = -1) -> bytes:
        found = b""
        while not found.endswith(b"\n") and len(found) != limit and (piece := self._connection.recv(1)):
            found += piece
        return found


def read_reply(connection: socket.socket, method: str = "POST") -> Reply:
    """One answer, and not a byte of what follows."""
    response = HTTPResponse(_NotAhead(connection), method=method)  # type: ignore[arg-type]  # it only asks for a file
    response.begin()
    body = response.read()
    return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, body)


def post(port: int, body: Mapping[str, Any] | bytes = HELLO, **request: Any) -> Reply:
    return send(port, request_bytes(body, **request))
