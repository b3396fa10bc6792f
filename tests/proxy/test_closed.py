"""Closed by construction: a fault anywhere on the way of a call means one answer, one record, nothing unjudged sent.

Each case goes through a real proxy; the recording provider shows what was dialled and what arrived.
"""

import ast
import asyncio
import contextlib
import copy
import http.client
import json
import pickle
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from mitmproxy import exceptions

from addons.configuration.build_rules import Lasting, rules
from addons.exchange.judging import Forwarded, Judged
from addons.exchange.observing import Observed, Observer, Observers
from addons.exchange.relay import Relay
from addons.exchange.sending import send_to_provider
from addons.exchange.services import Services
from addons.exchange.upstream.connection import UpstreamConnection
from addons.gates.order import Gates
from addons.simulator.provider import SimulatedProvider
from addons.usage.storage import build_counters
from tests.conftest import MODEL, PATH, SettingsMaker
from tests.exchange.upstream.counted import busy, idle
from tests.proxy.client import HELLO, Reply, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import LONGEST, eventually


class Other(BaseException):
    """None of those that are caught as an Exception."""


FAULTS: list[BaseException] = [
    RuntimeError("injected"),
    exceptions.AddonHalt(),
    exceptions.OptionsError("injected"),
    asyncio.CancelledError(),
    MemoryError(),
    RecursionError(),
    SystemExit(3),
    KeyboardInterrupt(),
    Other(),
]
GATES = [
    "route", "caller", "concurrency", "attribution", "media_type",
    "body", "model", "permission", "policy", "rewrite", "limits", "budgets",
]  # fmt: skip

ADDONS: Final = Path(__file__).parents[2] / "addons"
MOMENTS: Final = ("opened", "received", "released", "answer_begins", "answer_piece", "ended")
POOLS: Final = {"pool", "services.to_provider", "services.to_foundry", "self._services.to_provider"}
"""Names that connections to the other side go by."""

by_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)


def test_every_gate_is_among_them(make_settings: SettingsMaker) -> None:
    settings = make_settings()
    every = rules(settings, Lasting(build_counters(settings.limits.storage))).every_gate
    assert list(every["provider"]) == GATES


def raising(fault: BaseException) -> Callable[..., None]:
    def function(*_subjects: Any, **_named: Any) -> None:
        raise fault

    return function


def raising_later(fault: BaseException) -> Callable[..., Any]:
    async def function(*_subjects: Any, **_named: Any) -> None:
        await asyncio.sleep(0)
        raise fault

    return function


def call_with(alter: Callable[[Services], object], make_settings: SettingsMaker, **body: Any) -> Reply:
    with RunningSidecar(make_settings(), alter=alter) as sidecar:
        return post(sidecar.port, {**HELLO, **body})


def change_gates(services: Services, change: Callable[[str, Callable[[Any], Any]], Any]) -> None:
    """Puts another gate in the place of each; None takes it out."""
    in_force = services.in_force
    gates = Gates(
        *(
            [each._replace(gate=new) for each in rows if (new := change(each.name, each.gate))]
            for rows in in_force.rules.gates
        )
    )
    in_force.put(replace(in_force.rules, gates=gates))


def assert_refused(reply: Reply, provider: SimulatedProvider, dialled: int, records: Records) -> None:
    assert reply.status == 500
    assert reply.code == "sidecar_error"
    assert reply.json["errorName"] == "Default:Internal"
    assert reply.headers["x-request-id"] == reply.json["errorInstanceId"]
    assert provider.dialled == dialled
    assert provider.calls == []
    assert records.of("fault"), "the fault must be in the log"


BASE: Final = PATH.removesuffix("responses")
ASKED: Final[Mapping[str, Mapping[str, Any]]] = {
    "responses": {"body": HELLO},
    "a stream": {"body": {**HELLO, "stream": True}},
    "chat": {
        "target": f"{BASE}chat/completions",
        "body": {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]},
    },
    "embeddings": {
        "target": f"{BASE}embeddings",
        "body": {"model": "ri.language-model-service..language-model.text-embedding-3-small", "input": "Hello"},
    },
    "a stream of chat": {
        "target": f"{BASE}chat/completions",
        "body": {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "stream": True},
    },
    "models": {"target": f"{BASE}models", "method": "GET", "body": b""},
}
"""A good call for each API."""

