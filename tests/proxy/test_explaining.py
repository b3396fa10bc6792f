"""Flows of a real proxy, explained from their file and by mitmproxy's own command."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import io as flow_io
from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow
from mitmproxy.test import tflow

from addons.__main__ import main
from addons.inspecting.originals import LEFT, SENT_BY_0_1, original
from tests.conftest import PATH, PROVIDER_KEY, SettingsMaker
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
    shown = json.loads(capsys.readouterr().out)["requests"]
    flows = read(saved)
    assert [each["verdict"] for each in shown] == VERDICTS
    assert [each["name"] for each in shown] == [
        f"flow {number} (call {flow.metadata['sidecar']['call.id']})" for number, flow in enumerate(flows, 1)
    ]
    assert {row["path"] for row in shown[2]["findings"]} == {"store", "background"}
    assert [each["refusal"] and each["refusal"]["name"] for each in shown[3:]] == ["wrong_path", "bad_target"]
    for flow, explained in zip(flows, shown, strict=True):
        recorded = flow.metadata["sidecar"]
        assert recorded["call.outcome"] == explained["verdict"]
        changes = [f"{change['path']} {change['action']}" for change in explained["changes"]]
        assert recorded.get("policy.changes", []) == changes


@pytest.mark.parametrize("saved", [True], indirect=True)
def test_what_is_kept_of_a_request_holds_no_secret(saved: Path) -> None:
    flows = [flow for flow in read(saved) if isinstance(flow, HTTPFlow)]
    sent = [original(flow) for flow in flows]
    assert [json.loads(each.body) for each in sent[:2] if each] == [HELLO, {**HELLO, "stream": True}]
    assert sent[0]
    assert ("attribution", "ri.compass.main.folder.1") in sent[0].headers
    left = [flow.metadata[LEFT] for flow in flows if LEFT in flow.metadata]
    assert [json.loads(each["body"])["store"] for each in left] == [False, False]
    assert not [name for each in left for name, _ in each["headers"] if name.lower() == "authorization"]
    for secret in (TOKEN, PROVIDER_KEY, "very-secret"):
        assert secret.encode() not in saved.read_bytes()


@pytest.mark.parametrize("saved", [False], indirect=True)
def test_a_headless_run_makes_no_flows(saved: Path) -> None:
    assert not saved.exists() or not saved.read_bytes()


def test_flows_saved_by_0_1_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Theirs hold what left as the request, and what the app sent beside it unless it was large."""
    file = tmp_path / "flows"
    with file.open("wb") as stream:
        for body in (json.dumps(HELLO).encode(), None):
            flow = tflow.tflow(resp=True)
            flow.client_conn.sni = None
            flow.request.headers["Authorization"] = "Bearer provider-key-stand-in-1"
            flow.metadata["sidecar"] = {"policy.decision": "served", "call.id": "an-id"}
            if body:
                head = [["Host", "localhost"], ["Content-Type", "application/json"]]
                flow.metadata[SENT_BY_0_1] = {"method": "POST", "target": PATH, "headers": head, "body": body}
            flow_io.FlowWriter(stream).add(flow)
    assert main(["explain", str(file), "--json"]) == 0
    shown = capsys.readouterr()
    assert [each["verdict"] for each in json.loads(shown.out)["requests"]] == ["served"]
    assert shown.err.count("holds only the request that left") == 1
    assert shown.err.count("At the time it was served") == 1


def test_the_command_for_the_focused_flow(make_settings: SettingsMaker, records: Records) -> None:
    with RunningSidecar(make_settings(), inspect=True) as sidecar:
        for call in CALLS:
            post(sidecar.port, **call)
        records.wait(count=len(CALLS))
        shown = sidecar.on_loop(lambda: sidecar.master.commands.call("sidecar.explain", sidecar.view.resolve("@all")))
    verdicts = [part.partition("): ")[2].split()[0] for part in shown.split("\n\n")]
    assert verdicts == VERDICTS
    assert "Hello, world" not in records.everything()
    assert len(records.of("explained")) == len(CALLS)
