"""Connections to providers, shared by all callers."""

import asyncio
from collections.abc import Callable
from typing import Final

from addons.exchange.upstream.connection import UpstreamConnection
from addons.exchange.upstream.destination import Destination
from addons.exchange.upstream.destination_pool import CLOSED, DestinationPool
from addons.exchange.upstream.failure import FailureKind, UpstreamFailure

_LOOK_AGAIN: Final = 0.05
"""Seconds between two looks at what has been idle too long, at least."""


class UpstreamPool:
    """At most ``most`` connections a destination, idle ones kept for ``idle_seconds``.

    Who finds all of them busy waits up to ``wait_seconds``, first come, first served.
    """

    def __init__(self, *, idle_seconds: float, most: int, wait_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._most = most
        self._wait_seconds = wait_seconds
        self._pools: dict[Destination, DestinationPool] = {}
        self._still_wanted: Callable[[Destination], bool] = lambda _destination: True
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def connect(self, destination: Destination) -> UpstreamConnection:
        """A kept connection, or a new one whose server is verified. The caller sets the deadline by cancelling.

        Raises:
            UpstreamFailure: UNREACHABLE or NO_CONNECTION_FREE.
        """
        if self._closed:
            raise UpstreamFailure(FailureKind.NO_CONNECTION_FREE, CLOSED)
        pool = self._pools.get(destination) or self._add(destination)
        connection = await pool.take()
        try:
            held = UpstreamConnection(connection, pool.give_back)
        except BaseException:
            connection.abort()
            pool.give_back(connection, reusable=False)
            raise
        if self._closed:  # meanwhile
            held.abort()
            raise UpstreamFailure(FailureKind.NO_CONNECTION_FREE, CLOSED)
        return held

    def forget(self, still_wanted: Callable[[Destination], bool]) -> None:
        """Closes idle connections of other destinations now, and busy ones when their answer has ended.

        It holds until the next call: calls that still go to such a destination leave no connection behind.
        """
        self._still_wanted = still_wanted
        for destination, pool in self._pools.items():
            pool.keeps = self._keeps(destination)
            if not pool.keeps:
                pool.close_idle(float("inf"))

    async def close(self) -> None:
        """Ends all connections, once and for all. Receivers of answers under way are told."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for pool in self._pools.values():
            pool.close()
        await asyncio.sleep(0)  # the event loop closes the sockets a turn later

    def _keeps(self, destination: Destination) -> bool:
        return self._idle_seconds > 0 and self._still_wanted(destination)

    def _add(self, destination: Destination) -> DestinationPool:
        pool = DestinationPool(destination, self._most, self._wait_seconds, keeps=self._keeps(destination))
        self._pools[destination] = pool
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(max(self._idle_seconds, _LOOK_AGAIN), self._look)
        return pool

    def _look(self) -> None:
        """Closes what has been idle too long, and looks again when the next will have been."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        next_look = now + max(self._idle_seconds, _LOOK_AGAIN)
        for destination, pool in tuple(self._pools.items()):
            pool.close_idle(now - self._idle_seconds)
            if pool.empty:
                del self._pools[destination]
            elif pool.idle:
                next_look = min(next_look, pool.idle[0].idle_since + self._idle_seconds)
        self._timer = loop.call_at(next_look, self._look) if self._pools else None
