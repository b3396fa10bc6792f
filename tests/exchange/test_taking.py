"""A caller that is waited for until it has taken everything."""

import asyncio
from typing import Any

import pytest

from addons.exchange.deadline import Deadline
from addons.exchange.ending import Ending
from addons.exchange.taking import takes_all

SECONDS = 0.1


class Slow:
    """A caller that takes as many bytes in each step of half the time."""

    def __init__(self, *takes: int) -> None:
        self.unsent = 100
        self._takes = takes

    async def drain(self) -> None:
        for count in self._takes:
            await asyncio.sleep(SECONDS / 2)
            self.unsent -= count


def ends(caller: Any) -> list[Ending]:
    """Why it was given up, if it was."""
    found: list[Ending] = []

    async def main() -> None:
        waiting: asyncio.Task[None]

        def end(ending: Ending) -> None:
            found.append(ending)
            waiting.cancel()

        waiting = asyncio.create_task(takes_all(caller, Deadline(end), SECONDS))
        await asyncio.wait([waiting])
        await asyncio.sleep(2 * SECONDS)  # no deadline is left

    asyncio.run(main())
    return found


@pytest.mark.parametrize(
    ("takes", "given_up"),
    [
        ((100,), []),
        ((20, 20, 20, 20, 20), []),  # longer than the time in all, and never in between
        ((0, 0, 0, 0, 100), [Ending.CALLER_STALLED]),
        ((50, 0, 0, 0, 50), [Ending.CALLER_STALLED]),
        ((0, -10, -10, -10, 130), [Ending.CALLER_STALLED]),  # more was written meanwhile
    ],
)
def test_who_takes_nothing_for_the_time_is_given_up(takes: tuple[int, ...], given_up: list[Ending]) -> None:
    assert ends(Slow(*takes)) == given_up
