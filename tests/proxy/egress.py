"""An HTTP proxy on the way to the provider, which answers CONNECT as it is told."""

import contextlib
import re
import socket
import struct
import threading
from typing import Final

from tests.proxy.listening import Listening

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_TARGET: Final = re.compile(rb"CONNECT (\S+):(\d+) HTTP/1\.1\r\n")


class EgressProxy(Listening):
    """Carries bytes to the address asked for, behind an ``answer`` that is left as it is: ``ESTABLISHED``.

    Any other answer is its last word; "reset" and "silence" say nothing. ``heads``: what was asked of it.
    """

    def __init__(self) -> None:
        super().__init__("egress proxy", self._answer)
        self.answer: bytes | str = ESTABLISHED
        self.heads: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tunnels(self) -> int:
        """Connections that are open, with those to the provider."""
        return len(self.sockets)

    def _answer(self, near: socket.socket, _number: int) -> None:
        with near, contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n") and (piece := near.recv(1)):
                head += piece
            if not head.endswith(b"\r\n\r\n"):
                self.sockets.discard(near)
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
        self.sockets.discard(near)

    def _carry(self, near: socket.socket, head: bytes) -> None:
        found = _TARGET.match(head)
        assert found
        with socket.create_connection((found[1].decode(), int(found[2]))) as far:
            self.sockets.add(far)
            back = threading.Thread(target=_copy, args=(far, near))
            back.start()
            _copy(near, far)
            back.join()
            self.sockets.discard(far)


def _copy(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    for each in (source, to):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
