"""Addon: looks once a day at what a day decides, such as models whose shutdown comes near."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from addons.journal.readings import Reading

A_DAY: Final = 24 * 60 * 60.0  # seconds

_log = structlog.get_logger("sidecar.daily")


class Daily:
    """``look`` is called a day after the start, and each day from then on. It may read files: it runs on a thread."""

    name = "sidecar-daily"

    def __init__(self, look: Callable[[], object], every: float = A_DAY) -> None:
        self._look = look
        self._every = every
        self._task: asyncio.Task[None] | None = None  # until all of mitmproxy runs, which may never be

    def running(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def done(self) -> None:
        if self._task:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await asyncio.to_thread(self._look)
            except Exception as error:  # noqa: BLE001 - the next day is looked at all the same
                _log.error("daily_look_failed", exc_info=error)


def days_readings(
    shutdown: Callable[[], Iterable[tuple[str, int]]], expiry: Callable[[], Iterable[tuple[str, float]]]
) -> Sequence[Reading]:
    """``shutdown`` gives models of the catalogue, ``expiry`` settings that name certificates, each with days left."""
    return (
        Reading(
            "foundry.sidecar.model.shutdown",
            "d",
            "days until the provider shuts a model down, of models that may be used and have such a day",
            lambda: [(float(left), {"model": model}) for model, left in shutdown()],
        ),
        Reading(
            "foundry.sidecar.certificate.expiry",
            "d",
            "days until a setting's certificates end: a chain's first, of a bundle of authorities the last",
            lambda: [(left, {"setting": setting}) for setting, left in expiry()],
        ),
    )
