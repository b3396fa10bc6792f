"""The orderly end: nothing new comes in, what is under way is finished, and what can't be is told so."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog
from mitmproxy import ctx

from addons.calls import Calls
from addons.deadlines import Deadlines
from addons.foundry.refusals import Refusal
from addons.process.connections import Connections

LOOK_EVERY: Final = 0.05  # seconds
FAREWELL: Final = 1.0  # seconds in which the last words to callers leave

_log = structlog.get_logger("sidecar.drain")


class Drain:
    """``announce`` and ``within`` in seconds from the beginning of the end (settings ``lifecycle``)."""

    def __init__(
        self, calls: Calls, connections: Connections, deadlines: Deadlines, *, announce: float, within: float
    ) -> None:
        self._calls = calls
        self._connections = connections
        self._deadlines = deadlines
        self._announce = announce
        self._within = within

    async def run(self) -> None:
        """Returns when every caller has what it will get."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._within
        await asyncio.sleep(self._announce)
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        await proxyserver.servers.update([])  # stops listening; connections stay
        left = await self._wait(lambda: end - loop.time())
        if left:
            unfinished = list(self._calls.open_calls())
            _log.warning("drain_deadline", cut=len(unfinished))
            for flow, call in unfinished:
                if call.released_at is None:  # for its record; there is no way to answer a caller that still speaks
                    call.refusal = call.refusal or Refusal("shutting_down", "The sidecar is shutting down.")
                self._deadlines.cut(flow, call, "shutdown")
            end = loop.time() + FAREWELL
            await self._wait(lambda: end - loop.time())

    async def _wait(self, left: Callable[[], float]) -> bool:
        """Waits for callers' connections to end, closing idle ones; whether some are left when the time is up."""
        idle: set[str] = set()
        while callers := list(self._connections.callers()):
            if left() <= 0:
                return True
            now_idle = set()
            for client, transport in callers:
                if self._calls.current(client) is None:
                    if client.id in idle:  # twice in a row: between a call's record and its last bytes lies a moment
                        transport.close()
                    now_idle.add(client.id)
            idle = now_idle
            await asyncio.sleep(min(LOOK_EVERY, max(left(), 0)))
        return False
