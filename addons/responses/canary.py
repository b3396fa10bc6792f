"""The canary: what an answer says of itself that must not be so, whatever was asked for (SPEC §4)."""

from typing import Final

from addons.responses.answer import AnswerFacts
from addons.responses.verdict import Json

STANDARD_TIERS: Final = frozenset({None, "auto", "default"})
"""Service tiers that need no asking for."""


def alarms_of(facts: AnswerFacts, asked_tier: Json) -> list[str]:
    """The alarms one answer gives cause for.

    ``store: true`` and ``background: true`` mean that the provider keeps state, though the body that left forbade
    it. A service tier that is neither standard nor ``asked_tier``, the body's own, is a price nobody chose.
    """
    return [
        alarm
        for alarm, cause in (
            ("store_echoed", facts.store is True),
            ("background_echoed", facts.background is True),
            ("service_tier_echoed", facts.service_tier not in STANDARD_TIERS and facts.service_tier != asked_tier),
        )
        if cause
    ]
