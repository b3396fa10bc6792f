"""Runs one request for all callers that need its result at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from addons.foundry.refusals import Refusal
from addons.verifiers.refused import Denial


class SingleFlight[K: Hashable, V]:
    """Runs ``work`` once for all that ask for the same key while it is under way. Keeps no results.

    The work runs in a task of its own. Where one that waits is cancelled (its caller hung up), the work goes on for the
    others.
    """

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[V | Denial]] = {}

    async def run(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
        """The result of the work under way for ``key``; where there is none, ``work`` is started.

        Raises:
            Refusal: the work raised one; each that waits gets an exception of its own.
            Exception: whatever else the work raised.
        """
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(_outcome(work))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        outcome = await asyncio.shield(task)
        if isinstance(outcome, Denial):
            raise outcome.refusal()
        return outcome


async def _outcome[V](work: Callable[[], Awaitable[V]]) -> V | Denial:
    try:
        return await work()
    except Refusal as refusal:  # as a value: otherwise several tasks would raise the same exception
        return Denial.of(refusal)
