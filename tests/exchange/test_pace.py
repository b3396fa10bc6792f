"""A caller that is not read: it is looked at for as long as it is not, and no longer."""

import asyncio
from typing import Any

import pytest

from addons.exchange.pace import MOST_AHEAD, Pace
from tests.exchange.upstream.provider import until


class Wire:
    """One that notes what it is told, and how often it is asked whether it has hung up."""

    def __init__(self, hangs_up: int) -> None:
        self.said: list[str] = []
        self.looks = 0
        self._hangs_up = hangs_up

    def pause(self) -> None:
        self.said.append("pause")

    def resume(self) -> None:
        self.said.append("resume")

    def hung_up(self) -> bool:
        self.looks += 1
        return self.looks == self._hangs_up


def played(*counts: int, reads_on: bool = False, hangs_up: int = 0) -> tuple[list[str], int]:
    """What the wire was told, and how often it was looked at; ``gone`` is among the words."""
    wire: Any = Wire(hangs_up)

    async def play() -> None:
        pace = Pace(wire, 1, lambda: None, lambda: None, lambda: wire.said.append("gone"))
        for count in counts:
            pace.came_ahead(count)
        if reads_on:
            pace.read_on()
            pace.read_on()
        await until(lambda: wire.looks >= hangs_up)
        await asyncio.sleep(0.1)  # in which it is looked at no more

    asyncio.run(play())
    return wire.said, wire.looks


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addons.exchange.pace.LOOK_EVERY", 0.001)


def test_who_sends_no_more_ahead_than_may_be_is_read_on() -> None:
    assert played(MOST_AHEAD) == ([], 0)
    assert played(MOST_AHEAD, reads_on=True) == ([], 0)


def test_who_is_not_read_is_looked_at_until_it_is_gone() -> None:
    assert played(MOST_AHEAD, 1, hangs_up=3) == (["pause", "gone"], 3)


def test_who_is_read_again_is_looked_at_no_more() -> None:
    assert played(MOST_AHEAD, 1, 1, reads_on=True) == (["pause", "pause", "resume"], 0)
