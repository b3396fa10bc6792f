"""When budgets begin and end, and how they are divided."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from addons.foundry.budgets import Period, PeriodBudget, begins, ends, share


@pytest.mark.parametrize(
    ("period", "day", "first", "over"),
    [
        ("day", date(2026, 11, 27), date(2026, 11, 27), datetime(2026, 11, 28, tzinfo=UTC)),
        ("day", date(2026, 12, 31), date(2026, 12, 31), datetime(2027, 1, 1, tzinfo=UTC)),
        ("week", date(2026, 11, 27), date(2026, 11, 23), datetime(2026, 11, 30, tzinfo=UTC)),
        ("week", date(2026, 11, 23), date(2026, 11, 23), datetime(2026, 11, 30, tzinfo=UTC)),
        ("week", date(2027, 1, 1), date(2026, 12, 28), datetime(2027, 1, 4, tzinfo=UTC)),
        ("month", date(2026, 12, 31), date(2026, 12, 1), datetime(2027, 1, 1, tzinfo=UTC)),
        ("month", date(2028, 2, 29), date(2028, 2, 1), datetime(2028, 3, 1, tzinfo=UTC)),
        ("month", date(2026, 1, 31), date(2026, 1, 1), datetime(2026, 2, 1, tzinfo=UTC)),
    ],
)
def test_periods(period: Period, day: date, first: date, over: datetime) -> None:
    assert begins(period, day) == first
    assert ends(period, day, ZoneInfo("UTC")) == over


def test_a_day_of_23_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert ends("day", date(2026, 3, 29), berlin).isoformat() == "2026-03-30T00:00:00+02:00"
    assert ends("day", date(2026, 3, 28), berlin).isoformat() == "2026-03-29T00:00:00+01:00"


@pytest.mark.parametrize(("amount", "number", "each"), [(10, 1, 10), (10, 3, 4), (9, 3, 3), (0, 5, 0), (1, 32, 1)])
def test_shares(amount: int, number: int, each: int) -> None:
    assert share(amount, number) == each
    assert each * number >= amount


def test_no_two_pots_share_a_counter() -> None:
    day = date(2026, 11, 1)
    budgets = [
        PeriodBudget("USER", "m:x", "", "day", "tokens", 1),
        PeriodBudget("USER", "x", "m", "day", "tokens", 1),
        PeriodBudget("USER", "x", "m", "month", "tokens", 1),
        PeriodBudget("PROJECT", "x", "m", "day", "tokens", 1),
        PeriodBudget("USER", "x", "m", "day", "money", 1),
    ]
    assert len({budget.key(day) for budget in budgets}) == len(budgets)
