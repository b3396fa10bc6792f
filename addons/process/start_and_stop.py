"""Addon: starts a part of the sidecar with mitmproxy, and stops it with it."""

import asyncio
from typing import Protocol

import structlog

from addons.usage.ledger_file import LedgerError

_log = structlog.get_logger("sidecar.ledger")


class Part(Protocol):
    def start(self) -> None: ...

    async def stop(self) -> None: ...


class StartAndStop:
    """Addon: starts a part with mitmproxy, and stops it with it. A part that can't start stops the start.

    Those that take calls' last records stand behind the Journal.
    """

    def __init__(self, name: str, part: Part) -> None:
        self.name = name
        self.part = part

    def load(self, _loader: object) -> None:
        try:
            self.part.start()
        except LedgerError as error:  # an error that is logged now stops the start
            _log.error("ledger_not_opened", why=str(error))

    def done(self) -> asyncio.Task[None]:
        """mitmproxy waits for the task at its end; where it takes a script out, it calls no coroutine functions."""
        return asyncio.get_running_loop().create_task(self.part.stop())
