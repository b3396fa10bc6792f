"""Rate limits counted in a Redis or Valkey that many sidecars share."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from addons.foundry.rate_window import REMEMBERED
from addons.gates.counters import StoreUnavailableError
from addons.values.secret import Secret, SecretError

DEADLINE: Final = 0.5  # seconds for one exchange with the store, however many counters it touches
CONNECTIONS: Final = 32
PREFIX: Final = "foundry-sidecar:"


class _NoNumbersError(Exception):
    """The store answered something else: it is none, or keeps something else under these names."""


class RedisCounters:
    """Counts in one Redis or Valkey. Connects when first asked.

    After any error the next call connects again: behind one address another server may have taken over, and the old
    one, still connected, goes on to answer "not me" (READONLY, MOVED) or "not now" (LOADING, MASTERDOWN), or nothing.
    So a ``Secret`` that holds the URL is read again too, where its password is no longer the right one.
    """

    def __init__(self, url: str | Secret, deadline: float = DEADLINE) -> None:
        self._url = url
        self._deadline = deadline
        self._store: Redis | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._connecting = asyncio.Lock()

    async def read(self, keys: Sequence[str]) -> list[int]:
        if not keys:
            return []
        names = [PREFIX + key for key in keys]
        return await self._ask(lambda store: store.mget(names), len(names))

    async def add(self, amounts: Mapping[str, int], seconds: int = REMEMBERED) -> list[int]:
        async def question(store: Redis) -> Sequence[object]:
            async with store.pipeline(transaction=False) as pipeline:
                for key, amount in amounts.items():
                    pipeline.incrby(PREFIX + key, amount)
                    pipeline.expire(PREFIX + key, seconds)
                answers: Sequence[object] = await pipeline.execute(raise_on_error=False)
                totals = answers[::2]
                failed = [each for each in answers if isinstance(each, Exception)]
                if failed:  # a call that is refused must cost nothing
                    for (key, amount), total in zip(amounts.items(), totals, strict=True):
                        if not isinstance(total, Exception):
                            pipeline.decrby(PREFIX + key, amount)
                    await pipeline.execute(raise_on_error=False)
                    raise failed[0]
                return totals

        return await self._ask(question, len(amounts)) if amounts else []

    async def close(self) -> None:
        if self._store is not None:
            self._leave(self._store)
        await asyncio.sleep(0)  # a task that never ran would not come to its end
        for task in self._leaving:
            task.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)

    async def _ask(self, question: Callable[[Redis], Awaitable[Sequence[object]]], count: int) -> list[int]:
        store = None
        try:
            async with asyncio.timeout(self._deadline):
                store = await self._connected()
                return _numbers(await question(store), count)
        except TimeoutError:
            failed = StoreUnavailableError(f"no answer within {self._deadline} s")
        except (RedisError, OSError, _NoNumbersError) as error:
            failed = StoreUnavailableError(type(error).__name__)
        except SecretError as error:
            failed = StoreUnavailableError(f"limits.storage: {error}")
        except ValueError:  # whose own words may hold a part of the URL, and so of the password
            failed = StoreUnavailableError("limits.storage: what it refers to is no redis:// or rediss:// URL")
        if store is not None:
            self._leave(store)
        raise failed from None

    def _leave(self, store: Redis) -> None:
        """Nobody asks this one again; those who did may still have their answer."""
        if self._store is store:
            self._store = None
            task = asyncio.get_running_loop().create_task(self._disconnect(store))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _disconnect(self, store: Redis) -> None:
        try:
            await asyncio.sleep(self._deadline)
        finally:
            await store.connection_pool.disconnect()

    async def _connected(self) -> Redis:
        async with self._connecting:
            if self._store is None:
                url = await asyncio.to_thread(self._url.read) if isinstance(self._url, Secret) else self._url
                pool = BlockingConnectionPool.from_url(
                    url,
                    max_connections=CONNECTIONS,
                    retry=Retry(NoBackoff(), 0),  # a second try might count twice
                )
                self._store = Redis(connection_pool=pool)
            return self._store


def _numbers(answer: object, count: int) -> list[int]:
    if not isinstance(answer, list) or len(answer) != count:
        raise _NoNumbersError
    try:
        return [int(each or 0) for each in answer]
    except (TypeError, ValueError):
        raise _NoNumbersError from None
