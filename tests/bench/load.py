"""The load generator, a process of its own: plain sockets, one thread a connection, the request made beforehand.

It opens its connections, in turn to each port it is given, makes a call on each, prints a line, waits for one, then
makes the calls that count and prints ``{"seconds": …, "first_byte": [seconds of each call]}``.
"""

import argparse
import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from itertools import cycle
from pathlib import Path


class Caller:
    """Makes one request again and again; raises RuntimeError on another status than ``status``."""

    def __init__(self, port: int, request: bytes, *, status: int = 200, keep_alive: bool = True) -> None:
        self._port, self._request, self._status, self._keep_alive = port, request, status, keep_alive
        self._connection: socket.socket | None = None

    def call(self) -> float:
        """Seconds to the first byte of the answer's body, a new connection included where one is made."""
        began = time.perf_counter()
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port), 60)
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection.sendall(self._request)
        response = HTTPResponse(self._connection, method="POST")
        response.begin()
        first = response.read(1)
        seconds = time.perf_counter() - began
        rest = response.read()
        if response.status != self._status:
            raise RuntimeError(f"{response.status} in place of {self._status}: {(first + rest)[:500]!r}")
        if response.will_close or not self._keep_alive:
            self.close()
        return seconds

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("request", type=Path)
    parser.add_argument("--port", type=int, required=True, action="append")
    for name in ("calls", "threads", "status"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--new-connections", action="store_true")
    options = parser.parse_args()
    request = options.request.read_bytes()
    callers = [
        Caller(port, request, status=options.status, keep_alive=not options.new_connections)
        for _, port in zip(range(options.threads), cycle(options.port), strict=False)
    ]

    def work(caller: Caller, calls: int) -> list[float]:
        return [caller.call() for _ in range(calls)]

    with ThreadPoolExecutor(options.threads) as pool:
        list(pool.map(work, callers, [1] * len(callers)))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        began = time.perf_counter()
        results = list(pool.map(work, callers, [options.calls // options.threads] * len(callers)))
        seconds = time.perf_counter() - began
    for caller in callers:
        caller.close()
    json.dump({"seconds": seconds, "first_byte": [each for result in results for each in result]}, sys.stdout)


if __name__ == "__main__":
    main()
