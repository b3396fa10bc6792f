"""Gate: what the caller, its projects and the whole enrollment may use in a day, a week and a month.

As with limits a minute, a call is charged an estimate, which ``usage.settlement`` replaces when it has ended: nobody
overspends by more than what is under way.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from addons.call import Call
from addons.foundry.budgets import MICRO, MOST_COUNT, PERIODS, REMEMBERED, PeriodBudget, Reserved, begins, ends, share
from addons.foundry.limit_refusals import over_budget, unavailable, unpriced
from addons.foundry.prices import prices_on
from addons.gates.budget_recovery import ALIVE, Recovery, UsedBefore, reached_shares, told_key
from addons.gates.counters import Counters, StoreUnavailableError
from addons.gates.limits import estimate, estimated_output
from addons.gates.limits_settings import LimitsSettings
from addons.gates.period_budgets import budgets_of

MOST_TOLD: Final = 10_000  # warnings remembered, so that the store is not asked about them again

_log = structlog.get_logger("sidecar.budgets")


@dataclass(slots=True)
class HoldToBudgets:
    """Fills ``call.reserved``. ``used_before`` is asked when the store has lost its counts, or this process began.

    ``clock`` gives Unix time in seconds.
    """

    settings: LimitsSettings
    counters: Counters
    used_before: UsedBefore | None = None
    clock: Callable[[], float] = field(default=time.time)
    _recovery: asyncio.Task[None] | None = field(init=False, default=None)
    _told: dict[tuple[str, float], None] = field(init=False, default_factory=dict)

    async def __call__(self, call: Call) -> None:
        own = self.settings.budgets
        if not own.any or not (found := budgets_of(call, own)):
            return
        zone = ZoneInfo(own.time_zone)
        today = datetime.fromtimestamp(self.clock(), zone).date()
        priced_on = datetime.fromtimestamp(self.clock(), UTC).date()
        money = estimated_money(call, self.settings.assumed_output_tokens, priced_on)
        if money is None and any(budget.unit == "money" for budget, _ in found):
            if own.unknown_price == "refuse" and self.settings.mode == "enforce":
                assert call.model
                raise unpriced(call.model.rid)
            found = [(budget, shares) for budget, shares in found if budget.unit != "money"]
        tokens = estimate(call, self.settings.assumed_output_tokens)
        whole = {"tokens": tokens, "requests": 1, "money": money or 0}
        amounts = [_amount(budget, whole[budget.unit], shares) for budget, shares in found]
        reserved = Reserved(
            [budget for budget, _ in found],
            [budget.key(begins(budget.period, today)) for budget, _ in found],
            amounts,
            [shares for _, shares in found],
            tokens=tokens,
            money=money,
        )
        try:
            full = await self._charge(call, reserved)
        except StoreUnavailableError as error:
            if self.settings.on_store_failure == "refuse" and self.settings.mode == "enforce":
                raise unavailable(str(error)) from None
            return
        if full and self.settings.mode == "enforce":
            raise over_budget(full, ends(full.period, today, zone))

    async def _charge(self, call: Call, reserved: Reserved) -> PeriodBudget | None:
        """As ``HoldToLimits`` does: a look, so that refusing writes nothing; then the charge, which a race may lose."""
        alive, *before = await self.counters.read([ALIVE, *reserved.keys])
        if alive <= 0 and self.used_before is not None:
            await self._recovered(self.used_before)
            before = await self.counters.read(reserved.keys)
        full = _fullest(reserved, before)
        if full and self.settings.mode == "enforce":
            filled = [max(0, count) + amount for count, amount in zip(before, reserved.amounts, strict=True)]
            call.reserved = Reserved(reserved.budgets, amounts=reserved.amounts, filled=filled)
            await self._warn(reserved, before)
            return full
        totals = await self.counters.add(dict(zip(reserved.keys, reserved.amounts, strict=True)), REMEMBERED)
        reserved.filled = totals
        call.reserved = reserved
        others = [total - amount for total, amount in zip(totals, reserved.amounts, strict=True)]
        lost = _fullest(reserved, others)
        await self._warn(reserved, _certain(reserved, totals))
        return full or lost

    async def _recovered(self, used_before: UsedBefore) -> None:
        """Returns when the store has its counts again. A task of its own: the caller that began it may hang up."""
        if self._recovery is None or self._recovery.done():
            recovery = Recovery(self.settings, self.counters, used_before, self.clock)
            self._recovery = asyncio.create_task(recovery.run())
            self._recovery.add_done_callback(_seen)  # where all callers hung up, nobody else asks
        await asyncio.shield(self._recovery)

    async def _warn(self, reserved: Reserved, totals: Sequence[int]) -> None:
        """The store knows what was told, so of all sidecars one tells it, however the counts went up.

        A share is told once in its period, so a call's own estimate does not count: the next call finds what it used.
        """
        for budget, key, now in zip(reserved.budgets, reserved.keys, totals, strict=True):
            for reached in reached_shares(budget, now, self.settings.budgets.warn_at):
                if (key, reached) in self._told:
                    continue
                try:
                    first = await self.counters.add({told_key(key, reached): 1}, REMEMBERED) == [1]
                except StoreUnavailableError:
                    return  # the next call tells it
                if len(self._told) >= MOST_TOLD:
                    del self._told[next(iter(self._told))]
                self._told[key, reached] = None
                if first:
                    _log.warning(
                        "budget_reached", share=reached, budget_level=budget.level, subject=budget.subject,
                        model=budget.model or None, period=budget.period, unit=budget.unit,
                        limit=budget.limit / MICRO if budget.unit == "money" else budget.limit,
                    )  # fmt: skip


def _seen(recovery: asyncio.Task[None]) -> None:
    if not recovery.cancelled():
        recovery.exception()


def _amount(budget: PeriodBudget, whole: int, shares: int) -> int:
    """At most the whole budget, so that a call fits into an untouched one; a budget of 0 fits nothing."""
    if budget.limit == 0:
        return 1
    return min(budget.limit, whole if budget.unit == "requests" else share(whole, shares))


def estimated_money(call: Call, assumed_output: int, today: date) -> int | None:
    """What the call may cost, in millionths; None where its model, or the service tier asked for, has no price."""
    assert call.model
    tier = call.document.get("service_tier")
    prices = prices_on(call.model.prices, today, tier if isinstance(tier, str) else None)
    if prices is None:
        return None
    output = estimated_output(call, assumed_output)
    inbound = estimate(call, assumed_output) - output
    dearest = [prices.cost(inbound, 0, output, written) or 0.0 for written in (0, inbound)]
    return min(MOST_COUNT, round(max(dearest) * MICRO))


def _certain(reserved: Reserved, totals: Sequence[int]) -> list[int]:
    """What is charged without the call's own estimate. That it is one request is known."""
    rows = zip(reserved.budgets, reserved.amounts, totals, strict=True)
    return [total if budget.unit == "requests" else total - amount for budget, amount, total in rows]


def _fullest(reserved: Reserved, counts: Sequence[int]) -> PeriodBudget | None:
    """Of the budgets that the call does not fit into, the one whose period is longest: it is reset last."""
    rows = zip(reserved.budgets, reserved.amounts, counts, strict=True)
    full = [budget for budget, amount, count in rows if max(0, count) + amount > budget.limit]
    return max(full, key=lambda budget: PERIODS.index(budget.period), default=None)
