"""What mitmproxy does by itself, as docs/mitmproxy.md says it; and that the sidecar leaves mitmproxy whole.

Each case runs a plain mitmproxy in front of a plain HTTP server, without the sidecar's addons. A release of mitmproxy
that behaves in another way fails here first, and by name.
"""

import ast
import asyncio
import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import ctx, options
from mitmproxy.hooks import ConfigureHook
from mitmproxy.proxy import layer
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tools.dump import DumpMaster

from addons.exchange.layer import ClosingLayer
from addons.process.lockdown import Lockdown
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.waiting import LONGEST

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
def plain_mitmproxy(server: Server, addon: Any) -> Iterator[int]:
    """A reverse proxy to the server, with one addon of the test's; its port."""
    ready, started = Ready(), dict[str, Any]()

    async def run() -> None:
        master = DumpMaster(options.Options(), with_termlog=False, with_dumper=False)
        target = f"http://127.0.0.1:{server.server_address[1]}"
        master.options.update(mode=[f"reverse:{target}@127.0.0.1:0"], connection_strategy="lazy")
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


class RefusesTheDial:
    def server_connect(self, data: ServerConnectionHookData) -> None:
        data.server.error = "refused"


@pytest.mark.parametrize(
    ("addon", "status", "asked"),
    [
        pytest.param(RaisesInRequest(), 200, 1, id="an addon that raises in `request` lets the request through"),
        pytest.param(RaisesInNextLayer(), 200, 1, id="one that raises in `next_layer` leaves the choice to mitmproxy"),
        pytest.param(ChoosesALayer(), None, 0, id="the layer that an addon chooses in `next_layer` stands"),
        pytest.param(RefusesTheDial(), 502, 0, id="an error set in `server_connect` stops the dial"),
    ],
)
def test_what_becomes_of_a_request(server: Server, addon: Any, status: int | None, asked: int) -> None:
    with plain_mitmproxy(server, addon) as port:
        assert get(port) == status
    assert server.asked == asked


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


def test_mitmproxys_timeout_does_not_cut_a_stream_that_runs(make_settings: SettingsMaker) -> None:
    """It counts what passes its own layers, and answers do not; so each write to a caller is told to it."""

    def is_lockdown(addon: Any) -> bool:
        return isinstance(addon, Lockdown)  # which holds the timeout to the provider's

    stream = {**HELLO, "stream": True, "metadata": {"simulate": "pause=0.3 events=12"}}
    with RunningSidecar(make_settings(), without=is_lockdown) as sidecar:
        sidecar.on_loop(lambda: sidecar.master.options.update(tcp_timeout=SECOND))
        assert b"response.completed" in post(sidecar.port, stream).body


UNDOCUMENTED = {
    ".transports", ".timeout_watchdog", ".server_event", ".wakeup_timer",
    "proxyserver.connections", "proxyserver.servers", "instance._servers",
}  # fmt: skip
"""As the code writes them; those that begin with a dot, of whatever object."""


def test_what_is_not_documented_is_used_in_few_files() -> None:
    addons = Path(__file__).parents[2] / "addons"
    found: dict[str, set[str]] = {}
    for path in addons.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                for name in {ast.unparse(node), f".{node.attr}"} & UNDOCUMENTED:
                    found.setdefault(name, set()).add(str(path.relative_to(addons)))
    assert set(found) == UNDOCUMENTED
    files = {"exchange/socket_wire.py", "exchange/listener.py", "process/drain.py"}
    assert set().union(*found.values()) == files
    assert {name for name, where in found.items() if "process/drain.py" in where} == {"proxyserver.servers"}
