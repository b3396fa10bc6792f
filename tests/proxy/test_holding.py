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
from addons.usage.storage import build_counters
from tests.conftest import PROVIDER_KEY, SettingsMaker
from tests.inspecting.web import timeless
from tests.proxy.client import HELLO, TOKEN, Reply, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.proxy.test_closed import ASKED, BASE
from tests.proxy.test_resending import MALFORMED
from tests.proxy.test_tunnels import draining
from tests.records import Records
from tests.waiting import LONGEST, eventually

ALL = {"intercept": "~all"}
TARGET = f"{BASE}responses"
HEADERS = [
    ("X-Palantir-session-id", "a-session"),
    ("attribution", "ri.compass.main.folder.1"),
    ("X-Stainless-Retry-Count", "2"),
]


class Held:
    """A call in another thread, held; ``reply`` waits for its answer."""

    def __init__(self, sidecar: RunningSidecar, body: Mapping[str, Any], target: str = TARGET) -> None:
        self._sidecar = sidecar
        self._replies: list[Reply] = []
        self._thread = threading.Thread(
            target=lambda: self._replies.append(post(sidecar.port, body, headers=HEADERS, target=f"{target}?token=t"))
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


@contextmanager
def held(
    make_settings: SettingsMaker, body: Mapping[str, Any] = HELLO, target: str = TARGET, **sections: Any
) -> Iterator[Held]:
    with RunningSidecar(make_settings(**sections), inspect=True, options=ALL) as sidecar:
        yield Held(sidecar, body, target)


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


RESPONSES, CHAT, EMBEDDINGS = (ASKED[name]["body"] for name in ("responses", "chat", "embeddings"))


def request(path: str, body: Mapping[str, Any] | None = None, method: str = "POST") -> Callable[[HTTPFlow], object]:
    def change(flow: HTTPFlow) -> None:
        flow.request.path, flow.request.method = path, method
        if body is not None:
            flow.request.text = json.dumps(body)

    return change


@pytest.mark.parametrize(
    ("called", "body", "change", "status", "reached"),
    [
        ("responses", RESPONSES, request(f"{BASE}chat/completions", CHAT), 200, ["chat/completions"]),
        ("responses", RESPONSES, request(f"{BASE}embeddings", EMBEDDINGS), 200, ["embeddings"]),
        ("chat/completions", CHAT, request(TARGET, RESPONSES), 200, ["responses"]),
        ("embeddings", EMBEDDINGS, request(f"{BASE}chat/completions", CHAT), 200, ["chat/completions"]),
        ("responses", RESPONSES, request(f"{BASE}chat/completions"), 400, []),
        ("chat/completions", CHAT, request(TARGET), 400, []),
        ("embeddings", EMBEDDINGS, request(TARGET, {**RESPONSES, "store": True}), 400, []),
        ("responses", RESPONSES, request(f"{BASE}models", method="GET"), 200, []),
        ("responses", RESPONSES, request(f"{BASE}files"), 404, []),
    ],
    ids=[
        "chat for responses", "embeddings for responses", "responses for chat", "chat for embeddings",
        "chat, with a body of responses", "responses, with a body of chat", "responses for embeddings, stored",
        "the list of models", "nothing that is served",
    ],
)  # fmt: skip
def test_with_another_path_another_api_applies(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    called: str,
    body: Mapping[str, Any],
    change: Callable[[HTTPFlow], object],
    status: int,
    reached: list[str],
) -> None:
    with held(make_settings, body, f"{BASE}{called}") as call:
        assert call.let_go(change).status == status
        (record,) = records.wait()
    assert record["call.by_hand"] == ["held", "edited"]
    assert [sent.target for sent in provider.calls] == [f"/v1/{path}" for path in reached]


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("Transfer-Encoding", "chunked", 200),
        ("Content-Length", "5", 200),
        ("Connection", "close", 200),
        ("Content-Encoding", "gzip", 400),
        ("Content-Encoding", "rot13", 415),
        ("Upgrade", "websocket", 426),
    ],
)
def test_what_frames_the_body_is_not_a_persons_to_say(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, name: str, value: str, status: int
) -> None:
    with held(make_settings) as call:
        assert call.let_go(header(name, value)).status == status
    assert [json.loads(sent.body)["input"] for sent in provider.calls] == [HELLO["input"]] * (status == 200)


