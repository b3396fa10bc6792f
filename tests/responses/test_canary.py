import pytest

from addons.responses.answer import AnswerFacts
from addons.responses.canary import alarms_of


@pytest.mark.parametrize(
    ("facts", "asked_tier", "alarms"),
    [
        (AnswerFacts(), None, []),
        (AnswerFacts(store=False, background=False, service_tier="default"), None, []),
        (AnswerFacts(service_tier="auto"), None, []),
        (AnswerFacts(service_tier="default"), "flex", []),
        (AnswerFacts(service_tier="flex"), "flex", []),
        (AnswerFacts(service_tier="flex"), None, ["service_tier_echoed"]),
        (AnswerFacts(service_tier="priority"), "auto", ["service_tier_echoed"]),
        (AnswerFacts(service_tier="priority"), "flex", ["service_tier_echoed"]),
        (AnswerFacts(store=True), None, ["store_echoed"]),
        (AnswerFacts(background=True), None, ["background_echoed"]),
        (
            AnswerFacts(store=True, background=True, service_tier="scale"),
            None,
            ["store_echoed", "background_echoed", "service_tier_echoed"],
        ),
    ],
)
def test_alarms(facts: AnswerFacts, asked_tier: str | None, alarms: list[str]) -> None:
    assert alarms_of(facts, asked_tier) == alarms
