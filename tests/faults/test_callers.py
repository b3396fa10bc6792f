"""Callers that leave, trickle, or speak another protocol: one record or none, and nothing is left of them."""

import asyncio
import json
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection

from addons.simulator.provider import SimulatedProvider
from tests.conftest import PATH, SettingsMaker
from tests.proxy.client import HELLO, TOKEN, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.proxy.test_explicit import FOUNDRY, LISTENS_ON, connected, open_tunnel
from tests.proxy.test_growth import back_to, descriptors, held
from tests.proxy.test_odd_http import BODY, CHUNKED, IN_CHUNKS, SIZED, head
from tests.records import Records
from tests.tally import Tally
from tests.waiting import LONGEST

STREAM = {**HELLO, "stream": True}


def close(_caller: socket.socket) -> None:
    """With FIN, or RST where something lies unread."""


def reset(caller: socket.socket) -> None:
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def half_close(caller: socket.socket) -> None:
    """mitmproxy takes a caller that has sent its FIN for one that has left, and so do we."""
    caller.shutdown(socket.SHUT_WR)
    while caller.recv(65536):
        pass


def everything(sidecar: RunningSidecar) -> Mapping[str, int]:
    return {**held(sidecar), **descriptors(), "tasks": sidecar.on_loop(lambda: len(asyncio.all_tasks()))}


class Phase(NamedTuple):
    """``sent`` before the caller leaves; ``directive`` to the provider; whether a call came of it, and reached that."""

    sent: bytes
    directive: str = ""
    called: bool = True
    reached: bool = False


PHASES: Mapping[str, Phase] = {
    "before a word": Phase(b"", called=False),
    "in the head": Phase(head(SIZED)[:60], called=False),
    "behind the head": Phase(head(SIZED)),
    "in the body": Phase(head(SIZED) + BODY[:-1]),
    "in a chunk's size": Phase(head(IN_CHUNKS) + b"1"),
    "before the last chunk": Phase(head(IN_CHUNKS) + CHUNKED),
    "while the provider thinks": Phase(request_bytes(), "hang", reached=True),
    "before the stream": Phase(request_bytes(STREAM), "hang", reached=True),
    "in the stream": Phase(request_bytes(STREAM), "hold=2", reached=True),
    "in a running stream": Phase(request_bytes(STREAM), "pause=0.01 events=1000", reached=True),
}


@pytest.mark.parametrize("leave", [close, reset, half_close])
def test_a_caller_that_leaves(
    sidecar: RunningSidecar,
    provider: SimulatedProvider,
    records: Records,
    tally: Tally,
    leave: Callable[[socket.socket], None],
) -> None:
    post(sidecar.port)
    before = everything(sidecar)
    for name, phase in PHASES.items():
        records.clear()
        provider.clear()
        if phase.directive:
            provider.script(phase.directive)
        with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
            caller.sendall(phase.sent)
            if phase.reached:
                provider.wait_for_calls()
            if phase.reached and phase.directive != "hang":
                assert caller.recv(65536), name
            leave(caller)
        if phase.called:
            (record,) = records.wait()
            assert record["policy.decision"] == ("allowed" if phase.reached else "refused"), name
            assert record["call.outcome"] == "caller_gone", name
            assert record.get("usage.status") == ("interrupted" if phase.reached else None), name
        assert len(provider.calls) == phase.reached, name
        assert all(call.hung_up.wait(LONGEST) for call in provider.calls), name
    assert back_to(lambda: everything(sidecar), before) == {}
    tally.add("faults", f"callers that leave by {leave.__name__}", tried=len(PHASES), lost=0)


@pytest.mark.parametrize("size", [1, 7])
def test_a_body_that_trickles(
    sidecar: RunningSidecar, provider: SimulatedProvider, records: Records, size: int
) -> None:
    with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
        asked = request_bytes()
        for start in range(0, len(asked), size):
            caller.sendall(asked[start : start + size])
            time.sleep(0.001)
        assert read_reply(caller).status == 200
    (call,) = provider.calls
    assert call.json()["input"] == HELLO["input"]
    assert len(records.wait()) == 1


