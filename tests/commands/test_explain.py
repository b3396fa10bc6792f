"""`explain`, as a person types it."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import io as flow_io
from mitmproxy.test import tflow

from addons.__main__ import main
from tests.commands.program import run, write_yaml
from tests.conftest import MODEL

GOOD = {"model": MODEL, "input": "Hello"}
BAD = {**GOOD, "store": True, "tools": [{"type": "mcp", "server_label": "x"}]}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIDECAR_CONFIG", raising=False)


@pytest.fixture
def lenient(tmp_path: Path) -> Path:
    """Names a registry, a key and a certificate that are not there: explaining needs none of them."""
    return write_yaml(
        tmp_path / "lenient.yaml",
        {
            "provider": {"regions": {"global": {"api_key": {"file": "no-key"}}}, "trusted_ca": "no-ca"},
            "caller": {"verifier": "registry", "registry": {"file": "no-registry"}},
            "policy": {"store_true": "coerce", "rules": {"tool.mcp": "warn"}},
        },
    )


def body(tmp_path: Path, content: object) -> str:
    path = tmp_path / "body.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(path)


@pytest.mark.parametrize(
    ("content", "config", "against", "code"),
    [
        (GOOD, False, False, 0),
        (BAD, False, False, 1),
        (BAD, True, False, 0),
        (BAD, False, True, 0),
        (GOOD, False, True, 0),
        (b"no JSON", False, False, 1),
        (b"", False, False, 1),
    ],
)
@pytest.mark.parametrize("machine", [False, True])
def test_exit_codes(
    tmp_path: Path,
    lenient: Path,
    capsys: pytest.CaptureFixture[str],
    content: object,
    config: bool,
    against: bool,
    code: int,
    machine: bool,
) -> None:
    words = ["explain", body(tmp_path, content)]
    words += ["--config", str(lenient)] * config + ["--against", str(lenient)] * against + ["--json"] * machine
    assert main(words) == code
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out
    if machine:
        json.loads(shown.out)
    else:
        assert "\033" not in shown.out


def test_all_of_it_in_a_process_of_its_own(tmp_path: Path) -> None:
    ended = run("explain", body(tmp_path, BAD), "--json")
    found = json.loads(ended.stdout)
    (shown,) = found["requests"]
    assert found["summary"] == {
        "requests": 1, "served": 0, "refused": 1, "callers": 0, "projects": 0, "not_judged": 0,
        "by_rule": [
            {"effect": "refuses", "rule": "ZERO_DATA_RETENTION", "requests": 1, "callers": 0, "projects": 0}
        ],
    }  # fmt: skip
    assert (ended.returncode, ended.stderr) == (1, "")
    assert [finding["path"] for finding in shown["findings"]] == ["store", "tools[0]"]
    assert shown["refusal"]["rule"] == "ZERO_DATA_RETENTION"


def test_from_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(GOOD).encode())))
    assert main(["explain", "-"]) == 0
    assert capsys.readouterr().out.startswith("the body: served")


def test_only_what_differs_is_shown(tmp_path: Path, lenient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flows = tmp_path / "flows"
    with flows.open("wb") as file:
        for content in (GOOD, BAD):
            flow_io.FlowWriter(file).add(captured(content))
    assert main(["explain", str(flows), "--against", str(lenient)]) == 0
    shown = capsys.readouterr().out
    assert "flow 1" not in shown
    assert "refused with 400 unsupported_parameter at store (ZERO_DATA_RETENTION) → served" in shown
    assert shown.startswith("1 of 2 would be treated differently\n  lets pass ZERO_DATA_RETENTION: 1\n\nflow 2:")
    assert main(["explain", str(flows), "--against", str(lenient), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["requests"]
    assert row["differs"]["gate policy"] == ["refused", "passed"]
    assert (row["before"]["verdict"], row["after"]["verdict"]) == ("refused", "served")


def captured(content: object) -> Any:
    """A flow of plain mitmproxy, between an app and Foundry itself, with the app's own token in it."""
    flow = tflow.tflow()
    flow.client_conn.sni = None
    flow.request.method, flow.request.path = "POST", "/api/v2/llm/proxy/openai/v1/responses"
    flow.request.authority, flow.request.http_version = "", "HTTP/1.1"
    flow.request.headers.clear()
    for name, value in (("host", "localhost"), ("content-type", "application/json"), ("authorization", "Bearer t0p")):
        flow.request.headers[name] = value
    flow.request.content = json.dumps(content).encode()
    return flow


def test_a_flow_that_no_sidecar_saw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flows = tmp_path / "flows"
    with flows.open("wb") as file:
        flow_io.FlowWriter(file).add(captured(BAD))
        flow_io.FlowWriter(file).add(tflow.ttcpflow())
    assert main(["explain", str(flows)]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("flow 1: refused with 400 unsupported_parameter at store")
    assert "flow 2" not in shown
    assert "t0p" not in shown


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"4:abc", "not readable as saved flows"), (b"2:ab,", "not readable"), (None, "No such file")],
)
def test_a_file_that_can_not_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, words: str
) -> None:
    file = tmp_path / "flows"
    if content is not None:
        file.write_bytes(content)
    assert main(["explain", str(file)]) == 2
    assert words in capsys.readouterr().err


def test_a_wrong_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("no_such_key: 1\n")
    for option in ("--config", "--against"):
        assert main(["explain", body(tmp_path, GOOD), option, str(wrong)]) == 2
        assert "wrong.yaml:1: no_such_key: no such key" in capsys.readouterr().err


def test_a_secret_the_policy_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SIDECAR_POLICY__SAFETY_IDENTIFIER", '{"env": "NO_SUCH"}')
    assert main(["explain", body(tmp_path, GOOD)]) == 2
    assert "policy.safety_identifier: environment variable NO_SUCH" in capsys.readouterr().err
