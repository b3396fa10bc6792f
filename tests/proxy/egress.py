"""An HTTP proxy on the way to the provider, which answers CONNECT as it is told."""

import contextlib
import re
import socket
import struct
import threading
from types import TracebackType
from typing import Final, Self

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_TARGET: Final = re.compile(rb"CONNECT (\S+):(\d+) HTTP/1\.1\r\n")


class EgressProxy:
    """Carries bytes to the address asked for, behind an ``answer`` that is left as it is: ``ESTABLISHED``.

    Any other answer is its last word; "reset" and "silence" say nothing. ``heads``: what was asked of it.
    """

    def __init__(self) -> None:
        self.answer: bytes | str = ESTABLISHED
        self.heads: list[bytes] = []
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.port = self._listening.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tunnels(self) -> int:
        """Connections that are open, with those to the provider."""
        return len(self._open)

    def cut(self) -> None:
        """Ends all connections."""
        for each in tuple(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _start(self, target: object, *given: object) -> None:
        thread = threading.Thread(target=target, args=given, name="egress proxy")  # type: ignore[arg-type]  # its own
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._start(self._serve, self._listening.accept()[0])

    def _serve(self, near: socket.socket) -> None:
        self._open.add(near)
        with near, contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n") and (piece := near.recv(1)):
                head += piece
            if not head.endswith(b"\r\n\r\n"):
                self._open.discard(near)
                return
            self.heads.append(head)
            answer = self.answer
            if isinstance(answer, bytes):
                near.sendall(answer)
            if answer == ESTABLISHED:
                self._carry(near, head)
            elif answer == "reset":
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif answer == "silence":
                near.recv(1)
        self._open.discard(near)

    def _carry(self, near: socket.socket, head: bytes) -> None:
        found = _TARGET.match(head)
        assert found
        with socket.create_connection((found[1].decode(), int(found[2]))) as far:
            self._open.add(far)
            back = threading.Thread(target=_copy, args=(far, near))
            back.start()
            _copy(near, far)
            back.join()
            self._open.discard(far)


def _copy(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    for each in (source, to):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