@pytest.mark.parametrize("edit", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_request_any_more_is_refused(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, edit: Callable[[Any], object]
) -> None:
    with held(make_settings) as call:
        reply = call.let_go(lambda flow: edit(flow.request))
        (record,) = records.wait()
    assert (reply.status, record["error.type"]) == (400, "bad_target")
    assert provider.dialled == 0


@pytest.mark.parametrize(
    ("asked", "change", "status"),
    [
        ("POST", request("/v1/files", method="HEAD"), 404),
        ("POST", request(TARGET, method="HEAD"), 405),
        ("HEAD", request(TARGET), 200),
        ("HEAD", request(TARGET, {**HELLO, "stream": True}), 200),
        ("HEAD", request(f"{BASE}models", method="GET"), 200),
        ("HEAD", request("/v1/files"), 404),
        ("HEAD", lambda _flow: None, 405),
    ],
    ids=[
        "POST becomes HEAD", "POST becomes HEAD, without a text", "HEAD becomes POST", "HEAD becomes a stream",
        "HEAD becomes the list of models", "HEAD becomes a path that is not served", "HEAD stays",
    ],
)  # fmt: skip
def test_the_answer_ends_where_the_caller_looks_for_its_end(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    asked: str,
    change: Callable[[HTTPFlow], object],
    status: int,
) -> None:
    """By the method that it sent, whatever a person made of it: the next answer on its connection is the next one's."""
    with (
        RunningSidecar(make_settings(), inspect=True, options=ALL) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port), LONGEST) as caller,
    ):

        def let_go() -> None:
            change(flow)
            sidecar.master.options.update(intercept_active=False)
            flow.resume()

        caller.sendall(request_bytes(method=asked))
        flow = eventually(lambda: next((each for each in sidecar.view.resolve("@all") if each.intercepted), None))
        sidecar.on_loop(let_go)
        assert read_reply(caller, asked).status == status
        caller.sendall(request_bytes({**HELLO, "input": "The next one"}))
        reply = read_reply(caller)
        assert (reply.status, provider.calls[-1].json()["input"]) == (200, "The next one")
        assert reply.json["object"] == "response"


def test_a_whole_url_stays_one(make_settings: SettingsMaker, provider: SimulatedProvider, records: Records) -> None:
    """It is refused, and the edit of something else does not take its host off."""
    with held(make_settings, target=f"http://localhost{TARGET}") as call:
        reply = call.let_go(content({**HELLO, "input": "Something else"}))
        (record,) = records.wait()
    assert (reply.status, record["error.type"]) == (400, "bad_target")
    assert provider.dialled == 0


def test_at_the_end_of_the_sidecar(make_settings: SettingsMaker, provider: SimulatedProvider, records: Records) -> None:
    """A call that is let go in time is served; one that nobody lets go is told to come again."""
    with RunningSidecar(make_settings(), inspect=True, options=ALL) as sidecar:
        first = Held(sidecar, HELLO)
        over = draining(sidecar, 10 * LONGEST)
        eventually(lambda: sidecar.services.leaving)
        assert first.let_go().status == 200
        over.result(LONGEST)
    with RunningSidecar(make_settings(), inspect=True, options=ALL) as sidecar:
        second = Held(sidecar, HELLO)
        draining(sidecar, 0.1).result(LONGEST)
        assert second.reply().status == 503
        assert not second.flow.intercepted
    assert [record["call.outcome"] for record in records.of("call")] == ["served", "shut_down"]
    assert len(provider.calls) == 1


def test_mitmproxys_own_clock_does_not_cut_it(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addons.configuration.mitmproxy_options.MARGIN", 3)
    hasty = {**make_settings().provider.model_dump(), "timeouts": {"read": 0.1, "connect": 0.1}}
    with held(make_settings, provider=hasty, inspect={"hold_seconds": 4.0}) as call:
        assert (call.reply().status, call.reply().code) == (403, "stopped_by_hand")


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
