"""Rate limits counted in this process alone.

The arithmetic is in ``foundry.rate_window``, since the strategies of the usual libraries can't take back what a call
was charged too much.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from addons.foundry.rate_window import REMEMBERED


class MemoryCounters:
    """``clock`` gives seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._born: dict[int, dict[str, float]] = {}  # by how long they are kept; the oldest first

    async def read(self, keys: Sequence[str]) -> list[int]:
        self._forget(self._clock())
        return [self._counts.get(key, 0) for key in keys]

    async def add(self, amounts: Mapping[str, int], seconds: int = REMEMBERED) -> list[int]:
        now = self._clock()
        self._forget(now)
        born = self._born.setdefault(seconds, {})
        for key, amount in amounts.items():
            born.setdefault(key, now)
            self._counts[key] = self._counts.get(key, 0) + amount
        return [self._counts[key] for key in amounts]

    async def close(self) -> None:
        """Nothing to end."""

    def _forget(self, now: float) -> None:
        for seconds, born in self._born.items():
            while born:
                oldest = next(iter(born))
                if born[oldest] > now - seconds:
                    break
                del born[oldest], self._counts[oldest]
