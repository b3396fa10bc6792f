"""Counts anew what budgets hold, where the store has lost it: one sidecar does, from the ledger, and others wait."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from datetime import time as daytime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import structlog

from addons.foundry.budgets import PERIODS, REMEMBERED, Period, PeriodBudget, begins, share
from addons.gates.budget_settings import BudgetsSettings
from addons.gates.counters import Counters, StoreUnavailableError
from addons.gates.limits_settings import LimitsSettings
from addons.gates.period_budgets import period_budgets

ALIVE: Final = "budget:alive"
"""A counter that is there while the store has lost nothing: without it, what was used before is counted anew."""

CLAIM: Final = "budget:recovery"
"""Counters of which one is 1 while a sidecar does so. Each is asked about for a time alone: a value that nobody takes
back, since the store lost it meanwhile or somebody else put it there, must not keep all waiting for ever.
"""

CLAIM_SECONDS: Final = 150  # after which a sidecar that was killed meanwhile is given up; all questions take 90 at most
ARRIVAL: Final = 3.0  # seconds in which rows of calls that have ended come from other sidecars
PATIENCE: Final = 8.0  # seconds a call waits for another sidecar's counting
_EVERY: Final = 0.1


class Used(NamedTuple):
    """What calls for one model, of one caller and under the same projects, used in a while; ``money`` in millionths."""

    model: str
    caller: str
    projects: tuple[str, ...]
    requests: int
    tokens: int
    money: int


type UsedBefore = Callable[[float], Awaitable[Sequence[Used]]]
"""What was used since a Unix time, from the ledger. Raises whatever is wrong with it."""

_log = structlog.get_logger("sidecar.budgets")


@dataclass(slots=True)
class Recovery:
    """One attempt. ``clock`` gives Unix time in seconds."""

    settings: LimitsSettings
    counters: Counters
    used_before: UsedBefore
    clock: Callable[[], float]

    async def run(self) -> None:
        """Returns when the counts are there again, whoever counted.

        Raises:
            StoreUnavailableError: they are not, and a call that went on would see empty budgets.
        """
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            claim, *others = claims(self.clock())
            alive, *claimed = await self.counters.read([ALIVE, claim, *others])
            if alive > 0:
                return None
            if max(claimed) <= 0:  # asked first: each addition lets the claim live for longer
                try:
                    first = await self.counters.add({claim: 1}, CLAIM_SECONDS) == [1]
                    if first and max(await self.counters.read(others)) <= 0:
                        return await self._count()
                finally:
                    with suppress(StoreUnavailableError):
                        await self.counters.add({claim: -1}, CLAIM_SECONDS)
            await asyncio.sleep(random.uniform(0.5, 1.5) * _EVERY)  # noqa: S311 - so that no two try in step
        raise StoreUnavailableError("another sidecar still counts again what was used before")

    async def _count(self) -> None:
        if (await self.counters.read([ALIVE]))[0] > 0:
            return
        if self.settings.storage != "memory":
            await asyncio.sleep(ARRIVAL)
        try:
            used = await self._used()
        except Exception as error:
            _log.error("budgets_not_rebuilt", why=str(error))
            raise StoreUnavailableError("what was used before can't be had from the ledger") from error
        counts = dict(zip(used, await self.counters.read([*used]), strict=True))
        # What is there already stays: it may be that nothing was lost but the mark.
        await self.counters.add(
            {key: due - counts[key] for key, (_, due) in used.items() if due > counts[key]}, REMEMBERED
        )
        warned = [
            told_key(key, reached)
            for key, (budget, due) in used.items()
            for reached in reached_shares(budget, due, self.settings.budgets.warn_at)
        ]
        await self.counters.add(dict.fromkeys(warned, 1), REMEMBERED)
        await self.counters.add({ALIVE: 1}, REMEMBERED)
        _log.info("budgets_rebuilt", counters=len(used))

    async def _used(self) -> dict[str, tuple[PeriodBudget, int]]:
        """By the counter's key, the budget and what it should hold."""
        found = dict[str, tuple[PeriodBudget, int]]()
        zone = ZoneInfo(self.settings.budgets.time_zone)
        today = datetime.fromtimestamp(self.clock(), zone).date()
        for period in PERIODS:
            first = begins(period, today)
            used = await self.used_before(datetime.combine(first, daytime(), zone).timestamp())
            for budget, amount in amounts(used, period, self.settings.budgets).items():
                found[budget.key(first)] = budget, amount
        return found


def amounts(used: Iterable[Used], period: Period, settings: BudgetsSettings) -> dict[PeriodBudget, int]:
    """How much each of the period's budgets holds, of what was used since it began."""
    found = defaultdict[PeriodBudget, int](int)
    for each in used:
        whole = {"tokens": each.tokens, "requests": each.requests, "money": each.money}
        for budget, shares in period_budgets(each.model, each.caller, each.projects, (), settings):
            if budget.period == period:
                amount = whole[budget.unit]
                found[budget] += amount if budget.unit == "requests" else share(amount, shares)
    return found


def claims(now: float) -> list[str]:
    """The counter that a claim is made by at this Unix time, and those of others whose clock or attempt is another."""
    span = int(now // CLAIM_SECONDS)
    return [f"{CLAIM}:{each}" for each in (span, span - 1, span + 1)]


def reached_shares(budget: PeriodBudget, count: int, warn_at: Sequence[float]) -> Iterator[float]:
    """Of ``warn_at``, those that a count has reached; a budget of 0 has none."""
    return (reached for reached in warn_at if budget.limit and count >= reached * budget.limit)


def told_key(key: str, reached: float) -> str:
    """The counter that is there once this was told."""
    return f"budget:told:{reached}:{key}"
