"""The traps of standing in mitmproxy's place: its other ways out are shut, and nothing of it is replaced."""

import asyncio
import functools
import gc
import importlib
import inspect
import pkgutil
import socket
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from functools import partialmethod
from typing import Any, Final

import h11
import httptools
import mitmproxy.proxy
import pytest
from mitmproxy import connection, http
from mitmproxy.addons.clientplayback import ClientPlayback
from mitmproxy.hooks import all_hooks
from mitmproxy.proxy import layer, server
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


WATCHED: Final = ("mitmproxy", "h11", "httptools", "OpenSSL", "asyncio")
"""Packages of which nothing is replaced."""

SET_BY_THEMSELVES: Final = frozenset({
    "mitmproxy.ctx.master", "mitmproxy.ctx.options", "mitmproxy.ctx.log", "asyncio.events._event_loop_policy",
    "asyncio.tasks._current_tasks",
})  # fmt: skip
"""For each of mitmproxy's masters, with the first event loop, and where a signal arrives within a task."""


def modules() -> Iterator[types.ModuleType]:
    for package in (mitmproxy.proxy, h11, httptools):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    yield from [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in WATCHED]


def made_of(value: object) -> object:
    """What tells a value from any other that may stand in its place, or that it may be made into."""
    if isinstance(value, types.FunctionType):
        return id(value), id(value.__code__), id(value.__defaults__), id(value.__kwdefaults__)
    if isinstance(value, dict):
        return id(value), tuple((id(key), id(each)) for key, each in value.items())
    return id(value)


def definitions() -> Mapping[str, object]:
    """What modules and their classes hold, by name."""
    found: dict[str, object] = {}
    for module in modules():
        for name, value in vars(module).items():
            place = f"{module.__name__}.{name}"
            if isinstance(value, types.ModuleType) or name.startswith("__") or place in SET_BY_THEMSELVES:
                continue
            found[place] = made_of(value)
            if isinstance(value, type) and value.__module__.partition(".")[0] in WATCHED:
                found |= {
                    f"{value.__module__}.{value.__qualname__}.{each}": made_of(own) for each, own in vars(value).items()
                }
    return found


def changed(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    known = {name.rpartition(".")[0] for name in before}  # what is loaded meanwhile is no change
    return {
        name
        for name in {*before, *after}
        if before.get(name) != after.get(name) and (name in before or name.rpartition(".")[0] in known)
    }


def of_ours(value: object) -> bool:
    """Whether what is called there is ours: a function, a class, an object, whatever is wrapped around it."""
    while isinstance(value, functools.partial):
        value = value.func
    value = inspect.unwrap(value) if callable(value) else None
    return str(getattr(value, "__module__", "")).startswith("addons.")


def on_instances() -> list[str]:
    """Where one of ours is called in place of an instance's own, as a hook that its class has not, or is its class."""
    gc.unfreeze()  # what was there when the sidecar had started is not among the objects else
    every = [each for each in gc.get_objects() if not isinstance(each, type)]
    return [
        f"{type(each).__name__}.{name}"
        for each in every
        if str(type(each).__module__).partition(".")[0] in WATCHED
        for name, value in getattr(each, "__dict__", {}).items()
        if (hasattr(type(each), name) or name in all_hooks) and of_ours(value)
    ]


OURS: Final = frozenset({
    "CallerLayer", "ClosingLayer", "ConversationView", "OptionRefusedError", "TlsConnection", "TunnelOpened",
})  # fmt: skip
"""Classes that are derived from those packages' own: layers, an event, a view, an error, a protocol of asyncio's."""


def derived() -> set[str]:
    found = set()
    for module in [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == "addons"]:
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__.startswith("addons."):
                bases = {base.__module__.partition(".")[0] for base in value.__mro__}
                found |= {value.__name__} if bases & set(WATCHED) else set()
    return found


class Ours:
    """As if it were defined in ``addons``."""

    __module__ = "addons.of.the.test"

    def __call__(self, *_: Any) -> None: ...


REPLACED: Final[Mapping[str, Callable[[pytest.MonkeyPatch, Any], object]]] = {
    "a class in a module": lambda patch, _: patch.setattr(server, "TimeoutWatchdog", Ours),
    "a constant in a module": lambda patch, _: patch.setattr(server, "UDP_TIMEOUT", 5),
    "a parser's constant": lambda patch, _: patch.setattr(h11._connection, "DEFAULT_MAX_INCOMPLETE_EVENT_SIZE", 5),
    "an entry of a table": lambda patch, _: patch.setitem(all_hooks, "request", Ours),
    "a method of a class": lambda patch, _: patch.setattr(layer.Layer, "handle_event", Ours()),
    "a method that a class had not": lambda patch, _: patch.setattr(layer.Layer, "fresh", Ours(), raising=False),
    "a method of asyncio's": lambda patch, _: patch.setattr(asyncio.StreamReader, "read", Ours()),
    "what a method takes by itself": lambda patch, _: patch.setattr(layer.Layer.handle_event, "__defaults__", (1,)),
    "an instance's method": lambda patch, own: patch.setattr(own, "running", CallerLayer._handle_event),
    "by a partial": lambda patch, own: patch.setattr(own, "running", functools.partial(CallerLayer._handle_event)),
    "by a cache": lambda patch, own: patch.setattr(own, "running", functools.cache(CallerLayer._handle_event)),
    "by an object": lambda patch, own: patch.setattr(own, "running", Ours()),
    "by a class": lambda patch, own: patch.setattr(own, "running", Ours),
    "a hook that its class has not": lambda patch, own: patch.setattr(own, "next_layer", Ours(), raising=False),
}


@pytest.mark.parametrize("replace", REPLACED.values(), ids=REPLACED)
def test_what_is_replaced_is_found(
    sidecar: RunningSidecar, monkeypatch: pytest.MonkeyPatch, replace: Callable[[pytest.MonkeyPatch, Any], object]
) -> None:
    before = definitions()
    assert (changed(before, definitions()), on_instances()) == (set(), [])
    replace(monkeypatch, sidecar.master.addons.get("proxyserver"))
    assert changed(before, definitions()) or on_instances()


@pytest.mark.parametrize("inspect", [False, True], ids=["start", "web"])
def test_nothing_of_mitmproxys_or_of_the_parsers_is_replaced(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, inspect: bool
) -> None:
    """Neither in modules and classes, nor on the instances that live while calls are served."""
    before = definitions()
    provider.script("", "hold=2")
    with RunningSidecar(make_settings(), inspect=inspect) as sidecar:
        assert post(sidecar.port).status == 200
        with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
            caller.sendall(request_bytes(STREAM))
            assert caller.recv(65536)
            assert on_instances() == []
        after = definitions()
    assert changed(before, after) == set()
    assert derived() <= OURS


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
