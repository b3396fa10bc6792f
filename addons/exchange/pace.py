"""How fast one caller is read: no faster than its requests have their turn, and it takes its answers."""

import asyncio
from collections.abc import Callable
from typing import Final

from addons.exchange.wire import Wire

MOST_AHEAD: Final = 256 * 1024
"""Bytes a caller may send ahead of their turn before reading stops."""

MOST_UNREAD: Final = 64 * 1024
"""Bytes of answers that a caller may leave unread before its next request has its turn."""


LOOK_EVERY: Final = 1.0
"""Seconds between two looks at a caller that is not read: the event loop sees no end of what it does not read."""


class Pace:
    """``go_on`` is called when a caller that was waited for has taken its answers, ``stalled`` when it has not within
    ``seconds``, ``gone`` when one that is not read has hung up.
    """

    def __init__(
        self,
        wire: Wire,
        seconds: float,
        go_on: Callable[[], None],
        stalled: Callable[[], None],
        gone: Callable[[], None],
    ) -> None:
        self._wire = wire
        self._seconds = seconds
        self._go_on = go_on
        self._stalled = stalled
        self._gone = gone
        self._ahead = 0
        self._looking: asyncio.TimerHandle | None = None
        self._emptying: asyncio.Task[None] | None = None

    def came_ahead(self, count: int) -> None:
        """As many bytes came that wait for their turn."""
        self._ahead += count
        if self._ahead > MOST_AHEAD:
            self._wire.pause()  # each time: asyncio's stream reader resumes what it had paused before by itself
            if self._looking is None:
                self._look_later()

    def read_on(self) -> None:
        """Nothing waits for its turn any more."""
        if self._ahead > MOST_AHEAD:
            self._wire.resume()
        self._ahead = 0
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def waits(self) -> bool:
        """Whether the caller has to take answers first. Whoever asks is then told by ``go_on``."""
        if self._emptying is None and self._wire.unsent > MOST_UNREAD:
            self._emptying = asyncio.get_running_loop().create_task(self._empty())
        return self._emptying is not None

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)

    def _look(self) -> None:
        if self._wire.hung_up():
            self._gone()
        else:
            self._look_later()

    async def _empty(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._wire.drain()
        except OSError:  # the timeout is one, too
            self._stalled()
        finally:
            self._emptying = None
        self._go_on()
