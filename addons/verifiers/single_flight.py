"""Fetches a thing once for all who want it at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from addons.foundry.refusals import Refusal
from addons.verifiers.refused import Denial


class SingleFlight[K: Hashable, V]:
    """Runs ``work`` once for all who ask under the same key while it is under way. Keeps no results.

    The work is nobody's: a waiter that is cancelled (its caller hung up) takes it from no one else.
    """

    def __init__(self) -> None:
        self._under_way: dict[K, asyncio.Task[V | Denial]] = {}

    async def run(self, key: K, work: Callable[[], Awaitable[V]]) -> V:
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
    except Refusal as refusal:  # a value here: raised, it would be one exception in many tasks
        return Denial.of(refusal)
