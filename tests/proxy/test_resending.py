"""mitmweb's Replay: the call stays as it was, and where the operator allows it a new one goes through every gate."""

import hashlib
import json
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from mitmproxy.http import HTTPFlow, Request
from mitmproxy.test import tflow

from addons.exchange.observing import Observed, Observer, Observers
from addons.exchange.services import Services
from addons.foundry.caller import SCOPE
from addons.inspecting.resending import NO_PROOF, NOT_A_REQUEST, NOT_ALLOWED, NOT_HTTP, PROOF_SECONDS, UNDER_WAY
from addons.process import drain
from addons.simulator.provider import SimulatedProvider
from tests.conftest import MODEL, PATH, PROVIDER_KEY, SettingsMaker
from tests.inspecting.web import timeless
from tests.proxy.client import HELLO, TOKEN, post
from tests.proxy.running import RunningSidecar
from tests.proxy.test_tunnels import draining
from tests.records import Records
from tests.waiting import LONGEST, eventually

ALLOW = {"inspect": {"resend": "allow"}}


def replay(sidecar: RunningSidecar, *flows: Any) -> None:
    """As the page's button does."""
    sidecar.on_loop(lambda: sidecar.master.commands.call("replay.client", list(flows)))


def called(sidecar: RunningSidecar, records: Records, body: Mapping[str, Any] = HELLO) -> HTTPFlow:
    """The flow of one call that has ended."""
    post(sidecar.port, body)
    records.wait()
    flow = sidecar.view.resolve("@all")[-1]
    assert isinstance(flow, HTTPFlow)
    return flow


def evidence(flow: HTTPFlow) -> str:
    """All that a flow says of its call, but for the comment and the note."""
    state = flow.get_state()
    metadata = {name: value for name, value in flow.metadata.items() if name != "sidecar.note"}
    return repr([*(state[name] for name in ("id", "request", "response", "error", "marked")), metadata])


@pytest.mark.parametrize(
    ("sections", "prepare", "why"),
    [
        ({}, lambda _flow, _sidecar: None, NOT_ALLOWED),
        (ALLOW, lambda flow, _sidecar: setattr(flow, "live", True), UNDER_WAY),
        (ALLOW, lambda _flow, sidecar: sidecar.part("sidecar-resending")._proofs.clear(), NO_PROOF),
    ],
    ids=["by default", "under way", "its proof is gone"],
)
def test_nothing_is_sent_and_a_person_is_told_why(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    sections: Mapping[str, Any],
    prepare: Callable[[HTTPFlow, RunningSidecar], object],
    why: str,
) -> None:
    with RunningSidecar(make_settings(**sections), inspect=True) as sidecar:
        flow = called(sidecar, records)
        known = evidence(flow), provider.dialled, len(provider.calls)
        prepare(flow, sidecar)
        for _ in range(2):
            replay(sidecar, flow)
        assert (evidence(flow), provider.dialled, len(provider.calls)) == known
        assert flow.metadata["sidecar.note"] == why
        assert timeless(flow.comment).startswith("↩ not sent again · ✅ gpt-5.2")
        assert flow.comment.count("↩") == 1
        assert len(sidecar.view.resolve("@all")) == 1
        flow.live = False
    assert [each["why"] for each in records.of("not_sent_again")] == [why, why]


def test_what_is_no_http_call(make_settings: SettingsMaker, records: Records) -> None:
    with RunningSidecar(make_settings(**ALLOW), inspect=True) as sidecar:
        replay(sidecar, tflow.ttcpflow())
    assert [each["why"] for each in records.of("not_sent_again")] == [NOT_HTTP]


def test_a_new_call_goes_through_every_gate(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    with RunningSidecar(make_settings(**ALLOW), inspect=True) as sidecar:
        flow = called(sidecar, records)
        known = evidence(flow)
        replay(sidecar, flow)
        first, second = records.wait(count=2)
        again = sidecar.view.resolve("@all")[-1]
        assert evidence(flow) == known
    assert (first.get("call.by_hand"), second["call.by_hand"]) == (None, ["resent"])
    assert (second["call.outcome"], second["caller"]) == ("served", "development")
    assert second["call.id"] != first["call.id"]
    assert " · resent · " in again.comment
    assert [json.loads(call.body)["input"] for call in provider.calls] == [HELLO["input"]] * 2
    assert [call.values("authorization") for call in provider.calls] == [[f"Bearer {PROVIDER_KEY}"]] * 2
    everything = repr([flow.get_state(), again.get_state(), records.everything()])
    assert TOKEN not in everything


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"store": True}, 400, "refused_feature"),
        ({"model": "gpt-evil"}, 400, "invalid_model"),
        ({"input": "Something else"}, 200, None),
    ],
)
def test_an_edited_one_is_judged_as_it_is(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    change: Mapping[str, Any],
    status: int,
    error: str | None,
) -> None:
    with RunningSidecar(make_settings(**ALLOW), inspect=True) as sidecar:
        flow = called(sidecar, records)
        flow.request.text = json.dumps({**HELLO, **change})
        replay(sidecar, flow)
        _, second = records.wait(count=2)
    assert (second["http.response.status_code"], second.get("error.type")) == (status, error)
    assert len(provider.calls) == 1 + (error is None)


