"""What a caller is told when a limit says no (docs/contract.md#limits)."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from addons.foundry.budgets import PeriodBudget
from addons.foundry.permits import Meter, Permits, Standing
from addons.foundry.refusals import Refusal

RULE: Final = "RATE_LIMIT"

_WHOSE: Final = {
    "ENROLLMENT": "The whole enrollment",
    "PROJECT": "The project that attribution names",
    "USER": "This caller",
}

_SETTINGS: Final = {
    "ENROLLMENT": "limits.enrollment",
    "PROJECT": "limits.project",
    "USER": "limits.user",
    "CALLER": "limits.concurrency.per_caller",
    "SIDECAR": "limits.concurrency.total",
}


def denied(meter: Meter) -> Refusal:
    """For a limit of 0. It is never a 429, since clients would repeat the call."""
    return Refusal(
        "model_permission_denied",
        f"{_WHOSE[meter.level]} may not use {meter.model}: its limit of {meter.kind.lower()} a minute is 0."
        " Ask the operator of this sidecar for more.",
        parameters={"languageModelRid": meter.model},
        param="model",
        rule=RULE,
        setting=_SETTINGS[meter.level],
    )


def exceeded(full: Standing, cost: int, standings: Sequence[Standing]) -> Refusal:
    """``full`` is the meter that ``cost`` does not fit into; ``standings`` are all that the call runs on.

    A caller that waits as long as it is told is let through, unless others were first.
    """
    meter, kind = full.meter, full.meter.kind.lower()
    milliseconds = math.ceil(full.wait(cost) * 1000) + 1  # so that rounding never sends a caller back
    headers = _retry_after(milliseconds)
    for each in standings:
        if (each.meter.level, each.meter.subject) == (meter.level, meter.subject):
            headers |= _shown(each)
    return Refusal(
        "rate_limited",
        f"{_WHOSE[meter.level]} is over its limit of {full.limit} {kind} a minute for {meter.model}:"
        f" {full.used} used, {cost} requested. Try again in {_duration(milliseconds)}.",
        parameters={
            "languageModelRid": meter.model,
            "rateLimitType": meter.kind,
            "rateLimitScope": meter.level,
            "limitPerMinute": str(full.limit),
            "requestedPermits": str(cost),
            "requestedPermitsInLastMinute": str(full.used),
        },
        headers=headers,
        rule=RULE,
        setting=_SETTINGS[meter.level],
    )


def over_budget(full: PeriodBudget, resets: datetime) -> Refusal:
    """For a budget that is used up. It is no 429, since clients would repeat the call long before the next period."""
    return Refusal(
        "budget_exceeded",
        f"{_WHOSE[full.level]} has used up its budget of {full.unit} for this {full.period},"
        f" for {full.model or 'all models'}. The next period begins at {resets.isoformat()};"
        " until then ask the operator of this sidecar for more.",
        parameters={
            "budgetScope": full.level,
            "budgetType": full.unit.upper(),
            "budgetPeriod": full.period.upper(),
            "resetsAt": resets.isoformat(),
            **({"languageModelRid": full.model} if full.model else {}),
        },
        param="model",
        rule="BUDGET",
        setting=f"limits.budgets.{full.level.lower()}",
    )


def unpriced(model: str) -> Refusal:
    return Refusal(
        "budget_exceeded",
        f"{model} has no price in this sidecar's configuration, for this service tier, and there is a budget in money:"
        " what has no price would have no limit. Ask the operator of this sidecar.",
        parameters={"languageModelRid": model},
        param="model",
        rule="BUDGET",
        setting="prices, limits.budgets.unknown_price",
    )


def crowded(scope: str, limit: int) -> Refusal:
    """Too many calls at a time; ``scope`` is CALLER or SIDECAR."""
    whose = "This caller has" if scope == "CALLER" else "This sidecar has"
    return Refusal(
        "rate_limited",
        f"{whose} {limit} calls under way, which is the most at a time. Try again when one has ended.",
        parameters={"rateLimitType": "CONCURRENCY", "rateLimitScope": scope},
        headers=_retry_after(1000),
        rule="CONCURRENCY",
        setting=_SETTINGS[scope],
    )


def unavailable(why: str) -> Refusal:
    """``why`` is for the record alone."""
    return Refusal(
        "limits_unavailable",
        "The sidecar can't reach the store of its rate limits, so nothing was sent; try again.",
        rule=RULE,
        detail=why,
    )


def standing_headers(permits: Permits | None) -> tuple[tuple[str, str], ...]:
    """The caller's limits and what is left, as ``x-ratelimit-*`` headers; empty where nothing is limited.

    Of tokens and of requests the tightest meter that the call ran on: the one with the least of its limit left.
    """
    if permits is None or not permits.current:
        return ()
    tightest: dict[str, Standing] = {}
    for each in permits.standings:
        known = tightest.get(each.meter.kind)
        if known is None or each.remaining * known.limit < known.remaining * each.limit:
            tightest[each.meter.kind] = each
    return tuple(pair for each in tightest.values() for pair in _shown(each).items())


def _retry_after(milliseconds: int) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(milliseconds / 1000)), "retry-after-ms": str(milliseconds)}


def _shown(standing: Standing) -> dict[str, str]:
    kind = standing.meter.kind.lower()
    return {
        f"x-ratelimit-limit-{kind}": str(standing.limit),
        f"x-ratelimit-remaining-{kind}": str(standing.remaining),
        f"x-ratelimit-reset-{kind}": _duration(math.ceil(standing.reset * 1000)),
    }


def _duration(milliseconds: int) -> str:
    """As OpenAI writes them: ``1m3.25s``, ``12s``, ``80ms``."""
    if milliseconds < 1000:  # noqa: PLR2004 - a second
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}m{rest / 1000:g}s" if minutes else f"{rest / 1000:g}s"
