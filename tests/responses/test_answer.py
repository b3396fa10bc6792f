"""Facts of answers, complete, partial and malformed; and the error event as the real SDK reads it."""

import json
from dataclasses import replace

import pytest

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.responses.answer import (
    facts_from_body,
    facts_from_event,
    facts_from_response,
)

NOTHING = AnswerFacts()
FAILED = AnswerFacts(failed=True)
ODD = "a\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("response", "facts"),
    [
        (None, NOTHING),
        ([], NOTHING),
        ("text", NOTHING),
        ({}, NOTHING),
        (
            {
                "id": "resp_1", "model": "gpt-5.2", "status": "failed", "store": True, "background": False,
                "service_tier": "default", "error": {"code": "server_error", "message": "…"}, "output": [{"x": 1}],
            },
            AnswerFacts("resp_1", "gpt-5.2", "failed", None, store=True, background=False, service_tier="default",
                        error_code="server_error", failed=True),
        ),
        (
            {"id": 1, "model": [], "status": {}, "usage": 3, "store": "no", "background": 0, "error": "x"},
            replace(FAILED, unread=True),
        ),
        ({"error": {"code": 42}}, FAILED),
        ({"error": None, "status": "failed"}, replace(FAILED, status="failed")),
        ({"error": None, "status": "incomplete"}, replace(NOTHING, status="incomplete")),
    ],
)  # fmt: skip
def test_facts(response: object, facts: AnswerFacts) -> None:
    assert facts_from_response(response) == facts
    read = facts_from_body(json.dumps(response).encode())
    assert replace(read, unread=False) == replace(facts, unread=False)
    assert read.unread == (facts.unread or not isinstance(response, dict))


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {
                "input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 5,
                "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 15,
            },
            Usage(10, 4, 5, 2, 15),
        ),
        (
            {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 9}},
            Usage(10, 0, cache_write_tokens=9),
        ),
        (
            {"input_tokens": 9, "input_tokens_details": {"cache_write_tokens_details": {"ttl_12h_tokens": 3}}},
            Usage(9, cache_write_12h_tokens=3),
        ),
        ({"input_tokens": 0, "output_tokens": 0}, Usage(0, None, 0)),
        ({"input_tokens": 3, "input_tokens_details": None, "output_tokens_details": []}, Usage(3)),
        # never invented: neither summed up nor rounded nor read out of text
        ({"input_tokens": 3, "output_tokens": 4, "total_tokens": None}, Usage(3, None, 4)),
        ({"input_tokens": -1, "output_tokens": 1.0, "total_tokens": "7"}, None),
        ({"input_tokens": True}, None),
        ({}, None),
        (None, None),
    ],
)  # fmt: skip
def test_usage(usage: object, expected: Usage | None) -> None:
    assert facts_from_response({"usage": usage}).usage == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff", b"[" * 100_000, b'{"id"', b"[" * 900])
def test_a_body_that_is_not_a_response(body: bytes) -> None:
    assert facts_from_body(body) == replace(NOTHING, unread=True)
    assert facts_from_event(body) == (None, replace(NOTHING, unread=True))


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        pytest.param(b'{"id":"resp_1"', AnswerFacts("resp_1", unread=True), id="half a document"),
        pytest.param(b'{"id":"resp_1","usage":{"input_', AnswerFacts("resp_1", unread=True), id="cut in the usage"),
        pytest.param(b'{"output":"\xff","id":"resp_1"}', AnswerFacts("resp_1"), id="no UTF-8 where nothing is read"),
        pytest.param(b'{"id":"a\xff"}', AnswerFacts("a\N{REPLACEMENT CHARACTER}"), id="no UTF-8 in what is read"),
        pytest.param(b'{"id":"a\\ud800"}', AnswerFacts("a?"), id="half a surrogate pair"),
    ],
)
def test_what_can_be_made_out_of_a_body_that_is_not_quite_json(body: bytes, facts: AnswerFacts) -> None:
    assert facts_from_body(body) == facts
    half = (None, AnswerFacts(unread=True))  # no client takes half an event for its type
    assert facts_from_event(b'{"type":"x","response":' + body + b"}") == (half if facts.unread else ("x", facts))


@pytest.mark.parametrize(
    ("event", "read"),
    [
        pytest.param(b'{"type":"error","code":"a\xff"}', ("error", replace(FAILED, error_code=ODD)), id="an error"),
        pytest.param(b'{"error":{"code":"a\xff"}}', ("error", replace(FAILED, error_code=ODD)), id="an error alone"),
        pytest.param(b'{"type":"a\xff","response":{"id":"r"}}', (ODD, AnswerFacts("r")), id="a response"),
        pytest.param(b'{"type":"a\xff","response":"r"}', (ODD, AnswerFacts(unread=True)), id="no response"),
        pytest.param(b'{"type":"a\xff"}', (ODD, NOTHING), id="nothing"),
    ],
)
def test_what_can_be_made_out_of_an_event_that_is_not_quite_json(event: bytes, read: tuple[str, AnswerFacts]) -> None:
    assert facts_from_event(event) == read


@pytest.mark.parametrize(
    "number", ["-1", "9223372036854775808", "9" * 30, "9" * 5000, "-" + "9" * 5000, "1e400", "-0.5"],
    ids=["negative", "2^63", "30 digits", "5000 digits", "minus 5000 digits", "no float", "negative fraction"],
)  # fmt: skip
@pytest.mark.parametrize(
    "place",
    [
        '"input_tokens":%s',
        '"input_tokens_details":{"cached_tokens":%s}',
        '"input_tokens_details":{"cache_write_tokens_details":{"ttl_12h_tokens":%s}}',
    ],
)
def test_a_number_that_can_be_no_count_is_told_and_no_other_is_believed(number: str, place: str) -> None:
    body = ('{"id":"resp_1","usage":{"output_tokens":5,' + place % number + "}}").encode()
    assert facts_from_body(body) == AnswerFacts("resp_1", unread=True)


def test_the_largest_count() -> None:
    assert facts_from_response({"usage": {"input_tokens": 2**63 - 1}}).usage == Usage(2**63 - 1)


def test_an_error_envelope_as_body() -> None:
    assert facts_from_body(b'{"error":{"code":"invalid_prompt"}}') == AnswerFacts(
        error_code="invalid_prompt", failed=True
    )


@pytest.mark.parametrize(
    "data", [b'{"type": "error", "code": "too_much"}', b'{"error": {"code": "too_much"}}'], ids=["flat", "nested"]
)
def test_an_error_events_code(data: bytes) -> None:
    kind, facts = facts_from_event(data)
    assert (kind, facts.error_code) == ("error", "too_much")
