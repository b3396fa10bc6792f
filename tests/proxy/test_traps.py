"""The traps of standing in mitmproxy's place: its other ways out are shut, and nothing of it is replaced."""

import asyncio
import functools
import gc
import importlib
import pkgutil
import socket
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from functools import partialmethod
from typing import Any

import h11
import httptools
import mitmproxy.proxy
import pytest
from mitmproxy import connection, http
from mitmproxy.addons.clientplayback import ClientPlayback
from mitmproxy.proxy import layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.proxy.server import TimeoutWatchdog
from mitmproxy.test import tflow

from addons.exchange.layer import CallerLayer, ClosingLayer
from addons.simulator.provider import SimulatedProvider
from tests.conftest import PROVIDER_KEY, SettingsMaker
from tests.proxy.client import HELLO, post, request_bytes
from tests.proxy.running import RunningSidecar
from tests.proxy.test_explicit import LISTENS_ON, connected, open_tunnel
from tests.records import Records
from tests.waiting import LONGEST, eventually

STREAM = {**HELLO, "stream": True}


def saved(provider: SimulatedProvider, scheme: str) -> http.HTTPFlow:
    """A request of the provider's, as a saved flow may hold it."""
    flow = tflow.tflow()
    flow.live = False
    flow.request = http.Request.make("POST", f"{scheme}://localhost:{provider.port}/v1/responses", b"{}")
    return flow


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_mitmproxys_own_replay_leads_nowhere(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records, scheme: str
) -> None:
    """It makes a layer of its own, which no gate stands in."""
    dialled, flow = provider.dialled, saved(provider, scheme)

    async def replay() -> None:
        playback = ClientPlayback()
        playback.running()
        playback.start_replay([flow])
        await playback.queue.join()
        await playback.done()

    asyncio.run_coroutine_threadsafe(replay(), sidecar.loop).result(LONGEST)
    assert flow.error
    assert records.of("dial_refused")
    assert provider.dialled == dialled
    assert post(sidecar.port).status == 200


@pytest.mark.parametrize(
    "mode", ["regular", "reverse:http://example.com", "socks5", "upstream:http://example.com", "dns"]
)
@pytest.mark.parametrize("known", [False, True], ids=["of nobody", "of a caller"])
def test_which_layer_stands_on_a_connection(sidecar: RunningSidecar, mode: str, known: bool) -> None:
    """One that only closes, but on the connections of callers in the modes there are."""
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
        caller.sendall(b"P")
        eventually(lambda: sidecar.part("sidecar-listener").callers)

        def ask() -> layer.Layer | None:
            listener = sidecar.part("sidecar-listener")
            client = connection.Client(
                peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), proxy_mode=ProxyMode.parse(mode)
            )
            if known:
                (client.id,) = listener._open
            asked = layer.NextLayer(Context(client, sidecar.master.options))
            listener.next_layer(asked)
            return asked.layer

        found = sidecar.on_loop(ask)
    served = known and mode.startswith(("regular", "reverse"))
    assert type(found) is (CallerLayer if served else ClosingLayer)


def modules() -> Iterator[types.ModuleType]:
    for package in (mitmproxy.proxy, h11, httptools):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)
    yield from [module for name, module in list(sys.modules.items()) if name.startswith(("mitmproxy.", "OpenSSL"))]


def definitions() -> Mapping[str, int]:
    """What modules and their classes hold, by name; values are told apart by their identity."""
    found: dict[str, int] = {}
    for module in modules():
        for name, value in vars(module).items():
            if callable(value) and name != "log":  # which mitmproxy itself gives each of its masters
                found[f"{module.__name__}.{name}"] = id(value)
            if isinstance(value, type):
                found |= {
                    f"{value.__module__}.{value.__qualname__}.{each}": id(own) for each, own in vars(value).items()
                }
    return found


