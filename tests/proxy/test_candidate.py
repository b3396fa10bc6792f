"""A candidate beside the policy in force: nothing that leaves is another by it, and records and metrics tell of it."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from addons.configuration.errors import ConfigurationError
from addons.configuration.fingerprint import policy_hash
from addons.configuration.loading import load
from addons.foundry.rid import LANGUAGE_MODEL_PREFIX as RI
from addons.gates.body import LARGE
from addons.gates.candidate import Candidate
from addons.process.admin import Admin
from addons.simulator.provider import SimulatedProvider
from tests.commands.program import write_yaml
from tests.conftest import SettingsMaker
from tests.proxy.client import HELLO, post, send
from tests.proxy.running import RunningSidecar
from tests.records import Records
from tests.waiting import LONGEST, eventually

SEARCH = {**HELLO, "tools": [{"type": "web_search"}]}
LONG: Mapping[str, Any] = {**HELLO, "input": "x" * LARGE}


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(**sections: Any) -> Path:
        plain = {
            "caller": {"verifier": "development"},
            "provider": {"regions": {"global": {"api_key": {"env": "X"}}}, "zero_data_retention": "attested"},
        }
        return write_yaml(tmp_path / "candidate.yaml", plain | sections)

    return written


NO_MODEL = {"models": {"extra": [{"rid": f"{RI}gpt-5-2", "enabled": False}]}}
ALLOWED = {"web_search": "allow"}
AT_TOOL = "GEORESTRICTION tools[0]"

# what is in force of `policy`, what the candidate says otherwise, the call, what its record says
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], Mapping[str, Any], list[str] | None]] = {
    "the same policy": ({}, {}, HELLO, None),
    "the same, of a refused call": ({}, {}, SEARCH, None),
    "a stricter one": (ALLOWED, {}, SEARCH, [f"refuses {AT_TOOL}"]),
    "a looser one": ({}, {"policy": ALLOWED}, SEARCH, [f"lets_pass {AT_TOOL}"]),
    "one that warns": (ALLOWED, {"policy": {"mode": "warn"}}, SEARCH, [f"warns {AT_TOOL}"]),
    "enforced after a time of warning": ({"mode": "warn"}, {}, SEARCH, [f"refuses {AT_TOOL}"]),
    "one that takes the tool out": (
        ALLOWED,
        {"policy": {"web_search": "strip"}},
        SEARCH,
        ["changes GEORESTRICTION tools stripped", f"changes {AT_TOOL} stripped"],
    ),
    "without the model": ({}, NO_MODEL, HELLO, ["refuses MODEL_DISABLED model"]),
    "with plain names": (
        {},
        {"models": {"allow_plain_names": True}},
        {**HELLO, "model": "gpt-5.2"},
        ["lets_pass invalid_model model"],
    ),
    "with a name for each caller": (
        {},
        {"policy": {"safety_identifier": {"env": "NOT_SET"}}},
        HELLO,
        ["changes PRIVACY safety_identifier added"],
    ),
    "of a large body": ({}, NO_MODEL, LONG, ["refuses MODEL_DISABLED model"]),
    "of a large body that is refused": ({}, {"policy": ALLOWED}, {**SEARCH, **LONG}, [f"lets_pass {AT_TOOL}"]),
}


@pytest.mark.parametrize(("policy", "candidate", "body", "differences"), CASES.values(), ids=CASES)
def test_what_a_record_says_of_it(
    make_settings: SettingsMaker,
    provider: SimulatedProvider,
    records: Records,
    write: Any,
    policy: dict[str, Any],
    candidate: dict[str, Any],
    body: Mapping[str, Any],
    differences: list[str] | None,
) -> None:
    file = write(**candidate)
    told = []
    for number, tried in enumerate(({}, {"candidate": file}), 1):
        with RunningSidecar(make_settings(policy=policy | tried)) as sidecar:
            told.append(post(sidecar.port, body).status)
            records.wait(count=number)  # the end of a sidecar ends a trial too
    plain, record = records.wait(count=2)
    assert record["policy.candidate.hash"] == policy_hash(load(file))
    assert record.get("policy.candidate") == differences
    assert told[0] == told[1], "and the call is treated as ever"
    assert plain.get("policy.changes") == record.get("policy.changes")
    assert len({call.body for call in provider.calls}) <= 1
    assert "policy.candidate.hash" not in plain
    assert record["policy.hash"] == plain["policy.hash"]


def test_it_is_not_tried_on_what_no_policy_judged(make_settings: SettingsMaker, records: Records, write: Any) -> None:
    with RunningSidecar(make_settings(policy={"candidate": write()})) as sidecar:
        post(sidecar.port, headers=[("Authorization", "none")])
        post(sidecar.port, target="/elsewhere")
        post(sidecar.port, b"{")
    for record in records.wait(count=3):
        assert "policy.candidate.hash" not in record


@pytest.mark.parametrize("size", ["small", "large"])
def test_one_that_fails_harms_no_call(
    make_settings: SettingsMaker, records: Records, write: Any, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("quotes Hello, world")

    monkeypatch.setattr(Candidate, "_decide", fail)
    with RunningSidecar(make_settings(policy={"candidate": write()})) as sidecar:
        assert post(sidecar.port, HELLO if size == "small" else LONG).status == 200
        (record,) = records.wait()
    assert record["policy.candidate"] == ["failed"]
    assert records.of("candidate_failed")
    assert not records.of("fault")


def test_metrics_count_by_rule(make_settings: SettingsMaker, records: Records, write: Any) -> None:
    settings = make_settings(
        listen={"admin": "127.0.0.1:0"}, policy={"web_search": "allow", "candidate": write(policy={"mode": "enforce"})}
    )
    with RunningSidecar(settings) as sidecar:
        for body in (HELLO, SEARCH, {**SEARCH, "tools": SEARCH["tools"] * 2}):
            post(sidecar.port, body)
        records.wait(count=3)
        port = next(part.port for part in sidecar.addons if isinstance(part, Admin))
        text = send(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body.decode()
    found = {
        (sample.name.removeprefix("foundry_sidecar_candidate_"), *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("foundry_sidecar_candidate_")
    }
    assert found == {
        ("calls_total", "same"): 1,
        ("calls_total", "otherwise"): 2,
        ("differences_total", "GEORESTRICTION", "refuses"): 2,
    }


def test_a_wrong_one_is_told_with_its_line(make_settings: SettingsMaker, tmp_path: Path, write: Any) -> None:
    file = write()
    file.write_text(json.dumps({"policy": {"web_serch": "allow"}}, indent=1))
    with pytest.raises(
        ConfigurationError, match=r"candidate.yaml:3: policy.web_serch: no such key; did you mean web_sea"
    ):
        RunningSidecar(make_settings(policy={"candidate": file}))


def test_the_trial_is_no_part_of_a_calls_time(
    make_settings: SettingsMaker, records: Records, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused call with a large body: its caller has the answer while the candidate is still judged."""
    let_go = threading.Event()
    decide = Candidate._decide

    def wait(candidate: Candidate, call: Any) -> Any:
        assert let_go.wait(LONGEST)
        return decide(candidate, call)

    monkeypatch.setattr(Candidate, "_decide", wait)
    with RunningSidecar(make_settings(policy={"candidate": write()})) as sidecar:
        assert post(sidecar.port, {**LONG, "store": True}).status == 400
        assert records.of("call") == []
        let_go.set()
        (record,) = records.wait()
    assert record["duration.total"] == record["duration.sidecar"]
    assert record["policy.candidate.hash"]


@pytest.mark.parametrize("body", [HELLO, LONG, {**HELLO, "store": True}], ids=["small", "large", "refused"])
def test_a_trial_that_breaks_off_costs_the_call_nothing(
    make_settings: SettingsMaker,
    write: Any,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
    body: Mapping[str, Any],
) -> None:
    def judge(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Candidate, "judge", judge)
    with RunningSidecar(make_settings(policy={"candidate": write(policy=ALLOWED)})) as sidecar:
        status, outcome = (400, "refused") if "store" in body else (200, "served")
        assert post(sidecar.port, body).status == status
        (record,) = records.wait()
        eventually(lambda: not sidecar.services.under_way)
    assert record["call.outcome"] == outcome
    assert records.of("trial_failed")
