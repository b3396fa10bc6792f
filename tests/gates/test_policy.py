from pathlib import Path
from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.additions import pseudonym, session_key
from addons.call import Call, Headers
from addons.gates.body import LARGE
from addons.gates.policy import JudgeBody
from addons.values.secret import Secret, SecretError
from tests.gates.calls import GPT, SOMEONE, call, refused_by, through

MCP = {"type": "mcp", "server_label": "x", "server_url": "https://x"}


def judged(document: dict[str, Any], headers: Headers | None = None, **more: Any) -> Call:
    return call(headers, document={"input": "x", **document}, model=GPT, caller=SOMEONE, **more)


@pytest.mark.parametrize("size", [10, LARGE])
def test_let_through_with_its_changes(size: int) -> None:
    verdict = through(JudgeBody(PolicySettings()), judged({}, body=b" " * size)).verdict
    assert verdict
    assert verdict.members["store"] is False
    assert "store" in {change.path for change in verdict.changes}


@pytest.mark.parametrize("size", [10, LARGE])
@pytest.mark.parametrize(
    ("document", "refusal", "param", "rule", "setting"),
    [
        ({"store": True}, "refused_feature", "store", "ZERO_DATA_RETENTION", "policy.store_true"),
        ({"store": True, "tools": [MCP]}, "refused_feature", "store", "ZERO_DATA_RETENTION", "policy.store_true"),
        (
            {"tools": [{"type": "function", "name": "f"}, MCP]},
            "refused_feature", "tools[1]", "ZERO_DATA_RETENTION", "policy.rules.tool.mcp",
        ),
        ({"no_such_field": 1}, "unknown_field", "no_such_field", "UNKNOWN", "policy.rules.UNKNOWN"),
        ({"service_tier": "flex"}, "refused_feature", "service_tier", "COST", "policy.service_tiers"),
    ],
)  # fmt: skip
def test_the_first_finding_is_the_refusal(
    document: dict[str, Any], refusal: str, param: str, rule: str, setting: str, size: int
) -> None:
    asked = judged(document, body=b" " * size)
    given = refused_by(JudgeBody(PolicySettings()), asked)
    assert (given.name, given.param, given.rule, given.decided_by) == (refusal, param, rule, setting)
    assert asked.verdict
    assert asked.verdict.refused[0].message == given.message


@pytest.mark.parametrize(
    ("explained", "found"),
    [
        pytest.param(False, ["store"], id="on the wire the first ends it"),
        pytest.param(True, ["store", "background", "tools[0]"], id="explained, all are found"),
    ],
)
def test_findings_that_stay_with_the_call(explained: bool, found: list[str]) -> None:
    asked = judged({"store": True, "background": True, "tools": [MCP]}, explained=explained)
    refused_by(JudgeBody(PolicySettings()), asked)
    assert asked.verdict
    assert [finding.path for finding in asked.verdict.refused] == found


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        ({"mode": "warn"}, {"tools[0]", "background"}),
        ({"rules": {"ZERO_DATA_RETENTION": "warn"}}, {"tools[0]", "background"}),
        ({"rules": {"tool.mcp": "warn", "background": "warn"}}, {"tools[0]", "background"}),
    ],
)
def test_rules_that_only_warn(settings: dict[str, Any], warned: set[str]) -> None:
    gate = JudgeBody(PolicySettings.model_validate(settings))
    verdict = through(gate, judged({"background": True, "tools": [MCP]})).verdict
    assert verdict
    assert {finding.path for finding in verdict.warned} == warned
    assert verdict.members["store"] is False


def test_the_caller_is_named_by_a_pseudonym(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    gate = JudgeBody(PolicySettings(safety_identifier=Secret(file=tmp_path / "key")))
    verdict = through(gate, judged({"safety_identifier": "me"})).verdict
    assert verdict
    assert verdict.members["safety_identifier"] == pseudonym("secret", "someone")


def test_a_pseudonym_that_can_not_be_made_is_a_fault(tmp_path: Path) -> None:
    gate = JudgeBody(PolicySettings(safety_identifier=Secret(file=tmp_path / "missing")))
    with pytest.raises(SecretError):
        through(gate, judged({}))


@pytest.mark.parametrize(
    ("choice", "session", "key"),
    [("session", "s-1", session_key("s-1")), ("session", None, None), ("caller", "s-1", None)],
)
def test_a_session_shares_its_cache(choice: str, session: str | None, key: str | None) -> None:
    gate = JudgeBody(PolicySettings.model_validate({"prompt_cache_key": choice}))
    headers = {"x-palantir-session-id": (session,)} if session else {}
    verdict = through(gate, judged({}, headers)).verdict
    assert verdict
    assert verdict.members.get("prompt_cache_key") == key


@pytest.mark.parametrize("attested", [True, False])
def test_a_model_that_keeps_prompts_for_a_day_needs_the_operators_word(attested: bool) -> None:
    gate = JudgeBody(PolicySettings(), attested=attested)
    model = GPT.model_copy(update={"daily_cache": True, "in_memory_cache": False})
    asked = call(document={"input": "x"}, model=model, caller=SOMEONE)
    if attested:
        through(gate, asked)
    else:
        assert refused_by(gate, asked).rule == "ZERO_DATA_RETENTION"
    assert gate.lets_out(model) is attested
    assert not JudgeBody(PolicySettings()).lets_out(model), "nobody gives the word by saying nothing"
