"""A provider that says in TLS what no server would: its every record is told by a function."""

import contextlib
import re
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Final

from tests.proxy.listening import Listening

_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: (\d+)")

type Play = Callable[["Talk"], object]


class Talk:
    """One connection: TLS by hand over a socket, so that what belongs to two records may leave in one write."""

    def __init__(self, own: socket.socket, context: ssl.SSLContext, number: int) -> None:
        self.number = number  # of the connection, from 1
        self.own = own
        self.first_read = self.first_said = b""  # the first flight of either side
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def shake_hands(self, *, flush: bool = True) -> None:
        """With ``flush`` False, what ends the handshake leaves with whatever is said next."""
        self._until_done(self.tls.do_handshake)
        if flush:
            self.flush()

    def request(self) -> bytes:
        """The next request, its body read."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        if length := _LENGTH.search(head):
            left = int(length[1])
            while left:
                left -= len(self.read(left))
        return head

    def read(self, size: int) -> bytes:
        if not (data := self._until_done(lambda: self.tls.read(size))):
            raise EOFError
        return data

    def say(self, data: bytes) -> None:
        self.tls.write(data)
        self.flush()

    def say_goodbye(self) -> None:
        """close_notify, in one write with whatever was said and not yet sent."""
        with contextlib.suppress(ssl.SSLError):
            self.tls.unwrap()
        self.flush()

    def flush(self) -> None:
        said = self._outgoing.read()
        self.first_said = self.first_said or said
        self.own.sendall(said)

    def reset(self) -> None:
        self.own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.own.close()

    def wait_for_end(self) -> None:
        while self.own.recv(65536):
            pass

    def _until_done[T](self, step: Callable[[], T]) -> T:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.flush()
                piece = self.own.recv(65536)
                if not piece:
                    raise EOFError from None
                self.first_read = self.first_read or piece
                self._incoming.write(piece)


class TlsProvider(Listening):
    """Plays ``play`` on each connection, in TLS of ``context``; both may be changed.

    ``heads``: the requests that were read to their end, by `Talk.request`.
    """

    def __init__(self, context: ssl.SSLContext, play: Play) -> None:
        super().__init__("TLS provider", self._talk)
        self.play = play
        self.heads: list[bytes] = []
        self.open = 0
        self.context = context

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/v1"

    def _talk(self, own: socket.socket, number: int) -> None:
        self.open += 1
        talk = Talk(own, self.context, number)
        request = talk.request

        def noted() -> bytes:
            self.heads.append(request())
            return self.heads[-1]

        talk.request = noted  # type: ignore[method-assign]  # counted
        try:
            with own, contextlib.suppress(OSError, EOFError):
                self.play(talk)
        finally:
            self.sockets.discard(own)
            self.open -= 1
