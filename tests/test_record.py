import hashlib
from dataclasses import replace
from typing import Any

import pytest

from addons.call import Answer, Call, Outbound
from addons.foundry.refusals import Refusal
from addons.foundry.trace import read_trace
from addons.record import decision, record_of, usage_status
from addons.responses.answer import AnswerFacts, Usage
from addons.responses.verdict import Change, Finding, Verdict
from tests.conftest import MODEL, PATH
from tests.gates.calls import GPT, SOMEONE

OUTBOUND = Outbound("eu", "eu.example", 443, "/v1/responses", (), b"a body")
USAGE = Usage(10, 4, 20, 8, 30)
FACTS = AnswerFacts("resp_1", "gpt-5.2-2025-12-11", "completed", USAGE)
FINDING = Finding("tools[0]", "ZERO_DATA_RETENTION", "a message", row="tool.mcp")
REFUSED = Refusal("refused_feature", "a message", param="tools[0]", rule="ZERO_DATA_RETENTION", detail="a detail")
LATER = Refusal("provider_failed", "The provider says: a secret of the provider's.")


def call(headers: dict[str, tuple[str, ...]] | None = None, **filled: Any) -> Call:
    made = Call(method="POST", target=PATH, headers=headers or {}, trace=read_trace({}), opened_at=1.0)
    for name, value in filled.items():
        setattr(made, name, value)
    return made


def served(**filled: Any) -> Call:
    """A call that came through whole."""
    verdict = Verdict((), (FINDING,), (Change("store", "forced", "ZERO_DATA_RETENTION", "a reason"),), {"store": False})
    made: dict[str, Any] = {
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
        "answer": Answer(200, streamed=True, first_byte_at=2.5, facts=FACTS, ended="whole"),
    }
    return call(**{**made, **filled})


def test_the_record_of_a_served_call() -> None:
    record = record_of(served(), 200)
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "openai.api.type": "responses",
        "gen_ai.request.model": "gpt-5.2",
        "gen_ai.response.model": "gpt-5.2-2025-12-11",
        "gen_ai.response.id": "resp_1",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 8,
        "gen_ai.response.time_to_first_chunk": 0.5,
        "server.address": "eu.example",
        "http.response.status_code": 200,
        "caller": "someone",
        "token.sha256_12": "0123456789ab",
        "foundry.model.rid": MODEL,
        "foundry.attribution": ["ri.compass.main.folder.1"],
        "region": "eu",
        "stream": True,
        "policy.decision": "served",
        "policy.changes": ["store forced"],
        "policy.warnings": ["tools[0] ZERO_DATA_RETENTION"],
        "usage.status": "reported",
        "answer.ended": "whole",
        "duration.sidecar": 1.0,
    }
    assert {name: record[name] for name in expected} == expected
    assert not {name for name in record if name.startswith(("refusal.", "error.", "policy.rule", "policy.param"))}
    assert record["duration.total"] > record["duration.provider"] > 0
    for content in ("a prompt", "a value", "a body", "a message", "a reason"):
        assert content not in repr(record)


def test_the_record_of_a_refused_call() -> None:
    refused = served(released_at=None, outbound=None, refusal=REFUSED, answer=Answer())
    record = record_of(refused, 400)
    expected = {
        "policy.decision": "refused",
        "policy.rule": "ZERO_DATA_RETENTION",
        "policy.param": "tools[0]",
        "refusal.name": "refused_feature",
        "refusal.instance_id": REFUSED.instance_id,
        "refusal.detail": "a detail",
        "error.type": "unsupported_parameter",
        "http.response.status_code": 400,
    }
    assert {name: record.get(name) for name in expected} == expected
    assert not {name for name in record if name.startswith(("usage", "gen_ai.usage", "answer", "duration.provider"))}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (call(), "refused"),
        (call(refusal=REFUSED), "refused"),
        (served(), "served"),
        (served(refusal=LATER), "failed"),
        (served(released_at=None), "refused"),
    ],
)
def test_decision(made: Call, expected: str) -> None:
    assert decision(made) == record_of(made, None)["policy.decision"] == expected


@pytest.mark.parametrize(
    ("released", "facts", "ended", "status"),
    [
        (None, None, None, None),
        (2.0, FACTS, "whole", "reported"),
        (2.0, FACTS, "interrupted", "reported"),
        (2.0, replace(FACTS, usage=None), "whole", "unknown"),
        (2.0, None, "whole", "unknown"),
        (2.0, None, None, "unknown"),
        (2.0, None, "interrupted", "interrupted"),
        (2.0, replace(FACTS, usage=None), "truncated", "interrupted"),
        (2.0, None, "timed_out", "interrupted"),
        (2.0, None, "shut_down", "interrupted"),
    ],
)
def test_usage_is_never_invented(
    released: float | None, facts: AnswerFacts | None, ended: Any, status: str | None
) -> None:
    made = served(released_at=released, answer=Answer(200, facts=facts, ended=ended))
    assert usage_status(made) == record_of(made, 200).get("usage.status") == status


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (served(), None),
        (served(refusal=LATER), "upstream_error"),
        (call(refusal=Refusal("not_found")), "not_found"),
        (served(answer=Answer(200, ended="truncated")), "stream_truncated"),
        (served(answer=Answer(200, ended="interrupted")), "stream_interrupted"),
        (served(answer=Answer(200, facts=replace(FACTS, status="failed"), ended="whole")), "response_failed"),
        (served(answer=Answer(200, facts=replace(FACTS, status="incomplete"), ended="whole")), "response_incomplete"),
    ],
)
def test_the_kind_of_error(made: Call, error: str | None) -> None:
    assert record_of(made, None).get("error.type") == error


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
    record = record_of(call(headers), None)
    assert record.get(name) == value
    assert "a session" not in repr(record)


@pytest.mark.parametrize("named", ["not a RID but a prompt", None, 7, {"a": "b"}])
def test_a_model_that_is_no_rid_is_not_recorded(named: object) -> None:
    assert "foundry.model.rid" not in record_of(call(document={"model": named}), None)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (call(refusal=REFUSED), "a message"),
        (call(refusal=Refusal("not_found")), None),
        (call(refusal=Refusal("invalid_attribution", "it says 'a caller's words'")), None),
        (call(refusal=Refusal("refused_feature", "type 'a caller's words'", rule="UNKNOWN")), None),
        (served(refusal=LATER), None),
    ],
)
def test_the_message_only_where_it_quotes_nobody(made: Call, message: str | None) -> None:
    assert record_of(made, None).get("refusal.message") == message
