import pytest

from addons.bodies.answer_facts import AnswerFacts, Usage
from addons.bodies.echo_alarms import alarms_of
from addons.bodies.verdict import Json


@pytest.mark.parametrize(
    ("facts", "asked_tier", "alarms"),
    [
        (AnswerFacts(), None, []),
        (AnswerFacts(store=False, background=False, service_tier="default"), None, []),
        (AnswerFacts(service_tier="auto"), None, []),
        (AnswerFacts(service_tier="default"), "flex", []),
        (AnswerFacts(service_tier="auto"), "flex", []),
        (AnswerFacts(), "flex", []),
        (AnswerFacts(service_tier="flex"), "flex", []),
        # left to the project, whose setting is the operator's own
        (AnswerFacts(service_tier="flex"), None, []),
        (AnswerFacts(service_tier="priority"), "auto", []),
        (AnswerFacts(service_tier="priority"), "default", ["service_tier_echoed"]),
        (AnswerFacts(service_tier="priority"), ["auto"], ["service_tier_echoed"]),
        (AnswerFacts(service_tier="priority"), "flex", ["service_tier_echoed"]),
        (AnswerFacts(store=True), None, ["store_echoed"]),
        (AnswerFacts(background=True), None, ["background_echoed"]),
        (AnswerFacts(usage=Usage(9, cache_write_tokens=9, cache_write_12h_tokens=0)), None, []),
        (AnswerFacts(usage=Usage(9, cache_write_tokens=9, cache_write_12h_tokens=1)), None, ["cached_12h"]),
        # an answer that has begun has no status for it
        (AnswerFacts(error_code="insufficient_quota", failed=True), None, ["provider_quota"]),
        (AnswerFacts(error_code="billing_not_active", status="failed"), None, ["provider_quota"]),
        (AnswerFacts(error_code="data_residency_mismatch", failed=True), None, ["georestriction"]),
        (AnswerFacts(error_code="server_error", failed=True), None, []),
        (
            AnswerFacts(store=True, background=True, service_tier="scale", unread=True),
            "default",
            ["answer_unread", "store_echoed", "background_echoed", "service_tier_echoed"],
        ),
    ],
)
def test_alarms(facts: AnswerFacts, asked_tier: Json, alarms: list[str]) -> None:
    assert alarms_of(facts, asked_tier) == alarms


def test_half_an_answer_is_not_expected_to_be_readable() -> None:
    assert alarms_of(AnswerFacts(store=True, unread=True), None, whole=False) == ["store_echoed"]
