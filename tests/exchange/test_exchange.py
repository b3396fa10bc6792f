"""When an exchange is ended from outside, and what it reads ahead."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from addons.exchange.ending import Ending
from addons.exchange.exchange import Exchange


class Task:
    """One that counts how often it is cancelled."""

    cancelled = 0

    def cancel(self) -> None:
        self.cancelled += 1


@pytest.mark.parametrize(
    ("before", "runs", "ended_at", "ending", "cancelled"),
    [
        (None, True, None, Ending.SILENT, 1),
        (Ending.TOTAL, True, None, Ending.TOTAL, 0),  # the first reason counts
        (None, True, 1.0, None, 0),
        (None, False, None, None, 0),
    ],
    ids=["under way", "ended before", "over", "not begun"],
)
def test_only_the_first_reason_ends_it(
    before: Ending | None, runs: bool, ended_at: float | None, ending: Ending | None, cancelled: int
) -> None:
    task = Task()
    call = SimpleNamespace(ended_at=ended_at)
    exchange: Any = SimpleNamespace(_ending=before, _task=task if runs else None, call=call)
    Exchange.end(exchange, Ending.SILENT)
    assert (exchange._ending, task.cancelled) == (ending, cancelled)


def test_what_is_read_ahead_is_read_again() -> None:
    async def read_body(*, again: bool) -> bytes:
        return b"again" if again else b"once"

    exchange: Any = SimpleNamespace(_read_body=read_body)
    assert asyncio.run(Exchange.read_ahead(exchange)) == b"again"
