"""What a call cost, by what the provider reported and the operator's prices."""

import math
from datetime import UTC, datetime

from addons.call import Call
from addons.foundry.prices import prices_on


def cost(call: Call) -> float | None:
    """None where usage or price is not known, or no number holds it."""
    facts = call.answer.facts
    if facts is None or facts.usage is None or call.model is None:
        return None
    prices = prices_on(call.model.prices, datetime.now(UTC).date(), facts.service_tier)
    if prices is None:
        return None
    usage = facts.usage
    made = 0 if _makes_no_tokens(call) else usage.output_tokens
    found = prices.cost(usage.input_tokens, usage.cached_tokens, made, usage.cache_write_tokens)
    return found if found is not None and math.isfinite(found) else None


def _makes_no_tokens(call: Call) -> bool:
    """Whether its API's answers are no tokens, so that no report of them can be missing."""
    return call.api is not None and call.api.output_tokens({}) == 0
