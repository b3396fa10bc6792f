"""Where rate limits are counted: in this process, or in a Redis or Valkey that many sidecars share.

Both are storages of the ``limits`` library. Its strategies can't take back what a call was charged too much, so only
its counters are used; the arithmetic is in ``foundry.rate_window``.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.errors import StorageError
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError

from addons.foundry.rate_window import REMEMBERED
from addons.secret import Secret, SecretError

DEADLINE: Final = 0.5  # seconds for one exchange with the store, however many counters it touches
CONNECTIONS: Final = 32
PREFIX: Final = "foundry-sidecar"


class StoreUnavailableError(Exception):
    """The counters can't be had. The message is fit for a log: it holds no address or password."""


class Counters(Protocol):
    """Whole numbers by key that forget themselves after ``REMEMBERED`` seconds. Both raise StoreUnavailableError."""

    async def read(self, keys: Sequence[str]) -> list[int]:
        """The counters as they stand; 0 where there is none."""

    async def add(self, amounts: Mapping[str, int]) -> list[int]:
        """Adds to each counter, each atomically, and returns what they stand at then. Amounts may be negative."""

    async def close(self) -> None:
        """Ends connections; counters may be used again afterwards."""


class MemoryCounters:
    """Counts of this process alone."""

    def __init__(self) -> None:
        self._storage = MemoryStorage()

    async def read(self, keys: Sequence[str]) -> list[int]:
        return await _read(self._storage, keys)

    async def add(self, amounts: Mapping[str, int]) -> list[int]:
        return await _add(self._storage, amounts)

    async def close(self) -> None:
        """Nothing to end."""


class RedisCounters:
    """Counts in one Redis or Valkey. Connects when first asked; a connection that was lost is made anew.

    A ``Secret`` holds the URL; it is read again when the password in it is no longer the right one.
    """

    def __init__(self, url: str | Secret, deadline: float = DEADLINE) -> None:
        self._url = url
        self._deadline = deadline
        self._pool: BlockingConnectionPool | None = None
        self._storage: RedisStorage | None = None
        self._connecting = asyncio.Lock()

    async def read(self, keys: Sequence[str]) -> list[int]:
        return await self._ask(_read, keys)

    async def add(self, amounts: Mapping[str, int]) -> list[int]:
        return await self._ask(_add, amounts)

    async def close(self) -> None:
        pool, self._pool, self._storage = self._pool, None, None
        if pool is not None:
            await pool.disconnect()

    async def _ask(self, question: Any, about: Any) -> list[int]:
        try:
            async with asyncio.timeout(self._deadline):
                answer: list[int] = await question(await self._connected(), about)
                return answer
        except TimeoutError:
            raise StoreUnavailableError(f"no answer within {self._deadline} s") from None
        except (StorageError, OSError) as error:
            cause = error.__cause__ or error
            if isinstance(cause, AuthenticationError):
                await self.close()
            raise StoreUnavailableError(type(cause).__name__) from None
        except SecretError as error:
            raise StoreUnavailableError(f"limits.storage: {error}") from None
        except ValueError:  # whose own words may hold a part of the URL, and so of the password
            raise StoreUnavailableError("limits.storage: what it refers to is no redis:// or rediss:// URL") from None

    async def _connected(self) -> RedisStorage:
        async with self._connecting:
            if self._storage is None:
                url = await asyncio.to_thread(self._url.read) if isinstance(self._url, Secret) else self._url
                self._pool = BlockingConnectionPool.from_url(
                    url,
                    max_connections=CONNECTIONS,
                    timeout=self._deadline,
                    retry=Retry(NoBackoff(), 0),  # a second try might count twice
                )
                self._storage = RedisStorage(
                    "async+redis://",
                    wrap_exceptions=True,
                    implementation="redispy",
                    key_prefix=PREFIX,
                    connection_pool=self._pool,  # type: ignore[arg-type]  # as its documentation says, not its types
                )
            return self._storage


async def _read(storage: Storage, keys: Sequence[str]) -> list[int]:
    return list(await asyncio.gather(*(storage.get(key) for key in keys)))


async def _add(storage: Storage, amounts: Mapping[str, int]) -> list[int]:
    return list(await asyncio.gather(*(storage.incr(key, REMEMBERED, amount) for key, amount in amounts.items())))


def build(storage: str | Secret) -> Counters:
    """The counters that ``limits.storage`` names."""
    return MemoryCounters() if storage == "memory" else RedisCounters(storage)
