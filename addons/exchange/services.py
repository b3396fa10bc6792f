"""What every exchange works with."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog

from addons.call import Call
from addons.exchange.rules import InForce
from addons.exchange.upstream.pool import UpstreamPool
from addons.foundry.envelope import ErrorFormat

if TYPE_CHECKING:
    from addons.exchange.exchange import Exchange

_log = structlog.get_logger("sidecar.exchange")


class Timeouts(NamedTuple):
    """Seconds: for the caller to send its body, to reach the other side, of its silence, for a whole answer (None:
    no such limit), and for a caller to take anything of its answer.
    """

    body: float
    connect: float
    read: float
    total: float | None
    write: float


class Observer:
    """Sees each exchange; ``inspecting`` and ``cassettes`` have their own."""

    def opened(self, exchange: "Exchange") -> None:
        """The head has come; no gate has judged it."""

    def received(self, exchange: "Exchange", body: bytes) -> None:
        """Its body has come, as the caller sent it."""

    def released(self, exchange: "Exchange") -> None:
        """Every gate has passed it; nothing has left."""

    def answer_begins(self, exchange: "Exchange") -> None:
        """The other side's answer has a head."""

    def answer_piece(self, exchange: "Exchange", payload: bytes) -> None:
        """Payload, as the other side sent it."""

    def ended(self, exchange: "Exchange", record: Mapping[str, Any]) -> None:
        """It is over."""


class Observers(Observer):
    """All of them; what one raises is logged, and harms neither the call nor the others."""

    def __init__(self, *each: Observer) -> None:
        self._each = each

    def __bool__(self) -> bool:
        return bool(self._each)

    def opened(self, exchange: "Exchange") -> None:
        self._tell(lambda observer: observer.opened(exchange))

    def received(self, exchange: "Exchange", body: bytes) -> None:
        self._tell(lambda observer: observer.received(exchange, body))

    def released(self, exchange: "Exchange") -> None:
        self._tell(lambda observer: observer.released(exchange))

    def answer_begins(self, exchange: "Exchange") -> None:
        self._tell(lambda observer: observer.answer_begins(exchange))

    def answer_piece(self, exchange: "Exchange", payload: bytes) -> None:
        self._tell(lambda observer: observer.answer_piece(exchange, payload))

    def ended(self, exchange: "Exchange", record: Mapping[str, Any]) -> None:
        self._tell(lambda observer: observer.ended(exchange, record))

    def _tell(self, moment: Callable[[Observer], None]) -> None:
        for observer in self._each:
            try:
                moment(observer)
            except Exception as error:  # noqa: BLE001 - as said above
                _log.error("observer_failed", observer=type(observer).__name__, exc_info=error)


@dataclass(slots=True)
class Services:
    """
    Args:
        in_force: the rules for calls that begin now.
        to_provider, to_foundry: connections, which nothing but ``sending`` uses.
        before_release: awaited in their order once every gate has passed; each may still refuse the call.
        record: makes the one record of a call that has ended, and hands it to all who get it.
        standing: fields that tell a caller how far its limits are used.
        observers: those who look on.
        under_way: the exchanges that have begun and are not over.
    """

    in_force: InForce
    timeouts: Timeouts
    to_provider: UpstreamPool
    to_foundry: UpstreamPool
    before_release: Sequence[Callable[[Call], Awaitable[None]]]
    record: Callable[[Call], Mapping[str, Any]]
    error_format: ErrorFormat = "hybrid"
    standing: Callable[[Call], Sequence[tuple[bytes, bytes]]] = lambda _call: ()
    observers: Observers = field(default_factory=Observers)
    under_way: set["Exchange"] = field(default_factory=set)
