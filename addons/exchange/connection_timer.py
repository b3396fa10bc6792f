"""The timeouts of a caller's connection, outside of its exchanges."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple


class ConnectionTimeouts(NamedTuple):
    """Seconds: ``head`` for a head to come, ``body`` for the rest of a body that nobody wants any more, ``write`` for
    the caller to take its answers.
    """

    head: float
    body: float
    write: float


class ConnectionTimer:
    """One timer; it waits for one thing at a time."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def start(self, seconds: float, then: Callable[[], None]) -> None:
        """Calls ``then`` after so many seconds. Does nothing while the timer runs."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
