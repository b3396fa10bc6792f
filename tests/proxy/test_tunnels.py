"""Unread tunnels (`listen.passthrough_hosts`): half-closed, idle, and at the end of the sidecar."""

import asyncio
import contextlib
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from addons.process.drain import Drain
from addons.process.settings import LifecycleSettings
from tests.conftest import SettingsMaker
from tests.proxy.running import RunningSidecar
from tests.proxy.test_explicit import LISTENS_ON, connected, open_tunnel
from tests.proxy.test_growth import back_to, descriptors, held
from tests.records import Records
from tests.waiting import LONGEST

HOST = "far.example.invalid"


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The far end of a tunnel to ``HOST``, which is on this machine for the test alone."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        async def leads_here(_host: str, _port: int) -> tuple[str, int]:
            return "127.0.0.1", listening.getsockname()[1]

        monkeypatch.setattr("addons.exchange.tunnel.resolve", leads_here)
        yield listening


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


def test_at_the_end_a_tunnel_goes_on_while_bytes_pass(
    explicit: RunningSidecar, far: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no longer: what apps keep for later holds up nobody."""
    monkeypatch.setattr("addons.exchange.socket_wire.QUIET", 1.0)
    with connected(explicit) as busy, connected(explicit) as quiet:
        assert open_tunnel(quiet, f"{HOST}:443") == 200
        assert open_tunnel(busy, f"{HOST}:443") == 200
        busy.sendall(b"hello")
        others = [far.accept()[0], far.accept()[0]]
        (other,), _, _ = select.select(others, [], [], LONGEST)
        over = draining(explicit, 10 * LONGEST)
        for number in range(30):
            other.sendall(b"%d" % (number % 10))
            assert busy.recv(1) == b"%d" % (number % 10)
            time.sleep(0.1)  # so that the transfer takes longer than a tunnel may be quiet
        assert not over.done()
        assert (all_of(quiet), all_of(busy)) == (b"", b"")
        over.result(LONGEST)
        for each in others:
            each.close()


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
