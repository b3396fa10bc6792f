"""How many callers' connections there may be, so that memory and descriptors remain for everything else."""

import resource
import time
from collections import Counter
from typing import Final

import structlog

RESERVED: Final = 160
"""Descriptors for the provider's connections, files, listeners and the operator's own port."""

OF_ONE_PEER: Final = 0.9
"""The share of all that one address may hold: in a pod all callers have the same one."""

TELL_EVERY: Final = 1.0  # seconds

_log = structlog.get_logger("sidecar.exchange")


class ConnectionBounds:
    """At most ``most`` connections, fewer where descriptors do not suffice; counted by ``enter`` and ``leave``."""

    def __init__(self, most: int) -> None:
        self._most = min(most, max(8, _descriptors() - RESERVED))
        self._by_peer: Counter[str] = Counter()
        self._refused = 0
        self._told_at = float("-inf")

    def enter(self, peer: str) -> bool:
        """Whether one more connection from this address may be opened. If so, it is counted."""
        if self._by_peer.total() >= self._most or self._by_peer[peer] >= self._most * OF_ONE_PEER:
            self._tell(peer)
            return False
        self._by_peer[peer] += 1
        return True

    def leave(self, peer: str) -> None:
        self._by_peer[peer] -= 1
        if self._by_peer[peer] <= 0:
            del self._by_peer[peer]

    def _tell(self, peer: str) -> None:
        """One line a second, however many there are."""
        self._refused += 1
        if time.monotonic() - self._told_at >= TELL_EVERY:
            _log.warning("connections_refused", refused=self._refused, most=self._most, peer=peer)
            self._refused, self._told_at = 0, time.monotonic()


def _descriptors() -> int:
    """Raises the soft limit of descriptors as far as possible, and returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
