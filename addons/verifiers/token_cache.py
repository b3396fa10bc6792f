"""Remembers for a time what a verifier said of a token, by the hash of the whole token (docs/contract.md#callers)."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Final

from addons.foundry.caller import Caller, token_hash
from addons.foundry.refusals import Refusal
from addons.verifiers.protocol import Verifier
from addons.verifiers.refused import Denial
from addons.verifiers.single_flight import SingleFlight

_REFUSALS: Final = 1_000
"""Refused tokens remembered at most: enough for clients that retry, and little memory under a flood."""

_CLEAR_EVERY: Final = 10.0  # seconds


verify_again: Final = ContextVar("verify_again", default=False)
"""Where it is true in the current context, the verifier is asked although a caller is remembered. A call that a person
sends again from mitmweb needs that. Remembered refusals still count.
"""


class TokenCache:
    """A verifier that asks another one, and remembers its answers.

    Args:
        source: asked when nothing is remembered; once for all calls that bring the same token at the same time.
        seconds: how long a caller is remembered, but never past its ``expires_at``.
        entries: how many callers are remembered at most; the least recently used is forgotten first.
        refused_seconds: how long a refusal ``unauthorized`` is remembered; other refusals and errors never are.
        clock: Unix time in seconds.
    """

    def __init__(
        self,
        source: Verifier,
        *,
        seconds: float,
        entries: int,
        refused_seconds: float = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._refused_seconds = refused_seconds
        self._clock = clock
        self._callers = _ExpiringValues[Caller](entries)
        # Apart from the callers: a flood of bad tokens must not displace good ones.
        self._refusals = _ExpiringValues[Denial](min(entries, _REFUSALS))
        self._flight = SingleFlight[str, Caller]()

    async def verify(self, token: str) -> Caller:
        key = token_hash(token)
        now = self._clock()
        caller = None if verify_again.get() else self._callers.get(key, now)
        if caller is not None:
            return caller
        denial = self._refusals.get(key, now)
        if denial is not None:
            raise denial.refusal()
        return await self._flight.run(key, lambda: self._ask(key, token))

    async def missing(self) -> Sequence[str]:
        return await self._source.missing()

    async def _ask(self, key: str, token: str) -> Caller:
        now = self._clock()  # read before asking: the answer may be as old as the request
        try:
            caller = await self._source.verify(token)
        except Refusal as refusal:
            if refusal.name == "unauthorized":
                self._refusals.put(key, Denial.of(refusal), now, now + self._refused_seconds)
            raise
        until = now + self._seconds
        self._callers.put(key, caller, now, until if caller.expires_at is None else min(until, caller.expires_at))
        return caller


class _ExpiringValues[V]:
    """Values that count from one time until another. Over ``entries``, the least recently used is forgotten."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._values: OrderedDict[str, tuple[float, float, V]] = OrderedDict()
        self._cleared = float("-inf")

    def get(self, key: str, now: float) -> V | None:
        held = self._values.get(key)
        if held is None:
            return None
        since, until, value = held
        if not since <= now < until:  # before `since` the clock was set back: the value could live too long
            del self._values[key]
            return None
        self._values.move_to_end(key)
        return value

    def put(self, key: str, value: V, since: float, until: float) -> None:
        if until <= since:
            return
        if not 0 <= since - self._cleared < _CLEAR_EVERY:
            self._clear(since)
        self._values[key] = (since, until, value)
        self._values.move_to_end(key)
        if len(self._values) > self._entries:
            self._values.popitem(last=False)

    def _clear(self, now: float) -> None:
        """Removes the values that no longer count, also those that no call asks for again."""
        self._cleared = now
        for key in [key for key, (since, until, _) in self._values.items() if not since <= now < until]:
            del self._values[key]
