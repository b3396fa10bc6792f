"""Flows of a real proxy, explained from their file and by mitmproxy's own command."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import io as flow_io
from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow

from addons.__main__ import main
from addons.inspecting.originals import KEY
from tests.conftest import PROVIDER_KEY, SettingsMaker
from tests.proxy.client import HELLO, TOKEN, post
from tests.proxy.running import RunningSidecar
from tests.records import Records

REFUSED = {**HELLO, "store": True, "background": True}
CALLS: Sequence[dict[str, Any]] = (
    {"body": HELLO, "headers": [("Cookie", "very-secret"), ("attribution", "ri.compass.main.folder.1")]},
    {"body": {**HELLO, "stream": True}},
    {"body": REFUSED},
    {"target": "/elsewhere"},
    {"target": "http://api.openai.com/v1/responses"},
)
VERDICTS = ["served", "served", "refused", "refused", "refused"]


@pytest.fixture
def saved(make_settings: SettingsMaker, records: Records, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    file = tmp_path / "flows"
    running = RunningSidecar(make_settings(), saved=file, inspect=request.param)
    with running as sidecar:
        for call in CALLS:
            post(sidecar.port, **call)
        records.wait(count=len(CALLS))
    return file


def read(file: Path) -> list[Flow]:
    with file.open("rb") as stream:
        return list(flow_io.FlowReader(stream).stream())


@pytest.mark.parametrize("saved", [True], indirect=True)
def test_flows_saved_while_inspecting_are_explained_again(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(saved), "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    flows = read(saved)
    assert [each["verdict"] for each in shown] == VERDICTS
    assert [each["name"] for each in shown] == [
        f"flow {number} (call {flow.metadata['sidecar']['call.id']})" for number, flow in enumerate(flows, 1)
    ]
    assert {row["path"] for row in shown[2]["findings"]} == {"store", "background"}
    assert [each["refusal"] and each["refusal"]["name"] for each in shown[3:]] == ["not_found", "bad_target"]
    for flow, explained in zip(flows, shown, strict=True):
        recorded = flow.metadata["sidecar"]
        assert recorded["call.outcome"] == explained["verdict"]
        changes = [f"{change['path']} {change['action']}" for change in explained["changes"]]
        assert recorded.get("policy.changes", []) == changes


@pytest.mark.parametrize("saved", [True], indirect=True)
def test_what_is_kept_of_a_request_holds_no_secret(saved: Path) -> None:
    kept = [flow.metadata[KEY] for flow in read(saved) if KEY in flow.metadata]
    assert [json.loads(each["body"]) for each in kept] == [HELLO, {**HELLO, "stream": True}]
    assert ["attribution", "ri.compass.main.folder.1"] in kept[0]["headers"]
    for secret in (TOKEN, PROVIDER_KEY, "very-secret"):
        assert secret.encode() not in saved.read_bytes()


@pytest.mark.parametrize("saved", [False], indirect=True)
def test_a_headless_run_keeps_nothing_and_explains_what_it_can(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not [flow for flow in read(saved) if KEY in flow.metadata]
    assert main(["explain", str(saved), "--json"]) == 1
    shown = capsys.readouterr()
    assert [each["verdict"] for each in json.loads(shown.out)] == VERDICTS[2:]
    assert shown.err.count("holds only the request that left") == 2
    assert shown.err.count("At the time it was served") == 2


class Kept:
    name = "test-kept"

    def __init__(self) -> None:
        self.flows: list[HTTPFlow] = []

    def response(self, flow: HTTPFlow) -> None:
        self.flows.append(flow)


def test_the_command_for_the_focused_flow(make_settings: SettingsMaker, records: Records) -> None:
    kept = Kept()
    with RunningSidecar(make_settings(), alter=lambda parts: parts.append(kept), inspect=True) as sidecar:
        for call in CALLS:
            post(sidecar.port, **call)
        records.wait(count=len(CALLS))
        shown = sidecar.on_loop(lambda: sidecar.master.commands.call("sidecar.explain", kept.flows))
    verdicts = [part.partition("): ")[2].split()[0] for part in shown.split("\n\n")]
    assert verdicts == VERDICTS
    assert "Hello, world" not in records.everything()
    assert len(records.of("explained")) == len(CALLS)
