"""Where rate limits are counted: in this process, or in a Redis or Valkey that many sidecars share.

Both are storages of the ``limits`` library. Its strategies can't take back what a call was charged too much, so only
its counters are used; the arithmetic is in ``foundry.rate_window``.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from limits.aio.storage import MemoryStorage, Storage

from addons.foundry.rate_window import REMEMBERED


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
        return await read_all(self._storage, keys)

    async def add(self, amounts: Mapping[str, int]) -> list[int]:
        return await add_all(self._storage, amounts)

    async def close(self) -> None:
        """Nothing to end."""


async def read_all(storage: Storage, keys: Sequence[str]) -> list[int]:
    return list(await asyncio.gather(*(storage.get(key) for key in keys)))


async def add_all(storage: Storage, amounts: Mapping[str, int]) -> list[int]:
    return list(await asyncio.gather(*(storage.incr(key, REMEMBERED, amount) for key, amount in amounts.items())))
