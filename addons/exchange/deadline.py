"""A deadline of an exchange. When it passes, the exchange ends for the reason that the deadline was set with."""

import asyncio
import time
from collections.abc import Callable

from addons.exchange.ending import Ending


class Deadline:
    """Calls ``end`` when the time that was set has passed, unless it was cleared before."""

    def __init__(self, end: Callable[[Ending], None]) -> None:
        self._end = end
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float, ending: Ending, since: Callable[[], float] = time.monotonic) -> None:
        """Sets the deadline, in place of an earlier one.

        ``since`` gives the ``time.monotonic()`` from which the seconds count; it is asked again at their end, so that
        a deadline that starts again with each piece of an answer needs no timer for each piece.
        """
        self.clear()
        self._wait(since() + seconds - time.monotonic(), seconds, ending, since)

    def clear(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, left: float, seconds: float, ending: Ending, since: Callable[[], float]) -> None:
        self._timer = asyncio.get_running_loop().call_later(left, self._look, seconds, ending, since)

    def _look(self, seconds: float, ending: Ending, since: Callable[[], float]) -> None:
        left = 0.0 if since is time.monotonic else since() + seconds - time.monotonic()
        if left > 0:
            self._wait(left, seconds, ending, since)
        else:
            self._timer = None
            self._end(ending)
