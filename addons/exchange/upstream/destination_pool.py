"""The connections to one destination: who has one, who waits for one."""

import asyncio
from collections import deque
from typing import Final

from addons.exchange.upstream.destination import Destination
from addons.exchange.upstream.dial import dial
from addons.exchange.upstream.failure import FailureKind, UpstreamFailure
from addons.exchange.upstream.tls_connection import TlsConnection

CLOSED: Final = "the pool of connections was closed"


class DestinationPool:
    """Gives out turns, ``most`` at once, first come, first served. With a turn goes a connection.

    ``taken``: turns given out. There are never more connections than turns and idle ones, and never more of these
    together than ``most``: a turn takes an idle connection before it makes one.

    ``keeps``: whether connections that come back stay.
    """

    def __init__(self, destination: Destination, most: int, wait_seconds: float, *, keeps: bool) -> None:
        self.destination = destination
        self.keeps = keeps
        self.idle: deque[TlsConnection] = deque()  # longest idle first
        self.taken = 0
        self._most = most
        self._wait_seconds = wait_seconds
        self._lent: set[TlsConnection] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def empty(self) -> bool:
        return not (self.taken or self.idle)  # nobody waits where no turn is taken

    async def take(self) -> TlsConnection:
        """An idle connection, or a new one. It comes back by `give_back`.

        Raises:
            UpstreamFailure: there is none to be had.
        """
        if self.taken < self._most:  # then nobody waits: a turn that comes back goes to who does
            self.taken += 1
        else:
            await self._wait()
        try:
            connection = self._take_idle() or await dial(self.destination, self._gone)
        except BaseException:  # cancelled, too
            self._pass_turn_on()
            raise
        self._lent.add(connection)
        return connection

    def give_back(self, connection: TlsConnection, reusable: bool) -> None:
        self._lent.discard(connection)
        if reusable and self.keeps:
            connection.idle_since = asyncio.get_running_loop().time()
            self.idle.append(connection)
        elif reusable:
            connection.close()
        self._pass_turn_on()

    def close_idle(self, since: float) -> None:
        """Closes those that have been idle since then, or longer."""
        while self.idle and self.idle[0].idle_since <= since:
            self.idle.popleft().close()

    def close(self) -> None:
        """Ends all. Who waits gets an UpstreamFailure; receivers of answers under way are told of one."""
        self.close_idle(float("inf"))
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(UpstreamFailure(FailureKind.NO_CONNECTION_FREE, CLOSED))
        self._waiting.clear()
        for connection in tuple(self._lent):
            connection.end(CLOSED)

    def _take_idle(self) -> TlsConnection | None:
        """The one used last, which its peer has most likely kept."""
        while self.idle:
            connection = self.idle.pop()
            if connection.silent():
                return connection
            connection.abort()
        return None

    def _gone(self, connection: TlsConnection) -> None:
        if connection in self.idle:
            self.idle.remove(connection)

    async def _wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await turn
        except BaseException as error:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled() and turn.exception() is None:  # it came too late
                self._pass_turn_on()
            if isinstance(error, TimeoutError):
                kind, seconds = FailureKind.NO_CONNECTION_FREE, self._wait_seconds
                raise UpstreamFailure(kind, f"all {self._most} connections stayed busy for {seconds:g} s") from None
            raise

    def _pass_turn_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # nobody waits for a cancelled one any more
                turn.set_result(None)
                return
        self.taken -= 1
