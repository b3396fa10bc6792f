"""The parts that all exchanges share."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from addons.call import Call
from addons.exchange.observing import Held, Observed, Observers
from addons.exchange.rules import InForce
from addons.exchange.upstream.pool import UpstreamPool
from addons.foundry.envelope import ErrorFormat


class Timeouts(NamedTuple):
    """Seconds: for the caller to send its body, to reach the other side, of its silence, for a whole answer (None:
    no such limit), and for a caller to take anything of its answer.
    """

    body: float
    connect: float
    read: float
    total: float | None
    write: float


@dataclass(slots=True)
class Services:
    """
    Args:
        in_force: the rules for calls that begin now.
        to_provider, to_foundry: connections, which nothing but ``sending`` uses.
        before_release: awaited in their order once every gate has passed; each may still refuse the call.
        record: makes the one record of a call that has ended, and hands it to all who get it.
        under_way: the exchanges that have begun and are not over.
        observers: those who look on.
        hold: awaited before the gates; a person may keep a call waiting there, edit or refuse it.
        leaving: the sidecar is about to end; each answer is its connection's last.
    """

    in_force: InForce
    timeouts: Timeouts
    to_provider: UpstreamPool
    to_foundry: UpstreamPool
    before_release: Sequence[Callable[[Call], Awaitable[None]]]
    record: Callable[[Call], Mapping[str, Any]]
    error_format: ErrorFormat
    under_way: set[Observed]
    observers: Observers = field(default_factory=Observers)
    leaving: bool = False
    hold: Callable[[Held], Awaitable[None]] | None = None

    def leave(self) -> None:
        self.leaving = True