@dataclass(frozen=True)
class Door:
    """The reverse listener, or a tunnel through the explicit proxy, which ``enter`` has opened."""

    sidecar: RunningSidecar
    tunnel: bool

    @property
    def kind(self) -> str:
        return "in a tunnel" if self.tunnel else "reverse"

    @property
    def name(self) -> str:
        return FOUNDRY if self.tunnel else "localhost"

    @contextmanager
    def enter(self) -> Iterator[socket.socket]:
        if self.tunnel:
            with connected(self.sidecar) as caller:
                assert open_tunnel(caller, f"{FOUNDRY}:443") == 200
                yield caller
        else:
            with socket.create_connection(("127.0.0.1", self.sidecar.port), 20) as caller:
                yield caller

    def context(self) -> ssl.SSLContext:
        """Trusts the sidecar."""
        authority = self.sidecar.settings.listen.certificates / "mitmproxy-ca-cert.pem"
        return ssl.create_default_context(cafile=str(authority))


@pytest.fixture
def explicit(make_settings: SettingsMaker, records: Records) -> Iterator[RunningSidecar]:
    """One that is an explicit proxy too."""
    listen = {"proxy": f"{LISTENS_ON}:0"}
    with RunningSidecar(make_settings(listen=listen, foundry={"hostnames": [FOUNDRY]})) as sidecar:
        yield sidecar


@pytest.fixture(params=[False, True], ids=["reverse", "in a tunnel"])
def door(request: pytest.FixtureRequest, explicit: RunningSidecar) -> Door:
    return Door(explicit, request.param)


@pytest.mark.parametrize("offered", [["h2"], ["h2", "http/1.1"], ["http/1.1"], []])
def test_http_2_is_not_agreed_on(door: Door, provider: SimulatedProvider, tally: Tally, offered: list[str]) -> None:
    context = door.context()
    context.set_alpn_protocols(offered)
    with door.enter() as plain:
        try:
            with context.wrap_socket(plain, server_hostname=door.name) as caller:
                assert caller.selected_alpn_protocol() == ("http/1.1" if "http/1.1" in offered else None)
                caller.sendall(request_bytes(host=door.name))
                assert read_reply(caller).status == 200
        except ssl.SSLError as error:
            assert offered == ["h2"]
            assert "NO_APPLICATION_PROTOCOL" in str(error)  # noqa: PT017 - it may be raised, or not
    assert post(door.sidecar.port).status == 200
    assert {json.loads(call.body)["input"] for call in provider.calls} == {HELLO["input"]}
    tally.add("faults", f"ALPN {', '.join(offered) or 'of nothing'}, {door.kind}", tried=1, lost=0)


def by_http_2(host: str, method: str = "POST") -> bytes:
    """A whole call, said without waiting for an answer; CONNECT: a tunnel to Foundry."""
    body = json.dumps(HELLO).encode()
    call = {
        ":method": method, ":scheme": "https", ":authority": host, ":path": PATH,
        "authorization": f"Bearer {TOKEN}", "content-type": "application/json", "content-length": str(len(body)),
    }  # fmt: skip
    tunnel = {":method": method, ":authority": f"{FOUNDRY}:443"}
    connection = H2Connection(H2Configuration(validate_outbound_headers=False))  # it wants a path of CONNECT too
    connection.initiate_connection()
    connection.send_headers(1, list((tunnel if method == "CONNECT" else call).items()))
    connection.send_data(1, body, end_stream=True)
    return connection.data_to_send()


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize("method", ["POST", "CONNECT"])
def test_http_2_unasked(
    door: Door, provider: SimulatedProvider, records: Records, tally: Tally, encrypted: bool, method: str
) -> None:
    with (
        door.enter() as plain,
        door.context().wrap_socket(plain, server_hostname=door.name) if encrypted else plain as caller,
    ):
        caller.sendall(by_http_2(door.name, method))
        assert read_reply(caller).status == 400
    assert (provider.dialled, provider.calls) == (0, [])
    assert "served" not in records.everything()
    tally.add("faults", f"h2 unasked, {door.kind}, {'TLS' if encrypted else 'plain'}, {method}", tried=1, lost=0)


@pytest.mark.parametrize("method", ["POST", "CONNECT"])
def test_the_explicit_proxy_is_not_spoken_to_by_http_2(
    explicit: RunningSidecar, provider: SimulatedProvider, tally: Tally, method: str
) -> None:
    with connected(explicit) as caller:
        caller.sendall(by_http_2(FOUNDRY, method))
        assert read_reply(caller).status == 400
    assert (provider.dialled, provider.calls) == (0, [])
    tally.add("faults", f"h2 unasked, the explicit proxy itself, {method}", tried=1, lost=0)
