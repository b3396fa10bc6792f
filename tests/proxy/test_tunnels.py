"""Unread tunnels (`listen.passthrough_hosts`): half-closed, idle, and at the end of the sidecar."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from functools import partial

import pytest

from addons.exchange.socket_wire import SocketWire
from addons.process.drain import Drain
from addons.process.settings import LifecycleSettings
from tests.conftest import SettingsMaker
from tests.proxy.running import RunningSidecar
from tests.proxy.test_explicit import LISTENS_ON, connected, far, open_tunnel
from tests.proxy.test_growth import back_to, descriptors, held
from tests.records import Records
from tests.waiting import LONGEST

__all__ = ["far"]

HOST = "far.example.invalid"


@pytest.fixture
def explicit(make_settings: SettingsMaker, records: Records) -> Iterator[RunningSidecar]:
    listen = {"proxy": f"{LISTENS_ON}:0", "passthrough_hosts": [f"{HOST}:443"]}
    with RunningSidecar(make_settings(listen=listen)) as sidecar:
        yield sidecar


def all_of(connection: socket.socket) -> bytes:
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


def test_either_side_may_end_its_sending_first(explicit: RunningSidecar, far: socket.socket) -> None:
    before = {**held(explicit), **descriptors()}
    for first_is_near in (True, False):
        with connected(explicit) as caller:
            assert open_tunnel(caller, f"{HOST}:443") == 200
            caller.sendall(b"hello")
            other, _ = far.accept()
            with other:
                assert other.recv(5, socket.MSG_WAITALL) == b"hello"
                first, second = (caller, other) if first_is_near else (other, caller)
                first.sendall(b"last words")
                first.shutdown(socket.SHUT_WR)
                assert all_of(second) == b"last words"
                second.sendall(b"x" * 500_000)
                second.shutdown(socket.SHUT_WR)
                assert all_of(first) == b"x" * 500_000
    assert back_to(lambda: {**held(explicit), **descriptors()}, before) == {}


def test_what_one_side_resets_ends_for_the_other(explicit: RunningSidecar, far: socket.socket) -> None:
    before = {**held(explicit), **descriptors()}
    for first_is_near in (True, False):
        with connected(explicit) as caller, contextlib.ExitStack() as stack:
            assert open_tunnel(caller, f"{HOST}:443") == 200
            caller.sendall(b"hello")
            other = stack.enter_context(far.accept()[0])
            first, second = (caller, other) if first_is_near else (other, caller)
            first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            first.close()
            with contextlib.suppress(ConnectionError):
                all_of(second)
    assert back_to(lambda: {**held(explicit), **descriptors()}, before) == {}


def draining(sidecar: RunningSidecar, seconds: float) -> Future[None]:
    settings = LifecycleSettings(drain_seconds=seconds, announce_seconds=0)
    drain = Drain(settings, (sidecar.services,), sidecar.part("sidecar-listener"), sidecar.services.under_way)
    return asyncio.run_coroutine_threadsafe(drain.run(), sidecar.loop)


def fall_quiet(wire: SocketWire) -> None:
    """As if nothing had passed for long."""
    wire._watchdog.last_activity -= 2 * LONGEST


def test_at_the_end_a_tunnel_goes_on_while_bytes_pass(
    explicit: RunningSidecar, far: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no longer: what apps keep for later holds up nobody. Time stands still but where the test moves it."""
    monkeypatch.setattr("addons.exchange.socket_wire.QUIET", LONGEST)
    with connected(explicit) as quiet, connected(explicit) as busy, contextlib.ExitStack() as stack:
        others = []
        for caller in (quiet, busy):
            assert open_tunnel(caller, f"{HOST}:443") == 200
            caller.sendall(b"hello")
            others.append(stack.enter_context(far.accept()[0]))
            assert others[-1].recv(5, socket.MSG_WAITALL) == b"hello"
        wires = [wire for _, wire in explicit.part("sidecar-listener")._open.values()]
        for here, there in ((others[1], busy), (busy, others[1])):
            for wire in wires:
                explicit.on_loop(partial(fall_quiet, wire))
            here.sendall(b"x")
            assert there.recv(1) == b"x"
            assert [explicit.on_loop(wire.is_quiet) for wire in wires] == [True, False]
        over = draining(explicit, 10 * LONGEST)
        assert all_of(quiet) == b""
        busy.sendall(b"y")
        assert others[1].recv(1) == b"y"
        assert not over.done()
        explicit.on_loop(partial(fall_quiet, wires[1]))
        assert all_of(busy) == b""
        over.result(LONGEST)


def test_a_tunnel_that_never_falls_quiet_is_cut_at_the_deadline(explicit: RunningSidecar, far: socket.socket) -> None:
    with connected(explicit) as caller:
        assert open_tunnel(caller, f"{HOST}:443") == 200
        caller.sendall(b"hello")
        other, _ = far.accept()
        with other, contextlib.suppress(ConnectionError):
            over = draining(explicit, 0.5)
            while not over.done():
                other.sendall(b"x")
                caller.recv(1)
        over.result(LONGEST)
