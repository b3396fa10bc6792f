"""What a call is charged in the end: the reported usage, in place of the estimate (docs/contract.md#charging)."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from addons.call import Call
from addons.foundry.budgets import MICRO, MOST_COUNT, share
from addons.foundry.rate_window import moment
from addons.usage.cost import cost

TURNED_AWAY: Final = 429


def corrections(call: Call, now: float) -> Mapping[str, int]:
    """What is to be added to which counters once the call has ended; empty where the estimate stands.

    What was charged too much goes back to the minute it was charged in. What was charged too little counts now: a
    call of many minutes would else escape the limit by its length. ``now`` is a Unix time in seconds.
    """
    permits = call.permits
    if permits is None or not permits.costs:
        return {}
    minute, _ = moment(now)
    counts, tokens = is_counted(call), tokens_used(call)
    found: dict[str, int] = {}
    for meter, charged in zip(permits.meters, permits.costs, strict=True):
        due = charged if meter.kind == "REQUESTS" or tokens is None else tokens
        difference = due - charged if counts else -charged
        if difference > 0:
            found[meter.key(minute)] = difference
        elif difference < 0 and permits.minute >= minute - 1:  # older minutes count no more
            found[meter.key(permits.minute)] = difference
    return found


def budget_corrections(call: Call) -> Mapping[str, int]:
    """The same for budgets. A call counts in the period it began in, however long it took."""
    reserved = call.reserved
    if reserved is None or not reserved.keys:
        return {}
    counts, used = is_counted(call), {"requests": None, "tokens": tokens_used(call), "money": money_used(call)}
    found: dict[str, int] = {}
    for budget, key, charged, shares in zip(
        reserved.budgets, reserved.keys, reserved.amounts, reserved.shares, strict=True
    ):
        known = used[budget.unit]
        due = 0 if not counts else charged if known is None else share(known, shares)
        if due != charged:
            found[key] = due - charged
    return found


class Charged(NamedTuple):
    """What budgets hold of a call, as the ledger remembers it; ``cost`` is None where there is no price."""

    requests: int
    tokens: int
    cost: float | None


def charged(call: Call, *, ended: bool = False) -> Charged | None:
    """The estimate, and what it was settled to once the call has ended; None: no budget holds for the call."""
    reserved = call.reserved
    if reserved is None or not reserved.keys:
        return None
    if ended and not is_counted(call):
        return Charged(0, 0, 0.0)
    tokens, money = (tokens_used(call), money_used(call)) if ended else (None, None)
    tokens = reserved.tokens if tokens is None else tokens
    money = reserved.money if money is None else money
    return Charged(1, tokens, None if money is None else money / MICRO)


def money_used(call: Call) -> int | None:
    """In millionths; None: the estimate stands."""
    if tokens_used(call) == 0:
        return 0
    found = cost(call)
    return None if found is None else min(MOST_COUNT, round(found * MICRO))


def is_counted(call: Call) -> bool:
    """Whether the call counts as a request: it left, and the provider did not turn it away for its rate."""
    return call.sent_at is not None and call.answer.status != TURNED_AWAY


def tokens_used(call: Call) -> int | None:
    """What the provider reported, and nothing for a request it found wrong; None: the estimate stands."""
    status = call.answer.status
    if status is not None and 400 <= status < 500:  # noqa: PLR2004 - HTTP's class of the client's errors
        return 0
    usage = call.answer.facts.usage if call.answer.facts else None
    if usage is None:
        return None
    if usage.total_tokens is not None:
        return usage.total_tokens
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)
