"""Servers on loopback that may say anything back: a provider, a verifier; what they were sent is kept as bytes."""

import json
import re
import socketserver
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

type Answer = Callable[[bytes, bytes], bytes | None]
"""From a request's head and body to all the bytes of the answer; None: wait for ``release`` and then hang up."""


class Quoting:
    """Answers each request by ``answer``, then closes the connection."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.release = threading.Event()
        quoting = self

        class Handler(socketserver.StreamRequestHandler):
            def setup(self) -> None:
                if tls:
                    self.request = tls.wrap_socket(self.request, server_side=True)
                super().setup()

            def handle(self) -> None:
                quoting._serve(self.rfile, self.wfile)

            def finish(self) -> None:
                super().finish()
                self.request.close()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A peer that goes away is none of ours."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, received: Any, sent: Any) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = received.readline()
            if not line:
                return
            head += line
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        body = received.read(int(length[1])) if length else b""
        self.requests.append(head + body)
        answer = self.answer(head, body)
        if answer is None:
            self.release.wait(20)
        else:
            sent.write(answer)


def whole(status: int, body: Any, *headers: str) -> bytes:
    """A JSON answer; ``body`` bytes as they are."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"HTTP/1.1 {status} As told", "Content-Type: application/json", f"Content-Length: {len(text)}",
        "Connection: close", *headers, "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + text


def stream(*events: dict[str, Any] | bytes, complete: bool = True) -> bytes:
    """An event stream in chunks, ended properly or cut; an event that has a type bears its name."""
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    pieces = [event if isinstance(event, bytes) else _event(event) for event in events]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return head.encode() + chunks + (b"0\r\n\r\n" if complete else b"")


def _event(event: dict[str, Any]) -> bytes:
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def response(text: str) -> dict[str, Any]:
    """A Response object that says this, by its words and by a tool's arguments."""
    message = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    arguments = json.dumps({"text": text})
    tool = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": arguments}
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    return {
        "id": "resp_1", "object": "response", "model": "gpt-5.2", "status": "completed", "store": False,
        "output": [message, tool], "usage": usage,
    }  # fmt: skip
