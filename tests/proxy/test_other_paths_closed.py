"""Closed by construction, towards Foundry itself: faults in every gate and at every wait, and another address.

For each case the recording Foundry and the recording provider must have got nothing.
"""

import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.client import HTTPException
from typing import Any

import pytest

from addons.call import Call, OtherPath
from addons.exchange.observing import Observed, Observer, Observers
from addons.exchange.relay import Relay
from addons.exchange.services import Services
from addons.simulator.provider import SimulatedProvider
from tests.conftest import PROVIDER_KEY, SettingsMaker
from tests.foundry_server import COOKIE, FOUNDRY, MINTED, FoundryServer
from tests.proxy.client import HELLO, TOKEN, Reply, post, read_reply, request_bytes, send
from tests.proxy.running import RunningSidecar
from tests.proxy.test_closed import by_fault, change_gates, raising, raising_later
from tests.proxy.watching import Watcher
from tests.records import Records
from tests.waiting import eventually

GATES = ["route", "concurrency", "forward"]
ASKED = b'{"client_secret": "secret-in-a-body"}'

type Start = Callable[..., RunningSidecar]


@pytest.fixture
def start(make_settings: SettingsMaker, foundry: FoundryServer, records: Records) -> Start:
    def made(more: Mapping[str, Any] | None = None, **how: Any) -> RunningSidecar:
        own = {"hostnames": [FOUNDRY], "other_paths": "forward", "addresses": {FOUNDRY: foundry.address}}
        return RunningSidecar(make_settings(foundry=own, **more or {}), **how)

    return made


def ask(sidecar: RunningSidecar, target: str = "/multipass/api/oauth2/token", **more: Any) -> Reply:
    return send(sidecar.port, request_bytes(ASKED, target=target, host=FOUNDRY, **more))


def assert_nothing_left(reply: Reply, foundry: FoundryServer, provider: SimulatedProvider, records: Records) -> None:
    assert (reply.status, reply.code) == (500, "sidecar_error")
    assert foundry.calls == []
    assert provider.calls == []
    assert records.of("fault")


def test_every_gate_is_among_them(start: Start) -> None:
    every = start().services.in_force.rules.every_gate
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
        alter=lambda services: change_gates(services, lambda name, old: make(fault) if name == gate else old)
    ) as sidecar:
        reply = ask(sidecar)
    assert_nothing_left(reply, foundry, provider, records)
    assert foundry.dialled == 0
    (record,) = records.wait()
    assert record["policy.decision"] == "refused"


def fail_resolving(_services: Services, fail: Callable[..., Any], patch: pytest.MonkeyPatch) -> None:
    patch.setattr("addons.exchange.sending.address_of", fail)


def fail_connect(services: Services, fail: Callable[..., Any], _patch: pytest.MonkeyPatch) -> None:
    services.to_foundry.connect = fail  # type: ignore[method-assign]  # a fault put in


def fail_before_release(services: Services, fail: Callable[..., Any], _patch: pytest.MonkeyPatch) -> None:
    services.before_release = (fail,)


def fail_hold(services: Services, fail: Callable[..., Any], _patch: pytest.MonkeyPatch) -> None:
    services.hold = fail


