import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.bodies.verdict import Change, Finding, Verdict
from addons.call import Answer, Call, OtherPath, Outbound, Outcome
from addons.foundry.alarm_names import Alarm
from addons.foundry.prices import DatedPrices, Tier
from addons.foundry.refusals import Refusal
from addons.foundry.trace import read_trace
from addons.journal.record import least_of, record_of
from addons.journal.vocabulary import decision, usage_status
from addons.responses.api import RESPONSES
from tests.conftest import MODEL, PATH
from tests.gates.calls import GPT, SOMEONE

OUTBOUND = Outbound("eu", "eu.example", 8443, "/v1/responses", (), (b"a body",))
USAGE = Usage(10, 4, 20, 8, 30, 2)
FACTS = AnswerFacts("resp_1", "gpt-5.2-2025-12-11", "completed", USAGE, service_tier="default")
FINDING = Finding("tools[0]", "ZERO_DATA_RETENTION", "a message", row="tool.mcp")
REFUSED = Refusal("refused_feature", "a message", param="tools[0]", rule="ZERO_DATA_RETENTION", detail="a detail")
LATER = Refusal("provider_failed", "The provider says: a secret of the provider's.", provider_code="server_error")
QUOTED = "a caller's words"
TIERS = ("auto", *get_args(Tier.__value__))


def call(headers: dict[str, tuple[str, ...]] | None = None, **filled: Any) -> Call:
    filled = {"outcome": Outcome.REFUSED, **filled}
    target = filled.pop("target", PATH)
    made = Call(method="POST", target=target, headers=headers or {}, trace=read_trace({}), opened_at=1.0)
    for name, value in filled.items():
        setattr(made, name, value)
    return made


def served(**filled: Any) -> Call:
    """A call that came through whole."""
    verdict = Verdict((), (FINDING,), (Change("store", "forced", "ZERO_DATA_RETENTION", "a reason"),), {"store": False})
    made: dict[str, Any] = {
        "api": RESPONSES,
        "caller": SOMEONE,
        "token_prefix": "0123456789ab",
        "attribution": ("ri.compass.main.folder.1",),
        "document": {"model": MODEL, "input": "a prompt", "metadata": {"k": "a value"}},
        "body": b"a body",
        "model": GPT,
        "region": "eu",
        "verdict": verdict,
        "outbound": OUTBOUND,
        "released_at": 2.0,
        "answer": Answer(200, streamed=True, first_byte_at=2.5, facts=FACTS),
        "status": 200,
        "outcome": Outcome.SERVED,
    }
    return call(**{**made, **filled})


def test_the_record_of_a_served_call() -> None:
    record = record_of(served(judged_by={"policy.hash": "abc"}))
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "openai.api.type": "responses",
        "gen_ai.request.model": "gpt-5.2",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "gpt-5.2-2025-12-11",
        "gen_ai.response.id": "resp_1",
        "openai.response.service_tier": "default",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 2,
        "gen_ai.usage.reasoning.output_tokens": 8,
        "gen_ai.response.time_to_first_chunk": 0.5,
        "server.address": "eu.example",
        "server.port": 8443,
        "http.response.status_code": 200,
        "call.outcome": "served",
        "caller": "someone",
        "token.sha256_12": "0123456789ab",
        "foundry.model.rid": MODEL,
        "foundry.attribution": ["ri.compass.main.folder.1"],
        "region": "eu",
        "policy.decision": "allowed",
        "policy.hash": "abc",
        "policy.changes": ["store forced"],
        "policy.warnings": ["tools[0] ZERO_DATA_RETENTION"],
        "usage.status": "reported",
        "duration.sidecar": 1.0,
    }
    assert {name: record[name] for name in expected} == expected
    assert not {name for name in record if name.startswith(("refusal.", "error.", "policy.rule", "policy.param"))}
    assert None not in record.values()
    assert record["duration.total"] > record["duration.provider"] > 0
    for content in ("a prompt", "a value", "a body", "a message", "a reason"):
        assert content not in repr(record)


def test_what_a_call_cost_where_prices_are_known() -> None:
    priced = GPT.model_copy(update={"prices": (DatedPrices(input=1, cached=0, cache_write=1, output=2),)})
    assert record_of(served(model=priced))["usage.cost"] == (10 - 4 + 2 * 20) / 1e6
    unknown = Answer(200, facts=replace(FACTS, usage=None))
    assert "usage.cost" not in record_of(served(model=priced, answer=unknown))
    assert "usage.cost" not in record_of(served())


