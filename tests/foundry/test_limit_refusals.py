"""What a caller reads when a limit says no."""

from datetime import UTC, datetime

import pytest

from addons.foundry.budgets import PeriodBudget
from addons.foundry.limit_refusals import (
    crowded,
    denied,
    exceeded,
    over_budget,
    standing_headers,
    unavailable,
    unpriced,
)
from addons.foundry.permits import Level, Meter, Permits, Standing
from addons.foundry.rate_window import Count
from addons.foundry.refusals import Refusal

MODEL = "ri.language-model-service..language-model.gpt-5-2"
TOKENS = Meter("USER", "ada", MODEL, "TOKENS")
REQUESTS = Meter("USER", "ada", MODEL, "REQUESTS")
OTHERS = Meter("ENROLLMENT", "", MODEL, "REQUESTS")


def test_too_many_tokens() -> None:
    full = Standing(TOKENS, 1000, Count(0, 900), 30.0)
    others = Standing(OTHERS, 99, Count(0, 98), 30.0)
    refusal = exceeded(full, 200, (full, Standing(REQUESTS, 10, Count(0, 3), 30.0), others))
    assert (refusal.kind.status, refusal.kind.openai_code) == (429, "rate_limit_exceeded")
    assert refusal.parameters == {
        "languageModelRid": MODEL,
        "rateLimitType": "TOKENS",
        "rateLimitScope": "USER",
        "limitPerMinute": "1000",
        "requestedPermits": "200",
        "requestedPermitsInLastMinute": "900",
    }
    assert refusal.headers == {
        "Retry-After": "37",  # 30 s to the next minute, then 900 has to fade to 800
        "retry-after-ms": "36668",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "100",
        "x-ratelimit-reset-tokens": "1m30s",
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": "1m30s",
    }
    assert "ada" not in refusal.message
    assert refusal.rule == "RATE_LIMIT"


@pytest.mark.parametrize(
    ("elapsed", "expected"), [(59.92, "80ms"), (59.0, "1s"), (48.0, "12s"), (47.75, "12.25s"), (0.0, "1m0s")], ids=str
)
def test_durations_read_as_openais_do(elapsed: float, expected: str) -> None:
    full = Standing(REQUESTS, 5, Count(5, 0), elapsed)
    assert exceeded(full, 5, (full,)).headers["x-ratelimit-reset-requests"] == expected


MONEY = PeriodBudget("PROJECT", "ri.a", MODEL, "month", "money", 5)
TOKENS_OF_ALL = PeriodBudget("USER", "ada", "", "day", "tokens", 5)
MIDNIGHT = datetime(2026, 11, 28, tzinfo=UTC)
RESETS = {"resetsAt": "2026-11-28T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("refusal", "name", "param", "rule", "setting", "parameters"),
    [
        pytest.param(
            denied(TOKENS), "model_permission_denied", "model", "RATE_LIMIT", "limits.user",
            {"languageModelRid": MODEL}, id="a limit of 0",
        ),
        pytest.param(
            over_budget(TOKENS_OF_ALL, MIDNIGHT), "budget_exceeded", "model", "BUDGET", "limits.budgets.user",
            {"budgetScope": "USER", "budgetType": "TOKENS", "budgetPeriod": "DAY", **RESETS},
            id="a budget of all models",
        ),
        pytest.param(
            over_budget(MONEY, MIDNIGHT), "budget_exceeded", "model", "BUDGET", "limits.budgets.project",
            {"budgetScope": "PROJECT", "budgetType": "MONEY", "budgetPeriod": "MONTH", "languageModelRid": MODEL}
            | RESETS,
            id="a budget of one model",
        ),
        pytest.param(
            unpriced(MODEL), "budget_exceeded", "model", "BUDGET", "prices, limits.budgets.unknown_price",
            {"languageModelRid": MODEL}, id="no price",
        ),
        pytest.param(
            crowded("CALLER", 7), "rate_limited", None, "CONCURRENCY", "limits.concurrency.per_caller",
            {"rateLimitType": "CONCURRENCY", "rateLimitScope": "CALLER"}, id="a caller's calls at a time",
        ),
        pytest.param(
            crowded("SIDECAR", 7), "rate_limited", None, "CONCURRENCY", "limits.concurrency.total",
            {"rateLimitType": "CONCURRENCY", "rateLimitScope": "SIDECAR"}, id="all calls at a time",
        ),
        pytest.param(
            unavailable("gone"), "limits_unavailable", None, "RATE_LIMIT", "limits.on_store_failure", {}, id="no store",
        ),
    ],
)  # fmt: skip
def test_what_decided_and_what_a_program_may_read(
    refusal: Refusal, name: str, param: str | None, rule: str, setting: str | None, parameters: dict[str, str]
) -> None:
    assert (refusal.name, refusal.param, refusal.rule, refusal.decided_by) == (name, param, rule, setting)
    assert refusal.parameters == parameters


