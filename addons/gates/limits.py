"""Gate: what the caller, its projects and the whole enrollment may use in a minute (SPEC §8).

The last gate that counts: a call that is refused anywhere costs nothing. What it is charged here is an estimate,
which ``settlement`` replaces once the call has ended.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from addons.call import Call
from addons.foundry.limit_refusals import denied, exceeded, unavailable
from addons.foundry.permits import Kind, Level, Meter, Permits, Standing
from addons.foundry.rate_window import Count, moment
from addons.gates.counting import Counters, StoreUnavailableError
from addons.gates.limits_settings import Limit, LimitsSettings

type Limits = Mapping[Meter, int]
"""What each meter may reach in a minute."""


@dataclass(frozen=True, slots=True)
class HoldToLimits:
    """Fills ``call.permits``. ``clock`` gives Unix time in seconds."""

    settings: LimitsSettings
    counters: Counters
    clock: Callable[[], float] = field(default=time.time)

    async def __call__(self, call: Call) -> None:
        limits = limits_for(call, self.settings)
        if not limits:
            return
        call.permits = permits = call.permits or Permits()
        if zero := next((meter for meter, limit in limits.items() if limit == 0), None):
            self._over(permits, zero)
            if not permits.warned:
                raise denied(zero)
        permits.estimated_tokens = estimate(call, self.settings.assumed_output_tokens)
        costs = {meter: cost_of(meter, limit, permits.estimated_tokens) for meter, limit in limits.items()}
        try:
            full = await self._charge(permits, limits, costs)
        except StoreUnavailableError as error:
            if self.settings.on_store_failure == "refuse" and self.settings.mode == "enforce":
                raise unavailable(str(error)) from None
            permits.unlimited = True
            return
        if full:
            self._over(permits, full.meter)
            if not permits.warned:
                raise exceeded(full, costs[full.meter], permits.standings)

    def _over(self, permits: Permits, meter: Meter) -> None:
        permits.scope, permits.kind = meter.level, meter.kind
        permits.warned = self.settings.mode == "warn"

    async def _charge(self, permits: Permits, limits: Limits, costs: Mapping[Meter, int]) -> Standing | None:
        """Charges every meter and returns None, or the one that is too full for this call.

        First a look, so that refusing writes nothing and is in nobody's way. Then the charge: its counts hold what
        others were charged meanwhile, so of calls that race for the last permits, the later are refused. They are
        given back what they were charged when they end, as every refused call is.
        """
        minute, elapsed = moment(self.clock())
        found = await self.counters.read([meter.key(at) for at in (minute - 1, minute) for meter in limits])
        previous, current = found[: len(limits)], found[len(limits) :]

        def standings(counts: Iterable[int]) -> tuple[Standing, ...]:
            rows = zip(limits.items(), previous, counts, strict=True)
            return tuple(Standing(meter, limit, Count(before, now), elapsed) for (meter, limit), before, now in rows)

        permits.standings = standings(current)
        full = _fullest(permits.standings, costs)
        if full and self.settings.mode == "enforce":
            return full
        charged = await self.counters.add({meter.key(minute): cost for meter, cost in costs.items()})
        permits.minute, permits.charges = minute, costs
        permits.standings = standings(charged)
        others = standings(total - cost for total, cost in zip(charged, costs.values(), strict=True))
        return full or _fullest(others, costs)


def limits_for(call: Call, settings: LimitsSettings) -> Limits:
    """Every meter that the call runs on, with its limit.

    Attribution is the caller's claim: a project that is not in the configuration by its own RID may have been made
    up, so such a call counts towards its caller too.
    """
    assert call.caller
    assert call.model
    model, subject = call.model.rid, call.caller.subject
    chosen: list[tuple[Level, str, Limit | Mapping[str, Limit] | None]] = [("ENROLLMENT", "", settings.enrollment)]
    chosen += [("PROJECT", rid, settings.project.get(rid, settings.project.get("default"))) for rid in call.attribution]
    if not settings.project.keys() >= set(call.attribution) or not call.attribution:
        chosen.append(("USER", subject, settings.user.get(subject, settings.user.get("default"))))
    return {
        Meter(level, whose, model, kind): amount
        for level, whose, entry in chosen
        if (limit := entry.get(model, entry.get("default")) if isinstance(entry, Mapping) else entry)
        for kind, amount in _amounts(limit)
        if amount is not None
    }


def _amounts(limit: Limit) -> tuple[tuple[Kind, int | None], ...]:
    return ("TOKENS", limit.tokens_per_minute), ("REQUESTS", limit.requests_per_minute)


def estimate(call: Call, assumed_output: int) -> int:
    """Tokens the call may use: input bytes / 4, no more than the model takes, and the output cap or what is assumed."""
    assert call.model
    inbound = -(-len(call.body) // 4)
    if call.model.context_window is not None:
        inbound = min(inbound, call.model.context_window)
    members = {**call.document, **(call.verdict.members if call.verdict else {})}
    cap = members.get("max_output_tokens")
    return inbound + (cap if isinstance(cap, int) else assumed_output)


def cost_of(meter: Meter, limit: int, estimated_tokens: int) -> int:
    """What a call is charged. At most the limit: whatever the estimate, a call fits into a minute of its own."""
    return min(limit, 1 if meter.kind == "REQUESTS" else estimated_tokens)


def _fullest(standings: Iterable[Standing], costs: Mapping[Meter, int]) -> Standing | None:
    """Of the meters that the call does not fit into, the one it has to wait for longest."""
    full = [standing for standing in standings if not standing.fits(costs[standing.meter])]
    return max(full, key=lambda standing: standing.wait(costs[standing.meter]), default=None)
