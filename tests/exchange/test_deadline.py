"""Deadlines of an exchange: when they end it, and for which reason."""

import asyncio
import time
from collections.abc import Callable
from functools import partial

import pytest

from addons.exchange.deadline import Deadline
from addons.exchange.ending import Ending

SHORT, LATER = 0.01, 0.2


def ended_by(play: Callable[[Deadline], None]) -> list[Ending]:
    """Why the exchange was ended, of all that were told within ``LATER`` seconds."""
    ends: list[Ending] = []

    async def main() -> None:
        play(Deadline(ends.append))
        await asyncio.sleep(LATER)

    asyncio.run(main())
    return ends


def replaced(deadline: Deadline) -> None:
    deadline.set(SHORT, Ending.BODY_LATE)
    deadline.set(SHORT, Ending.CONNECT_LATE)


def cleared(deadline: Deadline) -> None:
    deadline.set(SHORT, Ending.BODY_LATE)
    deadline.clear()
    deadline.clear()


def with_each_piece(deadline: Deadline) -> None:
    deadline.set(SHORT, Ending.SILENT, partial(time.monotonic))  # another function than the default, and always now


@pytest.mark.parametrize(
    ("play", "ends"),
    [
        (lambda deadline: deadline.set(SHORT, Ending.BODY_LATE), [Ending.BODY_LATE]),
        (lambda deadline: deadline.set(10 * LATER, Ending.BODY_LATE), []),
        (replaced, [Ending.CONNECT_LATE]),
        (cleared, []),
        (with_each_piece, []),
        (lambda deadline: deadline.set(10, Ending.SILENT, lambda: time.monotonic() - 10), [Ending.SILENT]),
    ],
    ids=["passed", "not yet", "replaced", "cleared", "a piece came just now", "nothing came for long"],
)
def test_a_deadline(play: Callable[[Deadline], None], ends: list[Ending]) -> None:
    assert ended_by(play) == ends


def test_it_is_asked_again_from_when_it_counts() -> None:
    """A piece comes within the time, and none after it."""

    async def main() -> float:
        loop = asyncio.get_running_loop()
        came, ended = time.monotonic(), loop.create_future()
        deadline = Deadline(ended.set_result)
        deadline.set(LATER, Ending.SILENT, lambda: came)
        came += LATER / 2
        assert await ended is Ending.SILENT
        return time.monotonic() - came

    assert asyncio.run(main()) >= LATER
