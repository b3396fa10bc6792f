"""Addon: whether the sidecar should get new calls, and if not, why.

What a call needs from elsewhere before it can leave is asked for now and then: the caller's verifier, the store of
limits, the ledger, the credential for the provider. The provider itself is not among it: a sidecar taken out of service
would not bring the provider back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from addons.exchange.rules import InForce
from addons.gates.counters import Counters, StoreUnavailableError

SOUND_EVERY: Final = 30.0  # seconds to the next look; a thousand sidecars ask an identity provider 33 times a second
FAILING_EVERY: Final = 3.0
DEADLINE: Final = 5.0  # seconds for one look, beyond the verifier's own

_log = structlog.get_logger("sidecar.readiness")


class Readiness:
    name = "sidecar-readiness"

    def __init__(
        self,
        in_force: InForce,
        counters: Counters,
        further: Sequence[Callable[[], Awaitable[str | None]]] = (),
    ) -> None:
        """``further`` are other parts that calls can't do without: each says what is missing, if anything."""
        self._further = further
        self._in_force = in_force
        self._counters = counters
        self._draining = False
        self._missing: Sequence[str] = ("starting",)
        self._task: asyncio.Task[None] | None = None  # until all of mitmproxy runs, which may never be

    def missing(self) -> Sequence[str]:
        """Why the sidecar should get no new calls; empty when it should. May be called on any thread."""
        return ("draining",) if self._draining else self._missing

    def leave(self) -> None:
        """From now on the sidecar should get no new calls."""
        self._draining = True

    def running(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def done(self) -> None:
        if self._task:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            missing = await self.look()
            if missing != self._missing:
                if missing:
                    _log.warning("not_ready", missing=missing)
                else:
                    _log.info("ready")
            self._missing = missing
            await asyncio.sleep(FAILING_EVERY if missing else SOUND_EVERY)

    async def look(self) -> Sequence[str]:
        """The parts that can't be reached now."""
        found = [*await self._verifier(), *await self._credentials()]
        return [*found, *[why for look in (self._store, *self._further) if (why := await look())]]

    async def _verifier(self) -> Sequence[str]:
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._in_force.rules.verifier.missing()
        except Exception as error:  # noqa: BLE001 - whatever it is, calls would meet it too
            return [f"caller: {type(error).__name__}"]

    async def _credentials(self) -> Sequence[str]:
        """Asking also renews those that are to be renewed."""
        found: list[str] = []
        for region, credential in self._in_force.rules.credentials.items():
            try:
                found += [f"provider.regions.{region}: {why}" for why in await credential.missing()]
            except Exception as error:  # noqa: BLE001 - whatever it is, calls would meet it too
                found.append(f"provider.regions.{region}: {type(error).__name__}")
        return found

    async def _store(self) -> str | None:
        if not self._in_force.rules.store_needed:
            return None
        try:
            await self._counters.add({"readiness": 0})  # a store that is another's replica answers, and takes nothing
        except StoreUnavailableError as error:
            return f"limits.storage: {error}"
        return None