SENT: Final = {name: asked for name, asked in ASKED.items() if name != "models"}
"""Those that leave for the provider."""


@by_fault
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_fault_in_a_gate(
    asked: Mapping[str, Any],
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
) -> None:
    """In each gate that the call goes through, at once and behind a wait; and the sidecar serves on."""
    make, where = [raising], [""]

    def alter(services: Services) -> None:
        def failing(name: str, old: Callable[[Any], Any]) -> Callable[[Any], Any]:
            return lambda call: make[0](fault)(call) if name == where[0] else old(call)

        change_gates(services, failing)

    with RunningSidecar(make_settings(), alter=alter) as sidecar:
        every = sidecar.services.in_force.rules.every_gate["nobody" if asked["body"] == b"" else "provider"]
        for gate in every:
            for make[0] in (raising, raising_later):
                where[0] = gate
                records.clear()
                assert_refused(post(sidecar.port, **asked), provider, 0, records)
                (record,) = records.wait()
                assert (record["policy.decision"], record["call.outcome"]) == ("refused", "fault")
                assert record["refusal.instance_id"]
        where[0] = ""
        assert post(sidecar.port, **asked).status == 200
        eventually(lambda: not sidecar.services.under_way)


def fail_before_release(services: Services, fail: Callable[..., Any]) -> None:
    services.before_release = (fail,)


async def nothing() -> Sequence[str]:
    return ()


def fail_credential(services: Services, fail: Callable[..., Any]) -> None:
    for credential in services.in_force.rules.credentials.values():
        setattr(credential, "bearer", fail)  # noqa: B010 - a fault put in
        setattr(credential, "missing", nothing)  # noqa: B010 - readiness asks beside all calls


def fail_connect(services: Services, fail: Callable[..., Any]) -> None:
    services.to_provider.connect = fail  # type: ignore[method-assign]  # a fault put in


class Ended(Observer):
    """How calls ended, of which the log may have a sum alone."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []

    def ended(self, exchange: Observed, record: Mapping[str, Any]) -> None:
        self.outcomes.append(record["call.outcome"])


def fail_hold(services: Services, fail: Callable[..., Any]) -> None:
    services.hold = fail


OF_EVERY_CALL: Final = (fail_hold, fail_before_release)


@by_fault
@pytest.mark.parametrize("step", [*OF_EVERY_CALL, fail_credential, fail_connect], ids=lambda step: step.__name__)
def test_a_fault_at_a_wait_beside_the_gates(
    step: Callable[[Services, Callable[..., Any]], None],
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
) -> None:
    dialled, seen = provider.dialled, Ended()

    def alter(services: Services) -> None:
        step(services, raising_later(fault))
        services.observers.add(seen)

    with RunningSidecar(make_settings(), alter=alter) as sidecar:
        for asked in (ASKED if step in OF_EVERY_CALL else SENT).values():
            records.clear()
            seen.outcomes.clear()
            assert_refused(post(sidecar.port, **asked), provider, dialled, records)
            eventually(lambda: not sidecar.services.under_way and seen.outcomes)
            assert seen.outcomes == ["fault"]


class NoTask:
    """asyncio, but that no task can be made."""

    def __init__(self, fault: BaseException) -> None:
        self.Task = raising(fault)

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


@by_fault
def test_a_call_that_gets_no_task(
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialled, seen = provider.dialled, Ended()
    with (
        RunningSidecar(make_settings(), alter=lambda services: services.observers.add(seen)) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port)) as caller,
    ):
        with monkeypatch.context() as patch:
            patch.setattr("addons.exchange.exchange.asyncio", NoTask(fault))
            for number, asked in enumerate(ASKED.values(), 1):
                records.clear()
                caller.sendall(request_bytes(**asked))
                assert_refused(read_reply(caller), provider, dialled, records)
                eventually(lambda: not sidecar.services.under_way)
                assert seen.outcomes == ["fault"] * number
        caller.sendall(request_bytes())
        assert read_reply(caller).status == 200


@by_fault
@pytest.mark.parametrize("step", ["request.Body.read", "deadline.Deadline.clear", "replies.Replies.answer"])
def test_a_fault_on_the_way_there(
    step: str,
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the reading of a body, in its deadline, and in an answer of the sidecar's own."""
    asked = ASKED["models" if step.endswith("answer") else "responses"]
    dialled = provider.dialled
    with RunningSidecar(make_settings()) as sidecar:
        with monkeypatch.context() as patch:
            patch.setattr(f"addons.exchange.{step}", raising(fault))
            assert_refused(post(sidecar.port, **asked), provider, dialled, records)
        (record,) = records.wait()
        assert record["call.outcome"] == "fault"
        eventually(lambda: not sidecar.services.under_way)


