"""Who gets which connection, who waits, and how long idle ones live."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from addons.exchange.upstream.connection import UpstreamConnection
from addons.exchange.upstream.destination import Destination, EgressProxy, Trust
from addons.exchange.upstream.failure import FailureKind, UpstreamFailure
from addons.exchange.upstream.pool import UpstreamPool
from addons.simulator.certificates import LOOPBACK, Authority
from tests.exchange.upstream.cancelling import When, cancelled_at
from tests.exchange.upstream.counted import busy, idle, lent
from tests.exchange.upstream.provider import Provider, Step, Told, destination, request, serving, until

HI: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
SCRIPTS: Final[dict[str, Sequence[Step]]] = {
    "/": [HI, "keep"],
    "/later": [HI, "wait", "close"],
    "/later-cut": [HI, "wait", "cut"],
    "/later-reset": [HI, "wait", "reset"],
    "/later-bytes": [HI, "wait", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "keep"],
    "/stuck": ["wait", HI, "keep"],
}


@pytest.fixture(scope="module")
def authority(certificates: Path) -> Authority:
    return Authority(certificates / "upstream")


@dataclass
class Stage:
    provider: Provider
    pool: UpstreamPool
    where: Destination

    async def ask(self, target: str = "/", where: Destination | None = None) -> Told:
        told = Told()
        (await self.pool.connect(where or self.where)).send(request(target), told)
        await told.over.wait()
        return told

    async def start(self, target: str) -> tuple[UpstreamConnection, Told]:
        connection, told = await self.pool.connect(self.where), Told()
        connection.send(request(target), told)
        return connection, told


@asynccontextmanager
async def staged(
    authority: Authority, *, idle_seconds: float = 60, most: int = 2, wait_seconds: float = 20
) -> AsyncIterator[Stage]:
    pool = UpstreamPool(idle_seconds=idle_seconds, most=most, wait_seconds=wait_seconds)
    async with serving(Provider(SCRIPTS), authority.server_context(LOOPBACK)) as provider, asyncio.timeout(60):
        yield Stage(provider, pool, destination(provider.port, authority.file))
        assert busy(pool) == 0
        await pool.close()
        assert idle(pool) == 0
        provider.go.set()
        await until(lambda: not provider.open)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_one_connection_serves_call_after_call(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority) as stage:
            for _ in range(5):
                assert (await stage.ask()).payload == b"hi"
                assert (idle(stage.pool), busy(stage.pool), lent(stage.pool)) == (1, 0, 0)
            assert stage.provider.dialled == 1

    run(test())


def test_a_connection_tells_whether_it_had_served_before(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority) as stage:
            for reused in (False, True, True):
                connection, told = await stage.start("/")
                await told.over.wait()
                assert connection.reused is reused

    run(test())


def test_the_one_used_last_is_taken_first(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority) as stage:
            both = [await stage.start("/stuck"), await stage.start("/stuck")]
            assert (idle(stage.pool), busy(stage.pool), lent(stage.pool)) == (0, 2, 2)
            stage.provider.go.set()
            for _, told in both:
                await told.over.wait()
            assert (idle(stage.pool), busy(stage.pool)) == (2, 0)
            last = (await stage.ask(), stage.provider.requests[-1][0])[1]
            for _ in range(3):
                await stage.ask()
            assert {number for number, target in stage.provider.requests if target == "/"} == {last}

    run(test())


OTHERS: Final[dict[str, Callable[[Destination, Authority], Destination]]] = {
    "another group": lambda one, _: Destination("eu", one.address, one.name, one.trust),
    "another name": lambda one, _: Destination(one.group, one.address, "127.0.0.1", one.trust),
    "another address": lambda one, _: Destination(one.group, ("localhost", one.address[1]), one.name, one.trust),
    "another trust": lambda one, own: Destination(one.group, one.address, one.name, Trust(own.file.read_bytes() * 2)),
}


@pytest.mark.parametrize("other", OTHERS)
def test_calls_to_different_destinations_share_no_connection(authority: Authority, other: str) -> None:
    async def test() -> None:
        async with staged(authority) as stage:
            elsewhere = OTHERS[other](stage.where, authority)
            for _ in range(2):
                await stage.ask()
                await stage.ask(where=elsewhere)
            assert stage.provider.dialled == 2
            assert [number for number, _ in stage.provider.requests] == [1, 2, 1, 2]

    run(test())


def test_destinations_by_another_proxy_or_password_are_different(authority: Authority) -> None:
    trust = Trust.load(authority.file)
    proxies = (None, EgressProxy("a", 1), EgressProxy("a", 2), EgressProxy("a", 1, b"Basic x"))
    assert len({Destination("global", ("a", 1), "a", trust, proxy) for proxy in proxies}) == len(proxies)
    assert Destination("global", ("a", 1), "a", trust) == Destination(
        "global", ("a", 1), "a", Trust.load(authority.file)
    )


@pytest.mark.parametrize("way", ["/later", "/later-cut", "/later-reset", "/later-bytes"])
def test_what_an_idle_connection_says_ends_it(authority: Authority, way: str) -> None:
    async def test() -> None:
        async with staged(authority) as stage:
            await stage.ask(way)
            assert idle(stage.pool) == 1
            stage.provider.go.set()
            await until(lambda: idle(stage.pool) == 0)
            assert (await stage.ask()).payload == b"hi"
            assert stage.provider.dialled == 2

    run(test())


@pytest.mark.parametrize("way", ["/later", "/later-cut", "/later-reset", "/later-bytes"])
def test_a_stale_connection_is_noticed_though_the_event_loop_has_not_seen_it(authority: Authority, way: str) -> None:
    async def test() -> None:
        async with staged(authority) as stage:
            await stage.ask(way)
            [pool] = stage.pool._pools.values()
            [one] = pool.idle
            one.pause_reading()  # as if the loop were busy
            stage.provider.go.set()
            await until(lambda: not one.silent())
            assert (await stage.ask()).payload == b"hi"
            assert stage.provider.dialled == 2
            assert idle(stage.pool) == 1

    run(test())


def test_who_comes_when_all_are_busy_waits_in_turn(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority) as stage:
            both = [await stage.start("/stuck"), await stage.start("/stuck")]
            got: list[int] = []

            async def call(number: int) -> None:
                connection = await stage.pool.connect(stage.where)
                got.append(number)
                told = Told()
                connection.send(request("/"), told)
                await told.over.wait()

            tasks = [asyncio.create_task(call(number)) for number in range(6)]
            await asyncio.sleep(0.01)
            assert got == []
            stage.provider.go.set()
            await asyncio.gather(*tasks)
            for _, told in both:
                await told.over.wait()
            assert got == [0, 1, 2, 3, 4, 5]
            assert stage.provider.dialled == 2

    run(test())


def test_who_waits_gets_the_turn_of_a_connection_that_ended(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority, most=1) as stage:
            connection, _ = await stage.start("/stuck")
            waiting = asyncio.create_task(stage.ask())
            await asyncio.sleep(0.01)
            connection.abort()
            assert (await waiting).payload == b"hi"
            assert stage.provider.dialled == 2

    run(test())


@pytest.mark.parametrize("wait_seconds", [0, 0.02])
def test_waiting_has_an_end(authority: Authority, wait_seconds: float) -> None:
    async def test() -> None:
        async with staged(authority, most=1, wait_seconds=wait_seconds) as stage:
            connection, _ = await stage.start("/stuck")
            with pytest.raises(UpstreamFailure, match="all 1 connections stayed busy") as raised:
                await stage.pool.connect(stage.where)
            assert (raised.value.kind, raised.value.written) == (FailureKind.NO_CONNECTION_FREE, False)
            connection.abort()
            assert (await stage.ask()).payload == b"hi"

    run(test())


def test_a_dial_that_fails_gives_its_turn_to_the_next(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority, most=1) as stage:
            nobody = Destination("global", ("127.0.0.1", 1), "localhost", stage.where.trust)
            found = await asyncio.gather(*(stage.pool.connect(nobody) for _ in range(4)), return_exceptions=True)
            assert [isinstance(each, UpstreamFailure) and each.kind for each in found] == [FailureKind.UNREACHABLE] * 4

    run(test())


@pytest.mark.parametrize("when", ["waiting", "woken"])
@pytest.mark.parametrize("way", ["/stuck", "abort"])
def test_who_stops_waiting_keeps_no_turn(authority: Authority, when: When, way: str) -> None:
    async def test() -> None:
        async with staged(authority, most=1) as stage:
            connection, told = await stage.start("/stuck")
            given_up = asyncio.ensure_future(cancelled_at(stage.pool.connect(stage.where), 1, when))
            behind = asyncio.create_task(stage.ask())
            await asyncio.sleep(0.01)
            if way == "abort":
                connection.abort()
            else:
                stage.provider.go.set()
                await told.over.wait()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            assert (await behind).payload == b"hi"
            assert (await stage.ask()).payload == b"hi"

    run(test())


def test_a_turn_passes_over_who_was_cancelled_in_the_same_moment(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority, most=1) as stage:
            connection, _ = await stage.start("/stuck")
            given_up, behind = (asyncio.create_task(stage.ask()) for _ in range(2))
            await asyncio.sleep(0.01)
            given_up.cancel()
            connection.abort()
            assert (await behind).payload == b"hi"
            assert given_up.cancelled()

    run(test())


def test_nothing_is_kept_of_who_waited_in_vain(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority, most=1, wait_seconds=0) as stage:
            connection, _ = await stage.start("/stuck")
            for _ in range(5):
                with pytest.raises(UpstreamFailure):
                    await stage.pool.connect(stage.where)
            [pool] = stage.pool._pools.values()
            assert not pool._waiting
            connection.abort()

    run(test())


def test_idle_connections_live_for_their_seconds(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority, idle_seconds=0.05) as stage:
            await stage.ask()
            assert idle(stage.pool) == 1
            await until(lambda: idle(stage.pool) == 0)
            await until(lambda: stage.provider.open == 0)
            assert (await stage.ask()).payload == b"hi"
            assert stage.provider.dialled == 2
            await until(lambda: not stage.pool._pools)  # and nothing is kept of the destination
            assert stage.pool._timer is None
            await stage.ask()

    run(test())


def test_less_than_a_second_is_no_second(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority, idle_seconds=0.25) as stage:
            await stage.ask()
            assert stage.pool._timer is not None
            assert stage.pool._timer.when() <= asyncio.get_running_loop().time() + 0.25

    run(test())


def test_the_oldest_idle_one_goes_first(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        clock = loop.time

        def is_later(seconds: float) -> None:
            monkeypatch.setattr(loop, "time", lambda: clock() + seconds)

        async with staged(authority, idle_seconds=40) as stage:
            both = [await stage.start("/stuck"), await stage.start("/stuck")]
            stage.provider.go.set()
            for _, told in both:
                await told.over.wait()
            is_later(20)
            await stage.ask()
            used = stage.provider.requests[-1][0]
            assert idle(stage.pool) == 2
            is_later(41)
            await until(lambda: idle(stage.pool) == 1)
            await stage.ask()
            assert stage.provider.requests[-1][0] == used

    run(test())


def test_none_are_kept_for_no_seconds(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority, idle_seconds=0) as stage:
            await stage.ask()
            assert idle(stage.pool) == 0
            await stage.ask()
            assert stage.provider.dialled == 2

    run(test())


def test_connections_of_destinations_no_longer_wanted_close(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority) as stage:
            other = Destination("eu", stage.where.address, stage.where.name, stage.where.trust)
            await stage.ask(where=other)
            _, told = await stage.start("/stuck")
            await stage.ask()  # a second one, idle by now
            stage.pool.forget(lambda each: each != stage.where)
            assert (idle(stage.pool), busy(stage.pool)) == (1, 1)
            stage.provider.go.set()
            await told.over.wait()
            assert told.payload == b"hi"
            assert (idle(stage.pool), busy(stage.pool)) == (1, 0)
            assert (await stage.ask()).payload == b"hi"  # a call that was judged before the change
            assert idle(stage.pool) == 1
            dialled = stage.provider.dialled
            await stage.ask(where=other)
            assert stage.provider.dialled == dialled
            stage.pool.forget(lambda _: True)
            await stage.ask()
            assert idle(stage.pool) == 2

    run(test())


def test_closing_ends_all(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority) as stage:
            await stage.ask()
            _, early = await stage.start("/stuck")
            held = await stage.pool.connect(stage.where)
            waiting = asyncio.create_task(stage.pool.connect(stage.where))
            await until(lambda: len(stage.provider.requests) == 2 and stage.provider.dialled == 2)
            await stage.pool.close()
            assert early.failure
            assert (early.failure.kind, early.failure.written) == (FailureKind.CLOSED, True)
            assert "closed" in early.failure.detail
            nobody = Destination("global", ("127.0.0.1", 1), "localhost", stage.where.trust)  # nor is it dialled
            for connecting in (waiting, stage.pool.connect(nobody)):
                with pytest.raises(UpstreamFailure) as raised:
                    await connecting
                assert raised.value.kind is FailureKind.NO_CONNECTION_FREE
            late = Told()
            held.send(request("/"), late)
            await late.over.wait()
            assert late.failure
            assert not late.failure.written
            assert (idle(stage.pool), busy(stage.pool)) == (0, 0)
            await stage.pool.close()

    run(test())


def test_closing_while_a_connection_is_being_made(authority: Authority) -> None:
    async def test() -> None:
        async with staged(authority) as stage:
            making = asyncio.create_task(stage.pool.connect(stage.where))
            await asyncio.sleep(0)
            assert busy(stage.pool) == 1
            await stage.pool.close()
            with pytest.raises(UpstreamFailure):
                await making
            assert (idle(stage.pool), busy(stage.pool)) == (0, 0)

    run(test())
