"""Answers that are still coming, as a list of flows shows them; and that showing them harms none."""

import json
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy.addons.view import View
from mitmproxy.http import HTTPFlow, Response

from addons.simulator.provider import SimulatedProvider
from tests.conftest import PATH, PROVIDER_KEY, SettingsMaker
from tests.inspecting.web import timeless
from tests.proxy.client import HELLO, post, read_reply, request_bytes
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import eventually

STREAM = {**HELLO, "stream": True}
KEPT = 4000


class Seen(View):
    """A real list of flows; notes the length of a good answer in it whenever it is told of a change."""

    name = "view"

    def __init__(self, fault: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.lengths: list[int] = []
        self._fault = fault

    def update(self, flows: Any) -> None:
        super().update(flows)
        shown = [flow.response.raw_content for flow in flows if flow.response and flow.response.status_code == 200]
        self.lengths += [len(content) for content in shown if content]
        if any(shown):
            self._fault()


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addons.inspecting.flows.LOOK_EVERY", 0.02)


def test_it_grows_up_to_what_is_kept(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    provider.script("events=40 pause=0.03")
    view = Seen()
    settings = make_settings(inspect={"answer_bytes": KEPT})
    with RunningSidecar(settings, inspect=True, view=view) as sidecar:
        assert post(sidecar.port, STREAM).body.endswith(b"\n\n")
        records.wait()
        (flow,) = view._view
    assert view.lengths == sorted(view.lengths)
    assert len(set(view.lengths)) > 3
    assert view.lengths[-1] == len(flow.response.raw_content) == KEPT
    assert sidecar.part("sidecar-flows")._under_way == {}


@pytest.mark.parametrize(
    ("bounds", "kept"), [({}, 6), ({"keep_flows": 2}, 2), ({"keep_bytes": 80_000}, 3), ({"keep_bytes": 0}, 1)]
)
def test_the_oldest_are_let_go_when_they_are_too_many_or_too_large(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, bounds: dict[str, int], kept: int
) -> None:
    """The newest stays, whatever its size."""
    with RunningSidecar(make_settings(inspect=bounds), inspect=True) as sidecar:
        for number in range(6):
            post(sidecar.port, {**HELLO, "input": f"{number}" * 10_000})
            records.wait(count=number + 1)
        shown: list[Any] = list(sidecar.view._store.values())
    assert [json.loads(flow.request.raw_content)["input"][0] for flow in shown] == list("012345"[-kept:])


@pytest.mark.parametrize("fault", [RuntimeError("injected"), MemoryError(), KeyError("injected")])
def test_a_fault_in_showing_does_not_reach_the_stream(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, fault: Exception
) -> None:
    def raise_it() -> None:
        raise fault

    provider.script("events=20 pause=0.02", "events=20")
    view = Seen(raise_it)
    with RunningSidecar(make_settings(), inspect=True, view=view) as sidecar:
        first, second = post(sidecar.port, STREAM), post(sidecar.port, STREAM)
        served = records.wait(count=2)
    assert first.body.count(b"event: ") == second.body.count(b"event: ")
    assert [record["call.outcome"] for record in served] == ["served", "served"]
    assert records.of("not_shown")


def test_a_call_is_in_the_list_from_its_first_moment(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    provider.script("hold=8 events=12")
    whole = request_bytes(STREAM, headers=[("attribution", "ri.compass.main.folder.the-project")])
    with (
        RunningSidecar(make_settings(), inspect=True) as sidecar,
        socket.create_connection(("127.0.0.1", sidecar.port)) as connection,
    ):
        connection.sendall(whole[:-5])
        seen = [timeless(eventually(lambda: next(iter(sidecar.view._store.values()), None)).comment)]
        connection.sendall(whole[-5:])
        (call,) = provider.wait_for_calls()
        (flow,) = sidecar.view._store.values()
        seen.append(timeless(flow.comment))
        call.release()
        read_reply(connection)
        records.wait()
    assert seen == [
        f"⏳ POST {PATH}",
        "⏳ gpt-5.2 · the-project · development · “Hello, world”",
    ]
    assert re.fullmatch("✅ gpt-5.2 · the-project · .* · development · “Hello, world”", timeless(flow.comment))


def test_nothing_of_it_where_nobody_looks(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    """As under ``start``: no flow is made, though there is a list that would take it."""
    view = View()
    with RunningSidecar(make_settings()) as sidecar:
        sidecar.on_loop(lambda: sidecar.master.addons.add(view))
        post(sidecar.port, STREAM)
        records.wait()
    assert len(view._store) == 0


@pytest.mark.parametrize(
    ("directive", "told"),
    [
        ("status=500", b'"code":"upstream_error"'),
        ("reset", b'"code":"upstream_error"'),
        ("cut=2", b'"code":"stream_truncated"'),
    ],
)
def test_what_failed_is_shown_with_the_very_error_that_the_app_got(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, directive: str, told: bytes
) -> None:
    provider.script(directive)
    with RunningSidecar(make_settings(), inspect=True) as sidecar:
        reply = post(sidecar.port, STREAM)
        records.wait()
        (flow,) = sidecar.view._store.values()
    assert isinstance(flow, HTTPFlow)
    assert flow.response
    assert told in reply.body
    assert (flow.response.status_code, flow.response.raw_content) == (reply.status, reply.body)
    assert flow.comment.startswith("💥 ")
    assert flow.error


def test_what_is_changed_in_a_flow_changes_nothing_that_leaves(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    class Editing(View):
        name = "view"

        def add(self, flows: Any) -> None:
            super().add(flows)
            self.update(flows)

        def update(self, flows: Any) -> None:
            for flow in flows:
                flow.request.content = b'{"model": "gpt-evil", "store": true}'
                flow.request.headers["Authorization"] = "Bearer another"
                flow.request.path = "/elsewhere"
                flow.response = Response.make(418)

    with RunningSidecar(make_settings(), inspect=True, view=Editing()) as sidecar:
        reply = post(sidecar.port)
        records.wait()
    (call,) = provider.calls
    assert (reply.status, call.target, json.loads(call.body)["input"]) == (200, "/v1/responses", HELLO["input"])
    assert call.values("authorization") == [f"Bearer {PROVIDER_KEY}"]
