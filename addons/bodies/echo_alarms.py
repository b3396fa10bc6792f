"""The canary: what an answer must not say of itself, whatever was asked for (docs/contract.md#retention)."""

from typing import Final

from addons.bodies.answer_facts import AnswerFacts
from addons.bodies.verdict import Json
from addons.foundry.alarm_names import Alarm
from addons.foundry.provider_errors import alarm_of

STANDARD_TIERS: Final = frozenset({None, "auto", "default"})
"""Service tiers that need no asking for."""

LEFT_TO_THE_PROJECT: Final = frozenset({None, "auto"})
"""Tiers asked for that leave the choice to a setting of the provider's project, which is the operator's own."""


def alarms_of(facts: AnswerFacts, asked_tier: Json, *, whole: bool = True) -> list[Alarm]:
    """The alarms one answer gives cause for.

    ``store: true`` and ``background: true`` mean that the provider keeps state, though the body that left forbade
    it. A service tier that is neither standard nor ``asked_tier``, the body's own, is a price nobody chose; where
    the body left the tier to the project, the operator chose it. An answer that can't be read may say any of this;
    of one that is not ``whole``, because somebody broke it off, nothing else is to be expected. A prompt written to
    a cache of twelve hours is retention that nobody asked for. An error that ends it may be the account's.
    """
    usage = facts.usage
    return [
        alarm
        for alarm, cause in (
            (Alarm.ANSWER_UNREAD, facts.unread and whole),
            (Alarm.STORE_ECHOED, facts.store is True),
            (Alarm.BACKGROUND_ECHOED, facts.background is True),
            (Alarm.CACHED_12H, usage is not None and (usage.cache_write_12h_tokens or 0) > 0),
            (
                Alarm.SERVICE_TIER_ECHOED,
                facts.service_tier not in STANDARD_TIERS
                and not (
                    isinstance(asked_tier, str | None) and asked_tier in {*LEFT_TO_THE_PROJECT, facts.service_tier}
                ),
            ),
        )
        if cause
    ] + [alarm for alarm in (alarm_of(facts.error_code),) if alarm]
