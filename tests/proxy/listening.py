"""A server of a test's own on a loopback port, with a thread for each connection."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Listening:
    """Calls ``serve`` for each connection with its number, from 1, once entered.

    Its threads have the ``name``. On exit all that is in ``sockets`` is cut, and every thread has ended.
    """

    def __init__(self, name: str, serve: Callable[[socket.socket, int], object]) -> None:
        self.dialled = 0
        self.sockets: set[socket.socket] = set()
        self._name = name
        self._serve = serve
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

    def cut(self) -> None:
        """Ends all connections."""
        for each in tuple(self.sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _start(self, target: Callable[..., object], *given: object) -> None:
        self._threads.append(threading.Thread(target=target, args=given, name=self._name))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                own, _ = self._listening.accept()
                self.dialled += 1
                self.sockets.add(own)
                self._start(self._serve, own, self.dialled)
