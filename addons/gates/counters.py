"""What the gates of limits ask of the store that counts. ``usage`` has two such stores: memory and Redis."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from addons.foundry.rate_window import REMEMBERED


class StoreUnavailableError(Exception):
    """The counters can't be had. The message is fit for a log: it holds no address or password."""


class Counters(Protocol):
    """Whole numbers by key, which expire. Both functions raise StoreUnavailableError."""

    async def read(self, keys: Sequence[str]) -> list[int]:
        """The counters as they stand; 0 where there is none."""

    async def add(self, amounts: Mapping[str, int], seconds: int = REMEMBERED) -> list[int]:
        """Adds to each counter, each atomically, and returns what they stand at then. Amounts may be negative.

        ``seconds``: how long they are kept, by default as limits a minute need them; one counter always says the same.
        """

    async def close(self) -> None:
        """Ends connections; counters may be used again afterwards."""
