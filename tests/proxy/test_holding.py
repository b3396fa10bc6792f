"""Calls that a person holds and edits before their gates: what comes back is judged like anything else."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from mitmproxy.http import HTTPFlow

from addons.configuration.build_rules import Lasting, rules
from addons.simulator.provider import SimulatedProvider
from addons.usage.storage import build as build_counters
from tests.conftest import PROVIDER_KEY, SettingsMaker
from tests.inspecting.web import timeless
from tests.proxy.client import HELLO, TOKEN, Reply, post, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import LONGEST, eventually

ALL = {"intercept": "~all"}
HEADERS = [
    ("X-Palantir-session-id", "a-session"),
    ("attribution", "ri.compass.main.folder.1"),
    ("X-Stainless-Retry-Count", "2"),
]


class Held:
    """A call in another thread, held; ``reply`` waits for its answer."""

    def __init__(self, sidecar: RunningSidecar, body: Mapping[str, Any]) -> None:
        self._sidecar = sidecar
        self._replies: list[Reply] = []
        self._thread = threading.Thread(
            target=lambda: self._replies.append(post(sidecar.port, body, headers=HEADERS, target=f"{TARGET}?token=t"))
        )
        self._thread.start()
        self.flow: HTTPFlow = eventually(self._find)

    def _find(self) -> HTTPFlow | None:
        return next((flow for flow in self._sidecar.view.resolve("@all") if flow.intercepted), None)

    def let_go(self, change: Callable[[HTTPFlow], object] = lambda _flow: None) -> Reply:
        def act() -> None:
            change(self.flow)
            self.flow.resume()

        self._sidecar.on_loop(act)
        return self.reply()

    def reply(self) -> Reply:
        self._thread.join(LONGEST)
        (reply,) = self._replies
        return reply


TARGET = "/api/v2/llm/proxy/openai/v1/responses"


@contextmanager
def held(make_settings: SettingsMaker, body: Mapping[str, Any] = HELLO, **sections: Any) -> Iterator[Held]:
    with RunningSidecar(make_settings(**sections), inspect=True, options=ALL) as sidecar:
        yield Held(sidecar, body)


def test_let_go_as_it_was(make_settings: SettingsMaker, provider: SimulatedProvider, records: Records) -> None:
    with held(make_settings) as call:
        assert timeless(call.flow.comment) == f"⏳ held · POST {TARGET}"
        assert provider.dialled == 0
        assert call.let_go().status == 200
        (record,) = records.wait()
    assert record["call.by_hand"] == ["held"]
    assert record["request.query_dropped"] is True
    assert record["request.retry_count"] == 2
    assert json.loads(provider.calls[0].body)["input"] == HELLO["input"]
    assert " · held · “Hello, world”" in call.flow.comment


def content(body: Mapping[str, Any]) -> Callable[[HTTPFlow], object]:
    def change(flow: HTTPFlow) -> None:
        flow.backup()
        flow.request.text = json.dumps(body)

    return change


def header(name: str, value: str) -> Callable[[HTTPFlow], object]:
    return lambda flow: flow.request.headers.__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "status", "outcome", "error"),
    [
        (content({**HELLO, "input": "Something else"}), 200, "served", None),
        (content({**HELLO, "store": True}), 400, "refused", "refused_feature"),
        (content({"model": "gpt-evil", "input": "Hello"}), 400, "refused", "invalid_model"),
        (lambda flow: setattr(flow.request, "path", "/v1/files"), 404, "refused", "wrong_path"),
        (lambda flow: setattr(flow.request, "method", "GET"), 405, "refused", "method_not_allowed"),
        (header("attribution", "nonsense"), 400, "refused", "invalid_attribution"),
        (header("content-type", "text/plain"), 415, "refused", "unsupported_media_type"),
        (header("host", "elsewhere.invalid"), 404, "refused", "not_found"),
        (lambda flow: setattr(flow.request, "content", b"x" * 3000), 413, "refused", "too_large"),
    ],
    ids=["another question", "store", "model", "path", "method", "attribution", "type", "host", "larger than allowed"],
)
def test_what_comes_back_is_judged_like_anything_else(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    change: Callable[[HTTPFlow], object],
    status: int,
    outcome: str,
    error: str | None,
) -> None:
    with held(make_settings, policy={"max_body_bytes": 2000}) as call:
        reply = call.let_go(change)
        (record,) = records.wait()
        flow = call.flow
    assert (reply.status, record["call.outcome"], record.get("error.type")) == (status, outcome, error)
    assert record["request.retry_count"] == 2  # of what the page leaves out nothing is lost
    assert "X-Stainless-Retry-Count" not in flow.request.headers
    assert record["call.by_hand"] == ["held", "edited"]
    assert len(provider.calls) == (outcome == "served")
    assert " · held, edited" in flow.comment
    assert not flow.modified()  # no Revert takes the answer and the record off
    if outcome == "served":
        (sent,) = provider.calls
        assert json.loads(sent.body)["input"] == "Something else"
        assert sent.values("authorization") == [f"Bearer {PROVIDER_KEY}"]
        assert record["foundry.session"]  # a value that the flow hides is still the caller's


def test_credentials_stay_what_they_were(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    with held(make_settings) as call:
        assert TOKEN not in repr(call.flow.get_state())
        reply = call.let_go(header("Authorization", "Bearer of-somebody-else"))
        (record,) = records.wait()
    assert reply.status == 200
    assert record["caller"] == "development"
    assert b"of-somebody-else" not in repr(call.flow.get_state()).encode()


@pytest.mark.parametrize("how", ["killed", "taken off the list", "cleared"])
def test_stopped(make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, how: str) -> None:
    with RunningSidecar(make_settings(), inspect=True, options=ALL) as sidecar:
        call = Held(sidecar, HELLO)
        act = {
            "killed": call.flow.kill,
            "taken off the list": lambda: sidecar.view.remove([call.flow]),
            "cleared": sidecar.view.clear,
        }[how]
        sidecar.on_loop(act)
        reply = call.reply()
        (record,) = records.wait()
    assert (reply.status, reply.code) == (403, "stopped_by_hand")
    assert (record["call.outcome"], record["error.type"]) == ("refused", "stopped_by_hand")
    assert provider.dialled == 0


def test_nobody_lets_it_go(make_settings: SettingsMaker, provider: SimulatedProvider, records: Records) -> None:
    with held(make_settings, inspect={"hold_seconds": 0.3}) as call:
        reply = call.reply()
        (record,) = records.wait()
    assert (reply.status, reply.code) == (403, "stopped_by_hand")
    assert record["policy.setting"] == "inspect.hold_seconds"
    assert not call.flow.intercepted
    assert provider.dialled == 0


def test_the_caller_hangs_up(make_settings: SettingsMaker, provider: SimulatedProvider, records: Records) -> None:
    with RunningSidecar(make_settings(), inspect=True, options=ALL) as sidecar:
        with socket.create_connection(("127.0.0.1", sidecar.port)) as connection:
            connection.sendall(request_bytes())
            flow = eventually(lambda: next((each for each in sidecar.view.resolve("@all") if each.intercepted), None))
        (record,) = records.wait()
        assert record["call.outcome"] == "caller_gone"
        assert not flow.intercepted
    assert provider.dialled == 0


def test_held_calls_count_among_those_under_way_and_in_the_budget_for_bodies(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    limits = {"concurrency": {"total": 1}, "body_bytes": 5000}
    settings = make_settings(limits=limits, policy={"max_body_bytes": 4000})
    with RunningSidecar(settings, inspect=True, options={"intercept": "~b Hello"}) as sidecar:
        call = Held(sidecar, {**HELLO, "instructions": "x" * 3000})
        assert post(sidecar.port, {**HELLO, "input": "Not held"}).status == 429
        assert post(sidecar.port, {**HELLO, "instructions": "x" * 3000}).code == "service_unavailable"
        assert call.let_go().status == 200
        assert post(sidecar.port, {**HELLO, "input": "Not held"}).status == 200


def test_what_the_filter_does_not_match_is_not_held(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    with RunningSidecar(make_settings(), inspect=True, options={"intercept": "~b nothing"}) as sidecar:
        assert post(sidecar.port).status == 200
        (record,) = records.wait()
    assert "call.by_hand" not in record


def test_a_held_call_is_judged_by_the_rules_of_the_moment_it_is_let_go(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    """A policy that was tightened, a model taken out: what a person kept waiting for minutes is held to it."""
    stored = {**HELLO, "store": True}
    coercing = make_settings(policy={"store_true": "coerce"})
    with RunningSidecar(coercing, inspect=True, options=ALL) as sidecar:
        call = Held(sidecar, stored)
        strict = rules(make_settings(), Lasting(build_counters("memory")))
        sidecar.on_loop(lambda: sidecar.services.in_force.put(strict))
        reply = call.let_go()
        (record,) = records.wait()
    assert (reply.status, record["error.type"]) == (400, "refused_feature")
    assert record["policy.hash"] == strict.judged_by["policy.hash"]
    assert provider.calls == []
