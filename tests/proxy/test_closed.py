"""Closed by construction: a fault anywhere in the path means that nothing leaves and the caller is told.

For each case the recording provider must never have been dialled.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from mitmproxy import exceptions

from addons.assembly import rules
from addons.gates.concurrency import UnderWay
from addons.gates.order import Gates
from addons.rules import InForce
from addons.simulator.provider import SimulatedProvider
from addons.stores.storage import build as build_counters
from tests.conftest import SettingsMaker
from tests.proxy.client import Reply, post
from tests.proxy.running import RunningSidecar
from tests.records import Records

FAULTS: list[BaseException] = [
    RuntimeError("injected"),
    exceptions.AddonHalt(),
    exceptions.OptionsError("injected"),
    asyncio.CancelledError(),
    MemoryError(),
]
GATES = [
    "route", "caller", "concurrency", "attribution", "media_type",
    "body", "model", "permission", "policy", "rewrite", "limits",
]  # fmt: skip
HOOKS = [
    ("sidecar-checkpoint", "requestheaders"),
    ("sidecar-checkpoint", "request"),
    ("sidecar-deadlines", "requestheaders"),
    ("sidecar-deadlines", "request"),
    ("sidecar-egress", "server_connect"),
    ("sidecar-deadlines", "server_connect"),
    ("sidecar-early-answers", "requestheaders"),
]

by_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)


def test_every_gate_is_among_them(make_settings: SettingsMaker) -> None:
    settings = make_settings()
    every = rules(settings, build_counters(settings.limits.storage), UnderWay()).every_gate
    assert list(every["provider"]) == GATES


def raising(fault: BaseException) -> Callable[[Any], None]:
    def hook(_subject: Any) -> None:
        raise fault

    return hook


def raising_later(fault: BaseException) -> Callable[[Any], Any]:
    async def hook(_subject: Any) -> None:
        await asyncio.sleep(0)
        raise fault

    return hook


def call_with(alter: Callable[[list[Any]], object], make_settings: SettingsMaker, *, lean: bool = True) -> Reply:
    with RunningSidecar(make_settings(mitmproxy={"lean": lean}), alter=alter) as sidecar:
        return post(sidecar.port)


def part[T](parts: list[T], name: str) -> T:
    return next(p for p in parts if getattr(p, "name", "") == name)


def change_gates(parts: list[Any], change: Callable[[str, Callable[[Any], Any]], Any]) -> None:
    """Puts another gate in the place of each; None takes it out."""
    in_force: InForce = part(parts, "sidecar-checkpoint")._in_force
    gates = Gates(
        *(
            [each._replace(gate=new) for each in rows if (new := change(each.name, each.gate))]
            for rows in in_force.rules.gates
        )
    )
    in_force.rules = replace(in_force.rules, gates=gates)


def assert_refused(reply: Reply, provider: SimulatedProvider, dialled: int, records: Records) -> None:
    assert reply.status == 500
    assert reply.code == "sidecar_error"
    assert reply.json["errorName"] == "Default:Internal"
    assert reply.headers["x-request-id"] == reply.json["errorInstanceId"]
    assert provider.dialled == dialled
    assert provider.calls == []
    assert records.of("fault"), "the fault must be in the log"


@by_fault
@pytest.mark.parametrize("make", [raising, raising_later])
@pytest.mark.parametrize("gate", GATES)
def test_a_fault_in_a_gate(
    gate: str,
    make: Callable[[BaseException], Any],
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
) -> None:
    def alter(parts: list[Any]) -> None:
        change_gates(parts, lambda name, old: make(fault) if name == gate else old)

    dialled = provider.dialled
    assert_refused(call_with(alter, make_settings), provider, dialled, records)
    (record,) = records.wait()
    assert record["policy.decision"] == "refused"
    assert record["refusal.instance_id"]


@by_fault
@pytest.mark.parametrize("lean", [True, False], ids=["lean", "stock"])
@pytest.mark.parametrize(("addon", "hook"), HOOKS)
def test_a_fault_in_a_hook(
    addon: str,
    hook: str,
    lean: bool,
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
) -> None:
    dialled = provider.dialled
    reply = call_with(lambda parts: setattr(part(parts, addon), hook, raising(fault)), make_settings, lean=lean)
    assert_refused(reply, provider, dialled, records)


@by_fault
def test_a_fault_before_the_handshake_sends_nothing(
    fault: BaseException, provider: SimulatedProvider, make_settings: SettingsMaker, records: Records
) -> None:
    """The address is right, so it is dialled; but not one byte of the request may follow."""
    reply = call_with(
        lambda parts: setattr(part(parts, "sidecar-egress"), "tls_start_server", raising(fault)), make_settings
    )
    assert (reply.status, reply.code) == (500, "sidecar_error")
    assert provider.calls == []
    assert records.of("fault")


@by_fault
@pytest.mark.parametrize("hook", ["responseheaders", "response"])
def test_a_fault_on_the_way_back_is_never_relayed_raw(
    hook: str,
    fault: BaseException,
    provider: SimulatedProvider,
    make_settings: SettingsMaker,
    records: Records,
) -> None:
    """A provider's 401 must not reach the caller as the caller's own, fault or not."""
    provider.script("status=401 code=invalid_api_key")
    reply = call_with(lambda parts: setattr(part(parts, "sidecar-relay"), hook, raising(fault)), make_settings)
    assert (reply.status, reply.code) == (500, "sidecar_error")
    assert records.of("fault")


@pytest.mark.parametrize("hook", ["requestheaders", "request", "server_connect"])
def test_a_hook_that_hides_that_it_is_asynchronous(
    hook: str, provider: SimulatedProvider, make_settings: SettingsMaker, records: Records
) -> None:
    """Such a one has not run when it returns; nothing may go out on the strength of that."""

    def alter(parts: list[Any]) -> None:
        owner = part(parts, "sidecar-egress" if hook == "server_connect" else "sidecar-checkpoint")
        own = getattr(owner, hook)
        setattr(owner, hook, lambda subject: _Later(own, subject))

    dialled = provider.dialled
    assert_refused(call_with(alter, make_settings), provider, dialled, records)


class _Later:
    """Awaitable, and made without a coroutine that would complain of not being awaited."""

    def __init__(self, hook: Callable[[Any], Any], subject: Any) -> None:
        self._hook, self._subject = hook, subject

    def __await__(self) -> Any:
        return self._hook(self._subject).__await__()


def test_a_call_that_skipped_a_gate_does_not_leave(
    provider: SimulatedProvider, make_settings: SettingsMaker, records: Records
) -> None:
    """The list of gates passed is checked against the list of gates there are."""

    def alter(parts: list[Any]) -> None:
        change_gates(parts, lambda name, old: None if name == "policy" else old)

    dialled = provider.dialled
    assert_refused(call_with(alter, make_settings), provider, dialled, records)


def without_addon(name: str) -> Callable[[list[Any]], None]:
    def alter(parts: list[Any]) -> None:
        parts[:] = [p for p in parts if p.name != name]

    return alter


def test_without_the_checkpoint_the_target_is_dead(
    provider: SimulatedProvider, make_settings: SettingsMaker, records: Records
) -> None:
    dialled = provider.dialled
    assert call_with(without_addon("sidecar-checkpoint"), make_settings).status in {500, 502}
    assert provider.dialled == dialled


def test_without_any_addon_the_target_is_dead(provider: SimulatedProvider, make_settings: SettingsMaker) -> None:
    dialled = provider.dialled
    assert call_with(list.clear, make_settings).status in {400, 500, 502}
    assert provider.dialled == dialled


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_address_that_is_not_the_providers_is_not_dialled(
    host: str, provider: SimulatedProvider, make_settings: SettingsMaker, records: Records
) -> None:
    """A gate that names another address, though every gate passed: the Egress holds."""
    with SimulatedProvider() as elsewhere:

        def alter(parts: list[Any]) -> None:
            def astray(rewrite: Callable[[Any], Any]) -> Callable[[Any], Any]:
                async def gate(call: Any) -> None:
                    await rewrite(call)
                    call.outbound = replace(call.outbound, host=host, port=elsewhere.port)

                return gate

            change_gates(parts, lambda name, old: astray(old) if name == "rewrite" else old)

        reply = call_with(alter, make_settings)
        assert (reply.status, reply.code) == (500, "sidecar_error")
        assert elsewhere.dialled == 0
    assert provider.calls == []
    assert records.of("fault")
