"""A caller that sends much and reads nothing: it is read no further, and others have their turn."""

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from addons.exchange.caller_connection import MOST_TURNS
from addons.exchange.observing import Observer, Observers
from addons.exchange.pace import MOST_AHEAD, MOST_UNREAD
from addons.exchange.services import Services
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, SettingsMaker
from tests.proxy.client import read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.proxy.test_odd_http import IN_CHUNKS, head
from tests.records import Records

READ_AT_ONCE = 65_536
REFUSED = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"

REQUESTS = [
    pytest.param(request_bytes(), id="served"),
    pytest.param(REFUSED, id="refused"),
    pytest.param(request_bytes(target="/nothing"), id="refused, with a body"),
]


@contextmanager
def never_reading(port: int) -> Iterator[socket.socket]:
    """The kernel takes next to nothing of the answers for it."""
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.settimeout(2)
        caller.connect(("127.0.0.1", port))
        yield caller


def pour(caller: socket.socket, request: bytes, most: int) -> int:
    """Bytes that were taken until none had been for two seconds, or ``most``."""
    sent, blob = 0, memoryview(request * (1_000_000 // len(request)))
    with contextlib.suppress(TimeoutError):
        while sent < most:
            sent += caller.send(blob[sent % len(blob) :])
    return sent


def held(sidecar: RunningSidecar) -> tuple[int, int]:
    """Bytes that wait for the one caller's socket, and requests that wait for their turn."""

    def look() -> tuple[int, int]:
        (caller,) = sidecar.part("sidecar-listener").callers
        return caller.unsent, len(caller._reader.requests)

    return sidecar.on_loop(look)


def statuses(caller: socket.socket, count: int) -> list[int]:
    """Of as many answers."""
    read = b""
    while len(found := re.findall(rb"HTTP/1\.1 (\d{3}) [^}]*}[^}]*}}", read)) < count:
        read += caller.recv(READ_AT_ONCE)
    return [int(status) for status in found]


@pytest.mark.parametrize("request_", REQUESTS)
def test_of_a_caller_that_never_reads_little_is_held(sidecar: RunningSidecar, request_: bytes) -> None:
    with never_reading(sidecar.port) as caller:
        sent = pour(caller, request_, 60_000_000)
        unsent, waiting = held(sidecar)
    assert sent < 60_000_000
    assert unsent < 2 * MOST_UNREAD + MOST_TURNS * 3000
    assert waiting * len(request_) < MOST_AHEAD + 4 * READ_AT_ONCE


def test_it_is_cut_when_it_has_taken_nothing_in_its_time(make_settings: SettingsMaker, records: Records) -> None:
    with (
        RunningSidecar(make_settings(listen={"write_seconds": 0.5})) as sidecar,
        never_reading(sidecar.port) as caller,
    ):
        with contextlib.suppress(ConnectionError):
            pour(caller, REFUSED, 60_000_000)
        (told,) = records.wait("answers_not_taken")
        with pytest.raises(ConnectionError):
            pour(caller, REFUSED, 60_000_000)
    assert told["seconds"] == 0.5


def test_who_reads_late_gets_every_answer_in_turn(sidecar: RunningSidecar) -> None:
    many = 3000
    with never_reading(sidecar.port) as caller:
        caller.settimeout(20)
        caller.sendall(REFUSED * many)
        time.sleep(0.5)
        assert statuses(caller, many) == [404] * many


def test_one_that_hangs_up_is_noticed_though_it_is_not_read(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records
) -> None:
    """What it sent ahead stands before its end, and fits into the kernel's buffers."""
    provider.script("hang")
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
        caller.sendall(request_bytes())
        (call,) = provider.wait_for_calls(1)
        caller.sendall(request_bytes(b"x" * MOST_AHEAD))
    assert call.hung_up.wait(20)
    (record,) = records.wait()
    assert record["call.outcome"] == "caller_gone"


class _InARow(Observer):
    """The most exchanges that were begun before the event loop turned to anything else."""

    def __init__(self) -> None:
        self.most = self._now = 0

    def opened(self, exchange: Any) -> None:
        if self._now == 0:
            asyncio.get_running_loop().call_soon(self._turn)
        self._now += 1
        self.most = max(self.most, self._now)

    def _turn(self) -> None:
        self._now = 0


def test_others_have_their_turn_between_the_many_of_one(make_settings: SettingsMaker) -> None:
    row = _InARow()

    def watched(services: Services) -> None:
        services.observers = Observers(row)

    many = READ_AT_ONCE // len(REFUSED)
    with (
        RunningSidecar(make_settings(), alter=watched) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller,
    ):
        caller.sendall(REFUSED * many)
        assert statuses(caller, many) == [404] * many
    assert 1 < row.most <= 2 * MOST_TURNS


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_a_body_in_small_chunks_is_one_like_any_other(
    sidecar: RunningSidecar, provider: SimulatedProvider, size: int
) -> None:
    """However its chunks fall into what is read at once."""
    text = request_bytes({"model": MODEL, "input": "x" * 200_000})
    body = text.partition(b"\r\n\r\n")[2]
    chunks = b"".join(
        b"%x\r\n%b\r\n" % (len(body[at : at + size]), body[at : at + size]) for at in range(0, len(body), size)
    )
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
        caller.sendall(head(IN_CHUNKS) + chunks + b"0\r\n\r\n")
        assert read_reply(caller).status == 200
    (call,) = provider.calls
    assert len(call.body) >= len(body)
