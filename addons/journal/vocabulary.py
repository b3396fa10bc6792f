"""The words for how a call ended, one function for each. Record, ledger, spans and metrics all use them."""

from typing import Final, Literal

from addons.call import Call, Outcome, UsageStatus

CUT_SHORT: Final = frozenset(
    {Outcome.TRUNCATED, Outcome.TIMED_OUT, Outcome.CALLER_GONE, Outcome.CALLER_STALLED, Outcome.SHUT_DOWN}
)
"""Outcomes for which the provider may have used more tokens than it reported."""


def decision(call: Call) -> Literal["allowed", "refused"]:
    """``allowed`` where the call passed all gates, ``refused`` where it did not, for whatever reason.

    How the call ended is ``call.outcome``.
    """
    return "refused" if call.released_at is None else "allowed"


def error_type(call: Call) -> str | None:
    """The one word for what went wrong: the name of the refusal, else the outcome; None where the call was served."""
    if call.refusal is not None:
        return call.refusal.name
    return None if call.outcome is Outcome.SERVED or call.outcome is None else str(call.outcome)


def usage_status(call: Call) -> UsageStatus | None:
    """Whether the provider reported what the call used; None where the call was not sent to it."""
    if call.released_at is None or call.to != "provider":
        return None
    if call.answer.facts and call.answer.facts.usage:
        return "reported"
    return "interrupted" if call.outcome in CUT_SHORT else "unknown"


def is_unproven(call: Call) -> bool:
    """Whether the call was refused before its caller was verified."""
    return call.caller is None and call.released_at is None
