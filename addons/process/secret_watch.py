"""Addon: says when a secret in use can't be read any more, and when it can again.

Calls go on with the last good value meanwhile (``Secret``), so that nobody would notice until the next start.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from addons.values.secret import Secret, SecretError

LOOK_EVERY: Final = 1.0  # seconds

type Told = Callable[[str, str | None], object]
"""Takes the key of a setting and what is wrong with its secret now; None: it is good again."""

_log = structlog.get_logger("sidecar.secrets")


class SecretWatch:
    """
    Args:
        secrets: those in use now, by the keys of their settings.
        told: whoever is to know besides the log: readiness, alarms. Called on the event loop, once for each change.
    """

    name = "sidecar-secret-watch"

    def __init__(self, secrets: Callable[[], Mapping[str, Secret]], told: Told = lambda _key, _why: None) -> None:
        self._secrets = secrets
        self._told = told
        self._faults: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None  # until all of mitmproxy runs, which may never be
        self._look()  # so that there is a good value to keep from the first moment on

    def running(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._watch())

    def done(self) -> None:
        if self._task:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            self._tell(await asyncio.to_thread(self._look))
            await asyncio.sleep(LOOK_EVERY)

    def _look(self) -> dict[str, str]:
        return {key: why for key, secret in self._secrets().items() if (why := _fault(secret))}

    def _tell(self, faults: dict[str, str]) -> None:
        before, self._faults = self._faults, faults
        for key, why in faults.items():
            if before.get(key) != why:
                _log.error("secret_unusable", setting=key, why=why, meaning="the last good value stays in use")
                self._told(key, why)
        for key in before.keys() - faults.keys():
            _log.info("secret_usable", setting=key)
            self._told(key, None)


def _fault(secret: Secret) -> str | None:
    try:
        secret.read()
    except SecretError as error:
        return str(error)
    return secret.fault
