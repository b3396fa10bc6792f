"""What `explain` reads beside a body and flows, what it refuses to read, and what it never counts."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from addons.__main__ import main
from addons.cassettes.cassette_writer import CassetteWriter, CollectedCall
from addons.configuration.fingerprint import policy_hash
from addons.configuration.loading import load
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX as RI
from tests.commands.program import write_yaml
from tests.conftest import MODEL

PLAIN: dict[str, Any] = {
    "caller": {"verifier": "development"},
    "provider": {"regions": {"global": {"api_key": {"env": "X"}}}},
}
FUNCTION = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"Place": {}}}}
SEARCH = {"type": "web_search"}
# as they left for the provider
LEFT = {"model": "gpt-5.2", "input": "Hello", "store": False, "tools": [FUNCTION], "reasoning": {"summary": "auto"}}
SEARCHED = {**LEFT, "tools": [FUNCTION, SEARCH]}
PICTURE = {
    **LEFT,
    "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AAAA"}]}],
}
UNKNOWN = {**LEFT, "model": "gpt-0"}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIDECAR_CONFIG", raising=False)


@pytest.fixture
def strict(tmp_path: Path) -> str:
    return str(write_yaml(tmp_path / "strict.yaml", PLAIN))


@pytest.fixture
def searching(tmp_path: Path) -> str:
    return str(write_yaml(tmp_path / "searching.yaml", PLAIN | {"policy": {"web_search": "allow"}}))


def cassette(file: Path, bodies: Sequence[object], content: Any, api: str = "responses") -> str:
    writer = CassetteWriter(file, content)
    writer.start()
    for body in bodies:
        sent, kind = json.dumps(body).encode(), (("content-type", "application/json"),)
        writer.add(CollectedCall(api, sent, 200, kind, 1.0, [(2.0, b"{}")], whole=True))
    writer.close()
    return str(file)


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[dict[str, Any], str]:
    main(["explain", *words, "--json"])
    shown = capsys.readouterr()
    return json.loads(shown.out), shown.err


@pytest.mark.parametrize("content", ["kept", "redacted"])
def test_a_recording_is_put_to_a_new_policy(
    tmp_path: Path, strict: str, searching: str, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    file = cassette(tmp_path / "calls.jsonl", [LEFT, SEARCHED, PICTURE, UNKNOWN], content)
    found, told = explained(capsys, file, "--config", searching, "--against", strict)
    readable = 3 if content == "kept" else 2
    assert found["summary"] == {
        "requests": readable, "served": readable - 1, "refused": 1, "otherwise": 1, "callers": 0, "projects": 0,
        "not_judged": 4 - readable,
        "by_rule": [{"effect": "refuses", "rule": "GEORESTRICTION", "requests": 1, "callers": 0, "projects": 0}],
    }  # fmt: skip
    (row,) = found["requests"]
    assert row["name"] == "calls.jsonl:3"
    assert row["differences"] == [{"effect": "refuses", "rule": "GEORESTRICTION", "path": "tools[1]"}]
    assert "calls.jsonl:5: no model of the catalogue is called 'gpt-0'" in told
    assert ("at input[0].content[0].image_url" in told) == (content == "redacted")


CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "stream_options": {"include_usage": True}}
ADA = "ri.language-model-service..language-model.text-embedding-ada-002_azure"


@pytest.mark.parametrize(
    ("api", "path", "left", "refused"),
    [
        ("chat_completions", "/v1/chat/completions", {**CHAT, "model": "gpt-5.2"}, {"modalities": ["audio"]}),
        ("embeddings", "/v1/embeddings", {"model": "text-embedding-ada-002", "input": "Hi"}, {"store": False}),
    ],
)
def test_calls_of_every_api_are_judged_by_its_own_tables(
    tmp_path: Path,
    strict: str,
    capsys: pytest.CaptureFixture[str],
    api: str,
    path: str,
    left: dict[str, Any],
    refused: dict[str, Any],
) -> None:
    """Recorded, or alone, where a body of two members may be one of two APIs: its model tells which."""
    (tmp_path / "calls").mkdir()
    cassette(tmp_path / "calls/calls.jsonl", [left, {**left, **refused}], "kept", api)
    sent = {**left, "model": {"gpt-5.2": MODEL}.get(left["model"], ADA)}
    (tmp_path / "calls/alone.json").write_text(json.dumps(sent))
    found, told = explained(capsys, str(tmp_path / "calls"), "--config", strict)
    assert not told
    assert [(each["name"], each["verdict"]) for each in found["requests"]] == [
        ("alone.json", "served"), ("calls.jsonl:2", "served"), ("calls.jsonl:3", "refused"),
    ]  # fmt: skip
    assert all(each["destination"].endswith(path) for each in found["requests"][:2])


def test_of_an_api_that_is_not_known_nothing_is_judged(
    tmp_path: Path, strict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = cassette(tmp_path / "calls.jsonl", [LEFT], "kept", "messages")
    assert main(["explain", file, "--config", strict]) == 2
    assert "went to the API 'messages', which this version does not know" in capsys.readouterr().err


def test_what_a_mark_hides_does_not_hide_what_is_refused_beside_it(
    tmp_path: Path, strict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = cassette(tmp_path / "calls.jsonl", [{**PICTURE, "tools": [SEARCH]}], "redacted")
    found, _ = explained(capsys, file, "--config", strict)
    (row,) = found["requests"]
    assert [finding["path"] for finding in row["findings"]] == ["tools[0]"]
    assert row["refusal"]["path"] == "tools[0]"


def test_a_folder_of_all_kinds(tmp_path: Path, strict: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "calls"
    (folder / "more").mkdir(parents=True)
    good = {"model": MODEL, "input": "Hello"}
    (folder / "good.json").write_text(json.dumps(good))
    (folder / "more/bad.json").write_text(json.dumps({**good, "store": True}, indent=1))
    cassette(folder / "recorded.jsonl", [LEFT], "redacted")
    (folder / "README.md").write_text("# Calls")
    (folder / "old.json.gz").write_bytes(b"\x1f\x8b...")
    found, told = explained(capsys, str(folder), "--config", strict)
    assert [(each["name"], each["verdict"]) for each in found["requests"]] == [
        ("good.json", "served"),
        ("more/bad.json", "refused"),
        ("recorded.jsonl:2", "served"),
    ]
    assert found["not_judged"] == [
        {"name": "README.md", "why": "is neither a body (*.json), a recording, saved flows nor collected records"},
        {"name": "old.json.gz", "why": "is compressed with gzip; unpack it first"},
    ]
    assert len(told.splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"SQLite format 3\0...", "is a database; a ledger holds no bodies"),
        (b"PK\x03\x04...", "is a ZIP archive"),
        (b'{"log": {"version": "1.2", "entries": []}}', "is a HAR file"),
        (b'{"input": 1}\n{"input": 2}\n', "JSON lines that are neither"),
        (b'{"cassette": 2, "content": "kept", "salt": ""}\n', "is no whole recording: calls:1: cassette"),
        (b'{"cassette": 1, "content": "kept", "salt": ""}\n{"request"', "is no whole recording: calls:2: not JSON"),
        (b"12:", "not readable as saved flows"),
        (None, "No such file"),
    ],
    ids=[
        "a ledger",
        "an archive",
        "HAR",
        "other lines",
        "a later recording",
        "half a recording",
        "half a flow",
        "none",
    ],
)
def test_what_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, why: str) -> None:
    file = tmp_path / "calls"
    if content is not None:
        file.write_bytes(content)
    assert main(["explain", str(file)]) == 2
    shown = capsys.readouterr()
    assert why in shown.err
    assert "holds no request that can be judged" in shown.err
    assert shown.out == ""


def test_a_setting_is_tried_on_one_side_alone(tmp_path: Path, strict: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = cassette(tmp_path / "calls.jsonl", [LEFT, SEARCHED], "redacted")
    found, _ = explained(capsys, file, "--config", strict, "--against", strict, "--set", "policy.web_search=allow")
    assert found["summary"]["otherwise"] == 1
    found, _ = explained(capsys, file, "--config", strict, "--set", "policy.web_search=allow")
    assert found["summary"]["refused"] == 0


ALLOWED = {"policy.decision": "allowed", "call.outcome": "served", "foundry.model.rid": MODEL, "caller": "ada"}
WARNED = {**ALLOWED, "policy.warnings": ["tools[0] GEORESTRICTION"]}
REFUSED = {
    **ALLOWED, "policy.decision": "refused", "call.outcome": "refused", "policy.rule": "GEORESTRICTION",
    "policy.param": "tools[0]", "policy.setting": "policy.web_search", "foundry.attribution": ["ri.a.b.c.1"],
}  # fmt: skip
BY_ROW = {**REFUSED, "policy.rule": "ZERO_DATA_RETENTION", "policy.setting": "policy.rules.tool.mcp"}
UNKNOWN_CALLER = {"policy.decision": "refused", "error.type": "unauthorized"}
OTHER_PATH = {"policy.decision": "allowed", "foundry.other_path": True, "caller": "ada"}

SAME, NOT = "the same", "not judged"
# a record, what `policy` says in the configuration that judged it, and in the other; what comes of it
TOLD: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = {
    "allowed, nothing stricter": (ALLOWED, {}, {"web_search": "allow"}, SAME),
    "allowed, something stricter": (ALLOWED, {"web_search": "allow"}, {}, NOT),
    "allowed while all warned, nothing noted": (ALLOWED, {"mode": "warn"}, {}, SAME),
    "warned of, then enforced": (WARNED, {"mode": "warn"}, {}, "refuses GEORESTRICTION tools[0]"),
    "warned of, then enforced but for some rows": (WARNED, {"mode": "warn"}, {"rules": {"tool.mcp": "warn"}}, NOT),
    "warned of, and still": (WARNED, {"mode": "warn"}, {"mode": "warn", "web_search": "allow"}, SAME),
    "refused by a setting, and still": (REFUSED, {}, {"store_true": "coerce"}, SAME),
    "refused by a setting, no more": (REFUSED, {}, {"web_search": "strip"}, NOT),
    "refused by a row, and still": (BY_ROW, {}, {"web_search": "allow"}, SAME),
    "refused by a row, no more": (BY_ROW, {}, {"rules": {"tool.mcp": "warn"}}, NOT),
    "refused before its caller was known": (UNKNOWN_CALLER, {}, {}, NOT),
    "to another path": (OTHER_PATH, {}, {}, NOT),
}


@pytest.mark.parametrize(("record", "base", "tried", "outcome"), TOLD.values(), ids=TOLD)
def test_as_far_as_a_record_tells(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    record: dict[str, Any],
    base: dict[str, Any],
    tried: dict[str, Any],
    outcome: str,
) -> None:
    one, other = (
        write_yaml(tmp_path / f"{name}.yaml", PLAIN | {"policy": policy})
        for name, policy in (("base", base), ("tried", tried))
    )
    log = tmp_path / "log"
    line = {"event": "call", "call.id": "1", "policy.hash": policy_hash(load(one)), **record}
    log.write_text(f"not JSON\n{json.dumps({'event': 'listening'})}\npod-1 {json.dumps(line)}\n{json.dumps(line)}\n")
    code = main(["explain", str(log), "--config", str(one), "--against", str(other), "--json"])
    shown = capsys.readouterr()
    if outcome == NOT:
        assert code == 2
        assert shown.err.startswith("call 1: ")
        return
    summary = json.loads(shown.out)["summary"]
    assert summary["requests"] == 1
    assert summary["otherwise"] == (outcome != SAME)
    told = [" ".join(each.values()) for row in json.loads(shown.out)["requests"] for each in row["differences"]]
    assert told == ([] if outcome == SAME else [outcome])


def test_a_record_of_a_model_that_is_switched_off(
    tmp_path: Path, strict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    off = write_yaml(tmp_path / "off.yaml", PLAIN | {"models": {"extra": [{"rid": f"{RI}gpt-5-2", "enabled": False}]}})
    log = tmp_path / "log"
    log.write_text(json.dumps({"event": "call", "call.id": "1", **ALLOWED, "foundry.attribution": ["ri.a.b.c.1"]}))
    assert main(["explain", str(log), "--config", strict, "--against", str(off)]) == 1
    assert capsys.readouterr().out == (
        "1 of 1 would be treated differently, of 1 caller and 1 project\n"
        "  refuses MODEL_DISABLED: 1, of 1 caller and 1 project\n\n"
        "call 1:\n  refuses MODEL_DISABLED model\n"
    )
