"""Addon: whether the sidecar should get new calls, and if not, why.

What a call needs from elsewhere, to be judged, is asked for now and then: the caller's verifier and the store of
limits. The provider is not among it: a sidecar taken out of service would not bring the provider back.
"""

import asyncio
import base64
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from addons.foundry.refusals import Refusal
from addons.exchange.rules import InForce
from addons.stores.counters import Counters, StoreUnavailableError

SOUND_EVERY: Final = 30.0  # seconds to the next look; a thousand sidecars ask an identity provider 33 times a second
FAILING_EVERY: Final = 3.0
DEADLINE: Final = 5.0  # seconds for one look, beyond the verifier's own

NOBODY: Final = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"RS256","kid":"readiness"}', b"{}", b"-")
)
"""A token nobody has, in the form of a signed one, so that each verifier asks whom it would ask about a real one."""

_log = structlog.get_logger("sidecar.readiness")


class Readiness:
    name = "sidecar-readiness"

    def __init__(self, in_force: InForce, counters: Counters, draining: Callable[[], bool]) -> None:
        self._in_force = in_force
        self._counters = counters
        self._draining = draining
        self._missing: Sequence[str] = ("starting",)

    def missing(self) -> Sequence[str]:
        """Why no new call is welcome; empty when it is. May be asked on any thread."""
        return ("draining",) if self._draining() else self._missing

    def running(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def done(self) -> None:
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
        """What can't be reached now."""
        return [why for why in (await self._verifier(), await self._store()) if why]

    async def _verifier(self) -> str | None:
        try:
            async with asyncio.timeout(DEADLINE):
                await self._in_force.rules.verifier.verify(NOBODY)
        except Refusal as refusal:
            return refusal.detail or refusal.name if refusal.name == "verifier_unreachable" else None
        except Exception as error:  # noqa: BLE001 - whatever it is, calls would meet it too
            return f"caller: {type(error).__name__}"
        return None

    async def _store(self) -> str | None:
        if not self._in_force.rules.store_needed:
            return None
        try:
            await self._counters.read(["readiness"])
        except StoreUnavailableError as error:
            return f"limits.storage: {error}"
        return None
