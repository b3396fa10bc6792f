import json

import pytest

from addons.foundry.provider_errors import refusal_for
from addons.foundry.refusals import KINDS

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
RID = "ri.language-model-service..language-model.gpt-5-2"


def body(code: str | None, message: str = "what the provider says") -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "type": "some_error", "param": None}}).encode()


@pytest.mark.parametrize(
    ("status", "code", "refusal", "alarm", "relayed"),
    [
        (400, "invalid_value", "provider_rejected", None, True),
        (409, None, "provider_rejected", None, True),
        (422, None, "provider_rejected", None, True),
        (418, None, "provider_rejected", None, True),
        (401, "invalid_api_key", "provider_credentials", "provider_credentials", False),
        (403, None, "provider_credentials", "provider_credentials", False),
        (401, "incorrect_hostname", "provider_credentials", "georestriction", False),
        (400, "data_residency_mismatch", "provider_credentials", "georestriction", False),
        (404, "model_not_found", "model_not_available", None, False),
        (408, None, "provider_timeout", None, False),
        (413, None, "too_large", None, True),
        (429, "rate_limit_exceeded", "provider_rate_limited", None, True),
        (429, "insufficient_quota", "provider_quota", "provider_quota", False),
        (429, "billing_not_active", "provider_quota", "provider_quota", False),
        (400, "billing_hard_limit_reached", "provider_quota", "provider_quota", False),
        (403, "billing_hard_limit_reached", "provider_quota", "provider_quota", False),
        (402, None, "provider_quota", "provider_quota", False),
        (500, None, "provider_failed", None, False),
        (502, None, "provider_failed", None, False),
        (504, None, "provider_failed", None, False),
        (599, None, "provider_failed", None, False),
        (503, None, "provider_overloaded", None, False),
        (307, None, "provider_failed", None, False),
        (100, None, "provider_failed", None, False),
    ],
)
def test_what_a_caller_is_told(status: int, code: str | None, refusal: str, alarm: str | None, relayed: bool) -> None:
    sent = body(code)
    outcome = refusal_for(status, {}, sent, RID)
    assert (outcome.refusal.name, outcome.alarm) == (refusal, alarm)
    assert outcome.refusal.provider_error == (json.loads(sent)["error"] if relayed else None)
    assert ("what the provider says" in outcome.refusal.message) == relayed
    assert outcome.refusal.detail == f"provider answered {status} {code or 'some_error'}"
    assert outcome.refusal.provider_code == (code or "some_error")
    assert outcome.refusal.kind.status not in {401, 403}


@pytest.mark.parametrize(
    ("status", "headers", "parameters"),
    [
        (400, {}, {"responseBody": body("c").decode(), "errorCode": "c", "errorMessage": "what the provider says"}),
        (401, {}, {}),
        (404, {}, {"languageModelRid": RID}),
        (408, {}, {"modelName": RID}),
        (413, {}, {}),
        (429, {}, {"model": RID, "service": "openai", "reason": "c", "retryAfterMillis": ""}),
        (429, {"retry-after": "7"}, {"model": RID, "service": "openai", "reason": "c", "retryAfterMillis": "7000"}),
        (
            429,
            {"retry-after": "7", "retry-after-ms": "6543"},
            {"model": RID, "service": "openai", "reason": "c", "retryAfterMillis": "6543"},
        ),
        (
            429,
            {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"},
            {"model": RID, "service": "openai", "reason": "c", "retryAfterMillis": ""},
        ),
        (429, {"retry-after": "0"}, {"model": RID, "service": "openai", "reason": "c", "retryAfterMillis": "0"}),
        (429, {"retry-after": "9" * 5000}, {"model": RID, "service": "openai", "reason": "c", "retryAfterMillis": ""}),
        (500, {}, {}),
        (503, {}, {}),
        (307, {}, {}),
    ],
)
def test_each_row_carries_its_own_parameters(status: int, headers: dict[str, str], parameters: dict[str, str]) -> None:
    assert refusal_for(status, headers, body("c"), RID).refusal.parameters == parameters


@pytest.mark.parametrize(
    ("status", "code", "headers", "kept"),
    [
        (429, None, {"retry-after": "7", "x-ratelimit-remaining-tokens": "0", "x-other": "1"},
         {"retry-after": "7"}),
        (503, None, {}, {}),
        (503, None, {"retry-after": "9", "retry-after-ms": "9000", "x-ratelimit-limit": "1"},
         {"retry-after": "9", "retry-after-ms": "9000"}),
        (429, "insufficient_quota", {"x-ratelimit-limit": "1"}, {}),
        (400, None, {"set-cookie": "a=b", "openai-organization": "ours"}, {}),
        # a final refusal says that the call should not come again, so it names no time for it
        *((status, None, {"retry-after": "5", "retry-after-ms": "5000"}, {}) for status in (400, 401, 403, 404, 413)),
        (500, None, {"retry-after": "5"}, {"retry-after": "5"}),
        # a day is the longest that anybody is told
        (429, None, {"retry-after": "86401", "retry-after-ms": "86400999"},
         {"retry-after": "86400", "retry-after-ms": "86400000"}),
        (429, None, {"retry-after": DATE}, {"retry-after": DATE}),
        (429, None, {"retry-after": f"{DATE} \u0661"}, {}),
        (429, None, {"retry-after": "soon", "retry-after-ms": "-1"}, {}),
    ],
)  # fmt: skip
def test_headers_that_go_on(status: int, code: str | None, headers: dict[str, str], kept: dict[str, str]) -> None:
    assert refusal_for(status, headers, body(code), RID).refusal.headers == kept


@pytest.mark.parametrize(("encoding", "quoted"), [("identity", True), ("gzip", False), ("ZSTD", False), ("x", False)])
def test_what_came_in_an_encoding_is_not_quoted(encoding: str, quoted: bool) -> None:
    refusal = refusal_for(400, {"content-encoding": encoding}, body("c"), RID).refusal
    assert refusal.parameters["responseBody"] == (body("c").decode() if quoted else "")
    assert ("what the provider says" in refusal.message) is quoted


def test_a_quota_is_told_by_its_type_too() -> None:
    sent = json.dumps({"error": {"code": "credit_balance", "type": "insufficient_quota", "message": ""}}).encode()
    assert refusal_for(429, {}, sent, RID).alarm == "provider_quota"


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"error": "text"}',
        b'{"error": null}',
        b"\xff",
        b"[" * 100_000,
        b'{"error": {}}',
    ],
    ids=range(9),
)
@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500, 503])
def test_an_odd_body_is_no_fault(status: int, odd: bytes) -> None:
    refusal = refusal_for(status, {}, odd, RID).refusal
    assert refusal.name in KINDS
    assert refusal.provider_error is None
    assert all(isinstance(value, str) for value in refusal.parameters.values())


@pytest.mark.parametrize("value", [1, None, ["x"], {"a": "b"}, True])
def test_members_of_an_odd_type_are_no_fault(value: object) -> None:
    sent = json.dumps({"error": {"code": value, "message": value}}).encode()
    refusal = refusal_for(400, {}, sent, RID).refusal
    assert refusal.name == "provider_rejected"
    assert "None" not in refusal.message
