"""Gate: what the caller, its projects and the whole enrollment may use in a minute (docs/contract.md#limits).

The last gate that counts: a call that is refused anywhere costs nothing. What it is charged here is an estimate,
which ``usage.settlement`` replaces once the call has ended.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from addons.call import Call
from addons.foundry.limit_refusals import denied, exceeded, unavailable
from addons.foundry.permits import Meter, Permits, Standing
from addons.foundry.rate_window import Count, fits, moment
from addons.foundry.token_bounds import most_output, window
from addons.gates.counters import Counters, StoreUnavailableError
from addons.gates.limits_settings import LimitsSettings
from addons.gates.meters import Meters, MetersOf


@dataclass(slots=True)
class HoldToLimits:
    """Fills ``call.permits``. ``clock`` gives Unix time in seconds."""

    settings: LimitsSettings
    counters: Counters
    clock: Callable[[], float] = field(default=time.time)
    _meters_of: MetersOf = field(init=False)

    def __post_init__(self) -> None:
        self._meters_of = MetersOf(self.settings)

    async def __call__(self, call: Call) -> None:
        found = self._meters_of(call)
        if found is None:
            return
        call.permits = permits = call.permits or Permits()
        if found.zero:
            self._over(permits, found.zero)
            if not permits.warned:
                raise denied(found.zero)
        permits.estimated_tokens = estimated = estimate(call, self.settings.assumed_output_tokens)
        costs = [cost_of(meter, limit, estimated) for meter, limit in zip(found.meters, found.limits, strict=True)]
        try:
            full = await self._charge(permits, found, costs)
        except StoreUnavailableError as error:
            if self.settings.on_store_failure == "refuse" and self.settings.mode == "enforce":
                raise unavailable(str(error)) from None
            permits.unlimited = True
            return
        if full:
            self._over(permits, full[0].meter)
            if not permits.warned:
                raise exceeded(*full, permits.standings)

    def _over(self, permits: Permits, meter: Meter) -> None:
        permits.scope, permits.kind = meter.level, meter.kind
        permits.warned = self.settings.mode == "warn"

    async def _charge(self, permits: Permits, found: Meters, costs: list[int]) -> tuple[Standing, int] | None:
        """Charges every meter and returns None, or the one that is too full for this call, with the cost.

        First a look, so that refusing writes nothing and is in nobody's way. Then the charge: its counts hold what
        others were charged meanwhile, so of calls that race for the last permits, the later are refused. They are
        given back what they were charged when they end, as every refused call is.
        """
        minute, elapsed = moment(self.clock())
        keys, with_previous = found.keys(minute)
        counts = await self.counters.read(with_previous)
        number = len(keys)
        previous, current = counts[:number], counts[number:]
        permits.meters, permits.limits = found.meters, found.limits
        permits.previous, permits.current, permits.elapsed = previous, current, elapsed
        full = _fullest(found, costs, previous, current, elapsed)
        if full and self.settings.mode == "enforce":
            return full
        charged = await self.counters.add(dict(zip(keys, costs, strict=True)))
        permits.minute, permits.costs, permits.current = minute, costs, charged
        others = [total - cost for total, cost in zip(charged, costs, strict=True)]
        if others == current:
            return full
        return full or _fullest(found, costs, previous, others, elapsed)


def estimate(call: Call, assumed_output: int) -> int:
    """Tokens the call may use: input bytes / 4, and for each answer the output cap or what is assumed.

    Where the input stands in the body as tokens, these are counted. Never below 0, and no more than the model can use:
    the cap is a number of the caller's.
    """
    assert call.model
    assert call.api
    answers = call.api.answers(call.document)
    output = estimated_output(call, assumed_output)
    given = call.api.input_tokens(call.document)
    return min((-(-len(call.body) // 4) if given is None else given) + output, window(call.model) * answers)


def estimated_output(call: Call, assumed: int) -> int:
    """Tokens of all the answers that the call asks for."""
    assert call.model
    assert call.api
    cap = call.api.output_tokens({**call.document, **(call.verdict.members if call.verdict else {})})
    return max(0, min(assumed if cap is None else cap, most_output(call.model))) * call.api.answers(call.document)


def cost_of(meter: Meter, limit: int, estimated_tokens: int) -> int:
    """What a call is charged. At most the limit: whatever the estimate, a call fits into a minute of its own."""
    return min(limit, 1 if meter.kind == "REQUESTS" else estimated_tokens)


def _fullest(
    found: Meters, costs: Sequence[int], previous: Sequence[int], current: Sequence[int], elapsed: float
) -> tuple[Standing, int] | None:
    """Of the meters that the call does not fit into, the one it has to wait for longest."""
    full = [
        (Standing(meter, limit, Count(before, now), elapsed), cost)
        for meter, limit, cost, before, now in zip(found.meters, found.limits, costs, previous, current, strict=True)
        if not fits(Count(before, now), cost, limit, elapsed)
    ]
    return max(full, key=lambda each: each[0].wait(each[1]), default=None)
