"""Waits for a caller to take what was written to it."""

import time

from addons.exchange.caller_connection import CallerConnection
from addons.exchange.deadline import Deadline
from addons.exchange.ending import Ending


async def takes_all(caller: CallerConnection, deadline: Deadline, seconds: float) -> None:
    """Returns when the caller has taken everything. The deadline is for one that takes nothing for so many seconds.

    Raises:
        OSError: its connection is lost.
    """
    least, seen_at = caller.unsent, time.monotonic()

    def last_took() -> float:
        nonlocal least, seen_at
        if caller.unsent < least:
            least, seen_at = caller.unsent, time.monotonic()
        return seen_at

    deadline.set(seconds, Ending.CALLER_STALLED, last_took)
    await caller.drain()
    deadline.clear()
