"""What is put into a body by itself, and when."""

import hashlib
import hmac
from typing import Any

import pytest

from addons.apis.policy_settings import PolicySettings
from addons.bodies.additions import pseudonym, session_key
from addons.bodies.verdict import ABSENT, Json
from addons.foundry.models import Model
from tests.responses.judging import judge

RID = "ri.language-model-service..language-model.gpt-5-2"
SEALED = "reasoning.encrypted_content"
LOGPROBS = "message.output_text.logprobs"


def model(**row: Any) -> Model:
    return Model(**{"rid": RID, "provider_model": "gpt-5.2", "daily_cache": False, **row})


def members(body: dict[str, Json], row: Model | None = None, **settings: Any) -> dict[str, Json]:
    decided = judge(body, row or model(), PolicySettings(**settings))
    assert decided.refused == ()
    assert {change.path for change in decided.changes} == set(decided.members), "each change is listed, nothing else"
    return decided.members


@pytest.mark.parametrize(
    ("body", "settings", "expected"),
    [
        ({}, {}, {"store": False}),
        ({"store": None}, {}, {"store": False}),
        ({"store": False}, {}, {}),
        ({"store": True}, {"store_true": "coerce"}, {"store": False}),
        ({"store": True}, {"mode": "warn"}, {"store": False}),
        ({"store": True}, {"rules": {"store": "warn"}}, {"store": False}),
    ],
)
def test_store_always_leaves_as_false(
    body: dict[str, Json], settings: dict[str, Any], expected: dict[str, Json]
) -> None:
    left = members(body, **settings)
    assert left == expected
    assert {**body, **left}["store"] is False


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, [SEALED]),
        ({"include": None}, [SEALED]),
        ({"include": []}, [SEALED]),
        ({"include": [LOGPROBS]}, [LOGPROBS, SEALED]),
        ({"store": None}, [SEALED]),
        ({"store": True}, [SEALED]),
        ({"include": [SEALED]}, None),
        ({"store": False}, None),  # whoever writes that knows
        ({"store": False, "include": []}, None),
    ],
)
def test_reasoning_goes_back_sealed_where_store_was_forced(body: dict[str, Json], expected: list[str] | None) -> None:
    assert members(body, model(reasoning=True), store_true="coerce").get("include") == expected
    assert "include" not in members(body, model(reasoning=False), store_true="coerce")


def test_include_is_both_stripped_and_added_to() -> None:
    body = {"include": ["web_search_call.results", LOGPROBS]}
    decided = judge(body, model(reasoning=True), PolicySettings(web_search="strip"))
    assert decided.members["include"] == [LOGPROBS, SEALED]


@pytest.mark.parametrize(
    ("body", "accepts", "expected"),
    [
        ({}, True, {"prompt_cache_retention": "in_memory"}),
        ({"prompt_cache_retention": None}, True, {"prompt_cache_retention": "in_memory"}),
        ({"prompt_cache_retention": "in_memory"}, True, {}),
        ({}, False, {}),
    ],
)
def test_prompts_stay_in_memory_where_the_model_can(
    body: dict[str, Json], accepts: bool, expected: dict[str, Json]
) -> None:
    assert members({"store": False, **body}, model(in_memory_cache=accepts)) == expected


KEEPS = model(daily_cache=True)


@pytest.mark.parametrize(
    ("attested", "settings", "refused"),
    [
        (False, {}, True),
        (True, {}, False),
        (False, {"models_with_daily_cache": [RID]}, False),
        (False, {"models_with_daily_cache": [RID + "-1"]}, True),
        (False, {"mode": "warn"}, False),
        (False, {"rules": {"model": "warn"}}, False),
        (False, {"rules": {"ZERO_DATA_RETENTION": "warn"}}, False),
    ],
)
def test_a_model_that_keeps_prompts_for_a_day(attested: bool, settings: dict[str, Any], refused: bool) -> None:
    decided = judge({"store": False}, KEEPS, PolicySettings.model_validate(settings), attested=attested)
    assert bool(decided.refused) == refused
    assert decided.members == {}, "in_memory would be an error there"
    assert bool(decided.warned) == ("mode" in settings or "rules" in settings)
    for finding in (*decided.refused, *decided.warned):
        assert (finding.path, finding.rule, finding.refusal) == ("model", "ZERO_DATA_RETENTION", "refused_feature")
        assert finding.setting == "models_with_daily_cache"
        for said in ("24 hours", "in_memory", "provider.zero_data_retention: attested", "models_with_daily_cache"):
            assert said in finding.message


def test_a_model_that_keeps_prompts_in_memory_needs_no_word() -> None:
    for row in (model(), model(in_memory_cache=True, daily_cache=True)):
        assert judge({}, row, PolicySettings()).refused == ()


@pytest.mark.parametrize(
    ("asked", "default", "cap", "sent"),
    [
        (None, None, None, None),
        (None, 100, None, 100),
        (None, None, 200, 200),
        (None, 100, 200, 100),
        (None, 300, 200, 200),
        (150, 100, 200, 150),
        (200, None, 200, 200),
        (150, 100, None, 150),
    ],
)
def test_output_is_limited_by_the_models_row(
    asked: int | None, default: int | None, cap: int | None, sent: int | None
) -> None:
    body = {"store": False, "max_output_tokens": asked}
    row = model(default_output_tokens=default, output_cap=cap)
    assert {**body, **members(body, row)}["max_output_tokens"] == sent


def test_output_over_the_cap_is_refused() -> None:
    body = {"max_output_tokens": 201}
    row = model(output_cap=200)
    (finding,) = judge(body, row, PolicySettings()).refused
    assert (finding.path, finding.rule, finding.row) == ("max_output_tokens", "COST", "max_output_tokens")
    assert "200" in finding.message
    assert "201" not in finding.message
    assert judge(body, row, PolicySettings(rules={"max_output_tokens": "warn"})).refused == ()


@pytest.mark.parametrize(
    "sent", [{}, {"user": "jane"}, {"safety_identifier": "jane"}, {"client_metadata": {"id": "jane"}}]
)
def test_who_calls_is_taken_out(sent: dict[str, Json]) -> None:
    assert members({"store": False, **sent}) == dict.fromkeys(sent, ABSENT)
    null: dict[str, Json] = dict.fromkeys(sent)
    assert members({"store": False, **null}) == dict.fromkeys(sent, ABSENT)


@pytest.mark.parametrize("sent", [{}, {"safety_identifier": "jane"}, {"safety_identifier": None}])
def test_the_pseudonym_replaces_what_the_caller_sent(sent: dict[str, Json]) -> None:
    decided = judge({"store": False, **sent}, model(), PolicySettings(), safety_identifier="0ab1")
    assert decided.members == {"safety_identifier": "0ab1"}


@pytest.mark.parametrize(
    ("sent", "key"), [({}, "session"), ({"prompt_cache_key": None}, "session"), ({"prompt_cache_key": "mine"}, "mine")]
)
def test_the_session_gives_a_cache_key_where_there_is_none(sent: dict[str, Json], key: str) -> None:
    body = {"store": False, **sent}
    decided = judge(body, model(), PolicySettings(), session_cache_key="session")
    assert {**body, **decided.members}["prompt_cache_key"] == key


def test_a_session_key_is_a_hash_the_provider_takes() -> None:
    assert session_key("a") == session_key("a") != session_key("b")
    assert len(session_key("a")) == 64


def test_the_pseudonym_is_an_hmac() -> None:
    assert pseudonym("key", "jané") == hmac.new(b"key", "jané".encode(), hashlib.sha256).hexdigest()
    assert pseudonym("key", "jane") != pseudonym("other", "jane")
