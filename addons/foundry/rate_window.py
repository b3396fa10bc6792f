"""How full a minute is: two counters, the calendar minute's own and the one before it, fading out.

Source: docs/contract.md#limits.

What counts is the current minute, and of the previous one the share that a window of 60 seconds ending now still
covers. So a burst at the turn of a minute is not let through twice, and the time at which a call fits is known.
"""

from typing import Final, NamedTuple

WINDOW: Final = 60  # seconds
REMEMBERED: Final = 3 * WINDOW  # seconds a counter is kept: its own minute, the next, and one for clocks that differ


class Moment(NamedTuple):
    """A point in time: the number of its minute since the epoch, and the seconds gone of that minute."""

    minute: int
    elapsed: float


class Count(NamedTuple):
    """What was counted in the previous minute and in the current one."""

    previous: int
    current: int


def moment(now: float) -> Moment:
    """``now`` is a Unix time in seconds."""
    minute, elapsed = divmod(now, WINDOW)
    return Moment(int(minute), elapsed)


def used(count: Count, elapsed: float) -> float:
    """How much counts at this moment. Counters below zero (given back after the store had forgotten them) are empty."""
    return max(0, count.previous) * (1 - elapsed / WINDOW) + max(0, count.current)


def fits(count: Count, cost: int, limit: int, elapsed: float) -> bool:
    """Whether ``cost`` more stays within the limit."""
    return used(count, elapsed) + cost <= limit


def wait(count: Count, cost: int, limit: int, elapsed: float) -> float:
    """Seconds after which ``cost`` fits, when nothing else is counted meanwhile. ``cost`` may not be over the limit."""
    if fits(count, cost, limit, elapsed):
        return 0.0
    room = limit - max(0, count.current) - cost
    if room >= 0:
        return _faded(count.previous, room) - elapsed
    return WINDOW - elapsed + max(0.0, _faded(count.current, limit - cost))


def reset(count: Count, elapsed: float) -> float:
    """Seconds until no earlier call counts any more."""
    if count.current > 0:
        return 2 * WINDOW - elapsed
    return WINDOW - elapsed if count.previous > 0 else 0.0


def _faded(previous: int, room: int) -> float:
    """Seconds into a minute at which the minute before it counts for no more than ``room``."""
    return WINDOW * (1 - room / previous)
