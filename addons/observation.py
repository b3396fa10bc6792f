"""Puts together what watches calls: the ledger, and later whatever else gets each call that has ended."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from addons.bookkeeping import Bookkeeping
from addons.call import Call
from addons.journal import Sink
from addons.settings import Settings
from addons.stores.ledger import Ledger


class Observation(NamedTuple):
    """``parts`` are addons that stand behind the Journal; ``before_release`` is for the Checkpoint."""

    parts: tuple[Any, ...] = ()
    sinks: tuple[Sink, ...] = ()
    before_release: tuple[Callable[[Call], Awaitable[None]], ...] = ()


def observe(settings: Settings) -> Observation:
    """Touches neither disk nor network; the parts do so once the sidecar runs."""
    if settings.usage.path is None:
        return Observation()
    bookkeeping = Bookkeeping(Ledger(settings.usage.path, settings.usage.keep_days), settings.usage.on_failure)
    return Observation((bookkeeping,), (bookkeeping.settle,), (bookkeeping.open,))
