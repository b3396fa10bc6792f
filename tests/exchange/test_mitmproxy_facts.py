"""What mitmproxy does by itself, as docs/mitmproxy.md says it; and that the sidecar leaves mitmproxy whole.

Each case runs a plain mitmproxy in front of a plain HTTP server, without the sidecar's addons. A release of mitmproxy
that behaves in another way fails here first, and by name.
"""

import ast
import asyncio
import http.client
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import ctx, exceptions, options
from mitmproxy.addons import script
from mitmproxy.connection import Client
from mitmproxy.hooks import ConfigureHook
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tools.dump import DumpMaster

from addons.exchange.layer import ClosingLayer
from addons.process import lifecycle
from addons.process.lockdown import Lockdown
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.waiting import LONGEST, eventually

SECOND = 1


class Server(ThreadingHTTPServer):
    """Answers 200, and counts."""

    daemon_threads = True
    asked = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class Ready:
    name = "test-ready"

    def __init__(self) -> None:
        self.event = threading.Event()

    def running(self) -> None:
        self.event.set()


@contextmanager
def plain_mitmproxy(server: Server, addon: Any, **more: Any) -> Iterator[int]:
    """A reverse proxy to the server, with one addon of the test's and more options; its port."""
    ready, started = Ready(), dict[str, Any]()

    async def run() -> None:
        master = DumpMaster(options.Options(), with_termlog=False, with_dumper=False)
        target = f"http://127.0.0.1:{server.server_address[1]}"
        master.options.update(mode=[f"reverse:{target}@127.0.0.1:0"], connection_strategy="lazy", **more)
        master.addons.add(addon, ready)
        chain = master.addons.chain  # where mitmproxy puts scripts: before what comes behind its script loader
        chain.insert(chain.index(master.addons.get("scriptloader")), chain.pop(chain.index(addon)))
        master.addons.invoke_addon_sync(addon, ConfigureHook(set(master.options.keys())))
        started.update(master=master, loop=asyncio.get_running_loop())
        await master.run()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.event.wait(LONGEST)
    master = started["master"]
    proxyserver = master.addons.get("proxyserver")
    try:
        yield proxyserver.listen_addrs()[0][1]
    finally:
        asyncio.run_coroutine_threadsafe(proxyserver.servers.update([]), started["loop"]).result(LONGEST)
        master.shutdown()
        thread.join(LONGEST)
        assert not thread.is_alive()


def get(port: int) -> int | None:
    """The status of the answer; None where the connection closes without one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LONGEST)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class RaisesInRequest:
    def request(self, _flow: object) -> None:
        raise RuntimeError("injected")


class RaisesInNextLayer:
    def next_layer(self, _next_layer: layer.NextLayer) -> None:
        raise RuntimeError("injected")


class ChoosesALayer:
    def next_layer(self, next_layer: layer.NextLayer) -> None:
        next_layer.layer = ClosingLayer(next_layer.context)


class RefusesTheCaller:
    def client_connected(self, client: Client) -> None:
        client.error = "refused"


class RefusesTheDial:
    def server_connect(self, data: ServerConnectionHookData) -> None:
        data.server.error = "refused"


@pytest.mark.parametrize(
    ("addon", "status", "asked"),
    [
        pytest.param(RaisesInRequest(), 200, 1, id="an addon that raises in `request` lets the request through"),
        pytest.param(RaisesInNextLayer(), 200, 1, id="one that raises in `next_layer` leaves the choice to mitmproxy"),
        pytest.param(ChoosesALayer(), None, 0, id="the layer that an addon chooses in `next_layer` stands"),
        pytest.param(RefusesTheCaller(), None, 0, id="an error set in `client_connected` closes the connection"),
        pytest.param(RefusesTheDial(), 502, 0, id="an error set in `server_connect` stops the dial"),
    ],
)
def test_what_becomes_of_a_request(server: Server, addon: Any, status: int | None, asked: int) -> None:
    with plain_mitmproxy(server, addon) as port:
        assert get(port) == status
    assert server.asked == asked


class RaisingLayer(layer.Layer):
    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from ()
        if not isinstance(event, events.DataReceived):
            return
        raise RuntimeError("injected")


class ChoosesALayerThatRaises:
    def next_layer(self, next_layer: layer.NextLayer) -> None:
        next_layer.layer = RaisingLayer(next_layer.context)


def test_a_layer_that_raises_leaves_its_caller_waiting(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with (
        plain_mitmproxy(server, ChoosesALayerThatRaises()) as port,
        socket.create_connection(("127.0.0.1", port), LONGEST) as caller,
    ):
        caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
        eventually(lambda: "mitmproxy has crashed!" in caplog.text)
        caller.setblocking(False)
        with pytest.raises(BlockingIOError):
            caller.recv(1)


class Runs:
    """``loop`` and ``master`` of the mitmproxy that runs."""

    loop: asyncio.AbstractEventLoop
    master: Any

    def running(self) -> None:
        self.loop, self.master = asyncio.get_running_loop(), ctx.master


def cancel_while_it_waits(loop: asyncio.AbstractEventLoop, master: Any, caller: socket.socket) -> asyncio.StreamWriter:
    """Cancels mitmproxy's task for the one connection while it waits to hand on what came; its end of the socket."""
    connections = master.addons.get("proxyserver").connections

    async def cancel() -> asyncio.StreamWriter:
        (handler,) = connections.values()
        lock, streams = handler._server_event_lock, handler.transports[handler.client]
        async with lock:
            caller.sendall(b"GET")
            while not lock._waiters:  # noqa: ASYNC110 - a lock tells nobody of who waits
                await asyncio.sleep(0)
            streams.handler.cancel()
        writer: asyncio.StreamWriter = streams.writer
        return writer

    eventually(lambda: connections)
    writer = asyncio.run_coroutine_threadsafe(cancel(), loop).result(LONGEST)
    eventually(lambda: not connections)
    return writer