def of_ours(value: object) -> bool:
    function = value.func if isinstance(value, functools.partial) else value
    if not isinstance(function, types.FunctionType | types.MethodType | types.BuiltinFunctionType):
        return False
    return (function.__module__ or "").startswith("addons.")


def on_instances() -> list[str]:
    """Methods of instances that are functions of ours."""
    gc.unfreeze()  # what was there when the sidecar had started is not among the objects else
    return [
        f"{type(each).__name__}.{name}"
        for each in gc.get_objects()
        if str(type(each).__module__).startswith(("mitmproxy", "h11", "asyncio"))
        for name, value in getattr(each, "__dict__", {}).items()
        if of_ours(value) and hasattr(type(each), name)
    ]


def test_what_is_replaced_is_found(sidecar: RunningSidecar, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a module, a class and an instance, one of ours each."""
    before, ours = definitions(), CallerLayer._handle_event
    monkeypatch.setattr(mitmproxy.proxy.server, "TimeoutWatchdog", ours)
    monkeypatch.setattr(layer.Layer, "handle_event", ours)
    proxyserver = sidecar.master.addons.get("proxyserver")
    monkeypatch.setattr(proxyserver, "running", functools.partial(ours))
    after = definitions()
    found = {name for name, value in before.items() if after.get(name) != value}
    assert found >= {"mitmproxy.proxy.server.TimeoutWatchdog", "mitmproxy.proxy.layer.Layer.handle_event"}
    assert on_instances() == ["Proxyserver.running"]


def test_nothing_of_mitmproxys_or_of_the_parsers_is_replaced(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    """Neither in modules and classes, nor on the instances that live while calls are served."""
    before = definitions()
    provider.script("", "hold=2")
    with RunningSidecar(make_settings()) as sidecar:
        assert post(sidecar.port).status == 200
        with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
            caller.sendall(request_bytes(STREAM))
            assert caller.recv(65536)
            assert on_instances() == []
        after = definitions()
    assert {name for name, value in before.items() if after.get(name) != value} == set()


def test_mitmproxys_own_clock_cuts_no_stream(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sees neither the provider's connection nor what is written to the caller's."""
    monkeypatch.setattr(TimeoutWatchdog, "__init__", partialmethod(short, TimeoutWatchdog.__init__))
    provider.script("pause=0.5 events=9")
    with RunningSidecar(make_settings()) as sidecar:
        reply = post(sidecar.port, STREAM)
    assert reply.status == 200
    assert b"event: response.completed" in reply.body
    (record,) = records.wait()
    assert record["call.outcome"] == "served"


def short(watchdog: TimeoutWatchdog, made: Callable[..., None], _timeout: int, callback: Any) -> None:
    made(watchdog, 2, callback)


def own_address() -> str:
    """One that other machines know this one by."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        return str(trial.getsockname()[0])


def test_a_tunnel_does_not_lead_to_this_machine_by_any_of_its_addresses(
    make_settings: SettingsMaker, records: Records
) -> None:
    address = own_address()
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        listen = {"proxy": f"{LISTENS_ON}:0", "passthrough_hosts": [f"here.example.invalid:{port}"]}
        with pytest.MonkeyPatch.context() as patch, RunningSidecar(make_settings(listen=listen)) as sidecar:
            resolve = socket.getaddrinfo
            patch.setattr(
                socket,
                "getaddrinfo",
                lambda host, *more, **how: resolve(address if host == "here.example.invalid" else host, *more, **how),
            )
            with connected(sidecar) as caller:
                assert open_tunnel(caller, f"here.example.invalid:{port}") == 403
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_a_key_file_that_is_gone_sends_nothing(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    settings = make_settings()
    key = settings.provider.regions["global"].api_key
    assert key
    assert key.file
    key.file.unlink()
    dialled = provider.dialled
    with RunningSidecar(settings) as sidecar:
        assert post(sidecar.port).status == 503
        assert provider.dialled == dialled
        key.file.write_text(PROVIDER_KEY)
        assert post(sidecar.port).status == 200