BEHIND = f'\r\nAuthorization: Bearer another-token\r\nContent-Length: 150\r\n\r\n{{"model": "{MODEL}", "input": "'
"""Ends a head in its middle, so that what stands behind, the caller's token above all, becomes a body."""


def line_feeds(request: Request) -> None:
    request.headers.add("X-A", "b" + BEHIND.replace("\r", ""))


MALFORMED: Final[Mapping[str, Callable[[Request], object]]] = {
    "the value of a header": lambda request: request.headers.add("X-A", "b" + BEHIND),
    "the name of a header": lambda request: request.headers.add("X-A: b" + BEHIND, "c"),
    "path": lambda request: setattr(request, "path", f"{PATH} HTTP/1.1\r\nHost: localhost{BEHIND}"),
    "query": lambda request: setattr(request, "path", f"{PATH}?a=b{BEHIND}"),
    "path beyond ASCII": lambda request: setattr(request, "path", f"{PATH}?a=\N{EURO SIGN}"),
    "method": lambda request: setattr(request, "method", f"POST {PATH} HTTP/1.1\r\nHost: a{BEHIND}"),
    "line feeds": line_feeds,
}
"""Edits by which a request is none, or two."""


@pytest.mark.parametrize("edit", MALFORMED.values(), ids=MALFORMED)
def test_an_edited_head_does_not_end_before_the_callers_token(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    edit: Callable[[Request], object],
) -> None:
    with RunningSidecar(make_settings(**ALLOW), inspect=True) as sidecar:
        flow = called(sidecar, records)
        edit(flow.request)
        replay(sidecar, flow)
        flows = sidecar.view.resolve("@all")
        post(sidecar.port)
        records.wait(count=2)
        said = repr([each.get_state() for each in sidecar.view.resolve("@all")])
    assert TOKEN not in said
    assert len(flows) == 1
    assert [each["why"] for each in records.of("not_sent_again")] == [NOT_A_REQUEST]
    assert len(provider.calls) == 2


