"""Rate limits counted in a Redis or Valkey."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from limits.aio.storage import RedisStorage
from limits.errors import StorageError
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError

from addons.foundry.rate_window import REMEMBERED
from addons.gates.counting import StoreUnavailableError
from addons.values.secret import Secret, SecretError

DEADLINE: Final = 0.5  # seconds for one exchange with the store, however many counters it touches
CONNECTIONS: Final = 32
PREFIX: Final = "foundry-sidecar"


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


async def _read(storage: RedisStorage, keys: Sequence[str]) -> list[int]:
    return list(await asyncio.gather(*(storage.get(key) for key in keys)))


async def _add(storage: RedisStorage, amounts: Mapping[str, int]) -> list[int]:
    return list(await asyncio.gather(*(storage.incr(key, REMEMBERED, amount) for key, amount in amounts.items())))