def test_the_record_of_a_refused_call() -> None:
    refused = served(
        released_at=None, outbound=None, refusal=REFUSED, answer=Answer(), outcome=Outcome.REFUSED, status=400
    )
    record = record_of(refused)
    expected = {
        "policy.decision": "refused",
        "call.outcome": "refused",
        "policy.rule": "ZERO_DATA_RETENTION",
        "policy.param": "tools[0]",
        "refusal.instance_id": REFUSED.instance_id,
        "refusal.detail": "a detail",
        "error.type": "refused_feature",
        "http.response.status_code": 400,
    }
    assert {name: record.get(name) for name in expected} == expected
    assert not {name for name in record if name.startswith(("usage", "gen_ai.usage", "server", "duration.provider"))}


def test_the_record_of_a_call_passed_on() -> None:
    other = OtherPath("acme.example", "/api/v2/ontologies")
    record = record_of(served(other_path=other, model=None, document={}, answer=Answer(200, first_byte_at=2.5)))
    assert (record["foundry.other_path"], record["url.path"]) == (True, "/api/v2/ontologies")
    assert record["http.request.method"] == "POST"
    assert not {name for name in record if name.startswith("gen_ai.") and name != "gen_ai.request.stream"}
    assert "usage.status" not in record


@pytest.mark.parametrize("released", [None, 2.0])
@pytest.mark.parametrize("outcome", Outcome)
def test_decision_and_outcome_are_two_things(released: float | None, outcome: Outcome) -> None:
    made = served(released_at=released, outcome=outcome)
    record = record_of(made)
    assert record["call.outcome"] == outcome.value
    assert decision(made) == record["policy.decision"] == ("allowed" if released else "refused")


@pytest.mark.parametrize(
    ("released", "usage", "outcome", "status"),
    [
        (None, None, Outcome.REFUSED, None),
        (None, None, Outcome.CALLER_GONE, None),
        (2.0, USAGE, Outcome.SERVED, "reported"),
        (2.0, USAGE, Outcome.CALLER_GONE, "reported"),
        (2.0, USAGE, Outcome.PROVIDER_ERROR, "reported"),
        (2.0, None, Outcome.SERVED, "unknown"),
        (2.0, None, Outcome.PROVIDER_ERROR, "unknown"),
        (2.0, None, Outcome.FAULT, "unknown"),
        (2.0, None, Outcome.CALLER_GONE, "interrupted"),
        (2.0, None, Outcome.CALLER_STALLED, "interrupted"),
        (2.0, None, Outcome.TRUNCATED, "interrupted"),
        (2.0, None, Outcome.TIMED_OUT, "interrupted"),
        (2.0, None, Outcome.SHUT_DOWN, "interrupted"),
    ],
)
def test_usage_is_never_invented(
    released: float | None, usage: Usage | None, outcome: Outcome, status: str | None
) -> None:
    made = served(released_at=released, answer=Answer(200, facts=replace(FACTS, usage=usage)), outcome=outcome)
    assert usage_status(made) == record_of(made).get("usage.status") == status


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (served(), None),
        (served(refusal=LATER, outcome=Outcome.PROVIDER_ERROR), "provider_failed"),
        (call(refusal=Refusal("not_found")), "not_found"),
        (call(refusal=Refusal("body_timeout"), outcome=Outcome.CALLER_STALLED), "body_timeout"),
        *(
            (served(outcome=outcome), outcome.value)
            for outcome in Outcome
            if outcome not in {Outcome.SERVED, Outcome.REFUSED}
        ),
    ],
)
def test_what_went_wrong_has_one_word(made: Call, error: str | None) -> None:
    assert record_of(made).get("error.type") == error


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (served(), None),
        (served(refusal=LATER), "server_error"),
        (served(answer=Answer(200, facts=replace(FACTS, error_code="rate_limit_exceeded"))), "rate_limit_exceeded"),
        (served(answer=Answer(200, facts=replace(FACTS, error_code="I quote: a prompt"))), None),
    ],
)
def test_the_providers_own_code_has_a_name_of_its_own(made: Call, code: str | None) -> None:
    assert record_of(made).get("provider.error.code") == code


def test_the_time_to_the_first_chunk_is_of_streams_alone() -> None:
    whole = served(answer=Answer(200, streamed=False, first_byte_at=2.5, facts=FACTS))
    assert "gen_ai.response.time_to_first_chunk" not in record_of(whole)


@pytest.mark.parametrize("said", ["m" * 500, "gpt\x1b[31m", "gpt\u202e"])
def test_names_that_the_provider_gives_are_short_and_plain(said: str) -> None:
    record = record_of(served(answer=Answer(200, facts=replace(FACTS, model=said, response_id=said))))
    for name in ("gen_ai.response.model", "gen_ai.response.id"):
        assert len(record[name]) <= 128
        assert record[name].isprintable()