@pytest.mark.parametrize(
    ("change", "status"),
    [({"sha256": "0" * 64}, 401), ({"scopes": []}, 403), ({"models": ["ri.a..b.c"]}, 403), ({"subject": "berta"}, 200)],
    ids=["the token is revoked", "the scope is gone", "the model is gone", "it is another's"],
)
def test_the_caller_is_verified_again(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Mapping[str, Any],
    status: int,
) -> None:
    monkeypatch.setattr("addons.sources.watched_file._LOOK_EVERY", 0.0)
    registry = tmp_path / "tokens.yaml"
    row = {"sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "subject": "anna", "scopes": [SCOPE]}
    registry.write_text(json.dumps([row]))
    caller = {"verifier": "registry", "registry": {"file": registry}}
    with RunningSidecar(make_settings(caller=caller, **ALLOW), inspect=True) as sidecar:
        flow = called(sidecar, records)
        registry.write_text(json.dumps([{**row, **change}]))
        replay(sidecar, flow)
        first, second = records.wait(count=2)
    assert (first["caller"], second["http.response.status_code"]) == ("anna", status)
    assert second.get("caller") == (None if status == 401 else change.get("subject", "anna"))
    assert len(provider.calls) == 1 + (status == 200)


def test_of_callers_that_were_never_known_nothing_is_kept(make_settings: SettingsMaker, records: Records) -> None:
    with RunningSidecar(make_settings(**ALLOW), inspect=True) as sidecar:
        post(sidecar.port, target="/elsewhere")
        records.wait()
        resending = sidecar.part("sidecar-resending")
        assert (resending._shown, resending._proofs) == ({}, {})


def test_without_allow_no_token_is_kept(make_settings: SettingsMaker, records: Records) -> None:
    with RunningSidecar(make_settings(), inspect=True) as sidecar:
        called(sidecar, records)
        resending = sidecar.part("sidecar-resending")
        assert (resending._shown, resending._proofs) == ({}, {})


def test_a_token_is_kept_for_a_while(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addons.inspecting.resending.PROOF_SECONDS", 0.0)
    with RunningSidecar(make_settings(**ALLOW), inspect=True) as sidecar:
        flow = called(sidecar, records)
        sidecar.on_loop(lambda: None)
        replay(sidecar, flow)
    assert flow.metadata["sidecar.note"] == NO_PROOF
    assert len(provider.calls) == 1


def test_a_call_made_again_lets_nobody_keep_its_token_longer(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is made again, and from whichever flow."""
    with RunningSidecar(make_settings(**ALLOW), inspect=True) as sidecar:
        flow = called(sidecar, records)
        resending = sidecar.part("sidecar-resending")
        until = resending._proofs[flow.id].until
        for count in (2, 3):
            replay(sidecar, sidecar.view.resolve("@all")[-1])
            records.wait(count=count)
        assert [proof.until for proof in resending._proofs.values()] == [until] * 3
        assert sidecar.on_loop(lambda: until - sidecar.loop.time()) <= PROOF_SECONDS
    assert len(provider.calls) == 3


@pytest.mark.parametrize("identity", ["spiffe://example.org/a", ""])
def test_whom_a_certificate_names_is_proven_by_no_token(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, identity: str
) -> None:
    """What an SDK sends beside its certificate nobody looked at; made again, the call would be somebody else's."""

    def certified(services: Services) -> None:
        class Certified(Observer):
            def opened(self, exchange: Observed) -> None:
                exchange.call.client_identity = identity

        services.observers = Observers(Certified(), *services.observers._each)

    with RunningSidecar(make_settings(**ALLOW), inspect=True, alter=certified) as sidecar:
        flow = called(sidecar, records)
        replay(sidecar, flow)
    assert flow.metadata["sidecar.note"] == NO_PROOF
    assert len(provider.calls) == 1


@pytest.mark.parametrize(("seconds", "outcome"), [(10 * LONGEST, "served"), (0.1, "shut_down"), (None, "truncated")])
def test_the_end_of_the_sidecar_waits_for_a_call_made_again(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    seconds: float | None,
    outcome: str,
) -> None:
    """No longer than for any other; None: there is no time at all. Its record is there in any case."""
    with RunningSidecar(make_settings(**ALLOW), inspect=True) as sidecar:
        flow = called(sidecar, records)
        provider.clear()
        provider.script("hold=1")
        flow.request.text = json.dumps({**HELLO, "stream": True})
        replay(sidecar, flow)
        (call,) = provider.wait_for_calls()
        if seconds is not None:
            over = draining(sidecar, seconds)
            eventually(lambda: sidecar.services.leaving)
            if outcome == "served":
                with pytest.raises(TimeoutError):
                    over.result(5 * drain.LOOK_EVERY)
                call.release()
            over.result(LONGEST)
            assert not sidecar.services.under_way
    _, record = records.of("call")
    assert (record["call.by_hand"], record["call.outcome"]) == (["resent"], outcome)


def test_very_many_at_once_are_served_or_refused_like_any_others(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    limits = {"concurrency": {"total": 30}}
    with RunningSidecar(make_settings(limits=limits, **ALLOW), inspect=True) as sidecar:
        flow = called(sidecar, records)
        replay(sidecar, *[flow] * 200)
        again = records.wait(count=201)[1:]
        eventually(lambda: not sidecar.services.under_way)
        assert post(sidecar.port).status == 200
    statuses = Counter(record["http.response.status_code"] for record in again)
    assert statuses.keys() <= {200, 429}
    assert statuses[200] >= 30
    assert len(provider.calls) == statuses[200] + 2


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "api.openai.com", "foundry.invalid", "provider"])
def test_mitmproxys_own_replay_dials_nobody(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
) -> None:
    """Its command is ours, but its code is there: it makes an HTTP layer of its own, beside the exchange."""
    with RunningSidecar(make_settings(**ALLOW), inspect=True) as sidecar:
        flow = called(sidecar, records).copy()
        port = int(provider.url.rpartition(":")[2].partition("/")[0]) if host == "provider" else sidecar.port
        flow.request.host, flow.request.port = "127.0.0.1" if host == "provider" else host, port
        dialled, calls = provider.dialled, len(provider.calls)
        resolved: list[Any] = []
        monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **_: resolved.append(asked))
        sidecar.on_loop(lambda: sidecar.master.addons.get("clientplayback").start_replay([flow]))
        refused = records.wait("dial_refused")
        assert resolved == []
        assert (provider.dialled, len(provider.calls)) == (dialled, calls)
    assert flow.response is None or flow.response.status_code == 502
    assert len(refused) == 1
    assert len(records.of("call")) == 1
