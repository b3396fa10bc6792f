"""The load generator, a process of its own: plain sockets, one thread a connection, the requests made beforehand.

It opens its connections, in turn to each port it is given, makes a call on each, prints a line, waits for one, then
makes the calls that count and prints what ``Result`` holds, as JSON.
"""

import argparse
import json
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPResponse
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from typing import Final, NamedTuple, TypedDict

SENT: Final = re.compile(rb": sent ([0-9.]+)\n")
"""What the simulated provider's directive ``sent`` puts before an event."""


class Result(TypedDict):
    """Seconds: of the whole, and of each call to its first byte; the longest that another stream's event was on its
    way meanwhile.
    """

    seconds: float
    first_byte: list[float]
    way: list[float]


class Made(NamedTuple):
    """When a call began and its first byte came, and when it had ended, by ``time.monotonic``."""

    began: float
    first_byte: float
    ended: float


class Caller:
    """Makes one request after the other; raises RuntimeError on another status than ``status``."""

    def __init__(self, port: int, requests: Iterator[bytes], *, status: int = 200, keep_alive: bool = True) -> None:
        self._port, self._requests, self._status, self._keep_alive = port, requests, status, keep_alive
        self._connection: socket.socket | None = None

    def call(self) -> Made:
        """To the first byte of the answer's body it takes a new connection along, where one is made."""
        request = next(self._requests)
        began = time.monotonic()
        if self._connection is None:
            self._connection = _connected(self._port)
        self._connection.sendall(request)
        response = HTTPResponse(self._connection, method="POST")
        response.begin()
        first = response.read(1)
        first_byte = time.monotonic()
        rest = response.read()
        if response.status != self._status:
            raise RuntimeError(f"{response.status} in place of {self._status}: {(first + rest)[:500]!r}")
        if response.will_close or not self._keep_alive:
            self.close()
        return Made(began, first_byte, time.monotonic())

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


class Watcher:
    """Reads a stream beside the calls, each of whose events says when the provider sent it."""

    def __init__(self, port: int, request: bytes) -> None:
        self._came: list[tuple[float, float]] = []  # when an event was sent, and when it came
        self._begun = Event()
        self._connection = _connected(port)
        self._connection.sendall(request)
        self._thread = Thread(target=self._read)
        self._thread.start()
        self._begun.wait(60)

    def longest(self, calls: Sequence[Made]) -> list[float]:
        """The longest that an event was on its way during each call, in seconds. Ends the stream.

        Raises RuntimeError where the stream did not last, or no event was on its way meanwhile.
        """
        lasted = self._begun.is_set() and self._thread.is_alive()
        self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()
        each = [[came - sent for sent, came in self._came if sent < call.ended and came > call.began] for call in calls]
        if not lasted or not any(each):
            raise RuntimeError(f"the stream beside the calls ended after {len(self._came)} events")
        return [max(ways) for ways in each if ways]

    def _read(self) -> None:
        with suppress(ConnectionResetError):  # how a proxy may end a stream that was shut down
            self._note_all()

    def _note_all(self) -> None:
        unread = b""
        while data := self._connection.recv(1 << 16):
            now = time.monotonic()
            unread += data
            end = 0
            for found in SENT.finditer(unread):
                self._came.append((float(found[1]), now))
                self._begun.set()
                end = found.end()
            unread = unread[end:]


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 60)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("requests", type=Path, nargs="+")
    parser.add_argument("--port", type=int, required=True, action="append")
    for name in ("calls", "threads", "status"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--new-connections", action="store_true")
    parser.add_argument("--beside", type=Path)
    options = parser.parse_args()
    requests = [file.read_bytes() for file in options.requests]
    callers = [
        Caller(port, cycle(requests), status=options.status, keep_alive=not options.new_connections)
        for _, port in zip(range(options.threads), cycle(options.port), strict=False)
    ]

    def work(caller: Caller, calls: int) -> list[Made]:
        return [caller.call() for _ in range(calls)]

    with ThreadPoolExecutor(options.threads) as pool:
        list(pool.map(work, callers, [1] * len(callers)))
        watcher = Watcher(options.port[0], options.beside.read_bytes()) if options.beside else None
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        began = time.monotonic()
        results = list(pool.map(work, callers, [options.calls // options.threads] * len(callers)))
        seconds = time.monotonic() - began
    for caller in callers:
        caller.close()
    made = [each for result in results for each in result]
    way = watcher.longest(made) if watcher else []
    json.dump(Result(seconds=seconds, first_byte=[each.first_byte - each.began for each in made], way=way), sys.stdout)


if __name__ == "__main__":
    main()