def test_a_connection_whose_task_is_cancelled_while_it_waits_stays_open(server: Server) -> None:
    addon = Runs()
    with plain_mitmproxy(server, addon) as port, socket.create_connection(("127.0.0.1", port), LONGEST) as caller:
        left_open = cancel_while_it_waits(addon.loop, addon.master, caller)
        caller.setblocking(False)
        with pytest.raises(BlockingIOError):
            caller.recv(1)
        addon.loop.call_soon_threadsafe(left_open.close)
        caller.settimeout(LONGEST)
        assert caller.recv(1) == b""


def test_the_sidecar_closes_a_connection_whose_task_is_cancelled_while_it_waits(make_settings: SettingsMaker) -> None:
    with (
        RunningSidecar(make_settings()) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), LONGEST) as caller,
    ):
        assert cancel_while_it_waits(sidecar.loop, sidecar.master, caller)
        assert caller.recv(1) == b""


class PassesOn:
    """``flows``: those that mitmproxy has made of what passed."""

    def __init__(self, *, ignore: bool) -> None:
        self.ignore = ignore
        self.flows: list[object] = []

    def next_layer(self, next_layer: layer.NextLayer) -> None:
        next_layer.layer = TCPLayer(next_layer.context, ignore=self.ignore)

    def tcp_start(self, flow: object) -> None:
        self.flows.append(flow)


@pytest.mark.parametrize(("ignore", "flows"), [(True, 0), (False, 1)])
def test_a_tunnel_that_is_ignored_makes_no_flow(server: Server, ignore: bool, flows: int) -> None:
    addon = PassesOn(ignore=ignore)
    with plain_mitmproxy(server, addon) as port:
        assert get(port) == 200
    assert (server.asked, len(addon.flows)) == (1, flows)


class WaitsForACallerInRunning:
    connected = False

    def client_connected(self, _client: Client) -> None:
        self.connected = True

    async def running(self) -> None:
        proxyserver: Any = ctx.master.addons.get("proxyserver")
        with socket.create_connection(proxyserver.listen_addrs()[0][:2]):
            await asyncio.to_thread(eventually, lambda: self.connected)


def test_a_caller_may_come_before_running(server: Server) -> None:
    addon = WaitsForACallerInRunning()
    with plain_mitmproxy(server, addon):
        assert addon.connected


class Ends:
    done_called = False


class EndsAtOnce(Ends):
    def done(self) -> None:
        self.done_called = True


class EndsLater(Ends):
    async def done(self) -> None:
        self.done_called = True


class EndsByATask(Ends):
    def done(self) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self._done())

    async def _done(self) -> None:
        await asyncio.sleep(0)
        self.done_called = True


class Removes:
    """Removes another addon once mitmproxy runs."""

    failed = False

    def __init__(self, other: object) -> None:
        self.other = other

    def running(self) -> None:
        ctx.master.addons.add(self.other)
        try:
            ctx.master.addons.remove(self.other)
        except exceptions.AddonManagerError:
            self.failed = True


