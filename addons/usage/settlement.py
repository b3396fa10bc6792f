"""Replaces what ended calls were charged by what they used, beside the event loop's other work."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import structlog

from addons.call import Call
from addons.foundry import budgets, rate_window
from addons.gates.counters import Counters, StoreUnavailableError
from addons.usage.charging import budget_corrections, corrections

_log = structlog.get_logger("sidecar.settlement")


class Settlement:
    """``stop`` waits for what is still under way, then closes the counters."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._under_way: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Nothing to begin: the counters connect when they are first asked."""

    def settle(self, call: Call, _record: Mapping[str, Any] | None = None) -> None:
        """Takes a call that has ended. Returns at once."""
        self._begin(corrections(call, time.time()), rate_window.REMEMBERED, call.id)
        self._begin(budget_corrections(call), budgets.REMEMBERED, call.id)

    def _begin(self, amounts: Mapping[str, int], seconds: int, call_id: str) -> None:
        if not amounts:
            return
        loop = asyncio.get_running_loop()
        task = asyncio.Task(self._add(amounts, seconds, call_id), loop=loop, eager_start=True)
        if not task.done():  # a process's own counters need no waiting
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def stop(self) -> None:
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._counters.close()

    async def _add(self, amounts: Mapping[str, int], seconds: int, call_id: str) -> None:
        try:
            await self._counters.add(amounts, seconds)
        except StoreUnavailableError as error:
            _log.warning(
                "limits_not_settled",
                meaning="the estimate stands until its minute, or its budget's period, has passed",
                why=str(error),
                **{"call.id": call_id},
            )
