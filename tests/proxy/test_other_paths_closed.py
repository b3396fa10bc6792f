"""The barriers before Foundry itself: faults in every gate and hook, bytes changed after the verdict, another address.

For each case the recording Foundry and the recording provider must have got nothing.
"""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http

from addons.assembly import rules
from addons.call import Call, OtherPath
from addons.gates.concurrency import UnderWay
from addons.simulator.provider import SimulatedProvider
from addons.usage.storage import build as build_counters
from tests.conftest import PROVIDER_KEY, SettingsMaker
from tests.foundry_server import COOKIE, FOUNDRY, MINTED, FoundryServer
from tests.proxy.client import HELLO, TOKEN, Reply, post, read_reply, request_bytes, send
from tests.proxy.running import RunningSidecar
from tests.proxy.test_closed import HOOKS, by_fault, change_gates, part, raising, raising_later
from tests.proxy.test_sealed import Meddler, set_content
from tests.proxy.watching import Watcher
from tests.records import Records

GATES = ["route", "concurrency", "pass_on"]
ASKED = b'{"client_secret": "secret-in-a-body"}'

type Start = Callable[..., RunningSidecar]


@pytest.fixture
def foundry(provider: SimulatedProvider) -> Iterator[FoundryServer]:
    with FoundryServer(provider.ca_file.parent) as running:
        yield running


@pytest.fixture
def start(make_settings: SettingsMaker, foundry: FoundryServer, records: Records) -> Start:
    def made(**how: Any) -> RunningSidecar:
        own = {"hostnames": [FOUNDRY], "other_paths": "forward", "addresses": {FOUNDRY: foundry.address}}
        return RunningSidecar(make_settings(foundry=own), **how)

    return made


def ask(sidecar: RunningSidecar, target: str = "/multipass/api/oauth2/token", **more: Any) -> Reply:
    return send(sidecar.port, request_bytes(ASKED, target=target, host=FOUNDRY, **more))


def assert_nothing_left(reply: Reply, foundry: FoundryServer, provider: SimulatedProvider, records: Records) -> None:
    assert (reply.status, reply.code) == (500, "sidecar_error")
    assert foundry.calls == []
    assert provider.calls == []
    assert records.of("fault")


def test_every_gate_is_among_them(make_settings: SettingsMaker) -> None:
    settings = make_settings()
    every = rules(settings, build_counters(settings.limits.storage), UnderWay()).every_gate
    assert list(every["foundry"]) == GATES


@by_fault
@pytest.mark.parametrize("make", [raising, raising_later])
@pytest.mark.parametrize("gate", GATES)
def test_a_fault_in_a_gate(
    gate: str,
    make: Callable[[BaseException], Any],
    fault: BaseException,
    start: Start,
    foundry: FoundryServer,
    provider: SimulatedProvider,
    records: Records,
) -> None:
    with start(
        alter=lambda parts: change_gates(parts, lambda name, old: make(fault) if name == gate else old)
    ) as sidecar:
        reply = ask(sidecar)
    assert_nothing_left(reply, foundry, provider, records)
    assert foundry.dialled == 0
    (record,) = records.wait()
    assert record["policy.decision"] == "refused"


@by_fault
@pytest.mark.parametrize(("addon", "hook"), [*HOOKS, ("sidecar-egress", "tls_start_server")])
def test_a_fault_in_a_hook(
    addon: str,
    hook: str,
    fault: BaseException,
    start: Start,
    foundry: FoundryServer,
    provider: SimulatedProvider,
    records: Records,
) -> None:
    with start(alter=lambda parts: setattr(part(parts, addon), hook, raising(fault))) as sidecar:
        reply = ask(sidecar)
    assert_nothing_left(reply, foundry, provider, records)
    assert foundry.dialled == (hook == "tls_start_server")


@by_fault
@pytest.mark.parametrize("hook", ["responseheaders", "response"])
def test_a_fault_on_the_way_back_hurts_nobody(
    hook: str, fault: BaseException, start: Start, foundry: FoundryServer, records: Records
) -> None:
    """The answer is Foundry's own, or a refusal; the exchange ends and is recorded."""
    with start(alter=lambda parts: setattr(part(parts, "sidecar-relay"), hook, raising(fault))) as sidecar:
        reply = ask(sidecar)
        records.wait()
    assert len(foundry.calls) == 1
    assert reply.status in {200, 500}
    assert records.of("fault")


