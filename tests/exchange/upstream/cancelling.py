"""Cancels a coroutine at one of its awaits."""

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, Literal

type When = Literal["waiting", "woken"]
"""``waiting``: while it waits. ``woken``: when what it waited for has come, and it has not yet gone on."""


@types.coroutine
def cancelled_at[T](coroutine: Coroutine[Any, Any, T], number: int, when: When) -> Generator[Any, Any, T]:
    """Runs it, cancelled at the await of that number; to its end where it has fewer."""
    error: BaseException | None = None
    waits = 0
    while True:
        try:
            future = coroutine.send(None) if error is None else coroutine.throw(error)
        except StopIteration as done:
            result: T = done.value
            return result
        waits += 1
        error = None
        task = asyncio.current_task()
        assert task
        if waits == number and when == "waiting":
            task.cancel()
        try:
            yield future
        except BaseException as raised:  # noqa: BLE001 - passed on
            error = raised
        if waits == number and when == "woken":
            error = asyncio.CancelledError()
