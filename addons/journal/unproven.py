"""Refusals of callers that were not verified: the first few get a line each in the log, the others one line in sum.

Anybody who can reach the port can make such calls, in any number. So the log gets at most ``ALONE`` of them a minute,
and ``ALONE_A_PEER`` of one peer (docs/decisions/008-refusals-before-proof-are-summed.md). What is kept is bounded too.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from addons.call import Call
from addons.journal.vocabulary import error_type

SPAN: Final = 60.0  # seconds that one line sums up
ALONE_A_PEER: Final = 5  # lines in a span for calls of one peer
ALONE: Final = 60  # lines in a span for calls of all peers
PEERS_KEPT: Final = 1000  # peers that are counted apart
PEERS_TOLD: Final = 10  # peers that the line names, those with the most calls


class Unproven:
    """Counts such calls in spans of ``SPAN`` seconds. ``clock`` gives seconds, and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._alone: Counter[str] = Counter()  # by peer
        self._summed: Counter[str] = Counter()  # by error.type, which has few values
        self._peers: Counter[str] = Counter()  # of the calls that are summed up

    def stands_alone(self, call: Call) -> bool:
        """Whether the call gets a line of its own. Otherwise it is counted for the next sum."""
        peer = call.peer or "unknown"
        known = peer in self._alone or len(self._alone) < PEERS_KEPT
        if known and self._alone[peer] < ALONE_A_PEER and self._alone.total() < ALONE:
            self._alone[peer] += 1
            return True
        self._summed[error_type(call) or "none"] += 1
        if peer in self._peers or len(self._peers) < PEERS_KEPT:
            self._peers[peer] += 1
        return False

    @property
    def over(self) -> bool:
        """Whether the span has ended."""
        return self._clock() - self._began >= SPAN

    def sum(self) -> Mapping[str, Any] | None:
        """The members of the line that sums up the span; None: every call got its own line. Begins the next span."""
        calls, errors, peers = self._summed.total(), dict(self._summed), self._peers
        seconds = round(self._clock() - self._began, 1)
        self._alone, self._summed, self._peers = Counter(), Counter(), Counter()
        self._began = self._clock()
        if not calls:
            return None
        told = dict(peers.most_common(PEERS_TOLD))
        return {
            "calls": calls,
            "seconds": seconds,
            "error.type": errors,
            "peers": told,
            "calls.of_other_peers": calls - sum(told.values()),
        }
