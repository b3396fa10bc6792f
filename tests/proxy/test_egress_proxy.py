"""The HTTP proxy that a network demands on the way to the provider: what it may answer, and what changes under it."""

import socket
import threading
from collections.abc import Iterator
from typing import Any, Final

import pytest

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post, read_reply, request_bytes
from tests.proxy.egress import ESTABLISHED, EgressProxy
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import eventually

STREAM: Final = {**HELLO, "stream": True}
ONE_A_MINUTE: Final = {"user": {"default": {"requests_per_minute": 1}}}


@pytest.fixture
def egress() -> Iterator[EgressProxy]:
    with EgressProxy() as proxy:
        yield proxy


def through(make_settings: SettingsMaker, proxy: Any, **sections: Any) -> Any:
    provider = make_settings().provider.model_dump() | {"proxy": proxy} | sections.pop("provider", {})
    return make_settings(provider=provider, **sections)


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["json", "stream"])
def test_calls_pass_a_tunnel_and_its_connection_is_kept(
    make_settings: SettingsMaker, provider: SimulatedProvider, egress: EgressProxy, body: Any
) -> None:
    with RunningSidecar(through(make_settings, egress.url)) as sidecar:
        assert [post(sidecar.port, body).status for _ in range(3)] == [200] * 3
    target = provider.url.split("/")[2].encode()
    assert egress.heads == [b"CONNECT %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, target)]
    assert len(provider.calls) == 3
    eventually(lambda: not egress.tunnels)


def test_the_providers_name_is_looked_up_by_the_proxy_alone(
    make_settings: SettingsMaker, provider: SimulatedProvider, egress: EgressProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve, asked = socket.getaddrinfo, []

    def noted(host: Any, *more: Any, **how: Any) -> Any:
        if threading.current_thread().name != "egress proxy":
            asked.append(host)
        return resolve(host, *more, **how)

    base = make_settings().provider.model_dump()
    base["regions"]["global"]["url"] = provider.url.replace("127.0.0.1", "localhost")
    settings = through(make_settings, egress.url, provider={"regions": base["regions"]})
    with RunningSidecar(settings) as sidecar:
        monkeypatch.setattr(socket, "getaddrinfo", noted)
        assert post(sidecar.port).status == 200
        monkeypatch.undo()
    assert egress.heads[0].startswith(b"CONNECT localhost:")
    assert set(asked) <= {"127.0.0.1", b"127.0.0.1"}


BAD: Final = {
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
    "407 in chunks": b"HTTP/1.1 407 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "bytes behind its 200": ESTABLISHED + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "a 200 in chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "a 200 with a body": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "a redirect": b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\n\r\n",
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "endless interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
    "a long head": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
    "many fields": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    "half a head": ESTABLISHED[:-2],
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "nothing": b"",
    "a 204 and a close": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a reset": "reset",
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_a_proxy_that_opens_no_tunnel_costs_nothing(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, egress: EgressProxy, answer: Any
) -> None:
    """Nothing leaves, nothing is charged, and the next call is served."""
    dialled = provider.dialled
    egress.answer = answer
    with RunningSidecar(through(make_settings, egress.url, limits=ONE_A_MINUTE)) as sidecar:
        for _ in range(2):
            reply = post(sidecar.port)
            assert (reply.status, reply.code) == (503, "upstream_unreachable")
            assert reply.headers["retry-after"] == "1"
        assert provider.dialled == dialled
        egress.answer = ESTABLISHED
        assert post(sidecar.port).status == 200
        assert post(sidecar.port).status == 429
    assert [record["call.outcome"] for record in records.of("call")][:2] == ["provider_error"] * 2
    eventually(lambda: not egress.tunnels)


def test_a_proxy_that_says_nothing_is_given_up(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, egress: EgressProxy
) -> None:
    egress.answer = "silence"
    settings = through(make_settings, egress.url, limits=ONE_A_MINUTE, provider={"timeouts": {"connect": 0.3}})
    with RunningSidecar(settings) as sidecar:
        assert [post(sidecar.port).code for _ in range(2)] == ["timeout"] * 2
    eventually(lambda: not egress.tunnels)
    assert provider.calls == []


def test_a_tunnel_that_ends_between_calls_is_replaced(
    make_settings: SettingsMaker, provider: SimulatedProvider, egress: EgressProxy
) -> None:
    with RunningSidecar(through(make_settings, egress.url)) as sidecar:
        for _ in range(3):
            assert post(sidecar.port).status == 200
            egress.cut()
            eventually(lambda: not egress.tunnels)
    assert len(egress.heads) == len(provider.calls) == 3


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["json", "stream"])
def test_a_tunnel_that_ends_within_a_call_was_reached(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, egress: EgressProxy, body: Any
) -> None:
    provider.script("hang")
    with (
        RunningSidecar(through(make_settings, egress.url)) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller,
    ):
        caller.sendall(request_bytes(body))
        provider.wait_for_calls(1)
        egress.cut()
        reply = read_reply(caller)
    assert (reply.status, reply.code, reply.headers["x-should-retry"]) == (500, "upstream_error", "false")
    (record,) = records.wait()
    assert record["call.outcome"] == "provider_error"


def test_a_name_of_this_machine_leads_to_no_round(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the start can't know, since a name may lead anywhere: our own listeners open no tunnel to the provider."""
    resolve = socket.getaddrinfo

    def played(host: Any, *more: Any, **how: Any) -> Any:
        return resolve("127.0.0.1" if host == "this-machine.invalid" else host, *more, **how)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = through(
        make_settings,
        f"http://this-machine.invalid:{port}",
        listen={"reverse": "127.0.0.1:0", "proxy": f"127.0.0.1:{port}"},
        foundry={"hostnames": ["home.palantirfoundry.invalid"]},
    )
    monkeypatch.setattr(socket, "getaddrinfo", played)
    dialled = provider.dialled
    with RunningSidecar(settings) as sidecar:
        reply = post(sidecar.port)
    assert (reply.status, reply.code) == (503, "upstream_unreachable")
    assert provider.dialled == dialled
    assert len(records.of("tunnel_refused")) == 1