@pytest.mark.parametrize(
    ("addon", "removed", "called"),
    [
        pytest.param(EndsAtOnce, True, True, id="a function is called when its addon is removed"),
        pytest.param(EndsLater, True, False, id="a coroutine function is not"),
        pytest.param(EndsByATask, False, True, id="at the end a task that is returned is waited for"),
    ],
)
def test_what_done_may_be(server: Server, addon: type[Ends], removed: bool, called: bool) -> None:
    ends = addon()
    removes = Removes(ends)
    with plain_mitmproxy(server, removes if removed else ends):
        pass
    assert (ends.done_called, removes.failed) == (called, not called)


def test_how_a_script_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a module name that nobody imports; and its folder stays where modules are looked for first."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    file = tmp_path / "own.py"
    file.write_text("class Own: ...")
    loaded = script.load_script(str(file))
    assert loaded
    assert loaded.Own.__module__ == loaded.__name__ == "__mitmproxy_script__.own"
    assert sys.path[0] == str(tmp_path)


def test_a_script_is_watched_until_its_watcher_is_stopped(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "ReloadInterval", 0.01)
    monkeypatch.setattr(sys, "path", [*sys.path])
    file, addon = tmp_path / "own.py", Runs()
    file.write_text("version = 1")
    with plain_mitmproxy(server, addon, scripts=[str(file)]):
        (watched,) = addon.master.addons.get("scriptloader").addons
        assert eventually(lambda: watched.ns)
        file.write_text("version = 2")
        os.utime(file, (time.time() + 1, time.time() + 1))  # later than before, however coarse the file's clock is
        eventually(lambda: getattr(watched.ns, "version", None) == 2)  # there is none while it is read again
        addon.loop.call_soon_threadsafe(lifecycle._stop_script_reload)
        eventually(watched.reloadtask.cancelled)


class SetsAnUnknownOption:
    """``kept``: the option, which mitmproxy neither knows nor refuses."""

    kept = False

    def running(self) -> None:
        ctx.options.update_defer(no_such_option="x")
        self.kept = "no_such_option" in ctx.options.deferred


def test_an_unknown_option_is_kept_in_silence(server: Server) -> None:
    addon = SetsAnUnknownOption()
    with plain_mitmproxy(server, addon) as port:
        assert get(port) == 200
    assert addon.kept


def test_a_connection_on_which_nothing_passes_is_closed(server: Server) -> None:
    with (
        plain_mitmproxy(server, Ends(), tcp_timeout=SECOND) as port,
        socket.create_connection(("127.0.0.1", port), LONGEST) as caller,
    ):
        assert caller.recv(1) == b""


def test_mitmproxys_timeout_does_not_cut_a_stream_that_runs(make_settings: SettingsMaker) -> None:
    """It counts what passes its own layers, and answers do not; so each write to a caller is told to it."""

    def is_lockdown(addon: Any) -> bool:
        return isinstance(addon, Lockdown)  # which holds the timeout to the provider's

    stream = {**HELLO, "stream": True, "metadata": {"simulate": "pause=0.3 events=12"}}
    with RunningSidecar(make_settings(), without=is_lockdown) as sidecar:
        sidecar.on_loop(lambda: sidecar.master.options.update(tcp_timeout=SECOND))
        assert b"response.completed" in post(sidecar.port, stream).body


PAGE = Path(__file__).parents[2] / "docs" / "mitmproxy.md"
ROOT = PAGE.parents[1]


def quoted(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)


def listed() -> Mapping[str, Collection[str]]:
    """The page's table: what is not documented, and the files that use it."""
    rows = re.findall(r"^\| (`.+`) \| (`addons/.+`) \|$", PAGE.read_text(), re.MULTILINE)
    return {name: set(quoted(files)) for names, files in rows for name in quoted(names)}


def used(names: Collection[str]) -> Mapping[str, Collection[str]]:
    """Where the code uses these: a name with dots by its end, whatever the object is that stands before it."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "addons").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                whole = ast.unparse(node)
                for name in names:
                    if whole == name or whole.endswith(f".{name}"):
                        found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return found


def test_what_is_not_documented_is_used_in_few_files() -> None:
    assert len(listed()) > 10
    assert used(listed().keys()) == listed()