@by_fault
@pytest.mark.parametrize("step", ["_head_came", "_payload_came", "_flush", "change", "finish"])
def test_a_fault_on_the_way_back(
    step: str,
    fault: BaseException,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The call had left. The caller gets no more than an error, is not left waiting, and the end is recorded once."""
    monkeypatch.setattr(Relay, step, raising(fault))
    with RunningSidecar(make_settings()) as sidecar:
        for asked in SENT.values():
            records.clear()
            try:
                status = post(sidecar.port, **asked).status
            except (OSError, EOFError, http.client.HTTPException):
                status = None
            assert status in {200, 500, None}
            (record,) = records.wait()
            assert record["call.outcome"] == "fault"
        eventually(lambda: not sidecar.services.under_way)


@by_fault
def test_a_fault_while_a_slow_caller_is_waited_for(
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stream ends in an error, or with its connection; the provider's ends at once."""
    monkeypatch.setattr("addons.exchange.exchange.takes_all", raising_later(fault))
    long = {**HELLO, "stream": True, "metadata": {"simulate": "events=60000"}}
    with RunningSidecar(make_settings()) as sidecar:
        with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
            caller.sendall(request_bytes(long))
            (record,) = records.wait()
            assert record["call.outcome"] == "fault"
            (call,) = provider.calls
            assert call.hung_up.wait(LONGEST)
            reply = read_reply(caller)
        assert b"sidecar_error" in reply.body
        assert b"response.completed" not in reply.body
        eventually(lambda: not sidecar.services.under_way)


@by_fault
@pytest.mark.parametrize("step", ["abort", "__init__"])
def test_a_fault_in_the_hold_on_a_connection(
    step: str,
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As it is taken, and as it is let go because of an answer that does not pass: the caller is answered."""
    with RunningSidecar(make_settings()) as sidecar:
        with monkeypatch.context() as patch:
            patch.setattr(UpstreamConnection, step, raising(fault))
            reply = post(sidecar.port, {**HELLO, "metadata": {"simulate": "status=400"}})
            assert (reply.status, reply.code) == (500, "sidecar_error")
            (record,) = records.wait()
            assert record["call.outcome"] == "fault"
        eventually(lambda: not sidecar.services.under_way)
        if step == "__init__":
            assert provider.calls == []
            pool = sidecar.services.to_provider
            assert sidecar.on_loop(lambda: (busy(pool), idle(pool))) == (0, 0)
        assert post(sidecar.port).status == 200


@by_fault
@pytest.mark.parametrize("step", ["relay.Relay.read_facts", "request.Body.drop", "journal"])
def test_a_fault_in_what_is_done_at_the_end(
    step: str,
    fault: BaseException,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The caller has its answer; the next call on its connection is served."""

    def alter(services: Services) -> None:
        if step == "journal":
            services.record = raising(fault)  # type: ignore[assignment]  # a fault put in
        else:
            monkeypatch.setattr(f"addons.exchange.{step}", raising(fault))

    with RunningSidecar(make_settings(), alter=alter) as sidecar:
        with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
            for asked in [*ASKED.values()] * 2:
                caller.sendall(request_bytes(**asked))
                assert read_reply(caller).status == 200
        eventually(lambda: not sidecar.services.under_way)
    assert records.of("fault")


def test_a_call_that_skipped_a_gate_does_not_leave(
    provider: SimulatedProvider, make_settings: SettingsMaker, records: Records
) -> None:
    """The list of gates passed is checked against the list of gates there are."""

    def alter(services: Services) -> None:
        change_gates(services, lambda name, old: None if name == "policy" else old)

    dialled = provider.dialled
    assert_refused(call_with(alter, make_settings), provider, dialled, records)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_that_is_not_the_providers_is_not_dialled(
    host: str, provider: SimulatedProvider, make_settings: SettingsMaker, records: Records
) -> None:
    """A gate that names another address, though every gate passed."""
    with SimulatedProvider() as elsewhere:

        def alter(services: Services) -> None:
            def astray(rewrite: Callable[[Any], Any]) -> Callable[[Any], Any]:
                async def gate(call: Any) -> None:
                    await rewrite(call)
                    call.outbound = replace(call.outbound, host=host, port=elsewhere.port)

                return gate

            change_gates(services, lambda name, old: astray(old) if name == "rewrite" else old)

        reply = call_with(alter, make_settings)
        assert (reply.status, reply.code) == (500, "sidecar_error")
        assert elsewhere.dialled == 0
    assert provider.calls == []
    assert records.of("fault")


class Alike:
    """Has all that a Judged has, and is none."""

    def __init__(self, judged: Judged) -> None:
        self.outbound, self.region, self.destination = judged.outbound, judged.region, judged.destination


def made_anew(judged: Judged) -> Judged:
    return Judged(object(), judged.outbound, judged.region, judged.destination)  # type: ignore[arg-type]  # as asked


def made_without_its_constructor(judged: Judged) -> Judged:
    made = object.__new__(Judged)
    made.outbound = judged.outbound  # type: ignore[misc]  # as asked
    made.region = judged.region  # type: ignore[misc]  # as asked
    made.destination = judged.destination  # type: ignore[misc]  # as asked
    return made


def changed(judged: Judged) -> Judged:
    judged.outbound = replace(judged.outbound, pieces=(b"{}",))  # type: ignore[misc]  # as asked
    return judged


def derived(judged: Judged) -> Judged:
    class Own(Judged):  # type: ignore[misc]  # as asked
        def __init__(self) -> None: ...

    own: Judged = Own()
    own.outbound, own.region, own.destination = judged.outbound, judged.region, judged.destination  # type: ignore[misc]  # as asked
    return own


def of_the_other_kind(judged: Judged) -> Judged:
    return Forwarded(judged._key, judged.outbound, {})  # type: ignore[return-value]  # as asked


def alike(judged: Judged) -> Judged:
    return Alike(judged)  # type: ignore[return-value]  # as asked


def replaced(judged: Judged) -> Judged:
    return replace(judged, outbound=judged.outbound)  # type: ignore[type-var]  # as asked


@pytest.mark.parametrize(
    "cheat",
    [
        made_anew, made_without_its_constructor, changed, derived, of_the_other_kind, alike, replaced,
        copy.copy, copy.deepcopy, lambda judged: pickle.loads(pickle.dumps(judged)),
    ],
    ids=lambda cheat: cheat.__name__,
)  # fmt: skip
def test_nobody_else_makes_what_may_leave(
    cheat: Callable[[Judged], Judged],
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call is judged, and another is put in its place. The type checker holds what is marked here, too."""

    async def send(judged: Judged, *others: Any) -> Any:
        return await send_to_provider(cheat(judged), *others)

    monkeypatch.setattr("addons.exchange.exchange.send_to_provider", send)
    dialled = provider.dialled
    assert_refused(call_with(lambda _services: None, make_settings), provider, dialled, records)
    (record,) = records.wait()
    assert record["call.outcome"] == "fault"


def test_only_sending_asks_for_a_connection_to_the_provider() -> None:
    """And nobody takes from another module what that keeps for itself, such as the key of ``judging``."""
    asking, taken = [], []
    for path in ADDONS.rglob("*.py"):
        name = str(path.relative_to(ADDONS))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == "connect" and ast.unparse(node.value) in POOLS:
                asking.append(name)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("addons"):
                taken += [f"{name}: {each.name}" for each in node.names if each.name.startswith("_")]
    assert set(asking) == {"exchange/sending.py"}
    assert taken == []


def test_without_any_addon_the_target_is_dead(provider: SimulatedProvider, make_settings: SettingsMaker) -> None:
    dialled = provider.dialled
    with RunningSidecar(make_settings(), without=lambda _addon: True) as sidecar:
        assert post(sidecar.port).status in {400, 500, 502}
    assert provider.dialled == dialled


@by_fault
@pytest.mark.parametrize("where", [*MOMENTS])
def test_a_fault_in_who_looks_on_harms_no_call(
    where: str, fault: BaseException, make_settings: SettingsMaker, records: Records
) -> None:
    observer = Observer()
    setattr(observer, where, raising(fault))

    def alter(services: Services) -> None:
        services.observers = Observers(observer)

    with (
        RunningSidecar(make_settings(), alter=alter) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller,
    ):
        calls = [*SENT.values()] * 2
        for asked in calls:
            caller.sendall(request_bytes(**asked))
            assert read_reply(caller).status == 200
        served = records.wait(count=len(calls))
    assert [record["call.outcome"] for record in served] == ["served"] * len(calls)
    assert records.of("observer_failed")


@by_fault
@pytest.mark.parametrize("ahead", [1, 100])
def test_a_fault_before_there_is_a_call(
    ahead: int,
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The caller is told, and its connection ends."""
    monkeypatch.setattr("addons.exchange.request_server.Exchange", raising(fault))
    with (
        RunningSidecar(make_settings()) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller,
    ):
        caller.sendall(request_bytes() * ahead)
        reply = read_reply(caller)
        assert (reply.status, reply.code, reply.headers["connection"]) == (500, "sidecar_error", "close")
        assert caller.recv(100) == b""
        bodies = sidecar.part("sidecar-listener")._connect.__self__.bounds.budget
        eventually(lambda: bodies.taken == 0)
    assert provider.dialled == 0
    assert records.of("fault")


@by_fault
@pytest.mark.parametrize("made", ["listener.SocketWire", "listener.CallerLayer", "request_server.CallerConnection"])
def test_a_fault_where_mitmproxy_asks_leaves_no_other_way(
    made: str,
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection closes, and counts no longer: mitmproxy's own HTTP layer never runs."""
    monkeypatch.setattr(f"addons.exchange.{made}", raising(fault))
    dialled = provider.dialled
    with RunningSidecar(make_settings()) as sidecar:
        with pytest.raises((OSError, EOFError)):
            post(sidecar.port)
        eventually(lambda: not sidecar.part("sidecar-listener")._bounds._by_peer)
    assert provider.dialled == dialled
    assert records.of("fault")


@by_fault
@pytest.mark.parametrize("step", ["request_reader.RequestReader.on_header", "request.Body.receive", "request.Body.end"])
@pytest.mark.parametrize("later", [False, True], ids=["in one read", "in two"])
def test_a_fault_in_what_llhttp_calls(
    later: bool,
    step: str,
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is no fault of the caller's, which is told so."""
    seen = Ended()
    with RunningSidecar(make_settings(), alter=lambda services: services.observers.add(seen)) as sidecar:
        with monkeypatch.context() as patch:
            patch.setattr(f"addons.exchange.{step}", raising(fault))
            with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
                asked = request_bytes()
                caller.sendall(asked[: -len(json.dumps(HELLO)) if later else None])
                if later and "Body" in step:
                    eventually(lambda: sidecar.services.under_way)
                with contextlib.suppress(OSError):
                    caller.sendall(asked[-len(json.dumps(HELLO)) :] if later else b"")
                assert_refused(read_reply(caller), provider, 0, records)
                assert caller.recv(100) == b""
        eventually(lambda: not sidecar.services.under_way)
        assert seen.outcomes == ["fault"] * ("Body" in step)
        assert post(sidecar.port).status == 200


@by_fault
def test_a_fault_in_the_layer_while_a_call_is_under_way(
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its record does not blame the caller."""
    with RunningSidecar(make_settings()) as sidecar:
        with socket.create_connection(("127.0.0.1", sidecar.port), 20) as caller:
            provider.script("hang")
            caller.sendall(request_bytes())
            (call,) = provider.wait_for_calls()
            monkeypatch.setattr("addons.exchange.pace.Pace.came_ahead", raising(fault))
            caller.sendall(request_bytes())
            with contextlib.suppress(ConnectionError):
                assert caller.recv(100) == b""
        (record,) = records.wait()
        assert call.hung_up.wait(LONGEST)
        eventually(lambda: not sidecar.services.under_way)
    assert record["call.outcome"] == "fault"
    assert records.of("fault")


@by_fault
def test_a_fault_in_the_layer(
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """mitmproxy would log it and leave the caller hanging."""
    monkeypatch.setattr("addons.exchange.caller_connection.RequestReader.feed", raising(fault))
    dialled = provider.dialled
    with RunningSidecar(make_settings()) as sidecar, pytest.raises((OSError, EOFError)):
        post(sidecar.port)
    assert provider.dialled == dialled
    assert records.of("fault")
