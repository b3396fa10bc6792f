"""A real mitmproxy with the sidecar's addons, in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mitmproxy import certs, options
from mitmproxy.addons.intercept import Intercept
from mitmproxy.addons.view import View
from mitmproxy.hooks import ConfigureHook
from mitmproxy.io import FlowWriter
from mitmproxy.tools.dump import DumpMaster

from addons import assembly
from addons.cassettes.cassette_writer import CassetteWriter
from addons.configuration import mitmproxy_options
from addons.configuration.settings import Settings
from addons.exchange.services import Services
from tests.waiting import LONGEST

# mitmproxy reads its authority's key twice at each start; checking an RSA key takes longer than all else of a start.
certs.load_pem_private_key = cache(certs.load_pem_private_key)


class _Script:
    """Holds the addons as mitmproxy's script loader does: one addon with all of ours inside it."""

    name = "test-script"

    def __init__(self, addons: Sequence[Any]) -> None:
        self.addons = addons


class _Ready:
    name = "test-ready"

    def __init__(self) -> None:
        self.event = threading.Event()

    def running(self) -> None:
        self.event.set()


class RunningSidecar:
    """Starts on enter, stops on exit. ``alter`` may change what every exchange works with.

    ``saved``: where all flows lie at the end, as the page gives them for download. ``options``: of mitmproxy, on
    top of the sidecar's own. ``inspect``: as under ``web``, with a list of flows, which ``view`` may replace.
    ``cassette``: as under ``--record``. ``without`` says which addons are left out; ``hooks`` are those to put in the
    place of an addon's own, by its name and theirs.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        alter: Callable[[Services], object] = lambda _services: None,
        saved: Path | None = None,
        options: Mapping[str, Any] | None = None,
        inspect: bool = False,
        view: View | None = None,
        cassette: CassetteWriter | None = None,
        without: Callable[[Any], bool] = lambda _addon: False,
        hooks: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.settings = settings
        self.services: Services

        def altered(services: Services) -> None:
            self.services = services
            alter(services)

        addons = assembly.assemble(settings, altered, inspect=inspect, cassette=cassette)
        self.addons = [addon for addon in addons if not without(addon)]
        for name, replaced in (hooks or {}).items():
            for hook, function in replaced.items():
                setattr(self.part(name), hook, function)
        self._saved = saved
        self._more = dict(options or {})
        self.view: View = View() if view is None else view
        self._inspect = inspect
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        ready = _Ready()
        self._thread = threading.Thread(target=self._main, args=(ready,), name="sidecar")
        self._thread.start()
        while not ready.event.wait(0.02):
            if not self._thread.is_alive():
                raise RuntimeError(f"the sidecar did not start: {self._error!r}") from self._error
        address = self.master.addons.get("proxyserver").listen_addrs()[0]
        self.host, self.port = address[0], address[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop_listening(), self.loop).result(LONGEST)
        self.master.shutdown()
        self._thread.join(LONGEST)
        assert not self._thread.is_alive(), "the sidecar did not stop"
        if self._saved:
            with self._saved.open("wb") as stream:
                for flow in self.view.resolve("@all"):
                    FlowWriter(stream).add(flow)

    def part(self, name: str) -> Any:
        """One of the sidecar's addons."""
        return next(addon for addon in self.addons if getattr(addon, "name", "") == name)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def on_loop[T](self, function: Callable[[], T]) -> T:
        """Runs a function on the proxy's event loop, and returns what it gave or raises what it raised."""

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(LONGEST)

    async def _stop_listening(self) -> None:
        """mitmproxy leaves its listening sockets to the end of the process; tests have many proxies in one."""
        await self.master.addons.get("proxyserver").servers.update([])

    def _main(self, ready: _Ready) -> None:
        async def main() -> None:
            self.loop = asyncio.get_running_loop()
            self.master = DumpMaster(options.Options(), with_termlog=False, with_dumper=False)
            if self._inspect:
                self.master.addons.add(self.view, Intercept())
            self.master.options.update(**mitmproxy_options.all_options(self.settings), **self._more)
            script = _Script(self.addons)
            self.master.addons.add(script, ready)
            chain = self.master.addons.chain
            chain.insert(chain.index(self.master.addons.get("scriptloader")), chain.pop(chain.index(script)))
            self.master.addons.invoke_addon_sync(script, ConfigureHook(set(self.master.options.keys())))
            await self.master.run()

        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - told to the test by __enter__
            self._error = error
