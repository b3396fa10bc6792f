"""Addon: replaces what ended calls were charged by what they used, beside the event loop's other work."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import structlog

from addons.call import Call
from addons.gates.settlement import corrections
from addons.stores.counters import Counters, StoreUnavailableError

_log = structlog.get_logger("sidecar.settlement")


class Settlement:
    """A sink of the Journal; ``done`` waits for what is still under way."""

    name = "sidecar-settlement"

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._under_way: set[asyncio.Task[None]] = set()

    def settle(self, call: Call, _record: Mapping[str, Any]) -> None:
        if amounts := corrections(call, time.time()):
            task = asyncio.get_running_loop().create_task(self._add(amounts, call.id))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def done(self) -> asyncio.Task[None]:
        """mitmproxy waits for the task at its end; where it takes a script out, it calls no coroutine functions."""
        return asyncio.get_running_loop().create_task(self._finish())

    async def _finish(self) -> None:
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._counters.close()

    async def _add(self, amounts: Mapping[str, int], call_id: str) -> None:
        try:
            await self._counters.add(amounts)
        except StoreUnavailableError as error:
            _log.warning(
                "limits_not_settled",
                meaning="the estimate stands until its minute has passed",
                why=str(error),
                **{"call.id": call_id},
            )
