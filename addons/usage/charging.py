"""What a call is charged in the end (SPEC §8): the usage the provider reported, in place of the estimate."""

from collections.abc import Mapping
from typing import Final

from addons.call import Call
from addons.foundry.permits import Meter
from addons.foundry.rate_window import moment

TURNED_AWAY: Final = 429


def corrections(call: Call, now: float) -> Mapping[str, int]:
    """What is to be added to which counters once the call has ended; empty where the estimate stands.

    What was charged too much goes back to the minute it was charged in. What was charged too little counts now: a
    call of many minutes would else escape the limit by its length. ``now`` is a Unix time in seconds.
    """
    permits = call.permits
    if not (permits and permits.charges):
        return {}
    minute, _ = moment(now)
    found: dict[str, int] = {}
    for meter, charged in permits.charges.items():
        difference = _due(call, meter, charged) - charged
        if difference > 0:
            found[meter.key(minute)] = difference
        elif difference < 0 and permits.minute >= minute - 1:  # older minutes count no more
            found[meter.key(permits.minute)] = difference
    return found


def _due(call: Call, meter: Meter, charged: int) -> int:
    if not _reached(call) or call.answer.status == TURNED_AWAY:
        return 0
    if meter.kind == "REQUESTS":
        return charged
    if call.answer.status is not None and not 200 <= call.answer.status < 300:  # noqa: PLR2004 - HTTP's success class
        return 0  # an error is no work done
    usage = call.answer.facts.usage if call.answer.facts else None
    if usage is None:
        return charged
    counted = (usage.input_tokens or 0) + (usage.output_tokens or 0)
    return counted if usage.total_tokens is None else usage.total_tokens


def _reached(call: Call) -> bool:
    """Whether the provider may have got the call."""
    return call.sent_at is not None