@pytest.mark.parametrize(
    ("tier", "told"), [*((tier, tier) for tier in TIERS), ("I quote: a prompt", "other"), ("", "other"), (None, None)]
)
def test_a_service_tier_is_one_of_the_policys_table(tier: str | None, told: str | None) -> None:
    record = record_of(served(answer=Answer(200, facts=replace(FACTS, service_tier=tier))))
    assert record.get("openai.response.service_tier") == told


def test_alarms_are_in_it() -> None:
    assert record_of(served(alarms=[Alarm.STORE_ECHOED]))["alarms"] == ["store_echoed"]


@pytest.mark.parametrize(
    ("target", "name", "path", "told"),
    [
        ("/v1/responses?key=secret", "not_found", "/v1/responses", "base URL"),
        ("/api/v2/secret", "not_found", "/api/v2/…", None),
        (PATH, "method_not_allowed", PATH, "POST"),
        (PATH, "upgrade_refused", PATH, "supports_websockets"),
    ],
)
def test_a_wrong_path_is_recorded_with_a_hint(target: str, name: str, path: str, told: str | None) -> None:
    record = record_of(call(target=target, refusal=Refusal(name)))
    assert (record["http.request.method"], record["url.path"]) == ("POST", path)
    assert told is None or told in record["refusal.hint"]
    assert (told is None) == ("refusal.hint" not in record)
    assert "secret" not in repr(record)


@pytest.mark.parametrize("name", ["bad_target", "unauthorized", "refused_feature"])
def test_any_other_refusal_says_nothing_of_the_path(name: str) -> None:
    record = record_of(call(target="/secret", refusal=Refusal(name)))
    assert not {"url.path", "refusal.hint", "http.request.method"} & record.keys()


def test_who_a_caller_nobody_knows_is() -> None:
    assert record_of(call(peer="192.0.2.1"))["network.peer.address"] == "192.0.2.1"
    assert "network.peer.address" not in record_of(served(peer="192.0.2.1"))


@pytest.mark.parametrize(
    ("headers", "name", "value"),
    [
        ({"x-palantir-session-id": ("a session",)}, "foundry.session", hashlib.sha256(b"a session").hexdigest()[:12]),
        ({}, "foundry.session", None),
        ({"x-stainless-retry-count": ("2",)}, "request.retry_count", 2),
        ({"x-stainless-retry-count": ("-1",)}, "request.retry_count", None),
        ({"x-stainless-retry-count": ("1" * 5000,)}, "request.retry_count", None),
        ({"x-stainless-retry-count": ("a word",)}, "request.retry_count", None),
    ],
)
def test_what_headers_tell(headers: dict[str, tuple[str, ...]], name: str, value: object) -> None:
    record = record_of(call(headers))
    assert record.get(name) == value
    assert "a session" not in repr(record)


@pytest.mark.parametrize("named", ["not a RID but a prompt", None, 7, {"a": "b"}])
def test_a_model_that_is_no_rid_is_not_recorded(named: object) -> None:
    assert "foundry.model.rid" not in record_of(call(document={"model": named}))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (call(refusal=REFUSED), "a message"),
        (call(refusal=Refusal("not_found")), None),
        (call(refusal=Refusal("invalid_attribution", f"it says {QUOTED}")), None),
        (call(refusal=Refusal("refused_feature", f"type {QUOTED}", rule="UNKNOWN")), None),
        (served(refusal=LATER), None),
    ],
)
def test_the_message_only_where_it_quotes_nobody(made: Call, message: str | None) -> None:
    assert record_of(made).get("refusal.message") == message


@pytest.mark.parametrize(
    ("days", "told"),
    [(61, False), (60, True), (0, True), (None, False)],
    ids=["in 61 days", "in 60 days", "today", "with no such day"],
)
def test_a_model_that_is_shut_down_soon(days: int | None, told: bool) -> None:
    day = None if days is None else datetime.now(UTC).date() + timedelta(days=days)
    record = record_of(served(model=GPT.model_copy(update={"shutdown": day})))
    assert record.get("foundry.model.shutdown") == (str(day) if told else None)


@pytest.mark.parametrize("outcome", [Outcome.SERVED, Outcome.FAULT])
def test_every_record_names_the_rules_even_the_least(outcome: Outcome) -> None:
    rules = {"policy.hash": "abc", "configuration.hash": "def", "provider.zero_data_retention": "attested"}
    assert rules.items() <= least_of(call(judged_by=rules, outcome=outcome), 3.0).items()
