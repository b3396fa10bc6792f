"""Addon: the configuration and the certificates it names may change while calls are served.

What is good takes over whole, for calls that begin from then on. What is bad changes nothing: the log says why,
with file and line. SIGHUP has it all looked at now. Files of tokens and keys are looked at by those who use them
(`WatchedFile`, `Secret`).
"""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import structlog
from mitmproxy import ctx

from addons.process.reload_times import ReloadTimes
from addons.sources.watched_file import stamp, wait_until_written

LOOK_EVERY: Final = 1.0  # seconds
TRY_AGAIN_EVERY: Final = 5.0  # seconds; what a refused configuration names may come later than the configuration

_log = structlog.get_logger("sidecar.reload")


class Prepared(NamedTuple):
    """A good configuration: ``put_in_force`` does so, and ``told`` is what the log says of it."""

    put_in_force: Callable[[], object]
    told: Mapping[str, Any]


class Changing(Protocol):
    """A configuration that can be read again."""

    def files(self) -> Iterable[Path]:
        """Those to look at."""

    def prepare(self, changed: set[Path]) -> Prepared:
        """Reads it again, on a thread; ``put_in_force`` is for the event loop's. Raises whatever is wrong."""


class Reload:
    name = "sidecar-reload"

    def __init__(self, changing: Changing, times: ReloadTimes) -> None:
        self._changing = changing
        self._times = times
        self._stamps = self._seen = self._look()  # of what is in force; of what was tried last
        self._tried = 0.0
        self._refused = ""
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None  # until all of mitmproxy runs, which may never be

    def running(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._watch())
        if threading.current_thread() is threading.main_thread():  # where signals arrive
            loop.add_signal_handler(signal.SIGHUP, self._asked.set)

    def done(self) -> None:
        if self._task:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), LOOK_EVERY)
            if asked := self._asked.is_set():  # by a person, who wants an answer
                self._asked.clear()
                self._refused = ""
            stamps = await asyncio.to_thread(self._look)
            again = self._refused and time.monotonic() - self._tried >= TRY_AGAIN_EVERY
            if stamps != self._seen:
                stamps = await asyncio.to_thread(self._settled)
            if asked or again or stamps != self._seen:
                self._seen, self._tried = stamps, time.monotonic()
                await self._take_over(stamps)

    async def _take_over(self, stamps: dict[Path, object]) -> None:
        """``stamps`` were taken before anything is read: a change after them shows at the next look."""
        changed = {path for path, seen in stamps.items() if seen != self._stamps.get(path)}
        try:
            prepared = await asyncio.to_thread(self._changing.prepare, changed)
            _renew_certificates()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with what is new, what was stays
            why = str(error)
            if why != self._refused:
                _log.error("reload_refused", why=why, meaning="what was in force stays so")
            self._refused = why
            self._times.refused()
        else:
            prepared.put_in_force()
            self._times.took_over()
            self._refused = ""
            self._stamps = self._seen = await asyncio.to_thread(self._look) | stamps
            _log.info("reloaded", files=sorted(map(str, changed)), **prepared.told)

    def _look(self) -> dict[Path, object]:
        return {path: stamp(path) for path in self._changing.files()}

    def _settled(self) -> dict[Path, object]:
        for path in self._changing.files():
            wait_until_written(path)
        return self._look()


def _renew_certificates() -> None:
    """mitmproxy reads certificate files when this option is set, if only to the value that it has."""
    ctx.options.update(certs=list(ctx.options.certs))
