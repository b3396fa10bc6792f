"""Both stores count the same, and one that is away says so in time."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from addons.gates.counters import Counters, StoreUnavailableError
from addons.usage.memory_counters import MemoryCounters
from addons.usage.redis_counters import RedisCounters
from addons.usage.storage import build_counters
from addons.values.secret import Secret
from tests.usage.address import Address
from tests.usage.server import Store
from tests.waiting import LONGEST


@pytest.fixture(params=["memory", "redis"])
def make_counters(request: pytest.FixtureRequest) -> Iterator[Callable[[], Counters]]:
    if request.param == "memory":
        yield MemoryCounters
    else:
        store: Store = request.getfixturevalue("store")
        yield lambda: RedisCounters(store.url, deadline=20)


def run[T](counters: Counters, work: Callable[[Counters], Awaitable[T]]) -> T:
    async def main() -> T:
        try:
            return await work(counters)
        finally:
            await counters.close()

    return asyncio.run(main())


def test_counting(make_counters: Callable[[], Counters]) -> None:
    async def work(counters: Counters) -> None:
        assert await counters.read(["a", "b"]) == [0, 0]
        assert await counters.add({"a": 5, "b": 1}) == [5, 1]
        assert await counters.add({"b": 2, "a": -3}) == [3, 2]
        assert await counters.read(["b", "c", "a"]) == [3, 0, 2]
        assert await counters.add({}) == []
        assert await counters.read([]) == []

    run(make_counters(), work)


def test_what_is_given_back_to_a_forgotten_counter_is_kept_as_it_is(make_counters: Callable[[], Counters]) -> None:
    async def work(counters: Counters) -> None:
        assert await counters.add({"gone": -3}) == [-3]
        assert await counters.add({"gone": 4}) == [1]

    run(make_counters(), work)


def test_each_of_many_at_once_sees_a_total_of_its_own(make_counters: Callable[[], Counters]) -> None:
    async def work(counters: Counters) -> None:
        totals = await asyncio.gather(*(counters.add({"a": 1, "b": 10}) for _ in range(200)))
        ones, tens = zip(*totals, strict=True)  # each counter for itself: two are not added to in one step
        assert sorted(ones) == list(range(1, 201))
        assert sorted(tens) == list(range(10, 2001, 10))

    run(make_counters(), work)


def test_two_sidecars_share_one_store(store: Store) -> None:
    for total in (1, 2):
        assert run(RedisCounters(store.url), lambda counters: counters.add({"a": 1})) == [total]


def test_memory_forgets_what_counts_no_more() -> None:
    now = 1000.0
    counters = MemoryCounters(lambda: now)

    async def work(counters: Counters) -> list[int]:
        return [*await counters.add({"old": 1, "young": 2}), *await counters.read(["old", "young", "older"])]

    assert run(counters, work) == [1, 2, 1, 2, 0]
    now += 60
    assert run(counters, lambda counters: counters.add({"young": 1, "new": 5})) == [3, 5]
    now += 120
    assert run(counters, lambda counters: counters.read(["old", "young", "new"])) == [0, 0, 5]
    now += 60
    assert run(counters, lambda counters: counters.add({"new": 1})) == [1]


def test_counters_are_forgotten(store: Store) -> None:
    run(RedisCounters(store.url), lambda counters: counters.add({"a": 1}))
    assert 170 <= int(store.say("TTL foundry-sidecar:a").removeprefix(":")) <= 180


async def _fails(counters: Counters) -> str:
    with pytest.raises(StoreUnavailableError) as caught:
        await counters.read(["a"])
    with pytest.raises(StoreUnavailableError):
        await counters.add({"a": 1})
    return str(caught.value)


def test_a_store_that_is_gone_and_comes_back(own_store: Store) -> None:
    async def work(counters: Counters) -> None:
        assert await counters.add({"a": 1}) == [1]
        own_store.kill()
        assert str(own_store.port) not in await _fails(counters)
        own_store.start()
        assert await counters.add({"a": 1}) == [1]

    run(RedisCounters(own_store.url, deadline=20), work)


def test_a_store_that_says_nothing_is_waited_for_no_longer_than_the_deadline(own_store: Store) -> None:
    async def work(counters: Counters) -> None:
        assert await counters.add({"a": 1}) == [1]
        own_store.freeze()
        assert await _fails(counters) == "no answer within 0.2 s"
        own_store.thaw()

    run(RedisCounters(own_store.url, deadline=0.2), work)


def test_a_store_that_was_never_there(own_store: Store) -> None:
    own_store.kill()
    run(RedisCounters(own_store.url), _fails)


SPOILT = {
    "another type": "RPUSH {} x",
    "no number": "SET {} x",
    "a number that is none": "SET {} 1.5",
    "as high as there is": "SET {} 9223372036854775807",
}
"""What somebody else may put under a counter's name."""


@pytest.mark.parametrize("command", SPOILT.values(), ids=SPOILT)
def test_what_can_not_be_added_whole_is_not_added(store: Store, command: str) -> None:
    assert not store.say(command.format("foundry-sidecar:b")).startswith("-")

    async def work(counters: Counters) -> None:
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                await counters.add({"a": 5, "b": 1, "c": -3})
        assert await counters.read(["a", "c"]) == [0, 0]
        assert await counters.add({"a": 5}) == [5]

    run(RedisCounters(store.url, deadline=20), work)


