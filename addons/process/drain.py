"""The orderly end: no new calls, calls under way go on, and those that can't end in time are told so."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, Final, Protocol

import structlog
from mitmproxy import ctx

from addons.exchange.ending import Ending
from addons.process.settings import LifecycleSettings

LOOK_EVERY: Final = 0.05  # seconds
FAREWELL: Final = 1.0  # seconds in which the last bytes to callers leave

_log = structlog.get_logger("sidecar.drain")


class Leaving(Protocol):
    """A part that changes its behaviour once the sidecar is about to end."""

    def leave(self) -> None: ...


class Connection(Protocol):
    """A caller's connection."""

    def close_idle(self) -> None:
        """Closes the connection, now or after the answer under way."""

    def abort(self) -> None: ...


class Callers(Protocol):
    """Knows the callers that are connected."""

    @property
    def callers(self) -> Collection[Connection]: ...


class Exchange(Protocol):
    """A call under way."""

    def end(self, ending: Ending) -> None: ...


class Drain:
    """``leaving`` are told first; ``under_way`` holds the calls at any time."""

    def __init__(
        self,
        settings: LifecycleSettings,
        leaving: Sequence[Leaving],
        listener: Callers,
        under_way: Collection[Exchange],
    ) -> None:
        self._settings = settings
        self._leaving = leaving
        self._listener = listener
        self._under_way = under_way

    async def run(self) -> None:
        """Returns when every call has ended."""
        for each in self._leaving:
            each.leave()
        loop = asyncio.get_running_loop()
        end = loop.time() + self._settings.drain_seconds
        await asyncio.sleep(self._settings.announce_seconds)
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        await proxyserver.servers.update([])  # stops listening; connections stay
        if await self._closed(end):
            return
        unfinished = list(self._under_way)
        if unfinished:
            _log.warning("drain_deadline", cut=len(unfinished))
        for exchange in unfinished:
            exchange.end(Ending.SHUTDOWN)
        await self._closed(loop.time() + FAREWELL)
        for connection in self._listener.callers:
            connection.abort()

    async def _closed(self, end: float) -> bool:
        """Waits for callers' connections to end, and for calls of nobody's; False where the time is up before."""
        loop = asyncio.get_running_loop()
        while (connections := self._listener.callers) or self._under_way:  # such as those that a person sent again
            for connection in connections:
                connection.close_idle()
            if loop.time() >= end:
                return False
            await asyncio.sleep(min(LOOK_EVERY, max(end - loop.time(), 0)))
        return True