@by_fault
@pytest.mark.parametrize(
    "step", [fail_resolving, fail_connect, fail_before_release, fail_hold], ids=lambda step: step.__name__
)
def test_a_fault_at_a_wait_behind_the_gates(
    step: Callable[[Services, Callable[..., Any], pytest.MonkeyPatch], None],
    fault: BaseException,
    start: Start,
    foundry: FoundryServer,
    provider: SimulatedProvider,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with start(alter=lambda services: step(services, raising_later(fault), monkeypatch)) as sidecar:
        reply = ask(sidecar)
    assert_nothing_left(reply, foundry, provider, records)
    assert foundry.dialled == 0
    (record,) = records.wait()
    assert record["call.outcome"] == "fault"


@by_fault
@pytest.mark.parametrize("step", ["_head_came", "_payload_came", "_flush", "change", "finish"])
def test_a_fault_on_the_way_back(
    step: str,
    fault: BaseException,
    start: Start,
    foundry: FoundryServer,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The caller gets no more than an error, is not left waiting, and the end is recorded once."""
    monkeypatch.setattr(Relay, step, raising(fault))
    with start() as sidecar:
        try:
            status = ask(sidecar).status
        except (OSError, EOFError, HTTPException):
            status = None
        (record,) = records.wait()
    assert len(foundry.calls) == 1
    assert status in {200, 500, None}
    assert record["call.outcome"] == "fault"


@pytest.mark.parametrize("gone", GATES)
def test_a_call_that_skipped_a_gate_does_not_leave(
    gone: str, start: Start, foundry: FoundryServer, provider: SimulatedProvider, records: Records
) -> None:
    def alter(services: Services) -> None:
        change_gates(services, lambda name, old: None if name == gone else old)

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

    with start(
        alter=lambda services: change_gates(services, lambda n, old: turning(old) if n == gate else old)
    ) as sidecar:
        reply = send(sidecar.port, request_bytes(host=FOUNDRY))
    assert_nothing_left(reply, foundry, provider, records)
    assert (foundry.dialled, provider.dialled) == (0, 0)


def act_as_the_caller(flow: Any) -> None:
    flow.request.path = "/api/v2/ontologies/a/actions/b/apply"


def test_a_resent_call_does_not_go_to_foundry(start: Start, foundry: FoundryServer, records: Records) -> None:
    """It would go with the caller's own token, to do there what its caller may."""
    with start(inspect=True, more={"inspect": {"resend": "allow"}}) as sidecar:
        assert send(sidecar.port, request_bytes(host=FOUNDRY)).status == 200
        records.wait()
        (flow,) = sidecar.view.resolve("@all")
        act_as_the_caller(flow)
        sidecar.on_loop(lambda: sidecar.master.commands.call("replay.client", [flow]))
        _, record = records.wait(count=2)
    assert (record["call.by_hand"], record["error.type"]) == (["resent"], "stopped_by_hand")
    assert foundry.dialled == 0


def test_an_edited_call_does_not_go_to_foundry(start: Start, foundry: FoundryServer, records: Records) -> None:
    with start(inspect=True, options={"intercept": "~all"}) as sidecar, ThreadPoolExecutor(1) as thread:
        reply = thread.submit(send, sidecar.port, request_bytes(host=FOUNDRY))
        flow = eventually(lambda: next((each for each in sidecar.view.resolve("@all") if each.intercepted), None))
        act_as_the_caller(flow)
        sidecar.on_loop(flow.resume)
        assert (reply.result().status, reply.result().code) == (403, "stopped_by_hand")
        (record,) = records.wait()
    assert record["call.by_hand"] == ["held", "edited"]
    assert foundry.dialled == 0


# addresses


@pytest.mark.parametrize("host", ["127.0.0.1", FOUNDRY])
@pytest.mark.parametrize("gate", ["forward", "rewrite"])
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
        "forward": (provider.port, "global", of_foundry),
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

    def alter(services: Services) -> None:
        change_gates(services, lambda name, old: led_astray(old) if name == gate else old)

    with start(alter=alter) as sidecar, socket.create_connection(("127.0.0.1", sidecar.port), 30) as connection:
        if known:
            for each in (of_foundry, of_provider):
                connection.sendall(each)
                read_reply(connection)
        fallen.append(True)
        dialled = foundry.dialled, provider.dialled
        connection.sendall(request)
        reply = read_reply(connection)
    if gate == "forward" and host == FOUNDRY:  # it went to Foundry after all: nothing but the name decides
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
    target: str, more: list[tuple[str, str]], start: Start, foundry: FoundryServer, records: Records
) -> None:
    watcher = Watcher()
    with start(inspect=True, view=watcher) as sidecar:
        reply = ask(sidecar, target, headers=[("Cookie", "session=very-secret"), ("X-Api-Key", "own-key"), *more])
        records.wait()
    assert len(watcher.seen) >= 2
    everything = b"".join([*watcher.seen, records.everything().encode()])
    for secret in (TOKEN, "very-secret", "own-key", "secret-in-a-body", MINTED, COOKIE, PROVIDER_KEY):
        assert secret.encode() not in everything, secret
    if target == "/multipass/api/oauth2/token":
        (seen,) = foundry.calls
        assert (seen.header("authorization"), seen.body) == ([f"Bearer {TOKEN}"], ASKED)
        assert seen.header("x-api-key") == ["own-key"]
        assert reply.json["access_token"] == MINTED


class Keeping(Observer):
    """Holds on to every call, as a view does."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def opened(self, exchange: Observed) -> None:
        self.calls.append(exchange.call)


def test_nothing_of_a_call_is_left_behind(start: Start, foundry: FoundryServer, records: Records) -> None:
    keeping = Keeping()

    def alter(services: Services) -> None:
        services.observers = Observers(keeping)

    with start(alter=alter) as sidecar:
        for target in ("/x", "/cut", "/moved", "/a%2fb"):
            ask(sidecar, target)
        records.wait(count=4)
        eventually(lambda: not sidecar.services.under_way)
        assert len(keeping.calls) == 4
        for call in keeping.calls:
            assert call.credentials == {}
            assert call.wire_body == b""
        assert post(sidecar.port, HELLO).status == 200