NOT_NOW = {
    "demoted, another's replica now": ("REPLICAOF 127.0.0.1 1", "ReadOnlyError"),
    "out of memory": ("CONFIG SET maxmemory 1", "OutOfMemoryError"),
    "too few replicas": ("CONFIG SET min-replicas-to-write 1", "ResponseError"),
    "users were changed": ("ACL SETUSER default -@all +acl", "NoPermissionError"),
}
"""What makes a server answer "not me" or "not now", though it is there and connected."""


@pytest.mark.parametrize("case", NOT_NOW)
def test_another_server_takes_over_behind_the_address(tmp_path: Path, case: str) -> None:
    command, error = NOT_NOW[case]
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    with Store(tmp_path / "old") as old, Store(tmp_path / "new") as new, Address(old.port) as address:

        async def work(counters: Counters) -> None:
            assert await counters.add({"a": 1}) == [1]
            await asyncio.gather(*(counters.read(["a"]) for _ in range(5)))
            address.point_to(new.port)
            assert await counters.add({"a": 1}) == [2]  # still connected to the old one
            assert old.say(command) == "+OK"
            under_way = await asyncio.gather(*(counters.add({"a": 1}) for _ in range(5)), return_exceptions=True)
            assert any(isinstance(each, StoreUnavailableError) and str(each) == error for each in under_way)
            assert await counters.add({"b": 1}) == [1]
            assert await counters.add({"b": 1}) == [2]

        run(RedisCounters(f"redis://127.0.0.1:{address.port}/0", deadline=20), work)


def test_a_server_that_stays_so_fails_each_call_and_is_dialled_anew(own_store: Store) -> None:
    async def work(counters: Counters) -> None:
        assert own_store.say("REPLICAOF 127.0.0.1 1") == "+OK"
        for _ in range(3):
            assert await counters.read(["a"]) == [0]  # a replica answers: only a write tells
            with pytest.raises(StoreUnavailableError, match="ReadOnlyError"):
                await counters.add({"a": 1})
        assert own_store.say("REPLICAOF NO ONE") == "+OK"
        assert await counters.add({"a": 1}) == [1]

    run(RedisCounters(own_store.url, deadline=20), work)
    deadline = time.monotonic() + LONGEST
    while "connected_clients:1" not in own_store.info("clients"):  # which is the one that asks
        assert time.monotonic() < deadline, own_store.info("clients")


def test_a_password_that_changes(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    with Store(tmp_path, "--requirepass", "old") as store:
        secret.write_text(f"redis://:old@127.0.0.1:{store.port}/0")

        async def work(counters: Counters) -> None:
            assert await counters.add({"a": 1}) == [1]
            store.kill()
            store.change("--requirepass", "new")
            store.start()
            assert "old" not in await _fails(counters)
            secret.write_text(f"redis://:new@127.0.0.1:{store.port}/0")
            assert await counters.add({"a": 1}) == [1]

        run(RedisCounters(Secret(file=secret), deadline=20), work)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "can't be read"), ("nonsense", "limits.storage"), ("redis://:hunter2/x@y", "no redis:// or")],
)
def test_a_reference_to_no_url(tmp_path: Path, content: str | None, words: str) -> None:
    secret = tmp_path / "url"
    if content:
        secret.write_text(content)
    message = run(RedisCounters(Secret(file=secret)), _fails)
    assert words in message
    assert "hunter2" not in message


@pytest.mark.parametrize("answer", ["+OK", ":1", "*1\r\n:1", "*2\r\n:1\r\n$1\r\nx", "*2\r\n:1\r\n*1\r\n:1"])
def test_what_answers_no_numbers_is_no_store(answer: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(4096):
            for command in re.findall(rb"\*\d+\r\n\$\d+\r\n(\w+)", asked):
                writer.write((answer if command == b"MGET" else "+OK").encode() + b"\r\n")
        writer.close()

    async def work() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        counters = RedisCounters(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", deadline=20)
        with pytest.raises(StoreUnavailableError, match="NoNumbersError"):
            await counters.read(["a", "b"])
        await counters.close()
        server.close()

    asyncio.run(work())


def test_what_may_have_been_counted_is_not_asked_for_again() -> None:
    """The store has taken the command, and is gone before it answers."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (said := await reader.read(4096)) and b"INCRBY" not in said:
            writer.write(b"+OK\r\n" * len(re.findall(rb"\*\d+\r\n", said)))
        asked.append(said)
        writer.close()

    async def work() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        counters = RedisCounters(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", deadline=20)
        with pytest.raises(StoreUnavailableError):
            await counters.add({"a": 1})
        await counters.close()
        server.close()

    asyncio.run(work())
    assert sum(b"INCRBY" in each for each in asked) == 1


def test_the_settings_choose() -> None:
    assert isinstance(build_counters("memory"), MemoryCounters)
    assert isinstance(build_counters("redis://127.0.0.1:1"), RedisCounters)
    assert isinstance(build_counters(Secret(env="STORE")), RedisCounters)


def test_memory_keeps_each_counter_for_its_own_time() -> None:
    now = 1000.0
    counters = MemoryCounters(lambda: now)
    run(counters, lambda counters: counters.add({"month": 1}, 1000))
    run(counters, lambda counters: counters.add({"minute": 1}))
    now += 200
    assert run(counters, lambda counters: counters.read(["month", "minute"])) == [1, 0]
    now += 800
    assert run(counters, lambda counters: counters.read(["month", "minute"])) == [0, 0]


def test_a_shared_counter_is_kept_for_its_own_time(store: Store) -> None:
    run(RedisCounters(store.url), lambda counters: counters.add({"a": 1}, 1000))
    assert 990 <= int(store.say("TTL foundry-sidecar:a").removeprefix(":")) <= 1000
