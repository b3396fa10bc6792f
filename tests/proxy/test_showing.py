"""Answers that are still coming, as a list of flows shows them; and that showing them harms none."""

from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy.addons.view import View

from addons.simulator.provider import SimulatedProvider
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post
from tests.proxy.running import RunningSidecar
from tests.proxy.test_closed import part
from tests.records import Records

STREAM = {**HELLO, "stream": True}
KEPT = 2000


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
    monkeypatch.setattr("addons.inspecting.inspector.LOOK_EVERY", 0.02)


def test_it_grows_up_to_what_is_kept(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    provider.script("events=40 pause=0.03")
    view = Seen()
    settings = make_settings(inspect={"answer_bytes": KEPT})
    with RunningSidecar(settings, inspect=True, alter=lambda parts: parts.append(view)) as sidecar:
        assert post(sidecar.port, STREAM).body.endswith(b"\n\n")
        records.wait()
        (flow,) = view._view
    assert view.lengths == sorted(view.lengths)
    assert len(set(view.lengths)) > 3
    assert view.lengths[-1] == len(flow.response.raw_content) == KEPT
    assert len(part(sidecar.addons, "sidecar-inspector")._captures) == 0


@pytest.mark.parametrize("fault", [RuntimeError("injected"), MemoryError(), KeyError("injected")])
def test_a_fault_in_showing_does_not_reach_the_stream(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records, fault: Exception
) -> None:
    def raise_it() -> None:
        raise fault

    provider.script("events=20 pause=0.02", "events=20")
    view = Seen(raise_it)
    with RunningSidecar(make_settings(), inspect=True, alter=lambda parts: parts.append(view)) as sidecar:
        first, second = post(sidecar.port, STREAM), post(sidecar.port, STREAM)
        served = records.wait(count=2)
    assert first.body.count(b"event: ") == second.body.count(b"event: ")
    assert [record["call.outcome"] for record in served] == ["served", "served"]
    assert records.of("not_shown")


def test_without_a_list_nothing_is_kept(
    make_settings: SettingsMaker, provider: SimulatedProvider, records: Records
) -> None:
    kept: list[Any] = []

    class Last:
        name = "test-last"

        def response(self, flow: Any) -> None:
            kept.append((flow.response.raw_content, flow.response.stream.copy))

    with RunningSidecar(make_settings(), inspect=True, alter=lambda parts: parts.append(Last())) as sidecar:
        post(sidecar.port, STREAM)
        records.wait()
    assert kept == [(None, None)]