@pytest.mark.parametrize("gone", GATES)
def test_a_call_that_skipped_a_gate_does_not_leave(
    gone: str, start: Start, foundry: FoundryServer, provider: SimulatedProvider, records: Records
) -> None:
    def alter(parts: list[Any]) -> None:
        change_gates(parts, lambda name, old: None if name == gone else old)

    with start(alter=alter) as sidecar:
        reply = ask(sidecar)
    assert reply.status >= 400
    assert (foundry.dialled, provider.dialled) == (0, 0)


@pytest.mark.parametrize("gate", ["caller", "body", "policy", "rewrite", "limits"])
def test_a_call_for_the_provider_can_not_turn_into_one_for_foundry(
    gate: str, start: Start, foundry: FoundryServer, provider: SimulatedProvider, records: Records
) -> None:
    """Midway through the provider's gates, whichever it is, the rest of them is not done with."""

    def turning(old: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def gate_(call: Call) -> None:
            if outcome := old(call):
                await outcome
            call.other_path = OtherPath(FOUNDRY, "/api/v2/llm/proxy/openai/v1/responses")

        return gate_

    with start(alter=lambda parts: change_gates(parts, lambda n, old: turning(old) if n == gate else old)) as sidecar:
        reply = send(sidecar.port, request_bytes(host=FOUNDRY))
    assert_nothing_left(reply, foundry, provider, records)
    assert (foundry.dialled, provider.dialled) == (0, 0)


# bytes and addresses


CHANGES: list[Any] = [
    pytest.param(set_content(b"{}"), id="a body"),
    pytest.param(lambda request: setattr(request, "path", "/api/v2/llm/proxy/openai/v1/chat/completions"), id="path"),
    pytest.param(lambda request: setattr(request, "method", "DELETE"), id="method"),
    pytest.param(lambda request: request.headers.update({"X-More": "1"}), id="header added"),
    pytest.param(lambda request: request.headers.update({"Authorization": "Bearer another"}), id="token"),
    pytest.param(lambda request: request.headers.pop("via"), id="header removed"),
    pytest.param(lambda request: request.headers.update({"Host": "api.openai.com"}), id="host header"),
    pytest.param(lambda request: request.headers.update({"Transfer-Encoding": "chunked"}), id="framing"),
    pytest.param(lambda request: setattr(request, "scheme", "http"), id="without TLS"),
    pytest.param(lambda request: setattr(request, "host", "localhost"), id="host"),
    pytest.param(lambda request: setattr(request, "port", request.port + 1), id="port"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_request_does_not_go_out(
    change: Callable[[http.Request], object],
    start: Start,
    foundry: FoundryServer,
    provider: SimulatedProvider,
    records: Records,
) -> None:
    meddler = Meddler(change)
    with start(alter=lambda parts: parts.append(meddler)) as sidecar:
        reply = ask(sidecar)
        assert reply.status in {500, 503}
        assert foundry.calls == []
        assert provider.calls == []
        assert records.of("unjudged_bytes_held_back") or records.of("fault")
        meddler._change = lambda _request: None
        assert ask(sidecar).status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", FOUNDRY])
@pytest.mark.parametrize("gate", ["pass_on", "rewrite"])
@pytest.mark.parametrize("known", [False, True], ids=["new connection", "connection that both know"])
def test_neither_goes_where_the_other_goes(
    gate: str,
    host: str,
    known: bool,
    start: Start,
    foundry: FoundryServer,
    provider: SimulatedProvider,
    records: Records,
) -> None:
    """A gate that names the other's place, though every gate passed: no token there, and no key here."""
    of_foundry, of_provider = request_bytes(ASKED, target="/x", host=FOUNDRY), request_bytes(host=FOUNDRY)
    port, region, request = {
        "rewrite": (foundry.server_address[1], None if host == FOUNDRY else "global", of_provider),
        "pass_on": (provider.port, "global", of_foundry),
    }[gate]
    fallen: list[bool] = []

    def led_astray(old: Callable[[Any], Any]) -> Callable[[Any], Any]:
        async def gate_(call: Call) -> None:
            if outcome := old(call):
                await outcome
            if fallen:
                assert call.outbound
                call.outbound = replace(call.outbound, region=region, host=host, port=port)

        return gate_

    def alter(parts: list[Any]) -> None:
        change_gates(parts, lambda name, old: led_astray(old) if name == gate else old)

    with start(alter=alter) as sidecar, socket.create_connection(("127.0.0.1", sidecar.port), 30) as connection:
        if known:
            for each in (of_foundry, of_provider):
                connection.sendall(each)
                read_reply(connection)
        fallen.append(True)
        dialled = foundry.dialled, provider.dialled
        connection.sendall(request)
        reply = read_reply(connection)
    if gate == "pass_on" and host == FOUNDRY:  # it went to Foundry after all: nothing but the name decides
        assert reply.status == 404
        assert len(foundry.calls) == 1 + known
    else:
        assert (reply.status, reply.code) == (500, "sidecar_error")
        assert records.of("fault")
        assert len(foundry.calls) == known
        assert (foundry.dialled, provider.dialled) == dialled
    assert len(provider.calls) == known
    assert PROVIDER_KEY not in repr(foundry.calls)
    assert TOKEN not in repr([(call.headers, call.body) for call in provider.calls])


def test_by_default_nothing_is_dialled(make_settings: SettingsMaker, foundry: FoundryServer, records: Records) -> None:
    settings = make_settings(foundry={"hostnames": [FOUNDRY], "addresses": {FOUNDRY: foundry.address}})
    with RunningSidecar(settings) as sidecar:
        assert ask(sidecar).status == 404
    assert foundry.dialled == 0


# secrets


@pytest.mark.parametrize(
    ("target", "more"),
    [
        ("/multipass/api/oauth2/token", []),
        ("/moved", []),
        ("/cut", []),
        ("/unheard/of", []),
        ("/refused/by/the/last/gate", [("Via", "1.1 foundry-sidecar")]),
    ],
)
def test_no_view_of_a_flow_holds_a_secret(
    target: str,
    more: list[tuple[str, str]],
    start: Start,
    foundry: FoundryServer,
    records: Records,
    tmp_path: Path,
) -> None:
    watcher = Watcher()
    with start(inspect=True, view=watcher) as sidecar:
        reply = ask(sidecar, target, headers=[("Cookie", "session=very-secret"), ("X-Api-Key", "own-key"), *more])
        records.wait()
    assert len(watcher.seen) >= 4
    everything = b"".join([*watcher.seen, records.everything().encode()])
    for secret in (TOKEN, "very-secret", "own-key", "secret-in-a-body", MINTED, COOKIE, PROVIDER_KEY):
        assert secret.encode() not in everything, secret
    if target == "/multipass/api/oauth2/token":
        (seen,) = foundry.calls
        assert (seen.header("authorization"), seen.body) == ([f"Bearer {TOKEN}"], ASKED)
        assert reply.json["access_token"] == MINTED


def test_the_stand_in_is_worth_nothing_afterwards(start: Start, foundry: FoundryServer, records: Records) -> None:
    heads: list[str] = []
    watcher = Watcher()
    watcher.response = lambda flow: heads.append(flow.request.headers["authorization"])  # type: ignore[method-assign]
    with start(alter=lambda parts: parts.append(watcher)) as sidecar:
        ask(sidecar, "/x")
        records.wait()
        ask(sidecar, "/x", headers=[("Authorization", heads[0])])
    assert heads[0].startswith("Bearer callers-own-stand-in-")
    assert [call.header("authorization") for call in foundry.calls] == [[f"Bearer {TOKEN}"], [heads[0]]]


class Kept:
    """Holds the flows, as mitmweb's list does."""

    name = "test-kept"

    def __init__(self) -> None:
        self.flows: list[http.HTTPFlow] = []

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        self.flows.append(flow)


def test_nothing_of_a_call_is_left_behind(start: Start, foundry: FoundryServer, records: Records) -> None:
    kept = Kept()
    with start(alter=lambda parts: parts.append(kept)) as sidecar:
        calls = part(sidecar.addons, "sidecar-checkpoint")._calls._by_flow
        for target in ("/x", "/cut", "/moved", "/a%2fb"):
            ask(sidecar, target)
        assert len(calls) == len(kept.flows) == 4
        records.wait(count=4)
        egress = part(sidecar.addons, "sidecar-egress")
        assert (len(egress._seals), len(egress._words)) == (0, 0)
        for call in calls.values():
            assert call.credentials == {}
            assert call.outbound is None or call.outbound.body == b""
        assert post(sidecar.port, HELLO).status == 200
