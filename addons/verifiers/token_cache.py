"""What was proved about a token is remembered for a while, by the hash of the whole token (SPEC §3)."""

import time
from collections import OrderedDict
from collections.abc import Callable

from addons.foundry.caller import Caller, token_hash
from addons.foundry.refusals import Refusal
from addons.verifiers.protocol import Verifier
from addons.verifiers.refused import afresh
from addons.verifiers.single_flight import SingleFlight


class TokenCache:
    """Stands before a verifier and asks it once for many calls.

    Args:
        source: asked when nothing is remembered; once for all calls that bring the same token at the same time.
        seconds: how long a caller is remembered, at most until ``expires_at``.
        entries: how many callers, and how many refused tokens, are remembered; the least recently used goes first.
        refused_seconds: how long ``unauthorized`` is remembered, so that refusing stays cheap. Whatever else
            ``source`` raises is never remembered.
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
        self._callers = _Shelf[Caller](entries)
        self._refusals = _Shelf[Refusal](entries)  # of its own: a flood of bad tokens must not push out good ones
        self._flight = SingleFlight[str, Caller]()

    async def verify(self, token: str) -> Caller:
        key = token_hash(token)
        now = self._clock()
        caller = self._callers.get(key, now)
        if caller is not None:
            return caller
        refusal = self._refusals.get(key, now)
        if refusal is not None:
            raise afresh(refusal)
        return await self._flight.run(key, lambda: self._ask(key, token))

    async def _ask(self, key: str, token: str) -> Caller:
        now = self._clock()  # before asking: what is learnt holds from then on
        try:
            caller = await self._source.verify(token)
        except Refusal as refusal:
            if refusal.name == "unauthorized":
                self._refusals.put(key, refusal, now, now + self._refused_seconds)
            raise
        until = now + self._seconds
        self._callers.put(key, caller, now, until if caller.expires_at is None else min(until, caller.expires_at))
        return caller


class _Shelf[V]:
    """Values that hold from one moment until another; bounded, least recently used out first."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._values: OrderedDict[str, tuple[float, float, V]] = OrderedDict()

    def get(self, key: str, now: float) -> V | None:
        held = self._values.get(key)
        if held is None:
            return None
        since, until, value = held
        if not since <= now < until:  # a clock set back must not stretch a value's life
            del self._values[key]
            return None
        self._values.move_to_end(key)
        return value

    def put(self, key: str, value: V, since: float, until: float) -> None:
        if until <= since:
            return
        self._values[key] = (since, until, value)
        self._values.move_to_end(key)
        if len(self._values) > self._entries:
            self._values.popitem(last=False)
