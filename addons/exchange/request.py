"""One request as it came from a caller: its head, and its body while it arrives."""

import asyncio
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from addons.foundry.refusals import Refusal
from addons.gates.body_bytes import BodyBytes, full
from addons.gates.media_type import too_large

SECRET_FIELDS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "api-key", "x-api-key"})
"""Headers that hold credentials: kept apart from all others, and never shown."""


PIECE: Final = 64 * 1024
"""Bytes that are gathered in one piece: each piece has a size of its own, which tiny chunks would multiply."""


class BodyBounds(NamedTuple):
    """``most`` bytes of one body, what all bodies at once may take, and what may that is no call yet."""

    most: int
    budget: BodyBytes
    waiting: BodyBytes


class Body:
    """A request's body: bytes come in by ``receive``, and go to whoever awaits ``read``."""

    __slots__ = ("_bounds", "_failure", "_pieces", "_taken", "_waiter", "dropped", "ended", "size")

    def __init__(self, bounds: BodyBounds) -> None:
        self.size = 0  # bytes that came
        self.ended = False
        self.dropped = False  # nobody wants it: what still comes is not kept
        self._bounds = bounds
        self._taken = 0  # bytes of the budget
        self._pieces: list[bytearray] = []
        self._failure: BaseException | None = None
        self._waiter: asyncio.Future[None] | None = None

    def receive(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.dropped:
            return
        if self.size > self._bounds.most:
            self._give_up(too_large(self._bounds.most))
        elif not self._bounds.budget.take(len(piece)):
            self._give_up(full(self._bounds.budget))
        else:
            self._taken += len(piece)
            self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        if self._pieces and len(self._pieces[-1]) < PIECE:
            self._pieces[-1] += piece
        else:
            self._pieces.append(bytearray(piece))

    def _give_up(self, refusal: Refusal) -> None:
        self.fail(refusal)
        self.drop()

    def end(self) -> None:
        self.ended = True
        self._wake()

    def fail(self, failure: BaseException) -> None:
        """It will not come whole: for a refusal, or a fault."""
        self._failure = self._failure or failure
        self._wake()

    def drop(self, decoded: int = 0) -> None:
        """Nothing of it is needed any more; nor of the ``decoded`` bytes that were made of it."""
        self.dropped = True
        self._pieces.clear()
        self._bounds.budget.give_back(self._taken + decoded)
        self._taken = 0

    def replace(self, whole: bytes) -> None:
        """Has another body take the place of this one, which has come; it is held to the same bounds."""
        self.drop()
        self.size, self.dropped = 0, False
        self.receive(whole)

    async def read(self, *, again: bool = False) -> bytes:
        """The whole body, once it is there; ``again``: it will be read once more.

        Raises:
            Refusal, or a fault: it can't be had, as ``fail`` was told.
        """
        if not self.ended and self._failure is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._failure is not None:
            raise self._failure
        pieces, self._pieces = self._pieces, []
        whole = b"".join(pieces)
        if again:
            self._pieces.append(bytearray(whole))
        return whole

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


@dataclass(slots=True, eq=False)
class Request:
    """``fields`` are the header lines as they came, ``target`` the request target, ``version`` HTTP's: 1.0 or 1.1."""

    method: str
    target: str
    fields: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    version: str
    keep_alive: bool
    body: Body = field(repr=False)

    def table(self) -> dict[str, tuple[str, ...]]:
        """Lower-case header names to their values, in the order they came."""
        found: dict[str, tuple[str, ...]] = {}
        for name, value in self.fields:
            key = name.decode("latin-1").lower()
            found[key] = (*found.get(key, ()), value.decode("latin-1"))
        return found
