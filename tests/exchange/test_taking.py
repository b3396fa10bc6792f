"""A caller that is waited for until it has taken everything. The clock is the test's own: no machine is too slow."""

from collections.abc import Callable
from typing import Any

import pytest

from addons.exchange.ending import Ending
from addons.exchange.taking import takes_all

SECONDS = 1.0


class Stage:
    """A caller that takes as many bytes in each step of half the time, and the deadline that is looked at then."""

    def __init__(self, *takes: int) -> None:
        self.now = 100.0
        self.unsent = 100
        self.ends: list[Ending] = []
        self._takes = takes
        self._is_late: Callable[[], bool] | None = None

    def set(self, seconds: float, ending: Ending, since: Callable[[], float]) -> None:
        def is_late() -> bool:
            if late := self.now - since() >= seconds:
                self.ends.append(ending)
            return late

        self._is_late = is_late

    def clear(self) -> None:
        self._is_late = None

    async def drain(self) -> None:
        for count in self._takes:
            self.now += SECONDS / 2
            self.unsent -= count
            assert self._is_late, "the deadline is set before anything is waited for"
            if self._is_late():
                return

    @property
    def is_set(self) -> bool:
        return self._is_late is not None


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
def test_who_takes_nothing_for_the_time_is_given_up(
    takes: tuple[int, ...], given_up: list[Ending], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage: Any = Stage(*takes)
    monkeypatch.setattr("addons.exchange.taking.time.monotonic", lambda: stage.now)
    with pytest.raises(StopIteration):
        takes_all(stage, stage, SECONDS).send(None)  # nothing in it waits
    assert stage.ends == given_up
    assert not stage.is_set, "no deadline is left"
