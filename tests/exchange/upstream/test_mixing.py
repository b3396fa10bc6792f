"""No call ever gets another's answer, whatever became of the calls before it on the same connections.

What no client can tell: bytes that a provider sends behind an answer only when the next request is already on its
way look like the answer to that one.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.exchange.upstream.connection import UpstreamConnection
from addons.exchange.upstream.destination import Destination
from addons.exchange.upstream.pool import UpstreamPool
from addons.simulator.certificates import LOOPBACK, Authority
from tests.exchange.upstream.counted import busy, idle
from tests.exchange.upstream.provider import Provider, Step, Told, destination, request, serving, until

ENDINGS: Final = ("length", "chunks", "none", "close", "until close", "behind", "cut", "reset", "garbage")
WAYS: Final = ("to the end", "abort at once", "abort at the head", "abort at data", "abort late", "cancel")


def script(ending: str, own: bytes) -> Sequence[Step]:
    """An answer that holds ``own`` and nobody else's, and how it ends."""
    head = b"HTTP/1.1 200 OK\r\nX-Own: " + own + b"\r\n"
    sized = head + b"Content-Length: %d\r\n\r\n" % len(own)
    stray = b"HTTP/1.1 200 OK\r\nX-Own: stray\r\nContent-Length: 5\r\n\r\nstray"
    in_chunks = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(own), own)
    found: dict[str, Sequence[Step]] = {
        "length": [sized, own, "keep"],
        "chunks": [in_chunks, b"0\r\n\r\n", "keep"],
        "none": [b"HTTP/1.1 204 No\r\nX-Own: " + own + b"\r\n\r\n", "keep"],
        "close": [sized.replace(b"OK", b"OK\r\nConnection: close") + own, "keep"],
        "until close": [head + b"\r\n" + own, "close"],
        "behind": [sized + own + stray, "keep"],
        "cut": [sized, own[:1], "cut"],
        "reset": [in_chunks, "reset"],
        "garbage": [stray[:8] + b"?", "keep"],
    }
    return found[ending]


@pytest.fixture(scope="module")
def authority(certificates: Path) -> Authority:
    return Authority(certificates / "upstream")


class Caller(Told):
    """One that hangs up when it has been told of ``at``."""

    def __init__(self, at: str | None) -> None:
        super().__init__()
        self.connection: UpstreamConnection | None = None
        self.done = asyncio.Event()
        self._at = at

    def _note(self, what: str) -> None:
        super()._note(what)
        if what in {self._at, "ended"}:
            assert self.connection
            self.connection.abort()  # by its end, too: as every caller does when it has done
            self.done.set()


async def one(pool: UpstreamPool, where: Destination, number: int, way: str, told: Caller) -> None:
    connection = told.connection = await pool.connect(where)
    try:
        connection.send(request(f"/{number}"), told)
        if way != "abort at once":
            await told.done.wait()
        if way == "abort late":
            await asyncio.sleep(0.002)
    finally:
        connection.abort()


async def call(pool: UpstreamPool, where: Destination, number: int, planned: tuple[str, str, int]) -> None:
    ending, way, delay = planned
    own = b"own-%d" % number
    told = Caller({"abort at the head": "head", "abort at data": "data"}.get(way))
    await asyncio.sleep(delay / 1000)
    task = asyncio.create_task(one(pool, where, number, way, told))
    if way == "cancel":
        await asyncio.sleep(delay / 500)
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert told.payload == own[: len(told.payload)]
    assert told.status is None or (b"X-Own", own) in told.headers
    if told.over.is_set() and told.failure is None:
        assert told.payload == (b"" if ending == "none" else own)


@settings(max_examples=60)
@given(
    calls=st.lists(
        st.tuples(st.sampled_from(ENDINGS), st.sampled_from(WAYS), st.integers(0, 4)), min_size=2, max_size=14
    ),
    most=st.integers(1, 3),
)
def test_each_call_gets_its_own_answer_or_none(
    authority: Authority, calls: list[tuple[str, str, int]], most: int
) -> None:
    async def run() -> None:
        scripts = {f"/{number}": script(ending, b"own-%d" % number) for number, (ending, _, _) in enumerate(calls)}
        pool = UpstreamPool(idle_seconds=60, most=most, wait_seconds=30)
        async with serving(Provider(scripts), authority.server_context(LOOPBACK)) as provider, asyncio.timeout(60):
            where = destination(provider.port, authority.file)
            await asyncio.gather(*(call(pool, where, number, each) for number, each in enumerate(calls)))
            assert busy(pool) == 0
            assert idle(pool) <= most
            await pool.close()
            assert idle(pool) == 0
            await until(lambda: not provider.open)

    asyncio.run(run())
