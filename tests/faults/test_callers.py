"""Callers that leave, trickle, or speak another protocol: one record or none, and nothing is left of them."""

import asyncio
import json
import socket
import ssl
import struct
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.proxy.test_growth import back_to, descriptors, held
from tests.proxy.test_odd_http import BODY, CHUNKED, IN_CHUNKS, SIZED, head
from tests.records import Records
from tests.tally import Tally

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
            assert record["policy.decision"] == ("served" if phase.reached else "refused"), name
            assert record["answer.ended"] == "interrupted", name
            assert record.get("usage.status") == ("interrupted" if phase.reached else None), name
        assert len(provider.calls) == phase.reached, name
        assert all(call.hung_up.wait(10) for call in provider.calls), name
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


@pytest.mark.parametrize("offered", [["h2"], ["h2", "http/1.1"], ["http/1.1"], []])
def test_http_2_is_not_agreed_on(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, offered: list[str]
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(offered)
    with RunningSidecar(make_settings()) as sidecar:
        context.load_verify_locations(sidecar.settings.listen.certificates / "mitmproxy-ca-cert.pem")
        with socket.create_connection(("127.0.0.1", sidecar.port), 20) as plain:
            try:
                with context.wrap_socket(plain, server_hostname="localhost") as caller:
                    assert caller.selected_alpn_protocol() == ("http/1.1" if "http/1.1" in offered else None)
                    caller.sendall(request_bytes())
                    assert read_reply(caller).status == 200
            except ssl.SSLError as error:
                assert offered == ["h2"]
                assert "NO_APPLICATION_PROTOCOL" in str(error)  # noqa: PT017 - it may be raised, or not
        assert post(sidecar.port).status == 200
    assert {json.loads(call.body)["input"] for call in provider.calls} == {HELLO["input"]}


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "TLS"])
def test_http_2_unasked(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, encrypted: bool
) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with RunningSidecar(make_settings()) as sidecar:
        context.load_verify_locations(sidecar.settings.listen.certificates / "mitmproxy-ca-cert.pem")
        with socket.create_connection(("127.0.0.1", sidecar.port), 20) as plain:
            caller = context.wrap_socket(plain, server_hostname="localhost") if encrypted else plain
            caller.sendall(preface)
            assert read_reply(caller).status == 400
            caller.close()
    assert provider.calls == []
