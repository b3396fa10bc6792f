"""Mixed calls for as long as wanted: good ones, refused ones, failing ones, and callers without manners."""

import contextlib
import itertools
import random
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from addons.foundry.paths import BASE
from tests.conftest import MODEL
from tests.proxy.client import HELLO, post, read_reply, request_bytes
from tests.proxy.test_embeddings import ADA
from tests.proxy.test_odd_http import IN_CHUNKS, head

FOUNDRY: Final = "acme.palantirfoundry.invalid"
AT_ONCE: Final = 8
BIG: Final = {**HELLO, "input": "x" * 1_000_000}
STREAM: Final = {**HELLO, "stream": True}


CHAT: Final = "/chat/completions"


def talk(text: str) -> Mapping[str, object]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}]}


TALK: Final = talk("Hello, world")


class Target(NamedTuple):
    """``proxy`` is the explicit proxy's port, ``authority`` the certificate its tunnels are verified by."""

    port: int
    proxy: tuple[str, int]
    authority: Path


def told(body: Mapping[str, object], directive: str) -> Mapping[str, object]:
    return {**body, "metadata": {"simulate": directive}}


def kept_connection(target: Target) -> int:
    with socket.create_connection(("127.0.0.1", target.port), 60) as caller:
        for _ in range(5):
            caller.sendall(request_bytes())
            assert read_reply(caller).status == 200
    return 5


def leaving(target: Target) -> int:
    with socket.create_connection(("127.0.0.1", target.port), 60) as caller:
        caller.sendall(request_bytes(told(STREAM, "pause=0.05 events=100")))
        caller.recv(1)
    return 1


def talking_on(target: Target) -> int:
    with socket.create_connection(("127.0.0.1", target.port), 60) as caller, contextlib.suppress(OSError):
        caller.sendall(head(IN_CHUNKS) + b"zz\r\n" + b"a" * 500_000)
        caller.recv(100)
    return 1


def explicit_proxy(target: Target) -> int:
    context = ssl.create_default_context(cafile=str(target.authority))
    with socket.create_connection(target.proxy, 60) as caller:
        caller.sendall(f"CONNECT {FOUNDRY}:443 HTTP/1.1\r\nHost: {FOUNDRY}:443\r\n\r\n".encode())
        while not caller.recv(4096).endswith(b"\r\n\r\n"):
            pass
        with context.wrap_socket(caller, server_hostname=FOUNDRY) as encrypted:
            encrypted.sendall(request_bytes(host=FOUNDRY))
            assert read_reply(encrypted).status == 200
    return 1


def answered(status: int, body: Mapping[str, object], path: str = "/responses") -> Callable[[Target], int]:
    def one(target: Target) -> int:
        assert post(target.port, body, target=BASE + path).status == status
        return 1

    return one


KINDS: Final[Mapping[str, tuple[int, Callable[[Target], int]]]] = {
    # weight, and one go of it, which returns how many calls it was
    "json": (6, answered(200, HELLO)),
    "stream": (5, answered(200, STREAM)),
    "chat completion": (2, answered(200, TALK, CHAT)),
    "chat stream": (3, answered(200, {**TALK, "stream": True}, CHAT)),
    "chat stream is cut": (1, answered(200, {**talk("simulate: cut=3"), "stream": True}, CHAT)),
    "embeddings": (2, answered(200, {"model": ADA, "input": ["x"] * 20}, "/embeddings")),
    "long stream": (1, answered(200, told(STREAM, "pause=0.005 events=200"))),
    "kept connection": (2, kept_connection),
    "refused by policy": (3, answered(400, {**HELLO, "store": True})),
    "a body of 1 MB": (1, answered(200, BIG)),
    "provider fails": (2, answered(500, told(HELLO, "status=500"))),
    "provider cuts the line": (1, answered(500, told(HELLO, "garbage"))),
    "stream is cut": (2, answered(200, told(STREAM, "cut=3"))),
    "caller leaves": (2, leaving),
    "caller talks on": (1, talking_on),
    "explicit proxy": (2, explicit_proxy),
}


class Load:
    """``calls`` and ``lost`` by kind, as they stand; ``why`` the first faults met."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.why: list[str] = []
        self._seeds = itertools.count()

    def run(self, seconds: float, each: Callable[[], object]) -> None:
        """Calls ``each`` about every second meanwhile."""
        workers = [threading.Thread(target=self._work) for _ in range(AT_ONCE)]
        for worker in workers:
            worker.start()
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                time.sleep(min(1.0, seconds / 20))
                each()
        finally:
            self._stop.set()
            for worker in workers:
                worker.join()
            self._stop.clear()

    def _work(self) -> None:
        chosen = random.Random(next(self._seeds))
        names, weights = list(KINDS), [weight for weight, _ in KINDS.values()]
        while not self._stop.is_set():
            (name,) = chosen.choices(names, weights)
            try:
                calls = KINDS[name][1](self._target)
            except Exception as error:  # noqa: BLE001 - counted, told, and the load goes on
                with self._lock:
                    self.lost[name] += 1
                    self.why.append(f"{name}: {error!r}"[:300])
            else:
                with self._lock:
                    self.calls[name] += calls
