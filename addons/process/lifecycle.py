"""Addon: when the sidecar is ready, and how it ends.

mitmproxy would end at the first signal and cut every stream. Here the first begins the drain and the second ends
at once.
"""

import asyncio
import signal
import threading
from typing import Any, Final

import structlog
from mitmproxy import ctx

from addons.process import logs
from addons.process.drain import Drain

OF_MITMPROXY: Final = (signal.SIGUSR1, signal.SIGUSR2)
"""At which mitmproxy prints its connections and stacks among the lines of the log."""

_log = structlog.get_logger("sidecar")


class Lifecycle:
    name = "sidecar-lifecycle"

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._ending: asyncio.Task[None] | None = None

    def running(self) -> None:
        _stop_script_reload()
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():  # where signals arrive
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._end, number.name)
            for number in OF_MITMPROXY:
                loop.add_signal_handler(number, lambda: None)
        if writer := logs.writer():
            writer.when_failed(lambda why: loop.call_soon_threadsafe(self._end, f"the log can't be written: {why}"))
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        _log.info("listening", addresses=[f"{host}:{port}" for host, port, *_ in proxyserver.listen_addrs()])

    def _end(self, why: str) -> None:
        if self._ending is None:
            _log.info("draining", why=why)
            self._ending = asyncio.get_running_loop().create_task(self._drain_and_leave())
        else:
            _log.warning("ending_at_once", why=why)
            ctx.master.shutdown()

    async def _drain_and_leave(self) -> None:
        try:
            await self._drain.run()
        finally:
            ctx.master.shutdown()


def _stop_script_reload() -> None:
    """mitmproxy watches the script file: a change would load it anew beside stale imports, its removal unload us."""
    loader: Any = ctx.master.addons.get("scriptloader")
    for script in loader.addons:
        if script.reloadtask is not None:
            script.reloadtask.cancel()