@pytest.mark.parametrize(("level", "setting"), [("USER", "limits.user"), ("ENROLLMENT", "limits.enrollment")])
def test_the_setting_of_the_limit_is_named(level: Level, setting: str) -> None:
    full = Standing(REQUESTS._replace(level=level), 5, Count(5, 0), 0.0)
    assert exceeded(full, 5, (full,)).decided_by == setting


def test_no_at_all_is_nothing_to_try_again() -> None:
    refusal = denied(OTHERS)
    assert (refusal.kind.status, refusal.kind.final) == (403, True)
    assert refusal.parameters == {"languageModelRid": MODEL}
    assert (refusal.param, refusal.rule) == ("model", "RATE_LIMIT")


@pytest.mark.parametrize("scope", ["CALLER", "SIDECAR"])
def test_too_many_at_a_time(scope: str) -> None:
    refusal = crowded(scope, 7)
    assert refusal.kind.status == 429
    assert refusal.parameters == {"rateLimitType": "CONCURRENCY", "rateLimitScope": scope}
    assert refusal.headers == {"Retry-After": "1", "retry-after-ms": "1000"}
    assert refusal.message.startswith(f"This {scope.lower()} has 7 calls")
    assert refusal.rule == "CONCURRENCY"


def test_a_store_out_of_reach() -> None:
    refusal = unavailable("ConnectionError")
    assert (refusal.kind.status, refusal.kind.final) == (503, False)
    assert "ConnectionError" not in refusal.message


def test_where_a_caller_stands_is_told_of_its_tightest_meters() -> None:
    enrollment = OTHERS._replace(kind="TOKENS")
    permits = Permits(
        meters=(enrollment, OTHERS, TOKENS, REQUESTS),
        limits=(1_000_000, 100, 1000, 10),
        costs=(300, 1, 300, 1),
        previous=(0, 0, 0, 0),
        current=(999_999, 1, 300, 4),
        elapsed=30.0,
    )
    assert dict(standing_headers(permits)) == {
        "x-ratelimit-limit-tokens": "1000000",
        "x-ratelimit-remaining-tokens": "1",
        "x-ratelimit-reset-tokens": "1m30s",
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "6",
        "x-ratelimit-reset-requests": "1m30s",
    }


def test_of_meters_that_are_equally_tight_the_first_is_told() -> None:
    permits = Permits(meters=(OTHERS, REQUESTS), limits=(100, 10), costs=(1, 1), previous=(0, 0), current=(50, 5))
    assert dict(standing_headers(permits))["x-ratelimit-limit-requests"] == "100"


@pytest.mark.parametrize(
    "permits",
    [None, Permits(), Permits(unlimited=True), Permits(scope="CALLER", kind="CONCURRENCY", warned=True)],
    ids=["no limits", "nothing counted", "store away", "calls at a time alone"],
)
def test_where_nothing_was_counted_nothing_is_told(permits: Permits | None) -> None:
    assert standing_headers(permits) == ()


def test_a_meter_of_which_nothing_may_be_used() -> None:
    permits = Permits(meters=(REQUESTS,), limits=(0,), costs=(0,), previous=(0,), current=(0,), warned=True)
    assert dict(standing_headers(permits))["x-ratelimit-remaining-requests"] == "0"
