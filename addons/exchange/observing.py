"""Who looks on while calls are served, and what they see of each. Nothing that they do changes a call."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog

from addons.call import Call
from addons.exchange.answer_bytes import Fields
from addons.exchange.ending import Ending
from addons.exchange.relay import Relay
from addons.exchange.request import Request

_log = structlog.get_logger("sidecar.exchange")


class Observed(Protocol):
    """One exchange, as observers see it. ``end`` is for the drain."""

    @property
    def call(self) -> Call: ...

    @property
    def request(self) -> Request: ...

    @property
    def relay(self) -> Relay: ...

    def quotes_credential(self, text: bytes) -> bool:
        """Whether a text holds what the call left with."""

    def end(self, ending: Ending) -> None: ...


class Held(Observed, Protocol):
    """An exchange before its gates, for a person who may keep it waiting there. The gates judge what comes of it."""

    async def read_ahead(self) -> bytes:
        """The body, which the gates read again; raises Refusal where it can't be had."""

    def edit(self, method: str, target: str, fields: Fields, body: bytes) -> None:
        """Puts another request in the place of the one that came; its credentials stay."""


class Observer:
    """Sees each exchange; ``inspecting`` and ``cassettes`` have their own."""

    def opened(self, exchange: Observed) -> None:
        """The head has come; no gate has judged it."""

    def received(self, exchange: Observed, body: bytes) -> None:
        """Its body has come, as the caller sent it."""

    def released(self, exchange: Observed) -> None:
        """Every gate has passed it; nothing has left."""

    def answer_begins(self, exchange: Observed) -> None:
        """The other side's answer has a head."""

    def answer_piece(self, exchange: Observed, payload: bytes) -> None:
        """Payload, as the other side sent it."""

    def ended(self, exchange: Observed, record: Mapping[str, Any]) -> None:
        """It is over."""


class Observers(Observer):
    """All observers as one. What one raises is logged, and affects neither the call nor the others."""

    def __init__(self, *each: Observer) -> None:
        self._each = each

    def add(self, *each: Observer) -> None:
        self._each += each

    def __bool__(self) -> bool:
        return bool(self._each)

    def opened(self, exchange: Observed) -> None:
        self._tell(lambda observer: observer.opened(exchange))

    def received(self, exchange: Observed, body: bytes) -> None:
        self._tell(lambda observer: observer.received(exchange, body))

    def released(self, exchange: Observed) -> None:
        self._tell(lambda observer: observer.released(exchange))

    def answer_begins(self, exchange: Observed) -> None:
        self._tell(lambda observer: observer.answer_begins(exchange))

    def answer_piece(self, exchange: Observed, payload: bytes) -> None:
        self._tell(lambda observer: observer.answer_piece(exchange, payload))

    def ended(self, exchange: Observed, record: Mapping[str, Any]) -> None:
        self._tell(lambda observer: observer.ended(exchange, record))

    def _tell(self, moment: Callable[[Observer], None]) -> None:
        for observer in self._each:
            try:
                moment(observer)
            except BaseException as error:  # noqa: BLE001 - who only looks on must not harm the call
                _log.error("observer_failed", observer=type(observer).__name__, exc_info=error)
