"""The orderly end: nothing new comes in, what is under way is finished, and what can't be is told so."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Final, Protocol

import structlog
from mitmproxy import ctx

from addons.exchange.ending import Ending

LOOK_EVERY: Final = 0.05  # seconds
FAREWELL: Final = 1.0  # seconds in which the last bytes to callers leave

_log = structlog.get_logger("sidecar.drain")


class Connection(Protocol):
    """A caller's connection."""

    def close_idle(self) -> None:
        """Closes it, now or behind the answer under way."""

    def abort(self) -> None: ...


class Exchange(Protocol):
    """A call under way."""

    def end(self, ending: Ending) -> None: ...


class Drain:
    """``begin`` is called first. ``announce`` and ``within`` in seconds from then on (settings ``lifecycle``)."""

    def __init__(
        self,
        begin: Callable[[], object],
        connections: Callable[[], Collection[Connection]],
        under_way: Callable[[], Collection[Exchange]],
        *,
        announce: float,
        within: float,
    ) -> None:
        self._begin = begin
        self._connections = connections
        self._under_way = under_way
        self._announce = announce
        self._within = within

    async def run(self) -> None:
        """Returns when every caller has what it will get."""
        self._begin()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._within
        await asyncio.sleep(self._announce)
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        await proxyserver.servers.update([])  # stops listening; connections stay
        if await self._closed(end):
            return
        unfinished = list(self._under_way())
        if unfinished:
            _log.warning("drain_deadline", cut=len(unfinished))
        for exchange in unfinished:
            exchange.end(Ending.SHUTDOWN)
        await self._closed(loop.time() + FAREWELL)
        for connection in self._connections():
            connection.abort()

    async def _closed(self, end: float) -> bool:
        """Waits for callers' connections to end; False where some are left when the time is up."""
        loop = asyncio.get_running_loop()
        while connections := self._connections():
            for connection in connections:
                connection.close_idle()
            if loop.time() >= end:
                return False
            await asyncio.sleep(min(LOOK_EVERY, max(end - loop.time(), 0)))
        return True
